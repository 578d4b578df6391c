"""Whole frames as a webcam might give them, composed: a scene, people's parts, hands with their arms, light, camera.

Every frame follows from a random generator and the stock it is composed of, so that training can go on anywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.lab.finder import camera, cutouts, drawing, faces, scenery
from fingerspell.lab.finder.cutouts import Cutouts
from fingerspell.lab.finder.faces import Faces
from fingerspell.lab.finder.pictures import SIDE as PICTURE_SIDE
from fingerspell.lab.finder.pictures import Pictures
from fingerspell.lab.finder.scenery import Scenery

SMALLEST, LARGEST = 0.1, 1.0
"""Of a composed hand: its longer side as a share of the frame's height."""
_WITHOUT, _PICTURES, _CUT = 0.14, 0.3, 0.15  # shares of frames: no hand, real photos (if any), the edge cuts the hand
_REAL, _CLUTTERED = 0.4, 0.6  # shares of composed frames: before real scenery (if any), with things cut out of it
_FACES = 0.45  # of composed frames: with one painted head at least; as many of these with another
_SHOWN = (0.5, 0.92)  # of a hand that the edge cuts
_VISIBLE = 0.45  # of the hand of a photo at least, or it is no hand to be found


@dataclass(frozen=True, eq=False)
class Stock:
    """What frames are composed of.

    Attributes:
        scenes: (n, H, W, 3) uint8 sRGB: rooms, with and without people.
        hands: cut-outs.
        pictures: whole photos, if there are any.
        scenery: what real photos show beside the hand, if there are any.
        faces: painted heads, if there are any.
    """

    scenes: NDArray[np.uint8]
    hands: Cutouts
    pictures: Pictures | None = None
    scenery: Scenery | None = None
    faces: Faces | None = None


@dataclass(frozen=True, eq=False)
class Composed:
    """A frame.

    Attributes:
        pixels: (height, width, 3) uint8 sRGB.
        boxes: (k, 4) float32: left, top, right, bottom of each hand without its forearm, cut off at the frame's
            edges, in pixels; no row where there is no hand.
        labels: (k,) the hands' signs; "" where that is not known.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Wish:
    """What a frame is to be like where a judge asks for something.

    Attributes:
        size: the hand's longer side, as a share of the frame's height; drawn by default.
        hand: whether there is one; drawn by default.
        edge: whether the frame's edge cuts it; drawn by default.
        backlit: whether the hand is dark before something bright; drawn by default.
        which: the number of the cut-out; drawn by default.
    """

    size: float | None = None
    hand: bool | None = None
    edge: bool | None = None
    backlit: bool | None = None
    which: int | None = None


_ANY = Wish()


def compose(rng: np.random.Generator, stock: Stock, height: int, width: int, wish: Wish = _ANY) -> Composed:
    """Make one frame: composed, or (where nothing is wished and there are any) now and then a real photo."""
    if wish is _ANY and stock.pictures is not None and len(stock.pictures) and rng.random() < _PICTURES:
        return _from_picture(rng, stock.pictures, height, width)
    backlit = bool(rng.random() < 0.12) if wish.backlit is None else wish.backlit
    if stock.scenery is not None and not backlit and rng.random() < _REAL:
        canvas = scenery.scene(rng, stock.scenery, height, width)
    else:
        canvas = _scene(rng, stock.scenes, height, width, bright=backlit)
    with_hand = bool(rng.random() >= _WITHOUT) if wish.hand is None else wish.hand
    which = int(rng.integers(len(stock.hands))) if wish.which is None else wish.which
    tone = _tone(stock.hands, which) if rng.random() < 0.7 else drawing.skin(rng)
    if stock.scenery is not None and rng.random() < _CLUTTERED:
        scenery.things(rng, canvas, stock.scenery, tone)
    while stock.faces is not None and rng.random() < _FACES:
        faces.paint(rng, canvas, stock.faces, tone if rng.random() < 0.6 else None)
    _people(rng, canvas, tone)
    boxes: list[NDArray[np.float32]] = []
    labels: list[str] = []
    if with_hand:
        first = _place(rng, stock.hands, which, height, width, wish)
        if rng.random() < 0.12 and wish is _ANY:
            other = _place(rng, stock.hands, int(rng.integers(len(stock.hands))), height, width, wish)
            if not _overlap(first.box, other.box, first.size * 0.3):
                _paste(rng, canvas, stock.hands, other, backlit)
                boxes, labels = [*boxes, other.box], [*labels, str(stock.hands.labels[other.which])]
        _paste(rng, canvas, stock.hands, first, backlit)
        boxes, labels = [*boxes, first.box], [*labels, str(stock.hands.labels[which])]
    pixels = camera.seen(rng, canvas)
    return Composed(pixels, np.array(boxes, np.float32).reshape(-1, 4), tuple(labels))


@dataclass(frozen=True, eq=False)
class _Placed:
    which: int
    matrix: NDArray[np.float64]  # (2, 3): cut-out → frame
    box: NDArray[np.float32]  # what of the hand lies in the frame
    size: float


def _scene(
    rng: np.random.Generator, scenes: NDArray[np.uint8], height: int, width: int, *, bright: bool
) -> NDArray[np.float32]:
    """A part of a scene, perhaps mirrored: (height, width, 3) float32."""
    scene = scenes[int(rng.integers(len(scenes)))]
    if bright:  # of a few scenes the brightest: a window behind the hand
        others = [scenes[int(rng.integers(len(scenes)))] for _ in range(3)]
        scene = max([scene, *others], key=lambda its: float(its[::8, ::8].mean()))
    high, wide = scene.shape[:2]
    zoom = max(height / high, width / wide) * rng.uniform(1, 1.6)
    room = np.array([wide - width / zoom, high - height / zoom]) * rng.random(2)
    flip = rng.random() < 0.5
    matrix = np.array([[zoom, 0, -room[0] * zoom], [0, zoom, -room[1] * zoom]])
    if flip:
        matrix[0] = [-zoom, 0, width + room[0] * zoom]
    flags = cv2.INTER_LINEAR
    part = cv2.warpAffine(scene, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(part, np.float32)


def _people(rng: np.random.Generator, canvas: NDArray[np.float32], tone: drawing.Colour) -> None:
    """Heads, bare arms and shapeless things, most in the colour of the hand to come."""
    if rng.random() < 0.3:
        drawing.head(rng, canvas, tone)
    if rng.random() < 0.15:
        drawing.bare_arm(rng, canvas, tone * rng.uniform(0.7, 1.15))
    if rng.random() < 0.12:
        drawing.blob(rng, canvas, tone * rng.uniform(0.6, 1.2))


def _tone(hands: Cutouts, which: int) -> drawing.Colour:
    """The hand's own mean colour."""
    inside = hands.cover[which, ::4, ::4] > 200
    pixels = hands.pixels[which, ::4, ::4][inside]
    return np.asarray(pixels.mean(axis=0) if len(pixels) else np.full(3, 128), np.float32)


def _place(rng: np.random.Generator, hands: Cutouts, which: int, height: int, width: int, wish: Wish) -> _Placed:
    """Turn, mirror, size and place a hand: whole in the frame, or cut by one of its edges."""
    outline = hands.outline[which].astype(np.float64)
    size = math.exp(rng.uniform(math.log(SMALLEST), math.log(LARGEST))) if wish.size is None else wish.size
    size *= height
    edge = bool(rng.random() < _CUT) if wish.edge is None else wish.edge
    turn = rng.normal(0, 0.2) if rng.random() < 0.85 else rng.uniform(-1.4, 1.4)
    stretch = math.exp(rng.normal(0, 0.05))
    turned = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    turned = turned @ np.diag([stretch * (-1 if rng.random() < 0.5 else 1), 1 / stretch])
    shape = outline @ turned.T
    turned *= size / float(np.ptp(shape, axis=0).max())
    shape = outline @ turned.T
    low, high = shape.min(axis=0), shape.max(axis=0)
    extent, frame = high - low, np.array([width, height])
    corner = rng.random(2) * (frame - extent)
    if edge:
        axis, share = int(rng.integers(2)), rng.uniform(*_SHOWN)
        ends = -(1 - share) * extent[axis], frame[axis] - share * extent[axis]
        corner[axis] = ends[int(rng.integers(2))]
    shift = corner - low
    box = np.concatenate([np.maximum(corner, 0), np.minimum(corner + extent, frame)])
    return _Placed(which, np.column_stack([turned, shift]), np.asarray(box, np.float32), size)


def _paste(rng: np.random.Generator, canvas: NDArray[np.float32], hands: Cutouts, its: _Placed, backlit: bool) -> None:
    """The arm first, then the hand over its end; both in one light."""
    height, width = canvas.shape[:2]
    pixels, cover, matrix = hands.pixels[its.which], hands.cover[its.which], its.matrix
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    side = cutouts.SIDE
    while scale < 0.6:  # the mean of areas first: a warp alone would leave pixels out
        side //= 2
        pixels = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
        cover = cv2.resize(cover, (side, side), interpolation=cv2.INTER_AREA)
        matrix, scale = matrix @ np.diag([2.0, 2.0, 1.0]), scale * 2
    gain = _light(rng, backlit)
    hand = camera.curve(rng, pixels, gain)
    if rng.random() < 0.92:
        _arm(rng, canvas, hands, its, _near_arm(hands, its.which, hand))
    share = cover.astype(np.float32) / 255
    warped = cv2.warpAffine(hand * share[:, :, None], matrix, (width, height), flags=cv2.INTER_LINEAR)
    soft = cv2.warpAffine(share, matrix, (width, height), flags=cv2.INTER_LINEAR)
    if rng.random() < 0.15:  # the hand moves, the room does not
        kernel = camera.streak(rng, max(2.0, 0.12 * its.size))
        warped, soft = cv2.filter2D(warped, -1, kernel), cv2.filter2D(soft, -1, kernel)
    canvas *= 1 - soft[:, :, None]
    canvas += warped


def _light(rng: np.random.Generator, backlit: bool) -> float:
    """By how much the hand is brighter or darker than it was photographed."""
    return rng.uniform(0.12, 0.4) if backlit else math.exp(rng.normal(-0.05, 0.25))


def _near_arm(hands: Cutouts, which: int, hand: NDArray[np.float32]) -> drawing.Colour:
    """The skin's colour where the forearm leaves the cut-out."""
    side = len(hand)
    cover = cv2.resize(hands.cover[which], (side, side), interpolation=cv2.INTER_AREA)
    x, y, _, _, across = hands.arm[which] * np.array([side / cutouts.SIDE] * 2 + [1, 1, side / cutouts.SIDE])
    reach = max(across, 2)
    rows, columns = slice(max(int(y - reach), 0), int(y + reach) + 1), slice(max(int(x - reach), 0), int(x + reach) + 1)
    near = hand[rows, columns][cover[rows, columns] > 180]
    if not len(near):
        near = hand[cover > 128]
    return np.asarray(near.mean(axis=0) if len(near) else np.full(3, 100), np.float32)


def _arm(
    rng: np.random.Generator,
    canvas: NDArray[np.float32],
    hands: Cutouts,
    its: _Placed,
    colour: drawing.Colour,
) -> None:
    """Forearm, elbow and a part of the upper arm, bare or in a sleeve that begins at the wrist or further up."""
    arm, turned = hands.arm[its.which].astype(np.float64), its.matrix[:, :2]
    start = turned @ arm[:2] + its.matrix[:, 2]
    way = turned @ arm[2:4]
    scale = max(float(np.hypot(*way)), 1e-6)
    way, thick = way / scale, arm[4] * scale / 2
    start = start - way * thick * 0.4
    fore = its.size * rng.uniform(0.9, 2.2)
    bend = rng.normal(0, 0.7)
    on = np.array(
        [way[0] * math.cos(bend) - way[1] * math.sin(bend), way[0] * math.sin(bend) + way[1] * math.cos(bend)]
    )
    elbow = start + way * fore
    points = np.array([start, elbow, elbow + on * its.size * rng.uniform(1.5, 4)], np.float32)
    wider = rng.uniform(1.1, 1.5)
    radii = np.array([thick, thick * wider, thick * wider * 1.15], np.float32)
    light = rng.uniform(-0.7, 0.7)
    drawing.limb(canvas, points, radii, colour, light)
    if rng.random() < 0.6:
        begins = rng.uniform(0.0, 0.9) if not hands.own_arm[its.which] else rng.uniform(0.1, 0.9)
        cuff = np.array([start + way * (thick * 0.6 + begins * fore), *points[1:]], np.float32)
        loose = rng.uniform(1.08, 1.5)
        drawing.limb(canvas, cuff, radii * loose, drawing.any_colour(rng), light)


def _overlap(first: NDArray[np.float32], other: NDArray[np.float32], room: float) -> bool:
    apart = np.maximum(first[:2], other[:2]) - np.minimum(first[2:], other[2:])
    return bool((apart < room).all())


def _from_picture(rng: np.random.Generator, pictures: Pictures, height: int, width: int) -> Composed:
    """A real photo, or a part of one; where the frame is larger, the photo's edge is repeated."""
    which = int(rng.integers(len(pictures)))
    box, side = pictures.boxes[which].astype(np.float64), PICTURE_SIDE
    zoom = max(height, width) / side * math.exp(rng.uniform(math.log(0.5), math.log(1.5)))
    centre = np.array([side / 2, side / 2]) if np.isnan(box).any() else (box[:2] + box[2:]) / 2
    frame = np.array([width, height])
    # between the photo in the frame's middle and the hand anywhere in the frame
    target = np.where(rng.random(2) < 0.5, frame / 2 + (centre - side / 2) * zoom, rng.uniform(0.2, 0.8, 2) * frame)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    matrix = np.array([[zoom * flip, 0, target[0] - zoom * flip * centre[0]], [0, zoom, target[1] - zoom * centre[1]]])
    picture = pictures.pixels[which]
    if zoom < 0.7:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / zoom)
    canvas = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.3:
        canvas = camera.curve(rng, np.asarray(canvas, np.uint8), math.exp(rng.normal(-0.2, 0.4)))
    pixels = camera.seen(rng, np.asarray(canvas, np.float32))
    if np.isnan(box).any():
        return Composed(pixels, np.zeros((0, 4), np.float32), ())
    corners = np.array([box[:2], box[2:]]) * np.array([zoom * flip, zoom]) + matrix[:, 2]
    low, high = corners.min(axis=0), corners.max(axis=0)
    inner = np.concatenate([np.maximum(low, 0), np.minimum(high, frame)])
    if np.prod(np.maximum(inner[2:] - inner[:2], 0)) < _VISIBLE * np.prod(high - low):
        return _from_picture(rng, pictures, height, width)
    return Composed(pixels, np.array([inner], np.float32), ("",))
