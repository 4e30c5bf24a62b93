"""What a file's format leaves in a medium and an edit of its face or voice need not: size, bandwidth, codec, steps.

These cues are measured after the common path (`visavox.media.common_path`), for a detector sees media after it alone.
If they tell bona fide from edited media, a detector may have read them instead of the edit, and its rates say nothing
of the editor. Of pictures the border zone counts, outside the middle in which the face lies, so that an edit of the
face alone leaves them as they are. Of sounds no cue asks what is said, by whom, or how it sounds below 3.4 kHz.

References:
    Fan, de Queiroz, Identification of bitmap compression history, IEEE TIP 12 (2003): blocking and zero coefficients;
    Popescu, Farid, Statistical tools for digital forensics, IH 2004: periodic histograms after two quantisations;
    D'Alessandro, Shi, MP3 bit rate quality detection through frequency spectrum analysis, MM&Sec 2009 (codec edges).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from visavox.core.acquisition import FailureToAcquire
from visavox.core.terms import Modality

from .audio import Audio, check_audio, is_silent
from .common_path import LEVEL_DB, NOISE_DB, STEPS
from .image import Image, check_image

Floats = npt.NDArray[np.float64]

LEAST_SIDE_PX: Final = 64
LEAST_S: Final = 0.5
BORDER: Final = 8
"""The border zone is an eighth of the width on either side."""
PERIODS: Final = tuple(range(3, 17))
"""Steps of a quantisation that is looked for, in units of the path's finest."""
_BLOCK: Final = 8
_DIAGONALS: Final = ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 14))  # of luma: sums of both frequencies' numbers
_CHROMA_DIAGONALS: Final = ((1, 4), (5, 8), (9, 14))
_NOTHING: Final = 0.51  # half a step, and a little more: exact halves occur
_COARSE: Final = 4  # up to this diagonal a coefficient is large enough to show a period
_LUMA: Final = np.array([0.299, 0.587, 0.114])
_CHROMA: Final = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_FRAME: Final = 512
_HIGH_HZ: Final = 3_400
_STEEP_DB: Final = 12.0

CUES: Final[Mapping[Modality, tuple[str, ...]]] = {
    Modality.FACE: (
        "height",
        "width",
        *(f"luma zeros {low}-{high}" for low, high in _DIAGONALS),
        *(f"chroma zeros {low}-{high}" for low, high in _CHROMA_DIAGONALS),
        *(f"luma steps of {period}" for period in PERIODS),
        *(f"block edges at {phase}" for phase in range(_BLOCK)),
    ),
    Modality.VOICE: (
        "spectral edge",
        "steepest fall above 3.4 kHz",
        "digital silence",
        "steps of samples",
    ),
}
"""What each number is, in order."""


def format_cues(media: Image | Audio, modality: Modality) -> Floats | FailureToAcquire:
    """Format cues of a medium that took the common path, float64, in the order of ``CUES``; finite.

    An image under 64 px, and a sound that is silent or under half a second, have none.

    Raises:
        MediaError: it is no usable image or sound.
    """
    if modality is Modality.FACE:
        image = check_image(media)
        height, width = image.shape[:2]
        if min(height, width) < LEAST_SIDE_PX:
            return FailureToAcquire(f"{width} x {height} px, under {LEAST_SIDE_PX}")
        return _image_cues(image)
    audio = check_audio(media)
    if is_silent(audio):
        return FailureToAcquire("the sound is silent")
    if audio.duration_s < LEAST_S:
        return FailureToAcquire(f"{audio.duration_s:.2f} s, under {LEAST_S:g} s")
    return _sound_cues(audio)


# ---------------------------------------------------------------- images
def _image_cues(image: Image) -> Floats:
    height, width = image.shape[:2]
    values = image.astype(np.float64)
    luma = np.rint(values @ _LUMA)
    chroma = values @ _CHROMA.T
    zone = _zone(height, width)
    outside = _outside(zone)
    transforms = _transforms(luma)[outside]
    colours = np.concatenate([_transforms(chroma[..., k])[outside] for k in range(2)])
    return np.concatenate(
        [
            np.log([height, width]),
            _zero_shares(transforms, _DIAGONALS),
            _zero_shares(colours, _CHROMA_DIAGONALS),
            _periods(transforms),
            _block_edges(luma, zone),
        ]
    )


def _zone(height: int, width: int) -> npt.NDArray[np.bool_]:
    """Whether each pixel lies in the border zone: a face that is close reaches the upper and lower edge."""
    inside = np.zeros((height, width), bool)
    inside[:, width // BORDER : width - width // BORDER] = True
    return ~inside


def _outside(zone: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether each whole block of the grid that begins at the corner lies in the zone."""
    rows, columns = zone.shape[0] // _BLOCK, zone.shape[1] // _BLOCK
    blocks = zone[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return np.asarray(blocks.all(axis=(1, 3)))


def _transforms(plane: Floats) -> Floats:
    """Cosine transforms of the blocks, shape (rows, columns, 8, 8), as JPEG scales them."""
    rows, columns = plane.shape[0] // _BLOCK, plane.shape[1] // _BLOCK
    blocks = plane[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2)
    order, place = np.arange(_BLOCK)[:, None], np.arange(_BLOCK)[None, :]
    cosines = 0.5 * np.cos(np.pi * order * (place + 0.5) / _BLOCK)
    cosines[0] /= np.sqrt(2.0)
    return np.asarray(cosines @ blocks @ cosines.T, np.float64)


def _diagonal() -> npt.NDArray[np.int64]:
    return np.add.outer(np.arange(_BLOCK), np.arange(_BLOCK))


def _zero_shares(transforms: Floats, diagonals: tuple[tuple[int, int], ...]) -> Floats:
    """Share of coefficients of each group of frequencies that are nothing, to the nearest whole number."""
    is_zero = np.abs(transforms) < _NOTHING
    number = _diagonal()
    return np.array([is_zero[:, (number >= low) & (number <= high)].mean() for low, high in diagonals])


def _periods(transforms: Floats) -> Floats:
    """Mean cosine of each period over the coarse coefficients that exceed half of it: 1 where all are its multiples."""
    number = _diagonal()
    coarse = np.abs(transforms[:, (number >= 1) & (number <= _COARSE)]).ravel()
    found = []
    for period in PERIODS:
        large = coarse[coarse > period / 2]
        found.append(float(np.cos(2 * np.pi * large / period).mean()) if large.size else 0.0)
    return np.array(found)


def _block_edges(luma: Floats, zone: npt.NDArray[np.bool_]) -> Floats:
    """Logarithm of the mean step between neighbours at each place of the grid, over that of all places."""
    sums, counts = np.zeros(_BLOCK), np.zeros(_BLOCK)
    for plane, inside in ((luma, zone), (luma.T, zone.T)):
        steps, counted = np.abs(np.diff(plane, axis=1)), inside[:, 1:] & inside[:, :-1]
        phase = np.broadcast_to(np.arange(1, plane.shape[1]) % _BLOCK, steps.shape)[counted]
        sums += np.bincount(phase, steps[counted], minlength=_BLOCK)
        counts += np.bincount(phase, minlength=_BLOCK)
    means = sums / counts + 1e-3
    return np.asarray(np.log(means / means.mean()), np.float64)


# ---------------------------------------------------------------- sounds
def _sound_cues(audio: Audio) -> Floats:
    samples, rate = audio.samples.astype(np.float64), audio.sample_rate_hz
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[:: _FRAME // 2]
    window = np.hanning(_FRAME)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    floor = float(window @ window) * _path_noise()
    above = np.maximum(power.mean(axis=0) / floor, 0.1)
    silent = (power.mean(axis=1) < 2.0 * floor).mean()
    return np.array([*_edge(10.0 * np.log10(above), np.fft.rfftfreq(_FRAME, 1 / rate)), silent, _gaps(samples)])


def _path_noise() -> float:
    """Mean square of what the common path adds to any sound: its noise, and rounding to 16 bits."""
    return float(10.0 ** ((LEVEL_DB + NOISE_DB) / 10) + 1.0 / (12.0 * STEPS**2))


def _edge(level_db: Floats, hertz: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Where the long-term spectrum breaks off, as a share of half the rate, and the steepest fall over 250 Hz in dB.

    A fall below ``_STEEP_DB`` is none: a voice, or a room, that is soft up there falls gently.
    """
    smooth = np.convolve(level_db, np.ones(3) / 3, mode="valid")
    fall = smooth[:-8] - smooth[8:]
    fall[hertz[1 : len(fall) + 1] < _HIGH_HZ] = 0.0
    place = int(fall.argmax())
    if fall[place] < _STEEP_DB:
        return 1.0, 0.0
    return float(hertz[place + 5] / hertz[-1]), float(fall[place])


def _gaps(samples: Floats) -> float:
    """Share of the whole numbers of 16 bits near zero that no sample has: steps of a coarser quantisation."""
    values = np.rint(samples * STEPS).astype(np.int64)
    reach = max(int(values.std() / 4), 1)
    return 1.0 - len(np.unique(values[np.abs(values) <= reach])) / (2 * reach + 1)
