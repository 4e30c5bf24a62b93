"""What the forms of the report show of figures, row by row, from the report alone: estimates, matrices, MAP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from visavox.core.figures import AssessmentResult, Estimate
from visavox.core.report import Report
from visavox.core.terms import Attacker, Direction

from .wording import DASH, Number, attacker_text, count, figure, fmr_text, map_cell, support_text, title_of

ALL_JUDGES = "all judges"
_SPREAD = "_spread"
_MATCH_RATES = ("subject_match_rate", "host_match_rate")


class EstimateRow(NamedTuple):
    """One estimate, whole."""

    name: str
    title: str
    judge: str
    attacker: str
    group: str
    fmr: str
    value: Number
    low: Number
    high: Number
    lower: Number
    upper: Number
    chance: Number
    trials: Number
    effective: Number
    people: Number
    imputed: Number
    support: str
    band: str
    method: str
    note: str


class MatrixRow(NamedTuple):
    """A figure of one attacker by judge; ``cells`` stand in the order of the matrix's judges, None where absent.

    ``worst`` names the judge whose value is least safe, where judges differ. ``spread`` is the report's own figure of
    how far the judges are apart, with its interval, where it has one; else largest minus smallest value.
    """

    attacker: str
    cells: tuple[EstimateRow | None, ...]
    worst: str
    spread: Number
    spread_low: Number
    spread_high: Number


class MatrixFigure(NamedTuple):
    """One figure at one FMR for one group of people, a row an attacker."""

    name: str
    title: str
    group: str
    fmr: str
    rows: tuple[MatrixRow, ...]


class Matrix(NamedTuple):
    """Figures of one assessment, by judge or, in a matrix of its own, of all judges together."""

    judges: tuple[str, ...]
    figures: tuple[MatrixFigure, ...]


class MapMatrix(NamedTuple):
    """MAP[r, c] of one attacker and group at one FMR; ``cells[r][c]``, None where not made."""

    judge: str
    attacker: str
    group: str
    fmr: str
    attempts: tuple[int, ...]
    judges: tuple[int, ...]
    cells: tuple[tuple[EstimateRow | None, ...], ...]


def estimate_rows(result: AssessmentResult) -> tuple[EstimateRow, ...]:
    """Every estimate of an assessment in the order of the report."""
    return tuple(_estimate_row(estimate) for estimate in result.estimates)


def matrices(report: Report, result: AssessmentResult) -> tuple[Matrix, ...]:
    """The figures of an assessment, MAP aside: those by judge, then those of all judges together."""
    found = [e for e in result.estimates if map_cell(e.name) is None]
    present = dict.fromkeys(e.recogniser for e in found if e.recogniser)
    order = [card.id for card in report.judges if card.id in present]
    judges = tuple(dict.fromkeys([*order, *present]))
    judged = {row.cell.metric for control in report.decision.controls for row in control.cells}
    own, spreads = [e for e in found if e.recogniser], _spreads(found)
    by_judge = _figures(own, judges, judged, spreads)
    shown = {spreads[key].name for key in {(e.name, e.attacker) for e in own} & set(spreads)}
    of_all = _figures([e for e in found if not e.recogniser and e.name not in shown], ("",), judged, {})
    return tuple(m for m in (Matrix(judges, by_judge), Matrix((ALL_JUDGES,), of_all)) if m.figures)


def map_matrices(result: AssessmentResult) -> tuple[MapMatrix, ...]:
    """The MAP matrices of an assessment."""
    grouped: dict[tuple[str, str, str, str], dict[tuple[int, int], EstimateRow]] = {}
    for estimate in result.estimates:
        cell = map_cell(estimate.name)
        if cell is not None:
            row = _estimate_row(estimate)
            key = (row.judge, row.attacker, row.group, row.fmr)
            grouped.setdefault(key, {})[cell.attempts, cell.judges] = row
    return tuple(_map_matrix(key, cells) for key, cells in grouped.items())


def _estimate_row(e: Estimate) -> EstimateRow:
    return EstimateRow(
        name=e.name,
        title=title_of(e.name),
        judge=e.recogniser,
        attacker=attacker_text(e.attacker),
        group=e.group or "",
        fmr=fmr_text(e),
        value=figure(e.name, e.value),
        low=figure(e.name, e.low),
        high=figure(e.name, e.high),
        lower=figure(e.name, e.lower),
        upper=figure(e.name, e.upper),
        chance=figure(e.name, e.chance),
        trials=count(e.n),
        effective=count(e.n_eff),
        people=count(e.n_subjects),
        imputed=count(e.n_failed),
        support=support_text(e),
        band=e.band,
        method=e.method,
        note=_note(e),
    )


def _spreads(found: Iterable[Estimate]) -> Mapping[tuple[str, Attacker | None], Estimate]:
    """The report's own figures of how far judges are apart, by the figure and attacker whose they are."""
    spreads = {}
    for e in found:
        if not e.recogniser and e.name.endswith(_SPREAD):
            stem = e.name.removesuffix(_SPREAD)
            for name in _MATCH_RATES if stem == "match_rate" else (stem,):
                spreads[name, e.attacker] = e
    return spreads


def _figures(
    found: Sequence[Estimate],
    judges: Sequence[str],
    judged: set[str],
    spreads: Mapping[tuple[str, Attacker | None], Estimate],
) -> tuple[MatrixFigure, ...]:
    """One figure a name, FMR and group; those that a control judges come first.

    A spread belongs to the first FMR of its figure, the policy's, and to all people.
    """
    first: dict[str, str] = {}
    for e in found:
        first.setdefault(e.name, fmr_text(e))
    grouped: dict[tuple[str, str, str], dict[Attacker | None, list[Estimate]]] = {}
    for e in found:
        grouped.setdefault((e.name, fmr_text(e), e.group or ""), {}).setdefault(e.attacker, []).append(e)
    return tuple(
        MatrixFigure(
            name=name,
            title=title_of(name),
            group=group,
            fmr=fmr,
            rows=tuple(
                _matrix_row(
                    attackers[attacker],
                    judges,
                    spreads.get((name, attacker)) if fmr == first[name] and not group else None,
                )
                for attacker in _ladder(attackers)
            ),
        )
        for (name, fmr, group), attackers in sorted(grouped.items(), key=lambda entry: entry[0][0] not in judged)
    )


def _matrix_row(estimates: Sequence[Estimate], judges: Sequence[str], spread: Estimate | None) -> MatrixRow:
    first = estimates[0]
    by_judge = {e.recogniser: e for e in estimates}
    judged = [e for e in estimates if e.recogniser]
    values = [e.value for e in judged]
    worst = ""
    if len(set(values)) > 1 and first.direction is not Direction.NEITHER and first.attacker is not Attacker.CONTROL:
        least_safe = max(values) if first.direction is Direction.LOWER_IS_SAFER else min(values)
        worst = ", ".join(e.recogniser for e in judged if e.value == least_safe)
    return MatrixRow(
        attacker=attacker_text(first.attacker),
        cells=tuple(_estimate_row(by_judge[j]) if j in by_judge else None for j in judges),
        worst=worst or DASH,
        spread=figure(first.name, spread.value if spread else max(values) - min(values) if values[1:] else None),
        spread_low=figure(first.name, spread.low if spread else None),
        spread_high=figure(first.name, spread.high if spread else None),
    )


def _map_matrix(key: tuple[str, str, str, str], cells: dict[tuple[int, int], EstimateRow]) -> MapMatrix:
    attempts = tuple(sorted({r for r, _ in cells}))
    judges = tuple(sorted({c for _, c in cells}))
    table = tuple(tuple(cells.get((r, c)) for c in judges) for r in attempts)
    return MapMatrix(*key, attempts=attempts, judges=judges, cells=table)


def _ladder(attackers: Iterable[Attacker | None]) -> list[Attacker | None]:
    return sorted(attackers, key=lambda attacker: -1 if attacker is None else list(Attacker).index(attacker))


def _note(e: Estimate) -> str:
    """What else is known of an estimate, in one line."""
    parts = [
        e.note,
        f"band {e.band}" if e.band else "",
        f"no hit: at most {figure(e.name, e.upper_any_correlation).text} whatever the correlation"
        if e.upper_any_correlation is not None
        else "",
        f"at a third of the FMR {figure(e.name, e.stricter.value).text}" if e.stricter else "",
    ]
    return "; ".join(part for part in parts if part)
