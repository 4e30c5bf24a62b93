"""Figures of utility: what an edit leaves of the media, by name, modality, range and which way is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from .terms import Modality


class UtilityFigure(StrEnum):
    """A figure of one output against its own unedited input (METRICS 2.5)."""

    PSNR_DB = "psnr_db"
    SSIM = "ssim"
    LANDMARK_ERROR = "landmark_error"
    STOI = "stoi"
    SI_SDR_DB = "si_sdr_db"
    F0_CORRELATION = "f0_correlation"
    DURATION_RATIO = "duration_ratio"
    PESQ = "pesq"
    WORD_ERROR_RATE = "word_error_rate"


class FigureFacts(NamedTuple):
    """What is known of a figure beforehand.

    Attributes:
        modality: whose media it compares.
        lowest, highest: its range.
        best: the value of an output that equals its input.
        is_error: lower is better.
    """

    modality: Modality
    lowest: float
    highest: float
    best: float
    is_error: bool = False


FIGURES: Final[Mapping[UtilityFigure, FigureFacts]] = {
    UtilityFigure.PSNR_DB: FigureFacts(Modality.FACE, 0.0, math.inf, math.inf),
    UtilityFigure.SSIM: FigureFacts(Modality.FACE, -1.0, 1.0, 1.0),
    UtilityFigure.LANDMARK_ERROR: FigureFacts(Modality.FACE, 0.0, math.inf, 0.0, is_error=True),
    UtilityFigure.STOI: FigureFacts(Modality.VOICE, -1.0, 1.0, 1.0),
    UtilityFigure.SI_SDR_DB: FigureFacts(Modality.VOICE, -math.inf, math.inf, math.inf),
    UtilityFigure.F0_CORRELATION: FigureFacts(Modality.VOICE, -1.0, 1.0, 1.0),
    UtilityFigure.DURATION_RATIO: FigureFacts(Modality.VOICE, 0.0, math.inf, 1.0),
    UtilityFigure.PESQ: FigureFacts(Modality.VOICE, 0.0, 5.0, 4.643888),
    UtilityFigure.WORD_ERROR_RATE: FigureFacts(Modality.VOICE, 0.0, math.inf, 0.0, is_error=True),
}


def figures_of(modality: Modality) -> tuple[UtilityFigure, ...]:
    """The figures of one modality, in a fixed order."""
    return tuple(figure for figure, facts in FIGURES.items() if facts.modality is modality)


def is_kept(figure: UtilityFigure, value: float, floor: float) -> bool:
    """Whether a value keeps a floor; of an error the floor is the most that is allowed. NaN keeps none.

    >>> is_kept(UtilityFigure.SSIM, 0.7, 0.5), is_kept(UtilityFigure.LANDMARK_ERROR, 0.7, 0.5)
    (True, False)
    """
    return value <= floor if FIGURES[figure].is_error else value >= floor
