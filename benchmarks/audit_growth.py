"""How the audit's time and memory grow with the number of photos.

    python benchmarks/audit_growth.py PHOTOS [--sizes 1000 10000 87000]

Makes a folder of JPEG files in a temporary place (87,000 take about 1 GB; removed afterwards), each a photo of
PHOTOS moved by a few pixels and a little brighter or darker, 17 in a row of the same photo as frames of a recording
are. Every audit runs in a process of its own, so that its peak memory is its own. Prints a table for people and
one JSON line last.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from fingerspell.core.provenance import machine, now, versions
from fingerspell.lab.data.manifest import scan

FRAMES_OF_ONE_PHOTO = 17

AUDIT = """
import json, resource, sys, time
from pathlib import Path
from fingerspell.lab.data.audit import audit
def tick(task, done, total):
    first.setdefault(task, time.perf_counter()); last[task] = time.perf_counter()
first, last = {}, {}
start = time.perf_counter()
found = audit(Path(sys.argv[1]), tick)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
print(json.dumps({"photos": found.photos, "seconds": round(seconds, 2), "peak_mib": round(peak),
    "near": found.near, "near_photos": found.near_photos,
    "ended_at": {task: round(at - start, 2) for task, at in last.items()},
    "crossing": {s.strategy: [s.crossing, s.held_out] for s in found.splits}}))
"""


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


def measure(folder: Path) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", AUDIT, str(folder)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description="time and memory of the audit by number of photos")
    parser.add_argument("photos", type=Path, help="a folder of photos to make the files from")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 87_000])
    arguments = parser.parse_args()
    sources: dict[str, list[Path]] = defaultdict(list)
    manifest = scan(arguments.photos)
    for photo in sorted(manifest.photos, key=lambda photo: (photo.label, photo.number or 0)):
        sources[photo.label].append(manifest.root / photo.path)
    folder = Path(tempfile.mkdtemp(prefix="fingerspell-audit-"))
    results, made = [], 0
    try:
        print(f"{'photos':>8} {'seconds':>8} {'photos/s':>9} {'peak MiB':>9} {'near pairs':>11} {'made in s':>10}")
        for size in sorted(arguments.sizes):
            start = time.perf_counter()
            extend(folder, sources, made, size)
            making, made = time.perf_counter() - start, size
            found = measure(folder)
            found["photos_per_second"] = round(size / found["seconds"])
            results.append(found)
            print(
                f"{size:>8,} {found['seconds']:>8.1f} {found['photos_per_second']:>9,} {found['peak_mib']:>9,}"
                f" {found['near']:>11,} {making:>10.0f}",
                flush=True,
            )
    finally:
        shutil.rmtree(folder)
    print(
        json.dumps(
            {
                "benchmark": "audit_growth",
                "made": now(),
                "machine": machine(),
                "versions": versions(),
                "results": results,
            }
        )
    )


if __name__ == "__main__":
    main()
