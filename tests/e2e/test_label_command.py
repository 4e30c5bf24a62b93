"""``visavox label`` as a user meets it: the guide, exit codes, JSON, hostile names, no learning framework."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import label_files as files
import pytest
from label_files import FIELDS, GOOD

from visavox.api.labels import label_files
from visavox.cli import exit_code
from visavox.core.errors import MediaError
from visavox.core.label_codes import AIGC_REMARKS, AIGC_RULES
from visavox.media.labels import Carrier, check_label
from visavox.media.labels.annex_e import one_label

GUIDE = (Path(__file__).parents[2] / "docs/how-to/check-a-label.md").read_text()


def visavox(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "visavox", *words]
    env = {**os.environ, "COLUMNS": "100"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_the_guide_s_example(tmp_path: Path) -> None:
    ((name, code),) = re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / name).write_text(code)
    (commands,) = re.findall(r"<!-- example: label -->\n```sh\n(.*?)```", GUIDE, re.DOTALL)
    (shown,) = re.findall(r"<!-- output: label -->\n```text\n(.*?)```", GUIDE, re.DOTALL)
    make, show, write = commands.splitlines()
    subprocess.run([sys.executable, make.split()[1]], cwd=tmp_path, check=True)
    done = visavox(tmp_path, *show.split()[1:])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == shown, done.stdout
    done = visavox(tmp_path, *write.partition(" > ")[0].split()[1:])
    right, wrong = (file["aigc"] for file in json.loads(done.stdout)["files"])
    assert right == right | {"verdict": "compliant", "broken_rules": [], "warnings": []}
    assert right["labels"] == [{"place": "PNG text AIGC", "shape": "wrapped", "fields": FIELDS}]
    assert wrong["verdict"] == "noncompliant"
    assert wrong["broken_rules"] == ["gb45438-6.1a-PropagateID", "gb45438-E.c-text"]


def test_the_guide_names_every_rule() -> None:
    values = ["{}", "[]", json.dumps(dict.fromkeys(FIELDS, 1)), json.dumps(FIELDS | {"Label": "5", "x": "y z"})]
    values += [json.dumps(FIELDS | {"Label": "2", "PropagateID": "é"})]
    checked = [check_label(Carrier("x", value, is_guided=False, is_named=False)) for value in values]
    codes = {finding.rule for found in checked for finding in (*found.broken, *found.remarks)}
    twice = one_label(("a", "b"))
    assert twice is not None
    codes |= {twice.rule}
    assert {code for code in codes if code not in {*AIGC_RULES, *AIGC_REMARKS}} == set()
    assert {finding.rule for found in checked for finding in found.remarks} == AIGC_REMARKS
    told = set(re.findall(r"`((?:gb45438|tc260)-[^`]+)`", GUIDE))
    told -= {code for code in told if code.startswith("gb45438-5.")}  # of labels that are seen or heard
    of_keys, of_letters = (
        {f"gb45438-6.1a-{key}" for key in FIELDS},
        {f"gb45438-E.{letter}-text" for letter in "cdefghi"},
    )
    assert codes - of_keys - of_letters == told - of_keys - of_letters
    assert codes >= of_letters and len(codes & of_keys) == 5


def test_json_has_the_documented_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "voice.flac"
    path.write_bytes(files.by_ffmpeg("flac", {"AIGC": GOOD, "artist": "Fictional Person"}))
    assert exit_code(["label", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    (file,) = json.loads(out)["files"]
    assert list(file) == ["path", "aigc", "c2pa", "iptc", "visible", "audible", "leaks"] and err == ""
    assert {"verdict", "broken_rules", "warnings"} <= set(file["aigc"])
    assert (file["path"], file["aigc"]["verdict"], file["leaks"]) == (str(path), "compliant", ["person_name"])
    assert "Fictional Person" not in out


def test_unreadable_files_are_3_and_usage_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.png").write_bytes(files.picture("PNG"))
    assert exit_code(["label", str(tmp_path / "good.png"), str(tmp_path / "absent.png"), "--json"]) == 3
    out, err = capsys.readouterr()
    assert out == "" and "absent.png" in err and "No such file" in err
    assert exit_code(["label", str(tmp_path)]) == 3
    assert exit_code(["label", str(tmp_path / "good.png"), "--trust", str(tmp_path / "absent.pem")]) == 3
    with (tmp_path / "large.wav").open("wb") as stream:
        stream.truncate((256 << 20) + 1)
    assert exit_code(["label", str(tmp_path / "large.wav")]) == 3
    assert exit_code(["label"]) == 4
    assert exit_code(["label", str(tmp_path / "good.png"), "--tool-class", "none"]) == 4
    with pytest.raises(MediaError, match=r"absent\.png"):
        label_files([tmp_path / "absent.png"])


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MediaError, match="no regular file"):
        label_files([tmp_path / "pipe"])


def test_a_file_of_no_known_kind_is_inconclusive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "note.txt").write_text("generated by AI")
    assert exit_code(["label", str(tmp_path / "note.txt")]) == 0
    out = capsys.readouterr().out
    assert "inconclusive" in out and "no image, sound or video file" in out


def test_nothing_of_a_stranger_s_file_reaches_the_terminal_as_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "\x1b[2J\x1b]0;title\x07[bold]"
    path = tmp_path / f"voice{hostile}.mka"
    path.write_bytes(files.by_ffmpeg("mka", {f"AIGC{hostile}": GOOD.replace('"1"', json.dumps(hostile))}))
    other = tmp_path / "name\udcff.png"
    other.write_bytes(files.picture("PNG"))
    assert exit_code(["label", str(path), str(other)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\x07" not in out and "[bold]" in out and "Label is" in out
    assert exit_code(["label", str(path), str(other), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) == 2


def test_no_learning_framework_is_loaded_and_c2pa_may_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "signed.jpg"
    path.write_bytes(files.Signed()(files.picture("JPEG"), "image/jpeg", files.CREATED))
    code = (
        "import sys\n"
        "for name in ('torch', 'librosa', 'mlflow', 'cv2', 'av', 'soundfile', 'c2pa'):\n"
        "    sys.modules[name] = None\n"
        "from visavox.cli import exit_code\n"
        f"sys.exit(exit_code(['label', {str(path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not_examined" in done.stdout and "visavox[labels]" in " ".join(done.stdout.split())


def test_the_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "signed.jpg"
    path.write_bytes(files.Signed()(files.picture("JPEG"), "image/jpeg", files.CREATED))
    path.chmod(0o400)
    before = path.read_bytes(), path.stat().st_mtime_ns
    report = label_files([path])
    assert report.files[0].c2pa.state == "valid"
    assert (path.read_bytes(), path.stat().st_mtime_ns, [p.name for p in tmp_path.iterdir()]) == (
        *before,
        ["signed.jpg"],
    )
