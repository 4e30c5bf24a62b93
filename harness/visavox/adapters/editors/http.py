"""The editor kind ``http``: a service that is sent a form for each case and answers with the edited medium.

What is sent: ``multipart/form-data`` with a file for each role (PNG or WAV) and the texts ``case_id``, ``seed``,
``operation``, ``person``, ``params`` (JSON) and, where the case has one, ``consent``. What may come back: a status 2xx
with a body of the type ``image/*`` or ``audio/*``; a refusal, one of the statuses ``refused`` with the JSON
``{"refused": "reason"}``. Everything else is a failure of the case.

Only the host of ``url`` is contacted: no redirect is followed, no proxy of the machine is used, no cookie is kept.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import ValidationError

from visavox.adapters.editors.outcome import FailedAs, noun
from visavox.core.config import explain
from visavox.core.errors import ConfigError, MediaError, MissingDependencyError
from visavox.core.service import ServiceAuth, ServiceKeys
from visavox.core.terms import Modality, Operation, Outcome
from visavox.media.audio import encode_wav
from visavox.media.image import encode_png
from visavox.ports.editor import Audio, EditedFile, Editor, EditorContext, EditRequest, EditResult, Failed, Refused

if TYPE_CHECKING:
    import httpx

AGAIN = frozenset({429, 502, 503, 504})
"""Statuses after which a case is sent again."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
"""Before the n-th further try: a random share of 0.5 s x 2^n, at most 30 s; ``Retry-After`` counts up to 30 s."""
USED_SHARE = 0.95
"""Of ``timeout_s``: a service that is late is timed out here, before the worker is ended for it."""
MAX_REFUSAL_BYTES = 1 << 16
MAX_TEXT = 160


def build(context: EditorContext) -> Editor:
    """Checks the keys, the credentials and the certificates; nothing is sent yet.

    The spec's keys: those of ``visavox.core.service.ServiceKeys``, and ``version``, ``params``.

    Raises:
        ConfigError: a key is wrong, the variable of the credentials is not set, or ``ca`` is no PEM file.
        MissingDependencyError: httpx is not installed.
    """
    given = {name: value for name, value in context.spec.items() if name in ServiceKeys.model_fields}
    try:
        keys = ServiceKeys.model_validate(given)
    except ValidationError as error:
        raise explain(error, what="the editor's keys") from error
    if keys.requests_per_s is not None and 1 / keys.requests_per_s > context.timeout_s / 2:
        raise ConfigError(
            f"send {keys.requests_per_s:g} requests a second",
            found=f"a case has {context.timeout_s:g} s",
            todo="raise execution.timeout_s or requests_per_s",
        )
    secret = None if keys.auth is None else _secret(keys.auth)
    headers = {} if keys.auth is None or secret is None else {keys.auth.header: _prefix(keys.auth) + secret}
    return _HttpEditor(keys, headers, secret, str(context.spec.get("version", "")), context.timeout_s)


def _secret(auth: ServiceAuth) -> str:
    secret = os.environ.get(auth.env, "")
    asked = f"take the service's credentials from the environment variable {auth.env}"
    if not secret:
        raise ConfigError(asked, found="it is not set, or empty", todo=f"export {auth.env}=... before the run")
    if not secret.isascii() or not secret.isprintable():
        raise ConfigError(asked, found="it holds a line break or another character that no header may have")
    return secret


def _prefix(auth: ServiceAuth) -> str:
    if auth.prefix is not None:
        return auth.prefix
    return "Bearer " if auth.header.lower() == "authorization" else ""


def _trust(keys: ServiceKeys) -> ssl.SSLContext:
    """Whose certificates are believed; verification is never off."""
    import httpx

    if keys.ca is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=keys.ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"ca: {keys.ca}",
            found="no certificate in PEM form" if isinstance(error, ssl.SSLError) else str(error.strerror),
            todo="paths are relative to the suite file; give the authority's certificate as PEM",
        ) from error


class _Again(NamedTuple):
    """A try that may be repeated: why, and how long the service asks to wait."""

    reason: str
    wait_s: float | None = None


class _HttpEditor:
    def __init__(
        self, keys: ServiceKeys, headers: Mapping[str, str], secret: str | None, version: str, timeout_s: float
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingDependencyError(
                "reach an editor over http", found="httpx is not installed", todo="pip install 'visavox[http]'"
            ) from error
        self._keys, self._secret, self._version, self._timeout_s = keys, secret, version, timeout_s
        self.max_batch = self.concurrency = keys.concurrency
        self._open = partial(
            httpx.AsyncClient,
            headers={"User-Agent": "visavox", "Accept-Encoding": "identity", **headers},
            timeout=httpx.Timeout(None, connect=keys.connect_timeout_s),
            limits=httpx.Limits(max_connections=keys.concurrency),
            verify=_trust(keys),
            follow_redirects=False,
            trust_env=False,
        )
        self._turn_at = 0.0

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return asyncio.run(self._edit_all(requests))

    async def _edit_all(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """All at once; each has its own time and that of the turns before its own. No connection is kept."""
        turn_s = 0.0 if self._keys.requests_per_s is None else 1 / self._keys.requests_per_s
        seconds = USED_SHARE * self._timeout_s + (len(requests) - 1) * turn_s
        deadline = asyncio.get_running_loop().time() + seconds
        async with self._open() as client:
            return list(await asyncio.gather(*(self._edit(client, request, deadline) for request in requests)))

    async def _edit(self, client: httpx.AsyncClient, request: EditRequest, deadline: float) -> EditResult:
        reason = "sent nothing"
        try:
            async with asyncio.timeout_at(deadline):
                for number in range(self._keys.retries + 1):
                    await self._turn()
                    answer = await self._once(client, request)
                    if not isinstance(answer, _Again):
                        return answer
                    reason = answer.reason
                    if number < self._keys.retries:
                        await asyncio.sleep(_wait_s(number, answer.wait_s))
        except TimeoutError:
            said = "" if reason == "sent nothing" else f"; at last {reason}"
            return FailedAs(f"no whole answer within {self._timeout_s:g} s{said}", Outcome.TIMED_OUT)
        tries = self._keys.retries + 1
        return Failed(f"{reason}, in {tries} {'try' if tries == 1 else 'tries'}")

    async def _turn(self) -> None:
        """Waits until the next request may be sent."""
        if self._keys.requests_per_s is not None:
            now = asyncio.get_running_loop().time()
            at = max(now, self._turn_at)
            self._turn_at = at + 1 / self._keys.requests_per_s
            await asyncio.sleep(at - now)

    async def _once(self, client: httpx.AsyncClient, request: EditRequest) -> EditResult | _Again:
        """One request. A connection that is lost before any answer may be tried again, one lost within it not."""
        import httpx

        texts, files = _form(request, dict(self._keys.fields))
        client.cookies.clear()  # what a service sets for one case is nothing to another
        headers = {"Accept": f"{_type(request)}/*, application/json", "Idempotency-Key": request.case_id}
        sent = client.build_request(self._keys.method, self._keys.url, data=texts, files=files, headers=headers)
        try:
            response = await client.send(sent, stream=True)
        except httpx.TransportError as error:
            if _is_untrusted(error):
                return Failed("the service's certificate is not to be trusted: " + self._clean(_root(error), request))
            return _Again(f"the service cannot be reached ({type(error).__name__})")
        try:
            return await self._answer(response, request)
        except httpx.TransportError:
            return FailedAs("the service's answer broke off", Outcome.INVALID)
        finally:
            await response.aclose()

    async def _answer(self, response: httpx.Response, request: EditRequest) -> EditResult | _Again:
        status, kind = response.status_code, response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if status in AGAIN:
            return _Again(f"the service answered {status}", _retry_after(response.headers.get("retry-after", "")))
        if 300 <= status < 400:
            where = self._clean(_place(response), request)
            return Failed(f"the service redirects ({status}) {where}; no redirect is followed")
        if status in self._keys.refused and kind in {"application/json", "application/problem+json"}:
            said = _refusal(await self._body(response, MAX_REFUSAL_BYTES))
            if said is not None:
                return self._of_version(response, request) or Refused(self._clean(said, request))
        if status == 401 and self._keys.auth is not None:
            return Failed(f"the service answered 401: it does not take the credentials in {self._keys.auth.env}")
        if status in self._keys.refused and status >= 300:
            return Failed(f"the service answered {status} without a body {{'refused': 'reason'}}: no refusal")
        if not 200 <= status < 300:
            return Failed(f"the service answered {status}")
        wrong = self._of_version(response, request)
        if wrong is not None:
            return wrong
        if not kind.startswith(f"{_type(request)}/"):
            shown = self._clean(kind, request) or "no content type"
            return FailedAs(f"the service answered {status} with {shown}, not {_type(request)}/*", Outcome.INVALID)
        data = await self._body(response, self._keys.max_response_mb << 20)
        if data is None:
            reason = f"the answer is compressed or longer than {self._keys.max_response_mb} MB"
            return FailedAs(reason, Outcome.INVALID)
        try:
            return EditedFile.from_bytes(data, request)
        except MediaError as error:
            found = self._clean(error.found or error.asked, request)
            return FailedAs(f"the answer is no readable {noun(request)}: {found}", Outcome.INVALID)

    async def _body(self, response: httpx.Response, limit: int) -> bytes | None:
        """The body as it was sent; None where it is longer, or compressed though that was not asked for."""
        if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            return None
        data = bytearray()
        async for chunk in response.aiter_raw(1 << 16):
            data += chunk
            if len(data) > limit:
                return None
        return bytes(data)

    def _of_version(self, response: httpx.Response, request: EditRequest) -> FailedAs | None:
        """What is wrong with the version that the service states; None where nothing is, or nobody asked."""
        header = self._keys.version_header
        if header is None:
            return None
        stated = response.headers.get(header)
        if stated == self._version:
            return None
        found = "nothing" if stated is None else repr(self._clean(stated, request))
        return FailedAs(
            f"{header} says {found}, the suite {self._version!r}: another version answered", Outcome.INVALID
        )

    def _clean(self, text: str, request: EditRequest) -> str:
        """Words of the service without the secret and the case's token, on one short line."""
        for hidden in (self._secret, request.consent if len(request.consent or "") > 3 else None):
            if hidden:
                text = text.replace(hidden, "***")
        plain = "".join(character if character.isprintable() else " " for character in text).strip()
        return plain if len(plain) <= MAX_TEXT else plain[: MAX_TEXT - 3] + "..."


def _form(request: EditRequest, names: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, tuple[str, bytes, str]]]:
    """Texts and files of a case, under the names that the service knows them by."""
    texts = {
        "case_id": request.case_id,
        "seed": str(request.seed),
        "operation": request.operation,
        "params": json.dumps(dict(request.params), sort_keys=True),
        "consent": request.consent,
        "person": request.person,
    }
    files = {}
    for role, media in request.media.items():
        data, kind, suffix = (
            (encode_wav(media), "audio/wav", "wav")
            if isinstance(media, Audio)
            else (encode_png(media), "image/png", "png")
        )
        files[str(names.get(role, role))] = (f"{role}.{suffix}", data, kind)
    return {str(names.get(name, name)): text for name, text in texts.items() if text is not None}, files


def _type(request: EditRequest) -> str:
    return "audio" if Operation(request.operation).modality is Modality.VOICE else "image"


def _refusal(body: bytes | None) -> str | None:
    """The reason in a refusal's body; None where it is none."""
    try:
        value = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    said = value.get("refused") if isinstance(value, dict) else None
    return said if isinstance(said, str) and said.strip() else None


def _retry_after(text: str) -> float | None:
    """Seconds that the service asks to wait, as a number or a date; None where it does not say."""
    if text.strip().isdecimal():
        return min(float(text[:9]), LONGEST_WAIT_S)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT_S)


def _wait_s(number: int, asked_s: float | None) -> float:
    """Exponential back-off with full jitter, or what the service asked for and as much again in part."""
    jitter = random.uniform(0.0, min(FIRST_WAIT_S * 2**number, LONGEST_WAIT_S))  # noqa: S311 - no secret, no figure
    return jitter if asked_s is None else asked_s + 0.1 * jitter


def _place(response: httpx.Response) -> str:
    """Where a redirect points, without query and user."""
    try:
        parts = urlsplit(response.headers.get("location", ""))
        host, port = parts.hostname, parts.port
    except ValueError:
        return "to no readable address"
    where = f"{parts.scheme}://{host}{f':{port}' if port else ''}" if host else ""
    shown = "".join(c for c in where + parts.path if c.isprintable())[:MAX_TEXT]
    return f"to {shown}" if shown else "to nowhere"


def _is_untrusted(error: BaseException) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error) or "certificate verify failed" in str(error)


def _root(error: BaseException) -> str:
    """The end of what the TLS library says: ``self-signed certificate in certificate chain``."""
    return str(error).rpartition("certificate verify failed:")[2].partition("(_ssl")[0].strip() or "verification failed"
