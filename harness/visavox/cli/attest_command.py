"""``visavox attest CONTROL``: a statement of your organisation about what no test shows."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import click
from rich.text import Text

from visavox.api.attesting import Asked, attested_at, draft_attestation, statements_asked, today, write_attestation
from visavox.core.errors import UsageError
from visavox.core.terms import AttestationVerdict, DutyRole, Severity
from visavox.policy.load import load_policy
from visavox.policy.records import Duties
from visavox.reporting.text import wrapped

from .console import columns, console

_YEAR = timedelta(days=365)
_COLOURS = {AttestationVerdict.ATTESTED: "green", AttestationVerdict.MISSING: "yellow"}


@click.command("attest")
@click.argument("control", required=False)
@click.option("--policy", required=True, metavar="P", help="Name or path of the policy that asks.")
@click.option("--owner", metavar="NAME", help="Who answers for the statement.")
@click.option(
    "--evidence", multiple=True, metavar="F", type=click.Path(path_type=Path), help="A file that shows it; repeatable."
)
@click.option(
    "--out", metavar="F", type=click.Path(dir_okay=False, path_type=Path), help="The file to write [CONTROL.yaml]."
)
@click.option(
    "--expires", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which it holds [in a year]."
)
@click.option(
    "--role",
    type=click.Choice([role.value for role in DutyRole]),
    default=DutyRole.BOTH.value,
    show_default=True,
    help="Whose duties it speaks of.",
)
@click.option("--zh", "in_chinese", is_flag=True, help="In the policy's Chinese words.")
@click.option("--remarks", default="", help="Words of your own beside the statement.")
@click.option("--key", metavar="K", type=click.Path(path_type=Path), help="Sign it with this private key.")
@click.option(
    "--list", "is_list", is_flag=True, help="Only say what the policy asks to be attested, and what is there."
)
@click.option(
    "--at", "places", multiple=True, metavar="PATH", help="With --list: attestations, or folders of them; repeatable."
)
def attest_command(
    control: str | None,
    policy: str,
    owner: str | None,
    evidence: tuple[Path, ...],
    out: Path | None,
    expires: object,
    role: str,
    in_chinese: bool,
    remarks: str,
    key: Path | None,
    is_list: bool,
    places: tuple[str, ...],
) -> None:
    """Write what your organisation states of CONTROL, in the policy's words, with digests of the evidence.

    Nothing is tested by it, and a report says so. Evidence lies beside the file that is written, or below; give the
    folder to the suite as `attestations: FOLDER`. Read the statement before you sign it: it has to be true.
    """
    if is_list:
        _list(policy, places, DutyRole(role))
        return
    if control is None:
        raise UsageError(
            "attest a control", found="none is named", todo="`visavox attest --list --policy P` lists them"
        )
    if owner is None and sys.stdin.isatty():
        owner = click.prompt("Who answers for the statement")
    if not owner or not evidence:
        raise UsageError(
            f"attest {control}",
            found="no owner" if not owner else "no evidence",
            todo="give --owner NAME and --evidence FILE",
        )
    file = out or Path(f"{control}.yaml")
    last = getattr(expires, "date", lambda: today() + _YEAR)()
    made = draft_attestation(
        policy,
        control,
        owner=owner,
        evidence=evidence,
        out=file,
        expires=last,
        role=DutyRole(role),
        language="zh" if in_chinese else "en",
        remarks=remarks,
        key=key,
    )
    write_attestation(made, file)
    click.echo(made.statement)
    click.echo(f"{file}: attested by {made.owner} until {made.expires}, on {len(made.evidence)} file(s)", err=True)


def _list(name: str, places: Sequence[str], role: DutyRole) -> None:
    policy = load_policy(name).policy
    duties = Duties(role)
    found = statements_asked(policy, attested_at(places, policy, duties), duties=duties)
    target, width = console(), min(columns(), 100)
    for line in page(found, width):
        target.print(line, soft_wrap=True)
    there = sum(one.card.verdict is AttestationVerdict.ATTESTED for one in found)
    target.print(f"{there} of {len(found)} attested", highlight=False)


def page(found: Sequence[Asked], width: int) -> Iterator[Text]:
    """What is asked, control by control, and what is there."""
    for one in found:
        mark = "" if one.control.severity is Severity.FAIL else f" ({one.control.severity.value})"
        verdict = one.card.verdict.value.replace("_", " ")
        line = Text(f"{one.control.id}{mark}  ")
        line.append(verdict, style=_COLOURS.get(one.card.verdict, "red"))
        yield line
        words = one.control.statement.en if one.control.statement else one.control.title.en
        for part in wrapped(words, width, indent="    "):
            yield Text(part)
        what = f"{one.card.owner}, until {one.card.expires}" if one.card.owner else ""
        why = one.card.reason if one.card.verdict is not AttestationVerdict.MISSING or one.card.owner else ""
        for part in wrapped("; ".join(part for part in (what, why) if part), width, indent="    "):
            yield Text(part, style="dim")
