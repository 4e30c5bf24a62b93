"""The data set kind ``synthetic-faces``: the shipped set, sets rendered into the cache, and the truth about people."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from visavox.core.errors import ConfigError, ManifestError
from visavox.core.records import DatasetSpec
from visavox.core.terms import Consent, Modality
from visavox.media.image import decode_image
from visavox.ports.dataset import Dataset, datasets
from visavox_datasets.manifest import load_manifest
from visavox_datasets.synthetic import people
from visavox_datasets.synthetic.attributes import AGE_BANDS, SEXES, SKIN_TONES, attributes, attributes_of
from visavox_datasets.synthetic.colours import tone_rgb
from visavox_datasets.synthetic.faces import render_faces
from visavox_datasets.synthetic.parameters import IDENTITY, draw_parameters
from visavox_datasets.synthetic.people import REFERENCE, REFERENCE_SET, picture_name

SHIPPED = [picture_name(person, image) for person in range(100) for image in range(4)]


def load(run_seed: int = 0, **params: object) -> Dataset:
    return datasets.get("synthetic-faces")(DatasetSpec(kind="synthetic-faces", params=tuple(params.items())), run_seed)


def truth_of(dataset: Dataset) -> dict[str, dict[str, str]]:
    return {sample.subject_id: dict(sample.attributes) for sample in dataset.samples}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "visavox"


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The (identity, image) pairs that are rendered, in their order."""
    seen: list[tuple[int, int]] = []
    render = people.render_files

    def noted(seed: int, pairs: list[tuple[int, int]], *, size_px: int, device: str) -> list[bytes]:
        seen.extend(pairs)
        return render(seed, pairs, size_px=size_px, device=device)

    monkeypatch.setattr(people, "render_files", noted)
    return seen


# ---------------------------------------------------------------- the shipped set
def test_the_shipped_set_has_100_people_and_needs_no_rendering(cache: Path, rendered: list[tuple[int, int]]) -> None:
    dataset = load()
    assert Counter(Counter(s.subject_id for s in dataset.samples).values()) == {4: 100}
    assert dataset.kind == "synthetic-faces"
    assert dataset.modality is Modality.FACE
    assert dataset.licences == ("Apache-2.0",)
    assert {s.consent for s in dataset.samples} == {Consent.GRANTED}
    assert Counter(s.session for s in dataset.samples) == dict.fromkeys("0123", 100)
    assert dataset.n_merged_duplicates == 0
    assert rendered == []
    assert not cache.exists()


def test_the_shipped_set_is_small_and_whole() -> None:
    files = sorted(path.name for path in REFERENCE_SET.iterdir())
    assert files == sorted([*SHIPPED, "manifest.csv", "SHA256SUMS", "rendered-by.txt"])
    assert sum(path.stat().st_size for path in REFERENCE_SET.iterdir()) < 6e6
    for name in SHIPPED[::40]:
        assert decode_image((REFERENCE_SET / name).read_bytes()).shape == (224, 224, 3)


def test_the_shipped_manifest_is_the_one_its_numbers_give() -> None:
    assert (REFERENCE_SET / "manifest.csv").read_text() == people.manifest_text(REFERENCE)


def test_the_shipped_set_can_be_named_as_a_manifest_too() -> None:
    spec = DatasetSpec(kind="manifest", path=str(REFERENCE_SET / "manifest.csv"))
    assert load_manifest(spec, 0).digest == load().digest


def test_an_altered_picture_or_row_of_the_shipped_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "set"
    shutil.copytree(REFERENCE_SET, copy)
    monkeypatch.setattr(people, "REFERENCE_SET", copy)
    assert len(load().samples) == 400
    for name in (SHIPPED[5], "manifest.csv"):
        whole = (copy / name).read_bytes()
        (copy / name).write_bytes(whole + b"\n")
        with pytest.raises(ManifestError, match=name):
            load()
        (copy / name).write_bytes(whole)
    (copy / SHIPPED[7]).unlink()
    with pytest.raises(ManifestError, match=SHIPPED[7]):
        load()


@pytest.mark.parametrize(("person", "image"), [(3, 1), (82, 2)])
def test_shipped_pictures_are_what_the_renderer_draws(person: int, image: int) -> None:
    """The same bytes where torch and the CPU's vector width are those of the set; elsewhere the same but for bits."""
    import torch

    by = dict(line.split(": ") for line in (REFERENCE_SET / "rendered-by.txt").read_text().splitlines())
    name = picture_name(person, image)
    shipped = (REFERENCE_SET / name).read_bytes()
    (file,) = people.render_files(REFERENCE.seed, [(person, image)], size_px=REFERENCE.size_px)
    if (by["torch"], by["cpu_capability"]) == (torch.__version__, torch.backends.cpu.get_cpu_capability()):
        assert file == shipped
    apart = np.abs(decode_image(file).astype(int) - decode_image(shipped))
    assert apart.mean() < 1.0
    assert (apart > 16).mean() < 0.01


# ---------------------------------------------------------------- other sets
def test_a_set_is_rendered_once_into_a_private_folder(cache: Path, rendered: list[tuple[int, int]]) -> None:
    first = load(people=2, images=2, size_px=32, seed=1)
    assert rendered == [(0, 0), (0, 1), (1, 0), (1, 1)]
    (folder,) = cache.glob("synthetic-faces-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    again = load(people=2, images=2, size_px=32, seed=1)
    assert len(rendered) == 4
    assert again.digest == first.digest
    data = next(first.read(s.id) for s in first.samples if s.subject_id.endswith("0001") and s.session == "1")
    (expected,) = render_faces(1, [(1, 1)], size_px=32)
    assert np.array_equal(decode_image(data), expected)


def test_rendering_goes_on_where_it_was_stopped(cache: Path, rendered: list[tuple[int, int]]) -> None:
    load(people=2, images=1, size_px=32, seed=1)
    (folder,) = cache.glob("synthetic-faces-*")
    torn = folder / picture_name(1, 0)
    torn.write_bytes(torn.read_bytes()[:-10])
    rendered.clear()
    load(people=2, images=2, size_px=32, seed=1)
    assert rendered == [(0, 1), (1, 0), (1, 1)]
    assert Image.open(io.BytesIO(torn.read_bytes())).convert("RGB").size == (32, 32)


def test_seed_and_size_have_folders_of_their_own(cache: Path) -> None:
    digests = {load(people=1, images=2, size_px=size, seed=seed).digest for size, seed in ((32, 1), (33, 1), (32, 2))}
    assert len(digests) == 3
    assert len(list(cache.glob("synthetic-faces-*"))) == 3


def test_a_part_of_the_shipped_set_is_not_rendered_again(cache: Path, rendered: list[tuple[int, int]]) -> None:
    part, whole = load(people=40, images=3), load()
    assert rendered == []
    wanted = {s.id for s in whole.samples if s.subject_id < "synthetic-7-0040" and s.session != "3"}
    assert {s.id for s in part.samples} == wanted


def test_the_seed_of_the_run_decides_folds_only() -> None:
    one, other = load(run_seed=1), load(run_seed=2)
    assert one.digest == other.digest
    assert [s.fold for s in one.samples] != [s.fold for s in other.samples]


@pytest.mark.parametrize(
    "params",
    [{"people": 0}, {"images": "4"}, {"faces": 3}, {"size_px": 31}, {"device": "tpu"}, {"people": 10**6, "images": 2}],
)
def test_parameters_out_of_range_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="synthetic-faces"):
        load(**params)


def test_a_path_is_refused() -> None:
    with pytest.raises(ConfigError, match="path"):
        datasets.get("synthetic-faces")(DatasetSpec(kind="synthetic-faces", path="/nowhere"), 0)


# ---------------------------------------------------------------- ground truth
def test_the_shipped_people_are_balanced() -> None:
    truth = truth_of(load()).values()
    assert sorted(Counter(t["sex"] for t in truth).values()) == [50, 50]
    assert sorted(Counter(t["age_band"] for t in truth).values()) == [32, 34, 34]
    assert sorted(Counter(t["skin_tone"] for t in truth).values()) == [16, 16, 17, 17, 17, 17]
    assert min(Counter(tuple(t.values()) for t in truth).values()) >= 2


@given(st.integers(0, 2**40), st.integers(0, 2**64))
def test_any_36_people_in_a_row_hold_every_combination(seed: int, first: int) -> None:
    first -= first % 6
    block = [attributes_by_strata(identity) for identity in range(first, first + 36)]
    assert set(block) == set(product(SEXES, AGE_BANDS, SKIN_TONES))
    assert {tone for _, _, tone in block[:6]} == set(SKIN_TONES)
    truth = attributes(seed, first)
    assert (truth["sex"], truth["age_band"], truth["skin_tone"]) == block[0]


def attributes_by_strata(identity: int) -> tuple[str, str, str]:
    from visavox_datasets.synthetic.parameters import stratum

    names = (("masc", SEXES), ("age", AGE_BANDS), ("melanin", SKIN_TONES))
    sex, age, tone = (values[stratum(name, identity)] for name, values in names)
    return sex, age, tone


@given(st.integers(0, 2**40), st.integers(0, 2**64))
def test_attributes_follow_from_the_drawn_parameters(seed: int, identity: int) -> None:
    drawn = draw_parameters(seed, identity, 3)
    expected = {
        "sex": "female" if drawn["masc"] < 0.5 else "male",
        "age_band": "young" if drawn["age"] < 0.0 else "middle" if drawn["age"] < 0.5 else "old",
    }
    found = attributes(seed, identity)
    assert found == attributes_of(drawn)
    assert expected.items() <= found.items()
    assert all(low <= drawn[name] < high for name, (low, high) in IDENTITY.items() if name in ("masc", "age"))


def test_skin_tones_are_the_bands_of_the_typology_angle() -> None:
    """Against OpenCV's CIE L*a*b* of the painted skin before undertone."""
    import cv2

    for place in np.linspace(0.002, 0.998, 250):
        rgb = np.float32([[np.array(tone_rgb(float(place))) ** (1 / 2.2)]])
        lightness, _, b = (float(v) for v in cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab)[0, 0])
        angle = np.degrees(np.arctan2(lightness - 50.0, b))
        near = min(abs(angle - edge) for edge in (55, 41, 28, 10, -30))
        if near > 0.5:
            band = SKIN_TONES[sum(angle <= edge for edge in (55, 41, 28, 10, -30))]
            assert attributes_of({"masc": 0.0, "age": 0.0, "melanin": float(place)})["skin_tone"] == band
