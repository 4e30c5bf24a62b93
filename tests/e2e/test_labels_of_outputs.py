"""Labels of outputs as a run sees them: every rule broken by an editor, and dropped by a program that recodes."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest
from label_editors import FIELDS

from visavox.core.label_codes import AIGC_RULES, IPTC_RULES
from visavox.core.terms import AigcVerdict, Outcome
from visavox.engine.worker import EditorLimits, EditorWorker
from visavox.ports.dataset import voice_renderers
from visavox.ports.editor import EditRequest

STUDY = Path(__file__).parents[2] / "docs" / "studies" / "labels.py"
LIMITS = EditorLimits(timeout_s=60.0, load_timeout_s=60.0, memory_mb=4096)


def test_every_rule_is_broken_once_and_the_table_is_what_the_study_says() -> None:
    spec = importlib.util.spec_from_file_location("labels_study", STUDY)
    assert spec is not None and spec.loader is not None
    study = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(study)
    page = study.page()
    assert page == STUDY.with_suffix(".md").read_text(encoding="utf-8"), "stale: python docs/studies/labels.py"
    missing = [rule for rule in AIGC_RULES | IPTC_RULES if rule not in page]
    assert missing == []
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if line.startswith("| ")}
    assert "| compliant | - | - |" in rows["right"] and "| not_found | - | - |" in rows["none"]


CHAIN = """
import json, subprocess, sys
source, target, keeps = sys.argv[1], sys.argv[2], sys.argv[3] == "1"
label = "AIGC=" + {label!r}
made = target + ".flac"
ffmpeg = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y"]
subprocess.run([*ffmpeg, "-i", source, "-af", "volume=0.5", "-metadata", label, made], check=True)
flags = ["-movflags", "use_metadata_tags"] if keeps else []
subprocess.run([*ffmpeg, "-i", made, "-c:a", "aac", *flags, target], check=True)
"""


@pytest.mark.parametrize("keeps", [False, True])
def test_ffmpeg_to_mp4_drops_the_label_unless_told_otherwise(keeps: bool, tmp_path: Path) -> None:
    """The tool labels its FLAC file; the last step of its pipeline recodes it. FFmpeg ends without a word."""
    if shutil.which("ffmpeg") is None:
        pytest.fail("apt-get install ffmpeg")
    program = tmp_path / "pipeline.py"
    program.write_text(CHAIN.format(label=json.dumps(FIELDS)))
    argv = [sys.executable, str(program), "{input}", "{output}", str(int(keeps))]
    spec = {"kind": "command", "argv": argv, "output_suffix": ".m4a", "tool_class": "anonymise"}
    voices = voice_renderers.get("synthetic-voices")(11, [(0, 0), (1, 0)])
    requests = [EditRequest(f"{i:016x}", "voice-anonymisation", i, {"subject": v}) for i, v in enumerate(voices)]
    with EditorWorker(
        spec, device="cpu", limits=LIMITS, scratch=tmp_path / "scratch", stderr_path=tmp_path / "stderr"
    ) as worker:
        results = worker.run_unit(requests)
    assert [result.outcome for result in results] == [Outcome.EDITED] * 2, results
    wanted = AigcVerdict.COMPLIANT if keeps else AigcVerdict.NOT_FOUND
    assert [result.labels.aigc for result in results if result.labels] == [wanted] * 2
