"""What people touch, and what runs it: everything but running/ works without PyTorch."""
