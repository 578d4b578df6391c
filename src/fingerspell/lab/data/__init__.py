"""From a folder of photos to arrays: manifest, audit, split, cache."""
