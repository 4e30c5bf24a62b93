"""How a rate is written inside a name, everywhere the same."""

from __future__ import annotations


def rate_in_name(rate: float) -> str:
    """A rate as it stands in a figure's name.

    >>> [rate_in_name(rate) for rate in (1e-3, 1e-2, 2.5e-4, 0.1)]
    ['1e-3', '1e-2', '2.5e-4', '1e-1']
    """
    digits, _, exponent = f"{rate:.6e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"
