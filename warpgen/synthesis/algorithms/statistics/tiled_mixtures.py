"""Gaussian mixtures, a block of threads for each batch of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.library.tile_forms import per_col, per_row
from warpgen.synthesis.writing.draft import Draft, Values

_S, _C = "SAMPLES", "PARTS"


@DOMAIN.algorithm(
    source="Dempster, Laird & Rubin 1977; McLachlan & Peel 2000, ch. 3; Ueda & Nakano 1998 (annealing); Banfield & Raftery 1993 (noise)",
    names={
        "mixture_shares": "gmm_e_step|mixture_responsibilities|soft_assignments|expectation_step",
        "samples": "points|x_data|observations",
        "means": "centers|mu|locations",
        "precisions": "inv_vars|inverse_variances|tau",
        "log_weights": "log_pi|log_priors|log_mix",
        "score": "log_joint|logits|log_p",
        "share": "resp|gamma|posterior",
        "top": "peak|row_max|largest",
        "mass": "denom|evidence|normalizer",
        "batch": "block|tile_id|chunk",
        "SAMPLES": "N|ROWS|TILE_ROWS",
        "PARTS": "K|COMPONENTS|NUM_COMPONENTS",
        "WIDTH": "D|DIM|FEATURES",
    },
    adjoint="yes",
    weight=8,
)
def mixture_shares(d: Draft) -> None:
    """Computes Gaussian mixture responsibilities for each sample."""
    shape = d.option("covariance", "diagonal", "spherical", "shared")
    result = d.option("result", "shares", "log likelihood", "sums", "entropy", "reconstruction")
    priors = d.option("priors", "log", "weights", "logits")
    # What the noise takes belongs to no part: shares would not sum to one
    noise = d.flag("background", 0.35) and result in ("shares", "sums")
    if noise and priors == "logits":  # their softmax leaves the background no weight
        priors = "log"
    if result == "log likelihood":
        priors = "logits"  # so that the weights sum to one
    annealed = d.flag("annealed", 0.3) and result != "log likelihood"
    weighted = d.flag("sample weights", 0.35) and result in ("sums", "log likelihood")
    batches, count, parts, width = d.pick(2, 3), d.pick(6, 8, 12), d.pick(3, 4), d.pick(2, 3, 4)
    d.module(f"SAMPLES = wp.constant({count})\nPARTS = wp.constant({parts})\nWIDTH = wp.constant({width})")
    d.input("samples", "float", (batches * count, width), -1.5, 1.5, about="samples, one per row")
    d.input("means", "float", (parts, width), -1.0, 1.0, about="component means")
    extents = {"diagonal": (parts, width), "spherical": (parts,), "shared": (width,)}[shape]
    of = {
        "diagonal": "of each component, along each axis",
        "spherical": "of each component, the same along all axes",
        "shared": "along each axis, the same for all components",
    }[shape]
    d.input("precisions", "float", extents, 0.5, 2.0, about=f"inverse variances {of}")
    name = {"log": "log_weights", "weights": "weights", "logits": "logits"}[priors]
    low, high = {"log": (-2.0, -0.5), "weights": (0.2, 0.5), "logits": (-1.0, 1.0)}[priors]
    about = {"log": "component log-weights, up to a constant", "weights": "unnormalized component weights",
             "logits": "component weight logits"}[priors]  # fmt: skip
    d.input(name, "float", parts, low, high, about=about)
    if noise:
        d.param(
            "log_background",
            "float",
            -5.0,
            -3.0,
            about="log(weight * density) for the background, relative to the (2 pi)^(-d/2) factor of the Gaussians",
        )
    if annealed:
        d.param("beta", "float", 0.3, 0.8, about="inverse temperature, annealed towards one")
    if weighted:
        d.input("sample_weights", "float", batches * count, 0.5, 1.5, about="per-sample weights")
    if result != "shares":
        d.calls(
            {
                "log likelihood": "mixture_log_likelihoods|gmm_log_likelihood|mixture_log_evidence",
                "sums": "accumulate_moments|gmm_sufficient_stats|mixture_sums",
                "entropy": "assignment_entropy|mixture_entropy|posterior_entropy",
                "reconstruction": "mixture_means|denoise_by_mixture|posterior_means",
            }[result]
        )
    if result == "shares":
        d.output("shares", "float", (batches * count, parts), about="responsibilities per component")
    elif result == "log likelihood":
        d.output("log_likelihoods", "float", batches, about="log-likelihood per batch")
        d.says(
            f"Computes {'weighted ' if weighted else ''}log-likelihoods for batches of samples under a Gaussian mixture."
        )
    elif result == "sums":
        d.output("masses", "float", parts, about="total responsibility per component")
        d.output("sums", "float", (parts, width), about="responsibility-weighted sample sums per component")
        d.says(
            "Accumulates Gaussian mixture responsibilities and responsibility-weighted sample sums (M-step statistics)."
        )
    elif result == "entropy":
        d.output(
            "entropies",
            "float",
            batches * count,
            about="per-sample responsibility entropy [nat]",
        )
        d.says("Computes the Gaussian mixture responsibility entropy for each sample.")
    else:
        d.output("denoised", "float", (batches * count, width), about="posterior means")
        d.says(
            "Replaces samples by the component means of a Gaussian mixture, weighted by their responsibilities."
        )
    d.function("""
        @wp.func
        def shifted_exp(x: float, top: float) -> float:
            return wp.exp(x - top)
    """)
    if result == "log likelihood":
        d.function("""
            @wp.func
            def log_evidence(top: float, mass: float) -> float:
                return top + wp.log(mass) - 0.5 * float(WIDTH) * wp.log(wp.TAU)
        """)
    if result == "entropy":
        d.function('''
            @wp.func
            def entropy_term(p: float) -> float:
                """Returns -p log p, or zero when p is zero."""
                return -p * wp.log(p + 1.0e-12)
        ''')
    tau = {
        "diagonal": "tau = wp.tile_load(precisions, shape=(PARTS, WIDTH))",
        "spherical": f"own = wp.tile_load(precisions, shape=PARTS)\ntau = {per_row('own', 'PARTS', 'WIDTH')}",
        "shared": f"common = wp.tile_load(precisions, shape=WIDTH)\ntau = {per_col('common', 'PARTS', 'WIDTH')}",
    }[shape]
    prior = {
        "log": "prior = wp.tile_load(log_weights, shape=PARTS)",
        "weights": "prior = wp.tile_map(wp.log, wp.tile_load(weights, shape=PARTS))",
        "logits": "raw = wp.tile_load(logits, shape=PARTS)\n"
        "log_norm = wp.tile_map(wp.log, wp.tile_sum(wp.tile_map(wp.exp, raw), axis=0))\n"
        "prior = raw - wp.tile_broadcast(log_norm, shape=(PARTS,))"
        if result == "log likelihood"
        else "prior = wp.tile_load(logits, shape=PARTS)",  # what is in all of them cancels in the shares
    }[priors]
    background = ""
    if noise:
        d.function('''
            @wp.func
            def noise_mass(top: float, log_background: float) -> float:
                """Returns the background term on the same scale as the components."""
                return wp.exp(log_background - top)
        ''')
        background = " + wp.tile_map(noise_mass, top, log_background)"
    # What is the same for all parts cancels in the shares
    linear = shape == "shared" and result != "log likelihood" and not noise
    if linear:
        law = f"""
            $tau
            pull = mu * tau
            # tau x^2 cancels in the responsibilities; `level` holds the mu^2 term
            cross = wp.tile_matmul(x, wp.tile_transpose(pull))
            $prior
            level = prior - 0.5 * wp.tile_sum(mu * pull, axis=1)
            score = cross + {per_col("level", _S, _C)}
        """
    else:
        law = f"""
            $tau
            tau_t = wp.tile_transpose(tau)
            pull = mu * tau
            # Expand tau (x - mu)^2 so that it maps to matrix products; `level` holds the mu^2 term
            quad = wp.tile_matmul(x * x, tau_t) - 2.0 * wp.tile_matmul(x, wp.tile_transpose(pull))
            $prior
            level = prior + 0.5 * wp.tile_sum(wp.tile_map(wp.log, tau) - mu * pull, axis=1)
            score = {per_col("level", _S, _C)} - 0.5 * quad
        """
    at = "offset=(batch * SAMPLES, 0)"
    w = "w = wp.tile_load(sample_weights, shape=SAMPLES, offset=batch * SAMPLES)" if weighted else ""
    share = f"share = terms / {per_row('mass', _S, _C)}"
    likelihood = "log_p = wp.tile_map(log_evidence, top, mass)"
    part = "share_w" if weighted else "share"
    end = {
        "shares": f"{share}\nwp.tile_store(shares, share, {at})",
        "log likelihood": f"{likelihood}\n{w}\n"
        f"wp.tile_store(log_likelihoods, wp.tile_sum({'w * log_p' if weighted else 'log_p'}), offset=batch)",
        "sums": f"{share}\n{w}\n"
        + (f"share_w = share * {per_row('w', _S, _C)}\n" if weighted else "")
        + f"wp.tile_atomic_add(masses, wp.tile_sum({part}, axis=0))\n"
        f"wp.tile_atomic_add(sums, wp.tile_matmul(wp.tile_transpose({part}), x))",
        "entropy": f"{share}\nwp.tile_store(entropies, wp.tile_sum(wp.tile_map(entropy_term, share), axis=1), offset=batch * SAMPLES)",
        "reconstruction": f"{share}\nwp.tile_store(denoised, wp.tile_matmul(share, mu), {at})",
    }[result].replace("\n\n", "\n")
    d.launch(batches, tiled=True)
    d.code(
        f"""
        batch = wp.tid()
        x = wp.tile_load(samples, shape=(SAMPLES, WIDTH), {at})
        mu = wp.tile_load(means, shape=(PARTS, WIDTH))
        $law
        $anneal
        # Subtract the maximum to avoid underflow
        top = wp.tile_reduce(wp.max, $score, axis=1)
        terms = wp.tile_map(shifted_exp, $score, {per_row("top", _S, _C)})
        mass = wp.tile_sum(terms, axis=1){background}
        $end
        """,
        law=law,
        tau=tau,
        prior=prior,
        anneal="tempered = beta * score" if annealed else "",
        score="tempered" if annealed else "score",
        end=end,
    )
    density = f"w_k N(x; mu_k, 1 / {'tau' if shape == 'shared' else 'tau_k'})"
    tempered = f"({density})^beta" if annealed else density
    others = " and the background" if noise else ""
    left_out = "what all components share" if linear else "the factor (2 pi)^(-d/2)"
    d.explain(
        f"log p = log {'(background + ' if noise else ''}sum_k {density}{')' if noise else ''}."
        if result == "log likelihood"
        else f"A responsibility is {tempered} over the sum of these{others}; {left_out} cancels."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        tau_ = np.broadcast_to(
            v.precisions[:, None] if shape == "spherical" else v.precisions, (parts, width)
        )
        p = v[name] if priors == "log" else np.log(v[name]) if priors == "weights" else v[name] - np.log(np.exp(v[name]).sum())  # fmt: skip
        gap = v.samples[:, None] - v.means
        s = p + 0.5 * np.log(tau_).sum(1) - 0.5 * (tau_ * gap**2).sum(2)
        s = s * (v.beta if annealed else 1.0)
        z = np.exp(s).sum(1) + (np.exp(v.log_background) if noise else 0.0)
        r = np.exp(s) / z[:, None]
        w_ = v.sample_weights if weighted else np.ones(batches * count)
        return {
            "shares": lambda: {"shares": r},
            "log likelihood": lambda: {
                "log_likelihoods": (w_ * (np.log(z) - 0.5 * width * np.log(2 * np.pi)))
                .reshape(batches, count)
                .sum(1)
            },
            "sums": lambda: {"masses": w_ @ r, "sums": (w_[:, None] * r).T @ v.samples},
            "entropy": lambda: {"entropies": -(r * np.log(r + 1e-12)).sum(1)},
            "reconstruction": lambda: {"denoised": r @ v.means},
        }[result]()

    d.check(reference, 2e-3)
