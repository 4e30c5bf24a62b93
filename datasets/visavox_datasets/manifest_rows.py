"""Rows of a manifest file (CSV, JSONL, Parquet) as text, each with the place that an error can name."""

from __future__ import annotations

import csv
import datetime
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_MANIFEST_BYTES = 256 << 20
MAX_ROWS = 5_000_000
MAX_VALUE_CHARS = 10_000

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Row:
    """One row: its place (``line 7`` or ``row 7``) and its values, stripped text, empty where not given."""

    place: str
    values: Mapping[str, str]


@dataclass
class Rows:
    """What could be read of a manifest file.

    Attributes:
        columns: names in the order of the file; for JSONL the keys that occur.
        faults: in words, each with its place; rows at fault are left out of ``rows``.
    """

    columns: tuple[str, ...] = ()
    rows: list[Row] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read_rows(path: Path) -> Rows:
    """Reads a ``.csv``, ``.jsonl`` (``.ndjson``) or ``.parquet`` file; what is wrong stands in ``faults``.

    Numbers become text as Python writes them, true and false lower-case, dates ISO 8601; null is an empty value.
    So the same table gives the same rows in each of the three formats.
    """
    found = Rows()
    readers = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        found.faults.append(f"unknown file type {path.suffix!r}; known: {', '.join(readers)}")
        return found
    try:
        size = path.stat().st_size
        if size > MAX_MANIFEST_BYTES:
            found.faults.append(f"the manifest holds {size} bytes; at most {MAX_MANIFEST_BYTES} are read")
        else:
            reader(path, found)
    except FileNotFoundError:
        found.faults.append("there is no such file; dataset.path counts from the folder of the suite")
    except OSError as error:
        found.faults.append(f"the manifest cannot be read: {error.strerror or type(error).__name__}")
    return found


def _text_lines(path: Path, found: Rows) -> list[str]:
    """Lines with their ends; a byte order mark is dropped, text that is no UTF-8 is a fault."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found.faults.append(f"line {line}: not UTF-8 (byte 0x{data[error.start]:02x})")
        return []
    # Not str.splitlines: it also breaks at U+2028 and form feeds, which may stand inside a value.
    return [line + "\n" for line in text.replace("\r\n", "\n").split("\n")] if text else []


def _csv(path: Path, found: Rows) -> None:
    reader = csv.reader(_text_lines(path, found), strict=True)
    records = _csv_records(reader, found)
    _, header = next(records, (0, []))
    found.columns = tuple(name.strip() for name in header)
    _check_columns(found)
    for line, fields in records:
        place = f"line {line}"
        if len(fields) != len(found.columns):
            found.faults.append(f"{place}: {len(fields)} values under {len(found.columns)} columns")
            continue
        _add(found, place, dict(zip(found.columns, fields, strict=True)))


def _csv_records(reader: Any, found: Rows) -> Iterator[tuple[int, list[str]]]:
    """Records with the line each begins at; one that cannot be parsed is a fault and ends the reading."""
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            found.faults.append(f"line {line}: {error}")
            return
        if fields:
            yield line, fields


def _jsonl(path: Path, found: Rows) -> None:
    columns: dict[str, None] = {}
    for number, line in enumerate(_text_lines(path, found), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            record = json.loads(line, object_pairs_hook=_unique, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            found.faults.append(f"{place}: not JSON that can be used ({error})")
            continue
        if not isinstance(record, dict):
            found.faults.append(f"{place}: not a JSON object")
            continue
        record = {name.strip(): value for name, value in record.items()}
        columns.update(dict.fromkeys(record))
        _add(found, place, record)
    found.columns = tuple(columns)
    _check_columns(found)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key stands twice")
    return record


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no value")


def _parquet(path: Path, found: Rows) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        sizes = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
        if file.metadata.num_rows > MAX_ROWS or sum(sizes) > 4 * MAX_MANIFEST_BYTES:
            found.faults.append(f"the manifest is too large: {file.metadata.num_rows} rows, {sum(sizes)} bytes")
            return
        table = file.read()
    except (pa.ArrowException, OSError) as error:
        found.faults.append(f"not a readable Parquet file ({type(error).__name__})")
        return
    found.columns = tuple(name.strip() for name in table.column_names)
    _check_columns(found)
    number = 0
    for batch in table.to_batches():
        lists = [column.to_pylist() for column in batch.columns]
        for values in zip(*lists, strict=True):
            number += 1
            _add(found, f"row {number}", dict(zip(found.columns, values, strict=True)))


def _check_columns(found: Rows) -> None:
    for name in sorted({name for name in found.columns if found.columns.count(name) > 1 or not name}):
        found.faults.append(f"column {name!r} stands twice" if name else "a column has no name")


def _add(found: Rows, place: str, record: Mapping[str, Any]) -> None:
    values, faults = {}, []
    for name, value in record.items():
        text = _as_text(value)
        if text is None:
            faults.append(f"{place}: {name}: not a plain value ({type(value).__name__})")
        elif "\0" in text:
            faults.append(f"{place}: {name}: holds a NUL character")
        elif len(text) > MAX_VALUE_CHARS:
            faults.append(f"{place}: {name}: {len(text)} characters; at most {MAX_VALUE_CHARS} are read")
        elif _SURROGATE.search(text):
            faults.append(f"{place}: {name}: holds half of a surrogate pair")
        values[name] = text or ""
    found.faults.extend(faults)
    if not faults:
        found.rows.append(Row(place, values))


def _as_text(value: Any) -> str | None:
    """A plain value as stripped text; None where it is a list, an object or raw bytes."""
    if value is None or (isinstance(value, float) and math.isnan(value)):  # data frames say null by NaN
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, str | int | float):
        return str(value).strip()
    return None
