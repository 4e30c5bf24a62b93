"""Format cues and their instrument: PNG against JPEG is caught, an edit of the face alone is not taken for a format."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from kit_sounds import speakers
from PIL import Image as PillowImage
from scipy.fft import dctn

from visavox.adapters.editors.baselines.pixelate import mosaic
from visavox.core.acquisition import FailureToAcquire
from visavox.core.seeding import generator
from visavox.core.terms import InstrumentState, Modality, Verdict
from visavox.media.audio import Audio
from visavox.media.common_path import common_path
from visavox.media.format_cues import CUES, format_cues
from visavox.media.image import Image, decode_image
from visavox.media.perturbations import pixels, sound_codecs, waveforms
from visavox_assessments.detectability.format_cues import cue_auc, format_cue_instrument

SETS = Path(__file__).parents[2] / "datasets" / "visavox_datasets" / "sets"
FACE, VOICE = Modality.FACE, Modality.VOICE
PEOPLE = np.repeat(np.arange(40), 2)
RED, GREEN = InstrumentState.RED, InstrumentState.GREEN


def cues(media: Sequence[Image | Audio], modality: Modality) -> np.ndarray:
    found = [format_cues(common_path(medium, modality), modality) for medium in media]
    assert not [one for one in found if isinstance(one, FailureToAcquire)]
    return np.array(found)


def jpeg(image: Image, quality: int) -> Image:
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, format="JPEG", quality=quality)
    return decode_image(buffer.getvalue())


def changed(image: Image, change: Callable[[Image], Image]) -> Image:
    """The middle of a picture changed, where the face lies."""
    height, width = image.shape[:2]
    part = np.s_[height // 5 : 4 * height // 5, width // 5 : 4 * width // 5]
    whole = image.copy()
    whole[part] = change(np.ascontiguousarray(image[part]))
    return whole


@pytest.fixture(scope="module")
def pictures() -> list[Image]:
    """Synthetic people as PNG would hold them: made smaller, so that no trace of their own files is left."""
    files = [SETS / "people-100" / f"{person:04d}-{k % 2}.jpg" for k, person in enumerate(PEOPLE)]
    whole = [PillowImage.fromarray(decode_image(file.read_bytes())) for file in files]
    return [np.asarray(one.resize((160, 160), PillowImage.Resampling.BICUBIC)).copy() for one in whole]


@pytest.fixture(scope="module")
def of_png(pictures: list[Image]) -> np.ndarray:
    return cues(pictures, FACE)


# ---------------------------------------------------------------- cues
def test_cues_are_named_finite_and_of_one_number(of_png: np.ndarray) -> None:
    assert of_png.shape == (80, len(CUES[FACE])) and np.isfinite(of_png).all()
    assert len(set(CUES[FACE])) == len(CUES[FACE]) and len(set(CUES[VOICE])) == len(CUES[VOICE])
    flat = format_cues(np.full((64, 64, 3), 7, np.uint8), FACE)
    assert isinstance(flat, np.ndarray) and np.isfinite(flat).all()


def test_zero_shares_are_those_of_block_transforms(pictures: list[Image]) -> None:
    image = pictures[0]
    found = dict(zip(CUES[FACE], np.asarray(format_cues(image, FACE)), strict=True))
    luma = np.rint(image @ np.array([0.299, 0.587, 0.114]))
    zeros, number = [], 0
    for top in range(0, 160, 8):
        for left in range(0, 160, 8):
            if left + 8 <= 20 or left >= 140:  # an eighth of 160 px is 20
                block = dctn(luma[top : top + 8, left : left + 8], norm="ortho")
                zeros += [abs(block[u, v]) < 0.51 for u in range(8) for v in range(8) if u + v in (3, 4)]
                number += 1
    assert number == 20 * 4
    assert found["luma zeros 3-4"] == pytest.approx(np.mean(zeros))


def test_an_edit_of_the_middle_changes_no_cue_of_the_border(pictures: list[Image]) -> None:
    before = np.asarray(format_cues(pictures[1], FACE))
    after = np.asarray(format_cues(changed(pictures[1], np.zeros_like), FACE))
    assert np.array_equal(before, after)


def test_a_face_that_fills_the_height_of_a_close_picture_may_be_edited(pictures: list[Image]) -> None:
    edited = pictures[1].copy()
    edited[:, 24:-24] = mosaic(edited[:, 24:-24], 8)
    assert np.array_equal(format_cues(pictures[1], FACE), format_cues(edited, FACE))


def test_a_coarse_step_a_band_and_a_grid_are_seen() -> None:
    rng = generator(4, "cues")
    shaped = rng.standard_normal(32_000) * np.repeat(rng.uniform(0.2, 1.0, 320), 100)
    audio = Audio((0.1 * shaped).astype(np.float32), 16_000)
    names = CUES[VOICE]
    plain = dict(zip(names, np.asarray(format_cues(common_path(audio, VOICE), VOICE)), strict=True))
    coarse = waveforms.quantise(audio, 7, rng)
    narrow = waveforms.resample(audio, 10_000, rng)
    stepped = dict(zip(names, np.asarray(format_cues(common_path(coarse, VOICE), VOICE)), strict=True))
    banded = dict(zip(names, np.asarray(format_cues(common_path(narrow, VOICE), VOICE)), strict=True))
    assert plain["steps of samples"] < 0.02 < 0.5 < stepped["steps of samples"]
    assert plain["spectral edge"] == 1.0 and 0.6 < banded["spectral edge"] < 0.75
    assert plain["steepest fall above 3.4 kHz"] == 0.0 < 12 <= banded["steepest fall above 3.4 kHz"]
    assert plain["digital silence"] == 0.0


def test_what_has_no_cues_says_why() -> None:
    assert format_cues(np.zeros((63, 90, 3), np.uint8), FACE) == FailureToAcquire("90 x 63 px, under 64")
    assert format_cues(Audio(np.zeros(16_000, np.float32), 16_000), VOICE) == FailureToAcquire("the sound is silent")
    short = Audio(np.sin(np.arange(4_000, dtype=np.float32)), 16_000)
    assert format_cues(short, VOICE) == FailureToAcquire("0.25 s, under 0.5 s")


# ---------------------------------------------------------------- the instrument
@pytest.mark.parametrize(("quality", "least"), [(75, 0.99), (85, 0.99), (90, 0.99)])
def test_png_bona_fide_media_and_jpeg_fakes_are_caught(
    pictures: list[Image], of_png: np.ndarray, quality: int, least: float
) -> None:
    fakes = cues([jpeg(one, quality) for one in pictures], FACE)
    found = format_cue_instrument(of_png, fakes, PEOPLE, PEOPLE, modality=FACE)
    assert found.state is RED and found.value is not None and found.value > least, found
    assert found.protects is Verdict.PASS and "read the format" in found.reason and "AUC of" in found.detectable


def test_jpeg_of_the_path_s_own_quality_leaves_little(pictures: list[Image], of_png: np.ndarray) -> None:
    found = cue_auc(of_png, cues([jpeg(one, 95) for one in pictures], FACE), PEOPLE, PEOPLE, modality=FACE)
    assert 0.5 < found.value < 0.85


def test_other_sizes_are_caught(pictures: list[Image], of_png: np.ndarray) -> None:
    smaller = [np.ascontiguousarray(one[:128, :128]) for one in pictures]
    found = format_cue_instrument(of_png, cues(smaller, FACE), PEOPLE, PEOPLE, modality=FACE)
    assert found.state is RED and "`height`" in found.reason


@pytest.mark.parametrize("fake_format", ["png", "jpeg"])
@pytest.mark.parametrize("edit", ["mosaic", "blur"])
def test_edited_faces_of_the_same_format_are_no_format(
    pictures: list[Image], of_png: np.ndarray, edit: str, fake_format: str
) -> None:
    rng = generator(5, edit)
    change = {"mosaic": lambda part: pixels.downsample(part, 8, rng), "blur": lambda part: pixels.blur(part, 4, rng)}
    fakes = [changed(one, change[edit]) for one in pictures]
    bona_fide = of_png
    if fake_format == "jpeg":
        bona_fide, fakes = cues([jpeg(one, 90) for one in pictures], FACE), [jpeg(one, 90) for one in fakes]
    found = format_cue_instrument(bona_fide, cues(fakes, FACE), PEOPLE, PEOPLE, modality=FACE)
    assert found.state is GREEN and found.value is not None and abs(found.value - 0.5) < 0.05, found


def test_the_same_media_split_at_random_are_red_in_none_of_30_splits(of_png: np.ndarray) -> None:
    states, values = [], []
    for seed in range(30):
        half = generator(seed, "split").permutation(40)[:20]
        first = np.isin(PEOPLE, half)
        found = format_cue_instrument(of_png[first], of_png[~first], PEOPLE[first], PEOPLE[~first], modality=FACE)
        states.append(found.state)
        values.append(found.value)
    assert states == [GREEN] * 30
    assert abs(np.mean(values) - 0.5) < 0.06


@pytest.fixture(scope="module")
def voices() -> tuple[list[Audio], np.ndarray]:
    """Two seconds of two recordings a speaker, from lossless files."""
    sounds, people = speakers("voices-small.csv")
    part = np.arange(len(people)) % 4 < 2
    return [Audio(sounds[k].samples[:32_000], 16_000) for k in np.flatnonzero(part)], people[part]


@pytest.mark.parametrize("codec", [sound_codecs.opus, sound_codecs.mp3], ids=["opus", "mp3"])
def test_sounds_through_a_codec_are_caught(voices: tuple[list[Audio], np.ndarray], codec: Callable[..., Audio]) -> None:
    sounds, people = voices
    fakes = [codec(one, 32, generator(6, "codec")) for one in sounds]
    found = format_cue_instrument(cues(sounds, VOICE), cues(fakes, VOICE), people, people, modality=VOICE)
    assert found.state is RED, found


def test_other_recordings_of_the_same_speakers_are_no_format(voices: tuple[list[Audio], np.ndarray]) -> None:
    sounds, people = voices
    every, second = cues(sounds, VOICE), np.arange(len(people)) % 2 == 1
    found = format_cue_instrument(every[~second], every[second], people[~second], people[second], modality=VOICE)
    assert found.state is GREEN, found


def test_too_few_media_are_not_assessable(of_png: np.ndarray) -> None:
    for first, people in ((of_png[:2], [0, 0]), (of_png[:8], range(8)), (of_png[:0], [])):
        found = format_cue_instrument(first, of_png, people, PEOPLE, modality=FACE)
        assert found.state is InstrumentState.NOT_ASSESSABLE and found.detectable == "nothing"


def test_no_person_is_scored_by_a_fit_that_saw_them() -> None:
    """Cues that are a person's own and nothing else: whoever saw the person would know the class."""
    rng = np.random.default_rng(0)
    own = rng.normal(size=(60, len(CUES[FACE])))
    people = np.repeat(np.arange(60), 4)
    is_edited = people % 2 == 0
    found = cue_auc(
        own[people[~is_edited]], own[people[is_edited]], people[~is_edited], people[is_edited], modality=FACE
    )
    assert found.lower < 0.6 and abs(found.value - 0.5) < 0.2
