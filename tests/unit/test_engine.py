"""Plan, store, journal, run folder and tables."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pretend import PYTHON
from pydantic import ValidationError

from visavox.api import prepare
from visavox.core.config import Suite
from visavox.core.digest import sha256_bytes, sha256_json
from visavox.core.errors import ConfigError, RunFolderError
from visavox.core.records import EditRow, RecogniserSpec
from visavox.core.terms import Modality, Outcome
from visavox.engine.cache import TemplateCache
from visavox.engine.edit import request_of
from visavox.engine.embed import checked_template
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal, JournalledEdit
from visavox.engine.medium import MEDIA, LocatedIn
from visavox.engine.plan import make_plan
from visavox.engine.store import Store, write_atomically
from visavox.engine.tables import located_of, located_values, read_regions, write_regions
from visavox.media.audio import Audio, encode_wav
from visavox.ports.assessment import DETECTED, FALLBACK, NO_TEMPLATE
from visavox.ports.recogniser import FailureToAcquire, Region, Speech

ENTRY = Path(__file__).parents[1] / "editors_under_test.py"
REGION = Region((1.5, 2.0, 30.0, 40.25), tuple((float(i), 2.0 * i) for i in range(5)), 0.99, 2)
SPEECH = Speech(((0.5, 1.5), (2.0, 2.5)), 3.0)


@pytest.fixture
def suite_of(make_people: Callable[..., Path], pixels_suite: Callable[..., Path]) -> Callable[..., Suite]:
    from visavox import load_suite

    manifest = make_people(12, 3)
    return lambda *overrides: load_suite(
        pixels_suite(manifest, PYTHON.format(entry=f"{ENTRY}:load", params="{}")), overrides=overrides
    )


def test_every_test_sample_is_one_case(suite_of: Callable[..., Suite]) -> None:
    plan = prepare(suite_of()).plan
    assert len(plan.cases) == len(plan.samples) == 36
    assert sorted(plan.case_sample) == list(range(36))
    assert len({case.id for case in plan.cases}) == 36
    assert len(plan.masked) == 24


def test_the_cap_is_balanced_over_people_and_drawn_by_the_seed(suite_of: Callable[..., Suite]) -> None:
    def people(*overrides: str) -> list[int]:
        plan = prepare(suite_of("execution.max_cases=18", *overrides)).plan
        return [plan.samples[i].person for i in plan.case_sample]

    counts = np.bincount(people(), minlength=12)
    assert counts.sum() == 18
    assert set(counts) == {1, 2}
    assert people("seed=1") != people("seed=2")
    assert people("seed=1") == people("seed=1")


def test_a_plan_holds_no_names(suite_of: Callable[..., Suite]) -> None:
    assert "person 1" not in prepare(suite_of()).plan.model_dump_json()


def test_a_tool_class_that_is_not_built_is_refused(suite_of: Callable[..., Suite]) -> None:
    with pytest.raises(ConfigError, match="assesses the classes anonymise, attribute, swap, morph"):
        prepare(suite_of("editor.tool_class=generate"))


def test_nobody_with_two_recordings_is_an_error(
    make_people: Callable[..., Path], pixels_suite: Callable[..., Path]
) -> None:
    from visavox import load_suite

    suite = load_suite(pixels_suite(make_people(5, 1, "single"), PYTHON.format(entry=f"{ENTRY}:load", params="{}")))
    with pytest.raises(ConfigError, match="two recordings"):
        prepare(suite)


def test_refused_and_withdrawn_consent_leaves_the_run(
    make_people: Callable[..., Path], pixels_suite: Callable[..., Path]
) -> None:
    from visavox import load_suite

    manifest = make_people(6, 3, "consent")
    lines = manifest.read_text().splitlines()
    stated = ["granted", "refused", "withdrawn", "granted", "granted", ""]
    rows = [f"{line},{stated[(i // 3)] if i % 3 < 2 else 'granted'}" for i, line in enumerate(lines[1:])]
    manifest.write_text("\n".join([lines[0] + ",consent", *rows]))
    suite = load_suite(pixels_suite(manifest, PYTHON.format(entry=f"{ENTRY}:load", params="{}")))
    prepared = prepare(suite)
    assert {s.person for s in prepared.plan.samples} == {0, 3, 4, 5}
    assert len(prepared.plan.samples) == 12


def test_a_judge_that_trained_the_editor_is_refused(suite_of: Callable[..., Suite]) -> None:
    with pytest.raises(ConfigError, match="may not judge it"):
        prepare(suite_of("editor.trained_with=[pixels]"))


def test_units_cover_all_items(suite_of: Callable[..., Suite]) -> None:
    plan = make_plan(suite_of(), prepare(suite_of()).dataset)
    assert [len(unit) for unit in plan.units(70)] == [32, 32, 6]
    assert plan.units(0) == []


def test_the_store_gives_back_what_it_got_and_notices_alteration(tmp_path: Path) -> None:
    store = Store(tmp_path / "media")
    digest = store.put(b"picture")
    assert digest == sha256_bytes(b"picture") == store.put(b"picture")
    assert store.read(digest) == b"picture"
    file = next(p for p in (tmp_path / "media").rglob("*") if p.is_file())
    file.write_bytes(b"other")
    with pytest.raises(RunFolderError, match="altered"):
        store.read(digest)
    file.unlink()
    with pytest.raises(RunFolderError):
        store.read(digest)


def test_the_journal_writes_a_unit_whole_or_not_at_all(tmp_path: Path) -> None:
    row = EditRow(case_id="0" * 16, outcome=Outcome.FAILED, reason="x")
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.finish("edit", 0, duration_s=1.0, edits=[JournalledEdit(row, "tail")])
        with pytest.raises(Exception, match="UNIQUE"):
            journal.finish("edit", 1, duration_s=1.0, edits=[JournalledEdit(row, "tail")])
        assert journal.is_finished("edit", 0)
        assert not journal.is_finished("edit", 1)
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.edits() == {"0" * 16: JournalledEdit(row, "tail")}


@pytest.mark.parametrize("word", ["BEGIN", "COMMIT"])
def test_a_unit_that_is_interrupted_does_not_keep_another_thread_waiting(tmp_path: Path, word: str) -> None:
    """A signal is heard between two calls: after the one that begins a transaction, before the one that ends it."""

    class Interrupted(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql.startswith("COMMIT") and word == "COMMIT":
                raise KeyboardInterrupt
            cursor = super().execute(sql, *values)
            if sql.startswith("BEGIN") and word == "BEGIN":
                raise KeyboardInterrupt
            return cursor

    with Journal(tmp_path / "j.sqlite") as journal, Journal(tmp_path / "j.sqlite") as other:
        journal._db.close()
        journal._db = sqlite3.connect(tmp_path / "j.sqlite", isolation_level=None, factory=Interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.finish("edit", 0, duration_s=1.0)
        other._db.execute("PRAGMA busy_timeout = 0")
        other.finish("embed/original", 0, duration_s=1.0)
        assert other.is_finished("embed/original", 0) and not other.is_finished("edit", 0)


def test_a_garbled_journal_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "j.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(RunFolderError, match="open the journal"):
        Journal(tmp_path / "j.sqlite")


def test_a_folder_belongs_to_one_process_and_holds_nothing_else(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
        code = (
            "import sys; from pathlib import Path; from visavox.engine.folder import RunFolder\n"
            "with RunFolder(Path(sys.argv[1])).locked(): pass"
        )
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "run")], capture_output=True, text=True, check=False
        )
        assert "another process is running there" in other.stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(RunFolderError, match="no run of ours"), RunFolder(tmp_path / "mine").locked():
        pass
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("found", [REGION, SPEECH, Speech((), 3.0)])
def test_what_was_located_survives_the_table_and_the_cache(found: Region | Speech, tmp_path: Path) -> None:
    assert located_of(*located_values(found)) == found
    rows = [LocatedIn(found, (60.0, 50.0)), LocatedIn(FailureToAcquire("nothing"), (2.5,))]
    write_regions(tmp_path / "part.parquet", ["a", "b"], rows)
    assert read_regions([tmp_path / "part.parquet"]) == dict(zip("ab", rows, strict=True))
    TemplateCache(tmp_path / "c").put_region("m", "d", found)
    assert TemplateCache(tmp_path / "c").region("m", "d") == found

    # What an earlier version kept under a name of its own, in a form of its own, is not known to this one.
    old = sha256_json(["m", "d"])
    write_atomically(tmp_path / "old" / old[:2] / old[2:], b'{"box": [0, 0, 1, 1]}')
    assert TemplateCache(tmp_path / "old").region("m", "d") is None


def test_the_cache_keeps_templates_and_stays_in_bounds(tmp_path: Path) -> None:
    cache = TemplateCache(tmp_path / "c")
    assert cache.template("m", "r", REGION) is None
    vector = np.arange(4, dtype=np.float32) / 3
    cache.put_template("m", "r", REGION, vector)
    cache.put_region("m", "d", FailureToAcquire("no face found"))
    again = TemplateCache(tmp_path / "c")
    found = again.template("m", "r", REGION)
    assert isinstance(found, np.ndarray)
    assert np.array_equal(found, vector)
    assert again.template("m", "other", REGION) is None
    assert again.region("m", "d") == FailureToAcquire("no face found")
    assert TemplateCache(tmp_path / "c", limit_bytes=0).template("m", "r", REGION) is None
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o700


FACE, VOICE = MEDIA[Modality.FACE], MEDIA[Modality.VOICE]


def region(n_found: int = 1, found_in: tuple[int, int] = (60, 50)) -> LocatedIn:
    return LocatedIn(Region((10, 20, 30, 40), REGION.landmarks, 1.0, n_found), found_in)


def test_a_fallback_crop_follows_the_outputs_size() -> None:
    """Enlarging the picture must not move the crop off the face."""
    nothing = FailureToAcquire("no face found")
    larger = np.zeros((120, 150, 3), np.uint8)
    chosen, state = FACE.attacked(nothing, larger, region())
    assert isinstance(chosen, Region)
    assert chosen.box == (30, 40, 90, 80)
    assert state == FALLBACK
    assert FACE.attacked(nothing, larger, None) == (nothing, NO_TEMPLATE)


def test_a_decoy_face_is_a_failure_to_acquire_not_a_clean_output() -> None:
    image = np.zeros((60, 50, 3), np.uint8)
    found = region(n_found=2).found
    chosen, state = FACE.attacked(found, image, region())
    assert isinstance(chosen, FailureToAcquire)
    assert state == NO_TEMPLATE
    assert FACE.attacked(found, image, region(n_found=2))[1] == DETECTED


def test_where_no_speech_is_found_the_input_s_stretches_to_the_output_s_length() -> None:
    nothing = FailureToAcquire("too little speech")
    slower = Audio(np.zeros(6 * 8000, np.float32), 8000)
    chosen, state = VOICE.attacked(nothing, slower, LocatedIn(SPEECH, (3.0,)))
    assert chosen == Speech(((1.0, 3.0), (4.0, 5.0)), 6.0)
    assert state == FALLBACK
    assert VOICE.attacked(nothing, slower, LocatedIn(nothing, (3.0,))) == (nothing, NO_TEMPLATE)
    assert VOICE.attacked(SPEECH, slower, LocatedIn(nothing, (3.0,))) == (SPEECH, DETECTED)


def test_the_background_of_a_sound_is_what_nobody_says() -> None:
    sound = Audio(np.zeros(3 * 8000, np.float32), 8000)
    same, pauses = VOICE.background(sound, SPEECH)
    assert same is sound
    assert pauses == Speech(((0.0, 0.5), (1.5, 2.0), (2.5, 3.0)), 3.0)
    assert isinstance(VOICE.background(sound, Speech(((0.0, 3.0),), 3.0))[1], FailureToAcquire)


def test_a_sound_is_known_by_its_samples_and_rate_whatever_its_file() -> None:
    samples = np.linspace(-0.5, 0.5, 4000, dtype=np.float32)
    sound = VOICE.decode(VOICE.encode(Audio(samples, 8000)))
    assert VOICE.is_same(sound, VOICE.decode(encode_wav(sound)))
    assert not VOICE.is_same(sound, Audio(sound.samples, 16000))
    assert not VOICE.is_same(sound, Audio(-sound.samples, 8000))
    assert not VOICE.is_same(sound, np.zeros((4, 4, 3), np.uint8))
    assert VOICE.is_blank(Audio(np.full(100, 0.2, np.float32), 8000))
    assert not VOICE.is_blank(sound)


@pytest.mark.parametrize("bad", [[], [np.nan, 1.0], [np.inf], [[1.0, 2.0]]])
def test_a_template_that_cannot_be_compared_is_a_failure_to_acquire(bad: list[float]) -> None:
    assert isinstance(checked_template(np.asarray(bad, np.float32)), FailureToAcquire)
    good = np.ones(3, np.float32)
    assert checked_template(good) is good


def test_an_id_cannot_lead_out_of_the_run_folder() -> None:
    for bad in ("../x", "/etc", "a/b", "", ".hidden"):
        with pytest.raises(ValidationError):
            RecogniserSpec(name="pixels", id=bad)


def test_masking_hides_the_box_and_nothing_else() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 50, 3), dtype=np.uint8)
    hidden = FACE.background(image, Region((10, 20, 30, 40), (), 1.0))[0]
    assert len(np.unique(hidden[20:40, 10:30].reshape(-1, 3), axis=0)) == 1
    assert np.array_equal(hidden[:18], image[:18])
    assert np.array_equal(hidden[42:], image[42:])


def test_run_log_has_no_names_and_says_what_became_of_a_case(
    make_people: Callable[..., Path], pixels_suite: Callable[..., Path], tmp_path: Path
) -> None:
    from visavox import load_suite, run

    editor = PYTHON.format(entry=f"{ENTRY}:load", params=json.dumps({"fail": 0.2}))
    run(load_suite(pixels_suite(make_people(15, 3, "logged"), editor)), tmp_path / "run")
    text = (tmp_path / "run" / "run.log").read_text()
    assert "failed: asked to" in text
    assert "verdict INCONCLUSIVE" in text
    assert "person" not in text


def test_an_editor_is_told_whose_cases_belong_together_and_not_who_it_is(suite_of: Callable[..., Suite]) -> None:
    prepared = prepare(suite_of())
    plan = prepared.plan
    requests = [request_of(i, plan, prepared.suite, prepared.dataset, None) for i in range(len(plan.cases))]
    by_person: dict[int, set[str | None]] = {}
    for person, asked in zip(plan.case_person, requests, strict=True):
        by_person.setdefault(person, set()).add(asked.person)
    assert all(len(tokens) == 1 for tokens in by_person.values())
    assert len(set.union(*by_person.values())) == len(by_person) == 12
    other = prepare(suite_of("seed=8"))
    assert not {request_of(0, other.plan, other.suite, other.dataset, None).person} & set.union(*by_person.values())
