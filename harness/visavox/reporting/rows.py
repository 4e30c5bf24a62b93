"""What the forms of the report show, row by row, taken from the report alone; HTML, Markdown and JUnit read these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from visavox.core.figures import AssessmentResult, Estimate, OperatingPoint, ResultTable, Stratum
from visavox.core.report import AttestationCard, Cell, CellDecision, ControlDecision, Report
from visavox.core.terms import Attacker, AttestationVerdict, ControlKind, Direction, Modality, Verdict

from .wording import (
    ATTESTATION_STATES,
    DASH,
    MODALITIES,
    NO_NUMBER,
    SUPPORTS,
    Number,
    attacker_text,
    count,
    figure,
    fmr_text,
    limit_text,
    map_cell,
    plain,
    rate_text,
    share,
    significant,
    support_text,
    title_of,
)

ALL_JUDGES = "all judges"
LEDGER = "ledger"
"""The assessment that only counts what became of the cases; shown among the ledgers."""
_SPREAD = "_spread"
_MATCH_RATES = ("subject_match_rate", "host_match_rate")


class CellRow(NamedTuple):
    """One cell of a control. ``decides`` is the bound that a PASS rests on: ``lower`` or ``upper``."""

    control: str
    judge: str
    attacker: str
    group: str
    verdict: Verdict
    value: Number
    lower: Number
    upper: Number
    decides: str
    limit: str
    chance: Number
    trials: Number
    people: Number
    reason: str


class AttestationRow(NamedTuple):
    """What an organisation states of itself; ``state`` is never a verdict of a test."""

    control: str
    state: str
    statement: str
    owner: str
    date: str
    expires: str
    evidence: str
    signed_by: str
    reason: str


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


class CaseCount(NamedTuple):
    """How many cases or outputs a word of the ledger counts."""

    title: str
    n: int


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


class ThresholdRow(NamedTuple):
    """One kind of comparison behind a figure, and the threshold that decides it."""

    name: str
    judge: str
    attacker: str
    kind: str
    trials: Number
    hits: Number
    threshold: Number
    target: str
    fmr: Number
    fmr_low: Number
    fmr_high: Number
    non_mated: Number
    people: Number
    support: str
    imputed: bool


class TableRows(NamedTuple):
    """A result's own table: entries are texts or numbers; ``is_number`` says which columns hold numbers."""

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Number, ...], ...]
    is_number: tuple[bool, ...]


def cell_rows(report: Report, control: ControlDecision) -> tuple[CellRow, ...]:
    """The cells of a control in the order of the report."""
    return tuple(_cell_row(report, control, row) for row in control.cells)


def state_of(control: ControlDecision) -> str:
    """A control's verdict; of a statement alone what became of it, which no form shows as a tested PASS."""
    if control.kind is not ControlKind.ATTESTATION:
        return control.verdict.value
    states = [card.verdict for card in control.attestations] or [AttestationVerdict.MISSING]
    worst = next((one for one in states if one is not AttestationVerdict.ATTESTED), states[0])
    return f"{ATTESTATION_STATES[worst]}, not tested"


def attestation_rows(control: ControlDecision) -> tuple[AttestationRow, ...]:
    """The statements that a control asks of an organisation."""
    return tuple(_attestation_row(card) for card in control.attestations)


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


def table_rows(result: AssessmentResult) -> tuple[TableRows, ...]:
    """The tables that an assessment gives beside its estimates; one without rows is left out."""
    return tuple(_table_rows(table) for table in result.tables if table.rows)


def threshold_rows(result: AssessmentResult) -> tuple[ThresholdRow, ...]:
    """The kinds of comparison behind every figure that has a threshold or strata."""
    return tuple(row for estimate in result.estimates for row in _thresholds(estimate))


def limit_of(control: ControlDecision) -> str:
    """A control's limit with its operator, in the unit of the figure that it judges; of an attestation alone none."""
    if control.limit is None:
        return ""
    return limit_text(control.limit, control.cells[0].cell.metric if control.cells else "")


def counts_line(report: Report) -> str:
    """The case ledger in words."""
    ledger = report.ledger
    return (
        f"{ledger.attempted} cases of {report.dataset.n_test_subjects} people: {ledger.edited} edited, "
        f"{ledger.refused} refused, {ledger.failed} failed, {ledger.timed_out} timed out, {ledger.invalid} invalid; "
        f"{ledger.unchanged} outputs unchanged, " + ", ".join(f"{found.n} {found.title}" for found in defects(report))
    )


def defects(report: Report) -> tuple[CaseCount, ...]:
    """Outputs that are of no use, in the words of their modality: no picture is clipped."""
    ledger, modality = report.ledger, report.dataset.modality
    if modality is Modality.FACE:
        return (CaseCount("blank", ledger.blank),)
    silent = "silent" if modality is Modality.VOICE else "blank or silent"
    return CaseCount(silent, ledger.blank), CaseCount("clipped", ledger.clipped)


def judge_of(report: Report, cell: Cell) -> str:
    """The judge of a cell; without one, in a run over faces and voices, whose cell it is."""
    is_mixed = report.dataset.modality is None and cell.modality is not None
    return cell.recogniser or (MODALITIES[cell.modality] if is_mixed and cell.modality else "")


def result_title(report: Report, result: AssessmentResult) -> str:
    """Heading of an assessment; in a run over faces and voices it says whose."""
    plain_title = result.assessment.replace("_", " ").capitalize()
    title = "Edited, refused, unchanged" if result.assessment == LEDGER else plain_title
    return f"{title}: {MODALITIES[result.modality]}" if report.dataset.modality is None else title


def _attestation_row(card: AttestationCard) -> AttestationRow:
    return AttestationRow(
        control=card.id,
        state=f"{ATTESTATION_STATES[card.verdict]}, not tested",
        statement=card.statement,
        owner=card.owner or DASH,
        date=card.date or DASH,
        expires=card.expires or DASH,
        evidence="; ".join(f"{file.name} (SHA-256 {file.sha256[:16]})" for file in card.evidence) or "none",
        signed_by=", ".join(card.signed_by) or "nobody",
        reason=card.reason,
    )


def _cell_row(report: Report, control: ControlDecision, row: CellDecision) -> CellRow:
    cell, name = row.cell, row.cell.metric
    decides = "upper" if control.limit is None else control.limit.on
    bound, opposite = figure(name, row.bound), figure(name, row.opposite_bound)
    lower, upper = (opposite, bound) if decides == "upper" else (bound, opposite)
    found = _estimate_of(report, row)
    return CellRow(
        control=control.id,
        judge=judge_of(report, cell),
        attacker=attacker_text(cell.attacker),
        group=cell.group or "",
        verdict=row.verdict,
        value=figure(name, row.value),
        lower=lower,
        upper=upper,
        decides=decides,
        limit=limit_of(control),
        chance=NO_NUMBER if found is None else figure(name, found.chance),
        trials=NO_NUMBER if found is None else count(found.n),
        people=NO_NUMBER if found is None else count(found.n_subjects),
        reason=row.reason,
    )


def _estimate_of(report: Report, row: CellDecision) -> Estimate | None:
    """The estimate that a cell was decided by: the one of its name, judge, attacker and group with its value."""
    cell = row.cell
    for result in report.results:
        for e in result.estimates if cell.modality in {None, result.modality} else ():
            same = (e.name, e.recogniser, e.attacker, e.group) == (
                cell.metric,
                cell.recogniser,
                cell.attacker,
                cell.group,
            )
            if same and e.value == row.value:
                return e
    return None


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


def _thresholds(e: Estimate) -> Iterator[ThresholdRow]:
    parts: Sequence[Stratum] = e.strata
    if not parts and isinstance(e.operating_point, OperatingPoint):
        parts = (Stratum(kind=e.operating_point.kind, n=e.n, hits=0, operating_point=e.operating_point),)
    for part in parts:
        point = part.operating_point if isinstance(part.operating_point, OperatingPoint) else None
        yield ThresholdRow(
            name=e.name,
            judge=e.recogniser,
            attacker=attacker_text(e.attacker),
            kind=part.kind,
            trials=count(part.n),
            hits=count(part.hits) if e.strata and not part.imputed else NO_NUMBER,
            threshold=plain(point.threshold) if point else NO_NUMBER,
            target=rate_text(point.target_fmr) if point else DASH,
            fmr=share(point.fmr) if point else NO_NUMBER,
            fmr_low=share(point.fmr_low) if point else NO_NUMBER,
            fmr_high=share(point.fmr_high) if point else NO_NUMBER,
            non_mated=count(point.n_non_mated) if point else NO_NUMBER,
            people=count(point.n_people) if point else NO_NUMBER,
            support=SUPPORTS[point.support] if point else DASH,
            imputed=part.imputed,
        )


def _table_rows(table: ResultTable) -> TableRows:
    kinds = [[entry for entry in column if entry is not None] for column in zip(*table.rows, strict=True)]
    is_number = tuple(bool(kind) and not any(isinstance(entry, str) for entry in kind) for kind in kinds)
    writers = [
        share if p in table.shares else count if _is_whole(kind) else significant for p, kind in enumerate(kinds)
    ]
    rows = tuple(
        tuple(_entry(entry, write, in_numbers=n) for entry, write, n in zip(row, writers, is_number, strict=True))
        for row in table.rows
    )
    return TableRows(table.name, table.title, table.note, table.columns, rows, is_number)


def _is_whole(column: Iterable[str | int | float]) -> bool:
    """Whether all its numbers are whole: told by their values, for JSON does not tell 1 from 1.0."""
    return all(float(entry).is_integer() for entry in column if not isinstance(entry, str))


def _entry(
    entry: str | int | float | None, write: Callable[[float | None], Number], *, in_numbers: bool
) -> str | Number:
    if entry is None:
        return NO_NUMBER if in_numbers else DASH
    return entry if isinstance(entry, str) else write(entry)


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
