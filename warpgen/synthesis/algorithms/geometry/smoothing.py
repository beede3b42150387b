"""Smoothing of triangle meshes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_PARAMS = '''
@wp.struct
class SmoothingParams:
    """Smoothing pass parameters."""

'''

_LAPLACIAN = '''
@wp.func
def ring_laplacian(
    positions: wp.array(dtype=wp.vec3),
    ring_offsets: wp.array(dtype=int),
    ring_edges: wp.array(dtype=wp.vec2i),
    vertex_index: int,
) -> wp.vec4:
    """$doc"""
    x = positions[vertex_index]
    weighted = wp.vec4(0.0)
    for k in range(ring_offsets[vertex_index], ring_offsets[vertex_index + 1]):
        edge = ring_edges[k]
        to_next = positions[edge[0]] - x
        to_last = positions[edge[1]] - x
        $weigh
        weighted += wp.vec4(both[0], both[1], both[2], $sum)
    return weighted
'''

_COTANGENT = '''
@wp.func
def cotangent(u: wp.vec3, v: wp.vec3) -> float:
    """Cotangent of the angle between two edges, clamped for obtuse angles and slivers."""
    sine = wp.max(wp.length(wp.cross(u, v)), 1.0e-6)
    return wp.clamp(wp.dot(u, v) / sine, 0.05, 5.0)
'''


class _Weights(NamedTuple):
    """How neighbors count: what the Laplacian says and does, and the same for edges u, w and e = w - u in NumPy."""

    doc: str
    weigh: str
    sum: str
    numpy: Callable[[Any, Any, Any], tuple[Any, Any]]


_WEIGHTS = {
    "uniform": _Weights(
        "Accumulate neighbor offsets over incident faces, with the weight sum as the last component.",
        "# Interior edges are visited twice, once per face\nboth = to_next + to_last",
        "2.0",
        lambda u, w, e: (np.ones_like(u[..., 0]), np.ones_like(u[..., 0])),
    ),
    "cotangent": _Weights(
        "Accumulate cotangent-weighted neighbor offsets, with the weight sum as the last component.",
        "opposite = to_last - to_next\n"
        "# Weight each edge using its opposite angle in this face\n"
        "w_next = cotangent(to_last, opposite)\n"
        "w_last = cotangent(-to_next, opposite)\n"
        "both = w_next * to_next + w_last * to_last",
        "w_next + w_last",
        lambda u, w, e: (_cotangent(w, e), _cotangent(-u, e)),
    ),
    "inverse length": _Weights(
        "Accumulate inverse-length-weighted neighbor offsets (Fujiwara), with the weight sum as the last "
        "component.",
        "w_next = 1.0 / wp.max(wp.length(to_next), 1.0e-4)\n"
        "w_last = 1.0 / wp.max(wp.length(to_last), 1.0e-4)\n"
        "both = w_next * to_next + w_last * to_last",
        "w_next + w_last",
        lambda u, w, e: (
            1.0 / np.maximum(np.linalg.norm(u, axis=-1), 1e-4),
            1.0 / np.maximum(np.linalg.norm(w, axis=-1), 1e-4),
        ),
    ),
}

_GUARD = '''
@wp.func
def would_invert(
    positions: wp.array(dtype=wp.vec3),
    ring_offsets: wp.array(dtype=int),
    ring_edges: wp.array(dtype=wp.vec2i),
    vertex_index: int,
    candidate: wp.vec3,
    min_area_ratio: float,
) -> bool:
    """Return True if moving a vertex flips an incident face or shrinks it below the minimum area ratio."""
    for k in range(ring_offsets[vertex_index], ring_offsets[vertex_index + 1]):
        x_next = positions[ring_edges[k][0]]
        x_last = positions[ring_edges[k][1]]
        area_before = wp.cross(x_next - positions[vertex_index], x_last - positions[vertex_index])
        area_after = wp.cross(x_next - candidate, x_last - candidate)
        # Project the new area vector onto the old normal
        if wp.dot(area_before, area_after) < min_area_ratio * wp.dot(area_before, area_before):
            return True
    return False
'''

_NORMAL = '''
@wp.func
def ring_normal(
    positions: wp.array(dtype=wp.vec3),
    ring_offsets: wp.array(dtype=int),
    ring_edges: wp.array(dtype=wp.vec2i),
    vertex_index: int,
) -> wp.vec3:
    """Area-weighted vertex normal, not normalized."""
    x = positions[vertex_index]
    area_sum = wp.vec3(0.0)
    for k in range(ring_offsets[vertex_index], ring_offsets[vertex_index + 1]):
        edge = ring_edges[k]
        area_sum += wp.cross(positions[edge[0]] - x, positions[edge[1]] - x)
    return area_sum
'''

_RING = "positions, ring_offsets, ring_edges, vertex_index"


def _cotangent(u: Any, v: Any) -> Any:
    sine = np.maximum(np.linalg.norm(np.cross(u, v), axis=-1), 1e-6)
    return np.clip((u * v).sum(-1) / sine, 0.05, 5.0)


@DOMAIN.algorithm(
    source="Taubin 1995; Desbrun et al. 1999; Fujiwara 1995; Freitag & Plassmann 2000 (guarded smoothing)",
    names={
        "smooth_vertices": "laplacian_smoothing|smooth_mesh|fair_vertices|relax_vertices",
        "vertex_index": "v_idx|vertex|vid",
        "positions": "vertices|points|mesh_points",
        "smoothed": "new_positions|positions_out|vertices_out",
        "vertex_flags": "flags|vertex_types",
        "ring_edges": "link_edges|opposite_edges|one_ring",
        "ring_offsets": "vertex_offsets|row_offsets|offsets",
        "candidate": "proposal|new_position|x_new",
    },
    weight=3,
)
def smooth_vertices(d: Draft) -> None:
    """Moves each vertex of a triangle mesh towards the weighted mean of its neighbours."""
    weights = d.option("weights", *_WEIGHTS)
    tangential = d.option("direction", "full", "tangential", "normal")
    guard = d.flag("guard")
    limit = d.flag("limit")
    original = d.option("target", "plain", "anchored", "taubin")
    flags = d.option("flags", "fixed", "boundary", "none")
    if tangential == "tangential" and original == "taubin":
        original = "plain"  # within the surface nothing shrinks
    vertex = "each vertex" if flags == "none" else "each free vertex"
    where = {
        "full": "toward the weighted mean of its neighbors",
        "tangential": "in its tangent plane, toward the weighted mean of its neighbors",
        "normal": "along its normal, toward the weighted mean of its neighbors",
    }[tangential]
    if original == "anchored":
        where += ", and back toward its rest position"
    where += " or away from it" if original == "taubin" else ""
    notes = ["half of a Taubin pass"] * (original == "taubin") + ["half rate at the boundary"] * (
        flags == "boundary"
    )
    notes += ["bounded steps"] * limit + ["guarded against face inversion"] * guard
    told = f" ({', '.join(notes)})" if notes else ""
    d.says(f"Moves {vertex} of a triangle mesh {where}{told}.")
    n, total = d.pick(24, 32), d.pick(96, 120)
    d.input("positions", "vec3", n, -1.0, 1.0, about="Vertex positions")
    if original == "anchored":
        d.input("rest_positions", "vec3", n, -1.0, 1.0, about="Original vertex positions")
    elif original == "taubin":
        d.param("shrink", "bool", 0.0, 1.0, about="Whether this is the shrinking half of a Taubin pass")
    d.input(
        "ring_offsets",
        "int",
        n + 1,
        0,
        total,
        "offsets",
        about="Per-vertex start index into the ring edge list",
    )
    d.input("ring_edges", "vec2i", total, 0, n, about="Opposite edge for each incident face")
    if flags != "none":
        kinds = "1 for fixed vertices" + (", 2 for boundary vertices" if flags == "boundary" else "")
        d.input("vertex_flags", "int", n, 0.0, 3.0 if flags == "boundary" else 1.2, about=kinds)
    fields = {"step_lambda": fill(0.3, 0.5)}
    if original == "taubin":
        fields["step_mu"] = fill(-0.65, -0.52)
    if limit:
        fields["max_displacement"] = fill(0.1, 0.3)
    if guard:
        fields["min_area_ratio"] = fill(0.05, 0.2)
    if original == "anchored":
        fields["anchoring"] = fill(0.05, 0.15)
    if len(fields) == 1:
        d.param("step_lambda", "float", 0.3, 0.5, about="Step size")
    else:
        d.struct(
            "params",
            piece(_PARAMS + "".join(f"    {name}: float\n" for name in fields)),
            fields,
            about="Smoothing parameters",
        )
    d.output("smoothed", "vec3", n, about="Smoothed vertex positions")
    for name, number in (("FIXED", 1), *((("BOUNDARY", 2),) if flags == "boundary" else ())):
        if flags != "none":
            d.module(f"VERTEX_{name} = wp.constant({number})")
    if weights == "cotangent":
        d.function(_COTANGENT)
    how = _WEIGHTS[weights]
    d.function(_LAPLACIAN, doc=how.doc, weigh=how.weigh, sum=how.sum)
    if tangential != "full":
        d.function(_NORMAL)
    if guard:
        d.function(_GUARD)
    d.launch(n)
    d.code(
        f"""
        vertex_index = wp.tid()
        x = positions[vertex_index]
        $fixed
        # Skip isolated vertices
        if ring_offsets[vertex_index] == ring_offsets[vertex_index + 1]:
            smoothed[vertex_index] = x
            return

        # L(x_i) = sum_j w_ij (x_j - x_i) / sum_j w_ij
        weighted = ring_laplacian({_RING})
        laplacian = wp.vec3(weighted[0], weighted[1], weighted[2]) / weighted[3]
        $project
        $step
        $half
        $bound
        $guard
        """,
        fixed={
            "none": "",
            "fixed": """
                # Fixed vertices keep their position
                if vertex_flags[vertex_index] == VERTEX_FIXED:
                    smoothed[vertex_index] = x
                    return
                """,
            "boundary": """
                flag = vertex_flags[vertex_index]
                # Fixed vertices keep their position
                if flag == VERTEX_FIXED:
                    smoothed[vertex_index] = x
                    return
                """,
        }[flags],
        project={
            "full": "",
            "tangential": f"""
                # Remove the normal component to preserve the shape
                area_normal = ring_normal({_RING})
                area_sq = wp.dot(area_normal, area_normal)
                if area_sq > 1.0e-8:
                    laplacian -= area_normal * (wp.dot(laplacian, area_normal) / area_sq)
                """,
            "normal": f"""
                # Keep only the normal component to avoid tangential drift
                area_normal = ring_normal({_RING})
                area_sq = wp.dot(area_normal, area_normal)
                if area_sq < 1.0e-8:
                    smoothed[vertex_index] = x
                    return
                laplacian = area_normal * (wp.dot(laplacian, area_normal) / area_sq)
                """,
        }[tangential],
        step={
            "plain": f"displacement = {'params.' if len(fields) > 1 else ''}step_lambda * laplacian",
            "taubin": """
                # Taubin smoothing: inflate with a negative step (mu < -lambda) to prevent shrinkage
                step_size = wp.where(shrink, params.step_lambda, params.step_mu)
                displacement = step_size * laplacian
                """,
            "anchored": """
                # Pull back toward the original shape to avoid excessive smoothing
                drift = rest_positions[vertex_index] - x
                displacement = params.step_lambda * laplacian + params.anchoring * drift
                """,
        }[original],
        half="""
            # Halve the step at the boundary, since its rings are one-sided
            if flag == VERTEX_BOUNDARY:
                displacement = 0.5 * displacement
            """
        if flags == "boundary"
        else "",
        bound="""
            # Limit the displacement per pass
            step_length = wp.length(displacement)
            if step_length > params.max_displacement:
                displacement = displacement * (params.max_displacement / step_length)
            """
        if limit
        else "",
        guard=f"""
            candidate = x + displacement
            # Backtrack once, then keep the old position if a face would still flip
            if would_invert({_RING}, candidate, params.min_area_ratio):
                candidate = x + 0.5 * displacement
                if would_invert({_RING}, candidate, params.min_area_ratio):
                    candidate = x
            smoothed[vertex_index] = candidate
            """
        if guard
        else "smoothed[vertex_index] = x + displacement",
    )
    d.explain("""
        This is a single Jacobi pass: all vertices read the previous positions. The one-ring of each vertex is
        stored in CSR form as opposite edges, one per incident face, using the face winding.
    """)

    def agrees(v: Values, after: Values) -> None:
        made = np.array([_smoothed(v, i, weights, tangential, guard, limit) for i in range(n)])
        mostly_close(after.smoothed, made, 3e-3, 0.93)

    d.holds(agrees)


def _smoothed(v: Values, i: int, weights: str, direction: str, guard: bool, limit: bool) -> Any:
    """Where one vertex goes."""
    x, flag = v.positions[i], v.vertex_flags[i] if "vertex_flags" in v else 0
    ring = v.ring_edges[v.ring_offsets[i] : v.ring_offsets[i + 1]]
    if flag == 1 or not len(ring):
        return x
    after, before = v.positions[ring[:, 0]], v.positions[ring[:, 1]]
    u, w = after - x, before - x
    one, two = _WEIGHTS[weights].numpy(u, w, w - u)
    step = (one[:, None] * u + two[:, None] * w).sum(0) / max((one + two).sum(), 1e-6)
    area = np.cross(u, w).sum(0)
    if direction != "full":
        if area @ area < 1e-8:
            if direction == "normal":
                return x
        else:
            along = area * (step @ area) / (area @ area)
            step = along if direction == "normal" else step - along
    if "shrink" in v:
        step = step * (v["params.step_lambda"] if v.shrink else v["params.step_mu"])
    else:
        step = v["params.step_lambda" if "params.step_lambda" in v else "step_lambda"] * step
        if "rest_positions" in v:
            step = step + v["params.anchoring"] * (v.rest_positions[i] - x)
    if flag == 2:
        step = 0.5 * step
    if limit and np.linalg.norm(step) > v["params.max_displacement"]:
        step = step * v["params.max_displacement"] / np.linalg.norm(step)
    if guard:
        old = np.cross(after - x, before - x)
        for part in (1.0, 0.5):
            new = np.cross(after - x - part * step, before - x - part * step)
            if not np.any((old * new).sum(1) < v["params.min_area_ratio"] * (old * old).sum(1)):
                return x + part * step
        return x
    return x + step
