"""A folder of photos, read: which files there are, what each shows, and what was left out and why."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fingerspell.core.alphabet import LABELS, canonical_label, in_order
from fingerspell.core.errors import DataError
from fingerspell.core.progress import Progress, silent

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff"})
"""What counts as a photo: the endings that Keras reads, in any case."""

NOT_TEXT = "its name is not UTF-8"
"""The reason why a file is left out that no digest, split or report could name."""

_FLAT_NAME = re.compile(r"([A-Za-z]+)(?=[^A-Za-z]|$)")
_NAMED = 8  # folders listed in one note or error
_READERS = 8  # threads that wait for the disk, not for a core


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo of a manifest.

    Attributes:
        path: below the manifest's root, with forward slashes.
        label: one of the alphabet's labels.
        sha256: of the file's content, hex.
        number: the last number in the file's name (frame number), or None.
    """

    path: str
    label: str
    sha256: str
    number: int | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that is not used, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """The photos of one folder, in the order of label, then path (lexicographic).

    Attributes:
        root: the folder that holds the class folders (or the flat photos).
        photos: sorted by label as the alphabet has it, then by path.
        left_out: files and folders that are not used.
        notes: what a reader should know about how the folder was understood.
    """

    root: Path
    photos: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels present, in the order of the alphabet."""
        return in_order({photo.label for photo in self.photos})

    @cached_property
    def counts(self) -> Counter[str]:
        """Photos by label."""
        return Counter(photo.label for photo in self.photos)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over path, label and content of every photo: the same data gives the same digest anywhere."""
        lines = (f"{p.path}\t{p.label}\t{p.sha256}\n" for p in self.photos)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def frame_number(name: str) -> int | None:
    """The last number in a file's name without its ending: `A123.jpg` → 123, `hand2_0007.png` → 7."""
    numbers = re.findall(r"\d+", Path(name).stem)
    return int(numbers[-1]) if numbers else None


def scan(folder: Path, progress: Progress = silent) -> Manifest:
    """Read a folder of photos. Changes nothing.

    Understands class folders (`A`, `a`, `Del`, `SPACE` …), the same nested in other folders as Kaggle's zip
    unpacks, and a flat folder of `A_test.jpg` names.

    Args:
        folder: where to look.
        progress: called while contents are hashed.

    Raises:
        DataError: not a folder, not readable, no photos of known labels, or several sets of which one must be named.
    """
    _require_folder(folder)
    notes: list[str] = []
    left_out: list[LeftOut] = []
    root, class_folders = find_set(folder, notes, left_out)
    files = _in_class_folders(root, class_folders, left_out) if class_folders else _in_flat_folder(root, left_out)
    if not files:
        raise DataError(
            f"no photos of known labels in {folder}",
            expected="folders named A–Z, del, nothing, space with images in them, or files named like A_test.jpg",
            remedy="give the folder that holds the class folders",
        )
    photos = _hashed(root, files, left_out, progress)
    if not photos:
        raise DataError(
            f"none of the {len(files)} photos in {_text(str(root))} can be used, first {left_out[-1].path}: "
            f"{left_out[-1].reason}",
            expected="files that can be read, with names in UTF-8",
            remedy="change their permissions or names",
        )
    order = {label: index for index, label in enumerate(LABELS)}
    photos.sort(key=lambda photo: (order[photo.label], photo.path))
    return Manifest(root, tuple(photos), tuple(left_out), tuple(notes))


def _require_folder(folder: Path) -> None:
    try:
        exists, is_folder = folder.exists(), folder.is_dir()
    except OSError as error:  # a name too long, or a folder above that may not be searched
        raise DataError(
            f"{folder} cannot be opened: {error.strerror}", expected="a folder of photos", remedy="check the path"
        ) from error
    if not exists:
        raise DataError(f"{folder} does not exist", expected="a folder of photos", remedy="check the path")
    if not is_folder:
        raise DataError(
            f"{folder} is a file",
            expected="a folder of photos",
            remedy="give the folder that holds the class folders",
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DataError(
            f"{folder} may not be read",
            expected="a folder with read permission",
            remedy="change its permissions",
        )


def _subfolders(folder: Path) -> list[Path]:
    """Visible subfolders in name order; unreadable ones count as having none."""
    try:
        children = [place for place in sorted(folder.iterdir()) if place.is_dir()]
    except OSError:
        return []
    return [place for place in children if not place.name.startswith(".") and place.name != "__MACOSX"]


def find_sets(folder: Path, depth: int = 4) -> list[Path]:
    """All folders, `folder` included and at most `depth` below it, that hold class folders; shallowest first."""
    found: list[Path] = []
    level = [folder]
    for _ in range(depth + 1):
        below: list[Path] = []
        for place in level:
            children = _subfolders(place)
            if any(canonical_label(child.name) for child in children):
                found.append(place)
            below += [child for child in children if canonical_label(child.name) is None]
        level = below
    return found


def find_set(folder: Path, notes: list[str], left_out: list[LeftOut]) -> tuple[Path, list[Path]]:
    """The one set to use: its root and its class folders ([] for a flat folder)."""
    sets = find_sets(folder)
    if not sets:
        return _find_flat(folder, notes), []
    root = sets[0]
    for other in sets[1:]:
        if not other.is_relative_to(root):
            listed = ", ".join(str(place.relative_to(folder)) for place in sets[:_NAMED])
            raise DataError(
                f"{folder} holds {len(sets)} separate sets of class folders: {listed}",
                expected="one set",
                remedy=f"name one of them, for example {sets[0]}",
            )
        left_out.append(LeftOut(_text(other.relative_to(root).as_posix()), "a set of class folders inside the set"))
    if root != folder:
        notes.append(f"class folders found in {_text(root.relative_to(folder).as_posix())}/")
        notes += _beside(folder, root)
    class_folders = []
    for child in _subfolders(root):
        if canonical_label(child.name) is not None:
            class_folders.append(child)
        elif child not in sets[1:] and not any(place.is_relative_to(child) for place in sets[1:]):
            left_out.append(LeftOut(_text(child.name), "not a label of the alphabet"))
    return root, class_folders


def _beside(folder: Path, root: Path) -> list[str]:
    """A note of the folders passed by on the way down to the set, as the flat test folder in Kaggle's zip."""
    passed: list[str] = []
    place = folder
    for name in root.relative_to(folder).parts:
        passed += [_text(c.relative_to(folder).as_posix()) + "/" for c in _subfolders(place) if c.name != name]
        place /= name
    more = f" and {len(passed) - _NAMED} more" if len(passed) > _NAMED else ""
    return [f"not used: {', '.join(passed[:_NAMED])}{more}"] if passed else []


def _text(name: str) -> str:
    """A name that can be printed: bytes that are no UTF-8 become �."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _find_flat(folder: Path, notes: list[str]) -> Path:
    """A flat folder, or the one that lies in folders without photos of their own (as Kaggle's zip unpacks)."""
    place = folder
    for _ in range(4):
        if any(_is_photo(path) for path in _entries(place)):
            break
        children = _subfolders(place)
        if len(children) != 1:
            break
        place = children[0]
    if place != folder:
        notes.append(f"photos found in {_text(place.relative_to(folder).as_posix())}/")
    return place


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_photo(path: Path) -> bool:
    try:
        return path.suffix.lower() in EXTENSIONS and path.is_file()
    except OSError:  # its folder may be listed and not searched
        return False


def _in_class_folders(root: Path, folders: list[Path], left_out: list[LeftOut]) -> list[tuple[str, str]]:
    """(path, label) of the photos in class folders, subfolders included."""
    files: list[tuple[str, str]] = []

    def unreadable(error: OSError) -> None:
        place = Path(error.filename or root)
        left_out.append(LeftOut(_text(place.relative_to(root).as_posix()), f"cannot be opened: {error.strerror}"))

    for folder in folders:
        label = canonical_label(folder.name) or ""
        for place, subfolders, names in os.walk(folder, onerror=unreadable):
            subfolders.sort()
            for name in sorted(names):
                path = Path(place, name)
                relative = path.relative_to(root).as_posix()
                if path.suffix.lower() in EXTENSIONS:
                    files.append((relative, label))
                elif not name.startswith("."):
                    left_out.append(LeftOut(_text(relative), f"not a photo ending ({_text(path.suffix) or 'none'})"))
    return files


def _in_flat_folder(root: Path, left_out: list[LeftOut]) -> list[tuple[str, str]]:
    """(path, label) of photos whose label is the start of their name: `A_test.jpg`, `space_test.jpg`, `B12.png`."""
    files: list[tuple[str, str]] = []
    for path in _entries(root):
        if not _is_photo(path):
            continue
        match = _FLAT_NAME.match(path.stem)
        label = canonical_label(match.group(1)) if match else None
        if label is None:
            left_out.append(LeftOut(_text(path.name), "its name does not begin with a label"))
        else:
            files.append((path.name, label))
    return files


def _hashed(root: Path, files: list[tuple[str, str]], left_out: list[LeftOut], progress: Progress) -> list[Photo]:
    """Photos with the digest of their content; files that cannot be read are left out."""

    def read(item: tuple[str, str]) -> Photo | LeftOut:
        path, label = item
        if _text(path) != path:
            return LeftOut(_text(path), NOT_TEXT)
        try:
            if not stat.S_ISREG((root / path).stat().st_mode):  # reading a pipe would wait for ever
                return LeftOut(path, "not a file (a pipe, or a device)")
            with (root / path).open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return LeftOut(path, f"cannot be read: {error.strerror}")
        return Photo(path, label, sha256, frame_number(path))

    photos: list[Photo] = []
    with ThreadPoolExecutor(_READERS) as pool:
        for done, result in enumerate(pool.map(read, files, chunksize=64), start=1):
            if isinstance(result, Photo):
                photos.append(result)
            else:
                left_out.append(result)
            if done % 500 == 0 or done == len(files):
                progress("reading photos", done, len(files))
    return photos
