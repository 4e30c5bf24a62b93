"""DSSE envelopes: who signed which statement, checked against keys that the reader trusts.

References: DSSE v1.0 (secure-systems-lab), protocol and envelope; the types are securesystemslib's. A signature counts
where a trusted key verifies it, whatever id it bears: ids are hints that anyone can write.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from visavox.core.digest import canonical_json
from visavox.core.errors import EvidenceError
from visavox.core.strict_json import strict_json, strict_json_object

from .keys import load_public
from .statement import Statement, parse_statement

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

ATTESTATION: Final = "attestation.intoto.json"
"""The attestation's name in a run folder."""
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
MOST_SIGNATURES: Final = 64


class Signer(NamedTuple):
    """A trusted key that signed: its id, and the file that holds it."""

    keyid: str
    key: Path


class CheckedStatement(NamedTuple):
    """A statement that trusted keys have signed, each key once."""

    statement: Statement
    signers: tuple[Signer, ...]


def check_envelope(path: Path, trusted_keys: Sequence[Path], *, min_signers: int = 1) -> CheckedStatement:
    """The statement of an attestation that enough trusted keys have signed.

    Args:
        path: the attestation.
        trusted_keys: files of public keys; the same key twice counts once.
        min_signers: how many different ones have to have signed.

    Raises:
        EvidenceError: it is absent, unreadable or no attestation of a run; too few trusted keys signed it as it is;
            or a key's file is at fault.
    """
    if min_signers < 1:
        raise ValueError("an attestation that nobody signed says nothing: min_signers is 1 or more")
    asked = f"check the signature of {path}"
    keys = {key.keyid: (key, file) for file in trusted_keys for key in (load_public(file),)}
    if not keys:
        raise EvidenceError(asked, found="no trusted key", todo="name one: --trusted-keys K.pub")
    envelope, signatures = read_envelope(path)
    pae = envelope.pae()
    found = [
        Signer(keyid, file)
        for keyid, (key, file) in keys.items()
        if any(_is_by(key, signature, pae) for signature in signatures)
    ]
    if len(found) < min_signers:
        stated = ", ".join(sorted({(one.keyid or "without an id")[:16] for one in signatures})) or "nobody"
        need = "none of them" if not found else f"{len(found)} of the {min_signers} that are asked for"
        raise EvidenceError(
            asked,
            found=f"signed by {stated}; trusted: {', '.join(keyid[:16] for keyid in keys)}; {need} signed it as it is",
            todo="it was altered, or others signed it: name their public keys, or have the run signed",
        )
    return CheckedStatement(parse_payload(envelope.payload, asked=f"read the statement in {path}"), tuple(found))


def _is_by(key: SSlibKey, stated: Signature, pae: bytes) -> bool:
    """Whether the key made the signature, whatever id it states."""
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature

    try:
        key.verify_signature(Signature(key.keyid, stated.signature), pae)
    except UnverifiedSignatureError:  # a signature of another kind of key is one, too
        return False
    return True


class ReadEnvelope(NamedTuple):
    """An envelope without its signatures, and these: securesystemslib's envelope takes one signature of an id."""

    envelope: Envelope
    signatures: tuple[Signature, ...]


def read_envelope(path: Path) -> ReadEnvelope:
    """An envelope as it lies there; whoever signed it is not checked.

    Raises:
        EvidenceError: it is absent, too large, or no DSSE envelope of an in-toto statement.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import Signature

    asked, todo = f"read the attestation {path}", "make one: visavox sign DIR --key K"
    value = strict_json_object(path)
    payload_type = value.get("payloadType")
    if payload_type != PAYLOAD_TYPE:
        raise EvidenceError(asked, found=f"payloadType {str(payload_type)[:100]!r}, not {PAYLOAD_TYPE!r}", todo=todo)
    rows = value.get("signatures")
    if not isinstance(rows, list) or len(rows) > MOST_SIGNATURES:
        raise EvidenceError(asked, found=f"no list of at most {MOST_SIGNATURES} signatures", todo=todo)
    try:
        envelope = Envelope.from_dict({"payload": value["payload"], "payloadType": payload_type, "signatures": []})
        signatures: list[Signature] = []
        for row in rows:
            one = Envelope.from_dict({"payload": "", "payloadType": "", "signatures": [{"keyid": "", **row}]})
            signatures += one.signatures.values()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvidenceError(asked, found=f"no DSSE envelope: {error}"[:300], todo=todo) from error
    if not all(isinstance(one, Signature) and isinstance(one.keyid, str) for one in signatures):
        raise EvidenceError(asked, found="no DSSE envelope: an id of a key that is no text", todo=todo)
    return ReadEnvelope(envelope, tuple(signatures))


def parse_payload(payload: bytes, *, asked: str) -> Statement:
    """The statement of a payload.

    Raises:
        EvidenceError: see ``parse_statement``.
    """
    value = strict_json(payload, what="the payload of the attestation")
    if not isinstance(value, dict):
        raise EvidenceError(asked, found="no JSON object", todo="name an attestation of `visavox sign`")
    return parse_statement(value, asked=asked)


def signed(payload: bytes, signer: CryptoSigner, others: Sequence[Signature] = ()) -> bytes:
    """The envelope of a payload: the signatures of others as they are, and the signer's own, in the order of ids."""
    from securesystemslib.dsse import Envelope

    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    own = envelope.sign(signer)
    kept = [one for one in others if one.keyid != own.keyid]
    rows = [Envelope(b"", "", {"": one}).to_dict()["signatures"][0] for one in (*kept, own)]
    return canonical_json({**envelope.to_dict(), "signatures": sorted(rows, key=lambda row: str(row["keyid"]))})
