"""Baseline ``identity``: returns its input, so everything leaks. Every leak check must find it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from visavox.ports.editor import EditRequest, EditResult, Failed

from .parameters import MAX_BATCH, NoParameters, checked


class Identity:
    """Returns the subject's image or sound, to the bit."""

    max_batch = MAX_BATCH
    concurrency = 1

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Each subject as it came."""
        missing = Failed("no role 'subject'")
        return [request.media.get("subject", missing) for request in requests]


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Identity:
    """Loads the baseline; it has no params.

    Raises:
        ConfigError: if params are given.
    """
    checked("identity", NoParameters, params)
    return Identity()
