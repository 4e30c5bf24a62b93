"""A published detector of faked faces through the door `onnx`: Meso-4, and the control that is to refuse it.

python docs/studies/mesonet.py convert KIT OUT   the published weights (Keras, HDF5) as ONNX and as arrays; needs h5py
                                                 and onnx, which the project neither locks nor ships: an environment of
                                                 its own (pip install h5py onnx numpy)
python docs/studies/mesonet.py run KIT OUT       in the project's: arrays through numpy against the network through the
                                                 door, AUC on the kit, whole runs of the main job; prints tables

The graph is built from the paper's words: four blocks of convolution (3x3x8, 5x5x8, 5x5x16, 5x5x16; ReLU), batch
normalisation and max-pooling (2, 2, 2, 4), sixteen hidden units and one sigmoid unit. What follows the hidden units
neither the paper nor the list of layers in the file says: the leaky ReLU (.1) is built that the same authors' Inception
variant lists, and `run` says what a ReLU or nothing would have changed.

References:
    Afchar, Nozick, Yamagishi, Echizen, "MesoNet: a compact facial video forgery detection network", IEEE WIFS 2018
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SIDE_PX = 256
POOLING = (2, 2, 2, 4)
EPSILON = 1e-3  # Keras's own, of batch normalisation
LEAK = 0.1
MARGIN = 0.3  # of the face's box, on each side of a crop
AFTER_HIDDEN: dict[str, Callable[[Floats], Floats]] = {
    "leaky ReLU, .1": lambda x: np.where(x > 0, x, np.float32(LEAK) * x),
    "ReLU": lambda x: np.maximum(x, 0),
    "nothing": lambda x: x,
}
SUITE = """name: mesonet-{name}
editor: {{kind: baseline, name: pixelate, tool_class: anonymise, params: {{block_px: 8}}}}
dataset: {{kind: manifest, path: {manifest}}}
recognisers: [dlib]
detectors:
  - {{name: onnx, id: meso4, path: {network}, sha256: {sha256}, input_px: 256, layout: nhwc, channel: rgb, mean: 0.0,
     std: 255.0, value: probability, higher_is: bona_fide}}
assessments: {{detectability: {{perturbations: social-media, most_perturbed: 100}}}}
policy: {policy}
seed: 7
"""
POLICY = """id: flagged
version: "1"
title: {en: "Outputs are flagged"}
status: draft
face: {fmr: 1.0e-3, competence: {fmr: 1.0e-3, max_fnmr: 0.15}}
voice: {fmr: 1.0e-2, competence: {fmr: 1.0e-2, max_fnmr: 0.20}}
requires: [detectability]
controls:
  - id: FLAGGED
    title: {en: Outputs are flagged by every detector of the suite}
    assessment: detectability
    metric: tpr
    tool_classes: [anonymise]
    limit: {op: ">=", value: 0.01, on: lower}
"""


# ---------------------------------------------------------------- the network
def convert(kit: Path, out: Path) -> None:
    """Writes meso4.npz and meso4.onnx."""
    arrays = _read(kit / "weights" / "Meso4_DF.h5")
    np.savez(out / "meso4.npz", **arrays)
    (out / "meso4.onnx").write_bytes(_graph(arrays))


def _read(path: Path) -> dict[str, Floats]:
    """Arrays by block in the file's order of layers: kernel, bias, gamma, beta, mean, variance; two dense ones."""
    import h5py

    arrays: dict[str, Floats] = {}
    with h5py.File(path, "r") as file:
        layers = [name.decode() for name in file.attrs["layer_names"]]
        for kind, short, fields in (
            ("conv2d", "conv", ("kernel", "bias")),
            ("batch_normalization", "norm", ("gamma", "beta", "moving_mean", "moving_variance")),
            ("dense", "dense", ("kernel", "bias")),
        ):
            for number, layer in enumerate(name for name in layers if name.startswith(f"{kind}_")):
                for field in fields:
                    arrays[f"{short}{number}_{field}"] = np.asarray(file[layer][layer][f"{field}:0"], np.float32)
    return arrays


def _graph(arrays: Mapping[str, Floats]) -> bytes:
    """The network as ONNX: pictures (n, 256, 256, 3) of 0 to 1 in, the probability of bona fide (n, 1) out."""
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes, tensors = [], []

    def put(name: str, array: npt.NDArray[Any]) -> str:
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def then(operator: str, inputs: list[str], **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [f"x{len(nodes)}"], **attributes))
        return str(nodes[-1].output[0])

    at = then("Transpose", ["pictures"], perm=[0, 3, 1, 2])
    for n, pool in enumerate(POOLING):
        kernel = arrays[f"conv{n}_kernel"].transpose(3, 2, 0, 1)
        weights = [put(f"kernel{n}", kernel), put(f"bias{n}", arrays[f"conv{n}_bias"])]
        at = then("Relu", [then("Conv", [at, *weights], pads=[kernel.shape[2] // 2] * 4)])
        norm = [put(f"{field}{n}", arrays[f"norm{n}_{field}"]) for field in ("gamma", "beta")]
        norm += [put(f"{field}{n}", arrays[f"norm{n}_moving_{field}"]) for field in ("mean", "variance")]
        at = then("BatchNormalization", [at, *norm], epsilon=EPSILON)
        at = then("MaxPool", [at], kernel_shape=[pool, pool], strides=[pool, pool])
    at = then("Flatten", [then("Transpose", [at], perm=[0, 2, 3, 1])])
    for n in range(2):
        weights = [put(f"dense{n}", arrays[f"dense{n}_kernel"]), put(f"rest{n}", arrays[f"dense{n}_bias"])]
        at = then("Gemm", [at, *weights])
        at = then("LeakyRelu", [at], alpha=LEAK) if n == 0 else then("Sigmoid", [at])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("pictures", ["n", SIDE_PX, SIDE_PX, 3]), (at, ["n", 1]))
    ]
    graph = helper.make_graph(nodes, "meso4", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


def forward(arrays: Mapping[str, Floats], pictures: Floats, after_hidden: Callable[[Floats], Floats]) -> Floats:
    """The same network in numpy, without a graph: log-odds of bona fide, (n,)."""
    x = pictures
    for n, pool in enumerate(POOLING):
        kernel, (height, width) = arrays[f"conv{n}_kernel"], x.shape[1:3]
        half = kernel.shape[0] // 2
        padded = np.pad(x, ((0, 0), (half, half), (half, half), (0, 0)))
        x = np.maximum(
            arrays[f"conv{n}_bias"]
            + sum(
                padded[:, dy : dy + height, dx : dx + width] @ kernel[dy, dx]
                for dy in range(kernel.shape[0])
                for dx in range(kernel.shape[1])
            ),
            0,
        )
        gamma, beta, mean, variance = (
            arrays[f"norm{n}_{field}"] for field in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        x = gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta
        x = x.reshape(len(x), height // pool, pool, width // pool, pool, -1).max(axis=(2, 4))
    hidden = after_hidden(x.reshape(len(x), -1) @ arrays["dense0_kernel"] + arrays["dense0_bias"])
    return np.asarray(hidden @ arrays["dense1_kernel"] + arrays["dense1_bias"])[:, 0]


# ---------------------------------------------------------------- on the kit
def manifest(kit: Path, folder: Path, *, crops: bool) -> Path:
    """Bona fide pictures of 96 people and the kit's faked faces (``label`` = fake), whole or as crops of the face.

    Files keep no name of a person; a fake is one of its set's.
    """
    from visavox.media.image import decode_image, encode_png

    folder.mkdir(parents=True, exist_ok=True)
    real = [(row["path"], row["subject_id"], "real") for row in _rows(kit / "faces-medium.csv")]
    fakes = [
        (row["path"], f"{row['path'].split('/')[2]} {n}", "fake")
        for n, row in enumerate(_rows(kit / "manifest.csv"))
        if row["path"].startswith("fakes/faces/") and row["label"] == "fake"
    ]
    people = {name: f"person {n}" for n, name in enumerate(dict.fromkeys(name for _, name, _ in real))}
    rows = [*((path, people[name], label) for path, name, label in real), *fakes]
    pictures = [decode_image((kit / path).read_bytes()) for path, _, _ in rows]
    if crops:
        pictures = _crops(pictures)
    file = folder / "manifest.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "subject_id", "modality", "label"])
        for n, ((_, person, label), picture) in enumerate(zip(rows, pictures, strict=True)):
            (folder / f"{n}.png").write_bytes(encode_png(picture))
            writer.writerow([f"{n}.png", person, "face", label])
    return file


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _crops(pictures: Sequence[Any]) -> list[Any]:
    """The largest face with a margin; the whole picture where none is found."""
    from visavox.adapters.recognisers.mtcnn import load_mtcnn
    from visavox.ports.recogniser import FailureToAcquire

    made = []
    for picture, region in zip(pictures, load_mtcnn("cpu").locate(pictures), strict=True):
        if isinstance(region, FailureToAcquire):
            made.append(picture)
            continue
        left, top, right, bottom = region.box
        wide, high = MARGIN * (right - left), MARGIN * (bottom - top)
        rows = slice(max(round(top - high), 0), round(bottom + high))
        made.append(picture[rows, max(round(left - wide), 0) : round(right + wide)])
    return made


def run_all(kit: Path, out: Path) -> None:
    """Tables: the graph against numpy, AUC by set of fakes, what a run says."""
    from visavox.core.digest import sha256_file
    from visavox.core.terms import Modality
    from visavox.media.common_path import common_path
    from visavox.media.image import decode_image
    from visavox.ports.detector import detectors

    arrays, network = dict(np.load(out / "meso4.npz")), out / "meso4.onnx"
    sha256 = sha256_file(network)
    (out / "flagged.yaml").write_text(POLICY)
    words = {"path": str(network), "sha256": sha256, "input_px": SIDE_PX, "layout": "nhwc", "channel": "rgb"}
    words |= {"mean": 0.0, "std": 255.0, "value": "probability", "higher_is": "bona_fide"}
    detector: Any = detectors.get("onnx")(words, Modality.FACE, "cpu")
    _agreement(arrays, detector)
    print("\n| pictures | after the hidden units | fakes | AUC |\n|---|---|---|---|")
    for name in ("whole", "crops"):
        file = manifest(kit, out / name, crops=name == "crops")
        rows = _rows(file)
        pictures = [common_path(decode_image((file.parent / row["path"]).read_bytes()), Modality.FACE) for row in rows]
        _areas(name, "leaky ReLU, .1 (the door)", rows, np.asarray(detector.score(pictures)))
        for words_of, after_hidden in list(AFTER_HIDDEN.items())[1:]:
            scores = [-forward(arrays, _prepared([one]), after_hidden)[0] for one in pictures]
            _areas(name, f"{words_of} (numpy)", rows, np.asarray(scores), by_set=False)
    for name in ("whole", "crops"):
        _report(
            out,
            name,
            SUITE.format(
                name=name,
                manifest=out / name / "manifest.csv",
                network=network,
                sha256=sha256,
                policy=out / "flagged.yaml",
            ),
        )


def _prepared(pictures: Sequence[Any]) -> Floats:
    from PIL import Image

    size = (SIDE_PX, SIDE_PX)
    resized = [np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BILINEAR)) for one in pictures]
    return np.stack(resized).astype(np.float32) / np.float32(255.0)


def _agreement(arrays: Mapping[str, Floats], detector: Any) -> None:
    """The door's scores of noise and slopes against numpy's."""
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8) for _ in range(8)]
    slope = np.linspace(0, 255, SIDE_PX).astype(np.uint8)
    pictures += [np.broadcast_to(slope[:, None, None] // k, (SIDE_PX, SIDE_PX, 3)).copy() for k in range(1, 9)]
    ours = np.asarray(detector.score(pictures))
    others = {name: -forward(arrays, _prepared(pictures), after) for name, after in AFTER_HIDDEN.items()}
    print("| numpy, after the hidden units | largest difference of log-odds to the door, 16 pictures |\n|---|---|")
    for name, scores in others.items():
        print(f"| {name} | {np.abs(ours - scores).max():.2g} |")
    print(f"\nlog-odds of synthetic between {ours.min():.2f} and {ours.max():.2f}")


def _areas(
    name: str, how: str, rows: Sequence[Mapping[str, str]], scores: npt.NDArray[Any], *, by_set: bool = True
) -> None:
    from visavox.metrics.curves import auc_interval
    from visavox.metrics.intervals import bound_lower, bound_upper

    is_fake = np.array([row["label"] == "fake" for row in rows])
    of_set = np.array([row["subject_id"].split()[0] for row in rows])
    person = np.unique([row["subject_id"] for row in rows], return_inverse=True)[1]
    for chosen in ("all", *(sorted(set(of_set[is_fake])) if by_set else ())):
        fakes = is_fake & ((chosen == "all") | (of_set == chosen))
        if fakes.sum() < 2:
            continue
        area = auc_interval(scores[fakes], person[fakes], scores[~is_fake], person[~is_fake])
        low, high = bound_lower(area.basis, 0.025), bound_upper(area.basis, 0.025)
        print(f"| {name} | {how} | {chosen}, {fakes.sum()} | {area.p:.3f} [{low:.3f}, {high:.3f}] |")


def _report(out: Path, name: str, suite: str) -> None:
    """A run of the main job, and what the report says of the detector."""
    from visavox import load_suite, run

    file = out / f"{name}.yaml"
    file.write_text(suite)
    if not (out / f"run-{name}" / "report.json").exists():
        run(load_suite(file), out / f"run-{name}")
    report = json.loads((out / f"run-{name}" / "report.json").read_text())
    result = next(r for r in report["results"] if r["assessment"] == "detectability")
    print(f"\n{name}: verdict {report['decision']['verdict']}")
    for reason in report["decision"]["reasons"]:
        print(f"- {reason}")
    for one in result["instruments"]:
        print(f"- instrument {one['name']}: {one['state']}: {one['reason']}")
    for one in result["estimates"]:
        if one["recogniser"] == "meso4" and one["name"] in {"tpr", "realised_fpr", "detector_auc"}:
            print(f"- {one['name']} {one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]")
    for line in result["limitations"]:
        print(f"- limitation: {line}")
    layers = next((t for t in result["tables"] if t["name"] == "layers"), None)
    for row in layers["rows"] if layers else ():
        print("|", " | ".join(map(str, row)), "|")


if __name__ == "__main__":
    command, folder = {"convert": convert, "run": run_all}[sys.argv[1]], Path(sys.argv[3]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    command(Path(sys.argv[2]).resolve(), folder)
