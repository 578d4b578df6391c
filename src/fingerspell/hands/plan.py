"""What is to be rendered: the plan, from which and from nothing else every byte of the output follows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import fingerspell
from fingerspell.core.alphabet import LABELS
from fingerspell.core.durable import digest_of, digest_of_file
from fingerspell.core.errors import DataError, known_names

SMALLEST, LARGEST = 32, 1024
"""Sides of a photo, pixels: below, fingers cannot be told apart; above, nobody trains."""

_MOST_SIGNERS = 2**15 - 1  # a signer's number is stored in 16 bits
_MOST_SEEDS = 2**63  # a seed is stored in 64


@dataclass(frozen=True)
class SynthPlan:
    """Which photos are to be rendered.

    Attributes:
        per_class: photos of each label, at least 1.
        size: side of a photo in pixels, 32–1024.
        signers: how many different people sign, 1–32767; photo `index` of a class is of signer `index % signers`.
        seed: what everything random follows from, 0–2⁶³-1.
        backgrounds: a folder of pictures to put behind the hands; None for procedural backgrounds.
        labels: of the alphabet, each once; all 29 by default.

    Raises:
        DataError: one of these is not so.
    """

    per_class: int
    size: int
    signers: int
    seed: int
    backgrounds: Path | None = None
    labels: tuple[str, ...] = LABELS

    def __post_init__(self) -> None:
        _require("--per-class", self.per_class, 1, None)
        _require("--size", self.size, SMALLEST, LARGEST)
        _require("--signers", self.signers, 1, _MOST_SIGNERS)
        _require("--seed", self.seed, 0, _MOST_SEEDS - 1)
        for label in self.labels:
            if label not in LABELS:
                expected, remedy = known_names("label", label, LABELS)
                raise DataError(f"unknown label '{label}'", expected=expected, remedy=remedy)
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise DataError("no labels, or one of them twice", expected="at least one label, each once")
        if self.backgrounds is not None and not self.backgrounds.is_dir():
            raise DataError(
                f"{self.backgrounds} is {'no folder' if self.backgrounds.exists() else 'not there'}",
                expected="a folder of pictures to put behind the hands",
                remedy="check the path, or leave --backgrounds out",
            )

    @property
    def photos(self) -> int:
        """How many photos there will be."""
        return self.per_class * len(self.labels)

    def signer(self, index: int) -> int:
        """Who signs photo `index` of every class."""
        return index % self.signers

    def photo_path(self, label: str, index: int) -> str:
        """Where a photo goes, below the output folder: `A/signer-03/00023.jpg`. The folder is its group in a split."""
        signer_digits = max(2, len(str(self.signers - 1)))
        index_digits = max(5, len(str(self.per_class - 1)))
        return f"{label}/signer-{self.signer(index):0{signer_digits}}/{index:0{index_digits}}.jpg"

    def mask_path(self, label: str, index: int) -> str:
        """Where the photo's mask goes: `masks/A/signer-03/00023.png`."""
        return f"masks/{self.photo_path(label, index).removesuffix('.jpg')}.png"

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON, with the digests of what else the bytes follow from: backgrounds and renderer."""
        behind = None
        if self.backgrounds is not None:
            behind = {"folder": self.backgrounds.resolve().name, "digest": _digest_of_folder(self.backgrounds)}
        return {
            "per_class": self.per_class,
            "size": self.size,
            "signers": self.signers,
            "seed": self.seed,
            "labels": list(self.labels),
            "backgrounds": behind,
            "renderer": {"version": fingerspell.__version__, "digest": renderer_digest()},
        }


def _require(name: str, value: int, low: int, high: int | None) -> None:
    if value < low or (high is not None and value > high):
        expected = f"{low} or more" if high is None else f"{low} to {high}"
        raise DataError(f"{name} is {value}", expected=expected)


def _digest_of_folder(folder: Path) -> str:
    """SHA-256 over the names and contents of a folder's pictures: another place, the same digest."""
    from fingerspell.hands.backgrounds.photos import SUFFIXES

    try:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        listed = [[path.relative_to(folder).as_posix(), digest_of_file(path)] for path in files]
    except OSError as error:
        raise DataError(
            f"{error.filename or folder} cannot be read: {error.strerror}",
            expected="pictures that can be read",
            remedy="change their permissions, or choose another folder of backgrounds",
        ) from error
    if not listed:
        raise DataError(
            f"no picture in {folder}",
            expected="files ending in one of: " + ", ".join(sorted(SUFFIXES)),
            remedy="choose another folder of backgrounds, or leave --backgrounds out",
        )
    return digest_of(listed)


@cache
def renderer_digest() -> str:
    """SHA-256 over the renderer's own source: photos of two different renderers are never mixed in one folder."""
    digest = hashlib.sha256()
    for name, content in _sources(resources.files("fingerspell.hands"), ""):
        digest.update(f"{name}\n".encode() + content.replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _sources(folder: Traversable, above: str) -> Iterator[tuple[str, bytes]]:
    """(path, content) of a package's modules, those of its inner packages included, in one order everywhere."""
    for place in sorted(folder.iterdir(), key=lambda each: each.name):
        if place.is_dir():
            yield from _sources(place, f"{above}{place.name}/")
        elif place.name.endswith(".py"):
            yield f"{above}{place.name}", place.read_bytes()
