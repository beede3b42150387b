"""Materials of the material point method: their stresses, and how plastic ones yield."""

from __future__ import annotations

from typing import Any

import numpy as np

ELASTIC = {
    "corotated": '''
@wp.func
def elastic_stress(F: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """Fixed corotated Kirchhoff stress, 2 mu (F - R) F^T + lambda J (J - 1) I."""
    # use a double-precision SVD, since float32 svd3() is only accurate to about 1e-3
    U, sigma, V = wp.svd3(wp.mat33d(F))
    R = wp.mat33(U * wp.transpose(V))
    J = wp.determinant(F)
    return 2.0 * mu * (F - R) * wp.transpose(F) + lam * J * (J - 1.0) * wp.identity(n=3, dtype=float)
''',
    "neo-hookean": '''
@wp.func
def elastic_stress(F: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """Neo-Hookean Kirchhoff stress, mu (F F^T - I) + lambda log(J) I."""
    J = wp.determinant(F)
    identity = wp.identity(n=3, dtype=float)
    return mu * (F * wp.transpose(F) - identity) + lam * wp.log(J) * identity
''',
}

FLUID = '''
@wp.func
def fluid_stress(J: float, bulk: float) -> wp.mat33:
    """Weakly compressible fluid stress (Kirchhoff), zero under tension."""
    pressure = bulk * wp.max(1.0 - J, 0.0)
    return -J * pressure * wp.identity(n=3, dtype=float)
'''

SNOW = '''
@wp.func
def clamp_snow(F: wp.mat33, max_compression: float, max_stretch: float) -> wp.mat33:
    """Clamp trial singular values to the elastic range for snow (Stomakhin et al. 2013)."""
    # double precision: float32 svd3() rotations may be off by 1e-3
    left, stretches, right = wp.svd3(wp.mat33d(F))
    U = wp.mat33(left)
    sigma = wp.vec3(stretches)
    V = wp.mat33(right)
    clamped = wp.vec3(
        wp.clamp(sigma[0], 1.0 - max_compression, 1.0 + max_stretch),
        wp.clamp(sigma[1], 1.0 - max_compression, 1.0 + max_stretch),
        wp.clamp(sigma[2], 1.0 - max_compression, 1.0 + max_stretch),
    )
    return U * wp.diag(clamped) * wp.transpose(V)
'''

SAND = '''
@wp.func
def project_sand(F: wp.mat33, mu: float, lam: float, friction_slope: float) -> wp.mat33:
    """Drucker-Prager return mapping in logarithmic strain space (Klar et al. 2016).

    Args:
        F: Trial deformation gradient, det F > 0.
        mu: Shear modulus.
        lam: First Lame parameter.
        friction_slope: Cone slope, sqrt(2/3) 2 sin(phi) / (3 - sin(phi)).
    """
    # double precision: float32 svd3() rotations may be off by 1e-3
    left, stretches, right = wp.svd3(wp.mat33d(F))
    U = wp.mat33(left)
    sigma = wp.vec3(stretches)
    V = wp.mat33(right)
    # Hencky strain and its deviatoric part
    strain = wp.vec3(wp.log(sigma[0]), wp.log(sigma[1]), wp.log(sigma[2]))
    trace = strain[0] + strain[1] + strain[2]
    deviator = strain - wp.vec3(trace / 3.0, trace / 3.0, trace / 3.0)
    deviator_norm = wp.length(deviator)
    # Case 1: expansion, release all stress since sand is cohesionless
    if trace >= 0.0:
        return U * wp.transpose(V)
    # Case 2: inside the yield surface, elastic
    excess = deviator_norm + (3.0 * lam + 2.0 * mu) / (2.0 * mu) * trace * friction_slope
    if excess <= 0.0:
        return F
    # Case 3: project onto the yield surface along the deviatoric direction
    projected = strain - excess / deviator_norm * deviator
    sigma_new = wp.vec3(wp.exp(projected[0]), wp.exp(projected[1]), wp.exp(projected[2]))
    return U * wp.diag(sigma_new) * wp.transpose(V)
'''

HENCKY = '''
@wp.func
def hencky_stress(F: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """Sand Kirchhoff stress, 2 mu E + lambda tr(E) I, using the Hencky strain E."""
    # use a double-precision SVD, since float32 svd3() is only accurate to about 1e-3
    left, stretches, right = wp.svd3(wp.mat33d(F))
    U = wp.mat33(left)
    sigma = wp.vec3(stretches)
    strain = wp.vec3(wp.log(sigma[0]), wp.log(sigma[1]), wp.log(sigma[2]))
    trace = strain[0] + strain[1] + strain[2]
    principal = 2.0 * mu * strain + lam * wp.vec3(trace, trace, trace)
    return U * wp.diag(principal) * wp.transpose(U)
'''


def deform(p: dict[str, float], elastic: str, kind: str, trial: Any, ratio: float) -> tuple[Any, float, Any]:
    """The elastic part of a trial deformation, the plastic volume ratio after it, and the Kirchhoff stress."""
    j = np.linalg.det(trial)
    if kind == "fluid":
        return np.cbrt(j) * np.eye(3), ratio, -j * p["bulk"] * max(1.0 - j, 0.0) * np.eye(3)
    u, s, vt = np.linalg.svd(trial)
    f, harden = trial, 1.0
    if kind == "snow":
        kept = np.clip(s, 1.0 - p["max_compression"], 1.0 + p["max_stretch"])
        f = (u * kept) @ vt
        ratio *= j / np.linalg.det(f)
        harden = np.exp(np.clip(p["hardening"] * (1.0 - ratio), -2.0, 2.0))
    if kind == "sand":
        strain = np.log(s)
        trace = strain.sum()
        deviator = strain - trace / 3.0
        size = np.linalg.norm(deviator)
        excess = size + (3.0 * p["lam"] + 2.0 * p["mu"]) / (2.0 * p["mu"]) * trace * p["friction_slope"]
        if trace >= 0.0:
            f = u @ vt
        elif excess > 0.0:
            f = (u * np.exp(strain - excess * deviator / size)) @ vt
        u, s, _ = np.linalg.svd(f)
        strain = np.log(s)
        principal = 2.0 * p["mu"] * strain + p["lam"] * strain.sum()
        return f, ratio, (u * principal) @ u.T
    mu, lam, j = harden * p["mu"], harden * p["lam"], np.linalg.det(f)
    if elastic == "neo-hookean":
        return f, ratio, mu * (f @ f.T - np.eye(3)) + lam * np.log(j) * np.eye(3)
    u, _, vt = np.linalg.svd(f)
    return f, ratio, 2.0 * mu * (f - u @ vt) @ f.T + lam * j * (j - 1.0) * np.eye(3)
