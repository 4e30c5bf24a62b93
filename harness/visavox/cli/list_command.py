"""``visavox list``: what is registered, by kind."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import TypeVar

import click

from visavox.core.registry import Registry
from visavox.policy.load import load_policy, names
from visavox.ports.assessment import assessments
from visavox.ports.consent import load_probes, probe_list_names
from visavox.ports.dataset import datasets
from visavox.ports.detector import detectors
from visavox.ports.editor import baselines, editors
from visavox.ports.perturbation import load_pack, operations, pack_names
from visavox.ports.recogniser import recognisers
from visavox.ports.sink import sinks
from visavox.ports.transcriber import transcribers
from visavox.ports.watermark import watermarks

T = TypeVar("T")


def _rows(registry: Registry[T]) -> Iterable[str]:
    return [f"{name:<22} {registry.summary(name)}".rstrip() for name in registry]


def _packs() -> Iterable[str]:
    """The shipped packs; the operations they are made of are a kind of their own."""
    packs = [load_pack(name) for name in pack_names()]
    return [f"{pack.name:<22} {len(pack.perturbations)} of version {pack.version}: {pack.summary}" for pack in packs]


def _probe_lists() -> Iterable[str]:
    """The shipped lists of consent probes."""
    lists = [load_probes(name) for name in probe_list_names()]
    return [f"{found.name:<22} {len(found.probes)} of version {found.version}: {found.summary}" for found in lists]


def _policies() -> Iterable[str]:
    loaded = {name: load_policy(name).policy for name in names()}
    return [f"{name:<22} version {one.version}: {one.title.en}" for name, one in loaded.items()]


KINDS: dict[str, Callable[[], Iterable[str]]] = {
    "editors": lambda: _rows(editors),
    "baselines": lambda: _rows(baselines),
    "recognisers": lambda: _rows(recognisers),
    "detectors": lambda: _rows(detectors),
    "watermarks": lambda: _rows(watermarks),
    "transcribers": lambda: _rows(transcribers),
    "perturbations": _packs,
    "operations": lambda: _rows(operations),
    "probes": _probe_lists,
    "datasets": lambda: _rows(datasets),
    "assessments": lambda: _rows(assessments),
    "sinks": lambda: _rows(sinks),
    "policies": _policies,
}


class NearChoice(click.Choice[str]):
    """A choice whose error names the nearest word there is."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        known = [str(choice) for choice in self.choices]
        if value not in known:
            near = difflib.get_close_matches(value, known, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            self.fail(f"{value!r} is none of {', '.join(known)}{meant}", param, ctx)
        return value


@click.command("list")
@click.argument("what", required=False, metavar="[KIND]", type=NearChoice(list(KINDS)))
def list_command(what: str | None) -> None:
    """List what is registered: all, or one KIND.

    Kinds: editors, baselines, recognisers, detectors, transcribers, perturbations (packs), operations (their steps),
    probes (of consent), datasets, assessments, sinks, policies.
    """
    for kind, rows in KINDS.items():
        if what in {None, kind}:
            click.echo(kind)
            for row in rows():
                click.echo(f"  {row}")
