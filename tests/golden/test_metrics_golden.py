"""Numbers that must never move: STATISTICS 3 (check values) and METRICS 6 (equal-variance Gaussians)."""

import math

import numpy as np
import pytest

from visavox.core.figures import IntervalBasis
from visavox.metrics import curves, detection, disclosure, intervals, linkability, tandem


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


@pytest.mark.parametrize(
    ("distance", "cllr", "bit"), [(0, 1, 0), (1, 0.8399, 0.1089), (2, 0.5132, 0.3395), (3, 0.2399, 0.5403)]
)
def test_evidence_of_equal_variance_gaussians(distance: float, cllr: float, bit: float) -> None:
    """Ratios of these Gaussians are d s - d^2 / 2; PAV finds them again from the scores alone."""
    rng = np.random.default_rng(10)
    mated, non_mated = rng.normal(distance, 1, 400_000), rng.normal(0, 1, 400_000)
    ratios = distance * mated - distance**2 / 2, distance * non_mated - distance**2 / 2
    assert disclosure.cllr(*ratios) == pytest.approx(cllr, abs=0.003)
    assert disclosure.expected_disclosure(*ratios) == pytest.approx(bit, abs=0.003)
    assert disclosure.min_cllr(mated, non_mated) == pytest.approx(cllr, abs=0.003)
    assert disclosure.zebra(mated, non_mated).expected_bit == pytest.approx(bit, abs=0.003)


def test_evidence_of_complete_separation() -> None:
    mated, non_mated = np.linspace(2, 3, 1000), np.linspace(0, 1, 1000)
    assert disclosure.min_cllr(mated, non_mated) == 0.0
    found = disclosure.zebra(mated, non_mated)
    assert found.expected_bit == pytest.approx(0.7213, abs=5e-5)
    assert found.expected_bit == pytest.approx(1 / math.log(4))
    assert found.worst_log10 == pytest.approx(math.log10(1001)) and found.tag == "C"


@pytest.mark.parametrize(
    ("worst", "tag"),
    [(0, "0"), (1e-9, "A"), (1, "A"), (1.01, "B"), (2, "B"), (3, "C"), (4, "C"), (4.5, "D"), (6, "E"), (6.01, "F")],
)
def test_tags_of_zebra(worst: float, tag: str) -> None:
    assert disclosure.disclosure_tag(worst) == tag


def test_constants_of_asvspoof_5() -> None:
    constants = tandem.t_dcf_constants()
    assert [round(c, 5) for c in constants] == [0.01947, 0.92103, 0.23035]
    assert constants.normaliser == pytest.approx(0.24982, abs=5e-6)
    assert constants.c0 / constants.normaliser == pytest.approx(0.0779, abs=5e-5)
    weights = tandem.ASVSPOOF5.weights
    assert min(weights[1] + weights[2], weights[0]) == pytest.approx(0.595)
    assert -detection.ASVSPOOF5.bayes_threshold == pytest.approx(-0.6419, abs=5e-5)
    assert min(detection.ASVSPOOF5.weight_bona_fide, detection.ASVSPOOF5.weight_attacks) == pytest.approx(0.5)
