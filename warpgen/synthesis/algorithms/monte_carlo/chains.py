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
        "banana": (
            "# Rosenbrock's valley, bent along a parabola\n"
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
            "# Neal's funnel: the width of the second axis is the exponential of the first\n"
            "return -0.5 * x[0] * x[0] - 0.5 * x[0] - 0.5 * x[1] * x[1] * wp.exp(-x[0])"
        ),
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
        ratio += (
            "\n"
            "# the proposal does not depend on the state: its own density enters the ratio\n"
            f"log_ratio += 0.5 * {g.format(at)} - 0.5 * {cur} / 2.25"
        )
        h = ""
    else:
        grad = (
            f"-{'{0}'}"
            if target == "normal"
            else f"{-(4 + dim) / 4.0} / (1.0 + 0.25 * {sq.replace('x', '{0}')}) * {{0}}"
        )
        d.function(
            (
                "@wp.func\n"
                "def drift(x: $t) -> $t:\n"
                "    # gradient of the logarithm of the density\n"
                "    return $grad"
            ),
            t=t,
            grad=grad.format("x"),
        )
        h2 = f"{h} * {h}"
        propose = f"forward = xi + 0.5 * {h2} * drift(xi)\nproposal = forward + {h} * noise{at}"
        lsq: Any = (lambda a: f"{a} * {a}") if dim == 1 else (lambda a: f"wp.dot({a}, {a})")
        ratio += (
            "\n"
            "# the way back is as likely as its own drift makes it\n"
            f"back = xi - proposal - 0.5 * {h2} * drift(proposal)\n"
            f"log_ratio += 0.5 * {lsq(f'noise{at}')} - 0.5 * {lsq('back')} / ({h2})"
        )
    if proposal == "independent":
        # nothing else would use the width
        d.parameters = [p for p in d.parameters if p.name != "step"]
        if count == "adapt":
            count = "none"
    test = f"if wp.log(u{at}) < log_ratio:"
    act = {
        "none": "    xi = proposal",
        "flags": "    xi = proposal\n    moves += 1",
        "adapt": (
            "    xi = proposal\n"
            "    # grows on success and shrinks on failure, balanced at 44 % of acceptance\n"
            f"    step[tid] = {h} * 1.1\n"
            "else:\n"
            f"    step[tid] = {h} * 0.928"
        ),
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
        "spin_sweep": "checkerboard_update|lattice_sweep|update_spins",
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
    spin: Any = (lambda p: f"(2 * spins[{p}] - 1)") if not potts else (lambda p: f"spins[{p}]")
    real = model == "bonds"
    for place, guard, name in neighbours:
        if potts:
            add = (
                f"old_equal += wp.where(spins[{place}] == old, 1, 0)\n"
                f"new_equal += wp.where(spins[{place}] == new, 1, 0)"
            )
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
        "metropolis": (
            "# energy that a flip would cost\n"
            f"de = 2.0 * {me} * h\n"
            "if r < wp.exp(-beta * de):\n"
            f"    spins[{here}] = 1 - spins[{here}]"
        ),
        "heat bath": (
            "# the chance of an up spin, whatever it was before\n"
            "up = 1.0 / (1.0 + wp.exp(-2.0 * beta * h))\n"
            f"spins[{here}] = wp.where(r < up, 1, 0)"
        ),
        "glauber": (
            f"de = 2.0 * {me} * h\n"
            "if r < 1.0 / (1.0 + wp.exp(beta * de)):\n"
            f"    spins[{here}] = 1 - spins[{here}]"
        ),
        "deterministic": (
            "# temperature zero: the spin follows its neighbours, and stays if they are at odds\n"
            "if h > 0.0:\n"
            f"    spins[{here}] = 1\n"
            "elif h < 0.0:\n"
            f"    spins[{here}] = 0"
        ),
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
        (
            "$ids\n"
            "# sites of one color do not touch, so that all of them may move at once\n"
            "$check\n"
            "$sizes\n"
            "$init\n"
            "$gather\n"
            "$energy\n"
            "$draw\n"
            "$act"
        ),
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
