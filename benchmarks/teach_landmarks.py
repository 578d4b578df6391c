"""Let a hand detector say where the hand is in photos, for `fingerspell train --recipe hand --landmarks FILE`.

    python -m venv teacher && teacher/bin/pip install mediapipe==0.10.21 pyarrow==21.0.0
    teacher/bin/python benchmarks/teach_landmarks.py FOLDER… -o landmarks.parquet

MediaPipe Hands (Zhang et al. 2020, Apache-2.0) teaches at development time only: neither the package nor a bundle needs
it. It asks for an environment of its own, since it wants an old NumPy, and that an old pyarrow. Photos are looked at as
they are and, where nothing is found, with a wider border. A row a photo: sha256, path, landmarks (42 fractions of width
and height), box, handedness; null where no hand was found.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

SUFFIXES = {".jpg", ".jpeg", ".png"}
SMALLEST = 200  # pixels: smaller photos are enlarged
AROUND = 0.06  # of the hand's longer side, since landmarks lie inside the skin
# MediaPipe names hands as in a mirrored picture
HANDS = {"Left": "right", "Right": "left"}


def look(detector: Any, photo: np.ndarray, border: int) -> tuple[np.ndarray, str] | None:
    """(21, 2) fractions of the photo and the hand's name, or None. `border` pixels of the edge's colours go around."""
    height, width = photo.shape[:2]
    wide = np.pad(photo, ((border, border), (border, border), (0, 0)), mode="edge")
    found = detector.process(np.ascontiguousarray(wide))
    if not found.multi_hand_landmarks:
        return None
    places = np.array([[mark.x, mark.y] for mark in found.multi_hand_landmarks[0].landmark], np.float32)
    pixels = places * [wide.shape[1], wide.shape[0]] - border
    hand = HANDS[found.multi_handedness[0].classification[0].label]
    return (pixels / [width, height]).astype(np.float32), hand


def row(detector: Any, root: Path, path: Path) -> dict[str, Any]:
    """What is written of one photo."""
    data = path.read_bytes()
    known: dict[str, Any] = {"sha256": hashlib.sha256(data).hexdigest(), "path": path.relative_to(root).as_posix()}
    photo = Image.open(path).convert("RGB")
    if max(photo.size) < SMALLEST:
        factor = 256 / max(photo.size)
        photo = photo.resize((round(photo.width * factor), round(photo.height * factor)), Image.Resampling.BICUBIC)
    pixels = np.asarray(photo)
    found = look(detector, pixels, 0) or look(detector, pixels, max(pixels.shape) // 3)
    if found is None:
        return known | {"landmarks": None, "box": None, "handedness": None}
    landmarks, hand = found
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    margin = AROUND * float((high - low).max())
    box = [*(low - margin), *(high + margin)]
    return known | {"landmarks": landmarks.ravel().tolist(), "box": [float(x) for x in box], "handedness": hand}


def main() -> None:
    """Look at all photos and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--one-hand", choices=("right", "left"), help="all photos show this hand: nobody is asked")
    options = parser.parse_args()
    detector = mediapipe.solutions.hands.Hands(
        static_image_mode=True, max_num_hands=1, model_complexity=1, min_detection_confidence=0.3
    )
    rows, report, began = [], {}, time.monotonic()
    for folder in options.folders:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        some = [row(detector, folder, path) for path in paths]
        if options.one_hand:
            some = [its | {"handedness": its["handedness"] and options.one_hand} for its in some]
        found = sum(its["landmarks"] is not None for its in some) / max(len(some), 1)
        report[folder.name] = {"photos": len(some), "found": round(found, 4)}
        print(f"{folder.name}: {len(some):,} photos, a hand found in {found:.1%}")
        rows += some
    fields = [("sha256", pa.string()), ("path", pa.string()), ("landmarks", pa.list_(pa.float32()))]
    fields += [("box", pa.list_(pa.float32())), ("handedness", pa.string())]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(fields)), options.out, compression="zstd")
    print(json.dumps({"folders": report, "seconds": round(time.monotonic() - began, 1), "out": str(options.out)}))


if __name__ == "__main__":
    main()
