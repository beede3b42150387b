"""Fusion of depth images into a grid of truncated signed distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.volume import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.library.ray_shapes import turn
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

DEPTH_CAMERA = piece('''
@wp.struct
class DepthCamera:
    """Pinhole intrinsics in pixels and valid depth range in meters; +z points into the scene."""

    fx: float
    fy: float
    cx: float
    cy: float
    min_depth: float
    max_depth: float
''')

TSDF_GRID = piece('''
@wp.struct
class TSDFGrid:
    """Voxel grid parameters; lengths in meters."""

    origin: wp.vec3
    voxel_size: float
    truncation: float
    max_weight: float
''')

_DEPTH = {
    "nearest": '''
@wp.func
def read_depth(depth_image: wp.array2d(dtype=float), u: float, v: float) -> float:
    """Return the nearest depth sample, or 0 outside the image."""
    col = int(wp.floor(u + 0.5))
    row = int(wp.floor(v + 0.5))
    if col < 0 or row < 0 or col >= depth_image.shape[1] or row >= depth_image.shape[0]:
        return 0.0
    return depth_image[row, col]
''',
    "bilinear": '''
@wp.func
def read_depth(depth_image: wp.array2d(dtype=float), u: float, v: float) -> float:
    """Return a bilinear depth sample, or 0 outside the image or near missing or discontinuous depth."""
    col = int(wp.floor(u))
    row = int(wp.floor(v))
    if col < 0 or row < 0 or col + 1 >= depth_image.shape[1] or row + 1 >= depth_image.shape[0]:
        return 0.0
    d00 = depth_image[row, col]
    d01 = depth_image[row, col + 1]
    d10 = depth_image[row + 1, col]
    d11 = depth_image[row + 1, col + 1]
    nearest = wp.min(wp.min(d00, d01), wp.min(d10, d11))
    farthest = wp.max(wp.max(d00, d01), wp.max(d10, d11))
    # Do not interpolate across depth discontinuities
    if nearest <= 0.0 or farthest - nearest > MAX_DEPTH_STEP:
        return 0.0
    a = u - float(col)
    b = v - float(row)
    return (1.0 - b) * ((1.0 - a) * d00 + a * d01) + b * ((1.0 - a) * d10 + a * d11)
''',
}


@DOMAIN.algorithm(
    source="Curless & Levoy 1996; Newcombe et al. 2011, KinectFusion, sec. 3.3; Bylow et al. 2013",
    names={
        "integrate_tsdf": "fuse_depth|tsdf_integrate|update_tsdf|integrate_depth_frame",
        "tsdf": "sdf_grid|tsdf_values|distances",
        "weights": "tsdf_weights|confidence|voxel_weights",
        "depth_image": "depth_map|depth_frame|depths",
        "world_to_camera": "X_cw|view_transform|extrinsics",
        "p_camera": "voxel_camera|p_cam|point_c",
        "measured": "depth_sample|surface_depth|measured_depth",
        "camera": "intrinsics|cam|depth_camera",
    },
    weight=4,
)
def integrate_tsdf(d: Draft) -> None:
    """Integrates a depth image into a TSDF voxel grid."""
    lookup = d.option("lookup", *_DEPTH)
    weighting = d.option("weighting", "constant", "depth", "behind")
    along = d.option("distance", "axis", "ray")
    color = d.flag("color")
    place = d.option("place", "new", "same")
    carving = d.flag("carving")
    dynamic = d.flag("mask", 0.35)
    n, rows, cols = d.pick(5, 6), d.pick(12, 16), d.pick(14, 18)
    size = (n, n, n)
    d.struct("grid", TSDF_GRID, {
        "origin": fill(-0.55, -0.45), "voxel_size": fill(0.15, 0.2), "truncation": fill(0.5, 0.7),
        "max_weight": fill(8.0, 8.5),
    }, about="Voxel grid parameters")  # fmt: skip
    d.struct("camera", DEPTH_CAMERA, {
        "fx": fill(3.5, 4.5), "fy": fill(3.5, 4.5), "cx": fill(6.5, 7.5), "cy": fill(5.5, 6.5),
        "min_depth": fill(0.6, 0.8), "max_depth": fill(2.2, 2.6),
    }, about="Pinhole intrinsics and valid depth range")  # fmt: skip
    d.param("world_to_camera", "transform", 1.6, 2.0, "transform", about="World-to-camera transform")
    depths = (1.4, 2.1) if lookup == "bilinear" else (0.5, 2.7)
    d.input("depth_image", "float", (rows, cols), *depths, about="Depth image [m], 0 if missing")
    if color:
        d.input(
            "color_image", "vec3", (rows, cols), 0.0, 1.0, about="Color image registered to the depth image"
        )
    if dynamic:
        about = "Dynamic object mask, nonzero for pixels on moving objects"
        d.mask("dynamic_mask", "int", (rows, cols), about=about, rare=True)
    declare = d.input if place == "new" else d.inout
    declare("tsdf", "float", size, -1.0, 1.0, about="Truncated signed distances, normalized to [-1, 1]")
    declare("weights", "float", size, 0.0, 8.0, about="Accumulated weights, 0 for unobserved voxels")
    if color:
        declare("colors", "vec3", size, 0.0, 1.0, about="Voxel colors")
        declare("color_weights", "float", size, 0.0, 8.0, about="Accumulated color weights")
    if place == "new":
        for name, type in (
            ("tsdf", "float"),
            ("weights", "float"),
            *((("colors", "vec3"), ("color_weights", "float")) if color else ()),
        ):
            d.output(f"{name}_out", type, size, about=_ABOUT[name])
    else:
        d.forward_only()
    suffix = "_out" if place == "new" else ""
    if lookup == "bilinear":
        d.module(f"MAX_DEPTH_STEP = wp.constant({d.pick(0.4, 0.5)})  # [m]")
    d.function(_DEPTH[lookup])
    keep = (
        "\n".join(
            f"{x}_out[i, j, k] = {x}[i, j, k]"
            for x in ("tsdf", "weights", *(("colors", "color_weights") if color else ()))
        )
        if place == "new"
        else ""
    )
    # the nearest pixel, which the mask and the colors are read at
    pixel = (
        "# Nearest pixel; it is inside the image since its depth is valid\n"
        "pixel_col = int(wp.floor(u + 0.5))\n"
        "pixel_row = int(wp.floor(v + 0.5))"
    )
    hued, still = " and colors" * color, ", skipping moving objects" * dynamic
    d.says(f"Integrates a depth image{hued} into a TSDF voxel grid{still}.")
    d.launch(*size)
    d.code(
        """
        i, j, k = wp.tid()
        $keep
        # Voxel center in the camera frame
        center_offset = wp.vec3(float(i) + 0.5, float(j) + 0.5, float(k) + 0.5)
        p_world = grid.origin + grid.voxel_size * center_offset
        p_camera = wp.transform_point(world_to_camera, p_world)
        # Skip voxels behind the camera or closer than the minimum depth
        if p_camera[2] <= camera.min_depth:
            return

        u = camera.fx * p_camera[0] / p_camera[2] + camera.cx
        v = camera.fy * p_camera[1] / p_camera[2] + camera.cy
        measured = read_depth(depth_image, u, v)
        # Skip missing depth (zero) and unreliable far readings
        if measured < camera.min_depth or measured > camera.max_depth:
            return

        $masked
        $distance
        # Skip occluded voxels, too far behind the surface
        if signed_distance < -grid.truncation:
            return

        old_weight = weights[i, j, k]
        $free
        new_value = wp.min(signed_distance / grid.truncation, 1.0)
        $weight
        # Running average over frames to reduce depth noise
        total_weight = old_weight + new_weight
        tsdf$s[i, j, k] = (old_weight * tsdf[i, j, k] + new_weight * new_value) / total_weight
        # Cap the weight so that the model keeps adapting to changes
        weights$s[i, j, k] = wp.min(total_weight, grid.max_weight)
        $paint
        """.replace("$s", suffix),
        keep=keep,
        pixel="" if dynamic else pixel,
        masked="""
            $at_pixel
            # Skip moving objects, which would leave trails in the static map
            if dynamic_mask[pixel_row, pixel_col] != 0:
                return
            """
        if dynamic
        else "",
        at_pixel=pixel if dynamic else "",
        distance={
            "axis": "signed_distance = measured - p_camera[2]",
            "ray": """
                # Distance along the view ray instead of the optical axis
                ray_scale = wp.length(p_camera) / p_camera[2]
                signed_distance = (measured - p_camera[2]) * ray_scale
                """,
        }[along],
        free="""
            # Far in front of the surface, only update voxels with enough weight
            if signed_distance > grid.truncation and old_weight < 2.0:
                return
            """
        if carving
        else "",
        weight={
            "constant": "new_weight = 1.0",
            "depth": """
                # Stereo and structured-light noise grows with depth
                new_weight = 1.0 / (measured * measured)
                """,
            "behind": """
                # Reduce the weight behind the surface to preserve thin objects
                new_weight = 1.0 + 0.95 * wp.min(signed_distance / grid.truncation, 0.0)
                """,
        }[weighting],
        paint="""
            # Only update colors close to the surface
            if wp.abs(signed_distance) < 0.5 * grid.truncation:
                $pixel
                color_total = color_weights[i, j, k] + new_weight
                blend = new_weight / color_total
                observed = color_image[pixel_row, pixel_col]
                colors$s[i, j, k] = (1.0 - blend) * colors[i, j, k] + blend * observed
                color_weights$s[i, j, k] = wp.min(color_total, grid.max_weight)
            """.replace("$s", suffix)
        if color
        else "",
    )
    updated = (
        "within the truncation distance of the observed surface, or farther in front of it if their weight is 2 or more,"
        if carving
        else "within the truncation distance of the observed surface, or in front of it,"
    )
    d.explain(f"""
        Positive distances are in front of the surface. Only voxels {updated} are updated; all others keep
        their previous values.
    """)

    def agrees(v: Values, after: Values) -> None:
        grid, cam = ({f: v[f"{s}.{f}"] for f in fields} for s, fields in _FIELDS.items())
        at = np.stack(np.meshgrid(*[np.arange(n) + 0.5] * 3, indexing="ij"), axis=-1)
        pose = np.asarray(v.world_to_camera)
        p = turn(pose[3:], grid["origin"] + grid["voxel_size"] * at) + pose[:3]
        z = np.where(p[..., 2] > cam["min_depth"], p[..., 2], 1.0)
        x, y = cam["fx"] * p[..., 0] / z + cam["cx"], cam["fy"] * p[..., 1] / z + cam["cy"]
        limit = float(d.prelude[0].split("(")[1].split(")")[0]) if lookup == "bilinear" else np.inf
        depth = _looked_up(v.depth_image, x, y, lookup, limit)
        seen = (p[..., 2] > cam["min_depth"]) & (depth >= cam["min_depth"]) & (depth <= cam["max_depth"])
        row, col = (np.clip(np.floor(a + 0.5).astype(int), 0, m - 1) for a, m in ((y, rows), (x, cols)))
        if dynamic:
            seen &= np.asarray(v.dynamic_mask)[row, col] == 0
        far = depth - p[..., 2]
        if along == "ray":
            far = far * np.linalg.norm(p, axis=-1) / z
        seen &= far >= -grid["truncation"]
        if carving:
            seen &= ~((far > grid["truncation"]) & (v.weights < 2.0))
        fresh = {
            "constant": np.ones_like(far),
            "depth": 1.0 / np.where(seen, depth, 1.0) ** 2,
            "behind": np.where(far >= 0.0, 1.0, 0.05 + 0.95 * (1.0 + far / grid["truncation"])),
        }[weighting]
        total = v.weights + fresh
        value = (v.weights * v.tsdf + fresh * np.clip(far / grid["truncation"], -1.0, 1.0)) / total
        mostly_close(after[f"tsdf{suffix}"], np.where(seen, value, v.tsdf), 3e-3)
        mostly_close(
            after[f"weights{suffix}"], np.where(seen, np.minimum(total, grid["max_weight"]), v.weights), 3e-3
        )
        if color:
            near = seen & (np.abs(far) < 0.5 * grid["truncation"])
            reach = v.color_weights + fresh
            blend = (fresh / reach)[..., None]
            painted = (1.0 - blend) * v.colors + blend * v.color_image[row, col]
            mostly_close(after[f"colors{suffix}"], np.where(near[..., None], painted, v.colors), 3e-3)
            kept = np.where(near, np.minimum(reach, grid["max_weight"]), v.color_weights)
            mostly_close(after[f"color_weights{suffix}"], kept, 3e-3)

    d.holds(agrees)


_ABOUT = {
    "tsdf": "Updated signed distances",
    "weights": "Updated weights",
    "colors": "Updated voxel colors",
    "color_weights": "Updated color weights",
}
_FIELDS = {
    "grid": ("origin", "voxel_size", "truncation", "max_weight"),
    "camera": ("fx", "fy", "cx", "cy", "min_depth", "max_depth"),
}


def _looked_up(image: Any, x: Any, y: Any, lookup: str, limit: float) -> Any:
    """Depths at pixel coordinates, 0 where there is none."""
    rows, cols = image.shape
    if lookup == "nearest":
        i, j = np.floor(y + 0.5).astype(int), np.floor(x + 0.5).astype(int)
        inside = (i >= 0) & (j >= 0) & (i < rows) & (j < cols)
        return np.where(inside, image[np.clip(i, 0, rows - 1), np.clip(j, 0, cols - 1)], 0.0)
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    inside = (i >= 0) & (j >= 0) & (i + 1 < rows) & (j + 1 < cols)
    b, a = y - i, x - j
    i, j = np.clip(i, 0, rows - 2), np.clip(j, 0, cols - 2)
    four = np.stack([image[i, j], image[i, j + 1], image[i + 1, j], image[i + 1, j + 1]])
    share = np.stack([(1 - b) * (1 - a), (1 - b) * a, b * (1 - a), b * a])
    good = inside & (four.min(0) > 0.0) & (four.max(0) - four.min(0) <= limit)
    return np.where(good, (share * four).sum(0), 0.0)
