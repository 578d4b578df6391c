"""The `fingerspell` command: its verbs, and the one place where errors become exit codes."""

from __future__ import annotations

import io
import os
import sys
import traceback
from contextlib import suppress

import typer

from fingerspell.cli import (
    about,
    adapt,
    camera,
    console,
    data,
    demo,
    evaluate,
    export,
    finder,
    import_keras,
    live,
    predict,
    reproduce,
    sheet,
    site,
    split,
    synth,
    train,
)
from fingerspell.core.errors import FingerspellError, MissingExtraError

app = typer.Typer(
    name="fingerspell",
    help="Photos of hand signs → a trained, honestly measured recogniser of the ASL alphabet.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
data.app.command("split")(split.split_command)
data.app.command("synth")(synth.synth_command)
data.app.command("sheet")(sheet.sheet_command)
app.add_typer(data.app, name="data")
app.command("train")(train.train_command)
app.command("evaluate")(evaluate.evaluate_command)
app.command("compare")(evaluate.compare_command)
app.command("export")(export.export_command)
app.command("adapt")(adapt.adapt_command)
app.command("predict")(predict.predict_command)
app.command("camera")(camera.camera_command)
app.command("live")(live.live_command)
app.add_typer(site.app, name="site")
app.add_typer(finder.app, name="finder")
app.command("reproduce")(reproduce.reproduce_command)
app.command("import-keras")(import_keras.import_keras_command)
app.command("demo")(demo.demo_command)
app.command("nets")(about.nets_command)
app.command("doctor")(about.doctor_command)

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
    "numba": "hands",
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
