"""What an organisation states is shown as stated in every form, and never as tested."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from attested_report import LABEL, REGISTER, attested_report
from html_pages import Page, markdown_tables

from visavox.core.report import Report
from visavox.core.terms import AttestationVerdict
from visavox.reporting.html import render_html
from visavox.reporting.junit import render_junit
from visavox.reporting.markdown import render_markdown
from visavox.reporting.text import verdict_page

STATES = ("attested", "attestation expired", "not attested", "evidence changed")


@pytest.fixture(scope="module")
def report() -> Report:
    found = attested_report()
    bare = tuple(
        r.model_copy(update={"curves": (), "histograms": (), "estimates": r.estimates[:2]}) for r in found.results
    )
    return found.model_copy(update={"results": bare})


def test_html_says_what_was_stated_and_gives_it_no_verdicts_sign(report: Report) -> None:
    html = render_html(report)
    overview = Page(html).tables[0]
    rows = {row[0].text.split()[0].partition("Users")[0]: row for row in overview.rows}
    for i, state in enumerate(STATES):
        row = rows[f"{REGISTER}-{i}"]
        assert row[overview.column("Verdict")].text.strip() == f"{state}, not tested"
        assert row[overview.column("Limit")].text.strip() == "-"
        section = html.split(f'id="control-cn-realname-{i}"')[1].split("</section>")[0]
        assert "v-pass" not in section and "nothing was tested" in section
        assert "procedure.pdf" in section or state == "not attested"
    assert "不得向未进行真实身份信息认证" in html and "text read at its source" in html
    assert "lets a failed run stand" in html and "Release board" in html


def test_markdown_lists_statements_apart_from_tested_cells(report: Report) -> None:
    tables = markdown_tables(render_markdown(report))
    assert not [row for row in tables["Controls"] if row["Control"].startswith(REGISTER)]
    stated = tables["Statements of the organisation, not tested"]
    assert [row["State"] for row in stated] == [f"{s}, not tested" for s in (STATES[0], *STATES)]
    assert [row["Control"] for row in stated] == [LABEL, *(f"{REGISTER}-{i}" for i in range(4))]


def test_junit_is_red_unless_it_is_attested(report: Report) -> None:
    suites = {suite.get("name"): suite for suite in ET.fromstring(render_junit(report))}
    for i, verdict in enumerate(AttestationVerdict):
        (case,) = suites[f"{REGISTER}-{i}"].findall("testcase")
        errors = case.findall("error")
        assert bool(errors) == (verdict is not AttestationVerdict.ATTESTED)
        assert "not tested" in "".join(case.itertext())


def test_the_terminal_names_every_statement(report: Report) -> None:
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, width=160).print(verdict_page(report))
    lines = out.getvalue().splitlines()
    for i, state in enumerate(STATES):
        (line,) = [line for line in lines if line.startswith(f"{REGISTER}-{i}")]
        assert f"{state}, not tested" in line and not re.search(r"\bPASS\b", line)
