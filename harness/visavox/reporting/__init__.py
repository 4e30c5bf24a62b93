"""Layer 3: the report and its forms. ``report.json`` is the one truth; everything else is rendered from it."""
