"""Signing a finished run: what its attestation says, and who may add a signature to it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visavox.api.gate_evidence import Evidence
from visavox.api.gating import check_run
from visavox.api.kept_journal import journal_digest
from visavox.api.recomputing import recompute
from visavox.api.verifying import refuse_other_figures
from visavox.core.config import Suite
from visavox.core.digest import sha256_bytes, sha256_file, sha256_json
from visavox.core.errors import EvidenceError
from visavox.core.report import Decision, Report
from visavox.core.strict_json import read_evidence, strict_json
from visavox.core.terms import ControlKind, Severity, Verdict
from visavox.engine.folder import RunFolder
from visavox.engine.kept_scores import trial_tables
from visavox.evidence.envelope import ATTESTATION, ReadEnvelope, parse_payload, read_envelope, signed
from visavox.evidence.keys import load_signer, passphrase
from visavox.evidence.model_files import ModelFiles, model_files, named_files, subject_of
from visavox.evidence.statement import (
    Assessment,
    AttestedControl,
    ControlVerdict,
    File,
    Named,
    Resource,
    Statement,
    TestResult,
    statement_bytes,
)


def sign(out: str | Path, key: str | Path, *, model: str | Path | None = None) -> Path:
    """Signs a finished run, or adds a signature to those that it has; gives the attestation's path.

    What a gate would refuse is not signed. A second signer signs the same statement, byte by byte.

    Args:
        out: the run folder.
        key: the file of a private key; its passphrase comes from the environment.
        model: the model's file or folder, whose files the statement names; by default the suite's artifact where it is
            at hand, else the files that an earlier signer named.

    Raises:
        EvidenceError: the run's evidence is at fault, the model is not the one that was assessed, the key cannot be
            used, or the folder has changed since it was first signed.
    """
    folder = RunFolder(Path(out))
    signer = load_signer(Path(key), passphrase=passphrase())
    run = check_run(folder.root)
    path = folder.root / ATTESTATION
    with _alone(folder):
        earlier = read_envelope(path) if path.exists() else None
        payload = statement_bytes(_statement(run, model=model, earlier=earlier))
        if earlier is not None and earlier.envelope.payload != payload:
            raise EvidenceError(
                f"add a signature to {path}",
                found="what it says is not what the run folder holds now",
                todo="find out what changed; to have the run signed anew, remove the attestation first",
            )
        refuse_other_figures(run, recompute(run))  # last: it takes longest
        folder.write(path, signed(payload, signer, () if earlier is None else earlier.signatures))
    return path


@contextmanager
def _alone(folder: RunFolder) -> Iterator[None]:
    """Two signers at once: the second waits, and then sees the first one's signature."""
    handle = os.open(folder.report, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _statement(run: Evidence, *, model: str | Path | None, earlier: ReadEnvelope | None) -> Statement:
    folder, report = run.folder, run.report
    files = _files_of_model(folder, report, model=model, earlier=earlier)
    assessment = assessment_of(folder, report, report_digest=sha256_bytes(run.data))
    name = f"{report.subject.name} {report.subject.version}".strip() or "model"
    return Statement(
        subject=subject_of(name, report.subject.digest.sha256, files),
        predicate=_test_result(folder, report, assessment),
    )


def assessment_of(folder: RunFolder, report: Report, *, report_digest: str) -> Assessment:
    """What an attestation of this folder says now, by digests of what lies there.

    Raises:
        EvidenceError: a file cannot be read.
    """
    return Assessment(
        verdict=report.decision.verdict,
        controls=tuple(ControlVerdict(id=one.id, verdict=one.verdict) for one in report.decision.controls),
        smoke=report.smoke,
        artifact=report.subject.digest.sha256,
        report=report_digest,
        decision=decision_digest(report.decision),
        seal=report.seal.sha256,
        suite=report.suite.sha256,
        plan=report.plan.sha256,
        dataset=report.dataset.digest.sha256,
        policy=Named(id=report.policy.id, sha256=report.policy.digest.sha256),
        judges=tuple(Named(id=card.id, sha256=card.digest) for card in report.judges),
        detectors=tuple(Named(id=card.id, sha256=card.digest) for card in report.detectors),
        attestations=tuple(
            AttestedControl(id=card.id, verdict=card.verdict, sha256=card.digest) for card in report.attestations
        ),
        journal=journal_digest(folder),
        files=trial_files(folder),
        run=report.clock.run,
        finished=report.clock.finished,
        visavox=report.environment.visavox,
    )


def decision_digest(decision: Decision) -> str:
    """SHA-256 of a decision's canonical JSON."""
    return sha256_json(decision.model_dump(mode="json"))


def trial_files(folder: RunFolder) -> tuple[File, ...]:
    """Every table of trial-level figures of a run, with its digest, by path.

    Raises:
        EvidenceError: one cannot be read.
    """
    try:
        return tuple(File(path=path, sha256=sha256_file(folder.root / path)) for path in sorted(trial_tables(folder)))
    except OSError as error:
        raise EvidenceError(
            f"read the scores in {folder.root}", found=str(error), todo="is this the folder of a finished run?"
        ) from error


def _files_of_model(
    folder: RunFolder, report: Report, *, model: str | Path | None, earlier: ReadEnvelope | None
) -> tuple[File, ...]:
    """The model's files: of a model that the caller names, else as the run listed them, else as an earlier signer did.

    A single file is listed nowhere in the folder: it is named where the suite's artifact is at hand.
    """
    artifact = report.subject.digest.sha256
    if model is None and folder.model.exists():
        return _listed(folder, artifact)
    if model is None and earlier is not None:
        before = parse_payload(earlier.envelope.payload, asked=f"read the statement in {folder.root / ATTESTATION}")
        return tuple(_file(one) for one in before.files)
    place = Path(model) if model is not None else _artifact_of(folder)
    if place is None:
        return ()
    found: ModelFiles = model_files(place)
    if found.artifact != artifact:
        raise EvidenceError(
            f"sign for the model {place}",
            found=f"it has {found.artifact[:16]}, the run assessed {artifact[:16]}",
            todo="the model has changed since: assess it again, or name the one that was assessed with --model",
        )
    return found.files


def _listed(folder: RunFolder, artifact: str) -> tuple[File, ...]:
    rows = strict_json(read_evidence(folder.model), what=folder.model.name)
    if sha256_json(rows) != artifact:
        raise EvidenceError(
            f"read {folder.model.name} of {folder.root}",
            found="it is not the list of the model that was assessed",
            todo="it was altered after the run was sealed; run again in a new folder",
        )
    return named_files([(str(name), str(digest)) for name, digest in rows])


def _file(resource: Resource) -> File:
    return File(path=resource.name, sha256=resource.digest.sha256)


def _artifact_of(folder: RunFolder) -> Path | None:
    """Where the suite says that the model lies, if it is there."""
    stated = getattr(Suite.model_validate(folder.read_json(folder.suite)).editor, "artifact", None)
    return Path(stated) if stated is not None and Path(stated).exists() else None


def _test_result(folder: RunFolder, report: Report, assessment: Assessment) -> TestResult:
    """Controls as tests, but those only disclosed, and statements that hold: they are never shown as tested."""
    passed: list[str] = []
    warned: list[str] = []
    failed: list[str] = []
    for control in report.decision.controls:
        if control.severity is Severity.DISCLOSE:
            continue
        if control.verdict is not Verdict.PASS:
            (failed if control.severity is Severity.FAIL else warned).append(control.id)
        elif control.kind is not ControlKind.ATTESTATION:
            passed.append(control.id)
    is_pass = report.decision.verdict is Verdict.PASS
    configuration = tuple(
        Resource.model_validate({"name": path.name, "digest": {"sha256": sha256_file(path)}})
        for path in (folder.suite, folder.policy, folder.plan, folder.seal)
    )
    return TestResult(
        result="FAILED" if not is_pass else "WARNED" if warned else "PASSED",
        configuration=configuration,
        passed_tests=tuple(passed),
        warned_tests=tuple(warned),
        failed_tests=tuple(failed),
        visavox_assessment=assessment,
    )
