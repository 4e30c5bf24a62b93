"""The three networks of MTCNN over facenet-pytorch's weight files, and non-maximum suppression.

Written out here because to import facenet-pytorch for them loads torchvision and torch's compiler: seconds for every
process of a run. Same operations, same order, same bits (`tests/oracle/test_mtcnn_networks.py`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .sources import import_package

_ROWS = 256  # of overlaps reckoned at once
Floats = npt.NDArray[np.float32]
Network = Callable[[Any], tuple[Any, ...]]
"""Normalised crops (n, 3, h, w) -> box moves, for ONet points as shares of the box, probabilities (no face, face)."""


class _Layers(NamedTuple):
    """Operations by the names under which the weight file keeps their weights."""

    torch: Any
    weights: Mapping[str, Any]

    def conv(self, x: Any, number: str) -> Any:
        found = self.torch.nn.functional.conv2d(
            x, self.weights[f"conv{number}.weight"], self.weights[f"conv{number}.bias"]
        )
        return self.prelu(found, number) if f"prelu{number}.weight" in self.weights else found

    def pool(self, x: Any, side: int) -> Any:
        return self.torch.nn.functional.max_pool2d(x, side, 2, ceil_mode=True)

    def flat(self, x: Any) -> Any:
        """Columns before rows, as the original Caffe networks were laid out."""
        return x.permute(0, 3, 2, 1).contiguous().view(x.shape[0], -1)

    def dense(self, x: Any, number: str) -> Any:
        weights = self.weights[f"dense{number}.weight"], self.weights[f"dense{number}.bias"]
        found = self.torch.nn.functional.linear(x, *weights)
        return self.prelu(found, number) if f"prelu{number}.weight" in self.weights else found

    def prelu(self, x: Any, number: str) -> Any:
        return self.torch.nn.functional.prelu(x, self.weights[f"prelu{number}.weight"])

    def softmax(self, x: Any) -> Any:
        return self.torch.nn.functional.softmax(x, dim=1)


def _pnet(layers: _Layers, x: Any) -> tuple[Any, ...]:
    x = layers.conv(layers.conv(layers.pool(layers.conv(x, "1"), 2), "2"), "3")
    return layers.conv(x, "4_2"), layers.softmax(layers.conv(x, "4_1"))


def _rnet(layers: _Layers, x: Any) -> tuple[Any, ...]:
    x = layers.pool(layers.conv(layers.pool(layers.conv(x, "1"), 3), "2"), 3)
    x = layers.dense(layers.flat(layers.conv(x, "3")), "4")
    return layers.dense(x, "5_2"), layers.softmax(layers.dense(x, "5_1"))


def _onet(layers: _Layers, x: Any) -> tuple[Any, ...]:
    x = layers.pool(layers.conv(layers.pool(layers.conv(x, "1"), 3), "2"), 3)
    x = layers.conv(layers.pool(layers.conv(x, "3"), 2), "4")
    x = layers.dense(layers.flat(x), "5")
    return layers.dense(x, "6_2"), layers.dense(x, "6_3"), layers.softmax(layers.dense(x, "6_1"))


_FORWARD = {"pnet": _pnet, "rnet": _rnet, "onet": _onet}
NAMES = tuple(_FORWARD)


def load_network(name: str, data: bytes, device: Any) -> Network:
    """The network ``pnet``, ``rnet`` or ``onet`` with the weights of facenet-pytorch's file."""
    torch = import_package("torch")
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    weights = {}
    for key, value in state.items():
        layout = torch.channels_last if value.ndim == 4 else torch.contiguous_format
        weights[key] = value.clone(memory_format=layout).to(device)  # out of the file's buffer: where it lies matters
    layers, forward = _Layers(torch, weights), _FORWARD[name]
    return lambda crops: forward(layers, crops)


def suppress(boxes: Floats, scores: Floats, limit: float) -> npt.NDArray[np.int64]:
    """Non-maximum suppression: boxes kept, best score first; the first of equals.

    A box goes if it overlaps one kept before it by more than the limit, as a share of both boxes' union; in float32,
    as torchvision reckons.

    Args:
        boxes: (n, 4) as x0, y0, x1, y1.
        scores: (n,).
    """
    order = np.argsort(-scores, kind="stable")
    x0, y0, x1, y1 = boxes[order].T
    area = (x1 - x0) * (y1 - y0)
    alive = np.ones(len(order), bool)
    kept = []
    for start in range(0, len(order), _ROWS):
        rows = slice(start, start + _ROWS)
        width = np.minimum(x1[rows, None], x1) - np.maximum(x0[rows, None], x0)
        height = np.minimum(y1[rows, None], y1) - np.maximum(y0[rows, None], y0)
        shared = np.maximum(width, np.float32(0)) * np.maximum(height, np.float32(0))
        with np.errstate(divide="ignore", invalid="ignore"):  # boxes without area, as torchvision: 0 / 0 keeps
            overlaps = (shared / (area[rows, None] + area - shared)).astype(np.float64) > limit
        for k, others in enumerate(overlaps, start):
            if alive[k]:
                kept.append(k)
                alive &= ~others
    return order[kept]
