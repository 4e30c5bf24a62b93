"""Edits by everything that makes them, kept across runs where ``execution.cache`` asks for it (off by default).

Kept are the edits of baselines alone. What a user's own editor, program or folder loads beside the files it names is
not known, and a verdict on yesterday's outputs would be no verdict on today's model. The key also holds the device,
Python, every installed package with its version, and our own code. A unit is taken whole or not at all, for an edit may
depend on the batch it was made in.

Outputs are biometric data: the folder is 0700, bounded in size, and opt-in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from visavox.core.artifact import artifact_digest
from visavox.core.config import BaselineEditor, Suite
from visavox.core.digest import sha256_bytes, sha256_json
from visavox.core.records import EditRow
from visavox.core.resources import user_cache_dir
from visavox.core.terms import Outcome
from visavox.ports.editor import EditRequest

from .cache import LIMIT_BYTES, trim
from .store import Store, write_atomically
from .surroundings import surroundings

_KEPT = frozenset({Outcome.EDITED, Outcome.REFUSED})


class EditCache:
    """A bounded folder of edit rows with their output.

    Args:
        suite: whose editor makes the edits.
        digests: of the test samples' media, by sample id.
        device: that the editor is told.
    """

    def __init__(
        self,
        suite: Suite,
        digests: Mapping[str, str],
        *,
        device: str,
        root: Path | None = None,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._root = root or user_cache_dir() / "edits"
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        trim(self._root, limit_bytes)
        self._digests = digests
        made_by = editor_digest(suite)
        self._scope = made_by and sha256_json([made_by, device, surroundings()])

    def unit(self, requests: Sequence[EditRequest], roles: Sequence[Mapping[str, str]], store: Store) -> list[EditRow]:
        """The rows of a unit, outputs put into the run's store; empty unless all of them are known.

        Args:
            requests: the unit's.
            roles: the sample in each role of each request.
            store: of the run.
        """
        found = []
        for request, samples in zip(requests, roles, strict=True):
            entry = self._read(request, samples)
            if entry is None:
                return []
            found.append(entry)
        for row, data in found:
            if row.outputs:
                store.put(data)
        return [row for row, _ in found]

    def keep(
        self, requests: Sequence[EditRequest], roles: Sequence[Mapping[str, str]], rows: Sequence[EditRow], store: Store
    ) -> None:
        """Keeps a unit whose cases were all edited or refused."""
        if not self._scope or any(row.outcome not in _KEPT for row in rows):
            return
        for request, samples, row in zip(requests, roles, rows, strict=True):
            data = store.read(row.outputs[0].digest) if row.outputs else b""
            write_atomically(self._path(request, samples), row.model_dump_json().encode() + b"\n" + data)

    def _read(self, request: EditRequest, samples: Mapping[str, str]) -> tuple[EditRow, bytes] | None:
        if not self._scope:
            return None
        try:
            head, _, data = self._path(request, samples).read_bytes().partition(b"\n")
            row = EditRow.model_validate_json(head)
        except (OSError, ValidationError):
            return None
        is_whole = row.case_id == request.case_id and all(o.digest == sha256_bytes(data) for o in row.outputs)
        return (row, data) if is_whole else None

    def _path(self, request: EditRequest, samples: Mapping[str, str]) -> Path:
        media = {role: self._digests[sample] for role, sample in samples.items()}
        case = [request.case_id, request.operation, request.seed, request.consent, dict(request.params), request.person]
        name = sha256_json([self._scope, case, media])
        return self._root / name[:2] / name[2:]


def editor_digest(suite: Suite) -> str:
    """Digest of a baseline and its parameters; empty for every other editor, so that nothing of it is kept."""
    editor = suite.editor
    if not isinstance(editor, BaselineEditor):
        return ""
    return sha256_json({"editor": editor.model_dump(mode="json"), "artifact": artifact_digest(editor)})
