"""Charts of a report as static SVG: each a Vega-Lite specification that follows from the report alone.

Colours are CSS custom properties with a fallback, so that an inlined chart follows the page's light, dark or print
colours and a chart in a file of its own keeps the light ones. Every series also differs by dash or by shape.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

from visavox.core.figures import AssessmentResult, Curve, Estimate, Histogram, OperatingPoint
from visavox.core.report import Report
from visavox.core.terms import Attacker

from .palette import DASHES, LIMIT, SERIES, SHAPES
from .survival import survival_specs
from .vega import FAINT, INK, Row, Spec, category, layered, mark, quantity, rendered
from .wording import PLAIN_FIGURES, attacker_text, fmr_text, map_cell, plain, share, title_of, visible

PLOT_PX: Final = 300
PROBIT_TICKS: Final = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)
_PROBIT_ENDS: Final = (0.0005, 0.9995)
_RATE_TICKS: Final = (0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
_SATURATION = re.compile(r"_at_(\d+)_percent_of_training_people$")


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
    survivals: tuple[Chart, ...]


def result_charts(report: Report) -> tuple[ResultCharts, ...]:
    """The charts of a report, one entry a result; named ``<assessment>-<kind>-<number>``, and in a run over
    faces and voices with the modality before the kind.

    Raises:
        MissingDependencyError: vl-convert is not installed.
    """
    return tuple(
        ResultCharts(rate_charts(report, r), det_charts(report, r), score_charts(report, r), survival_charts(report, r))
        for r in report.results
    )


def charts(report: Report) -> tuple[Chart, ...]:
    """All charts of a report.

    Raises:
        MissingDependencyError: vl-convert is not installed.
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
    limits = {row.cell.metric: c.limit.value for c in report.decision.controls if c.limit for row in c.cells}
    shown = {key: found for key, found in grouped.items() if len({_setting(e) for e in found}) > 1}
    others = "Other rates" if any(name for name, _ in shown) else "Rates"
    drawn = []
    for number, ((name, fmr), estimates) in enumerate(shown.items(), start=1):
        title = f"{title_of(name) if name else others} at FMR {fmr}"
        text = f"{title}: value, 95 % interval and chance by {'attacker' if name else 'figure'} and judge"
        spec = _rates(estimates, limits.get(name))
        drawn.append(_chart(f"{_stem_of(report, result)}-rates-{number}", title, text, spec))
    return tuple(drawn)


def det_charts(report: Report, result: AssessmentResult) -> tuple[Chart, ...]:
    """DET curves in probit axes: one chart a judge, one line an attacker."""
    drawn = []
    for number, judge in enumerate(dict.fromkeys(c.recogniser for c in result.curves), start=1):
        curves = [c for c in result.curves if c.recogniser == judge]
        title = f"DET curves, {visible(judge)}"
        text = f"{title}: false non-match rate against false match rate; the falling diagonal is chance"
        drawn.append(_chart(f"{_stem_of(report, result)}-det-{number}", title, text, _det(curves)))
    return tuple(drawn)


def score_charts(report: Report, result: AssessmentResult) -> tuple[Chart, ...]:
    """Score distributions: one chart a judge, attacker and kind of comparison, one outline a link."""
    drawn = []
    keys = dict.fromkeys((h.recogniser, h.attacker, h.kind) for h in result.histograms)
    for number, key in enumerate(keys, start=1):
        links = [h for h in result.histograms if (h.recogniser, h.attacker, h.kind) == key]
        who = ", ".join(visible(part) for part in (key[0], attacker_text(key[1]), key[2]) if part)
        title = f"Scores by link, {who}"
        text = f"{title}: share of comparisons by score" + _threshold_words(links)
        drawn.append(_chart(f"{_stem_of(report, result)}-scores-{number}", title, text, _scores(links)))
    return tuple(drawn)


def survival_charts(report: Report, result: AssessmentResult) -> tuple[Chart, ...]:
    """Survival curves: one chart a detector and ladder."""
    return tuple(
        _chart(f"{_stem_of(report, result)}-survival-{number}", title, text, spec)
        for number, (title, text, spec) in enumerate(survival_specs(result), start=1)
    )


def _stem_of(report: Report, result: AssessmentResult) -> str:
    return f"{result.assessment}-{result.modality.value}" if report.dataset.modality is None else result.assessment


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


def _rates(estimates: Sequence[Estimate], limit: float | None) -> Spec:
    rows: list[Row] = [
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
    rate: Spec = {
        "title": "rate (square-root axis)",
        "scale": {"type": "sqrt", "domain": [0, end], "nice": False},
        "axis": {"values": [tick * end for tick in _RATE_TICKS], "labelExpr": "format(100*datum.value,'.3~f')+' %'"},
    }
    place = {
        "y": category("setting", sort=settings, title=None, axis={"labelLimit": 140, "domain": False, "ticks": False}),
        "yOffset": category("judge", sort=judges, scale={"paddingOuter": 0.35}),
    }
    colour, shape = _judges(judges)
    interval = {**place, "x": quantity("low", **rate), "x2": {"field": "high"}, "color": colour}
    value = {**place, "x": quantity("value", **rate), "color": colour, "shape": shape}
    layers = [
        mark("rule", interval, strokeWidth=2),
        mark("point", value, filled=True, size=58, opacity=1),
        mark("tick", {**place, "x": quantity("chance")}, thickness=1.5, size=11, color=FAINT),
    ]
    if limit is not None and limit <= end:
        layers += _line_at(limit, f"limit {share(limit).text}", LIMIT, is_left=(limit / end) ** 0.5 > 0.5)
    height = len(settings) * (13 * len(judges) + 14)
    return layered(layers, rows=rows, width=PLOT_PX - 30, height=height)


def _det(curves: Sequence[Curve]) -> Spec:
    probit = NormalDist().inv_cdf
    low, high = (probit(end) for end in _PROBIT_ENDS)
    ticks = [round(probit(tick), 4) for tick in PROBIT_TICKS]
    words = "{" + ",".join(f"'{t + 10:.2f}':'{100 * p:g}'" for t, p in zip(ticks, PROBIT_TICKS, strict=True)) + "}"
    rows: list[Row] = [
        {"x": round(probit(fmr), 4), "y": round(probit(fnmr), 4), "attacker": _series(c.attacker), "order": number}
        for c in curves
        for number, (fmr, fnmr) in enumerate(zip(c.fmr, c.fnmr, strict=True))
        if 0 < fmr < 1 and 0 < fnmr < 1
    ]
    attackers = [_series(a) for a in (*Attacker, None) if any(c.attacker is a for c in curves)]
    error: Spec = {
        "scale": {"domain": [low, high], "nice": False, "zero": False},
        "axis": {"values": ticks, "labelExpr": words + "[format(datum.value+10,'.2f')]", "labelOverlap": False},
    }
    place = {
        "x": quantity("x", title="false match rate (FMR), %", **error),
        "y": quantity("y", title="false non-match rate (FNMR), %", **error),
    }
    colour, dash = _lines("attacker", attackers)
    curve = {**place, "color": colour, "strokeDash": dash, "order": quantity("order")}
    diagonal: list[Row] = [{"x": low, "y": high}, {"x": high, "y": low}]
    layers = [
        mark("line", place, rows=diagonal, color=FAINT, strokeWidth=1, clip=True),
        mark(
            "text", place, rows=[{"x": 1.55, "y": -1.55}],
            text="chance", angle=45, dy=-6, color=FAINT, fontSize=11,
        ),
        mark("line", curve, strokeWidth=2, clip=True),
    ]  # fmt: skip
    return layered(layers, rows=rows, width=PLOT_PX, height=PLOT_PX)


def _scores(links: Sequence[Histogram]) -> Spec:
    rows: list[Row] = []
    for h in links:
        total = max(sum(h.counts), 1)
        steps = [*(n / total for n in h.counts), 0.0]
        rows += [{"score": x, "share": y, "link": visible(h.link)} for x, y in zip(h.edges, steps, strict=True)]
    names = list(dict.fromkeys(visible(h.link) for h in links))
    thresholds = list(dict.fromkeys(h.threshold for h in links if h.threshold is not None))
    middle = (min(h.edges[0] for h in links) + max(h.edges[-1] for h in links)) / 2
    score = quantity(
        "score",
        title="comparison score (higher = more alike)",
        scale={"zero": False, "nice": False},
        axis={"tickCount": 6},
    )
    parts = quantity("share", title="share of the link's comparisons", axis={"format": ".0%", "tickCount": 4})
    colour, dash = _lines("link", names)
    ground = {"x": score, "y": quantity("share", stack=None, title=None), "color": colour}
    outline = {"x": score, "y": parts, "color": colour, "strokeDash": dash}
    layers = [
        mark("area", ground, interpolate="step-after", fillOpacity=0.14),
        mark("line", outline, interpolate="step-after", strokeWidth=1.5),
    ]
    for threshold in thresholds:
        words = f"accepted from {plain(threshold).text}"
        layers += _line_at(threshold, words, INK, is_left=threshold > middle)
    return layered(layers, rows=rows, width=PLOT_PX, height=170)


def _line_at(at: float, words: str, colour: str, *, is_left: bool) -> list[Spec]:
    """A vertical line with words above it, on the side where there is room."""
    rows: list[Row] = [{"x": at, "words": words}]
    place = {"x": quantity("x")}
    written = {**place, "y": {"value": 0}, "text": category("words")}
    side = {"align": "right", "dx": 2} if is_left else {"align": "left", "dx": -2}
    return [
        mark("rule", place, rows=rows, color=colour, strokeDash=[4, 2], strokeWidth=1.5),
        mark("text", written, rows=rows, color=colour, dy=-5, baseline="bottom", fontSize=11, **side),
    ]


def _judges(judges: Sequence[str]) -> tuple[Spec, Spec]:
    """Colour and shape by judge; one legend for both."""
    legend = {"title": None, "orient": "bottom", "columns": 3, "symbolOpacity": 1}
    colours = {"domain": list(judges), "range": _cycled(SERIES, len(judges))}
    shapes = {"domain": list(judges), "range": _cycled(SHAPES, len(judges))}
    return category("judge", scale=colours, legend=legend), category("judge", scale=shapes, legend=legend)


def _lines(field: str, names: Sequence[str]) -> tuple[Spec, Spec]:
    """Colour and dash by a field; one legend for both. An attacker keeps its colour and dash on every chart."""
    fixed = [_series(attacker) for attacker in Attacker]
    places = [fixed.index(name) if name in fixed else number for number, name in enumerate(names)]
    legend = {
        "title": None, "orient": "bottom", "columns": 2, "symbolType": "stroke", "symbolSize": 260, "labelLimit": 130,
    }  # fmt: skip
    colours = {"domain": list(names), "range": [SERIES[p % len(SERIES)] for p in places]}
    dashes = {"domain": list(names), "range": [DASHES[p % len(DASHES)] for p in places]}
    return category(field, scale=colours, legend=legend), category(field, scale=dashes, legend=legend)


def _series(attacker: Attacker | None) -> str:
    return attacker_text(attacker) or "no attacker"


def _cycled(values: Sequence[str], n: int) -> list[str]:
    return [values[i % len(values)] for i in range(n)]


def _chart(name: str, title: str, text: str, spec: Spec) -> Chart:
    return Chart(name, title, text, rendered(spec, name=name, text=text))
