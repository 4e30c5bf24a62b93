"""Titles of a report: they name the suite, where the report knows its name."""

from __future__ import annotations

import re

import pytest
from pretend_report import empty_report
from rich.console import Console

from visavox.core.report import Report
from visavox.reporting.html import render_html
from visavox.reporting.markdown import render_markdown
from visavox.reporting.text import smoke_page, verdict_page


def titles(report: Report) -> list[str]:
    """Of the page its title and what stands above its heading; of the others their first line."""
    html = render_html(report, drawn=())
    found = [re.findall(pattern, html) for pattern in (r"<title>(.*?)</title>", r'<p class="kicker">(.*?)</p>')]
    console = Console(width=4000, color_system=None)
    pages = []
    for page in (verdict_page, smoke_page):
        with console.capture() as text:
            console.print(page(report))
        pages.append(text.get().splitlines()[0])
    return [*(words[0] for words in found), render_markdown(report).splitlines()[0], *pages]


@pytest.mark.parametrize("name", ["acme.release", ""])
def test_every_title_names_the_suite_or_leaves_it_out(name: str) -> None:
    found = titles(empty_report().model_copy(update={"suite_name": name}))
    assert len(found) == 5
    for title in found:
        assert ("acme.release" in title) is bool(name), title
        assert "suite" not in title or name
