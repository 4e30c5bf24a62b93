"""The suite file: strict, YAML 1.2, every fault named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.core.artifact import artifact_digest
from visavox.core.config import apply_overrides, parse_suite, read_yaml
from visavox.core.errors import ConfigError
from visavox.core.terms import Attacker, Claim, Operation

SUITE = """
name: acme
editor: {kind: baseline, name: blur, tool_class: anonymise, params: {sigma_px: 8}}
dataset: {kind: manifest, path: people/manifest.csv}
recognisers: [dlib]
assessments: {identity_leak: {fmr: 1e-3}}
policy: baseline
"""


def test_defaults_and_paths(tmp_path: Path) -> None:
    suite = parse_suite(SUITE, base=tmp_path)
    assert suite.editor.operation is Operation.FACE_ANONYMISATION
    assert suite.dataset.path == str(tmp_path / "people/manifest.csv")
    assert suite.options("identity_leak").fmr == (0.001,)
    assert suite.options("identity_leak").attackers == tuple(Attacker)
    assert suite.impersonation is None
    assert suite.execution.retention == "scores"


def test_yaml_reads_numbers_and_words_as_written() -> None:
    found = read_yaml("a: 1e-3\nb: no\nc: 1.0e-3\n", what="x")
    assert found == {"a": 0.001, "b": "no", "c": 0.001}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "duplicate key"),
        ("- a", "list instead of a mapping"),
        ("a: .nan", "no finite number"),
        ("a: 2026-01-01", "quote it"),
        ("a: [1", "as YAML"),
        ("a: !!python/object:os.system x", "as YAML"),
    ],
)
def test_bad_yaml_is_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_yaml(text, what="x")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("policy: ", "polcy: ", "  polcy: no such key; did you mean `policy`?\n"),
        ("tool_class: ", "toolclass: ", "  editor.toolclass: no such key; did you mean `tool_class`?\n"),
        ("name: acme", "name: acme\nexecution: {timeout: 3}", "timeout: no such key; did you mean `timeout_s`?\n"),
        ("fmr: 1e-3", "fmrs: 1e-3", "  assessments.identity_leak.fmrs: no such key; did you mean `fmr`?\n"),
        ("name: acme", "name: acme\ncolour: red", "  colour: no such key\n"),
    ],
)
def test_an_unknown_key_names_the_one_it_comes_near_to(old: str, new: str, found: str, tmp_path: Path) -> None:
    assert old in SUITE
    with pytest.raises(ConfigError) as error:
        parse_suite(SUITE.replace(old, new), base=tmp_path)
    assert found in str(error.value)


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    text = SUITE.replace("name: acme", "name: acme\ncolour: red").replace("policy: baseline", "seed: -1")
    with pytest.raises(ConfigError) as error:
        parse_suite(text, base=tmp_path)
    message = str(error.value)
    assert "colour: no such key" in message
    assert "policy: required, and absent" in message
    assert "seed" in message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("recognisers: [dlib]", "recognisers: [dlib, dlib]", "used twice"),
        ("recognisers: [dlib]", "recognisers: []", "recognisers"),
        ("identity_leak: {fmr: 1e-3}", "identity_lake: {}", "identity_lake"),
        ("identity_leak: {fmr: 1e-3}", "identity_leak: {fmr: 0.9}", "fmr"),
        ("identity_leak: {fmr: 1e-3}", "identity_leak: {attackers: [omniscient]}", "omniscient"),
        ("identity_leak: {fmr: 1e-3}", "forensics: {}", "not available"),
        ("identity_leak: {fmr: 1e-3}", "impersonation: {attempts: 0}", "attempts"),
        ("identity_leak: {fmr: 1e-3}", "impersonation: {probe_attempts: 17}", "probe_attempts"),
        ("identity_leak: {fmr: 1e-3}", "impersonation: {claims: [harmless]}", "morph_resistance"),
        ("identity_leak: {fmr: 1e-3}", "impersonation: {consent_probes: maybe}", "consent_probes"),
        ("tool_class: anonymise", "tool_class: anonymize", "anonymise"),
        ("kind: baseline", "kind: gopher", "kind"),
        ("policy: baseline", "policy: baseline\ndetectors: [spectral]", "none is used"),
        (
            "policy: baseline",
            "policy: baseline\ntracking: {uri: 'https://ann:secret@host'}",
            "MLFLOW_TRACKING_PASSWORD",
        ),
    ],
)
def test_a_bad_key_says_so(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_suite(SUITE.replace(old, new), base=tmp_path)


def test_options_of_impersonation(tmp_path: Path) -> None:
    text = SUITE.replace("{identity_leak: {fmr: 1e-3}}", "[identity_leak, impersonation]")
    options = parse_suite(text, base=tmp_path).impersonation
    assert options is not None
    assert (options.fmr, options.attempts, options.claims, options.consent_probes) == ((), 1, (), True)
    asked = "impersonation: {fmr: [1e-3, 1e-4], attempts: 3, claims: [morph_resistance], consent_probes: false}"
    options = parse_suite(SUITE.replace("identity_leak: {fmr: 1e-3}", asked), base=tmp_path).impersonation
    assert options is not None
    assert (options.fmr, options.attempts) == ((1e-3, 1e-4), 3)
    assert (options.claims, options.consent_probes) == ((Claim.MORPH_RESISTANCE,), False)


def test_the_control_attacker_is_always_there(tmp_path: Path) -> None:
    """Without it nobody knows whether the judge is competent."""
    suite = parse_suite(SUITE.replace("fmr: 1e-3", "attackers: [semi_informed, ignorant]"), base=tmp_path)
    assert suite.options("identity_leak").attackers == (Attacker.CONTROL, Attacker.IGNORANT, Attacker.SEMI_INFORMED)


def test_a_version_that_yaml_reads_as_a_number_is_refused(tmp_path: Path) -> None:
    text = SUITE.replace("tool_class: anonymise", "tool_class: anonymise, version: 2.40")
    with pytest.raises(ConfigError, match="quote it"):
        parse_suite(text, base=tmp_path)


def test_a_command_needs_whole_tokens(tmp_path: Path) -> None:
    editor = (
        "editor: {kind: command, argv: [prog, 'in={input}'], name: x, version: '1', operation: face-anonymisation,"
        " tool_class: anonymise}"
    )
    lines = [editor if line.startswith("editor:") else line for line in SUITE.splitlines()]
    with pytest.raises(ConfigError, match=r"\{input\} and \{output\}"):
        parse_suite("\n".join(lines), base=tmp_path)


def test_overrides(tmp_path: Path) -> None:
    suite = parse_suite(SUITE, base=tmp_path, overrides=["editor.params.sigma_px=4", "execution.timeout_s=5"])
    assert dict(suite.editor.params) == {"sigma_px": 4}
    assert suite.execution.timeout_s == 5
    assert apply_overrides({"a": [1, 2]}, ["a.1=3"]) == {"a": [1, 3]}
    for bad in ("nonsense", "=1", "a b=1", "name.x=1"):
        with pytest.raises(ConfigError, match="--set"):
            parse_suite(SUITE, base=tmp_path, overrides=[bad])


def test_the_digest_follows_meaning_not_place(tmp_path: Path) -> None:
    here, there = parse_suite(SUITE, base=tmp_path / "a"), parse_suite(SUITE, base=tmp_path / "b")
    assert here.digest() == there.digest()
    assert parse_suite(SUITE, base=tmp_path, overrides=["seed=9"]).digest() != here.digest()
    assert parse_suite(SUITE, base=tmp_path, overrides=["execution.cache=true"]).digest() == here.digest()


def test_the_artifact_digest_follows_the_editor(tmp_path: Path) -> None:
    a = artifact_digest(parse_suite(SUITE, base=tmp_path).editor)
    b = artifact_digest(parse_suite(SUITE, base=tmp_path, overrides=["editor.params.sigma_px=4"]).editor)
    assert a != b
    (tmp_path / "adapter.py").write_text("def load(): ...")
    editor = "{kind: python, entry: 'adapter.py:load', name: x, version: '1', operation: face-swap, tool_class: swap}"
    text = "\n".join(f"editor: {editor}" if line.startswith("editor:") else line for line in SUITE.splitlines())
    before = artifact_digest(parse_suite(text, base=tmp_path).editor)
    (tmp_path / "adapter.py").write_text("def load(): pass")
    assert artifact_digest(parse_suite(text, base=tmp_path).editor) != before
    with pytest.raises(ConfigError, match="nothing at that path"):
        artifact_digest(parse_suite(text.replace("adapter.py", "absent.py"), base=tmp_path).editor)
