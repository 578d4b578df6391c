"""How each sign is held: joint angles, what touches what, and from where a camera sees it.

Angles are degrees in the order of `skeleton.ANGLES`; a finger is (MCP flexion, spread, PIP flexion, DIP flexion), a
thumb (radial, palmar, twist, MCP, IP). They are our own, set by eye against photos of several signers and against
charts of the manual alphabet. A view turns the hand from "fingers up, palm to the camera": by `yaw` about its own
long axis (positive turns the palm to the right of the picture), then `pitch` (positive tips the fingers towards the
camera), then `roll` in the picture, counter-clockwise. All are for a right hand.

J and Z are motions; their photos show one moment of it, as photo collections have them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.alphabet import LABELS
from fingerspell.core.errors import DataError, known_names
from fingerspell.hands.skeleton import INDEX
from fingerspell.hands.solve import Spot, Touch

Floats = NDArray[np.float64]
Finger = tuple[float, float, float, float]
Thumb = tuple[float, float, float, float, float]

# Bones by name: 3·digit + segment.
TH_PP, TH_TIP = 1, 2
IN_PP, IN_MP, IN_TIP = 3, 4, 5
MI_PP, MI_MP, MI_TIP = 6, 7, 8
RI_PP, RI_MP, RI_TIP = 9, 10, 11
PI_PP, PI_MP, PI_TIP = 12, 13, 14


@dataclass(frozen=True, slots=True)
class View:
    """From where a hand is seen: mean angles in degrees, their spread, the wrist's bend, and how common it is."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    wrist_flexion: float = 0.0
    wrist_deviation: float = 0.0
    yaw_spread: float = 14.0
    pitch_spread: float = 11.0
    roll_spread: float = 10.0
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Form:
    """One way to hold a sign."""

    index: Finger
    middle: Finger
    ring: Finger
    pinky: Finger
    thumb: Thumb
    touches: tuple[Touch, ...] = ()
    views: tuple[View, ...] = (View(),)
    cup: float = 0.0
    weight: float = 1.0
    looseness: dict[str, float] = field(default_factory=dict)

    def angles(self) -> Floats:
        """(24,) degrees, before anything touches."""
        fingers = (*self.index, *self.middle, *self.ring, *self.pinky)
        return np.array([*fingers, *self.thumb, self.cup, 0.0, 0.0])


def forms(label: str) -> tuple[Form, ...]:
    """The ways to hold a sign. `nothing` gives idle hands; its empty scenes are the scene's affair.

    Raises:
        DataError: not a label of the alphabet.
    """
    if label not in FORMS:
        expected, remedy = known_names("label", label, LABELS)
        raise DataError(f"unknown label '{label}'", expected=expected, remedy=remedy)
    return FORMS[label]


def flexed(finger: Finger, by: float) -> Finger:
    """A finger bent further by so many degrees at each joint, mostly the middle one."""
    return (finger[0] + 0.6 * by, finger[1], finger[2] + by, finger[3] + 0.6 * by)


def _touch(bone: int, share: float, side: float, pad: float, to: Spot, weight: float = 1.0) -> Touch:
    return Touch(Spot(bone, share, side, pad), to, weight)


UP: Finger = (3, 0, 7, 4)
FIST: Finger = (82, 0, 102, 56)
DRAPED: Finger = (78, 0, 92, 12)
ACROSS: Thumb = (10, 42, -48, 48, 40)
OUT: Thumb = (52, 12, -10, 0, 0)
BESIDE: Thumb = (6, 28, -25, 4, 2)

_FRONT = (View(),)
_SIDE_OPEN = (View(yaw=68, yaw_spread=16, pitch=0, roll=-4), View(yaw=35, weight=0.3))
_LEFTWARD = View(yaw=-85, roll=84, wrist_flexion=42, yaw_spread=16, roll_spread=14)
_RIGHTWARD_BACK = View(yaw=172, roll=-78, wrist_flexion=25, yaw_spread=20, roll_spread=14, weight=0.35)


def _up(finger: Finger, spread: float) -> Finger:
    return (finger[0], spread, finger[2], finger[3])


def _over_fingers(middle: float = 0.35, weight: float = 0.8) -> tuple[Touch, ...]:
    return (_touch(TH_TIP, 0.65, 0, 0.95, Spot(MI_MP, middle, -0.1, -0.95), weight),)


_KEPT = dict.fromkeys(("index_mcp", "middle_mcp", "ring_mcp", "index_spread", "middle_spread", "ring_spread"), 3.0)
_HOLD_RING = (_touch(TH_TIP, 0.75, 0, 0.95, Spot(RI_MP, 0.7, 0.3, -0.95), 0.8),)

FORMS: dict[str, tuple[Form, ...]] = {
    "A": (
        Form(FIST, FIST, FIST, FIST, BESIDE, (_touch(TH_PP, 0.9, 0, 0.9, Spot(IN_PP, 0.75, 0.95, 0), 0.7),)),
    ),
    "B": (
        Form(_up(UP, -3), _up(UP, 0), _up(UP, 3), _up(UP, 6), (10, 35, -50, 30, 35),
             (_touch(TH_TIP, 0.8, 0, 0.9, Spot(-1, 0.0, 0.72, 1.5), 0.8),)),
        Form(_up(UP, -3), _up(UP, 0), _up(UP, 3), _up(UP, 6), (5, 30, -40, 15, 15),
             (_touch(TH_TIP, 0.7, 0, 0.9, Spot(-1, 0.55, 0.85, 1.5), 0.8),), weight=0.4),
    ),
    "C": (
        Form((32, -2, 42, 26), (34, 0, 44, 28), (36, 2, 44, 28), (36, 4, 42, 26), (28, 58, -30, 8, 22),
             views=_SIDE_OPEN),
        Form((48, -2, 30, 16), (50, 0, 32, 18), (52, 2, 32, 18), (50, 4, 32, 18), (20, 62, -30, 6, 14),
             views=_SIDE_OPEN, weight=0.5),
    ),
    "D": (
        Form(_up(UP, 0), (58, 0, 58, 28), (62, 0, 62, 30), (66, 0, 66, 32), (14, 58, -45, 16, 24),
             (_touch(TH_TIP, 0.95, 0, 0.6, Spot(MI_TIP, 0.95, 0, 0.7)),
              _touch(TH_TIP, 0.8, -0.9, 0.3, Spot(RI_TIP, 0.95, 0.3, 0.5), 0.25)),
             views=(View(yaw=8), View(yaw=45, weight=0.7))),
        Form(_up(UP, 0), (76, 0, 84, 44), (80, 0, 92, 48), (82, 0, 94, 50), (8, 52, -45, 28, 34),
             (_touch(TH_TIP, 0.85, 0, 0.95, Spot(MI_TIP, 0.4, 0.2, -0.9), 0.8),), views=(View(yaw=4),), weight=0.9),
    ),
    "E": (
        Form((28, 0, 108, 42), (28, 0, 110, 44), (30, 0, 110, 44), (32, 0, 106, 42), (4, 50, -55, 34, 40),
             (_touch(TH_TIP, 0.55, 0.9, 0, Spot(MI_TIP, 1.08, 0, 0.1), 0.9),
              _touch(TH_TIP, 0.95, 0.8, 0, Spot(RI_TIP, 1.08, 0, 0.1), 0.5),
              _touch(TH_PP, 0.95, 0.9, 0, Spot(IN_TIP, 1.08, 0, 0.1), 0.5))),
        Form((52, 0, 106, 50), (54, 0, 106, 52), (56, 0, 106, 52), (58, 0, 104, 50), (4, 46, -55, 40, 46),
             (_touch(TH_TIP, 0.55, 0.9, 0, Spot(MI_TIP, 1.05, 0, 0.2), 0.9),
              _touch(TH_TIP, 0.95, 0.8, 0, Spot(RI_TIP, 1.05, 0, 0.2), 0.4)), weight=0.6),
    ),
    "F": (
        Form((52, 0, 58, 24), _up(UP, 3), (2, -3, 7, 4), (0, -10, 8, 4), (20, 50, -45, 16, 26),
             (_touch(TH_TIP, 0.95, 0, 0.6, Spot(IN_TIP, 0.95, 0, 0.7)),),
             views=(View(yaw=0), View(yaw=35, weight=0.5), View(yaw=-25, weight=0.4))),
        Form((68, 2, 78, 40), _up(UP, 3), (2, -3, 7, 4), (0, -12, 8, 4), (16, 46, -45, 20, 26),
             (_touch(TH_TIP, 0.6, 0, 0.95, Spot(IN_TIP, 0.75, 0.2, 0.95)),), weight=0.8),
    ),
    "G": (
        Form((16, 0, 10, 6), FIST, FIST, FIST, (10, 30, -20, 6, 2),
             (_touch(TH_TIP, 0.95, 0, 1.0, Spot(IN_MP, 0.5, 0.4, 2.1), 0.35),),
             views=(_LEFTWARD, _RIGHTWARD_BACK), looseness={"index_mcp": 3.0, "index_pip": 3.0}),
        Form((8, 0, 10, 6), FIST, FIST, FIST, (6, 34, -30, 10, 10),
             (_touch(TH_TIP, 0.6, 0, 0.95, Spot(MI_MP, 0.2, 0.9, -0.7), 0.5),),
             views=(View(yaw=-30, roll=48, roll_spread=18, wrist_deviation=-12, yaw_spread=20),), weight=0.7),
    ),
    "H": (
        Form(_up(UP, -3), _up(UP, 2), FIST, FIST, (10, 44, -48, 46, 36), _HOLD_RING,
             views=(View(yaw=-28, roll=82, wrist_flexion=22, wrist_deviation=-18, roll_spread=13, yaw_spread=18),
                    View(yaw=-20, roll=52, wrist_deviation=-14, weight=0.45, yaw_spread=18),
                    View(yaw=-75, roll=80, wrist_flexion=35, weight=0.3),
                    View(yaw=168, roll=-82, wrist_flexion=25, weight=0.25, yaw_spread=20))),
    ),
    "I": (
        Form(FIST, FIST, FIST, (2, -4, 8, 5), ACROSS, _over_fingers(0.5), views=(View(), View(yaw=25, weight=0.4))),
        Form(FIST, FIST, FIST, (2, -6, 8, 5), (4, 34, -30, 12, 16),
             (_touch(TH_TIP, 0.4, 0, 0.95, Spot(IN_MP, 0.3, 0.8, -0.6), 0.6),), weight=0.4),
    ),
    "J": (
        Form(FIST, FIST, FIST, (2, -8, 8, 5), ACROSS, _over_fingers(0.5),
             views=(View(roll=52, yaw=-8, wrist_deviation=-12, roll_spread=20),
                    View(roll=85, yaw=0, wrist_deviation=-18, roll_spread=12, weight=0.7),
                    View(roll=40, yaw=35, roll_spread=16, weight=0.3))),
    ),
    "K": (
        Form((2, 9, 6, 4), (34, -7, 12, 6), FIST, FIST, (14, 40, -30, 6, 6),
             (_touch(TH_TIP, 0.9, -0.2, 0.8, Spot(MI_PP, 0.85, 0.9, 0.3), 0.8),),
             views=(View(yaw=0), View(yaw=-30, weight=0.5), View(yaw=50, weight=0.4))),
        Form((2, 11, 6, 4), (16, -9, 8, 4), FIST, FIST, (12, 36, -30, 4, 4),
             (_touch(TH_TIP, 0.9, -0.3, 0.8, Spot(MI_PP, 0.75, 0.8, 0.7), 0.7),), views=(View(yaw=2),), weight=0.8),
    ),
    "L": (
        Form(_up(UP, 4), FIST, FIST, FIST, OUT, views=(View(yaw=0), View(yaw=-15, weight=0.4))),
    ),
    "M": (
        Form((68, -1, 80, 24), (69, 0, 80, 24), (70, 1, 82, 26), (80, 0, 104, 54), (0, 22, -50, 50, 36),
             (_touch(TH_TIP, 0.9, 0, 0.0, Spot(-1, -0.5, 0.72, 1.6)),),
             views=(View(pitch=-4),), looseness=_KEPT),
        Form(DRAPED, DRAPED, DRAPED, (80, 0, 98, 44), (0, 22, -50, 50, 36),
             (_touch(TH_TIP, 0.9, 0, 0.0, Spot(-1, -0.5, 0.72, 1.6), 0.9),),
             views=(View(pitch=6),), weight=0.8, looseness=_KEPT),
    ),
    "N": (
        Form((63, -1, 84, 28), (65, 1, 84, 28), (83, 0, 104, 56), FIST, (2, 24, -50, 46, 36),
             (_touch(TH_TIP, 0.9, 0, 0.0, Spot(-1, -0.1, 0.76, 1.6), 0.9),), views=(View(pitch=-4),), looseness=_KEPT),
        Form(DRAPED, DRAPED, (86, 0, 102, 52), FIST, (2, 24, -50, 46, 36),
             (_touch(TH_TIP, 0.9, 0, 0.0, Spot(-1, -0.1, 0.74, 1.5), 0.9),),
             views=(View(pitch=6),), weight=0.8, looseness=_KEPT),
    ),
    "O": (
        Form((52, -2, 54, 24), (54, 0, 56, 24), (57, 2, 56, 26), (58, 4, 54, 26), (20, 52, -35, 12, 24),
             (_touch(TH_TIP, 1.0, 0.1, 0.5, Spot(IN_TIP, 0.97, 0, 0.6), 0.9),
              _touch(TH_TIP, 0.95, -0.5, 0.5, Spot(MI_TIP, 0.98, 0.2, 0.6), 0.6)),
             views=(View(yaw=72, yaw_spread=16), View(yaw=38, weight=0.4)),
             looseness={"index_spread": 2.5, "middle_spread": 2.5, "thumb_twist": 12}),
    ),
    "P": (
        Form((6, 5, 8, 5), (52, -4, 14, 8), (70, 0, 80, 44), (76, 0, 88, 48), (16, 42, -32, 8, 6),
             (_touch(TH_TIP, 0.9, -0.2, 0.8, Spot(MI_PP, 0.8, 0.8, 0.3), 0.7),),
             views=(View(yaw=-112, roll=70, wrist_flexion=42, roll_spread=14, yaw_spread=18),
                    View(yaw=-92, roll=108, wrist_flexion=50, weight=0.35),
                    View(yaw=-165, roll=115, wrist_flexion=50, weight=0.2, yaw_spread=25))),
        Form((6, 2, 8, 5), (58, -2, 52, 26), (74, 0, 86, 44), (78, 0, 92, 48), (16, 52, -42, 14, 22),
             (_touch(TH_TIP, 0.95, 0, 0.6, Spot(MI_TIP, 0.95, 0, 0.7)),),
             views=(View(yaw=-88, roll=84, wrist_flexion=52, roll_spread=12),), weight=0.7),
    ),
    "Q": (
        Form((54, 0, 22, 12), (84, 0, 98, 52), FIST, FIST, (18, 56, -28, 10, 6),
             views=(View(yaw=-92, roll=102, wrist_flexion=52, roll_spread=15),
                    View(yaw=-125, roll=112, wrist_flexion=56, roll_spread=15, weight=0.4))),
        Form((30, 0, 16, 10), (84, 0, 98, 52), FIST, FIST, (16, 46, -25, 6, 6),
             views=(View(yaw=-95, roll=138, wrist_flexion=66, roll_spread=14),), weight=0.4),
        Form((30, 0, 36, 22), (74, 0, 80, 40), (78, 0, 88, 46), FIST, (26, 54, -28, 8, 16),
             views=(View(yaw=-86, roll=88, wrist_flexion=38, roll_spread=16),), weight=0.6),
    ),
    "R": (
        Form((14, -17, 8, 4), (-2, 17, 10, 5), FIST, FIST, (10, 44, -48, 46, 36), _HOLD_RING,
             looseness={"index_spread": 3, "middle_spread": 3, "index_mcp": 6, "middle_mcp": 6}),
        Form((-2, -16, 8, 4), (16, 17, 12, 6), FIST, FIST, (10, 44, -48, 46, 36), _HOLD_RING, weight=0.7,
             looseness={"index_spread": 3, "middle_spread": 3, "index_mcp": 6, "middle_mcp": 6}),
    ),
    "S": (
        Form(FIST, FIST, FIST, FIST, (14, 60, -45, 28, 38),
             (_touch(TH_TIP, 0.7, 0, 0.95, Spot(MI_MP, 0.45, -0.2, -0.95)),
              _touch(TH_TIP, 0.05, 0, 0.9, Spot(IN_MP, 0.5, 0.5, -0.95), 0.5)),
             views=(View(), View(yaw=25, weight=0.3))),
        Form((70, 0, 94, 24), (70, 0, 94, 20), (72, 0, 94, 16), (74, 0, 94, 16), (14, 58, -45, 30, 40),
             (_touch(TH_TIP, 0.7, 0, 0.95, Spot(MI_MP, 0.4, -0.2, -0.95)),), views=(View(),), weight=0.4),
    ),
    "T": (
        Form((66, 7, 98, 50), (80, -3, 103, 56), FIST, FIST, (-4, 36, -30, 8, 0),
             (_touch(TH_TIP, 0.7, 0, 0, Spot(IN_PP, 0.85, -1.1, -0.2), 1.5),
              _touch(TH_TIP, 0.7, 0, 0, Spot(MI_PP, 0.85, 1.0, -0.2), 1.0)),
             views=(View(yaw=0), View(yaw=-20, weight=0.4)),
             looseness={"index_mcp": 3.5, "middle_mcp": 3, "index_spread": 5, "thumb_radial": 40, "thumb_palmar": 40}),
        Form((46, 4, 70, 26), DRAPED, DRAPED, DRAPED, (34, 26, -15, 4, 4), views=(View(yaw=-6, roll=-6),), weight=0.25),
    ),
    "U": (
        Form(_up(UP, -4), _up(UP, 3), FIST, FIST, (10, 44, -48, 46, 36), _HOLD_RING),
    ),
    "V": (
        Form(_up(UP, 11), _up(UP, -8), FIST, FIST, (10, 44, -48, 46, 36), _HOLD_RING),
    ),
    "W": (
        Form(_up(UP, 10), _up(UP, 0), _up(UP, -9), (66, 2, 86, 46), (6, 46, -46, 38, 38),
             (_touch(TH_TIP, 0.8, 0, 0.95, Spot(PI_TIP, 0.4, 0.2, -0.9), 0.8),)),
    ),
    "X": (
        Form((12, 0, 72, 46), FIST, FIST, FIST, ACROSS, _over_fingers(0.25),
             views=(View(yaw=-80, yaw_spread=18), View(yaw=-25, yaw_spread=18, weight=0.6), View(yaw=70, weight=0.3))),
        Form((28, 0, 78, 44), FIST, FIST, FIST, (4, 40, -36, 22, 26),
             (_touch(TH_TIP, 0.7, 0, 0.95, Spot(MI_MP, 0.2, 0.6, -0.9), 0.6),), views=(View(yaw=-8),), weight=0.6),
    ),
    "Y": (
        Form(FIST, FIST, FIST, (0, -14, 6, 4), (58, 14, -10, 0, -6), views=(View(roll=4), View(roll=22, weight=0.4))),
        Form((72, 0, 96, 40), (72, 0, 96, 40), (72, 0, 96, 40), (0, -12, 6, 4), (54, 16, -10, 0, -6), weight=0.6),
    ),
    "Z": (
        Form(_up(UP, 2), FIST, FIST, FIST, ACROSS, _over_fingers(0.5),
             views=(View(yaw=0), View(yaw=-20, roll=-30, roll_spread=16, weight=0.6), View(roll=20, weight=0.2),
                    View(yaw=150, roll=-48, roll_spread=14, wrist_deviation=-10, weight=0.25))),
        Form(_up(UP, 2), FIST, FIST, FIST, (4, 36, -32, 14, 16),
             (_touch(TH_TIP, 0.5, 0, 0.95, Spot(MI_MP, 0.3, 0.9, -0.7), 0.6),),
             views=(View(roll=-10, roll_spread=20),), weight=0.5),
    ),
    "space": (
        Form((22, -2, 26, 14), (24, 0, 28, 15), (28, 2, 32, 16), (32, 4, 34, 18), (30, 54, -15, 2, 4),
             views=(View(yaw=58, roll=62, wrist_flexion=-28, roll_spread=12),
                    View(yaw=85, roll=85, wrist_flexion=-45, roll_spread=10, weight=0.6))),
    ),
    "del": (
        Form((66, -2, 14, 8), (68, 0, 16, 8), (70, 2, 16, 8), (70, 3, 16, 8), (2, 22, -20, 8, 12),
             (_touch(TH_TIP, 0.5, 0, 0.95, Spot(IN_PP, 0.35, 0.8, 0.4), 0.6),),
             views=(View(yaw=-88, roll=100, wrist_flexion=58, roll_spread=14),
                    View(yaw=-125, roll=105, wrist_flexion=58, weight=0.6))),
        Form((36, -2, 12, 8), (38, 0, 14, 8), (40, 2, 14, 8), (40, 3, 14, 8), (8, 36, -30, 8, 8),
             views=(View(yaw=-95, roll=128, wrist_flexion=70, roll_spread=14),), weight=0.3),
    ),
    "nothing": (
        Form((4, 10, 8, 4), (3, 2, 8, 4), (3, -7, 8, 4), (3, -16, 8, 4), (48, 14, -10, 0, 0),
             views=(View(yaw_spread=20, roll_spread=25), View(yaw=180, yaw_spread=20, roll_spread=30))),
        Form((22, 2, 28, 14), (26, 0, 32, 16), (30, -2, 34, 18), (34, -4, 36, 18), (26, 26, -15, 8, 10),
             views=(View(yaw=180, roll=180, yaw_spread=40, roll_spread=30), View(yaw=-90, roll=150, roll_spread=40),
                    View(yaw=180, pitch=-20, roll=40, yaw_spread=40, roll_spread=50)), weight=0.7),
    ),
}  # fmt: skip
"""Every sign's forms, by label."""

JITTER: Floats = np.array([*(6.0, 2.0, 6.0, 4.5) * 4, 5.0, 5.0, 6.0, 5.0, 6.0, 3.0, 6.0, 5.0])
"""Standard deviation of each angle from one photo to the next, degrees."""


def looseness(form: Form, base: Floats) -> Floats:
    """The solver's looseness with a form's own changes."""
    changed = base.copy()
    for name, value in form.looseness.items():
        changed[INDEX[name]] = value
    return changed
