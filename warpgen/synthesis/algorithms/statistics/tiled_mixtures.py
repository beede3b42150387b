"""Mixtures of normal laws, a block of threads for each batch of samples."""

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
        "PARTS": "K|COMPONENTS|NUM_PARTS",
        "WIDTH": "D|DIM|FEATURES",
    },
    adjoint="yes",
    weight=8,
)
def mixture_shares(d: Draft) -> None:
    """Computes how much of each sample belongs to each part of a mixture of normal laws."""
    shape = d.option("covariance", "diagonal", "spherical", "shared")
    result = d.option("result", "shares", "log likelihood", "sums", "entropy", "reconstruction")
    priors = d.option("priors", "log", "weights", "logits")
    # What the noise takes belongs to no part: shares would not sum to one
    noise = d.flag("background", 0.35) and result not in ("entropy", "reconstruction")
    if noise and priors == "logits":  # their softmax leaves the background no weight
        priors = "log"
    annealed = d.flag("annealed", 0.3) and result != "log likelihood"
    weighted = d.flag("sample weights", 0.35) and result in ("sums", "log likelihood")
    batches, count, parts, width = d.pick(2, 3), d.pick(6, 8, 12), d.pick(3, 4), d.pick(2, 3, 4)
    d.module(f"SAMPLES = wp.constant({count})\nPARTS = wp.constant({parts})\nWIDTH = wp.constant({width})")
    d.input("samples", "float", (batches * count, width), -1.5, 1.5, about="samples, one in each row")
    d.input("means", "float", (parts, width), -1.0, 1.0, about="means of the parts")
    extents = {"diagonal": (parts, width), "spherical": (parts,), "shared": (width,)}[shape]
    of = {
        "diagonal": "of each part, along each axis",
        "spherical": "of each part, alike along all axes",
        "shared": "along each axis, the same for all parts",
    }[shape]
    d.input("precisions", "float", extents, 0.5, 2.0, about=f"inverse variances {of}")
    name = {"log": "log_weights", "weights": "weights", "logits": "logits"}[priors]
    low, high = {"log": (-2.0, -0.5), "weights": (0.2, 0.5), "logits": (-1.0, 1.0)}[priors]
    about = {"log": "logarithms of the parts' weights", "weights": "weights of the parts",
             "logits": "weights of the parts before their softmax"}[priors]  # fmt: skip
    d.input(name, "float", parts, low, high, about=about)
    if noise:
        d.param(
            "log_background",
            "float",
            -5.0,
            -3.0,
            about="log of the background's weight times its density, over the factor (2 pi)^(-d/2) of the normal laws",
        )
    if annealed:
        d.param("beta", "float", 0.3, 0.8, about="inverse temperature, raised to one from step to step")
    if weighted:
        d.input("sample_weights", "float", batches * count, 0.5, 1.5, about="weights of the samples")
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
        d.output("shares", "float", (batches * count, parts), about="posterior probability of each part")
    elif result == "log likelihood":
        d.output("log_likelihoods", "float", batches, about="log likelihood of each batch")
        d.says(
            f"Computes {'weighted ' if weighted else ''}log likelihoods of batches of samples under a mixture of normal laws."
        )
    elif result == "sums":
        d.output("part_mass", "float", parts, about="sums of the shares")
        d.output("part_sums", "float", (parts, width), about="sums of the samples, weighed by their shares")
        d.says(
            "Adds up the shares of each part of a mixture of normal laws, and the samples weighed by them, for its next mean."
        )
    elif result == "entropy":
        d.output("entropies", "float", batches * count, about="entropy of the shares of each sample [nat]")
        d.says("Measures how undecided samples are between the parts of a mixture of normal laws.")
    else:
        d.output("denoised", "float", (batches * count, width), about="expected means")
        d.says("Replaces samples by the means of the mixture's parts, weighed by their posterior shares.")
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
                """-p log p, which is zero where p is."""
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
                """The background's term, with the parts' largest taken out as of theirs."""
                return wp.exp(log_background - top)
        ''')
        background = " + wp.tile_map(noise_mass, top, log_background)"
    # What is the same for all parts cancels in the shares
    linear = shape == "shared" and result != "log likelihood" and not noise
    if linear:
        law = f"""
            common = wp.tile_load(precisions, shape=WIDTH)
            pull = mu * {per_col("common", "PARTS", "WIDTH")}
            $prior
            # of tau (x - mu)^2 the square of x is left out, which cancels in the shares; `level` has that of mu
            level = prior - 0.5 * wp.tile_sum(mu * pull, axis=1)
            score = {per_col("level", _S, _C)} + wp.tile_matmul(x, wp.tile_transpose(pull))
        """
    else:
        law = f"""
            $tau
            tau_t = wp.tile_transpose(tau)
            pull = mu * tau
            # tau (x - mu)^2 multiplied out, so that products of matrices do the work; `level` has its mu^2
            square = wp.tile_matmul(x * x, tau_t) - 2.0 * wp.tile_matmul(x, wp.tile_transpose(pull))
            $prior
            level = prior + 0.5 * wp.tile_sum(wp.tile_map(wp.log, tau) - mu * pull, axis=1)
            score = {per_col("level", _S, _C)} - 0.5 * square
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
        + f"wp.tile_atomic_add(part_mass, wp.tile_sum({part}, axis=0))\n"
        f"wp.tile_atomic_add(part_sums, wp.tile_matmul(wp.tile_transpose({part}), x))",
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
        # The largest term is taken out, because all others could underflow
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
    left_out = "what all parts have in common" if linear else "the factor (2 pi)^(-d/2)"
    d.explain(
        f"log p = log {'(background + ' if noise else ''}sum_k {density}{')' if noise else ''}."
        if result == "log likelihood"
        else f"A share is {tempered} over the sum of these{others}, {left_out} left out of all."
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
            "sums": lambda: {"part_mass": w_ @ r, "part_sums": (w_[:, None] * r).T @ v.samples},
            "entropy": lambda: {"entropies": -(r * np.log(r + 1e-12)).sum(1)},
            "reconstruction": lambda: {"denoised": r @ v.means},
        }[result]()

    d.check(reference, 2e-3)
