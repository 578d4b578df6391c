"""Random changes to training photos exactly as Keras's ImageDataGenerator makes them: the faithful mode.

Reference: keras/src/legacy/preprocessing/image.py of Keras 3.15 (`get_random_transform`, `apply_transform`), which
leaves the resampling to SciPy and the brightness to Pillow. From the same NumPy seed come the same parameters in the
same order, and the same pixels. Beside it, `lab.augment` does what the settings' names say. The two differ:

- Parameters are drawn from one stream in the order of the photos, so a photo's change depends on those before it; ours
  follow from (seed, epoch, photo). Two flips are drawn for every photo, also where there is no flipping.
- `height_shift` moves columns and `width_shift` rows, each by a fraction of the size it is named after, and a positive
  shift moves the photo left or up. Shifts happen before shear and zoom, which change their length; ours come last.
- A zoom factor is of what is looked at: above 1 the hand shrinks. Shear likewise runs from the result to the photo.
- Photos turn about (w/2 − ½, h/2 − ½) taken as (row, column): not the centre, unless they are square.
- The mirror comes last, ours first: it also mirrors rotation and shift.
- Brightness truncates to whole levels before and after it multiplies; ours keeps fractions.

With equal ranges on square photos, the notebook's case, neither axes nor directions nor the mirror's place can be seen
in the result. What remains is that zoom and shear run the other way, that shifts grow with the zoom, and that levels
are cut off. The tests state each difference on a photo small enough to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError, RecipeError, known_names
from fingerspell.lab.affine import FILLS, Fill, affine_map
from fingerspell.lab.augment import Policy, describe

Levels = NDArray[np.uint8] | NDArray[np.float32]
Floats = NDArray[np.float64]
_EXPRESSIBLE = {"rotation", "shift", "zoom", "shear", "flip", "brightness", "channel_shift", "erase_side"}


@dataclass(frozen=True, slots=True)
class KerasDraw:
    """One photo's parameters, by the names that Keras gives them.

    Attributes:
        theta: degrees, counter-clockwise as seen.
        tx: from `height_shift_range`; moves columns, in pixels, to the left.
        ty: from `width_shift_range`; moves rows, in pixels, up.
        shear: degrees.
        zx: of columns; above 1 shrinks.
        zy: of rows; above 1 shrinks.
        flip_horizontal: mirror the result.
        channel_shift_intensity: levels added to all channels, or None.
        brightness: factor, or None.
    """

    theta: float = 0.0
    tx: float = 0.0
    ty: float = 0.0
    shear: float = 0.0
    zx: float = 1.0
    zy: float = 1.0
    flip_horizontal: bool = False
    channel_shift_intensity: float | None = None
    brightness: float | None = None


def keras_arguments(policy: Policy) -> dict[str, Any]:
    """The arguments of ImageDataGenerator that say what a policy says, `rescale` and the fill left out.

    Raises:
        RecipeError: the policy has changes that Keras's generator does not know.
    """
    foreign = sorted(set(describe(policy)) - _EXPRESSIBLE)
    if foreign:
        raise RecipeError(
            f"Keras's image generator has no {', '.join(foreign)}",
            expected="a policy of rotation, shift, zoom, shear, flip, brightness and channel_shift alone, as A, B or C",
            remedy='use augment_as = "intended" with this policy',
        )
    if policy.shift >= 1:  # Keras takes 1 and above for pixels
        raise RecipeError(f"a shift of {policy.shift:g}", expected="a fraction of the size, below 1")
    return {
        "rotation_range": policy.rotation,
        "width_shift_range": float(policy.shift),
        "height_shift_range": float(policy.shift),
        "shear_range": policy.shear,
        "zoom_range": float(policy.zoom),
        "horizontal_flip": policy.flip,
        "brightness_range": (1 - policy.brightness, 1 + policy.brightness) if policy.brightness else None,
        "channel_shift_range": policy.channel_shift * 255,
    }


def draw_one(policy: Policy, random: np.random.RandomState, height: int, width: int) -> KerasDraw:
    """Draw one photo's parameters, taking from the stream exactly what Keras takes.

    Args:
        policy: how far to go; see `keras_arguments` for what Keras can express.
        random: the stream; `np.random.RandomState(seed)` gives what `np.random.seed(seed)` gives Keras.
        height: of the photo, pixels.
        width: of the photo, pixels.

    Raises:
        RecipeError: Keras cannot express the policy.
    """
    its = keras_arguments(policy)
    theta = _within(random, its["rotation_range"])
    tx = _within(random, its["height_shift_range"]) * height
    ty = _within(random, its["width_shift_range"]) * width
    shear = _within(random, its["shear_range"])
    zoom = its["zoom_range"]
    zx, zy = (float(factor) for factor in random.uniform(1 - zoom, 1 + zoom, 2)) if zoom else (1.0, 1.0)
    mirrored = random.random_sample() < 0.5
    random.random_sample()  # the vertical flip is drawn though no policy has it
    channel_shift, brightness = its["channel_shift_range"], its["brightness_range"]
    return KerasDraw(
        theta=theta,
        tx=tx,
        ty=ty,
        shear=shear,
        zx=zx,
        zy=zy,
        flip_horizontal=mirrored and policy.flip,
        channel_shift_intensity=_within(random, channel_shift) if channel_shift else None,
        brightness=random.uniform(*brightness) if brightness else None,
    )


def _within(random: np.random.RandomState, reach: float) -> float:
    """A number within ± reach; where there is no reach nothing is drawn."""
    return random.uniform(-reach, reach) if reach else 0.0


def sampling_map(drawn: KerasDraw, height: int, width: int) -> tuple[Floats, Floats] | None:
    """Matrix (2, 2) and offset (2,) from (row, column) of the result to those of the photo; None where nothing moves.

    R·T·S·Z in (x, y), then the axes are swapped. Keras does so after it has centred the map at (height/2 − ½,
    width/2 − ½), so rows are centred by the width and columns by the height.
    """
    theta, shear = np.deg2rad(drawn.theta), np.deg2rad(drawn.shear)
    cos, sin = np.cos(theta), np.sin(theta)
    parts = [
        (drawn.theta != 0, [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]),
        (drawn.tx != 0 or drawn.ty != 0, [[1, 0, drawn.tx], [0, 1, drawn.ty], [0, 0, 1]]),
        (drawn.shear != 0, [[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]]),
        (drawn.zx != 1 or drawn.zy != 1, [[drawn.zx, 0, 0], [0, drawn.zy, 0], [0, 0, 1]]),
    ]
    matrix: Floats | None = None
    for present, rows in parts:  # an absent part is left out, not multiplied by: the last bits are then Keras's
        if present:
            part = np.array(rows, dtype=np.float64)
            matrix = part if matrix is None else np.dot(matrix, part)
    if matrix is None:
        return None
    to_centre, from_centre = np.eye(3), np.eye(3)
    to_centre[:2, 2] = height / 2 - 0.5, width / 2 - 0.5
    from_centre[:2, 2] = -to_centre[:2, 2]
    centred = np.dot(np.dot(to_centre, matrix), from_centre)[[1, 0, 2]][:, [1, 0, 2]]
    return centred[:2, :2], centred[:2, 2]


def apply_one(photo: Levels, drawn: KerasDraw, fill: Fill = "nearest", cval: float = 0.0) -> NDArray[np.float32]:
    """Change one photo as drawn: map, channel shift, mirror, brightness, in this order.

    Args:
        photo: (h, w, 3) levels, 0–255.
        drawn: its parameters.
        fill: what lies beyond the photo; the notebook's is `nearest`.
        cval: the level there, for `constant`.

    Returns:
        (h, w, 3) float32 levels, 0–255; whole ones where brightness was changed.

    Raises:
        RecipeError: an unknown fill, or a cval beyond 0–255.
        DataError: levels beyond 0–255.
    """
    _require_fill(fill, cval)
    _require_levels(photo)
    where = sampling_map(drawn, *photo.shape[:2])
    result = photo.astype(np.float32) if where is None else affine_map(photo, *where, fill, cval)
    if drawn.channel_shift_intensity is not None:
        low, high = result.min(), result.max()
        result = np.clip(result + np.float32(drawn.channel_shift_intensity), low, high)
    if drawn.flip_horizontal:
        result = result[:, ::-1]
    if drawn.brightness is not None:
        result = brightness_of_levels(drawn.brightness)[result.astype(np.uint8)]
    return np.ascontiguousarray(result)


def apply(
    photos: Levels, draws: Sequence[KerasDraw], fill: Fill = "nearest", cval: float = 0.0, *, threads: int = 1
) -> NDArray[np.float32]:
    """Change a batch as drawn.

    Args:
        photos: (N, h, w, 3) levels, 0–255.
        draws: parameters of the same N photos.
        fill: as for `apply_one`.
        cval: as for `apply_one`.
        threads: at work at once; the result is the same with any number.

    Returns:
        (N, h, w, 3) float32 levels, 0–255.
    """
    result = np.empty(photos.shape, dtype=np.float32)

    def change(place: int) -> None:
        result[place] = apply_one(photos[place], draws[place], fill, cval)

    if threads <= 1:
        for place in range(len(photos)):
            change(place)
        return result
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(change, range(len(photos))))
    return result


def brightness_of_levels(factor: float) -> NDArray[np.float32]:
    """(256,): what Pillow's enhancer makes of each whole level: multiplied in single precision, then cut off."""
    scaled = np.arange(256, dtype=np.float32) * np.float32(factor)
    return np.asarray(np.floor(np.clip(scaled, 0, 255)), dtype=np.float32)


def _require_fill(fill: str, cval: float) -> None:
    if fill not in FILLS:
        expected, remedy = known_names("fill", fill, FILLS)
        raise RecipeError(f"unknown fill '{fill}'", expected=expected, remedy=remedy)
    if not 0 <= cval <= 255:  # Keras would stretch the photo's levels before it changes brightness
        raise RecipeError(f"a fill of level {cval:g}", expected="0–255")


def _require_levels(photo: Levels) -> None:
    if photo.dtype == np.uint8:
        return
    low, high = float(photo.min()), float(photo.max())
    if not (low >= 0 and high <= 255):
        raise DataError(f"levels from {low:g} to {high:g} in a photo", expected="0–255")
