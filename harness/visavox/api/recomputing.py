"""A finished run's figures, made again from its folder alone: no judge, no model, no medium, no data set, no network.

What an assessment reads lies there as tables of scores and of what was found case by case, beside plan, policy and
journal; its two functions are pure, so that they give what they gave in the run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from visavox.api.assessing import assess_all, ledger_result, score_tables
from visavox.api.detection import ASSESSMENT as DETECTABILITY
from visavox.api.detection import NOT_LOOKED, LookedFor, wants_detection
from visavox.api.gate_evidence import Evidence
from visavox.api.kept_journal import journal_of
from visavox.api.utility import wants_utility
from visavox.core.config import Suite
from visavox.core.contracts import contract
from visavox.core.errors import EvidenceError, VisavoxError
from visavox.core.figures import AssessmentResult, CaseLedger
from visavox.core.terms import Consent, Modality
from visavox.engine.acquired import acquired_path
from visavox.engine.detection import media_to_score, read_detection
from visavox.engine.detection.looked_for import (
    looked_for_files,
    read_after,
    read_packs,
    read_perceptible,
    read_watermark,
)
from visavox.engine.detection.parts import stage_files
from visavox.engine.edit import case_ledger, summed
from visavox.engine.folder import RunFolder
from visavox.engine.kept_scores import KeptScores, kept_view, refuse_other_tables
from visavox.engine.plan import Plan
from visavox.engine.tables import PEOPLE, read_part
from visavox.engine.utility_parts import kept_figures, utility_files
from visavox.policy.load import LoadedPolicy
from visavox.ports.assessment import Assessment, assessments

_AGAIN = "the run folder was altered after the run ended, or a part of it was lost; run again in a new folder"


class Recomputed(NamedTuple):
    """What a run folder's tables give.

    Attributes:
        files: the tables that were read, as paths below the run folder.
        n_scores: comparison scores in them.
    """

    results: tuple[AssessmentResult, ...]
    ledger: CaseLedger
    files: tuple[str, ...]
    n_scores: int


class Recorded(NamedTuple):
    """What was fixed before a finished run on one modality."""

    suite: Suite
    plan: Plan
    policy: LoadedPolicy


def recompute(run: Evidence) -> Recomputed:
    """Every figure of a run again, from its trial-level tables.

    Raises:
        EvidenceError: a table is absent, unreadable, of other comparisons than the plan asks for, or one too many; or
            a plug-in that the suite names is not installed.
    """
    try:
        return _recompute(run)
    except EvidenceError:
        raise
    except VisavoxError as error:
        raise EvidenceError(error.asked, found=error.found, todo=error.todo or _AGAIN) from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise EvidenceError(
            f"make the figures of {run.folder.root} again",
            found=f"its tables hold what no run writes: {type(error).__name__}: {error}"[:300],
            todo=_AGAIN,
        ) from error


def _recompute(run: Evidence) -> Recomputed:
    results: list[AssessmentResult] = []
    ledgers: list[CaseLedger] = []
    known: set[str] = set()
    n_scores = 0
    policy = LoadedPolicy(policy=run.policy, text="", digest=run.seal.policy)
    for modality in (one for one in Modality if one in run.plans):
        folder = run.folder if len(run.plans) == 1 else run.folder.part(modality.value)
        part = _Part(run, Recorded(run.suite, run.plans[modality], policy), folder)
        refuse_other_tables(folder, part.files())  # before it is read, so that a missing part is named
        results += part.results()
        ledgers.append(case_ledger(part.recorded.plan, part.rows))
        place = folder.root.relative_to(run.folder.root)
        known |= {(place / name).as_posix() for name in part.files()}
        n_scores += part.n_scores
    refuse_other_tables(run.folder, known)
    return Recomputed(tuple(results), summed(ledgers), tuple(sorted(known)), n_scores)


class _Part:
    """The tables of one modality's part of a finished run."""

    def __init__(self, run: Evidence, recorded: Recorded, folder: RunFolder) -> None:
        self.recorded, self._run, self._folder = recorded, run, folder
        with journal_of(folder) as journal:
            self.rows = {name: edit.row for name, edit in journal.edits().items()}
        plan, suite = recorded.plan, recorded.suite
        self._wanted: dict[str, Assessment] = {name: assessments.get(name)() for name, _ in suite.assessments}
        self._tables = score_tables(suite, self._wanted)
        self._refuse_too_little()
        cards = [card for card in run.seal.judges if len(run.plans) == 1 or acquired_path(folder, card.id).exists()]
        self._judges = {card: KeptScores(folder, card.id, plan, self.rows) for card in cards}
        row = contract(suite.editor.tool_class)
        self._has_utility = any(wants_utility(one, row) for one in self._wanted.values())
        self._has_detection = any(wants_detection(one, row) for one in self._wanted.values())
        self._packs = read_packs(folder) if self._has_detection else ()

    @property
    def n_scores(self) -> int:
        """Comparison scores in the tables."""
        return sum(len(kept.read(table).score) for kept in self._judges.values() for table in self._tables)

    def files(self) -> set[str]:
        """Every table that a run writes of this part, as paths below its folder."""
        folder, plan = self._folder, self.recorded.plan
        found = {folder.people.name}
        for kept in self._judges.values():
            found |= kept.files(self._tables)
        if self._has_utility:
            found |= utility_files(folder, plan, self.rows)
        if self._has_detection:
            n = sum(len(pack.of(plan.modality)) for pack in self._packs)
            found |= stage_files(folder.root, n) | looked_for_files(folder)
        return found

    def results(self) -> list[AssessmentResult]:
        """What the suite's assessments say of them."""
        plan = self.recorded.plan
        self._refuse_other_people()
        views = tuple(kept_view(card, plan, kept, self._folder, self._tables) for card, kept in self._judges.items())
        figures = kept_figures(self._folder, plan, self.rows) if self._has_utility else {}
        looked = self._looked() if self._has_detection else NOT_LOOKED
        made = assess_all(self.recorded, self._wanted, views, self.rows, figures, looked)
        return [*made, ledger_result(self.recorded, self.rows)]

    def _looked(self) -> LookedFor:
        folder, plan, suite = self._folder, self.recorded.plan, self.recorded.suite
        sealed = {digest for _, _, digest in self._run.seal.perturbations}
        strange = [pack.name for pack in self._packs if pack.digest not in sealed]
        if strange:
            raise EvidenceError(
                f"read the packs of perturbations of {folder.root}",
                found=f"{strange[0]} is not the one that was sealed",
                todo=_AGAIN,
            )
        learns = {card.id: card.learns for card in self._run.seal.detectors if card.modality is plan.modality}
        items = media_to_score(plan, self.rows)
        asks_labels = suite.options(DETECTABILITY).perceptible_labels
        found = read_detection(folder.root, plan, items, learns=learns, packs=self._packs)
        return LookedFor(
            replace(found, marks_after=read_after(folder, plan, self._packs)),
            read_perceptible(folder, plan) if asks_labels else (),
            None if suite.watermark is None else read_watermark(folder, plan, suite.watermark),
        )

    def _refuse_too_little(self) -> None:
        if not any(acquired_path(self._folder, card.id).exists() for card in self._run.seal.judges):
            raise EvidenceError(
                f"make the figures of {self._folder.root} again",
                found="it does not say of which media there were templates",
                todo="an earlier version of visavox wrote it, or part of it was lost; run again in a new folder",
            )

    def _refuse_other_people(self) -> None:
        """Who is who in the tables, as the plan has it, and what consent they stated, as the report counts it."""
        plan, asked = self.recorded.plan, f"read {self._folder.people.name} of {self._folder.root}"
        found = read_part(self._folder.people, PEOPLE).to_pylist()
        consents = [Consent(row.pop("consent")) for row in found]
        wanted = [{"sample": s.id, "person": s.person, "session": s.session, "fold": s.fold} for s in plan.samples]
        if found != wanted:
            raise EvidenceError(asked, found="its people are not those of the plan", todo=_AGAIN)
        stated = self._run.report.dataset
        own = next((part for part in stated.parts if part.modality is plan.modality), stated)
        counts = dict(Counter(consent.value for consent in consents))
        if dict(own.consent) != counts:
            raise EvidenceError(
                asked, found=f"it counts consent as {counts}, the report as {dict(own.consent)}", todo=_AGAIN
            )
        for case, *samples in zip(plan.case_consent, plan.case_sample, plan.second_sample, strict=True):
            its_own = {consents[i] for i in samples if i >= 0}
            if (
                its_own
                and case in {Consent.GRANTED, Consent.UNSTATED}
                and (its_own == {Consent.GRANTED}) != (case is Consent.GRANTED)
            ):
                raise EvidenceError(asked, found="its consent is not that of the planned cases", todo=_AGAIN)
