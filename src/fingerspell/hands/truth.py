"""What is known about rendered photos and frames, as tables: `labels.parquet` and its like."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fingerspell.core.durable import write_bytes
from fingerspell.hands.sample import LANDMARK_NAMES, Sample
from fingerspell.hands.workplace import Row

LANDMARKS = pa.list_(pa.float32(), 3 * len(LANDMARK_NAMES))
"""x, y, z of the 21 landmarks, one landmark after the other."""

BOX = pa.list_(pa.float32(), 4)

UNITS: dict[str, str] = {
    "landmarks": "x to the right and y downward in pixels, (0, 0) is the outer corner of the top left pixel; z in "
    "centimetres from the wrist, away from the camera; null without a hand",
    "box": "left, top, right, bottom in pixels, the hand without its forearm; null without a hand",
    "mask": "path of a picture of the same size: how much of each pixel the hand covers, 0–255",
    "signer": "number of the signer, from 0",
}


def shape_row(sample: Sample) -> Row:
    """Where the hand of a sample is: `landmarks` (63 numbers) and `box` (4), None without a hand."""
    landmarks, box = sample.landmarks, sample.box
    return {
        "landmarks": None if landmarks is None else [float(number) for number in landmarks.ravel()],
        "box": None if box is None else [float(edge) for edge in box],
    }


def write_table(
    path: Path, columns: Mapping[str, Any], rows: Iterable[Row], *, kind: str, plan: Mapping[str, Any]
) -> None:
    """Write rows as a Parquet file, atomically; the same rows give the same bytes.

    Args:
        path: the file.
        columns: name → Arrow type, in the order they are written; a name that ends in "?" may be null.
        rows: each with exactly these columns.
        kind: name and version of the table's format.
        plan: kept in the file's metadata, with the names of the landmarks and the units.
    """
    fields = [pa.field(name.rstrip("?"), its, nullable=name.endswith("?")) for name, its in columns.items()]
    told = {"format": kind, "plan": plan, "landmarks": LANDMARK_NAMES, "units": UNITS}
    metadata = {f"fingerspell.{key}": its if isinstance(its, str) else _json(its) for key, its in told.items()}
    table = pa.Table.from_pylist(list(rows), schema=pa.schema(fields, metadata=metadata))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    write_bytes(path, buffer.getvalue())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
