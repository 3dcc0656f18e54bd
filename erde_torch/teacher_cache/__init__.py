"""The teacher's answers to every view: filled, checked and read."""
