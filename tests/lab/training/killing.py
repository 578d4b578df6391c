"""Kill a training run with SIGKILL at random moments, go on each time, and compare the end with an unbroken run.

    python tests/lab/training/killing.py --runs 3 --network notebook-v4
    python tests/lab/training/killing.py --runs 1 --network residual-small --also-learn
    python tests/lab/training/killing.py --runs 1 --network notebook-v2 --augment-as keras

Prints a JSON line: how often each run was killed, and whether weights, checkpoint and journal are the same bits.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import fingerspell.lab  # noqa: F401 - the allocator
from fingerspell.lab import recipe as recipes
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.training.journal import read_journal
from fingerspell.lab.training.launch import Surroundings, additions_for, resume, split_for, start
from fingerspell.lab.training.run import RunFolder

import torch  # isort: skip - after the allocator
from safetensors.torch import load_file  # isort: skip


def make_photos(folder: Path, seed: int = 0) -> None:
    """Four classes of 16 small photos: a bright bar whose angle is the class, on noise."""
    numbers = np.random.default_rng(seed)
    for index, label in enumerate("ABCD"):
        (folder / label).mkdir(parents=True)
        for number in range(16):
            pixels = numbers.integers(0, 90, (36, 36, 3), dtype=np.uint8)
            pixels[8 * index + 2 : 8 * index + 7] += 120
            Image.fromarray(pixels).save(folder / label / f"{label}{number}.jpg", quality=90)


def settings(network: str, augment_as: str) -> recipes.Recipe:
    """Everything that has a state: batch norm, dropout, L2, moments, plateau, stopping, augmentation."""
    return recipes.from_dict(
        {
            "name": "killing",
            "network": network,
            "augment": "strong" if network == "residual-small" and augment_as == "intended" else "C",
            "augment_as": augment_as,
            "preprocess": {"height": 32, "width": 32},
            "training": {"epochs": 5, "batch_size": 8},
            "stopping": {"patience": 3},
            "plateau": {"patience": 1},
        }
    )


def train(photos: Path, out: Path, recipe: recipes.Recipe, checkpoint_seconds: float, pace: float) -> None:
    """Start or go on, in this process; `pace` slows each step so that kills meet all of its moments."""

    class Slow:
        def step(self, entry: dict) -> None:
            time.sleep(pace)

        def epoch(self, entry: dict) -> None:
            time.sleep(pace)

    around = Surroundings(out.parent / "cache", checkpoint_seconds=checkpoint_seconds, observers=[Slow()])
    run = RunFolder(out)
    if run.state.exists():
        resume(run, around)
    else:
        split = split_for(recipe, scan(photos))
        others = [scan(folder) for folder in sorted(photos.parent.glob("other*"))]
        start(recipe, split, run, around, additions_for(recipe, split, others, around))


def finished(out: Path) -> bool:
    """Whether the run has come to its end."""
    state = RunFolder(out).state
    return state.exists() and RunFolder(out).read_state()["status"] == "finished"


def killed_until_done(photos: Path, out: Path, recipe: recipes.Recipe, chance: random.Random) -> int:
    """Train in children that are killed after a random time. Returns the number of kills."""
    kills = 0
    while not finished(out):
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            try:
                train(photos, out, recipe, chance.choice([0.0, 0.0, 0.05, 10.0]), 0.004)
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        # short lives at first would never pass the set-up; the span grows until one comes through
        time.sleep(chance.uniform(0.05, 0.9 + 0.02 * kills))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        kills += os.WIFSIGNALED(status)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            raise SystemExit("a resumed run failed")
    return kills


def ending(out: Path) -> tuple[dict, dict, list]:
    """Weights, checkpoint tensors and the journal without times."""
    run = RunFolder(out)
    timed = ("seconds", "wait", "photos_per_second")
    journal = [{k: v for k, v in entry.items() if k not in timed} for entry in read_journal(run.journal)]
    return load_file(run.weights), load_file(run.checkpoint), journal


def same(first: tuple, second: tuple) -> bool:
    """Bit for bit."""
    for one, other in zip(first[:2], second[:2], strict=True):
        if one.keys() != other.keys() or not all(torch.equal(one[name], other[name]) for name in one):
            return False
    return first[2] == second[2]


def main() -> None:
    """Run the trial."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--network", default="notebook-v4")
    parser.add_argument("--augment-as", default="intended", choices=["intended", "keras"])
    parser.add_argument("--also-learn", action="store_true", help="learn from two further folders too")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    recipe = settings(chosen.network, chosen.augment_as)
    chance = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        make_photos(photos)
        for number in (1, 2) if chosen.also_learn else ():
            make_photos(Path(folder) / f"other{number}", seed=number)
        whole = Path(folder) / "whole"
        child = os.fork()  # the parent never trains: forking after torch has worked is not safe
        if child == 0:
            train(photos, whole, recipe, 1000.0, 0.0)
            os._exit(0)
        os.waitpid(child, 0)
        kills, equal = [], []
        for number in range(chosen.runs):
            out = Path(folder) / f"killed-{number}"
            kills.append(killed_until_done(photos, out, recipe, chance))
            equal.append(same(ending(whole), ending(out)))
        steps = sum(entry["kind"] == "step" for entry in ending(whole)[2])
    told = {"network": chosen.network, "augment_as": chosen.augment_as}
    print(json.dumps(told | {"steps": steps, "kills": kills, "equal": equal}))


if __name__ == "__main__":
    main()
