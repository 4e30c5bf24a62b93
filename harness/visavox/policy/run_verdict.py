"""The verdict of a whole run: its controls, and what the policy asks apart from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from visavox.core.report import CellDecision, ControlDecision, DatasetSummary, JudgeCard
from visavox.core.terms import Modality, Severity, Verdict

from .facts import PLURAL, Facts
from .records import Policy


def run_verdict(policy: Policy, controls: Sequence[ControlDecision], facts: Facts) -> tuple[Verdict, tuple[str, ...]]:
    gated = [control for control in controls if control.severity is Severity.FAIL]
    failed = [control for control in gated if control.verdict is Verdict.FAIL]
    if failed:
        return Verdict.FAIL, tuple(f"{control.id}: {control.reason}" for control in failed)
    reasons = [f"{c.id}: {c.reason}" for c in gated if c.verdict is not Verdict.PASS]
    if not gated:
        reasons.append("no control of the policy binds this tool class: nothing was judged")
    is_undecided = bool(reasons)
    for modality in _modalities(controls, facts):
        reasons += _missing_of(modality, policy, gated, facts, ask_families=not is_undecided)
    if policy.require_consent:
        reasons += _consent(facts.dataset)
    if facts.smoke:
        reasons.append("a smoke run (--limit or --case) is never a PASS")
    return (Verdict.INCONCLUSIVE, tuple(reasons)) if reasons else (Verdict.PASS, ())


def _modalities(controls: Sequence[ControlDecision], facts: Facts) -> list[Modality | None]:
    """Every modality that was to be judged; None alone where neither a cell nor a result names one."""
    sealed = [row.cell.modality for control in controls for row in control.cells if row.cell.modality is not None]
    return [*dict.fromkeys([*sealed, *(result.modality for result in facts.results)])] or [None]


def _missing_of(
    modality: Modality | None, policy: Policy, gated: Sequence[ControlDecision], facts: Facts, *, ask_families: bool
) -> list[str]:
    """What the policy asks of one modality apart from its cells: assessments, judges, families of judges."""
    of = f" of {PLURAL[modality]}" if modality is not None and len(_modalities(gated, facts)) > 1 else ""
    results = [result for result in facts.results if modality in {None, result.modality}]
    made = {r.assessment for r in results if r.estimates and not r.not_applicable}
    not_applicable = {r.assessment for r in results if r.not_applicable}
    reasons = [
        f"the policy requires {name}{of}, which made no estimate"
        for name in policy.requires
        if name not in made and name not in not_applicable
    ]
    rows = [row for c in gated for row in c.cells if modality is None or row.cell.modality in {None, modality}]
    judges = {card.id for card in facts.judges}
    if gated and not any(row.cell.recogniser in judges for row in rows):
        reasons.append(
            f"no gated control of the policy asks a judge{of} about a tool of the class {facts.tool_class.value}: its "
            "links are disclosed, and a PASS would say nothing"
        )
    families = _passing_families(rows, facts.judges)
    if gated and ask_families and not reasons and len(families) < policy.min_judge_families:
        reasons.append(f"{len(families)} judge families{of}, the policy asks for {policy.min_judge_families}")
    return reasons


def _passing_families(rows: Sequence[CellDecision], judges: Sequence[JudgeCard]) -> list[set[str]]:
    """Independent groups of judges whose every cell passed."""
    verdicts: dict[str, list[Verdict]] = {}
    for row in rows:
        verdicts.setdefault(row.cell.recogniser, []).append(row.verdict)
    return independent_judges(
        [card for card in judges if card.id in verdicts and all(v is Verdict.PASS for v in verdicts[card.id])]
    )


def independent_judges(judges: Iterable[JudgeCard]) -> list[set[str]]:
    """Groups of judges that have nothing in common, each by the families and digests in it.

    Judges with a common training family or equal weights and settings are one group; so are all undeclared ones.
    """
    groups: list[set[str]] = []
    for card in judges:
        joined = {*(card.families or ("undeclared",)), card.digest}
        apart = [group for group in groups if not group & joined]
        for group in groups:
            if group & joined:
                joined |= group
        groups = [*apart, joined]
    return groups


def _consent(dataset: DatasetSummary) -> list[str]:
    counts: Mapping[str, object] = dict(dataset.consent)
    without = {name: count for name, count in counts.items() if name != "granted" and count}
    return [f"the policy requires consent: {without}"] if without else []
