"""What motifs are written with: statements, literals, calls, arrays, requests, all behind `Kit`."""
