"""Voices of speakers who do not exist: the generator, and the data set kind ``synthetic-voices``."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.core.cards import card
from visavox.core.errors import ConfigError, ManifestError, MissingDependencyError
from visavox.core.records import DatasetSpec, RecogniserSpec
from visavox.core.seeding import generator
from visavox.core.terms import Consent, Modality
from visavox.media.audio import Audio, clipped_share, decode_audio, is_silent
from visavox.media.speech import MIN_SPEECH_S, speech_seconds
from visavox.metrics.curves import eer
from visavox.ports.dataset import Dataset, datasets
from visavox.ports.recogniser import Speech, recognisers
from visavox_datasets.manifest import load_manifest
from visavox_datasets.synthetic.voices import acoustics, parameters, speakers
from visavox_datasets.synthetic.voices.espeak import Espeak, variant_text
from visavox_datasets.synthetic.voices.parameters import ACCENTS, SEXES, attributes, draw_utterance, draw_voice
from visavox_datasets.synthetic.voices.sentences import PLACES, sentence
from visavox_datasets.synthetic.voices.speakers import REFERENCE, REFERENCE_SET, file_name
from visavox_datasets.synthetic.voices.utterances import encode_opus, render_files, render_voices

SHIPPED = [file_name(speaker, utterance) for speaker in range(60) for utterance in range(6)]


def load(run_seed: int = 0, **params: object) -> Dataset:
    return datasets.get("synthetic-voices")(
        DatasetSpec(kind="synthetic-voices", params=tuple(params.items())), run_seed
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "visavox"


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The (speaker, utterance) pairs that are synthesised, in their order."""
    seen: list[tuple[int, int]] = []

    def noted(seed: int, pairs: list[tuple[int, int]]) -> list[bytes]:
        seen.extend(pairs)
        return render_files(seed, pairs)

    monkeypatch.setattr(speakers, "render_files", noted)
    return seen


# ---------------------------------------------------------------- the shipped set
def test_the_shipped_set_has_60_speakers_and_needs_no_synthesiser(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("espeakng_loader", "av", "soundfile"):
        monkeypatch.setitem(sys.modules, package, None)
    dataset = load()
    assert Counter(Counter(s.subject_id for s in dataset.samples).values()) == {6: 60}
    assert dataset.kind == "synthetic-voices"
    assert {s.modality for s in dataset.samples} == {Modality.VOICE}
    assert dataset.licences == ("Apache-2.0",)
    assert {s.consent for s in dataset.samples} == {Consent.GRANTED}
    assert Counter(s.session for s in dataset.samples) == dict.fromkeys("012345", 60)
    assert dataset.n_merged_duplicates == 0
    assert not cache.exists()


def test_the_shipped_set_is_small_and_whole() -> None:
    files = sorted(path.name for path in REFERENCE_SET.iterdir())
    assert files == sorted([*SHIPPED, "manifest.csv", "SHA256SUMS", "rendered-by.txt"])
    assert sum(path.stat().st_size for path in REFERENCE_SET.iterdir()) < 6e6


def test_shipped_utterances_are_speech_at_a_sound_level() -> None:
    for name in SHIPPED[::7]:
        heard = decode_audio((REFERENCE_SET / name).read_bytes())
        assert heard.sample_rate_hz == 16_000
        assert 1.5 < heard.duration_s < 7.0, name
        assert speech_seconds(heard) > MIN_SPEECH_S, name
        assert not is_silent(heard) and clipped_share(heard) == 0.0, name


def test_the_shipped_manifest_is_the_one_its_numbers_give() -> None:
    assert (REFERENCE_SET / "manifest.csv").read_text() == speakers.manifest_text(REFERENCE)


def test_the_shipped_set_can_be_named_as_a_manifest_too() -> None:
    spec = DatasetSpec(kind="manifest", path=str(REFERENCE_SET / "manifest.csv"))
    assert load_manifest(spec, 0).digest == load().digest


def test_the_manifest_says_what_is_said_and_by_whom() -> None:
    for sample in load().samples[::31]:
        told = dict(sample.attributes)
        speaker = int(sample.subject_id.rpartition("-")[2])
        assert told["transcript"] == sentence(7, speaker, int(sample.session or ""))
        assert (told["sex"], told["accent"]) == tuple(attributes(speaker).values())


def test_an_altered_utterance_of_the_shipped_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "set"
    shutil.copytree(REFERENCE_SET, copy)
    monkeypatch.setattr(speakers, "REFERENCE_SET", copy)
    assert len(load().samples) == 360
    (copy / SHIPPED[5]).write_bytes((copy / SHIPPED[5]).read_bytes() + b"\0")
    with pytest.raises(ManifestError, match=SHIPPED[5]):
        load()


@pytest.mark.parametrize("pair", [(0, 0), (17, 3), (59, 5)])
def test_shipped_utterances_are_what_the_generator_says(pair: tuple[int, int]) -> None:
    """The same bytes on the set's kind of CPU with its versions; elsewhere the same sound but for its coding."""
    by = dict(line.split(": ") for line in (REFERENCE_SET / "rendered-by.txt").read_text().splitlines())
    versions = {name: importlib.metadata.version(name) for name in ("espeakng-loader", "av", "numpy", "scipy")}
    here = {"cpu": speakers.cpu(), **versions}
    shipped = (REFERENCE_SET / file_name(*pair)).read_bytes()
    (sound,) = render_voices(REFERENCE.seed, [pair])
    if here.items() <= by.items():
        assert encode_opus(sound) == shipped
    heard = decode_audio(shipped)
    assert len(heard.samples) == len(sound.samples)
    error = heard.samples.astype(float) - sound.samples
    assert 10 * np.log10((sound.samples.astype(float) ** 2).mean() / (error**2).mean()) > 10.0


def test_the_shipped_speakers_have_a_card() -> None:
    text = str(card("dataset", "synthetic-voices"))
    assert "speakers-60" in text and "eSpeak NG" in text


def test_a_recogniser_tells_the_shipped_speakers_apart() -> None:
    """A guard; the figure over many more is docs/studies/synthetic_voices.md's."""
    who = [speaker for speaker in range(15) for _ in range(3)]
    files = [file_name(speaker, utterance) for speaker in range(15) for utterance in range(3)]
    sounds = [decode_audio((REFERENCE_SET / name).read_bytes()) for name in files]
    judge = recognisers.get("resemblyzer")(RecogniserSpec(name="resemblyzer", id="resemblyzer"), "cpu")
    regions = judge.locate(sounds)
    assert all(isinstance(region, Speech) for region in regions)
    vectors = np.stack([np.asarray(template) for template in judge.embed(sounds, regions)])
    a, b = np.triu_indices(len(who), 1)
    pair, mated = judge.compare(vectors, vectors)[a, b], np.array(who)[a] == np.array(who)[b]
    assert eer(pair[mated], pair[~mated]).eer < 0.08


# ---------------------------------------------------------------- other sets
def test_a_set_is_made_once_into_a_private_folder(cache: Path, rendered: list[tuple[int, int]]) -> None:
    first = load(speakers=2, utterances=2, seed=1)
    assert rendered == [(0, 0), (0, 1), (1, 0), (1, 1)]
    (folder,) = cache.glob("synthetic-voices-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    again = load(speakers=2, utterances=2, seed=1)
    assert len(rendered) == 4
    assert again.digest == first.digest
    data = next(first.read(s.id) for s in first.samples if s.subject_id.endswith("0001") and s.session == "1")
    assert data == render_files(1, [(1, 1)])[0]


def test_synthesis_goes_on_where_it_was_stopped(cache: Path, rendered: list[tuple[int, int]]) -> None:
    load(speakers=2, utterances=1, seed=1)
    (folder,) = cache.glob("synthetic-voices-*")
    torn = folder / file_name(1, 0)
    whole = torn.read_bytes()
    torn.write_bytes(whole[:-4000])
    rendered.clear()
    load(speakers=2, utterances=2, seed=1)
    assert rendered == [(0, 1), (1, 0), (1, 1)]
    assert torn.read_bytes() == whole


def test_a_part_of_the_shipped_set_is_not_made_again(cache: Path, rendered: list[tuple[int, int]]) -> None:
    part, whole = load(speakers=40, utterances=3), load()
    assert rendered == []
    wanted = {s.id for s in whole.samples if s.subject_id < "synthetic-7-0040" and (s.session or "") < "3"}
    assert {s.id for s in part.samples} == wanted


def test_a_larger_set_than_the_shipped_one_makes_the_rest(cache: Path, rendered: list[tuple[int, int]]) -> None:
    load(speakers=61, utterances=1)
    assert rendered == [(60, 0)]


def test_another_seed_holds_other_speakers(cache: Path) -> None:
    assert load(speakers=1, utterances=2, seed=1).digest != load(speakers=1, utterances=2, seed=2).digest
    assert len(list(cache.glob("synthetic-voices-*"))) == 2


@pytest.mark.parametrize(
    "params", [{"speakers": 0}, {"utterances": "4"}, {"people": 3}, {"seed": -1}, {"speakers": 10**6, "utterances": 2}]
)
def test_parameters_out_of_range_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="synthetic-voices"):
        load(**params)


def test_a_path_is_refused() -> None:
    with pytest.raises(ConfigError, match="path"):
        datasets.get("synthetic-voices")(DatasetSpec(kind="synthetic-voices", path="/nowhere"), 0)


@pytest.mark.parametrize("package", ["espeakng_loader", "av"])
def test_without_the_extra_one_clear_error(package: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=r"visavox\[voices"):
        load(speakers=1, utterances=2, seed=1)


# ---------------------------------------------------------------- the generator
def test_an_utterance_depends_on_nothing_said_before() -> None:
    pairs = [(0, 0), (1, 0), (2, 1), (0, 1)]
    there = render_voices(3, pairs)
    back = render_voices(3, pairs[::-1])[::-1]
    alone = [render_voices(3, [pair])[0] for pair in pairs]
    for one, other, single in zip(there, back, alone, strict=True):
        assert one.samples.tobytes() == other.samples.tobytes() == single.samples.tobytes()


def test_two_utterances_two_speakers_and_two_seeds_differ() -> None:
    sounds = [*render_voices(3, [(0, 0), (0, 1), (1, 0)]), *render_voices(4, [(0, 0)])]
    assert len({sound.samples.tobytes() for sound in sounds}) == 4


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(ConfigError, match="count from 0"):
        render_voices(0, [(0, -1)])


@pytest.mark.parametrize("accent", ACCENTS.values())
def test_every_accent_is_spoken(accent: str) -> None:
    with Espeak() as espeak:
        said = espeak.say(
            "A tall sailor hid the garden gate.",
            draw_voice(0, 0),
            accent=accent,
            female=True,
            rate_wpm=170,
            pitch=50,
            pitch_range=50,
        )
    assert said.dtype == np.int16 and 1.0 < len(said) / 22_050 < 6.0


@pytest.mark.parametrize("pitch_hz", [80.0, 120.0, 200.0])
def test_the_voice_has_the_drawn_pitch(pitch_hz: float) -> None:
    """By autocorrelation: the low end of the intonation is the drawn one."""
    voice = {
        **draw_voice(0, 1),
        "pitch_hz": pitch_hz,
        "pitch_span": 1.15,
        "flutter": 0.0,
        "breathy": 0.0,
        "source": 0.0,
    }
    with Espeak() as espeak:
        said = espeak.say(
            sentence(0, 0, 0), voice, accent="gmw/en", female=False, rate_wpm=160, pitch=50, pitch_range=50
        )
    low, high = np.percentile(pitches_hz(said / 32768.0), [10, 90])
    assert 0.85 * pitch_hz < low and high < 1.35 * pitch_hz


def pitches_hz(samples: np.ndarray, rate_hz: int = 22_050) -> np.ndarray:
    """The pitch of each voiced frame: the lag, within 50 to 400 Hz, at which the frame is most like itself."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1102)[::220]
    frames = frames[frames.std(axis=1) > 0.3 * samples.std()]
    window = np.hanning(1102)
    lags = slice(rate_hz // 400, rate_hz // 50)
    own, of_window = (np.fft.irfft(np.abs(np.fft.rfft(x, 4096)) ** 2) for x in (frames * window, window))
    likeness = own[:, lags] / own[:, :1] * of_window[0] / of_window[lags]
    voiced = likeness[likeness.max(axis=1) > 0.8]
    return rate_hz / ((voiced > 0.95 * voiced.max(axis=1, keepdims=True)).argmax(axis=1) + lags.start)


def test_the_vocal_tract_scales_every_frequency() -> None:
    t = np.arange(22_050) / 22_050
    scaled = acoustics.scale_tract(np.sin(2 * np.pi * 1000 * t), 1.2)
    assert abs(len(scaled) - 16_000 / 1.2) <= 40
    peak_hz = np.abs(np.fft.rfft(scaled)).argmax() * 16_000 / len(scaled)
    assert peak_hz == pytest.approx(1200, abs=3)


def test_the_timbre_is_the_drawn_curve() -> None:
    voice = {f"band_{i}_db": 0.0 for i in range(1, 13)} | {"tilt_db": -3.0}
    click = np.zeros(4096)
    click[2048] = 1.0
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(acoustics.colour_timbre(click, voice))))
    hz = np.fft.rfftfreq(4096, 1 / 16_000)
    for wanted_hz, wanted_db in ((250, 0.0), (1000, -3.0), (4000, -9.0)):
        assert gain_db[np.abs(hz - wanted_hz).argmin()] == pytest.approx(wanted_db, abs=0.2)


def test_the_recording_has_the_drawn_peak_noise_and_pauses() -> None:
    drawn = draw_utterance(0, 0, 0) | {"lead_s": 0.25, "tail_s": 0.25, "snr_db": 20.0, "peak": 0.5, "room_level": 0.0}
    speech = np.sin(np.arange(16_000) * 0.3)
    taken = acoustics.record(speech, drawn, generator(0, "test"))
    assert len(taken) == 24_000 and np.abs(taken).max() == pytest.approx(0.5)
    noise_db = 10 * np.log10((taken[4200:19800] ** 2).mean() / (taken[:4000] ** 2).mean())
    assert noise_db == pytest.approx(20.0, abs=0.5)


# ---------------------------------------------------------------- numbers and words
@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**40))
def test_drawn_numbers_lie_in_their_ranges(seed: int, speaker: int, utterance: int) -> None:
    voice, drawn = draw_voice(seed, speaker), draw_utterance(seed, speaker, utterance)
    sex = SEXES.index(attributes(speaker)["sex"])
    ranges = {**parameters.IDENTITY, **{name: pair[sex] for name, pair in parameters.BY_SEX.items()}}
    assert voice.keys() == ranges.keys() and drawn.keys() == parameters.NUISANCE.keys()
    assert all(low <= voice[name] < high for name, (low, high) in ranges.items())
    assert all(low <= drawn[name] < high for name, (low, high) in parameters.NUISANCE.items())
    text = variant_text(voice, female=sex == 0)
    assert text.count("\nformant ") == 9


def test_a_new_parameter_changes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    before = draw_voice(7, 4)
    monkeypatch.setattr(parameters, "IDENTITY", {"new": (0.0, 1.0), **parameters.IDENTITY})
    after = draw_voice(7, 4)
    assert {name: after[name] for name in before} == before and len(after) == len(before) + 1


@given(st.integers(0, 2**40))
def test_any_16_speakers_in_a_row_hold_every_sex_and_accent(first: int) -> None:
    first -= first % 2
    block = {tuple(attributes(speaker).values()) for speaker in range(first, first + 16)}
    assert block == {(sex, accent) for sex in SEXES for accent in ACCENTS}


@settings(max_examples=20)
@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 5))
def test_ten_sentences_of_a_speaker_share_no_words(seed: int, speaker: int, turn: int) -> None:
    said = [sentence(seed, speaker, 10 * turn + i) for i in range(10)]
    for choices in PLACES:
        assert sorted(sum(choice in text for choice in choices) for text in said) == [1] * 10
        assert all(sum(choice in text for text in said) == 1 for choice in choices)


def test_opus_files_hold_the_sound_and_no_time_of_day() -> None:
    (sound,) = render_voices(3, [(0, 0)])
    data = encode_opus(sound)
    assert data == encode_opus(Audio(sound.samples.copy(), sound.sample_rate_hz))
    assert data[:4] == b"OggS" and len(data) < 24_000 / 8 * sound.duration_s * 1.4
