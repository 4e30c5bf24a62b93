"""What every recogniser says of itself, of faces and of voices alike."""

from __future__ import annotations

from visavox.core.report import JudgeCard
from visavox.core.terms import Modality
from visavox.ports.recogniser import Recogniser


def assert_it_says_what_it_is(judge: Recogniser, modality: Modality) -> None:
    """Its id is the suite's, and a report's card of it is complete."""
    assert judge.id.startswith("my-") and judge.modality is modality
    card = JudgeCard(
        id=judge.id, name="x", digest=judge.digest, detector=judge.detector, score=judge.score,
        families=tuple(sorted(judge.families)), training_overlap=judge.training_overlap,
    )  # fmt: skip
    assert card.families and card.detector and card.score
    assert judge.training_overlap in {"none", "some", "unknown"}


def assert_made_again_it_is_the_same(judge: Recogniser, again: Recogniser) -> None:
    """Digests do not depend on the process or the name."""
    assert (again.digest, again.detector) == (judge.digest, judge.detector)
