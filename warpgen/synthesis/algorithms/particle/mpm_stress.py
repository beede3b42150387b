"""The material point method: stresses of particles."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.algorithms.particle.mpm import NAMES
from warpgen.synthesis.library import elasticity
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Stomakhin et al. 2013, sec. 5; Klar et al. 2016, sec. 7; Jiang et al. 2016, ch. 6",
    names=NAMES
    | {
        "particle_stress": "compute_stress|stress_from_gradients|update_stress|kirchhoff_stress",
        "F_new": "F_trial|F_out",
        "mu": "shear_modulus|mu0",
        "lam": "lame_lambda|lambda0",
        "tau": "stress|particle_stress|kirchhoff",
        "vol_tau": "vol_stress|volume_times_tau",
    },
    double=True,
    weight=3,
)
def particle_stress(d: Draft) -> None:
    """Updates deformation gradients and Kirchhoff stresses of particles."""
    model = d.option("model", *elasticity.UPRIGHT)
    given = d.option("given", "young", "lame", "per particle")
    hardened = d.flag("hardened", 0.35)
    scaled = d.flag("scaled", 0.35)
    count = d.pick(64, 96, 128)
    stress = d.use(model)
    d.input("c", "mat33", count, -5.0, 5.0, about="Velocity gradients [1/s]")
    d.input("F", "mat33", count, 0.8, 1.2, kind="spd", about="Deformation gradients")

    if given == "per particle":
        d.input("mu", "float", count, 50.0, 200.0, about="Shear moduli [Pa]")
        d.input("lam", "float", count, 50.0, 200.0, about="First Lame parameters [Pa]")
    elif given == "young":
        d.param("young", "float", 100.0, 500.0, about="Young's modulus [Pa]")
        d.param("poisson", "float", 0.1, 0.4, about="Poisson's ratio")
    else:
        d.param("mu", "float", 100.0, 500.0, about="Shear modulus [Pa]")
        d.param("lam", "float", 50.0, 200.0, about="First Lame parameter [Pa]")
    if hardened:
        d.input("jp", "float", count, 0.9, 1.1, about="Plastic volume ratios")
        d.param("hardening", "float", 3.0, 10.0, about="Hardening exponent")
    if scaled:
        d.input("vol", "float", count, 0.001, 0.01, about="Initial particle volumes")
    d.param("dt", "float", 0.001, 0.01, about="Time step")
    d.output("F_new", "mat33", count, about="Updated deformation gradients")
    target = "vol_tau" if scaled else "tau"
    d.output(target, "mat33", count, about=f"Kirchhoff stresses{' scaled by rest volume' if scaled else ''}")
    if given == "young":
        d.function("""
        @wp.func
        def lame_parameters(young: float, poisson: float):
            mu = young / (2.0 * (1.0 + poisson))
            lam = young * poisson / ((1.0 + poisson) * (1.0 - 2.0 * poisson))
            return mu, lam
        """)
    d.launch(count)
    d.code(
        """
        p = wp.tid()
        fp = (wp.identity(n=3, dtype=float) + dt * c[p]) * F[p]
        $lame
        $harden
        F_new[p] = fp
        $target[p] = $scale$stress(fp, $mu, $lam) * wp.transpose(fp)
        """,
        lame="mu, lam = lame_parameters(young, poisson)" if given == "young" else "",
        harden="""
        # Hardening: compressed snow (Jp < 1) is stiffer
        h = wp.exp(hardening * (1.0 - jp[p]))
        """
        if hardened
        else "",
        target=target,
        scale="vol[p] * " if scaled else "",
        stress=stress,
        mu=("h * " if hardened else "") + ("mu[p]" if given == "per particle" else "mu"),
        lam=("h * " if hardened else "") + ("lam[p]" if given == "per particle" else "lam"),
    )
    of = "particles with hardening" if hardened else "particles"
    d.says(
        f"Updates deformation gradients and volume-weighted Kirchhoff stresses for {of}."
        if scaled
        else f"Updates deformation gradients and Kirchhoff stresses for {of}."
    )
    d.explain("""
        tau = P(F) F^T where P is the first Piola-Kirchhoff stress. One thread per particle.
    """)

    def reference(v: Values) -> dict[str, Any]:
        f = (np.eye(3) + v.dt * v.c) @ v.F
        if given == "young":
            mu = v.young / (2.0 * (1.0 + v.poisson))
            lam = 2.0 * mu * v.poisson / (1.0 - 2.0 * v.poisson)
        else:
            mu, lam = v.mu, v.lam
        h = np.exp(v.hardening * (1.0 - v.jp)) if hardened else np.ones(count)
        tau = model(f, h * mu, h * lam) @ np.swapaxes(f, -1, -2)
        if scaled:
            tau = v.vol[:, None, None] * tau
        return {"F_new": f, target: tau}

    d.check(reference, 5e-3)
