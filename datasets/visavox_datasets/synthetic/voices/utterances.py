"""Utterances of speakers who exist nowhere: pure functions of (seed, speaker, utterance)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np

from visavox.core.errors import ConfigError, MissingDependencyError
from visavox.core.seeding import generator
from visavox.media.audio import Audio

from .acoustics import RATE_HZ, colour_timbre, record, scale_tract
from .espeak import Espeak
from .parameters import ACCENTS, attributes, draw_utterance, draw_voice
from .sentences import sentence

BIT_RATE: Final = 24_000


def render_voices(seed: int, utterances: Sequence[tuple[int, int]]) -> list[Audio]:
    """One sound, mono at 16 kHz, for each (speaker, utterance) pair of whole numbers >= 0.

    Each is a pure function of ``(seed, speaker, utterance)``: equal speakers have the same voice, and a sound is the
    same to the bit whatever was said before it.

    Raises:
        ConfigError: if a number is negative.
        MissingDependencyError: if espeakng-loader is not installed.
    """
    if seed < 0 or any(number < 0 for pair in utterances for number in pair):
        raise ConfigError("render voices", found="a negative seed, speaker or utterance", todo="count from 0")
    with Espeak() as espeak:
        return [_utterance(espeak, seed, *pair) for pair in utterances]


def render_files(seed: int, utterances: Sequence[tuple[int, int]]) -> list[bytes]:
    """The same as the content of Ogg Opus files.

    Raises:
        MissingDependencyError: if espeakng-loader or PyAV is not installed.
    """
    return [encode_opus(sound) for sound in render_voices(seed, utterances)]


def encode_opus(sound: Audio) -> bytes:
    """An Ogg Opus file of ``BIT_RATE``; the same sound gives the same bytes with the same PyAV.

    libsndfile is not used: it draws the stream's serial number anew each time.

    References:
        RFC 6716 (Opus), RFC 7845 (Ogg encapsulation for Opus).
    """
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError(
            "write Ogg Opus", found=str(error), todo="pip install 'visavox[voices]'"
        ) from error
    file = io.BytesIO()
    with av.open(file, "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(
            "libopus", rate=sound.sample_rate_hz, layout="mono", options={"application": "audio", "flags": "+bitexact"}
        )
        stream.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(sound.samples[None], format="flt", layout="mono")
        frame.sample_rate = sound.sample_rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _utterance(espeak: Espeak, seed: int, speaker: int, utterance: int) -> Audio:
    voice, drawn, truth = draw_voice(seed, speaker), draw_utterance(seed, speaker, utterance), attributes(speaker)
    tract = voice["tract"]
    spoken = espeak.say(
        sentence(seed, speaker, utterance),
        {**voice, "pitch_hz": voice["pitch_hz"] / tract},
        accent=ACCENTS[truth["accent"]],
        female=truth["sex"] == "female",
        rate_wpm=int(voice["rate_wpm"] / tract * drawn["rate_factor"]),
        pitch=int(drawn["pitch_shift"]),
        pitch_range=int(drawn["pitch_range"]),
    )
    sound = colour_timbre(scale_tract(spoken / np.float64(32768.0), tract), voice)
    return Audio(record(sound, drawn, generator(seed, "room", speaker, utterance)), RATE_HZ)
