"""The stage ``utility`` in a run that asks for it, and its figures in a rehearsal."""

from __future__ import annotations

import numpy as np

from visavox.core.contracts import Contract, contract
from visavox.core.records import EditRow
from visavox.core.terms import Modality
from visavox.core.utility_figures import FIGURES, UtilityFigure, figures_of
from visavox.engine.embed import Embedder
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.engine.plan import Plan
from visavox.engine.progress import Progress
from visavox.engine.utility import UtilityStage
from visavox.ports.assessment import Assessment, CaseFigures, needs_utility
from visavox.ports.transcriber import transcribers

from .preparation import Prepared


def wants_utility(assessment: Assessment, row: Contract) -> bool:
    """Whether an assessment reads figures of utility, and the tool class has any."""
    return needs_utility(assessment) and bool(row.figures(assessment.name))


def utility_stage(
    prepared: Prepared, wanted: dict[str, Assessment], folder: RunFolder, journal: Journal
) -> UtilityStage | None:
    """The stage, before anything is edited; None where no assessment of the suite needs it.

    Raises:
        ConfigError: a floor of the policy needs a speech recogniser, and the suite names none.
        MissingDependencyError: a package behind one of its figures is not installed.
        WeightsError: the speech recogniser's weights are absent or not the pinned ones.
    """
    row, suite, plan = contract(prepared.suite.editor.tool_class), prepared.suite, prepared.plan
    names = [name for name, assessment in wanted.items() if wants_utility(assessment, row)]
    if not names:
        return None
    asked = [getattr(suite.options(name), "figures", ()) for name in names]
    figures = tuple(figure for each in asked for figure in each) if all(asked) else ()
    floors = prepared.policy.policy.modality(plan.modality).utility_floors.given()
    named = [getattr(suite.options(name), "transcriber", None) for name in names]
    spec = next((one for one in named if one is not None), None) if plan.modality is Modality.VOICE else None
    transcriber = None if spec is None else transcribers.get(spec.name)(dict(spec.params), prepared.device)
    return UtilityStage(plan, folder, journal, wanted=figures, needed=tuple(floors), transcriber=transcriber)


def case_figures(
    stage: UtilityStage, prepared: Prepared, embedded: Embedder, rows: dict[str, EditRow], progress: Progress
) -> dict[UtilityFigure, CaseFigures]:
    """Runs what is left of the stage and reads its figures; landmarks are the first judge's."""
    detector = prepared.judges[0].detector
    stage.run(prepared.dataset, rows, embedded, detector, progress)
    return stage.read(rows, detector)


def kept_figures(plan: Plan) -> dict[UtilityFigure, CaseFigures]:
    """Figures of a tool that leaves everything as it was, for a rehearsal: no floor is missed."""
    n = len(plan.cases)
    known = np.zeros(n, bool)
    known[[i for i in plan.first_attempts if plan.case_sample[i] >= 0]] = True

    def best(figure: UtilityFigure) -> CaseFigures:
        values = np.where(known, FIGURES[figure].best, np.nan).astype(np.float32)
        return CaseFigures(values, ("",) * n, np.zeros(n, bool))

    return {figure: best(figure) for figure in figures_of(plan.modality)}
