"""What MLflow is told, and what it is never told; what happens when it cannot be reached."""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracked_report import DATASET, ESTIMATES, RUN_ID, SOMEBODY, a_report, estimate, finished_run, point

from visavox.adapters.sinks import tracking_file
from visavox.adapters.sinks.mlflow_names import LONGEST, bounded, escaped, metric_key, metric_keys, unescaped
from visavox.adapters.sinks.mlflow_runs import run_content
from visavox.core.config import Tracking
from visavox.core.figures import AssessmentResult, Estimate
from visavox.core.names import rate_in_name
from visavox.core.report import Clock
from visavox.core.terms import Attacker, Modality
from visavox.ports.sink import SinkResult, sinks

ENDINGS = (".low", ".high", ".upper", ".lower", ".n")
ALLOWED = re.compile(r"[A-Za-z0-9_.\- /]+")
"""Narrower than MLflow's own rule (its REST API, "Data structures": 250 characters, no `[ ] @ =`)."""

names = st.text(st.characters(min_codepoint=1, exclude_categories=("Cs",)), max_size=40) | st.sampled_from(
    [".", "..", "-", "", "a/b", "_x5f_", "_x", "__x", "x_", "dlib.low", "a.n", " a ", "map[1,2]", "女"]
)


@st.composite
def figures(draw: st.DrawFn) -> Estimate:
    rate = draw(st.none() | st.sampled_from([1e-2, 1e-3, 2.5e-4]))
    more = {} if rate is None else {"operating_point": point(rate)}
    return estimate(
        draw(names),
        0.5,
        recogniser=draw(names),
        attacker=draw(st.none() | st.sampled_from(list(Attacker))),
        group=draw(st.none() | names),
        **more,
    )


# ---------------------------------------------------------------- names
@given(names)
def test_an_escaped_part_is_read_back(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert ALLOWED.fullmatch(escaped(text))
    assert "/" not in escaped(text)


@given(figures())
def test_every_key_is_one_mlflow_takes(found: Estimate) -> None:
    for key in [metric_key(found) + ending for ending in ("", *ENDINGS)]:
        assert ALLOWED.fullmatch(key)
        assert len(key) <= 250
        assert os.path.normpath(key) == key
        assert not key.startswith(("/", ".."))


def _identity(found: Estimate) -> tuple[object, ...]:
    return found.name, found.recogniser, found.attacker, found.group, getattr(found.operating_point, "target_fmr", None)


@given(st.lists(figures(), max_size=4))
def test_different_figures_have_different_keys_and_endings(found: list[Estimate]) -> None:
    first = {_identity(item): item for item in found}
    keys = [metric_key(item) + ending for item in first.values() for ending in ("", *ENDINGS)]
    assert len(set(keys)) == len(keys)
    assert metric_keys(list(first.values())) == [metric_key(item) for item in first.values()]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (estimate("a", 0.5, recogniser="b.low"), estimate("a", 0.5, recogniser="b")),
        (estimate("a", 0.5, recogniser="control"), estimate("a", 0.5, recogniser="", attacker=Attacker.CONTROL)),
        (estimate("a/b", 0.5, recogniser=""), estimate("a", 0.5, recogniser="b")),
        (estimate("a", 0.5, group="x"), estimate("a", 0.5, recogniser="dlib/group_x")),
        (estimate("a" * 300 + "b", 0.5), estimate("a" * 300 + "c", 0.5)),
    ],
)
def test_look_alikes_are_kept_apart(one: Estimate, other: Estimate) -> None:
    keys = [[metric_key(found) + ending for ending in ("", *ENDINGS)] for found in (one, other)]
    assert not set(keys[0]) & set(keys[1])


def test_the_key_reads_as_documented() -> None:
    assert metric_keys(ESTIMATES) == [
        "subject_match_rate/dlib/ignorant/fmr_1e-3",
        "subject_match_rate/dlib/lazy_informed/fmr_1e-3",
        "subject_match_rate/dlib/lazy_informed/fmr_2.5e-4",
        "subject_match_rate/mobileface/lazy_informed/fmr_1e-3",
        "map_r1_c2/dlib/fmr_1e-3/group_sex_x3d__x5973_ _x5b_a_x2f_b_x5d_",
        "stays_rate/r_x2e_low",
        "eer/dlib",
    ]
    assert metric_key(estimate("non_edited_share", 0.5, recogniser="")) == "non_edited_share"
    assert rate_in_name(2.5e-4) == "2.5e-4"


def test_figures_that_differ_in_their_kind_alone_are_numbered_apart() -> None:
    kinds = [estimate("a", 0.5, operating_point=point(1e-3, kind)) for kind in ("o-e", "o-m", "o-m")]
    assert metric_keys(kinds) == [
        "a/dlib/fmr_1e-3/kind_o-e",
        "a/dlib/fmr_1e-3/kind_o-m/figure_1",
        "a/dlib/fmr_1e-3/kind_o-m/figure_2",
    ]


def test_a_cut_key_cannot_be_mistaken_for_an_uncut_one() -> None:
    assert len(bounded("k" * (LONGEST - 1))) == LONGEST - 1
    assert len(bounded("k" * LONGEST)) == len(bounded("k" * 900)) == LONGEST


# ---------------------------------------------------------------- what is sent
def test_the_parent_has_verdict_digests_and_the_worst_figure(tmp_path: Path) -> None:
    parent = run_content(finished_run(tmp_path / "run", a_report()), a_report())["parent"]
    tags, metrics = parent["tags"], parent["metrics"]
    assert parent["name"] == "✗ acme-swap 2.4.0: FAIL"
    assert (parent["start_ms"], parent["end_ms"]) == (1772359200000, 1772359500500)
    assert tags["visavox.run"] == RUN_ID
    assert (tags["visavox.verdict"], tags["control.T-SUBJECT"], tags["control.T-STAYS"]) == ("FAIL", "FAIL", "PASS")
    assert (tags["visavox.policy"], tags["visavox.tool_class"], tags["visavox.smoke"]) == ("baseline", "swap", "false")
    digests = {
        "subject": "e4" * 32,
        "dataset": DATASET,
        "policy": "07" * 32,
        "suite": "a1" * 32,
        "plan": "c3" * 32,
        "seal": "b2" * 32,
    }
    assert {name: tags[f"visavox.{name}.sha256"] for name in digests} == digests
    assert metrics["subject_match_rate"] == 0.5
    assert metrics["subject_match_rate.upper"] == pytest.approx(0.58)
    assert parent["params"]["worst/subject_match_rate"] == "subject_match_rate/dlib/lazy_informed/fmr_1e-3"
    assert metrics["stays_rate.lower"] == pytest.approx(0.795)
    assert (metrics["cases/attempted"], metrics["cases/refused"]) == (120.0, 2.0)
    assert parent["params"]["suite"] == "acme-release"
    assert parent["params"]["modality"] == "face"
    assert parent["params"]["limit/T-SUBJECT"] == "<= 0.07 on upper"
    assert "a \\| leak" in tags["mlflow.note.content"]


def test_each_figure_is_in_its_child_once(tmp_path: Path) -> None:
    children = run_content(finished_run(tmp_path / "run", a_report()), a_report())["children"]
    assert [child["name"] for child in children] == ["identity_leak: acme-swap 2.4.0", "impersonation: acme-swap 2.4.0"]
    metrics = children[0]["metrics"]
    assert len(metrics) == 5 * len(ESTIMATES) + 1  # the one where more is safer has .lower too
    for key, found in zip(metric_keys(ESTIMATES), ESTIMATES, strict=True):
        sent = (
            metrics[key],
            metrics[f"{key}.low"],
            metrics[f"{key}.high"],
            metrics[f"{key}.upper"],
            metrics[f"{key}.n"],
        )
        assert sent == (found.value, found.low, found.high, found.upper, found.n)
    assert children[1]["tags"]["visavox.not_applicable"] == "no donor"
    assert "too few people" in children[0]["tags"]["mlflow.note.content"]


def test_the_data_set_has_a_short_digest_and_no_path(tmp_path: Path) -> None:
    dataset = run_content(finished_run(tmp_path / "run", a_report()), a_report())["dataset"]
    assert dataset["digest"] == DATASET[:36]
    assert json.loads(dataset["source"]) == {"sha256": DATASET}
    assert json.loads(dataset["profile"])["consent granted"] == 100


def test_nothing_private_leaves(tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "run", a_report())
    content = run_content(folder, a_report())
    assert [(Path(path).name, below) for path, below in content.pop("files")] == [
        ("report.json", ""),
        ("report.html", ""),
        ("report.md", ""),
        ("report.xml", ""),
        ("identity_leak-rates-1.svg", "charts"),
    ]
    text = json.dumps(content, ensure_ascii=False)
    assert SOMEBODY not in text
    assert str(tmp_path) not in text
    (folder / "report.html").unlink()
    (folder / "report.html").symlink_to(folder / "worst.html")
    assert not any(path.endswith(".html") for path, _ in run_content(folder, a_report())["files"])


def test_everything_is_within_the_bounds_of_old_servers(tmp_path: Path) -> None:
    long = "x" * 9000
    report = a_report()
    report = report.model_copy(
        update={
            "decision": report.decision.model_copy(update={"reasons": (long,) * 40}),
            "subject": report.subject.model_copy(update={"name": long}),
            "results": (AssessmentResult(assessment=long, modality=Modality.FACE, not_applicable=long),),
            "clock": Clock(run="' OR 1=1 --", started="never", finished="never"),
        }
    )
    content = run_content(finished_run(tmp_path / "run", report), report)
    assert re.fullmatch("[0-9a-f]{64}", content["run"])
    for run in (content["parent"], *content["children"]):
        assert max(map(len, run["tags"].values())) <= 5000
        assert max(map(len, run["params"].values())) <= 500
        assert len(run["name"]) <= 250
        assert run["start_ms"] is None


# ---------------------------------------------------------------- when it cannot be reached
def send(folder: Path, uri: str, timeout_s: float = 20.0) -> SinkResult:
    return sinks.get("mlflow")(Tracking(uri=uri, timeout_s=timeout_s)).send(folder, a_report())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return finished_run(tmp_path / "run", a_report())


def test_a_closed_port_is_a_reason_and_is_remembered(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = send(folder, f"http://127.0.0.1:{port}")
    assert (result.is_sent, result.where) == (False, f"http://127.0.0.1:{port}")
    assert "refused" in result.reason
    known = tracking_file.read(folder)
    assert known is not None
    assert (known.asked.uri, known.sent, known.reason) == (result.where, (), result.reason)


def test_a_server_that_never_answers_is_left_at_the_deadline(folder: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begun = time.monotonic()
        result = send(folder, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=1.5)
    assert time.monotonic() - begun < 10.0
    assert not result.is_sent
    assert "not done after 1.5 s" in result.reason
    assert not [child for child in psutil.Process().children(recursive=True) if "mlflow_worker" in str(child.cmdline())]


def test_a_locked_store_is_a_reason(folder: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = send(folder, f"sqlite:///{tmp_path}/mlflow.db", timeout_s=1.0)
    assert not result.is_sent
    assert "locked" in result.reason


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("sqlite:///{root}/absent/mlflow.db", "unable to open"),
        ("sqlite:///file:{root}/there.db?mode=ro&uri=true", "readonly"),
        ("sqlite:///{root}/run/report.json", "not a database"),
        ("sqlite://", "sqlite:///FILE"),
        ("http://", "no host"),
    ],
)
def test_a_store_that_cannot_be_written_is_a_reason(folder: Path, tmp_path: Path, uri: str, words: str) -> None:
    with closing(sqlite3.connect(tmp_path / "there.db")) as store:
        store.execute("CREATE TABLE runs (id)")
    result = send(folder, uri.format(root=tmp_path))
    assert not result.is_sent
    assert words in result.reason


def test_without_mlflow_it_says_what_to_install(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mlflow.py").write_text("raise ModuleNotFoundError(\"No module named 'mlflow'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    result = send(folder, f"sqlite:///{tmp_path}/mlflow.db")
    assert not result.is_sent
    assert "pip install 'visavox[tracking]'" in result.reason


def test_a_run_that_is_being_sent_is_not_sent_twice_at_once(folder: Path, tmp_path: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    result = send(folder, f"sqlite:///{tmp_path}/mlflow.db")
    os.close(handle)
    assert "another process" in result.reason
    assert not (tmp_path / "mlflow.db").exists()


def test_a_run_folder_that_cannot_be_written_loses_the_note_alone(folder: Path) -> None:
    (folder / "tracking.json").mkdir()
    result = send(folder, "sqlite://")
    assert "sqlite:///FILE" in result.reason
    assert "tracking.json cannot be written" in result.reason


def test_the_reports_are_never_touched(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    send(folder, "sqlite://")
    assert {path: path.read_bytes() for path in before} == before
    assert {path.name for path in folder.iterdir()} - {path.name for path in before} <= {
        "tracking.json",
        "charts",
        "media",
        "templates",
        "scores",
    }


# ---------------------------------------------------------------- what is asked for later
def test_a_relative_store_is_found_from_another_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.db").mkdir()  # fails before MLflow is needed
    monkeypatch.chdir(tmp_path)
    assert not send(folder, "sqlite:///mlflow.db").is_sent
    asked = tracking_file.asked(folder)
    assert asked is not None
    assert asked.uri == f"sqlite:///{tmp_path}/mlflow.db"


def test_without_a_note_the_suite_is_asked(folder: Path) -> None:
    assert tracking_file.asked(folder) is None
    (folder / "suite.yaml").write_text(json.dumps({"tracking": {"uri": "http://tracker:5000", "experiment": "e"}}))
    asked = tracking_file.asked(folder)
    assert asked is not None
    assert (asked.uri, asked.experiment) == ("http://tracker:5000", "e")


def test_the_harness_does_not_import_mlflow(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tracked_report import a_report\n"
        "from visavox.core.config import Tracking; from visavox.ports.sink import sinks\n"
        f"sinks.get('mlflow')(Tracking(uri='sqlite://')).send(Path({str(folder)!r}), a_report())\n"
        "assert 'mlflow' not in sys.modules and 'pandas' not in sys.modules"
    )
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": paths})
