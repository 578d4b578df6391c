"""A folder that is being filled: whose it is, what of it is finished, and that only one process fills it.

What is finished is told by shards in a hidden folder: a small file for each finished task, with its rows of truth and
the digests of its files. A process may be killed at any moment; what no shard tells of is made again.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fingerspell.core.durable import canonical_json, digest_of, digest_of_file, read_json, write_bytes, write_json
from fingerspell.core.errors import DataError

Row = dict[str, Any]
"""What is known about one photo or frame, JSON-ready."""

UNFINISHED = ".unfinished"
"""The hidden folder; it goes when all is done."""

_LEFTOVER = re.compile(r"\..+\.\d+\.tmp")  # of an atomic write that was killed, see core/durable
_SYSTEM_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Workplace:
    """A folder to be filled as a plan says.

    Attributes:
        folder: what is filled.
        name: of the file in it that holds the plan.
        plan: JSON-ready; a folder with another one is refused.
    """

    folder: Path
    name: str
    plan: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """Of the plan."""
        return digest_of(dict(self.plan))

    @property
    def hidden(self) -> Path:
        """Where the shards lie."""
        return self.folder / UNFINISHED

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folder ours, for this process alone, while the block runs.

        Raises:
            DataError: it holds another plan or files of somebody else, another process fills it, or it cannot be
                written.
        """
        self._refuse_others()
        try:
            self.hidden.mkdir(parents=True, exist_ok=True)
            lock = (self.hidden / "lock").open("w")
        except OSError as error:
            raise DataError(
                f"{self.folder} cannot be used: {error.strerror}",
                expected="a folder that can be written",
                remedy="choose another folder",
            ) from error
        with lock:
            try:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:  # no such lock on this system
                pass
            except OSError as error:
                raise DataError(
                    f"another process is filling {self.folder}",
                    expected="one at a time",
                    remedy="wait for it, or stop it",
                ) from error
            self._refuse_others()  # who held the lock may have written its plan meanwhile
            if not (self.folder / self.name).exists():
                write_json(self.folder / self.name, {**self.plan, "digest": self.digest})
            yield

    def _refuse_others(self) -> None:
        if self.folder.is_symlink() or self.folder.exists():
            if not self.folder.is_dir():
                raise DataError(f"{self.folder} is no folder", expected="a new folder, or one to go on with")
            if (self.folder / self.name).exists():
                self._refuse_other_plan()
                return
            there = sorted(place.name for place in self.folder.iterdir() if not place.name.startswith("."))
            if there:
                raise DataError(
                    f"{self.folder} holds files that were not made by this command, first {there[0]}",
                    expected="a new or empty folder, or one to go on with",
                    remedy="choose another folder",
                )

    def _refuse_other_plan(self) -> None:
        theirs = read_json(self.folder / self.name, what=f"the {self.name} of an earlier run of this command")
        ours = {**self.plan, "digest": self.digest}
        if theirs == ours:
            return
        told = "it is damaged"
        if isinstance(theirs, dict):
            keys = [key for key in ours if key != "digest" and theirs.get(key) != ours[key]]
            told = "; ".join(_difference(key, theirs.get(key), ours[key]) for key in keys) or told
        raise DataError(
            f"{self.folder} was begun with another plan ({told})",
            expected="the same options and version as before, or a new folder",
            remedy=f"choose another folder, or delete {self.folder}",
        )

    def seen(self, folders: Sequence[Path], expected: frozenset[str]) -> frozenset[str]:
        """Which of the expected files are there. Removes what a killed write left behind.

        Args:
            folders: where to look, with all below them; those that do not exist are passed over.
            expected: paths below the workplace, with forward slashes.

        Raises:
            DataError: a file that is not expected: it would be taken for ours.
        """
        found = set()
        for folder in folders:
            for place, subfolders, names in os.walk(folder):
                if Path(place) == self.folder:
                    subfolders.clear()
                relative = Path(place).relative_to(self.folder).as_posix()
                for name in names:
                    path = name if relative == "." else f"{relative}/{name}"
                    if path in expected:
                        found.add(path)
                    elif _LEFTOVER.fullmatch(name):
                        Path(place, name).unlink(missing_ok=True)
                    elif Path(place) != self.folder and name not in _SYSTEM_FILES:
                        raise DataError(
                            f"{path} in {self.folder} was not made by this command",
                            expected="nothing else in its folders",
                            remedy="move it elsewhere, or choose another folder",
                        )
        return frozenset(found)

    def finish(self, task: str, rows: Sequence[Row], files: Mapping[str, str]) -> None:
        """Note, atomically, that a task is done: its rows, and its files (path below the folder → SHA-256)."""
        shard = {"plan": self.digest, "files": dict(files), "rows": list(rows)}
        write_bytes(self.hidden / f"{task}.json", canonical_json(shard))

    def finished(self, task: str) -> list[Row] | None:
        """The rows of a task whose files are all there and whole; None where it is to be done."""
        try:
            shard = read_json(self.hidden / f"{task}.json", what="a shard")
            whole = shard["plan"] == self.digest and all(
                digest_of_file(self.folder / path) == sha256 for path, sha256 in shard["files"].items()
            )
            return list(shard["rows"]) if whole else None
        except (DataError, OSError, KeyError, TypeError):
            return None

    def tidy(self) -> None:
        """Remove the shards: all is done, and told elsewhere."""
        with suppress(OSError):
            shutil.rmtree(self.hidden)


def _difference(key: str, theirs: Any, ours: Any) -> str:
    if key == "renderer":
        return "rendered by another version of this program"
    if isinstance(theirs, dict) or isinstance(ours, dict | list):
        return f"other {key}"
    return f"{key} {theirs}, now {ours}"
