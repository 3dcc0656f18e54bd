"""How a stage runs as a job: held by one process, on its GPU, cut off and taken up again."""
