"""From exit logits to tables: curves, thresholds, intervals, audits."""
