"""Whether those whom the caller trusts have signed this very run: its report, seal, journal and tables of scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from visavox.api.gate_evidence import Evidence
from visavox.core.digest import sha256_bytes
from visavox.core.errors import EvidenceError
from visavox.core.strict_json import read_evidence
from visavox.evidence.envelope import ATTESTATION, check_envelope
from visavox.evidence.statement import Assessment


class Signatures(NamedTuple):
    """Ids of the trusted keys that signed, what was not checked, in words, and SHA-256 of the attestation checked."""

    signers: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    attestation_sha256: str = ""


def check_signatures(run: Evidence, attestation: Path | None, trusted_keys: Sequence[Path]) -> Signatures:
    """Where trusted keys are given, as many of them as the policy asks for have to have signed what lies here now.

    Raises:
        EvidenceError: no signature where one is asked for, too few, of others, or of something else than this run.
    """
    path = attestation or run.folder.root / ATTESTATION
    if not trusted_keys:
        return _unsigned(run, attestation, path)
    if not path.exists():
        raise EvidenceError(
            f"check the signature of {run.folder.root}",
            found=f"it is not signed: there is no {path.name}",
            todo="have it signed: visavox sign DIR --key K; or name its attestation with --attestation",
        )
    checked = check_envelope(path, trusted_keys, min_signers=run.policy.min_signers)
    _refuse_other_run(run, path, checked.statement.assessment)
    signers = tuple(signer.keyid for signer in checked.signers)
    return Signatures(signers, attestation_sha256=sha256_bytes(read_evidence(path)))


def _unsigned(run: Evidence, attestation: Path | None, path: Path) -> Signatures:
    asked = f"check the signature of {run.folder.root}"
    if run.policy.require_signature:
        raise EvidenceError(
            asked,
            found=f"the policy {run.policy.id} requires one, and no trusted key was named",
            todo="name whom you trust: --trusted-keys K.pub",
        )
    if attestation is not None:
        raise EvidenceError(
            asked,
            found="an attestation was named, and no trusted key",
            todo="name whom you trust: --trusted-keys K.pub",
        )
    there = " (there is one)" if path.exists() else ""
    return Signatures(not_checked=(f"who signed{there}: no --trusted-keys",))


def _refuse_other_run(run: Evidence, path: Path, signed: Assessment) -> None:
    from visavox.api.signing import assessment_of

    here = assessment_of(run.folder, run.report, report_digest=sha256_bytes(run.data))
    differing = [name for name in Assessment.model_fields if getattr(signed, name) != getattr(here, name)]
    if not differing:
        return
    what = ", ".join(name.replace("files", "tables of scores") for name in differing)
    whose = f"another run ({signed.run[:8]}, this is {here.run[:8]})" if signed.run != here.run else "this run"
    raise EvidenceError(
        f"match the attestation {path} to the run",
        found=f"it is of {whose}, and these differ from what lies here: {what}",
        todo="the folder was altered after it was signed, or the attestation is another run's",
    )
