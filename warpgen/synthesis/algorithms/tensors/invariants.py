"""Invariants of tensors, norms of residuals, frames, and scores of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tensors import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {"stress": "sigma|stresses|cauchy", "residuals": "r|errors|diff", "s": "dev|deviator|s_dev"}


@DOMAIN.algorithm(
    source="Malvern 1969, sec. 3.3; Simo & Hughes 1998, ch. 2",
    names=_NAMES | {"gradients": "grad_u|displacement_gradients"},
    double=True,
    weight=8,
)
def stress_measure(d: Draft) -> None:
    """Computes scalar measures of stress tensors."""
    what = d.option(
        "what", "von mises", "pressure", "j2", "j3", "frobenius", "triaxiality", "tresca", "power"
    )
    given = d.option("given", "matrix", "strain", "sum")
    limit = d.flag("limit", 0.35) and what in ("von mises", "tresca")
    if given == "sum" and what in ("pressure", "triaxiality", "power"):
        given = "matrix"  # the back stress moves the yield surface alone
    count = d.pick(48, 64, 96)
    bound, resists = ("tau_y", "yield stress in shear") if what == "tresca" else ("sigma_y", "yield stress")
    d.says({
        "von mises": "Computes the von Mises stress sqrt(3/2 s:s) of stress tensors",
        "pressure": "Computes the pressure -tr(sigma)/3 of stress tensors",
        "j2": "Computes the second invariant J2 = 1/2 s:s of deviatoric stress",
        "j3": "Computes the third invariant J3 = det s of deviatoric stress",
        "frobenius": "Computes the Frobenius norm of stress tensors",
        "triaxiality": "Computes the triaxiality (mean over von Mises stress) of stress tensors",
        "tresca": "Computes the maximum shear stress (s1 - s3) / 2 of stress tensors",
        "power": "Computes the stress power density sigma:L",
    }[what] + {
        "sum": " minus the back stress", "strain": " from displacement gradients (small strains)", "matrix": "",
    }[given] + (f", divided by the {resists}." if limit else "."))  # fmt: skip
    d.calls({
        "von mises": "von_mises_stress|equivalent_stress|von_mises",
        "pressure": "mean_pressure|hydrostatic_pressure|pressure_of_stress",
        "j2": "second_invariant|j2_invariant|stress_j2",
        "j3": "third_invariant|j3_invariant|stress_j3",
        "frobenius": "stress_norm|frobenius_norm|stress_magnitude",
        "triaxiality": "stress_triaxiality|triaxiality",
        "tresca": "largest_shear|tresca_shear|max_shear_stress",
        "power": "stress_power|deformation_power|power_density",
    }[what])  # fmt: skip
    if given == "strain":
        d.input("gradients", "mat33", count, -0.1, 0.1, about="displacement gradients")
        d.param("mu", "float", 1.0, 3.0, about="shear modulus")
        make = "eps = 0.5 * (gradients[tid] + wp.transpose(gradients[tid]))\n"
        if what in ("von mises", "j2", "j3", "tresca"):
            make += "# Isotropic Hooke's law without the pressure term, which does not affect the result\nsigma_i = 2.0 * mu * eps"
        else:
            d.param("lam", "float", 1.0, 3.0, about="first Lame parameter")
            make += "# Isotropic Hooke's law\nsigma_i = 2.0 * mu * eps + lam * wp.trace(eps) * wp.identity(n=3, dtype=float)"
    elif given == "sum":
        d.input("stress", "mat33", count, 1.0, 3.0, "spd", about="stress tensors")
        d.input("back_stress", "mat33", count, 0.1, 0.5, "spd", about="back stress of kinematic hardening")
        make = "# Kinematic hardening: subtract the back stress\nsigma_i = stress[tid] - back_stress[tid]"
    else:
        d.input("stress", "mat33", count, 1.0, 3.0, "spd", about="stress tensors")
        make = "sigma_i = stress[tid]"
    if what == "power":
        d.input("velocity_gradient", "mat33", count, -1.0, 1.0, about="velocity gradients")
    if limit:
        d.param(bound, "float", 2.0, 4.0, about=resists)
    mean, rest = "wp.trace(sigma_i) / 3.0", "* wp.identity(n=3, dtype=float)"
    deviator = f"s = sigma_i - ({mean}) {rest}"
    centred = f"mean_stress = {mean}\ns = sigma_i - mean_stress {rest}"
    lines, value = {
        "von mises": (deviator, "wp.sqrt(1.5 * wp.ddot(s, s))"),
        "pressure": ("", "-wp.trace(sigma_i) / 3.0"),
        "j2": (deviator, "0.5 * wp.ddot(s, s)"),
        "j3": (deviator, "wp.determinant(s)"),
        "frobenius": ("", "wp.sqrt(wp.ddot(sigma_i, sigma_i))"),
        "triaxiality": (centred, "mean_stress / wp.sqrt(1.5 * wp.ddot(s, s))"),
        "tresca": ("_axes, principal = wp.eig3(sigma_i)", "0.5 * (wp.max(principal) - wp.min(principal))"),
        "power": ("", "wp.ddot(sigma_i, velocity_gradient[tid])"),
    }[what]
    if what == "tresca":
        d.forward_only()  # equal principal stresses have no slope
    out = {
        "von mises": "equivalent", "pressure": "pressures", "j2": "j2", "j3": "j3", "frobenius": "norms",
        "triaxiality": "triaxialities", "tresca": "shears", "power": "powers",
    }[what]  # fmt: skip
    d.output(out, "float", count)
    store = f"{out}[tid] = {value} / {bound}" if limit else f"{out}[tid] = {value}"
    d.launch(count)
    d.code("tid = wp.tid()\n$make\n$lines\n$store", make=make, lines=lines, store=store)

    def reference(v: Values) -> dict[str, Any]:
        if given == "strain":
            eps = 0.5 * (v.gradients + np.swapaxes(v.gradients, 1, 2))
            sigma = 2 * v.mu * eps
            if what in ("pressure", "frobenius", "triaxiality", "power"):
                sigma = sigma + v.lam * np.trace(eps, axis1=1, axis2=2)[:, None, None] * np.eye(3)
        else:
            sigma = v.stress - (v.back_stress if given == "sum" else 0.0)
        mean = np.trace(sigma, axis1=1, axis2=2) / 3
        s = sigma - mean[:, None, None] * np.eye(3)
        ss = (s * s).sum(axis=(1, 2))
        w = np.linalg.eigvalsh(sigma)
        made = {
            "von mises": lambda: np.sqrt(1.5 * ss),
            "pressure": lambda: -mean,
            "j2": lambda: 0.5 * ss,
            "j3": lambda: np.linalg.det(s),
            "frobenius": lambda: np.linalg.norm(sigma, axis=(1, 2)),
            "triaxiality": lambda: mean / np.sqrt(1.5 * ss),
            "tresca": lambda: 0.5 * (w[:, 2] - w[:, 0]),
            "power": lambda: (sigma * v.velocity_gradient).sum(axis=(1, 2)),
        }[what]()
        return {out: made / (v[bound] if limit else 1.0)}

    d.check(reference, 2e-3 if what in ("triaxiality", "tresca") else 2e-4)


@DOMAIN.algorithm(
    source="Huber 1964; Charbonnier et al. 1997; Warp manual, Vector Math",
    names=_NAMES
    | {
        "targets": "observed|measured",
        "x": "predicted|estimate",
        "cost": "loss|penalty",
    },
    weight=4,
)
def robust_norm(d: Draft) -> None:
    """Computes robust norms of residuals."""
    norm = d.option("norm", "norm_l1", "norm_l2", "norm_huber", "norm_pseudo_huber", "cauchy", "geman")
    size = d.option("size", 2, 3, 4)
    weights = d.option("weights", "none", "each", "component")
    total = d.flag("total")
    relative = d.flag("relative", 0.3)
    count, vector = d.pick(64, 96, 128), f"vec{size}"
    d.says(
        {
            "norm_l1": "Computes the L1 norm of residuals",
            "norm_l2": "Computes the L2 norm of residuals",
            "norm_huber": "Computes the Huber norm of residuals, quadratic near zero and linear beyond",
            "norm_pseudo_huber": "Computes the pseudo-Huber norm of residuals, with minimum value delta",
            "cauchy": "Computes the Cauchy loss log(1 + r^2/delta^2) of residuals",
            "geman": "Computes the Geman-McClure loss of residuals, bounded by 1",
        }[norm]
        + (", relative to the targets" if relative else "")
        + {"none": "", "each": ", weighted", "component": ", with scaled components"}[weights]
        + (", and accumulates the total." if total else ".")
    )
    d.calls({
        "norm_l1": "l1_cost|l1_residuals|absolute_loss",
        "norm_l2": "l2_cost|residual_lengths|residual_norms",
        "norm_huber": "huber_loss|huber_cost|robust_loss",
        "norm_pseudo_huber": "pseudo_huber_loss|pseudo_huber_cost|robust_loss",
        "cauchy": "cauchy_loss|cauchy_cost|robust_loss",
        "geman": "geman_mcclure_loss|geman_mcclure_cost|robust_loss",
    }[norm])  # fmt: skip
    # Relative residuals want targets away from zero; about as many lie below delta as beyond it
    d.input("x", vector, count, *((0.8, 2.6) if relative else (-0.7, 0.7)), about="predicted values")
    d.input("targets", vector, count, *((1.2, 3.0) if relative else (-0.7, 0.7)), about="target values")
    if weights == "each":
        d.input("weight", "float", count, 0.2, 1.0, about="per-residual weight")
    elif weights == "component":
        d.param("scale", vector, 0.5, 2.0, about="per-component scale")
    if norm not in ("norm_l1", "norm_l2"):
        about = "loss scale" if norm in ("cauchy", "geman") else "transition from quadratic to linear loss"
        d.param("delta", "float", 0.5, 1.5, about=about)
    d.output(
        "cost", "float", 1 if total else count, about="sum of the costs" if total else "cost per residual"
    )
    r = "r = targets[tid] - x[tid]"
    if relative:
        r = "t = targets[tid]\nr = wp.cw_div(t - x[tid], t)"
    if weights == "component":
        r += "\nr = wp.cw_mul(scale, r)"
    value = {
        "norm_l1": "wp.norm_l1(r)",
        "norm_l2": "wp.norm_l2(r)",
        "norm_huber": "wp.norm_huber(r, delta)",
        "norm_pseudo_huber": "wp.norm_pseudo_huber(r, delta)",
        "cauchy": "wp.log(1.0 + wp.length_sq(r) / (delta * delta))",
        "geman": "wp.length_sq(r) / (delta * delta + wp.length_sq(r))",
    }[norm]
    if weights == "each":
        value = f"weight[tid] * {value}"
    store = f"wp.atomic_add(cost, 0, {value})" if total else f"cost[tid] = {value}"
    d.launch(count)
    d.code("tid = wp.tid()\n$r\n$store", r=r, store=store)

    def reference(v: Values) -> dict[str, Any]:
        r = v.targets - v.x
        r = r / v.targets if relative else r
        r = r * v.scale if weights == "component" else r
        length = np.linalg.norm(r, axis=1)
        c = v.get("delta", 1.0)
        made = {
            "norm_l1": lambda: np.abs(r).sum(axis=1),
            "norm_l2": lambda: length,
            "norm_huber": lambda: np.where(length <= c, 0.5 * length**2, c * (length - 0.5 * c)),
            "norm_pseudo_huber": lambda: c * np.sqrt(1.0 + (length / c) ** 2),
            "cauchy": lambda: np.log1p((length / c) ** 2),
            "geman": lambda: length**2 / (c * c + length**2),
        }[norm]()
        made = made * (v.weight if weights == "each" else 1.0)
        return {"cost": np.array([made.sum()]) if total else made}

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="Duff et al. 2017; Frisvad 2012",
    names={
        "build_frame": "orthonormal_basis|tangent_frame|local_frames",
        "n": "normals|directions",
        "frames": "bases|tbn",
    },
    double=True,
    weight=3,
)
def build_frame(d: Draft) -> None:
    """Builds a right-handed orthonormal frame around each direction."""
    way = d.option("way", "duff", "least axis", "given tangent", "cross up")
    result = d.option("result", "columns", "rows", "local vector", "to world")
    scaled = d.flag("scaled", 0.3)
    if result == "local vector":
        d.calls("vectors_to_local|to_tangent_space|local_components")
    elif result == "to world":
        d.calls("vectors_to_world|tangent_to_world|from_tangent_space")
    count = d.pick(48, 64, 96)
    if scaled:
        d.input("n", "vec3", count, -1.0, 1.0, about="direction vectors, not necessarily unit length")
    else:
        d.input("n", "vec3", count, kind="unit", about="unit vectors")
    if way == "given tangent":
        d.input("tangents", "vec3", count, -1.0, 1.0, about="tangent hints")
    if result in ("local vector", "to world"):
        about = "world-space vectors" if result == "local vector" else "frame-space vectors"
        d.input("v", "vec3", count, -1.0, 1.0, about=about)
    head = "z = wp.normalize(n[tid])" if scaled else "z = n[tid]"
    body = {
        "duff": """
        # Sign selection avoids the singularity at the lower pole (Duff et al. 2017)
        s = wp.where(z[2] >= 0.0, 1.0, -1.0)
        a = -1.0 / (s + z[2])
        c = z[0] * z[1] * a
        t = wp.vec3(1.0 + s * z[0] * z[0] * a, s * c, -s * z[0])
        b = wp.vec3(c, s + z[1] * z[1] * a, -z[1])
        """,
        "least axis": """
        # Cross with a coordinate axis that is not nearly parallel
        axis = wp.where(wp.abs(z[0]) > 0.6, wp.vec3(0.0, 1.0, 0.0), wp.vec3(1.0, 0.0, 0.0))
        t = wp.normalize(wp.cross(axis, z))
        b = wp.cross(z, t)
        """,
        "given tangent": """
        # Gram-Schmidt: remove the normal component from the tangent
        t = wp.normalize(tangents[tid] - wp.dot(tangents[tid], z) * z)
        b = wp.cross(z, t)
        """,
        "cross up": """
        # Use another axis for nearly vertical directions
        up = wp.where(wp.abs(z[2]) > 0.95, wp.vec3(1.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 1.0))
        t = wp.normalize(wp.cross(up, z))
        b = wp.cross(z, t)
        """,
    }[way]
    if result in ("columns", "rows"):
        d.output("frames", "mat33", count, about="orthonormal frames")
        store = f"frames[tid] = wp.matrix_from_{'cols' if result == 'columns' else 'rows'}(t, b, z)"
    elif result == "local vector":
        d.output("local", "vec3", count, about="frame-space components")
        store = "local[tid] = wp.vec3(wp.dot(v[tid], t), wp.dot(v[tid], b), wp.dot(v[tid], z))"
    else:
        d.output("world", "vec3", count, about="world-space vectors")
        store = "p = v[tid]\nworld[tid] = p[0] * t + p[1] * b + p[2] * z"
    d.says("Builds a right-handed orthonormal frame around each direction" + {
        "columns": ".", "rows": ", stored as matrix rows.",
        "local vector": " and transforms a world-space vector into it.",
        "to world": " and transforms a local vector to world space.",
    }[result])  # fmt: skip
    d.launch(count)
    d.code("tid = wp.tid()\n$head\n$body\n$store", head=head, body=body, store=store)

    def orthonormal(before: Values, after: Values) -> None:
        unit = before.n / np.linalg.norm(before.n, axis=1, keepdims=True)
        if result in ("columns", "rows"):
            f = after.frames if result == "columns" else np.swapaxes(after.frames, 1, 2)
            np.testing.assert_allclose(
                np.swapaxes(f, 1, 2) @ f, np.broadcast_to(np.eye(3), f.shape), atol=2e-3
            )
            np.testing.assert_allclose(np.linalg.det(f), 1.0, atol=2e-3)
            np.testing.assert_allclose(f[:, :, 2], unit, atol=1e-4)
            if way == "given tangent":
                assert ((f[:, :, 0] * before.tangents).sum(axis=1) >= -1e-4).all()
            return
        turned = after.local if result == "local vector" else after.world
        np.testing.assert_allclose(
            np.linalg.norm(turned, axis=1), np.linalg.norm(before.v, axis=1), rtol=2e-3
        )
        if result == "local vector":
            np.testing.assert_allclose(turned[:, 2], (before.v * unit).sum(axis=1), atol=1e-4)
        else:
            np.testing.assert_allclose((turned * unit).sum(axis=1), before.v[:, 2], atol=2e-3)

    d.holds(orthonormal)


@DOMAIN.algorithm(
    source="Warp manual, Vector Math",
    names={
        "classify": "pick_class|best_class|assign_labels",
        "scores": "class_scores|confidences",
        "costs": "class_costs|penalties",
        "label": "classes|labels",
        "best": "winner|chosen",
    },
    adjoint="either",
    weight=6,
)
def classify(d: Draft) -> None:
    """Assigns the highest-scoring class to each element, or none if no score is good enough."""
    size = d.option("size", 2, 3, 4)
    way = d.option("way", "argmax", "argmin", "loop")
    if way == "loop" and size == 2:
        size = 3  # there would be nothing to loop over
    none = d.option("none", "never", "threshold", "margin")
    counted = d.flag("counted", 0.4)
    biased = d.flag("biased", 0.3)
    count, vector = d.pick(64, 96, 128), f"vec{size}"
    scores = "costs" if way == "argmin" else "scores"
    good = "lowest cost" if way == "argmin" else "best score"
    d.says(f"Assigns each element the class with the {good}{' after adding a bias' if biased else ''}" + (
        "" if none == "never" else ", or none if it fails the threshold" if none == "threshold"
        else ", or none if the runner-up is too close") + (", and counts the classes." if counted else "."))  # fmt: skip
    d.input(scores, vector, count, 0.0, 1.0, about="one score per class")
    if biased:
        d.param("bias", vector, -0.2, 0.2, about=f"added to all {scores}")
    if none == "threshold":
        limited, low, high = ("cost", 0.3, 0.4) if way == "argmin" else ("score", 0.6, 0.7)
        d.param("threshold", "float", low, high, about=f"{limited} threshold")
    elif none == "margin":
        d.param("margin", "float", 0.1, 0.2, about="minimum margin over the other classes")
    d.output("label", "int", count, about="class" if none == "never" else "class, -1 for none")
    if counted:
        d.output("counts", "int", size, about="number of elements per class")
    load = f"s = {scores}[tid]" + (" + bias" if biased else "")
    worse = ">=" if way == "argmin" else "<="
    if way == "loop":
        find = f"best = int(0)\nfor k in range(1, {size}):\n    if s[k] > s[best]:\n        best = k"
    else:
        find = f"best = int(wp.{way}(s))"
    if none == "margin":
        gap = "s[k] - s[best]" if way == "argmin" else "s[best] - s[k]"
        test = f"""
        for c in range({size}):
            if c != best and {gap.replace("[k]", "[c]")} < margin:
                # too close to call
                label[tid] = -1
                return
        """
    elif none == "threshold":
        test = f"if s[best] {worse} threshold:\n    label[tid] = -1\n    return"
    else:
        test = ""
    count_it = "wp.atomic_add(counts, best, 1)" if counted else ""
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$load\n$find\n$test\nlabel[tid] = best\n$count_it",
        load=load,
        find=find,
        test=test,
        count_it=count_it,
    )

    def reference(v: Values) -> dict[str, Any]:
        s = (v[scores] + (v.bias if biased else 0.0)) * (-1.0 if way == "argmin" else 1.0)
        best = s.argmax(axis=1)
        ordered = np.sort(s, axis=1)
        if none == "threshold":
            keep = ordered[:, -1] > (-v.threshold if way == "argmin" else v.threshold)
        elif none == "margin":
            keep = ordered[:, -1] - ordered[:, -2] >= v.margin
        else:
            keep = np.ones(count, bool)
        made = {"label": np.where(keep, best, -1)}
        if counted:
            made["counts"] = np.bincount(best[keep], minlength=size)
        return made

    d.check(reference)
