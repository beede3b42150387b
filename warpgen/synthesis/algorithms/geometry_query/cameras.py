"""Cameras that look at instances of a mesh."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.algorithms.geometry_query import _views as views
from warpgen.synthesis.algorithms.geometry_query.rays import hits
from warpgen.synthesis.algorithms.geometry_query.surface import corners, sphere
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.library.ray_shapes import turn
from warpgen.synthesis.writing.draft import Draft, Values, fill

_TRACE = '''
@wp.func
def trace_instances(
    mesh: wp.uint64, instances: MeshInstances, instance_count: int, origin: wp.vec3, ray_dir: wp.vec3, max_t: float
) -> TraceHit:
    """Find the closest hit over all visible instances; `instance` is -1 for a miss.

    Each ray is transformed to instance-local space instead of transforming the mesh.
    """
    hit = TraceHit()
    hit.instance = -1
    hit.t = max_t
    for i in range(instance_count):
        # Skip hidden instances (negative label)
        if instances.label[i] < 0:
            continue
        to_local = wp.transform_inverse(instances.pose[i])
        inv_scale = 1.0 / instances.scale[i]
        local_origin = inv_scale * wp.transform_point(to_local, origin)
        local_dir = wp.transform_vector(to_local, ray_dir)
        # Scale the maximum distance to local space
        query = wp.mesh_query_ray(mesh, local_origin, local_dir, hit.t * inv_scale)
        if query.result:
            hit.t = query.t * instances.scale[i]
            hit.instance = i
            hit.normal = wp.transform_vector(instances.pose[i], query.normal)
    return hit


@wp.func
def is_shadowed(
    mesh: wp.uint64, instances: MeshInstances, instance_count: int, origin: wp.vec3, light_dir: wp.vec3
) -> bool:
    """Return True if any visible instance occludes a directional light."""
    for i in range(instance_count):
        if instances.label[i] < 0:
            continue
        to_local = wp.transform_inverse(instances.pose[i])
        local_origin = wp.transform_point(to_local, origin) / instances.scale[i]
        if wp.mesh_query_ray_anyhit(mesh, local_origin, wp.transform_vector(to_local, light_dir), 1.0e3):
            return True
    return False
'''

_RAYS = {
    "pinhole": """
        # Pixel centers, y up
        tan_half = wp.tan(0.5 * camera.fov)
        ndc_x = (2.0 * (float(col) + 0.5) / float(WIDTH) - 1.0) * ASPECT
        ndc_y = 1.0 - 2.0 * (float(row) + 0.5) / float(HEIGHT)
        local_dir = wp.normalize(wp.vec3(ndc_x * tan_half, ndc_y * tan_half, -1.0))
        origin = wp.transform_get_translation(camera.pose)
        """,
    "orthographic": """
        # Rays are parallel and start at the pixel centers
        pixel_size = camera.view_height / float(HEIGHT)
        offset_x = (float(col) + 0.5 - 0.5 * float(WIDTH)) * pixel_size
        offset_y = (0.5 * float(HEIGHT) - float(row) - 0.5) * pixel_size
        local_dir = wp.vec3(0.0, 0.0, -1.0)
        origin = wp.transform_point(camera.pose, wp.vec3(offset_x, offset_y, 0.0))
        """,
    "fisheye": """
        # Equidistant projection: angle from the optical axis is proportional to the image radius
        image_x = (2.0 * (float(col) + 0.5) / float(WIDTH) - 1.0) * ASPECT
        image_y = 1.0 - 2.0 * (float(row) + 0.5) / float(HEIGHT)
        image_r = wp.sqrt(image_x * image_x + image_y * image_y)
        theta = 0.5 * camera.fov * image_r
        radial = wp.sin(theta) / wp.max(image_r, 1.0e-6)
        local_dir = wp.vec3(radial * image_x, radial * image_y, -wp.cos(theta))
        origin = wp.transform_get_translation(camera.pose)
        """,
}


@DOMAIN.algorithm(
    source="Whitted 1980; Phong 1975; Wald et al. 2001, Interactive rendering with coherent ray tracing",
    names={
        "row": "y|pixel_y|py",
        "col": "x|pixel_x|px",
        "mesh": "mesh_id|geometry|base_mesh",
        "instances": "scene|objects|mesh_instances",
        "camera_index": "cam|camera_id|view",
        "ray_dir": "direction_world|view_ray|rd",
        "light_dir": "sun_dir|light_direction|to_light",
    },
    adjoint="no",
    weight=4,
)
def render_mesh_instances(d: Draft) -> None:
    """Renders mesh instances by casting one ray per pixel for each camera."""
    lens = d.option("lens", *_RAYS)
    result = d.option("result", "color", "depth", "labels", "normals")
    shading = d.option("shading", "lambert", "phong", "wrapped") if result == "color" else ""
    shadows = d.flag("shadows", 0.7) and shading != "wrapped" if result == "color" else False
    depth = d.option("depth", "range", "planar") if result == "depth" else ""
    two_sided = d.flag("two_sided")
    tone = d.option("tone", "clamp", "gamma") if result == "color" else ""
    d.calls(
        {
            "color": "render_mesh_instances|render_cameras|raytrace_image|tiled_camera_render|draw_meshes",
            "depth": "render_depth|depth_images|tiled_depth_render",
            "labels": "render_labels|segmentation_images|instance_masks",
            "normals": "render_normals|normal_images|tiled_normal_render",
        }[result]
    )
    w, h, cameras, count = d.pick(8, 10), d.pick(6, 8), d.pick(2, 3), d.pick(3, 4, 5)
    stacks = sphere(d)
    size = (cameras, h, w)
    d.handle("mesh", "mesh", stacks, about="Mesh shared by all instances")
    d.struct(
        "instances",
        views.MESH_INSTANCES if result == "color" else views.PLAIN_INSTANCES,
        {
            "pose": fill(-0.8, 0.8, "transform", shape=count),
            "scale": fill(0.4, 0.9, shape=count),
            **({"color": fill(0.2, 0.9, shape=count)} if result == "color" else {}),
            "label": fill(-1, 6, shape=count),
        },
        about="Instances to render",
    )
    d.param("instance_count", "int", count, about="Number of active instances")
    parallel = lens == "orthographic"
    if depth and parallel:
        depth = "range"  # which is the depth along parallel rays
    d.module(f"WIDTH = wp.constant({w})\nHEIGHT = wp.constant({h})")
    if shading == "phong":
        d.module("SHININESS = wp.constant(16.0)\nSPECULAR = wp.constant(0.3)  # shared by all instances")
    if not parallel:
        d.module("ASPECT = wp.constant(WIDTH / HEIGHT)")
    d.struct(
        "cameras",
        {
            "pinhole": views.TRACED_CAMERA,
            "orthographic": views.ORTHOGRAPHIC_CAMERA,
            "fisheye": views.FISHEYE_CAMERA,
        }[lens],
        {
            "pose": fill(-0.3, 0.3, "transform"),
            "view_height" if parallel else "fov": fill(1.0, 2.0),
            "near": fill(0.05, 0.1),
            "far": fill(8.0, 12.0),
        },
        cameras,
        about="Cameras, shape (num_cameras,)",
    )
    if result == "color":
        d.param("light_dir", "vec3", kind="unit", low=0.0, high=1.0, about="Unit vector toward the light")
        d.param("ambient", "vec3", 0.05, 0.2, about="Ambient radiance")
        d.param("background", "vec3", 0.1, 0.6, about="Background color")
    along = "Depth" if parallel or depth == "planar" else "Distance along the ray"
    name, type, about = {
        "color": ("image", "vec3", "Shaded output image"),
        "depth": ("depth_image", "float", f"{along} [m], 0 for no hit"),
        "labels": ("segmentation", "int", "Instance label, -1 for background"),
        "normals": ("normal_image", "vec3", "World-space normal, zero for no hit"),
    }[result]
    d.output(name, type, size, about=f"{about}, shape (num_cameras, height, width)")
    turned = result in ("color", "normals")
    d.use(views.TRACE_HIT if turned else views.PLAIN_HIT)
    trace = _TRACE.split("@wp.func\ndef is_shadowed")[0].rstrip()
    if not turned:
        trace = trace.replace(
            "            hit.normal = wp.transform_vector(instances.pose[i], query.normal)\n", ""
        )
    d.function(trace)
    if shadows:
        d.function("@wp.func\ndef is_shadowed" + _TRACE.split("@wp.func\ndef is_shadowed")[1])
    d.says(
        {
            "color": "Renders mesh instances by casting one ray per pixel for each camera.",
            "depth": "Renders depth images of mesh instances by casting one ray per pixel."
            if along == "Depth"
            else "Renders range images (ray distances) of mesh instances by casting one ray per pixel.",
            "labels": "Renders per-pixel instance labels for each camera.",
            "normals": "Renders per-pixel surface normals of mesh instances for each camera.",
        }[result]
    )
    at = "camera_index, row, col"
    normal = "shading_normal" if two_sided else "hit.normal"
    d.launch(*size)
    d.code(
        """
        camera_index, row, col = wp.tid()
        camera = cameras[camera_index]
        $lens
        ray_dir = wp.transform_vector(camera.pose, local_dir)
        # Start at the near plane to clip geometry around the camera
        ray_start = origin + camera.near * ray_dir
        hit = trace_instances(mesh, instances, instance_count, ray_start, ray_dir, camera.far - camera.near)
        if hit.instance < 0:
            $miss
            return

        $side
        $store
        """,
        lens=_RAYS[lens],
        miss={
            "color": f"image[{at}] = background",
            "depth": f"depth_image[{at}] = 0.0",
            "labels": f"segmentation[{at}] = -1",
            "normals": f"normal_image[{at}] = wp.vec3(0.0)",
        }[result],
        side={
            True: """
                shading_normal = hit.normal
                # Flip normals toward the viewer, since the mesh may be open
                if wp.dot(shading_normal, ray_dir) > 0.0:
                    shading_normal = -shading_normal
                """,
            False: "",
        }[two_sided]
        if result in ("color", "normals")
        else "",
        store={
            "depth": {
                "range": f"depth_image[{at}] = camera.near + hit.t",
                "planar": f"""
                    # Project onto the optical axis to get z-depth
                    depth_image[{at}] = -(camera.near + hit.t) * local_dir[2]
                    """,
            }.get(depth, ""),
            "labels": f"segmentation[{at}] = instances.label[hit.instance]",
            "normals": f"normal_image[{at}] = {normal}",
            "color": f"""
                albedo = instances.color[hit.instance]
                n_dot_l = wp.dot({normal}, light_dir)
                radiance = wp.cw_mul(ambient, albedo)
                $direct
                $tone
                """,
        }[result],
        direct=f"""
            if n_dot_l > 0.0:
                # Offset the ray origin to avoid shadow acne
                shadow_origin = ray_start + hit.t * ray_dir + 2.0e-3 * {normal}
                if not is_shadowed(mesh, instances, instance_count, shadow_origin, light_dir):
                    $light
            """
        if shadows
        else ("if n_dot_l > 0.0:\n    $light" if shading != "wrapped" else "$light"),
        light={
            "lambert": "radiance += n_dot_l * albedo",
            "wrapped": "# Wrapped diffuse: light leaks past the terminator\nradiance += 0.5 * (n_dot_l + 1.0) * albedo",
            "phong": f"""
                # Blinn-Phong specular using the half vector
                half_vector = wp.normalize(light_dir - ray_dir)
                highlight = wp.pow(wp.max(wp.dot({normal}, half_vector), 0.0), SHININESS)
                radiance += n_dot_l * albedo + wp.vec3(SPECULAR * highlight)
                """,
            "": "",
        }[shading],
        tone={
            "clamp": f"image[{at}] = wp.min(radiance, wp.vec3(1.0))",
            "gamma": f"""
                # Approximate sRGB encoding using a gamma of 2.2
                encoded = wp.vec3(
                    wp.pow(radiance[0], 1.0 / 2.2), wp.pow(radiance[1], 1.0 / 2.2), wp.pow(radiance[2], 1.0 / 2.2)
                )
                image[{at}] = wp.min(encoded, wp.vec3(1.0))
                """,
            "": "",
        }[tone],
    )

    def agrees(v: Values, after: Values) -> None:
        row, col = (a.reshape(-1) for a in np.meshgrid(np.arange(h), np.arange(w), indexing="ij"))
        x, y = (2.0 * (col + 0.5) / w - 1.0) * (w / h), 1.0 - 2.0 * (row + 0.5) / h
        made = []
        for c in range(cameras):
            pose, fov = v["cameras.pose"][c], v["cameras.view_height" if parallel else "cameras.fov"][c]
            near, far = v["cameras.near"][c], v["cameras.far"][c]
            local, start = (
                np.stack([x * np.tan(fov / 2), y * np.tan(fov / 2), -np.ones_like(x)], -1),
                0.0 * row,
            )
            shift = np.zeros((len(x), 3))
            if lens == "orthographic":
                local, shift = (
                    np.tile([0.0, 0.0, -1.0], (len(x), 1)),
                    np.stack([0.5 * fov * x, 0.5 * fov * y, start], -1),
                )
            elif lens == "fisheye":
                r = np.hypot(x, y)
                k = np.sin(0.5 * fov * r) / r
                local = np.stack([k * x, k * y, -np.cos(0.5 * fov * r)], -1)
            local = local / np.linalg.norm(local, axis=1, keepdims=True)
            way = turn(pose[3:], local)
            o = pose[:3] + turn(pose[3:], shift) + near * way
            t, which, n = _first(v, o, way, far - near)
            hit = which >= 0
            if result == "depth":
                made.append(np.where(hit, (near + t) * (-local[:, 2] if depth == "planar" else 1.0), 0.0))
                continue
            if result == "labels":
                made.append(np.where(hit, np.asarray(v["instances.label"])[which], -1))
                continue
            if two_sided:
                n = np.where(((n * way).sum(1) > 0.0)[:, None], -n, n)
            if result == "normals":
                made.append(np.where(hit[:, None], n, 0.0))
                continue
            albedo, sun = v["instances.color"][which], np.asarray(v.light_dir)
            cos = (n @ sun)[:, None]
            half = (sun - way) / np.linalg.norm(sun - way, axis=1, keepdims=True)
            light = cos * albedo
            if shading == "wrapped":
                light = 0.5 * (cos + 1.0) * albedo
            elif shading == "phong":
                light = light + 0.3 * np.maximum((n * half).sum(1), 0.0)[:, None] ** 16
            lit = (cos > 0.0) | ((shading == "wrapped") and not shadows)
            if shadows:
                point = o + np.where(hit, t, 0.0)[:, None] * way + 2e-3 * n
                blocked = _first(v, point, np.broadcast_to(sun, point.shape), np.inf)[1] >= 0
                lit = lit & ~blocked[:, None]
            radiance = v.ambient * albedo + np.where(lit, light, 0.0)
            if tone == "gamma":
                radiance = np.maximum(radiance, 0.0) ** (1 / 2.2)
            made.append(np.where(hit[:, None], np.minimum(radiance, 1.0), v.background))
        expected = np.stack(made)
        mostly_close(after[name], expected.reshape(cameras, h, w, *expected.shape[2:]), 3e-3, 0.94)

    d.holds(agrees)


def _first(v: Values, o: Any, way: Any, most: Any) -> tuple[Any, Any, Any]:
    """How far rays go to the first instance (infinite for a miss), which it is (or -1), and its normal."""
    a, b, c = corners(v.mesh)
    normals = np.cross(b - a, c - a)
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    best, which, normal = np.full(len(o), np.inf), np.full(len(o), -1), np.zeros((len(o), 3))
    for k, label in enumerate(v["instances.label"]):
        if label < 0:
            continue
        pose, scale = v["instances.pose"][k], v["instances.scale"][k]
        local = turn(pose[3:], o - pose[:3], back=True) / scale
        t, face = hits(v.mesh, local, turn(pose[3:], way, back=True))
        t = t * scale
        nearer = (t < best) & (t < most)
        best, which = np.where(nearer, t, best), np.where(nearer, k, which)
        normal = np.where(nearer[:, None], turn(pose[3:], normals[face]), normal)
    return best, which, normal
