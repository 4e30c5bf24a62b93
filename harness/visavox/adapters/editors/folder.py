"""The editor kind ``folder``: media that were made elsewhere, listed in a CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from visavox.adapters.editors.outcome import FailedAs, noun
from visavox.core.errors import MediaError
from visavox.core.outputs_list import ListedOutput, read_outputs_list
from visavox.core.terms import Outcome
from visavox.ports.editor import EditedFile, Editor, EditorContext, EditRequest, EditResult, Refused

MAX_OUTPUT_BYTES = 256 << 20


def build(context: EditorContext) -> Editor:
    """Reads the list at the spec's ``path``; see ``visavox.core.outputs_list``.

    Raises:
        EditorError: if the list is absent or malformed; the message names the rows.
    """
    path = Path(str(context.spec.get("path", "")))
    rows = {row.case_id: row for row in read_outputs_list(path).rows}
    return _FolderEditor(rows, path.resolve().parent, path.name)


class _FolderEditor:
    max_batch = 32

    def __init__(self, rows: dict[str, ListedOutput], root: Path, name: str) -> None:
        self._rows, self._root, self._name = rows, root, name

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._result(request) for request in requests]

    def _result(self, request: EditRequest) -> EditResult:
        row = self._rows.get(request.case_id)
        if row is None:
            return FailedAs(f"{self._name} has no row of this case")
        if row.outcome is Outcome.REFUSED:
            return Refused(f"stated in {self._name}")
        if row.outcome is not Outcome.EDITED or row.path is None:
            return FailedAs(f"stated in {self._name}", row.outcome)
        return self._read(row.path, request)

    def _read(self, path: Path, request: EditRequest) -> EditResult:
        place = path.relative_to(self._root)
        if not path.resolve().is_relative_to(self._root) or not path.is_file():
            return FailedAs(f"there is no file {place}", Outcome.INVALID)
        if path.stat().st_size > MAX_OUTPUT_BYTES:
            return FailedAs(f"{place} is larger than {MAX_OUTPUT_BYTES >> 20} MB", Outcome.INVALID)
        try:
            return EditedFile.from_bytes(path.read_bytes(), request)
        except (MediaError, OSError) as error:
            found = error.found or error.asked if isinstance(error, MediaError) else error.strerror
            return FailedAs(f"{place} is no readable {noun(request)}: {found}", Outcome.INVALID)
