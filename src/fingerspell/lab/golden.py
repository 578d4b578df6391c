"""The photos that a bundle carries as proof: a few that were not learnt from, as JPEG files of various sizes.

Bundles are handed on, so a photo's metadata (place, time, camera) is taken out; of it only the orientation stays.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fingerspell.core.errors import BundleError, DataError, PhotoError
from fingerspell.core.preprocess import PreprocessSpec, decode
from fingerspell.core.progress import Progress
from fingerspell.lab.data.cache import PhotoCache, open_cache
from fingerspell.lab.data.manifest import Manifest, Photo
from fingerspell.lab.data.split import Split

OTHER_SIZES = ((320, 240), (97, 131), (240, 427))
"""Width and height of the photos that are also kept in another size and aspect ratio."""
SIDEWAYS = 6
"""The EXIF orientation of the one photo that lies on its side: turn clockwise to see it upright."""

_ORIENTATION = 0x0112  # EXIF tag
_LARGEST_FILE = 200_000  # bytes; larger photos are reduced, or a bundle would weigh more than its network
_LARGEST_SIDE = 640
_QUALITY = 92
_TRIES = 3  # photos of a label that are looked at before the cache is asked


@dataclass(frozen=True)
class GoldenPhoto:
    """A photo for the parity check: its file name and its JPEG bytes."""

    name: str
    data: bytes


def golden_photos(
    split: Split, labels: tuple[str, ...], spec: PreprocessSpec, cache_folder: Path, progress: Progress
) -> tuple[GoldenPhoto, ...]:
    """One photo of each label from the part of a split that judges (test, else val); see `photos_of`."""
    judging = split.indices("test" if split.counts["test"] else "val")
    return photos_of(split.manifest, judging, labels, spec, cache_folder, progress)


def photos_of(
    manifest: Manifest,
    indices: Iterable[int],
    labels: tuple[str, ...],
    spec: PreprocessSpec,
    cache_folder: Path,
    progress: Progress,
) -> tuple[GoldenPhoto, ...]:
    """One photo of each label, then some in other sizes.

    Args:
        manifest: of a folder.
        indices: which of its photos may be taken.
        labels: of the model.
        spec: the model's; names the cache to take pixels from where the folder is gone.
        cache_folder: where caches are kept.
        progress: called if the cache must be packed.

    Raises:
        BundleError: neither the folder nor a cache of it is there.
    """
    found: list[tuple[str, bytes]] = []
    by_label: dict[str, list[Photo]] = {label: [] for label in labels}
    for index in indices:
        by_label.get(manifest.photos[index].label, []).append(manifest.photos[index])
    cached = _Cached(manifest, spec, cache_folder, progress)
    for label, photos in by_label.items():
        data = _original(manifest.root, photos) or cached.jpeg(photos)
        if data:
            found.append((label, data))
    if not found:
        raise BundleError(
            f"no photo for the parity check: neither {manifest.root} nor a cache of it can be read",
            expected="the photos that the run was trained with",
            remedy="put the folder back where it was",
        )
    photos_as_jpeg = [*found, *_variants([data for _, data in found])]
    return tuple(GoldenPhoto(f"{at:02d}-{name}.jpg", data) for at, (name, data) in enumerate(photos_as_jpeg))


def _original(root: Path, photos: list[Photo]) -> bytes | None:
    """The file of the first readable photo, as a JPEG without metadata."""
    for photo in photos[:_TRIES]:
        try:
            data = (root / photo.path).read_bytes()
            pixels = decode(data, upright=True)
        except (OSError, PhotoError):
            continue
        if data.startswith(b"\xff\xd8") and len(data) <= _LARGEST_FILE:
            return without_metadata(data)
        return encode(pixels)
    return None


class _Cached:
    """Pixels of the run's cache, opened only if they are asked for."""

    def __init__(self, manifest: Manifest, spec: PreprocessSpec, folder: Path, progress: Progress) -> None:
        self._open: Callable[[], PhotoCache] = lambda: open_cache(manifest, spec, folder, progress)
        self._cache: PhotoCache | None = None
        self._absent = False

    def jpeg(self, photos: list[Photo]) -> bytes | None:
        """The first of these photos that the cache has, as JPEG."""
        if not photos or self._absent:
            return None
        try:
            self._cache = self._cache or self._open()
        except DataError:
            self._absent = True
            return None
        row = next((self._cache.rows[photo.path] for photo in photos if photo.path in self._cache.rows), None)
        return None if row is None else encode(np.asarray(self._cache.pixels[row]))


def encode(pixels: NDArray[np.uint8], orientation: int | None = None) -> bytes:
    """(H, W, 3) uint8 → a JPEG of at most 640 pixels a side, with an EXIF orientation if one is given."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, exif=_orientation_block(orientation) if orientation else b"")
    return buffer.getvalue()


def _variants(originals: list[bytes]) -> Iterator[tuple[str, bytes]]:
    """Photos stretched to other sizes and aspect ratios, and one that its EXIF block must turn upright."""
    for at, (width, height) in enumerate(OTHER_SIZES):
        image = Image.fromarray(decode(originals[(7 * at) % len(originals)]))
        yield f"{width}x{height}", encode(np.asarray(image.resize((width, height))))
    upright = decode(originals[-1])[:, :-8]  # not square, so that a missing turn changes the shape
    yield "sideways", encode(np.rot90(upright), SIDEWAYS)


def _orientation_block(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return bytes(exif.tobytes())


def without_metadata(data: bytes) -> bytes:
    """A JPEG with the same pixels and the same orientation, without EXIF, comments and other application data.

    The compressed pixels are taken over as they are. Only a file of unusual build, such as a phone's with a second
    picture or a film behind the first, is encoded anew.
    """
    stripped = _stripped(data)
    if stripped is None or not np.array_equal(decode(stripped), decode(data)):
        return encode(decode(data))
    return stripped


def _stripped(data: bytes) -> bytes | None:
    with Image.open(io.BytesIO(data)) as image:
        orientation = image.getexif().get(_ORIENTATION, 1)
    kept = [data[:2]]
    if orientation in range(2, 9):
        block = b"Exif\0\0" + _orientation_block(orientation).removeprefix(b"Exif\0\0")
        kept.append(b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block)
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":  # segment by segment, up to the scan
        segment = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]
        marker = segment[1]
        # JFIF (E0) and Adobe's (EE) decide how the colours are read.
        if marker in (0xE0, 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(segment)
        at += len(segment)
    if data.find(b"\xff\xd9", at) != len(data) - 2:  # something follows the end of the picture
        return None
    return b"".join([*kept, data[at:]])
