"""The one reference for what happens to a photo before a network sees it: image bytes → float32 tensor.

Resampling is two matrix products whose weights are whole numbers, each followed by one division by the sum of
the weights. Every product and every partial sum is then exact in float32, so NumPy, PyTorch, ONNX Runtime and a
browser give the same pixels whatever the order in which they add. The triangle filter with support scaled by the
reduction is what Pillow calls BILINEAR; `nearest` is what Keras uses when it loads a folder.
"""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from fingerspell.core.errors import DataError, PhotoError

Fit = Literal["stretch", "crop", "pad"]
Filter = Literal["triangle", "nearest"]

MAX_PIXELS = 100_000_000
"""Larger photos are refused before they are decoded (a 12,000×8,000 camera photo still passes)."""

MAX_SIDE = 65_535
"""Longest side, JPEG's own limit: beyond it the whole-number weights of a tiny result become too coarse."""

WEIGHT_TOTAL = 2.0**15
"""About what the weights of one result pixel add up to: 255·2¹⁵ < 2²⁴, hence exact in float32."""

FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP")


@dataclass(frozen=True, slots=True)
class PreprocessSpec:
    """How a photo becomes a network's input.

    Attributes:
        height: of the input, pixels.
        width: of the input, pixels.
        fit: `stretch` changes the aspect ratio (as Keras does), `crop` takes the centre, `pad` keeps the
            whole photo and repeats its edge pixels.
        filter: `triangle` (antialiased) or `nearest` (as Keras loads folders).
        upright: turn the photo as its EXIF orientation says. Keras does not.
        mean: subtracted for each of R, G, B after scaling to 0–1.
        std: divided by, likewise.
    """

    height: int = 64
    width: int = 64
    fit: Fit = "stretch"
    filter: Filter = "triangle"
    upright: bool = True
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        sizes_fit = all(isinstance(n, int) and 8 <= n <= 1024 for n in (self.height, self.width))
        names_fit = self.fit in ("stretch", "crop", "pad") and self.filter in ("triangle", "nearest")
        numbers = (*self.mean, *self.std)
        numbers_fit = len(self.mean) == len(self.std) == 3 and all(
            isinstance(number, int | float) and math.isfinite(number) for number in numbers
        )
        if not (sizes_fit and names_fit and numbers_fit and isinstance(self.upright, bool) and min(self.std) > 0):
            raise DataError(
                f"the preprocessing {self} is not possible",
                expected="8–1024 pixels, stretch|crop|pad, triangle|nearest, three means, three std > 0",
            )

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PreprocessSpec:
        """Read what `as_dict` gave. Raises DataError for unknown or missing keys or impossible values."""
        try:
            return cls(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
        except (TypeError, KeyError) as error:
            raise DataError(f"a preprocessing specification is malformed: {error}") from error

    def pixels_key(self) -> dict[str, Any]:
        """What decides the uint8 pixels (mean and std come later): the part a cache depends on."""
        values = self.as_dict()
        return {key: values[key] for key in ("height", "width", "fit", "filter", "upright")}


def decode(data: bytes, *, upright: bool = True) -> NDArray[np.uint8]:
    """Decode image bytes.

    Args:
        data: the content of a JPEG, PNG, BMP, PPM, TIFF or WebP file.
        upright: turn the photo as its EXIF orientation says.

    Returns:
        (H, W, 3) uint8, RGB. Transparency is dropped, 16-bit grey is reduced to 8 bits, of an animation the
        first frame is taken.

    Raises:
        PhotoError: not an image, truncated, or larger than `MAX_PIXELS`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about sizes and odd metadata; the checks here decide
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _refuse_oversize(image)
                image.load()
                return _as_rgb(_upright(image) if upright else image)
    except PhotoError:
        raise
    except UnidentifiedImageError as error:  # Pillow's own text names a memory address
        raise _unreadable("an unknown or damaged format" if data else "the file is empty") from error
    except Image.DecompressionBombError as error:
        raise _oversize(str(error)) from error
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, …
        raise _unreadable(str(error) or type(error).__name__) from error


def _unreadable(reason: str) -> PhotoError:
    return PhotoError(
        f"not a readable image: {reason}",
        expected="a whole JPEG, PNG, BMP, PPM, TIFF or WebP file",
        remedy="open it in a viewer; replace or remove it",
    )


def _upright(image: Image.Image) -> Image.Image:
    """The photo turned as its EXIF orientation says; as it is where only the EXIF block is damaged."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged metadata raises anything from SyntaxError to struct.error
        return image


def _refuse_oversize(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE or min(width, height) < 1:
        raise _oversize(f"{width}×{height} pixels")


def _oversize(found: str) -> PhotoError:
    return PhotoError(
        f"image too large: {found}", expected=f"at most {MAX_PIXELS:,} pixels", remedy="reduce it before use"
    )


def _as_rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):  # 16- and 32-bit grey: convert("RGB") would clip instead of scaling
        grey = np.asarray(image).astype(np.int64)
        peak = 255 if grey.max(initial=0) <= 255 else 65535
        eight = np.clip(grey * 255 // peak, 0, 255).astype(np.uint8)
        return np.repeat(eight[:, :, None], 3, axis=2)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def sampling_weights(size: int, out: int, scale: float, offset: float, kind: Filter) -> NDArray[np.float32]:
    """Weights of one axis of a resampling.

    Args:
        size: pixels of the axis in the photo.
        out: pixels of the axis in the result.
        scale: photo pixels for each result pixel.
        offset: where the result's first edge lies in the photo, in pixels; negative pads with edge pixels.
        kind: the filter.

    Returns:
        (out, size) float32 of whole numbers, each row's sum positive and below 2²⁴/255. A result pixel is the
        weighted sum divided by the sum of the weights.
    """
    steps = np.full(out, scale)
    steps[0] = scale * 0.5 + offset
    # Pillow adds step by step in double precision; doing the same settles ties in `nearest` as Pillow does.
    centres = np.clip(np.cumsum(steps), 0.5, size - 0.5)[:, None]
    pixels = np.arange(size, dtype=np.float64)[None, :]
    if kind == "nearest":
        return np.asarray(np.floor(centres) == pixels, dtype=np.float32)
    support = max(scale, 1.0)
    heights = np.maximum(1.0 - np.abs(pixels + 0.5 - centres) / support, 0.0)
    return np.asarray(np.rint(heights * (WEIGHT_TOTAL / support)), dtype=np.float32)


def scale_and_offset(size: int, out: int, other: tuple[int, int], fit: Fit) -> tuple[float, float]:
    """Scale and offset of one axis (see `sampling_weights`); `other` is (size, out) of the other axis."""
    scale = size / out
    if fit == "stretch":
        return scale, 0.0
    across = other[0] / other[1]
    scale = min(scale, across) if fit == "crop" else max(scale, across)
    return scale, (size - out * scale) * 0.5


def resample(photo: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """Bring a photo to the network's size: (H, W, 3) uint8 → (height, width, 3) uint8."""
    height, width = photo.shape[:2]
    rows, columns = (height, spec.height), (width, spec.width)
    if rows[0] == rows[1] and columns[0] == columns[1]:
        return photo  # every fit and filter is then the identity
    down = sampling_weights(*rows, *scale_and_offset(*rows, columns, spec.fit), spec.filter)
    along = sampling_weights(*columns, *scale_and_offset(*columns, rows, spec.fit), spec.filter)
    planes = np.empty((height, 3, width), dtype=np.float32)
    for channel in range(3):  # much faster than one transposition
        planes[:, channel] = photo[:, :, channel]
    narrow = _half_up(planes.reshape(-1, width) @ along.T / along.sum(axis=1))  # (H·3, width)
    narrow = narrow.reshape(height, 3 * spec.width)
    full = _half_up(down @ narrow / down.sum(axis=1, keepdims=True)).reshape(spec.height, 3, spec.width)
    return np.ascontiguousarray(full.transpose(0, 2, 1).astype(np.uint8))


def _half_up(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round as Pillow does."""
    return np.asarray(np.floor(values + np.float32(0.5)), dtype=np.float32)


def normalise(pixels: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.float32]:
    """Scale pixels for the network: (…, h, w, 3) uint8 → (…, 3, h, w) float32, (x/255 − mean)/std."""
    mean = np.asarray(spec.mean, dtype=np.float32)
    std = np.asarray(spec.std, dtype=np.float32)
    scaled = (pixels.astype(np.float32) * np.float32(1 / 255) - mean) / std
    return np.ascontiguousarray(np.moveaxis(scaled, -1, -3))


def preprocess(data: bytes, spec: PreprocessSpec) -> NDArray[np.float32]:
    """The whole way: image bytes → (3, height, width) float32. Raises PhotoError as `decode` does."""
    return normalise(resample(decode(data, upright=spec.upright), spec), spec)
