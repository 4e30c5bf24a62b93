"""Operations on pixels: size, place, light, blur and noise.

Pixels are display values (sRGB), as every program that shares pictures handles them. Results are rounded to the
nearest of 0..255 and cut off there.

References:
    Jiang et al., DeeperForensics-1.0, CVPR 2020 (arXiv:2001.03024): ``saturation``, ``blocks``, ``chroma_noise``,
    ``kernel_blur``, ``downsample``.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from visavox.media.image import Image

Random = np.random.Generator
Floats = npt.NDArray[np.float64]

BLOCK_PX: Final = 8
BLOCK_GREY: Final = 128
BLOCKS_PER_PX: Final = 256
"""``blocks`` counts per picture whose shorter side has this many pixels; twice as many at twice the side."""
_LUMA: Final = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as JPEG has it
_STUDIO_RANGE: Final = np.array([255 / 219, 255 / 224, 255 / 224])  # BT.601: luma in 219 steps of 255, chroma in 224


def resize(image: Image, share: float, random: Random) -> Image:
    """The picture with each side brought to a share of its length (one pixel at least), bicubic, antialiased."""
    height, width = image.shape[:2]
    return resampled(image, max(round(width * share), 1), max(round(height * share), 1))


def fit_within(image: Image, longest_px: float, random: Random) -> Image:
    """The picture made smaller so that its longer side has at most this many pixels; smaller ones stay as they are."""
    longest = max(image.shape[:2])
    return resize(image, longest_px / longest, random) if longest > longest_px else image


def downsample(image: Image, divisor: float, random: Random) -> Image:
    """Each side divided by a whole number and brought back, bilinear, without antialiasing; size as before."""
    height, width = image.shape[:2]
    small = _bilinear(image.astype(np.float64), max(height // int(divisor), 1), max(width // int(divisor), 1))
    return _pixels(_bilinear(np.rint(small), height, width))


def crop(image: Image, share: float, random: Random) -> Image:
    """The middle of the picture, a share of each side; the result is that much smaller."""
    height, width = image.shape[:2]
    rows, columns = max(round(height * share), 1), max(round(width * share), 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.ascontiguousarray(image[top : top + rows, left : left + columns])


def rotate(image: Image, degrees: float, random: Random) -> Image:
    """The picture turned about its centre, counter-clockwise, bicubic; size as before, corners black."""
    turned = PillowImage.fromarray(image).rotate(degrees, PillowImage.Resampling.BICUBIC)
    return np.array(turned, np.uint8)


def brightness(image: Image, factor: float, random: Random) -> Image:
    """Every value times a factor."""
    return _pixels(image.astype(np.float64) * factor)


def contrast(image: Image, factor: float, random: Random) -> Image:
    """Every value's distance from the picture's mean luma times a factor."""
    mean = float((image.astype(np.float64) @ _LUMA).mean())
    return _pixels(mean + (image - mean) * factor)


def saturation(image: Image, factor: float, random: Random) -> Image:
    """Every pixel's chroma times a factor; 0 leaves its luma alone (DeeperForensics: colour saturation)."""
    luma = (image.astype(np.float64) @ _LUMA)[..., None]
    return _pixels(luma + (image - luma) * factor)


def blur(image: Image, sigma_px: float, random: Random) -> Image:
    """Gaussian blur, cut off at 4 sigma, mirrored at the border."""
    from scipy.ndimage import gaussian_filter

    return _pixels(gaussian_filter(image.astype(np.float64), (sigma_px, sigma_px, 0.0), mode="mirror"))


def kernel_blur(image: Image, kernel_px: float, random: Random) -> Image:
    """Gaussian blur with an odd kernel and sigma a sixth of it (DeeperForensics: Gaussian blur)."""
    from scipy.ndimage import gaussian_filter

    sigma, radius = kernel_px / 6, (int(kernel_px) - 1) // 2
    smooth = gaussian_filter(image.astype(np.float64), (sigma, sigma, 0.0), radius=(radius, radius, 0), mode="mirror")
    return _pixels(smooth)


def noise(image: Image, sigma: float, random: Random) -> Image:
    """White Gaussian noise on each value; sigma as a share of full scale. One seed gives one noise, scaled."""
    return _pixels(image + random.standard_normal(image.shape) * (255.0 * sigma))


def chroma_noise(image: Image, variance: float, random: Random) -> Image:
    """White Gaussian noise on Y, Cb and Cr in studio range, variance of full scale squared (DeeperForensics: noise)."""
    drawn = random.standard_normal(image.shape) * (255.0 * math.sqrt(variance) * _STUDIO_RANGE)
    luma, blue, red = np.moveaxis(drawn, -1, 0)
    green = -(0.344136 * blue + 0.714136 * red)
    return _pixels(image + np.stack([luma + 1.402 * red, luma + green, luma + 1.772 * blue], axis=-1))


def blocks(image: Image, count: float, random: Random) -> Image:
    """Grey blocks of 8 x 8 pixels at random places (DeeperForensics: block-wise).

    ``count`` is multiplied by how often 256 pixels fit into the shorter side. Departure: once at least, for the
    original leaves smaller pictures as they are. One seed gives one series of places, of which more or fewer are taken.
    """
    height, width = image.shape[:2]
    number = int(count) * max(min(height, width) // BLOCKS_PER_PX, 1)
    places = random.random((number, 2)) * (max(height - BLOCK_PX, 0) + 1, max(width - BLOCK_PX, 0) + 1)
    covered = image.copy()
    for top, left in places.astype(np.int64):
        covered[top : top + BLOCK_PX, left : left + BLOCK_PX] = BLOCK_GREY
    return covered


def _pixels(values: npt.NDArray[np.floating]) -> Image:
    rounded: Image = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def resampled(image: Image, width: int, height: int) -> Image:
    """The picture at another size, bicubic."""
    return np.array(PillowImage.fromarray(image).resize((width, height), PillowImage.Resampling.BICUBIC), np.uint8)


def _bilinear(values: Floats, height: int, width: int) -> Floats:
    """Values of shape (h, w, 3) between the four nearest pixel centres, clamped at the border."""
    for axis, size in enumerate((height, width)):
        length = values.shape[axis]
        place = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
        before = np.floor(place).astype(np.int64)
        share = (place - before).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        after = np.minimum(before + 1, length - 1)
        values = values.take(before, axis) * (1 - share) + values.take(after, axis) * share
    return values
