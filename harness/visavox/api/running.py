"""One run: bind the folder, edit, embed, score, assess, judge, write the report."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from logging import Logger
from pathlib import Path

import numpy as np
import numpy.typing as npt

from visavox.api.clock import now, when
from visavox.api.preparation import Outline, Prepared, outline, prepare
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
from visavox.engine import tables
from visavox.engine.cache import TemplateCache
from visavox.engine.edit import Replay, case_ledger, check_inputs, edit_all
from visavox.engine.edit import replay as replay_case
from visavox.engine.embed import Embedder
from visavox.engine.environment import environment
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.engine.medium import MEDIA
from visavox.engine.plan import WITHHELD, Plan, consent_counts
from visavox.engine.progress import Progress, silent
from visavox.engine.score import Scorer, judge_view, load_sets
from visavox.engine.store import Store
from visavox.evidence.seal import Register, RegisteredRun, Seal, parse_seal
from visavox.metrics import intervals
from visavox.policy.judge import Facts, judge
from visavox.ports.assessment import Assessment, AssessmentInput, JudgeView, ScoreTable, assessments
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
        prepared = prepare(suite, limit=limit)
        check_inputs(prepared.plan, prepared.dataset)
        _bind(folder, prepared)
        with folder.logging() as log, Journal(folder.journal) as journal:
            journal.begin_session(now())
            Register().append(_registered(prepared.seal, _run_id(journal), ""))
            log.info("seal %s, %d cases", prepared.seal.digest()[:16], len(prepared.plan.cases))
            report = _execute(prepared, folder, journal, progress, log)
            Register().append(_registered(prepared.seal, report.clock.run, report.decision.verdict.value))
            folder.write(folder.report, report_bytes(report))
            log.info("verdict %s", report.decision.verdict.value)
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
    seal, known = parse_seal(folder.read_json(folder.seal)), outline(suite, limit=limit)
    now_sealed = seal.model_copy(
        update={
            "suite": suite.digest(),
            "plan": known.plan.digest(),
            "artifact": artifact_digest(suite.editor),
            "code": code_digest(suite.editor),
            "dataset": known.dataset.digest,
            "policy": known.policy.digest,
            "cells": known.cells,
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
    prepared = prepare(suite)
    return replay_case(suite, prepared.plan, prepared.dataset, case, device=prepared.device)


def _execute(prepared: Prepared, folder: RunFolder, journal: Journal, progress: Progress, log: Logger) -> Report:
    suite, plan, dataset = prepared.suite, prepared.plan, prepared.dataset
    rows = edit_all(suite, plan, dataset, folder, journal, device=prepared.device, progress=progress, log=log)
    cache = TemplateCache() if suite.execution.cache else None
    embedder = Embedder(prepared.judges, folder, journal, medium=MEDIA[plan.modality], cache=cache, progress=progress)
    embedder.run(plan, dataset, rows)
    wanted = {name: assessments.get(name)() for name, _ in suite.assessments}
    asked = score_tables(suite, wanted)
    views = []
    for recogniser in prepared.judges:
        sets = load_sets(plan, rows, embedder, recogniser.id)
        scorer = Scorer(recogniser, plan, sets, folder, journal)
        scorer.run(asked, progress)
        views.append(judge_view(recogniser, plan, sets, scorer, asked))
    _write_people(folder, plan)
    results = [*assess_all(prepared, wanted, tuple(views), rows), ledger_result(prepared, rows)]
    if suite.execution.worst_leaks and any(table.name == "original-edited" for table in asked):
        page = worst_page(prepared, Store(folder.media), rows, tuple(views), results, suite.execution.worst_leaks)
        folder.write(folder.root / "worst.html", page.encode())
    ledger = case_ledger(plan, rows)
    return _build(prepared, tuple(results), ledger, journal.sessions(), _run_id(journal))


def score_tables(suite: Suite, wanted: dict[str, Assessment]) -> tuple[ScoreTable, ...]:
    """Every table of scores that the assessments ask for, each once."""
    found: dict[str, ScoreTable] = {}
    for assessment in wanted.values():
        for table in assessment.comparisons(contract(suite.editor.tool_class), suite.options(assessment.name)):
            found[table.name] = table
    return tuple(found.values())


def assess_all(
    prepared: Outline | Prepared, wanted: dict[str, Assessment], views: tuple[JudgeView, ...], rows: dict[str, EditRow]
) -> list[AssessmentResult]:
    """The suite's assessments over the judges' scores; one without a trial for the tool class is not applicable."""
    suite, plan, policy = prepared.suite, prepared.plan, prepared.policy.policy
    point = policy.modality(plan.modality)
    row = contract(suite.editor.tool_class)
    results = []
    for name, assessment in wanted.items():
        options = suite.options(name)
        if not assessment.comparisons(row, options):
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
            fmrs=tuple(dict.fromkeys((point.fmr, *options.fmr))),
            competence=(point.competence.fmr, point.competence.max_fnmr),
            limits=policy.limits(),
            options=options,
            alpha=policy.alpha,
            seed=suite.seed,
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
    prepared: Prepared,
    results: tuple[AssessmentResult, ...],
    ledger: CaseLedger,
    sessions: Sequence[str],
    run_id: str,
) -> Report:
    suite, plan, policy = prepared.suite, prepared.plan, prepared.policy
    dataset = dataset_summary(prepared)
    facts = Facts(suite.editor.tool_class, plan.modality, results, prepared.seal.judges, dataset, prepared.seal.smoke)
    decision = judge(policy.policy, prepared.seal.cells, facts)
    finished = now()
    earlier = Register().earlier(_registered(prepared.seal, run_id, ""))
    return Report(
        suite=Digest(sha256=prepared.seal.suite),
        seal=Digest(sha256=prepared.seal.digest()),
        plan=Digest(sha256=prepared.seal.plan),
        smoke=prepared.seal.smoke,
        decision=decision,
        subject=_subject(prepared),
        judges=prepared.seal.judges,
        results=results,
        ledger=ledger,
        instruments=tuple(item for result in results for item in result.instruments),
        dataset=dataset,
        cards=_cards(suite),
        policy=PolicySummary(id=policy.policy.id, digest=Digest(sha256=policy.digest)),
        environment=environment(prepared.device),
        limitations=_limitations(prepared, dataset, results),
        not_made=tuple(missing for result in results for missing in result.not_made),
        clock=Clock(
            run=run_id,
            started=sessions[0],
            finished=finished,
            duration_s=round((when(finished) - when(sessions[0])).total_seconds(), 3),
            sessions=len(sessions),
            earlier_runs=tuple(tuple(sorted(r.model_dump(mode="json").items())) for r in earlier),
        ),
    )


def _limitations(prepared: Prepared, dataset: DatasetSummary, results: tuple[AssessmentResult, ...]) -> tuple[str, ...]:
    lines = [
        "no law or standard sets the limits of this policy: they are the project's choice"
        if prepared.policy.policy.id == "baseline"
        else ""
    ]
    unstated = dict(dataset.consent).get("unstated", 0)
    if unstated:
        lines.append(f"consent is unstated for {unstated} of {dataset.n_test_samples} test samples")
    if dataset.n_withheld:
        lines.append(f"{dataset.n_withheld} samples were left out: their consent is refused or withdrawn")
    families = {family for card in prepared.seal.judges for family in card.families}
    if len(families) < 2:
        lines.append("one family of judges only: a leak that another recogniser sees may be missed")
    if any(sample < 0 for sample in prepared.plan.case_sample):
        lines.append("the outputs were made elsewhere and listed by person: some may have been left out")
    if "impersonation" not in dict(prepared.suite.assessments):
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


def _subject(prepared: Prepared) -> Subject:
    editor = prepared.suite.editor
    return Subject(
        name=editor.name,
        version=editor.version,
        kind=editor.kind,
        tool_class=editor.tool_class,
        operation=editor.operation,
        digest=Digest(sha256=prepared.seal.artifact),
        trained_with=editor.trained_with,
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


def _bind(folder: RunFolder, prepared: Prepared) -> None:
    """Writes suite, plan, policy and seal, or checks that a folder begun earlier holds the same.

    Raises:
        SuiteChangedError: naming what differs.
    """
    if folder.seal.exists():
        with Journal(folder.journal) as journal:
            has_edits = bool(journal.edits())
        if has_edits:
            _refuse_change(folder, prepared.suite, parse_seal(folder.read_json(folder.seal)), prepared.seal)
            return
    folder.write(folder.suite, json.dumps(prepared.suite.as_json(), indent=2, ensure_ascii=False).encode() + b"\n")
    folder.write(folder.policy, prepared.policy.text.encode())
    folder.write(folder.plan, canonical_json(prepared.plan.model_dump(mode="json")))
    folder.write(folder.seal, canonical_json(prepared.seal.model_dump(mode="json")))


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
        Store(folder.media).clear()
        Store(folder.templates).clear()


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
