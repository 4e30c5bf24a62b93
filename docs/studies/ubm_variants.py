"""Can a verifier fitted to 100 readers be competent on other people's acted speech? What was tried on ``ubm``.

python docs/studies/ubm_variants.py COHORT MANIFEST [STYLED.npz]   prints a Markdown table; the .npz keeps styled sounds

Settings are compared on the cohort alone: three folds of its speakers, two pieces of each in a style that another draw
gave them (WORLD: pitch, its range, tilt of the spectrum, rate, noise). The people of MANIFEST are scored last.

References:
    R. Auckenthaler, M. Carey, H. Lloyd-Thomas, Score normalization for text-independent speaker verification systems,
    Digital Signal Processing 10 (2000); M. Rahim, B.-H. Juang, Signal bias removal by maximum likelihood estimation for
    robust telephone speech recognition, IEEE Trans. SAP 4 (1996).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.adapters.recognisers import ubm
from visavox.adapters.recognisers.gmm import Mixture, _posteriors, fit_mixture, supervector
from visavox.adapters.recognisers.speech import locate_speech, speech_signals
from visavox.adapters.recognisers.ubm_background import _wccn
from visavox.media.audio import decode_audio
from visavox.media.pitch import vocoder
from visavox.ports.recogniser import FailureToAcquire, Speech

FMR, FOLDS, STYLES, RESAMPLES = 0.01, 3, 3, 1000
COMPONENTS, DIMENSIONS = 64, 150
Array = npt.NDArray[Any]
Sounds = list[Array]
Template = Callable[[Sequence[Array]], Array]


class People(NamedTuple):
    """The speech of each recording at 16 kHz, and whose it is."""

    sounds: Sounds
    names: Array


class Verifier(NamedTuple):
    """Templates of frames, and those of the cohort's unstyled recordings."""

    template: Template
    cohort: Array


def read(manifest: Path) -> People:
    with manifest.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    audios = [decode_audio((manifest.parent / row["path"]).read_bytes()) for row in rows]
    found = locate_speech(audios)
    usable = [(k, speech) for k, speech in enumerate(found) if isinstance(speech, Speech)]
    signals = speech_signals([audios[k] for k, _ in usable], [speech for _, speech in usable], ubm.RATE_HZ)
    kept = [
        (signal, k) for signal, (k, _) in zip(signals, usable, strict=True) if not isinstance(signal, FailureToAcquire)
    ]
    return People([signal for signal, _ in kept], np.array([rows[k]["subject_id"] for _, k in kept]))


def styled(samples: Array, rng: np.random.Generator) -> Array:
    """The same voice in another manner: pitch, its range, tilt, rate, noise."""
    world, x, rate_hz = vocoder(), samples.astype(np.float64), ubm.RATE_HZ
    f0, times = world.dio(x, rate_hz)
    f0 = world.stonemask(x, f0, times, rate_hz)
    envelope, noise = world.cheaptrick(x, f0, times, rate_hz), world.d4c(x, f0, times, rate_hz)
    factor, voiced = np.exp(rng.normal(0, 0.2)), f0 > 0
    mean = np.exp(np.log(f0[voiced]).mean()) if voiced.any() else 1.0
    span = np.exp(rng.normal(0, 0.3))
    pitch = np.where(voiced, np.clip(mean * factor * (np.maximum(f0, 1) / mean) ** span, 60, 600), 0)
    octaves = np.log2(np.maximum(np.linspace(0, rate_hz / 2, envelope.shape[1]), 200) / 1000)
    tilt_db = rng.normal(0, 2.0) * octaves * np.where(voiced, 1.0, 0.3)[:, None]
    envelope = envelope * 10 ** (tilt_db / 10)
    rate = np.exp(rng.normal(0, 0.12))
    at = np.minimum((np.arange(int(len(pitch) / rate)) * rate).astype(int), len(pitch) - 1)
    spoken = world.synthesize(pitch[at], np.ascontiguousarray(envelope[at]), np.ascontiguousarray(noise[at]), rate_hz)
    spoken *= np.sqrt((x**2).mean() / max((spoken**2).mean(), 1e-12))
    hiss = rng.normal(size=len(spoken)) * np.sqrt((spoken**2).mean()) * 10 ** (-rng.uniform(30, 45) / 20)
    manner: Array = (spoken + hiss).astype(np.float32)
    return manner


def all_styled(sounds: Sounds, kept: Path | None) -> list[Sounds]:
    if kept is not None and kept.exists():
        with np.load(kept) as file:
            return [[file[f"{k}-{n}"] for n in range(STYLES)] for k in range(len(sounds))]
    rng = np.random.default_rng(11)
    made = [[styled(samples, rng) for _ in range(STYLES)] for samples in sounds]
    if kept is not None:
        np.savez(
            kept, allow_pickle=False, **{f"{k}-{n}": x for k, group in enumerate(made) for n, x in enumerate(group)}
        )
    return made


def first_order(signal: Array) -> Array:
    return ubm.speech_frames(signal)


def second_order(signal: Array) -> Array:
    """Cepstra, slopes and the slopes' slopes."""
    frames = ubm.speech_frames(signal)
    padded = np.pad(frames[:, 20:], ((4, 4), (0, 0)), mode="edge")
    bends = np.asarray(sum(k * padded[4 + k : 4 + k + len(frames)] for k in range(-4, 5))) / 60
    return np.concatenate([frames, (bends - bends.mean(axis=0)) / np.maximum(bends.std(axis=0), 1e-6)], axis=1)


def rebased(frames: Array, mixture: Mixture) -> Array:
    """Frames less the offset that is most likely under a mixture: a mean for which it is no matter what was said."""
    precision = 1.0 / mixture.variances
    for _ in range(4):
        shares = _posteriors(frames, mixture)
        weight = shares @ precision
        frames = frames - (weight * frames - shares @ (mixture.means * precision)).sum(axis=0) / weight.sum(axis=0)
    return frames


def unit(vectors: Array) -> Array:
    units: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return units


def fitted(plain: Sounds, styles: Sequence[Sounds], who: Array, *, is_rebased: bool) -> Verifier:
    """``ubm``'s background of frames and, where given, of each recording's styles: they enter the projection alone."""
    mixture, base = fit_mixture(np.concatenate(plain), COMPONENTS), None
    if is_rebased:
        base = mixture
        mixture = fit_mixture(np.concatenate([rebased(frames, base) for frames in plain]), COMPONENTS)

    def vectors(given: Sequence[Array]) -> Array:
        ready = given if base is None else [rebased(frames, base) for frames in given]
        return unit(np.stack([supervector(frames, mixture, relevance=ubm.RELEVANCE) for frames in ready]))

    groups = [[frames, *more] for frames, more in zip(plain, styles, strict=True)]
    whole = [frames if base is None else rebased(frames, base) for group in groups for frames in group]
    halves = [half for frames in whole for half in np.array_split(frames, 2)]
    supers = unit(np.stack([supervector(half, mixture, relevance=ubm.RELEVANCE) for half in halves]))
    speakers = np.array([name for name, group in zip(who, groups, strict=True) for _ in range(2 * len(group))])
    centre = supers.mean(axis=0)
    centred = unit(supers - centre)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:DIMENSIONS].T
    projection = axes @ _wccn(centred @ axes, np.unique(speakers, return_inverse=True)[1])

    def template(given: Sequence[Array]) -> Array:
        return unit(unit(vectors(given) - centre) @ projection)

    return Verifier(template, template(plain))


def scores(verifier: Verifier, frames: Sequence[Array], *, is_normed: bool) -> Array:
    """All cosines; ``is_normed``: less the mean over the cohort, by its deviation, of either side (S-norm)."""
    rows = verifier.template(frames)
    found: Array = rows @ rows.T
    against = rows @ verifier.cohort.T
    if not is_normed:
        return found
    mean, spread = against.mean(axis=1), against.std(axis=1)
    normed: Array = 0.5 * ((found - mean[:, None]) / spread[:, None] + (found - mean) / spread)
    return normed


class Trials(NamedTuple):
    """Scores of pairs of recordings, whether mated, and both people as numbers."""

    scores: Array
    is_mated: Array
    first: Array
    second: Array


def trials(table: Array, names: Array, kept: Array | None = None) -> Trials:
    upper = np.triu_indices(len(names), 1)
    people = np.unique(names, return_inverse=True)[1]
    first, second = people[upper[0]], people[upper[1]]
    found = Trials(table[upper], first == second, first, second)
    return found if kept is None else Trials(*(values[kept[upper]] for values in found))


def rates(found: Trials, weights: Array | None = None) -> tuple[float, float]:
    """EER and FNMR at `FMR`, in percent, of people who count ``weights`` times."""
    weights = np.ones(int(max(found.first.max(), found.second.max())) + 1) if weights is None else weights
    weight = np.where(found.is_mated, weights[found.first], weights[found.first] * weights[found.second])
    order = np.argsort(found.scores)
    mated, non = weight[order] * found.is_mated[order], weight[order] * ~found.is_mated[order]
    missed, matched = np.cumsum(mated) / mated.sum(), 1 - np.cumsum(non) / non.sum()
    nearest, at = np.abs(missed - matched).argmin(), np.argmax(matched <= FMR)
    return 50 * float(missed[nearest] + matched[nearest]), 100 * float(missed[at])


def with_intervals(found: Trials) -> list[str]:
    """Both rates with 95 % percentile intervals over people drawn again, with the threshold."""
    rng, n = np.random.default_rng(7), int(max(found.first.max(), found.second.max())) + 1
    again = np.array([rates(found, rng.multinomial(n, np.full(n, 1 / n)).astype(float)) for _ in range(RESAMPLES)])
    low, high = np.percentile(again, [2.5, 97.5], axis=0)
    return [f"{value:.1f} [{low[k]:.1f}, {high[k]:.1f}]" for k, value in enumerate(rates(found))]


VARIANTS = {  # the parts whose scores are summed: frames, offset by likelihood; styles; S-norm
    "as it is": ([(first_order, False)], False, False),
    "S-norm": ([(first_order, False)], False, True),
    "styles": ([(first_order, False)], True, False),
    "styles, S-norm": ([(first_order, False)], True, True),
    "likely offset, styles, S-norm": ([(first_order, True)], True, True),
    "second slopes, likely offset, styles, S-norm": ([(second_order, True)], True, True),
    "the last two summed": ([(first_order, True), (second_order, True)], True, True),
}


def main(cohort: Path, manifest: Path, kept: Path | None) -> None:
    people, others = read(cohort), read(manifest)
    speaker = np.unique(people.names, return_inverse=True)[1]
    sounds = all_styled(people.sounds, kept)
    frames = {
        front: ([*map(front, people.sounds)], [[*map(front, group)] for group in sounds], [*map(front, others.sounds)])
        for front in (first_order, second_order)
    }
    models: dict[tuple[object, bool, bool, int], Verifier] = {}

    def table(name: str, fold: int) -> Array:
        """Scores of a fold's recordings in the styles that are not the first; of the manifest's, if it is -1."""
        parts, has_styles, is_normed = VARIANTS[name]
        total: Array | float = 0.0
        for front, is_rebased in parts:
            plain, styles, judged = frames[front]
            inside = np.flatnonzero(speaker % FOLDS != fold)
            key = front, is_rebased, has_styles, fold
            if key not in models:
                models[key] = fitted(
                    [plain[k] for k in inside],
                    [styles[k] if has_styles else [] for k in inside],
                    people.names[inside],
                    is_rebased=is_rebased,
                )
            tested = [styles[k][n] for k in np.flatnonzero(speaker % FOLDS == fold) for n in range(1, STYLES)]
            total = total + scores(models[key], tested if fold >= 0 else judged, is_normed=is_normed)
        return np.asarray(total)

    source = np.array([name.split("_")[0] for name in others.names])
    parts = np.unique(source)
    head = ["variant", "cohort: EER %", "FNMR %", "EER % [95 %]", "FNMR % [95 %]"]
    print("| " + " | ".join([*head, *(f"{part}: EER, FNMR %" for part in parts)]) + " |\n" + "|---" * 8 + "|")
    for name in VARIANTS:
        folds = []
        for fold in range(FOLDS):
            pieces = np.repeat(np.flatnonzero(speaker % FOLDS == fold), STYLES - 1)
            found = trials(table(name, fold), speaker[pieces], pieces[:, None] != pieces)
            folds.append(Trials(found.scores, found.is_mated, found.first, found.second))
        own = rates(Trials(*(np.concatenate(values) for values in zip(*folds, strict=True))))
        judged = table(name, -1)
        row = [name, f"{own[0]:.1f}", f"{own[1]:.1f}", *with_intervals(trials(judged, others.names))]
        for part in parts:
            inside = np.flatnonzero(source == part)
            of = rates(trials(judged[np.ix_(inside, inside)], others.names[inside]))
            row.append(f"{of[0]:.1f}, {of[1]:.1f}")
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
