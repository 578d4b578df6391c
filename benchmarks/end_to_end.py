"""The notebook's trainings from end to end: photos, augmentation, steps; ours against Keras as the notebook has it.

    make bench-peers
    python benchmarks/end_to_end.py PHOTOS [v1 v4 …] [--rounds 5] [--steps 8]
    python benchmarks/end_to_end.py PHOTOS v4 --device cuda --batch 256 --steps 200    on a GPU: ours alone

PHOTOS is a folder of class folders. Rows: `fingerspell train --recipe notebook-v…` as it is, to the bit in Keras's
augmentation; the same in bfloat16; and with the augmentation as intended. Keras 3 on TensorFlow with
`ImageDataGenerator` and the notebook's callbacks, as installed and with the C library's allocator set as ours sets its
own. All take turns; each round some steps of a training that goes on, at 200×200 with batches of 32.

Photos a second, median and range of the rounds. `times` says how many times as fast the row is as Keras as installed,
and as Keras with its allocator fixed: the median of the rounds' ratios, and their range. Ours makes up to two batches
ahead while it waits for its turn; they are less than a hundredth of a round's work. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import FIXED, PEERS_PYTHON, Contender, against, contend, finish, peak_mib, table

NETWORKS = ("v1", "v2", "v3", "v4", "v5")
TIME_KERAS = Path(__file__).resolve().parent / "peers" / "time_keras.py"
WARM_UP = 3
BF16 = "training.precision=bfloat16"
INTENDED = "augment_as=intended"
OURS: dict[str, tuple[str, ...]] = {
    "ours": (),
    "ours, bfloat16": (BF16,),
    "ours, bfloat16, augmented as intended": (BF16, INTENDED),
}
ON_A_GPU: dict[str, tuple[str, ...]] = {
    "ours, bfloat16": (BF16,),
    "ours, bfloat16, augmented by the GPU": (BF16, INTENDED),
    "the same, compiled": (BF16, INTENDED, "training.compile=true"),
}
"""Photos lie in the GPU's memory in the last two rows, where they fit."""


class Turns:
    """Watches a training: it takes the steps of a round, says how long they took, and waits until it is told to go on.

    The contender's side of measuring.py's conversation, turned inside out: the training calls, not the conversation.
    """

    def __init__(self, steps: int, batch: int) -> None:
        self._steps, self._batch, self._taken, self._begun = steps, batch, -WARM_UP, 0.0
        self.over = False

    def step(self, entry: dict[str, Any]) -> None:
        """A step was taken."""
        self._taken += 1
        if self._taken == 0:
            self._wait({"ready": True})
        elif self._taken == self._steps:
            seconds = time.perf_counter() - self._begun
            self._wait({"seconds": seconds, "units": self._taken * self._batch, "peak_mib": peak_mib()})

    def epoch(self, entry: dict[str, Any]) -> None:
        """Nothing: a round is counted in steps."""

    def _wait(self, said: dict[str, Any]) -> None:
        print(json.dumps(said), flush=True)
        self.over = sys.stdin.readline().strip() != "go"
        self._taken, self._begun = 0, time.perf_counter()


def ours(given: argparse.Namespace) -> None:
    """This process is a contender: a training that waits for its turns."""
    import fingerspell.lab  # noqa: F401 - the allocator first
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.recipe import read
    from fingerspell.lab.training.launch import Surroundings, split_for, start
    from fingerspell.lab.training.run import RunFolder

    recipe = read(f"notebook-{given.contender}", given.set or [])
    turns = Turns(given.steps, recipe.training.batch_size)
    with tempfile.TemporaryDirectory(prefix="fingerspell-end-to-end-") as place:
        around = Surroundings(Path(given.cache), given.device, observers=[turns], checkpoint_seconds=1e9)
        around.asked_to_stop = lambda: "measured" if turns.over else None
        start(recipe, split_for(recipe, scan(given.photos)), RunFolder(Path(place) / "run"), around)


def compare(network: str, given: argparse.Namespace, cache: str) -> dict[str, Any]:
    """All rows for one network; prints its table."""
    mine = [sys.executable, __file__, str(given.photos), "--contender", network, "--cache", cache]
    mine += ["--steps", str(given.steps), "--device", given.device, "--set", f"training.batch_size={given.batch}"]
    mine += ["--set", "training.epochs=10000", "--set", "stopping=none"]
    ways = OURS if given.device == "cpu" else ON_A_GPU
    own = [
        Contender(name, [*mine, *(word for its in changed for word in ("--set", its))])
        for name, changed in ways.items()
    ]
    keras = [str(PEERS_PYTHON), str(TIME_KERAS), str(given.photos), "--network", network, "--steps", str(given.steps)]
    keras += ["--validation-steps", "1"]
    theirs = [
        Contender("Keras on TensorFlow, as installed", keras),
        Contender("Keras on TensorFlow, allocator fixed", keras, {"GLIBC_TUNABLES": FIXED}),
    ]
    theirs = theirs if given.device == "cpu" and given.batch == 32 else []  # the notebook's batches
    contend([*own, *theirs], given.rounds)
    lines = [(*_rate(row), *([against(row, its) for its in theirs] or "––")) for row in own]
    if theirs:
        lines += [(*_rate(theirs[0]), "1", against(theirs[0], theirs[1])), (*_rate(theirs[1]), "–", "1")]
    print(f"\n{network}, batches of {given.batch}, 200×200, end to end, {given.device}")
    print(table(("", "photos/s", "times as installed", "times allocator fixed"), lines), flush=True)
    times = {row.name: [against(row, its) for its in theirs] for row in own}
    return {"network": network, "rows": [row.summary for row in (*own, *theirs)], "times": times}


def _rate(row: Contender) -> tuple[str, str]:
    if not row.rounds:
        return row.name, str(row.ready.get("error", "–"))
    said = row.summary
    return row.name, f"{said['per_second']:.1f} ({said['low']:.1f}–{said['high']:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, metavar="PHOTOS")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="of v1 v2 v3 v4 v5; v1 and v4 without any")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="a round (%(default)s)")
    parser.add_argument("--device", default="cpu", help="another one: ours alone (%(default)s)")
    parser.add_argument("--batch", type=int, default=32, help="another one: ours alone (%(default)s)")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--cache", help=argparse.SUPPRESS)
    parser.add_argument("--set", action="append", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        ours(given)
        return
    unknown = sorted(set(given.networks) - set(NETWORKS))
    if unknown:
        parser.error(f"unknown network {', '.join(unknown)}: choose from {', '.join(NETWORKS)}")
    with tempfile.TemporaryDirectory(prefix="fingerspell-cache-") as cache:
        finish("end_to_end", {"networks": [compare(name, given, cache) for name in given.networks or ("v1", "v4")]})


if __name__ == "__main__":
    main()
