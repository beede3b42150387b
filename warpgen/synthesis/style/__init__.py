"""What people write like: chance, habits measured in their code, names and English words."""
