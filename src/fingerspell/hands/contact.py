"""Many rendered photos in one picture, and landmarks drawn over a photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]

FINGER_COLOURS: tuple[tuple[int, int, int], ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (213, 94, 0),
    (204, 121, 167),
)
"""Thumb, index, middle, ring, pinky: five colours of Okabe and Ito's palette, which colour-blind people tell apart."""

PALM_COLOUR = (245, 245, 245)

_PALM = ((0, 1), (0, 5), (5, 9), (9, 13), (13, 17), (0, 17))
_FINGERS = tuple(
    (finger, (first + step, first + step + 1)) for finger, first in enumerate(range(1, 21, 4)) for step in range(3)
)
_BONES = (*((PALM_COLOUR, bone) for bone in _PALM), *((FINGER_COLOURS[finger], bone) for finger, bone in _FINGERS))
_FINE = 4  # drawn this many times larger, then reduced: smooth lines on small photos

_PAPER, _INK = (250, 250, 248), (32, 33, 36)
_GAP, _MARGIN, _BETWEEN = 4, 16, 20


def draw_landmarks(pixels: Pixels, landmarks: NDArray[np.float32] | None) -> Pixels:
    """A copy of a photo with the hand's bones drawn over it, coloured by finger, the nearer over the farther.

    Args:
        pixels: (height, width, 3) uint8.
        landmarks: (21, 3), as in a Sample; None draws nothing.

    Returns:
        (height, width, 3) uint8.
    """
    if landmarks is None:
        return pixels.copy()
    height, width = pixels.shape[:2]
    thick = max(1.0, min(height, width) / 120) * _FINE
    # Pillow counts from the centre of the first pixel, landmarks from its outer corner
    points = [(float(x) * _FINE - 0.5, float(y) * _FINE - 0.5) for x, y in landmarks[:, :2]]
    fine = Image.fromarray(pixels).resize((width * _FINE, height * _FINE), Image.Resampling.BICUBIC)
    drawn = fine.copy()
    pen = ImageDraw.Draw(drawn)
    for colour, bone in sorted(_BONES, key=lambda each: -float(landmarks[list(each[1]), 2].mean())):
        _draw_bone(pen, points[bone[0]], points[bone[1]], colour, thick)
    _dot(pen, points[0], PALM_COLOUR, thick * 1.5)
    changed = np.any(np.asarray(drawn) != np.asarray(fine), axis=-1).astype(np.uint8) * 255
    cover = Image.fromarray(changed).resize((width, height), Image.Resampling.BOX)
    return np.asarray(
        Image.composite(drawn.resize((width, height), Image.Resampling.BOX), Image.fromarray(pixels), cover)
    )


def _draw_bone(
    pen: ImageDraw.ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: tuple[int, int, int],
    thick: float,
) -> None:
    pen.line([start, end], fill=_INK, width=round(thick * 2))
    pen.line([start, end], fill=colour, width=round(thick * 1.2))
    for point in (start, end):
        _dot(pen, point, colour, thick * 1.5)


def _dot(pen: ImageDraw.ImageDraw, centre: tuple[float, float], colour: tuple[int, int, int], radius: float) -> None:
    x, y = centre
    edge = radius + _FINE / 2
    pen.ellipse((x - edge, y - edge, x + edge, y + edge), fill=_INK)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def contact_sheet(rows: Sequence[tuple[str, Sequence[Pixels]]], columns: int, cell: int) -> Image.Image:
    """A sheet with one row of pictures for each class, its name before it.

    Args:
        rows: (name, pictures of (height, width, 3) uint8) each; pictures beyond `columns` are left out.
        columns: pictures in a row, at least 1.
        cell: side of the square that each picture is fitted into, pixels.

    Returns:
        An RGB picture.
    """
    return grouped_sheet(("",), [(name, (pictures,)) for name, pictures in rows], columns, cell)


def grouped_sheet(
    groups: Sequence[str], rows: Sequence[tuple[str, Sequence[Sequence[Pixels]]]], columns: int, cell: int
) -> Image.Image:
    """A sheet whose rows are classes and whose columns stand in groups, such as one group for each of some folders.

    Args:
        groups: what stands above each group of columns; too long a name loses its middle.
        rows: (name, for each group its pictures of (height, width, 3) uint8) each; pictures beyond `columns` are left
            out, and where there are fewer, the rest of the group stays empty.
        columns: pictures in a row of a group, at least 1.
        cell: side of the square that each picture is fitted into, pixels.

    Returns:
        An RGB picture.
    """
    height = max(10.0, cell / 4)
    font = ImageFont.load_default(size=height)
    margin = _MARGIN + round(max((font.getlength(name) for name, _ in rows), default=0.0)) + _MARGIN
    step = cell + _GAP
    wide = columns * step - _GAP
    head = _MARGIN + (round(1.5 * height) if any(groups) else 0)
    width = margin + len(groups) * (wide + _BETWEEN) - _BETWEEN + _MARGIN
    sheet = Image.new("RGB", (width, max(head + len(rows) * step - _GAP, _MARGIN) + _MARGIN), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for row, (name, _) in enumerate(rows):
        pen.text((margin - _MARGIN, head + row * step + cell / 2), name, fill=_INK, font=font, anchor="rm")
    for group, title in enumerate(groups):
        left = margin + group * (wide + _BETWEEN)
        pen.text((left, _MARGIN + 0.5 * height), _fitted(title, font, wide), fill=_INK, font=font, anchor="lm")
        for row, (_, pictures) in enumerate(rows):
            for column, pixels in enumerate(pictures[group][:columns]):
                _place(sheet, pixels, left + column * step, head + row * step, cell)
    return sheet


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """The text, or as much of its beginning and end as there is room for."""
    kept = len(text)
    shown = text
    while kept and font.getlength(shown) > width:
        kept -= 1
        shown = text[: kept // 2] + "…" + text[len(text) - (kept - kept // 2) :]
    return shown


def _place(sheet: Image.Image, pixels: Pixels, left: int, top: int, cell: int) -> None:
    """Fit a picture into its cell, in the middle, unstretched."""
    picture = Image.fromarray(pixels)
    scale = cell / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    sheet.paste(picture, (left + (cell - size[0]) // 2, top + (cell - size[1]) // 2))
