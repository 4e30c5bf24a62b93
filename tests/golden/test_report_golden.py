"""report.json: canonical by RFC 8785, valid by its published schema, and readable for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import rfc8785
from attested_report import attested_report
from pretend_report import empty_report, full_report

from visavox.core.errors import LedgerError
from visavox.core.figures import ResultTable
from visavox.core.report import Report
from visavox.reporting.html import render_html
from visavox.reporting.junit import render_junit
from visavox.reporting.markdown import render_markdown
from visavox.reporting.schema import parse_report, report_bytes
from visavox.reporting.table_rows import table_rows

RELEASED = sorted((Path(__file__).parent / "reports").glob("*.json"))
PUBLISHED = Path(__file__).parents[2] / "docs" / "reference" / "report.schema.json"


def is_within(old: Any, new: Any) -> bool:
    """Whether all that an older report says stands unchanged in a newer one, which may say more."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and is_within(value, new[key]) for key, value in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(is_within, old, new))
    return type(old) is type(new) and old == new


def test_a_report_of_every_released_schema_is_kept() -> None:
    assert [path.name for path in RELEASED] == ["report-v1.json"]


def _name(make: Any) -> str:
    return make.name if isinstance(make, Path) else make.__name__  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_released_report_loads_and_says_the_same(path: Path) -> None:
    data = path.read_bytes()
    report = parse_report(data)
    again = report_bytes(report)
    assert is_within(json.loads(data), json.loads(again))
    assert parse_report(again) == report
    assert report_bytes(parse_report(again)) == again
    verdict = report.decision.verdict.value
    assert verdict in render_html(report) and verdict in render_markdown(report)
    assert verdict.encode() in render_junit(report)


@pytest.mark.parametrize("make", [full_report, empty_report, attested_report])
def test_a_report_is_canonical_and_reads_back_equal(make: Any) -> None:
    report = make()
    data = report_bytes(report)
    assert data == rfc8785.dumps(json.loads(data))
    assert not data.endswith(b"\n")
    assert parse_report(data) == report


@pytest.mark.parametrize("make", [full_report, empty_report, attested_report, *RELEASED], ids=_name)
def test_reports_are_valid_by_the_published_schema(make: Any) -> None:
    data = make.read_bytes() if isinstance(make, Path) else report_bytes(make())
    schema = json.loads(PUBLISHED.read_bytes())
    checker = jsonschema.Draft202012Validator(schema)
    checker.check_schema(schema)
    assert not list(checker.iter_errors(json.loads(data)))
    other = {**json.loads(data), "unknown": 1}
    assert list(checker.iter_errors(other))


def with_table(report: Report, rows: tuple[tuple[str | int | float | None, ...], ...]) -> Report:
    table = ResultTable(name="t", title="T", columns=("a", "b"), rows=rows)
    result = report.results[0].model_copy(update={"tables": (table,)})
    return report.model_copy(update={"results": (result, *report.results[1:])})


def test_a_whole_number_that_no_double_holds_is_refused() -> None:
    most = 2**53 - 1
    kept = with_table(full_report(), (("x", most),))
    assert parse_report(report_bytes(kept)) == kept
    with pytest.raises(LedgerError, match="9007199254740992"):
        report_bytes(with_table(kept, (("x", most + 1),)))


def test_a_table_reads_the_same_before_it_is_written_and_after() -> None:
    """JSON does not tell 12345.0 from 12345: forms may not either."""
    report = with_table(full_report(), ((1.0, 12345.0), (2.5, 7.0)))
    back = parse_report(report_bytes(report))
    assert table_rows(report.results[0]) == table_rows(back.results[0])
    assert [[n.text for n in row if not isinstance(n, str)] for row in table_rows(back.results[0])[0].rows] == [
        ["1", "12,345"],
        ["2.5", "7"],
    ]
    assert render_markdown(report) == render_markdown(back)
