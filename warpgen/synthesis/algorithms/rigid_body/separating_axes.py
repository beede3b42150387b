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
        "EDGE_BIAS": "FACE_PREFERENCE|EDGE_PENALTY",
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
    """Tests box pairs for overlap and finds the axis of minimum penetration using the separating axis test."""
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
        d.input("pair_boxes", "vec2i", count, 0, boxes, about="Candidate box index pairs")
    else:
        half = boxes // 2
        d.input("first_box", "int", count, 0, half, about="First box index of each pair")
        d.input("second_box", "int", count, half, boxes, about="Second box index of each pair")
    if poses == "transforms":
        d.input("body_pose", "transform", boxes, -0.6, 0.6, kind="transform", about="World-space box poses")
    else:
        d.input("body_pos", "vec3", boxes, -0.6, 0.6, about="Box centers [m]")
        if poses == "quaternions":
            d.input("body_rot", "quat", boxes, kind="unit", about="Box orientations")
        else:
            d.input("body_mat", "mat33", boxes, kind="rotation", about="Box axes, stored as columns")
    d.input("half_extents", "vec3", boxes, 0.15, 0.5, about="Box half extents [m]")
    if margin:
        d.param("margin", "float", 0.005, 0.03, about="Maximum gap for a pair to count as touching [m]")
    about = f"0-2: face of A, 3-5: face of B, {'6-14: edge pair, ' if edges else ''}-1: separated"
    d.output("best_axis", "int", count, about=about)
    if result != "overlap":
        d.output("depth", "float", count, about="Penetration depth along the axis [m]")
    if result == "normal":
        d.output("contact_normal", "vec3", count, about="World-space axis, from first to second box")
    limit = "margin" if margin else "0.0"
    leave = f"if gap > {limit}:\n    best_axis[tid] = -1\n    return\n"
    stop = leave if early == "return" else ""
    track = "if gap > best_gap:\n    best_gap = gap\n    best_code = {code}"
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
        "# Edge cross products; skip nearly parallel edges, since face normals already cover them\n"
        "# and their cross product is too short to normalize"
        if bias == "none"
        else "# Edge cross products; bias toward faces, since face contacts give larger manifolds, and skip\n"
        "# nearly parallel edges, since face normals already cover them\n"
        "edge_limit = best_gap + EDGE_BIAS"
    )
    track_edge = track.format(code="6 + 3 * i + j")
    if bias != "none":
        track_edge = track_edge.replace("> best_gap", "> wp.max(best_gap, edge_limit)")
    sphere = """
    # Early exit on bounding spheres, because most broad-phase pairs do not touch
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
        # World-space axis
        if best_code < 3:
            normal = rot_a * unit_axis(best_code)
        elif best_code < 6:
            normal = rot_b * unit_axis(best_code - 3)
        else:
            edge_a = rot_a * unit_axis((best_code - 6) // 3)
            edge_b = rot_b * unit_axis((best_code - 6) % 3)
            normal = wp.normalize(wp.cross(edge_a, edge_b))
        # Orient from A to B, since the axis sign is arbitrary
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
                """Return the i-th unit vector."""
                if i == 0:
                    return wp.vec3(1.0, 0.0, 0.0)
                if i == 1:
                    return wp.vec3(0.0, 1.0, 0.0)
                return wp.vec3(0.0, 0.0, 1.0)
        ''')
    which = {
        "listed": "pair = pair_boxes[tid]\nbox_a = pair[0]\nbox_b = pair[1]\n"
        "# Skip padding, where both indices are equal\nif box_a == box_b:\n    best_axis[tid] = -1\n    return",
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
        # Work in the frame of A, so its face normals are the coordinate axes; `rot` columns are the axes of B
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
        track_a=track.format(code="k"),
        track_b=track.format(code="3 + k"),
        track_edge=track_edge,
        why=why,
        finish=finish[result],
        parted="" if stop else leave.replace("if gap", "if best_gap").rstrip(),
    )
    kept = "" if result == "overlap" else "For separated pairs, the other outputs are not written."
    best = "The contact normal is the axis of minimum penetration."
    if bias == "faces first":
        best = "The contact normal is the axis of minimum penetration, with faces preferred by `EDGE_BIAS`."
    if edges:
        d.explain(f"""
            Two boxes are disjoint if and only if one of 15 axes separates them: the three face normals of
            each box and the nine edge cross products. {best}
            {kept}
        """)
    else:
        d.says("Tests box pairs for overlap along face normals and finds the axis of minimum penetration.")
        d.explain(f"""
            Only the six face normals are tested, not the edge cross products, so some pairs with edges that pass
            close to each other are reported as overlapping. {kept}
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
            delta, best, code, floor = place[b] - place[a], -np.inf, -1, -np.inf
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
                if number == 6 and bias != "none":
                    floor = best + 0.02
                if gap > max(best, floor):
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
