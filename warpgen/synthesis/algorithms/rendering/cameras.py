"""Cameras: rays of pixels, and pixels of points."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.library import warping
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "rays": "directions|ray_dirs|rd_out",
    "origins": "ray_origins|ro_out|ray_o",
    "eye": "camera_pos|cam_pos|position",
    "pose": "camera_pose|cam_to_world|X_wc",
    "fov": "field_of_view|fov_y|vfov",
    "pixels": "uv|image_points|projected",
    "points": "positions|world_points",
    "focal": "f|focal_lengths",
    "extrinsics": "world_to_camera|X_cw|view",
}


def turned(q: Any, v: Any) -> Any:
    """Vectors rotated by a quaternion (x, y, z, w)."""
    q = np.asarray(q)
    return v + 2.0 * np.cross(q[..., :3], np.cross(q[..., :3], v) + q[..., 3:] * v)


_LENSES = ("pinhole", "orthographic", "fisheye", "equirectangular", "thin lens", "stereographic")


@DOMAIN.algorithm(
    source="Kolb, Mitchell & Hanrahan 1995; Pharr, Jakob & Humphreys 2016, ch. 6; Kannala & Brandt 2006",
    names=_NAMES | {"camera_rays": "generate_rays|primary_rays|setup_rays|ray_generation"},
    double=True,
    adjoint="either",
    weight=12,
)
def camera_rays(d: Draft) -> None:
    """Generates primary rays for the pixels of a camera."""
    lens = d.option("lens", *_LENSES)
    frame = d.option("frame", "look at", "pose", "basis")
    layout = d.option("layout", "image", "flat")
    jitter = d.flag("jitter", 0.35)
    width, height = d.pick(12, 16, 20), d.pick(8, 10, 12)
    both = lens in ("orthographic", "thin lens")

    def unit(text: str) -> str:
        """Normalized directions."""
        return f"wp.normalize({text})" if lens in ("pinhole", "thin lens") else text

    if frame == "look at":
        d.param("eye", "vec3", 2.0, 3.0, about="Camera position")
        d.param("target", "vec3", -0.3, 0.3, about="Camera target")
        basis = """
            # right-handed camera frame looking along -w
            w = wp.normalize(eye - target)
            u = wp.normalize(wp.cross(wp.vec3(0.0, 1.0, 0.0), w))
            v = wp.cross(w, u)
            """
        world, origin = "-w" if lens == "orthographic" else unit("x * u + y * v + z * w"), "eye"
    elif frame == "pose":
        d.param("pose", "transform", -1.0, 1.0, kind="transform", about="Camera-to-world pose")
        basis, world, origin = (
            "",
            "wp.transform_vector(pose, wp.vec3(0.0, 0.0, -1.0))"
            if lens == "orthographic"
            else unit("wp.transform_vector(pose, wp.vec3(x, y, z))"),
            "wp.transform_get_translation(pose)",
        )
    else:
        d.param("eye", "vec3", -1.0, 1.0, about="Camera position")
        d.param("R", "mat33", 0, 1, kind="rotation", about="Camera-to-world rotation")
        world = "wp.vec3(x, y, z)" if lens != "orthographic" else "wp.vec3(0.0, 0.0, -1.0)"
        world = f"R * {world}" if lens == "orthographic" else unit(f"R * {world}")
        basis, origin = "", "eye"
    angular = lens in ("fisheye", "stereographic")
    if lens in ("pinhole", "thin lens"):
        d.param("fov", "float", 0.6, 1.2, about="Vertical field of view [rad]")
    elif angular:
        d.param("fov", "float", 1.0, 2.0, about="Vertical field of view [rad]")
    elif lens == "orthographic":
        d.param("size", "float", 1.0, 2.0, about="Image plane half-height")
    if lens == "thin lens":
        d.param("aperture", "float", 0.05, 0.2, about="Lens radius")
        d.param("focus", "float", 2.0, 4.0, about="Focus distance")
    d.param("width", "int", width, about="Image width [px]")
    d.param("height", "int", height, about="Image height [px]")
    count = width * height
    shape: tuple[int, ...] = (height, width) if layout == "image" else (count,)
    if jitter:
        d.input("jitter", "vec2", shape, 0.0, 1.0, about="Subpixel offsets in [0, 1)")
    if lens == "thin lens":
        d.input("lens_uv", "vec2", shape, 0.05, 0.95, about="Lens samples in [0, 1)^2")
    if both:
        d.output("origins", "vec3", shape, about="Ray origins")
    d.output("rays", "vec3", shape, about="Normalized ray directions")
    at = "i, j" if layout == "image" else "tid"
    index = "i, j = wp.tid()" if layout == "image" else "tid = wp.tid()\ni = tid // width\nj = tid % width"
    du, dv = (f"jitter[{at}][0]", f"jitter[{at}][1]") if jitter else ("0.5", "0.5")
    aspect = width / height
    screen = f"""
        # NDC in [-1, 1] with y up (row 0 is at the top)
        sx = 2.0 * (float(j) + {du}) / float(width) - 1.0
        sy = 1.0 - 2.0 * (float(i) + {dv}) / float(height)
        """
    if lens != "equirectangular":
        screen += "aspect = float(width) / float(height)\n        "
    bent = """
        ax = aspect * sx
        r = wp.sqrt(ax * ax + sy * sy)
        theta = $theta
        k = wp.sin(theta) / wp.max(r, 1.0e-6)
        x = k * ax
        y = k * sy
        z = -wp.cos(theta)
        """
    direction = {
        "pinhole": """
            half = wp.tan(0.5 * fov)
            x = half * aspect * sx
            y = half * sy
            z = -1.0
            """,
        "thin lens": """
            half = wp.tan(0.5 * fov)
            x = half * aspect * sx * focus
            y = half * sy * focus
            z = -focus
            """,
        "orthographic": "",
        "fisheye": bent.replace("$theta", "0.5 * fov * r  # equidistant"),
        "stereographic": bent.replace("$theta", "2.0 * wp.atan(wp.tan(0.25 * fov) * r)"),
        "equirectangular": """
            azimuth = wp.pi * sx
            elevation = 0.5 * wp.pi * sy
            x = wp.cos(elevation) * wp.sin(azimuth)
            y = wp.sin(elevation)
            z = -wp.cos(elevation) * wp.cos(azimuth)
            """,
    }[lens]
    local_to_world = {
        "look at": "{x} * u + {y} * v",
        "pose": "wp.transform_vector(pose, wp.vec3({x}, {y}, 0.0))",
    }.get(frame, "R * wp.vec3({x}, {y}, 0.0)")
    if lens == "orthographic":
        shift = local_to_world.format(x="size * aspect * sx", y="size * sy")
        store = f"origins[{at}] = {origin} + {shift}\nrays[{at}] = {world}"
    elif lens == "thin lens":
        disk = d.use(warping.CONCENTRIC)
        shift = local_to_world.format(x="lens[0]", y="lens[1]")
        moved = {
            "look at": "x * u + y * v + z * w",
            "pose": "wp.transform_vector(pose, wp.vec3(x, y, z))",
        }.get(frame, "R * wp.vec3(x, y, z)")
        store = f"""
            lens = aperture * {disk}(lens_uv[{at}][0], lens_uv[{at}][1])
            offset = {shift}
            # thin lens: all rays for a pixel converge at the focal plane
            origins[{at}] = {origin} + offset
            rays[{at}] = wp.normalize({moved} - offset)
            """
    else:
        store = f"rays[{at}] = {world}"
    kind = "equidistant fisheye" if lens == "fisheye" else lens
    rays = "primary rays" if both else "primary ray directions"
    d.says(f"Generates {rays} for {'an' if kind[0] in 'oe' else 'a'} {kind} camera.")
    d.explain(
        "The camera looks at the target with world-space +y up."
        if frame == "look at"
        else "The camera looks along its local -z axis, with +y up."
    )
    d.launch(*shape)
    d.code(
        "$index\n$basis\n$screen\n$direction\n$store",
        index=index,
        basis=basis,
        screen=screen,
        direction=direction,
        store=store,
    )

    def reference(v: Values) -> dict[str, Any]:
        i, j = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
        jit = v.jitter.reshape(height, width, 2) if jitter else np.full((height, width, 2), 0.5)
        sx, sy = 2.0 * (j + jit[..., 0]) / width - 1.0, 1.0 - 2.0 * (i + jit[..., 1]) / height
        if frame == "look at":
            back = np.asarray(v.get("eye", np.zeros(3))) - v.target
            back = back / np.linalg.norm(back)
            right = np.cross([0.0, 1.0, 0.0], back)
            right = right / np.linalg.norm(right)
            matrix, eye = (
                np.column_stack([right, np.cross(back, right), back]),
                np.asarray(v.get("eye", np.zeros(3))),
            )
        elif frame == "pose":
            matrix, eye = turned(np.asarray(v.pose)[3:], np.eye(3)).T, np.asarray(v.pose)[:3]
        else:
            matrix, eye = np.asarray(v.R), np.asarray(v.get("eye", np.zeros(3)))
        zero, one = np.zeros_like(sx), np.ones_like(sx)
        start = np.zeros((*sx.shape, 3))
        if lens in ("pinhole", "thin lens"):
            half = np.tan(v.fov / 2.0)
            w = np.stack([half * aspect * sx, half * sy, -one], axis=-1)
            if lens == "thin lens":
                spot = v.aperture * warping.CONCENTRIC(
                    *np.moveaxis(v.lens_uv.reshape(height, width, 2), -1, 0)
                )
                start = np.concatenate([spot, zero[..., None]], axis=-1)
                w = v.focus * w - start
        elif lens == "orthographic":
            start = np.stack([v.size * aspect * sx, v.size * sy, zero], axis=-1)
            w = np.stack([zero, zero, -one], axis=-1)
        elif lens == "equirectangular":
            a, e = np.pi * sx, np.pi / 2.0 * sy
            w = np.stack([np.cos(e) * np.sin(a), np.sin(e), -np.cos(e) * np.cos(a)], axis=-1)
        else:
            sx = aspect * sx
            r = np.hypot(sx, sy)
            theta = v.fov * r / 2.0 if lens == "fisheye" else 2.0 * np.arctan(np.tan(v.fov / 4.0) * r)
            w = np.stack([np.sin(theta) * sx / r, np.sin(theta) * sy / r, -np.cos(theta)], axis=-1)
        w = w @ matrix.T
        w = w / np.linalg.norm(w, axis=-1, keepdims=True)
        made = {"rays": w.reshape(*shape, 3)}
        return made | ({"origins": (eye + start @ matrix.T).reshape(*shape, 3)} if both else {})

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Hartley & Zisserman 2004, ch. 6; Brown 1966 (distortion)",
    names=_NAMES | {"project_points": "world_to_image|camera_projection|points_to_pixels"},
    double=True,
)
def project_points(d: Draft) -> None:
    """Projects world-space points to image coordinates."""
    model = d.option("model", "pinhole", "distorted", "matrix", "reprojection", "fisheye")
    if model in ("matrix", "reprojection"):
        d.calls(
            "vertex_transform|project_vertices|world_to_ndc"
            if model == "matrix"
            else "reprojection_errors|reprojection_residuals"
        )
    frame = d.option("frame", "transform", "rotation and translation")
    behind = d.option("behind", "skip", "mark")
    many = d.flag("cameras", 0.35)
    n, cameras = d.pick(48, 64, 96), d.pick(3, 4)
    reach = 3.0 if model == "matrix" else 1.2
    d.input("points", "vec3", n, -reach, reach, about="World-space points")
    observed = model == "reprojection"
    if observed:
        behind = "skip"  # a residual has no value that marks it
        d.input("observed", "vec2", n, 60.0, 110.0, about="Observed pixel coordinates")
    if model == "matrix":
        about = "World-to-camera transform, camera looks along local -z"
        d.param("extrinsics", "transform", -4.5, -3.5, "transform", about=about)
        d.param("tan_half", "float", 1.0, 1.4, about="Tangent of the half vertical FOV")
        d.param("aspect", "float", 1.2, 1.8, about="Aspect ratio (width / height)")
        d.param("near", "float", 1.0, 2.0, about="Near plane distance")
        d.param("far", "float", 8.0, 16.0, about="Far plane distance")
        d.output("ndc", "vec3", n, about="Normalized device coordinates")
        d.says(
            "Transforms vertices to normalized device coordinates"
            + ("; vertices closer than the near plane get depth -2." if behind == "mark" else ".")
        )
        d.launch(n)
        d.code(
            """
            tid = wp.tid()
            q = wp.transform_point(extrinsics, points[tid])
            # clip-space w is the distance in front of the camera
            w = -q[2]
            if w < near:
                $behind
                return
            # maps [near, far] to [-1, 1]
            z = (far + near - 2.0 * far * near / w) / (far - near)
            ndc[tid] = wp.vec3(q[0] / (tan_half * aspect * w), q[1] / (tan_half * w), z)
            """,
            behind="ndc[tid] = wp.vec3(0.0, 0.0, -2.0)" if behind == "mark" else "",
        )

        def clipped(v: Values) -> dict[str, Any]:
            q = turned(v.extrinsics[3:], v.points) + v.extrinsics[:3]
            f, depth = 1.0 / v.tan_half, v.far - v.near
            m = np.diag([f / v.aspect, f, -(v.far + v.near) / depth, 0.0])
            m[2, 3], m[3, 2] = -2.0 * v.far * v.near / depth, -1.0
            h = np.column_stack([q, np.ones(n)]) @ m.T
            seen = h[:, 3:] >= v.near
            empty = np.array([0.0, 0.0, -2.0 if behind == "mark" else 0.0])
            return {"ndc": np.where(seen, h[:, :3] / np.where(seen, h[:, 3:], 1.0), empty)}

        d.check(clipped, 2e-3)
        return
    at = "[camera]" if many else ""
    if many:
        d.input("camera_id", "int", n, 0, cameras, about="Camera index per point")
    # whichever way a camera is turned, points lie ahead of it, and few of them near
    if frame == "transform":
        about = "World-to-camera transform" + "s" * many
        if many:
            d.input("extrinsics", "transform", cameras, 1.5, 2.0, "transform", about=about)
        else:
            d.param("extrinsics", "transform", 1.5, 2.0, kind="transform", about=about)
        local = f"q = wp.transform_point(extrinsics{at}, points[tid])"
    else:
        if many:
            d.input("R", "mat33", cameras, kind="rotation", about="World-to-camera rotations")
            d.input("t", "vec3", cameras, 1.5, 2.0, about="World-to-camera translations")
        else:
            d.param("R", "mat33", 0, 1, kind="rotation", about="World-to-camera rotation")
            d.param("t", "vec3", 1.5, 2.0, about="World-to-camera translation")
        local = f"q = R{at} * points[tid] + t{at}"
    d.param("focal", "vec2", 30.0, 40.0, about="Focal lengths [px]")
    d.param("center", "vec2", 45.0, 55.0, about="Principal point [px]")
    d.param("near", "float", 0.5, 0.8, about="Minimum visible depth")
    if model == "distorted":
        d.param("k1", "float", -0.1, 0.1, about="First radial distortion coefficient")
        d.param("k2", "float", -0.01, 0.01, about="Second radial distortion coefficient")
    about = "Projected minus observed pixels" if observed else "Pixels"
    about += ", not written for points that are not visible" if behind == "skip" else ""
    out = "residual" if observed else "pixels"
    d.output(out, "vec2", n, about=about)
    unseen = "; (-1, -1) if not visible" if behind == "mark" else ""
    d.says(
        {
            "pinhole": f"Projects world-space points to pixels using a pinhole camera model{unseen}.",
            "distorted": f"Projects points to pixels using a pinhole camera with radial lens distortion{unseen}.",
            "reprojection": "Computes per-point reprojection errors.",
            "fisheye": f"Projects points to pixels using an equidistant fisheye model{unseen}.",
        }[model]
    )
    body = {
        "distorted": """
            r2 = x * x + y * y
            # radial distortion: negative is barrel, positive is pincushion
            scale = 1.0 + r2 * (k1 + r2 * k2)
            x = x * scale
            y = y * scale
            """,
        "fisheye": """
            r = wp.max(wp.sqrt(x * x + y * y), 1.0e-6)
            theta = wp.atan(r)
            x = x * theta / r
            y = y * theta / r
            """,
    }.get(model, "")
    image = "wp.vec2(focal[0] * x + center[0], focal[1] * y + center[1])"
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $camera
        $local
        # skip points closer than the near plane
        if q[2] < near:
            $behind
            return
        x = q[0] / q[2]
        y = q[1] / q[2]
        $body
        $out[tid] = $image
        """,
        camera="camera = camera_id[tid]" if many else "",
        local=local,
        behind=f"{out}[tid] = wp.vec2(-1.0, -1.0)" if behind == "mark" else "",
        body=body,
        out=out,
        image=f"{image} - observed[tid]" if observed else image,
    )

    def reference(v: Values) -> dict[str, Any]:
        pick = v.camera_id if many else np.zeros(n, int)
        if frame == "transform":
            place = np.atleast_2d(v.extrinsics)[pick]
            q = turned(place[:, 3:], v.points) + place[:, :3]
        else:
            q = (
                np.einsum("nij,nj->ni", np.reshape(v.R, (-1, 3, 3))[pick], v.points)
                + np.atleast_2d(v.t)[pick]
            )
        xy = q[:, :2] / q[:, 2:]
        r = np.linalg.norm(xy, axis=1, keepdims=True)
        if model == "distorted":
            xy = xy * (1.0 + v.k1 * r**2 + v.k2 * r**4)
        elif model == "fisheye":
            xy = xy * np.arctan(r) / r
        image = xy * v.focal + v.center
        if observed:
            image = image - v.observed
        return {out: np.where(q[:, 2:] < v.near, -1.0 if behind == "mark" else 0.0, image)}

    d.check(reference, 2e-3)
