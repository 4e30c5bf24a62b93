"""Bystanders: does an output resemble uninvolved people more than its unedited input did?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.figures import Estimate, IntervalBasis, NotMade, OperatingPoint
from visavox.core.terms import ToolClass
from visavox.metrics import intervals
from visavox.metrics.intervals import difference_bounds
from visavox.metrics.operating_points import threshold_at_fmr
from visavox.ports.assessment import NO_TEMPLATE, AssessmentInput, Comparisons, Ints, JudgeView
from visavox_assessments.attempts import outputs_against_originals
from visavox_assessments.estimates import ROOM, bounded, operating_point

from .trials import KindTrials

ANY_MATCH = "any_bystander_match_difference"
OPEN_SET_FPIR = 0.05
"""Share of unedited inputs that may find somebody in a search of all other people."""
GUARD_FPIR = 0.5
"""Where more of them match at the bona fide threshold, outputs are held against them where this share does, too."""
METHOD = "difference of two effective-size Clopper-Pearson rates over pairs of people (STATISTICS 3f)"


def bystander_figures(data: AssessmentInput, judge: JudgeView, control: KindTrials) -> Iterator[Estimate | NotMade]:
    """The difference by comparison, and that of outputs that match anyone at all.

    Both at the bona fide threshold: the attacked system does not know of the edit. Paired: output and unedited input
    are compared with the same recordings of the same uninvolved people (a donor is involved); inputs without a template
    leave both sides, and a morph is held against both of its inputs.
    """
    (kind,) = control.kinds
    names = ("bystander_match_difference", ANY_MATCH)
    point = operating_point(judge, kind.comparisons, data.fmrs[0])
    if point is None or point.support == "none":
        reason = f"a bona fide threshold at FMR {data.fmrs[0]:g} rests on too little ({kind.n_people} people)"
        yield from (NotMade(name=name, recogniser=judge.id, reason=reason) for name in names)
        return
    table = outputs_against_originals(data, judge)
    inputs = _inputs(data, judge)
    reference_person = data.sample_person[table.reference]
    keep = _uninvolved(data, table.probe, reference_person) & (inputs[table.probe] >= 0).any(axis=1)
    if not keep.any():
        reason = "no output has a template and a known unedited input"
        yield from (NotMade(name=name, recogniser=judge.id, reason=reason) for name in names)
        return
    compared = Comparisons(table.probe[keep], table.reference[keep], table.score[keep])
    first, second = data.case_person[compared.probe], reference_person[keep]
    output_hits = compared.score >= point.threshold
    unedited = _unedited(data, judge, compared, inputs)
    unedited_hits = unedited.scores >= point.threshold

    lost, lost_first, lost_second = _lost(data, judge, inputs)
    output = _with_lost(output_hits, first, second, lost, lost_first, lost_second)
    baseline = intervals.pair_rate_interval(unedited_hits, unedited.persons, data.sample_person[unedited.reference])
    yield bounded(
        names[0],
        judge.id,
        None,
        float(output_hits.mean()) - float(unedited_hits.mean()),
        (output, baseline.basis),
        data.alpha,
        n=int(keep.sum()),
        n_subjects=baseline.n_people,
        n_failed=lost,
        method=METHOD,
        operating_point=point,
        chance=0.0,
        note=f"output {output_hits.mean():.6f}, unedited input {unedited_hits.mean():.6f}",
    )
    yield _any_match(data, judge, compared, unedited, inputs, point)


class Unedited(NamedTuple):
    """Comparisons of unedited inputs with the very recordings that their outputs were compared with."""

    case: Ints
    reference: Ints
    persons: Ints
    scores: npt.NDArray[np.float32]


def _uninvolved(data: AssessmentInput, case: Ints, person: Ints) -> npt.NDArray[np.bool_]:
    """Whether a person plays no part in a case."""
    free: npt.NDArray[np.bool_] = (data.case_person[case] != person) & (data.second_person[case] != person)
    return free


def _inputs(data: AssessmentInput, judge: JudgeView) -> Ints:
    """(n_cases, 2): the samples that the output is held against, -1 where there is none with a template.

    A morph is of both its contributors, a swap lies in its host's picture.
    """
    both = data.tool_class is ToolClass.MORPH
    columns = [data.case_sample, data.second_sample if both else np.full_like(data.case_sample, -1)]
    found = np.stack(columns, axis=1)
    usable = (found >= 0) & judge.sample_ok[found]
    complete = usable[:, 0] & (usable[:, 1] | (found[:, 1] < 0))
    inputs: Ints = np.where(usable & complete[:, None], found, -1).astype(np.int32)
    return inputs


def _unedited(data: AssessmentInput, judge: JudgeView, compared: Comparisons, inputs: Ints) -> Unedited:
    scores = _scores_of_inputs(data, judge)
    parts = []
    for side in range(inputs.shape[1]):
        sample = inputs[compared.probe, side]
        there = sample >= 0
        case, reference = compared.probe[there], compared.reference[there]
        parts.append((case, reference, data.sample_person[sample[there]], scores[sample[there], reference]))
    return Unedited(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _lost(data: AssessmentInput, judge: JudgeView, inputs: Ints) -> tuple[int, Ints, Ints]:
    """Comparisons that outputs without a template would have had; they count as matches for PASS."""
    first: list[npt.NDArray[np.int32]] = []
    second: list[npt.NDArray[np.int32]] = []
    usable = data.sample_person[judge.sample_ok]
    for case in np.flatnonzero(_without_template(data, judge, inputs)):
        others = usable[(usable != data.case_person[case]) & (usable != data.second_person[case])]
        first.append(np.full_like(others, data.case_person[case]))
        second.append(others)
    if not first:
        return 0, np.zeros(0, np.int32), np.zeros(0, np.int32)
    return sum(part.size for part in first), np.concatenate(first), np.concatenate(second)


def _without_template(data: AssessmentInput, judge: JudgeView, inputs: Ints) -> npt.NDArray[np.bool_]:
    lost: npt.NDArray[np.bool_] = (judge.case_state == NO_TEMPLATE) & ~data.case_probe & (inputs >= 0).any(axis=1)
    return lost


def _with_lost(
    hits: npt.NDArray[np.bool_], first: Ints, second: Ints, lost: int, lost_first: Ints, lost_second: Ints
) -> IntervalBasis:
    if not lost:
        return intervals.pair_rate_interval(hits, first, second).basis
    one, other = np.concatenate([first, lost_first]), np.concatenate([second, lost_second])
    sides = [
        intervals.pair_rate_interval(np.concatenate([hits, np.full(lost, value)]), one, other)
        for value in (False, True)
    ]
    return intervals.imputed(sides[0], sides[1])


def _scores_of_inputs(data: AssessmentInput, judge: JudgeView) -> npt.NDArray[np.float32]:
    """The bona fide scores as a symmetric matrix over samples; NaN where there is none."""
    n = data.sample_person.size
    matrix = np.full((n, n), np.nan, np.float32)
    table = judge.table("original-original")
    matrix[table.probe, table.reference] = table.score
    matrix[table.reference, table.probe] = table.score
    return matrix


def _any_match(
    data: AssessmentInput,
    judge: JudgeView,
    compared: Comparisons,
    unedited: Unedited,
    inputs: Ints,
    point: OperatingPoint,
) -> Estimate | NotMade:
    """Outputs that match at least one of the other people, one recording each, beyond their unedited inputs.

    A copy of one bystander matches a share of 1 / (people - 1) of the comparisons, which the difference by comparison
    cannot see among many people; this can. An output without a template counts as a match for PASS.

    Where more than ``OPEN_SET_FPIR`` of the unedited inputs match somebody at the bona fide threshold (many people, a
    high FMR), the search is decided at the threshold at which that share do: a false positive identification rate. At
    lower thresholds the outputs may then still find somebody little more often than the inputs (see
    ``_more_below``); else nothing is made (ADR 10 and 11).
    """
    gallery = _first_recordings(data, judge)
    chosen = np.isin(compared.reference, gallery)
    probe = compared.probe[chosen]
    cases, place = np.unique(probe, return_inverse=True)
    lost = np.flatnonzero(_without_template(data, judge, inputs))
    searched = _Searched(
        _best(compared.score[chosen], place, cases.size),
        np.concatenate([data.case_person[cases], data.case_person[lost]]),
        lost.size,
        *_input_searches(unedited, gallery),
    )
    strict = max(point.threshold, threshold_at_fmr(searched.inputs, OPEN_SET_FPIR).threshold)
    found = searched.at(strict)
    limit = data.limits.get(ANY_MATCH)
    is_stricter = strict > point.threshold
    if limit is not None and is_stricter and difference_bounds(*found.basis, data.alpha).lower <= limit:
        reason = _more_below(searched, point.threshold, limit, data.alpha)
        if reason:
            return NotMade(name=ANY_MATCH, recogniser=judge.id, reason=reason)
    size = gallery.size - (1 if data.second_person.max(initial=-1) < 0 else 2)
    return bounded(
        ANY_MATCH,
        judge.id,
        None,
        found.outputs - found.unedited,
        found.basis,
        data.alpha,
        n=int(cases.size),
        n_subjects=int(np.unique(searched.persons).size),
        n_failed=int(lost.size),
        method="difference of two effective-size Clopper-Pearson rates over people (STATISTICS 3a, 3f)",
        operating_point=point,
        chance=0.0,
        note=(
            f"output {found.outputs:.6f}, unedited input {found.unedited:.6f}, against {size} other people, one "
            f"recording each; decided at {strict:.6f}"
            + (f", an FPIR of {OPEN_SET_FPIR:g}" if is_stricter else ", the bona fide threshold")
        ),
    )


class _Compared(NamedTuple):
    """Shares of outputs and unedited inputs that match somebody, and what their difference rests on."""

    outputs: float
    unedited: float
    basis: tuple[IntervalBasis, IntervalBasis]


class _Searched(NamedTuple):
    """Searches of the gallery: each output's and unedited input's best score among people who are not in the case."""

    outputs: npt.NDArray[np.float32]
    persons: Ints
    n_lost: int
    inputs: npt.NDArray[np.float32]
    input_persons: Ints

    def at(self, threshold: float) -> _Compared:
        hits, source = self.outputs >= threshold, self.inputs >= threshold
        sides = [intervals.rate_interval(np.append(hits, np.full(self.n_lost, v)), self.persons) for v in (False, True)]
        basis = intervals.imputed(sides[0], sides[1])
        baseline = intervals.rate_interval(source, self.input_persons).basis
        return _Compared(float(hits.mean()), float(source.mean()), (basis, baseline))


def _more_below(searched: _Searched, bona_fide: float, limit: float, alpha: float) -> str:
    """Why outputs may be hiding under the threshold of the search; empty where they are not.

    Held against the inputs at the bona fide threshold and, where more than ``GUARD_FPIR`` of these match there and
    nothing could be told, at the threshold at which that share does.
    """
    half = max(bona_fide, threshold_at_fmr(searched.inputs, GUARD_FPIR).threshold)
    for threshold, name in ((bona_fide, "the bona fide threshold"), (half, "a threshold below that of the search")):
        there = searched.at(threshold)
        more, allowed = difference_bounds(*there.basis, alpha).upper, _allowed(limit, there.unedited)
        if more > allowed:
            return (
                f"{there.unedited:.1%} of the unedited inputs match somebody at {name} ({threshold:.6f}), and up to "
                f"{more:.1%} more of the outputs may; {allowed:.1%} more would be let pass"
            )
    return ""


def _allowed(limit: float, unedited: float) -> float:
    """How many more outputs may find somebody where this share of the unedited inputs do.

    As many standard errors as the limit is at ``OPEN_SET_FPIR``, but no more than a ``ROOM``th of what the inputs
    leave; never less than the limit itself.

    >>> round(_allowed(0.07, 0.06), 3), round(_allowed(0.07, 0.5), 3), _allowed(0.07, 0.95)
    (0.076, 0.161, 0.07)
    """
    errors = math.sqrt(unedited * (1.0 - unedited) / (OPEN_SET_FPIR * (1.0 - OPEN_SET_FPIR)))
    return max(limit, min(limit * errors, (1.0 - unedited) / ROOM))


def _best(scores: npt.NDArray[np.float32], place: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.float32]:
    best = np.full(count, -np.inf, np.float32)
    np.maximum.at(best, place, scores)
    return best


def _input_searches(unedited: Unedited, gallery: Ints) -> tuple[npt.NDArray[np.float32], Ints]:
    """The best score of each unedited input among the gallery, and whose input it is."""
    chosen = np.isin(unedited.reference, gallery)
    keys = np.stack([unedited.case[chosen], unedited.persons[chosen]], axis=1)
    inputs, place = np.unique(keys, axis=0, return_inverse=True)
    return _best(unedited.scores[chosen], place.reshape(-1), len(inputs)), inputs[:, 1]


def _first_recordings(data: AssessmentInput, judge: JudgeView) -> Ints:
    usable = np.flatnonzero(judge.sample_ok).astype(np.int32)
    _, first = np.unique(data.sample_person[usable], return_index=True)
    chosen: Ints = usable[first]
    return chosen
