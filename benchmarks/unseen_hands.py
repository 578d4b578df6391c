"""How well a recogniser reads hands that it has never seen: who is left out, and what each step brings.

    python benchmarks/unseen_hands.py --one-signer DIR --rooms DIR --wall DIR --rendered DIR… --landmarks FILE
        --desk DIR --clips DIR --out runs/unseen [--seeds 0 1 2] [--only hard all …]

Three protocols, fixed before anything was trained:

  hard            learn from one signer and rendered hands; judged on the two other collections
  all             learn from all that may be learnt from; judged on `desk` and on stills of `clips` (static letters,
                  cut by clip_stills.py)
  without-NAME    learn from all but one collection; judged on that one. Choices are made on these, never on `all`

and steps of the recipe taken back, one at a time, on `without-rooms`. Each is trained with every seed by `fingerspell
train` and scored by `fingerspell evaluate`; intervals are over recordings. Killed and started again it goes on; with
everything there it only prints a table and one JSON line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fingerspell.core.provenance import machine, now, versions


@dataclass(frozen=True)
class Experiment:
    """What is learnt from (the first is also chosen by), what is judged on, and what of the recipe is changed."""

    learn: tuple[str, ...]
    judge: tuple[str, ...]
    changes: tuple[str, ...] = ()
    recipe: str = "hand"


LEFT_OUT = (("one-signer", "wall", "rendered"), ("rooms",))
EXPERIMENTS: dict[str, Experiment] = {
    "hard": Experiment(("one-signer", "rendered"), ("rooms", "desk")),
    "all": Experiment(("one-signer", "rooms", "wall", "rendered"), ("desk", "clips")),
    "without-rooms": Experiment(*LEFT_OUT),
    "without-one-signer": Experiment(("rooms", "wall", "rendered"), ("one-signer",)),
    "without-wall": Experiment(("one-signer", "rooms", "rendered"), ("wall",)),
    # Steps taken back, on without-rooms.
    "no-heat": Experiment(*LEFT_OUT, ("hand.heat=0",)),
    "no-fine": Experiment(*LEFT_OUT, ("network=hand-parts",)),
    "no-parts": Experiment(*LEFT_OUT, ("network=hand",)),
    "no-landmarks": Experiment(*LEFT_OUT, ("network=hand", "hand.landmarks=0", "hand.heat=0")),
    "no-tipping": Experiment(*LEFT_OUT, ("hand.tipped=0",)),
    "no-framing": Experiment(*LEFT_OUT, ("hand.framed=0",)),
    "mild": Experiment(*LEFT_OUT, ("augment=mild",)),
    "strong": Experiment(*LEFT_OUT, ("augment=strong",)),
    "quick": Experiment(*LEFT_OUT, (), "quick"),
}


def command(*words: object) -> None:
    """Run a `fingerspell` command; what it says goes to the terminal."""
    subprocess.run([sys.executable, "-m", "fingerspell.cli.main", *map(str, words)], check=True)


def train(
    experiment: Experiment, seed: int, run: Path, options: argparse.Namespace, places: dict[str, list[Path]]
) -> None:
    """Train an experiment with a seed, or go on with it."""
    if (run / "run.json").is_file():
        command("train", "--resume", run)
        return
    first, *others = (place for name in experiment.learn for place in places[name])
    also = [word for place in others for word in ("--also-learn", place)]
    words = ["train", first, "--recipe", experiment.recipe, *also, "--out", run, "--seed", seed]
    if experiment.recipe == "hand" and options.landmarks:
        words += ["--landmarks", options.landmarks]
    changes = [*experiment.changes, *([f"training.epochs={options.epochs}"] if options.epochs else [])]
    command(*words, *(word for change in changes for word in ("--set", change)))


def score(experiment: Experiment, run: Path, places: dict[str, list[Path]]) -> list[dict[str, Any]]:
    """Scores by source of a finished run."""
    if not (run / "evaluation.json").is_file():
        command("evaluate", run, *(place for name in experiment.judge for place in places[name]), "--no-photos")
    sources: list[dict[str, Any]] = json.loads((run / "evaluation.json").read_text())["sources"]
    return sources


def table(results: dict[str, dict[str, list[float]]]) -> None:
    """Print mean, lowest and highest accuracy over the seeds."""
    print(f"{'experiment':<20}{'judged on':<28}{'seeds':>6}{'mean':>8}{'low':>8}{'high':>8}")
    for name, by_source in results.items():
        for source, accuracies in by_source.items():
            spread = f"{min(accuracies):>8.3f}{max(accuracies):>8.3f}"
            print(f"{name:<20}{source[:27]:<28}{len(accuracies):>6}{statistics.mean(accuracies):>8.3f}{spread}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score and print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("one-signer", "rooms", "wall", "desk", "clips"):
        parser.add_argument(f"--{name}", type=Path, required=name != "clips")
    parser.add_argument("--rendered", type=Path, nargs="+", required=True)
    parser.add_argument("--landmarks", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS))
    options = parser.parse_args(arguments)
    places = {
        name: [path] if path else []
        for name, path in (
            ("one-signer", options.one_signer),
            ("rooms", options.rooms),
            ("wall", options.wall),
            ("desk", options.desk),
            ("clips", options.clips),
        )
    } | {"rendered": options.rendered}
    results: dict[str, dict[str, list[float]]] = {}
    for seed in options.seeds:
        for name in options.only:
            run = options.out / f"{name}-{seed}"
            train(EXPERIMENTS[name], seed, run, options, places)
            for source in score(EXPERIMENTS[name], run, places):
                results.setdefault(name, {}).setdefault(source["name"], []).append(source["scores"]["accuracy"])
    table(results)
    print(json.dumps({"when": now(), "machine": machine(), "versions": versions(), "accuracy": results}))


if __name__ == "__main__":
    main()
