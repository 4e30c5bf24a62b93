"""Any speaker network in ONNX form, ECAPA- or WeSpeaker-like: a front end that the suite describes, cosine.

The suite says all that the file does not: ``path``, ``sha256``, ``features`` (``fbank``: Kaldi's log filter banks, as
WeSpeaker, 3D-Speaker and CAM++ take them; ``mfcc``: librosa's; ``wave``: samples) and ``layout``, the axes of the
graph's input. It may say ``sample_rate_hz``, ``n_mels``, ``n_mfcc``, ``frame_ms``, ``hop_ms``, ``low_hz``, ``high_hz``,
``window`` and ``subtract_mean`` of the front end, ``families`` (networks trained alike) and ``training_overlap``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from visavox.adapters.parameters import checked
from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError
from visavox.core.records import RecogniserSpec, Sha256
from visavox.core.terms import Modality
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Speech, Vectors

from .cosine import cosines, unit
from .mel import kaldi_fbank, mfcc
from .onnx_session import inputs_of, open_session, takes
from .sources import declared_families, read_pinned
from .speech import DETECTOR, Samples, locate_speech, speech_signals

_TRIAL_S = (1.0, 1.5)  # lengths on which a graph is tried when it is loaded


class OnnxVoiceParams(BaseModel):
    """The suite's words about an ONNX speaker network.

    Attributes:
        path: the file, absolute.
        sha256: its pinned digest.
        features: ``fbank``, ``mfcc`` or ``wave``.
        layout: axes of the input behind the first: ``frames_features``, ``features_frames`` or ``samples``.
        sample_rate_hz: that the network was trained at.
        n_mels: mel filters.
        n_mfcc: cepstra, of ``mfcc``.
        frame_ms, hop_ms: length of a frame, and from one to the next.
        low_hz, high_hz: edges of the filters; half the sample rate by default.
        window: of ``fbank``.
        subtract_mean: whether each feature loses its mean over the utterance.
        families: training families; ``undeclared`` if none is given, which counts as one family whoever bears it.
        training_overlap: with the usual public test people; unknown counts as some.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    path: Path
    sha256: Sha256
    features: Literal["fbank", "mfcc", "wave"]
    layout: Literal["frames_features", "features_frames", "samples"]
    sample_rate_hz: Annotated[int, Field(ge=8000, le=48_000)] = 16_000
    n_mels: Annotated[int, Field(ge=8, le=256)] = 80
    n_mfcc: Annotated[int, Field(ge=2, le=128)] = 20
    frame_ms: Annotated[float, Field(ge=5.0, le=100.0)] = 25.0
    hop_ms: Annotated[float, Field(ge=1.0, le=50.0)] = 10.0
    low_hz: Annotated[float, Field(ge=0.0)] = 20.0
    high_hz: Annotated[float, Field(gt=0.0)] | None = None
    window: Literal["hamming", "povey"] = "hamming"
    subtract_mean: StrictBool = True
    families: tuple[str, ...] = ()
    training_overlap: Literal["none", "some", "unknown"] = "unknown"

    @model_validator(mode="after")
    def _consistent(self) -> OnnxVoiceParams:
        if (self.features == "wave") != (self.layout == "samples"):
            raise ValueError("features wave and layout samples go together, and neither with another")
        if not self.low_hz < (self.high_hz or self.sample_rate_hz / 2) <= self.sample_rate_hz / 2:
            raise ValueError("low_hz lies below high_hz, and high_hz not above half of sample_rate_hz")
        if self.features == "mfcc" and self.n_mfcc > self.n_mels:
            raise ValueError("n_mfcc exceeds n_mels")
        return self

    @property
    def n_features(self) -> int:
        """Numbers of a frame."""
        return self.n_mfcc if self.features == "mfcc" else self.n_mels

    @property
    def input_shape(self) -> tuple[int | str, ...]:
        """The axes of the network's input, by number or by name."""
        if self.layout == "samples":
            return ("n", "samples")
        return (
            ("n", "frames", self.n_features) if self.layout == "frames_features" else ("n", self.n_features, "frames")
        )


def build(spec: RecogniserSpec, device: str) -> OnnxVoice:
    """The recogniser ``onnx_voice`` with the suite's parameters.

    Raises:
        ConfigError: if a parameter is absent, unknown or wrong, or the network does not take such features.
        MissingDependencyError: if onnxruntime is absent.
        WeightsError: if the file is absent, not the pinned one, or no ONNX network.
    """
    params = checked(
        OnnxVoiceParams,
        dict(spec.params),
        what=f"recogniser {spec.id!r} (onnx_voice)",
        todo="it needs path, sha256, features and layout",
    )
    return OnnxVoice(spec.id, params, device)


class OnnxVoice:
    """A speaker network run by onnxruntime; scores are cosines of its L2-normalised output.

    Utterances differ in length, so they go through it one by one, on several threads: a template never depends on
    what else is in its batch, nor on padding.
    """

    modality: Final = Modality.VOICE
    score: Final = "cosine"
    batching: Final = "fixed"
    detector: Final = DETECTOR

    def __init__(self, name: str, params: OnnxVoiceParams, device: str) -> None:
        data = read_pinned(params.path, params.sha256)
        self.id = name
        self.families = declared_families(params.families, params.sha256)
        self.training_overlap: str = params.training_overlap
        self._params = params
        self._threads = 1 if device == "cuda" else min(8, os.cpu_count() or 1)
        self._session = open_session(data, params.path, device, threads=1)
        if not takes(self._session, params.input_shape):
            wanted = ", ".join(map(str, params.input_shape))
            raise ConfigError(
                f"recogniser {name!r}: a network with one float input ({wanted}), its length open",
                found=inputs_of(self._session),
                todo="set features, layout and n_mels to the network's own, or export it with an open time axis",
            )
        self._input, self._output = self._session.get_inputs()[0].name, self._session.get_outputs()[0].name
        self._try(name)
        settings = params.model_dump(mode="json", exclude={"path", "families", "training_overlap"})
        self.digest = sha256_json({**settings, "detector": DETECTOR})

    def locate(self, media: Sequence[Media]) -> list[Speech | FailureToAcquire]:
        """Where somebody speaks in each sound."""
        return locate_speech(media)

    def embed(self, media: Sequence[Media], regions: Sequence[Speech]) -> list[Vectors | FailureToAcquire]:
        """Unit vectors of each sound's speech."""
        with ThreadPoolExecutor(self._threads, thread_name_prefix="visavox-voice") as pool:
            return list(pool.map(self._template, speech_signals(media, regions, self._params.sample_rate_hz)))

    def compare(self, references: Vectors, probes: Vectors) -> npt.NDArray[np.float32]:
        """Cosines, shape (n_references, n_probes)."""
        return cosines(references, probes)

    def _template(self, signal: Samples | FailureToAcquire) -> Vectors | FailureToAcquire:
        return signal if isinstance(signal, FailureToAcquire) else unit(self._forward(signal))

    def _forward(self, signal: Samples) -> npt.NDArray[np.float32]:
        batch = network_input(signal, self._params)
        output: npt.NDArray[np.float32] = self._session.run([self._output], {self._input: batch})[0]
        return output.reshape(-1)

    def _try(self, name: str) -> None:
        """Runs the network on noise of two lengths: it has to take both, and give as many numbers for each."""
        draw = np.random.default_rng(0)
        signals = [
            0.1 * draw.standard_normal(round(s * self._params.sample_rate_hz), dtype=np.float32) for s in _TRIAL_S
        ]
        asked = f"recogniser {name!r}: one template of a sound of any length"
        try:
            sizes = {self._forward(signal).size for signal in signals}
        except Exception as error:  # onnxruntime has an exception class for every status
            raise ConfigError(asked, found=f"it fails on noise: {error}", todo="check features and layout") from error
        if len(sizes) > 1:
            raise ConfigError(
                asked,
                found=f"the length of its output grows with the sound's: {sorted(sizes)} numbers",
                todo="export the network with its pooling, and its template as the first output",
            )


def network_input(signal: Samples, params: OnnxVoiceParams) -> npt.NDArray[np.float32]:
    """What the network is given for one signal: float32 with the axes of ``params.input_shape``, n = 1."""
    if params.features == "wave":
        return signal[None]
    if params.features == "fbank":
        frames = kaldi_fbank(
            signal, sample_rate_hz=params.sample_rate_hz, n_mels=params.n_mels, frame_ms=params.frame_ms,
            hop_ms=params.hop_ms, low_hz=params.low_hz, high_hz=params.high_hz, window=params.window,
        )  # fmt: skip
    else:
        frames = mfcc(
            signal, sample_rate_hz=params.sample_rate_hz, n_mfcc=params.n_mfcc, n_mels=params.n_mels,
            frame_ms=params.frame_ms, hop_ms=params.hop_ms, low_hz=params.low_hz, high_hz=params.high_hz,
        )  # fmt: skip
    if params.subtract_mean:
        frames = frames - frames.mean(axis=0, keepdims=True)
    return np.ascontiguousarray((frames if params.layout == "frames_features" else frames.T)[None], np.float32)
