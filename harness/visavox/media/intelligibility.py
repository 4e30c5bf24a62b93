"""STOI and PESQ of an edited voice against its input, by the packages that the field uses.

References: Taal et al., IEEE TASLP 19 (2011) 2125-2136 (STOI, pystoi); ITU-T P.862 and P.862.2 (PESQ, pesq).
"""

from __future__ import annotations

import importlib
import threading
import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from visavox.core.errors import MissingDependencyError, UndefinedMetricError

from .audio import Audio, resampled

PESQ_RATE_HZ: Final = 16_000
_WARNINGS = threading.Lock()
"""What becomes of a warning is the whole process's: one thread changes it at a time."""


def stoi(original: Audio, edited: Audio) -> float:
    """Short-time objective intelligibility, about 0 to 1; 1 = as intelligible as the original.

    Args:
        original, edited: sound of one rate and length, sample-aligned.

    Raises:
        UndefinedMetricError: different rates or lengths, or less than about half a second of sound.
        MissingDependencyError: pystoi is not installed.
    """
    first, second = _aligned(original, edited, "STOI")
    pystoi = _package("pystoi", "STOI", "pip install 'visavox[voices]'")
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(first, second, original.sample_rate_hz))
        except (RuntimeWarning, ValueError) as error:
            raise UndefinedMetricError(
                "STOI was asked for", found="too little sound that is not silent", todo="give half a second or more"
            ) from error


def pesq_wideband(original: Audio, edited: Audio) -> float:
    """PESQ (P.862.2, wide band) as MOS-LQO, about 1 to 4.64; both are resampled to 16 kHz.

    Args:
        original, edited: sound of one rate and length, sample-aligned.

    Raises:
        UndefinedMetricError: different rates or lengths, or no utterance found in them.
        MissingDependencyError: pesq, which compiles, is not installed.
    """
    _aligned(original, edited, "PESQ")
    pesq = _package("pesq", "PESQ", "pip install 'visavox[pesq]' (needs a C compiler)")
    first, second = (resampled(sound, PESQ_RATE_HZ).samples for sound in (original, edited))
    try:
        with np.errstate(invalid="ignore"):  # it divides silence by its peak before it says that nobody speaks
            return float(pesq.pesq(PESQ_RATE_HZ, first, second, "wb"))
    except pesq.PesqError as error:
        found = error.args[0] if error.args else ""
        found = found.decode() if isinstance(found, bytes) else str(found)
        raise UndefinedMetricError("PESQ was asked for", found=found) from error


def _package(name: str, asked: str, todo: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(f"{asked} was asked for", found=str(error), todo=todo) from error


def _aligned(original: Audio, edited: Audio, asked: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    sizes = [(len(sound.samples), sound.sample_rate_hz) for sound in (original, edited)]
    if sizes[0] != sizes[1]:
        raise UndefinedMetricError(
            f"{asked} was asked for",
            found=f"{sizes[0][0]} samples at {sizes[0][1]} Hz against {sizes[1][0]} at {sizes[1][1]} Hz",
            todo="an edit that changes time has no such figure",
        )
    return original.samples.astype(np.float64), edited.samples.astype(np.float64)
