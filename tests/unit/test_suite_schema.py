"""The schema that `visavox schema suite` prints takes what the guides write, and finds a misspelt key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from visavox.core.config import parse_suite, read_yaml
from visavox.core.suite_schema import suite_schema

ROOT = Path(__file__).parents[2]
CHECKER = jsonschema.Draft202012Validator(suite_schema())
SHORT = """
name: acme
editor: {kind: baseline, name: blur, tool_class: anonymise, params: {sigma_px: 8}}
dataset: {kind: synthetic-faces, people: 48}
recognisers: [dlib, {name: onnx_face, id: own, path: own.onnx}]
assessments: {identity_leak: {fmr: 1e-3}, impersonation: null, utility:
  {transcriber: wav2vec2, figures: word_error_rate}}
attestations: attested
policy: baseline
"""


def suites() -> dict[str, str]:
    """Every suite of README, guides and configs, by its place."""
    found = {str(p.relative_to(ROOT)): p.read_text("utf-8") for p in (ROOT / "configs").rglob("*.yaml")}
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        blocks = re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        found |= {f"{page.relative_to(ROOT)}-{number}": block for number, block in enumerate(blocks)}
    return {place: text for place, text in found.items() if re.search(r"^editor:", text, re.M) and "\ndataset:" in text}


def faults(text: str) -> list[str]:
    return [f"{'.'.join(map(str, one.path))}: {one.message}" for one in CHECKER.iter_errors(read_yaml(text, what="x"))]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(suite_schema())


def test_every_suite_that_is_shown_is_taken() -> None:
    shown = suites()
    assert len(shown) >= 12 and "README.md-0" in shown
    assert {place: found for place, text in shown.items() if (found := faults(text))} == {}


def test_short_and_resolved_forms_are_taken(tmp_path: Path) -> None:
    assert faults(SHORT) == []
    resolved = parse_suite(SHORT, base=tmp_path)
    assert list(CHECKER.iter_errors(resolved.as_json())) == []
    listed = re.sub(r"assessments: (.|\n)*?}}\n", "assessments: [identity_leak]\n", SHORT)
    assert faults(listed) == [] and parse_suite(listed, base=tmp_path).options("identity_leak")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("recognisers:", "recognizers:"),
        ("kind: baseline", "kind: base"),
        ("tool_class: anonymise", "tool_class: anonymize"),
        ("fmr: 1e-3", "fmrs: 1e-3"),
        ("fmr: 1e-3", "fmr: 0.6"),
        ("impersonation: null", "impersonations: null"),
        ("name: blur, ", ""),
        ("attestations: attested", "attestations: 3"),
        ("policy: baseline", ""),
    ],
)
def test_what_a_suite_may_not_say_is_found(old: str, new: str) -> None:
    assert old in SHORT
    assert faults(SHORT.replace(old, new)) != []


def test_what_other_editors_must_say_is_still_asked_for() -> None:
    editor: dict[str, Any] = {"kind": "python", "entry": "adapter.py:load", "name": "a", "tool_class": "anonymise"}
    suite = read_yaml(SHORT, what="x") | {"editor": editor}
    assert [one.path[0] for one in CHECKER.iter_errors(suite)] == ["editor"]
    suite["editor"] = editor | {"version": "1", "operation": "face-anonymisation"}
    assert list(CHECKER.iter_errors(suite)) == []
