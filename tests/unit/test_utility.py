"""Utility beside safety: a destroyed output is told from a safe one, by every figure and by the policy's floors."""

from __future__ import annotations

import csv
import importlib.util
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spectra
from pretend import texture
from rich.console import Console
from scipy import stats
from wav2vec2_weights import made_wav2vec2

from visavox import load_suite, run
from visavox.api import outline
from visavox.api.planning import plan_run
from visavox.api.rehearsal import rehearse
from visavox.core.errors import ConfigError, MissingDependencyError
from visavox.core.figures import Estimate
from visavox.core.report import Report
from visavox.core.terms import Verdict
from visavox.core.utility_figures import FIGURES, UtilityFigure
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.engine.medium import LocatedIn
from visavox.engine.store import Store
from visavox.engine.tables import read_part
from visavox.engine.utility import PARTS, Pair, measured
from visavox.media.audio import Audio
from visavox.media.image import decode_image
from visavox.policy.judge import Facts, judge, plan_cells
from visavox.policy.load import parse_policy
from visavox.ports.recogniser import FailureToAcquire, Region
from visavox.reporting.markdown import render_markdown
from visavox.reporting.text import verdict_page
from visavox_datasets.synthetic.voices.speakers import REFERENCE_SET

EDITORS = Path(__file__).parents[1] / "utility_editors.py"
FLOOR = """
  - id: T-UTILITY
    title: {en: The output is still of use}
    assessment: utility
    metric: below_utility_floor_share
    per_judge: false
    tool_classes: [anonymise]
    limit: {op: "<=", value: 0.05}
"""
POLICY = """
id: test
version: "1"
title: {en: Test}
status: in_force
face: {fmr: 1.0e-3, competence: {fmr: 1.0e-3, max_fnmr: 0.15}, utility_floors: {ssim: 0.5, landmark_error: 0.1}}
voice: {fmr: 1.0e-2, competence: {fmr: 1.0e-2, max_fnmr: 0.2}, utility_floors: {stoi: 0.5}}
requires: [identity_leak]
controls:
  - id: T-SUBJECT
    title: {en: The output does not betray the person}
    assessment: identity_leak
    metric: subject_match_rate
    attackers: [ignorant]
    tool_classes: [anonymise]
    limit: {op: "<=", value: 0.07}
"""
SUITE = """
name: utility
editor: {{kind: python, entry: {editors}:load, name: under-test, version: '1', operation: {operation},
  tool_class: anonymise, params: {{what: {what}}}}}
dataset: {{kind: manifest, path: {manifest}}}
recognisers: [{judge}]
assessments: {{{leak}utility: {options}}}
policy: {policy}
seed: 7
execution: {{retention: all}}
"""
LEAK = "identity_leak: {attackers: [ignorant]}, "


@pytest.fixture(scope="module", autouse=True)
def _voices() -> None:
    spectra.register()


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[..., Any]:
    def made(manifest: Path, what: str, *, voices: bool = False, policy: str = POLICY + FLOOR, **more: str) -> Any:
        (tmp_path / "policy.yaml").write_text(policy)
        text = SUITE.format(
            editors=EDITORS,
            operation="voice-anonymisation" if voices else "face-anonymisation",
            what=what,
            manifest=manifest,
            judge="spectra" if voices else "pixels",
            policy=tmp_path / "policy.yaml",
            **{"options": "{}", "leak": "", **more},
        )
        (tmp_path / "suite.yaml").write_text(text)
        return load_suite(tmp_path / "suite.yaml")

    return made


@pytest.fixture
def speakers(tmp_path: Path) -> Path:
    """Five synthetic speakers in two utterances each."""
    with (REFERENCE_SET / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = list(dict.fromkeys(row["subject_id"] for row in rows))[:5]
    lines = ["path,subject_id,modality"]
    for name in names:
        for row in [row for row in rows if row["subject_id"] == name][:2]:
            shutil.copy(REFERENCE_SET / row["path"], tmp_path)
            lines.append(f"{row['path']},{name},voice")
    (tmp_path / "speakers.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "speakers.csv"


def estimate(report: Report, name: str) -> Estimate:
    (found,) = [e for result in report.results for e in result.estimates if e.name == name]
    return found


def control(report: Report, name: str = "T-UTILITY") -> Verdict:
    (found,) = [c.verdict for c in report.decision.controls if c.id == name]
    return found


def test_noise_betrays_nobody_and_does_not_pass(
    suite_of: Callable[..., Any], make_people: Callable[..., Path], tmp_path: Path
) -> None:
    known = suite_of(make_people(44, 4), "destroyed", leak=LEAK)
    report = run(known, tmp_path / "run")
    assert control(report, "T-SUBJECT") is Verdict.PASS
    assert control(report) is Verdict.FAIL
    assert report.decision.verdict is Verdict.FAIL
    assert estimate(report, "below_utility_floor_share").value == 1.0
    blind = parse_policy(POLICY, what="no floor").policy
    cells = plan_cells(blind, report.subject.tool_class, ["pixels"], modality=report.results[0].modality)
    facts = Facts(report.subject.tool_class, report.results, report.judges, report.dataset, smoke=False)
    assert judge(blind, cells, facts).verdict is Verdict.PASS  # what the floor is for


def test_a_mild_edit_keeps_the_floor_and_its_means_are_those_of_people(
    suite_of: Callable[..., Any], make_people: Callable[..., Path], tmp_path: Path
) -> None:
    report = run(suite_of(make_people(48, 3), "mild"), tmp_path / "run")
    assert control(report) is Verdict.PASS
    share = estimate(report, "below_utility_floor_share")
    assert (share.value, share.n, share.n_subjects) == (0.0, 144, 48)
    found, expected = estimate(report, "psnr_db"), psnr_of_people(tmp_path / "run", outline_of(tmp_path))
    people = np.array([np.mean(values) for values in expected.values()])
    ends = stats.t.interval(0.95, people.size - 1, people.mean(), stats.sem(people))
    assert (found.value, found.low, found.high) == pytest.approx((people.mean(), *ends), abs=1e-4)
    assert (found.n, found.n_subjects, found.n_failed, found.basis) == (144, 48, 0, ())
    assert estimate(report, "landmark_error").value == 0.0
    assert "whole-picture/1" in estimate(report, "landmark_error").note


def outline_of(folder: Path) -> Any:
    return outline(load_suite(folder / "suite.yaml"))


def psnr_of_people(folder: Path, known: Any) -> dict[int, list[float]]:
    """From the stored media, by the definition."""
    with Journal(RunFolder(folder).journal) as journal:
        rows = journal.edits()
    store, found = Store(RunFolder(folder).media), {}
    for case, person, sample in zip(known.plan.cases, known.plan.case_person, known.plan.case_sample, strict=True):
        original = decode_image(known.dataset.read(known.plan.samples[sample].id)).astype(float)
        edited = decode_image(store.read(rows[case.id].row.outputs[0].digest)).astype(float)
        found.setdefault(person, []).append(-10 * np.log10(np.mean(((original - edited) / 255) ** 2)))
    return found


def test_missing_figures_say_why_and_miss_the_floor(
    suite_of: Callable[..., Any], make_people: Callable[..., Path], tmp_path: Path
) -> None:
    report = run(suite_of(make_people(8, 4), "mixed"), tmp_path / "run")
    counts = np.bincount([case.seed % 4 for case in outline_of(tmp_path).plan.cases], minlength=4)
    mild, destroyed, resized, kept = counts.tolist()
    assert min(mild, destroyed, resized, kept) > 0
    assert estimate(report, "psnr_db").n == mild + destroyed
    assert estimate(report, "psnr_db").note == (
        f"{kept} outputs equal their input and are not in the mean; "
        f"missing {resized}: the output has another size than the input"
    )
    assert (estimate(report, "ssim").n, estimate(report, "ssim").n_failed) == (mild + destroyed + kept, resized)
    assert estimate(report, "landmark_error").n == sum(counts)
    assert estimate(report, "landmark_error").value == pytest.approx(0.0, abs=1e-6)  # brought to the input's size
    share = estimate(report, "below_utility_floor_share")
    assert (share.n, round(share.value * share.n)) == (32, destroyed + resized)
    assert f"ssim >= 0.5: missed by {destroyed + resized}, of them without it {resized}" in share.note
    page = render_markdown(report)
    assert "psnr\\_db" in page and " dB |" in page
    console = Console(width=100, color_system=None)
    with console.capture() as text:
        console.print(verdict_page(report, width=100))
    assert re.search(rf"\(PSNR\): [0-9.]+ dB \([^)]*\), [0-9]+ outputs, {resized} outputs without it", said(text.get()))
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Structural similarity (SSIM)" in page and " dB<" in page


def said(text: str) -> str:
    return " ".join(text.split())


class StopError(Exception):
    pass


def test_a_killed_stage_goes_on_and_ends_alike(
    suite_of: Callable[..., Any], make_people: Callable[..., Path], tmp_path: Path
) -> None:
    known = suite_of(make_people(11, 3), "mild")

    def stop(step: Any) -> None:
        if step.stage == "utility":
            raise StopError

    with pytest.raises(StopError):
        run(known, tmp_path / "run", progress=stop)
    (part,) = (tmp_path / "run" / "utility").iterdir()
    before = part.stat().st_mtime_ns
    report = run(known, tmp_path / "run")
    assert part.stat().st_mtime_ns == before
    assert len(list((tmp_path / "run" / "utility").glob("0*.parquet"))) == 2
    whole = run(known, tmp_path / "whole")
    assert report.results == whole.results


def test_voices(suite_of: Callable[..., Any], speakers: Path, tmp_path: Path) -> None:
    options = "{figures: [stoi, f0_correlation, si_sdr_db, duration_ratio]}"
    report = run(suite_of(speakers, "mixed", voices=True, options=options), tmp_path / "run")
    rows = read_part(tmp_path / "run" / "utility" / "00000.parquet", PARTS).to_pylist()
    by_case = {(row["case"], row["figure"]): row for row in rows}
    n_below = 0
    for case in outline_of(tmp_path).plan.cases:
        what = ("mild", "destroyed", "resized", "kept")[case.seed % 4]
        n_below += what in {"destroyed", "resized"}
        found = {figure: by_case[case.id, figure] for figure in ("stoi", "f0_correlation", "si_sdr_db")}
        ratio = by_case[case.id, "duration_ratio"]["value"]
        assert ratio == pytest.approx(1.25 if what == "resized" else 1.0, abs=1e-3)
        if what == "resized":
            assert {row["reason"] for row in found.values()} == {"not aligned: the lengths differ by more than 5 %"}
            assert not any(row["of_input"] for row in found.values())
        elif what == "destroyed":
            assert found["stoi"]["value"] < 0.4 and found["si_sdr_db"]["value"] < -20
        else:
            assert found["stoi"]["value"] > 0.9 and found["f0_correlation"]["value"] > 0.9
            assert found["si_sdr_db"]["value"] > 20 and (what == "mild") == np.isfinite(found["si_sdr_db"]["value"])
    share = estimate(report, "below_utility_floor_share")
    assert 0 < n_below < 10 and (share.n, round(10 * share.value)) == (10, n_below)
    assert control(report) is not Verdict.PASS


def with_text(speakers: Path) -> Path:
    """The same speakers, with what each says."""
    with (REFERENCE_SET / "manifest.csv").open(newline="") as stream:
        said = {row["path"]: row["transcript"] for row in csv.DictReader(stream)}
    head, *rows = speakers.read_text().splitlines()
    path = speakers.with_name("texts.csv")
    path.write_text("\n".join([f"{head},text", *(f'{row},"{said[row.split(",")[0]]}"' for row in rows)]) + "\n")
    return path


def test_words_are_heard_where_the_suite_names_who_hears_them(
    suite_of: Callable[..., Any], speakers: Path, tmp_path: Path
) -> None:
    named = made_wav2vec2(tmp_path / "net")
    options = f"{{figures: word_error_rate, transcriber: {{name: wav2vec2, path: net, sha256: {named['sha256']}}}}}"
    report = run(suite_of(speakers, "mixed", voices=True, options=options), tmp_path / "run")
    rows = read_part(tmp_path / "run" / "utility" / "00000.parquet", PARTS).to_pylist()
    rates = {row["case"]: row["value"] for row in rows if row["figure"] == "word_error_rate"}
    for case in outline_of(tmp_path).plan.cases:
        what = ("mild", "destroyed", "resized", "kept")[case.seed % 4]
        assert what != "kept" or rates[case.id] == 0
        assert what != "destroyed" or rates[case.id] > 0.5
    found = estimate(report, "word_error_rate")
    assert (found.n, found.n_failed) == (10, 0) and 0 < found.value < 2
    assert f"words by wav2vec2 (SHA-256 {named['sha256'][:12]}), against its own of the unedited input" in found.note
    assert not any("word error rate" in line for line in report.limitations)
    assert "Word error rate (WER)" in (tmp_path / "run" / "report.html").read_text()
    texts = run(suite_of(with_text(speakers), "kept", voices=True, options=options), tmp_path / "texts")
    found = estimate(texts, "word_error_rate")
    assert found.value > 0.5  # an untrained network hears nothing of it, and the note says so of the inputs too
    assert f"by which the unedited inputs have {found.value:.1%}" in found.note


def test_without_a_transcriber_there_is_no_word_error_rate(
    suite_of: Callable[..., Any], speakers: Path, tmp_path: Path
) -> None:
    report = run(suite_of(speakers, "kept", voices=True), tmp_path / "run")
    (result,) = [r for r in report.results if r.assessment == "utility"]
    assert not any(item.name == "word_error_rate" for item in (*result.estimates, *result.not_made))
    assert any("no word error rate was made" in line for line in report.limitations)
    floor = POLICY.replace("{stoi: 0.5}", "{word_error_rate: 0.5}") + FLOOR
    assert floor != POLICY + FLOOR
    with pytest.raises(ConfigError, match="names no speech recogniser"):
        run(suite_of(speakers, "kept", voices=True, policy=floor), tmp_path / "floor")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("{figures: word_error_rate}", "needs a transcriber"),
        ("{figures: stoi, transcriber: wav2vec2}", "leave word_error_rate out"),
        ("{transcriber: {path: net}}", "name"),
    ],
)
def test_a_transcriber_and_its_figure_belong_together(
    suite_of: Callable[..., Any], speakers: Path, options: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        suite_of(speakers, "kept", voices=True, options=options)


def test_without_floors_nothing_is_gated_and_nothing_counted(
    suite_of: Callable[..., Any], make_people: Callable[..., Path], tmp_path: Path
) -> None:
    policy = POLICY.replace(", utility_floors: {ssim: 0.5, landmark_error: 0.1}", "") + FLOOR
    known = suite_of(make_people(8, 3), "kept", policy=policy, options="{figures: ssim}")
    report = run(known, tmp_path / "run")
    (result,) = [r for r in report.results if r.assessment == "utility"]
    assert [e.name for e in result.estimates] == ["ssim"]
    assert [m.name for m in result.not_made] == ["below_utility_floor_share"]
    assert control(report) is Verdict.INCONCLUSIVE  # asked for and not measured


def test_the_plan_knows_the_control(suite_of: Callable[..., Any], make_people: Callable[..., Path]) -> None:
    known = suite_of(make_people(40, 4), "mild")
    (found,) = [c for c in plan_run(outline(known)).controls if c.control == "T-UTILITY"]
    assert (found.people, found.trials) == (40, 160)
    assert found.if_clean is (Verdict.PASS if (found.upper_at_zero or 1.0) <= 0.05 else Verdict.INCONCLUSIVE)
    assert found.needs and found.fails_from is not None


def test_a_morph_has_no_one_input(suite_of: Callable[..., Any], make_people: Callable[..., Path]) -> None:
    known = suite_of(make_people(12, 4), "mild")
    editor = known.as_json()["editor"] | {"tool_class": "morph", "operation": "face-morph"}
    suite = type(known).model_validate(known.as_json() | {"editor": editor})
    (result,) = [r for r in rehearse(outline(suite)).results if r.assessment == "utility"]
    assert result.not_applicable == "no trial for the tool class morph"


def picture(person: int = 0) -> Pair:
    points = tuple((float(x), float(y)) for x, y in ((10, 12), (22, 12), (16, 18), (11, 24), (21, 24)))
    return Pair(texture(person, 0), LocatedIn(Region((4, 4, 28, 28), points, 1.0), (32.0, 32.0)))


def test_what_the_input_has_not_is_no_fault_of_the_output() -> None:
    none = Pair(texture(0, 0), LocatedIn(FailureToAcquire("no face"), (32.0, 32.0)))
    assert measured(UtilityFigure.LANDMARK_ERROR, none, picture()).of_input
    lost = measured(UtilityFigure.LANDMARK_ERROR, picture(), none)
    assert (lost.of_input, lost.reason) == (False, "no face was located")
    silence, tone = (Pair(Audio(s.astype(np.float32), 16_000)) for s in (np.zeros(16_000), np.sin(np.arange(16_000))))
    assert measured(UtilityFigure.SI_SDR_DB, silence, tone).of_input
    assert not measured(UtilityFigure.SI_SDR_DB, tone, silence).of_input


HERE = [f for f in UtilityFigure if f is not UtilityFigure.PESQ or importlib.util.find_spec("pesq")]


@pytest.mark.parametrize("figure", HERE)
def test_an_output_that_equals_its_input_is_at_its_best(figure: UtilityFigure) -> None:
    t = np.arange(32_000) / 16_000
    voice = 0.3 * np.sin(2 * np.pi * np.cumsum(150 + 30 * np.sin(2 * np.pi * t)) / 16_000)
    of_it = (
        picture()
        if FIGURES[figure].modality.value == "face"
        else Pair(Audio(voice.astype(np.float32), 16_000), words="one two")
    )
    assert measured(figure, of_it, of_it).value == pytest.approx(FIGURES[figure].best)


def test_landmarks_are_measured_by_the_distance_of_the_eyes() -> None:
    moved = picture().located
    assert moved is not None and isinstance(moved.found, Region)
    points = tuple((x + 3.0, y + 4.0) for x, y in moved.found.landmarks)
    other = Pair(texture(0, 0), LocatedIn(Region(moved.found.box, points, 1.0), moved.size))
    assert measured(UtilityFigure.LANDMARK_ERROR, picture(), other).value == pytest.approx(5 / 12)


@pytest.mark.parametrize(
    ("floors", "words"),
    [
        ("{sssim: 0.5}", "did you mean `ssim`"),
        ("{stoi: 0.5}", "no such key"),
        ("{ssim: 1.5}", "less than or equal to 1"),
        ("{landmark_error: 0}", "greater than 0"),
    ],
)
def test_floors_are_read_strictly(floors: str, words: str) -> None:
    text = POLICY.replace("{ssim: 0.5, landmark_error: 0.1}", floors)
    with pytest.raises(ConfigError, match=words):
        parse_policy(text, what="test")


def test_pesq_is_asked_for_by_name_only_where_it_is_installed(
    suite_of: Callable[..., Any], speakers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "pesq" else find(name, *a))
    known = suite_of(speakers, "mild", voices=True, options="{figures: [pesq]}")
    with pytest.raises(MissingDependencyError, match="pesq is not installed"):
        run(known, tmp_path / "run")
