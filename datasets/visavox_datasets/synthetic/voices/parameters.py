"""The numbers behind one utterance, drawn by name: adding a parameter changes nobody's voice.

A voice is what ``IDENTITY`` draws from ``(seed, speaker)``; each utterance adds what ``NUISANCE`` draws from
``(seed, speaker, utterance)``. Every number has a generator of its own, keyed by its name. Sex and accent are dealt
out evenly.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, TypeAlias

from visavox.core.seeding import generator

Params: TypeAlias = dict[str, float]
"""Parameters by name."""

SEXES: Final = ("female", "male")
ACCENTS: Final = MappingProxyType(
    {
        "en-US": "gmw/en-US",
        "en-GB": "gmw/en",
        "en-GB-scotland": "gmw/en-GB-scotland",
        "en-GB-x-rp": "gmw/en-GB-x-rp",
        "en-GB-x-gbclan": "gmw/en-GB-x-gbclan",
        "en-GB-x-gbcwmd": "gmw/en-GB-x-gbcwmd",
        "en-029": "gmw/en-029",
        "en-US-nyc": "gmw/en-US-nyc",
    }
)
"""eSpeak NG's language tag of an accent of English -> the identifier of its voice file."""

N_FORMANTS: Final = 8
N_BANDS: Final = 12
_FORMANT_SPREAD: Final = (14.0, 14.0, 12.0, 10.0, 8.0, 8.0, 8.0, 8.0)

BY_SEX: Final = MappingProxyType(
    {
        # low end of the intonation, Hz; scale of the vocal tract's resonances
        "pitch_hz": ((150.0, 235.0), (75.0, 145.0)),
        "tract": ((1.0, 1.22), (0.84, 1.06)),
    }
)
"""Ranges of what differs between (female, male)."""

IDENTITY: Final = MappingProxyType(
    {
        # prosody: high over low end of the intonation; words per minute
        "pitch_span": (1.15, 1.65),
        "rate_wpm": (135.0, 215.0),
        # formants, percent of eSpeak's own frequency, strength and width
        **{f"formant_{i}_frequency": (100.0 - s, 100.0 + s) for i, s in enumerate(_FORMANT_SPREAD, start=1)},
        **{f"formant_{i}_strength": (60.0, 150.0) for i in range(1, N_FORMANTS + 1)},
        **{f"formant_{i}_width": (70.0, 150.0) for i in range(1, N_FORMANTS + 1)},
        # source, in eSpeak's units; a voice is breathy where ``breathy`` is above 0.6
        "voicing": (70.0, 120.0),
        "breathy": (0.0, 1.0),
        **{f"breath_{i}": (0.0, 9.0) for i in range(1, N_FORMANTS + 1)},
        "roughness": (0.0, 5.0),
        "flutter": (0.0, 6.0),
        "consonants_noise": (60.0, 140.0),
        "consonants_voiced": (60.0, 140.0),
        "source": (0.0, 7.0),
        # timbre: dB per octave above 500 Hz; dB of mel-spaced bands
        "tilt_db": (-3.0, 2.0),
        **{f"band_{i}_db": (-7.0, 7.0) for i in range(1, N_BANDS + 1)},
    }
)
"""Ranges of a voice, uniform in [low, high]."""

NUISANCE: Final = MappingProxyType(
    {
        "rate_factor": (0.93, 1.07),
        "pitch_shift": (46.0, 54.0),  # of eSpeak's 0..99; 50 is as the voice says
        "pitch_range": (40.0, 60.0),
        "lead_s": (0.05, 0.3),
        "tail_s": (0.05, 0.3),
        "room_rt60_s": (0.08, 0.35),
        "room_level": (0.01, 0.05),
        "snr_db": (20.0, 40.0),
        "peak": (0.4, 0.9),
    }
)
"""Ranges of an utterance, uniform in [low, high]."""


def draw_voice(seed: int, speaker: int) -> Params:
    """The numbers of a voice: all of ``BY_SEX`` and ``IDENTITY``."""
    by_sex = {name: ranges[_sex(speaker)] for name, ranges in BY_SEX.items()}
    return {name: _draw(r, seed, "voice", speaker, name) for name, r in {**by_sex, **IDENTITY}.items()}


def draw_utterance(seed: int, speaker: int, utterance: int) -> Params:
    """The numbers of one utterance: all of ``NUISANCE``."""
    return {name: _draw(r, seed, "utterance", speaker, utterance, name) for name, r in NUISANCE.items()}


def attributes(speaker: int) -> dict[str, str]:
    """``sex`` and ``accent``, the ground truth of a speaker: which ranges and which voice file made the voice.

    They claim nothing about real people. 16 speakers in a row hold every combination once.

    >>> attributes(1)
    {'sex': 'male', 'accent': 'en-US'}
    """
    return {"sex": SEXES[_sex(speaker)], "accent": tuple(ACCENTS)[speaker // 2 % len(ACCENTS)]}


def _sex(speaker: int) -> int:
    return speaker % 2


def _draw(bounds: tuple[float, float], seed: int, *path: str | int) -> float:
    low, high = bounds
    return low + (high - low) * float(generator(seed, *path).random())
