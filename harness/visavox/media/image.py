"""Images in and out: bytes to one array form, and back.

Inside Visavox an image is a uint8 array H x W x 3, RGB, sRGB transfer. Files come from strangers (a model under
test, a data set), so decoding is bounded: only six formats, size read from the header before a pixel is decoded.
"""

from __future__ import annotations

import io
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from visavox.core.errors import MediaError

Image: TypeAlias = npt.NDArray[np.uint8]
"""uint8 array H x W x 3, RGB, sRGB transfer, 0..255."""

FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
MAX_PIXELS: Final = 64_000_000
_HIGH_BYTE_MODES: Final = ("I;16", "I;16L", "I;16B", "I;16N")
_PLAIN_MODES: Final = ("1", "L", "P", "RGB", "CMYK", "YCbCr")
_ALPHA_MODES: Final = ("LA", "La", "PA", "RGBA", "RGBa")
_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}


def decode_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Image:
    """Decodes the bytes of an image file to an RGB array.

    Formats are JPEG, PNG, WebP, BMP, TIFF and GIF, known by content, not by name; of several frames the first.
    How each kind of pixel becomes RGB:

    - bilevel and grey: the value three times; palette: the palette's colour;
    - 16 bits a channel: the high byte;
    - alpha, or a transparent palette entry: composed over white;
    - CMYK: 255 * (1 - ink) * (1 - black), without an ink profile; embedded colour profiles are not applied;
    - an EXIF orientation is applied, so that up is up.

    Args:
        data: the whole file.
        max_pixels: width x height above which the file is refused unread.

    Returns:
        uint8 array, shape (height, width, 3).

    Raises:
        MediaError: if the bytes are no image of these formats, are truncated or damaged, have more than
            ``max_pixels`` pixels, or hold samples without a stated range (32-bit integers, floats, Lab, HSV).

    >>> decode_image(encode_png(np.full((2, 3, 3), 7, np.uint8))).shape
    (2, 3, 3)
    """
    try:
        with PillowImage.open(io.BytesIO(data), formats=FORMATS) as picture:
            _check_size(picture.size, max_pixels)
            picture.load()
            _check_size(picture.size, max_pixels)
            turn = _UPRIGHT.get(picture.getexif().get(_ORIENTATION_TAG, 1))
            rgb = _to_rgb(picture)
    except (MediaError, MemoryError):
        raise
    except (PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning) as error:
        raise _refused(f"more pixels than the limit of {max_pixels}: {error}") from error
    except UnidentifiedImageError as error:
        raise _refused(f"{len(data)} bytes that are none of {', '.join(FORMATS)}") from error
    except Exception as error:  # decoders of hostile bytes raise many kinds; each means the same here
        raise _refused(f"a truncated or damaged file: {type(error).__name__}: {error}") from error
    return np.array(rgb.transpose(turn) if turn is not None else rgb, dtype=np.uint8)


def encode_png(image: Image) -> bytes:
    """The PNG file of an image; the same image gives the same bytes, without metadata.

    Raises:
        MediaError: if the array is not an image (`check_image`).
    """
    buffer = io.BytesIO()
    PillowImage.fromarray(np.ascontiguousarray(check_image(image))).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def check_image(value: object) -> Image:
    """Gives back the very array if it is a uint8 RGB image of at least one pixel.

    Raises:
        MediaError: if it is not; the message names the type, shape or dtype that was found.
    """
    found = ""
    if not isinstance(value, np.ndarray):
        found = f"a {type(value).__name__}, not a numpy array"
    elif value.dtype != np.uint8:
        found = f"dtype {value.dtype}"
    elif value.ndim != 3 or value.shape[2] != 3:
        found = f"shape {value.shape}"
    elif value.size == 0:
        found = f"an empty array of shape {value.shape}"
    if found:
        raise MediaError("an image is a uint8 array H x W x 3, RGB", found=f"found {found}")
    checked: Image = value  # type: ignore[assignment]
    return checked


def is_blank(image: Image) -> bool:
    """Whether all pixels are equal.

    >>> is_blank(np.full((4, 4, 3), 9, np.uint8))
    True
    """
    return bool((image == image[0, 0]).all())


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise _refused(f"an image without pixels, {width} x {height}")
    if width * height > max_pixels:
        raise _refused(f"{width} x {height} pixels, more than the limit of {max_pixels}")


def _to_rgb(picture: PillowImage.Image) -> PillowImage.Image:
    mode = picture.mode
    if mode in _HIGH_BYTE_MODES or (mode == "I" and picture.format == "PNG"):  # older Pillow: 16-bit grey PNG is "I"
        high = (np.asarray(picture).astype(np.int64) >> 8).astype(np.uint8)
        return PillowImage.fromarray(high).convert("RGB")
    if mode in _ALPHA_MODES or (mode in _PLAIN_MODES and picture.has_transparency_data):
        front = picture.convert("RGBA")
        white = PillowImage.new("RGBA", front.size, (255, 255, 255, 255))
        return PillowImage.alpha_composite(white, front).convert("RGB")
    if mode in _PLAIN_MODES:
        return picture.convert("RGB")
    raise _refused(f"pixels of mode {mode}, whose range is not stated")


def _refused(found: str) -> MediaError:
    return MediaError("decode an image", found=f"found {found}", todo="give a whole JPEG, PNG, WebP, BMP, TIFF or GIF")
