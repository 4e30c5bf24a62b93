"""What an organisation has to attest of a control, and what became of it; never a test."""

from __future__ import annotations

from collections.abc import Sequence

from visavox.core.report import AttestationCard, Cell
from visavox.core.terms import AttestationVerdict, Verdict

from .facts import Facts
from .records import Control


def asks_a_statement(control: Control, cells: Sequence[Cell], facts: Facts) -> bool:
    """Whether an organisation has to attest a control: it binds the tool, and one of the run's modalities."""
    judged = {cell.modality for cell in cells} | {result.modality for result in facts.results}
    is_there = bool((judged - {None} or set(control.modalities)) & set(control.modalities))
    return control.is_attested and control.binds(facts.tool_class, facts.duties) and is_there


def cards_of(control: Control, facts: Facts) -> tuple[AttestationCard, ...]:
    """What was attested of a control; one card that says so where nothing was."""
    found = tuple(card for card in facts.attestations if card.id == control.id)
    return found or (missing_card(control),)


def missing_card(control: Control) -> AttestationCard:
    """The card of a control that nobody attested."""
    reason = "nobody attested it: `visavox attest` writes what is asked"
    statement = control.statement.en if control.statement else ""
    return AttestationCard(id=control.id, verdict=AttestationVerdict.MISSING, statement=statement, reason=reason)


def attested(card: AttestationCard) -> tuple[Verdict, str]:
    """A statement passes as attested; whatever is wrong with it, nothing was measured that could fail."""
    if card.verdict is AttestationVerdict.ATTESTED:
        return Verdict.PASS, f"attested by {card.owner} on {card.date}, until {card.expires}; not tested"
    return Verdict.INCONCLUSIVE, f"{card.verdict.value.replace('_', ' ')}: {card.reason}"
