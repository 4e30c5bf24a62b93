"""The plug-ins and the policy of the guides, installed as a reader would and run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visavox import load_suite, run
from visavox.cli import exit_code
from visavox.core.config import read_yaml
from visavox.policy.load import Policy, parse_policy

GUIDES = Path(__file__).parents[2] / "docs" / "how-to"


def blocks(name: str) -> Mapping[str, str]:
    """Files of a guide by their names."""
    return dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", (GUIDES / name).read_text(), re.DOTALL))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages: both guides' plug-ins with their entry points."""
    found = tmp_path_factory.mktemp("site")
    for guide, package in (("add-a-recogniser.md", "acme-judge"), ("add-a-data-set.md", "acme-people")):
        text = (GUIDES / guide).read_text()
        (entry,) = re.findall(r"```toml\n\[project\.entry-points\.\"visavox\.plugins\"\]\n(.*?)```", text, re.DOTALL)
        for name, code in blocks(guide).items():
            (found / name).parent.mkdir(exist_ok=True)
            (found / name).write_text(code)
        info = found / f"{package.replace('-', '_')}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[visavox.plugins]\n" + entry.replace('"', ""))
    return found


def visavox(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(site), "XDG_DATA_HOME": str(folder / "data")}
    command = [sys.executable, "-m", "visavox", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_the_plug_ins_are_listed_and_judge_a_run(site: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for person in range(16):  # a threshold at 1e-3 needs 3,000 comparisons
        face = rng.integers(0, 255, (6, 6, 3))
        (tmp_path / "people" / f"p{person}").mkdir(parents=True)
        for k in range(4):
            picture = np.kron(face, np.ones((16, 16, 1))) + rng.normal(0, 12, (96, 96, 3))
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(
                tmp_path / "people" / f"p{person}" / f"{k}.jpg", quality=95
            )
    listed = visavox(site, tmp_path, "list").stdout
    assert "grey-grid" in listed and "people-folders" in listed
    (tmp_path / "suite.yaml").write_text(
        "name: acme\neditor: {kind: baseline, name: identity, tool_class: anonymise}\n"
        "dataset: {kind: people-folders, path: people}\nrecognisers: [grey-grid]\n"
        "assessments: {identity_leak: {attackers: [ignorant]}}\npolicy: baseline\nseed: 1\n"
    )
    done = visavox(site, tmp_path, "run", "suite.yaml", "--out", "run", "--progress", "none")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    (rate,) = [
        e
        for e in report["results"][0]["estimates"]
        if e["name"] == "subject_match_rate" and e["attacker"] == "ignorant" and e["recogniser"] == "grey-grid"
    ]
    assert rate["value"] == 1.0
    assert report["dataset"]["consent"] == {"granted": 64}
    missing = visavox(site, tmp_path, "plan", "suite.yaml", "--set", "dataset.path=nowhere", "--no-controls")
    assert missing.returncode == 3
    assert "give `path`: one folder a person" in missing.stderr


def test_the_guide_s_voice_model_is_assessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands in order, on fewer speakers and cases and with the lighter judge so that the test is quick."""
    monkeypatch.chdir(tmp_path)
    for name, code in blocks("assess-a-voice-model.md").items():
        (tmp_path / name).write_text(code)
    text = (GUIDES / "assess-a-voice-model.md").read_text()
    suite, commands = re.findall(r"<!-- example: voices -->\n```\w+\n(.*?)```", text, re.DOTALL)
    (tmp_path / "suite.yaml").write_text(suite)
    fewer = ["--set", "recognisers=[ubm]", "--set", "dataset.speakers=12", "--set", "execution.max_cases=36"]
    fewer += ["--set", "assessments={identity_leak: {attackers: [lazy_informed]}}"]
    extra = {"plan": [*fewer, "--no-controls"], "run": [*fewer, "--progress", "none"], "gate": []}
    codes = []
    for line in commands.splitlines():
        words = line.split()[1:]
        codes.append(exit_code([*words, *extra[words[0]]]))
    assert codes == [0, 0, 0, 1]  # played slower, a voice is still known to who plays others slower too
    report = json.loads((tmp_path / "runs" / "voices" / "report.json").read_text())
    assert report["ledger"]["edited"] == 36
    smoke = json.loads((tmp_path / "runs" / "smoke" / "report.json").read_text())
    assert smoke["smoke"] and smoke["ledger"]["edited"] == smoke["ledger"]["attempted"] == 6


def test_the_policy_is_one() -> None:
    found = blocks("write-a-policy.md")
    policies = {name: parse_policy(text, what=name).policy for name, text in found.items()}
    assert policies["strict.yaml"].limits() == {"subject_match_rate": 0.02, "non_edited_share": 0.05}
    useful = policies["useful.yaml"]
    assert useful.limits() == {"subject_match_rate": 0.07, "below_utility_floor_share": 0.05}
    assert useful.face.utility_floors.given() == {"ssim": 0.5, "landmark_error": 0.1}
    assert useful.voice.utility_floors.given() == {"stoi": 0.5}
    for name, text in found.items():
        assert set(read_yaml(text, what=name)) <= set(Policy.model_fields)


def test_the_file_of_scores_is_scored(site: Path, tmp_path: Path) -> None:
    text = (GUIDES / "score-a-file.md").read_text()
    ((name, table),) = blocks("score-a-file.md").items()
    (tmp_path / name).write_text(table)
    (commands,) = re.findall(r"<!-- example: score -->\n```sh\n(.*?)```", text, re.DOTALL)
    said = []
    for line in commands.splitlines():
        words, _, target = line.partition(" > ")
        done = visavox(site, tmp_path, *words.split()[1:])
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
        if target:
            figures = {e["name"]: e for e in json.loads(done.stdout)["estimates"]}
            assert figures["eer"]["value"] == 0.0 and round(100 * figures["eer"]["high"]) == 71
            assert "EER of 0 % whose interval reaches to 71 %" in text
    assert "3 mated, 6 non-mated, 3 people" in said[0] and "rule of 3" in said[0]
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "'eer': (0.0, 0.0, 0.7" in done.stdout, done.stderr
    broken = (tmp_path / name).read_text().replace("0.22", "nan")
    (tmp_path / name).write_text(broken)
    done = visavox(site, tmp_path, "score", name)
    assert done.returncode == 3 and done.stdout == ""
    assert done.stderr.startswith("visavox: scores.csv, line 3: the score 'nan'") and done.stderr.count("\n") == 1
    assert visavox(site, tmp_path, "score", "absent.csv").returncode == 3
    assert visavox(site, tmp_path, "score", name, "--layout", "none").returncode == 4
    assert visavox(site, tmp_path, "score", name, "--trials", name).returncode == 4


def test_the_guide_s_detectors_are_judged_by_its_control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its suite and its policy, on half the people and fewer media so that the test is quick."""
    monkeypatch.chdir(tmp_path)
    for name, code in blocks("assess-detectability.md").items():
        (tmp_path / name).write_text(code)
    suite = load_suite(
        tmp_path / "suite.yaml",
        overrides=[
            f"policy={tmp_path / 'found.yaml'}",
            "dataset.people=48",
            "execution.max_cases=96",
            "assessments.identity_leak.attackers=[ignorant]",
            "assessments.detectability.most_perturbed=20",
        ],
    )
    report = run(suite, tmp_path / "run")
    (control,) = report.decision.controls
    (cell,) = control.cells
    assert cell.cell.recogniser == "spectral"
    assert cell.value is not None and cell.value > 0.9  # mosaics of 8 px are easily found
    names = {table.name for result in report.results for table in result.tables}
    assert {"layers", "laundering", "perturbed_spectral", "folds_spectral"} <= names
