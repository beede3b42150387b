"""Surfaces out of fields on grids."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

GRID_INFO = piece('''
@wp.struct
class GridInfo:
    """World-space placement of a regular node grid, and the isolevel to extract."""

    origin: wp.vec3
    spacing: float
    isolevel: float
''')

_EDGES = '''
@wp.func
def edge_start(edge: int) -> wp.vec3i:
    """Return the start corner of a cell edge (0-3 are along x, 4-7 along y, 8-11 along z)."""
    u = edge % 2
    v = (edge // 2) % 2
    if edge < 4:
        return wp.vec3i(0, u, v)
    if edge < 8:
        return wp.vec3i(u, 0, v)
    return wp.vec3i(u, v, 0)


@wp.func
def edge_step(edge: int) -> wp.vec3i:
    """Return the unit offset between the start and end corners of an edge."""
    if edge < 4:
        return wp.vec3i(1, 0, 0)
    if edge < 8:
        return wp.vec3i(0, 1, 0)
    return wp.vec3i(0, 0, 1)
'''

_DIFFERENCES = '''
@wp.func
def field_gradient(phi: wp.array3d(dtype=float), node: wp.vec3i, spacing: float) -> wp.vec3:
    """Central differences, one-sided at the grid boundary."""
    lower = wp.vec3i(wp.max(node[0] - 1, 0), wp.max(node[1] - 1, 0), wp.max(node[2] - 1, 0))
    upper = wp.vec3i(
        wp.min(node[0] + 1, phi.shape[0] - 1),
        wp.min(node[1] + 1, phi.shape[1] - 1),
        wp.min(node[2] + 1, phi.shape[2] - 1),
    )
    return wp.vec3(
        (phi[upper[0], node[1], node[2]] - phi[lower[0], node[1], node[2]]) / (float(upper[0] - lower[0]) * spacing),
        (phi[node[0], upper[1], node[2]] - phi[node[0], lower[1], node[2]]) / (float(upper[1] - lower[1]) * spacing),
        (phi[node[0], node[1], upper[2]] - phi[node[0], node[1], lower[2]]) / (float(upper[2] - lower[2]) * spacing),
    )
'''

_SOLVERS = {
    "inverse": (
        """
        # (A^T A + lambda I) delta = A^T b - A^T A m, relative to the mass point m
        regularized = AtA + wp.diag(wp.vec3(REGULARIZATION))
        delta = wp.inverse(regularized) * (Atb - AtA * mass_point)
        """,
        "",
    ),
    "cramer": (
        "delta = solve_symmetric(AtA, Atb - AtA * mass_point)",
        '''
@wp.func
def solve_symmetric(A: wp.mat33, b: wp.vec3) -> wp.vec3:
    """Solve the regularized 3x3 normal equations using Cramer's rule."""
    # regularize so that the system is well-posed for flat and straight features
    c0 = wp.vec3(A[0, 0] + REGULARIZATION, A[1, 0], A[2, 0])
    c1 = wp.vec3(A[0, 1], A[1, 1] + REGULARIZATION, A[2, 1])
    c2 = wp.vec3(A[0, 2], A[1, 2], A[2, 2] + REGULARIZATION)
    n12 = wp.cross(c1, c2)
    inv_det = 1.0 / wp.dot(c0, n12)
    return inv_det * wp.vec3(wp.dot(b, n12), wp.dot(c0, wp.cross(b, c2)), wp.dot(c0, wp.cross(c1, b)))
''',
    ),
    "cholesky": (
        "delta = solve_cholesky(AtA, Atb - AtA * mass_point)",
        '''
@wp.func
def solve_cholesky(A: wp.mat33, b: wp.vec3) -> wp.vec3:
    """Solve the regularized 3x3 normal equations using a Cholesky factorization (A = L L^T)."""
    l00 = wp.sqrt(A[0, 0] + REGULARIZATION)
    l10 = A[1, 0] / l00
    l20 = A[2, 0] / l00
    l11 = wp.sqrt(A[1, 1] + REGULARIZATION - l10 * l10)
    l21 = (A[2, 1] - l20 * l10) / l11
    l22 = wp.sqrt(A[2, 2] + REGULARIZATION - l20 * l20 - l21 * l21)
    # Forward substitution
    y0 = b[0] / l00
    y1 = (b[1] - l10 * y0) / l11
    y2 = (b[2] - l20 * y0 - l21 * y1) / l22
    # Back substitution
    x2 = y2 / l22
    x1 = (y1 - l21 * x2) / l11
    x0 = (y0 - l10 * x1 - l20 * x2) / l00
    return wp.vec3(x0, x1, x2)
''',
    ),
}


@DOMAIN.algorithm(
    source="Ju et al. 2002, Dual contouring of Hermite data; Schaefer & Warren 2002",
    names={
        "dual_contour_vertices": "place_dual_vertices|dual_contouring|solve_cell_qefs|extract_cell_vertices",
        "crossings": "num_crossings|crossing_count|num_crossed",
        "phi": "field|node_values|grid_values",
        "grid": "grid_info|g_info",
        "crossing": "edge_point|intersection|surface_point",
        "AtA": "ATA|qef_matrix|normal_matrix",
        "Atb": "ATb|qef_vector",
    },
    weight=2,
)
def dual_contour_vertices(d: Draft) -> None:
    """Places a vertex in each cell that a level set crosses by minimising the distance to tangent planes."""
    normals = d.option("normals", "differences", "given")
    solver = d.option("solver", *_SOLVERS)
    clamp = d.option("clamp", "cell", "none", "fallback")
    out = d.option("out", "dense", "compact")
    residual = d.flag("residual") if out == "dense" else False
    side = d.pick(4, 5)
    nodes, cells = (side + 1,) * 3, (side,) * 3
    d.struct(
        "grid",
        GRID_INFO,
        {"origin": fill(-1.0, 0.0), "spacing": fill(0.2, 0.5), "isolevel": fill(-0.1, 0.1)},
        about="Grid placement and isolevel",
    )
    d.input("phi", "float", nodes, -0.5, 1.0, about="Field values at grid nodes, below the isolevel inside")
    if normals == "given":
        d.input("node_normals", "vec3", nodes, -1.0, 1.0, "unit", about="Unit normals at grid nodes")
    capacity = side**3 // 2
    if out == "dense":
        d.output("vertices", "vec3", cells, about="Vertex position per crossed cell")
        d.output(
            "crossed_edges", "int", cells, about="Number of crossed edges per cell, 0 if it has no vertex"
        )
        if residual:
            d.output("residuals", "float", cells, about="Quadric error at each vertex")
    else:
        d.param("max_vertices", "int", capacity, about="Vertex buffer capacity")
        d.output("vertex_count", "int", 1, about="Number of crossed cells, may exceed the buffer capacity")
        d.output("cell_vertex", "int", cells, about="Index into `vertices`, -1 if the cell has no vertex")
        d.output("vertices", "vec3", capacity, about="Vertex positions")
        d.forward_only()
    d.module(f"REGULARIZATION = wp.constant({d.pick(0.05, 0.1, 0.2)})")
    if normals == "differences":
        d.function(_DIFFERENCES)
    d.function(_EDGES)
    text, helper = _SOLVERS[solver]
    if helper:
        d.function(helper)
    d.launch(*cells)
    d.code(
        """
        i, j, k = wp.tid()
        cell = wp.vec3i(i, j, k)

        AtA = wp.mat33(0.0)
        Atb = wp.vec3(0.0)
        $square
        mass_point = wp.vec3(0.0)
        crossings = int(0)
        # Accumulate one tangent plane per edge sign change (Hermite data)
        for edge in range(12):
            lo = cell + edge_start(edge)
            hi = lo + edge_step(edge)
            phi_lo = phi[lo[0], lo[1], lo[2]] - grid.isolevel
            phi_hi = phi[hi[0], hi[1], hi[2]] - grid.isolevel
            if (phi_lo < 0.0) != (phi_hi < 0.0):
                # phi(t) = (1 - t) * phi_lo + t * phi_hi = 0
                t = phi_lo / (phi_lo - phi_hi)
                crossing = (1.0 - t) * grid_point(grid, lo) + t * grid_point(grid, hi)
                $normal
                AtA += wp.outer(plane_normal, plane_normal)
                Atb += wp.dot(plane_normal, crossing) * plane_normal
                $more
                mass_point += crossing
                crossings += 1

        # Early exit: the surface does not cross this cell
        if crossings == 0:
            $empty
            return

        mass_point = mass_point / float(crossings)
        $solve
        vertex = mass_point + delta
        $keep
        $store
        """,
        square="btb = float(0.0)" if residual else "",
        more="btb += wp.dot(plane_normal, crossing) * wp.dot(plane_normal, crossing)" if residual else "",
        normal={
            "differences": """
                grad_lo = field_gradient(phi, lo, grid.spacing)
                grad_hi = field_gradient(phi, hi, grid.spacing)
                plane_normal = wp.normalize((1.0 - t) * grad_lo + t * grad_hi)
                """,
            "given": """
                normal_lo = node_normals[lo[0], lo[1], lo[2]]
                normal_hi = node_normals[hi[0], hi[1], hi[2]]
                plane_normal = wp.normalize((1.0 - t) * normal_lo + t * normal_hi)
                """,
        }[normals],
        empty="crossed_edges[i, j, k] = 0" if out == "dense" else "cell_vertex[i, j, k] = -1",
        solve=text,
        keep={
            "none": "",
            "cell": """
                # Clamp to the cell bounds so that dual faces do not fold over
                cell_min = grid_point(grid, cell)
                cell_max = cell_min + wp.vec3(grid.spacing)
                vertex = wp.max(cell_min, wp.min(vertex, cell_max))
                """,
            "fallback": """
                # Fall back to the mass point if the minimizer is more than half a cell outside
                cell_center = grid_point(grid, cell) + wp.vec3(0.5 * grid.spacing)
                away = vertex - cell_center
                if wp.max(wp.abs(away[0]), wp.max(wp.abs(away[1]), wp.abs(away[2]))) > grid.spacing:
                    vertex = mass_point
                """,
        }[clamp],
        store="""
            vertices[i, j, k] = vertex
            crossed_edges[i, j, k] = crossings
            $error
            """
        if out == "dense"
        else """
            vertex_index = wp.atomic_add(vertex_count, 0, 1)
            # Buffer is full, but we keep counting so the caller can grow it
            if vertex_index >= max_vertices:
                cell_vertex[i, j, k] = -1
                return
            vertices[vertex_index] = vertex
            cell_vertex[i, j, k] = vertex_index
            """,
        error="""
            # E(x) = x^T A^T A x - 2 x^T A^T b + b^T b
            residuals[i, j, k] = wp.dot(vertex, AtA * vertex) - 2.0 * wp.dot(vertex, Atb) + btb
            """
        if residual
        else "",
    )
    d.function('''
        @wp.func
        def grid_point(grid: GridInfo, node: wp.vec3i) -> wp.vec3:
            """Return the world-space node position."""
            return grid.origin + grid.spacing * wp.vec3(float(node[0]), float(node[1]), float(node[2]))
    ''')
    held = {
        "none": "",
        "cell": ", clamped to the cell",
        "fallback": ", or at the mean crossing if the minimizer is far outside",
    }
    d.says(
        "Places a vertex in each cell crossed by a level set, minimizing the regularized squared distances "
        f"to tangent planes{held[clamp]}{', and stores the quadric error' if residual else ''}."
    )
    d.explain(
        """
        The vertex minimizes the sum of (n . (x - p))^2 over crossed edges plus lambda |x - m|^2, where m is
        the mean over the crossing points p$then. The field is interpolated linearly along edges.
    """.replace(
            "$then",
            {
                "none": "",
                "cell": ", and is clamped to the cell bounds",
                "fallback": ", with m as a fallback when the result is far outside the cell",
            }[clamp],
        )
    )

    def agrees(v: Values, after: Values) -> None:
        lam = float(d.prelude[0].split("(")[1].rstrip(")"))
        vertex, count, error = _contoured(v, normals, clamp, lam)
        crossed = count > 0
        if out == "dense":
            np.testing.assert_array_equal(after.crossed_edges, count)
            mostly_close(after.vertices, np.where(crossed[..., None], vertex, 0.0), 3e-3)
            if residual:
                mostly_close(after.residuals, np.where(crossed, error, 0.0), 3e-3)
            return
        assert after.vertex_count[0] == crossed.sum()
        index = np.asarray(after.cell_vertex)
        kept = np.sort(index[index >= 0])
        np.testing.assert_array_equal(kept, np.arange(min(crossed.sum(), capacity)))
        assert not np.any((index >= 0) & ~crossed)
        mostly_close(after.vertices[index[index >= 0]], vertex[index >= 0], 3e-3)

    d.holds(agrees)


def _contoured(v: Values, normals: str, clamp: str, lam: float) -> tuple[Any, Any, Any]:
    """Vertices of all cells, how many edges are crossed, and the errors left."""
    h, phi = v["grid.spacing"], v.phi
    side = phi.shape[0] - 1
    at = np.stack(np.meshgrid(*[np.arange(side + 1)] * 3, indexing="ij"), axis=-1)
    x = np.asarray(v["grid.origin"]) + h * at
    slope = np.stack(np.gradient(phi, h), axis=-1) if normals == "differences" else v.node_normals
    f = phi - v["grid.isolevel"]
    vertex, count, error = np.zeros((side,) * 3 + (3,)), np.zeros((side,) * 3, int), np.zeros((side,) * 3)
    for cell in np.ndindex(side, side, side):
        planes = []
        for axis in range(3):
            for u in range(2):
                for w in range(2):
                    low = np.array(cell) + np.insert([u, w], axis, 0)
                    a, b = tuple(low), tuple(low + np.eye(3, dtype=int)[axis])
                    if (f[a] < 0.0) != (f[b] < 0.0):
                        t = f[a] / (f[a] - f[b])
                        n = (1.0 - t) * slope[a] + t * slope[b]
                        planes.append(((1.0 - t) * x[a] + t * x[b], n / np.linalg.norm(n)))
        if not planes:
            continue
        p, n = (np.array(part) for part in zip(*planes, strict=True))
        m = p.mean(axis=0)
        right = (n * (p - m)).sum(axis=1)
        found = m + np.linalg.solve(n.T @ n + lam * np.eye(3), n.T @ right)
        if clamp == "cell":
            found = np.clip(found, x[cell], x[cell] + h)
        elif clamp == "fallback" and np.abs(found - x[cell] - 0.5 * h).max() > h:
            found = m
        vertex[cell], count[cell] = found, len(planes)
        error[cell] = ((n * (found - p)).sum(axis=1) ** 2).sum()
    return vertex, count, error
