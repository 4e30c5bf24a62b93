"""Two finished runs of different models on the same people: what changed, how surely, and for whom."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from visavox.api.comparable import refuse_incomparable
from visavox.api.gate_evidence import Evidence
from visavox.api.gating import check_run
from visavox.api.run_trials import FigureOfTrials, trials_of_run
from visavox.core.comparison import Change, Comparison, FigureChange, NotCompared, RunSide, TrialsInBoth
from visavox.core.digest import sha256_bytes
from visavox.core.errors import EvidenceError
from visavox.core.figures import AssessmentResult, Estimate, NoOperatingPoint
from visavox.core.records import Digest
from visavox.core.report import Cell, ControlDecision
from visavox.core.terms import Attacker, Modality, Severity
from visavox.metrics import paired
from visavox.metrics.intervals import Bounds, rate_at_threshold_interval
from visavox.metrics.multiplicity import holm
from visavox.ports.decided import DecidedTrials

ALPHA = 0.05
DISPLAY_ALPHA = 0.025
PAIRED = "square-and-add of effective-size Clopper-Pearson bounds, paired by person (Newcombe 1998, method 10)"
UNPAIRED = "square-and-add of the two intervals, taken as independent: too wide where the runs move together"


class Figure(NamedTuple):
    """What a figure is known by; ``number`` tells equal ones apart by their order."""

    assessment: str
    modality: Modality
    name: str
    recogniser: str
    attacker: Attacker | None
    group: str | None
    target_fmr: float | None
    number: int = 0


class _Gate(NamedTuple):
    """The controls that gate a figure; ``is_lower_safer`` by their limit."""

    controls: tuple[str, ...]
    is_lower_safer: bool


def compare(a: str | Path, b: str | Path) -> Comparison:
    """The figures of run B against those of run A.

    Raises:
        EvidenceError: a run's evidence is at fault, or the two are not comparable; every difference is listed.
    """
    one, other = check_run(a), check_run(b)
    refuse_incomparable(one, other)
    trials = trials_of_run(one), trials_of_run(other)
    estimates = _estimates(one.report.results), _estimates(other.report.results)
    gates = _gates(one.report.decision.controls, estimates[0]) | _gates(other.report.decision.controls, estimates[1])
    figures = [
        _changed(figure, estimates[0][figure], estimates[1][figure], gates.get(figure), trials)
        for figure in estimates[1]
        if figure in estimates[0] and figure.attacker is not Attacker.CONTROL
    ]
    return Comparison(
        a=_side(one),
        b=_side(other),
        alpha=ALPHA,
        n_people=other.report.dataset.n_test_subjects,
        figures=tuple(_judged(figures, gates)),
        not_compared=tuple(_missing(one, other, estimates, gates)),
        remarks=tuple(_remarks(one, other)),
    )


def _estimates(results: Sequence[AssessmentResult]) -> dict[Figure, Estimate]:
    seen: Counter[Figure] = Counter()
    found = {}
    for result in results:
        for e in result.estimates:
            point = e.operating_point
            fmr = None if isinstance(point, NoOperatingPoint) else point.target_fmr
            key = Figure(result.assessment, result.modality, e.name, e.recogniser, e.attacker, e.group, fmr)
            found[key._replace(number=seen[key])] = e
            seen[key] += 1
    return found


def _gates(controls: Sequence[ControlDecision], estimates: Mapping[Figure, Estimate]) -> dict[Figure, _Gate]:
    """Which figures a control can fail, by the cells that it was judged by."""
    found: dict[Figure, _Gate] = {}
    for control in controls:
        if control.severity is not Severity.FAIL or control.limit is None:
            continue
        for row in control.cells:
            cell = row.cell
            for figure, estimate in estimates.items():
                own = (figure.name, figure.recogniser, figure.attacker, figure.group)
                is_cell = own == (cell.metric, cell.recogniser, cell.attacker, cell.group)
                if is_cell and cell.modality in {None, figure.modality} and row.value == estimate.value:
                    before = found[figure].controls if figure in found else ()
                    names = tuple(dict.fromkeys((*before, control.id)))
                    found[figure] = _Gate(names, control.limit.op == "<=")
    return found


# ---------------------------------------------------------------- one figure
def _changed(
    figure: Figure,
    a: Estimate,
    b: Estimate,
    gate: _Gate | None,
    trials: tuple[Mapping[FigureOfTrials, DecidedTrials], Mapping[FigureOfTrials, DecidedTrials]],
) -> FigureChange:
    key = FigureOfTrials(figure.modality, figure.name, figure.recogniser, figure.attacker)
    of_a, of_b = trials[0].get(key), trials[1].get(key)
    rates = None
    if of_a is not None and of_b is not None:
        rates = _rates(a, of_a, figure), _rates(b, of_b, figure)
    both = None
    if rates is not None and rates[0] is not None and rates[1] is not None and of_a is not None and of_b is not None:
        both = trials_in_both(of_a, of_b)
        one, other, correlation, method = rates[0], rates[1], both.correlation, PAIRED
    else:
        one, other, correlation, method = _own(a), _own(b), 0.0, UNPAIRED
    ends = paired.change_bounds(one, other, correlation, DISPLAY_ALPHA)
    has_p = gate is not None and (both is not None or (a.basis and b.basis))
    return FigureChange(
        **{key: value for key, value in figure._asdict().items() if key != "number"},
        controls=gate.controls if gate else (),
        a=a.value,
        b=b.value,
        change=b.value - a.value,
        low=ends.lower,
        high=ends.upper,
        method=method,
        p_value=paired.p_value_of_change(one, other, correlation) if has_p else None,
        shown=Change.CHANGED if ends.lower > 0 or ends.upper < 0 else Change.NOT_SHOWN,
        trials=both,
        n_failed_a=a.n_failed,
        n_failed_b=b.n_failed,
    )


def _own(estimate: Estimate) -> paired.PairedFigure:
    """The figure by its own interval: that of its basis, else the one that is displayed."""
    if estimate.basis:
        return paired.figure_of_basis(estimate.value, estimate.basis)
    low, high = min(estimate.low, estimate.value), max(estimate.high, estimate.value)
    return paired.PairedFigure(estimate.value, lambda alpha: Bounds(low, high))


def _rates(estimate: Estimate, trials: DecidedTrials, figure: Figure) -> paired.PairedFigure | None:
    """The rate of the decided trials; None where they are of another operating point than the figure.

    Raises:
        EvidenceError: the trials give another value than the report states.
    """
    if {stratum.target_fmr for stratum in trials.strata} != {figure.target_fmr}:
        return None
    found = rate_at_threshold_interval(trials.strata)
    if not math.isclose(found.p, estimate.value, abs_tol=1e-9):
        raise EvidenceError(
            f"make {figure.name} of {figure.recogniser} again from its trials",
            found=f"they give {found.p:.9g}, the report states {estimate.value:.9g}",
            todo="the report or the tables were altered: visavox verify says which",
        )
    return paired.figure_of_basis(found.p, [found.basis])


def trials_in_both(a: DecidedTrials, b: DecidedTrials) -> TrialsInBoth:
    """What became of the trials that both runs have, and of their people."""
    _, in_a, in_b = np.intersect1d(a.keys, b.keys, assume_unique=True, return_indices=True)
    match_a, match_b = (t.scores[i] >= t.thresholds[i] for t, i in ((a, in_a), (b, in_b)))
    near_a, near_b = (
        (t.scores[i] >= t.looser[i]) & (t.scores[i] < np.maximum(t.stricter[i], t.thresholds[i]))
        for t, i in ((a, in_a), (b, in_b))
    )
    counts = paired.flips(match_a, match_b, near_a, near_b)
    persons = b.persons[in_b]
    leaking_a = {*persons[match_a].tolist(), *a.betrayed.tolist()}
    leaking_b = {*persons[match_b].tolist(), *b.betrayed.tolist()}
    return TrialsInBoth(
        n=counts.n,
        n_people=int(np.unique(persons).size),
        n_only_a=int(a.keys.size - in_a.size),
        n_only_b=int(b.keys.size - in_b.size),
        correlation=paired.person_correlation(a.strata, b.strata),
        to_match=counts.to_match,
        from_match=counts.from_match,
        near=counts.near,
        newly_leaking=tuple(sorted(leaking_b - leaking_a)),
        no_longer_leaking=tuple(sorted(leaking_a - leaking_b)),
        expected_by_chance=paired.expected_by_chance(b.fmrs[in_b], persons) if counts.n else 0.0,
    )


# ---------------------------------------------------------------- all figures
def _judged(figures: Sequence[FigureChange], gates: Mapping[Figure, _Gate]) -> Iterator[FigureChange]:
    """Holm over the gated figures; a limit says which direction is worse."""
    lower_is_safer = {gate.controls: gate.is_lower_safer for gate in gates.values()}
    tested = [figure for figure in figures if figure.p_value is not None]
    rejected = holm([min(1.0, figure.p_value or 1.0) for figure in tested], ALPHA).tolist() if tested else []
    is_shown = {id(figure): shown for figure, shown in zip(tested, rejected, strict=True)}
    for figure in figures:
        if not figure.controls:
            yield figure
            continue
        shown = Change.NOT_SHOWN
        if is_shown.get(id(figure)):
            shown = Change.WORSE if (figure.change > 0) == lower_is_safer[figure.controls] else Change.BETTER
        yield figure.model_copy(update={"shown": shown})


def _missing(
    a: Evidence,
    b: Evidence,
    estimates: tuple[Mapping[Figure, Estimate], Mapping[Figure, Estimate]],
    gates: Mapping[Figure, _Gate],
) -> Iterator[NotCompared]:
    """Figures that one run alone has, then gated cells that neither has."""
    for here, there, lacks, run in ((0, 1, "B", b), (1, 0, "A", a)):
        for figure in estimates[here]:
            if figure in estimates[there] or figure.attacker is Attacker.CONTROL:
                continue
            own = (figure.name, figure.recogniser, figure.attacker, figure.group)
            why = next(
                (m.reason for m in run.report.not_made if own == (m.name, m.recogniser, m.attacker, m.group)),
                "it has no such figure",
            )
            yield NotCompared(
                **{key: value for key, value in figure._asdict().items() if key not in {"number", "target_fmr"}},
                controls=gates[figure].controls if figure in gates else (),
                reason=f"run {lacks}: {why}",
            )
    unmade = _unmade_cells(a)
    for cell, (control, reason) in _unmade_cells(b).items():
        if cell in unmade:
            yield NotCompared(
                assessment="",
                modality=cell.modality or next(iter(b.plans)),
                name=cell.metric,
                recogniser=cell.recogniser,
                attacker=cell.attacker,
                group=cell.group,
                controls=(control,),
                reason=f"neither run: {reason}",
            )


def _unmade_cells(run: Evidence) -> dict[Cell, tuple[str, str]]:
    """Gated cells without a figure: control and reason."""
    return {
        row.cell: (control.id, row.reason)
        for control in run.report.decision.controls
        if control.severity is Severity.FAIL and control.limit is not None
        for row in control.cells
        if row.value is None
    }


def _remarks(a: Evidence, b: Evidence) -> Iterator[str]:
    if a.report.clock.run == b.report.clock.run:
        yield "A and B are the same run"
    elif a.report.subject.digest == b.report.subject.digest:
        yield "A and B are runs of the same model"
    if a.seal.policy != b.seal.policy:
        yield "judged under different policies with the same operating points; gated here is what either of them gates"
    if a.report.environment.visavox != b.report.environment.visavox:
        yield f"made by different versions: {a.report.environment.visavox} and {b.report.environment.visavox}"
    if a.seal.smoke:
        yield "two smoke runs: few cases, no verdict"


def _side(run: Evidence) -> RunSide:
    report = run.report
    return RunSide(
        run=report.clock.run,
        name=report.subject.name,
        version=report.subject.version,
        subject=report.subject.digest,
        policy=report.policy.id,
        policy_digest=report.policy.digest,
        verdict=report.decision.verdict,
        seal=report.seal,
        report=Digest(sha256=sha256_bytes(run.data)),
        finished=report.clock.finished,
        visavox=report.environment.visavox,
    )
