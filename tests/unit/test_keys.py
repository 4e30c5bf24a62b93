"""Keys of attestations: what is written, what is refused, and that ids are securesystemslib's."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from visavox.cli import exit_code
from visavox.core.errors import EvidenceError, UsageError
from visavox.evidence.keys import PASSPHRASE, KeyKind, load_public, load_signer, new_key

PEM, SPKI = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


@pytest.mark.parametrize("kind", list(KeyKind))
@pytest.mark.parametrize("secret", [None, "correct horse"])
def test_a_new_key_is_private_and_signs(tmp_path: Path, kind: KeyKind, secret: str | None) -> None:
    pair = new_key(tmp_path / "k", kind, passphrase=secret)
    assert pair.private == tmp_path / "k" and pair.public == tmp_path / "k.pub"
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    text = pair.private.read_text()
    assert text.startswith(f"-----BEGIN {'ENCRYPTED ' if secret else ''}PRIVATE KEY-----")  # PKCS #8
    signer = load_signer(pair.private, passphrase=secret)
    signature = signer.sign(b"what was found")
    load_public(pair.public).verify_signature(signature, b"what was found")
    assert signature.keyid == pair.keyid == signer.public_key.keyid


def test_an_id_is_the_digest_of_the_key_s_canonical_json(tmp_path: Path) -> None:
    pair = new_key(tmp_path / "k")
    raw = serialization.load_pem_public_key(pair.public.read_bytes()).public_bytes_raw().hex()
    text = json.dumps(
        {"keytype": "ed25519", "keyval": {"public": raw}, "scheme": "ed25519"}, sort_keys=True, separators=(",", ":")
    )
    assert pair.keyid == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("there", ["k", "k.pub"])
def test_nothing_is_written_over(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(UsageError, match=f"{there} is there already"):
        new_key(tmp_path / "k")
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_where_nothing_can_be_written_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        new_key(tmp_path / "absent" / "k")


def test_two_keys_differ(tmp_path: Path) -> None:
    assert new_key(tmp_path / "a").keyid != new_key(tmp_path / "b").keyid


def test_what_is_no_private_key_signs_nothing(tmp_path: Path) -> None:
    pair = new_key(tmp_path / "k")
    with pytest.raises(EvidenceError, match="No such file"):
        load_signer(tmp_path / "absent")
    with pytest.raises(EvidenceError, match="it is a public key"):
        load_signer(pair.public)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(EvidenceError, match="no private key in PEM"):
        load_signer(tmp_path / "text")
    pair.private.write_text(pair.private.read_text().replace("\n", "\n/", 1))
    with pytest.raises(EvidenceError, match="it cannot be read"):
        load_signer(pair.private)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_key_open_to_others_signs_nothing(tmp_path: Path, mode: int) -> None:
    pair = new_key(tmp_path / "k")
    pair.private.chmod(mode)
    with pytest.raises(EvidenceError, match="others than its owner may read or change it"):
        load_signer(pair.private)


def test_a_passphrase_missing_wrong_or_not_needed(tmp_path: Path) -> None:
    sealed, plain = new_key(tmp_path / "sealed", passphrase="right"), new_key(tmp_path / "plain")
    with pytest.raises(EvidenceError, match=PASSPHRASE):
        load_signer(sealed.private)
    with pytest.raises(EvidenceError, match="it cannot be read"):
        load_signer(sealed.private, passphrase="wrong")
    load_signer(plain.private, passphrase="not needed")


def test_what_is_no_public_key_is_not_trusted(tmp_path: Path) -> None:
    pair = new_key(tmp_path / "k")
    with pytest.raises(EvidenceError, match="it is a private key"):
        load_public(pair.private)
    with pytest.raises(EvidenceError, match="No such file"):
        load_public(tmp_path / "absent.pub")
    (tmp_path / "long").write_bytes(b"x" * 70_000)
    with pytest.raises(EvidenceError, match="more than 65536 bytes"):
        load_public(tmp_path / "long")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(EvidenceError, match="no public key in PEM"):
        load_public(tmp_path / "text")


def test_other_kinds_of_keys_are_named(tmp_path: Path) -> None:
    for key, kind in (
        (rsa.generate_private_key(65537, 2048), "RSAPublicKey"),
        (ec.generate_private_key(ec.SECP384R1()), "secp384r1"),
    ):
        (tmp_path / "other.pub").write_bytes(key.public_key().public_bytes(PEM, SPKI))
        with pytest.raises(EvidenceError, match=kind):
            load_public(tmp_path / "other.pub")


def test_the_command_writes_a_key_and_says_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE, "from the environment")
    assert exit_code(["key", "new", str(tmp_path / "k"), "--kind", "ecdsa-p256"]) == 0
    said = capsys.readouterr()
    assert load_public(tmp_path / "k.pub").keyid in said.out and not said.err
    assert "from the environment" not in said.out
    load_signer(tmp_path / "k", passphrase="from the environment")
    assert exit_code(["key", "new", str(tmp_path / "k")]) == 4
    assert exit_code(["key", "new", str(tmp_path / "l"), "--kind", "rsa"]) == 4
