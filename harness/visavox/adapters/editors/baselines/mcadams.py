"""Baseline ``mcadams``: formants moved by a power of their angle, the VoicePrivacy challenges' baseline B2.

Each frame's linear prediction has its poles' angles phi (radians, of 16 kHz) raised to ``alpha``; the frame's
residual then drives the moved filter. Pitch, timing and words stay. With ``alpha`` below 1 formants under 2546 Hz
(1 radian) rise and those above it fall.

References:
    J. Patino, N. Tomashenko, M. Todisco, A. Nautsch, N. Evans, Speaker anonymisation using the McAdams coefficient,
    Interspeech 2021 (arXiv:2011.01130).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from visavox.core.records import Record
from visavox.core.seeding import generator
from visavox.media.audio import resampled
from visavox.ports.editor import Audio, EditRequest

from .parameters import checked
from .sound_editor import Floats, SoundEditor, of_length

RATE_HZ: Final = 16_000
"""The angles are those of this rate: other recordings are brought to it and back, and lose what lies above 8 kHz."""
ORDER: Final = 20
FRAME: Final = 320
HOP: Final = 160
_WINDOW: Final = np.sin(np.pi * np.arange(FRAME) / FRAME)  # the root of Hann's, before and behind the filter
_AT_ONCE: Final = 2048  # frames, to bound memory

Exponent = Annotated[float, Field(ge=0.1, le=2.0)]


class McAdamsParameters(Record):
    """``alpha``: the power, or [min, max] it is drawn from; ``draw``: ``fixed``, by ``speaker``, by ``utterance``."""

    alpha: Exponent | tuple[Exponent, Exponent] = 0.8
    draw: Literal["fixed", "speaker", "utterance"] = "fixed"

    @model_validator(mode="after")
    def _fits(self) -> McAdamsParameters:
        if isinstance(self.alpha, tuple) == (self.draw == "fixed"):
            raise ValueError("alpha is one number where draw is fixed, else [min, max]")
        if isinstance(self.alpha, tuple) and self.alpha[0] > self.alpha[1]:
            raise ValueError(f"alpha: {self.alpha[0]} is above {self.alpha[1]}")
        return self


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> SoundEditor:
    """Loads the baseline.

    Raises:
        ConfigError: if a parameter is unknown or out of range.
    """
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in params.items()}
    return SoundEditor(partial(_edited, checked("mcadams", McAdamsParameters, given)))


def exponent(parameters: McAdamsParameters, request: EditRequest) -> float:
    """The power of one case; where it is drawn, uniformly, a pure function of the case's seed or of its speaker.

    Raises:
        KeyError: it is drawn by speaker and nobody says who speaks.
    """
    if not isinstance(parameters.alpha, tuple):
        return parameters.alpha
    if parameters.draw == "utterance":
        return float(generator(request.seed, "mcadams").uniform(*parameters.alpha))
    if request.person is None:
        raise KeyError("the case does not say who speaks")
    return float(generator(0, "mcadams", request.person).uniform(*parameters.alpha))


def anonymised(audio: Audio, alpha: float) -> Audio:
    """The sound with its formants moved, at its own rate and length, with its own peak (full scale at most)."""
    speech = resampled(audio, RATE_HZ).samples.astype(np.float64)
    moved = resampled(Audio(overlapped(speech, alpha).astype(np.float32), RATE_HZ), audio.sample_rate_hz).samples
    samples = of_length(moved, len(audio.samples))
    peak, reached = (float(np.abs(values).max()) for values in (audio.samples, samples))
    level = np.float32(min(peak, 1.0) / reached if reached > 0.0 else 1.0)
    return Audio(np.clip(samples * level, -1.0, 1.0), audio.sample_rate_hz)


def overlapped(samples: Floats, alpha: float) -> Floats:
    """The frames of 20 ms, 10 ms apart, each with its poles moved, added up; shape (n,) as given, level as it comes."""
    count = -(-len(samples) // HOP) + 1
    padded = np.pad(samples, (HOP, (count + 1) * HOP - len(samples) - HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    moved = np.concatenate([moved_frames(some * _WINDOW, alpha) for some in np.split(frames, _cuts(count))]) * _WINDOW
    # Hops of half a frame: each sample is the sum of one frame's second half and the next one's first.
    halves = moved.reshape(count, 2, HOP)
    total: Floats = (halves[:-1, 1] + halves[1:, 0]).reshape(-1)
    return total[: len(samples)]


def moved_frames(frames: Floats, alpha: float) -> Floats:
    """Each windowed frame, shape (n, FRAME), driven through its own filter with the poles moved."""
    inverse_filters = burg(frames, ORDER)
    return recursed(convolved(frames, inverse_filters), moved_filters(inverse_filters, alpha))


def moved_filters(filters: Floats, alpha: float) -> Floats:
    """All-pole filters, shape (n, order + 1), with the angle of each complex pole raised to ``alpha``, pi at most.

    Real poles stay, and so does every pole's distance from the unit circle.
    """
    count, order = filters.shape[0], filters.shape[1] - 1
    companions = np.zeros((count, order, order))
    companions[:, 0] = -filters[:, 1:]
    companions[:, np.arange(1, order), np.arange(order - 1)] = 1.0
    poles = np.linalg.eigvals(companions).astype(np.complex128)
    angle = np.angle(poles)
    turned = np.where(poles.imag == 0.0, angle, np.sign(angle) * np.minimum(np.abs(angle) ** alpha, np.pi))
    poles = np.abs(poles) * np.exp(1j * turned)
    moved = np.zeros((count, order + 1), np.complex128)
    moved[:, 0] = 1.0
    for i in range(order):
        moved[:, 1 : i + 2] -= poles[:, i : i + 1] * moved[:, : i + 1]
    return moved.real


def burg(frames: Floats, order: int) -> Floats:
    """Linear prediction of each frame, shape (n, m), by Burg's method: (n, order + 1), led by 1; of silence 1 alone.

    References:
        J. P. Burg, Maximum entropy spectral analysis, thesis, Stanford 1975.
    """
    filters = np.zeros((frames.shape[0], order + 1))
    filters[:, 0] = 1.0
    forward, backward = frames[:, 1:], frames[:, :-1]
    for i in range(order):
        energy = (forward**2 + backward**2).sum(axis=1)
        reflection = -2.0 * (forward * backward).sum(axis=1) / np.where(energy > 0.0, energy, 1.0)
        turned = reflection[:, None]
        filters[:, 1 : i + 2] += turned * filters[:, i::-1]
        forward, backward = (forward + turned * backward)[:, 1:], (backward + turned * forward)[:, :-1]
    return filters


def convolved(frames: Floats, filters: Floats) -> Floats:
    """Each frame through its own finite filter, from rest; shape as the frames'."""
    result = np.zeros_like(frames)
    for delay in range(filters.shape[1]):
        result[:, delay:] += filters[:, delay : delay + 1] * frames[:, : frames.shape[1] - delay]
    return result


def recursed(frames: Floats, filters: Floats) -> Floats:
    """Each frame through its own all-pole filter, from rest; shape as the frames'."""
    order = filters.shape[1] - 1
    weights = np.ascontiguousarray(filters[:, :0:-1].T)
    result = np.zeros((order + frames.shape[1], frames.shape[0]))
    for i, sample in enumerate(np.ascontiguousarray(frames.T)):
        result[order + i] = sample - (weights * result[i : order + i]).sum(axis=0)
    return result[order:].T


def _edited(parameters: McAdamsParameters, audio: Audio, request: EditRequest) -> Audio:
    return anonymised(audio, exponent(parameters, request))


def _cuts(count: int) -> range:
    return range(_AT_ONCE, count, _AT_ONCE)
