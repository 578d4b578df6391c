"""A network that Keras trained, read from its file without running anything in it, as one of ours."""
