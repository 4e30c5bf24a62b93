"""What the forms of the report show of results' own tables and of thresholds, row by row; from the report alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from visavox.core.figures import AssessmentResult, Estimate, OperatingPoint, ResultTable, Stratum

from .wording import (
    DASH,
    NO_NUMBER,
    SUPPORTS,
    Number,
    attacker_text,
    count,
    plain,
    rate_text,
    share,
    significant,
)


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


def table_rows(result: AssessmentResult) -> tuple[TableRows, ...]:
    """The tables that an assessment gives beside its estimates; one without rows is left out."""
    return tuple(_table_rows(table) for table in result.tables if table.rows)


def threshold_rows(result: AssessmentResult) -> tuple[ThresholdRow, ...]:
    """The kinds of comparison behind every figure that has a threshold or strata."""
    return tuple(row for estimate in result.estimates for row in _thresholds(estimate))


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
