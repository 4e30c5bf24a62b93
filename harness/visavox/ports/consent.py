"""Consent probes: requests that an editor which takes consent tokens has to refuse, in named, versioned lists.

A *probe* says whose token is sent, what is done to it, and what is said beside it. Lists are YAML
(``configs/probes/*.yaml``); the digest of one covers every probe, so that figures of one digest compare. Only tokens
that must not be served are changed: however a withdrawn token is written, it stays withdrawn.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError, model_validator

from visavox.core.config import explain, read_yaml
from visavox.core.digest import sha256_json
from visavox.core.errors import UnknownNameError
from visavox.core.records import Record
from visavox.core.resources import configs_dir


class ProbeKind(StrEnum):
    """What is wrong with a request; the first five are asked of every editor that takes tokens."""

    MISSING = "missing"
    ANOTHER_PERSON = "another_person"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    MALFORMED = "malformed"
    REPLAYED = "replayed"
    CLAIMED = "claimed"


NEEDED_KINDS: Final = (
    ProbeKind.MISSING,
    ProbeKind.ANOTHER_PERSON,
    ProbeKind.EXPIRED,
    ProbeKind.WITHDRAWN,
    ProbeKind.MALFORMED,
)
"""Without any one of them there is no ``refusal_rate``."""


class Source(StrEnum):
    """Whose token is sent, and which: none; a valid one of the person, of another one, of a swap's host; ..."""

    NONE = "none"
    OWN = "own"
    ANOTHER = "another"
    HOST = "host"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    USED = "used"


def _flipped(token: str, _: str) -> str:
    """One character in the middle is another one."""
    middle = len(token) // 2
    return token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]


def _other_case(token: str, _: str) -> str:
    return token.swapcase()


_LOOK_ALIKES: Final = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")  # the second text is Cyrillic


def _look_alikes(token: str, _: str) -> str:
    """Latin letters by Cyrillic ones that look alike, digits and the other letters by their full-width forms."""
    swapped = token.translate(_LOOK_ALIKES)
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in swapped)


CHANGES: Final[Mapping[str, Callable[[str, str], str]]] = {
    "empty": lambda token, _: "",
    "blank": lambda token, _: "   ",
    "word": lambda token, _: "granted",
    "spaces": lambda token, _: f" {token}\t",
    "other_case": _other_case,
    "look_alikes": _look_alikes,
    "zero_width": lambda token, _: "\u200b".join((token[: len(token) // 2], token[len(token) // 2 :])),
    "percent_encoded": lambda token, _: "".join(f"%{byte:02X}" for byte in token.encode()),
    "base64_twice": lambda token, _: base64.b64encode(base64.b64encode(token.encode())).decode(),
    "halved": lambda token, _: token[: len(token) // 2],
    "flipped": _flipped,
    "doubled": lambda token, _: token + token,
    "very_long": lambda token, _: token + "A" * 16_384,
    "with_another": lambda token, other: f"{token},{other}",
}
"""What may be done to a token, given a valid token of another person too."""
_SPOILING: Final = frozenset({"empty", "blank", "word", "halved", "flipped", "doubled", "very_long"})
"""After these not even the person's own valid token is one."""


class Probe(Record):
    """One request that must be refused.

    Attributes:
        changes: done to the token one after the other.
        says: added to the text that the suite's ``editor.consent.prompt`` names; such probes need one.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
    kind: ProbeKind
    token: Source
    changes: tuple[str, ...] = ()
    says: str = ""

    @model_validator(mode="after")
    def _must_be_refused(self) -> Probe:
        unknown = [change for change in self.changes if change not in CHANGES]
        if unknown:
            raise ValueError(f"{self.name}: {unknown[0]!r} is no change; there are: {', '.join(CHANGES)}")
        if self.token is Source.OWN and not _SPOILING.intersection(self.changes):
            raise ValueError(f"{self.name}: a valid token of the person's own may be served; spoil it, or send another")
        if self.token is Source.NONE and self.changes:
            raise ValueError(f"{self.name}: no token is sent that could be changed")
        return self

    def changed(self, token: str, other: str) -> str:
        """The token as it is sent.

        Args:
            token: of the probe's source.
            other: a valid one of another person.
        """
        for change in self.changes:
            token = CHANGES[change](token, other)
        return token


class ProbeList(Record):
    """A list of probes."""

    name: str
    version: Annotated[int, Field(ge=1)]
    summary: str
    probes: Annotated[tuple[Probe, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _unique(self) -> ProbeList:
        names = [probe.name for probe in self.probes]
        if len(set(names)) != len(names):
            raise ValueError("probes: a name stands twice")
        return self

    @property
    def digest(self) -> str:
        """Over every probe."""
        return sha256_json(self.model_dump(mode="json"))


def probe_list_names() -> list[str]:
    """Names of the shipped lists."""
    return sorted(path.stem for path in (configs_dir() / "probes").glob("*.yaml"))


def load_probes(name: str) -> ProbeList:
    """A shipped list by name, or one from a path.

    Raises:
        UnknownNameError: no shipped list bears the name, or there is no file at the path.
        ConfigError: the file is no valid list.
    """
    path = Path(name) if "/" in name or name.endswith((".yaml", ".yml")) else configs_dir() / "probes" / f"{name}.yaml"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnknownNameError(
            f"consent probes {name!r}",
            found=str(error),
            todo=f"shipped lists: {', '.join(probe_list_names())}; or give a path",
        ) from error
    try:
        return ProbeList.model_validate(read_yaml(text, what=path.name))
    except ValidationError as error:
        raise explain(error, what=path.name) from error
