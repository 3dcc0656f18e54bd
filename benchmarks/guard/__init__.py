"""What the guard sees, and what it costs."""
