"""A finder that needs no training: what is colourful is the hand. It runs as a real one does, in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

GREY = 128
COLOURS = {"A": (30, 200, 100), "B": (80, 160, 100), "J": (130, 120, 100), "nothing": (180, 80, 100)}
"""What the tiny bundle takes for these labels; J's colour is so faint that the finder is unsure."""


@pytest.fixture(scope="session")
def colour_finder() -> bytes:
    """finder.onnx whose box goes around all colourful pixels; the more colour, the surer it is."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from fingerspell.lab.finder.export import to_onnx
    from fingerspell.lab.finder.net import STRIDE, middles

    class Colourful(torch.nn.Module):
        def forward(self, photos: torch.Tensor) -> torch.Tensor:
            colour = photos.amax(dim=1) - photos.amin(dim=1)  # (N, H, W)
            there = colour > 0.1
            x = torch.arange(photos.shape[3], dtype=torch.float32)
            y = torch.arange(photos.shape[2], dtype=torch.float32)
            far = torch.tensor(1e4)
            columns, rows = there.any(dim=1), there.any(dim=2)  # (N, W), (N, H)
            left, right = torch.where(columns, x, far).amin(dim=1), torch.where(columns, x + 1, -far).amax(dim=1)
            top, bottom = torch.where(rows, y, far).amin(dim=1), torch.where(rows, y + 1, -far).amax(dim=1)
            left, right, top, bottom = (edge.reshape(-1, 1, 1) for edge in (left, right, top, bottom))
            across, down = middles(
                torch.div(photos.shape[2], STRIDE, rounding_mode="floor")
                if torch.is_tensor(photos.shape[2])
                else photos.shape[2] // STRIDE,
                photos.shape[3] // STRIDE,
            )
            apart = torch.maximum((across - (left + right) / 2).abs(), (down - (top + bottom) / 2).abs())
            sure = 12 * colour.amax(dim=(1, 2)).reshape(-1, 1, 1) - 3
            logit = torch.where((apart <= STRIDE / 2) & (right > left), sure, torch.tensor(-9.0))
            edges = torch.stack(
                [
                    across - left + 0 * down,
                    down - top + 0 * across,
                    right - across + 0 * down,
                    bottom - down + 0 * across,
                ],
                dim=1,
            )
            return torch.cat([logit[:, None], torch.log(edges.clamp(min=0.5) / 16)], dim=1)

    return to_onnx(Colourful())


@pytest.fixture(scope="session")
def finding_bundle(tiny_bundle: Path, colour_finder: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle with that finder, which frames tightly: the tiny network tells mean colours. Do not change it."""
    from fingerspell.core.bundle import read_bundle, write_bundle

    bundle = read_bundle(tiny_bundle)
    about = {"input": [192, 192], "framing": 1.1, "score": 0.6, "about": "what is colourful"}
    place = tmp_path_factory.mktemp("finding") / "finding.bundle"
    return write_bundle(
        place, model=bundle.model, card={**bundle.card, "finder": about}, golden=bundle.golden, finder=colour_finder
    )


@pytest.fixture(scope="session")
def scene() -> Callable[..., NDArray[np.uint8]]:
    """scene(label, left, top, side) → a grey frame with a square in the label's colour; no label, no square."""

    def draw(
        label: str | None, left: int = 60, top: int = 40, side: int = 60, height: int = 240, width: int = 320
    ) -> NDArray[np.uint8]:
        frame = np.full((height, width, 3), GREY, np.uint8)
        if label is not None:
            frame[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = COLOURS[label]
        return frame

    return draw
