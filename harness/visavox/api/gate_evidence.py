"""What a gate asks of a run folder: its files are of one sealed run, whole, and agree with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from visavox.api.clock import when
from visavox.core.config import Suite, comparable_suite
from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError, EvidenceError
from visavox.core.report import Cell, DetectorCard, JudgeCard, Report
from visavox.core.strict_json import read_evidence, strict_json, strict_json_object
from visavox.core.terms import Modality
from visavox.engine.folder import RunFolder
from visavox.engine.plan import Plan
from visavox.evidence.seal import Seal, parse_seal
from visavox.policy.judge import plan_cells
from visavox.policy.load import parse_policy
from visavox.policy.records import Duties, Policy
from visavox.reporting.schema import parse_report

CLOCK_SKEW: Final = timedelta(minutes=10)
_AGAIN: Final = "the run was altered after it was sealed; run again in a new folder"
_MOST_OF_A_PLAN: Final = 256 << 20


class Evidence(NamedTuple):
    """A run folder's files, read once; ``data`` are the bytes of report.json that everything else was held against."""

    folder: RunFolder
    data: bytes
    report: Report
    seal: Seal
    policy: Policy
    suite: Suite
    suite_digest: str
    plans: Mapping[Modality, Plan]

    @property
    def duties(self) -> Duties:
        """Whose duties bind, as sealed."""
        return Duties(self.seal.role, self.seal.public_opinion_attribute)


def read_report(out: str | Path) -> Report:
    """The report of a finished run.

    Raises:
        EvidenceError: there is none, or it cannot be read.
    """
    return _report(Path(out))[1]


def read_run(out: str | Path) -> Evidence:
    """The evidence of a finished run, held against its seal.

    Raises:
        EvidenceError: a file is absent, unreadable or altered, or of another run.
    """
    folder = RunFolder(Path(out))
    data, report = _report(folder.root)
    seal = parse_seal(strict_json_object(folder.seal))
    plan = strict_json_object(folder.plan, most=_MOST_OF_A_PLAN)
    run = Evidence(folder, data, report, seal, _policy(folder, seal), *_suite(folder), _plans(plan))
    _refuse_other_digests(run, sha256_json(plan))
    _refuse_other_subject(run)
    _refuse_doubled_results(run.report)
    _refuse_other_people(run)
    _refuse_other_cells(run)
    return run


def refuse_age(report: Report, max_age: timedelta | None) -> None:
    """Raises EvidenceError where a report is of the future, or older than it may be."""
    finished, started, now = _time(report.clock.finished), _time(report.clock.started), datetime.now(UTC)
    if finished > now + CLOCK_SKEW or started > finished + CLOCK_SKEW:
        raise EvidenceError(
            "check the time of the report",
            found=f"begun {report.clock.started}, finished {report.clock.finished}, now it is {now.isoformat()}",
            todo="a report is not of the future; run again",
        )
    if max_age is not None and now - finished > max_age:
        raise EvidenceError(
            f"gate a report no older than {max_age.days} days",
            found=f"it is of {report.clock.finished}",
            todo="run again",
        )


def _time(text: str) -> datetime:
    try:
        found = when(text)
    except ValueError as error:
        raise EvidenceError("read the time of the report", found=str(error), todo="run again") from error
    if found.tzinfo is None:
        raise EvidenceError("read the time of the report", found=f"{text} names no time zone", todo="run again")
    return found


def _report(root: Path) -> tuple[bytes, Report]:
    try:
        data = read_evidence(root / "report.json")
    except EvidenceError as error:
        if (root / "report.json").exists() or (root / "report.json").is_symlink():
            raise
        todo = "run the suite to its end: visavox run SUITE --out DIR"
        begun = (root / "seal.json").exists()
        found = "the run there is not finished" if begun else "there is no run in that folder"
        raise EvidenceError(f"read the report in {root}", found=found, todo=todo) from error
    strict_json(data, what="the report")
    return data, parse_report(data)


def _policy(folder: RunFolder, seal: Seal) -> Policy:
    try:
        loaded = parse_policy(read_evidence(folder.policy).decode("utf-8"), what="policy.yaml")
    except (UnicodeDecodeError, ConfigError) as error:
        raise EvidenceError(f"read the sealed policy in {folder.root}", found=str(error), todo="run again") from error
    if loaded.digest != seal.policy:
        raise EvidenceError(
            f"check the policy of {folder.root}",
            found=f"policy.yaml has {loaded.digest[:16]}, the seal {seal.policy[:16]}",
            todo="the policy was changed after the seal; run again in a new folder",
        )
    return loaded.policy


def _suite(folder: RunFolder) -> tuple[Suite, str]:
    """The suite, and its digest by what the version that ran it wrote."""
    value = strict_json_object(folder.suite)
    try:
        return Suite.model_validate(value), sha256_json(comparable_suite(value))
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(
            f"read the suite of {folder.root}", found=str(error)[:500], todo="use the version of visavox that wrote it"
        ) from error


def _plans(plan: dict[str, Any]) -> dict[Modality, Plan]:
    """The plan of each modality: ``plan.json`` holds one plan, or several by name."""
    parts = {plan["modality"]: plan} if "modality" in plan else plan
    try:
        found = {Modality(name): Plan.model_validate(part) for name, part in parts.items()}
    except (ValueError, TypeError) as error:
        raise EvidenceError("read plan.json", found=str(error)[:500], todo="run again") from error
    if not found or any(part.modality is not name for name, part in found.items()):
        raise EvidenceError("read plan.json", found="it plans nothing, or for another modality", todo="run again")
    return found


def _refuse_other_digests(run: Evidence, plan: str) -> None:
    report, seal = run.report, run.seal
    is_smoke = any(part.limit is not None for part in run.plans.values())
    for what, stated, found in (
        ("seal", report.seal.sha256, seal.digest()),
        ("plan", report.plan.sha256, seal.plan),
        ("plan", seal.plan, plan),
        ("policy", report.policy.digest.sha256, seal.policy),
        ("policy", report.policy.id, run.policy.id),
        ("suite", report.suite.sha256, seal.suite),
        ("suite", seal.suite, run.suite_digest),
        ("model", report.subject.digest.sha256, seal.artifact),
        ("data set", report.dataset.digest.sha256, seal.dataset),
        ("judges", _cards(report.judges), _cards(seal.judges)),
        ("detectors", _cards(report.detectors), _cards(seal.detectors)),
        ("role", _duties(report), _duties(seal)),
        ("role", _duties(seal), _duties(run.suite)),
        ("extent", f"smoke: {report.smoke}", f"smoke: {seal.smoke}"),
        ("extent", f"smoke: {seal.smoke}", f"smoke: {is_smoke}"),
    ):
        if stated != found:
            raise EvidenceError(
                f"check the {what} of {run.folder.root}",
                found=f"the report says {stated[:16]}, the run folder {found[:16]}",
                todo=_AGAIN,
            )
    for what, listed, made in (
        ("instruments", report.instruments, tuple(item for result in report.results for item in result.instruments)),
        ("figures not made", report.not_made, tuple(item for result in report.results for item in result.not_made)),
    ):
        if listed != made:
            raise EvidenceError(f"check the {what} of the report", found="its two lists differ", todo="run again")


def _refuse_other_subject(run: Evidence) -> None:
    """The model and what it is for are the suite's; the tool class decides which controls bind."""
    subject, editor = run.report.subject, run.suite.editor
    operations = {editor.operation, *(plan.operation for plan in run.plans.values())}
    named = run.report.suite_name in {"", run.suite.name}
    wanted = (editor.name, editor.version, editor.kind, editor.tool_class, editor.trained_with)
    found = (subject.name, subject.version, subject.kind, subject.tool_class, subject.trained_with)
    if wanted != found or subject.operation not in operations or not named:
        raise EvidenceError(
            f"check the subject of {run.folder.root}",
            found=f"the report speaks of {subject.name} {subject.version} ({subject.tool_class.value}), "
            f"its suite of {editor.name} {editor.version} ({editor.tool_class.value})",
            todo=_AGAIN,
        )
    if any(plan.tool_class is not editor.tool_class for plan in run.plans.values()):
        raise EvidenceError(f"check the plan of {run.folder.root}", found="it is of another tool class", todo=_AGAIN)


def _refuse_doubled_results(report: Report) -> None:
    """An assessment speaks once of a modality: of two results one would be held against the scores, both decide."""
    named = Counter((result.assessment, result.modality.value) for result in report.results)
    doubled = [f"{assessment} of {modality}s" for (assessment, modality), n in named.items() if n > 1]
    if doubled:
        raise EvidenceError("read the results of the report", found=f"{doubled[0]} stands twice", todo=_AGAIN)


def _refuse_other_people(run: Evidence) -> None:
    """Every modality was planned, and the report counts the people of the plan, and their consent in the whole."""
    summaries = run.report.dataset.parts or (run.report.dataset,)
    stated = {part.modality: (part.n_subjects, part.n_test_subjects, part.n_test_samples) for part in summaries}
    planned: dict[Modality | None, tuple[int, int, int]] = {
        modality: (plan.n_people, len({sample.person for sample in plan.samples}), len(plan.samples))
        for modality, plan in run.plans.items()
    }
    if stated != planned or {result.modality for result in run.report.results} != set(planned):
        raise EvidenceError(
            f"check the people of {run.folder.root}",
            found=f"the report counts {_counts(stated)}, its plan {_counts(planned)}; or a modality has no result",
            todo=_AGAIN,
        )
    consent: Counter[str] = Counter()
    for part in summaries:
        consent.update({name: int(str(count)) for name, count in part.consent})
    whole = {name: int(str(count)) for name, count in run.report.dataset.consent}
    if whole != dict(consent):
        raise EvidenceError(
            f"add up the consent of {run.folder.root}",
            found=f"the report counts {whole}, its parts {dict(consent)}",
            todo=_AGAIN,
        )


def _counts(found: Mapping[Modality | None, tuple[int, int, int]]) -> str:
    return "; ".join(f"{name}: {people} people, {tested} tested, {n} recordings"
                     for name, (people, tested, n) in found.items())  # fmt: skip


def _refuse_other_cells(run: Evidence) -> None:
    """The sealed cells are all that the policy asks: of each of the plan's modalities, and of every sealed judge once.

    Raises:
        EvidenceError: a control, a judge or a modality is missing, or there is one too many.
    """
    seal, policy = run.seal, run.policy
    modalities = list(run.plans)
    only = modalities[0] if len(modalities) == 1 else None  # cells of older seals name no modality
    found = {cell.model_copy(update={"modality": cell.modality or only}) for cell in seal.cells}
    of_detectors = {control.id for control in policy.controls if control.asks_detectors}
    wanted: set[Cell] = set()
    judged: list[str] = []
    for modality in modalities:
        own = {c.recogniser for c in found if c.modality is modality and c.control not in of_detectors} - {""}
        detectors = [card.id for card in seal.detectors if card.modality is modality]
        cells = plan_cells(
            policy,
            run.report.subject.tool_class,
            sorted(own),
            run.suite.claims,
            modality=modality,
            detectors=detectors,
            duties=run.duties,
        )
        wanted.update(cells)
        judged += own
    if found != wanted or (judged and sorted(judged) != sorted(card.id for card in seal.judges)):
        raise EvidenceError(
            f"check the cells of {run.folder.root}",
            found="the seal leaves out, or adds, something that its policy asks of the plan's media and the judges",
            todo=_AGAIN,
        )


def _duties(record: Report | Seal | Suite) -> str:
    return f"{record.role.value} {record.public_opinion_attribute}"


def _cards(cards: Sequence[JudgeCard | DetectorCard]) -> str:
    return sha256_json([card.model_dump(mode="json") for card in cards])
