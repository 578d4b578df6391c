"""Which group (person, room, session) each photo belongs to: told by folders, by a pattern or by a CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from fingerspell.core.errors import DataError
from fingerspell.lab.data.dealing import Part
from fingerspell.lab.data.manifest import Photo


def groups_by_folder(photos: Iterable[Photo]) -> dict[str, str]:
    """Group = the folder below the class folder: `A/anna/1.jpg` → anna. Raises DataError where there is none."""
    found = {}
    for photo in photos:
        inside = photo.path.split("/")[1:-1]
        if not inside:
            raise DataError(
                f"{photo.path} lies in no folder below its class",
                expected="class/group/photo",
                remedy="group by --pattern or --csv instead",
            )
        found[photo.path] = "/".join(inside)
    return found


def groups_by_pattern(photos: Iterable[Photo], pattern: str) -> dict[str, str]:
    """Group = what the pattern's first bracket (or the whole match) finds in the path; photos without are missing."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise DataError(f"the pattern {pattern!r} is not a regular expression: {error}") from error
    found = {}
    for photo in photos:
        match = compiled.search(photo.path)
        if match:
            found[photo.path] = match.group(1 if compiled.groups else 0) or ""
    return found


def groups_from_csv(path: Path, column: str = "group") -> tuple[dict[str, str], dict[str, Part]]:
    """Groups, and parts where a `part` column gives them, from a CSV with a `path` column.

    Raises:
        DataError: unreadable, a column is absent, or a group that straddles (stands in two parts).
    """
    groups: dict[str, str] = {}
    fixed: dict[str, Part] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            absent = {"path", column} - set(rows.fieldnames or ())
            if absent:
                raise DataError(
                    f"{path} has no column '{min(absent)}'",
                    expected=f"columns path, {column} and perhaps part",
                )
            for row in rows:
                group, part = row[column], row.get("part")
                if not group or not row["path"]:
                    continue  # a photo without a group is refused when the split is made
                groups[row["path"]] = group
                if not part:
                    continue
                if part not in ("train", "val", "test"):
                    raise DataError(f"{path} gives {row['path']} the part '{part}'", expected="train, val or test")
                if fixed.setdefault(group, cast(Part, part)) != part:
                    raise DataError(
                        f"group '{group}' straddles: it stands in {fixed[group]} and in {part}",
                        expected="every group in one part",
                        remedy="correct the part column",
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}", expected="a UTF-8 CSV file") from error
    return groups, fixed
