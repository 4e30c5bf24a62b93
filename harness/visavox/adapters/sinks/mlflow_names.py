"""How a figure is called in MLflow.

A figure is known by its name, recogniser, attacker, operating point and group. MLflow knows metrics by one text of at
most 250 of the characters ``A-Z a-z 0-9 _ - . /`` and blank, so the five are joined:

    name / recogniser [/ attacker] [/ fmr_RATE] [/ group_GROUP]

A part that is absent is left out; only the recogniser's place is then held by ``-``, unless nothing follows. Beside
the value stand ``.low`` and ``.high`` (two-sided 95 % interval), ``.upper`` (one-sided bound at the figure's alpha;
``.lower`` too where more is safer), and ``.n`` (trials). Different figures have different keys.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from visavox.core.digest import sha256_bytes
from visavox.core.figures import Estimate, NoOperatingPoint
from visavox.core.names import rate_in_name
from visavox.core.terms import Direction

LONGEST = 240
"""Characters of a key without its ending: ``.upper`` and MLflow's 250 leave no more than 244."""
_DIGEST_DIGITS = 16
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.\- ]|_(?=x)|^ | $")
_ENDING = re.compile(r"\.(?=(?:low|high|upper|lower|n)$)")


def escaped(text: str) -> str:
    """A text as one part of a key; ``unescaped`` is its inverse.

    What MLflow refuses becomes ``_xHEX_`` with the character's code point, and so does what would be mistaken for
    something else: an underscore before an ``x``, outer blanks, dots alone, a figure's ending, a lone ``-``.

    >>> [escaped(text) for text in ("mobileface", "sex=female", "map[1]", "a/b", "r.low", "..")]
    ['mobileface', 'sex_x3d_female', 'map_x5b_1_x5d_', 'a_x2f_b', 'r_x2e_low', '_x2e__x2e_']
    """
    if not text.strip(".") or text == "-":
        return "".join(_hex(letter) for letter in text) or "_x_"
    return _ENDING.sub("_x2e_", _FORBIDDEN.sub(lambda found: _hex(found[0]), text))


def unescaped(part: str) -> str:
    """The text that ``escaped`` made this part from.

    >>> unescaped("sex_x3d_female")
    'sex=female'
    """
    return re.sub(r"_x([0-9a-f]*)_", lambda found: chr(int(found[1], 16)) if found[1] else "", part)


def _hex(letter: str) -> str:
    return f"_x{ord(letter):x}_"


def bounded(key: str, longest: int = LONGEST) -> str:
    """The key itself if it is short enough, else its beginning and a digest, ``longest`` characters together."""
    if len(key) < longest:
        return key
    digest = sha256_bytes(key.encode())[:_DIGEST_DIGITS]
    return f"{key[: longest - _DIGEST_DIGITS - 1]}-{digest}"


def metric_key(estimate: Estimate) -> str:
    """The figure's key, without an ending: ``subject_match_rate/dlib/lazy_informed/fmr_1e-3``."""
    return bounded("/".join(_parts(estimate)))


def metric_keys(estimates: Sequence[Estimate]) -> list[str]:
    """The key of each figure of one assessment, in the same order.

    Figures that differ in nothing but their kind of comparison, or in nothing at all, are told apart by a further part.
    """
    names = ["/".join(_parts(estimate)) for estimate in estimates]
    counts = Counter(names)
    names = [
        f"{name}/{_kind(estimate)}" if counts[name] > 1 else name
        for name, estimate in zip(names, estimates, strict=True)
    ]
    counts, seen = Counter(names), Counter[str]()
    keys = []
    for name in names:
        seen[name] += 1
        keys.append(bounded(f"{name}/figure_{seen[name]}" if counts[name] > 1 else name))
    return keys


def _parts(estimate: Estimate) -> list[str]:
    point = estimate.operating_point
    judge = escaped(estimate.recogniser) if estimate.recogniser else "-"
    rest = [
        estimate.attacker.value if estimate.attacker else "",
        "" if isinstance(point, NoOperatingPoint) else f"fmr_{rate_in_name(point.target_fmr)}",
        "" if estimate.group is None else f"group_{escaped(estimate.group)}",
    ]
    further = [part for part in rest if part]
    return [escaped(estimate.name), *([judge] if estimate.recogniser or further else []), *further]


def _kind(estimate: Estimate) -> str:
    point = estimate.operating_point
    return "kind_" + ("" if isinstance(point, NoOperatingPoint) else escaped(point.kind))


def metrics_of(key: str, estimate: Estimate) -> dict[str, float]:
    """The figure's numbers under its key and endings."""
    numbers = {
        key: estimate.value,
        f"{key}.low": estimate.low,
        f"{key}.high": estimate.high,
        f"{key}.upper": estimate.upper,
        f"{key}.n": float(estimate.n),
    }
    if estimate.direction is Direction.HIGHER_IS_SAFER:
        numbers[f"{key}.lower"] = estimate.lower
    return numbers
