"""What a suite says of an editor that lies in a model registry: where it is, which file loads it, what it has to be."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from .records import Record, Sha256

ADDRESSES: Final = re.compile(r"models:/[^/@\s][^/@]*(/[0-9]+|@[^/@\s]+)|runs:/[0-9a-f]{32}(/[^/@\s]+)+")
_ENTRY: Final = r"^[A-Za-z0-9_][A-Za-z0-9_./-]*\.py:[A-Za-z_][A-Za-z0-9_]*$"


class RegistryKeys(Record):
    """Keys of the editor kind ``mlflow``.

    The model is fetched before each session of a run; ``resolved``, ``sha256`` and ``version`` are then filled in, and
    sealed with the suite, so that an alias that moved in between is found. A suite that states them pins them.
    """

    uri: str
    """``models:/NAME/VERSION``, ``models:/NAME@ALIAS`` or ``runs:/RUN/PATH``."""
    tracking_uri: Annotated[str, Field(min_length=1)] | None = None
    """MLflow's; by default the environment's ``MLFLOW_TRACKING_URI``, else that of ``tracking``."""
    entry: Annotated[str, Field(pattern=_ENTRY)] | None = None
    """The model's own file and function that load it; by default its model code, else ``editor.py:load``."""
    version: str = ""
    """By default the registered version; of a run's artifacts the run's id."""
    resolved: str = ""
    """The address with its alias replaced by the version that bears it."""
    sha256: Sha256 | None = None
    """Digest of the model's files, as the report binds to it."""

    @field_validator("uri")
    @classmethod
    def _is_an_address(cls, uri: str) -> str:
        if not ADDRESSES.fullmatch(uri):
            raise ValueError(f"found {uri!r}; write models:/NAME/VERSION, models:/NAME@ALIAS or runs:/RUN/PATH")
        return uri

    @field_validator("tracking_uri")
    @classmethod
    def _without_password(cls, uri: str | None) -> str | None:
        if uri is not None and "@" in urlsplit(uri).netloc:
            raise ValueError(
                "holds a user or password, which run folders would keep; set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD instead"
            )
        return uri

    @model_validator(mode="after")
    def _below_the_model(self) -> RegistryKeys:
        if self.entry is not None and ".." in self.entry.partition(":")[0].split("/"):
            raise ValueError("entry: a path below the model's own folder, without `..`")
        return self
