"""Random changes to training photos: their parameters are drawn here, and applied by `augment_cpu` or `augment_torch`.

Every parameter of a photo follows from (seed, epoch, photo) alone, through a counter-based generator (SplitMix64,
Steele et al. 2014): neither batch size, nor order, nor the number of workers changes it.

The notebook's policies A, B and C are here as they were meant: shifts move along the axis they name and a zoom above
1 enlarges. Fill is `nearest`, interpolation bilinear.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import RecipeError, known_names
from fingerspell.lab.data.manifest import Photo

Floats = NDArray[np.float32]
FINER_FROM = 1.3
"""Photos so many times larger than the result are sampled at four places for each of its pixels."""
_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Policy:
    """How far photos may be changed. Zero, False or 1 switches a change off.

    Attributes:
        rotation: up to ± this many degrees.
        shift: up to ± this fraction of width and height.
        zoom: factors in [1 − zoom, 1 + zoom], for x and y.
        shear: up to ± this many degrees.
        flip: mirror half of the photos.
        brightness: factors in [1 − b, 1 + b].
        channel_shift: one value in ± this (0–1 scale) added to all channels, kept within the photo's own range.
        contrast: factors in [1 − c, 1 + c] about the photo's mean.
        gamma: exponents in [1/(1 + g), 1 + g].
        saturation: factors in [1 − s, 1 + s].
        colour: for each channel factors in [1 − c, 1 + c]: the colour of the light.
        gradient: light that falls off across the photo by up to ± this fraction.
        grey: the fraction of photos that lose their colour.
        blur: up to this weight of a 5×5 binomial-like blur.
        noise: up to ± this amplitude (0–1 scale) of noise on each pixel.
        erase: the fraction of photos in which a rectangle is covered.
        erase_side: longest side of that rectangle, fraction of the photo's side.
    """

    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    flip: bool = False
    brightness: float = 0.0
    channel_shift: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    saturation: float = 0.0
    colour: float = 0.0
    gradient: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    erase: float = 0.0
    erase_side: float = 0.35


POLICIES: dict[str, Policy] = {
    "none": Policy(),
    # The notebook's, from its specification; C's shear and channel shift are ours, as the notebook gives none.
    "A": Policy(rotation=15, shift=0.1, zoom=0.1, flip=True),
    "B": Policy(rotation=20, shift=0.2, zoom=0.2, flip=True, brightness=0.2),
    "C": Policy(rotation=20, shift=0.2, zoom=0.2, flip=True, brightness=0.2, shear=10, channel_shift=20 / 255),
    # Ours: no mirroring, for a mirrored hand is another hand. `mild` moves the hand and the exposure a little;
    # `strong` also varies light, colour, sharpness and cover. Stronger is not better on other people's photos:
    # see records/.
    "mild": Policy(rotation=10, shift=0.08, zoom=0.15, shear=8, brightness=0.3),
    "strong": Policy(
        rotation=15,
        shift=0.12,
        zoom=0.2,
        shear=10,
        brightness=0.3,
        contrast=0.2,
        gamma=0.2,
        saturation=0.2,
        colour=0.1,
        gradient=0.2,
        grey=0.05,
        blur=0.4,
        noise=0.02,
        erase=0.2,
        erase_side=0.3,
    ),
    # For hands never seen, with views framed by the hand (see `framing`): everything varies a little.
    "broad": Policy(
        rotation=16,
        shift=0.1,
        zoom=0.16,
        shear=6,
        brightness=0.12,
        contrast=0.12,
        gamma=0.25,
        saturation=0.3,
        colour=0.06,
        gradient=0.12,
        grey=0.06,
        blur=0.35,
        noise=0.015,
        erase=0.05,
        erase_side=0.3,
    ),
    # And for cameras never seen: light of other colours above all. From fresh weights it is learnt slowly; a network
    # that has learnt with `broad` takes it up in a few epochs (recipe `hand-further`).
    "camera": Policy(
        rotation=20,
        shift=0.1,
        zoom=0.18,
        shear=7,
        brightness=0.22,
        contrast=0.15,
        gamma=0.3,
        saturation=0.4,
        colour=0.22,
        gradient=0.15,
        grey=0.1,
        blur=0.45,
        noise=0.02,
        erase=0.05,
        erase_side=0.3,
    ),
}


def policy(name: str) -> Policy:
    """A policy by name. Raises RecipeError listing the known ones."""
    if name not in POLICIES:
        expected, remedy = known_names("policy", name, POLICIES)
        raise RecipeError(f"unknown augmentation '{name}'", expected=expected, remedy=remedy)
    return POLICIES[name]


def photo_ids(photos: list[Photo]) -> NDArray[np.uint64]:
    """A 64-bit identity of each photo, from its content."""
    return np.array([int(photo.sha256[:16], 16) for photo in photos], dtype=np.uint64)


def _scramble(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: a bijection of 64-bit words."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def random_words(seed: int, epoch: int, ids: NDArray[np.uint64], stream: int) -> NDArray[np.uint64]:
    """One 64-bit word for each id, from (seed, epoch, id, stream) alone."""
    base = _scramble(np.array([(seed * _GOLDEN + epoch) & _MASK], dtype=np.uint64))
    return _scramble(_scramble(ids + base) + np.uint64((stream * _GOLDEN) & _MASK))


@dataclass(frozen=True, slots=True)
class Draws:
    """Parameters of a batch of N photos, ready to apply.

    Attributes:
        matrix: (N, 2, 3) from places of the result to places of the photo, in half-sides from the centre.
        moved: whether any photo is warped at all.
        brightness, channel_shift, contrast, gamma, saturation, grey, blur, noise: (N,).
        colour: (N, 3).
        gradient: (N, 2), in x and y.
        box: (N, 4) covered rectangle as left, top, right, bottom fractions; empty where none.
        box_colour: (N, 3), 0–1.
        keys: (N,) words that the noise follows from.
    """

    matrix: Floats
    moved: bool
    brightness: Floats
    channel_shift: Floats
    contrast: Floats
    gamma: Floats
    saturation: Floats
    colour: Floats
    gradient: Floats
    grey: Floats
    blur: Floats
    noise: Floats
    box: Floats
    box_colour: Floats
    keys: NDArray[np.uint64]


class Dice:
    """Uniform numbers for a batch: each call is a stream of its own, so that policies do not shift one another."""

    def __init__(self, seed: int, epoch: int, ids: NDArray[np.uint64]) -> None:
        self._seed, self._epoch, self._ids = seed, epoch, ids

    def unit(self, stream: int) -> NDArray[np.float64]:
        """(N,) in [0, 1)."""
        words = random_words(self._seed, self._epoch, self._ids, stream)
        return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def within(self, stream: int, reach: float) -> NDArray[np.float64]:
        """(N,) in [−reach, reach)."""
        return (2 * self.unit(stream) - 1) * reach


def draw(policy: Policy, seed: int, epoch: int, ids: NDArray[np.uint64], height: int, width: int) -> Draws:
    """Draw the parameters of a batch.

    Args:
        policy: how far to go.
        seed: of the run.
        epoch: counted from 0.
        ids: (N,) identities from `photo_ids`.
        height: of the photos, pixels.
        width: of the photos, pixels.
    """
    dice = Dice(seed, epoch, ids)
    count = len(ids)
    matrix = _inverse_affine(
        angle=np.deg2rad(dice.within(1, policy.rotation)),
        shift_x=dice.within(2, policy.shift) * width,
        shift_y=dice.within(3, policy.shift) * height,
        zoom_x=1 + dice.within(4, policy.zoom),
        zoom_y=1 + dice.within(5, policy.zoom),
        shear=np.deg2rad(dice.within(6, policy.shear)),
        mirrored=(dice.unit(7) < 0.5) & policy.flip,
        height=height,
        width=width,
    )
    side_x, side_y = (policy.erase_side * (0.3 + 0.7 * dice.unit(stream)) for stream in (20, 21))
    left, top = dice.unit(22) * (1 - side_x), dice.unit(23) * (1 - side_y)
    covered = dice.unit(24) < policy.erase
    box = np.stack([left, top, left + side_x * covered, top + side_y * covered], axis=1)
    return Draws(
        matrix=matrix,
        moved=any((policy.rotation, policy.shift, policy.zoom, policy.shear, policy.flip)),
        brightness=_f32(1 + dice.within(8, policy.brightness)),
        channel_shift=_f32(dice.within(9, policy.channel_shift)),
        contrast=_f32(1 + dice.within(10, policy.contrast)),
        gamma=_f32(np.exp(dice.within(11, float(np.log1p(policy.gamma))))),
        saturation=_f32(1 + dice.within(12, policy.saturation)),
        colour=_f32(np.stack([1 + dice.within(stream, policy.colour) for stream in (13, 14, 15)], axis=1)),
        gradient=_f32(np.stack([dice.within(stream, policy.gradient) for stream in (16, 17)], axis=1)),
        grey=_f32(dice.unit(18) < policy.grey),
        blur=_f32(dice.unit(19) * policy.blur),
        noise=_f32(dice.unit(25) * policy.noise),
        box=_f32(box),
        box_colour=_f32(np.stack([dice.unit(stream) for stream in (26, 27, 28)], axis=1)),
        keys=random_words(seed, epoch, ids, 29) if count else ids,
    )


def _f32(values: NDArray[Any]) -> Floats:
    return values.astype(np.float32)


def _inverse_affine(
    *,
    angle: NDArray[np.float64],
    shift_x: NDArray[np.float64],
    shift_y: NDArray[np.float64],
    zoom_x: NDArray[np.float64],
    zoom_y: NDArray[np.float64],
    shear: NDArray[np.float64],
    mirrored: NDArray[np.bool_],
    height: int,
    width: int,
) -> Floats:
    """(N, 2, 3): the inverse of shift · rotation · shear · zoom · mirror about the centre, in half-sides.

    Angles are radians, counter-clockwise as seen; x runs right and y down, in pixels from the centre.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    sign = np.where(mirrored, -1.0, 1.0)
    rotation = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], 1)  # (N, 2, 2)
    skew = np.zeros_like(rotation)
    skew[:, 0, 0], skew[:, 0, 1], skew[:, 1, 1] = 1, -np.sin(shear), np.cos(shear)
    scale = np.zeros_like(rotation)
    scale[:, 0, 0], scale[:, 1, 1] = zoom_x * sign, zoom_y
    inverse = np.linalg.inv(rotation @ skew @ scale)
    offset = -inverse @ np.stack([shift_x, shift_y], -1)[:, :, None]  # (N, 2, 1)
    pixels = np.concatenate([inverse, offset], axis=2)
    half = np.array([width / 2, height / 2])
    pixels[:, :, :2] *= half[None, None, :] / half[None, :, None]
    pixels[:, :, 2] /= half
    return _f32(pixels)


def describe(policy: Policy) -> dict[str, float | bool]:
    """The settings of a policy that differ from none at all."""
    plain = Policy()
    values = {field.name: getattr(policy, field.name) for field in fields(policy)}
    return {name: value for name, value in values.items() if value != getattr(plain, name)}
