"""Baseline ``identity``: returns its input, so everything leaks. Every leak check must find it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from visavox.ports.editor import EditRequest, EditResult, Failed

from .parameters import EDITED_ROLES, MAX_BATCH, NoParameters, checked


class Identity:
    """Returns the image or sound that was to be edited (the subject's, the host's, contributor 1's), to the bit."""

    max_batch = MAX_BATCH
    concurrency = 1

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Each recording as it came."""
        missing = Failed(f"no role of {', '.join(EDITED_ROLES)}")
        return [next((r.media[role] for role in EDITED_ROLES if role in r.media), missing) for r in requests]


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Identity:
    """Loads the baseline; it has no params.

    Raises:
        ConfigError: if params are given.
    """
    checked("identity", NoParameters, params)
    return Identity()
