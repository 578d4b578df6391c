"""The ground floor: alphabet, preprocessing, scores, provenance and the bundle format. NumPy and Pillow only."""
