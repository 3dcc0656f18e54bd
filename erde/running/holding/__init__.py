"""One writer per folder: the lock, the lease behind it, and who holds them."""
