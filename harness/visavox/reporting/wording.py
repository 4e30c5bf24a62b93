"""How numbers, names and verdicts read: the one source of every form's text, so that all forms agree."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

from visavox.core.figures import Estimate, NoOperatingPoint, OperatingPoint
from visavox.core.report import Cell, Limit
from visavox.core.terms import (
    Attacker,
    AttestationVerdict,
    InstrumentState,
    Modality,
    Obligation,
    Severity,
    Support,
    Verdict,
    Verified,
)

DASH: Final = "-"
PLAIN_FIGURES: Final = frozenset(
    {
        "auc",
        "d_sys",
        "cllr",
        "cllr_cal",
        "min_cllr",
        "zebra_expected",
        "zebra_worst",
        "min_dcf",
        "act_dcf",
        "a_dcf",
        "min_t_dcf",
        "ssim",
        "landmark_error",
        "stoi",
        "f0_correlation",
        "duration_ratio",
        "pesq",
        "detector_auc",
        "detector_auc_unseen",
        "calibration_error",
    }
)
"""Figures that are no share of trials: four decimals instead of percent."""
DECIBELS: Final = frozenset({"psnr_db", "si_sdr_db"})

MEANING: Final = {
    Verdict.PASS: "Every gated control is within its limit, at the confidence that the policy asks for.",
    Verdict.FAIL: "At least one gated control misses its limit beyond statistical doubt.",
    Verdict.INCONCLUSIVE: (
        "The run shows neither that every limit is kept nor that one is missed. This is no permission to ship."
    ),
}
SEVERITY: Final = {
    Severity.FAIL: "gated: decides the verdict",
    Severity.WARN: "warning: does not decide the verdict",
    Severity.DISCLOSE: "disclosed: does not decide the verdict",
}
ROLE: Final = {Severity.FAIL: "gated", Severity.WARN: "warning only", Severity.DISCLOSE: "disclosed only"}
STATES: Final = {
    InstrumentState.GREEN: "green",
    InstrumentState.RED: "red",
    InstrumentState.NOT_ASSESSABLE: "not assessable",
}
ATTESTATION_STATES: Final = {
    AttestationVerdict.ATTESTED: "attested",
    AttestationVerdict.EXPIRED: "attestation expired",
    AttestationVerdict.MISSING: "not attested",
    AttestationVerdict.EVIDENCE_CHANGED: "evidence changed",
}
OBLIGATIONS: Final = {
    Obligation.LAW: "law",
    Obligation.MANDATORY_STANDARD: "mandatory standard",
    Obligation.RECOMMENDED_STANDARD: "recommended standard",
    Obligation.VOLUNTARY: "voluntary commitment",
    Obligation.INDUSTRY: "industry practice",
    Obligation.PROJECT_DEFAULT: "the project's own choice",
}
VERIFIED: Final = {
    Verified.PRIMARY: "text read at its source",
    Verified.SECONDARY: "text read in secondary material only",
    Verified.MEMORY: "text not read",
}
SUPPORTS: Final = {
    Support.FULL: "full",
    Support.WEAK: "weak",
    Support.FEW_PEOPLE: "few people",
    Support.NONE: "none",
}
TITLES: Final = {
    "subject_match_rate": "Outputs matched to their own person",
    "subject_non_match_rate": "Outputs no longer matched to their own person",
    "host_match_rate": "Outputs matched to the host",
    "donor_match_rate": "Outputs matched to the donor",
    "background_match_rate": "Matched without face or speech",
    "match_rate_spread": "Distance between the judges' match rates",
    "metadata_leak_rate": "Files that give the person away",
    "aigc_label_compliant_share": "Files with a compliant AIGC label",
    "aigc_label_noncompliant_share": "Files with an AIGC label that breaks a rule",
    "aigc_label_found_share": "Files with an AIGC label",
    "c2pa_valid_share": "Files with a valid C2PA manifest",
    "iptc_source_type_share": "Files with a fitting IPTC digital source type",
    "visible_label_share": "Outputs with a compliant visible label",
    "audible_label_share": "Outputs with a compliant audible label",
    "tpr": "Outputs flagged as edited (TPR)",
    "realised_fpr": "Bona fide media flagged (FPR)",
    "apcer": "Outputs passed as bona fide (APCER)",
    "bpcer10": "Bona fide media flagged where 10 % of outputs pass (BPCER10)",
    "bpcer20": "Bona fide media flagged where 5 % of outputs pass (BPCER20)",
    "bpcer100": "Bona fide media flagged where 1 % of outputs pass (BPCER100)",
    "d_eer": "Detection equal error rate (D-EER)",
    "detector_auc": "Ranking of outputs above bona fide media (AUC)",
    "detector_auc_unseen": "The same, by models that saw none of the species",
    "calibration_error": "Expected calibration error (ECE)",
    "one_layer_alive_share": "Outputs with a layer, as they are",
    "two_layers_alive_share": "Outputs with two layers, as they are",
    "one_layer_alive_after_chains_share": "Outputs with a layer after the worst chain",
    "marked_share": "Outputs with a valid manifest or the watermark",
    "doubly_marked_share": "Outputs with a valid manifest and the watermark",
    "watermark_detected_share": "Outputs that bear the watermark",
    "watermark_false_alarm_share": "Unmarked media taken for marked",
    "watermark_whole_message_share": "Outputs with every bit of the watermark right",
    "bystander_match_difference": "Matches with bystanders, beyond the unedited input's",
    "any_bystander_match_difference": "Passing as some bystander, beyond the unedited input's",
    "bystander_drift": "Drift to a bystander",
    "non_edited_share": "Cases not edited",
    "unchanged_share": "Outputs left unchanged",
    "eer": "Equal error rate (EER)",
    "auc": "Area under the ROC curve (AUC)",
    "d_sys": "Linkability D_sys",
    "cllr": "Cost of the evidence (Cllr), bit",
    "cllr_cal": "Of it, for want of calibration (Cllr - minCllr), bit",
    "min_cllr": "Cost of the evidence at its best (minCllr), bit",
    "zebra_expected": "Expected disclosure (ZEBRA), bit",
    "zebra_worst": "Worst-case disclosure (ZEBRA), power of ten",
    "min_dcf": "Detection cost at its best (minDCF)",
    "act_dcf": "Detection cost at Bayes' threshold (actDCF)",
    "a_dcf": "Cost of verification and detection in one (a-DCF)",
    "min_t_dcf": "Tandem detection cost at its best (min t-DCF)",
    "t_eer": "Tandem equal error rate (t-EER)",
    "iapar": "Impostor attack acceptance (IAPAR)",
    "riapar": "Relative impostor attack acceptance (RIAPAR)",
    "frr": "False rejection of unedited recordings (FRR)",
    "unconsented_donor_match_rate": "Outputs matched to a donor who refused",
    "refusal_rate": "Requests without consent that are refused",
    "over_refusal_rate": "Requests with consent that are refused",
    "prod_avg_mmpmr": "Matching every contributor, average over probes (ProdAvg-MMPMR)",
    "mmpmr": "Outputs matching every contributor (MMPMR)",
    "rmmr": "Relative morph match rate (RMMR)",
    "below_utility_floor_share": "Outputs below a utility floor",
    "psnr_db": "Peak signal-to-noise ratio (PSNR)",
    "ssim": "Structural similarity (SSIM), 1 = equal",
    "landmark_error": "Landmark error, distances of the eyes",
    "stoi": "Intelligibility (STOI), 1 = as the input",
    "si_sdr_db": "Signal-to-distortion ratio (SI-SDR)",
    "f0_correlation": "Correlation of the pitch (F0)",
    "duration_ratio": "Duration, output over input",
    "word_error_rate": "Word error rate (WER)",
    "pesq": "Speech quality (PESQ), MOS-LQO 1 to 4.64",
}
_ROUNDED_AWAY = re.compile(r"-(0\.0*)")
_FNMR = re.compile(r"fnmr_at_fmr_(.+)")
_MAP = re.compile(r"map_r(\d{1,3})_c(\d{1,3})")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?([+-]\d\d:\d\d|Z)?")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class Number(NamedTuple):
    """A number as every form writes it, and as the report holds it; None where there is none."""

    text: str
    value: float | None


class MapCell(NamedTuple):
    """Position in the MAP matrix: at least ``attempts`` of the probe attempts, at least ``judges`` of the judges."""

    attempts: int
    judges: int


NO_NUMBER: Final = Number(DASH, None)


def percent(share: float | None) -> str:
    """A share as percent with two decimals; a dash for None.

    >>> percent(0.07), percent(-0.00001), percent(None)
    ('7.00 %', '0.00 %', '-')
    """
    return DASH if share is None else f"{_fixed(100 * share, 2)} %"


def figure(name: str, value: float | None) -> Number:
    """The value of a figure (or an end of its interval) in the unit that its name implies.

    >>> figure("iapar", 0.5).text, figure("auc", 0.5).text, figure("psnr_db", 31.254).text
    ('50.00 %', '0.5000', '31.25 dB')
    """
    if value is None:
        return NO_NUMBER
    if name in DECIBELS:
        return Number(f"{_fixed(value, 2)} dB", value)
    return Number(_fixed(value, 4) if name in PLAIN_FIGURES else percent(value), value)


def share(value: float | None) -> Number:
    """A share, whatever its name."""
    return NO_NUMBER if value is None else Number(percent(value), value)


def plain(value: float | None, digits: int = 4) -> Number:
    """A number without a unit, with ``digits`` decimals."""
    return NO_NUMBER if value is None else Number(_fixed(value, digits), value)


def significant(value: float | None) -> Number:
    """A number with four significant digits."""
    return NO_NUMBER if value is None else Number(f"{value:.4g}", value)


def count(value: float | None) -> Number:
    """A count with thousands separated; an effective count is rounded to a whole.

    >>> count(12345).text
    '12,345'
    """
    return NO_NUMBER if value is None else Number(f"{value:,.0f}", float(value))


def fmr_text(estimate: Estimate) -> str:
    """The target FMR of an estimate's threshold; a dash where it has none."""
    point = estimate.operating_point
    return rate_text(point.target_fmr) if isinstance(point, OperatingPoint) else DASH


def rate_text(rate: float) -> str:
    """A target rate as policies write it.

    >>> rate_text(1e-3), rate_text(1e-6)
    ('0.001', '1e-06')
    """
    return f"{rate:g}"


def support_text(estimate: Estimate) -> str:
    """What the estimate's threshold rests on; a dash where it has none."""
    point = estimate.operating_point
    return DASH if isinstance(point, NoOperatingPoint) else SUPPORTS[point.support]


def limit_text(limit: Limit, name: str) -> str:
    """A limit with its operator, in the unit of the figure ``name``."""
    return f"{limit.op} {figure(name, limit.value).text}"


def attacker_text(attacker: Attacker | None) -> str:
    """An attacker's name; empty where the figure knows none.

    >>> attacker_text(Attacker.LAZY_INFORMED)
    'lazy-informed'
    """
    return "" if attacker is None else attacker.value.replace("_", "-")


def title_of(name: str) -> str:
    """A figure's name in words; the name itself, spaced, where there is nothing better.

    >>> title_of("fnmr_at_fmr_1e-3"), title_of("map_r1_c2"), title_of("new_rate")
    ('FNMR at FMR 1e-3', 'MAP[1, 2]', 'new rate')
    """
    if name in TITLES:
        return TITLES[name]
    if match := _FNMR.fullmatch(name):
        return f"FNMR at FMR {match[1]}"
    if cell := map_cell(name):
        return f"MAP[{cell.attempts}, {cell.judges}]"
    stem = next((known for known in sorted(TITLES, key=len, reverse=True) if name.startswith(f"{known}_")), None)
    if stem is not None:
        return f"{TITLES[stem]}, {name.removeprefix(stem).strip('_').replace('_', ' ')}"
    return name.replace("_", " ")


def map_cell(name: str) -> MapCell | None:
    """The position that a figure's name gives it in the MAP matrix; None for every other figure."""
    match = _MAP.fullmatch(name)
    return None if match is None else MapCell(int(match[1]), int(match[2]))


MODALITIES: Final = {Modality.FACE: "faces", Modality.VOICE: "voices", Modality.VIDEO: "videos"}


def cell_text(cell: Cell) -> str:
    """Judge, attacker and group of a cell; ``whole run`` where it has none."""
    parts = (cell.recogniser, attacker_text(cell.attacker), cell.group or "")
    return ", ".join(visible(part) for part in parts if part) or "whole run"


def time_text(stamp: str) -> str:
    """A time stamp of the report without fractions of a second; a dash where there is none.

    >>> time_text("2026-11-22T03:31:00.399+00:00")
    '2026-11-22 03:31:00 +00:00'
    """
    match = _STAMP.fullmatch(stamp)
    return " ".join(part for part in match.groups() if part) if match else stamp or DASH


def visible(text: str) -> str:
    """Text of strangers with every invisible character written out: no bidi override or control code acts on a page.

    Line feeds and tabs become spaces.

    >>> visible("a" + chr(0x202E) + "b" + chr(10) + "c")
    'a\\\\u202eb c'
    """
    if text.isprintable():  # no hidden character is printable
        return text
    spaced = text.replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    return "".join(_written_out(c) if unicodedata.category(c) in _HIDDEN else c for c in spaced)


def uncommanded(line: str) -> str:
    """A line for standard output or error that no CI system takes for one of its commands.

    >>> uncommanded("  ::set-output name=x::y"), uncommanded("a::b")
    ('\\\\  ::set-output name=x::y', 'a::b')
    """
    return f"\\{line}" if line.lstrip().startswith(("::", "##[")) else line


def _written_out(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _fixed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text[1:] if _ROUNDED_AWAY.fullmatch(text) else text
