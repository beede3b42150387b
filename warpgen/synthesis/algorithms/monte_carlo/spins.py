"""Spins on lattices."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.monte_carlo import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Ising 1925; Metropolis et al. 1953; Glauber 1963; Potts 1952; Wolff 1989 for the checkerboard",
    names={
        "spin_sweep": "checkerboard_update|lattice_sweep|update_spins",
        "spins": "lattice|sites|sigma",
        "beta": "inv_temp|inverse_temp|inverse_temperature",
        "u": "randoms|uniforms|xi",
        "parity": "color|phase|sublattice",
        "local": "neighbor_sum|h_local|local_field",
        "de": "delta_e|energy_change|cost",
        "field": "external_field|b_field|h_ext",
    },
    adjoint="no",
    weight=2,
)
def spin_sweep(d: Draft) -> None:
    """Updates one checkerboard color of a spin lattice."""
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
    d.inout(
        "spins",
        "int",
        size,
        0,
        q if potts else 2,
        about="site states" if potts else "site spins, 0 for down and 1 for up",
    )
    if random == "given" and rule != "deterministic":
        d.input("u", "float", size, 0.0, 1.0, about="uniform random samples in [0, 1)")
    if potts:
        d.input("trial", "int", size, 0, q, about="proposed state per site")
    if model == "bonds":
        d.input("bond_x", "float", size, -1.0, 1.0, about="coupling to the next site in x")
        d.input("bond_y", "float", size, -1.0, 1.0, about="coupling to the next site in y")
    if rule != "deterministic":
        d.param("beta", "float", 0.2, 0.7, about="inverse temperature")
    if external:
        d.param("field", "float", 0.05, 0.4, about="external field")
    d.param("parity", "int", d.pick(0, 1), about="checkerboard color to update")
    if random == "generated":
        d.param("seed", "int", 1, 100000, about="random seed, different for each sweep")
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
        if rule == "deterministic" and not external:
            energy = ""
    if real and not external and rule != "deterministic":
        energy = ""
    flat = "i * ny + j" if dim == 2 else "(i * ny + j) * nz + k"
    draw = (
        f"state = wp.rand_init(seed, {flat})\nr = wp.randf(state)"
        if random == "generated"
        else f"r = u[{here}]"
    )
    me = f"float(2 * spins[{here}] - 1)"
    h = "h" if external else "local"  # which is a sum of whole numbers unless bonds weigh them
    field_ = "local" if real and not external else "h"
    act = {
        "metropolis": (
            "# Energy change of a flip: 2 * spin * local field\n"
            f"de = 2.0 * {me} * {field_}\n"
            "if r < wp.exp(-beta * de):\n"
            f"    spins[{here}] = 1 - spins[{here}]"
        ),
        "heat bath": (
            "# Heat bath: probability of spin up\n"
            f"up = 1.0 / (1.0 + wp.exp(-2.0 * beta * {field_}))\n"
            f"spins[{here}] = wp.where(r < up, 1, 0)"
        ),
        "glauber": (
            f"de = 2.0 * {me} * {field_}\n"
            "if r < 1.0 / (1.0 + wp.exp(beta * de)):\n"
            f"    spins[{here}] = 1 - spins[{here}]"
        ),
        "deterministic": (
            f"# Zero temperature: align with the local field\nspins[{here}] = wp.where({h} > 0.0, 1, 0)"
            if external or real
            else "# Zero temperature: align with the local field, keep the spin if it is zero\n"
            f"if {h} > 0:\n"
            f"    spins[{here}] = 1\n"
            f"elif {h} < 0:\n"
            f"    spins[{here}] = 0"
        ),
    }[rule]
    if potts:
        act = f"# Each equal neighbor lowers the energy by 1\nif r < wp.exp(-beta * de):\n    spins[{here}] = new"
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
    names_ = {"potts": "Potts spins", "bonds": "Ising spins with random bonds"}.get(model, "Ising spins")
    by = {
        "metropolis": "the Metropolis rule",
        "heat bath": "heat-bath sampling",
        "glauber": "Glauber dynamics",
    }.get(rule, "")
    d.says(
        f"Updates one checkerboard color of {names_} "
        + ("at zero temperature." if rule == "deterministic" else f"using {by}.")
    )
    if edge == "periodic":
        d.explain(
            "The lattice is periodic and needs an even size along each axis so that sites of one color never touch."
        )
    else:
        d.explain("Boundaries are open, so edge sites have fewer neighbors.")
    d.launch(*dims)
    d.code(
        (
            "$ids\n"
            "# Checkerboard update: sites of the same color do not interact\n"
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
