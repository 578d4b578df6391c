"""What people see: data on stdout, messages and progress on stderr, errors with a hint and without a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from fingerspell.core.errors import FingerspellError

if TYPE_CHECKING:
    from rich.console import Console

    from fingerspell.core.progress import Progress

_PIPED = 160  # columns: a table in a file or a pipe must not be cut to the 80 that nobody sees


@cache
def out() -> Console:
    """Standard output. Rich is loaded when something is first said: a bare answer does not wait for it."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED
    return Console(highlight=False, soft_wrap=True, emoji=False, width=width)


@cache
def err() -> Console:
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def show_error(error: FingerspellError) -> None:
    """Print an error as `error:`, `expected:` and `hint:` lines on stderr, readable without colour."""
    from rich.text import Text

    err().print(Text.assemble(("error:", "bold red"), " ", error.found))
    if error.expected:
        err().print(Text.assemble("  expected: ", error.expected))
    if error.remedy:
        err().print(Text.assemble(("  hint:", "bold"), " ", error.remedy))


def note(text: str) -> None:
    """Print a message for people on stderr."""
    err().print(text, markup=False)


def heading(text: str) -> None:
    """Print the heading of a step of longer work on stderr."""
    from rich.markup import escape

    err().print(f"\n[bold]── {escape(text)}[/]")


def give(text: object) -> None:
    """Print a result, such as the path of what was made, on stdout as it is: a script may read it."""
    out().print(str(text), markup=False)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on stderr, one line a task; where stderr is no terminal, a line now and then instead."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bars, tasks = Bars(*columns, console=err()), {}

    def report(task: str, done: int, total: int) -> None:
        if task not in tasks:
            tasks[task] = bars.add_task(task, total=total)
            bars.start()
        bars.update(tasks[task], completed=done, total=total)
        if bars.finished:  # leave the terminal to whoever draws next, as training does
            bars.stop()
            for shown in bars.task_ids:
                bars.remove_task(shown)
            tasks.clear()

    try:
        yield report
    finally:
        bars.stop()


class _Lines:
    """Progress where nobody watches: a line at each quarter of a task."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def __call__(self, task: str, done: int, total: int) -> None:
        quarter = 4 * done // max(total, 1)
        if quarter > self._said.get(task, 0):
            self._said[task] = quarter
            note(f"{task}: {done}/{total}")
