"""Properties of the figures of detectability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.core.errors import UndefinedMetricError
from visavox.metrics import detector_points, intervals, presentation_attack, survival, watermark

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40, deadline=None, derandomize=True)


@quick
@given(st.integers(1, 150), st.floats(1e-12, 0.6))
def test_the_point_is_the_smallest_that_keeps_the_rate(n_bits: int, target: float) -> None:
    p_values = [watermark.bit_test_p_value(k, n_bits) for k in range(n_bits + 1)]
    assert p_values == sorted(p_values, reverse=True) and p_values[0] == 1.0
    if watermark.reachable_fpr(n_bits) > target:
        with pytest.raises(UndefinedMetricError, match="reaches FPR"):
            watermark.bits_needed(n_bits, target)
        return
    k = watermark.bits_needed(n_bits, target)
    assert p_values[k] <= target
    assert k == 0 or p_values[k - 1] > target


@quick
@given(seeds, st.integers(2, 64))
def test_flipping_what_is_compared_leaves_the_test_alone(seed: int, n_bits: int) -> None:
    rng = np.random.default_rng(seed)
    sent, decoded, key = (rng.integers(0, 2, n_bits) for _ in range(3))
    assert watermark.bit_test(decoded ^ key, sent ^ key) == watermark.bit_test(decoded, sent)
    test = watermark.bit_test(decoded, sent)
    mirrored = watermark.bit_test(1 - decoded, sent)
    assert test.n_matched + mirrored.n_matched == n_bits
    assert watermark.capacity_bits(test.n_matched / n_bits, n_bits) == pytest.approx(
        watermark.capacity_bits(mirrored.n_matched / n_bits, n_bits)
    )


def test_fair_coins_pass_the_null_test_and_preferences_do_not() -> None:
    rng = np.random.default_rng(4)
    fair = np.array([watermark.null_test(rng.random((40, 32)) < 0.5)[:4] for _ in range(400)])
    assert ((fair < 0.05).mean(axis=0) <= 0.08).all()
    assert (fair < 0.001).sum() <= 6
    biased = rng.random((40, 32)) < 0.58
    assert watermark.null_test(biased).p_bias < 0.001
    pattern = np.tile(rng.permutation(32) < 16, (40, 1))  # every medium the same, half of the bits right
    found = watermark.null_test(pattern)
    assert found.p_bias == 1.0 and found.p_positions < 1e-9
    each = rng.beta(0.5, 0.5, (40, 1))  # media of their own, right or wrong as a whole
    assert watermark.null_test(rng.random((40, 32)) < each).p_media < 1e-9


@quick
@given(seeds, st.integers(8, 40))
def test_word_accuracy_never_exceeds_the_share_marked(seed: int, n_bits: int) -> None:
    rng = np.random.default_rng(seed)
    matches = rng.random((30, n_bits)) < rng.uniform(0.7, 1.0)
    people = np.repeat(np.arange(10), 3)
    found = watermark.message_recovery(matches, people)
    marked = watermark.marked_rate(matches, people, max(watermark.reachable_fpr(n_bits), 1e-2))
    assert found.word_accuracy.p <= marked.p
    assert 0 <= found.capacity_bits <= n_bits
    assert found.bit_accuracy >= found.word_accuracy.p


def attack_scores(seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    shifts = {"a": rng.uniform(0, 2), "b": rng.uniform(0, 2), "c": rng.uniform(0, 2)}
    return rng.normal(0, 1, 60).round(1), {name: rng.normal(at, 1, 40).round(1) for name, at in shifts.items()}


@quick
@given(seeds, st.floats(-2, 3))
def test_the_worst_species_leads_and_one_more_never_helps(seed: int, threshold: float) -> None:
    bona_fide, attacks = attack_scores(seed)
    found = presentation_attack.presentation_errors(bona_fide, attacks, threshold)
    fewer = {name: attacks[name] for name in ("a", "b")}
    assert found.apcer == max(row.apcer for row in found.species)
    assert presentation_attack.presentation_errors(bona_fide, fewer, threshold).apcer <= found.apcer
    every, some = (presentation_attack.bpcer_at_apcer(bona_fide, group, 0.1) for group in (attacks, fewer))
    assert every.bpcer >= some.bpcer and every.apcer <= 0.1
    assert presentation_attack.d_eer(bona_fide, attacks).d_eer >= presentation_attack.d_eer(bona_fide, fewer).d_eer
    by_target = [presentation_attack.bpcer_at_apcer(bona_fide, attacks, f).bpcer for f in (0.08, 0.1, 0.2, 0.5)]
    assert by_target == sorted(by_target, reverse=True)
    with pytest.raises(UndefinedMetricError):
        presentation_attack.presentation_errors(bona_fide, {}, threshold)


@quick
@given(seeds)
def test_rates_at_a_point_follow_the_target_and_not_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people, others = np.repeat(np.arange(20), 4), np.repeat(np.arange(20, 50), 3)
    attacks, bona_fide, calibration = rng.normal(1, 1, 80), rng.normal(0, 1, 80), rng.normal(0, 1, 90)
    fold = detector_points.DetectorFold(attacks, people, bona_fide, people, calibration, others)
    rates = [detector_points.detection_rates([fold], f) for f in (0.04, 0.05, 0.2)]
    assert [r.tpr.p for r in rates] == sorted(r.tpr.p for r in rates)
    assert [r.fpr.p for r in rates] == sorted(r.fpr.p for r in rates)
    mix = rng.permutation(80)
    again = detector_points.detection_rates([fold._replace(attacks=attacks[mix], attack_persons=people[mix])], 0.05)
    assert again.tpr.p == rates[1].tpr.p and again.tpr.deff == pytest.approx(rates[1].tpr.deff)
    for r in rates:
        assert intervals.bound_lower(r.tpr.basis, 0.05) <= r.tpr.p <= intervals.bound_upper(r.tpr.basis, 0.05)


@quick
@given(seeds, st.integers(1, 6), st.floats(0.05, 1.0), st.booleans())
def test_a_crossing_lies_between_its_earliest_and_its_latest(seed: int, n: int, limit: float, falls: bool) -> None:
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(15), 2)
    strengths = np.cumsum(rng.uniform(0.1, 1, n)) * (-1 if falls else 1)
    rates = [intervals.rate_interval(rng.random(30) < p, people) for p in rng.random(n)]
    curve = survival.survival_curve(strengths, rates, limit)

    def place(crossing: survival.Crossing) -> float:
        if crossing.strength is not None:
            return abs(crossing.strength - strengths[0])
        return -1.0 if crossing.reach is survival.Reach.BEFORE_FIRST else 1e9

    assert place(curve.earliest) <= place(curve.crossing) + 1e-9
    assert place(curve.crossing) <= place(curve.latest) + 1e-9
    if curve.area is not None:
        assert min(curve.rates) - 1e-9 <= curve.area <= max(curve.rates) + 1e-9


@quick
@given(seeds, st.integers(1, 4))
def test_more_layers_are_alive_on_fewer_outputs(seed: int, layers: int) -> None:
    rng = np.random.default_rng(seed)
    alive = rng.random((24, layers)) < rng.random()
    unknown = ~alive & (rng.random(alive.shape) < 0.3)
    people = np.repeat(np.arange(8), 3)
    found = [survival.layers_alive(alive, people, at_least=k + 1, unknown=unknown) for k in range(layers)]
    for one in found:
        assert one.low.p <= one.high.p
        assert intervals.bound_lower(one.basis, 0.05) <= one.low.p
        assert one.high.p <= intervals.bound_upper(one.basis, 0.05)
    assert [one.low.p for one in found] == sorted((one.low.p for one in found), reverse=True)
