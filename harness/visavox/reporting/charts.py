"""Charts of a report as static SVG: drawn by Altair, rendered by vl-convert, without a script or the network.

Colours are CSS custom properties with a fallback, so that an inlined chart follows the page's light, dark or print
colours and a chart in a file of its own keeps the light ones. Every series also differs by dash or by shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from statistics import NormalDist
from types import ModuleType
from typing import Any, Final, NamedTuple
from xml.etree import ElementTree as ET

from visavox.core.errors import MissingDependencyError
from visavox.core.records import AssessmentResult, Curve, Estimate, Histogram, OperatingPoint, Report
from visavox.core.terms import Attacker

from .wording import PLAIN_FIGURES, attacker_text, fmr_text, map_cell, plain, share, title_of, visible

PLOT_PX: Final = 300
INK, FAINT, RULE = "var(--ink, #1c1f24)", "var(--muted, #565d68)", "var(--line, #d4d8de)"
LIMIT = "var(--fail, #b3261e)"
SERIES: Final = (
    "var(--c1, #0b62b0)", "var(--c2, #b4540a)", "var(--c3, #8a2f7d)", "var(--c4, #0d7264)", "var(--c5, #7a6400)",
    "var(--c6, #5b5fc7)",
)  # fmt: skip
DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 6])
SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
PROBIT_TICKS: Final = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)
_PROBIT_ENDS: Final = (0.0005, 0.9995)
_RATE_TICKS: Final = (0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
_SVG: Final = "http://www.w3.org/2000/svg"
_LONG_DECIMAL = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_CLIP = re.compile(r"url\(#([^)]+)\)")
_SATURATION = re.compile(r"_at_(\d+)_percent_of_training_people$")
_NOISE: Final = ("aria-hidden", "aria-label", "aria-roledescription", "role", "pointer-events", "class")


class Chart(NamedTuple):
    """A chart: ``name`` for a file or an anchor, ``title``, what it shows in words, and the SVG itself."""

    name: str
    title: str
    text: str
    svg: str


class ResultCharts(NamedTuple):
    """Charts of one assessment."""

    rates: tuple[Chart, ...]
    dets: tuple[Chart, ...]
    scores: tuple[Chart, ...]


def result_charts(report: Report) -> tuple[ResultCharts, ...]:
    """The charts of a report, one entry a result; named ``<assessment>-<kind>-<number>``.

    Raises:
        MissingDependencyError: Altair or vl-convert is not installed.
    """
    return tuple(ResultCharts(rate_charts(report, r), det_charts(r), score_charts(r)) for r in report.results)


def charts(report: Report) -> tuple[Chart, ...]:
    """All charts of a report.

    Raises:
        MissingDependencyError: Altair or vl-convert is not installed.
    """
    return tuple(chart for of_result in result_charts(report) for kind in of_result for chart in kind)


def rate_charts(report: Report, result: AssessmentResult) -> tuple[Chart, ...]:
    """Rates by setting: one chart a figure with attackers, one of the figures without, each at one FMR.

    A chart needs two settings or more: a single rate says more in its table.

    The dot is the value, the line its two-sided 95 % interval, the grey tick chance.
    """
    grouped: dict[tuple[str, str], list[Estimate]] = {}
    beyond = {e.name for e in result.estimates if e.low < 0 or e.high > 1}
    for e in result.estimates:
        if _is_drawn_rate(e) and e.name not in beyond:
            grouped.setdefault((_stem(e.name) if e.attacker else "", fmr_text(e)), []).append(e)
    limits = {row.cell.metric: c.limit.value for c in report.decision.controls for row in c.cells}
    shown = {key: found for key, found in grouped.items() if len({_setting(e) for e in found}) > 1}
    others = "Other rates" if any(name for name, _ in shown) else "Rates"
    drawn = []
    for number, ((name, fmr), estimates) in enumerate(shown.items(), start=1):
        title = f"{title_of(name) if name else others} at FMR {fmr}"
        text = f"{title}: value, 95 % interval and chance by {'attacker' if name else 'figure'} and judge"
        spec = _rates(estimates, limits.get(name))
        drawn.append(_chart(f"{result.assessment}-rates-{number}", title, text, spec))
    return tuple(drawn)


def det_charts(result: AssessmentResult) -> tuple[Chart, ...]:
    """DET curves in probit axes: one chart a judge, one line an attacker."""
    drawn = []
    for number, judge in enumerate(dict.fromkeys(c.recogniser for c in result.curves), start=1):
        curves = [c for c in result.curves if c.recogniser == judge]
        title = f"DET curves, {visible(judge)}"
        text = f"{title}: false non-match rate against false match rate; the falling diagonal is chance"
        drawn.append(_chart(f"{result.assessment}-det-{number}", title, text, _det(curves)))
    return tuple(drawn)


def score_charts(result: AssessmentResult) -> tuple[Chart, ...]:
    """Score distributions: one chart a judge, attacker and kind of comparison, one outline a link."""
    drawn = []
    keys = dict.fromkeys((h.recogniser, h.attacker, h.kind) for h in result.histograms)
    for number, key in enumerate(keys, start=1):
        links = [h for h in result.histograms if (h.recogniser, h.attacker, h.kind) == key]
        who = ", ".join(visible(part) for part in (key[0], attacker_text(key[1]), key[2]) if part)
        title = f"Scores by link, {who}"
        text = f"{title}: share of comparisons by score" + _threshold_words(links)
        drawn.append(_chart(f"{result.assessment}-scores-{number}", title, text, _scores(links)))
    return tuple(drawn)


def _threshold_words(links: Sequence[Histogram]) -> str:
    stated = dict.fromkeys(plain(h.threshold).text for h in links if h.threshold is not None)
    return f"; accepted from {', '.join(stated)} on" if stated else ""


def _is_drawn_rate(e: Estimate) -> bool:
    """A rate with a threshold; no difference, no MAP cell, and not the judge's own FNMR, which its match rate shows."""
    if not isinstance(e.operating_point, OperatingPoint) or e.name in PLAIN_FIGURES or map_cell(e.name):
        return False
    return not e.name.startswith("fnmr_at_") and "difference" not in e.name


def _stem(name: str) -> str:
    """A figure's name without the share of training people that a saturation figure adds."""
    return _SATURATION.sub("", name)


def _setting(e: Estimate) -> str:
    """What stands beside a rate: its attacker with the share of training people, or the figure's name; the group."""
    share_of_people = _SATURATION.search(e.name)
    own = attacker_text(e.attacker) if e.attacker else e.name.replace("_", " ")
    parts = (own, f"{share_of_people[1]} %" if share_of_people else "", visible(e.group or ""))
    return ", ".join(part for part in parts if part)


def _rates(estimates: Sequence[Estimate], limit: float | None) -> Callable[[ModuleType], Any]:
    rows = [
        {
            "setting": _setting(e),
            "judge": visible(e.recogniser) or "all judges",
            "value": e.value,
            "low": e.low,
            "high": e.high,
            "chance": e.chance,
        }
        for e in estimates
    ]
    judges = list(dict.fromkeys(str(row["judge"]) for row in rows))
    settings = list(dict.fromkeys(str(row["setting"]) for row in rows))
    largest = max([e.high for e in estimates] + ([limit] if limit else []))
    end = next((step for step in (0.01, 0.1) if largest <= step), 1.0)

    def draw(alt: ModuleType) -> Any:
        x = alt.X(
            "value:Q",
            title="rate (square-root axis)",
            scale=alt.Scale(type="sqrt", domain=[0, end], nice=False),
            axis=alt.Axis(values=[tick * end for tick in _RATE_TICKS], labelExpr="format(100*datum.value,'.3~f')+' %'"),
        )
        y = alt.Y("setting:N", sort=settings, title=None, axis=alt.Axis(labelLimit=140, domain=False, ticks=False))
        offset = alt.YOffset("judge:N", sort=judges, scale=alt.Scale(paddingOuter=0.35))
        colour, shape = _judges(alt, judges)
        base = alt.Chart(alt.Data(values=rows)).encode(y=y, yOffset=offset)
        layers = [
            base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q", color=colour).transform_calculate(value="datum.low"),
            base.mark_point(filled=True, size=58, opacity=1).encode(x=x, color=colour, shape=shape),
            base.mark_tick(thickness=1.5, size=11, color=FAINT).encode(x="chance:Q"),
        ]
        if limit is not None and limit <= end:
            layers += _rule(alt, limit, f"limit {share(limit).text}", LIMIT, is_left=(limit / end) ** 0.5 > 0.5)
        return alt.layer(*layers).properties(width=PLOT_PX - 30, height=len(settings) * (13 * len(judges) + 14))

    return draw


def _det(curves: Sequence[Curve]) -> Callable[[ModuleType], Any]:
    probit = NormalDist().inv_cdf
    ends = [probit(end) for end in _PROBIT_ENDS]
    ticks = [round(probit(tick), 4) for tick in PROBIT_TICKS]
    words = "{" + ",".join(f"'{t + 10:.2f}':'{100 * p:g}'" for t, p in zip(ticks, PROBIT_TICKS, strict=True)) + "}"
    rows = [
        {"x": round(probit(fmr), 4), "y": round(probit(fnmr), 4), "attacker": _series(c.attacker), "order": number}
        for c in curves
        for number, (fmr, fnmr) in enumerate(zip(c.fmr, c.fnmr, strict=True))
        if 0 < fmr < 1 and 0 < fnmr < 1
    ]
    attackers = [_series(a) for a in (*Attacker, None) if any(c.attacker is a for c in curves)]

    def draw(alt: ModuleType) -> Any:
        scale = alt.Scale(domain=ends, nice=False, zero=False)
        axis = alt.Axis(values=ticks, labelExpr=words + "[format(datum.value+10,'.2f')]", labelOverlap=False)
        x = alt.X("x:Q", title="false match rate (FMR), %", scale=scale, axis=axis)
        y = alt.Y("y:Q", title="false non-match rate (FNMR), %", scale=scale, axis=axis)
        chance = [{"x": ends[0], "y": ends[1]}, {"x": ends[1], "y": ends[0]}]
        line = alt.Chart(alt.Data(values=chance)).mark_line(color=FAINT, strokeWidth=1, clip=True).encode(x=x, y=y)
        word = (
            alt.Chart(alt.Data(values=[{"x": 1.55, "y": -1.55}]))
            .mark_text(text="chance", angle=45, dy=-6, color=FAINT, fontSize=11)
            .encode(x=x, y=y)
        )
        colour, dash = _lines(alt, "attacker", attackers)
        drawn = (
            alt.Chart(alt.Data(values=rows))
            .mark_line(strokeWidth=2, clip=True)
            .encode(x=x, y=y, color=colour, strokeDash=dash, order="order:Q")
        )
        return alt.layer(line, word, drawn).properties(width=PLOT_PX, height=PLOT_PX)

    return draw


def _scores(links: Sequence[Histogram]) -> Callable[[ModuleType], Any]:
    rows: list[dict[str, object]] = []
    for h in links:
        total = max(sum(h.counts), 1)
        steps = [*(n / total for n in h.counts), 0.0]
        rows += [{"score": x, "share": y, "link": visible(h.link)} for x, y in zip(h.edges, steps, strict=True)]
    names = list(dict.fromkeys(visible(h.link) for h in links))
    thresholds = list(dict.fromkeys(h.threshold for h in links if h.threshold is not None))
    middle = (min(h.edges[0] for h in links) + max(h.edges[-1] for h in links)) / 2

    def draw(alt: ModuleType) -> Any:
        x = alt.X(
            "score:Q",
            title="comparison score (higher = more alike)",
            scale=alt.Scale(zero=False, nice=False),
            axis=alt.Axis(tickCount=6),
        )
        y = alt.Y("share:Q", title="share of the link's comparisons", axis=alt.Axis(format=".0%", tickCount=4))
        colour, dash = _lines(alt, "link", names)
        base = alt.Chart(alt.Data(values=rows))
        layers = [
            base.mark_area(interpolate="step-after", fillOpacity=0.14).encode(
                x=x, y=alt.Y("share:Q", stack=None, title=None), color=colour
            ),
            base.mark_line(interpolate="step-after", strokeWidth=1.5).encode(x=x, y=y, color=colour, strokeDash=dash),
        ]
        for threshold in thresholds:
            words = f"accepted from {plain(threshold).text}"
            layers += _rule(alt, threshold, words, INK, is_left=threshold > middle)
        return alt.layer(*layers).properties(width=PLOT_PX, height=170)

    return draw


def _rule(alt: ModuleType, at: float, words: str, colour: str, *, is_left: bool) -> list[Any]:
    """A vertical line with words above it, on the side where there is room."""
    data = alt.Chart(alt.Data(values=[{"x": at, "words": words}]))
    place = {"x": alt.X("x:Q")}
    side = {"align": "right", "dx": 2} if is_left else {"align": "left", "dx": -2}
    return [
        data.mark_rule(color=colour, strokeDash=[4, 2], strokeWidth=1.5).encode(**place),
        data.mark_text(color=colour, dy=-5, baseline="bottom", fontSize=11, **side).encode(
            **place, y=alt.value(0), text="words:N"
        ),
    ]


def _judges(alt: ModuleType, judges: Sequence[str]) -> tuple[Any, Any]:
    """Colour and shape by judge; one legend for both."""
    legend = alt.Legend(title=None, orient="bottom", columns=3, symbolOpacity=1)
    colours = alt.Scale(domain=list(judges), range=_cycled(SERIES, len(judges)))
    shapes = alt.Scale(domain=list(judges), range=_cycled(SHAPES, len(judges)))
    return alt.Color("judge:N", scale=colours, legend=legend), alt.Shape("judge:N", scale=shapes, legend=legend)


def _lines(alt: ModuleType, field: str, names: Sequence[str]) -> tuple[Any, Any]:
    """Colour and dash by a field; one legend for both. An attacker keeps its colour and dash on every chart."""
    fixed = [_series(attacker) for attacker in Attacker]
    places = [fixed.index(name) if name in fixed else number for number, name in enumerate(names)]
    legend = alt.Legend(title=None, orient="bottom", columns=2, symbolType="stroke", symbolSize=260, labelLimit=130)
    colours = alt.Scale(domain=list(names), range=[SERIES[p % len(SERIES)] for p in places])
    dashes = alt.Scale(domain=list(names), range=[DASHES[p % len(DASHES)] for p in places])
    return (
        alt.Color(f"{field}:N", scale=colours, legend=legend),
        alt.StrokeDash(f"{field}:N", scale=dashes, legend=legend),
    )


def _series(attacker: Attacker | None) -> str:
    return attacker_text(attacker) or "no attacker"


def _cycled(values: Sequence[str], n: int) -> list[str]:
    return [values[i % len(values)] for i in range(n)]


def _chart(name: str, title: str, text: str, draw: Callable[[ModuleType], Any]) -> Chart:
    try:
        import altair
        import vl_convert
    except ImportError as error:
        raise MissingDependencyError(
            "draw the charts of the report", found=str(error), todo="pip install 'visavox[report]'"
        ) from error
    with altair.utils.schemapi.debug_mode(False):  # checking our own fixed specifications takes longer than drawing
        spec = draw(altair).configure(**_config()).to_dict(validate=False)
    return Chart(name, title, text, _cleaned(vl_convert.vegalite_to_svg(spec), name, text))


def _config() -> dict[str, Any]:
    axis = {
        "labelColor": INK, "titleColor": INK, "titleFontWeight": "normal", "gridColor": RULE, "domainColor": FAINT,
        "tickColor": FAINT, "labelFontSize": 11, "titleFontSize": 11,
    }  # fmt: skip
    return {
        "background": "transparent",
        "font": "Arial, Liberation Sans, Helvetica, sans-serif",
        "axis": axis,
        "view": {"stroke": RULE},
        "legend": {"labelColor": INK, "labelFontSize": 11, "rowPadding": 4},
    }


def _cleaned(svg: str, name: str, text: str) -> str:
    """The SVG with ids of its own, short decimals, one description, and nothing else for a screen reader."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(svg)  # noqa: S314 - vl-convert's own output
    ids = {old: f"{name}-{number}" for number, old in enumerate(_ids(root.iter()))}
    for element in root.iter():
        for noise in _NOISE:
            element.attrib.pop(noise, None)
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, ids[value])
            elif key != "font-family":
                renamed = _CLIP.sub(lambda m: f"url(#{ids.get(m[1], m[1])})", value)
                element.set(key, _LONG_DECIMAL.sub(lambda m: f"{float(m[0]):.2f}", renamed))
    root.set("role", "img")
    root.set("aria-label", text)
    return ET.tostring(root, encoding="unicode")


def _ids(elements: Iterable[ET.Element]) -> list[str]:
    return [element.attrib["id"] for element in elements if "id" in element.attrib]
