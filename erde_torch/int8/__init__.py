"""A trained network in 8 bits: stages quantised by ONNX Runtime, and what they answer."""
