"""The command line: the only place that knows both `lab` and `live`."""
