"""Clipped sounds: by the tool, or before it; the journal keeps which as the reason of an edited case.

A clipped output is an output all the same: every attacker gets it as it is, and what leaks leaks. It counts as not
edited besides, so that no figure that is judged gets better by it. An input that was clipped before is not the tool's
fault: it is counted and said.
"""

from __future__ import annotations

from typing import Final

from visavox.core.records import EditRow
from visavox.core.terms import Outcome
from visavox.media.audio import CLIPPED_SHARE, Audio, clipped_share

_BY_TOOL: Final = "the output is clipped"
_BEFORE: Final = "its input is clipped"


def clipping(output: Audio, source: Audio | None) -> str:
    """What is to be said of an output; empty where neither it nor its input is clipped.

    By the tool: a share of samples at full scale that exceeds the input's by ``CLIPPED_SHARE``.

    Args:
        source: the unedited input; None where it is not known.
    """
    share, before = clipped_share(output), 0.0 if source is None else clipped_share(source)
    if share - before >= CLIPPED_SHARE:
        return f"{_BY_TOOL}: {share:.1%} of its samples at full scale, {before:.1%} of its input's"
    return f"{_BEFORE}: {before:.1%} of the samples at full scale" if before >= CLIPPED_SHARE else ""


def is_clipped(row: EditRow) -> bool:
    """The tool drove the output into clipping."""
    return row.outcome is Outcome.EDITED and row.reason.startswith(_BY_TOOL)


def has_clipped_input(row: EditRow) -> bool:
    """The case was edited, and its input was clipped before."""
    return row.outcome is Outcome.EDITED and row.reason.startswith(_BEFORE)
