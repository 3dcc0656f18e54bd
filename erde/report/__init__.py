"""The report of an experiment: one HTML file that works without network."""
