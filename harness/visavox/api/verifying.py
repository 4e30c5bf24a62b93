"""Verifying a finished run: every figure made again from its trial-level tables, and who signed them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from visavox.api.gate_evidence import Evidence
from visavox.api.gate_signature import check_signatures
from visavox.api.gating import check_run
from visavox.api.recomputing import Recomputed, recompute
from visavox.core.errors import EvidenceError
from visavox.core.figures import AssessmentResult
from visavox.core.report import Report
from visavox.evidence.envelope import ATTESTATION

CLOSE: Final = 1e-9
"""Two numbers this near, or this share apart, are one: another processor adds up in another order."""
SHOWN: Final = 5
_LABELS: Final = ("name", "recogniser", "detector", "attacker", "group", "kind", "link", "ladder")
NOT_RECOMPUTED: Final = (
    "scores, templates and what was found in media: they come from judges, detectors and media, which are not here",
    "the data set's own account: what consent its manifest states, licences, withheld samples",
    "limitations, the environment, the cards of what took part, and the clock",
    "report.html and the other forms of report.json: `visavox report` makes them again",
)
"""What of a report nothing in its folder shows."""


class Verified(NamedTuple):
    """What held.

    Attributes:
        n_figures: numbers of the report that were made again; n_scores: comparison scores they came from.
        n_tables: trial-level tables that were read.
        signers: ids of the trusted keys that signed.
        not_checked: of signatures, in words.
    """

    report: Report
    n_figures: int
    n_scores: int
    n_tables: int
    signers: tuple[str, ...]
    not_checked: tuple[str, ...]


def verify(out: str | Path, *, trusted_keys: Sequence[Path] = (), attestation: Path | None = None) -> Verified:
    """Makes every figure of a finished run again from its trial-level tables and checks who signed it.

    Needs the run folder alone, wherever it lies: neither model, judges, data set nor network.

    Args:
        out: the run folder.
        trusted_keys: files of public keys; without any nothing is said of who signed.
        attestation: by default the one in the run folder.

    Raises:
        EvidenceError: evidence that is absent, unreadable or altered; a figure that differs, named, with both values;
            or no signature of a trusted key where some are given.
    """
    run = check_run(out)
    signers, not_checked = _signers(run, attestation, trusted_keys)
    found = recompute(run)
    n_figures = refuse_other_figures(run, found)
    return Verified(run.report, n_figures, found.n_scores, len(found.files), signers, not_checked)


def _signers(
    run: Evidence, attestation: Path | None, trusted_keys: Sequence[Path]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if trusted_keys:
        return check_signatures(run, attestation, trusted_keys).signers, ()
    path = attestation or run.folder.root / ATTESTATION
    what = "it is signed, by whom was not checked: no --trusted-keys" if path.exists() else "nothing was signed"
    return (), (what,)


def refuse_other_figures(run: Evidence, found: Recomputed) -> int:
    """How many numbers of the report were held against those made again.

    Raises:
        EvidenceError: one differs; the first ones are named with both values.
    """
    compared = [
        *_compared(_named(run.report.results), _named(found.results), ""),
        *_compared(run.report.ledger.model_dump(), found.ledger.model_dump(), "ledger of cases"),
    ]
    differing = [one for one in compared if one.is_other]
    if not differing:
        return sum(one.is_number for one in compared)
    said = "\n".join(f"  {one}" for one in differing[:SHOWN])
    more = f"\n  and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
    raise EvidenceError(
        f"make the figures of {run.folder.root} again from its trial-level tables",
        found=f"{len(differing)} differ:\n{said}{more}",
        todo="the report or the tables were altered, or another version of visavox wrote them; run again",
    )


class _Compared(NamedTuple):
    """One value of the report beside the one that was made again."""

    where: str
    stated: Any
    found: Any

    @property
    def is_number(self) -> bool:
        return isinstance(self.stated, int | float) and not isinstance(self.stated, bool)

    @property
    def is_other(self) -> bool:
        if self.is_number and isinstance(self.found, int | float) and not isinstance(self.found, bool):
            return not math.isclose(self.stated, self.found, rel_tol=CLOSE, abs_tol=CLOSE)
        return bool(self.stated != self.found)

    def __str__(self) -> str:
        by = ""
        if self.is_number and isinstance(self.found, int | float):
            by = f" (by {abs(self.found - self.stated):.6g})"
        return f"{self.where}: the report states {_shown(self.stated)}, its scores give {_shown(self.found)}{by}"


def _shown(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else "nothing" if value is None else str(value)[:120]


def _named(results: Sequence[AssessmentResult]) -> dict[str, Any]:
    """Results as nested mappings whose keys a reader knows a figure by."""
    return {f"{result.assessment} of {result.modality.value}s": _tree(result.model_dump()) for result in results}


def _tree(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _tree(one) for name, one in value.items()}
    if not isinstance(value, list | tuple):
        return value
    found: dict[str, Any] = {}
    for number, one in enumerate(value):
        label = _label(one) or str(number + 1)
        found[label if label not in found else f"{label} #{number + 1}"] = _tree(one)
    return found


def _label(value: Any) -> str:
    """What a record calls itself: its name, whose it is and where it was decided."""
    if not isinstance(value, Mapping):
        return ""
    point = value.get("operating_point") or {}
    words = [
        value.get(key) for key in ("name", "recogniser", "detector", "attacker", "group", "kind", "link", "ladder")
    ]
    words.append(f"FMR {point['target_fmr']:g}" if isinstance(point, Mapping) and "target_fmr" in point else None)
    return " ".join(str(word) for word in words if word)


def _compared(stated: Any, found: Any, where: str) -> Iterator[_Compared]:
    if isinstance(stated, dict) and isinstance(found, dict):
        for name in [*stated, *(name for name in found if name not in stated)]:
            place = f"{where}, {name}" if where else name
            yield from _compared(stated.get(name), found.get(name), place)
    elif isinstance(stated, dict) or isinstance(found, dict):
        yield _Compared(where, *("what is not there" if one is None else "a record" for one in (stated, found)))
    else:
        yield _Compared(where, stated, found)
