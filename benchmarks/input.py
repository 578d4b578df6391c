"""How fast photos come: decoded, packed, gathered, changed, and all of the way to the batch that a step is given.

    python benchmarks/input.py PHOTOS                 from files and from the cache, beside other programs
    python benchmarks/input.py PHOTOS --epochs 5      in real trainings: the rate epoch by epoch, and the waiting

PHOTOS is a folder of class folders; the notebook's photos are 200×200 JPEGs. Other programs come from .venv-peers
(`make bench-peers`); one that is not there is left out with a reason.

How to read the first table: photos a second, median and range of the rounds; every program runs in a process of its
own, and all take turns. `whole path` is what a training run does for each batch: from packed photos in a file to
changed, normalised float32 in the network's memory format; policy B is the notebook's (turned, moved, zoomed, mirrored,
brightened). ImageDataGenerator reads the JPEGs anew in every epoch, as the notebook does: it has no packed photos.

How to read the second: photos a second of each epoch's training steps, and how much of their time they waited for
photos. A first epoch also compiles what is not yet compiled on this machine.

The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import PEERS_PYTHON, Contender, against, contend, finish, note, serve, table

PEERS = Path(__file__).parent / "peers"
OF_EACH = 36  # photos a class: enough for whole batches of all classes, few enough to be decoded every round
OURS = ["whole path, policy B, 1 thread", "whole path, policy B, 2 threads"]
ROWS: dict[str, tuple[str, ...]] = {
    "decode: fingerspell (Pillow), 1 thread": ("decode",),
    "pack into a cache: fingerspell": ("pack",),
    "gather: photos[rows]": ("gather", "--how", "fancy"),
    "gather: np.take(out=, mode=clip)": ("gather", "--how", "take"),
    "change, policy B: torch, 2 threads": ("torch", "--threads", "2"),
    OURS[0]: ("path", "--threads", "1"),
    OURS[1]: ("path", "--threads", "2"),
    "whole path, B in Keras's arithmetic, 1 thread": ("path", "--threads", "1", "--as", "keras"),
    "whole path, B in Keras's arithmetic, 2 threads": ("path", "--threads", "2", "--as", "keras"),
    "whole path, recipe hand (128 → 64 pixels), 1 thread": ("path", "--threads", "1", "--recipe", "hand"),
    "whole path, recipe hand (128 → 64 pixels), 2 threads": ("path", "--threads", "2", "--recipe", "hand"),
}
THEIRS: dict[str, tuple[str, ...]] = {
    "ImageDataGenerator, policy B": ("input_keras.py", "generator", "B"),
    "ImageDataGenerator, rescale alone": ("input_keras.py", "generator", "none"),
    "Keras random layers on TensorFlow, like B, photos in memory": ("input_keras.py", "layers"),
    "Albumentations, like B, photos in memory, 1 thread": ("input_others.py", "albumentations"),
    "decode: Pillow, 1 thread": ("input_others.py", "pillow"),
    "decode: OpenCV, 1 thread": ("input_others.py", "opencv"),
    "decode: simplejpeg, 1 thread": ("input_others.py", "simplejpeg"),
}
NOTEBOOK = "ImageDataGenerator, policy B"
TRAININGS: dict[str, tuple[str, ...]] = {
    "notebook-v1": ("notebook-v1", "stopping=none", "plateau=none"),
    "quick": ("quick",),
    "hand": ("hand",),
}


def some_of(photos: Path, folder: Path, of_each: int) -> Path:
    """A folder of links to the first photos of each class."""
    for label in sorted(entry for entry in photos.iterdir() if entry.is_dir()):
        (folder / label.name).mkdir(parents=True)
        for photo in sorted(entry for entry in label.iterdir() if entry.is_file())[:of_each]:
            (folder / label.name / photo.name).symlink_to(photo.resolve())
    return folder


class Setting:
    """A recipe on a folder of photos, packed, as training has it."""

    def __init__(self, folder: Path, name: str, overrides: list[str]) -> None:
        import fingerspell.lab  # noqa: F401 - the allocator, before torch works
        from fingerspell.lab import recipe as recipes
        from fingerspell.lab.data.cache import open_cache
        from fingerspell.lab.data.manifest import scan
        from fingerspell.lab.training.gather import training_data
        from fingerspell.lab.training.launch import learning_spec, split_for

        self.recipe = recipes.read(name, overrides)
        self.folder, self.place, self.manifest = folder, folder.parent / "cache", scan(folder)
        split = split_for(self.recipe, self.manifest)
        self.spec = learning_spec(self.recipe)
        cache = open_cache(self.manifest, self.spec, self.place)
        small = open_cache(self.manifest, self.recipe.preprocess.spec(), self.place)
        count = len([index for index in split.indices("train") if self.manifest.photos[index].path in cache.rows])
        shapes = made_up_shapes(count) if self.recipe.hand is not None else None
        self.data = training_data(split, cache, tuple(self.manifest.labels), (), shapes, small)
        self.pixels = cache.pixels


def made_up_shapes(count: int) -> Any:
    """Hands at made-up places: what is known about them changes no photo's time."""
    import numpy as np

    from fingerspell.lab.data.shapes import Shapes

    numbers = np.random.default_rng(0)
    landmarks = numbers.uniform(0.2, 0.8, (count, 21, 2)).astype(np.float32)
    boxes = np.tile(np.float32([0.15, 0.15, 0.85, 0.85]), (count, 1))
    return Shapes(landmarks, boxes, numbers.integers(0, 2, count).astype(np.int8))


def timed(work: Callable[[], int]) -> Callable[[], dict[str, Any]]:
    """A round: the work's seconds, and how many photos it says it went through."""

    def once() -> dict[str, Any]:
        start = time.perf_counter()
        photos = work()
        return {"seconds": time.perf_counter() - start, "units": photos}

    work()
    return once


def decoding(folder: Path) -> Callable[[], int]:
    from fingerspell.core.preprocess import PreprocessSpec, decode, resample

    spec, files = PreprocessSpec(200, 200, filter="nearest", upright=False), sorted(folder.rglob("*.*"))

    def work() -> int:
        for file in files:
            resample(decode(file.read_bytes(), upright=spec.upright), spec)
        return len(files)

    return work


def packing(folder: Path) -> Callable[[], int]:
    from fingerspell.core.preprocess import PreprocessSpec
    from fingerspell.lab.data.cache import open_cache
    from fingerspell.lab.data.manifest import scan

    manifest = scan(folder)

    def work() -> int:
        with tempfile.TemporaryDirectory(dir=folder.parent) as place:
            spec = PreprocessSpec(200, 200, filter="nearest", upright=False)
            return len(open_cache(manifest, spec, Path(place)).rows)

    return work


def gathering(folder: Path, how: str) -> Callable[[], int]:
    import numpy as np

    pixels = Setting(folder, "notebook-v4", []).pixels
    batches = np.random.default_rng(0).permutation(len(pixels) // 32 * 32).reshape(-1, 32)
    out = np.empty((32, *pixels.shape[1:]), np.uint8)

    def work() -> int:
        for rows in batches:
            if how == "take":
                np.take(pixels, rows, axis=0, out=out, mode="clip")
            else:
                out[...] = pixels[rows]
        return batches.size

    return work


def by_torch(folder: Path, threads: int) -> Callable[[], int]:
    import numpy as np
    import torch

    from fingerspell.lab.augment import POLICIES, draw
    from fingerspell.lab.augment_torch import apply
    from fingerspell.lab.training.device_batches import scaled

    torch.set_num_threads(threads)
    pixels = Setting(folder, "notebook-v4", []).pixels[:256]

    def work() -> int:
        for first in range(0, len(pixels), 32):
            photos = scaled(torch.from_numpy(pixels[first : first + 32]))
            ids = np.arange(first, first + len(photos), dtype=np.uint64)
            apply(photos, draw(POLICIES["B"], 0, 0, ids, *photos.shape[2:]))
        return len(pixels)

    return work


def whole_path(folder: Path, name: str, drawn_as: str, threads: int) -> Callable[[], int]:
    import torch

    from fingerspell.lab.augment_cpu import Workers
    from fingerspell.lab.training.batches import Batches

    torch.set_num_threads(1)
    overrides = [] if name == "hand" else [f'augment_as="{drawn_as}"']
    setting = Setting(folder, name, overrides)
    made = Batches(
        setting.recipe, setting.recipe.preprocess.spec(), setting.data, torch.device("cpu"), Workers(threads)
    )
    epochs = iter(range(10_000))

    def work() -> int:
        epoch = next(epochs)
        return sum(len(made.make(epoch, step).photos) for step in range(made.steps_per_epoch))

    return work


def contribute(given: argparse.Namespace) -> None:
    """The side of a contender that is our own."""
    works: dict[str, Callable[[], Callable[[], int]]] = {
        "decode": lambda: decoding(given.photos),
        "pack": lambda: packing(given.photos),
        "gather": lambda: gathering(given.photos, given.how),
        "torch": lambda: by_torch(given.photos, given.threads),
        "path": lambda: whole_path(given.photos, given.recipe, given.drawn_as, given.threads),
    }
    serve(timed(works[given.contender]()))


def compare(photos: Path, rounds: int, folder: Path) -> dict[str, Any]:
    """Every row of the first table, measured in turn."""
    few = some_of(photos, folder / "photos", OF_EACH)
    here = [sys.executable, __file__, str(few), "--contender"]
    contenders = [Contender(name, [*here, *how]) for name, how in ROWS.items()]
    for name, (script, *how) in THEIRS.items():
        contenders.append(Contender(name, [str(PEERS_PYTHON), str(PEERS / script), str(few), *how]))
    contend(contenders, rounds)
    notebook = next(each for each in contenders if each.name == NOTEBOOK)
    rows = []
    for each in contenders:
        its = each.summary
        if "per_second" in its:
            spread = f"{its['low']:,.0f}–{its['high']:,.0f}"
            rows.append(
                [each.name, f"{its['per_second']:,.0f}", spread, against(each, notebook), f"{its['peak_mib']:,.0f}"]
            )
        else:
            rows.append([each.name, "–", str(its.get("error", "no result"))[:60], "–", "–"])
    print(table(["", "photos/s", "range", f"times {NOTEBOOK}", "peak MiB"], rows))
    return {"rows": [each.summary | {"times_notebook": against(each, notebook)} for each in contenders]}


def train(folder: Path, name: str, epochs: int) -> None:
    """One real training, in this process: prints its epochs as a line of JSON."""
    import fingerspell.lab  # noqa: F401 - the allocator, before torch works
    from fingerspell.lab import recipe as recipes
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.training.launch import Surroundings, split_for, start
    from fingerspell.lab.training.run import RunFolder

    manifest, (recipe_name, *overrides) = scan(folder), TRAININGS[name]
    recipe = recipes.read(recipe_name, [*overrides, f"training.epochs={epochs}"])
    landmarks = [made_up_table(manifest, folder.parent / "landmarks.parquet")] if recipe.hand is not None else []
    kept: list[dict[str, Any]] = []

    class Keeper:
        def step(self, entry: dict[str, Any]) -> None:
            pass

        def epoch(self, entry: dict[str, Any]) -> None:
            kept.append(entry)

    around = Surroundings(folder.parent / "cache", observers=[Keeper()], device="cpu")
    split = split_for(recipe, manifest)
    photos = len(list(split.indices("train")))
    run = RunFolder(Path(tempfile.mkdtemp(dir=folder.parent)) / "run")
    start(recipe, split, run, around, landmarks=landmarks)
    rates = [entry["photos_per_second"] for entry in kept]
    waits = [entry["wait"] * entry["photos_per_second"] / photos for entry in kept]
    print(json.dumps({"name": name, "photos": photos, "photos_per_second": rates, "share_waiting": waits}))


def made_up_table(manifest: Any, path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    shapes = made_up_shapes(len(manifest.photos))
    rows = [
        {
            "sha256": photo.sha256,
            "landmarks": shapes.landmarks[place].ravel().tolist(),
            "box": shapes.boxes[place].tolist(),
            "handedness": ("right", "left")[int(shapes.hands[place])],
        }
        for place, photo in enumerate(manifest.photos)
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def trainings(photos: Path, epochs: int, of_each: int, names: list[str], folder: Path) -> dict[str, Any]:
    """Every row of the second table, one training after the other."""
    few, rows, told = some_of(photos, folder / "photos", of_each), [], []
    for name in names:
        note(f"{name}: {epochs} epochs")
        command = [sys.executable, __file__, str(few), "--train", name, "--epochs", str(epochs)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            rows.append([name, done.stderr.strip().splitlines()[-1][:80], "–"])
            continue
        its = json.loads(done.stdout.splitlines()[-1])
        told.append(its)
        rates = " ".join(f"{rate:,.0f}" for rate in its["photos_per_second"])
        rows.append([name, rates, " ".join(f"{100 * share:.2f}%" for share in its["share_waiting"])])
    print(table(["training", "photos/s, epoch by epoch", "waiting for photos"], rows))
    return {"of_each": of_each, "trainings": told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder of class folders")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="train for so many epochs instead")
    parser.add_argument("--of-each", type=int, default=60, help="photos of each class to train with")
    parser.add_argument("--trainings", nargs="+", default=list(TRAININGS), choices=list(TRAININGS))
    for name in ("--contender", "--how", "--train"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--recipe", default="notebook-v4", help=argparse.SUPPRESS)
    parser.add_argument("--as", dest="drawn_as", default="intended", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        contribute(given)
    elif given.train:
        train(given.photos, given.train, given.epochs)
    else:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if given.epochs:
                finish("input epochs", trainings(given.photos, given.epochs, given.of_each, given.trainings, folder))
            else:
                finish("input", compare(given.photos, given.rounds, folder))


if __name__ == "__main__":
    main()
