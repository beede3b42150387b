"""How an algorithm is written down: its text with choices, its arguments, and the proof of what it says."""
