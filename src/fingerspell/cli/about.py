"""`fingerspell nets` and `fingerspell doctor`: what there is, and whether it works here."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from fingerspell.cli import console
from fingerspell.cli.places import cache_folder
from fingerspell.core import provenance
from fingerspell.core.bundle import read_bundle
from fingerspell.core.certainty import threshold_of
from fingerspell.core.errors import BundleError, FingerspellError

_SHARED = frozenset({"onnxruntime", "av", "cv2", "pydantic", "jinja2"})
"""Packages that belong to several parts."""


def nets_command(
    size: Annotated[int | None, typer.Option(help="Side of the input, pixels; each network's own by default.")] = None,
    classes: Annotated[int, typer.Option(help="Outputs.")] = 29,
) -> None:
    """List the networks: parameters, multiply-adds and input of each."""
    from rich.table import Table

    from fingerspell.lab.nets.registry import NETWORKS, build, multiply_adds, parameter_counts

    table = Table("network", "input", "parameters", "trainable", "multiply-adds", "what it is", box=None)
    for name, entry in NETWORKS.items():
        height, width = (size or entry.height), (size or entry.width)
        net = build(name, classes, height, width)
        every, trainable = parameter_counts(net)
        cost = multiply_adds(net, height, width)
        shape = f"{height}×{width}×3"
        table.add_row(name, shape, f"{every:,}", f"{trainable:,}", f"{cost / 1e6:,.0f} M", entry.summary)
    console.out().print(table)


def doctor_command() -> None:
    """Check this installation: versions, parts, machine, devices, disk. Exit code 2 if something needs care."""
    troubles: list[str] = []
    for name, version in provenance.versions((*provenance.PACKAGES, "safetensors", "typer")).items():
        console.give(f"{name:<14}{version}")
    machine = provenance.machine()
    console.give(f"{'machine':<14}{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB")
    _parts(troubles)
    _page(troubles)
    _recogniser(troubles)
    _devices()
    _disk(cache_folder(), troubles)
    for trouble in troubles:
        console.note(f"care: {trouble}")
    if troubles:
        raise typer.Exit(FingerspellError.exit_code)
    console.give("all is well")


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _parts(troubles: list[str]) -> None:
    needs = {
        "live": ("onnxruntime", "av", "cv2"),
        "service": ("fastapi", "uvicorn", "websockets", "python_multipart", "prometheus_client"),
        "words": ("spellchecker",),
        "hands": ("numba", "cv2", "pyarrow", "av"),
        "lab": ("torch", "pydantic", "jinja2", "matplotlib", "onnx", "onnxscript", "safetensors", "tomli_w", "h5py"),
        "tensorboard": ("tensorboard",),
    }
    for part, modules in needs.items():
        absent = [module for module in modules if not _installed(module)]
        word = "installed" if not absent else f"not installed (lacks {', '.join(absent)})"
        console.give(f"{part:<14}{word}")
        own = set(modules) - _SHARED
        if absent and own - set(absent):  # what another part brought along is no half of this one
            troubles.append(f"the part '{part}' is incomplete: pip install 'fingerspell[{part}]'")


def _page(troubles: list[str]) -> None:
    page = Path(str(files("fingerspell") / "live" / "service" / "page"))
    size = sum(each.stat().st_size for each in page.rglob("*") if each.is_file())
    built = (page / "index.html").is_file() and (page / "ort").is_dir()
    console.give(f"{'page':<14}{f'built, {size / 1e6:.1f} MB' if built else 'not built'}")
    if not built:
        troubles.append("the page is not built: make page")


def _recogniser(troubles: list[str]) -> None:
    """The bundle that comes with the package, as its card has it."""
    from fingerspell.live.shipped import default_bundle

    try:
        place = default_bundle()
    except BundleError:
        console.give(f"{'recogniser':<14}none comes with this installation: name a bundle")
        return
    try:
        console.give(f"{'recogniser':<14}{', '.join(described(read_bundle(place).card))}")
    except BundleError as error:
        console.give(f"{'recogniser':<14}not usable")
        troubles.append(error.found)


def described(card: Mapping[str, Any]) -> list[str]:
    """A card in a few words: network, hardest score, letters that are weak, from where on it is sure."""
    words = [str(card.get("network", "unknown network"))]
    scores = card.get("scores")
    if isinstance(scores, list) and scores:
        hardest = scores[0]
        words.append(f"{hardest['accuracy']:.0%} right on {hardest['source']}")
    marks = card.get("reliability")
    if isinstance(marks, dict):
        weak = [label for label, mark in marks.items() if mark == "weak"]
        words.append(f"weak letters: {' '.join(weak)}" if weak else "no weak letters")
    threshold = threshold_of(card)
    if threshold is not None:
        words.append(f"sure from {threshold:.0%}")
    return words


def _devices() -> None:
    if not _installed("torch"):
        return
    from fingerspell.lab.allocator import keep_large_blocks
    from fingerspell.lab.training.device import choose_device

    console.give(f"{'device':<14}{choose_device()}")
    console.give(f"{'allocator':<14}{'keeps large blocks' if keep_large_blocks() else 'as the system has it'}")


def _disk(place: Path, troubles: list[str]) -> None:
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(existing).free / 2**30
    console.give(f"{'cache':<14}{place} ({free:,.1f} GiB free)")
    if free < 2:
        troubles.append(f"little room for decoded photos at {place}: set FINGERSPELL_CACHE to another disk")
