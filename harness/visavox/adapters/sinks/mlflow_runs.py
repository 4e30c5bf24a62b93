"""What MLflow is told of a run: one parent, one child an assessment, as plain JSON values.

Everything comes from the report, the suite's name and seed apart. No path, no person, no media, no template, no score
leaves: files go by a list of names that are allowed (``files``), and ``worst.html`` is not on it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from visavox.core.digest import sha256_file, sha256_json
from visavox.core.figures import AssessmentResult, Estimate
from visavox.core.report import CellDecision, ControlDecision, Limit, Report
from visavox.core.terms import Verdict

from .mlflow_names import bounded, escaped, metric_keys, metrics_of

RENDERINGS = ("report.json", "report.html", "report.md", "report.xml")
"""Files of the run folder that MLflow gets, where they are there; of ``charts/`` those that end as below."""
CHART_ENDINGS = frozenset({".svg", ".json", ".html"})
DATASET_DIGEST_DIGITS = 36
_VALUE_CHARACTERS = 500
_TEXT_CHARACTERS = 4900
_REASONS = 12
_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_SIGN = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INCONCLUSIVE: "?"}
RUN, ASSESSMENT, MODALITY = "visavox.run", "visavox.assessment", "visavox.modality"
"""Tags that find a run again: the run folder's own id; of a child, its assessment and modality too."""


def run_content(folder: Path, report: Report) -> dict[str, Any]:
    """The run as ``mlflow_worker`` sends it: ``run``, ``parent``, ``children``, ``dataset``, ``files``."""
    own_id = report.clock.run if _ID.fullmatch(report.clock.run) else sha256_json(report.model_dump(mode="json"))
    suite = _suite(folder)
    span = {"start_ms": _ms(report.clock.started), "end_ms": _ms(report.clock.finished)}
    keys = [metric_keys(result.estimates) for result in report.results]
    parent = {
        "name": _run_name(report),
        "tags": {RUN: own_id, **_parent_tags(folder, report)},
        "params": _parent_params(report, suite) | _worst_params(report, keys),
        "metrics": _parent_metrics(report),
        **span,
    }
    children = [{**_child(report, result, names), **span} for result, names in zip(report.results, keys, strict=True)]
    for child in children:
        child["tags"][RUN] = own_id
    return {
        "run": own_id,
        "parent": parent,
        "children": children,
        "dataset": _dataset(report),
        "files": [list(pair) for pair in files(folder)],
    }


def files(folder: Path) -> list[tuple[str, str]]:
    """Files that are sent, as (path, folder among the artifacts): plain files on the list, no links."""
    found = [(folder / name, "") for name in RENDERINGS]
    charts = folder / "charts"
    if charts.is_dir() and not charts.is_symlink():
        found += [(path, "charts") for path in sorted(charts.iterdir()) if path.suffix in CHART_ENDINGS]
    return [(str(path.resolve()), below) for path, below in found if path.is_file() and not path.is_symlink()]


def _ms(text: str) -> int | None:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return None


def _suite(folder: Path) -> dict[str, Any]:
    """Name and seed of the suite; nothing else of it is read, for it holds paths."""
    try:
        value = json.loads((folder / "suite.yaml").read_bytes())
    except (OSError, ValueError):
        return {}
    return {key: value[key] for key in ("name", "seed") if key in value} if isinstance(value, dict) else {}


def _run_name(report: Report) -> str:
    """The verdict's sign, the editor, the verdict: MLflow's list shows the first twenty characters or so."""
    subject, verdict = report.subject, report.decision.verdict
    smoke = ", smoke" if report.smoke else ""
    return _cut(f"{_SIGN[verdict]} {subject.name} {subject.version}: {verdict.value}{smoke}", 200)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


# ---------------------------------------------------------------- tags and params
def _parent_tags(folder: Path, report: Report) -> dict[str, str]:
    on_disk = folder / "report.json"
    tags = {
        "visavox.verdict": report.decision.verdict.value,
        "visavox.policy": report.policy.id,
        **{f"visavox.{name}.sha256": digest for name, digest in _digests(report).items()},
        "visavox.tool_class": report.subject.tool_class.value,
        "visavox.operation": report.subject.operation.value,
        "visavox.smoke": str(report.smoke).lower(),
        "visavox.version": report.environment.visavox,
        "mlflow.source.name": f"visavox {report.environment.visavox}",
        "mlflow.source.type": "LOCAL",
        "mlflow.note.content": _page(report),
    }
    if on_disk.is_file():
        tags["visavox.report.sha256"] = sha256_file(on_disk)
    for control in report.decision.controls:
        tags[_control_key(control)] = control.verdict.value
    return {key: _cut(value, _TEXT_CHARACTERS) for key, value in tags.items()}


def _control_key(control: ControlDecision) -> str:
    return bounded(f"control.{escaped(control.id)}")


def _parent_params(report: Report, suite: Mapping[str, Any]) -> dict[str, str]:
    data = report.dataset
    facts: dict[str, object] = {
        **({"suite": suite["name"]} if "name" in suite else {}),
        **({"seed": suite["seed"]} if "seed" in suite else {}),
        "editor": report.subject.name,
        "editor.version": report.subject.version,
        "editor.kind": report.subject.kind,
        "tool_class": report.subject.tool_class.value,
        "operation": report.subject.operation.value,
        "policy": report.policy.id,
        "recognisers": ", ".join(card.id for card in report.judges),
        "assessments": ", ".join(_title(report, result) for result in report.results),
        "modality": " and ".join(dict.fromkeys(result.modality.value for result in report.results)),
        "dataset": data.kind,
        "dataset.people": data.n_subjects,
        "dataset.test_people": data.n_test_subjects,
        "dataset.test_recordings": data.n_test_samples,
        "device": report.environment.device,
        "visavox": report.environment.visavox,
    }
    for control in report.decision.controls:
        if control.limit is not None:
            facts[bounded(f"limit/{escaped(control.id)}")] = _limit(control.limit)
    return {key: _cut(str(value), _VALUE_CHARACTERS) for key, value in facts.items() if str(value)}


def _limit(limit: Limit) -> str:
    return f"{limit.op} {limit.value:g} on {limit.on}"


# ---------------------------------------------------------------- the parent's numbers
def _worst(report: Report) -> dict[str, tuple[Estimate, int, int]]:
    """By metric that a control judges: its worst figure among the cells, and where it stands in ``results``."""
    found: dict[str, tuple[float, tuple[Estimate, int, int]]] = {}
    for control in report.decision.controls:
        sign = 1.0 if control.limit is None or control.limit.op == "<=" else -1.0
        for row in control.cells:
            place = _figure(report, row)
            if place is None or row.bound is None:
                continue
            badness = sign * row.bound
            if row.cell.metric not in found or badness > found[row.cell.metric][0]:
                found[row.cell.metric] = (badness, place)
    return {metric: place for metric, (_, place) in found.items()}


def _figure(report: Report, row: CellDecision) -> tuple[Estimate, int, int] | None:
    wanted = (row.cell.metric, row.cell.recogniser, row.cell.attacker, row.cell.group, row.value)
    for number, result in enumerate(report.results):
        for place, estimate in enumerate(result.estimates if row.cell.modality in {None, result.modality} else ()):
            own = (estimate.name, estimate.recogniser, estimate.attacker, estimate.group, estimate.value)
            if own == wanted:
                return estimate, number, place
    return None


def _parent_metrics(report: Report) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for metric, (estimate, _, _) in _worst(report).items():
        numbers |= metrics_of(bounded(escaped(metric)), estimate)
    ledger = report.ledger.model_dump()
    return numbers | {f"cases/{name}": float(count) for name, count in ledger.items()}


def _worst_params(report: Report, keys: list[list[str]]) -> dict[str, str]:
    """Which figure of which child each of the parent's numbers is."""
    return {
        bounded(f"worst/{escaped(metric)}"): keys[number][place]
        for metric, (_, number, place) in _worst(report).items()
    }


# ---------------------------------------------------------------- children
def _title(report: Report, result: AssessmentResult) -> str:
    return result.assessment if report.dataset.modality else f"{result.assessment} ({result.modality.value})"


def _child(report: Report, result: AssessmentResult, names: list[str]) -> dict[str, Any]:
    metrics: dict[str, float] = {}
    for name, estimate in zip(names, result.estimates, strict=True):
        metrics |= metrics_of(name, estimate)
    tags = {
        ASSESSMENT: result.assessment,
        MODALITY: result.modality.value,
        "visavox.policy": report.policy.id,
        "visavox.tool_class": report.subject.tool_class.value,
        "visavox.smoke": str(report.smoke).lower(),
        "mlflow.source.name": f"visavox {report.environment.visavox}",
        "mlflow.source.type": "LOCAL",
        "mlflow.note.content": _child_page(result),
    }
    if result.not_applicable:
        tags["visavox.not_applicable"] = result.not_applicable
    params = {
        "editor": report.subject.name,
        "editor.version": report.subject.version,
        "modality": result.modality.value,
    }
    return {
        "name": _cut(f"{_title(report, result)}: {report.subject.name} {report.subject.version}", 200),
        "tags": {key: _cut(value, _TEXT_CHARACTERS) for key, value in tags.items()},
        "params": {key: _cut(value, _VALUE_CHARACTERS) for key, value in params.items() if value},
        "metrics": metrics,
    }


# ---------------------------------------------------------------- the data set
def _dataset(report: Report) -> dict[str, str]:
    """A data set as MLflow keeps it; the source says no more than the digest, for a path may name a person."""
    data = report.dataset
    profile = {
        "people": data.n_subjects,
        "recordings": data.n_samples,
        "test people": data.n_test_subjects,
        "test recordings": data.n_test_samples,
        "withheld": data.n_withheld,
        **{f"consent {name}": count for name, count in data.consent},
    }
    return {
        "name": _cut(f"{data.kind}-{data.modality.value if data.modality else 'face-voice'}", 200),
        "digest": data.digest.sha256[:DATASET_DIGEST_DIGITS],
        "source_type": "visavox",
        "source": json.dumps({"sha256": data.digest.sha256}),
        "profile": json.dumps(profile),
    }


# ---------------------------------------------------------------- the description page
def _page(report: Report) -> str:
    """Markdown: the verdict, why, one row a control, digests. MLflow shows the first lines and unfolds the rest."""
    decision, subject = report.decision, report.subject
    smoke = " (smoke run)" if report.smoke else ""
    facts = (
        f"{subject.tool_class.value}, {subject.operation.value}, under the policy {_text(report.policy.id)}; "
        f"{report.dataset.n_test_subjects} test people, "
        f"{report.ledger.edited} of {report.ledger.attempted} cases edited"
    )
    lines = [
        f"## {decision.verdict.value}{smoke}: {_text(subject.name)} {_text(subject.version)}",
        facts,
        "",
        *(f"- {_text(reason)}" for reason in decision.reasons[:_REASONS]),
        *([f"- and {len(decision.reasons) - _REASONS} more"] if len(decision.reasons) > _REASONS else []),
        "",
        *_table(("control", "verdict", "worst judge", "value", "bound", "limit"), map(_row, decision.controls)),
        "",
        "A view of `report.json` (under Artifacts). `visavox gate` decides, from the run folder alone.",
        "",
        *_table(("digest", "SHA-256"), _digests(report).items()),
    ]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A Markdown table; hard blanks hold the columns apart, for MLflow's style sheet does not."""
    lines = [head, ["---"] * len(head), *rows]
    return [
        "| " + " | ".join(cell if cell == "---" else f"{cell}&nbsp;&nbsp;" for cell in line) + " |" for line in lines
    ]


def _row(control: ControlDecision) -> tuple[str, ...]:
    sign = 1.0 if control.limit is None or control.limit.op == "<=" else -1.0
    made = [row for row in control.cells if row.bound is not None]
    worst = max(made, key=lambda row: sign * (row.bound or 0.0), default=None)
    limit = "" if control.limit is None else f"{control.limit.op} {_percent(control.limit.value)}"
    if worst is None:
        return (_text(control.id), control.verdict.value, "not made", "", "", _text(limit))
    who = _words((worst.cell.recogniser, worst.cell.attacker or "", worst.cell.group or ""))
    return (
        _text(control.id),
        control.verdict.value,
        _text(who),
        _percent(worst.value),
        _percent(worst.bound),
        _text(limit),
    )


def _digests(report: Report) -> dict[str, str]:
    return {
        "subject": report.subject.digest.sha256,
        "dataset": report.dataset.digest.sha256,
        "policy": report.policy.digest.sha256,
        "suite": report.suite.sha256,
        "plan": report.plan.sha256,
        "seal": report.seal.sha256,
    }


def _child_page(result: AssessmentResult) -> str:
    if result.not_applicable:
        return f"Not applicable: {_text(result.not_applicable)}"
    missing = [
        f"- {_text(_words((m.name, m.recogniser, m.attacker or '', m.group or '')))}: {_text(m.reason)}"
        for m in result.not_made
    ]
    head = f"{len(result.estimates)} figures, {len(missing)} not made."
    keys = (
        "Each is a metric `name/recogniser/attacker/fmr_RATE` with `.low` and `.high` (95 % interval), `.upper` "
        "(one-sided bound) and `.n` (trials)."
    )
    return "\n".join([head, keys, "", *missing[:_REASONS]])


def _words(parts: Iterable[str]) -> str:
    return ", ".join(part for part in parts if part)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f} %"


def _text(text: str) -> str:
    """Text that Markdown shows as it is."""
    plain = " ".join(text.split())
    return "".join("&lt;" if letter == "<" else f"\\{letter}" if letter in "|*_`[]" else letter for letter in plain)
