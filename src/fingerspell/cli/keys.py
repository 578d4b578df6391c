"""Single keys from a terminal, without Enter; none where there is no terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

BACKSPACE = "\x7f"
_MOST = 32  # keys taken at once: a stuck key must not hold up the screen


class Keys(Protocol):
    """Keys that were pressed."""

    def pressed(self) -> str:
        """All keys since the last call, one character each; backspace is `BACKSPACE`."""
        ...


class NoKeys:
    """Where nobody can press any."""

    def pressed(self) -> str:
        """Nothing."""
        return ""


@contextmanager
def terminal_keys() -> Iterator[Keys]:
    """Read single keys while the block runs; the terminal is as before after it, however it ends."""
    if not sys.stdin or not sys.stdin.isatty():
        yield NoKeys()
    elif sys.platform == "win32":
        yield _WindowsKeys()
    else:
        with _posix_keys() as keys:
            yield keys


if sys.platform == "win32":

    class _WindowsKeys:
        def pressed(self) -> str:
            import msvcrt

            found = ""
            while msvcrt.kbhit() and len(found) < _MOST:
                key = msvcrt.getwch()
                if key in "\0\xe0":  # an arrow or a function key: its second half says which
                    msvcrt.getwch()
                    continue
                found += BACKSPACE if key == "\b" else key
            return found

else:

    class _PosixKeys:
        def __init__(self, number: int) -> None:
            self._number = number

        def pressed(self) -> str:
            import select

            if not select.select([self._number], [], [], 0)[0]:
                return ""
            found = os.read(self._number, _MOST).decode("utf-8", errors="ignore")
            if found.startswith("\x1b"):  # an arrow or a function key arrives as several characters
                return ""
            return found.replace("\b", BACKSPACE)

    @contextmanager
    def _posix_keys() -> Iterator[Keys]:
        import termios
        import tty

        number = sys.stdin.fileno()
        if _in_background(number):  # asking for keys would stop the program
            yield NoKeys()
            return
        before = termios.tcgetattr(number)
        try:
            tty.setcbreak(number)  # Ctrl-C stays a signal
            yield _PosixKeys(number)
        finally:
            termios.tcsetattr(number, termios.TCSADRAIN, before)

    def _in_background(number: int) -> bool:
        try:
            return os.tcgetpgrp(number) != os.getpgrp()
        except OSError:  # not the terminal that this program was started from: nobody stops it
            return False
