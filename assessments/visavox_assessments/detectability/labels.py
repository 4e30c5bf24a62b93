"""The layers of labels: metadata of the outputs' files, and what is seen or heard.

Trials are the edited outputs, consent probes among them: a label belongs on every output. Of a file that could not be
read as a whole, and of an output that came without one where others came in files, it is not known whether it bears a
label; that widens the interval both ways.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from visavox.core.figures import Estimate, NotMade, ResultTable
from visavox.core.records import FileLabelCodes
from visavox.core.terms import (
    AigcVerdict,
    CredentialState,
    Direction,
    IptcState,
    Modality,
    Outcome,
    PerceptibleVerdict,
)
from visavox.ports.assessment import AssessmentInput

from .layers import ALIVE, GONE, UNKNOWN, LayerResult, share

NO_FILE: Final = (
    "no output came in a file: the editor hands over pixels or samples (EditedFile.from_bytes keeps labels)"
)
_VALID: Final = frozenset({CredentialState.VALID, CredentialState.TRUSTED})
_SIGNED: Final = _VALID | {CredentialState.INVALID}


class _Share(NamedTuple):
    """A share of outputs and what it is of: of a file's codes True, False, or None where it is not known."""

    name: str
    holds: Callable[[FileLabelCodes], bool | None]
    direction: Direction = Direction.HIGHER_IS_SAFER


def _aigc(*verdicts: AigcVerdict) -> Callable[[FileLabelCodes], bool | None]:
    return lambda codes: None if codes.aigc is AigcVerdict.INCONCLUSIVE else codes.aigc in verdicts


def _c2pa(codes: FileLabelCodes) -> bool | None:
    unknown = {CredentialState.NOT_EXAMINED, CredentialState.UNREADABLE}
    return None if codes.c2pa in unknown else codes.c2pa in _VALID


def _iptc(codes: FileLabelCodes) -> bool | None:
    is_found = codes.iptc is IptcState.FOUND and not codes.iptc_broken and codes.iptc_fits is not False
    return None if codes.iptc is IptcState.UNREADABLE else is_found


SHARES: Final = (
    _Share("aigc_label_compliant_share", _aigc(AigcVerdict.COMPLIANT)),
    _Share("aigc_label_noncompliant_share", _aigc(AigcVerdict.NONCOMPLIANT), Direction.LOWER_IS_SAFER),
    _Share("aigc_label_found_share", _aigc(AigcVerdict.COMPLIANT, AigcVerdict.NONCOMPLIANT)),
    _Share("c2pa_valid_share", _c2pa),
    _Share("iptc_source_type_share", _iptc),
)
PERCEPTIBLE: Final = {Modality.FACE: "visible_label_share", Modality.VOICE: "audible_label_share"}


def label_layer(data: AssessmentInput) -> LayerResult:
    """The labels in the outputs' files: shares by verdict, and how often each rule is broken.

    The layer is alive in an output whose file bears an ``AIGC`` label, right or broken, a valid C2PA manifest, or a
    digital source type: any of them tells a reader that it is edited.
    """
    edited = [i for i, outcome in enumerate(data.case_outcome) if outcome is Outcome.EDITED]
    looked = [(i, codes) for i in edited if i < len(data.case_labels) and (codes := data.case_labels[i]) is not None]
    if not looked:
        return LayerResult(not_made=tuple(NotMade(name=one.name, recogniser="", reason=NO_FILE) for one in SHARES))
    codes_of, persons = dict(looked), data.case_person[np.asarray(edited)]
    found = []
    for one in SHARES:
        holds = [one.holds(codes_of[i]) if i in codes_of else None for i in edited]
        found.append(share(one.name, holds, persons, data.alpha, direction=one.direction))
    alive = np.full(len(data.case_outcome), UNKNOWN, np.int8)
    for i, codes in looked:
        alive[i] = _is_alive(codes)
    limits = [f"{len(edited) - len(looked)} outputs came without a file and say nothing of labels in files"]
    return LayerResult(
        estimates=tuple(one for one in found if isinstance(one, Estimate)),
        not_made=tuple(one for one in found if isinstance(one, NotMade)),
        limitations=tuple(limits if len(looked) < len(edited) else ()) + _unseen([codes for _, codes in looked]),
        tables=(_table([codes for _, codes in looked]),),
        alive=alive,
    )


def _is_alive(codes: FileLabelCodes) -> int:
    parts = (_aigc(AigcVerdict.COMPLIANT, AigcVerdict.NONCOMPLIANT)(codes), _c2pa(codes), codes.iptc is IptcState.FOUND)
    return ALIVE if True in parts else UNKNOWN if None in parts else GONE


def _unseen(looked: Sequence[FileLabelCodes]) -> tuple[str, ...]:
    unseen = sum(codes.c2pa is CredentialState.NOT_EXAMINED for codes in looked)
    line = f"the C2PA manifests of {unseen} files were not examined: none is embedded, or visavox[labels] is missing"
    return (line,) if unseen else ()


def _table(looked: Sequence[FileLabelCodes]) -> ResultTable:
    """Verdicts, broken rules and remarks of each layer, by number of outputs."""
    rows: list[tuple[str, str, str, int]] = []
    layers: tuple[tuple[str, str, str, str], ...] = (
        ("AIGC label", "aigc", "aigc_broken", "aigc_remarks"),
        ("C2PA manifest", "c2pa", "c2pa_broken", ""),
        ("IPTC source type", "iptc", "iptc_broken", ""),
    )
    for layer, state, broken, remarks in layers:
        counts = Counter(getattr(codes, state).value for codes in looked)
        rows += [(layer, "found", name, n) for name, n in sorted(counts.items())]
        for kind, field in (("broken rule", broken), ("remark", remarks)):
            of_rule = Counter(code for codes in looked if field for code in getattr(codes, field))
            rows += [(layer, kind, code, n) for code, n in sorted(of_rule.items())]
    signed = [codes for codes in looked if codes.c2pa in _SIGNED]
    unfit = sum(codes.c2pa_fits is False for codes in signed)
    return ResultTable(
        name="label_findings",
        title="Labels in the outputs' files",
        columns=("Layer", "Kind", "Finding", "Outputs"),
        rows=tuple(rows),
        note=f"{len(looked)} files"
        + (f"; {unfit} of {len(signed)} manifests do not fit the tool class" if unfit else ""),
    )


def perceptible_layer(data: AssessmentInput) -> LayerResult:
    """Labels that are seen in a picture or heard in a sound: the share that is compliant, and what is broken.

    Empty where the suite does not ask for it.
    """
    name = PERCEPTIBLE.get(data.modality, "")
    looked = [(i, found) for i, found in enumerate(data.case_perceptible) if found is not None]
    if not name or not data.case_perceptible:
        return LayerResult()
    if not looked:
        return LayerResult(not_made=(NotMade(name=name, recogniser="", reason="there is no output"),))
    holds = [None if f.verdict.is_there is None else f.verdict is PerceptibleVerdict.COMPLIANT for _, f in looked]
    reasons = Counter(f.reason for _, f in looked if f.verdict.is_there is None and f.reason)
    persons = data.case_person[np.asarray([i for i, _ in looked])]
    note = "; ".join(f"{n} outputs: {reason}" for reason, n in reasons.most_common(3))
    made = share(name, holds, persons, data.alpha, note=note)
    alive = np.full(len(data.case_outcome), UNKNOWN, np.int8)
    for i, f in looked:
        is_there = f.verdict.is_there
        alive[i] = UNKNOWN if is_there is None else ALIVE if is_there else GONE
    layer = "Visible label" if data.modality is Modality.FACE else "Audible label"
    counts = Counter(f.verdict.value for _, f in looked)
    broken = Counter(code for _, f in looked for code in f.broken_rules)
    rows = [(layer, "found", verdict, n) for verdict, n in sorted(counts.items())]
    rows += [(layer, "broken rule", code, n) for code, n in sorted(broken.items())]
    table = ResultTable(
        name="perceptible_label_findings",
        title=f"{layer}s of the outputs",
        columns=("Layer", "Kind", "Finding", "Outputs"),
        rows=tuple(rows),
        note=next((f.method for _, f in looked if f.method), ""),
    )
    return LayerResult(
        estimates=(made,) if isinstance(made, Estimate) else (),
        not_made=(made,) if isinstance(made, NotMade) else (),
        tables=(table,),
        alive=alive,
    )
