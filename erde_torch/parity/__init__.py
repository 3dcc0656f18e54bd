"""Every implementation of the loss against the reference."""
