"""``report.xml``: the verdict as JUnit XML, for gates that read test results.

A suite a control, a case a cell, and a first suite ``verdict`` with the verdict of the run, so that nothing that bars a
PASS outside the cells (a smoke run, missing consent, no control at all) is lost. FAIL is a failure. INCONCLUSIVE is an
error: a skipped case looks green to most readers, and INCONCLUSIVE never ships. A control that does not decide the
verdict cannot turn the file red: its cells beyond the limit are skipped and say so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

from visavox.core.report import AttestationCard, ControlDecision, Report
from visavox.core.terms import AttestationVerdict, Severity, Verdict

from .rows import CellRow, cell_rows
from .wording import ATTESTATION_STATES, MEANING, ROLE, visible

ELEMENTS: Final = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: "error"}
"""What a verdict is in JUnit; a PASS is no element at all."""
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


class Case(NamedTuple):
    """A test case. ``element``: failure, error, skipped, or empty where the case passed."""

    name: str
    element: str
    type: str
    message: str
    text: str


def render_junit(report: Report) -> bytes:
    """The report as JUnit XML, UTF-8.

    Counts and element order follow the schema that Jenkins reads; each case names its numbers, in the
    fault's text or in ``system-out``.
    """
    suites = [("verdict", [_verdict_case(report)])]
    suites += [(control.id, _cases(report, control)) for control in report.decision.controls]
    return junit_bytes(f"visavox {report.subject.name} {report.subject.version}", suites, report.clock.finished)


def junit_bytes(name: str, suites: Sequence[tuple[str, Sequence[Case]]], finished: str) -> bytes:
    """Suites of cases as JUnit XML.

    Args:
        finished: when, ISO 8601.
    """
    root = ET.Element("testsuites", name=visible(name))
    _count(root, [case for _, cases in suites for case in cases])
    for suite, cases in suites:
        _add_suite(root, suite, cases, finished)
    ET.indent(root)
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _verdict_case(report: Report) -> Case:
    verdict = report.decision.verdict
    reasons = [visible(reason) for reason in report.decision.reasons] or [MEANING[verdict]]
    element = ELEMENTS.get(verdict, "")
    return Case("verdict of the run", element, verdict.value, reasons[0], "\n".join(reasons))


def _cases(report: Report, control: ControlDecision) -> list[Case]:
    found = []
    for row in cell_rows(report, control):
        element = ELEMENTS.get(row.verdict, "")
        reason = visible(row.reason)
        if element and control.severity is not Severity.FAIL:
            element, reason = "skipped", f"{ROLE[control.severity]}, {row.verdict.value}: {reason}"
        name = ", ".join(visible(part) for part in (row.judge, row.attacker, row.group) if part) or "whole run"
        found.append(Case(name, element, row.verdict.value, reason, _numbers(row)))
    found += [_stated(control, card) for card in control.attestations]
    return found


def _stated(control: ControlDecision, card: AttestationCard) -> Case:
    """A statement: an error unless it is attested, and never a test that passed in its words."""
    state = ATTESTATION_STATES[card.verdict]
    said = visible(f"{state}, not tested: {card.reason or card.statement}")
    element = "" if card.verdict is AttestationVerdict.ATTESTED else ELEMENTS[Verdict.INCONCLUSIVE]
    if element and control.severity is not Severity.FAIL:
        element, said = "skipped", f"{ROLE[control.severity]}, {said}"
    return Case(
        "statement of the organisation", element, state, said, visible(f"{state}, not tested: {card.statement}")
    )


def _numbers(row: CellRow) -> str:
    return (
        f"{row.verdict.value}: value {row.value.text}, lower bound {row.lower.text}, upper bound {row.upper.text}, "
        f"limit {row.limit or 'none'}"
    )


def _add_suite(root: ET.Element, name: str, cases: Sequence[Case], finished: str) -> None:
    suite = ET.SubElement(root, "testsuite", name=visible(name))
    _count(suite, cases)
    suite.set("skipped", str(sum(case.element == "skipped" for case in cases)))
    stamp = _STAMP.match(finished)
    if stamp:
        suite.set("timestamp", stamp[0])
    for case in cases:
        element = ET.SubElement(suite, "testcase", name=case.name, classname=f"visavox.{visible(name)}")
        if case.element:
            fault = ET.SubElement(element, case.element, type=case.type, message=case.message)
            fault.text = case.text
        else:
            ET.SubElement(element, "system-out").text = case.text


def _count(element: ET.Element, cases: Sequence[Case]) -> None:
    for key, kind in (("tests", ""), ("failures", "failure"), ("errors", "error")):
        element.set(key, str(sum(case.element == kind for case in cases) if kind else len(cases)))
