"""Frames in which the hand must be found first: drawn signs, small, somewhere in a grey room; and a finder of them."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from signed_clips import FPS, HOLD, REST, drawn_sign

SIDE = 170
"""Pixels of a sign's side in a frame of 640×480."""
PLACES = {"B": (20, 30), "A": (440, 60), "L": (300, 290)}
"""Left and top of each sign: none lies within the box that would be looked at otherwise."""
GREY = (96, 96, 96)


def warm_finder() -> bytes:
    """finder.onnx that needs no training: what is rather red than blue, as the chart's hands are, is the hand."""
    import torch

    from fingerspell.lab.finder.export import to_onnx
    from fingerspell.lab.finder.net import STRIDE, middles

    class Warm(torch.nn.Module):
        def forward(self, photos: torch.Tensor) -> torch.Tensor:
            there = photos[:, 0] - photos[:, 2] > 0.12  # (N, H, W)
            x = torch.arange(photos.shape[3], dtype=torch.float32)
            y = torch.arange(photos.shape[2], dtype=torch.float32)
            far = torch.tensor(1e4)
            columns, rows = there.any(dim=1), there.any(dim=2)  # (N, W), (N, H)
            left, right = torch.where(columns, x, far).amin(dim=1), torch.where(columns, x + 1, -far).amax(dim=1)
            top, bottom = torch.where(rows, y, far).amin(dim=1), torch.where(rows, y + 1, -far).amax(dim=1)
            left, right, top, bottom = (edge.reshape(-1, 1, 1) for edge in (left, right, top, bottom))
            across, down = middles(photos.shape[2] // STRIDE, photos.shape[3] // STRIDE)
            apart = torch.maximum((across - (left + right) / 2).abs(), (down - (top + bottom) / 2).abs())
            # a few warm pixels are noise
            sure = torch.where(there.float().mean(dim=(1, 2)) > 0.003, 3.0, -9.0).reshape(-1, 1, 1)
            logit = torch.where((apart <= STRIDE / 2) & (right > left), sure, torch.tensor(-9.0))
            edges = [
                across - left + 0 * down,
                down - top + 0 * across,
                right - across + 0 * down,
                bottom - down + 0 * across,
            ]
            return torch.cat([logit[:, None], torch.log(torch.stack(edges, dim=1).clamp(min=0.5) / 16)], dim=1)

    return to_onnx(Warm())


def with_finder(bundle: Path, out: Path) -> Path:
    """The bundle, with that finder."""
    from fingerspell.core.bundle import read_bundle, write_bundle

    read = read_bundle(bundle)
    about = {"input": [192, 192], "framing": 1.1, "score": 0.5, "about": "what is rather red than blue"}
    card = {**read.card, "finder": about}
    return write_bundle(out, model=read.model, card=card, golden=read.golden, finder=warm_finder())


def room(letter: str | None, number: int = 0) -> Image.Image:
    """A frame with the letter's sign in its place, or without any."""
    frame = Image.new("RGB", (640, 480), GREY)
    if letter is not None:
        frame.paste(drawn_sign(letter, number).resize((SIDE, SIDE), Image.Resampling.BILINEAR), PLACES[letter])
    return frame


def certain_rooms(bundle: Path, letters: str) -> dict[str, Image.Image]:
    """A frame of each letter that the bundle names rightly in Python: the page is tested, not the recogniser."""
    from fingerspell.core.bundle import read_bundle
    from fingerspell.live.finding.finder import HandFinder
    from fingerspell.live.recognizer import Recognizer

    recognizer, finder = Recognizer(bundle, threads=1), HandFinder(read_bundle(bundle), threads=1)

    def certain(letter: str) -> Image.Image:
        for number in itertools.islice(itertools.count(1001), 60):
            frame = room(letter, number)
            seen = finder.find(np.asarray(frame))
            prediction = recognizer.predict(finder.cropped(np.asarray(frame)))
            if seen is not None and prediction.label == letter and prediction.probability > 0.8:
                return frame
        raise AssertionError(f"the bundle names no frame with {letter} rightly")

    return {letter: certain(letter) for letter in set(letters)}


def sequence(rooms: dict[str, Image.Image], word: str) -> list[Image.Image]:
    """Each letter is held still in its place, with nobody there before, between and after; 30 frames a second."""
    empty = [room(None)] * round(REST * FPS)
    return empty + [frame for letter in word for frame in [rooms[letter]] * round(HOLD * FPS) + empty]


def write(frames: list[Image.Image], path: Path) -> Path:
    """A clip that Chromium takes for a camera."""
    made: dict[int, bytes] = {}
    for frame in frames:
        if id(frame) not in made:
            buffer = io.BytesIO()
            frame.save(buffer, "JPEG", quality=92)
            made[id(frame)] = buffer.getvalue()
    path.write_bytes(b"".join(made[id(frame)] for frame in frames))
    return path


def read_in_python(bundle: Path, frames: list[NDArray[np.uint8]]) -> str:
    """What `fingerspell camera` would read in these frames."""
    from fingerspell.live.frames.frame import Frame
    from fingerspell.live.reader import Reader
    from fingerspell.live.recognizer import Recognizer

    reader = Reader(Recognizer(bundle, threads=1), find=True)
    for number, pixels in enumerate(frames):
        reader.read(Frame(number / FPS, pixels))
    reader.finish()
    return reader.text
