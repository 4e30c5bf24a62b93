"""An audible label beside speech: what recognisers hear of labelled and unlabelled voices (docs/adr/0016)."""

from __future__ import annotations

import numpy as np
import pytest
from rhythms import RATE, ai, sound

from visavox.adapters.recognisers.resemblyzer import Resemblyzer
from visavox.adapters.recognisers.ubm import Ubm, UbmParams
from visavox.core.terms import Modality
from visavox.engine.medium import MEDIA, LocatedIn
from visavox.media.audio import Audio
from visavox.media.speech import speech_seconds, speech_segments, tone_stretches
from visavox.ports.assessment import FALLBACK, NO_TEMPLATE
from visavox.ports.dataset import voice_renderers
from visavox.ports.recogniser import FailureToAcquire, Speech

PAUSE = np.zeros(RATE // 2)


@pytest.fixture(scope="module")
def voices() -> list[np.ndarray]:
    found = voice_renderers.get("synthetic-voices")(11, [(k, 0) for k in range(3)])
    return [voice.samples.astype(np.float64) for voice in found]


def level(voice: np.ndarray) -> float:
    return float(np.sqrt(2 * np.mean(voice**2)))


@pytest.mark.parametrize("unit", [0.06, 0.12, 0.3])
@pytest.mark.parametrize("hz", [300.0, 1000.0, 4500.0])
def test_the_rhythm_is_no_speech_and_the_voice_is(voices: list[np.ndarray], unit: float, hz: float) -> None:
    label = ai(unit, hz=hz, level=level(voices[0]))
    alone = speech_segments(sound(voices[0], noise=1e-5))
    for parts, shift in (((label, PAUSE, voices[0]), len(label) + len(PAUSE)), ((voices[0], PAUSE, label), 0)):
        whole = sound(*parts, noise=1e-5)
        assert len(tone_stretches(whole)) == 4
        found = speech_segments(whole)
        assert speech_seconds(whole) >= sum(end - start for start, end in alone) - 0.03
        # beside a silent pause soft beginnings stand out, but nothing of the label does
        assert found[0][0] >= shift / RATE - 0.03 and found[-1][1] <= (shift + len(voices[0])) / RATE + 0.03


def test_speech_under_a_label_stays_speech(voices: list[np.ndarray]) -> None:
    """Nobody hides a voice by laying the rhythm over it, four times as loud too."""
    voice = voices[0]
    for loud in (1.0, 4.0):
        label = ai(0.3, level=loud * level(voice))[: len(voice)]
        covered = voice + np.pad(label, (0, len(voice) - len(label)))
        assert speech_seconds(sound(covered, noise=1e-5)) >= 0.8 * speech_seconds(sound(voice, noise=1e-5))


def test_a_tone_is_left_out_only_where_nothing_else_sounds() -> None:
    beep = ai(0.3, level=0.1)
    hiss = np.random.default_rng(5).normal(0, 0.02, beep.size)
    quiet = np.zeros(RATE)
    assert len(tone_stretches(sound(quiet, beep, quiet, noise=1e-5))) == 4
    assert tone_stretches(sound(quiet, beep + hiss, quiet, noise=1e-5)) == ()
    murmur = ai(0.3, hz=150.0, level=0.1)
    assert tone_stretches(sound(quiet, murmur, quiet, noise=1e-5)) == ()
    for highest in (560.0, 3000.0):
        gliding = 0.1 * np.sin(2 * np.pi * np.cumsum(np.linspace(300, highest, RATE // 2)) / RATE)
        assert tone_stretches(sound(quiet, gliding, quiet, noise=1e-5)) == ()


def test_templates_of_labelled_voices_are_those_of_the_voices(voices: list[np.ndarray]) -> None:
    ubm = Ubm("ubm", UbmParams())
    bare = [sound(voice, noise=1e-5) for voice in voices]
    labelled = [sound(ai(0.12, level=level(voice)), PAUSE, voice, noise=1e-5) for voice in voices]
    for without, with_label in zip(templates(ubm, bare), templates(ubm, labelled), strict=True):
        assert float(without @ with_label) > 0.95  # .46 to .84 while the label was heard


def templates(ubm: Ubm, sounds: list[Audio]) -> list[np.ndarray]:
    located = [one for one in ubm.locate(sounds) if isinstance(one, Speech)]
    return [one for one in ubm.embed(sounds, located) if isinstance(one, np.ndarray)]


def test_resemblyzer_hears_no_speech_in_a_label_that_webrtc_takes_for_some(voices: list[np.ndarray]) -> None:
    label = ai(0.05, hz=1000.0, level=0.1)
    judge = Resemblyzer("resemblyzer", "cpu")
    (speech,) = judge.locate([sound(label, PAUSE, voices[0], noise=1e-5)])
    assert isinstance(speech, Speech)
    assert speech.segments[0][0] > len(label) / RATE


def test_a_beep_before_a_quiet_voice_is_not_embedded_as_the_voice(voices: list[np.ndarray]) -> None:
    """Else the template is the beep's, and the voice behind it counts as hidden."""
    before = sound(voices[0], noise=1e-5)
    beep = 0.9 * np.sin(2 * np.pi * 1000.0 * np.arange(4 * RATE) / RATE)
    quiet = voices[0] * 0.01 / np.abs(voices[0]).max()
    hidden = sound(beep, PAUSE, quiet, noise=1e-5)
    medium, ubm = MEDIA[Modality.VOICE], Ubm("ubm", UbmParams())
    spoken, found = ubm.locate([before, hidden])
    assert isinstance(found, FailureToAcquire)
    source = LocatedIn(spoken, medium.size(before))
    assert medium.attacked(found, hidden, source).state == NO_TEMPLATE
    assert medium.attacked(found, sound(quiet, noise=1e-5), source).state == FALLBACK  # where no tone lies: as ever
