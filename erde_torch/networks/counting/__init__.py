"""Multiply-accumulates, operation by operation; what nobody can count is refused by name."""
