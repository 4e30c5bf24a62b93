"""The editor kind ``folder``: media that were made elsewhere, listed in a CSV of case_id, output_path, outcome."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from visavox.adapters.editors.outcome import FailedAs
from visavox.core.errors import EditorError, MediaError
from visavox.core.terms import Outcome
from visavox.media.image import decode_image
from visavox.ports.editor import Editor, EditorContext, EditRequest, EditResult, Refused

COLUMNS = ("case_id", "output_path", "outcome")
MAX_OUTPUT_BYTES = 256 << 20
MAX_CSV_BYTES = 256 << 20
_FAULTS_SHOWN = 10


class _Row(NamedTuple):
    outcome: Outcome
    path: Path | None


def build(context: EditorContext) -> Editor:
    """Reads the CSV of the spec's ``path``.

    Columns: ``case_id``; ``output_path``, relative to the CSV's folder and below it, empty unless edited; ``outcome``,
    one of edited, refused, failed, timed_out, invalid (edited where the column is absent or empty). Others are passed
    over.

    Raises:
        EditorError: if the CSV is absent or malformed; the message names the rows.
    """
    path = Path(str(context.spec.get("path", "")))
    asked = f"read the outputs' list {path}"
    if not path.is_file():
        raise EditorError(asked, found="there is no such file", todo="write a CSV of " + ", ".join(COLUMNS))
    if path.stat().st_size > MAX_CSV_BYTES:
        raise EditorError(asked, found=f"it is larger than {MAX_CSV_BYTES >> 20} MB")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            missing = {"case_id", "output_path"} - set(reader.fieldnames or ())
            if missing:
                raise EditorError(asked, found="it has no column " + ", ".join(sorted(missing)))
            rows, faults = _rows(reader, path.resolve().parent)
    except (csv.Error, UnicodeDecodeError) as error:
        raise EditorError(asked, found=f"it is no CSV in UTF-8: {error}") from error
    if faults:
        more = [f"and {len(faults) - _FAULTS_SHOWN} more"] if len(faults) > _FAULTS_SHOWN else []
        raise EditorError(asked, found="\n".join([*faults[:_FAULTS_SHOWN], *more]), todo="repair these rows")
    return _FolderEditor(rows, path.resolve().parent, path.name)


def _rows(reader: csv.DictReader[str], root: Path) -> tuple[dict[str, _Row], list[str]]:
    rows: dict[str, _Row] = {}
    faults: list[str] = []
    for cells in reader:
        case_id, place = (cells["case_id"] or "").strip(), (cells["output_path"] or "").strip()
        word = (cells.get("outcome") or "edited").strip()
        fault = _fault(case_id, place, word, root) or ("two rows of one case" if case_id in rows else "")
        if None in cells:
            fault = "more cells than columns"
        if fault:
            faults.append(f"row {reader.line_num}: {fault}")
        else:
            rows[case_id] = _Row(Outcome(word), root / place if place else None)
    return rows, faults


def _fault(case_id: str, place: str, word: str, root: Path) -> str:
    if not case_id:
        return "no case_id"
    if word not in set(Outcome):
        return f"outcome {word!r} is none of {', '.join(Outcome)}"
    if word == Outcome.EDITED and not place:
        return "edited, and no output_path"
    if "\0" in place or not (root / place).resolve().is_relative_to(root):
        return f"output_path {place!r} leads out of the CSV's folder"
    return ""


class _FolderEditor:
    max_batch = 32

    def __init__(self, rows: dict[str, _Row], root: Path, name: str) -> None:
        self._rows, self._root, self._name = rows, root, name

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._result(request.case_id) for request in requests]

    def _result(self, case_id: str) -> EditResult:
        row = self._rows.get(case_id)
        if row is None:
            return FailedAs(f"{self._name} has no row of this case")
        if row.outcome is Outcome.REFUSED:
            return Refused(f"stated in {self._name}")
        if row.outcome is not Outcome.EDITED or row.path is None:
            return FailedAs(f"stated in {self._name}", row.outcome)
        return self._read(row.path)

    def _read(self, path: Path) -> EditResult:
        place = path.relative_to(self._root)
        if not path.resolve().is_relative_to(self._root) or not path.is_file():
            return FailedAs(f"there is no file {place}", Outcome.INVALID)
        if path.stat().st_size > MAX_OUTPUT_BYTES:
            return FailedAs(f"{place} is larger than {MAX_OUTPUT_BYTES >> 20} MB", Outcome.INVALID)
        try:
            return decode_image(path.read_bytes())
        except (MediaError, OSError) as error:
            found = error.found or error.asked if isinstance(error, MediaError) else error.strerror
            return FailedAs(f"{place} is no readable image: {found}", Outcome.INVALID)
