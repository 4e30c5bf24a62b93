"""Properties of back-ends on any templates, and of the protocol that keeps people apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.metrics import backends
from visavox.metrics.permutation import draw_derangement

quick = settings(max_examples=20, deadline=None, derandomize=True)
slow = settings(max_examples=6, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)

SHAPES = {
    "plain": lambda rng, rows: rows,
    "constant columns": lambda rng, rows: np.where(np.arange(rows.shape[1]) % 2, rows, 3.0),
    "all equal": lambda rng, rows: np.ones_like(rows),
    "all equal but for rounding": lambda rng, rows: 1 + 1e-7 * rows,
    "all zero": lambda rng, rows: np.zeros_like(rows),
    "one row zero": lambda rng, rows: np.where(np.arange(len(rows))[:, None] > 0, rows, 0.0),
    "huge": lambda rng, rows: 1e30 * rows,
    "tiny": lambda rng, rows: 1e-30 * rows,
    "each row twice": lambda rng, rows: rows[np.arange(len(rows)) // 2],
}


def table(seed: int, shape: str = "plain") -> tuple[np.ndarray, np.ndarray]:
    """Templates and people: 2 to 9 people, some with one recording, fewer or more rows than dimensions."""
    rng = np.random.default_rng(seed)
    k, d = int(rng.integers(2, 10)), int(rng.choice([1, 2, 5, 40]))
    people = np.repeat(rng.choice(1000, k, replace=False), rng.integers(1, 5, k))
    rows = (
        rng.standard_normal((people.size, d)) + rng.standard_normal((k, d))[np.unique(people, return_inverse=True)[1]]
    )
    return SHAPES[shape](rng, rows).astype(np.float32), people


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", backends.CANDIDATES)
@quick
@given(seeds)
def test_scores_are_finite_and_symmetric_whatever_the_templates(name: str, shape: str, seed: int) -> None:
    rows, people = table(seed, shape)
    before = rows.copy()
    backend = backends.fit(name, rows, people)
    scores = backend.score(rows, rows[:3])
    assert backend.name == name
    assert scores.shape == (len(rows), min(3, len(rows))) and scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert np.allclose(scores, backend.score(rows[:3], rows).T, rtol=1e-9, atol=1e-9)
    assert np.array_equal(rows, before)


@pytest.mark.parametrize("name", backends.CANDIDATES)
@quick
@given(seeds)
def test_names_order_and_length_do_not_matter(name: str, seed: int) -> None:
    rows, people = table(seed)
    rng = np.random.default_rng(seed)
    scores = backends.fit(name, rows, people).score(rows, rows)
    order, stretch = rng.permutation(len(rows)), 2.0 ** rng.integers(-3, 4, (len(rows), 1))
    again = backends.fit(name, (stretch * rows)[order], 5000 - people[order]).score(rows, 3 * rows)
    assert np.allclose(scores, again, rtol=1e-6, atol=1e-6)


@quick
@given(seeds)
def test_a_choice_is_one_of_the_candidates_and_the_best(seed: int) -> None:
    rows, people = table(seed)
    found = backends.choose(rows, people, np.random.default_rng(seed))
    again = backends.choose(rows, 7 + 2 * people, np.random.default_rng(seed))
    assert found == again
    assert found.name in backends.CANDIDATES and found.non_mated_sd > 0
    if found.values:
        assert found.name == backends.CANDIDATES[found.values.index(max(found.values))]
    else:
        assert found.name == "none"


def outputs(seed: int, d: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Templates, people and folds of 12 to 20 people."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(12, 21))
    people = np.repeat(np.arange(k), rng.integers(1, 5, k))
    rows = rng.standard_normal((people.size, d)) + 0.7 * rng.standard_normal((k, d))[people]
    return rows.astype(np.float32), people, rng.permutation(k)[people] % 3


def run(rows: np.ndarray, people: np.ndarray, folds: np.ndarray, seed: int, **more: object) -> backends.SemiInformed:
    return backends.semi_informed_scores(rows, people, folds, rng=np.random.default_rng(seed), **more)  # type: ignore[arg-type]


@quick
@given(seeds)
def test_every_pair_once_by_a_model_that_has_seen_neither_person(seed: int) -> None:
    rows, people, folds = outputs(seed)
    found = run(rows, people, folds, seed)
    n = len(rows)
    assert np.array_equal(found.probe * n + found.reference, [i * n + j for i in range(n) for j in range(i + 1, n)])
    for i, j, model in zip(found.probe, found.reference, found.model, strict=True):
        assert set(found.choices[model].folds) == {0, 1, 2} - {folds[i], folds[j]}
    assert np.array_equal(found.is_within_fold, folds[found.probe] == folds[found.reference])
    assert np.isfinite(found.score).all()
    assert found.is_within_fold[people[found.probe] == people[found.reference]].all()


@slow
@given(seeds, st.sampled_from([1.0, 0.5]), st.booleans())
def test_people_who_are_scored_do_not_touch_the_model(seed: int, share: float, permuted: bool) -> None:
    """The templates of one fold are replaced by nonsense: every model that scores it is chosen and fitted as before."""
    rows, people, folds = outputs(seed)
    rng = np.random.default_rng(seed)
    fold = int(rng.integers(3))
    derangement = draw_derangement(int(people.max()) + 1, rng) if permuted else None
    victim = int(rng.choice(people[folds == fold]))
    one_poisoned, all_poisoned = rows.copy(), rows.copy()
    one_poisoned[people == victim] = 100 * rng.standard_normal(rows.shape[1])
    all_poisoned[folds == fold] = people[folds == fold][:, None] + rng.standard_normal(rows.shape[1])
    clean, one, every = (
        run(r, people, folds, seed, share=share, derangement=derangement) for r in (rows, one_poisoned, all_poisoned)
    )
    touched = np.array([fold in model.folds for model in clean.choices])
    for other in (one, every):
        pairs = zip(clean.choices, other.choices, touched, strict=True)
        assert all(a == b for a, b, seen in pairs if not seen)
    bystanders = (people[clean.probe] != victim) & (people[clean.reference] != victim) & ~touched[clean.model]
    assert bystanders.any()
    assert np.array_equal(clean.score[bystanders], one.score[bystanders])
    assert not np.array_equal(clean.score[~bystanders], one.score[~bystanders])


@settings(slow, max_examples=2)
@given(seeds)
def test_shares_are_nested(seed: int) -> None:
    """Nonsense in place of whoever trains at 25 % changes every larger share; who does not train changes none."""
    rows, people, folds = outputs(seed)
    seen: dict[float, set[int]] = {}
    for share in backends.SHARES:
        seen[share] = set()
        for person in np.unique(people[folds == 0]):
            poisoned = rows.copy()
            poisoned[people == person] = 50 * np.random.default_rng(person).standard_normal(rows.shape[1])
            before, after = (run(r, people, folds, seed, share=share) for r in (rows, poisoned))
            trained = any(a != b for a, b in zip(before.choices, after.choices, strict=True))
            seen[share] |= {int(person)} if trained else set()
    members = np.unique(people[folds == 0]).size
    assert seen[0.25] <= seen[0.5] <= seen[1.0]
    assert [len(s) for s in seen.values()] == [max(2, -(-members // 4)), max(2, -(-members // 2)), members]


@quick
@given(seeds)
def test_what_is_left_out_is_left_out(seed: int) -> None:
    rows, people, folds = outputs(seed)
    rng = np.random.default_rng(seed)
    session = rng.integers(0, 3, len(rows))
    ok = np.ones(len(rows), bool)
    ok[np.flatnonzero(people == people[0])[:1]] = len(np.unique(people[folds == folds[0]])) <= 3
    rows[~ok] = np.nan
    found = run(rows, people, folds, seed, ok=ok, leave_out=lambda i, j: session[i] == session[j])
    assert (session[found.probe] != session[found.reference]).all()
    i, j = np.triu_indices(len(rows), 1)
    assert len(found.score) == int((ok[i] & ok[j] & (session[i] != session[j])).sum())


@quick
@given(seeds)
def test_under_a_derangement_only_strangers_across_sides(seed: int) -> None:
    rows, people, folds = outputs(seed)
    derangement = draw_derangement(int(people.max()) + 1, np.random.default_rng(seed))
    found = run(rows, people, folds, seed, derangement=derangement)
    assert (people[found.probe] != people[found.reference]).all()
    assert not set(found.probe) & set(found.reference)
    probes = np.isin(np.arange(len(rows)), found.probe)
    halves = np.bincount(people, probes), np.bincount(people, ~probes)
    assert (np.abs(halves[0] - halves[1]) <= 1).all()
    expected = [(i, j) for i in np.flatnonzero(probes) for j in np.flatnonzero(~probes) if people[i] != people[j]]
    assert sorted(zip(found.probe, found.reference, strict=True)) == expected


@quick
@given(seeds)
def test_saturation_knows_people_not_names_or_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(10), rng.integers(1, 6, 10))
    hits = {share: rng.random(people.size) < 0.3 for share in backends.SHARES}
    found = backends.saturation(hits, people)
    order = rng.permutation(people.size)
    again = backends.saturation({s: h[order] for s, h in hits.items()}, 99 - people[order])
    assert (found.rates, found.rise, found.is_rising) == (again.rates, again.rise, again.is_rising)
    assert found.standard_error == pytest.approx(again.standard_error)
    doubled = backends.saturation({s: np.repeat(h, 2) for s, h in hits.items()}, np.repeat(people, 2))
    assert doubled.standard_error == pytest.approx(found.standard_error)
