"""`fingerspell data split`: decide who is learnt from, who chooses and who judges, and save it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fingerspell.cli import console
from fingerspell.core.errors import FingerspellError

if TYPE_CHECKING:
    from fingerspell.lab.data.dealing import Part
    from fingerspell.lab.data.manifest import Manifest
    from fingerspell.lab.data.split import Split


def split_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of photos.")],
    by: Annotated[str, typer.Option(help="random, keras, block or group.")] = "block",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to save; split-BY.json by default.")] = None,
    seed: Annotated[int, typer.Option(help="What the assignment follows from.")] = 0,
    val: Annotated[float | None, typer.Option(help="Fraction to choose by.")] = None,
    test: Annotated[float | None, typer.Option(help="Fraction to judge by.")] = None,
    stretches: Annotated[int, typer.Option(help="block: stretches each class's recording is cut into.")] = 20,
    guard: Annotated[float, typer.Option(help="block: gap at each border, fraction of the recording.")] = 0.01,
    pattern: Annotated[str | None, typer.Option(help="group: regular expression; its first bracket is it.")] = None,
    csv: Annotated[Path | None, typer.Option(help="group: CSV with columns path, group and perhaps part.")] = None,
    column: Annotated[str, typer.Option(help="group: the CSV column that names the group.")] = "group",
    test_group: Annotated[list[str] | None, typer.Option(help="group: judge by this one (repeatable).")] = None,
    val_group: Annotated[list[str] | None, typer.Option(help="group: choose by this one (repeatable).")] = None,
    force: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
) -> None:
    """Split a folder of photos into train, val and test. The folder is not changed.

    [bold]Examples[/]

      fingerspell data split DIR --by block

      fingerspell data split DIR --by group --pattern '(signer[0-9]+)' --test-group signer5
    """
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.data.split import make_split, require_strategy

    require_strategy(by)
    both = sorted({*(test_group or [])} & {*(val_group or [])})
    if both:
        raise FingerspellError(
            f"group '{both[0]}' was given to --test-group and to --val-group",
            expected="every group in one part",
            remedy="take it out of one of them",
        )
    path = out or Path(f"split-{by}.json")
    if path.exists() and not force:
        raise FingerspellError(f"{path} exists already", expected="a new file", remedy="give another -o, or --force")
    with console.progress_bar() as progress:
        manifest = scan(folder, progress)
    groups, fixed = _groups(manifest, pattern, csv, column) if by == "group" else ({}, {})
    fixed |= dict.fromkeys(test_group or [], "test")
    fixed |= dict.fromkeys(val_group or [], "val")
    split = make_split(
        manifest,
        by,
        seed=seed,
        val=val,
        test=test,
        stretches=stretches,
        guard=guard,
        groups=groups,
        fixed_groups=fixed,
    )
    split.save(path)
    _show(split)
    console.note(f"saved; train with it: fingerspell train {folder} --split {path}")
    console.give(path)


def _groups(
    manifest: Manifest, pattern: str | None, csv: Path | None, column: str
) -> tuple[dict[str, str], dict[str, Part]]:
    from fingerspell.lab.data.groups import groups_by_folder, groups_by_pattern, groups_from_csv

    if pattern is not None and csv is not None:
        raise FingerspellError("both --pattern and --csv were given", expected="one of them")
    if csv is not None:
        return groups_from_csv(csv, column)
    if pattern is not None:
        return groups_by_pattern(manifest.photos, pattern), {}
    return groups_by_folder(manifest.photos), {}


def _show(split: Split) -> None:
    counts, total = split.counts, len(split.parts)
    told = ", ".join(f"{part} {counts[part]}" for part in ("train", "val", "test", "guard") if counts[part])
    console.note(f"{split.strategy} split, seed {split.seed}: {told} of {total} photos; digest {split.digest[:12]}")
    for text in split.manifest.notes:
        console.note(text)
    for item in split.manifest.left_out[:5]:
        console.note(f"left out {item.path}: {item.reason}")
    if len(split.manifest.left_out) > 5:
        console.note(f"… and {len(split.manifest.left_out) - 5} more left out")
