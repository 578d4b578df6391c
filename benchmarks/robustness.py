"""What other cameras, light and framing cost: a run on photos as they are, and on the same photos changed.

    python benchmarks/robustness.py RUN FOLDER [--every 8]

Each change is one that a camera or its owner makes: the hand smaller, off the middle or turned; the light darker,
brighter, from one side or of another colour; no colour at all; a blurred, coarse or noisy picture. A row says how many
photos are still read right, the last row is the mean of all. FOLDER must not have been learnt from; photos of classes
that RUN does not know are left aside.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance

from fingerspell.core.preprocess import preprocess
from fingerspell.core.provenance import machine, now, versions
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.nets.model import Model
from fingerspell.lab.training.run import RunFolder

Change = Callable[[Image.Image], Image.Image]
BATCH = 100


def levels(values: np.ndarray) -> Image.Image:
    """(h, w, 3) numbers, 0–255, cut off there."""
    return Image.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8))


def times(*factors: float) -> Change:
    """Each channel times its factor; one factor for all of them."""
    return lambda photo: levels(np.asarray(photo, np.float32) * np.array(factors, np.float32))


def bent(gamma: float) -> Change:
    """Levels to a power."""
    return lambda photo: levels(255 * (np.asarray(photo, np.float32) / 255) ** gamma)


def from_one_side(photo: Image.Image) -> Image.Image:
    """Brighter on the left, dark on the right."""
    return levels(np.asarray(photo, np.float32) * np.linspace(1.6, 0.35, photo.width, dtype=np.float32)[None, :, None])


def smaller(factor: float) -> Change:
    """The photo in the middle of its own mirrored surroundings, `factor` times the side."""

    def change(photo: Image.Image) -> Image.Image:
        x, y = int(photo.width * (factor - 1) / 2), int(photo.height * (factor - 1) / 2)
        return Image.fromarray(np.pad(np.asarray(photo), ((y, y), (x, x), (0, 0)), mode="reflect"))

    return change


def closer(share: float) -> Change:
    """The middle of the photo alone."""

    def change(photo: Image.Image) -> Image.Image:
        x, y = int(photo.width * (1 - share) / 2), int(photo.height * (1 - share) / 2)
        return photo.crop((x, y, photo.width - x, photo.height - y))

    return change


def average(photo: Image.Image) -> tuple[int, ...]:
    """Its mean colour, for what lies beyond the edge."""
    return tuple(int(value) for value in np.asarray(photo).reshape(-1, 3).mean(axis=0))


def turned(degrees: float) -> Change:
    """Counter-clockwise."""
    return lambda photo: photo.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=average(photo))


def aside(right: float, down: float) -> Change:
    """Shifted by fractions of the sides."""

    def change(photo: Image.Image) -> Image.Image:
        matrix = (1, 0, -right * photo.width, 0, 1, -down * photo.height)
        return photo.transform(photo.size, Image.Transform.AFFINE, matrix, fillcolor=average(photo))

    return change


def coarse(side: int) -> Change:
    """With so many pixels along each side, enlarged again."""
    return lambda photo: photo.resize((side, side), Image.Resampling.BILINEAR).resize(
        photo.size, Image.Resampling.BILINEAR
    )


def compressed(quality: int) -> Change:
    """As JPEG of that quality."""

    def change(photo: Image.Image) -> Image.Image:
        data = io.BytesIO()
        photo.save(data, "JPEG", quality=quality)
        return Image.open(data).convert("RGB")

    return change


def noisy(amount: float) -> Change:
    """Normal noise of that deviation; the same for every photo of a size."""

    def change(photo: Image.Image) -> Image.Image:
        pixels = np.asarray(photo, np.float32)
        return levels(pixels + np.random.default_rng(0).normal(0, amount, pixels.shape))

    return change


def moving(share: float) -> Change:
    """Smeared sideways over that fraction of the width."""

    def change(photo: Image.Image) -> Image.Image:
        pixels, half = np.asarray(photo, np.float32), max(1, round(photo.width * share / 2))
        return levels(np.mean([np.roll(pixels, step, axis=1) for step in range(-half, half + 1)], axis=0))

    return change


CHANGES: dict[str, Change] = {
    "as it is": lambda photo: photo,
    "the hand smaller: 1.25 times the view": smaller(1.25),
    "1.5 times the view": smaller(1.5),
    "closer: 0.85 of the view": closer(0.85),
    "15% to the right": aside(0.15, 0),
    "15% to the left": aside(-0.15, 0),
    "15% down": aside(0, 0.15),
    "turned by 15°": turned(15),
    "turned by -15°": turned(-15),
    "turned by 25°": turned(25),
    "turned by -25°": turned(-25),
    "darker: gamma 2": bent(2),
    "lighter: gamma 0.5": bent(0.5),
    "three tenths of the light": times(0.3),
    "too bright: 1.8 times": times(1.8),
    "two fifths of the contrast": lambda photo: ImageEnhance.Contrast(photo).enhance(0.4),
    "light from one side": from_one_side,
    "warm light": times(1.3, 1, 0.6),
    "cold light": times(0.7, 1, 1.3),
    "without colour": lambda photo: photo.convert("L").convert("RGB"),
    "40 pixels": coarse(40),
    "28 pixels": coarse(28),
    "JPEG of quality 10": compressed(10),
    "noise of 25 levels": noisy(25),
    "smeared over 7%": moving(0.07),
    "stretched by 1.3": lambda photo: closer(0.77)(photo.resize((photo.width * 13 // 10, photo.height))).resize(
        photo.size
    ),
}


def main() -> None:
    """Change, answer, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=8, help="take one photo of so many")
    options = parser.parse_args()
    model = Model.load(RunFolder.open(options.run).require_weights())
    manifest = scan(options.folder)
    photos = [photo for photo in manifest.photos if photo.label in model.labels][:: options.every]
    truth = np.array([model.labels.index(photo.label) for photo in photos])
    pictures = [Image.open(manifest.root / photo.path).convert("RGB") for photo in photos]
    shares: dict[str, float] = {}
    print(f"{len(photos):,} photos of {options.folder.name}")
    for name, change in CHANGES.items():
        answers = []
        for start in range(0, len(pictures), BATCH):
            inputs = []
            for picture in pictures[start : start + BATCH]:
                data = io.BytesIO()
                change(picture).save(data, "PNG", compress_level=0)
                inputs.append(preprocess(data.getvalue(), model.preprocess))
            with torch.no_grad():
                answers.append(model.net(torch.from_numpy(np.stack(inputs))).argmax(dim=1).numpy())
        shares[name] = float(np.mean(np.concatenate(answers) == truth))
        print(f"{name:<40}{shares[name]:>8.1%}", flush=True)
    shares["mean of all"] = float(np.mean(list(shares.values())))
    print(f"{'mean of all':<40}{shares['mean of all']:>8.1%}")
    print(
        json.dumps(
            {
                "benchmark": "robustness",
                "photos": len(photos),
                "right": shares,
                "machine": machine(),
                "versions": versions(),
                "when": now(),
            }
        )
    )


if __name__ == "__main__":
    main()
