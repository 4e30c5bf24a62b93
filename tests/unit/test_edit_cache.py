"""Edits across runs: taken again only where all that made them is the same, and only of baselines."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pretend import BASELINE, PYTHON

from visavox import load_suite, run
from visavox.core.resources import user_cache_dir
from visavox.engine import edit_cache

Go = Callable[..., dict[str, object]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many edits were made, not taken from the cache, since the last question."""
    counted: list[int] = []
    keep = edit_cache.EditCache.keep

    def counting(self: Any, requests: Any, roles: Any, rows: Any, store: Any) -> None:
        counted.append(len(rows))
        keep(self, requests, roles, rows, store)

    monkeypatch.setattr(edit_cache.EditCache, "keep", counting)

    def count() -> int:
        total = sum(counted)
        counted.clear()
        return total

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

    def start(*overrides: str, editor: str = BASELINE.format(name="blur")) -> dict[str, object]:
        out = tmp_path / f"run-{next(runs)}"
        suite = pixels_suite(manifest, editor)
        run(load_suite(suite, overrides=["execution.cache=true", *overrides]), out)
        report = json.loads((out / "report.json").read_text())
        del report["clock"]
        return report

    return start


def test_a_second_run_makes_no_edit_and_ends_with_the_same_report(go: Go, made: Callable[[], int]) -> None:
    first = go()
    assert made() == 18
    assert go() == first
    assert made() == 0
    folder = user_cache_dir() / "edits"
    for path in folder.glob("*/*"):
        path.write_bytes(path.read_bytes()[:-1])
    assert go() == first
    assert made() == 18  # what is damaged is made again
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_another_tool_or_another_package_never_hits(
    go: Go, made: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    go()
    assert made() == 18
    go("editor.params={sigma_px: 3}")
    assert made() == 18
    monkeypatch.setattr(edit_cache, "surroundings", lambda: "another package")
    go()
    assert made() == 18


def test_an_editor_of_ones_own_is_never_kept(go: Go, made: Callable[[], int], tmp_path: Path) -> None:
    """Its weights may lie anywhere: changed ones must not meet the outputs of the old ones."""
    weights = tmp_path / "anywhere" / "weights.txt"
    weights.parent.mkdir()
    entry = tmp_path / "adapter.py"
    entry.write_text(
        "from pathlib import Path\n"
        f"SHIFT = int(Path({str(weights)!r}).read_text())\n"
        "class Editor:\n"
        "    max_batch, concurrency = 4, 1\n"
        "    def edit(self, requests):\n"
        "        return [r.media['subject'] // 2 + SHIFT for r in requests]\n"
        "def load(*, device, artifact, params):\n"
        "    return Editor()\n"
    )
    found = []
    for shift in (3, 90):
        weights.write_text(str(shift))
        found.append(go(editor=PYTHON.format(entry=f"{entry}:load", params="{}")))
        assert made() == 18
    assert not list((user_cache_dir() / "edits").glob("*/*"))
    assert found[0]["subject"] == found[1]["subject"]  # nothing that the report binds to has changed


def test_what_makes_an_edit_is_in_the_key(pixels_suite: Callable[..., Path], make_people: Callable[..., Path]) -> None:
    manifest = make_people(6, 3)
    others = [
        "{kind: command, argv: [cp, '{input}', '{output}'], name: c, version: '1', operation: face-anonymisation,"
        " tool_class: anonymise}",
        PYTHON.format(entry=f"{Path(__file__).parents[1] / 'editors_under_test.py'}:load", params="{}"),
    ]
    assert [edit_cache.editor_digest(load_suite(pixels_suite(manifest, other))) for other in others] == ["", ""]
    blurs = [BASELINE.format(name="blur")[:-1] + f", params: {{sigma_px: {sigma}}}}}" for sigma in (4, 5)]
    digests = {edit_cache.editor_digest(load_suite(pixels_suite(manifest, editor))) for editor in blurs}
    assert len(digests) == 2
    assert "" not in digests
