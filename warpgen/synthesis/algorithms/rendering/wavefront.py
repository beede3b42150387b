"""What a bounce of paths is made of: materials, spheres, lights; and the same in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.draft import Values
from warpgen.synthesis.writing.pieces import piece

PATH_MATERIAL = piece('''
@wp.struct
class PathMaterial:
    """Surface material; kind is 0 (diffuse) or MATERIAL_MIRROR."""

    kind: int
    albedo: wp.vec3
    emission: wp.vec3
''')

GLASS_MATERIAL = piece('''
@wp.struct
class PathMaterial:
    """Surface material; kind is 0 (diffuse), MATERIAL_MIRROR or MATERIAL_GLASS."""

    kind: int
    albedo: wp.vec3
    emission: wp.vec3
    ior: float
''')

SPHERES = piece('''
@wp.struct
class SphereScene:
    """Sphere geometry (structure of arrays) with per-sphere material indices."""

    centers: wp.array(dtype=wp.vec3)
    radii: wp.array(dtype=float)
    material_ids: wp.array(dtype=int)
''')

HIT = '''
@wp.func
def intersect_sphere(origin: wp.vec3, ray_dir: wp.vec3, sphere_center: wp.vec3, sphere_radius: float) -> float:
    """Return the nearest hit distance in front of the origin, or -1 on a miss."""
    to_center = sphere_center - origin
    along = wp.dot(to_center, ray_dir)
    disc = along * along - wp.dot(to_center, to_center) + sphere_radius * sphere_radius
    if disc <= 0.0:
        return -1.0
    root = wp.sqrt(disc)
    if along - root > RAY_EPSILON:
        return along - root
    # Ray origin is inside the sphere
    if along + root > RAY_EPSILON:
        return along + root
    return -1.0


@wp.func
def closest_hit(scene: SphereScene, origin: wp.vec3, ray_dir: wp.vec3) -> int:
    """Return the index of the closest sphere along the ray, or -1 on a miss."""
    best_t = float(1.0e10)
    best_index = int(-1)
    for i in range(scene.centers.shape[0]):
        t = intersect_sphere(origin, ray_dir, scene.centers[i], scene.radii[i])
        if t > 0.0 and t < best_t:
            best_t = t
            best_index = i
    return best_index


@wp.func
def is_occluded(scene: SphereScene, origin: wp.vec3, ray_dir: wp.vec3, max_t: float) -> bool:
    """Return True if a shadow ray is blocked before max_t."""
    for i in range(scene.centers.shape[0]):
        t = intersect_sphere(origin, ray_dir, scene.centers[i], scene.radii[i])
        if t > 0.0 and t < max_t:
            return True
    return False
'''

FRAME = '''
@wp.func
def to_world(local: wp.vec3, n: wp.vec3) -> wp.vec3:
    """Rotate a direction from the shading frame (z is the normal) to world space."""
    # Duff et al. 2017: a frame without square roots, continuous up to n.z = 0
    sign = wp.where(n[2] >= 0.0, 1.0, -1.0)
    a = -1.0 / (sign + n[2])
    b = n[0] * n[1] * a
    tangent = wp.vec3(1.0 + sign * n[0] * n[0] * a, sign * b, -sign * n[0])
    bitangent = wp.vec3(b, sign + n[1] * n[1] * a, -n[1])
    return local[0] * tangent + local[1] * bitangent + local[2] * n
'''

GLASS = '''
@wp.func
def sample_dielectric(ray_dir: wp.vec3, n: wp.vec3, entering: bool, ior: float, u: float) -> wp.vec3:
    """Sample reflection or refraction at a smooth dielectric based on the Fresnel reflectance."""
    eta = wp.where(entering, 1.0 / ior, ior)
    cos_i = -wp.dot(ray_dir, n)
    sin2_t = eta * eta * (1.0 - cos_i * cos_i)
    reflected = ray_dir + 2.0 * cos_i * n
    # Total internal reflection
    if sin2_t >= 1.0:
        return reflected
    cos_t = wp.sqrt(1.0 - sin2_t)
    # Schlick's approximation uses the cosine on the low-IOR side
    r0 = (1.0 - ior) / (1.0 + ior)
    cos_thin = wp.where(entering, cos_i, cos_t)
    reflectance = r0 * r0 + (1.0 - r0 * r0) * wp.pow(1.0 - cos_thin, 5.0)
    if u < reflectance:
        return reflected
    return eta * ray_dir + (eta * cos_i - cos_t) * n
'''

LIGHTS = {
    "point": (
        """
        to_light = light_position - position
        light_dist = wp.length(to_light)
        light_dir = to_light / light_dist
        # Inverse-square falloff; point lights need no PDF
        light_value = light_intensity / (light_dist * light_dist)
        """,
        "light_dist",
    ),
    "sphere": (
        """
        # Sample the cone of directions subtended by the spherical light
        to_light = light_position - position
        light_dist = wp.length(to_light)
        sin2_max = wp.min(light_radius * light_radius / (light_dist * light_dist), 0.99)
        cos_max = wp.sqrt(1.0 - sin2_max)
        cos_cone = 1.0 - uniforms[ray, 2] * (1.0 - cos_max)
        sin_cone = wp.sqrt(1.0 - cos_cone * cos_cone)
        phi_light = 2.0 * wp.pi * uniforms[ray, 3]
        cone_dir = wp.vec3(sin_cone * wp.cos(phi_light), sin_cone * wp.sin(phi_light), cos_cone)
        light_dir = to_world(cone_dir, to_light / light_dist)
        # 1 / pdf = 2 * pi * (1 - cos_max)
        light_value = light_radiance * (2.0 * wp.pi * (1.0 - cos_max))
        """,
        "light_dist - light_radius",
    ),
    "directional": (
        """
        light_dir = wp.normalize(to_sun)
        """,
        "1.0e10",
    ),
}


# Where each light is and how strong: arguments, and what is said of them.
LIGHT_ARGUMENTS = {
    "point": ("light_position", "Light position", "light_intensity", "Light radiant intensity"),
    "sphere": ("light_position", "Light center", "light_radiance", "Emitted light radiance"),
    "directional": (
        "to_sun",
        "Direction toward the sun",
        "sun_irradiance",
        "Sun irradiance at normal incidence",
    ),
}


def _nearest(v: Values, o: Any, w: Any) -> tuple[Any, Any]:
    """Parameters of the closest hits and the spheres; infinite and -1 where there is none."""
    c, r = v["scene.centers"], v["scene.radii"]
    to = c[None] - o[:, None]
    along = (to * w[:, None]).sum(-1)
    disc = along**2 - (to**2).sum(-1) + r**2
    root = np.sqrt(np.maximum(disc, 0.0))
    t = np.where(along - root > 1e-3, along - root, along + root)
    t = np.where((disc > 0.0) & (t > 1e-3), t, np.inf)
    return t.min(axis=1), np.where(np.isfinite(t.min(axis=1)), t.argmin(axis=1), -1)


def _world(local: Any, n: Any) -> Any:
    x, y, z = n.T
    sign = np.where(z >= 0.0, 1.0, -1.0)
    a = -1.0 / (sign + z)
    t = np.stack([1.0 + sign * x * x * a, sign * x * y * a, -sign * x], axis=1)
    return local[:, :1] * t + local[:, 1:2] * np.cross(n, t) + local[:, 2:] * n


def _polar(cos: Any, u: Any) -> Any:
    sin = np.sqrt(1.0 - cos**2)
    return np.stack([sin * np.cos(2 * np.pi * u), sin * np.sin(2 * np.pi * u), cos], axis=1)


def bounced(v: Values, light: str, sampling: str, roulette: bool, sky: str, glass: bool) -> dict[str, Any]:
    """All rays after the bounce; `passed` marks those that go on."""
    o, w, beta, u = v.ray_origins, v.ray_dirs, v.throughput, v.uniforms
    u = np.insert(u, [2, 2], 0.0, axis=1) if light != "sphere" else u
    u = u if glass else np.insert(u, 4, 0.0, axis=1)
    runs = np.asarray(v.active) != 0
    t, index = _nearest(v, o, w)
    hit = index >= 0
    blend = 0.5 * (w[:, 1:2] + 1.0)
    far = {
        "gradient": lambda: 1.0 - blend + blend * v.sky_color,
        "constant": lambda: np.broadcast_to(v.sky_color, w.shape),
        "none": lambda: np.zeros_like(w),
    }[sky]()
    p = o + np.where(hit, t, 1.0)[:, None] * w
    n = (p - v["scene.centers"][index]) / v["scene.radii"][index][:, None]
    outside = (w * n).sum(1) < 0.0
    n = np.where(outside[:, None], n, -n)
    which = np.asarray(v["scene.material_ids"])[index]
    kind, albedo = np.asarray(v["materials.kind"])[which], v["materials.albedo"][which]
    gathered = beta * v["materials.emission"][which]
    to = v[LIGHT_ARGUMENTS[light][0]] - p
    power = v[LIGHT_ARGUMENTS[light][2]]
    dist = np.linalg.norm(to, axis=1)
    reach, value = dist, power / dist[:, None] ** 2
    way = to / dist[:, None]
    if light == "sphere":
        top = np.sqrt(1.0 - np.minimum((v.light_radius / dist) ** 2, 0.99))
        way = _world(_polar(1.0 - u[:, 2] * (1.0 - top), u[:, 3]), way)
        reach, value = dist - v.light_radius, power * (2 * np.pi * (1.0 - top))[:, None]
    elif light == "directional":
        way = np.broadcast_to(np.asarray(v.to_sun) / np.linalg.norm(v.to_sun), p.shape)
        reach, value = np.full(len(p), 1e10), np.broadcast_to(power, p.shape)
    cos = (n * way).sum(1)
    free = (cos > 0.0) & ~(_nearest(v, p + 1e-3 * n, way)[0] < reach)
    diffuse = (kind != 1) & (kind != 2)
    gathered = gathered + np.where(
        (diffuse & free)[:, None], beta * albedo / np.pi * value * cos[:, None], 0.0
    )
    height = np.sqrt(1.0 - u[:, 0]) if sampling == "cosine" else u[:, 0]
    scattered = _world(_polar(height, u[:, 1]), n)
    share = albedo if sampling == "cosine" else 2.0 * height[:, None] * albedo
    mirrored = w - 2.0 * (w * n).sum(1, keepdims=True) * n
    ior = v.get("materials.ior", np.ones(4))[which]
    eta, ci = np.where(outside, 1.0 / ior, ior), -(w * n).sum(1)
    s2 = eta**2 * (1.0 - ci**2)
    ct = np.sqrt(np.maximum(1.0 - s2, 0.0))
    r0 = ((1.0 - ior) / (1.0 + ior)) ** 2
    fresnel = r0 + (1.0 - r0) * (1.0 - np.where(outside, ci, ct)) ** 5
    bent = eta[:, None] * w + (eta * ci - ct)[:, None] * n
    through = np.where(((s2 >= 1.0) | (u[:, 4] < fresnel))[:, None], mirrored, bent)
    scattered = np.where((kind == 1)[:, None], mirrored, np.where((kind == 2)[:, None], through, scattered))
    share = np.where((kind == 1)[:, None], albedo, np.where((kind == 2)[:, None], 1.0, share))
    after, passed = beta * share, runs & hit
    if roulette:
        chance = np.clip(after.max(axis=1), 0.05, 0.95)
        passed, after = passed & (u[:, 5] < chance), after / chance[:, None]
    added = np.where((runs & hit)[:, None], gathered, np.where(runs[:, None], beta * far, 0.0))
    ahead = scattered / np.linalg.norm(scattered, axis=1, keepdims=True)
    return {
        "ray_origins": p + 1e-3 * scattered,
        "ray_dirs": ahead,
        "throughput": after,
        "radiance": v.radiance + added,
        "passed": passed,
    }
