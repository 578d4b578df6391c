"""`fingerspell finder`: train the network that finds the hand in a frame, and put it into a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fingerspell.cli import console
from fingerspell.cli.train import StopRequest, stop_on_signals
from fingerspell.core.bundle_card import FORMAT_VERSION, require_finder
from fingerspell.core.errors import BundleError, DataError
from fingerspell.core.finder_file import FRAMING, INPUT_SIZE, SCORE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fingerspell.core.progress import Progress
    from fingerspell.lab.finder.frames import Stock
    from fingerspell.lab.finder.teacher import Taught
    from fingerspell.lab.finder.training import Settings, Trained
    from fingerspell.live.finding.finder import HandFinder

_HIGH, _WIDE = 192, 256  # pixels of a scene
_PEOPLE = 0.4  # of the scenes show people besides those that do anyway: faces must not be hands


def train_command(
    rendered: Annotated[Path, typer.Option(metavar="DIR", help="Rendered hands, made by 'fingerspell data synth'.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The finder to write, an ONNX file.")],
    photos: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A folder of real photos (repeatable).")
    ] = None,
    landmarks: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Known landmarks of these photos (repeatable).")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps to learn.")] = 4000,
    batch: Annotated[int, typer.Option(min=1, help="Frames a step.")] = 24,
    scenes: Annotated[int, typer.Option(min=1, help="Rooms to draw; two heads are painted for five rooms.")] = 3000,
    most: Annotated[int, typer.Option(min=0, help="Rendered hands at most; 0 for all.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, scenes and frames.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads that PyTorch may use.")] = 1,
) -> None:
    """Learn to find hands in frames that are composed of cut-out hands, drawn rooms and people.

    Every sixth rendered signer and the last fifth of each class of photos are never learnt from. Ctrl-C, a kill and a
    power cut lose at most half a minute: the same command goes on.

    Examples:

      fingerspell finder train --rendered rendered -o finder.onnx

      fingerspell finder train --rendered rendered --photos rooms --landmarks landmarks.parquet -o finder.onnx
    """
    from fingerspell.core.durable import write_bytes
    from fingerspell.lab.finder.training import Settings

    folders = _taught(photos or [], landmarks or [])
    settings = Settings(steps=steps, batch=batch, seed=seed)
    checkpoint = out.with_name(f"{out.name}.training.safetensors")
    with stop_on_signals() as request:
        stock = _stock(rendered, folders, scenes, most, seed, request)
        trained = _train(stock, settings, checkpoint, threads, request)
    if not trained.finished:
        console.note(f"{request.reason()}; {trained.step:,} of {steps:,} steps are kept. Go on with the same command.")
        raise typer.Exit(128 + (request.number or 0))
    from fingerspell.lab.finder.export import to_onnx

    data = to_onnx(trained.net)
    write_bytes(out, data)
    console.note(f"{out}: {len(data) / 2**20:.2f} MiB, {trained.step:,} steps of {batch} frames")
    console.note(f"what it learnt by is kept in {checkpoint}; next: fingerspell finder add asl.bundle {out} -o OUT")
    console.give(out)


def _taught(photos: list[Path], landmarks: list[Path]) -> list[Taught]:
    from fingerspell.lab.finder.teacher import read_taught

    if landmarks and not photos:
        raise DataError("landmarks, and no photos", expected="the folders of these photos", remedy="--photos rooms")
    return [read_taught(folder, landmarks) for folder in photos]


def _stock(rendered: Path, folders: list[Taught], scenes: int, most: int, seed: int, request: StopRequest) -> Stock:
    """Read and draw what frames are composed of; a signal ends it, since nothing is lost yet."""
    from fingerspell.lab.finder.cutouts import joined, photo_cutouts, rendered_cutouts
    from fingerspell.lab.finder.faces import draw_faces
    from fingerspell.lab.finder.frames import Stock
    from fingerspell.lab.finder.pictures import pictures_of
    from fingerspell.lab.finder.scenery import scenery_of
    from fingerspell.lab.finder.teacher import held_out

    with console.progress_bar() as bar:
        progress = _until(bar, request)
        learnt = [held_out(taught)[0] for taught in folders]
        hands = [rendered_cutouts(rendered, most=most, progress=progress)]
        hands += [photo_cutouts(taught.part(_every_other(taught)), progress=progress) for taught in learnt]
        pictures = pictures_of(learnt, progress=progress) if learnt else None
        scenery = None if pictures is None else scenery_of(pictures)
        rooms, heads = draw_scenes(scenes, seed, progress), draw_faces(max(1, 2 * scenes // 5), seed, progress)
        return Stock(rooms, joined(hands), pictures, scenery, heads)


def _every_other(taught: Taught) -> NDArray[np.int64]:
    """Neighbours in time are nearly the same: half of them are enough, and rendered hands stay the larger part."""
    import numpy as np

    return np.arange(0, len(taught.paths), 2, dtype=np.int64)


def _until(progress: Progress, request: StopRequest) -> Progress:
    def report(task: str, done: int, total: int) -> None:
        progress(task, done, total)
        if request.number is not None:
            raise typer.Exit(128 + request.number)

    return report


def draw_scenes(count: int, seed: int, progress: Progress) -> NDArray[np.uint8]:
    """Rooms, many of them with people: (count, 192, 256, 3) uint8 sRGB; the same seed gives the same ones."""
    import numpy as np

    from fingerspell.hands.backgrounds import Background, draw, paint

    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    scenes = np.empty((count, _HIGH, _WIDE, 3), np.uint8)
    for place in range(count):
        chosen = draw(rng)
        if rng.random() < _PEOPLE:
            chosen = Background("person", chosen.seed)
        linear = np.clip(paint(chosen, _HIGH, _WIDE), 0, 1)
        encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055)
        scenes[place] = np.rint(encoded * 255)
        if place % 25 == 24 or place + 1 == count:
            progress("drawing scenes", place + 1, count)
    return scenes


def _train(stock: Stock, settings: Settings, checkpoint: Path, threads: int, request: StopRequest) -> Trained:
    import cv2
    import torch

    from fingerspell.lab.finder.training import train

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)

    def tell(entry: dict[str, float]) -> None:
        if entry["step"] % 500 == 0:
            console.note(f"step {entry['step']:,.0f}: heat {entry['heat']:.3f}, edges {entry['edges']:.3f}")

    with console.progress_bar() as progress:
        return train(stock, settings, checkpoint, progress=progress, stop=request.reason, tell=tell)


def add_command(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle made by 'fingerspell export'.")],
    finder: Annotated[Path, typer.Argument(metavar="FINDER", help="A file made by 'fingerspell finder train'.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="The bundle to write.")],
    score: Annotated[float, typer.Option(min=0.0, max=1.0, help="Lowest score of a hand.")] = SCORE,
    framing: Annotated[
        float, typer.Option(min=1.0, max=10.0, help="Side of what is cut out, in longer sides of the hand.")
    ] = FRAMING,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is there.")] = False,
) -> None:
    """Put a finder into a copy of a bundle: predict and camera then find the hand themselves.

    Examples:

      fingerspell finder add asl.bundle finder.onnx -o finding.bundle
    """
    from dataclasses import replace

    from fingerspell.core.bundle import read_bundle, write_bundle
    from fingerspell.live.finding.finder import HandFinder

    before = read_bundle(bundle)
    if before.format < FORMAT_VERSION:
        raise BundleError(
            f"the bundle {bundle} is of format {before.format}",
            expected=f"format {FORMAT_VERSION}",
            remedy="make it again from its run with 'fingerspell export'",
        )
    data = _content(finder)
    about = {
        "input": list(INPUT_SIZE),
        "framing": framing,
        "score": score,
        "about": "finds the hand, without its forearm, in a whole frame; learnt from composed frames",
    }
    card = {name: value for name, value in before.card.items() if name != "format"} | {"finder": about}
    require_finder(data, card)
    _try(HandFinder(replace(before, card=card, finder=data), 1), finder)
    write_bundle(out, model=before.model, card=card, golden=before.golden, force=force, finder=data)
    console.note(f"{out} finds hands: {len(data) / 2**20:.2f} MiB more")
    console.give(out)


def _content(finder: Path) -> bytes:
    try:
        return finder.read_bytes()
    except OSError as error:
        raise DataError(
            f"{finder} cannot be read: {error.strerror}",
            expected="a finder",
            remedy="make one: fingerspell finder train",
        ) from error


def _try(finder: HandFinder, path: Path) -> None:
    """One look at a grey frame: a file that cannot be run is refused before anything is written."""
    import numpy as np

    try:
        finder.find(np.full((240, 320, 3), 128, np.uint8))
    except Exception as error:  # ONNX Runtime's own errors share no base class but this
        raise BundleError(
            f"{path} does not answer as a finder does: {str(error).splitlines()[0]}",
            expected="a file made by 'fingerspell finder train'",
            remedy="make it again",
        ) from error
