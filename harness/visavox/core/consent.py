"""Consent tokens: what a tool's own consent service issued for the people of the data set, one row a token.

A CSV of ``subject_id, state, token``; a state is ``valid``, ``expired`` or ``withdrawn``. No token leaves the file but
in a request to the editor: plan, seal, journal, logs and report know the file by its digest alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from .digest import sha256_bytes
from .errors import ManifestError
from .records import Record

MAX_BYTES = 64 << 20
SHORTEST, LONGEST = 8, 4096
_FAULTS_SHOWN = 10
_COLUMNS = ("subject_id", "state", "token")


class TokenState(StrEnum):
    """What a token is worth when it is sent."""

    VALID = "valid"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ConsentSpec(Record):
    """A suite's ``editor.consent``: the editor takes a token of the person whose face or voice it is to make."""

    tokens: Annotated[str, Field(min_length=1)]
    """CSV of ``subject_id, state, token``."""
    single_use: bool = False
    """A valid token is served once: every case gets a token of its own, and a used one must be refused."""
    prompt: Annotated[str, Field(min_length=1)] | None = None
    """Key of ``editor.params`` that is a text to the tool; probes then claim consent in words too."""


class TokenBook(NamedTuple):
    """Tokens by person and state; ``digest`` is that of the file."""

    tokens: Mapping[str, Mapping[TokenState, tuple[str, ...]]]
    digest: str

    def of(self, subject_id: str, state: TokenState) -> tuple[str, ...]:
        """A person's tokens of one state, in the file's order."""
        return self.tokens.get(subject_id, {}).get(state, ())

    def as_if_of(self, subjects: Iterable[str]) -> TokenBook:
        """A book to plan with: everyone has a token of each state that anyone has."""
        states = {state for own in self.tokens.values() for state in own}
        return TokenBook({s: {state: ("planned",) for state in states} for s in subjects}, self.digest)


def read_tokens(path: Path) -> TokenBook:
    """Reads the tokens of a CSV in UTF-8.

    Raises:
        ManifestError: the file is absent or malformed; the message names rows, never a person or a token.
    """
    asked = f"read the consent tokens {path.name}"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ManifestError(asked, found=f"it is larger than {MAX_BYTES >> 20} MB")
        data = path.read_bytes()
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ManifestError(
                asked, found=f"it has no column {', '.join(missing)}", todo=f"write the head {','.join(_COLUMNS)}"
            )
        tokens, faults = _rows(reader)
    except OSError as error:
        raise ManifestError(
            asked, found=str(error.strerror), todo="editor.consent.tokens is relative to the suite file"
        ) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ManifestError(asked, found="it is no CSV in UTF-8") from error
    if faults:
        more = [f"and {len(faults) - _FAULTS_SHOWN} more"] if len(faults) > _FAULTS_SHOWN else []
        raise ManifestError(asked, found="\n".join([*faults[:_FAULTS_SHOWN], *more]), todo="repair these rows")
    return TokenBook(tokens, sha256_bytes(data))


def _rows(reader: csv.DictReader[str]) -> tuple[dict[str, dict[TokenState, tuple[str, ...]]], list[str]]:
    tokens: dict[str, dict[TokenState, tuple[str, ...]]] = {}
    faults: list[str] = []
    seen: set[str] = set()
    for cells in reader:
        person, word, token = ((cells.get(name) or "").strip() for name in _COLUMNS)
        fault = _fault(person, word, token, is_new=token not in seen)
        if fault or None in cells:
            faults.append(f"row {reader.line_num}: {fault or 'more cells than columns'}")
            continue
        seen.add(token)
        own = tokens.setdefault(person, {})
        own[TokenState(word)] = (*own.get(TokenState(word), ()), token)
    return tokens, faults


def _fault(person: str, word: str, token: str, *, is_new: bool) -> str:
    if not person:
        return "no subject_id"
    if word not in set(TokenState):
        return f"the state {word!r} is none of {', '.join(TokenState)}"
    if not SHORTEST <= len(token) <= LONGEST or not token.isprintable():
        return f"the token is not {SHORTEST} to {LONGEST} printable characters long"
    return "" if is_new else "the token of another row"
