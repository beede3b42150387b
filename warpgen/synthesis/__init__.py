"""What programs are about, and how they are written."""
