"""`fingerspell export`: a run becomes a bundle that needs no PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fingerspell.cli import console
from fingerspell.cli.places import cache_folder


def export_command(
    run: Annotated[Path, typer.Argument(help="A run made by 'fingerspell train'.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The bundle's folder.")] = Path("asl.bundle"),
    licence: Annotated[str, typer.Option(help="Under which you give the bundle on.")] = "not stated",
    photos: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Photos for the check; by default those that the run is judged by."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is there.")] = False,
) -> None:
    """Write a run's best weights as a bundle, if the exported graph agrees with the network.

    Both answer about 30 photos that were not learnt from, from the files on: all labels must be the same and all
    probabilities within 0.0001. Otherwise nothing is written.

    Examples:

      fingerspell export runs/first -o asl.bundle

      fingerspell export runs/first -o asl.bundle --licence CC-BY-4.0 --force
    """
    from fingerspell.lab.export import export_bundle
    from fingerspell.lab.training.run import RunFolder

    with console.progress_bar() as progress:
        result = export_bundle(
            RunFolder.open(run),
            out,
            licence=licence,
            force=force,
            photos=photos,
            cache_folder=cache_folder(),
            progress=progress,
        )
    console.note(
        f"{result.photos} photos agree between PyTorch and ONNX Runtime; the largest difference of a probability is "
        f"{result.largest_difference:.1e}"
    )
    if not result.measured:
        console.note("the card says 'not measured': run 'fingerspell evaluate' first to have scores in it")
    console.note(f"golden/ in it holds {result.photos} of your photos: look at them before you give the bundle on")
    typer.echo(str(result.path))
