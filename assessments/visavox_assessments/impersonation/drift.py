"""Bystander drift: an attribute edit that stays the person and matches somebody else too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from visavox.core.figures import Estimate, NotMade
from visavox.metrics import intervals
from visavox.ports.assessment import NO_TEMPLATE, AssessmentInput, Ints, JudgeView
from visavox_assessments.estimates import bounded, no_room

from .morphs import SingleRecordings, edited_cases

NAME = "bystander_drift"
METHOD = "difference of two effective-size Clopper-Pearson rates over people (STATISTICS 3a, 3f)"
Bools = npt.NDArray[np.bool_]


def bystander_drift(data: AssessmentInput, judge: JudgeView) -> Estimate | NotMade:
    """The share of outputs that match their subject *and* somebody else, minus that of the unedited inputs.

    MMPMR with the subject and the nearest other person as the contributors, at the bona fide threshold: the subject by
    any recording but the input, others by one recording each. Unedited inputs of many people match somebody by chance;
    only what the edit adds is drift. An output without a template counts as drifted for PASS.
    """
    system = SingleRecordings.of(data, judge)
    point = system.point(judge, data.fmrs[0])
    cases = edited_cases(data, judge)
    cases = cases[data.case_sample[cases] >= 0]
    cases = cases[judge.sample_ok[data.case_sample[cases]]]
    if point is None or cases.size == 0 or np.unique(data.case_person[cases]).size < 2:
        reason = (
            "no output with a known unedited input that has a template"
            if point
            else f"a bona fide threshold at FMR {data.fmrs[0]:g} rests on too little"
        )
        return NotMade(name=NAME, recogniser=judge.id, reason=reason)
    gallery = _gallery(data, judge)
    has_template = judge.case_state[cases] > NO_TEMPLATE
    output = _both_match(data, _output_scores(data, judge), cases, gallery, point.threshold)[has_template]
    inputs = _both_match(data, _input_scores(data, judge), cases, gallery, point.threshold)
    persons = data.case_person[cases]
    ordered = np.concatenate([persons[has_template], persons[~has_template]])
    n_lost = int((~has_template).sum())
    sides = [intervals.rate_interval(np.append(output, np.full(n_lost, hit)), ordered) for hit in (False, True)]
    baseline = intervals.rate_interval(inputs, persons)
    reason = "no output has a template" if output.size == 0 else no_room(data, NAME, float(inputs.mean()))
    if reason:
        return NotMade(name=NAME, recogniser=judge.id, reason=reason)
    return bounded(
        NAME,
        judge.id,
        None,
        float(output.mean()) - float(inputs.mean()),
        (intervals.imputed(sides[0], sides[1]), baseline.basis),
        data.alpha,
        n=int(output.size),
        n_subjects=sides[0].n_people,
        n_failed=n_lost,
        method=METHOD,
        operating_point=point,
        chance=0.0,
        note=(
            f"output {output.mean():.6f}, unedited input {inputs.mean():.6f}, against {gallery.size - 1} other people, "
            "one recording each"
        ),
    )


def _gallery(data: AssessmentInput, judge: JudgeView) -> Ints:
    usable = np.flatnonzero(judge.sample_ok).astype(np.int32)
    _, first = np.unique(data.sample_person[usable], return_index=True)
    chosen: Ints = usable[first]
    return chosen


def _output_scores(data: AssessmentInput, judge: JudgeView) -> npt.NDArray[np.float32]:
    """(n_cases, n_samples) scores of outputs; -inf where there is none."""
    table = judge.table("original-edited")
    scores = np.full((data.case_person.size, data.sample_person.size), -np.inf, np.float32)
    scores[table.probe, table.reference] = table.score
    return scores


def _input_scores(data: AssessmentInput, judge: JudgeView) -> npt.NDArray[np.float32]:
    """(n_cases, n_samples) scores of the cases' unedited inputs; -inf where there is none."""
    table = judge.table("original-original")
    n = data.sample_person.size
    scores = np.full((n, n), -np.inf, np.float32)
    scores[table.probe, table.reference] = table.score
    scores[table.reference, table.probe] = table.score
    return np.where((data.case_sample >= 0)[:, None], scores[data.case_sample], np.float32(-np.inf))


def _both_match(
    data: AssessmentInput, scores: npt.NDArray[np.float32], cases: Ints, gallery: Ints, threshold: float
) -> Bools:
    """Whether a row matches its own person by any recording, and anybody else by the gallery's."""
    accepted = scores[cases] >= threshold
    own = data.sample_person[None, :] == data.case_person[cases][:, None]
    source = data.case_sample[cases]
    own[np.arange(cases.size), source] = False
    in_gallery = np.zeros(data.sample_person.size, bool)
    in_gallery[gallery] = True
    others = (data.sample_person[None, :] != data.case_person[cases][:, None]) & in_gallery
    both: Bools = (accepted & own).any(axis=1) & (accepted & others).any(axis=1)
    return both
