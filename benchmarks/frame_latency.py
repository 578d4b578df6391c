"""From a camera's frame to its letter, in Python: the whole way through `Reader`, one frame at a time.

    python benchmarks/frame_latency.py asl.bundle [VIDEO …] [--frames 300]

Noise at 200×200 and 640×480, and the frames of the videos that are named, each decoded before the clock starts. Each
row: median and 95th percentile of the milliseconds from frame to reading, on one thread and on two, for a hand that is
said and one that is found out (which recognises every frame twice). The repeats of all rows are interleaved.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import islice
from pathlib import Path

import numpy as np

from fingerspell.live.frames.frame import Frame
from fingerspell.live.frames.video import read_video
from fingerspell.live.hand import Hand
from fingerspell.live.reader import Reader
from fingerspell.live.recognizer import Recognizer

ROUNDS = 5
WARM_UP = 10


def noise(height: int, width: int, count: int) -> list[Frame]:
    """Frames of noise: the slowest case for following the hand, for everything moves."""
    draw = np.random.default_rng(0)
    return [Frame(i / 30, draw.integers(0, 256, (height, width, 3), dtype=np.uint8)) for i in range(count)]


def timed(recognizer: Recognizer, frames: list[Frame], hand: Hand) -> list[float]:
    """Milliseconds of each frame after the warm-up."""
    reader, taken = Reader(recognizer, hand=hand), []
    for frame in frames:
        start = time.perf_counter()
        reader.read(frame)
        taken.append((time.perf_counter() - start) * 1000)
    return taken[WARM_UP:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--frames", type=int, default=300)
    given = parser.parse_args()
    each = max(given.frames // ROUNDS, WARM_UP + 2)
    sources = {"noise 200×200": noise(200, 200, each), "noise 640×480": noise(480, 640, each)}
    sources |= {video.name: list(islice(read_video(video), each)) for video in given.videos}
    recognizers = {threads: Recognizer(given.bundle, threads=threads) for threads in (1, 2)}
    hands: tuple[Hand, ...] = ("right", "auto")
    rows: dict[tuple[str, int, Hand], list[float]] = {}
    for _ in range(ROUNDS):
        for name, frames in sources.items():
            for threads, recognizer in recognizers.items():
                for hand in hands:
                    rows.setdefault((name, threads, hand), []).extend(timed(recognizer, frames, hand))
    print(f"{'frames':<20}{'threads':>8}{'hand':>7}{'median':>11}{'95%':>11}")
    result = []
    for (name, threads, hand), taken in rows.items():
        median, high = float(np.median(taken)), float(np.quantile(taken, 0.95))
        print(f"{name:<20}{threads:>8}{hand:>7}{median:>8.2f} ms{high:>8.2f} ms")
        result.append({"frames": name, "threads": threads, "hand": hand, "median_ms": median, "p95_ms": high})
    print(json.dumps(result))


if __name__ == "__main__":
    main()
