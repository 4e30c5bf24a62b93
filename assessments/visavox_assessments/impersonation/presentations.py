"""IAPAR and RIAPAR: outputs presented to the attacked system as the person they are meant to show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from visavox.core.figures import Estimate, Histogram, NotMade, OperatingPoint
from visavox.core.terms import Direction, ToolClass
from visavox.metrics import intervals
from visavox.metrics.bands import band
from visavox.metrics.morphing import riapar
from visavox.metrics.spread import JudgeTrials
from visavox.ports.assessment import NO_TEMPLATE, AssessmentInput, Floats, Ints, JudgeView
from visavox_assessments.estimates import DISPLAY_ALPHA, bounded
from visavox_assessments.histograms import link_histograms
from visavox_assessments.spreads import spread_estimate

from .system import METHOD, AttackedSystem, too_little


class Presentations(NamedTuple):
    """One row per output and target that the system decides on.

    Attributes:
        case: case numbers; target, other: the person claimed, and the other person in the output.
        score: against the enrolled target; NaN for an output without a template.
    """

    case: Ints
    target: Ints
    other: Ints
    score: Floats

    def at(self, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Presentations:
        """The rows chosen."""
        return Presentations(self.case[chosen], self.target[chosen], self.other[chosen], self.score[chosen])


def presentations(data: AssessmentInput, judge: JudgeView, sets: tuple[str, ...]) -> Presentations:
    """Outputs of the named sets against their targets: the donor of a swap, each contributor of a morph.

    Targets with no enrolled recording left are no presentation.
    """
    enrolled = set(np.unique(judge.table("enrolled-original").reference).tolist())
    rows: list[Presentations] = []
    cases = [_cases(data, judge, name) for name in sets]
    tables = [judge.table(f"enrolled-{name}") for name in sets]
    pairs = [(data.second_person, data.case_person)]
    if data.tool_class is ToolClass.MORPH:
        pairs.append((data.case_person, data.second_person))
    for target_of, other_of in pairs:
        for table, edited in zip(tables, cases, strict=True):
            asked = table.reference == target_of[table.probe]
            case = table.probe[asked]
            rows.append(Presentations(case, target_of[case], other_of[case], table.score[asked]))
            lost = edited[(judge.case_state[edited] == NO_TEMPLATE) & np.isin(target_of[edited], list(enrolled))]
            nothing = np.full(lost.size, np.nan, np.float32)
            rows.append(Presentations(lost, target_of[lost], other_of[lost], nothing))
    return Presentations(
        np.concatenate([part.case for part in rows]),
        np.concatenate([part.target for part in rows]),
        np.concatenate([part.other for part in rows]),
        np.concatenate([part.score for part in rows]),
    )


def _cases(data: AssessmentInput, judge: JudgeView, name: str) -> Ints:
    is_first = data.case_first == np.arange(data.case_first.size)
    wanted = {
        "edited": is_first & ~data.case_probe,
        "repeated": ~is_first & ~data.case_probe,
        "probed": data.case_probe,
    }[name]
    found: Ints = np.flatnonzero(wanted & (judge.case_state >= NO_TEMPLATE)).astype(np.int32)
    return found


def figures(
    data: AssessmentInput, judge: JudgeView, system: AttackedSystem, fmr: float
) -> Iterator[Estimate | NotMade]:
    """IAPAR per attempt, of any of k attempts, and RIAPAR."""
    shown = presentations(data, judge, ("edited", "repeated"))
    point = system.point(judge, fmr)
    if point is None or not np.isfinite(shown.score).any():
        reason = too_little(system, fmr) if point is None else "no output has a template and an enrolled target"
        yield from (NotMade(name=name, recogniser=judge.id, reason=reason) for name in ("iapar", "riapar"))
        return
    rate = _rate("iapar", data, judge, system, point, shown)
    yield rate
    if (data.case_first != np.arange(data.case_first.size)).any():
        yield _rate("iapar_any_of_k", data, judge, system, point, _best_of_each(data, shown, point.threshold))
    frr = system.frr(data, judge, fmr)
    if isinstance(frr, NotMade):
        yield NotMade(name="riapar", recogniser=judge.id, reason=frr.reason)
    else:
        yield _riapar(rate, frr)


def _rate(
    name: str,
    data: AssessmentInput,
    judge: JudgeView,
    system: AttackedSystem,
    point: OperatingPoint,
    shown: Presentations,
) -> Estimate:
    """Outputs without a template count as rejected on the lower side and as accepted on the upper one."""
    is_scored = np.isfinite(shown.score)
    scored, lost = shown.at(is_scored), shown.at(~is_scored)
    stratum = system.stratum(point, scored.score, scored.target, scored.other)
    sides = [
        intervals.rate_at_threshold_interval(
            [
                stratum._replace(
                    extra_hits=np.full(lost.case.size, hit), extra_persons=lost.target, extra_seconds=lost.other
                )
            ]
        )
        for hit in (0, 1)
    ]
    basis = sides[0].basis if lost.case.size == 0 else intervals.imputed(sides[0], sides[1])
    low = intervals.bound_lower(basis, DISPLAY_ALPHA)
    high = intervals.bound_upper(basis, DISPLAY_ALPHA)
    return bounded(
        name,
        judge.id,
        None,
        float((scored.score >= point.threshold).mean()),
        (basis,),
        data.alpha,
        n=scored.case.size,
        n_subjects=sides[0].n_people,
        n_failed=lost.case.size,
        method=METHOD,
        operating_point=point,
        chance=point.fmr,
        direction=Direction.NEITHER,
        band=band(low, high),
    )


def _best_of_each(data: AssessmentInput, shown: Presentations, threshold: float) -> Presentations:
    """The best attempt of each case and target; unknown where none is accepted and one has no template."""
    order = np.lexsort(
        (np.where(np.isfinite(shown.score), shown.score, -np.inf), shown.target, data.case_first[shown.case])
    )
    best: dict[tuple[int, int], int] = {}
    unknown: set[tuple[int, int]] = set()
    for row in order:
        key = (int(data.case_first[shown.case[row]]), int(shown.target[row]))
        best[key] = int(row)
        if not np.isfinite(shown.score[row]):
            unknown.add(key)
    rows = np.asarray(list(best.values()), np.int64)
    score = shown.score[rows].copy()
    for place, key in enumerate(best):
        if key in unknown and not score[place] >= threshold:
            score[place] = np.nan
    return Presentations(shown.case[rows], shown.target[rows], shown.other[rows], score)


def _riapar(rate: Estimate, frr: Estimate) -> Estimate:
    """RIAPAR = IAPAR + FRR, in [0, 2]; the ends by square-and-add, the two taken as independent."""
    value = riapar(rate.value, frr.value)

    def end(name: str) -> float:
        reach = math.hypot(getattr(rate, name) - rate.value, getattr(frr, name) - frr.value)
        return min(max(value + (reach if name in {"high", "upper"} else -reach), 0.0), 2.0)

    return rate.model_copy(
        update={
            "name": "riapar",
            "value": value,
            **{name: end(name) for name in ("low", "high", "lower", "upper")},
            "method": "sum of IAPAR and FRR, ends by square-and-add (STATISTICS 3f)",
            "chance": None,
            "band": "",
            "basis": (),
            "upper_any_correlation": None,
            "note": f"IAPAR {rate.value:.6f} + FRR {frr.value:.6f}; in [0, 2]",
        }
    )


def spread(data: AssessmentInput) -> Estimate | None:
    """How far the judges' IAPAR are apart."""
    judged = {}
    for judge in data.judges:
        point = AttackedSystem.of(data, judge).point(judge, data.fmrs[0])
        shown = presentations(data, judge, ("edited", "repeated"))
        shown = shown.at(np.isfinite(shown.score))
        if point is not None and shown.case.size:
            judged[judge.id] = JudgeTrials(shown.score >= point.threshold, shown.target, shown.other)
    return spread_estimate("iapar_spread", data, judged)


def histograms(data: AssessmentInput, judge: JudgeView, system: AttackedSystem) -> list[Histogram]:
    """Scores against enrolled people: outputs with each role, and unedited recordings."""
    point = system.point(judge, data.fmrs[0])
    table = judge.table("enrolled-edited")
    roles = ("host", "donor") if data.tool_class is ToolClass.SWAP else ("contributor 1", "contributor 2")
    shown = {
        f"output~{roles[0]}": table.score[table.reference == data.case_person[table.probe]],
        f"output~{roles[1]}": table.score[table.reference == data.second_person[table.probe]],
        "unedited, same person": system.mated,
        "unedited, other people": system.non_mated.scores,
    }
    return list(link_histograms(judge.id, None, "enrolled", shown, None if point is None else point.threshold))
