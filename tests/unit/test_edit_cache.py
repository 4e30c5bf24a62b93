"""Edits across runs: taken again only where all that made them is the same."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from pretend import BASELINE, PYTHON

from visavox import load_suite, run
from visavox.core.resources import user_cache_dir
from visavox.engine import edit_cache

EDITOR = """
from pathlib import Path
from {module} import SHIFT
from visavox.editor import Refused
CALLS = Path({calls!r})
class Editor:
    max_batch, concurrency = 4, 1
    def edit(self, requests):
        with CALLS.open("a") as log:
            log.writelines(f"{{r.case_id}}\\n" for r in requests)
        return [Refused("no") if r.seed % 5 == 0 else r.media["subject"] // 2 + SHIFT for r in requests]
def load(*, device, artifact, params):
    return Editor()
"""

Go = Callable[..., dict[str, object]]


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[], int]:
    """How many cases the editor saw since the last question."""
    log, seen = tmp_path / "calls", [0]

    def count() -> int:
        lines = len(log.read_text().splitlines()) if log.exists() else 0
        seen[0], before = lines, seen[0]
        return lines - before

    return count


@pytest.fixture
def go(
    tmp_path: Path,
    make_people: Callable[..., Path],
    pixels_suite: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    register_folder: Path,
) -> Go:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest, runs = make_people(6, 3), iter(range(99))
    entry = tmp_path / "model" / "adapter.py"
    (entry.parent / "inner").mkdir(parents=True)

    def start(*overrides: str, shift: int = 3, cache: bool = True) -> dict[str, object]:
        (entry.parent / "inner" / "parts.py").write_text(f"SHIFT = {shift}\n")
        text = EDITOR.format(module="inner.parts", calls=str(tmp_path / "calls"))
        entry.write_text("import sys; sys.path.insert(0, str(__import__('pathlib').Path(__file__).parent))" + text)
        suite = pixels_suite(manifest, PYTHON.format(entry=f"{entry}:load", params="{}"))
        out = tmp_path / f"run-{next(runs)}"
        run(load_suite(suite, overrides=[f"execution.cache={str(cache).lower()}", *overrides]), out)
        report = json.loads((out / "report.json").read_text())
        del report["clock"]
        return report

    return start


def test_a_second_run_calls_no_editor_and_ends_with_the_same_report(go: Go, calls: Callable[[], int]) -> None:
    first = go()
    assert calls() == 18
    assert first["ledger"]["refused"] > 0  # type: ignore[index]
    assert go() == first
    assert calls() == 0
    folder = user_cache_dir() / "edits"
    for path in folder.glob("*/*"):
        path.write_bytes(path.read_bytes()[:-1])
    assert go() == first
    assert calls() == 18  # what is damaged is made again
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_changed_editor_never_hits(go: Go, calls: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    go()
    assert calls() == 18
    go(shift=4)  # a module below the entry's folder, not the entry itself
    assert calls() == 18
    monkeypatch.setattr(edit_cache, "_surroundings", lambda: "another package")
    go(shift=4)
    assert calls() == 18


def test_what_makes_an_edit_is_in_the_key_and_programs_are_never_kept(
    pixels_suite: Callable[..., Path], make_people: Callable[..., Path]
) -> None:
    command = (
        "{kind: command, argv: [cp, '{input}', '{output}'], name: c, version: '1', operation: face-anonymisation,"
        " tool_class: anonymise}"
    )
    manifest = make_people(6, 3)
    assert edit_cache.editor_digest(load_suite(pixels_suite(manifest, command))) == ""
    module = PYTHON.format(entry="some.module:load", params="{}")
    assert edit_cache.editor_digest(load_suite(pixels_suite(manifest, module))) == ""
    entry = Path(__file__).parents[1] / "editors_under_test.py"
    others = [
        PYTHON.format(entry=f"{entry}:load", params=params).replace("'1'", version)
        for params, version in (("{}", "'1'"), ("{a: 1}", "'1'"), ("{}", "'2'"))
    ]
    blurs = [BASELINE.format(name="blur")[:-1] + f", params: {{sigma_px: {sigma}}}}}" for sigma in (4, 5)]
    digests = {edit_cache.editor_digest(load_suite(pixels_suite(manifest, editor))) for editor in [*blurs, *others]}
    assert len(digests) == 5
    assert "" not in digests
