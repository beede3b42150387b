"""One dataset made in parts by machines that know nothing of each other, and joined."""
