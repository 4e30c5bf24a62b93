"""The first stage: the model under test edits every case, in a supervised process of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from logging import Logger
from pathlib import Path
from typing import Any, NamedTuple

from visavox.core.config import Suite
from visavox.core.errors import ConfigError, EditorError, LedgerError, MediaError
from visavox.core.figures import CaseLedger
from visavox.core.records import Case, EditRow, Output
from visavox.core.seeding import child_seed
from visavox.core.terms import Outcome
from visavox.ports.dataset import Dataset
from visavox.ports.editor import EditRequest, Media

from .beside import Check, go_on
from .clipping import is_clipped
from .consent import Told, prompted, tell, word_told
from .edit_cache import EditCache
from .folder import EDITOR_STDERR, RunFolder
from .journal import Journal, JournalledEdit
from .medium import MEDIA, Medium
from .plan import Plan
from .progress import Progress, Step
from .store import Store
from .worker import CaseResult, EditorLimits, EditorWorker

STAGE = "edit"
FIRST_CASES = 20
_UNUSABLE = {Outcome.FAILED, Outcome.TIMED_OUT, Outcome.INVALID}


def editor_worker(suite: Suite, *, device: str, scratch: Path, stderr_path: Path) -> EditorWorker:
    """The supervised worker of a suite's editor."""
    limits = EditorLimits(
        timeout_s=suite.execution.timeout_s,
        load_timeout_s=suite.execution.load_timeout_s,
        memory_mb=suite.execution.memory_mb,
    )
    spec: dict[str, Any] = suite.editor.model_dump(mode="json")
    return EditorWorker(spec, device=device, limits=limits, scratch=scratch, stderr_path=stderr_path)


def request_of(
    number: int, plan: Plan, suite: Suite, dataset: Dataset, medium: Medium | None, told: Told | None = None
) -> EditRequest:
    """The editor's view of a case, its media decoded; without any where no medium is named.

    Args:
        told: of consent, from ``tell``; None: in a word, as editors are told that take no tokens.
    """
    case, spec, told = plan.cases[number], suite.editor.consent, told or word_told(plan, number)
    media: dict[str, Media] = {}
    if medium is not None:
        media = {role.role: medium.decode(dataset.read(role.sample_id)) for role in case.roles}
    return EditRequest(
        case_id=case.id,
        operation=case.operation.value,
        seed=case.seed,
        media=media,
        consent=told.consent,
        params=prompted(dict(suite.editor.params), spec.prompt if spec else None, told.says),
        person=f"{child_seed(suite.seed, 'person', plan.case_person[number]):016x}",
    )


def check_inputs(plan: Plan, dataset: Dataset) -> None:
    """Decodes every test sample once, so that bad media are one error before any model runs.

    Two recordings with the same pixels, or the same samples of sound, are one recording in two files: they would make
    a blind judge look competent.

    Raises:
        MediaError: naming every sample that is no usable image or sound, or has the content of another one.
    """
    medium = MEDIA[plan.modality]
    faults = []
    seen: dict[str, str] = {}
    for sample in plan.samples:
        try:
            media = medium.decode(dataset.read(sample.id))
        except MediaError as error:
            faults.append(f"  {dataset.location(sample.id)}: {error.found or error.asked}")
            continue
        first = seen.setdefault(medium.content(media), sample.id)
        if first != sample.id:
            faults.append(f"  {dataset.location(sample.id)}: {medium.repeats} {dataset.location(first)}")
    if faults:
        raise MediaError(
            f"decode the {len(plan.samples)} test samples",
            found="\n".join(faults[:20] + ([f"  ... and {len(faults) - 20} more"] if len(faults) > 20 else [])),
            todo="replace these files or leave their rows out of the manifest",
        )


def edit_all(
    suite: Suite,
    plan: Plan,
    dataset: Dataset,
    folder: RunFolder,
    journal: Journal,
    *,
    device: str,
    progress: Progress,
    log: Logger,
    meanwhile: Callable[[], AbstractContextManager[Check]] = lambda: nullcontext(go_on),
) -> dict[str, EditRow]:
    """Edits every case that the journal does not hold yet; returns every row by case id.

    Args:
        meanwhile: entered for as long as the model under test edits, where it has to; see ``beside``.

    Raises:
        EditorError: the editor cannot be loaded, or its first 20 cases all failed.
        LedgerError: rows and cases do not add up.
    """
    units = plan.units(len(plan.cases))
    open_units = [n for n in range(len(units)) if not journal.is_finished(STAGE, n)]
    if open_units:
        store = Store(folder.media)
        digests = {sample.id: digest for sample, digest in zip(plan.samples, plan.sample_digests, strict=True)}
        cache = EditCache(suite, digests, device=device) if suite.execution.cache else None
        stage = _Stage(suite, plan, dataset, journal, store, cache, progress, log)
        open_units = [number for number in open_units if not stage.take_known(number, units[number])]
        if open_units:
            folder.scratch.mkdir(mode=0o700)
            worker = editor_worker(suite, device=device, scratch=folder.scratch, stderr_path=folder.editor_stderr)
            try:
                with meanwhile() as check, worker:  # the worker goes before the originals are waited for
                    for number in open_units:
                        check()
                        stage.edit(number, units[number], worker)
            finally:
                folder.sweep()
    rows = {case: entry.row for case, entry in journal.edits().items()}
    if set(rows) != {case.id for case in plan.cases}:
        raise LedgerError(
            "account for every case", found=f"{len(rows)} rows for {len(plan.cases)} cases", todo="run in a new folder"
        )
    return rows


class _Stage:
    """The units of the first stage, each taken from the cache of edits or edited, and journalled."""

    def __init__(
        self,
        suite: Suite,
        plan: Plan,
        dataset: Dataset,
        journal: Journal,
        store: Store,
        cache: EditCache | None,
        progress: Progress,
        log: Logger,
    ) -> None:
        self._suite, self._plan, self._dataset, self._medium = suite, plan, dataset, MEDIA[plan.modality]
        self._journal, self._store, self._cache = journal, store, cache
        self._progress, self._log, self._told = progress, log, tell(suite, plan, dataset)
        self._done = len(journal.edits())
        progress(Step("edit", self._done, len(plan.cases)))

    def take_known(self, number: int, unit: range) -> bool:
        """Whether the cache of edits knew every case of the unit; no medium is decoded for it."""
        started = time.monotonic()
        rows = (
            self._cache.unit(self._requests(unit, decoded=False), self._roles(unit), self._store) if self._cache else []
        )
        if rows:
            self._finish(number, started, [JournalledEdit(row, "") for row in rows])
        return bool(rows)

    def edit(self, number: int, unit: range, worker: EditorWorker) -> None:
        """Has the worker edit a unit.

        Raises:
            EditorError: every case of the first one failed, or the editor cannot be loaded.
        """
        started = time.monotonic()
        requests = self._requests(unit, decoded=True)
        edits = [
            _journalled(request, result, self._store, self._medium)
            for request, result in zip(requests, worker.run_unit(requests), strict=True)
        ]
        if self._cache:
            self._cache.keep(requests, self._roles(unit), [edit.row for edit in edits], self._store)
        if number == 0:
            _refuse_dead_editor(edits)
        self._finish(number, started, edits)

    def _requests(self, unit: range, *, decoded: bool) -> list[EditRequest]:
        plan, medium = self._plan, self._medium if decoded else None
        return [request_of(i, plan, self._suite, self._dataset, medium, self._told[i]) for i in unit]

    def _roles(self, unit: range) -> list[dict[str, str]]:
        return [{role.role: role.sample_id for role in self._plan.cases[i].roles} for i in unit]

    def _finish(self, number: int, started: float, edits: Sequence[JournalledEdit]) -> None:
        for edit in edits:
            if edit.row.outcome is not Outcome.EDITED or edit.row.reason:
                self._log.info("case %s %s: %s", edit.row.case_id, edit.row.outcome.value, edit.row.reason)
        self._journal.finish(STAGE, number, duration_s=time.monotonic() - started, edits=edits)
        self._done += len(edits)
        self._progress(Step("edit", self._done, len(self._plan.cases)))


def _journalled(request: EditRequest, result: CaseResult, store: Store, medium: Medium) -> JournalledEdit:
    if result.case_id != request.case_id:
        raise LedgerError("match results to cases", found=f"{result.case_id} for {request.case_id}", todo="report this")
    outputs: tuple[Output, ...] = ()
    reason = result.reason
    if result.outcome is Outcome.EDITED:
        source = next(iter(request.media.values()), None)
        outputs, reason = (_output(result, source, store, medium),), medium.defect(result.media, source)
    row = EditRow(case_id=result.case_id, outcome=result.outcome, outputs=outputs, reason=reason)
    return JournalledEdit(row, result.stderr_tail)


def _output(result: CaseResult, source: Media | None, store: Store, medium: Medium) -> Output:
    media = result.media
    if media is None:
        raise LedgerError("store an output", found="none in an edited case", todo="report this")
    return Output(
        digest=store.put(medium.encode(media)),
        unchanged=source is not None and medium.is_same(media, source),
        blank=medium.is_blank(media),
        shape=medium.shape(media),
        leaks=result.leaks,
        labels=result.labels,
    )


def _refuse_dead_editor(edits: list[JournalledEdit]) -> None:
    first = edits[:FIRST_CASES]
    if all(edit.row.outcome in _UNUSABLE for edit in first):
        raise EditorError(
            f"edit the first {len(first)} cases",
            found=f"all of them failed; the first: {_cause(first[0])}",
            todo=f"{EDITOR_STDERR} in the run folder has the rest; replay one: visavox run SUITE --case "
            f"{first[0].row.case_id}",
        )


def _cause(edit: JournalledEdit) -> str:
    """Why a case has no output, in one line or two: of a traceback the last line alone, and that not twice."""
    reason, written = edit.row.reason, edit.stderr_tail.rstrip().splitlines()
    last = written[-1].strip() if written else ""
    return reason if not last or reason.endswith(last.partition(": ")[2] or last) else f"{reason}\n{last}"


def case_ledger(plan: Plan, rows: dict[str, EditRow]) -> CaseLedger:
    """The ledger of cases; adds up or the run ends.

    Raises:
        LedgerError: attempted is not the sum of the outcomes.
    """
    counts = {outcome: 0 for outcome in Outcome}
    for case in plan.cases:
        counts[rows[case.id].outcome] += 1
    edited = [rows[case.id] for case in plan.cases if rows[case.id].outcome is Outcome.EDITED]
    ledger = CaseLedger(
        attempted=len(plan.cases),
        unchanged=sum(output.unchanged for row in edited for output in row.outputs),
        blank=sum(output.blank for row in edited for output in row.outputs),
        clipped=sum(is_clipped(row) for row in edited),
        **{outcome.value: count for outcome, count in counts.items()},
    )
    parts = ledger.edited + ledger.refused + ledger.failed + ledger.timed_out + ledger.invalid
    if ledger.attempted != parts:
        raise LedgerError(
            "add up the cases", found=f"{ledger.attempted} attempted, {parts} accounted for", todo="report this"
        )
    return ledger


def summed(ledgers: Sequence[CaseLedger]) -> CaseLedger:
    """The ledger of all parts of a run."""
    return CaseLedger(**{name: sum(getattr(ledger, name) for ledger in ledgers) for name in CaseLedger.model_fields})


class Replay(NamedTuple):
    """A case run twice, each time in a new worker; ``defects`` says what is wrong with an output that is one."""

    case: Case
    results: tuple[CaseResult, CaseResult]
    seconds: tuple[float, float]
    medium: Medium
    defects: tuple[str, str] = ("", "")

    @property
    def is_bit_equal(self) -> bool:
        """Whether both outcomes are equal to the last bit."""
        first, second = self.results
        return (
            first.outcome is second.outcome
            and first.media is not None
            and second.media is not None
            and self.medium.is_same(first.media, second.media)
        )


def replay(suite: Suite, plan: Plan, dataset: Dataset, wanted: str, *, device: str) -> Replay:
    """Edits one case twice; writes nothing.

    Raises:
        ConfigError: no case bears that id.
    """
    numbers = [number for number, case in enumerate(plan.cases) if case.id == wanted]
    if not numbers:
        raise ConfigError(
            f"replay the case {wanted}",
            found=f"none of the plan's {len(plan.cases)} cases bears that id",
            todo="`visavox plan SUITE --cases FILE` lists them; run.log names those that were not edited",
        )
    number, medium = numbers[0], MEDIA[plan.modality]
    request = request_of(number, plan, suite, dataset, medium, tell(suite, plan, dataset)[number])
    source = next(iter(request.media.values()), None)
    results, seconds = [], []
    for _ in range(2):
        with tempfile.TemporaryDirectory(prefix="visavox-") as scratch:
            worker = editor_worker(
                suite, device=device, scratch=Path(scratch), stderr_path=Path(scratch) / "stderr.log"
            )
            with worker:
                started = time.monotonic()
                results.append(worker.run_unit([request])[0])
                seconds.append(time.monotonic() - started)
    defects = ["" if result.media is None else medium.defect(result.media, source) for result in results]
    return Replay(
        plan.cases[number], (results[0], results[1]), (seconds[0], seconds[1]), medium, (defects[0], defects[1])
    )
