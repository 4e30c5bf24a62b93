"""Paired changes against direct loops, a paired t interval, and simulated people."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import IntervalBasis
from visavox.metrics.intervals import Stratum, difference_bounds, rate_at_threshold_interval, rate_interval
from visavox.metrics.paired import (
    FEW_PEOPLE,
    change_bounds,
    expected_by_chance,
    figure_of_basis,
    flips,
    p_value_of_change,
    person_correlation,
)

rates = st.floats(0, 1)
sizes = st.floats(1.5, 5000)


@st.composite
def bases(draw: st.DrawFn) -> IntervalBasis:
    low, high = sorted((draw(rates), draw(rates)))
    return IntervalBasis(
        p_low=low, n_eff_low=draw(sizes), p_high=high, n_eff_high=draw(sizes), df=draw(st.integers(1, 200))
    )


def test_without_correlation_it_is_the_difference_of_two_rates() -> None:
    rng = np.random.default_rng(1)
    one, other = (rate_interval(rng.random(400) < p, np.arange(400) // 10) for p in (0.1, 0.3))
    found = change_bounds(figure_of_basis(one.p, [one.basis]), figure_of_basis(other.p, [other.basis]), 0.0, 0.025)
    assert found == pytest.approx(difference_bounds(other.basis, one.basis, 0.025), abs=1e-12)


@given(bases(), bases(), rates, st.sampled_from([0.025, 0.05, 0.2]))
def test_swapping_the_runs_negates_the_change(a: IntervalBasis, b: IntervalBasis, r: float, alpha: float) -> None:
    one, other = figure_of_basis(a.p_low, [a]), figure_of_basis(b.p_high, [b])
    there, back = change_bounds(one, other, r, alpha), change_bounds(other, one, r, alpha)
    assert there.lower == pytest.approx(-back.upper, abs=1e-9) and there.upper == pytest.approx(-back.lower, abs=1e-9)
    assert there.lower <= other.value - one.value <= there.upper
    none = change_bounds(one, one, r, alpha)
    assert none.lower <= 0 <= none.upper
    assert p_value_of_change(one, one, r) == 1.0


def strata(rng: np.random.Generator, people: int, each: int, shift: float) -> tuple[Stratum, Stratum]:
    """Two runs over the same people and recordings, thresholds from non-mated scores of the same people."""
    person = np.repeat(np.arange(people), each)
    own, i, j = rng.normal(0, 0.5, people), *np.triu_indices(people, 1)
    found, trials, pairs = [], rng.normal(size=person.size), rng.normal(size=i.size)
    for extra in (0.0, shift):
        non_mated = 0.8 * pairs + 0.6 * rng.normal(size=i.size) + 0.3 * (own[i] + own[j])
        threshold = float(np.sort(non_mated)[int(0.9 * i.size)])
        scores = 0.6 + extra + 0.8 * trials + 0.6 * rng.normal(size=person.size) + own[person]
        found.append(Stratum(scores, person, threshold, 0.1, non_mated, i, j))
    return found[0], found[1]


def sums_by_loops(stratum: Stratum, people: int) -> tuple[np.ndarray, set[int], set[int]]:
    """STATISTICS 3e, one trial at a time."""
    scores, persons = np.asarray(stratum.scores), np.asarray(stratum.persons)
    non, i, j = (np.asarray(x) for x in (stratum.non_mated, stratum.non_first, stratum.non_second))
    hits = [bool(s >= stratum.threshold) for s in scores]
    n, p = len(hits), sum(hits) / len(hits)
    false = [bool(s >= stratum.threshold) for s in non]
    fmr = sum(false) / len(false)

    def logit(target: float) -> float:
        allowed = math.floor(target * len(non) + 1e-9)
        above = sorted(non, reverse=True)
        threshold = above[allowed - 1] if allowed else math.inf
        k = sum(s >= threshold for s in scores) + 0.5
        return math.log(k / (n + 1 - k))

    slope = (logit(0.2) - logit(0.05)) / math.log(4)
    weight = -p * (1 - p) * slope / (fmr * len(non))
    sums = np.zeros(people)
    for hit, who in zip(hits, persons, strict=True):
        sums[who] += (hit - p) / n
    for hit, one, other in zip(false, i, j, strict=True):
        sums[one] += weight * (hit - fmr)
        sums[other] += weight * (hit - fmr)
    return (
        sums,
        {int(w) for h, w in zip(hits, persons, strict=True) if h},
        {int(w) for h, w in zip(hits, persons, strict=True) if not h},
    )


def test_the_correlation_is_of_what_each_person_adds() -> None:
    a, b = strata(np.random.default_rng(2), 30, 6, 0.4)
    (one, hit_a, miss_a), (other, hit_b, miss_b) = sums_by_loops(a, 30), sums_by_loops(b, 30)
    told = min(map(len, (hit_a, miss_a, hit_b, miss_b)))
    plain = float(one @ other) / math.sqrt(float(one @ one) * float(other @ other))
    assert 0.2 < plain < 0.99
    assert person_correlation([a], [b]) == pytest.approx(plain * told / (told + FEW_PEOPLE), abs=1e-9)
    assert person_correlation([a], [a]) == pytest.approx(
        min(len(hit_a), len(miss_a)) / (min(len(hit_a), len(miss_a)) + 4)
    )


def test_where_nobody_moves_a_rate_there_is_no_correlation() -> None:
    a, b = strata(np.random.default_rng(3), 20, 4, 0.0)
    assert person_correlation([a._replace(threshold=99.0)], [b]) == 0.0
    with pytest.raises(UndefinedMetricError):
        change_bounds(figure_of_basis(0.5, [rate_interval([0, 1], [1, 2]).basis]), figure_of_basis(0.5, []), 0.0, 0.05)


def test_of_many_people_it_is_about_the_paired_t_interval() -> None:
    """Another method altogether: the mean of each person's own change, with Student's t."""
    people, each = 300, 4
    a, b = (one._replace(frozen=True) for one in strata(np.random.default_rng(4), people, each, 0.3))
    ra, rb = rate_at_threshold_interval([a]), rate_at_threshold_interval([b])
    found = change_bounds(*(figure_of_basis(r.p, [r.basis]) for r in (ra, rb)), person_correlation([a], [b]), 0.025)
    own = [np.reshape(np.asarray(s.scores) >= s.threshold, (people, each)).mean(1) for s in (a, b)]
    change = own[1] - own[0]
    t = stats.t.interval(0.95, people - 1, change.mean(), stats.sem(change))
    assert rb.p - ra.p == pytest.approx(change.mean())
    assert (found.upper - found.lower) / (t[1] - t[0]) == pytest.approx(1.0, abs=0.12)
    assert found == pytest.approx(t, abs=0.01)


@pytest.mark.parametrize(("p_a", "p_b"), [(0.05, 0.05), (0.05, 0.2)])
def test_it_covers_the_true_change(p_a: float, p_b: float) -> None:
    """40 people, 6 trials each, people and trials that move both runs alike; 300 pairs of runs, 95 % intervals."""
    rng, runs, people, each = np.random.default_rng(5), 300, 40, 6
    who = np.repeat(np.arange(people), each)
    below = above = 0
    for _ in range(runs):
        shared = 0.5 * rng.normal(size=people)[who] + 0.8 * rng.normal(size=who.size)
        own = math.sqrt(1 - 0.5**2 - 0.8**2)
        sides = [
            Stratum(
                shared + own * rng.normal(size=who.size),
                who,
                float(stats.norm.isf(p)),
                0.1,
                [0.0],
                [0],
                [1],
                frozen=True,
            )
            for p in (p_a, p_b)
        ]
        figures = [figure_of_basis(r.p, [r.basis]) for r in (rate_at_threshold_interval([s]) for s in sides)]
        found = change_bounds(figures[0], figures[1], person_correlation([sides[0]], [sides[1]]), 0.025)
        below += found.upper < p_b - p_a
        above += found.lower > p_b - p_a
    assert max(below, above) <= 0.025 * runs + 2 * math.sqrt(0.025 * 0.975 * runs)


def test_flips_and_chance_by_loops() -> None:
    rng = np.random.default_rng(6)
    a, b, near_a, near_b = rng.random((4, 500)) < 0.4
    found = flips(a, b, near_a, near_b)
    rows = list(zip(a, b, near_a, near_b, strict=True))
    assert found.to_match == sum(not x and y for x, y, _, _ in rows)
    assert found.from_match == sum(x and not y for x, y, _, _ in rows)
    assert found.near == sum(x != y and m and n for x, y, m, n in rows)
    rates, persons = rng.random(60) * 0.1, rng.integers(0, 9, 60)
    by_person = [1 - math.prod(1 - r for r, w in zip(rates, persons, strict=True) if w == one) for one in set(persons)]
    assert expected_by_chance(rates, persons) == pytest.approx(sum(by_person))
