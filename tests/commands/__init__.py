"""The commands and scripts as a person calls them."""
