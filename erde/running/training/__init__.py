"""A training as a job: in this process, or in several that torchrun starts."""
