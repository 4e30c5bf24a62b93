"""A model out of a registry on the disk for one session of a run, pinned by version and digest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from visavox.core.config import MlflowEditor, Suite
from visavox.core.digest import sha256_tree
from visavox.core.errors import RegistryError


@contextmanager
def with_model(suite: Suite) -> Iterator[Suite]:
    """The suite with its editor's model fetched for as long as the block lasts; any other suite as it is.

    Version, address and digest are filled in, so that they are sealed; the files go when the block ends.

    Raises:
        RegistryError: the registry cannot be reached, has no such model, or another one than the suite pins.
        EditorError: the model is a pickle, or holds no code that loads it.
    """
    editor = suite.editor
    if not isinstance(editor, MlflowEditor):
        yield suite
        return
    with TemporaryDirectory(prefix="visavox-model-") as folder:
        yield suite.model_copy(update={"editor": _fetched(suite, editor, Path(folder, "model"))})


def _fetched(suite: Suite, editor: MlflowEditor, folder: Path) -> MlflowEditor:
    from visavox.adapters.editors.mlflow import entry_of
    from visavox.adapters.registries.mlflow import fetch, tracking_uri_of

    folder.mkdir()  # its name is in the suite, the temporary folder's would differ from session to session
    uri = tracking_uri_of(editor.tracking_uri, suite.tracking.uri if suite.tracking else None)
    got = fetch(editor.uri, uri, folder, timeout_s=suite.execution.load_timeout_s)
    found = {"resolved": got.resolved, "version": got.version, "sha256": sha256_tree(got.folder)}
    for key, now in found.items():
        stated = getattr(editor, key)
        if stated and stated != now and key != "version":  # a version of one's own says nothing of the registry's
            raise RegistryError(
                f"fetch {editor.uri} as the suite pins it",
                found=f"editor.{key} is {stated}, the registry gives {now}",
                todo="correct the suite, or register the model that it names",
            )
    entry = entry_of(got.folder, editor.entry)
    named = {**found, "version": editor.version or got.version, "entry": entry, "artifact": str(got.folder)}
    return editor.model_copy(update=named)
