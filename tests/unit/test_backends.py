"""Traps of a learning attacker: outputs all alike, too few people, labels that leak, curves that still rise."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from visavox.core.errors import UndefinedMetricError
from visavox.metrics import backends, operating_points
from visavox.metrics.backends import semi_informed
from visavox.metrics.permutation import draw_derangement, label_permutation_auc

PEOPLE = np.repeat(np.arange(24), 4)
FOLDS = PEOPLE % 3


def faces(seed: int = 0, d: int = 32, signal: float = 0.7) -> np.ndarray:
    """What the edit adds is loud along six axes: a back-end that learns them finds more than plain cosine."""
    rng = np.random.default_rng(seed)
    loud = rng.standard_normal((PEOPLE.size, 6)) @ rng.standard_normal((6, d))
    return signal * rng.standard_normal((24, d))[PEOPLE] + rng.standard_normal((PEOPLE.size, d)) + loud


def scores(rows: np.ndarray, **more: object) -> backends.SemiInformed:
    return backends.semi_informed_scores(rows, PEOPLE, FOLDS, rng=np.random.default_rng(7), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_outputs_all_alike_stay_ties_and_match_nobody(noise: float) -> None:
    """Recognisers differ by 1e-7 with the batch, and people sit together in batches: that must not become a leak."""
    batch = np.random.default_rng(1).standard_normal((24, 32))[PEOPLE]
    found = scores(np.ones((PEOPLE.size, 32)) + noise * batch)
    assert {model.choice.name for model in found.choices} == {"none"}
    assert {model.choice.criterion for model in found.choices} == {""}
    assert len(set(found.score.tolist())) == 1
    assert operating_points.threshold_at_fmr(found.score, 1e-2).ties


def test_a_few_outputs_apart_from_equal_ones_are_scored() -> None:
    rows = np.ones((PEOPLE.size, 8))
    rows[::5] += np.random.default_rng(0).standard_normal(rows[::5].shape)
    assert np.isfinite(scores(rows).score).all()


def test_the_own_comparison_is_what_none_means() -> None:
    def minus_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return -np.sqrt(((a[:, None] - b[None]) ** 2).sum(2))

    rows = faces()
    assert np.array_equal(
        backends.fit("none", rows, PEOPLE, own=minus_distance).score(rows, rows), minus_distance(rows, rows)
    )
    assert backends.fit("none", rows, PEOPLE).score(rows, 2 * rows).diagonal() == pytest.approx(np.ones(len(rows)))


def test_where_nothing_is_to_be_learned_none_is_as_good_and_simpler() -> None:
    rows = np.eye(24)[PEOPLE] + 1e-3 * faces(d=24)
    found = backends.choose(rows, PEOPLE, np.random.default_rng(0))
    assert found.values[0] == max(found.values) == 1.0
    assert (found.name, found.criterion) == ("none", "AUC")


@pytest.mark.parametrize(("each", "criterion"), [(4, "AUC"), (8, "match rate at FMR 0.01")])
def test_the_criterion_follows_the_rule_of_30(each: int, criterion: str) -> None:
    people = np.repeat(np.arange(24), each)  # held out: 4 x 15 pairs of people x each^2 comparisons
    rows = np.random.default_rng(0).standard_normal((people.size, 8)) + np.eye(24, 8)[people]
    assert backends.choose(rows, people, np.random.default_rng(0)).criterion == criterion


def test_inner_folds_keep_people_together() -> None:
    seen: list[set[int]] = []

    def own(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        seen.append(set(first[:, 0].astype(int)))
        return first @ second.T

    rows = np.hstack([PEOPLE[:, None], faces()])
    backends.choose(rows, PEOPLE, np.random.default_rng(0), own=own)
    assert [len(part) for part in seen] == [6, 6, 6, 6]
    assert set.union(*seen) == set(range(24))


def test_one_model_with_a_training_block() -> None:
    folds = np.where(PEOPLE < 8, backends.TRAIN, FOLDS)
    rows = faces()
    found = backends.semi_informed_scores(rows, PEOPLE, folds, rng=np.random.default_rng(0))
    assert [model.folds for model in found.choices] == [(backends.TRAIN,)]
    assert set(PEOPLE[found.probe]) | set(PEOPLE[found.reference]) == set(range(8, 24))
    assert len(found.score) == 64 * 63 // 2 and found.is_within_fold.all()
    assert found.choices[0].summary.startswith("training block (32 outputs of 8 people): ")


def test_the_summary_says_what_was_learned_from() -> None:
    first = scores(faces()).choices[0]
    assert first.summary.startswith("folds 1 and 2 (64 outputs of 16 people): ")
    assert f"{first.choice.criterion} {max(first.choice.values):.3f}" in first.summary
    alike = scores(np.ones((96, 4))).choices[1]
    assert alike.summary == "folds 0 (32 outputs of 8 people): none, nothing to choose by"


def permutation_p(rows: np.ndarray, seed: int) -> float:
    rng = np.random.default_rng(seed)
    drawn = draw_derangement(24, rng)
    found = scores(rows, derangement=drawn)
    return label_permutation_auc(
        found.score, PEOPLE[found.probe], PEOPLE[found.reference], n_people=24, rng=rng, derangement=drawn
    ).p_value


@pytest.mark.parametrize("signal", [0.0, 0.7])
def test_label_permutation_is_green_when_folds_keep_people_apart(signal: float) -> None:
    assert min(permutation_p(faces(seed, signal=signal), seed) for seed in range(4)) >= 0.001


def test_label_permutation_is_red_when_models_have_seen_the_people(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = semi_informed._blocks

    def leaky(folds: np.ndarray) -> Iterator[semi_informed._Block]:
        return (block._replace(folds=(0, 1, 2)) for block in blocks(folds))

    monkeypatch.setattr(semi_informed, "_blocks", leaky)
    assert max(permutation_p(faces(seed), seed) for seed in range(4)) < 0.001


def test_saturation_by_hand() -> None:
    """Differences 1, 1 / 0, 0 / 1, 0 of three people: mean 1/2, residual sums 1, -1, 0."""
    hits = {0.25: [0] * 6, 0.5: [0, 0, 0, 1, 0, 0], 1.0: [1, 1, 0, 1, 1, 0]}
    found = backends.saturation(hits, [0, 0, 1, 1, 2, 2])
    assert (found.shares, found.rates) == ((0.25, 0.5, 1.0), pytest.approx((0, 1 / 6, 2 / 3)))
    assert found.rise == pytest.approx(0.5)
    assert found.standard_error == pytest.approx(np.sqrt(3 / 2 * 2) / 6)
    assert found.is_rising and (found.n, found.n_people) == (6, 3)


@pytest.mark.parametrize("n", [7, 96, 576, 1000])
def test_one_more_hit_is_one_standard_error_and_no_rise(n: int) -> None:
    after = np.zeros(n, int)
    after[3] = 1
    found = backends.saturation({0.5: np.zeros(n, int), 1.0: after}, np.arange(n))
    assert found.rise == pytest.approx(found.standard_error) and not found.is_rising


def test_a_falling_or_flat_curve_is_saturated() -> None:
    people = np.arange(20)
    for before, after in (([1] * 20, [0] * 20), ([0] * 20, [0] * 20), ([1] * 20, [1] * 20)):
        assert not backends.saturation({0.5: before, 1.0: after}, people).is_rising
    assert backends.saturation({0.5: [0] * 20, 1.0: [1] * 20}, people).is_rising


@pytest.mark.parametrize(
    "more",
    [
        {"share": 0.0},
        {"share": 1.5},
        {"derangement": np.arange(24)},
        {"derangement": np.roll(np.arange(23), 1)},
        {"ok": np.ones(5, bool)},
        {"ok": np.zeros(96, bool)},
        {"ok": (PEOPLE % 3 != 0) | (PEOPLE == 0)},
    ],
)
def test_what_cannot_be_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(UndefinedMetricError):
        scores(faces(), **more)


def test_templates_labels_and_folds_are_checked() -> None:
    rows, rng = faces(), np.random.default_rng(0)
    for broken in (np.nan, np.inf):
        spoilt = rows.copy()
        spoilt[3, 1] = broken
        with pytest.raises(UndefinedMetricError, match="1 of 96 rows"):
            scores(spoilt)
        with pytest.raises(UndefinedMetricError, match="1 of 96 rows"):
            backends.fit("none", rows, PEOPLE).score(rows, spoilt)
    for templates, persons, folds in (
        (rows[:, 0], PEOPLE, FOLDS),
        (rows[:90], PEOPLE, FOLDS),
        (rows, PEOPLE + 0.5, FOLDS),
        (rows, PEOPLE, FOLDS + 1),
        (rows, PEOPLE, np.arange(96) % 3),
        (rows, PEOPLE, np.where(PEOPLE == 1, 1, 2 * (FOLDS // 2))),
        (rows, PEOPLE, np.full(96, backends.TRAIN)),
    ):
        with pytest.raises(UndefinedMetricError):
            backends.semi_informed_scores(templates, persons, folds, rng=rng)
    with pytest.raises(UndefinedMetricError, match="'svm'"):
        backends.fit("svm", rows, PEOPLE)
    with pytest.raises(UndefinedMetricError, match="no template"):
        backends.fit("plda", rows[:0], PEOPLE[:0])
    with pytest.raises(UndefinedMetricError, match="no template"):
        backends.choose(rows[:0], PEOPLE[:0], rng)
    assert backends.choose(rows[:4], PEOPLE[:4], rng).name == "none"
    for hits, persons in (({1.0: [1]}, [0]), ({0.5: [0, 2], 1.0: [0, 1]}, [0, 1]), ({0.5: [0], 1.0: [1]}, [0])):
        with pytest.raises(UndefinedMetricError):
            backends.saturation(hits, persons)


@pytest.mark.study
def test_the_short_study_meets_its_criteria(tmp_path: Path) -> None:
    study = Path(__file__).parents[2] / "docs" / "studies" / "semi_informed.py"
    done = subprocess.run(
        [sys.executable, str(study), "--short", "--out", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("met", "NOT MET"))]
    assert len(lines) == 8 and not [line for line in lines if line.startswith("NOT MET")], lines
    assert (tmp_path / "semi_informed.md").read_text(encoding="utf-8").count("|") > 200
