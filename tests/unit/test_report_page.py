"""The report as a page: read by people on a screen, a phone and paper; its charts; the page of the worst leaks."""

from __future__ import annotations

import base64
import io
import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from html_pages import Page
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pretend_report import HOSTILE, JUDGES, cell, control, empty_report, full_report

from visavox.core.report import Decision, Report
from visavox.core.terms import Attacker, Verdict
from visavox.media.image import encode_png
from visavox.reporting.charts import Chart, charts
from visavox.reporting.environment import bytecode_cache, environment
from visavox.reporting.html import render_html
from visavox.reporting.junit import render_junit
from visavox.reporting.markdown import render_markdown
from visavox.reporting.rows import cell_rows
from visavox.reporting.strips import scale_and_strips
from visavox.reporting.wording import visible
from visavox.reporting.worst import WorstLeak, render_worst

MAX_BYTES = 3_000_000


@pytest.fixture(scope="module")
def report() -> Report:
    return full_report()


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    return render_html(report)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


# ---------------------------------------------------------------- a page for people
def test_the_verdict_and_its_reason_come_first(page: Page, report: Report) -> None:
    words = page.words
    order = [words.index(part) for part in ("FAIL", "At least one gated control", "Why", "lower bound 15.19 %")]
    assert order == sorted(order)
    assert order[-1] < words.index("The controls of policy") < words.index("Figures that could not be made")


def test_a_pass_beside_earlier_fails_says_so(report: Report) -> None:
    passed = report.model_copy(update={"results": (), "decision": Decision(verdict=Verdict.PASS, controls=())})
    assert "1 of the earlier runs on record ended FAIL" in Page(render_html(passed)).words
    alone = passed.model_copy(update={"clock": passed.clock.model_copy(update={"earlier_runs": ()})})
    assert "ended FAIL" not in Page(render_html(alone)).words


def test_headings_are_anchors_and_links_arrive(page: Page) -> None:
    ids = {a["id"] for _, a in page.elements if "id" in a}
    links = [a["href"] for tag, a in page.elements if tag == "a"]
    assert links and all(link is not None and link[1:] in ids for link in links)
    assert [tag for tag, _ in page.headings].count("h1") == 1
    cards = 3
    assert sum(anchor is None for _, anchor in page.headings) == cards
    levels = [int(tag[1]) for tag, _ in page.headings]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tables_have_captions_and_scopes_and_pictures_words(page: Page) -> None:
    assert len(page.tables) > 12
    assert all(table.caption.strip() for table in page.tables)
    assert all(a.get("scope") in {"col", "row", "rowgroup"} for tag, a in page.elements if tag == "th")
    pictures = [a for tag, a in page.elements if tag == "svg"]
    assert pictures and all(a.get("role") == "img" and a.get("aria-label") for a in pictures)


def test_a_verdict_is_a_word_and_a_sign_not_a_colour_alone(html: str) -> None:
    badges = re.findall(r'<span class="verdict v-(\w+)[^>]*>(.*?)</span>\s*([A-Za-z ]+)</span>', html)
    signs = {"pass": "✓", "fail": "✕", "inconclusive": "?"}
    assert len(badges) > 20
    assert all(signs[kind] in inner and word.strip() for kind, inner, word in badges)


STYLE = Path(__file__).parents[2] / "harness/visavox/reporting/templates/page.css"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_aa(scheme: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", STYLE.read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[0]))
    if scheme == "dark":
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[1]))
    for text, ground in (
        *((text, ground) for text in ("ink", "muted", "link") for ground in ("paper", "wash")),
        *((text, f"{kind}-soft") for text in ("ink", "muted", "link") for kind in ("pass", "fail", "open")),
        *((kind, "paper") for kind in ("pass", "fail", "open")),
    ):
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for series in ("c1", "c2", "c3", "c4", "c5", "c6", "fail"):
        assert contrast(colours[series], colours["paper"]) >= 3, series
    darkest = mixed(colours["heat"], colours["paper"], 0.42)
    assert contrast(colours["ink"], darkest) >= 4.5


def mixed(first: str, second: str, share: float) -> str:
    pairs = zip(channels(first), channels(second), strict=True)
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def contrast(first: str, second: str) -> float:
    """WCAG 2.1 contrast ratio of two sRGB colours."""

    def luminance(colour: str) -> float:
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(channels(colour)) / 255]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    low, high = sorted([luminance(first), luminance(second)])
    return (high + 0.05) / (low + 0.05)


def test_the_page_is_small_and_the_same_twice(report: Report, html: str) -> None:
    assert len(html.encode()) < MAX_BYTES
    plain = report.model_copy(update={"results": report.results[1:]})
    assert render_html(plain) == render_html(plain)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_an_empty_report_has_all_forms(verdict: Verdict) -> None:
    empty = empty_report()
    empty = empty.model_copy(update={"decision": Decision(verdict=verdict, controls=(), reasons=())})
    found = Page(render_html(empty))
    assert verdict.value in found.words
    assert verdict.value in render_markdown(empty)
    assert len(ET.fromstring(render_junit(empty))) == 1


# ---------------------------------------------------------------- charts and strips
def test_charts_show_every_judge_attacker_and_link(report: Report) -> None:
    found = charts(report)
    names = [chart.name for chart in found]
    assert len(names) == len(set(names))
    dets = [chart for chart in found if "-det-" in chart.name]
    assert len(dets) == len(JUDGES)
    for chart in dets:
        lines = drawn_lines(chart)
        assert len({line.get("stroke-dasharray") for line in lines}) == len(Attacker) == len(lines)
    scores = [chart for chart in found if chart.name.startswith("impersonation-scores")]
    assert len(scores) == 2
    for chart in scores:
        for word in ("output~donor", "output~host", "output~bystander", "accepted from 0.4124"):
            assert word in chart.svg
    rates = [chart for chart in found if chart.name == "identity_leak-rates-1"]
    assert "limit 7.00 %" in rates[0].svg
    for chart in found:
        assert "<script" not in chart.svg
        assert "href" not in chart.svg


def drawn_lines(chart: Chart) -> list[ET.Element]:
    return [e for e in ET.fromstring(chart.svg).iter() if e.get("stroke-width") == "2" and e.get("d")]


def test_a_curve_stands_where_its_rates_are() -> None:
    """The pixel of every drawn DET point, read back from the SVG, is the probit of its rate."""
    from scipy.stats import norm

    report = full_report()
    curve = report.results[0].curves[1]
    result = report.results[0].model_copy(update={"curves": (curve,), "histograms": (), "estimates": ()})
    (found,) = charts(report.model_copy(update={"results": (result,)}))
    (line,) = drawn_lines(found)
    path = re.findall(r"[ML]([-\d.,e]+)", line.get("d") or "")
    points = np.array([[float(number) for number in pair.split(",")] for pair in path])
    inside = [(a, b) for a, b in zip(curve.fmr, curve.fnmr, strict=True) if 0 < a < 1 and 0 < b < 1]
    assert len(points) == len(inside)
    low, high = norm.ppf([0.0005, 0.9995])
    expected = (norm.ppf(np.array(inside)) - low) / (high - low) * 300
    assert points[:, 0] == pytest.approx(expected[:, 0], abs=0.05)
    assert 300 - points[:, 1] == pytest.approx(expected[:, 1], abs=0.05)


def test_a_rate_stands_at_its_square_root_and_its_line_spans_its_interval(report: Report) -> None:
    """Read back from the SVG: 270 px are the square root of a rate from 0 to 1."""
    (found,) = (chart for chart in charts(report) if chart.name == "identity_leak-rates-1")
    elements = [(e, e.get("transform") or "") for e in ET.fromstring(found.svg).iter() if e.get("stroke-width") == "2"]
    at = [(e, float(place.removeprefix("translate(").split(",")[0])) for e, place in elements]
    lines = [(x, x + float(e.get("x2") or "nan")) for e, x in at if e.tag.endswith("line")]
    dots = [x for e, x in at if e.tag.endswith("path") and x > 0]
    drawn = [e for e in report.results[0].estimates if e.name.startswith("subject_match_rate")]
    rates = np.array(sorted((e.low, e.value, e.high) for e in drawn))
    assert np.array(sorted((low, high) for low, high in lines)) == pytest.approx(
        270 * rates[:, [0, 2]] ** 0.5, abs=0.02
    )
    assert np.array(sorted(dots)) == pytest.approx(270 * np.sort(rates[:, 1]) ** 0.5, abs=0.02)


def test_charts_follow_from_the_report_alone() -> None:
    """Equal reports give equal charts, whatever was drawn between: no state is kept."""
    result = full_report().results[1]
    first, again = (full_report().model_copy(update={"results": (result,)}) for _ in range(2))
    assert charts(first) == charts(again)


@given(
    st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(sorted),
    st.floats(0, 1),
    st.sampled_from(["<=", ">="]),
)
def test_strips_keep_order_and_the_limit_divides_them(ends: list[float], limit: float, op: str) -> None:
    low, value, high = ends
    bounds = (high, low) if op == "<=" else (low, high)
    row = cell("C", "rate_difference", "j", Verdict.PASS, value, bound=bounds[0], opposite=bounds[1])
    decision = control("C", "t", op, limit, [row])
    scale, (strip,) = scale_and_strips(decision, cell_rows(empty_report(), decision))
    assert strip.lower is not None and strip.value is not None and strip.upper is not None
    assert 0 <= strip.lower <= strip.value <= strip.upper <= 100
    assert (strip.value >= scale.limit) == (value >= limit) or abs(value - limit) < 1e-4
    assert 0 <= scale.limit <= 100
    assert scale.forbidden_from == (scale.limit if op == "<=" else 0)
    assert scale.forbidden_width == pytest.approx(100 - scale.limit if op == "<=" else scale.limit, abs=2e-3)


# ---------------------------------------------------------------- the worst leaks
def leak(data: bytes | None, judge: str = "dlib") -> WorstLeak:
    return WorstLeak("0123456789abcdef", judge, Attacker.IGNORANT, 0.7312, 0.4124, data, data, None)


def test_the_worst_leaks_are_shown_small_and_without_their_files_metadata() -> None:
    picture = np.random.default_rng(3).integers(0, 255, (700, 500, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00SECRET")
    found = Page(render_worst([leak(encode_png(picture)), leak(buffer.getvalue(), HOSTILE), leak(b"no image")]))
    sources = [a["src"] or "" for tag, a in found.elements if tag == "img"]
    assert len(sources) == 4
    for source in sources:
        data = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
        assert b"SECRET" not in data
        shown_picture = Image.open(io.BytesIO(data))
        assert max(shown_picture.size) == 256
        assert shown_picture.size[0] / shown_picture.size[1] == pytest.approx(500 / 700, abs=0.01)
    assert found.words.count("cannot be shown") == 3 + 2
    assert "faces of real people" in found.words
    assert "LOCAL ONLY" in found.words
    assert found.words.count("accepted from 0.4124") == 3
    assert visible(HOSTILE).strip() in found.words
    assert not [tag for tag, _ in found.elements if tag in {"script", "link"}]


def test_no_leak_is_said() -> None:
    assert "no leak to show" in Page(render_worst([])).words


def test_templates_are_kept_compiled_beside_the_bytecode_and_made_anew_where_damaged(
    report: Report, html: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.pycache_prefix", str(tmp_path))
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    try:
        environment.cache_clear()
        assert render_html(report) == html
        kept = sorted(tmp_path.rglob("jinja2-*.cache"))
        assert len(kept) >= 5  # the page, what it includes and its macros
        made = [file.stat().st_mtime_ns for file in kept]
        environment.cache_clear()
        assert render_html(report) == html
        assert [file.stat().st_mtime_ns for file in kept] == made  # read, not written again
        for left in (-40, 30):  # of the code, and within the digest before it
            for file in kept:
                file.write_bytes(file.read_bytes()[:left])
            environment.cache_clear()
            assert render_html(report) == html
        monkeypatch.setattr("sys.dont_write_bytecode", True)
        assert bytecode_cache() is None
    finally:
        environment.cache_clear()
