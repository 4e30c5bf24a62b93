"""What an organisation attested, looked at again on the day of the gate: its time, and the files that it rests on."""

from __future__ import annotations

from pathlib import Path

from visavox.api.attesting import attested_at, refuse_expired_attestations
from visavox.api.gate_evidence import Evidence
from visavox.core.errors import ConfigError, EvidenceError
from visavox.core.terms import AttestationVerdict


def check_attested(run: Evidence) -> tuple[str, ...]:
    """Gives what could not be checked, in words: evidence stays with its owner, and may not be at hand.

    Raises:
        EvidenceError: a statement that a control rests on has expired, or a file of its evidence is no longer the one
            that it names.
    """
    refuse_expired_attestations(run.report)
    stated = {
        card.digest: card
        for control in run.report.decision.controls
        for card in control.attestations
        if card.verdict is AttestationVerdict.ATTESTED
    }
    places = [place for place in run.suite.attestations if Path(place).exists()]
    try:
        found = attested_at(places, run.policy, run.duties).cards if places else ()
    except ConfigError as error:
        raise EvidenceError(error.asked, found=error.found, todo=error.todo) from error
    at_hand = {card.digest: card for card in found}
    for digest, card in stated.items():
        now = at_hand.get(digest)
        if now is not None and now.verdict is not AttestationVerdict.ATTESTED:
            raise EvidenceError(
                f"check the evidence of {card.id}",
                found=f"{now.verdict.value.replace('_', ' ')}: {now.reason}",
                todo="restore the files that were attested, or have them attested anew and run the suite again",
            )
    missing = sorted(card.id for digest, card in stated.items() if digest not in at_hand)
    return (f"the files that {', '.join(missing)} rest on: they are not here",) if missing else ()
