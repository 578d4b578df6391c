"""Photos of hand signs → a trained, honestly measured recogniser of the ASL alphabet → text.

Three floors: `core` (NumPy and Pillow only), `lab` (makes a bundle, PyTorch) beside `live` (uses one, ONNX
Runtime), and `cli` above both.
"""

__version__ = "0.1.0"
