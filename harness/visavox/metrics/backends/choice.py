"""Which back-end an attacker takes: inner cross-validation by person, on the training people alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from ..arrays import Bools, Floats, Ints, same_length
from ..curves import auc
from ..error_rates import tpr_at_fmr
from ..operating_points import RULE_OF_30, meets_rule
from .models import CANDIDATES, Compare, fit_all, people_of
from .moments import SPREAD_FLOOR, as_templates, unit_length

INNER_FOLDS = 4
TARGETS = (1e-3, 1e-2)
"""Match rates at these FMRs decide, the first with 30 / f held-out non-mated comparisons; else the AUC does."""
LEAST_SPREAD = 1e-6
"""A smaller standard deviation of comparison scores is rounding: such scores are shifted, never blown up."""

LeaveOut: TypeAlias = Callable[[Ints, Ints], Bools]
"""Rows of the first and of the second template of some pairs -> which pairs are no comparisons."""


class Choice(NamedTuple):
    """A back-end chosen for one set of training people.

    Attributes:
        name: one of ``CANDIDATES``.
        criterion: what decided, higher = better; empty where nothing could be measured.
        values: of each candidate in their order; empty likewise.
        non_mated_mean, non_mated_sd: of the chosen back-end's scores between training people it was not fitted to (the
            held-out people of the inner folds); the standard deviation is 1 where the scores do not differ.
        n_people, n_recordings: it was chosen on.
    """

    name: str
    criterion: str
    values: tuple[float, ...]
    non_mated_mean: float
    non_mated_sd: float
    n_people: int
    n_recordings: int


class HeldOut(NamedTuple):
    """Scores of one candidate between held-out people, inner folds apart."""

    mated: list[Floats]
    non_mated: list[Floats]


def choose(
    templates: npt.ArrayLike,
    persons: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    candidates: Sequence[str] = CANDIDATES,
    own: Compare | None = None,
    leave_out: LeaveOut | None = None,
) -> Choice:
    """The candidate that links held-out training people best; of equals the simplest.

    People, not recordings, are dealt into four inner folds. Each candidate is fitted on three and scores the pairs of
    the fourth; scores are standardised by inner fold and pooled. The criterion is the match rate at the smallest FMR of
    ``TARGETS`` that the rule of 30 allows, else the AUC. There is no bonus for simplicity beyond exact ties: nobody who
    is scored later takes part, so a wrong choice can hide a leak but never make one.

    Args:
        templates: (n, d) of outputs of the training people.
        persons: (n,) integer labels.
        rng: deals the inner folds.
        candidates: the simplest first; ``none`` stands in for them where outputs or people are too few or all alike.
        own: see ``fit``.
        leave_out: pairs that are no comparisons (recordings of one session).

    Raises:
        UndefinedMetricError: no template, templates that are not finite, or labels that do not fit.
    """
    rows, people = as_templates(templates), people_of(persons)
    same_length("templates and their people", rows[:, 0], people)
    k = int(people.max(initial=-1)) + 1
    if not k:
        raise UndefinedMetricError("a back-end was to be chosen", found="no template to learn from")
    keys = rng.permutation(k)
    n_inner = max(1, min(INNER_FOLDS, k // 2))
    is_teachable = n_inner > 1 and _differ(rows)
    names = tuple(candidates) if is_teachable else CANDIDATES[:1]
    held_out = _held_out(rows, people, keys[people] % n_inner, names, own, leave_out)
    criterion, values = _criterion(held_out) if is_teachable else ("", ())
    best = names[int(np.argmax(values))] if values else names[0]
    mean, deviation = _location(held_out[best].non_mated)
    return Choice(best, criterion, values, mean, deviation, k, len(rows))


def _differ(rows: Floats) -> bool:
    """Whether the outputs differ by more than rounding; all-equal ones (a mask over everything) teach nothing."""
    vectors = unit_length(rows)
    return bool(((vectors - vectors.mean(0)) ** 2).sum(1).mean() > SPREAD_FLOOR**2)


def _held_out(
    rows: Floats, people: Ints, folds: Ints, names: Sequence[str], own: Compare | None, leave_out: LeaveOut | None
) -> dict[str, HeldOut]:
    found = {name: HeldOut([], []) for name in names}
    n_folds = int(folds.max()) + 1
    for fold in range(n_folds):
        held = np.flatnonzero(folds == fold)
        training = np.flatnonzero(folds != fold) if n_folds > 1 else held
        first, second = np.triu_indices(held.size, 1)
        if leave_out is not None:
            kept = ~leave_out(held[first], held[second])
            first, second = first[kept], second[kept]
        is_mated = people[held[first]] == people[held[second]]
        for name, backend in fit_all(names, rows[training], people[training], own=own).items():
            scores = backend.score(rows[held], rows[held])[first, second]
            found[name].mated.append(scores[is_mated])
            found[name].non_mated.append(scores[~is_mated])
    return found


def _criterion(held_out: dict[str, HeldOut]) -> tuple[str, tuple[float, ...]]:
    """The criterion's name and its value for each candidate; empty where there is nothing mated or non-mated."""
    n_mated, n_non = (sum(part.size for part in next(iter(held_out.values()))[side]) for side in (0, 1))
    if not n_mated or not n_non:
        return "", ()
    target = next((f for f in TARGETS if meets_rule(RULE_OF_30, n_non, f)), None)
    values = []
    for scores in held_out.values():
        mated, non_mated = _pooled(scores)
        values.append(auc(mated, non_mated) if target is None else tpr_at_fmr(mated, non_mated, target).rate)
    return ("AUC" if target is None else f"match rate at FMR {target:g}"), tuple(values)


def _pooled(scores: HeldOut) -> tuple[Floats, Floats]:
    """Scores of all inner folds, each standardised by its own non-mated ones."""
    mated, non_mated = [], []
    for positives, negatives in zip(*scores, strict=True):
        mean, deviation = _location([negatives])
        mated.append((positives - mean) / deviation)
        non_mated.append((negatives - mean) / deviation)
    return np.concatenate(mated), np.concatenate(non_mated)


def _location(parts: Sequence[Floats]) -> tuple[float, float]:
    """Mean and standard deviation; 0 and 1 of nothing, deviation 1 where all are equal."""
    scores = np.concatenate(parts)
    if not scores.size:
        return 0.0, 1.0
    mean, deviation = float(scores.mean()), float(scores.std())
    return mean, deviation if deviation > LEAST_SPREAD * max(1.0, abs(mean)) else 1.0
