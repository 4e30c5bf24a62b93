"""Marks that a machine reads, taken together: a manifest or a watermark, and both; what nobody looked at is neither."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from measured import detectability
from simulated import World

from visavox.core.figures import Estimate, NotMade
from visavox.core.options import DetectabilityOptions
from visavox.core.records import FileLabelCodes
from visavox.core.terms import AigcVerdict, CredentialState, IptcState, Outcome, ToolClass
from visavox.ports.assessment import AssessmentInput
from visavox_assessments.detectability.marks import marked_shares

NONE = FileLabelCodes(aigc=AigcVerdict.COMPLIANT, c2pa=CredentialState.NOT_FOUND, iptc=IptcState.FOUND)
SIGNED = NONE.model_copy(update={"c2pa": CredentialState.VALID})
BROKEN = NONE.model_copy(update={"c2pa": CredentialState.INVALID})
UNREAD = NONE.model_copy(update={"c2pa": CredentialState.UNREADABLE})


@pytest.fixture(scope="module")
def world() -> World:
    return World(ToolClass.ANONYMISE, lambda edit, number: (0.0, 0.0, 1.0), n_people=20, each=4)


def given(world: World, *labels: FileLabelCodes | None) -> AssessmentInput:
    data = world.data(DetectabilityOptions())
    return replace(data, case_labels=tuple(labels[i % len(labels)] for i in range(len(data.case_outcome))))


def shares(data: AssessmentInput, *alive: int) -> tuple[Estimate, Estimate]:
    marks = np.asarray([alive[i % len(alive)] for i in range(len(data.case_outcome))], np.int8) if alive else None
    either, both = marked_shares(data, marks)
    assert isinstance(either, Estimate) and isinstance(both, Estimate)
    assert (either.name, both.name) == ("marked_share", "doubly_marked_share")
    return either, both


def test_either_mark_is_one_and_both_are_two(world: World) -> None:
    either, both = shares(given(world, SIGNED, SIGNED, NONE, BROKEN), 1, 0, 1, 0)
    assert (either.value, both.value, either.n, either.n_failed, both.n_failed) == (0.75, 0.25, 80, 0, 0)


def test_a_label_for_people_or_in_metadata_is_no_signed_mark(world: World) -> None:
    either, both = shares(given(world, NONE), 0)
    assert either.value == both.value == 0.0


def test_where_nobody_looked_for_a_watermark_a_manifest_alone_counts(world: World) -> None:
    """Not for both: whether there is a second mark is then not known, which widens the interval both ways."""
    either, both = shares(given(world, SIGNED, NONE))
    assert (either.value, either.n_failed) == (1.0, 40) and either.lower < 0.7
    assert (both.value, both.n_failed) == (0.0, 40) and both.upper > 0.3
    assert "names no decoder" in either.note


@pytest.mark.parametrize("label", [UNREAD, None])
def test_what_cannot_be_read_bears_no_mark_for_a_pass_and_one_for_a_fail(
    world: World, label: FileLabelCodes | None
) -> None:
    either, both = shares(given(world, SIGNED, label), 1, 0)
    assert (either.value, either.n_failed) == (1.0, 40) and either.lower < 0.7 and either.upper == 1.0
    assert (both.value, both.n_failed) == (0.5, 0)  # without the watermark it cannot bear two
    _, unknown = shares(given(world, SIGNED, label), 1, 1)
    assert (unknown.value, unknown.n_failed) == (1.0, 40)


def test_nothing_looked_at_makes_no_share(world: World) -> None:
    for one in marked_shares(world.data(DetectabilityOptions()), None):
        assert isinstance(one, NotMade) and "manifest" in one.reason and "decoder" in one.reason
    data = given(world, SIGNED)
    refused = replace(data, case_outcome=(Outcome.REFUSED,) * len(data.case_outcome))
    assert all(isinstance(one, NotMade) for one in marked_shares(refused, None))


def test_a_run_states_them_beside_its_layers() -> None:
    world = World(ToolClass.ANONYMISE, lambda edit, number: (0.0, 0.0, 1.0), n_people=18, each=3)
    found = {e.name: e.value for e in detectability(world).estimates}
    assert found["marked_share"] == found["doubly_marked_share"] == 1.0
    found = {e.name: e.value for e in detectability(world, marked=False).estimates}
    assert found["marked_share"] == 1.0 and found["doubly_marked_share"] < 0.1
