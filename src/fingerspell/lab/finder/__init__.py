"""The finder of hands: whole frames are composed, a small network learns them, and becomes one ONNX file."""
