"""Starts the service of ``service.py``, with certificates made on the spot where it is to speak TLS."""

from __future__ import annotations

import datetime
import ipaddress
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

SCRIPT = Path(__file__).with_name("service.py")


class Running(NamedTuple):
    """A service that runs: where, and what it was sent."""

    base: str
    log: Path

    def sent(self, path: str) -> list[dict[str, Any]]:
        """The requests to one path, in their order."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return [line for line in lines if line["path"] == path]


@contextmanager
def running(
    folder: Path, *, script: Path = SCRIPT, words: tuple[str, ...] = (), scheme: str = "http"
) -> Iterator[Running]:
    """A service in a process of its own, as long as the block lasts."""
    log = folder / "requests.jsonl"
    command = [sys.executable, str(script), str(log), *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            port = int(process.stdout.readline())
            yield Running(f"{scheme}://127.0.0.1:{port}", log)
        finally:
            process.stdin.close()
            process.wait(10)


@contextmanager
def serving(script: Path, *words: str) -> Iterator[str]:
    """A script that prints its address and serves until it is ended; gives the address."""
    with subprocess.Popen([sys.executable, str(script), *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def certificates(folder: Path) -> tuple[str, str, str]:
    """Paths of an authority's certificate, of one that it signed for 127.0.0.1, and of the latter's key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    now = datetime.datetime.now(datetime.UTC)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def certificate(subject: str, of: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType) -> x509.Certificate:
        built = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("a test's authority"))
        built = built.public_key(of.public_key()).serial_number(x509.random_serial_number())
        built = built.not_valid_before(now - datetime.timedelta(hours=1))
        built = built.not_valid_after(now + datetime.timedelta(hours=1)).add_extension(extension, critical=False)
        if subject == "a test's authority":
            built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return built.sign(authority_key, hashes.SHA256())

    paths = [folder / part for part in ("authority.pem", "server.pem", "server.key")]
    authority = certificate(
        "a test's authority", authority_key, x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    )
    server = certificate(
        "service", key, x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    )
    for path, made in zip(paths, (authority, server), strict=False):
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[2].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(paths[0]), str(paths[1]), str(paths[2])
