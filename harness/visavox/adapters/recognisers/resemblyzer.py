"""Resemblyzer: the GE2E speaker encoder, an LSTM over windows of 1.6 s, cosine of 256 numbers.

The weights are the wheel's; the wheel's code is not imported, for it needs a path of SciPy that is gone. The network is
its three LSTM layers and one linear layer, the arithmetic the library's: an utterance's template is the mean of its
windows', each of length 1, and the speech is what WebRTC's detector finds. Where that finds too little (disguised
speech it may take for noise) the speech is that of the detector all voice recognisers share: an attacker would do so.
It may take tones for speech: what it finds where the shared detector finds tones alone, an audible label, is left out.

Trained on VoxCeleb1, VoxCeleb2 and the ``other`` parts of LibriSpeech, hence ``training_overlap`` = some.

References:
    L. Wan et al., Generalized end-to-end loss for speaker verification, ICASSP 2018; Resemblyzer 0.1.4
    (github.com/resemble-ai/Resemblyzer), Apache-2.0.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError, WeightsError
from visavox.core.records import RecogniserSpec
from visavox.core.terms import Modality
from visavox.media.audio import Audio, check_audio, resampled
from visavox.media.speech import MIN_SPEECH_S, Segments, tone_stretches
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Speech, Vectors

from .cosine import cosines, unit
from .mel import slaney_filters
from .sources import file_of_package, import_package, read_pinned, require_packages
from .speech import DETECTOR, Samples, locate_speech, speech_signals
from .webrtc import SETTINGS as WEBRTC
from .webrtc import voiced

SHA256: Final = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
RATE_HZ: Final = 16_000
_WINDOW = 400  # samples of a spectrum, 25 ms
_HOP = 160  # samples between spectra, 10 ms
_MELS = 40
_UNITS = 256
_LAYERS = 3
_FRAMES = 160  # of one window of the network, 1.6 s
_STEP = 77  # frames between windows: 1.3 windows a second
_MIN_COVERAGE = 0.75  # of the last window
_LEVEL_DBFS = -30.0  # quieter speech is raised to it
_BATCH_SAMPLES = {"cpu": 1 << 20, "cuda": 1 << 24}
_SETTINGS = {
    "weights": SHA256,
    "rate_hz": RATE_HZ,
    "spectrum": ["hann", _WINDOW, _HOP, "power"],
    "mels": [_MELS, "slaney"],
    "windows": [_FRAMES, _STEP, _MIN_COVERAGE],
    "level_dbfs": _LEVEL_DBFS,
}


def build(spec: RecogniserSpec, device: str) -> Resemblyzer:
    """The recogniser ``resemblyzer``; it takes no parameters.

    Raises:
        ConfigError: if the suite gives it parameters.
        MissingDependencyError: if torch or Resemblyzer is absent.
        WeightsError: if the wheel's weights are not the pinned ones.
    """
    if spec.params:
        names = ", ".join(key for key, _ in spec.params)
        raise ConfigError(f"recogniser {spec.id!r} (resemblyzer)", found=f"parameters {names}", todo="it takes none")
    return Resemblyzer(spec.id, device)


class _Network(NamedTuple):
    """The encoder and what makes its input, all on the device; the window of a spectrum and the mel filters."""

    device: Any
    lstm: Any
    linear: Any
    window: Any
    mels: Any


class Resemblyzer:
    """The GE2E encoder; scores are cosines of its utterance templates, which have no negative number."""

    modality: Final = Modality.VOICE
    score: Final = "cosine"
    training_overlap: Final = "some"
    families: Final = frozenset({"resemblyzer", "ge2e-lstm"})
    detector: Final = f"webrtc/{sha256_json([WEBRTC, DETECTOR])}"

    def __init__(self, name: str, device: str) -> None:
        self.id = name
        self.digest = sha256_json({**_SETTINGS, "detector": self.detector})
        require_packages("torch", "webrtcvad", extra="voices")
        self._weights = file_of_package("resemblyzer", "pretrained.pt", extra="voices")
        read_pinned(self._weights, SHA256)
        self._device_name, self._batch_samples = device, _BATCH_SAMPLES[device]

    @cached_property
    def _torch(self) -> Any:
        return import_package("torch", extra="voices")

    @cached_property
    def _network(self) -> _Network:
        torch, device = self._torch, self._torch.device(self._device_name)
        lstm, linear = _layers(torch, read_pinned(self._weights, SHA256), device)
        window = torch.hann_window(_WINDOW, periodic=True, device=device)
        mels = torch.from_numpy(slaney_filters(_MELS, _WINDOW, RATE_HZ, 0.0, RATE_HZ / 2)).to(device)
        return _Network(device, lstm, linear, window, mels)

    def locate(self, media: Sequence[Media]) -> list[Speech | FailureToAcquire]:
        """Where somebody speaks in each sound, by WebRTC's detector."""
        found = locate_speech(media)
        for place, speech in enumerate(found):
            if isinstance(speech, Speech):
                audio = check_audio(media[place])
                tones = tone_stretches(audio)
                segments = voiced(resampled(audio, RATE_HZ).samples * gain(_without(audio, tones)))
                if tones:
                    segments = tuple(one for one in segments if _overlaps(one, speech.segments))
                if sum(end - start for start, end in segments) >= MIN_SPEECH_S:
                    found[place] = Speech(segments, speech.duration_s)
        return found

    def embed(self, media: Sequence[Media], regions: Sequence[Speech]) -> list[Vectors | FailureToAcquire]:
        """Unit vectors, shape (256,), of each sound's speech."""
        answers: list[Any] = []
        for value, signal in zip(media, speech_signals(media, regions, RATE_HZ), strict=True):
            if isinstance(signal, FailureToAcquire):
                answers.append(signal)
            else:
                audio = check_audio(value)
                answers.append(signal * gain(_without(audio, tone_stretches(audio))))
        usable = {k: signal for k, signal in enumerate(answers) if not isinstance(signal, FailureToAcquire)}
        for some in _batches({k: len(signal) for k, signal in usable.items()}, self._batch_samples):
            for k, vector in zip(some, self._templates([usable[k] for k in some]), strict=True):
                answers[k] = unit(vector)
        return answers

    def compare(self, references: Vectors, probes: Vectors) -> npt.NDArray[np.float32]:
        """Cosines, shape (n_references, n_probes)."""
        return cosines(references, probes)

    def _templates(self, signals: Sequence[Samples]) -> npt.NDArray[np.float32]:
        """Sums of the windows' templates, shape (n, 256): one transfer each way for all signals together."""
        torch, network = self._torch, self._network
        starts = [window_starts(len(signal)) for signal in signals]
        # Each signal is led by zeros of half a spectrum and followed by those that its last window lacks, so that no
        # spectrum of one reaches into the next.
        lengths = [
            _HOP * (max(len(signal) // _HOP, s[-1] + _FRAMES) + 4) for signal, s in zip(signals, starts, strict=True)
        ]
        offsets = np.cumsum([0, *lengths])
        joined = np.zeros(offsets[-1], np.float32)
        for signal, offset in zip(signals, offsets, strict=False):
            joined[offset + _WINDOW // 2 :][: len(signal)] = signal
        first = np.concatenate([offset // _HOP + s for offset, s in zip(offsets, starts, strict=False)])
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            frames = torch.from_numpy(joined).to(network.device).unfold(0, _WINDOW, _HOP) * network.window
            mels = torch.fft.rfft(frames).abs().square() @ network.mels.T
            picked = torch.from_numpy(first[:, None] + np.arange(_FRAMES)).to(network.device)
            _, (hidden, _) = network.lstm(mels[picked])
            windows = torch.nn.functional.normalize(torch.relu(network.linear(hidden[-1])), dim=1)
            vectors = windows.cpu().numpy()
        sums: npt.NDArray[np.float32] = np.add.reduceat(vectors, np.cumsum([0, *map(len, starts[:-1])]), axis=0)
        return sums


def window_starts(n_samples: int) -> npt.NDArray[np.int64]:
    """First spectrum of each window of a signal; the last window is left out where less than 3/4 of it is signal.

    >>> window_starts(48_000).tolist()
    [0, 77, 154]
    """
    n_frames = -(-(n_samples + 1) // _HOP)
    starts = np.arange(0, max(1, n_frames - _FRAMES + _STEP + 1), _STEP)
    covered = (n_samples - starts[-1] * _HOP) / (_FRAMES * _HOP)
    return starts[:-1] if covered < _MIN_COVERAGE and len(starts) > 1 else starts


def _without(audio: Audio, tones: Segments) -> Samples:
    """The sound at the network's rate without the stretches of tones, whose level says nothing of the speech's."""
    samples = resampled(audio, RATE_HZ).samples
    is_kept = np.ones(len(samples), bool)
    for start, end in tones:
        is_kept[round(start * RATE_HZ) : round(end * RATE_HZ)] = False
    return samples[is_kept]


def _overlaps(one: tuple[float, float], segments: Segments) -> bool:
    return any(start < one[1] and one[0] < end for start, end in segments)


def gain(signal: Samples) -> np.float32:
    """What raises a whole utterance, pauses included, to -30 dB of full scale; 1 where it is louder."""
    level = 20.0 * np.log10(np.sqrt(np.square(signal.astype(np.float64)).mean()))
    return np.float32(10.0 ** (max(_LEVEL_DBFS - level, 0.0) / 20.0))


def _batches(lengths: Mapping[int, int], most: int) -> Iterator[list[int]]:
    """Runs of places whose signals have ``most`` samples together, or one longer signal alone."""
    batch: list[int] = []
    total = 0
    for place, length in lengths.items():
        if batch and total + length > most:
            yield batch
            batch, total = [], 0
        batch.append(place)
        total += length
    if batch:
        yield batch


def _layers(torch: Any, data: bytes, device: Any) -> tuple[Any, Any]:
    """The LSTM and the linear layer with the wheel's weights; the two numbers of its training loss are left out."""
    with torch.device("meta"):  # no random start, which would cost time and the process's random state
        layers = torch.nn.ModuleDict(
            {
                "lstm": torch.nn.LSTM(_MELS, _UNITS, _LAYERS, batch_first=True),
                "linear": torch.nn.Linear(_UNITS, _UNITS),
            }
        )
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)["model_state"]
        layers.load_state_dict({k: v for k, v in state.items() if not k.startswith("similarity_")}, assign=True)
    except Exception as error:  # torch raises a dozen kinds over a file that is no state dictionary of this network
        raise WeightsError(
            "load the weights of Resemblyzer (SHA-256 checked)",
            found=f"{type(error).__name__}: {error}",
            todo="install resemblyzer 0.1.4",
        ) from error
    layers.eval().requires_grad_(False).to(device)
    return layers["lstm"], layers["linear"]
