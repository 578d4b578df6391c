"""A bundle: a recogniser as one folder, with all that is needed to use it, to judge it and to check it.

    model.onnx       photos of any size → probabilities and features, preprocessing and weights inside
    finder.onnx      where in a larger picture the hand is (not in every bundle)
    card.json        labels, preprocessing, scores and their sources, data, recipe, licence, limits
    golden/          some photos, and expected.json: what the network itself answered for each
    checksums.json   SHA-256 of every other file

Nothing in a bundle is executed. Checksums find damage, not intent: they are no signature.

Format 2 (written): the model also gives `features`, what its last dense layer reads, and names that layer's weights:
probabilities = softmax((features @ head.weight.T + head.bias) / temperature). Format 1 (still read) has neither.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.bundle_card import (
    AGAIN,
    FORMAT,
    FORMAT_NAME,
    FORMAT_VERSION,
    labels_and_preprocess,
    require_finder,
    require_format,
)
from fingerspell.core.durable import swap_in
from fingerspell.core.errors import BundleError
from fingerspell.core.onnx_file import require_self_contained
from fingerspell.core.preprocess import PreprocessSpec

MODEL = "model.onnx"
FINDER = "finder.onnx"
CARD = "card.json"
CHECKSUMS = "checksums.json"
GOLDEN = "golden"
EXPECTED = f"{GOLDEN}/expected.json"

INPUT = "photos"
"""The graph's input: (N, H, W, 3) uint8 RGB, any H and W."""
OUTPUT = "probabilities"
"""The graph's output: (N, labels) float32, each row adds up to 1."""
FEATURES = "features"
"""The graph's second output since format 2: (N, D) float32, what the last dense layer reads."""

TOLERANCE = 1e-4
"""How far a probability may be from the expected one."""


@dataclass(frozen=True)
class GoldenSample:
    """A photo, and what the network answered for it before the bundle was written.

    Attributes:
        file: below the bundle, with forward slashes.
        data: the photo's bytes as they lie in the bundle.
        label: the answer.
        probabilities: (labels,) float32.
        pixels: SHA-256 (hex) of the decoded RGB pixels. Decoders of JPEG may differ in the last bit; where
            this digest differs, so may the probabilities.
    """

    file: str
    data: bytes
    label: str
    probabilities: NDArray[np.float32]
    pixels: str


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read and found whole.

    Attributes:
        path: its folder.
        card: the content of card.json.
        labels: of the outputs, in order.
        preprocess: what the graph does to a photo; `upright` is left to whoever decodes it.
        model: the content of model.onnx.
        golden: its golden samples.
        format: the version of the format that it is written in.
        finder: the content of finder.onnx; None where the bundle finds no hands.
    """

    path: Path
    card: Mapping[str, Any]
    labels: tuple[str, ...]
    preprocess: PreprocessSpec
    model: bytes
    golden: tuple[GoldenSample, ...]
    format: int = FORMAT_VERSION
    finder: bytes | None = None

    def digest(self) -> str:
        """SHA-256 (hex) of model.onnx: what tells one recogniser from another."""
        return hashlib.sha256(self.model).hexdigest()


def pixels_digest(photo: NDArray[np.uint8]) -> str:
    """SHA-256 (hex) of a decoded photo: its size, then its RGB bytes."""
    height, width = photo.shape[:2]
    return hashlib.sha256(f"{height}x{width}:".encode() + np.ascontiguousarray(photo).tobytes()).hexdigest()


def read_bundle(path: Path) -> Bundle:
    """Read a bundle and verify it: every file is there, unchanged, and of a format that this version knows.

    Raises:
        BundleError: not a bundle, damaged, of a newer format, or with anything in it that it should not have.
    """
    _require_bundle_folder(path)
    card = _read_object(path, CARD)
    version = require_format(path, card)
    files = _read_checked(path)
    require_self_contained(files[MODEL])
    labels, spec = labels_and_preprocess(card)
    finder = files.get(FINDER)
    require_finder(finder, card)
    return Bundle(path, card, labels, spec, files[MODEL], _golden(files, labels), version, finder)


def _require_bundle_folder(path: Path) -> None:
    if not path.exists():
        raise BundleError(f"{path} does not exist", expected="a bundle folder", remedy="check the path")
    if not path.is_dir():
        raise BundleError(
            f"{path} is a file", expected="a bundle folder", remedy="give the folder that holds model.onnx"
        )
    if not (path / CARD).is_file():
        run = " (it is a training run)" if (path / "run.json").is_file() else ""
        raise BundleError(
            f"{path} is not a bundle: it has no {CARD}{run}",
            expected="a folder made by 'fingerspell export'",
            remedy=f"run 'fingerspell export {path} -o asl.bundle' first" if run else "check the path",
        )


def _read_file(folder: Path, name: str) -> bytes:
    place = folder / name
    try:
        if place.is_symlink() or not place.resolve().is_relative_to(folder.resolve()):
            raise BundleError(f"{name} in {folder} is a link", expected="a file in the bundle", remedy=AGAIN)
        return place.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{name} of the bundle {folder} cannot be read: {error.strerror}",
            expected="a readable file",
            remedy=AGAIN,
        ) from error


def _parsed(name: str, data: bytes) -> dict[str, Any]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} of the bundle is not JSON", expected="a JSON object", remedy=AGAIN) from error
    if not isinstance(values, dict):
        raise BundleError(f"{name} of the bundle is no JSON object", expected="a JSON object", remedy=AGAIN)
    return values


def _read_object(folder: Path, name: str) -> dict[str, Any]:
    return _parsed(name, _read_file(folder, name))


def _read_checked(folder: Path) -> dict[str, bytes]:
    """Content of every file by name, each as its checksum says."""
    checksums = _read_object(folder, CHECKSUMS)
    for name in checksums:
        _require_inside(name)
    missing = {MODEL, CARD, EXPECTED} - set(checksums)
    if missing:
        raise BundleError(f"{CHECKSUMS} does not name {min(missing)}", expected="every file", remedy=AGAIN)
    stray = _stray_files(folder, checksums)
    if stray:
        raise BundleError(
            f"the bundle {folder} holds a file that is not its own: {stray[0]}",
            expected=f"only the files that {CHECKSUMS} names",
            remedy="move it elsewhere",
        )
    files = {}
    for name, checksum in checksums.items():
        files[name] = _read_file(folder, name)
        found = hashlib.sha256(files[name]).hexdigest()
        if found != checksum:
            raise BundleError(
                f"{name} of the bundle {folder} is damaged or was changed (SHA-256 {found[:12]}…)",
                expected=f"SHA-256 {str(checksum)[:12]}…",
                remedy=AGAIN,
            )
    return files


def _require_inside(name: str) -> None:
    """Names lead to files of the bundle only: no way up, no absolute path, no drive, no second spelling."""
    parts = PurePosixPath(name).parts
    if not parts or name != "/".join(parts) or ".." in parts or "\\" in name or ":" in name or "\0" in name:
        raise BundleError(
            f"{CHECKSUMS} names {name!r}",
            expected="files inside the bundle",
            remedy="do not use this bundle; get it again from where it was made",
        )


def _stray_files(folder: Path, known: Mapping[str, Any]) -> list[str]:
    """Files of the folder that are neither known nor hidden (a file manager leaves hidden ones behind)."""
    stray = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            relative = Path(place, name).relative_to(folder).as_posix()
            if not name.startswith(".") and relative not in known and relative != CHECKSUMS:
                stray.append(relative)
    return sorted(stray)


def _golden(files: Mapping[str, bytes], labels: tuple[str, ...]) -> tuple[GoldenSample, ...]:
    samples = []
    try:
        for entry in _parsed(EXPECTED, files[EXPECTED])["samples"]:
            name = f"{GOLDEN}/{entry['file']}"
            probabilities = np.asarray(entry["probabilities"], dtype=np.float32)
            if probabilities.shape != (len(labels),) or entry["label"] not in labels:
                raise ValueError(f"{name} has other labels than the card")
            samples.append(GoldenSample(name, files[name], entry["label"], probabilities, str(entry["pixels"])))
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{EXPECTED} of the bundle is malformed: {error}", expected="golden samples", remedy=AGAIN
        ) from error
    return tuple(samples)


def write_bundle(
    path: Path,
    *,
    model: bytes,
    card: Mapping[str, Any],
    golden: tuple[GoldenSample, ...],
    force: bool = False,
    finder: bytes | None = None,
) -> Path:
    """Write a bundle: whole, or not at all. Nothing is kept of a bundle that it replaces.

    Args:
        path: the folder to make.
        model: the content of model.onnx.
        card: JSON-ready; `format` is added.
        golden: photos with the network's own answers; `file` gives each one's name below the bundle.
        force: replace a bundle that is there. Anything else that is there is never replaced.
        finder: the content of finder.onnx, where the bundle has one; `card["finder"]` then tells of it.

    Returns:
        The bundle's folder.

    Raises:
        BundleError: something is there already, the folder cannot be written, or finder and card do not fit.
    """
    path = path.resolve()  # of a link, what it leads to is replaced
    require_free(path, force=force)
    require_finder(finder, card)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_all(temporary, _contents(model, finder, {"format": FORMAT} | dict(card) | {"format": FORMAT}, golden))
        swap_in(temporary, path)
    except OSError as error:
        raise BundleError(
            f"the bundle {path} could not be written: {error.strerror or error}",
            expected="a folder that can be written and has room",
            remedy="free some space or choose another folder",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path


def require_free(path: Path, *, force: bool) -> None:
    """Refuse a place where a bundle may not be written.

    Raises:
        BundleError: a bundle is there and `force` is not given, or something other than a bundle is there.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not _is_only_a_bundle(path):
        raise BundleError(
            f"{path} exists and is not a bundle",
            expected="a new folder, or a bundle to replace",
            remedy="choose another name; what is there is left as it is",
        )
    if not force:
        raise BundleError(
            f"the bundle {path} exists",
            expected="a new folder",
            remedy="choose another name, or replace it with --force",
        )


def _is_only_a_bundle(path: Path) -> bool:
    """Whether the folder is a bundle, perhaps damaged, and holds nothing else that would be lost with it."""
    try:
        card = json.loads((path / CARD).read_bytes())
        ours = str(card["format"]).startswith(f"{FORMAT_NAME}/")
    except (OSError, ValueError, KeyError, TypeError):
        return False
    stray = _stray_files(path, {MODEL: 0, CARD: 0, FINDER: 0})
    return ours and all(name.startswith(f"{GOLDEN}/") for name in stray)


def _contents(
    model: bytes, finder: bytes | None, card: Mapping[str, Any], golden: tuple[GoldenSample, ...]
) -> dict[str, bytes]:
    samples = [
        {
            "file": sample.file.removeprefix(f"{GOLDEN}/"),
            "label": sample.label,
            "pixels": sample.pixels,
            "probabilities": [float(value) for value in sample.probabilities],
        }
        for sample in golden
    ]
    files = {MODEL: model, CARD: _json(card)} | {sample.file: sample.data for sample in golden}
    if finder is not None:
        files[FINDER] = finder
    files[EXPECTED] = _json({"tolerance": TOLERANCE, "samples": samples})
    files[CHECKSUMS] = _json({name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())})
    return files


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    (folder / GOLDEN).mkdir(parents=True)
    for name, data in files.items():
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
