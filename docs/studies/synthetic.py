"""The synthetic people: what detector and recognisers make of them, their contact sheet, the shipped set.

python docs/studies/synthetic.py measure 60 6 [MOBILEFACENET.onnx]    prints Markdown; pictures stay in the cache
python docs/studies/synthetic.py sheet SHEET.png                      12 people x 3
python docs/studies/synthetic.py ship                                 renders the reference set into the package
"""

from __future__ import annotations

import hashlib
import io
import platform
import shutil
import sys
import time
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from visavox.core.digest import sha256_bytes
from visavox.core.records import RecogniserSpec
from visavox.metrics.curves import auc_interval, eer, eer_interval
from visavox.metrics.intervals import bound_lower, bound_upper
from visavox.ports.editor import Image
from visavox.ports.recogniser import Recogniser, Region, recognisers
from visavox_datasets.made_sets import SUMS
from visavox_datasets.synthetic import people
from visavox_datasets.synthetic.attributes import attributes
from visavox_datasets.synthetic.people import REFERENCE, REFERENCE_SET, People

SURE = 0.99
ALPHA = 0.025  # each side
ONNX = {"input_px": 112, "template": "arcface5", "mean": 127.5, "std": 128, "channel": "rgb"}
ONNX |= {"families": ["mobilefacenet"], "training_overlap": "none"}


def pictures(asked: People) -> tuple[list[Image], np.ndarray]:
    """The pictures of a set, read from the cache or rendered, and whom each shows."""
    folder = people.prepare(asked).parent
    pairs = [(person, image) for person in range(asked.people) for image in range(asked.images)]
    files = [folder / people.picture_name(*pair) for pair in pairs]
    return [np.asarray(PillowImage.open(file).convert("RGB")) for file in files], np.array([p for p, _ in pairs])


def judges(onnx: str | None) -> list[Recogniser]:
    specs = [RecogniserSpec(name="dlib", id="dlib")]
    if onnx:
        digest = hashlib.sha256(Path(onnx).read_bytes()).hexdigest()
        params = tuple(({"path": onnx, "sha256": digest} | ONNX).items())
        specs.append(RecogniserSpec(name="onnx_face", id="mobilefacenet", params=params))
    return [recognisers.get(spec.name)(spec, "cpu") for spec in specs]


def measure(n_people: int, images: int, onnx: str | None = None) -> None:
    """Detection, AUC, EER and rank-1 of every judge, over all strangers and over look-alikes."""
    asked = People(people=n_people, images=images)
    shown, who = pictures(asked)
    print(f"{n_people} people x {images}, seed {asked.seed}, {asked.size_px} px\n")
    found: list[object] = []
    for judge in judges(onnx):
        if not found:
            found = list(judge.locate(shown))
            sure = [isinstance(r, Region) and r.confidence > SURE for r in found]
            have = [isinstance(r, Region) for r in found]
            print(f"MTCNN: {np.mean(have):.2%} found, {np.mean(sure):.2%} with confidence above {SURE}")
            print("not found:", [(int(who[i]), i % images) for i in np.flatnonzero(~np.array(have))], "\n")
            head = "judge | strangers | comparisons | AUC | EER (95 %) | strangers' mean score | threshold"
            print(f"| {head} |\n" + "|---" * (head.count("|") + 1) + "|")
        _rows(judge, shown, who, found, asked)


def _rows(judge: Recogniser, shown: list[Image], who: np.ndarray, found: list[object], asked: People) -> None:
    regions = {i: r for i, r in enumerate(found) if isinstance(r, Region)}
    templates = judge.embed([shown[i] for i in regions], list(regions.values()))
    kept = [(i, t) for i, t in zip(regions, templates, strict=True) if isinstance(t, np.ndarray)]
    vectors, person = np.stack([t for _, t in kept]), who[[i for i, _ in kept]]
    scores = judge.compare(vectors, vectors)
    first, second = np.triu_indices(len(person), 1)
    pair = scores[first, second]
    truth = [attributes(asked.seed, p) for p in range(asked.people)]
    tone_and_sex = np.array([f"{t['sex']} {t['skin_tone']}" for t in truth])[person]
    cell = np.array([f"{t['sex']} {t['skin_tone']} {t['age_band']}" for t in truth])[person]
    mated = person[first] == person[second]
    groups = {
        "all": ~mated,
        "same sex and skin tone": ~mated & (tone_and_sex[first] == tone_and_sex[second]),
        "and same age band": ~mated & (cell[first] == cell[second]),
    }
    for name, strangers in groups.items():
        if not strangers.any():
            continue
        table = (pair[mated], person[first][mated], pair[strangers], person[first][strangers])
        rate, area = (f(*table, person[second][strangers]) for f in (eer_interval, auc_interval))
        bounds = f"[{bound_lower(rate.basis, ALPHA):.2%}, {bound_upper(rate.basis, ALPHA):.2%}]"
        row = [judge.id, name, f"{mated.sum()} mated, {strangers.sum()} non-mated", f"{area.p:.4f}"]
        row += [f"{rate.p:.2%} {bounds}", f"{pair[strangers].mean():.3f} (own: {pair[mated].mean():.3f})"]
        print("| " + " | ".join([*row, f"{eer(table[0], table[2]).threshold:.3f}"]) + " |")
    np.fill_diagonal(scores, -np.inf)
    hits = person[scores.argmax(0)] == person
    chance = np.mean([(np.sum(person == p) - 1) / (len(person) - 1) for p in person])
    print(f"\n{judge.id}: rank-1 {hits.mean():.2%} of {len(person)}, chance {chance:.2%}")
    _nearest(pair, person[first], person[second], ~mated, truth)


def _nearest(
    pair: np.ndarray, a: np.ndarray, b: np.ndarray, strangers: np.ndarray, truth: list[dict[str, str]]
) -> None:
    """The pairs of people most alike by their mean score."""
    n = len(truth)
    total, count = np.zeros((n, n)), np.zeros((n, n))
    np.add.at(total, (a[strangers], b[strangers]), pair[strangers])
    np.add.at(count, (a[strangers], b[strangers]), 1)
    mean = {(i, j): total[i, j] / count[i, j] for i, j in combinations(range(n), 2) if count[i, j]}
    for i, j in sorted(mean, key=lambda two: -mean[two])[:3]:
        print(f"most alike: {i} and {j}, mean {mean[i, j]:.3f}: {truth[i]} / {truth[j]}")
    print()


def sheet(path: str, n_people: int = 12, images: int = 3) -> None:
    """A contact sheet, 224 px a picture, four people a row; a palette keeps the file small."""
    asked = People(people=n_people, images=images)
    shown, _ = pictures(asked)
    across, side = 4 * images, 160
    whole = PillowImage.new("RGB", (across * side, -(-len(shown) // across) * side))
    for i, picture in enumerate(shown):
        small = PillowImage.fromarray(picture).resize((side, side), PillowImage.Resampling.LANCZOS)
        whole.paste(small, (i % across * side, i // across * side))
    whole.quantize(256, dither=PillowImage.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def ship() -> None:
    """Renders the reference set, and writes its manifest, its digests and by what it was rendered."""
    import PIL
    import scipy
    import torch

    begun = time.process_time()
    cached = people.prepare(REFERENCE, shipped=None).parent
    print(f"{time.process_time() - begun:.0f} CPU seconds for what was not in the cache")
    shutil.rmtree(REFERENCE_SET, ignore_errors=True)
    REFERENCE_SET.mkdir(parents=True)
    sums = io.StringIO()
    for person in range(REFERENCE.people):
        for image in range(REFERENCE.images):
            name = people.picture_name(person, image)
            shutil.copyfile(cached / name, REFERENCE_SET / name)
            sums.write(f"{sha256_bytes((cached / name).read_bytes())}  {name}\n")
    manifest = people.manifest_text(REFERENCE).encode()
    (REFERENCE_SET / "manifest.csv").write_bytes(manifest)
    sums.write(f"{sha256_bytes(manifest)}  manifest.csv\n")
    (REFERENCE_SET / SUMS).write_text(sums.getvalue())
    by = {
        "renderer": people.renderer_digest(),
        "torch": torch.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pillow": PIL.__version__,
    }
    lines = "".join(f"{name}: {value}\n" for name, value in by.items())
    (REFERENCE_SET / "rendered-by.txt").write_text(lines)


def main(words: list[str]) -> None:
    match words:
        case ["measure", n_people, images, *onnx]:
            measure(int(n_people), int(images), *onnx)
        case ["sheet", path]:
            sheet(path)
        case ["ship"]:
            ship()
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
