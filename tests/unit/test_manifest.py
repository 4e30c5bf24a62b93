"""The manifest loader: every fault in one message, containment, merging, folds, reading back."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from sound_files import by_ffmpeg, by_libsndfile, words

from visavox.core.errors import ConfigError, ManifestError, MediaError
from visavox.core.records import DatasetSpec
from visavox.core.terms import Consent, Modality
from visavox.media.audio import decode_audio
from visavox.ports.dataset import datasets
from visavox_datasets import contained_files
from visavox_datasets.manifest import ManifestDataset, assign_folds, load_manifest

HEADER = "path,subject_id,modality,split,session,consent,label,licence,camera\n"


def write(folder: Path, rows: str, header: str = HEADER) -> Path:
    for number in range(10):
        (folder / f"{number}.png").write_bytes(b"recording %d" % number)
    path = folder / "manifest.csv"
    path.write_text(header + rows, encoding="utf-8")
    return path


def load(path: Path, seed: int = 7) -> ManifestDataset:
    return load_manifest(DatasetSpec(kind="manifest", path=str(path)), seed)


def faults_of(path: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        load(path)
    return str(caught.value)


def test_a_sound_manifest(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "0.png,anna,face,,s1,granted,,CC0,x1\n"
        "1.png,anna,face,,s2,,real,CC0,\n"
        "2.png,anna,face,,,,fake,MIT,\n"
        "3.png,bert,face,train,,,,,\n"
        "4.png,cora,face,,,,,,\n"
        "5.png,cora,face,,,,fake,,\n",
    )
    found = datasets.get("manifest")(DatasetSpec(kind="manifest", path=str(path)), 7)
    by_bytes = {found.read(sample.id): sample for sample in found.samples}
    first = by_bytes[b"recording 0"]
    assert first.id == first.digest[:16]
    assert (first.subject_id, first.session, first.consent) == ("anna", "s1", Consent.GRANTED)
    assert first.attributes == (("camera", "x1"),)
    assert by_bytes[b"recording 1"].consent is Consent.UNSTATED
    assert [by_bytes[b"recording %d" % n].is_fake for n in range(6)] == [False, False, True, False, False, True]
    assert {sample.fold for sample in found.samples if sample.subject_id == "anna"} <= {"test-0", "test-1", "test-2"}
    assert by_bytes[b"recording 3"].fold == "train"
    assert by_bytes[b"recording 4"].fold == "cohort", "a fake is no second recording"
    assert found.licences == ("CC0", "MIT")
    assert found.modality is Modality.FACE
    assert found.n_merged_duplicates == 0


def test_every_fault_stands_in_one_message(tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"not ours")
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "link.png").symlink_to(outside)
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "sub").mkdir()
    os.mkfifo(folder / "pipe.png")
    path = write(
        folder,
        "0.png,secret-name,face,,,,,,\n"  # line 2
        ",secret-name,face,,,,,,\n"
        "1.png,,face,,,,,,\n"
        "2.png,secret-name,smell,,,,,,\n"
        "3.png,secret-name,face,dev,,,,,\n"  # line 6
        "4.png,secret-name,face,,,perhaps,,,\n"
        "5.png,secret-name,face,,,,maybe,,\n"
        f"{outside},secret-name,face,,,,,,\n"
        "../outside.png,secret-name,face,,,,,,\n"  # line 10
        "link.png,secret-name,face,,,,,,\n"
        "gone.png,secret-name,face,,,,,,\n"
        "sub,secret-name,face,,,,,,\n"
        "./0.png,secret-name,face,,,,,,\n"  # line 14
        "6.png,secret-name,face,train,,,,,\n"
        "same.png,secret-other,face,,,,,,\n"
        "7.png,secret-name,face\n"
        "pipe.png,secret-name,face,,,,,,\n"  # line 18
        "loop.png,secret-name,face,,,,,,\n"
        "C:\\x.png,secret-name,face,,,,,,\n"
        "8.png,a\0b,face,,,,,,\n",
    )
    (folder / "same.png").write_bytes(b"recording 0")
    message = faults_of(path)
    for expected in (
        "line 3: path: empty",
        "line 4: subject_id: empty",
        "line 5: modality: 'smell' is none of face | voice | video",
        "line 6: split: 'dev' is none of train | test",
        "line 7: consent: 'perhaps' is none of granted | refused | withdrawn | unstated",
        "line 8: label: 'maybe' is none of real | fake",
        f"line 9: path: {outside}: absolute",
        "line 10: path: ../outside.png: leaves the manifest's folder",
        "line 11: path: link.png: leaves the manifest's folder",
        "line 12: path: gone.png: no such file",
        "line 13: path: sub: not a regular file",
        "line 14: path: ./0.png stands at line 2 already",
        "one subject in two splits: none at line 2, train at line 15",
        "line 2, line 16: the same bytes under different subjects",
        "line 17: 3 values under 9 columns",
        "line 18: path: pipe.png: not a regular file",
        "line 19: path: loop.png: cannot be read",
        "line 20: path: C:\\x.png: absolute",
        "line 21: subject_id: holds a NUL character",
    ):
        assert expected in message
    assert "20 faults" not in message and "19 faults" in message
    assert "secret" not in message, "subjects are not named"


def test_a_missing_column_names_what_is_there(tmp_path: Path) -> None:
    path = write(tmp_path, "0.png,a\n", header="path,Subject\n")
    assert "missing column subject_id, modality; found: path, Subject" in faults_of(path)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("m.csv", b"", "missing column path, subject_id, modality; found: none"),
        ("m.csv", b"path,subject_id,modality\n", "lists no file"),
        ("m.csv", b"path,subject_id,modality\n0.png,\xe9,face\n", "line 2: not UTF-8 (byte 0xe9)"),
        ("m.csv", "path,subject_id,modality\n".encode("utf-16"), "line 1: not UTF-8"),
        ("m.csv", b"path,path,subject_id,modality\n", "column 'path' stands twice"),
        ("m.csv", b'path,subject_id,modality\n"0.png,a,face\n', "line 2: "),
        ("m.jsonl", b'{"path": "0.png"\n[1]\n', "line 2: not a JSON object"),
        ("m.jsonl", b'{"path": ["0.png"], "subject_id": "a", "modality": "face"}\n', "line 1: path: not a plain value"),
        ("m.jsonl", b'{"path": "a", "path": "b"}\n', "line 1: not JSON that can be used (a key stands twice)"),
        ("m.jsonl", b'{"path": NaN}\n', "NaN is no value"),
        ("m.jsonl", b'{"path": "\\ud800", "subject_id": "a", "modality": "face"}\n', "surrogate"),
        ("m.jsonl", b"[" * 100_000, "line 1: not JSON that can be used"),
        ("m.parquet", b"PAR1 nonsense", "not a readable Parquet file"),
        ("m.txt", b"", "unknown file type '.txt'"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert expected in faults_of(tmp_path / name)


def test_an_absent_manifest(tmp_path: Path) -> None:
    assert "there is no such file; dataset.path counts from the folder of the suite" in faults_of(tmp_path / "m.csv")


def test_many_faults_are_counted_not_listed(tmp_path: Path) -> None:
    path = write(tmp_path, "".join(f"gone{n}.png,a,face,,,,,,\n" for n in range(80)))
    message = faults_of(path)
    assert "80 faults:" in message and "... and 30 more" in message
    assert message.count("no such file") == 50


def test_a_line_number_counts_lines_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '0.png,a,face,,,,,"two\nlines",\n\ngone.png,a,face,,,,,,\n')
    assert "line 5: path: gone.png" in faults_of(path)


def test_a_byte_order_mark_and_windows_lines_are_fine(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    path.write_bytes(b"\xef\xbb\xbfpath,subject_id,modality\r\n0.png,a,face\r\n")
    assert len(load(path).samples) == 1


def test_too_large_and_empty_files_are_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "0.png,a,face,,,,,,\n1.png,a,face,,,,,,\n")
    (tmp_path / "0.png").write_bytes(b"")
    (tmp_path / "1.png").write_bytes(b"x" * 101)
    monkeypatch.setattr(contained_files, "MAX_FILE_BYTES", 100)
    message = faults_of(path)
    assert "line 2: path: 0.png: empty" in message
    assert "line 3: path: 1.png: 101 bytes; at most 100 are read" in message


def test_duplicates_of_one_person_are_merged_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "0.png,a,face,,,,,,\n1.png,a,face,,,,,,\ncopy.png,a,face,,,,,,\n")
    (tmp_path / "copy.png").write_bytes(b"recording 0")
    found = load(path)
    assert (len(found.samples), found.n_merged_duplicates) == (2, 1)


def test_copies_are_one_recording(tmp_path: Path) -> None:
    path = write(tmp_path, "0.png,a,face,,,,,,\ncopy.png,a,face,,,,,,\n")
    (tmp_path / "copy.png").write_bytes(b"recording 0")
    assert [sample.fold for sample in load(path).samples] == ["cohort"]


@pytest.mark.parametrize(("column", "values"), [("session", "s1"), ("consent", "withdrawn"), ("label", "fake")])
def test_duplicates_that_contradict_each_other_are_refused(tmp_path: Path, column: str, values: str) -> None:
    path = write(tmp_path, f"0.png,a,face,\ncopy.png,a,face,{values}\n", header=f"path,subject_id,modality,{column}\n")
    (tmp_path / "copy.png").write_bytes(b"recording 0")
    assert f"line 2, line 3: the same bytes with a different {column}" in faults_of(path)


def test_one_name_in_two_unicode_forms_is_one_person(tmp_path: Path) -> None:
    path = write(tmp_path, "0.png,Ren\u00e9,face,,,,,,\n1.png,Rene\u0301,face,,,,,,\n")
    assert len({sample.subject_id for sample in load(path).samples}) == 1


def test_mixed_modalities_load_but_have_no_modality(tmp_path: Path) -> None:
    found = load(write(tmp_path, "0.png,a,face,,,,,,\n1.png,a,voice,,,,,,\n"))
    with pytest.raises(ManifestError, match="1 face, 1 voice"):
        _ = found.modality


def test_faces_and_voices_of_one_person_share_a_fold_and_every_kind_of_sound_file_is_read(tmp_path: Path) -> None:
    sounds = {
        "a.wav": by_libsndfile(words(0.2), "WAV", "PCM_16"),
        "b.flac": by_libsndfile(words(0.3), "FLAC"),
        "c.mp3": by_libsndfile(words(0.4), "MP3"),
        "d.opus": by_libsndfile(words(0.5), "OGG", "OPUS"),
        "e.m4a": by_ffmpeg(words(0.6), "ipod", "aac"),
    }
    for name, data in sounds.items():
        (tmp_path / name).write_bytes(data)
    rows = "".join(f'{name},anna,voice,s1,"Yes, ""{name}"" said."\n' for name in sounds)
    header = "path,subject_id,modality,session,transcript\n"
    found = load(write(tmp_path, f"{rows}0.png,anna,face,s1,\n1.png,anna,face,s2,\n2.png,bert,face,,\n", header))
    assert Counter(s.modality for s in found.samples) == {Modality.VOICE: 5, Modality.FACE: 3}
    assert len({s.fold for s in found.samples if s.subject_id == "anna"}) == 1
    spoken = {found.location(s.id).name: s for s in found.samples if s.modality is Modality.VOICE}
    for name, data in sounds.items():
        assert found.read(spoken[name].id) == data
        assert decode_audio(data).sample_rate_hz == 16_000
        assert dict(spoken[name].attributes) == {"transcript": f'Yes, "{name}" said.'}


@pytest.mark.parametrize("change", ["edited", "removed", "replaced by a link out"])
def test_a_file_that_changed_since_planning_is_not_read(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    found = load(write(folder, "0.png,a,face,,,,,,\n"))
    file, sample_id = folder / "0.png", found.samples[0].id
    assert found.read(sample_id) == b"recording 0"
    if change == "edited":
        file.write_bytes(b"recording X")
    else:
        file.unlink()
    if change == "replaced by a link out":
        (tmp_path / "0.png").write_bytes(b"recording 0")
        file.symlink_to(tmp_path / "0.png")
    with pytest.raises(MediaError):
        found.read(sample_id)


def test_an_unknown_sample_is_a_media_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such sample"):
        load(write(tmp_path, "0.png,a,face,,,,,,\n")).read("../manifest.csv")


def test_the_spec_is_checked(tmp_path: Path) -> None:
    for spec in (
        DatasetSpec(kind="manifest"),
        DatasetSpec(kind="manifest", path="manifest.csv"),
        DatasetSpec(kind="manifest", path=str(tmp_path), params=(("folds", 3),)),
    ):
        with pytest.raises(ConfigError):
            load_manifest(spec, 7)


def test_the_digest_sees_content_not_places_or_seeds(tmp_path: Path) -> None:
    rows = "0.png,a,face,,,,,,x\n1.png,a,face,,,,,,\n"
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = load(write(tmp_path / "one", rows), seed=1)
    assert load(write(tmp_path / "two", rows), seed=2).digest == first.digest
    (tmp_path / "two" / "1.png").write_bytes(b"another")
    assert load(tmp_path / "two" / "manifest.csv").digest != first.digest
    for changed in (rows.replace(",x", ",y"), rows.replace(",a,", ",b,"), rows.replace("face,", "face,train")):
        assert load(write(tmp_path / "one", changed)).digest != first.digest


def test_folds_are_balanced_and_follow_the_seed() -> None:
    recordings = [(f"p{n}", "", False) for n in range(100) for _ in range(2)]
    folds = assign_folds(recordings, 7)
    assert sorted(Counter(folds.values()).values()) == [33, 33, 34]
    assert assign_folds(reversed(recordings), 7) == folds
    assert assign_folds(recordings, 8) != folds
