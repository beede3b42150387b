"""Stresses brought back to the yield surface."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tensors import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_FIELDS = {
    "shear": "shear modulus",
    "bulk": "bulk modulus",
    "yield0": "initial yield stress",
    "hardening": "linear isotropic modulus",
    "saturation": "Voce: saturation stress increase",
    "rate": "hardening rate",
    "friction": "Drucker-Prager: friction slope",
    "dilatancy": "Drucker-Prager: dilatancy",
    "kinematic": "kinematic hardening modulus",
    "viscosity": "Perzyna's viscosity",
}

_RANGES = {
    "shear": (8.0, 12.0), "bulk": (15.0, 20.0), "yield0": (0.1, 0.2), "hardening": (0.5, 1.5),
    "saturation": (0.05, 0.1), "rate": (5.0, 15.0), "friction": (0.2, 0.4), "dilatancy": (0.05, 0.15),
    "kinematic": (0.5, 2.0), "viscosity": (0.02, 0.1),
}  # fmt: skip

_DEVIATOR = piece("""
@wp.func
def deviator(m: wp.mat33) -> wp.mat33:
    \"\"\"Return m - tr(m) / 3 * I.\"\"\"
    return m - wp.trace(m) / 3.0 * wp.identity(n=3, dtype=float)
""")

_NORM = piece("""
@wp.func
def frobenius_norm(m: wp.mat33) -> float:
    # Small epsilon keeps the gradient finite for m = 0
    return wp.sqrt(wp.ddot(m, m) + 1.0e-12)
""")


@DOMAIN.algorithm(
    source="Simo & Hughes 1998, ch. 3; de Souza Neto, Peric & Owen 2008, sec. 8.3; Drucker & Prager 1952",
    names={
        "return_mapping": "plastic_update|update_stress|elastoplastic_kernel",
        "strain": "strains|eps_total|total_strain",
        "plastic_strain": "eps_p|plastic_strains|ep_old",
        "alpha": "alpha_n",
        "stress": "sigma_out|cauchy|stresses",
        "material": "props|params",
        "back_stress": "kin_stress|beta_old|backstress",
        "trial": "sigma_tr|stress_trial",
    },
    double=True,
    weight=3,
)
def return_mapping(d: Draft) -> None:
    """Updates elastoplastic stresses using a return-mapping algorithm."""
    surface = d.option("surface", "von mises", "drucker prager")
    law = d.option("hardening", "voce", "linear", "swift")
    kinematic = d.flag("kinematic", 0.4) and surface == "von mises"
    viscous = d.flag("viscous", 0.3)
    mask = d.option("mask", "none", "ids", "flags")
    batch = d.option("layout", "points", "elements")
    result = d.option("result", "stress and state", "stress")
    points, gauss = (d.pick(32, 48), 0) if batch == "points" else (d.pick(8, 12), 4)
    shape: Any = (points, gauss) if gauss else points
    body = "viscoplastic" if viscous else "elastoplastic"
    target = "the Drucker-Prager cone" if surface == "drucker prager" else "the von Mises yield surface"
    d.says(
        f"Updates {body} stresses using a return mapping {'towards' if viscous else 'to'} {target}"
        + (" with kinematic hardening." if kinematic else ".")
    )
    # Some points yield and some do not; few get to the apex of a cone
    most = 0.02 if surface == "drucker prager" else 0.008
    d.input("strain", "mat33", shape, -most, most, about="total strain at the current step")
    d.input(
        "plastic_strain",
        "mat33",
        shape,
        -most / 5.0,
        most / 5.0,
        about="plastic strain from the previous step",
    )
    # On the cone, whose measure is sqrt(J2), the sum of multipliers is another measure of strain
    grown = "accumulated plastic multiplier" if surface == "drucker prager" else "equivalent plastic strain"
    d.input("alpha", "float", shape, 0.01, 0.1, about=f"{grown} from the previous step")
    if kinematic:
        d.input("back_stress", "mat33", shape, 0.005, 0.04, "spd", about="back stress")
    if mask == "flags":
        d.mask("eroded", "bool", points, rare=True, about="True for failed material")
    elif mask == "ids":
        d.input(
            "material_id", "int", points, -1, 4, about="material index per point or element, -1 for voids"
        )
    used = {
        "shear",
        "bulk",
        "yield0",
        *{"voce": ("hardening", "saturation", "rate"), "linear": ("hardening",), "swift": ("rate",)}[law],
    }
    used |= {"friction", "dilatancy"} if surface == "drucker prager" else set()
    used |= {"kinematic"} if kinematic else set()
    used |= {"viscosity"} if viscous else set()
    fields = [name for name in _FIELDS if name in used]
    metal = piece(
        "\n@wp.struct\nclass PlasticMaterial:\n"
        + "".join(f"    {name}: float  # {_FIELDS[name]}\n" for name in fields)
    )
    d.struct("material", metal, {k: fill(*_RANGES[k]) for k in fields}, about="elastic and plastic constants")
    if viscous:
        d.param("dt", "float", 0.05, 0.2, about="time step")
    d.output("stress", "mat33", shape, about="updated stress")
    state = result != "stress"
    if state:
        d.output("new_plastic_strain", "mat33", shape, about="updated plastic strain")
        d.output("new_alpha", "float", shape, about=f"updated {grown}")
        if kinematic:
            d.output("new_back_stress", "mat33", shape, about="updated back stress")
    d.use(_DEVIATOR)
    d.use(_NORM)
    value, slope = {
        "voce": (
            "saturated = 1.0 - wp.exp(-material.rate * alpha)\n"
            "return material.yield0 + material.hardening * alpha + material.saturation * saturated",
            "decay = material.rate * wp.exp(-material.rate * alpha)\n"
            "return material.hardening + material.saturation * decay",
        ),
        "linear": ("return material.yield0 + material.hardening * alpha", "return material.hardening"),
        "swift": (
            "# Offset power law, so that the slope at alpha = 0 is finite\n"
            "return material.yield0 * wp.pow(1.0 + material.rate * alpha, SWIFT_EXPONENT)",
            "base_term = 1.0 + material.rate * alpha\n"
            "return SWIFT_EXPONENT * material.rate * material.yield0 * wp.pow(base_term, SWIFT_EXPONENT - 1.0)",
        ),
    }[law]
    if law == "swift":
        d.module("SWIFT_EXPONENT = wp.constant(0.25)")
    d.function(
        """
        @wp.func
        def yield_stress(alpha: float, material: PlasticMaterial) -> float:
            \"\"\"Return the yield stress at an $grown.\"\"\"
            $value
        """,
        value=value,
        grown=grown,
    )
    extra = "viscous: float, " if viscous else ""
    resist = (" - viscous * dgamma", " - viscous") if viscous else ("", "")
    root_find = law != "linear"
    if root_find:
        d.function(
            """
            @wp.func
            def yield_slope(alpha: float, material: PlasticMaterial) -> float:
                $slope
            """,
            slope=slope,
        )
    cone = surface == "drucker prager"
    stiff = "3.0 * material.shear" + (" + material.kinematic" if kinematic else "")
    # The apex is reached by another stiffness, so that of a cone is handed over.
    own, given = ("", f"stiffness = {stiff}") if not cone else ("stiffness: float, ", "")
    if root_find:
        d.function(
            f"""
            @wp.func
            def plastic_multiplier(
                overstress: float, alpha: float, {own}{extra}material: PlasticMaterial
            ) -> float:
                \"\"\"Solve overstress - {"(k + viscous)" if viscous else "k"} * dgamma - (sigma_y(alpha + dgamma) - sigma_y(alpha)) = 0 by Newton.\"\"\"
                $given
                start_stress = yield_stress(alpha, material)
                dgamma = float(0.0)
                for _ in range(6):
                    hardened = yield_stress(alpha + dgamma, material) - start_stress
                    residual = overstress - stiffness * dgamma - hardened{resist[0]}
                    tangent = -stiffness - yield_slope(alpha + dgamma, material){resist[1]}
                    dgamma = dgamma - residual / tangent
                return dgamma
            """,
            given=given,
        )
    else:
        d.function(
            f"""
            @wp.func
            def plastic_multiplier(overstress: float, {own}{extra}material: PlasticMaterial) -> float:
                \"\"\"Return the increment of the {grown}, in closed form for linear hardening.\"\"\"
                $given
                return overstress / (stiffness + material.hardening{" + viscous" if viscous else ""})
            """,
            given=given,
        )
    state_args = f"{'alpha_old, ' if root_find else ''}{{}}{'viscous, ' if viscous else ''}material"
    call = f"plastic_multiplier(yield_value, {state_args.format('cone_stiffness, ' if cone else '')})"
    at = "elem, point" if gauss else "point"
    owner = "elem" if gauss else "point"
    keep = f"new_plastic_strain[{at}] = ep_old\nnew_alpha[{at}] = alpha_old" if state else ""
    if state and kinematic:
        keep += f"\nnew_back_stress[{at}] = back_stress[{at}]"
    skip = {
        "none": "",
        "flags": f"# Eroded material carries no load\nif eroded[{owner}]:\n    $void\n    return",
        "ids": f"# Voids carry no load\nif material_id[{owner}] < 0:\n    $void\n    return",
    }[mask]
    kept = ["plastic_strain", "alpha"] + (["back_stress"] if kinematic else [])
    own = "relative" if kinematic else "dev_trial"
    if cone:
        back = f"""
            # Return to the smooth part of the cone
            apex_stiffness = material.bulk * material.friction * material.dilatancy
            cone_stiffness = material.shear + apex_stiffness
            dgamma = {call}
            root_j2_new = root_j2 - material.shear * dgamma
            if root_j2_new < 0.0:
                # Return to the cone apex, where the deviator vanishes
                apex_over = material.friction * p_trial - yield_stress(alpha_old, material)
                d_apex = plastic_multiplier(apex_over, {state_args.format("apex_stiffness, ")})
                p_apex = p_trial - material.bulk * material.dilatancy * d_apex
                stress[{at}] = p_apex * wp.identity(n=3, dtype=float)
                $apex
                return
            p_new = p_trial - material.bulk * material.dilatancy * dgamma
            flow = dev_trial / (2.0 * root_j2)
            stress[{at}] = root_j2_new / root_j2 * dev_trial + p_new * wp.identity(n=3, dtype=float)
            $store
        """
        check = """
            # f = sqrt(J2) + friction * p - sigma_y
            root_j2 = frobenius_norm(dev_trial) / wp.sqrt(2.0)
            yield_value = root_j2 + material.friction * p_trial - yield_stress(alpha_old, material)
        """
        flow = "flow + material.dilatancy / 3.0 * wp.identity(n=3, dtype=float)"
        store = (
            f"new_plastic_strain[{at}] = ep_old + dgamma * ({flow})\nnew_alpha[{at}] = alpha_old + dgamma"
            if state
            else ""
        )
        apex = (
            "ep_vol = wp.trace(ep_old) + material.dilatancy * d_apex\n"
            f"new_plastic_strain[{at}] = deviator(eps) + ep_vol / 3.0 * wp.identity(n=3, dtype=float)\n"
            f"new_alpha[{at}] = alpha_old + d_apex"
            if state
            else ""
        )
        if not state:
            back = "\n".join(line for line in back.split("\n") if "flow = " not in line)
    else:
        shift = f"relative = dev_trial - deviator(back_stress[{at}])\n            " if kinematic else ""
        check = f"""
            # f = sqrt(3/2) |{"s - beta" if kinematic else "s"}| - sigma_y
            {shift}q_trial = wp.sqrt(1.5) * frobenius_norm({own})
            yield_value = q_trial - yield_stress(alpha_old, material)
        """
        back = f"""
            # Radial return: flow direction of the trial state
            dgamma = {call}
            flow = 1.5 / q_trial * {own}
            stress[{at}] = trial - 2.0 * material.shear * dgamma * flow
            $store
        """
        store = (
            f"new_plastic_strain[{at}] = ep_old + dgamma * flow\nnew_alpha[{at}] = alpha_old + dgamma"
            if state
            else ""
        )
        if state and kinematic:
            store += (
                f"\n# Prager's rule: the center moves in the flow direction\n"
                f"new_back_stress[{at}] = back_stress[{at}] + 2.0 / 3.0 * material.kinematic * dgamma * flow"
            )
        apex = ""
    d.launch(*((points, gauss) if gauss else (points,)))
    d.code(
        f"""
        {at} = wp.tid()
        $skip
        # Symmetrize, since strains may be passed as displacement gradients
        eps = 0.5 * (strain[{at}] + wp.transpose(strain[{at}]))
        ep_raw = plastic_strain[{at}]
        ep_old = 0.5 * (ep_raw + wp.transpose(ep_raw))
        alpha_old = alpha[{at}]
        $viscous
        # --- Elastic predictor ---
        elastic = eps - ep_old
        p_trial = material.bulk * wp.trace(elastic)
        dev_trial = 2.0 * material.shear * deviator(elastic)
        trial = dev_trial + p_trial * wp.identity(n=3, dtype=float)
        $check
        if yield_value <= 0.0:
            # Elastic step: inside the yield surface
            stress[{at}] = trial
            $keep
            return
        # --- Plastic corrector ---
        $back
        """,
        skip=skip,
        void="\n".join(
            [f"stress[{at}] = wp.mat33()"]
            + ([f"{'new_' + name}[{at}] = {name}[{at}]" for name in kept] if state else [])
        ),
        viscous="# Perzyna regularization, linear in the rate\nviscous = material.viscosity / dt"
        if viscous
        else "",
        check=check,
        keep=keep,
        back=back,
        store=store,
        apex=apex,
    )
    d.explain(
        ("sqrt(J2) + friction p" if cone else "sqrt(3/2) |dev(sigma)" + (" - beta|" if kinematic else "|"))
        + " <= sigma_y(alpha), small strains, associative flow in the deviatoric plane.\n"
        "Stresses are in GPa; tension is positive."
    )

    def reference(v: Values) -> dict[str, Any]:
        m = {k: v[f"material.{k}"] for k in fields}
        eye = np.eye(3)

        def sym(x: Any) -> Any:
            return (x + np.swapaxes(x, -1, -2)) / 2

        def grow(a: Any) -> Any:
            if law == "voce":
                return m["yield0"] + m["hardening"] * a + m["saturation"] * (1 - np.exp(-m["rate"] * a))
            return (
                m["yield0"] + m["hardening"] * a
                if law == "linear"
                else m["yield0"] * (1 + m["rate"] * a) ** 0.25
            )

        e, ep, al = sym(v.strain), sym(v.plastic_strain), v.alpha
        el = e - ep
        vol = np.trace(el, axis1=-2, axis2=-1)
        dev = el - vol[..., None, None] / 3 * eye
        p, s = m["bulk"] * vol, 2 * m["shear"] * dev
        rel = s
        if kinematic:
            mean = np.trace(v.back_stress, axis1=-2, axis2=-1)[..., None, None] / 3
            rel = s - v.back_stress + mean * eye
        q = np.sqrt((rel**2).sum((-1, -2)) * (0.5 if cone else 1.5))
        over = q - grow(al) + (m["friction"] * p if cone else 0.0)
        k = 3 * m["shear"] + (m["kinematic"] if kinematic else 0.0)
        if cone:
            k = m["shear"] + m["bulk"] * m["friction"] * m["dilatancy"]
        slow = m["viscosity"] / v.dt if viscous else 0.0

        def step(over: Any, k: Any) -> Any:
            low, high = np.zeros_like(over), np.maximum(over, 0.0) / k
            for _ in range(60):  # hardening only shortens the step, so that the root lies between
                mid = (low + high) / 2
                up = over - k * mid - (grow(al + mid) - grow(al)) > 0
                low, high = np.where(up, mid, low), np.where(up, high, mid)
            return np.where(over > 0, (low + high) / 2, 0.0)

        g = step(over, k + slow)
        big = g[..., None, None]
        with np.errstate(all="ignore"):
            flow = rel / q[..., None, None] * (0.5 if cone else 1.5)
        sigma = s + p[..., None, None] * eye - 2 * m["shear"] * big * flow
        ep_new, al_new = ep + big * flow, al + g
        if cone:
            sigma = sigma - m["bulk"] * m["dilatancy"] * big * eye
            ep_new = ep_new + big * m["dilatancy"] / 3 * eye
            tip = (over > 0) & (q - m["shear"] * g < 0)
            ga = step(m["friction"] * p - grow(al), m["bulk"] * m["friction"] * m["dilatancy"] + slow)
            pa = p - m["bulk"] * m["dilatancy"] * ga
            t = tip[..., None, None]
            sigma = np.where(t, pa[..., None, None] * eye, sigma)
            pv = np.trace(ep, axis1=-2, axis2=-1) + (p - pa) / m["bulk"]
            dv = e - np.trace(e, axis1=-2, axis2=-1)[..., None, None] / 3 * eye
            ep_new = np.where(t, dv + pv[..., None, None] / 3 * eye, ep_new)
            al_new = np.where(tip, al + ga, al_new)
        there = np.ones(points, bool)
        if mask != "none":
            there = ~v.eroded if mask == "flags" else v.material_id >= 0
        there = np.broadcast_to(there[:, None] if gauss else there, g.shape)
        t = there[..., None, None]
        found = {"stress": sigma * t}
        if state and kinematic:
            moved = v.back_stress + 2 / 3 * m["kinematic"] * big * flow
            found["new_back_stress"] = np.where(t, moved, v.back_stress)
        if state:
            found["new_plastic_strain"] = np.where(t, ep_new, v.plastic_strain)
            found["new_alpha"] = np.where(there, al_new, al)
        return found

    d.check(reference, 5e-3)
