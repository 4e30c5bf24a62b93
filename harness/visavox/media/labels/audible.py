"""The audible label of a sound: the rhythm short-long short-short, which is "AI" in Morse code.

Sought are four bursts of one steady tone. The standard gives no lengths, no pitch and no level, so these are the
project's: a burst is short from 45 to 500 ms, the long one is at least twice as long as the short ones, gaps are of
about a short one, the gap between the letters may be longer. The tone must stand out from its neighbourhood in
frequency, so that it is found over speech and noise. A label in words needs a speech recogniser, which is not part of
this: where no rhythm is found and no transcript is given, the finding is ``inconclusive``.

References:
    GB 45438-2025, 5.3 c) with note 1, d) with note 2, f); LAW 2.1. ITU-R M.1677-1 (Morse code): a dash is three dots
    long, the gap within a letter one, between letters three.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.terms import PerceptibleVerdict

from ..audio import Audio
from ..speech import speech_segments
from .elements import elements_of
from .records import AudibleFindings, Finding, Rhythm

Floats = npt.NDArray[np.floating[Any]]

WINDOW_S: Final = 0.040
HOP_S: Final = 0.005
LOWEST_HZ, HIGHEST_HZ = 250.0, 5000.0
SHORT_S: Final = (0.045, 0.500)
LEAST_RATIO, MOST_RATIO = 2.0, 6.0
"""Of the long burst to the mean short one; Morse code says 3."""
ALIKE: Final = 1.5
"""Longest short burst over the shortest one, at most."""
GAP: Final = (0.35, 3.0)
LETTER_GAP: Final = (0.35, 8.0)
"""Gaps within and between the letters, in short bursts; Morse code says 1 and 3."""
PROMINENCE_DB: Final = 15.0
"""Of the tone's band over the median of its neighbourhood."""
SAME_LEVEL_DB: Final = 6.0
SAME_PITCH: Final = 0.015
STEADY_DB: Final = 2.0
FAINTEST_DBFS: Final = -70.0
"""Re a full-scale sine: nothing fainter is a tone. In a telephone's digital silence quantiser and filter ring on."""
FAINT_DB: Final = -20.0
"""Level of the tone under that of the speech below which the rhythm is hard to tell."""
MAX_RHYTHMS: Final = 16
METHOD: Final = (
    f"rhythm of tones: short {1000 * SHORT_S[0]:.0f} to {1000 * SHORT_S[1]:.0f} ms, long over short at least "
    f"{LEAST_RATIO:g} (project default, the standard gives no lengths), {PROMINENCE_DB:g} dB above its neighbourhood"
)
_BLOCK: Final = 4096
_NEIGHBOURS: Final = range(5, 17)
_STANDARD: Final = "GB 45438-2025"
_LETTERS: Final = re.compile(r"(?<![A-Za-z])A\.?[ -]?I(?![A-Za-z])", re.IGNORECASE)
"""The two letters as a speech recogniser writes them."""


class _Burst(NamedTuple):
    """A stretch of one steady tone: start and end in seconds, pitch in Hz, level and its spread in dB."""

    start: float
    end: float
    pitch: float
    level: float
    spread: float

    @property
    def length(self) -> float:
        return self.end - self.start


def audible_findings(audio: Audio, *, transcript: str | None = None) -> AudibleFindings:
    """The audible label of a sound.

    Args:
        audio: the sound.
        transcript: what a speech recogniser heard in it; None where none listened.
    """
    rhythms = find_rhythms(audio)
    if rhythms:
        broken = tuple(_faint(rhythms))
        verdict = PerceptibleVerdict.NONCOMPLIANT if broken else PerceptibleVerdict.COMPLIANT
        codes = tuple(finding.rule for finding in broken)
        return AudibleFindings(verdict=verdict, method=METHOD, rhythms=rhythms, broken_rules=codes, details=broken)
    if transcript is None:
        reason = "no rhythm; whether it is said in words was not examined: no speech recogniser"
        return AudibleFindings(verdict=PerceptibleVerdict.INCONCLUSIVE, method=METHOD, reason=reason)
    return _of_words(transcript)


def _of_words(transcript: str) -> AudibleFindings:
    found = elements_of(_LETTERS.sub("AI", transcript))
    if not found.has_ai or not (found.has_made or found.is_english):
        return AudibleFindings(verdict=PerceptibleVerdict.NOT_FOUND, method="transcript")
    if found.has_made:
        return AudibleFindings(verdict=PerceptibleVerdict.COMPLIANT, method="transcript")
    broken = Finding(
        rule="gb45438-5.3b-generation",
        clause=f"{_STANDARD} 5.3 b) 2)",
        found="the generation element in English alone",
        todo="say 生成 or 合成",
    )
    codes = (broken.rule,)
    verdict = PerceptibleVerdict.NONCOMPLIANT
    return AudibleFindings(verdict=verdict, method="transcript", broken_rules=codes, details=(broken,))


def _faint(rhythms: Sequence[Rhythm]) -> Iterator[Finding]:
    loudest = max(rhythm.level_db for rhythm in rhythms)
    if loudest < FAINT_DB:
        yield Finding(
            rule="gb45438-5.3f-clear",
            clause=f"{_STANDARD} 5.3 f)",
            found=f"the rhythm is {-loudest:.0f} dB under the rest of the sound; {-FAINT_DB:g} dB are allowed",
            todo="play it louder",
        )


# ---------------------------------------------------------------- the rhythm
def find_rhythms(audio: Audio) -> tuple[Rhythm, ...]:
    """Every rhythm short-long short-short of a sound, in order, at most 16."""
    found: list[tuple[_Burst, ...]] = []
    for bursts in _by_band(audio):
        found += [four for four in zip(*(bursts[i:] for i in range(4)), strict=False) if _is_rhythm(four, bursts)]
    kept: list[tuple[_Burst, ...]] = []
    for four in sorted(
        found, key=lambda four: -sum(burst.level for burst in four)
    ):  # of a sound's partials the loudest
        if not any(four[0].start < other[3].end and other[0].start < four[3].end for other in kept):
            kept.append(four)
    kept.sort(key=lambda four: four[0].start)
    return tuple(_rhythm(four, kept, audio) for four in kept[:MAX_RHYTHMS])


def _is_rhythm(four: tuple[_Burst, ...], bursts: Sequence[_Burst]) -> bool:
    first, long, third, fourth = four
    shorts = [burst.length for burst in (first, third, fourth)]
    short = sum(shorts) / 3
    gaps = [right.start - left.end for left, right in pairwise(four)]
    levels, pitches = [burst.level for burst in four], [burst.pitch for burst in four]
    return (
        SHORT_S[0] <= short <= SHORT_S[1]
        and max(shorts) <= ALIKE * min(shorts) + HOP_S
        and LEAST_RATIO <= long.length / short <= MOST_RATIO
        and all(GAP[0] * short <= gap <= GAP[1] * short for gap in (gaps[0], gaps[2]))
        and LETTER_GAP[0] * short <= gaps[1] <= LETTER_GAP[1] * short
        and max(levels) - min(levels) <= SAME_LEVEL_DB
        and max(pitches) - min(pitches) <= SAME_PITCH * max(pitches)
        and all(burst.spread <= STEADY_DB for burst in four)
        and _stands_alone(four, bursts, short)
    )


def _stands_alone(four: tuple[_Burst, ...], bursts: Sequence[_Burst], short: float) -> bool:
    """Whether no further burst of its kind stands right before or behind it: a melody, or speech, goes on."""
    level = min(burst.level for burst in four) - SAME_LEVEL_DB
    near = [b for b in bursts if b not in four and b.level >= level]
    return not any(
        four[0].start - 1.5 * short < burst.end and burst.start < four[3].end + 1.5 * short for burst in near
    )


def _rhythm(four: tuple[_Burst, ...], kept: Sequence[tuple[_Burst, ...]], audio: Audio) -> Rhythm:
    start, end = four[0].start, four[3].end
    shorts = [four[i].length for i in (0, 2, 3)]
    short = sum(shorts) / 3
    content = _content(audio, kept)
    if not content or end <= content[0][0] + WINDOW_S:
        position = "start"
    else:
        position = "end" if start >= content[-1][1] - WINDOW_S else "middle"
    return Rhythm(
        position=position,
        start_s=round(start, 3),
        end_s=round(end, 3),
        short_s=round(short, 3),
        ratio=round(four[1].length / short, 2),
        frequency_hz=round(sum(burst.pitch for burst in four) / 4, 1),
        level_db=round(sum(burst.level for burst in four) / 4 - _level_db(audio, content), 1),
    )


def _content(audio: Audio, kept: Sequence[tuple[_Burst, ...]]) -> list[tuple[float, float]]:
    """Stretches of speech that are no rhythm."""
    inside = [(four[0].start - WINDOW_S, four[3].end + WINDOW_S) for four in kept]
    found = []
    for start, end in speech_segments(audio):
        covered = sum(max(0.0, min(end, last) - max(start, first)) for first, last in inside)
        if covered < 0.7 * (end - start):
            found.append((start, end))
    return found


def _level_db(audio: Audio, content: Sequence[tuple[float, float]]) -> float:
    rate = audio.sample_rate_hz
    parts = [audio.samples[round(start * rate) : round(end * rate)] for start, end in content]
    samples = np.concatenate(parts) if parts else audio.samples
    return 10.0 * float(np.log10(max(float(np.mean(samples.astype(np.float64) ** 2)), 1e-12)))


# ---------------------------------------------------------------- tones
def _by_band(audio: Audio) -> Iterator[list[_Burst]]:
    """The bursts of steady tone in each band of frequency, in order."""
    power, hz = _spectrogram(audio)
    if power.shape[0] < 8 or power.shape[1] < 2 * _NEIGHBOURS.stop + 1:
        return
    is_tone = _tones(power)
    for band in range(_NEIGHBOURS.stop, power.shape[1] - _NEIGHBOURS.stop, 2):  # every tone lies in a band's middle
        on = np.asarray(is_tone[:, band - 1 : band + 2].any(axis=1), np.bool_)
        if np.count_nonzero(on) * HOP_S >= 4 * SHORT_S[0]:
            yield _bursts(on, power[:, band - 3 : band + 4], hz[band - 3 : band + 4])


def _spectrogram(audio: Audio) -> tuple[npt.NDArray[np.float32], Floats]:
    """Power of a full-scale sine's band is 1/2, as its mean square; frames by frequencies, and these."""
    rate = audio.sample_rate_hz
    size, hop = round(WINDOW_S * rate), max(1, round(HOP_S * rate))
    samples = np.pad(audio.samples, size // 2)
    window = np.hanning(size + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    hz = np.fft.rfftfreq(size, 1 / rate)
    margin = (_NEIGHBOURS.stop + 1) / WINDOW_S
    kept = (hz >= LOWEST_HZ - margin) & (hz <= HIGHEST_HZ + margin)
    scale = 2.0 / (window.sum() * (window**2).sum() / window.sum() * size)
    parts = [
        np.abs(np.fft.rfft(frames[at : at + _BLOCK] * window)[:, kept]) ** 2 * scale
        for at in range(0, len(frames), _BLOCK)
    ]
    return np.concatenate(parts).astype(np.float32), hz[kept]


def _tones(power: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Where a frequency is a peak that stands out from its neighbourhood."""
    faintest = np.float32(0.5 * 10 ** (FAINTEST_DBFS / 10))
    result = np.zeros(power.shape, bool)
    first, last = _NEIGHBOURS.stop, power.shape[1] - _NEIGHBOURS.stop
    factor = np.float32(10 ** (PROMINENCE_DB / 10))
    for at in range(0, len(power), _BLOCK):
        block = power[at : at + _BLOCK]
        around = np.stack([block[:, first + d : last + d] for n in _NEIGHBOURS for d in (-n, n)])
        middle = block[:, first:last]
        is_peak = (middle >= block[:, first - 1 : last - 1]) & (middle >= block[:, first + 1 : last + 1])
        result[at : at + _BLOCK, first:last] = is_peak & (middle > factor * np.median(around, axis=0) + faintest)
    return result


def _bursts(on: npt.NDArray[np.bool_], power: npt.NDArray[np.float32], hz: Floats) -> list[_Burst]:
    """Stretches of tone, their ends where the level has fallen by 6 dB: there the window is half filled."""
    level = power.sum(axis=1, dtype=np.float64)
    found: list[_Burst] = []
    for run in _runs(on, join=2):
        first, behind = run
        top = float(np.percentile(level[first:behind], 75))
        while first > 0 and level[first - 1] >= top / 4:
            first -= 1
        while behind < len(level) and level[behind] >= top / 4:
            behind += 1
        inside = np.flatnonzero(level[first:behind] >= top / 4) + first
        start, end = float(inside[0]) * HOP_S, float(inside[-1] + 1) * HOP_S
        if found and start < found[-1].end:
            continue
        margin = round(WINDOW_S / 2 / HOP_S)
        core = level[inside[0] + margin : inside[-1] + 1 - margin]
        if len(core) < 2:
            core = level[inside]
        spread = float(np.std(10 * np.log10(np.maximum(core, 1e-12))))
        weights = power[inside].sum(axis=0, dtype=np.float64)
        pitch = float((weights * hz).sum() / weights.sum())
        found.append(_Burst(start, end, pitch, 10 * float(np.log10(max(top, 1e-12))), spread))
    return found


def _runs(on: npt.NDArray[Any], *, join: int) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8))).reshape(-1, 2)
    runs: list[tuple[int, int]] = []
    for first, behind in edges.tolist():
        if runs and first - runs[-1][1] <= join:
            runs[-1] = (runs[-1][0], behind)
        else:
            runs.append((first, behind))
    return runs
