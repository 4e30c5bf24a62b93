"""A stage beside another one: both end, the first error is told, the other side stops between its units."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pixels
import pytest
from pretend import PYTHON

from visavox import load_suite, run
from visavox.api.run_folder import begins_anew
from visavox.core.errors import EditorError
from visavox.engine.beside import Check, beside
from visavox.engine.embed import Embedder
from visavox.engine.journal import Journal
from visavox.ports.progress import Step

ENTRY = Path(__file__).parents[1] / "editors_under_test.py"


def endless(began: threading.Event, ended: threading.Event) -> Callable[[Check], None]:
    def work(check: Check) -> None:
        began.set()
        try:
            while True:
                check()
                time.sleep(0.001)
        finally:
            ended.set()

    return work


def test_both_are_over_when_the_block_is_left() -> None:
    seen: list[str] = []

    def work(check: Check) -> None:
        check()
        time.sleep(0.05)
        seen.append("work")

    with beside(work, name="other") as check:
        check()
        seen.append("block")
    assert seen == ["block", "work"]


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_an_error_of_the_block_stops_the_thread(error: BaseException) -> None:
    began, ended = threading.Event(), threading.Event()

    def block() -> None:
        with beside(endless(began, ended), name="other"):
            assert began.wait(5)
            raise error

    with pytest.raises(type(error)) as caught:
        block()
    assert caught.value is error and ended.is_set()


def test_an_interrupt_while_the_thread_is_started_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = threading.Event(), threading.Event()
    start = threading.Thread.start

    def interrupted(self: threading.Thread) -> None:
        start(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), beside(endless(began, ended), name="other"):
        pass
    assert ended.is_set()


def test_an_error_of_the_thread_stops_the_block() -> None:
    def work(check: Check) -> None:
        raise ValueError("theirs")

    def block() -> None:
        with beside(work, name="other") as check:
            while True:
                check()
                time.sleep(0.001)

    with pytest.raises(ValueError, match="theirs"):
        block()
    with pytest.raises(ValueError, match="theirs"), beside(work, name="other"):
        pass  # a block that asks for nothing is told at its end


Go = Callable[..., dict[str, Any]]


@pytest.fixture
def suite_of(make_people: Callable[..., Path], pixels_suite: Callable[..., Path], register_folder: Path) -> Any:
    manifest = make_people(40, 4)

    def make(overlap: str, **params: Any) -> Path:
        editor = PYTHON.format(entry=f"{ENTRY}:load", params=json.dumps({"leak": 0.05, **params}))
        return pixels_suite(manifest, editor, extra=f"execution: {{overlap: {overlap}}}\n")

    return make


def test_a_run_ends_with_the_same_report_with_and_without(suite_of: Any, tmp_path: Path) -> None:
    found = {}
    threads: dict[str, set[str]] = {}
    for overlap in ("true", "false"):
        names: set[str] = set()

        def told(step: Step, names: set[str] = names) -> None:
            names.add(f"{step.stage} in {threading.current_thread().name}")

        run(load_suite(suite_of(overlap)), tmp_path / overlap, progress=told)
        found[overlap] = json.loads((tmp_path / overlap / "report.json").read_text())
        del found[overlap]["clock"]
        threads[overlap] = names
    assert found["true"] == found["false"]
    assert "embed original in visavox-embed" in threads["true"]
    assert "embed original in MainThread" in threads["false"]
    assert not any(name.startswith("embed original in Main") for name in threads["true"])


def test_the_sink_is_called_by_one_thread_at_a_time(suite_of: Any, tmp_path: Path) -> None:
    inside, worst = 0, 0

    def told(step: Step) -> None:
        nonlocal inside, worst
        inside += 1
        worst = max(worst, inside)
        time.sleep(0.005)
        inside -= 1

    run(load_suite(suite_of("true")), tmp_path / "run", progress=told)
    assert worst == 1


def test_a_judge_that_breaks_down_ends_the_run_and_it_can_go_on(
    suite_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenError(Exception):
        pass

    embed, calls = pixels.Pixels.embed, 0

    def once(self: Any, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise BrokenError
        return embed(self, *args)

    suite = load_suite(suite_of("true", sleep_s=0.02))
    with monkeypatch.context() as patch:
        patch.setattr(pixels.Pixels, "embed", once)
        with pytest.raises(BrokenError):
            run(suite, tmp_path / "run")
    with Journal(tmp_path / "run" / "journal.sqlite") as journal:
        assert journal.is_finished("embed/original", 1) and not journal.is_finished("embed/original", 2)
        assert len(journal.edits()) < 160  # the editor was stopped on the way
    run(suite, tmp_path / "run")
    run(load_suite(suite_of("false", sleep_s=0.02)), tmp_path / "undisturbed")
    assert _timeless(tmp_path / "run") == _timeless(tmp_path / "undisturbed")


def test_an_editor_that_fails_stops_the_judges(suite_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sets: list[str] = []
    whole = Embedder._unit

    def slow(self: Any, name: str, *rest: Any) -> None:
        time.sleep(0.5)
        sets.append(name)
        whole(self, name, *rest)

    monkeypatch.setattr(Embedder, "_unit", slow)
    with pytest.raises(EditorError, match="all of them failed"):
        run(load_suite(suite_of("true", fail=1.0)), tmp_path / "run")
    assert len(sets) < 5
    assert not [thread for thread in threading.enumerate() if thread.name == "visavox-embed"]


def test_another_plan_does_not_take_over_what_was_embedded_before_the_first_edit(suite_of: Any, tmp_path: Path) -> None:
    """Originals may be finished before any edit is; a suite that was corrected takes the folder, not them."""
    slow = suite_of("true", sleep_s=5).rename(tmp_path / "slow.yaml")
    with _command("run", slow, "--out", tmp_path / "run") as process:
        until = time.monotonic() + 60
        while not list((tmp_path / "run").rglob("original-00000.parquet")):
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130  # the model's first batch alone takes 40 s
    with Journal(tmp_path / "run" / "journal.sqlite") as journal:
        assert journal.is_finished("embed/original", 0) and not journal.edits()
    other = load_suite(suite_of("true"), overrides=["seed=12"])
    assert begins_anew(other, tmp_path / "run")
    run(other, tmp_path / "run")
    run(other, tmp_path / "undisturbed")
    assert _timeless(tmp_path / "run") == _timeless(tmp_path / "undisturbed")


@contextmanager
def _command(*words: object) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process that hears Ctrl-C, even where the tests were started with ``&``; always reaped."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = [sys.executable, str(Path(pixels.__file__)), *map(str, words)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            yield process
        finally:
            process.kill()


def _timeless(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    del report["clock"]
    return report
