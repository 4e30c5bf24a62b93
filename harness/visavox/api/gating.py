"""The gate: checks the evidence of a finished run, makes the decision again, gives the verdict. It fails closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from visavox.api.attesting import check_attestations
from visavox.api.gate_attested import check_attested
from visavox.api.gate_evidence import Evidence, read_report, read_run, refuse_age
from visavox.api.gate_ledgers import check_ledgers
from visavox.api.gate_model import check_model
from visavox.api.gate_signature import check_signatures
from visavox.core.digest import sha256_bytes
from visavox.core.errors import EvidenceError, UsageError, VisavoxError
from visavox.core.report import Decision, Report, Waiver
from visavox.core.terms import Verdict
from visavox.engine.folder import RunFolder
from visavox.evidence.seal import Register, RegisteredRun, blocking
from visavox.policy.judge import Facts, judge
from visavox.policy.load import load_policy, rules_digest
from visavox.policy.waivers import load_waivers, refuse_expired

__all__ = ["GateResult", "check_run", "gate", "read_report"]


class GateResult(NamedTuple):
    """What a release gate acts on; ``warnings`` change no verdict.

    Attributes:
        waivers: those without which the verdict would be another.
        signers: ids of the trusted keys that signed.
        not_checked: what the caller did not ask for, in words.
        report_sha256: of the very bytes of report.json that were gated.
        attestation_sha256: of the attestation that trusted keys have signed; empty where none was asked for.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    report: Report
    warnings: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    signers: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    report_sha256: str = ""
    attestation_sha256: str = ""


def gate(
    out: str | Path,
    *,
    policy: str | None = None,
    max_age: timedelta | None = None,
    model: Path | None = None,
    attestation: Path | None = None,
    trusted_keys: Sequence[Path] = (),
    waivers: Path | None = None,
    recompute: bool | None = None,
) -> GateResult:
    """Checks a finished run and gives its verdict.

    The decision is made again from the report's estimates, the sealed cells and the sealed policy, and has to be the
    one that the report states. Earlier failed runs of the same artifact and policy forbid a PASS, on whatever data,
    until a waiver names each.

    Args:
        out: the run folder.
        policy: name or path; another one than the sealed one is refused.
        max_age: an older report is refused.
        model: the model's file or folder, digested again.
        attestation: by default the one in the run folder, where ``trusted_keys`` are given.
        trusted_keys: files of public keys. Where some are given the run has to be signed by one of them, and by as
            many as its policy asks for.
        waivers: a YAML file.
        recompute: make every figure again from the run's tables of scores, which takes as long as it took the run; by
            default where no trusted key has signed, for then nothing else holds the figures.

    Raises:
        EvidenceError: absent, unreadable, altered, stale, expired or unsigned evidence, another policy or model.
    """
    try:
        return _gate(out, policy, max_age, model, attestation, trusted_keys, waivers, recompute)
    except UsageError as error:  # a file that cannot be read is refused evidence here, no wrong usage
        raise EvidenceError(error.asked, found=error.found, todo=error.todo) from error
    except VisavoxError:
        raise
    except Exception as error:
        raise EvidenceError(
            f"gate {out}",
            found=f"what no check foresaw: {type(error).__name__}: {' '.join(str(error).split())}"[:500],
            todo="nothing is passed that was not understood; please report this",
        ) from error


def check_run(out: str | Path) -> Evidence:
    """All that a gate asks of a run folder alone, whoever signed it and however old it is.

    Raises:
        EvidenceError: absent, unreadable or altered evidence.
    """
    run = read_run(out)
    check_ledgers(run)
    check_attestations(run.folder.root, run.report, run.policy)
    refuse_age(run.report, None)
    decision = _again(run)
    if decision != run.report.decision:
        stated = run.report.decision.verdict
        other = "on other figures or reasons than" if decision.verdict is stated else f"and not {stated.value}, as"
        raise EvidenceError(
            "make the decision again from the report's estimates",
            found=f"it is {decision.verdict.value}, {other} the report states",
            todo="the report was altered, or another version of visavox wrote it; run again",
        )
    return run


def _gate(
    out: str | Path,
    policy: str | None,
    max_age: timedelta | None,
    model: Path | None,
    attestation: Path | None,
    trusted_keys: Sequence[Path],
    waivers: Path | None,
    recompute: bool | None,
) -> GateResult:
    run = check_run(out)
    refuse_age(run.report, max_age)
    not_attested = check_attested(run)
    if policy is not None and load_policy(policy).digest != run.seal.policy:
        raise EvidenceError(
            f"gate under the policy {policy}",
            found=f"the run was sealed under {run.seal.policy_id} ({run.seal.policy[:16]})",
            todo="run the suite again under that policy",
        )
    signatures = check_signatures(run, attestation, trusted_keys)
    not_checked = [*signatures.not_checked, *not_attested]
    if policy is None:
        not_checked.append(f"whether {run.policy.id} is the policy that you mean: no --policy")
    if model is None:
        not_checked.append("which model is released: no --model")
    else:
        check_model(run, model)
    if max_age is None:
        not_checked.append("how old it is: no --max-age")
    if recompute or (recompute is None and not signatures.signers):
        _refuse_other_figures(run)
    else:
        not_checked.append("whether the scores give these figures: not recomputed")
    given = () if waivers is None else load_waivers(waivers)
    if signatures.signers:  # whoever can write a report can write waivers into it: they count where it is signed
        given = tuple(dict.fromkeys((*run.report.waivers, *given)))
    refuse_expired(given)
    return _with_other_runs(run, given)._replace(
        signers=signatures.signers,
        not_checked=tuple(not_checked),
        report_sha256=sha256_bytes(run.data),
        attestation_sha256=signatures.attestation_sha256,
    )


def _refuse_other_figures(run: Evidence) -> None:
    """A report that was edited in one piece with its decision, unsigned, still has not the figures of its scores."""
    from visavox.api.recomputing import recompute
    from visavox.api.verifying import refuse_other_figures

    refuse_other_figures(run, recompute(run))


def _again(run: Evidence) -> Decision:
    report, seal = run.report, run.seal
    facts = Facts(
        report.subject.tool_class,
        report.results,
        seal.judges,
        report.dataset,
        seal.smoke,
        run.duties,
        report.attestations,
    )
    return judge(run.policy, seal.cells, facts)


def _with_other_runs(run: Evidence, waivers: Sequence[Waiver]) -> GateResult:
    """A PASS beside a FAIL of the same artifact and policy, earlier or later, is no PASS unless that run is waived."""
    decision, warnings = run.report.decision, list(_left_over(run.folder))
    if decision.verdict is Verdict.PASS:
        _refuse_other_note(run)
    alike = _runs_of_the_model(run)
    failed = {one.run: one for one in blocking(alike, run.seal.policy, rules_digest(run.policy))}
    warnings += _elsewhere(alike, failed)
    named = {name for waiver in waivers for name in waiver.runs}
    for name in sorted(named - set(failed)):
        own = "this very run, whose verdict nothing waives" if name == run.report.clock.run else "no failed run of it"
        warnings.append(f"a waiver names {name}: {own}")
    used = tuple(waiver for waiver in waivers if set(waiver.runs) & set(failed))
    open_ = [run for name, run in failed.items() if name not in named]
    if decision.verdict is not Verdict.PASS or not open_:
        return GateResult(decision.verdict, decision.reasons, run.report, tuple(warnings), used)
    last = max(open_, key=lambda one: one.at)
    reason = (
        f"{len(open_)} other run(s) of the same model and policy ended FAIL, the last of {last.at} (run {last.run}), "
        "and no waiver names them"
    )
    return GateResult(Verdict.INCONCLUSIVE, (reason,), run.report, tuple(warnings), used)


def _refuse_other_note(run: Evidence) -> None:
    """A PASS of a run that this machine noted is the run that it noted: under the same seal, and never FAIL.

    Raises:
        EvidenceError: the register says otherwise.
    """
    seal, verdicts = run.seal.digest(), {"", Verdict.PASS.value}
    for note in Register().runs():
        if note.run == run.report.clock.run and (note.seal != seal or note.verdict not in verdicts):
            raise EvidenceError(
                f"check the run {note.run} in this machine's register",
                found=f"noted: {note.verdict or 'no verdict'} under the seal {note.seal[:16]}; "
                f"here: PASS under {seal[:16]}",
                todo="the folder was altered after the run ended; run again in a new folder",
            )


def _runs_of_the_model(run: Evidence) -> list[RegisteredRun]:
    """Other runs of the same artifact: those that the report states, and those on this machine."""
    own = run.report.clock.run
    try:
        stated = [RegisteredRun.model_validate(dict(row)) for row in run.report.clock.earlier_runs]
    except ValidationError as error:
        raise EvidenceError("read the report's earlier runs", found=str(error)[:500], todo="run again") from error
    return [one for one in (*stated, *Register().runs()) if one.artifact == run.seal.artifact and one.run != own]


def _elsewhere(alike: Sequence[RegisteredRun], failed: Mapping[str, RegisteredRun]) -> list[str]:
    """A FAIL under another policy blocks nothing, and nobody is to overlook it: the policy may have been loosened."""
    others = {one.run: one for one in alike if one.is_failed and one.run not in failed}
    if not others:
        return []
    last = max(others.values(), key=lambda one: one.at)
    return [
        f"{len(others)} run(s) of the same model ended FAIL under another policy, the last of {last.at} "
        f"(run {last.run}, policy {last.policy[:16]})"
    ]


def _left_over(folder: RunFolder) -> tuple[str, ...]:
    """What a run that was ended after its report stood had still to remove."""
    if not any(part.media.exists() or part.templates.exists() for part in folder.parts()):
        return ()
    try:
        is_kept = folder.read_json(folder.suite)["execution"]["retention"] == "all"
    except (EvidenceError, KeyError, TypeError):
        is_kept = False
    return () if is_kept else ("media and templates are still there; the same `visavox run` finishes it",)
