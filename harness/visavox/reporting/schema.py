"""The report as a file: canonical JSON, its published JSON Schema, strict reading."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from visavox.core.digest import canonical_json
from visavox.core.errors import EvidenceError
from visavox.core.report import Report

SCHEMA_ID = "visavox/report/v1"


def report_bytes(report: Report) -> bytes:
    """The report's canonical JSON."""
    return canonical_json(report.model_dump(mode="json", by_alias=True))


def report_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of ``report.json``."""
    schema = Report.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}


def parse_report(data: bytes) -> Report:
    """A report from its bytes.

    Raises:
        EvidenceError: if they are no report of this schema.
    """
    try:
        value = json.loads(data)
        if isinstance(value, dict) and value.get("schema") != SCHEMA_ID:
            raise EvidenceError(
                "read the report",
                found=f"schema {value.get('schema')!r}; this version reads {SCHEMA_ID!r}",
                todo="use the version of visavox that wrote it",
            )
        return Report.model_validate_json(data)
    except (ValueError, ValidationError) as error:
        raise EvidenceError("read the report", found=str(error)[:2000], todo="run the suite again") from error
