"""Frozen records: what is written into a run folder, and what passes between the layers.

Row-level data (scores, trials) are arrays or Parquet tables, never records.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Annotated, Any, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    PlainSerializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from .label_codes import AIGC_REMARKS, AIGC_RULES, C2PA_RULES, IPTC_RULES
from .terms import (
    AigcVerdict,
    Consent,
    CredentialState,
    IptcState,
    Modality,
    Operation,
    Outcome,
)


class Record(BaseModel):
    """Base of every record: frozen, strict about names, free of NaN and infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The texts under the fields are their descriptions; read here and not at each start of the program."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for owner in cls.__mro__:
            if issubclass(owner, Record) and owner is not Record:
                for name, text in _texts_under_fields(owner).items():
                    if name in properties:
                        properties[name].setdefault("description", text)
        return schema


def _texts_under_fields(record: type) -> dict[str, str]:
    try:
        source = inspect.getsource(record)
    except (OSError, TypeError):  # made without a file, as by `exec` or `create_model`: a schema without descriptions
        return {}
    (body,) = ast.parse(textwrap.dedent(source)).body
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _pairs(value: object) -> object:
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


Pairs: TypeAlias = Annotated[
    tuple[tuple[str, JsonValue], ...],
    BeforeValidator(_pairs),
    PlainSerializer(dict, return_type=dict[str, Any]),
]
"""A frozen mapping: written as a JSON object, held as sorted (name, value) pairs."""

Rate: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Digest(Record):
    sha256: Sha256


class Sample(Record):
    """One recording of one person. ``id`` = first 16 hex digits of the content's SHA-256."""

    id: str
    subject_id: str
    modality: Modality
    digest: Sha256
    fold: str
    session: str | None = None
    consent: Consent = Consent.UNSTATED
    is_fake: bool = False
    attributes: Pairs = ()


class Role(Record):
    """Who plays which part in a case: a role name and the sample that goes in."""

    role: str
    sample_id: str


class Case(Record):
    """One edit with the people in it."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    roles: tuple[Role, ...]
    operation: Operation
    params_digest: Sha256
    seed: int


class FileLabelCodes(Record):
    """What the labels of one output's file are worth, in codes: nothing that its writer chose is kept.

    Attributes:
        aigc: of the ``AIGC`` label of GB 45438-2025; ``aigc_broken``, ``aigc_remarks``: codes of
            ``visavox.core.label_codes``, sorted, as of the others.
        c2pa: of the C2PA manifest; ``c2pa_fits``: whether its digital source types are what a tool of the class writes.
        iptc: of the digital source type in XMP; ``iptc_fits`` alike.
    """

    aigc: AigcVerdict
    aigc_broken: tuple[str, ...] = ()
    aigc_remarks: tuple[str, ...] = ()
    c2pa: CredentialState
    c2pa_fits: bool | None = None
    c2pa_broken: tuple[str, ...] = ()
    iptc: IptcState
    iptc_fits: bool | None = None
    iptc_broken: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known_codes(self) -> FileLabelCodes:
        for codes, known in (
            (self.aigc_broken, AIGC_RULES),
            (self.aigc_remarks, AIGC_REMARKS),
            (self.c2pa_broken, C2PA_RULES),
            (self.iptc_broken, IPTC_RULES),
        ):
            if list(codes) != sorted(known.intersection(codes)):
                raise ValueError("codes of labels are known ones, sorted, each once")
        return self


class Output(Record):
    """One output of one case.

    Attributes:
        leaks: what its file gives away beside picture or sound, in the words of ``visavox.media.leaks``; None where the
            editor hands over pixels or samples and no file was there to look at.
        labels: what the labels of that file are worth; None alike.
    """

    digest: Sha256
    unchanged: bool = False
    blank: bool = False
    shape: tuple[int, ...] = ()
    leaks: tuple[str, ...] | None = None
    labels: FileLabelCodes | None = None


class EditRow(Record):
    """What became of one case."""

    case_id: str
    outcome: Outcome
    outputs: tuple[Output, ...] = ()
    reason: str = ""


class DatasetSpec(Record):
    """A suite's ``dataset``.

    Attributes:
        kind: a registered name, ``manifest`` for instance.
        path: absolute path of the manifest or folder; None for kinds that need none.
        params: the kind's own parameters.
    """

    kind: str
    path: str | None = None
    params: Pairs = ()


class NamedSpec(Record):
    """One entry of a suite's list of adapters: a registered name, an id, and the adapter's own parameters."""

    name: str
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    params: Pairs = ()

    def param(self, key: str, default: Any = None) -> Any:
        """One of the adapter's own parameters."""
        return dict(self.params).get(key, default)


class RecogniserSpec(NamedSpec):
    """One entry of a suite's ``recognisers``."""


class DetectorSpec(NamedSpec):
    """One entry of a suite's ``detectors``."""
