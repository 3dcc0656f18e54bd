"""What only a GPU shows: for `benchmarks.gpu_report`."""
