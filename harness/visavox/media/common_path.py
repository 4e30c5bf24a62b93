"""The one way that bona fide and edited media take before any perturbation or detector sees them.

Data sets differ in what has nothing to do with an edit: one class comes as PNG and large, the other as JPEG and small;
one was recorded softly at 44.1 kHz, the other written by a vocoder at 16. A detector that reads this off is right for
the wrong reason, and useless on media that others decode and encode once more, as every platform does. So every medium
is decoded, brought to one size or rate and one level, encoded once by one codec, and decoded again. What a codec did
*before* can still show through; how much does is measured, not assumed (`visavox.media.format_cues`).
"""

from __future__ import annotations

import io
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from visavox.core.digest import sha256_bytes
from visavox.core.seeding import generator
from visavox.core.terms import Modality

from .audio import Audio, check_audio, is_silent, resampled
from .image import Image, check_image, decode_image
from .speech import speech_only, speech_segments

SHORTER_SIDE_PX: Final = 256
"""The usual input of published detectors; smaller pictures are left, for enlarging adds a trace of its own."""
JPEG_QUALITY: Final = 95
RATE_HZ: Final = 16_000
LEVEL_DB: Final = -26.0
"""Of speech, as mean power re full scale: the nominal level of ITU-T P.56 and G.191 for test material."""
NOISE_DB: Final = -60.0
"""Of white noise re the speech level: it hides the steps of a file that was recorded softly, and digital silence."""
LARGEST_PEAK: Final = 0.999
STEPS: Final = 1 << 15

M = TypeVar("M", bound="Image | Audio")


def common_path(media: M, modality: Modality) -> M:
    """The medium after the common path, as a new one of the same kind; the same medium always gives the same.

    Images are scaled down (bicubic, antialiased; never up) until their shorter side has 256 pixels at most, and go
    through JPEG at quality 95 without chroma subsampling, so that nothing more is lost of colour than was. Sounds are
    brought to 16 kHz, freed of a constant offset, brought to a speech level of -26 dB re full scale (softer where a
    peak would be cut off; without speech the whole is), and rounded to 16 bits, after white noise 60 dB below that
    level was added, which the samples themselves seed. What is silent stays so.

    Args:
        media: an image or a sound, as ``modality`` says; it is not changed.

    Raises:
        MediaError: it is no usable image or sound.
        MissingDependencyError: a sound has another rate, and soxr is not installed.

    >>> common_path(np.zeros((300, 600, 3), np.uint8), Modality.FACE).shape
    (256, 512, 3)
    """
    if modality is Modality.FACE:
        return _image(check_image(media))  # type: ignore[return-value]
    return _sound(check_audio(media))  # type: ignore[return-value]


def _image(image: Image) -> Image:
    height, width = image.shape[:2]
    picture = PillowImage.fromarray(np.ascontiguousarray(image))
    share = SHORTER_SIDE_PX / min(height, width)
    if share < 1:
        size = (max(round(width * share), SHORTER_SIDE_PX), max(round(height * share), SHORTER_SIDE_PX))
        picture = picture.resize(size, PillowImage.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    return decode_image(buffer.getvalue())


def _sound(audio: Audio) -> Audio:
    samples = resampled(audio, RATE_HZ).samples.astype(np.float64)
    if not is_silent(audio):
        samples -= samples.mean()
        samples *= LARGEST_PEAK / np.abs(samples).max()  # first of all, so that speech is found alike at any level
        samples *= min(10.0 ** (LEVEL_DB / 20) / _speech_level(samples), 1.0)
        drawn = generator(0, "common_path", sha256_bytes(samples.tobytes())).standard_normal(len(samples))
        samples += drawn * 10.0 ** ((LEVEL_DB + NOISE_DB) / 20)
    steps = np.clip(np.rint(samples * STEPS), -STEPS, STEPS - 1)
    return Audio((steps / STEPS).astype(np.float32), RATE_HZ)


def _speech_level(samples: npt.NDArray[np.float64]) -> float:
    """Root mean square of the speech, or of the whole where there is none."""
    audio = Audio(samples.astype(np.float32), RATE_HZ)
    segments = speech_segments(audio)
    return float((speech_only(audio, segments) if segments else audio).samples.astype(np.float64).std())
