"""Envelopes of attestations: what is accepted, and each way in which one is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from visavox.core.errors import EvidenceError
from visavox.core.terms import Verdict
from visavox.evidence.envelope import CheckedStatement, check_envelope, read_envelope, signed
from visavox.evidence.keys import KeyKind, KeyPair, load_signer, new_key
from visavox.evidence.model_files import artifact_matches, model_files, subject_of
from visavox.evidence.statement import Assessment, File, Named, Statement, TestResult, statement_bytes

ZERO = "0" * 64


def statement_of(model: Path, verdict: Verdict = Verdict.PASS) -> Statement:
    """A statement about a model's files; what else it says is of no run."""
    found = model_files(model)
    assessment = Assessment(
        verdict=verdict, controls=(), smoke=False, artifact=found.artifact, report=ZERO, decision=ZERO, seal=ZERO,
        suite=ZERO, plan=ZERO, dataset=ZERO, policy=Named(id="p", sha256=ZERO), judges=(), journal=ZERO,
        files=(File(path="scores/a.parquet", sha256=ZERO),), run="r", finished="2026-11-22T10:00:00Z", visavox="1",
    )  # fmt: skip
    result = "PASSED" if verdict is Verdict.PASS else "FAILED"
    return Statement(
        subject=subject_of("model 1", found.artifact, found.files),
        predicate=TestResult(result=result, configuration=(), visavox_assessment=assessment),
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for name in ("weights.bin", "tokens/a.txt", "tokens/b.txt", ".hidden", "B", "a-b/c", "a/z"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(f"content of {name}")
    return folder


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyPair, KeyPair]:
    folder = tmp_path_factory.mktemp("keys")
    return new_key(folder / "assessor"), new_key(folder / "approver", KeyKind.ECDSA_P256)


@pytest.fixture
def attestation(tmp_path: Path, model: Path, keys: tuple[KeyPair, KeyPair]) -> Path:
    """Signed by the assessor alone."""
    path = tmp_path / "attestation.intoto.json"
    path.write_bytes(signed(statement_bytes(statement_of(model)), load_signer(keys[0].private)))
    return path


def alter(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value))


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def check(path: Path, *keys: KeyPair, min_signers: int = 1) -> CheckedStatement:
    return check_envelope(path, [key.public for key in keys], min_signers=min_signers)


def test_what_a_trusted_key_signed_is_read(attestation: Path, model: Path, keys: tuple[KeyPair, KeyPair]) -> None:
    found = check(attestation, *keys)
    assert found.statement == statement_of(model)
    assert [signer.keyid for signer in found.signers] == [keys[0].keyid]
    assert found.signers[0].key == keys[0].public


def test_cryptography_alone_verifies_both_signatures(
    attestation: Path, model: Path, keys: tuple[KeyPair, KeyPair]
) -> None:
    """An independent reading: the pre-authentication encoding of DSSE by hand, signatures by cryptography."""
    before = read_envelope(attestation)
    attestation.write_bytes(signed(before.envelope.payload, load_signer(keys[1].private), before.signatures))
    value = json.loads(attestation.read_bytes())
    payload = base64.b64decode(value["payload"], validate=True)
    kind = value["payloadType"].encode()
    pae = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    by_id = {row["keyid"]: base64.b64decode(row["sig"], validate=True) for row in value["signatures"]}
    assert by_id.keys() == {key.keyid for key in keys}
    first, second = (serialization.load_pem_public_key(key.public.read_bytes()) for key in keys)
    assert isinstance(first, ed25519.Ed25519PublicKey) and isinstance(second, ec.EllipticCurvePublicKey)
    first.verify(by_id[keys[0].keyid], pae)
    second.verify(by_id[keys[1].keyid], pae, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        first.verify(by_id[keys[0].keyid], pae + b" ")


def test_in_toto_s_own_package_reads_the_statement(attestation: Path) -> None:
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement as InToto

    payload = read_envelope(attestation).envelope.payload
    read = InToto.copy_from_pb(json_format.Parse(payload, statement_pb2.Statement()))
    read.validate()
    assert read.pb.predicate_type == "https://in-toto.io/attestation/test-result/v0.1"
    assert read.pb.predicate["result"] == "PASSED"
    assert read.pb.subject[0].name == "model 1" and len(read.pb.subject) == 8


def test_the_files_are_those_of_openssf_s_manifest(model: Path) -> None:
    import model_signing

    (model / ".git").mkdir()
    (model / ".git" / "config").write_text("x")
    (model / ".gitignore").write_text("x")
    theirs = {
        item.identifier: item.digest.digest_hex for item in model_signing.hashing.hash(model).resource_descriptors()
    }
    assert {one.path: one.sha256 for one in model_files(model).files} == theirs
    assert len(theirs) == 7


ALTERED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another type of payload": (lambda v: v.update(payloadType="text/plain"), "payloadType 'text/plain'"),
    "no type of payload": (lambda v: v.pop("payloadType"), "payloadType 'None'"),
    "no payload": (lambda v: v.pop("payload"), "no DSSE envelope"),
    "a payload that is no base64": (lambda v: v.update(payload="***"), "no DSSE envelope"),
    "a payload that is a number": (lambda v: v.update(payload=7), "no DSSE envelope"),
    "no signatures": (lambda v: v.update(signatures=[]), "signed by nobody"),
    "signatures that are no list": (lambda v: v.update(signatures="x"), "no list of at most 64 signatures"),
    "too many signatures": (lambda v: v.update(signatures=v["signatures"] * 65), "no list of at most 64 signatures"),
    "a signature without its value": (lambda v: v["signatures"][0].pop("sig"), "no DSSE envelope"),
    "a signature that is a list": (lambda v: v.update(signatures=[[]]), "no DSSE envelope"),
    "an id that is a number": (lambda v: v["signatures"][0].update(keyid=3), "no DSSE envelope"),
    "a bit of the signature": (
        lambda v: v["signatures"][0].update(sig=base64.b64encode(b"\x01" * 64).decode()),
        "none of them signed it as it is",
    ),
    "an altered payload": (
        lambda v: v.update(payload=base64.b64encode(base64.b64decode(v["payload"]) + b" ").decode()),
        "none of them signed it as it is",
    ),
}


@pytest.mark.parametrize("how", ALTERED)
def test_an_altered_envelope_is_refused(attestation: Path, keys: tuple[KeyPair, KeyPair], how: str) -> None:
    change, reason = ALTERED[how]
    alter(attestation, change)
    with pytest.raises(EvidenceError, match=reason):
        check(attestation, *keys)


SAID: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another statement": (lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"), "this version reads"),
    "another predicate": (lambda s: s.update(predicateType="https://slsa.dev/provenance/v1"), "predicateType"),
    "a newer schema": (
        lambda s: s["predicate"]["visavoxAssessment"].update(schema="visavox/assessment/v2"),
        "schema of the assessment 'visavox/assessment/v2'",
    ),
    "none of ours": (lambda s: s["predicate"].pop("visavoxAssessment"), "schema of the assessment 'None'"),
    "no predicate": (lambda s: s.pop("predicate"), "schema of the assessment"),
    "a PASSED beside a FAIL": (
        lambda s: s["predicate"]["visavoxAssessment"].update(verdict="FAIL"),
        "PASSED beside the verdict FAIL",
    ),
    "another subject": (
        lambda s: s["subject"][0]["digest"].update(sha256="1" * 64),
        "the first subject is not the artifact",
    ),
    "no subject": (lambda s: s.update(subject=[]), "at least 1 item"),
    "one name twice": (lambda s: s["subject"].append(s["subject"][1]), "two subjects bear one name"),
    "a field too many": (lambda s: s["predicate"].update(more=1), "Extra inputs"),
}


@pytest.mark.parametrize("how", SAID)
def test_what_a_trusted_key_signed_is_still_read_with_care(
    attestation: Path, model: Path, keys: tuple[KeyPair, KeyPair], how: str
) -> None:
    change, reason = SAID[how]
    value = json.loads(statement_bytes(statement_of(model)))
    change(value)
    attestation.write_bytes(signed(json.dumps(value).encode(), load_signer(keys[0].private)))
    with pytest.raises(EvidenceError, match=reason):
        check(attestation, keys[0])


@pytest.mark.parametrize("payload", [b"[]", b"{", b'{"_type": 1, "_type": 2}', b'{"a": NaN}', b"\xff"])
def test_a_signed_payload_that_is_no_plain_json_object_is_refused(
    attestation: Path, keys: tuple[KeyPair, KeyPair], payload: bytes
) -> None:
    attestation.write_bytes(signed(payload, load_signer(keys[0].private)))
    with pytest.raises(EvidenceError):
        check(attestation, keys[0])


def test_absent_no_json_and_too_large(tmp_path: Path, attestation: Path, keys: tuple[KeyPair, KeyPair]) -> None:
    with pytest.raises(EvidenceError, match="No such file"):
        check(tmp_path / "absent", *keys)
    attestation.write_text("signed: yes")
    with pytest.raises(EvidenceError):
        check(attestation, *keys)
    with attestation.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    with pytest.raises(EvidenceError, match="longer than 64 MiB"):
        check(attestation, *keys)


def test_an_id_is_a_hint_that_anyone_can_write(attestation: Path, keys: tuple[KeyPair, KeyPair]) -> None:
    """A trusted key's id on another's signature is worth nothing; another id, or none, on its own loses nothing."""
    assessor, approver = keys
    alter(attestation, lambda v: v["signatures"][0].update(keyid=approver.keyid))
    with pytest.raises(EvidenceError, match="none of them signed it"):
        check(attestation, approver)
    assert check(attestation, assessor).signers[0].keyid == assessor.keyid
    alter(attestation, lambda v: v["signatures"][0].pop("keyid"))
    assert check(attestation, assessor).signers[0].keyid == assessor.keyid


def test_signers_are_counted_by_key(
    tmp_path: Path, attestation: Path, keys: tuple[KeyPair, KeyPair], model: Path
) -> None:
    """Neither the same signature twice nor one key in two files makes two signers."""
    assessor, approver = keys
    (tmp_path / "again.pub").write_bytes(assessor.public.read_bytes())
    alter(attestation, lambda v: v["signatures"].append({**v["signatures"][0], "keyid": "other"}))
    with pytest.raises(EvidenceError, match="1 of the 2 that are asked for"):
        check_envelope(attestation, [assessor.public, tmp_path / "again.pub", approver.public], min_signers=2)
    before = read_envelope(attestation)
    attestation.write_bytes(signed(before.envelope.payload, load_signer(approver.private), before.signatures))
    assert {one.keyid for one in check(attestation, assessor, approver, min_signers=2).signers} == {
        assessor.keyid,
        approver.keyid,
    }


def test_a_stranger_s_key_and_no_key_at_all(tmp_path: Path, attestation: Path) -> None:
    stranger = new_key(tmp_path / "stranger")
    with pytest.raises(EvidenceError, match=f"trusted: {stranger.keyid[:16]}; none of them"):
        check(attestation, stranger)
    with pytest.raises(EvidenceError, match="no trusted key"):
        check_envelope(attestation, [])
    with pytest.raises(ValueError, match="min_signers"):
        check_envelope(attestation, [stranger.public], min_signers=0)


def change(model: Path) -> None:
    (model / "weights.bin").write_text("finer")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (change, "changed weights.bin"),
    "added": (lambda m: (m / "more.bin").write_text("x"), "added more.bin"),
    "removed": (lambda m: (m / "tokens" / "a.txt").unlink(), "removed tokens/a.txt"),
    "renamed": (lambda m: (m / "B").rename(m / "tokens" / "C"), "renamed B to tokens/C"),
    "of git": (lambda m: (m / ".gitignore").write_text("x"), "files of git"),
}


@pytest.mark.parametrize("how", CHANGES)
def test_another_model_is_named_by_its_files(model: Path, how: str) -> None:
    statement = statement_of(model)
    artifact_matches(model, statement)
    alter_model, reason = CHANGES[how]
    alter_model(model)
    with pytest.raises(EvidenceError, match=reason):
        artifact_matches(model, statement)


def test_a_model_of_one_file(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_text("weights")
    statement = statement_of(tmp_path / "m.onnx")
    (tmp_path / "elsewhere.onnx").write_text("weights")
    artifact_matches(tmp_path / "elsewhere.onnx", statement)  # a file's name is no part of it
    (tmp_path / "m.onnx").write_text("finer")
    with pytest.raises(EvidenceError, match=r"changed m\.onnx"):
        artifact_matches(tmp_path / "m.onnx", statement)
    with pytest.raises(EvidenceError, match="there is nothing at that path"):
        artifact_matches(tmp_path / "absent", statement)
