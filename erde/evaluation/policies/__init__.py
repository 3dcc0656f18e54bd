"""Which exit policy: every score, with one θ or one per exit, for the same budgets."""
