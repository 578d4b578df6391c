"""Decoders and Albumentations at work; contenders of benchmarks/input.py (see benchmarks/measuring.py).

    .venv-peers/bin/python benchmarks/peers/input_others.py PHOTOS pillow|opencv|simplejpeg|albumentations

Each works in one thread. Decoders read the files anew each round; Albumentations has the photos in memory.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from measuring import serve

SIDE = 200


def pillow() -> Callable[[bytes], Any]:
    from PIL import Image

    return lambda data: np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def opencv() -> Callable[[bytes], Any]:
    import cv2

    cv2.setNumThreads(1)
    return lambda data: cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def simplejpeg() -> Callable[[bytes], Any]:
    import simplejpeg as library

    decode: Callable[[bytes], Any] = library.decode_jpeg
    return decode


def albumentations() -> Callable[[Any], Any]:
    """Policy B as Albumentations has it: mirrored, one affine map, brightness, normalised."""
    import albumentations as library
    import cv2

    cv2.setNumThreads(1)
    part = (-0.2, 0.2)
    move = {"translate_percent": {"x": part, "y": part}, "scale": {"x": (0.8, 1.2), "y": (0.8, 1.2)}}
    changes = library.Compose(
        [
            library.HorizontalFlip(p=0.5),
            library.Affine(rotate=(-20, 20), **move, border_mode=cv2.BORDER_REPLICATE, p=1),
            library.RandomBrightnessContrast(part, 0, brightness_by_max=False, p=1),
            library.Normalize((0, 0, 0), (1, 1, 1), p=1),
        ]
    )
    return lambda photo: changes(image=photo)["image"]


def main() -> None:
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    files = sorted(folder.rglob("*.*"))
    if kind == "albumentations":
        change, decode = albumentations(), opencv()
        photos = [decode(file.read_bytes()) for file in files]

        def work() -> int:
            for first in range(0, len(photos), 32):
                np.stack([change(photo) for photo in photos[first : first + 32]])
            return len(photos)
    else:
        decode = {"pillow": pillow, "opencv": opencv, "simplejpeg": simplejpeg}[kind]()

        def work() -> int:
            for file in files:
                decode(file.read_bytes())
            return len(files)

    work()

    def once() -> dict[str, Any]:
        start = time.perf_counter()
        units = work()
        return {"seconds": time.perf_counter() - start, "units": units}

    serve(once)


if __name__ == "__main__":
    main()
