"""Every score table of a run against a direct loop over the run's own media; a resumed run has the same tables."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from pixels import Pixels
from pretend import LINKS_SUITE, texture

from visavox import load_suite
from visavox.api import prepare
from visavox.core.config import Suite
from visavox.core.records import RecogniserSpec
from visavox.core.terms import Outcome
from visavox.engine.acquired import read_backends, write_acquired
from visavox.engine.edit import edit_all
from visavox.engine.embed import Embedder
from visavox.engine.enrolment import Inputs, enrolled
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.engine.kept_scores import KeptScores
from visavox.engine.medium import FaceMedium
from visavox.engine.plan import Plan
from visavox.engine.progress import silent
from visavox.engine.score import Scorer, acquired_of, load_sets
from visavox.engine.store import Store
from visavox.media.image import decode_image, encode_png
from visavox.ports.assessment import EDITED, ENROLLED, NO_TEMPLATE, ORIGINAL, PROBED, REPEATED, Comparisons, ScoreTable

ENTRY = Path(__file__).parents[1] / "editors_under_test.py"
JUDGE = Pixels(RecogniserSpec(name="pixels", id="pixels"))
N_PEOPLE, N_IMAGES = 12, 4
BACKENDS = ("semi_informed", "semi_informed_50", "semi_informed_25", "semi_informed_permuted")
TABLES = [
    *(ScoreTable(name, ORIGINAL) for name in (ORIGINAL, EDITED, REPEATED)),
    ScoreTable(EDITED, EDITED),
    *(ScoreTable(name, ENROLLED) for name in (ORIGINAL, EDITED, REPEATED, PROBED)),
    *(ScoreTable(EDITED, EDITED, backend) for backend in BACKENDS),
]


class Run(NamedTuple):
    """A run up to its scores."""

    plan: Plan
    tables: dict[str, Comparisons]
    originals: np.ndarray
    outputs: dict[int, np.ndarray]
    choices: tuple[str, ...]
    root: Path


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """Swaps of people whose first two pictures are of one session; one picture shows nothing at all."""
    root = tmp_path_factory.mktemp("enrolment")
    rows = ["path,subject_id,modality,session"]
    for person in range(N_PEOPLE):
        for image in range(N_IMAGES):
            picture = texture(person, image)
            if (person, image) == (3, 2):
                picture[:] = 90
            (root / f"{person}-{image}.png").write_bytes(encode_png(picture))
            rows.append(f"{person}-{image}.png,person {person},face,{f'{person}/{max(image, 1)}' if person else ''}")
    (root / "manifest.csv").write_text("\n".join(rows))
    params = json.dumps({"host": 0.3, "donor": 0.4, "honours": False, "refuse": 0.1})
    text = LINKS_SUITE.format(
        name="enrolment",
        entry=f"{ENTRY}:load_pair",
        operation="face-swap",
        tool_class="swap",
        params=params,
        manifest=root / "manifest.csv",
        options="{attempts: 2}",
    )
    (root / "suite.yaml").write_text(text)
    return load_suite(root / "suite.yaml")


def score(suite: Suite, root: Path, *, stop_after: int | None = None) -> Run | None:
    """Edits, embeds and scores; stops like a killed process after so many tables."""
    prepared = prepare(suite)
    folder = RunFolder(root)
    with folder.locked(), folder.logging() as log, Journal(folder.journal) as journal:
        plan, dataset = prepared.plan, prepared.dataset
        rows = edit_all(suite, plan, dataset, folder, journal, device="cpu", progress=silent, log=log)
        embedder = Embedder([JUDGE], folder, journal, medium=FaceMedium(), cache=None, progress=silent)
        embedder.run(plan, dataset, rows)
        sets = load_sets(plan, rows, embedder, JUDGE.id)
        scorer = Scorer(JUDGE, plan, sets, folder, journal)
        scorer.run(TABLES[:stop_after], silent)
        if stop_after is not None:
            return None
        write_acquired(folder, JUDGE.id, acquired_of(sets), scorer.backends)
        outputs = {
            n: decode_image(Store(folder.media).read(rows[case.id].outputs[0].digest))
            for n, case in enumerate(plan.cases)
            if rows[case.id].outcome is Outcome.EDITED
        }
        originals = np.stack([decode_image(dataset.read(s.id)) for s in plan.samples])
        tables = {table.name: scorer.read(table) for table in TABLES}
        return Run(plan, tables, originals, outputs, scorer.backends, root)


@pytest.fixture(scope="module")
def run(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Run:
    found = score(suite, tmp_path_factory.mktemp("scored") / "run")
    assert found is not None
    return found


def template(picture: np.ndarray) -> np.ndarray | None:
    """None where the picture shows nothing."""
    if picture.std() == 0:
        return None
    return np.asarray(JUDGE.embed([picture], JUDGE.locate([picture])), np.float64)[0]


def inputs(plan: Plan, case: int) -> tuple[int, int]:
    return plan.case_sample[case], plan.second_sample[case]


def as_dict(table: Comparisons) -> dict[tuple[int, int], float]:
    found = {(int(p), int(r)): float(s) for p, r, s in zip(*table, strict=True)}
    assert len(found) == table.score.size
    return found


def assert_equal(table: Comparisons, wanted: dict[tuple[int, int], float]) -> None:
    found = as_dict(table)
    assert found.keys() == wanted.keys()
    assert all(abs(found[key] - wanted[key]) < 2e-6 for key in wanted)


def left(plan: Plan, person: int, taken: tuple[int, ...]) -> list[int]:
    """A person's recordings that are none of those taken, nor of a session of one of the person's own among them."""
    of = [n for n, s in enumerate(plan.samples) if s.person == person]
    sessions = {plan.samples[n].session for n in taken if plan.samples[n].person == person} - {-1}
    return [n for n in of if n not in taken and plan.samples[n].session not in sessions]


def cases(plan: Plan, name: str) -> Iterator[int]:
    for n, (first, is_probe) in enumerate(zip(plan.case_first, plan.case_probe, strict=True)):
        if name == (PROBED if is_probe else EDITED if first == n else REPEATED):
            yield n


@pytest.mark.parametrize("name", [EDITED, REPEATED])
def test_outputs_meet_every_recording_but_their_inputs(run: Run, name: str) -> None:
    wanted = {}
    references = [template(picture) for picture in run.originals]
    for case in cases(run.plan, name):
        for n, reference in enumerate(references):
            if case in run.outputs and reference is not None and n not in inputs(run.plan, case):
                wanted[case, n] = float(template(run.outputs[case]) @ reference)  # type: ignore[operator]
    assert len(wanted) > 1000
    assert_equal(run.tables[f"original-{name}"], wanted)


def test_a_set_meets_itself_once(run: Run) -> None:
    vectors = {n: v for n in range(len(run.originals)) if (v := template(run.originals[n])) is not None}
    pairs = {(i, j): float(vectors[i] @ vectors[j]) for i in vectors for j in vectors if j < i}
    assert_equal(run.tables["original-original"], pairs)
    shown = {n: template(run.outputs[n]) for n in cases(run.plan, EDITED) if n in run.outputs}
    assert_equal(
        run.tables["edited-edited"],
        {(i, j): float(shown[i] @ shown[j]) for i in shown for j in shown if j < i},  # type: ignore[operator]
    )


@pytest.mark.parametrize("name", [ORIGINAL, EDITED, REPEATED, PROBED])
def test_people_are_enrolled_without_what_went_into_the_probe(run: Run, name: str) -> None:
    plan, wanted = run.plan, {}
    known = [template(picture) for picture in run.originals]
    probes = range(len(plan.samples)) if name == ORIGINAL else list(cases(plan, name))
    for probe in probes:
        shown = known[probe] if name == ORIGINAL else template(run.outputs[probe]) if probe in run.outputs else None
        if shown is None:
            continue
        taken = (probe,) if name == ORIGINAL else inputs(plan, probe)
        for person in {s.person for s in plan.samples}:
            own = [known[n] for n in left(plan, person, taken) if known[n] is not None]
            if own:
                mean = np.mean([v / np.linalg.norm(v) for v in own], axis=0)  # type: ignore[operator,arg-type]
                wanted[probe, person] = float(shown @ mean)
    assert len(wanted) > 200
    assert_equal(run.tables[f"enrolled-{name}"], wanted)


def test_someone_with_no_recording_left_is_not_enrolled(tmp_path: Path, suite: Suite) -> None:
    """All pictures of one session: whoever went in cannot be claimed."""
    sessions = Inputs(
        np.asarray([0, 4], np.int32), np.asarray([2, -1], np.int32), np.asarray([0, 0, 1, 1, 2, 2], np.int32),
        np.asarray([5, 5, 6, 7, -1, -1], np.int32),
    )  # fmt: skip
    assert sessions.references_of(0, sessions.of_case(0)) == []
    assert sessions.references_of(1, sessions.of_case(0)) == [3]
    assert sessions.references_of(2, sessions.of_case(0)) == [4, 5]
    assert sessions.references_of(2, sessions.of_case(1)) == [5]
    assert sessions.references_of(0, ()) == [0, 1]


def test_the_mean_template_weighs_recordings_alike_and_keeps_their_length() -> None:
    long_and_short = np.asarray([[30.0, 0.0], [0.0, 10.0]], np.float32)
    assert enrolled(long_and_short).tolist() == [10.0, 10.0]
    assert enrolled(long_and_short[:1]).tolist() == [30.0, 0.0]
    assert np.isfinite(enrolled(np.zeros((2, 3), np.float32))).all()


def test_back_ends_leave_out_pairs_that_share_people_and_pairs_across_folds(run: Run) -> None:
    plan = run.plan
    fold = {s.person: s.fold for s in plan.samples}
    every = as_dict(run.tables["edited-edited"]).keys()
    for backend in BACKENDS:
        found = as_dict(run.tables[f"edited-edited.{backend}"])
        pairs = {tuple(sorted(key)) for key in found}
        assert len(pairs) == len(found) > 100
        wanted = {
            tuple(sorted((i, j)))
            for i, j in every
            if plan.second_person[i] != plan.second_person[j]
            and plan.second_person[i] != plan.case_person[j]
            and plan.second_person[j] != plan.case_person[i]
            and (backend == BACKENDS[-1] or fold[plan.case_person[i]] == fold[plan.case_person[j]])
        }
        if backend == BACKENDS[-1]:
            assert pairs < {key for key in wanted if plan.case_person[key[0]] != plan.case_person[key[1]]}
        else:
            assert pairs == wanted
    assert len(run.choices) == 6


@pytest.mark.parametrize("stop_after", [1, 6])
def test_a_resumed_run_has_the_same_tables(run: Run, suite: Suite, tmp_path: Path, stop_after: int) -> None:
    score(suite, tmp_path / "run", stop_after=stop_after)
    again = score(suite, tmp_path / "run")
    assert again is not None
    for name, table in run.tables.items():
        for one, other in zip(table, again.tables[name], strict=True):
            assert np.array_equal(one, other), name
    assert again.choices == run.choices


def test_a_recogniser_that_finds_nothing_in_a_set_leaves_it_empty(run: Run, suite: Suite, tmp_path: Path) -> None:
    """Probes without a single template: no comparison, and no crash."""
    shutil.copytree(run.root, tmp_path / "run")
    prepared, folder = prepare(suite), RunFolder(tmp_path / "run")
    with folder.locked(), Journal(tmp_path / "other.sqlite") as journal:
        rows = {case: entry.row for case, entry in Journal(folder.journal).edits().items()}
        embedder = Embedder([JUDGE], folder, journal, medium=FaceMedium(), cache=None, progress=silent)
        sets = load_sets(prepared.plan, rows, embedder, JUDGE.id)
        for name in (PROBED, EDITED):
            blank = sets[name].templates
            blank.ok[:], blank.state[:] = False, NO_TEMPLATE
            blank.vectors = np.zeros((blank.ok.size, 1), np.float32)  # as read where no part holds a template
        scorer = Scorer(JUDGE, prepared.plan, sets, folder, journal)
        scorer.run(TABLES, silent)
        for table in TABLES:
            assert (scorer.read(table).score.size > 0) is (not {EDITED, PROBED} & {table.probes}), table.name


def test_a_finished_run_s_tables_are_those_that_the_plan_asks_for(run: Run) -> None:
    """Every kind of table, with sessions, a picture without a template, refusals and further attempts."""
    folder = RunFolder(run.root)
    with Journal(folder.journal) as journal:
        rows = {name: edit.row for name, edit in journal.edits().items()}
    kept = KeptScores(folder, JUDGE.id, run.plan, rows)
    assert not kept.sets[ORIGINAL].ok.all()
    for table in TABLES:
        for found, wanted in zip(kept.read(table), run.tables[table.name], strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert read_backends(folder, JUDGE.id) == run.choices
    files = {path.relative_to(run.root).as_posix() for path in (run.root / "scores").rglob("*.parquet")}
    assert kept.files(TABLES) == files
