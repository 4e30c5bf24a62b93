"""The guide to PDF, DOCX and Chinese: its commands, on a report of a released schema."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from visavox.cli.report_command import report_command

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "how-to" / "render-a-report.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("my-run")
    shutil.copy(ROOT / "tests" / "golden" / "reports" / "report-v1.json", found / "report.json")
    return found


def called(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(report_command, [str(folder), *words])
    return done.exit_code, done.output


def test_the_command_of_the_guide_writes_what_it_says(folder: Path) -> None:
    (command,) = re.findall(r"^visavox report my-run (.*)$", GUIDE, re.MULTILINE)
    code, output = called(folder, *shlex.split(command))
    assert code == 0, output
    named = ("report.pdf", "report.docx", "report.zh.pdf", "report.zh.docx")
    assert [Path(line).name for line in output.splitlines()] == list(named)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*named, "report.json"])
    assert all(f"`{name}`" in GUIDE for name in named)


def test_chinese_pages_and_markdown_stand_beside_the_english_ones(folder: Path) -> None:
    code, output = called(folder, "--form", "html,md", "--lang", "zh-CN")
    assert code == 0, output
    assert [Path(line).name for line in output.splitlines()] == ["report.zh.html", "report.zh.md"]
    page = (folder / "report.zh.html").read_text()
    assert '<html lang="zh-CN">' in page and "<script" not in page
    assert page.count("<svg") == len(list((folder / "charts").iterdir())) > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lang", "fr"), "'fr' is none of en, zh-CN"),
        (("--format", "odt"), "'odt' is none of html, md, junit, pdf, docx"),
        (("--format", "junit", "--lang", "zh-CN"), "junit is written in English alone"),
    ],
)
def test_what_cannot_be_written_is_said(folder: Path, words: tuple[str, ...], said: str) -> None:
    before = sorted(folder.iterdir())
    code, output = called(folder, *words)
    assert code == 2 and said in output
    assert sorted(folder.iterdir()) == before
