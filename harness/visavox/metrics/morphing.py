"""Impersonation by an edited recording: MMPMR, RMMR, MAP, RIAPAR, any-of-k.

An output shall match recordings of *every* person who went in: both contributors of a morph, the one donor of a swap.
Accept iff score >= threshold, everywhere (some toolkits decide MMPMR by >). Intervals: ``morphing_intervals``.

References: Scherhag et al., Biometric systems under morphing attacks, BIOSIG 2017 (MMPMR, RMMR); Ferrara et al.,
Morphing attack potential, IWBF 2022, and ISO/IEC 20059:2025 (MAP); ISO/IEC 30107-3:2023 (IAPAR, RIAPAR).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Bools, Floats, Ints, Scores, finite_scores, number_people, same_length, zero_one


class ContributorScores(NamedTuple):
    """Comparisons of outputs with recordings of their own contributors, by one recogniser, a row each.

    Attributes:
        output: (n,) integers 0 .. n_outputs - 1.
        person: (n,) integer labels; whose recording the output is compared with, one of the output's contributors.
        score: (n,) similarities.
        contributors: (n_outputs, k) integer labels, k >= 1; k = 1 for the donor of a swap.
    """

    output: npt.ArrayLike
    person: npt.ArrayLike
    score: npt.ArrayLike
    contributors: npt.ArrayLike


class DecisiveScores(NamedTuple):
    """S_m, the score on which the success of an output m hangs.

    Attributes:
        scores: (m,) min over contributors of max over that contributor's recordings.
        outputs: (m,) which outputs these are, ascending.
        missing: outputs of which a contributor has no score at all (failures to acquire): impute them, never drop them.
    """

    scores: Scores
    outputs: Ints
    missing: Ints


class MapMatrix(NamedTuple):
    """Morphing attack potential.

    Attributes:
        rates: (R, C); [r - 1, c - 1] is MAP[r,c], falling along both axes.
        successes: (R, C, n_outputs) whether the output counts in MAP[r,c], for an interval of the cell.
    """

    rates: Floats
    successes: Bools


class AnyOfK(NamedTuple):
    """Whether any attempt of a case was accepted, cases ascending."""

    case: Ints
    accepted: Bools


class BestOfK(NamedTuple):
    """The largest score of each case's attempts, cases ascending."""

    case: Ints
    scores: Scores


class _Rows(NamedTuple):
    """Checked rows; ``cell`` numbers (output, contributor) pairs."""

    cell: Ints
    score: Scores
    n_outputs: int
    n_contributors: int


def minmax_scores(data: ContributorScores) -> DecisiveScores:
    """The decisive score of each output: min over contributors of max over the contributor's recordings.

    An output succeeds at a threshold iff its decisive score reaches it, hence MinMax-MMPMR is a plain rate of these.

    >>> pair = ContributorScores([0, 0, 0], [7, 7, 9], [0.2, 0.6, 0.5], [[7, 9]])
    >>> minmax_scores(pair).scores
    array([0.5])

    Raises:
        UndefinedMetricError: rows of unequal number, an output out of range, a person who is no contributor of the
            output, contributors that coincide, or a score that is not finite.
    """
    rows = _rows(data)
    best = np.full(rows.n_outputs * rows.n_contributors, -np.inf, rows.score.dtype)
    np.maximum.at(best, rows.cell, rows.score)
    decisive = best.reshape(rows.n_outputs, rows.n_contributors).min(axis=1)
    complete = np.isfinite(decisive)
    return DecisiveScores(decisive[complete], np.flatnonzero(complete), np.flatnonzero(~complete))


def mmpmr(decisive: npt.ArrayLike, threshold: float) -> float:
    """Mated morph presentation match rate (MinMax): the share of outputs whose decisive score >= threshold.

    Args:
        decisive: (m,) as ``minmax_scores`` gives them.
        threshold: of the attacked system.

    Raises:
        UndefinedMetricError: no outputs, or scores that are not finite.
    """
    scores = finite_scores(decisive, "decisive")
    return int(np.count_nonzero(scores >= threshold)) / scores.size


def prod_avg_mmpmr(data: ContributorScores, threshold: float) -> float:
    """ProdAvg-MMPMR: mean over outputs of the product over contributors of the share of recordings that match.

    The probability that one recording of each contributor, drawn by chance, matches. Never above MinMax-MMPMR.

    Raises:
        UndefinedMetricError: as ``minmax_scores``, or an output of which a contributor has no score.
    """
    return float(match_shares(data, threshold).mean())


def match_shares(data: ContributorScores, threshold: float) -> Floats:
    """Per output, the product over contributors of the share of recordings that match, (n_outputs,).

    Raises:
        UndefinedMetricError: as ``minmax_scores``, or an output of which a contributor has no score.
    """
    rows = _rows(data)
    attempted = _counts(rows, -np.inf)
    if (attempted == 0).any():
        raise UndefinedMetricError(
            "a ProdAvg-MMPMR was asked for",
            found=f"{int((attempted == 0).any(axis=1).sum())} outputs without a score for a contributor",
            todo="take the outputs that `minmax_scores` does not list as missing, and say how many are",
        )
    return np.asarray((_counts(rows, threshold) / attempted).prod(axis=1), np.float64)


def rmmr(mmpmr_value: float, fnmr: float) -> float:
    """Relative morph match rate: 1 + (MMPMR - (1 - FNMR)) = MMPMR + FNMR, in [0, 2]; above 1: morphs pass better.

    Raises:
        UndefinedMetricError: a rate outside [0, 1].
    """
    return _sum_of_rates("MMPMR", mmpmr_value, "FNMR", fnmr)


def riapar(iapar: float, frr: float) -> float:
    """Relative impostor attack presentation accept rate: 1 + (IAPAR - (1 - FRR)) = IAPAR + FRR, in [0, 2].

    Raises:
        UndefinedMetricError: a rate outside [0, 1].
    """
    return _sum_of_rates("IAPAR", iapar, "FRR", frr)


def accepted_counts(data: ContributorScores, threshold: float) -> Ints:
    """How many probe attempts of each contributor match, (n_outputs, k); a missing attempt is not accepted.

    Raises:
        UndefinedMetricError: as ``minmax_scores``.
    """
    return _counts(_rows(data), threshold)


def probe_attempts(data: ContributorScores) -> Ints:
    """How many probe attempts of each contributor have a score, (n_outputs, k).

    Raises:
        UndefinedMetricError: as ``minmax_scores``.
    """
    return _counts(_rows(data), -np.inf)


def first_attempts(data: ContributorScores, attempts: int) -> ContributorScores:
    """The first ``attempts`` rows of every contributor of every output, in the order of the rows.

    MAP asks for equally many attempts of everyone; where people have different numbers of recordings, these are the
    ones that count. Keep the order the same for all verifiers.

    Raises:
        UndefinedMetricError: as ``minmax_scores``.
    """
    rows = _rows(data)
    order = np.argsort(rows.cell, kind="stable")
    ordered = rows.cell[order]
    start = np.r_[True, ordered[1:] != ordered[:-1]] if ordered.size else np.zeros(0, np.bool_)
    begin = np.maximum.accumulate(np.where(start, np.arange(ordered.size), 0)) if ordered.size else ordered
    kept = np.sort(order[np.arange(ordered.size) - begin < attempts])
    output, person = np.asarray(data.output)[kept], np.asarray(data.person)[kept]
    return ContributorScores(output, person, rows.score[kept], data.contributors)


def map_matrix(accepted: npt.ArrayLike, attempts: int) -> MapMatrix:
    """MAP[r,c]: the share of outputs for which at least c of C verifiers accept at least r of R attempts of everyone.

    A verifier counts for an output iff it accepts, at its own threshold, at least r probe attempts of *each* of the
    output's contributors. MAP[1,1] is the attacker's best case, MAP[R,C] the worst.

    Args:
        accepted: (C verifiers, n_outputs, k contributors) accepted attempts, each at the verifier's own threshold.
        attempts: R, the attempts that each contributor had.

    Raises:
        UndefinedMetricError: no verifier, output, contributor or attempt, or counts outside 0 .. R.
    """
    counts = np.asarray(accepted)
    if counts.ndim != 3 or 0 in counts.shape or attempts < 1:
        raise UndefinedMetricError(
            "a morphing attack potential was asked for",
            found=f"counts of shape {counts.shape} and {attempts} attempts",
            todo="counts per verifier, output and contributor; at least one of each, and one attempt",
        )
    if not np.issubdtype(counts.dtype, np.integer) or counts.min() < 0 or counts.max() > attempts:
        raise UndefinedMetricError(
            "a morphing attack potential was asked for",
            found=f"{counts.dtype} counts from {counts.min()} to {counts.max()}, of {attempts} attempts",
            todo="whole numbers from 0 to the number of attempts: take the same number of attempts of everyone",
        )
    fewest = counts.min(axis=2)
    verifiers = (fewest >= np.arange(1, attempts + 1)[:, None, None]).sum(axis=1)
    successes = verifiers[:, None, :] >= np.arange(1, counts.shape[0] + 1)[:, None]
    return MapMatrix(successes.mean(axis=2), successes)


def any_of_k(accepted: npt.ArrayLike, case: npt.ArrayLike) -> AnyOfK:
    """Whether any attempt of a case was accepted.

    Args:
        accepted: (n,) 0/1 or bool.
        case: (n,) integer labels.

    >>> any_of_k([0, 1, 0], [5, 5, 3])
    AnyOfK(case=array([3, 5]), accepted=array([False,  True]))

    Raises:
        UndefinedMetricError: no attempts, values other than 0 and 1, or labels that are no integers.
    """
    decided = zero_one(accepted, "attempts")
    cases, where = _cases(decided, case)
    return AnyOfK(cases, np.bincount(where[decided], minlength=cases.size) > 0)


def best_of_k(scores: npt.ArrayLike, case: npt.ArrayLike) -> BestOfK:
    """The largest score of a case's attempts: it reaches a threshold iff any of them does.

    Raises:
        UndefinedMetricError: no attempts, scores that are not finite, or labels that are no integers.
    """
    attempts = finite_scores(scores, "attempt")
    cases, where = _cases(attempts, case)
    largest = np.full(cases.size, -np.inf, attempts.dtype)
    np.maximum.at(largest, where, attempts)
    return BestOfK(cases, largest)


def contributor_table(contributors: npt.ArrayLike) -> Ints:
    """Contributors as a table of integers, a row per output, checked.

    Raises:
        UndefinedMetricError: no such table, or an output that names a contributor twice.
    """
    table = np.asarray(contributors)
    if table.ndim != 2 or 0 in table.shape or not np.issubdtype(table.dtype, np.integer):
        raise UndefinedMetricError(
            "the contributors of outputs were asked for",
            found=f"a {table.dtype} array of shape {table.shape}",
            todo="integer labels, a row per output, a column per contributor",
        )
    ordered = np.sort(table, axis=1)
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise UndefinedMetricError(
            "the contributors of outputs were asked for", found="an output that names the same contributor twice"
        )
    return table.astype(np.int64)


def _rows(data: ContributorScores) -> _Rows:
    """Each row with the number of its (output, contributor) pair."""
    contributors = contributor_table(data.contributors)
    n_outputs, k = contributors.shape
    output, person = np.asarray(data.output), np.asarray(data.person)
    score = finite_scores(data.score, "contributor", at_least=0)
    same_length("comparisons with contributors", output, person, score)
    if output.size == 0:
        return _Rows(np.zeros(0, np.int64), score, n_outputs, k)
    number_people(output)  # integers
    if output.min() < 0 or output.max() >= n_outputs:
        raise UndefinedMetricError(
            "comparisons of outputs with their contributors were asked for",
            found=f"outputs numbered {output.min()} to {output.max()}, {n_outputs} outputs have contributors",
        )
    matches = contributors[output] == person[:, None]
    if not matches.any(axis=1).all():
        raise UndefinedMetricError(
            "comparisons of outputs with their contributors were asked for",
            found=f"{int((~matches.any(axis=1)).sum())} rows with a person who did not go into the output",
            todo="comparisons with bystanders belong elsewhere",
        )
    return _Rows(output.astype(np.int64) * k + matches.argmax(axis=1), score, n_outputs, k)


def _counts(rows: _Rows, threshold: float) -> Ints:
    size = rows.n_outputs * rows.n_contributors
    counts = np.bincount(rows.cell[rows.score >= threshold], minlength=size)
    return counts.reshape(rows.n_outputs, rows.n_contributors)


def _cases(attempts: npt.NDArray[np.generic], case: npt.ArrayLike) -> tuple[Ints, Ints]:
    """The cases, ascending, and which of them each attempt belongs to."""
    labels = np.asarray(case)
    same_length("attempts", attempts, labels)
    number_people(labels)  # integers
    cases, where = np.unique(labels, return_inverse=True)
    return cases.astype(np.int64), where


def _sum_of_rates(name: str, rate: float, other_name: str, other: float) -> float:
    if not (0.0 <= rate <= 1.0 and 0.0 <= other <= 1.0):
        raise UndefinedMetricError(
            f"{name} + {other_name} was asked for", found=f"{rate} and {other}", todo="rates are shares in [0, 1]"
        )
    return rate + other
