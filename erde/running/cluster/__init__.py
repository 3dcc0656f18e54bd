"""What jobs need, and whether a cluster has it."""
