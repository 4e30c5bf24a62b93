"""The gate: checks the evidence of a finished run, makes the decision again, gives the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from visavox.api.clock import when
from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError, EvidenceError
from visavox.core.report import Cell, Decision, DetectorCard, JudgeCard, Report
from visavox.core.terms import Modality, Verdict
from visavox.engine.folder import RunFolder
from visavox.evidence.seal import Register, RegisteredRun, Seal, blocking, parse_seal
from visavox.policy.judge import Facts, judge, plan_cells
from visavox.policy.load import Policy, load_policy, parse_policy
from visavox.reporting.schema import parse_report

CLOCK_SKEW = timedelta(minutes=10)


class GateResult(NamedTuple):
    """What a release gate acts on; ``warnings`` change no verdict."""

    verdict: Verdict
    reasons: tuple[str, ...]
    report: Report
    warnings: tuple[str, ...] = ()


def gate(out: str | Path, *, policy: str | None = None, max_age: timedelta | None = None) -> GateResult:
    """Checks a finished run and gives its verdict.

    The decision is made again from the report's estimates, the sealed cells and the sealed policy, and has to be the
    one that the report states. Earlier failed runs of the same artifact, data and policy forbid a PASS.

    Raises:
        EvidenceError: absent, unreadable, altered or stale evidence, or another policy than the sealed one.
    """
    folder = RunFolder(Path(out))
    report = read_report(folder.root)
    seal = parse_seal(folder.read_json(folder.seal))
    sealed = _sealed_policy(folder, seal)
    for what, stated, found in (
        ("seal", report.seal.sha256, seal.digest()),
        ("plan", report.plan.sha256, seal.plan),
        ("plan", seal.plan, _plan_digest(folder)),
        ("policy", report.policy.digest.sha256, seal.policy),
        ("suite", report.suite.sha256, seal.suite),
        ("model", report.subject.digest.sha256, seal.artifact),
        ("data set", report.dataset.digest.sha256, seal.dataset),
        ("judges", _cards_digest(report.judges), _cards_digest(seal.judges)),
        ("detectors", _cards_digest(report.detectors), _cards_digest(seal.detectors)),
    ):
        if stated != found:
            raise EvidenceError(
                f"check the {what} of {folder.root}",
                found=f"the report says {stated[:16]}, the run folder {found[:16]}",
                todo="the run was altered after it was sealed; run again in a new folder",
            )
    _refuse_other_cells(folder, report, seal, sealed)
    if policy is not None and load_policy(policy).digest != seal.policy:
        raise EvidenceError(
            f"gate under the policy {policy}",
            found=f"the run was sealed under {seal.policy_id} ({seal.policy[:16]})",
            todo="run the suite again under that policy",
        )
    if when(report.clock.finished) > datetime.now(UTC) + CLOCK_SKEW:
        raise EvidenceError("check the time of the report", found=f"it is of {report.clock.finished}", todo="run again")
    if report.instruments != tuple(item for result in report.results for item in result.instruments):
        raise EvidenceError("check the instruments of the report", found="its two lists differ", todo="run again")
    if max_age is not None and datetime.now(UTC) - when(report.clock.finished) > max_age:
        raise EvidenceError(
            f"gate a report no older than {max_age.days} days",
            found=f"it is of {report.clock.finished}",
            todo="run again",
        )
    decision = _again(report, seal, sealed)
    if decision != report.decision:
        raise EvidenceError(
            "make the decision again from the report's estimates",
            found=f"{decision.verdict.value}, the report states {report.decision.verdict.value} or other reasons",
            todo="the report was altered, or another version of visavox wrote it; run again",
        )
    return _with_other_runs(report, seal, decision)._replace(warnings=_left_over(folder))


def read_report(out: str | Path) -> Report:
    """The report of a finished run.

    Raises:
        EvidenceError: there is none, or it cannot be read.
    """
    path = Path(out) / "report.json"
    try:
        data = path.read_bytes()
    except OSError as error:
        todo = "run the suite to its end: visavox run SUITE --out DIR"
        begun = (path.parent / "seal.json").exists()
        found = "the run there is not finished" if begun else "there is no run in that folder"
        raise EvidenceError(f"read the report in {out}", found=found, todo=todo) from error
    return parse_report(data)


def _left_over(folder: RunFolder) -> tuple[str, ...]:
    """What a run that was ended after its report stood had still to remove."""
    if not any(part.media.exists() or part.templates.exists() for part in folder.parts()):
        return ()
    try:
        is_kept = folder.read_json(folder.suite)["execution"]["retention"] == "all"
    except (EvidenceError, KeyError, TypeError):
        is_kept = False
    return () if is_kept else ("media and templates are still there; the same `visavox run` finishes it",)


def _with_other_runs(report: Report, seal: Seal, decision: Decision) -> GateResult:
    """A PASS beside a FAIL of the same artifact, data and policy, earlier or later, is no PASS."""
    own = RegisteredRun(
        run=report.clock.run,
        seal=report.seal.sha256,
        artifact=seal.artifact,
        dataset=seal.dataset,
        policy=seal.policy,
        smoke=seal.smoke,
        at=report.clock.finished,
    )
    stated = [RegisteredRun.model_validate(dict(row)) for row in report.clock.earlier_runs]
    failed = {run.run: run for run in blocking([*stated, *Register().earlier(own)], seal.policy)}
    if decision.verdict is Verdict.PASS and failed:
        last = list(failed.values())[-1]
        reason = (
            f"{len(failed)} other run(s) of the same model, data and policy ended FAIL, the last of {last.at} "
            f"(run {last.run[:8]})"
        )
        return GateResult(Verdict.INCONCLUSIVE, (reason,), report)
    return GateResult(decision.verdict, decision.reasons, report)


def _again(report: Report, seal: Seal, policy: Policy) -> Decision:
    facts = Facts(report.subject.tool_class, report.results, seal.judges, report.dataset, seal.smoke)
    return judge(policy, seal.cells, facts)


def _sealed_policy(folder: RunFolder, seal: Seal) -> Policy:
    try:
        loaded = parse_policy(folder.policy.read_text("utf-8"), what="policy.yaml")
    except (OSError, UnicodeDecodeError, ConfigError) as error:
        raise EvidenceError(f"read the sealed policy in {folder.root}", found=str(error), todo="run again") from error
    if loaded.digest != seal.policy:
        raise EvidenceError(
            f"check the policy of {folder.root}",
            found=f"policy.yaml has {loaded.digest[:16]}, the seal {seal.policy[:16]}",
            todo="the policy was changed after the seal; run again in a new folder",
        )
    return loaded.policy


def _refuse_other_cells(folder: RunFolder, report: Report, seal: Seal, policy: Policy) -> None:
    """The sealed cells are all that the policy asks: of each of the plan's modalities, and of every sealed judge once.

    Raises:
        EvidenceError: a control, a judge or a modality is missing, or there is one too many.
    """
    plan = folder.read_json(folder.plan)
    try:
        modalities = [Modality(name) for name in ([plan["modality"]] if "modality" in plan else plan)]
    except ValueError as error:
        raise EvidenceError(f"read the plan of {folder.root}", found=str(error), todo="run again") from error
    only = modalities[0] if len(modalities) == 1 else None  # cells of older seals name no modality
    found = {cell.model_copy(update={"modality": cell.modality or only}) for cell in seal.cells}
    ids = {cell.control for cell in found}
    claims = [control.claim for control in policy.controls if control.claim is not None and control.id in ids]
    of_detectors = {control.id for control in policy.controls if control.asks_detectors}
    wanted: set[Cell] = set()
    judged: list[str] = []
    for modality in modalities:
        own = {c.recogniser for c in found if c.modality is modality and c.control not in of_detectors} - {""}
        detectors = [card.id for card in seal.detectors if card.modality is modality]
        cells = plan_cells(
            policy, report.subject.tool_class, sorted(own), claims, modality=modality, detectors=detectors
        )
        wanted.update(cells)
        judged += own
    if found != wanted or (judged and sorted(judged) != sorted(card.id for card in seal.judges)):
        raise EvidenceError(
            f"check the cells of {folder.root}",
            found="the seal leaves out, or adds, something that its policy asks of the plan's media and the judges",
            todo="the run was altered after it was sealed; run again in a new folder",
        )


def _plan_digest(folder: RunFolder) -> str:
    return sha256_json(folder.read_json(folder.plan))


def _cards_digest(cards: Sequence[JudgeCard | DetectorCard]) -> str:
    return sha256_json([card.model_dump(mode="json") for card in cards])
