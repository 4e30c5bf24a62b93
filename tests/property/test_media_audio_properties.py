"""Whatever the bytes: a sound within the bounds, or one MediaError."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_files import by_ffmpeg, by_libsndfile, words

from visavox.core.errors import MediaError
from visavox.media.audio import Audio, check_audio, decode_audio, encode_flac, encode_wav, is_silent, resampled
from visavox.media.speech import speech_seconds, speech_segments

_WORDS = words(0.4, every_s=0.1)
FILES = {
    "wav": by_libsndfile(_WORDS, "WAV", "PCM_16"),
    "wav-float": by_libsndfile(_WORDS, "WAV", "FLOAT"),
    "wav-adpcm": by_ffmpeg(_WORDS, "wav", "adpcm_ms"),
    "aiff": by_libsndfile(_WORDS, "AIFF", "PCM_16"),
    "flac": by_libsndfile(_WORDS, "FLAC"),
    "mp3": by_libsndfile(_WORDS, "MP3"),
    "vorbis": by_libsndfile(_WORDS, "OGG", "VORBIS"),
    "opus": by_libsndfile(_WORDS, "OGG", "OPUS"),
    "m4a": by_ffmpeg(_WORDS, "ipod", "aac"),
    "adts": by_ffmpeg(_WORDS, "adts", "aac"),
    "webm": by_ffmpeg(_WORDS, "webm", "libopus", rate_hz=48000),
}


def _decoded_or_refused(data: bytes) -> None:
    try:
        heard = decode_audio(data, max_duration_s=5.0)
    except MediaError as refused:
        message = str(refused)
    else:
        assert check_audio(heard).duration_s <= 5.0
        return
    assert message.count("\n") == 2


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=40)
@given(data=st.data())
def test_flipped_and_cut_files(kind: str, data: st.DataObject) -> None:
    file = bytearray(FILES[kind])
    # half of the blows fall on the header, where they hurt
    place = st.one_of(st.integers(0, min(200, len(file) - 1)), st.integers(0, len(file) - 1))
    for at, value in data.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=6)):
        file[at] = value
    start, end = data.draw(st.tuples(st.just(0) | place, st.none() | place))
    _decoded_or_refused(bytes(file[start:end]))


@given(head=st.sampled_from([file[:16] for file in FILES.values()]), tail=st.binary(max_size=300))
def test_any_bytes_behind_a_signature(head: bytes, tail: bytes) -> None:
    _decoded_or_refused(head + tail)


_SAMPLES = st.lists(st.floats(-16, 16, width=32), min_size=1, max_size=300).map(lambda v: np.array(v, np.float32))
_SOUNDS = st.builds(Audio, _SAMPLES, st.sampled_from([4000, 8000, 11025, 16000, 44100, 48000, 96000, 192000]))


@given(_SOUNDS)
def test_what_is_written_is_read(heard: Audio) -> None:
    got = decode_audio(encode_wav(heard))
    assert np.array_equal(got.samples, heard.samples) and got.sample_rate_hz == heard.sample_rate_hz


@given(_SOUNDS)
def test_flac_is_off_by_half_a_step_within_full_scale_and_then_stays(heard: Audio) -> None:
    once = decode_audio(encode_flac(heard))
    assert np.abs(once.samples - np.clip(heard.samples, -1, 1 - 2**-23)).max() <= 2**-24
    assert encode_flac(once) == encode_flac(heard)


@given(_SOUNDS)
def test_speech_lies_in_order_within_the_sound(heard: Audio) -> None:
    segments = speech_segments(heard)
    edges = [edge for segment in segments for edge in segment]
    assert edges == sorted(edges) and all(0 <= edge <= heard.duration_s for edge in edges)
    assert not (is_silent(heard) and len(segments) > 1)
    assert speech_seconds(heard) <= heard.duration_s


@given(_SOUNDS, st.sampled_from([8000, 16000, 48000]))
def test_resampling_keeps_the_length(heard: Audio, rate_hz: int) -> None:
    want = heard.duration_s * rate_hz
    if want < 1:
        return
    got = resampled(Audio(np.clip(heard.samples, -1, 1), heard.sample_rate_hz), rate_hz)
    assert abs(len(got.samples) - want) <= 1
