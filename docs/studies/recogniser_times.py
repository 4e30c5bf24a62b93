"""Milliseconds of CPU time an image of each recogniser: locating, and embedding in one unit of 32 images.

python docs/studies/recogniser_times.py MANIFEST MOBILEFACENET.onnx     prints Markdown

CPU time of all threads together, which other work on the machine disturbs less than the clock on the wall. FaceNet runs
with a random network of its layout, which costs what the trained one costs.
"""

from __future__ import annotations

import csv
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from visavox.core.records import RecogniserSpec
from visavox.media.image import decode_image
from visavox.ports.recogniser import Recogniser, Region, recognisers

UNIT, REPEATS = 32, 5
MOBILEFACE = {"input_px": 112, "template": "arcface5", "mean": 127.5, "std": 128, "channel": "rgb"}


def build(name: str, weights: Path | None, **params: Any) -> Recogniser:
    if weights is not None:
        params |= {"path": str(weights), "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
    return recognisers.get(name)(RecogniserSpec(name=name, id=name, params=params), "cpu")


def times(work: Callable[[], object]) -> str:
    """Best and median milliseconds of CPU time an image, after one unit that does not count."""
    work()
    found = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        found.append(1000 * (time.process_time() - started) / UNIT)
    return f"{min(found):.1f} / {statistics.median(found):.1f}"


def main(manifest: Path, mobileface: Path) -> None:
    import facenet_pytorch
    import torch

    with manifest.open(newline="") as stream:
        paths = [manifest.parent / row["path"] for row in islice(csv.DictReader(stream), UNIT)]
    images = [decode_image(path.read_bytes()) for path in paths]
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "random.pt"
        torch.save(facenet_pytorch.InceptionResnetV1().state_dict(), weights)
        judges = [
            build("dlib", None),
            build("onnx_face", mobileface.resolve(), **MOBILEFACE),
            build("facenet-vggface2", weights),
        ]
    regions = [found for found in judges[0].locate(images) if isinstance(found, Region)]
    assert len(regions) == len(images), "choose pictures with a face"
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}; best / median of {REPEATS}\n")
    print("| stage | CPU ms an image |\n|---|---|")
    print(f"| locate (MTCNN, shared by all) | {times(lambda: judges[0].locate(images))} |")
    for judge in judges:
        print(f"| embed, {judge.id} | {times(lambda judge=judge: judge.embed(images, regions))} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
