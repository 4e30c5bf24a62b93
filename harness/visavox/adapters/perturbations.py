"""The shipped operations of the door ``perturbation``: what each strength counts, and at which one nothing happens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from visavox.core.terms import Modality
from visavox.ports.perturbation import Operation, Perturb, operations

_INFINITE: Final = math.inf
_IMAGES: Final[Mapping[str, tuple[str, str, str, float]]] = {
    # name: (module.function, summary, what the strength counts, neutral strength)
    "jpeg": ("image_codecs.jpeg", "JPEG, 4:2:0", "libjpeg quality", 100.0),
    "webp": ("image_codecs.webp", "WebP, lossy", "libwebp quality", 100.0),
    "h264": ("image_codecs.h264", "one intra frame of H.264 (x264)", "constant rate factor", 0.0),
    "resize": ("pixels.resize", "smaller, bicubic", "share of each side", 1.0),
    "fit_within": ("pixels.fit_within", "smaller where it is larger", "px of the longer side", _INFINITE),
    "downsample": ("pixels.downsample", "smaller and back, bilinear", "divisor of each side", 1.0),
    "crop": ("pixels.crop", "the middle alone", "share of each side", 1.0),
    "rotate": ("pixels.rotate", "turned about the centre", "degrees", 0.0),
    "brightness": ("pixels.brightness", "values times a factor", "factor", 1.0),
    "contrast": ("pixels.contrast", "distances from the mean times a factor", "factor", 1.0),
    "saturation": ("pixels.saturation", "chroma times a factor", "factor", 1.0),
    "blur": ("pixels.blur", "Gaussian blur", "sigma in px", 0.0),
    "kernel_blur": ("pixels.kernel_blur", "Gaussian blur, sigma a sixth of the kernel", "px of the kernel", 1.0),
    "image_noise": ("pixels.noise", "white noise on R, G, B", "sigma as a share of full scale", 0.0),
    "chroma_noise": ("pixels.chroma_noise", "white noise on Y, Cb, Cr", "variance, full scale 1", 0.0),
    "blocks": ("pixels.blocks", "grey blocks of 8 px", "blocks per 256 px", 0.0),
}
_SOUNDS: Final[Mapping[str, tuple[str, str, str, float]]] = {
    "noise": ("waveforms.noise", "white noise", "dB of signal to noise", _INFINITE),
    "low_pass": ("waveforms.low_pass", "what lies below", "Hz", _INFINITE),
    "band_pass": ("waveforms.band_pass", "what lies between low_hz (300) and this", "Hz", _INFINITE),
    "resample": ("waveforms.resample", "another rate and back", "Hz", _INFINITE),
    "quantise": ("waveforms.quantise", "steps of the peak", "bits", _INFINITE),
    "reverb": ("waveforms.reverb", "a room: volume_m3, distance_m", "RT60 in s", 0.0),
    "gain": ("waveforms.gain", "louder or softer, cut off at full scale", "dB", 0.0),
    "time_stretch": ("waveforms.time_stretch", "faster or slower at one pitch", "rate", 1.0),
    "pitch": ("waveforms.pitch", "pitch and formants together", "semitones", 0.0),
    "packet_loss": ("waveforms.packet_loss", "frames of 20 ms silenced", "share of frames", 0.0),
    "mp3": ("sound_codecs.mp3", "MP3 (LAME)", "kbit/s", _INFINITE),
    "opus": ("sound_codecs.opus", "Opus (libopus)", "kbit/s", _INFINITE),
    "aac": ("sound_codecs.aac", "AAC-LC (FFmpeg)", "kbit/s", _INFINITE),
    "g722": ("sound_codecs.g722", "G.722", "kbit/s: 64", _INFINITE),
    "mu_law": ("sound_codecs.mu_law", "8 bits of mu-law at a rate, and back", "Hz", _INFINITE),
}

_MOVING: Final = frozenset({"crop", "rotate", "time_stretch", "pitch"})
"""Operations after which nothing stands, or sounds, where it did."""
_PARAMS: Final[Mapping[str, tuple[str, ...]]] = {"band_pass": ("low_hz",), "reverb": ("volume_m3", "distance_m")}


def register() -> None:
    """Registers the operations, each imported when it is first applied."""
    for modality, table in ((Modality.FACE, _IMAGES), (Modality.VOICE, _SOUNDS)):
        for name, (place, summary, strength, neutral) in table.items():
            params, stays = _PARAMS.get(name, ()), name not in _MOVING
            operation = Operation(_Lazy(place), modality, strength, neutral, params, keeps_place=stays)
            operations.register(name, operation, summary=f"{summary}: {strength}")


class _Lazy:
    """A function of ``visavox.media.perturbations`` that is imported when it is called."""

    def __init__(self, place: str) -> None:
        self._module, self._function = place.split(".")

    def __call__(self, medium: Any, strength: float, random: Any, /, **params: Any) -> Any:
        function: Perturb = getattr(import_module(f"visavox.media.perturbations.{self._module}"), self._function)
        return function(medium, strength, random, **params)
