"""A renderer that is quick and simple, in a module of its own, so that processes of a crew can import it.

What it draws follows from label, index, signer and seed alone. `nothing` has no hand.
"""

import hashlib
import os
import signal
import time
from pathlib import Path

import numpy as np

from fingerspell.hands.performed import Performed
from fingerspell.hands.sample import Sample


def render(label, index, plan, frame=0):
    name = f"{plan.seed}:{label}:{index}:{frame}"
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    side = plan.size
    pixels = np.full((side, side, 3), rng.integers(40, 200, 3), np.uint8)
    mask = np.zeros((side, side), np.uint8)
    landmarks = box = handedness = None
    if label != "nothing":
        left, top = rng.integers(2, side // 2, 2)
        pixels[top : top + side // 3, left : left + side // 3] = rng.integers(0, 255, 3)
        mask[top : top + side // 3, left : left + side // 3] = rng.integers(1, 255)
        landmarks = (rng.random((21, 3)) * side).astype(np.float32)
        box = (float(left), float(top), left + side / 3, top + side / 3)
        handedness = "left" if index % 3 == 0 else "right"
    return Sample(pixels, label, index % plan.signers, handedness, landmarks, box, mask, 70 + index % 20)


def slowly(label, index, plan):
    """Leaves its process's number in FAKE_PIDS, and takes its time."""
    Path(os.environ["FAKE_PIDS"], str(os.getpid())).touch()
    time.sleep(0.02)
    return render(label, index, plan)


def dying(label, index, plan):
    """The system kills a process that uses too much memory."""
    if index == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return render(label, index, plan)


def wrong_signer(label, index, plan):
    sample = render(label, index, plan)
    return Sample(
        sample.pixels, label, sample.signer + 1, sample.handedness, sample.landmarks, sample.box, sample.mask, 80
    )


def failing(label, index, plan):
    from fingerspell.core.errors import DataError

    raise DataError("the backgrounds are gone", expected="pictures", remedy="put them back")


def perform(text, clip_index, plan, fps):
    """Four frames a letter, the last on the way to the next."""
    for number in range(4 * len(text)):
        letter, moving = text[number // 4], number % 4 == 3
        held = None if moving else {" ": "space"}.get(letter, letter)
        sample = render("nothing" if letter == "Q" else "A", clip_index, plan, frame=number // 2)
        yield Performed(sample, number / fps, held, "move" if moving else "hold")


def perform_slowly(text, clip_index, plan, fps):
    for frame in perform(text, clip_index, plan, fps):
        time.sleep(0.02)
        yield frame


def perform_nothing(text, clip_index, plan, fps):
    yield from ()
