"""Waivers: somebody's word, by name and for a time, that a run which ended FAIL may stand beside a later PASS.

A waiver names runs; it never waives a FAIL of the run at hand, a fault of its evidence, or INCONCLUSIVE.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from visavox.core.errors import EvidenceError
from visavox.core.report import Waiver
from visavox.core.strict_json import read_evidence

_MOST_BYTES = 1 << 20
_TODO = "each waiver has owner, reason, date, expires and run; see docs/how-to/gate-a-release.md"


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a YAML file: a list, or a mapping with the one key ``waivers``.

    Raises:
        EvidenceError: the file cannot be read, or holds something that is no waiver.
    """
    asked = f"read the waivers in {path}"
    todo = "give the path of the YAML file of the waivers; no link is followed"
    data = read_evidence(path, most=_MOST_BYTES, todo=todo)
    try:
        value = YAML(typ="safe", pure=True).load(data.decode("utf-8"))
    except (YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise EvidenceError(asked, found=str(error).split("\n\nTo suppress")[0][:500], todo=_TODO) from error
    rows = value["waivers"] if isinstance(value, dict) and set(value) == {"waivers"} else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise EvidenceError(asked, found="no list of waivers", todo=_TODO)
    try:
        return tuple(Waiver.model_validate(_row(row)) for row in rows)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise EvidenceError(asked, found="; ".join(faults)[:500], todo=_TODO) from error


def refuse_expired(waivers: tuple[Waiver, ...], today: date | None = None) -> None:
    """Raises EvidenceError where a waiver holds no longer, or not yet; its last day counts."""
    now = today or datetime.now(UTC).date()
    for waiver in waivers:
        begins, ends = _day(waiver.date, waiver), _day(waiver.expires, waiver)
        if ends < now:
            raise EvidenceError(
                f"use the waiver of {waiver.owner} for run {', '.join(waiver.runs)}",
                found=f"it expired on {waiver.expires}",
                todo="have it renewed, or take it out of the file",
            )
        if begins > now or begins > ends:
            raise EvidenceError(
                f"use the waiver of {waiver.owner} for run {', '.join(waiver.runs)}",
                found=f"it is of {waiver.date} and expires on {waiver.expires}; today is {now.isoformat()}",
                todo="a waiver holds from its date to its last day",
            )


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """Days of YAML as text; ``run`` names one run, ``runs`` several."""
    values = {key: value.isoformat() if type(value) is date else value for key, value in row.items()}
    if "run" in values and "runs" not in values:
        values["runs"] = [values.pop("run")]
    return values


def _day(text: str, waiver: Waiver) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise EvidenceError(
            f"read the dates of the waiver of {waiver.owner}", found=str(error), todo="write 2026-11-21"
        ) from error
