"""Where in a sound somebody speaks: an energy detector with thresholds that adapt to the recording.

A frame is speech if its level stands out from the recording's quiet frames and comes near its loud ones. So stationary
sound (a tone, a hum, hiss alone) holds no speech at any level. A stretch that is nothing but one steady tone, as the
bursts of an audible label are (docs/adr/0016), is none either: beside the tone nothing is left that would count. It is
deterministic and knows no language; music, and other people's speech in the background, it does not tell from speech.

References:
    T. Kinnunen, H. Li, An overview of text-independent speaker recognition: From features to supervectors, Speech
    Communication 52 (2010): frames within 30 dB of the loudest are speech;
    ITU-T Rec. P.56 (2011), method B: pauses of up to 200 ms belong to active speech.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

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
TONE_HALF_WIDTH_HZ: Final = 150.0
"""Of the band around its pitch in which a tone's power lies, in frames of 25 ms under a Hann window."""
SAME_PITCH_HZ: Final = 60.0
"""By which the strongest frequencies of a tone's frames differ at most: one and a half steps of the spectrum."""
LOWEST_TONE_HZ: Final = 250.0
"""Under it a stretch that is one tone may be the murmur of a voiced consonant, whose fundamental is all there is."""
TONE_SHARE: Final = 0.6
"""Of the frames of a stretch that show the tone alone, at least; those at its two ends hold a click."""
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
    return _stretches(audio)[0]


def tone_stretches(audio: Audio) -> Segments:
    """Start and end, in seconds, of each stretch that would be speech by its level and is one steady tone instead."""
    return _stretches(audio)[1]


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


def _stretches(audio: Audio) -> tuple[Segments, Segments]:
    """The stretches of speech, pauses up to ``MAX_PAUSE_S`` within them, and those of steady tones."""
    frames = _frames(audio)
    levels = _levels_db(frames)
    quiet, loud = np.percentile(levels, [_QUIET_PERCENTILE, _LOUD_PERCENTILE])
    threshold = max(quiet + ABOVE_QUIET_DB, loud - BELOW_LOUD_DB, MIN_LEVEL_DB)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], levels >= threshold, [False]]).astype(np.int8)))
    speech: list[tuple[float, float]] = []
    tones: list[tuple[float, float]] = []
    for first, behind in edges.reshape(-1, 2):
        # A frame stands for the hop at its middle: its whole length would stretch every word by 15 ms.
        margin_s = (FRAME_S - HOP_S) / 2
        start, end = first * HOP_S + margin_s, min(behind * HOP_S + margin_s, audio.duration_s)
        if end - start < MIN_SEGMENT_S:
            continue
        if _is_tone(frames[first:behind], audio.sample_rate_hz, threshold):
            tones.append((float(start), float(end)))
            continue
        if speech and start - speech[-1][1] <= MAX_PAUSE_S:
            start = speech.pop()[0]
        speech.append((float(start), float(end)))
    return tuple(speech), tuple(tones)


def _is_tone(frames: npt.NDArray[Any], rate_hz: int, threshold_db: float) -> bool:
    """Whether frames show one steady tone, and beside it nothing as loud as speech here."""
    size = frames.shape[1]
    window = np.hanning(size + 1)[:-1]
    offset = (frames @ window / window.sum())[:, None]  # a plain mean is not 0 where a frame holds half a period more
    power = np.abs(np.fft.rfft((frames - offset) * window)) ** 2
    power *= 2.0 / (size * (window**2).sum())  # sums over the spectrum are mean squares
    hz = np.fft.rfftfreq(size, 1.0 / rate_hz)
    strongest = hz[power.argmax(axis=1)]
    pitch = float(np.median(strongest))
    beside = power[:, np.abs(hz - pitch) > TONE_HALF_WIDTH_HZ].sum(axis=1)
    alone = (np.abs(strongest - pitch) <= SAME_PITCH_HZ) & (beside < 10.0 ** (threshold_db / 10.0))
    return pitch >= LOWEST_TONE_HZ and bool(alone.mean() >= TONE_SHARE)


def _frames(audio: Audio) -> npt.NDArray[np.float64]:
    """Frames of the sound, one a row; a short sound is one frame."""
    size = min(round(FRAME_S * audio.sample_rate_hz), len(audio.samples))
    hop = round(HOP_S * audio.sample_rate_hz)
    return np.lib.stride_tricks.sliding_window_view(audio.samples.astype(np.float64), size)[::hop]


def _levels_db(frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Level of each frame in dB re full scale (a square wave of amplitude 1 is 0 dB)."""
    power: npt.NDArray[np.float64] = np.maximum(frames.var(axis=1), 10.0 ** (_FLOOR_DB / 10.0))
    return 10.0 * np.log10(power)
