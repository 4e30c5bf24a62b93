"""The editor kind ``mlflow``: a model out of MLflow, loaded from its own code, never from a pickle.

``visavox.api`` has fetched the files and sealed their digest; here, in the supervised process, one of them is imported
as the kind ``python`` imports an adapter; its ``load`` gets the model's folder as ``artifact``. Nothing of MLflow is
needed for that.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from visavox.core.config import read_yaml
from visavox.core.errors import ConfigError, EditorError
from visavox.ports.editor import Editor, EditorContext

from . import python

MODEL_FILE: Final = "MLmodel"
DEFAULT_ENTRY: Final = "editor.py:load"
_RECIPE: Final = (
    "log it from code: mlflow.pyfunc.log_model(name=..., python_model='editor.py', ...) with a function "
    "load(*, device, artifact, params) in that file, or mlflow.log_artifacts of a folder with such an editor.py"
)


def build(context: EditorContext) -> Editor:
    """Imports the model's own file; the spec's keys: ``artifact``, the fetched folder, ``entry`` and ``params``.

    Raises:
        EditorError: the folder holds no such file, or a model in a pickle.
    """
    folder = Path(str(context.spec.get("artifact")))
    file, _, name = entry_of(folder, context.spec.get("entry")).partition(":")
    return python.build(replace(context, spec={**context.spec, "entry": f"{folder / file}:{name}"}))


def entry_of(folder: Path, stated: str | None = None) -> str:
    """The file and function that load the model in a folder, ``FILE.py:NAME``; runs and unpickles nothing.

    Args:
        folder: the model's files.
        stated: the suite's ``entry``; by default the file that the model was logged from, else ``editor.py:load``.

    Raises:
        EditorError: the model is a pickle, or has no such file.
    """
    model_code = _model_code(folder / MODEL_FILE)
    entry = stated or (f"{model_code}:load" if model_code else DEFAULT_ENTRY)
    file = entry.partition(":")[0]
    path = folder / file
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        raise EditorError("load the model out of MLflow", found=f"it has no file {file}", todo=_RECIPE)
    return entry


def _model_code(path: Path) -> str:
    """The file that a pyfunc model was logged from; empty where the folder is no pyfunc model.

    Raises:
        EditorError: the model is a pickle.
    """
    if not path.is_file():
        return ""
    try:
        flavors = read_yaml(path.read_text("utf-8"), what=MODEL_FILE).get("flavors")
    except (ConfigError, OSError, UnicodeDecodeError) as error:
        raise EditorError("load the model out of MLflow", found=f"its {MODEL_FILE} cannot be read: {error}") from error
    pyfunc = flavors.get("python_function") if isinstance(flavors, dict) else None
    if not isinstance(pyfunc, dict):
        return ""
    if pyfunc.get("python_model"):
        found = f"its python_model is a pickle ({pyfunc['python_model']}), which runs whatever it holds once it is read"
        raise EditorError("load the model out of MLflow", found=found, todo=_RECIPE)
    return Path(str(pyfunc.get("model_code_path") or "")).name
