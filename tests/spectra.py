"""A real but light recogniser of voices for tests of the engine: the mean spectrum of the speech is the template."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visavox.core.digest import sha256_json
from visavox.core.records import RecogniserSpec
from visavox.core.terms import Modality
from visavox.media.audio import Audio, resampled
from visavox.media.speech import speech_only, speech_segments
from visavox.ports.recogniser import FailureToAcquire, Recogniser, Speech, Vectors, recognisers

RATE_HZ, N_FFT = 16_000, 512


class Spectra:
    """Cosine of mean log spectra, each without its own mean."""

    modality = Modality.VOICE
    families = frozenset({"spectra"})
    detector = "energy/1"
    score = "cosine"
    training_overlap = "none"

    def __init__(self, spec: RecogniserSpec) -> None:
        self.id = spec.id
        self.digest = sha256_json(["spectra", N_FFT])

    def locate(self, media: Sequence[Audio]) -> list[Speech | FailureToAcquire]:
        found = [Speech(speech_segments(sound), sound.duration_s) for sound in media]
        return [speech if speech.segments else FailureToAcquire("no speech") for speech in found]

    def embed(self, media: Sequence[Audio], located: Sequence[Speech]) -> list[Vectors | FailureToAcquire]:
        return [_template(speech_only(m, speech.segments)) for m, speech in zip(media, located, strict=True)]

    def compare(self, references: Vectors, probes: Vectors) -> np.ndarray:
        return (references @ probes.T).astype(np.float32)


def _template(sound: Audio) -> Vectors:
    samples = resampled(sound, RATE_HZ).samples
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, N_FFT)), N_FFT)[:: N_FFT // 2]
    spectrum = np.log(np.abs(np.fft.rfft(frames * np.hanning(N_FFT), axis=1)).mean(axis=0) + 1e-6)
    spectrum -= spectrum.mean()
    template: Vectors = (spectrum / np.linalg.norm(spectrum)).astype(np.float32)
    return template


def build(spec: RecogniserSpec, device: str) -> Recogniser:
    return Spectra(spec)  # type: ignore[return-value]


def register() -> None:
    """Registers ``spectra`` once."""
    recognisers.register("spectra", build, modality=Modality.VOICE)
