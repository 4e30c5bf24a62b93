"""The editor kind ``http`` against a real service on loopback, without the worker around it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from services import Running, certificates, running

from visavox.adapters.editors import http
from visavox.core.artifact import artifact_digest, code_digest
from visavox.core.config import HttpEditor, parse_suite
from visavox.core.errors import ConfigError
from visavox.ports.editor import Audio, EditedFile, EditorContext, EditRequest, Failed, Refused

IMAGE = np.arange(24 * 20 * 3, dtype=np.uint8).reshape(24, 20, 3)
DONOR = np.full((9, 9, 3), 9, np.uint8)
SECRET = "s3cr3t-of-acme-0815"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str]]:
    """A service with TLS, and the certificate of the authority behind it."""
    folder = tmp_path_factory.mktemp("tls")
    authority, certificate, key = certificates(folder)
    with running(folder, words=("--certificate", certificate, "--key", key), scheme="https") as found:
        yield found, authority


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_WAIT_S", 0.02)


def editor_of(tmp_path: Path, url: str, timeout_s: float = 10.0, **keys: Any) -> Any:
    return http.build(EditorContext({"kind": "http", "url": url, **keys}, "cpu", tmp_path, timeout_s))


def request(case_id: str = "a" * 16, **more: Any) -> EditRequest:
    return EditRequest(case_id, "face-swap", 42, {"host": IMAGE, "donor": DONOR}, **more)


def ask(service: Running, path: str, tmp_path: Path, **keys: Any) -> Any:
    (found,) = editor_of(tmp_path, service.base + path, **keys).edit([request()])
    return found


def test_a_form_goes_out_and_a_picture_comes_back(service: Running, tmp_path: Path) -> None:
    editor = editor_of(tmp_path, service.base + "/flip?v=1")
    asked = request(consent="granted", params={"strength": 2, "text": "ä"}, person="00ff")
    (found,) = editor.edit([asked])
    assert isinstance(found, EditedFile) and found.leaks == ()
    assert np.array_equal(found.media, IMAGE[:, ::-1])
    (sent,) = service.sent("/flip?v=1")
    assert sent["files"] == {"host": ["host.png", "image/png"], "donor": ["donor.png", "image/png"]}
    assert sent["texts"] == {
        "case_id": "a" * 16,
        "seed": "42",
        "operation": "face-swap",
        "consent": "granted",
        "params": '{"strength": 2, "text": "\\u00e4"}',
        "person": "00ff",
    }
    headers = {name.lower(): value for name, value in sent["headers"].items()}
    assert headers["idempotency-key"] == "a" * 16
    assert headers["accept-encoding"] == "identity" and headers["user-agent"] == "visavox"
    assert "authorization" not in headers and "cookie" not in headers


def test_fields_may_bear_other_names_and_what_is_not_known_is_not_sent(service: Running, tmp_path: Path) -> None:
    editor = editor_of(tmp_path, service.base + "/flip?v=2", fields={"host": "target", "seed": "rng"}, method="POST")
    editor.edit([request()])
    (sent,) = service.sent("/flip?v=2")
    assert set(sent["files"]) == {"target", "donor"}
    assert sent["texts"] == {"case_id": "a" * 16, "rng": "42", "operation": "face-swap", "params": "{}"}


def test_sounds_go_as_wav(service: Running, tmp_path: Path) -> None:
    sound = Audio((np.arange(-4000, 4000, 2) / 2**15).astype(np.float32), 8000)
    asked = EditRequest("b" * 16, "voice-anonymisation", 1, {"subject": sound})
    (found,) = editor_of(tmp_path, service.base + "/sound").edit([asked])
    assert isinstance(found, EditedFile) and isinstance(found.media, Audio)
    assert found.media.sample_rate_hz == 8000 and np.array_equal(found.media.samples[:-1], sound.samples[:-1])
    (sent,) = service.sent("/sound")
    assert sent["files"] == {"subject": ["subject.wav", "audio/wav"]}
    (found,) = editor_of(tmp_path, service.base + "/leak").edit([asked])
    assert found.reason == "the service answered 200 with image/png, not audio/*"


@pytest.mark.parametrize(
    ("path", "keys", "outcome", "reason"),
    [
        ("/forbidden", {}, "failed", "the service answered 403 without a body {'refused': 'reason'}: no refusal"),
        ("/unprocessable", {}, "failed", "the service answered 422 without a body"),
        ("/refuse-empty", {}, "failed", "the service answered 403 without a body"),
        ("/refuse-451", {"refused": [403]}, "failed", "the service answered 451"),
        ("/unauthorised", {}, "failed", "the service answered 401"),
        ("/absent", {}, "failed", "the service answered 404"),
        ("/broken", {}, "failed", "the service answered 500"),
        ("/redirect", {}, "failed", "the service redirects (307) to http://localhost:1/elsewhere; no redirect is"),
        ("/big", {"max_response_mb": 2}, "invalid", "the answer is compressed or longer than 2 MB"),
        ("/endless", {"max_response_mb": 2}, "invalid", "the answer is compressed or longer than 2 MB"),
        ("/bomb", {"max_response_mb": 2}, "invalid", "the answer is compressed or longer than 2 MB"),
        ("/text", {}, "invalid", "the service answered 200 with text/html, not image/*"),
        ("/untyped", {}, "invalid", "the service answered 200 with no content type, not image/*"),
        ("/json", {}, "invalid", "the service answered 200 with application/json, not image/*"),
        ("/nothing", {}, "invalid", "the service answered 204 with no content type"),
        ("/truncated", {}, "invalid", "the service's answer broke off"),
        ("/garbage", {}, "invalid", "the answer is no readable image: "),
        ("/no-http", {"retries": 0}, "failed", "the service cannot be reached (RemoteProtocolError), in 1 try"),
        ("/down", {"retries": 2}, "failed", "the service answered 503, in 3 tries"),
        ("/hang", {"timeout_s": 0.5}, "timed_out", "no whole answer within 0.5 s"),
        ("/drip", {"timeout_s": 0.5}, "timed_out", "no whole answer within 0.5 s"),
        ("/busy-for-long", {"timeout_s": 0.5}, "timed_out", "no whole answer within 0.5 s; at last the service answ"),
        ("/flip", {"version_header": "X-Model-Version"}, "invalid", "X-Model-Version says nothing, the suite ''"),
    ],
)
def test_what_a_service_may_do_wrong(
    path: str, keys: dict[str, Any], outcome: str, reason: str, service: Running, tmp_path: Path
) -> None:
    begun = time.monotonic()
    found = ask(service, path, tmp_path, **keys)
    assert time.monotonic() - begun < 5
    assert isinstance(found, Failed) and not isinstance(found, Refused)
    assert (getattr(found, "outcome", "failed"), found.reason[: len(reason)]) == (outcome, reason)
    assert "token=abc" not in found.reason


def test_a_refusal_is_a_status_of_the_list_with_a_reason_in_json(service: Running, tmp_path: Path) -> None:
    assert ask(service, "/refuse-451", tmp_path) == Refused("not here")
    assert ask(service, "/json", tmp_path, refused=[200]) == Refused("said with a status that is none of a refusal")
    assert isinstance(ask(service, "/flip", tmp_path, refused=[200]), EditedFile)


def test_no_word_of_a_service_repeats_the_secret_or_the_token(
    service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    editor = editor_of(tmp_path, service.base + "/refuse", auth={"env": "ACME_TOKEN"})
    (found,) = editor.edit([request(consent="token-of-somebody")])
    assert found == Refused("no consent   of Bearer *** ***")
    sent = service.sent("/refuse")[-1]
    assert sent["headers"]["Authorization"] == f"Bearer {SECRET}"
    editor = editor_of(tmp_path, service.base + "/unauthorised", auth={"env": "ACME_TOKEN", "header": "X-Key"})
    (found,) = editor.edit([request()])
    assert found == Failed("the service answered 401: it does not take the credentials in ACME_TOKEN")
    assert service.sent("/unauthorised")[-1]["headers"]["X-Key"] == SECRET


@pytest.mark.parametrize(("path", "tries"), [("/busy-once", 2), ("/down-once", 2), ("/dropped-once", 2)])
def test_a_case_is_tried_again_as_the_same_case(path: str, tries: int, service: Running, tmp_path: Path) -> None:
    assert isinstance(ask(service, path, tmp_path), EditedFile)
    sent = service.sent(path)
    assert len(sent) == tries
    assert sent[0]["texts"] == sent[1]["texts"]
    assert sent[0]["headers"]["Idempotency-Key"] == sent[1]["headers"]["Idempotency-Key"]
    if path == "/busy-once":
        assert 1.0 <= sent[1]["at"] - sent[0]["at"] < 2.0  # Retry-After: 1


def test_nobody_there_is_tried_again_and_said(tmp_path: Path) -> None:
    (found,) = editor_of(tmp_path, "http://127.0.0.1:9/", retries=1).edit([request()])
    assert found == Failed("the service cannot be reached (ConnectError), in 2 tries")


def test_waits_grow_and_are_drawn() -> None:
    waits = [[http._wait_s(number, None) for _ in range(200)] for number in (0, 3, 30)]
    assert max(waits[0]) <= http.FIRST_WAIT_S < max(waits[1]) <= 8 * http.FIRST_WAIT_S
    assert max(waits[2]) <= http.LONGEST_WAIT_S and min(waits[2]) < http.LONGEST_WAIT_S / 4
    assert http._retry_after("7") == 7.0 and http._retry_after("99999") == http.LONGEST_WAIT_S
    assert http._retry_after("soon") is None and http._retry_after("") is None
    assert http._retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def test_so_many_at_once_and_so_many_a_second(service: Running, tmp_path: Path) -> None:
    four = [request(f"{n:016x}") for n in range(4)]
    editor = editor_of(tmp_path, service.base + "/slow", concurrency=4)
    assert editor.max_batch == 4
    begun = time.monotonic()
    assert all(isinstance(found, EditedFile) for found in editor.edit(four))
    assert time.monotonic() - begun < 1.0  # one after the other takes 1.2 s
    editor = editor_of(tmp_path, service.base + "/flip?v=3", concurrency=4, requests_per_s=10)
    editor.edit(four)
    at = sorted(sent["at"] for sent in service.sent("/flip?v=3"))
    assert len(at) == 4 and at[-1] - at[0] > 0.25


def test_no_cookie_is_kept_and_no_proxy_used(service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    editor = editor_of(tmp_path, service.base + "/cookie", concurrency=2, requests_per_s=5)
    assert all(isinstance(found, EditedFile) for found in editor.edit([request(case * 16) for case in "cd"]))
    assert all("cookie" not in map(str.lower, sent["headers"]) for sent in service.sent("/cookie"))


def test_a_service_must_state_the_suite_s_version(service: Running, tmp_path: Path) -> None:
    keys = {"version_header": "X-Model-Version", "version": "2.4.0"}
    assert isinstance(ask(service, "/version", tmp_path, **keys), EditedFile)
    editor = editor_of(tmp_path, service.base + "/version-changes", **keys)
    media = {"host": IMAGE, "donor": DONOR}
    same, other = (
        editor.edit([EditRequest("e" * 16, "face-swap", 4, media)]),
        editor.edit([EditRequest("f" * 16, "face-swap", 5, media)]),
    )
    assert isinstance(same[0], EditedFile)
    assert other[0].reason == "X-Model-Version says '2.5.0', the suite '2.4.0': another version answered"


def test_only_certificates_that_are_trusted(trusted: tuple[Running, str], tmp_path: Path) -> None:
    service, authority = trusted
    (found,) = editor_of(tmp_path, service.base + "/flip").edit([request()])
    assert isinstance(found, Failed)
    assert found.reason.startswith("the service's certificate is not to be trusted: ")
    assert service.sent("/flip") == []  # nothing was sent to whom nobody trusts
    (found,) = editor_of(tmp_path, service.base + "/flip", ca=authority).edit([request()])
    assert isinstance(found, EditedFile)
    other = service.base.replace("127.0.0.1", "localhost")  # not the name that the certificate is for
    (found,) = editor_of(tmp_path, other + "/flip", ca=authority).edit([request()])
    assert isinstance(found, Failed) and "not to be trusted" in found.reason


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"auth": {"env": "ACME_TOKEN"}}, "it is not set"),
        ({"ca": "absent.pem"}, "No such file"),
        ({"ca": __file__}, "no certificate in PEM form"),
        ({"requests_per_s": 0.1}, "a case has 10 s"),
        ({"url": "http://example.org/"}, "plain http to another machine"),
    ],
)
def test_wrong_keys_are_found_before_anything_is_sent(
    keys: dict[str, Any], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_TOKEN", raising=False)
    with pytest.raises(ConfigError) as caught:
        editor_of(tmp_path, **{"url": "https://example.org/", **keys})
    assert found in caught.value.found


def test_a_secret_with_a_line_break_is_no_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", SECRET + "\nX-Other: 1")
    with pytest.raises(ConfigError, match="line break") as caught:
        editor_of(tmp_path, "https://example.org/", auth={"env": "ACME_TOKEN"})
    assert SECRET not in str(caught.value)


BLOCK = {"kind": "http", "name": "x", "tool_class": "swap", "operation": "face-swap", "version": "1"}


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"url": "ftp://example.org"}, "must be https"),
        ({"url": "https://me:pass@example.org"}, "holds a user or password"),
        ({"url": "https://example.org/?api_key=1"}, "holds 'api_key' in its query"),
        ({"url": "https://example.org/#a"}, "fragment"),
        ({"url": "https://exam ple.org/"}, "space"),
        ({"url": "https://example.org:99999/"}, "ort"),
        ({"url": "http://10.0.0.1/", "allow_plain_http": True, "auth": {"env": "T"}}, "not sent over plain http"),
        ({"fields": {"hosts": "a"}}, "'hosts' is no field"),
        ({"fields": {"host": "a b"}}, "is no name of a field"),
        ({"fields": {"host": "donor"}}, "two fields"),
        ({"auth": {"env": "T", "header": "Host"}}, "set by the request itself"),
        ({"auth": {"env": "T", "token": "abc"}}, "Extra inputs"),
        ({"auth": "Bearer abc"}, "ServiceAuth"),
        ({"refused": [500]}, "less than or equal to 499"),
    ],
)
def test_keys_that_a_suite_may_not_have(keys: dict[str, Any], found: str) -> None:
    with pytest.raises(ValidationError, match=found):
        HttpEditor.model_validate({**BLOCK, "url": "https://example.org/edit", **keys})


def test_what_a_report_binds_to(tmp_path: Path) -> None:
    def editor(**keys: Any) -> HttpEditor:
        return HttpEditor.model_validate({**BLOCK, "url": "https://example.org/edit", **keys})

    first = artifact_digest(editor())
    assert first == artifact_digest(editor(requests_per_s=3)) == code_digest(editor())
    changed = [editor(url="https://example.org/other"), editor(version="2"), editor(params={"a": 1})]
    assert len({first, *(artifact_digest(one) for one in changed)}) == 4
    (tmp_path / "weights.bin").write_bytes(b"1")
    named = editor(artifact=str(tmp_path / "weights.bin"))
    assert artifact_digest(named) != first and code_digest(named) == first


def test_a_path_of_certificates_is_the_suite_s(tmp_path: Path) -> None:
    text = (
        "name: a\neditor: {kind: http, url: 'https://example.org/', ca: our.pem, name: x, version: '1', "
        "tool_class: swap, operation: face-swap}\ndataset: {kind: synthetic-faces}\nrecognisers: [dlib]\n"
        "assessments: {identity_leak: {}}\npolicy: baseline\n"
    )
    suite = parse_suite(text, base=tmp_path)
    assert isinstance(suite.editor, HttpEditor) and suite.editor.ca == str(tmp_path / "our.pem")
