"""`fingerspell export`: a run becomes a bundle that needs no PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fingerspell.cli import console
from fingerspell.cli.calibrating import CalibrateLikeOption, CalibrateOnOption, CalibrateOption, SureRightOption
from fingerspell.cli.places import cache_folder

if TYPE_CHECKING:
    from fingerspell.lab.export import ExportResult


def export_command(
    run: Annotated[Path, typer.Argument(help="A run made by 'fingerspell train'.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The bundle's folder.")] = Path("asl.bundle"),
    licence: Annotated[str, typer.Option(help="Under which you give the bundle on.")] = "not stated",
    photos: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Photos for the check; by default those that the run is judged by."),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A TOML file for the card: who_signs, licence, not_for = […], "
            "[[sources]] with name, where_from, licence, photos, people.",
        ),
    ] = None,
    calibrate: CalibrateOption = None,
    calibrate_on: CalibrateOnOption = None,
    calibrate_like: CalibrateLikeOption = None,
    sure_right: SureRightOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is there.")] = False,
) -> None:
    """Write a run's best weights as a bundle, if the exported graph agrees with the network.

    Both answer about 30 photos that were not learnt from, from the files on: all labels must be the same and all
    probabilities within 0.0001. Otherwise nothing is written.

    How sure the answers are is calibrated on the run's validation photos: one temperature, which changes no answer, and
    the probability from which 97% of the answers are right there. Below it, the recogniser says that it is unsure.

    Examples:

      fingerspell export runs/first -o asl.bundle

      fingerspell export runs/first -o asl.bundle --licence CC-BY-4.0 --force

      fingerspell export runs/first -o asl.bundle --calibrate-on photos/ben --about about.toml
    """
    from fingerspell.lab.about import read_about
    from fingerspell.lab.export import export_bundle
    from fingerspell.lab.training.run import RunFolder

    said = None if about is None else read_about(about)
    with console.progress_bar() as progress:
        result = export_bundle(
            RunFolder.open(run),
            out,
            licence=licence,
            force=force,
            photos=photos,
            cache_folder=cache_folder(),
            calibrate=calibrate,
            calibrate_on=calibrate_on or [],
            calibrate_like=None if calibrate_like is None else RunFolder.open(calibrate_like),
            sure_right=sure_right,
            about=said,
            progress=progress,
        )
    console.note(
        f"{result.photos} photos agree between PyTorch and ONNX Runtime; the largest difference of a probability is "
        f"{result.largest_difference:.1e}"
    )
    _note_certainty(result)
    if not result.measured:
        console.note("the card says 'not measured': run 'fingerspell evaluate' first to have scores in it")
    console.note(f"golden/ in it holds {result.photos} of your photos: look at them before you give the bundle on")
    typer.echo(str(result.path))


def _note_certainty(result: ExportResult) -> None:
    its = result.calibration
    if its is None:
        console.note(f"not calibrated: {result.not_calibrated}")
    else:
        console.note(
            f"calibrated on {its.photos:,} photos ({', '.join(source.name for source in its.sources)}): temperature "
            f"{its.temperature:.3f}, calibration error {its.ece_before:.1%} → {its.ece_after:.1%}"
        )
        if its.answer_from is None:
            console.note("no probability was found from which answers are right often enough: none is called unsure")
        else:
            console.note(
                f"sure from {its.answer_from:.1%}: {its.answered:.1%} answered, {its.right:.1%} of these right"
            )
    if result.measured and not result.certainty_measured:
        console.note(
            "the scores in the card were measured with another calibration, so what they say of certainty is left out: "
            "run 'fingerspell evaluate' with the same --calibrate-on"
        )
