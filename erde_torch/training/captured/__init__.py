"""The step of a training as one CUDA graph, held to the uncaptured step."""
