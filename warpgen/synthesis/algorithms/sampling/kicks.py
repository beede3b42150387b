"""Random steps and directions, each from a shape that a builtin samples."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.sampling import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form

_SHAPES = {
    "ball": ("sample_unit_sphere", "vec3", 3 / 5),  # mean squared length of a sample
    "sphere": ("sample_unit_sphere_surface", "vec3", 1.0),
    "cube": ("sample_unit_cube", "vec3", 3 / 12),
    "disk": ("sample_unit_disk", "vec2", 1 / 2),
    "circle": ("sample_unit_ring", "vec2", 1.0),
    "square": ("sample_unit_square", "vec2", 2 / 12),
}


@DOMAIN.algorithm(
    source="Einstein 1905 (Brownian motion); Metropolis et al. 1953 (trial moves); Warp manual, Random",
    names={
        "places": "positions|points",
        "p": "x|pos|old",
        "out": "moved|result",
        "reach": "step_size|size",
        "state": "rng|rng_state|gen",
        "seed": "rng_seed|base_seed",
    },
    weight=14,
)
def random_kicks(d: Draft) -> None:
    """Moves points by random steps sampled from a primitive shape."""
    shape = d.option("shape", *_SHAPES)
    rule = d.option("rule", "step", "walk", "bounded", "drift", "mean", "accepted")
    stream = d.option("stream", "thread", "hashed")
    builtin, vector, square = _SHAPES[shape]
    noun = f"steps sampled from a {shape}"
    d.says({
        "step": f"Moves each point by a random step sampled from a {shape}.",
        "walk": f"Moves each point by several random {noun}.",
        "bounded": f"Moves points by random {noun} and keeps them inside a box.",
        "drift": f"Moves points by a drift and random {noun}.",
        "mean": f"Moves each point by the mean of several random {noun}.",
        "accepted": f"Proposes random {noun} and keeps those that lead closer to the origin.",
    }[rule])  # fmt: skip
    d.calls({
        "step": "random_kicks|jitter_points|perturb_particles",
        "walk": "random_walk|walk_particles|random_walk_steps",
        "bounded": "perturb_in_box|bounded_kicks|jitter_in_box",
        "drift": "drift_and_kick|drift_particles|move_with_noise",
        "mean": "average_kicks|mean_kicks|average_random_steps",
        "accepted": "random_descent|keep_better_steps|step_if_closer",
    }[rule])  # fmt: skip
    form = Form(d, 256)
    form.element("p", "places", -1.0, 1.0, vector, about="positions")
    form.number("seed", 1, 100000, "int", about="random seed")
    form.number("reach", 0.1, 0.4, about={
        "ball": "ball radius", "disk": "disk radius", "cube": "cube edge length", "square": "square edge length",
    }.get(shape, "step length"))  # fmt: skip
    if rule in ("walk", "mean"):
        form.number("steps", d.pick(4, 8, 12), type="int", about="number of steps")
    if rule == "bounded":
        form.number("half", 0.9, 1.1, about="box half-extent")
    if rule == "drift":
        form.number("velocity", -0.5, 0.5, vector, about="drift velocity")
        form.number("dt", 0.1, 0.5, about="drift time step")
    form.output("out", vector, about="new positions")
    number = {"flat": "tid", "grid": "i * out.shape[1] + j", "rows": "row * out.shape[1] + j"}[form.layout]
    if form.apart == "function":
        form.heads["stream"] = ("int", number)
        number = "stream"
    init = (
        f"state = wp.rand_init(seed, {number})"
        if stream == "thread"
        else f"state = wp.rand_init(seed + {number})"
    )
    kick = f"reach * wp.{builtin}(state)"
    zero = f"wp.{vector}()"
    lines, value = {
        "step": ("", f"p + {kick}"),
        "walk": (
            f"moved = p\nfor k in range(steps):\n    # Each sample advances the RNG state\n    moved += {kick}",
            "moved",
        ),
        "bounded": (
            f"moved = p + {kick}\nlow = wp.{vector}(-half)\nhigh = wp.{vector}(half)",
            "wp.min(wp.max(moved, low), high)",
        ),
        "drift": ("", f"p + dt * velocity + {kick}"),
        "mean": (f"total = {zero}\nfor k in range(steps):\n    total += {kick}", "p + total / float(steps)"),
        "accepted": (
            f"trial = p + {kick}",
            "wp.where(wp.length_sq(trial) < wp.length_sq(p), trial, p)",
        ),
    }[rule]
    form.write(
        "kicked_if_closer" if rule == "accepted" else "kicked", "\n".join(filter(None, (init, lines))), value
    )

    def agree(v: Values, after: Values) -> None:
        flat = v.places.reshape(-1, v.places.shape[-1])
        moved = after.out.reshape(flat.shape)
        count = int(v.get("steps", 1))
        step = (moved - flat - (v.dt * v.velocity if rule == "drift" else 0.0)) / v.reach
        length = np.linalg.norm(step, axis=1)
        most = (np.sqrt(flat.shape[1]) / 2 if shape in ("cube", "square") else 1.0) * (
            count if rule == "walk" else 1
        )
        if rule == "accepted":
            assert (np.linalg.norm(moved, axis=1) <= np.linalg.norm(flat, axis=1) + 1e-5).all()
            changed = length > 1e-6
            assert 0.1 < changed.mean() < 0.9
            assert (length <= most + 1e-3).all()
            return
        if rule == "bounded":
            assert (np.abs(moved) <= v.half + 1e-5).all()
            inner = (np.abs(moved) < v.half - 1e-4).all(axis=1)
            step, length = step[inner], length[inner]
        assert (length <= most + 1e-3).all()
        scale = {"walk": count, "mean": 1 / count}.get(rule, 1)
        squares = (step**2).sum(axis=1)
        assert 0.6 * square * scale < squares.mean() < 1.5 * square * scale
        assert (np.abs(step.mean(axis=0)) < 0.45 * np.sqrt(square * scale)).all()
        assert len(np.unique(np.round(step, 5), axis=0)) > 0.95 * len(step)

    d.holds(agree)


@DOMAIN.algorithm(
    source="Shoemake 1992, Uniform random rotations; Arvo 1992; Marsaglia 1972",
    names={
        "seed": "rng_seed|base_seed|key",
        "state": "rng|rng_state|gen",
        "limit": "max_angle|angle_limit",
    },
    adjoint="no",
    weight=5,
)
def random_orientations(d: Draft) -> None:
    """Samples random rotations and directions."""
    kind = d.option("kind", "gauss", "shoemake", "axis angle", "cone", "matrix", "tilt", "normal tangent")
    layout = d.option("layout", "flat", "grid", "several")
    placed = d.flag("posed", 0.35) and kind in ("gauss", "shoemake", "axis angle")
    said = {
        "gauss": "Samples uniform random rotations by normalizing Gaussian quaternions.",
        "shoemake": "Samples uniform random rotations from three uniform variates.",
        "axis angle": "Samples rotations with random axes and angles up to a limit.",
        "cone": "Samples random directions in a cone around an axis.",
        "matrix": "Samples uniform random rotation matrices.",
        "tilt": "Tilts an axis by random angles up to a limit.",
        "normal tangent": "Samples random unit vectors perpendicular to an axis.",
    }[kind]  # fmt: skip
    d.says(said.replace("Samples", "Samples poses in a cube with") if placed else said)
    d.calls("random_poses|sample_poses|random_transforms" if placed else {
        "gauss": "random_rotations|sample_rotations|random_orientations",
        "shoemake": "random_rotations|sample_rotations|uniform_rotations",
        "axis angle": "random_axis_rotations|limited_rotations|tumble",
        "cone": "sample_cone|directions_in_cone|random_cone_directions",
        "matrix": "random_rotation_matrices|sample_rotation_matrices",
        "tilt": "tilt_axis|random_tilts|perturb_axis",
        "normal tangent": "random_tangents|sample_tangents|perpendicular_directions",
    }[kind])  # fmt: skip
    n, k = d.pick(96, 128, 160), d.pick(6, 8)
    d.param("seed", "int", 1, 100000, about="random seed")
    if kind in ("axis angle", "cone", "tilt"):
        d.param("limit", "float", 0.3, 1.2, about="maximum angle [rad]")
    if kind in ("cone", "tilt", "normal tangent"):
        d.param("axis", "vec3", 0.0, 1.0, kind="unit", about="unit vector")
    if placed:
        d.param("extent", "float", 0.5, 2.0, about="position half-extent")
    vector = kind in ("cone", "tilt", "normal tangent")
    type_ = "transform" if placed else "mat33" if kind == "matrix" else "vec3" if vector else "quat"
    shape: tuple[int, ...] = {"flat": (n,), "grid": (n // 8, 8), "several": (n // k * k,)}[layout]
    out, about = {
        "quat": (d.pick("rotations", "orientations", "out"), "random rotations"),
        "mat33": (d.pick("rotations", "matrices", "out"), "random rotations"),
        "vec3": (d.pick("directions", "result", "out"), "random unit vectors"),
        "transform": (d.pick("poses", "transforms", "out"), "random poses"),
    }[type_]
    d.output(out, type_, shape, about)
    at, number = {
        "flat": ("tid", "tid"),
        "grid": ("i, j", f"i * {out}.shape[1] + j"),
        "several": ("tid * PER_THREAD + draw", "tid"),
    }[layout]
    value = {
        "gauss": (
            "q = wp.quat(wp.randn(state), wp.randn(state), wp.randn(state), wp.randn(state))",
            "wp.normalize(q)",
        ),
        "shoemake": (
            "u = wp.randf(state)\na = wp.tau * wp.randf(state)\nb = wp.tau * wp.randf(state)\nr = wp.sqrt(1.0 - u)\ns = wp.sqrt(u)",
            "wp.quat(r * wp.sin(a), r * wp.cos(a), s * wp.sin(b), s * wp.cos(b))",
        ),
        "axis angle": (
            "spin = wp.sample_unit_sphere_surface(state)\nangle = wp.randf(state, 0.0, limit)",
            "wp.quat_from_axis_angle(spin, angle)",
        ),
        "cone": (
            "# Sample the cosine uniformly, since equal heights have equal area on a sphere\n"
            "c = wp.randf(state, wp.cos(limit), 1.0)\naround = wp.tau * wp.randf(state)\ns = wp.sqrt(1.0 - c * c)\n"
            "# Orthonormal tangent vectors\n"
            "side = wp.where(wp.abs(axis[0]) > 0.7, wp.vec3(0.0, 1.0, 0.0), wp.vec3(1.0, 0.0, 0.0))\nu = wp.normalize(wp.cross(axis, side))\nv = wp.cross(axis, u)",
            "s * wp.cos(around) * u + s * wp.sin(around) * v + c * axis",
        ),
        "matrix": (
            "# Two random directions, orthogonalized\na = wp.sample_unit_sphere_surface(state)\n"
            "b = wp.sample_unit_sphere_surface(state)\nb = wp.normalize(b - wp.dot(a, b) * a)",
            "wp.matrix_from_cols(a, b, wp.cross(a, b))",
        ),
        "tilt": (
            "across = wp.normalize(wp.cross(axis, wp.sample_unit_sphere_surface(state)))\nangle = limit * wp.randf(state)",
            "wp.quat_rotate(wp.quat_from_axis_angle(across, angle), axis)",
        ),
        "normal tangent": (
            "away = wp.sample_unit_sphere_surface(state)",
            "wp.normalize(away - wp.dot(away, axis) * axis)",
        ),
    }[kind]
    last = value[1]
    if placed:
        last = f"wp.transform(extent * wp.vec3(wp.randf(state, -1.0, 1.0), wp.randf(state, -1.0, 1.0), wp.randf(state, -1.0, 1.0)), {last})"
    head = "i, j = wp.tid()" if layout == "grid" else "tid = wp.tid()"
    start = f"state = wp.rand_init(seed, {number})"
    body = f"{value[0]}\n{out}[{at}] = {last}"
    d.launch(*((shape[0] // k,) if layout == "several" else shape))
    if layout == "several":
        d.module(f"PER_THREAD = wp.constant({k})")
        d.code(f"{head}\n{start}\nfor draw in range(PER_THREAD):\n    $body", body=body)
    else:
        d.code(f"{head}\n{start}\n$body", body=body)

    def agree(v: Values, after: Values) -> None:
        found = after[out].reshape(-1, *after[out].shape[len(shape) :])
        if placed:
            assert (np.abs(found[:, :3]) <= v.extent + 1e-5).all()
            assert (found[:, :3].std(axis=0) > 0.4 * v.extent).all()
            found = found[:, 3:]
        if kind == "matrix":
            np.testing.assert_allclose(
                found @ found.swapaxes(1, 2), np.tile(np.eye(3), (len(found), 1, 1)), atol=1e-4
            )
            np.testing.assert_allclose(np.linalg.det(found), 1.0, atol=1e-4)
            assert np.abs(found.mean(axis=0)).max() < 0.3
            return
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-4)
        assert len(np.unique(np.round(found, 5), axis=0)) > 0.9 * len(found)
        if vector:
            c = found @ np.asarray(v.axis)
            if kind == "normal tangent":
                np.testing.assert_allclose(c, 0.0, atol=1e-4)
                assert np.abs(found.mean(axis=0)).max() < 0.35
                return
            assert (c >= np.cos(v.limit) - 1e-4).all()
            middle = (1 + np.cos(v.limit)) / 2 if kind == "cone" else np.sin(v.limit) / v.limit
            assert abs(c.mean() - middle) < 0.35 * (1 - np.cos(v.limit))
            return
        angle = 2 * np.arccos(np.clip(np.abs(found[:, 3]), 0, 1))
        if kind == "axis angle":
            assert (angle <= v.limit + 2e-3).all()
            assert abs(angle.mean() / v.limit - 0.5) < 0.15
        else:  # the mean angle of uniform rotations is pi / 2 + 2 / pi
            assert abs(angle.mean() - (np.pi / 2 + 2 / np.pi)) < 0.3
            assert (np.abs((found**2).mean(axis=0) - 0.25) < 0.1).all()

    d.holds(agree)
