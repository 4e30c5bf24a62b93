"""PDF, DOCX and the Chinese forms: numbers of the report alone, fixed headings, hostile text as text."""

# ruff: noqa: E501 - Chinese characters count as two columns
from __future__ import annotations

import ast
import io
import re
import subprocess
import zipfile
from pathlib import Path

import docx
import docx.text.paragraph
import pytest
from attested_report import REGISTER, attested_report
from html_pages import Page
from pretend_report import HOSTILE, empty_report

from visavox.core.errors import MissingDependencyError
from visavox.core.figures import ResultTable, Survival, SurvivalPoint
from visavox.core.report import Report
from visavox.core.terms import (
    Attacker,
    AttestationVerdict,
    CacRisk,
    CacSection,
    Consent,
    DutyRole,
    InstrumentState,
    Obligation,
    Operation,
    Severity,
    Support,
    ToolClass,
    Verdict,
    Verified,
)
from visavox.reporting import pdf as pdf_module
from visavox.reporting import wording
from visavox.reporting.cac import BODY, CHAPTERS, KIND, SUPPORTER, TITLE
from visavox.reporting.charts import ResultCharts, rate_charts
from visavox.reporting.document import Band, Document, Grid, Heading, Language
from visavox.reporting.documents import document
from visavox.reporting.docx import render_docx
from visavox.reporting.forms import write_forms
from visavox.reporting.i18n import LANGUAGES, Words
from visavox.reporting.pdf import FONT_VARIABLE, render_pdf
from visavox.reporting.phrases_zh import PHRASES
from visavox.reporting.plain_forms import document_html, document_markdown
from visavox.reporting.record_sections import READING
from visavox.reporting.terms_zh import CODES, TERMS
from visavox.reporting.wording import Number, attacker_text, visible

TYPST_CODE = '#read("/etc/passwd") #panic("x") $ x $ `raw` @label *bold* // comment'
FORBIDDEN = re.compile(r"compliant with Art|符合.{0,12}第十五条|第十五条.{0,8}合规", re.IGNORECASE)
PACKAGE = Path(pdf_module.__file__).parent


@pytest.fixture(scope="module")
def report() -> Report:
    """Every kind of row, few estimates; names that are Typst code."""
    found = attested_report()
    table = ResultTable(
        name="t", title=TYPST_CODE, columns=("Where", "Share"), rows=((TYPST_CODE, 0.0712),), shares=(1,)
    )
    point = SurvivalPoint(strength=30, tpr=0.6123, lower=0.5531, upper=0.6712, realised_fpr=0.0231)
    curve = Survival(detector="spectral", ladder=TYPST_CODE, unit="quality", target_fpr=0.01, limit=0.5, points=(point,),
                     crossing="nowhere")  # fmt: skip
    leak, passing, *others = found.results
    rows = tuple(e for e in leak.estimates if e.name in {"subject_match_rate", "bystander_match_difference"})
    kept = (
        leak.model_copy(
            update={"curves": (), "histograms": (), "estimates": rows, "tables": (table,), "survivals": (curve,)}
        ),
        passing.model_copy(update={"histograms": ()}),
        *others,
    )
    subject = found.subject.model_copy(update={"name": TYPST_CODE})
    return found.model_copy(update={"results": kept, "subject": subject})


@pytest.fixture(scope="module")
def drawn(report: Report) -> tuple[ResultCharts, ...]:
    """One chart alone: drawing takes longest."""
    first = ResultCharts(rate_charts(report, report.results[0])[:1], (), (), ())
    return (first, *(ResultCharts((), (), (), ()) for _ in report.results[1:]))


@pytest.fixture(scope="module", params=LANGUAGES)
def found(request: pytest.FixtureRequest, report: Report, drawn: tuple[ResultCharts, ...]) -> Document:
    language: Language = request.param
    return document(report, language, drawn=drawn)


@pytest.fixture(scope="module")
def pdf(found: Document) -> bytes:
    return render_pdf(found)


@pytest.fixture(scope="module")
def word(found: Document) -> bytes:
    return render_docx(found)


def text_of_pdf(data: bytes) -> str:
    done = subprocess.run(["pdftotext", "-raw", "-", "-"], input=data, capture_output=True, check=True)
    return done.stdout.decode()


def is_heading(paragraph: docx.text.paragraph.Paragraph) -> bool:
    return "Heading" in str(paragraph.style and paragraph.style.name)


def squeezed(text: str) -> str:
    """Without spaces, by which forms break lines."""
    return re.sub(r"\s+", "", text)


def cells_of(found: Document) -> list[str]:
    """Every cell of the document's tables as it reads, in order."""
    return [
        entry.text if isinstance(entry, Number) else visible(entry)
        for block in found.blocks
        if isinstance(block, Grid)
        for row in block.rows
        for entry in (row if not isinstance(row, Band) else (row.text,))
    ]


def cells_of_word(data: bytes) -> list[str]:
    """Every cell of the tables with a head that repeats, but the head, in order."""
    tables = [t for t in docx.Document(io.BytesIO(data)).tables if "w:tblHeader" in t.rows[0]._tr.xml]
    return [
        c.text for t in tables for row in t.rows[1:] for c in (row.cells[:1] if len(row._tr.tc_lst) == 1 else row.cells)
    ]


# ---------------------------------------------------------------- numbers
def test_every_figure_of_the_json_stands_under_its_head(report: Report, found: Document) -> None:
    """Values, bounds and intervals, spelled here anew from the record."""
    t = Words(found.language)
    rows = [
        {
            column.head: entry.text if isinstance(entry, Number) else entry
            for column, entry in zip(block.columns, row, strict=True)
        }
        for block in found.blocks
        if isinstance(block, Grid)
        for row in block.rows
        if not isinstance(row, Band)
    ]

    def stands(name: str, judge: str, **numbers: float | None) -> bool:
        wanted = {t(head): spelled(name, value) for head, value in numbers.items()}
        return any(wanted.items() <= row.items() and row.get(t("Judge"), judge) == judge for row in rows)

    for control in report.decision.controls:
        for row in control.cells:
            ends = (row.bound, row.opposite_bound)
            lower, upper = ends if control.limit is not None and control.limit.on == "lower" else ends[::-1]
            assert stands(row.cell.metric, row.cell.recogniser or t("whole run"),
                          **{"Value": row.value, "Lower bound": lower, "Upper bound": upper})  # fmt: skip
    for result in report.results:
        for e in result.estimates:
            numbers = {"Value": e.value, "95 % low": e.low, "95 % high": e.high, "Lower bound": e.lower,
                       "Upper bound": e.upper}  # fmt: skip
            numbers |= {} if e.name.startswith("map_r") else {"Chance": e.chance}
            assert stands(e.name, e.recogniser or t("all judges"), **numbers), e.name
    assert {"61.23 %", "55.31 %", "67.12 %", "2.31 %", "7.12 %"} <= set(cells_of(found))


def test_a_control_s_line_holds_the_bound_that_decides(chinese: Document, report: Report) -> None:
    """A FAIL rests on the other bound: on the lower one where the limit is on the upper."""
    failed = next(c for c in report.decision.controls if c.id == "WARN-DONOR")
    (cell,) = failed.cells
    line = "\n".join(spelled(cell.cell.metric, value) for value in (cell.value, cell.opposite_bound))
    assert line in under(chinese, "（一）算法滥用")


def spelled(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    text = format(value, ".4f") if name in {"auc", "d_sys"} else format(100 * value, ".2f") + " %"
    return text.removeprefix("-") if not re.search("[1-9]", text) else text


def test_docx_has_the_document_s_cells_and_no_other(found: Document, word: bytes) -> None:
    assert cells_of_word(word) == cells_of(found)


def test_html_has_the_document_s_numbers_with_their_values(found: Document) -> None:
    page = Page(document_html(found))
    wanted = [
        (entry.value, entry.text)
        for block in found.blocks
        if isinstance(block, Grid)
        for row in block.rows
        if not isinstance(row, Band)
        for entry in row
        if isinstance(entry, Number) and entry.value is not None
    ]
    assert [n for table in page.tables for row in table.rows for cell in row for n in cell.numbers] == wanted


def test_markdown_has_the_document_s_numbers_in_order(found: Document) -> None:
    lines = document_markdown(found)
    at = 0
    for block in found.blocks:
        for row in block.rows if isinstance(block, Grid) else ():
            if not isinstance(row, Band):
                for entry in row:
                    if isinstance(entry, Number):
                        at = lines.index(f"| {entry.text} |", at) + 2


def test_pdf_has_the_document_s_numbers_in_order_and_no_other(found: Document, pdf: bytes) -> None:
    text = squeezed(text_of_pdf(pdf))
    at = 0
    for cell in cells_of(found):
        words = squeezed(cell)
        if re.search(r"\d", words) and len(words) < 12:
            assert words in text[at:], cell
            at = text.index(words, at)
    said = squeezed(" ".join((*everything(found), found.source)))
    known = set(re.findall(r"[\d.,]+", said))
    pages = {str(n) for n in range(1, 100)}
    for number in re.findall(r"\d+\.\d+", text_of_pdf(pdf)):
        assert number in said or number in known | pages, number


def everything(found: Document) -> list[str]:
    """All text of a document, its charts' too."""
    words = []
    for block in found.blocks:
        match block:
            case Grid():
                words += [block.caption, *(c.head for c in block.columns)]
            case _:
                words += [part for value in block for part in flat(value)]
    return [*words, *cells_of(found)]


def flat(value: object) -> list[str]:
    if isinstance(value, Number):
        return [value.text]
    if isinstance(value, tuple):
        return [part for one in value for part in flat(one)]
    return [visible(value)] if isinstance(value, str) else []


# ---------------------------------------------------------------- languages and headings
def test_every_fixed_phrase_has_both_languages() -> None:
    asked = {text for pair in READING for text in pair}
    asked |= set(wording.MEANING.values())
    for name in ("sections.py", "figure_sections.py", "record_sections.py", "documents.py", "cac.py"):
        for node in ast.walk(ast.parse((PACKAGE / name).read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t":
                asked |= {
                    n.value
                    for a in node.args
                    for n in ast.walk(a)
                    if isinstance(n, ast.Constant)
                    if isinstance(n.value, str)
                }
    assert not {text for text in asked if text.strip() and text not in PHRASES}
    assert all(re.search(r"[\u4e00-\u9fff]", chinese) for english, chinese in PHRASES.items() if english != "p value")


def test_every_term_of_the_vocabulary_is_translated() -> None:
    words = [v.value for v in Verdict]
    words += [attacker_text(a) for a in Attacker]
    for table in (wording.SEVERITY, wording.ROLE, wording.STATES, wording.SUPPORTS, wording.MODALITIES,
                  wording.OBLIGATIONS, wording.VERIFIED):  # fmt: skip
        words += table.values()
    words += [f"{wording.ATTESTATION_STATES[v]}, not tested" for v in AttestationVerdict]
    words += wording.TITLES.values()
    words += [c.value for c in Consent if c is not Consent.REFUSED]
    assert not [word for word in words if word not in TERMS]
    codes = [*ToolClass, *Operation, *DutyRole]
    assert not [code for code in codes if code.value not in CODES]
    for table, enum in ((wording.SEVERITY, Severity), (wording.STATES, InstrumentState), (wording.SUPPORTS, Support),
                        (wording.OBLIGATIONS, Obligation), (wording.VERIFIED, Verified)):  # fmt: skip
        assert set(table) == set(enum)


def test_placeholders_of_a_phrase_are_those_of_its_translation() -> None:
    for english, chinese in PHRASES.items():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese)), english


HEADINGS = (
    "一、算法情况", "（一）算法流程", "（二）算法数据", "（三）算法模型", "（四）干预策略", "（五）结果标识",
    "二、服务情况", "服务简介", "算法在服务中应用情况",
    "三、风险研判", "（一）算法滥用", "（二）算法漏洞", "（三）算法恶意利用", "其他风险",
    "四、风险防控情况", "（一）风险防范机制建设", "用户权益保护", "内容生态治理", "模型安全保障", "数据安全防护",
    "五、安全评估结论", "六、其他应当说明的相关情况",
)  # fmt: skip
COVER = (
    "主体名称", "统一社会信用代码", "算法名称", "算法类型", "算法应用领域", "算法使用场景", "算法上线情况", "自评估时间",
    "报告撰写时间", "算法基本情况", "算法备案类型", "拟公示内容", "落实主体责任基本情况", "评估算法描述", "1.算法简介",
    "2.应用范围", "3.服务群体", "4.用户数量", "5.社会影响（情况）", "6.软硬件设施及部署位置", "7.其他", "评估算法风险描述",
    "1.算法滥用风险", "2.算法被恶意利用风险", "3.算法漏洞风险", "4.违法和不良信息生成风险", "5.违法和不良信息存储风险",
    "6.违法和不良信息传播扩散风险", "7.数据和用户信息泄露风险", "8.其他违法违规风险", "真实性声明", "算法安全负责人（签名）",
    "联系电话",
)  # fmt: skip


@pytest.fixture(scope="module")
def chinese(report: Report, drawn: tuple[ResultCharts, ...]) -> Document:
    return document(report, "zh-CN", drawn=drawn)


def test_the_chinese_report_stands_under_the_fixed_headings(chinese: Document) -> None:
    read = docx.Document(io.BytesIO(render_docx(chinese)))
    headings = [p.text for p in read.paragraphs if is_heading(p)]
    assert headings[0] == TITLE == "互联网信息服务算法安全自评估报告"
    assert KIND == "（生成合成类-服务提供者）" and KIND in [p.text for p in read.paragraphs]
    assert tuple(headings[1 : 1 + len(HEADINGS)]) == HEADINGS
    assert tuple(row.cells[0].text for row in read.tables[0].rows) == COVER
    assert {section for chapter in BODY.values() for section in chapter} | {
        CacSection.CONCLUSION,
        CacSection.OTHER,
    } == set(CacSection)
    assert [f"{i}.{risk.value}" for i, risk in enumerate(CacRisk, 1)] == list(COVER[22:30])


def under(found: Document, heading: str) -> str:
    """What stands under a heading, up to the next one."""
    at = next(i for i, b in enumerate(found.blocks) if isinstance(b, Heading) and b.text == heading)
    words = []
    for block in found.blocks[at + 1 :]:
        if isinstance(block, Heading):
            break
        words += [t for value in block for t in flat(value)] if not isinstance(block, Grid) else cells_of_grid(block)
    return "\n".join(words)


def cells_of_grid(block: Grid) -> list[str]:
    return [t for row in block.rows for t in flat(tuple(row))]


def test_every_control_lands_under_its_heading(chinese: Document) -> None:
    assert "CN-LABEL" in under(chinese, "（五）结果标识")
    assert "6.违法和不良信息传播扩散风险" in under(chinese, "（五）结果标识")
    assert f"{REGISTER}-0" in under(chinese, "用户权益保护")
    for heading in ("模型安全保障", "数据安全防护"):
        assert "BASE-SUBJECT" in under(chinese, heading) and "7.数据和用户信息泄露风险" in under(chinese, heading)
    assert "WARN-DONOR" in under(chinese, "（一）算法滥用") and "WARN-DONOR" in under(chinese, "（三）算法恶意利用")
    assert "BASE-EDITED" in under(chinese, "（二）算法漏洞")
    assert "本次测评未涉及本项" in under(chinese, "（四）干预策略")


def test_the_conclusion_is_left_to_its_signatory(chinese: Document, report: Report) -> None:
    text = under(chinese, "五、安全评估结论")
    assert "无法判定 (INCONCLUSIVE)" in text and "不构成安全评估结论" in text
    assert re.search(r"安全评估结论\n＿+（由算法安全负责人填写并签名）", text)
    assert report.policy.id in text


def test_a_technical_supporter_s_chapter_is_renamed_and_marked(report: Report, drawn: tuple[ResultCharts, ...]) -> None:
    theirs = document(report.model_copy(update={"role": DutyRole.TECHNICAL_SUPPORTER}), "zh-CN", drawn=drawn)
    assert "verified: inference" in under(theirs, SUPPORTER)
    assert CHAPTERS[1] not in [b.text for b in theirs.blocks if isinstance(b, Heading)]


def test_statements_are_shown_as_stated_never_as_tested(found: Document) -> None:
    t = Words(found.language)
    for block in found.blocks:
        for row in block.rows if isinstance(block, Grid) else ():
            if not isinstance(row, Band) and str(row[0]).startswith(REGISTER):
                words = " ".join(flat(tuple(row)))
                assert "not tested" in words or "未实测" in words
                assert t.verdict(Verdict.PASS) not in words


def test_a_limit_that_no_law_sets_says_so(chinese: Document) -> None:
    assert "项目自定（法律和标准均未规定）" in under(chinese, "模型安全保障")
    assert "强制性标准" in under(chinese, "（五）结果标识")


def test_english_free_text_is_marked_as_the_original(chinese: Document) -> None:
    assert Words("zh-CN").original("x: bound 2 %") == "原文：x: bound 2 %"
    assert not [c for c in cells_of(chinese) if c.startswith("reason ")]


def test_no_form_says_that_a_law_is_kept(found: Document, pdf: bytes, word: bytes) -> None:
    forms = [document_html(found), document_markdown(found), text_of_pdf(pdf), "\n".join(cells_of_word(word))]
    forms.append("\n".join(p.text for p in docx.Document(io.BytesIO(word)).paragraphs))
    for form in forms:
        assert not FORBIDDEN.search(squeezed(form)) and not FORBIDDEN.search(form)
    for source in PACKAGE.rglob("*.*"):
        if source.suffix in {".py", ".j2", ".typ"}:
            assert not FORBIDDEN.search(source.read_text()), source


# ---------------------------------------------------------------- PDF
def test_the_pdf_is_pdf_a_with_its_fonts_within(found: Document, pdf: bytes) -> None:
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf and b"<pdfaid:conformance>A</pdfaid:conformance>" in pdf
    listed = subprocess.run(["pdffonts", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    fonts = [line.split() for line in listed.splitlines()[2:]]
    assert fonts and all("yes" in line[-5] for line in fonts), listed
    info = subprocess.run(["pdfinfo", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    assert re.search(r"Tagged:\s+yes", info) and re.search(r"JavaScript:\s+no", info)


def test_names_that_are_typst_code_are_text(pdf: bytes) -> None:
    text = squeezed(text_of_pdf(pdf))
    assert squeezed(TYPST_CODE) in text and squeezed(visible(HOSTILE)) in text
    assert "root:x:0:0" not in text


def test_the_same_report_gives_the_same_bytes(found: Document, pdf: bytes, word: bytes) -> None:
    assert render_pdf(found) == pdf
    assert render_docx(found) == word
    assert b"2026-11-22T03:31:00" in pdf


def test_a_character_that_no_font_shows_is_written_out() -> None:
    odd = empty_report()
    odd = odd.model_copy(update={"suite_name": "a \U00013000 b \U0001e900"})
    text = text_of_pdf(render_pdf(document(odd)))
    assert "\\U00013000" in text and "\\U0001e900" in text


def test_a_font_is_asked_for_where_none_shows_chinese(
    chinese: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf_module, "CJK", ("No Such Font",))
    pdf_module._fonts.cache_clear()
    try:
        with pytest.raises(MissingDependencyError, match="fonts-noto-cjk") as error:
            render_pdf(chinese)
        assert FONT_VARIABLE in str(error.value)
        (tmp_path / "font.ttf").write_bytes(b"no font")
        monkeypatch.setenv(FONT_VARIABLE, str(tmp_path / "font.ttf"))
        with pytest.raises(MissingDependencyError, match="no font file"):
            render_pdf(chinese)
    finally:
        pdf_module._fonts.cache_clear()


def test_nothing_is_written_where_a_form_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_module, "CJK", ("No Such Font",))
    pdf_module._fonts.cache_clear()
    try:
        with pytest.raises(MissingDependencyError):
            write_forms(empty_report(), tmp_path, ("md", "pdf"), ("en", "zh-CN"))
    finally:
        pdf_module._fonts.cache_clear()
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- DOCX
def test_the_docx_has_headings_repeated_heads_and_an_east_asian_font(found: Document, word: bytes) -> None:
    read = docx.Document(io.BytesIO(word))
    headings = [(str(p.style and p.style.name), p.text) for p in read.paragraphs if is_heading(p)]
    assert headings == [(f"Heading {b.level}", visible(b.text)) for b in found.blocks if isinstance(b, Heading)]
    with zipfile.ZipFile(io.BytesIO(word)) as archive:
        styles = archive.read("word/styles.xml").decode()
        body = archive.read("word/document.xml").decode()
        assert all(entry.date_time == (1980, 1, 1, 0, 0, 0) for entry in archive.infolist())
    assert (
        styles.count('w:eastAsia="SimSun"') >= 5
        and "Theme=" not in styles.split('w:styleId="Normal"')[1].split("</w:style>")[0]
    )
    assert body.count("<w:tblHeader") == sum(isinstance(b, Grid) for b in found.blocks)
    assert 'descr="' in body


def test_the_docx_names_no_person_and_no_time_but_the_run_s(word: bytes) -> None:
    core = docx.Document(io.BytesIO(word)).core_properties
    assert (core.author, core.last_modified_by, core.comments) == ("Visavox", "Visavox", "")
    assert core.created.isoformat() == core.modified.isoformat() == "2026-11-22T03:31:00+00:00"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_report_has_every_form(language: Language) -> None:
    bare = document(empty_report(), language, drawn=())
    assert render_pdf(bare).startswith(b"%PDF-1.7")
    assert docx.Document(io.BytesIO(render_docx(bare))).paragraphs
    assert "INCONCLUSIVE" in document_html(bare) and "INCONCLUSIVE" in document_markdown(bare)
