"""What the notebook's numbers mean: its networks on random, Keras's, block and other people's photos.

    python benchmarks/notebook_numbers.py ONE_SIGNER --others DESK ROOMS … --out runs/notebook [--jobs 2]

Trains each experiment of `EXPERIMENTS` with each seed through `fingerspell train`, scores it through
`fingerspell evaluate` on its own held-out part, on the other collections and on mirrored photos, and prints the tables
of docs/notebook.md, then one JSON line. Killed and started again it goes on; with everything there it only prints.
About a minute of one core for each 10,000 photos learnt from at 48 pixels by v1–v3, four by v4 and v5.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from fingerspell.core.provenance import machine, now, versions
from fingerspell.lab.data.manifest import frame_number
from fingerspell.lab.recipe import PlateauSettings, read
from fingerspell.lab.training.schedule import Plateau


@dataclass(frozen=True)
class Experiment:
    """One way to train, with every seed; `mirrored` says whether mirrored photos are scored too."""

    name: str
    recipe: str
    split: str = "block"
    changes: tuple[str, ...] = ()
    mirrored: bool = False


EXPERIMENTS = (
    Experiment("v2-random", "notebook-v2", "random"),
    Experiment("v2-keras", "notebook-v2", "keras"),
    Experiment("v2-block", "notebook-v2", mirrored=True),
    Experiment("v2-nomirror", "notebook-v2", changes=("mirror=false",), mirrored=True),
    Experiment("v2-intended", "notebook-v2-intended"),
    Experiment("v2-faithful", "notebook-v2", changes=("augment_as=keras",)),
    Experiment("v1-block", "notebook-v1"),
    Experiment("v3-block", "notebook-v3"),
    Experiment("v4-block", "notebook-v4"),
    Experiment("v5-block", "notebook-v5"),
)
# Frames between a held-out photo and the nearest one of its class that was learnt from.
DISTANCES = ((1, 5), (6, 15), (16, 30), (31, 60), (61, 150), (151, 400))
# One schedule for all, so that no network is stopped or slowed by when a noisy validation curve happens to pause.
SCHEDULE = ("stopping=none", "plateau=none", "cosine.warmup=1.0")
# Keras's own arithmetic is an experiment of its own (v2-faithful); a later setting wins.
INTENDED = "augment_as=intended"


def fingerspell(arguments: Sequence[str], log: Path) -> None:
    """Run a command on one thread: two runs side by side are quicker than one on two."""
    with log.open("a") as file:
        subprocess.run(
            [sys.executable, "-m", "fingerspell.cli.main", *arguments],
            check=True,
            stdout=file,
            stderr=file,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )


def mirrored_copy(folder: Path, target: Path, only: Sequence[str] | None = None) -> Path:
    """A folder of the mirrored photos (lossless): what the same hand looks like in a mirror, or a left hand."""
    if not target.is_dir():
        partial = target.with_name(target.name + ".partial")
        paths = [folder / path for path in only] if only is not None else sorted(folder.glob("*/*.jpg"))
        for path in paths:
            place = partial / path.relative_to(folder).with_suffix(".png")
            place.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(path) as photo:
                ImageOps.mirror(photo.convert("RGB")).save(place)
        partial.rename(target)
    return target


def train(experiment: Experiment, seed: int, arguments: argparse.Namespace) -> Path:
    """Train and score one run, or what of it is not there yet. Returns its folder."""
    run = arguments.out / f"{experiment.name}-{seed}"
    log = run.with_suffix(".log")
    state = json.loads((run / "run.json").read_text()) if (run / "run.json").is_file() else None
    if state is None:
        settings = [f"--set={change}" for change in (*SCHEDULE, INTENDED, *experiment.changes)]
        size = ["--size", str(arguments.size), "--epochs", str(arguments.epochs)]
        size += ["--batch-size", str(arguments.batch_size), "--seed", str(seed)]
        which = ["--recipe", experiment.recipe, "--split-by", experiment.split]
        fingerspell(["train", str(arguments.photos), *which, *size, *settings, "--out", str(run)], log)
    elif state["status"] != "finished":
        fingerspell(["train", "--resume", str(run)], log)
    folders = list(arguments.others)
    if experiment.mirrored:
        parts = json.loads((run / "split.json").read_text())["photos"]
        held_out = [path for path, _, _, part, _ in parts if part == "test"]
        folders.append(mirrored_copy(arguments.photos, arguments.out / "mirrored-test", held_out))
        folders += [mirrored_copy(its, arguments.out / f"mirrored-{its.name}") for its in arguments.others[:1]]
    if not {folder.name for folder in folders} <= scored(run).keys():
        fingerspell(["evaluate", str(run), *map(str, folders), "--no-photos"], log)
    return run


def scored(run: Path) -> dict[str, float]:
    """Accuracy by source; the run's own held-out part is `own`."""
    file = run / "evaluation.json"
    sources = json.loads(file.read_text())["sources"] if file.is_file() else []
    return {source["name"] if source["other_collection"] else "own": source["scores"]["accuracy"] for source in sources}


def curve(run: Path) -> list[dict[str, Any]]:
    """The journal's epochs."""
    entries = map(json.loads, (run / "journal.jsonl").read_text().splitlines())
    return [entry for entry in entries if entry["kind"] == "epoch"]


def figures(run: Path) -> dict[str, float]:
    """What the tables show of a run. `own` of a Keras split is its validation part after the last epoch."""
    epochs, found = curve(run), scored(run)
    last = epochs[-1]
    if json.loads((run / "run.json").read_text())["split"]["strategy"] == "keras":
        found["own"] = last["val_accuracy"]  # it has no test part, and the best epoch is chosen by the validation part
    return found | {
        "train": last["train_accuracy"],
        "val, best epoch": max(entry["val_accuracy"] for entry in epochs),
        "val_loss": last["val_loss"],
        "val_cross_entropy": last["val_cross_entropy"],
    }


def l2_in_the_loss(recipe: str, run: Path) -> dict[str, Any]:
    """The share of the L2 terms in val_loss, and when the recipe's plateau would first have acted with and without.

    The first time only: from there on the run would have gone another way.
    """
    epochs, plateau = curve(run), read(recipe).plateau
    terms = [entry["val_loss"] - entry["val_cross_entropy"] for entry in epochs]
    first = {}
    for key in ("val_loss", "val_cross_entropy"):
        schedule = Plateau(1.0, plateau or PlateauSettings(patience=3))
        for entry in epochs:
            schedule.end_epoch(entry[key])
            if schedule.rate(0) < 1.0:
                first[key] = entry["epoch"] + 1
                break
    return {
        "first_epoch": terms[0],
        "last_epoch": terms[-1],
        "share_of_val_loss": terms[-1] / epochs[-1]["val_loss"],
        "plateau_acts_in": first,
    }


def by_distance(runs: Sequence[Path]) -> list[dict[str, Any]]:
    """How often held-out photos are named right, by their distance in time to what was learnt; seeds pooled."""
    distances: list[int] = []
    right: list[bool] = []
    for run in runs:
        learnt: dict[str, list[int]] = {}
        for path, label, _, part, _ in json.loads((run / "split.json").read_text())["photos"]:
            if part == "train":
                learnt.setdefault(label, []).append(frame(path))
        sources = json.loads((run / "evaluation.json").read_text())["sources"]
        own = next(source["predictions"] for source in sources if not source["other_collection"])
        for path, truth, said in zip(own["path"], own["truth"], own["said"], strict=True):
            distances.append(min(abs(number - frame(path)) for number in learnt[truth]))
            right.append(truth == said)
    rows = []
    for low, high in DISTANCES:
        inside = [ok for distance, ok in zip(distances, right, strict=True) if low <= distance <= high]
        if len(inside) >= 30 * len(runs):
            rows.append(
                {"from": low, "to": high, "photos": len(inside) // len(runs), "right": statistics.fmean(inside)}
            )
    return rows


def frame(path: str) -> int:
    """The frame number of a file named as A123.jpg."""
    number = frame_number(path)
    if number is None:
        raise SystemExit(f"{path} has no frame number: distances in time cannot be told")
    return number


def shown(values: Sequence[float]) -> str:
    """Mean and range over the seeds, percent."""
    mean = 100 * statistics.fmean(values)
    return f"{mean:.1f} ({100 * min(values):.0f}–{100 * max(values):.0f})"


def print_table(results: dict[str, list[dict[str, float]]]) -> None:
    """Markdown: one line for each experiment, one column for each source."""
    columns = list(dict.fromkeys(name for runs in results.values() for name in runs[0]))
    print("| | " + " | ".join(columns) + " |")
    print("| --- |" + " ---: |" * len(columns))
    for name, runs in results.items():
        cells = [shown([run[column] for run in runs]) if column in runs[0] else "–" for column in columns]
        for at, column in enumerate(columns):
            if column.startswith("val_"):
                cells[at] = f"{statistics.fmean(run[column] for run in runs):.3f}"
        print(f"| {name} | " + " | ".join(cells) + " |")


def print_distances(distances: dict[str, list[dict[str, Any]]]) -> None:
    """Markdown: one line for each distance, one column for each split."""
    print("\n| frames to the nearest photo learnt from | " + " | ".join(distances) + " |")
    print("| --- |" + " ---: |" * len(distances))
    for low, high in DISTANCES:
        cells = []
        for rows in distances.values():
            row = next((row for row in rows if row["from"] == low), None)
            cells.append(f"{100 * row['right']:.0f} ({row['photos']})" if row else "–")
        print(f"| {low}–{high} | " + " | ".join(cells) + " |")


def print_l2(l2: dict[str, dict[str, Any]]) -> None:
    """Markdown: one line for each run."""
    print("\n| run | L2 terms, first epoch | last | share of val_loss | plateau first acts: by val_loss | without L2 |")
    print("| --- |" + " ---: |" * 5)
    for run, its in l2.items():
        acts = [str(its["plateau_acts_in"].get(key, "never")) for key in ("val_loss", "val_cross_entropy")]
        terms = f"{its['first_epoch']:.2f} | {its['last_epoch']:.2f} | {100 * its['share_of_val_loss']:.0f}%"
        print(f"| {run} | {terms} | {acts[0]} | {acts[1]} |")


def main() -> None:
    parser = argparse.ArgumentParser(description="the notebook's networks on random, Keras, block and other photos")
    parser.add_argument("photos", type=Path, help="one signer's photos, numbered in time")
    parser.add_argument(
        "--others", type=Path, nargs="+", required=True, help="other collections; the first is mirrored"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=[its.name for its in EXPERIMENTS], help="these experiments alone")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    chosen = [its for its in EXPERIMENTS if not arguments.only or its.name in arguments.only]
    jobs = [(experiment, seed) for seed in arguments.seeds for experiment in chosen]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        runs = list(pool.map(lambda job: train(*job, arguments), jobs))
    results: dict[str, list[dict[str, float]]] = {}
    for (experiment, _), run in zip(jobs, runs, strict=True):
        results.setdefault(experiment.name, []).append(figures(run))
    print_table(results)
    splits = [name for name in ("v2-random", "v2-keras", "v2-block") if name in results]
    distances = {
        name: by_distance([run for (its, _), run in zip(jobs, runs, strict=True) if its.name == name])
        for name in splits
    }
    print_distances(distances)
    l2 = {f"{its.name}-{seed}": l2_in_the_loss(its.recipe, run) for (its, seed), run in zip(jobs, runs, strict=True)}
    print_l2(l2)
    print(
        json.dumps(
            {
                "benchmark": "notebook_numbers",
                "made": now(),
                "machine": machine(),
                "versions": versions(),
                "settings": {"size": arguments.size, "epochs": arguments.epochs, "batch_size": arguments.batch_size},
                "seeds": arguments.seeds,
                "results": results,
                "by_distance": distances,
                "l2": l2,
            }
        )
    )


if __name__ == "__main__":
    main()
