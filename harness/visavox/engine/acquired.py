"""Of which media a run took a template: kept when templates are deleted, so that its figures can be made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from visavox.core.errors import RunFolderError
from visavox.core.records import EditRow
from visavox.ports.assessment import (
    EDITED,
    NO_TEMPLATE,
    NOT_EDITED,
    ORIGINAL,
    PROBED,
    REPEATED,
    Ints,
)

from . import tables
from .embed import cases_of_sets
from .folder import RunFolder
from .plan import Plan

ACQUIRED = pa.schema(
    [("set", pa.string()), ("number", pa.int32()), ("ok", pa.bool_()), ("state", pa.int8()), ("reason", pa.string())]
)
BACKENDS = pa.schema([("choice", pa.string())])
Mask = npt.NDArray[np.bool_]


class Acquired(NamedTuple):
    """One set of media and whether a recogniser has a template of each.

    Attributes:
        number: sample or case numbers, ascending but for masked ones.
        ok: it has a template; state: see ``visavox.ports.assessment``; reasons: why it has none, else empty.
    """

    number: Ints
    ok: Mask
    state: npt.NDArray[np.int8]
    reasons: tuple[str, ...]


def numbers_of_sets(plan: Plan, rows: dict[str, EditRow]) -> dict[str, list[int]]:
    """Which media each set holds: all test samples, and cases with an output."""
    return {ORIGINAL: list(range(len(plan.samples))), **cases_of_sets(plan, rows)}


def acquired_path(folder: RunFolder, recogniser: str) -> Path:
    """Where it is kept."""
    return folder.scores / recogniser / "acquired.parquet"


def backends_path(folder: RunFolder, recogniser: str) -> Path:
    """Where the choices of the semi-informed attacker's back-ends are kept."""
    return folder.scores / recogniser / "backends.parquet"


def write_acquired(folder: RunFolder, recogniser: str, sets: Mapping[str, Acquired], backends: Sequence[str]) -> None:
    """Keeps what recomputing needs of one recogniser beside its scores."""
    columns = {
        "set": [name for name, one in sets.items() for _ in one.number],
        "number": [n for one in sets.values() for n in one.number.tolist()],
        "ok": [ok for one in sets.values() for ok in one.ok.tolist()],
        "state": [state for one in sets.values() for state in one.state.tolist()],
        "reason": [reason for one in sets.values() for reason in one.reasons],
    }
    tables.write_part(acquired_path(folder, recogniser), columns, ACQUIRED)
    tables.write_part(backends_path(folder, recogniser), {"choice": list(backends)}, BACKENDS)


def read_acquired(folder: RunFolder, recogniser: str, plan: Plan, rows: dict[str, EditRow]) -> dict[str, Acquired]:
    """The sets of one recogniser.

    Raises:
        RunFolderError: absent or unreadable, or of other media than those that the plan and the journal name.
    """
    path = acquired_path(folder, recogniser)
    whole = tables.read_part(path, ACQUIRED)
    names = np.asarray(whole.column("set").to_pylist(), object)
    found = {}
    for name, numbers in numbers_of_sets(plan, rows).items():
        own = np.flatnonzero(names == name)
        part = whole.take(own)
        one = Acquired(
            part.column("number").to_numpy().astype(np.int32),
            np.asarray(part.column("ok").to_pylist(), bool),
            np.asarray(part.column("state").to_pylist(), np.int8),
            tuple(part.column("reason").to_pylist()),
        )
        if one.number.tolist() != list(numbers):
            raise RunFolderError(
                f"read {path.name} of {recogniser}",
                found=f"its set {name!r} is not that of the plan and the journal",
                todo="the run was altered after it ended; run again in a new folder",
            )
        found[name] = one
    if len(names) != sum(len(one.number) for one in found.values()):
        raise RunFolderError(f"read {path.name} of {recogniser}", found="a set that no run has", todo="run again")
    return found


def read_backends(folder: RunFolder, recogniser: str) -> tuple[str, ...]:
    """What the semi-informed attacker's inner cross-validation chose.

    Raises:
        RunFolderError: absent or unreadable.
    """
    return tuple(tables.read_part(backends_path(folder, recogniser), BACKENDS).column("choice").to_pylist())


class TemplateFacts(NamedTuple):
    """What a ``JudgeView`` says of templates, under its names."""

    sample_ok: Mask
    case_state: npt.NDArray[np.int8]
    fta_reasons: dict[str, int]


def template_facts(plan: Plan, sets: Mapping[str, Acquired]) -> TemplateFacts:
    """What an assessment may know of one recogniser's templates."""
    state = np.full(len(plan.cases), NOT_EDITED, np.int8)
    reasons: dict[str, int] = {}
    for name in (EDITED, REPEATED, PROBED):
        outputs = sets[name]
        state[outputs.number] = outputs.state
        for code, reason in zip(outputs.state, outputs.reasons, strict=True):
            if code == NO_TEMPLATE:
                reasons[reason] = reasons.get(reason, 0) + 1
    return TemplateFacts(sets[ORIGINAL].ok, state, reasons)
