"""Detector ``spectral``: spectra of images or voices, and a logistic regression fitted inside the run.

It knows nothing before it is fitted and needs no download. What it finds is what one linear rule over averaged spectra
finds; that it finds nothing does not say that nothing is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from visavox.adapters.parameters import checked
from visavox.core.digest import sha256_json
from visavox.core.records import Record
from visavox.core.terms import Modality
from visavox.media.audio import check_audio
from visavox.media.image import check_image
from visavox.metrics.logistic import PENALTY, LogisticModel, fit_logistic
from visavox.ports.detector import Described, Scored
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire

from . import spectra
from .training import usable

_VERSION: Final = 1  # of everything here and in spectra, logistic


class SpectralParameters(Record):
    """``penalty``: of the squared coefficients; larger trusts the training people less."""

    penalty: Annotated[float, Field(gt=0, le=1e6)] = PENALTY


class FittedSpectral:
    """The detector fitted to one training block; scores are natural-log odds at equal prior shares of both classes."""

    def __init__(self, untrained: SpectralDetector, model: LogisticModel) -> None:
        self.id, self.modality, self.model = untrained.id, untrained.modality, model
        numbers = [values.astype("<f8").tobytes().hex() for values in model[:3]]
        self.digest = sha256_json([untrained.digest, *numbers, model.offset.hex()])

    def score_described(self, described: Sequence[Described]) -> list[Scored]:
        """The attack score of each described medium, or why it has none."""
        return [
            one if isinstance(one, FailureToAcquire) else float(self.model.scores(one[None])[0]) for one in described
        ]


class SpectralDetector:
    """The detector before it is fitted."""

    id = "spectral"

    def __init__(self, modality: Modality, parameters: SpectralParameters) -> None:
        self.modality, self._penalty = modality, parameters.penalty
        self.digest = sha256_json(["spectral", _VERSION, modality.value, parameters.model_dump(mode="json")])

    def describe(self, media: Sequence[Media]) -> list[Described]:
        """The spectrum of each image, the statistics of each voice, or why it has none.

        Raises:
            MediaError: one is no image, or no sound.
        """
        if self.modality is Modality.FACE:
            return [spectra.image_spectrum(check_image(medium)) for medium in media]
        return [spectra.voice_statistics(check_audio(medium)) for medium in media]

    def fit_described(
        self,
        bona_fide: Sequence[Described],
        edited: Sequence[Described],
        *,
        bona_fide_persons: Sequence[int] = (),
        edited_persons: Sequence[int] = (),
    ) -> FittedSpectral:
        """Fitted to the media that have features; nothing is chosen within the fit, so people make no difference.

        Raises:
            UndefinedMetricError: fewer than 10 usable media of a class.
        """
        classes = usable(self.id, bona_fide, edited, bona_fide_persons, edited_persons)
        return FittedSpectral(self, fit_logistic(classes.negatives, classes.positives, penalty=self._penalty))


def build(params: Mapping[str, Any], modality: Modality, device: str) -> SpectralDetector:
    """The detector of one modality.

    Raises:
        ConfigError: an unknown parameter, or one out of range.
    """
    found = checked(SpectralParameters, params, what="load the detector `spectral`", todo="its params: penalty")
    return SpectralDetector(modality, found)
