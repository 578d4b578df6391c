"""From the command line to the first answer: `fingerspell --help`, and `fingerspell predict photo.jpg`.

    python benchmarks/startup.py [PHOTO] [--bundle asl.bundle] [--against CHECKOUT] [--rounds 15]

Each row starts a process of its own, all rows in turn; `--against` adds the same rows with the package as it is in
another checkout, run by the same interpreter. Milliseconds from the start of the process: for help until all of it is
there, for `predict` until the first line is; and until the process has ended. Median (lowest–highest). The file cache
is warm: every command has run once before. `python` alone is what no command can be quicker than.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from measuring import ROOT, Contender, against, contend, finish, serve, table

COMMAND = "import sys; from fingerspell.cli.main import main; sys.exit(main())"


def started(command: list[str], first_line: bool) -> dict[str, Any]:
    """Run a command once: seconds until its first line, or until all of its output, and until its end."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    if process.stdout is None:
        raise SystemExit("a command needs a standard output")
    said = process.stdout.readline() if first_line else process.stdout.read()
    seconds = time.perf_counter() - start
    process.communicate()
    whole = time.perf_counter() - start
    return {"seconds": seconds, "units": 1, "ended": whole, "said": len(said), "code": process.returncode}


def contender(name: str, checkout: Path, words: list[str]) -> Contender:
    """A row: `words` after `fingerspell`, or none for Python alone."""
    command = [sys.executable, "-c", COMMAND, *words] if words else [sys.executable, "-c", "pass"]
    arguments = json.dumps({"command": command, "first_line": words[:1] == ["predict"] and "--help" not in words})
    environment = {"PYTHONPATH": str(checkout / "src"), "COLUMNS": "100"}
    return Contender(name, [sys.executable, __file__, "--serve", arguments], environment)


def rows(checkout: Path, photo: Path, bundle: Path | None) -> dict[str, list[str]]:
    """Words of each row by its name."""
    chosen = {
        "python": [],
        "--help": ["--help"],
        "data --help": ["data", "--help"],
        "predict --help": ["predict", "--help"],
        "predict PHOTO": ["predict", str(photo)],
        "predict BUNDLE PHOTO": ["predict", str(bundle or checkout / SHIPPED), str(photo)],
    }
    return chosen


SHIPPED = Path("src/fingerspell/live/shipped/asl.bundle")


def spread(seconds: list[float]) -> str:
    """Milliseconds, median and range."""
    shown = [1000 * value for value in seconds]
    return f"{median(shown):.0f} ({min(shown):.0f}–{max(shown):.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path, nargs="?", help="by default a golden photo of the shipped bundle")
    parser.add_argument("--bundle", type=Path, help="the bundle that one row names; by default the shipped one")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="another checkout of the project")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asked = json.loads(given.serve)
        first = started(asked["command"], asked["first_line"])
        if first["code"] != 0 or (asked["first_line"] and not first["said"]):
            raise SystemExit(f"{asked['command'][3:]} ended with {first['code']}")
        serve(lambda: started(asked["command"], asked["first_line"]))
        return
    photo = given.photo or next(
        path for path in sorted((ROOT / SHIPPED / "golden").iterdir()) if path.suffix != ".json"
    )
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    ours = {name: contender(name, ROOT, words) for name, words in rows(ROOT, photo, given.bundle).items()}
    theirs: dict[str, Contender] = {}
    if given.against is not None:
        for name, words in rows(given.against, photo, given.bundle).items():
            if words:
                theirs[name] = contender(f"{name}, before", given.against, words)
    contend([each for name in ours for each in (ours[name], theirs.get(name)) if each is not None], given.rounds)
    heads = ["command", "answer, ms", "end, ms"] + (["before, ms", "times as fast"] if theirs else [])
    print(table(heads, [_row(name, its, theirs.get(name), bool(theirs)) for name, its in ours.items()]))
    finish("startup", {"rows": [_result(its) for its in (*ours.values(), *theirs.values())]})


def _row(name: str, ours: Contender, before: Contender | None, compared: bool) -> list[str]:
    cells = [name, ours.ready.get("error", "–"), "–"]
    if ours.rounds:
        cells = [name, spread(ours.per_unit), spread([said["ended"] for said in ours.rounds])]
    if not compared:
        return cells
    if before is None or not before.rounds:
        return [*cells, "–" if before is None else before.ready.get("error", "–"), "–"]
    return [*cells, spread(before.per_unit), against(ours, before)]


def _result(its: Contender) -> dict[str, Any]:
    milliseconds = [round(1000 * value, 1) for value in its.per_unit]
    return {"name": its.name, **its.ready, "ms": milliseconds}


if __name__ == "__main__":
    main()
