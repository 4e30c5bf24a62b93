"""The detector ``in_loop``: its features against slow ones, its classifiers, and what it tells apart."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn
from sklearn.linear_model import RidgeClassifier
from sklearn.mixture import GaussianMixture

from visavox.adapters.detectors import residuals, voice_models
from visavox.adapters.detectors.calibration import calibrated
from visavox.adapters.detectors.in_loop import MOST_FRAMES, InLoopDetector
from visavox.adapters.detectors.ridge import fit_ridge
from visavox.adapters.editors.baselines.mcadams import anonymised
from visavox.adapters.recognisers.gmm import Mixture
from visavox.core.errors import ConfigError, UndefinedMetricError
from visavox.core.seeding import generator
from visavox.core.terms import Modality
from visavox.media.audio import Audio, decode_audio
from visavox.media.common_path import common_path
from visavox.media.image import Image, decode_image
from visavox.media.perturbations import pixels
from visavox.metrics import curves
from visavox.metrics.left_out import left_out_folds
from visavox.ports.detector import Described, FittedDetector, LearningDetector, detectors
from visavox.ports.recogniser import FailureToAcquire

SETS = Path(__file__).parents[2] / "datasets" / "visavox_datasets" / "sets"
FACE, VOICE = Modality.FACE, Modality.VOICE


# ---------------------------------------------------------------- features of pictures
def slow_counts(channels: list[np.ndarray], kind: str, step: int) -> np.ndarray:
    """Triples of residuals pixel by pixel, each tile's, joined by their symmetries in a loop."""
    alike = {}
    for triple in itertools.product(range(-2, 3), repeat=3):
        mirrored, opposite = triple[::-1], tuple(-v for v in triple)
        alike[triple] = min(triple, mirrored, opposite, opposite[::-1])
    tiles = [Counter() for _ in range(16)]
    height, width = channels[0].shape
    for plane in channels:
        for rows_first in (True, False):
            x = plane.astype(int) if rows_first else plane.astype(int).T
            for i, j in itertools.product(range(x.shape[0]), range(x.shape[1])):
                triple = []
                for k in (j, j + 1, j + 2):
                    try:
                        value = _residual(x, i, k, kind)
                    except IndexError:
                        break
                    triple.append(int(max(-2, min(2, round(value / step)))))
                if len(triple) == 3:
                    row, column = (i, j) if rows_first else (j, i)
                    tiles[row * 4 // height * 4 + column * 4 // width][alike[tuple(triple)]] += 1
    # The order of kinds is the numbers' own: that of the smallest code among those alike.
    code = {kind: min(_code(t) for t, other in alike.items() if other == kind) for kind in set(alike.values())}
    order = sorted(code, key=code.__getitem__)
    return np.array([[tile[kind] / sum(tile.values()) for kind in order] for tile in tiles])


def _code(triple: tuple[int, ...]) -> int:
    return sum((value + 2) * 5**place for value, place in zip(triple, (2, 1, 0), strict=True))


def _residual(x: np.ndarray, i: int, j: int, kind: str) -> int:
    if kind == "first":
        return x[i, j + 1] - x[i, j]
    if kind == "second":
        return x[i, j] - 2 * x[i, j + 1] + x[i, j + 2]
    if kind == "third":
        return -x[i, j] + 3 * x[i, j + 1] - 3 * x[i, j + 2] + x[i, j + 3]
    weights = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    if i + 3 > x.shape[0] or j + 3 > x.shape[1]:
        raise IndexError
    return int((weights * x[i : i + 3, j : j + 3]).sum())


@pytest.mark.parametrize(("kind", "step"), [("first", 1), ("second", 2), ("third", 3), ("square", 4)])
def test_co_occurrences_are_counted_as_a_loop_counts_them(kind: str, step: int) -> None:
    rng = generator(1, kind)
    channels = [rng.integers(100, 108, (29, 34)).astype(np.int16) for _ in range(2)]
    found = residuals.co_occurrences(channels, kind, step)
    assert found.shape == (16, 39)
    assert found == pytest.approx(slow_counts(channels, kind, step))


def test_block_transforms_and_tiles_are_those_of_scipy_and_of_slices() -> None:
    luma = generator(2, "blocks").integers(0, 256, (67, 82)).astype(np.int16)
    whole, apart = residuals.block_transforms(luma)
    blocks = np.array([[np.abs(dctn(luma[8 * r : 8 * r + 8, 8 * c : 8 * c + 8].astype(float), norm="ortho"))
                        for c in range(10)] for r in range(8)]).reshape(8, 10, 64)[..., 1:]  # fmt: skip
    inside = np.zeros((8, 10), bool)
    inside[2:6, 2:8] = True
    assert whole == pytest.approx(np.log(blocks.mean(axis=(0, 1)) + 0.05), abs=1e-4)
    middle, border = np.log(blocks[inside].mean(axis=0) + 0.05), np.log(blocks[~inside].mean(axis=0) + 0.05)
    assert apart == pytest.approx(middle - border, abs=1e-4)
    energy = residuals.energies(luma, luma, luma)
    tile = luma[16:32, 40:60].astype(float)  # second row, third column of 16 x 20 px
    assert energy[6, 0] == pytest.approx(np.log(tile.var() + 0.05), rel=1e-4)


def test_features_are_as_many_for_every_size_and_finite_for_flat_parts() -> None:
    rng = generator(3, "sizes")
    shapes = [(64, 64), (65, 131), (256, 300)]
    found = [residuals.image_residuals(rng.integers(0, 256, (*shape, 3)).astype(np.uint8)) for shape in shapes]
    masked = np.zeros((150, 150, 3), np.uint8)
    masked[:30] = rng.integers(0, 256, (30, 150, 3))
    found.append(residuals.image_residuals(masked))
    assert {one.shape for one in found if isinstance(one, np.ndarray)} == {(1011,)} and len(found) == 4
    assert np.isfinite(np.array(found)).all()
    assert residuals.image_residuals(np.zeros((90, 63, 3), np.uint8)) == FailureToAcquire("63 x 90 px, under 64")
    assert residuals.image_residuals(np.zeros((90, 64, 3), np.uint8)) == FailureToAcquire("all pixels are equal")


# ---------------------------------------------------------------- classifiers
@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_the_discriminant_is_scikit_learns_at_the_penalty_it_chose(seed: int) -> None:
    rng = np.random.default_rng(seed)
    below, above = rng.normal(0, 1, (30, 50)), rng.normal(0.4, 1, (24, 50))
    below[:, 3], above[:, 3] = 5.0, 5.0  # a feature that does not vary
    people = np.arange(30), np.arange(24)
    model = fit_ridge(below, above, *people)
    features, labels = np.concatenate([below, above]), np.repeat([0, 1], [30, 24])
    scale = np.where(features.std(axis=0) > 1e-9, features.std(axis=0), 1.0)
    rows = (features - features.mean(axis=0)) / scale
    shares = np.where(labels == 1, 0.5 / 24, 0.5 / 30) * 54
    centred = np.sqrt(shares)[:, None] * (rows - np.average(rows, axis=0, weights=shares))
    size = (centred**2).sum() / 54
    theirs = RidgeClassifier(alpha=model.penalty * size, class_weight="balanced", solver="svd").fit(rows, labels)
    scores = theirs.decision_function(rows)
    ours = model.scores(features)
    assert np.corrcoef(scores, ours)[0, 1] == pytest.approx(1, abs=1e-9)
    assert model.weights[3] == 0.0


def test_nobody_is_scored_within_the_fit_by_a_model_that_saw_them() -> None:
    people = np.array([7, 7, 3, 9, 3, 1, 9, 9])
    positive = np.array([True, False, True, True, False, False, False, True])
    folds = list(left_out_folds(people, positive, 3))
    assert (np.sum(folds, axis=0) == 1).all()
    for fold in folds:
        assert not set(people[fold]) & set(people[~fold])
    with pytest.raises(UndefinedMetricError, match="2 people"):
        list(left_out_folds([1, 1, 2], [True, True, False], 3))


def test_a_score_that_misled_keeps_its_order_and_says_little() -> None:
    found = calibrated(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.5, 1.5]))
    assert 0 < found.slope < 0.05 and abs(found.slope * 3 + found.offset) < 0.1
    assert calibrated(np.array([0.0, 1.0]), np.array([9.0, 10.0])).slope > 0.1


def test_the_likelihood_ratio_is_that_of_scikit_learns_mixtures() -> None:
    rng = generator(4, "mixtures")
    frames = rng.normal(0, 1, (50, 3))
    pair, scores = [], []
    for _ in range(2):
        theirs = GaussianMixture(4, covariance_type="diag", random_state=0).fit(rng.normal(0, 2, (200, 3)))
        pair.append(Mixture(theirs.weights_, theirs.means_, theirs.covariances_))
        scores.append(theirs.score(frames))
    assert voice_models.likelihood_ratio(frames, *pair) == pytest.approx(scores[1] - scores[0])


# ---------------------------------------------------------------- what it tells apart, person by person
def crossed_auc(modality: Modality, bona_fide: list[Described], edited: list[Described], people: np.ndarray) -> float:
    """AUC over three folds by person of what was described; each is scored by the detector fitted to the others."""
    detector = InLoopDetector(modality)
    negatives, positives = [], []
    for side in range(3):
        train, test = np.flatnonzero(people % 3 != side), np.flatnonzero(people % 3 == side)
        fitted = detector.fit_described(
            [bona_fide[k] for k in train], [edited[k] for k in train],
            bona_fide_persons=people[train].tolist(), edited_persons=people[train].tolist(),
        )  # fmt: skip
        negatives += fitted.score_described([bona_fide[k] for k in test])
        positives += fitted.score_described([edited[k] for k in test])
    return curves.auc(np.array(positives, float), np.array(negatives, float))


@pytest.fixture(scope="module")
def faces() -> tuple[list[Image], np.ndarray]:
    people = np.repeat(np.arange(42), 2)
    files = [SETS / "people-100" / f"{person:04d}-{k % 2}.jpg" for k, person in enumerate(people)]
    return [decode_image(file.read_bytes()) for file in files], people


@pytest.fixture(scope="module")
def described(faces: tuple[list[Image], np.ndarray]) -> list[Described]:
    return after_path(faces[0])


def after_path(images: list[Image]) -> list[Described]:
    return InLoopDetector(FACE).describe([common_path(image, FACE) for image in images])


def windowed(image: Image, change: Callable[[Image], Image]) -> Image:
    """A part off the middle of a picture changed, the rest as it was."""
    height, width = image.shape[:2]
    part = np.s_[height // 8 : 5 * height // 8, width // 8 : 5 * width // 8]
    changed = image.copy()
    changed[part] = change(np.ascontiguousarray(image[part]))
    return changed


def test_edits_of_a_part_are_found_and_copies_are_not(
    faces: tuple[list[Image], np.ndarray], described: list[Described]
) -> None:
    images, people = faces
    rng = generator(5, "edits")
    others = images[7:] + images[:7]
    for name, edited, least in (
        ("mosaic", [windowed(one, lambda part: pixels.downsample(part, 8, rng)) for one in images], 0.99),
        ("faint blur", [windowed(one, lambda part: pixels.blur(part, 0.5, rng)) for one in images], 0.8),
        ("noise", [windowed(one, lambda part: pixels.noise(part, 0.01, rng)) for one in images], 0.95),
        ("another's part", [windowed(a, lambda p, b=b: p // 2 + b[: p.shape[0], : p.shape[1]] // 2)
                            for a, b in zip(images, others, strict=True)], 0.95),
    ):  # fmt: skip
        auc = crossed_auc(FACE, described, after_path(edited), people)
        assert auc > least, (name, auc)
    assert crossed_auc(FACE, described, described, people) == 0.5


def test_nothing_is_found_where_nothing_was_done(
    faces: tuple[list[Image], np.ndarray], described: list[Described]
) -> None:
    """The same media split at random: no class leaks through the people or through the fit."""
    _, people = faces
    values = []
    for seed in range(12):
        order = generator(seed, "split").permutation(84)
        first, second = order[:42], order[42:]
        detector, scores = InLoopDetector(FACE), ([], [])
        for side in range(3):
            parts = [[[k for k in half if (people[k] % 3 == side) == is_test] for half in (first, second)]
                     for is_test in (False, True)]  # fmt: skip
            fitted = detector.fit_described(
                *[[described[k] for k in half] for half in parts[0]],
                bona_fide_persons=[people[k] for k in parts[0][0]], edited_persons=[people[k] for k in parts[0][1]],
            )  # fmt: skip
            for kind in range(2):
                scores[kind].extend(fitted.score_described([described[k] for k in parts[1][kind]]))
        values.append(curves.auc(scores[1], scores[0]))
    assert abs(np.mean(values) - 0.5) < 0.08 and max(values) < 0.8, values


def test_moved_formants_are_heard() -> None:
    people = np.arange(33)
    files = [SETS / "speakers-60" / f"{person:04d}-0.opus" for person in people]
    sounds = [decode_audio(file.read_bytes()) for file in files]
    sounds = [Audio(sound.samples[:16_000], sound.sample_rate_hz) for sound in sounds]
    detector = InLoopDetector(VOICE)
    bona_fide = detector.describe([common_path(sound, VOICE) for sound in sounds])
    moved = detector.describe([common_path(anonymised(sound, 0.8), VOICE) for sound in sounds])
    assert crossed_auc(VOICE, bona_fide, moved, people) > 0.9


# ---------------------------------------------------------------- the door
def test_a_fit_is_the_same_again_and_its_digest_says_what_it_learnt(described: list[Described]) -> None:
    detector = detectors.get("in_loop")({}, FACE, "cpu")
    assert isinstance(detector, LearningDetector)
    first, again = (detector.fit_described(described[:30], described[30:60]) for _ in range(2))
    assert isinstance(first, FittedDetector)
    assert first.digest == again.digest != detector.fit_described(described[:30], described[31:61]).digest
    assert first.score_described(described[60:]) == again.score_described(described[60:])


def test_long_recordings_are_thinned_evenly() -> None:
    noise = (0.1 * generator(6, "long").standard_normal(16_000 * 14)).astype(np.float32)
    (frames,) = InLoopDetector(VOICE).describe([Audio(noise, 16_000)])
    assert isinstance(frames, np.ndarray) and frames.shape == (MOST_FRAMES, 60)


def test_what_cannot_be_fitted_is_said(described: list[Described]) -> None:
    detector = InLoopDetector(FACE)
    with pytest.raises(UndefinedMetricError, match="9 usable bona fide media of 10"):
        detector.fit_described([*described[:9], FailureToAcquire("flat")], described[:30])
    with pytest.raises(UndefinedMetricError, match="1 people"):
        detector.fit_described(described[:30], described[30:60], bona_fide_persons=[1] * 30, edited_persons=[1] * 30)
    with pytest.raises(ConfigError, match="it has no params"):
        detectors.get("in_loop")({"penalty": 1.0}, FACE, "cpu")
