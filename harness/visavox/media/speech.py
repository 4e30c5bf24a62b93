"""Where in a sound somebody speaks: an energy detector with thresholds that adapt to the recording.

A frame is speech if its level stands out from the recording's quiet frames and comes near its loud ones. So stationary
sound (a tone, a hum, hiss alone) holds no speech at any level. It is deterministic and knows no language; music, and
other people's speech in the background, it does not tell from speech.

References:
    T. Kinnunen, H. Li, An overview of text-independent speaker recognition: From features to supervectors, Speech
    Communication 52 (2010): frames within 30 dB of the loudest are speech;
    ITU-T Rec. P.56 (2011), method B: pauses of up to 200 ms belong to active speech.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .audio import Audio

MIN_SPEECH_S: Final = 1.0
"""Seconds of speech below which an utterance is too short to recognise a speaker by."""
FRAME_S: Final = 0.025
HOP_S: Final = 0.010
BELOW_LOUD_DB: Final = 30.0
ABOVE_QUIET_DB: Final = 8.0
MIN_LEVEL_DB: Final = -70.0
"""Level re full scale below which nothing is speech."""
MAX_PAUSE_S: Final = 0.200
MIN_SEGMENT_S: Final = 0.050
_QUIET_PERCENTILE: Final = 5.0
_LOUD_PERCENTILE: Final = 98.0
_FLOOR_DB: Final = -120.0

Segments = tuple[tuple[float, float], ...]


def speech_segments(audio: Audio) -> Segments:
    """Start and end, in seconds, of each stretch of speech, in order and apart; empty where nobody speaks.

    Frames of 25 ms, 10 ms apart, count by their level without a constant offset: above the quietest twentieth by
    ``ABOVE_QUIET_DB``, below the loudest fiftieth by ``BELOW_LOUD_DB`` at most, and above ``MIN_LEVEL_DB``. Pauses up
    to ``MAX_PAUSE_S`` are part of the speech; what is shorter than ``MIN_SEGMENT_S`` is a click and left out.
    """
    levels = _levels_db(audio)
    quiet, loud = np.percentile(levels, [_QUIET_PERCENTILE, _LOUD_PERCENTILE])
    threshold = max(quiet + ABOVE_QUIET_DB, loud - BELOW_LOUD_DB, MIN_LEVEL_DB)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], levels >= threshold, [False]]).astype(np.int8)))
    segments: list[tuple[float, float]] = []
    for first, behind in edges.reshape(-1, 2):
        # A frame stands for the hop at its middle: its whole length would stretch every word by 15 ms.
        margin_s = (FRAME_S - HOP_S) / 2
        start, end = first * HOP_S + margin_s, min(behind * HOP_S + margin_s, audio.duration_s)
        if end - start < MIN_SEGMENT_S:
            continue
        if segments and start - segments[-1][1] <= MAX_PAUSE_S:
            start = segments.pop()[0]
        segments.append((float(start), float(end)))
    return tuple(segments)


def speech_seconds(audio: Audio) -> float:
    """Seconds of speech: the length of `speech_segments` together."""
    return sum(end - start for start, end in speech_segments(audio))


def speech_only(audio: Audio, segments: Iterable[tuple[float, float]]) -> Audio:
    """The sound of the segments alone, one after the other.

    Raises:
        UndefinedMetricError: if the segments hold no sample.
    """
    rate = audio.sample_rate_hz
    parts = [audio.samples[round(start * rate) : round(end * rate)] for start, end in segments]
    samples = np.concatenate(parts) if parts else audio.samples[:0]
    if not samples.size:
        raise UndefinedMetricError("cut a sound down to its speech", found="no speech", todo="leave this sound out")
    return Audio(samples, rate)


def _levels_db(audio: Audio) -> npt.NDArray[np.float64]:
    """Level of each frame in dB re full scale (a square wave of amplitude 1 is 0 dB); a short sound is one frame."""
    size = min(round(FRAME_S * audio.sample_rate_hz), len(audio.samples))
    hop = round(HOP_S * audio.sample_rate_hz)
    frames = np.lib.stride_tricks.sliding_window_view(audio.samples.astype(np.float64), size)[::hop]
    power: npt.NDArray[np.float64] = np.maximum(frames.var(axis=1), 10.0 ** (_FLOOR_DB / 10.0))
    return 10.0 * np.log10(power)
