"""One family of networks a file; erde_torch/networks/table.py is the table of all."""
