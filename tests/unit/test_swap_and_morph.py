"""Baselines of two people: a swap moves recognisers from the host to the donor, a morph is close to both."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit_photos import KIT, photo

from visavox.adapters.editors.baselines.face_blend import (
    FEATURES,
    TEMPLATE,
    WHOLE,
    Face,
    fetched,
    filled,
    inverse,
    laid_over,
    moved,
    outline,
    pixel_grid,
    recoloured,
    similar,
    surroundings,
)
from visavox.adapters.editors.baselines.face_region import face_regions
from visavox.adapters.editors.baselines.spline_warp import CENTRE, HALF, displacement
from visavox.core.errors import ConfigError
from visavox.core.records import RecogniserSpec
from visavox.ports.dataset import renderers
from visavox.ports.editor import Audio, Editor, EditRequest, EditResult, Failed, Image, baselines
from visavox.ports.recogniser import Recogniser, Region, recognisers

ROLES = {"poisson_swap": ("host", "donor"), "landmark_morph": ("contributor_1", "contributor_2")}
# Five people of the kit, two photographs each: the one that is edited, and the one it is compared with.
KIT_PHOTOS = (
    ("47d5d783bdfa00e0", "7983536bc71fb24f"),
    ("edd081f395a55fb1", "cef4bc1d97d12183"),
    ("3660212c1e515d7c", "c41c62cde5bbcf31"),
    ("1fe39f047bc95dd8", "8b5f2200fc0930fe"),
    ("f09907eb5407445a", "80d21b7a7d6600b3"),
)
MOBILE_FACE_NET = {
    "path": str(KIT / "weights/mobilefacenet_arcface_128.onnx"),
    "sha256": "f055d9c9a4d826d198c42666590fdefa0fdc1374a75ccb6306c3d1b1bf8f74c5",
    **{"input_px": 112, "template": "arcface5", "mean": 127.5, "std": 128.0, "channel": "rgb"},
}
GRASS = np.random.default_rng(1).integers(0, 256, (60, 50, 3), dtype=np.uint8)


def load(name: str, **params: Any) -> Editor:
    return baselines.get(name)(device="cpu", artifact=None, params=params)


def request(name: str, first: Any, second: Any) -> EditRequest:
    return EditRequest("0" * 16, "face-swap", 7, dict(zip(ROLES[name], (first, second), strict=True)))


def combined(name: str, first: Any, second: Any, **params: Any) -> Image:
    return picture(load(name, **params).edit([request(name, first, second)])[0])


def picture(result: EditResult) -> Image:
    assert isinstance(result, np.ndarray), result
    assert result.dtype == np.uint8
    return result


def region_of(image: Image) -> Region:
    (region,) = face_regions([image], "cpu")
    assert region is not None
    return region


def face(image: Image) -> Face:
    return Face(image, np.array(region_of(image).landmarks))


@lru_cache(maxsize=2)
def judge_of(name: str) -> Recogniser:
    params = MOBILE_FACE_NET if name == "onnx_face" else {}
    return recognisers.get(name)(RecogniserSpec(name=name, id=name, params=tuple(params.items())), "cpu")


def similarities(outputs: list[Image], references: list[Image], judge: str = "dlib") -> np.ndarray:
    """By the judge, shape (n_references, n_outputs)."""
    pictures = [*references, *outputs]
    found = judge_of(judge).embed(pictures, [region_of(image) for image in pictures])
    vectors = np.stack([vector for vector in found if isinstance(vector, np.ndarray)])
    assert len(vectors) == len(pictures)
    return judge_of(judge).compare(vectors[: len(references)], vectors[len(references) :])


@pytest.fixture(scope="module")
def people() -> list[Image]:
    """Two pictures each of three synthetic people, of several sizes."""
    drawn = renderers.get("synthetic-faces")(99, [(i, j) for i in range(3) for j in range(2)], size_px=96)
    return [drawn[0][:92], drawn[1], drawn[2][:, 3:93], *drawn[3:]]


def test_a_swap_of_synthetic_people_goes_from_the_host_to_the_donor(people: list[Image]) -> None:
    hosts, references = people[::2], people[1::2]
    editor = load("poisson_swap")
    order = [1, 2, 0]
    outputs = [picture(a) for a in editor.edit([request("poisson_swap", hosts[i], hosts[order[i]]) for i in range(3)])]
    before, after = similarities(hosts, references), similarities(outputs, references)
    assert all(after[order[i], i] > after[i, i] for i in range(3)), (
        "each output is nearer to its donor than to its host"
    )
    assert np.mean([after[order[i], i] - before[order[i], i] for i in range(3)]) > 0.1
    assert np.mean([before[i, i] - after[i, i] for i in range(3)]) > 0.1


@pytest.fixture(scope="module")
def real_outputs() -> dict[str, list[Image]]:
    """Four real pairs: person i is host or first contributor, person i + 1 donor or second contributor."""
    made = {"before": [photo(first) for first, _ in KIT_PHOTOS]}
    for name in ROLES:
        pairs = [request(name, *two) for two in pairwise(made["before"])]
        made[name] = [picture(answer) for answer in load(name).edit(pairs)]
    return made


@pytest.mark.parametrize("judge", ["dlib", "onnx_face"])
def test_real_swaps_and_morphs_move_the_recogniser(judge: str, real_outputs: dict[str, list[Image]]) -> None:
    references = [photo(reference) for _, reference in KIT_PHOTOS]
    before, swaps, morphs = (similarities(images, references, judge) for images in real_outputs.values())
    n = len(swaps[0])
    own, other = np.arange(n), np.arange(1, n + 1)
    gap = np.mean(before[own, own] - before[other, own])  # mated less non-mated, in the judge's units
    assert np.mean(swaps[other, own] - before[other, own]) > 0.5 * gap
    assert np.mean(before[own, own] - swaps[own, own]) > 0.75 * gap
    assert (swaps[other, own] > swaps[own, own]).all()
    is_contributor = np.eye(n + 1, n, dtype=bool) | np.eye(n + 1, n, -1, dtype=bool)
    chance = np.mean(morphs[~is_contributor])
    assert np.mean(morphs[own, own]) - chance > 0.25 * gap
    assert np.mean(morphs[other, own]) - chance > 0.25 * gap


@pytest.mark.parametrize("pair", [(1, 3), (4, 0)])
def test_a_morph_stands_between_its_contributors(pair: tuple[int, int]) -> None:
    """The detector finds the landmarks of the output at the mean of both contributors' landmarks."""
    first, second = (face(photo(KIT_PHOTOS[i][0])) for i in pair)
    guest = moved(second.points, inverse(similar(first.points, second.points)))
    apart = np.abs(guest - first.points).mean()
    assert apart > 1.5, "two whose shapes differ by more than the detector's own noise of half a pixel"
    for alpha in (0.25, 0.5, 0.75, 1.0):
        found = face(combined("landmark_morph", first.image, second.image, alpha=alpha)).points
        assert np.abs(found - ((1 - alpha) * first.points + alpha * guest)).mean() < 0.4 * apart, alpha


def test_at_alpha_0_a_morph_is_the_first_picture_and_at_1_the_second_face(people: list[Image]) -> None:
    first, second = people[2], people[4]
    assert np.array_equal(combined("landmark_morph", first, second, alpha=0.0), first)
    references = [people[3], people[5]]
    after = similarities([combined("landmark_morph", first, second, alpha=a) for a in (0.0, 0.5, 1.0)], references)
    assert after[0, 0] > after[0, 1] > after[0, 2]
    assert after[1, 0] < after[1, 1] < after[1, 2]
    assert after[1, 2] > after[0, 2]


@pytest.mark.parametrize("name", ROLES)
def test_the_output_has_the_first_picture_s_size_and_surroundings(name: str, people: list[Image]) -> None:
    host = np.pad(people[2], ((60, 60), (70, 50), (0, 0)), mode="edge")
    before = host.copy(), people[4].copy()
    output = combined(name, host, people[4])
    assert np.array_equal(host, before[0]) and np.array_equal(people[4], before[1]), "the inputs are left alone"
    assert output.shape == host.shape
    here = face(host)
    inside = np.linalg.norm((moved(pixel_grid(host.shape), similar(here.points, TEMPLATE)) - CENTRE) / HALF, axis=2) < 1
    assert np.array_equal(output[~inside], host[~inside])
    features = filled(outline(here.points, FEATURES), host.shape) > 0
    assert np.abs(output[features].astype(int) - host[features]).mean() > 4


@pytest.mark.parametrize("name", ROLES)
def test_the_same_pixels_give_the_same_pixels_alone_and_in_a_batch(name: str, people: list[Image]) -> None:
    requests = [request(name, people[i], people[j]) for i, j in ((0, 2), (4, 0), (2, 4))]
    together = load(name).edit(requests)
    for one, answer in zip(requests, together, strict=True):
        assert np.array_equal(picture(load(name).edit([one])[0]), picture(answer))


@pytest.mark.parametrize("name", ROLES)
def test_what_cannot_be_combined_fails_alone_and_says_why(name: str, people: list[Image]) -> None:
    first, second = ROLES[name]
    tiny = np.zeros((8, 8, 3), np.uint8)
    sound = Audio(np.zeros(9, np.float32), 8000)
    answers = load(name).edit(
        [
            EditRequest("1" * 16, "face-swap", 1, {first: people[0]}),
            EditRequest("2" * 16, "face-swap", 1, {second: people[0]}),
            EditRequest("3" * 16, "face-swap", 1, {}),
            request(name, GRASS, people[0]),
            request(name, people[0], GRASS),
            request(name, people[0], tiny),
            request(name, people[0], sound),
            request(name, people[0], people[2]),
        ]
    )
    reasons = [answer.reason if isinstance(answer, Failed) else None for answer in answers]
    assert reasons == [
        f"no role '{second}' among {first}",
        f"no role '{first}' among {second}",
        f"no role '{first}' among no roles",
        f"no face found in the {first}",
        f"no face found in the {second}",
        f"no face found in the {second}",
        "not an image",
        None,
    ]


@pytest.mark.parametrize(
    ("name", "params", "named"),
    [
        ("poisson_swap", {"alpha": 0.5}, "alpha"),
        ("landmark_morph", {"alpha": -0.1}, "alpha"),
        ("landmark_morph", {"alpha": 1.01}, "alpha"),
        ("landmark_morph", {"alpha": float("nan")}, "alpha"),
        ("landmark_morph", {"alpha": "0.5"}, "alpha"),
        ("landmark_morph", {"beta": 0.5}, "beta"),
    ],
)
def test_wrong_params_are_refused_by_name(name: str, params: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load(name, **params)


@pytest.mark.parametrize("name", ROLES)
def test_a_face_that_fills_its_picture_is_combined(name: str) -> None:
    """The seam needs pixels around the face; a tight crop has none."""
    host, donor = (photo(KIT_PHOTOS[i][0]) for i in (1, 2))
    x0, y0, x1, y1 = (round(value) for value in region_of(host).box)
    crop = np.ascontiguousarray(host[y0:y1, x0 + 4 : x1 - 4])
    for first, second in ((crop, donor), (donor, crop)):
        output = combined(name, first, second)
        assert output.shape == first.shape
        assert np.abs(output.astype(int) - first).mean() > 2
    assert combined(name, crop, donor)[0].tolist() != crop[0].tolist(), "up to the border"


def test_a_large_donor_is_averaged_down(people: list[Image]) -> None:
    """A donor of four times the size gives the same swap: no pixel is skipped."""
    host, donor = face(people[2]), face(people[4])
    large = donor.image.repeat(4, axis=0).repeat(4, axis=1)
    swapped = [
        fetched(image, moved(pixel_grid(host.image.shape), similar(host.points, points)), step)
        for image, points, step in ((donor.image, donor.points, 1.0), (large, donor.points * 4 + 1.5, 4.0))
    ]
    assert np.abs(swapped[0].astype(int) - swapped[1]).max() <= 1


def test_a_face_over_itself_stays_itself(people: list[Image]) -> None:
    _, here = surroundings(face(people[4]))
    values = laid_over(here, here)
    assert not isinstance(values, Failed)
    assert np.abs(values - here.image).max() <= 3


def test_a_tinted_face_loses_its_tint(people: list[Image]) -> None:
    _, here = surroundings(face(people[4]))
    tinted = (here.image * np.array([0.7, 0.8, 0.9]) + 10).astype(np.uint8)
    values = laid_over(Face(tinted, here.points), here)
    assert not isinstance(values, Failed)
    within = filled(outline(here.points, FEATURES), here.image.shape) > 0
    left, was = (np.abs(image[within].astype(float) - here.image[within]).mean() for image in (values, tinted))
    assert left < 0.2 * was


def test_colours_take_the_mean_and_the_spread_of_the_other() -> None:
    rng = np.random.default_rng(3)
    one = rng.normal((150, 110, 90), 12, (40, 40, 3)).clip(0, 255).astype(np.uint8)
    other = rng.normal((120, 100, 100), 15, (30, 50, 3)).clip(0, 255).astype(np.uint8)
    whole = [np.full(image.shape[:2], 255, np.uint8) for image in (one, other)]
    made = recoloured(one, whole[0], other, whole[1])
    assert np.abs(made.mean(axis=(0, 1)) - other.mean(axis=(0, 1))).max() < 1.5
    assert np.abs(made.std(axis=(0, 1)) / other.std(axis=(0, 1)) - 1).max() < 0.1
    again = recoloured(one, whole[0], one, whole[0])
    assert np.abs(again.astype(int) - one).max() <= 1


frames = st.tuples(
    st.floats(0.3, 4.0),
    st.floats(-0.6, 0.6),
    st.floats(-30.0, 200.0),
    st.floats(-30.0, 200.0),
    st.integers(0, 2**32 - 1),
)


def face_points(frame: tuple[float, float, float, float, int], spread: float = 4.0) -> np.ndarray:
    """Landmarks of someone, turned, scaled and shifted."""
    scale, angle, x, y, seed = frame
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    person = TEMPLATE + np.random.default_rng(seed).uniform(-spread, spread, (5, 2))
    return person @ turn.T + [x, y]


@given(frame=frames)
@settings(max_examples=60, deadline=None)
def test_an_outline_goes_with_its_face(frame: tuple[float, float, float, float, int]) -> None:
    """Turning, scaling and shifting a face does so with its outline, which holds all five landmarks."""
    points = face_points(frame)
    to_other = similar(TEMPLATE, face_points((1.7, -0.4, 12.0, 70.0, 5)))
    assert np.allclose(outline(moved(points, to_other), WHOLE), moved(outline(points, WHOLE), to_other), atol=1e-6)
    ring = outline(points, WHOLE)
    edges, steps = np.roll(ring, -1, axis=0) - ring, points[:, None] - ring
    assert (edges[:, 0] * steps[..., 1] - edges[:, 1] * steps[..., 0] > 0).all(), "all on one side of every edge"


@given(frame=frames, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_warp_moves_the_landmarks_and_nothing_beyond_the_head(
    frame: tuple[float, float, float, float, int], seed: int
) -> None:
    points = face_points((min(frame[0], 1.5), frame[1], 60.0, 50.0, frame[4]))
    size = similar(TEMPLATE, points)[:, 0]
    shift = np.random.default_rng(seed).uniform(-5, 5, (5, 2)) * np.hypot(*size)
    field = displacement(points, points + shift, (260, 300))
    x, y = np.rint(points.clip(0, 259)).astype(int).T
    assert np.abs(field[y, x] - shift).max() < 0.12 * np.hypot(*size) * 5 + 0.3
    radius = np.linalg.norm((moved(pixel_grid(field.shape), similar(points, TEMPLATE)) - CENTRE) / HALF, axis=2)
    assert not field[radius > 1.0 + 8 / (HALF[0] * np.hypot(*size))].any()
    assert not displacement(points, points, (260, 300)).any()
