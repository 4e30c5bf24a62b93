"""Bystanders: does an output resemble uninvolved people more than its unedited input did?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from visavox.core.records import Estimate, IntervalBasis, NotMade, OperatingPoint
from visavox.metrics import intervals
from visavox.ports.assessment import NO_TEMPLATE, AssessmentInput, Comparisons, Ints, JudgeView

from .rates import bounded, operating_point
from .trials import KindTrials

METHOD = "difference of two effective-size Clopper-Pearson rates over pairs of people (STATISTICS 3f)"


def bystander_figures(data: AssessmentInput, judge: JudgeView, control: KindTrials) -> Iterator[Estimate | NotMade]:
    """The difference by comparison, and that of outputs that match anyone at all.

    Both at the bona fide threshold: the attacked system does not know of the edit. Paired: output and unedited input
    are compared with the same recordings of the same uninvolved people; inputs without a template leave both sides.
    """
    (kind,) = control.kinds
    names = ("bystander_match_difference", "any_bystander_match_difference")
    point = operating_point(judge, kind, data.fmrs[0])
    if point is None or point.support == "none":
        reason = f"a bona fide threshold at FMR {data.fmrs[0]:g} rests on too little ({kind.n_people} people)"
        yield from (NotMade(name=name, recogniser=judge.id, reason=reason) for name in names)
        return
    table = judge.table("original-edited")
    probe_person, reference_person = data.case_person[table.probe], data.sample_person[table.reference]
    source = data.case_sample[table.probe]
    keep = (probe_person != reference_person) & (source >= 0) & judge.sample_ok[source]
    if not keep.any():
        reason = "no output has a template and a known unedited input"
        yield from (NotMade(name=name, recogniser=judge.id, reason=reason) for name in names)
        return
    probe, reference = table.probe[keep], table.reference[keep]
    first, second = probe_person[keep], reference_person[keep]
    output_hits = table.score[keep] >= point.threshold
    input_scores = _scores_of_inputs(data, judge)[data.case_sample[probe], reference]
    input_hits = input_scores >= point.threshold

    lost, lost_first, lost_second = _lost(data, judge)
    output = _with_lost(output_hits, first, second, lost, lost_first, lost_second)
    unedited = intervals.pair_rate_interval(input_hits, first, second)
    yield bounded(
        names[0],
        judge,
        None,
        float(output_hits.mean()) - float(input_hits.mean()),
        (output, unedited.basis),
        data.alpha,
        n=int(keep.sum()),
        n_subjects=unedited.n_people,
        n_failed=lost,
        method=METHOD,
        operating_point=point,
        chance=0.0,
        note=f"output {output_hits.mean():.6f}, unedited input {input_hits.mean():.6f}",
    )
    yield _any_match(data, judge, Comparisons(probe, reference, table.score[keep]), input_hits, point)


def _lost(data: AssessmentInput, judge: JudgeView) -> tuple[int, Ints, Ints]:
    """Comparisons that outputs without a template would have had; they count as matches for PASS."""
    first: list[npt.NDArray[np.int32]] = []
    second: list[npt.NDArray[np.int32]] = []
    usable = data.sample_person[judge.sample_ok]
    for case in np.flatnonzero(judge.case_state == NO_TEMPLATE):
        source = data.case_sample[case]
        if source >= 0 and judge.sample_ok[source]:
            others = usable[usable != data.case_person[case]]
            first.append(np.full_like(others, data.case_person[case]))
            second.append(others)
    if not first:
        return 0, np.zeros(0, np.int32), np.zeros(0, np.int32)
    return sum(part.size for part in first), np.concatenate(first), np.concatenate(second)


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
    table: Comparisons,
    input_hits: npt.NDArray[np.bool_],
    point: OperatingPoint,
) -> Estimate:
    """Outputs that match at least one of the other people, one recording each, beyond their unedited inputs.

    A copy of one bystander matches a share of 1 / (people - 1) of the comparisons, which the difference by comparison
    cannot see among many people; this can. An output without a template counts as a match for PASS.
    """
    gallery = _first_recordings(data, judge)
    chosen = np.isin(table.reference, gallery)
    probe = table.probe[chosen]
    cases = np.unique(probe)
    lost = np.flatnonzero((judge.case_state == NO_TEMPLATE) & (data.case_sample >= 0))
    persons = np.concatenate([data.case_person[cases], data.case_person[lost]])
    output = np.isin(cases, probe[table.score[chosen] >= point.threshold])
    unedited = np.isin(cases, probe[input_hits[chosen]])
    sides = [intervals.rate_interval(np.append(output, np.full(lost.size, hit)), persons) for hit in (False, True)]
    baseline = intervals.rate_interval(unedited, data.case_person[cases])
    size = gallery.size - 1
    chance = 1.0 - (1.0 - data.fmrs[0]) ** size
    return bounded(
        "any_bystander_match_difference",
        judge,
        None,
        float(output.mean()) - float(unedited.mean()),
        (intervals.imputed(sides[0], sides[1]), baseline.basis),
        data.alpha,
        n=int(cases.size),
        n_subjects=sides[0].n_people,
        n_failed=int(lost.size),
        method="difference of two effective-size Clopper-Pearson rates over people (STATISTICS 3a, 3f)",
        operating_point=point,
        chance=0.0,
        note=(
            f"output {output.mean():.6f}, unedited input {unedited.mean():.6f}, by chance {chance:.6f} against "
            f"{size} other people, one recording each"
        ),
    )


def _first_recordings(data: AssessmentInput, judge: JudgeView) -> Ints:
    usable = np.flatnonzero(judge.sample_ok).astype(np.int32)
    _, first = np.unique(data.sample_person[usable], return_index=True)
    chosen: Ints = usable[first]
    return chosen
