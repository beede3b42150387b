"""Projection of Gaussians (EWA splatting) and their colors: pieces, and the same in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering.cameras import turned
from warpgen.synthesis.writing.draft import Values
from warpgen.synthesis.writing.pieces import piece

SPLAT_CAMERA = piece('''
@wp.struct
class SplatCamera:
    """Camera with +z forward; focal lengths and image size in pixels."""

    world_to_camera: wp.transform
    focal: wp.vec2
    center: wp.vec2
    width: int
    height: int
    near_plane: float
''')

ORTHOGRAPHIC_CAMERA = piece(
    SPLAT_CAMERA.text.replace(
        "focal lengths and image size in pixels", "scale in pixels per unit length, image size in pixels"
    ).replace("focal: wp", "scale: wp")
)

COVARIANCE = '''
@wp.func
def gaussian_covariance(log_scale: wp.vec3, rotation: wp.quat) -> wp.mat33:
    """Return R S S^T R^T for a Gaussian with logarithmic scales."""
    # Normalize, since the optimizer does not preserve unit quaternions
    R = wp.quat_to_matrix(wp.normalize(rotation))
    scale = wp.vec3(wp.exp(log_scale[0]), wp.exp(log_scale[1]), wp.exp(log_scale[2]))
    M = R * wp.diag(scale)
    return M * wp.transpose(M)
'''

# Rows of the Jacobian of pixel coordinates by camera coordinates, and the pixel itself.
MODELS = {
    "perspective": (
        """
        # Clamp to 1.3x the field of view, since the linearization is inaccurate far outside the image
        limit_x = 0.65 * float(camera.width) / camera.focal[0]
        limit_y = 0.65 * float(camera.height) / camera.focal[1]
        inv_z = 1.0 / p[2]
        slope_x = wp.clamp(p[0] * inv_z, -limit_x, limit_x)
        slope_y = wp.clamp(p[1] * inv_z, -limit_y, limit_y)
        jac_x = wp.vec3(camera.focal[0] * inv_z, 0.0, -camera.focal[0] * slope_x * inv_z)
        jac_y = wp.vec3(0.0, camera.focal[1] * inv_z, -camera.focal[1] * slope_y * inv_z)
        """,
        "camera.center + wp.cw_mul(camera.focal, wp.vec2(p[0], p[1])) / p[2]",
    ),
    "orthographic": (
        """
        # Orthographic: constant Jacobian, depth is dropped
        jac_x = wp.vec3(camera.scale[0], 0.0, 0.0)
        jac_y = wp.vec3(0.0, camera.scale[1], 0.0)
        """,
        "camera.center + wp.cw_mul(camera.scale, wp.vec2(p[0], p[1]))",
    ),
    "fisheye": (
        """
        # u = f * theta * x / r with theta = atan2(r, z), r^2 = x^2 + y^2
        radial_sq = p[0] * p[0] + p[1] * p[1] + 1.0e-6
        dist_sq = radial_sq + p[2] * p[2]
        # d(theta / r) / dr, divided by r
        curvature = (p[2] / dist_sq - theta_over_r) / radial_sq
        jac_x = camera.focal[0] * wp.vec3(
            theta_over_r + curvature * p[0] * p[0], curvature * p[0] * p[1], -p[0] / dist_sq
        )
        jac_y = camera.focal[1] * wp.vec3(
            curvature * p[0] * p[1], theta_over_r + curvature * p[1] * p[1], -p[1] / dist_sq
        )
        """,
        "",
    ),
}

FISHEYE_CAMERA = piece(
    SPLAT_CAMERA.text.replace(
        "Camera with +z forward; focal lengths", "Equidistant fisheye camera with +z forward; focal lengths"
    )
)

FISHEYE_ANGLE = """
# Equidistant model: image radius grows linearly with the angle from the axis
radial = wp.sqrt(mean_camera[0] * mean_camera[0] + mean_camera[1] * mean_camera[1] + 1.0e-6)
theta_over_r = wp.atan2(radial, mean_camera[2]) / radial
"""

FISHEYE = """
mean_image = camera.center + theta_over_r * wp.cw_mul(camera.focal, wp.vec2(mean_camera[0], mean_camera[1]))
"""

PROJECT = '''
@wp.func
def project_covariance(camera: SplatCamera, p: wp.vec3, covariance: wp.mat33) -> wp.vec3:
    """Project a world-space covariance to the image using a local affine approximation (EWA).

    Args:
        camera: Camera to project with.
        p: Gaussian mean in camera space.
        covariance: 3x3 covariance in world space.

    Returns:
        Entries (xx, xy, yy) of the image-space covariance in pixels squared.
    """
    $jacobian
    # Sigma' = J W Sigma W^T J^T; rotate the two rows of J instead of the covariance
    to_world = wp.quat_inverse(wp.transform_get_rotation(camera.world_to_camera))
    row_x = wp.quat_rotate(to_world, jac_x)
    row_y = wp.quat_rotate(to_world, jac_y)
    spread_x = covariance * row_x
    spread_y = covariance * row_y
    return wp.vec3(wp.dot(row_x, spread_x), wp.dot(row_x, spread_y), wp.dot(row_y, spread_y))
'''

BANDS = (
    """
    color = 0.28209479177387814 * sh_coeffs[index, 0]
    """,
    """
    # Band 1
    color += 0.4886025119029199 * (
        -view_dir[1] * sh_coeffs[index, 1] + view_dir[2] * sh_coeffs[index, 2] - view_dir[0] * sh_coeffs[index, 3]
    )
    """,
    """
    # Band 2
    xx = view_dir[0] * view_dir[0]
    yy = view_dir[1] * view_dir[1]
    zz = view_dir[2] * view_dir[2]
    xy = view_dir[0] * view_dir[1]
    yz = view_dir[1] * view_dir[2]
    xz = view_dir[0] * view_dir[2]
    color += 1.0925484305920792 * (xy * sh_coeffs[index, 4] - yz * sh_coeffs[index, 5] - xz * sh_coeffs[index, 7])
    color += 0.31539156525252005 * (2.0 * zz - xx - yy) * sh_coeffs[index, 6]
    color += 0.5462742152960396 * (xx - yy) * sh_coeffs[index, 8]
    """,
    """
    # Band 3
    color -= 0.5900435899266435 * view_dir[1] * (3.0 * xx - yy) * sh_coeffs[index, 9]
    color += 2.890611442640554 * xy * view_dir[2] * sh_coeffs[index, 10]
    color -= 0.4570457994644658 * view_dir[1] * (4.0 * zz - xx - yy) * sh_coeffs[index, 11]
    color += 0.3731763325901154 * view_dir[2] * (2.0 * zz - 3.0 * xx - 3.0 * yy) * sh_coeffs[index, 12]
    color -= 0.4570457994644658 * view_dir[0] * (4.0 * zz - xx - yy) * sh_coeffs[index, 13]
    color += 1.445305721320277 * view_dir[2] * (xx - yy) * sh_coeffs[index, 14]
    color -= 0.5900435899266435 * view_dir[0] * (xx - 3.0 * yy) * sh_coeffs[index, 15]
    """,
)

CONSTANT_COLOR = '''
@wp.func
def evaluate_sh(sh_coeffs: wp.array2d(dtype=wp.vec3), index: int) -> wp.vec3:
    """Evaluate the view-independent color from the degree-0 spherical harmonic."""
    color = 0.28209479177387814 * sh_coeffs[index, 0]
    # Coefficients are stored relative to mid-gray
    return wp.max(color + wp.vec3(0.5), wp.vec3(0.0))
'''

COLOR = '''
@wp.func
def evaluate_sh(sh_coeffs: wp.array2d(dtype=wp.vec3), index: int, view_dir: wp.vec3) -> wp.vec3:
    """Evaluate view-dependent color from real spherical harmonics.

    The direction points from the camera to the Gaussian. Negative colors are clamped to zero.
    """
    $bands
    # Coefficients are stored relative to mid-gray
    return wp.max(color + wp.vec3(0.5), wp.vec3(0.0))
'''

TILES = '''
@wp.func
def count_tiles(camera: SplatCamera, pixel: wp.vec2, extent: float) -> int:
    """Return the number of $tile x $tile tiles overlapped by a square around a pixel."""
    tiles_x = (camera.width + TILE_SIZE - 1) // TILE_SIZE
    tiles_y = (camera.height + TILE_SIZE - 1) // TILE_SIZE
    inv_tile = 1.0 / float(TILE_SIZE)
    min_x = wp.clamp(int(wp.floor((pixel[0] - extent) * inv_tile)), 0, tiles_x)
    min_y = wp.clamp(int(wp.floor((pixel[1] - extent) * inv_tile)), 0, tiles_y)
    max_x = wp.clamp(int(wp.floor((pixel[0] + extent) * inv_tile)) + 1, 0, tiles_x)
    max_y = wp.clamp(int(wp.floor((pixel[1] + extent) * inv_tile)) + 1, 0, tiles_y)
    return (max_x - min_x) * (max_y - min_y)
'''


def preprocessed(
    camera: dict[str, Any], v: Values, model: str, degree: int, compensated: bool, tile: int
) -> dict[str, Any]:
    """What the kernel makes of all Gaussians for one camera, and which it keeps."""
    pose = np.asarray(camera["world_to_camera"])
    view = turned(pose[3:], np.eye(3)).T
    p = v.means @ view.T + pose[:3]
    z = np.where(p[:, 2] > 0.3, p[:, 2], 1.0)
    focal, size = np.asarray(camera["focal"]), 64.0
    if "covariances" in v:
        sigma = v.covariances
    else:
        q = v.rotations / np.linalg.norm(v.rotations, axis=1, keepdims=True)
        axes = np.stack([turned(q, np.eye(3)[k]) for k in range(3)], axis=-1)
        sigma = np.einsum("nik,nk,njk->nij", axes, np.exp(2.0 * v.log_scales), axes)
    jac = np.zeros((len(p), 2, 3))
    if model == "perspective":
        for k in range(2):
            jac[:, k, k] = focal[k] / z
            jac[:, k, 2] = (
                -focal[k] * np.clip(p[:, k] / z, -0.65 * size / focal[k], 0.65 * size / focal[k]) / z
            )
        pixel = camera["center"] + focal * p[:, :2] / z[:, None]
    elif model == "orthographic":
        jac[:, 0, 0], jac[:, 1, 1] = focal
        pixel = camera["center"] + focal * p[:, :2]
    else:

        def project(x: Any) -> Any:
            r = np.sqrt(x[:, 0] ** 2 + x[:, 1] ** 2 + 1e-6)
            return camera["center"] + focal * x[:, :2] * (np.arctan2(r, x[:, 2]) / r)[:, None]

        pixel = project(p)
        for k in range(3):
            step = 1e-5 * np.eye(3)[k]
            jac[:, :, k] = (project(p + step) - project(p - step)) / 2e-5
    sharp = jac @ view @ sigma @ view.T @ np.swapaxes(jac, 1, 2)
    cov = sharp + 0.3 * np.eye(2)
    det, mid = np.linalg.det(cov), np.trace(cov, axis1=1, axis2=2) / 2.0
    extent = np.ceil(3.0 * np.sqrt(mid + np.sqrt(np.maximum(mid**2 - det, 0.1))))
    on_screen = np.all((pixel + extent[:, None] >= 0.0) & (pixel - extent[:, None] <= size), axis=1)
    on_screen &= p[:, 2] > 0.3
    count = int(size) // tile
    low = np.clip(np.floor((pixel - extent[:, None]) / tile), 0, count)
    high = np.clip(np.floor((pixel + extent[:, None]) / tile) + 1, 0, count)
    touched = np.prod(high - low, axis=1)
    opacity = v.opacities
    if compensated:
        opacity = opacity * np.sqrt(np.maximum(np.linalg.det(sharp) / det, 0.000025))
    inverse = np.linalg.inv(cov)
    eye = -view.T @ pose[:3]
    way = (v.means - eye) / np.linalg.norm(v.means - eye, axis=1, keepdims=True)
    if model == "orthographic":
        way = np.broadcast_to(view[2], way.shape)
    basis = _harmonics(way)[:, : (degree + 1) ** 2]
    return {
        "means2d": pixel,
        "depths": p[:, 2],
        "conic_opacities": np.stack([inverse[:, 0, 0], inverse[:, 0, 1], inverse[:, 1, 1], opacity], axis=1),
        "colors": np.maximum(np.einsum("nb,nbc->nc", basis, v.sh_coeffs) + 0.5, 0.0),
        "radii": extent,
        "tiles_touched": touched,
        "on_screen": on_screen,
        "seen": on_screen & (touched > 0),
    }


def _harmonics(way: Any) -> Any:
    """Real spherical harmonics to degree 3 in the order and signs of the splatting literature."""
    x, y, z = way.T
    one = np.ones_like(x)
    return np.stack(
        [
            np.sqrt(1 / (4 * np.pi)) * one,
            *(np.sqrt(3 / (4 * np.pi)) * t for t in (-y, z, -x)),
            *(np.sqrt(15 / (4 * np.pi)) * t for t in (x * y, -y * z)),
            np.sqrt(5 / (16 * np.pi)) * (3 * z * z - 1),
            *(np.sqrt(15 / (4 * np.pi)) * t for t in (-x * z, (x * x - y * y) / 2)),
            -np.sqrt(35 / (32 * np.pi)) * y * (3 * x * x - y * y),
            np.sqrt(105 / (4 * np.pi)) * x * y * z,
            -np.sqrt(21 / (32 * np.pi)) * y * (5 * z * z - 1),
            np.sqrt(7 / (16 * np.pi)) * z * (5 * z * z - 3),
            -np.sqrt(21 / (32 * np.pi)) * x * (5 * z * z - 1),
            np.sqrt(105 / (16 * np.pi)) * z * (x * x - y * y),
            -np.sqrt(35 / (32 * np.pi)) * x * (x * x - 3 * y * y),
        ],
        axis=1,
    )
