"""The suite: YAML into strict frozen models, overrides, and the resolved digest.

YAML 1.2 is read (``1e-3`` is a number, ``no`` is a text, a key may stand once).
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from .consent import ConsentSpec
from .digest import sha256_json
from .errors import ConfigError
from .options import OPTIONS, ImpersonationOptions, WatermarkSpec
from .records import DatasetSpec, DetectorSpec, Pairs, RecogniserSpec, Record
from .registered_model import RegistryKeys
from .service import ServiceKeys
from .terms import Claim, DutyRole, Modality, Operation, ToolClass

DEFAULT_OPERATION: Mapping[tuple[ToolClass, Modality], Operation] = {
    (ToolClass.ANONYMISE, Modality.FACE): Operation.FACE_ANONYMISATION,
    (ToolClass.ANONYMISE, Modality.VOICE): Operation.VOICE_ANONYMISATION,
    (ToolClass.SWAP, Modality.FACE): Operation.FACE_SWAP,
    (ToolClass.SWAP, Modality.VOICE): Operation.VOICE_CONVERSION,
    (ToolClass.ATTRIBUTE, Modality.FACE): Operation.FACE_ATTRIBUTE_EDITING,
    (ToolClass.ATTRIBUTE, Modality.VOICE): Operation.VOICE_ATTRIBUTE_EDITING,
    (ToolClass.MORPH, Modality.FACE): Operation.FACE_MORPH,
    (ToolClass.GENERATE, Modality.FACE): Operation.FACE_GENERATION,
    (ToolClass.GENERATE, Modality.VOICE): Operation.TEXT_TO_SPEECH,
}
BASELINE_VERSION = "2"
"""Version of the shipped baselines: raised when one of them changes what it returns."""

_VOICE_BASELINES = frozenset({"mcadams", "pitch_shift", "world_conversion"})
"""They edit voices whatever the data set's kind says."""

_MOST_VALUES = 1_000_000
"""In one YAML file, where what stands behind an anchor counts as often as it is named."""
_DEEPEST = 100


class _Editor(Record):
    name: Annotated[str, Field(min_length=1)]
    tool_class: ToolClass
    operation: Operation
    version: Annotated[str, Field(min_length=1)]
    artifact: str | None = None
    """File or folder that the report binds to: the model's weights."""
    trained_with: tuple[str, ...] = ()
    """Networks in the editor's loss, by name, id or family: they may not judge it."""
    params: Pairs = ()
    """Handed to the editor as they are."""
    consent: ConsentSpec | None = None
    """The editor takes consent tokens; without it, it is told ``granted``, ``refused`` or nothing."""


class PythonEditor(_Editor):
    kind: Literal["python"]
    entry: Annotated[str, Field(pattern=r"^.+:[A-Za-z_][A-Za-z0-9_]*$")]


class CommandEditor(_Editor):
    kind: Literal["command"]
    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    output_suffix: Annotated[str, Field(pattern=r"^\.[A-Za-z0-9]+$")] | None = None
    """Kind of file the program writes; ``.png``, and of voices ``.wav``, where it is left out."""
    cwd: str | None = None
    """The folder the program runs in; the suite's by default."""

    @field_validator("argv")
    @classmethod
    def _has_tokens(cls, argv: tuple[str, ...]) -> tuple[str, ...]:
        missing = [token for token in ("{input}", "{output}") if token not in argv]
        if missing:
            raise ValueError(f"needs {' and '.join(missing)} as a whole word of its own; found {list(argv)}")
        return argv


class FolderEditor(_Editor):
    kind: Literal["folder"]
    path: str


class HttpEditor(ServiceKeys, _Editor):
    kind: Literal["http"]


class MlflowEditor(RegistryKeys, _Editor):
    kind: Literal["mlflow"]


class BaselineEditor(_Editor):
    kind: Literal["baseline"]


EditorSpec = Annotated[
    PythonEditor | CommandEditor | FolderEditor | HttpEditor | MlflowEditor | BaselineEditor,
    Field(discriminator="kind"),
]


_KINDS = frozenset({"python", "command", "folder", "http", "mlflow", "baseline"})


class Tracking(Record):
    """Where finished runs are shown beside training runs; it never decides anything."""

    kind: Literal["mlflow"] = "mlflow"
    uri: Annotated[str, Field(min_length=1)] = "sqlite:///mlflow.db"
    """MLflow's tracking URI; a relative SQLite path is below the folder the command runs in."""
    experiment: Annotated[str, Field(min_length=1)] = "visavox"
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120.0

    @field_validator("uri")
    @classmethod
    def _without_password(cls, uri: str) -> str:
        if "@" in urlsplit(uri).netloc:
            raise ValueError(
                "holds a user or password, which run folders would keep; set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD instead"
            )
        return uri


class Execution(Record):
    backend: Literal["local"] = "local"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: CUDA where torch sees a GPU."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """Seconds for one case."""
    load_timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """Seconds to load the editor, and once more on top of its first batch."""
    memory_mb: Annotated[int, Field(ge=64)] = 8192
    """Resident memory of the editor's process tree, in MiB."""
    max_cases: Annotated[int, Field(ge=1)] = 2000
    """Cases at most, drawn by the seed, balanced over people."""
    overlap: bool | Literal["auto"] = "auto"
    """Embed the originals while the editor edits, which then shares the cores with the judges: leave room in timeout_s.
    auto: on a CPU with two cores or more; not on a GPU, whose memory would have to hold both."""
    cache: bool = False
    """Keep templates, edits, figures across runs in the user's cache folder: biometric data, 0700, up to 4 GiB each."""
    retention: Literal["scores", "all"] = "scores"
    """scores: media and templates go when the report stands; all: they stay."""
    worst_leaks: Annotated[int, Field(ge=0, le=200)] = 0
    """Outputs shown in worst.html, with faces, for local eyes only; 0 writes no such page."""


class Suite(Record):
    """A suite, resolved: every default filled in, every path absolute."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    editor: EditorSpec
    dataset: DatasetSpec
    recognisers: Annotated[tuple[RecogniserSpec, ...], Field(min_length=1)]
    detectors: tuple[DetectorSpec, ...] = ()
    """Passive detectors of the assessment ``detectability``, each for the modality that it knows."""
    watermark: WatermarkSpec | None = None
    assessments: Pairs
    policy: str
    role: DutyRole = DutyRole.BOTH
    """Whose duties bind: of the service's provider, of a technical supporter who lends it the model, or both."""
    public_opinion_attribute: bool | None = None
    """false: the service cannot shape public opinion or mobilise people; left out, the controls of those that can bind.
    """
    attestations: tuple[str, ...] = ()
    """Files, or folders of files, in which an organisation attests what no test shows (`visavox attest`)."""
    waivers: str | None = None
    """A YAML file of waivers for failed runs; it stands in the report, and counts at a gate that trusts its signer."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    execution: Execution = Execution()
    tracking: Tracking | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Suite:
        ids = [spec.id for spec in self.recognisers]
        doubled = sorted({i for i in ids if ids.count(i) > 1})
        if doubled:
            raise ValueError(f"recognisers: the id {doubled[0]!r} is used twice; give each an id of its own")
        unknown = sorted({name for name, _ in self.assessments} - set(OPTIONS))
        if unknown:
            there = ", ".join(OPTIONS)
            raise ValueError(f"assessments: {unknown[0]!r} is not available in this version; there are: {there}")
        if not self.assessments:
            raise ValueError("assessments: at least one is needed, for example `identity_leak: {}`")
        taken = [*ids, *(spec.id for spec in self.detectors)]
        twice = sorted({i for i in taken if taken.count(i) > 1})
        if twice:
            raise ValueError(f"detectors: the id {twice[0]!r} is used twice; give each an id of its own")
        if "consent" in dict(self.assessments) and self.editor.consent is None:
            raise ValueError("assessments: consent needs editor.consent: {tokens: FILE}, the tokens of the people")
        if self.editor.consent is not None and self.editor.tool_class is ToolClass.MORPH:
            raise ValueError("editor.consent: a morph needs the consent of two people; one token a case is sent")
        if self.detectors and "detectability" not in dict(self.assessments):
            raise ValueError("detectors: none is used; add `detectability: {}` to assessments, or leave the key out")
        return self

    def options(self, assessment: str) -> Any:
        """Options of one assessment, defaults where the suite has none."""
        return OPTIONS[assessment].model_validate(dict(self.assessments).get(assessment) or {})

    @property
    def impersonation(self) -> ImpersonationOptions | None:
        """Options of ``impersonation``; None where the suite leaves it out."""
        asked = "impersonation" in dict(self.assessments)
        return ImpersonationOptions.model_validate(self.options("impersonation").model_dump()) if asked else None

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the suite claims of its tool; controls that bind a claim are judged where it is made."""
        asked = self.impersonation.claims if self.impersonation else ()
        return (*asked, Claim.CONSENT_TOKENS) if self.editor.consent else asked

    def as_json(self) -> dict[str, Any]:
        """The resolved suite as JSON values."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """SHA-256 of the resolved suite.

        Of a path its last part counts alone (what lies there is sealed by digests of its own), and of ``execution``
        what can change a figure.
        """
        return sha256_json(self.comparable())

    def comparable(self) -> dict[str, Any]:
        """The part of the suite that must be equal for a run folder to be continued."""
        return comparable_suite(self.as_json())


def comparable_suite(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a resolved suite's JSON values, those of an earlier version too, which lack later keys."""
    value: dict[str, Any] = _last_parts(dict(resolved))
    for key in ("cache", "retention", "device", "worst_leaks", "overlap"):
        value["execution"].pop(key, None)
    for key in ("cwd", "tracking_uri"):
        value["editor"].pop(key, None)
    for key in ("tracking", "attestations", "waivers"):  # what the last two say stands in the report
        value.pop(key, None)
    if value["editor"].get("consent") is None:
        value["editor"].pop("consent", None)
    for key, unsaid in (("watermark", None), ("role", "both"), ("public_opinion_attribute", None)):
        if value.get(key) == unsaid:
            value.pop(key, None)
    return value


def _last_parts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _last_parts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_last_parts(item) for item in value]
    return value.rpartition("/")[2] if isinstance(value, str) and value.startswith("/") else value


def read_yaml(text: str, *, what: str) -> dict[str, Any]:
    """A YAML 1.2 mapping of plain JSON values.

    Raises:
        ConfigError: if the text is no YAML, no mapping, repeats a key, or holds a value JSON has not (dates, NaN).
    """
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ConfigError(
            f"read {what} as YAML", found=str(error).split("\n\nTo suppress")[0], todo="correct the file"
        ) from error
    if not isinstance(value, dict):
        raise ConfigError(
            f"read {what}", found=f"a {type(value).__name__} instead of a mapping", todo="begin with `name: ...`"
        )
    _only_json(value, what, (), itertools.count(1))
    return value


def _only_json(value: object, what: str, path: tuple[str, ...], number_of: Iterator[int]) -> None:
    where = ".".join(path)
    if next(number_of) > _MOST_VALUES or len(path) > _DEEPEST:
        raise ConfigError(
            f"read {what}",
            found="it unfolds without end, or nearly so",
            todo="write it without anchors (&) and links (*)",
        )
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ConfigError(f"read {what}", found=f"{where}: the key {key!r} is not a text", todo="quote it")
            _only_json(item, what, (*path, key), number_of)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _only_json(item, what, (*path, str(number)), number_of)
    elif value is not None and not isinstance(value, str | int | float | bool):
        raise ConfigError(f"read {what}", found=f"{where}: {value!r} is a {type(value).__name__}", todo="quote it")
    elif isinstance(value, float) and not abs(value) < float("inf"):
        raise ConfigError(f"read {what}", found=f"{where}: {value!r} is no finite number", todo="write a finite number")


def explain(error: ValidationError, *, what: str, schema: str = "suite", below: str = "") -> ConfigError:
    """A pydantic error as one message that names every faulty key.

    Args:
        schema: the one that prints what is allowed.
        below: the key of the file that holds what is at fault.
    """
    lines = []
    for fault in error.errors():
        path = ".".join(str(part) for part in (below, *fault["loc"]) if part != "" and str(part) not in _KINDS)
        text = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            text = "no such key" + _meant(error.title, fault["loc"])
        elif fault["type"] == "missing":
            text = "required, and absent"
        elif fault["type"] == "string_type":
            text = f"must be a text, found {fault['input']!r}; quote it"
        elif fault["type"] in {"enum", "literal_error"}:
            text = f"{text}, found {fault['input']!r}"
        lines.append(f"  {path}: {text}" if path else f"  {text}")
    return ConfigError(f"read {what}", found="\n".join(lines), todo=f"`visavox schema {schema}` prints what is allowed")


def _meant(title: str, path: Sequence[int | str]) -> str:
    """Names the key that an unknown one comes near to, of those at its place below the record called ``title``."""
    there = [record for record in _below(Record) if record.__name__ == title]
    for part in path[:-1]:
        fields = [record.model_fields[str(part)] for record in there if part in record.model_fields]
        there = [inner for field in fields for inner in _records_in(field.annotation)] or there  # else a tag, a number
    keys = {key for record in there for key in record.model_fields}
    near = difflib.get_close_matches(str(path[-1]), sorted(keys), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _below(record: type[Record]) -> Iterator[type[Record]]:
    for one in record.__subclasses__():
        yield one
        yield from _below(one)


def _records_in(annotation: object) -> Iterator[type[Record]]:
    """The records that a field's type holds: itself, a member of a union, an item."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        yield annotation
    for inner in get_args(annotation):
        yield from _records_in(inner)


def apply_overrides(value: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Applies ``a.b=c`` overrides; the right-hand side is read as YAML; a list's items go by number.

    Raises:
        ConfigError: if an override has no ``=``, or walks through something that is no mapping.
    """
    for text in overrides:
        key, sign, raw = text.partition("=")
        if not sign or not re.fullmatch(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*", key):
            raise ConfigError(f"--set {text}", found="not of the form a.b=c", todo="write --set execution.timeout_s=30")
        item = read_yaml(f"value: {raw}", what=f"--set {text}")["value"]
        node: Any = value
        parts = key.split(".")
        for part in parts[:-1]:
            node = (
                node[int(part)]
                if isinstance(node, list) and part.isdigit() and int(part) < len(node)
                else (node.setdefault(part, {}) if isinstance(node, dict) else None)
            )
            if not isinstance(node, dict | list):
                raise ConfigError(
                    f"--set {text}", found=f"{part!r} is no mapping in the suite", todo="name a key below it"
                )
        if isinstance(node, list):
            if not parts[-1].isdigit() or int(parts[-1]) >= len(node):
                raise ConfigError(
                    f"--set {text}", found=f"no item {parts[-1]} in a list of {len(node)}", todo="count from 0"
                )
            node[int(parts[-1])] = item
        else:
            node[parts[-1]] = item
    return value


def _absolute(path: str, base: Path) -> str:
    return str((base / Path(path).expanduser()).resolve())


def _resolve_editor(editor: dict[str, Any], base: Path, modality: Modality) -> None:
    kind = editor.get("kind")
    for key in ("artifact", "path", "ca"):
        if isinstance(editor.get(key), str):
            editor[key] = _absolute(editor[key], base)
    tokens = editor.get("consent")
    if isinstance(tokens, dict) and isinstance(tokens.get("tokens"), str):
        editor["consent"] = tokens | {"tokens": _absolute(tokens["tokens"], base)}
    entry = editor.get("entry")
    if kind == "python" and isinstance(entry, str) and ":" in entry:
        file, _, name = entry.rpartition(":")
        if file.endswith(".py"):
            editor["entry"] = f"{_absolute(file, base)}:{name}"
    if kind == "command":
        editor["cwd"] = _absolute(str(editor.get("cwd") or "."), base)
    if kind == "baseline":
        editor.setdefault("version", BASELINE_VERSION)
        modality = Modality.VOICE if editor.get("name") in _VOICE_BASELINES else modality
        try:
            operation = DEFAULT_OPERATION.get((ToolClass(editor.get("tool_class", "")), modality))
        except ValueError:
            operation = None
        if operation:
            editor.setdefault("operation", operation.value)


def _resolve_named(entry: object, base: Path) -> object:
    if isinstance(entry, str):
        return {"name": entry, "id": entry}
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return entry
    rest = {key: value for key, value in entry.items() if key not in {"name", "id"}}
    for key in ("path", "cohort"):
        if isinstance(rest.get(key), str):
            rest[key] = _absolute(rest[key], base)
    return {"name": entry["name"], "id": entry.get("id", entry["name"]), "params": rest}


def _resolve_statements(value: dict[str, Any], base: Path) -> None:
    """Paths of attestations and waivers."""
    if isinstance(value.get("attestations"), str):
        value["attestations"] = [value["attestations"]]
    if isinstance(value.get("attestations"), list):
        value["attestations"] = [_absolute(one, base) if isinstance(one, str) else one for one in value["attestations"]]
    if isinstance(value.get("waivers"), str):
        value["waivers"] = _absolute(value["waivers"], base)


def _resolve_transcribers(assessments: object, base: Path) -> None:
    for options in assessments.values() if isinstance(assessments, dict) else ():
        if isinstance(options, dict) and "transcriber" in options:
            found = _resolve_named(options["transcriber"], base)
            options["transcriber"] = {k: v for k, v in found.items() if k != "id"} if isinstance(found, dict) else found


def _resolve_watermark(entry: dict[str, Any], base: Path) -> dict[str, Any]:
    own = {"kind", "message", "fpr", "threshold"}
    rest = {key: value for key, value in entry.items() if key not in own}
    for key in ("path", "artifact"):
        if isinstance(rest.get(key), str):
            rest[key] = _absolute(rest[key], base)
    file, _, name = str(rest.get("entry", "")).rpartition(":")
    if file.endswith(".py"):
        rest["entry"] = f"{_absolute(file, base)}:{name}"
    if entry.get("kind") == "command":
        rest["cwd"] = _absolute(str(rest.get("cwd") or "."), base)
    return {key: value for key, value in entry.items() if key in own} | {"params": rest}


def parse_suite(text: str, *, base: Path, what: str = "the suite", overrides: Sequence[str] = ()) -> Suite:
    """Reads a suite's YAML text, with paths relative to ``base``, into a resolved ``Suite``.

    Raises:
        ConfigError: naming every faulty key at once.
    """
    value = apply_overrides(read_yaml(text, what=what), overrides)
    editor, dataset = value.get("editor"), value.get("dataset")
    if isinstance(dataset, dict):
        rest = {key: item for key, item in dataset.items() if key not in {"kind", "path"}}
        value["dataset"] = {key: item for key, item in dataset.items() if key in {"kind", "path"}} | {"params": rest}
        if isinstance(dataset.get("path"), str):
            value["dataset"]["path"] = _absolute(dataset["path"], base)
    if isinstance(editor, dict):
        _resolve_editor(editor, base, Modality.VOICE if "voice" in str((dataset or {}).get("kind")) else Modality.FACE)
    if isinstance(value.get("recognisers"), list):
        value["recognisers"] = [_resolve_named(entry, base) for entry in value["recognisers"]]
    if isinstance(value.get("detectors"), list):
        value["detectors"] = [_resolve_named(entry, base) for entry in value["detectors"]]
    if isinstance(value.get("watermark"), dict):
        value["watermark"] = _resolve_watermark(value["watermark"], base)
    if isinstance(value.get("assessments"), list):
        value["assessments"] = {str(name): {} for name in value["assessments"]}
    _resolve_transcribers(value.get("assessments"), base)
    _resolve_statements(value, base)
    policy = value.get("policy")
    if isinstance(policy, str) and ("/" in policy or policy.endswith((".yaml", ".yml"))):
        value["policy"] = _absolute(policy, base)
    try:
        suite = Suite.model_validate(value)
    except ValidationError as error:
        raise explain(error, what=what) from error
    for name, _ in suite.assessments:
        try:
            suite.options(name)
        except ValidationError as error:
            raise explain(error, what=what, below=f"assessments.{name}") from error
    return suite
