"""What edits leave in the finest detail of a picture: co-occurrences of residuals, tile by tile, and block transforms.

A residual is what is left of a pixel once it is predicted from its neighbours: the picture itself is gone, how it was
made stays. An edit of the face changes a part of the picture only, wherever that is: figures are taken over 4 x 4
tiles, and their mean, spread and ends, and the middle against the border, describe the picture. No face is sought.

References:
    Pevný, Bas, Fridrich, Steganalysis by subtractive pixel adjacency matrix, IEEE TIFS 5 (2010);
    Fridrich, Kodovský, Rich models for steganalysis of digital images, IEEE TIFS 7 (2012): residuals, quantisation,
    truncation at 2, and the symmetries by which counts are joined;
    Frank et al., Leveraging frequency analysis for deep fake image recognition, ICML 2020 (block transforms).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from visavox.media.image import Image, is_blank
from visavox.ports.recogniser import FailureToAcquire

from .spectra import BANDS, image_spectrum

Floats = npt.NDArray[np.float64]
Plane = npt.NDArray[np.int16]

LEAST_SIDE_PX: Final = 64
TILES: Final = 4
"""Along each side."""
BLOCK: Final = 8
LUMA_STEPS: Final = {"first": 1, "second": 2, "third": 3, "square": 4}
"""Residuals of luma and the step each is quantised by: its centre's weight, as rich models have it."""
CHROMA_STEPS: Final = {"first": 1, "second": 2}
TRUNCATION: Final = 2
_LEVELS: Final = 2 * TRUNCATION + 1
_TRIPLES: Final = _LEVELS**3
NOTHING_DB: Final = -120.0
"""A spectrum's level where the middle of a picture is one flat colour."""
_FLOOR: Final = 0.05
# JPEG's luma and chroma (ITU-T T.871).
_TO_YCC: Final = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)


def image_residuals(image: Image) -> Floats | FailureToAcquire:
    """Features of a picture, float64, as many whatever its size; or why it has none: too small, or one flat colour."""
    height, width = image.shape[:2]
    if min(height, width) < LEAST_SIDE_PX:
        return FailureToAcquire(f"{width} x {height} px, under {LEAST_SIDE_PX}")
    if is_blank(image):
        return FailureToAcquire("all pixels are equal")
    luma, *chroma = planes(image)
    shares = [co_occurrences([luma], kind, step) for kind, step in LUMA_STEPS.items()]
    shares += [co_occurrences(chroma, kind, step) for kind, step in CHROMA_STEPS.items()]
    middle = np.ascontiguousarray(image[height // 4 : height - height // 4, width // 4 : width - width // 4])
    parts = [
        *_over_tiles(np.sqrt(np.concatenate(shares, axis=1)))[:3],
        *_over_tiles(energies(luma, *chroma)),
        *block_transforms(luma),
        _spectrum(image),
        _spectrum(middle),
    ]
    return np.concatenate(parts)


def planes(image: Image) -> tuple[Plane, Plane, Plane]:
    """Luma, blue and red difference, rounded, each of shape (height, width)."""
    values = np.rint(image.astype(np.float32) @ _TO_YCC.T).astype(np.int16)
    return values[..., 0].copy(), values[..., 1].copy(), values[..., 2].copy()


def residual(plane: Plane, kind: str) -> Plane:
    """What is left of each pixel: along rows a difference (``first``) and differences of it (``second``, ``third``);
    ``square``, of both directions at once: the second difference along rows of that along columns.
    """
    if kind == "square":
        return np.diff(np.diff(plane, 2, axis=0), 2, axis=1)
    return np.diff(plane, {"first": 1, "second": 2, "third": 3}[kind], axis=1)


def co_occurrences(channels: Sequence[Plane], kind: str, step: int) -> Floats:
    """Shares of triples of adjacent quantised residuals, along rows and along columns, shape (16, 39).

    Of each tile over all channels. Triples that are each other's mirror image, or opposite in sign, count as one.
    """
    counts = np.zeros((TILES * TILES, _TRIPLES))
    for plane in channels:
        for turned, tiles in ((plane, False), (np.ascontiguousarray(plane.T), True)):
            levels = quantised(residual(turned, kind), step)
            triples = levels[:, :-2] * np.uint8(_LEVELS**2) + levels[:, 1:-1] * np.uint8(_LEVELS) + levels[:, 2:]
            of_tile = _tile_numbers(turned.shape, triples.shape, tiles)
            counts += np.bincount((of_tile + triples).ravel(), minlength=counts.size).reshape(counts.shape)
    joined = counts @ _joined()
    return np.asarray(joined / joined.sum(axis=1, keepdims=True), np.float64)


def quantised(values: Plane, step: int) -> npt.NDArray[np.uint8]:
    """Levels 0 to 4 of residuals: divided by the step, rounded (halves to even), cut off at -2 and 2, plus 2."""
    first, second = (next(k for k in range(1, 4 * step) if round(k / step) >= level) for level in (1, 2))
    levels = (values >= first).view(np.uint8) + (values >= second).view(np.uint8)
    return levels + (values > -first).view(np.uint8) + (values > -second).view(np.uint8)


def energies(luma: Plane, blue: Plane, red: Plane) -> Floats:
    """Of each tile, shape (16, 11): logarithms of the planes' variances and of their differences' mean squares.

    First and second differences of luma at three sizes, each half of the one before, first ones of the other planes.
    """
    sizes = [luma.astype(np.float32)]
    for _ in range(2):
        sizes.append(_halved(sizes[-1]))
    others = [blue.astype(np.float32), red.astype(np.float32)]
    columns = [_tile_means(plane**2) - _tile_means(plane) ** 2 for plane in (sizes[0], *others)]
    columns += [_detail(plane, order) for plane in sizes for order in (1, 2)]
    columns += [_detail(plane, 1) for plane in others]
    return np.log(np.maximum(np.stack(columns, axis=1), 0.0) + _FLOOR)


def block_transforms(luma: Plane) -> tuple[Floats, Floats]:
    """Logarithms of mean magnitudes of 8 x 8 cosine transforms by frequency: of all blocks, and middle less border."""
    rows, columns = luma.shape[0] // BLOCK, luma.shape[1] // BLOCK
    blocks = luma[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).astype(np.float32)
    cosines = _cosines()
    found = np.abs(np.einsum("ui,ribj,vj->rbuv", cosines, blocks, cosines, optimize=True)).reshape(rows, columns, -1)
    found = found[..., 1:]  # without the mean
    inside = np.zeros((rows, columns), bool)
    inside[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4] = True
    whole, middle, border = (
        np.log(part.mean(axis=0, dtype=np.float64) + _FLOOR)
        for part in (found.reshape(-1, 63), found[inside], found[~inside])
    )
    return whole, middle - border


def _spectrum(image: Image) -> Floats:
    found = image_spectrum(image)
    return np.full(BANDS, NOTHING_DB) if isinstance(found, FailureToAcquire) else found


def _over_tiles(values: Floats) -> list[Floats]:
    """Mean, deviation, middle less border, largest and smallest over the tiles, (16, k) to five of (k,)."""
    grid = values.reshape(TILES, TILES, -1)
    middle = grid[1:-1, 1:-1].reshape(-1, grid.shape[2])
    border = (grid.sum(axis=(0, 1)) - middle.sum(axis=0)) / (TILES * TILES - len(middle))
    return [
        values.mean(axis=0),
        values.std(axis=0),
        middle.mean(axis=0) - border,
        values.max(axis=0),
        values.min(axis=0),
    ]


def _detail(layer: npt.NDArray[np.float32], order: int) -> Floats:
    """Mean square of differences of an order within each tile, along rows and along columns together, (16,)."""
    return _tile_means(np.diff(layer, order, axis=0) ** 2) + _tile_means(np.diff(layer, order, axis=1) ** 2)


def _tile_means(values: npt.NDArray[np.float32]) -> Floats:
    """Means within each tile, (16,); up to three last rows and columns are left out."""
    rows, columns = (side // TILES for side in values.shape)
    grid = values[: rows * TILES, : columns * TILES].reshape(TILES, rows, TILES, columns)
    return np.asarray(grid.sum(axis=1, dtype=np.float64).sum(axis=-1).ravel() / (rows * columns), np.float64)


def _halved(layer: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means of 2 x 2 pixels; an odd last row or column is left out."""
    even = layer[: layer.shape[0] // 2 * 2, : layer.shape[1] // 2 * 2]
    return np.float32(0.25) * (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2])


@lru_cache(maxsize=64)
def _tile_numbers(shape: tuple[int, int], part: tuple[int, int], is_turned: bool) -> npt.NDArray[np.int64]:
    """Where each triple is counted: its tile, by the pixel at its beginning, times the number of triples."""
    rows, columns = (np.arange(found) * TILES // side for found, side in zip(part, shape, strict=True))
    number = columns[None, :] * TILES + rows[:, None] if is_turned else rows[:, None] * TILES + columns[None, :]
    return number * _TRIPLES


@lru_cache(maxsize=1)
def _joined() -> Floats:
    """(125, 39): which triples count as one."""
    levels = np.arange(_TRIPLES)
    a, b, c = levels // _LEVELS**2, levels // _LEVELS % _LEVELS, levels % _LEVELS
    alike = []
    for first, last in ((a, c), (c, a)):
        number = (first * _LEVELS + b) * _LEVELS + last
        alike += [number, _TRIPLES - 1 - number]
    kinds = np.unique(np.min(alike, axis=0), return_inverse=True)[1]
    return np.eye(int(kinds.max()) + 1)[kinds]


@lru_cache(maxsize=1)
def _cosines() -> npt.NDArray[np.float32]:
    """The orthonormal cosine transform (DCT-II) of 8 values."""
    order, place = np.arange(BLOCK)[:, None], np.arange(BLOCK)[None, :]
    cosines = np.sqrt(2.0 / BLOCK) * np.cos(np.pi * order * (place + 0.5) / BLOCK)
    cosines[0] /= np.sqrt(2.0)
    return np.asarray(cosines, np.float32)
