"""Recipes of public data sets: pinned, unpacked safely, loaded; without a network one clear error."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import _lfw as sklearn_lfw

from visavox.core.cards import card
from visavox.core.config import parse_suite
from visavox.core.errors import ConfigError, DatasetError
from visavox.core.records import DatasetSpec
from visavox.core.terms import Consent
from visavox.media.image import decode_image
from visavox.ports.dataset import datasets
from visavox_datasets.recipes import att_faces, lfw
from visavox_datasets.recipes.listing import Size


def _picture(number: int, form: str) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (112, 92), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


def _pinned(archive: lfw.Archive, path: Path) -> lfw.Archive:
    return archive._replace(sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def _lfw(folder: Path, *, people: int = 4, extra: dict[str, bytes] | None = None) -> lfw.Release:
    """An archive with the layout of lfw-funneled.tgz: three pictures a person, and lists beside them."""
    path = folder / lfw.FUNNELED.archive.file
    files = {
        f"lfw_funneled/Person_{p}/Person_{p}_{n:04d}.jpg": _picture(10 * p + n, "JPEG")
        for p in range(people)
        for n in (1, 2, 3)
    }
    files["lfw_funneled/pairs_01.txt"] = b"a list"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in (files | (extra or {})).items():
            item = tarfile.TarInfo(name)
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
    return lfw.FUNNELED._replace(archive=_pinned(lfw.FUNNELED.archive, path), size=Size(people, 3 * people))


def _att(folder: Path, *, people: int = 4) -> att_faces.Archive:
    """An archive with the layout of att_faces.zip: ten PGM files a person, and a read-me."""
    path = folder / att_faces.ARCHIVE.file
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README", "credits")
        for person in range(1, people + 1):
            for number in range(1, 11):
                archive.writestr(f"s{person}/{number}.pgm", _picture(100 * person + number, "PPM"))
    return _pinned(att_faces.ARCHIVE, path)


def _spec(kind: str, path: Path | None, **params: object) -> DatasetSpec:
    return DatasetSpec(kind=kind, path=None if path is None else str(path), params=tuple(params.items()))  # type: ignore[arg-type]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network and no files: every address leads to a closed port, and the fetcher's folder is empty."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "sklearn"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_lfw_is_unpacked_where_scikit_learn_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    home = tmp_path / "lfw_home"
    home.mkdir()
    release = _lfw(home)
    dataset = lfw.load_lfw(_spec("lfw", None), 7, funneled=release)
    assert dataset.kind == "lfw" and len(dataset.samples) == 12
    assert {sample.consent for sample in dataset.samples} == {Consent.UNSTATED}
    assert dataset.licences == (lfw.LICENCE,)
    assert decode_image(dataset.read(dataset.samples[0].id)).shape == (112, 92, 3)
    (home / release.archive.file).unlink()  # as the fetcher leaves it: the unpacked folder alone
    assert lfw.load_lfw(_spec("lfw", home), 7, funneled=release).digest == dataset.digest


def test_an_archive_that_is_not_the_pinned_one_is_not_read(tmp_path: Path) -> None:
    release = _lfw(tmp_path)
    path = tmp_path / release.archive.file
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DatasetError, match="nothing of it was read") as error:
        lfw.load_lfw(_spec("lfw", tmp_path), 7, funneled=release)
    assert release.archive.sha256 in str(error.value)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_no_member_leaves_the_folder_and_a_half_done_folder_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    release = _lfw(home, extra={"lfw_funneled/../../Out_0001.jpg": b"x", "/lfw/Out/Out_0001.jpg": _picture(99, "JPEG")})
    with pytest.raises(DatasetError, match="13 pictures of 5 people; published are 12 of 4"):
        lfw.load_lfw(_spec("lfw", home), 7, funneled=release)
    assert {p.name for p in tmp_path.iterdir()} == {"home"}
    assert {p.name for p in (home / "lfw_funneled").iterdir()} == {*(f"Person_{n}" for n in range(4)), "Out"}


def test_a_picture_under_two_names_is_left_out(tmp_path: Path) -> None:
    twin = {"lfw_funneled/Other/Other_0001.jpg": _picture(1, "JPEG")}  # that of Person_0's first
    release = _lfw(tmp_path, extra=twin)._replace(size=Size(5, 13))
    dataset = lfw.load_lfw(_spec("lfw", tmp_path), 7, funneled=release)
    assert len(dataset.samples) == 11 and {s.subject_id for s in dataset.samples} == {f"Person_{n}" for n in range(4)}


def test_grey_pictures_keep_their_values(tmp_path: Path) -> None:
    archive = _att(tmp_path)
    dataset = att_faces.load_att_faces(_spec("att-faces", tmp_path), 7, archive=archive, size=Size(4, 40))
    assert dataset.kind == "att-faces" and len(dataset.samples) == 40
    with zipfile.ZipFile(tmp_path / archive.file) as file, Image.open(io.BytesIO(file.read("s3/7.pgm"))) as picture:
        original = np.asarray(picture)
    (kept,) = [s for s in dataset.samples if dataset.location(s.id).match("s03/07.png")]
    assert kept.subject_id == "s03"
    assert np.array_equal(decode_image(dataset.read(kept.id)), np.repeat(original[..., None], 3, axis=2))


@pytest.mark.parametrize(
    ("kind", "file", "sha256"),
    [
        ("lfw", lfw.FUNNELED.archive.file, lfw.FUNNELED.archive.sha256),
        ("att-faces", att_faces.ARCHIVE.file, att_faces.ARCHIVE.sha256),
    ],
)
@pytest.mark.usefixtures("offline")
def test_without_a_network_the_error_says_where_the_file_goes(
    kind: str, file: str, sha256: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError) as error:
        datasets.get(kind)(_spec(kind, None), 7)
    text = str(error.value)
    assert error.value.exit_code == 3
    assert "download" in error.value.asked and "urlopen error" in error.value.found
    assert file in text and sha256 in text and str(tmp_path) in error.value.todo
    assert max(len(line.replace(str(tmp_path), "")) for line in error.value.todo.splitlines()) <= 100
    with pytest.raises(DatasetError, match="neither"):
        datasets.get(kind)(_spec(kind, tmp_path / "nowhere"), 7)


def test_parameters_are_checked(tmp_path: Path) -> None:
    for params in ({"funelled": True}, {"funneled": "yes"}):
        with pytest.raises(ConfigError, match="parameters: path, funneled"):
            lfw.load_lfw(_spec("lfw", tmp_path, **params), 7)
    with pytest.raises(ConfigError, match=r"its parameters: path$"):
        att_faces.load_att_faces(_spec("att-faces", tmp_path, people=3), 7)


def test_pins_are_those_of_scikit_learn_and_of_the_cards() -> None:
    for release, theirs in ((lfw.FUNNELED, sklearn_lfw.FUNNELED_ARCHIVE), (lfw.ORIGINAL, sklearn_lfw.ARCHIVE)):
        ours = release.archive
        assert (ours.file, ours.url, ours.sha256) == (theirs.filename, theirs.url, theirs.checksum)
    for kind, archives in (("lfw", [lfw.FUNNELED.archive, lfw.ORIGINAL.archive]), ("att-faces", [att_faces.ARCHIVE])):
        found = card("dataset", kind)
        assert found is not None and all(archive.sha256 in found.digest for archive in archives)


def test_a_suite_names_a_recipe_by_its_kind(tmp_path: Path) -> None:
    text = (
        "name: public\neditor: {kind: baseline, name: blur, tool_class: anonymise}\n"
        "dataset: {kind: lfw, funneled: false}\n"
        "recognisers: [dlib]\nassessments: {identity_leak: {}}\npolicy: baseline\n"
    )
    assert parse_suite(text, base=tmp_path).dataset == _spec("lfw", None, funneled=False)
