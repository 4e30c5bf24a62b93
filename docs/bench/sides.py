"""One side of a comparison, alone in its process: set up once, then timed whenever the other end says so.

python docs/bench/sides.py NAME SETTINGS-AS-JSON     answers each line `go` with one line of JSON
"""

from __future__ import annotations

import csv
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Settings = dict[str, Any]
UNIT = 32


class Side(NamedTuple):
    """``work`` is timed; ``summary`` makes numbers of its result, which the other side's have to equal."""

    work: Callable[[], Any]
    summary: Callable[[Any], list[float]] = lambda result: []


def photographs(settings: Settings) -> list[Path]:
    manifest = Path(settings["faces"])
    with manifest.open(newline="") as stream:
        return [manifest.parent / row["path"] for row in islice(csv.DictReader(stream), settings["images"])]


def images_of(settings: Settings) -> list[Any]:
    from visavox.media.image import decode_image

    return [decode_image(path.read_bytes()) for path in photographs(settings)]


def recogniser(settings: Settings) -> Any:
    from visavox.core.records import RecogniserSpec
    from visavox.ports.recogniser import recognisers

    spec = RecogniserSpec(name=settings["judge"], id="bench", params=settings["params"])
    return recognisers.get(spec.name)(spec, settings["device"])


def shown(vectors: Sequence[Any]) -> list[float]:
    """Eight numbers of each template, at length 1."""
    return [float(x) for v in vectors for x in (np.ravel(v) / np.linalg.norm(v))[:8]]


def embed_harness(settings: Settings) -> Side:
    """`Recogniser.embed` over images and regions: crops, network, templates."""
    judge, images = recogniser(settings), images_of(settings)
    regions = judge.locate(images)

    def work() -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(images), UNIT):
            part = slice(start, start + UNIT)
            found += judge.embed(images[part], regions[part])
        return found

    return Side(work, shown)


def _recorded(judge: Any, owner: Any, attribute: str, inputs: list[Any]) -> Callable[[Any], Any]:
    """Puts an ear to a network: what it is given is kept."""
    network = getattr(owner, attribute)

    def listening(value: Any) -> Any:
        inputs.append(value)
        return network(value)

    setattr(owner, attribute, listening)
    return network


def embed_bare(settings: Settings) -> Side:
    """The same network on the very batches the harness gives it, and nothing else.

    With ``points`` the model of dlib's that finds five points in each face is run too: of this judge it is a part of
    ``embed``, while other judges have their points from ``locate``.
    """
    import torch

    judge, images = recogniser(settings), images_of(settings)
    regions = judge.locate(images)
    inputs: list[Any] = []
    faces: list[Any] = []
    is_cuda = settings["device"] == "cuda"
    if settings["judge"].startswith("facenet"):
        network = _recorded(judge, judge, "_network", inputs)
        judge.embed(images, regions)

        def forward(batch: Any) -> Any:
            return network(batch).cpu().numpy()

    elif settings["judge"] == "dlib":
        chips: list[Any] = []
        net, points = judge._network, judge._points
        _recorded(judge, net, "_forward", chips)
        if settings.get("points"):
            judge._points = lambda *face: faces.append(face) or points(*face)
        judge.embed(images, regions)
        inputs = [net.planes(batch) for batch in chips]

        def forward(batch: Any) -> Any:
            return net.network(batch).cpu().numpy()

    else:
        crops: list[Any] = []
        network = judge._network
        _recorded(judge, network, "forward", crops)
        judge.embed(images, regions)
        session, name = network.session, network.input_name
        inputs = [judge._planes(batch) for batch in crops]

        def forward(batch: Any) -> Any:
            return session.run(None, {name: batch})[0]

    def work() -> list[Any]:
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        for face in faces:
            points(*face)
        with torch.inference_mode(), exact:
            outputs = [forward(batch) for batch in inputs]
            if is_cuda:
                torch.cuda.synchronize()
        return [vector for output in outputs for vector in output]

    return Side(work, shown)


def locate_harness(settings: Settings) -> Side:
    """MTCNN from arrays to regions."""
    judge, images = recogniser(settings), images_of(settings)
    return Side(lambda: judge.locate(images))


def locate_bare(settings: Settings) -> Side:
    """MTCNN's three networks on the very pyramid levels and crops the harness gives them."""
    import torch

    judge, images = recogniser(settings), images_of(settings)
    detector = judge._detector
    inputs: list[tuple[str, Any]] = []
    networks = dict(detector._nets)
    for name, network in networks.items():

        def listening(value: Any, name: str = name, network: Any = network) -> Any:
            inputs.append((name, value))
            return network(value)

        detector._nets[name] = listening
    judge.locate(images)

    def work() -> None:
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            for name, value in inputs:
                networks[name](value)
            if settings["device"] == "cuda":
                torch.cuda.synchronize()

    return Side(work)


def files_harness(settings: Settings) -> Side:
    """From files on disk to templates: decode, locate, embed, by units of 32."""
    judge, paths = recogniser(settings), photographs(settings)

    def work() -> list[Any]:
        from visavox.media.image import decode_image

        found: list[Any] = []
        for start in range(0, len(paths), UNIT):
            images = [decode_image(path.read_bytes()) for path in paths[start : start + UNIT]]
            found += judge.embed(images, judge.locate(images))
        return found

    return Side(work, shown)


def files_readme(settings: Settings) -> Side:
    """facenet-pytorch's README: `mtcnn(img)`, then `resnet(img_cropped.unsqueeze(0))`, one image after another."""
    import torch
    from facenet_pytorch import MTCNN, InceptionResnetV1
    from PIL import Image

    mtcnn = MTCNN(image_size=160, margin=0, device=settings["device"])
    resnet = InceptionResnetV1()
    state = torch.load(settings["params"]["path"], weights_only=True)
    resnet.load_state_dict({key: value for key, value in state.items() if not key.startswith("logits.")}, strict=False)
    resnet = resnet.eval().to(settings["device"])
    paths = photographs(settings)

    def work() -> list[Any]:
        found = []
        with torch.no_grad():  # the README leaves gradients on, which costs it more
            for path in paths:
                cropped = mtcnn(Image.open(path))
                found.append(resnet(cropped.unsqueeze(0).to(settings["device"]))[0].cpu().numpy())
        return found

    return Side(work, shown)


def gallery(settings: Settings) -> tuple[Any, Any]:
    """Synthetic templates, 512 numbers at length 1: four a person, about a person's centre."""
    n = settings["templates"]
    rng = np.random.default_rng(settings["seed"])
    persons = np.repeat(np.arange(n // 4), 4)
    vectors = rng.standard_normal((n // 4, 512), dtype=np.float32)[persons]
    vectors += np.float32(3.0) * rng.standard_normal((n, 512), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, persons


def pairs_harness(settings: Settings) -> Side:
    """Thresholds, EER and DET of all pairs, from the templates on."""
    from visavox.metrics.all_pairs import all_pairs

    vectors, persons = gallery(settings)

    def summary(found: Any) -> list[float]:
        return [found.n_non_mated, found.eer.eer, *(x for rate in found.rates for x in (rate.threshold, rate.rate))]

    return Side(lambda: all_pairs(vectors, persons, target_fmrs=settings["fmrs"]), summary)


def pairs_bare(settings: Settings) -> Side:
    """The float32 products of the same tiles; nothing is done with them."""
    from visavox.metrics.all_pairs import TILE

    vectors, _ = gallery(settings)
    n = len(vectors)
    room = np.empty((min(TILE, n), min(TILE, n)), np.float32)

    def work() -> None:
        for top in range(0, n, TILE):
            for left in range(top, n, TILE):
                a, b = vectors[top : top + TILE], vectors[left : left + TILE]
                np.matmul(a, b.T, out=room.reshape(-1)[: len(a) * len(b)].reshape(len(a), len(b)))

    return Side(work)


def pairs_roc(settings: Settings) -> Side:
    """scikit-learn's roc_curve over the list of the very same scores, and the same figures read from it."""
    from sklearn.metrics import roc_curve

    from visavox.metrics.all_pairs import tiles

    vectors, persons = gallery(settings)
    mated, non_mated = [], []
    for part in tiles(vectors, persons):
        if part.mated is not None and part.non_mated is not None:
            mated.append(part.scores[part.mated])
            non_mated.append(part.scores[part.non_mated])
        else:
            non_mated.append(part.scores.ravel().copy())
    n_non = sum(map(len, non_mated))
    scores = np.concatenate([*mated, *non_mated])
    labels = np.concatenate([np.ones(len(scores) - n_non, np.int8), np.zeros(n_non, np.int8)])
    del mated, non_mated

    def summary(found: Any) -> list[float]:
        fmr, tpr, thresholds = found
        at = int(np.argmin(np.abs(fmr - (1 - tpr))))
        # the last point within the target is a mated score as a rule; the first of that FMR is the non-mated one
        picked = [int(np.searchsorted(fmr, fmr[fmr <= target][-1])) for target in settings["fmrs"]]
        rates = [x for k in picked for x in (float(thresholds[k]), float(1 - tpr[k]))]
        return [n_non, float(fmr[at] + 1 - tpr[at]) / 2, *rates]

    return Side(lambda: roc_curve(labels, scores, drop_intermediate=False), summary)


SIDES: dict[str, Callable[[Settings], Side]] = {
    "embed-harness": embed_harness,
    "embed-bare": embed_bare,
    "locate-harness": locate_harness,
    "locate-bare": locate_bare,
    "files-harness": files_harness,
    "files-readme": files_readme,
    "pairs-harness": pairs_harness,
    "pairs-bare": pairs_bare,
    "pairs-roc": pairs_roc,
}


def turn(side: Side) -> dict[str, Any]:
    """One timed round."""
    started = time.perf_counter(), time.process_time()
    result = side.work()
    wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall": wall, "cpu": cpu, "summary": side.summary(result), "peak_mib": peak_mib}


def main(name: str, settings: Settings) -> None:
    answers = os.fdopen(os.dup(1), "w")  # what a library prints must not be taken for an answer
    os.dup2(2, 1)
    if name in {"embed-harness", "embed-bare", "locate-harness", "locate-bare", "files-harness", "files-readme"}:
        import torch

        torch.set_num_threads(settings["threads"])
    side = SIDES[name](settings)
    if settings["warm_up"]:
        side.work()
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        if line.strip() != "go":
            break
        print(json.dumps(turn(side)), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
