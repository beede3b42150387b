"""How far two joint frames are from what joints of each kind allow: lines that set errors."""

from __future__ import annotations

# How far anchors are from where they should be.
LOCKED = {
    "ball": "error = anchor_c - anchor_p",
    "revolute": "error = anchor_c - anchor_p",
    "fixed": "error = anchor_c - anchor_p",
    "prismatic": """
        # Only motion along the axis is free
        offset = anchor_c - anchor_p
        axis = wp.quat_rotate(frame_p, joint_axis[tid])
        travel = wp.dot(offset, axis)
        error = offset - travel * axis
    """,
    "distance": """
        # Rigid rod: constrain the length only
        offset = anchor_c - anchor_p
        length = wp.length(offset)
        stretch = length - joint_length[tid]
    """,
}
# How far the child is turned from where it should be.
ANGULAR = {
    "fixed": """
        # Small-angle rotation vector is twice the vector part; flip the sign since q and -q are equivalent
        relative = frame_c * wp.quat_inverse(frame_p)
        angular_error = 2.0 * wp.vec3(relative[0], relative[1], relative[2])
        if relative[3] < 0.0:
            angular_error = -angular_error
    """,
    "revolute": """
        # Align the hinge axes
        axis_p = wp.quat_rotate(frame_p, joint_axis[tid])
        axis_c = wp.quat_rotate(frame_c, joint_axis[tid])
        angular_error = wp.cross(axis_p, axis_c)
    """,
}
ANGULAR["prismatic"] = ANGULAR["fixed"]

# How far a coordinate is beyond its limits, added to an error.
LIMITS = {
    "prismatic": """
        # Joint limits along the axis
        if travel < joint_lower[tid]:
            error += axis * (travel - joint_lower[tid])
        elif travel > joint_upper[tid]:
            error += axis * (travel - joint_upper[tid])
    """,
    "revolute": """
        # Hinge angle by swing-twist decomposition; atan2 stays accurate near half a turn
        relative = wp.quat_inverse(frame_p) * frame_c
        vector_part = wp.vec3(relative[0], relative[1], relative[2])
        hinge_angle = 2.0 * wp.atan2(wp.dot(vector_part, joint_axis[tid]), relative[3])
        if hinge_angle > wp.pi:
            hinge_angle -= 2.0 * wp.pi
        elif hinge_angle < -wp.pi:
            hinge_angle += 2.0 * wp.pi
        excess = hinge_angle - wp.clamp(hinge_angle, joint_lower[tid], joint_upper[tid])
        angular_error += axis_p * excess
    """,
}
