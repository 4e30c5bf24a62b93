"""What a plan's work costs in time and disk, by what this project measured or by the speeds of an earlier run."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal, NamedTuple

from visavox.core.config import Suite
from visavox.core.errors import RunFolderError
from visavox.core.records import Pairs, Record
from visavox.core.terms import Modality
from visavox.engine.folder import RunFolder

from .detection import knows
from .preparation import Outline
from .rehearsal import judges_of

SCORE_BYTES = 12
"""Two numbers of 32 bits and a score of 32: what a comparison takes before compression."""
MEASURED = "one thread of a two-core machine, docs/performance.md"
LOCATE_MS = {Modality.FACE: 16.8, Modality.VOICE: 1.0}
EMBED_MS = {
    "dlib": 6.1,
    "onnx_face": 4.4,
    "facenet-vggface2": 35.0,
    "facenet-casia-webface": 35.0,
    "resemblyzer": 13.5,
    "ubm": 3.6,
}
"""CPU time an image, or a sound of 3.3 s; medians of docs/performance.md, the one place to look for better ones."""


DETECT_MS: dict[tuple[str, Modality], float] = {
    ("spectral", Modality.FACE): 5.5,
    ("in_loop", Modality.FACE): 10.3,
    ("spectral", Modality.VOICE): 61.0,
    ("in_loop", Modality.VOICE): 60.0,
}
"""CPU time a medium of 150 px or 5 s with its perturbation, of the packs image-default, social-media, audio-default and
call-centre; a second detector shares the perturbation."""


class Words(NamedTuple):
    """How a plan speaks of the media of one modality.

    Attributes:
        media: what is embedded.
        each: of what size they were when ``EMBED_MS`` was measured.
        sought: what the detector looks for.
        found: that it is there; ``without``: what an output lacks in which it is not.
        files: in which outputs are kept.
    """

    media: str
    each: str
    sought: str
    found: str
    without: str
    files: str


WORDS = {
    Modality.FACE: Words("images", "", "faces", "every face found", "a face", "PNG files of the editor's own size"),
    Modality.VOICE: Words(
        "sounds",
        ", sounds of 3.3 s",
        "speech",
        "speech found in every recording",
        "speech",
        "FLAC files of the editor's own length",
    ),
}


class Work(Record):
    """What the models are asked for, if every case is edited.

    Attributes:
        model_calls: edits of the tool under test, one a case.
        embedded: media that each recogniser embeds: recordings, outputs, and outputs without face or speech.
        located: media in which each detector looks for a face or for speech.
        comparisons: comparison scores of one judge at most.
        detected: media that detectors score, as they are and after each perturbation.
        units: work units by stage, of at most 32 items each; of detection one a perturbation.
    """

    model_calls: int
    embedded: int
    located: int
    comparisons: int
    detected: int = 0
    units: Pairs


class Cost(Record):
    """Time or disk of one part; ``amount`` is None where nobody has measured it.

    Attributes:
        unit: ``s`` of time, or ``bytes``.
        basis: where the figure comes from.
    """

    what: str
    amount: float | None
    unit: Literal["s", "bytes"]
    basis: str


class Speeds(NamedTuple):
    """Of an earlier run: seconds an edit, and seconds a unit of embedding and of scoring with all of its judges."""

    edit_s: float | None
    embed_s: float | None
    score_s: float | None
    judges: tuple[str, ...]


def speeds(root: Path) -> Speeds:
    """How fast an earlier run was, from its journal.

    Raises:
        EvidenceError: the folder holds no run.
        RunFolderError: its journal cannot be read.
    """
    folder = RunFolder(root)
    try:
        suite = Suite.model_validate(folder.read_json(folder.suite))
        with sqlite3.connect(f"{folder.journal.resolve().as_uri()}?mode=ro", uri=True) as journal:
            (edits,) = journal.execute("SELECT COUNT(*) FROM edits").fetchone()
            units = journal.execute("SELECT stage, SUM(duration_s), COUNT(*) FROM units GROUP BY stage").fetchall()
    except (OSError, ValueError, sqlite3.DatabaseError) as error:
        raise RunFolderError(
            f"read the speeds of {root}", found=str(error).splitlines()[0], todo="name the folder of an earlier run"
        ) from error

    def mean(stage: str, count: int | None = None) -> float | None:
        rows = [(seconds, n) for name, seconds, n in units if name.split("/")[0] == stage]
        total = sum(n for _, n in rows) if count is None else count
        return sum(seconds for seconds, _ in rows) / total if rows and total else None

    judges = tuple(spec.id for spec in suite.recognisers)
    return Speeds(mean("edit", edits), mean("embed"), mean("score"), judges)


def times(known: Outline, work: Work, like: Speeds | None) -> tuple[Cost, ...]:
    """Time by part, from the earlier run ``like`` where it has one, else from what this project measured."""
    units, calls, words = dict(work.units), work.model_calls, WORDS[known.plan.modality]
    mine = tuple(spec.id for spec in known.suite.recognisers)  # a run over faces and voices has one mean of both
    alike = like if like is not None and like.judges == mine else None
    earlier = "the earlier run's mean"
    edit = Cost(what="editor", amount=None, unit="s", basis=f"{calls} calls x its own time")
    if like is not None and like.edit_s is not None:
        edit = Cost(what="editor", amount=calls * like.edit_s, unit="s", basis=f"{calls} calls, {earlier}")
    if alike is None or alike.embed_s is None:
        embed = _embedding(known, work)
    else:
        seconds = alike.embed_s * int(str(units["embed"]))
        basis = f"{units['embed']} units, {earlier}"
        embed = (Cost(what=f"{words.sought} and templates", amount=seconds, unit="s", basis=basis),)
    if alike is None or alike.score_s is None:
        score = Cost(
            what="comparisons",
            amount=None,
            unit="s",
            basis=f"{work.comparisons:,} scores a judge at most, not measured",
        )
    else:
        seconds = alike.score_s * int(str(units["score"]))
        score = Cost(what="comparisons", amount=seconds, unit="s", basis=f"{units['score']} units, {earlier}")
    return (edit, *embed, score, *_detection(known, work))


def _embedding(known: Outline, work: Work) -> tuple[Cost, ...]:
    words, each = WORDS[known.plan.modality], LOCATE_MS[known.plan.modality]
    measured = f"CPU time{words.each}; {MEASURED}"
    found = [Cost(what=f"finding {words.sought}", amount=work.located * each / 1000, unit="s", basis=measured)]
    for spec in judges_of(known):
        known_ms = EMBED_MS.get(spec.name)
        basis = f"{work.embedded} {words.media} x its own time" if known_ms is None else measured
        seconds = None if known_ms is None else work.embedded * known_ms / 1000
        found.append(Cost(what=f"templates {spec.id}", amount=seconds, unit="s", basis=basis))
    return tuple(found)


def _detection(known: Outline, work: Work) -> tuple[Cost, ...]:
    """Perturbing media and scoring them, by detector."""
    if not work.detected:
        return ()
    modality = known.plan.modality
    found = []
    for spec in known.suite.detectors:
        if knows(spec, modality):
            each = DETECT_MS.get((spec.name, modality))
            basis = f"{work.detected:,} {WORDS[modality].media}"
            seconds = None if each is None else work.detected * each / 1000
            words = "x its own time" if each is None else f"with their perturbations, CPU time; {MEASURED}"
            found.append(Cost(what=f"detector {spec.id}", amount=seconds, unit="s", basis=f"{basis} {words}"))
    return tuple(found)


def disk(known: Outline, work: Work) -> tuple[Cost, ...]:
    """Disk by part: scores, and outputs, whose size only the editor knows."""
    rows, files = work.comparisons * len(judges_of(known)), WORDS[known.plan.modality].files
    paths = [known.dataset.location(sample.id) for sample in known.plan.samples]
    there = [path.stat().st_size for path in paths if path.is_file()]
    kept = "kept" if known.suite.execution.retention == "all" else "gone when the report stands"
    return (
        Cost(
            what="scores, at most",
            amount=float(rows * SCORE_BYTES),
            unit="bytes",
            basis=f"{rows:,} rows of {SCORE_BYTES} bytes before compression",
        ),
        Cost(
            what="outputs",
            amount=None,
            unit="bytes",
            basis=f"{work.model_calls} {files}, {kept} (inputs: {sum(there) / 1e6:.1f} MB)",
        ),
    )
