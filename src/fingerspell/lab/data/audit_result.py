"""What an audit found, as frozen records and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fingerspell import __version__
from fingerspell.lab.data import fingerprint
from fingerspell.lab.data.audit_findings import Finding, findings_of
from fingerspell.lab.data.crossing import Recommendation, SplitOutcome
from fingerspell.lab.data.recordings import Run
from fingerspell.lab.data.sets import SetSummary

FORMAT = "fingerspell-audit/1"
LISTED = 200
"""At most so many files, groups or pairs of a kind are listed; the counts are always whole."""

SAMPLES = 10
"""Photos of a class that are shown."""


def printable(name: str) -> str:
    """A file name as text that can be written: bytes that are no UTF-8 become question marks in a diamond."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class FileKind:
    """Files that have something unusual in common.

    Attributes:
        kind: unreadable, truncated, too-large, wrong-ending, grey, palette, transparency, print-colours,
            sixteen-bit, other-mode, rotated, odd-size, tiny, odd-name or left-out.
        count: how many files.
        files: (path, detail) of the first `LISTED`.
    """

    kind: str
    count: int
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """One class.

    Attributes:
        label: of the alphabet.
        photos: how many, copies included.
        with_twin: how many have a near-duplicate or a copy in the class.
        runs: in how many stretches of recording they lie.
        longest: photos in the longest of these.
        samples: paths of up to `SAMPLES` readable photos, spread over the recording.
    """

    label: str
    photos: int
    with_twin: int
    runs: int
    longest: int
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Copies:
    """Files with the same content."""

    sha256: str
    paths: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """Two photos that nearly match: hash bits of 256 that differ, and colour distance in levels of 0–255."""

    first: str
    second: str
    first_label: str
    second_label: str
    bits: int
    colour: float


@dataclass(frozen=True)
class Audit:
    """What an audit found. Paths are below `root`, with forward slashes.

    Attributes:
        folder: the folder that was named.
        root: the set in it that was examined.
        digest: of the set's content (see `Manifest.digest`).
        photos: files examined.
        contents: different photos among them, byte for byte.
        classes: in the order of the alphabet.
        missing: labels of the alphabet without a photo.
        empty: class folders without a photo.
        sets: all sets in the folder, the examined one first.
        sizes: (width, height, count), most frequent first.
        modes: (colour mode, count), most frequent first.
        formats: (format of the content, count), most frequent first.
        files: files with something unusual, by kind.
        copied: files that are an exact copy of another.
        copies: groups of exact copies, at most `LISTED`, disagreeing labels first.
        copies_disagreeing: groups of exact copies whose labels disagree.
        near: pairs of different photos that nearly match.
        near_photos: photos with a near-duplicate or a copy.
        near_examples: for each class the pair of middle distance.
        near_disagreeing: pairs that nearly match although their labels differ.
        disagreeing: those pairs, at most `LISTED`.
        runs: stretches of at least two photos that look like one recording, at most `LISTED` a class.
        splits: what each way of splitting would do.
        recommendation: the split to use.
        notes: how the folder was understood.
        made: when, UTC.
    """

    folder: Path
    root: Path
    digest: str
    photos: int
    contents: int
    classes: tuple[ClassSummary, ...]
    missing: tuple[str, ...]
    empty: tuple[str, ...]
    sets: tuple[SetSummary, ...]
    sizes: tuple[tuple[int, int, int], ...]
    modes: tuple[tuple[str, int], ...]
    formats: tuple[tuple[str, int], ...]
    files: tuple[FileKind, ...]
    copied: int
    copies: tuple[Copies, ...]
    copies_disagreeing: int
    near: int
    near_photos: int
    near_examples: tuple[Near, ...]
    near_disagreeing: int
    disagreeing: tuple[Near, ...]
    runs: tuple[Run, ...]
    splits: tuple[SplitOutcome, ...]
    recommendation: Recommendation
    notes: tuple[str, ...]
    made: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings in plain language, the gravest first."""
        return findings_of(self)

    def file_kind(self, kind: str) -> FileKind:
        """The files of one kind; none gives a count of 0."""
        return next((found for found in self.files if found.kind == kind), FileKind(kind, 0, ()))

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping with "format": "fingerspell-audit/1"."""
        values = asdict(self)
        values["folder"], values["root"] = printable(str(self.folder)), printable(str(self.root))
        for split, outcome in zip(values["splits"], self.splits, strict=True):
            split["fraction"] = outcome.fraction
        rules = {
            "same_label": asdict(fingerprint.SAME_SHOT),
            "other_label": asdict(fingerprint.SAME_SHOT_OTHER_LABEL),
            "recording": asdict(fingerprint.SAME_RECORDING),
        }
        findings = [asdict(finding) for finding in self.findings]
        head = {"format": FORMAT, "fingerspell": __version__}
        return {**head, **values, "findings": findings, "near_when": rules, "listed_at_most": LISTED}
