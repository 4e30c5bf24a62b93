"""Decoding of honest and hostile sound files, and what is said about a sound."""

from __future__ import annotations

import io
import struct
import sys

import numpy as np
import pytest
from sound_files import RATE_HZ, by_ffmpeg, by_libsndfile, words

from visavox.core.errors import MediaError, MissingDependencyError, UndefinedMetricError
from visavox.media import audio as module
from visavox.media.audio import (
    Audio,
    check_audio,
    clipped_share,
    decode_audio,
    encode_flac,
    encode_wav,
    is_silent,
    resampled,
)
from visavox.media.speech import speech_only, speech_seconds, speech_segments
from visavox.ports import editor

WORDS = words()
NOISE = np.random.default_rng(5).uniform(-1.0, 1.0, 4000).astype(np.float32)


def sound(samples: object, rate_hz: int = RATE_HZ) -> Audio:
    return Audio(np.asarray(samples, np.float32), rate_hz)


def test_the_door_and_the_decoder_share_one_type() -> None:
    assert editor.Audio is Audio


# ---------------------------------------------------------------- decoding
@pytest.mark.parametrize(
    ("kind", "subtype", "step"),
    [
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "FLOAT", 0.0),
        ("WAV", "DOUBLE", 0.0),
        ("WAVEX", "PCM_16", 2**-15),
        ("RF64", "PCM_16", 2**-15),
        ("AIFF", "PCM_16", 2**-15),
        ("FLAC", "PCM_16", 2**-15),
        ("FLAC", "PCM_24", 2**-23),
    ],
)
def test_lossless_files_of_libsndfile_keep_every_sample(kind: str, subtype: str, step: float) -> None:
    got = decode_audio(by_libsndfile(NOISE * 0.99, kind, subtype, rate_hz=22050))
    assert got.sample_rate_hz == 22050
    assert np.abs(got.samples - NOISE * np.float32(0.99)).max() <= step


@pytest.mark.parametrize(
    ("data", "rate_hz"),
    [
        (by_libsndfile(WORDS, "MP3"), RATE_HZ),
        (by_libsndfile(WORDS, "OGG", "VORBIS"), RATE_HZ),
        (by_libsndfile(WORDS, "OGG", "OPUS"), RATE_HZ),
        (by_ffmpeg(WORDS, "mp3", "libmp3lame"), RATE_HZ),
        (by_ffmpeg(WORDS, "ogg", "libopus"), RATE_HZ),
        (by_ffmpeg(WORDS, "ipod", "aac"), RATE_HZ),
        (by_ffmpeg(WORDS, "mp4", "aac", rate_hz=44100), 44100),
        (by_ffmpeg(WORDS, "adts", "aac"), RATE_HZ),
        (by_ffmpeg(WORDS, "webm", "libopus", rate_hz=48000), 48000),
        (by_ffmpeg(WORDS, "wav", "adpcm_ms"), RATE_HZ),
        (by_ffmpeg(WORDS, "wav", "pcm_mulaw"), RATE_HZ),
        (by_ffmpeg(WORDS, "flac", "flac"), RATE_HZ),
        (by_ffmpeg(WORDS, "ipod", "alac"), RATE_HZ),
    ],
)
def test_coded_files_hold_the_same_sound(data: bytes, rate_hz: int) -> None:
    got = decode_audio(data)
    assert got.sample_rate_hz == rate_hz
    truth = words(rate_hz=rate_hz).astype(np.float64)
    spectra = np.fft.rfft(got.samples, 2 * rate_hz + 8192), np.fft.rfft(truth, 2 * rate_hz + 8192)
    likeness = np.fft.irfft(spectra[0] * spectra[1].conj()) / np.linalg.norm(got.samples) / np.linalg.norm(truth)
    assert likeness.max() > 0.97
    is_adts = data[0] == 0xFF and data[1] & 0x06 == 0  # it cannot say how many samples are the encoder's padding
    assert (likeness.argmax() + 1) % len(likeness) in ((1025,) if is_adts else (0, 1))
    assert abs(got.duration_s - 1.0) < 0.13  # an encoder may add up to two frames of padding


def test_channels_become_their_mean() -> None:
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1)
    assert np.array_equal(decode_audio(by_libsndfile(stereo, "WAV", "FLOAT")).samples, np.full(100, 0.125, np.float32))
    both = np.stack([NOISE, NOISE], axis=1)
    assert np.array_equal(decode_audio(by_libsndfile(both, "WAV", "FLOAT")).samples, NOISE)


@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("webm", "libopus")])
def test_the_sound_beside_a_longer_picture_track_is_read(container: str, codec: str) -> None:
    import av

    buffer = io.BytesIO()
    rate_hz = 48_000
    with av.open(buffer, "w", format=container) as file:
        picture = file.add_stream("mpeg4" if container == "mp4" else "libvpx", rate=1)
        picture.width = picture.height = 16
        voice = file.add_stream(codec, rate=rate_hz, layout="mono")
        for _ in range(4):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        frame = av.AudioFrame.from_ndarray(words(rate_hz=rate_hz)[None], format="flt", layout="mono")
        frame.sample_rate = rate_hz
        convert = av.AudioResampler(format=voice.codec_context.format, layout="mono", rate=rate_hz)
        for stream, part in ((voice, convert.resample(frame)[0]), (voice, None), (picture, None)):
            file.mux(stream.encode(part))
    heard = decode_audio(buffer.getvalue())
    assert not is_silent(heard) and heard.duration_s == pytest.approx(1.0, abs=0.13)


def test_long_files_are_refused_from_their_header() -> None:
    data = by_libsndfile(np.zeros(RATE_HZ * 3), "FLAC")
    with pytest.raises(MediaError, match=r"3\.0 s, more than the limit of 2 s"):
        decode_audio(data, max_duration_s=2)
    assert decode_audio(data, max_duration_s=3).duration_s == 3
    with pytest.raises(MediaError, match="more than the limit of 2 s"):
        decode_audio(by_ffmpeg(words(3.0), "ipod", "aac"), max_duration_s=2)


def test_a_header_that_promises_too_much_costs_nothing() -> None:
    """A FLAC file of 86 bytes whose header promises 2**36 - 1 samples."""
    data = bytearray(by_libsndfile(np.zeros(100), "FLAC"))
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    with pytest.raises(MediaError, match="more than the limit of 600 s"):
        decode_audio(bytes(data))


def test_the_limit_holds_where_the_header_is_silent() -> None:
    """ADTS has no length; the decoder is stopped on the way."""
    with pytest.raises(MediaError, match="more than the limit of 2 s"):
        decode_audio(by_ffmpeg(words(6.0), "adts", "aac"), max_duration_s=2)


def test_a_wav_written_to_a_pipe_has_no_length_and_is_read() -> None:
    data = bytearray(by_libsndfile(NOISE, "WAV", "PCM_16"))
    data[4:8] = data[40:44] = b"\xff" * 4
    assert len(decode_audio(bytes(data)).samples) == len(NOISE)


@pytest.mark.parametrize("rate_hz", [3_999, 192_001])
def test_rates_out_of_range(rate_hz: int) -> None:
    with pytest.raises(MediaError, match=f"sample rate of {rate_hz} Hz"):
        decode_audio(by_libsndfile(NOISE, "WAV", "PCM_16", rate_hz=rate_hz))


@pytest.mark.parametrize("rate_hz", [4_000, 192_000])
def test_rates_at_the_ends_of_the_range(rate_hz: int) -> None:
    assert decode_audio(by_libsndfile(NOISE, "WAV", "PCM_16", rate_hz=rate_hz)).sample_rate_hz == rate_hz


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        ([0.0, np.nan], "NaN or infinite"),
        ([np.inf, 0.0], "NaN or infinite"),
        ([3.4e38, 3.4e38], "not scaled"),
        ([20_000.0, -9.0], "up to 20000, not scaled"),
        ([], "no samples"),
    ],
)
def test_unusable_samples_of_a_float_file(samples: list[float], found: str) -> None:
    data = by_libsndfile(np.array(samples, np.float32), "WAV", "FLOAT")
    with pytest.raises(MediaError, match=found):
        decode_audio(data)


def test_channels_that_overflow_together_are_refused() -> None:
    with pytest.raises(MediaError):
        decode_audio(by_libsndfile(np.full((5, 2), 3.4e38, np.float32), "WAV", "FLOAT"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"text, no sound",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\0" * 5000,
        b"\xff\xfb\x90\x00" + bytes(50),
        b"fLaC" + bytes(500),
        b"RIFF\x24\0\0\0AVI LIST",
    ],
)
def test_what_is_no_sound(data: bytes) -> None:
    with pytest.raises(MediaError, match="decode a sound"):
        decode_audio(data)


WHOLE = {
    "wav": by_libsndfile(WORDS, "WAV", "PCM_16"),
    "aiff": by_libsndfile(WORDS, "AIFF", "PCM_16"),
    "flac": by_libsndfile(WORDS, "FLAC"),
    "mp3": by_libsndfile(WORDS, "MP3"),
    "vorbis": by_libsndfile(WORDS, "OGG", "VORBIS"),
    "opus": by_libsndfile(WORDS, "OGG", "OPUS"),
    "m4a": by_ffmpeg(WORDS, "ipod", "aac"),
    "webm": by_ffmpeg(WORDS, "webm", "libopus", rate_hz=48000),
}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("kept", [0.01, 0.3, 0.6])
def test_truncated_files_are_refused(kind: str, kept: float) -> None:
    data = WHOLE[kind]
    with pytest.raises(MediaError):
        decode_audio(data[: int(kept * len(data))])


@pytest.mark.parametrize("kind", ["wav", "aiff", "flac", "vorbis", "opus"])
def test_a_file_without_its_last_bytes_is_refused(kind: str) -> None:
    with pytest.raises(MediaError):
        decode_audio(WHOLE[kind][:-2])


def test_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(MediaError, match="11 bytes, more than the limit of 10"):
        decode_audio(bytes(11))


def test_too_many_channels() -> None:
    with pytest.raises(MediaError, match="40 channels"):
        decode_audio(by_libsndfile(np.zeros((10, 40)), "WAV", "PCM_16"))


@pytest.mark.parametrize(("package", "kind"), [("soundfile", "wav"), ("av", "m4a")])
def test_absent_packages_are_named(package: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=r"visavox\[voices\]"):
        decode_audio(WHOLE[kind])


# ---------------------------------------------------------------- encoding
def test_wav_keeps_every_bit_beyond_full_scale_too() -> None:
    import soundfile

    samples = np.concatenate([NOISE * 3, np.array([1e-30, -0.0, 5e-42], np.float32)])
    data = encode_wav(sound(samples))
    assert decode_audio(data).samples.tobytes() == samples.tobytes()
    theirs, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == RATE_HZ and theirs.tobytes() == samples.tobytes()
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8


@pytest.mark.parametrize("encode", [encode_wav, encode_flac])
def test_the_same_sound_gives_the_same_bytes(encode: object) -> None:
    every_second = np.repeat(NOISE, 2)[::2]
    assert encode(sound(NOISE)) == encode(sound(NOISE.copy())) == encode(sound(every_second))


def test_flac_rounds_to_24_bits_and_clips() -> None:
    samples = np.array([0.5, 2**-23, 0.4 * 2**-23, 0.6 * 2**-23, -1.0, 1.0, 7.0, -7.0], np.float32)
    top = 1 - 2**-23
    want = np.array([0.5, 2**-23, 0.0, 2**-23, -1.0, top, top, -1.0], np.float32)
    once = decode_audio(encode_flac(sound(samples)))
    assert np.array_equal(once.samples, want)
    assert np.array_equal(decode_audio(encode_flac(once)).samples, want)


def test_flac_keeps_what_came_from_16_bits() -> None:
    came = decode_audio(by_libsndfile(NOISE, "WAV", "PCM_16"))
    assert np.array_equal(decode_audio(encode_flac(came)).samples, came.samples)


def test_a_rate_that_flac_does_not_know() -> None:
    with pytest.raises(MediaError, match="encode a sound as FLAC"):
        encode_flac(sound(NOISE, 100_001))


# ---------------------------------------------------------------- checks
@pytest.mark.parametrize(
    ("value", "found"),
    [
        (NOISE, "a ndarray, not an Audio"),
        (Audio([0.0], RATE_HZ), "a list"),  # type: ignore[arg-type]
        (Audio(NOISE.astype(np.float64), RATE_HZ), "dtype float64"),  # type: ignore[arg-type]
        (Audio(NOISE[None], RATE_HZ), "shape"),
        (Audio(NOISE[:0], RATE_HZ), "no samples"),
        (Audio(NOISE, 16000.0), "rate that is a float"),  # type: ignore[arg-type]
        (Audio(NOISE, True), "rate that is a bool"),
        (Audio(NOISE, 100), "rate of 100 Hz"),
        (sound([0.0, np.nan]), "NaN"),
        (sound([-np.inf]), "infinite"),
        (sound([-16.5]), "not scaled"),
    ],
)
def test_what_is_no_audio(value: object, found: str) -> None:
    with pytest.raises(MediaError, match=found):
        check_audio(value)


def test_a_good_audio_is_given_back() -> None:
    good = sound([16.0])
    assert check_audio(good) is good


def test_silence() -> None:
    assert is_silent(sound(np.zeros(10)))
    assert is_silent(sound(np.full(10, -0.7)))
    assert is_silent(sound(NOISE * 0.0009))
    assert not is_silent(sound(WORDS * 0.01))
    assert is_silent(sound([0.4]))


def test_clipped_share() -> None:
    assert clipped_share(sound([0.0, 1.0, -1.0, 0.998])) == 0.5
    assert clipped_share(decode_audio(by_libsndfile(np.ones(100), "WAV", "PCM_16"))) == 1.0
    assert clipped_share(sound(WORDS)) == 0.0


# ---------------------------------------------------------------- resampling
@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000])
def test_resampling_keeps_a_tone(rate_hz: int) -> None:
    tone = sound(np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ) * 0.5)
    got = resampled(tone, rate_hz)
    want = np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz) * 0.5
    assert got.sample_rate_hz == rate_hz and got.samples.dtype == np.float32
    assert len(got.samples) == rate_hz
    middle = slice(rate_hz // 10, -rate_hz // 10)
    assert np.abs(got.samples[middle] - want[middle]).max() < 1e-4


def test_resampling_removes_what_the_new_rate_cannot_hold() -> None:
    tone = sound(np.sin(2 * np.pi * 6000 * np.arange(RATE_HZ) / RATE_HZ) * 0.5)
    assert np.abs(resampled(tone, 8000).samples[800:-800]).max() < 1e-4


def test_resampling_to_the_same_rate_copies_nothing() -> None:
    here = sound(NOISE)
    assert resampled(here, RATE_HZ) is here
    with pytest.raises(MediaError, match="rate of 1 Hz"):
        resampled(here, 1)


# ---------------------------------------------------------------- speech
def test_words_are_found_where_they_are() -> None:
    heard = sound(words(3.0, every_s=1.0))
    segments = speech_segments(heard)
    assert np.abs(np.array(segments) - [[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]]).max() < 0.03
    assert speech_seconds(heard) == pytest.approx(1.5, abs=0.06)
    assert len(speech_only(heard, segments).samples) == pytest.approx(1.5 * RATE_HZ, abs=0.06 * RATE_HZ)


def test_short_pauses_belong_to_speech_and_clicks_do_not() -> None:
    assert len(speech_segments(sound(words(3.0, every_s=0.3)))) == 1
    click = np.zeros(2 * RATE_HZ, np.float32)
    click[RATE_HZ : RATE_HZ + 30] = 0.9
    assert speech_segments(sound(click)) == ()


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.01])
def test_loudness_and_offset_do_not_matter(gain: float) -> None:
    heard = words(3.0, every_s=1.0)
    assert speech_segments(sound(heard * gain + 0.1)) == speech_segments(sound(heard))


@pytest.mark.parametrize("level_db", [-10, -30, -50])
def test_stationary_sound_is_no_speech(level_db: float) -> None:
    gain = 10 ** (level_db / 20)
    assert speech_seconds(sound(np.random.default_rng(1).normal(size=48000) * gain * 0.3)) == 0.0
    assert speech_seconds(sound(np.sin(np.arange(48000)) * gain)) == 0.0


@pytest.mark.parametrize("n", [1, 2, 159, 160, 399, 400, 401])
def test_tiny_sounds_hold_no_speech(n: int) -> None:
    assert speech_segments(sound(NOISE[:n])) == ()


def test_noise_at_20_db_changes_little() -> None:
    heard = words(4.0, every_s=1.0)
    hiss = np.random.default_rng(2).normal(size=heard.size) * np.sqrt((heard**2).mean()) * 0.1
    assert speech_seconds(sound(heard + hiss)) == pytest.approx(speech_seconds(sound(heard)), rel=0.03)


def test_no_speech_cannot_be_cut_out() -> None:
    with pytest.raises(UndefinedMetricError, match="no speech"):
        speech_only(sound(WORDS), ())


@pytest.mark.kit
def test_real_utterances_hold_speech_and_keep_it_in_noise(kit: object) -> None:
    """The detector against itself on the clean recording, at 20 dB: most of the speech stays, no silence is added."""
    import csv
    from pathlib import Path

    root = Path(str(kit))
    with (root / "voices-small.csv").open() as file:
        rows = list(csv.DictReader(file))[::4]
    rng = np.random.default_rng(3)
    kept = []
    for row in rows:
        heard = decode_audio((root / row["path"]).read_bytes())
        clean_s = speech_seconds(heard)
        assert 1.0 < clean_s <= heard.duration_s
        edge = np.zeros(heard.sample_rate_hz, np.float32)
        padded = np.concatenate([edge, heard.samples, edge])
        noise = rng.normal(size=padded.size) * np.sqrt((heard.samples.astype(float) ** 2).mean()) * 0.1
        noisy = speech_segments(Audio((padded + noise).astype(np.float32), heard.sample_rate_hz))
        assert all(start > 0.95 and end < heard.duration_s + 1.05 for start, end in noisy)
        kept.append(sum(end - start for start, end in noisy) / clean_s)
    assert np.mean(kept) > 0.8
