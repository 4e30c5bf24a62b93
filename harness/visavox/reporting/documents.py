"""The documents of a report: the English one, and the Chinese one under the headings of the CAC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from visavox.core.digest import sha256_bytes
from visavox.core.report import Report

from . import figure_sections, record_sections, sections
from .cac import TITLE, cac_blocks
from .charts import ResultCharts, result_charts
from .document import Block, Document, Heading, Language, Paragraph
from .i18n import Words
from .schema import report_bytes
from .wording import visible


def document(report: Report, language: Language = "en", *, drawn: Sequence[ResultCharts] | None = None) -> Document:
    """The report as a document in one language.

    Args:
        drawn: the report's charts where they are drawn already.

    Raises:
        MissingDependencyError: vl-convert is not installed.
    """
    t = Words(language)
    found = result_charts(report) if drawn is None else drawn
    subject = visible(f"{report.subject.name} {report.subject.version}")
    title = f"{TITLE}：{subject}" if t.is_chinese else f"Visavox safety assessment: {subject}"
    blocks = tuple(_chinese(report, found, t) if t.is_chinese else _english(report, found, t))
    return Document(title, language, report.clock.finished, sha256_bytes(report_bytes(report)), blocks)


def _english(report: Report, drawn: Sequence[ResultCharts], t: Words) -> Iterator[Block]:
    yield Heading(1, t("Visavox safety assessment"))
    yield Paragraph(f"{report.subject.name}, {report.subject.version}", "subtitle")
    yield from sections.verdict_blocks(report, t)
    yield sections.facts(report, t)
    yield from _details(report, drawn, t, 2)


def _chinese(report: Report, drawn: Sequence[ResultCharts], t: Words) -> Iterator[Block]:
    yield from cac_blocks(report, t)
    yield Heading(2, "附录：测评记录")
    yield from sections.verdict_blocks(report, t)
    yield sections.facts(report, t)
    yield from _details(report, drawn, t, 3)


def _details(report: Report, drawn: Sequence[ResultCharts], t: Words, level: int) -> Iterator[Block]:
    yield from sections.controls(report, t, level)
    yield from sections.limitations(report, t, level)
    yield from figure_sections.assessments(report, drawn, t, level)
    yield from record_sections.instruments(report, t, level)
    yield from record_sections.ledgers(report, t, level)
    yield from record_sections.data_and_judges(report, t, level)
    yield from record_sections.evidence(report, t, level)
    yield from figure_sections.thresholds(report, t, level)
    yield from record_sections.reading(t, level)
    yield Paragraph(t("Rendered from report.json, the one truth; every number here is from there."), "small")
