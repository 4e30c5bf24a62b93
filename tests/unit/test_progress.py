"""Progress: what plain lines there are, and that data sets reach the same sink."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.cli import progress as cli_progress
from visavox.core.records import DatasetSpec
from visavox.ports.progress import Step, listening, silent, tell
from visavox_datasets.synthetic import people


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(cli_progress, "time", found)
    return found


def test_plain_lines_tell_of_long_stages_alone(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """A line at the end, before it one in ten seconds, and none of stages that are over at once."""
    with cli_progress.progress("plain") as sink:
        clock.now_s += 30  # judges are loaded; no part of a stage that begins with 0 items
        sink(Step("edit", 0, 4))
        clock.now_s += 2
        sink(Step("edit", 4, 4))
        for done in range(1, 7):
            clock.now_s += 4
            sink(Step("embed original", done * 32, 192))
        for table in range(8):
            clock.now_s += 0.1
            sink(Step(f"score dlib {table}", 1, 1))
        sink(Step("detection", 0, 35))
        clock.now_s += 30
        sink(Step("detection", 1, 35))
    assert capsys.readouterr().err.splitlines() == [
        "edit: 4 in 2 s",
        "embed original: 96/192, 8.0/s, about 12 s left",
        "embed original: 192 in 24 s",
        "detection: 1/35, 30 s each, about 1020 s left",
    ]


def test_told_steps_reach_the_listener_and_nobody_else() -> None:
    heard: list[Step] = []
    tell(Step("render", 0, 1))
    with listening(heard.append):
        tell(Step("render", 1, 2))
        with listening(silent):
            tell(Step("render", 2, 2))
        tell(Step("render", 2, 2))
    tell(Step("render", 3, 3))
    assert heard == [Step("render", 1, 2), Step("render", 2, 2)]


def test_rendering_is_told_as_json_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """These are copies of shipped pictures; once they are there nothing is told."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for wanted in (3, 0):
        with cli_progress.progress("jsonl"):
            people.load_synthetic_faces(DatasetSpec(kind=people.KIND, params=(("people", 1), ("images", 2))), 7)
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert [(line["event"], line["stage"], line["total"]) for line in lines] == [("step", people.STAGE, 2)] * wanted
        assert [line["done"] for line in lines] == list(range(wanted))
