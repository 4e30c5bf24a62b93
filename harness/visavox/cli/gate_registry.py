"""``visavox gate --register``: what the gate said, carried to a version of a registered model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from visavox.api.gating import GateResult
from visavox.core.errors import UsageError, VisavoxError
from visavox.reporting.text import wrapped

from .console import columns

if TYPE_CHECKING:
    from visavox.api.registering import Registration

F = TypeVar("F", bound=Callable[..., object])


class Target(NamedTuple):
    """Where to; nowhere without a model."""

    model: str | None
    alias: str
    tracking_uri: str | None


def registry_options(command: F) -> F:
    """The options; click hands them over as ``register``, ``alias`` and ``tracking_uri``."""
    for option in (
        click.option("--tracking-uri", metavar="URI", help="MLflow's; by default MLFLOW_TRACKING_URI."),
        click.option("--alias", default="approved", show_default=True, help="What --register gives on PASS alone."),
        click.option("--register", metavar="models:/NAME/VERSION", help="Tag this version of a model in MLflow."),
    ):
        command = option(command)
    return command


def target(model: str | None, alias: str, tracking_uri: str | None) -> Target:
    """Checks what was asked before anything is gated.

    Raises:
        UsageError: the model is no version of a registered one.
    """
    if model is not None:
        from visavox.api.registering import registered_version

        registered_version(model)
    return Target(model, alias, tracking_uri)


def carry_fault(error: VisavoxError, folder: Path, to: Target) -> None:
    """Tells the registry that the evidence was refused; a user's own mistake in words tells it nothing.

    Raises nothing: the first error is the one to report, and what becomes of the alias stands on standard error.
    """
    if to.model is None or isinstance(error, UsageError):
        return
    try:
        said = str(_registered(error, folder, to))
    except VisavoxError as second:
        said = f"the alias {to.alias} may still be on {to.model}: {second}"
    click.echo("\n".join(wrapped(said, columns(), is_cut=False)), err=True)


def carry(result: GateResult, folder: Path, to: Target) -> None:
    """Tells the registry the verdict, and says what became of the alias.

    Raises:
        VisavoxError: the registry cannot be reached, or the version is not the model that the report is about.
    """
    if to.model is not None:
        click.echo("\n".join(wrapped(str(_registered(result, folder, to)), columns(), is_cut=False)))


def _registered(outcome: GateResult | VisavoxError, folder: Path, to: Target) -> Registration:
    from visavox.api.registering import register

    return register(outcome, folder, model=str(to.model), alias=to.alias, tracking_uri=to.tracking_uri)
