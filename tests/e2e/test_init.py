"""``visavox init``: it runs as it is, for every kind of editor and tool class, and nothing is written over."""

from __future__ import annotations

import csv
import runpy
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from pretend import texture
from services import serving

from visavox import load_suite, run
from visavox.api.initialise import BASELINES, EditorKind, initialise
from visavox.cli import exit_code
from visavox.core.contracts import contract
from visavox.core.terms import ToolClass, Verdict
from visavox.media.image import encode_png
from visavox.ports.editor import EditedFile, EditorContext, EditRequest, Refused, baselines, editors

SMALL = ("dataset.people=6", "recognisers=[pixels]")
"""Fewer people and the light recogniser: what is looked at is that every part finds the next."""
FILES = {
    EditorKind.PYTHON: {"adapter.py"},
    EditorKind.COMMAND: {"edit.py"},
    EditorKind.FOLDER: {"edit_cases.py", "outputs.csv"},
    EditorKind.HTTP: {"service.py"},
    EditorKind.BASELINE: set(),
}


def pictures(tool_class: ToolClass) -> dict[str, np.ndarray]:
    """A picture for each role of the class, of different people and sizes."""
    return {role: texture(n, 0)[: 32 - 4 * n] for n, role in enumerate(contract(tool_class).roles)}


def elsewhere(folder: Path, media: dict[str, np.ndarray]) -> None:
    """Two cases as ``plan --cases`` lists them, the second refused, and the script that was written for them."""
    for role, picture in media.items():
        (folder / f"{role}.png").write_bytes(encode_png(picture))
    paths = {f"{role}_path": str(folder / f"{role}.png") for role in media}
    rows = [
        {"case_id": case, "seed": "5", "consent": said} | paths for case, said in (("a", "granted"), ("b", "refused"))
    ]
    with (folder / "cases.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, rows[0])
        table.writeheader()
        table.writerows(rows)
    runpy.run_path(str(folder / "edit_cases.py"), run_name="__main__")


@pytest.mark.parametrize("tool_class", list(BASELINES))
@pytest.mark.parametrize("kind", [kind for kind in EditorKind if kind is not EditorKind.BASELINE])
def test_the_editor_that_is_written_edits_and_refuses(kind: EditorKind, tool_class: ToolClass, tmp_path: Path) -> None:
    """Through the harness's own adapters, without a worker; deterministic for its seed."""
    folder = tmp_path / "my model"
    initialise(folder, kind=kind, tool_class=tool_class)
    serves = serving(folder / "service.py", "0") if kind is EditorKind.HTTP else nullcontext()
    with serves as url:
        answers_as_asked(folder, kind, tool_class, [] if url is None else [f"editor.url={url}"])


def answers_as_asked(folder: Path, kind: EditorKind, tool_class: ToolClass, overrides: list[str]) -> None:
    """Two cases twice, the second of which says that somebody refused."""
    suite = load_suite(folder / "suite.yaml", overrides=overrides)
    assert (suite.name, suite.editor.kind, suite.editor.tool_class) == ("my-model", kind.value, tool_class)
    media = pictures(tool_class)
    if kind is EditorKind.FOLDER:
        elsewhere(folder, media)
    editor = editors.get(kind)(EditorContext(suite.editor.model_dump(mode="json"), "cpu", folder, timeout_s=60.0))
    operation = suite.editor.operation.value
    asked = [EditRequest(c, operation, 5, media, consent=said) for c, said in (("a", "granted"), ("b", "refused"))]
    first, second = editor.edit(asked), editor.edit(asked)
    image, again = (result[0].media if isinstance(result[0], EditedFile) else result[0] for result in (first, second))
    original = next(iter(media.values()))
    assert isinstance(image, np.ndarray) and image.shape == original.shape, first[0]
    assert np.array_equal(image, again) and not np.array_equal(image, original)
    assert isinstance(first[1], Refused)


@pytest.mark.parametrize("tool_class", list(BASELINES))
def test_the_baseline_that_is_written_is_registered_and_takes_its_parameters(
    tool_class: ToolClass, tmp_path: Path
) -> None:
    initialise(tmp_path / "b", kind=EditorKind.BASELINE, tool_class=tool_class)
    suite = load_suite(tmp_path / "b" / "suite.yaml")
    baselines.get(suite.editor.name)(device="cpu", artifact=None, params=dict(suite.editor.params))


@pytest.mark.parametrize(
    ("kind", "tool_class"),
    [
        (EditorKind.COMMAND, ToolClass.SWAP),
        (EditorKind.FOLDER, ToolClass.MORPH),
    ],
)
def test_the_commands_that_are_printed_run(
    kind: EditorKind,
    tool_class: ToolClass,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of ``python`` the tutorial's test types them, of ``baseline`` the demo's.

    The run folder is relative, as printed, while a command runs in the suite's folder.
    """
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "acme"
    assert exit_code(["init", "--kind", kind.value, "--tool-class", tool_class.value, str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"run {folder / 'suite.yaml'} --out runs/acme\n" in printed
    script = (
        f"{sys.executable} {folder / 'edit_cases.py'} " if kind is EditorKind.FOLDER else "--out runs/smoke --limit 4"
    )
    assert script in printed
    written = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    assert written == {"suite.yaml", "people/manifest.csv", *FILES[kind]}
    if kind is EditorKind.FOLDER:
        sets = [word for override in SMALL for word in ("--set", override)]
        assert exit_code(["plan", str(folder / "suite.yaml"), *sets, "--cases", str(folder / "cases.csv")]) == 0
        runpy.run_path(str(folder / "edit_cases.py"), run_name="__main__")
    report = run(load_suite(folder / "suite.yaml", overrides=SMALL), "runs/smoke", limit=4)
    assert str(tmp_path) not in (tmp_path / "runs" / "smoke" / "report.json").read_text()
    assert report.smoke and report.decision.verdict is not Verdict.PASS
    assert report.ledger.attempted in {3, 4}  # a morph's cases come in pairs of people
    assert report.ledger.edited + report.ledger.refused == report.ledger.attempted, report.ledger


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "adapter.py").write_text("mine")
    assert exit_code(["init", str(tmp_path)]) == 4
    error = capsys.readouterr().err
    assert "there already: adapter.py; nothing was written" in error and "name another folder" in error
    assert [path.name for path in tmp_path.iterdir()] == ["adapter.py"]
    assert (tmp_path / "adapter.py").read_text() == "mine"


def test_the_manifest_begins_with_the_columns_that_are_needed(tmp_path: Path) -> None:
    initialise(tmp_path / "m", kind=EditorKind.BASELINE, tool_class=ToolClass.MORPH)
    with (tmp_path / "m" / "people" / "manifest.csv").open(newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header[:3] == ["path", "subject_id", "modality"] and rows == []
