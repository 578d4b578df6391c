"""`fingerspell data …`: look at a folder of photos, split it, draw it, or make one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fingerspell.cli import console
from fingerspell.core.errors import FingerspellError


def audit_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of photos.")],
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write all of it as JSON.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write a page with pictures.")
    ] = None,
) -> None:
    """Look for what spoils training or its score: damaged files, copies, leaks between splits. Changes no photo.

    [bold]Examples[/]

      fingerspell data audit DIR

      fingerspell data audit DIR --html audit.html --json audit.json
    """
    from fingerspell.cli.audit_table import show_audit
    from fingerspell.core.durable import write_json
    from fingerspell.lab.data.audit import audit
    from fingerspell.lab.data.audit_page import write_page
    from fingerspell.lab.data.manifest import EXTENSIONS

    for path in (json, html):
        if path is not None and (path.is_dir() or path.suffix.lower() in EXTENSIONS):
            raise FingerspellError(
                f"{path} is {'a folder' if path.is_dir() else 'the name of a photo'}",
                expected="the name of a file to write, ending in .json or .html",
                remedy="an audit never changes photos; choose another name",
            )
    with console.progress_bar() as progress:
        found = audit(folder, progress)
        if json is not None:
            write_json(json, found.as_dict())
        if html is not None:
            write_page(found, html, progress)
    show_audit(found)
    for path in (json, html):
        if path is not None:
            console.note(f"written: {path}")
