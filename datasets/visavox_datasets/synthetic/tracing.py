"""Sphere tracing: from parameters to a picture in linear light, one picture at a time.

One coarse ray for four pixels finds the rough surface; pixels near it get ``SUB_RAYS`` x ``SUB_RAYS`` rays with
full detail. A picture is computed alone, so no other picture can change its bits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .colours import backdrop
from .features import rough_scene, scene
from .parameters import Params
from .shading import Rays, light_and_material
from .shapes import Points

SUB_RAYS = 2
_COARSE_STEPS = 26
_FINE_STEPS = 30
_CAMERA_CM = 80.0
_NEAREST_CM, _FARTHEST_CM = 62.0, 112.0
_HALF_VIEW_CM = 16.5
_PIXELS_A_BLOCK = 6144  # stays in a CPU's cache


class _View:
    """The camera of one picture, in head space."""

    def __init__(self, q: Params, device: torch.device) -> None:
        self.rotation = head_rotation(q["yaw"], q["pitch"], q["roll"])
        self.half = _HALF_VIEW_CM / q["zoom"]
        self.aim = (q["shift_x"], q["shift_y"] - 1.6)
        self.device = device
        self.origin = self.to_head(*self.aim, _CAMERA_CM)

    def to_head(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """A vector of the room in head space."""
        r = self.rotation
        return (
            x * r[0][0] + y * r[1][0] + z * r[2][0],
            x * r[0][1] + y * r[1][1] + z * r[2][1],
            x * r[0][2] + y * r[1][2] + z * r[2][2],
        )

    def directions(self, u: Tensor, v: Tensor) -> Points:
        """Unit directions of rays through image-plane points in [-1, 1]."""
        x, y = u * self.half, v * self.half
        length = (x * x + y * y + _CAMERA_CM**2).sqrt()
        x, y, z = x / length, y / length, -_CAMERA_CM / length
        r = self.rotation
        return Points(
            x * r[0][0] + y * r[1][0] + z * r[2][0],
            x * r[0][1] + y * r[1][1] + z * r[2][1],
            x * r[0][2] + y * r[1][2] + z * r[2][2],
        )


def head_rotation(yaw: float, pitch: float, roll: float) -> list[list[float]]:
    """World-from-head rotation matrix: roll, then pitch, then yaw (rad)."""
    (sy, cy), (sp, cp), (sr, cr) = ((math.sin(a), math.cos(a)) for a in (yaw, pitch, roll))
    return [
        [cy * cr + sy * sp * sr, -cy * sr + sy * sp * cr, sy * cp],
        [cp * sr, cp * cr, -sp],
        [-sy * cr + cy * sp * sr, sy * sr + cy * sp * cr, cy * cp],
    ]


def trace(q: Params, size_px: int, device: str) -> Tensor:
    """A picture, float32 (3, size_px, size_px), display values 0 to 1."""
    on = torch.device(device)
    view = _View(q, on)
    centres = (torch.arange(size_px, device=on, dtype=torch.float32) + 0.5) / size_px * 2.0 - 1.0
    v, u = (grid.reshape(-1) for grid in torch.meshgrid(-centres, centres, indexing="ij"))
    depth, candidates = _coarse(view, q, size_px)
    picture = _expose(backdrop(u, v, q), q)
    offsets = ((torch.arange(SUB_RAYS, device=on) + 0.5) / SUB_RAYS * 2.0 - 1.0) / size_px
    dv, du = (grid.reshape(-1) for grid in torch.meshgrid(offsets, offsets, indexing="ij"))
    block_px = _PIXELS_A_BLOCK if on.type == "cpu" else size_px * size_px
    for first in range(0, len(candidates), block_px):
        block = candidates[first : first + block_px]
        directions = view.directions((u[block, None] + du).reshape(-1), (v[block, None] + dv).reshape(-1))
        start = depth[block].repeat_interleave(SUB_RAYS**2)
        rays = _fine(view, directions, start, q)
        behind = picture[:, block].repeat_interleave(SUB_RAYS**2, 1)
        seen = light_and_material(rays, view.to_head, q, SUB_RAYS**2)
        colour = torch.where(rays.is_missed, behind, _expose(seen, q)).view(3, -1, SUB_RAYS**2)
        # Undecided rays (grazing the jaw's edge) gave white specks: they leave the pixel to the others.
        weight = (rays.is_sure.float() + 1e-3).view(-1, SUB_RAYS**2)
        picture[:, block] = (colour * weight).sum(-1) / weight.sum(-1)
    return (picture ** (1.0 / 2.2)).view(3, size_px, size_px)


def _at(view: _View, directions: Points, t: Tensor) -> Points:
    """Points at distance t along rays from the camera."""
    (ox, oy, oz), (dx, dy, dz) = view.origin, directions
    return Points(ox + dx * t, oy + dy * t, oz + dz * t)


def _coarse(view: _View, q: Params, size_px: int) -> tuple[Tensor, Tensor]:
    """Where fine rays start, shape (size_px**2,), and the indices of the pixels that need them.

    One ray for 2 x 2 pixels; a pixel's start is the nearest surface around it, so no fine ray begins behind one.
    """
    side = -(-size_px // 2)
    centres = (torch.arange(side, device=view.device, dtype=torch.float32) * 2.0 + 1.0) / size_px * 2.0 - 1.0
    v, u = (grid.reshape(-1) for grid in torch.meshgrid(-centres, centres, indexing="ij"))
    directions = view.directions(u, v)
    t = torch.full_like(u, _NEAREST_CM)
    is_near = torch.zeros_like(u, dtype=torch.bool)
    live = torch.arange(side * side, device=view.device)
    for _ in range(_COARSE_STEPS):  # fewer rays each time, as they settle or escape
        here = t[live]
        d = rough_scene(_at(view, Points(*(c[live] for c in directions)), here), q)
        is_near[live] |= d < 0.5
        here = here + d * 0.92
        t[live] = here
        live = live[(d > 0.12) & (here < _FARTHEST_CM)]
        if len(live) == 0:
            break
    nearest = -_spread(-t, side, size_px) - 0.3
    return nearest, _spread(is_near.float(), side, size_px).nonzero()[:, 0]


def _spread(values: Tensor, side: int, size_px: int) -> Tensor:
    """The largest of each coarse ray's 3 x 3 neighbourhood, for every pixel."""
    wide = torch.nn.functional.max_pool2d(values.view(1, 1, side, side), 3, 1, 1)[0, 0]
    return wide.repeat_interleave(2, 0).repeat_interleave(2, 1)[:size_px, :size_px].reshape(-1)


def _fine(view: _View, directions: Points, t: Tensor, q: Params) -> Rays:
    """Settles rays on the detailed surface."""
    live = torch.arange(len(t), device=view.device)
    for step in range(_FINE_STEPS):
        here = t[live]
        d = scene(_at(view, Points(*(c[live] for c in directions)), here), q).amin(0)
        here = here + d * (0.75 if step < 5 else 0.9)
        t[live] = here
        if step > 3:
            live = live[(d > 0.04) & (here < _FARTHEST_CM)]
            if len(live) == 0:
                break
    points = _at(view, directions, t)
    distances = scene(points, q)
    is_missed = t >= _FARTHEST_CM
    return Rays(points, directions, distances, is_missed, (distances.amin(0) < 0.06) | is_missed)


def _expose(rgb: Tensor, q: Params) -> Tensor:
    """Exposure and a gentle shoulder for highlights: linear light to [0, 1]."""
    rgb = rgb * q["exposure"]
    return (rgb / (1.0 + 0.18 * rgb) * 1.10).clamp(0.0, 1.0)
