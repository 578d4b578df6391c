"""Kill `fingerspell reproduce` with SIGKILL again and again, call it again each time, and compare with an unbroken one.

    python tests/cli/reproducing.py --seed 3

Prints a JSON line: how often it was killed, in which states of its networks, and whether weights, checkpoints,
journals, scores, curves and page are the same in the end. Times, and nothing else, are left out.
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
from fingerspell.cli import reproduce
from fingerspell.cli.main import app
from fingerspell.lab import figures, page, reproduce_page

import torch  # isort: skip - after the allocator
from safetensors.torch import load_file  # isort: skip

NETWORKS = ("notebook-v2", "notebook-v3")
STAGES = (
    "reproduce.json",
    "notebook-v2/journal.jsonl",
    "notebook-v2/weights.safetensors",
    "notebook-v2/evaluation.json",
    "notebook-v3/weights.safetensors",
    "notebook-v3/evaluation.json",
)
TIMES = (
    "made",
    "ended",
    "seconds",
    "wait",
    "seconds_per_epoch",
    "epoch_seconds",
    "step_seconds",
    "photos_per_second",
    "scored",
)


def make_photos(folder: Path, seed: int, each: int) -> None:
    """Three classes of small photos: a bright bar whose place is the class, on noise."""
    numbers = np.random.default_rng(seed)
    for index, label in enumerate("ABC"):
        (folder / label).mkdir(parents=True)
        for number in range(each):
            pixels = numbers.integers(0, 90, (32, 32, 3), dtype=np.uint8)
            pixels[8 * index + 2 : 8 * index + 7] += 120
            Image.fromarray(pixels).save(folder / label / f"{label}{number}.png")


def call(place: Path, out: Path, pace: float) -> int:
    """One call in a child of its own, where figures are not drawn and times read alike; `pace` slows each step."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with Path(f"{out}.log").open("a") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        figures._svg = lambda *_: "data:image/svg+xml;base64,PHN2Zy8+"
        page.duration = lambda seconds: "–" if seconds is None else "T"
        reproduce_page.now = lambda: "now"
        page.whole = lambda number: "W" if isinstance(number, float) else f"{number:,}"  # steps' milliseconds
        reproduce.Pace.step = lambda self, entry: time.sleep(pace)
        words = ["reproduce", place / "photos", "--out", out, "--cache", place / f"cache-{out.name}"]
        words += ["--size", 32, "--epochs", 2, "--batch-size", 8, "--seed", 4, "--only", ",".join(NETWORKS)]
        code = app([str(word) for word in [*words, "--also-score", place / "desk"]], standalone_mode=False) or 0
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def killed_until_done(place: Path, out: Path, chance: random.Random) -> list[str]:
    """Call it in children that are killed soon after a file appears, the last runs to its end. Returns what was met."""
    met = []
    for stage in STAGES:
        child = call(place, out, 0.02)
        while not (out / stage).exists() and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.2))
        os.kill(child, signal.SIGKILL)
        if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            met.append(standing(out))
    if os.waitpid(call(place, out, 0.0), 0)[1]:
        raise SystemExit(f"a call failed: {Path(f'{out}.log').read_text()}")
    return met


def standing(out: Path) -> str:
    """How far each network is, in a word."""
    found = []
    for name in NETWORKS:
        state = out / name / "run.json"
        scored = (out / name / "evaluation.json").exists()
        found.append("scored" if scored else json.loads(state.read_text())["status"] if state.exists() else "waiting")
    return ", ".join(found)


def without_times(value: object) -> object:
    """The same JSON value without what a clock gave, and without digests of files, whose headers have no order."""
    if isinstance(value, dict):
        return {key: without_times(its) for key, its in value.items() if key not in TIMES}
    return [without_times(its) for its in value] if isinstance(value, list) else value


def ending(out: Path) -> dict[str, object]:
    """All that is left in the end."""
    found: dict[str, object] = {}
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if path.name in ("reproduce.html", "split.json", "recipe.toml"):
            found[name] = path.read_bytes()
        elif path.suffix == ".safetensors":  # the order of a header's entries is left to chance
            found[name] = {key: tensor.numpy().tobytes() for key, tensor in load_file(path).items()}
        elif path.name in ("reproduce.json", "evaluation.json", "run.json"):
            found[name] = without_times(json.loads(path.read_text()))
        elif path.name == "journal.jsonl":
            found[name] = [without_times(json.loads(line)) for line in path.read_text().splitlines()]
        elif path.name == "reproduce.csv":
            found[name] = [line.rpartition(",")[0] for line in path.read_text().splitlines()]
    return found


def main() -> None:
    """Run the trial."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)  # loads half of torch: once here, not anew in every child
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_photos(place / "photos", 0, 15)
        make_photos(place / "desk", 1, 5)
        child = call(place, place / "whole", 0.0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit(f"the unbroken call failed: {(place / 'whole.log').read_text()}")
        met = killed_until_done(place, place / "killed", random.Random(chosen.seed))
        whole, killed = ending(place / "whole"), ending(place / "killed")
        differ = sorted(name for name in whole.keys() | killed.keys() if whole.get(name) != killed.get(name))
    print(json.dumps({"kills": len(met), "met": met, "files": sorted(whole), "differ": differ}))


if __name__ == "__main__":
    main()
