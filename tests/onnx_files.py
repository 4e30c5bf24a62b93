"""Small ONNX files written by hand, for no package that writes them is installed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_INT, _INTS = 2, 7  # types of an attribute


def field(number: int, value: int | bytes | str) -> bytes:
    """One protobuf field: an integer, or bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    body = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def pooling_network(path: Path, shape: tuple[int | str, ...], *, axis: int) -> dict[str, Any]:
    """A network that answers the mean of its input over an axis, and the parameters that name it."""
    return reduced(path, shape, (axis,))


def channel_means(folder: Path, layout: str = "nchw", n: int | str = "n") -> dict[str, Any]:
    """A network that answers the mean of each channel of a picture of 16 x 16, and the parameters that name it."""
    shape, axes = ((n, 3, 16, 16), (2, 3)) if layout == "nchw" else ((n, 16, 16, 3), (1, 2))
    return {**reduced(folder / f"{layout}{n}.onnx", shape, axes), "layout": layout}


def reduced(
    path: Path, shape: Sequence[int | str], axes: Sequence[int], operator: str = "ReduceMean"
) -> dict[str, Any]:
    """A network that reduces its input over some axes, and the parameters that name it."""
    return several_outputs(path, shape, axes, [operator])


def several_outputs(
    path: Path, shape: Sequence[int | str], axes: Sequence[int], operators: Sequence[str]
) -> dict[str, Any]:
    """The same with an output for each of some operators, in their order."""
    chosen = field(1, "axes") + b"".join(field(8, axis) for axis in axes) + field(20, _INTS)
    keep = field(1, "keepdims") + field(3, 0) + field(20, _INT)
    left = [side for place, side in enumerate(shape) if place not in axes]
    names = [f"y{n}" for n in range(len(operators))]
    graph = b"".join(
        field(1, field(1, "x") + field(2, name) + field(4, operator) + field(5, chosen) + field(5, keep))
        for name, operator in zip(names, operators, strict=True)
    )
    graph += field(2, "g") + field(11, _tensor("x", shape)) + b"".join(field(12, _tensor(one, left)) for one in names)
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(2, 13)))
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def _tensor(name: str, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))
