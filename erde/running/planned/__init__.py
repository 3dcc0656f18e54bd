"""What a run planned, handed to its jobs: each holds it against what it finds when it starts."""
