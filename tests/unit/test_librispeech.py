"""The recipe of LibriSpeech: pinned, unpacked safely, loaded; without a network one clear error."""

from __future__ import annotations

import functools
import hashlib
import io
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from visavox.core.cards import card
from visavox.core.config import parse_suite
from visavox.core.errors import ConfigError, DatasetError
from visavox.core.records import DatasetSpec
from visavox.core.terms import Consent, Modality
from visavox.media.audio import Audio, decode_audio, encode_flac
from visavox.ports.dataset import datasets
from visavox_datasets.recipes import librispeech
from visavox_datasets.recipes.librispeech import PARTS, Part, load_librispeech
from visavox_datasets.recipes.listing import Size

READERS = {"901": ("F", (11, 12)), "902": ("M", (13,)), "903": ("F", (14, 15, 16))}
EACH = 4
N_ALL = EACH * sum(len(chapters) for _, chapters in READERS.values())


def _sound(number: int) -> bytes:
    return encode_flac(Audio(np.random.default_rng(number).uniform(-0.5, 0.5, 800).astype(np.float32), 16_000))


def _corpus(folder: Path, *, extra: Mapping[str, bytes] | None = None, without: str = "") -> Mapping[str, Part]:
    """An archive with the layout of dev-clean.tar.gz."""
    lines = ["; comments", ";ID  |SEX| SUBSET | MINUTES| NAME"]
    lines += [f"{reader}  | {sex} | dev-clean        |  8.02 | Somebody | Else" for reader, (sex, _) in READERS.items()]
    files = {"LibriSpeech/SPEAKERS.TXT": "\n".join(lines).encode(), "LibriSpeech/BOOKS.TXT": b"books"}
    for reader, (_, chapters) in READERS.items():
        for chapter in chapters:
            stem = f"LibriSpeech/dev-clean/{reader}/{chapter}/{reader}-{chapter}"
            words = [f"{reader}-{chapter}-{n:04d} WORDS OF {chapter} NUMBER {n}" for n in range(EACH)]
            files[f"{stem}.trans.txt"] = "\n".join(words).encode()
            files |= {f"{stem}-{n:04d}.flac": _sound(100 * chapter + n) for n in range(EACH)}
    path = folder / "dev-clean.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in (files | dict(extra or {})).items():
            if name != without:
                item = tarfile.TarInfo(name)
                item.size = len(data)
                archive.addfile(item, io.BytesIO(data))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"dev-clean": Part(PARTS["dev-clean"].archive._replace(sha256=sha256), Size(len(READERS), N_ALL))}


def _spec(path: Path | None, **params: object) -> DatasetSpec:
    return DatasetSpec(
        kind="librispeech",
        path=None if path is None else str(path),
        params=tuple(params.items()),  # type: ignore[arg-type]
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address that serves it, on this machine alone."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    thread.join()
    web.server_close()


def test_the_corpus_is_loaded_with_chapters_words_and_sexes(tmp_path: Path) -> None:
    parts = _corpus(tmp_path)
    dataset = load_librispeech(_spec(tmp_path), 7, parts=parts)
    assert dataset.kind == "librispeech" and len(dataset.samples) == N_ALL
    assert {sample.modality for sample in dataset.samples} == {Modality.VOICE}
    assert {sample.consent for sample in dataset.samples} == {Consent.UNSTATED}
    assert dataset.licences == ("CC BY 4.0",)
    (one,) = [s for s in dataset.samples if dataset.location(s.id).name == "903-15-0002.flac"]
    assert (one.subject_id, one.session) == ("903", "15")
    assert dict(one.attributes) == {"sex": "female", "transcript": "WORDS OF 15 NUMBER 2"}
    assert dataset.read(one.id) == _sound(1502) and decode_audio(_sound(1502)).sample_rate_hz == 16_000
    (tmp_path / "dev-clean.tar.gz").unlink()  # the unpacked folder alone
    assert load_librispeech(_spec(tmp_path), 7, parts=parts).digest == dataset.digest


def test_names_of_readers_are_not_unpacked(tmp_path: Path) -> None:
    load_librispeech(_spec(tmp_path), 7, parts=_corpus(tmp_path))
    assert {p.name for p in tmp_path.iterdir()} == {"dev-clean.tar.gz", "dev-clean", "visavox-librispeech.csv"}
    text = "".join(p.read_text() for p in tmp_path.rglob("*") if p.suffix in {".txt", ".csv", ".TXT"})
    assert "WORDS" in text and "Somebody" not in text


def test_fewer_utterances_come_from_all_chapters(tmp_path: Path) -> None:
    dataset = load_librispeech(_spec(tmp_path, utterances=4), 7, parts=_corpus(tmp_path))
    assert Counter(s.subject_id for s in dataset.samples) == dict.fromkeys(READERS, 4)
    files = {dataset.location(s.id).stem for s in dataset.samples}
    assert {"901-11-0000", "901-12-0000", "901-11-0001", "901-12-0001"} <= files
    assert {"903-14-0000", "903-15-0000", "903-16-0000", "903-14-0001"} <= files


def test_an_archive_that_is_not_the_pinned_one_is_not_read(tmp_path: Path) -> None:
    _corpus(tmp_path)
    with pytest.raises(DatasetError, match="nothing of it was read") as error:
        load_librispeech(_spec(tmp_path), 7)
    assert PARTS["dev-clean"].archive.sha256 in str(error.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["dev-clean.tar.gz"]


def test_no_member_leaves_the_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    outside = {
        "LibriSpeech/dev-clean/../../1-1-1.flac": b"x",
        "/LibriSpeech/dev-clean/1/1/1-1-1.flac": b"x",
        "LibriSpeech/dev-clean/1/2/3-4-5.flac": b"x",
    }
    assert len(load_librispeech(_spec(home), 7, parts=_corpus(home, extra=outside)).samples) == N_ALL
    assert {p.name for p in tmp_path.iterdir()} == {"home"}


@pytest.mark.parametrize(
    ("without", "found"),
    [
        ("LibriSpeech/dev-clean/902/13/902-13-0001.flac", "23 utterances of 3 people; published are 24 of 3"),
        ("LibriSpeech/dev-clean/902/13/902-13.trans.txt", "20 utterances of 2 people; published are 24 of 3"),
        ("LibriSpeech/SPEAKERS.TXT", "FileNotFoundError"),
    ],
)
@pytest.mark.parametrize("utterances", [None, 2])
def test_an_incomplete_corpus_is_refused(tmp_path: Path, without: str, found: str, utterances: int | None) -> None:
    parts = _corpus(tmp_path, without=without)
    with pytest.raises(DatasetError, match=found):
        load_librispeech(_spec(tmp_path, utterances=utterances), 7, parts=parts)


def test_the_archive_is_downloaded_once(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, address = server
    archive, size = _corpus(folder)["dev-clean"]
    parts = {"dev-clean": Part(archive._replace(url=f"{address}/dev-clean.tar.gz"), size)}
    first = load_librispeech(_spec(None), 7, parts=parts)
    (folder / "dev-clean.tar.gz").unlink()
    assert load_librispeech(_spec(None), 7, parts=parts).digest == first.digest and len(first.samples) == N_ALL


def test_a_server_without_the_file_or_with_another_one(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, address = server
    archive = PARTS["dev-clean"].archive._replace(url=f"{address}/dev-clean.tar.gz")
    parts = {"dev-clean": Part(archive, Size(3, N_ALL))}
    with pytest.raises(DatasetError, match="404"):
        load_librispeech(_spec(None), 7, parts=parts)
    _corpus(folder)
    with pytest.raises(DatasetError, match=f"pinned is {archive.sha256}; nothing of it was read"):
        load_librispeech(_spec(None), 7, parts=parts)
    assert not list((tmp_path / "cache" / "visavox" / "librispeech").iterdir())


def test_without_a_network_the_error_says_where_the_file_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DatasetError, match="urlopen error") as error:
        datasets.get("librispeech")(_spec(None, part="test-clean"), 7)
    assert "test-clean.tar.gz" in error.value.todo and PARTS["test-clean"].archive.sha256 in error.value.todo
    with pytest.raises(DatasetError, match=r"neither dev-clean\.tar\.gz"):
        datasets.get("librispeech")(_spec(tmp_path / "nowhere"), 7)


@pytest.mark.parametrize("params", [{"part": "train"}, {"utterances": 1}, {"utterances": "6"}, {"speakers": 3}])
def test_parameters_are_checked(tmp_path: Path, params: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="its parameters: path, part"):
        load_librispeech(_spec(tmp_path, **params), 7)


def test_the_card_states_the_pins() -> None:
    found = card("dataset", "librispeech")
    assert found is not None and all(part.archive.sha256 in found.digest for part in librispeech.PARTS.values())


def test_a_suite_names_the_recipe_by_its_kind(tmp_path: Path) -> None:
    text = (
        "name: public\neditor: {kind: baseline, name: blur, tool_class: anonymise}\n"
        "dataset: {kind: librispeech, part: test-clean, utterances: 6}\n"
        "recognisers: [dlib]\nassessments: {identity_leak: {}}\npolicy: baseline\n"
    )
    assert parse_suite(text, base=tmp_path).dataset == _spec(None, part="test-clean", utterances=6)
