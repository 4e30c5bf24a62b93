"""The FaceNet recognisers against facenet-pytorch's own use, with weights of its layout that a test makes."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import facenet_pytorch
import numpy as np
import pytest
import torch
from facenet_weights import N_CLASSES, made_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from kit_photos import photo
from PIL import Image as PillowImage

from visavox.adapters.recognisers import facenet_weights
from visavox.adapters.recognisers.facenet import face_crop
from visavox.adapters.recognisers.facenet_weights import RELEASES, Release
from visavox.core.errors import ConfigError, WeightsError
from visavox.core.records import RecogniserSpec
from visavox.engine.environment import examine
from visavox.ports.recogniser import FailureToAcquire, Recogniser, Region, recognisers

NAMES = ("facenet-vggface2", "facenet-casia-webface")


def _build(name: str = NAMES[0], **params: Any) -> Recogniser:
    return recognisers.get(name)(RecogniserSpec(name=name, id="judge", params=params), "cpu")


@pytest.fixture(scope="module")
def judge() -> Recogniser:
    return _build(**made_weights().params)


@pytest.fixture(scope="module")
def wider(judge: Recogniser) -> Recogniser:
    return _build(**made_weights().params, margin_px=14)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    """As the library builds its own: with the classifier, loaded whole."""
    net = facenet_pytorch.InceptionResnetV1(classify=True, num_classes=N_CLASSES)
    net.load_state_dict(torch.load(made_weights().path, weights_only=True))
    net.classify = False
    return net.eval()


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    ids = "7103d58ab1ac90a6 fdadafda424ccd76 87f74d2a6dcc872e c8c68f9d45069c6a"
    images = [photo(sample_id) for sample_id in ids.split()]
    larger = cv2.resize(images[0], None, fx=2.6, fy=2.6)  # a crop above 160 px: made smaller, not larger
    return [*images, larger, images[1][:, 70:]]  # and a face cut by the border


@pytest.fixture(scope="module")
def regions(judge: Recogniser, photos: list[np.ndarray]) -> list[Region]:
    found = judge.locate(photos)
    assert all(isinstance(region, Region) for region in found), found
    return found


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(float), b.astype(float)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


# ---------------------------------------------------------------- templates
@pytest.mark.parametrize("margin_px", [0, 14])
def test_templates_are_the_library_s_own(
    judge: Recogniser, wider: Recogniser, network: Any, photos: list, regions: list[Region], margin_px: int
) -> None:
    library = facenet_pytorch.MTCNN(keep_all=True, margin=margin_px)
    got = (wider if margin_px else judge).embed(photos, regions)
    for image, region, vector in zip(photos, regions, got, strict=True):
        picture = PillowImage.fromarray(image)
        boxes, _ = library.detect(picture)
        (mine,) = np.flatnonzero(np.abs(boxes.astype(float) - region.box).max(axis=1) < 1e-3)
        faces = library.extract(picture, boxes, None)  # all of them, cropped and standardised by the library
        with torch.no_grad():
            expected = network(faces[mine : mine + 1]).numpy()[0]
        assert vector.shape == (512,) and np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
        assert _cosine(vector, expected) > 1 - 1e-5


def test_made_weights_would_show_a_wrong_crop_or_scale(
    judge: Recogniser, network: torch.nn.Module, photos: list, regions: list[Region]
) -> None:
    image, region = photos[0], regions[0]
    right = face_crop(image, region.box, 0).astype(np.float32)
    x0, y0, x1, y1 = (int(v) for v in region.box)
    other_filter = cv2.resize(image[y0:y1, x0:x1], (160, 160), interpolation=cv2.INTER_AREA).astype(np.float32)
    vector = judge.embed([image], [region])[0]
    for crop, mean, scale in [
        (other_filter, 127.5, 128.0),
        (right[..., ::-1], 127.5, 128.0),
        (right, 127.5, 127.5),
        (right, 128.0, 128.0),
    ]:
        planes = torch.from_numpy(np.ascontiguousarray((crop - mean) / scale).transpose(2, 0, 1)[None])
        with torch.no_grad():
            assert _cosine(vector, network(planes).numpy()[0]) < 1 - 1e-5
    assert max(_cosine(vector, other) for other in judge.embed(photos[1:4], regions[1:4])) < 0.9


@given(
    box=st.tuples(*[st.floats(-60, 140)] * 2, *[st.floats(1, 260)] * 2),
    size=st.tuples(st.integers(24, 120), st.integers(24, 120)),
    margin_px=st.integers(0, 80),
    seed=st.integers(0, 99),
)
@settings(max_examples=150, deadline=None)
def test_crops_are_the_library_s_bytes(box: Any, size: tuple[int, int], margin_px: int, seed: int) -> None:
    x0, y0, width, height = box
    corners = (min(x0, size[1] - 1), min(y0, size[0] - 1), max(x0 + width, 1), max(y0 + height, 1))
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    expected = facenet_pytorch.extract_face(PillowImage.fromarray(image), corners, 160, margin_px)
    assert np.array_equal(face_crop(image, corners, margin_px), expected.numpy().transpose(1, 2, 0))


def test_more_than_one_batch_and_unusable_regions(judge: Recogniser, photos: list, regions: list[Region]) -> None:
    away = replace(regions[0], box=(-90.0, 5.0, -20.0, 80.0))
    media, where = [*photos, photos[0], *photos], [*regions, away, *regions]
    answers = judge.embed(media, where)
    n = len(photos)
    assert answers[n] == FailureToAcquire("a face box outside the image")
    for first, second in zip(answers[:n], answers[n + 1 :], strict=True):
        assert np.abs(first - second).max() <= 1e-5


def test_every_setting_of_the_crop_is_in_the_digest(judge: Recogniser, wider: Recogniser) -> None:
    assert wider.digest != judge.digest


# ---------------------------------------------------------------- weights: what they are
def test_made_weights_are_as_large_as_the_published_ones() -> None:
    assert made_weights().path.stat().st_size == pytest.approx(111_898_327, rel=1e-3)


def test_pins_are_whole_digests_of_two_files() -> None:
    assert set(RELEASES) == set(NAMES)
    assert len({release.sha256 for release in RELEASES.values()}) == 2
    for release in RELEASES.values():
        assert len(release.sha256) == 64 and set(release.sha256) <= set("0123456789abcdef")


def test_other_weights_than_the_published_count_as_undeclared(
    judge: Recogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judge.families == {"facenet", "inception-resnet-v1", "undeclared"} and judge.training_overlap == "unknown"
    made = made_weights()
    monkeypatch.setitem(RELEASES, NAMES[1], Release(made.path.name, made.sha256))
    published = _build(NAMES[1], path=str(made.path))
    assert published.families == {"facenet", "inception-resnet-v1"} and published.training_overlap == "some"


def _saved(state: Any, path: Path) -> dict[str, str]:
    torch.save(state, path)
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_the_classifier_may_be_left_out_and_templates_of_nan_are_failures(
    judge: Recogniser, photos: list, regions: list[Region], tmp_path: Path
) -> None:
    state = torch.load(made_weights().path, weights_only=True)
    bare = {key: value for key, value in state.items() if "logits" not in key and "num_batches" not in key}
    vector = _build(**_saved(bare, tmp_path / "bare.pt")).embed(photos[:1], regions[:1])[0]
    assert np.array_equal(vector, judge.embed(photos[:1], regions[:1])[0])
    bare["last_bn.weight"] = torch.full((512,), float("nan"))
    broken = _build(**_saved(bare, tmp_path / "nan.pt")).embed(photos[:1], regions[:1])[0]
    assert broken == FailureToAcquire("a template of zero or non-finite length")


class _Opened:
    """Unpickled without care, it opens a file for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def test_files_that_are_no_weights_of_the_network_are_refused(tmp_path: Path) -> None:
    other = _saved({"conv.weight": torch.zeros(3)}, tmp_path / "other.pt")
    tensor = _saved(torch.zeros(3), tmp_path / "tensor.pt")
    trap = _saved({"conv.weight": _Opened(tmp_path / "opened")}, tmp_path / "trap.pt")
    (tmp_path / "text.pt").write_bytes(b"<html>not found</html>")
    text = {"path": str(tmp_path / "text.pt"), "sha256": hashlib.sha256(b"<html>not found</html>").hexdigest()}
    for params in (other, tensor, trap, text):
        with pytest.raises(WeightsError, match="a state dictionary of InceptionResnetV1"):
            _build(**params)
    assert not (tmp_path / "opened").exists()


# ---------------------------------------------------------------- weights: where they come from
def test_a_folder_holds_the_file_under_its_published_name(tmp_path: Path) -> None:
    made = made_weights()
    (tmp_path / RELEASES[NAMES[1]].file).symlink_to(made.path)
    assert _build(NAMES[1], path=str(tmp_path), sha256=made.sha256).locate([]) == []
    with pytest.raises(WeightsError, match=r"vggface2\.pt\nnot readable: No such file"):
        _build(NAMES[0], path=str(tmp_path), sha256=made.sha256)


def test_weights_of_another_digest_are_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"SHA-256 {made_weights().sha256}, pinned is 281cebca"):
        _build(path=str(made_weights().path))


@pytest.mark.parametrize(
    "params",
    [
        {"weights": "x.pt"},
        {"path": "/x.pt", "download": True},
        {"download": "yes"},
        {"margin_px": 81},
        {"sha256": "281cebca"},
    ],
)
def test_wrong_parameters_are_named(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"it takes path, sha256, download, margin_px"):
        _build(**params)


class _Server(ThreadingHTTPServer):
    """A release page on this machine: what it offers, and what was asked of it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.offers: dict[str, bytes] = {}
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.offers.get(self.path)
        if body is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return self.wfile.write(body) and None

    def log_message(self, *_: object) -> None:
        """Nothing: pytest's output stays readable."""


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[_Server]:
    """The place of the published files, moved to this machine, and an empty place for downloads."""
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(facenet_weights, "RELEASE_URL", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        yield server
        server.shutdown()
        thread.join()


def test_nothing_is_fetched_unless_the_suite_asks(releases: _Server, tmp_path: Path) -> None:
    file = RELEASES[NAMES[0]].file
    releases.offers[f"/{file}"] = b"weights"
    with pytest.raises(WeightsError) as caught:
        _build()
    text = str(caught.value)
    assert str(tmp_path / "torch" / "checkpoints" / file) in text and "path: ..." in text and "download: true" in text
    assert releases.asked == [] and not (tmp_path / "torch").exists()


def test_a_download_is_checked_then_kept_where_the_library_keeps_it(releases: _Server, tmp_path: Path) -> None:
    made, file = made_weights(), RELEASES[NAMES[1]].file
    kept = tmp_path / "torch" / "checkpoints" / file
    releases.offers[f"/{file}"] = made.path.read_bytes()[:-1]
    with pytest.raises(WeightsError, match="nothing of it was kept"):
        _build(NAMES[1], sha256=made.sha256, download=True)
    assert not kept.exists()
    releases.offers[f"/{file}"] = made.path.read_bytes()
    judges = [_build(NAMES[1], sha256=made.sha256, download=True) for _ in range(2)]
    assert judges[0].digest == judges[1].digest
    assert len(releases.asked) == 2  # the second judge took the kept file
    assert kept.read_bytes() == made.path.read_bytes() and [p.name for p in kept.parent.iterdir()] == [file]
    kept.write_bytes(b"altered")
    with pytest.raises(WeightsError, match="pinned is"):
        _build(NAMES[1], sha256=made.sha256, download=True)


def test_a_failed_download_is_one_clear_error(releases: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match=r"download http.*vggface2\.pt\n.*404.*\nfetch it elsewhere"):
        _build(download=True)
    monkeypatch.setattr(facenet_weights, "RELEASE_URL", "http://127.0.0.1:9/")
    with pytest.raises(WeightsError, match=r"refused.*\nfetch it elsewhere"):
        _build(download=True)


def test_the_library_looks_for_the_file_in_the_same_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    opened: list[str] = []

    def load(path: str, *_: object, **__: object) -> dict[str, Any]:
        opened.append(str(path))
        raise io.UnsupportedOperation

    monkeypatch.setattr(torch, "load", load)
    for name, word in zip(NAMES, ("vggface2", "casia-webface"), strict=True):
        kept = facenet_weights.library_folder() / RELEASES[name].file
        kept.parent.mkdir(exist_ok=True)
        kept.touch()
        with pytest.raises(io.UnsupportedOperation):
            facenet_pytorch.InceptionResnetV1(pretrained=word)
        assert opened[-1] == str(kept)


def test_doctor_looks_there_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def said() -> str:
        (finding,) = (f for f in examine(tmp_path) if f.topic == "facenet weights")
        assert finding.is_well and str(facenet_weights.library_folder()) in finding.text
        return finding.text

    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert said().startswith("none")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert said().startswith("none")
    for release in RELEASES.values():
        kept = facenet_weights.library_folder() / release.file
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch()
    assert all(release.file in said() for release in RELEASES.values())
