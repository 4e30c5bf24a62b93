"""The synthetic speakers: what a recogniser makes of them, how they look, the shipped set.

python docs/studies/synthetic_voices.py measure 40 6      prints Markdown; utterances stay in the cache
python docs/studies/synthetic_voices.py sheet SHEET.png   spectrograms of six speakers
python docs/studies/synthetic_voices.py ship              synthesises the reference set into the package
"""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw

from visavox.core.digest import sha256_bytes
from visavox.core.records import RecogniserSpec
from visavox.media.audio import Audio, clipped_share, decode_audio
from visavox.media.speech import speech_seconds, speech_segments
from visavox.metrics.curves import auc_interval, eer_interval
from visavox.metrics.intervals import bound_lower, bound_upper
from visavox.ports.recogniser import Speech, recognisers
from visavox_datasets.made_sets import SUMS
from visavox_datasets.synthetic.voices import speakers
from visavox_datasets.synthetic.voices.parameters import attributes, draw_voice
from visavox_datasets.synthetic.voices.sentences import sentence
from visavox_datasets.synthetic.voices.speakers import REFERENCE, REFERENCE_SET, Speakers

ALPHA = 0.025  # each side
JUDGE = "resemblyzer"
_WIDTH = 760
MADE_WITH = ("espeakng-loader", "av", "numpy", "scipy")


def utterances(asked: Speakers) -> tuple[list[Audio], np.ndarray]:
    """The utterances of a set, read from the cache or made, and who speaks each."""
    folder = speakers.prepare(asked).parent
    pairs = [(speaker, number) for speaker in range(asked.speakers) for number in range(asked.utterances)]
    sounds = [decode_audio((folder / speakers.file_name(*pair)).read_bytes()) for pair in pairs]
    return sounds, np.array([speaker for speaker, _ in pairs])


def measure(n_speakers: int, n_utterances: int, seed: int = REFERENCE.seed) -> None:
    """Lengths, levels, and a judge's AUC, EER and rank-1 over all strangers and over alike ones."""
    asked = Speakers(speakers=n_speakers, utterances=n_utterances, seed=seed)
    sounds, who = utterances(asked)
    print(f"{n_speakers} speakers x {n_utterances}, seed {seed}\n")
    spoken = np.array([speech_seconds(sound) for sound in sounds])
    rows: Mapping[str, np.ndarray] = {
        "seconds": np.array([sound.duration_s for sound in sounds]),
        "seconds of speech": spoken,
        "share of speech": spoken / [sound.duration_s for sound in sounds],
        "peak": np.array([np.abs(sound.samples).max() for sound in sounds]),
        "share clipped": np.array([clipped_share(sound) for sound in sounds]),
    }
    print("| | least | mean | most |\n|---|---|---|---|")
    for name, values in rows.items():
        print(f"| {name} | {values.min():.2f} | {values.mean():.2f} | {values.max():.2f} |")
    print()
    _scores(sounds, who, asked)


def _scores(sounds: list[Audio], who: np.ndarray, asked: Speakers) -> None:
    judge = recognisers.get(JUDGE)(RecogniserSpec(name=JUDGE, id=JUDGE), "cpu")
    regions = list(judge.locate(sounds))
    kept = [i for i, region in enumerate(regions) if isinstance(region, Speech)]
    vectors = np.stack([np.asarray(t) for t in judge.embed([sounds[i] for i in kept], [regions[i] for i in kept])])
    person = who[kept]
    scores = np.asarray(judge.compare(vectors, vectors))
    a, b = np.triu_indices(len(person), 1)
    mated = person[a] == person[b]
    truth = [attributes(speaker) for speaker in range(asked.speakers)]
    sex, accent = (np.array([t[name] for t in truth])[person] for name in ("sex", "accent"))
    groups = {
        "all": ~mated,
        "same sex": ~mated & (sex[a] == sex[b]),
        "and same accent": ~mated & (sex[a] == sex[b]) & (accent[a] == accent[b]),
    }
    print(f"{len(kept)} of {len(who)} located\n")
    print("| strangers | mated | non-mated | AUC | EER (95 %) |\n|---|---|---|---|---|")
    pair = scores[a, b]
    for name, strangers in groups.items():
        table = (pair[mated], person[a][mated], pair[strangers], person[a][strangers], person[b][strangers])
        rate, area = eer_interval(*table), auc_interval(*table)
        bounds = f"[{bound_lower(rate.basis, ALPHA):.2%}, {bound_upper(rate.basis, ALPHA):.2%}]"
        print(f"| {name} | {mated.sum()} | {strangers.sum()} | {area.p:.4f} | {rate.p:.2%} {bounds} |")
    np.fill_diagonal(scores, -np.inf)
    print(f"\nrank-1 {np.mean(person[scores.argmax(0)] == person):.2%}")


def sheet(path: str) -> None:
    """Spectrograms, 0 to 8 kHz over 70 dB, of the first utterances of six speakers; the bar marks speech."""
    sounds, _ = utterances(Speakers(speakers=6, utterances=1))
    pictures = []
    for speaker, sound in enumerate(sounds):
        frames = np.lib.stride_tricks.sliding_window_view(sound.samples, 400)[::80] * np.hanning(400)
        level_db = 20 * np.log10(np.abs(np.fft.rfft(frames, 512)) + 1e-5)
        ink = np.clip((level_db - level_db.max() + 70) / 70, 0, 1)
        picture = PillowImage.fromarray((255 * (1 - ink.T[::-1])).astype(np.uint8)).resize((_WIDTH, 120))
        draw = ImageDraw.Draw(picture)
        label = f"{speaker} {' '.join(attributes(speaker).values())} {draw_voice(7, speaker)['pitch_hz']:.0f} Hz"
        draw.text((4, 4), f"{label}: {sentence(7, speaker, 0)} {sound.duration_s:.2f} s", fill=0)
        for segment in speech_segments(sound):
            start, end = (_WIDTH * edge / sound.duration_s for edge in segment)
            draw.line([(start, 118), (end, 118)], fill=0, width=3)
        pictures.append(np.asarray(picture))
    PillowImage.fromarray(np.vstack(pictures)).quantize(8).save(path, optimize=True)


def ship() -> None:
    """Synthesises the reference set, and writes its manifest, its digests and by what it was made."""
    begun = time.process_time()
    cached = speakers.prepare(REFERENCE, shipped=None).parent
    print(f"{time.process_time() - begun:.0f} CPU seconds for what was not in the cache")
    shutil.rmtree(REFERENCE_SET, ignore_errors=True)
    REFERENCE_SET.mkdir(parents=True)
    files: dict[str, bytes] = {}
    for speaker in range(REFERENCE.speakers):
        for number in range(REFERENCE.utterances):
            name = speakers.file_name(speaker, number)
            files[name] = (cached / name).read_bytes()
    files["manifest.csv"] = speakers.manifest_text(REFERENCE).encode()
    sums = "".join(f"{sha256_bytes(data)}  {name}\n" for name, data in files.items())
    by = {
        "generator": speakers.generator_digest(),
        "cpu": speakers.cpu(),
        **{package: importlib.metadata.version(package) for package in MADE_WITH},
    }
    files["rendered-by.txt"] = "".join(f"{name}: {value}\n" for name, value in by.items()).encode()
    files[SUMS] = sums.encode()
    for name, data in files.items():
        Path(REFERENCE_SET / name).write_bytes(data)


def main(words: list[str]) -> None:
    match words:
        case ["measure", *numbers]:
            measure(*map(int, numbers))
        case ["sheet", path]:
            sheet(path)
        case ["ship"]:
            ship()
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
