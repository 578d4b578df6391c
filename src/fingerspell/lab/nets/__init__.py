"""The networks: shared blocks, one file per family, one registry."""
