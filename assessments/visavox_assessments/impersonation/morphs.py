"""MMPMR, RMMR and MAP: outputs against the single recordings of everyone who went into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Estimate, NotMade, OperatingPoint
from visavox.core.terms import Direction, Support, ToolClass
from visavox.metrics import intervals
from visavox.metrics.bands import band
from visavox.metrics.morphing import (
    ContributorScores,
    accepted_counts,
    first_attempts,
    map_matrix,
    minmax_scores,
    probe_attempts,
    rmmr,
)
from visavox.metrics.morphing_intervals import (
    contributors_rate_interval,
    mmpmr_interval,
    mmpmr_stratum,
    prod_avg_interval,
)
from visavox.metrics.spread import JudgeTrials
from visavox.ports.assessment import NO_TEMPLATE, AssessmentInput, Ints, JudgeView
from visavox_assessments.attempts import outputs_against_originals, worst_of_attempts
from visavox_assessments.estimates import DISPLAY_ALPHA, NonMated, bounded, operating_point
from visavox_assessments.spreads import spread_estimate

METHOD = "effective-size Clopper-Pearson over contributors, threshold estimated on the same people (STATISTICS 3c, 3e)"


class SingleRecordings(NamedTuple):
    """A system that compares with single recordings: its bona fide comparisons."""

    non_mated: NonMated
    mated: npt.NDArray[np.float32]

    @classmethod
    def of(cls, data: AssessmentInput, judge: JudgeView) -> SingleRecordings:
        """From the table of unedited recordings among themselves; pairs of one session are left out."""
        table = judge.table("original-original")
        first, second = data.sample_person[table.reference], data.sample_person[table.probe]
        sessions = data.sample_session[table.reference], data.sample_session[table.probe]
        own = (first == second) & ((sessions[0] < 0) | (sessions[0] != sessions[1]))
        non = first != second
        people = int(np.unique(data.sample_person[judge.sample_ok]).size)
        return cls(NonMated("original-original", table.score[non], first[non], second[non], people), table.score[own])

    def point(self, judge: JudgeView, fmr: float) -> OperatingPoint | None:
        """Its operating point; None where it rests on too little."""
        found = operating_point(judge, self.non_mated, fmr)
        if found is None or found.support is Support.NONE:
            return None
        fnmr = float((self.mated < found.threshold).mean()) if self.mated.size else None
        return found.model_copy(update={"fnmr": fnmr})


def edited_cases(data: AssessmentInput, judge: JudgeView) -> Ints:
    """First attempts with an output, consent probes apart."""
    first = data.case_first == np.arange(data.case_first.size)
    found: Ints = np.flatnonzero(first & ~data.case_probe & (judge.case_state >= NO_TEMPLATE)).astype(np.int32)
    return found


def presented_cases(data: AssessmentInput, judge: JudgeView) -> Ints:
    """Cases with an output, further attempts too, consent probes apart."""
    found: Ints = np.flatnonzero(~data.case_probe & (judge.case_state >= NO_TEMPLATE)).astype(np.int32)
    return found


def contributor_scores(
    data: AssessmentInput, judge: JudgeView, cases: Ints, contributors: npt.NDArray[np.int32]
) -> ContributorScores:
    """Scores of the cases' outputs with the recordings of their contributors that did not go into them."""
    table = outputs_against_originals(data, judge)
    place = np.full(data.case_person.size, -1, np.int64)
    place[cases] = np.arange(cases.size)
    person = data.sample_person[table.reference]
    output = place[table.probe]
    own = (output >= 0) & (contributors[output] == person[:, None]).any(axis=1)
    for sample, of in ((data.case_sample, data.case_person), (data.second_sample, data.second_person)):
        source = sample[table.probe]
        session = np.where(source >= 0, data.sample_session[source], -1)
        same = (of[table.probe] == person) & (session >= 0) & (session == data.sample_session[table.reference])
        own &= ~same
    return ContributorScores(output[own], person[own], table.score[own], contributors)


def both_people(data: AssessmentInput, cases: Ints) -> npt.NDArray[np.int32]:
    """Both people of each case."""
    return np.stack([data.case_person[cases], data.second_person[cases]], axis=1)


def figures(data: AssessmentInput, judge: JudgeView, fmr: float) -> Iterator[Estimate | NotMade]:
    """MMPMR (MinMax), ProdAvg-MMPMR and RMMR of one judge."""
    names = ("mmpmr", "prod_avg_mmpmr", "rmmr")
    system = SingleRecordings.of(data, judge)
    point = system.point(judge, fmr)
    if point is None:
        reason = f"a bona fide threshold at FMR {fmr:g} rests on too little"
        yield from (NotMade(name=name, recogniser=judge.id, reason=reason) for name in names)
        return

    def make(of: AssessmentInput) -> tuple[Estimate | NotMade]:
        return (_mmpmr(of, judge, system, point),)

    (rate,) = worst_of_attempts(data, make)
    if isinstance(rate, NotMade):
        yield from (rate.model_copy(update={"name": name}) for name in names)
        return
    yield rate
    yield _prod_avg(data, judge, point, rate)
    fnmr = point.fnmr or 0.0
    yield rate.model_copy(
        update={
            "name": "rmmr",
            "value": rmmr(rate.value, fnmr),
            **{end: getattr(rate, end) + fnmr for end in ("low", "high", "lower", "upper")},
            "method": "MMPMR + FNMR; the ends are those of MMPMR, the FNMR taken as known",
            "chance": None,
            "band": "",
            "basis": (),
            "upper_any_correlation": None,
            "note": f"MMPMR {rate.value:.6f} + FNMR {fnmr:.6f}; in [0, 2]",
        }
    )


def _mmpmr(
    data: AssessmentInput, judge: JudgeView, system: SingleRecordings, point: OperatingPoint
) -> Estimate | NotMade:
    cases = presented_cases(data, judge)
    scores = contributor_scores(data, judge, cases, both_people(data, cases)) if cases.size else None
    decisive = minmax_scores(scores) if scores is not None else None
    if scores is None or decisive is None or decisive.scores.size == 0:
        reason = "no output has a score with each of its people" if cases.size else "nothing was edited"
        return NotMade(name="mmpmr", recogniser=judge.id, reason=reason)
    sides = [
        mmpmr_interval(
            [
                mmpmr_stratum(
                    decisive,
                    scores.contributors,
                    threshold=point.threshold,
                    target_fmr=point.target_fmr,
                    non_mated=system.non_mated.scores,
                    non_first=system.non_mated.first,
                    non_second=system.non_mated.second,
                    missing_hit=hit,
                )
            ]
        )
        for hit in (False, True)
    ]
    basis = sides[0].basis if decisive.missing.size == 0 else intervals.imputed(sides[0], sides[1])
    low, high = intervals.bound_lower(basis, DISPLAY_ALPHA), intervals.bound_upper(basis, DISPLAY_ALPHA)
    return bounded(
        "mmpmr",
        judge.id,
        None,
        float((decisive.scores >= point.threshold).mean()),
        (basis,),
        data.alpha,
        n=decisive.scores.size,
        n_subjects=sides[0].n_people,
        n_failed=decisive.missing.size,
        method=METHOD,
        operating_point=point,
        direction=Direction.NEITHER,
        band=band(low, high),
        note="of donor and host" if data.tool_class is ToolClass.SWAP else "of both contributors",
    )


def _prod_avg(data: AssessmentInput, judge: JudgeView, point: OperatingPoint, minmax: Estimate) -> Estimate | NotMade:
    """Over outputs that have a score with everyone; the others are counted as failed.

    Where no output matches at all the jackknife sees no spread: the ends are those of MMPMR, which is never below.
    """
    cases = presented_cases(data, judge)
    scores = contributor_scores(data, judge, cases, both_people(data, cases))
    decisive = minmax_scores(scores)
    place = np.full(np.asarray(scores.contributors).shape[0], -1, np.int64)
    place[decisive.outputs] = np.arange(decisive.outputs.size)
    output = place[np.asarray(scores.output)]
    kept = output >= 0
    complete = ContributorScores(
        output[kept],
        np.asarray(scores.person)[kept],
        np.asarray(scores.score)[kept],
        np.asarray(scores.contributors)[decisive.outputs],
    )
    try:
        found = prod_avg_interval(complete, point.threshold, alpha=data.alpha)
    except UndefinedMetricError as error:
        return NotMade(name="prod_avg_mmpmr", recogniser=judge.id, reason=f"{error.asked}: {error.found}")
    return Estimate(
        name="prod_avg_mmpmr",
        value=found.value,
        low=found.low,
        high=minmax.high if found.value == 0.0 else found.high,
        lower=found.lower,
        upper=minmax.upper if found.value == 0.0 else found.upper,
        alpha=data.alpha,
        method="delete-one-person jackknife, threshold held; at 0 the upper ends of MMPMR",
        n=decisive.scores.size,
        n_eff=float(found.n_people),
        n_subjects=found.n_people,
        n_failed=decisive.missing.size,
        recogniser=judge.id,
        operating_point=point,
        direction=Direction.NEITHER,
    )


def map_figures(data: AssessmentInput) -> Iterator[Estimate | NotMade]:
    """MAP[r,c] over all judges, each at its own threshold for the policy's FMR (ISO/IEC 20059:2025).

    Of a swap the donor is the one contributor. An output of which a judge has no template is rejected by it. R is the
    least number of recordings that anyone who takes part has left, at most ``probe_attempts``.
    """
    points = [SingleRecordings.of(data, judge).point(judge, data.fmrs[0]) for judge in data.judges]
    cases = edited_cases(data, data.judges[0])
    if any(point is None for point in points) or cases.size == 0:
        reason = "a judge has no threshold" if cases.size else "nothing was edited"
        yield NotMade(name="map_r1_c1", recogniser="", reason=reason)
        return
    contributors = data.second_person[cases][:, None] if data.tool_class is ToolClass.SWAP else both_people(data, cases)
    scores = [contributor_scores(data, judge, cases, contributors) for judge in data.judges]
    tried = [probe_attempts(found) for found in scores]
    seen = [judge.case_state[cases] > NO_TEMPLATE for judge in data.judges]
    lacking = np.any([ok & (counts == 0).any(axis=1) for ok, counts in zip(seen, tried, strict=True)], axis=0)
    usable = [counts[ok & ~lacking] for ok, counts in zip(seen, tried, strict=True)]
    if not sum(counts.size for counts in usable):
        yield NotMade(name="map_r1_c1", recogniser="", reason="no output has a score with everyone who went into it")
        return
    attempts = min(data.options.probe_attempts, *(int(counts.min()) for counts in usable if counts.size))
    accepted = np.stack(
        [
            accepted_counts(first_attempts(found, attempts), point.threshold if point else np.inf)
            for found, point in zip(scores, points, strict=True)
        ]
    )
    whole = ~lacking
    matrix = map_matrix(accepted[:, whole], attempts)
    for r in range(attempts):
        for c in range(len(data.judges)):
            yield _map_cell(data, cases[whole], matrix.successes[r, c], r + 1, c + 1, int(lacking.sum()))


def _map_cell(
    data: AssessmentInput, cases: Ints, successes: npt.NDArray[np.bool_], r: int, c: int, left_out: int
) -> Estimate | NotMade:
    name = f"map_r{r}_c{c}"
    donors, hosts = data.second_person[cases], data.case_person[cases]
    try:
        if data.tool_class is ToolClass.SWAP:
            found = intervals.cross_rate_interval(successes, donors, hosts)
        else:
            found = contributors_rate_interval(successes, both_people(data, cases))
    except UndefinedMetricError as error:
        return NotMade(name=name, recogniser="", reason=f"{error.asked}: {error.found}")
    return bounded(
        name,
        "",
        None,
        found.p,
        (found.basis,),
        data.alpha,
        n=found.n,
        n_subjects=found.n_people,
        n_failed=left_out,
        method="effective-size Clopper-Pearson over contributors, thresholds held (STATISTICS 3c)",
        direction=Direction.NEITHER,
        note=(
            f"accepted in at least {r} attempts by at least {c} of {len(data.judges)} judges, each at "
            f"FMR {data.fmrs[0]:g}"
        ),
    )


def spread(data: AssessmentInput) -> Estimate | None:
    """How far the judges' MMPMR are apart."""
    judged = {}
    for judge in data.judges:
        point = SingleRecordings.of(data, judge).point(judge, data.fmrs[0])
        cases = presented_cases(data, judge)
        if point is None or cases.size == 0:
            continue
        people = both_people(data, cases)
        decisive = minmax_scores(contributor_scores(data, judge, cases, people))
        if decisive.scores.size:
            kept = people[decisive.outputs]
            judged[judge.id] = JudgeTrials(decisive.scores >= point.threshold, kept[:, 0], kept[:, 1])
    return spread_estimate("mmpmr_spread", data, judged)
