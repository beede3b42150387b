"""Markov chains, walks and estimates by chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.monte_carlo import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Metropolis et al. 1953; Hastings 1970; Roberts & Tweedie 1996 (MALA); Neal 2011 (HMC)",
    names={
        "metropolis_step": "metropolis_hastings|mcmc_step|random_walk_mh|advance_chains",
        "x": "states|chains|samples",
        "xi": "current|state_i|old",
        "proposal": "candidate|new|trial",
        "log_u": "log_uniform|threshold|log_accept",
        "log_ratio": "log_alpha|delta|gain",
        "accepted": "accepts|moves|acceptance",
        "noise": "normals|z|eps",
        "step": "scale|width|sigma",
    },
    adjoint="no",
)
def metropolis_step(d: Draft) -> None:
    """Advances Markov chains by the rule of Metropolis and Hastings."""
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
    d.inout("x", vec, n, -1.5, 1.5)
    d.input("noise", vec, shape, -1.5, 1.5)
    d.input("u", "float", shape, 0.02, 1.0)
    if count == "adapt":
        d.inout("step", "float", n, 0.3, 1.2)
    else:
        d.param("step", "float", 0.3, 1.2)
    if temper:
        d.param("beta", "float", 0.3, 1.0)
    if count == "flags":
        d.output("accepted", "int", n)
    sq = "x * x" if dim == 1 else "wp.dot(x, x)"
    density = {
        "normal": f"return -0.5 * {sq}",
        "student": f"# four degrees of freedom\nreturn {-0.5 * (4 + dim)} * wp.log(1.0 + 0.25 * {sq})",
        "banana": "# Rosenbrock's valley, bent along a parabola\nbent = x[1] - x[0] * x[0]\nreturn -0.5 * x[0] * x[0] - 2.0 * bent * bent",
        "bimodal": (
            "a = x - 1.0\nb = x + 1.0" if dim == 1 else "a = x - wp.vec2(1.0, 0.0)\nb = x + wp.vec2(1.0, 0.0)"
        )
        + (
            "\nreturn wp.log(wp.exp(-2.0 * a * a) + wp.exp(-2.0 * b * b))"
            if dim == 1
            else "\nreturn wp.log(wp.exp(-2.0 * wp.dot(a, a)) + wp.exp(-2.0 * wp.dot(b, b)))"
        ),
        "funnel": "# Neal's funnel: the width of the second axis is the exponential of the first\nreturn -0.5 * x[0] * x[0] - 0.5 * x[0] - 0.5 * x[1] * x[1] * wp.exp(-x[0])",
    }[target]
    t = "float" if dim == 1 else "wp.vec2"
    d.function("@wp.func\ndef log_density(x: $t) -> float:\n    $density", t=t, density=density)
    h = "step[tid]" if count == "adapt" else "step"
    beta = "beta * " if temper else ""
    ratio = (
        f"log_ratio = {beta}(log_density(proposal) - log_density(xi))"
        if temper
        else "log_ratio = log_density(proposal) - log_density(xi)"
    )
    if proposal == "walk":
        propose = f"proposal = xi + {h} * noise{at}"
    elif proposal == "independent":
        propose = f"proposal = 1.5 * noise{at}"
        g = "noise{0} * noise{0}" if dim == 1 else "wp.dot(noise{0}, noise{0})"
        cur = "xi * xi" if dim == 1 else "wp.dot(xi, xi)"
        ratio += f"\n# the proposal does not depend on the state: its own density enters the ratio\nlog_ratio += 0.5 * {g.format(at)} - 0.5 * {cur} / 2.25"
        h = ""
    else:
        grad = (
            f"-{'{0}'}"
            if target == "normal"
            else f"{-(4 + dim) / 4.0} / (1.0 + 0.25 * {sq.replace('x', '{0}')}) * {{0}}"
        )
        d.function(
            "@wp.func\ndef drift(x: $t) -> $t:\n    # gradient of the logarithm of the density\n    return $grad",
            t=t,
            grad=grad.format("x"),
        )
        h2 = f"{h} * {h}"
        propose = f"forward = xi + 0.5 * {h2} * drift(xi)\nproposal = forward + {h} * noise{at}"
        lsq = (lambda a: f"{a} * {a}") if dim == 1 else (lambda a: f"wp.dot({a}, {a})")
        ratio += f"\n# the way back is as likely as its own drift makes it\nback = xi - proposal - 0.5 * {h2} * drift(proposal)\nlog_ratio += 0.5 * {lsq(f'noise{at}')} - 0.5 * {lsq('back')} / ({h2})"
    if proposal == "independent":
        # nothing else would use the width
        d.parameters = [p for p in d.parameters if p.name != "step"]
        if count == "adapt":
            count = "none"
    test = f"if wp.log(u{at}) < log_ratio:"
    act = {
        "none": "    xi = proposal",
        "flags": "    xi = proposal\n    moves += 1",
        "adapt": f"    xi = proposal\n    # grows on success and shrinks on failure, balanced at 44 % of acceptance\n    step[tid] = {h} * 1.1\nelse:\n    step[tid] = {h} * 0.928",
    }[count]
    body = f"{propose}\n{ratio}\n{test}\n{act}"
    start = f"xi = {t}(x[tid])" if several else "xi = x[tid]"
    if count == "flags":
        start += "\nmoves = int(0)"
    loop = "for k in range(u.shape[1]):\n    $body" if several else "$body"
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$start\n$loop\nx[tid] = xi\n$end",
        start=start,
        loop=loop,
        body=body,
        end="accepted[tid] = moves" if count == "flags" else "",
    )
    d.says(f"Advances Markov chains on a {target} distribution by the rule of Metropolis and Hastings.")

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
        x = v.x.reshape(n, dim)
        noise, u = v.noise.reshape(n, -1, dim), v.u.reshape(n, -1)
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
                y = x + hh**2 / 2 * grad_log_p(x) + hh * z
                q_back = ((x - y - hh**2 / 2 * grad_log_p(y)) ** 2).sum(1)
                q_on = ((y - x - hh**2 / 2 * grad_log_p(x)) ** 2).sum(1)
                log = (q_on - q_back) / (2 * h**2)
            log = log + (v.beta if temper else 1.0) * (log_p(y) - log_p(x))
            go = np.log(u[:, k]) < log
            x = np.where(go[:, None], y, x)
            moves += go
            h = h * np.where(go, 1.1, 0.928)
            if count != "adapt":
                h = np.broadcast_to(np.asarray(v.get("step", 0.0)), n).copy()
        found: dict[str, Any] = {"x": x.reshape(v.x.shape)}
        if count == "flags":
            found["accepted"] = moves
        return found | ({"step": h} if count == "adapt" else {})

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Ising 1925; Metropolis et al. 1953; Glauber 1963; Potts 1952; Wolff 1989 for the check-board",
    names={
        "spin_sweep": "ising_sweep|checkerboard_update|metropolis_sweep|glauber_update",
        "spins": "lattice|s|field",
        "beta": "inv_temp|coupling|inverse_temperature",
        "u": "randoms|uniforms|xi",
        "parity": "color|phase|sublattice",
        "local": "neighbor_sum|h_local|env",
        "de": "delta_e|energy_change|cost",
        "field": "external_field|b_field|h_ext",
    },
    adjoint="no",
)
def spin_sweep(d: Draft) -> None:
    """Updates one color of a check-board of spins at a temperature."""
    rule = d.option("rule", "metropolis", "heat bath", "glauber", "deterministic")
    model = d.option("model", "ising", "potts", "bonds")
    dim = d.option("dim", 2, 3)
    edge = d.option("edge", "periodic", "free")
    random = d.option("random", "given", "generated")
    external = d.flag("field", 0.3) and model == "ising"
    compact = d.flag("compact", 0.35) and dim == 2
    nx = d.pick(8, 12, 16) if dim == 2 else d.pick(4, 6)
    ny = d.pick(8, 12) if dim == 2 else 6
    nz = 4
    size = (nx, ny) if dim == 2 else (nx, ny, nz)
    q = 3
    if model == "potts" and rule != "metropolis":
        model = "ising"
    if model == "bonds" and dim == 3:
        model = "ising"
    potts = model == "potts"
    if rule == "deterministic":
        random = "given"
    d.inout("spins", "int", size, 0, q if potts else 2)
    if random == "given" and rule != "deterministic":
        d.input("u", "float", size, 0.0, 1.0)
    if potts:
        d.input("trial", "int", size, 0, q)
    if model == "bonds":
        d.input("bond_x", "float", size, -1.0, 1.0)
        d.input("bond_y", "float", size, -1.0, 1.0)
    if rule != "deterministic":
        d.param("beta", "float", 0.2, 0.7)
    if external:
        d.param("field", "float", 0.05, 0.4)
    d.param("parity", "int", d.pick(0, 1))
    if random == "generated":
        d.param("seed", "int", 1, 100000)
    axes = "ijk"[:dim]
    n_of = {"i": "nx", "j": "ny", "k": "nz"}
    here = ", ".join(axes)
    neighbours: list[tuple[str, str, str]] = []
    for a in axes:
        for sign in ("+", "-"):
            if edge == "periodic":
                other = f"({a} + 1) % {n_of[a]}" if sign == "+" else f"({a} + {n_of[a]} - 1) % {n_of[a]}"
            else:
                other = f"{a} {sign} 1"
            place = ", ".join(other if b == a else b for b in axes)
            guard = f"if {a} + 1 < {n_of[a]}:" if sign == "+" else f"if {a} > 0:"
            neighbours.append((place, guard, a + sign))
    lines = []
    spin = (lambda p: f"(2 * spins[{p}] - 1)") if not potts else (lambda p: f"spins[{p}]")
    real = model == "bonds"
    for place, guard, name in neighbours:
        if potts:
            add = f"old_equal += wp.where(spins[{place}] == old, 1, 0)\nnew_equal += wp.where(spins[{place}] == new, 1, 0)"
        elif real:
            bond = f"bond_{'x' if name[0] == 'i' else 'y'}[{here if name[1] == '+' else place}]"
            add = f"local += {bond} * float({spin(place)[1:-1]})"
        else:
            add = f"local += 2 * spins[{place}] - 1"
        lines.append(add if edge == "periodic" else f"{guard}\n    " + add.replace("\n", "\n    "))
    gather = "\n".join(lines)
    if potts:
        init = "old = spins[$here]\nnew = trial[$here]\nold_equal = int(0)\nnew_equal = int(0)".replace(
            "$here", here
        )
        energy = "de = float(old_equal - new_equal)"
    else:
        init = "local = float(0.0)" if real else "local = int(0)"
        total = "local" if real else "float(local)"
        if external:
            total = f"({total} + field)"
        energy = f"h = {total}".replace("(float(local) + field)", "float(local) + field")
    flat = "i * ny + j" if dim == 2 else "(i * ny + j) * nz + k"
    draw = (
        f"state = wp.rand_init(seed, {flat})\nr = wp.randf(state)"
        if random == "generated"
        else f"r = u[{here}]"
    )
    me = f"float(2 * spins[{here}] - 1)"
    act = {
        "metropolis": f"# energy that a flip would cost\nde = 2.0 * {me} * h\nif r < wp.exp(-beta * de):\n    spins[{here}] = 1 - spins[{here}]",
        "heat bath": f"# the chance of an up spin, whatever it was before\nup = 1.0 / (1.0 + wp.exp(-2.0 * beta * h))\nspins[{here}] = wp.where(r < up, 1, 0)",
        "glauber": f"de = 2.0 * {me} * h\nif r < 1.0 / (1.0 + wp.exp(beta * de)):\n    spins[{here}] = 1 - spins[{here}]",
        "deterministic": f"# temperature zero: the spin follows its neighbours, and stays if they are at odds\nif h > 0.0:\n    spins[{here}] = 1\nelif h < 0.0:\n    spins[{here}] = 0",
    }[rule]
    if potts:
        act = (
            f"# energy counts equal neighbours, negative\nif r < wp.exp(-beta * de):\n    spins[{here}] = new"
        )
    ids = f"{here} = wp.tid()"
    dims = size
    check = f"if ({' + '.join(axes)}) % 2 != parity:\n    return"
    if compact:
        ids = "i, half = wp.tid()"
        dims = (nx, ny // 2)
        check = "j = 2 * half + (i + parity) % 2"
    sizes = "\n".join(f"{n_of[a]} = spins.shape[{n}]" for n, a in enumerate(axes))
    uses = gather + draw
    sizes = "\n".join(line for line in sizes.splitlines() if line.split(" ")[0] in uses)
    d.launch(*dims)
    d.code(
        "$ids\n# sites of one color do not touch, so that all of them may move at once\n$check\n$sizes\n$init\n$gather\n$energy\n$draw\n$act",
        ids=ids,
        check=check,
        sizes=sizes,
        init=init,
        gather=gather,
        energy=energy,
        draw="" if rule == "deterministic" else draw,
        act=act,
    )

    def fields(v: Values) -> Any:
        s = 2.0 * v.spins - 1
        h = np.zeros(size)
        for axis in range(dim):
            for by in (1, -1):
                shifted = np.roll(s, -by, axis)
                bond = np.ones(size)
                if real:
                    bond = v.bond_x if axis == 0 else v.bond_y
                    bond = bond if by == 1 else np.roll(bond, 1, axis)
                if edge == "free":
                    cut = [slice(None)] * dim
                    cut[axis] = slice(-1, None) if by == 1 else slice(0, 1)
                    shifted = shifted.copy()
                    shifted[tuple(cut)] = 0
                h += bond * shifted
        return h + (v.field if external else 0.0)

    def chances(v: Values) -> tuple[Any, Any, Any]:
        """The chance to take the new value, that value, and where spins may move."""
        mine = np.indices(size).sum(axis=0) % 2 == int(v.parity)
        if potts:
            equal = np.zeros((2, *size))
            for axis in range(dim):
                for by in (1, -1):
                    other = np.roll(v.spins, -by, axis)
                    if edge == "free":
                        cut = [slice(None)] * dim
                        cut[axis] = slice(-1, None) if by == 1 else slice(0, 1)
                        other = other.copy()
                        other[tuple(cut)] = -1
                    equal += np.array([other == v.spins, other == v.trial])
            return np.exp(v.beta * (equal[1] - equal[0])), v.trial, mine
        h, s = fields(v), 2.0 * v.spins - 1
        if rule == "deterministic":
            return np.abs(h) > 1e-6, (h > 0).astype(int), mine
        if rule == "heat bath":
            return 1 / (1 + np.exp(-2 * v.beta * h)), 1, mine
        cost = 2 * s * h
        p = np.exp(-v.beta * cost) if rule == "metropolis" else 1 / (1 + np.exp(v.beta * cost))
        return p, 1 - v.spins, mine

    if random == "given":

        def reference(v: Values) -> dict[str, Any]:
            p, new, mine = chances(v)
            go = p if rule == "deterministic" else v.u < p
            keep = 0 if rule == "heat bath" else v.spins
            return {"spins": np.where(mine, np.where(go, new, keep), v.spins)}

        d.check(reference)
        return

    def holds(before: Values, after: Values) -> None:
        p, new, mine = chances(before)
        p = np.minimum(p, 1.0)
        assert (after.spins == before.spins)[~mine].all(), "the other color moved"
        keep = 0 if rule == "heat bath" else before.spins
        moved = np.where(mine & (new != keep), after.spins == new, False)
        p = np.where(mine & (new != keep), p, 0.0)
        # the number of moves is a sum of independent trials
        off = abs(moved.sum() - p.sum()) / (np.sqrt((p * (1 - p)).sum()) + 0.5)
        assert off < 4.5, f"{moved.sum()} spins moved where {p.sum():.1f} were expected"
        assert moved[p > 0.999999].all(), "a certain move was not made"

    d.holds(holds)


@DOMAIN.algorithm(
    source="Metropolis & Ulam 1949; Hammersley & Handscomb 1964; Owen 2013, chapters 8 and 9",
    names={
        "integrate_by_chance": "monte_carlo_integral|estimate_integral|mc_estimate|sample_integral",
        "n": "count|num_samples|per_thread",
        "estimate": "estimates|means|integral",
        "u": "xi|r|point",
        "acc": "running|mean_f|tally",
    },
    adjoint="no",
)
def integrate_by_chance(d: Draft) -> None:
    """Estimates an integral over the unit interval by random points."""
    function = d.option("function", "circle", "exponential", "peak", "sine", "volume")
    variance = d.option("variance", "plain", "antithetic", "stratified", "control", "importance")
    out = d.option("out", "means", "sum", "moments")
    seeds = d.option("seeds", "param", "array")
    loop = d.option("loop", "for", "while")
    threads, n = d.pick(48, 64, 96), d.pick(64, 96, 128)
    if variance == "importance":
        function = "peak"
    if function == "volume":
        variance = "plain"
    d.param("seed", "int", 1, 100000) if seeds == "param" else d.input("seeds", "int", threads, 1, 100000)
    if function in ("peak", "sine", "exponential"):
        d.param("a", "float", 1.0, 3.0)
    d.param("n", "int", n)
    if out == "sum":
        d.output("estimate", "float", 1)
    elif out == "means":
        d.output("estimate", "float", threads)
    else:
        d.output("estimate", "float", threads)
        d.output("spread", "float", threads)
    value = {
        "circle": "wp.sqrt(1.0 - {0} * {0})",
        "exponential": "wp.exp(-a * {0})",
        "peak": "wp.exp(-a * {0}) * (1.0 + {0})",
        "sine": "wp.sin(a * {0})",
        "volume": "",
    }[function]
    if function == "volume":
        sample = "p = wp.vec3(wp.randf(state), wp.randf(state), wp.randf(state))\n# the share of the cube within a ball of radius one\nf = wp.where(wp.dot(p, p) < 1.0, 1.0, 0.0)"
    elif variance == "plain":
        sample = f"u = wp.randf(state)\nf = {value.format('u')}"
    elif variance == "antithetic":
        sample = f"u = wp.randf(state)\n# the mirrored point errs the other way where the function is monotone\nf = 0.5 * ({value.format('u')} + {value.format('(1.0 - u)')})"
    elif variance == "stratified":
        sample = f"# one point in each of n strata\nu = (float(k) + wp.randf(state)) / float(n)\nf = {value.format('u')}"
    elif variance == "control":
        sample = f"u = wp.randf(state)\n# u itself, whose mean is known, takes the linear part of the noise away\nf = {value.format('u')} + $slope * (u - 0.5)"
    else:
        sample = "# points follow exp(-a x), by the inverse of its distribution function\nmass = 1.0 - wp.exp(-a)\nu = -wp.log(1.0 - mass * wp.randf(state)) / a\nf = (1.0 + u) * mass / a"
    slope = {"circle": "0.8", "exponential": "0.6", "peak": "0.6", "sine": "-0.5"}.get(function, "0.0")
    number = "float(n)"
    body = f"{sample}\nacc += f / {number}" if out != "moments" else f"{sample}\nacc += f\nsquare += f * f"
    if loop == "while":
        loops = "k = int(0)\nwhile k < n:\n    $body\n    k += 1"
    else:
        loops = "for k in range(n):\n    $body"
    end = {
        "means": "estimate[tid] = acc",
        "sum": f"wp.atomic_add(estimate, 0, acc / {float(threads)})",
        "moments": f"mean = acc / {number}\nestimate[tid] = mean\nspread[tid] = wp.sqrt(wp.max(square / {number} - mean * mean, 0.0) / {number})",
    }[out]
    d.launch(threads)
    d.code(
        "tid = wp.tid()\nstate = wp.rand_init($seed, tid)\nacc = float(0.0)\n$square\n$loops\n$end",
        seed="seed" if seeds == "param" else "seeds[tid]",
        square="square = float(0.0)" if out == "moments" else "",
        loops=loops,
        body=body,
        slope=slope,
        end=end,
    )
    d.says(
        {
            "circle": "Estimates a quarter of pi, the area under a circle, by random points.",
            "exponential": "Estimates the integral of a decaying exponential by random points.",
            "peak": "Estimates the integral of (1 + x) exp(-a x) over the unit interval by random points.",
            "sine": "Estimates the integral of a sine by random points.",
            "volume": "Estimates the volume of an octant of a ball by random points.",
        }[function]
    )

    def holds(before: Values, after: Values) -> None:
        a = float(before.get("a", 1.0))
        x = (np.arange(20000) + 0.5) / 20000
        f = {
            "circle": np.sqrt(1 - x * x),
            "exponential": np.exp(-a * x),
            "peak": np.exp(-a * x) * (1 + x),
            "sine": np.sin(a * x),
            "volume": np.full(1, math.pi / 6),
        }[function]
        truth = f.mean()
        # no method here has a larger deviation than that of plain sampling of the function or a coin
        sd = 0.5 if function == "volume" else max(float(f.std()), 0.2)
        each = np.atleast_1d(after.estimate)
        np.testing.assert_allclose(each.mean(), truth, atol=5 * sd / np.sqrt(n * threads) + 1e-4)
        if out != "sum":
            assert np.abs(each - truth).max() < 6 * sd / np.sqrt(n) + 1e-4, "an estimate is far off"
        if out == "moments" and variance != "stratified":
            off = np.abs(each - truth) / (after.spread + 1e-6)
            assert np.median(off) < 2.0, "the errors are not what they are said to be"
            assert off.mean() > 0.2, "the errors are said to be too large"

    d.holds(holds)


@DOMAIN.algorithm(
    source="Pearson 1905; Flory 1949; Muller 1956 (walk on spheres); Woodcock et al. 1965 (tracking); Wang & Jacques 1995",
    names={
        "random_walk": "walkers|simulate_walks|diffuse_particles|photon_walk",
        "steps": "num_steps|n|length",
        "x": "pos|walker|where_at",
        "ends": "final|endpoints|positions",
        "step_length": "stride|hop|lattice_constant",
    },
    adjoint="no",
)
def random_walk(d: Draft) -> None:
    """Lets walkers wander at random and records where they end."""
    kind = d.option("kind", "lattice", "sphere", "gaussian", "photons", "persistent")
    dim = d.option("dim", 2, 3)
    out = d.option("out", "ends", "square", "histogram", "furthest")
    wall = d.option("wall", "none", "box", "absorb")
    seeds = d.option("seeds", "param", "array")
    n, steps = d.pick(48, 64, 96), d.pick(16, 24, 32)
    if kind in ("sphere", "photons", "persistent"):
        dim = 3
    d.param("seed", "int", 1, 100000) if seeds == "param" else d.input("seeds", "int", n, 1, 100000)
    d.param("steps", "int", steps)
    if kind == "photons":
        d.param("mean_free_path", "float", 0.2, 0.5)
        d.param("albedo", "float", 0.9, 0.99)
    else:
        d.param("step_length", "float", 0.1, 0.3)
    if kind == "persistent":
        d.param("memory", "float", 0.3, 0.8)
    if wall == "box":
        d.param("half_width", "float", 0.8, 1.2)
    elif wall == "absorb":
        d.param("radius", "float", 0.8, 1.6)
    bins = 12
    if out == "ends":
        d.output("ends", f"vec{dim}", n)
    elif out == "histogram":
        d.output("counts", "int", bins)
    else:
        d.output("squares" if out == "square" else "furthest", "float", n)
    vec = f"wp.vec{dim}"
    unit = "wp.sample_unit_sphere_surface(state)"
    pre = ""
    if kind == "lattice":
        hop = f"axis = wp.randi(state, 0, {dim})\nsign = 2.0 * float(wp.randi(state, 0, 2)) - 1.0\nx[axis] = x[axis] + sign * step_length"
    elif kind == "sphere":
        hop = f"x = x + step_length * {unit}"
    elif kind == "gaussian":
        hop = f"x = x + step_length * {vec}({', '.join(['wp.randn(state)'] * dim)})"
    elif kind == "persistent":
        pre = f"heading = {unit}"
        hop = f"# the heading is forgotten little by little\nheading = wp.normalize(memory * heading + (1.0 - memory) * {unit})\nx = x + step_length * heading"
    else:
        hop = f"# free paths are exponential: Beer's law\nfree = -mean_free_path * wp.log(1.0 - wp.randf(state))\nx = x + free * {unit}\n# survives a collision with the chance of the albedo\nif wp.randf(state) > albedo:\n    break"
    if wall == "box":
        after = "\n".join(
            [
                f"x = {vec}("
                + ", ".join(f"wp.clamp(x[{a}], -half_width, half_width)" for a in range(dim))
                + ")"
            ]
        )
    elif wall == "absorb":
        after = "if wp.length(x) > radius:\n    break"
    else:
        after = ""
    track = ""
    if out == "furthest":
        pre += "\nfar = float(0.0)"
        track = "far = wp.max(far, wp.length(x))"
    end = {
        "ends": "ends[tid] = x",
        "square": "squares[tid] = wp.dot(x, x)",
        "histogram": "wp.atomic_add(counts, wp.min(int(4.0 * wp.length(x)), counts.shape[0] - 1), 1)",
        "furthest": "furthest[tid] = far",
    }[out]
    if kind == "photons" and out == "furthest":
        hop = hop.replace("# survives", "far = wp.max(far, wp.length(x))\n# survives")
        track = ""
    first = wall == "absorb"  # a walker that leaves has been outside
    d.launch(n)
    d.code(
        "tid = wp.tid()\nstate = wp.rand_init($seed, tid)\nx = $vec()\n$pre\nfor k in range(steps):\n    $hop\n    $after\n    $track\n$end",
        seed="seed" if seeds == "param" else "seeds[tid]",
        vec=vec,
        pre=pre.strip("\n"),
        hop=hop,
        after=track if first else after,
        track=after if first else track,
        end=end,
    )
    if kind == "photons":
        d.says("Follows photons through a scattering medium until they are absorbed.")

    def holds(before: Values, after: Values) -> None:
        step = float(before.get("step_length", before.get("mean_free_path", 0.0)))
        second = {"gaussian": dim, "photons": 2.0}.get(kind, 1.0) * step**2  # mean square of a step
        if kind == "persistent":
            upper = (steps * step) ** 2
        else:
            upper = steps * second
        if out == "histogram":
            assert after.counts.sum() == n and (after.counts >= 0).all()
            mean = ((np.arange(bins) / 4.0) ** 2 * after.counts).sum() / n
            assert mean <= 1.8 * upper + 0.1
            return
        if out == "ends":
            ends = after.ends
            squares = (ends**2).sum(axis=1)
            deviation = np.sqrt(max(squares.mean(), 1e-6) / dim / n)
            assert np.abs(ends.mean(axis=0)).max() < 5 * deviation, "walks drift"
            assert len(np.unique(ends, axis=0)) > n // 4, "walkers go together"
            if kind == "lattice" and wall == "none":
                on = ends / step
                np.testing.assert_allclose(on, np.round(on), atol=1e-3)
                assert ((np.round(on).sum(axis=1) - steps) % 2 == 0).all()
        else:
            squares = after.squares if out == "square" else after.furthest**2
        if wall == "box":
            assert squares.max() <= dim * float(before.half_width) ** 2 + 1e-3
        assert squares.min() >= 0.0 and squares.mean() <= 1.8 * upper
        least = 0.0 if kind == "photons" or wall != "none" else 0.5 * steps * second
        assert squares.mean() > max(least, 1e-3), "walks stay too close"

    d.holds(holds)
