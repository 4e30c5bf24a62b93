"""Keys that sign attestations: Ed25519 or ECDSA over P-256, as PEM files; a key's id is that of securesystemslib.

A private key lies in PKCS #8, readable by its owner alone, under a passphrase where one is given. What signs is never
written into a run folder; what checks, ``K.pub``, is public.
"""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from visavox.core.errors import EvidenceError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
    from securesystemslib.signer import CryptoSigner, SSlibKey

PASSPHRASE: Final = "VISAVOX_KEY_PASSPHRASE"  # noqa: S105 - the name of an environment variable
"""The environment variable that holds the passphrase of a private key."""
MOST_BYTES: Final = 1 << 16
"""More than any PEM file of one key."""


class KeyKind(StrEnum):
    """Kinds of keys: Ed25519, and ECDSA over P-256 with SHA-256."""

    ED25519 = "ed25519"
    ECDSA_P256 = "ecdsa-p256"


class KeyPair(NamedTuple):
    """Where the two files of a key lie, and its id: 64 hex digits."""

    private: Path
    public: Path
    keyid: str


def passphrase() -> str | None:
    """The passphrase that the environment gives, or None."""
    return os.environ.get(PASSPHRASE) or None


def new_key(path: Path, kind: KeyKind = KeyKind.ED25519, *, passphrase: str | None = None) -> KeyPair:
    """Draws a key and writes ``path`` (0600, PKCS #8, under the passphrase) and ``path.pub``.

    Raises:
        UsageError: one of the two files is there already, or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    public = path.with_name(f"{path.name}.pub")
    for one in (path, public):
        if one.exists() or one.is_symlink():
            raise UsageError(
                f"write a new key to {path}",
                found=f"{one.name} is there already",
                todo="name another file; a key that has signed something must not be lost",
            )
    key = ed25519.Ed25519PrivateKey.generate() if kind is KeyKind.ED25519 else ec.generate_private_key(ec.SECP256R1())
    sealed = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, sealed)
    shown = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write_both(path, secret, public, shown)
    return KeyPair(path, public, load_public(public).keyid)


def _write_both(path: Path, secret: bytes, public: Path, shown: bytes) -> None:
    """Both files, or none of them."""
    written: list[Path] = []
    try:
        for one, data, mode in ((path, secret, 0o600), (public, shown, 0o644)):
            with os.fdopen(os.open(one, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
                written.append(one)
                stream.write(data)
    except OSError as error:
        for one in written:
            one.unlink(missing_ok=True)
        raise UsageError(
            f"write a new key to {path}", found=error.strerror or str(error), todo="name a file that can be written"
        ) from error


def load_signer(path: Path, *, passphrase: str | None = None) -> CryptoSigner:
    """The signer of a private key's file.

    Raises:
        EvidenceError: it is absent, open to others than its owner, no private key of one of the two kinds, or its
            passphrase is missing or wrong.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    asked = f"sign with the key {path}"
    data = _read(path, asked)
    if b"PRIVATE KEY-----" not in data:
        found = "it is a public key" if b"PUBLIC KEY-----" in data else "it holds no private key in PEM"
        raise EvidenceError(asked, found=found, todo="name the file that `visavox key new` wrote, without .pub")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise EvidenceError(asked, found="others than its owner may read or change it", todo=f"chmod 600 {path}")
    if b"ENCRYPTED" in data and not passphrase:
        raise EvidenceError(asked, found="it is under a passphrase", todo=f"give it in the environment as {PASSPHRASE}")
    try:
        is_sealed = b"ENCRYPTED" in data  # a passphrase in the environment is no fault of a key without one
        key = load_pem_private_key(data, passphrase.encode() if passphrase and is_sealed else None)
    except (ValueError, TypeError) as error:
        todo = f"is {PASSPHRASE} the right one?" if is_sealed else "it may be damaged"
        raise EvidenceError(asked, found="it cannot be read", todo=todo) from error
    return CryptoSigner(key, _known_kind(key.public_key(), asked))


def load_public(path: Path) -> SSlibKey:
    """The public key of a file, with its id.

    Raises:
        EvidenceError: it is absent, a private key, or no public key of one of the two kinds.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    asked = f"trust the key {path}"
    data = _read(path, asked)
    if b"PRIVATE KEY-----" in data:
        raise EvidenceError(
            asked, found="it is a private key", todo=f"name {path.name}.pub; a private key is for its owner alone"
        )
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        todo = "name the file K.pub that `visavox key new K` wrote"
        raise EvidenceError(asked, found="it holds no public key in PEM", todo=todo) from error
    return _known_kind(key, asked)


def _known_kind(key: PublicKeyTypes | PrivateKeyTypes, asked: str) -> SSlibKey:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from securesystemslib.signer import SSlibKey

    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return SSlibKey.from_crypto(key)
    curve = f" over {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else ""
    raise EvidenceError(
        asked,
        found=f"a key of the kind {type(key).__name__}{curve}",
        todo="Ed25519 and ECDSA over P-256 are used: visavox key new K",
    )


def _read(path: Path, asked: str) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise EvidenceError(
            asked,
            found=error.strerror or str(error),
            todo="check the path of the key; `visavox key new K` makes K and K.pub",
        ) from error
    if len(data) > MOST_BYTES:
        raise EvidenceError(asked, found=f"more than {MOST_BYTES} bytes", todo="name the file of one key")
    return data
