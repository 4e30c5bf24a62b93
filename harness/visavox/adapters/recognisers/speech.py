"""What every voice recogniser starts from: where somebody speaks, and the sound of that speech alone.

All share one detector of speech, so that it runs once a sound, and the same outcome for what holds too little of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from visavox.core.digest import sha256_json
from visavox.media import speech as activity
from visavox.media.audio import Audio, check_audio, is_silent, resampled
from visavox.media.speech import MIN_SPEECH_S, speech_only, speech_segments
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Speech

Samples = npt.NDArray[np.float32]

MARGIN_S: Final = 0.15
"""Seconds kept on both sides of each stretch of speech: soft beginnings and ends of words lie there."""
_SETTINGS = {
    "version": 2,  # of the rule in visavox.media.speech; what it does beyond these numbers
    "frame_s": activity.FRAME_S,
    "hop_s": activity.HOP_S,
    "below_loud_db": activity.BELOW_LOUD_DB,
    "above_quiet_db": activity.ABOVE_QUIET_DB,
    "min_level_db": activity.MIN_LEVEL_DB,
    "max_pause_s": activity.MAX_PAUSE_S,
    "min_segment_s": activity.MIN_SEGMENT_S,
    "tone": [
        activity.LOWEST_TONE_HZ,
        activity.TONE_HALF_WIDTH_HZ,
        activity.SAME_PITCH_HZ,
        activity.TONE_SHARE,
    ],
    "min_speech_s": MIN_SPEECH_S,
    "margin_s": MARGIN_S,
}
DETECTOR: Final = f"speech/{sha256_json(_SETTINGS)}"
"""Name and digest of the detector of speech, as a recogniser's ``detector``."""


def locate_speech(media: Sequence[Media]) -> list[Speech | FailureToAcquire]:
    """Where somebody speaks in each sound, or why no template can be made of it; same length, same order.

    Raises:
        MediaError: if one is no sound.
    """
    return [_speech(check_audio(value)) for value in media]


def speech_signals(
    media: Sequence[Media], located: Sequence[Speech], sample_rate_hz: int
) -> list[Samples | FailureToAcquire]:
    """The speech alone of each sound at one rate, or why there is none; same length, same order.

    What was located in another sound (an edited output's input) may lie where this one is silent or over: a failure.

    Raises:
        MediaError: if one is no sound.
    """
    return [_signal(check_audio(value), speech, sample_rate_hz) for value, speech in zip(media, located, strict=True)]


def _speech(audio: Audio) -> Speech | FailureToAcquire:
    if is_silent(audio):
        return FailureToAcquire("the sound is silent")
    duration_s = audio.duration_s
    strict = Speech(speech_segments(audio), duration_s)
    if strict.speech_s < MIN_SPEECH_S:
        return FailureToAcquire(f"{strict.speech_s:.2f} s of speech, under {MIN_SPEECH_S:g} s")
    segments: list[tuple[float, float]] = []
    for start, end in strict.segments:
        begin = max(start - MARGIN_S, 0.0)
        if segments and begin <= segments[-1][1]:
            begin = segments.pop()[0]
        segments.append((begin, min(end + MARGIN_S, duration_s)))
    return Speech(tuple(segments), duration_s)


def _signal(audio: Audio, speech: Speech, sample_rate_hz: int) -> Samples | FailureToAcquire:
    inside = tuple((start, min(end, audio.duration_s)) for start, end in speech.segments if start < audio.duration_s)
    left_s = sum(end - start for start, end in inside)
    if left_s < MIN_SPEECH_S * (1 - 1e-9):
        return FailureToAcquire(f"{left_s:.2f} s of the sound lie where speech was located, under {MIN_SPEECH_S:g} s")
    spoken = speech_only(audio, inside)
    if is_silent(spoken):
        return FailureToAcquire("the sound is silent where speech was located")
    return resampled(spoken, sample_rate_hz).samples
