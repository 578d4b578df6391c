"""A text, fingerspelled: one signer, one camera, a hand that goes from letter to letter in time.

A letter is held for a moment and left on a smooth path (minimum jerk, Flash and Hogan 1985); on the way the hand is
kept from passing through itself. A doubled letter is repeated beside its first. J and Z are drawn in the air. Holds of
0.25–0.6 s and ways of 0.2–0.4 s are a learner's or teacher's pace, two to three letters a second at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.core.alphabet import MOTION_LETTERS
from fingerspell.hands import backgrounds
from fingerspell.hands.performed import Performed
from fingerspell.hands.scene import Held, Shot, camera_of, draw_pose, draw_shot, render, rotation
from fingerspell.hands.signers import Signer, signer
from fingerspell.hands.solve import settle

if TYPE_CHECKING:
    from fingerspell.hands.plan import SynthPlan

Floats = NDArray[np.float64]
_STREAM = 0xC1
_FARTHER = 40.0  # centimetres: nobody spells a word right before the lens
_SHUTTER = 0.5  # share of a frame's time during which light is taken
_Z = np.array([[4.0, 3.0], [-4.0, 3.0], [4.0, -3.0], [-4.0, -3.0]])  # centimetres, as a viewer sees it
_J = np.array([[0.0, 2.5], [0.0, -3.5], [1.0, -4.5], [3.0, -3.0]])
_J_END = (150.0, 0.0, -40.0)  # the wrist has turned the palm to the signer, the little finger points to their left


@dataclass(frozen=True, eq=False, slots=True)
class _Key:
    """A sign in a clip: when it is reached and left, and how it looks at both moments."""

    label: str
    start: float
    end: float
    first: Held
    last: Held


def perform(text: str, clip_index: int, plan: SynthPlan, fps: float) -> Iterator[Performed]:
    """The frames of a text.

    Args:
        text: letters A–Z and spaces.
        clip_index: which clip of the plan; sets the signer and everything random.
        plan: seed, size, signers and backgrounds.
        fps: frames a second.

    Yields:
        A frame each 1/fps seconds, from an idle hand over all letters to an idle hand.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([plan.seed, _STREAM, clip_index])))
    person = signer(plan.seed, plan.signer(clip_index))
    keys = _keys(rng, _labels(text), person)
    poses = [pose for key in keys for pose in (key.first, key.last)]
    shot = draw_shot(rng, person, poses, plan.size, nearest=_FARTHER)
    photos = backgrounds.PhotoBackgrounds(plan.backgrounds) if plan.backgrounds is not None else None
    sway = rng.uniform(0, 2 * np.pi, 6)
    for frame in range(round(keys[-1].end * fps) + 1):
        seconds = frame / fps
        held, key = _at(keys, seconds, person, sway)
        before, _ = _at(keys, seconds - _SHUTTER / fps, person, sway)
        label = key.label if key is not None else "nothing"
        sample = render(shot, held, label, plan.size, photos, _smear(shot, before, held, plan.size), frame)
        shown = None if key is None or key.label == "nothing" else key.label
        yield Performed(sample, seconds, shown, "move" if shown is None else "hold")


def _labels(text: str) -> list[str]:
    letters = ["space" if letter == " " else letter for letter in text.upper()]
    return ["nothing", *letters, "nothing"]


def _keys(rng: np.random.Generator, labels: Sequence[str], person: Signer) -> list[_Key]:
    keys: list[_Key] = []
    now, previous = 0.0, ""
    lean = rng.normal(0, [7.0, 5.0, 4.0])
    pace = float(rng.uniform(0.8, 1.3))
    place = np.zeros(3)
    for label in labels:
        pose = keys[-1].last if label == previous else _lean(draw_pose(rng, label, person), lean)
        # a doubled letter is repeated a little further outward
        place = place + np.array([-2.5, 0.0, 0.0]) if label == previous else rng.normal(0, 0.6, 3)
        if label == "nothing":
            place = np.array([rng.normal(0, 1), -3.0, 0.0])
        pose = replace(pose, place=place)
        if label == "J":
            pose = _lean(replace(pose, turn=rotation(*_J_END)), lean)
        start = _lean(draw_pose(rng, "I", person), lean).turn if label == "J" else pose.turn
        first, last = _motion(label, pose, start)
        hold = pace * float(rng.uniform(0.5, 0.8) if label in MOTION_LETTERS else rng.uniform(0.25, 0.6))
        keys.append(_Key(label, now, now + hold, first, last))
        now += hold + pace * float(rng.uniform(0.2, 0.4))
        previous = label
    return keys


def _lean(pose: Held, lean: Floats) -> Held:
    """All of a clip's signs are seen from one place."""
    return replace(pose, turn=rotation(*lean) @ pose.turn)


def _motion(label: str, pose: Held, start: Floats) -> tuple[Held, Held]:
    """The pose at the beginning and at the end of a sign; they differ for letters that are drawn in the air.

    J begins turned as an I (`start`). Its hook goes to the signer's left, so that the signer sees the letter's shape.
    """
    if label not in MOTION_LETTERS:
        return pose, pose
    path = _J if label == "J" else _Z
    first, last = (pose.place + np.array([*point, 0.0]) for point in (path[0], path[-1]))
    return replace(pose, place=first, turn=start), replace(pose, place=last)


def _along(path: Floats, share: float) -> Floats:
    """A point on a polyline, at a share of its length."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    reached = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    return np.array([np.interp(share, reached, path[:, axis]) for axis in range(2)])


def _smooth(share: float) -> float:
    """Minimum jerk: 0 → 1 without a jolt."""
    return share**3 * (10 - 15 * share + 6 * share**2)


def _at(keys: Sequence[_Key], seconds: float, person: Signer, sway: Floats) -> tuple[Held, _Key | None]:
    """The hand at a moment, and the sign that is held then (None on the way)."""
    held, key = _still(keys, seconds, person)
    tremor = 0.12 * np.sin(np.array([5.1, 3.7, 2.9]) * seconds + sway[:3]) + 0.05 * np.sin(17 * seconds + sway[3:])
    return replace(held, place=held.place + tremor), key


def _still(keys: Sequence[_Key], seconds: float, person: Signer) -> tuple[Held, _Key | None]:
    for number, key in enumerate(keys):
        if seconds <= key.end or number == len(keys) - 1:
            share = min(max((seconds - key.start) / max(key.end - key.start, 1e-6), 0.0), 1.0)
            if key.label in MOTION_LETTERS:
                return _drawn(key, share), key
            return key.first, key
        following = keys[number + 1]
        if seconds < following.start:
            share = (seconds - key.end) / (following.start - key.end)
            return _between(key.last, following.first, _smooth(share), person), None
    return keys[-1].last, keys[-1]


def _drawn(key: _Key, share: float) -> Held:
    path = _J if key.label == "J" else _Z
    origin = key.first.place[:2] - path[0]
    place = np.array([*(origin + _along(path, _smooth(share))), key.first.place[2]])
    # J turns only in its hook
    turned = _smooth(max(share - 0.4, 0.0) / 0.6) if key.label == "J" else 0.0
    return replace(key.first, place=place, turn=_turned(key.first.turn, key.last.turn, turned))


def _between(one: Held, other: Held, share: float, person: Signer) -> Held:
    angles = settle(one.angles + share * (other.angles - one.angles), (), person.hand)
    lift = np.array([0.0, 0.0, 1.5 * share * (1 - share)])
    return Held(
        angles,
        _turned(one.turn, other.turn, share),
        one.centre + share * (other.centre - one.centre),
        one.place + share * (other.place - one.place) + lift,
    )


def _turned(one: Floats, other: Floats, share: float) -> Floats:
    """Part of the way from one rotation to another, about one axis."""
    axis, _ = cv2.Rodrigues(other @ one.T)
    part, _ = cv2.Rodrigues(share * axis)
    return np.asarray(part @ one, dtype=np.float64)


def _smear(shot: Shot, before: Held, now: Held, size: int) -> tuple[float, float]:
    """How far the middle of the hand moved in the picture while the shutter was open."""
    was = camera_of(shot, before, size).project(before.centre[None])[0]
    is_now = camera_of(shot, now, size).project(now.centre[None])[0]
    across = -1.0 if shot.signer.handedness == "left" else 1.0
    return across * float(is_now[0] - was[0]), float(is_now[1] - was[1])
