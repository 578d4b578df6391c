"""The order in which Keras's `flow_from_directory` finds the photos of a folder."""

from __future__ import annotations

from collections.abc import Sequence

from fingerspell.lab.data.manifest import Photo


def keras_walk(photos: Sequence[Photo]) -> list[int]:
    """Positions of the photos in Keras's order: by class folder, then subfolder, then file name, each by code point.

    A folder's own files come before those of its subfolders, whatever these are called. A flat folder, which Keras does
    not read, is taken in the order of its names.
    """

    def place(index: int) -> tuple[str, str, str]:
        folder, _, name = photos[index].path.rpartition("/")
        return photos[index].path.partition("/")[0], folder, name

    return sorted(range(len(photos)), key=place)
