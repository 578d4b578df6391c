"""`fingerspell import-keras`: a network that Keras trained becomes a run like any other. Nothing in the file is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fingerspell.cli import console

if TYPE_CHECKING:
    from fingerspell.lab.data.split import Split


def import_keras_command(
    file: Annotated[Path, typer.Argument(metavar="MODEL", help="model.keras, model.h5 or model.weights.h5.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="The new run's folder.", show_default=False)],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder that Keras split; its validation part is scored.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="What the outputs stand for, in the model's order: A,B,C,…")
    ] = None,
    network: Annotated[str | None, typer.Option(help="notebook-v1 … notebook-v5; needed for weights alone.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the photos, pixels; needed for weights alone.")] = None,
) -> None:
    """Bring over one of the notebook's five networks from a file that Keras 2 or 3 wrote.

    Only numbers are read: no code in the file is run, and a file that needs any is refused. The layers are checked one
    by one. What the model learnt from is not in the file, and is recorded as not known.

    Examples:

        fingerspell import-keras model.keras --out runs/mine

        fingerspell import-keras model.h5 --data asl_alphabet_train --out runs/mine

        fingerspell import-keras model.weights.h5 --network notebook-v4 --size 200 --out runs/mine
    """
    from fingerspell.core.durable import digest_of_file
    from fingerspell.lab.keras_model.weights import read_keras_model
    from fingerspell.lab.nets.registry import parameter_counts
    from fingerspell.lab.training.imported import (
        folder_labels,
        labels_for,
        parse_labels,
        require_no_run,
        write_imported,
    )
    from fingerspell.lab.training.run import RunFolder

    run = RunFolder(out)
    require_no_run(run)
    given = None if labels is None else parse_labels(labels)
    found = read_keras_model(file, network=network, size=size)
    split = None if data is None else _keras_split(data)
    names, told = labels_for(found.classes, given, folder_labels(data) if data is not None and given is None else None)
    model = found.with_labels(names)
    origin = {
        "file": file.name,
        "sha256": digest_of_file(file),
        "kind": found.kind,
        "keras_version": found.keras_version,
    }
    notes = [*found.notes, told]
    write_imported(run, model, split, origin, notes)
    version = f", written by Keras {found.keras_version}" if found.keras_version else ""
    spec, count = found.preprocess, parameter_counts(model.net)[0]
    console.note(f"{found.network}, {spec.height}×{spec.width}, {found.classes} labels, {count:,} parameters{version}")
    for text in notes:
        console.note(f"note: {text}")
    console.note("what it learnt from is not known, and is recorded as not known")
    console.note(f"next: fingerspell evaluate {run.path}{'' if split else ' DIR'}")
    console.give(run.path)


def _keras_split(folder: Path) -> Split:
    """What `validation_split=0.2` makes of the folder."""
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.data.split import make_split

    with console.progress_bar() as progress:
        manifest = scan(folder, progress)
    for text in manifest.notes:
        console.note(text)
    return make_split(manifest, "keras")
