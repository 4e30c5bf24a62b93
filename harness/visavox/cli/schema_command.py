"""``visavox schema WHAT``: the JSON Schemas of what is read and written."""

from __future__ import annotations

import json

import click

from visavox.core.comparison import comparison_schema
from visavox.core.config import Suite
from visavox.policy.attestations import Attestation
from visavox.policy.load import Policy
from visavox.reporting.schema import report_schema


@click.command("schema")
@click.argument("what", type=click.Choice(["suite", "report", "policy", "attestation", "comparison"]))
def schema_command(what: str) -> None:
    """Print the JSON Schema of a suite, a report, a policy, an attestation or a comparison."""
    made = {
        "suite": Suite.model_json_schema,
        "report": report_schema,
        "policy": Policy.model_json_schema,
        "attestation": Attestation.model_json_schema,
        "comparison": comparison_schema,
    }
    schema = made[what]()
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
