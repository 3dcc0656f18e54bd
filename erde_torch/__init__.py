"""Everything that needs PyTorch, checked against ``erde_core``; importing it imports no torch."""
