"""Sentences of the Chinese report: what the harness writes has its translation, and no number is lost in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import visavox.api.building
import visavox.policy.judge
from visavox.policy.load import load_policy
from visavox.reporting.i18n import Words
from visavox.reporting.policies_zh import LIMIT_SOURCES, NOT_MEASURED, STATEMENTS
from visavox.reporting.sentences_zh import SENTENCES, TEMPLATES, translated
from visavox.reporting.terms_zh import TERMS
from visavox.reporting.wording import TITLES, title_of
from visavox_assessments.identity_leak.instruments import _INSTEAD

PACKS = ("baseline", "cn-deep-synthesis", "eu-ai-act-50")
ASSESSMENTS = Path(__file__).parents[2] / "assessments" / "visavox_assessments"
JUDGE = ("_decide", "_other_packs", "_people_hint", "_obstacles", "_reason", "_tested")
BUILDING = ("_limitations", "_of_the_policy")
SLOT = re.compile(r"\{x?\}")


def wordings(source: Path, functions: tuple[str, ...]) -> Iterator[str]:
    """The texts of three words and more that functions write, with {} for what is put in; no docstrings."""
    found = [n for n in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(n, ast.FunctionDef)]
    wanted = [function for function in found if function.name in functions]
    assert {function.name for function in wanted} == set(functions)
    for function in wanted:
        joined = [node for node in ast.walk(function) if isinstance(node, ast.JoinedStr)]
        inner = {id(part) for node in joined for part in ast.walk(node) if part is not node}
        docs = {id(n.value) for n in ast.walk(function) if isinstance(n, ast.Expr)}
        for node in ast.walk(function):
            text = ""
            if isinstance(node, ast.JoinedStr) and id(node) not in inner:
                text = "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
                text = node.value if id(node) not in docs else ""
            if len(text.replace("{}", " ").split()) >= 3:
                yield text.removesuffix("{}")  # a hint that may follow, or the last slot


@pytest.mark.parametrize(
    ("module", "functions"), [(visavox.policy.judge, JUDGE), (visavox.api.building, BUILDING)], ids=["judge", "report"]
)
def test_every_wording_of_a_verdict_and_its_limits_is_translated(module: object, functions: tuple[str, ...]) -> None:
    known = "\n".join(
        SLOT.sub("{}", text) for text in (*SENTENCES, *TEMPLATES, "this policy: they are the project's choice")
    )
    found = list(wordings(Path(module.__file__ or ""), functions))  # type: ignore[attr-defined]
    assert len(found) >= 8
    unknown = [text for text in found if not is_known(text, known)]
    assert unknown == []


def is_known(text: str, known: str) -> bool:
    """Whether a wording is translated: with its own numbers in slots, or with nothing in its slot."""
    numberless = [re.sub(r"\d+( %)?", "{}", one) for one in (text, known)]
    return numberless[0] in numberless[1] or text.replace("{}", "") in known


@pytest.mark.parametrize("english", TEMPLATES)
def test_no_number_and_no_name_is_lost(english: str) -> None:
    numbers = iter(range(101, 200))
    words: list[str] = []

    def fill(slot: re.Match[str]) -> str:
        words.append(f"n{next(numbers)}")
        return words[-1]

    said = translated(SLOT.sub(fill, english))
    assert said and all(word in said for word in words)
    assert re.search("[\u4e00-\u9fff]", said)
    assert not SLOT.search(said)


def test_a_reason_within_a_reason_is_translated_in_turn() -> None:
    control = (
        "dlib misses 24.2% of the unedited mated comparisons at FMR 0.001 (95 % interval 17.8% to 31.5%); 15% are "
        "allowed: it cannot support a PASS; a leak that it finds still counts" + _INSTEAD
    )
    reason = "within the limit, but no PASS: the threshold rests on 20 people (40 are needed); instrument control: "
    said = translated(f"EU-OWN-SUBJECT: dlib, lazy_informed: {reason}{control}")
    assert said.startswith(
        "EU-OWN-SUBJECT：dlib、懒知情：在限值之内，但不能判为通过：阈值仅依据 20 人（需要 40 人）；检验“识别器能力”："
    )
    assert "dlib 在 FMR 0.001 时漏掉 24.2% 的未编辑同人比对（95 % 区间 17.8% 至 31.5%）；允许 15%" in said
    assert "：不能支持判为通过，但其发现的泄露仍计入；要判为通过，须改用" in said and "原文" not in said
    wide = translated(f"upper bound 7.66 % misses the limit 7.00 %; and no PASS while this stands: {control}")
    assert wide.startswith("上界 7.66 % 不满足限值 7.00 %；") and "原文" not in wide


def test_whose_reason_it_is_stands_before_it() -> None:
    said = translated("CN-LM-5-META: upper bound 1.19 % misses the limit 93.00 % (Holm p 1e-12)")
    assert said == "CN-LM-5-META：上界 1.19 % 不满足限值 93.00 %（Holm p 1e-12）"


def test_what_is_not_known_stays_and_is_marked() -> None:
    assert translated("something new") == ""
    assert Words("zh-CN").original("something new") == "原文：something new"
    assert translated("not made: something new") == "未能得出：原文：something new"
    assert Words("en").original("something new") == "something new"


def test_what_the_shipped_policies_say_is_in_their_own_chinese() -> None:
    policies = [load_policy(name).policy for name in PACKS]
    controls = [control for policy in policies for control in policy.controls]
    assert {c.statement.en: c.statement.zh for c in controls if c.statement} == STATEMENTS
    assert {one.en: one.zh for policy in policies for one in policy.not_measured} == NOT_MEASURED
    sources = {c.limit.source for c in controls if c.limit}
    assert sources == set(LIMIT_SOURCES)


def test_every_figure_of_an_assessment_has_a_title_in_both_languages() -> None:
    ends = re.compile(r"[a-z][a-z0-9_]*_(share|rate|difference|spread|drift|error|ratio|db)")
    written = {
        node.value
        for path in ASSESSMENTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ends.fullmatch(node.value)
    }
    judged = {c.metric for name in PACKS for c in load_policy(name).policy.controls if c.metric}
    names = {*written, *judged, *TITLES}
    assert {"marked_share", "doubly_marked_share", "tpr", "psnr_db"} <= names
    stems = sorted(TITLES, key=len, reverse=True)
    assert [name for name in sorted(names) if not any(name == s or name.startswith(f"{s}_") for s in stems)] == []
    assert [
        name for name in sorted(names) if title_of(name).partition(", ")[0] not in TERMS and title_of(name) not in TERMS
    ] == []
