"""Every verdict path, by editors with a known leak, through the whole of run and gate."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pretend import BASELINE, PYTHON

from visavox import gate, load_suite, run
from visavox.cli import exit_code
from visavox.core.errors import ConfigError, EditorError, MediaError, SuiteChangedError
from visavox.core.report import Report
from visavox.core.terms import Attacker, Outcome, Verdict

ENTRY = Path(__file__).parents[1] / "editors_under_test.py"


def under_test(**params: float) -> str:
    return PYTHON.format(entry=f"{ENTRY}:load", params=json.dumps(params))


def cells(report: Report, control: str = "BASE-SUBJECT") -> list[Verdict]:
    (found,) = [c for c in report.decision.controls if c.id == control]
    return [row.verdict for row in found.cells]


def match_rates(report: Report) -> dict[Attacker | None, float]:
    return {
        e.attacker: e.value for result in report.results for e in result.estimates if e.name == "subject_match_rate"
    }


@pytest.mark.usefixtures("register_folder")
class TestVerdicts:
    def test_identity_fails(self, make_people: Callable, pixels_suite: Callable, tmp_path: Path) -> None:
        suite = pixels_suite(make_people(60), BASELINE.format(name="identity"))
        report = run(load_suite(suite), tmp_path / "run")
        assert report.decision.verdict is Verdict.FAIL
        assert report.ledger.edited == report.ledger.unchanged == 240
        assert gate(tmp_path / "run").verdict is Verdict.FAIL
        assert exit_code(["gate", str(tmp_path / "run")]) == 1
        assert min(match_rates(report).values()) > 0.95

    def test_a_stranger_each_time_passes(self, make_people: Callable, pixels_suite: Callable, tmp_path: Path) -> None:
        report = run(load_suite(pixels_suite(make_people(60), under_test())), tmp_path / "run")
        assert report.decision.verdict is Verdict.PASS, report.decision.reasons
        assert cells(report) == [Verdict.PASS, Verdict.PASS, Verdict.PASS]  # ignorant, lazy- and semi-informed
        assert exit_code(["gate", str(tmp_path / "run")]) == 0

    def test_the_same_on_thirty_people_is_inconclusive(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        report = run(load_suite(pixels_suite(make_people(30), under_test())), tmp_path / "run")
        assert report.decision.verdict is Verdict.INCONCLUSIVE
        assert any("30 people (40 are needed)" in reason for reason in report.decision.reasons)
        assert exit_code(["gate", str(tmp_path / "run")]) == 2

    def test_a_leak_is_measured_as_large_as_it_is(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        report = run(load_suite(pixels_suite(make_people(80), under_test(leak=0.3))), tmp_path / "run")
        assert report.decision.verdict is Verdict.FAIL
        (found,) = [
            e
            for result in report.results
            for e in result.estimates
            if e.name == "subject_match_rate" and e.attacker is Attacker.IGNORANT
        ]
        assert found.low < 0.3 < found.high
        assert match_rates(report)[Attacker.LAZY_INFORMED] == pytest.approx(0.09, abs=0.05)

    def test_a_leak_at_the_limit_is_no_pass(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        report = run(load_suite(pixels_suite(make_people(60), under_test(leak=0.07))), tmp_path / "run")
        assert report.decision.verdict is Verdict.INCONCLUSIVE

    def test_too_many_failures_are_no_pass_and_no_fail(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        report = run(load_suite(pixels_suite(make_people(60), under_test(fail=0.2))), tmp_path / "run")
        assert report.decision.verdict is Verdict.INCONCLUSIVE
        assert report.ledger.failed > 20
        assert cells(report, "BASE-EDITED") == [Verdict.INCONCLUSIVE]

    def test_refusing_is_not_free(self, make_people: Callable, pixels_suite: Callable, tmp_path: Path) -> None:
        """A tool that refuses what it cannot do has not been tested on it."""
        report = run(load_suite(pixels_suite(make_people(80), under_test(refuse=0.2))), tmp_path / "run")
        assert report.ledger.refused > 30
        assert cells(report, "BASE-EDITED") == [Verdict.INCONCLUSIVE]
        assert report.decision.verdict is Verdict.INCONCLUSIVE

    @pytest.mark.parametrize(
        ("mode", "control"),
        [("others", "BASE-SUBJECT"), ("avatar", "BASE-SUBJECT"), ("roll", "BASE-STRANGER")],
    )
    def test_copies_of_other_people_hide_nothing(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path, mode: str, control: str
    ) -> None:
        """A few copies raise the threshold of everybody, unless they are a kind of their own (docs/adr/0005)."""
        people = make_people(60)
        params = json.dumps({"mode": mode, "people": str(people.parent)})
        editor = PYTHON.format(entry=f"{ENTRY}:load_hiding", params=params)
        report = run(load_suite(pixels_suite(people, editor)), tmp_path / "run")
        assert report.decision.verdict is Verdict.FAIL, report.decision.reasons
        assert Verdict.FAIL in cells(report, control)
        assert report.ledger.unchanged == 0

    def test_unchanged_outputs_fail_whatever_the_threshold(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        report = run(load_suite(pixels_suite(make_people(60), under_test(leak=0.3))), tmp_path / "run")
        assert cells(report, "BASE-UNCHANGED") == [Verdict.FAIL]

    def test_two_files_with_the_same_pixels_are_refused(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        from PIL import Image as Pillow

        manifest = make_people(10)
        Pillow.open(manifest.parent / "0-0.png").save(manifest.parent / "again.png", compress_level=9)
        manifest.write_text(manifest.read_text() + "again.png,person 0,face\n")
        with pytest.raises(MediaError, match=r"again\.png: shows the very pixels of"):
            run(load_suite(pixels_suite(manifest, under_test())), tmp_path / "run")

    def test_a_run_is_not_continued_over_changed_code(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        (tmp_path / "weights").write_text("w")
        (tmp_path / "adapter.py").write_text(ENTRY.read_text())
        editor = PYTHON.format(entry=f"{tmp_path}/adapter.py:load", params="{}").replace(
            "name: under-test", f"name: under-test, artifact: {tmp_path}/weights"
        )
        suite = load_suite(pixels_suite(make_people(10), editor))
        run(suite, tmp_path / "run")
        (tmp_path / "adapter.py").write_text(ENTRY.read_text() + "\n# changed\n")
        with pytest.raises(SuiteChangedError, match="code"):
            run(suite, tmp_path / "run")

    def test_a_smoke_run_is_never_a_pass(self, make_people: Callable, pixels_suite: Callable, tmp_path: Path) -> None:
        suite = load_suite(pixels_suite(make_people(60), under_test()))
        report = run(suite, tmp_path / "run", limit=200)
        assert report.smoke
        assert report.decision.verdict is Verdict.INCONCLUSIVE
        assert report.ledger.attempted == 200

    def test_a_dead_editor_ends_the_run(self, make_people: Callable, pixels_suite: Callable, tmp_path: Path) -> None:
        suite = pixels_suite(make_people(10), under_test(fail=1.0))
        with pytest.raises(EditorError, match="all of them failed"):
            run(load_suite(suite), tmp_path / "run")
        assert not (tmp_path / "run" / "report.json").exists()
        assert exit_code(["gate", str(tmp_path / "run")]) == 3

    def test_an_adapter_of_another_tool_class_is_told_which_roles_there_are(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        editor = (
            under_test().replace("tool_class: anonymise", "tool_class: swap").replace("face-anonymisation", "face-swap")
        )
        with pytest.raises(EditorError) as caught:
            run(load_suite(pixels_suite(make_people(6, 2), editor)), tmp_path / "run")
        assert caught.value.found.endswith(
            "raised RoleError: tool_class swap gives the roles host, donor; the adapter asked for 'subject'"
        )
        assert "editor-stderr.log" in caught.value.todo
        assert "Traceback" in (tmp_path / "run" / "editor-stderr.log").read_text()

    def test_a_changed_suite_is_refused_by_key(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        path = pixels_suite(make_people(10), under_test())
        run(load_suite(path), tmp_path / "run")
        with pytest.raises(SuiteChangedError, match=r"execution\.timeout_s"):
            run(load_suite(path, overrides=["execution.timeout_s=5"]), tmp_path / "run")

    def test_a_pass_after_a_fail_of_the_same_model_is_no_pass(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        """The bar may not be tried until it is cleared: another seed of the same model and data."""
        people = make_people(60)
        suite = pixels_suite(people, under_test(leak=0.3))
        assert run(load_suite(suite), tmp_path / "a").decision.verdict is Verdict.FAIL
        lucky = load_suite(suite, overrides=["seed=8"])
        second = run(lucky, tmp_path / "b")
        assert [dict(row)["verdict"] for row in second.clock.earlier_runs] == ["FAIL"]

    def test_a_finished_run_started_again_does_nothing(
        self, make_people: Callable, pixels_suite: Callable, tmp_path: Path
    ) -> None:
        suite = load_suite(pixels_suite(make_people(20), under_test()))
        run(suite, tmp_path / "run")
        before = (tmp_path / "run" / "report.json").read_bytes()
        assert run(suite, tmp_path / "run").decision.verdict is Verdict.INCONCLUSIVE
        assert (tmp_path / "run" / "report.json").read_bytes() == before

    def test_outcomes_add_up(self, make_people: Callable, pixels_suite: Callable, tmp_path: Path) -> None:
        report = run(load_suite(pixels_suite(make_people(40), under_test(fail=0.1, refuse=0.1))), tmp_path / "run")
        ledger = report.ledger
        assert ledger.attempted == 160
        assert ledger.attempted == sum(getattr(ledger, outcome.value) for outcome in Outcome)
        (templates,) = report.results[0].templates
        assert templates.edited == templates.scored + templates.fta == ledger.edited


@pytest.mark.usefixtures("register_folder")
def test_a_mistake_before_the_first_edit_does_not_burn_the_folder(
    make_people: Callable, pixels_suite: Callable, tmp_path: Path
) -> None:
    manifest = make_people(10)
    broken = pixels_suite(manifest, BASELINE.format(name="pixellate"))
    with pytest.raises(ConfigError, match="did you mean 'pixelate'"):
        run(load_suite(broken), tmp_path / "run")
    mended = pixels_suite(manifest, BASELINE.format(name="identity"))
    assert run(load_suite(mended), tmp_path / "run").ledger.edited == 40
