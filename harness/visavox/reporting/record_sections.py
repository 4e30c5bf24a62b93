"""The sections of a report on how it came about: instruments, ledgers, data, judges, evidence, and its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from visavox.core.report import JudgeCard, Report
from visavox.core.terms import InstrumentState

from .document import Band, Block, Entry, Facts, Grid, Heading, Paragraph, column, number
from .figure_sections import result_heading
from .i18n import Words
from .wording import (
    DASH,
    MODALITIES,
    STATES,
    attacker_text,
    count,
    plain,
    significant,
    time_text,
)

READING: Final = (
    (
        "Verdict",
        "PASS: every gated cell's deciding bound is within its limit, and nothing planned is missing. FAIL: a cell's "
        "other bound misses the limit too, after correction for the number of cells. INCONCLUSIVE: neither; it is no "
        "permission to ship.",
    ),
    ("Cell", "A control x judge x attacker. Each must pass by itself; nothing is averaged."),
    (
        "Bounds",
        "One-sided, at the policy's confidence. They reckon with comparisons that share a person and with the "
        "uncertainty of the threshold. The interval beside a figure is two-sided, 95 %.",
    ),
    (
        "Judge",
        "A recogniser that compares two recordings. Accepted means score at or above the threshold at which "
        "comparisons of different people of the same kind match at the stated FMR (false match rate).",
    ),
    (
        "Attacker",
        "control: unedited against unedited, which tests the judge. ignorant: outputs against unedited recordings. "
        "lazy-informed: edits its own recordings and compares outputs with outputs. semi-informed: also trains on "
        "outputs of people it does not score.",
    ),
    ("Chance", "What a tool that leaks nothing would show."),
    ("Support", "What a threshold rests on: full, weak, few people (no PASS) or none."),
    ("Imputed", "Trials without a score, counted as a leak for PASS and as none for FAIL."),
    ("Statement", "What an organisation states of itself, and signs. It is shown as stated, and never as tested."),
)


def instruments(report: Report, t: Words, level: int) -> Iterator[Block]:
    """Checks of the harness itself: red ones first."""
    yield Heading(level, t("Instruments"))
    yield Paragraph(t("Checks of the harness itself in this very run. A red one forbids the verdict that it protects."))
    order = (InstrumentState.RED, InstrumentState.NOT_ASSESSABLE, InstrumentState.GREEN)
    found = sorted(report.instruments, key=lambda item: order.index(item.state))
    if not found:
        yield Paragraph(t("No instrument ran."))
        return
    heads = (("Instrument", 1.5), ("State", 1.1), ("Judge", 1.2), ("Attacker", 1.2), ("Protects", 1.3))
    columns = (*(column(t(h), w) for h, w in heads), number(t("Value")), number(t("p value")))
    rows: list[tuple[Entry, ...] | Band] = []
    for item in found:
        name = t.term(item.name.replace("_", " "))
        judge, attacker = item.recogniser or t("all"), t.term(attacker_text(item.attacker)) or DASH
        numbers = (significant(item.value), significant(item.p_value))
        rows.append((name, t.term(STATES[item.state]), judge, attacker, item.protects.value, *numbers))
        rows.append(Band(t.original(f"{item.reason}; would have caught {item.detectable}"), is_note=True))
    yield Grid(t("Instruments"), columns, tuple(rows))


def ledgers(report: Report, t: Words, level: int) -> Iterator[Block]:
    """What became of the cases, and of the outputs by judge."""
    yield Heading(level, t("Ledgers"))
    ledger = report.ledger
    heads = ("attempted", "edited", "refused", "failed", "timed out", "invalid", "unchanged", "blank", "clipped")
    numbers = (
        ledger.attempted, ledger.edited, ledger.refused, ledger.failed, ledger.timed_out, ledger.invalid,
        ledger.unchanged, ledger.blank, ledger.clipped,
    )  # fmt: skip
    caption = t("Cases: attempted = edited + refused + failed + timed out + invalid")
    yield Grid(caption, tuple(number(t.term(head)) for head in heads), (tuple(count(n) for n in numbers),))
    for result in report.results:
        if result.templates:
            names = ("Edited", "Scored", "By the input's region", "FTA", "References", "Without template")
            columns = (column(t("Judge"), 1.6), *(number(t(h)) for h in names))
            rows: list[tuple[Entry, ...]] = []
            for x in result.templates:
                of_judge = (x.edited, x.scored, x.fallback, x.fta, x.references, x.references_without_template)
                rows.append((x.recogniser, *map(count, of_judge)))
            title = result_heading(report, result, t)
            yield Grid(t("{title}, outputs by judge: edited = scored + FTA", title=title), columns, tuple(rows))


def data_and_judges(report: Report, t: Words, level: int) -> Iterator[Block]:
    """The data set, the judges and the detectors, and what is known of them."""
    data = report.dataset
    yield Heading(level, t("Data"))
    consent = ", ".join(f"{t.term(state)} {n}" for state, n in data.consent)
    modality = t.term(MODALITIES[data.modality]) if data.modality else t("faces and voices")
    yield Facts(
        (
            (t("Kind"), f"{data.kind}, {modality}"),
            (t("People"), count(data.n_subjects)),
            (t("Samples"), count(data.n_samples)),
            (t("People tested"), count(data.n_test_subjects)),
            (t("Samples tested"), count(data.n_test_samples)),
            (t("Merged duplicates"), count(data.n_merged_duplicates)),
            (t("Left out for want of consent"), count(data.n_withheld)),
            (t("Consent of the test samples"), consent or t("not counted")),
            (t("Licences"), "; ".join(data.licences) or t("none stated")),
            (t("Sessions"), t("stated") if data.sessions_stated else t("not stated")),
        )
    )
    yield Heading(level, t("Judges"))

    def families(card: JudgeCard) -> str:
        return ", ".join(card.families) or t("not stated")

    if report.judges:
        heads = (("Judge", 1.2), ("Recogniser", 1.6), ("Detector", 1.2), ("Score", 1.0), ("Training families", 1.6),
                 ("Overlap with the test people", 1.4))  # fmt: skip
        rows = tuple(
            (
                c.id,
                c.name,
                c.detector,
                t.term(c.score),
                ", ".join(c.families) or t("not stated"),
                t.term(c.training_overlap),
            )
            for c in report.judges
        )
        yield Grid(t("The recognisers that decided who matches whom"), tuple(column(t(h), w) for h, w in heads), rows)
    else:
        yield Paragraph(t("No recogniser judged."))
    if report.detectors:
        of_detectors = (("Detector", 1.6), ("Name", 1.6), ("Medium", 1.0), ("Trained", 1.4))
        shown = tuple(
            (c.id, c.name, t.term(MODALITIES[c.modality]), t("inside the run") if c.learns else t("elsewhere"))
            for c in report.detectors
        )
        yield Grid(t("Passive detectors"), tuple(column(t(h), w) for h, w in of_detectors), shown)
    for card in report.cards:
        known = "; ".join(card.known_limits) or t("none stated")
        rows_of_card = (
            (t("Licence"), card.licence), (t("Consent"), card.consent_basis), (t("Revision"), card.revision),
            (t("Overlap with the test people"), card.training_overlap), (t("Known limits"), known),
            (t("Source"), card.source),
        )  # fmt: skip
        yield Paragraph(f"{card.title} ({t.term(card.kind)})")
        yield Facts(rows_of_card)


def evidence(report: Report, t: Words, level: int) -> Iterator[Block]:
    """Digests, environment and earlier runs."""
    yield Heading(level, t("Evidence"))
    digests = (
        ("Suite", report.suite.sha256), ("Seal", report.seal.sha256), ("Plan", report.plan.sha256),
        ("Policy", report.policy.digest.sha256), ("Model", report.subject.digest.sha256),
        ("Data set", report.dataset.digest.sha256), *((f"{c.id}", c.digest) for c in report.judges),
    )  # fmt: skip
    labels = [t(label) if i < 6 else label for i, (label, _) in enumerate(digests)]
    yield Facts(tuple((f"SHA-256: {label}", value) for label, (_, value) in zip(labels, digests, strict=True)))
    env, clock = report.environment, report.clock
    yield Facts(
        (
            ("Visavox", env.visavox),
            ("Python", f"{env.python}, {env.platform}, {env.device}"),
            (t("Packages"), ", ".join(f"{k} {v}" for k, v in env.packages) or t("not listed")),
            (t("Started"), time_text(clock.started)),
            (t("Finished"), time_text(clock.finished)),
            (t("Duration, s"), plain(clock.duration_s, 0)),
            (t("Sessions of the run"), count(clock.sessions)),
            (t("Units retried"), count(clock.retried_units)),
            (t("Run"), clock.run or DASH),
        )
    )
    yield Heading(level, t("Earlier runs"))
    earlier = [dict(run) for run in clock.earlier_runs]
    if not earlier:
        yield Paragraph(t("None were on record."))
        return
    heads = (("When", 1.8), ("Verdict", 1.4), ("Run", 1.6), ("Policy", 1.6), ("Seal", 1.6))
    rows = tuple(
        (
            time_text(str(run.get("at") or "")),
            str(run.get("verdict") or t("not finished")) + (t(" (smoke)") if run.get("smoke") else ""),
            *(str(run.get(key) or DASH)[:16] for key in ("run", "policy", "seal")),
        )
        for run in earlier
    )
    yield Grid(t("Sealed runs of the same model and data"), tuple(column(t(h), w) for h, w in heads), rows)


def reading(t: Words, level: int) -> Iterator[Block]:
    """How the words of a report are meant."""
    yield Heading(level, t("How to read this"))
    yield Facts(tuple((t(word), t(meaning)) for word, meaning in READING))
