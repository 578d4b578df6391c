"""Where the hand is in training photos, and which hand it is: known of rendered photos, taught for real ones.

Rendered folders bring `labels.parquet`. For other photos a landmarks file may be given: a Parquet table with a row a
photo, found by the SHA-256 of the photo's bytes, so that it fits the photo wherever it lies. A detector writes such a
file when a recogniser is developed; see benchmarks/teach_landmarks.py. Photos that no table knows are learnt from by
their label alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError, MissingExtraError
from fingerspell.lab.data.manifest import Manifest, Photo

LANDMARKS = 21
RENDERED_TABLE = "labels.parquet"
UNKNOWN, RIGHT, LEFT = -1, 0, 1
_COLUMNS = ("sha256", "landmarks", "box", "handedness")


@dataclass(frozen=True, eq=False)
class Shapes:
    """What is known about the hands of N photos.

    Attributes:
        landmarks: (N, 21, 2) float32, x and y as fractions of width and height, from the top left corner, in the order
            of MediaPipe Hands; NaN where unknown.
        boxes: (N, 4) float32, left, top, right, bottom of the hand without its forearm, as fractions; NaN where
            unknown.
        hands: (N,) int8: 0 a right hand, 1 a left one, -1 unknown.
    """

    landmarks: NDArray[np.float32]
    boxes: NDArray[np.float32]
    hands: NDArray[np.int8]

    @classmethod
    def unknown(cls, count: int) -> Shapes:
        """Of `count` photos nothing is known."""
        return cls(
            np.full((count, LANDMARKS, 2), np.nan, np.float32),
            np.full((count, 4), np.nan, np.float32),
            np.full(count, UNKNOWN, np.int8),
        )

    @property
    def known(self) -> int:
        """Of how many photos the landmarks are known."""
        return int(np.isfinite(self.landmarks[:, 0, 0]).sum())

    def of(self, rows: NDArray[np.integer[Any]]) -> Shapes:
        """Those of some photos."""
        return Shapes(self.landmarks[rows], self.boxes[rows], self.hands[rows])

    def save(self, path: Path) -> None:
        """Write them as one file that `load` reads."""
        with path.open("wb") as file:
            np.savez(file, landmarks=self.landmarks, boxes=self.boxes, hands=self.hands)

    @classmethod
    def load(cls, path: Path) -> Shapes:
        """Read what `save` wrote. Raises DataError if it is not that."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(arrays["landmarks"], arrays["boxes"], arrays["hands"])
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise DataError(
                f"{path} cannot be read: {error}", expected="the shapes that this run began with", remedy="train again"
            ) from error


def shapes_of(folders: Sequence[tuple[Manifest, Sequence[Photo]]], files: Sequence[Path]) -> Shapes:
    """Collect what is known about photos.

    Args:
        folders: each folder with those of its photos that are asked about.
        files: landmarks files; a later one is believed before an earlier one.

    Returns:
        Shapes of all photos, folder after folder.

    Raises:
        DataError: a table is damaged or of another kind.
        MissingExtraError: pyarrow, which reads tables, is not installed.
    """
    taught: dict[str, Mapping[str, Any]] = {}
    for file in files:
        taught |= {str(row["sha256"]): row for row in _rows(file, _COLUMNS)}
    shapes = Shapes.unknown(sum(len(photos) for _, photos in folders))
    place = 0
    for manifest, photos in folders:
        table = manifest.root / RENDERED_TABLE
        rendered = {str(row["path"]): row for row in _rendered_rows(table)} if table.is_file() else {}
        for photo in photos:
            row = taught.get(photo.sha256) or rendered.get(photo.path)
            if row is not None:
                _put(shapes, place, row, files if photo.sha256 in taught else [table])
            place += 1
    return shapes


def _put(shapes: Shapes, place: int, row: Mapping[str, Any], source: object) -> None:
    hand = {"right": RIGHT, "left": LEFT}.get(row["handedness"] or "", UNKNOWN)
    shapes.hands[place] = hand
    if row["landmarks"] is None or row["box"] is None:
        return
    landmarks, box = np.asarray(row["landmarks"], np.float32), np.asarray(row["box"], np.float32)
    if landmarks.shape != (2 * LANDMARKS,) or box.shape != (4,) or not np.isfinite(landmarks).all():
        raise DataError(
            f"{source} gives {len(landmarks)} numbers for landmarks and {len(box)} for a box",
            expected=f"{2 * LANDMARKS} and 4 finite numbers",
        )
    shapes.landmarks[place] = landmarks.reshape(LANDMARKS, 2)
    shapes.boxes[place] = box


def _rendered_rows(table: Path) -> Iterable[dict[str, Any]]:
    """The rows of a rendered folder's table, in fractions instead of pixels."""
    for row in _rows(table, ("path", "landmarks", "box", "handedness", "width", "height")):
        size = np.array([row["width"], row["height"]], np.float32)
        known = row["landmarks"] is not None
        landmarks = (np.reshape(row["landmarks"], (LANDMARKS, 3))[:, :2] / size).ravel() if known else None
        box = np.asarray(row["box"], np.float32) / np.tile(size, 2) if row["box"] is not None else None
        yield {"path": row["path"], "handedness": row["handedness"], "landmarks": landmarks, "box": box}


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError("pyarrow", "hands") from error
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, columns=list(columns)).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path} cannot be read as a table of landmarks: {str(error).splitlines()[0]}",
            expected=f"a Parquet file with the columns {', '.join(columns)}",
            remedy="check the path; rendered folders bring theirs along",
        ) from error
    if rows and set(rows[0]) < set(columns):
        missing = ", ".join(sorted(set(columns) - set(rows[0])))
        raise DataError(f"{path} has no column {missing}", expected=f"the columns {', '.join(columns)}")
    return rows
