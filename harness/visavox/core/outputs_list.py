"""The list of a ``folder`` editor: media made elsewhere, a CSV of one row an output.

Either ``case_id, output_path, outcome`` (case ids from ``visavox plan SUITE --cases``), or, where nobody knows which
recording went in, ``output_path, from_subject, to_subject``: then the case id is the first 16 hex digits of the
output's SHA-256. A column ``species`` may name what made each output, where several generators or settings did.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from .digest import sha256_file
from .errors import EditorError
from .terms import Outcome

MAX_LIST_BYTES = 256 << 20
_FAULTS_SHOWN = 10


class ListedOutput(NamedTuple):
    """One row.

    Attributes:
        path: absolute, below the list's folder; None unless edited.
        from_subject, to_subject: whose recording went in, and whom the output is meant to show; empty where the list
            names cases.
        species: what made it; empty where the list does not say.
    """

    case_id: str
    outcome: Outcome
    path: Path | None
    from_subject: str = ""
    to_subject: str = ""
    species: str = ""


class OutputsList(NamedTuple):
    """A list; ``names_people`` tells its form."""

    rows: tuple[ListedOutput, ...]
    names_people: bool


def read_outputs_list(path: Path) -> OutputsList:
    """Reads a list; paths are relative to its folder and stay below it.

    Raises:
        EditorError: the list is absent or malformed; the message names the rows, never a person.
    """
    asked = f"read the outputs' list {path}"
    if not path.is_file():
        raise EditorError(asked, found="there is no such file", todo="write a CSV of case_id, output_path, outcome")
    if path.stat().st_size > MAX_LIST_BYTES:
        raise EditorError(asked, found=f"it is larger than {MAX_LIST_BYTES >> 20} MB")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            columns = set(reader.fieldnames or ())
            names_people = "case_id" not in columns and "from_subject" in columns
            needed = {"output_path", "from_subject" if names_people else "case_id"}
            if needed - columns:
                raise EditorError(asked, found="it has no column " + ", ".join(sorted(needed - columns)))
            rows, faults = _rows(reader, path.resolve().parent, names_people)
    except (csv.Error, UnicodeDecodeError) as error:
        raise EditorError(asked, found=f"it is no CSV in UTF-8: {error}") from error
    if faults:
        more = [f"and {len(faults) - _FAULTS_SHOWN} more"] if len(faults) > _FAULTS_SHOWN else []
        raise EditorError(asked, found="\n".join([*faults[:_FAULTS_SHOWN], *more]), todo="repair these rows")
    return OutputsList(tuple(rows.values()), names_people)


def _rows(reader: csv.DictReader[str], root: Path, names_people: bool) -> tuple[dict[str, ListedOutput], list[str]]:
    rows: dict[str, ListedOutput] = {}
    faults: list[str] = []
    for cells in reader:
        case_id, place = (cells.get("case_id") or "").strip(), (cells["output_path"] or "").strip()
        word = (cells.get("outcome") or "edited").strip()
        person, meant = ((cells.get(name) or "").strip() for name in ("from_subject", "to_subject"))
        fault = "more cells than columns" if None in cells else _fault(place, word, root)
        if not fault and names_people:
            fault = "" if person else "no from_subject"
            fault = fault or ("" if (root / place).is_file() else f"there is no file {place!r}")
            case_id = "" if fault else sha256_file(root / place)[:16]
        elif not fault and not case_id:
            fault = "no case_id"
        fault = fault or ("two rows of one case" if case_id in rows else "")
        if fault:
            faults.append(f"row {reader.line_num}: {fault}")
        else:
            made_by = (cells.get("species") or "").strip()
            rows[case_id] = ListedOutput(
                case_id, Outcome(word), root / place if place else None, person, meant, made_by
            )
    return rows, faults


def _fault(place: str, word: str, root: Path) -> str:
    if word not in set(Outcome):
        return f"outcome {word!r} is none of {', '.join(Outcome)}"
    if word == Outcome.EDITED and not place:
        return "edited, and no output_path"
    if "\0" in place or not (root / place).resolve().is_relative_to(root):
        return f"output_path {place!r} leads out of the CSV's folder"
    return ""
