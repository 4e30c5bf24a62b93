"""Colours of skin, eyes, lips, hair, clothes and backdrop, in linear RGB.

Colours are tensors of shape (3, n) or (3, 1), weights of shape (n,).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from .features import Eye, Mouth, eye, fold, front, mouth
from .parameters import Params
from .shapes import Number, Points, exp, noise, soft

Rgb: TypeAlias = tuple[float, float, float]

_SKIN: Sequence[Rgb] = (
    (0.96, 0.83, 0.76),
    (0.91, 0.73, 0.61),
    (0.79, 0.58, 0.44),
    (0.58, 0.40, 0.29),
    (0.37, 0.25, 0.19),
)
# Places on the ramp where the individual typology angle of the colour is 55, 41, 28, 10 and -30 degrees: equal parts of
# ``melanin`` are the six bands of skin tone.
_TONE_BANDS = (0.0, 0.227, 0.405, 0.524, 0.669, 0.891, 1.0)
_HAIR: Sequence[Rgb] = (
    (0.07, 0.055, 0.05),
    (0.17, 0.11, 0.08),
    (0.33, 0.21, 0.13),
    (0.50, 0.27, 0.13),
    (0.72, 0.55, 0.33),
)
_IRIS: Sequence[Rgb] = (
    (0.22, 0.12, 0.06),
    (0.38, 0.23, 0.11),
    (0.42, 0.40, 0.20),
    (0.38, 0.52, 0.55),
    (0.35, 0.52, 0.72),
)
_CLOTH: Sequence[Rgb] = (
    (0.75, 0.2, 0.2),
    (0.8, 0.7, 0.3),
    (0.3, 0.6, 0.4),
    (0.25, 0.4, 0.7),
    (0.5, 0.3, 0.55),
    (0.6, 0.6, 0.6),
)
_FRAME: Sequence[Rgb] = ((0.55, 0.5, 0.45), (0.25, 0.14, 0.08), (0.05, 0.05, 0.06))
_BACKDROP: Sequence[Rgb] = (
    (0.75, 0.72, 0.68),
    (0.55, 0.62, 0.70),
    (0.60, 0.66, 0.56),
    (0.70, 0.60, 0.52),
    (0.5, 0.5, 0.52),
)
_GAMMA = 2.2
_LIGHTS = 6


class Skin(NamedTuple):
    """Skin at n points: albedo (3, n), gloss (n,), how much of an eyeball it is (n,), cm from its iris (2, n)."""

    albedo: Tensor
    gloss: Tensor
    is_eye: Tensor
    from_iris: Tensor


def linear(rgb: Rgb) -> Rgb:
    """Display colour to linear light."""
    return (rgb[0] ** _GAMMA, rgb[1] ** _GAMMA, rgb[2] ** _GAMMA)


def ramp(position: float, stops: Sequence[Rgb]) -> Rgb:
    """Colour at ``position`` in [0, 1] of a piecewise linear palette of display colours, as linear light."""
    place = min(max(position, 0.0), 1.0) * (len(stops) - 1)
    index = min(int(place), len(stops) - 2)
    low, high, t = linear(stops[index]), linear(stops[index + 1]), place - index
    return (low[0] + (high[0] - low[0]) * t, low[1] + (high[1] - low[1]) * t, low[2] + (high[2] - low[2]) * t)


def flat(rgb: Rgb, like: Tensor) -> Tensor:
    """One colour as a (3, 1) tensor."""
    return torch.tensor(rgb, device=like.device, dtype=like.dtype)[:, None]


def mix(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Blends colours: ``a`` where the weight is 0, ``b`` where it is 1."""
    return a + (b - a) * weight


def hair_rgb(q: Params) -> Rgb:
    """Hair colour, greyed by age."""
    r, g, b = ramp(q["hair_tone"], _HAIR)
    return (r + (0.42 - r) * q["grey"], g + (0.42 - g) * q["grey"], b + (0.42 - b) * q["grey"])


def cloth_rgb(q: Params) -> Rgb:
    """Mean colour of the shirt."""
    r, g, b = ramp(q["cloth_hue"], _CLOTH)
    grey, value = 0.4 * (r + g + b) / 3.0, 1.5 * q["cloth_val"]
    return (value * (0.6 * r + grey), value * (0.6 * g + grey), value * (0.6 * b + grey))


def cloth_albedo(p: Points, q: Params) -> Tensor:
    """Cloth albedo (3, n): folds, weave, and stripes for some."""
    x, y, z = p
    weave = 1.0 + 0.10 * noise(x, y * 0.4, z, 0.5) + 0.14 * noise(x * 1.5, y * 1.5, z, 4.0)
    if q["stripes"] > 0.6:
        weave = weave * (1.0 - 0.45 * soft(torch.sin(y * (2.0 + 4.0 * (1.0 - q["stripes"]))) - 0.3, 0.08))
    return flat(cloth_rgb(q), x) * weave


def frame_rgb(q: Params) -> Rgb:
    """Colour of the glasses."""
    return ramp(q["glass_tone"], _FRAME)


def backdrop(u: Tensor, v: Tensor, q: Params) -> Tensor:
    """Out-of-focus backdrop (3, n) at image-plane points u, v in [-1, 1]: a lit wall, or a place with far lights."""
    seed = q["bg_seed"]
    depth = torch.full_like(u, 0.37 * seed)
    blotches = 0.5 * noise(u * 0.8, v * 0.8, depth, 1.5) + 0.25 * noise(u + 7.0, v, depth + 3.0, 4.0)
    wall = flat(ramp(q["bg_hue"], _BACKDROP), u)
    shade = 1.0 + 0.25 * blotches + 0.12 * v - 0.30 * ((u - 0.6 * q["light_x"]) ** 2 + (v - 0.4) ** 2)
    if q["bg_place"] < 0.5:
        return wall * (q["bg_val"] * shade.clamp_min(0.25)).clamp_min(0.02)
    other = flat(ramp((q["bg_hue"] + 0.45) % 1.0, _BACKDROP), u) * 0.5
    areas = soft(noise(u * 0.5, v * 0.25, depth, 2.0) + 0.4 * v - 0.1, 0.12)
    colour = mix(other, wall, areas) * (q["bg_val"] * (1.0 + 0.45 * blotches)).clamp_min(0.02)
    for number in range(_LIGHTS):
        place_u, place_v, size, tint = (_hashed(seed, 4 * number + part) for part in range(4))
        distance = ((u - 2.4 * place_u + 1.2) ** 2 + (v - 1.4 * place_v + 0.3) ** 2).sqrt()
        disc = soft(0.06 + 0.12 * size - distance, 0.012) * (0.10 + 0.22 * size)
        colour = colour + flat((1.0, 0.75 + 0.2 * tint, 0.45 + 0.5 * tint), u) * (disc * q["bg_val"])
    return colour


def _hashed(seed: float, number: int) -> float:
    """A number in [0, 1) that looks drawn."""
    return (math.sin(seed * 12.9898 + number * 78.233) * 43758.5453) % 1.0


def hair_albedo(p: Points, q: Params) -> tuple[Tensor, Tensor]:
    """Hair albedo (3, n) and the strand signal (n,) that bends its normals."""
    x, y, z = p
    part = 2.2 * q["hair_part"]
    waves = 0.5 * torch.sin(1.1 * y) + 0.25 * torch.sin(2.3 * y + x)
    a = torch.atan2(x - 0.4 * part, z + 1.0) * 7.0 + q["hair_curl"] * waves
    fine, locks = noise(a, y * 0.03, z * 0.02, 6.0), noise(a + 3.0, y * 0.05, z * 0.02, 1.6)
    strand = 0.55 * fine + 0.45 * locks
    parting = exp(-(((x - part) / 0.16) ** 2)) * soft(y - 6.5, 0.8) * soft(z + 2.0, 0.8)
    colour = flat(hair_rgb(q), x) * (1.0 + 0.75 * strand).clamp_min(0.25)
    return mix(colour, flat(_base_rgb(q), x) * 0.6, 0.5 * (1.0 - q["hair_curl"]) * parting), strand


def skin(p: Points, q: Params) -> Skin:
    """The painted face: complexion, age, facial hair, mouth, brows and eyes, in this order."""
    x, y, z = p
    ax, ahead = x.abs(), front(z)
    e, m = eye(x, y, q), mouth(x, y, q)
    nose = exp(-((x / 1.3) ** 2) - (y + q["nose_len"]) ** 2)
    base = _base_rgb(q)
    colour = _complexion(p, ax, ahead, nose, base, q)
    colour = colour * (1.0 - ahead * _ageing(p, ax, e, q))
    colour, beard = _facial_hair(colour, p, ax, ahead, m, q)
    colour, lips = _mouth(colour, p, ahead, m, base, q)
    nostril = exp(-1.2 * (((ax - 0.6 * q["ala_x"]) / 0.34) ** 2 + ((y + q["nose_len"] + 0.68) / 0.15) ** 2))
    colour = colour * (1.0 - 0.7 * ahead * nostril)
    brow = _brow(ax, y, q) * ahead
    strand = 0.8 + 0.45 * noise(x * 2.0 + y * 2.5, y * 0.8, torch.zeros_like(z), 4.0)
    dark = flat(hair_rgb(q), x) * 0.8
    colour = mix(colour, dark, (brow * strand * q["brow_dens"]).clamp(0.0, 0.95))
    is_eye = soft(e.inside, 0.022) * ahead
    from_iris = torch.stack([e.u * q["eye_w"] - torch.sign(x) * q["gaze_x"], e.v - q["gaze_y"] - 0.05])
    rim = flat((base[0], base[1] * 0.70, base[2] * 0.68), x)  # the wet edge of the lower lid, and the inner corner
    edge = exp(-(((e.inside + 0.02) / 0.05) ** 2)) * (e.v < 0.0) + 0.9 * soft(-0.86 - e.u, 0.03) * is_eye
    colour = mix(colour, _eyeball(from_iris, e, q), is_eye)
    colour = mix(colour, rim, (0.55 * edge * ahead).clamp(0.0, 1.0)) * _lashes(e, ahead, q)
    forehead = exp(-(((y - 4.0) / 2.0) ** 2) - (x / 3.0) ** 2)
    pores = 0.75 + 0.5 * noise(x, y, z, 6.0)
    gloss = (0.28 + 0.28 * nose * ahead + 0.12 * forehead * ahead) * pores + 0.45 * lips
    gloss = gloss * (1.0 - 0.9 * beard) * (1.0 - brow)
    from_iris = torch.stack([torch.sign(x) * from_iris[0], from_iris[1]])
    return Skin(colour, gloss, is_eye, from_iris)


def tone_rgb(melanin: float) -> Rgb:
    """Skin colour before undertone, linear light; each sixth of ``melanin`` is one band of ITA."""
    place = min(max(melanin, 0.0), 1.0) * 6.0
    index = min(int(place), 5)
    low, high = _TONE_BANDS[index : index + 2]
    return ramp(low + (high - low) * (place - index), _SKIN)


def _base_rgb(q: Params) -> Rgb:
    r, g, b = tone_rgb(q["melanin"])
    tone = q["undertone"]
    return (r * (1.0 + 0.03 * tone), g * (1.0 - 0.01 * tone), b * (1.0 - 0.08 * tone))


def _complexion(p: Points, ax: Tensor, ahead: Tensor, nose: Tensor, base: Rgb, q: Params) -> Tensor:
    """Base colour with flush, mottling and freckles."""
    x, y, z = p
    n1, n2, n3 = noise(x, y, z, 0.35), noise(x, y, z, 1.3), noise(x, y, z, 5.0)
    cheeks = exp(-(((ax - 4.2) / 1.7) ** 2) - ((y + 3.8) / 1.6) ** 2)
    flush = q["blush"] * (0.8 * cheeks + 0.5 * nose) * ahead + 0.25 * q["mottle"] * n1
    colour = flat(base, x) * (1.0 + flush.clamp(-0.3, 1.2) * flat((0.06, -0.20, -0.22), x))
    colour = colour * (1.0 + q["mottle"] * (0.05 * n1 + 0.05 * n2 + 0.045 * n3))
    if q["freckles"] <= 0.0:
        return colour
    spots = soft(noise(x + 31.0, y, z, 3.1) + 0.35 * noise(x, y + 9.0, z, 6.0) - 0.55, 0.05)
    return colour * (1.0 - 0.42 * q["freckles"] * spots * exp(-(((y + 2.6) / 3.2) ** 2)) * ahead)


def _ageing(p: Points, ax: Tensor, e: Eye, q: Params) -> Tensor:
    """How much darker (0 to 1) bags, lids, wrinkles and folds are."""
    x, y, z = p
    bag = exp(-((e.u / 0.9) ** 2) - ((e.v + q["eye_low"] + 0.35) / 0.35) ** 2)
    lid = exp(-(e.u**2) - ((e.v - e.top - 0.2) / 0.35) ** 2)
    age = max(q["age"], 0.0)
    # The two darkenings multiply, as glazes do.
    shade = q["under_eye"] * 0.35 * bag + 0.18 * lid
    wrinkles = (0.02 + 0.16 * age) * fold(ax, y, q, 0.25)
    if age > 0.0:
        phase = (y - 4.6 + 0.03 * x * x + 0.25 * noise(x, y, z, 1.3)) / 0.95
        brow_lines = _stripes(phase, 0.09) * soft(y - 3.2, 0.2) * soft(6.3 - y, 0.2) * soft(3.8 - ax, 0.5)
        crow_feet = _stripes(e.v * 2.2 + 0.15 * e.u, 0.13) * exp(-(((e.u - 1.55) / 0.3) ** 2))
        wrinkles = wrinkles + age * (0.30 * brow_lines + 0.25 * crow_feet * soft(0.7 - e.v.abs(), 0.1))
    return shade + wrinkles - shade * wrinkles


def _stripes(phase: Tensor, width: float) -> Tensor:
    return exp(-((((phase + 50.5) % 1.0 - 0.5) / width) ** 2))


def _facial_hair(
    colour: Tensor, p: Points, ax: Tensor, ahead: Tensor, m: Mouth, q: Params
) -> tuple[Tensor, Tensor | float]:
    """Moustache, beard and stubble; also how dense the hair is."""
    density = {name: min(max(q[name] / 0.5, 0.0), 1.0) for name in ("moustache", "beard")}
    if q["masc"] <= 0.4:  # such people have neither (see parameters), and stubble comes in from 0.6 on
        return colour, 0.0
    x, y, z = p
    moustache = soft(y - q["mouth_y"] - 0.35, 0.12) * soft(-q["nose_len"] - 0.75 - y, 0.15)
    moustache = moustache * soft(q["mouth_w"] + 0.35 - ax, 0.2) * soft(m.upper - 1.0, 0.12)
    cheek_edge = -4.6 - 0.448 * (4.6 - ax).clamp_min(0.0)
    beard = soft(cheek_edge - y, 0.35) * soft(z - 0.5, 0.8) * soft(y + 13.5, 0.8)
    chin = soft(y - q["mouth_y"] + q["lip_low"] + 0.45, 0.15)
    beard = beard * (1.0 - soft(q["mouth_w"] + 0.2 - ax, 0.25) * chin)
    dense = torch.maximum(moustache * density["moustache"], beard * density["beard"]).clamp(0.0, 0.93)
    rough = 0.75 + 0.5 * noise(x * 3.0, y * 1.2, z * 3.0, 3.0)
    stubble = 0.16 * (1.0 - q["hair_tone"]) * _step((q["masc"] - 0.6) / 0.05)
    weight = (dense * rough).clamp(0.0, 0.96) * ahead + stubble * torch.maximum(moustache, beard) * (1.0 - dense)
    return mix(colour, flat(hair_rgb(q), x), weight), dense


def _mouth(colour: Tensor, p: Points, ahead: Tensor, m: Mouth, base: Rgb, q: Params) -> tuple[Tensor, Tensor]:
    """Lips, teeth and the line between the lips; also where the lips are."""
    x, y, z = p
    lips = torch.maximum(
        soft(torch.minimum(m.upper, 1.0 - m.upper), 0.07), soft(torch.minimum(m.lower, 1.0 - m.lower), 0.07)
    )
    lips = lips * (m.window * 10.0).clamp(0.0, 1.0) * ahead
    natural = flat((base[0] * 0.88, base[1] * 0.60, base[2] * 0.62), x)
    tint = flat(linear((0.78, 0.36, 0.38)), x) * (2.2 * sum(base) / 3.0)
    painted = natural + (tint - natural) * (q["lip_tint"] * 0.6 * (1.2 - q["masc"]))
    colour = mix(colour, painted * (0.92 + 0.10 * noise(x * 6.0, y, z, 2.5)), lips * 0.85)
    corners = (m.window * 8.0).clamp(0.0, 1.0)
    if q["open"] > -0.05:
        seam = 1.0 - 0.25 * exp(-((((x / 0.8 + 50.0) % 1.0 - 0.5) / 0.06) ** 2))
        teeth = flat(linear((0.88, 0.85, 0.79)), x) * seam * (0.5 + 0.5 * m.window)
        zone = soft(y - (m.line - 0.42 * max(q["open"], 0.0) - 0.04), 0.05)
        mouth_rgb = mix(flat(linear((0.22, 0.08, 0.08)), x), teeth, zone)
        colour = mix(colour, mouth_rgb, soft(m.inside - 0.02, 0.02) * ahead * corners)
    closed = _step((0.05 - q["open"]) / 0.02)
    seal = exp(-(((y - m.line) / 0.07) ** 2)) * corners
    return colour * (1.0 - 0.55 * closed * ahead * seal), lips


def _step(v: float) -> float:
    return 1.0 / (1.0 + math.exp(-v))


def _brow(ax: Tensor, y: Tensor, q: Params) -> Tensor:
    t = (ax - q["brow_in"]) / q["brow_len"]
    arch = q["brow_arch"] * (1.0 - ((t - 0.62) / 0.62) ** 2)
    height = q["brow_y"] + q["brow_raise"] * 0.45 + q["brow_tilt"] * (ax - 3.0) + arch
    half = 0.5 * q["brow_h"] * (1.0 - 0.65 * t.clamp(0.0, 1.0) ** 2) + 0.03
    return soft(half - (y - height).abs(), 0.045) * soft(t, 0.035) * soft(1.0 - t, 0.05)


def _eyeball(from_iris: Tensor, e: Eye, q: Params) -> Tensor:
    """Sclera, iris and pupil, shaded by the upper lid."""
    gaze_x, gaze_y = from_iris
    r, radius = (gaze_x * gaze_x + gaze_y * gaze_y).sqrt(), q["iris_r"]
    angle = torch.atan2(gaze_y, gaze_x)
    spokes = 1.0 + 0.35 * torch.sin(angle * 17.0 + 3.0 * torch.sin(angle * 5.0))
    iris: Tensor = flat(ramp(q["iris_hue"], _IRIS), gaze_x) * (0.85 + 0.35 * (r / radius) * spokes)
    iris = iris * (1.0 - 0.65 * soft(r - radius + 0.07, 0.02)) * (1.0 - 0.97 * soft(0.23 - r, 0.02))
    sclera = flat(linear((0.86, 0.82, 0.80)), gaze_x) * (1.0 - 0.35 * e.u.abs().clamp(0.0, 1.0) ** 2)
    return mix(sclera, iris, soft(radius - r, 0.02)) * (0.42 + 0.58 * soft(e.top - e.v - 0.13, 0.06))


def _lashes(e: Eye, ahead: Tensor, q: Params) -> Tensor:
    """Factor (n,) by which the lash lines darken."""
    upper = exp(-(((e.v - e.top - 0.02) / 0.055) ** 2)) * soft(1.03 - e.u.abs(), 0.03)
    lower = exp(-((e.inside / 0.04) ** 2)) * (e.v < 0) * soft(1.0 - e.u.abs(), 0.03)
    strength: Number = 0.85 - 0.25 * q["masc"]
    return (1.0 - ahead * (strength * upper + 0.28 * lower)).clamp_min(0.04)
