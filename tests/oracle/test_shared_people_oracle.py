"""The variance of cases a, c and e against brute force: all pairs of trials and comparisons that share a person."""

import itertools
import math

import numpy as np
import pytest

from visavox.metrics import intervals, operating_points
from visavox.metrics.threshold_intervals import Stratum, rate_at_threshold_interval

Part = tuple[float, frozenset[int]]


def brute_force(parts: list[Part], n_people: int) -> float:
    """G / (G - 1) x the sum of r_t r_u over all ordered pairs (t, u), t = u included, with a person in common."""
    shared = sum(r * s for (r, a), (s, b) in itertools.product(parts, parts) if a & b)
    return n_people / (n_people - 1) * max(0.0, shared)


def trial_people(stratum: Stratum) -> list[frozenset[int]]:
    columns = [
        np.concatenate([np.asarray(scored), np.asarray(extra if extra is not None else [], np.int64)])
        for scored, extra in (
            (stratum.persons, stratum.extra_persons),
            (stratum.seconds, stratum.extra_seconds),
            (stratum.thirds, stratum.extra_thirds),
        )
        if scored is not None
    ]
    return [frozenset(map(int, row)) for row in zip(*columns, strict=True)]


def threshold_parts(stratum: Stratum, n_all: int) -> list[Part]:
    """Weighted residuals of the non-mated comparisons, from the text of STATISTICS 3e."""
    scores, non = np.asarray(stratum.scores), np.asarray(stratum.non_mated)

    def logit(target: float) -> float:
        reached = [s for s in non if sum(x >= s for x in non) / non.size <= target]
        hits = sum(s >= min(reached, default=math.inf) for s in scores) + 0.5
        return math.log(hits / (scores.size + 1 - hits))

    slope = (logit(2 * stratum.target_fmr) - logit(stratum.target_fmr / 2)) / math.log(4)
    p = sum(s >= stratum.threshold for s in scores) / scores.size
    fmr = sum(s >= stratum.threshold for s in non) / non.size
    c = -(scores.size / n_all) * p * (1 - p) * slope / (fmr * non.size)
    roles = (stratum.non_first, stratum.non_second, stratum.non_thirds, stratum.non_fourths)
    people = zip(*(np.asarray(role).tolist() for role in roles if role is not None), strict=True)
    return [(c * ((s >= stratum.threshold) - fmr), frozenset(who)) for s, who in zip(non, people, strict=True)]


def expected_variance(strata: list[Stratum]) -> tuple[float, float, int]:
    """Rate, variance and number of trials."""
    hits, people = [], []
    for part in strata:
        hits += [float(s >= part.threshold) for s in np.asarray(part.scores)]
        hits += [float(h) for h in np.asarray(part.extra_hits if part.extra_hits is not None else [])]
        people += trial_people(part)
    n, p = len(hits), sum(hits) / len(hits)
    parts: list[Part] = [((h - p) / n, who) for h, who in zip(hits, people, strict=True)]
    for stratum in strata:
        if not stratum.frozen:
            parts += threshold_parts(stratum, n)
    return p, brute_force(parts, len(frozenset().union(*people))), n


def draw(seed: int, n_people_a_trial: int, *, frozen: bool, extra: int = 0) -> Stratum:
    """Trials of few people with strong effects of every role, so that the variance and not the floor decides."""
    rng = np.random.default_rng(seed)
    g = (7, 7, 12)[n_people_a_trial - 1]
    first, second = (np.repeat(side, 3) for side in np.triu_indices(g, 1))
    effect = rng.normal(0, 0.8, g)
    non = effect[first] + effect[second] + rng.normal(0, 0.6, first.size)
    n = 60 + extra
    pool = np.stack([rng.permutation(g)[:n_people_a_trial] for _ in range(30)])
    people = np.stack([rng.permutation(row) for row in pool[rng.integers(0, len(pool), n)]], axis=1)
    threshold = operating_points.threshold_at_fmr(non, 0.1).threshold
    other = rng.normal(0, 2, g)
    scores = threshold + (other - other.mean())[people].sum(0) + rng.normal(0, 0.5, n)
    filled = [people[k] if k < n_people_a_trial else None for k in range(3)]
    scored = [None if role is None else role[: n - extra] for role in filled]
    imputed = [None if role is None or not extra else role[n - extra :] for role in filled]
    return Stratum(
        scores=scores[: n - extra],
        persons=scored[0],
        threshold=threshold,
        target_fmr=0.1,
        non_mated=non,
        non_first=first,
        non_second=second,
        extra_hits=rng.integers(0, 2, extra) if extra else None,
        extra_persons=imputed[0],
        frozen=frozen,
        seconds=scored[1],
        extra_seconds=imputed[1],
        thirds=scored[2],
        extra_thirds=imputed[2],
    )


def check(found: intervals.RateInterval, strata: list[Stratum]) -> bool:
    """The design effect is the brute-force one or the floor; says whether it is the former."""
    p, variance, n = expected_variance(strata)
    people = [who for part in strata for who in trial_people(part)]
    columns = [column for part in strata for column in (part.persons, part.extra_persons) if column is not None]
    hosts = np.concatenate([np.asarray(column) for column in columns])
    each = [int((hosts == host).sum()) for host in set(hosts)]
    rho = min(0.2, 4 / found.touched)
    floor = 1 + len(people[0]) * (sum(m * m for m in each) / sum(each) - 1) * rho
    assert (found.p, found.n, found.n_people) == (pytest.approx(p), n, len(frozenset().union(*people)))
    assert found.deff == pytest.approx(max(variance / (p * (1 - p) / n), floor))
    return found.deff > floor * (1 + 1e-9)


@pytest.mark.parametrize(
    ("people", "frozen", "extra"), list(itertools.product((1, 2, 3), (True, False), (0, 5))), ids=str
)
def test_one_stratum(people: int, frozen: bool, extra: int) -> None:
    strata = [draw(seed, people, frozen=frozen, extra=extra) for seed in range(3)]
    decided = [check(rate_at_threshold_interval([stratum]), [stratum]) for stratum in strata]
    assert any(decided)


def more_compared(stratum: Stratum, n: int, seed: int) -> Stratum:
    """The same trials; the non-mated comparisons depend on n people each, and groups of people repeat."""
    rng = np.random.default_rng([seed, n])
    pool = np.stack([rng.permutation(12)[:n] for _ in range(40)])
    people = np.stack([rng.permutation(row) for row in pool[rng.integers(0, len(pool), 150)]], axis=1)
    effect = rng.normal(0, 1, 12)
    non = effect[people].sum(0) + rng.normal(0, 0.5, 150)
    threshold = operating_points.threshold_at_fmr(non, 0.1).threshold
    return stratum._replace(
        scores=np.asarray(stratum.scores) - stratum.threshold + threshold,
        threshold=threshold,
        non_mated=non,
        non_first=people[0],
        non_second=people[1],
        non_thirds=people[2],
        non_fourths=people[3] if n == 4 else None,
    )


@pytest.mark.parametrize(("people", "compared"), list(itertools.product((1, 2, 3), (3, 4))))
def test_non_mated_comparisons_of_three_and_four_people(people: int, compared: int) -> None:
    strata = [more_compared(draw(seed, people, frozen=False), compared, seed) for seed in range(3)]
    assert any([check(rate_at_threshold_interval([stratum]), [stratum]) for stratum in strata])
    mixed = [strata[0], draw(7, people, frozen=False)]
    check(rate_at_threshold_interval(mixed), mixed)


def test_groups_of_many_people_are_summed_by_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    stratum = more_compared(draw(2, 3, frozen=False), 4, 2)
    dense = rate_at_threshold_interval([stratum])
    monkeypatch.setattr("visavox.metrics.arrays.DENSE_PAIRS", 0)
    assert rate_at_threshold_interval([stratum]).deff == pytest.approx(dense.deff)


@pytest.mark.parametrize("people", [1, 2, 3])
def test_two_strata_whose_people_overlap(people: int) -> None:
    strata = [draw(11, people, frozen=False), draw(12, people, frozen=False, extra=4)]
    check(rate_at_threshold_interval(strata), strata)


@pytest.mark.parametrize("seed", range(4))
def test_donor_by_host(seed: int) -> None:
    stratum = draw(seed, 2, frozen=True)
    hits = np.asarray(stratum.scores) >= stratum.threshold
    assert check(intervals.cross_rate_interval(hits, stratum.seconds, stratum.persons), [stratum])


def test_an_effect_of_the_third_person_alone_is_seen() -> None:
    """30 people; whether a trial succeeds is the third person's doing, and the roles are drawn afresh."""
    rng = np.random.default_rng(5)
    people = np.stack([rng.permutation(30)[:3] for _ in range(300)], axis=1)
    scores = np.where(rng.random(30) < 0.5, 1.0, 0.0)[people[2]]
    stratum = Stratum(scores, people[0], 0.5, 0.1, (), (), (), frozen=True, seconds=people[1], thirds=people[2])
    three = rate_at_threshold_interval([stratum])
    assert check(three, [stratum])
    assert three.deff > 2 * rate_at_threshold_interval([stratum._replace(thirds=None)]).deff
    turned = stratum._replace(persons=people[2], seconds=people[0], thirds=people[1])
    alike = [rate_at_threshold_interval([one], interchangeable=True) for one in (stratum, turned)]
    assert alike[0].deff == pytest.approx(alike[1].deff)
