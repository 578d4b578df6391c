"""Look into an ONNX file without the onnx package: is it one, and does it keep its weights inside?

An ONNX file may name other files to read weights from, by any path. A bundle is a folder that people hand on, so
such references are refused before ONNX Runtime sees the file.
"""

from __future__ import annotations

from collections.abc import Iterator

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
_EXTERNAL_DATA = 13  # TensorProto: where else the data lies
_DATA_LOCATION = 14  # TensorProto: 0 inside, 1 elsewhere
_MAX_DEPTH = 32


def require_self_contained(data: bytes) -> None:
    """Refuse an ONNX file that is damaged or reads its weights from elsewhere.

    Raises:
        BundleError: not an ONNX model, cut short, or with references to other files.
    """
    try:
        if all(number != _MODEL_GRAPH for number, _ in _fields(memoryview(data))):
            raise ValueError("it has no graph")
        external = _refers_elsewhere(memoryview(data), "model", 0)
    except (ValueError, IndexError) as error:
        raise BundleError(
            f"model.onnx is not a whole ONNX model: {error}",
            expected="the file that 'fingerspell export' wrote",
            remedy="copy the bundle again, or export it again",
        ) from error
    if external:
        raise BundleError(
            "model.onnx reads weights from other files",
            expected="one file with its weights inside",
            remedy="do not use it unless you made it; export it again",
        )


def _refers_elsewhere(message: memoryview, kind: str, depth: int) -> bool:
    if depth > _MAX_DEPTH:
        raise ValueError("it is nested too deep")
    for number, value in _fields(message):
        if kind == "tensor":
            if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0):
                return True
            continue
        way = _WAYS[kind].get(number)
        if way and isinstance(value, memoryview) and _refers_elsewhere(value, way, depth + 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """(field number, value) of one message; numbers of fixed width are passed over."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
        elif wire == 2:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ValueError("it is cut short")
            yield number, message[at : at + size]
            at += size
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise ValueError("its content is not ONNX")
    if at > len(message):
        raise ValueError("it is cut short")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
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
