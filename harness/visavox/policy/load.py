"""Policy files: the shipped ones by name, others from a path, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from visavox.core.config import explain, read_yaml
from visavox.core.digest import canonical_json, sha256_bytes, sha256_json
from visavox.core.errors import UnknownNameError
from visavox.core.resources import configs_dir

from .records import Control, LoadedPolicy, Policy

__all__ = ["Control", "LoadedPolicy", "Policy", "load_policy", "names", "parse_policy", "rules_digest"]

_WORDS: Final[Any] = {
    **dict.fromkeys(("id", "version", "title", "jurisdiction", "status", "sources", "not_measured"), True),
    "controls": {"__all__": {"id", "title", "basis"}},
}
"""What names a policy and explains it; no verdict rests on it."""


def names() -> list[str]:
    """Names of the shipped policies."""
    return sorted(path.stem for path in (configs_dir() / "policies").glob("*.yaml"))


def load_policy(name: str) -> LoadedPolicy:
    """A shipped policy by name, or one from a path.

    Raises:
        UnknownNameError: no shipped policy bears the name, or there is no file at the path.
        ConfigError: the file is not valid.
    """
    path = (
        Path(name) if "/" in name or name.endswith((".yaml", ".yml")) else configs_dir() / "policies" / f"{name}.yaml"
    )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        absent = "there is no such file" if path == Path(name) else "no shipped policy bears that name"
        raise UnknownNameError(
            f"policy {name!r}",
            found=absent if isinstance(error, FileNotFoundError) else str(error),
            todo=f"shipped policies: {', '.join(names())}; or give a path",
        ) from error
    return parse_policy(text, what=path.name)


def rules_digest(policy: Policy) -> str:
    """SHA-256 of what a policy decides by: the same for the same rules under other names, in other words or order."""
    values = policy.model_dump(mode="json", exclude=_WORDS)
    values["controls"].sort(key=canonical_json)
    return sha256_json(values)


def parse_policy(text: str, *, what: str) -> LoadedPolicy:
    """Reads a policy's YAML text.

    Raises:
        ConfigError: the text is not a valid policy.
    """
    try:
        policy = Policy.model_validate(read_yaml(text, what=what))
    except ValidationError as error:
        raise explain(error, what=what, schema="policy") from error
    return LoadedPolicy(policy=policy, text=text, digest=sha256_bytes(text.encode()))
