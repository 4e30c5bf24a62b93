"""A run in a real MLflow store: sent to SQLite, then over HTTP to a real server on it, and read back by REST."""

from __future__ import annotations

import json
import os
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

import pytest
from click.testing import CliRunner
from tracked_report import DATASET, ESTIMATES, RUN_ID, SOMEBODY, a_report, finished_run

from visavox.adapters.sinks import tracking_file
from visavox.adapters.sinks.mlflow_names import metric_keys
from visavox.cli.track_command import track_command
from visavox.core.config import Tracking
from visavox.core.errors import VisavoxError
from visavox.ports.sink import SinkResult, sinks

EXPERIMENT = "acme [swap] @ 女"
READY_S = 120.0


class Sent(NamedTuple):
    """Where everything lies after two sendings."""

    root: Path
    folder: Path
    url: str
    first: SinkResult
    second: str


def rest(url: str, path: str, **query: Any) -> dict[str, Any]:
    """One GET of MLflow's REST API."""
    address = f"{url}/api/2.0/mlflow/{path}?{urllib.parse.urlencode(query, doseq=True)}"
    with urllib.request.urlopen(address, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def search(url: str, experiment_id: str) -> list[dict[str, Any]]:
    body = json.dumps({"experiment_ids": [experiment_id], "max_results": 100}).encode()
    asked = urllib.request.Request(
        f"{url}/api/2.0/mlflow/runs/search", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        runs: list[dict[str, Any]] = json.load(answer)["runs"]
    return runs


def pairs(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["key"]: row["value"] for row in rows}


@pytest.fixture(scope="module")
def quick_start() -> Iterator[None]:
    """MLflow's processes use the bytecode of the environment, not that of this session: each would compile it anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPYCACHEPREFIX", raising=False)
        yield


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory, quick_start: None) -> Iterator[Sent]:
    root = tmp_path_factory.mktemp("tracking")
    folder = finished_run(root / "run", a_report())
    (root / "store").mkdir()
    store = f"sqlite:///{root}/store/mlflow.db"
    first = sinks.get("mlflow")(Tracking(uri=store, experiment=EXPERIMENT)).send(folder, a_report())
    assert first.is_sent, first.reason
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["server", "--backend-store-uri", store, "--default-artifact-root", f"{root}/store/mlruns"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *arguments, "--port", str(port), "--workers", "1"],
        env={**os.environ, **quiet},
        cwd=root / "store",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, server)
        again = CliRunner().invoke(track_command, [str(folder), "--uri", url], catch_exceptions=False)
        assert again.exit_code == 0
        yield Sent(root, folder, url, first, again.output)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(30)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail("mlflow server did not start")


@pytest.fixture(scope="module")
def runs(sent: Sent) -> dict[str, dict[str, Any]]:
    """Every run in the experiment, by MLflow's id."""
    found = rest(sent.url, "experiments/get-by-name", experiment_name=EXPERIMENT)
    return {run["info"]["run_id"]: run for run in search(sent.url, found["experiment"]["experiment_id"])}


def test_sent_twice_by_two_ways_it_is_there_once(sent: Sent, runs: dict[str, dict[str, Any]]) -> None:
    assert f"as run {sent.first.run_id}" in sent.second
    assert len(runs) == 3  # parent and two assessments
    history = rest(sent.url, "metrics/get-history", run_id=sent.first.run_id, metric_key="subject_match_rate.upper")
    assert len(history["metrics"]) == 1


def test_parent_and_children(sent: Sent, runs: dict[str, dict[str, Any]]) -> None:
    parent = runs[sent.first.run_id]
    assert parent["info"]["run_name"] == "✗ acme-swap 2.4.0: FAIL"
    assert {run["info"]["status"] for run in runs.values()} == {"FINISHED"}
    assert not any("mlflow.user" in pairs(run["data"]["tags"]) for run in runs.values())
    tags = pairs(parent["data"]["tags"])
    assert (tags["visavox.verdict"], tags["control.T-SUBJECT"], tags["visavox.run"]) == ("FAIL", "FAIL", RUN_ID)
    assert tags["visavox.dataset.sha256"] == DATASET
    children = [run for key, run in runs.items() if key != sent.first.run_id]
    assert {pairs(child["data"]["tags"])["mlflow.parentRunId"] for child in children} == {sent.first.run_id}
    assert sorted(pairs(child["data"]["tags"])["visavox.assessment"] for child in children) == [
        "identity_leak",
        "impersonation",
    ]


def test_every_figure_came_through(sent: Sent, runs: dict[str, dict[str, Any]]) -> None:
    child = next(run for run in runs.values() if run["info"]["run_name"] == "identity_leak: acme-swap 2.4.0")
    there = pairs(child["data"]["metrics"])
    for key, found in zip(metric_keys(ESTIMATES), ESTIMATES, strict=True):
        read = tuple(there[key + ending] for ending in ("", ".low", ".high", ".upper", ".n"))
        assert read == (found.value, found.low, found.high, found.upper, found.n)


def test_the_data_set_is_an_input(sent: Sent, runs: dict[str, dict[str, Any]]) -> None:
    inputs = runs[sent.first.run_id]["inputs"]["dataset_inputs"]
    assert [item["dataset"]["digest"] for item in inputs] == [DATASET[:36]]


def test_the_report_is_an_artifact_and_nothing_private_is(sent: Sent) -> None:
    kept = sorted((sent.root / "store" / "mlruns").rglob("artifacts/**/*"))
    assert [path.name for path in kept if path.is_file()] == [
        "identity_leak-rates-1.svg",
        "report.html",
        "report.json",
        "report.md",
        "report.xml",
    ]
    report = next(path for path in kept if path.name == "report.json")
    assert report.read_bytes() == (sent.folder / "report.json").read_bytes()
    store = (sent.root / "store" / "mlflow.db").read_bytes()
    for private in (SOMEBODY, str(sent.folder)):
        assert private.encode() not in store
        assert not any(private.encode() in path.read_bytes() for path in kept if path.is_file())


def test_the_folder_knows_where_it_was_sent(sent: Sent) -> None:
    known = tracking_file.read(sent.folder)
    assert known is not None
    assert known.asked.uri == f"sqlite:///{sent.root}/store/mlflow.db"
    assert [(item.uri, item.run_id) for item in known.sent] == [
        (known.asked.uri, sent.first.run_id),
        (sent.url, sent.first.run_id),
    ]
    assert f"{sent.url}/#/experiments/" in known.sent[1].where


def test_track_says_why_it_could_not(sent: Sent, tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "run", a_report())
    found = CliRunner().invoke(track_command, [str(folder), "--uri", f"sqlite:///{tmp_path}/absent/mlflow.db"])
    assert isinstance(found.exception, VisavoxError)
    assert "unable to open" in str(found.exception)
