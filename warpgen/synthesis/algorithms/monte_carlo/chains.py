"""Markov chains, walks and estimates by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.monte_carlo import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Metropolis et al. 1953; Hastings 1970; Roberts & Tweedie 1996 (MALA); Neal 2011 (HMC)",
    names={
        "metropolis_step": "metropolis_hastings|mcmc_step|advance_chains",
        "states": "chains|samples|positions",
        "xi": "current|state_i|here",
        "proposal": "candidate|new|trial",
        "log_ratio": "log_alpha|log_accept|delta_log_p",
        "accepted": "accepts|taken",
        "noise": "z|eps|normal",
        "pairs": "uniforms|u_pairs|randoms",
        "step": "proposal_scale|width|step_size",
    },
    adjoint="no",
    element="chain",
)
def metropolis_step(d: Draft) -> None:
    """Advances Markov chains using Metropolis-Hastings."""
    target = d.option("target", "normal", "banana", "bimodal", "student", "funnel")
    proposal = d.option("proposal", "walk", "langevin", "independent")
    dim = d.option("dim", 1, 2)
    count = d.option("count", "none", "flags", "adapt")
    chain = d.option("chain", "one step", "several")
    temper = d.flag("temper", 0.3)
    if target in ("banana", "funnel"):
        dim = 2
    if proposal == "langevin" and target not in ("normal", "student"):
        proposal = "walk"
    n, steps = d.pick(48, 64, 96), d.pick(4, 5)
    vec = "float" if dim == 1 else "vec2"
    several = chain == "several"
    shape: Any = (n, steps) if several else n
    at = "[tid, k]" if several else "[tid]"
    alone = proposal == "independent"  # needs no width
    if alone and count == "adapt":
        count = "none"
    d.inout("states", vec, n, -1.5, 1.5, about="chain states")
    d.input("pairs", "vec2", shape, 0.001, 1.0, about="pairs of uniform random samples for the proposals")
    d.input("u", "float", shape, 0.02, 1.0, about="uniform random samples for the acceptance test")
    if count == "adapt":
        d.inout("step", "float", n, 0.3, 1.2, about="proposal scale per chain")
    elif not alone:
        d.param("step", "float", 0.3, 1.2, about="proposal scale")
    if temper:
        d.param("beta", "float", 0.3, 1.0, about="inverse temperature")
    if count == "flags":
        d.output(
            "accepted",
            "int",
            n,
            about="number of accepted proposals" if several else "1 if the proposal was accepted",
        )
    sq = "x * x" if dim == 1 else "wp.dot(x, x)"
    density = {
        "normal": f"return -0.5 * {sq}",
        "student": f"# Four degrees of freedom\nreturn {-0.5 * (4 + dim)} * wp.log(1.0 + 0.25 * {sq})",
        "banana": (
            "# Rosenbrock (banana-shaped) density\n"
            "bent = x[1] - x[0] * x[0]\n"
            "return -0.5 * x[0] * x[0] - 2.0 * bent * bent"
        ),
        "bimodal": (
            "a = x - 1.0\nb = x + 1.0" if dim == 1 else "a = x - wp.vec2(1.0, 0.0)\nb = x + wp.vec2(1.0, 0.0)"
        )
        + (
            "\nreturn wp.log(wp.exp(-2.0 * a * a) + wp.exp(-2.0 * b * b))"
            if dim == 1
            else "\nreturn wp.log(wp.exp(-2.0 * wp.dot(a, a)) + wp.exp(-2.0 * wp.dot(b, b)))"
        ),
        "funnel": (
            "# Neal's funnel: variance of the second coordinate is exp(first)\n"
            "return -0.5 * x[0] * x[0] - 0.5 * x[0] - 0.5 * x[1] * x[1] * wp.exp(-x[0])"
        ),
    }[target]
    t = "float" if dim == 1 else "wp.vec2"
    d.function("@wp.func\ndef log_density(x: $t) -> float:\n    $density", t=t, density=density)
    angle = "wp.tau * pair[1]"
    d.function(
        """
        @wp.func
        def standard_normal(pair: wp.vec2) -> $t:
            # Box-Muller transform
            r = wp.sqrt(-2.0 * wp.log(pair[0]))
            return $value
        """,
        t=t,
        value=f"r * wp.cos({angle})" if dim == 1 else f"r * wp.vec2(wp.cos({angle}), wp.sin({angle}))",
    )
    h = "step[tid]" if count == "adapt" else "step"
    beta = "beta * " if temper else ""
    ratio = (
        f"log_ratio = {beta}(log_density(proposal) - log_density(xi))"
        if temper
        else "log_ratio = log_density(proposal) - log_density(xi)"
    )
    if proposal == "walk":
        propose = f"proposal = xi + {h} * noise"
    elif proposal == "independent":
        d.module("PROPOSAL_SD = wp.constant(1.5)")
        propose = "proposal = PROPOSAL_SD * noise"
        g = "noise * noise" if dim == 1 else "wp.dot(noise, noise)"
        cur = "xi * xi" if dim == 1 else "wp.dot(xi, xi)"
        ratio += (
            "\n"
            "# Independence sampler: include the proposal density in the ratio\n"
            f"log_ratio += 0.5 * {g} - 0.5 * {cur} / (PROPOSAL_SD * PROPOSAL_SD)"
        )
    else:
        grad = (
            f"-{'{0}'}"
            if target == "normal"
            else f"{-(4 + dim) / 4.0} / (1.0 + 0.25 * {sq.replace('x', '{0}')}) * {{0}}"
        )
        d.function(
            ("@wp.func\ndef drift(x: $t) -> $t:\n    # Gradient of the log density\n    return $grad"),
            t=t,
            grad=grad.format("x"),
        )
        h2 = f"{h} * {h}"
        propose = f"proposal = xi + 0.5 * {h2} * {beta}drift(xi) + {h} * noise"
        lsq: Any = (lambda a: f"{a} * {a}") if dim == 1 else (lambda a: f"wp.dot({a}, {a})")
        ratio += (
            "\n"
            "# MALA: correct for the asymmetric proposal\n"
            f"back = xi - proposal - 0.5 * {h2} * {beta}drift(proposal)\n"
            f"log_ratio += 0.5 * {lsq('noise')} - 0.5 * {lsq('back')} / ({h2})"
        )
    # The best rates of acceptance (Roberts & Rosenthal 2001); 1.1^aim * shrink^(100 - aim) is about 1
    shrink, aim = (0.88, 57) if proposal == "langevin" else (0.928, 44) if dim == 1 else (0.95, 35)
    test = f"if wp.log(u{at}) < log_ratio:"
    act = {
        "none": "    xi = proposal",
        "flags": "    xi = proposal\n    moves += 1"
        if several
        else "    xi = proposal\n    accepted[tid] = 1",
        "adapt": (
            "    xi = proposal\n"
            f"    # Burn-in: adapt the step towards a {aim}% acceptance rate\n"
            f"    step[tid] = {h} * 1.1\n"
            "else:\n"
            f"    step[tid] = {h} * {shrink}"
        ),
    }[count]
    body = f"noise = standard_normal(pairs{at})\n{propose}\n{ratio}\n{test}\n{act}"
    start = f"xi = {t}(states[tid])" if several else "xi = states[tid]"
    if count == "flags" and several:
        start += "\nmoves = int(0)"
    loop = "for k in range(u.shape[1]):\n    $body" if several else "$body"
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$start\n$loop\nstates[tid] = xi\n$end",
        start=start,
        loop=loop,
        body=body,
        end="accepted[tid] = moves" if count == "flags" and several else "",
    )
    law = {
        "normal": "a standard normal distribution", "banana": "a banana-shaped distribution",
        "bimodal": "a bimodal distribution", "student": "Student's t distribution", "funnel": "Neal's funnel",
    }[target]  # fmt: skip
    law = f"a tempered {law.removeprefix('a ')}" if temper else law
    proposed = {"walk": "random-walk", "langevin": "Langevin", "independent": "independent"}[proposal]
    d.says(
        f"Advances Markov chains on {law} using Metropolis-Hastings"
        f", with {proposed} proposals{' and adaptive scales' if count == 'adapt' else ''}."
    )

    def log_p(x: Any) -> Any:
        s = (x**2).sum(axis=1)
        if target == "normal":
            return -s / 2
        if target == "student":
            return -(4 + dim) / 2 * np.log1p(s / 4)
        if target == "bimodal":
            m = np.eye(dim)[0]
            return np.logaddexp(-2 * ((x - m) ** 2).sum(1), -2 * ((x + m) ** 2).sum(1))
        if target == "banana":
            return -(x[:, 0] ** 2) / 2 - 2 * (x[:, 1] - x[:, 0] ** 2) ** 2
        return -(x[:, 0] ** 2) / 2 - x[:, 0] / 2 - x[:, 1] ** 2 / 2 / np.exp(x[:, 0])

    def grad_log_p(x: Any) -> Any:
        return -x if target == "normal" else -(4 + dim) / 4 * x / (1 + (x**2).sum(1, keepdims=True) / 4)

    def reference(v: Values) -> dict[str, Any]:
        x = v.states.reshape(n, dim)
        pairs, u = v.pairs.reshape(n, -1, 2), v.u.reshape(n, -1)
        turn = np.exp(2j * np.pi * pairs[..., 1])
        noise = np.sqrt(-2 * np.log(pairs[..., :1])) * np.stack([turn.real, turn.imag], axis=-1)[..., :dim]
        moves = np.zeros(n, int)
        h = np.broadcast_to(np.asarray(v.get("step", 0.0)), n).copy()
        for k in range(noise.shape[1]):
            z = noise[:, k]
            hh = h[:, None]
            if proposal == "independent":
                y = 1.5 * z
                log = ((y**2).sum(1) - (x**2).sum(1)) / (2 * 2.25)
            elif proposal == "walk":
                y, log = x + hh * z, 0.0
            else:
                pull = hh**2 / 2 * (v.beta if temper else 1.0)
                y = x + pull * grad_log_p(x) + hh * z
                q_back = ((x - y - pull * grad_log_p(y)) ** 2).sum(1)
                q_on = ((y - x - pull * grad_log_p(x)) ** 2).sum(1)
                log = (q_on - q_back) / (2 * h**2)
            log = log + (v.beta if temper else 1.0) * (log_p(y) - log_p(x))
            go = np.log(u[:, k]) < log
            x = np.where(go[:, None], y, x)
            moves += go
            h = h * np.where(go, 1.1, shrink)
            if count != "adapt":
                h = np.broadcast_to(np.asarray(v.get("step", 0.0)), n).copy()
        found: dict[str, Any] = {"states": x.reshape(v.states.shape)}
        if count == "flags":
            found["accepted"] = moves
        return found | ({"step": h} if count == "adapt" else {})

    d.check(reference, 2e-3)
