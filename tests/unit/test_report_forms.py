"""The forms of the report: the same numbers everywhere, nothing of strangers acts, and a person can read it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from html_pages import Page, Table, markdown_tables
from hypothesis import given
from hypothesis import strategies as st
from pretend_report import HOSTILE, JUDGES, cell, control, empty_report, full_report
from rich.console import Console

from visavox.cli.report_command import report_command
from visavox.core.errors import EvidenceError, RunFolderError
from visavox.core.figures import NoOperatingPoint, ResultTable
from visavox.core.report import CellDecision, Decision, Report
from visavox.core.terms import Attacker, Direction, Severity, Verdict
from visavox.reporting.figure_rows import matrices
from visavox.reporting.forms import FORMS, write_forms
from visavox.reporting.html import render_html
from visavox.reporting.junit import render_junit
from visavox.reporting.markdown import render_markdown
from visavox.reporting.schema import report_bytes
from visavox.reporting.text import verdict_page
from visavox.reporting.wording import attacker_text, percent, visible


@pytest.fixture(scope="module")
def report() -> Report:
    """Without curves and distributions, which take longest to draw and hold no number of a table."""
    report = full_report()
    results = tuple(r.model_copy(update={"curves": (), "histograms": ()}) for r in report.results)
    return report.model_copy(update={"results": results})


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    return render_html(report)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def shown(name: str, value: float | None) -> str:
    """An independent spelling of a figure."""
    if value is None:
        return "-"
    text = format(value, ".4f") if name in {"auc", "d_sys"} else format(100 * value, ".2f") + " %"
    return text.removeprefix("-") if not re.search("[1-9]", text) else text


def ends(row: CellDecision, is_upper: bool) -> tuple[float | None, float | None]:
    return (row.opposite_bound, row.bound) if is_upper else (row.bound, row.opposite_bound)


def key(row: CellDecision) -> tuple[str, str, str]:
    return row.cell.recogniser or "whole run", attacker_text(row.cell.attacker), visible(row.cell.group or "")


# ---------------------------------------------------------------- the same numbers in every form
def test_every_cell_has_the_same_numbers_in_all_forms(report: Report, page: Page) -> None:
    in_markdown = iter(markdown_tables(render_markdown(report))["Controls"])
    suites = {suite.get("name"): suite for suite in ET.fromstring(render_junit(report))}
    terminal = text_of(report)
    for decision in report.decision.controls:
        table = page.table(f"{decision.id} by judge")
        in_html = iter([row for row in table.rows if len(row) > 1])
        for row, case in zip(decision.cells, suites[decision.id], strict=True):
            name = row.cell.metric
            lower, upper = ends(row, decision.limit.on == "upper")
            value, low, high = (shown(name, number) for number in (row.value, lower, upper))
            limit = f"{decision.limit.op} {shown(name, decision.limit.value)}"

            cells = next(in_html)
            assert cells[table.column("Judge")].text.strip() == key(row)[0]
            assert row.verdict.value in cells[table.column("Verdict")].text
            assert stated(cells[table.column("Value")].numbers[:1], [row.value], [value])
            assert stated(cells[table.column("Bounds")].numbers[:2], [lower, upper], [low, high])

            line = next(in_markdown)
            assert (line["Control"], line["Judge"], line["Verdict"]) == (decision.id, key(row)[0], row.verdict.value)
            assert (line["Value"], line["Lower bound"], line["Upper bound"]) == (value, low, high)
            assert line["Limit"] == limit

            said = "".join(case.itertext())
            assert f"value {value}, lower bound {low}, upper bound {high}, limit {limit}" in said

            bound = row.opposite_bound if row.verdict is Verdict.FAIL else row.bound
            parts = [decision.id, row.cell.recogniser, row.verdict.value, value, shown(name, bound), limit]
            assert any(in_order(parts, line) for line in terminal), parts
        assert next(in_html, None) is None
    assert next(in_markdown, None) is None


def test_every_estimate_has_the_same_numbers_in_html_and_markdown(report: Report, page: Page) -> None:
    written = markdown_tables(render_markdown(report))
    for result in report.results:
        if not result.estimates:
            continue
        title = {"ledger": "Edited, refused, unchanged"}.get(result.assessment, result.assessment.replace("_", " "))
        table = page.table(f"Every estimate of {title[0].upper() + title[1:]}")
        lines = written[title[0].upper() + title[1:]][: len(result.estimates)]
        assert len(table.rows) == len(result.estimates)
        for e, cells, line in zip(result.estimates, table.rows, lines, strict=True):
            numbers = [e.value, e.low, e.high, e.lower, e.upper, e.chance]
            texts = [shown(e.name, number) for number in numbers]
            assert cells[0].text.startswith(e.name)
            assert [c.text.strip() for c in cells[1:3]] == [e.recogniser, attacker_text(e.attacker)]
            found = [n for name in ("Value", "95 % interval", "Bounds", "Chance") for n in at(table, cells, name)]
            assert stated(found, numbers, texts)
            columns = ("Value", "95 % low", "95 % high", "Lower bound", "Upper bound", "Chance")
            assert [line[column] for column in columns] == texts
            assert (line["Figure"], line["Judge"]) == (e.name, e.recogniser or "-")
            assert line["Trials"] == f"{e.n:,}" == at(table, cells, "Trials")[0][1]
            assert line["People"] == f"{e.n_subjects:,}" == at(table, cells, "People")[0][1]


def test_the_terminal_shows_the_match_rates_as_the_page_does(report: Report) -> None:
    terminal = text_of(report)
    for result in report.results:
        for e in result.estimates:
            if e.name == "subject_match_rate" and e.group is None:
                wanted = [e.recogniser, shown(e.name, e.value), shown(e.name, e.low), shown(e.name, e.high)]
                assert any(in_order(wanted, line) for line in terminal), wanted


def test_a_result_s_own_table_is_shown_as_it_stands_in_every_form(report: Report, page: Page) -> None:
    (written,) = [rows for title, rows in markdown_tables(render_markdown(report)).items() if "Counts" in title]
    table = page.table("Counts")
    texts = [["-", "12,345", "7.12 %", "1.5"], ["here", "0", "-", "0.1235"]]
    assert [[cell.text.strip() for cell in cells[1:]] for cells in table.rows] == texts
    assert [[line[c] for c in ("Where", "Outputs", "Share", "Ratio")] for line in written] == texts
    assert any(in_order(["plain", *texts[1]], line) for line in text_of(report, width=500))
    narrow = " ".join(" ".join(text_of(report, width=70)).split())
    assert "- What: plain; Where: here; Outputs: 0; Share: -; Ratio: 0.1235" in narrow
    with pytest.raises(ValueError, match="2 cells"):
        ResultTable(name="x", title="", columns=("a", "b"), rows=((1,),))


def test_worst_judge_and_spread_are_those_of_the_estimates(report: Report) -> None:
    for result in report.results:
        for found in matrices(report, result):
            for figure in found.figures:
                for row in figure.rows:
                    who = (figure.name, row.attacker, figure.group)
                    same = [e for e in result.estimates if (e.name, attacker_text(e.attacker), e.group or "") == who]
                    judged = {e.recogniser: e.value for e in same if e.recogniser}
                    if len(judged) < 2:
                        assert (row.worst, row.spread.value) == ("-", None)
                        continue
                    low, high = min(judged.values()), max(judged.values())
                    if (figure.name, row.attacker, figure.group) == ("subject_match_rate", "ignorant", ""):
                        own = next(e for e in result.estimates if e.name == "match_rate_spread")
                        found_spread = (row.spread.value, row.spread_low.value, row.spread_high.value)
                        assert found_spread == (own.value, own.low, own.high)
                    else:
                        assert row.spread.value == pytest.approx(high - low)
                        assert row.spread_low.value is None
                    is_judged = same[0].direction is Direction.LOWER_IS_SAFER
                    if is_judged and same[0].attacker is not Attacker.CONTROL and high > low:
                        assert judged[row.worst] == high
                    else:
                        assert row.worst == "-"


def test_the_map_matrix_stands_at_its_rows_and_columns(report: Report, page: Page) -> None:
    table = page.table("Share of morphs that at least c judges")
    figures = {e.name: e for result in report.results for e in result.estimates}
    assert len(table.rows) == 4
    for r, cells in enumerate(table.rows, start=1):
        assert cells[0].text == f"r = {r}"
        for c, shown_cell in enumerate(cells[1:], start=1):
            e = figures[f"map_r{r}_c{c}"]
            texts = [shown(e.name, number) for number in (e.value, e.low, e.high)]
            assert stated(shown_cell.numbers, [e.value, e.low, e.high], texts)


def test_a_spread_of_the_report_stands_beside_its_figure_and_nowhere_else(report: Report) -> None:
    by_judge, of_all = matrices(report, report.results[0])
    assert len(by_judge.judges) == len(JUDGES)
    assert [figure.name for figure in of_all.figures] == ["metadata_leak_rate"]


def stated(found: list[tuple[float, str]], values: list[float | None], texts: list[str]) -> bool:
    """Whether a cell states just these numbers, exactly and in these words; None is no number."""
    wanted = [(value, text) for value, text in zip(values, texts, strict=True) if value is not None]
    return found == wanted


def at(table: Table, cells: list, name: str) -> list[tuple[float, str]]:  # type: ignore[type-arg]
    return cells[table.column(name)].numbers  # type: ignore[no-any-return]


def in_order(parts: list[str], line: str) -> bool:
    return re.search(".*".join(re.escape(part) for part in parts if part), line) is not None


def text_of(report: Report, width: int = 140) -> list[str]:
    console = Console(width=600, color_system=None)
    with console.capture() as captured:
        console.print(verdict_page(report, width=width))
    return captured.get().splitlines()


# ---------------------------------------------------------------- strangers' text
ACTIVE = {"script", "iframe", "object", "embed", "link", "form", "base", "image", "use", "foreignobject"}


def test_nothing_in_the_page_acts_or_loads(page: Page, html: str) -> None:
    policy = dict(page.elements[[tag for tag, _ in page.elements].index("meta")][1])
    assert policy == {"charset": "utf-8"}
    policies = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies and policies[0] is not None and policies[0].startswith("default-src 'none'")
    for tag, attributes in page.elements:
        assert tag not in ACTIVE
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"href", "src", "xlink:href", "srcset", "action"}:
                assert (value or "").startswith(("#", "data:"))
    assert not re.search(r"@import|url\((?!#)|expression\(|javascript:", html)


@pytest.mark.parametrize("form", ["html", "markdown", "junit"])
def test_invisible_characters_are_written_out(report: Report, html: str, form: str) -> None:
    text = {"html": html, "markdown": render_markdown(report), "junit": render_junit(report).decode()}[form]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]", text)
    assert "名前" in text
    assert "u202egnp" in text


def test_hostile_text_is_shown_as_text(page: Page) -> None:
    assert page.words.count(visible(HOSTILE).strip()) > 10


def test_markdown_of_strangers_is_no_markup(report: Report) -> None:
    text = render_markdown(report)
    assert not re.search(r"(?<!\\)<[a-zA-Z/]", text)
    assert not re.search(r"(?<!\\)(?:\\\\)*\[[^\]]*\]\(", text)
    assert not re.search(r"(?<!\\)_md", text)
    assert not re.search(r"@[a-z]", text)
    assert "://" not in text.replace("\\://", "")


@given(st.text())
def test_visible_text_holds_no_control_character(text: str) -> None:
    found = visible(text)
    assert all(character.isprintable() or character == " " or character in "\u00a0\u3000\u1680" or
               character.isspace() for character in found)  # fmt: skip
    assert not set(found) & {"\n", "\r", "\t", "\x00", "\u202e", "\u200b", "\u2028"}
    assert visible(found) == found


def test_hostile_ids_make_safe_anchors(report: Report) -> None:
    first = report.decision.controls[0]
    twice = tuple(first.model_copy(update={"id": name}) for name in (HOSTILE, HOSTILE, "名前", '" onload="x'))
    bad = report.model_copy(update={"decision": report.decision.model_copy(update={"controls": twice}), "results": ()})
    found = Page(render_html(bad))
    ids = [a["id"] for _, a in found.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9-]+", i or "") for i in ids)
    ET.fromstring(render_junit(bad))


# ---------------------------------------------------------------- JUnit for gates
ALLOWED = {
    "testsuites": ({"testsuite"}, {"name", "tests", "failures", "errors"}),
    "testsuite": ({"testcase"}, {"name", "tests", "failures", "errors", "skipped", "timestamp"}),
    "testcase": ({"failure", "error", "skipped", "system-out"}, {"name", "classname"}),
    "failure": (set(), {"type", "message"}),
    "error": (set(), {"type", "message"}),
    "skipped": (set(), {"type", "message"}),
    "system-out": (set(), set()),
}


@pytest.mark.parametrize("verdict", list(Verdict))
def test_junit_keeps_to_the_common_schema_and_its_counts_add_up(verdict: Verdict) -> None:
    root = ET.fromstring(render_junit(full_report(verdict, smoke=True)))
    assert root.tag == "testsuites"
    for element in root.iter():
        children, attributes = ALLOWED[element.tag]
        assert {child.tag for child in element} <= children
        assert set(element.attrib) <= attributes
    for suite in (root, *root):
        cases = [c for c in suite.iter("testcase")]
        assert suite.get("tests") == str(len(cases))
        assert suite.get("failures") == str(sum(c.find("failure") is not None for c in cases))
        assert suite.get("errors") == str(sum(c.find("error") is not None for c in cases))
    for suite in root:
        names = [c.get("name") for c in suite]
        assert len(names) == len(set(names))
        assert all(c.get("classname") == f"visavox.{suite.get('name')}" for c in suite)


def test_inconclusive_never_looks_green() -> None:
    """Not even where every cell passes and the verdict is barred by something else."""
    passing = control("C", "t", "<=", 0.1, [cell("C", "m", "j", Verdict.PASS, 0.0, bound=0.0, opposite=0.0)])
    base = empty_report()
    decision = Decision(verdict=Verdict.INCONCLUSIVE, controls=(passing,), reasons=("a smoke run",))
    root = ET.fromstring(render_junit(base.model_copy(update={"decision": decision})))
    assert (root.get("errors"), root.get("failures")) == ("1", "0")
    assert root[0].get("name") == "verdict"
    open_cell = control("C", "t", "<=", 0.1, [cell("C", "m", "j", Verdict.INCONCLUSIVE, None)])
    decision = decision.model_copy(update={"controls": (open_cell,)})
    root = ET.fromstring(render_junit(base.model_copy(update={"decision": decision})))
    assert root[1][0][0].tag == "error"


def test_a_pass_is_green_and_a_warning_does_not_redden_it() -> None:
    passing = control("C", "t", "<=", 0.1, [cell("C", "m", "j", Verdict.PASS, 0.0, bound=0.0, opposite=0.0)])
    row = cell("W", "m", "j", Verdict.FAIL, 0.9, bound=0.95, opposite=0.85)
    warned = control("W", "t", "<=", 0.1, [row], severity=Severity.WARN)
    decision = Decision(verdict=Verdict.PASS, controls=(passing, warned))
    root = ET.fromstring(render_junit(empty_report().model_copy(update={"decision": decision})))
    assert (root.get("errors"), root.get("failures"), root.get("tests")) == ("0", "0", "3")
    assert root[2][0][0].tag == "skipped"
    assert "FAIL" in (root[2][0][0].get("message") or "")


# ---------------------------------------------------------------- visavox report
def write_run(folder: Path, report: Report) -> Path:
    folder.mkdir()
    (folder / "report.json").write_bytes(report_bytes(report))
    return folder


def test_the_command_writes_the_forms_and_names_them(tmp_path: Path) -> None:
    report = full_report()
    report = report.model_copy(update={"results": report.results[2:]})
    folder = write_run(tmp_path / "run", report)
    found = CliRunner().invoke(report_command, [str(folder)], catch_exceptions=False)
    assert found.output.splitlines() == [str(folder / form.file) for form in FORMS.values()]
    assert (folder / "report.html").read_text("utf-8") == render_html(report)
    assert (folder / "report.md").read_text("utf-8") == render_markdown(report)
    assert (folder / "report.xml").read_bytes() == render_junit(report)
    assert {path.name for path in folder.iterdir()} == {"report.json", "report.html", "report.md", "report.xml"}


def test_the_command_writes_what_was_asked_for(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", empty_report())
    runner = CliRunner()
    assert runner.invoke(report_command, [str(folder), "--format", "junit, md,md"]).exit_code == 0
    assert {path.name for path in folder.iterdir()} == {"report.json", "report.md", "report.xml"}
    for wrong in ("odt", "", "md,,odt"):
        assert runner.invoke(report_command, [str(folder), "--format", wrong]).exit_code == 2
    assert isinstance(runner.invoke(report_command, [str(tmp_path / "none")]).exception, EvidenceError)


def test_a_form_that_cannot_be_written_leaves_nothing_half_done(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", empty_report())
    (folder / "report.md").mkdir()
    with pytest.raises(RunFolderError, match=r"report\.md"):
        write_forms(empty_report(), folder, ("md",))
    assert {path.name for path in folder.iterdir()} == {"report.json", "report.md"}


# ---------------------------------------------------------------- numbers
@given(st.floats(-2, 2))
def test_percent_never_shows_a_negative_zero(share: float) -> None:
    text = percent(share)
    assert not re.fullmatch(r"-0\.00 %", text)
    assert float(text.removesuffix(" %")) == pytest.approx(100 * share, abs=0.005001)


def test_an_estimate_of_an_unknown_name_is_shown(report: Report) -> None:
    first = report.results[0].estimates[0]
    new = first.model_copy(update={"name": "a_new_rate", "operating_point": NoOperatingPoint()})
    result = report.results[0].model_copy(update={"estimates": (new,), "curves": (), "histograms": ()})
    words = Page(render_html(report.model_copy(update={"results": (result,)}))).words
    assert "a new rate" in words
    assert "a_new_rate" in words
