"""Baseline ``replace``: another synthetic person's picture or sentence for every case: nothing of the subject is left.

The null editor of the leak checks: what they find in its outputs is chance. A sentence is as long as it is, and one of
10 000 whatever the subject said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from visavox.media.audio import resampled
from visavox.ports.dataset import FaceRenderer, VoiceRenderer, renderers, voice_renderers
from visavox.ports.editor import Audio, EditRequest, EditResult, Failed, Image

from .parameters import MAX_BATCH, NoParameters, checked, edited_role, role_media
from .sound_editor import within_full_scale

RENDER_PX = 96


class Replace:
    """Answers each picture with another person's picture, each sound with another speaker's sentence.

    The person's number is the case id read as a 64-bit number, the world of people is the case's seed: two cases
    never show one person, and the same case always gives the same picture or sound.
    """

    max_batch = MAX_BATCH
    concurrency = 1

    def __init__(self, faces: FaceRenderer, voices: VoiceRenderer, device: str) -> None:
        self._faces, self._voices, self._device = faces, voices, device

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Another person for each subject: a picture of the input's height and width, a sound of its rate.

        Raises:
            MissingDependencyError: if a sound is asked for and the source of synthetic voices is not installed.
        """
        return [self._edit_one(request) for request in requests]

    def _edit_one(self, request: EditRequest) -> EditResult:
        media = role_media(request, edited_role(request))
        if isinstance(media, Failed):
            return media
        person = (person_of(request.case_id), 0)
        if isinstance(media, Audio):
            (sound,) = self._voices(request.seed, [person])
            return Audio(within_full_scale(resampled(sound, media.sample_rate_hz).samples), media.sample_rate_hz)
        (picture,) = self._faces(request.seed, [person], size_px=RENDER_PX, device=self._device)
        return _filling(picture, media.shape[0], media.shape[1])


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Replace:
    """Loads the baseline; it has no params.

    Raises:
        ConfigError: if params are given.
        UnknownNameError: if no renderer ``synthetic-faces`` or ``synthetic-voices`` is registered.
    """
    checked("replace", NoParameters, params)
    # The device is left aside on purpose: only CPU pictures are the same to the bit from run to run.
    return Replace(renderers.get("synthetic-faces"), voice_renderers.get("synthetic-voices"), "cpu")


def person_of(case_id: str) -> int:
    """The number of the person who stands in for a case.

    >>> person_of("00000000000000ff")
    255
    """
    return int(case_id, 16)


def _filling(picture: Image, height: int, width: int) -> Image:
    """The picture scaled to cover height x width, its proportions kept, the overhang cut off evenly."""
    side = max(height, width)
    scaled = PillowImage.fromarray(picture).resize((side, side), PillowImage.Resampling.BICUBIC)
    top, left = (side - height) // 2, (side - width) // 2
    return np.asarray(scaled)[top : top + height, left : left + width].copy()
