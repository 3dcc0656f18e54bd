"""What tables and intervals cost."""
