"""Decoding of honest and hostile image files."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as PillowImage

from visavox.core.errors import MediaError
from visavox.media.image import check_image, decode_image, encode_png, is_blank

COLOURS = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def _file(picture: PillowImage.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises width x height pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _png_chunk(b"IHDR", header)
        + _png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + _png_chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_give_the_very_pixels(kind: str) -> None:
    assert np.array_equal(decode_image(_file(PillowImage.fromarray(COLOURS), kind)), COLOURS)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_come_near(kind: str) -> None:
    smooth = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[:, None, None], (64, 64, 3))
    got = decode_image(_file(PillowImage.fromarray(np.ascontiguousarray(smooth)), kind, quality=95))
    assert np.abs(got.astype(int) - smooth).max() < 12


def test_gif_gives_its_first_frame() -> None:
    frames = [PillowImage.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    data = _file(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.array_equal(decode_image(data), np.broadcast_to(np.array([255, 0, 0], np.uint8), (4, 5, 3)))


def test_png_round_trip_is_exact_and_deterministic() -> None:
    data = encode_png(COLOURS)
    assert np.array_equal(decode_image(data), COLOURS)
    assert data == encode_png(COLOURS.copy()) == encode_png(np.asfortranarray(COLOURS))


def test_one_pixel() -> None:
    assert decode_image(_file(PillowImage.new("RGB", (1, 1), (1, 2, 3)), "PNG")).tolist() == [[[1, 2, 3]]]


def test_result_is_writable_and_contiguous() -> None:
    got = decode_image(encode_png(COLOURS))
    assert got.flags.writeable and got.flags.c_contiguous


@pytest.mark.parametrize(("kind", "value"), [("PNG", 0x1234), ("TIFF", 0xFE01)])
def test_16_bits_keep_the_high_byte(kind: str, value: int) -> None:
    grey = PillowImage.fromarray(np.full((3, 4), value, np.uint16))
    assert (decode_image(_file(grey, kind)) == value >> 8).all()


def test_16_bit_rgb_keeps_the_high_byte() -> None:
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + bytes([10, 255, 20, 255, 30, 255]))
    data = b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", pixels) + _png_chunk(b"IEND", b"")
    assert decode_image(data).tolist() == [[[10, 20, 30]]]


def test_grey_bilevel_and_palette() -> None:
    assert (decode_image(_file(PillowImage.new("L", (3, 3), 77), "PNG")) == 77).all()
    assert (decode_image(_file(PillowImage.new("1", (3, 3), 1), "PNG")) == 255).all()
    palette = PillowImage.new("P", (2, 1))
    palette.putpalette([9, 8, 7, 200, 100, 50])
    palette.putdata([0, 1])
    assert decode_image(_file(palette, "PNG")).tolist() == [[[9, 8, 7], [200, 100, 50]]]


def test_alpha_is_composed_over_white() -> None:
    half = PillowImage.new("RGBA", (2, 2), (0, 0, 0, 0))
    half.putpixel((1, 0), (10, 20, 30, 255))
    got = decode_image(_file(half, "PNG"))
    assert got[0].tolist() == [[255, 255, 255], [10, 20, 30]]
    palette = PillowImage.new("P", (2, 1))
    palette.putpalette([9, 8, 7, 200, 100, 50])
    palette.putdata([0, 1])
    assert decode_image(_file(palette, "PNG", transparency=0)).tolist() == [[[255, 255, 255], [200, 100, 50]]]


def test_cmyk_inks_subtract() -> None:
    cyan = decode_image(_file(PillowImage.new("CMYK", (16, 16), (255, 0, 0, 0)), "TIFF"))
    assert cyan[0, 0].tolist() == [0, 255, 255]
    black = decode_image(_file(PillowImage.new("CMYK", (16, 16), (0, 0, 0, 255)), "JPEG"))
    assert black.max() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :16] = (255, 0, 0)  # the first stored corner is red
    got = decode_image(_file(PillowImage.fromarray(stored), kind, exif=exif))
    # TIFF 6.0, tag 274: where the stored row 0 and column 0 stand in the shown image
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert got.shape == ((16, 32, 3) if orientation < 5 else (32, 16, 3))
    red = {(r, c): int(got[r, c, 0]) for r in (0, -1) for c in (0, -1)}
    assert max(red, key=lambda k: red[k]) == corner[orientation]


def test_orientations_of_one_corner_differ_by_their_axes() -> None:
    strip = np.arange(6, dtype=np.uint8).reshape(2, 3)
    stored = np.repeat(strip[:, :, None], 3, axis=2)
    expected = {
        1: strip, 2: strip[:, ::-1], 3: strip[::-1, ::-1], 4: strip[::-1],
        5: strip.T, 6: strip.T[:, ::-1], 7: strip.T[::-1, ::-1], 8: strip.T[::-1],
    }  # fmt: skip
    for orientation, grid in expected.items():
        exif = PillowImage.Exif()
        exif[0x0112] = orientation
        got = decode_image(_file(PillowImage.fromarray(stored), "PNG", exif=exif))
        assert np.array_equal(got[..., 0], grid), orientation


def test_a_header_of_too_many_pixels_is_refused_unread() -> None:
    for width, height in [(30_000, 30_000), (10_000, 9_000), (8_001, 8_000)]:
        with pytest.raises(MediaError, match="limit of 64000000"):
            decode_image(_bomb(width, height))
    with pytest.raises(MediaError, match="limit of 2399"):
        decode_image(encode_png(COLOURS), max_pixels=2399)
    assert decode_image(encode_png(COLOURS), max_pixels=2400).shape == (40, 60, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused(kind: str, share: float) -> None:
    data = _file(PillowImage.fromarray(COLOURS), kind)
    with pytest.raises(MediaError, match=r"truncated or damaged|none of"):
        decode_image(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"this is text in a file named portrait.jpg\n",
        b"\xff\xd8\xff",
        b"<svg xmlns='x'/>",
        b"%!PS-Adobe-3.0",
    ],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError, match=r"none of JPEG, PNG, WEBP, BMP, TIFF, GIF|truncated or damaged"):
        decode_image(data)


def test_other_formats_are_refused() -> None:
    for kind in ("PPM", "TGA", "ICO"):
        with pytest.raises(MediaError, match="none of"):
            decode_image(_file(PillowImage.fromarray(COLOURS), kind))


def test_samples_without_a_stated_range_are_refused() -> None:
    for array in (np.ones((3, 3), np.float32), np.ones((3, 3), np.int32)):
        with pytest.raises(MediaError, match="range is not stated"):
            decode_image(_file(PillowImage.fromarray(array), "TIFF"))


def test_damaged_bytes_never_raise_anything_else() -> None:
    rng = np.random.default_rng(5)
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"):
        data = bytearray(_file(PillowImage.fromarray(COLOURS), kind))
        for _ in range(60):
            broken = bytearray(data)
            for at in rng.integers(0, min(len(data), 200), 4):
                broken[at] = int(rng.integers(0, 256))
            try:
                got = decode_image(bytes(broken), max_pixels=1_000_000)
            except MediaError:
                continue
            assert check_image(got) is got


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ([[1]], "list"),
        (None, "NoneType"),
        (np.zeros((2, 2, 3), np.float32), "float32"),
        (np.zeros((2, 2), np.uint8), r"\(2, 2\)"),
        (np.zeros((2, 2, 4), np.uint8), r"\(2, 2, 4\)"),
        (np.zeros((3, 2, 2), np.uint8), r"\(3, 2, 2\)"),
        (np.zeros((0, 2, 3), np.uint8), "empty"),
    ],
)
def test_check_image_names_what_it_found(value: object, word: str) -> None:
    with pytest.raises(MediaError, match=word):
        check_image(value)


def test_is_blank_looks_at_every_channel_and_pixel() -> None:
    image = np.full((5, 6, 3), 40, np.uint8)
    image[..., 1] = 41
    assert is_blank(image)
    image[4, 5, 2] += 1
    assert not is_blank(image)
