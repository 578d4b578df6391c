"""`fingerspell data sheet`: some photos of every class in one picture, of several folders side by side."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fingerspell.cli import console
from fingerspell.core.errors import DataError, FingerspellError, PhotoError

if TYPE_CHECKING:
    from fingerspell.hands.contact import Pixels
    from fingerspell.lab.data.manifest import Manifest, Photo

_ENDINGS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_LARGEST = 100_000_000  # pixels: more is no picture that anybody opens, and 300 MB of memory
_NAMED = 3  # damaged photos named before the rest are counted


def sheet_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of photos.")],
    beside: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Another folder, in columns beside it (repeatable).")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write: .png or .jpg.")] = Path("sheet.png"),
    columns: Annotated[int, typer.Option(min=1, max=100, help="Photos of each class and folder.")] = 6,
    cell: Annotated[int, typer.Option(min=16, max=1024, help="Side of a photo in the picture, pixels.")] = 96,
    labels: Annotated[
        str | None, typer.Option(metavar="A,B,…", help="These classes only; all that there are by default.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace a picture that is there.")] = False,
) -> None:
    """Draw a contact sheet: a row a class, and for each folder a group of columns with its name above.

    The photos are spread evenly over each class; where folders below the class tell who signs, they are of different
    people. No folder is changed.

    [bold]Examples[/]

      fingerspell data sheet DIR

      fingerspell data sheet rendered --beside my-photos --beside other-photos -o sheet.png --labels A,E,M,N,S,T
    """
    from fingerspell.core.durable import write_bytes
    from fingerspell.hands.contact import grouped_sheet
    from fingerspell.lab.data.manifest import scan

    places = [folder, *(beside or [])]
    wanted = None if labels is None else chosen_labels(labels)
    _require_new(out, force)
    with console.progress_bar() as progress:
        manifests = [scan(place, progress) for place in places]
        for manifest in manifests:
            _require_outside(out, manifest)
        shown = wanted or _present(manifests)
        _require_room(len(shown) * len(places) * columns, cell)
        damaged: list[PhotoError] = []
        rows: list[tuple[str, list[list[Pixels]]]] = []
        for done, label in enumerate(shown, start=1):
            rows.append((label, [_pictures(manifest, label, columns, damaged) for manifest in manifests]))
            progress("reading chosen photos", done, len(shown))
    if not any(pictures for _, groups in rows for pictures in groups):
        raise DataError(
            f"no readable photo of {', '.join(shown)} in {' and '.join(map(str, places))}",
            expected="one at least",
            remedy="choose other --labels, or look at the folder with: fingerspell data audit",
        )
    picture = grouped_sheet(folder_names(places), rows, columns, cell)
    buffer = io.BytesIO()
    picture.save(buffer, _ENDINGS[out.suffix.lower()], quality=90)
    write_bytes(out, buffer.getvalue())
    _tell(places, manifests, rows, damaged)
    console.give(out)


def chosen_labels(text: str) -> tuple[str, ...]:
    """`a,B,space` → the labels, each once, in the order given. Raises DataError for a name that is none."""
    from fingerspell.core.alphabet import LABELS, canonical_label
    from fingerspell.core.errors import known_names

    found: dict[str, None] = {}
    for name in filter(None, (part.strip() for part in text.split(","))):
        label = canonical_label(name)
        if label is None:
            expected, remedy = known_names("label", name, LABELS)
            raise DataError(f"unknown label '{name}'", expected=expected, remedy=remedy)
        found[label] = None
    if not found:
        raise DataError("--labels names no label", expected="labels with commas between, such as A,B,space")
    return tuple(found)


def spread(photos: Iterable[Photo], count: int) -> list[Photo]:
    """Photos of one class, evenly spread over people, and over each person's recording.

    People are told by the folders below the class folder; a recording runs in the order of the numbers in the names.

    Args:
        photos: of one class.
        count: how many are wanted.

    Returns:
        `count` photos, people in name order; all photos where there are no more.
    """
    people: dict[str, list[Photo]] = {}
    for photo in photos:
        people.setdefault("/".join(photo.path.split("/")[1:-1]), []).append(photo)
    recordings = [
        sorted(people[name], key=lambda photo: (photo.number is None, photo.number or 0, photo.path))
        for name in sorted(people)
    ]
    shares = _shares([len(recording) for recording in recordings], count)
    return [
        recording[place]
        for recording, share in zip(recordings, shares, strict=True)
        for place in _places(len(recording), share)
    ]


def _shares(sizes: Sequence[int], count: int) -> list[int]:
    """How many to take of each recording: as even as their sizes allow, the odd ones spread over all of them."""
    shares = [0] * len(sizes)
    left = count
    while left and (open_ones := [index for index, size in enumerate(sizes) if shares[index] < size]):
        for place in _places(len(open_ones), min(left, len(open_ones))):
            shares[open_ones[place]] += 1
            left -= 1
    return shares


def _places(length: int, count: int) -> list[int]:
    """`count` places of `length`, evenly spread: the middle of each of `count` equal stretches."""
    return [(2 * index + 1) * length // (2 * count) for index in range(count)]


def folder_names(places: Sequence[Path]) -> list[str]:
    """What to write above each folder's photos: its own name; where two share it, as much above it as tells them."""
    parts = [place.resolve().parts for place in places]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(set(parts)):
            break
    return names


def _pictures(manifest: Manifest, label: str, count: int, damaged: list[PhotoError]) -> list[Pixels]:
    """The chosen photos of a class; one that cannot be read is reported in `damaged`, and another chosen."""
    from fingerspell.core.preprocess import decode

    photos = [photo for photo in manifest.photos if photo.label == label]
    read: dict[str, Pixels] = {}
    while True:
        chosen = spread(photos, count)
        bad = set()
        for photo in chosen:
            if photo.path in read:
                continue
            try:
                read[photo.path] = decode(_content(manifest.root / photo.path))
            except PhotoError as error:
                bad.add(photo.path)
                damaged.append(PhotoError(f"{manifest.root / photo.path}: {error.found}"))
        if not bad:
            return [read[photo.path] for photo in chosen]
        photos = [photo for photo in photos if photo.path not in bad]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PhotoError(f"cannot be read: {error.strerror}") from error


def _present(manifests: Iterable[Manifest]) -> tuple[str, ...]:
    from fingerspell.core.alphabet import in_order

    return in_order({label for manifest in manifests for label in manifest.labels})


def _require_new(out: Path, force: bool) -> None:
    if out.suffix.lower() not in _ENDINGS:
        raise FingerspellError(f"{out} is no name of a picture", expected="a name ending in .png or .jpg")
    if out.is_dir() or (os.path.lexists(out) and not force):
        remedy = "give another -o" if out.is_dir() else "give another -o, or --force"
        raise FingerspellError(f"{out} exists already", expected="a new file", remedy=remedy)


def _require_outside(out: Path, manifest: Manifest) -> None:
    """A sheet among the photos of a class would be taken for one of them, or replace one."""
    from fingerspell.core.alphabet import canonical_label

    place, root = out.resolve(), manifest.root.resolve()
    if not place.is_relative_to(root):
        return
    inner = place.relative_to(root).parts
    flat = any("/" not in photo.path for photo in manifest.photos)
    if (len(inner) == 1 and flat) or (len(inner) > 1 and canonical_label(inner[0]) is not None):
        raise FingerspellError(
            f"{out} lies among the photos of {manifest.root}",
            expected="a place where it is not taken for a photo",
            remedy="give another -o",
        )


def _require_room(cells: int, cell: int) -> None:
    if cells * cell * cell > _LARGEST:
        raise FingerspellError(
            f"{cells:,} photos of {cell}×{cell} pixels are more than fit in one picture",
            expected=f"at most {_LARGEST // 10**6} million pixels",
            remedy="choose a smaller --cell, fewer --columns or fewer --labels",
        )


def _tell(
    places: Sequence[Path],
    manifests: Sequence[Manifest],
    rows: Sequence[tuple[str, Sequence[Sequence[Pixels]]]],
    damaged: Sequence[PhotoError],
) -> None:
    for group, (place, manifest) in enumerate(zip(places, manifests, strict=True)):
        count = sum(len(groups[group]) for _, groups in rows)
        console.note(f"{place}: {count:,} of {len(manifest.photos):,} photos shown")
        for text in manifest.notes:
            console.note(f"  {text}")
        absent = [label for label, groups in rows if not groups[group]]
        if absent:
            console.note(f"  no photo of {', '.join(absent)}")
    for error in damaged[:_NAMED]:
        console.note(f"left out {error.found}")
    if len(damaged) > _NAMED:
        console.note(f"… and {len(damaged) - _NAMED} more left out")
