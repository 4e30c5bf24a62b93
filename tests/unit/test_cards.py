"""Cards: one for everything shipped, complete, and true to what the code pins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pytest
from shipped import shipped

from visavox.adapters.recognisers import dlib, resemblyzer, ubm
from visavox.adapters.recognisers.facenet_weights import RELEASE_URL, RELEASES
from visavox.core.cards import CardKind, all_cards, card, read_card
from visavox.core.config import BASELINE_VERSION
from visavox.core.errors import ConfigError
from visavox.core.resources import configs_dir

ROOT = Path(__file__).resolve().parents[2]
SHIPPED: dict[CardKind, Iterable[str]] = {
    "dataset": shipped("dataset kinds") | shipped("face renderers") | shipped("voice renderers"),
    "recogniser": shipped("recognisers of faces") | shipped("recognisers of voices"),
    "detector": shipped("detectors"),
    "baseline": shipped("baseline editors"),
}
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def _without_card(kind: CardKind, names: Iterable[str]) -> set[str]:
    return {name for name in names if card(kind, name) is None}


@pytest.mark.parametrize("kind", get_args(CardKind))
def test_everything_shipped_has_a_card_and_every_card_is_of_something_shipped(kind: CardKind) -> None:
    assert _without_card(kind, SHIPPED[kind]) == set(), f"write configs/cards/{kind}s/<name>.yaml"
    assert {found.name for found in all_cards() if found.kind == kind} == set(SHIPPED[kind])
    assert _without_card(kind, [*SHIPPED[kind], "newcomer"]) == {"newcomer"}


def test_no_card_lies_outside_its_folder() -> None:
    files = {path for path in (configs_dir() / "cards").rglob("*") if path.is_file()}
    assert len(files) == len(all_cards()) and {path.suffix for path in files} == {".yaml"}


def test_a_name_is_no_path() -> None:
    assert card("recogniser", "../datasets/manifest") is None
    assert card("dataset", "manifest") is not None


@pytest.mark.parametrize("name", sorted(RELEASES))
def test_facenet_cards_state_the_pinned_weights(name: str) -> None:
    found = card("recogniser", name)
    assert found is not None
    assert DIGEST.findall(found.digest) == [RELEASES[name].sha256]
    stamp, release = RELEASES[name].file[:15], RELEASE_URL.rstrip("/").rpartition("/")[2]
    assert stamp in found.revision and release in found.revision
    assert found.training_overlap.startswith("some")
    assert "not measured by this project" in found.known_limits[0]


def test_the_dlib_card_states_the_pinned_models_and_the_overlap_of_the_code() -> None:
    found = card("recogniser", "dlib")
    assert found is not None
    assert DIGEST.findall(found.digest) == list(dlib.SHA256.values())
    assert found.training_overlap.startswith(dlib.DlibFace.training_overlap)


def test_the_resemblyzer_card_states_the_pinned_weights_and_the_overlap_of_the_code() -> None:
    found = card("recogniser", "resemblyzer")
    assert found is not None and DIGEST.findall(found.digest) == [resemblyzer.SHA256]
    assert found.training_overlap.startswith(resemblyzer.Resemblyzer.training_overlap)


def test_the_ubm_card_states_the_shipped_background() -> None:
    found = card("recogniser", "ubm")
    assert found is not None and DIGEST.findall(found.digest) == [ubm.SHIPPED_SHA256]
    assert found.training_overlap.startswith("none")


def test_other_cards_state_no_digest() -> None:
    pinned = {"dlib", "resemblyzer", "ubm", *RELEASES, "lfw", "att-faces", "librispeech"}  # recipes: in their own tests
    assert [found.name for found in all_cards() if DIGEST.search(found.digest) and found.name not in pinned] == []


def test_baseline_cards_are_of_this_version_and_name_their_file() -> None:
    for name in SHIPPED["baseline"]:
        found = card("baseline", name)
        assert found is not None and found.revision == BASELINE_VERSION
        assert (ROOT / found.source).name == f"{name}.py" and (ROOT / found.source).is_file()


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "blur.yaml"
    path.write_bytes((configs_dir() / "cards" / "baselines" / "blur.yaml").read_bytes())
    return path


def test_a_card_reads_back(written: Path) -> None:
    assert read_card(written, "baseline") == card("baseline", "blur")


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        (r"licence: .*", "", "licence: required, and absent"),
        (r"licence: .*", "licence: ''", "nothing under licence"),
        (r"licence: .*", "licence: no\nlicense: MIT", "license: no such key"),
        (r"revision: .*", "revision: 1", "revision: must be a text"),
        (r"name: .*", "name: mask", "card of the baseline 'mask'"),
        (r"kind: .*", "kind: recogniser", "card of the recogniser 'blur'"),
        (r"kind: .*", "kind: editor", "kind: Input should be"),
        (r"(?s)known_limits:.*source", "known_limits: []\nsource", "nothing under known_limits"),
        (r"(?s)known_limits:.*source", "known_limits: ['']\nsource", "nothing under known_limits"),
        (r"(?s)^.*$", "- a list", "instead of a mapping"),
        (r"(?s)^.*$", "name: [", "as YAML"),
    ],
)
def test_an_incomplete_card_is_refused(written: Path, line: str, instead: str, message: str) -> None:
    text = written.read_text()
    changed = re.sub(line, lambda _: instead, text, count=1)
    assert changed != text
    written.write_text(changed)
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_card(written, "baseline")


def test_an_unreadable_card_is_refused(written: Path) -> None:
    written.write_bytes(b"name: \xff")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_card(written, "baseline")
    with pytest.raises(ConfigError, match="No such file"):
        read_card(written.with_name("nothing.yaml"), "baseline")
