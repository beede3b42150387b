"""Boxes against boxes by the separating axis test."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_POSES = {
    "transforms": """
        pose_a = body_pose[box_a]
        pose_b = body_pose[box_b]
        rot_a = wp.quat_to_matrix(wp.transform_get_rotation(pose_a))
        rot_b = wp.quat_to_matrix(wp.transform_get_rotation(pose_b))
        center_delta = wp.transform_get_translation(pose_b) - wp.transform_get_translation(pose_a)
    """,
    "quaternions": """
        rot_a = wp.quat_to_matrix(body_rot[box_a])
        rot_b = wp.quat_to_matrix(body_rot[box_b])
        center_delta = body_pos[box_b] - body_pos[box_a]
    """,
    "matrices": """
        rot_a = body_mat[box_a]
        rot_b = body_mat[box_b]
        center_delta = body_pos[box_b] - body_pos[box_a]
    """,
}


@DOMAIN.algorithm(
    source="Gottschalk, Lin & Manocha 1996 (OBB trees); Ericson 2005, section 4.4.1; Smith, ODE, dBoxBox2",
    names={
        "separate_boxes": "box_box_sat|box_box_axes|obb_overlap|collide_boxes_sat",
        "pair_boxes": "pairs|candidate_pairs|collision_pairs",
        "body_pos": "box_pos",
        "body_rot": "box_rot",
        "body_mat": "box_mat",
        "body_pose": "box_pose",
        "half_extents": "half_sizes|half_widths",
        "EDGE_BIAS": "EDGE_PREFERENCE|FUDGE",
        "best_code": "best_axis|axis_id|min_axis",
        "best_gap": "max_separation|best_sep|separation",
        "center_delta": "p|delta|d",
        "gap": "sep|s",
        "reach": "radius_sum|proj",
    },
    element="pair",
    weight=4,
)
def separate_boxes(d: Draft) -> None:
    """Finds the axis along which two boxes overlap least, or that they are apart, by the separating axis test."""
    poses = d.option("poses", "transforms", "quaternions", "matrices")
    edges = d.flag("edges", 0.8)
    early = d.option("early", "none", "return")
    result = d.option("result", "axis", "normal", "overlap")
    pairs = d.option("pairs", "listed", "two lists")
    margin = d.flag("margin", 0.5)
    bias = d.option("bias", "none", "faces first") if edges else "none"
    if bias == "faces first":
        early = "return"  # a narrow gap between edges would be passed over for a face that overlaps
    bounding = d.flag("spheres", 0.3)
    boxes = d.pick(12, 16, 20)
    count = d.pick(32, 48)
    if pairs == "listed":
        d.input("pair_boxes", "vec2i", count, 0, boxes, about="Box indices of each candidate pair")
    else:
        half = boxes // 2
        d.input("first_box", "int", count, 0, half, about="First box of each candidate pair")
        d.input("second_box", "int", count, half, boxes, about="Second box of each candidate pair")
    if poses == "transforms":
        d.input(
            "body_pose", "transform", boxes, -0.6, 0.6, kind="transform", about="Box poses in world space"
        )
    else:
        d.input("body_pos", "vec3", boxes, -0.6, 0.6, about="Box centers [m]")
        if poses == "quaternions":
            d.input("body_rot", "quat", boxes, kind="unit", about="Box orientations")
        else:
            d.input("body_mat", "mat33", boxes, kind="rotation", about="Box axes as columns")
    d.input("half_extents", "vec3", boxes, 0.15, 0.5, about="Half extents of the boxes [m]")
    if margin:
        d.param("margin", "float", 0.005, 0.03, about="Pairs up to this far apart count as touching [m]")
    d.output("best_axis", "int", count, about="0-2: face of A, 3-5: face of B, 6-14: edge pair, -1: apart")
    if result != "overlap":
        d.output("depth", "float", count, about="Penetration along that axis [m]")
    if result == "normal":
        d.output(
            "contact_normal", "vec3", count, about="Axis in world space, from the first to the second box"
        )
    limit = "margin" if margin else "0.0"
    leave = f"if gap > {limit}:\n    best_axis[tid] = -1\n    return\n"
    stop = leave if early == "return" else ""
    track = "if {mark} > best_gap:\n    best_gap = gap\n    best_code = {code}"
    tests = """
    best_gap = float(-wp.inf)
    best_code = int(-1)
    # Face normals of A
    for k in range(3):
        gap = wp.abs(t[k]) - (ha[k] + wp.dot(hb, abs_rot[k]))
        $stop
        $track_a
    # Face normals of B
    for k in range(3):
        gap = wp.abs(wp.dot(t, rot_t[k])) - (hb[k] + wp.dot(ha, abs_rot_t[k]))
        $stop
        $track_b
    """
    if edges:
        d.module("PARALLEL_EPS = wp.constant(1.0e-4)")
        if bias == "faces first":
            d.module("EDGE_BIAS = wp.constant(0.02)  # [m]")
        tests += """
    $why
    for i in range(3):
        for j in range(3):
            len_sq = 1.0 - rot[i, j] * rot[i, j]
            if len_sq > PARALLEL_EPS:
                i1 = (i + 1) % 3
                i2 = (i + 2) % 3
                j1 = (j + 1) % 3
                j2 = (j + 2) % 3
                reach = ha[i1] * abs_rot[i2, j] + ha[i2] * abs_rot[i1, j]
                reach += hb[j1] * abs_rot[i, j2] + hb[j2] * abs_rot[i, j1]
                gap = (wp.abs(t[i2] * rot[i1, j] - t[i1] * rot[i2, j]) - reach) / wp.sqrt(len_sq)
                $stop
                $track_edge
    """
    why = (
        "# Cross products of edges; nearly parallel edges add nothing over the face normals,\n"
        "# and their cross product is too short to be normalized"
        if bias == "none"
        else "# Cross products of edges; they have to be better by a bit, since face contacts give larger\n"
        "# manifolds, and nearly parallel edges add nothing over the face normals"
    )
    track_edge = track.format(mark="gap" if bias == "none" else "gap - EDGE_BIAS", code="6 + 3 * i + j")
    sphere = """
    # Bounding spheres first, because most pairs of the broad phase do not touch
    radius = wp.length(ha) + wp.length(hb)$near
    if wp.length_sq(center_delta) > radius * radius:
        best_axis[tid] = -1
        return
    """
    finish = {
        "overlap": "best_axis[tid] = best_code"
        if stop
        else f"best_axis[tid] = wp.where(best_gap > {limit}, -1, best_code)",
        "axis": "$parted\nbest_axis[tid] = best_code\ndepth[tid] = -best_gap",
        "normal": """
        $parted
        # Axis in world space
        if best_code < 3:
            normal = rot_a * unit_axis(best_code)
        elif best_code < 6:
            normal = rot_b * unit_axis(best_code - 3)
        else:
            edge_a = rot_a * unit_axis((best_code - 6) // 3)
            edge_b = rot_b * unit_axis((best_code - 6) % 3)
            normal = wp.normalize(wp.cross(edge_a, edge_b))
        # Orient it from A to B, since the sign of an axis is arbitrary
        if wp.dot(normal, center_delta) < 0.0:
            normal = -normal
        best_axis[tid] = best_code
        depth[tid] = -best_gap
        contact_normal[tid] = normal
        """,
    }
    if result == "normal":
        text = finish["normal"]
        if not edges:
            start = text.index("        elif best_code < 6")
            end = text.index("        # Orient")
            text = (
                text[:start]
                + "        else:\n            normal = rot_b * unit_axis(best_code - 3)\n"
                + text[end:]
            )
        finish["normal"] = text
        d.function('''
            @wp.func
            def unit_axis(i: int) -> wp.vec3:
                """Return the i-th coordinate axis."""
                if i == 0:
                    return wp.vec3(1.0, 0.0, 0.0)
                if i == 1:
                    return wp.vec3(0.0, 1.0, 0.0)
                return wp.vec3(0.0, 0.0, 1.0)
        ''')
    which = {
        "listed": "pair = pair_boxes[tid]\nbox_a = pair[0]\nbox_b = pair[1]\n"
        "# Padding of the pair list repeats an index, so such pairs report no contact\nif box_a == box_b:\n    best_axis[tid] = -1\n    return",
        "two lists": "box_a = first_box[tid]\nbox_b = second_box[tid]",
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $which
        $poses
        ha = half_extents[box_a]
        hb = half_extents[box_b]
        $sphere
        # Work in the frame of A, so its face normals are the coordinate axes; columns of `rot` are axes of B
        rot = wp.transpose(rot_a) * rot_b
        t = wp.transpose(rot_a) * center_delta
        abs_rot = wp.matrix_from_rows(wp.abs(rot[0]), wp.abs(rot[1]), wp.abs(rot[2]))
        rot_t = wp.transpose(rot)
        abs_rot_t = wp.transpose(abs_rot)
        $tests
        $finish
        """,
        which=which[pairs],
        poses=_POSES[poses],
        sphere=sphere if bounding else "",
        near=" + margin" if margin else "",
        tests=dedented(tests),
        stop=stop.rstrip(),
        track_a=track.format(mark="gap", code="k"),
        track_b=track.format(mark="gap", code="3 + k"),
        track_edge=track_edge,
        why=why,
        finish=finish[result],
        parted="" if stop else leave.replace("if gap", "if best_gap").rstrip(),
    )
    kept = "" if result == "overlap" else "Pairs that are apart leave the other outputs as they are."
    best = "The axis of least overlap is the contact normal."
    if bias == "faces first":
        best = "The axis of least overlap is the contact normal; edges have to win by `EDGE_BIAS`."
    if edges:
        d.explain(f"""
            Two boxes are apart exactly if they are apart along one of 15 axes: the three face normals of
            each box and the nine cross products of their edges. {best}
            {kept}
        """)
    else:
        d.says("Finds the face normal along which two boxes overlap least, or that they are apart along one.")
        d.explain(f"""
            Only the six face normals are tried, not the cross products of edges: some pairs whose edges pass
            each other closely are taken to overlap. {kept}
        """)

    def frames(v: Values) -> tuple[Any, Any]:
        if poses == "transforms":
            return v.body_pose[:, :3], quaternions.matrix(v.body_pose[:, 3:])
        return v.body_pos, v.body_mat if poses == "matrices" else quaternions.matrix(v.body_rot)

    def reference(v: Values) -> dict[str, Any]:
        place, turn = frames(v)
        near = v.margin if margin else 0.0
        codes, depths, normals = np.zeros(count, int), np.zeros(count), np.zeros((count, 3))
        for k in range(count):
            a, b = v.pair_boxes[k] if pairs == "listed" else (v.first_box[k], v.second_box[k])
            axes = [*turn[a].T, *turn[b].T]
            if edges:
                axes += [np.cross(p, q) for p in turn[a].T for q in turn[b].T]
            delta, best, code = place[b] - place[a], -np.inf, -1
            reject = a == b or (
                bounding
                and np.linalg.norm(delta)
                > np.linalg.norm(v.half_extents[a]) + np.linalg.norm(v.half_extents[b]) + near
            )
            for number, axis in enumerate(axes):
                if axis @ axis <= 1e-4:
                    continue
                n = axis / np.linalg.norm(axis)
                reach = np.abs(n @ turn[a]) @ v.half_extents[a] + np.abs(n @ turn[b]) @ v.half_extents[b]
                gap = abs(n @ delta) - reach
                if early == "return" and gap > near:
                    reject = True
                if gap - (0.02 if number > 5 and bias != "none" else 0.0) > best:
                    best, code = gap, number
            codes[k] = -1 if reject or best > near else code
            if codes[k] >= 0:
                depths[k] = -best
                n = axes[code] / np.linalg.norm(axes[code])
                normals[k] = n if n @ delta >= 0.0 else -n
        made: dict[str, Any] = {"best_axis": codes}
        if result != "overlap":
            made["depth"] = depths
        if result == "normal":
            made["contact_normal"] = normals
        return made

    d.check(reference, 1e-3)
