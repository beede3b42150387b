"""Forces and Hessian blocks of single vertices: membranes of triangles and bending of hinges."""

from __future__ import annotations

_HEAD = """@wp.func
def membrane_force_and_hessian(
    face: int,
    order: int,
    x: wp.array(dtype=wp.vec3),
    face_indices: wp.array2d(dtype=int),
    face_pose: wp.array(dtype=wp.mat22),
    face_area: wp.array(dtype=float),
    mu: float,
    lam: float,
):
"""
_COLUMNS = """    x0 = x[face_indices[face, 0]]
    x01 = x[face_indices[face, 1]] - x0
    x02 = x[face_indices[face, 2]] - x0
    # Columns of the 3x2 deformation gradient F = [x01, x02] * Dm^-1
    Dm_inv = face_pose[face]
    f0 = x01 * Dm_inv[0, 0] + x02 * Dm_inv[1, 0]
    f1 = x01 * Dm_inv[0, 1] + x02 * Dm_inv[1, 1]
"""

MEMBRANE = {
    "stvk": f'''
{_HEAD}    """Evaluate the StVK membrane force and Hessian for a single triangle vertex.

    Returns:
        Tuple of per-vertex force and 3x3 Hessian block.
    """
{_COLUMNS}    # Green strain G = (F^T F - I) / 2
    f0_dot_f0 = wp.dot(f0, f0)
    f1_dot_f1 = wp.dot(f1, f1)
    f0_dot_f1 = wp.dot(f0, f1)
    trace = 0.5 * (f0_dot_f0 + f1_dot_f1 - 2.0)
    # Second Piola-Kirchhoff stress S = 2 mu G + lambda tr(G) I
    s00 = mu * (f0_dot_f0 - 1.0) + lam * trace
    s11 = mu * (f1_dot_f1 - 1.0) + lam * trace
    s01 = mu * f0_dot_f1
    # m = dF/dx for this vertex
    m = vertex_weights(order, Dm_inv)
    area = face_area[face]
    # force = -area * F S m
    force = -area * (f0 * (s00 * m[0] + s01 * m[1]) + f1 * (s01 * m[0] + s11 * m[1]))
    # StVK Hessian block
    g = m[0] * f0 + m[1] * f1
    isotropic = s00 * m[0] * m[0] + 2.0 * s01 * m[0] * m[1] + s11 * m[1] * m[1]
    hessian = isotropic * wp.identity(n=3, dtype=float) + (mu + lam) * wp.outer(g, g)
    hessian += mu * wp.dot(m, m) * (wp.outer(f0, f0) + wp.outer(f1, f1))
    return force, area * hessian
''',
    "neo-hookean": f'''
{_HEAD}    """Evaluate the neo-Hookean membrane force and Hessian for a single triangle vertex.

    The energy density is mu/2 (tr(C) - 2) + lambda/2 (J - alpha)^2 with C = F^T F and J = |f0 x f1|; the offset
    alpha = 1 + mu/lambda makes the rest shape stress-free.

    Returns:
        Tuple of per-vertex force and Hessian block; second derivatives of J are dropped.
    """
{_COLUMNS}    # Area ratio J and its derivatives w.r.t. both columns
    normal = wp.cross(f0, f1)
    J = wp.length(normal)
    n = wp.vec3()
    # Skip degenerate (zero-area) faces
    if J > 1.0e-4:
        n = normal / J
    dJ_df0 = wp.cross(f1, n)
    dJ_df1 = wp.cross(n, f0)
    alpha = 1.0 + mu / lam
    pressure = lam * (J - alpha)
    # m = dF/dx for this vertex
    m = vertex_weights(order, Dm_inv)
    area = face_area[face]
    dJ_dx = m[0] * dJ_df0 + m[1] * dJ_df1
    force = -area * (mu * (m[0] * f0 + m[1] * f1) + pressure * dJ_dx)
    hessian = mu * wp.dot(m, m) * wp.identity(n=3, dtype=float) + lam * wp.outer(dJ_dx, dJ_dx)
    return force, area * hessian
''',
}

WEIGHTS = '''
@wp.func
def vertex_weights(order: int, Dm_inv: wp.mat22) -> wp.vec2:
    """Return the derivative of the columns of F w.r.t. a triangle vertex."""
    if order == 1:
        return wp.vec2(Dm_inv[0, 0], Dm_inv[0, 1])
    if order == 2:
        return wp.vec2(Dm_inv[1, 0], Dm_inv[1, 1])
    # Vertex weights sum to zero
    return wp.vec2(-Dm_inv[0, 0] - Dm_inv[1, 0], -Dm_inv[0, 1] - Dm_inv[1, 1])
'''

SUM_FACES = '''
@wp.func
def sum_membranes(
    vertex: int,
    x: wp.array(dtype=wp.vec3),
    face_indices: wp.array2d(dtype=int),
    face_pose: wp.array(dtype=wp.mat22),
    face_area: wp.array(dtype=float),
    vertex_face_offsets: wp.array(dtype=int),
    vertex_faces: wp.array(dtype=int),
    mu: float,
    lam: float,
):
    """Accumulate membrane forces and Hessian blocks over adjacent faces."""
    force = wp.vec3(0.0, 0.0, 0.0)
    hessian = wp.mat33()
    for entry in range(vertex_face_offsets[vertex], vertex_face_offsets[vertex + 1]):
        corner = vertex_faces[entry]
        face_force, face_hessian = membrane_force_and_hessian(
            corner // 3, corner % 3, x, face_indices, face_pose, face_area, mu, lam
        )
        force += face_force
        hessian += face_hessian
    return force, hessian
'''

BENDING = {
    "quadratic": '''
@wp.func
def bending_force_and_hessian(
    edge: int,
    order: int,
    x: wp.array(dtype=wp.vec3),
    edge_indices: wp.array(dtype=int),
    edge_cots: wp.array(dtype=wp.vec4),
    stiffness: float,
):
    """Isometric bending, k/2 |sum_i c_i x_i|^2: force and Hessian for a single hinge vertex."""
    cot = edge_cots[edge]
    c = wp.vec4(-cot[0] - cot[2], -cot[1] - cot[3], cot[2] + cot[3], cot[0] + cot[1])
    # Mean curvature vector at the hinge
    curvature = c[0] * x[edge_indices[4 * edge]] + c[1] * x[edge_indices[4 * edge + 1]]
    curvature += c[2] * x[edge_indices[4 * edge + 2]] + c[3] * x[edge_indices[4 * edge + 3]]
    force = -stiffness * c[order] * curvature
    # Quadratic energy, so the Hessian is constant
    hessian = stiffness * c[order] * c[order] * wp.identity(n=3, dtype=float)
    return force, hessian
''',
    "dihedral": '''
@wp.func
def bending_force_and_hessian(
    edge: int,
    order: int,
    x: wp.array(dtype=wp.vec3),
    edge_indices: wp.array(dtype=int),
    edge_rest_angle: wp.array(dtype=float),
    stiffness: float,
):
    """Dihedral bending, k/2 (theta - theta_0)^2: force and Hessian for a single hinge vertex.

    Vertices 0 and 1 are opposite the shared edge (2, 3). The Hessian keeps only the positive
    semi-definite Gauss-Newton term.
    """
    x0 = x[edge_indices[4 * edge]]
    x1 = x[edge_indices[4 * edge + 1]]
    x2 = x[edge_indices[4 * edge + 2]]
    x3 = x[edge_indices[4 * edge + 3]]
    e = x3 - x2
    edge_length = wp.length(e)
    # Area-weighted face normals
    n0 = wp.cross(x2 - x0, x3 - x0)
    n1 = wp.cross(x3 - x1, x2 - x1)
    n0_sq = wp.dot(n0, n0)
    n1_sq = wp.dot(n1, n1)
    # Skip degenerate faces, the dihedral angle is undefined
    if edge_length < 1.0e-6 or n0_sq < 1.0e-9 or n1_sq < 1.0e-9:
        return wp.vec3(0.0, 0.0, 0.0), wp.mat33()
    theta = wp.atan2(wp.dot(wp.cross(n0, n1), e) / edge_length, wp.dot(n0, n1))
    # Dihedral angle gradients (Bridson et al. 2003; Tamstorf & Grinspun 2013)
    g0 = -edge_length / n0_sq * n0
    g1 = -edge_length / n1_sq * n1
    inv_length_sq = 1.0 / (edge_length * edge_length)
    t0 = wp.dot(x0 - x2, e) * inv_length_sq
    t1 = wp.dot(x1 - x2, e) * inv_length_sq
    grad = g0
    if order == 1:
        grad = g1
    elif order == 2:
        grad = -(1.0 - t0) * g0 - (1.0 - t1) * g1
    elif order == 3:
        grad = -t0 * g0 - t1 * g1
    force = -stiffness * (theta - edge_rest_angle[edge]) * grad
    return force, stiffness * wp.outer(grad, grad)
''',
}

SUM_EDGES = '''
@wp.func
def sum_bending(
    vertex: int,
    x: wp.array(dtype=wp.vec3),
    edge_indices: wp.array(dtype=int),
    $rest
    vertex_edge_offsets: wp.array(dtype=int),
    vertex_edges: wp.array(dtype=int),
    stiffness: float,
):
    """Accumulate bending forces and Hessian blocks over adjacent hinges."""
    force = wp.vec3(0.0, 0.0, 0.0)
    hessian = wp.mat33()
    for entry in range(vertex_edge_offsets[vertex], vertex_edge_offsets[vertex + 1]):
        corner = vertex_edges[entry]
        edge_force, edge_hessian = bending_force_and_hessian(
            corner // 4, corner % 4, x, edge_indices, $value, stiffness
        )
        force += edge_force
        hessian += edge_hessian
    return force, hessian
'''
