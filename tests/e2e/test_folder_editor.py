"""Media made elsewhere: by the cases of ``visavox plan --cases``, and by the people who went in."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pretend import texture

from visavox import load_suite, run
from visavox.cli import exit_code
from visavox.core.errors import ConfigError
from visavox.core.terms import Verdict
from visavox.media.image import decode_image, encode_png

FOLDER = (
    "{{kind: folder, path: {path}, name: elsewhere, version: '1', operation: face-anonymisation,"
    " tool_class: anonymise}}"
)


def stranger(number: int) -> np.ndarray:
    return texture(10_000 + number, 0)


def test_cases_are_planned_edited_elsewhere_and_brought_back(
    make_people: Callable[..., Path], pixels_suite: Callable[..., Path], tmp_path: Path
) -> None:
    manifest = make_people(50)
    (tmp_path / "outputs.csv").write_text("case_id,output_path,outcome\n")
    suite = pixels_suite(manifest, FOLDER.format(path=tmp_path / "outputs.csv"))
    assert exit_code(["plan", str(suite), "--cases", str(tmp_path / "cases.csv")]) == 0
    with (tmp_path / "cases.csv").open(newline="") as stream:
        cases = list(csv.DictReader(stream))
    assert len(cases) == 200
    known = ["case_id", "operation", "seed", "host_path", "donor_path", "subject_path"]
    assert list(cases[0]) == [*known, "contributor_1_path", "contributor_2_path", "consent"]
    assert {case["consent"] for case in cases} == {"unstated"}
    rows = ["case_id,output_path,outcome"]
    for number, case in enumerate(cases):
        assert decode_image(Path(case["subject_path"]).read_bytes()).shape == (32, 32, 3)
        (tmp_path / f"{number}.png").write_bytes(encode_png(stranger(number)))
        rows.append(f"{case['case_id']},{number}.png,edited")
    rows[-1] = f"{cases[-1]['case_id']},,refused"
    (tmp_path / "outputs.csv").write_text("\n".join(rows))
    report = run(load_suite(suite), tmp_path / "run")
    assert (report.ledger.edited, report.ledger.refused) == (199, 1)
    assert report.decision.verdict is Verdict.PASS, report.decision.reasons


def test_outputs_that_name_people_are_cases_of_their_own(
    make_people: Callable[..., Path], pixels_suite: Callable[..., Path], tmp_path: Path
) -> None:
    """The input is unknown, so there is no bystander difference: a clean tool is INCONCLUSIVE; a leak still FAILs."""
    manifest = make_people(50)
    for name, leaks in (("clean", False), ("leaky", True)):
        (tmp_path / name).mkdir()
        rows = ["output_path,from_subject,to_subject"]
        for number in range(150):
            person = number % 50
            picture = texture(person, 50 + number) if leaks else stranger(number)
            (tmp_path / name / f"{number}.png").write_bytes(encode_png(picture))
            rows.append(f"{number}.png,person {person},")
        (tmp_path / name / "outputs.csv").write_text("\n".join(rows))
        suite = pixels_suite(manifest, FOLDER.format(path=tmp_path / name / "outputs.csv"), name=name)
        report = run(load_suite(suite), tmp_path / f"run-{name}")
        assert report.ledger.attempted == report.ledger.edited == 150
        (found,) = [
            e
            for result in report.results
            for e in result.estimates
            if e.name == "subject_match_rate" and e.attacker == "ignorant"
        ]
        assert found.n == 150 * 4
        assert (found.value > 0.9) is leaks
        assert report.decision.verdict is (Verdict.FAIL if leaks else Verdict.INCONCLUSIVE)
        assert any(m.name == "bystander_match_difference" for m in report.not_made)


def test_people_who_are_not_in_the_data_set_are_refused(
    make_people: Callable[..., Path], pixels_suite: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "0.png").write_bytes(encode_png(stranger(0)))
    (tmp_path / "outputs.csv").write_text("output_path,from_subject\n0.png,Nobody Known\n")
    suite = pixels_suite(make_people(5), FOLDER.format(path=tmp_path / "outputs.csv"))
    with pytest.raises(ConfigError, match="1 outputs are of people who are not in it; the first is output 1") as error:
        run(load_suite(suite), tmp_path / "run")
    assert "Nobody" not in str(error.value)
