"""Labels that people see or hear, after what sharing does to media: prints a table of detectability.md.

python docs/studies/labels_after_chains.py KIT OUT [pictures | voices]    tens of minutes: every reading takes a program

Two editors of the reference kind, with a label and without: pictures of people who do not exist, the label in a corner,
7 % of the shortest side high; the kit's voices, the rhythm short-long short-short before the speech.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from visavox import load_suite, run
from visavox.editor import EditRequest
from visavox.media.audio import Audio

FONT = "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"
SUITE = """name: labels-{name}
editor: {{kind: python, entry: {entry}, name: labels, version: '1', operation: {operation}, tool_class: anonymise,
  params: {{label: {label}}}}}
dataset: {dataset}
recognisers: [{judge}]
assessments: {{detectability: {{perceptible_labels: true, most_labels_read: {most}, perturbations: {packs}}}}}
policy: baseline
seed: 7
"""
VOICES = ("voice-anonymisation", "resemblyzer", 40, "[call-centre, social-media]")
PICTURES = ("face-anonymisation", "dlib", 9, "[social-media]")


class Labelled:
    """Negatives, or sounds upside down, that say what they are, or do not."""

    max_batch = 8

    def __init__(self, *, label: bool) -> None:
        self._label = label

    def edit(self, requests: Sequence[EditRequest]) -> list[Any]:
        return [self._edited(request.media["subject"]) for request in requests]

    def _edited(self, medium: Any) -> Any:
        if isinstance(medium, Audio):
            samples = np.concatenate([self._rhythm(medium.sample_rate_hz), -medium.samples])
            return Audio(samples.astype(np.float32), medium.sample_rate_hz)
        picture = Image.fromarray(255 - np.asarray(medium))
        if self._label:
            size = round(0.08 * min(picture.size))
            box = (0, picture.height - 2 * size, 5 * size, picture.height)
            draw = ImageDraw.Draw(picture)
            draw.rectangle(box, fill=(0, 0, 0))
            font = ImageFont.truetype(FONT, size)
            draw.text((size // 2, box[1] + size // 3), "AI生成", font=font, fill=(255, 255, 255))
        return np.asarray(picture)

    def _rhythm(self, rate: int) -> np.ndarray:
        def span(seconds: float, level: float) -> np.ndarray:
            return level * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate)) / rate)

        parts = [(0.2, 0), (0.1, 1), (0.1, 0), (0.3, 1), (0.3, 0), (0.1, 1), (0.1, 0), (0.1, 1), (0.4, 0)]
        return np.concatenate([span(s, 0.2 * on * self._label) for s, on in parts])


def load(*, device: str, artifact: str | None, params: Mapping[str, Any]) -> Labelled:
    """The editor of a suite."""
    return Labelled(label=bool(params["label"]))


def main(kit: Path, out: Path, kinds: Sequence[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    print("| outputs | label | after | read in outputs | at least | found in bona fide media | of |")
    print("|---|---|---|---|---|---|---|")
    for kind in kinds:
        operation, judge, most, packs = VOICES if kind == "voices" else PICTURES
        dataset = f"{{kind: manifest, path: {kit}/voices-small.csv}}"
        if kind == "pictures":
            dataset = "{kind: synthetic-faces, people: 9, images: 2, size_px: 512}"
        for label in ("true", "false"):
            name = f"{kind}-{label}"
            file = out / f"{name}.yaml"
            entry = f"{Path(__file__).resolve()}:load"
            file.write_text(
                SUITE.format(
                    name=name,
                    entry=entry,
                    operation=operation,
                    label=label,
                    dataset=dataset,
                    judge=judge,
                    most=most,
                    packs=packs,
                )
            )
            if not (out / name / "report.json").exists():
                run(load_suite(file), out / name)
            rows(kind, label, json.loads((out / name / "report.json").read_text()))


def rows(kind: str, label: str, report: Mapping[str, Any]) -> None:
    """Prints one run's rows."""
    result = next(r for r in report["results"] if r["assessment"] == "detectability")
    tables = {table["name"]: table for table in result["tables"]}
    false = {row[0]: row for row in tables.get("marks_in_bona_fide", {"rows": []})["rows"]}
    layers = tables.get("layers", {"columns": [], "rows": []})
    place = {name: n for n, name in enumerate(layers["columns"])}
    for row in layers["rows"]:
        read, least = row[place["seen or heard"]], row[place["at least"]]
        alarms = false.get(row[0])
        cells = [*("-" if x is None else f"{100 * x:.1f} %" for x in (read, least))]
        cells += ["-", "-"] if alarms is None else [f"{100 * alarms[3]:.1f} %", str(alarms[2])]
        print("|", " | ".join([kind, "yes" if label == "true" else "no", row[0], *cells]), "|")
    for estimate in result["estimates"]:
        if estimate["name"] in {"visible_label_share", "audible_label_share", "one_layer_alive_after_chains_share"}:
            words = f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}] of {estimate['n']}"
            print(f"\n{kind} {label}: {estimate['name']} {words}; {estimate['note']}")
    print(f"\n{layers.get('note', '')}")
    for line in result["limitations"]:
        print(f"\n{line}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:] or ["voices", "pictures"])
