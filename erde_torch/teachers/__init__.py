"""Teachers that exist already: a file of weights, an ONNX graph, or answers alone."""
