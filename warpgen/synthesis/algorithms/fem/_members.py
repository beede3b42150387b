"""Members of frames in space: how their axes lie, and what their sections are, as text."""

ORIENTATIONS = {
    "up vector": """
        # Local y from a reference vector, switched when nearly parallel to the member axis
        reference = wp.where(wp.abs(ex[2]) > 0.95, wp.vec3(1.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 1.0))
        ey = wp.normalize(wp.cross(reference, ex))
        ez = wp.cross(ex, ey)
    """,
    "roll": """
        # Local y is horizontal, then rotated by the roll angle about the member axis
        reference = wp.where(wp.abs(ex[2]) > 0.95, wp.vec3(1.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 1.0))
        side = wp.normalize(wp.cross(reference, ex))
        top = wp.cross(ex, side)
        ey = wp.cos(roll[tid]) * side + wp.sin(roll[tid]) * top
        ez = wp.cross(ex, ey)
    """,
    "node": """
        # Local y points toward the third node
        to_third = node_pos[third_node[tid]] - start
        across = wp.cross(ex, to_third)
        # Degenerate if the third node is collinear with the member
        if wp.length(across) < 1.0e-3:
            $nothing
            return
        ez = wp.normalize(across)
        ey = wp.cross(ez, ex)
    """,
}
SECTIONS = {
    "given": """
        a = area$at
        i_y = moment_y$at
        i_z = moment_z$at
        j = torsion$at
    """,
    "rectangle": """
        # Solid rectangle, torsion constant using Roark's approximation
        b = width[tid]
        h = depth[tid]
        a = b * h
        i_y = b * h * h * h / 12.0
        i_z = h * b * b * b / 12.0
        long = wp.max(b, h)
        short = wp.min(b, h)
        ratio = short / long
        j = long * short * short * short * (1.0 / 3.0 - 0.21 * ratio * (1.0 - ratio * ratio * ratio * ratio / 12.0))
    """,
    "tube": """
        # Circular tube, same second moment of area about both axes
        ro = outer_radius[tid]
        ri = ro - wall[tid]
        a = wp.pi * (ro * ro - ri * ri)
        i_y = 0.25 * wp.pi * (ro * ro * ro * ro - ri * ri * ri * ri)
        j = 2.0 * i_y
    """,
}
