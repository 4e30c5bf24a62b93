"""Codes of the rules that labels in files break, and of remarks on them: all that a run keeps of what files say."""

from __future__ import annotations

from typing import Final

LABEL_KEYS: Final = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
"""The seven keys of GB 45438-2025 in the order of Annex E b)."""
AIGC_RULES: Final = frozenset(
    {"gb45438-6.1c-one-label", "gb45438-E.a-field-name", "gb45438-E.b-format", "gb45438-E.b-keys", "gb45438-E.c-value"}
    | {f"gb45438-6.1a-{key}" for key in LABEL_KEYS if not key.startswith("Reserved")}
    | {f"gb45438-E.{letter}-text" for letter in "cdefghi"}
)
AIGC_REMARKS: Final = frozenset(
    {
        "gb45438-E-note1-first-write",
        "gb45438-E.b-further-keys",
        "gb45438-E.c-platform-value",
        "gb45438-E.j-characters",
        "tc260-pg-place",
    }
)
IPTC_RULES: Final = frozenset({"digital-source-type-fit", "digital-source-type-uri"})
C2PA_RULES: Final = IPTC_RULES | {"c2pa-created-source-type", "c2pa-first-action", "c2pa-opened-parent"}
