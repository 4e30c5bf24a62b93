"""MLflow's model registry: a model's files, and the alias of an approved version.

MLflow runs in a process of its own (``mlflow_worker``), killed at its deadline. A model is a folder of files here:
nothing of it is imported or unpickled.

References: mlflow.org/docs, Model Registry (aliases, tags of a model version).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from visavox.adapters.sinks.mlflow_process import absolute_uri, answer_of, home_of
from visavox.adapters.sinks.tracking_file import without_user
from visavox.core.errors import RegistryError

_WORKER = Path(__file__).resolve().with_name("mlflow_worker.py")
_VERSION = re.compile(r"models:/(?P<name>[^/@]+)/(?P<version>[0-9]+)")
_ALIAS = re.compile(r"models:/(?P<name>[^/@]+)@(?P<alias>[^/@]+)")
LOOK_UP_TIMEOUT_S = 120.0
WITHDRAW_TIMEOUT_S = 60.0
FETCH_TIMEOUT_S = 600.0


class RegisteredVersion(NamedTuple):
    """One version of a registered model."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"models:/{self.name}/{self.version}"


class Fetched(NamedTuple):
    """A model's files.

    Attributes:
        resolved: its address, an alias replaced by the version that bore it.
        version: the registered version; of a run's artifacts the run's id.
        folder: where the files are.
    """

    resolved: str
    version: str
    folder: Path


class Marked(NamedTuple):
    """What was done.

    Attributes:
        before, after: the version that bore the alias and the one that bears it now; empty where none does.
        other: digest of the version's files where they are not the subject's: no tag was written then.
    """

    before: str
    after: str
    other: str = ""


class Approved(NamedTuple):
    """The version that bears an alias, with its tags."""

    version: RegisteredVersion
    tags: Mapping[str, str]


def parse_version(uri: str) -> RegisteredVersion | None:
    """``models:/NAME/VERSION``; None where the text is something else.

    >>> parse_version("models:/acme/3"), parse_version("models:/acme@approved")
    (RegisteredVersion(name='acme', version='3'), None)
    """
    found = _VERSION.fullmatch(uri)
    return None if found is None else RegisteredVersion(found["name"], found["version"])


def parse_alias(uri: str) -> tuple[str, str] | None:
    """Name and alias of ``models:/NAME@ALIAS``; None where the text is something else.

    >>> parse_alias("models:/acme@approved")
    ('acme', 'approved')
    """
    found = _ALIAS.fullmatch(uri)
    return None if found is None else (found["name"], found["alias"])


def tracking_uri_of(*stated: str | None) -> str:
    """The first that is stated, else the environment's ``MLFLOW_TRACKING_URI``; a relative SQLite path made absolute.

    Raises:
        RegistryError: none is.
    """
    for uri in (*stated, os.environ.get("MLFLOW_TRACKING_URI")):
        if uri:
            return absolute_uri(uri)
    raise RegistryError(
        "reach the model registry",
        found="nothing says where it is",
        todo="set MLFLOW_TRACKING_URI, or give --tracking-uri (in a suite: editor.tracking_uri)",
    )


def fetch(uri: str, tracking_uri: str, into: Path, *, timeout_s: float = FETCH_TIMEOUT_S) -> Fetched:
    """Copies the files of ``models:/NAME/VERSION``, ``models:/NAME@ALIAS`` or ``runs:/RUN/PATH`` into a folder.

    Raises:
        RegistryError: the registry cannot be reached, or has no such model.
    """
    reply = _asked(f"fetch {uri}", tracking_uri, timeout_s, task="fetch", uri=uri, into=str(into))
    return Fetched(reply["resolved"], reply["version"], Path(reply["folder"]))


def mark(
    version: RegisteredVersion,
    tracking_uri: str,
    *,
    alias: str,
    is_approved: bool,
    tags: Mapping[str, str],
    own: tuple[str, ...],
    last: str,
    description: str,
    subject: str = "",
    timeout_s: float = FETCH_TIMEOUT_S,
) -> Marked:
    """Tags a version, then gives it the alias, or first takes the alias from it; other versions are left alone.

    Args:
        own: keys that this writer may write; those not in ``tags`` are removed.
        last: the key that is written after the others.
        description: one line for MLflow's table of versions; a description that somebody else wrote stays.
        subject: digest of a model; no tag is written, and no alias given, where the version's files are not that model.

    Raises:
        RegistryError: the registry cannot be reached or refuses; after an approval that fails, no alias is left.
    """
    what = f"{'give the alias to' if is_approved else 'take the alias from'} {version}"
    job: dict[str, Any] = {
        "alias": alias,
        "is_approved": is_approved,
        "tags": dict(tags),
        "own": list(own),
        "last": last,
        "description": description,
        "subject": subject,
    }
    try:
        reply = _asked(what, tracking_uri, timeout_s, task="mark", **version._asdict(), **job)
    except RegistryError:
        if is_approved:  # it may have come as far as the alias
            with suppress(RegistryError):
                _asked(what, tracking_uri, WITHDRAW_TIMEOUT_S, task="withdraw", **version._asdict(), alias=alias)
        raise
    return Marked(reply.get("before", ""), reply.get("after", ""), reply.get("other", ""))


def look_up(name: str, alias: str, tracking_uri: str, *, timeout_s: float = LOOK_UP_TIMEOUT_S) -> Approved:
    """The version of a model that bears an alias.

    Raises:
        RegistryError: the registry cannot be reached, or no version bears it.
    """
    reply = _asked(f"find models:/{name}@{alias}", tracking_uri, timeout_s, task="look_up", name=name, alias=alias)
    return Approved(RegisteredVersion(name, reply["version"]), json.loads(reply["tags"]))


def _asked(what: str, tracking_uri: str, timeout_s: float, **job: Any) -> dict[str, str]:
    where = without_user(tracking_uri)
    reply = answer_of(
        _WORKER,
        {"tracking_uri": tracking_uri, "timeout_s": timeout_s, **job},
        timeout_s,
        home=home_of(tracking_uri),
        late=f"no answer after {timeout_s:g} s",
    )
    if "reason" in reply:
        found = without_user(" ".join(reply["reason"].split()))
        raise RegistryError(
            f"{what} in the registry {where}", found=found, todo="is the registry up, and the name right?"
        )
    return reply
