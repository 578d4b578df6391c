"""A few hands drawn by hand, rooms of one colour, and a folder as `fingerspell data synth` makes it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fingerspell.lab.finder.cutouts import Cutouts, rendered_cutouts
from fingerspell.lab.finder.frames import Stock

SKIN = (200, 150, 120)
PHOTO = 96


def landmarks() -> np.ndarray:
    """(21, 3): a hand in a photo of 96 pixels, upright: its wrist at (48, 78), its fingers' tips at y = 22."""
    points = [(48.0, 78.0)]
    for finger, x in enumerate((28, 38, 46, 54, 62)):
        points += [
            (x + (48 - x) * share, 78 - (56 - 14 * (finger == 0)) * (1 - share)) for share in (0.5, 0.33, 0.17, 0)
        ]
    return np.array([(*point, 0.0) for point in points], np.float32)


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """A photo of that hand with a forearm that leaves at the bottom, and its mask."""
    mask = np.zeros((PHOTO, PHOTO), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(landmarks()[:, :2]).astype(np.int32)), 255)
    mask[70:, 40:57] = 255
    photo = np.full((PHOTO, PHOTO, 3), (20, 90, 40), np.uint8)
    photo[mask > 0] = SKIN
    return photo, mask


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve rendered signers, one of whose hands is cut by the photo's edge, and of one empty photo."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    folder = tmp_path_factory.mktemp("rendered")
    photo, mask = drawn()
    rows = []
    for number in range(13):
        label = "nothing" if number == 12 else "AB"[number % 2]
        (folder / "masks").mkdir(exist_ok=True)
        tint = np.clip(photo.astype(int) - 8 * number, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), tint[:, :, ::-1])
        cv2.imwrite(str(folder / f"masks/{number}.png"), mask if number < 12 else mask * 0)
        box = [27.0, 21.0, 65.0, 79.0] if number else [0.0, 21.0, 65.0, 79.0]
        rows.append(
            {
                "path": f"{number}.png",
                "mask": f"masks/{number}.png",
                "label": label,
                "signer": number,
                "landmarks": None if number == 12 else landmarks().ravel().tolist(),
                "box": None if number == 12 else box,
            }
        )
    pq.write_table(pa.Table.from_pylist(rows), folder / "labels.parquet")
    return folder


@pytest.fixture(scope="session")
def hands(rendered: Path) -> Cutouts:
    return rendered_cutouts(rendered)


@pytest.fixture
def stock(hands: Cutouts) -> Stock:
    """Those hands before plain rooms of two colours."""
    scenes = np.full((4, 96, 128, 3), 90, np.uint8)
    scenes[2:] = (30, 60, 140)
    return Stock(scenes, hands)


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """photos(each) → a folder of photos (A with a hand, `nothing` without) and the detector's file about them."""

    def make(each: int = 10, name: str = "photos") -> tuple[Path, Path]:
        folder, photo = tmp_path / name, drawn()[0]
        marks = (landmarks()[:, :2] / PHOTO).astype(np.float32).ravel().tolist()
        box, rows = [27 / PHOTO, 21 / PHOTO, 65 / PHOTO, 79 / PHOTO], []
        for label in ("A", "nothing"):
            (folder / label).mkdir(parents=True)
            for number in range(each):
                path, hand = folder / label / f"{label}{number}.png", label == "A"
                picture = photo.copy() if hand else np.full((PHOTO, PHOTO, 3), 50 + number, np.uint8)
                picture[0, 0] = number  # no two alike, as photos are known by their content
                cv2.imwrite(str(path), picture[:, :, ::-1])
                known = {"landmarks": marks, "box": box} if hand else {"landmarks": None, "box": None}
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                rows.append({"sha256": digest, "handedness": "right" if hand else None, **known})
        file = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), file)
        return folder, file

    return make
