"""GPUs of its own for each process on a machine."""
