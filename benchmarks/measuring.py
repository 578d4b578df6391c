"""How every comparison here is measured: each contender in a process of its own, all of them in turn, several rounds.

A contender is a script that is started with its settings and speaks lines: it sets itself up, warms up, and prints
`{"ready": …}`; for each line `go` on its standard input it does its work once and prints `{"seconds": s, "units": n}`
(anything else in it is kept); at the end of its input it ends. So that each has its own interpreter, environment,
allocator and memory, and none works while another is measured. `contend` is that loop.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
"""The interpreter of the environment that `make bench-peers` sets up: others' programs, to compare with."""
FIXED = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=2147483647"
FIXED += ":glibc.malloc.top_pad=67108864:glibc.malloc.arena_max=1"
"""glibc's settings that ours takes through mallopt (fingerspell.lab.allocator), for a program that takes none."""


@dataclass
class Contender:
    """One row of a comparison.

    Attributes:
        name: what the table calls it.
        command: of the script, interpreter first.
        environment: variables on top of this process's.
        ready: what it said when it was set up; "error" in it where it cannot take part.
        rounds: what it said of each round.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: dict[str, Any] = field(default_factory=dict)
    rounds: list[dict[str, Any]] = field(default_factory=list)

    @property
    def per_unit(self) -> list[float]:
        """Seconds per unit of work in each round."""
        return [said["seconds"] / said["units"] for said in self.rounds]

    @property
    def summary(self) -> dict[str, Any]:
        """Median, lowest and highest units a second, memory, and what it said when it was ready; JSON-ready."""
        if not self.rounds:
            return {"name": self.name, **self.ready}
        rates = [1 / taken for taken in self.per_unit]
        memory = {"peak_mib": self.rounds[-1]["peak_mib"]} if "peak_mib" in self.rounds[-1] else {}
        spread = {"per_second": median(rates), "low": min(rates), "high": max(rates), "rounds": len(rates)}
        return {"name": self.name, **self.ready, **spread, **memory}


def contend(contenders: Sequence[Contender], rounds: int, *, patience: float = 900.0) -> None:
    """Set the contenders up one after the other, then let each work once a round, in an order that turns.

    A contender that cannot take part (not installed, or it fails) is left with an "error" and does not end the others.

    Args:
        contenders: their `ready` and `rounds` are filled.
        rounds: how often each works.
        patience: seconds that one may take to set itself up, or for one round.
    """
    working: list[tuple[Contender, _Process]] = []
    for contender in contenders:
        process = _Process(contender)
        contender.ready = process.said(patience)
        note(f"{contender.name}: {contender.ready.get('error', 'ready')}")
        if "error" in contender.ready:
            process.end()
        else:
            working.append((contender, process))
    for number in range(rounds):
        shift = number % max(1, len(working))  # whoever comes first has the coolest machine: take turns
        for contender, process in working[shift:] + working[:shift]:
            said = process.go(patience)
            if "seconds" in said:
                contender.rounds.append(said)
        note(f"round {number + 1} of {rounds}")
    for _, process in working:
        process.end()


def serve(work: Callable[[], dict[str, Any]], **ready: Any) -> None:
    """The contender's side: say that it is ready, then work once for each `go`; `work` gives seconds and units."""
    say = sys.__stdout__
    if say is None:
        raise SystemExit("a contender needs a standard output")
    print(json.dumps({"ready": True, **ready}), file=say, flush=True)
    for line in sys.stdin:
        if line.strip() == "go":
            print(json.dumps({**work(), "peak_mib": peak_mib()}), file=say, flush=True)


class _Process:
    """A contender at work."""

    def __init__(self, contender: Contender) -> None:
        environment = {**os.environ, **contender.environment}
        self._last = "it said nothing"
        try:
            self._process: subprocess.Popen[str] | None = subprocess.Popen(
                list(contender.command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, env=environment,
            )  # fmt: skip
        except OSError as error:
            self._process, self._last = None, str(error)
            return
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        if self._process is not None and self._process.stderr is not None:
            for line in self._process.stderr:
                if line.strip():
                    self._last = line.strip()

    def said(self, patience: float) -> dict[str, Any]:
        """Its next line of JSON; {"error": …} where it ended or took too long."""
        if self._process is None or self._process.stdout is None:
            return {"error": self._last}
        late = threading.Timer(patience, self._process.kill)
        late.start()
        try:
            for line in self._process.stdout:
                if line.startswith("{"):
                    said: dict[str, Any] = json.loads(line)
                    return said
        finally:
            late.cancel()
        return {"error": self._last}

    def go(self, patience: float) -> dict[str, Any]:
        """Let it work once."""
        if self._process is None or self._process.stdin is None:
            return {"error": self._last}
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return {"error": self._last}
        return self.said(patience)

    def end(self) -> None:
        """Let it end, and make sure that it has."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()


def peak_mib() -> float:
    """The most memory this process has held, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def note(text: str) -> None:
    """Progress, apart from the results."""
    print(text, file=sys.stderr, flush=True)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, first column to the left, the others to the right."""
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(head), *(len(line[i]) for line in lines), 3) for i, head in enumerate(heads)]

    def row(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = "| " + " | ".join("-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)) + " |"
    return "\n".join([row(list(heads)), rule, *map(row, lines)])


def against(ours: Contender, theirs: Contender) -> str:
    """How many times as fast: the median of the rounds' ratios, and their range. Rounds are measured side by side."""
    pairs = zip(ours.per_unit, theirs.per_unit, strict=False)
    ratios = sorted(other / mine for mine, other in pairs)
    return f"{median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})" if ratios else "–"


def finish(name: str, result: Mapping[str, Any]) -> None:
    """The last line of every benchmark: one line of JSON with the machine, the versions and the result."""
    print(json.dumps({"benchmark": name, "machine": machine(), "versions": versions(), **result}))


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {"processor": _processor(), "cores": os.cpu_count(), "load": [round(load, 2) for load in os.getloadavg()]}


def versions(of: Sequence[str] = ("torch", "onnxruntime", "numpy", "opencv-python-headless")) -> dict[str, str]:
    """Versions of the distributions that are installed here."""
    found = {"python": platform.python_version()}
    for name in of:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
