"""The tamper matrix: ways to get a PASS that was not earned, each refused with its own reason; one honest path."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tampering import OTHER_RUN, Scene, alter, decide_again, failed_before, rejournal, rescore, reseal

from visavox import gate
from visavox.api.signing import sign
from visavox.cli import exit_code
from visavox.core.config import comparable_suite
from visavox.core.digest import sha256_file, sha256_json
from visavox.core.errors import EvidenceError
from visavox.core.terms import Verdict
from visavox.policy.load import load_policy, rules_digest

SHEET = "original-edited-00000.parquet"


def unsigned(scene: Scene) -> None:
    """Nobody signs, nobody is asked for: the cheat holds every file that there is."""
    (scene.run / "attestation.intoto.json").unlink()
    scene.options["trusted_keys"] = []


Act = Callable[[Scene], object]


@dataclass(frozen=True)
class Cheat:
    name: str
    act: Act
    reason: str
    verdict: Verdict | None = None
    """None: refused; else what it comes to, with the reason."""


# --- the report alone


def estimates(report: Any) -> Any:
    return [e for result in report["results"] for e in result["estimates"]]


def better_value(report: Any) -> None:
    (found,) = [e for e in estimates(report) if e["name"] == "subject_match_rate" and e["attacker"] == "ignorant"]
    found["value"] = 0.0


def better_bound(report: Any) -> None:
    report["decision"]["controls"][0]["cells"][0]["bound"] = 0.001


def better_basis(report: Any) -> None:
    for estimate in estimates(report):
        for basis in estimate["basis"]:
            basis["n_eff_high"] = 10 * basis["n_eff_high"]


def other_reason(report: Any) -> None:
    report["decision"]["controls"][0]["reason"] = "nothing was found"


def other_limit(report: Any) -> None:
    report["decision"]["controls"][0]["limit"]["value"] = 0.001


def in_report(change: Callable[[Any], object]) -> Act:
    return lambda scene: alter(scene.run, change)


def write(data: bytes) -> Act:
    return lambda scene: (scene.run / "report.json").write_bytes(data)


def with_text(old: str, new: str) -> Act:
    def act(scene: Scene) -> None:
        path = scene.run / "report.json"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return act


def huge(scene: Scene) -> None:
    with (scene.run / "report.json").open("r+b") as stream:
        stream.truncate(65 << 20)


def linked(scene: Scene) -> None:
    path = scene.run / "report.json"
    path.rename(scene.site.root / "elsewhere.json")
    path.symlink_to(scene.site.root / "elsewhere.json")


def piped(scene: Scene) -> None:
    (scene.run / "report.json").unlink()
    os.mkfifo(scene.run / "report.json")


def at(days: int) -> Callable[[Any], object]:
    def change(report: Any) -> None:
        moment = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="milliseconds")
        report["clock"]["finished"] = moment

    return change


def stale(scene: Scene) -> None:
    """It says so itself, and so does its journal."""
    moment = (datetime.now(UTC) - timedelta(days=400)).isoformat(timespec="milliseconds")
    alter(scene.run, lambda report: report["clock"].update(started=moment, finished=moment))
    rejournal(scene.run, "UPDATE sessions SET started = ?", moment)


# --- forgeries: every digest is right again, the decision is the one that the forged evidence gives


def dropped_everywhere(scene: Scene) -> None:
    """A control is gone from the seal's cells and from the decision."""

    def drop(seal: Any) -> None:
        seal["cells"] = [cell for cell in seal["cells"] if cell["control"] != "BASE-STRANGER"]

    def drop_decision(report: Any) -> None:
        controls = report["decision"]["controls"]
        report["decision"]["controls"] = [one for one in controls if one["id"] != "BASE-STRANGER"]

    alter(scene.run, drop, "seal.json")
    reseal(scene.run)
    alter(scene.run, drop_decision)


def judge_dropped_everywhere(scene: Scene) -> None:
    """The judge that saw the leak was never there; one that saw nothing stays."""

    def other(seal: Any) -> None:
        seal["judges"] = [{**seal["judges"][0], "id": "kinder"}]

    alter(scene.run, other, "seal.json")
    reseal(scene.run)
    alter(scene.run, lambda report: report.update(judges=[{**report["judges"][0], "id": "kinder"}]))


def modality_dropped(scene: Scene) -> None:
    """Faces and voices were planned; nothing is said of the voices."""

    def both(plan: Any) -> None:
        voices = {**plan, "modality": "voice"}
        faces = dict(plan)
        plan.clear()
        plan.update(face=faces, voice=voices)

    alter(scene.run, both, "plan.json")
    reseal(scene.run)


def kinder_policy(scene: Scene) -> None:
    """The policy in the folder, under the same id, is a kinder one, and everything agrees with it."""
    path = scene.run / "policy.yaml"
    path.write_text(path.read_text().replace("value: 0.07", "value: 0.70"))
    reseal(scene.run)
    assert decide_again(scene.run) is Verdict.PASS


def kinder_limit(scene: Scene) -> None:
    path = scene.run / "policy.yaml"
    path.write_text(path.read_text().replace("value: 0.07", "value: 0.70"))


def better_figures_everywhere(scene: Scene) -> None:
    """Edited in one piece with the decision: only the scores know."""
    unsigned(scene)
    alter(scene.run, better_basis)
    assert decide_again(scene.run) is Verdict.PASS


def greener_everywhere(scene: Scene) -> None:
    """An instrument that was red looks green in both of its places."""
    unsigned(scene)

    def change(report: Any) -> None:
        result = next(r for r in report["results"] if r["instruments"])
        result["instruments"][0].update(value=0.0, reason="it saw everybody")
        report["instruments"] = [item for r in report["results"] for item in r["instruments"]]

    alter(scene.run, change)
    decide_again(scene.run)


def smoke_as_whole(scene: Scene) -> None:
    alter(scene.run, lambda plan: plan.update(limit=12), "plan.json")
    reseal(scene.run)


def fewer_people(scene: Scene) -> None:
    alter(scene.run, lambda report: report["dataset"].update(n_test_subjects=600))


def more_people_in_the_plan(scene: Scene) -> None:
    unsigned(scene)
    alter(scene.run, lambda plan: plan.update(n_people=6000, n_test_people=6000), "plan.json")
    reseal(scene.run)
    alter(scene.run, lambda report: report["dataset"].update(n_subjects=6000, n_test_subjects=6000))


def anchors_without_end(scene: Scene) -> None:
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (scene.run / "policy.yaml").write_text("a0: &a0 [x]\n" + "\n".join(lines))


def one_score(scene: Scene) -> None:
    unsigned(scene)
    rescore(scene.run, SHEET, 3, -0.99)


def swapped_scores(scene: Scene) -> None:
    unsigned(scene)
    folder = scene.run / "scores" / "pixels"
    (folder / "original-edited-00001.parquet").replace(folder / SHEET)
    shutil.copy(folder / "original-edited-00002.parquet", folder / "original-edited-00001.parquet")


def linked_scores(scene: Scene) -> None:
    unsigned(scene)
    path = scene.run / "scores" / "pixels" / SHEET
    path.rename(scene.site.root / "elsewhere.parquet")
    path.symlink_to(scene.site.root / "elsewhere.parquet")


def folder_of_scores(scene: Scene) -> None:
    unsigned(scene)
    path = scene.run / "scores" / "pixels" / SHEET
    data = path.read_bytes()
    path.unlink()
    path.mkdir()
    (path / "part").write_bytes(data)


def scores_gone(scene: Scene) -> None:
    unsigned(scene)
    (scene.run / "scores" / "pixels" / SHEET).unlink()


def policy_of(scene: Scene, old: str, new: str) -> None:
    """The policy that the caller names, and the sealed one, ask for something else; the run is as it was."""
    path = scene.run / "policy.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    scene.site.policy.write_text(path.read_text())
    reseal(scene.run)


def made_up_result(scene: Scene) -> None:
    """A figure that no score gives, in a second result of one name: one was held against the scores, both count."""
    unsigned(scene)
    policy_of(scene, "[ignorant, lazy_informed]", "[ignorant, lazy_informed, semi_informed]")

    def ask(seal: Any) -> None:
        last = next(cell for cell in seal["cells"] if cell["attacker"] == "lazy_informed")
        seal["cells"].insert(2, {**last, "attacker": "semi_informed"})

    def state(report: Any) -> None:
        (leak,) = [r for r in report["results"] if r["assessment"] == "identity_leak"]
        figures = [e for e in leak["estimates"] if e["attacker"] == "lazy_informed"]
        figures = [{**e, "attacker": "semi_informed"} for e in figures]
        report["results"].insert(0, {**leak, "estimates": figures, "instruments": [], "templates": []})

    alter(scene.run, ask, "seal.json")
    reseal(scene.run)
    alter(scene.run, state)


def consent_in_the_whole_alone(scene: Scene) -> None:
    """Nobody stated any consent; a part of the data set says so, the whole says that all granted it."""
    unsigned(scene)
    policy_of(scene, "require_consent: false", "require_consent: true")
    path = scene.run / "people.parquet"
    table = pq.read_table(path, partitioning=None)
    unstated = pa.array(["unstated"] * table.num_rows)
    pq.write_table(table.set_column(4, table.schema.field("consent"), unstated), path)
    alter(scene.run, lambda plan: plan.update(case_consent=["unstated"] * len(plan["cases"])), "plan.json")
    reseal(scene.run)

    def state(report: Any) -> None:
        part = {**report["dataset"], "consent": {"unstated": table.num_rows}}
        report["dataset"]["parts"] = [part]

    alter(scene.run, state)


def claim_dropped(scene: Scene) -> None:
    """The suite says that the tool checks consent tokens; the control of that claim has no cell."""
    control = "controls:\n  - id: TOKENS\n    title: {en: Tokens}\n    assessment: consent\n    metric: refusal_rate\n"
    control += "    per_judge: false\n    claim: consent_tokens\n    tool_classes: [anonymise]\n"
    control += "    limit: {op: '>=', value: 0.9, on: lower}\n"
    alter(scene.run, lambda suite: suite["editor"].update(consent={"tokens": "/tokens.csv"}), "suite.yaml")
    digest = sha256_json(comparable_suite(json.loads((scene.run / "suite.yaml").read_bytes())))
    alter(scene.run, lambda seal: seal.update(suite=digest), "seal.json")
    alter(scene.run, lambda report: report["suite"].update(sha256=digest))
    policy_of(scene, "controls:\n", control)


# --- ledgers and journal


def lost_cases(report: Any) -> None:
    report["ledger"].update(attempted=report["ledger"]["attempted"] + 1)


def renamed_outcomes(report: Any) -> None:
    """It adds up, but says that nothing was refused which the journal says was."""
    report["ledger"].update(edited=report["ledger"]["edited"] - 1, refused=report["ledger"]["refused"] + 1)


def lost_outputs(report: Any) -> None:
    (row,) = [t for result in report["results"] for t in result["templates"]]
    row["fta"] += 1


def failed_case_forgotten(scene: Scene) -> None:
    rejournal(scene.run, "DELETE FROM edits WHERE case_id = (SELECT MIN(case_id) FROM edits)")


def other_run_s_journal(scene: Scene) -> None:
    rejournal(scene.run, "UPDATE facts SET value = ? WHERE name = 'run'", OTHER_RUN)


# --- the model


def changed_weight(scene: Scene) -> None:
    (scene.site.model / "a.bin").write_bytes(b"other")


def renamed_weight(scene: Scene) -> None:
    (scene.site.model / "a.bin").rename(scene.site.model / "z.bin")


def extra_weight(scene: Scene) -> None:
    (scene.site.model / "b" / "lora.bin").write_bytes(b"unassessed")


def linked_weights(scene: Scene) -> None:
    (scene.site.root / "more").mkdir()
    (scene.site.model / "more").symlink_to(scene.site.root / "more")


def link_to_nothing(scene: Scene) -> None:
    """It may lead to other weights once the gate has looked."""
    (scene.site.model / "lora.bin").symlink_to(scene.site.root / "later.bin")


def list_of_the_model(scene: Scene) -> None:
    """A folder's digest is that of its list of files, and so is the list's own."""
    scene.options["model"] = scene.run / "model.json"


# --- signatures


def envelope(change: Callable[[dict[str, Any]], object]) -> Act:
    return lambda scene: alter(scene.run, change, "attestation.intoto.json")


def other_payload(value: dict[str, Any]) -> None:
    payload = base64.b64decode(value["payload"]).replace(b'"verdict":"PASS"', b'"verdict":"FAIL"')
    value["payload"] = base64.b64encode(payload).decode()


def replayed(scene: Scene) -> None:
    """The signature of an honest run, put beside another run's report."""
    alter(scene.run, lambda report: report["clock"].update(run=OTHER_RUN))
    other_run_s_journal(scene)


def edited_after_signing(scene: Scene) -> None:
    """Not a figure, not a digest: a limitation that nobody would miss."""
    alter(scene.run, lambda report: report["limitations"].pop())


def score_after_signing(scene: Scene) -> None:
    rescore(scene.run, SHEET, 3, -0.99)


def signed_by_a_stranger(scene: Scene) -> None:
    (scene.run / "attestation.intoto.json").unlink()
    sign(scene.run, scene.site.key("stranger"))


def policy_that_asks(scene: Scene, text: str) -> None:
    """The sealed policy asks for signatures; the run is otherwise as it was."""
    path = scene.run / "policy.yaml"
    path.write_text(path.read_text().replace("require_signature: false", text))
    scene.site.policy.write_text(path.read_text())
    reseal(scene.run)
    (scene.run / "attestation.intoto.json").unlink()


def keys_left_out(scene: Scene) -> None:
    policy_that_asks(scene, "require_signature: true")
    sign(scene.run, scene.site.key("assessor"))
    scene.options["trusted_keys"] = []


def one_signer_of_two(scene: Scene) -> None:
    policy_that_asks(scene, "require_signature: true\nmin_signers: 2")
    sign(scene.run, scene.site.key("assessor"))
    scene.options["trusted_keys"] = [scene.site.public("assessor"), scene.site.public("approver")]


def one_key_twice(scene: Scene) -> None:
    one_signer_of_two(scene)
    shutil.copy(scene.site.public("assessor"), scene.site.public("again"))
    scene.options["trusted_keys"] = [scene.site.public("assessor"), scene.site.public("again")]


# --- attestations


def evidence_changed(scene: Scene) -> None:
    (scene.site.root / "complaints.log").write_text("none was answered")


def statement_changed(scene: Scene) -> None:
    path = scene.run / "attestations" / "ORG-COMPLAINTS.yaml"
    path.write_text(path.read_text().replace("owner: Support", "owner: Nobody"))


def attested_otherwise(old: str, new: str) -> Act:
    """The copy in the folder is changed, and the report agrees with it."""

    def act(scene: Scene) -> None:
        unsigned(scene)
        path = scene.run / "attestations" / "ORG-COMPLAINTS.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

        def state(report: Any) -> None:
            (card,) = report["attestations"]
            card.update(digest=sha256_file(path), date=card["date"].replace(old, new))

        alter(scene.run, state)
        decide_again(scene.run)

    return act


# --- earlier runs and waivers


def failed_on_other_data(scene: Scene) -> None:
    failed_before(scene, dataset="0" * 64)


def failed_in_other_words(scene: Scene) -> None:
    """The policy's text has another comment since, and the same rules."""
    policy = load_policy(str(scene.run / "policy.yaml")).policy
    failed_before(scene, policy="0" * 64, rules=rules_digest(policy))


def failed_then_begun_again(scene: Scene) -> None:
    """The failed run's report was removed, and the run begun once more and killed: its last line has no verdict."""
    failed_before(scene)
    failed_before(scene, verdict="")


def noted(scene: Scene, **other: str) -> None:
    run = json.loads((scene.run / "report.json").read_bytes())["clock"]["run"]
    failed_before(scene, run=run, **other)


def waived(scene: Scene, **other: str) -> None:
    waiver = {"run": OTHER_RUN, "owner": "Board", "reason": "a judge was broken", "date": "2026-01-02",
              "expires": "2099-12-31"} | other  # fmt: skip
    lines = [f"{'- ' if not n else '  '}{key}: {value}\n" for n, (key, value) in enumerate(waiver.items()) if value]
    (scene.site.root / "waivers.yaml").write_text("".join(lines))
    scene.options["waivers"] = scene.site.root / "waivers.yaml"


def waiver(**other: str) -> Act:
    def act(scene: Scene) -> None:
        failed_before(scene)
        waived(scene, **other)

    return act


def waiver_written_into_the_report(scene: Scene) -> None:
    unsigned(scene)
    failed_before(scene)
    row = {"owner": "me", "reason": "it suits", "date": "2026-01-02", "expires": "2099-12-31", "runs": [OTHER_RUN]}
    alter(scene.run, lambda report: report.update(waivers=[row]))


AGAIN = "make the decision again"
CHEATS = (
    Cheat("no report", lambda s: (s.run / "report.json").unlink(), "the run there is not finished"),
    Cheat("no run", lambda s: shutil.rmtree(s.run), "there is no run in that folder"),
    Cheat("edited value", in_report(better_value), AGAIN),
    Cheat("edited bound", in_report(better_bound), AGAIN),
    Cheat("edited basis of an interval", in_report(better_basis), AGAIN),
    Cheat("edited reason", in_report(other_reason), AGAIN),
    Cheat("edited limit", in_report(other_limit), AGAIN),
    Cheat("edited verdict", in_report(lambda r: r["decision"].update(verdict="FAIL")), AGAIN),
    Cheat("dropped control", in_report(lambda r: r["decision"]["controls"].pop(0)), AGAIN),
    Cheat("dropped control, seal and all", dropped_everywhere, "check the cells"),
    Cheat("dropped judge", in_report(lambda r: r.update(judges=[])), "check the judges"),
    Cheat("dropped judge, seal and all", judge_dropped_everywhere, "check the cells"),
    Cheat("dropped modality", modality_dropped, "check the people"),
    Cheat("dropped result", in_report(lambda r: r["results"].pop(0)), "check the instruments"),
    Cheat("dropped what was not made", in_report(
        lambda r: r["results"][0]["not_made"].append({"name": "x", "recogniser": "", "reason": "y"})),
        "check the figures not made"),
    Cheat("more people than there were", fewer_people, "check the people"),
    Cheat("more people than the plan has recordings of", more_people_in_the_plan, "check the people"),
    Cheat("a policy that unfolds without end", anchors_without_end, "it unfolds without end"),
    Cheat("other name of the model", in_report(lambda r: r["subject"].update(version="9")), "check the subject"),
    Cheat("other tool class", in_report(lambda r: r["subject"].update(tool_class="morph")), "check the subject"),
    Cheat("edited limit in the policy", kinder_limit, "the policy was changed after the seal"),
    Cheat("other policy under the same id", kinder_policy, "gate under the policy"),
    Cheat("edited seal", lambda s: alter(s.run, lambda v: v.update(seed=8), "seal.json"), "check the seal"),
    Cheat("edited plan", lambda s: alter(s.run, lambda v: v["cases"].pop(), "plan.json"), "check the plan"),
    Cheat("edited suite", lambda s: alter(s.run, lambda v: v.update(seed=8), "suite.yaml"), "check the suite"),
    Cheat("smoke run called whole", smoke_as_whole, "check the extent"),
    Cheat("whole run called so by the report alone", in_report(lambda r: r.update(smoke=True)), "check the extent"),
    Cheat("figures and decision edited in one piece", better_figures_everywhere, r"\d+ differ: identity_leak"),
    Cheat("instrument turned green", in_report(lambda r: r["instruments"][0].update(reason="well")),
          "check the instruments"),
    Cheat("instrument turned green everywhere", greener_everywhere, r"differ: .*instruments"),
    Cheat("one score changed", one_score, "differ: identity_leak"),
    Cheat("tables of scores swapped", swapped_scores, "not those that the plan asks for"),
    Cheat("a table of scores that is a link", linked_scores, f"{SHEET} is no plain file"),
    Cheat("a table of scores that is a folder", folder_of_scores, f"{SHEET} is no plain file"),
    Cheat("a table of scores gone", scores_gone, f"{SHEET}"),
    Cheat("a second result of the same name", made_up_result, "identity_leak of faces stands twice"),
    Cheat("consent granted in the whole, not in its part", consent_in_the_whole_alone, "add up the consent"),
    Cheat("dropped control of a claim", claim_dropped, "check the cells"),
    Cheat("ledger does not add up", in_report(lost_cases), "add up the cases"),
    Cheat("ledger adds up to another story", in_report(renamed_outcomes), "add up the cases: .*the journal"),
    Cheat("outputs do not add up", in_report(lost_outputs), "add up the outputs of pixels"),
    Cheat("a case gone from the journal", failed_case_forgotten, "the journal has no outcome"),
    Cheat("report of another run", other_run_s_journal, "the report is of the run"),
    Cheat(
        "a garbled journal",
        lambda s: (s.run / "journal.sqlite").write_bytes(b"SQLite format 3\0" + bytes(200)),
        "read the journal of",
    ),
    Cheat("no journal", lambda s: (s.run / "journal.sqlite").unlink(), "it tells what became of each case"),
    Cheat("changed weights", changed_weight, "changed a.bin"),
    Cheat("renamed weights", renamed_weight, "added z.bin; removed a.bin"),
    Cheat("extra weights", extra_weight, "added b/lora.bin"),
    Cheat("weights behind a link", linked_weights, "link to a folder"),
    Cheat("a link to weights that come later", link_to_nothing, "lora.bin is a link to nothing"),
    Cheat("the list of the model's files for the model", list_of_the_model, "a list or description in JSON, no model"),
    Cheat("no model", lambda s: shutil.rmtree(s.site.model), "there is nothing at that path"),
    Cheat("of the future", in_report(at(1)), "check the time of the report"),
    Cheat("stale", stale, "no older than 365 days"),
    Cheat("no time", in_report(lambda r: r["clock"].update(finished="today")), "read the time of the report"),
    Cheat("newer schema", in_report(lambda r: r.update(schema="visavox/report/v2")), "schema 'visavox/report/v2'"),
    Cheat("unknown field", in_report(lambda r: r.update(approved=True)), "approved"),
    Cheat("a key twice", with_text("{", '{"smoke":true,'), "the key 'smoke' stands twice"),
    Cheat("not a number", with_text('"alpha":0.05', '"alpha":NaN'), "NaN is no finite number"),
    Cheat("nested without end", write(b"[" * 100_000), "nested too deeply"),
    Cheat("longer than any report", huge, "longer than 64 MiB"),
    Cheat("no text", write(b"\xff\xfe{}"), "codec can't decode"),
    Cheat("a link", linked, "a link to another file"),
    Cheat("a pipe", piped, "no plain file"),
    Cheat("signature stripped", lambda s: (s.run / "attestation.intoto.json").unlink(), "it is not signed"),
    Cheat("no signature in it", envelope(lambda v: v.update(signatures=[])), "signed by nobody"),
    Cheat("payload altered", envelope(other_payload), "none of them signed it as it is"),
    Cheat("signed by a stranger", signed_by_a_stranger, "none of them signed it as it is"),
    Cheat("signature of another run", replayed, "another run"),
    Cheat("edited after it was signed", edited_after_signing, "differ from what lies here: report"),
    Cheat("a score edited after it was signed", score_after_signing, "tables of scores"),
    Cheat("keys left out", keys_left_out, "requires one, and no trusted key was named"),
    Cheat("one signer of two", one_signer_of_two, "1 of the 2"),
    Cheat("one signer under two names", one_key_twice, "1 of the 2"),
    Cheat("evidence of an attestation changed", evidence_changed, "complaints.log: it is not the file"),
    Cheat("attestation changed", statement_changed, "check the attestation of ORG-COMPLAINTS"),
    Cheat("attestation of another policy", attested_otherwise("policy: baseline", "policy: other"), "policy other"),
    Cheat("attestation of the future", attested_otherwise("2026-01-02", "2099-01-02"), "2099-01-02 lies in the future"),
    Cheat("an earlier FAIL hidden", failed_before, OTHER_RUN, verdict=Verdict.INCONCLUSIVE),
    Cheat("an earlier FAIL on other data", failed_on_other_data, OTHER_RUN, verdict=Verdict.INCONCLUSIVE),
    Cheat("FAIL under the policy with another comment", failed_in_other_words, OTHER_RUN, verdict=Verdict.INCONCLUSIVE),
    Cheat("an earlier FAIL begun again", failed_then_begun_again, OTHER_RUN, verdict=Verdict.INCONCLUSIVE),
    Cheat("a run that is noted as failed", noted, "noted: FAIL under the seal"),
    Cheat("a run that is noted as undecided", lambda s: noted(s, verdict="INCONCLUSIVE"), "noted: INCONCLUSIVE"),
    Cheat("a run that is noted under another seal", lambda s: noted(s, verdict="PASS", seal="0" * 64), "noted: PASS"),
    Cheat("waiver for another run", waiver(run="e" * 32), "no waiver names them", verdict=Verdict.INCONCLUSIVE),
    Cheat("waiver in an unsigned report", waiver_written_into_the_report, "no waiver", verdict=Verdict.INCONCLUSIVE),
    Cheat("waiver expired", waiver(expires="2026-01-03"), "it expired on 2026-01-03"),
    Cheat("waiver of the future", waiver(date="2099-01-01"), "it is of 2099-01-01"),
    Cheat("waiver of nobody", waiver(owner=""), "owner: Field required"),
)  # fmt: skip


def test_the_honest_path_is_accepted(scene: Scene) -> None:
    result = gate(scene.run, **scene.options)
    assert result.verdict is Verdict.PASS and result.reasons == () and len(result.signers) == 1
    assert result.not_checked == ("whether the scores give these figures: not recomputed",)


def test_a_fail_under_other_rules_is_told_and_blocks_nothing(scene: Scene) -> None:
    failed_before(scene, policy="0" * 64, rules="1" * 64)
    result = gate(scene.run, **scene.options)
    assert result.verdict is Verdict.PASS
    assert [line for line in result.warnings if OTHER_RUN in line and "FAIL under another policy" in line]


def test_unsigned_it_is_accepted_on_its_scores(scene: Scene) -> None:
    unsigned(scene)
    result = gate(scene.run, **scene.options)
    assert result.verdict is Verdict.PASS and result.signers == () and result.attestation_sha256 == ""
    assert result.not_checked == ("who signed: no --trusted-keys",)


def test_whatever_was_not_asked_for_is_said(scene: Scene) -> None:
    said = gate(scene.run).not_checked
    assert [line.rpartition("no ")[2] for line in said] == ["--trusted-keys", "--policy", "--model", "--max-age"]


def test_the_attestation_that_was_checked_is_the_one_that_is_named(scene: Scene) -> None:
    other = scene.site.root / "elsewhere.json"
    shutil.move(scene.run / "attestation.intoto.json", other)
    write_to = scene.run / "attestation.intoto.json"
    write_to.write_text("a stranger's")
    assert gate(scene.run, **{**scene.options, "attestation": other}).attestation_sha256 == sha256_file(other)


def test_a_folder_of_the_model_that_cannot_be_listed_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(place: Any) -> Any:
        if str(place).endswith("/b"):
            raise PermissionError(13, "Permission denied", str(place))
        return scandir(place)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", closed)  # rights do not bind root
    with pytest.raises(EvidenceError, match="Permission denied"):
        gate(scene.run, **scene.options)


def test_words_of_strangers_in_an_error_command_nobody(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    alter(scene.run, lambda report: report["subject"].update(version="9\n::set-output name=outcome::PASS\n\x1b[2Kok"))
    assert exit_code(["gate", str(scene.run)]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert any("set-output" in line for line in lines) and not any(line.startswith("::") for line in lines)
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("cheat", CHEATS, ids=[cheat.name for cheat in CHEATS])
def test_cheating_is_refused_for_its_reason(scene: Scene, cheat: Cheat) -> None:
    cheat.act(scene)
    if cheat.verdict is not None:
        result = gate(scene.run, **scene.options)
        assert result.verdict is cheat.verdict
        assert re.search(cheat.reason, " ".join(result.reasons))
        return
    with pytest.raises(EvidenceError) as caught:
        gate(scene.run, **scene.options)
    said = " ".join(f"{caught.value.asked}: {caught.value.found}: {caught.value.todo}".split())
    assert re.search(cheat.reason, said), said
    assert "foresaw" not in said


def test_there_are_enough_ways_and_each_has_its_name() -> None:
    assert len({cheat.name for cheat in CHEATS}) == len(CHEATS) >= 25


def test_a_statement_that_has_expired_since_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavox.api.attesting.today", lambda: date(2100, 1, 1))
    with pytest.raises(EvidenceError, match="it expired on 2099-12-31"):
        gate(scene.run, **scene.options)


def test_a_waiver_that_names_the_failed_run_lets_the_pass_stand(scene: Scene) -> None:
    failed_before(scene)
    waived(scene)
    result = gate(scene.run, **scene.options)
    assert result.verdict is Verdict.PASS
    assert [one.owner for one in result.waivers] == ["Board"]


def test_two_signers_satisfy_a_policy_that_asks_for_two(scene: Scene) -> None:
    one_signer_of_two(scene)
    sign(scene.run, scene.site.key("approver"))
    assert len(gate(scene.run, **scene.options).signers) == 2


def test_the_command_gives_three_and_no_trace(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    for change in (better_value, lost_cases, lambda r: r.update(results=7)):
        shutil.copy(scene.run / "report.json", scene.site.root / "kept")
        alter(scene.run, change)
        assert exit_code(["gate", str(scene.run)]) == 3
        shutil.copy(scene.site.root / "kept", scene.run / "report.json")
    said = capsys.readouterr()
    assert said.out == "" and "Traceback" not in said.err and said.err.count("visavox: ") == 3


def test_words_of_strangers_in_an_outcome_command_nobody(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """An attestation's owner is free text; wherever the page folds it, no line begins with a command."""
    owner = "x " * 40 + "::add-mask::PASS " * 40
    attested_otherwise("owner: Support", f"owner: '{owner}'")(scene)
    alter(scene.run, lambda report: report["attestations"][0].update(owner=owner))
    decide_again(scene.run)
    assert exit_code(["gate", str(scene.run), "--no-recompute"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("::add-mask" in line for line in lines)
    assert not any(line.lstrip().startswith("::") for line in lines)


def test_what_nobody_foresaw_is_no_verdict(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("visavox.api.gating.check_ledgers", broken)
    with pytest.raises(EvidenceError, match="RuntimeError: a fault of ours"):
        gate(scene.run, **scene.options)
