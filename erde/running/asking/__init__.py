"""What only PyTorch or ONNX can tell of an experiment, and the teacher that is there already."""
