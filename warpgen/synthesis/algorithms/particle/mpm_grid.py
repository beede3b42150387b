"""What a step of the material point method does on its grid."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.algorithms.particle.mpm import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Stomakhin et al. 2013, sec. 4; Klar et al. 2016 (boundaries with friction)",
    names=NAMES
    | {
        "grid_update": "update_grid|grid_op|normalize_grid|grid_normalization_and_gravity",
        "min_mass": "mass_eps|empty_mass|mass_threshold",
        "gravity": "g|gravitational_acceleration",
        "friction": "mu|floor_friction",
    },
    double=True,
    adjoint="no",
    element="node",
    weight=2,
)
def grid_update(d: Draft) -> None:
    """Converts grid momentum to velocity and applies gravity and boundary conditions."""
    dimension = d.option("dimension", 2, 3)
    walls = d.option("walls", "slip", "sticky", "friction", "floor")
    damped = d.flag("damped", 0.3)
    empty = d.option("empty", "return", "inside")
    place = d.option("place", "in place", "other array")
    n = d.pick(12, 16, 20) if dimension == 2 else d.pick(8, 10)
    vector, axes = f"vec{dimension}", "ijk"[:dimension]
    shape = (n,) * dimension
    d.input("grid_m", "float", shape, 0.0, 1.0, about="Grid node mass")
    if place == "in place":
        d.inout("grid_mv", vector, shape, -1.0, 1.0, about="Grid node momentum, overwritten with velocity")
    else:
        d.input("grid_mv", vector, shape, -1.0, 1.0, about="Grid node momentum")
    d.param("min_mass", "float", 0.02, 0.06, about="Minimum node mass, nodes below are empty")
    d.param("gravity", vector, -5.6, 5.6, about="Gravity")
    d.param("dt", "float", 0.001, 0.01, about="Time step")
    if damped:
        d.param("damping", "float", 0.5, 5.0, about="Velocity damping rate")
    if walls == "friction":
        d.param("friction", "float", 0.1, 0.6, about="Floor friction coefficient")
    d.param("padding", "int", 4 - dimension, about="Boundary width in nodes")
    target = "grid_mv"
    if place != "in place":
        d.output("grid_v", vector, shape, about="Grid node velocity")
        target = "grid_v"
    indices_ = ", ".join(axes)
    at_wall = " or ".join(f"{a} < padding or {a} >= grid_m.shape[{m}] - padding" for m, a in enumerate(axes))
    slip = "".join(
        f"""
if {a} < padding and vel[{m}] < 0.0:
    vel[{m}] = 0.0
if {a} >= grid_m.shape[{m}] - padding and vel[{m}] > 0.0:
    vel[{m}] = 0.0"""
        for m, a in enumerate(axes)
    )
    texts = {
        "slip": "# Slip boundary: zero the velocity component into the wall" + slip,
        "sticky": f"# Sticky boundary condition\nif {at_wall}:\n    vel = wp.{vector}()",
        "friction": """
        # Coulomb friction: clamp the tangential impulse to friction * normal impulse
        if j < padding and vel[1] < 0.0:
            slip = vel
            slip[1] = 0.0
            speed = wp.length(slip)
            vel = slip * wp.max(1.0 + friction * vel[1] / wp.max(speed, 1.0e-6), 0.0)
        """,
        "floor": "if j < padding:\n    vel[1] = wp.max(vel[1], 0.0)",
    }
    body = """
    vel = grid_mv[$at] / mass + dt * gravity
    $damp
    $walls
    $target[$at] = vel
    """
    still = f"wp.{vector}()"
    texts_ = {
        "return": "# Skip empty nodes to avoid division by zero\nif mass <= min_mass:\n    $target[$at] = $still\n    return\n$body",
        "inside": "if mass > min_mass:\n    $body\nelse:\n    $target[$at] = $still",
    }
    ground = {
        "slip": "with slip walls",
        "sticky": "with sticky walls",
        "friction": "with friction on the floor",
        "floor": "above a slip floor",
    }
    d.says(
        f"Converts grid momentum to velocity and applies gravity{' and damping' if damped else ''}, {ground[walls]}."
    )
    d.launch(*shape)
    d.code(
        """
        $axes = wp.tid()
        mass = grid_m[$at]
        $rest
        """,
        axes=indices_,
        at=indices_,
        rest=texts_[empty],
        body=body,
        still=still,
        damp="vel = vel * wp.exp(-damping * dt)" if damped else "",
        walls=texts[walls],
        target=target,
    )

    def reference(v: Values) -> dict[str, Any]:
        full = (v.grid_m > v.min_mass)[..., None]
        vel = v.grid_mv / np.where(full, v.grid_m[..., None], 1.0) + v.dt * v.gravity
        if damped:
            vel = vel * np.exp(-v.damping * v.dt)
        place_ = np.moveaxis(np.indices(shape), 0, -1)
        low, high = place_ < v.padding, place_ >= n - v.padding
        if walls == "slip":
            vel = np.where(low, np.maximum(vel, 0.0), vel)
            vel = np.where(high, np.minimum(vel, 0.0), vel)
        elif walls == "sticky":
            vel = np.where((low | high).any(-1, keepdims=True), 0.0, vel)
        elif walls == "floor":
            vel[..., 1] = np.where(low[..., 1], np.maximum(vel[..., 1], 0.0), vel[..., 1])
        else:
            stopped = low[..., 1] & (vel[..., 1] < 0.0)
            slip_ = vel * np.where(np.arange(dimension) == 1, 0.0, 1.0)
            speed = np.maximum(np.linalg.norm(slip_, axis=-1), 1e-6)
            kept = np.maximum(1.0 + v.friction * vel[..., 1] / speed, 0.0)
            vel = np.where(stopped[..., None], slip_ * kept[..., None], vel)
        return {target: np.where(full, vel, 0.0)}

    d.check(reference)
