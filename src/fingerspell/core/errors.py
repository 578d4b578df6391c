"""Every error that a user may meet says what was found, what was expected, and what to do.

FingerspellError
├── PhotoError        one photo cannot be read; the work goes on without it
├── DataError         a folder, split or cache is not what the work needs
├── RecipeError       settings that do not exist or do not fit together
├── TrainingError     a run cannot start, or cannot go on
├── BundleError       a bundle is damaged, foreign, or would not agree with the network it came from
└── MissingExtraError a part of the package is not installed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FingerspellError(Exception):
    """Base of all errors meant for the user; the command line prints it and exits with `exit_code`.

    Args:
        found: what was found, a full sentence without a final stop.
        expected: what was expected instead, or "".
        remedy: what to do about it, or "".
    """

    exit_code = 2

    def __init__(self, found: str, *, expected: str = "", remedy: str = "") -> None:
        self.found = found
        self.expected = expected
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        text = self.found
        if self.expected:
            text += f"; expected {self.expected}"
        if self.remedy:
            text += f" (hint: {self.remedy})"
        return text


class PhotoError(FingerspellError):
    """One photo cannot be read. Callers name it, count it and go on."""


class DataError(FingerspellError):
    """A folder, split or cache is not what the work needs."""


class RecipeError(FingerspellError):
    """Settings that do not exist or do not fit together."""


class TrainingError(FingerspellError):
    """A training run cannot start, or cannot go on."""


class BundleError(FingerspellError):
    """A bundle is damaged, foreign, or disagrees with the network it was made from."""


class MissingExtraError(FingerspellError):
    """A part of the package that this command needs is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(
            f"the Python package '{module}' is not installed",
            expected=f"the '{extra}' part of fingerspell",
            remedy=f"pip install 'fingerspell[{extra}]'",
        )


def known_names(kind: str, name: str, known: Iterable[str]) -> tuple[str, str]:
    """Describe an unknown name: returns (expected, remedy) listing the known names and suggesting the nearest."""
    names = sorted(known)
    folded = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    remedy = f"did you mean '{folded[near[0]]}'?" if near else f"choose a {kind} from the list"
    return f"one of: {', '.join(names)}", remedy
