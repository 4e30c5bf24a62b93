"""Two runs compared from their folders: what is said of each person is what the editors really did."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from pretend import PIXELS_SUITE, PYTHON, texture

from visavox import load_suite, run
from visavox.api.comparing import compare, trials_in_both
from visavox.cli import exit_code
from visavox.cli.compare_command import compare_command
from visavox.core.comparison import Change, Comparison, FigureChange, comparison_schema
from visavox.core.errors import EvidenceError
from visavox.media.image import encode_png
from visavox.metrics.intervals import Stratum
from visavox.ports.decided import DecidedTrials

ENTRY = Path(__file__).parents[1] / "editors_under_test.py"
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "compare-two-runs.md"
LEAKS = {"1": 0.1, "2": 0.3}
PEOPLE = 40


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs of two editors, of which the second leaks what the first leaks and more, and one of another kind."""
    folder = tmp_path_factory.mktemp("compare")
    rows = ["path,subject_id,modality"]
    for person in range(PEOPLE):
        for image in range(4):
            (folder / f"{person}-{image}.png").write_bytes(encode_png(texture(person, image)))
            rows.append(f"{person}-{image}.png,Zebedee Quux {person},face")
    (folder / "manifest.csv").write_text("\n".join(rows))
    for name, leak in LEAKS.items():
        run(load_suite(suite_of(folder, leak)), folder / "runs" / name)
    other = load_suite(
        suite_of(folder, 0.1), overrides=["seed=8", "assessments={identity_leak: {attackers: [ignorant]}}"]
    )
    run(other, folder / "runs" / "other", limit=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def suite_of(folder: Path, leak: float) -> Path:
    editor = PYTHON.format(entry=f"{ENTRY}:load", params=json.dumps({"leak": leak}))
    path = folder / "suite.yaml"
    path.write_text(PIXELS_SUITE.format(name="compare", editor=editor, manifest=folder / "manifest.csv"))
    return path


@pytest.fixture(scope="module")
def found(site: Path) -> Comparison:
    return compare(site / "runs/1", site / "runs/2")


def ignorant(comparison: Comparison) -> FigureChange:
    (one,) = [f for f in comparison.gated if f.name == "subject_match_rate" and f.attacker == "ignorant"]
    return one


def test_newly_leaking_people_are_those_whose_pictures_leak_only_now(site: Path, found: Comparison) -> None:
    """By what the editors do: a case leaks iff its own draw lies below the share."""
    plan = json.loads((site / "runs/1/plan.json").read_bytes())
    draws = [np.random.default_rng(int(case["id"], 16)).random() for case in plan["cases"]]
    by_run = [{p for p, d in zip(plan["case_person"], draws, strict=True) if d < leak} for leak in LEAKS.values()]
    trials = ignorant(found).trials
    assert trials is not None
    truth = by_run[1] - by_run[0]
    assert set(trials.newly_leaking) <= truth
    assert len(truth) - len(trials.newly_leaking) <= 2 < 15 < len(truth)  # the judge misses a picture now and then
    assert trials.no_longer_leaking == () and trials.from_match == 0
    assert trials.n == PEOPLE * 4 * 3 and trials.n_only_a == trials.n_only_b == 0
    assert trials.expected_by_chance < 2


def test_flips_are_what_the_reports_count_and_the_values_are_theirs(site: Path, found: Comparison) -> None:
    reports = [json.loads((site / "runs" / name / "report.json").read_bytes()) for name in LEAKS]
    for figure in found.gated:
        own = [
            [e["value"] for r in report["results"] for e in r["estimates"]
             if (e["name"], e["recogniser"], e["attacker"]) == (figure.name, figure.recogniser, figure.attacker)]
            for report in reports
        ]  # fmt: skip
        assert figure.a in own[0] and figure.b in own[1] and figure.change == figure.b - figure.a
        assert figure.low <= figure.change <= figure.high
        if figure.trials is not None:
            moved = figure.trials.to_match - figure.trials.from_match
            assert moved == pytest.approx(figure.change * figure.trials.n)


def decided(rows: list[tuple[int, int, float]], betrayed: tuple[int, ...] = ()) -> DecidedTrials:
    """Trials as (key, person, score), decided at 0.5; the thresholds at 2 f and f / 2 are 0.4 and 0.6."""
    keys, persons, scores = (np.asarray(column) for column in zip(*rows, strict=True))
    stratum = Stratum(scores, persons, 0.5, 0.1, [0.5, 0.0], [0, 1], [1, 2], frozen=True)
    at = (np.full(len(rows), value) for value in (0.5, 0.4, 0.6, 0.01))
    return DecidedTrials("r", "j", None, (stratum,), keys, persons, scores, *at, np.asarray(betrayed, np.int64))


def test_trials_are_met_by_their_comparison_and_near_is_near_in_both() -> None:
    a = decided([(10, 1, 0.45), (11, 1, 0.2), (12, 2, 0.55), (13, 3, 0.9), (14, 4, 0.9), (16, 7, 0.9)])
    b = decided([(16, 7, 0.9), (15, 5, 0.9), (13, 3, 0.1), (12, 2, 0.45), (11, 1, 0.55), (10, 1, 0.55)], betrayed=(6,))
    both = trials_in_both(a, b)
    assert (both.n, both.n_only_a, both.n_only_b, both.n_people) == (5, 1, 1, 4)
    assert (both.to_match, both.from_match, both.near) == (2, 2, 2)  # 10 and 12 lay near in both runs, 11 in one
    assert both.newly_leaking == (1, 6)  # 7 leaked before
    assert both.no_longer_leaking == (2, 3)
    assert both.expected_by_chance == pytest.approx(3 * 0.01 + (1 - 0.99**2))


def test_a_run_against_itself_shows_nothing(site: Path) -> None:
    same = compare(site / "runs/1", site / "runs/1")
    assert same.remarks == ("A and B are the same run",)
    assert {figure.change for figure in same.figures} == {0.0}
    assert {figure.shown for figure in same.figures} == {Change.NOT_SHOWN}
    assert {figure.p_value for figure in same.gated} == {1.0}
    for figure in same.figures:
        assert figure.low <= 0 <= figure.high
        if figure.trials is not None:
            assert figure.trials.newly_leaking == figure.trials.no_longer_leaking == ()
            assert figure.trials.to_match == figure.trials.from_match == 0


def test_swapping_the_runs_negates_every_change(site: Path, found: Comparison) -> None:
    back = compare(site / "runs/2", site / "runs/1")
    turned = {Change.WORSE: Change.BETTER, Change.BETTER: Change.WORSE}
    assert len(back.figures) == len(found.figures)
    for one, other in zip(found.figures, back.figures, strict=True):
        assert (other.change, other.low, other.high) == pytest.approx((-one.change, -one.high, -one.low), abs=1e-12)
        assert other.shown is turned.get(one.shown, one.shown)
        if one.trials is not None and other.trials is not None:
            assert one.trials.newly_leaking == other.trials.no_longer_leaking
            assert one.trials.to_match == other.trials.from_match
            assert one.trials.correlation == pytest.approx(other.trials.correlation)
    assert ignorant(found).shown is Change.WORSE


def test_runs_that_differ_in_more_than_the_model_are_refused_with_every_difference(site: Path) -> None:
    with pytest.raises(EvidenceError, match="not comparable") as refused:
        compare(site / "runs/1", site / "runs/other")
    said = str(refused.value)
    for line in ("smoke run: no against yes", "seed: 7 against 8", "assessments: ", "cases (faces): 160 against 6"):
        assert f"  - {line}" in said
    assert f"  - test samples (faces): {4 * PEOPLE} against 80\n" in said
    assert f"  - people (faces): {PEOPLE} against 20\n" in said
    assert exit_code(["compare", "runs/1", "runs/other"]) == 3


def test_a_gated_figure_that_no_run_has_is_named(site: Path) -> None:
    same = compare(site / "runs/other", site / "runs/other")
    missing = {(one.name, one.attacker) for one in same.not_compared if one.controls == ("BASE-SUBJECT",)}
    assert missing == {("subject_match_rate", attacker) for attacker in ("ignorant", "lazy_informed", "semi_informed")}
    assert same.remarks == ("A and B are the same run", "two smoke runs: few cases, no verdict")


def test_scores_that_were_altered_are_refused(site: Path, tmp_path: Path) -> None:
    shutil.copytree(site / "runs/2", tmp_path / "run")
    part = tmp_path / "run/scores/pixels/original-edited-00000.parquet"
    table = pq.read_table(part, partitioning=None)
    lower = np.minimum(np.asarray(table["score"]), 0).astype(np.float32)
    pq.write_table(table.set_column(2, "score", [lower]), part)
    with pytest.raises(EvidenceError, match="visavox verify"):
        compare(site / "runs/1", tmp_path / "run")


def test_the_guide_s_commands(site: Path) -> None:
    (commands,) = re.findall(r"<!-- example: compare -->\n```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    for line in commands.splitlines():
        assert exit_code(line.split("#")[0].split()[1:]) == 0, line
    value = json.loads((site / "comparison.json").read_bytes())
    jsonschema.Draft202012Validator(comparison_schema()).validate(value)
    page = (site / "comparison.html").read_text()
    numbers = {float(text) for text in re.findall(r'<data value="([^"]+)">', page)}
    for figure in value["figures"]:
        assert {figure["a"], figure["b"], figure["change"], figure["low"], figure["high"]} <= numbers
    assert "<script" not in page and "http" not in re.sub(r"http-equiv", "", page)
    for text in (page, json.dumps(value)):
        assert "Zebedee" not in text and str(site) not in text


def test_json_alone_on_standard_output_and_usage(site: Path) -> None:
    done = CliRunner().invoke(compare_command, ["runs/1", "runs/2", "--json", "-"], catch_exceptions=False)
    assert json.loads(done.stdout)["schema"] == "visavox/comparison/v1"
    assert exit_code(["compare", "runs/1"]) == 4
    assert exit_code(["compare", "runs/1", "runs/2", "--baseline", "approved"]) == 4
    assert exit_code(["compare", "runs/1", "runs/absent"]) == 3
    assert exit_code(["compare", "runs/1", "runs/2", "--html", "absent/page.html"]) == 3
