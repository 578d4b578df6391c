"""`fingerspell data …`: look at a folder of photos, and split it."""

from __future__ import annotations

import typer

app = typer.Typer(help="Look at a folder of photos and split it, without changing it.", no_args_is_help=True)
