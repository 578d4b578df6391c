"""A network of a bundle, opened in ONNX Runtime: few threads, no spinning, and plain words where it cannot be run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fingerspell.core.errors import BundleError, MissingExtraError

_MOST_THREADS = 4  # more bring nothing to networks of this size


def open_session(
    model: bytes, inputs: list[str], outputs: list[str], *, threads: int | None, what: str, bundle: Path, remedy: str
) -> Any:
    """Open a network.

    Args:
        model: the content of the ONNX file.
        inputs, outputs: names that it must have.
        threads: for each run; by default as many as there are cores, at most 4.
        what: the network's name in errors, such as `model`.
        bundle: where it lies, for errors.
        remedy: what to do about a file that is none.

    Raises:
        BundleError: it cannot be run, or has other inputs and outputs.
        MissingExtraError: ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingExtraError("onnxruntime", "live") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or min(_MOST_THREADS, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised; the log would only repeat it
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the cores to others between photos
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        names = [item.name for item in session.get_inputs()], [item.name for item in session.get_outputs()]
    except Exception as error:  # ONNX Runtime's own errors share no base class but this
        raise BundleError(
            f"the {what} of {bundle} cannot be run: {str(error).splitlines()[0]}",
            expected=f"a {what} that this version of ONNX Runtime knows",
            remedy=f"update onnxruntime, or {remedy}",
        ) from error
    if names != (inputs, outputs):
        raise BundleError(
            f"the {what} of {bundle} has inputs and outputs {names}",
            expected=f"{', '.join(inputs)} → {', '.join(outputs)}",
            remedy=remedy,
        )
    return session
