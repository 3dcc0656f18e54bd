"""The pictures of docs/results, from the CSVs beside them."""
