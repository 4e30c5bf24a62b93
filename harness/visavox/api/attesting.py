"""Attestations of a run: read beside it, judged at its end, copied into its folder, held against the copies later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, NamedTuple

from visavox.core.config import Suite
from visavox.core.digest import canonical_json, sha256_file
from visavox.core.errors import ConfigError, EvidenceError, UsageError
from visavox.core.report import AttestationCard, Report
from visavox.core.strict_json import read_evidence
from visavox.core.terms import AttestationVerdict, DutyRole, Modality, ToolClass
from visavox.engine.folder import RunFolder
from visavox.evidence.inline_signature import public_text, signer_of
from visavox.evidence.keys import load_signer, passphrase
from visavox.policy.attestations import (
    Attestation,
    Evidence,
    Signature,
    Statement,
    card_of,
    differs,
    parse_attestation,
    read_statements,
)
from visavox.policy.load import load_policy
from visavox.policy.records import Control, Duties, Policy
from visavox.policy.statements import missing_card

FOLDER: Final = "attestations"
"""Where a run folder keeps copies of what was attested."""


class Attested(NamedTuple):
    """What was attested of a policy's controls, and the files that say so."""

    cards: tuple[AttestationCard, ...]
    statements: tuple[Statement, ...]


class Asked(NamedTuple):
    """A control that asks for a statement, and what there is."""

    control: Control
    card: AttestationCard


def today() -> date:
    """The day by Coordinated Universal Time."""
    return datetime.now(UTC).date()


def attested(suite: Suite, policy: Policy) -> Attested:
    """The suite's attestations, each judged today.

    Raises:
        ConfigError: an attestation is faulty.
    """
    return attested_at(suite.attestations, policy, Duties.of(suite))


def attested_at(places: Sequence[str | Path], policy: Policy, duties: Duties) -> Attested:
    """The attestations in files or folders, each judged today.

    Raises:
        ConfigError: an attestation is faulty.
    """
    controls = {control.id: control for control in policy.controls}
    statements = read_statements(places, policy, today=today())
    cards = []
    for one in statements:
        signed_by, fault = _signer(one.attestation)
        card = card_of(one, controls[one.attestation.control], duties, today=today(), signed_by=signed_by)
        if fault:
            card = card.model_copy(update={"verdict": AttestationVerdict.EVIDENCE_CHANGED, "reason": fault})
        cards.append(card)
    return Attested(tuple(cards), statements)


def attested_at_end(suite: Suite, policy: Policy) -> Attested:
    """As `attested`, of a run whose figures stand: a fault that came meanwhile loses the statements, not the run."""
    try:
        return attested(suite, policy)
    except ConfigError as error:
        reason = f"when the run ended its file could not be read: {error.found}"
        lost = [missing_card(control) for control in policy.controls if control.is_attested]
        return Attested(tuple(card.model_copy(update={"reason": reason}) for card in lost), ())


def _signer(one: Attestation) -> tuple[tuple[str, ...], str]:
    """The id of the key that signed an attestation, if one did, and what is wrong with its signature."""
    if one.signature is None:
        return (), ""
    found = signer_of(one.signature.public_key, one.signature.sig, canonical_json(one.signed_part()))
    if found is None or found != one.signature.keyid:
        return (), "its signature does not hold: it was changed after it was signed, or the key is another"
    return (found,), ""


def keep(folder: RunFolder, found: Attested) -> None:
    """Copies the attestations into the run folder, by control."""
    if not found.statements:
        return
    (folder.root / FOLDER).mkdir(mode=0o700, exist_ok=True)
    for one in found.statements:
        folder.write(folder.root / FOLDER / f"{one.attestation.control}.yaml", one.data)


def check_attestations(out: Path, report: Report, policy: Policy) -> None:
    """Holds a report's attestations against the copies in its run folder; evidence that they rest on is elsewhere.

    Raises:
        EvidenceError: a copy is absent, or the report says otherwise than it.
    """
    controls = {control.id: control for control in policy.controls}
    duties = Duties(report.role, report.public_opinion_attribute)
    for card in report.attestations:
        if card.verdict is AttestationVerdict.MISSING and not card.digest:
            continue
        asked = f"check the attestation of {card.id}"
        path = out / FOLDER / f"{card.id}.yaml"
        data = read_evidence(path)
        try:
            copy = Statement(parse_attestation(data, what=path.name), path, data)
        except ConfigError as error:
            raise EvidenceError(asked, found=error.found, todo="run again") from error
        fault = "the policy has no such control" if card.id not in controls else ""
        fault = fault or differs(card, copy, policy, controls[card.id], duties)
        signers, broken = _signer(copy.attestation)
        if card.verdict is AttestationVerdict.ATTESTED and not fault:
            fault = broken or ("" if signers == card.signed_by else "the report names other keys than its copy")
        if fault:
            raise EvidenceError(asked, found=fault, todo="the folder was altered; run again")


def refuse_expired_attestations(report: Report) -> None:
    """Raises EvidenceError where an attestation that a control rests on has expired since the run, or has not begun."""
    stated = [card for control in report.decision.controls for card in control.attestations]
    for card in stated:
        if card.verdict is not AttestationVerdict.ATTESTED:
            continue
        is_over = date.fromisoformat(card.expires) < today()
        if is_over or date.fromisoformat(card.date) > today():
            raise EvidenceError(
                f"check the attestation of {card.id}",
                found=f"it expired on {card.expires}" if is_over else f"its date {card.date} lies in the future",
                todo="have it attested anew, and run the suite again",
            )


def statements_asked(
    policy: Policy,
    found: Attested,
    *,
    duties: Duties = Duties(),  # noqa: B008 - immutable
    tool_classes: Iterable[ToolClass] = tuple(ToolClass),
    modalities: Iterable[Modality] = tuple(Modality),
) -> tuple[Asked, ...]:
    """Every control that asks for a statement about one of such tools, and what there is."""
    cards = {card.id: card for card in found.cards}
    return tuple(
        Asked(control, cards.get(control.id) or missing_card(control))
        for control in policy.controls
        if control.is_attested
        and any(control.binds(tool_class, duties) for tool_class in tool_classes)
        and {*control.modalities} & {*modalities}
    )


def draft_attestation(
    policy: str,
    control: str,
    *,
    owner: str,
    evidence: tuple[Path, ...],
    out: Path,
    expires: date,
    role: DutyRole = DutyRole.BOTH,
    language: str = "en",
    remarks: str = "",
    key: Path | None = None,
) -> Attestation:
    """An attestation of a control with the policy's own words, dated today; evidence lies beside ``out`` or below.

    Raises:
        UsageError: the policy asks nobody to attest the control, a file of evidence is absent or lies elsewhere, or
            the dates do not fit.
        EvidenceError: the key cannot be used.
    """
    loaded = load_policy(policy).policy
    found = next((one for one in loaded.controls if one.id == control), None)
    asked = f"attest {control} under {loaded.id}"
    if found is None or found.statement is None:
        names = ", ".join(one.id for one in loaded.controls if one.is_attested) or "nothing"
        raise ConfigError(asked, found="the policy asks nobody to attest it", todo=f"it asks for: {names}")
    if expires < today():
        raise UsageError(asked, found=f"it would have expired on {expires}", todo="name a later day")
    base = out.resolve().parent
    words = found.statement.zh if language == "zh" and found.statement.zh else found.statement.en
    made = Attestation(
        policy=loaded.id,
        control=control,
        statement=words,
        owner=owner,
        evidence=tuple(_evidence(path, base, asked) for path in evidence),
        date=today().isoformat(),
        expires=expires.isoformat(),
        applies_to_role=role,
        remarks=remarks,
    )
    return made if key is None else signed(made, key)


def signed(one: Attestation, key: Path) -> Attestation:
    """An attestation with the signature of a private key's owner.

    Raises:
        EvidenceError: the key cannot be used.
    """
    signer = load_signer(key, passphrase=passphrase())
    made = signer.sign(canonical_json(one.signed_part()))
    signature = Signature(keyid=made.keyid, public_key=public_text(signer), sig=made.signature)
    return one.model_copy(update={"signature": signature})


def write_attestation(one: Attestation, out: Path) -> None:
    """Writes an attestation as YAML, never over a file.

    Raises:
        UsageError: there is a file already, or it cannot be written.
    """
    asked = f"write the attestation {out}"
    text = "".join(f"{name}: {_yaml(value)}\n" for name, value in one.model_dump(mode="json").items() if value)
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise UsageError(asked, found="there is such a file", todo="name another with --out, or remove it") from error
    except OSError as error:
        raise UsageError(asked, found=error.strerror or str(error), todo="name a file that can be written") from error


def _yaml(value: object) -> str:
    """A JSON value is YAML; a list stands one item a line."""
    if isinstance(value, list):
        return "".join(f"\n  - {json.dumps(item, ensure_ascii=False)}" for item in value)
    return json.dumps(value, ensure_ascii=False)


def _evidence(path: Path, base: Path, asked: str) -> Evidence:
    real = path.resolve()
    if not real.is_file():
        raise UsageError(asked, found=f"{path}: there is no such file", todo="name the files that show it")
    if not real.is_relative_to(base):
        raise UsageError(
            asked, found=f"{path} lies outside {base}", todo="keep evidence beside the attestation, or below it"
        )
    return Evidence(path=real.relative_to(base).as_posix(), sha256=sha256_file(real))
