"""Look into an ONNX file without the onnx package: is it one, does it keep its weights inside, and what are they?

An ONNX file may name other files to read weights from, by any path. A bundle is a folder that people hand on, so
such references are refused before ONNX Runtime sees the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import BundleError

# Protocol Buffers: for each message the fields (by number) that lead to a TensorProto, and the message there.
_WAYS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_MODEL_GRAPH = 7
_GRAPH_TENSOR = 5  # GraphProto: an initialiser
_DIMENSIONS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9  # TensorProto
_FLOAT = 1
_EXTERNAL_DATA = 13  # TensorProto: where else the data lies
_DATA_LOCATION = 14  # TensorProto: 0 inside, 1 elsewhere
_MAX_DEPTH = 32


def require_self_contained(data: bytes, name: str = "model.onnx") -> None:
    """Refuse an ONNX file that is damaged or reads its weights from elsewhere.

    Args:
        data: the file's content.
        name: what messages call it.

    Raises:
        BundleError: not an ONNX model, cut short, or with references to other files.
    """
    try:
        if all(number != _MODEL_GRAPH for number, _ in _fields(memoryview(data))):
            raise ValueError("it has no graph")
        external = _refers_elsewhere(memoryview(data), "model", 0)
    except (ValueError, IndexError) as error:
        raise BundleError(
            f"{name} is not a whole ONNX model: {error}",
            expected="the file that 'fingerspell export' wrote",
            remedy="copy the bundle again, or export it again",
        ) from error
    if external:
        raise BundleError(
            f"{name} reads weights from other files",
            expected="one file with its weights inside",
            remedy="do not use it unless you made it; export it again",
        )


def read_initialiser(data: bytes, name: str) -> NDArray[np.float32] | None:
    """Weights that an ONNX file holds under a name.

    Args:
        data: the file's content; it has passed `require_self_contained`.
        name: of the initialiser.

    Returns:
        A copy, float32, in the initialiser's shape; None where there is no such initialiser, or not of float32 in
        the file's raw form.
    """
    found = _raw_floats(memoryview(data), name)
    if found is None:
        return None
    shape, raw = found
    return np.frombuffer(raw, dtype="<f4").reshape(shape).astype(np.float32)


def replace_initialisers(data: bytes, weights: Mapping[str, NDArray[np.float32]]) -> bytes:
    """The same ONNX file with other weights; nothing else of it changes, not even its length.

    Args:
        data: the file's content; it has passed `require_self_contained`.
        weights: by name of the initialiser, each in the shape that is there.

    Raises:
        BundleError: the file has no such initialiser.
        ValueError: weights of another shape, or that are not finite.
    """
    content = bytearray(data)
    for name, values in weights.items():
        found = _raw_floats(memoryview(content), name)
        if found is None:
            raise BundleError(
                f"model.onnx has no weights named {name!r}",
                expected="a bundle of format 2",
                remedy="make the bundle again with 'fingerspell export'",
            )
        shape, raw = found
        if values.shape != shape or not np.isfinite(values).all():
            raise ValueError(f"{name} takes finite numbers of the shape {shape}, not {values.shape}")
        raw[:] = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return bytes(content)


def _raw_floats(model: memoryview, name: str) -> tuple[tuple[int, ...], memoryview] | None:
    """Shape and bytes, within the file, of the float32 initialiser of that name."""
    for number, graph in _fields(model):
        if number != _MODEL_GRAPH or not isinstance(graph, memoryview):
            continue
        for kind, tensor in _fields(graph):
            if kind == _GRAPH_TENSOR and isinstance(tensor, memoryview):
                fields = list(_fields(tensor))
                if any(
                    field == _NAME and isinstance(value, memoryview) and value == name.encode()
                    for field, value in fields
                ):
                    return _floats_of(fields)
    return None


def _floats_of(fields: list[tuple[int, memoryview | int]]) -> tuple[tuple[int, ...], memoryview] | None:
    shape: list[int] = []
    for number, value in fields:
        if number == _DIMENSIONS:
            shape += [value] if isinstance(value, int) else _packed(value)
    raw = next((value for number, value in fields if number == _RAW_DATA), None)
    count = 1
    for side in shape:  # Python's own numbers: a product of int64 could overflow to the right length
        count *= side
    if (_DATA_TYPE, _FLOAT) not in fields or not isinstance(raw, memoryview) or len(raw) != 4 * count:
        return None
    return tuple(shape), raw


def _packed(values: memoryview) -> list[int]:
    numbers, at = [], 0
    while at < len(values):
        number, at = _varint(values, at)
        numbers.append(number)
    return numbers


def _refers_elsewhere(message: memoryview, kind: str, depth: int) -> bool:
    if depth > _MAX_DEPTH:
        raise ValueError("it is nested too deep")
    if kind == "tensor":
        return any(n == _EXTERNAL_DATA or (n == _DATA_LOCATION and value != 0) for n, value in _fields(message))
    ways = _WAYS[kind]
    for number, value in _fields(message):
        way = ways.get(number)
        if way and isinstance(value, memoryview) and _refers_elsewhere(value, way, depth + 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """(field number, value) of one message; numbers of fixed width are passed over."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
        elif wire == 2:
            size, at = _varint(message, at)
            if at + size > end:
                raise ValueError("it is cut short")
            yield number, message[at : at + size]
            at += size
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise ValueError("its content is not ONNX")
    if at > end:
        raise ValueError("it is cut short")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    if at < len(message) and message[at] < 0x80:  # nearly all of them
        return message[at], at + 1
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("it is cut short")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("its content is not ONNX")
