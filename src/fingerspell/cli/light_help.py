"""Typer's drawing of help without what it loads beside it and these commands never show.

`typer.rich_utils` imports Rich's Markdown and traceback for other applications, and with them two parsers: a third of
the time of `--help`. While it is imported, stand-ins take the place of both; what asks one of them for anything gets
Rich's own. Where this should fail with another version of Typer, it imports as it always does.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any

_DRAWING = "typer.rich_utils"
_NEVER_SHOWN = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}


class _Later(type):
    """A class that is imported when it is first used."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        return _own(cls)(*args, **options)

    def __getattr__(cls, name: str) -> Any:
        return getattr(_own(cls), name)


def _own(stand_in: type) -> Any:
    return getattr(import_module(stand_in.__module__), stand_in.__name__)


def load() -> None:
    """Import what Typer draws help and usage errors with, if it is not there yet."""
    if _DRAWING in sys.modules:
        return
    absent = {place: name for place, name in _NEVER_SHOWN.items() if place not in sys.modules}
    for place, name in absent.items():
        sys.modules[place] = _module(place, name)
    try:
        with suppress(ImportError, AttributeError, TypeError):  # then Typer imports it itself, in its own way
            import_module(_DRAWING)
    finally:
        for place in absent:
            del sys.modules[place]


def _module(place: str, name: str) -> ModuleType:
    module = ModuleType(place)
    setattr(module, name, _Later(name, (), {"__module__": place}))
    return module
