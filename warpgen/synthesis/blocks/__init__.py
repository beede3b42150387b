"""What categories are built of: motifs, functions, structs, rows, queries, tiles."""
