"""The guide's programs that edit voices, none of them ours, through the editor kind ``command``."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.adapters.editors.baselines import world
from visavox.core.config import parse_suite
from visavox.engine.worker import EditorLimits
from visavox.media.audio import resampled
from visavox.ports.dataset import voice_renderers
from visavox.ports.editor import Audio, EditedFile, Editor, EditorContext, EditRequest, Refused, editors
from visavox.testing.contract import assert_editor_contract

GUIDE = (Path(__file__).parents[2] / "docs/how-to/assess-a-program-of-voices.md").read_text()
LIMITS = EditorLimits(timeout_s=60, load_timeout_s=60, memory_mb=4096)


def spec(example: str, folder: Path) -> dict[str, Any]:
    """The editor of one of the guide's suites, its files beside it."""
    for name, code in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", GUIDE, re.DOTALL):
        (folder / name).write_text(code)
    (text,) = re.findall(rf"<!-- example: {example} -->\n```yaml\n(.*?)```", GUIDE, re.DOTALL)
    found = parse_suite(text, base=folder).editor.model_dump(mode="json")
    found["argv"] = [sys.executable if word == "python3" else word for word in found["argv"]]
    return dict(found)


def program(example: str, folder: Path, package: str) -> Editor:
    if shutil.which(package) is None:
        pytest.fail(f"{package} is not installed: apt-get install {package}")
    return editors.get("command")(EditorContext(spec(example, folder), "cpu", folder, 60.0))


def median_f0(audio: Audio) -> float:
    f0 = world.analysed(resampled(audio, world.RATE_HZ).samples.astype(np.float64)).f0
    return float(np.median(f0[f0 > 0]))


@pytest.fixture(scope="module")
def speech() -> list[Audio]:
    """A woman and a man who do not exist."""
    return voice_renderers.get("synthetic-voices")(11, [(0, 0), (1, 0)])


def test_sox_lowers_a_voice_by_what_the_suite_says(speech: list[Audio], tmp_path: Path) -> None:
    editor = program("sox", tmp_path, "sox")
    answers = editor.edit(
        [EditRequest(f"{i:016x}", "voice-anonymisation", 1, {"subject": s}) for i, s in enumerate(speech)]
    )
    for given, sound in zip(answers, speech, strict=True):
        assert isinstance(given, EditedFile), given
        answer = given.media
        assert isinstance(answer, Audio) and given.leaks == ()
        assert answer.sample_rate_hz == sound.sample_rate_hz
        assert answer.duration_s == pytest.approx(sound.duration_s, abs=0.05)
        assert median_f0(answer) == pytest.approx(median_f0(sound) * 2 ** (-3 / 12), rel=0.05)


def test_sox_keeps_the_contract(speech: list[Audio], tmp_path: Path) -> None:
    program("sox", tmp_path, "sox")
    operation = "voice-anonymisation"
    assert_editor_contract(spec("sox", tmp_path), images=speech, operation=operation, limits=LIMITS)


def test_the_guide_s_synthesiser_follows_donor_seed_and_consent(speech: list[Audio], tmp_path: Path) -> None:
    editor = program("speak", tmp_path, "espeak-ng")
    woman, man = speech

    def said(donor: Audio, seed: int, consent: str = "granted") -> Any:
        media = {"host": man, "donor": donor}
        (answer,) = editor.edit([EditRequest("0" * 16, "text-to-speech", seed, media, consent)])
        return answer.media if isinstance(answer, EditedFile) else answer

    high, low = said(woman, 0), said(man, 0)
    assert median_f0(high) > 1.2 * median_f0(low)
    assert np.array_equal(said(woman, 3).samples, high.samples), "the same sentence"
    assert len(said(woman, 1).samples) != len(high.samples)
    assert isinstance(said(woman, 0, "refused"), Refused)
