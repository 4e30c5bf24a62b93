"""Synthetic faces: pure functions of whole numbers that detectors find and recognisers tell apart."""

from __future__ import annotations

import subprocess
import sys
from types import MappingProxyType

import numpy as np
import pytest

from visavox.adapters.editors.baselines.replace import RENDER_PX
from visavox.adapters.recognisers.mtcnn import load_mtcnn
from visavox.core.errors import ConfigError
from visavox.core.records import RecogniserSpec
from visavox.ports.dataset import renderers
from visavox.ports.editor import Image
from visavox.ports.recogniser import Region, recognisers
from visavox_datasets.synthetic import parameters
from visavox_datasets.synthetic.faces import render_faces

PEOPLE = [(identity, image) for identity in range(2**40, 2**40 + 30) for image in range(2)]


@pytest.fixture(scope="module")
def pictures() -> list[Image]:
    return renderers.get("synthetic-faces")(3, PEOPLE, size_px=RENDER_PX)


def test_the_detector_finds_the_faces(pictures: list[Image]) -> None:
    found = [region for region in load_mtcnn("cpu").locate(pictures) if isinstance(region, Region)]
    assert len(found) >= 0.99 * len(pictures)


def test_a_recogniser_tells_the_people_apart(pictures: list[Image]) -> None:
    judge = recognisers.get("dlib")(RecogniserSpec(name="dlib", id="dlib"), "cpu")
    regions = judge.locate(pictures)
    whole = [i for i, region in enumerate(regions) if isinstance(region, Region)]
    templates = judge.embed([pictures[i] for i in whole], [r for r in regions if isinstance(r, Region)])
    vectors = np.stack([template for template in templates if isinstance(template, np.ndarray)])
    assert len(vectors) == len(whole)
    scores = judge.compare(vectors, vectors)
    who = np.array([PEOPLE[i][0] for i in whole])
    upper = np.triu(np.ones_like(scores, dtype=bool), 1)
    is_mated = who[:, None] == who
    mated, non_mated = scores[is_mated & upper], scores[~is_mated & upper]
    auc = (mated[:, None] > non_mated).mean()
    assert auc > 0.97


def test_a_picture_is_the_same_alone_and_in_any_batch(pictures: list[Image]) -> None:
    for index in (0, 17, 41):
        (alone,) = render_faces(3, [PEOPLE[index]], size_px=RENDER_PX)
        assert np.array_equal(alone, pictures[index])


def test_a_picture_does_not_depend_on_threads() -> None:
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = render_faces(5, [(1, 1)], size_px=64)
        torch.set_num_threads(3)
        assert np.array_equal(render_faces(5, [(1, 1)], size_px=64), one)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("size_px", [32, 33, 65])
def test_shape_and_kind(size_px: int) -> None:
    (picture,) = render_faces(0, [(0, 0)], size_px=size_px)
    assert picture.shape == (size_px, size_px, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 10


def test_each_number_matters() -> None:
    base, *others = (
        render_faces(seed, [(identity, image)], size_px=48)[0]
        for seed, identity, image in ((1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (1, 1 + 2**64, 1))
    )
    assert all(np.abs(base.astype(int) - other).mean() > 5 for other in others)


def test_a_new_parameter_changes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    before = parameters.draw_parameters(7, 123, 4)
    extended = {"dimple": (0.0, 1.0), **parameters.IDENTITY}
    monkeypatch.setattr(parameters, "IDENTITY", MappingProxyType(extended))
    after = parameters.draw_parameters(7, 123, 4)
    assert 0.0 <= after.pop("dimple") <= 1.0
    assert after == before


def test_a_person_keeps_their_identity_parameters_from_picture_to_picture() -> None:
    one, other = (parameters.draw_parameters(7, 5, image) for image in (0, 1))
    assert all(one[name] == other[name] for name in parameters.IDENTITY)
    assert all(one[name] != other[name] for name in parameters.NUISANCE)


def test_numbers_out_of_range_are_refused() -> None:
    for seed, people, size_px in ((-1, [(0, 0)], 64), (0, [(0, -1)], 64), (0, [(0, 0)], 31), (0, [(0, 0)], 4096)):
        with pytest.raises(ConfigError):
            render_faces(seed, people, size_px=size_px)


def test_registering_does_not_import_torch() -> None:
    code = "import sys, visavox_datasets as d, visavox_datasets.synthetic.faces; d.register(); print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "visavox.ports.dataset" in answer.stdout.split()
    assert "torch" not in answer.stdout.split()
