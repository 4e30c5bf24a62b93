"""What the suite's assessments say of the judges' scores, and the shares that every run states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from visavox.api.detection import NOT_LOOKED, LookedFor, wants_detection
from visavox.api.utility import wants_utility
from visavox.core.config import Suite
from visavox.core.contracts import contract
from visavox.core.figures import AssessmentResult, Estimate
from visavox.core.records import EditRow, FileLabelCodes
from visavox.core.terms import Outcome, ToolClass
from visavox.core.utility_figures import UtilityFigure
from visavox.engine.clipping import has_clipped_input, is_clipped
from visavox.engine.plan import Plan
from visavox.metrics import intervals
from visavox.policy.load import LoadedPolicy
from visavox.ports.assessment import (
    Assessment,
    AssessmentInput,
    CaseFigures,
    JudgeView,
    ScoreTable,
    needs_outcomes,
)


class Fixed(Protocol):
    """What is fixed before a run and assessing needs: of a run, an outline, or a finished run's folder."""

    @property
    def suite(self) -> Suite: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def policy(self) -> LoadedPolicy: ...


def score_tables(suite: Suite, wanted: dict[str, Assessment]) -> tuple[ScoreTable, ...]:
    """Every table of scores that the assessments ask for, each once."""
    found: dict[str, ScoreTable] = {}
    for assessment in wanted.values():
        for table in assessment.comparisons(contract(suite.editor.tool_class), suite.options(assessment.name)):
            found[table.name] = table
    return tuple(found.values())


def assess_all(
    prepared: Fixed,
    wanted: dict[str, Assessment],
    views: tuple[JudgeView, ...],
    rows: dict[str, EditRow],
    utility: Mapping[UtilityFigure, CaseFigures],
    looked: LookedFor = NOT_LOOKED,
) -> list[AssessmentResult]:
    """The suite's assessments over the judges' scores; one without a trial for the tool class is not applicable."""
    suite, plan, policy = prepared.suite, prepared.plan, prepared.policy.policy
    point = policy.modality(plan.modality)
    row = contract(suite.editor.tool_class)
    results = []
    for name, assessment in wanted.items():
        options = suite.options(name)
        reads_media = wants_utility(assessment, row) or wants_detection(assessment, row)
        reads_media |= needs_outcomes(assessment) and bool(row.figures(assessment.name))
        if not (assessment.comparisons(row, options) or reads_media):
            reason = f"no trial for the tool class {suite.editor.tool_class.value}"
            results.append(AssessmentResult(assessment=name, modality=plan.modality, not_applicable=reason))
            continue
        data = AssessmentInput(
            tool_class=suite.editor.tool_class,
            modality=plan.modality,
            contract=row,
            sample_person=_ints([s.person for s in plan.samples]),
            sample_session=_ints([s.session for s in plan.samples]),
            case_person=_ints(plan.case_person),
            case_sample=_ints(plan.case_sample),
            second_person=_ints(plan.second_person),
            second_sample=_ints(plan.second_sample),
            case_first=_ints(plan.case_first),
            case_probe=np.asarray(plan.case_probe, bool),
            case_token_probe=plan.case_token_probe if plan.consent else (),
            token_probes=plan.consent.probes if plan.consent else (),
            case_outcome=tuple(rows[case.id].outcome for case in plan.cases),
            case_leaks=tuple(_leaks(rows[case.id]) for case in plan.cases),
            case_labels=tuple(_labels(rows[case.id]) for case in plan.cases),
            judges=views,
            fmrs=tuple(dict.fromkeys((*policy.fmrs(name, plan.modality), *getattr(options, "fmr", ())))),
            competence=(point.competence.fmr, point.competence.max_fnmr),
            limits=policy.limits(),
            options=options,
            alpha=policy.alpha,
            seed=suite.seed,
            case_utility=utility if wants_utility(assessment, row) else {},
            utility_floors=point.utility_floors.given(),
            **(looked._asdict() if wants_detection(assessment, row) else {}),
        )
        results.append(assessment.assess(data))
    return results


def _leaks(row: EditRow) -> tuple[str, ...] | None:
    """What the output's file gives away; None where there is no file."""
    found = [output.leaks for output in row.outputs if output.leaks is not None]
    return tuple(sorted({code for leaks in found for code in leaks})) if found else None


def _labels(row: EditRow) -> FileLabelCodes | None:
    """What the labels of the output's file are worth; None where there is no file."""
    return next((output.labels for output in row.outputs if output.labels is not None), None)


def ledger_result(prepared: Fixed, rows: dict[str, EditRow]) -> AssessmentResult:
    """Shares of the cases: not edited (refused, blank and clipped ones too), and, of the edited ones, unchanged.

    Consent probes are left out: there a refusal is right. Where cases have several attempts, the worse of two shares
    stands: that of first attempts, on which most links rest, and that of all; many attempts must not dilute the first.
    """
    plan = prepared.plan
    every = [i for i, probe in enumerate(plan.case_probe) if not probe]
    edited = {i: _is_edited(rows[plan.cases[i].id]) for i in every}
    alpha = prepared.policy.policy.alpha
    shares = [
        _share("non_edited_share", [not edited[i] for i in cases], [plan.case_person[i] for i in cases], alpha)
        for cases in (plan.first_attempts, every)
    ]
    estimates = [max((share for share in shares if share is not None), key=lambda share: share.upper, default=None)]
    if plan.tool_class is ToolClass.ANONYMISE:
        kept = [i for i in every if edited[i]]
        unchanged = [all(output.unchanged for output in rows[plan.cases[i].id].outputs) for i in kept]
        estimates.append(_share("unchanged_share", unchanged, [plan.case_person[i] for i in kept], alpha))
    made = tuple(estimate for estimate in estimates if estimate is not None)
    said = _of_clipped_inputs([rows[plan.cases[i].id] for i in every])
    return AssessmentResult(assessment="ledger", modality=plan.modality, estimates=made, limitations=said)


def _is_edited(row: EditRow) -> bool:
    is_blank = all(output.blank for output in row.outputs)
    return row.outcome is Outcome.EDITED and not is_blank and not is_clipped(row)


def _of_clipped_inputs(rows: Sequence[EditRow]) -> tuple[str, ...]:
    n = sum(has_clipped_input(row) for row in rows)
    return (f"the inputs of {n} of {len(rows)} cases were clipped before any tool saw them",) if n else ()


def _share(name: str, hits: Sequence[bool], persons: Sequence[int], alpha: float) -> Estimate | None:
    """A share of cases with its interval over people; None where fewer than two people have a case."""
    if len(set(persons)) < 2:
        return None
    found = intervals.rate_interval(hits, persons)
    return Estimate(
        name=name,
        value=found.p,
        low=intervals.bound_lower(found.basis, alpha / 2),
        high=intervals.bound_upper(found.basis, alpha / 2),
        lower=intervals.bound_lower(found.basis, alpha),
        upper=intervals.bound_upper(found.basis, alpha),
        alpha=alpha,
        method="effective-size Clopper-Pearson (STATISTICS 3a)",
        n=found.n,
        n_eff=found.basis.n_eff_high,
        n_subjects=found.n_people,
        recogniser="",
        basis=(found.basis,),
    )


def _ints(values: Sequence[int]) -> npt.NDArray[np.int32]:
    return np.asarray(values, np.int32)
