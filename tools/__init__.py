"""What keeps the project in order: run by those who change it, and by its tests."""
