"""Baseline editors of voices: each does to a sound what its name says, and the same to the bit again."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from visavox.adapters.editors.baselines import mcadams, replace, world, world_conversion
from visavox.adapters.editors.baselines.pitch_shift import shifted
from visavox.adapters.editors.baselines.sound_editor import Floats
from visavox.adapters.recognisers.resemblyzer import Resemblyzer
from visavox.core.config import parse_suite
from visavox.core.errors import ConfigError, MissingDependencyError
from visavox.core.terms import Operation
from visavox.media.audio import resampled
from visavox.ports.dataset import voice_renderers
from visavox.ports.editor import Audio, Editor, EditRequest, EditResult, Failed, baselines

RATE = 16_000
ONE_VOICE = ("mcadams", "pitch_shift")
ALL = (*ONE_VOICE, "world_conversion", "replace", "identity")


def load(name: str, **params: Any) -> Editor:
    return baselines.get(name)(device="cpu", artifact=None, params=params)


def request(number: int = 1, seed: int = 7, **media: Any) -> EditRequest:
    return EditRequest(f"{number:016x}", "voice-anonymisation", seed, media)


def sound(result: EditResult) -> Audio:
    assert isinstance(result, Audio), result
    assert result.samples.dtype == np.float32
    assert np.abs(result.samples).max() <= 1
    return result


def vowel(f0_hz: float, formants: dict[float, float], *, seconds: float = 1.0, rate: int = RATE) -> Audio:
    """Pulses through resonances, Hz -> bandwidth."""
    pulses = np.zeros(round(seconds * rate))
    pulses[(np.arange(1, seconds * f0_hz) * rate / f0_hz).astype(int)] = 1.0
    for frequency, width in formants.items():
        radius, angle = np.exp(-np.pi * width / rate), 2 * np.pi * frequency / rate
        pulses = lfilter([1.0], [1.0, -2 * radius * np.cos(angle), radius**2], pulses)
    return Audio((0.5 * pulses / np.abs(pulses).max()).astype(np.float32), rate)


def polynomial(roots: Any) -> Floats:
    return np.asarray(np.poly(roots).real, dtype=np.float64)


AH = {700.0: 80.0, 1200.0: 90.0, 2600.0: 120.0}


def median_f0(audio: Audio) -> float:
    f0 = world.analysed(resampled(audio, RATE).samples.astype(np.float64)).f0
    return float(np.median(f0[f0 > 0]))


@pytest.fixture(scope="module")
def speech() -> list[Audio]:
    """Six speakers who do not exist, women and men in turn, two sentences each."""
    return voice_renderers.get("synthetic-voices")(11, [(speaker, k) for speaker in range(6) for k in range(2)])


# ---------------------------------------------------------------- every baseline
@pytest.mark.parametrize("name", ALL)
def test_unknown_params_are_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match="nonsense"):
        load(name, nonsense=1)


@pytest.mark.parametrize("rate", [8_000, 44_100])
@pytest.mark.parametrize("name", ALL)
def test_rate_and_repetition_to_the_bit(name: str, rate: int, speech: list[Audio]) -> None:
    host, donor = resampled(speech[0], rate), resampled(speech[2], 16_000)
    before = host.samples.copy()
    case = request(host=host, donor=donor)
    first = sound(load(name).edit([case])[0])
    again = sound(load(name).edit([request(2, host=donor, donor=host), case])[1])
    assert first.sample_rate_hz == rate
    assert np.array_equal(first.samples, again.samples)
    assert np.array_equal(host.samples, before), "the input itself is left alone"
    assert np.abs(first.samples).max() > 0.05
    if name != "replace":
        assert len(first.samples) == len(host.samples)


@pytest.mark.parametrize("name", ONE_VOICE)
@given(n=st.integers(1, 3000), rate=st.sampled_from([8_000, 16_000, 48_000]), seed=st.integers(0, 9))
@settings(max_examples=12, deadline=None)
def test_lengths_are_kept_and_full_scale_is_not_left(name: str, n: int, rate: int, seed: int) -> None:
    noise = np.random.default_rng(seed).uniform(-1, 1, n).astype(np.float32)
    (answer,) = load(name).edit([request(subject=Audio(noise, rate))])
    assert len(sound(answer).samples) == n


@pytest.mark.parametrize("name", ONE_VOICE)
def test_silence_stays_silence(name: str) -> None:
    (answer,) = load(name).edit([request(subject=Audio(np.zeros(5_000, np.float32), 22_050))])
    assert not sound(answer).samples.any()


@pytest.mark.parametrize("name", [*ONE_VOICE, "world_conversion"])
def test_a_picture_is_no_sound(name: str) -> None:
    image = np.zeros((9, 9, 3), np.uint8)
    (answer,) = load(name).edit([request(host=image, donor=image)])
    assert isinstance(answer, Failed) and "not a sound" in answer.reason


# ---------------------------------------------------------------- mcadams
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_alpha_one_gives_the_input_back(rate: int, speech: list[Audio]) -> None:
    audio = resampled(speech[0], rate)
    difference = np.abs(mcadams.anonymised(audio, 1.0).samples - audio.samples).max()
    assert difference < (1e-6 if rate == RATE else 0.02), "but for what the way to 16 kHz takes"


@given(
    angles=st.lists(st.floats(0.05, 3.0), min_size=2, max_size=4, unique_by=lambda angle: round(angle, 1)),
    radius=st.floats(0.6, 0.97),
    alpha=st.floats(0.5, 1.2),
)
@settings(max_examples=60, deadline=None)
def test_pole_angles_are_raised_to_the_power(angles: list[float], radius: float, alpha: float) -> None:
    """Of a known autoregressive process: complex poles turn, the real one and every radius stay."""
    poles = np.concatenate([radius * np.exp(1j * np.array(angles)), radius * np.exp(-1j * np.array(angles)), [0.5]])
    moved = mcadams.moved_filters(polynomial(poles)[None], alpha)[0]
    expected = np.minimum(np.array(angles) ** alpha, np.pi)
    turned = np.concatenate([radius * np.exp(1j * expected), radius * np.exp(-1j * expected), [0.5]])
    assert np.allclose(moved, polynomial(turned), atol=1e-6)


def test_linear_prediction_finds_the_poles_of_a_known_process() -> None:
    poles = np.array([0.95 * np.exp(0.4j), 0.95 * np.exp(-0.4j), 0.9 * np.exp(1.9j), 0.9 * np.exp(-1.9j)])
    process = lfilter([1.0], np.poly(poles).real, np.random.default_rng(5).normal(size=60_000))
    found = np.roots(mcadams.burg(process[None], 4)[0])
    assert np.allclose(np.sort_complex(found), np.sort_complex(poles), atol=0.01)


def test_linear_prediction_and_filters_equal_those_of_librosa_and_scipy(speech: list[Audio]) -> None:
    frames = np.lib.stride_tricks.sliding_window_view(speech[0].samples.astype(np.float64), 320)[8_000:16_000:800]
    filters = mcadams.burg(frames, mcadams.ORDER)
    through = mcadams.convolved(frames, filters)
    for frame, own, residual, back in zip(frames, filters, through, mcadams.recursed(through, filters), strict=True):
        assert np.allclose(own, librosa.lpc(frame, order=mcadams.ORDER), atol=1e-9)
        assert np.allclose(residual, lfilter(own, [1.0], frame), atol=1e-12)
        assert np.allclose(back, lfilter([1.0], own, residual), atol=1e-12)


def test_a_formant_moves_to_where_its_angle_says_and_the_pitch_stays() -> None:
    low = vowel(120.0, {600.0: 60.0})
    moved = mcadams.anonymised(low, 0.8)

    def resonance(audio: Audio) -> float:
        envelope = world.analysed(audio.samples.astype(np.float64)).envelope.mean(axis=0)
        return float(np.argmax(envelope[16:]) + 16) / 512 * 8_000

    expected = (2 * np.pi * 600 / RATE) ** 0.8 * RATE / (2 * np.pi)
    assert resonance(low) == pytest.approx(600, abs=60)
    assert resonance(moved) == pytest.approx(expected, abs=90)
    assert median_f0(moved) == pytest.approx(120, rel=0.02)
    assert np.abs(moved.samples).max() == pytest.approx(np.abs(low.samples).max(), rel=1e-6)


def test_a_power_is_drawn_uniformly_by_the_case_s_seed() -> None:
    parameters = mcadams.McAdamsParameters(alpha=(0.5, 0.9), draw="utterance")
    drawn = np.array([mcadams.exponent(parameters, request(seed=seed)) for seed in range(400)])
    assert drawn.min() >= 0.5 and drawn.max() <= 0.9 and abs(drawn.mean() - 0.7) < 0.02
    assert [mcadams.exponent(parameters, request(seed=seed)) for seed in range(400)] == drawn.tolist()


def test_a_speaker_keeps_one_power_in_all_cases() -> None:
    parameters = mcadams.McAdamsParameters(alpha=(0.5, 0.9), draw="speaker")

    def power(person: str | None, seed: int) -> float:
        return mcadams.exponent(parameters, dataclasses.replace(request(seed=seed), person=person))

    assert len({power("a", seed) for seed in range(9)}) == 1
    drawn = [power(f"{number:016x}", 1) for number in range(200)]
    assert len(set(drawn)) == 200
    assert min(drawn) >= 0.5 and max(drawn) <= 0.9 and abs(np.mean(drawn) - 0.7) < 0.03
    with pytest.raises(KeyError, match="who speaks"):
        power(None, 1)


def test_a_drawn_power_is_heard_and_a_fixed_one_is_deaf_to_the_seed(speech: list[Audio]) -> None:
    cases = [request(seed=seed, subject=speech[0]) for seed in (1, 2)]
    drawn, fixed = load("mcadams", alpha=[0.5, 0.9], draw="utterance").edit(cases), load("mcadams").edit(cases)
    assert not np.array_equal(sound(drawn[0]).samples, sound(drawn[1]).samples)
    assert np.array_equal(sound(fixed[0]).samples, sound(fixed[1]).samples)


@pytest.mark.parametrize(
    "params",
    [
        {"alpha": 0},
        {"alpha": 2.5},
        {"alpha": [0.5, 0.9]},
        {"alpha": [0.9, 0.5], "draw": "utterance"},
        {"alpha": 0.8, "draw": "utterance"},
        {"draw": "speaker"},
    ],
)
def test_powers_that_mean_nothing_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"alpha|draw"):
        load("mcadams", **params)


# ---------------------------------------------------------------- pitch_shift
@pytest.mark.parametrize(("semitones", "ratio"), [(12, 2.0), (-5, 2 ** (-5 / 12)), (0, 1.0)])
def test_semitones_multiply_the_pitch(semitones: float, ratio: float) -> None:
    assert median_f0(shifted(vowel(110.0, AH), semitones)) == pytest.approx(110 * ratio, rel=0.02)


def test_semitones_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="semitones"):
        load("pitch_shift", semitones=25)


# ---------------------------------------------------------------- world_conversion
def test_a_conversion_has_the_donor_s_pitch_and_the_host_s_timing(speech: list[Audio]) -> None:
    woman, man = speech[0], speech[2]
    answer = sound(load("world_conversion").edit([request(host=woman, donor=man)])[0])
    assert median_f0(answer) == pytest.approx(median_f0(man), rel=0.1)

    def loudness(audio: Audio) -> Any:
        frames = audio.samples[: len(woman.samples) // 800 * 800].reshape(-1, 800)
        return np.log(np.square(frames.astype(np.float64)).mean(axis=1) + 1e-9)

    assert np.corrcoef(loudness(answer), loudness(woman))[0, 1] > 0.8


def test_a_recogniser_hears_the_donor_more_and_the_host_less(speech: list[Audio]) -> None:
    judge = Resemblyzer("judge", "cpu")
    hosts, donors = [0, 1, 2], [3, 4, 5]
    cases = [request(host=speech[2 * host], donor=speech[2 * donor]) for host, donor in zip(hosts, donors, strict=True)]
    outputs = [sound(answer) for answer in load("world_conversion").edit(cases)]
    media = [*(speech[2 * host] for host in hosts), *outputs, *speech[1::2]]
    templates = np.stack(judge.embed(media, judge.locate(media)))  # type: ignore[arg-type]
    references = templates[6:]
    before, after = templates[:3] @ references.T, templates[3:6] @ references.T
    assert (after[hosts, donors] - before[hosts, donors]).mean() > 0.05
    assert (after[hosts, hosts] - before[hosts, hosts]).mean() < -0.1
    is_other = np.ones_like(after, dtype=bool)
    is_other[hosts, hosts] = is_other[hosts, donors] = False
    assert after[hosts, donors].mean() > after[is_other].mean() + 0.05


@pytest.mark.parametrize(("role", "length"), [("host", 10), ("donor", 10), ("host", 16_000), ("donor", 16_000)])
def test_no_voice_no_conversion(role: str, length: int, speech: list[Audio]) -> None:
    mute = Audio(np.zeros(length, np.float32), RATE)
    media = {"host": speech[0], "donor": speech[2], role: mute}
    (answer,) = load("world_conversion").edit([EditRequest("0" * 16, "voice-conversion", 1, media)])
    assert isinstance(answer, Failed) and f"no voiced speech in the {role}" in answer.reason


def test_a_donor_is_needed(speech: list[Audio]) -> None:
    (answer,) = load("world_conversion").edit([request(host=speech[0])])
    assert isinstance(answer, Failed) and "donor" in answer.reason


def test_pieces_of_the_donor_are_the_nearest_ones() -> None:
    rng = np.random.default_rng(8)
    queries, pool = rng.normal(size=(1100, 5)), rng.normal(size=(70, 5))
    expected = np.linalg.norm(queries[:, None] - pool[None], axis=2).argmin(axis=1)
    assert np.array_equal(world_conversion.nearest(queries, pool), expected)


# ---------------------------------------------------------------- replace
def test_a_sound_is_replaced_by_a_speaker_of_its_own_case(speech: list[Audio]) -> None:
    spoken: list[tuple[int, int, int]] = []

    def recording(seed: int, utterances: Any) -> list[Audio]:
        spoken.extend((seed, *pair) for pair in utterances)
        return [Audio(np.full(1600, 0.1, np.float32), RATE) for _ in utterances]

    editor = replace.Replace(None, recording, "cpu")  # type: ignore[arg-type]
    answers = editor.edit([request(2**63 + number, subject=speech[number % 2]) for number in range(50)])
    assert len({speaker for _, speaker, _ in spoken}) == 50
    assert {len(sound(answer).samples) for answer in answers} == {1600}


def test_without_the_synthesiser_a_replacement_says_what_to_install(
    speech: list[Audio], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    editor = load("replace")
    with pytest.raises(MissingDependencyError, match="synthetic-voices"):
        editor.edit([request(subject=speech[0])])


# ---------------------------------------------------------------- the suite
@pytest.mark.parametrize(
    ("name", "tool_class", "operation"),
    [
        ("mcadams", "anonymise", Operation.VOICE_ANONYMISATION),
        ("pitch_shift", "attribute", Operation.VOICE_ATTRIBUTE_EDITING),
        ("world_conversion", "swap", Operation.VOICE_CONVERSION),
        ("blur", "anonymise", Operation.FACE_ANONYMISATION),
    ],
)
def test_a_baseline_of_voices_edits_voices_whatever_the_manifest_holds(
    name: str, tool_class: str, operation: Operation, tmp_path: Any
) -> None:
    text = f"""
name: x
editor: {{kind: baseline, name: {name}, tool_class: {tool_class}}}
dataset: {{kind: manifest, path: people.csv}}
recognisers: [resemblyzer]
assessments: {{identity_leak: {{}}}}
policy: baseline
"""
    assert parse_suite(text, base=tmp_path).editor.operation is operation
