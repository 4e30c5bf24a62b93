"""The report as a file: canonical JSON, its published JSON Schema, strict reading.

``report.json`` is the canonical form of RFC 8785: any other implementation of it gives the same bytes for the same
record. Digests of seals and plans keep the older form of ``core.digest.canonical_json``, which earlier runs hold.

References: Rundgren, Jordan and Erdtman (2020), JSON Canonicalization Scheme (JCS), RFC 8785.
"""

from __future__ import annotations

import json
from typing import Any

import rfc8785
from pydantic import ValidationError

from visavox.core.errors import EvidenceError, LedgerError
from visavox.core.report import Report

SCHEMA_ID = "visavox/report/v1"


def report_bytes(report: Report) -> bytes:
    """The report's canonical JSON (RFC 8785), without a line feed at its end.

    Raises:
        LedgerError: a whole number in it is beyond 2**53 - 1: readers would take it for another one.
    """
    try:
        return rfc8785.dumps(report.model_dump(mode="json", by_alias=True))
    except rfc8785.IntegerDomainError as error:
        raise LedgerError(
            "write report.json",
            found=f"{error}: readers of JSON hold numbers as doubles",
            todo="seeds and ids stand in a table as text",
        ) from error


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
