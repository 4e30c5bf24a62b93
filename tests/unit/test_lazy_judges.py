"""Judges are made without loading a network: digests and refusals come first, torch when it is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from visavox.adapters.recognisers import sources
from visavox.core.errors import MissingDependencyError
from visavox.core.records import RecogniserSpec
from visavox.engine.environment import resolve_device
from visavox.ports.recogniser import recognisers

MADE = """
import json, sys
from visavox.core.records import RecogniserSpec
from visavox.engine.environment import resolve_device
from visavox.ports.recogniser import recognisers

made = {}
for name in ("dlib", "resemblyzer"):
    judge = recognisers.get(name)(RecogniserSpec(name=name, id=name), resolve_device("cpu"))
    made[name] = [judge.digest, judge.detector]
heavy = [name for name in ("torch", "dlib", "onnxruntime", "facenet_pytorch", "resemblyzer") if name in sys.modules]
print(json.dumps([made, heavy]))
"""


def test_making_a_judge_loads_no_network_and_says_who_it_is() -> None:
    done = subprocess.run([sys.executable, "-c", MADE], capture_output=True, text=True, check=True)
    made, heavy = json.loads(done.stdout)
    assert heavy == []
    for name, (digest, detector) in made.items():
        judge = recognisers.get(name)(RecogniserSpec(name=name, id=name), "cpu")
        judge.embed([], [])  # nothing, with everything loaded
        assert (judge.digest, judge.detector) == (digest, detector)


def test_an_absent_package_is_missed_when_the_judge_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    find = sources.importlib.util.find_spec  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "visavox.adapters.recognisers.sources.importlib.util.find_spec",
        lambda name: None if name == "torch" else find(name),
    )
    for name in ("dlib", "resemblyzer"):
        with pytest.raises(MissingDependencyError, match="find the package torch"):
            recognisers.get(name)(RecogniserSpec(name=name, id=name), "cpu")


def test_auto_is_cuda_where_torch_says_so() -> None:
    """The look for a driver spares an import; it may not change the answer."""
    import torch

    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


def test_files_of_another_digest_are_refused_when_the_judge_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from visavox.adapters.recognisers import resemblyzer
    from visavox.core.errors import WeightsError

    (tmp_path / "pretrained.pt").write_bytes(b"other")
    monkeypatch.setattr(resemblyzer, "file_of_package", lambda *_, **__: tmp_path / "pretrained.pt")
    with pytest.raises(WeightsError, match="pinned is"):
        recognisers.get("resemblyzer")(RecogniserSpec(name="resemblyzer", id="r"), "cpu")
