"""What an attestation says: an in-toto Statement, predicate test-result, with the whole assessment beside it.

References: in-toto Attestation Framework, Statement v1 and predicate test-result v0.1. Our own fields stand in the
predicate under one name of ours, as its rules for extension fields allow: whoever knows only test-result reads result
and tests, and loses nothing that would change their meaning.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from visavox.core.digest import canonical_json
from visavox.core.errors import EvidenceError
from visavox.core.records import Digest, Record, Sha256
from visavox.core.terms import AttestationVerdict, Verdict

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"
SCHEMA_ID: Final = "visavox/assessment/v1"


class _Camel(Record):
    """A record whose fields bear the names that in-toto gives them."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, alias_generator=to_camel, populate_by_name=True
    )


class Resource(_Camel):
    """A named thing with the SHA-256 of its content."""

    name: Annotated[str, Field(min_length=1)]
    digest: Digest


class File(Record):
    """A file of the run folder, or of the model: its path below it, ``/`` between folders."""

    path: Annotated[str, Field(min_length=1)]
    sha256: Sha256


class Named(Record):
    """A policy, judge or detector, and the digest of what defines it."""

    id: str
    sha256: Sha256


class ControlVerdict(Record):
    id: str
    verdict: Verdict


class AttestedControl(Record):
    """An organisation's statement that the decision rests on; ``sha256``: of its file, empty where it is missing."""

    id: str
    verdict: AttestationVerdict
    sha256: str = ""


class Assessment(Record):
    """Everything that the signature covers, by digest: our own part of the predicate.

    Attributes:
        artifact: what the report binds to; of a folder, SHA-256 of the list of its files (``sha256_tree``).
        report: of ``report.json`` as it lies there; ``decision``: of its decision alone, as canonical JSON.
        journal: of what became of every case, and of the journal's facts, as canonical JSON.
        files: every table of trial-level figures in the run folder.
        run: the run folder's own random id.
        visavox: the version that assessed.
    """

    schema_id: Literal["visavox/assessment/v1"] = Field(default=SCHEMA_ID, alias="schema")
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    verdict: Verdict
    controls: tuple[ControlVerdict, ...]
    smoke: bool
    artifact: Sha256
    report: Sha256
    decision: Sha256
    seal: Sha256
    suite: Sha256
    plan: Sha256
    dataset: Sha256
    policy: Named
    judges: tuple[Named, ...]
    detectors: tuple[Named, ...] = ()
    attestations: tuple[AttestedControl, ...] = ()
    journal: Sha256
    files: tuple[File, ...]
    run: str
    finished: str
    visavox: str


class TestResult(_Camel):
    """in-toto's test-result v0.1: FAILED also where the verdict is INCONCLUSIVE, for that is no release either.

    Attributes:
        result: WARNED: a PASS beside a control that warns.
        visavox_assessment: ours.
    """

    __test__ = False  # no test of pytest's

    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: tuple[Resource, ...]
    passed_tests: tuple[str, ...] = ()
    warned_tests: tuple[str, ...] = ()
    failed_tests: tuple[str, ...] = ()
    visavox_assessment: Assessment

    @model_validator(mode="after")
    def _result_of_the_verdict(self) -> TestResult:
        if (self.result == "FAILED") != (self.visavox_assessment.verdict is not Verdict.PASS):
            raise ValueError(f"{self.result} beside the verdict {self.visavox_assessment.verdict.value}")
        return self


class Statement(_Camel):
    """An in-toto Statement v1. ``subject``: the model as a whole, then each of its files where they were at hand."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: Annotated[tuple[Resource, ...], Field(min_length=1)]
    predicate_type: Literal["https://in-toto.io/attestation/test-result/v0.1"] = PREDICATE_TYPE
    predicate: TestResult

    @model_validator(mode="after")
    def _subject_is_the_artifact(self) -> Statement:
        if self.subject[0].digest.sha256 != self.assessment.artifact:
            raise ValueError("the first subject is not the artifact that was assessed")
        if len({one.name for one in self.subject}) != len(self.subject):
            raise ValueError("two subjects bear one name")
        return self

    @property
    def assessment(self) -> Assessment:
        """Our own part of the predicate."""
        return self.predicate.visavox_assessment

    @property
    def files(self) -> tuple[Resource, ...]:
        """The model's files; empty where they were not at hand when it was signed."""
        return self.subject[1:]


def statement_bytes(statement: Statement) -> bytes:
    """What is signed: the statement's canonical JSON."""
    return canonical_json(statement.model_dump(mode="json", by_alias=True))


def parse_statement(value: dict[str, Any], *, asked: str) -> Statement:
    """A statement from JSON values.

    Raises:
        EvidenceError: another type of statement or predicate, a newer schema than this version knows, or a fault.
    """
    predicate = value.get("predicate")
    own = predicate.get("visavoxAssessment") if isinstance(predicate, dict) else None
    schema = own.get("schema") if isinstance(own, dict) else None
    for what, found, known in (
        ("_type", value.get("_type"), STATEMENT_TYPE),
        ("predicateType", value.get("predicateType"), PREDICATE_TYPE),
        ("schema of the assessment", schema, SCHEMA_ID),
    ):
        if found != known:
            raise EvidenceError(
                asked,
                found=f"{what} {str(found)[:100]!r}; this version reads {known!r}",
                todo="use the version of visavox that signed it, or name an attestation of `visavox sign`",
            )
    try:
        return Statement.model_validate(value)
    except ValidationError as error:
        raise EvidenceError(
            asked, found=str(error)[:1000], todo="sign the run again: visavox sign DIR --key K"
        ) from error
