"""dlib's face ResNet run by torch: the weights of dlib's own file, the same descriptors to 1e-6, an order faster.

dlib's network runs on one thread without a fast matrix product (about 105 ms a face); torch needs about a tenth and
takes a GPU. The file's form is dlib's serialisation: an integer is a byte with the number of bytes (bit 7: negative)
and these, low byte first; a tensor is its version, four sizes, and float32 little-endian.
The caller has checked the file's digest: the layers are found by their names, in their known order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.media.image import Image

from .sources import import_package

# (channels, how many residual blocks, whether the first halves the picture), from the input on
_LEVELS: Final = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
_MEAN_RGB: Final = np.array([122.782, 117.001, 104.298], np.float32)
_SCALE: Final = np.float32(1 / 256)
_BATCH: Final = {"cpu": 8, "cuda": 256}

Floats = npt.NDArray[np.float32]


class _Conv(NamedTuple):
    """Weights (out, in, k, k) and biases (out,), the affine layer behind the convolution folded in."""

    weights: Any
    biases: Any


class DlibResNet:
    """The network of ``dlib_face_recognition_resnet_model_v1.dat``.

    Args:
        data: the file.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, data: bytes, device: str) -> None:
        self._torch = import_package("torch")
        self._device = self._torch.device(device)
        reader = _Reader(data)
        self._stem = self._load(reader.convolution(32, 3, 7))
        self._blocks: list[tuple[_Conv, _Conv, bool]] = []
        before = 32
        for channels, count, halves in _LEVELS:
            for k in range(count):
                first = self._load(reader.convolution(channels, before, 3))
                second = self._load(reader.convolution(channels, channels, 3))
                self._blocks.append((first, second, halves and k == 0))
                before = channels
        self._last = self._torch.from_numpy(reader.linear(256, 128)).to(self._device)

    @property
    def batch(self) -> int:
        """How many faces go through the network at once."""
        return _BATCH[self._device.type]

    def describe(self, batches: Iterable[Image]) -> Floats:
        """Descriptors (n, 128), not normalised, of batches of aligned faces (k, 150, 150, 3)."""
        parts = [self._forward(chips) for chips in batches]
        return np.concatenate(parts) if parts else np.zeros((0, 128), np.float32)

    def _forward(self, chips: Image) -> Floats:
        torch = self._torch
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            descriptors: Floats = self.network(self.planes(chips)).cpu().numpy()
            return descriptors

    def planes(self, chips: Image) -> Any:
        """Aligned faces (k, 150, 150, 3) as the network takes them: scaled, (k, 3, 150, 150), on the device."""
        rows: Floats = chips.reshape(chips.shape[0] * chips.shape[1], -1).astype(np.float32)
        rows -= np.tile(_MEAN_RGB, chips.shape[2])  # a long row at a time: four times as fast as three channels
        rows *= float(_SCALE)
        return self._torch.from_numpy(rows.reshape(chips.shape)).to(self._device).permute(0, 3, 1, 2)

    def network(self, planes: Any) -> Any:
        """Descriptors (n, 128) of scaled faces (n, 3, 150, 150), both on the device."""
        net = self._torch.nn.functional
        x = net.max_pool2d(net.conv2d(planes, *self._stem, stride=2).relu_(), 3, 2)
        for first, second, halves in self._blocks:
            stride, padding = (2, 0) if halves else (1, 1)
            y = net.conv2d(x, *first, stride=stride, padding=padding).relu_()
            y = net.conv2d(y, *second, padding=1)
            x = _sum(net, y, net.avg_pool2d(x, 2) if halves else x).relu_()
        return x.mean((2, 3)) @ self._last

    def _load(self, layer: tuple[Floats, Floats]) -> _Conv:
        weights, biases = (self._torch.from_numpy(part).to(self._device) for part in layer)
        return _Conv(weights.to(memory_format=self._torch.channels_last), biases)


def _sum(net: Any, a: Any, b: Any) -> Any:
    """dlib's ``add_prev``: what one of the two lacks in channels, rows or columns counts as zero."""
    if a.shape == b.shape:
        return a + b
    sizes = [max(m, n) for m, n in zip(a.shape[1:], b.shape[1:], strict=True)]
    return sum(
        net.pad(t, (0, sizes[2] - t.shape[3], 0, sizes[1] - t.shape[2], 0, sizes[0] - t.shape[1])) for t in (a, b)
    )


class _Reader:
    """Reads one layer after another."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def convolution(self, channels: int, inputs: int, side: int) -> tuple[Floats, Floats]:
        self._seek(b"con_4")
        raw = self._tensor()
        weights, biases = raw[:-channels].reshape(channels, inputs, side, side), raw[-channels:]
        self._seek(b"affine_")
        gains, shifts = self._tensor().reshape(2, channels)
        return weights * gains[:, None, None, None], biases * gains + shifts

    def linear(self, inputs: int, outputs: int) -> Floats:
        self._seek(b"fc_2")
        self._integer(), self._integer()
        return self._tensor().reshape(inputs, outputs).copy()

    def _seek(self, name: bytes) -> None:
        mark = bytes([1, len(name)]) + name
        self._at = self._data.index(mark, self._at) + len(mark)

    def _integer(self) -> int:
        head = self._data[self._at]
        size = head & 0x0F
        value = int.from_bytes(self._data[self._at + 1 : self._at + 1 + size], "little")
        self._at += 1 + size
        return -value if head & 0x80 else value

    def _tensor(self) -> Floats:
        self._integer()  # the form's version, 2
        sizes = [self._integer() for _ in range(4)]
        count = int(np.prod(sizes))
        values = np.frombuffer(self._data, "<f4", count, self._at).astype(np.float32)
        self._at += 4 * count
        return values
