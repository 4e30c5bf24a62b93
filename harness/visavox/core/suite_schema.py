"""The JSON Schema of a suite as it is written: short forms, an adapter's params beside its name, defaults left out."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator

from .config import Suite
from .options import OPTIONS

_OPEN = ("DatasetSpec", "RecogniserSpec", "DetectorSpec", "TranscriberSpec", "WatermarkSpec")
"""Records with keys of an adapter's own beside theirs, held as ``params`` once read."""


def suite_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) that an editor can check a suite's YAML against while it is written.

    What a schema cannot say is found when the suite is read: params of an adapter, keys that need one another.
    """
    schema: dict[str, Any] = Suite.model_json_schema()
    definitions, properties = schema["$defs"], schema["properties"]
    for record in OPTIONS.values():
        options = record.model_json_schema()
        definitions |= options.pop("$defs", {})
        definitions[record.__name__] = options
        for name, field in record.model_fields.items():
            if any(isinstance(part, BeforeValidator) for part in field.metadata):
                options["properties"][name] = _one_or_many(options["properties"][name])
    for name in _OPEN:
        definitions[name]["properties"].pop("params")
        definitions[name]["additionalProperties"] = True
    for name in ("RecogniserSpec", "DetectorSpec"):
        definitions[name]["required"].remove("id")
    for key in ("recognisers", "detectors"):
        properties[key]["items"] = _or_name(properties[key]["items"])
    transcriber = definitions["UtilityOptions"]["properties"]["transcriber"]
    transcriber["anyOf"].append({"type": "string"})
    for key in ("operation", "version"):  # what a baseline is, the suite need not say
        definitions["BaselineEditor"]["required"].remove(key)
    properties["attestations"] = _one_or_many(properties["attestations"])
    properties["assessments"] = {"title": "Assessments", "anyOf": [_assessments(), _names()]}
    found: dict[str, Any] = _pairs_as_mappings(schema)
    return found


def _assessments() -> dict[str, Any]:
    """A mapping from names to options, of which none is needed."""
    choices = {name: {"anyOf": [{"$ref": f"#/$defs/{OPTIONS[name].__name__}"}, {"type": "null"}]} for name in OPTIONS}
    return {"type": "object", "properties": choices, "additionalProperties": False, "minProperties": 1}


def _names() -> dict[str, Any]:
    return {"type": "array", "items": {"enum": list(OPTIONS)}, "minItems": 1}


def _or_name(record: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"type": "string"}, record]}


def _one_or_many(many: dict[str, Any]) -> dict[str, Any]:
    """A list, or its one item alone."""
    about = {key: many[key] for key in ("title", "description", "default") if key in many}
    rest = {key: value for key, value in many.items() if key not in about}
    return about | {"anyOf": [rest, many["items"]]}


def _pairs_as_mappings(node: Any) -> Any:
    """Frozen pairs (name, value) are mappings where they are written."""
    if isinstance(node, list):
        return [_pairs_as_mappings(item) for item in node]
    if not isinstance(node, dict):
        return node
    items = node.get("items")
    if isinstance(items, dict) and "prefixItems" in items:
        about = {key: node[key] for key in ("title", "description") if key in node}
        return about | {"type": "object", "additionalProperties": True}
    return {key: _pairs_as_mappings(value) for key, value in node.items()}
