"""What every shipped face recogniser keeps to, whatever its network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from facenet_weights import WeightFile, made_weights
from kit_photos import KIT, photo
from recogniser_contract import assert_it_says_what_it_is, assert_made_again_it_is_the_same
from shipped import shipped

from visavox.core.errors import MediaError
from visavox.core.records import RecogniserSpec
from visavox.core.terms import Modality
from visavox.ports.recogniser import FailureToAcquire, Recogniser, Region, recognisers

# How to build each shipped face recogniser here: its parameters, or what makes its weights.
FACE: dict[str, dict[str, Any] | Callable[[], WeightFile]] = {
    "dlib": {},
    "onnx_face": {
        "path": str(KIT / "weights" / "mobilefacenet_arcface_128.onnx"),
        "sha256": "f055d9c9a4d826d198c42666590fdefa0fdc1374a75ccb6306c3d1b1bf8f74c5",
        "input_px": 112,
        "template": "arcface5",
        "mean": 127.5,
        "std": 128,
        "channel": "rgb",
    },
    "facenet-vggface2": made_weights,
    "facenet-casia-webface": made_weights,
}
# No weights of these can be had here: made ones have their layout, and tell nobody apart.
UNTRAINED = {"facenet-vggface2", "facenet-casia-webface"}


def test_every_shipped_recogniser_is_under_contract() -> None:
    assert shipped("recognisers of faces") == set(FACE), "say above how to build a new recogniser"


def _build(name: str) -> Recogniser:
    how = FACE[name]
    params = how().params if callable(how) else how
    spec = RecogniserSpec(name=name, id=f"my-{name}", params=params)
    return recognisers.get(name)(spec, "cpu")


@pytest.fixture(scope="module", params=sorted(FACE))
def judge(request: pytest.FixtureRequest) -> Recogniser:
    assert KIT.is_dir(), f"the data kit is not at {KIT}: set VISAVOX_KIT to its folder"
    return _build(request.param)


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    ids = "7103d58ab1ac90a6 082f0f70f6f37fef c8c68f9d45069c6a 798a416151aabf4e ec91fa34ac7eaf02 9857d8a69f483890"
    return [photo(sample_id) for sample_id in ids.split()]


@pytest.fixture(scope="module")
def regions(judge: Recogniser, photos: list[np.ndarray]) -> list[Region]:
    found = judge.locate(photos)
    assert all(isinstance(region, Region) for region in found), found
    return found  # type: ignore[return-value]


@pytest.fixture(scope="module")
def templates(judge: Recogniser, photos: list[np.ndarray], regions: list[Region]) -> np.ndarray:
    return np.stack(judge.embed(photos, regions))


def test_it_says_what_it_is(judge: Recogniser) -> None:
    assert_it_says_what_it_is(judge, Modality.FACE)


def test_digests_do_not_depend_on_the_process_or_the_name(judge: Recogniser) -> None:
    assert_made_again_it_is_the_same(judge, _build(judge.id.removeprefix("my-")))


def test_templates_are_finite_float32_rows_of_one_length(templates: np.ndarray, photos: list[np.ndarray]) -> None:
    assert templates.dtype == np.float32 and templates.ndim == 2 and len(templates) == len(photos)
    assert np.isfinite(templates).all()


def test_a_region_lies_where_the_face_is(regions: list[Region], photos: list[np.ndarray]) -> None:
    for region, image in zip(regions, photos, strict=True):
        x0, y0, x1, y1 = region.box
        assert len(region.landmarks) == 5 and 0 <= region.confidence <= 1 and region.n_found >= 1
        assert 0 < x1 - x0 < image.shape[1] and 0 < y1 - y0 < image.shape[0]
        left, right, nose, low_left, low_right = region.landmarks
        assert left[0] < right[0] and low_left[0] < low_right[0] and left[1] < nose[1] < low_left[1]


def test_templates_do_not_depend_on_what_else_is_in_the_batch(
    judge: Recogniser, photos: list[np.ndarray], regions: list[Region], templates: np.ndarray
) -> None:
    order = [4, 0, 5, 2, 2, 1, 3]
    images = [photos[k] for k in order]
    found = judge.locate(images)
    assert found == [regions[k] for k in order]
    shuffled = np.stack(judge.embed(images, found))
    assert np.abs(shuffled - templates[order]).max() <= 1e-5
    alone = np.stack([judge.embed([image], [region])[0] for image, region in zip(photos, regions, strict=True)])
    assert np.abs(alone - templates).max() <= 1e-5


def test_mixed_sizes_and_failures_keep_their_places(judge: Recogniser, photos: list[np.ndarray]) -> None:
    blank, tiny = np.full((90, 70, 3), 127, np.uint8), np.zeros((5, 5, 3), np.uint8)
    doubled = np.kron(photos[1], np.ones((2, 2, 1), np.uint8))
    found = judge.locate([blank, photos[0], tiny, doubled])
    assert [isinstance(f, FailureToAcquire) for f in found] == [True, False, True, False]
    assert all(f.reason for f in found if isinstance(f, FailureToAcquire))
    assert found[3].box[0] == pytest.approx(2 * judge.locate([photos[1]])[0].box[0], abs=12)
    outside = Region((900.0, 900.0, 990.0, 990.0), tuple((950.0 + k, 950.0 + k * k) for k in range(5)), 1.0)
    mixed = judge.embed([photos[0], photos[0], doubled], [found[1], outside, found[3]])
    assert [isinstance(v, FailureToAcquire) for v in mixed] == [False, True, False]


def test_media_are_not_changed(judge: Recogniser, photos: list[np.ndarray], regions: list[Region]) -> None:
    frozen = [image.copy() for image in photos]
    for image in frozen:
        image.flags.writeable = False
    assert judge.locate(frozen) == regions
    judge.embed(frozen, regions)


def test_views_of_arrays_are_taken(judge: Recogniser, photos: list[np.ndarray]) -> None:
    mirrored = photos[0][:, ::-1]
    (view,), (copy,) = judge.locate([mirrored]), judge.locate([mirrored.copy()])
    assert view == copy
    assert np.array_equal(judge.embed([mirrored], [view])[0], judge.embed([mirrored.copy()], [copy])[0])


def test_empty_batches(judge: Recogniser) -> None:
    assert judge.locate([]) == [] and judge.embed([], []) == []


def test_what_is_no_image_is_refused(judge: Recogniser, regions: list[Region]) -> None:
    for value in (np.zeros((50, 50), np.uint8), np.zeros((50, 50, 3), np.float32), "face.jpg"):
        with pytest.raises(MediaError):
            judge.locate([value])
        with pytest.raises(MediaError):
            judge.embed([value], regions[:1])


def test_media_and_regions_must_be_of_one_length(
    judge: Recogniser, photos: list[np.ndarray], regions: list[Region]
) -> None:
    with pytest.raises(ValueError, match="zip"):
        judge.embed(photos, regions[:-1])


def test_compare_is_what_the_score_s_name_says(judge: Recogniser, templates: np.ndarray) -> None:
    scores = judge.compare(templates[:4], templates)
    assert scores.shape == (4, len(templates)) and scores.dtype == np.float32
    for i, a in enumerate(templates[:4].astype(float)):
        for j, b in enumerate(templates.astype(float)):
            by_name = {
                "negative_euclidean": -float(np.sqrt(((a - b) ** 2).sum())),
                "cosine": float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)),
            }
            assert scores[i, j] == pytest.approx(by_name[judge.score], abs=2e-6)
    assert judge.compare(templates[:0], templates).shape == (0, len(templates))


@pytest.mark.parametrize("judge", sorted(set(FACE) - UNTRAINED), indirect=True)
def test_mated_scores_are_higher(judge: Recogniser, templates: np.ndarray) -> None:
    scores = judge.compare(templates, templates)
    non_mated = [scores[i, j] for i in range(6) for j in range(6) if i < j and (i, j) != (0, 1)]
    assert scores[0, 0] >= scores[0, 1] > max(non_mated)
