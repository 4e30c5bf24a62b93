"""Editors that change one recording at a time, and the level at which a changed one leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from visavox.ports.editor import Audio, EditRequest, EditResult, Failed

from .parameters import MAX_BATCH, edited_role, role_sound

Floats = npt.NDArray[np.float64]


class SoundEditor:
    """Applies one function to each subject's sound; the same request always gives the same samples.

    Args:
        change: the sound, and its request for what is drawn by the case's seed, to a sound of the same rate.
    """

    max_batch = MAX_BATCH
    concurrency = 1

    def __init__(self, change: Callable[[Audio, EditRequest], Audio]) -> None:
        self._change = change

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Each subject's sound, changed; ``Failed`` where there is none."""
        sounds = [role_sound(request, edited_role(request)) for request in requests]
        return [
            sound if isinstance(sound, Failed) else self._change(sound, request)
            for sound, request in zip(sounds, requests, strict=True)
        ]


def within_full_scale(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """The samples as float32, scaled down as a whole where one exceeds full scale: nothing is clipped.

    >>> within_full_scale(np.array([0.5, -2.0])).tolist(), within_full_scale(np.array([0.5, -0.25])).tolist()
    ([0.25, -1.0], [0.5, -0.25])
    """
    peak = float(np.abs(samples).max(initial=0.0))
    scaled: npt.NDArray[np.float32] = np.clip(samples / max(peak, 1.0), -1.0, 1.0).astype(np.float32)
    return scaled


def of_length(samples: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
    """The samples cut off, or followed by silence, to a length: a rate changed twice may lose or gain one.

    >>> of_length(np.ones(2, np.float32), 3).tolist()
    [1.0, 1.0, 0.0]
    """
    padded: npt.NDArray[np.float32] = np.pad(samples[:length], (0, max(length - len(samples), 0)))
    return padded
