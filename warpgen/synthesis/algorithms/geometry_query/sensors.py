"""Range sensors that scan scenes of primitives."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.library import ray_shapes
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_SETTINGS = {
    "min_range": fill(0.7, 1.0),
    "max_range": fill(6.0, 8.0),
    "elevation_min": fill(-0.6, -0.4),
    "elevation_max": fill(0.3, 0.5),
    "azimuth_start": fill(0.0, 0.5),
    "noise_std": fill(0.01, 0.03),
    "dropout": fill(0.05, 0.2),
}

SHAPE_TABLE = piece('''
@wp.struct
class ShapeTable:
    """Collision shapes for one articulation, shared by all worlds; body -1 is the world."""

    kind: wp.array(dtype=int)
    size: wp.array(dtype=wp.vec3)
    body: wp.array(dtype=int)
    local_pose: wp.array(dtype=wp.transform)
''')

_CLOSEST = '''
@wp.func
def shape_pose(shapes: ShapeTable, body_q: wp.array2d(dtype=wp.transform), world: int, shape_index: int) -> wp.transform:
    """World-space shape pose; shapes with body index -1 are static."""
    body_index = shapes.body[shape_index]
    if body_index < 0:
        return shapes.local_pose[shape_index]
    return wp.transform_multiply(body_q[world, body_index], shapes.local_pose[shape_index])


@wp.func
def find_closest_shape(
    shapes: ShapeTable,
    body_q: wp.array2d(dtype=wp.transform),
    world: int,
    sensor_body: int,
    origin: wp.vec3,
    ray_dir: wp.vec3,
    max_range: float,
) -> int:
    """Return the index of the closest shape along a ray, or -1 if there is no hit within range."""
    closest_range = float(max_range)
    closest_shape = int(-1)
    for shape_index in range(shapes.kind.shape[0]):
        # Skip shapes on the sensor body
        if shapes.body[shape_index] == sensor_body:
            continue
        pose = shape_pose(shapes, body_q, world, shape_index)
        t = ray_shape(shapes.kind[shape_index], shapes.size[shape_index], pose, origin, ray_dir)
        if t >= 0.0 and t < closest_range:
            closest_range = t
            closest_shape = shape_index
    return closest_shape
'''


@DOMAIN.algorithm(
    source="Gschwandtner et al. 2011, BlenSor; Manivasagam et al. 2020, LiDARsim, sec. 4",
    names={
        "lidar_scan": "scan_lidar|simulate_lidar|raycast_sensor|lidar_sweep",
        "world": "env|world_id|env_id",
        "ring": "channel|beam|laser",
        "azimuth_index": "column|step_index|firing",
        "body_q": "body_poses|rigid_q|body_transforms",
        "ranges": "range_out|distances_out|depths",
        "shapes": "shape_table|geometry|colliders",
        "params": "lidar|sensor_params|cfg",
    },
    weight=3,
)
def lidar_scan(d: Draft) -> None:
    """Scans collision shapes in each world using a spinning lidar mounted on a body."""
    noise = d.option("noise", "none", "constant", "proportional")
    dropout = d.flag("dropout")
    result = d.option("result", "ranges", "points", "intensity")
    if result != "ranges":
        what = {
            "points": "sensor-frame hit points",
            "intensity": "ranges and Lambertian intensities",
        }[result]
        d.says(f"Computes {what} for a spinning lidar mounted on a body in each world.")
    pattern = d.option("pattern", "uniform", "table")
    moving = d.flag("moving")
    labels = d.flag("labels", 0.6)
    worlds, rings, columns = d.pick(2, 3), d.pick(4, 6), d.pick(8, 12)
    bodies, count = d.pick(3, 4), d.pick(5, 6, 8)
    size = (worlds, rings, columns)
    d.input("body_q", "transform", (worlds, bodies), -2.0, 2.0, "transform", about="Body poses in each world")
    d.struct(
        "shapes",
        SHAPE_TABLE,
        {
            "kind": fill(0, 4, shape=count),
            "size": fill(0.7, 1.5, shape=count),
            "body": fill(-1, bodies, shape=count),
            "local_pose": fill(-1.5, 1.5, "transform", shape=count),
        },
        about="Collision shapes",
    )
    d.param("sensor_body", "int", 0, about="Sensor body index")
    d.param("sensor_offset", "transform", -0.3, 0.3, "transform", about="Sensor pose in the body-local frame")
    unused = [
        *(["elevation_min", "elevation_max"] if pattern == "table" else []),
        *(["noise_std"] if noise == "none" else []),
        *([] if dropout else ["dropout"]),
    ]
    settings = {name: filled for name, filled in _SETTINGS.items() if name not in unused}
    model = "Geometry and error model" if noise != "none" or dropout else "Geometry"
    notes = {"dropout": "  # fraction of lost returns"}
    if noise == "proportional":
        notes["noise_std"] = "  # relative to range"
    fields = "\n    ".join(f"{name}: float{notes.get(name, '')}" for name in settings)
    struct = piece(
        f'''
@wp.struct
class LidarParams:
    """{model} parameters for a spinning lidar; ranges are in meters, angles in radians."""

    {fields}
'''
    )
    d.struct("params", struct, settings, about="Sensor settings")
    if pattern == "table":
        d.input("beam_elevations", "float", rings, -0.6, 0.5, about="Beam elevation angles [rad]")
    if moving:
        d.input(
            "sensor_velocity",
            "vec3",
            worlds,
            -1.0,
            1.0,
            about="World-space sensor velocity during the sweep [m/s]",
        )
        d.param("sweep_time", "float", 0.05, 0.2, about="Revolution time [s]")
    if noise != "none":
        d.input(
            "range_noise", "float", size, -1.7, 1.7, about="Noise samples with zero mean and unit variance"
        )
    if dropout:
        d.input("dropout_samples", "float", size, 0.0, 1.0, about="Uniform random samples in [0, 1)")
    if result == "points":
        d.output("points", "vec3", size, about="Hit points in the sensor frame, zero for no return")
    else:
        d.output("ranges", "float", size, about="Measured ranges [m], -1 for no return")
    if result == "intensity":
        d.output("intensities", "float", size, about="Lambertian return intensity, cos(incidence) / range^2")
    if labels:
        d.output("hit_shapes", "int", size, about="Hit shape index, -1 for no return")
    for line in ray_shapes.KINDS.strip().split("\n"):
        d.module(line)
    d.function(ray_shapes.RAY_SHAPES)
    if result == "intensity":
        d.function(ray_shapes.NORMALS)
    d.function(_CLOSEST)
    at = "world, ring, azimuth_index"
    out = "points" if result == "points" else "ranges"
    miss = "\n".join(
        [
            f"points[{at}] = wp.vec3(0.0)" if result == "points" else f"ranges[{at}] = -1.0",
            *([f"intensities[{at}] = 0.0"] if result == "intensity" else []),
            *([f"hit_shapes[{at}] = -1"] if labels else []),
        ]
    )
    measured = "true_range" if noise == "none" else "measured"
    d.launch(*size)
    d.code(
        f"""
        world, ring, azimuth_index = wp.tid()

        # Beam direction in the sensor frame: x forward, z up
        sweep_fraction = float(azimuth_index) / float({out}.shape[2])
        azimuth = params.azimuth_start + 2.0 * wp.pi * sweep_fraction
        $elevation
        cos_elevation = wp.cos(elevation)
        beam_dir = wp.vec3(
            cos_elevation * wp.cos(azimuth), cos_elevation * wp.sin(azimuth), wp.sin(elevation)
        )

        # X_ws = X_wb * X_bs
        sensor_pose = wp.transform_multiply(body_q[world, sensor_body], sensor_offset)
        origin = wp.transform_get_translation(sensor_pose)
        $moved
        ray_dir = wp.transform_vector(sensor_pose, beam_dir)
        hit_shape = find_closest_shape(shapes, body_q, world, sensor_body, origin, ray_dir, params.max_range)
        # No return within range
        if hit_shape < 0:
            $miss
            return

        $dropped
        # Recompute the intersection for the closest shape so that gradients do not flow through the search
        hit_pose = shape_pose(shapes, body_q, world, hit_shape)
        true_range = ray_shape(shapes.kind[hit_shape], shapes.size[hit_shape], hit_pose, origin, ray_dir)
        $noisy
        # Discard returns below the minimum range
        if {measured} < params.min_range:
            $miss
            return

        $store
        """,
        elevation={
            "uniform": f"""
                # Evenly space beams between the elevation limits
                ring_fraction = float(ring) / float({out}.shape[1] - 1)
                elevation = params.elevation_min + ring_fraction * (params.elevation_max - params.elevation_min)
                """,
            "table": "elevation = beam_elevations[ring]",
        }[pattern],
        moved="""
            # Motion distortion: we have to account for the sensor velocity during the sweep
            origin += sweep_fraction * sweep_time * sensor_velocity[world]
            """
        if moving
        else "",
        miss=miss,
        dropped=f"""
            # Random dropout (e.g. from specular surfaces)
            if dropout_samples[{at}] < params.dropout:
                $miss
                return
            """
        if dropout
        else "",
        noisy={
            "none": "",
            "constant": f"measured = true_range + params.noise_std * range_noise[{at}]",
            "proportional": f"""
                # Noise standard deviation is proportional to range
                measured = true_range * (1.0 + params.noise_std * range_noise[{at}])
                """,
        }[noise],
        store="\n".join(
            [
                {
                    "ranges": f"ranges[{at}] = {measured}",
                    "points": f"points[{at}] = {measured} * beam_dir",
                    "intensity": f"""
        ranges[{at}] = {measured}
        # Lambertian return: I ~ cos(incidence) / r^2
        local_hit = wp.transform_point(wp.transform_inverse(hit_pose), origin + true_range * ray_dir)
        local_normal = shape_normal(shapes.kind[hit_shape], shapes.size[hit_shape], local_hit)
        hit_normal = wp.transform_vector(hit_pose, local_normal)
        cos_incidence = -wp.dot(hit_normal, ray_dir)
        intensities[{at}] = cos_incidence / (true_range * true_range)""".replace("\n        ", "\n").strip(),
                }[result],
                *([f"hit_shapes[{at}] = hit_shape"] if labels else []),
            ]
        ),
    )
    d.explain("""
        Beams are cast against spheres, boxes, capsules and planes. Shapes attached to the
        sensor body are skipped. Ranges are in meters.
    """)

    def agrees(v: Values, after: Values) -> None:
        found = _scanned(v, size)
        measured = found["t"]
        if noise == "constant":
            measured = measured + v["params.noise_std"] * v.range_noise
        elif noise == "proportional":
            measured = measured * (1.0 + v["params.noise_std"] * v.range_noise)
        seen = np.isfinite(found["t"]) & (measured >= v["params.min_range"])
        if dropout:
            seen &= v.dropout_samples >= v["params.dropout"]
        measured = np.where(seen, measured, -1.0)
        if result == "points":
            assert np.mean(np.any(after.points != 0.0, axis=-1) == seen) > 0.95
            mostly_close(after.points[seen], (measured[..., None] * found["beam"])[seen], 3e-3, 0.93)
        else:
            mostly_close(after.ranges, measured, 3e-3)
        if result == "intensity":
            t = np.where(seen, found["t"], 1.0)
            cos = np.maximum(-(found["normal"] * found["way"]).sum(-1), 0.0)
            mostly_close(
                after.intensities,
                np.where(seen, cos / t**2, 0.0),
                1e-2,
                0.93,
            )
        if labels:
            assert np.mean(after.hit_shapes == np.where(seen, found["index"], -1)) > 0.95

    d.holds(agrees)


def _scanned(v: Values, size: tuple[int, int, int]) -> dict[str, Any]:
    """What each beam meets: distances (infinite for nothing), shapes, normals and ways."""
    world, ring, column = np.meshgrid(*map(np.arange, size), indexing="ij")
    part = column / size[2]
    azimuth = v["params.azimuth_start"] + 2.0 * np.pi * part
    if "beam_elevations" in v:
        elevation = v.beam_elevations[ring]
    else:
        low, high = v["params.elevation_min"], v["params.elevation_max"]
        elevation = low + ring / (size[1] - 1) * (high - low)
    beam = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=-1
    )
    own = int(v.sensor_body)
    pose = ray_shapes.compose(v.body_q[:, own], np.broadcast_to(v.sensor_offset, (size[0], 7)))[world]
    o, w = pose[..., :3], ray_shapes.turn(pose[..., 3:], beam)
    if "sensor_velocity" in v:
        o = o + (part * v.sweep_time)[..., None] * v.sensor_velocity[world]
    best, index, normal = np.full(size, np.inf), np.full(size, -1), np.zeros((*size, 3))
    for k, body in enumerate(v["shapes.body"]):
        if body == own:
            continue
        for i in range(size[0]):
            at = v["shapes.local_pose"][k]
            at = at if body < 0 else ray_shapes.compose(v.body_q[i, body], at)
            t, n = ray_shapes.hit(int(v["shapes.kind"][k]), v["shapes.size"][k], at, o[i], w[i])
            nearer = (t < best[i]) & (t < v["params.max_range"])
            best[i], index[i] = np.where(nearer, t, best[i]), np.where(nearer, k, index[i])
            normal[i] = np.where(nearer[..., None], n, normal[i])
    return {"t": best, "index": index, "normal": normal, "way": w, "beam": beam}
