"""Plain networks that early exit must beat, and their names."""
