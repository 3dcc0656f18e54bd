"""The driver, the lists and the experiments of docs/results; a separate program, not shipped."""
