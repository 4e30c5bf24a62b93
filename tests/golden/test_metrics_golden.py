"""Numbers that must never move: STATISTICS 3 (check values) and METRICS 6 (equal-variance Gaussians)."""

import numpy as np
import pytest

from visavox.core.records import IntervalBasis
from visavox.metrics import curves, intervals, linkability


def of_400(hits_per_person: list[int]) -> IntervalBasis:
    hits = np.zeros((40, 10), int)
    for person, count in enumerate(hits_per_person):
        hits[person, :count] = 1
    return intervals.rate_interval(hits.ravel(), np.repeat(np.arange(40), 10)).basis


@pytest.mark.parametrize(
    ("hits", "one_sided", "two_sided"),
    [
        ([], 0.02075, 0.02549),
        ([3, 1, 1], 0.04229, 0.04906),
        ([1] * 20, 0.09262, 0.10173),
        ([10] * 4, 0.22010, 0.24482),
    ],
)
def test_check_values_of_the_upper_bound(hits: list[int], one_sided: float, two_sided: float) -> None:
    basis = of_400(hits)
    assert intervals.bound_upper(basis, 0.05) == pytest.approx(one_sided, abs=6e-6)
    assert intervals.bound_upper(basis, 0.025) == pytest.approx(two_sided, abs=6e-6)


def test_check_value_of_the_lower_bound_at_all() -> None:
    basis = of_400([10] * 40)
    assert intervals.bound_lower(basis, 0.05) == pytest.approx(0.97925, abs=6e-6)
    assert intervals.bound_upper(basis, 0.05) == 1.0


@pytest.mark.parametrize(
    ("distance", "eer", "d_sys"),
    [(0.5, 0.4013, 0.1282), (1, 0.3085, 0.2935), (2, 0.1587, 0.6165), (3, 0.0668, 0.8346)],
)
def test_equal_variance_gaussians(distance: float, eer: float, d_sys: float) -> None:
    rng = np.random.default_rng(7)
    mated, non_mated = rng.normal(distance, 1, 200_000), rng.normal(0, 1, 400_000)
    assert curves.eer(mated, non_mated).eer == pytest.approx(eer, abs=0.003)
    assert linkability.d_sys(mated, non_mated) == pytest.approx(d_sys, abs=0.005)


def test_no_information_and_complete_separation() -> None:
    rng = np.random.default_rng(8)
    mated, non_mated = rng.normal(0, 1, 200_000), rng.normal(0, 1, 400_000)
    assert curves.eer(mated, non_mated).eer == pytest.approx(0.5, abs=0.003)
    assert linkability.d_sys(mated, non_mated) < 0.01
    assert linkability.d_sys(mated + 100, non_mated) == 1.0
    assert curves.eer(mated + 100, non_mated).eer == 0.0


def test_positive_bias_of_d_sys_on_identical_distributions() -> None:
    rng = np.random.default_rng(9)
    values = [linkability.d_sys(rng.normal(size=1000), rng.normal(size=1000)) for _ in range(60)]
    assert np.mean(values) == pytest.approx(0.095, abs=0.01)
