"""The gate: what was altered, is missing or is of another policy is refused with 3, never passed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pretend import BASELINE, PIXELS_SUITE, PYTHON, texture

from visavox import gate, load_suite, run
from visavox.api import read_report
from visavox.cli import exit_code
from visavox.core.digest import canonical_json, sha256_json
from visavox.core.errors import EvidenceError
from visavox.core.records import Digest
from visavox.core.terms import Verdict
from visavox.evidence.seal import parse_seal
from visavox.media.image import encode_png
from visavox.policy.judge import Facts, judge
from visavox.policy.load import parse_policy
from visavox.reporting.schema import report_bytes, report_schema

ENTRY = Path(__file__).parents[1] / "editors_under_test.py"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that FAILs; tests alter copies of it."""
    root = tmp_path_factory.mktemp("gate")
    rows = ["path,subject_id,modality"]
    for person in range(40):
        for image in range(4):
            (root / f"{person}-{image}.png").write_bytes(encode_png(texture(person, image)))
            rows.append(f"{person}-{image}.png,Zebedee Quux {person},face")
    (root / "manifest.csv").write_text("\n".join(rows))
    editor = PYTHON.format(entry=f"{ENTRY}:load", params=json.dumps({"leak": 0.5}))
    (root / "suite.yaml").write_text(PIXELS_SUITE.format(name="gate", editor=editor, manifest=root / "manifest.csv"))
    run(load_suite(root / "suite.yaml"), root / "run")
    return root / "run"


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def alter(folder: Path, change: Callable[[dict[str, Any]], None], name: str = "report.json") -> None:
    value = json.loads((folder / name).read_bytes())
    change(value)
    (folder / name).write_bytes(canonical_json(value))


def test_untouched_it_fails_and_a_moved_folder_still_does(copy: Path, tmp_path: Path) -> None:
    assert gate(copy).verdict is Verdict.FAIL
    shutil.move(copy, tmp_path / "elsewhere")
    assert exit_code(["gate", str(tmp_path / "elsewhere")]) == 1


@pytest.mark.parametrize("columns", [40, 80, None])
def test_reasons_are_no_wider_than_they_may_be(
    finished: Path, columns: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", str(columns))
    assert exit_code(["gate", str(finished), "--no-recompute"]) == 1
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= (columns or 100)
    said = " ".join(out.split())
    assert all(f"because {reason}" in said for reason in read_report(finished).decision.reasons)


def _pass(value: dict[str, Any]) -> None:
    value["decision"]["verdict"] = "PASS"


def _limit(value: dict[str, Any]) -> None:
    for control in value["decision"]["controls"]:
        control["limit"]["value"] = 0.9


def _drop_result(value: dict[str, Any]) -> None:
    value["results"] = [r for r in value["results"] if r["assessment"] == "ledger"]


def _lower_estimate(value: dict[str, Any]) -> None:
    for result in value["results"]:
        for estimate in result["estimates"]:
            estimate["upper"] = 0.0
            for basis in estimate["basis"]:
                basis["p_high"] = basis["p_low"] = 0.0


def _drop_control(value: dict[str, Any]) -> None:
    value["decision"]["controls"] = value["decision"]["controls"][-1:]


def _judges(value: dict[str, Any]) -> None:
    value["judges"] = []


def _other_model(value: dict[str, Any]) -> None:
    value["subject"]["digest"]["sha256"] = "0" * 64


def _schema(value: dict[str, Any]) -> None:
    value["schema"] = "visavox/report/v2"


def _extra(value: dict[str, Any]) -> None:
    value["verdict"] = "PASS"


@pytest.mark.parametrize(
    "change", [_pass, _limit, _drop_result, _lower_estimate, _drop_control, _judges, _other_model, _schema, _extra]
)
def test_an_altered_report_is_refused(copy: Path, change: Callable[[dict[str, Any]], None]) -> None:
    alter(copy, change)
    with pytest.raises(EvidenceError):
        gate(copy)
    assert exit_code(["gate", str(copy)]) == 3


def test_a_policy_changed_after_the_seal_is_refused(copy: Path) -> None:
    policy = copy / "policy.yaml"
    policy.write_text(policy.read_text().replace("0.07", "0.90"))
    assert exit_code(["gate", str(copy)]) == 3


def test_a_seal_with_fewer_cells_is_refused(copy: Path) -> None:
    alter(copy, lambda seal: seal["cells"].clear(), "seal.json")
    assert exit_code(["gate", str(copy)]) == 3


def test_controls_left_out_of_seal_and_report_alike_are_refused(copy: Path) -> None:
    """Every digest is right and the decision is what the other cells give: only the policy tells what is missing."""
    report, seal = read_report(copy), parse_seal(json.loads((copy / "seal.json").read_bytes()))
    failed = {control.id for control in report.decision.controls if control.verdict is not Verdict.PASS}
    kept = seal.model_copy(update={"cells": tuple(cell for cell in seal.cells if cell.control not in failed)})
    facts = Facts(report.subject.tool_class, report.results, seal.judges, report.dataset, smoke=False)
    decision = judge(parse_policy((copy / "policy.yaml").read_text(), what="policy").policy, kept.cells, facts)
    assert failed and decision.verdict is Verdict.PASS
    forged = report.model_copy(update={"seal": Digest(sha256=kept.digest()), "decision": decision})
    (copy / "seal.json").write_bytes(canonical_json(kept.as_json()))
    (copy / "report.json").write_bytes(report_bytes(forged))
    with pytest.raises(EvidenceError, match="check the cells"):
        gate(copy)


def test_another_plan_is_refused(copy: Path) -> None:
    alter(copy, lambda plan: plan["cases"].pop(), "plan.json")
    assert exit_code(["gate", str(copy)]) == 3


@pytest.mark.parametrize("name", ["report.json", "seal.json", "policy.yaml", "plan.json"])
def test_missing_or_garbled_evidence_is_refused(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"\xff\x00 not it")
    assert exit_code(["gate", str(copy)]) == 3
    (copy / name).unlink()
    assert exit_code(["gate", str(copy)]) == 3


def test_no_folder_is_three_not_four(tmp_path: Path) -> None:
    assert exit_code(["gate", str(tmp_path / "absent")]) == 3
    assert exit_code(["show", str(tmp_path / "absent")]) == 3


def test_usage_is_four(tmp_path: Path) -> None:
    assert exit_code(["gate"]) == 4
    assert exit_code(["nonsense"]) == 4
    assert exit_code(["run", str(tmp_path / "absent.yaml"), "--out", str(tmp_path / "x")]) == 4
    assert exit_code(["gate", str(tmp_path), "--max-age", "soon"]) == 4


def test_another_policy_and_old_age_are_refused(copy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text((copy / "policy.yaml").read_text().replace("0.07", "0.08"))
    assert exit_code(["gate", str(copy), "--policy", str(other)]) == 3
    assert exit_code(["gate", str(copy), "--policy", "absent"]) == 3  # what cannot be read is not the sealed one
    assert exit_code(["gate", str(copy), "--policy", "baseline", "--max-age", "1d", "--no-recompute"]) == 1
    alter(copy, lambda r: r["clock"].update(finished="2020-01-01T00:00:00.000+00:00"))
    assert exit_code(["gate", str(copy), "--max-age", "365d"]) == 3


def test_the_report_keeps_its_published_schema_and_loads_back(finished: Path) -> None:
    import jsonschema

    data = (finished / "report.json").read_bytes()
    jsonschema.Draft202012Validator(report_schema()).validate(json.loads(data))
    assert report_bytes(read_report(finished)) == data
    published = Path(__file__).parents[2] / "docs/reference/report.schema.json"
    assert json.loads(published.read_text()) == report_schema(), "run: visavox schema report > " + str(published)


def test_the_spine_others_hold_on_to(finished: Path) -> None:
    value = json.loads((finished / "report.json").read_bytes())
    assert value["schema"] == "visavox/report/v1"
    assert set(value) >= {
        "decision", "subject", "results", "ledger", "instruments", "dataset", "policy", "environment", "limitations",
        "not_made", "clock",
    }  # fmt: skip
    assert set(value["decision"]["controls"][0]) >= {"id", "verdict", "cells", "limit", "reason"}
    assert set(value["subject"]) >= {"name", "version", "tool_class", "operation", "digest"}
    (found,) = [
        e for e in value["results"][0]["estimates"] if e["name"] == "subject_match_rate" and e["attacker"] == "ignorant"
    ]
    assert set(found) >= {
        "name", "value", "low", "high", "lower", "upper", "alpha", "method", "n", "n_eff", "n_subjects", "n_failed",
        "recogniser", "attacker", "group", "operating_point",
    }  # fmt: skip
    assert found["operating_point"]["target_fmr"] == 0.001
    auc = next(e for e in value["results"][0]["estimates"] if e["name"] == "auc")
    assert auc["operating_point"] == {}
    assert value["clock"]["earlier_runs"] == []


def test_no_name_and_no_media_are_left_in_the_run_folder(finished: Path) -> None:
    for path in finished.rglob("*"):
        if path.is_file():
            assert b"Zebedee" not in path.read_bytes(), path
    assert not (finished / "media").exists()
    assert not (finished / "templates").exists()
    assert finished.stat().st_mode & 0o777 == 0o700


def test_the_figures_can_be_recomputed_from_the_trial_level_scores(finished: Path) -> None:
    """An auditor with the folder alone: the ignorant attacker's match rate from Parquet."""
    import numpy as np
    import pyarrow.parquet as pq

    people = np.asarray(pq.read_table(finished / "people.parquet")["person"])
    plan = json.loads((finished / "plan.json").read_bytes())
    source = np.asarray(plan["case_sample"])

    def table(name: str) -> list[np.ndarray]:
        parts = sorted((finished / "scores" / "pixels").glob(f"{name}-*.parquet"))
        rows = [pq.read_table(part, partitioning=None) for part in parts]
        return [np.concatenate([np.asarray(row[key]) for row in rows]) for key in ("probe", "reference", "score")]

    one, other, bona_fide = table("original-original")
    nearest = [max(bona_fide[((one == s) | (other == s)) & (people[one] != people[other])]) for s in range(people.size)]
    probe, reference, score = table("original-edited")
    mated = people[source[probe]] == people[reference]
    strange = np.isin(probe, probe[~mated & (score >= np.quantile(nearest, 0.99, method="higher"))])
    assert np.unique(people[source[probe[strange]]]).size < 8  # too few for a threshold of their own
    non = np.sort(score[~mated & ~strange])
    threshold = next(s for s in np.unique(non) if (non >= s).mean() <= 1e-3)
    report = json.loads((finished / "report.json").read_bytes())
    (found,) = [
        e
        for e in report["results"][0]["estimates"]
        if e["name"] == "subject_match_rate" and e["attacker"] == "ignorant"
    ]
    assert found["operating_point"]["threshold"] == pytest.approx(float(threshold), abs=1e-9)
    assert found["value"] == pytest.approx((score[mated] >= threshold).mean(), abs=1e-12)
    assert found["n"] == mated.sum() == 40 * 4 * 3


def test_the_register_forbids_taking_a_later_pass(
    make_people: Callable[..., Path], pixels_suite: Callable[..., Path], tmp_path: Path, register_folder: Path
) -> None:
    """A model that once failed under the same policy cannot be gated as a PASS."""
    people = make_people(60)
    suite = load_suite(pixels_suite(people, PYTHON.format(entry=f"{ENTRY}:load", params="{}")))
    first = run(suite, tmp_path / "first")
    assert first.decision.verdict is Verdict.PASS
    register = register_folder / "runs.jsonl"
    lines = [json.loads(line) for line in register.read_text().splitlines()]
    assert [line["verdict"] for line in lines] == ["", "PASS"]
    assert gate(tmp_path / "first", recompute=False).verdict is Verdict.PASS
    # the same suite again, another seed, another comment in the policy's file
    for other in ({}, {"seal": sha256_json("another seed")}, {"policy": sha256_json("another comment")}):
        failed = lines[-1] | {"run": "0" * 32, "verdict": "FAIL"} | other
        for order in ([failed, *lines], [*lines, failed]):  # before or after
            register.write_text("\n".join(json.dumps(line) for line in order) + "\n")
            assert gate(tmp_path / "first", recompute=False).verdict is Verdict.INCONCLUSIVE
    again = run(suite, tmp_path / "again")
    assert again.decision.verdict is Verdict.PASS
    register.unlink()  # what the report remembers is enough
    assert gate(tmp_path / "again", recompute=False).verdict is Verdict.INCONCLUSIVE


def test_a_report_from_the_future_and_two_lists_of_instruments_are_refused(copy: Path) -> None:
    alter(copy, lambda r: r["clock"].update(finished="2999-01-01T00:00:00.000+00:00"))
    assert exit_code(["gate", str(copy)]) == 3


def test_instruments_may_not_be_dropped(copy: Path) -> None:
    alter(copy, lambda r: r.update(instruments=[]))
    assert exit_code(["gate", str(copy)]) == 3


def test_a_seal_from_before_voices_keeps_its_digest() -> None:
    """Its cells name no modality: with a key more, every older run would look altered."""
    from visavox.core.digest import sha256_json
    from visavox.evidence.seal import parse_seal

    card = {"id": "a", "name": "a", "digest": "0" * 64, "detector": "d", "score": "cosine", "families": ["f"]}
    names = ("suite", "plan", "artifact", "code", "dataset", "policy")
    old = {
        **{name: str(number) * 64 for number, name in enumerate(names)},
        "policy_id": "baseline",
        "judges": [{**card, "training_overlap": "none", "batching": ""}],
        "cells": [{"control": "C", "metric": "m", "recogniser": "a", "attacker": None, "group": None}],
        "seed": 7,
        "smoke": False,
    }
    assert parse_seal(old).digest() == sha256_json(old)
    now = {**old, "cells": [{**old["cells"][0], "modality": "voice"}]}  # type: ignore[index]
    assert parse_seal(now).digest() == sha256_json(now)


def test_waivers_of_a_suite_stand_in_its_report(
    make_people: Callable[..., Path], pixels_suite: Callable[..., Path], tmp_path: Path
) -> None:
    """They are no part of what was sealed: with or without them it is the same run."""
    path = tmp_path / "waivers.yaml"
    path.write_text("- {run: abc, owner: Board, reason: r, date: 2026-01-02, expires: 2099-01-01}\n")
    editor = BASELINE.format(name="identity")
    plain = load_suite(pixels_suite(make_people(16, 2), editor))
    suite = load_suite(pixels_suite(tmp_path / "people" / "manifest.csv", editor, "waived", "waivers: waivers.yaml\n"))
    assert suite.waivers == str(path)
    assert suite.model_copy(update={"name": plain.name}).digest() == plain.digest()
    report = run(suite, tmp_path / "run", limit=4)
    assert [(one.owner, one.runs) for one in report.waivers] == [("Board", ("abc",))]
    path.write_text("- {run: abc, owner: Board, reason: r, date: 2026-01-02, expires: 2026-01-03}\n")
    with pytest.raises(EvidenceError, match="it expired on 2026-01-03"):
        run(suite, tmp_path / "late", limit=4)
