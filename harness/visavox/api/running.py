"""One run: bind the folder, edit, embed, score, assess, judge, write the report."""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from logging import Logger
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.api.clock import now, when
from visavox.api.known import KnownFigures, charts_drawn_once, look_at_inputs
from visavox.api.preparation import (
    Outline,
    Prepared,
    outlines,
    plan_digest,
    plan_json,
    prepare_all,
)
from visavox.api.utility import case_figures, utility_stage, wants_utility
from visavox.api.worst import worst_page
from visavox.core.cards import card
from visavox.core.config import BaselineEditor, Suite, artifact_digest, code_digest
from visavox.core.contracts import contract
from visavox.core.digest import canonical_json
from visavox.core.errors import MissingDependencyError, RunFolderError, SuiteChangedError
from visavox.core.records import (
    AssessmentResult,
    Card,
    CaseLedger,
    Clock,
    DatasetSummary,
    Digest,
    EditRow,
    Estimate,
    PolicySummary,
    Report,
    Subject,
)
from visavox.core.terms import Modality, Outcome, ToolClass
from visavox.core.utility_figures import UtilityFigure
from visavox.engine import tables
from visavox.engine.beside import Check, beside, go_on
from visavox.engine.cache import TemplateCache
from visavox.engine.edit import Replay, case_ledger, edit_all, summed
from visavox.engine.edit import replay as replay_case
from visavox.engine.embed import Embedder
from visavox.engine.environment import environment
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.engine.medium import MEDIA
from visavox.engine.plan import WITHHELD, Plan, consent_counts
from visavox.engine.progress import Progress, one_at_a_time, silent
from visavox.engine.score import Scorer, judge_view, load_sets
from visavox.engine.store import Store
from visavox.evidence.seal import Register, RegisteredRun, Seal, parse_seal
from visavox.metrics import intervals
from visavox.policy.judge import Facts, judge
from visavox.ports.assessment import Assessment, AssessmentInput, CaseFigures, JudgeView, ScoreTable, assessments
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
    folder = RunFolder(Path(out))
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
        for part in parts:
            look_at_inputs(part)
        _bind(folder, parts)
        with folder.logging() as log, Journal(folder.journal) as journal:
            journal.begin_session(now())
            Register().append(_registered(seal, _run_id(journal), ""))
            log.info("seal %s, %d cases", seal.digest()[:16], sum(len(part.plan.cases) for part in parts))
            report = _execute(parts, folder, journal, progress, log)
            Register().append(_registered(seal, report.clock.run, report.decision.verdict.value))
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
    _refuse_change(folder, suite, seal, now_sealed)
    report = parse_report(folder.report.read_bytes())
    Register().append(_registered(seal, report.clock.run, report.decision.verdict.value))
    return report


def replay(suite: Suite, case: str) -> Replay:
    """Edits one case of the suite twice, each time in a new worker; writes nothing.

    Raises:
        EditorError: no case bears that id, or the editor cannot be loaded.
    """
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
    return _build(parts, results, ledger, journal.sessions(), _run_id(journal), is_known=is_known)


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
        views.append(judge_view(recogniser, plan, sets, scorer, asked))
    _write_people(folder, plan)
    figures = {} if utility is None else case_figures(utility, prepared, embedded, rows, progress)
    results = (*assess_all(prepared, wanted, tuple(views), rows, figures), ledger_result(prepared, rows))
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


def score_tables(suite: Suite, wanted: dict[str, Assessment]) -> tuple[ScoreTable, ...]:
    """Every table of scores that the assessments ask for, each once."""
    found: dict[str, ScoreTable] = {}
    for assessment in wanted.values():
        for table in assessment.comparisons(contract(suite.editor.tool_class), suite.options(assessment.name)):
            found[table.name] = table
    return tuple(found.values())


def assess_all(
    prepared: Outline | Prepared,
    wanted: dict[str, Assessment],
    views: tuple[JudgeView, ...],
    rows: dict[str, EditRow],
    utility: Mapping[UtilityFigure, CaseFigures],
) -> list[AssessmentResult]:
    """The suite's assessments over the judges' scores; one without a trial for the tool class is not applicable."""
    suite, plan, policy = prepared.suite, prepared.plan, prepared.policy.policy
    point = policy.modality(plan.modality)
    row = contract(suite.editor.tool_class)
    results = []
    for name, assessment in wanted.items():
        options = suite.options(name)
        if not (assessment.comparisons(row, options) or wants_utility(assessment, row)):
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
            case_outcome=tuple(rows[case.id].outcome for case in plan.cases),
            case_leaks=tuple(_leaks(rows[case.id]) for case in plan.cases),
            judges=views,
            fmrs=tuple(dict.fromkeys((point.fmr, *getattr(options, "fmr", ())))),
            competence=(point.competence.fmr, point.competence.max_fnmr),
            limits=policy.limits(),
            options=options,
            alpha=policy.alpha,
            seed=suite.seed,
            case_utility=utility if wants_utility(assessment, row) else {},
            utility_floors=point.utility_floors.given(),
        )
        results.append(assessment.assess(data))
    return results


def _leaks(row: EditRow) -> tuple[str, ...] | None:
    """What the output's file gives away; None where there is no file."""
    found = [output.leaks for output in row.outputs if output.leaks is not None]
    return tuple(sorted({code for leaks in found for code in leaks})) if found else None


def ledger_result(prepared: Outline | Prepared, rows: dict[str, EditRow]) -> AssessmentResult:
    """Shares of the cases: not edited (refused and blank ones too), and, of the edited ones, unchanged.

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
    return AssessmentResult(assessment="ledger", modality=plan.modality, estimates=made)


def _is_edited(row: EditRow) -> bool:
    return row.outcome is Outcome.EDITED and not all(output.blank for output in row.outputs)


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


def _build(
    parts: Sequence[Prepared],
    results: tuple[AssessmentResult, ...],
    ledger: CaseLedger,
    sessions: Sequence[str],
    run_id: str,
    *,
    is_known: bool,
) -> Report:
    suite, policy, seal = parts[0].suite, parts[0].policy, parts[0].seal
    dataset = whole_summary([dataset_summary(part) for part in parts], _people_of(parts))
    facts = Facts(suite.editor.tool_class, results, seal.judges, dataset, seal.smoke)
    decision = judge(policy.policy, seal.cells, facts)
    finished = now()
    earlier = Register().earlier(_registered(seal, run_id, ""))
    return Report(
        suite_name=suite.name,
        suite=Digest(sha256=seal.suite),
        seal=Digest(sha256=seal.digest()),
        plan=Digest(sha256=seal.plan),
        smoke=seal.smoke,
        decision=decision,
        subject=_subject(parts),
        judges=seal.judges,
        results=results,
        ledger=ledger,
        instruments=tuple(item for result in results for item in result.instruments),
        dataset=dataset,
        cards=_cards(suite),
        policy=PolicySummary(id=policy.policy.id, digest=Digest(sha256=policy.digest)),
        environment=environment(parts[0].device),
        limitations=_limitations(parts, dataset, results),
        not_made=tuple(missing for result in results for missing in result.not_made),
        clock=Clock(
            run=run_id,
            started=sessions[0],
            finished=finished,
            duration_s=round((when(finished) - when(sessions[0])).total_seconds(), 3),
            sessions=len(sessions),
            has_known_figures=is_known,
            earlier_runs=tuple(tuple(sorted(r.model_dump(mode="json").items())) for r in earlier),
        ),
    )


def _limitations(
    parts: Sequence[Prepared], dataset: DatasetSummary, results: tuple[AssessmentResult, ...]
) -> tuple[str, ...]:
    suite, policy, seal = parts[0].suite, parts[0].policy.policy, parts[0].seal
    lines = [
        "no law or standard sets the limits of this policy: they are the project's choice"
        if policy.id == "baseline"
        else ""
    ]
    unstated = dict(dataset.consent).get("unstated", 0)
    if unstated:
        lines.append(f"consent is unstated for {unstated} of {dataset.n_test_samples} test samples")
    if dataset.n_withheld:
        lines.append(f"{dataset.n_withheld} samples were left out: their consent is refused or withdrawn")
    for part in parts:
        ids = {judge.id for judge in part.judges}
        if len({family for card in seal.judges if card.id in ids for family in card.families}) < 2:
            of = f" of {part.plan.modality.value}s" if len(parts) > 1 else ""
            lines.append(f"one family of judges{of} only: a leak that another recogniser sees may be missed")
        if any(sample < 0 for sample in part.plan.case_sample):
            lines.append("the outputs were made elsewhere and listed by person: some may have been left out")
    if "impersonation" not in dict(suite.assessments):
        lines.append("impersonation was not assessed: the suite leaves it out")
    lines.append("detectability is not built yet and was not assessed")
    lines += [line for result in results for line in result.limitations]
    return tuple(dict.fromkeys(line for line in lines if line))


def _cards(suite: Suite) -> tuple[Card, ...]:
    """The cards of what took part; a plug-in of somebody else may have none."""
    found = [card("dataset", suite.dataset.kind), *(card("recogniser", spec.name) for spec in suite.recognisers)]
    if isinstance(suite.editor, BaselineEditor):
        found.append(card("baseline", suite.editor.name))
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _subject(parts: Sequence[Prepared]) -> Subject:
    editor = parts[0].suite.editor
    return Subject(
        name=editor.name,
        version=editor.version,
        kind=editor.kind,
        tool_class=editor.tool_class,
        operation=editor.operation if len(parts) > 1 else parts[0].plan.operation,
        digest=Digest(sha256=parts[0].seal.artifact),
        trained_with=editor.trained_with,
    )


class _People(NamedTuple):
    """How many people there are over all parts, and how many of them are tested."""

    n_subjects: int
    n_test_subjects: int


def _people_of(parts: Sequence[Prepared]) -> _People:
    everyone: set[str] = set()
    tested: set[str] = set()
    for part in parts:
        names = {sample.id: sample.subject_id for sample in part.dataset.samples}
        everyone |= set(names.values())
        tested |= {names[sample.id] for sample in part.plan.samples}
    return _People(len(everyone), len(tested))


def whole_summary(parts: Sequence[DatasetSummary], people: _People) -> DatasetSummary:
    """The data set as a whole: what its parts say of it, each person counted once."""
    if len(parts) == 1:
        return parts[0]
    consent: Counter[str] = Counter()
    for part in parts:
        consent.update({name: int(str(count)) for name, count in part.consent})
    return parts[0].model_copy(
        update={
            "modality": None,
            "n_subjects": people.n_subjects,
            "n_test_subjects": people.n_test_subjects,
            "n_samples": sum(part.n_samples for part in parts),
            "n_test_samples": sum(part.n_test_samples for part in parts),
            "n_withheld": sum(part.n_withheld for part in parts),
            "consent": tuple(sorted(consent.items())),
            "sessions_stated": all(part.sessions_stated for part in parts),
            "parts": tuple(parts),
        }
    )


def dataset_summary(prepared: Outline | Prepared) -> DatasetSummary:
    """The data set as a report describes it."""
    dataset, plan = prepared.dataset, prepared.plan
    used = {sample.id for sample in plan.samples}
    return DatasetSummary(
        kind=dataset.kind,
        digest=Digest(sha256=dataset.digest),
        modality=Modality(dataset.modality),
        n_subjects=plan.n_people,
        n_samples=len(dataset.samples),
        n_test_subjects=plan.n_test_people,
        n_test_samples=len(plan.samples),
        n_merged_duplicates=dataset.n_merged_duplicates,
        n_withheld=sum(s.consent in WITHHELD for s in dataset.samples),
        consent=consent_counts([s for s in dataset.samples if s.id in used]),
        licences=dataset.licences,
        sessions_stated=all(sample.session >= 0 for sample in plan.samples),
    )


def _run_id(journal: Journal) -> str:
    """The run folder's own random id, drawn once."""
    journal.set_fact("run", secrets.token_hex(16))
    return journal.fact("run") or ""


def _registered(seal: Seal, run_id: str, verdict: str) -> RegisteredRun:
    return RegisteredRun(
        run=run_id,
        seal=seal.digest(),
        artifact=seal.artifact,
        dataset=seal.dataset,
        policy=seal.policy,
        smoke=seal.smoke,
        at=now(),
        verdict=verdict,
    )


def _bind(folder: RunFolder, parts: Sequence[Prepared]) -> None:
    """Writes suite, plan, policy and seal, or checks that a folder begun earlier holds the same.

    Raises:
        SuiteChangedError: naming what differs.
    """
    suite, seal = parts[0].suite, parts[0].seal
    if folder.seal.exists() and any(_has_edits(part) for part in folder.parts()):
        _refuse_change(folder, suite, parse_seal(folder.read_json(folder.seal)), seal)
        return
    if not (folder.seal.exists() and parse_seal(folder.read_json(folder.seal)) == seal):
        for part in folder.parts():
            _forget_originals(part)
    folder.write(folder.suite, json.dumps(suite.as_json(), indent=2, ensure_ascii=False).encode() + b"\n")
    folder.write(folder.policy, parts[0].policy.text.encode())
    folder.write(folder.plan, canonical_json(plan_json([part.plan for part in parts])))
    folder.write(folder.seal, canonical_json(seal.as_json()))


def _forget_originals(folder: RunFolder) -> None:
    """What was embedded of a run that ended before any edit, and whose place another one takes."""
    if folder.journal.exists():
        with Journal(folder.journal) as journal:
            journal.forget_units()
    Store(folder.templates).clear()


def _has_edits(folder: RunFolder) -> bool:
    if not folder.journal.exists():
        return False
    with Journal(folder.journal) as journal:
        return bool(journal.edits())


def _refuse_change(folder: RunFolder, suite: Suite, old: Seal, new: Seal) -> None:
    if old == new:
        return
    keys = [name for name in Seal.model_fields if getattr(old, name) != getattr(new, name)]
    if "suite" in keys:
        before = Suite.model_validate(folder.read_json(folder.suite)).comparable()
        keys = [*_differing(before, suite.comparable()), *(key for key in keys if key != "suite")]
    raise SuiteChangedError(
        f"continue the run in {folder.root}",
        found="since it was begun these changed: " + ", ".join(dict.fromkeys(keys)),
        todo="name a new folder with --out, or restore them",
    )


def _differing(old: object, new: object, path: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted({*old, *new})
        return [d for k in keys for d in _differing(old.get(k), new.get(k), f"{path}.{k}" if path else str(k))]
    return [] if old == new else [path]


def _tidy(folder: RunFolder, suite: Suite) -> None:
    """Retention ``scores``: media and templates go when the report stands."""
    if suite.execution.retention == "scores":
        for part in folder.parts():
            Store(part.media).clear()
            Store(part.templates).clear()


def _write_people(folder: RunFolder, plan: Plan) -> None:
    """Who is who in the score tables, by number: what recomputing from trials needs."""
    rows = {
        "sample": [s.id for s in plan.samples],
        "person": [s.person for s in plan.samples],
        "session": [s.session for s in plan.samples],
        "fold": [s.fold for s in plan.samples],
    }
    tables.write_part(folder.people, rows, tables.PEOPLE)


def _ints(values: Sequence[int]) -> npt.NDArray[np.int32]:
    return np.asarray(values, np.int32)
