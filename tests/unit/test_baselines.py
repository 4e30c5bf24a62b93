"""Baseline editors on synthetic people: each does what its name says, and nothing outside its window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.adapters.editors.baselines import k_same, replace
from visavox.adapters.editors.baselines.blur import MARGIN as BLUR_MARGIN
from visavox.adapters.editors.baselines.blur import blurred
from visavox.adapters.editors.baselines.face_region import Window, face_regions, face_windows
from visavox.adapters.editors.baselines.pixelate import MARGIN as PIXELATE_MARGIN
from visavox.adapters.editors.baselines.pixelate import mosaic
from visavox.core.errors import ConfigError
from visavox.ports.dataset import renderers, voice_renderers
from visavox.ports.editor import Audio, Editor, EditRequest, EditResult, Failed, Image, baselines

NAMES = ("identity", "replace", "blur", "pixelate", "mask", "k_same")
WINDOWED: dict[str, tuple[dict[str, Any], float]] = {
    "blur": ({"sigma_px": 6.0}, BLUR_MARGIN),
    "pixelate": ({"block_px": 9}, PIXELATE_MARGIN),
    "mask": ({"margin": 0.1}, 0.1),
}


def load(name: str, **params: Any) -> Editor:
    return baselines.get(name)(device="cpu", artifact=None, params=params)


def request(image: Any, number: int = 1, seed: int = 7) -> EditRequest:
    return EditRequest(f"{number:016x}", "face-anonymisation", seed, {"subject": image})


def picture(result: EditResult) -> Image:
    assert isinstance(result, np.ndarray), result
    assert result.dtype == np.uint8
    return result


@pytest.fixture(scope="module")
def subjects() -> list[Image]:
    """Three synthetic people who are not square and not of one size."""
    drawn = renderers.get("synthetic-faces")(99, [(identity, 0) for identity in range(3)], size_px=160)
    return [drawn[0][:150], drawn[1][:, 5:155], drawn[2]]


@pytest.fixture(scope="module")
def pool() -> k_same.Floats:
    return k_same.cached_pool("cpu")


@pytest.mark.parametrize("name", NAMES)
def test_unknown_params_are_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match="nonsense: no such param\n"):
        load(name, nonsense=1)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("blur", {"sigma_px": 0}),
        ("blur", {"sigma_px": -1.5}),
        ("blur", {"sigma_px": float("nan")}),
        ("blur", {"sigma_px": "8"}),
        ("pixelate", {"block_px": 1}),
        ("pixelate", {"block_px": 2.5}),
        ("mask", {"margin": -0.1}),
        ("k_same", {"k": 0}),
        ("k_same", {"k": 34}),
        ("k_same", {"k": True}),
    ],
)
def test_params_out_of_range_are_refused(name: str, params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(params))):
        load(name, **params)


def test_identity_gives_back_the_very_bits(subjects: list[Image]) -> None:
    sound = Audio(np.linspace(-1, 1, 100, dtype=np.float32), 16_000)
    answers = load("identity").edit([request(subjects[0]), request(sound)])
    assert np.array_equal(picture(answers[0]), subjects[0])
    assert answers[1] is sound


@pytest.mark.parametrize("name", ["identity", *WINDOWED, "replace"])
def test_a_request_without_a_subject_fails_alone(name: str, subjects: list[Image]) -> None:
    lost = EditRequest("0" * 16, "face-swap", 1, {"donor": subjects[0]})
    answers = load(name).edit([lost, request(subjects[1])])
    assert isinstance(answers[0], Failed) and "subject" in answers[0].reason
    assert picture(answers[1]).shape == subjects[1].shape


@pytest.mark.parametrize("name", WINDOWED)
def test_sound_is_no_image(name: str) -> None:
    (answer,) = load(name).edit([request(Audio(np.zeros(9, np.float32), 8000))])
    assert isinstance(answer, Failed)


@pytest.mark.parametrize("name", WINDOWED)
def test_only_the_window_changes_and_the_face_does(name: str, subjects: list[Image]) -> None:
    params, margin = WINDOWED[name]
    originals = [subject.copy() for subject in subjects]
    answers = load(name, **params).edit([request(subject) for subject in subjects])
    windows = face_windows(subjects, "cpu", margin)
    for answer, subject, original, window in zip(answers, subjects, originals, windows, strict=True):
        assert np.array_equal(subject, original), "the input itself is left alone"
        edited = picture(answer)
        is_outside = np.ones(subject.shape[:2], bool)
        is_outside[window.slices] = False
        assert is_outside.any()
        assert np.array_equal(edited[is_outside], subject[is_outside])
        assert np.abs(edited[window.slices].astype(int) - subject[window.slices]).mean() > 2


@pytest.mark.parametrize("name", WINDOWED)
def test_the_face_lies_within_the_window(name: str, subjects: list[Image]) -> None:
    margin = WINDOWED[name][1]
    for region, window in zip(face_regions(subjects, "cpu"), face_windows(subjects, "cpu", margin), strict=True):
        assert region is not None
        assert window.left <= region.box[0] and region.box[2] < window.right
        assert all(window.left <= x < window.right and window.top <= y < window.bottom for x, y in region.landmarks)


@pytest.mark.parametrize("name", WINDOWED)
def test_without_a_face_the_whole_image_is_changed(name: str) -> None:
    grass = np.random.default_rng(1).integers(0, 256, (60, 50, 3), dtype=np.uint8)
    assert face_windows([grass], "cpu", 0.1) == [Window(0, 60, 0, 50)]
    (answer,) = load(name, **WINDOWED[name][0]).edit([request(grass)])
    assert (picture(answer) != grass).any(axis=2).mean() > 0.9


@pytest.mark.parametrize("name", WINDOWED)
def test_a_batch_gives_what_each_alone_gives(name: str, subjects: list[Image]) -> None:
    editor = load(name, **WINDOWED[name][0])
    together = editor.edit([request(subject) for subject in subjects])
    for subject, answer in zip(subjects, together, strict=True):
        assert np.array_equal(picture(editor.edit([request(subject)])[0]), picture(answer))


@given(height=st.integers(1, 40), width=st.integers(1, 40), block_px=st.integers(2, 50), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_mosaic_blocks_are_constant_and_keep_their_mean(height: int, width: int, block_px: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    blocks = mosaic(pixels, block_px)
    assert blocks.shape == pixels.shape
    for top in range(0, height, block_px):
        for left in range(0, width, block_px):
            here = np.s_[top : top + block_px, left : left + block_px]
            assert (blocks[here] == blocks[top, left]).all()
            assert np.abs(pixels[here].mean(axis=(0, 1)) - blocks[top, left]).max() <= 0.5 + 1e-9


def test_blur_follows_the_gaussian() -> None:
    spot = np.zeros((41, 41, 3), np.uint8)
    spot[:, 20] = 250
    profile = blurred(spot, 3.0)[20, :, 0].astype(float)
    x = np.arange(41) - 20
    expected = 250 * np.exp(-(x**2) / 18) / (3 * np.sqrt(2 * np.pi))
    assert np.abs(profile - expected).max() < 1


def test_replace_never_repeats_a_person_and_is_deterministic(subjects: list[Image]) -> None:
    drawn: list[tuple[int, int, int]] = []

    def recording(seed: int, people: Any, *, size_px: int, device: str = "cpu") -> list[Image]:
        drawn.extend((seed, *pair) for pair in people)
        return [np.zeros((size_px, size_px, 3), np.uint8) for _ in people]

    editor = replace.Replace(recording, voice_renderers.get("synthetic-voices"), "cpu")
    editor.edit([request(subjects[0], number=2**63 + number) for number in range(200)])
    assert len({identity for _, identity, _ in drawn}) == 200
    editor.edit([request(subjects[1], number=2**63 + number) for number in range(200)])
    assert drawn[:200] == drawn[200:], "the person follows from the case, not from the picture"


def test_replace_shows_strangers_in_the_input_s_size(subjects: list[Image]) -> None:
    editor = load("replace")
    answers = [picture(a) for a in editor.edit([request(s, n) for n, s in enumerate(subjects)])]
    again = [picture(a) for a in load("replace").edit([request(subjects[2], 2)])]
    assert [answer.shape for answer in answers] == [subject.shape for subject in subjects]
    assert np.array_equal(again[0], answers[2])
    assert all(region is not None for region in face_regions(answers, "cpu"))
    small = [answer[:150, :150].astype(int) for answer in answers]
    assert min(np.abs(small[i] - small[j]).mean() for i, j in ((0, 1), (0, 2), (1, 2))) > 10


def test_k_same_moves_away_as_k_grows(subjects: list[Image], pool: k_same.Floats) -> None:
    matrices = [k_same.alignment(r) for r in face_regions(subjects, "cpu") if r is not None]

    def distance(k: int) -> float:
        """Mean change of display values in the inner face."""
        answers = k_same.KSame(k, pool, "cpu").edit([request(subject) for subject in subjects])
        changes = []
        for answer, subject, matrix in zip(answers, subjects, matrices, strict=True):
            assert matrix is not None
            change = np.abs(k_same.aligned(picture(answer), matrix) - k_same.aligned(subject, matrix))
            changes.append(change[70:160, 55:135].mean())
        return float(np.mean(changes))

    unchanged, few, many = distance(1), distance(3), distance(20)
    assert unchanged < 3 < few < many


def test_k_same_leaves_what_lies_far_from_the_face(subjects: list[Image], pool: k_same.Floats) -> None:
    (answer,) = k_same.KSame(8, pool, "cpu").edit([request(subjects[2])])
    edited = picture(answer)
    assert np.array_equal(edited[:8], subjects[2][:8])
    assert not np.array_equal(edited, subjects[2])


def test_k_same_is_deterministic_and_refuses_to_guess(subjects: list[Image], pool: k_same.Floats) -> None:
    editor = k_same.KSame(4, pool, "cpu")
    one, blank, other = editor.edit(
        [request(subjects[0]), request(np.full((64, 64, 3), 9, np.uint8)), request(subjects[0])]
    )
    assert np.array_equal(picture(one), picture(other))
    assert isinstance(blank, Failed) and "no face" in blank.reason


def test_k_same_averages_k_faces_with_equal_shares(subjects: list[Image]) -> None:
    black = np.zeros((k_same.POOL_SIZE, *k_same.face_weight().shape, 3), np.float32)
    (answer,) = k_same.KSame(4, black, "cpu").edit([request(subjects[2])])
    (region,) = face_regions([subjects[2]], "cpu")
    assert region is not None
    nose_x, nose_y = (round(value) for value in region.landmarks[2])
    here = np.s_[nose_y - 5 : nose_y + 5, nose_x - 5 : nose_x + 5]
    assert np.abs(picture(answer)[here].astype(float) - subjects[2][here] / 4).mean() < 2


def test_editors_declare_a_batch() -> None:
    assert all(getattr(load(name), "max_batch", 1) > 1 for name in NAMES if name != "k_same")
