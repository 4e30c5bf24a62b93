"""Whether an embedded thumbnail shows the edited or the unedited picture.

The output and the unedited source are brought to the thumbnail's size. Where they differ, the thumbnail is projected
on the line from the one to the other:

    t = <thumbnail - output, source - output> / ||source - output||^2

0 on the edited picture, 1 on the unedited one; pixels weigh by how much the two differ there.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from .image import Image

LONGEST: Final = 512
SMALLEST: Final = 16
TILE: Final = 8
_STANDARD_ERRORS: Final = 3.0
_LEAST_DIFFERENCE: Final = 1.0
_LEAST_SHARE: Final = 0.01
_UNCHANGED_WITHIN: Final = 2.0
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
    if min(thumbnail.shape[:2]) < SMALLEST:
        return ThumbnailVerdict.UNDETERMINED
    comparable = source if source is not None and _has_shape_of(source, output) else None
    view = _best_view(thumbnail, output, comparable)
    if view is None:
        shows_source = source is not None and _best_view(thumbnail, source, None) is not None
        return ThumbnailVerdict.DIFFERS if shows_source else ThumbnailVerdict.UNDETERMINED
    if view.source is not None:
        shown = _projected(view.thumbnail, view.output, view.source)
        if shown is not ThumbnailVerdict.UNDETERMINED:
            return shown
    plainly = view.likeness < _UNLIKE or _differs_plainly(view.thumbnail, view.output)
    return ThumbnailVerdict.DIFFERS if plainly else ThumbnailVerdict.UNDETERMINED


def _projected(thumbnail: Pixels, output: Pixels, source: Pixels) -> ThumbnailVerdict:
    """Edited or unedited by ``t``, if its standard error over tiles lets it be told from 1/2."""
    difference = source - output
    thumbnail = _in_tone_of(thumbnail, output, np.abs(difference).max(axis=2) <= _UNCHANGED_WITHIN)
    along = _tile_sums(((thumbnail - output) * difference).sum(axis=2))
    length = _tile_sums((difference**2).sum(axis=2))
    total = float(length.sum())
    if total < 3 * thumbnail.shape[0] * thumbnail.shape[1] * _LEAST_SHARE * _LEAST_DIFFERENCE**2:
        return ThumbnailVerdict.UNDETERMINED
    t = float(along.sum()) / total
    error = float(np.sqrt(((along - t * length) ** 2).sum())) / total
    if abs(t - 0.5) <= _STANDARD_ERRORS * error:
        return ThumbnailVerdict.UNDETERMINED
    return ThumbnailVerdict.UNEDITED if t > 0.5 else ThumbnailVerdict.EDITED


def _differs_plainly(thumbnail: Pixels, output: Pixels) -> bool:
    """Whether tiles stand out by more than another size, compression or tone can explain."""
    x, y = (_tile_means(pixels) for pixels in (thumbnail, output))
    kept = np.ones(x.shape[:2], dtype=bool)
    for _ in range(3):
        apart = np.abs(_in_tone_of(x, y, kept) - y).max(axis=2)
        kept = apart <= np.median(apart)
    return float((apart > _PLAIN_DIFFERENCE + 2 * np.median(apart)).mean()) >= _PLAIN_SHARE


# ---------------------------------------------------------------- one size, one tone
class _View(NamedTuple):
    """Thumbnail, output and source in one size; how much the thumbnail is like the more alike of the two, -1..1."""

    thumbnail: Pixels
    output: Pixels
    source: Pixels | None
    likeness: float


def _best_view(thumbnail: Image, output: Image, source: Image | None) -> _View | None:
    """The way to lay the pictures over each other that fits best; None if their shapes differ and nothing fits."""
    views = []
    for turns in range(4):
        turned = np.rot90(thumbnail, turns)
        if _has_shape_of(turned, output):
            views.append((turns == 0, _view(turned, output, source)))
            continue
        views += [(False, _view(inner, output, source)) for inner in (_without_bars(turned, output), turned)]
        views.append((False, _view(turned, *(_cropped(p, turned) for p in (output, source)))))
    upright = [view for is_upright, view in views if is_upright]
    best = max((view for _, view in views), key=lambda view: view.likeness)
    if upright and best.likeness < max(_ALIKE, upright[0].likeness + 0.1):
        best = upright[0]
    return best if upright or best.likeness >= _ALIKE else None


def _view(thumbnail: Image, output: Image | None, source: Image | None) -> _View:
    height, width = thumbnail.shape[:2]
    x = thumbnail.astype(np.float64)
    y, z = (None if p is None else _resized(p, height, width).astype(np.float64) for p in (output, source))
    assert y is not None
    return _View(x, y, z, max(_likeness(x, p) for p in (y, z) if p is not None))


def _likeness(x: Pixels, y: Pixels) -> float:
    """Correlation of the two pictures' brightness; 1 where both are as good as even."""
    a, b = (p.mean(axis=2) - p.mean() for p in (x, y))
    spread = float(np.sqrt((a**2).mean() * (b**2).mean()))
    if spread < _LEAST_DIFFERENCE:
        return 1.0 if max(float(a.std()), float(b.std())) < 2 * _LEAST_DIFFERENCE else 0.0
    return float((a * b).mean()) / spread


def _in_tone_of(x: Pixels, y: Pixels, where: npt.NDArray[np.bool_]) -> Pixels:
    """``x`` with each channel's brightness and contrast brought to ``y``'s, by the pixels ``where`` both are alike."""
    if where.mean() < 0.1:
        return x
    toned = np.empty_like(x)
    for channel in range(3):
        a, b = x[..., channel][where], y[..., channel][where]
        spread = float(a.var())
        gain = float(((a - a.mean()) * (b - b.mean())).mean()) / spread if spread > 64 else 1.0
        gain = min(max(gain, 0.5), 2.0)
        toned[..., channel] = (x[..., channel] - a.mean()) * gain + b.mean()
    return toned


def _has_shape_of(a: Image, b: Image) -> bool:
    """Whether the two have one aspect ratio, up to the rounding of the smaller one's sides."""
    small, large = sorted((a.shape[:2], b.shape[:2]))
    scale = large[0] / small[0], large[1] / small[1]
    return bool(abs(small[1] - large[1] / scale[0]) <= 1.5 or abs(small[0] - large[0] / scale[1]) <= 1.5)


def _without_bars(thumbnail: Image, picture: Image) -> Image:
    """The middle of the thumbnail, of the picture's shape: what is left and right, or above and below, are bars."""
    height, width = _fitting(picture.shape[0] / picture.shape[1], thumbnail)
    return _middle(thumbnail, height, width)


def _cropped(picture: Image | None, thumbnail: Image) -> Image | None:
    """The middle of the picture, of the thumbnail's shape."""
    if picture is None:
        return None
    height, width = _fitting(thumbnail.shape[0] / thumbnail.shape[1], picture)
    return _middle(picture, height, width)


def _fitting(height_per_width: float, around: Image) -> tuple[int, int]:
    height, width = around.shape[:2]
    return min(height, max(1, round(width * height_per_width))), min(width, max(1, round(height / height_per_width)))


def _middle(image: Image, height: int, width: int) -> Image:
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def _tile_sums(plane: Pixels) -> Pixels:
    rows, columns = (np.arange(0, size, TILE) for size in plane.shape[:2])
    return np.add.reduceat(np.add.reduceat(plane, rows, axis=0), columns, axis=1)


def _tile_means(pixels: Pixels) -> Pixels:
    return _tile_sums(pixels) / _tile_sums(np.ones_like(pixels))


def _resized(image: Image, height: int, width: int) -> Image:
    return np.asarray(PillowImage.fromarray(image).resize((width, height), PillowImage.Resampling.BOX))
