"""How time and memory grow with the number of photos: auditing, packing, training steps, evaluating.

    python benchmarks/growth.py PHOTOS [--photos 1000 10000 87000] [--phases audit pack train evaluate]

Makes a folder of JPEG files in a temporary place (87,000 take about 1 GB, and their packed copies 1 GB more; removed
afterwards), each a photo of PHOTOS moved by a few pixels and a little brighter or darker, 17 in a row of the same photo
as frames of a recording are. Each phase of each size runs in a process of its own, so that its memory is its own.

How to read the table: time is flat where a photo costs the same in every row. `ms/photo` is processor time, of all
threads, which other work on the machine disturbs least; `photos/s` is by the clock. What a phase costs before its first
photo (starting Python, loading libraries) is left out, and stands in the JSON as `before`. Memory is the process's own,
at its peak; the packed photos, which are mapped from their file and which the system takes back at need, are not in it
(`with files` has them where they were in memory). `bytes/photo` is by how much the own memory grew since the row
before. Prints one JSON line last.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from measuring import finish, note, table

FRAMES_OF_ONE_PHOTO = 17
STEPS = 60
RECIPE = "fast"


def frame(photo: Image.Image, step: int) -> Image.Image:
    """The photo as one of the frames around it might be: moved by up to 4 pixels, up to 6 levels brighter."""
    pixels = np.asarray(photo).astype(np.int16)
    moved = np.roll(pixels, (step % 5 - 2, step % 9 - 4), axis=(0, 1))
    return Image.fromarray(np.clip(moved + step % 13 - 6, 0, 255).astype(np.uint8))


def extend(folder: Path, sources: dict[str, list[Path]], start: int, stop: int) -> None:
    """Write the files number start to stop - 1; file i is a frame of class i modulo the number of classes."""
    labels = sorted(sources)

    def write(index: int) -> None:
        label, number = labels[index % len(labels)], index // len(labels)
        own = sources[label]
        with Image.open(own[number // FRAMES_OF_ONE_PHOTO % len(own)]) as photo:
            made = frame(photo.convert("RGB"), number)
        made.save(folder / label / f"{label}{number + 1}.jpg", quality=85)

    for label in labels:
        (folder / label).mkdir(exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(write, range(start, stop)):
            pass


class Memory:
    """The process's own memory at its peak, MiB, by looking every few milliseconds; Linux."""

    def __init__(self) -> None:
        self.own = self.whole = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.look()
            time.sleep(0.01)

    def look(self) -> None:
        """Look now."""
        said = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        self.own = max(self.own, int(said["RssAnon"].split()[0]) / 1024)
        self.whole = max(self.whole, int(said["VmHWM"].split()[0]) / 1024)


class Stopwatch:
    """Seconds by the clock and of the processor since it was made or started anew."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin now."""
        self._clock, self._processor = time.perf_counter(), time.process_time()

    @property
    def times(self) -> dict[str, float]:
        """Both, now."""
        return {"seconds": time.perf_counter() - self._clock, "processor": time.process_time() - self._processor}


def audit_phase(folder: Path, place: Path) -> dict[str, Any]:
    """The whole of `fingerspell data audit`."""
    from fingerspell.lab.data.audit import audit

    ended: dict[str, float] = {}
    watch = Stopwatch()
    found = audit(folder, lambda task, *_: ended.__setitem__(task, round(watch.times["seconds"], 2)))
    its = {"near": found.near, "near_photos": found.near_photos, "ended_at": ended}
    its["crossing"] = {split.strategy: [split.crossing, split.held_out] for split in found.splits}
    return {**watch.times, "done": found.photos, **its}


def pack_phase(folder: Path, place: Path) -> dict[str, Any]:
    """Reading the folder, and packing its photos at the recipe's size."""
    from fingerspell.lab.data.cache import open_cache
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.recipe import read

    watch = Stopwatch()
    manifest = scan(folder)
    read_in = watch.times["seconds"]
    cache = open_cache(manifest, read(RECIPE).preprocess.spec(), place / "cache")
    return {**watch.times, "done": len(cache.rows), "reading": round(read_in, 2)}


def train_phase(folder: Path, place: Path) -> dict[str, Any]:
    """Steps of a training, from the packed photos; what comes before the first (split, order) is told apart."""
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.recipe import read
    from fingerspell.lab.training.launch import Surroundings, split_for, start
    from fingerspell.lab.training.run import RunFolder

    whole, watch = Stopwatch(), Stopwatch()
    taken: dict[str, Any] = {"steps": 0}

    class Steps:
        def step(self, entry: dict[str, Any]) -> None:
            taken["steps"] += 1
            if taken["steps"] == 1:  # the first prepares what the others share
                taken["first"] = whole.times["seconds"]
                watch.start()
            elif taken["steps"] == STEPS + 1:
                taken.update(watch.times)

        def epoch(self, entry: dict[str, Any]) -> None:
            pass

    recipe = read(RECIPE, ["training.epochs=100"])
    around = Surroundings(place / "cache", "cpu", observers=[Steps()])
    around.asked_to_stop = lambda: "measured" if taken["steps"] > STEPS else None
    run = place / "run"
    shutil.rmtree(run, ignore_errors=True)
    manifest = scan(folder)
    whole.start()
    start(recipe, split_for(recipe, manifest), RunFolder(run), around)
    return {"seconds": taken["seconds"], "processor": taken["processor"], "done": STEPS * recipe.training.batch_size,
            "before_first_step": round(taken["first"], 2)}  # fmt: skip


def evaluate_phase(folder: Path, place: Path) -> dict[str, Any]:
    """Scoring the block split's test part."""
    from fingerspell.core.alphabet import LABELS
    from fingerspell.lab.data.cache import open_cache
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.evaluate import evaluate_split
    from fingerspell.lab.nets.model import Model
    from fingerspell.lab.nets.registry import build
    from fingerspell.lab.recipe import read
    from fingerspell.lab.training.launch import split_for

    recipe = read(RECIPE)
    spec = recipe.preprocess.spec()
    model = Model(recipe.network, LABELS, spec, build(recipe.network, len(LABELS), spec.height, spec.width))
    manifest = scan(folder)
    split = split_for(recipe, manifest)
    cache = open_cache(manifest, spec, place / "cache")
    watch = Stopwatch()
    result = evaluate_split(model, split, cache)
    return {**watch.times, "done": result.photos}


PHASES: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "audit": audit_phase,
    "pack": pack_phase,
    "train": train_phase,
    "evaluate": evaluate_phase,
}


def be_phase(name: str, folder: Path, place: Path) -> None:
    """In a process of its own: one phase, and a line of JSON about it."""
    import fingerspell.lab  # noqa: F401 - the allocator first

    memory = Memory()
    said = PHASES[name](folder, place)
    memory.look()
    print(json.dumps({**said, "own_mib": memory.own, "whole_mib": memory.whole}))


def measured(name: str, folder: Path, place: Path) -> dict[str, Any]:
    """Run a phase in a process of its own. Raises SystemExit with its last words where it fails."""
    command = [sys.executable, __file__, str(folder), "--phase", name, "--place", str(place)]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr[-2000:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    said["before"] = round(time.perf_counter() - begun - said["seconds"], 2)
    return said


def sources_of(photos: Path) -> dict[str, list[Path]]:
    """The files to make photos from, by label, in the order of their recording."""
    from fingerspell.lab.data.manifest import scan

    found: dict[str, list[Path]] = defaultdict(list)
    manifest = scan(photos)
    for photo in sorted(manifest.photos, key=lambda photo: (photo.label, photo.number or 0)):
        found[photo.label].append(manifest.root / photo.path)
    return found


def rows_of(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The table's rows, phase by phase, each with its growth since the row before."""
    rows = []
    for name in PHASES:
        before: dict[str, Any] | None = None
        for its in (result for result in results if result["phase"] == name):
            grown = "–"
            if before is not None and its["photos"] > before["photos"]:
                more = (its["own_mib"] - before["own_mib"]) * 2**20
                grown = f"{more / (its['photos'] - before['photos']):,.0f}"
            each = f"{1000 * its['processor'] / its['done']:.2f}"
            clock, own = f"{its['done'] / its['seconds']:,.0f}", f"{its['own_mib']:,.0f}"
            rows.append((name, f"{its['photos']:,}", each, clock, own, f"{its['whole_mib']:,.0f}", grown))
            before = its
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="PHOTOS", help="a folder of class folders to make the files from")
    parser.add_argument("--photos", type=int, nargs="+", default=[1_000, 10_000, 87_000], help="how many")
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=list(PHASES), help="audit pack train evaluate")
    parser.add_argument("--place", type=Path, help="where files are made, and kept (default: a temporary place)")
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        be_phase(given.phase, given.source, given.place)
        return
    place = given.place or Path(tempfile.mkdtemp(prefix="fingerspell-growth-"))
    folder = place / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    sources, results = sources_of(given.source), []
    made = sum(len(files) for _, _, files in os.walk(folder))
    try:
        for size in sorted(given.photos):
            extend(folder, sources, made, size)
            made = max(made, size)
            note(f"{size:,} photos are there")
            shutil.rmtree(place / "cache", ignore_errors=True)
            for name in given.phases:
                results.append({"phase": name, "photos": size, **measured(name, folder, place)})
                note(json.dumps(results[-1]))
    finally:
        if given.place is None:
            shutil.rmtree(place)
    heads = ["phase", "photos", "ms/photo", "photos/s", "own MiB", "with files", "bytes/photo"]
    print(table(heads, rows_of(results)))
    finish("growth", {"results": results})


if __name__ == "__main__":
    main()
