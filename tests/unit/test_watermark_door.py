"""The door ``watermark``: decoders as programs and Python entries, the exact test, and what a suite may ask."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.core.config import parse_suite
from visavox.core.errors import (
    ConfigError,
    EditorError,
    MissingDependencyError,
    UndefinedMetricError,
    UnknownNameError,
    WeightsError,
)
from visavox.core.terms import Modality
from visavox.engine.marks import load_watermark
from visavox.media.audio import Audio
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.watermark import Decoded, MarkTest, marks_of, message_bits, watermarks

MESSAGE = tuple(int(bit) for bit in "0110100110010110")

PROGRAM = """
import json, sys
from PIL import Image
bits = [int(row[0][0]) & 1 for row in __import__("numpy").asarray(Image.open(sys.argv[1]))][:16]
if sum(bits) == 0:
    sys.exit(3)
if sum(bits) == 16:
    print(json.dumps({"failed": "no picture of ours"}))
elif sum(bits) == 1:
    print("{not JSON")
else:
    print(json.dumps({"bits": bits}))
"""
ENTRY = """
import os, time
import numpy as np

class Decoder:
    def __init__(self, how):
        self.how = how

    def decode(self, media):
        print("noise on standard output", flush=True)
        (medium,) = media
        if self.how == "score":
            return [float(np.abs(medium.samples).max())]
        value = int(medium[0, 1, 0])
        if value == 1:
            raise ValueError("bad picture")
        if value == 2:
            os._exit(1)
        if value == 3:
            time.sleep(60)
        return [(medium[:16, 0, 0] & 1, 0.5)]

def load(*, device, artifact, params):
    if params.get("how") == "broken":
        raise RuntimeError("no licence")
    return Decoder(params.get("how"))
"""


def marked(bits: tuple[int, ...], value: int = 0) -> np.ndarray:
    """A picture that holds bits in the lowest bit of the first pixel of each row."""
    picture = np.random.default_rng(sum(bits)).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    picture[: len(bits), 0, 0] = np.asarray(bits) + 100
    picture[0, 1, 0] = value
    return picture


def command(folder: Path, text: str, *arguments: str, **more: Any) -> dict[str, Any]:
    (folder / "decode.py").write_text(text)
    return {"argv": [sys.executable, "decode.py", "{input}", *arguments], "cwd": str(folder), "n_bits": 16, **more}


def test_a_program_reads_bits_and_what_is_no_answer_is_a_failure_to_acquire(tmp_path: Path) -> None:
    decoder = watermarks.get("command")(command(tmp_path, PROGRAM), Modality.FACE, "cpu")
    one = (1,) + (0,) * 15
    read = decoder.decode([marked(MESSAGE), marked((0,) * 16), marked((1,) * 16), marked(one)])
    assert read[0] == Decoded(bits=MESSAGE)
    reasons = [found.reason for found in read[1:] if isinstance(found, FailureToAcquire)]
    assert len(reasons) == 3 and "exit code 3" in reasons[0] and reasons[1] == "no picture of ours"
    assert reasons[2].startswith("the decoder's answer is none")
    changed = watermarks.get("command")(command(tmp_path, PROGRAM + "\n"), Modality.FACE, "cpu")
    assert changed.digest != decoder.digest and len(decoder.digest) == 64


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ('{"score": 0.25}', Decoded(score=0.25)),
        ('{"bits": "01", "score": 2}', None),
        ('{"bits": [0, 2]}', None),
        ('{"bits": [0, true]}', None),
        ('{"score": NaN}', None),
        ('{"score": true}', None),
        ("[" * 5000, None),
        ("[]", None),
        ("{}", None),
        ('{"bits": []}', None),
        ('{"other": 1}', None),
        ("", None),
    ],
)
def test_only_a_well_formed_answer_passes(answer: str, wanted: Decoded | None, tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(answer)
    program = "import sys; sys.stdout.write(open('answer').read())"
    decoder = watermarks.get("command")(command(tmp_path, program), Modality.FACE, "cpu")
    (read,) = decoder.decode([marked(MESSAGE)])
    assert read == wanted if wanted else isinstance(read, FailureToAcquire)


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pid', 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    decoder = watermarks.get("command")(command(tmp_path, program, timeout_s=1.0), Modality.FACE, "cpu")
    (read,) = decoder.decode([marked(MESSAGE)])
    assert isinstance(read, FailureToAcquire) and "more than 1 s" in read.reason
    child = int((tmp_path / "pid").read_text())
    for _ in range(50):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the child lives on")


def python(folder: Path, **more: Any) -> dict[str, Any]:
    (folder / "vendor.py").write_text(ENTRY)
    return {"entry": f"{folder}/vendor.py:load", "n_bits": 16, **more}


def test_a_python_entry_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    decoder = watermarks.get("python")(python(tmp_path, timeout_s=3.0), Modality.FACE, "cpu")
    media = [marked(MESSAGE, value) for value in (0, 1, 2, 0, 3)]
    read = decoder.decode(media)
    good = Decoded(bits=MESSAGE, score=0.5)
    assert [found for found in read if isinstance(found, Decoded)] == [good] * 2
    assert [isinstance(found, Decoded) for found in read] == [True, False, False, True, False]
    assert isinstance(read[1], FailureToAcquire) and read[1].reason == "raised ValueError: bad picture"
    assert "vendor" not in sys.modules
    decoder.close()  # type: ignore[attr-defined]


def test_a_python_entry_reads_sounds_and_an_entry_that_fails_is_an_error(tmp_path: Path) -> None:
    decoder = watermarks.get("python")(python(tmp_path, params={"how": "score"}), Modality.VOICE, "cpu")
    sound = Audio(np.linspace(0, 0.5, 800, dtype=np.float32), 8000)
    (read,) = decoder.decode([sound])
    assert isinstance(read, Decoded) and read.score == pytest.approx(0.5) and read.bits is None
    decoder.close()  # type: ignore[attr-defined]
    broken = watermarks.get("python")(python(tmp_path, params={"how": "broken"}), Modality.VOICE, "cpu")
    with pytest.raises(EditorError, match="no licence"):
        broken.decode([sound])


def test_the_exact_test_decides_and_too_short_a_message_is_refused_with_what_it_reaches() -> None:
    test = MarkTest(message=MESSAGE, fpr=1e-2)
    test.check()
    flipped = [tuple(1 - bit if i < n else bit for i, bit in enumerate(MESSAGE)) for n in (0, 2, 3)]
    assert [test.bears_mark(Decoded(bits=bits)) for bits in flipped] == [True, True, False]  # METRICS 28: 14 of 16
    assert test.bears_mark(Decoded(bits=MESSAGE[:8])) is None and test.bears_mark(FailureToAcquire("x")) is None
    with pytest.raises(UndefinedMetricError, match=r"reaches FPR 1\.53e-05"):
        MarkTest(message=MESSAGE, fpr=1e-6).check()
    score = MarkTest(threshold=0.5)
    score.check()
    assert [score.bears_mark(Decoded(score=s)) for s in (0.5, 0.4)] == [True, False]
    assert score.bears_mark(Decoded(bits=MESSAGE)) is None
    for bad in (MarkTest(), MarkTest(message=MESSAGE, threshold=0.5)):
        with pytest.raises(ConfigError, match="message and threshold"):
            bad.check()
    with pytest.raises(ConfigError, match="hexadecimal"):
        message_bits("0x5g")


SUITE = """
name: marks
editor: {{kind: baseline, name: identity, tool_class: anonymise}}
dataset: {{kind: manifest, path: people.csv}}
recognisers: [dlib]
assessments: [identity_leak]
policy: baseline
watermark: {watermark}
"""


def test_a_suite_names_a_decoder_with_paths_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "decode.py").write_text(PROGRAM)
    block = f'{{kind: command, argv: [{sys.executable}, decode.py, "{{input}}"], message: "0x6996", fpr: 1.0e-3}}'
    spec = parse_suite(SUITE.format(watermark=block), base=tmp_path).watermark
    assert spec is not None and dict(spec.params)["cwd"] == str(tmp_path)
    loaded = load_watermark(spec, Modality.FACE, "cpu")
    assert loaded.test == MarkTest(message=MESSAGE, fpr=1e-3)
    media = [marked(MESSAGE), marked((0, 1) * 8), marked((0,) * 16)]
    assert list(loaded.read_marks(media)) == [1, 0, -1] == marks_of(loaded.decoder, loaded.test, media)
    with pytest.raises(UndefinedMetricError, match="16 bits"):
        load_watermark(spec.model_copy(update={"fpr": 1e-9}), Modality.FACE, "cpu")
    with pytest.raises(UnknownNameError):
        load_watermark(spec.model_copy(update={"kind": "comand"}), Modality.FACE, "cpu")
    without = parse_suite(SUITE.format(watermark="null"), base=tmp_path)
    assert "watermark" not in without.comparable()


def test_built_in_decoders_say_what_is_missing(tmp_path: Path) -> None:
    if importlib.util.find_spec("imwatermark") is None:
        with pytest.raises(MissingDependencyError, match="--no-deps invisible-watermark"):
            watermarks.get("invisible_watermark")({"n_bits": 32}, Modality.FACE, "cpu")
    with pytest.raises(ConfigError, match="pictures alone"):
        watermarks.get("invisible_watermark")({"n_bits": 32}, Modality.VOICE, "cpu")
    weights = tmp_path / "detector.pth"
    weights.write_bytes(b"not weights")
    digest = hashlib.sha256(b"not weights").hexdigest()
    audioseal = watermarks.get("audioseal")
    for params, error, match in (
        ({"path": str(weights)}, ConfigError, "sha256"),
        ({"path": str(tmp_path / "none.pth"), "sha256": digest}, WeightsError, "huggingface"),
        ({"path": str(weights), "sha256": "0" * 64}, WeightsError, digest),
        ({"path": str(weights), "sha256": digest, "n_bits": 8}, ConfigError, "16"),
    ):
        with pytest.raises(error, match=match):
            audioseal(params, Modality.VOICE, "cpu")
    with pytest.raises((MissingDependencyError, WeightsError)):
        audioseal({"path": str(weights), "sha256": digest}, Modality.VOICE, "cpu")


def test_json_of_a_decoder_is_what_the_guide_says() -> None:
    from visavox.adapters.watermarks.answers import read_answer

    assert read_answer(json.dumps({"bits": [0, 1]}).encode(), 2) == Decoded(bits=(0, 1))
