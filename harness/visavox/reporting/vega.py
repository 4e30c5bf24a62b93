"""The few words of Vega-Lite that the charts need, as plain dicts, and their rendering by vl-convert.

A specification is made of JSON values alone and holds its own data: equal specifications give equal pictures, and
nothing is read from a file or the network.

References: Satyanarayan et al. (2017), Vega-Lite: A Grammar of Interactive Graphics, IEEE TVCG 23(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import metadata
from typing import Any, Final, Protocol, TypeAlias
from xml.etree import ElementTree as ET

from visavox.core.digest import sha256_json
from visavox.core.errors import MissingDependencyError

Spec: TypeAlias = dict[str, Any]
"""A Vega-Lite specification or a part of one."""

Row: TypeAlias = Mapping[str, str | float | None]
"""One row of data: what the fields of an encoding name."""

VEGA_LITE: Final = "6.4"
"""The version whose defaults the charts are drawn with; a newer vl-convert draws the same."""

INK, FAINT, RULE = "var(--ink, #1c1f24)", "var(--muted, #565d68)", "var(--line, #d4d8de)"
_AXIS: Final = {
    "labelColor": INK, "titleColor": INK, "titleFontWeight": "normal", "gridColor": RULE, "domainColor": FAINT,
    "tickColor": FAINT, "labelFontSize": 11, "titleFontSize": 11,
}  # fmt: skip
_CONFIG: Final = {
    "background": "transparent",
    "font": "Arial, Liberation Sans, Helvetica, sans-serif",
    "axis": _AXIS,
    "view": {"stroke": RULE},
    "legend": {"labelColor": INK, "labelFontSize": 11, "rowPadding": 4},
}
_SVG: Final = "http://www.w3.org/2000/svg"
_LONG_DECIMAL = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_CLIP = re.compile(r"url\(#([^)]+)\)")
_VARIABLE = re.compile(r"var\(--[\w-]+, *([^()]+)\)")
_NOISE: Final = ("aria-hidden", "aria-label", "aria-roledescription", "role", "pointer-events", "class")


def quantity(field: str, **how: Any) -> Spec:
    """A channel that shows a field's numbers."""
    return {"field": field, "type": "quantitative", **how}


def category(field: str, **how: Any) -> Spec:
    """A channel that shows a field's words."""
    return {"field": field, "type": "nominal", **how}


def mark(kind: str, encoding: Mapping[str, Spec], *, rows: Sequence[Row] | None = None, **style: Any) -> Spec:
    """A layer of marks, one a row or one a series, drawn from rows of its own or from the chart's."""
    data = {} if rows is None else {"data": {"values": list(rows)}}
    return {**data, "mark": {"type": kind, **style}, "encoding": dict(encoding)}


def layered(layers: Sequence[Spec], *, rows: Sequence[Row], width: int, height: int) -> Spec:
    """A whole chart: its layers from back to front, the rows that they share, and the plot's size in px."""
    return {"data": {"values": list(rows)}, "layer": list(layers), "width": width, "height": height, "config": _CONFIG}


def rendered(spec: Spec, *, name: str, text: str) -> str:
    """The SVG of a chart, without a script.

    Args:
        name: what its ids begin with: several charts share a page.
        text: what it shows, in words.

    Raises:
        MissingDependencyError: vl-convert is not installed.
    """
    drawings = _DRAWINGS.get()
    if drawings is None:
        return _cleaned(_drawn(spec), name, text)
    key = sha256_json([spec, VEGA_LITE, _version(), metadata.version("visavox")])
    known = drawings.get(key)
    svg = _drawn(spec) if known is None else known.decode()
    if known is None:
        drawings.put(key, svg.encode())
    return _cleaned(svg, name, text)


class Drawings(Protocol):
    """Pictures that were drawn before, by key."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, value: bytes) -> None: ...


_DRAWINGS: ContextVar[Drawings | None] = ContextVar("drawings", default=None)


@contextmanager
def drawn_once(drawings: Drawings) -> Iterator[None]:
    """Within it, a specification that ``drawings`` knows is not drawn again; the same vl-convert draws it alike."""
    token = _DRAWINGS.set(drawings)
    try:
        yield
    finally:
        _DRAWINGS.reset(token)


def _version() -> str:
    try:
        return metadata.version("vl-convert-python")
    except metadata.PackageNotFoundError as error:
        raise _absent(error) from error


def _drawn(spec: Spec) -> str:
    try:
        import vl_convert
    except ImportError as error:
        raise _absent(error) from error
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    return svg


def _absent(error: Exception) -> MissingDependencyError:
    return MissingDependencyError(
        "draw the charts of the report", found=str(error), todo="pip install 'visavox[report]'"
    )


def _cleaned(svg: str, name: str, text: str) -> str:
    """The SVG with ids of its own, short decimals, one description, and nothing else for a screen reader."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(svg)  # noqa: S314 - vl-convert's own output
    found = (element.attrib["id"] for element in root.iter() if "id" in element.attrib)
    ids = {old: f"{name}-{number}" for number, old in enumerate(found)}
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


def without_variables(svg: str) -> str:
    """The SVG with the fallback in place of each CSS custom property: Typst and Word know none."""
    return _VARIABLE.sub(r"\1", svg)
