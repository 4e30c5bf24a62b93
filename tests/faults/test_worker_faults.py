"""Every fault a model can commit, through the real worker: the guilty case is lost and named, the rest are edited."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from visavox.core.errors import EditorError, VisavoxError
from visavox.core.terms import Outcome
from visavox.engine.worker import MAX_STDERR_BYTES, CaseResult
from visavox.ports.editor import EditRequest

from .conftest import Start, cases, inverted

FATAL = {
    "abort": (Outcome.FAILED, r"crashed with SIGABRT"),
    "segfault": (Outcome.FAILED, r"crashed with SIGSEGV"),
    "os._exit": (Outcome.FAILED, r"ended with exit code 3"),
    "exit thread": (Outcome.FAILED, r"ended with exit code 4"),
    "close all": (Outcome.FAILED, r"closed its connection to the harness"),
    "close all and hang": (Outcome.FAILED, r"closed its connection to the harness"),
    "garbage on the socket": (Outcome.FAILED, r"not the protocol: it begins with b'GET '"),
    "huge header on the socket": (Outcome.FAILED, r"not the protocol: header of 4294967295 bytes, more than \d+"),
}
RAISED = {
    "raise": (Outcome.FAILED, r"raised ValueError: bad case"),
    "raise BaseException": (Outcome.FAILED, r"raised Odd: \(its text cannot be read\)"),
    "KeyboardInterrupt": (Outcome.FAILED, r"raised KeyboardInterrupt"),
    "poison": (Outcome.FAILED, r"raised RuntimeError: poisoned"),
    "sys.exit": (Outcome.FAILED, r"raised SystemExit: 0"),
    "one too few": (Outcome.INVALID, r"edit returned 0 results to 1 request"),
    "one too many": (Outcome.INVALID, r"edit returned 2 results to 1 request"),
    "no sequence": (Outcome.INVALID, r"edit returned a list_iterator, not a sequence of results"),
}
ANSWERED = {
    "None": (Outcome.INVALID, r"a NoneType is neither Image, Audio, Refused nor Failed"),
    "text": (Outcome.INVALID, r"a str is neither .*"),
    "float image": (Outcome.INVALID, r"float64 array: an image is uint8"),
    "grey image": (Outcome.INVALID, r"array of shape \(\d+, 9\): an image is H x W x 3"),
    "rgba image": (Outcome.INVALID, r"array of shape \(\d+, 9, 4\): .*"),
    "empty image": (Outcome.INVALID, r"empty image of shape \(0, 9, 3\)"),
    "NaN sound": (Outcome.INVALID, r"samples that are NaN or infinite"),
    "float64 sound": (Outcome.INVALID, "samples of dtype float64"),
    "empty sound": (Outcome.INVALID, r"no samples"),
    "sound rate": (Outcome.INVALID, r"a sample rate of 0 Hz"),
    "sound for an image": (Outcome.INVALID, r"sound in answer to a case of images"),
    "refuses": (Outcome.REFUSED, r"no consent"),
    "fails": (Outcome.FAILED, r"no face found at <object at 0x\.\.\.>"),
}

OVER_LIMIT = {
    "hang": (Outcome.TIMED_OUT, r"^timed out after 0.4 s"),
    "spin": (Outcome.TIMED_OUT, r"^timed out after 0.4 s"),
    "drip": (Outcome.TIMED_OUT, r"^timed out after 0.4 s"),
    "memory": (Outcome.FAILED, r"^used more than 300 MB"),
    "memory of a child": (Outcome.FAILED, r"^used more than 300 MB"),
}


def check(results: list[CaseResult], requests: list[EditRequest], faults: dict[str, str]) -> None:
    """The guilty cases are lost, each by its own fault; the others are edited."""
    wanted, told = inverted(requests), FATAL | RAISED | ANSWERED | OVER_LIMIT
    assert [r.case_id for r in results] == [r.case_id for r in requests]
    for result in results:
        fault = faults.get(result.case_id)
        if fault is None:
            assert result.outcome is Outcome.EDITED, result
            assert np.asarray(result.media).tobytes() == wanted[result.case_id]
            assert (result.reason, result.stderr_tail) == ("", "")
        else:
            outcome, reason = told[fault]
            assert (result.outcome, result.media) == (outcome, None), fault
            assert re.search(reason + "$", result.reason), result.reason
            assert f"about to {fault}" in result.stderr_tail


@pytest.mark.parametrize("table", [FATAL, RAISED, ANSWERED], ids=["fatal", "raised", "answered"])
def test_every_fault_costs_its_own_case(table: dict[str, tuple[Outcome, str]], start: Start) -> None:
    requests = cases(2 * len(table) + 1)
    faults = {request.case_id: fault for request, fault in zip(requests[1::2], table, strict=True)}
    max_batch = 4 if table is ANSWERED else 1
    check(start(faults=faults, max_batch=max_batch).run_unit(requests), requests, faults)


@pytest.mark.parametrize("fault", ["segfault", "raise", "poison", "one too few", "garbage on the socket"])
def test_one_guilty_case_in_a_batch_of_four(fault: str, start: Start) -> None:
    requests = cases(6)
    faults = {requests[2].case_id: fault}
    check(start(faults=faults).run_unit(requests), requests, faults)


@pytest.mark.parametrize("fault", list(OVER_LIMIT))
def test_a_case_over_the_limits(fault: str, start: Start) -> None:
    requests = cases(3)
    faults = {requests[1].case_id: fault}
    worker = start(faults=faults, timeout_s=2.5 if "memory" in fault else 0.4, max_batch=1)
    begun = time.monotonic()
    check(worker.run_unit(requests), requests, faults)
    assert time.monotonic() - begun < 20


def test_a_first_batch_that_hangs_ends_too(start: Start) -> None:
    results = start(faults={cases(1)[0].case_id: "hang"}, timeout_s=0.3, load_timeout_s=1.5).run_unit(cases(1))
    assert (results[0].outcome, results[0].reason) == (Outcome.TIMED_OUT, "timed out after 0.3 s")


def test_noise_on_stdout_harms_nothing(start: Start, tmp_path: Path) -> None:
    requests = cases(6)
    results = start(faults={requests[0].case_id: "stdout noise"}).run_unit(requests)
    assert {r.case_id: np.asarray(r.media).tobytes() for r in results} == inverted(requests)
    written = (tmp_path / "stderr.txt").read_bytes()
    assert b"noise on stdout" in written and b"noise of a child" in written


@pytest.mark.parametrize("fault", ["abort", "raise"])
def test_a_fault_that_happens_once_costs_nothing(fault: str, start: Start, tmp_path: Path) -> None:
    worker = start(faults={cases(1)[0].case_id: fault}, once=str(tmp_path / "done"), max_batch=1)
    assert {r.outcome for r in worker.run_unit(cases(2))} == {Outcome.EDITED}


def test_a_daemon_left_behind_is_ended(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid_file = tmp_path / "daemon.pid"
    monkeypatch.setenv("FAULT_PID_FILE", str(pid_file))
    results = start(faults={cases(1)[0].case_id: "daemon"}).run_unit(cases(1))
    assert results[0].reason == "ended with exit code 9"
    assert not psutil.pid_exists(int(pid_file.read_text()))


def test_the_output_file_stays_bounded(start: Start, tmp_path: Path) -> None:
    worker = start()
    worker.run_unit(cases(1))
    with (tmp_path / "stderr.txt").open("ab") as stream:
        stream.write(bytes(MAX_STDERR_BYTES + 1))
    time.sleep(0.2)
    worker.run_unit(cases(1))
    assert (tmp_path / "stderr.txt").stat().st_size < 1 << 16


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("raise", "ValueError: bad case"),
        ("sys.exit", "SystemExit: 0"),
        ("segfault", "its process crashed with SIGSEGV while it was loaded"),
        ("hang", "it was not ready after 1.5 s"),
        ("memory", "it used more than 300 MB while it was loaded"),
    ],
)
def test_an_editor_that_cannot_be_loaded_is_one_clear_error(fault: str, found: str, start: Start) -> None:
    with pytest.raises(EditorError, match="load the editor") as caught:
        start(load=fault, load_timeout_s=1.5 if fault == "hang" else 20).run_unit(cases(1))
    assert caught.value.found == found
    # its own frames of a traceback, or its last words
    if fault in {"raise", "sys.exit"}:
        assert "faulty_editor.py" in caught.value.todo
        assert "worker_main" not in caught.value.todo
    else:
        assert "about to load badly" in caught.value.todo


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"kind": "python", "entry": "no_such_module:load"}, "No module named 'no_such_module'"),
        ({"kind": "no-such"}, "not among the editor kinds"),
        ({"kind": "command", "argv": ["no-such-program", "{input}", "{output}"]}, "'no-such-program' is not found"),
    ],
)
def test_a_wrong_spec_is_one_clear_error(spec: dict[str, str], found: str, start: Start) -> None:
    with pytest.raises(VisavoxError) as caught:
        _ = start(spec=spec).max_batch
    assert found in caught.value.found


def test_an_object_without_edit_is_no_editor(start: Start) -> None:
    with pytest.raises(EditorError, match="no method edit"):
        _ = start("load_nothing").max_batch


@pytest.mark.parametrize("declared", [0, True, "many"])
def test_a_max_batch_that_is_no_number_from_one(declared: object, start: Start) -> None:
    with pytest.raises(EditorError, match="max_batch"):
        _ = start(max_batch=declared).max_batch


def test_the_worker_is_started_from_the_main_thread_only(start: Start) -> None:
    worker, found = start(), []

    def begin() -> None:
        try:
            _ = worker.max_batch
        except EditorError as error:
            found.append(error)

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    assert "main thread" in found[0].todo


def test_closing_ends_the_worker_and_a_later_unit_starts_it_again(start: Start) -> None:
    before = psutil.Process().children(recursive=True)
    worker = start()
    worker.run_unit(cases(1))
    assert len(psutil.Process().children(recursive=True)) > len(before)
    worker.close()
    worker.close()
    assert not set(psutil.Process().children(recursive=True)) - set(before)
    assert worker.run_unit(cases(1))[0].outcome is Outcome.EDITED
