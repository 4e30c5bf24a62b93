"""What the baselines share at their door: checked parameters, and the image or the sound of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from visavox.adapters.parameters import faults_of
from visavox.core.errors import ConfigError
from visavox.core.records import Record
from visavox.ports.editor import Audio, EditRequest, Failed, Image, Media

MAX_BATCH = 16
EDITED_ROLES = ("subject", "host", "contributor_1")
"""The role whose recording an editor changes, by tool class."""

P = TypeVar("P", bound=Record)


class NoParameters(Record):
    """For baselines without parameters."""


def checked(baseline: str, model: type[P], params: Mapping[str, Any]) -> P:
    """The parameters of a baseline as its record.

    Raises:
        ConfigError: with every unknown name and every value out of range.
    """
    try:
        return model.model_validate(dict(params), strict=True)
    except ValidationError as error:
        known = ", ".join(model.model_fields) or "none"
        raise ConfigError(
            f"load the baseline {baseline!r} with params {dict(params)}",
            found=faults_of(error),
            todo=f"its params: {known}",
        ) from error


def subject_image(request: EditRequest) -> Image | Failed:
    """The image that is edited (role ``subject``, ``host`` or ``contributor_1``), or why there is none."""
    return role_image(request, edited_role(request))


def role_image(request: EditRequest, role: str) -> Image | Failed:
    """The image in a role, or why there is none."""
    media = role_media(request, role)
    return media if isinstance(media, np.ndarray | Failed) else Failed("not an image")


def role_sound(request: EditRequest, role: str) -> Audio | Failed:
    """The sound in a role, or why there is none."""
    media = role_media(request, role)
    return media if isinstance(media, Audio | Failed) else Failed("not a sound")


def role_media(request: EditRequest, role: str) -> Media | Failed:
    """The image or sound in a role, or why there is none."""
    media = request.media.get(role)
    return (
        Failed(f"no role {role!r} among {', '.join(sorted(request.media)) or 'no roles'}") if media is None else media
    )


def edited_role(request: EditRequest) -> str:
    """The role whose recording is edited; ``subject`` where the request has none of them."""
    return next((role for role in EDITED_ROLES if role in request.media), EDITED_ROLES[0])
