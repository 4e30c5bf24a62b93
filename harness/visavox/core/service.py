"""What a suite says of an editor that is a service: where it is, how it is asked, what it may take."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import Field, field_validator, model_validator

from .records import Pairs, Record

FIELDS: Final = (
    "subject",
    "host",
    "donor",
    "contributor_1",
    "contributor_2",
    "case_id",
    "seed",
    "operation",
    "consent",
    "params",
    "person",
)
"""Fields of the form that a service is sent, by their names here."""
_SECRET: Final = re.compile(r"key|token|secret|sig|password|passwd|auth|credential", re.IGNORECASE)
_HEADER: Final = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"
_OWN_HEADERS: Final = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "accept"})


class ServiceAuth(Record):
    """Credentials of a service: the name of an environment variable, never the secret."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    """The environment variable that holds the secret; it is in no file and no message of a run."""
    header: Annotated[str, Field(pattern=_HEADER)] = "Authorization"
    prefix: Annotated[str, Field(pattern=r"^[ -~]{0,40}$")] | None = None
    """What stands before the secret; ``Bearer `` in ``Authorization``, else nothing."""

    @field_validator("header")
    @classmethod
    def _not_ours(cls, header: str) -> str:
        if header.lower() in _OWN_HEADERS:
            raise ValueError(f"{header} is set by the request itself; name the header that carries the credentials")
        return header


class ServiceKeys(Record):
    """The keys of ``editor.kind: http``."""

    url: Annotated[str, Field(min_length=1)]
    """Where a case is sent: https, or http on this very machine. The only host that is contacted."""
    method: Literal["POST", "PUT"] = "POST"
    auth: ServiceAuth | None = None
    fields: Pairs = ()
    """Other names for fields of the form: ``{host: target_image, donor: source_image}``."""
    refused: tuple[Annotated[int, Field(ge=200, le=499)], ...] = (403, 422, 451)
    """Statuses with which the service may refuse; the body must say so too: ``{"refused": "reason"}`` as JSON."""
    version_header: Annotated[str, Field(pattern=_HEADER)] | None = None
    """Header of every answer that must equal ``editor.version``: a service that changes under the run is found."""
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    """Further tries of a case after 429, 502, 503, 504 or a lost connection, with the same case id and seed."""
    requests_per_s: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Requests at most a second; None: no limit."""
    concurrency: Annotated[int, Field(ge=1, le=32)] = 1
    """Requests at once."""
    connect_timeout_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Seconds to connect; a case altogether has ``execution.timeout_s``."""
    max_response_mb: Annotated[int, Field(ge=1, le=1024)] = 64
    """Longest answer that is read."""
    ca: str | None = None
    """A PEM file of certification authorities in place of the public ones."""
    allow_plain_http: bool = False
    """Plain http to another machine too, without credentials; media then travel in the clear."""

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        parts = _split(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be https://HOST/PATH")
        if "@" in parts.netloc:
            raise ValueError("holds a user or password, which run folders would keep; use auth with an env variable")
        named = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if _SECRET.search(name)]
        if named:
            raise ValueError(
                f"holds {named[0]!r} in its query, which run folders would keep; use auth with an env variable"
            )
        if parts.fragment:
            raise ValueError("has a fragment, which no service sees; leave it out")
        return url

    @field_validator("fields")
    @classmethod
    def _known_fields(cls, fields: Pairs) -> Pairs:
        unknown = [name for name, _ in fields if name not in FIELDS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no field of the form; there are: {', '.join(FIELDS)}")
        faulty = [new for _, new in fields if not isinstance(new, str) or not re.fullmatch(r"[!#-~]{1,100}", new)]
        if faulty:
            raise ValueError(f"{faulty[0]!r} is no name of a field: printable ASCII without spaces and quotes")
        final = [dict(fields).get(name, name) for name in FIELDS]
        if len(set(map(str, final))) != len(final):
            raise ValueError("two fields would have one name")
        return fields

    @model_validator(mode="after")
    def _safe_way(self) -> ServiceKeys:
        parts = _split(self.url)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            if not self.allow_plain_http:
                raise ValueError(
                    "url: plain http to another machine shows media to everyone on the way; use https, or set "
                    "allow_plain_http: true"
                )
            if self.auth is not None:
                raise ValueError("auth: credentials are not sent over plain http to another machine; use https")
        return self


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("example.org")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(url: str) -> SplitResult:
    if not url.isprintable() or " " in url:
        raise ValueError("holds a space or a control character")
    parts = urlsplit(url)
    _ = parts.port  # a ValueError where it is no port
    return parts
