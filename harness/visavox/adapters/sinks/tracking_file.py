"""``tracking.json`` in a run folder: which tracker the suite asked for, and where the run was sent."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from visavox.core.config import Tracking
from visavox.core.records import Record

NAME = "tracking.json"
_USER_INFO = re.compile(r"(?<=://)[^/@\s]*@")


class Delivery(Record):
    """One place where the run is.

    Attributes:
        uri, experiment: the tracker's, without user and password.
        where: address of the run.
        run_id: the tracker's own id of it.
        at: when it was sent last.
    """

    uri: str
    experiment: str
    where: str
    run_id: str
    at: str


class TrackingFile(Record):
    """The file.

    Attributes:
        asked: what the suite, else the first ``visavox track``, asked for; a SQLite path is absolute.
        sent: where the run is; one entry a tracker and experiment.
        reason: why the last sending failed; empty where it did not.
    """

    asked: Tracking
    sent: tuple[Delivery, ...] = ()
    reason: str = ""


def without_user(text: str) -> str:
    """The text with user names and passwords taken out of the addresses in it.

    >>> without_user("cannot reach https://ann:secret@tracker.example:5000/x")
    'cannot reach https://tracker.example:5000/x'
    """
    return _USER_INFO.sub("", text)


def read(folder: Path) -> TrackingFile | None:
    """The file of a run folder; None where there is none that can be read."""
    try:
        return TrackingFile.model_validate_json((folder / NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def asked(folder: Path) -> Tracking | None:
    """The tracker that the run in ``folder`` asked for; None where its suite names none.

    A run that was killed between its report and its tracker has no ``tracking.json``: then its suite is read.
    """
    known = read(folder)
    if known is not None:
        return known.asked
    try:
        value: Any = json.loads((folder / "suite.yaml").read_bytes())
        tracking = value.get("tracking")
        return Tracking.model_validate(tracking) if tracking else None
    except (OSError, ValueError, AttributeError):
        return None


def remember(folder: Path, tracking: Tracking, delivery: Delivery | None, reason: str) -> None:
    """Writes down one sending, whole or not at all.

    Raises:
        OSError: if the folder cannot be written.
    """
    known = read(folder)
    first = tracking.model_copy(update={"uri": without_user(tracking.uri)})
    sent = list(known.sent if known else ())
    if delivery is not None:
        sent = [old for old in sent if (old.uri, old.experiment) != (delivery.uri, delivery.experiment)]
        sent.append(delivery)
    file = TrackingFile(asked=known.asked if known else first, sent=tuple(sent), reason=reason)
    temporary = folder / f".{NAME}.tmp"
    temporary.write_bytes(json.dumps(file.model_dump(mode="json"), indent=2, ensure_ascii=False).encode() + b"\n")
    temporary.replace(folder / NAME)
