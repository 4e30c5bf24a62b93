"""The smallest of several rates: its bounds never say more than one of the rates at its share of alpha would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import IntervalBasis
from visavox.metrics.intervals import bound_lower, bound_upper, p_value_fail, rate_interval
from visavox.metrics.worst_of import smallest_rate

RATES = st.lists(st.tuples(st.sampled_from([2, 12, 40]), st.floats(0, 1)), min_size=1, max_size=20)


def basis(n: int, share: float) -> IntervalBasis:
    hits = round(n * share)
    return rate_interval([1] * hits + [0] * (n - hits), range(n)).basis


@settings(max_examples=60)
@given(rates=RATES, alpha=st.floats(1e-4, 0.05))
def test_lower_is_the_smallest_and_upper_pays_for_the_number(rates: list[tuple[int, float]], alpha: float) -> None:
    made = [basis(n, share) for n, share in rates]
    found = smallest_rate(made, alpha)
    least = min(bound_lower(one, alpha) for one in made)
    paid = min(bound_upper(one, alpha / len(made)) for one in made)
    assert bound_lower(found.basis, alpha) <= least and bound_upper(found.basis, alpha) >= paid - 1e-6
    if len({one.df for one in made}) == 1:  # fewer people in one of them widen both
        assert bound_lower(found.basis, alpha) == least
        assert bound_upper(found.basis, alpha) == pytest.approx(paid, abs=1e-6)
    assert bound_lower(found.basis, alpha) <= bound_upper(found.basis, alpha) + 1e-9
    for stricter in (alpha / 3, alpha / 100):  # what Holm asks for
        chosen = made[found.uppermost]
        assert bound_upper(found.basis, stricter) >= bound_upper(chosen, stricter / len(made)) - 1e-6


def test_many_sound_checks_hide_no_hole_and_make_no_fail() -> None:
    sound, hole = basis(60, 1.0), basis(60, 0.0)
    assert bound_lower(smallest_rate([sound] * 17, 0.05).basis, 0.05) == bound_lower(sound, 0.05)
    assert bound_lower(smallest_rate([sound] * 16 + [hole], 0.05).basis, 0.05) == 0.0
    assert p_value_fail((smallest_rate([sound] * 16 + [hole], 0.05).basis,), 0.95, lower_is_safer=False) < 1e-9


def test_a_tool_at_the_limit_fails_no_more_often_than_alpha() -> None:
    """15 probes of 40 people, each refused with the probability of the limit."""
    rng, limit, failed, n_runs = np.random.default_rng(5), 0.95, 0, 400
    known = {hits: basis(40, hits / 40) for hits in range(41)}
    for hits in rng.binomial(40, limit, (n_runs, 15)):
        found = smallest_rate([known[int(k)] for k in hits], 0.05)
        failed += bound_upper(found.basis, 0.05) < limit
    assert failed <= 0.05 * n_runs


def test_of_nothing_there_is_no_smallest() -> None:
    with pytest.raises(UndefinedMetricError):
        smallest_rate([], 0.05)
