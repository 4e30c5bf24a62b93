"""The background that ``ubm`` ships: fitted to synthetic speakers of a seed that no shipped set has.

python docs/studies/ubm_background.py ship               makes it, writes it into the package, prints its digest
python docs/studies/ubm_background.py measure MANIFEST [COHORT]
                                                         prints what ``ubm`` makes of a manifest's voices
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from visavox.adapters.recognisers import ubm
from visavox.adapters.recognisers.ubm_background import fit_background, write_background
from visavox.core.digest import sha256_bytes
from visavox.core.records import RecogniserSpec
from visavox.media.audio import decode_audio
from visavox.ports.recogniser import Speech, recognisers
from visavox_datasets.synthetic.voices.speakers import REFERENCE
from visavox_datasets.synthetic.voices.utterances import render_voices

SEED = 2025
SPEAKERS = 100
UTTERANCES = 5
FMR = 0.01


def ship() -> None:
    """Synthesises the speakers, fits the background and writes it where ``ubm`` reads it."""
    assert REFERENCE.seed != SEED  # its speakers are those whom demo and tests score
    pairs = [(speaker, number) for speaker in range(SPEAKERS) for number in range(UTTERANCES)]
    frames, who = ubm.cohort_frames(render_voices(SEED, pairs), [speaker for speaker, _ in pairs])
    defaults = ubm.UbmParams()
    background = fit_background(
        frames, who, n_components=defaults.components, n_dimensions=defaults.dimensions, relevance=ubm.RELEVANCE
    )
    data = write_background(background)
    ubm.SHIPPED.write_bytes(data)
    print(f"{len(frames)} utterances of {SPEAKERS} speakers, seed {SEED}: {len(data)} bytes, {sha256_bytes(data)}")


def measure(manifest: Path, cohort: Path | None) -> None:
    """AUC, EER and FNMR at FMR 1e-2 over all pairs of recordings."""
    with manifest.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    params = {} if cohort is None else {"cohort": str(cohort)}
    judge = recognisers.get("ubm")(RecogniserSpec(name="ubm", id="ubm", params=params), "cpu")
    sounds = [decode_audio((manifest.parent / row["path"]).read_bytes()) for row in rows]
    found = judge.locate(sounds)
    usable = [k for k, speech in enumerate(found) if isinstance(speech, Speech)]
    templates = np.stack(judge.embed([sounds[k] for k in usable], [found[k] for k in usable]))
    names = np.array([rows[k]["subject_id"] for k in usable])
    upper = np.triu_indices(len(names), 1)
    scores, is_mated = judge.compare(templates, templates)[upper], (names[:, None] == names[None])[upper]
    mated, non_mated = np.sort(scores[is_mated]), np.sort(scores[~is_mated])
    thresholds = np.concatenate([mated, non_mated])
    fnmr = np.searchsorted(mated, thresholds) / len(mated)
    fmr = 1.0 - np.searchsorted(non_mated, thresholds) / len(non_mated)
    at = np.abs(fnmr - fmr).argmin()
    threshold = np.nextafter(non_mated[-1 - int(FMR * len(non_mated))], np.inf)
    ranks = np.searchsorted(non_mated, mated) + np.searchsorted(non_mated, mated, "right")
    print(
        f"{len(set(names))} speakers, {len(usable)} of {len(rows)} utterances, {len(mated)} mated and"
        f" {len(non_mated)} non-mated comparisons\nAUC {ranks.mean() / 2 / len(non_mated):.4f}, EER"
        f" {50 * (fnmr[at] + fmr[at]):.2f} %, FNMR at FMR {FMR:g} {100 * (mated < threshold).mean():.1f} %"
    )


if __name__ == "__main__":
    if sys.argv[1] == "ship":
        ship()
    else:
        measure(Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
