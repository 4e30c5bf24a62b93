"""Detector ``in_loop``: what an informed defender reaches in minutes on a CPU who has this editor's outputs at hand.

Faces: residual co-occurrences, block transforms and spectra of a picture (``residuals``), and a ridge discriminant.
Voices: linear-frequency cepstra, two Gaussian mixtures and a discriminant of their statistics (``voice_models``). Both
are fitted to the run's own media, of people whom the fit does not judge, and know nothing of other editors: what one of
their scores says of another generator's media is little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from visavox.adapters.parameters import checked
from visavox.core.digest import sha256_json
from visavox.core.records import Record
from visavox.core.terms import Modality
from visavox.media.audio import check_audio
from visavox.media.image import check_image
from visavox.ports.detector import Described, Scored
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire

from .residuals import image_residuals
from .ridge import RidgeModel, fit_ridge
from .spectra import voice_frames
from .training import usable
from .voice_models import VoiceModel, fit_voice_model

Model: TypeAlias = RidgeModel | VoiceModel

MOST_FRAMES: Final = 1_000
"""Of a recording, evenly over it: 10 s of loud frames are kept whole."""
_VERSION: Final = 1  # of everything here and in residuals, spectra, ridge, voice_models, calibration


class InLoopParameters(Record):
    """It has none: what there is to choose, people left out within the fit choose."""


class FittedInLoop:
    """The detector fitted to one training block; scores are natural-log odds at equal prior shares of both classes."""

    def __init__(self, untrained: InLoopDetector, model: Model) -> None:
        self.id, self.modality, self.model = untrained.id, untrained.modality, model
        self.digest = sha256_json([untrained.digest, *_numbers(model)])

    def score_described(self, described: Sequence[Described]) -> list[Scored]:
        """The attack score of each described medium, or why it has none."""
        return [one if isinstance(one, FailureToAcquire) else self._score(one) for one in described]

    def _score(self, features: Any) -> float:
        if isinstance(self.model, VoiceModel):
            return self.model.score(features)
        return float(self.model.scores(features[None])[0])


class InLoopDetector:
    """The detector before it is fitted."""

    id = "in_loop"

    def __init__(self, modality: Modality) -> None:
        self.modality = modality
        self.digest = sha256_json(["in_loop", _VERSION, modality.value])

    def describe(self, media: Sequence[Media]) -> list[Described]:
        """The residual features of each image, the frames of each voice (at most 1,000), or why it has none.

        Raises:
            MediaError: one is no image, or no sound.
        """
        if self.modality is Modality.FACE:
            return [image_residuals(check_image(medium)) for medium in media]
        return [_thinned(voice_frames(check_audio(medium))) for medium in media]

    def fit_described(
        self,
        bona_fide: Sequence[Described],
        edited: Sequence[Described],
        *,
        bona_fide_persons: Sequence[int] = (),
        edited_persons: Sequence[int] = (),
    ) -> FittedInLoop:
        """Fitted to the media that have features; penalty and calibration by people left out within the fit.

        Raises:
            UndefinedMetricError: fewer than 10 usable media of a class, or people so few that none can be left out.
        """
        classes = usable(self.id, bona_fide, edited, bona_fide_persons, edited_persons)
        if self.modality is Modality.FACE:
            negatives, positives, *persons = classes
            return FittedInLoop(self, fit_ridge(np.stack(negatives), np.stack(positives), *persons))
        return FittedInLoop(self, fit_voice_model(*classes))


def build(params: Mapping[str, Any], modality: Modality, device: str) -> InLoopDetector:
    """The detector of one modality; it runs on the CPU, whatever the device.

    Raises:
        ConfigError: any parameter.
    """
    checked(InLoopParameters, params, what="load the detector `in_loop`", todo="it has no params")
    return InLoopDetector(modality)


def _thinned(frames: Described) -> Described:
    if isinstance(frames, FailureToAcquire) or len(frames) <= MOST_FRAMES:
        return frames
    return frames[np.linspace(0, len(frames) - 1, MOST_FRAMES).round().astype(np.int64)]


def _numbers(model: object) -> list[str]:
    """Every number that a model consists of, exactly."""
    if isinstance(model, tuple):
        return [text for part in model for text in _numbers(part)]
    return [np.asarray(model, "<f8").tobytes().hex()]
