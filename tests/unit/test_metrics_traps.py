"""Traps seen in public toolkits, and inputs for which a figure does not exist."""

from typing import NamedTuple

import numpy as np
import pytest

from visavox.core.errors import UndefinedMetricError
from visavox.core.terms import Support
from visavox.metrics import (
    curves,
    detection,
    disclosure,
    disclosure_intervals,
    effective_size,
    error_rates,
    intervals,
    linkability,
    multiplicity,
    operating_points,
    permutation,
    planning,
    tandem,
)

EMPTY: list[float] = []
PEOPLE = np.repeat(np.arange(10), 4)
FIRST, SECOND = (np.repeat(side, 4) for side in np.triu_indices(10, 1))


def test_mated_scores_alone_give_no_threshold() -> None:
    with pytest.raises(UndefinedMetricError, match="non-mated"):
        error_rates.tpr_at_fmr([0.9, 0.8], EMPTY, 0.1)
    with pytest.raises(UndefinedMetricError):
        curves.eer([0.9, 0.8], EMPTY)


def test_rates_come_as_named_records() -> None:
    found = error_rates.error_rates([0.9, 0.2], [0.1, 0.3, 0.6], 0.5)
    assert found._asdict() == {
        "fmr": 1 / 3,
        "fnmr": 0.5,
        "n_false_matches": 1,
        "n_non_mated": 3,
        "n_false_non_matches": 1,
        "n_mated": 2,
    }


def test_fmr_of_1e_3_is_refused_on_a_few_hundred_scores() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UndefinedMetricError, match="at least 3000 needed"):
        error_rates.tpr_at_fmr(rng.normal(1, 1, 50), rng.normal(size=2999), 1e-3)
    assert error_rates.tpr_at_fmr(rng.normal(1, 1, 50), rng.normal(size=3000), 1e-3).fmr <= 1e-3
    assert operating_points.support(40, 2999, 1e-3) is Support.NONE


@pytest.mark.parametrize(("value", "k"), [(0, 40), (1, 40)])
def test_intervals_have_width_at_0_and_at_100_percent(value: int, k: int) -> None:
    basis = intervals.rate_interval([value] * 400, np.repeat(np.arange(k), 10)).basis
    assert intervals.bound_upper(basis, 0.05) - intervals.bound_lower(basis, 0.05) > 0.02


def test_percent_is_refused_where_shares_are_due() -> None:
    with pytest.raises(UndefinedMetricError, match="shares"):
        error_rates.frr(12.0, 0.1)
    with pytest.raises(UndefinedMetricError):
        operating_points.threshold_at_fmr([0.1, 0.2], 5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_unscored_trials_are_not_skipped(bad: float) -> None:
    scores = np.append(np.linspace(0, 1, 99), bad)
    for call in (
        lambda: error_rates.fmr(scores, 0.5),
        lambda: curves.auc(scores, scores[:50]),
        lambda: operating_points.threshold_at_fmr(scores, 0.1),
        lambda: linkability.d_sys(scores, scores[:50]),
        lambda: intervals.mean_interval(scores),
        lambda: disclosure.min_cllr(scores, scores[:50]),
        lambda: disclosure.cllr(scores[:50], scores),
        lambda: disclosure.zebra(scores, scores[:50]),
        lambda: disclosure_intervals.min_cllr_interval(scores[:50], range(50), scores, range(100), None),
        lambda: detection.min_dcf(scores, scores[:50]),
        lambda: detection.act_dcf(scores[:50], scores),
        lambda: tandem.a_dcf(scores[:50], scores, scores[:50]),
        lambda: tandem.t_dcf(scores, scores[:50]),
        lambda: tandem.t_eer(*[tandem.TandemTrials(scores, scores)] * 3),
    ):
        with pytest.raises(UndefinedMetricError, match="NaN or infinite"):
            call()


def test_inverted_scores_are_flagged_not_celebrated() -> None:
    found = curves.eer([0.1, 0.2, 0.3], [0.7, 0.8, 0.9])
    assert found.eer == 1.0 and found.is_above_half
    assert not curves.eer([0.7, 0.8, 0.9], [0.1, 0.2, 0.3]).is_above_half


def test_a_constant_output_does_not_leak_by_its_ties() -> None:
    same = np.full(5000, 0.25, np.float32)
    found = operating_points.threshold_at_fmr(same, 1e-3)
    assert found.ties and found.fmr == 0.0
    assert error_rates.fnmr(np.full(40, 0.25, np.float32), found.threshold) == 1.0


@pytest.mark.parametrize("top", [0.1, -0.3, 0.999999, 0.0, 1.0])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_threshold_above_all_ties_survives_a_float32_table(top: float, kind: type) -> None:
    scores = np.full(10, top, kind)
    threshold = operating_points.threshold_at_fmr(scores, 0.05).threshold
    assert not (scores >= threshold).any()
    assert not (scores.astype(np.float32) >= np.float32(threshold)).any()


@pytest.mark.parametrize(
    ("people", "comparisons", "expected"),
    [
        (160, 30_000, Support.FULL),
        (159, 30_000, Support.WEAK),
        (160, 29_999, Support.WEAK),
        (40, 3_000, Support.WEAK),
        (39, 3_000, Support.FEW_PEOPLE),
        (8, 3_000, Support.FEW_PEOPLE),
        (7, 30_000, Support.NONE),
        (40, 2_999, Support.NONE),
    ],
)
def test_support(people: int, comparisons: int, expected: Support) -> None:
    assert operating_points.support(people, comparisons, 1e-3) is expected


def test_imputed_basis_takes_each_side_from_its_own_count() -> None:
    low = intervals.rate_interval([0] * 36 + [1] * 4, PEOPLE)
    high = intervals.rate_interval([0] * 30 + [1] * 10, PEOPLE)
    both = intervals.imputed(low, high)
    assert intervals.bound_lower(both, 0.05) == intervals.bound_lower(low.basis, 0.05)
    assert intervals.bound_upper(both, 0.05) == intervals.bound_upper(high.basis, 0.05)
    with pytest.raises(UndefinedMetricError, match="small rate first"):
        intervals.imputed(high, low)


def test_frozen_threshold_is_case_a() -> None:
    rng = np.random.default_rng(1)
    scores, non = rng.normal(1, 1, 40), rng.normal(0, 1, FIRST.size)
    threshold = operating_points.threshold_at_fmr(non, 0.05).threshold
    stratum = intervals.Stratum(scores, PEOPLE, threshold, 0.05, non, FIRST, SECOND, frozen=True)
    assert intervals.rate_at_threshold_interval([stratum]) == intervals.rate_interval(scores >= threshold, PEOPLE)
    swap = stratum._replace(seconds=(PEOPLE + 1) % 10)
    expected = intervals.cross_rate_interval(scores >= threshold, (PEOPLE + 1) % 10, PEOPLE)
    found = intervals.rate_at_threshold_interval([swap])
    assert found.deff == pytest.approx(expected.deff) and found.touched == expected.touched


def test_strata_pool_their_trials_and_split_like_one() -> None:
    """Two strata that are the same comparisons cut in two give the same rate; imputed hits count as trials."""
    rng = np.random.default_rng(2)
    scores, non = rng.normal(1, 1, 40), rng.normal(0, 1, FIRST.size)
    threshold = operating_points.threshold_at_fmr(non, 0.05).threshold
    whole = intervals.Stratum(scores, PEOPLE, threshold, 0.05, non, FIRST, SECOND)
    parts = [whole._replace(scores=scores[cut], persons=PEOPLE[cut]) for cut in (slice(0, 40, 2), slice(1, 40, 2))]
    assert intervals.rate_at_threshold_interval(parts).p == intervals.rate_at_threshold_interval([whole]).p
    more = intervals.rate_at_threshold_interval([whole._replace(extra_hits=[1, 1], extra_persons=[0, 1])])
    assert more.n == 42 and more.p == pytest.approx((np.sum(scores >= threshold) + 2) / 42)


def test_label_permutation_finds_a_planted_leak_and_says_when_it_cannot() -> None:
    rng = np.random.default_rng(3)
    k = 20
    i, j = np.nonzero(~np.eye(k, dtype=bool))
    d = permutation.draw_derangement(k, rng)
    scores = rng.normal(size=i.size)
    clean = permutation.label_permutation_auc(scores, i, j, n_people=k, rng=rng, derangement=d)
    leaky = permutation.label_permutation_auc(scores + 4 * (d[i] == j), i, j, n_people=k, rng=rng, derangement=d)
    assert clean.assessable and clean.p_value > 0.001 and 0.5 < clean.detectable_auc < 1
    assert leaky.p_value == 1 / 2000 and leaky.auc0 > leaky.null_q999
    few = i, j = np.nonzero(~np.eye(7, dtype=bool))
    found = permutation.label_permutation_auc(rng.normal(size=42), *few, n_people=7, rng=rng)
    assert not found.assessable and found.p_value == 1.0


def test_tied_scores_carry_equal_evidence() -> None:
    """Some toolkits put tied non-mated scores first: a constant output then looks perfectly informative."""
    same = disclosure.pav_llrs(np.full(40, 0.25), np.full(60, 0.25))
    assert np.allclose(same.mated, 0) and np.allclose(same.non_mated, 0)
    assert disclosure.min_cllr(np.full(40, 0.25), np.full(60, 0.25)) == pytest.approx(1.0)
    assert disclosure.zebra(np.full(40, 0.25), np.full(60, 0.25)).expected_bit == pytest.approx(0.0, abs=1e-12)


def test_the_tandem_rate_of_tied_scores_is_one_half() -> None:
    """The share of attacks accepted alone would be 0 here, or 1, with everybody rejected."""
    same = tandem.TandemTrials([0.2, 0.2], [0.5, 0.5])
    found = tandem.t_eer(same, same, same)
    assert found.t_eer == 0.5 and {found.miss, found.false_attack} == {0.0, 1.0}


def test_inverted_scores_link_nothing_after_calibration_and_cost_much_before() -> None:
    rng = np.random.default_rng(7)
    mated, non_mated = rng.normal(-2, 1, 300), rng.normal(2, 1, 300)
    found = disclosure.calibration(mated, non_mated)
    assert found.min_cllr > 0.98 and found.cllr > 2 and found.cllr_cal == pytest.approx(found.cllr - found.min_cllr)
    assert detection.min_dcf(bona_fide=non_mated, attacks=mated).dcf == pytest.approx(1.0, abs=0.01)


def test_costs_come_as_named_records() -> None:
    found = detection.min_dcf([0.1, 0.2, 0.6], [0.4, 0.8, 0.9])
    assert found._asdict() == {
        "dcf": pytest.approx(0.5 / 3 / 0.5),
        "threshold": 0.8,
        "bona_fide_flagged": 0.0,
        "attacks_passed": pytest.approx(1 / 3),
    }
    tied = detection.act_dcf([0.0], [detection.ASVSPOOF5.bayes_threshold])
    assert tied.attacks_passed == 0.0  # a score that equals the threshold is flagged


def test_d_sys_null_tells_a_link_from_bias() -> None:
    rng = np.random.default_rng(4)
    mated, non = rng.normal(size=PEOPLE.size), rng.normal(size=FIRST.size)
    none = linkability.d_sys_null(mated, PEOPLE, non, FIRST, SECOND, rng=rng, n_null=199, is_symmetric=True)
    link = linkability.d_sys_null(mated + 3, PEOPLE, non, FIRST, SECOND, rng=rng, n_null=199, is_symmetric=True)
    assert none.d_sys > 0.02 and none.p_value > 0.01 and none.null_mean < none.null_q95
    assert link.p_value == 1 / 200 and link.d_sys > link.null_q95
    again = [
        linkability.d_sys_null(mated, PEOPLE, non, FIRST, SECOND, rng=np.random.default_rng(5), n_null=50)
        for _ in range(2)
    ]
    assert again[0] == again[1]


class Unlinked(NamedTuple):
    """Comparisons of people whose outputs say nothing about them, in the order that the nulls take them."""

    mated: np.ndarray
    persons: np.ndarray
    non_mated: np.ndarray
    first: np.ndarray
    second: np.ndarray


def unlinked(rng: np.random.Generator, *, is_symmetric: bool, n_folds: int) -> Unlinked:
    """Of 30 people in 6 outputs each; people of different folds are not compared."""
    people = np.repeat(np.arange(30), 6)
    outputs = rng.normal(size=(people.size, 16))
    references = outputs if is_symmetric else rng.normal(size=outputs.shape)
    i, j = np.tril_indices(people.size, -1) if is_symmetric else np.nonzero(~np.eye(people.size, dtype=bool))
    compared = people[i] % n_folds == people[j] % n_folds
    i, j = i[compared], j[compared]
    scores, same = (outputs @ references.T)[i, j], people[i] == people[j]
    return Unlinked(scores[same], people[i][same], scores[~same], people[i][~same], people[j][~same])


WORLDS = pytest.mark.parametrize(("is_symmetric", "n_folds"), [(True, 1), (False, 1), (True, 3)])


@WORLDS
def test_where_nothing_links_d_sys_is_its_null_mean(is_symmetric: bool, n_folds: int) -> None:
    """One person's m outputs make m(m - 1)/2 pairs, two people's m^2 or, of two folds, none: a null of more scores
    would be too small, of fewer too large.
    """
    excess, low = [], 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        table = unlinked(rng, is_symmetric=is_symmetric, n_folds=n_folds)
        found = linkability.d_sys_null(*table, rng=rng, n_null=99, is_symmetric=is_symmetric)
        excess.append(found.d_sys - found.null_mean)
        low += found.p_value <= 0.05
    assert abs(np.mean(excess)) < 3 * np.std(excess) / 5
    assert low <= 5  # of 25: more once in 800


@WORLDS
def test_where_nothing_links_the_evidence_is_its_null_mean(is_symmetric: bool, n_folds: int) -> None:
    excess = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        table = unlinked(rng, is_symmetric=is_symmetric, n_folds=n_folds)
        null = disclosure_intervals.disclosure_null(*table, rng=rng, n_null=39, is_symmetric=is_symmetric)
        bits = disclosure.zebra(table.mated, table.non_mated).expected_bit
        cost = disclosure.min_cllr(table.mated, table.non_mated)
        excess.append((bits - null.expected_bit_mean, cost - null.min_cllr_mean))
    assert (np.abs(np.mean(excess, axis=0)) < 3 * np.std(excess, axis=0) / 5).all()


def test_the_null_of_evidence_tells_a_link_from_what_calibration_finds_in_chance() -> None:
    rng = np.random.default_rng(8)
    mated, non = rng.normal(size=PEOPLE.size), rng.normal(size=FIRST.size)
    table = PEOPLE, non, FIRST, SECOND
    null = disclosure_intervals.disclosure_null(mated, *table, rng=np.random.default_rng(1), is_symmetric=True)
    assert 0.8 < null.min_cllr_q05 < null.min_cllr_mean < 0.99
    assert 0.005 < null.expected_bit_mean < null.expected_bit_q95 < 0.2
    assert null.min_cllr_q05 < disclosure.min_cllr(mated, non)
    assert disclosure.min_cllr(mated + 2, non) < null.min_cllr_q05
    assert disclosure.zebra(mated + 2, non).expected_bit > null.expected_bit_q95
    again = disclosure_intervals.disclosure_null(mated, *table, rng=np.random.default_rng(1), is_symmetric=True)
    assert again == null and null.n_null == 199
    with pytest.raises(UndefinedMetricError):
        disclosure_intervals.disclosure_null([0.1, 0.2], [0, 1], [0.3], [0], [1], rng=rng)


def test_jackknife_and_mean_intervals_are_clipped() -> None:
    found = intervals.jackknife_interval([0.95, 0.99, 1.0, 0.9], 0.97)
    assert found.high == 1.0 and found.lower < 0.97 and found.n_people == 4
    mean = intervals.mean_interval([0.0, 0.0, 0.1], alpha=0.1)
    assert mean.low == 0.0 and mean.alpha == 0.1 and mean.upper < mean.high


def test_pairs_of_many_people_are_summed_by_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    hits = rng.random(FIRST.size) < 0.2
    dense = intervals.pair_rate_interval(hits, FIRST, SECOND)
    monkeypatch.setattr("visavox.metrics.arrays.DENSE_PAIRS", 0)
    assert intervals.pair_rate_interval(hits, FIRST, SECOND) == dense
    assert intervals.pair_rate_interval(hits, FIRST * 10**9, SECOND * 10**9) == dense


def test_undefined_inputs_are_named() -> None:
    cases = [
        lambda: intervals.rate_interval([], []),
        lambda: intervals.rate_interval([1, 0], [3, 3]),
        lambda: intervals.rate_interval([1, 2], [0, 1]),
        lambda: intervals.rate_interval([1, 0], [0.0, 1.0]),
        lambda: intervals.rate_interval([1, 0, 1], [0, 1]),
        lambda: intervals.rate_interval([1, 0], [0, 1], n_people=1),
        lambda: intervals.pair_rate_interval([1, 0], [0, 1], [0, 2]),
        lambda: intervals.cross_rate_interval([1], [4], [4]),
        lambda: intervals.bound_upper(intervals.rate_interval([1, 0], [0, 1]).basis, 0.5),
        lambda: intervals.p_value_fail((), 0.1),
        lambda: intervals.upper_any_correlation(0, 0.05),
        lambda: intervals.rate_at_threshold_interval([]),
        lambda: intervals.jackknife_interval([0.1], 0.1),
        lambda: intervals.jackknife_interval([0.1, 0.2], 1.1),
        lambda: linkability.d_sys([0.1] * 19, [0.2] * 50),
        lambda: multiplicity.holm([0.2, 1.2]),
        lambda: planning.people_needed(0.07, 0.07, 0.1, 4),
        lambda: permutation.label_permutation_auc([0.1], [0], [0], n_people=9, rng=np.random.default_rng(0)),
        lambda: permutation.draw_derangement(1, np.random.default_rng(0)),
        lambda: error_rates.fta_rate(3, 2),
        lambda: disclosure.min_cllr([0.3], EMPTY),
        lambda: disclosure.cllr(EMPTY, [0.3]),
        lambda: disclosure.expected_disclosure([np.nan], [0.3]),
        lambda: disclosure.ece_curve([0.1], [0.3], [1.0]),
        lambda: disclosure.disclosure_tag(np.nan),
        lambda: disclosure_intervals.min_cllr_interval([0.3, 0.4, 0.5], [0, 0, 0], [0.1, 0.2], [0, 1], [1, 2]),
        lambda: disclosure_intervals.min_cllr_interval([0.3, 0.4], [0, 1], [0.1], [0], [1]),
        lambda: detection.min_dcf([0.3], [0.2], costs=detection.DetectionCosts(1.0, 1.0, 1.0)),
        lambda: detection.min_dcf_interval([0.3, 0.2], [0, 1], [0.1, 0.2], [0, 1]),
        lambda: tandem.a_dcf([0.3], [0.2], EMPTY),
        lambda: tandem.a_dcf([0.3], [0.2], [0.1], costs=tandem.TandemCosts(p_attack=0.5)),
        lambda: tandem.t_dcf_constants(tandem.ComparatorErrors(1.0, 1.0, 1.0)),
        lambda: tandem.t_dcf_constants(tandem.ComparatorErrors(12.0, 0.1, 0.1)),
        lambda: tandem.t_eer(*[tandem.TandemTrials([0.1, 0.2], [0.1])] * 3),
        lambda: curves.eer_interval([0.3, 0.4], [1, 1], [0.1], [1]),
    ]
    for number, case in enumerate(cases):
        with pytest.raises(UndefinedMetricError):
            pytest.fail(f"case {number} gave {case()}")


def test_the_bound_that_holds_whatever_the_correlation_is_the_wider() -> None:
    for k, m in ((20, 4), (40, 10), (160, 20)):
        data = effective_size.clustered(np.zeros(k), np.full(k, m))
        bound = float(effective_size.upper_bounds(0.0, k * m / data.deff, data.df, 0.05))
        assert intervals.upper_any_correlation(k, 0.05) > bound


def test_failures_to_acquire_enter_the_rates_of_whole_attempts() -> None:
    fta = error_rates.fta_rate(1, 4)
    assert error_rates.frr(0.2, fta) == pytest.approx(0.4)
    assert error_rates.far(0.2, fta) == pytest.approx(0.15)
