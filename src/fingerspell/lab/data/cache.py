"""Photos decoded once: a memory-mapped uint8 array, keyed by what the pixels depend on.

A cache under construction lives in a folder ending in `.partial`; only a whole one is renamed to its key. Rows are
appended with ordinary writes (a memory map over a full disk would kill the process), and a killed packing goes on
after the last row that was recorded.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fingerspell.core.durable import digest_of, read_json, write_json
from fingerspell.core.errors import DataError, PhotoError
from fingerspell.core.preprocess import PreprocessSpec, decode, resample
from fingerspell.core.progress import Progress, silent
from fingerspell.lab.data.manifest import LeftOut, Manifest, Photo

FORMAT = "fingerspell-cache/2"
_STRIDE = 256  # photos between two records of progress
_WORKERS = max(1, min(4, os.cpu_count() or 1))
_RESERVE = 64 << 20  # bytes left free on the disk
_ABSENT = "cannot be read"
_CHANGED = "its content changed since the folder was read"


@dataclass(frozen=True)
class PhotoCache:
    """Decoded photos.

    Attributes:
        pixels: (rows, h, w, 3) uint8, memory-mapped, read-only.
        rows: manifest path → row. Damaged photos have none.
        damaged: photos that could not be decoded, each with its reason.
    """

    pixels: NDArray[np.uint8]
    rows: Mapping[str, int]
    damaged: tuple[LeftOut, ...]


def cache_key(manifest: Manifest, spec: PreprocessSpec) -> str:
    """What a cache is filed under: a digest of the data and of the part of the specification that makes pixels."""
    return digest_of([FORMAT, manifest.digest, spec.pixels_key()])[:24]


def bytes_needed(manifest: Manifest, spec: PreprocessSpec) -> int:
    """Disk space of the packed photos in bytes."""
    return len(manifest.photos) * spec.height * spec.width * 3


def open_cache(manifest: Manifest, spec: PreprocessSpec, folder: Path, progress: Progress = silent) -> PhotoCache:
    """Open the cache of these photos, packing them first if need be.

    Args:
        manifest: the photos.
        spec: how they become pixels.
        folder: where caches are kept.
        progress: called while photos are decoded.

    Raises:
        DataError: too little disk space (nothing half-written is left), or no photo could be decoded.
    """
    final = folder / cache_key(manifest, spec)
    if not _usable(final, manifest):
        _pack(manifest, spec, final, progress)
    return _read(final, spec)


def _usable(folder: Path, manifest: Manifest) -> bool:
    """Whether a whole cache is there; one that lacks photos which have come back since is removed."""
    if not (folder / "index.json").exists():
        return False
    away = {its.path for its in _index(folder)[1] if its.reason.startswith((_ABSENT, _CHANGED))}
    if any(isinstance(_content(manifest.root, photo), bytes) for photo in manifest.photos if photo.path in away):
        shutil.rmtree(folder)
        return False
    return True


def _index(folder: Path) -> tuple[dict[str, int], tuple[LeftOut, ...]]:
    """The rows by path, and the photos without one."""
    index = read_json(folder / "index.json", what="the index of a photo cache")
    try:
        rows = {str(path): row for row, path in enumerate(index["paths"])}
        return rows, tuple(LeftOut(path, reason) for path, reason in index["damaged"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged_cache(folder, "its index is not one") from error


def _read(folder: Path, spec: PreprocessSpec) -> PhotoCache:
    rows, damaged = _index(folder)
    shape = (len(rows), spec.height, spec.width, 3)
    if not rows:
        raise DataError(
            f"none of {len(damaged)} photos could be decoded, first {damaged[0].path}: {damaged[0].reason}",
            expected="photos",
            remedy="look at the folder with 'fingerspell data audit'",
        )
    try:
        pixels = np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="r", shape=shape)
    except (OSError, ValueError) as error:
        raise _damaged_cache(folder, str(error)) from error
    return PhotoCache(pixels, rows, damaged)


def _damaged_cache(folder: Path, reason: str) -> DataError:
    return DataError(f"the photo cache {folder} is damaged: {reason}", remedy=f"delete {folder}; it is made again")


def _pack(manifest: Manifest, spec: PreprocessSpec, final: Path, progress: Progress) -> None:
    partial = final.with_name(final.name + ".partial")
    with _disk_full_is_an_error(partial):
        partial.mkdir(parents=True, exist_ok=True)
        with _only_packer(partial):
            if (final / "index.json").exists():  # somebody else finished it while we waited
                return
            _require_space(bytes_needed(manifest, spec), partial)
            record = _append_all(manifest, spec, partial, progress)
            write_json(partial / "index.json", {"format": FORMAT, **record})
            (partial / "progress.json").unlink(missing_ok=True)
            if final.exists():  # a folder without an index is none of ours to trust
                shutil.rmtree(final)
            partial.rename(final)


@contextmanager
def _only_packer(partial: Path) -> Iterator[None]:
    """Hold the folder for this process, so that two runs started together do not write into the same array."""
    try:
        import fcntl
    except ImportError:  # no such lock on this system
        yield
        return
    lock_path = partial.with_suffix(".lock")
    with ExitStack() as stack:
        while True:
            lock = stack.enter_context(lock_path.open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            # the holder before us removed this file when it was done: a lock on it would then keep nobody out
            with suppress(FileNotFoundError):
                if os.fstat(lock.fileno()).st_ino == lock_path.stat().st_ino:
                    break
        partial.mkdir(parents=True, exist_ok=True)  # the holder before us may have renamed it away
        try:
            yield
        finally:
            lock_path.unlink(missing_ok=True)
            if partial.exists() and not any(partial.iterdir()):
                partial.rmdir()


@contextmanager
def _disk_full_is_an_error(partial: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, DataError) as raised:
        error = raised.__cause__ if isinstance(raised, DataError) else raised  # durable wraps what it met
        if not isinstance(error, OSError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            shutil.rmtree(partial, ignore_errors=True)
            raise DataError(
                f"the disk of {partial.parent} became full while photos were packed",
                expected="room for the packed photos",
                remedy="free some space, or choose another place with --cache (or FINGERSPELL_CACHE)",
            ) from error
        raise DataError(
            f"the photo cache {partial} cannot be written: {error.strerror or error}",
            expected="a folder that can be written",
            remedy="choose another place with --cache (or FINGERSPELL_CACHE)",
        ) from error


def _require_space(needed: int, place: Path) -> None:
    packed = place / "pixels.u8"
    missing = needed - (packed.stat().st_size if packed.exists() else 0)
    free = shutil.disk_usage(place).free
    if missing + _RESERVE > free:
        shutil.rmtree(place, ignore_errors=True)
        raise DataError(
            f"packing the photos needs {missing / 2**20:,.0f} MiB and {place.parent} has {free / 2**20:,.0f} MiB free",
            expected="more free space",
            remedy="free some space, choose another place with --cache (or FINGERSPELL_CACHE), or a smaller --size",
        )


def _resume_point(partial: Path, row_bytes: int) -> tuple[int, list[list[str]]]:
    """How many photos a killed packing had seen, and the damaged ones among them."""
    try:
        record = json.loads((partial / "progress.json").read_bytes())
        seen, damaged = int(record["seen"]), [[str(path), str(reason)] for path, reason in record["damaged"]]
        if (partial / "pixels.u8").stat().st_size >= (seen - len(damaged)) * row_bytes:
            return seen, damaged
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, []


def _append_all(manifest: Manifest, spec: PreprocessSpec, partial: Path, progress: Progress) -> dict[str, Any]:
    """Append every photo's row, recording progress after each `_STRIDE`. Returns the content of the index."""
    row_bytes = spec.height * spec.width * 3
    seen, damaged = _resume_point(partial, row_bytes)
    total = len(manifest.photos)
    with ExitStack() as stack:
        # the workers' matrix products would each start as many threads again, which then wait for one another
        stack.enter_context(threadpool_limits(1, user_api="blas"))
        file = stack.enter_context((partial / "pixels.u8").open("ab"))
        pool = stack.enter_context(ThreadPoolExecutor(_WORKERS))
        file.truncate((seen - len(damaged)) * row_bytes)
        while seen < total:
            some = manifest.photos[seen : seen + _STRIDE]
            for photo, result in zip(some, pool.map(lambda p: _pixels(manifest.root, p, spec), some), strict=True):
                if isinstance(result, str):
                    damaged.append([photo.path, result])
                else:
                    file.write(np.ascontiguousarray(result).data)
            seen += len(some)
            file.flush()
            os.fsync(file.fileno())  # the array is never shorter than its record
            write_json(partial / "progress.json", {"seen": seen, "damaged": damaged})
            progress("decoding photos", seen, total)
    without = {path for path, _ in damaged}
    return {"paths": [p.path for p in manifest.photos if p.path not in without], "damaged": damaged}


def _pixels(root: Path, photo: Photo, spec: PreprocessSpec) -> NDArray[np.uint8] | str:
    """The photo's pixels, or why it has none."""
    data = _content(root, photo)
    if isinstance(data, str):
        return data
    try:
        return resample(decode(data, upright=spec.upright), spec)
    except PhotoError as error:
        return error.found


def _content(root: Path, photo: Photo) -> bytes | str:
    """The photo's bytes, or why they are not those of the manifest."""
    try:
        data = (root / photo.path).read_bytes()
    except OSError as error:
        return f"{_ABSENT}: {error.strerror}"
    return data if hashlib.sha256(data).hexdigest() == photo.sha256 else _CHANGED
