"""WORLD: a voice as pitch, spectral envelope and aperiodicity, and back.

References:
    M. Morise, F. Yokomori, K. Ozawa, WORLD: a vocoder-based high-quality speech synthesis system for real-time
    applications, IEICE Transactions E99-D(7), 2016.
"""

from __future__ import annotations

from typing import NamedTuple

from visavox.media.pitch import FRAME_S, RATE_HZ, pitch, vocoder

from .sound_editor import Floats

__all__ = ["FRAME_S", "RATE_HZ", "Voice", "analysed", "spoken", "vocoder"]


class Voice(NamedTuple):
    """What WORLD takes a sound of ``RATE_HZ`` apart into, every ``FRAME_S``.

    Attributes:
        f0: Hz, shape (n,); 0 where nothing is voiced.
        envelope: power, shape (n, bins), above 0.
        aperiodicity: share of noise in [0, 1], shape (n, bins).
    """

    f0: Floats
    envelope: Floats
    aperiodicity: Floats


def analysed(samples: Floats) -> Voice:
    """The parts of a sound: pitch by `visavox.media.pitch`, envelope by CheapTrick, aperiodicity by D4C.

    Raises:
        MissingDependencyError: if pyworld is not installed.
    """
    f0, times = pitch(samples)
    envelope = vocoder().cheaptrick(samples, f0, times, RATE_HZ)
    return Voice(f0, envelope, vocoder().d4c(samples, f0, times, RATE_HZ))


def spoken(voice: Voice) -> Floats:
    """The sound of the parts, shape (n_frames * 80,)."""
    samples: Floats = vocoder().synthesize(*voice, RATE_HZ, 1000.0 * FRAME_S)
    return samples
