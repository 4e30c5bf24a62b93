"""Light on the surface: normals, occlusion, shadow, diffuse and specular light, material."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .colours import cloth_albedo, cloth_rgb, flat, frame_rgb, hair_albedo, hair_rgb, mix, skin
from .features import rough_scene, scene
from .parameters import Params
from .shapes import CLOTH, GLASSES, HAIR, SKIN, Points, bare_head, neck, noise, soft

_NORMAL_STEP_CM = 0.035
_BLUR_STEP_CM = 0.5
_CORNEA_CM = 0.9
_TETRAHEDRON = ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1))


class Rays(NamedTuple):
    """Rays that met the surface or escaped.

    Attributes:
        points: where they ended, head space.
        directions: unit directions.
        distances: (4, n) distances to SKIN, HAIR, CLOTH, GLASSES there.
        is_missed: (n,) escaped to the backdrop.
        is_sure: (n,) settled on a surface, or escaped.
    """

    points: Points
    directions: Points
    distances: Tensor
    is_missed: Tensor
    is_sure: Tensor


class _Material(NamedTuple):
    """Albedo (3, n), gloss and eye mask of the skin (n,), its place by the iris (2, n), strands of the hair (n,),
    a mask (n,) per material."""

    albedo: Tensor
    gloss: Tensor
    is_eye: Tensor
    from_iris: Tensor
    strand: Tensor
    masks: list[Tensor]


def light_and_material(
    rays: Rays, to_head: Callable[[float, float, float], tuple[float, float, float]], q: Params, group: int
) -> Tensor:
    """Linear light (3, n) that n rays see.

    Args:
        rays: in runs of ``group`` per pixel; occlusion and shadow are traced once a run.
        to_head: turns a vector of the room into head space.
    """
    normal = _normals(rays.points, q)
    light = _unit(*to_head(q["light_x"], q["light_y"], 1.1))
    point, facing = (Points(*(c[::group] for c in p)) for p in (rays.points, normal))
    around = _Around(
        normal=normal,
        blurred=Points(*(c.repeat_interleave(group) for c in _blurred_normals(point, q))),
        light=light,
        up=to_head(0.0, 1.0, 0.0),
        occlusion=_occlusion(point, facing, q).repeat_interleave(group),
        shadow=_shadow(point, facing, light, q).repeat_interleave(group),
    )
    return _lit(rays, around, _material(rays, q), q)


class _Around(NamedTuple):
    """Normals, as they are and over half a centimetre, direction of the key light and of up, occlusion, shadow."""

    normal: Points
    blurred: Points
    light: tuple[float, float, float]
    up: tuple[float, float, float]
    occlusion: Tensor
    shadow: Tensor


def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    length = (x * x + y * y + z * z) ** 0.5
    return (x / length, y / length, z / length)


def _normalised(p: Points) -> Points:
    length = (p.x**2 + p.y**2 + p.z**2).sqrt().clamp_min(1e-12)
    return Points(p.x / length, p.y / length, p.z / length)


def _along(p: Points, n: Points, r: Tensor | float) -> Points:
    return Points(p.x + n.x * r, p.y + n.y * r, p.z + n.z * r)


def _dot(a: Points, b: Points | tuple[float, float, float]) -> Tensor:
    return a.x * b[0] + a.y * b[1] + a.z * b[2]


def _normals(p: Points, q: Params) -> Points:
    """Surface normals by tetrahedral differences."""
    return _gradient(lambda there: scene(there, q).amin(0), p, _NORMAL_STEP_CM)


def _blurred_normals(p: Points, q: Params) -> Points:
    """Normals of the head over half a centimetre: light that entered the skin leaves it about so far away."""
    return _gradient(lambda there: bare_head(there, neck(there, q), q), p, _BLUR_STEP_CM)


def _gradient(distance: Callable[[Points], Tensor], p: Points, step: float) -> Points:
    total = [torch.zeros_like(p.x) for _ in range(3)]
    for corner in _TETRAHEDRON:
        d = distance(Points(*(c + step * k for c, k in zip(p, corner, strict=True))))
        total = [t + k * d for t, k in zip(total, corner, strict=True)]
    return _normalised(Points(*total))


def _occlusion(p: Points, n: Points, q: Params) -> Tensor:
    """Ambient light that reaches the surface, 0.15 to 1."""
    open_ = torch.ones_like(p.x)
    for radius, weight in ((0.5, 0.55), (1.4, 0.28), (3.2, 0.11)):
        open_ = open_ - weight * (radius - rough_scene(_along(p, n, radius), q)).clamp_min(0.0) / radius
    return open_.clamp(0.15, 1.0)


def _shadow(p: Points, n: Points, light: tuple[float, float, float], q: Params) -> Tensor:
    """Share of the key light that reaches the surface, 0 to 1, with soft edges."""
    seen, t = torch.ones_like(p.x), torch.full_like(p.x, 0.35)
    sharpness = 4.2 - 2.6 * q["light_size"]
    start = _along(p, n, 0.12)
    for _ in range(7):
        there = Points(start.x + light[0] * t, start.y + light[1] * t, start.z + light[2] * t)
        d = rough_scene(there, q)
        seen = torch.minimum(seen, 0.5 + sharpness * d / t)
        t = t + d.clamp(0.25, 2.5)
    seen = seen.clamp(0.0, 1.0)
    return seen * seen * (3.0 - 2.0 * seen)


def _material(rays: Rays, q: Params) -> _Material:
    p = rays.points
    nearest = rays.distances.argmin(0)
    masks = [(nearest == i).to(p.x) for i in range(4)]
    face = skin(p, q)
    # Hair roots painted into the skin near the hairline: without them the hair looks like a hood.
    root = soft(0.30 + 0.30 * noise(p.x * 3.0, p.y * 0.8, p.z * 2.0, 3.0) - rays.distances[HAIR], 0.10)
    albedo = mix(face.albedo, flat(hair_rgb(q), p.x), 0.85 * root) * masks[SKIN]
    strands, strand = hair_albedo(p, q)
    albedo = albedo + strands * masks[HAIR] + cloth_albedo(p, q) * masks[CLOTH]
    albedo = albedo + flat(frame_rgb(q), p.x) * masks[GLASSES]
    return _Material(albedo, face.gloss * (1.0 - root), face.is_eye, face.from_iris, strand, masks)


def _lit(rays: Rays, around: _Around, material: _Material, q: Params) -> Tensor:
    """Diffuse, ambient and specular light on the material."""
    masks, view, light = material.masks, rays.directions, around.light
    bend = masks[HAIR] * material.strand
    n = around.normal
    n = _normalised(Points(n.x + 0.35 * bend, n.y, n.z + 0.2 * bend))
    viewward = (-_dot(n, view)).clamp(0.0, 1.0)
    warm = flat((1.0 + 0.10 * q["warmth"], 1.0, 1.0 - 0.12 * q["warmth"]), n.x)
    tinted = torch.stack([around.shadow**0.75, around.shadow, around.shadow**1.05])
    key = 1.08 * q["key"] * warm * _diffuse(around, n, masks[SKIN]) * tinted
    fill = q["fill"] * around.occlusion * (0.6 + 0.4 * viewward) * _ambient(_dot(n, around.up), q)
    half = _normalised(Points(light[0] - view.x, light[1] - view.y, light[2] - view.z))
    mirror = _dot(n, half).clamp_min(0.0)
    sheen = 0.35 * (1.0 - viewward) ** 4 * around.occlusion * q["fill"]
    matt = material.gloss * (0.22 * mirror**12 + 0.22 * mirror**48 + sheen)
    specular = masks[SKIN] * (matt * (1.0 - material.is_eye) + material.is_eye * _glint(material, half))
    specular = specular + masks[GLASSES] * 0.5 * mirror**40 + masks[CLOTH] * 0.12 * sheen
    lit: Tensor = material.albedo * (key + fill) + specular * (0.3 + 0.7 * around.shadow) * q["key"] * warm
    return lit + masks[HAIR] * _hair_shine(rays.points, n, half, material, q) * (0.2 + 0.8 * around.shadow) * q["key"]


def _diffuse(around: _Around, n: Points, is_skin: Tensor) -> Tensor:
    """Diffuse share (3, n) of the key light; in skin it spreads, red farthest.

    References:
        E. d'Eon, D. Luebke, Advanced techniques for realistic real-time skin rendering, GPU Gems 3 (2007): a normal for
        each colour, blurred as far as this colour travels.
    """
    sharp, blurred = _dot(n, around.light), _dot(around.blurred, around.light)
    spread = flat((0.75, 0.35, 0.22), n.x) * is_skin
    bleed = flat((0.30, 0.14, 0.10), n.x) * is_skin
    facing = sharp + (blurred - sharp) * spread
    return ((facing + bleed) / (1.0 + bleed)).clamp_min(0.0)


def _ambient(skyward: Tensor, q: Params) -> Tensor:
    """Colour (3, n) of the light from all around: cool from above, from below what the clothes throw back."""
    above, below = flat((0.94, 1.0, 1.08), skyward), flat(cloth_rgb(q), skyward)
    sky = 0.5 + 0.5 * skyward
    return above * (0.38 + 0.62 * sky) + 0.35 * below * (1.0 - sky)


def _glint(material: _Material, half: Points) -> Tensor:
    """The key light's reflection on the cornea (n,), and the wet white's faint one."""
    x, y = material.from_iris / _CORNEA_CM
    off = (x - half.x) ** 2 + (y - half.y) ** 2
    return 1.3 * soft(0.02 - off, 0.005) + 0.05


def _hair_shine(p: Points, n: Points, half: Points, material: _Material, q: Params) -> Tensor:
    """Reflection (3, n) of strands that fall from the parting: a white and a coloured band, broken up by strands.

    References:
        J. Kajiya, T. Kay, Rendering fur with three dimensional textures, SIGGRAPH 1989.
    """
    aside = 0.7 * torch.tanh(0.5 * (p.x - 2.2 * q["hair_part"]))
    fall = Points(aside, torch.full_like(p.x, -1.0), 0.25 * torch.tanh(p.z))
    along = _dot(fall, n)
    shift = 0.30 * material.strand - along
    tangent = _normalised(Points(fall.x + n.x * shift, fall.y + n.y * shift, fall.z + n.z * shift))
    across = (1.0 - _dot(tangent, half) ** 2).clamp_min(0.0).sqrt()
    lit = _dot(n, half).clamp_min(0.0)
    return lit * (0.055 * across**60 + material.albedo * 0.9 * across**14)
