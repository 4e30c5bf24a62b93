"""The shared face detector: MTCNN (Zhang et al., IEEE SPL 2016) with the three networks of facenet-pytorch.

The cascade is our own, with the networks, thresholds and arithmetic of facenet-pytorch 2.5.3, whose boxes and points
it gives. What it does beyond: images of any sizes in one call; tiny images answered instead of a crash; every image
decided by itself, whatever stands beside it in the batch; all crops of an image averaged at once; and of several
faces the largest is chosen among those of confidence 0.9 or more (the most confident where none is).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.digest import sha256_file, sha256_json
from visavox.media.image import Image, check_image
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Region

from .mtcnn_networks import NAMES, Network, load_network, suppress
from .sources import file_of_package, import_package, read_pinned, require_packages

MIN_SIDE_PX = 24
_MIN_FACE_PX = 20  # the library's; from 2000 px on a hundredth of the longer side, so that work stays bounded
_PYRAMID = 0.709
_THRESHOLDS = (0.6, 0.7, 0.7)
_NMS = {"scale": 0.5, "image": 0.7, "last": 0.7}
_CHUNK_CUDA = 32  # images of one size; on the CPU one at a time, which costs nothing and makes batches irrelevant
_CROPS_AT_ONCE = 512
_SURE = 0.9  # a large box of confidence 0.8 beside a face of 1.0 is a shirt, not the larger face
_SETTINGS = {
    "rule": "largest of the sure faces, else the most confident",
    "sure": _SURE,
    "min_side_px": MIN_SIDE_PX,
    "min_face_px": _MIN_FACE_PX,
    "min_face_share": 0.01,
    "pyramid": _PYRAMID,
    "thresholds": list(_THRESHOLDS),
    "nms": _NMS,
}

Floats = npt.NDArray[np.float32]


class _Faces(NamedTuple):
    """Candidates of one image: boxes (n, 4), scores (n,), and after the last stage points (n, 5, 2)."""

    boxes: Floats
    scores: Floats
    points: Floats

    def pick(self, index: Any) -> _Faces:
        return _Faces(self.boxes[index], self.scores[index], self.points[index])


@lru_cache(maxsize=4)
def load_mtcnn(device: str) -> Mtcnn:
    """The detector on that device, the same one for all; its networks are loaded when it first locates.

    Raises:
        MissingDependencyError: if torch or facenet-pytorch is absent.
        WeightsError: if facenet-pytorch's wheel lacks a weight file.
    """
    return Mtcnn(device)


class Mtcnn:
    """MTCNN face detection; finds every face, gives the main one.

    Attributes:
        identity: ``mtcnn/`` and the SHA-256 over weights and settings.
    """

    def __init__(self, device: str) -> None:
        require_packages("torch")
        self._device_name = device
        self._chunk = 1 if device == "cpu" else _CHUNK_CUDA
        self._files = {name: file_of_package("facenet_pytorch", "data", f"{name}.pt") for name in NAMES}
        self._digests = {name: sha256_file(path) for name, path in self._files.items()}
        self.identity = f"mtcnn/{sha256_json({'weights': self._digests, 'settings': _SETTINGS})}"

    @cached_property
    def _torch(self) -> Any:
        return import_package("torch")

    @cached_property
    def _device(self) -> Any:
        return self._torch.device(self._device_name)

    @cached_property
    def _nets(self) -> dict[str, Network]:
        data = {name: read_pinned(path, self._digests[name]) for name, path in self._files.items()}
        return {name: load_network(name, data[name], self._device) for name in NAMES}

    def locate(self, media: Sequence[Media]) -> list[Region | FailureToAcquire]:
        """The main face of each image; same length, same order.

        Args:
            media: images of any sizes. Under 24 pixels on a side: failure to acquire.

        Returns:
            the largest face of confidence 0.9 or more, else the most confident one, or why there is none;
            ``n_found`` counts the faces of that kind. A box may reach beyond its image.

        Raises:
            MediaError: if one is not an image array.
        """
        images = [check_image(value) for value in media]
        answers: list[Region | FailureToAcquire] = [
            FailureToAcquire(f"an image under {MIN_SIDE_PX} px on a side") for _ in images
        ]
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            if min(image.shape[:2]) >= MIN_SIDE_PX:
                groups.setdefault(image.shape, []).append(index)
        for group in groups.values():
            for start in range(0, len(group), self._chunk):
                part = group[start : start + self._chunk]
                stack = np.stack([images[i] for i in part])
                for index, faces in zip(part, self._detect(stack), strict=True):
                    answers[index] = _main_face(faces, stack.shape[1:3])
        return answers

    def _detect(self, stack: Image) -> list[_Faces]:
        with self._exact():
            sums = _Sums(self._torch, stack, self._device)
            found = self._refine(self._propose(sums), sums, "rnet", 24)
            return self._refine(found, sums, "onet", 48)

    @contextmanager
    def _exact(self) -> Iterator[None]:
        """No gradients; on a GPU neither TF32 nor algorithms chosen by timing."""
        torch = self._torch
        with torch.inference_mode():
            if self._device.type == "cpu":
                yield
            else:
                with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
                    yield

    def _propose(self, sums: _Sums) -> list[_Faces]:
        """Stage 1: PNet over the pyramid; candidates of each image."""
        by_image: list[list[_Faces]] = [[] for _ in range(sums.n)]
        for scale in _scales(sums.height, sums.width):
            level = sums.resized(int(sums.height * scale + 1), int(sums.width * scale + 1))
            shifts, probabilities = self._nets["pnet"](_normalised(level))
            hits = (probabilities[:, 1] >= _THRESHOLDS[0]).nonzero()
            image, row, column = hits.unbind(1)
            scores = probabilities[image, 1, row, column].cpu().numpy()
            moves = shifts[image, :, row, column].cpu().numpy()
            where = hits.cpu().numpy()
            corner = where[:, :0:-1].astype(np.float32) * np.float32(2)
            boxes = np.concatenate([(corner + 1) / np.float32(scale), (corner + 12) / np.float32(scale)], axis=1)
            boxes = np.floor(boxes)
            for k in np.unique(where[:, 0]):
                of = where[:, 0] == k
                faces = _Faces(boxes[of], scores[of], moves[of][:, None])  # the moves ride along until merged
                by_image[k].append(faces.pick(suppress(faces.boxes, faces.scores, _NMS["scale"])))
        return [self._merge(levels) for levels in by_image]

    def _merge(self, levels: list[_Faces]) -> _Faces:
        """The candidates of all pyramid levels of one image, each once, moved and made square."""
        if not levels:
            return _nothing()
        faces = _Faces(*(np.concatenate(part) for part in zip(*levels, strict=True)))
        faces = faces.pick(suppress(faces.boxes, faces.scores, _NMS["image"]))
        moved = _moved(faces.boxes, faces.points[:, 0], grow=0)
        return _Faces(_squared(moved), faces.scores, np.zeros((len(moved), 5, 2), np.float32))

    def _refine(self, found: list[_Faces], sums: _Sums, name: str, size: int) -> list[_Faces]:
        """Stages 2 and 3: every candidate's crop through RNet or ONet."""
        windows = [_windows(faces.boxes, sums.height, sums.width) for faces in found]
        found = [faces.pick(usable) for faces, (_, usable) in zip(found, windows, strict=True)]
        index = np.repeat(np.arange(len(found)), [len(faces.boxes) for faces in found])
        if not len(index):
            return [_nothing() for _ in found]
        crops = np.concatenate([window[usable] for window, usable in windows])
        outputs = self._run(sums, index, crops, name, size)
        moves, scores = outputs[0], outputs[-1][:, 1]
        refined = []
        for k, faces in enumerate(found):
            of = np.flatnonzero(index == k)
            passed = scores[of] > _THRESHOLDS[1 if name == "rnet" else 2]
            of, boxes = of[passed], faces.boxes[passed]
            candidates = _Faces(boxes, scores[of], np.zeros((len(of), 5, 2), np.float32))
            if name == "rnet":
                keep = suppress(candidates.boxes, candidates.scores, _NMS["image"])
                moved = _squared(_moved(boxes[keep], moves[of[keep]], grow=1))
                refined.append(_Faces(moved, scores[of[keep]], candidates.points[keep]))
            else:
                points = _points(boxes, outputs[1][of])
                candidates = _Faces(_moved(boxes, moves[of], grow=1), scores[of], points)
                refined.append(candidates.pick(_suppress_contained(candidates, _NMS["last"])))
        return refined

    def _run(self, sums: _Sums, index: Any, crops: Any, name: str, size: int) -> list[Floats]:
        parts = []
        for start in range(0, len(index), _CROPS_AT_ONCE):
            piece = slice(start, start + _CROPS_AT_ONCE)
            parts.append(self._nets[name](_normalised(sums.cropped(index[piece], crops[piece], size))))
        return [self._torch.cat(values).cpu().numpy() for values in zip(*parts, strict=True)]


class _Sums:
    """Summed-area table of a stack of images: the mean of any rectangle in four look-ups, exact in integers."""

    def __init__(self, torch: Any, stack: Image, device: Any) -> None:
        self._torch, self._device = torch, device
        self.n, self.height, self.width = stack.shape[:3]
        kind = torch.int32 if self.height * self.width * 255 < 2**31 else torch.int64
        pixels = torch.from_numpy(stack).to(device)
        table = torch.zeros((self.n, self.height + 1, self.width + 1, 3), dtype=kind, device=device)
        table[:, 1:, 1:] = pixels.cumsum(1, dtype=kind).cumsum(2, dtype=kind)
        self._table = table

    def resized(self, height: int, width: int) -> Any:
        """The whole images averaged down, float (n, 3, height, width)."""
        top, bottom = _bins(np.zeros(1), np.full(1, self.height), height)
        left, right = _bins(np.zeros(1), np.full(1, self.width), width)
        rows = self._table[:, self._to(bottom[0])] - self._table[:, self._to(top[0])]
        sums = rows[:, :, self._to(right[0])] - rows[:, :, self._to(left[0])]
        area = (bottom - top)[0][:, None] * (right - left)[0]
        return (sums / self._to(area.astype(np.float32))[None, :, :, None]).permute(0, 3, 1, 2)

    def cropped(self, index: Any, windows: Any, size: int) -> Any:
        """Windows (n, 4) as x0, y0, x1, y1 of the images ``index``, averaged to float (n, 3, size, size)."""
        left, right = (a[:, None, :] for a in _bins(windows[:, 0], windows[:, 2], size))
        top, bottom = (a[:, :, None] for a in _bins(windows[:, 1], windows[:, 3], size))
        base, row = index[:, None, None] * (self.height + 1), self.width + 1
        flat = self._table.view(-1, 3)
        sums = (
            flat[self._to((base + bottom) * row + right)]
            - flat[self._to((base + top) * row + right)]
            - flat[self._to((base + bottom) * row + left)]
            + flat[self._to((base + top) * row + left)]
        )
        area = ((bottom - top) * (right - left)).astype(np.float32)
        return (sums / self._to(area)[..., None]).permute(0, 3, 1, 2)

    def _to(self, values: Any) -> Any:
        return self._torch.from_numpy(values).to(self._device)


def _bins(start: Any, end: Any, size: int) -> tuple[Any, Any]:
    """Bounds (n, size) of the cells that ``area`` interpolation averages between each start and end."""
    start, length = start.astype(np.int64)[:, None], (end - start).astype(np.int64)[:, None]
    cell = np.arange(size)
    return start + cell * length // size, start - (-(cell + 1) * length // size)


def _scales(height: int, width: int) -> list[float]:
    scale = 12.0 / max(_MIN_FACE_PX, max(height, width) / 100)
    shorter, scales = min(height, width) * scale, []
    while shorter >= 12:
        scales.append(scale)
        scale, shorter = scale * _PYRAMID, shorter * _PYRAMID
    return scales


def _normalised(pixels: Any) -> Any:
    return (pixels - 127.5) * 0.0078125


def _nothing() -> _Faces:
    return _Faces(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))


def _moved(boxes: Floats, moves: Floats, *, grow: int) -> Floats:
    sides = boxes[:, 2:] - boxes[:, :2] + np.float32(grow)
    moved: Floats = boxes + moves * np.concatenate([sides, sides], axis=1)
    return moved


def _squared(boxes: Floats) -> Floats:
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.max(axis=1, keepdims=True, initial=0)
    corner = boxes[:, :2] + sides * np.float32(0.5) - longer * np.float32(0.5)
    return np.concatenate([corner, corner + longer], axis=1)


def _windows(boxes: Floats, height: int, width: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Pixel windows x0, y0, x1, y1 of the boxes inside the image, and which of them have any pixel."""
    limit = np.float32(2**30)
    whole = np.trunc(np.clip(np.nan_to_num(boxes), -limit, limit)).astype(np.int64)
    windows = np.concatenate([np.maximum(whole[:, :2], 1) - 1, np.minimum(whole[:, 2:], [width, height])], axis=1)
    return windows, np.all(windows[:, 2:] > windows[:, :2], axis=1)


def _points(boxes: Floats, shares: Floats) -> Floats:
    """Five (x, y) from ONet's output: five shares of the width, then five of the height."""
    sides = boxes[:, 2:] - boxes[:, :2] + np.float32(1)
    points: Floats = shares.reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None] + boxes[:, None, :2] - np.float32(1)
    return points


def _suppress_contained(faces: _Faces, limit: float) -> list[int]:
    """Non-maximum suppression where overlap is measured against the smaller box, so that inner boxes go too."""
    boxes = faces.boxes.astype(np.float64)
    area = (boxes[:, 2:] - boxes[:, :2] + 1).prod(axis=1)
    kept: list[int] = []
    for k in np.argsort(faces.scores, kind="stable")[::-1]:  # of equals (two boxes, one crop) the last, as the library
        low, high = np.maximum(boxes[k, :2], boxes[kept, :2]), np.minimum(boxes[k, 2:], boxes[kept, 2:])
        shared = np.maximum(high - low + 1, 0).prod(axis=1)
        if (shared <= limit * np.minimum(area[k], area[kept])).all():
            kept.append(int(k))
    return kept


def _main_face(faces: _Faces, shape: tuple[int, ...]) -> Region | FailureToAcquire:
    sides = faces.boxes[:, 2:] - faces.boxes[:, :2]
    finite = np.isfinite(faces.boxes).all(axis=1) & np.isfinite(faces.points).all(axis=(1, 2))
    sane = finite & (sides >= 1).all(axis=1) & (sides <= 4 * max(shape)).all(axis=1)
    if not sane.any():
        return FailureToAcquire("no face found")
    sure = sane & (faces.scores >= _SURE)
    counted, rank = (sure, sides.prod(axis=1)) if sure.any() else (sane, faces.scores)
    best = int(np.argmax(np.where(counted, rank, -math.inf)))
    x0, y0, x1, y1 = (float(v) for v in faces.boxes[best])
    points = tuple((float(x), float(y)) for x, y in faces.points[best])
    confidence = min(max(float(faces.scores[best]), 0.0), 1.0)
    return Region((x0, y0, x1, y1), points, confidence, int(counted.sum()))
