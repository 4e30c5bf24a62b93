"""A verdict in a model registry: the alias of an approved version is given by a PASS alone, and taken by all else.

Order of what is written: a refusal first takes the alias, then says why in tags; an approval first writes the tags,
the alias last, and where anything goes wrong none is left. Other versions are left alone: a version that fails does not
take the alias from the one that passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from visavox.adapters.registries.mlflow import RegisteredVersion, mark, parse_version, tracking_uri_of
from visavox.api.gating import GateResult
from visavox.core.digest import sha256_bytes
from visavox.core.errors import EvidenceError, UsageError, VisavoxError
from visavox.core.report import Report
from visavox.core.terms import Verdict
from visavox.reporting.schema import parse_report

ALIAS: Final = "approved"
REFUSED: Final = "REFUSED"
"""The verdict's tag where the evidence was at fault: there is no verdict."""
_VERDICT: Final = "visavox.verdict"
TAGS: Final = (
    _VERDICT,
    "visavox.reason",
    "visavox.gated",
    "visavox.run",
    "visavox.policy",
    "visavox.policy.sha256",
    "visavox.attestation.sha256",
    "visavox.report.sha256",
    "visavox.seal.sha256",
    "visavox.subject.sha256",
)
"""Tags of a version that are ours; those that a new verdict does not write are removed."""
_TAG_CHARACTERS: Final = 1500
_REASONS: Final = 8


class Registration(NamedTuple):
    """What became of the alias.

    Attributes:
        version: the version that was gated.
        alias: its name.
        before, after: the version that bore it and the one that bears it; empty for none.
        tags: what the version's tags say now.
    """

    version: RegisteredVersion
    alias: str
    before: str
    after: str
    tags: Mapping[str, str]

    def __str__(self) -> str:
        """One line for people."""
        own = self.version.version
        if self.after == own:
            moved = f", taken from version {self.before}" if self.before not in {"", own} else ""
            return f"{self.version} bears the alias {self.alias}{moved}"
        if self.before == own:
            return f"{self.version} lost the alias {self.alias}; no version bears it now"
        holder = f"version {self.after} keeps it" if self.after else "no version bears it"
        return f"{self.version} did not get the alias {self.alias}; {holder}"


def registered_version(model: str) -> RegisteredVersion:
    """The version that a verdict is about.

    Raises:
        UsageError: the text is not ``models:/NAME/VERSION``; an alias could move between verdict and registration.
    """
    found = parse_version(model)
    if found is None:
        raise UsageError(f"--register {model}", found="no version of a model", todo="write models:/NAME/VERSION")
    return found


def register(
    outcome: GateResult | VisavoxError,
    out: str | Path,
    *,
    model: str,
    alias: str = ALIAS,
    tracking_uri: str | None = None,
) -> Registration:
    """Carries what a gate said of the run in ``out`` to the model's version.

    The registered version has to be the model that the report is about: its files are fetched and digested.

    Args:
        outcome: the gate's result, or the error that it raised.
        out: the run folder.
        model: ``models:/NAME/VERSION``.
        alias: what an approved version bears.
        tracking_uri: by default the environment's ``MLFLOW_TRACKING_URI``.

    Raises:
        UsageError: ``model`` names no version.
        EvidenceError: the report is about another model; the version does not bear the alias then.
        RegistryError: the registry cannot be reached or refuses; after a PASS the version does not bear the alias.
    """
    version, uri, out = registered_version(model), tracking_uri_of(tracking_uri), Path(out)
    if isinstance(outcome, VisavoxError):
        return _marked(version, uri, alias, _tags_of_fault(outcome, out))
    try:
        tags = _tags(outcome, out)
        return _marked(version, uri, alias, tags, report=outcome.report, is_approved=outcome.verdict is Verdict.PASS)
    except EvidenceError as error:
        _marked(version, uri, alias, _tags_of_fault(error, out))
        raise


def _marked(
    version: RegisteredVersion,
    uri: str,
    alias: str,
    tags: Mapping[str, str],
    *,
    report: Report | None = None,
    is_approved: bool = False,
) -> Registration:
    """Writes tags and alias.

    Raises:
        EvidenceError: the version's files are not those that the report binds to; nothing was written.
    """
    subject = "" if report is None else report.subject.digest.sha256
    done = mark(
        version,
        uri,
        alias=alias,
        is_approved=is_approved,
        tags=tags,
        own=TAGS,
        last=_VERDICT,
        description=_description(tags),
        subject=subject,
    )
    if done.other and report is not None:
        raise EvidenceError(
            f"register the verdict on {version}",
            found=f"the report is about {report.subject.name} {report.subject.version} ({subject[:16]}), the files of "
            f"that version are {done.other[:16]}",
            todo="assess the registered files: editor.kind mlflow, or `artifact` a folder of the same files",
        )
    return Registration(version, alias, done.before, done.after, tags)


def _description(tags: Mapping[str, str]) -> str:
    under = f" under {tags['visavox.policy']}" if "visavox.policy" in tags else ""
    return f"{tags[_VERDICT]}{under}, {tags['visavox.gated'][:10]}"


def _tags(result: GateResult, out: Path) -> dict[str, str]:
    """The verdict and the digests of what it rests on.

    Raises:
        EvidenceError: the report on the disk is not the one that was gated.
    """
    report = result.report
    try:
        data = (out / "report.json").read_bytes()
    except OSError as error:
        raise EvidenceError("read the evidence again", found=str(error.strerror), todo="gate again") from error
    if parse_report(data) != report:
        raise EvidenceError("read the report again", found="it changed since it was gated", todo="gate again")
    tags = {
        _VERDICT: result.verdict.value,
        "visavox.reason": _reason(result.reasons, out),
        "visavox.gated": _now(),
        "visavox.run": report.clock.run,
        "visavox.policy": report.policy.id,
        "visavox.policy.sha256": report.policy.digest.sha256,
        "visavox.attestation.sha256": result.attestation_sha256,
        "visavox.report.sha256": sha256_bytes(data),
        "visavox.seal.sha256": report.seal.sha256,
        "visavox.subject.sha256": report.subject.digest.sha256,
    }
    return {key: value for key, value in tags.items() if value}


def _tags_of_fault(error: VisavoxError, out: Path) -> dict[str, str]:
    parts = (error.asked, error.found)
    return {
        _VERDICT: REFUSED,
        "visavox.reason": _reason([": ".join(filter(None, parts))], out),
        "visavox.gated": _now(),
    }


def _reason(reasons: tuple[str, ...] | list[str], out: Path) -> str:
    """Why, in one line without folders of this machine."""
    more = f"; and {len(reasons) - _REASONS} more" if len(reasons) > _REASONS else ""
    text = "; ".join(reasons[:_REASONS]) + more
    for folder in {str(out.absolute()), str(out.resolve()), str(out)} - {".", "/"}:
        text = text.replace(folder, "the run folder")
    text = " ".join(text.split())
    return text if len(text) <= _TAG_CHARACTERS else text[: _TAG_CHARACTERS - 1] + "…"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
