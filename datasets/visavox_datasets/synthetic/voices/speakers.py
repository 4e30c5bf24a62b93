"""The data set kind ``synthetic-voices``: any number of speakers who do not exist, each in several utterances.

An utterance is made once. The reference set lies in the package and needs no synthesiser; every other set is made into
the user's cache, one folder for each seed and version of the generator, utterance by utterance, so that a stopped
synthesis goes on where it stood and a larger set keeps the utterances of a smaller one.
"""

from __future__ import annotations

import csv
import importlib.metadata
import io
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from visavox.core.digest import sha256_bytes, sha256_json
from visavox.core.records import DatasetSpec, Record
from visavox.core.resources import user_cache_dir
from visavox.ports.progress import Step, tell

from ...made_sets import dataset_of, keep, parameters_of, refuse_more, shipped_manifest
from ...manifest import ManifestDataset
from .parameters import attributes
from .sentences import sentence
from .utterances import render_files

KIND = "synthetic-voices"
LICENCE = "Apache-2.0"
REFERENCE_SET = Path(__file__).parents[2] / "sets" / "speakers-60"
COLUMNS = ("path", "subject_id", "modality", "session", "consent", "sex", "accent", "transcript", "licence")
MAX_UTTERANCES = 1_000_000
STAGE = "synthesise speech"
"""What a run's progress calls the synthesis."""
_AT_ONCE = 50
_OGG_PAGE, _OGG_LAST = b"OggS", 0x04


class Speakers(Record):
    """Which speakers and utterances: the parameters of the kind.

    Attributes:
        speakers: how many, counted from 0.
        utterances: of each, every one another sentence.
        seed: the world of speakers; another one holds other speakers.
    """

    speakers: Annotated[int, Field(ge=1)] = 60
    utterances: Annotated[int, Field(ge=1)] = 6
    seed: Annotated[int, Field(ge=0)] = 7


REFERENCE = Speakers()
"""The reference set's numbers, and the defaults."""


def load_synthetic_voices(spec: DatasetSpec, seed: int) -> ManifestDataset:
    """The speakers that a suite names, synthesised where they are not there yet.

    Args:
        spec: ``params`` as ``Speakers``; no ``path``.
        seed: seed of the run; decides the folds, never the speakers.

    Raises:
        ConfigError: if a parameter is unknown or out of range, or a path is given.
        ManifestError: if a file of the reference set is not what its ``SHA256SUMS`` says.
        MissingDependencyError: if utterances have to be made and the packages for it are not installed.
    """
    asked = _checked(spec)
    return dataset_of(KIND, shipped_manifest(REFERENCE_SET) if asked == REFERENCE else prepare(asked), seed)


def prepare(asked: Speakers, *, shipped: Path | None = REFERENCE_SET) -> Path:
    """Synthesises what is missing into the user's cache; the path of the manifest there.

    Args:
        shipped: folder of the reference set, whose files are taken instead of made again; None makes all.
    """
    folder = user_cache_dir() / f"{KIND}-{_world(asked.seed)[:16]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    pairs = [(speaker, utterance) for speaker in range(asked.speakers) for utterance in range(asked.utterances)]
    missing = [pair for pair in pairs if not _is_whole(folder / file_name(*pair))]
    for done, (pair, data) in enumerate(_files(asked.seed, missing, shipped), start=1):
        keep(folder / file_name(*pair), data)
        tell(Step(STAGE, done, len(missing)))
    manifest = folder / f"manifest-{asked.speakers}x{asked.utterances}.csv"
    keep(manifest, manifest_text(asked).encode())
    return manifest


def manifest_text(asked: Speakers) -> str:
    """The manifest of a set, CSV.

    Every utterance is a session of its own: the room, its noise and the distance are drawn anew. Consent is
    ``granted`` by those who made the utterances; nobody is heard who could grant or refuse it.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for speaker in range(asked.speakers):
        for utterance in range(asked.utterances):
            row = {"path": file_name(speaker, utterance), "subject_id": f"synthetic-{asked.seed}-{speaker:04d}"}
            row |= {"modality": "voice", "session": str(utterance), "consent": "granted", "licence": LICENCE}
            row |= {"transcript": sentence(asked.seed, speaker, utterance)}
            table.writerow(row | attributes(speaker))
    return text.getvalue()


def file_name(speaker: int, utterance: int) -> str:
    """File name of an utterance.

    >>> file_name(3, 1)
    '0003-1.opus'
    """
    return f"{speaker:04d}-{utterance}.opus"


def generator_digest() -> str:
    """SHA-256 over what an utterance depends on: the generator's source files and its synthesiser's version."""
    sources = sorted(path for path in Path(__file__).parent.glob("*.py") if path.name not in _NO_GENERATORS)
    try:
        synthesiser = importlib.metadata.version("espeakng-loader")
    except importlib.metadata.PackageNotFoundError:
        synthesiser = "absent"
    return sha256_json([synthesiser, *([path.name, sha256_bytes(path.read_bytes())] for path in sources)])


def cpu() -> str:
    """The kind of CPU as far as single bits depend on it: its architecture and its widest vectors, where known."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        flags = []
    return " ".join([platform.machine(), *[name for name in ("avx512f", "avx2") if name in flags][:1]])


_NO_GENERATORS = {Path(__file__).name, "__init__.py"}


def _checked(spec: DatasetSpec) -> Speakers:
    speakers = parameters_of(spec, Speakers, media="speech is")
    refuse_more(spec, speakers.speakers * speakers.utterances, MAX_UTTERANCES, "utterances")
    return speakers


def _world(seed: int) -> str:
    return sha256_json([seed, generator_digest()])


def _files(seed: int, pairs: list[tuple[int, int]], shipped: Path | None) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Each pair with its file: the shipped ones first, then the others, made some at a time."""
    known, others = [], pairs
    if shipped is not None and seed == REFERENCE.seed:
        known = [(who, what) for who, what in pairs if who < REFERENCE.speakers and what < REFERENCE.utterances]
        others = sorted({*pairs} - {*known})
        yield from ((pair, (shipped / file_name(*pair)).read_bytes()) for pair in known)
    for start in range(0, len(others), _AT_ONCE):
        some = others[start : start + _AT_ONCE]
        yield from zip(some, render_files(seed, some), strict=True)


def _is_whole(path: Path) -> bool:
    """Whether the file is there with the last page of its Ogg stream."""
    if not path.is_file():
        return False
    last = path.read_bytes().rpartition(_OGG_PAGE)[2]
    return len(last) > 1 and bool(last[1] & _OGG_LAST)
