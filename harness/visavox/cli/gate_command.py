"""``visavox gate DIR``: the verdict as an exit code."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click

from visavox import api
from visavox.api.gate_outcome import gate_record
from visavox.core.errors import EvidenceError, RunFolderError, VisavoxError
from visavox.core.gate_record import GateRecord
from visavox.core.terms import Verdict
from visavox.reporting.gate_forms import gate_json, gate_junit, gate_lines, gate_markdown
from visavox.reporting.text import wrapped
from visavox.reporting.wording import uncommanded, visible

from .console import columns
from .gate_registry import carry, carry_fault, registry_options, target

_FILE = click.Path(path_type=Path, allow_dash=False)


@click.command("gate")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--policy", help="Name or path; refused where the run was sealed under another.")
@click.option("--model", type=_FILE, help="The model to release: its file or folder, digested again.")
@click.option("--attestation", type=_FILE, help="By default DIR/attestation.intoto.json, where keys are given.")
@click.option("--trusted-keys", type=_FILE, multiple=True, help="A public key that has to have signed; repeatable.")
@click.option("--max-age", metavar="365d", help="Refuse a report older than so many days.")
@click.option("--waivers", type=_FILE, help="YAML: failed runs that may stand beside this one.")
@click.option(
    "--recompute/--no-recompute",
    default=None,
    help="Make every figure again from the run's scores; by default where no trusted key has signed.",
)
@click.option("--junit", type=_FILE, help="Write the outcome as JUnit XML.")
@click.option("--markdown", type=_FILE, help="Append the outcome as Markdown, for the summary of a job.")
@click.option("--json", "json_to", metavar="FILE|-", help="Write the outcome as JSON; - for standard output.")
@registry_options
def gate_command(
    folder: Path,
    policy: str | None,
    model: Path | None,
    attestation: Path | None,
    trusted_keys: tuple[Path, ...],
    max_age: str | None,
    waivers: Path | None,
    recompute: bool | None,
    junit: Path | None,
    markdown: Path | None,
    json_to: str | None,
    register: str | None,
    alias: str,
    tracking_uri: str | None,
) -> Verdict:
    """Check the evidence in DIR and exit by its verdict: 0 PASS, 1 FAIL, 2 INCONCLUSIVE, 3 refused."""
    to = target(register, alias, tracking_uri)
    age = _days(max_age)
    with _nothing_unforeseen(folder):
        try:
            result = api.gate(
                folder,
                policy=policy,
                max_age=age,
                model=model,
                attestation=attestation,
                trusted_keys=trusted_keys,
                waivers=waivers,
                recompute=recompute,
            )
        except VisavoxError as error:
            _write_refusal(error, junit, markdown, json_to)
            carry_fault(error, folder, to)
            raise
        record = gate_record(result)
        try:
            _write(record, junit, markdown, json_to)
            for line in gate_lines(record):
                click.echo("\n".join(_folded(line)), err=json_to == "-")
            for warning in record.warnings:
                click.echo("\n".join(_folded(f"warning: {visible(warning)}")), err=True)
        except (VisavoxError, OSError) as error:  # a gate whose outcome is lost is no PASS in the registry either
            carry_fault(
                RunFolderError(f"write the outcome of the gate, {record.outcome}", found=str(error)), folder, to
            )
            raise
        carry(result, folder, to)
    return result.verdict


@contextmanager
def _nothing_unforeseen(folder: Path) -> Iterator[None]:
    """What nobody foresaw is one line and no verdict, never a trace."""
    try:
        yield
    except (VisavoxError, click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except Exception as error:
        raise EvidenceError(
            f"gate {folder}",
            found=f"what nobody foresaw: {type(error).__name__}: {' '.join(str(error).split())}"[:500],
            todo="there is no verdict; please report this",
        ) from error


def _write_refusal(error: VisavoxError, junit: Path | None, markdown: Path | None, json_to: str | None) -> None:
    """The forms of a refusal; where they cannot be written, the refusal is still what is reported."""
    try:
        _write(gate_record(error), junit, markdown, json_to)
    except VisavoxError as second:
        click.echo(f"visavox: {second}", err=True)


def _folded(line: str) -> list[str]:
    """A line as wide as the page; its own indent stays."""
    indent = line[: len(line) - len(line.lstrip())]
    return [uncommanded(part) for part in wrapped(line.lstrip(), columns(), indent=indent, is_cut=False)]


def _write(record: GateRecord, junit: Path | None, markdown: Path | None, json_to: str | None) -> None:
    """The forms that were asked for, whatever the outcome.

    Raises:
        RunFolderError: one cannot be written; a gate whose outcome is lost is no PASS.
    """
    if json_to == "-":
        click.echo(gate_json(record).decode(), nl=False)
    elif json_to is not None:
        _replace(Path(json_to), gate_json(record))
    if junit is not None:
        _replace(junit, gate_junit(record))
    if markdown is not None:
        try:
            with markdown.open("a", encoding="utf-8") as stream:
                stream.write(gate_markdown(record))
        except OSError as error:
            raise RunFolderError(
                f"write {markdown}", found=str(error), todo="name a file that can be written"
            ) from error


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunFolderError(f"write {path}", found=str(error), todo="name a file that can be written") from error


def _days(text: str | None) -> timedelta | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})d", text)
    if match is None:
        raise click.UsageError(f"--max-age {text}: write days, for example 365d")
    return timedelta(days=int(match[1]))
