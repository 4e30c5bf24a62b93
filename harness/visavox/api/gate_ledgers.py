"""Ledgers of a finished run, added up again: the report against itself, against the plan, against the journal."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import NamedTuple

from visavox.api.gate_evidence import Evidence
from visavox.api.kept_journal import journal_of
from visavox.core.errors import EvidenceError, RunFolderError
from visavox.core.records import EditRow
from visavox.core.terms import Modality, Outcome
from visavox.engine.clipping import is_clipped
from visavox.engine.folder import RunFolder


class _Journalled(NamedTuple):
    """What a journal says that the report has to say as well."""

    run: str
    sessions: tuple[str, ...]
    rows: dict[str, EditRow]


def check_ledgers(run: Evidence) -> None:
    """Every case is accounted for once, and its outcome is the one that was written down when it ended.

    Raises:
        EvidenceError: counts that do not add up; a journal that is absent, unreadable or of another run.
    """
    report, ledger = run.report, run.report.ledger
    whole = _journalled(run.folder)
    if (report.clock.run, report.clock.started) != (whole.run, next(iter(whole.sessions), "")):
        raise EvidenceError(
            f"check the run of {run.folder.root}",
            found=f"the report is of the run {report.clock.run[:8]} begun {report.clock.started}, "
            f"the journal of {whole.run[:8]}",
            todo="report.json belongs to another run; gate that one's folder",
        )
    parts = ledger.edited + ledger.refused + ledger.failed + ledger.timed_out + ledger.invalid
    planned = sum(len(plan.cases) for plan in run.plans.values())
    if not ledger.attempted == parts == planned or max(ledger.clipped, 0) > ledger.edited:
        raise _odd(
            "cases", f"{ledger.attempted} attempted, {parts} accounted for, {planned} planned, {ledger.clipped} clipped"
        )
    counted: Counter[str] = Counter()
    for modality, plan in run.plans.items():
        rows = whole.rows if len(run.plans) == 1 else _journalled(run.folder.part(modality.value)).rows
        missing = [case.id for case in plan.cases if case.id not in rows]
        if missing:
            raise _odd("cases", f"the journal has no outcome of {len(missing)} cases, the first {missing[0]}")
        own = [rows[case.id] for case in plan.cases]
        edited = [row for row in own if row.outcome is Outcome.EDITED]
        counted.update(row.outcome.value for row in own)
        counted["clipped"] += sum(is_clipped(row) for row in edited)
        for name in ("unchanged", "blank"):
            counted[name] += sum(getattr(output, name) for row in edited for output in row.outputs)
        probes = [row for row, name in zip(own, plan.case_token_probe, strict=True) if name]
        served = sum(row.outcome is Outcome.EDITED for row in probes)  # nobody takes a template of these
        _check_templates(run, modality, len(edited) - served, len(plan.samples))
    stated = {name: getattr(ledger, name) for name in (*Outcome, "unchanged", "blank", "clipped")}
    wrong = [f"{n} {name}, the journal {counted[name]}" for name, n in stated.items() if n != counted[name]]
    if wrong:
        raise _odd("cases", f"the report says {'; '.join(wrong)}")


def _check_templates(run: Evidence, modality: Modality, edited: int, samples: int) -> None:
    for result in run.report.results:
        for row in result.templates if result.modality is modality else ():
            counts = [row.scored, row.fallback, row.fta, row.references, row.references_without_template]
            if min(counts) < 0 or row.edited != row.scored + row.fta or row.fallback > row.scored:
                raise _odd(f"outputs of {row.recogniser}", f"{row.edited} edited, {row.scored} scored, {row.fta} not")
            if row.edited != edited or row.references + row.references_without_template != samples:
                raise _odd(
                    f"outputs of {row.recogniser}",
                    f"{row.edited} edited and {row.references} references beside {row.references_without_template} "
                    f"without a template, of {edited} edited cases and {samples} recordings",
                )


def _odd(what: str, found: str) -> EvidenceError:
    return EvidenceError(f"add up the {what}", found=found, todo="the run was altered after it ended; run again")


def _journalled(folder: RunFolder) -> _Journalled:
    try:
        with journal_of(folder) as journal:
            rows = {name: edit.row for name, edit in journal.edits().items()}
            return _Journalled(journal.fact("run") or "", tuple(journal.sessions()), rows)
    except (sqlite3.Error, ValueError, RunFolderError) as error:
        raise EvidenceError(
            f"read the journal of {folder.root}", found=str(error)[:500], todo="it tells what became of each case"
        ) from error
