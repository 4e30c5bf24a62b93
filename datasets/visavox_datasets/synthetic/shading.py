"""Light on the surface: normals, occlusion, shadow, diffuse and specular light, material."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .colours import cloth_rgb, flat, frame_rgb, hair_albedo, hair_rgb, mix, skin
from .features import rough_scene, scene
from .parameters import Params
from .shapes import CLOTH, GLASSES, HAIR, SKIN, Points, noise, soft

_NORMAL_STEP_CM = 0.035


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
    """Albedo (3, n), gloss and eye mask of the skin (n,), bend of hair normals (n,), a mask (n,) per material."""

    albedo: Tensor
    gloss: Tensor
    is_eye: Tensor
    bend: Tensor
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
    occlusion = _occlusion(point, facing, q).repeat_interleave(group)
    shadow = _shadow(point, facing, light, q).repeat_interleave(group)
    material = _material(rays, q)
    bend = material.masks[HAIR] * material.bend
    normal = _normalised(Points(normal.x + 0.35 * bend, normal.y, normal.z + 0.2 * bend))
    return _lit(rays, normal, light, to_head(0.0, 1.0, 0.0), occlusion, shadow, material, q)


def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    length = (x * x + y * y + z * z) ** 0.5
    return (x / length, y / length, z / length)


def _normalised(p: Points) -> Points:
    length = (p.x**2 + p.y**2 + p.z**2).sqrt().clamp_min(1e-12)
    return Points(p.x / length, p.y / length, p.z / length)


def _along(p: Points, n: Points, r: Tensor | float) -> Points:
    return Points(p.x + n.x * r, p.y + n.y * r, p.z + n.z * r)


def _normals(p: Points, q: Params) -> Points:
    """Surface normals by tetrahedral differences."""
    e, total = _NORMAL_STEP_CM, [torch.zeros_like(p.x) for _ in range(3)]
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        d = scene(Points(*(c + e * k for c, k in zip(p, corner, strict=True))), q).amin(0)
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
    start = _along(p, n, 0.12)
    for _ in range(7):
        there = Points(start.x + light[0] * t, start.y + light[1] * t, start.z + light[2] * t)
        d = rough_scene(there, q)
        seen = torch.minimum(seen, 0.5 + 3.2 * d / t)
        t = t + d.clamp(0.25, 2.5)
    seen = seen.clamp(0.0, 1.0)
    return seen * seen * (3.0 - 2.0 * seen)


def _material(rays: Rays, q: Params) -> _Material:
    p = rays.points
    nearest = rays.distances.argmin(0)
    masks = [(nearest == i).to(p.x) for i in range(4)]
    face = skin(p, q)
    # Hair roots painted into the skin near the hairline: without them the hair looks like a hood.
    root = soft(0.32 + 0.45 * noise(p.x * 2.0, p.y * 0.7, p.z, 3.0) - rays.distances[HAIR], 0.07)
    albedo = mix(face.albedo, flat(hair_rgb(q), p.x), 0.85 * root) * masks[SKIN]
    strands, bend = hair_albedo(p, q)
    albedo = albedo + strands * masks[HAIR] + flat(cloth_rgb(q), p.x) * masks[CLOTH]
    albedo = albedo + flat(frame_rgb(q), p.x) * masks[GLASSES]
    return _Material(albedo, face.gloss * (1.0 - root), face.is_eye, bend, masks)


def _lit(
    rays: Rays,
    normal: Points,
    light: tuple[float, float, float],
    up: tuple[float, float, float],
    occlusion: Tensor,
    shadow: Tensor,
    material: _Material,
    q: Params,
) -> Tensor:
    """Diffuse, ambient and specular light on the material."""
    masks, d = material.masks, rays.directions
    bleed = flat((0.28, 0.14, 0.10), normal.x) * masks[SKIN]  # red light bleeds past the terminator
    facing = normal.x * light[0] + normal.y * light[1] + normal.z * light[2]
    diffuse = ((facing + bleed) / (1.0 + bleed)).clamp_min(0.0)
    tinted = torch.stack([shadow**0.8, shadow, shadow**1.05])
    skyward = normal.x * up[0] + normal.y * up[1] + normal.z * up[2]
    viewward = -(normal.x * d.x + normal.y * d.y + normal.z * d.z)
    ambient = (0.72 + 0.28 * skyward) * (0.55 + 0.45 * viewward.clamp(0.0, 1.0))
    warm = flat((1.0 + 0.10 * q["warmth"], 1.0, 1.0 - 0.12 * q["warmth"]), normal.x)
    lit = 1.05 * q["key"] * warm * diffuse * tinted + q["fill"] * occlusion * ambient
    half = _normalised(Points(light[0] - d.x, light[1] - d.y, light[2] - d.z))
    mirror = (normal.x * half.x + normal.y * half.y + normal.z * half.z).clamp_min(0.0)
    matt = material.gloss * (0.20 * mirror**14 + 0.16 * mirror**50)
    specular = masks[SKIN] * (matt * (1.0 - material.is_eye) + material.is_eye * 1.6 * mirror**220)
    specular = specular + masks[HAIR] * 0.05 * mirror**12 + masks[GLASSES] * 0.5 * mirror**40
    return material.albedo * lit + specular * (0.3 + 0.7 * shadow) * q["key"]
