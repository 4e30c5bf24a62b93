"""The data set kind ``librispeech``: read English speech, the development and test parts called clean.

40 readers each, half of them women, 16 kHz FLAC, two to 35 seconds an utterance; a session is a chapter. The digests
are torchaudio's. Readers' names, which the archive holds, are not unpacked.

References:
    V. Panayotov, G. Chen, D. Povey, S. Khudanpur, LibriSpeech: an ASR corpus based on public domain audio books,
    ICASSP 2015; OpenSLR resource 12.
    torchaudio, ``torchaudio/datasets/librispeech.py`` at commit 0103a7ac4159: addresses and digests.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

from pydantic import Field, ValidationError

from visavox.core.errors import ConfigError, DatasetError
from visavox.core.records import DatasetSpec, Record
from visavox.core.resources import user_cache_dir
from visavox.core.terms import Modality

from ..manifest import ManifestDataset
from .archives import Archive, Kept, by_hand, download, unpack
from .listing import Recording, Size, listed

KIND: Final = "librispeech"
LICENCE: Final = "CC BY 4.0"
MAX_BYTES: Final = 400 << 20
_SEXES: Final = MappingProxyType({"F": "female", "M": "male"})
_UTTERANCE: Final = re.compile(r"^LibriSpeech/([a-z-]+)/(\d+)/(\d+)/(\2-\3-\d+\.flac)$")
_WORDS: Final = re.compile(r"^LibriSpeech/([a-z-]+)/(\d+)/(\d+)/(\2-\3\.trans\.txt)$")
_READERS: Final = "LibriSpeech/SPEAKERS.TXT"
_SEX_FILE: Final = "sex.txt"


class Part(NamedTuple):
    """One part of the corpus: its archive, and how much it holds."""

    archive: Archive
    size: Size


def _part(name: str, sha256: str, size: Size) -> Part:
    file = f"{name}.tar.gz"
    return Part(Archive(file, f"https://www.openslr.org/resources/12/{file}", sha256, MAX_BYTES), size)


PARTS: Final = MappingProxyType(
    {
        "dev-clean": _part(
            "dev-clean", "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3", Size(40, 2703)
        ),
        "test-clean": _part(
            "test-clean", "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23", Size(40, 2620)
        ),
    }
)


class Params(Record):
    """The parameters of the kind.

    Attributes:
        part: a name of ``PARTS``.
        utterances: at most so many of each reader, from all chapters in turn; None takes all.
    """

    part: Annotated[str, Field(pattern="^(dev|test)-clean$")] = "dev-clean"
    utterances: Annotated[int, Field(ge=2)] | None = None


def load_librispeech(spec: DatasetSpec, seed: int, *, parts: Mapping[str, Part] = PARTS) -> ManifestDataset:
    """The utterances, downloaded where they are not there yet.

    Args:
        spec: ``path``, a folder with the archive; without it the user's cache folder. ``params`` as ``Params``.
        seed: seed of the run; decides the folds.
        parts: what is published.

    Raises:
        ConfigError: a parameter is unknown or out of range.
        DatasetError: the files are neither there nor to be had, are incomplete, or not the pinned ones.
    """
    asked = _checked(spec)
    archive, size = parts[asked.part]
    folder = Path(spec.path) if spec.path else user_cache_dir() / KIND
    place = folder / asked.part
    if not place.is_dir():
        if not (folder / archive.file).is_file():
            if spec.path:
                found = f"neither {archive.file} nor the folder {asked.part}"
                raise DatasetError(
                    f"load the data set {KIND} from {folder}", found=found, todo=by_hand(archive, folder)
                )
            download(archive, folder)
        unpack(archive, folder, place, _kept)
    everything = list(_recordings(place))
    counted = Size(len({recording.subject for recording in everything}), len(everything))
    if counted == size and asked.utterances is not None:
        everything = list(_first(everything, asked.utterances))
        size = Size(size.people, len(everything))
    return listed(KIND, folder, everything, size, LICENCE, seed, modality=Modality.VOICE)


def _checked(spec: DatasetSpec) -> Params:
    try:
        return Params.model_validate(dict(spec.params), strict=True)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors())
        raise ConfigError(
            f"load the data set {KIND} with {dict(spec.params)}",
            found=faults,
            todo=f"its parameters: path, part ({' or '.join(PARTS)}), utterances (of each reader, 2 or more)",
        ) from error


def _kept(name: str, data: bytes) -> Kept | None:
    """Sound and words under their chapters; of the readers' list the sexes alone, not the names."""
    if found := _UTTERANCE.match(name) or _WORDS.match(name):
        return Kept(f"{found[2]}/{found[3]}/{found[4]}", data)
    if name == _READERS:
        rows = (line.split("|") for line in data.decode("utf-8").splitlines() if line.strip() and line[0] != ";")
        return Kept(_SEX_FILE, "".join(f"{row[0].strip()} {row[1].strip()}\n" for row in rows).encode())
    return None


def _recordings(place: Path) -> Iterator[Recording]:
    """Every utterance below the unpacked folder, with its chapter, its words and its reader's sex."""
    try:
        sexes = dict(line.split() for line in (place / _SEX_FILE).read_text("utf-8").splitlines())
        for words in sorted(place.glob("*/*/*.trans.txt")):
            spoken = dict(line.split(" ", 1) for line in words.read_text("utf-8").splitlines())
            for sound in sorted(words.parent.glob("*.flac")):
                reader, chapter, _ = sound.stem.split("-")
                more = (("session", chapter), ("sex", _SEXES[sexes[reader]]), ("transcript", spoken[sound.stem]))
                yield Recording(f"{place.name}/{reader}/{chapter}/{sound.name}", reader, more)
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(
            f"read the words and readers of {KIND} in {place}",
            found=f"{type(error).__name__}: {error}",
            todo="the unpacking was interrupted or files were changed: remove this folder and run again",
        ) from error


def _first(recordings: list[Recording], most: int) -> Iterator[Recording]:
    """At most so many of each reader: the first of every chapter, then the second ones, and so on."""
    chapters: dict[str, dict[str, list[Recording]]] = defaultdict(lambda: defaultdict(list))
    for recording in recordings:
        chapters[recording.subject][dict(recording.more)["session"]].append(recording)
    for of_reader in chapters.values():
        in_turn = [r for row in zip_longest(*of_reader.values()) for r in row if r is not None]
        yield from in_turn[:most]
