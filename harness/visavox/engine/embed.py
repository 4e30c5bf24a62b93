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
from visavox.media.image import decode_image
from visavox.ports.assessment import DETECTED, EDITED, FALLBACK, MASKED, NO_TEMPLATE, ORIGINAL, PROBED, REPEATED
from visavox.ports.dataset import Dataset
from visavox.ports.editor import Image
from visavox.ports.recogniser import FailureToAcquire, Recogniser, Region, Vectors

from . import tables
from .cache import TemplateCache
from .folder import RunFolder
from .journal import Journal
from .plan import Plan
from .progress import Progress, Step
from .store import Store
from .tables import LocatedIn

Located = Region | FailureToAcquire
_READERS = min(4, os.cpu_count() or 1)
_AHEAD_BYTES = 256 << 20
MASK_MARGIN = 0.1
"""The masked box is larger than the face's by this share of its sides, each way."""


class Item(NamedTuple):
    """One thing to embed.

    Attributes:
        key: its name in the templates' table: a sample id or a case id.
        digest: of the media; of a masked output, the output's.
        read: gives the image.
        source: the sample whose region serves where no face is found; empty for originals.
    """

    key: str
    digest: str
    read: Callable[[], Image]
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
        cache: TemplateCache | None,
        progress: Progress,
    ) -> None:
        self._recognisers, self._folder, self._journal = tuple(recognisers), folder, journal
        self._cache, self._progress = cache, progress
        self._regions: dict[tuple[str, str], dict[str, LocatedIn]] = {}

    def run(self, plan: Plan, dataset: Dataset, rows: dict[str, EditRow]) -> None:
        """Embeds originals, outputs and masked outputs."""
        store = Store(self._folder.media)
        with ThreadPoolExecutor(_READERS, thread_name_prefix="visavox-read") as pool:
            for name, items in items_of(plan, dataset, rows, store).items():
                self._set(name, items, plan.units(len(items)), pool)

    def parts(self, recogniser: str, name: str, n_units: int) -> list[Path]:
        """The templates' files of one recogniser and set."""
        return [self._template_part(recogniser, name, number) for number in range(n_units)]

    def _set(self, name: str, items: Sequence[Item], units: Sequence[range], pool: ThreadPoolExecutor) -> None:
        stage = f"embed/{name}"
        open_units = [number for number in range(len(units)) if not self._journal.is_finished(stage, number)]
        images = read_ahead(pool, [[items[i] for i in units[number]] for number in open_units])
        for number, unit in enumerate(units):
            if number in open_units:
                started = time.monotonic()
                self._unit(name, number, [items[i] for i in unit], next(images))
                self._journal.finish(stage, number, duration_s=time.monotonic() - started)
            self._progress(Step(f"embed {name}", unit.stop, len(items)))

    def _unit(self, name: str, number: int, items: Sequence[Item], images: Sequence[Image]) -> None:
        for detector, owner in {r.detector: r for r in self._recognisers}.items():
            regions = self._regions_of(owner, name, number, items, images)
            region_list, states, shown = self._choose(detector, name, items, images, regions)
            for recogniser in self._recognisers:
                if recogniser.detector == detector:
                    templates = self._templates(recogniser, name, items, shown, region_list)
                    final = [
                        s if not isinstance(t, FailureToAcquire) else NO_TEMPLATE
                        for s, t in zip(states, templates, strict=True)
                    ]
                    path = self._template_part(recogniser.id, name, number)
                    tables.write_templates(path, [item.key for item in items], final, templates)

    def _regions_of(
        self, recogniser: Recogniser, name: str, number: int, items: Sequence[Item], images: Sequence[Image]
    ) -> list[Located]:
        """Regions found in the images themselves; those of masked outputs are the outputs' own."""
        if name == MASKED:
            known = self._all_regions(recogniser.detector, EDITED)
            return [known[item.key].found for item in items]
        found: list[Located | None] = [None] * len(items)
        if self._cache is not None:
            found = [self._cache.region(item.digest, recogniser.detector) for item in items]
        missing = [i for i, value in enumerate(found) if value is None]
        for i, value in zip(missing, recogniser.locate([images[i] for i in missing]) if missing else [], strict=True):
            found[i] = value
            if self._cache is not None:
                self._cache.put_region(items[i].digest, recogniser.detector, value)
        regions = [value for value in found if value is not None]
        located = [LocatedIn(r, *image.shape[:2]) for r, image in zip(regions, images, strict=True)]
        tables.write_regions(self._region_part(recogniser.detector, name, number), [i.key for i in items], located)
        self._regions.pop((recogniser.detector, name), None)
        return regions

    def _choose(
        self, detector: str, name: str, items: Sequence[Item], images: Sequence[Image], found: Sequence[Located]
    ) -> tuple[list[Located], list[int], list[Image]]:
        """The region to embed, its state, and the image: masked, or as it is."""
        originals = {} if name == ORIGINAL else self._all_regions(detector, ORIGINAL)
        regions: list[Located] = []
        states: list[int] = []
        shown: list[Image] = []
        for item, image, region in zip(items, images, found, strict=True):
            chosen, state = attacked_region(region, image, originals.get(item.source))
            regions.append(chosen)
            states.append(state)
            shown.append(masked(image, chosen) if name == MASKED and isinstance(chosen, Region) else image)
        return regions, states, shown

    def _templates(
        self,
        recogniser: Recogniser,
        name: str,
        items: Sequence[Item],
        images: Sequence[Image],
        regions: Sequence[Located],
    ) -> list[Vectors | FailureToAcquire]:
        made: list[Vectors | FailureToAcquire | None] = [
            region if isinstance(region, FailureToAcquire) else None for region in regions
        ]
        cache = self._cache
        shown = [f"{item.digest}, masked by {MASK_MARGIN}" if name == MASKED else item.digest for item in items]
        if cache is not None:
            for i, region in enumerate(regions):
                if isinstance(region, Region):
                    made[i] = cache.template(shown[i], recogniser.digest, region)
        todo = [(i, region) for i, region in enumerate(regions) if made[i] is None and isinstance(region, Region)]
        if todo:
            fresh = recogniser.embed([images[i] for i, _ in todo], [region for _, region in todo])
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


def read_ahead(pool: ThreadPoolExecutor, units: Sequence[Sequence[Item]]) -> Iterator[list[Image]]:
    """The images of one unit after another; while one is at the networks the next is read and decoded.

    Where a unit's images are large the next one waits its turn, so that memory holds one unit.
    """
    ahead: list[Future[Image]] = []
    for number, items in enumerate(units):
        images = [future.result() for future in ahead] or list(pool.map(lambda item: item.read(), items))
        is_small = sum(image.nbytes for image in images) <= _AHEAD_BYTES
        ahead = [pool.submit(item.read) for item in units[number + 1]] if is_small and number + 1 < len(units) else []
        yield images


def attacked_region(found: Located, image: Image, source: LocatedIn | None) -> tuple[Located, int]:
    """Where an attacker crops an output, and the state of that crop.

    Where a face was found: there, unless the output shows more faces than its input (a decoy): which one the attacker
    takes is not modelled, so it counts as a failure to acquire. Where none was found: the input's region, brought to
    the output's size.

    Args:
        found: in the image itself.
        source: in the unedited input, with its size; None for originals and for media made elsewhere.
    """
    if isinstance(found, Region):
        if source is not None and isinstance(source.found, Region) and found.n_found > source.found.n_found:
            return FailureToAcquire("the output shows more faces than its input"), NO_TEMPLATE
        return found, DETECTED
    if source is None or not isinstance(source.found, Region):
        return found, NO_TEMPLATE
    height, width = image.shape[:2]
    return source.found.scaled(width / source.width_px, height / source.height_px), FALLBACK


def checked_template(template: Vectors | FailureToAcquire) -> Vectors | FailureToAcquire:
    """A template as it is, or a failure to acquire where a recogniser gave none that can be compared."""
    if isinstance(template, FailureToAcquire):
        return template
    if template.ndim != 1 or template.size == 0 or not np.isfinite(template).all():
        return FailureToAcquire("the recogniser gave a template that is empty or not finite")
    return template


def items_of(plan: Plan, dataset: Dataset, rows: dict[str, EditRow], store: Store) -> dict[str, list[Item]]:
    """The sets to embed, each in the plan's order; only edited cases have outputs."""

    def original(number: int) -> Item:
        sample = plan.samples[number]
        return Item(sample.id, plan.sample_digests[number], lambda: decode_image(dataset.read(sample.id)), source="")

    def output(number: int) -> Item:
        case = plan.cases[number]
        digest = rows[case.id].outputs[0].digest
        sample = plan.case_sample[number]
        source = plan.samples[sample].id if sample >= 0 else ""
        return Item(case.id, digest, lambda: decode_image(store.read(digest)), source)

    outputs = {name: [output(i) for i in cases] for name, cases in cases_of_sets(plan, rows).items()}
    return {ORIGINAL: [original(i) for i in range(len(plan.samples))], **outputs}


def cases_of_sets(plan: Plan, rows: dict[str, EditRow]) -> dict[str, list[int]]:
    """Numbers of the cases with an output, by set; masked ones come after those whose regions they use."""
    edited = [rows[case.id].outcome is Outcome.EDITED for case in plan.cases]
    first = set(plan.first_attempts)
    probed = {i for i, probe in enumerate(plan.case_probe) if probe}
    return {
        EDITED: [i for i in sorted(first) if edited[i]],
        REPEATED: [i for i in range(len(edited)) if edited[i] and i not in first and i not in probed],
        PROBED: [i for i in sorted(probed) if edited[i]],
        MASKED: [i for i in plan.masked if edited[i]],
    }


def masked(image: Image, region: Region) -> Image:
    """The image with the face's box, enlarged by ``MASK_MARGIN`` each way, filled with the image's mean colour."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = region.box
    dx, dy = MASK_MARGIN * (x1 - x0), MASK_MARGIN * (y1 - y0)
    left, right = (int(np.clip(round(v), 0, width)) for v in (x0 - dx, x1 + dx))
    top, bottom = (int(np.clip(round(v), 0, height)) for v in (y0 - dy, y1 + dy))
    result = image.copy()
    result[top:bottom, left:right] = image.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    return result
