"""One run: bind the folder, edit, embed, score, assess, judge, write the report."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from logging import Logger
from pathlib import Path
from typing import NamedTuple

from visavox.api.assessing import assess_all, ledger_result, score_tables
from visavox.api.attesting import attested, attested_at_end, keep
from visavox.api.binding import bind_folder, refuse_change, registered
from visavox.api.building import build_report, waivers_of
from visavox.api.clock import now
from visavox.api.detection import look_for_edits
from visavox.api.fetching import with_model
from visavox.api.known import KnownFigures, charts_drawn_once, look_at_inputs
from visavox.api.preparation import (
    Prepared,
    outlines,
    plan_digest,
    prepare_all,
)
from visavox.api.utility import case_figures, utility_stage
from visavox.api.worst import worst_page
from visavox.core.artifact import artifact_digest, code_digest
from visavox.core.config import Suite
from visavox.core.errors import MissingDependencyError, RunFolderError
from visavox.core.figures import AssessmentResult, CaseLedger
from visavox.core.report import Report
from visavox.core.terms import Modality
from visavox.engine import tables
from visavox.engine.acquired import write_acquired
from visavox.engine.beside import Check, beside, go_on
from visavox.engine.cache import TemplateCache
from visavox.engine.edit import Replay, case_ledger, edit_all, summed
from visavox.engine.edit import replay as replay_case
from visavox.engine.embed import Embedder
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.engine.medium import MEDIA
from visavox.engine.plan import Plan
from visavox.engine.progress import Progress, one_at_a_time, silent
from visavox.engine.score import Scorer, acquired_of, judge_view, load_sets
from visavox.engine.store import Store
from visavox.evidence.seal import Register, parse_seal
from visavox.policy.waivers import refuse_expired
from visavox.ports.assessment import assessments
from visavox.ports.dataset import Dataset
from visavox.ports.sink import sinks
from visavox.reporting.forms import FORMS, write_forms
from visavox.reporting.schema import parse_report, report_bytes


def run(
    suite: Suite,
    out: str | Path,
    *,
    limit: int | None = None,
    progress: Progress = silent,
    announce: Callable[[str], None] = lambda line: None,
) -> Report:
    """Runs a suite in a folder; the same call on a half-done folder continues it, on a finished one reads it.

    Args:
        suite: from ``load_suite``.
        out: the run folder, made 0700.
        limit: a smoke run over that many cases; never a PASS.
        progress: receives a step after every unit.
        announce: receives a line for what happened after the report was written: a form that could not be rendered,
            what became of tracking. Neither changes the report or its verdict.

    Raises:
        VisavoxError: see ``visavox.core.errors``; a run that ends in an error writes no report.
    """
    with with_model(suite) as fetched:
        return _run(fetched, RunFolder(Path(out)), limit=limit, progress=progress, announce=announce)


def _run(
    suite: Suite, folder: RunFolder, *, limit: int | None, progress: Progress, announce: Callable[[str], None]
) -> Report:
    with folder.locked():
        folder.sweep()
        finished = _finished(folder, suite, limit)
        if finished is not None:
            _tidy(folder, suite)
            if not (folder.root / FORMS["html"].file).exists():
                _write_forms(finished, folder, announce)
            return finished
        parts = prepare_all(suite, limit=limit)
        seal = parts[0].seal
        attested(suite, parts[0].policy.policy)  # a faulty one is told before the first edit
        refuse_expired(waivers_of(suite))
        for part in parts:
            look_at_inputs(part)
        bind_folder(folder, parts)
        with folder.logging() as log, Journal(folder.journal) as journal:
            journal.begin_session(now())
            Register().append(registered(seal, parts[0].policy.policy, _run_id(journal), ""))
            log.info("seal %s, %d cases", seal.digest()[:16], sum(len(part.plan.cases) for part in parts))
            report = _execute(parts, folder, journal, progress, log)
            Register().append(registered(seal, parts[0].policy.policy, report.clock.run, report.decision.verdict.value))
            folder.write(folder.report, report_bytes(report))
            log.info("verdict %s", report.decision.verdict.value)
        with charts_drawn_once(suite):
            _write_forms(report, folder, announce)
        _tidy(folder, suite)
    if suite.tracking is not None:
        announce(f"tracking: {sinks.get(suite.tracking.kind)(suite.tracking).send(folder.root, report)}")
    return report


def _write_forms(report: Report, folder: RunFolder, announce: Callable[[str], None]) -> None:
    """report.html and its like: views of a report that stands, so that none of them can lose it."""
    try:
        write_forms(report, folder.root)
    except (MissingDependencyError, RunFolderError) as error:
        announce(f"report.json stands, its other forms were not written: {error}")


def _finished(folder: RunFolder, suite: Suite, limit: int | None) -> Report | None:
    """The report of a finished run of this very suite; None where there is no report. Loads no judge.

    Raises:
        SuiteChangedError: the folder holds the finished run of another suite.
    """
    if not folder.report.exists():
        return None
    seal, known = parse_seal(folder.read_json(folder.seal)), outlines(suite, limit=limit)
    now_sealed = seal.model_copy(
        update={
            "suite": suite.digest(),
            "plan": plan_digest([part.plan for part in known]),
            "artifact": artifact_digest(suite.editor),
            "code": code_digest(suite.editor),
            "dataset": known[0].dataset.digest,
            "policy": known[0].policy.digest,
            "cells": tuple(cell for part in known for cell in part.cells),
        }
    )
    refuse_change(folder, suite, seal, now_sealed)
    report = parse_report(folder.report.read_bytes())
    Register().append(registered(seal, known[0].policy.policy, report.clock.run, report.decision.verdict.value))
    return report


def replay(suite: Suite, case: str) -> Replay:
    """Edits one case of the suite twice, each time in a new worker; writes nothing.

    Raises:
        EditorError: no case bears that id, or the editor cannot be loaded.
    """
    with with_model(suite) as fetched:
        return _replay(fetched, case)


def _replay(suite: Suite, case: str) -> Replay:
    parts = prepare_all(suite)
    holding = [part for part in parts if any(one.id == case for one in part.plan.cases)]
    part = holding[0] if holding else parts[0]
    return replay_case(suite, part.plan, part.dataset, case, device=part.device)


class _Part(NamedTuple):
    """What one modality's part of a run ended with."""

    results: tuple[AssessmentResult, ...]
    ledger: CaseLedger
    worst: str
    is_known: bool = False


def _execute(parts: Sequence[Prepared], folder: RunFolder, journal: Journal, progress: Progress, log: Logger) -> Report:
    done = []
    for prepared in parts:
        if len(parts) == 1:
            done.append(_assess_part(prepared, folder, journal, progress, log))
            continue
        own = folder.part(prepared.plan.modality.value)
        own.root.mkdir(mode=0o700, exist_ok=True)
        with Journal(own.journal) as rows:
            done.append(_assess_part(prepared, own, rows, progress, log))
    worst = [part.worst for part in done if part.worst]
    if worst:
        folder.write(folder.root / "worst.html", worst[0].encode())
    results = tuple(result for part in done for result in part.results)
    is_known = any(part.is_known for part in done)
    ledger = summed([part.ledger for part in done])
    stated = attested_at_end(parts[0].suite, parts[0].policy.policy)
    keep(folder, stated)
    return build_report(
        parts, results, ledger, journal.sessions(), _run_id(journal), is_known=is_known, attestations=stated.cards
    )


def _assess_part(prepared: Prepared, folder: RunFolder, journal: Journal, progress: Progress, log: Logger) -> _Part:
    suite, plan, dataset = prepared.suite, prepared.plan, prepared.dataset
    is_begun = journal.has_units()  # by an earlier session, and perhaps by an earlier version of this program
    cache = TemplateCache() if suite.execution.cache else None
    progress = one_at_a_time(progress)

    def embedder(rows_of: Journal) -> Embedder:
        return Embedder(prepared.judges, folder, rows_of, medium=MEDIA[plan.modality], cache=cache, progress=progress)

    def embed_originals(check: Check) -> None:
        with Journal(folder.journal) as own:  # a connection belongs to its thread
            embedder(own).originals(plan, dataset, check)

    wanted = {name: assessments.get(name)() for name, _ in suite.assessments}
    utility = utility_stage(prepared, wanted, folder, journal)
    meanwhile = partial(beside, embed_originals, name="visavox-embed") if _overlaps(prepared) else _alone
    rows = edit_all(
        suite,
        plan,
        dataset,
        folder,
        journal,
        device=prepared.device,
        progress=progress,
        log=log,
        meanwhile=meanwhile,
    )
    known = KnownFigures(prepared, rows, folder)
    taken = known.take()
    if taken is not None:
        log.info("figures of an earlier run that was equal in everything")
        return _Part(taken, case_ledger(plan, rows), "", is_known=True)
    embedded = embedder(journal)
    embedded.run(plan, dataset, rows)
    asked = score_tables(suite, wanted)
    views = []
    for recogniser in prepared.judges:
        sets = load_sets(plan, rows, embedded, recogniser.id)
        scorer = Scorer(recogniser, plan, sets, folder, journal)
        scorer.run(asked, progress)
        write_acquired(folder, recogniser.id, acquired_of(sets), scorer.backends)
        views.append(judge_view(recogniser, plan, sets, scorer, asked))
    _write_people(folder, plan, dataset)
    figures = {} if utility is None else case_figures(utility, prepared, embedded, rows, progress)
    looked = look_for_edits(prepared, wanted, rows, folder, journal, progress)
    made = assess_all(prepared, wanted, tuple(views), rows, figures, looked)
    results = (*made, ledger_result(prepared, rows))
    if not is_begun:
        known.keep(results)
    worst = ""
    shows_faces = plan.modality is Modality.FACE and any(table.name == "original-edited" for table in asked)
    if suite.execution.worst_leaks and shows_faces:
        worst = worst_page(prepared, Store(folder.media), rows, tuple(views), results, suite.execution.worst_leaks)
    return _Part(results, case_ledger(plan, rows), worst)


def _overlaps(prepared: Prepared) -> bool:
    """Whether originals are embedded while the editor edits (``execution.overlap``)."""
    wanted = prepared.suite.execution.overlap
    return prepared.device == "cpu" and (os.cpu_count() or 1) > 1 if wanted == "auto" else wanted


def _alone() -> AbstractContextManager[Check]:
    return nullcontext(go_on)


def _run_id(journal: Journal) -> str:
    """The run folder's own random id, drawn once."""
    journal.set_fact("run", secrets.token_hex(16))
    return journal.fact("run") or ""


def _tidy(folder: RunFolder, suite: Suite) -> None:
    """Retention ``scores``: media and templates go when the report stands."""
    if suite.execution.retention == "scores":
        for part in folder.parts():
            Store(part.media).clear()
            Store(part.templates).clear()


def _write_people(folder: RunFolder, plan: Plan, dataset: Dataset) -> None:
    """Who is who in the score tables, by number, and what consent each stated: what recomputing from trials needs."""
    stated = {sample.id: sample.consent.value for sample in dataset.samples}
    rows = {
        "sample": [s.id for s in plan.samples],
        "person": [s.person for s in plan.samples],
        "session": [s.session for s in plan.samples],
        "fold": [s.fold for s in plan.samples],
        "consent": [stated[s.id] for s in plan.samples],
    }
    tables.write_part(folder.people, rows, tables.PEOPLE)
