"""What an export holds of each kernel."""
