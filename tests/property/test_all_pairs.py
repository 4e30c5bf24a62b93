"""Exact figures over all pairs of a gallery equal those read from the whole list of its scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.core.errors import UndefinedMetricError
from visavox.metrics import all_pairs as module
from visavox.metrics.all_pairs import all_pairs, tiles
from visavox.metrics.curves import det_curve, eer
from visavox.metrics.error_rates import fnmr_at_fmr

TARGETS = (0.5, 0.1, 0.03)


def lists(templates: np.ndarray, persons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mated and non-mated scores, pair by pair."""
    first, second = np.triu_indices(len(persons), 1)
    scores = (templates @ templates.T)[first, second]
    same = persons[first] == persons[second]
    return scores[same], scores[~same]


def compare_with(mated: np.ndarray, non_mated: np.ndarray, found: module.AllPairs) -> None:
    assert (found.n_mated, found.n_non_mated) == (mated.size, non_mated.size)
    for target, rate in zip(TARGETS, found.rates, strict=True):
        assert rate == fnmr_at_fmr(mated, non_mated, target)
    assert found.eer == eer(mated, non_mated)
    whole = det_curve(mated, non_mated)
    assert np.all(np.diff(found.det.thresholds) > 0)
    for threshold, fmr, fnmr in zip(*found.det, strict=True):
        assert fmr == np.mean(non_mated >= threshold)
        assert fnmr == np.mean(mated < threshold)
    assert (found.det.fmr[0], found.det.fnmr[-1]) == (
        whole.fmr[np.searchsorted(whole.thresholds, found.det.thresholds[0])],
        1.0,
    )


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whole_numbers_in_any_order(data: st.DataObject) -> None:
    """Products of small integers are exact in float32 whatever the tile, and full of ties, zeros and minus signs."""
    seed = data.draw(st.integers(0, 2**32 - 1))
    size = data.draw(st.sampled_from([0, 1, 2, 40]))
    dimensions = data.draw(st.integers(1, 4))
    rng = np.random.default_rng(seed)
    persons = rng.integers(0, 9, data.draw(st.integers(20, 60)))
    templates = rng.integers(-size, size + 1, (len(persons), dimensions)).astype(np.float32)
    mated, non_mated = lists(templates, persons)
    found = all_pairs(templates, persons, target_fmrs=TARGETS, tile=data.draw(st.sampled_from([5, 16, 64])))
    compare_with(mated, non_mated, found)


@pytest.mark.parametrize("leaning", [-3.0, 0.0, 0.5, 3.0])
def test_unit_templates_through_their_own_tiles(leaning: float) -> None:
    rng = np.random.default_rng(5)
    persons = np.sort(rng.integers(0, 60, 300))
    templates = rng.standard_normal((300, 16)) + leaning * rng.standard_normal((60, 16))[persons]
    templates = (templates / np.linalg.norm(templates, axis=1, keepdims=True)).astype(np.float32)
    mated, non_mated = [], []
    for part in tiles(templates, persons, tile=64):
        same = np.zeros_like(part.scores, bool) if part.mated is None else part.mated
        mated.append(part.scores[same])
        non_mated.append(part.scores[~same if part.non_mated is None else part.non_mated])
    found = all_pairs(templates, persons, target_fmrs=TARGETS, tile=64)
    compare_with(np.concatenate(mated), np.concatenate(non_mated), found)


def test_a_wrong_guess_costs_a_pass_and_no_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    persons = np.arange(400) // 4
    templates = (rng.standard_normal((100, 32))[persons] + rng.standard_normal((400, 32))).astype(np.float32)
    passes = []
    count = module._Scan._count
    monkeypatch.setattr(module._Scan, "_count", lambda *args: (passes.append(1), count(*args))[1])
    guessed = all_pairs(templates, persons, target_fmrs=TARGETS, tile=32)
    assert len(passes) == 1
    monkeypatch.setattr(module, "_guess", lambda *args: set())
    assert [str(a) for a in all_pairs(templates, persons, target_fmrs=TARGETS, tile=32)] == [str(a) for a in guessed]
    assert len(passes) > 2


def test_other_scores_than_products() -> None:
    rng = np.random.default_rng(7)
    persons = np.arange(90) // 3
    templates = rng.integers(-9, 9, (90, 2)).astype(np.float32)

    def minus_squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return -((a[:, None] - b[None]) ** 2).sum(2)

    first, second = np.triu_indices(90, 1)
    scores = -((templates[first] - templates[second]) ** 2).sum(1)
    same = persons[first] == persons[second]
    found = all_pairs(templates, persons, target_fmrs=TARGETS, compare=minus_squares, tile=16)
    compare_with(scores[same], scores[~same], found)


@pytest.mark.parametrize(
    ("templates", "persons", "target", "found"),
    [
        (np.ones((4, 2)), [0, 1, 2, 3], 0.9, "0 mated and 6 non-mated"),
        (np.ones((4, 2)), [5, 5, 5, 5], 0.9, "6 mated and 0 non-mated"),
        (np.ones((4, 2)), [0, 0, 1], 0.9, "persons of shape"),
        (np.full((4, 2), np.nan), [0, 0, 1, 1], 0.9, "NaN or infinite"),
        (np.full((4, 2), 3e30), [0, 0, 1, 1], 0.9, "NaN or infinite"),
        (np.ones((4, 2)), [0, 0, 1, 1], 0.1, "at least 30 needed"),
        (np.ones((4, 2)), [0, 0, 1, 1], 1.0, "target 1.0"),
    ],
)
def test_undefined_figures_are_raised(templates: np.ndarray, persons: list[int], target: float, found: str) -> None:
    with pytest.raises(UndefinedMetricError, match=found):
        all_pairs(templates.astype(np.float32), persons, target_fmrs=[target])
