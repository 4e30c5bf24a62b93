"""From the file that a tool writes to the journal: what it gives away beside the picture arrives."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

import image_files as files
import numpy as np
import pytest
from label_files import CREATED, EDITED, FIELDS, Signed, picture
from pretend import PIXELS_SUITE

from visavox import load_suite
from visavox.api.preparation import outline
from visavox.core.errors import WorkerProtocolError
from visavox.core.records import EditRow, Output
from visavox.core.terms import AigcVerdict, CredentialState, Outcome
from visavox.engine.edit import edit_all
from visavox.engine.folder import RunFolder
from visavox.engine.ipc import get_labels, get_leaks
from visavox.engine.journal import Journal
from visavox.engine.worker import CaseResult, EditorLimits, EditorWorker
from visavox.media.audio import Audio
from visavox.media.image import decode_image, encode_png
from visavox.ports.editor import EditRequest

LIMITS = EditorLimits(timeout_s=30.0, load_timeout_s=30.0, memory_mb=2048)
SOURCE = files.scene(21, 120, 160)

PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
import image_files as files
import numpy as np
from PIL import Image

number, source, target = sys.argv[1:]
how = {hows!r}[int(number) % {n}]
picture = np.asarray(Image.open(source).convert("RGB"))
edited = files.with_box(picture, "mask", 0.2)
data = files.encoded(edited)
blocks = {{"named": files.tiff([(0x013B, 2, b"Fictional Person\\0")]), "hostile": b"II*\\0" + b"\\xff" * 900}}
if how in blocks:
    data = files.with_segments(data, files.segment(0xE1, b"Exif\\0\\0" + blocks[how]))
elif how != "clean":
    data += files.encoded(picture if how == "input" else edited, quality=60)
open(target, "wb").write(data)
"""
LEAKS = {
    "input": ("thumbnail_unedited",),
    "output": (),
    "named": ("person_name",),
    "clean": (),
    "hostile": ("unreadable",),
}


@pytest.fixture
def argv(tmp_path: Path) -> Callable[..., list[str]]:
    """The command line of a program that hides a part of the picture and writes one of several kinds of file."""

    def of(*hows: str) -> list[str]:
        program = tmp_path / "program.py"
        tests = str(Path(files.__file__).parent)
        program.write_text(PROGRAM.format(tests=tests, hows=hows, n=len(hows)))
        return [sys.executable, str(program), "{seed}", "{input}", "{output}"]

    return of


def through_the_worker(spec: dict[str, object], n: int, folder: Path) -> list[CaseResult]:
    """The results of cases whose seeds are their numbers."""
    requests = [EditRequest(f"{i:016x}", "face-anonymisation", i, {"subject": SOURCE}) for i in range(n)]
    with EditorWorker(
        spec, device="cpu", limits=LIMITS, scratch=folder / "scratch", stderr_path=folder / "stderr.txt"
    ) as worker:
        return worker.run_unit(requests)


def test_a_program_through_the_worker(argv: Callable[..., list[str]], tmp_path: Path) -> None:
    spec = {"kind": "command", "argv": argv(*LEAKS), "output_suffix": ".jpg"}
    results = through_the_worker(spec, len(LEAKS), tmp_path)
    assert {(r.outcome, r.reason, np.asarray(r.media).shape) for r in results} == {(Outcome.EDITED, "", SOURCE.shape)}
    assert dict(zip(LEAKS, [r.leaks for r in results], strict=True)) == LEAKS


SOUND_PROGRAM = """
import struct, sys
number, source, target = sys.argv[1:]
data = bytearray(open(source, "rb").read())
if int(number) % 2:
    artist = b"INFOIART" + struct.pack("<I", 16) + b"Fictional Person"
    data += b"LIST" + struct.pack("<I", len(artist)) + artist
    data[4:8] = struct.pack("<I", len(data) - 8)
open(target, "wb").write(data)
"""


def test_a_program_of_voices_through_the_worker(tmp_path: Path) -> None:
    """Every second output's file names somebody; the sound is the same."""
    (tmp_path / "program.py").write_text(SOUND_PROGRAM)
    argv = [sys.executable, str(tmp_path / "program.py"), "{seed}", "{input}", "{output}"]
    spec = {"kind": "command", "argv": argv, "output_suffix": ".wav"}
    sound = Audio((0.1 * np.sin(np.arange(4000))).astype(np.float32), 8000)
    requests = [EditRequest(f"{i:016x}", "voice-anonymisation", i, {"subject": sound}) for i in range(2)]
    with EditorWorker(
        spec, device="cpu", limits=LIMITS, scratch=tmp_path / "scratch", stderr_path=tmp_path / "stderr.txt"
    ) as worker:
        results = worker.run_unit(requests)
    assert [result.leaks for result in results] == [(), ("person_name",)], results
    assert all(isinstance(r.media, Audio) and np.array_equal(r.media.samples, sound.samples) for r in results)


STATING = """
from visavox.ports.editor import EditedFile

STATED = [("gps", "unreadable"), (), ("unreadable", "gps"), ("gps", "gps"), ("Fictional Person",), ["gps"], ([],), None]

def load(*, device, artifact, params):
    class Editor:
        def edit(self, requests):
            return [EditedFile(r.media["subject"], STATED[r.seed]) for r in requests]
    return Editor()
"""


def test_only_sorted_known_codes_pass(tmp_path: Path) -> None:
    (tmp_path / "stating.py").write_text(STATING)
    spec = {"kind": "python", "entry": f"{tmp_path}/stating.py:load", "artifact": None, "params": {}}
    results = through_the_worker(spec, 8, tmp_path)
    assert [r.leaks for r in results] == [("gps", "unreadable"), (), *[None] * 6]
    assert [r.outcome for r in results] == [Outcome.EDITED] * 2 + [Outcome.INVALID] * 6
    assert not any("Fictional" in r.reason for r in results)


LABELLING = """
import io, json
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from visavox.editor import EditedFile

FIELDS = {fields!r}
HOWS = [FIELDS, FIELDS | {{"Label": 1}}, None]

def load(*, device, artifact, params):
    class Service:
        def edit(self, requests):
            return [EditedFile.from_bytes(self.answer(r), r) for r in requests]

        def answer(self, request):
            info, fields = PngInfo(), HOWS[request.seed % 3]
            if fields is not None:
                info.add_text("AIGC", json.dumps({{"AIGC": fields}}))
            buffer = io.BytesIO()
            Image.fromarray(255 - request.media["subject"]).save(buffer, "PNG", pnginfo=info)
            return buffer.getvalue()
    return Service()
"""


def test_a_service_s_own_labels_through_the_worker(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(LABELLING.format(fields=FIELDS))
    spec = {"kind": "python", "entry": f"{tmp_path}/service.py:load", "artifact": None, "params": {}}
    results = through_the_worker({**spec, "tool_class": "anonymise"}, 3, tmp_path)
    found = [result.labels for result in results]
    assert all(labels is not None for labels in found), results
    assert [(codes.aigc, codes.aigc_broken) for codes in found if codes] == [
        (AigcVerdict.COMPLIANT, ()),
        (AigcVerdict.NONCOMPLIANT, ("gb45438-E.c-text",)),
        (AigcVerdict.NOT_FOUND, ()),
    ]
    assert all(np.array_equal(np.asarray(result.media), 255 - SOURCE) for result in results)
    assert FIELDS["ContentProducer"] not in str(results)


CREDENTIALS = """
import shutil, sys
number, target = sys.argv[1], sys.argv[2]
shutil.copy(sys.argv[3 + int(number)], target)
"""


def test_digital_source_types_are_held_against_the_suite_s_tool_class(tmp_path: Path) -> None:
    """A program that answers with files signed beforehand: an edit, and what a generator signs."""
    sign = Signed()
    bare = picture("JPEG")
    for number, signed in enumerate((sign(bare, "image/jpeg", EDITED, parent=bare), sign(bare, "image/jpeg", CREATED))):
        (tmp_path / f"{number}.jpg").write_bytes(signed)
    (tmp_path / "program.py").write_text(CREDENTIALS)
    files_of = [str(tmp_path / f"{number}.jpg") for number in range(2)]
    argv = [sys.executable, str(tmp_path / "program.py"), "{seed}", "{output}", *files_of, "{input}"]
    spec = {"kind": "command", "argv": argv, "output_suffix": ".jpg", "tool_class": "anonymise"}
    found = [result.labels for result in through_the_worker(spec, 2, tmp_path)]
    assert [(codes.c2pa, codes.c2pa_fits, codes.c2pa_broken) for codes in found if codes] == [
        (CredentialState.VALID, True, ()),
        (CredentialState.VALID, False, ("digital-source-type-fit",)),
    ]
    spec["tool_class"] = "generate"
    assert [r.labels.c2pa_fits for r in through_the_worker(spec, 2, tmp_path) if r.labels] == [False, True]


LYING = """
from visavox.core.records import FileLabelCodes
from visavox.editor import EditedFile

GOOD = dict(aigc="compliant", c2pa="not_found", iptc="not_found")
STATED = [
    FileLabelCodes(**GOOD),
    FileLabelCodes.model_construct(**GOOD, aigc_broken=("Fictional Person",)),
    FileLabelCodes.model_construct(**{**GOOD, "aigc": "excellent"}),
    FileLabelCodes.model_construct(),
    {"aigc": "compliant"},
    "compliant",
]

def load(*, device, artifact, params):
    class Editor:
        def edit(self, requests):
            return [EditedFile(r.media["subject"], (), STATED[r.seed]) for r in requests]
    return Editor()
"""


def test_only_known_codes_of_labels_pass(tmp_path: Path) -> None:
    (tmp_path / "lying.py").write_text(LYING)
    spec = {"kind": "python", "entry": f"{tmp_path}/lying.py:load", "artifact": None, "params": {}}
    results = through_the_worker(spec, 6, tmp_path)
    assert [r.outcome for r in results] == [Outcome.EDITED] + [Outcome.INVALID] * 5, results
    assert results[0].labels is not None and not any("Fictional" in r.reason for r in results)


GOOD_CODES = {"aigc": "compliant", "c2pa": "not_found", "iptc": "not_found"}


@pytest.mark.parametrize(
    "sent",
    [
        "compliant",
        [],
        {"aigc": "compliant"},
        GOOD_CODES | {"iptc": "?"},
        GOOD_CODES | {"aigc_broken": ["gb45438-6.1a-Label", "gb45438-6.1a-Label"]},
        GOOD_CODES | {"aigc_broken": ["name of a person"]},
        GOOD_CODES | {"c2pa_fits": 1},
        GOOD_CODES | {"text": ""},
    ],
)
def test_the_harness_checks_the_labels_that_a_worker_sends(sent: object) -> None:
    with pytest.raises(WorkerProtocolError, match="labels of a file") as caught:
        get_labels(sent)
    assert "person" not in str(caught.value)


@pytest.mark.parametrize("sent", ["gps", 3, {"gps": 1}, ["gps", 3], ["gps", "gps"], ["other"], [["gps"]]])
def test_the_harness_checks_what_a_worker_sends(sent: object) -> None:
    with pytest.raises(WorkerProtocolError, match="gives away"):
        get_leaks(sent)


def edits(suite: Path, run: Path) -> dict[str, EditRow]:
    """The rows of the journal, read again from the disk, of the first stage of a run."""
    loaded = load_suite(suite)
    known = outline(loaded)
    folder = RunFolder(run)
    with folder.locked():
        with Journal(folder.journal) as journal:
            edit_all(
                loaded,
                known.plan,
                known.dataset,
                folder,
                journal,
                device="cpu",
                progress=lambda step: None,
                log=logging.getLogger("test"),
            )
        with Journal(folder.journal) as journal:
            return {case: entry.row for case, entry in journal.edits().items()}


def test_a_program_into_the_journal(
    make_people: Callable[..., Path], argv: Callable[..., list[str]], tmp_path: Path
) -> None:
    block = (
        f"{{kind: command, argv: {argv('named')!r}, output_suffix: .jpg, name: p, version: '1',"
        " operation: face-anonymisation, tool_class: anonymise}"
    )
    suite = tmp_path / "command.yaml"
    suite.write_text(PIXELS_SUITE.format(name="command", editor=block, manifest=make_people(3, 2)))
    rows = edits(suite, tmp_path / "run")
    assert [output.leaks for row in rows.values() for output in row.outputs] == [("person_name",)] * 6
    assert {output.labels.aigc for row in rows.values() for output in row.outputs if output.labels} == {"not_found"}
    assert b"Fictional Person" not in (tmp_path / "run" / "journal.sqlite").read_bytes()


def test_pixels_of_an_editor_without_files_have_none(make_people: Callable[..., Path], tmp_path: Path) -> None:
    block = "{kind: baseline, name: identity, tool_class: anonymise}"
    suite = tmp_path / "baseline.yaml"
    suite.write_text(PIXELS_SUITE.format(name="baseline", editor=block, manifest=make_people(3, 2)))
    outputs = [output for row in edits(suite, tmp_path / "run").values() for output in row.outputs]
    assert {(output.leaks, output.labels) for output in outputs} == {(None, None)}
    assert (Output(digest="0" * 64).leaks, Output(digest="0" * 64).labels) == (None, None)


def test_files_made_elsewhere(make_people: Callable[..., Path], tmp_path: Path) -> None:
    """By cases the source is known; by the names of people alone it is not."""
    manifest = make_people(3, 2)
    rng = np.random.default_rng(3)
    pictures = {}
    for number, path in enumerate(sorted(manifest.parent.glob("*.png"))):
        pictures[path.name] = files.scene(30 + number, 96, 128)
        path.write_bytes(encode_png(pictures[path.name]))
    block = (
        "{{kind: folder, path: {path}, name: f, version: '1', operation: face-anonymisation, tool_class: anonymise}}"
    )
    suite = tmp_path / "folder.yaml"

    def suite_for(path: Path) -> Path:
        suite.write_text(PIXELS_SUITE.format(name="folder", editor=block.format(path=path), manifest=manifest))
        return suite

    made = tmp_path / "made"
    made.mkdir()
    known = outline(load_suite(suite_for(made / "outputs.csv")))
    rows, named = ["case_id,output_path"], ["output_path,from_subject"]
    for number, case in enumerate(known.plan.cases):
        source = decode_image(known.dataset.read(case.roles[0].sample_id))
        edited = files.with_box(source, "mask", 0.25)
        shown = source if number % 2 else edited
        thumbnail = files.encoded(shown, quality=int(rng.integers(40, 90)))
        (made / f"{number}.jpg").write_bytes(files.encoded(edited) + thumbnail)
        rows.append(f"{case.id},{number}.jpg")
        named.append(f"{number}.jpg,person {number // 2}")
    (made / "outputs.csv").write_text("\n".join(rows))
    found = edits(suite_for(made / "outputs.csv"), tmp_path / "run")
    leaks = [found[case.id].outputs[0].leaks for case in known.plan.cases]
    assert leaks == [("thumbnail_unedited",) if number % 2 else () for number in range(len(leaks))]

    (made / "named.csv").write_text("\n".join(named))
    found = edits(suite_for(made / "named.csv"), tmp_path / "run-named")
    leaks = sorted(str(row.outputs[0].leaks) for row in found.values())
    assert leaks == ["('thumbnail_differs',)"] * 3 + ["()"] * 3
