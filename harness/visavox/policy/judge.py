"""The judge: estimates + policy -> PASS, FAIL or INCONCLUSIVE for every cell, control and the run (STATISTICS 4).

PASS needs every gated cell to pass at its own alpha (intersection-union). FAIL of a cell needs the favourable bound to
miss the limit after Holm over the gated cells. Precedence: FAIL > INCONCLUSIVE > PASS; what is missing is
INCONCLUSIVE, and so is a decision in which no cell was gated. What an organisation has to attest and did not is
INCONCLUSIVE too, never FAIL: nothing was measured that could have missed a limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from visavox.core.figures import AssessmentResult, Estimate, Instrument, IntervalBasis, NoOperatingPoint, NotMade
from visavox.core.report import (
    Cell,
    CellDecision,
    ControlDecision,
    Decision,
)
from visavox.core.terms import (
    Claim,
    Direction,
    InstrumentState,
    Modality,
    Severity,
    Support,
    ToolClass,
    Verdict,
)
from visavox.metrics.intervals import bound_lower, bound_upper, difference_bounds, p_value_fail
from visavox.metrics.multiplicity import holm
from visavox.metrics.operating_points import FULL_PEOPLE, WEAK_PEOPLE
from visavox.metrics.power import people_to_decide

from .facts import ORDER, PLURAL, Facts
from .records import Control, Duties, Policy
from .run_verdict import run_verdict
from .statements import asks_a_statement, attested, cards_of

__all__ = ["Bounds", "Facts", "bounds_of", "judge", "plan_cells"]


def plan_cells(
    policy: Policy,
    tool_class: ToolClass,
    recognisers: Sequence[str],
    claims: Sequence[Claim] = (),
    *,
    modality: Modality,
    detectors: Sequence[str] = (),
    duties: Duties = Duties(),  # noqa: B008 - immutable
) -> tuple[Cell, ...]:
    """Every cell of every tested control that binds the tool; fixed before the run, listed in the seal.

    Args:
        recognisers, detectors: those of the modality. A control that asks detectors keeps a cell where there is none.
        claims: what the suite claims of its tool; a control that binds a claim is judged where it is made.
        duties: who is assessed; controls of somebody else's duties have no cell.
    """
    cells = []
    for control in policy.controls:
        if not (control.is_tested and control.binds(tool_class, duties) and modality in control.modalities):
            continue
        if control.claim is not None and control.claim not in claims:
            continue
        judges = (detectors or ("",)) if control.asks_detectors else recognisers
        for recogniser in judges if control.per_judge else ("",):
            for attacker in control.attackers or (None,):
                cells.append(
                    Cell(
                        control=control.id,
                        metric=control.metric,
                        recogniser=recogniser,
                        attacker=attacker,
                        modality=modality,
                    )
                )
    return tuple(cells)


def judge(policy: Policy, cells: Sequence[Cell], facts: Facts) -> Decision:
    """The decision over the sealed cells.

    Args:
        policy: the sealed policy.
        cells: the cells of the seal; one without an estimate is INCONCLUSIVE, never dropped.
        facts: results and what they rest on.
    """
    controls = {control.id: control for control in policy.controls}
    drafts = [
        _Draft(cell, controls[cell.control], _find(cell, controls[cell.control], policy, facts)) for cell in cells
    ]
    gated = [d for d in drafts if _can_be_failed(d.control)]
    p_values = [_p_fail(d) for d in gated]
    rejected = dict(zip((id(d) for d in gated), holm(p_values, policy.alpha), strict=True)) if gated else {}
    p_of = dict(zip((id(d) for d in gated), p_values, strict=True))
    strict = policy.alpha / max(len(gated), 1)
    decided = [_decide(d, policy, facts, bool(rejected.get(id(d))), p_of.get(id(d)), strict) for d in drafts]

    by_control: dict[str, list[CellDecision]] = {}
    for cell, decision in zip(cells, decided, strict=True):
        by_control.setdefault(cell.control, []).append(decision)
    decisions = tuple(
        _control(control, by_control.get(control.id, []), policy, facts)
        for control in policy.controls
        if control.id in by_control or asks_a_statement(control, cells, facts)
    )
    verdict, reasons = run_verdict(policy, decisions, facts)
    return Decision(verdict=verdict, controls=decisions, reasons=reasons)


class _Draft(NamedTuple):
    cell: Cell
    control: Control
    estimate: Estimate | NotMade | None


def _results_of(cell: Cell, facts: Facts) -> list[AssessmentResult]:
    """The results that a cell is judged by: those of its modality.

    A cell of an older seal names none; its run had one, so where there are several it has no result.
    """
    if cell.modality is None:
        return list(facts.results) if len({result.modality for result in facts.results}) == 1 else []
    return [result for result in facts.results if result.modality is cell.modality]


def _find(cell: Cell, control: Control, policy: Policy, facts: Facts) -> Estimate | NotMade | None:
    """The one figure of the control's assessment that bears the cell's name; two that differ are none."""
    wanted = (cell.metric, cell.recogniser, cell.attacker, cell.group)
    results = [result for result in _results_of(cell, facts) if result.assessment == control.assessment]
    found: list[Estimate] = []
    for result in results:
        fmr = policy.fmr(control, result.modality)
        for estimate in result.estimates:
            point = estimate.operating_point
            if (estimate.name, estimate.recogniser, estimate.attacker, estimate.group) == wanted and (
                isinstance(point, NoOperatingPoint) or point.target_fmr == fmr
            ):
                found.append(estimate)
    if any(estimate != found[0] for estimate in found):
        reason = f"{len(found)} figures bear its name, and they differ"
        return NotMade(name=cell.metric, recogniser=cell.recogniser, attacker=cell.attacker, reason=reason)
    if found:
        return found[0]
    for result in results:
        for missing in result.not_made:
            if (missing.name, missing.recogniser, missing.attacker, missing.group) == wanted:
                return missing
    return None


class Bounds(NamedTuple):
    lower: float
    upper: float


def bounds_of(estimate: Estimate, alpha: float) -> Bounds:
    """One-sided bounds of an estimate at ``alpha``, recomputed from its interval basis."""
    if len(estimate.basis) == 2:
        difference = difference_bounds(estimate.basis[0], estimate.basis[1], alpha)
        return Bounds(difference.lower, difference.upper)
    return Bounds(bound_lower(estimate.basis[0], alpha), bound_upper(estimate.basis[0], alpha))


_STRENGTH = {Support.NONE: 0, Support.FEW_PEOPLE: 1, Support.WEAK: 2, Support.FULL: 3}


def _support(estimate: Estimate) -> Support:
    """The weakest support among the thresholds that decided trials."""
    points = [estimate.operating_point, *(part.operating_point for part in estimate.strata if not part.imputed)]
    levels = [point.support for point in points if not isinstance(point, NoOperatingPoint)]
    return min(levels, key=_STRENGTH.__getitem__, default=Support.FULL)


def _p_fail(draft: _Draft) -> float:
    estimate = draft.estimate
    if not isinstance(estimate, Estimate) or not estimate.basis:
        return 1.0
    limit, lower_is_safer = draft.control.tested_limit.value, draft.control.direction is Direction.LOWER_IS_SAFER
    p = p_value_fail(estimate.basis, limit, lower_is_safer=lower_is_safer)
    if _support(estimate) is Support.FEW_PEOPLE:
        if estimate.stricter is None or not estimate.stricter.basis:
            return 1.0
        p = max(
            p, p_value_fail(estimate.stricter.basis, draft.control.tested_limit.value, lower_is_safer=lower_is_safer)
        )
    return p


def _decide(
    draft: _Draft, policy: Policy, facts: Facts, rejected: bool, p_fail: float | None, strict: float
) -> CellDecision:
    cell, control, estimate = draft
    if estimate is None:
        reason = "no estimate was made: nothing in this run measured it"
        return CellDecision(cell=cell, verdict=Verdict.INCONCLUSIVE, reason=reason)
    if isinstance(estimate, NotMade):
        return CellDecision(cell=cell, verdict=Verdict.INCONCLUSIVE, reason=f"not made: {estimate.reason}")
    if not estimate.basis:
        reason = "the estimate has no interval to decide by"
        return CellDecision(cell=cell, verdict=Verdict.INCONCLUSIVE, value=estimate.value, reason=reason)
    other = _other_packs(control, _results_of(cell, facts))
    if other:
        return CellDecision(cell=cell, verdict=Verdict.INCONCLUSIVE, value=estimate.value, reason=other)
    bounds = bounds_of(estimate, policy.alpha)
    lower_is_safer = control.direction is Direction.LOWER_IS_SAFER
    deciding, opposite = (bounds.upper, bounds.lower) if lower_is_safer else (bounds.lower, bounds.upper)
    limit = control.tested_limit.value
    within = _within(bounds, limit, lower_is_safer)

    def result(verdict: Verdict, reason: str) -> CellDecision:
        return CellDecision(
            cell=cell,
            verdict=verdict,
            value=estimate.value,
            bound=deciding,
            opposite_bound=opposite,
            p_fail=p_fail,
            reason=reason,
        )

    if rejected:
        red = _red(_results_of(cell, facts), Verdict.FAIL, estimate, limit)
        if red:
            return result(Verdict.INCONCLUSIVE, f"a FAIL is not safe to state: {_reason(red)}")
        side = "lower" if lower_is_safer else "upper"
        return result(
            Verdict.FAIL, f"{side} bound {_percent(opposite)} misses the limit {_percent(limit)} (Holm p {p_fail:.2g})"
        )
    if not within:
        side = "upper" if lower_is_safer else "lower"
        red = _red(_results_of(cell, facts), Verdict.PASS, estimate, limit) if _is_met(estimate, limit, control) else []
        hint = _people_hint(policy, control, estimate, strict)
        if red:  # people would narrow the interval, and still nothing could pass
            hint = f"; and no PASS while this stands: {_reason(red)}"
        reason = f"{side} bound {_percent(deciding)} misses the limit {_percent(limit)}{hint}"
        return result(Verdict.INCONCLUSIVE, reason)
    obstacles = _obstacles(policy, control, _results_of(cell, facts), estimate)
    if obstacles:
        return result(Verdict.INCONCLUSIVE, "within the limit, but no PASS: " + "; ".join(obstacles))
    return result(Verdict.PASS, f"bound {_percent(deciding)} within the limit {_percent(limit)}")


def _other_packs(control: Control, results: Sequence[AssessmentResult]) -> str:
    """Why a figure does not rest on the perturbations that a control names; empty where it does."""
    for result in results:
        if result.assessment != control.assessment:
            continue
        applied = {pack.digest: pack for pack in result.packs}
        for pack in control.packs:
            if pack.modality in {None, result.modality} and pack.digest not in applied:
                alike = [one.digest[:12] for one in result.packs if one.name == pack.name]
                found = f"its {pack.name} is another ({alike[0]})" if alike else "the run did not apply it"
                return f"asked after the pack {pack.name} {pack.version} ({pack.digest[:12]}), and {found}"
    return ""


def _can_be_failed(control: Control) -> bool:
    """A control that warns or discloses states no FAIL: it passes, or is left open."""
    return control.severity is Severity.FAIL and control.can_fail


def _people_hint(policy: Policy, control: Control, estimate: Estimate, strict: float) -> str:
    """How many people would decide a rate whose interval has the limit inside, at the rate measured.

    Changes no verdict. FAIL is asked for at ``strict``, where Holm begins; for differences nothing is said.
    """
    if len(estimate.basis) != 1:
        return ""
    limit, lower_is_safer, alpha = (
        control.tested_limit.value,
        control.direction is Direction.LOWER_IS_SAFER,
        policy.alpha,
    )

    def decides(basis: tuple[IntervalBasis, ...]) -> bool:
        if _within(Bounds(bound_lower(basis[0], alpha), bound_upper(basis[0], alpha)), limit, lower_is_safer):
            return True
        beyond = bound_lower(basis[0], strict) > limit if lower_is_safer else bound_upper(basis[0], strict) < limit
        return beyond and _can_be_failed(control)

    basis = estimate.basis[0]
    if (basis.p_low <= limit) != (basis.p_high <= limit):
        return "; more people would not decide it: trials without a score, or the threshold of a PASS, stand in between"
    people = people_to_decide(estimate.basis, decides, max(estimate.n_subjects, 2))
    if people is None:
        return "; at this rate no number of people would decide it"
    if not isinstance(estimate.operating_point, NoOperatingPoint):
        people = max(people, FULL_PEOPLE if policy.min_support is Support.FULL else WEAK_PEOPLE)
    return f"; at this rate about {_rounded(people)} people like these would decide it, here {estimate.n_subjects}"


def _rounded(people: int) -> int:
    """Two digits: more would promise what a rate near its limit cannot hold.

    >>> _rounded(97), _rounded(11_606)
    (97, 12000)
    """
    unit: int = 10 ** max(len(str(people)) - 2, 0)
    return -(-people // unit) * unit


def _is_met(estimate: Estimate, limit: float, control: Control) -> bool:
    """Whether the rate that was measured is within the limit, so that more people could only make it a PASS."""
    return estimate.value <= limit if control.direction is Direction.LOWER_IS_SAFER else estimate.value >= limit


def _within(bounds: Bounds, limit: float, lower_is_safer: bool) -> bool:
    return bounds.upper <= limit if lower_is_safer else bounds.lower >= limit


def _obstacles(policy: Policy, control: Control, results: Sequence[AssessmentResult], estimate: Estimate) -> list[str]:
    """Why a cell whose bound is within the limit may still not pass."""
    found = []
    if control.min_people is not None and estimate.n_subjects < control.min_people:
        found.append(f"the figure rests on {estimate.n_subjects} people ({control.min_people} are needed)")
    if isinstance(estimate.operating_point, NoOperatingPoint):
        pass
    elif _support(estimate) in {Support.FEW_PEOPLE, Support.NONE}:
        people = estimate.operating_point.n_people
        found.append(f"the threshold rests on {people} people (40 are needed)")
    elif policy.min_support is Support.FULL and _support(estimate) is not Support.FULL:
        found.append("the threshold's support is weak and the policy asks for full")
    best = 0.0 if control.direction is Direction.LOWER_IS_SAFER else 1.0
    if control.every and estimate.value != best:
        found.append(f"it is asked of every output, and {_percent(abs(best - estimate.value))} of them miss it")
    red = _red(results, Verdict.PASS, estimate, control.tested_limit.value)
    if red:
        found.append(_reason(red))
    return found


def _red(results: Iterable[AssessmentResult], protects: Verdict, estimate: Estimate, limit: float) -> list[Instrument]:
    """Instruments that forbid this verdict for this estimate under a control's limit.

    A sensitivity instrument that is red or could not be assessed forbids PASS; a specificity instrument forbids FAIL
    when red, and PASS when it could not be assessed.
    """
    found = []
    for result in results:
        for item in result.instruments:
            if item.recogniser not in {"", estimate.recogniser} or limit > item.binds_limits_to:
                continue
            if item.attacker is not None and item.attacker is not estimate.attacker:
                continue
            is_red = item.state is InstrumentState.RED and item.protects is protects
            is_blind = item.state is InstrumentState.NOT_ASSESSABLE and protects is Verdict.PASS
            if is_red or is_blind:
                found.append(item)
    return found


def _reason(instruments: Sequence[Instrument]) -> str:
    return "; ".join(f"instrument {item.name}: {item.reason}" for item in instruments)


def _control(control: Control, cells: Sequence[CellDecision], policy: Policy, facts: Facts) -> ControlDecision:
    found = [_tested(cells)] if control.is_tested else []
    cards = cards_of(control, facts) if control.is_attested else ()
    found += [attested(card) for card in cards]
    verdict, reason = min(found, key=lambda one: ORDER[one[0]])
    return ControlDecision(
        id=control.id,
        title=control.title.en,
        title_zh=control.title.zh,
        verdict=verdict,
        severity=control.severity,
        limit=control.limit,
        cells=tuple(cells),
        reason=reason,
        kind=control.kind,
        obligation=control.obligation,
        basis=policy.basis(control),
        cac_sections=control.cac_sections,
        cac_risks=control.cac_risks,
        attestations=cards,
    )


def _tested(cells: Sequence[CellDecision]) -> tuple[Verdict, str]:
    """The worst cell's verdict, and whose it is."""
    if not cells:
        return Verdict.INCONCLUSIVE, "no cell of it was sealed: nothing in this run measured it"
    worst = min(cells, key=lambda row: (ORDER[row.verdict], -(row.opposite_bound or 0.0), -(row.bound or 0.0)))
    cell, is_mixed = worst.cell, len({row.cell.modality for row in cells}) > 1
    whose = PLURAL[cell.modality] if is_mixed and cell.modality is not None else ""
    who = ", ".join(part for part in (whose, cell.recogniser, cell.attacker or "") if part)
    return worst.verdict, f"{who}: {worst.reason}" if who else worst.reason


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
