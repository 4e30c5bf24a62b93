"""A model's way through a real MLflow registry: fetched, assessed, gated, approved, and approved no longer."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from pretend import texture

from visavox import load_suite, run
from visavox.api.baseline import baseline_run
from visavox.api.fetching import with_model
from visavox.api.gating import gate
from visavox.api.registering import register
from visavox.cli import exit_code
from visavox.core.config import Suite
from visavox.core.digest import canonical_json, sha256_file
from visavox.core.errors import EvidenceError, RegistryError, SuiteChangedError
from visavox.core.terms import Verdict
from visavox.media.image import encode_png

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "release-with-mlflow.md"
NAME = "acme-anonymiser"
READY_S = 120.0
PEOPLE, PICTURES = 60, 3
LARGE_PX = 64
WITH_PIXELS = """
import runpy, sys
sys.path.insert(0, {tests!r})
import pixels
pixels.register()
for keep in ("0", "1"):
    sys.argv = ["pipeline.py", keep]
    try:
        runpy.run_path("pipeline.py", run_name="__main__")
    except SystemExit as end:
        print("ended with", end.code, flush=True)
"""


class Site(NamedTuple):
    """A user's folder, the server's address, and what the guide's pipeline said, for both models."""

    folder: Path
    url: str
    said: str


def blocks() -> dict[str, str]:
    return dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", GUIDE.read_text(), re.DOTALL))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with a database."""
    store = tmp_path_factory.mktemp("registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = ["--backend-store-uri", f"sqlite:///{store}/mlflow.db", "--artifacts-destination", f"{store}/artifacts"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPYCACHEPREFIX", raising=False)
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "mlflow",
                "server",
                *backend,
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--workers",
                "1",
            ],
            env={**os.environ, **quiet},
            cwd=store,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            until = time.monotonic() + READY_S
            while not is_up(url):
                assert time.monotonic() < until and process.poll() is None, "mlflow server did not start"
                time.sleep(0.1)
            patch.setenv("MLFLOW_TRACKING_URI", url)
            for name, value in quiet.items():
                patch.setenv(name, value)
            yield url
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def site(server: str, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The guide's pipeline, run for a model that passes and for one that fails; pretend people and a light judge."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in blocks().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    write_people(folder / "people")
    editor = (folder / "model/editor.py").read_text()
    fault = f"        if height > {LARGE_PX - 1}:\n            return face\n"  # which the first data do not show
    (folder / "model/editor.py").write_text(editor.replace("        stranger =", fault + "        stranger =", 1))
    suite = (folder / "suite.yaml").read_text()
    (folder / "suite.yaml").write_text(suite.replace("recognisers: [dlib]", "recognisers: [pixels]"))
    code = WITH_PIXELS.format(tests=str(Path(__file__).parents[1]))
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    return Site(folder, server, done.stdout + done.stderr)


def write_people(folder: Path, n_people: int = PEOPLE, times: int = 1) -> None:
    folder.mkdir()
    rows = ["path,subject_id,modality"]
    for person in range(n_people):
        for image in range(PICTURES):
            picture = np.kron(texture(person, image), np.ones((times, times, 1), np.uint8))
            (folder / f"{person}-{image}.png").write_bytes(encode_png(picture))
            rows.append(f"{person}-{image}.png,person {person},face")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


def rest(url: str, path: str, **query: Any) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/api/2.0/mlflow/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def holder(url: str, name: str = "approved") -> str:
    """The version that bears the alias, by MLflow's REST API."""
    model = rest(url, "registered-models/get", name=NAME)["registered_model"]
    return {row["alias"]: row["version"] for row in model.get("aliases", [])}.get(name, "")


def tags(url: str, version: str) -> dict[str, str]:
    found = rest(url, "model-versions/get", name=NAME, version=version)["model_version"]
    return {row["key"]: row["value"] for row in found.get("tags", [])}


def description(url: str, version: str) -> str:
    return str(rest(url, "model-versions/get", name=NAME, version=version)["model_version"]["description"])


def post(url: str, path: str, method: str = "POST", **body: str) -> None:
    asked = urllib.request.Request(
        f"{url}/api/2.0/mlflow/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    urllib.request.urlopen(asked, timeout=30).close()


def test_the_pipeline_approves_what_passes_and_nothing_else(site: Site) -> None:
    assert re.findall(r"ended with (\d)", site.said) == ["0", "1"], site.said
    assert holder(site.url) == "1"
    one, two = tags(site.url, "1"), tags(site.url, "2")
    assert (one["visavox.verdict"], two["visavox.verdict"]) == ("PASS", "FAIL")
    report = json.loads((site.folder / "runs/1/report.json").read_bytes())
    assert one["visavox.policy.sha256"] == report["policy"]["digest"]["sha256"]
    assert one["visavox.report.sha256"] == sha256_file(site.folder / "runs/1/report.json")
    assert one["visavox.seal.sha256"] == report["seal"]["sha256"]
    assert report["subject"]["kind"] == "mlflow" and report["subject"]["version"] == "1"
    suite = json.loads((site.folder / "runs/1/suite.yaml").read_bytes())
    assert suite["editor"]["resolved"] == f"models:/{NAME}/1"
    assert suite["editor"]["sha256"] == report["subject"]["digest"]["sha256"] == one["visavox.subject.sha256"]
    assert not Path(suite["editor"]["artifact"]).exists()  # what was fetched is gone
    assert "BASE-SUBJECT" in two["visavox.reason"] and "visavox.reason" not in one
    assert not any(str(site.folder) in value for value in (*one.values(), *two.values()))


def test_the_run_that_approved_a_version_is_the_baseline(site: Site, tmp_path: Path) -> None:
    runs = site.folder / "runs"
    assert baseline_run(runs / "2", "approved") == runs / "1"
    with pytest.raises(EvidenceError, match=r"no folder in .* holds the report"):
        baseline_run(runs / "2", f"models:/{NAME}@approved", runs=tmp_path)


def test_a_report_approves_no_other_model_and_a_later_fail_takes_the_alias(
    site: Site, tmp_path: Path, register_folder: Path
) -> None:
    passed = gate(site.folder / "runs/1")
    post(site.url, "registered-models/alias", name=NAME, alias="other", version="2")  # by hand, without a verdict
    with pytest.raises(EvidenceError, match="register the verdict on models:/acme-anonymiser/2"):
        register(passed, site.folder / "runs/1", model=f"models:/{NAME}/2", alias="other")
    assert holder(site.url, "other") == ""
    refused = tags(site.url, "2")
    assert refused["visavox.verdict"] == "REFUSED" and "the files of that version are" in refused["visavox.reason"]
    assert not [key for key in refused if key.endswith(".sha256")]
    assert holder(site.url) == "1"  # version 2 never bore it, version 1 was not asked about
    write_people(tmp_path / "large", n_people=12, times=2)
    overrides = [f"editor.uri=models:/{NAME}/1", f"dataset.path={tmp_path}/large/manifest.csv"]
    later = run(load_suite(site.folder / "suite.yaml", overrides=overrides), tmp_path / "later")
    assert later.decision.verdict is Verdict.FAIL
    version = ["--register", f"models:/{NAME}/1"]
    assert exit_code(["gate", str(tmp_path / "later"), *version]) == 1
    assert holder(site.url) == ""
    said = tags(site.url, "1")
    assert said["visavox.verdict"] == "FAIL" and "misses the limit" in said["visavox.reason"]
    assert description(site.url, "1").startswith("Visavox: FAIL under baseline, 20")
    assert exit_code(["gate", str(site.folder / "runs/1"), *version]) == 2  # the earlier PASS brings nothing back
    assert "1 other run(s) of the same model and policy ended FAIL" in tags(site.url, "1")["visavox.reason"]
    assert holder(site.url) == ""


def test_refused_evidence_takes_the_alias(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    post(site.url, "registered-models/alias", name=NAME, alias="approved", version="1")
    post(site.url, "model-versions/update", method="PATCH", name=NAME, version="1", description="mine")
    shutil.copytree(site.folder / "runs/1", tmp_path / "run")
    report = json.loads((tmp_path / "run/report.json").read_bytes())
    report["decision"]["reasons"] = ["nothing"]
    (tmp_path / "run/report.json").write_bytes(canonical_json(report))
    assert exit_code(["gate", str(tmp_path / "run"), "--register", f"models:/{NAME}/1"]) == 3
    assert "lost the alias approved" in capsys.readouterr().err
    assert holder(site.url) == ""
    assert tags(site.url, "1")["visavox.verdict"] == "REFUSED"
    assert description(site.url, "1") == "mine"


def test_an_approval_that_goes_wrong_leaves_no_alias(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    run_1, version = str(site.folder / "runs/1"), f"models:/{NAME}/1"
    assert exit_code(["gate", run_1, "--register", version, "--tracking-uri", "http://127.0.0.1:9"]) == 3
    assert "nobody answers there" in " ".join(capsys.readouterr().err.split())
    assert exit_code(["gate", run_1, "--register", f"models:/{NAME}@approved"]) == 4
    assert exit_code(["gate", run_1, "--register", version, "--alias", "latest"]) == 3  # MLflow keeps this name
    assert "latest" in capsys.readouterr().err
    assert holder(site.url) == ""


def test_an_alias_that_moves_between_sessions_is_found(site: Site, tmp_path: Path) -> None:
    post(site.url, "registered-models/alias", name=NAME, alias="candidate", version="1")
    suite = load_suite(site.folder / "suite.yaml", overrides=[f"editor.uri=models:/{NAME}@candidate"])
    run(suite, tmp_path / "run", limit=4)
    post(site.url, "registered-models/alias", name=NAME, alias="candidate", version="2")
    with pytest.raises(SuiteChangedError, match=r"editor\.resolved, editor\.sha256, editor\.version"):
        run(suite, tmp_path / "run", limit=4)
    sealed = json.loads((site.folder / "runs/1/suite.yaml").read_bytes())["editor"]["sha256"]
    with pytest.raises(RegistryError, match=r"editor\.sha256 is"), with_model(pinned(suite, sealed)):
        pass


def pinned(suite: Suite, sha256: str) -> Suite:
    return suite.model_copy(update={"editor": suite.editor.model_copy(update={"sha256": sha256})})
