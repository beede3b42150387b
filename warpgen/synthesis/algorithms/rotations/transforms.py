"""Rigid and affine transforms of points, frames, twists and wrenches."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rotations import DOMAIN
from warpgen.synthesis.algorithms.rotations import _numpy as rot
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "poses": "transforms|body_q|frames|xforms",
    "points": "vertices|positions",
    "vectors": "directions|dirs",
    "in_world": "world_points|points_out|transformed",
    "in_body": "local_points|points_out|transformed",
    "turned": "directions_out|rotated|vectors_out",
    "body": "bodies|parent|owner|body_index",
    "pose": "xform|tf",
}


@DOMAIN.algorithm(
    source="Warp manual, Transformations; Craig 2005, ch. 2",
    names=_NAMES,
    double=True,
    element="entry",
    weight=3,
)
def place_points(d: Draft) -> None:
    """Transforms points between body and world space."""
    way = d.option("way", "point", "vector", "parts", "matrix", "rotation matrix")
    back = d.flag("back")
    owner = d.option("owner", "shared", "each", "indexed", "optional")
    layout = d.option("layout", "points", "in place", "accumulated offset")
    count, bodies = d.pick(64, 96, 128), d.pick(5, 8, 12)
    if way == "matrix" and back:
        way = "point"
    if way == "vector" and layout == "accumulated offset":
        layout = "points"
    points = "vectors" if way == "vector" else "points"
    moved = "turned" if way == "vector" else "in_body" if back else "in_world"
    what = "directions" if way == "vector" else "points"
    frames = "a body frame" if owner == "shared" else "body frames"
    way_ = f"from world space into {frames}" if back else f"from {frames} into world space"
    shifts = layout == "accumulated offset"
    left = "are only shifted" if shifts else "are left unchanged"
    d.says(
        (f"Shifts {what} and transforms them {way_}" if shifts else f"Transforms {what} {way_}")
        + (f"; unattached ones {left}." if owner == "optional" else ".")
    )
    to = "body" if back else "world"
    d.calls(f"{what}_to_{to}|transform_{what}|move_{what}_to_{to}")
    if owner == "shared":
        d.param("pose", "transform", -1.0, 1.0, "transform", about="Frame pose")
    else:
        d.input(
            "poses",
            "transform",
            count if owner == "each" else bodies,
            -1.0,
            1.0,
            "transform",
            about="Frame poses",
        )
    if owner in ("indexed", "optional"):
        none = ", -1 if unattached" if owner == "optional" else ""
        d.input("body", "int", count, -1 if none else 0, bodies, about=f"Body indices of the {what}{none}")
    if layout == "in place":
        d.forward_only()  # what is overwritten is lost to the adjoint
        d.inout(points, "vec3", count, -1.0, 1.0, about=f"{what.capitalize()}, transformed in place")
    else:
        d.input(points, "vec3", count, -1.0, 1.0, about=f"{what.capitalize()} to transform")
        if layout == "accumulated offset":
            d.param("shift", "vec3", -0.5, 0.5, about="Shift before the transform")
        d.output(moved, "vec3", count, about=f"Transformed {what}")
    target = f"{points}[tid]" if layout == "in place" else f"{moved}[tid]"
    local = "(points[tid] + shift)" if layout == "accumulated offset" else f"{points}[tid]"
    find = {
        "shared": "",
        "each": "pose = poses[tid]",
        "indexed": "pose = poses[body[tid]]",
        "optional": """
        b = body[tid]
        if b < 0:
            # No parent frame (-1): $what stay in world space
            $stay
            return
        pose = poses[b]
        """,
    }[owner]
    inverted = "pose_inv = wp.transform_inverse(pose)" if back and way != "parts" else ""
    pose = "pose_inv" if inverted else "pose"
    if way == "parts" and back:
        # undo the shift first, since the turn was applied before it
        move = (
            "p = wp.transform_get_translation(pose)\n"
            "q = wp.transform_get_rotation(pose)\n"
            "$target = wp.quat_rotate_inv(q, $local - p)"
        )
    elif way == "parts":
        move = (
            "p = wp.transform_get_translation(pose)\n"
            "q = wp.transform_get_rotation(pose)\n"
            "$target = p + wp.quat_rotate(q, $local)"
        )
    elif way == "matrix":
        move = "m = wp.transform_to_matrix(pose)\n$target = wp.transform_point(m, $bare)"
    elif way == "rotation matrix":
        move = (
            "r = wp.quat_to_matrix(wp.transform_get_rotation($pose))\n"
            "$target = r * $local + wp.transform_get_translation($pose)"
        )
    else:
        move = f"$target = wp.transform_{way}($pose, {local.strip('()')})"
    stay = "" if layout == "in place" else f"{target} = {local.strip('()')}"
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$find\n$inverted\n$move",
        find=find, inverted=inverted, move=move, stay=stay, what=what, bare=local.strip("()"), target=target, local=local, pose=pose,
    )  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        x = v[points] + (v.shift if layout == "accumulated offset" else 0.0)
        t = (
            np.broadcast_to(v.pose, (count, 7))
            if owner == "shared"
            else v.poses
            if owner == "each"
            else v.poses[np.maximum(v.body, 0)]
        )
        t = rot.inverse(t) if back else t
        y = rot.rotate(t[:, 3:], x) if way == "vector" else rot.point(t, x)
        if owner == "optional":
            y = np.where((v.body < 0)[:, None], x, y)
        return {points if layout == "in place" else moved: y}

    d.check(reference)


@DOMAIN.algorithm(
    source="Featherstone 2008, ch. 2; Murray, Li & Sastry 1994, ch. 2",
    names=_NAMES
    | {
        "twists": "body_twists|twists_in|body_qd",
        "wrenches": "body_wrenches|wrenches_in|body_f",
        "world_twists": "out|result|twists_out",
        "world_wrenches": "out|result|wrenches_out",
        "total_wrench": "wrench_sum|net_wrench|resultant",
    },
    element="",
    weight=9,
)
def change_frame(d: Draft) -> None:
    """Transforms spatial vectors between frames."""
    what = d.option("what", "twist", "wrench")
    way = d.option("way", "builtin", "parts", "adjoint")
    owner = d.option("owner", "each", "indexed", "shared")
    summed = d.flag("summed", 0.4) and what == "wrench"
    count, bodies = d.pick(48, 64, 96), d.pick(6, 8)
    given = f"{what}es" if what == "wrench" else "twists"
    out = "total_wrench" if summed else f"world_{given}"
    d.says(
        f"Transforms {'twists (angular, linear velocities)' if what == 'twist' else 'wrenches (moments, forces)'} from {'a body frame' if owner == 'shared' else 'body frames'} into world space"
        + ", about the world origin"
        + (", and accumulates them." if summed else ".")
    )
    several = "twists" if what == "twist" else "wrenches"
    if summed:
        d.calls("sum_wrenches|total_wrench|accumulate_wrenches")
    else:
        d.calls(f"{several}_to_world|transform_{several}|move_{several}")
    if owner == "shared":
        d.param("pose", "transform", -1.0, 1.0, "transform", about="Frame pose")
    else:
        d.input(
            "poses",
            "transform",
            count if owner == "each" else bodies,
            -1.0,
            1.0,
            "transform",
            about="Frame poses",
        )
    if owner == "indexed":
        d.input("body", "int", count, 0, bodies, about=f"Body index for each {what}")
    d.input(
        given,
        "spatial_vector",
        count,
        -1.0,
        1.0,
        about=f"{several.capitalize()} in the body {'frame' if owner == 'shared' else 'frames'}",
    )
    told = f"Total {what} in world space" if summed else f"{several.capitalize()} in world space"
    d.output(out, "spatial_vector", 1 if summed else count, about=told)
    find = {"shared": "", "each": "pose = poses[tid]", "indexed": "pose = poses[body[tid]]"}[owner]
    if way == "builtin":
        move = f"at_world = wp.transform_{what}(pose, {given}[tid])"
    elif way == "parts" and what == "twist":
        move = """
        q = wp.transform_get_rotation(pose)
        w = wp.quat_rotate(q, wp.spatial_top(twists[tid]))
        v = wp.quat_rotate(q, wp.spatial_bottom(twists[tid]))
        # Shift to the world origin: v' = R v + p x (R w)
        at_world = wp.spatial_vector(w, v + wp.cross(wp.transform_get_translation(pose), w))
        """
    elif way == "parts":
        move = """
        q = wp.transform_get_rotation(pose)
        f = wp.quat_rotate(q, wp.spatial_bottom(wrenches[tid]))
        # The force acts at p, which adds a moment p x f about the world origin
        moment = wp.quat_rotate(q, wp.spatial_top(wrenches[tid])) + wp.cross(wp.transform_get_translation(pose), f)
        at_world = wp.spatial_vector(moment, f)
        """
    else:
        turn = (
            "r = wp.quat_to_matrix(wp.transform_get_rotation(pose))\n"
            "s = wp.skew(wp.transform_get_translation(pose)) * r\n"
        )
        if what == "twist":
            move = turn + (
                "# Adjoint matrix Ad = [R 0; [p]R R]\nat_world = wp.spatial_adjoint(r, s) * twists[tid]"
            )
        else:
            move = turn + (
                "# Wrenches transform by Ad^-T, i.e. the adjoint with both halves swapped\n"
                "adjoint = wp.spatial_adjoint(r, s)\n"
                "w = wrenches[tid]\n"
                "swapped = adjoint * wp.spatial_vector(wp.spatial_bottom(w), wp.spatial_top(w))\n"
                "at_world = wp.spatial_vector(wp.spatial_bottom(swapped), wp.spatial_top(swapped))"
            )
    store = f"wp.atomic_add({out}, 0, at_world)" if summed else f"{out}[tid] = at_world"
    d.launch(count)
    d.code("tid = wp.tid()\n$find\n$move\n$store", find=find, move=move, store=store)
    d.explain("Spatial vectors are stored with the angular part first.")

    def reference(v: Values) -> dict[str, Any]:
        t = (
            np.broadcast_to(v.pose, (count, 7))
            if owner == "shared"
            else v.poses
            if owner == "each"
            else v.poses[v.body]
        )
        top, bottom = (rot.rotate(t[:, 3:], part) for part in (v[given][:, :3], v[given][:, 3:]))
        p = t[:, :3]
        if what == "twist":
            made = np.concatenate([top, bottom + np.cross(p, top)], axis=1)
        else:
            made = np.concatenate([top + np.cross(p, bottom), bottom], axis=1)
        return {out: made.sum(axis=0, keepdims=True) if summed else made}

    d.check(reference)


@DOMAIN.algorithm(
    source="Featherstone 2008, eq. 2.31; Warp manual, Spatial Math",
    names={
        "v": "twists|velocities",
        "m": "spatial_inertia",
        "bias": "bias_forces|p_bias|f_bias",
        "net_force": "forces|f_net|net_wrench",
    },
    element="link",
    weight=6,
)
def velocity_products(d: Draft) -> None:
    """Computes the spatial bias force v x* (I v)."""
    way = d.option("way", "builtin", "parts")
    result = d.option("result", "bias", "power", "net force")
    inertia = d.option("inertia", "each", "shared")
    count = d.pick(48, 64)
    d.says({
        "bias": "Computes the spatial bias force v x* (I v).",
        "power": "Computes the kinetic energy 1/2 v . I v.",
        "net force": "Computes the net spatial force I a + v x* (I v).",
    }[result])  # fmt: skip
    d.calls({
        "bias": "spatial_bias|coriolis_terms|gyroscopic_bias|velocity_product_forces",
        "power": "spatial_kinetic_energy|kinetic_energy|body_kinetic_energy",
        "net force": "net_spatial_force|spatial_inverse_dynamics|rigid_body_forces",
    }[result])  # fmt: skip
    if inertia == "each":
        d.input("m", "spatial_matrix", count, 0.5, 2.0, "spd", about="Spatial inertias with added mass")
        momentum = "m[tid] * $arg"
    else:
        d.param(
            "m",
            "spatial_matrix",
            0.5,
            2.0,
            "spd",
            about="Spatial inertia with added mass, shared by all links",
        )
        momentum = "m * $arg"
    d.input("v", "spatial_vector", count, -1.0, 1.0, about="Spatial link velocities, angular part first")
    if result == "net force":
        d.input(
            "a", "spatial_vector", count, -1.0, 1.0, about="Spatial link accelerations, angular part first"
        )
    out = {"power": "energy", "bias": "bias", "net force": "net_force"}[result]
    told = {
        "power": "Link kinetic energies",
        "bias": "Link bias forces, torque first",
        "net force": "Net link forces, torque first",
    }[result]
    d.output(out, "float" if result == "power" else "spatial_vector", count, about=told)
    h = momentum.replace("$arg", "v[tid]")
    if result == "power":
        body = (
            f"energy[tid] = 0.5 * wp.spatial_dot(v[tid], {h})"
            if way == "builtin"
            else (
                f"twist = v[tid]\n"
                f"h = {momentum.replace('$arg', 'twist')}\n"
                f"energy[tid] = 0.5 * (wp.dot(wp.spatial_top(twist), wp.spatial_top(h)) + "
                f"wp.dot(wp.spatial_bottom(twist), wp.spatial_bottom(h)))"
            )
        )
    else:
        product = "wp.spatial_cross_dual(v[tid], h)"
        lines = ""
        if way == "parts":
            lines = """
            w = wp.spatial_top(v[tid])
            u = wp.spatial_bottom(v[tid])
            top = wp.spatial_top(h)
            bottom = wp.spatial_bottom(h)
            bias_force = wp.spatial_vector(wp.cross(w, top) + wp.cross(u, bottom), wp.cross(w, bottom))
            """
            product = "bias_force"
        total = product if result == "bias" else momentum.replace("$arg", "a[tid]") + f" + {product}"
        body = f"h = {h}\n$lines\n{out}[tid] = {total}"
        d.launch(count)
        d.code("tid = wp.tid()\n$body", body=body, lines=lines)
    if result == "power":
        d.launch(count)
        d.code("tid = wp.tid()\n$body", body=body)
    d.explain(
        "Spatial vectors store the angular part first; the inertia, with added mass, maps velocity to momentum."
    )

    def reference(v: Values) -> dict[str, Any]:
        def apply(x: Any) -> Any:
            return np.einsum("nij,nj->ni", np.broadcast_to(v.m, (count, 6, 6)), x)

        h = apply(v.v)
        if result == "power":
            return {"energy": 0.5 * (v.v * h).sum(axis=1)}
        w, u, top, bottom = v.v[:, :3], v.v[:, 3:], h[:, :3], h[:, 3:]
        made = np.concatenate([np.cross(w, top) + np.cross(u, bottom), np.cross(w, bottom)], axis=1)
        return {out: made + (apply(v.a) if result == "net force" else 0.0)}

    d.check(reference)
