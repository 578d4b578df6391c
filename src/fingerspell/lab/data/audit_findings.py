"""An audit's findings in plain language: what was found, how often, and what it means for training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fingerspell.lab.data.crossing import percent

if TYPE_CHECKING:
    from fingerspell.lab.data.audit_result import Audit

Level = Literal["problem", "notice", "good"]
UNBALANCED = 1.5
"""The largest class may have so many times the photos of the smallest before it is worth saying."""

_FILES: dict[str, tuple[Level, str, str]] = {
    "unreadable": ("problem", "unreadable files", "They are no images; training leaves them out."),
    "truncated": ("problem", "damaged or cut-short files", "They cannot be decoded whole; copy them again."),
    "too-large": ("problem", "files too large to decode", "Reduce them before use."),
    "odd-name": ("problem", "file names that are no text", "They are left out; rename them."),
    "tiny": ("problem", "photos under 32 pixels", "Fingers cannot be told apart in them."),
    "wrong-ending": (
        "notice",
        "files whose ending is not their content",
        "They are read by content; other programs may refuse them.",
    ),
    "odd-size": ("notice", "photos of another size than the rest", "They may come from another source."),
    "rotated": (
        "notice",
        "photos turned by an EXIF mark",
        "Keras shows them turned, this package upright: check that a network was trained as it is used.",
    ),
    "grey": ("notice", "grey photos", "They become colour photos with three equal channels."),
    "palette": ("notice", "photos with a palette", "They become full colour photos."),
    "transparency": ("notice", "photos with transparency", "Transparency is dropped."),
    "print-colours": ("notice", "photos in print colours (CMYK)", "They are converted; colours may shift."),
    "sixteen-bit": ("notice", "photos with 16 or more bits a channel", "They are reduced to 8 bits."),
    "other-mode": ("notice", "photos in an unusual colour mode", "They are converted to RGB."),
    "left-out": ("notice", "files or folders left out", "They are not photos of a known label in this set."),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        kind: a stable name for programs.
        level: `problem` (spoils training or its score), `notice` (worth knowing) or `good`.
        count: how many, or 0 where nothing is counted.
        title: a few words.
        detail: a sentence or two.
    """

    kind: str
    level: Level
    count: int
    title: str
    detail: str


def findings_of(audit: Audit) -> tuple[Finding, ...]:
    """All findings: problems first, then notices, then what is good."""
    found = [*_sets(audit), *_labels(audit), *_copies(audit), *_near(audit), *_files(audit), *_runs(audit)]
    rank = {"problem": 0, "notice": 1, "good": 2}
    return tuple(sorted(found, key=lambda finding: rank[finding.level]))


def _sets(audit: Audit) -> Iterator[Finding]:
    if len(audit.sets) < 2:
        return
    examined, *others = audit.sets
    here = _named(examined.path)
    for other in others:
        shared = dict(other.shared).get(examined.path, 0)
        where = f"beside {here}" if other.inside is None else f"inside {_named(other.inside)}"
        if shared == other.contents:
            text = f"Every photo of {other.path}/ is also in {here}, byte for byte. Remove one of the two."
            yield Finding("set-copy", "problem", other.photos, f"a copy of the set {where}", text)
        elif shared:
            text = f"{shared:,} of the {other.contents:,} different photos of {other.path}/ are also in {here}."
            yield Finding("set-overlap", "problem", shared, f"another set {where} shares photos", text)
        else:
            text = f"{other.path}/ holds {other.photos:,} other photos, not examined: name that folder to audit it."
            yield Finding("other-set", "notice", other.photos, f"another set {where}", text)


def _named(path: str | None) -> str:
    return "the set that was examined" if path in (None, ".") else f"{path}/"


def _labels(audit: Audit) -> Iterator[Finding]:
    if len(audit.classes) == 1:
        yield Finding(
            "one-class", "problem", 1, "only one class", "At least two are needed to learn to tell them apart."
        )
    if audit.empty:
        names = ", ".join(audit.empty)
        yield Finding("empty-classes", "problem", len(audit.empty), "class folders without photos", f"{names}.")
    if audit.missing:
        title = "labels of the alphabet without photos"
        yield Finding("missing-labels", "notice", len(audit.missing), title, f"{', '.join(audit.missing)}.")
    largest = max(audit.classes, key=lambda its: its.photos)
    smallest = min(audit.classes, key=lambda its: its.photos)
    if largest.photos > UNBALANCED * smallest.photos:
        few = sum(its.photos * UNBALANCED < largest.photos for its in audit.classes)
        text = (
            f"{smallest.label} has {smallest.photos:,} photos, {largest.label} {largest.photos:,}: judge by the"
            " accuracy of each letter, not by the mean alone."
        )
        yield Finding("unbalanced", "notice", few, "classes with far fewer photos than the largest", text)
    elif len(audit.classes) > 1:
        low, high = f"{smallest.photos:,}", f"{largest.photos:,}"
        text = f"{low if low == high else f'{low} to {high}'} photos each."
        yield Finding("balanced", "good", len(audit.classes), "classes of similar size", text)


def _copies(audit: Audit) -> Iterator[Finding]:
    if audit.copies_disagreeing:
        text = "The same file lies in folders of different labels: at least one of them is wrong."
        title = "exact copies whose labels disagree"
        yield Finding("copies-disagree", "problem", audit.copies_disagreeing, title, text)
    if audit.near_disagreeing:
        text = "Photos that look the same carry different labels: look at them side by side."
        title = "near-duplicates whose labels disagree"
        yield Finding("near-disagree", "problem", audit.near_disagreeing, title, text)
    if audit.copied:
        text = f"{audit.photos:,} files hold {audit.contents:,} different photos. Copies on both sides of a split leak."
        yield Finding("copies", "notice", audit.copied, "exact copies", text)
    else:
        yield Finding("no-copies", "good", 0, "no exact copies", "Every file differs from every other.")


def _near(audit: Audit) -> Iterator[Finding]:
    if not audit.near_photos:
        yield Finding("no-near", "good", 0, "no near-duplicates", "No two photos look like the same shot.")
        return
    share = percent(audit.near_photos / audit.photos)
    text = (
        f"{share} of the photos have another that is the same shot, or nearly ({audit.near:,} pairs). Split by"
        " recording, or a score measures memory."
    )
    yield Finding("near-duplicates", "notice", audit.near_photos, "photos with a near-duplicate", text)


def _files(audit: Audit) -> Iterator[Finding]:
    for kind, (level, title, text) in _FILES.items():
        count = audit.file_kind(kind).count
        if count:
            yield Finding(kind, level, count, title, text)
    if not any(audit.file_kind(kind).count for kind, (level, _, _) in _FILES.items() if level == "problem"):
        yield Finding("all-readable", "good", 0, "all photos can be read", "None is damaged or cut short.")
    if len(audit.sizes) > 1 and not audit.file_kind("odd-size").count:
        shown = ", ".join(f"{width}×{height} ({count:,})" for width, height, count in audit.sizes[:4])
        text = f"{shown}{' …' if len(audit.sizes) > 4 else ''}"
        yield Finding("many-sizes", "notice", len(audit.sizes), "different photo sizes", text)


def _runs(audit: Audit) -> Iterator[Finding]:
    in_runs = [its for its in audit.classes if its.longest > 1]
    if not in_runs:
        return
    longest = max(in_runs, key=lambda its: its.longest)
    text = (
        "File numbers run on like frames of a recording: neighbours in number nearly match. The longest run has"
        f" {longest.longest:,} photos ({longest.label})."
    )
    count = sum(its.runs for its in audit.classes)
    yield Finding("recordings", "notice", count, "stretches of recording, or single photos", text)
