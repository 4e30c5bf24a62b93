"""Laws of the manifest loader: neither the format, nor the order of rows, nor the folder matters."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.core.records import DatasetSpec
from visavox_datasets.manifest import ManifestDataset, load_manifest

COLUMNS = ("path", "subject_id", "modality", "session", "consent", "licence", "age_band", "Größe, cm")
words = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff"), min_size=1, max_size=8
).filter(str.strip)
optional = st.one_of(st.just(""), words)


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, str]]:
    people = draw(st.lists(words, min_size=1, max_size=5))
    rows = []
    for number in range(draw(st.integers(1, 12))):
        consent = draw(st.sampled_from(["", "granted", "refused"]))
        values = [f"{number}.wav", draw(st.sampled_from(people)), "voice", draw(optional), consent]
        rows.append(dict(zip(COLUMNS, [*values, *(draw(optional) for _ in range(3))], strict=True)))
    return rows


def load(folder: Path, rows: list[dict[str, str]], suffix: str) -> ManifestDataset:
    path = folder / f"manifest{suffix}"
    if suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    elif suffix == ".jsonl":
        kept: list[dict[str, Any]] = [{k: v for k, v in row.items() if v} for row in rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    else:
        columns = {name: [row[name] or None for row in rows] for name in COLUMNS}
        pq.write_table(pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}), path)
    return load_manifest(DatasetSpec(kind="manifest", path=str(path)), 7)


@settings(max_examples=40, deadline=None)
@given(rows=tables(), order=st.randoms(use_true_random=False))
def test_the_three_formats_and_any_order_give_one_data_set(rows: list[dict[str, str]], order: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for row in rows:
            (folder / row["path"]).write_bytes(row["path"].encode())
        shuffled = list(rows)
        order.shuffle(shuffled)
        first, *others = (
            load(folder, table, suffix) for table in (rows, shuffled) for suffix in (".csv", ".jsonl", ".parquet")
        )
        assert len(first.samples) == len(rows)
        for other in others:
            assert other.digest == first.digest
            assert other.samples == first.samples
