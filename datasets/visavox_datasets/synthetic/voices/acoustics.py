"""From eSpeak's voice to a recording: the vocal tract's length, the timbre, a room and its noise.

Every step is a pure function of its numbers. Sounds are arrays of shape (n,), at ``RATE_HZ`` behind `scale_tract`.
"""

from __future__ import annotations

from math import gcd
from typing import Final

import numpy as np
import numpy.typing as npt

from . import espeak
from .parameters import N_BANDS, Params

RATE_HZ: Final = 16_000
_FILTER_TAPS: Final = 1024
_RATE_GRID_HZ: Final = 50  # so that the ratio of the two rates stays one of small numbers
_DECAY: Final = 6.9  # ln 1000: 60 dB within the reverberation time

Sound = npt.NDArray[np.float64]


def scale_tract(samples: Sound, factor: float) -> Sound:
    """Raises every resonance by ``factor``: played that much faster, then resampled to ``RATE_HZ``.

    Pitch and rate rise as well; whoever speaks has to speak lower and slower by the same factor.
    """
    from scipy.signal import resample_poly

    played_hz = round(espeak.RATE_HZ * factor / _RATE_GRID_HZ) * _RATE_GRID_HZ
    common = gcd(RATE_HZ, played_hz)
    scaled: Sound = resample_poly(samples, RATE_HZ // common, played_hz // common)
    return scaled


def colour_timbre(samples: Sound, voice: Params) -> Sound:
    """Filters by the speaker's spectral slope (above 500 Hz) and smooth bands, evenly spaced in mel."""
    from scipy.signal import fftconvolve

    hz = np.fft.rfftfreq(_FILTER_TAPS, 1.0 / RATE_HZ)
    mel = 2595.0 * np.log10(1.0 + hz / 700.0)
    bands = [voice[f"band_{i}_db"] for i in range(1, N_BANDS + 1)]
    gain_db = np.interp(mel, np.linspace(mel[1], mel[-1], N_BANDS), bands)
    gain_db += voice["tilt_db"] * np.log2(np.maximum(hz, 500.0) / 500.0)
    response = np.roll(np.fft.irfft(10.0 ** (gain_db / 20.0)), _FILTER_TAPS // 2) * np.hanning(_FILTER_TAPS)
    coloured: Sound = fftconvolve(samples, response, "same")
    return coloured


def record(samples: Sound, utterance: Params, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """The sound in a room of exponentially decaying echo, with soft noise before, in and after it.

    Its peak is ``peak`` of full scale; ``snr_db`` is of the speech without the noise around it.
    """
    from scipy.signal import fftconvolve

    pauses = [np.zeros(int(utterance[name] * RATE_HZ)) for name in ("lead_s", "tail_s")]
    power = (samples**2).mean()
    samples = np.concatenate([pauses[0], samples, pauses[1]])
    seconds = np.arange(int(utterance["room_rt60_s"] * RATE_HZ)) / RATE_HZ
    echo = rng.normal(size=seconds.size) * np.exp(-_DECAY * seconds / utterance["room_rt60_s"])
    echo *= utterance["room_level"]
    echo[0] = 1.0
    heard = fftconvolve(samples, echo)[: samples.size]
    noise = np.convolve(rng.normal(size=samples.size), [0.5, 0.3, 0.2], "same")
    noise *= np.sqrt(power / (noise**2).mean()) * 10.0 ** (-utterance["snr_db"] / 20.0)
    heard = heard + noise
    taken: npt.NDArray[np.float32] = (heard / np.abs(heard).max() * utterance["peak"]).astype(np.float32)
    return taken
