"""The editor kind ``mlflow``: what a suite may say, and which of a model's files is ever imported."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from visavox.adapters.editors.mlflow import entry_of
from visavox.adapters.registries.mlflow import Marked, RegisteredVersion, parse_alias, parse_version, tracking_uri_of
from visavox.api import registering
from visavox.core.artifact import artifact_digest
from visavox.core.config import MlflowEditor, Suite, parse_suite
from visavox.core.errors import ConfigError, EditorError, EvidenceError, RegistryError, UsageError

SUITE = """
name: acme
editor: {{kind: mlflow, uri: {uri}, name: acme, operation: face-swap, tool_class: swap{more}}}
dataset: {{kind: manifest, path: people.csv}}
recognisers: [dlib]
assessments: {{identity_leak: {{}}}}
policy: baseline
"""
PICKLED = """
flavors:
  python_function:
    loader_module: mlflow.pyfunc.model
    python_model: python_model.pkl
"""
FROM_CODE = """
flavors:
  python_function:
    loader_module: mlflow.pyfunc.loaders.code_model
    model_code_path: /somebody/else/acme_editor.py
utc_time_created: '2026-11-22 16:31:28.968720'
"""


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("it was unpickled",))


def suite(uri: str = "models:/acme/3", more: str = "") -> Suite:
    return parse_suite(SUITE.format(uri=uri, more=more), base=Path("/nowhere"))


def test_what_a_pickle_holds_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "python_model.pkl").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "MLmodel").write_text(PICKLED)
    (tmp_path / "editor.py").write_text("def load(**given): ...\n")  # a file of the right name does not make it code
    for stated in (None, "editor.py:load"):
        with pytest.raises(EditorError, match=r"is a pickle \(python_model.pkl\)") as refused:
            entry_of(tmp_path, stated)
        assert "mlflow.log_artifacts" in str(refused.value)


def test_the_file_a_model_was_logged_from_loads_it(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(FROM_CODE)
    with pytest.raises(EditorError, match=r"it has no file acme_editor\.py"):
        entry_of(tmp_path)
    (tmp_path / "acme_editor.py").write_text("")
    assert entry_of(tmp_path) == "acme_editor.py:load"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "other.py").write_text("")
    assert entry_of(tmp_path, "own/other.py:make") == "own/other.py:make"


def test_a_folder_of_files_is_loaded_by_its_editor_py(tmp_path: Path) -> None:
    with pytest.raises(EditorError, match=r"it has no file editor\.py"):
        entry_of(tmp_path)
    (tmp_path.parent / "outside.py").write_text("")
    (tmp_path / "editor.py").symlink_to(tmp_path.parent / "outside.py")
    with pytest.raises(EditorError, match="it has no file"):
        entry_of(tmp_path)
    (tmp_path / "editor.py").unlink()
    (tmp_path / "editor.py").write_text("")
    assert entry_of(tmp_path) == "editor.py:load"
    (tmp_path / "MLmodel").write_bytes(b"\xff: [")
    with pytest.raises(EditorError, match="MLmodel cannot be read"):
        entry_of(tmp_path)


@pytest.mark.parametrize(
    ("uri", "more"),
    [
        ("models:/acme", ""),
        ("models:/acme/latest", ""),
        ("https://example.org/model", ""),
        ("runs:/abc/editor", ""),
        ("models:/acme/3", ", entry: ../editor.py:load"),
        ("models:/acme/3", ", entry: editor.py"),
        ("models:/acme/3", ", tracking_uri: 'https://ann:secret@tracker'"),
    ],
)
def test_a_suite_that_says_it_wrongly_is_refused(uri: str, more: str) -> None:
    with pytest.raises(ConfigError, match="editor"):
        suite(uri, more)


def test_what_is_filled_in_is_part_of_what_a_run_rests_on() -> None:
    found = suite("models:/acme@approved")
    editor = found.editor
    assert isinstance(editor, MlflowEditor) and editor.version == ""
    with pytest.raises(ConfigError, match="it was not fetched"):
        artifact_digest(editor)
    digests = [
        found.model_copy(update={"editor": editor.model_copy(update=given)}).digest()
        for given in ({}, {"resolved": "models:/acme/3"}, {"resolved": "models:/acme/4"}, {"sha256": "0" * 64})
    ]
    assert len(set(digests)) == 4
    moved = suite("models:/acme@approved", ", tracking_uri: 'https://tracker'")
    assert moved.digest() == digests[0]  # where the registry is does not matter, what it gives does


def test_addresses() -> None:
    assert parse_version("models:/a b/12") == RegisteredVersion("a b", "12")
    for text in ("models:/a/b/1", "models:/a@1", "models:/a/x", "runs:/a/1"):
        assert parse_version(text) is None
    assert parse_alias("models:/a/1") is None
    with pytest.raises(UsageError, match="no version of a model"):
        registering.registered_version("models:/a@approved")


def test_nothing_says_where_the_registry_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(RegistryError, match="nothing says where it is"):
        tracking_uri_of(None, "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracker:5000")
    assert tracking_uri_of(None) == "http://tracker:5000"
    assert tracking_uri_of("sqlite:///mlflow.db") == f"sqlite:///{Path.cwd() / 'mlflow.db'}"


def test_a_sqlite_registry_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    from visavox.adapters.registries.mlflow import look_up

    with pytest.raises(RegistryError, match="its SQLite file is not there"):
        look_up("acme", "approved", f"sqlite:///{tmp_path}/mlflow.db")
    assert not list(tmp_path.iterdir())


def test_a_line_for_each_thing_that_can_become_of_the_alias() -> None:
    version = RegisteredVersion("acme", "2")

    def said(before: str, after: str) -> str:
        return str(registering.Registration(version, "approved", *Marked(before, after)[:2], {}))

    assert said("", "2") == said("2", "2") == "models:/acme/2 bears the alias approved"
    assert said("1", "2").endswith("approved, taken from version 1")
    assert said("2", "") == "models:/acme/2 lost the alias approved; no version bears it now"
    assert said("1", "1") == "models:/acme/2 did not get the alias approved; version 1 keeps it"
    assert said("", "").endswith("no version bears it")


def test_a_reason_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    error = EvidenceError(f"check the plan of {tmp_path}", found="the report says 0, the run folder 1")
    tags = registering._tags_of_fault(error, tmp_path)
    assert tags["visavox.verdict"] == "REFUSED"
    assert tags["visavox.reason"] == "check the plan of the run folder: the report says 0, the run folder 1"
