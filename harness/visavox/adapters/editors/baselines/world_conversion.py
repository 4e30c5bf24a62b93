"""Baseline ``world_conversion``: the host's words and timing in pieces of the donor's voice, through WORLD.

Pitch is brought to the donor's mean and spread, in the log domain. For the spectrum each speaker's log-mel envelope is
standardised by that speaker's own mean and spread; every frame of the host then takes envelope and aperiodicity of the
donor's frame that is nearest in this space. Loudness stays the host's. Nothing is trained: one recording of the donor
is all it knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from visavox.media.audio import resampled
from visavox.ports.editor import Audio, EditRequest, EditResult, Failed

from .parameters import MAX_BATCH, NoParameters, checked, role_sound
from .sound_editor import Floats, of_length, within_full_scale
from .world import FRAME_S, RATE_HZ, Voice, analysed, spoken, vocoder

DONOR_S: Final = 30.0
"""Of a longer recording of the donor only its beginning is used."""
MIN_FRAMES: Final = 20
"""Voiced frames, 0.1 s together, below which a recording tells nothing of a voice."""
_BANDS: Final = 64
_CONTEXT: Final = 4  # frames on either side that are compared too
_MIN_SPREAD: Final = 1e-3
_SMOOTHING: Final = np.hanning(9)[1:-1] / np.hanning(9).sum()  # 35 ms, over the joints of pieces
_AT_ONCE: Final = 512  # frames compared, to bound memory

Mask = npt.NDArray[np.bool_]


class WorldConversion:
    """Converts each host's sound toward its donor's; the same request always gives the same samples."""

    max_batch = MAX_BATCH
    concurrency = 1

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """One sound for each request; ``Failed`` where a role is absent or holds no voiced speech."""
        return [_answer(role_sound(request, "host"), role_sound(request, "donor")) for request in requests]


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> WorldConversion:
    """Loads the baseline; it has no params.

    Raises:
        ConfigError: if params are given.
        MissingDependencyError: if pyworld is not installed.
    """
    checked("world_conversion", NoParameters, params)
    vocoder()
    return WorldConversion()


def _answer(host: Audio | Failed, donor: Audio | Failed) -> EditResult:
    if isinstance(host, Failed):
        return host
    if isinstance(donor, Failed):
        return donor
    # Both voices at one rate; what lies above 8 kHz is lost.
    limit = round(DONOR_S * donor.sample_rate_hz)
    voices = {
        "host": _analysed(host),
        "donor": _analysed(Audio(donor.samples[:limit], donor.sample_rate_hz)),
    }
    mute = [role for role, voice in voices.items() if np.count_nonzero(voice.f0) < MIN_FRAMES]
    if mute:
        return Failed(f"no voiced speech in the {mute[0]}")
    samples = within_full_scale(spoken(converted(voices["host"], voices["donor"])))
    rate = host.sample_rate_hz
    back = resampled(Audio(of_length(samples, len(resampled(host, RATE_HZ).samples)), RATE_HZ), rate).samples
    return Audio(within_full_scale(of_length(back, len(host.samples))), rate)


def converted(host: Voice, donor: Voice) -> Voice:
    """The host's utterance in the donor's voice; shapes and voicing as the host's.

    Both need voiced frames. Frames without voice stay the host's where the donor has fewer than ``MIN_FRAMES`` such.
    """
    envelope, aperiodicity = np.log(host.envelope), host.aperiodicity.copy()
    host_marks, donor_marks = marks(host), marks(donor)
    for mine, theirs in ((host.f0 > 0, donor.f0 > 0), (host.f0 == 0, donor.f0 == 0)):
        if mine.any() and np.count_nonzero(theirs) >= MIN_FRAMES:
            pieces = np.flatnonzero(theirs)[nearest(host_marks[mine], donor_marks[theirs])]
            envelope[mine] = np.log(donor.envelope[pieces])
            aperiodicity[mine] = donor.aperiodicity[pieces]
    shape = smoothed(envelope - envelope.mean(axis=1, keepdims=True))
    power = np.exp(shape - shape.max(axis=1, keepdims=True))
    power *= host.envelope.sum(axis=1, keepdims=True) / power.sum(axis=1, keepdims=True)
    return Voice(pitch(host.f0, donor.f0), power, aperiodicity)


def pitch(host: Floats, donor: Floats) -> Floats:
    """The host's f0, in Hz with 0 where unvoiced, with mean and spread of the donor's logarithms.

    >>> pitch(np.array([0.0, 100.0, 200.0]), np.array([300.0, 300.0, 0.0])).round(6).tolist()
    [0.0, 300.0, 300.0]
    """
    is_voiced = host > 0
    mine, theirs = np.log(host[is_voiced]), np.log(donor[donor > 0])
    result = np.zeros_like(host)
    spread = theirs.std() / max(mine.std(), _MIN_SPREAD)
    result[is_voiced] = np.exp((mine - mine.mean()) * spread + theirs.mean())
    return result


def marks(voice: Voice) -> Floats:
    """What frames are compared by, shape (n, features): the standardised log-mel shape and those around it.

    Voiced and other frames are standardised apart: each by the mean and spread of its kind in this recording.
    """
    bins = np.linspace(0.0, RATE_HZ / 2, voice.envelope.shape[1])
    mel = np.linspace(0.0, np.log1p(RATE_HZ / 2 / 700.0), _BANDS)
    place = np.searchsorted(bins, 700.0 * np.expm1(mel)).clip(1, len(bins) - 1)
    share = (700.0 * np.expm1(mel) - bins[place - 1]) / (bins[place] - bins[place - 1])
    logs = np.log(voice.envelope)
    shape = logs[:, place - 1] * (1.0 - share) + logs[:, place] * share
    shape -= shape.mean(axis=1, keepdims=True)
    for kind in (voice.f0 > 0, voice.f0 == 0):
        if kind.any():
            spread = np.maximum(shape[kind].std(axis=0), _MIN_SPREAD)
            shape[kind] = (shape[kind] - shape[kind].mean(axis=0)) / spread
    padded = np.pad(shape, ((_CONTEXT, _CONTEXT), (0, 0)), mode="edge")
    return np.concatenate([padded[i : i + len(shape)] for i in range(0, 2 * _CONTEXT + 1, _CONTEXT)], axis=1)


def nearest(queries: Floats, pool: Floats) -> npt.NDArray[np.int64]:
    """For each query, shape (n, d), the row of the pool, shape (m, d), at the smallest Euclidean distance; (n,).

    >>> nearest(np.array([[0.9], [0.1]]), np.array([[0.0], [1.0]])).tolist()
    [1, 0]
    """
    half = (pool**2).sum(axis=1) / 2.0
    chunks = [queries[i : i + _AT_ONCE] for i in range(0, len(queries), _AT_ONCE)]
    return np.concatenate([np.argmin(half - some @ pool.T, axis=1) for some in chunks])


def smoothed(frames: Floats) -> Floats:
    """A weighted mean over time; shape (n, bins) as given, the ends held."""
    reach = len(_SMOOTHING) // 2
    padded = np.pad(frames, ((reach, reach), (0, 0)), mode="edge")
    result: Floats = sum(weight * padded[i : i + len(frames)] for i, weight in enumerate(_SMOOTHING))
    return result


def _analysed(audio: Audio) -> Voice:
    samples = resampled(audio, RATE_HZ).samples.astype(np.float64)
    if len(samples) < MIN_FRAMES * FRAME_S * RATE_HZ:
        nothing = np.zeros((1, 1))
        return Voice(nothing[0], nothing, nothing)
    return analysed(samples)
