"""The score-file door: layouts, polarity, people, faults, and what stands in the JSON."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from visavox.api.scoring import Layout, ScoreEstimate, ScoreReport, score_file
from visavox.core.errors import EvidenceError, UsageError
from visavox.core.figures import Estimate
from visavox.metrics import curves, detection, disclosure, error_rates, linkability, tandem

K, M = 12, 4


class People:
    """Recordings of people who do not exist, all compared with all."""

    def __init__(self, seed: int = 3) -> None:
        rng = np.random.default_rng(seed)
        self.owner = np.repeat(np.arange(K), M)
        points = np.repeat(rng.normal(size=(K, 6)) * 1.3, M, axis=0) + rng.normal(size=(K * M, 6))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        self.pairs = list(itertools.combinations(range(K * M), 2))
        self.scores = [round(float(points[i] @ points[j]), 6) for i, j in self.pairs]
        self.same = np.array([self.owner[i] == self.owner[j] for i, j in self.pairs])
        self.mated, self.non_mated = np.array(self.scores)[self.same], np.array(self.scores)[~self.same]
        self.first = np.array([self.owner[i] for i, _ in self.pairs])
        self.second = np.array([self.owner[j] for _, j in self.pairs])


@pytest.fixture(scope="module")
def people() -> People:
    return People()


def by_name(report: ScoreReport, recogniser: str = "") -> dict[str, ScoreEstimate]:
    return {found.name: found for found in report.estimates if found.recogniser == recogniser}


def subjects_csv(path: Path, people: People) -> Path:
    rows = [f"s{a},s{b},{s}" for a, b, s in zip(people.first, people.second, people.scores, strict=True)]
    path.write_text("\n".join(["reference_subject,probe_subject,score", *rows]) + "\n")
    return path


def test_every_figure_of_a_table_with_subjects(people: People, tmp_path: Path) -> None:
    report = score_file(subjects_csv(tmp_path / "s.csv", people))
    assert (report.layout, report.file) == ("subjects", "s.csv")
    assert (report.counts.n_mated, report.counts.n_non_mated, report.counts.n_people) == (72, 1056, K)
    found = by_name(report)
    table = people.mated, people.first[people.same], people.non_mated, people.first[~people.same]
    second = people.second[~people.same]
    assert found["eer"].value == curves.eer(people.mated, people.non_mated).eer
    assert found["auc"].value == pytest.approx(curves.auc(people.mated, people.non_mated))
    rate = error_rates.fnmr_at_fmr(people.mated, people.non_mated, 1e-2)
    assert found["fnmr_at_fmr_1e-2"].value == rate.rate
    point = found["fnmr_at_fmr_1e-2"].operating_point
    assert point is not None and point.threshold == rate.threshold and point.support == "few_people"
    assert point.fmr_low is not None and point.fmr_high is not None and point.fmr_low < point.fmr < point.fmr_high
    assert found["min_cllr"].value == disclosure.min_cllr(people.mated, people.non_mated)
    zebra = disclosure.zebra(people.mated, people.non_mated)
    assert (found["zebra_expected"].value, found["zebra_worst"].value) == (zebra.expected_bit, zebra.worst_log10)
    assert found["zebra_worst"].band == zebra.tag and found["zebra_worst"].low is None
    jackknife = linkability.d_sys_interval(*table, second)
    assert (found["d_sys"].value, found["d_sys"].lower) == (jackknife.value, jackknife.lower)
    assert "permutation null" in found["d_sys"].note and 0 < found["d_sys"].chance < found["d_sys"].value  # type: ignore[operator]
    for name in ("eer", "auc", "fnmr_at_fmr_1e-2", "min_cllr", "zebra_expected", "d_sys"):
        one = found[name]
        ends = (one.low, one.lower, one.value, one.upper, one.high)
        assert None not in ends and list(ends) == sorted(ends), name  # type: ignore[type-var]
        assert one.method and one.n_subjects == K
    assert {one.name for one in report.not_made} == {"cllr", "cllr_cal", "fnmr_at_fmr_1e-3", "fnmr_at_fmr_1e-4"}
    reasons = {one.name: one.reason for one in report.not_made}
    assert "rule of 3" in reasons["fnmr_at_fmr_1e-3"] and "--llr" in reasons["cllr"]
    assert not {"name", "value", "low", "high", "lower", "upper", "n_eff"} - set(Estimate.model_fields)
    assert set(ScoreEstimate.model_fields) <= set(Estimate.model_fields)
    assert score_file(tmp_path / "s.csv") == report


def test_labels_without_people_give_the_same_figures_without_an_interval(people: People, tmp_path: Path) -> None:
    rows = [f"{int(m)},{s}" for m, s in zip(people.same, people.scores, strict=True)]
    (tmp_path / "m.csv").write_text("mated,score\n" + "\n".join(rows))
    report, full = score_file(tmp_path / "m.csv"), score_file(subjects_csv(tmp_path / "s.csv", people))
    assert report.layout == "mated" and report.counts.n_people is None
    for name, one in by_name(report).items():
        assert one.value == by_name(full)[name].value
        assert (one.low, one.high, one.lower, one.upper, one.n_eff, one.method) == (None,) * 5 + ("",)
        assert name == "zebra_worst" or "not independent" in one.note
    assert "needs people" in {one.name: one.reason for one in report.not_made}["d_sys"]


def test_parquet_and_spellings_of_mated(people: People, tmp_path: Path) -> None:
    csv_report = score_file(subjects_csv(tmp_path / "s.csv", people))
    columns = {"probe_subject": people.second, "reference_subject": people.first, "score": people.scores}
    pq.write_table(pa.table(columns), tmp_path / "s.parquet")
    assert score_file(tmp_path / "s.parquet").estimates == csv_report.estimates
    pq.write_table(pa.table({"mated": people.same, "score": people.scores}), tmp_path / "m.parquet")
    (tmp_path / "m.tsv").write_text(
        "Mated\tScore\n"
        + "".join(f"{'target' if m else 'no'}\t{s}\n" for m, s in zip(people.same, people.scores, strict=True))
    )
    assert score_file(tmp_path / "m.parquet").estimates == score_file(tmp_path / "m.tsv").estimates


def kaldi_names(people: People) -> list[tuple[str, str, str, float]]:
    """Enrolment by speaker, trials by utterance, as VoicePrivacy has them: rows of the first recording of each."""
    rows = []
    for (i, j), score, same in zip(people.pairs, people.scores, people.same, strict=True):
        if i % M == 0:
            label = "target" if same else "nontarget"
            rows.append((f"{people.owner[i]:02d}", f"{people.owner[j]:02d}-{j}", label, score))
    return rows


def test_kaldi_in_one_file_and_in_two(people: People, tmp_path: Path) -> None:
    rows = kaldi_names(people)
    names = {probe for _, probe, _, _ in rows}
    (tmp_path / "one").write_text("".join(f"{e} {p} {label} {s}\n" for e, p, label, s in rows))
    (tmp_path / "turned").write_text("".join(f"{e} {p} {s} {label}\n" for e, p, label, s in rows))
    (tmp_path / "scores").write_text("enroll_id trial_id score\n" + "".join(f"{e} {p} {s}\n" for e, p, _, s in rows))
    (tmp_path / "trials").write_text("".join(f"{e} {p} {label}\n" for e, p, label, _ in rows))
    (tmp_path / "more").write_text((tmp_path / "trials").read_text() + "00 unscored target\n")
    (tmp_path / "utt2spk").write_text("".join(f"{name} {name[:2]}\n" for name in sorted(names)))
    one = score_file(tmp_path / "one")
    assert one.layout == "kaldi" and one.counts.n_people is None
    assert "in no target trial" in one.remarks[0] and "--utt2spk" in one.remarks[0]
    assert score_file(tmp_path / "turned").estimates == one.estimates
    two = score_file(tmp_path / "scores", trials=tmp_path / "trials")
    assert two.estimates == one.estimates
    known = score_file(tmp_path / "scores", trials=tmp_path / "more", utt2spk=tmp_path / "utt2spk")
    assert known.counts.n_people == K and known.counts.n_unscored == 1
    assert "1 trials have no score" in known.remarks[0]
    assert [e.value for e in known.estimates if e.name != "d_sys"] == [e.value for e in one.estimates]
    assert by_name(known)["eer"].low is not None
    bare = [f"{s} {label}\n" for _, _, label, s in rows]
    (tmp_path / "bare").write_text("".join(bare))
    assert score_file(tmp_path / "bare").layout == "kaldi-eer"
    assert [e.value for e in score_file(tmp_path / "bare").estimates] == [e.value for e in one.estimates]


def test_people_are_joined_by_target_trials(people: People, tmp_path: Path) -> None:
    """Every recording is in some target trial here: the people found are those of the table of subjects."""
    text = "".join(
        f"u{i} u{j} {'target' if same else 'nontarget'} {s}\n"
        for (i, j), s, same in zip(people.pairs, people.scores, people.same, strict=True)
    )
    (tmp_path / "k").write_text(text)
    found, full = score_file(tmp_path / "k"), score_file(subjects_csv(tmp_path / "s.csv", people))
    assert found.counts == full.counts
    for name in ("eer", "auc", "min_cllr", "fnmr_at_fmr_1e-2"):
        assert by_name(found)[name].lower == pytest.approx(by_name(full)[name].lower)
    wrong = text.replace("u0 u4 nontarget", "u0 u4 target")
    (tmp_path / "w").write_text(wrong)
    with pytest.raises(EvidenceError, match="nontarget, yet target trials"):
        score_file(tmp_path / "w")


class Detector:
    """Detector scores, bona fide high as in ASVspoof's files; 10 speakers."""

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        self.bona_fide, self.spoof = rng.normal(2, 1, 60).round(4), rng.normal(-1, 1.5, 140).round(4)
        self.rows = [(f"S{i % 10}", f"E_{i}", "-", "bonafide", s) for i, s in enumerate(self.bona_fide)]
        self.rows += [(f"S{i % 10}", f"E_{i + 60}", f"A{i % 7:02d}", "spoof", s) for i, s in enumerate(self.spoof)]


def detector_layouts(folder: Path, rows: list[tuple[str, str, str, str, float]]) -> dict[str, tuple[Path, Path | None]]:
    def write(name: str, text: str) -> Path:
        (folder / name).write_text(text)
        return folder / name

    return {
        "asvspoof-cm": (write("cm", "".join(f"{u} {a} {y} {s}\n" for _, u, a, y, s in rows)), None),
        "asvspoof-spk": (write("spk", "".join(f"{p} {u} {s} {y}\n" for p, u, _, y, s in rows)), None),
        "asvspoof-2021": (
            write("2021", "".join(f"{u} {s}\n" for _, u, _, _, s in rows)),
            write("key21", "".join(f"{p} {u} alaw ita_tx {a} {y} notrim eval\n" for p, u, a, y, _ in rows)),
        ),
        "asvspoof-5": (
            write("t1.tsv", "filename\tcm-score\n" + "".join(f"{u}\t{s}\n" for _, u, _, _, s in rows)),
            write("key5.tsv", "filename\tspk\tcm-label\n" + "".join(f"{u}\t{p}\t{y}\n" for p, u, _, y, _ in rows)),
        ),
        "attack-scores": (
            write("a.csv", "label,attack_score,subject\n" + "".join(f"{y},{-s},{p}\n" for p, _, _, y, s in rows)),
            None,
        ),
    }


def test_detector_layouts_agree_and_are_negated_once(tmp_path: Path) -> None:
    data = Detector()
    reports = {
        name: score_file(path, trials=key, is_llr=True)
        for name, (path, key) in detector_layouts(tmp_path, data.rows).items()
    }
    for name, report in reports.items():
        assert report.layout == name
        found = by_name(report)
        assert found["auc"].value > 0.9 and found["eer"].value < 0.2
        assert found["min_dcf"].value == pytest.approx(detection.min_dcf(-data.bona_fide, -data.spoof).dcf)
        miss, accepted = np.mean(data.bona_fide < -0.6419), np.mean(data.spoof >= -0.6419)
        assert found["act_dcf"].value == pytest.approx((0.95 * miss + 0.5 * accepted) / 0.5)
        assert found["cllr"].value == pytest.approx(disclosure.cllr(data.bona_fide, data.spoof))
        assert not {"fnmr_at_fmr_1e-2", "d_sys", "zebra_expected"} & set(found)
        has_people = name != "asvspoof-cm"
        assert (report.counts.n_people == 10) is has_people
        assert all((one.lower is not None) is has_people for one in report.estimates)
        assert any("negated once" in remark for remark in report.remarks) is (name != "attack-scores")
    assert reports["asvspoof-spk"].estimates == reports["asvspoof-2021"].estimates == reports["attack-scores"].estimates


def test_other_phases_of_a_key_stand_in_no_figure(tmp_path: Path) -> None:
    data = Detector()
    path, key = detector_layouts(tmp_path, data.rows)["asvspoof-2021"]
    assert key is not None
    lines = key.read_text().splitlines()
    key.write_text("\n".join(line.replace("eval", "progress") if i % 5 == 4 else line for i, line in enumerate(lines)))
    report = score_file(path, trials=key)
    assert report.counts.n_bona_fide + report.counts.n_attacks == 160
    assert "40 scores of other phases" in report.remarks[1]


def test_tandem_of_asvspoof_5(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    rows = []
    for i in range(240):
        label = ("target", "nontarget", "spoof")[i % 3]
        own, other = f"E_{i % 8:02d}", f"E_{(i + 3) % 8:02d}"
        name = f"T_{i % 8 if label == 'target' else (i + 3) % 8}_{i % 4 if label != 'spoof' else i}"
        asv = round(float(rng.normal({"target": 3, "nontarget": 0, "spoof": 2}[label], 1)), 4)
        cm = round(float(rng.normal(-1 if label == "spoof" else 2, 1)), 4)
        rows.append((own, name, cm, asv, round(asv + cm, 4), label, other))
    unique = {(spk, name): row for row in rows for spk, name in [row[:2]]}
    rows = list(unique.values())
    (tmp_path / "s.tsv").write_text(
        "spk\tfilename\tcm-score\tasv-score\tsasv-score\n"
        + "".join(f"{r[0]}\t{r[1]}\t{r[2]}\t{r[3]}\t{r[4]}\n" for r in rows)
    )
    (tmp_path / "k.tsv").write_text(
        "spk\tfilename\tcm-label\tasv-label\n"
        + "".join(f"{r[0]}\t{r[1]}\t{'spoof' if r[5] == 'spoof' else 'bonafide'}\t{r[5]}\n" for r in rows)
    )
    report = score_file(tmp_path / "s.tsv", trials=tmp_path / "k.tsv")
    of = {label: np.array([r[2:5] for r in rows if r[5] == label]) for label in ("target", "nontarget", "spoof")}
    asv, cm, joint = by_name(report), by_name(report, "cm-score"), by_name(report, "sasv-score")
    assert asv["eer"].value == curves.eer(of["target"][:, 1], of["nontarget"][:, 1]).eer
    assert joint["a_dcf"].value == tandem.a_dcf(*(of[k][:, 2] for k in ("target", "nontarget", "spoof"))).a_dcf
    bona_fide = np.r_[of["target"][:, 0], of["nontarget"][:, 0]]
    assert cm["min_dcf"].value == pytest.approx(detection.min_dcf(-bona_fide, -of["spoof"][:, 0]).dcf)
    assert cm["min_t_dcf"].value == pytest.approx(tandem.t_dcf(-bona_fide, -of["spoof"][:, 0]).t_dcf)
    kinds = [tandem.TandemTrials(of[k][:, 1], -of[k][:, 0]) for k in ("target", "nontarget", "spoof")]
    assert cm["t_eer"].value == pytest.approx(tandem.t_eer(*kinds).t_eer)
    four = "".join(f"{r[0]} {r[1]} {r[4]} {r[5]}\n" for r in rows)
    (tmp_path / "sasv").write_text(four)
    single = score_file(tmp_path / "sasv")
    assert single.layout == "asvspoof-spk" and by_name(single)["a_dcf"].value == joint["a_dcf"].value
    (tmp_path / "asv").write_text("".join(f"{'A01' if r[5] == 'spoof' else 'bonafide'} {r[5]} {r[3]}\n" for r in rows))
    third = score_file(tmp_path / "asv")
    assert third.layout == "asvspoof-asv" and by_name(third)["eer"].value == asv["eer"].value


def test_recognisers_attackers_and_groups_stand_apart(people: People, tmp_path: Path) -> None:
    head = "reference_subject,probe_subject,score,system,attacker,group\n"
    rows = []
    for a, b, s in zip(people.first, people.second, people.scores, strict=True):
        group = "x" if a < K // 2 and b < K // 2 else "y"
        rows += [f"{a},{b},{s},one,ignorant,{group}", f"{a},{b},{-s},two,ignorant,{group}"]
    (tmp_path / "t.csv").write_text(head + "\n".join(rows))
    report = score_file(tmp_path / "t.csv")
    eers = {(e.recogniser, e.group): e.value for e in report.estimates if e.name == "eer"}
    assert set(eers) == {(r, g) for r in ("one", "two") for g in (None, "x", "y")}
    assert eers["one", None] == curves.eer(people.mated, people.non_mated).eer
    assert eers["two", None] == curves.eer(-people.mated, -people.non_mated).eer > 0.5
    (flagged,) = [e for e in report.estimates if (e.name, e.recogniser, e.group) == ("eer", "two", None)]
    assert "above 50 %" in flagged.note
    assert all(e.attacker == "ignorant" for e in report.estimates)


FAULTS = {
    "nan": ("reference_subject,probe_subject,score\na,a,.5\na,b,nan\n", "line 3: the score 'nan' is no finite number"),
    "text": ("mated,score\n1,.5\n0,high\n", "line 3: the score 'high'"),
    "blank": ("mated,score\n1,.5\n\n0,\n", "line 4: the score ''"),
    "width": ("mated,score\n1,.5\n0,.4,.3\n", "line 3: 3 columns where line 1 has 2"),
    "label": ("mated,score\n1,.5\nperhaps,.4\n", "line 3: the label 'perhaps'"),
    "columns": ("subject,score\na,.5\n", "line 1: the columns subject, score"),
    "twice": ("mated,score,score\n1,.5,.4\n", "line 1: the columns mated, score, score"),
    "one class": ("mated,score\n1,.5\n1,.4\n", "all 2 trials are mated"),
    "no subject": ("reference_subject,probe_subject,score\na,,.5\n", "line 2: no probe_subject"),
    "contradiction": (
        "reference_subject,probe_subject,mated,score\na,a,1,.5\na,b,1,.4\n",
        "line 3: a `mated` that contradicts",
    ),
    "empty": ("\n# nothing\n", "no scores in it"),
    "header alone": ("mated,score\n", "no scores in it"),
    "unknown": ("one two three\n", "line 1: 'one two three', which is no known layout"),
    "mixed labels": ("a b target .5\na c nontarget .4\na d spoof .3\n", "no known layout"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_one_line_with_file_and_place(name: str, tmp_path: Path) -> None:
    text, says = FAULTS[name]
    path = tmp_path / "scores.txt"
    path.write_text(text)
    with pytest.raises(EvidenceError) as error:
        score_file(path)
    message = str(error.value)
    assert message.startswith(str(path)) and says in message and "\n" not in message and ";" in message
    assert error.value.exit_code == 3


def test_faults_of_the_second_file(tmp_path: Path) -> None:
    scores, trials = tmp_path / "s", tmp_path / "t"
    scores.write_text("a u1 .5\na u2 .4\n")
    with pytest.raises(UsageError, match="--trials"):
        score_file(scores)
    for text, says in (
        ("a u1 target\n", "line 2: a trial that"),
        ("a u1 target\na u1 nontarget\na u2 target\n", "two labels"),
        ("a u1 yes\na u2 no\n", "line 1: the label 'yes'"),
        ("a u1\na u2\n", "2 columns"),
    ):
        trials.write_text(text)
        with pytest.raises(EvidenceError, match=says):
            score_file(scores, trials=trials)
    trials.write_text("a u1 target\na u2 nontarget\n")
    scores.write_text("a u1 .5\na u1 .4\na u2 .1\n")
    with pytest.raises(EvidenceError, match="line 2: a trial that stands above"):
        score_file(scores, trials=trials)
    scores.write_text("a u1 .5\na u2 .4\n")
    (tmp_path / "utt2spk").write_text("u1 a\nu2 a\n")
    with pytest.raises(EvidenceError, match="line 2: a label that contradicts"):
        score_file(scores, trials=trials, utt2spk=tmp_path / "utt2spk")
    scores.write_text("a u1 target .5\na u2 nontarget .4\n")
    with pytest.raises(UsageError, match="leave --trials out"):
        score_file(scores, trials=trials)
    with pytest.raises(EvidenceError, match="kaldi-eer has 2"):
        score_file(scores, layout=Layout.KALDI_EER)
    with pytest.raises(EvidenceError, match="No such file"):
        score_file(tmp_path / "absent")
    (tmp_path / "p.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(EvidenceError, match="no readable Parquet"):
        score_file(tmp_path / "p.parquet")
    (tmp_path / "b").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvidenceError, match="UTF-8"):
        score_file(tmp_path / "b")


def test_two_people_give_figures_and_say_why_there_is_no_interval(tmp_path: Path) -> None:
    rows = [("a", "a", 0.9), ("b", "b", 0.8), ("a", "b", 0.1), ("b", "a", 0.2)]
    (tmp_path / "s.csv").write_text(
        "reference_subject,probe_subject,score\n" + "".join(f"{a},{b},{s}\n" for a, b, s in rows)
    )
    report = score_file(tmp_path / "s.csv")
    found = by_name(report)
    assert found["min_cllr"].value == 0.0 and found["min_cllr"].low is None
    assert "no interval: a jackknife" in found["min_cllr"].note
    assert "rule of 3" in {one.name: one.reason for one in report.not_made}["fnmr_at_fmr_1e-2"]


def test_complete_separation_has_no_interval_of_width_0(people: People, tmp_path: Path) -> None:
    apart = np.where(people.same, 1.0, 0.0)
    rows = [f"{a},{b},{s}" for a, b, s in zip(people.first, people.second, apart, strict=True)]
    (tmp_path / "s.csv").write_text("reference_subject,probe_subject,score\n" + "\n".join(rows))
    found = by_name(score_file(tmp_path / "s.csv"))
    assert (found["min_cllr"].value, found["eer"].value, found["d_sys"].value) == (0.0, 0.0, 1.0)
    for name in ("min_cllr", "zebra_expected", "d_sys"):
        assert found[name].low is None and "no spread" in found[name].note
    assert found["eer"].high is not None and found["eer"].high > 0.02


def test_scores_run_without_a_learning_framework(people: People, tmp_path: Path) -> None:
    subjects_csv(tmp_path / "s.csv", people)
    code = (
        "import sys; from visavox.cli import exit_code; code = exit_code(['score', sys.argv[1], '--json']);"
        "heavy = {'torch', 'librosa', 'sklearn', 'mlflow', 'onnxruntime'} & set(sys.modules);"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s.csv")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert set(said) == {"file", "layout", "counts", "estimates", "not_made", "remarks"}
    assert str(tmp_path) not in done.stdout
    assert [e["name"] for e in said["estimates"]][:2] == ["eer", "auc"]


def test_the_study_beside_other_packages_says_what_its_script_prints() -> None:
    """Values alone: the last digits of the differences are the machine's."""
    studies = Path(__file__).parents[2] / "docs" / "studies"
    done = subprocess.run([sys.executable, str(studies / "score_file.py")], capture_output=True, text=True, check=True)

    def values(text: str) -> list[list[str]]:
        rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ") and "figure" not in line]
        return [[row[0], row[1], row[2], row[4]] for row in rows]

    page = (studies / "score_file.md").read_text().split("## People who do not exist")[1]
    assert values(done.stdout) == values(page)
    assert len(values(page)) == 6
