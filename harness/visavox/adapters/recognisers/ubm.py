"""A classical UBM-GMM speaker verifier: cepstra, a universal background model, MAP adaptation, cosine of 150 numbers.

It shares nothing with a neural network, so its errors are of another kind, and it needs no download. What it learns
from (the background) are never the people it scores: speakers of a ``cohort`` that the suite names, a manifest of
voices; without one, the synthetic speakers whose background is shipped. A run that judges one of the cohort's very
recordings is refused; that no *person* of the cohort is in the run's data set is the suite author's word, for names in
two data sets tell nothing of one another.

The suite may say ``cohort``, ``components``, ``dimensions`` and, of the cohort, ``training_overlap``.

References:
    D. Reynolds, T. Quatieri, R. Dunn, Speaker verification using adapted Gaussian mixture models, Digital Signal
    Processing 10 (2000); see ``gmm`` and ``ubm_background``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from visavox.core.digest import sha256_bytes, sha256_json
from visavox.core.errors import ConfigError
from visavox.core.records import RecogniserSpec
from visavox.core.terms import Modality
from visavox.media.audio import Audio
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Speech, Vectors

from ..parameters import checked
from .cosine import cosines, unit
from .gmm import Floats
from .mel import mfcc
from .sources import read_pinned
from .speech import DETECTOR, Samples, locate_speech, speech_signals
from .ubm_background import SHRINKAGE, Background, fit_background, read_background, read_cohort

RATE_HZ: Final = 16_000
RELEVANCE: Final = 16.0
SHIPPED: Final = Path(__file__).with_name("ubm_synthetic.npz")
SHIPPED_SHA256: Final = "ac2da5c0d66764ae2d8490e55828b9c810bea96a3361c70cb64eecaa1bb0335d"
_CEPSTRA: Final = 20
_MELS: Final = 32
_BAND_HZ: Final = (80.0, 7600.0)
_REACH: Final = 4  # frames each way over which a cepstrum's slope is taken
_FRONT_END = {"rate_hz": RATE_HZ, "cepstra": _CEPSTRA, "mels": _MELS, "band_hz": list(_BAND_HZ), "reach": _REACH}


class UbmParams(BaseModel):
    """The suite's words about the verifier.

    Attributes:
        cohort: a manifest of voices, absolute; without it the shipped background of synthetic speakers.
        components: of the mixture that is fitted to the cohort.
        dimensions: of templates, where the cohort allows so many.
        training_overlap: of the cohort's people with those judged; unknown counts as some.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cohort: Path | None = None
    components: Literal[16, 32, 64, 128, 256, 512] = 64
    dimensions: Annotated[int, Field(ge=10, le=1000)] = 150
    training_overlap: Literal["none", "some", "unknown"] = "unknown"


def build(spec: RecogniserSpec, device: str) -> Ubm:
    """The recogniser ``ubm``; it runs on the CPU, whatever the device.

    Raises:
        ConfigError: if a parameter is unknown or wrong, or the cohort is too small.
        ManifestError: if the cohort's manifest is not readable or names absent files.
        MediaError: if a file of the cohort is no sound.
        WeightsError: if the shipped background is absent or not the pinned one.
    """
    todo = f"it takes {', '.join(UbmParams.model_fields)}"
    params = checked(UbmParams, dict(spec.params), what=f"recogniser {spec.id!r} (ubm)", todo=todo)
    if params.cohort is None and params.model_fields_set:
        raise ConfigError(
            f"recogniser {spec.id!r} (ubm)",
            found="components, dimensions or training_overlap without a cohort to fit",
            todo="name a cohort, or leave them out: the shipped background has its own",
        )
    return Ubm(spec.id, params)


class Ubm:
    """MAP supervectors in the KL kernel's units, projected by what was learnt of the cohort; scores are cosines."""

    modality: Final = Modality.VOICE
    score: Final = "cosine"
    families: Final = frozenset({"ubm-gmm"})
    detector: Final = DETECTOR

    def __init__(self, name: str, params: UbmParams) -> None:
        self.id = name
        self._heard: frozenset[str] = frozenset()
        learnt: dict[str, str | int]
        if params.cohort is None:
            self._background = read_background(read_pinned(SHIPPED, SHIPPED_SHA256))
            self.training_overlap: str = "none"
            learnt = {"background": SHIPPED_SHA256}
        else:
            self._background, digest = self._fitted(params.cohort, params)
            self.training_overlap = params.training_overlap
            learnt = {"cohort": digest, "components": params.components, "dimensions": params.dimensions}
        settings = {"front_end": _FRONT_END, "relevance": RELEVANCE, "shrinkage": SHRINKAGE, "detector": DETECTOR}
        self.digest = sha256_json({**settings, **learnt})

    def locate(self, media: Sequence[Media]) -> list[Speech | FailureToAcquire]:
        """Where somebody speaks in each sound."""
        return locate_speech(media)

    def embed(self, media: Sequence[Media], regions: Sequence[Speech]) -> list[Vectors | FailureToAcquire]:
        """Unit vectors of each sound's speech.

        Raises:
            ConfigError: if a sound is one of the cohort's own recordings.
        """
        signals = speech_signals(media, regions, RATE_HZ)
        if any(isinstance(value, Audio) and _name(value) in self._heard for value in media):
            raise ConfigError(
                f"recogniser {self.id!r} (ubm) judges people that it was not fitted to",
                found="the run holds a recording of the cohort",
                todo="name a cohort of other people",
            )
        return [self._template(signal) for signal in signals]

    def compare(self, references: Vectors, probes: Vectors) -> npt.NDArray[np.float32]:
        """Cosines, shape (n_references, n_probes)."""
        return cosines(references, probes)

    def _template(self, signal: Samples | FailureToAcquire) -> Vectors | FailureToAcquire:
        if isinstance(signal, FailureToAcquire):
            return signal
        return unit(self._background.template(speech_frames(signal)).astype(np.float32))

    def _fitted(self, manifest: Path, params: UbmParams) -> tuple[Background, str]:
        cohort = read_cohort(manifest)
        utterances, speakers = cohort_frames(cohort.audios, cohort.speakers)
        self._heard = frozenset(map(_name, cohort.audios))
        background = fit_background(
            utterances,
            speakers,
            n_components=params.components,
            n_dimensions=params.dimensions,
            relevance=RELEVANCE,
        )
        return background, cohort.digest


def cohort_frames(audios: Sequence[Audio], speakers: Sequence[int]) -> tuple[list[Floats], list[int]]:
    """The frames of each recording that holds enough speech, and who speaks it."""
    found = locate_speech(audios)
    usable = [(a, s, who) for a, s, who in zip(audios, found, speakers, strict=True) if isinstance(s, Speech)]
    signals = speech_signals([a for a, _, _ in usable], [s for _, s, _ in usable], RATE_HZ)
    frames = [
        (speech_frames(signal), who)
        for signal, (_, _, who) in zip(signals, usable, strict=True)
        if not isinstance(signal, FailureToAcquire)
    ]
    return [values for values, _ in frames], [who for _, who in frames]


def speech_frames(signal: Samples) -> Floats:
    """Cepstra and their slopes of a signal at 16 kHz, shape (n_frames, 40), each of mean 0 and variance 1 over it."""
    low, high = _BAND_HZ
    cepstra = mfcc(signal, sample_rate_hz=RATE_HZ, n_mfcc=_CEPSTRA, n_mels=_MELS, low_hz=low, high_hz=high)
    values = cepstra.astype(np.float64)
    padded = np.pad(values, ((_REACH, _REACH), (0, 0)), mode="edge")
    steps = np.arange(-_REACH, _REACH + 1)
    slopes = sum(k * padded[_REACH + k : _REACH + k + len(values)] for k in steps) / (steps**2).sum()
    frames = np.concatenate([values, slopes], axis=1)
    normalised: Floats = (frames - frames.mean(axis=0)) / np.maximum(frames.std(axis=0), 1e-6)
    return normalised


def _name(audio: Audio) -> str:
    """What tells one recording from another."""
    return sha256_bytes(np.ascontiguousarray(audio.samples).tobytes())
