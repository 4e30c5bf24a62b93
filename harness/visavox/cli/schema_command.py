"""``visavox schema WHAT``: the JSON Schemas of what is read and written."""

from __future__ import annotations

import json

import click

from visavox.core.comparison import comparison_schema
from visavox.core.suite_schema import suite_schema
from visavox.policy.attestations import Attestation
from visavox.policy.load import Policy
from visavox.reporting.gate_forms import gate_schema
from visavox.reporting.schema import report_schema


@click.command("schema")
@click.argument("what", type=click.Choice(["suite", "report", "policy", "attestation", "comparison", "gate"]))
def schema_command(what: str) -> None:
    """Print the JSON Schema of a suite, a report, a policy, an attestation, a comparison or a gate's outcome."""
    made = {
        "suite": suite_schema,
        "report": report_schema,
        "policy": Policy.model_json_schema,
        "attestation": Attestation.model_json_schema,
        "comparison": comparison_schema,
        "gate": gate_schema,
    }
    schema = made[what]()
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
