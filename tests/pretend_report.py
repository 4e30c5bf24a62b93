"""Reports made on the spot: every kind of record, all verdicts, long and hostile text; and one with nothing in it."""

from __future__ import annotations

import numpy as np

from visavox.core.digest import sha256_bytes
from visavox.core.figures import (
    AssessmentResult,
    CaseLedger,
    Curve,
    Estimate,
    Histogram,
    Instrument,
    NotMade,
    OperatingPoint,
    ResultTable,
    Stratum,
    StricterThreshold,
    TemplateLedger,
)
from visavox.core.records import Digest
from visavox.core.report import (
    Card,
    Cell,
    CellDecision,
    Clock,
    ControlDecision,
    DatasetSummary,
    Decision,
    Environment,
    JudgeCard,
    Limit,
    PolicySummary,
    Report,
    Subject,
)
from visavox.core.terms import (
    Attacker,
    Direction,
    InstrumentState,
    Modality,
    Operation,
    Severity,
    Support,
    ToolClass,
    Verdict,
)

JUDGES = ("dlib", "mobileface", "a-judge-whose-id-is-as-long-as-an-id-may-be." + "x" * 20)
ATTACKERS = tuple(Attacker)
HOSTILE = "<script>alert('x')</script> & \"q\" | _md_ [l](http://evil.example) @all \u202egnp\u202c \x07\n# 名前 é"
LONG = "the instrument found that " + "the background alone was matched by more than the limit allows, " * 12
RNG_SEED = 11


def digest(text: str) -> Digest:
    return Digest(sha256=sha256_bytes(text.encode()))


def point(judge: str, fmr: float = 1e-3, support: Support = Support.WEAK) -> OperatingPoint:
    return OperatingPoint(
        recogniser=judge, kind="original-edited", target_fmr=fmr, threshold=0.41237, n_non_mated=145_920, n_people=96,
        fmr=0.00098, fmr_low=0.0004, fmr_high=0.0019, support=support,
    )  # fmt: skip


def estimate(name: str, value: float, judge: str, attacker: Attacker | None = None, **more: object) -> Estimate:
    """An estimate with ends around its value, each a number of its own."""
    width = 0.02 + abs(value) / 10
    ends = {
        "low": value - width,
        "high": value + width * 1.1,
        "lower": value - width * 0.8,
        "upper": value + width * 0.9,
    }
    if "difference" not in name:
        ends = {key: min(max(end, 0.0), 1.0) for key, end in ends.items()}
    fields: dict[str, object] = {
        "name": name, "value": value, **ends, "method": "m", "n": 1149, "n_eff": 277.4, "n_subjects": 96,
        "recogniser": judge, "attacker": attacker, "chance": 0.001, "operating_point": point(judge), **more,
    }  # fmt: skip
    return Estimate(**fields)  # type: ignore[arg-type]


def identity_leak(rng: np.random.Generator) -> AssessmentResult:
    estimates, curves, histograms = [], [], []
    for number, judge in enumerate(JUDGES):
        for attacker in ATTACKERS:
            rate = 0.97 - 0.1 * number if attacker is Attacker.CONTROL else float(rng.uniform(0.001, 0.3))
            strata = (
                Stratum(kind="original-edited", n=1146, hits=12, operating_point=point(judge)),
                Stratum(kind="no template", n=3, hits=0, imputed=True),
            )
            estimates.append(
                estimate("subject_match_rate", rate, judge, attacker, strata=strata, n_failed=3, note=HOSTILE)
            )
            free = {"operating_point": {}, "direction": Direction.NEITHER, "chance": 0.5}
            for name, low, high in (("eer", 0.1, 0.5), ("auc", 0.5, 0.99), ("d_sys", 0.01, 0.6)):
                estimates.append(estimate(name, float(rng.uniform(low, high)), judge, attacker, **free))
            curves.append(curve(judge, attacker, d=3.0 if attacker is Attacker.CONTROL else 0.4 + 0.3 * number))
            if attacker in ATTACKERS[:2]:
                histograms += outlines(rng, judge, attacker, ("mated", "non-mated"))
        estimates.append(estimate("bystander_match_difference", float(rng.uniform(-0.02, 0.02)), judge, chance=0.0))
        estimates.append(
            estimate(
                "background_match_rate",
                0.0,
                judge,
                upper_any_correlation=0.03071,
                stricter=StricterThreshold(value=0.01234),
                operating_point=point(judge, support=Support.FEW_PEOPLE),
            )
        )
        for group in ("group a", HOSTILE):
            estimates.append(
                estimate("subject_match_rate", float(rng.uniform(0, 0.2)), judge, Attacker.IGNORANT, group=group)
            )
        name = "subject_match_rate_at_25_percent_of_training_people"
        estimates.append(estimate(name, float(rng.uniform(0.001, 0.3)), judge, Attacker.SEMI_INFORMED))
    estimates.append(estimate("match_rate_spread", 0.1234, "", Attacker.IGNORANT, operating_point={}))
    estimates.append(estimate("metadata_leak_rate", 0.0567, "", operating_point={}, chance=None))
    return AssessmentResult(
        assessment="identity_leak",
        modality=Modality.FACE,
        estimates=tuple(estimates),
        not_made=(missing(),),
        instruments=instruments(),
        templates=tuple(
            TemplateLedger(
                recogniser=judge, edited=384, scored=381, fallback=17, fta=3, references=384,
                references_without_template=2, fta_reasons={"no face found": 2, HOSTILE: 1},
            )
            for judge in JUDGES
        ),
        curves=tuple(curves),
        histograms=tuple(histograms),
    )  # fmt: skip


def impersonation(rng: np.random.Generator) -> AssessmentResult:
    estimates = []
    for judge in JUDGES:
        for name in ("iapar", "iapar_any_of_3", "riapar", "mmpmr_minmax", "mmpmr_prodavg", "donor_match_rate"):
            estimates.append(
                estimate(
                    name, float(rng.uniform(0.2, 0.95)), judge, band="> 20 %" if name == "donor_match_rate" else ""
                )
            )
    for r in range(1, 5):
        for c in range(1, 4):
            estimates.append(estimate(f"map_r{r}_c{c}", 0.98 / (0.4 * r + 0.6 * c), ""))
    histograms = [
        found
        for judge in JUDGES[:2]
        for found in outlines(
            rng, judge, None, ("output~donor", "output~host", "output~bystander", "mated", "non-mated")
        )
    ]
    table = ResultTable(
        name="counts",
        title=f"Counts {HOSTILE}",
        columns=("What", "Where", "Outputs", "Share", "Ratio"),
        rows=((HOSTILE, None, 12_345, 0.0712, 1.5), ("plain", "here", 0, None, 0.123456)),
        shares=(3,),
        note=HOSTILE,
    )
    return AssessmentResult(
        assessment="impersonation",
        modality=Modality.FACE,
        estimates=tuple(estimates),
        histograms=tuple(histograms),
        tables=(table, table.model_copy(update={"rows": ()})),
    )


def curve(judge: str, attacker: Attacker | None, d: float) -> Curve:
    """Two normal distributions ``d`` apart, from the lowest FMR to FMR 1."""
    from scipy.stats import norm

    fmr = np.geomspace(1e-5, 1, 120)
    fnmr = norm.cdf(norm.isf(fmr) - d)
    return Curve(recogniser=judge, attacker=attacker, kind="original-edited", fmr=tuple(fmr), fnmr=tuple(fnmr))


def outlines(
    rng: np.random.Generator, judge: str, attacker: Attacker | None, links: tuple[str, ...]
) -> list[Histogram]:
    edges = np.linspace(-0.4, 1.0, 61)
    return [
        Histogram(
            recogniser=judge, attacker=attacker, kind="original-edited", link=link, edges=tuple(edges),
            counts=tuple(int(n) for n in np.histogram(rng.normal(0.6 - 0.15 * i, 0.1, 900), edges)[0]),
            threshold=0.41237,
        )
        for i, link in enumerate(links)
    ]  # fmt: skip


def missing() -> NotMade:
    return NotMade(
        name="subject_match_rate",
        recogniser="dlib",
        attacker=Attacker.SEMI_INFORMED,
        reason="too few people: " + HOSTILE,
    )


def instruments() -> tuple[Instrument, ...]:
    return (
        Instrument(
            name="control", state=InstrumentState.GREEN, protects=Verdict.PASS, recogniser="mobileface", value=0.0226,
            detectable="a judge whose true FNMR is 16.8% or more", reason="misses 2.3%",
        ),
        Instrument(
            name="background", state=InstrumentState.RED, protects=Verdict.FAIL, recogniser="dlib", value=0.5,
            p_value=1e-7, detectable="12.6% or more", reason=LONG,
        ),
        Instrument(
            name="label_permutation", state=InstrumentState.NOT_ASSESSABLE, protects=Verdict.FAIL, recogniser="",
            attacker=Attacker.IGNORANT, detectable="nothing", reason=HOSTILE,
        ),
    )  # fmt: skip


def cell(
    control: str, metric: str, judge: str, verdict: Verdict, value: float | None, *, attacker: Attacker | None = None,
    group: str | None = None, reason: str = "because", bound: float | None = None, opposite: float | None = None,
) -> CellDecision:  # fmt: skip
    return CellDecision(
        cell=Cell(control=control, metric=metric, recogniser=judge, attacker=attacker, group=group),
        verdict=verdict, value=value, bound=bound, opposite_bound=opposite, p_fail=0.5, reason=reason,
    )  # fmt: skip


def controls(leak: AssessmentResult) -> tuple[ControlDecision, ...]:
    """Five controls: gated with every verdict, a difference, a lower limit, a warning, and one of the whole run."""
    rates = [e for e in leak.estimates if e.name == "subject_match_rate" and e.attacker and e.group is None]
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
    subject = [
        cell("BASE-SUBJECT", e.name, e.recogniser, order[i % 3], e.value, attacker=e.attacker, bound=e.upper,
             opposite=e.lower, reason=LONG if i == 1 else f"reason {i}")
        for i, e in enumerate(rates) if e.attacker is not Attacker.CONTROL
    ]  # fmt: skip
    unmade = cell("BASE-SUBJECT", "subject_match_rate", "dlib", Verdict.INCONCLUSIVE, None, group="group b",
                  attacker=Attacker.IGNORANT, reason="not made: " + HOSTILE)  # fmt: skip
    differences = [e for e in leak.estimates if e.name == "bystander_match_difference"]
    return (
        control("BASE-SUBJECT", "The output does not betray the person", "<=", 0.07, [*subject, unmade]),
        control("BASE-BYSTANDER", HOSTILE, "<=", 0.01,
                [cell("BASE-BYSTANDER", e.name, e.recogniser, Verdict.PASS, e.value, bound=e.upper, opposite=e.lower)
                 for e in differences]),
        control("DISC-AUC", "The detector finds outputs", ">=", 0.8,
                [cell("DISC-AUC", "auc", "dlib", Verdict.FAIL, 0.61237, bound=0.55, opposite=0.67001)]),
        control("WARN-DONOR", "Warned of only", "<=", 0.2,
                [cell("WARN-DONOR", "donor_match_rate", "dlib", Verdict.FAIL, 0.9, bound=0.95, opposite=0.85)],
                severity=Severity.WARN),
        control("BASE-EDITED", "The editor edits what it is given", "<=", 0.05,
                [cell("BASE-EDITED", "non_edited_share", "", Verdict.PASS, 0.0, bound=0.0124, opposite=0.0)]),
    )  # fmt: skip


def control(
    name: str, title: str, op: str, limit: float, cells: list[CellDecision], severity: Severity = Severity.FAIL
) -> ControlDecision:
    worst = next((v for v in (Verdict.FAIL, Verdict.INCONCLUSIVE) if any(c.verdict is v for c in cells)), Verdict.PASS)
    bound = Limit(op=op, value=limit, on="upper" if op == "<=" else "lower")  # type: ignore[arg-type]
    return ControlDecision(
        id=name, title=title, verdict=worst, severity=severity, limit=bound, cells=tuple(cells), reason="the worst cell"
    )


def full_report(verdict: Verdict = Verdict.FAIL, *, smoke: bool = False) -> Report:
    """A report with everything in it, hostile text wherever strangers write."""
    rng = np.random.default_rng(RNG_SEED)
    leak, passing = identity_leak(rng), impersonation(rng)
    decided = controls(leak)
    reasons = {
        Verdict.FAIL: ("BASE-SUBJECT: dlib, ignorant: lower bound 15.19 % misses the limit 7.00 %", HOSTILE, LONG),
        Verdict.INCONCLUSIVE: ("a smoke run (--limit or --case) is never a PASS",),
        Verdict.PASS: (),
    }[verdict]
    ledger = AssessmentResult(
        assessment="ledger", modality=Modality.FACE,
        estimates=(estimate("non_edited_share", 0.0, "", operating_point={}, chance=None),),
    )  # fmt: skip
    absent = AssessmentResult(assessment="detectability", modality=Modality.FACE, not_applicable="no trial: " + HOSTILE)
    return _report(
        decision=Decision(verdict=verdict, controls=decided, reasons=reasons),
        judges=tuple(
            JudgeCard(id=j, name=j, digest=digest(j).sha256, detector="mtcnn", score="cosine", families=(j, HOSTILE),
                      training_overlap="unknown")
            for j in JUDGES
        ),
        results=(leak, passing, absent, ledger),
        ledger=CaseLedger(attempted=390, edited=384, refused=2, failed=2, timed_out=1, invalid=1, unchanged=5, blank=1),
        instruments=leak.instruments,
        cards=tuple(
            Card(name=name, kind=kind, title=f"Card of {name}", licence=HOSTILE, consent_basis="press photographs",
                 revision="2", digest="d" * 64, training_overlap="some", known_limits=(HOSTILE, LONG), source="a paper")
            for name, kind in (("faces", "dataset"), ("dlib", "recogniser"), ("pixelate", "baseline"))
        ),
        limitations=("no law or standard sets the limits", HOSTILE, LONG),
        not_made=leak.not_made,
        smoke=smoke,
        earlier_runs=(
            {"run": "ab" * 16, "at": "2026-11-20T10:00:00+00:00", "verdict": "FAIL", "policy": digest("policy").sha256,
             "seal": "cd" * 32, "smoke": False},
            {"run": HOSTILE, "at": "nonsense", "verdict": "", "policy": "other", "smoke": True},
        ),
    )  # fmt: skip


def empty_report() -> Report:
    """A report in which nothing was measured and no control binds."""
    return _report(
        decision=Decision(verdict=Verdict.INCONCLUSIVE, controls=(), reasons=("nothing was judged",)),
        judges=(), results=(), ledger=CaseLedger(), instruments=(), cards=(), limitations=(), not_made=(), smoke=False,
        earlier_runs=(),
    )  # fmt: skip


def _report(*, earlier_runs: tuple[dict[str, object], ...], **fields: object) -> Report:
    return Report(
        suite=digest("suite"),
        suite_name=HOSTILE,
        seal=digest("seal"),
        plan=digest("plan"),
        subject=Subject(
            name=HOSTILE, version="2.4.0", kind="python", tool_class=ToolClass.ANONYMISE,
            operation=Operation.FACE_ANONYMISATION, digest=digest("model"), trained_with=(HOSTILE,),
        ),
        dataset=DatasetSummary(
            kind="manifest", digest=digest("data"), modality=Modality.FACE, n_subjects=120, n_samples=480,
            n_test_subjects=96, n_test_samples=384, consent={"granted": 380, "unstated": 4}, licences=(HOSTILE,),
        ),
        policy=PolicySummary(id="baseline", digest=digest("policy")),
        environment=Environment(
            visavox="0.1.0", python="3.11.7", platform="Linux", device="cpu", packages={"numpy": "2.4.6", HOSTILE: "1"}
        ),
        clock=Clock(
            run="f" * 32, started="2026-11-22T03:29:23.1+00:00", finished="2026-11-22T03:31:00.399+00:00",
            duration_s=97.3, earlier_runs=earlier_runs,
        ),
        **fields,
    )  # type: ignore[arg-type]  # fmt: skip
