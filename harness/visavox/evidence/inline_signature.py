"""A signature that travels with what it is over: its bytes and the public key that checks them.

It shows that nothing was changed since the owner of that key signed; whose key it is, the key's id has to tell.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey


def public_text(signer: CryptoSigner) -> str:
    """The public key of a signer as text: the 64 hexadecimal digits of an Ed25519 key, or PEM."""
    return str(signer.public_key.keyval["public"])


def signer_of(public_key: str, sig: str, data: bytes) -> str | None:
    """The id of the key that signed the data; None where the signature does not hold or the key is of no known kind."""
    from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
    from securesystemslib.signer import Signature

    key = _key(public_key)
    if key is None:
        return None
    try:
        key.verify_signature(Signature(key.keyid, sig), data)
    except (UnverifiedSignatureError, VerificationError, ValueError):
        return None
    return str(key.keyid)


def _key(public_key: str) -> SSlibKey | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    try:
        is_raw = re.fullmatch("[0-9a-f]{64}", public_key) is not None
        raw = bytes.fromhex(public_key) if is_raw else public_key.encode()
        key = ed25519.Ed25519PublicKey.from_public_bytes(raw) if is_raw else load_pem_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return None
    is_p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    return SSlibKey.from_crypto(key) if isinstance(key, ed25519.Ed25519PublicKey) or is_p256 else None
