"""Rows of score files: text and Parquet alike, every row with the line it stands on."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import EvidenceError

HEADERS = {"score", "attack_score", "cm-score", "cm-label", "asv-label"}
"""A first line with one of these words is a header."""
KALDI_HEADER = ["enroll_id", "trial_id", "score"]
"""VoicePrivacy's program writes one above its scores."""
ALIASES = {"tar_spk_anon": "spk", "trial_anon": "filename"}
"""ASVspoof 5's full keys call two columns so."""
MOST_BYTES = 4 << 30


def fault(path: Path, line: int, found: str, todo: str) -> EvidenceError:
    """One clear line: file, line, what stands there, what to do."""
    return EvidenceError(f"{path}, line {line}: {found}; {todo}")


class Rows(NamedTuple):
    """A file as rows of text.

    Attributes:
        header: column names in lower case; empty where the file has none.
        cells: a list per row, all of one length.
        lines: the line of each row, from 1; in Parquet the row's number.
    """

    path: Path
    header: tuple[str, ...]
    cells: list[list[str]]
    lines: Sequence[int]

    @property
    def width(self) -> int:
        """Columns."""
        return len(self.cells[0])

    def column(self, name: str) -> list[str]:
        """A column by its name."""
        return self.at(self.header.index(name))

    def at(self, place: int) -> list[str]:
        """A column by its place."""
        return [row[place] for row in self.cells]

    def need(self, names: Sequence[str]) -> None:
        """The header has these columns.

        Raises:
            EvidenceError: it has not.
        """
        missing = [name for name in names if name not in self.header]
        if missing:
            stands = f"the columns {', '.join(self.header)}" if self.header else "no header"
            raise fault(self.path, 1, stands, f"this layout needs the columns {', '.join(names)}")

    def need_width(self, width: int, layout: str) -> None:
        """The rows have so many columns.

        Raises:
            EvidenceError: they have not.
        """
        if self.width != width:
            raise fault(
                self.path, self.lines[0], f"{self.width} columns", f"{layout} has {width}: see `visavox score --help`"
            )


def read_rows(path: Path) -> Rows:
    """The rows of a text or Parquet file.

    Raises:
        EvidenceError: a file that is absent, unreadable, empty, not UTF-8, too large, or whose rows differ in length.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise EvidenceError(f"{path}: more than {MOST_BYTES >> 30} GiB; split the file")
        rows = _parquet(path) if path.suffix.lower() in {".parquet", ".pq"} else _text(path)
    except OSError as error:
        raise EvidenceError(f"{path}: {error.strerror or error}; check the path") from error
    except UnicodeDecodeError as error:
        raise EvidenceError(f"{path}: no UTF-8 text; save it as such, or give Parquet the suffix .parquet") from error
    if not rows.cells:
        raise EvidenceError(f"{path}: no scores in it; give a file with one trial a line")
    return rows


def _text(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        first = next((line for line in stream if line.strip() and line[0] != "#"), "")
        stream.seek(0)
        mark = next((mark for mark in (",", "\t", ";") if mark in first), None)
        lines: list[int] = []
        cells: list[list[str]] = []
        reader = csv.reader(stream, delimiter=mark) if mark else (line.split() for line in stream)
        for number, row in enumerate(reader, start=1):
            if not row or row[0].startswith("#") or not any(cell.strip() for cell in row):
                continue
            cells.append([cell.strip() for cell in row])
            lines.append(reader.line_num if mark else number)  # type: ignore[union-attr]
    if not cells:
        return Rows(path, (), [], [])
    names = [ALIASES.get(cell.lower(), cell.lower()) for cell in cells[0]]
    has_header = bool(HEADERS & set(names))
    header = tuple(names) if has_header and names != KALDI_HEADER else ()
    start = int(has_header)
    _one_width(path, cells, lines)
    if len(set(header)) < len(header):
        raise fault(path, lines[0], f"the columns {', '.join(header)}", "name each column once")
    return Rows(path, header, cells[start:], lines[start:])


def _one_width(path: Path, cells: list[list[str]], lines: list[int]) -> None:
    width = len(cells[0])
    odd = next((i for i, row in enumerate(cells) if len(row) != width), None)
    if odd is not None:
        raise fault(
            path, lines[odd], f"{len(cells[odd])} columns where line {lines[0]} has {width}", "every line has the same"
        )


def _parquet(path: Path) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowException as error:
        raise EvidenceError(f"{path}: no readable Parquet ({error}); write it again") from error
    columns = [["" if value is None else str(value) for value in column.to_pylist()] for column in table.columns]
    header = tuple(ALIASES.get(name.lower(), name.lower()) for name in table.column_names)
    return Rows(path, header, [list(row) for row in zip(*columns, strict=True)], range(1, table.num_rows + 1))


def finite(rows: Rows, cells: Sequence[str]) -> npt.NDArray[np.float64]:
    """A column as finite numbers.

    Raises:
        EvidenceError: a cell that is none, with its line.
    """
    try:
        scores = np.array(cells, np.float64)
    except ValueError:
        scores = None
    if scores is not None and np.isfinite(scores).all():
        return scores
    row = next(i for i, cell in enumerate(cells) if not _is_finite(cell))
    raise fault(
        rows.path,
        rows.lines[row],
        f"the score {cells[row]!r} is no finite number",
        "a trial without a score is a failure to acquire: leave it out and count it",
    )


def _is_finite(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def one_class(path: Path, kinds: Sequence[str], n: int) -> None:
    """Figures need trials of two kinds.

    Raises:
        EvidenceError: all are of one.
    """
    if len(kinds) < 2:
        raise EvidenceError(f"{path}: all {n} trials are {kinds[0]}; a figure needs two kinds: check the labels")
