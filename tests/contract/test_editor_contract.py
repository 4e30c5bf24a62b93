"""The shipped contract kit: over every registered editor, and over editors that break each rule."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.core.errors import ConfigError
from visavox.core.terms import Operation
from visavox.editor import EditRequest, EditResult
from visavox.engine.worker import EditorLimits
from visavox.media.image import encode_png
from visavox.ports.dataset import renderers, voice_renderers
from visavox.ports.editor import Audio, baselines, editors
from visavox.testing.contract import assert_editor_contract, check_editor, contract_requests

LIMITS = EditorLimits(timeout_s=30, load_timeout_s=60, memory_mb=4096)
GUIDE = Path(__file__).parents[2] / "docs/how-to/write-an-adapter.md"
FLIP = "import sys; from PIL import Image, ImageOps; ImageOps.mirror(Image.open(sys.argv[1])).save(sys.argv[2])"


def spec_of(kind: str, folder: Path, base: str) -> dict[str, Any]:
    """A sound editor of each kind."""
    if kind == "folder":
        with (folder / "outputs.csv").open("w", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["case_id", "output_path", "outcome"])
            for i, request in enumerate(contract_requests()):
                (folder / f"{i}.png").write_bytes(encode_png(request.media["subject"][::-1]))  # type: ignore[index]
                rows.writerow([request.case_id, f"{i}.png", "edited"])
    return {
        "python": {"kind": "python", "entry": "visavox.testing.editors:always_noise"},
        "command": {"kind": "command", "argv": [sys.executable, "-c", FLIP, "{input}", "{output}"]},
        "folder": {"kind": "folder", "path": str(folder / "outputs.csv")},
        "baseline": {"kind": "baseline", "name": "identity"},
        "mlflow": {"kind": "mlflow", "artifact": str(fetched_model(folder))},
        "http": {"kind": "http", "url": f"{base}/flip", "concurrency": 3},
    }[kind]


def fetched_model(folder: Path) -> Path:
    """A model out of MLflow, as a run finds it on the disk."""
    (folder / "model").mkdir()
    (folder / "model" / "editor.py").write_text("from visavox.testing.editors import always_noise as load\n")
    return folder / "model"


@pytest.mark.parametrize("kind", list(editors))
def test_every_kind_of_editor_keeps_the_contract(kind: str, tmp_path: Path) -> None:
    from services import running  # here, for workers load this file and find no other of the tests

    with running(tmp_path) as service:
        assert_editor_contract(spec_of(kind, tmp_path, service.base), limits=LIMITS)


PAIRS = {"poisson_swap": ("host", "donor"), "landmark_morph": ("contributor_1", "contributor_2")}
VOICE_ONLY = {"mcadams", "pitch_shift", "world_conversion"}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [name for name in baselines if name not in {*PAIRS, *VOICE_ONLY}])
def test_every_baseline_keeps_the_contract(name: str) -> None:
    images = [np.asarray(request.media["subject"]) for request in contract_requests()[:2]]
    limits = EditorLimits(timeout_s=60, load_timeout_s=300, memory_mb=4096)  # some draw a gallery of people first
    assert_editor_contract({"kind": "baseline", "name": name}, images=images, limits=limits, must_edit=False)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", PAIRS)
def test_every_baseline_of_two_people_keeps_the_contract(name: str) -> None:
    drawn = renderers.get("synthetic-faces")(5, [(0, 0), (1, 0)], size_px=112)
    images = [drawn[0], drawn[1][:, 4:108]]
    operation = Operation.FACE_MORPH if name == "landmark_morph" else Operation.FACE_SWAP
    limits = EditorLimits(timeout_s=60, load_timeout_s=300, memory_mb=4096)
    spec = {"kind": "baseline", "name": name}
    assert_editor_contract(spec, images=images, roles=PAIRS[name], operation=operation, limits=limits)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["identity", "replace", "mcadams", "pitch_shift"])
def test_every_baseline_of_voices_keeps_the_contract(name: str) -> None:
    limits = EditorLimits(timeout_s=60, load_timeout_s=300, memory_mb=4096)
    report = assert_editor_contract(
        {"kind": "baseline", "name": name}, operation=Operation.VOICE_ANONYMISATION, limits=limits
    )
    assert [check.name for check in report.checks][-2:] == ["short_sound", "long_sound"]


@pytest.mark.timeout(900)
def test_a_voice_conversion_keeps_the_contract() -> None:
    sounds = voice_renderers.get("synthetic-voices")(5, [(0, 0), (1, 0)])
    limits = EditorLimits(timeout_s=60, load_timeout_s=300, memory_mb=4096)
    spec = {"kind": "baseline", "name": "world_conversion"}
    operation = Operation.VOICE_CONVERSION
    assert_editor_contract(spec, images=sounds, roles=("host", "donor"), operation=operation, limits=limits)


def test_the_kit_hears_an_editor_of_sounds_that_never_repeats() -> None:
    report = check_editor(load_hiss, operation=Operation.VOICE_ANONYMISATION, limits=LIMITS)
    assert {check.name for check in report.checks if not check.passed} == {"order", "repeats"}


class Hiss:
    """Answers with noise that is new each time."""

    def edit(self, requests: list[EditRequest]) -> list[Any]:
        rng = np.random.default_rng()
        sounds = [request.media["subject"] for request in requests]
        return [Audio(rng.uniform(-0.5, 0.5, s.samples.shape).astype(np.float32), s.sample_rate_hz) for s in sounds]  # type: ignore[union-attr]


def load_hiss(*, device: str, artifact: Path | None, params: dict[str, Any]) -> Hiss:
    return Hiss()


class Breaker:
    """Breaks the rule it is named by."""

    max_batch = 3

    def __init__(self, rule: str) -> None:
        self.rule, self.calls = rule, 0

    def edit(self, requests: list[EditRequest]) -> list[Any]:
        self.calls += 1
        results: list[Any] = [255 - np.asarray(r.media["subject"]) for r in requests]
        if self.rule == "order":
            results.reverse()
        if self.rule == "repeats":
            results = [np.random.default_rng().integers(0, 256, r.shape, dtype=np.uint8) for r in results]
        if self.rule == "leaves_requests_alone":
            for request in requests:
                np.asarray(request.media["subject"])[0, 0] ^= 1
        if self.rule == "small_image" and any(r.shape[0] < 16 for r in results):
            raise ValueError("too small")
        if self.rule == "large_image" and any(r.shape[0] > 1024 for r in results):
            return [None for _ in results]
        return [None for _ in results] if self.rule == "answers" else results


def load_breaker(*, device: str, artifact: Path | None, params: dict[str, Any]) -> Breaker:
    if params["rule"] == "loads":
        raise RuntimeError("no weights")
    return Breaker(params["rule"])


@pytest.mark.parametrize("rule", ["loads", "answers", "leaves_requests_alone", "small_image", "large_image"])
def test_the_kit_names_the_one_rule_that_is_broken(rule: str) -> None:
    report = check_editor(load_breaker, params={"rule": rule}, limits=LIMITS)
    failed = {check.name for check in report.checks if not check.passed}
    implied = {"answers": {"edits", "small_image", "large_image"}}  # who answers nothing edits nothing
    assert failed == {rule} | implied.get(rule, set())
    assert not report.passed


@pytest.mark.parametrize("rule", ["order", "repeats"])
def test_the_kit_sees_wrong_order_and_free_randomness(rule: str) -> None:
    report = check_editor(load_breaker, params={"rule": rule}, limits=LIMITS)
    assert rule in {check.name for check in report.checks if not check.passed}


def test_the_assertion_has_one_line_for_each_broken_rule() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_editor_contract("visavox.testing.editors:always_refuse", limits=LIMITS)
    assert str(caught.value).splitlines()[1:] == [
        "edits: none of 5 cases is edited: this editor refuses every case",
    ]
    assert assert_editor_contract("visavox.testing.editors:always_refuse", limits=LIMITS, must_edit=False).passed


def test_a_function_within_a_function_cannot_be_checked() -> None:
    def load(*, device: str, artifact: Path | None, params: dict[str, Any]) -> list[EditResult]:
        return []

    with pytest.raises(ConfigError, match="top of a file"):
        check_editor(load)


def test_the_guide_s_adapter_keeps_the_contract(tmp_path: Path) -> None:
    adapter, check = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (tmp_path / "adapter.py").write_text(adapter)
    assert "/path/to/adapter.py" in check
    exec(compile(check.replace("/path/to/adapter.py", str(tmp_path / "adapter.py")), str(GUIDE), "exec"), {})
    report = check_editor(f"{tmp_path}/adapter.py:load", params={"block_px": 8}, limits=LIMITS)
    assert report.passed
