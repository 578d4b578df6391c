"""The `fingerspell` command: its verbs, and the one place where errors become exit codes."""

from __future__ import annotations

import io
import os
import sys
import traceback
from contextlib import suppress
from typing import Any

import typer

from fingerspell.cli import console
from fingerspell.cli.on_demand import OnDemand
from fingerspell.cli.verbs import VERBS
from fingerspell.core.errors import FingerspellError, MissingExtraError


class _Verbs(OnDemand):
    """All of them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(VERBS, **settings)


app = typer.Typer(
    name="fingerspell",
    cls=_Verbs,
    help="Photos of hand signs → a trained, honestly measured recogniser of the ASL alphabet.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)


@app.callback()
def _group() -> None:
    """Nothing: Typer makes a group of what has this, and its verbs are not known to it."""


_EXTRA_OF = {
    "torch": "lab",
    "pydantic": "lab",
    "jinja2": "lab",
    "matplotlib": "lab",
    "onnx": "lab",
    "onnxscript": "lab",
    "h5py": "lab",
    "safetensors": "lab",
    "tomli_w": "lab",
    "onnxruntime": "live",
    "cv2": "live",
    "av": "live",
    "fastapi": "service",
    "starlette": "service",
    "uvicorn": "service",
    "websockets": "service",
    "python_multipart": "service",
    "prometheus_client": "service",
    "spellchecker": "words",
    "tensorboard": "tensorboard",
    "numba": "lab",
    "threadpoolctl": "lab",
    "pyarrow": "hands",
}


def _part(error: ModuleNotFoundError, module: str) -> str:
    """The part of the package that lacks a module. Renderer and recogniser share some: then who asked for it counts."""
    asking = {frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)}
    renders = any(name.startswith(("fingerspell.hands.", "fingerspell.cli.synth")) for name in asking)
    return "hands" if renders else _EXTRA_OF[module]


def main() -> None:
    """Run the command line; every error of ours ends with its exit code and no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show must not end the work
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except FingerspellError as error:
        console.show_error(error)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in _EXTRA_OF:
            raise
        console.show_error(MissingExtraError(module, _part(error, module)))
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        with suppress(OSError, ValueError):  # what is left in the buffer goes nowhere, and nothing complains at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:  # what no floor expected of a disk or a path; still no traceback
        place = f"{error.filename}: " if error.filename else ""
        remedy = "check the path, its permissions and the free space"
        console.show_error(FingerspellError(f"{place}{error.strerror or error}", remedy=remedy))
        sys.exit(FingerspellError.exit_code)


if __name__ == "__main__":
    main()
