"""Keras on its torch backend, and the modules that lie beside these tests."""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"  # before Keras is imported, or it looks for TensorFlow
sys.path.insert(0, str(Path(__file__).parent))
