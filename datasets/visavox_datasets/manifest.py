"""The data set kind ``manifest``: a table of files and the people in them.

Columns ``path, subject_id, modality`` are required; ``split`` (train | test), ``session``, ``consent`` (granted |
refused | withdrawn | unstated), ``sex``, ``age_band``, ``skin_tone``, ``licence`` and ``label`` (real | fake) are
optional; every other column is kept as an attribute of the sample. Paths are relative to the manifest's folder and
may not leave it, through links neither.

A manifest is validated as a whole: one error carries every fault with its line (CSV, JSONL) or row (Parquet). Errors
name rows, columns and paths, never a subject.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from visavox.core.digest import sha256_bytes, sha256_json
from visavox.core.errors import ConfigError, ManifestError, MediaError
from visavox.core.records import DatasetSpec, Sample
from visavox.core.seeding import generator
from visavox.core.terms import Consent, Modality

from .contained_files import ContainedFile, FileFault, digest_inside, read_inside
from .manifest_rows import Row, read_rows

REQUIRED = ("path", "subject_id", "modality")
CHOICES = {
    "modality": tuple(Modality),
    "split": ("train", "test"),
    "consent": tuple(Consent),
    "label": ("real", "fake"),
}
_NOT_ATTRIBUTES = frozenset({*REQUIRED, "split", "session", "consent", "licence", "label"})
_PLACE = re.compile(r"\b(?:line|row) (\d+)")
_MAX_FAULTS_SHOWN = 50
_HASHING_THREADS = 4


@dataclass(frozen=True)
class _Entry:
    """One row whose values and file are in order."""

    row: Row
    subject_id: str
    file: ContainedFile

    def value(self, column: str) -> str:
        return self.row.values.get(column, "")

    @property
    def is_fake(self) -> bool:
        return self.value("label") == "fake"

    @property
    def consent(self) -> Consent:
        return Consent(self.value("consent") or Consent.UNSTATED)

    @property
    def attributes(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((k, v) for k, v in self.row.values.items() if v and k not in _NOT_ATTRIBUTES))


class ManifestDataset:
    """People's recordings as a manifest lists them; see ``visavox.ports.dataset.Dataset`` for the attributes."""

    kind = "manifest"

    def __init__(self, root: Path, entries: Iterable[_Entry], seed: int, n_merged_duplicates: int) -> None:
        ordered = sorted(entries, key=lambda e: (e.subject_id, e.file.digest))
        folds = assign_folds([(e.subject_id, e.value("split"), e.is_fake) for e in ordered], seed)
        self._root = root
        self._files = {e.file.digest[:16]: e.file for e in ordered}
        self.samples = tuple(_sample(e, folds[e.subject_id]) for e in ordered)
        self.n_merged_duplicates = n_merged_duplicates
        self.licences = tuple(sorted({e.value("licence") for e in ordered} - {""}))
        self.digest = sha256_json([_content(e) for e in ordered])

    @property
    def modality(self) -> Modality:
        """The one modality of all samples.

        Raises:
            ManifestError: if samples of several modalities are mixed.
        """
        counts = Counter(sample.modality for sample in self.samples)
        if len(counts) > 1:
            raise ManifestError(
                "take the modality of the data set",
                found="the manifest mixes " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items())),
                todo="write one manifest per modality",
            )
        return next(iter(counts))

    def read(self, sample_id: str) -> bytes:
        """The bytes of one sample.

        Raises:
            MediaError: if there is no such sample, or its file is gone or changed since planning.
        """
        asked = f"read the sample {sample_id}"
        file = self._file(sample_id)
        try:
            data = read_inside(self._root, file.path)
        except FileFault as error:
            raise MediaError(asked, found=f"{file.path}: {error}", todo="restore the file, or plan again") from error
        if sha256_bytes(data) != file.digest:
            raise MediaError(
                asked, found=f"{file.path}: changed since planning", todo="restore the file, or plan again"
            )
        return data

    def location(self, sample_id: str) -> Path:
        """Where the sample's file lies.

        Raises:
            MediaError: if there is no such sample.
        """
        return self._root / self._file(sample_id).path

    def _file(self, sample_id: str) -> ContainedFile:
        if sample_id not in self._files:
            raise MediaError(f"find the sample {sample_id}", found="the data set has no such sample")
        return self._files[sample_id]


def load_manifest(spec: DatasetSpec, seed: int) -> ManifestDataset:
    """Reads, checks and folds a manifest.

    Args:
        spec: ``path`` is the manifest; there are no ``params``.
        seed: seed of the run; decides the folds, nothing else.

    Raises:
        ConfigError: if the path is missing or not absolute, or params are given.
        ManifestError: with every fault of the manifest.
    """
    if spec.params:
        raise ConfigError(
            "set dataset parameters for a manifest",
            found=", ".join(name for name, _ in spec.params),
            todo="remove them: a manifest has none",
        )
    if spec.path is None or not Path(spec.path).is_absolute():
        raise ConfigError(
            "load a manifest", found=f"dataset.path is {spec.path!r}", todo="give the absolute path of the manifest"
        )
    path = Path(spec.path)
    found = read_rows(path)
    faults = list(found.faults)
    missing = [name for name in REQUIRED if name not in found.columns]
    if missing and (found.columns or not faults):
        faults.append(f"missing column {', '.join(missing)}; found: {', '.join(found.columns) or 'none'}")
    entries: list[_Entry] = []
    if not missing:
        if not found.rows and not faults:
            faults.append("the manifest lists no file")
        root = path.parent.resolve()
        entries, row_faults = _checked(root, found.rows)
        faults += row_faults
        faults += _contradictions(entries)
    if faults:
        raise _manifest_error(path, faults)
    merged = _merge(entries)
    return ManifestDataset(root, merged, seed, len(entries) - len(merged))


def assign_folds(recordings: Iterable[tuple[str, str, bool]], seed: int) -> dict[str, str]:
    """The fold of each person, from (subject id, split, is_fake) of every sample (STATISTICS 1).

    ``split=train`` people are ``train``; people with fewer than two bona fide recordings are ``cohort``; all others
    are dealt to ``test-0``, ``test-1`` and ``test-2``, whose sizes differ by one person at most. Depends on the
    people and the seed, not on the order of rows.

    >>> assign_folds([("a", "train", False), ("b", "", False), ("b", "", True)], seed=7)
    {'a': 'train', 'b': 'cohort'}
    """
    folds: dict[str, str] = {}
    bona_fide: Counter[str] = Counter()
    for subject_id, split, is_fake in recordings:
        bona_fide[subject_id] += not is_fake
        if split == "train":
            folds[subject_id] = "train"
    test = []
    for subject_id in sorted(bona_fide.keys() - folds.keys()):
        if bona_fide[subject_id] < 2:
            folds[subject_id] = "cohort"
        else:
            test.append(subject_id)
    for place, index in enumerate(generator(seed, "folds").permutation(len(test))):
        folds[test[index]] = f"test-{place % 3}"
    return folds


# ---------------------------------------------------------------- checks
def _checked(root: Path, rows: list[Row]) -> tuple[list[_Entry], list[str]]:
    """Entries in the order of the rows, and the faults of single rows and files."""
    faults: list[str] = []
    sound: list[tuple[Row, str]] = []
    first_at: dict[str, str] = {}
    for row in rows:
        row_faults = _value_faults(row)
        path = row.values.get("path", "")
        if path:
            earlier = first_at.setdefault(str(Path(path)), row.place)
            if earlier != row.place:
                row_faults.append(f"{row.place}: path: {path} stands at {earlier} already")
        faults += row_faults
        if not row_faults:
            sound.append((row, path))
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        files = list(pool.map(lambda item: _file_or_fault(root, item[1]), sound))
    entries = []
    for (row, _), file in zip(sound, files, strict=True):
        if isinstance(file, FileFault):
            faults.append(f"{row.place}: path: {row.values['path']}: {file}")
        else:
            entries.append(_Entry(row, unicodedata.normalize("NFC", row.values["subject_id"]), file))
    return entries, faults


def _value_faults(row: Row) -> list[str]:
    faults = [f"{row.place}: {name}: empty" for name in REQUIRED if not row.values.get(name)]
    for name, choices in CHOICES.items():
        value = row.values.get(name, "")
        if value and value not in choices:
            faults.append(f"{row.place}: {name}: {value[:40]!r} is none of {' | '.join(choices)}")
    return faults


def _file_or_fault(root: Path, path: str) -> ContainedFile | FileFault:
    try:
        return digest_inside(root, path)
    except FileFault as fault:
        return fault


def _contradictions(entries: list[_Entry]) -> list[str]:
    """Rows that cannot both be true: one recording of two people, one person in two splits."""
    faults: list[str] = []
    by_digest: dict[str, list[_Entry]] = defaultdict(list)
    by_subject: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in entries:
        by_digest[entry.file.digest].append(entry)
        by_subject[entry.subject_id].setdefault(entry.value("split"), entry.row.place)
    for places in by_subject.values():
        if len(places) > 1:
            said = ", ".join(f"{split or 'none'} at {place}" for split, place in places.items())
            faults.append(f"one subject in two splits: {said}")
    for group in by_digest.values():
        where = ", ".join(entry.row.place for entry in group[:10]) + (" ..." if len(group) > 10 else "")
        if len({entry.subject_id for entry in group}) > 1:
            faults.append(f"{where}: the same bytes under different subjects")
            continue
        for column in ("modality", "session", "consent", "label"):
            if len({entry.value(column) for entry in group}) > 1:
                faults.append(f"{where}: the same bytes with a different {column}")
    faults += _short_id_clashes(by_digest)
    return faults


def _short_id_clashes(by_digest: dict[str, list[_Entry]]) -> list[str]:
    first: dict[str, str] = {}
    faults = []
    for digest, group in by_digest.items():
        earlier = first.setdefault(digest[:16], digest)
        if earlier != digest:
            places = f"{by_digest[earlier][0].row.place}, {group[0].row.place}"
            faults.append(f"{places}: different bytes whose SHA-256 begin with the same 16 digits")
    return faults


def _manifest_error(path: Path, faults: list[str]) -> ManifestError:
    faults = sorted(faults, key=lambda fault: int(place[1]) if (place := _PLACE.search(fault)) else 0)
    shown = [f"  {fault}" for fault in faults[:_MAX_FAULTS_SHOWN]]
    if len(faults) > len(shown):
        shown.append(f"  ... and {len(faults) - len(shown)} more")
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return ManifestError(
        f"load the manifest {path}",
        found="\n".join([f"{count}:", *shown]),
        todo="correct the manifest; paths are relative to its own folder",
    )


# ---------------------------------------------------------------- from rows to samples
def _merge(entries: list[_Entry]) -> list[_Entry]:
    """One entry per content: the one whose path sorts first, so that the order of rows does not matter."""
    kept: dict[str, _Entry] = {}
    for entry in sorted(entries, key=lambda e: e.file.path):
        kept.setdefault(entry.file.digest, entry)
    return list(kept.values())


def _sample(entry: _Entry, fold: str) -> Sample:
    return Sample(
        id=entry.file.digest[:16],
        subject_id=entry.subject_id,
        modality=Modality(entry.value("modality")),
        digest=entry.file.digest,
        fold=fold,
        session=entry.value("session") or None,
        consent=entry.consent,
        is_fake=entry.is_fake,
        attributes=entry.attributes,
    )


def _content(entry: _Entry) -> list[object]:
    """What the data set's digest covers of one sample: all but where the file lies and the seed's fold."""
    return [
        entry.file.digest,
        entry.subject_id,
        entry.value("modality"),
        entry.value("split"),
        entry.value("session"),
        entry.consent,
        entry.is_fake,
        entry.value("licence"),
        entry.attributes,
    ]
