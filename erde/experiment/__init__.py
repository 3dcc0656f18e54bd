"""The experiment file: its keys, its errors, its variants and their names."""
