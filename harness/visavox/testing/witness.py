"""An editor around an editor: notes, from within the worker, which requests the inner one alters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from visavox.core.digest import sha256_bytes
from visavox.ports.editor import Audio, Editor, EditorContext, EditRequest, EditResult, Media, editors


def around(spec: Mapping[str, Any], notes: Path, timeout_s: float) -> dict[str, Any]:
    """The spec of a witness around the editor of another spec; it appends case ids to a file."""
    params = {"spec": dict(spec), "notes": str(notes), "timeout_s": timeout_s}
    return {"kind": "python", "entry": f"{__name__}:load", "artifact": None, "params": params}


def read_notes(notes: Path) -> list[str]:
    """The ids of the cases whose request was altered; none if there is no file."""
    return notes.read_text().split() if notes.exists() else []


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor:
    """Builds the inner editor and the witness around it."""
    notes, spec = Path(params["notes"]), params["spec"]
    scratch = notes.with_suffix(".scratch")
    scratch.mkdir(exist_ok=True, mode=0o700)
    context = EditorContext(spec, device, scratch, timeout_s=params["timeout_s"])
    return _Witness(editors.get(spec["kind"])(context), notes)


class _Witness:
    def __init__(self, inner: Editor, notes: Path) -> None:
        self._inner, self._notes = inner, notes
        self.max_batch = getattr(inner, "max_batch", 1)

    def edit(self, requests: Sequence[EditRequest]) -> Sequence[EditResult]:
        kept, before = tuple(requests), [_digest(request) for request in requests]
        try:
            return self._inner.edit(requests)
        finally:
            with self._notes.open("a") as stream:
                for request, digest in zip(kept, before, strict=True):
                    if _digest(request) != digest:
                        stream.write(request.case_id + "\n")


def _digest(request: EditRequest) -> str:
    plain = [request.case_id, request.operation, request.seed, request.consent, dict(request.params)]
    media = [[role, *_parts(medium)] for role, medium in sorted(request.media.items())]
    return sha256_bytes(repr([plain, media]).encode())


def _parts(medium: Media) -> list[Any]:
    array = medium.samples if isinstance(medium, Audio) else medium
    rate = medium.sample_rate_hz if isinstance(medium, Audio) else 0
    return [str(array.dtype), array.shape, rate, sha256_bytes(array.tobytes())]
