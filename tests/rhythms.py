"""The rhythm short-long short-short, and sounds put together of it, voices and noise."""

from __future__ import annotations

import numpy as np

from visavox.media.audio import Audio

RATE = 16_000


def rhythm(lengths: tuple[float, ...], gaps: tuple[float, ...], hz: float = 800.0, level: float = 0.1) -> np.ndarray:
    """Bursts of a tone, in seconds, and the gaps between them."""
    parts = []
    for i, length in enumerate(lengths):
        t = np.arange(round(length * RATE)) / RATE
        ramp = np.minimum(1, np.minimum(t, t[::-1]) / 0.005)
        parts += [level * ramp * np.sin(2 * np.pi * hz * t)]
        parts += [np.zeros(round(gaps[i] * RATE))] if i < len(gaps) else []
    return np.concatenate(parts)


def ai(unit: float, *, ratio: float = 3.0, letter: float = 1.0, **more: float) -> np.ndarray:
    return rhythm((unit, ratio * unit, unit, unit), (unit, letter * unit, unit), **more)


def sound(*parts: np.ndarray, noise: float = 1e-3) -> Audio:
    samples = np.concatenate(parts)
    return Audio((samples + np.random.default_rng(1).normal(0, noise, samples.size)).astype(np.float32), RATE)
