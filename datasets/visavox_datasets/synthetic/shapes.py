"""The head as a signed distance field: skull, face, nose, ears, hair, clothes, glasses.

Coordinates x, y, z are float32 tensors of shape (n,) in head space (cm); a distance is negative inside.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from .parameters import Params

Number: TypeAlias = "float | Tensor"

SKIN, HAIR, CLOTH, GLASSES = range(4)
_FAR_CM = 50.0
_NOISE_CELLS = 48


class Points(NamedTuple):
    """Points of head space: three tensors of shape (n,), cm."""

    x: Tensor
    y: Tensor
    z: Tensor


# ---------------------------------------------------------------- primitives
def smooth_union(a: Tensor, b: Tensor, k: float) -> Tensor:
    """Union of two distances whose seam is rounded over k cm."""
    h = (a - b).abs_().neg_().add_(k).clamp_min_(0.0)
    return torch.minimum(a, b).addcmul_(h, h, value=-0.25 / k)


def smooth_intersection(a: Tensor, b: Tensor, k: float) -> Tensor:
    """Intersection of two distances, rounded over k cm; ``-b`` subtracts."""
    h = (a - b).abs_().neg_().add_(k).clamp_min_(0.0)
    return torch.maximum(a, b).addcmul_(h, h, value=0.25 / k)


def ellipsoid(x: Tensor, y: Tensor, z: Tensor, rx: float, ry: float, rz: float) -> Tensor:
    """Approximate distance to an axis-aligned ellipsoid of these radii; exact near its surface."""
    xx, yy, zz = x * x, y * y, z * z
    wx, wy, wz = rx**-2, ry**-2, rz**-2
    k0 = (xx * wx).add_(yy, alpha=wy).add_(zz, alpha=wz).sqrt_()
    k1 = xx.mul_(wx * wx).add_(yy, alpha=wy * wy).add_(zz, alpha=wz * wz).sqrt_().clamp_min_(1e-6)
    return (k0 - 1.0).mul_(k0).div_(k1)


def capsule(p: Points, start: tuple[float, float], end: tuple[float, float], radii: tuple[float, float]) -> Tensor:
    """Tapered capsule in the plane x = 0 between two (y, z) points."""
    (y0, z0), (y1, z1), (r0, r1) = start, end, radii
    dy, dz = y1 - y0, z1 - z0
    y, z, square = p.y - y0, p.z - z0, dy * dy + dz * dz
    t = (y * (dy / square)).add_(z, alpha=dz / square).clamp_(0.0, 1.0)
    y, z = y.sub_(t, alpha=dy), z.sub_(t, alpha=dz)
    return (p.x * p.x).addcmul_(y, y).addcmul_(z, z).sqrt_().sub_(t, alpha=r1 - r0).sub_(r0)


def soft(v: Tensor, w: float) -> Tensor:
    """Soft step of a signed value; 10 to 90 % within about 4.4 w."""
    return torch.sigmoid(v / w)


def exp(v: Tensor) -> Tensor:
    """The exponential, 2e-35 at least: results that underflow take forty times as long."""
    return v.clamp(min=-80.0).exp_()


_noise_volumes: dict[str, Tensor] = {}


def noise(x: Tensor, y: Tensor, z: Tensor, frequency: float) -> Tensor:
    """Smooth value noise in [-1, 1], ``frequency`` cells a cm, shape (n,)."""
    device = str(x.device)
    if device not in _noise_volumes:
        cells = np.random.Generator(np.random.PCG64(20240607)).random((_NOISE_CELLS,) * 3, dtype=np.float32)
        _noise_volumes[device] = torch.from_numpy(cells).to(x.device)[None, None]
    grid = torch.stack([x, y, z], -1) * (frequency * 2.0 / (_NOISE_CELLS - 1))
    values = torch.nn.functional.grid_sample(
        _noise_volumes[device], grid[None, None, None], mode="bilinear", padding_mode="reflection", align_corners=True
    )
    return values.view(-1) * 2.0 - 1.0


# ---------------------------------------------------------------- parts
def neck(p: Points, q: Params) -> Tensor:
    """The neck, which leans forwards."""
    return capsule(p, (-6.0, -2.4), (-20.0, -4.6), (q["neck_w"], q["neck_w"] * 1.12))


def bare_head(p: Points, throat: Tensor, q: Params) -> Tensor:
    """Head, neck (``throat``) and ears without lids, lips and folds."""
    x, y, z = p
    ax = x.abs()
    d = smooth_union(_skull_and_jaw(p, ax, q), _nose(p, ax, q), 1.1)
    d = smooth_union(d, _ear(y, z, ax - q["cranium_w"], q["ear"]), 0.4)
    return smooth_union(d, throat, 1.7)


def _ear(y: Tensor, z: Tensor, out: Tensor, size: float) -> Tensor:
    """An auricle: broad above, tapering to the lobe, leaning back, with a rim around a bowl."""
    v = (y + 0.9) / size
    u = (z + 0.7 + 0.30 * v) / (size * (1.0 + 0.16 * v.clamp(-3.0, 1.5)).clamp_min(0.5))
    flare = out + 0.05 + 0.30 * u.clamp(-1.5, 1.0) + 0.24 * (-v).clamp(-0.8, 3.0)
    outer = ellipsoid(flare, v, u, 0.42, 3.1, 1.75)
    bowl = ellipsoid(flare - 0.42, v - 0.35, u - 0.15, 0.42, 2.25, 1.15)
    return smooth_intersection(outer, -bowl, 0.2)


def _skull_and_jaw(p: Points, ax: Tensor, q: Params) -> Tensor:
    (x, y, z), fl = p, q["face_len"]
    d = ellipsoid(x, y - 3.0, z + 0.8, q["cranium_w"], q["cranium_h"], 9.2)
    tapered = x * (1.0 + q["taper"] * ((-1.0 - y) / 9.0).clamp(0.0, 1.2))
    d = smooth_union(d, ellipsoid(tapered, y + 2.7 * fl, z - 1.8, q["face_w"], 7.6 * fl, 6.6), 2.0)
    d = smooth_union(d, ellipsoid(x, y - q["jaw_y"] * fl, z - 1.8, q["jaw_w"], 3.3, 4.6), 1.8)
    d = smooth_union(d, ellipsoid(x, y - q["chin_y"], z - q["chin_z"], q["chin_w"], 1.5, 1.5), 3.0)
    cheekbone = ellipsoid(ax - 0.66 * q["face_w"], y - q["cheekbone_y"], z - 4.6, q["cheekbone"], 1.5, 2.3)
    d = smooth_union(d, cheekbone, 1.6)
    fat = q["cheek_fat"] * (1.0 + 0.08 * q["smile"])
    cheek = ellipsoid(ax - 3.5, y + 5.7 * fl - 0.5 * q["smile"], z - 4.6, 2.2 * fat, 2.3 * fat, 2.6 * fat)
    d = smooth_union(d, cheek, 1.6)
    ridge = ellipsoid(ax - 2.5, y - q["brow_y"] + 0.2, z - 6.3, 2.8, 0.9, 1.2 + 0.45 * q["brow_ridge"])
    d = smooth_union(d, ridge, 1.4)
    socket = ellipsoid(ax - q["eye_x"], y + 0.05, z - 9.3, 2.0, 1.2, 1.5 + 0.35 * q["socket"])
    d = smooth_intersection(d, -socket, 1.1)
    d = smooth_union(d, ellipsoid(ax - q["eye_x"], y, z - 6.55, 1.45, 1.32, 1.3), 0.5)
    return smooth_union(d, ellipsoid(x, y - q["mouth_y"], z - 6.2, 3.0, 2.5, 2.5 + q["muzzle"]), 1.6)


def _nose(p: Points, ax: Tensor, q: Params) -> Tensor:
    x, y, z = p
    ty, tz, bridge, tip = -q["nose_len"], 8.1 + q["nose_z"], q["nose_bridge"], q["nose_tip"]
    rz = 7.35 + q["nose_root_z"]
    d = capsule(p, (0.9, rz), (ty, tz - 0.1), (bridge, bridge * 0.9))
    hump = ellipsoid(x, y - 0.45 * ty, z - 0.5 * (rz + tz) - 0.3 * q["nose_hump"], bridge, 1.0, bridge)
    d = smooth_union(d, hump, 0.6)
    d = smooth_union(d, ellipsoid(x, y - ty, z - tz, tip, 0.8 * tip, 0.8 * tip), 0.6)
    ala = ellipsoid(ax - q["ala_x"], y - ty + 0.2, z - 0.55 * tz - 3.7, q["ala_r"], 0.62, 1.0)
    return smooth_union(d, ala, 0.85)


def hair(p: Points, q: Params) -> Tensor:
    """An inflated cap, with a fall where the hair is long, minus the opening of the face."""
    (x, y, z), thick, long = p, q["hair_thick"], q["long_hair"]
    widths = (q["cranium_w"] + 0.15 + (0.25 + 0.3 * long) * thick, q["cranium_h"] + 0.2 + thick, 9.3 + 0.5 * thick)
    d = ellipsoid(x, y - 3.2, z + 1.0, *widths)
    if long:
        d = smooth_union(d, ellipsoid(x, y + 3.0, z + 2.6, q["cranium_w"] + 0.9 + 0.8 * thick, 15.0, 7.2), 1.5)
    warp = torch.sin(0.9 * y + 0.7 * z)
    d = d - 0.20 * q["hair_curl"] * torch.sin(1.7 * x + 1.3 * y + warp) * torch.sin(1.5 * y + 1.1 * z - 1.3 * warp)
    # The opening is an elliptic cylinder, skewed by the parting.
    px = x + 0.9 * q["hair_part"] * ((y - 3.0) / 5.0).clamp(0.0, 1.5)
    ellipse = ((px / q["hair_open_w"]) ** 2 + ((y + 5.0).clamp_min(0.0) / (q["hairline"] + 5.0)) ** 2).sqrt()
    d = smooth_intersection(d, -torch.maximum((ellipse - 1.0) * 5.5, q["hair_z"] - z), 1.7)
    d = d + 0.25 * exp(-(((x - 2.2 * q["hair_part"]) / 0.4) ** 2)) * soft(y - 6.0, 0.8)
    back = 6.0 * (1.0 - long) * soft(-z - 3.0, 0.6)
    return smooth_intersection(d, q["hair_bottom"] - back - y, 1.6)


def glasses(p: Points, q: Params) -> Tensor:
    """Spectacle frames: two rims, a bridge, two temples."""
    (x, y, z), r, n, w = p, q["glass_r"], q["glass_sq"], q["glass_w"]
    ax, cx = x.abs(), max(q["eye_x"], r + 0.55)
    lx, ly = (ax - cx).abs() / r, (y + 0.15).abs() / (r * 0.84)
    rim = ((lx**n + ly**n + 1e-9) ** (1.0 / n) - 1.0).abs() * r
    zz = z - q["glass_z"] + 0.035 * ax * ax
    d = (rim * rim + zz * zz).sqrt() - w
    bridge = ((y - 0.35).square() + zz.square()).sqrt() - w
    d = torch.minimum(d, torch.maximum(bridge, ax - (cx - r)))
    t = ((q["glass_z"] - 1.0 - z) / 9.0).clamp(0.0, 1.0)
    temple = ((ax - (cx + r) - t * (q["cranium_w"] + 0.2 - cx - r)) ** 2 + (y - 0.5) ** 2).sqrt() - 0.13
    return torch.minimum(d, torch.maximum(temple, torch.maximum(z - q["glass_z"] + 0.7, -1.0 - z)))


def cloth(p: Points, throat: Tensor, q: Params) -> Tensor:
    """A shirt on sloping shoulders with a round collar."""
    x, y, z = p
    ax, low = x.abs(), q["shoulder_y"]
    d = ellipsoid(x, y - low + 8.6, z + 4.0, 19.5, 8.4, 7.4)
    across, above, behind = ax - 2.0, y - (low + 1.6), z + 5.2
    t = (across * (15.0 / 254.2)).sub_(above, alpha=5.4 / 254.2).clamp_(0.0, 1.0)  # from the neck outwards
    across, above = across.sub_(t, alpha=15.0), above.add_(t, alpha=5.4)
    ridge = (across * across).addcmul_(above, above).addcmul_(behind, behind).sqrt_().sub_(3.4)  # the trapezius
    d = smooth_union(d, ridge, 3.5)
    hem = y - low - 2.2 + 0.42 * (z + 4.0)  # the collar sits lower in front
    return smooth_union(d, smooth_intersection(throat - 1.0, hem, 0.5), 1.2)


def dressing(p: Points, throat: Tensor, q: Params) -> list[Tensor]:
    """Distances to what a person wears, in the order HAIR, CLOTH, GLASSES; far away where they wear none."""
    far = torch.full_like(p.x, _FAR_CM)
    return [hair(p, q) if q["has_hair"] else far, cloth(p, throat, q), glasses(p, q) if q["has_glasses"] else far]
