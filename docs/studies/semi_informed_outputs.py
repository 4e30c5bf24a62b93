"""Lazy-informed and semi-informed attackers on the real outputs of finished runs (`execution: {retention: all}`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from visavox.core.figures import IntervalBasis
from visavox.metrics import backends, curves, intervals
from visavox.metrics.backends.models import cosine
from visavox.metrics.operating_points import RULE_OF_3, meets_rule, threshold_at_fmr
from visavox.metrics.permutation import draw_derangement, label_permutation_auc

Row = dict[str, Any]
Array = np.ndarray
FMR, SEED, FALLBACK = 1e-3, 7, 2


class Outputs(NamedTuple):
    """Outputs of one run that one judge has a template of."""

    templates: Array
    people: Array
    folds: Array
    is_cropped: Array


class Scores(NamedTuple):
    """Pairs of outputs: people of both, score, whether one fold holds them, and how many were cropped blindly."""

    first: Array
    second: Array
    score: Array
    within: Array
    crops: Array


class Rate(NamedTuple):
    """A match rate, every trial at the threshold of its own kind."""

    hits: Array
    people: Array
    basis: IntervalBasis
    eer: float


def load(run: Path, judge: str) -> Outputs:
    """Templates of the outputs in the order of the plan's cases."""
    plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
    number = {case["id"]: i for i, case in enumerate(plan["cases"])}
    templates: dict[int, list[float]] = {}
    states: dict[int, int] = {}
    for part in sorted((run / "templates" / judge).glob("edited-*.parquet")):
        for row in pq.read_table(part).to_pylist():
            if row["template"]:
                templates[number[row["item"]]], states[number[row["item"]]] = row["template"], row["state"]
    cases = sorted(templates)
    samples = [plan["samples"][plan["case_sample"][case]] for case in cases]
    folds = np.array([int(sample["fold"].removeprefix("test-")) for sample in samples])
    people = np.array([plan["case_person"][case] for case in cases])
    vectors = np.array([templates[case] for case in cases], np.float32)
    return Outputs(vectors, people, folds, np.array([states[case] == FALLBACK for case in cases]))


def minus_distance(a: Array, b: Array) -> Array:
    """dlib's own comparison."""
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * (a @ b.T)
    return np.asarray(-np.sqrt(np.maximum(squares, 0.0)))


def lazy_scores(data: Outputs, own: Callable[[Array, Array], Array]) -> Scores:
    i, j = np.triu_indices(len(data.people), 1)
    score = own(data.templates.astype(float), data.templates.astype(float))[i, j].round(6)
    return _scores(data, i, j, score, np.ones(i.size, bool))


def semi_scores(data: Outputs, own: Callable[[Array, Array], Array], share: float) -> tuple[Scores, Counter[str]]:
    rng = np.random.default_rng(SEED)
    found = backends.semi_informed_scores(data.templates, data.people, data.folds, rng=rng, share=share, own=own)
    names = Counter(model.choice.name for model in found.choices)
    return _scores(data, found.probe, found.reference, found.score, found.is_within_fold), names


def _scores(data: Outputs, i: Array, j: Array, score: Array, within: Array) -> Scores:
    crops = data.is_cropped[i].astype(int) + data.is_cropped[j]
    return Scores(data.people[i], data.people[j], score, within, crops)


def match_rate(scores: Scores) -> Rate:
    """Kinds as in the product: by number of blind crops; one that misses the rule of 3 is imputed as not matching."""
    mated = scores.first == scores.second
    hits, strata, extra = np.zeros(scores.score.size, bool), [], []
    largest = max(range(3), key=lambda c: int((mated & (scores.crops == c)).sum()))
    for crops in range(3):
        trials = np.flatnonzero(mated & (scores.crops == crops))
        non = np.flatnonzero(~mated & scores.within & (scores.crops == crops))
        if not meets_rule(RULE_OF_3, non.size, FMR):
            extra.append(scores.first[trials])
            continue
        threshold = threshold_at_fmr(scores.score[non], FMR).threshold
        hits[trials] = scores.score[trials] >= threshold
        strata.append(
            intervals.Stratum(
                scores.score[trials], scores.first[trials], threshold, FMR,
                scores.score[non], scores.first[non], scores.second[non],
            )
        )  # fmt: skip
    imputed = np.concatenate([*extra, np.zeros(0, int)]).astype(np.int64)
    strata[0] = strata[0]._replace(extra_hits=np.zeros(imputed.size, bool), extra_persons=imputed)
    kind = scores.crops == largest
    eer = curves.eer(scores.score[kind & mated], scores.score[kind & ~mated & scores.within]).eer
    return Rate(hits[mated], scores.first[mated], intervals.rate_at_threshold_interval(strata).basis, eer)


def permuted(data: Outputs, own: Callable[[Array, Array], Array]) -> tuple[float, float]:
    """AUC_0 and p of the label-permutation check."""
    numbers = np.unique(data.people, return_inverse=True)[1]
    rng = np.random.default_rng(SEED + 1)
    drawn = draw_derangement(int(numbers.max()) + 1, rng)
    found = backends.semi_informed_scores(
        data.templates, numbers, data.folds, rng=np.random.default_rng(SEED), own=own, derangement=drawn
    )
    sides = numbers[found.probe], numbers[found.reference]
    check = label_permutation_auc(found.score, *sides, n_people=drawn.size, rng=rng, derangement=drawn)
    return check.auc0, check.p_value


def outputs(runs: Sequence[Path]) -> list[Row]:
    """One row a run and judge."""
    rows: list[Row] = []
    for run in runs:
        for judge, own in (("dlib", minus_distance), ("mobileface", cosine)):
            data = load(run, judge)
            lazy = match_rate(lazy_scores(data, own))
            by_share = {share: semi_scores(data, own, share) for share in backends.SHARES}
            rates = {share: match_rate(scores) for share, (scores, _) in by_share.items()}
            curve = backends.saturation({share: rate.hits for share, rate in rates.items()}, rates[1.0].people)
            auc0, p = permuted(data, own)
            people = np.unique(data.people).size
            row: Row = {"run": run.name, "judge": judge, "people": people, "outputs": len(data.people)}
            for name, rate in (("lazy", lazy), ("semi", rates[1.0])):
                row |= {name: float(rate.hits.mean()), f"{name}_lower": intervals.bound_lower(rate.basis, 0.05)}
                row |= {f"{name}_upper": intervals.bound_upper(rate.basis, 0.05), f"{name}_eer": rate.eer}
            row |= {f"semi_{share:g}": float(rates[share].hits.mean()) for share in (0.25, 0.5)}
            row |= {"rise": curve.rise, "rise_se": curve.standard_error, "rising": curve.is_rising}
            names = by_share[1.0][1]
            row |= {"auc0": auc0, "p": p, "chosen": ", ".join(f"{n} x {name}" for name, n in names.most_common())}
            rows.append(row)
    return rows
