"""Labels and watermarks looked for again after chains: read from media, counted as layers, held against bona fide."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from simulated import World

from visavox.core.options import DetectabilityOptions
from visavox.core.terms import Modality, PerceptibleVerdict, ToolClass
from visavox.engine.marks_after import LookAgain, marks_after
from visavox.engine.store import Store
from visavox.media.audio import Audio, encode_flac
from visavox.media.image import encode_png
from visavox.media.labels.records import AudibleFindings, VisibleFindings
from visavox.ports.assessment import AssessmentInput
from visavox.ports.detection import Detection, MarksAfter
from visavox.ports.perturbation import Pack, load_pack
from visavox.ports.watermark import Decoded, MarkTest, WatermarkReadings
from visavox_assessments.detectability import Detectability

FONT = Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc")
SIDE = 340
PACK = """name: cut
version: 1
summary: a rung and two chains of pictures, a rung and two chains of sounds
ladders:
  - {name: jpeg, operation: jpeg, strengths: [75], source: test}
  - {name: low-pass, operation: low_pass, strengths: [3000], source: test}
chains:
  - {name: sent, steps: [{operation: jpeg, strength: 75}], source: test}
  - {name: cut, steps: [{operation: crop, strength: 0.75}, {operation: jpeg, strength: 90}], source: test}
  - {name: narrow, steps: [{operation: low_pass, strength: 3400}], source: test}
  - {name: drowned, steps: [{operation: noise, strength: -25}], source: test}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    (tmp_path / "cut.yaml").write_text(PACK)
    return load_pack(str(tmp_path / "cut.yaml"))


class Recordings:
    """Bona fide media by number."""

    def __init__(self, data: Sequence[bytes]) -> None:
        self.data = data

    def read(self, sample: str) -> bytes:
        return self.data[int(sample)]


def look(
    tmp_path: Path, pack: Pack, modality: Modality, outputs: Sequence[bytes], bona_fide: Sequence[bytes],
    seen: Sequence[Any], *, read_marks: Any = None, most: int = 40, asks_labels: bool = True,
) -> MarksAfter:  # fmt: skip
    """What the engine finds of these outputs and bona fide media, each of another person."""
    store = Store(tmp_path / "store")
    kept = [store.put(data) for data in outputs]
    plan: Any = SimpleNamespace(
        modality=modality,
        cases=[SimpleNamespace(id=str(n)) for n in range(len(outputs))],
        case_person=list(range(len(outputs))),
        samples=[SimpleNamespace(id=str(n), person=n) for n in range(len(bona_fide))],
    )
    rows: Any = {str(n): SimpleNamespace(outputs=[SimpleNamespace(digest=one)]) for n, one in enumerate(kept)}
    found: Any = SimpleNamespace(perturbations=pack.of(modality), case_perturbed=np.ones(len(outputs), bool))
    again = LookAgain(7, most_labels=most, most_marks=most, read_marks=read_marks)
    dataset: Any = Recordings(bona_fide)
    after = marks_after(plan, dataset, rows, store, found, tuple(seen) if asks_labels else (), again, lambda step: None)
    assert after is not None
    return after


def ground() -> Image.Image:
    slope = np.linspace(60, 150, SIDE).astype(np.uint8)
    return Image.fromarray(np.repeat(np.broadcast_to(slope[:, None], (SIDE, SIDE))[:, :, None], 3, axis=2))


def labelled() -> Image.Image:
    if shutil.which("tesseract") is None or not FONT.is_file():
        pytest.fail("apt-get install tesseract-ocr tesseract-ocr-chi-sim fonts-wqy-zenhei")
    picture = ground()
    ImageDraw.Draw(picture).text((6, 4), "AI生成", font=ImageFont.truetype(str(FONT), 30), fill=(255, 255, 255))
    return picture


def verdicts(record: type[VisibleFindings | AudibleFindings], *verdicts: str) -> list[Any]:
    return [record(verdict=PerceptibleVerdict(one)) for one in verdicts]


# ---------------------------------------------------------------- read from media
def test_a_visible_label_survives_jpeg_and_dies_with_the_edge_it_stands_at(tmp_path: Path, pack: Pack) -> None:
    outputs = [encode_png(np.asarray(one)) for one in (labelled(), ground(), ground())]
    seen = verdicts(VisibleFindings, "compliant", "not_found", "inconclusive")
    after = look(tmp_path, pack, Modality.FACE, outputs, [outputs[1]], seen)
    rows = {one.name: n for n, one in enumerate(pack.of(Modality.FACE), start=1)}
    assert after.label[0].tolist() == [1, 0, -1]
    assert after.label[rows["sent"]].tolist() == [1, 0, -1]
    assert after.label[rows["cut"]].tolist() == [0, 0, -1]
    assert after.label[rows["jpeg/75"]].tolist() == [-1, 0, -1]  # of pictures only chains are read: nobody looked
    assert after.label_unmarked[[0, rows["sent"], rows["cut"]]].tolist() == [
        [0],
        [0],
        [-1],
    ]  # after a cut none is there
    assert after.label_cases.all() and (after.watermark_unmarked == -1).all()


def rhythm(*, is_labelled: bool) -> bytes:
    """Three seconds of faint noise, in it short-long short-short at 1 kHz."""
    random, rate = np.random.default_rng(5), 16_000
    samples = 0.003 * random.standard_normal(3 * rate)
    at = 0.2
    for length in (0.1, 0.3, 0.1, 0.1) if is_labelled else ():
        span = np.arange(round(at * rate), round((at + length) * rate))
        samples[span] += 0.3 * np.sin(2 * np.pi * 1000 * span / rate)
        at += length + (0.3 if length == 0.3 else 0.1)
    return encode_flac(Audio(samples.astype(np.float32), rate))


def test_a_rhythm_survives_a_telephone_band_and_not_noise(tmp_path: Path, pack: Pack) -> None:
    outputs = [rhythm(is_labelled=True), rhythm(is_labelled=True), rhythm(is_labelled=False)]
    seen = verdicts(AudibleFindings, "compliant", "compliant", "inconclusive")
    after = look(tmp_path, pack, Modality.VOICE, outputs, outputs[2:], seen, most=2)
    rows = {one.name: n for n, one in enumerate(pack.of(Modality.VOICE), start=1)}
    drawn = np.flatnonzero(after.label_cases & (after.label[0] == 1))
    assert after.label_cases.sum() == 2 and drawn.size
    for name in ("narrow", "low-pass/3000"):  # sounds are listened to after every perturbation
        assert (after.label[rows[name], drawn] == 1).all()
    assert (after.label[rows["drowned"], drawn] == 0).all()  # no rhythm: what is not heard does not count
    assert (after.label_unmarked[[0, rows["narrow"]]] == 0).all() and (
        after.label_unmarked[rows["drowned"]] == -1
    ).all()
    assert (after.label[1:, ~after.label_cases] == -1).all()


def test_an_unlabelled_output_bears_no_label_later_and_nobody_looks_for_one(tmp_path: Path, pack: Pack) -> None:
    nothing = [b"no picture"] * 2  # reading one would raise
    after = look(tmp_path, pack, Modality.FACE, nothing, nothing, verdicts(VisibleFindings, *["not_found"] * 2))
    assert (after.label == 0).all() and (after.label_unmarked == -1).all()


def test_watermarks_are_looked_for_in_bona_fide_media_that_went_the_same_way(tmp_path: Path, pack: Pack) -> None:
    bona_fide = [encode_png(np.asarray(ground())) for _ in range(3)]
    shapes: list[tuple[int, ...]] = []

    def read_marks(media: Sequence[Any]) -> list[int]:
        shapes.extend(one.shape for one in media)
        return [int(len(one) < SIDE) for one in media]

    after = look(tmp_path, pack, Modality.FACE, [], bona_fide, [], read_marks=read_marks, most=2, asks_labels=False)
    rows = {one.name: n for n, one in enumerate(pack.of(Modality.FACE), start=1)}
    assert sorted(after.watermark_unmarked[rows["cut"]].tolist()) == [-1, 1, 1]
    assert sorted(after.watermark_unmarked[rows["sent"]].tolist()) == [-1, 0, 0]
    assert (after.watermark_unmarked[0] == -1).all() and len(shapes) == 6


# ---------------------------------------------------------------- counted as layers
@pytest.fixture(scope="module")
def data() -> AssessmentInput:
    world = World(ToolClass.ANONYMISE, lambda edit, number: (0.0, 0.0, 1.0), n_people=60, each=2)
    return world.data(DetectabilityOptions())


def detection(data: AssessmentInput, pack: Pack, after: MarksAfter, marks: int = -1) -> Detection:
    """No detector; every output went through the pack."""
    n_cases, n = len(data.case_person), len(data.sample_person)
    rows = 1 + len(pack.of(Modality.FACE))
    return Detection(
        perturbations=pack.of(Modality.FACE),
        packs=(),
        sample_rotation=(data.sample_person % 3).astype(np.int32),
        case_rotation=(data.case_person % 3).astype(np.int32),
        sample_perturbed=np.ones(n, bool),
        case_perturbed=np.ones(n_cases, bool),
        case_species=("",) * n_cases,
        detectors=(),
        sample_cues=(None,) * n,
        case_cues=(None,) * n_cases,
        quality=np.ones((rows, n_cases), np.float32),
        mark_alive=np.full((rows, n_cases), marks, np.int8),
        marks_after=after,
    )


def read_again(data: AssessmentInput, *, alarms: float = 0.0, marks: float = 0.0) -> MarksAfter:
    """Labels on every output, looked for again in every other one: there after ``sent``, gone after ``cut``.

    Args:
        alarms, marks: share of the bona fide media in which a label, and the watermark, is found after ``sent``.
    """
    n_cases, n = len(data.case_person), len(data.sample_person)
    drawn = np.arange(n_cases) % 2 == 0
    label = np.full((4, n_cases), -1, np.int8)
    label[0], label[2, drawn], label[3, drawn] = 1, 1, 0
    unmarked, watermark = np.zeros((4, n), np.int8), np.zeros((4, n), np.int8)
    unmarked[2, : round(alarms * n)] = 1
    watermark[2, : round(marks * n)] = 1
    return MarksAfter(drawn, label, unmarked, watermark)


def layers(data: AssessmentInput, found: Detection, verdict: str = "compliant", **more: Any) -> Any:
    seen = (VisibleFindings(verdict=PerceptibleVerdict(verdict)),) * len(data.case_person)
    result = Detectability().assess(replace(data, detection=found, case_perceptible=seen, **more))
    (table,) = [one for one in result.tables if one.name == "layers"]
    return result, {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}, table


def after_chains(result: Any) -> Any:
    (one,) = [e for e in (*result.estimates, *result.not_made) if e.name == "one_layer_alive_after_chains_share"]
    return one


def test_a_label_counts_after_the_chains_that_leave_it_in_the_sample_that_was_read(
    data: AssessmentInput, pack: Pack
) -> None:
    result, rows, table = layers(data, detection(data, pack, read_again(data)))
    assert rows["sent"]["seen or heard"] == 1.0 and rows["cut"]["seen or heard"] == 0.0
    assert rows["jpeg/75"]["seen or heard"] is None and rows["as they are"]["seen or heard"] == 1.0
    drawn = len(data.case_person) // 2
    worst = after_chains(result)
    assert (worst.value, worst.n) == (0.0, drawn) and "after cut" in worst.note
    assert f"of {drawn} outputs" in table.note
    kept = read_again(data)
    kept.label[3] = kept.label[2]
    best = after_chains(layers(data, detection(data, pack, kept))[0])
    assert (best.value, best.n) == (1.0, drawn) and 0.9 < best.lower < 1.0  # 60 outputs, not 120


def test_no_label_leaves_nothing_after_any_chain(data: AssessmentInput, pack: Pack) -> None:
    bare = replace(read_again(data), label=np.zeros((4, len(data.case_person)), np.int8))
    result, rows, _ = layers(data, detection(data, pack, bare), "not_found")
    assert {row["seen or heard"] for row in rows.values()} == {0.0}
    assert (after_chains(result).value, after_chains(result).n) == (0.0, len(data.case_person))


def test_a_label_read_in_bona_fide_media_too_is_no_layer(data: AssessmentInput, pack: Pack) -> None:
    few = layers(data, detection(data, pack, read_again(data, alarms=0.02)))[1]
    assert few["sent"]["seen or heard"] == 1.0
    result, rows, _ = layers(data, detection(data, pack, read_again(data, alarms=0.3)))
    assert rows["sent"]["seen or heard"] is None and rows["cut"]["seen or heard"] == 0.0
    assert any("after sent is not known: found in 30.0% of the bona fide media" in one for one in result.limitations)
    (table,) = [one for one in result.tables if one.name == "marks_in_bona_fide"]
    assert [row[3] for row in table.rows if row[:2] == ("sent", "seen or heard")] == [0.3]


def test_a_layer_that_nobody_looked_for_in_bona_fide_media_is_not_known(data: AssessmentInput, pack: Pack) -> None:
    unlooked = replace(read_again(data), label_unmarked=np.full((4, len(data.sample_person)), -1, np.int8))
    result, rows, _ = layers(data, detection(data, pack, unlooked))
    assert rows["sent"]["seen or heard"] is None and rows["as they are"]["seen or heard"] is None
    assert after_chains(result).name in {one.name for one in result.not_made}


@pytest.mark.parametrize(("false", "alive"), [(0.0, 1.0), (0.2, None)])
def test_a_decoder_that_a_chain_makes_see_marks_is_not_believed_after_it(
    data: AssessmentInput, pack: Pack, false: float, alive: float | None
) -> None:
    bits, n = (0, 1) * 16, len(data.case_person)
    random = np.random.default_rng(2)
    unmarked = tuple(Decoded(bits=tuple(random.integers(0, 2, 32).tolist())) for _ in data.sample_person)
    readings = WatermarkReadings("ours", MarkTest(message=bits, fpr=0.01), (Decoded(bits=bits),) * n, unmarked)
    found = detection(data, pack, read_again(data, marks=false), marks=1)
    rows = layers(data, found, watermark=readings)[1]
    assert rows["sent"]["watermark"] == alive
    assert rows["cut"]["watermark"] == 1.0 and rows["as they are"]["watermark"] == 1.0


@pytest.mark.parametrize(("fair", "alive"), [(True, 1.0), (False, None)])
def test_without_fair_bits_false_alarms_after_a_chain_have_to_be_few_by_their_upper_bound(
    data: AssessmentInput, pack: Pack, fair: bool, alive: float | None
) -> None:
    """5 % of the bona fide media are taken for marked after one chain: the test allows 10 % where bits are coins."""
    bits, n, random = (0, 1) * 16, len(data.case_person), np.random.default_rng(2)
    unmarked = tuple(Decoded(bits=tuple(random.integers(0, 2, 32)) if fair else (0, 0, 1, 1) * 8) for _ in range(n))
    readings = WatermarkReadings("ours", MarkTest(message=bits, fpr=0.1), (Decoded(bits=bits),) * n, unmarked)
    rows = layers(data, detection(data, pack, read_again(data, marks=0.05), marks=1), watermark=readings)[1]
    assert rows["sent"]["watermark"] == alive and rows["cut"]["watermark"] == 1.0
