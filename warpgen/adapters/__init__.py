"""The judge in the words of the libraries that train models: each file needs its library, an extra."""
