"""`fingerspell site build`: the page and a bundle as plain files, for any static host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fingerspell.cli import console
from fingerspell.cli.bundles import BundleArgument, bundle_or_default


def build_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for the site.", show_default=False)],
    bundle: BundleArgument = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a site that was built before.")] = False,
) -> None:
    """Write the page, the model and its card as files that any static host can serve, below any address.

    Recognition runs in the browser of whoever opens the page; no picture is sent anywhere. The bundle's golden photos
    are not in the site. Browsers give a camera only to pages that come by https, or from http://localhost.

    Examples:

      fingerspell site build public

      fingerspell site build public asl.bundle --force
    """
    from fingerspell.live.site import build_site

    path = build_site(out, bundle_or_default(bundle), force=force)
    files = [each for each in path.rglob("*") if each.is_file()]
    console.note(f"{len(files)} files, {sum(each.stat().st_size for each in files) / 1e6:.1f} MB")
    console.note(f"try it: python -m http.server --bind 127.0.0.1 --directory {path}")
    console.give(path)
