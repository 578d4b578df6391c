"""The page and a bundle as a folder of plain files, for any static host: no service behind it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fingerspell.core.bundle import CARD, FINDER, MODEL, read_bundle
from fingerspell.core.durable import swap_in
from fingerspell.core.errors import DataError, FingerspellError

PAGE = Path(__file__).parent / "service" / "page"
"""The built page; how it comes here says web/README.md."""

BUNDLE = "bundle"
"""Folder of the site that holds the model, its card, and the finder where there is one."""

_INDEX = "index.html"
_SERVICE_HERE = '<meta name="fingerspell-service" content="here" />'
_NO_SERVICE = '<meta name="fingerspell-service" content="none" />'


def build_site(out: Path, bundle: Path, *, force: bool = False) -> Path:
    """Write a site that recognises in the browser of whoever opens it.

    The bundle is verified, and only its model, its finder and its card go into the site: its golden photos stay at
    home.

    Args:
        out: a new or empty folder.
        bundle: the bundle's folder.
        force: replace a site that was built before.

    Returns:
        The site's folder; it is there whole or not at all.

    Raises:
        BundleError: not a bundle, or damaged.
        DataError: something else lies at `out`, it cannot be written, or this installation lacks the page.
    """
    out = out.resolve()  # of a link, what it leads to is replaced
    files = read_bundle(bundle)  # whole and undamaged, before anything is written
    _require_page()
    _require_free(out, force)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(PAGE, temporary)
        _mark(temporary / _INDEX)
        (temporary / BUNDLE).mkdir()
        (temporary / BUNDLE / MODEL).write_bytes(files.model)
        if files.finder is not None:
            (temporary / BUNDLE / FINDER).write_bytes(files.finder)
        shutil.copyfile(bundle / CARD, temporary / BUNDLE / CARD)
        swap_in(temporary, out)
    except (OSError, shutil.Error) as error:
        raise DataError(
            f"the site {out} could not be written: {getattr(error, 'strerror', None) or error}",
            expected="a folder that can be written and has room",
            remedy="free some space or choose another folder",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out


def _require_page() -> None:
    if not (PAGE / _INDEX).is_file():
        raise FingerspellError(
            "this installation has no built page",
            expected=f"{_INDEX} and its files in the package",
            remedy="install the wheel again; in a checkout: cd web && npm ci && npm run build",
        )


def _require_free(out: Path, force: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not _is_site(out):
        raise DataError(
            f"{out} exists and is not a site built before",
            expected="a new folder",
            remedy="choose another name; what is there is left as it is",
        )
    if not force:
        raise DataError(
            f"the site {out} exists", expected="a new folder", remedy="choose another name, or replace it with --force"
        )


def _is_site(path: Path) -> bool:
    """Whether the folder is a site of ours with nothing at its top that a build would not put there."""
    try:
        marked = _NO_SERVICE in (path / _INDEX).read_text(encoding="utf-8")
        own = {each.name for each in PAGE.iterdir()} | {BUNDLE}
        return marked and {each.name for each in path.iterdir()} <= own
    except (OSError, ValueError):
        return False


def _mark(index: Path) -> None:
    """Tell the page that there is no service behind it, so that it looks for none."""
    text = index.read_text(encoding="utf-8")
    if text.count(_SERVICE_HERE) != 1:
        raise FingerspellError(
            "the page of this installation was built by another version",
            expected=_SERVICE_HERE,
            remedy="install the wheel again; in a checkout: cd web && npm ci && npm run build",
        )
    index.write_text(text.replace(_SERVICE_HERE, _NO_SERVICE), encoding="utf-8")
