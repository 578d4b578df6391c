"""`fingerspell adapt`: a recogniser learns one person's hand, on this computer, and is kept only if it is better."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fingerspell.cli import console
from fingerspell.cli.bundles import bundle_and_rest
from fingerspell.cli.spelled import printable
from fingerspell.core.errors import DataError

if TYPE_CHECKING:
    from fingerspell.live.adapting.adapt import Adapted
    from fingerspell.live.adapting.check import Score


def adapt_command(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[BUNDLE] PHOTOS",
            help="A folder with a folder of your photos for each letter (A/, B/, …). A bundle may stand before it; "
            "by default the one that comes with the package is adapted.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Your bundle's folder.")],
    hand: Annotated[str, typer.Option(help="The hand in the photos: right or left.")] = "right",
    find: Annotated[
        bool | None,
        typer.Option(
            "--find/--no-find",
            help="Cut the hand out of each photo; by default where the bundle can.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as one JSON object.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is at OUT.")] = False,
) -> None:
    """Adapt a recogniser to your own hand, with about five photos of each letter.

    Only its last layer learns. Each photo is held back once from the layer that is asked about it: if fewer are named
    right than before, nothing is written. Letters without photos keep what the recogniser knew of them, with some loss.
    Nothing leaves this computer, and your photos do not go into the bundle.

    Take the photos in different places and at different moments, as the camera will see you. The bundle is yours: for
    other people it may be worse than the one it came from.

    Examples:

      fingerspell adapt my-photos -o mine.bundle

      fingerspell adapt asl.bundle my-photos -o mine.bundle --hand left

      fingerspell camera mine.bundle
    """
    from fingerspell.live.adapting.adapt import adapt_bundle

    bundle, rest = bundle_and_rest(words)
    if len(rest) != 1:
        raise DataError(
            f"{len(rest)} folders of photos are named",
            expected="one",
            remedy="fingerspell adapt [BUNDLE] PHOTOS -o OUT",
        )
    side = _side(hand)
    with console.progress_bar() as progress:
        result = adapt_bundle(bundle, Path(rest[0]), out, hand=side, find=find, force=force, progress=progress)
    _tell(result)
    if as_json:
        from fingerspell.live.adapting.adapt import as_dict

        typer.echo(json.dumps(as_dict(result), ensure_ascii=False))
    else:
        console.give(result.path)


def _side(hand: str) -> Literal["right", "left"]:
    named = hand.strip().lower()
    if named == "right":
        return "right"
    if named == "left":
        return "left"
    raise DataError(f"there is no hand '{hand}'", expected="right or left", remedy="--hand left mirrors the photos")


def _tell(result: Adapted) -> None:
    for sentence in result.left_out:
        console.note(f"left out: {printable(sentence)}")
    total = sum(result.photos.values())
    console.note(
        f"{total} photos of {len(result.photos)} letters; {result.checked.before.photos} were held back in turn"
    )
    console.note(f"  before: {_scored(result.checked.before)}")
    console.note(f"  after:  {_scored(result.checked.after)}")
    if result.alike:
        console.note(
            f"the photos of {', '.join(result.alike)} were each taken at one moment: the figures flatter; "
            "other places and moments make a better recogniser and a better check"
        )
    if result.missing:
        console.note(f"no photos of {', '.join(result.missing)}: these may be named right less often than before")
    if result.golden_changed:
        console.note(
            f"{result.golden_changed} of the {result.golden} photos in the bundle get another answer than before"
        )


def _scored(score: Score) -> str:
    low, high = score.interval.low, score.interval.high
    return (
        f"{score.right} of {score.photos} named right, {score.accuracy:.1%} ({low:.1%}–{high:.1%}); "
        f"calibration error {score.calibration_error:.1%}"
    )
