"""Inputs for which an impersonation figure, a spread or a band is not defined; edges and ties."""

import numpy as np
import pytest

from visavox.core.errors import UndefinedMetricError
from visavox.metrics import bands, morphing, morphing_intervals
from visavox.metrics.arrays import group_keys
from visavox.metrics.morphing import ContributorScores
from visavox.metrics.spread import JudgeTrials, spread_interval, spread_of
from visavox.metrics.threshold_intervals import Stratum, rate_at_threshold_interval

PAIRS = np.array([[0, 1], [1, 2], [2, 3]])


def test_a_score_on_the_threshold_is_accepted() -> None:
    """Some toolkits decide MMPMR by >; here >= accepts, as everywhere."""
    data = ContributorScores([0, 0], [0, 1], [0.5, 0.7], [[0, 1]])
    assert morphing.mmpmr(morphing.minmax_scores(data).scores, 0.5) == 1.0
    assert morphing.prod_avg_mmpmr(data, 0.5) == 1.0
    assert morphing.accepted_counts(data, 0.5).tolist() == [[1, 1]]


def test_float32_scores_stay_on_their_own_threshold() -> None:
    score = np.array([0.1, 0.7], np.float32)
    data = ContributorScores([0, 0], [0, 1], score, [[0, 1]])
    decisive = morphing.minmax_scores(data).scores
    assert decisive.dtype == np.float32 and morphing.mmpmr(decisive, float(score[0])) == 1.0


def test_outputs_that_nobody_could_read_are_all_missing() -> None:
    nothing = ContributorScores([], [], [], PAIRS)
    found = morphing.minmax_scores(nothing)
    assert found.scores.size == 0 and found.missing.tolist() == [0, 1, 2]
    assert morphing.accepted_counts(nothing, 0.0).tolist() == [[0, 0]] * 3
    assert np.asarray(morphing.first_attempts(nothing, 2).score).size == 0


def stratum(**given: object) -> Stratum:
    plain = {"scores": [0.1, 0.9], "persons": [0, 1], "threshold": 0.5, "target_fmr": 0.5, "frozen": True}
    return Stratum(**(plain | {"non_mated": (), "non_first": (), "non_second": ()} | given))


UNDEFINED = {
    "output out of range": lambda: morphing.minmax_scores(ContributorScores([3], [0], [0.1], PAIRS)),
    "bystander": lambda: morphing.minmax_scores(ContributorScores([0], [2], [0.1], PAIRS)),
    "contributor twice": lambda: morphing.minmax_scores(ContributorScores([0], [2], [0.1], [[2, 2]])),
    "names": lambda: morphing.minmax_scores(ContributorScores([0], [2], [0.1], [["a", "b"]])),
    "flat contributors": lambda: morphing.minmax_scores(ContributorScores([0], [2], [0.1], [2])),
    "not finite": lambda: morphing.minmax_scores(ContributorScores([0], [0], [np.nan], PAIRS)),
    "unequal": lambda: morphing.minmax_scores(ContributorScores([0, 0], [0], [0.1], PAIRS)),
    "fractional output": lambda: morphing.minmax_scores(ContributorScores([0.0], [0], [0.1], PAIRS)),
    "no output": lambda: morphing.mmpmr([], 0.5),
    "a contributor without a score": lambda: morphing.prod_avg_mmpmr(ContributorScores([0], [0], [0.1], PAIRS), 0.5),
    "percent": lambda: morphing.rmmr(12.0, 0.1),
    "negative": lambda: morphing.riapar(0.2, -0.1),
    "more accepted than attempted": lambda: morphing.map_matrix([[[3, 1]]], 2),
    "shares for counts": lambda: morphing.map_matrix([[[0.5, 1.0]]], 2),
    "no verifier": lambda: morphing.map_matrix(np.zeros((0, 2, 2), int), 2),
    "no attempt": lambda: morphing.map_matrix([[[0, 0]]], 0),
    "cases of another length": lambda: morphing.any_of_k([1, 0], [1]),
    "no case": lambda: morphing.best_of_k([], []),
    "four contributors": lambda: morphing_intervals.contributors_rate_interval([1, 0], [[0, 1, 2, 3], [1, 2, 3, 4]]),
    "in every output": lambda: morphing_intervals.prod_avg_interval(
        ContributorScores([0, 0, 1, 1], [0, 1, 0, 2], [0.1] * 4, [[0, 1], [0, 2]]), 0.0
    ),
    "host is third": lambda: rate_at_threshold_interval([stratum(seconds=[2, 3], thirds=[0, 4])]),
    "donors alike": lambda: rate_at_threshold_interval([stratum(seconds=[2, 3], thirds=[2, 4])]),
    "thirds alone": lambda: rate_at_threshold_interval([stratum(thirds=[2, 4])]),
    "compared with the donor": lambda: rate_at_threshold_interval(
        [stratum(frozen=False, non_mated=[0.1, 0.6], non_first=[0, 1], non_second=[2, 3], non_thirds=[2, 4])]
    ),
    "too many people": lambda: group_keys([np.array([0])] * 4, 60_000),
    "two and three": lambda: rate_at_threshold_interval(
        [stratum(seconds=[2, 3]), stratum(seconds=[2, 3], thirds=[4, 5])]
    ),
    "one judge": lambda: spread_interval([JudgeTrials([1, 0], [0, 1])]),
    "nobody in common": lambda: spread_interval([JudgeTrials([1, 0], [0, 1]), JudgeTrials([1, 0], [2, 3])]),
    "one in every trial": lambda: spread_interval(
        [JudgeTrials([1, 0], [0, 0], [1, 2]), JudgeTrials([1] * 3, [0, 1, 2])]
    ),
    "shapes": lambda: spread_of([0.1, 0.2], [[0.1, 0.1]]),
    "upside down": lambda: bands.band(0.3, 0.2),
    "band of percent": lambda: bands.band(1.0, 7.0),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_undefined_inputs_are_refused(name: str) -> None:
    with pytest.raises(UndefinedMetricError):
        pytest.fail(f"{name} gave {UNDEFINED[name]()}")


def test_bands_at_their_edges() -> None:
    assert [bands.band(x, x) for x in (0.0, 0.07, 0.0701, 0.2, 0.2001, 1.0)] == [
        "<= 7 %", "<= 7 %", "7-20 %", "7-20 %", "> 20 %", "> 20 %",
    ]  # fmt: skip
    assert bands.band(0.0, 1.0) == bands.band(0.07, 0.1) == bands.band(0.1, 0.3) == ""
