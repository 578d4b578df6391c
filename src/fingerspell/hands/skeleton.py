"""The hand's skeleton: 24 joint angles and one person's proportions give 21 landmarks and the frame of every bone.

Coordinates of the hand, in centimetres, for a right hand: the wrist is the origin, x points to the thumb's side, y
along the middle metacarpal to the fingers, z out of the palm. A left hand is the mirror image of a right one, made
when the picture is taken.

Bones are numbered 3·digit + segment, digits from the thumb (0) to the pinky (4): the thumb's metacarpal and two
phalanges, each finger's three phalanges. A bone's frame has its x axis to the thumb's side, y along the bone, z to
the side of the finger's pad: flexion turns y towards z. Joint limits follow textbook ranges of active motion
(American Academy of Orthopaedic Surgeons, Joint Motion, 1965), passive ones a little wider.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.kernels import kernel

Floats = NDArray[np.float64]

ANGLES: tuple[str, ...] = (
    *(
        f"{finger}_{angle}"
        for finger in ("index", "middle", "ring", "pinky")
        for angle in ("mcp", "spread", "pip", "dip")
    ),
    "thumb_radial", "thumb_palmar", "thumb_twist", "thumb_mcp", "thumb_ip",
    "cup", "wrist_flexion", "wrist_deviation",
)  # fmt: skip
"""Names of the joint angles, in degrees. `mcp`, `pip`, `dip`, `ip`: flexion. `spread`: towards the thumb's side.
`thumb_radial`: the thumb's metacarpal in the plane of the palm, away from the fingers; `thumb_palmar`: out of that
plane; `thumb_twist`: its pad turned outward, negative towards the fingers (opposition). `cup`: how far the pinky's
side of the palm folds in. `wrist_flexion`, `wrist_deviation`: of the hand against the forearm, towards the palm and
towards the thumb."""

INDEX: dict[str, int] = {name: index for index, name in enumerate(ANGLES)}

_FINGER_LOW, _FINGER_HIGH = (-25.0, -22.0, -5.0, -8.0), (95.0, 22.0, 118.0, 85.0)
LOW: Floats = np.array([*_FINGER_LOW * 4, -25.0, -25.0, -80.0, -15.0, -25.0, 0.0, -75.0, -25.0])
HIGH: Floats = np.array([*_FINGER_HIGH * 4, 75.0, 75.0, 60.0, 65.0, 85.0, 25.0, 75.0, 30.0])
"""Lowest and highest value of each angle."""

BONES = 15


@dataclass(frozen=True, eq=False, slots=True)
class Proportions:
    """The measures of one person's hand, in centimetres.

    Attributes:
        knuckles: (4, 3) the metacarpal heads of index to pinky.
        thumb_base: (3,) the thumb's carpometacarpal joint.
        lengths: (5, 3) of the bones, the last to the tip of the finger.
        radii: (5, 4) half the thickness of each digit at its first joint, second, third and near its tip.
        palm: half the thickness of the palm.
        forearm: (2,) half the width and half the thickness of the forearm at the wrist.
        nail: length of the nails beyond the fingertips.
    """

    knuckles: Floats
    thumb_base: Floats
    lengths: Floats
    radii: Floats
    palm: float
    forearm: Floats
    nail: float

    @property
    def length(self) -> float:
        """From the wrist to the tip of the middle finger."""
        return float(self.knuckles[1, 1] + self.lengths[2].sum())


def average() -> Proportions:
    """An adult hand of average size (hand length 18.6 cm)."""
    return Proportions(
        knuckles=np.array([[2.5, 8.6, 0.05], [0.4, 8.8, -0.2], [-1.65, 8.2, -0.05], [-3.45, 7.25, 0.35]]),
        thumb_base=np.array([2.0, 1.7, 0.9]),
        lengths=np.array(
            [[4.5, 3.35, 2.75], [4.25, 2.5, 2.25], [4.7, 2.85, 2.35], [4.35, 2.7, 2.35], [3.35, 1.95, 2.05]]
        ),
        radii=np.array(
            [
                [1.4, 1.14, 1.05, 0.88],
                [1.06, 0.94, 0.82, 0.7],
                [1.08, 0.96, 0.83, 0.72],
                [1.02, 0.9, 0.79, 0.68],
                [0.92, 0.8, 0.7, 0.61],
            ]
        ),
        palm=1.38,
        forearm=np.array([3.0, 2.15]),
        nail=0.0,
    )


@dataclass(frozen=True, eq=False, slots=True)
class Posed:
    """A skeleton in a pose, in the hand's coordinates (centimetres).

    Attributes:
        landmarks: (21, 3) in the usual order.
        starts, ends: (15, 3) of the bones.
        frames: (15, 3, 3): row 0 the bone's x axis, 1 its y axis, 2 its z axis.
        knuckles: (4, 3) the metacarpal heads, moved by `cup`.
        forearm: (3, 3) the forearm's frame; its row 1 points from the elbow to the wrist.
    """

    landmarks: Floats
    starts: Floats
    ends: Floats
    frames: Floats
    knuckles: Floats
    forearm: Floats


_SPLAY = np.array([0.06, 0.01, -0.04, -0.1])  # directions of resting fingers, radians to the thumb's side
_ROLL = np.array([0.06, 0.0, -0.1, -0.2])  # radians about the finger: why the tips of a fist converge


@kernel
def _turn_about_x(frame: Floats, angle: float) -> Floats:
    """Flexion: y towards z."""
    c, s = cos(angle), sin(angle)
    out = frame.copy()
    for axis in range(3):
        y, z = frame[1, axis], frame[2, axis]
        out[1, axis] = c * y + s * z
        out[2, axis] = c * z - s * y
    return out


@kernel
def _turn_about_z(frame: Floats, angle: float) -> Floats:
    """Spread: y towards x."""
    c, s = cos(angle), sin(angle)
    out = frame.copy()
    for axis in range(3):
        x, y = frame[0, axis], frame[1, axis]
        out[1, axis] = c * y + s * x
        out[0, axis] = c * x - s * y
    return out


@kernel
def _turn_about_y(frame: Floats, angle: float) -> Floats:
    """Roll about the bone: x towards z."""
    c, s = cos(angle), sin(angle)
    out = frame.copy()
    for axis in range(3):
        x, z = frame[0, axis], frame[2, axis]
        out[0, axis] = c * x + s * z
        out[2, axis] = c * z - s * x
    return out


@kernel
def _digit(
    frame: Floats,
    start: Floats,
    lengths: Floats,
    bends: Floats,
    first: int,
    starts: Floats,
    ends: Floats,
    frames: Floats,
) -> None:
    for segment in range(3):
        frame = _turn_about_x(frame, bends[segment])
        bone = first + segment
        for row in range(3):
            for axis in range(3):
                frames[bone, row, axis] = frame[row, axis]
        for axis in range(3):
            starts[bone, axis] = start[axis]
            start[axis] = start[axis] + lengths[segment] * frame[1, axis]
            ends[bone, axis] = start[axis]


@kernel
def bones(
    angles: Floats, knuckles: Floats, thumb_base: Floats, lengths: Floats, splay: Floats, roll: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Where the bones are: (starts (15, 3), ends (15, 3), frames (15, 3, 3), moved knuckles (4, 3))."""
    starts, ends, frames = np.zeros((15, 3)), np.zeros((15, 3)), np.zeros((15, 3, 3))
    heads = knuckles.copy()
    rad = np.pi / 180.0
    bends = np.zeros(3)
    for finger in range(4):
        # The ring and pinky metacarpals fold towards the palm about an axis through the wrist.
        fold = angles[21] * rad * (1.0 if finger == 3 else 0.5 if finger == 2 else 0.0)
        heads[finger, 2] = knuckles[finger, 2] + knuckles[finger, 1] * sin(fold)
        heads[finger, 1] = knuckles[finger, 1] * cos(fold)
        frame = _turn_about_x(np.eye(3), fold)
        frame = _turn_about_y(frame, roll[finger] - 0.8 * fold)
        frame = _turn_about_z(frame, splay[finger] + angles[4 * finger + 1] * rad)
        bends[0], bends[1], bends[2] = (
            angles[4 * finger] * rad,
            angles[4 * finger + 2] * rad,
            angles[4 * finger + 3] * rad,
        )
        _digit(frame, heads[finger].copy(), lengths[finger + 1], bends, 3 * finger + 3, starts, ends, frames)
    radial, palmar, twist = angles[16] * rad, angles[17] * rad, angles[18] * rad
    frame = np.eye(3)
    along = np.array([sin(radial) * cos(palmar), cos(radial) * cos(palmar), sin(palmar)])
    pad = np.array([-1.0, 0.0, 0.0])  # an untwisted thumb flexes across the palm
    pad = pad - along * np.dot(pad, along)
    pad = pad / np.sqrt(np.dot(pad, pad))
    side = np.cross(along, pad)
    pad_turned = pad * cos(twist) + side * sin(twist)
    frame[1], frame[2] = along, pad_turned
    frame[0] = np.cross(along, pad_turned)
    bends[0], bends[1], bends[2] = 0.0, angles[19] * rad, angles[20] * rad
    _digit(frame, thumb_base.copy(), lengths[0], bends, 0, starts, ends, frames)
    return starts, ends, frames, heads


def pose(angles: Floats, hand: Proportions) -> Posed:
    """The skeleton with these joint angles (24, degrees; not clipped to their limits)."""
    starts, ends, frames, heads = bones(angles, hand.knuckles, hand.thumb_base, hand.lengths, _SPLAY, _ROLL)
    landmarks = np.zeros((21, 3))
    for digit in range(5):
        landmarks[4 * digit + 1] = starts[3 * digit]
        landmarks[4 * digit + 2 : 4 * digit + 5] = ends[3 * digit : 3 * digit + 3]
    return Posed(landmarks, starts, ends, frames, heads, _forearm(angles))


def _forearm(angles: Floats) -> Floats:
    """The forearm's frame in the hand's coordinates: the hand is bent by these angles, so the arm by their opposite."""
    flexion, deviation = radians(angles[INDEX["wrist_flexion"]]), radians(angles[INDEX["wrist_deviation"]])
    frame: Floats = _turn_about_x(_turn_about_z(np.eye(3), -deviation), -flexion)
    return frame


def joint_radii(hand: Proportions) -> tuple[Floats, Floats]:
    """Half thickness of each bone at its start and end, (15,) each."""
    return hand.radii[:, :3].reshape(-1).copy(), hand.radii[:, 1:].reshape(-1).copy()


SPLAY, ROLL = _SPLAY, _ROLL
