"""What tests share: datasets, programs, sessions, servers, and ways to disturb them."""
