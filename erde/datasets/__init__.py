"""Image data sets as plain uint8 arrays; only the downloads need PyTorch."""
