"""The one reference for what happens to a photo before a network sees it: image bytes → float32 tensor.

Resampling is written as two matrix products whose weights are whole multiples of 2⁻¹⁵. Every product and every
partial sum is then exact in float32, so NumPy, PyTorch, ONNX Runtime and a browser give the same pixels whatever
the order in which they add. The triangle filter with support scaled by the reduction is what Pillow calls
BILINEAR; `nearest` is what Keras uses when it loads a folder.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fingerspell.core.errors import DataError, PhotoError

Fit = Literal["stretch", "crop", "pad"]
Filter = Literal["triangle", "nearest"]

MAX_PIXELS = 100_000_000
"""Larger photos are refused before they are decoded (a 12,000×8,000 camera photo still passes)."""

WEIGHT_UNIT = 2.0**-15
"""Resampling weights are whole multiples of this: 255·2¹⁵ < 2²⁴, hence exact in float32."""

FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP")


@dataclass(frozen=True, slots=True)
class PreprocessSpec:
    """How a photo becomes a network's input.

    Attributes:
        height: of the input, pixels.
        width: of the input, pixels.
        fit: `stretch` changes the aspect ratio (as Keras does), `crop` takes the centre, `pad` keeps the whole
            photo and repeats its edge pixels.
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
        if not sizes_fit or not names_fit or len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise DataError(
                f"the preprocessing {self} is not possible",
                expected="8–1024 pixels, fit stretch|crop|pad, filter triangle|nearest, three means, three std > 0",
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
        """What decides the uint8 pixels (mean and std come later): the part of the specification a cache depends on."""
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
                turned = ImageOps.exif_transpose(image) if upright else image
                return _as_rgb(turned)
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise _oversize(str(error)) from error
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, …
        raise PhotoError(
            f"not a readable image ({str(error) or type(error).__name__})".replace("<_io.BytesIO object at ", "<"),
            expected="a whole JPEG, PNG, BMP, PPM, TIFF or WebP file",
            remedy="open it in a viewer; replace or remove it",
        ) from error


def _refuse_oversize(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS or min(width, height) < 1:
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


def sampling_matrix(size: int, out: int, scale: np.float32, offset: np.float32, kind: Filter) -> NDArray[np.float32]:
    """Weights of one axis of a resampling.

    Args:
        size: pixels of the axis in the photo.
        out: pixels of the axis in the result.
        scale: photo pixels for each result pixel.
        offset: where the result's first edge lies in the photo, in pixels; negative pads with edge pixels.
        kind: the filter.

    Returns:
        (out, size) float32, each weight a whole multiple of `WEIGHT_UNIT`.
    """
    half = np.float32(0.5)
    centres = (np.arange(out, dtype=np.float32) + half) * scale + offset
    centres = np.clip(centres, half, np.float32(size) - half)[:, None]
    pixels = np.arange(size, dtype=np.float32)[None, :]
    if kind == "nearest":
        return (np.floor(centres) == pixels).astype(np.float32)
    support = np.maximum(scale, np.float32(1))
    weights = np.maximum(np.float32(1) - np.abs(pixels + half - centres) / support, np.float32(0))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.rint(weights * np.float32(1 / WEIGHT_UNIT)) * np.float32(WEIGHT_UNIT)


def scale_and_offset(size: int, out: int, other: tuple[int, int], fit: Fit) -> tuple[np.float32, np.float32]:
    """Scale and offset of one axis (see `sampling_matrix`); `other` is (size, out) of the other axis."""
    scale = np.float32(size) / np.float32(out)
    if fit == "stretch":
        return scale, np.float32(0)
    across = np.float32(other[0]) / np.float32(other[1])
    scale = np.minimum(scale, across) if fit == "crop" else np.maximum(scale, across)
    return scale, (np.float32(size) - np.float32(out) * scale) * np.float32(0.5)


def resample(photo: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """Bring a photo to the network's size: (H, W, 3) uint8 → (height, width, 3) uint8."""
    height, width = photo.shape[:2]
    rows, columns = (height, spec.height), (width, spec.width)
    if rows[0] == rows[1] and columns[0] == columns[1]:
        return photo  # every fit and filter is then the identity
    down = sampling_matrix(*rows, *scale_and_offset(*rows, columns, spec.fit), spec.filter)
    along = sampling_matrix(*columns, *scale_and_offset(*columns, rows, spec.fit), spec.filter)
    flat = photo.reshape(height, width * 3).astype(np.float32)
    tall = np.rint(down @ flat).reshape(spec.height, width, 3)  # (height, W, 3)
    full = np.rint(np.matmul(along, tall))  # (height, width, 3)
    return np.clip(full, 0, 255).astype(np.uint8)


def normalise(pixels: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.float32]:
    """Scale pixels for the network: (…, h, w, 3) uint8 → (…, 3, h, w) float32, (x/255 − mean)/std."""
    mean = np.asarray(spec.mean, dtype=np.float32)
    std = np.asarray(spec.std, dtype=np.float32)
    scaled = (pixels.astype(np.float32) * np.float32(1 / 255) - mean) / std
    return np.ascontiguousarray(np.moveaxis(scaled, -1, -3))


def preprocess(data: bytes, spec: PreprocessSpec) -> NDArray[np.float32]:
    """The whole way: image bytes → (3, height, width) float32. Raises PhotoError as `decode` does."""
    return normalise(resample(decode(data, upright=spec.upright), spec), spec)
