"""Which picture a thumbnail shows: local edits, compression, sizes, bars, turns, and what nobody can tell."""

from __future__ import annotations

import image_files as files
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from visavox.media.image import decode_image
from visavox.media.thumbnails import ThumbnailVerdict, reduced, thumbnail_shows

SOURCE = files.scene(11, 240, 320)
EDITS = {how: files.with_box(SOURCE, how) for how in ("mask", "swap", "pixelate", "blur")}
UNEDITED, EDITED = ThumbnailVerdict.UNEDITED, ThumbnailVerdict.EDITED
DIFFERS, UNDETERMINED = ThumbnailVerdict.DIFFERS, ThumbnailVerdict.UNDETERMINED


def jpeg(image: np.ndarray, quality: int = 75) -> np.ndarray:
    return decode_image(files.encoded(image, quality=quality))


@pytest.mark.parametrize("how", EDITS)
@pytest.mark.parametrize("quality", [30, 60, 95])
def test_a_small_local_edit_is_told_apart_at_every_quality_and_kernel(how: str, quality: int) -> None:
    edited = EDITS[how]
    for kernel in Image.Resampling:
        old, new = (jpeg(files.small(p, how=kernel), quality) for p in (SOURCE, edited))
        assert thumbnail_shows(old, edited, SOURCE) is UNEDITED, kernel
        assert thumbnail_shows(new, edited, SOURCE) is EDITED, kernel
        # the roles exchanged, the answers are exchanged
        assert thumbnail_shows(old, SOURCE, edited) is EDITED, kernel


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(EDITS)), st.floats(0.04, 0.4), st.integers(30, 95))
def test_other_pictures_and_shares(seed: int, how: str, share: float, quality: int) -> None:
    source = files.scene(seed, 200, 280)
    edited = files.with_box(source, how, share)
    old, new = (jpeg(files.small(p, (140, 100)), quality) for p in (source, edited))
    assert thumbnail_shows(old, edited, source) is not EDITED
    assert thumbnail_shows(new, edited, source) is not UNEDITED
    if how in {"mask", "swap"}:
        assert thumbnail_shows(old, edited, source) is UNEDITED
        assert thumbnail_shows(new, edited, source) is EDITED


@pytest.mark.parametrize("how", EDITS)
def test_another_tone_changes_nothing(how: str) -> None:
    """Thumbnails come out of the camera's own pipeline: darker, softer in contrast, sharpened."""
    for gain, offset in ((0.85, 4), (1.15, -8), (1.0, 15)):
        old, new = (np.clip(files.small(p) * gain + offset, 0, 255).astype(np.uint8) for p in (SOURCE, EDITS[how]))
        assert thumbnail_shows(old, EDITS[how], SOURCE) is UNEDITED
        assert thumbnail_shows(new, EDITS[how], SOURCE) is EDITED


def test_where_the_two_differ_too_little_nobody_can_tell() -> None:
    thumbnail = jpeg(files.small(SOURCE))
    assert thumbnail_shows(thumbnail, SOURCE, SOURCE) is UNDETERMINED
    draw = np.random.default_rng(1)
    grain = np.clip(SOURCE + draw.normal(0, 3, SOURCE.shape), 0, 255).astype(np.uint8)
    assert thumbnail_shows(thumbnail, grain, SOURCE) is UNDETERMINED
    assert thumbnail_shows(jpeg(files.small(grain)), grain, SOURCE) is UNDETERMINED


@pytest.mark.parametrize("how", EDITS)
def test_bars_turns_and_sizes(how: str) -> None:
    for picture, verdict in ((SOURCE, UNEDITED), (EDITS[how], EDITED)):
        barred = np.zeros((160, 160, 3), np.uint8)
        barred[20:140] = files.small(picture)
        turned = np.ascontiguousarray(np.rot90(files.small(picture), 3))
        middle = files.small(np.ascontiguousarray(picture[:, 40:280]), (120, 120))
        larger = files.small(picture, (480, 360))
        for thumbnail in (barred, turned, middle, larger, picture):
            assert thumbnail_shows(jpeg(thumbnail), EDITS[how], SOURCE) is verdict


def test_without_the_source_only_what_plainly_is_not_the_output() -> None:
    for how in ("mask", "swap"):
        assert thumbnail_shows(jpeg(files.small(SOURCE)), EDITS[how], None) is DIFFERS
    for how, edited in EDITS.items():
        for quality in (30, 95):
            for kernel in Image.Resampling:
                own = jpeg(files.small(edited, how=kernel), quality)
                assert thumbnail_shows(own, edited, None) is UNDETERMINED, (how, quality, kernel)
    assert thumbnail_shows(files.small(files.scene(99, 240, 320)), SOURCE, None) is DIFFERS


def test_a_third_picture_is_neither() -> None:
    other = jpeg(files.small(files.scene(77, 240, 320)))
    for edited in EDITS.values():
        assert thumbnail_shows(other, edited, SOURCE) is DIFFERS


def test_a_cropped_output_keeps_the_thumbnail_of_the_whole_picture() -> None:
    """The output's frame is not the source's: no projection is possible, yet the thumbnail is not the output."""
    cropped = np.ascontiguousarray(SOURCE[:100, :100])
    assert thumbnail_shows(jpeg(files.small(SOURCE)), cropped, SOURCE) is DIFFERS
    assert thumbnail_shows(jpeg(files.small(SOURCE)), cropped, None) is UNDETERMINED


def test_degenerate_pictures() -> None:
    blank = np.full((240, 320, 3), 90, np.uint8)
    thumbnail = files.small(SOURCE)
    assert thumbnail_shows(thumbnail, blank, SOURCE) is UNEDITED
    assert thumbnail_shows(files.small(blank), blank, SOURCE) is EDITED
    assert thumbnail_shows(thumbnail, blank, None) is DIFFERS
    assert thumbnail_shows(files.small(blank), blank, None) is UNDETERMINED
    for shape in ((1, 1), (1, 900), (900, 1), (16, 5000), (15, 15)):
        odd = np.full((*shape, 3), 7, np.uint8)
        for a, b, c in ((odd, SOURCE, SOURCE), (thumbnail, odd, SOURCE), (thumbnail, SOURCE, odd), (odd, odd, odd)):
            assert thumbnail_shows(a, b, c) is not UNEDITED


@given(st.integers(1, 700), st.integers(1, 700))
@settings(max_examples=30, deadline=None)
def test_reduced_keeps_the_shape(height: int, width: int) -> None:
    image = np.full((height, width, 3), 50, np.uint8)
    out = reduced(image, 64)
    assert max(out.shape[:2]) <= 64
    if max(height, width) > 64:
        assert abs(out.shape[0] - max(1, 64 * height / max(height, width))) <= 0.5
    else:
        assert out.shape == image.shape
    assert (out == 50).all()
