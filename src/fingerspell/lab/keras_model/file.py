"""Reading a file written by Keras as what it is: content from somebody else, of which nothing is ever run.

    model.keras        a zip: metadata.json, config.json, model.weights.h5
    model.h5           HDF5: the attribute model_config, the group model_weights
    model.weights.h5   HDF5: weights without a description

Only zipfile, json and h5py look into it, never Keras, whose loader can run code. HDF5 can also point elsewhere (links,
external and virtual data), expand (filters) and claim sizes that it does not have; Keras writes none of that, so all of
it is refused, before a value is read. What is read is bounded by the file's own size.
"""

from __future__ import annotations

import io
import json
import mmap
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError, FingerspellError

Kind = Literal["keras", "h5", "weights"]

MAX_FILE = 2**30
"""Bytes of a file, or of the weights in it: v1 with Adam's moments takes 210 million at 200×200, 900 at 400×400."""
MAX_CONFIG = 2**20
"""Bytes of a description: that of v5, the longest, takes 32,000."""
MAX_HEAP = 4 * 2**20
"""Bytes of one of HDF5's heaps of texts, which HDF5 reads whole: `MAX_CONFIG`, and room for the names beside it."""
MAX_ZIP_READ = 2**20
"""Bytes that the list of a zip's members may take: Keras's three take 200, and each costs 400 bytes of memory."""
MAX_EXPANSION = 20
"""Times that a member may grow: weights hardly shrink, Keras does not compress, untrained moments are a few zeros."""
MAX_OBJECTS = 2_000
"""Groups and arrays in a file: v5 with Adam's moments has 300."""
MAX_DEPTH = 8
"""Groups inside groups: v5's attention, the deepest, lies 5 deep."""
MAX_NESTED = 40
"""Objects inside objects of a description: Keras writes 12."""
MAX_NAME = 200
"""Characters of a name in a file."""

_ZIP, _HDF5, _HEAP = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"GCOL\x01"
_MEMBERS = {"metadata.json": MAX_CONFIG, "config.json": MAX_CONFIG, "model.weights.h5": MAX_FILE}
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flag bits of a member: encrypted, strongly, its directory too
_SAVE_AGAIN = "save it again from Keras: model.save('model.keras')"
_WHOLE = "a whole .keras or .h5 file as Keras writes it"


@dataclass(frozen=True)
class StoredArray:
    """An array in the file that has not been read.

    Attributes:
        path: in the file.
        shape: as declared.
        dtype: as declared; None for types that NumPy does not know.
        place: where its bytes begin, or None where they lie in the file's headers.
        held: how many bytes are there.
        data: HDF5's handle.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None
    place: int | None
    held: int
    data: h5py.h5d.DatasetID


@dataclass(frozen=True)
class KerasFile:
    """An open file of Keras.

    Attributes:
        path: of the file.
        kind: which of the three it is.
        config: the model's description, as JSON gives it; None for weights alone.
        keras_version: that wrote it, or "".
        arrays: all arrays by their path.
        size: bytes of the HDF5 part.
    """

    path: Path
    kind: Kind
    config: Mapping[str, Any] | None
    keras_version: str
    arrays: Mapping[str, StoredArray]
    size: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all arrays by their path, as declared."""
        return {path: array.shape for path, array in self.arrays.items()}

    def read(self, path: str, shape: tuple[int, ...], what: str) -> NDArray[np.generic]:
        """One array, if it is what is expected.

        Args:
            path: in the file.
            shape: that it must have: this bounds what is read.
            what: it is, for messages.

        Returns:
            Values of that shape: float16, float32 or float64.

        Raises:
            DataError: absent, of another shape or type, or not wholly in the file.
        """
        stored = self.arrays.get(path)
        if stored is None:
            raise _damaged(self.path, f"it has no {what}")
        if stored.shape != shape:
            raise DataError(
                f"{what} has the shape {shown_shape(stored.shape)}",
                expected=shown_shape(shape),
                remedy="check the network, the number of labels and the size of the photos that the file was made for",
            )
        if stored.dtype is None or stored.dtype.kind != "f" or stored.dtype.itemsize not in (2, 4, 8):
            raise DataError(
                f"{what} holds values of type {shown(stored.dtype)}", expected="float16, float32 or float64"
            )
        needed = prod(shape) * stored.dtype.itemsize
        end = needed if stored.place is None else stored.place + needed
        if stored.held != needed or end > self.size:
            raise _damaged(self.path, f"{what} is not wholly in it")
        with _damage(self.path):
            values = np.empty(shape, dtype=stored.dtype)
            stored.data.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
            return values


def shown(value: object) -> str:
    """Something out of the file, for a message: short, and without what would steer a terminal."""
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(value))
    return text if len(text) <= 60 else text[:59] + "…"


def shown_shape(shape: tuple[int, ...]) -> str:
    """(5, 5, 3, 32) → `5×5×3×32`."""
    return shown("×".join(str(side) for side in shape) or "of a single number")


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(f"{path.name} cannot be read: {reason}", expected=_WHOLE, remedy=_SAVE_AGAIN)


def _refused(path: Path, found: str, expected: str) -> DataError:
    return DataError(f"{path.name} is refused: {found}", expected=expected, remedy=_SAVE_AGAIN)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Whatever zipfile and h5py say of a damaged file, in one voice."""
    try:
        yield
    except FingerspellError:
        raise
    except Exception as error:  # h5py raises OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, …
        raise _damaged(path, shown(str(error).partition("\n")[0] or type(error).__name__)) from error


@contextmanager
def open_keras(path: Path) -> Iterator[KerasFile]:
    """Open a file of Keras, having looked at all that is in it except the values.

    Raises:
        DataError: not such a file, damaged, too large, or with anything that points out of it or expands.
    """
    with _regular(path) as file:
        head = file.read(len(_HDF5))
        if head == _HDF5:
            with _hdf5(path, file) as (weights, arrays, size):
                text, version = (
                    _text(path, weights, *its) for its in (("model_config", MAX_CONFIG), ("keras_version", 60))
                )
                config = None if text is None else _json(path, text, "model_config")
                yield KerasFile(path, "weights" if config is None else "h5", config, shown(version or ""), arrays, size)
        elif head.startswith(_ZIP):
            with _unpacked(path, file) as (config, version, member), _hdf5(path, member) as (_, arrays, size):
                yield KerasFile(path, "keras", config, version, arrays, size)
        else:
            raise DataError(f"{path.name} is no file of Keras", expected=_WHOLE, remedy="check the path")


@contextmanager
def _regular(path: Path) -> Iterator[BinaryIO]:
    """The file, open; a pipe would wait for ever, a device never end."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            found = "a folder" if path.is_dir() else "not a file"
            raise DataError(f"{path} is {found}", expected=_WHOLE, remedy="check the path")
        if path.stat().st_size > MAX_FILE:
            raise DataError(
                f"{path.name} is larger than {MAX_FILE:,} bytes",
                expected="a model of the notebook's, of 70 MB at most at 200×200",
                remedy="save it without the optimiser: model.save('model.keras', include_optimizer=False)",
            )
        file = path.open("rb")
    except OSError as error:
        raise DataError(
            f"{path} cannot be opened: {error.strerror}", expected=_WHOLE, remedy="check the path"
        ) from error
    except ValueError as error:  # a path with a zero byte
        raise DataError(f"{shown(path)} is no path", expected=_WHOLE, remedy="check the path") from error
    with file:
        yield file


class _Careful(io.BufferedReader):
    """A file of which little may be read at once: zipfile takes the whole list of members, however long, in one go."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As usual, for few bytes."""
        data = super().read(MAX_ZIP_READ + 1 if size is None or size < 0 else min(size, MAX_ZIP_READ + 1))
        if len(data) > MAX_ZIP_READ:
            raise ValueError(f"the list of its members is longer than {MAX_ZIP_READ:,} bytes")
        return data


@contextmanager
def _unpacked(path: Path, file: BinaryIO) -> Iterator[tuple[Mapping[str, Any], str, BinaryIO]]:
    """(description, version of Keras, weights) of a .keras file; the weights as a file that vanishes."""
    with _damage(path):
        archive = zipfile.ZipFile(_Careful(io.FileIO(file.fileno(), closefd=False)))
        members = _checked_members(path, archive)
        metadata = _json(path, _member(archive, members["metadata.json"]), "metadata.json")
        config = _json(path, _member(archive, members["config.json"]), "config.json")
    with tempfile.TemporaryFile() as copy:
        with _damage(path), archive.open(members["model.weights.h5"]) as member:
            shutil.copyfileobj(member, copy)
            copy.flush()
        yield config, shown(metadata.get("keras_version", "")), copy


def _checked_members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.orig_filename not in _MEMBERS:
            raise _refused(path, f"it holds '{shown(info.orig_filename)}'", f"{', '.join(_MEMBERS)} and nothing else")
        if info.filename in found:
            raise _refused(path, f"it holds {info.filename} twice", "every member once")
        if info.flag_bits & _ENCRYPTED:
            raise _refused(path, f"{info.filename} in it is encrypted", "members that anybody can read")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused(path, f"{info.filename} in it is packed in an unusual way", "stored or deflated members")
        if info.file_size > _MEMBERS[info.filename]:
            limit = f"at most {_MEMBERS[info.filename]:,} bytes"
            raise _refused(path, f"{info.filename} in it would take {info.file_size:,} bytes", limit)
        if info.file_size > MAX_EXPANSION * max(info.compress_size, MAX_ZIP_READ):
            found_it = f"{info.filename} in it would grow from {info.compress_size:,} to {info.file_size:,} bytes"
            raise _refused(path, found_it, f"at most {MAX_EXPANSION} times")
        found[info.filename] = info
    missing = [name for name in _MEMBERS if name not in found]
    if missing:
        raise _damaged(path, f"it has no {missing[0]}")
    return found


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """All of a small member; zipfile gives no more than declared, and compares the checksum at the end."""
    with archive.open(info) as member:
        return member.read()


def _json(path: Path, data: bytes | str, what: str) -> Mapping[str, Any]:
    def refuse(name: str) -> float:
        raise ValueError(f"{name} is no JSON")

    try:
        values = json.loads(data, parse_constant=refuse)
    except (ValueError, RecursionError) as error:  # what is nested too deeply, and numbers of thousands of digits
        raise _damaged(path, f"its {what} is not JSON, or too deep") from error
    if not isinstance(values, dict):
        raise _damaged(path, f"its {what} is no JSON object")
    level: list[Any] = [values]
    for _ in range(MAX_NESTED):
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
        level = [inner for inner in level if isinstance(inner, dict | list)]
    if level:
        raise _refused(path, f"its {what} is nested more than {MAX_NESTED} deep", "a description as Keras writes it")
    return values


@contextmanager
def _hdf5(path: Path, file: BinaryIO) -> Iterator[tuple[h5py.h5f.FileID, dict[str, StoredArray], int]]:
    """The HDF5 file, all arrays in it, and its size."""
    size = file.seek(0, io.SEEK_END)
    with _damage(path):
        _require_sound_heaps(path, file)
        opened = h5py.File(file, "r")
    try:
        with _damage(path):
            arrays: dict[str, StoredArray] = {}
            _walk(path, h5py.h5g.open(opened.id, b"/"), "", arrays, [0], 1)
        yield opened.id, arrays, size
    finally:
        opened.close()


def _require_sound_heaps(path: Path, file: BinaryIO) -> None:
    """Look at the heaps of texts before HDF5 does: it reads them whole, and goes round for ever in a damaged one."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        version = data[8]
        if tuple(data[13:15] if version < 2 else data[9:11]) != (8, 8):
            raise _refused(path, "its addresses are not of 8 bytes", "HDF5 as Keras writes it")
        place = data.find(_HEAP)
        while place >= 0:
            length = int.from_bytes(data[place + 8 : place + 16], "little")
            if length > MAX_HEAP:
                raise _refused(path, f"a heap of texts in it has {length:,} bytes", f"at most {MAX_HEAP:,}")
            _require_sound_heap(path, data[place : place + length])
            place = data.find(_HEAP, place + 1)


def _require_sound_heap(path: Path, heap: bytes) -> None:
    """Its objects follow one another up to its end: 16 bytes of header (number first, size last), then content."""
    place = 16
    while place + 16 <= len(heap):
        number, size = (int.from_bytes(heap[place + at : place + end], "little") for at, end in ((0, 2), (8, 16)))
        step = 16 + -(-size // 8) * 8 if number else size  # the free space, number 0, counts its header in
        if step < 16 or place + step > len(heap):
            raise _damaged(path, "a heap of texts in it is damaged")
        place += step


def _walk(
    path: Path, group: h5py.h5g.GroupID, where: str, found: dict[str, StoredArray], seen: list[int], depth: int
) -> None:
    """Collect all arrays below a group, following nothing that leads elsewhere."""
    seen[0] += group.get_num_objs()
    if seen[0] > MAX_OBJECTS:
        raise _refused(path, f"it holds more than {MAX_OBJECTS:,} groups and arrays", "the few hundred of a notebook's")
    if depth > MAX_DEPTH:
        raise _refused(path, f"its groups are nested more than {MAX_DEPTH} deep", "groups as Keras writes them")
    for raw in group:
        name = where + raw.decode("utf-8", "replace")
        kind = group.links.get_info(raw).type
        if kind != h5py.h5l.TYPE_HARD:
            sort = {h5py.h5l.TYPE_SOFT: "a soft link", h5py.h5l.TYPE_EXTERNAL: "a link to another file"}
            raise _refused(path, f"'{shown(name)}' in it is {sort.get(kind, 'a link of an unknown kind')}", "no links")
        item = h5py.h5o.open(group, raw)
        if isinstance(item, h5py.h5g.GroupID):
            _walk(path, item, name + "/", found, seen, depth + 1)
        elif isinstance(item, h5py.h5d.DatasetID):
            found[name] = _stored(path, name, item)
        else:
            raise _refused(path, f"'{shown(name)}' in it is neither a group nor an array", "groups and arrays")


def _stored(path: Path, name: str, data: h5py.h5d.DatasetID) -> StoredArray:
    """How an array is stored. Its storage is looked at before its shape: asking a virtual one opens other files."""
    plan = data.get_create_plist()
    layout = plan.get_layout()
    if layout == h5py.h5d.VIRTUAL or plan.get_external_count():
        raise _refused(path, f"the values of '{shown(name)}' lie in another file", "arrays in the file itself")
    if layout == h5py.h5d.CHUNKED or plan.get_nfilters():
        raise _refused(
            path, f"'{shown(name)}' in it is compressed or cut into chunks", "plain arrays, as Keras writes them"
        )
    try:
        dtype = data.dtype
    except TypeError:  # a type without a counterpart
        dtype = None
    place = data.get_offset() if layout == h5py.h5d.CONTIGUOUS else None
    return StoredArray(name, tuple(data.shape), dtype, place, data.get_storage_size(), data)


def _text(path: Path, weights: h5py.h5f.FileID, name: str, limit: int) -> str | None:
    """An attribute of the file that is one text; None where there is none."""
    with _damage(path):
        root = h5py.h5g.open(weights, b"/")
        if not h5py.h5a.exists(root, name.encode()):
            return None
        attribute = h5py.h5a.open(root, name.encode())
        is_text = attribute.get_type().get_class() == h5py.h5t.STRING
        if attribute.get_space().get_simple_extent_type() != h5py.h5s.SCALAR or not is_text:
            raise _damaged(path, f"its {name} is not one text")
        if attribute.get_storage_size() > limit:  # for a text of a free length only its place in a heap
            raise _refused(path, f"its {name} has more than {limit:,} bytes", "the description of a notebook's network")
        value = h5py.File(weights).attrs[name]
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        if len(text) > limit:
            raise _refused(path, f"its {name} has more than {limit:,} characters", "the description of a notebook's")
        return text
