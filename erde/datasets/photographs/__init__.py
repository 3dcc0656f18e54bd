"""One's own photographs: which there are, what is odd about them, and their pixels as a file."""
