"""Which recogniser is used: the bundle that is named, or the one that comes with the package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

BundleArgument = Annotated[
    Path | None,
    typer.Argument(
        help="A bundle made by 'fingerspell export'; by default the one that comes with the package.",
        show_default=False,
    ),
]

ENDING = ".bundle"

_MARKS = ("card.json", "model.onnx", "run.json")
"""Files that only a bundle has, perhaps a damaged one; or a training run, which is to be named as what it is."""


def bundle_or_default(named: Path | None) -> Path:
    """The bundle that was named, else the one in the package. Raises BundleError where that is not there."""
    if named is not None:
        return named
    from fingerspell.live.shipped import default_bundle

    return default_bundle()


def bundle_and_rest(words: Sequence[str]) -> tuple[Path, list[str]]:
    """Tell a bundle that stands before photos and videos from these.

    Args:
        words: of the command line. The first is a bundle if it is a folder with a bundle's files, or ends in `.bundle`.

    Returns:
        The bundle, or else that of the package; and the other words.

    Raises:
        BundleError: none is named, and the package has none.
    """
    if words and is_bundle(words[0]):
        return Path(words[0]), list(words[1:])
    return bundle_or_default(None), list(words)


def is_bundle(word: str) -> bool:
    """Whether a word of the command line means a bundle, whole or not."""
    path = Path(word)
    return path.name.lower().endswith(ENDING) or any((path / mark).is_file() for mark in _MARKS)
