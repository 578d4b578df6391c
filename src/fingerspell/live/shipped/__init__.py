"""The recogniser that comes with the package: what is used where no bundle is named."""

from __future__ import annotations

from pathlib import Path

from fingerspell.core.bundle import CARD
from fingerspell.core.errors import BundleError

LARGEST = 8_000_000
"""Bytes that all its files may have together: everybody who installs the package loads them."""

_PLACE = Path(__file__).parent / "asl.bundle"


def default_bundle() -> Path:
    """The folder of the bundle that comes with the package; reading it is up to the caller.

    Raises:
        BundleError: this installation has none.
    """
    if not (_PLACE / CARD).is_file():
        raise BundleError(
            "no bundle is named, and this installation comes without a recogniser",
            expected="a bundle made by 'fingerspell export', or the one in the package",
            remedy="name one, as in 'fingerspell predict asl.bundle photo.jpg', or install the wheel again",
        )
    return _PLACE
