"""The C2PA manifest of a file, by c2pa-python: its validation, its first action, its digital source types.

Nothing is fetched: a manifest that lies elsewhere is not examined, and revocation is not asked for. Whether the signer
is on a trust list is said apart from whether the signature holds.

References:
    C2PA Technical Specification 2.2, 18.14.2 (actions); POLICY 4.3.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from visavox.core.terms import CredentialState, ToolClass

from ..tags import SoundContainer, sound_container
from .records import CredentialFindings, Finding
from .source_types import check_types, fits

_SPEC: Final = "C2PA 2.2, 18.14.2"
_SETTINGS: Final = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
_IMAGES: Final = {b"\xff\xd8": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif", b"II*\0": "image/tiff"}
_SOUNDS: Final = {
    SoundContainer.WAV: "audio/wav",
    SoundContainer.FLAC: "audio/flac",
    SoundContainer.MPEG: "audio/mpeg",
    SoundContainer.MP4: "video/mp4",
}
_SIGNS: Final = (b"jumb", b"c2pa", b"dcterms:provenance")
_STATES: Final = {
    "trusted": CredentialState.TRUSTED,
    "valid": CredentialState.VALID,
    "invalid": CredentialState.INVALID,
}
_UNTRUSTED: Final = "signingCredential.untrusted"
MAX_TYPES: Final = 64


def credential_findings(
    data: bytes, *, tool_class: ToolClass | None = None, trust_anchors: str = ""
) -> CredentialFindings:
    """The C2PA manifest of a file's bytes; never raises.

    Args:
        data: the file.
        tool_class: what its digital source types are held against.
        trust_anchors: certificates in PEM of those whose signatures are trusted.
    """
    if not any(sign in data for sign in _SIGNS):
        return CredentialFindings(state=CredentialState.NOT_FOUND)
    media_type = _media_type(data)
    if not media_type:
        return _unseen("c2pa-python reads no manifest of this container")
    try:
        import c2pa  # type: ignore[import-untyped]
    except (ImportError, OSError) as error:  # OSError: the package is there, its library is not
        return _unseen(f"c2pa-python is not installed (pip install 'visavox[labels]'): {type(error).__name__}")
    settings = _SETTINGS | ({"trust": {"user_anchors": trust_anchors}} if trust_anchors else {})
    try:
        with (
            c2pa.Context.from_dict(settings) as context,
            c2pa.Reader(media_type, io.BytesIO(data), context=context) as reader,
        ):
            state = str(reader.get_validation_state() or "").lower()
            results, manifest = reader.get_validation_results() or {}, reader.get_active_manifest() or {}
        return _judged(state, results, manifest, data, tool_class)
    except Exception as error:  # noqa: BLE001 - the validator raises many kinds over hostile bytes
        return _of_error(error)


def _media_type(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    container = sound_container(data)
    if container is not None:
        return _SOUNDS.get(container, "")
    return next((kind for start, kind in _IMAGES.items() if data.startswith(start)), "")


def _of_error(error: Exception) -> CredentialFindings:
    message = " ".join(str(error).split())[:200]
    if message.startswith("ManifestNotFound"):
        return CredentialFindings(state=CredentialState.NOT_FOUND)
    if message.startswith(("Remote: must fetch", "RemoteManifest")):
        return _unseen("the manifest lies at an address that the file names; nothing is fetched")
    return CredentialFindings(state=CredentialState.UNREADABLE, reason=f"{type(error).__name__.strip('_')}: {message}")


def _unseen(reason: str) -> CredentialFindings:
    return CredentialFindings(state=CredentialState.NOT_EXAMINED, reason=reason)


def _judged(
    state: str, results: Mapping[str, Any], manifest: Mapping[str, Any], data: bytes, tool_class: ToolClass | None
) -> CredentialFindings:
    actions = _actions(manifest)
    types = tuple(dict.fromkeys(str(a["digitalSourceType"]) for a in actions if a.get("digitalSourceType")))[:MAX_TYPES]
    failed = (results.get("activeManifest") or {}).get("failure") or ()
    failures = tuple(dict.fromkeys(str(failure.get("code", "")) for failure in failed))
    broken = (*_of_first_action(actions, manifest), *check_types(types, tool_class, data))
    signature = manifest.get("signature_info") or {}
    generators = manifest.get("claim_generator_info") or [{}]
    return CredentialFindings(
        state=_STATES.get(state, CredentialState.UNREADABLE),
        first_action=str(actions[0].get("action", "")) if actions else "",
        digital_source_types=types,
        fits_tool_class=fits(types, tool_class, data),
        failures=tuple(code for code in failures if code != _UNTRUSTED),
        broken_rules=tuple(dict.fromkeys(finding.rule for finding in broken)),
        details=broken,
        signer=str(signature.get("common_name") or signature.get("issuer") or ""),
        generator=str(generators[0].get("name") or manifest.get("claim_generator") or ""),
    )


def _actions(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for assertion in manifest.get("assertions") or ():
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            found += [a for a in (assertion.get("data") or {}).get("actions") or () if isinstance(a, Mapping)]
    return found


def _of_first_action(actions: list[Mapping[str, Any]], manifest: Mapping[str, Any]) -> Iterator[Finding]:
    if not actions:
        yield _finding("first-action", "no action", "begin with c2pa.created, or c2pa.opened of what was edited")
        return
    name = str(actions[0].get("action", ""))
    if name not in {"c2pa.created", "c2pa.opened"}:
        found = f"the first action is {name[:60]}"
        yield _finding("first-action", found, "begin with c2pa.created, or c2pa.opened of what was edited")
    elif name == "c2pa.created" and not actions[0].get("digitalSourceType"):
        yield _finding("created-source-type", "c2pa.created without a digitalSourceType", "state the digitalSourceType")
    elif name == "c2pa.opened" and not any(
        ingredient.get("relationship") == "parentOf" for ingredient in manifest.get("ingredients") or ()
    ):
        yield _finding("opened-parent", "c2pa.opened without a parent ingredient", "add the unedited medium as parent")


def _finding(rule: str, found: str, todo: str) -> Finding:
    return Finding(rule=f"c2pa-{rule}", clause=_SPEC, found=found, todo=todo)
