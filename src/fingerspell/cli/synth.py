"""`fingerspell data synth`: render labelled photos of hands, and clips, that anybody can make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from fingerspell.cli import console
from fingerspell.cli.train import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from fingerspell.hands.clips import ClipsResult
    from fingerspell.hands.plan import SynthPlan
    from fingerspell.hands.synth import SynthResult

_Result = TypeVar("_Result", "SynthResult", "ClipsResult")


def synth_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder, or one to go on with.")],
    per_class: Annotated[int, typer.Option(help="Photos of each of the 29 labels.")] = 200,
    size: Annotated[int, typer.Option(help="Side of a photo, pixels.")] = 200,
    signers: Annotated[int, typer.Option(help="How many different people sign.")] = 20,
    seed: Annotated[int, typer.Option(help="What everything random follows from.")] = 0,
    backgrounds: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Pictures to put behind the hands; drawn ones by default.")
    ] = None,
    clips: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also make videos: a text file, one text a line.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Processes that render; one a core by default.")] = None,
) -> None:
    """Render photos of hands that sign the alphabet. The same seed gives the same bytes; killed, it goes on.

    Everything about each photo is known and kept: signer, left or right hand, 21 landmarks, box and mask.

    [bold]Examples[/]

      fingerspell data synth rendered --per-class 200 --size 200 --signers 20 --seed 0

      fingerspell data synth rendered --backgrounds my-room-photos

      fingerspell data synth rendered --clips words.txt
    """
    from fingerspell.hands.clips import read_words
    from fingerspell.hands.synth import SynthPlan

    plan = SynthPlan(per_class, size, signers, seed, backgrounds)
    texts: tuple[str, ...] = ()
    if clips is not None:
        import av  # noqa: F401 - if it is missing, say so before the photos are made

        texts = read_words(clips)
    count = default_jobs() if jobs is None else jobs
    made = render_photos(out, plan, count)
    console.note(f"{made.photos:,} photos of {plan.signers} signers in {out}, {made.made:,} of them made now")
    console.note(f"known of each: {made.labels}; some of them to look at: {made.sheet}")
    if texts:
        filmed = _render_clips(out / "clips", plan, texts, count)
        console.note(f"{filmed.clips:,} clips in {filmed.folder}, {filmed.made:,} of them made now")
    _next(out, plan)
    console.give(out)


def default_jobs() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def render_photos(out: Path, plan: SynthPlan, jobs: int) -> SynthResult:
    """Render the photos of a plan with a progress bar; Ctrl-C and SIGTERM keep what is finished and exit."""
    from fingerspell.hands.synth import synthesise

    with stop_on_signals() as request, console.progress_bar() as progress:
        result = synthesise(out, plan, jobs=jobs, progress=progress, stop=request.reason)
    return _whole(result, request, f"{result.photos:,} of {plan.photos:,} photos")


def _render_clips(out: Path, plan: SynthPlan, texts: tuple[str, ...], jobs: int) -> ClipsResult:
    from fingerspell.hands.clips import make_clips

    with stop_on_signals() as request, console.progress_bar() as progress:
        result = make_clips(out, plan, texts, jobs=jobs, progress=progress, stop=request.reason)
    return _whole(result, request, f"{result.clips:,} of {len(texts):,} clips")


def _whole(result: _Result, request: StopRequest, told: str) -> _Result:
    if result.stopped is None:
        return result
    console.note(f"{result.stopped}; {told} are finished. Go on with the same command.")
    raise typer.Exit(128 + (request.number or 0))


def _next(out: Path, plan: SynthPlan) -> None:
    """What to do with the photos: a split that holds whole signers out."""
    if min(plan.signers, plan.per_class) < 3:
        console.note(
            f"next: fingerspell train {out}  (too few signers to hold whole ones out: make 3 or more for that)"
        )
        return
    split = f"{out.resolve().name}-split.json"
    console.note("next, with whole signers held out (the numbers are of rendered hands, not of people's):")
    console.note(f"  fingerspell data split {out} --by group -o {split}")
    console.note(f"  fingerspell train {out} --split {split}")
