"""Stress at points: measures of it, and the return to a yield surface."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.fem import DOMAIN
from warpgen.synthesis.algorithms.fem._pressures import pressure
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "tets": "elements|tet_indices|indices|connectivity",
    "u": "displacement|disp|nodal_u",
    "grads": "shape_grads|dNdX|b_grads",
    "volume": "rest_volume|vol|quad_weight",
    "f": "forces|nodal_forces|f_int",
    "mu": "shear|k_mu|lame_mu",
    "lam": "lame|k_lambda|lame_lambda",
    "elem": "tid|e|t",
    "F": "def_grad|deformation|Fe",
    "P": "piola|pk1|stress_e",
    "a": "corner|node|local",
    "eps": "strain|e_tot|strain_in",
    "sigma": "cauchy|stress|sig",
    "tid": "i",
}


@DOMAIN.algorithm(
    source="Bonet & Wood 2008, section 5; Cook et al. 2002, section 3.11",
    names=_NAMES,
    double=True,
)
def stress_measure(d: Draft) -> None:
    """Computes von Mises stresses from strains of linear elastic elements."""
    measure = d.option(
        "measure", "mises", "pressure", "octahedral", "tresca", "energy", "stress", "triaxiality"
    )
    given = d.option("given", "strain", "gradient", "plane strain", "plane stress", "stress")
    thermal = d.flag("thermal", 0.4)
    average = d.flag("averaged", 0.3)
    elements, nodes = d.pick(64, 96, 128), d.pick(30, 40)
    plane = given in ("plane strain", "plane stress")
    if given == "stress" or measure == "tresca":
        thermal = False
    if measure == "tresca":
        given, plane = "plane stress", True
    if given == "stress" and measure in ("stress", "energy"):
        measure = "pressure"
    shear_only = measure in ("mises", "octahedral") and given not in ("stress", "plane stress")
    if shear_only:
        thermal = False  # heat changes no deviator
    d.calls(
        {
            "mises": "von_mises_stress|equivalent_stress|mises_stresses",
            "pressure": "hydrostatic_pressure|element_pressures",
            "octahedral": "octahedral_shear|octahedral_stress|octahedral_shear_stress",
            "tresca": "tresca_stress|tresca_stresses",
            "energy": "strain_energy_density|elastic_energy_density|energy_densities",
            "stress": "recover_stress|linear_elastic_stress|element_stresses",
            "triaxiality": "stress_triaxiality|compute_triaxiality|triaxialities",
        }[measure]
    )
    name = {"strain": "eps", "stress": "sigma_in"}.get(given, "grad_u")
    if name == "grad_u":
        what = "In-plane displacement gradients" if plane else "Displacement gradients"
        d.input(name, "mat22" if plane else "mat33", elements, -0.01, 0.01, about=what)
    else:  # symmetric tensors
        low, high = (0.05, 1.0) if given == "stress" else (0.0005, 0.01)
        d.input(name, "mat33", elements, low, high, "spd", "Stresses" if given == "stress" else "Strains")
    if given != "stress":
        d.param("young", "float", 1.0, 4.0, about="Young's modulus")
        d.param("nu", "float", 0.2, 0.4, about="Poisson's ratio")
    if thermal:
        d.input("dT", "float", elements, -100.0, 100.0, about="Temperature changes [K]")
        d.param("alpha", "float", 1.0e-5, 3.0e-5, about="Thermal expansion [1/K]")
    average = average and measure in ("mises", "pressure") and not plane
    if average:
        kind = "pressures" if measure == "pressure" else "mises_stresses"
        d.calls(f"nodal_{kind}|sum_{kind}|gather_{kind}")
        d.input("tets", "int", (elements, 4), 0, nodes, about="Node indices per tetrahedron")
        d.output("nodal", "float", nodes, about="Nodal sums")
        d.output("tet_count", "int", nodes, about="Number of tetrahedra per node")
    out = {"octahedral": "tau_oct", "stress": "sigma", "triaxiality": "eta"}.get(measure, measure)
    if not average:
        about = {
            "mises": "Von Mises stresses",
            "octahedral": "Octahedral shear stresses",
            "tresca": "Tresca stresses",
            "energy": "Elastic energy densities",
            "triaxiality": "Ratio of mean stress to von Mises stress",
        }.get(measure, "Pressures" if measure == "pressure" else "Stresses")
        d.output(out, "mat33" if measure == "stress" else "float", elements, about=about)
    eye = "wp.identity(n=3, dtype=float)"
    lame = "mu = young / (2.0 * (1.0 + nu))\nlam = young * nu / ((1.0 + nu) * (1.0 - 2.0 * nu))"
    mechanical = f" - alpha * dT[tid] * {eye}" if thermal else ""
    if given == "stress":
        law = "s = sigma_in[tid]"
    elif given in ("strain", "gradient"):
        strain = "eps[tid]" if given == "strain" else "0.5 * (grad_u[tid] + wp.transpose(grad_u[tid]))"
        law = f"{lame}\ne = {strain}{mechanical}\ns = 2.0 * mu * e + lam * wp.trace(e) * {eye}"
    elif given == "plane strain":
        expand = "# Plane strain: zero out-of-plane strain, non-zero out-of-plane stress\n" + (
            f"{lame}\ne2 = 0.5 * (grad_u[tid] + wp.transpose(grad_u[tid]))\n"
            "e = wp.mat33(e2[0, 0], e2[0, 1], 0.0, e2[1, 0], e2[1, 1], 0.0, 0.0, 0.0, 0.0)"
        )
        law = f"{expand}{mechanical}\ns = 2.0 * mu * e + lam * wp.trace(e) * {eye}"
    else:
        minus = " - alpha * dT[tid] * wp.identity(n=2, dtype=float)" if thermal else ""
        law = f"""
        e = 0.5 * (grad_u[tid] + wp.transpose(grad_u[tid])){minus}
        # Plane stress for thin plates, sigma_zz = 0
        c = young / (1.0 - nu * nu)
        sx = c * (e[0, 0] + nu * e[1, 1])
        sy = c * (e[1, 1] + nu * e[0, 0])
        txy = c * (1.0 - nu) * e[0, 1]
        s = wp.mat33(sx, txy, 0.0, txy, sy, 0.0, 0.0, 0.0, 0.0)
        """
    dev = f"dev = s - wp.trace(s) / 3.0 * {eye}"
    if shear_only:  # nor does the second Lame parameter
        law = "\n".join(line for line in law.split("\n") if not line.startswith(("lam = ", "s = ")))
        dev = f"dev = 2.0 * mu * (e - wp.trace(e) / 3.0 * {eye})"
    value = {
        "mises": f"{dev}\n$put wp.sqrt(1.5 * wp.ddot(dev, dev))",
        "octahedral": f"{dev}\n$put wp.sqrt(wp.ddot(dev, dev) / 3.0)",
        "tresca": """
        # In-plane principal stresses (the third is zero)
        centre = 0.5 * (sx + sy)
        radius = wp.sqrt(0.25 * (sx - sy) * (sx - sy) + txy * txy)
        s1 = centre + radius
        s2 = centre - radius
        $put wp.max(s1, 0.0) - wp.min(s2, 0.0)
        """,
        "energy": "$put 0.5 * wp.ddot(s, e)",
        "stress": "$put s",
        "triaxiality": f"{dev}\n$put wp.trace(s) / (3.0 * wp.sqrt(1.5 * wp.ddot(dev, dev)))",
    }.get(measure, "")
    if measure in ("tresca", "energy") and given == "plane stress":
        law = "\n".join(line for line in law.split("\n") if "wp.mat33(" not in line)
        if measure == "energy":
            value = "$put 0.5 * (sx * e[0, 0] + sy * e[1, 1] + 2.0 * txy * e[0, 1])"
    if measure == "pressure":
        law, value = pressure(given, f"{name}[tid]", thermal)
    value = value.replace("$put", f"{measure} =" if average else f"{out}[tid] =")
    tail = ""
    if average:
        tail = f"for a in range(4):\n    n = tets[tid, a]\n    wp.atomic_add(nodal, n, {measure})\n    wp.atomic_add(tet_count, n, 1)"
    d.launch(elements)
    d.code("tid = wp.tid()\n$law\n$value\n$tail", law=law, value=value, tail=tail)
    what = {"mises": "von Mises stress", "octahedral": "octahedral shear stress", "tresca": "Tresca stress",
            "energy": "elastic energy density", "triaxiality": "stress triaxiality"}.get(measure, measure)  # fmt: skip
    source = {
        "stress": "the stress tensor",
        "gradient": "the displacement gradient",
        "plane strain": "the displacement gradient in plane strain",
        "plane stress": "the displacement gradient in plane stress",
    }
    less = ", excluding thermal strain" if thermal else ""
    if average:
        d.says(f"Accumulates {what} and tetrahedron counts per node for nodal averaging{less}.")
    else:
        d.says(f"Computes the {what} for each element from {source.get(given, 'the strain tensor')}{less}.")

    def reference(v: Values) -> dict[str, Any]:
        x = v[name]
        x = 0.5 * (x + np.swapaxes(x, 1, 2))
        e = np.zeros((elements, 3, 3))
        e[:, : x.shape[1], : x.shape[1]] = x
        if given == "stress":
            s = e
        else:
            hot = v.alpha * v.dT if thermal else np.zeros(elements)
            if given == "plane stress":
                e[:, :2, :2] -= hot[:, None, None] * np.eye(2)
                c = v.young / (1 - v.nu**2)
                trace = e[:, 0, 0] + e[:, 1, 1]
                s = c * (1 - v.nu) * e
                s[:, 0, 0] += c * v.nu * trace
                s[:, 1, 1] += c * v.nu * trace
            else:
                e = e - hot[:, None, None] * np.eye(3)
                mu, lam = v.young / (2 * (1 + v.nu)), v.young * v.nu / ((1 + v.nu) * (1 - 2 * v.nu))
                s = 2 * mu * e + lam * np.trace(e, axis1=1, axis2=2)[:, None, None] * np.eye(3)
        w = np.linalg.eigvalsh(s)
        mean = w.mean(axis=1)
        shear = ((w - mean[:, None]) ** 2).sum(axis=1)
        value = {
            "mises": np.sqrt(1.5 * shear),
            "pressure": -mean,
            "octahedral": np.sqrt(shear / 3),
            "tresca": w[:, 2] - w[:, 0],
            "energy": 0.5 * (s * e).sum(axis=(1, 2)),
            "stress": s,
            "triaxiality": mean / np.sqrt(1.5 * shear),
        }[measure]
        if not average:
            return {out: value}
        made = np.zeros(nodes)
        np.add.at(made, v.tets, value[:, None])
        return {"nodal": made, "tet_count": np.bincount(v.tets.ravel(), minlength=nodes)}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Simo & Hughes 1998, boxes 3.1 and 3.2; de Souza Neto et al. 2008, box 8.8",
    names=_NAMES
    | {
        "return_mapping": "radial_return|j2_plasticity|plastic_corrector|stress_update",
        "eps_p": "plastic_strain|ep|strain_p",
        "trial": "f_trial|phi|yield_f",
        "dgamma": "delta_gamma|d_lambda|multiplier",
        "s": "dev|s_trial|dev_trial",
    },
    double=True,
    adjoint="either",
    weight=3,
)
def return_mapping(d: Draft) -> None:
    """Performs a radial return mapping for von Mises plasticity."""
    model = d.option("model", "perfect", "isotropic", "kinematic", "drucker-prager", "viscous")
    given = d.option("given", "strain", "gradient", "trial stress")
    # Strains are drawn as stretches, under which a Drucker-Prager material has no strength
    given = "gradient" if model == "drucker-prager" and given == "strain" else given
    stored = d.option("stored", "plastic strain", "stress only", "equivalent")
    form = d.option("form", "early return", "max", "branch")
    n = d.pick(64, 96, 128)
    if given == "trial stress":  # some points yield and some do not
        tensile = 0.35 if model == "drucker-prager" else 1.2
        d.input("sigma_trial", "mat33", n, 0.02, tensile, "spd", about="Trial stresses")
    else:
        about = "Strains" if given == "strain" else "Displacement gradients"
        if stored != "plastic strain":
            about += ", without plastic strain" if given == "strain" else " from the undeformed state"
        if given == "strain":
            d.input("eps", "mat33", n, 0.001, 0.06, "spd", about=about)
        else:
            d.input("grad_u", "mat33", n, -0.025, 0.025, about=about)
        if stored == "plastic strain":
            d.input("eps_p", "mat33", n, 0.0005, 0.01, "spd", about="Plastic strains")
    plastic = given != "trial stress" and stored == "plastic strain"
    hardens = model in ("isotropic", "kinematic")
    keeps = stored == "equivalent" or (given == "trial stress" and not hardens)  # else mu would cancel
    if hardens:
        if model == "isotropic":
            d.input("alpha", "float", n, 0.0, 0.2, about="Accumulated equivalent plastic strain")
        else:
            d.input("back", "mat33", n, 0.01, 0.2, "spd", about="Back stresses")
        d.param("hardening_modulus", "float", 0.1, 0.5, about="Hardening modulus")
    d.param("mu", "float", 8.0, 15.0, about="Shear modulus")
    if given != "trial stress":
        d.param("bulk", "float", 10.0, 30.0, about="Bulk modulus")
    rough = model == "drucker-prager"
    d.param("yield_stress", "float", *((0.3, 0.5) if rough else (0.4, 0.9)), about="Initial yield stress")
    if rough:
        d.calls("return_mapping|drucker_prager|drucker_prager_return|plastic_corrector|stress_update")
        d.param("friction", "float", 1.0, 1.5, about="Pressure sensitivity coefficient")
    elif model == "viscous":
        d.param("relaxation", "float", 0.2, 0.8, about="Fraction of the overstress relaxed per step")
    d.output("sigma", "mat33", n, about="Stresses")
    if plastic:
        d.output("eps_p_new", "mat33", n, about="Updated plastic strains")
    if keeps:
        d.output("peeq_step", "float", n, about="Equivalent plastic strain increments")
    elif model == "isotropic":
        d.output("alpha_new", "float", n, about="Updated equivalent plastic strains")
    if model == "kinematic":
        d.output("back_new", "mat33", n, about="Updated back stresses")
    d.module("SQRT_2_3 = wp.constant(0.816496580927726)")
    eye = "wp.identity(n=3, dtype=float)"
    if given == "trial stress":
        elastic = f"""
        t = sigma_trial[tid]
        p = wp.trace(t) / 3.0
        s = t - p * {eye}
        """
    else:
        total = "eps[tid]" if given == "strain" else "0.5 * (grad_u[tid] + wp.transpose(grad_u[tid]))"
        elastic = f"""
        # Elastic predictor (trial stress)
        e = {total}{" - eps_p[tid]" if plastic else ""}
        p = bulk * wp.trace(e)
        s = 2.0 * mu * (e - wp.trace(e) / 3.0 * {eye})
        """
    xi = "s"
    relative = ""
    if model == "kinematic":
        relative = "# Subtract the back stress (yield surface center)\nb = back[tid]\n"
        relative += f"xi = s - b + wp.trace(b) / 3.0 * {eye}"
        xi = "xi"
    radius = {
        "isotropic": "(yield_stress + hardening_modulus * alpha[tid])",
        "drucker-prager": "wp.max(yield_stress - friction * p, 0.0)",
    }.get(model, "yield_stress")
    slope = "(2.0 * mu + 2.0 / 3.0 * hardening_modulus)" if hardens else "(2.0 * mu)"
    flow = f"trial / {slope}" if model != "viscous" else "relaxation * trial / (2.0 * mu)"
    test = f"norm = wp.sqrt(wp.ddot({xi}, {xi}))\n"
    test += "# sqrt(2/3) converts the uniaxial yield stress to the deviatoric norm\n"
    test += f"trial = norm - SQRT_2_3 * {radius}"
    sigma0 = "sigma[tid] = t" if given == "trial stress" else f"sigma[tid] = s + p * {eye}"
    unchanged = [sigma0]
    if plastic:
        unchanged.append("eps_p_new[tid] = eps_p[tid]")
    correct = [
        f"dgamma = {flow}",
        f"normal = {xi} / norm",
        f"sigma[tid] = s - 2.0 * mu * dgamma * normal + p * {eye}",
    ]
    if plastic:
        correct.append("eps_p_new[tid] = eps_p[tid] + dgamma * normal")
    if keeps:
        correct.append("peeq_step[tid] = SQRT_2_3 * dgamma")
        unchanged.append("peeq_step[tid] = 0.0")
    elif model == "isotropic":
        correct.append("alpha_new[tid] = alpha[tid] + SQRT_2_3 * dgamma")
        unchanged.append("alpha_new[tid] = alpha[tid]")
    if model == "kinematic":
        correct.append("back_new[tid] = b + 2.0 / 3.0 * hardening_modulus * dgamma * normal")
        unchanged.append("back_new[tid] = b")
    if form == "max":
        correct[1] = f"normal = {xi} / wp.max(norm, 1.0e-9)"
        correct[0] = f"# Clamp to zero inside the yield surface (elastic)\ndgamma = wp.max({flow}, 0.0)"
        body = "\n".join(correct)
    elif form == "early return":
        body = "if trial <= 0.0:\n    " + "\n    ".join(unchanged) + "\n    return\n" + "\n".join(correct)
    else:
        body = "if trial > 0.0:\n    " + "\n    ".join(correct) + "\nelse:\n    " + "\n    ".join(unchanged)
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$elastic\n$relative\n$test\n$body",
        elastic=elastic,
        relative=relative,
        test=test,
        body=body,
        nothing="",
    )
    says = {
        "drucker-prager": "Performs a constant-pressure return mapping for Drucker-Prager plasticity.",
        "viscous": "Performs stress relaxation for a viscoplastic von Mises model.",
        "kinematic": "Performs a radial return mapping with kinematic hardening.",
        "isotropic": "Performs a radial return mapping with isotropic hardening.",
    }
    if model in says:
        d.says(says[model])
    deviator = "|s - back stress|" if model == "kinematic" else "|s|"
    along = "s minus the back stress" if model == "kinematic" else "s"
    reduced = ", reduced by hardening" if hardens else ""
    if model == "viscous":
        reduced = ", scaled by the relaxation fraction"
    limit_, apex = "sigma_y", ""
    if model == "drucker-prager":
        limit_, apex = "(sigma_y - friction p)", " with mean stress p; the limit is 0 beyond the apex"
    d.explain(
        f"Yield function f = {deviator} - sqrt(2/3) {limit_}{apex}.\n"
        f"For f > 0 the plastic multiplier is f / (2 mu) along {along}{reduced}.\n"
        "The hydrostatic part is unchanged."
    )

    def reference(v: Values) -> dict[str, Any]:
        def trace(x: Any) -> Any:
            return np.trace(x, axis1=1, axis2=2)[:, None, None]

        old = v.eps_p if plastic else 0.0
        if given == "trial stress":
            t = v.sigma_trial
            p = trace(t) / 3
            s = t - p * np.eye(3)
        else:
            e = (v.eps if given == "strain" else 0.5 * (v.grad_u + np.swapaxes(v.grad_u, 1, 2))) - old
            p = v.bulk * trace(e)
            s = 2 * v.mu * (e - trace(e) / 3 * np.eye(3))
        x = s
        if model == "kinematic":
            b = v.back
            x = s - (b - trace(b) / 3 * np.eye(3))
        h = v.get("hardening_modulus", 0.0)
        size = np.linalg.norm(x, axis=(1, 2))[:, None, None]
        limit = v.yield_stress + (h * v.alpha[:, None, None] if model == "isotropic" else 0.0)
        if model == "drucker-prager":
            limit = np.maximum(v.yield_stress - v.friction * p, 0)
        excess = np.maximum(size - np.sqrt(2 / 3) * limit, 0.0)
        gamma = excess / (2 * v.mu + 2 / 3 * h)
        if model == "viscous":
            gamma = v.relaxation * gamma
        made = {"sigma": s - 2 * v.mu * gamma * x / size + p * np.eye(3)}
        made["eps_p_new"] = old + gamma * x / size
        made["peeq_step"] = np.sqrt(2 / 3) * gamma[:, 0, 0]
        if model == "isotropic":
            made["alpha_new"] = v.alpha + made["peeq_step"]
        elif model == "kinematic":
            made["back_new"] = b + 2 / 3 * h * gamma * x / size
        return {q.name: made[q.name] for q in d.parameters if q.name in made}

    d.check(reference, 1e-3)
