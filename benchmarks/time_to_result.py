"""How long until a network names 85% of the validation photos right: a recipe of ours, and the notebook's v4 in Keras.

    make bench-peers
    python benchmarks/time_to_result.py PHOTOS [--recipe fast] [--v4-run RUN] [--judge DESK]

85% is the best validation accuracy that the notebook recorded, on the photos that Keras's validation_split holds out.
PHOTOS is a folder of class folders.

Ours is measured whole: seconds from the start of `fingerspell train PHOTOS --recipe fast --split-by keras`, on an
empty cache (the photos are read, decoded and packed within that time), to the end of the first epoch whose validation
accuracy is 85% or more; each round is another seed. The files may be in the system's own cache, for both sides.

Theirs is too long to run whole on a small machine, so its parts are measured: seconds a training step and a validation
step of v4, 200×200, batches of 32, as the notebook trains it; as installed, and with the C library's allocator set as
ours sets its own. From these follow, and are marked as computed:

- one epoch with its validation, less than which cannot reach anything: a lower bound that assumes nothing else;
- with --v4-run, a run of `fingerspell train PHOTOS --recipe notebook-v4` (which takes Keras's steps; a smaller --size
  will do to count epochs, and is then named): as many epochs as that run needed;
- as many steps as the notebook recorded until then on the full set: 3 epochs of 2,175 steps.

With --judge, the recipe is also trained on the block split, seed after seed, and scored on that split's test part and
on the other folder, so that speed is not bought with accuracy. A table for people, and one JSON line last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import mean, median
from typing import Any

from measuring import FIXED, PEERS_PYTHON, Contender, contend, finish, note, serve, table

TARGET = 0.85
NOTEBOOK_STEPS, NOTEBOOK_PHOTOS = 3 * 2175, 3 * 69_600
"""What the notebook's v4 took until it had named .8504 of its validation photos right."""
FINGERSPELL = (sys.executable, "-m", "fingerspell.cli.main")


def epochs_of(run: Path) -> list[dict[str, Any]]:
    """The epochs that a run's journal holds so far; a line that is still being written is left out."""
    journal = run / "journal.jsonl"
    found = []
    for line in journal.read_text(encoding="utf-8").splitlines(keepends=True) if journal.exists() else []:
        if line.endswith("\n") and '"kind":"epoch"' in line.replace(": ", ":"):
            found.append(json.loads(line))
    return found


def reached(run: Path, target: float) -> int | None:
    """The number of epochs after which a run first had the validation accuracy; None where it has not."""
    return next((its["epoch"] + 1 for its in epochs_of(run) if its["val_accuracy"] >= target), None)


@contextmanager
def training(photos: Path, recipe: str, seed: int, split: str, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`fingerspell train` at work, into place/run, with a cache of its own."""
    command = [*FINGERSPELL, "train", str(photos), "--recipe", recipe, "--split-by", split, "--seed", str(seed)]
    command += ["--out", str(place / "run"), "--cache", str(place / "cache")]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()


def to_target(photos: Path, recipe: str, seed: int, target: float) -> dict[str, Any]:
    """Train from nothing until the target is reached. Raises SystemExit where it never is."""
    with tempfile.TemporaryDirectory(prefix="fingerspell-time-") as name:
        place, start = Path(name), time.perf_counter()
        with training(photos, recipe, seed, "keras", place) as process:
            while (epochs := reached(place / "run", target)) is None and process.poll() is None:
                time.sleep(0.02)
            seconds = time.perf_counter() - start
            epochs = epochs or reached(place / "run", target)
        if epochs is None:
            raise SystemExit(
                f"{recipe} never reached {target:.0%}: {(place / 'log').read_text(errors='replace')[-400:]}"
            )
        curve = [round(its["val_accuracy"], 4) for its in epochs_of(place / "run")]
    own = {"epochs": epochs, "curve": curve[:epochs], "seed": seed}
    return {"seconds": seconds, "units": 1, **own, "train_peak_mib": getrusage(RUSAGE_CHILDREN).ru_maxrss / 1024}


def be_ours(photos: Path, recipe: str, target: float) -> None:
    """The contender that trains our recipe, each round with the next seed."""
    seeds = iter(range(1_000_000))
    serve(lambda: to_target(photos, recipe, next(seeds), target))


def contenders(given: argparse.Namespace) -> tuple[Contender, list[Contender]]:
    """Ours, and theirs as installed and with its allocator fixed."""
    own = [sys.executable, __file__, str(given.photos), "--recipe", given.recipe, "--target", str(given.target)]
    ours = Contender(f"fingerspell, recipe {given.recipe}", [*own, "--contender"])
    script = str(Path(__file__).parent / "peers" / "time_keras.py")
    steps = ["--steps", str(given.steps), "--validation-steps", str(given.steps), "--side", str(given.side)]
    command = [str(PEERS_PYTHON), script, str(given.photos), *steps]
    theirs = [
        Contender("Keras on TensorFlow, v4, as installed", command),
        Contender("Keras on TensorFlow, v4, allocator fixed", command, {"GLIBC_TUNABLES": FIXED}),
    ]
    return ours, theirs


def computed(theirs: Contender, counted: dict[str, float]) -> dict[str, float]:
    """Seconds of each way to count epochs: steps and validations at their measured medians."""
    a_photo = median(theirs.per_unit)
    a_validation = median(said["validation_seconds"] / said["validation_units"] for said in theirs.rounds)
    epoch = a_photo * theirs.ready["train_photos"] + a_validation * theirs.ready["validation_photos"]
    return {name: epoch * epochs for name, epochs in counted.items()}


def judged(photos: Path, recipe: str, seeds: Sequence[int], others: Sequence[Path]) -> list[dict[str, Any]]:
    """Per seed: accuracy on the block split's test part and on each other folder, and the seconds of the training."""
    found = []
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="fingerspell-time-") as name:
            place, start = Path(name), time.perf_counter()
            with training(photos, recipe, seed, "block", place) as process:
                process.wait()
            seconds, run = time.perf_counter() - start, str(place / "run")
            command = [*FINGERSPELL, "evaluate", run, *map(str, others), "--json", "--no-photos"]
            own = {**os.environ, "FINGERSPELL_CACHE": str(place / "cache")}
            scored = subprocess.run(command, capture_output=True, text=True, check=True, env=own)
            sources = json.loads(scored.stdout)["sources"]
            accuracy = {its["name"]: its["scores"]["accuracy"] for its in sources}
            best = max(its["val_accuracy"] for its in epochs_of(place / "run"))
            found.append({"seed": seed, "seconds": seconds, "val_accuracy": best, "accuracy": accuracy})
            note(f"seed {seed}: {accuracy}, {seconds:.0f} s in all")
    return found


def spread(values: Sequence[float], shape: str) -> str:
    """Median and range."""
    low, high = (format(value, shape) for value in (min(values), max(values)))
    return f"{format(median(values), shape)} ({low}–{high})"


def shown(ours: Contender, theirs: Sequence[Contender], counted: dict[str, float]) -> tuple[str, dict[str, Any]]:
    """Both tables as text, and the figures."""
    steps = [(its.name, spread([1 / taken for taken in its.per_unit], ".1f") if its.rounds else its.ready.get("error"))
             for its in theirs]  # fmt: skip
    taken = [said["seconds"] for said in ours.rounds]
    rows: list[tuple[str, str, str, str]] = []
    figures: dict[str, Any] = {}
    if taken:
        epochs = ", ".join(str(said["epochs"]) for said in ours.rounds)
        rows.append((ours.name, spread(taken, ".1f"), "–", f"measured; epochs: {epochs}"))
    for its in theirs:
        if not its.rounds:
            continue
        for way, seconds in computed(its, counted).items():
            ratio = seconds / median(taken) if taken else None
            figures[f"{its.name}: {way}"] = {"seconds": seconds, "times_ours": ratio}
            rows.append((its.name, f"{seconds:,.0f}", "–" if ratio is None else f"{ratio:.1f}", f"computed: {way}"))
    first = table(["training of v4", "photos/s"], steps)
    return f"{first}\n\n{table(['until the target', 'seconds', 'times ours', 'how'], rows)}", figures


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder of class folders")
    parser.add_argument("--recipe", default="fast", help="of ours (%(default)s)")
    parser.add_argument("--target", type=float, default=TARGET, help="validation accuracy (%(default)s)")
    parser.add_argument("--rounds", type=int, default=4, help="of each side (%(default)s); 0 to judge only")
    parser.add_argument("--steps", type=int, default=5, help="theirs takes a round (%(default)s)")
    parser.add_argument("--side", type=int, default=200, help="of v4's input (%(default)s)")
    parser.add_argument("--v4-run", type=Path, metavar="RUN", help="a run of recipe notebook-v4 to count epochs in")
    parser.add_argument("--judge", type=Path, nargs="*", metavar="DIR", help="also score the recipe, on DIRs too")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="to judge (%(default)s)")
    parser.add_argument("--contender", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def ways_to_count(run: Path | None, target: float, train_photos: int) -> dict[str, float]:
    """Epochs of PHOTOS that v4 needs, by where the number comes from."""
    counted = {"one epoch alone, a lower bound": 1.0}
    if run is not None:
        epochs = reached(run, target)
        side = json.loads((run / "run.json").read_text(encoding="utf-8"))["recipe"]["preprocess"]["height"]
        if epochs is None:
            best = max(its["val_accuracy"] for its in epochs_of(run))
            counted[f"all {len(epochs_of(run))} epochs of our v4 at {side}×{side}, not reached ({best:.1%})"] = len(
                epochs_of(run)
            )
        else:
            counted[f"as many epochs as our v4 needed at {side}×{side}: {epochs}"] = epochs
    counted[f"as many photos as the notebook recorded: {NOTEBOOK_PHOTOS:,}"] = NOTEBOOK_PHOTOS / train_photos
    return counted


def main() -> None:
    given = arguments()
    if given.contender:
        be_ours(given.photos, given.recipe, given.target)
        return
    ours, theirs = contenders(given)
    if given.rounds:
        contend([*theirs, ours], given.rounds)
    at_work = [its for its in theirs if its.rounds]
    counted = ways_to_count(given.v4_run, given.target, at_work[0].ready["train_photos"]) if at_work else {}
    text, figures = shown(ours, theirs, counted)
    if given.rounds:
        print(text)
    scores = judged(given.photos, given.recipe, given.seeds, given.judge) if given.judge is not None else []
    if scores:
        names = list(scores[0]["accuracy"])
        rows = [(name, *(f"{its['accuracy'][name]:.1%}" for its in scores),
                 f"{mean(its['accuracy'][name] for its in scores):.1%}") for name in names]  # fmt: skip
        print("\n" + table([f"accuracy of {given.recipe}", *(f"seed {its['seed']}" for its in scores), "mean"], rows))
    result = {"target": given.target, "ours": ours.summary | {"runs": ours.rounds}, "computed": figures}
    finish(
        "time_to_result", result | {"theirs": [its.summary | {"runs": its.rounds} for its in theirs], "judged": scores}
    )


if __name__ == "__main__":
    main()
