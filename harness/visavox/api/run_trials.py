"""The decided trials of a finished run, from its folder alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from visavox.api.assessing import assess_all, score_tables
from visavox.api.gate_evidence import Evidence
from visavox.api.kept_journal import journal_of
from visavox.api.recomputing import Recorded
from visavox.core.contracts import contract
from visavox.core.errors import EvidenceError, VisavoxError
from visavox.core.figures import AssessmentResult
from visavox.core.strict_json import read_evidence
from visavox.core.terms import Attacker, Modality
from visavox.engine.acquired import acquired_path
from visavox.engine.kept_scores import KeptScores, kept_view
from visavox.policy.load import parse_policy
from visavox.ports.assessment import Assessment, AssessmentInput, assessments
from visavox.ports.decided import DecidedTrials, decided_trials


class FigureOfTrials(NamedTuple):
    """Which figure trials belong to."""

    modality: Modality
    name: str
    recogniser: str
    attacker: Attacker | None


class _Asked:
    """An assessment that is asked for its decided trials instead of figures."""

    def __init__(self, of: Assessment) -> None:
        self.name, self._of = of.name, of
        self.found: tuple[DecidedTrials, ...] = ()

    def comparisons(self, *given: Any) -> Any:
        return self._of.comparisons(*given)

    def assess(self, data: AssessmentInput) -> AssessmentResult:
        self.found = decided_trials(self._of, data)
        return AssessmentResult(assessment=self.name, modality=data.modality)


def trials_of_run(run: Evidence) -> Mapping[FigureOfTrials, DecidedTrials]:
    """The trials of every figure whose assessment gives them.

    Raises:
        EvidenceError: the run's tables are absent or unreadable, or of other comparisons than its plan asks for.
    """
    try:
        return dict(_trials(run))
    except EvidenceError:
        raise
    except VisavoxError as error:
        todo = "a run of an earlier version lacks some of its trial-level tables: run it again"
        raise EvidenceError(error.asked, found=error.found, todo=todo) from error


def _trials(run: Evidence) -> Iterator[tuple[FigureOfTrials, DecidedTrials]]:
    policy = parse_policy(read_evidence(run.folder.policy).decode(), what="policy.yaml")
    for modality, plan in run.plans.items():
        folder = run.folder if len(run.plans) == 1 else run.folder.part(modality.value)
        with journal_of(folder) as journal:
            rows = {name: edit.row for name, edit in journal.edits().items()}
        wanted = {name: _Asked(assessments.get(name)()) for name in _with_trials(run)}
        tables = score_tables(run.suite, dict(wanted))
        cards = [card for card in run.seal.judges if acquired_path(folder, card.id).exists() or len(run.plans) == 1]
        views = tuple(kept_view(c, plan, KeptScores(folder, c.id, plan, rows), folder, tables) for c in cards)
        assess_all(Recorded(run.suite, plan, policy), dict(wanted), views, rows, {})
        for asked in wanted.values():
            for found in asked.found:
                yield FigureOfTrials(modality, found.name, found.recogniser, found.attacker), found


def _with_trials(run: Evidence) -> list[str]:
    """Assessments of the suite that give their trials, and that have any for its tool class."""
    row = contract(run.suite.editor.tool_class)
    known = {name: assessments.get(name)() for name, _ in run.suite.assessments}
    return [
        name for name, one in known.items() if hasattr(one, "decided") and one.comparisons(row, run.suite.options(name))
    ]
