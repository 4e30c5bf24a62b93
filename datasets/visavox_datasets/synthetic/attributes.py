"""Ground truth of a synthetic person: sex, age band and skin tone of the drawn parameters.

They say which numbers drew the picture and claim nothing about real people. Each is one parameter's equal part:

- ``sex``: ``female`` where ``masc`` is below its middle, else ``male``. It ties jaw, brows, neck, hair length, hair
  loss and beard.
- ``age_band``: ``young``, ``middle``, ``old``, the thirds of ``age``. It draws wrinkles, folds and grey hair.
- ``skin_tone``: the six bands of the individual typology angle (ITA), which the sixths of ``melanin`` are laid on.

The same three parameters are dealt out evenly (``parameters.stratum``), so any number of people is balanced.

References:
    A. Chardon, I. Cretois, C. Hourseau, Skin colour typology and suntanning pathways, Int. J. Cosmet. Sci. 13 (1991);
    S. Del Bino et al., Relationship between skin response to ultraviolet exposure and skin color type,
    Pigment Cell Res. 19 (2006): the six bands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .parameters import IDENTITY, Params, draw_parameters

SEXES = ("female", "male")
AGE_BANDS = ("young", "middle", "old")
SKIN_TONES = ("very-light", "light", "intermediate", "tan", "brown", "dark")
"""Bands of ITA in degrees: above 55, 41, 28, 10, -30, and below."""


def attributes(seed: int, identity: int) -> dict[str, str]:
    """``sex``, ``age_band`` and ``skin_tone`` of a person.

    >>> attributes(7, 0)
    {'sex': 'female', 'age_band': 'young', 'skin_tone': 'very-light'}
    """
    return attributes_of(draw_parameters(seed, identity, 0))


def attributes_of(drawn: Params) -> dict[str, str]:
    """The same from a person's parameters."""
    return {name: _part(drawn, parameter, names) for name, (parameter, names) in _FROM.items()}


_FROM: Mapping[str, tuple[str, Sequence[str]]] = {
    "sex": ("masc", SEXES),
    "age_band": ("age", AGE_BANDS),
    "skin_tone": ("melanin", SKIN_TONES),
}


def _part(drawn: Params, parameter: str, names: Sequence[str]) -> str:
    low, high = IDENTITY[parameter]
    place = (drawn[parameter] - low) / (high - low)
    return names[min(int(place * len(names)), len(names) - 1)]
