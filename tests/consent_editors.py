"""Editors that take consent tokens, each with a check that is known, and the tokens of pretend people.

A token is ``PERSON.EXPIRY.MAC``; the check knows the people of the pretend data set by their pictures, as a service
knows its users' accounts.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pretend import texture

from visavox.ports.editor import EditRequest, EditResult, Failed, Refused

KEY = b"of the pretend consent service"
NOW = 100
FEATURES = (3, 2)
"""Where a person's own texture is read; see ``person_in``."""


def token(person: int, expiry: int = 200, number: int = 0) -> str:
    """A token of the pretend service."""
    text = f"{person:03d}.{expiry:03d}.{number:03d}"
    return f"{text}.{hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()[:16]}"


def withdrawn(person: int) -> str:
    """The withdrawn one of a person."""
    return token(person, number=9)


def write_tokens(path: Path, n_people: int, states: Sequence[str] = ("valid", "expired", "withdrawn")) -> Path:
    """The tokens of the pretend data set."""
    made = {"valid": token, "expired": lambda person: token(person, expiry=50), "withdrawn": withdrawn}
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["subject_id", "state", "token"])
        rows.writerows([f"person {n}", state, made[state](n)] for n in range(n_people) for state in states)
    return path


class Checker:
    """Pixelates whoever may be edited; what it checks is named.

    Checks: nothing, presence, person, expiry, withdrawal (each with those before it, the last being right);
    ``letters``: right, but that the list of withdrawn tokens is compared with the text as it came, while the token is
    read more kindly; ``everyone`` is refused; ``crash``: right, but it fails where it should refuse.
    """

    max_batch = 32

    def __init__(self, check: str, n_people: int) -> None:
        self.check = check
        self.known = np.stack([_features(texture(person, 0)) for person in range(n_people)])

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._edit(request) for request in requests]

    def _edit(self, request: EditRequest) -> EditResult:
        medium = request.media.get("donor", request.media.get("subject"))
        person = int(np.argmin(np.abs(self.known - _features(np.asarray(medium))).sum(1)))
        why = self.refuses(request.consent, person)
        if why:
            return Failed("cannot answer") if self.check == "crash" else Refused(why)
        first = np.asarray(next(iter(request.media.values())))
        return np.full_like(first, first.mean()) + np.arange(first.shape[1], dtype=np.uint8)[None, :, None] % 7

    def refuses(self, consent: str | None, person: int) -> str:
        """Why; empty where it serves."""
        if self.check == "everyone":
            return "nobody is served"
        if self.check == "nothing":
            return ""
        if not (consent or "").strip():
            return "no token"
        if self.check == "presence":
            return ""
        read = str(consent)
        if self.check == "letters":
            read = read.strip()
        parts = read.split(".")
        text = ".".join(parts[:3])
        mac = hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()[:16]
        if len(parts) != 4 or parts[3] != mac or int(parts[0]) != person:
            return "not of this person"
        if self.check == "person":
            return ""
        if int(parts[1]) < NOW:
            return "expired"
        if self.check == "expiry":
            return ""
        return "withdrawn" if (consent or "") == withdrawn(person) else ""


def _features(image: np.ndarray) -> np.ndarray:
    """The coarse texture, without most of the noise."""
    return image[2::4, 2::4].astype(np.float64).ravel()


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Checker:
    """``params``: ``check``, ``people``."""
    return Checker(str(params["check"]), int(params["people"]))
