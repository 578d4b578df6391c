"""The floor that uses a bundle: ONNX Runtime, no torch."""
