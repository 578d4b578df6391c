"""Reading a file of Keras in a process of its own, which may hang, crash or run out of memory without harm to ours.

`keras_file` refuses what it can recognise. HDF5 itself was not written for hostile files, and a single wrong byte can
send it round for ever; so it works apart, with little time and memory. The two processes speak in lines of JSON and raw
numbers: nothing that comes back is ever more than data.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError, FingerspellError
from fingerspell.lab.keras_model.file import Kind, open_keras, shown

CPU_SECONDS = 30
"""What the other process may compute: a file of the largest size takes a third of it."""
WALL_SECONDS = 120
"""How long it may take on a busy machine, or where computing time cannot be limited."""
MEMORY = 4 * 2**30
"""Bytes it may address: the largest file, mapped and read at once, and what Python and HDF5 take."""
MAX_LINE = 8 * 2**20
"""Bytes of one line: the largest description, and the list of the largest number of arrays."""

_SERVE = "from fingerspell.lab.keras_model.apart import serve; serve()"
_TYPES = ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8")


@dataclass(frozen=True)
class ReadApart:
    """A file of Keras that another process holds open; attributes as `keras_file.KerasFile` has them.

    Attributes:
        path: of the file.
        kind: which kind of file it is.
        config: the model's description; None for weights alone.
        keras_version: that wrote it, or "".
        shapes: of all arrays by their path, as declared.
    """

    path: Path
    kind: Kind
    config: Mapping[str, Any] | None
    keras_version: str
    shapes: Mapping[str, tuple[int, ...]]
    process: subprocess.Popen[bytes]

    def read(self, path: str, shape: tuple[int, ...], what: str) -> NDArray[np.generic]:
        """One array, if it has this shape; see `keras_file.KerasFile.read`."""
        answer = _asked(self.path, self.process, {"path": path, "shape": shape, "what": what})
        if answer.get("dtype") not in _TYPES:
            raise _failed(self.path, self.process)
        dtype = np.dtype(answer["dtype"])
        data = _pipe(self.process.stdout).read(prod(shape) * dtype.itemsize)
        if len(data) != prod(shape) * dtype.itemsize:
            raise _failed(self.path, self.process)
        return np.frombuffer(data, dtype).reshape(shape)


@contextmanager
def open_apart(path: Path) -> Iterator[ReadApart]:
    """Open a file of Keras in another process, which ends with the block.

    Raises:
        DataError: as `keras_file.open_keras` does, or the other process failed.
    """
    command = [sys.executable, "-P", "-c", _SERVE, str(path)]  # -P: no module of the folder we stand in
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        watch = threading.Timer(WALL_SECONDS, process.kill)
        watch.daemon = True
        watch.start()
        try:
            told = _asked(path, process, None)
            try:
                shapes = {name: tuple(shape) for name, shape in told["shapes"].items()}
                opened = ReadApart(path, told["kind"], told["config"], told["keras_version"], shapes, process)
            except (KeyError, TypeError, AttributeError) as error:
                raise _failed(path, process) from error
            yield opened
        finally:
            watch.cancel()
            process.kill()
            with suppress(OSError):  # what was not sent is not wanted any more
                _pipe(process.stdin).close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise DataError("the process that reads the file has no pipe")
    return stream


def _asked(path: Path, process: subprocess.Popen[bytes], request: Mapping[str, Any] | None) -> dict[str, Any]:
    """Send a request, if there is one, and take the answer; raises what the other process found wrong."""
    try:
        if request is not None:
            _pipe(process.stdin).write(json.dumps(request).encode() + b"\n")
            _pipe(process.stdin).flush()
        line = _pipe(process.stdout).readline(MAX_LINE)
        answer = json.loads(line)
        error = answer.get("error")
    except (OSError, ValueError, RecursionError, AttributeError) as failure:
        raise _failed(path, process) from failure
    if error is not None:
        raise DataError(*(str(part) for part in error[:1]), expected=str(error[1]), remedy=str(error[2]))
    return dict(answer)


def _failed(path: Path, process: subprocess.Popen[bytes]) -> DataError:
    process.kill()
    return DataError(
        f"{shown(path.name)} cannot be read: HDF5 failed in it, or took longer or more memory than any model needs",
        expected="a whole .keras or .h5 file as Keras writes it",
        remedy="it is damaged, or was made to do harm; save it again from Keras",
    )


def serve() -> None:
    """The other process: describe the file named in `sys.argv`, then give the arrays that are asked for."""
    _limit()
    try:
        with open_keras(Path(sys.argv[1])) as file:
            told = {"kind": file.kind, "config": file.config, "keras_version": file.keras_version}
            _say({**told, "shapes": file.shapes})
            for line in sys.stdin.buffer:
                request = json.loads(line)
                try:
                    values = file.read(request["path"], tuple(request["shape"]), request["what"])
                except FingerspellError as error:
                    _say({"error": [error.found, error.expected, error.remedy]})
                    continue
                _say({"dtype": values.dtype.str})
                sys.stdout.buffer.write(np.ascontiguousarray(values).data)
                sys.stdout.buffer.flush()
    except FingerspellError as error:
        _say({"error": [error.found, error.expected, error.remedy]})


def _say(answer: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


def _limit() -> None:
    """Little time and memory, where the system can limit them."""
    try:
        import resource
    except ImportError:  # not on this system: the parent's clock remains
        return
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    with suppress(ValueError, OSError):  # a system may allow less already
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
