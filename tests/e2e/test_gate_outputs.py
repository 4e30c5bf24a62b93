"""What the gate says to a pipeline: lines, JUnit, Markdown and JSON, the script of the CI templates, the fixture."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from ruamel.yaml import YAML
from tampering import Scene, Site, copied, failed_before

from visavox import gate, pytest_plugin
from visavox.adapters.registries import mlflow_worker
from visavox.api.gate_outcome import gate_record
from visavox.cli import exit_code
from visavox.core.digest import sha256_file
from visavox.core.errors import RunFolderError
from visavox.core.terms import Verdict
from visavox.reporting.gate_forms import gate_json, gate_junit, gate_lines, gate_markdown, gate_schema

ROOT = Path(__file__).parents[2]
CI = ROOT / "configs" / "templates" / "ci"


CODES = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 2, "REFUSED": 3}


@pytest.fixture(params=CODES)
def outcome(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(sites: dict[str, Site], outcome: str, tmp_path: Path, register_folder: Path) -> Scene:
    """A copy of the site with that outcome."""
    return copied(sites[outcome], tmp_path)


@pytest.fixture
def failed(sites: dict[str, Site], tmp_path: Path, register_folder: Path) -> Scene:
    return copied(sites["FAIL"], tmp_path)


def test_every_form_says_the_same(case: Scene, outcome: str, capsys: pytest.CaptureFixture[str]) -> None:
    root, code = case.site.root, CODES[outcome]
    words = ["gate", str(case.run), "--trusted-keys", str(case.site.public("assessor"))]
    forms = ["--junit", str(root / "o.xml"), "--markdown", str(root / "o.md"), "--json", str(root / "o.json")]
    assert exit_code([*words, *forms]) == code
    said = capsys.readouterr()
    value = json.loads((root / "o.json").read_bytes())
    jsonschema.Draft202012Validator(gate_schema()).validate(value)
    assert (value["schema"], value["outcome"], value["exit_code"]) == ("visavox/gate/v1", outcome, code)
    assert (root / "o.md").read_text().startswith(f"# Visavox gate: {outcome}")
    xml = ET.parse(root / "o.xml").getroot()
    first = xml[0][0]
    faults = [*xml.iter("failure"), *xml.iter("error")]
    assert bool(faults) is (outcome != "PASS")
    assert not [*xml.iter("skipped")]
    if outcome == "REFUSED":
        assert said.out == "" and "tables of scores" not in said.err and "report" in said.err
        assert value["controls"] == [] and value["subject"] is None
        assert first.find("error").get("type") == "REFUSED"  # type: ignore[union-attr]
    else:
        lines = said.out.splitlines()
        assert lines[0] == outcome
        bound = "anonymise tool, duties of provider and technical supporter, as if with public-opinion attributes"
        assert f"assessed as {bound}" in " ".join(said.out.split())
        assert bound in (root / "o.md").read_text() and bound in " ".join((first[0].text or "").split())
        for control in value["controls"]:
            (line,) = [line for line in lines if line.split()[:1] == [control["id"]]]
            assert control["verdict"] in line or "attested (not tested)" in line
    for reason in value["reasons"]:
        assert " ".join(reason.split()[:4]) in (first[0].text or "")


def test_junit_has_the_shape_that_readers_expect(failed: Scene) -> None:
    """Counts that add up, order of attributes and children as in the schema of Jenkins' plug-in."""
    root = ET.fromstring(gate_junit(gate_record(gate(failed.run, **failed.options))))
    assert root.tag == "testsuites"
    totals = dict.fromkeys(("tests", "failures", "errors"), 0)
    for suite in root:
        assert suite.tag == "testsuite" and suite.get("name") and suite.get("timestamp")
        cases = list(suite)
        assert all(case.tag == "testcase" and case.get("name") and case.get("classname") for case in cases)
        found = {
            "tests": len(cases),
            "failures": sum(case.find("failure") is not None for case in cases),
            "errors": sum(case.find("error") is not None for case in cases),
        }
        assert {name: int(suite.get(name, "-1")) for name in found} == found
        totals = {name: totals[name] + n for name, n in found.items()}
    assert {name: int(root.get(name, "-1")) for name in totals} == totals
    assert totals["failures"] == 2  # the outcome, and the one cell


def test_what_is_attested_is_never_shown_as_tested(scene: Scene) -> None:
    record = gate_record(gate(scene.run, **scene.options))
    (line,) = [line for line in gate_lines(record) if line.startswith("ORG-COMPLAINTS")]
    assert line.split()[1:4] == ["attested", "(not", "tested)"] and "PASS" not in line
    row = next(line for line in gate_markdown(record).splitlines() if line.startswith("| ORG-COMPLAINTS"))
    assert "| attested |" in row and "PASS" not in row
    (suite,) = [s for s in ET.fromstring(gate_junit(record)) if s.get("name") == "ORG-COMPLAINTS"]
    assert "not tested" in (suite[0].findtext("system-out") or "")


def test_a_fail_of_this_run_is_never_waived(failed: Scene) -> None:
    own = gate(failed.run, **failed.options).report.clock.run
    path = failed.site.root / "waivers.yaml"
    path.write_text(f"- {{run: {own}, owner: a, reason: b, date: 2026-01-02, expires: 2099-01-01}}\n")
    result = gate(failed.run, **failed.options, waivers=path)
    assert result.verdict is Verdict.FAIL and result.waivers == ()
    assert "this very run, whose verdict nothing waives" in " ".join(result.warnings)


def test_json_on_standard_output_stands_alone(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["gate", str(scene.run), "--no-recompute", "--json", "-"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["outcome"] == "PASS"
    assert "BASE-SUBJECT" in said.err


def test_an_outcome_that_cannot_be_written_is_no_pass(scene: Scene) -> None:
    nowhere = str(scene.site.root / "absent" / "o.xml")
    assert exit_code(["gate", str(scene.run), "--no-recompute", "--junit", nowhere]) == 3


def test_markdown_is_added_to_what_a_job_has_said(scene: Scene) -> None:
    path = scene.site.root / "summary.md"
    path.write_text("# Build\n")
    exit_code(["gate", str(scene.run), "--no-recompute", "--markdown", str(path)])
    assert path.read_text().startswith("# Build\n# Visavox gate: PASS")


def test_the_json_is_canonical(scene: Scene) -> None:
    data = gate_json(gate_record(gate(scene.run, **scene.options)))
    assert (
        data == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    )


def script_of(template: str) -> tuple[str, dict[str, str]]:
    """The text that a template runs, and what the CI system sets for it."""
    value = YAML(typ="safe", pure=True).load((CI / template).read_text())
    if template == "action.yml":
        (step,) = value["runs"]["steps"]
        assert value["runs"]["using"] == "composite" and step["shell"] == "bash"
        inputs = {name: f"${{{{ inputs.{name} }}}}" for name in value["inputs"]}
        assert set(step["env"].values()) == set(inputs.values())
        return step["run"], {"GITHUB_ACTION_PATH": str(CI)}
    job = value[".visavox-gate"]
    assert job["artifacts"]["when"] == "always" and job["artifacts"]["reports"]["junit"] == "visavox-gate.xml"
    return "\n".join([*job["before_script"], *job["script"]]), {"VISAVOX_CHECKOUT": str(ROOT)}


def pipeline(scene: Scene, template: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs a template's script in a checkout of its own, with an installed visavox."""
    text, given = script_of(template)
    checkout = scene.site.root / "checkout"
    checkout.mkdir(exist_ok=True)
    for name in ("run", "weights", "assessor.pub"):
        (scene.site.root / name).rename(checkout / name)
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_DATA_HOME": os.environ["XDG_DATA_HOME"],
        "VISAVOX": str(Path(sys.executable).parent / "visavox"),
        "VISAVOX_RUN": "run", "VISAVOX_MODEL": "weights", "VISAVOX_TRUSTED_KEYS": "assessor.pub\n",
        "VISAVOX_MAX_AGE": "365d", **given, **more,
    }  # fmt: skip
    return subprocess.run(["bash", "-ec", text], cwd=checkout, env=env, capture_output=True, text=True, check=False)


def test_the_action_ends_as_the_gate_does(case: Scene, outcome: str) -> None:
    root = case.site.root
    done = pipeline(
        case, "action.yml", GITHUB_STEP_SUMMARY=str(root / "summary.md"), GITHUB_OUTPUT=str(root / "output")
    )
    assert done.returncode == CODES[outcome], done.stderr
    assert (root / "summary.md").read_text().startswith(f"# Visavox gate: {outcome}")
    assert (root / "output").read_text() == f"outcome={outcome}\n"
    assert ET.parse(root / "checkout" / "visavox-gate.xml").getroot().tag == "testsuites"


def test_the_gitlab_job_ends_as_the_gate_does(case: Scene, outcome: str) -> None:
    done = pipeline(case, "gitlab-ci.yml")
    assert done.returncode == CODES[outcome], done.stderr
    left = case.site.root / "checkout"
    assert (left / "visavox-gate.md").read_text().startswith(f"# Visavox gate: {outcome}")
    assert json.loads((left / "visavox-gate.json").read_bytes())["outcome"] == outcome
    assert ET.parse(left / "visavox-gate.xml").getroot().tag == "testsuites"


def test_a_gate_that_never_ran_passes_nothing(scene: Scene) -> None:
    """A program that ends with 0 and gates nothing, beside what an earlier job left."""
    done = pipeline(scene, "gitlab-ci.yml", VISAVOX="true")
    assert done.returncode == 3 and "did not run" in done.stderr
    assert "REFUSED" in (scene.site.root / "checkout" / "visavox-gate.md").read_text()


def passes_everything(path: Path) -> None:
    """A program that says PASS of whatever it is asked."""
    path.parent.mkdir(parents=True)
    path.write_text(
        '#!/bin/bash\nfor word; do\n  [ "$before" != --json ] || echo \'{"outcome":"PASS"}\' >"$word"\n'
        '  before="$word"\ndone\nexit 0\n'
    )
    path.chmod(0o755)


def test_a_gate_in_the_project_s_own_tree_is_not_run(scene: Scene) -> None:
    passes_everything(scene.site.root / "checkout" / ".visavox" / "configs" / "templates" / "ci" / "gate.sh")
    job = YAML(typ="safe", pure=True).load((CI / "gitlab-ci.yml").read_text())[".visavox-gate"]
    place = job.get("variables", {}).get("VISAVOX_CHECKOUT", "")
    nowhere = str(scene.site.root / "nowhere")
    done = pipeline(scene, "gitlab-ci.yml", VISAVOX_CHECKOUT=place, VISAVOX_SOURCE=nowhere, VISAVOX_COMMIT="HEAD")
    assert done.returncode not in (0, 1, 2)


def test_a_gate_that_lies_where_it_would_be_installed_is_not_run(scene: Scene) -> None:
    """Another user of the machine made a virtual environment under the name that they expect."""
    temporary, bin_ = scene.site.root / "temporary", scene.site.root / "bin" / "python3"
    passes_everything(temporary / "visavox-gate" / "bin" / "visavox")
    for path in (bin_.parent / "python3", temporary / "visavox-gate" / "bin" / "python"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/bash\nexit 0\n")
        path.chmod(0o755)
    path_ = f"{bin_.parent}:{os.environ['PATH']}"
    done = pipeline(scene, "gitlab-ci.yml", VISAVOX="", TMPDIR=str(temporary), RUNNER_TEMP="", PATH=path_)
    assert done.returncode == 3 and "could not be installed" in done.stderr
    assert [one.name for one in temporary.iterdir()] == ["visavox-gate"]


def test_an_outcome_that_cannot_be_written_still_takes_the_alias(
    failed: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[object] = []
    monkeypatch.setattr("visavox.cli.gate_registry._registered", lambda outcome, *_: told.append(outcome))
    nowhere = str(failed.site.root / "absent" / "o.json")
    words = ["gate", str(failed.run), "--no-recompute", "--json", nowhere, "--register", "models:/acme/1"]
    assert exit_code(words) == 3
    (outcome,) = told
    assert isinstance(outcome, RunFolderError) and "o.json" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["model.json", "a.bin"])
def test_a_version_that_is_one_file_is_no_list_of_a_model(
    scene: Scene, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list has the digest of the folder that it lists; it is not that folder."""
    version = scene.site.root / "version"
    version.mkdir()
    shutil.copy(scene.run / name if name == "model.json" else scene.site.model / name, version)
    monkeypatch.setattr(mlflow_worker, "_fetch", lambda *_: {"folder": str(version)})
    found = mlflow_worker._digests_of(None, "models:/acme/1")
    assert (sha256_file(version / name) in found) is (name == "a.bin")


PIPELINE_TEST = """
import json
from datetime import timedelta
import pytest

SITES = json.loads('SITES')

def test_nothing_heavy_is_loaded():
    import sys
    assert not {"pydantic", "numpy", "visavox.api.gating"} & set(sys.modules)

@pytest.mark.parametrize("outcome", SITES)
def test_the_model_may_be_released(visavox_gate, outcome):
    site = SITES[outcome]
    keys = [site + "/assessor.pub"]
    found = visavox_gate(site + "/run", model=site + "/weights", trusted_keys=keys, max_age=timedelta(days=365))
    assert found.verdict == "PASS" and found.signers
"""


def test_the_fixture_fails_a_pipeline_s_test(sites: dict[str, Site], tmp_path: Path, register_folder: Path) -> None:
    places = json.dumps({name: str(site.root) for name, site in sites.items()})
    (tmp_path / "test_release.py").write_text(PIPELINE_TEST.replace("SITES')", f"{places}')"))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:hypothesispytest",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "3 failed, 2 passed" in done.stdout, done.stdout
    for outcome in ("FAIL", "INCONCLUSIVE", "REFUSED"):
        assert f"gate {sites[outcome].run}: {outcome}: " in done.stdout
    assert "Traceback" not in done.stdout


def test_the_plug_in_is_registered() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"visavox": "visavox.pytest_plugin"}


def test_the_guide_s_gate_waiver_and_test_are_what_they_say(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "how-to" / "gate-a-release.md").read_text()
    root = scene.site.root
    monkeypatch.chdir(root)
    (root / "runs").mkdir()
    scene.run.rename(root / "runs" / "1")
    for name, code in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL):
        (root / name).write_text(code)
    (command,) = re.findall(r"<!-- example: gate -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert exit_code(command.split()[1:]) == 0
    failed_before(Scene(Site(root)), root / "runs" / "1", run="0123456789abcdef0123456789abcdef")
    assert exit_code(command.split()[1:]) == 2
    assert exit_code([*command.split()[1:], "--waivers", "waivers.yaml"]) == 0
    assert "waived: run 0123456789abcdef0123456789abcdef by Release board" in capsys.readouterr().out
    compile((root / "test_release.py").read_text(), "test_release.py", "exec")
    fixture = inspect.signature(pytest_plugin._gated).parameters
    named = re.findall(r"(\w+)=", (root / "test_release.py").read_text())
    assert {"policy", "model", "trusted_keys", "max_age"} <= set(named) and set(named) - {"days"} <= set(fixture)
    assert exit_code(["schema", "gate"]) == 0
    assert json.loads(capsys.readouterr().out) == gate_schema()


ONLY = """
import importlib.metadata as metadata, re, sys

lock = open(sys.argv[1]).read()
pins = {re.sub("[-_.]+", "-", name).lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.M)}
owners = metadata.packages_distributions()

class Only:
    def find_spec(self, name, path=None, target=None):
        own = [re.sub("[-_.]+", "-", one).lower() for one in owners.get(name.partition(".")[0], ())]
        if own and not {*own} & {*pins, "visavox"}:
            raise ImportError(f"{name} is not in requirements/gate.txt")

sys.meta_path.insert(0, Only())
from visavox.cli import exit_code
sys.exit(exit_code(sys.argv[2:]))
"""


def test_what_the_gate_s_lock_holds_is_enough(scene: Scene) -> None:
    """Signature, model, figures made again and all forms, where nothing else can be imported."""
    root = scene.site.root
    words = ["gate", str(scene.run), "--trusted-keys", str(scene.site.public("assessor")), "--recompute"]
    words += ["--model", str(scene.site.model), "--junit", str(root / "o.xml"), "--markdown", str(root / "o.md")]
    command = [sys.executable, "-c", ONLY, str(ROOT / "requirements" / "gate.txt"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not checked: how old it is" in done.stdout and "not recomputed" not in done.stdout
