"""The rules of GB 45438-2025, clause 6.1 and Annex E, for one value.

Five elements are mandatory (6.1 a); the format names seven keys (Annex E b), of which the two reserved ones may be
empty. The outer ``"AIGC"`` object is accepted inside the value, as the text has it, and left out, as many writers do.

References:
    GB 45438-2025, 6.1 and Annex E (normative), mandatory from 2025-09-01; LAW 2.1.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from visavox.core.label_codes import LABEL_KEYS

from .places import MAX_LABEL_BYTES, Carrier
from .records import AigcLabel, Finding, Shape

STANDARD: Final = "GB 45438-2025"
_MANDATORY: Final[Mapping[str, str]] = {
    "Label": "6.1 a) 1)",
    "ContentProducer": "6.1 a) 2)",
    "ProduceID": "6.1 a) 3)",
    "ContentPropagator": "6.1 a) 4)",
    "PropagateID": "6.1 a) 5)",
}
_CLAUSES: Final[Mapping[str, str]] = {
    "Label": "c",
    "ContentProducer": "d",
    "ProduceID": "e",
    "ReservedCode1": "f",
    "ContentPropagator": "g",
    "PropagateID": "h",
    "ReservedCode2": "i",
}
KEYS: Final = LABEL_KEYS
_ALLOWED: Final = re.compile(r"[\x21\x22\x23-\x5b\x5d-\x7e]*")  # 0x22 is written as \" in JSON
_FORMAT: Final = '{"AIGC": {"Label": "1", ...}} with the seven keys, as plain text'
_SHOWN: Final = 60


class Checked(NamedTuple):
    """One label, the rules it breaks, and remarks."""

    label: AigcLabel
    broken: tuple[Finding, ...]
    remarks: tuple[Finding, ...]


class _NotTheFormatError(ValueError):
    """What was found instead of the format."""


def check_label(carrier: Carrier) -> Checked:
    """Checks one value; never raises.

    >>> from visavox.media.labels.places import Carrier
    >>> [finding.rule for finding in check_label(Carrier("RIFF chunk AIGC", "{}")).broken][:2]
    ['gb45438-E.b-keys', 'gb45438-6.1a-Label']
    """
    try:
        shape, fields = _fields(carrier.value)
    except _NotTheFormatError as error:
        label = AigcLabel(place=carrier.place, shape=Shape.NEITHER)
        return Checked(label, (_finding("E.b-format", "Annex E b)", str(error), f"write {_FORMAT}"),), ())
    texts = tuple((key, _whole(fields[key])) for key in KEYS if isinstance(fields.get(key), str))
    label = AigcLabel(place=carrier.place, shape=shape, fields=texts)
    broken = (*_of_name(carrier), *_of_keys(fields), *_of_values(fields))
    return Checked(label, broken, tuple(_remarks(carrier, fields, dict(texts))))


def one_label(places: tuple[str, ...]) -> Finding | None:
    """The rule that a file keeps one label only, if it is broken."""
    if len(places) < 2:
        return None
    found = f"{len(places)} labels: {', '.join(places[:4])}" + (", ..." if len(places) > 4 else "")
    return _finding("6.1c-one-label", "6.1 c)", found, "write the label in one place only")


def _finding(rule: str, clause: str, found: str, todo: str) -> Finding:
    return Finding(rule=f"gb45438-{rule}", clause=f"{STANDARD} {clause}", found=found, todo=todo)


# ---------------------------------------------------------------- the format
def _fields(value: str | None) -> tuple[Shape, Mapping[str, Any]]:
    """Shape and object of the seven keys.

    Raises:
        _NotTheFormatError: if the value is no such text.
    """
    if value is None:
        raise _NotTheFormatError("XMP properties of their own in place of one text")
    if len(value) > MAX_LABEL_BYTES:
        raise _NotTheFormatError(f"a value of {len(value)} characters")
    if not value.strip():
        raise _NotTheFormatError("an empty value")
    found = _object(value)
    if "AIGC" in found:
        inner = found["AIGC"]
        if not isinstance(inner, dict):
            raise _NotTheFormatError(f"the value of AIGC is {_kind(inner)}, not an object")
        return Shape.WRAPPED, inner
    return Shape.BARE, found


def _object(value: str) -> dict[str, Any]:
    try:
        found = json.loads(value.removeprefix("\ufeff"), object_pairs_hook=_without_duplicates)
    except _NotTheFormatError:
        raise
    except (ValueError, RecursionError):
        hint = " (it is Base64: write the plain text)" if _is_base64(value) else ""
        raise _NotTheFormatError(f"no JSON object: {_shown(value)}{hint}") from None
    if not isinstance(found, dict):
        raise _NotTheFormatError(f"{_kind(found)}, not an object: {_shown(value)}")
    return found


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _NotTheFormatError("a key that stands there twice")
    return found


def _is_base64(value: str) -> bool:
    try:
        return base64.b64decode("".join(value.split()), validate=True).lstrip().startswith(b"{")
    except (binascii.Error, ValueError):
        return False


# ---------------------------------------------------------------- the rules
def _of_name(carrier: Carrier) -> Iterator[Finding]:
    if not carrier.is_named:
        todo = 'name the field AIGC, or wrap the value in {"AIGC": ...}'
        yield _finding("E.a-field-name", "Annex E a)", f"{carrier.place} without the word AIGC", todo)


def _of_keys(fields: Mapping[str, Any]) -> Iterator[Finding]:
    missing = [key for key in KEYS if key not in fields]
    if missing:
        found = f"{', '.join(missing)} missing"
        yield _finding("E.b-keys", "Annex E b)", found, "write all seven keys; ReservedCode1 and 2 may be empty texts")


def _of_values(fields: Mapping[str, Any]) -> Iterator[Finding]:
    for key, clause in _MANDATORY.items():
        value = fields.get(key)
        if key not in fields or value is None or (isinstance(value, str) and not value.strip()):
            found = f"{key} is {'empty' if key in fields else 'missing'}"
            todo = (
                "a generator writes its own name and number here at first" if key[:4] != "Prod" else "a unique number"
            )
            yield _finding(f"6.1a-{key}", clause, found, _REMEDIES.get(key, todo))
    for key, letter in _CLAUSES.items():
        value = fields.get(key, "")
        is_empty = value is None and key in _MANDATORY  # which is said already
        if not isinstance(value, str) and not is_empty:
            found = f"{key} is {_kind(value)}, not a text: {_shown(json.dumps(value))}"
            yield _finding(f"E.{letter}-text", f"Annex E {letter})", found, 'write it in quotes, as "1"')
    label = fields.get("Label")
    if isinstance(label, str) and label.strip() and label not in {"1", "2", "3"}:
        todo = '"1": it is generated; "2" and "3" (may be, suspected) are for platforms'
        yield _finding("E.c-value", "Annex E c) 1)", f"Label is {_shown(label)}", todo)


_REMEDIES: Final[Mapping[str, str]] = {
    "Label": 'write "1": it is generated',
    "ContentProducer": "write the generating service's name or code",
    "ProduceID": "write the generating service's own number of this content",
    "ContentPropagator": "at first writing the same as ContentProducer",
    "PropagateID": "at first writing the same as ProduceID",
}


def _remarks(carrier: Carrier, fields: Mapping[str, Any], texts: Mapping[str, str]) -> Iterator[Finding]:
    outside = [key for key, text in texts.items() if not _ALLOWED.fullmatch(text)]
    if outside:
        found = f'{", ".join(outside)}: characters outside 0x21, 0x23-0x5B, 0x5D-0x7E and \\"'
        yield _finding(
            "E.j-characters", "Annex E j)", found, "use a code in place of a name in other characters or spaces"
        )
    extra = [key for key in fields if key not in _CLAUSES]
    if extra:
        found = f"further keys: {_shown(', '.join(extra))}"
        yield _finding("E.b-further-keys", "Annex E b)", found, "write the seven keys only")
    if texts.get("Label") in {"2", "3"}:
        found = f"Label is {texts['Label']}, what a platform finds of others' content"
        yield _finding("E.c-platform-value", "Annex E c) 1)", found, 'a generator writes "1"')
    pairs = (("ContentProducer", "ContentPropagator"), ("ProduceID", "PropagateID"))
    unlike = [second for first, second in pairs if texts.get(second, "").strip() and texts.get(first) != texts[second]]
    if unlike:
        todo = "at first writing they are alike; this is right once a platform has written"
        yield _finding("E-note1-first-write", "Annex E note 1", f"{', '.join(unlike)} not as the producer's", todo)
    if not carrier.is_guided:
        found = f"it stands in {carrier.place}"
        yield Finding(
            rule="tc260-pg-place",
            clause="TC260-PG-20257A, 20259A, 202510A",
            found=found,
            todo="write it where the guide for this container says, so that others find it",
        )


def _kind(value: object) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        str: "a text",
        dict: "an object",
    }
    return names.get(type(value), "nothing")


def _whole(text: str) -> str:
    """A text without the halves of characters that JSON can spell."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _shown(text: str) -> str:
    """A text of a stranger, short and in printable ASCII and letters."""
    plain = "".join(char if char.isprintable() else "?" for char in text[: _SHOWN + 1])
    return plain if len(plain) <= _SHOWN else plain[:_SHOWN] + "..."
