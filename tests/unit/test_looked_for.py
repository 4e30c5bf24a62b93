"""What a run read of labels and watermarks in outputs, written into its folder and read back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from visavox.core.errors import RunFolderError
from visavox.core.options import WatermarkSpec
from visavox.core.terms import Modality, PerceptibleVerdict
from visavox.engine.detection.looked_for import (
    looked_for_files,
    read_after,
    read_packs,
    read_perceptible,
    read_watermark,
    write_looked_for,
)
from visavox.engine.folder import RunFolder
from visavox.media.labels.records import Finding, VisibleFindings
from visavox.ports.detection import MarksAfter
from visavox.ports.perturbation import load_pack
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.watermark import Decoded, MarkTest, WatermarkReadings, message_bits

SPEC = WatermarkSpec(kind="python", message="0110", fpr=0.1)
READINGS = WatermarkReadings(
    "decoder",
    MarkTest(message=message_bits("0110"), fpr=0.1),
    (Decoded((0, 1, 1, 0)), None, FailureToAcquire("too small")),
    (Decoded((1, 1, 1, 0)), Decoded(None, 0.1234567890123)),
)
PACKS = (load_pack("deeperforensics-5"), load_pack("social-media"))
N_ROWS = 1 + sum(len(pack.of(Modality.FACE)) for pack in PACKS)
SEEN = (
    VisibleFindings(verdict=PerceptibleVerdict.NONCOMPLIANT, broken_rules=("height",), method="OCR", text="by Zebedee"),
    None,
    VisibleFindings(
        verdict=PerceptibleVerdict.INCONCLUSIVE,
        reason="blurred",
        details=(Finding(rule="height", clause="5.2", found="Zebedee", todo="write larger"),),
    ),
)


def plan(n_cases: int = 3, n_samples: int = 2) -> Any:
    return SimpleNamespace(cases=range(n_cases), samples=range(n_samples), modality=Modality.FACE)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    found = RunFolder(tmp_path)
    write_looked_for(found, PACKS, SEEN, READINGS, after())
    return found


def after() -> MarksAfter:
    random = np.random.default_rng(4)
    states = [random.integers(-1, 2, (N_ROWS, n)).astype(np.int8) for n in (3, 2, 2)]
    return MarksAfter(np.array([True, False, True]), *states)


def test_what_was_read_is_read_back(folder: RunFolder) -> None:
    assert read_watermark(folder, plan(), SPEC) == READINGS
    again = read_after(folder, plan(), PACKS)
    assert again is not None
    for name, value in vars(after()).items():
        np.testing.assert_array_equal(getattr(again, name), value, err_msg=name)
    packs = read_packs(folder)
    assert packs == PACKS
    assert [pack.digest for pack in packs] == [load_pack(pack.name).digest for pack in packs]
    found = read_perceptible(folder, plan())
    for one, other in zip(found, SEEN, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert (one.verdict, one.broken_rules, one.method, one.reason) == (
                other.verdict, other.broken_rules, other.method, other.reason,
            )  # fmt: skip
    files = {path.relative_to(folder.root).as_posix() for path in folder.root.rglob("*.parquet")}
    assert files == looked_for_files(folder)


def test_no_text_of_an_output_is_kept(folder: RunFolder) -> None:
    for path in folder.root.rglob("*.parquet"):
        assert "Zebedee" not in str(pq.read_table(path).to_pydict())


def test_nothing_looked_for_is_kept_as_nothing(tmp_path: Path) -> None:
    found = RunFolder(tmp_path)
    write_looked_for(found, (), (), None)
    assert read_packs(found) == () and read_perceptible(found, plan()) == (None, None, None)
    assert read_after(found, plan(), ()) is None
    with pytest.raises(RunFolderError, match="0 of 2 unedited recordings"):
        read_watermark(found, plan(), SPEC)
