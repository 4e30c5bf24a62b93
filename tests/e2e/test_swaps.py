"""Swaps, morphs and attribute edits with a known leak through the command line: run, gate, exit code."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pretend import LINKS_SUITE

from visavox.api import read_report
from visavox.cli import exit_code
from visavox.core.figures import Estimate
from visavox.core.report import Report
from visavox.core.terms import Attacker, Verdict

ENTRY = Path(__file__).parents[1] / "editors_under_test.py"
OPERATIONS = {"swap": "face-swap", "morph": "face-morph", "attribute": "face-attribute-editing"}
PASS, FAIL, INCONCLUSIVE = 0, 1, 2
PAIR = {"host": 0.4, "donor": 0.4}


class Gated(NamedTuple):
    """What became of a run."""

    code: int
    report: Report

    @property
    def verdicts(self) -> dict[str, Verdict]:
        return {control.id: control.verdict for control in self.report.decision.controls}

    def find(self, name: str, attacker: Attacker | None = None) -> Estimate:
        every = [e for result in self.report.results for e in result.estimates]
        (found,) = [e for e in every if (e.name, e.attacker) == (name, attacker)]
        return found


@pytest.fixture
def gated(make_people: Callable[..., Path], tmp_path: Path, register_folder: Path) -> Callable[..., Gated]:
    """Runs and gates an editor under test: ``gated(tool_class, params, options)``."""

    def run(
        tool_class: str, params: dict[str, object], options: str = "{}", n_people: int = 60, n_images: int = 4
    ) -> Gated:
        manifest = make_people(n_people, n_images)
        suite = tmp_path / "suite.yaml"
        suite.write_text(
            LINKS_SUITE.format(
                name=tool_class,
                entry=f"{ENTRY}:load_pair",
                operation=OPERATIONS[tool_class],
                tool_class=tool_class,
                params=json.dumps(params),
                manifest=manifest,
                options=options,
            )
        )
        out = tmp_path / "run"
        assert exit_code(["run", str(suite), "--out", str(out)]) == 0
        return Gated(exit_code(["gate", str(out)]), read_report(out))

    return run


def test_a_swap_that_keeps_nothing_of_the_host_and_honours_consent_passes(gated: Callable[..., Gated]) -> None:
    found = gated("swap", {})
    assert found.code == PASS, found.report.decision.reasons
    assert set(found.verdicts.values()) == {Verdict.PASS}
    assert found.find("iapar").value > 0.95 and found.find("iapar").band == "> 20 %"
    assert found.find("unconsented_donor_match_rate").value == 0.0
    ledger = found.report.ledger
    assert (ledger.attempted, ledger.edited, ledger.refused) == (360, 240, 120)


def test_a_swap_that_keeps_the_host_fails(gated: Callable[..., Gated]) -> None:
    found = gated("swap", PAIR)
    assert found.code == FAIL
    assert found.verdicts["BASE-HOST"] is Verdict.FAIL
    assert found.verdicts["BASE-UNCONSENTED"] is Verdict.PASS
    assert found.find("host_match_rate", Attacker.IGNORANT).value > 0.5
    assert found.find("mmpmr").value > 0.5  # it passes as donor and as host


def test_a_swap_that_does_not_listen_to_a_refusal_fails(gated: Callable[..., Gated]) -> None:
    found = gated("swap", {"honours": False})
    assert found.code == FAIL
    assert found.verdicts.pop("BASE-UNCONSENTED") is Verdict.FAIL
    assert found.find("unconsented_donor_match_rate").value > 0.9


def test_files_that_hold_the_unedited_picture_fail(gated: Callable[..., Gated]) -> None:
    found = gated("swap", {"betrays": True})
    assert found.code == FAIL
    for attacker in (Attacker.IGNORANT, Attacker.LAZY_INFORMED, Attacker.SEMI_INFORMED):
        assert found.find("host_match_rate", attacker).value == 1.0
    assert found.find("metadata_leak_rate").value == 1.0


def test_three_attempts_on_thirty_people_are_inconclusive(gated: Callable[..., Gated]) -> None:
    found = gated("swap", {}, "{attempts: 3}", n_people=30)
    assert found.code == INCONCLUSIVE
    assert any("30 people (40 are needed)" in reason for reason in found.report.decision.reasons)
    assert found.report.ledger.attempted == 3 * 120 + 60
    one, any_of_k = found.find("iapar"), found.find("iapar_any_of_k")
    assert (one.n, any_of_k.n) == (360, 120)
    assert any_of_k.value >= one.value
    assert found.find("host_match_rate", Attacker.IGNORANT).n == 3 * 120 * 3  # further attempts are outputs too


def test_what_only_later_attempts_show_counts(gated: Callable[..., Gated]) -> None:
    found = gated("swap", {"later_host": 0.4, "donor": 0.4}, "{attempts: 2}", n_people=40)
    assert found.code == FAIL
    assert found.verdicts["BASE-HOST"] is Verdict.FAIL


def test_refused_first_attempts_are_not_diluted_by_later_ones(gated: Callable[..., Gated]) -> None:
    found = gated("swap", {"refuse": 0.2}, "{attempts: 6, consent_probes: false}", n_people=30)
    assert found.report.ledger.refused / found.report.ledger.attempted < 0.05
    assert found.verdicts["BASE-EDITED"] is Verdict.INCONCLUSIVE
    assert found.find("non_edited_share").value > 0.1


@pytest.mark.parametrize(
    ("params", "options", "code"),
    [
        (PAIR, "{claims: [morph_resistance]}", FAIL),
        ({"donor": 0}, "{claims: [morph_resistance]}", PASS),
        (PAIR, "{}", INCONCLUSIVE),
    ],
)
def test_a_morph(gated: Callable[..., Gated], params: dict[str, object], options: str, code: int) -> None:
    found = gated("morph", params, options, n_images=3)
    assert found.code == code, found.report.decision.reasons
    assert (found.find("mmpmr").value > 0.5) is (params is PAIR)
    assert found.report.ledger.attempted == 60


@pytest.mark.parametrize(("host", "verdict"), [(0.8, Verdict.PASS), (0.0, Verdict.FAIL)])
def test_an_attribute_edit_must_stay_itself(gated: Callable[..., Gated], host: float, verdict: Verdict) -> None:
    found = gated("attribute", {"host": host}, n_people=40)
    assert found.verdicts["BASE-STAYS"] is verdict
    assert found.verdicts["BASE-DRIFT"] is Verdict.PASS
    assert (found.code == FAIL) is (verdict is Verdict.FAIL)


def test_without_impersonation_nobody_knows_of_consent(
    make_people: Callable[..., Path], tmp_path: Path, register_folder: Path
) -> None:
    """A suite cannot drop the question that its editor would fail."""
    text = LINKS_SUITE.format(
        name="silent", entry=f"{ENTRY}:load_pair", operation="face-swap", tool_class="swap",
        params='{"honours": false}', manifest=make_people(40, 3), options="{}",
    )  # fmt: skip
    (tmp_path / "suite.yaml").write_text(text.replace(", impersonation: {}", ""))
    assert exit_code(["run", str(tmp_path / "suite.yaml"), "--out", str(tmp_path / "run")]) == 0
    report = read_report(tmp_path / "run")
    assert exit_code(["gate", str(tmp_path / "run")]) == INCONCLUSIVE
    assert any("BASE-UNCONSENTED" in reason and "nothing in this run" in reason for reason in report.decision.reasons)


def test_the_list_of_cases_says_what_the_editor_is_told(make_people: Callable[..., Path], tmp_path: Path) -> None:
    manifest = make_people(9, 2)
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([lines[0] + ",consent", *(line + ",granted" for line in lines[1:])]))
    for tool_class, columns in (
        ("swap", {"host_path", "donor_path"}),
        ("morph", {"contributor_1_path", "contributor_2_path"}),
        ("attribute", {"subject_path"}),
    ):
        suite, table = tmp_path / f"{tool_class}.yaml", tmp_path / f"{tool_class}.csv"
        suite.write_text(
            LINKS_SUITE.format(
                name="cases", entry=f"{ENTRY}:load_pair", operation=OPERATIONS[tool_class], tool_class=tool_class,
                params="{}", manifest=manifest, options="{attempts: 2}",
            )
        )  # fmt: skip
        assert exit_code(["plan", str(suite), "--cases", str(table)]) == 0
        with table.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert all({name for name in row if name.endswith("_path") and row[name]} == columns for row in rows)
        assert len({row["case_id"] for row in rows}) == len(rows)
        told = [row["consent"] for row in rows]
        n_refused = 18 if tool_class == "swap" else 0  # two probes a donor, after everything else
        assert told == ["granted"] * (len(rows) - n_refused) + ["refused"] * n_refused
        assert len(rows) == {"swap": 2 * 18 + 18, "morph": 2 * 9, "attribute": 18}[tool_class]
