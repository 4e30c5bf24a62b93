"""The suite's words about an adapter, as its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from visavox.core.errors import ConfigError

P = TypeVar("P", bound=BaseModel)


def checked(model: type[P], params: Mapping[str, Any], *, what: str, todo: str) -> P:
    """The parameters as a record of that model.

    Args:
        what: whose they are, for the message.
        todo: what it needs, or takes.

    Raises:
        ConfigError: with every unknown name and every value out of range.
    """
    try:
        return model.model_validate(dict(params))
    except ValidationError as error:
        raise ConfigError(what, found=faults_of(error), todo=todo) from error


def faults_of(error: ValidationError) -> str:
    """Every unknown name and every value out of range, in one line."""
    words = {"extra_forbidden": "no such param", "missing": "required, and absent"}
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))}: {words.get(fault['type'], fault['msg'])}" for fault in error.errors()
    )
