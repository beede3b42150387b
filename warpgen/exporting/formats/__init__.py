"""How an export is written: data files, and the pages that describe them."""
