"""The detector ``spectral``: its features, its classifier, and what it tells apart on people who do not exist."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct
from sklearn.linear_model import LogisticRegression

from visavox.adapters.detectors import spectra
from visavox.adapters.detectors.spectral import SpectralDetector, SpectralParameters
from visavox.adapters.editors.baselines.mcadams import anonymised
from visavox.core.errors import ConfigError, MediaError, UndefinedMetricError
from visavox.core.seeding import generator
from visavox.core.terms import Modality
from visavox.media.audio import Audio, decode_audio
from visavox.media.image import Image, decode_image
from visavox.media.perturbations import image_codecs, pixels
from visavox.metrics import curves
from visavox.metrics.logistic import fit_logistic
from visavox.ports.detector import FittedDetector, LearningDetector, detectors
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire

SETS = Path(__file__).parents[2] / "datasets" / "visavox_datasets" / "sets"
FACE, VOICE = Modality.FACE, Modality.VOICE
quick = settings(max_examples=20, deadline=None, derandomize=True)


def untrained(modality: Modality, **params: float) -> LearningDetector:
    detector = detectors.get("spectral")(params, modality, "cpu")
    assert isinstance(detector, LearningDetector)
    return detector


def fitted_to(detector: LearningDetector, bona_fide: list[Media], edited: list[Media]) -> FittedDetector:
    return detector.fit_described(detector.describe(bona_fide), detector.describe(edited))


def random_of(name: str) -> np.random.Generator:
    return generator(3, name)


def numbers(values: list[float | FailureToAcquire]) -> np.ndarray:
    assert all(isinstance(value, float) for value in values), values
    return np.array(values)


# ---------------------------------------------------------------- features
@pytest.mark.parametrize("shape", [(48, 64), (51, 40), (33, 33)])
def test_the_spectrum_is_the_mean_over_rings_of_the_whole_transform(shape: tuple[int, int]) -> None:
    image = random_of("ring").integers(0, 256, (*shape, 3)).astype(np.uint8)
    found = spectra.image_spectrum(image)
    assert not isinstance(found, FailureToAcquire)
    luma = image @ np.array([0.299, 0.587, 0.114])
    window = np.outer(np.hanning(shape[0] + 2)[1:-1], np.hanning(shape[1] + 2)[1:-1])
    power = np.abs(np.fft.fft2((luma - np.average(luma, weights=window)) * window)) ** 2
    sums: dict[int, list[float]] = {}
    for i, fy in enumerate(np.fft.fftfreq(shape[0])):
        for j, fx in enumerate(np.fft.fftfreq(shape[1])):
            radius = float(np.hypot(fy, fx))
            if 0 < radius < 0.5:
                sums.setdefault(int(radius * 128), []).append(power[i, j] / power.mean())
    filled = sorted(sums)
    expected = np.interp(np.arange(64), filled, [np.mean(sums[k]) for k in filled])
    assert found == pytest.approx(10 * np.log10(expected), abs=1e-6)


def test_a_spectrum_forgets_size_and_level_and_sees_blur() -> None:
    noise = random_of("noise").integers(60, 190, (256, 256, 3)).astype(np.uint8)
    whole, part = spectra.image_spectrum(noise), spectra.image_spectrum(noise[:128, :160])
    dark = spectra.image_spectrum((noise // 2).astype(np.uint8))
    assert np.abs(np.subtract(whole, part))[4:].mean() < 0.7
    assert np.abs(np.subtract(whole, dark))[4:].mean() < 0.1
    blurred = spectra.image_spectrum(pixels.blur(noise, 1.0, random_of("blur")))
    assert np.subtract(whole, blurred)[-1] > 15


def test_lfcc_are_cosine_transforms_of_linear_bands() -> None:
    samples = (0.1 * random_of("lfcc").standard_normal(4_000)).astype(np.float32)
    found, level_db = spectra.lfcc(samples)
    frames = [samples[at : at + 320] * np.hanning(320) for at in range(0, 4_000 - 319, 160)]
    power = np.array([np.abs(np.fft.rfft(frame, 512)) ** 2 for frame in frames])
    edges, bins = np.linspace(0, 8_000, 22), np.fft.rfftfreq(512, 1 / 16_000)
    bands = np.array([np.interp(bins, edges[k : k + 3], [0, 1, 0]) for k in range(20)])
    assert found == pytest.approx(dct(np.log(power @ bands.T), norm="ortho", axis=1), abs=1e-8)
    assert level_db == pytest.approx(10 * np.log10(power.sum(axis=1)))


def test_pauses_do_not_count() -> None:
    noise = (0.1 * random_of("pause").standard_normal(16_000)).astype(np.float32)
    padded = np.concatenate([np.zeros(16_000, np.float32), noise, np.zeros(24_000, np.float32)])
    plain, paused = (spectra.voice_statistics(Audio(samples, 16_000)) for samples in (noise, padded))
    assert np.abs(np.subtract(plain, paused)).max() < 0.1  # the frames at the seams are missing


def test_what_has_no_score_says_why() -> None:
    face, voice = untrained(FACE), untrained(VOICE)
    rng = random_of("failures")
    images: list[Media] = [rng.integers(0, 256, (40, 40, 3)).astype(np.uint8) for _ in range(40)]
    fitted = fitted_to(face, images[:20], images[20:])
    few_pixels = [images[0], np.zeros((40, 40, 3), np.uint8), images[1][:31]]  # type: ignore[index]
    found = fitted.score_described(face.describe(few_pixels))
    assert isinstance(found[0], float)
    assert found[1:] == [FailureToAcquire("all pixels are equal"), FailureToAcquire("40 x 31 px, under 32")]
    sounds: list[Media] = [Audio(rng.normal(0, 0.1, 9_000).astype(np.float32), 16_000) for _ in range(40)]
    heard = fitted_to(voice, sounds[:20], sounds[20:])
    short = Audio(np.full(3_000, 0.1, np.float32) * rng.standard_normal(3_000).astype(np.float32), 16_000)
    silent, few = heard.score_described(voice.describe([Audio(np.zeros(9_000, np.float32), 16_000), short]))
    assert silent == FailureToAcquire("the sound is silent")
    assert few == FailureToAcquire("17 loud frames of 10 ms, under 50")
    with pytest.raises(MediaError):
        face.describe([sounds[0]])
    with pytest.raises(UndefinedMetricError, match="9 usable bona fide media of 10"):
        fitted_to(face, [*images[:9], np.zeros((40, 40, 3), np.uint8)], images[20:])
    with pytest.raises(ConfigError, match="penalty"):
        untrained(FACE, penalty=0.0)


# ---------------------------------------------------------------- the classifier
@quick
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 1.0, 30.0]))
def test_the_fit_is_scikit_learns(seed: int, penalty: float) -> None:
    rng = np.random.default_rng(seed)
    below, above = rng.normal(0, 1, (40, 7)), rng.normal(rng.uniform(0, 2), 2, (25, 7))
    below[:, 3], above[:, 3] = 5.0, 5.0  # a feature that does not vary
    model = fit_logistic(below, above, penalty=penalty)
    features, labels = np.concatenate([below, above]), np.repeat([0, 1], [40, 25])
    scale = np.where(features.std(axis=0) > 0, features.std(axis=0), 1.0)
    standard = (features - features.mean(axis=0)) / scale
    theirs = LogisticRegression(C=1 / penalty, class_weight="balanced", tol=1e-10, max_iter=10_000)
    theirs.fit(standard, labels)
    assert model.scores(features) == pytest.approx(theirs.decision_function(standard), abs=1e-4)
    assert model.weights[3] == 0.0


def test_separable_classes_stay_finite_and_scores_have_the_sign_of_attacks() -> None:
    model = fit_logistic(np.tile([0.0, 1.0], (20, 1)), np.ones((20, 2)))
    assert np.isfinite(model.scores([[0.0, 1.0], [1.0, 1.0]])).all()
    assert model.scores([[0.0, 1.0]])[0] < 0 < model.scores([[1.0, 1.0]])[0]
    with pytest.raises(UndefinedMetricError, match="NaN"):
        fit_logistic(np.full((20, 2), np.nan), np.ones((20, 2)))


# ---------------------------------------------------------------- what it tells apart, person by person
def windowed(image: Image, change: object) -> Image:
    """The middle quarter of a picture changed, the rest as it was."""
    assert callable(change)
    height, width = image.shape[:2]
    part = np.s_[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]
    changed = image.copy()
    changed[part] = change(np.ascontiguousarray(image[part]))
    return changed


def described(modality: Modality, media: list[Media]) -> list[np.ndarray | FailureToAcquire]:
    return SpectralDetector(modality, SpectralParameters()).describe(media)


def crossed_auc(
    modality: Modality,
    bona_fide: list[np.ndarray | FailureToAcquire],
    edited: list[np.ndarray | FailureToAcquire],
    people: np.ndarray,
) -> float:
    """AUC over two folds by person of what was described; each is scored by the detector fitted to the other."""
    detector = SpectralDetector(modality, SpectralParameters())
    negatives, positives = [], []
    for side in (0, 1):
        train, test = np.flatnonzero(people % 2 != side), np.flatnonzero(people % 2 == side)
        assert not set(people[train]) & set(people[test])
        fitted = detector.fit_described([bona_fide[k] for k in train], [edited[k] for k in train])
        negatives.append(numbers(fitted.score_described([bona_fide[k] for k in test])))
        positives.append(numbers(fitted.score_described([edited[k] for k in test])))
    return curves.auc(np.concatenate(positives), np.concatenate(negatives))


@pytest.fixture(scope="module")
def faces() -> tuple[list[Image], np.ndarray]:
    people = np.repeat(np.arange(40), 2)
    files = [SETS / "people-100" / f"{person:04d}-{k % 2}.jpg" for k, person in enumerate(people)]
    return [decode_image(file.read_bytes()) for file in files], people


@pytest.fixture(scope="module")
def voices() -> tuple[list[Audio], np.ndarray]:
    people = np.repeat(np.arange(20), 2)
    files = [SETS / "speakers-60" / f"{person:04d}-{k % 2}.opus" for k, person in enumerate(people)]
    sounds = [decode_audio(file.read_bytes()) for file in files]
    return [Audio(sound.samples[:24_000], sound.sample_rate_hz) for sound in sounds], people


def encoded(images: list[Image]) -> list[np.ndarray | FailureToAcquire]:
    """Spectra after one last codec, the same for both classes."""
    return described(FACE, [image_codecs.jpeg(image, 90, random_of("path")) for image in images])


def test_blurred_and_mosaic_faces_are_told_apart_and_copies_are_not(faces: tuple[list[Image], np.ndarray]) -> None:
    images, people = faces
    bona_fide = encoded(images)
    for name, change, least in (
        ("mosaic", lambda part: pixels.downsample(part, 8, random_of("mosaic")), 0.95),
        ("blur", lambda part: pixels.blur(part, 2.0, random_of("blur")), 0.95),
        ("faint blur", lambda part: pixels.blur(part, 0.5, random_of("blur")), 0.55),
    ):
        auc = crossed_auc(FACE, bona_fide, encoded([windowed(image, change) for image in images]), people)
        assert auc > least, (name, auc)
    assert crossed_auc(FACE, bona_fide, bona_fide, people) == 0.5


def test_nothing_is_found_where_nothing_was_done(faces: tuple[list[Image], np.ndarray]) -> None:
    """Each person's one picture against their other: no class leaks through the people or through the fit."""
    images, people = faces
    of_a_person = people[::2]
    auc = crossed_auc(FACE, encoded(images[::2]), encoded(images[1::2]), of_a_person)
    assert abs(auc - 0.5) < 0.2


def test_moved_formants_are_heard(voices: tuple[list[Audio], np.ndarray]) -> None:
    sounds, people = voices
    bona_fide = described(VOICE, list(sounds))
    moved = described(VOICE, [anonymised(sound, 0.8) for sound in sounds])
    auc = crossed_auc(VOICE, bona_fide, moved, people)
    assert auc > 0.9, auc
    assert crossed_auc(VOICE, bona_fide, bona_fide, people) == 0.5


def test_a_fit_is_the_same_again_and_its_digest_says_what_it_learnt(faces: tuple[list[Image], np.ndarray]) -> None:
    images, _ = faces
    detector = untrained(FACE)
    some, others = images[:20], [pixels.blur(image, 1.0, random_of("blur")) for image in images[20:40]]
    first, again = fitted_to(detector, some, others), fitted_to(detector, some, others)
    assert isinstance(first, FittedDetector)
    assert first.digest == again.digest != fitted_to(detector, some, images[20:40]).digest
    few = detector.describe(images[40:44])
    assert first.score_described(few) == again.score_described(few)
    assert untrained(FACE).digest == detector.digest
    assert len({untrained(FACE).digest, untrained(VOICE).digest, untrained(FACE, penalty=2.0).digest}) == 3
