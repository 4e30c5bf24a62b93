"""The layers of labels in an assessment: shares with intervals over people, counts by rule, what is alive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import World

from visavox.core.options import DetectabilityOptions
from visavox.core.records import FileLabelCodes
from visavox.core.terms import (
    AigcVerdict,
    CredentialState,
    Direction,
    IptcState,
    Outcome,
    PerceptibleVerdict,
    ToolClass,
)
from visavox.media.labels.records import AudibleFindings, VisibleFindings
from visavox.metrics import intervals
from visavox.ports.assessment import AssessmentInput
from visavox_assessments.detectability.labels import label_layer, perceptible_layer

NONE = FileLabelCodes(aigc=AigcVerdict.NOT_FOUND, c2pa=CredentialState.NOT_FOUND, iptc=IptcState.NOT_FOUND)
GOOD = NONE.model_copy(update={"aigc": AigcVerdict.COMPLIANT})
BROKEN = NONE.model_copy(
    update={"aigc": AigcVerdict.NONCOMPLIANT, "aigc_broken": ("gb45438-6.1a-Label", "gb45438-E.b-keys")}
)
DAMAGED = NONE.model_copy(update={"aigc": AigcVerdict.INCONCLUSIVE, "iptc": IptcState.UNREADABLE})
SIGNED = NONE.model_copy(update={"c2pa": CredentialState.VALID, "c2pa_fits": True})


def data(labels: list[FileLabelCodes | None], *, n_people: int = 20) -> AssessmentInput:
    """People with as many outputs each as fit the labels."""
    world = World(ToolClass.ANONYMISE, lambda edit, number: (0.0, 0.0, 1.0), n_people=n_people, each=4)
    given = world.data(DetectabilityOptions())
    return replace(given, case_labels=tuple(labels[i % len(labels)] for i in range(len(given.case_outcome))))


def test_shares_are_clustered_by_people_and_an_output_without_a_file_is_not_known() -> None:
    given = data([GOOD, BROKEN, None, NONE, GOOD])
    found = label_layer(given)
    looked = [i for i, codes in enumerate(given.case_labels) if codes is not None]
    by_name = {e.name: e for e in found.estimates}
    hits = {
        "aigc_label_compliant_share": [given.case_labels[i] is GOOD for i in looked],
        "aigc_label_noncompliant_share": [given.case_labels[i] is BROKEN for i in looked],
        "aigc_label_found_share": [given.case_labels[i] is not NONE for i in looked],
        "c2pa_valid_share": [False] * len(looked),
        "iptc_source_type_share": [False] * len(looked),
    }
    assert list(by_name) == list(hits) and found.not_made == ()
    for name, values in hits.items():
        low, high = np.zeros(80, bool), np.ones(80, bool)
        low[looked] = high[looked] = values
        ends = [intervals.rate_interval(end, given.case_person) for end in (low, high)]
        e = by_name[name]
        assert (e.value, e.n, e.n_failed, e.n_subjects) == (np.mean(values), 80, 16, 20)
        assert e.basis == (intervals.imputed(*ends),)
        assert e.lower == intervals.bound_lower(e.basis[0], given.alpha) <= e.value <= e.upper
        is_bad = name == "aigc_label_noncompliant_share"
        assert e.direction is (Direction.LOWER_IS_SAFER if is_bad else Direction.HIGHER_IS_SAFER)
    assert "16 outputs came without a file" in found.limitations[0]


def test_every_verdict_rule_and_remark_is_counted() -> None:
    remarked = GOOD.model_copy(update={"aigc_remarks": ("tc260-pg-place",)})
    unfit = SIGNED.model_copy(update={"c2pa_fits": False, "c2pa_broken": ("digital-source-type-fit",)})
    (table,) = label_layer(data([GOOD, BROKEN, remarked, unfit])).tables
    assert table.rows == (
        ("AIGC label", "found", "compliant", 40),
        ("AIGC label", "found", "noncompliant", 20),
        ("AIGC label", "found", "not_found", 20),
        ("AIGC label", "broken rule", "gb45438-6.1a-Label", 20),
        ("AIGC label", "broken rule", "gb45438-E.b-keys", 20),
        ("AIGC label", "remark", "tc260-pg-place", 20),
        ("C2PA manifest", "found", "not_found", 60),
        ("C2PA manifest", "found", "valid", 20),
        ("C2PA manifest", "broken rule", "digital-source-type-fit", 20),
        ("IPTC source type", "found", "not_found", 80),
    )
    assert table.note == "80 files; 20 of 20 manifests do not fit the tool class"


def test_what_is_not_known_widens_the_interval_both_ways() -> None:
    known, doubtful = label_layer(data([GOOD, NONE])), label_layer(data([GOOD, NONE, GOOD, NONE, DAMAGED]))
    first, second = known.estimates[0], doubtful.estimates[0]
    assert (first.value, first.n_failed) == (second.value, 0) == (0.5, 0)
    assert second.n_failed == 16
    (basis,) = second.basis
    assert (basis.p_low, basis.p_high) == (pytest.approx(0.4), pytest.approx(0.6))
    assert second.lower < first.lower and second.upper > first.upper


def test_manifests_that_nobody_examined_make_no_figure() -> None:
    unseen = NONE.model_copy(update={"c2pa": CredentialState.NOT_EXAMINED})
    found = label_layer(data([unseen]))
    assert [missing.name for missing in found.not_made] == ["c2pa_valid_share"]
    assert any("visavox[labels]" in line for line in found.limitations)


def test_without_files_nothing_is_made_and_the_reason_is_said() -> None:
    for labels in ([None], []):
        given = data([None]) if labels else replace(data([None]), case_labels=())
        found = label_layer(given)
        assert found.estimates == () and found.alive is None and len(found.not_made) == 5
        assert all("EditedFile.from_bytes" in missing.reason for missing in found.not_made)


def test_a_label_of_any_kind_keeps_the_layer_alive() -> None:
    source = NONE.model_copy(update={"iptc": IptcState.FOUND, "iptc_fits": False})
    forged = NONE.model_copy(update={"c2pa": CredentialState.INVALID})
    found = label_layer(data([GOOD, BROKEN, SIGNED, source, forged, NONE, DAMAGED, None]))
    assert found.alive is not None and found.alive[:8].tolist() == [1, 1, 1, 1, 0, 0, -1, -1]


def test_an_output_that_was_not_edited_is_no_trial() -> None:
    given = data([GOOD])
    refused = (Outcome.REFUSED, *given.case_outcome[1:])
    found = label_layer(replace(given, case_outcome=refused))
    assert {e.n for e in found.estimates} == {79} and found.alive is not None and found.alive[0] == -1


def test_visible_labels_by_verdict() -> None:
    given = data([None])
    seen = VisibleFindings(verdict=PerceptibleVerdict.COMPLIANT, method="read by x")
    small = VisibleFindings(verdict=PerceptibleVerdict.NONCOMPLIANT, broken_rules=("gb45438-5.2e-height",))
    none = VisibleFindings(verdict=PerceptibleVerdict.NOT_FOUND)
    cases = tuple([seen, small, none, none][i % 4] for i in range(80))
    found = perceptible_layer(replace(given, case_perceptible=cases))
    (e,) = found.estimates
    assert (e.name, e.value, e.n) == ("visible_label_share", 0.25, 80)
    assert found.tables[0].rows == (
        ("Visible label", "found", "compliant", 20),
        ("Visible label", "found", "noncompliant", 20),
        ("Visible label", "found", "not_found", 40),
        ("Visible label", "broken rule", "gb45438-5.2e-height", 20),
    )
    assert found.tables[0].note == "read by x"
    assert found.alive is not None and found.alive[:4].tolist() == [1, 1, 0, 0]
    assert perceptible_layer(given) == perceptible_layer(replace(given, case_perceptible=()))


def test_where_nobody_could_look_the_reason_is_said() -> None:
    given = data([None])
    unseen = VisibleFindings(verdict=PerceptibleVerdict.NOT_EXAMINED, reason="tesseract is not installed")
    found = perceptible_layer(replace(given, case_perceptible=(unseen,) * 80))
    (missing,) = found.not_made
    assert missing.reason == "80 outputs: tesseract is not installed" and found.estimates == ()
    heard = AudibleFindings(verdict=PerceptibleVerdict.INCONCLUSIVE, reason="no rhythm")
    found = perceptible_layer(replace(given, case_perceptible=(heard, None) * 40))
    assert found.alive is not None and set(found.alive.tolist()) == {-1}
