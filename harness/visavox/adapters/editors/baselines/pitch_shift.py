"""Baseline ``pitch_shift``: librosa's phase vocoder and resampling, which raise or lower pitch and formants together.

The least that a user would call a disguise: whoever shifts back has the voice again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from pydantic import Field

from visavox.adapters.recognisers.sources import import_package
from visavox.core.records import Record
from visavox.ports.editor import Audio

from .parameters import checked
from .sound_editor import SoundEditor, within_full_scale

FRAME: Final = 2048


class PitchShiftParameters(Record):
    """``semitones``: up where positive, down where negative, -24 to 24."""

    semitones: Annotated[float, Field(ge=-24, le=24)] = 4.0


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> SoundEditor:
    """Loads the baseline.

    Raises:
        ConfigError: if a parameter is unknown or out of range.
        MissingDependencyError: if librosa is not installed.
    """
    semitones = checked("pitch_shift", PitchShiftParameters, params).semitones
    import_package("librosa", extra="voices")
    return SoundEditor(lambda audio, _: shifted(audio, semitones))


def shifted(audio: Audio, semitones: float) -> Audio:
    """The sound with every frequency times 2 ** (semitones / 12), in its length; scaled down if over full scale.

    References:
        librosa.effects.pitch_shift, with its frame of 2048 samples; J. Laroche, M. Dolson, New phase-vocoder
        techniques for pitch-shifting, harmonizing and other exotic effects, WASPAA 1999.
    """
    librosa = import_package("librosa", extra="voices")
    length = len(audio.samples)
    padded = np.pad(audio.samples, (0, max(FRAME - length, 0)))  # librosa warns of sounds below one frame
    samples = librosa.effects.pitch_shift(padded, sr=audio.sample_rate_hz, n_steps=semitones, n_fft=FRAME)
    return Audio(within_full_scale(samples[:length]), audio.sample_rate_hz)
