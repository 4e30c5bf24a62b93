"""The second stage: templates of originals, outputs and masked outputs, by every recogniser."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from visavox.core.records import EditRow
from visavox.core.terms import Outcome
from visavox.ports.assessment import EDITED, MASKED, NO_TEMPLATE, ORIGINAL, PROBED, REPEATED
from visavox.ports.dataset import Dataset
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Located, Recogniser, Vectors

from . import tables
from .beside import Check, go_on
from .cache import TemplateCache
from .folder import RunFolder
from .journal import Journal
from .medium import MASK_MARGIN, LocatedIn, Medium
from .plan import Plan
from .progress import Progress, Step
from .store import Store

Found = Located | FailureToAcquire
_READERS = min(4, os.cpu_count() or 1)
_AHEAD_BYTES = 256 << 20


class Item(NamedTuple):
    """One thing to embed.

    Attributes:
        key: its name in the templates' table: a sample id or a case id.
        digest: of the media; of a masked output, the output's.
        read: gives the medium.
        source: the sample whose located part serves where none is found; empty for originals.
    """

    key: str
    digest: str
    read: Callable[[], Media]
    source: str


class Embedder:
    """Embeds the sets of a run, unit by unit, with every recogniser at once.

    A unit is finished or done again whole, in the same batches, so that a resumed run ends with the same templates.
    """

    def __init__(
        self,
        recognisers: Sequence[Recogniser],
        folder: RunFolder,
        journal: Journal,
        *,
        medium: Medium,
        cache: TemplateCache | None,
        progress: Progress,
    ) -> None:
        self._recognisers, self._folder, self._journal = tuple(recognisers), folder, journal
        self._medium = medium
        self._cache, self._progress = cache, progress
        self._regions: dict[tuple[str, str], dict[str, LocatedIn]] = {}

    def run(self, plan: Plan, dataset: Dataset, rows: dict[str, EditRow]) -> None:
        """Embeds originals, outputs and masked outputs; what is finished already is left as it is."""
        store = Store(self._folder.media)
        with ThreadPoolExecutor(_READERS, thread_name_prefix="visavox-read") as pool:
            for name, items in items_of(plan, dataset, rows, store, self._medium).items():
                self._set(name, items, plan.units(len(items)), pool, go_on)

    def originals(self, plan: Plan, dataset: Dataset, check: Check) -> None:
        """Embeds the originals alone, for which nothing needs to be edited yet."""
        with ThreadPoolExecutor(_READERS, thread_name_prefix="visavox-read") as pool:
            self._set(ORIGINAL, originals_of(plan, dataset, self._medium), plan.units(len(plan.samples)), pool, check)

    def regions(self, detector: str, name: str) -> dict[str, LocatedIn]:
        """What a detector located in a set, by item."""
        return self._all_regions(detector, name)

    def parts(self, recogniser: str, name: str, n_units: int) -> list[Path]:
        """The templates' files of one recogniser and set."""
        return [self._template_part(recogniser, name, number) for number in range(n_units)]

    def _set(
        self, name: str, items: Sequence[Item], units: Sequence[range], pool: ThreadPoolExecutor, check: Check
    ) -> None:
        stage = f"embed/{name}"
        open_units = [number for number in range(len(units)) if not self._journal.is_finished(stage, number)]
        if not open_units:
            return
        media = read_ahead(pool, [[items[i] for i in units[number]] for number in open_units], self._medium)
        for number, unit in enumerate(units):
            check()
            if number in open_units:
                started = time.monotonic()
                self._unit(name, number, [items[i] for i in unit], next(media))
                self._journal.finish(stage, number, duration_s=time.monotonic() - started)
            self._progress(Step(f"embed {name}", unit.stop, len(items)))

    def _unit(self, name: str, number: int, items: Sequence[Item], media: Sequence[Media]) -> None:
        for detector, owner in {r.detector: r for r in self._recognisers}.items():
            found = self._locate(owner, name, number, items, media)
            regions, states, shown = self._choose(detector, name, items, media, found)
            for recogniser in self._recognisers:
                if recogniser.detector == detector:
                    templates = self._templates(recogniser, name, items, shown, regions)
                    final = [
                        s if not isinstance(t, FailureToAcquire) else NO_TEMPLATE
                        for s, t in zip(states, templates, strict=True)
                    ]
                    path = self._template_part(recogniser.id, name, number)
                    tables.write_templates(path, [item.key for item in items], final, templates)

    def _locate(
        self, recogniser: Recogniser, name: str, number: int, items: Sequence[Item], media: Sequence[Media]
    ) -> list[Found]:
        """What is located in the media themselves; of masked outputs, in the outputs."""
        if name == MASKED:
            known = self._all_regions(recogniser.detector, EDITED)
            return [known[item.key].found for item in items]
        found: list[Found | None] = [None] * len(items)
        if self._cache is not None:
            found = [self._cache.region(item.digest, recogniser.detector) for item in items]
        missing = [i for i, value in enumerate(found) if value is None]
        for i, value in zip(missing, recogniser.locate([media[i] for i in missing]) if missing else [], strict=True):
            found[i] = value
            if self._cache is not None:
                self._cache.put_region(items[i].digest, recogniser.detector, value)
        regions = [value for value in found if value is not None]
        located = [LocatedIn(r, self._medium.size(one)) for r, one in zip(regions, media, strict=True)]
        tables.write_regions(self._region_part(recogniser.detector, name, number), [i.key for i in items], located)
        self._regions.pop((recogniser.detector, name), None)
        return regions

    def _choose(
        self, detector: str, name: str, items: Sequence[Item], media: Sequence[Media], found: Sequence[Found]
    ) -> tuple[list[Found], list[int], list[Media]]:
        """What to embed, its state, and the medium: without its biometric part, or as it is."""
        originals = {} if name == ORIGINAL else self._all_regions(detector, ORIGINAL)
        regions: list[Found] = []
        states: list[int] = []
        shown: list[Media] = []
        for item, whole, region in zip(items, media, found, strict=True):
            chosen, state = self._medium.attacked(region, whole, originals.get(item.source))
            is_masked = name == MASKED and not isinstance(chosen, FailureToAcquire)
            left, chosen = self._medium.background(whole, chosen) if is_masked else (whole, chosen)
            regions.append(chosen)
            states.append(state)
            shown.append(left)
        return regions, states, shown

    def _templates(
        self,
        recogniser: Recogniser,
        name: str,
        items: Sequence[Item],
        media: Sequence[Media],
        regions: Sequence[Found],
    ) -> list[Vectors | FailureToAcquire]:
        made: list[Vectors | FailureToAcquire | None] = [
            region if isinstance(region, FailureToAcquire) else None for region in regions
        ]
        cache = self._cache
        shown = [f"{item.digest}, masked by {MASK_MARGIN}" if name == MASKED else item.digest for item in items]
        if cache is not None:
            for i, region in enumerate(regions):
                if not isinstance(region, FailureToAcquire):
                    made[i] = cache.template(shown[i], recogniser.digest, region)
        todo = [(i, r) for i, r in enumerate(regions) if made[i] is None and not isinstance(r, FailureToAcquire)]
        if todo:
            fresh = recogniser.embed([media[i] for i, _ in todo], [region for _, region in todo])
            for (i, region), template in zip(todo, map(checked_template, fresh), strict=True):
                made[i] = template
                if cache is not None:
                    cache.put_template(shown[i], recogniser.digest, region, template)
        return [value for value in made if value is not None]

    def _all_regions(self, detector: str, name: str) -> dict[str, LocatedIn]:
        key = (detector, name)
        if key not in self._regions:
            folder = self._region_part(detector, name, 0).parent
            self._regions[key] = tables.read_regions(sorted(folder.glob(f"{name}-*.parquet")))
        return self._regions[key]

    def _region_part(self, detector: str, name: str, number: int) -> Path:
        return self._folder.templates / "regions" / detector.replace("/", "-") / f"{name}-{number:05d}.parquet"

    def _template_part(self, recogniser: str, name: str, number: int) -> Path:
        return self._folder.templates / recogniser / f"{name}-{number:05d}.parquet"


def read_ahead(pool: ThreadPoolExecutor, units: Sequence[Sequence[Item]], medium: Medium) -> Iterator[list[Media]]:
    """The media of one unit after another; while one is at the networks the next is read and decoded.

    Where a unit's media are large the next one waits its turn, so that memory holds one unit.
    """
    ahead: list[Future[Media]] = []
    for number, items in enumerate(units):
        media = [future.result() for future in ahead] or list(pool.map(lambda item: item.read(), items))
        is_small = sum(medium.n_bytes(one) for one in media) <= _AHEAD_BYTES
        ahead = [pool.submit(item.read) for item in units[number + 1]] if is_small and number + 1 < len(units) else []
        yield media


def checked_template(template: Vectors | FailureToAcquire) -> Vectors | FailureToAcquire:
    """A template as it is, or a failure to acquire where a recogniser gave none that can be compared."""
    if isinstance(template, FailureToAcquire):
        return template
    if template.ndim != 1 or template.size == 0 or not np.isfinite(template).all():
        return FailureToAcquire("the recogniser gave a template that is empty or not finite")
    return template


def items_of(
    plan: Plan, dataset: Dataset, rows: dict[str, EditRow], store: Store, medium: Medium
) -> dict[str, list[Item]]:
    """The sets to embed, each in the plan's order; only edited cases have outputs."""

    def output(number: int) -> Item:
        case = plan.cases[number]
        digest = rows[case.id].outputs[0].digest
        sample = plan.case_sample[number]
        source = plan.samples[sample].id if sample >= 0 else ""
        return Item(case.id, digest, lambda: medium.decode(store.read(digest)), source)

    outputs = {name: [output(i) for i in cases] for name, cases in cases_of_sets(plan, rows).items()}
    return {ORIGINAL: originals_of(plan, dataset, medium), **outputs}


def originals_of(plan: Plan, dataset: Dataset, medium: Medium) -> list[Item]:
    """The test samples as they are."""

    def original(number: int) -> Item:
        sample = plan.samples[number]
        return Item(sample.id, plan.sample_digests[number], lambda: medium.decode(dataset.read(sample.id)), source="")

    return [original(number) for number in range(len(plan.samples))]


def cases_of_sets(plan: Plan, rows: dict[str, EditRow]) -> dict[str, list[int]]:
    """Numbers of the cases with an output, by set; masked ones come after those whose regions they use."""
    edited = [rows[case.id].outcome is Outcome.EDITED for case in plan.cases]
    first = set(plan.first_attempts)
    probed = {i for i, probe in enumerate(plan.case_probe) if probe}
    tokens = {i for i, name in enumerate(plan.case_token_probe) if name}  # served or not: nobody asks whom they show
    return {
        EDITED: [i for i in sorted(first) if edited[i]],
        REPEATED: [i for i in range(len(edited)) if edited[i] and i not in first and i not in probed],
        PROBED: [i for i in sorted(probed - tokens) if edited[i]],
        MASKED: [i for i in plan.masked if edited[i]],
    }
