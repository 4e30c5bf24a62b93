"""The editors command and folder, and the wrong specs of every kind, without the worker around them."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.adapters.editors import command, folder, python
from visavox.adapters.editors.outcome import FailedAs
from visavox.core.errors import EditorError
from visavox.media.image import encode_png
from visavox.ports.editor import Audio, EditedFile, EditorContext, EditRequest, Failed, Refused

IMAGE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
DONOR = np.full((3, 3, 3), 9, np.uint8)


def context(tmp_path: Path, **spec: Any) -> EditorContext:
    return EditorContext(spec, "cpu", tmp_path, 10.0)


def request(case_id: str = "a" * 16, **media: Any) -> EditRequest:
    return EditRequest(case_id, "face-swap", 42, media or {"host": IMAGE, "donor": DONOR})


def program(code: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, os, shutil\na = sys.argv[1:]\n{code}"]


def run(tmp_path: Path, argv: list[str], **spec: Any) -> Any:
    (result,) = command.build(context(tmp_path, argv=argv, **spec)).edit([request()])
    assert list(tmp_path.iterdir()) == []  # nothing of a case is left
    return result


@pytest.mark.parametrize(("token", "wanted"), [("{input}", IMAGE), ("{donor}", DONOR)])
def test_the_program_is_given_each_image(token: str, wanted: Any, tmp_path: Path) -> None:
    argv = [*program("shutil.copy(a[0], a[1])"), token, "{output}", "{input}"]
    assert np.array_equal(run(tmp_path, argv).media, wanted)


def test_seed_and_case_are_passed_and_no_shell_reads_the_rest(tmp_path: Path) -> None:
    code = "sys.exit(0 if a[2:] == ['42', 'a' * 16, '$HOME; *'] and not shutil.copy(a[0], a[1]) is None else 5)"
    argv = [*program(code), "{input}", "{output}", "{seed}", "{case_id}", "$HOME; *"]
    assert np.array_equal(run(tmp_path, argv).media, IMAGE)


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        ("sys.exit(3)", "failed", "the program ended with exit code 3"),
        ("os.abort()", "failed", "the program ended with signal 6"),
        ("pass", "invalid", "the program wrote no output file"),
        ("open(a[1], 'w')", "invalid", "the output file is empty"),
        ("open(a[1], 'w').write('text')", "invalid", "the output file is no readable image: "),
        ("os.mkdir(a[1])", "invalid", "the program wrote no output file"),
    ],
)
def test_what_goes_wrong_in_the_program(code: str, outcome: str, reason: str, tmp_path: Path) -> None:
    result = run(tmp_path, [*program(code), "{input}", "{output}"])
    assert isinstance(result, Failed)
    assert (getattr(result, "outcome", "failed"), result.reason[: len(reason)]) == (outcome, reason)


def test_a_case_without_the_image_fails(tmp_path: Path) -> None:
    editor = command.build(context(tmp_path, argv=["true", "{input}", "{donor}", "{output}"]))
    assert editor.edit([request(subject=IMAGE)]) == [Failed("the case has no image for {donor}; its roles are subject")]


SOUNDS = [
    Audio((np.arange(-4000, 4000, 2) / 2**15).astype(np.float32), 8000),
    Audio(np.linspace(-1.5, 1.5, 4000, dtype=np.float32), 16000),
]


@pytest.mark.parametrize("sound", SOUNDS, ids=["16 bits", "floating"])
def test_a_program_gets_a_sound_as_wav_and_gives_one_back(sound: Audio, tmp_path: Path) -> None:
    code = "assert a[0].endswith('.wav') and a[1].endswith('.wav'); shutil.copy(a[0], a[1])"
    editor = command.build(context(tmp_path, argv=[*program(code), "{input}", "{output}"]))
    (found,) = editor.edit([EditRequest("a" * 16, "voice-anonymisation", 42, {"subject": sound})])
    assert isinstance(found, EditedFile) and found.leaks == ()
    found = found.media
    assert isinstance(found, Audio)
    assert found.sample_rate_hz == sound.sample_rate_hz
    assert np.array_equal(found.samples, sound.samples)


def test_a_picture_is_no_answer_to_a_sound(tmp_path: Path) -> None:
    argv = [*program("open(a[1], 'wb').write(b'\\x89PNG\\r\\n')"), "{input}", "{output}"]
    editor = command.build(context(tmp_path, argv=argv))
    (found,) = editor.edit([EditRequest("a" * 16, "voice-conversion", 42, {"host": SOUNDS[0]})])
    assert isinstance(found, FailedAs)
    assert found.outcome == "invalid"
    assert found.reason.startswith("the output file is no readable sound: ")


@pytest.mark.parametrize(
    ("argv", "suffix", "found"),
    [
        (["no-such-program", "{input}", "{output}"], ".png", "'no-such-program' is not found"),
        (["true", "--in={input}", "{output}"], ".png", "{input} is a part of|'{input}' is a part of"),
        ("cp {input} {output}", ".png", "argv is not a list"),
        ([], ".png", "argv is not a list"),
        (["cp", "{input}"], ".png", "is missing from argv"),
        (["cp", "{input}", "{output}"], ".exe", "output_suffix"),
    ],
)
def test_a_wrong_command(argv: Any, suffix: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(EditorError) as caught:
        command.build(context(tmp_path, argv=argv, output_suffix=suffix))
    assert any(part in caught.value.found for part in found.split("|"))


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("/nowhere/adapter.py:load", "no such file"),
        ("adapter.py", "this is no entry"),
        ("visavox.testing.editors:no_such", "has no function no_such"),
        ("builtins:dict", "returned a dict, which has no method edit"),
    ],
)
def test_a_wrong_entry(entry: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(EditorError) as caught:
        python.build(context(tmp_path, entry=entry))
    assert found in caught.value.found


def test_a_file_imports_its_neighbours_and_is_given_its_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "neighbour_of_adapter.py").write_text("def edit(requests): return [seen]\n")
    (tmp_path / "adapter_of_test.py").write_text(
        "import neighbour_of_adapter as n\ndef load(*, device, artifact, params):\n"
        "    n.seen = (device, artifact, params)\n    return n\n"
    )
    editor = python.build(
        context(tmp_path, entry=f"{tmp_path}/adapter_of_test.py:load", artifact="/w", params={"k": 1})
    )
    assert editor.edit([]) == [("cpu", Path("/w"), {"k": 1})]


def listed(tmp_path: Path, text: str) -> Any:
    (tmp_path / "outputs.csv").write_text(text)
    return folder.build(context(tmp_path, path=str(tmp_path / "outputs.csv")))


def test_a_folder_answers_by_its_rows(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(IMAGE))
    (tmp_path / "b.png").write_bytes(b"text")
    (tmp_path / "far").symlink_to("/etc")
    editor = listed(
        tmp_path,
        "case_id,output_path,outcome,more\n1,a.png,edited,x\n2,a.png,,x\n3,,refused,x\n4,,failed,x\n5,,timed_out,x\n"
        "6,,invalid,x\n7,b.png,edited,x\n8,c.png,edited,x\n",
    )
    results = editor.edit([request(str(i)) for i in range(1, 10)])
    assert np.array_equal(results[0].media, IMAGE) and np.array_equal(results[1].media, IMAGE)
    assert results[2] == Refused("stated in outputs.csv")
    assert [r.outcome for r in results[3:]] == ["failed", "timed_out", "invalid", "invalid", "invalid", "failed"]
    assert [r.reason.split(":")[0] for r in results[6:]] == [
        "b.png is no readable image",
        "there is no file c.png",
        "outputs.csv has no row of this case",
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("case_id,output_path\n1,../a.png\n2,/etc/passwd\n", "row 2: output_path '../a.png' leads out|row 3: "),
        ("case_id,output_path\n1,far/passwd\n", "row 2: output_path 'far/passwd' leads out"),
        ("case_id,output_path\n,a.png\n", "row 2: no case_id"),
        ("case_id,output_path,outcome\n1,a.png,done\n", "row 2: outcome 'done' is none of edited, refused"),
        ("case_id,output_path,outcome\n1,,edited\n", "row 2: edited, and no output_path"),
        ("case_id,output_path\n1,a.png\n1,b.png\n", "row 3: two rows of one case"),
        ("case_id,output_path\n1,a.png,edited\n", "row 2: more cells than columns"),
        ("case,output_path\n1,a.png\n", "it has no column case_id"),
        ("", "it has no column case_id, output_path"),
        ('case_id,output_path\n"1,a.png\n', "it is no CSV in UTF-8"),
    ],
)
def test_a_malformed_list_names_its_rows(text: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "far").symlink_to("/etc")
    with pytest.raises(EditorError) as caught:
        listed(tmp_path, text)
    assert all(part in caught.value.found for part in found.split("|"))


def test_a_list_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(EditorError, match="no such file"):
        folder.build(context(tmp_path, path=str(tmp_path / "outputs.csv")))


def test_a_command_is_told_of_consent_and_may_refuse(tmp_path: Path) -> None:
    code = "sys.exit(77) if a[2] == 'refused' else sys.exit(0 if a[2] == 'unstated' and shutil.copy(a[0], a[1]) else 5)"
    editor = command.build(context(tmp_path, argv=[*program(code), "{input}", "{output}", "{consent}"]))
    refused, served = (
        editor.edit([dataclasses.replace(request(), consent=consent)])[0] for consent in ("refused", None)
    )
    assert isinstance(refused, Refused)
    assert np.array_equal(served.media, IMAGE)  # type: ignore[union-attr]
