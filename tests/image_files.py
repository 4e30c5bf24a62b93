"""Image files built byte by byte, for tests of what files give away; it shares nothing with the code tested."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageFilter

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
_SIZES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1}
XMP_HEADER, EXTENDED_HEADER = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"


class Placed(NamedTuple):
    """Bytes that lie somewhere in the structure, with a pointer to them as the value."""

    data: bytes


Field: TypeAlias = "tuple[int, int, bytes | Placed | list[Field]]"


def tiff(*chain: Sequence[Field], order: str = "<") -> bytes:
    """A TIFF structure of directories; a value that is a list is a directory of its own."""
    out = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))
    link = None
    for fields in chain:
        at = _put(out, fields, order)
        if link is not None:
            struct.pack_into(order + "I", out, link, at)
        link = at + 2 + 12 * len(fields)
    return bytes(out)


def _put(out: bytearray, fields: Sequence[Field], order: str) -> int:
    at = len(out)
    out.extend(struct.pack(order + "H", len(fields)) + bytes(12 * len(fields) + 4))
    for i, (tag, kind, value) in enumerate(fields):
        count = 1
        if isinstance(value, list):
            inline = struct.pack(order + "I", _put(out, value, order))
        elif isinstance(value, Placed):
            inline = struct.pack(order + "I", len(out))
            out.extend(value.data)
        else:
            count = len(value) // _SIZES[kind]
            inline = value
            if len(value) > 4:
                inline = struct.pack(order + "I", len(out))
                out.extend(value)
        struct.pack_into(order + "HHI4s", out, at + 2 + 12 * i, tag, kind, count, inline)
    return at


def rationals(*values: tuple[int, int], order: str = "<") -> bytes:
    return b"".join(struct.pack(order + "II", *value) for value in values)


def segment(marker: int, body: bytes) -> bytes:
    """A JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """Segments put behind the start of a JPEG file."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """Chunks put behind the header of a PNG file."""
    return png[:33] + b"".join(chunks) + png[33:]


def with_riff_chunk(webp: bytes, kind: bytes, body: bytes) -> bytes:
    """A chunk put at the end of a WebP file."""
    grown = webp + struct.pack("<4sI", kind, len(body)) + body + b"\0" * (len(body) % 2)
    return grown[:4] + struct.pack("<I", len(grown) - 8) + grown[8:]


def resource(identifier: int, body: bytes) -> bytes:
    """A Photoshop image resource."""
    return (
        b"8BIM"
        + struct.pack(">H", identifier)
        + b"\0\0"
        + struct.pack(">I", len(body))
        + body
        + b"\0" * (len(body) % 2)
    )


def dataset(record: int, number: int, value: bytes) -> bytes:
    """An IPTC-IIM data set."""
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


def encoded(image: np.ndarray, kind: str = "JPEG", *, quality: int = 90, **options: object) -> bytes:
    """The file of an image, by Pillow."""
    buffer = io.BytesIO()
    if kind == "JPEG":
        options["quality"] = quality
    if kind == "WEBP":
        options["lossless"] = True
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def scene(seed: int, height: int = 480, width: int = 640) -> np.ndarray:
    """A picture with detail at every size, as photographs have: octaves of smooth noise."""
    draw = np.random.default_rng([5, seed])
    field = np.zeros((height, width, 3))
    for octave in range(2, 8):
        small = draw.normal(0, 1, (3 * 2**octave // 4, 2**octave, 3)) * 0.62 ** (octave - 2)
        for k in range(3):
            plane = Image.fromarray(small[..., k].astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
            field[..., k] += np.asarray(plane)
    return np.clip(128 + 38 * field, 0, 255).astype(np.uint8)


def with_box(image: np.ndarray, how: str, share: float = 0.15) -> np.ndarray:
    """The picture edited within a box of that share of its area: ``mask``, ``swap``, ``pixelate`` or ``blur``."""
    height, width = image.shape[:2]
    h, w = round(height * share**0.5), round(width * share**0.5)
    top, left = (height - h) // 3, (width - w) // 2
    inside = Image.fromarray(image[top : top + h, left : left + w])
    if how == "swap":
        inside = Image.fromarray(scene(int(image[0, 0, 0]) + 1000, h, w))
    elif how == "mask":
        inside = Image.new("RGB", (w, h), (127, 127, 127))
    elif how == "pixelate":
        inside = inside.resize((8, 8), Image.Resampling.BOX).resize((w, h), Image.Resampling.NEAREST)
    else:
        inside = inside.filter(ImageFilter.GaussianBlur(w / 12))
    edited = image.copy()
    edited[top : top + h, left : left + w] = np.asarray(inside)
    return edited


def small(
    image: np.ndarray, size: tuple[int, int] = (160, 120), how: Image.Resampling = Image.Resampling.BICUBIC
) -> np.ndarray:
    """The picture at width x height, as a camera or program makes a thumbnail."""
    return np.asarray(Image.fromarray(image).resize(size, how))
