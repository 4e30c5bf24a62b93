"""Whether an embedded thumbnail shows the edited or the unedited picture.

The output and the unedited source are brought to the thumbnail's size. Where they differ, the thumbnail is projected
on the line from the one to the other:

    t = <thumbnail - output, source - output> / ||source - output||^2

0 on the edited picture, 1 on the unedited one; pixels weigh by how much the two differ there.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from .image import Image

LONGEST: Final = 256
"""Pixels a thumbnail is compared at: finer detail hangs on how it was made smaller, not on what it shows."""
SMALLEST: Final = 16
SMOOTHING: Final = 4
TILE: Final = 8  # JPEG's block: errors within one hang together
_STANDARD_ERRORS: Final = 4.0
_LEAST_DIFFERENCE: Final = 4.0  # grey levels of output and source, root mean square over ...
_LEAST_SHARE: Final = 0.01  # ... this share of the picture
_LEAST_SPREAD: Final = 64.0  # variance of tiles below which a contrast cannot be fitted
_ALIKE: Final = 0.8
_UNLIKE: Final = 0.5
_PLAIN_DIFFERENCE: Final = 24.0
_PLAIN_SHARE: Final = 0.01

Pixels: TypeAlias = npt.NDArray[np.float64]


class ThumbnailVerdict(StrEnum):
    """What a thumbnail shows: the edited picture, the unedited one, neither of them, or nobody can tell."""

    EDITED = "edited"
    UNEDITED = "unedited"
    DIFFERS = "differs"
    UNDETERMINED = "undetermined"


def reduced(image: Image, longest: int = LONGEST) -> Image:
    """The image at most ``longest`` pixels long, by area averages."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return np.array(image)
    return _resized(image, max(1, round(height * scale)), max(1, round(width * scale)))


def thumbnail_shows(thumbnail: Image, output: Image, source: Image | None) -> ThumbnailVerdict:
    """Tells which picture a thumbnail was made from.

    Args:
        thumbnail: the embedded picture, of any size; the output's shape, perhaps with dark bars, or turned.
        output: the edited picture.
        source: the picture that went in, None where it is not known; then the verdict is never ``unedited``.
    """
    thumbnail = reduced(thumbnail)
    comparable = source if source is not None and _has_shape_of(source, output) else None
    view = _best_view(thumbnail, output, comparable)
    if view is None:
        shows_source = source is not None and _best_view(thumbnail, source, None) is not None
        return ThumbnailVerdict.DIFFERS if shows_source else ThumbnailVerdict.UNDETERMINED
    if view.source is not None and view.likeness >= _ALIKE:
        shown = _projected(view.thumbnail, view.output, view.source)
        if shown is not ThumbnailVerdict.UNDETERMINED:
            return shown
    plainly = view.likeness < _UNLIKE or _differs_plainly(view.thumbnail, view.output)
    return ThumbnailVerdict.DIFFERS if plainly else ThumbnailVerdict.UNDETERMINED


def _projected(thumbnail: Pixels, output: Pixels, source: Pixels) -> ThumbnailVerdict:
    """Edited or unedited by ``t``, if its standard error over tiles lets it be told from 1/2."""
    x, y, z = (_smoothed(pixels) for pixels in (thumbnail, output, source))
    x, z = _in_tone_of(x, y), _in_tone_of(z, y)
    difference = z - y
    along = _tile_sums(((x - y) * difference).sum(axis=2))
    length = _tile_sums((difference**2).sum(axis=2))
    total = float(length.sum())
    if total < _LEAST_SHARE * difference.size * _LEAST_DIFFERENCE**2:
        return ThumbnailVerdict.UNDETERMINED
    t = float(along.sum()) / total
    error = float(np.sqrt(((along - t * length) ** 2).sum())) / total
    if abs(t - 0.5) <= _STANDARD_ERRORS * error:
        return ThumbnailVerdict.UNDETERMINED
    return ThumbnailVerdict.UNEDITED if t > 0.5 else ThumbnailVerdict.EDITED


def _differs_plainly(thumbnail: Pixels, output: Pixels) -> bool:
    """Whether tiles stand out by more than another size, compression or tone can explain."""
    apart = np.abs(_tile_means(_in_tone_of(thumbnail, output) - output)).max(axis=2)
    return float((apart > _PLAIN_DIFFERENCE + 2 * np.median(apart)).mean()) >= _PLAIN_SHARE


# ---------------------------------------------------------------- one size, one tone
class _View(NamedTuple):
    """Thumbnail, output and source in one size; how much the thumbnail is like the more alike of the two, -1..1."""

    thumbnail: Pixels
    output: Pixels
    source: Pixels | None
    likeness: float


def _best_view(thumbnail: Image, output: Image, source: Image | None) -> _View | None:
    """The way to lay the pictures over each other that fits best.

    None if their shapes differ and nothing fits, or there is too little to see.
    """
    upright = _view(thumbnail, output, source) if _has_shape_of(thumbnail, output) else None
    if upright is not None and upright.likeness >= _ALIKE:
        return upright
    views = [view for turns in range(4) for view in _views(np.rot90(thumbnail, turns), output, source)]
    best = max((view for view in views if view is not None), key=lambda view: view.likeness, default=None)
    return best if best is not None and best.likeness >= _ALIKE else upright


def _views(thumbnail: Image, output: Image, source: Image | None) -> Iterator[_View | None]:
    """As the pictures lie; without bars around the thumbnail; the thumbnail being the pictures' middle."""
    yield _view(thumbnail, output, source)
    if not _has_shape_of(thumbnail, output):
        yield _view(_middle(thumbnail, output.shape), output, source)
        cut = None if source is None else _middle(source, thumbnail.shape)
        yield _view(thumbnail, _middle(output, thumbnail.shape), cut)


def _view(thumbnail: Image, output: Image, source: Image | None) -> _View | None:
    """All in the size of the smaller one; None if that is too small to see anything."""
    height, width = (min(p.shape[axis] for p in (thumbnail, output)) for axis in (0, 1))
    if min(height, width) < SMALLEST:
        return None
    x, y = (_resized(p, height, width).astype(np.float64) for p in (thumbnail, output))
    z = None if source is None else _resized(source, height, width).astype(np.float64)
    return _View(x, y, z, max(_likeness(x, p) for p in (y, z) if p is not None))


def _likeness(x: Pixels, y: Pixels) -> float:
    """Correlation of the two pictures' brightness; 1 where both are as good as even."""
    a, b = (p @ np.full(3, 1 / 3) - p.mean() for p in (x, y))
    spread = float(np.sqrt((a**2).mean() * (b**2).mean()))
    if spread < 1.0:
        return 1.0 if max(float(a.std()), float(b.std())) < 2.0 else 0.0
    return float((a * b).mean()) / spread


def _in_tone_of(x: Pixels, y: Pixels) -> Pixels:
    """``x`` with each channel's brightness and contrast brought to ``y``'s, by the half where they are most alike."""
    a, b = _tile_means(x), _tile_means(y)
    kept = np.ones(a.shape[:2], dtype=bool)
    gain, offset = np.ones(3), np.zeros(3)
    for _ in range(4):
        p, q = a[kept], b[kept]
        spread = p.var(axis=0)
        shared = ((p - p.mean(axis=0)) * (q - q.mean(axis=0))).mean(axis=0)
        gain = np.where(spread > _LEAST_SPREAD, np.clip(shared / np.maximum(spread, _LEAST_SPREAD), 0.5, 2.0), 1.0)
        offset = q.mean(axis=0) - gain * p.mean(axis=0)
        apart = np.abs(gain * a + offset - b).max(axis=2)
        kept = apart <= np.median(apart)
    toned: Pixels = gain * x + offset
    return toned


def _smoothed(pixels: Pixels) -> Pixels:
    """Means over squares of `SMOOTHING` pixels: finer detail hangs on how a thumbnail was made smaller."""
    sums = np.pad(pixels, ((1, 0), (1, 0), (0, 0))).cumsum(axis=0).cumsum(axis=1)
    far, near = slice(SMOOTHING, None), slice(None, -SMOOTHING)
    means: Pixels = (sums[far, far] - sums[near, far] - sums[far, near] + sums[near, near]) / SMOOTHING**2
    return means


def _has_shape_of(a: Image, b: Image) -> bool:
    """Whether the two have one aspect ratio, up to the rounding of the smaller one's sides."""
    small, large = sorted((a.shape[:2], b.shape[:2]))
    scale = large[0] / small[0], large[1] / small[1]
    return bool(abs(small[1] - large[1] / scale[0]) <= 1.5 or abs(small[0] - large[0] / scale[1]) <= 1.5)


def _middle(image: Image, shape: tuple[int, ...]) -> Image:
    """The largest middle part that has the aspect ratio of ``shape``."""
    height, width = image.shape[:2]
    inner_height = min(height, max(1, round(width * shape[0] / shape[1])))
    inner_width = min(width, max(1, round(height * shape[1] / shape[0])))
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    return image[top : top + inner_height, left : left + inner_width]


def _tile_sums(plane: Pixels) -> Pixels:
    rows, columns = (np.arange(0, size, TILE) for size in plane.shape[:2])
    sums: Pixels = np.add.reduceat(np.add.reduceat(plane, rows, axis=0), columns, axis=1)
    return sums


def _tile_means(pixels: Pixels) -> Pixels:
    means: Pixels = _tile_sums(pixels) / _tile_sums(np.ones((*pixels.shape[:2], 1)))
    return means


def _resized(image: Image, height: int, width: int) -> Image:
    return np.asarray(PillowImage.fromarray(image).resize((width, height), PillowImage.Resampling.BOX))
