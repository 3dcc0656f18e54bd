"""How a job runs: held by one process, on its GPU, cut off and taken up again."""
