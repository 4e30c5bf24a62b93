"""The detector of the guide, installed as a reader would and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from visavox.core.config import read_yaml

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-detector.md"


def test_the_guide_s_detector_is_listed_and_scores(tmp_path: Path) -> None:
    text = GUIDE.read_text()
    (entry,) = re.findall(r"```toml\n\[project\.entry-points\.\"visavox\.plugins\"\]\n(.*?)```", text, re.DOTALL)
    ((name, code),) = re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", text, re.DOTALL)
    (example,) = re.findall(r"<!-- example: try -->\n```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text(code)
    info = tmp_path / "acme_detector-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-detector\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[visavox.plugins]\n" + entry.replace('"', ""))
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for command, expected in (
        (["-m", "visavox", "list", "detectors"], "smoothness             a toy"),
        (["-c", example], "True\n"),
    ):
        done = subprocess.run([sys.executable, *command], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout


def test_the_words_about_an_onnx_network_are_its_parameters() -> None:
    from visavox.adapters.detectors.onnx import OnnxImageParameters, OnnxSoundParameters

    text = GUIDE.read_text()
    (suite,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    words = read_yaml(suite, what="the guide")["detectors"][1]
    assert (words.pop("name"), words.pop("id")) == ("onnx", "acme-faces")
    OnnxImageParameters.model_validate({**words, "sha256": "0" * 64})
    for name in ("sample_rate_hz", "window_s", "padding", "pooling"):
        assert name in OnnxSoundParameters.model_fields and f"`{name}`" in text
