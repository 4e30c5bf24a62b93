"""Reference editors with a right label, each rule broken, and none: what the harness says of their files.

python docs/studies/labels.py     writes labels.md beside this file

Every editor runs in the supervised worker over pictures of people who do not exist and hands over PNG files; the
verdicts are those that a run's journal holds.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

from label_editors import LABELS  # noqa: E402 - found by the line above

from visavox.core.records import FileLabelCodes  # noqa: E402
from visavox.engine.worker import EditorLimits, EditorWorker  # noqa: E402
from visavox.ports.dataset import renderers  # noqa: E402
from visavox.ports.editor import EditRequest  # noqa: E402

LIMITS = EditorLimits(timeout_s=60.0, load_timeout_s=60.0, memory_mb=4096)
N_PEOPLE = 3


def findings() -> dict[str, set[FileLabelCodes]]:
    """What is said of the outputs, by what the editor writes."""
    pictures = renderers.get("synthetic-faces")(11, [(k, 0) for k in range(N_PEOPLE)], size_px=96)
    entry = f"{HERE.parents[1] / 'tests' / 'label_editors.py'}:load"
    spec = {"kind": "python", "entry": entry, "artifact": None, "params": {}, "tool_class": "anonymise"}
    cases = [(number, picture) for number in range(len(LABELS)) for picture in pictures]
    requests = [
        EditRequest(f"{i:016x}", "face-anonymisation", number, {"subject": picture})
        for i, (number, picture) in enumerate(cases)
    ]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        with EditorWorker(
            spec, device="cpu", limits=LIMITS, scratch=scratch / "scratch", stderr_path=scratch / "stderr"
        ) as worker:
            results = worker.run_unit(requests)
    found: dict[str, set[FileLabelCodes]] = {label: set() for label in LABELS}
    for (number, _), result in zip(cases, results, strict=True):
        if result.labels is None:
            raise RuntimeError(result.reason)
        found[list(LABELS)[number]].add(result.labels)
    return found


def table() -> Iterator[str]:
    """One row for each thing that is written."""
    yield "| the editor writes | AIGC label | broken rules | remarks | IPTC source type | broken rules |"
    yield "|---|---|---|---|---|---|"
    for label, (codes,) in findings().items():
        cells = (
            label,
            codes.aigc.value,
            ", ".join(codes.aigc_broken) or "-",
            ", ".join(codes.aigc_remarks) or "-",
            codes.iptc.value + ("" if codes.iptc_fits is None else ", fits" if codes.iptc_fits else ", does not fit"),
            ", ".join(codes.iptc_broken) or "-",
        )
        yield "| " + " | ".join(cells) + " |"


def page() -> str:
    """The study as Markdown."""
    head = (
        "# Labels: reference editors and what is said of them",
        "",
        f"Written by `docs/studies/labels.py`: an editor in the supervised worker, over pictures of {N_PEOPLE} people",
        "who do not exist, as a tool of class `anonymise`. It hands over PNG files through `EditedFile.from_bytes`;",
        "the outputs of each row had the same findings.",
        "",
    )
    return "\n".join([*head, *table()]) + "\n"


if __name__ == "__main__":
    (HERE / "labels.md").write_text(page(), encoding="utf-8")
