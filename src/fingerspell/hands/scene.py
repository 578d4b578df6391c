"""A photo of a sign: who signs, how the hand is held and seen, in what light, before what, with which camera.

Everything is drawn first (`draw_shot`, `draw_pose`), then made (`render`). The world's x points right in the picture, y
up, z to the camera, in centimetres; the hand is near the origin, the camera on the z axis. A left hand is rendered as
a right one in a mirrored world, and the picture mirrored back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.core.alphabet import LABELS
from fingerspell.hands import backgrounds, sensor
from fingerspell.hands.backgrounds import Background
from fingerspell.hands.letters import JITTER, Form, View, forms, looseness
from fingerspell.hands.lighting import Lighting, draw_lighting
from fingerspell.hands.sample import Sample
from fingerspell.hands.sensor import Sensor
from fingerspell.hands.signers import Signer, signer
from fingerspell.hands.skeleton import INDEX, Posed, Proportions, joint_radii, pose
from fingerspell.hands.skin import shade
from fingerspell.hands.solve import default_looseness, settle
from fingerspell.hands.surface import wrap
from fingerspell.hands.tracer import Camera, trace

if TYPE_CHECKING:
    from fingerspell.hands.plan import SynthPlan

Floats = NDArray[np.float64]

_HAND, _FOREARM, _SLEEVE = 1, 2, 3
_EMPTY = 0.5  # share of `nothing` photos without any hand
_STREAM = 0xA5


@dataclass(frozen=True, eq=False, slots=True)
class Held:
    """A hand in the world.

    Attributes:
        angles: (24,) joint angles that a hand can hold, degrees.
        turn: (3, 3) from the hand's coordinates to the world's.
        centre: (3,) the point of the hand, in its own coordinates, that lies at `place`.
        place: (3,) in the world, centimetres.
    """

    angles: Floats
    turn: Floats
    centre: Floats
    place: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Shot:
    """All of a photo but the pose.

    Attributes:
        signer: who.
        distance: of the camera from the origin, centimetres.
        focal: in pixels of a picture of size 1.
        middle: where the origin lies in the picture, in sides from the left and from the top.
        lighting: the lights.
        background: what is behind; None for a picture from the user's own folder.
        backdrop: brightness of the background against the hand's light.
        cast: strength of the hand's shadow on what is behind, 0–1, its offset (sides) and blur (sides).
        sleeve: (bare centimetres, looseness), or None.
        cloth: (7,) the sleeve's colours (see `skin.shade`).
        sensor: the camera.
        seed: of noise and background.
    """

    signer: Signer
    distance: float
    focal: float
    middle: tuple[float, float]
    lighting: Lighting
    background: Background
    backdrop: float
    cast: tuple[float, float, float, float]
    sleeve: tuple[float, float] | None
    cloth: Floats
    sensor: Sensor
    seed: int


def render_one(label: str, index: int, plan: SynthPlan) -> Sample:
    """Photo `index` of a label in a plan: the same for the same seed, size and number of signers, always.

    Args:
        label: one of the alphabet's labels.
        index: from 0; photo `index` is of signer `index % plan.signers`.
        plan: seed, size, signers and backgrounds.
    """
    sequence = np.random.SeedSequence([plan.seed, _STREAM, LABELS.index(label), index])
    rng = np.random.Generator(np.random.PCG64(sequence))
    person = signer(plan.seed, plan.signer(index))
    empty = label == "nothing" and rng.random() < _EMPTY
    held = draw_pose(rng, label, person)
    shot = draw_shot(rng, person, [held], plan.size)
    photos = _photos(plan.backgrounds) if plan.backgrounds is not None else None
    if empty:
        return empty_scene(shot, plan.size, photos)
    return render(shot, held, label, plan.size, photos)


@lru_cache(maxsize=2)
def _photos(folder: Path) -> backgrounds.PhotoBackgrounds:
    """A folder is listed, and its pictures decoded, once a process."""
    return backgrounds.PhotoBackgrounds(folder)


def rotation(yaw: float, pitch: float, roll: float) -> Floats:
    """(3, 3) from the hand's coordinates to the world's; degrees, as `letters.View` gives them."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y)


def choose_form(rng: np.random.Generator, label: str, person: Signer) -> Form:
    """A person's own form of a sign, four times in five; else any."""
    choices = forms(label)
    weights = np.array([form.weight for form in choices])
    place = person.taste[LABELS.index(label)] if rng.random() < 0.8 else rng.random()
    return choices[
        int(np.searchsorted(np.cumsum(weights / weights.sum()), place, side="right").clip(0, len(choices) - 1))
    ]


def choose_view(rng: np.random.Generator, form: Form) -> View:
    """One of a form's views, by weight."""
    weights = np.array([view.weight for view in form.views])
    return form.views[int(rng.choice(len(weights), p=weights / weights.sum()))]


def draw_pose(rng: np.random.Generator, label: str, person: Signer) -> Held:
    """How a person holds a sign this time, and how the hand is turned to the camera."""
    form = choose_form(rng, label, person)
    view = choose_view(rng, form)
    wanted = form.angles() + person.style + person.precision * JITTER * rng.normal(size=len(JITTER))
    wanted[INDEX["wrist_flexion"]] += view.wrist_flexion
    wanted[INDEX["wrist_deviation"]] += view.wrist_deviation
    angles = settle(wanted, form.touches, person.hand, looseness(form, default_looseness()))
    turn = rotation(
        view.yaw + view.yaw_spread * rng.normal(),
        view.pitch + view.pitch_spread * rng.normal(),
        view.roll + view.roll_spread * rng.normal(),
    )
    posed = pose(angles, person.hand)
    centre = (posed.landmarks.min(0) + posed.landmarks.max(0)) / 2
    return Held(angles, turn, centre, np.zeros(3))


def draw_shot(
    rng: np.random.Generator, person: Signer, poses: Sequence[Held], size: int, nearest: float = 24.0
) -> Shot:
    """The photo around a pose (or a clip around several): framed as people do, the hand roughly in the middle.

    Args:
        rng: where the numbers come from.
        person: who signs.
        poses: all that is to be in the picture.
        size: side in pixels.
        nearest: shortest distance of the camera in centimetres.
    """
    distance = float(np.exp(rng.uniform(np.log(nearest), np.log(80))))
    fill = float(np.clip(rng.normal(0.78, 0.15), 0.4, 1.05))
    outline = np.concatenate([_outline(held, person.hand, distance) for held in poses])
    if person.handedness == "left":
        outline = outline * [-1, 1]
    low, high = outline.min(0), outline.max(0)
    focal = fill / float((high - low).max())
    slack = max(0.03, 0.45 * (1 - fill))
    drift = np.clip(rng.normal(0, 0.5, 2), -1.3, 1.3) * slack
    middle = 0.5 + drift - focal * (low + high) / 2
    lighting = draw_lighting(rng)
    cast = rng.uniform([0.0, -0.15, -0.05, 0.01], [0.7, 0.15, 0.15, 0.06])
    cast[0] *= rng.random() < 0.5
    bare = float(rng.uniform(1.5, 16))
    return Shot(
        signer=person,
        distance=distance,
        focal=focal,
        middle=(float(middle[0]), float(middle[1])),
        lighting=lighting,
        background=backgrounds.draw(rng),
        backdrop=float(np.exp(rng.normal(lighting.behind, 0.45))),
        cast=(float(cast[0]), float(cast[1]), float(cast[2]), float(cast[3])),
        sleeve=(bare, float(rng.uniform(0.15, 1.0))) if rng.random() < 0.4 else None,
        cloth=_cloth(rng),
        sensor=sensor.draw(rng, size),
        seed=int(rng.integers(2**62)),
    )


def _outline(held: Held, hand: Proportions, distance: float) -> Floats:
    """(n, 2) corners of the hand in the picture for a focal length of 1, y downward, its flesh included."""
    posed = pose(held.angles, hand)
    r0, r1 = joint_radii(hand)
    points = np.concatenate([posed.starts, posed.ends, [[-2.5, 0, 0], [2.5, 0, 0]]])
    radii = np.concatenate([r0, r1, [0.5, 0.5]])[:, None]
    world = (points - held.centre) @ held.turn.T + held.place
    depth = distance - world[:, 2:]
    flat = world[:, :2] * [1, -1]
    return np.concatenate([(flat - radii) / depth, (flat + radii) / depth])


def _cloth(rng: np.random.Generator) -> Floats:
    plain = rng.uniform(0.01, 0.8, 3) ** 1.6
    if rng.random() < 0.5:
        plain = np.clip(np.full(3, rng.uniform(0.01, 0.8) ** 1.5) * rng.uniform(0.9, 1.1, 3), 0.005, 0.9)
    stripes = rng.uniform(0.3, 2.0) if rng.random() < 0.2 else 0.0
    return np.concatenate([plain, rng.uniform(0.01, 0.8, 3), [stripes]])


def _backdrop(shot: Shot, size: int, photos: backgrounds.PhotoBackgrounds | None) -> NDArray[np.float32]:
    behind = photos.paint(shot.seed, size, size) if photos else backgrounds.paint(shot.background, size, size)
    return np.asarray(behind * np.float32(shot.backdrop), dtype=np.float32)


def empty_scene(shot: Shot, size: int, photos: backgrounds.PhotoBackgrounds | None = None) -> Sample:
    """The scene without a hand: `nothing`."""
    pixels = sensor.expose(_backdrop(shot, size, photos), shot.sensor, shot.seed)
    blank = np.zeros((size, size), np.uint8)
    return Sample(pixels, "nothing", shot.signer.number, None, None, None, blank, shot.sensor.jpeg_quality)


def camera_of(shot: Shot, held: Held, size: int) -> Camera:
    """The camera in the coordinates of the (right) hand."""
    eye = (np.array([0.0, 0.0, shot.distance]) - held.place) @ held.turn + held.centre
    basis = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]]) @ held.turn
    left = shot.signer.handedness == "left"
    across = 1.0 - shot.middle[0] if left else shot.middle[0]
    return Camera(eye, basis, shot.focal * size, (across * size, shot.middle[1] * size))


def render(
    shot: Shot,
    held: Held,
    label: str,
    size: int,
    photos: backgrounds.PhotoBackgrounds | None = None,
    smear: tuple[float, float] = (0.0, 0.0),
    frame: int = 0,
) -> Sample:
    """Make the photo.

    Args:
        shot: the scene and camera.
        held: the hand.
        label: what it shows.
        size: side in pixels.
        photos: pictures to stand behind the hand instead of the shot's own background.
        smear: the way the hand moved during the exposure, right and down, in pixels.
        frame: number within a clip: noise differs from frame to frame, what is behind does not.
    """
    person, hand = shot.signer, shot.signer.hand
    left = person.handedness == "left"
    posed = pose(held.angles, hand)
    camera = camera_of(shot, held, size)
    colour, cover, shows = _hand_layer(shot, held, posed, camera, size)
    landmarks = camera.project(posed.landmarks)
    landmarks[:, 2] -= landmarks[0, 2]
    if left:
        colour, cover, shows = colour[:, ::-1], cover[:, ::-1], shows[:, ::-1]
        landmarks[:, 0] = size - landmarks[:, 0]
    behind = _backdrop(shot, size, photos) * _cast_shadow(shot, cover, size)
    layer = np.concatenate([colour * cover[..., None], cover[..., None]], axis=2).astype(np.float32)
    length = float(np.hypot(*smear))
    if length > 1.0:
        kernel = sensor.motion_kernel(length, float(np.arctan2(smear[1], smear[0])))
        layer = np.asarray(cv2.filter2D(layer, -1, kernel), dtype=np.float32)
    picture = np.ascontiguousarray(layer[..., :3] + behind * (1 - layer[..., 3:]), dtype=np.float32)
    skin_cover = np.where(shows == _SLEEVE, 0.0, cover)
    return Sample(
        pixels=sensor.expose(picture, shot.sensor, shot.seed + frame),
        label=label,
        signer=person.number,
        handedness=person.handedness,
        landmarks=landmarks.astype(np.float32),
        box=_box(shows == _HAND, landmarks, size),
        mask=np.ascontiguousarray((skin_cover * 255 + 0.5).astype(np.uint8)),
        jpeg_quality=shot.sensor.jpeg_quality,
    )


def _hand_layer(
    shot: Shot, held: Held, posed: Posed, camera: Camera, size: int
) -> tuple[Floats, Floats, NDArray[np.uint8]]:
    hand = shot.signer.hand
    field = wrap(posed, hand, shot.sleeve)
    depth, cover = trace(field, camera, size, size)
    r0, r1 = joint_radii(hand)
    bones = (posed.starts, posed.frames, np.linalg.norm(posed.ends - posed.starts, axis=1), np.stack([r0, r1], axis=1))
    lights, ambient = shot.lighting.for_hand(held.turn, mirrored=shot.signer.handedness == "left")
    colour, shows = shade(field, camera, depth, cover, bones, shot.signer.skin, shot.cloth, lights, ambient)
    return colour, cover, shows


def _cast_shadow(shot: Shot, cover: Floats, size: int) -> NDArray[np.float32]:
    """(h, w, 1): what the hand's shadow leaves of the light behind it."""
    strength, dx, dy, blur = shot.cast
    if strength == 0.0:
        return np.ones((size, size, 1), np.float32)
    move = np.array([[1, 0, dx * size], [0, 1, dy * size]])
    moved = cv2.warpAffine(np.ascontiguousarray(cover, dtype=np.float32), move, (size, size))
    soft = cv2.GaussianBlur(moved, (0, 0), max(blur * size, 0.5))
    return np.asarray(1 - strength * soft[..., None], dtype=np.float32)


def _box(hand: NDArray[np.bool_], landmarks: Floats, size: int) -> tuple[float, float, float, float]:
    """Around the pixels that show the hand; around its landmarks, within the picture, where none does."""
    rows, columns = np.flatnonzero(hand.any(1)), np.flatnonzero(hand.any(0))
    if len(rows) and len(columns):
        return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
    x, y = np.clip(landmarks[:, 0], 0, size), np.clip(landmarks[:, 1], 0, size)
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())
