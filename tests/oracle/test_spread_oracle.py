"""The spread over judges against a recount without each person."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from visavox.metrics.spread import JudgeTrials, spread_interval, spread_of


@pytest.mark.parametrize(("seed", "two"), list(itertools.product(range(5), (False, True))))
def test_spread_against_recounting(seed: int, two: bool) -> None:
    """Three judges; the second did not judge the first person, the third judged one nobody else did."""
    rng = np.random.default_rng(seed)
    g, n, label = 12, 90, 100 + 3 * np.arange(12)
    people = []
    for judge in range(3):
        first = rng.integers(0, g, n)
        rows = np.stack([first, (first + rng.integers(1, g, n)) % g]) if two else first[None]
        rows = rows[:, (rows != 0).all(axis=0)] if judge == 1 else rows
        people.append(rows if judge == 2 else rows[:, (rows != 11).all(axis=0)])
    hits = [rng.random(rows.shape[1]) < rate for rows, rate in zip(people, (0.2, 0.5, 0.3), strict=True)]
    common = set(range(1, 11))

    def rates(without: int | None) -> list[float]:
        allowed = common - {without}
        found = []
        for h, rows in zip(hits, people, strict=True):
            mine = [bool(x) for x, row in zip(h, rows.T, strict=True) if set(row.tolist()) <= allowed]
            found.append(sum(mine) / len(mine))
        return found

    deleted = [rates(x) for x in sorted(common)]
    spreads = np.array([max(row) - min(row) for row in deleted])
    error = math.sqrt(9 / 10 * ((spreads - spreads.mean()) ** 2).sum())
    judges = [JudgeTrials(h, label[r[0]], label[r[1]] if two else None) for h, r in zip(hits, people, strict=True)]
    found = spread_interval(judges)
    whole = rates(None)
    assert found.figures.tolist() == pytest.approx(whole)
    assert (found.highest, found.lowest) == (int(np.argmax(whole)), int(np.argmin(whole)))
    value = max(whole) - min(whole)
    assert (found.interval.value, found.interval.n_people) == (pytest.approx(value), 10)
    assert found.interval.standard_error == pytest.approx(error)
    assert found.interval.high == pytest.approx(min(1, value + stats.t.isf(0.025, 9) * error))
    assert found.interval.lower == pytest.approx(max(0, value - stats.t.isf(0.05, 9) * error))
    general = spread_of(whole, np.array(deleted).T)
    assert general.interval.standard_error == pytest.approx(error)


def test_two_judges_of_the_same_opinion_differ_by_nothing() -> None:
    """Paired: people who are hard for both judges alike add no uncertainty."""
    people = np.repeat(np.arange(20), 5)
    hard = np.random.default_rng(1).random(20) < 0.4
    same = JudgeTrials(hard[people], people)
    found = spread_interval([same, same])
    assert (found.interval.low, found.interval.value, found.interval.high) == (0.0, 0.0, 0.0)
    some = JudgeTrials(hard[people] & (np.arange(100) % 5 > 0), people)
    paired = spread_interval([same, some]).interval
    alone = np.sqrt(hard.var(ddof=1) / 20)
    assert paired.value > 0 and paired.standard_error < 0.5 * alone
