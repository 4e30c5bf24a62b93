"""Operations on waveforms: noise, bands, rates, steps, rooms, speed and pitch.

A result has its input's sample rate, and its length except after ``time_stretch``. Samples are cut off at full scale,
as in any file of integers. What depends on the level (noise, quantisation) is relative to the recording's own.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from visavox.core.errors import MissingDependencyError
from visavox.media.audio import Audio, resampled

Random = np.random.Generator
Floats = npt.NDArray[np.float64]

FILTER_ORDER: Final = 8
"""Of Butterworth's response, taken without its phase: -3 dB at the cut, 48 dB an octave beyond."""
LOST_FRAME_S: Final = 0.02
"""Speech in one packet of RTP (RFC 3551, section 4.2)."""
_PADDING_S: Final = 0.5
_DECAY: Final = math.log(1e3)  # 60 dB, as amplitude


def noise(audio: Audio, snr_db: float, random: Random) -> Audio:
    """White Gaussian noise at a ratio of mean powers, recording to noise. One seed gives one noise, scaled."""
    samples = audio.samples.astype(np.float64)
    drawn = random.standard_normal(len(samples))
    level = math.sqrt(float(samples @ samples) / float(drawn @ drawn)) * 10.0 ** (-snr_db / 20)
    return _sound(samples + level * drawn, audio)


def low_pass(audio: Audio, cut_hz: float, random: Random) -> Audio:
    """What lies below a frequency; nothing changes where the recording has nothing above it."""
    return _filtered(audio, 0.0, cut_hz)


def band_pass(audio: Audio, high_hz: float, random: Random, *, low_hz: float = 300.0) -> Audio:
    """What lies between two frequencies."""
    return _filtered(audio, low_hz, high_hz)


def resample(audio: Audio, rate_hz: float, random: Random) -> Audio:
    """Another sample rate and back; as it is where its own rate is no higher."""
    if rate_hz >= audio.sample_rate_hz:
        return audio
    back = resampled(resampled(audio, int(rate_hz)), audio.sample_rate_hz)
    return _sound(of_length(back.samples, len(audio.samples)), audio)


def quantise(audio: Audio, bits: float, random: Random) -> Audio:
    """Steps of 2^(1 - bits) of the recording's peak, zero among them; silence stays."""
    peak = float(np.abs(audio.samples).max())
    step = peak * 2.0 ** (1 - bits)
    return _sound(np.rint(audio.samples / step) * step, audio) if step > 0.0 else audio


def reverb(audio: Audio, rt60_s: float, random: Random, *, volume_m3: float = 60.0, distance_m: float = 1.0) -> Audio:
    """A room of a reverberation time: the direct sound, and Polack's decaying noise at the level a diffuse field has.

    The level has the direct sound as loud as the rest at the critical distance 0.057 sqrt(volume / RT60). One seed
    gives one noise, which decays faster or slower. The recording keeps its mean power.

    References:
        J. D. Polack, La transmission de l'énergie sonore dans les salles, thesis, Le Mans 1988;
        H. Kuttruff, Room Acoustics, 6th ed. (2016), section 5.5 (critical distance).
    """
    samples = audio.samples.astype(np.float64)
    time_s = np.arange(1, max(round(rt60_s * audio.sample_rate_hz), 1) + 1) / audio.sample_rate_hz
    drawn = random.standard_normal(max(len(time_s), 4 * audio.sample_rate_hz))[: len(time_s)]
    tail = drawn * np.exp(-_DECAY * time_s / rt60_s)
    to_direct = distance_m / (0.057 * math.sqrt(volume_m3 / rt60_s))
    response = np.concatenate([[1.0], tail * (to_direct / math.sqrt(float(tail @ tail)))])
    length = 1 << (len(samples) + len(response) - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, length) * np.fft.rfft(response, length), length)[: len(samples)]
    power = float(wet @ wet)
    return _sound(wet * math.sqrt(float(samples @ samples) / power) if power > 0.0 else samples, audio)


def gain(audio: Audio, gain_db: float, random: Random) -> Audio:
    """Louder or softer; what exceeds full scale is cut off."""
    return _sound(audio.samples * 10.0 ** (gain_db / 20), audio)


def time_stretch(audio: Audio, rate: float, random: Random) -> Audio:
    """Faster (rate above 1) or slower at the same pitch, by FFmpeg's ``atempo`` (WSOLA); .5 to 2.

    Raises:
        MissingDependencyError: PyAV is not installed.
    """
    return _sound(of_length(_tempo(audio, rate), max(round(len(audio.samples) / rate), 1)), audio)


def pitch(audio: Audio, semitones: float, random: Random) -> Audio:
    """Pitch and formants moved together, at the same speed: resampled, then stretched back; -12 to 12.

    Raises:
        MissingDependencyError: PyAV is not installed.
    """
    rate = audio.sample_rate_hz
    moved_rate = round(rate * 2.0 ** (-semitones / 12))
    moved = Audio(resampled(audio, moved_rate).samples, rate)
    return _sound(of_length(_tempo(moved, moved_rate / rate), len(audio.samples)), audio)


def packet_loss(audio: Audio, share: float, random: Random) -> Audio:
    """Silence in place of a share of the frames of 20 ms, each lost by itself. One seed loses the same ones first."""
    size = round(LOST_FRAME_S * audio.sample_rate_hz)
    lost = random.random(-(-len(audio.samples) // size)) < share
    return _sound(np.where(np.repeat(lost, size)[: len(audio.samples)], 0.0, audio.samples), audio)


def of_length(samples: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """The samples cut off, or filled up with zeros, at a length."""
    return np.pad(samples[:length], (0, max(length - len(samples), 0)))


def _sound(samples: npt.NDArray[Any], audio: Audio) -> Audio:
    return Audio(np.clip(samples, -1.0, 1.0).astype(np.float32), audio.sample_rate_hz)


def _filtered(audio: Audio, low_hz: float, high_hz: float) -> Audio:
    """Butterworth's response without phase, in the spectrum of the recording with silence behind it."""
    rate, n = audio.sample_rate_hz, len(audio.samples)
    if low_hz == 0.0 and high_hz >= rate / 2:
        return audio
    length = 1 << (n + round(_PADDING_S * rate) - 1).bit_length()
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    response = 1.0 / np.sqrt(1.0 + (frequencies / high_hz) ** (2 * FILTER_ORDER))
    if low_hz > 0.0:
        below = np.divide(low_hz, frequencies, out=np.full_like(frequencies, np.inf), where=frequencies > 0)
        response /= np.sqrt(1.0 + np.minimum(below, 1e3) ** (2 * FILTER_ORDER))
    spectrum = np.fft.rfft(audio.samples.astype(np.float64), length)
    return _sound(np.fft.irfft(spectrum * response, length)[:n], audio)


def _tempo(audio: Audio, rate: float) -> npt.NDArray[np.float32]:
    try:
        import av
        from av.filter import Graph
    except ImportError as error:
        raise MissingDependencyError(
            "change the speed of a sound", found=str(error), todo="pip install 'visavox[voices]'"
        ) from error
    graph: Any = Graph()
    source = graph.add_abuffer(format="fltp", sample_rate=audio.sample_rate_hz, layout="mono")
    tempo, sink = graph.add("atempo", f"{rate:.9f}"), graph.add("abuffersink")
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    frame: Any = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio.samples)[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = audio.sample_rate_hz, 0
    source.push(frame)
    source.push(None)
    parts = []
    while True:
        try:
            parts.append(sink.pull().to_ndarray()[0])
        except (av.error.EOFError, av.error.BlockingIOError):
            break
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
