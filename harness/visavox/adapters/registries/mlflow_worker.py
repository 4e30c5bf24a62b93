"""Fetches a model from MLflow, or marks a version of one, in a process of its own that can be ended at any moment.

Standard input: the job, JSON, with ``task`` (a name in ``_TASKS``); standard output: the answer, JSON, or ``reason``.
Artifacts are copied as they are: nothing of a model is imported, executed or unpickled here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from visavox.adapters.sinks.mlflow_worker import NotSentError, do_job, probe
from visavox.core.digest import is_canonical_json, sha256_file, sha256_tree

_VERSION = re.compile(r"models:/([^/@]+)/([0-9]+)")
_ALIAS = re.compile(r"models:/([^/@]+)@([^/@]+)")
_SQLITE = "sqlite:///"
META = "registered_model_meta"
"""What MLflow's client adds to a folder that it downloads; no part of the model."""
OWN_DESCRIPTION = "Visavox: "
"""How a description begins that we wrote: MLflow's table of versions cuts tags short, but shows it."""


def main() -> None:
    """Reads the job, does it, answers, and ends."""
    do_job(lambda job: _TASKS[job["task"]](_client(job), job))


def _client(job: Mapping[str, Any]) -> Any:
    uri = str(job["tracking_uri"])
    file = uri.removeprefix(_SQLITE).partition("?")[0]
    if uri.startswith(_SQLITE) and not file.startswith("file:") and not Path(file).is_file():
        raise NotSentError("its SQLite file is not there")  # MLflow would make an empty one
    probe(uri, min(5.0, job["timeout_s"] / 2))
    try:
        import mlflow
    except ImportError as error:
        todo = "pip install 'visavox[tracking]'"
        raise NotSentError(f"mlflow cannot be imported ({error}); {todo}") from error

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def _fetch(client: Any, job: Mapping[str, Any]) -> dict[str, str]:
    """Copies the files of a model into the folder ``into``."""
    import mlflow.artifacts

    resolved, version = _resolved(client, str(job["uri"]))
    into = Path(job["into"])
    got = Path(mlflow.artifacts.download_artifacts(artifact_uri=resolved, dst_path=str(into)))
    if not got.is_dir():
        raise NotSentError("it is one file; a model is a folder of files")
    for meta in {got / META, into / META}:
        meta.unlink(missing_ok=True)
    return {"resolved": resolved, "version": version, "folder": str(got)}


def _resolved(client: Any, uri: str) -> tuple[str, str]:
    """The address with its alias resolved, and the version (a run's id where it is no registered model)."""
    alias = _ALIAS.fullmatch(uri)
    if alias is not None:
        found = client.get_model_version_by_alias(alias[1], alias[2])
        return f"models:/{alias[1]}/{found.version}", str(found.version)
    version = _VERSION.fullmatch(uri)
    if version is not None:
        client.get_model_version(version[1], version[2])  # says in words that it is absent
        return uri, version[2]
    run = uri.removeprefix("runs:/").partition("/")[0]
    client.get_run(run)
    return uri, run


def _mark(client: Any, job: Mapping[str, Any]) -> dict[str, str]:
    """Tags a version and gives it, or takes from it, the alias.

    A refusal takes the alias before anything else is asked or written; an approval gives it after everything else.
    Where the files of the version are not those of ``subject``, the answer is what they are, and no tag is written.
    """
    name, version, alias = str(job["name"]), str(job["version"]), str(job["alias"])
    description = f"{OWN_DESCRIPTION}{job['description']}"
    before = _holder(client, name, alias)
    if not job["is_approved"] and before == version:
        client.delete_registered_model_alias(name, alias)
    if job["subject"]:
        digests = _digests_of(client, f"models:/{name}/{version}")
        if job["subject"] not in digests:
            return {"other": digests[0]}
    found = client.get_model_version(name, version)
    _tag(client, job, dict(found.tags))
    if not found.description or found.description.startswith(OWN_DESCRIPTION):  # never over somebody's own words
        client.update_model_version(name, version, description)
    if job["is_approved"]:
        client.set_registered_model_alias(name, alias, version)
    after = _holder(client, name, alias)
    if (after == version) != job["is_approved"]:
        raise NotSentError(f"the registry shows the alias {alias} on {after or 'no version'} afterwards")
    return {"before": before, "after": after}


def _digests_of(client: Any, uri: str) -> list[str]:
    """What a report may bind to: the folder of a model's files, or its one file, unless that describes a model."""
    with TemporaryDirectory(prefix="visavox-model-") as folder:
        got = Path(_fetch(client, {"uri": uri, "into": folder})["folder"])
        files = [path for path in got.rglob("*") if path.is_file()]
        alone = [path for path in files if len(files) == 1 and not is_canonical_json(path)]
        return [sha256_tree(got), *(sha256_file(path) for path in alone)]


def _withdraw(client: Any, job: Mapping[str, Any]) -> dict[str, str]:
    """Takes the alias from a version that bears it."""
    name, alias = str(job["name"]), str(job["alias"])
    if _holder(client, name, alias) == str(job["version"]):
        client.delete_registered_model_alias(name, alias)
    return {}


def _tag(client: Any, job: Mapping[str, Any], old: Mapping[str, str]) -> None:
    """Writes the tags, the verdict last; of those that the job may write, the ones it does not are removed."""
    name, version, tags = str(job["name"]), str(job["version"]), dict(job["tags"])
    for key in sorted(set(old) & set(job["own"]) - set(tags)):
        client.delete_model_version_tag(name, version, key)
    for key in sorted(tags, key=lambda key: key == job["last"]):
        client.set_model_version_tag(name, version, key, tags[key])


def _holder(client: Any, name: str, alias: str) -> str:
    """The version that bears the alias; empty where none does."""
    aliases = client.get_registered_model(name).aliases
    return str(aliases.get(alias, ""))


def _look_up(client: Any, job: Mapping[str, Any]) -> dict[str, str]:
    """The version that bears an alias, and its tags."""
    name, alias = str(job["name"]), str(job["alias"])
    holder = _holder(client, name, alias)
    if not holder:
        raise NotSentError(f"no version of {name} bears the alias {alias}")
    return {"version": holder, "tags": json.dumps(dict(client.get_model_version(name, holder).tags))}


_TASKS = {"fetch": _fetch, "mark": _mark, "withdraw": _withdraw, "look_up": _look_up}

if __name__ == "__main__":
    main()
