"""The face recognisers against each library's own use, on real photographs of the kit."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import dlib
import facenet_pytorch
import numpy as np
import onnxruntime
import pytest
from kit_photos import KIT, photo

from visavox.adapters.recognisers import sources
from visavox.adapters.recognisers.alignment import arcface5, similarity
from visavox.adapters.recognisers.mtcnn import load_mtcnn
from visavox.core.errors import ConfigError, MissingDependencyError, WeightsError
from visavox.core.records import RecogniserSpec
from visavox.media.image import decode_image
from visavox.ports.recogniser import FailureToAcquire, Recogniser, Region, recognisers

MOBILEFACE = KIT / "weights" / "mobilefacenet_arcface_128.onnx"
PARAMS = {
    "path": str(MOBILEFACE),
    "sha256": "f055d9c9a4d826d198c42666590fdefa0fdc1374a75ccb6306c3d1b1bf8f74c5",
    "input_px": 112,
    "template": "arcface5",
    "mean": 127.5,
    "std": 128,
    "channel": "rgb",
}
# Several faces, ties, a profile; each stands for a case once got wrong.
IDS = [
    "7103d58ab1ac90a6",
    "fdadafda424ccd76",
    "424e4cdb1615c4ff",
    "656a0c5f4332d102",
    "87f74d2a6dcc872e",
    "c8c68f9d45069c6a",
]
SURE = 0.9


def _onnx(**changes: Any) -> Recogniser:
    params = {k: v for k, v in {**PARAMS, **changes}.items() if v is not None}
    return recognisers.get("onnx_face")(RecogniserSpec(name="onnx_face", id="mobileface", params=params), "cpu")


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    orl = sorted(p for p in (KIT / "faces").glob("*/*.jpg") if cv2.imread(str(p)).shape[:2] == (112, 92))
    assert orl, f"the data kit is not at {KIT}: set VISAVOX_KIT to its folder"
    images = [photo(name) for name in IDS]
    return [*images[:3], decode_image(orl[0].read_bytes()), *images[3:]]


@pytest.fixture(scope="module")
def library() -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """facenet-pytorch's own detections: boxes, scores, points, the main face first."""
    mtcnn = facenet_pytorch.MTCNN(keep_all=True, post_process=False)

    def detect(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        boxes, scores, points = mtcnn.detect(image, landmarks=True)
        order = np.argsort(scores.astype(float) < SURE, kind="stable")  # already largest first
        return boxes[order].astype(float), scores[order].astype(float), points[order].astype(float)

    return detect


@pytest.fixture(scope="module")
def judges() -> dict[str, Recogniser]:
    return {"dlib": recognisers.get("dlib")(RecogniserSpec(name="dlib", id="dlib"), "cpu"), "onnx_face": _onnx()}


def _templates(judge: Recogniser, images: list[np.ndarray]) -> np.ndarray:
    regions = judge.locate(images)
    assert all(isinstance(region, Region) for region in regions), regions
    vectors = judge.embed(images, regions)
    assert all(isinstance(vector, np.ndarray) for vector in vectors), vectors
    return np.stack(vectors)


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(float), b.astype(float)
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


# ---------------------------------------------------------------- detector
def test_mtcnn_gives_the_library_s_boxes_points_and_counts(photos: list, library: Callable) -> None:
    larger = [cv2.resize(photos[0], (600, 700)), np.hstack([photos[0], photos[1], photos[4]])]
    for image, region in zip([*photos, *larger], load_mtcnn("cpu").locate([*photos, *larger]), strict=True):
        boxes, scores, points = library(image)
        assert np.abs(np.array(region.box) - boxes[0]).max() < 1e-3
        assert np.abs(np.array(region.landmarks) - points[0]).max() < 1e-3
        assert region.confidence == pytest.approx(scores[0], abs=1e-5)
        assert region.n_found == (scores >= SURE).sum()


def test_of_several_faces_the_largest_sure_one_is_taken(photos: list) -> None:
    side = photos[0].shape[0]
    pair = np.zeros((2 * side, 3 * side, 3), np.uint8)
    pair[:side, :side] = photos[0]
    pair[:, side:] = cv2.resize(photos[4], (2 * side, 2 * side))
    region = load_mtcnn("cpu").locate([pair])[0]
    assert region.n_found >= 2 and region.box[0] > side
    unsure = load_mtcnn("cpu").locate([photo("424e4cdb1615c4ff")])[0]  # beside the face a larger box of confidence 0.78
    assert unsure.n_found == 1 and unsure.confidence > 0.99


def test_images_of_any_size_in_one_call_keep_their_order(photos: list) -> None:
    mixed = [photos[3], photos[0], np.zeros((10, 400, 3), np.uint8), cv2.resize(photos[0], (333, 222)), photos[3]]
    together = load_mtcnn("cpu").locate(mixed)
    assert together == [load_mtcnn("cpu").locate([image])[0] for image in mixed]
    assert together[0] == together[4] and isinstance(together[2], FailureToAcquire)


@pytest.mark.parametrize("shape", [(1, 1), (12, 12), (23, 200), (200, 23)])
def test_images_under_24_px_are_failures_to_acquire(shape: tuple[int, int]) -> None:
    answer = load_mtcnn("cpu").locate([np.full((*shape, 3), 128, np.uint8)])[0]
    assert isinstance(answer, FailureToAcquire) and "24 px" in answer.reason


def test_images_without_a_face_are_failures_to_acquire() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    for image in (np.zeros((24, 24, 3), np.uint8), np.full((120, 90, 3), 200, np.uint8), noise):
        assert load_mtcnn("cpu").locate([image]) == [FailureToAcquire("no face found")]
    assert load_mtcnn("cpu").locate([]) == []


# ---------------------------------------------------------------- alignment
def _umeyama(points: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Umeyama 1991, equations 38 to 43, by singular values."""
    p, q = points - points.mean(0), template - template.mean(0)
    u, d, vt = np.linalg.svd(q.T @ p / len(p))
    s = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    scale = np.trace(np.diag(d) @ s) / p.var(0).sum()
    rotation = scale * u @ s @ vt
    return np.column_stack([rotation, template.mean(0) - rotation @ points.mean(0)])


def test_similarity_is_umeyama_s_and_opencv_s() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        angle, scale, shift = rng.uniform(-1.5, 1.5), rng.uniform(0.2, 5), rng.uniform(-50, 50, 2)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        exact = (arcface5(112) - shift) @ np.linalg.inv(turn).T
        assert np.allclose(similarity(exact, arcface5(112)), np.column_stack([turn, shift]))
        assert np.allclose(cv2.estimateAffinePartial2D(exact, arcface5(112))[0], np.column_stack([turn, shift]))
        noisy = exact + rng.normal(0, 3 / scale, (5, 2))
        assert np.allclose(similarity(noisy, arcface5(112)), _umeyama(noisy, arcface5(112)))


def test_degenerate_points_have_no_similarity() -> None:
    template = arcface5(112)
    for points in (np.zeros((5, 2)), np.full((5, 2), 40.0) + 0.1 * template / 112, np.full((5, 2), np.nan)):
        assert similarity(points, template) is None
    scrambled = template[[1, 0, 2, 4, 3]] * [1, -1]  # upside down and crossed: a turn of 180 degrees, still a face
    assert similarity(scrambled, template) is not None


def test_arcface5_scales_with_the_side() -> None:
    assert np.allclose(arcface5(224), 2 * arcface5(112))


# ---------------------------------------------------------------- templates
def test_dlib_equals_dlib_s_own_use(judges: dict, photos: list, library: Callable) -> None:
    models = sources.file_of_package("face_recognition_models", "models", "shape_predictor_5_face_landmarks.dat").parent
    points = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    expected = []
    for image in photos:
        x0, y0, x1, y1 = library(image)[0][0]
        cx, cy, r = (x0 + x1) / 2, (y0 + y1) / 2 + 0.05 * (y1 - y0), 0.25 * (x1 - x0 + y1 - y0)
        box = dlib.rectangle(int(cx - r), int(cy - r), int(cx + r), int(cy + r))
        expected.append(network.compute_face_descriptor(image, points(image, box)))
    got = _templates(judges["dlib"], photos)
    assert got.shape == (len(photos), 128)
    assert np.abs(got - np.array(expected)).max() < 1e-5
    assert _cosines(got, np.array(expected)).min() > 1 - 1e-4


@pytest.mark.parametrize("channel", ["rgb", "bgr"])
def test_onnx_face_equals_onnxruntime_s_own_use(photos: list, library: Callable, channel: str) -> None:
    session = onnxruntime.InferenceSession(str(MOBILEFACE), providers=["CPUExecutionProvider"])
    expected = []
    for image in photos:
        matrix = _umeyama(library(image)[2][0], arcface5(112))
        crop = cv2.warpAffine(image if channel == "rgb" else image[..., ::-1], matrix, (112, 112))
        expected.append(session.run(None, {"input": (crop.transpose(2, 0, 1)[None] - np.float32(127.5)) / 128})[0][0])
    got = _templates(_onnx(channel=channel), photos)
    assert np.allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)
    assert _cosines(got, np.array(expected)).min() > 1 - 1e-4


def test_channel_order_changes_templates_and_digest(judges: dict, photos: list) -> None:
    bgr = _onnx(channel="bgr")
    coloured = [image for image in photos if (image[..., 0] != image[..., 2]).any()]
    assert _cosines(_templates(bgr, coloured), _templates(judges["onnx_face"], coloured)).max() < 0.999
    assert bgr.digest != judges["onnx_face"].digest


@pytest.mark.parametrize("change", [{"mean": 120.0}, {"std": 127.5}, {"mean": [127.5, 127.5, 120.0]}])
def test_every_setting_of_the_input_is_in_the_digest(judges: dict, change: dict) -> None:
    assert _onnx(**change).digest != judges["onnx_face"].digest


@pytest.mark.parametrize("name", ["dlib", "onnx_face"])
def test_people_are_told_apart(judges: dict, name: str) -> None:
    ids = "6c12828bef8c7a8e 899b5359b97b8e14 0cc5558196afa4a4 c4de41f02da86c7a 49ea6fdbe034444e 4fc2bda41122c64a"
    people = [photo(sample_id) for sample_id in ids.split()]
    scores = judges[name].compare(*[_templates(judges[name], people)] * 2)
    mated = [scores[0, 1], scores[2, 3], scores[4, 5]]
    assert min(mated) > max(scores[i, j] for i in range(6) for j in range(6) if i // 2 != j // 2)


# ---------------------------------------------------------------- regions of another image
@pytest.mark.parametrize("name", ["dlib", "onnx_face"])
def test_a_region_of_another_image_works_anywhere_near_this_one(judges: dict, name: str, photos: list) -> None:
    judge, image = judges[name], photos[0]
    found = judge.locate([image])[0]
    blank = np.full_like(image, 90)
    height, width = image.shape[:2]
    for dx, dy in [(0, 0), (-60, 0), (70, 80), (0, -75)]:
        moved = Region(
            tuple(v + (dx, dy)[k % 2] for k, v in enumerate(found.box)),
            tuple((x + dx, y + dy) for x, y in found.landmarks),
            found.confidence,
        )
        for target in (image, blank):
            vector = judge.embed([target], [moved])[0]
            assert isinstance(vector, np.ndarray) and np.isfinite(vector).all()
    for dx, dy in [(width + 50, 0), (0, -height - 100), (1e9, 0), (float("nan"), 0)]:
        away = replace(found, box=tuple(v + (dx, dy)[k % 2] for k, v in enumerate(found.box)))
        assert isinstance(judge.embed([image], [away])[0], FailureToAcquire)
    huge = replace(found, box=(-1e6, -1e6, 1e6, 1e6))
    assert isinstance(judge.embed([image], [huge])[0], FailureToAcquire)


def test_degenerate_landmarks_are_failures_to_acquire(judges: dict, photos: list) -> None:
    found = judges["onnx_face"].locate(photos[:1])[0]
    flat = replace(found, landmarks=((5.0, 5.0),) * 5)
    good, bad = judges["onnx_face"].embed([photos[0]] * 2, [found, flat])
    assert isinstance(good, np.ndarray) and bad == FailureToAcquire("degenerate landmarks")


# ---------------------------------------------------------------- any ONNX graph
def _field(number: int, value: int | bytes | str) -> bytes:
    """One protobuf field: a small integer, or bytes with their length."""
    if isinstance(value, int):
        return bytes([number << 3]) + _varint(value)
    body = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2]) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def _tensor(name: str, shape: tuple[int | str, ...]) -> bytes:
    dims = b"".join(_field(1, _field(1, d) if isinstance(d, int) else _field(2, d)) for d in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def _graph(path: Path, shape: tuple[int | str, ...], operator: str = "Flatten", axis: int = 1) -> dict[str, Any]:
    """An ONNX file whose output is its own input in a row, and the parameters to use it."""
    node = _field(1, "x") + _field(2, "y") + _field(4, operator)
    node += _field(5, _field(1, "axis") + _field(3, axis) + bytes([0xA0, 1, 2]))  # the type of the attribute: INT
    row = shape if operator == "Softmax" else ("n", "d")
    graph = _field(1, node) + _field(2, "g") + _field(11, _tensor("x", shape)) + _field(12, _tensor("y", row))
    path.write_bytes(_field(1, 8) + _field(7, graph) + _field(8, _field(2, 13)))
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "input_px": 16}


@pytest.mark.parametrize(("n", "batching"), [("n", "dynamic"), (1, "fixed")])
def test_the_network_sees_normalised_channels_of_the_crop(photos: list, tmp_path: Path, n: Any, batching: str) -> None:
    mean, std = [10.0, 20.0, 30.0], [2.0, 4.0, 8.0]
    judge = _onnx(**_graph(tmp_path / "flat.onnx", (n, 3, 16, 16)), mean=mean, std=std, channel="bgr")
    assert judge.batching == batching
    regions = judge.locate(photos)
    got = np.stack(judge.embed(photos, regions))
    for image, region, vector in zip(photos, regions, got, strict=True):
        matrix = _umeyama(np.array(region.landmarks), arcface5(16))
        crop = cv2.warpAffine(image, matrix, (16, 16)).astype(float)[..., ::-1]
        raw = ((crop - mean) / std).transpose(2, 0, 1).ravel()
        assert np.allclose(vector, raw / np.linalg.norm(raw), atol=1e-6)


def _unbound(path: Path, reshape: tuple[int, int]) -> dict[str, Any]:
    """The kit's MobileFaceNet with an open batch axis, and its last layer's shape (1, rest) put otherwise."""
    data = MOBILEFACE.read_bytes()
    for bound, free in [
        (_field(1, _field(1, 1)) + _field(1, _field(1, 3)), _field(1, _field(2, "")) + _field(1, _field(1, 3))),
        (_field(1, _field(1, 1)) + _field(1, _field(1, 128)), _field(1, _field(2, "")) + _field(1, _field(1, 128))),
        (struct.pack("<qq", 1, -1), struct.pack("<qq", *reshape)),
    ]:
        assert data.count(bound) == 1 and len(bound) == len(free)
        data = data.replace(bound, free)
    path.write_bytes(data)
    return {"path": str(path), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize(
    ("reshape", "batching"),
    [((0, -1), "dynamic"), ((1, 128), "fixed")],
    ids=["takes batches", "breaks on two"],
)
def test_a_graph_is_batched_only_where_it_gives_the_same(
    judges: dict, photos: list, tmp_path: Path, reshape: tuple[int, int], batching: str
) -> None:
    judge = _onnx(**_unbound(tmp_path / "unbound.onnx", reshape))
    assert (judge.batching, judges["onnx_face"].batching) == (batching, "fixed")
    many = [*photos, *(image[:, ::-1] for image in photos)] * 3  # more than one batch
    regions = judge.locate(many[: 2 * len(photos)]) * 3
    expected = np.stack(judges["onnx_face"].embed(many, regions))
    assert np.abs(np.stack(judge.embed(many, regions)) - expected).max() <= 1e-5


def test_a_graph_that_mixes_a_batch_is_given_one_crop_at_a_time(tmp_path: Path) -> None:
    mixing = _graph(tmp_path / "mixing.onnx", ("n", 3, 16, 16), "Softmax", axis=0)
    apart = _graph(tmp_path / "apart.onnx", ("n", 3, 16, 16), "Softmax", axis=1)
    assert (_onnx(**mixing).batching, _onnx(**apart).batching) == ("fixed", "dynamic")


def test_a_template_of_no_length_is_a_failure_to_acquire(photos: list, tmp_path: Path) -> None:
    judge = _onnx(**_graph(tmp_path / "flat.onnx", ("n", 3, 16, 16)), mean=90.0, std=1.0)
    grey = np.full_like(photos[0], 90)
    answers = judge.embed([grey, photos[0]], judge.locate([photos[0]]) * 2)
    assert isinstance(answers[0], FailureToAcquire) and isinstance(answers[1], np.ndarray)


def test_wrong_input_px_is_one_clear_error() -> None:
    with pytest.raises(ConfigError, match=r"\(1 or n, 3, 128, 128\)\n.*\[1, 3, 112, 112\]"):
        _onnx(input_px=128)


@pytest.mark.parametrize("shape", [(2, 3, 16, 16), ("n", 16, 16, 3), ("n", 3, 16), ("n", 1, 16, 16)])
def test_graphs_of_another_form_are_refused(tmp_path: Path, shape: tuple) -> None:
    with pytest.raises(ConfigError, match="one float input"):
        _onnx(**_graph(tmp_path / "odd.onnx", shape))


# ---------------------------------------------------------------- weights and parameters
def test_other_weights_than_the_pinned_are_refused_before_loading(tmp_path: Path) -> None:
    changed = bytearray(MOBILEFACE.read_bytes())
    changed[1000] ^= 1
    other = tmp_path / "other.onnx"
    other.write_bytes(changed)
    with pytest.raises(WeightsError, match=f"SHA-256 {hashlib.sha256(changed).hexdigest()}"):
        _onnx(path=str(other))
    with pytest.raises(WeightsError, match="not readable"):
        _onnx(path=str(tmp_path / "absent.onnx"))
    text = tmp_path / "text.onnx"
    text.write_bytes(b"no network")
    with pytest.raises(WeightsError, match="load the network"):
        _onnx(path=str(text), sha256=hashlib.sha256(b"no network").hexdigest())


def test_dlib_refuses_other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from visavox.adapters.recognisers import dlib as ours

    fake = tmp_path / "model.dat"
    fake.write_bytes(b"not the model")
    monkeypatch.setattr(ours, "file_of_package", lambda *parts: fake)
    with pytest.raises(WeightsError, match="pinned is"):
        ours.build(RecogniserSpec(name="dlib", id="dlib"), "cpu")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"sha256": None}, "sha256"),
        ({"input_px": None}, "input_px"),
        ({"template": "eyes"}, "template"),
        ({"channel": "grey"}, "channel"),
        ({"std": 0}, "std"),
        ({"colour": "rgb"}, "colour"),
        ({"training_overlap": "little"}, "training_overlap"),
    ],
)
def test_wrong_parameters_are_named(change: dict, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        _onnx(**change)


def test_families_and_overlap_come_from_the_suite(judges: dict) -> None:
    assert judges["onnx_face"].families == {"undeclared"} and judges["onnx_face"].training_overlap == "unknown"
    stated = _onnx(families=["arcface", "ms1m"], training_overlap="some")
    network = {name for name in stated.families if name.startswith("weights-")}
    again = _onnx(families=["another"], mean=127.50001)
    assert network <= again.families and len(network) == 1  # one file under two names is one family
    assert stated.families - network == {"arcface", "ms1m"} and stated.training_overlap == "some"
    assert stated.digest == judges["onnx_face"].digest
    assert judges["dlib"].families == {"dlib-resnet"} and judges["dlib"].training_overlap == "unknown"


def test_absent_packages_name_the_extra() -> None:
    with pytest.raises(MissingDependencyError, match=r"pip install 'visavox\[models\]'"):
        sources.import_package("visavox_absent_package")
    with pytest.raises(MissingDependencyError, match=r"visavox\[models\]"):
        sources.file_of_package("visavox_absent_package", "weights.bin")
    with pytest.raises(WeightsError, match=r"absent\.pt"):
        sources.file_of_package("facenet_pytorch", "data", "absent.pt")
