"""Colours, dashes and shapes of charts: CSS custom properties with a fallback, and a second sign beside each colour."""

from __future__ import annotations

from typing import Final

LIMIT: Final = "var(--fail, #b3261e)"
SERIES: Final = (
    "var(--c1, #0b62b0)", "var(--c2, #b4540a)", "var(--c3, #8a2f7d)", "var(--c4, #0d7264)", "var(--c5, #7a6400)",
    "var(--c6, #5b5fc7)",
)  # fmt: skip
DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 6])
SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
