"""Detector ``spectral``: spectra of images or voices, and a logistic regression fitted inside the run.

It knows nothing before it is fitted and needs no download. What it finds is what one linear rule over averaged spectra
finds; that it finds nothing does not say that nothing is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError, UndefinedMetricError
from visavox.core.records import Record
from visavox.core.terms import Modality
from visavox.media.audio import check_audio
from visavox.media.image import check_image
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire

from . import spectra
from .logistic import PENALTY, LogisticModel, fit_logistic

Floats = npt.NDArray[np.float64]

LEAST_MEDIA: Final = 20
"""Usable media of each class that a fit needs."""
_VERSION: Final = 1  # of everything here and in spectra, logistic


class SpectralParameters(Record):
    """``penalty``: of the squared coefficients; larger trusts the training people less."""

    penalty: Annotated[float, Field(gt=0, le=1e6)] = PENALTY


class FittedSpectral:
    """The detector fitted to one training block."""

    def __init__(self, untrained: SpectralDetector, model: LogisticModel) -> None:
        self.id, self.modality, self.model = untrained.id, untrained.modality, model
        numbers = [values.astype("<f8").tobytes().hex() for values in model[:3]]
        self.digest = sha256_json([untrained.digest, *numbers, model.offset.hex()])
        self._untrained = untrained

    def score(self, media: Sequence[Media]) -> list[float | FailureToAcquire]:
        """Natural-log odds of synthetic against bona fide at equal prior shares, or why a medium has none."""
        return self.score_described(self._untrained.describe(media))

    def score_described(self, described: Sequence[Floats | FailureToAcquire]) -> list[float | FailureToAcquire]:
        """The same of what ``SpectralDetector.describe`` gave."""
        return [
            one if isinstance(one, FailureToAcquire) else float(self.model.scores(one[None])[0]) for one in described
        ]


class SpectralDetector:
    """The detector before it is fitted; ``describe`` apart, so that a medium's spectrum is made once for all folds."""

    id = "spectral"

    def __init__(self, modality: Modality, parameters: SpectralParameters) -> None:
        self.modality, self._penalty = modality, parameters.penalty
        self.digest = sha256_json(["spectral", _VERSION, modality.value, parameters.model_dump(mode="json")])

    def describe(self, media: Sequence[Media]) -> list[Floats | FailureToAcquire]:
        """Features of each medium, or why it has none; same length, same order.

        Raises:
            MediaError: one is no image, or no sound.
        """
        if self.modality is Modality.FACE:
            return [spectra.image_spectrum(check_image(medium)) for medium in media]
        return [spectra.voice_statistics(check_audio(medium)) for medium in media]

    def fit(self, bona_fide: Sequence[Media], edited: Sequence[Media]) -> FittedSpectral:
        """Fitted to the media that have features; the caller keeps its people apart from those it will be judged by.

        Raises:
            UndefinedMetricError: fewer than 20 usable media of a class.
        """
        return self.fit_described(self.describe(bona_fide), self.describe(edited))

    def fit_described(
        self, bona_fide: Sequence[Floats | FailureToAcquire], edited: Sequence[Floats | FailureToAcquire]
    ) -> FittedSpectral:
        """The same of what ``describe`` gave."""
        classes = [[one for one in part if not isinstance(one, FailureToAcquire)] for part in (bona_fide, edited)]
        if min(map(len, classes)) < LEAST_MEDIA:
            raise UndefinedMetricError(
                "the detector `spectral` was to be fitted",
                found=f"{len(classes[0])} usable bona fide media of {len(bona_fide)}, "
                f"{len(classes[1])} usable edited ones of {len(edited)}",
                todo=f"{LEAST_MEDIA} of each at least: add people or recordings",
            )
        model = fit_logistic(np.stack(classes[0]), np.stack(classes[1]), penalty=self._penalty)
        return FittedSpectral(self, model)


def build(params: Mapping[str, Any], modality: Modality, device: str) -> SpectralDetector:
    """The detector of one modality.

    Raises:
        ConfigError: an unknown parameter, or one out of range.
    """
    try:
        parameters = SpectralParameters.model_validate(dict(params), strict=True)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError("load the detector `spectral`", found=faults, todo="its params: penalty") from error
    return SpectralDetector(modality, parameters)
