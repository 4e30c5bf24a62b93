"""Lids, lips, folds: features drawn over the frontal plane that both displace the head and colour it.

So an expression moves geometry and paint together.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .parameters import Params
from .shapes import Points, bare_head, dressing, exp, neck, soft


class Mouth(NamedTuple):
    """Lips over the frontal plane, tensors of shape (n,).

    Attributes:
        upper, lower: 0 to 1 across each lip from its inner edge outwards.
        inside: cm, positive within the open mouth.
        window: 1 in the middle, 0 at the corners.
        line: height of the line between the lips, cm.
    """

    upper: Tensor
    lower: Tensor
    inside: Tensor
    window: Tensor
    line: Tensor


class Eye(NamedTuple):
    """The nearer eye's opening over the frontal plane, tensors of shape (n,).

    Attributes:
        inside: cm, positive within the opening.
        u: -1 to 1 from the inner to the outer corner.
        v: height above the eye's axis, cm.
        top: height of the upper lid's edge, cm.
    """

    inside: Tensor
    u: Tensor
    v: Tensor
    top: Tensor


def mouth(x: Tensor, y: Tensor, q: Params) -> Mouth:
    """The mouth as seen from the points (x, y)."""
    smile, gap = q["smile"], max(q["open"], 0.0)
    t = x / (q["mouth_w"] * (1.0 + 0.16 * smile) * (1.0 - 0.10 * gap))
    window = (1.0 - t * t).clamp_min(0.0)
    line = q["mouth_y"] + smile * 0.34 * (t * t - 0.35).clamp(-1.0, 1.2)
    upper_edge = line + 0.22 * gap * window
    lower_edge = line - 0.95 * gap * window
    thin = 1.0 - 0.22 * max(smile, 0.0)
    bow = 1.0 - q["cupid"] * exp(-((t / 0.13) ** 2))
    upper_h = q["lip_up"] * thin * window**0.8 * bow + 1e-3
    lower_h = q["lip_low"] * thin * window**0.7 + 1e-3
    inside = torch.minimum(upper_edge - y, y - lower_edge)
    return Mouth((y - upper_edge) / upper_h, (lower_edge - y) / lower_h, inside, window, line)


def eye(x: Tensor, y: Tensor, q: Params) -> Eye:
    """The nearer eye as seen from the points (x, y)."""
    dx = x.abs() - q["eye_x"]
    u = dx / q["eye_w"]
    v = y - q["eye_tilt"] * dx
    window = (1.0 - u * u).clamp_min(0.0)
    top = q["eye_up"] * (1.0 - q["blink"]) * window**0.75 * (1.0 - 0.18 * u)
    low = -q["eye_low"] * (1.0 - 0.15 * q["smile"]) * window**0.9
    beyond = (u.abs() - 1.0).clamp_min(0.0) * q["eye_w"]
    return Eye(torch.minimum(top - v, v - low) - beyond, u, v, top)


def fold(ax: Tensor, y: Tensor, q: Params, width: float) -> Tensor:
    """The nasolabial fold, 0 to 1, of the given width in cm; ``ax`` is |x|."""
    t = ((-q["nose_len"] - y) / 3.0).clamp(0.0, 1.3)
    fold_x = q["ala_x"] + 0.95 + (q["mouth_w"] - q["ala_x"] + 0.2) * t
    window = soft(-q["nose_len"] - 0.15 - y, 0.15) * soft(y - q["mouth_y"] - 0.1, 0.25)
    return exp(-(((ax - fold_x) / width) ** 2)) * window


def front(z: Tensor) -> Tensor:
    """1 on the face, 0 behind it."""
    return soft(z - 4.5, 0.3)


def rough_scene(p: Points, q: Params) -> Tensor:
    """Distance (n,) to the nearest thing, without the features."""
    throat = neck(p, q)
    return torch.stack([bare_head(p, throat, q), *dressing(p, throat, q)]).amin(0)


def scene(p: Points, q: Params) -> Tensor:
    """Distances (4, n) to SKIN, HAIR, CLOTH and GLASSES with all features."""
    throat = neck(p, q)
    head = bare_head(p, throat, q)
    is_featured = (p.z > 3.0) & (p.y < 2.6) & (p.y > q["mouth_y"] - 2.5)  # elsewhere the relief is nothing
    featured = is_featured.nonzero()[:, 0]
    head[featured] += _relief(Points(*(c[featured] for c in p)), q)
    return torch.stack([head, *dressing(p, throat, q)])


def _relief(p: Points, q: Params) -> Tensor:
    """What lids, lips and folds add to the distance: positive digs in."""
    (x, y, z), ax = p, p.x.abs()
    e = eye(x, y, q)
    crease = exp(-(((e.v - e.top - q["crease_y"]) / 0.07) ** 2)) * (1.0 - e.u * e.u).clamp_min(0.0)
    eyes = 0.16 * soft(e.inside, 0.035) + 0.07 * q["crease"] * crease
    m = mouth(x, y, q)
    lips = 0.26 * math.sqrt(q["lip_up"]) * _bump(m.upper) + 0.34 * math.sqrt(q["lip_low"]) * _bump(m.lower)
    corners = (m.window * 6.0).clamp(0.0, 1.0)
    groove = exp(-(((y - m.line) / 0.09) ** 2)) * corners
    mouth_relief = 0.10 * groove + 0.25 * soft(m.inside - 0.05, 0.03) * corners - m.window.sqrt() * lips
    nose_y = -q["nose_len"]
    nostril = exp(-(((ax - 0.6 * q["ala_x"]) / 0.36) ** 2) - ((y - nose_y + 0.66) / 0.18) ** 2)
    philtrum = exp(-((x / 0.28) ** 2)) * soft(m.upper - 1.0, 0.15) * soft(nose_y - 0.9 - y, 0.1)
    depth = 0.03 + 0.12 * max(q["age"], 0.0) + 0.06 * max(q["smile"], 0.0)
    return front(z) * (eyes + mouth_relief + 0.08 * nostril + 0.06 * philtrum + depth * fold(ax, y, q, 0.3))


def _bump(s: Tensor) -> Tensor:
    return (s * (1.0 - s)).clamp_min(0.0) * 4.0
