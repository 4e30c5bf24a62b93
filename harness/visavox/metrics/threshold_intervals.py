"""Case e: a rate at a threshold that was estimated on the same people.

The rate is p = (1 / N) sum over strata k of the hits of its N_k scored trials, each decided at its own threshold tau_k,
plus the hits imputed without a score. Only tau_k is uncertain beyond the trials themselves. It is the point where the
*empirical* FMR of stratum k equals f, so the true log FMR there is off by -(FMR_k(tau) - its expectation) / FMR_k, and

    d p / d log FMR_k = (N_k / N) p_k (1 - p_k) b_k,        b_k = d logit p_k / d log FMR_k

with p_k the rate of the stratum's scored trials and b_k read between the thresholds for f / 2 and 2 f. Hence each
scored or imputed trial gives (y - p) / N to its person(s), and each non-mated comparison of stratum k gives

    c_k (1[s >= tau_k] - FMR_k),        c_k = -(N_k / N) p_k (1 - p_k) b_k / (FMR_k n_k)

to all of its people. With one stratum this is the formula of STATISTICS 3e.

V = G / (G - 1) max(0, sum_i S_i^2 - sum_{i<j} P_ij^2 + sum_{i<j<k} T_ijk^2 - ...), S by person over all strata (so that
a person's trials and thresholds may move together), P by pair, T by three people, and so on. A trial touches one
person, two (donor x host, a morph's contributors) or three (two outputs of one host with different donors); a
non-mated comparison two, three (an output of two people with a recording of someone else) or four (two outputs). The
sum is inclusion-exclusion: two trials with k people in common stand k times in the first term, k (k - 1) / 2 times in
the second, and so on; hence once in all. A stratum whose threshold realises FMR 0 (ties) has no derivative; its
threshold adds nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from . import effective_size as es
from .arrays import (
    Bools,
    Floats,
    GroupTable,
    Ints,
    Scores,
    finite_scores,
    number_people,
    same_length,
    two_people,
    zero_one,
)
from .operating_points import check_target, threshold_at_fmr
from .rate_records import RateInterval, rate_record


class Stratum(NamedTuple):
    """Trials of one kind of comparison, with the non-mated comparisons their threshold was read from.

    Attributes:
        scores: (n,) similarities of the trials; a hit iff score >= threshold.
        persons: (n,) integer labels; the host where a trial has two people.
        threshold: decides this stratum.
        target_fmr: f, in (0, 1).
        non_mated: (k,) similarities of the non-mated comparisons of this kind.
        non_first, non_second: (k,) integer labels of their two people; no second where a score has one person, as a
            detector's of bona fide media.
        non_thirds, non_fourths: (k,) further people they depend on: the donors of the outputs compared.
        extra_hits, extra_persons: (m,) trials without a score, imputed 0 or 1, and their people.
        frozen: the threshold belongs to a named deployed system and was not estimated here.
        seconds, extra_seconds: the second person (the donor) of each trial, in all strata or in none.
        thirds, extra_thirds: the third person (the other output's donor) of each trial, in all strata or in none.
    """

    scores: npt.ArrayLike
    persons: npt.ArrayLike
    threshold: float
    target_fmr: float
    non_mated: npt.ArrayLike
    non_first: npt.ArrayLike
    non_second: npt.ArrayLike | None
    extra_hits: npt.ArrayLike | None = None
    extra_persons: npt.ArrayLike | None = None
    frozen: bool = False
    seconds: npt.ArrayLike | None = None
    extra_seconds: npt.ArrayLike | None = None
    thirds: npt.ArrayLike | None = None
    extra_thirds: npt.ArrayLike | None = None
    non_thirds: npt.ArrayLike | None = None
    non_fourths: npt.ArrayLike | None = None


class _Trials(NamedTuple):
    """Decided trials and the one to three people of each, a column a role."""

    hits: Bools
    people: tuple[Ints, ...]


class _Comparisons(NamedTuple):
    """Non-mated comparisons of one stratum and the weight c_k of their residuals."""

    hits: Bools
    fmr: float
    weight: float
    people: tuple[Ints, ...]


def rate_at_threshold_interval(strata: Sequence[Stratum], *, interchangeable: bool = False) -> RateInterval:
    """Case e: the pooled rate of several strata, the uncertainty of their thresholds included.

    Floor as in case a, or as in case c where trials have two or three people. ``n_people`` counts the people of the
    trials; the degrees of freedom rest on the smaller of these and the people of the non-mated comparisons.

    Args:
        strata: one per kind of comparison.
        interchangeable: the people of a trial have no order, as a morph's contributors: the floor then counts a
            person's trials in any role, 1 + k (n~ - 1) rho_f with n~ = sum n_i^2 / sum n_i and k people a trial.

    Raises:
        UndefinedMetricError: no stratum, no trial, fewer than two people, scores that are not finite, a trial or a
            comparison that names a person twice, or a target outside (0, 1).
    """
    if not strata:
        raise UndefinedMetricError("a rate at a threshold was asked for", found="no stratum")
    trials = [_trials(stratum) for stratum in strata]
    hits = np.concatenate([part.hits for part in trials])
    if hits.size == 0:
        raise UndefinedMetricError("a rate at a threshold was asked for", found="no trials")
    comparisons = [found for stratum in strata if (found := _comparisons(stratum, hits.size)) is not None]
    people, numbered, n_people = _renumber(trials, comparisons)
    occurring = _count_people(people, n_people)
    if occurring < 2:
        raise UndefinedMetricError("an interval over people was asked for", found=f"{occurring} people in the trials")
    p = float(hits.mean())
    variance = _variance(hits.astype(np.float64) - p, people, numbered, n_people, occurring)
    touched, floor = _floor(hits, people, n_people, interchangeable)
    deff = float(es.design_effect(p, hits.size, variance, floor))
    compared = _count_people(_columns(numbered), n_people) if numbered else occurring
    return rate_record(p, hits.size, occurring, deff, touched, df=min(occurring, compared) - 1)


class LinearPart(NamedTuple):
    """What each trial, or each non-mated comparison of one stratum, adds to the linearised rate.

    Attributes:
        people: integer labels of the people it touches, a column a role.
        weights: (n,) its share of the rate's deviation; all of them together sum to 0.
    """

    people: tuple[Ints, ...]
    weights: Floats


def linear_parts(strata: Sequence[Stratum]) -> list[LinearPart]:
    """The linearised rate of case e, term by term: what two such rates over the same people have in common.

    Raises:
        UndefinedMetricError: as ``rate_at_threshold_interval``.
    """
    trials = [_trials(stratum) for stratum in strata]
    n_trials = sum(part.hits.size for part in trials)
    if n_trials == 0:
        raise UndefinedMetricError("a rate at a threshold was asked for", found="no trials")
    p = float(np.concatenate([part.hits for part in trials]).mean())
    parts = [LinearPart(part.people, (part.hits - p) / n_trials) for part in trials if part.hits.size]
    found = (_comparisons(stratum, n_trials) for stratum in strata)
    return [
        *parts,
        *(LinearPart(one.people, one.weight * (one.hits.astype(np.float64) - one.fmr)) for one in found if one),
    ]


def _trials(stratum: Stratum) -> _Trials:
    """The stratum's decided trials, scored ones first."""
    scores = finite_scores(stratum.scores, "trial", at_least=0)
    extra = np.zeros(0, np.bool_) if _none(stratum.extra_hits) else zero_one(_given(stratum.extra_hits), "imputed hits")
    hits = np.concatenate([scores >= stratum.threshold, extra])
    roles = [
        (stratum.persons, stratum.extra_persons),
        (stratum.seconds, stratum.extra_seconds),
        (stratum.thirds, stratum.extra_thirds),
    ]
    if stratum.thirds is not None and stratum.seconds is None:
        raise UndefinedMetricError("trials of three people were asked for", found="`thirds` without `seconds`")
    people = tuple(_labels(scored, extra) for scored, extra in roles if scored is not None)
    same_length("trials", hits, *people)
    for one, other in itertools.combinations(people, 2):
        two_people(one, other, "trials")
    return _Trials(hits, people)


def _none(values: npt.ArrayLike | None) -> bool:
    return values is None or np.asarray(values).size == 0


def _given(values: npt.ArrayLike | None) -> npt.NDArray[np.int64]:
    return np.zeros(0, np.int64) if values is None or np.asarray(values).size == 0 else np.asarray(values)


def _labels(scored: npt.ArrayLike | None, extra: npt.ArrayLike | None) -> Ints:
    return np.concatenate([_given(scored), _given(extra)])


def _comparisons(stratum: Stratum, n_all: int) -> _Comparisons | None:
    """The non-mated comparisons and their weight; None where the threshold adds no uncertainty."""
    scores = finite_scores(stratum.scores, "trial", at_least=0)
    if stratum.frozen or scores.size == 0:
        return None
    check_target(stratum.target_fmr)
    non_mated = finite_scores(stratum.non_mated, "non-mated")
    roles = (stratum.non_first, stratum.non_second, stratum.non_thirds, stratum.non_fourths)
    people = tuple(np.asarray(role) for role in roles if role is not None)
    same_length("comparisons", non_mated, *people)
    for one, other in itertools.combinations(people, 2):
        two_people(one, other, "non-mated comparisons")
    false_matches = non_mated >= stratum.threshold
    fmr = float(false_matches.mean())
    p = float((scores >= stratum.threshold).mean())
    if fmr == 0.0:
        return None
    slope = _slope(scores, non_mated, stratum.target_fmr)
    weight = -(scores.size / n_all) * p * (1 - p) * slope / (fmr * non_mated.size)
    return _Comparisons(false_matches, fmr, weight, people)


def _slope(scores: Scores, non_mated: Scores, target_fmr: float) -> float:
    """b = [logit p(tau at 2f) - logit p(tau at f/2)] / ln 4, counts + .5 of n + 1; never negative."""

    def logit(target: float) -> float:
        threshold = threshold_at_fmr(non_mated, min(target, 1 - 1e-9)).threshold
        hits = int(np.count_nonzero(scores >= threshold)) + 0.5
        return math.log(hits / (scores.size + 1 - hits))

    return (logit(2 * target_fmr) - logit(target_fmr / 2)) / math.log(4)


def _columns(comparisons: Sequence[_Comparisons]) -> list[Ints]:
    return [column for part in comparisons for column in part.people]


def _count_people(columns: Sequence[Ints], n_people: int) -> int:
    """How many of the numbered people occur."""
    occurs = np.zeros(n_people, np.bool_)
    for column in columns:
        occurs[column] = True
    return int(np.count_nonzero(occurs))


def _renumber(
    trials: Sequence[_Trials], comparisons: Sequence[_Comparisons]
) -> tuple[tuple[Ints, ...], list[_Comparisons], int]:
    """Number all people together, role by role: those of the trials, those of the comparisons."""
    filled = [part.people for part in trials if part.hits.size]
    if len({len(people) for people in filled}) > 1:
        raise UndefinedMetricError(
            "one rate over several strata was asked for",
            found=f"strata of {' and '.join(map(str, sorted({len(people) for people in filled})))} people a trial",
            todo="give `seconds`, and `thirds`, in all strata or in none",
        )
    heads = [np.concatenate(role) for role in zip(*filled, strict=True)]
    columns, n_people = number_people(*heads, *_columns(comparisons))
    rest = iter(columns[len(heads) :])
    numbered = [part._replace(people=tuple(next(rest) for _ in part.people)) for part in comparisons]
    return columns[: len(heads)], numbered, n_people


def _variance(
    residuals: Floats, people: tuple[Ints, ...], comparisons: Sequence[_Comparisons], n_people: int, n_occurring: int
) -> float:
    """V of the linearised rate: trials and comparisons that share people are counted once."""
    shares = residuals / np.float64(residuals.size)
    sums: Floats = np.zeros(n_people)
    for role in people:
        sums += np.bincount(role, shares, minlength=n_people)
    for part in comparisons:
        for column in part.people:
            events = np.bincount(column[part.hits], minlength=n_people)
            sums = sums + part.weight * (events - part.fmr * np.bincount(column, minlength=n_people))
    squares = float(sums @ sums)
    residual = [part.weight * (part.hits.astype(np.float64) - part.fmr) for part in comparisons]
    parts = [(people, shares), *zip((part.people for part in comparisons), residual, strict=True)]
    for size in range(2, max(len(columns) for columns, _ in parts) + 1):
        groups = GroupTable(n_people, size)
        for columns, weights in parts:
            for group in itertools.combinations(columns, size):
                groups.add(*group, weights=weights)
        squares += (-1) ** (size + 1) * groups.sum_of_squares()
    return n_occurring / (n_occurring - 1) * max(0.0, squares)


def _floor(hits: Bools, people: tuple[Ints, ...], n_people: int, interchangeable: bool) -> tuple[int, float]:
    """People touched, and the floor of case a or c."""
    trials = sum((np.bincount(role, minlength=n_people) for role in people), start=np.zeros(n_people, np.int64))
    events = sum((np.bincount(role[hits], minlength=n_people) for role in people), start=np.zeros(n_people, np.int64))
    touched = es.touched_people(events, trials)
    each = es.size_weighted_mean(trials if interchangeable else np.bincount(people[0], minlength=n_people))
    return int(touched), float(es.person_floor(touched, each, roles=len(people)))
