"""Whole runs of a service through the command line: with TLS and credentials, one that leaks, one that is dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from consent_editors import write_tokens
from services import SCRIPT, Running, certificates, running

from visavox.api import read_report
from visavox.cli import exit_code
from visavox.core.terms import Verdict

SECRET = "s3cr3t-of-acme-4711"
EDITOR = """
  kind: http
  url: {url}
  ca: {ca}
  auth: {{env: ACME_TOKEN}}
  concurrency: 4
  name: acme
  version: 2.4.0
  operation: face-anonymisation
  tool_class: anonymise
"""
SYNTHETIC = """
name: acme
editor: {editor}
dataset: {{kind: synthetic-faces, people: 6}}
recognisers: [pixels]
assessments: {{identity_leak: {{}}}}
policy: baseline
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str]]:
    folder = tmp_path_factory.mktemp("tls")
    authority, certificate, key = certificates(folder)
    with running(folder, words=("--certificate", certificate, "--key", key), scheme="https") as found:
        yield found, authority


def test_a_run_over_tls_leaves_no_trace_of_the_secret(
    service: tuple[Running, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (found, ca), out, suite = service, tmp_path / "run", tmp_path / "suite.yaml"
    suite.write_text(SYNTHETIC.format(editor=EDITOR.format(url=found.base + "/mosaic", ca=ca)))
    words = ["run", str(suite), "--out", str(out), "--limit", "4", "--set", "execution.retention=all"]
    monkeypatch.delenv("ACME_TOKEN", raising=False)
    assert exit_code(words) == 4
    assert "ACME_TOKEN" in capsys.readouterr().err and not (out / "report.json").exists()
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    assert exit_code(words) == 0
    report = read_report(out)
    assert (report.ledger.attempted, report.ledger.edited) == (4, 4)
    assert report.subject.kind == "http"
    (said,) = [line for line in report.limitations if "service" in line]
    assert said.startswith("the editor is a service at 127.0.0.1: the report binds to the service's address and stated")
    assert len(found.sent("/mosaic")) == 4
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err


def test_a_service_that_refuses_shows_no_secret_either(
    service: tuple[Running, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its refusal repeats the credentials; the first 20 cases failing or refused, the journal keeps why."""
    (found, ca), out, suite = service, tmp_path / "run", tmp_path / "suite.yaml"
    suite.write_text(SYNTHETIC.format(editor=EDITOR.format(url=found.base + "/refuse", ca=ca)))
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    assert exit_code(["run", str(suite), "--out", str(out), "--limit", "4"]) == 0
    report = read_report(out)
    assert report.ledger.refused == 4 and report.decision.verdict is not Verdict.PASS
    assert not [path for path in out.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert "no consent   of Bearer ***" in (out / "run.log").read_text()


def test_a_service_that_gives_everyone_back_fails(
    service: tuple[Running, str],
    tmp_path: Path,
    make_people: Callable[..., Path],
    pixels_suite: Callable[..., Path],
    register_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, ca = service
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    suite = pixels_suite(make_people(24), EDITOR.format(url=found.base + "/leak", ca=ca))
    out = tmp_path / "run"
    assert exit_code(["run", str(suite), "--out", str(out)]) == 0
    assert exit_code(["gate", str(out)]) == 1
    failed = {control.id for control in read_report(out).decision.controls if control.verdict is Verdict.FAIL}
    assert {"BASE-SUBJECT", "BASE-UNCHANGED"} <= failed


def test_a_dead_service_ends_the_run_with_one_error(
    tmp_path: Path,
    make_people: Callable[..., Path],
    pixels_suite: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    editor = EDITOR.format(url="https://127.0.0.1:9/", ca="null").replace(
        "  auth: {env: ACME_TOKEN}\n", "  retries: 0\n"
    )
    suite = pixels_suite(make_people(6), editor)
    out = tmp_path / "run"
    assert exit_code(["run", str(suite), "--out", str(out)]) == 3
    error = capsys.readouterr().err
    assert "all of them failed; the first: the service cannot be reached (ConnectError), in 1 try" in error
    assert "Traceback" not in error and not (out / "report.json").exists()


def test_a_service_that_reads_withdrawn_tokens_too_kindly_is_found(
    tmp_path: Path, make_people: Callable[..., Path], pixels_suite: Callable[..., Path]
) -> None:
    n = 6
    write_tokens(tmp_path / "tokens.csv", n)
    script = SCRIPT.with_name("consent_service.py")
    with running(tmp_path, script=script, words=(str(n),)) as service:
        block = EDITOR.format(url=service.base + "/consent-letters", ca="null").replace(
            "  auth: {env: ACME_TOKEN}\n", ""
        )
        suite = pixels_suite(make_people(n, 2), block + "  consent: {tokens: tokens.csv}\n")
        suite.write_text(suite.read_text().replace("identity_leak: {}", "consent: {}"))
        assert exit_code(["run", str(suite), "--out", str(tmp_path / "run")]) == 0
    report = read_report(tmp_path / "run")
    assert (report.ledger.attempted, report.ledger.edited) == (12 + 15 * n, 12 + n)
    (rate,) = [e for r in report.results for e in r.estimates if (e.name, e.group) == ("refusal_rate", None)]
    assert rate.value == 0.0 and "withdrawn-spaces is refused least often" in rate.note and rate.n_failed == 0
    assert "refused: withdrawn: ***" in (tmp_path / "run" / "run.log").read_text()
