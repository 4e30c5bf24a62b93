"""Labelled files by programs that are not ours: exiftool, FFmpeg, mutagen, Pillow and c2pa-python."""

from __future__ import annotations

import atexit
import base64
import datetime
import io
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

FIELDS = {
    "Label": "1",
    "ContentProducer": "Fictional-Works",
    "ProduceID": "C-0001",
    "ReservedCode1": "",
    "ContentPropagator": "Fictional-Works",
    "PropagateID": "C-0001",
    "ReservedCode2": "",
}
GOOD = json.dumps(FIELDS)
WRAPPED = json.dumps({"AIGC": FIELDS})
EXIFTOOL_CONFIG = """
%Image::ExifTool::UserDefined = (
    'Image::ExifTool::XMP::Main' => {
        TC260 => { SubDirectory => { TagTable => 'Image::ExifTool::UserDefined::TC260' } },
    },
    'Image::ExifTool::PNG::TextualData' => { AIGC => { Name => 'AIGC' } },
);
%Image::ExifTool::UserDefined::TC260 = (
    GROUPS => { 0 => 'XMP', 1 => 'XMP-TC260', 2 => 'Other' },
    NAMESPACE => { 'TC260' => 'http://www.tc260.org.cn/ns/AIGC/1.0/' },
    WRITABLE => 'string',
    AIGC => { },
);
1;
"""
DST = "http://cv.iptc.org/newscodes/digitalsourcetype/"


# ---------------------------------------------------------------- bare files
def picture(kind: str, seed: int = 3, **options: Any) -> bytes:
    """A small picture by Pillow."""
    values = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind, **options)
    return buffer.getvalue()


@lru_cache
def sound(container: str, codec: str, options: str = "", metadata: str = "{}") -> bytes:
    """A tenth of a second by FFmpeg; ``metadata`` is a JSON object, ``options`` FFmpeg's ``movflags``."""
    import av

    rate = 48_000 if codec == "libopus" else 16_000
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options={"movflags": options} if options else {}) as file:
        file.metadata.update(json.loads(metadata))
        stream = file.add_stream(codec, rate=rate, layout="mono")
        samples = 0.1 * np.random.default_rng(1).standard_normal((1, rate // 10)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        convert = av.AudioResampler(format=stream.codec_context.format or "fltp", layout="mono", rate=rate)
        for part in [*convert.resample(frame), *convert.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return buffer.getvalue()


SOUNDS = {
    "mp3": ("mp3", "libmp3lame"),
    "flac": ("flac", "flac"),
    "ogg": ("ogg", "libopus"),
    "wav": ("wav", "pcm_s16le"),
    "m4a": ("ipod", "aac"),
    "mp4": ("mp4", "aac"),
    "mov": ("mov", "aac"),
    "mka": ("matroska", "aac"),
}


def bare_sound(kind: str) -> bytes:
    return sound(*SOUNDS[kind])


def by_ffmpeg(kind: str, metadata: Mapping[str, str], *, keeps_tags: bool = True) -> bytes:
    """A sound with FFmpeg's ``-metadata``; ``keeps_tags``: with ``-movflags use_metadata_tags``."""
    options = "use_metadata_tags" if keeps_tags and kind in {"m4a", "mp4", "mov"} else ""
    return sound(*SOUNDS[kind], options, json.dumps(metadata))


# ---------------------------------------------------------------- other programs
def by_exiftool(folder: Path, suffix: str, data: bytes, *arguments: str) -> bytes:
    """A file that exiftool has written its arguments into."""
    if shutil.which("exiftool") is None:
        pytest.fail("exiftool is not installed: apt-get install libimage-exiftool-perl")
    config, path = folder / "labels.config", folder / f"file.{suffix}"
    config.write_text(EXIFTOOL_CONFIG)
    path.write_bytes(data)
    command = ["exiftool", "-config", str(config), "-q", "-overwrite_original", *arguments, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path.read_bytes()


def by_mutagen(kind: str, data: bytes, tags: Mapping[str, str], picture_bytes: bytes = b"") -> bytes:
    """A sound that mutagen has written texts, and a picture, into; of M4A as free-form atoms."""
    return _mutagen(kind=kind, data=_base64(data), tags=dict(tags), picture=_base64(picture_bytes))


def wav_chunk(data: bytes, name: str, body: bytes) -> bytes:
    """A WAV file with one more chunk, put there by mutagen."""
    return _mutagen(data=_base64(data), chunk=name, body=_base64(body))


def _mutagen(**request: Any) -> bytes:
    process = _mutagen_process()
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        _mutagen_process.cache_clear()
        pytest.fail("mutagen wrote nothing; is it installed? apt-get install python3-mutagen")
    return base64.b64decode(answer)


@lru_cache
def _mutagen_process() -> subprocess.Popen[str]:
    """A program of its own, once a session: mutagen's licence is not ours to import."""
    command = ["/usr/bin/python3", "-I", str(Path(__file__).with_name("mutagen_writer.py"))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end() -> None:
        process.communicate()

    atexit.register(end)
    return process


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# ---------------------------------------------------------------- content credentials
class Signed:
    """Signs with a certificate of its own: a root that nobody knows, and a signer."""

    def __init__(self) -> None:
        import c2pa

        chain, key, self.root = _certificates()
        self._info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None)
        self._context = c2pa.Context.from_dict({"verify": {"verify_after_sign": False}})

    def __call__(
        self,
        data: bytes,
        media_type: str,
        actions: Sequence[Mapping[str, Any]],
        *,
        parent: bytes = b"",
        parent_type: str = "image/jpeg",
        url: str = "",
    ) -> bytes:
        """The file with a manifest of these actions, and of a parent; with ``url`` the manifest lies there."""
        import c2pa

        definition = {
            "claim_generator_info": [{"name": "acme", "version": "1"}],
            "format": media_type,
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": list(actions)}}],
        }
        out = io.BytesIO()
        with c2pa.Signer.from_info(self._info) as signer, c2pa.Builder(definition, self._context) as builder:
            if parent:
                ingredient = {"title": "in", "relationship": "parentOf", "instance_id": "xmp:iid:1"}
                builder.add_ingredient(ingredient, parent_type, io.BytesIO(parent))
            if url:
                builder.set_no_embed()
                builder.set_remote_url(url)
            builder.sign(signer, media_type, io.BytesIO(data), out)
        return out.getvalue()


EDITED = (
    {"action": "c2pa.opened", "parameters": {"ingredientIds": ["xmp:iid:1"]}},
    {"action": "c2pa.edited", "digitalSourceType": DST + "compositeWithTrainedAlgorithmicMedia"},
)
CREATED = ({"action": "c2pa.created", "digitalSourceType": DST + "trainedAlgorithmicMedia"},)


def _certificates() -> tuple[bytes, bytes, str]:
    """Chain and key of a signer, and the root that signed it, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Fictional Works"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        for name in ("Fictional Root", "Fictional Signer")
    ]

    def certificate(number: int, extensions: Sequence[tuple[Any, bool]]) -> Any:
        builder = x509.CertificateBuilder().subject_name(names[number]).issuer_name(names[0])
        builder = builder.public_key(keys[number].public_key()).serial_number(number + 1)
        builder = builder.not_valid_before(datetime.datetime(2020, 1, 1))
        builder = builder.not_valid_after(datetime.datetime(2049, 1, 1))
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[number].public_key()), False)
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        return builder.sign(keys[0], hashes.SHA256())

    def usage(*, signs: bool) -> Any:
        return x509.KeyUsage(signs, False, False, False, False, not signs, not signs, False, False)

    root = certificate(0, [(x509.BasicConstraints(True, None), True), (usage(signs=False), True)])
    leaf = certificate(
        1,
        [
            (x509.BasicConstraints(False, None), True),
            (usage(signs=True), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), False),
        ],
    )
    pem = [found.public_bytes(serialization.Encoding.PEM) for found in (leaf, root)]
    form = serialization.PrivateFormat.PKCS8
    key = keys[1].private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return b"".join(pem), key, pem[1].decode()
