"""What a bundle's card must say before the bundle is used: its format, labels, preprocessing, and of its finder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fingerspell.core.errors import BundleError, DataError
from fingerspell.core.onnx_file import require_self_contained
from fingerspell.core.preprocess import PreprocessSpec

FORMAT_NAME = "fingerspell-bundle"
FORMAT_VERSION = 2
"""The version that is written."""
FORMATS_READ = (1, 2)
FORMAT = f"{FORMAT_NAME}/{FORMAT_VERSION}"

AGAIN = "copy the whole bundle again, or make it again with 'fingerspell export'"
"""The remedy for a bundle that is damaged."""


def require_format(path: Path, card: Mapping[str, Any]) -> int:
    """Version of the bundle's format. Raises BundleError where it is not one that is read."""
    name, _, version = str(card.get("format", "")).partition("/")
    ours = name == FORMAT_NAME and version.isdecimal()
    if ours and int(version) > FORMAT_VERSION:
        raise BundleError(
            f"{path} has the bundle format {version}",
            expected=f"format {FORMAT_VERSION} or older",
            remedy="update fingerspell: pip install --upgrade fingerspell",
        )
    if not ours or int(version) not in FORMATS_READ or version != str(int(version)):
        raise BundleError(
            f"{path} is not a bundle of ours: its card's format is {card.get('format')!r}",
            expected=repr(FORMAT),
            remedy="check the path",
        )
    return int(version)


def require_finder(finder: bytes | None, card: Mapping[str, Any]) -> None:
    """Refuse a finder that the card says nothing of, and a card that tells of a finder that is not there.

    Raises:
        BundleError: one without the other, a finder that is no whole ONNX file, or a card that makes no sense.
    """
    about = card.get("finder")
    if (finder is None) != (about is None):
        there = "the bundle has finder.onnx, but its card says nothing of it"
        absent = "the bundle's card tells of a finder, but there is no finder.onnx"
        raise BundleError(absent if finder is None else there, expected="both or neither", remedy=AGAIN)
    if finder is None or about is None:
        return
    require_self_contained(finder, "finder.onnx")
    if not (isinstance(about, dict) and _is_finder_card(about)):
        raise BundleError(
            f"card.json tells of the finder what makes no sense: {str(about)[:120]}",
            expected="input [height, width] in pixels, framing ≥ 1, score 0–1",
            remedy=AGAIN,
        )


def _is_finder_card(about: Mapping[str, Any]) -> bool:
    size, framing, score = about.get("input"), about.get("framing"), about.get("score")
    sides = isinstance(size, list) and len(size) == 2 and all(type(side) is int and 8 <= side <= 4096 for side in size)
    return sides and _between(framing, 1, 10) and _between(score, 0, 1)


def _between(value: Any, low: float, high: float) -> bool:
    """Whether a JSON value is a number within bounds; NaN and true are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def labels_and_preprocess(card: Mapping[str, Any]) -> tuple[tuple[str, ...], PreprocessSpec]:
    """Names of the outputs, in order, and what the graph does to a photo. Raises BundleError where they are amiss."""
    labels = card.get("labels")
    if not isinstance(labels, list) or len(labels) < 2 or not all(isinstance(x, str) and x for x in labels):
        raise BundleError("card.json gives no labels", expected="a list of at least 2 names", remedy=AGAIN)
    if len(set(labels)) != len(labels):
        raise BundleError("card.json gives a label twice", expected="each label once", remedy=AGAIN)
    try:
        return tuple(labels), PreprocessSpec.from_dict(card.get("preprocess", {}))
    except DataError as error:
        raise BundleError(f"card.json: {error.found}", expected=error.expected, remedy=AGAIN) from error
