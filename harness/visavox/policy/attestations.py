"""Attestations: what an organisation states of itself, read from YAML, and what its word is worth on a day.

A statement is attested where it says what the policy asks, every file that it rests on is the one that it names, and
its time has not run out. It is never a test. Signatures are checked by whoever knows keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field, ValidationError, model_validator

from visavox.core.config import explain, read_yaml
from visavox.core.digest import sha256_bytes, sha256_file
from visavox.core.errors import ConfigError
from visavox.core.records import Record, Sha256
from visavox.core.report import AttestationCard, EvidenceFile
from visavox.core.terms import AttestationVerdict, DutyRole

from .records import Control, Duties, Policy

SUFFIXES: Final = (".yaml", ".yml")
MOST_BYTES: Final = 1 << 20
"""Of one attestation; its evidence may be larger."""
_Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
_Words = Annotated[str, Field(min_length=1, max_length=4000)]


class Evidence(Record):
    """A file below the attestation's own folder, and what it was when the statement was made."""

    path: Annotated[str, Field(min_length=1, max_length=500)]
    sha256: Sha256

    @model_validator(mode="after")
    def _stays(self) -> Evidence:
        path = PurePosixPath(self.path)
        if path.is_absolute() or ".." in path.parts or "\\" in self.path or "\0" in self.path:
            raise ValueError(f"{self.path!r} leaves the folder of the attestation; keep evidence beside it, or below")
        return self


class Signature(Record):
    """Over the canonical JSON of everything else; ``public_key`` is hexadecimal of Ed25519, or PEM."""

    keyid: Sha256
    public_key: Annotated[str, Field(max_length=4000)]
    sig: Annotated[str, Field(pattern=r"^[0-9a-f]{1,2000}$")]


class Attestation(Record):
    """One statement of one organisation about one control.

    Attributes:
        statement: word for word what the control asks, in English or Chinese; ``remarks`` are free.
        date, expires: the first and the last day on which it holds.
    """

    policy: Annotated[str, Field(min_length=1)]
    control: Annotated[str, Field(min_length=1)]
    statement: _Words
    owner: _Words
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1, max_length=200)]
    date: _Day
    expires: _Day
    applies_to_role: DutyRole = DutyRole.BOTH
    remarks: str = ""
    signature: Signature | None = None

    @model_validator(mode="after")
    def _in_time(self) -> Attestation:
        for name, day in (("date", self.date), ("expires", self.expires)):
            try:
                date.fromisoformat(day)
            except ValueError as error:
                raise ValueError(f"{name}: {day} is no day of the calendar") from error
        if self.expires < self.date:
            raise ValueError(f"expires: {self.expires} is before its date {self.date}")
        return self

    def signed_part(self) -> dict[str, Any]:
        """What a signature is over, as JSON values."""
        return self.model_dump(mode="json", exclude={"signature"})


class Statement(NamedTuple):
    """An attestation as it was read: its record, the file, and the file's bytes."""

    attestation: Attestation
    path: Path
    data: bytes


def find_files(places: Sequence[str | Path]) -> tuple[Path, ...]:
    """The YAML files that a suite names: each by itself, or all that lie right in a folder, by name.

    Raises:
        ConfigError: there is no such file or folder, or a folder without any.
    """
    found: list[Path] = []
    for place in map(Path, places):
        if place.is_dir():
            inside = sorted(path for path in place.iterdir() if path.suffix in SUFFIXES and path.is_file())
            if not inside:
                todo = "begin one: visavox attest CONTROL --policy P --out FILE"
                raise ConfigError(f"read the attestations in {place}", found="no .yaml file lies there", todo=todo)
            found += inside
        elif place.is_file():
            found.append(place)
        else:
            raise ConfigError(
                f"read the attestation {place}", found="there is no such file or folder", todo="correct `attestations`"
            )
    return tuple(dict.fromkeys(found))


def parse_attestation(data: bytes, *, what: str) -> Attestation:
    """An attestation from its YAML.

    Raises:
        ConfigError: naming every faulty key at once.
    """
    if len(data) > MOST_BYTES:
        raise ConfigError(f"read {what}", found=f"more than {MOST_BYTES} bytes", todo="evidence goes in other files")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"read {what}", found="it is no UTF-8", todo="store it as UTF-8") from error
    try:
        return Attestation.model_validate(read_yaml(text, what=what))
    except ValidationError as error:
        raise explain(error, what=what, schema="attestation") from error


def read_statements(places: Sequence[str | Path], policy: Policy, *, today: date) -> tuple[Statement, ...]:
    """The attestations of one policy; those of others are passed over.

    Raises:
        ConfigError: a file is faulty or of the future, two answer one control, or one answers a control that the
            policy does not have or that nobody can attest.
    """
    controls = {control.id: control for control in policy.controls}
    found: dict[str, Statement] = {}
    for path in find_files(places):
        asked = f"read the attestation {path}"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(asked, found=error.strerror or str(error), todo="check its rights") from error
        one = parse_attestation(data, what=path.name)
        if one.policy != policy.id:
            continue
        control = controls.get(one.control)
        if control is None or not control.is_attested:
            known = ", ".join(name for name, other in controls.items() if other.is_attested) or "none"
            why = "has no such control" if control is None else "tests that control, nobody attests it"
            raise ConfigError(asked, found=f"{one.control}: {policy.id} {why}", todo=f"attested are: {known}")
        if one.control in found:
            other = found[one.control].path.name
            raise ConfigError(asked, found=f"{other} attests {one.control} too", todo="keep one of the two")
        if date.fromisoformat(one.date) > today:
            raise ConfigError(asked, found=f"its date {one.date} lies in the future", todo="date it when it is true")
        found[one.control] = Statement(one, path, data)
    return tuple(found.values())


def card_of(
    statement: Statement, control: Control, duties: Duties, *, today: date, signed_by: tuple[str, ...] = ()
) -> AttestationCard:
    """What a statement is worth on a day: its files are digested here."""
    verdict, reason = _worth(statement, control, duties, today)
    return _card(statement, signed_by).model_copy(update={"verdict": verdict, "reason": reason})


def _card(statement: Statement, signed_by: tuple[str, ...]) -> AttestationCard:
    one = statement.attestation
    return AttestationCard(
        id=one.control,
        verdict=AttestationVerdict.MISSING,
        statement=one.statement,
        owner=one.owner,
        date=one.date,
        expires=one.expires,
        evidence=tuple(EvidenceFile(name=PurePosixPath(e.path).name, sha256=e.sha256) for e in one.evidence),
        signed_by=signed_by,
        digest=sha256_bytes(statement.data),
    )


def differs(card: AttestationCard, copy: Statement, policy: Policy, control: Control, duties: Duties) -> str:
    """What a card says otherwise than the copy of its attestation; empty where they agree. No evidence is read."""
    card_of_copy = _card(copy, card.signed_by).model_copy(update={"verdict": card.verdict, "reason": card.reason})
    if card != card_of_copy or copy.attestation.control != control.id:
        return "the report states it otherwise than its copy"
    if copy.attestation.policy != policy.id:
        return f"it answers the policy {copy.attestation.policy}"
    return says_otherwise(copy.attestation, control, duties) if card.verdict is AttestationVerdict.ATTESTED else ""


def says_otherwise(one: Attestation, control: Control, duties: Duties) -> str:
    """Why a statement is no answer to its control; empty where it is."""
    asked = control.statement
    if asked is None or one.statement.strip() not in {asked.en.strip(), asked.zh.strip()} - {""}:
        return "it states something else than the control asks"
    wanted = set(control.roles) if duties.role is DutyRole.BOTH else {duties.role}
    left = set() if one.applies_to_role is DutyRole.BOTH else wanted - {one.applies_to_role}
    if left:
        return f"it says nothing of the duties as {' and '.join(sorted(role.value.replace('_', ' ') for role in left))}"
    return ""


def _worth(statement: Statement, control: Control, duties: Duties, today: date) -> tuple[AttestationVerdict, str]:
    one = statement.attestation
    other = says_otherwise(one, control, duties)
    if other:
        return AttestationVerdict.MISSING, other
    for evidence in one.evidence:
        fault = _fault(statement.path.parent, evidence)
        if fault:
            return AttestationVerdict.EVIDENCE_CHANGED, f"{PurePosixPath(evidence.path).name}: {fault}"
    if date.fromisoformat(one.expires) < today:
        return AttestationVerdict.EXPIRED, f"it held until {one.expires}"
    return AttestationVerdict.ATTESTED, ""


def _fault(folder: Path, evidence: Evidence) -> str:
    """What is wrong with a file of evidence; empty where nothing is."""
    path = folder / evidence.path
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return "it leads out of the folder of the attestation"
        if not path.is_file():
            return "it is not there"
        return "" if sha256_file(path) == evidence.sha256 else "it is not the file that was named"
    except OSError as error:
        return error.strerror or str(error)
