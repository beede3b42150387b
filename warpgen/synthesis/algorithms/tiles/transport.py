"""Optimal transport, a block of threads for each problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Cuturi 2013, alg. 1; Peyre & Cuturi 2019, sec. 4.2 and 4.4; Sinkhorn & Knopp 1967; Chizat et al. 2018",
    names={
        "transport_plans": "sinkhorn_tiled|optimal_transport|sinkhorn_iterations|entropic_transport",
        "costs": "ground_costs|cost_matrix|c_mat",
        "supply": "source_mass",
        "demand": "target_mass",
        "kernel": "gibbs|K|affinity",
        "penalty": "marginal_penalty|rho|mass_penalty",
        "epsilon": "regularization|eps|temperature",
        "ROWS": "N|NUM_SOURCES|N_SRC",
        "COLS": "M|NUM_TARGETS|N_DST",
    },
    adjoint="no",
    weight=9,
)
def transport_plans(d: Draft) -> None:
    """Computes an entropy-regularized optimal transport plan using Sinkhorn iterations."""
    space = d.option("space", "scalings", "potentials")
    masses = d.option("masses", "given", "uniform")
    result = d.option("result", "plan", "cost", "potentials", weights=(0.4, 0.35, 0.25))
    cost = d.option("cost", "given", "squared distance", "distance")
    relaxed = d.flag("unbalanced", 0.3)
    over = d.flag("over-relaxation", 0.3) and not relaxed
    if result != "plan":
        d.calls({
            "cost": "transport_cost|sinkhorn_cost|entropic_cost",
            "potentials": "dual_potentials|sinkhorn_potentials|transport_duals",
        }[result])  # fmt: skip
    blocks, rows, cols = d.pick(2, 3, 4), d.pick(4, 6), d.pick(4, 5)
    sweeps = d.pick(12, 15, 20)
    d.module(f"ROWS = wp.constant({rows})\nCOLS = wp.constant({cols})")
    if cost == "given":
        d.input("costs", "float", (blocks, rows, cols), 0.0, 1.0, about="transport cost per unit mass")
    else:
        d.input("sources", "float", (blocks, rows), 0.0, 1.0, about="source locations")
        d.input("sinks", "float", (blocks, cols), 0.0, 1.0, about="target locations")
    if masses == "given":
        d.input("supply", "float", (blocks, rows), 0.1, 1.0, about="supplies")
        d.input("demand", "float", (blocks, cols), 0.1, 1.0, about="demands")
    d.param("epsilon", "float", 0.2, 0.4, about="entropy regularization")
    if relaxed:
        d.param(
            "penalty",
            "float",
            0.5,
            1.0,
            about="marginal divergence penalty",
        )
    if over:
        d.param("omega", "float", 1.1, 1.3, about="over-relaxation factor")
    d.param("sweeps", "int", sweeps, about="number of iterations")
    if result == "plan":
        d.output("plans", "float", (blocks, rows, cols), about="transport plan")
    elif result == "cost":
        d.output("total_cost", "float", (blocks,), about="transport cost")
    else:
        mean = "" if relaxed else " (zero mean)"
        d.output("row_potentials", "float", (blocks, rows), about=f"supply potentials{mean}")
        d.output("col_potentials", "float", (blocks, cols), about="demand potentials")
    of = "unbalanced " if relaxed else ""
    d.says({
        "plan": "Computes an unbalanced, entropy-regularized transport plan using Sinkhorn iterations."
        if relaxed else "Computes an entropy-regularized optimal transport plan using Sinkhorn iterations.",
        "cost": f"Computes the cost <P, C> of {of}entropy-regularized transport using Sinkhorn iterations.",
        "potentials": f"Computes the dual potentials of {of}entropic optimal transport using Sinkhorn iterations.",
    }[result])  # fmt: skip
    d.function('''
        @wp.func
        def gibbs(cost: float, epsilon: float) -> float:
            """Gibbs kernel value for a cost."""
            return wp.exp(-cost / epsilon)
    ''') if space == "scalings" else None
    if cost != "given":
        formula = "(a - b) * (a - b)" if cost == "squared distance" else "wp.abs(a - b)"
        d.function(f"@wp.func\ndef ground_cost(a: float, b: float) -> float:\n    return {formula}")
    power = "penalty / (penalty + epsilon)"
    if space == "scalings":
        ratio = "wp.pow(mass / kernel_sum, power)" if relaxed else "mass / kernel_sum"
        extra = ", power: float" if relaxed else ""
        doc = "Scaling that matches the mass of a row or column."
        if relaxed:
            doc = "Scaling that moves the mass of a row or column toward its target."
        if over:
            ratio, extra, doc = (
                "old * wp.pow(mass / (kernel_sum * old), omega)",
                ", old: float, omega: float",
                doc[:-1] + ", over-relaxed.",
            )
        d.function(
            f'@wp.func\ndef rescaled(mass: float, kernel_sum: float{extra}) -> float:\n    """{doc}"""\n    return {ratio}'
        )
    else:
        step = "epsilon * (wp.log(mass) - log_sum)"
        extra = ""
        doc = "Potential that matches the mass of a row or column."
        if relaxed:
            doc = "Potential that moves the mass of a row or column toward its target."
            step, extra = f"power * {step}", ", power: float"
        elif over:
            doc = "Over-relaxed potential that matches the mass of a row or column."
            step, extra = f"(1.0 - omega) * old + omega * {step}", ", old: float, omega: float"
        d.function(
            f'@wp.func\ndef new_potential(mass: float, log_sum: float, epsilon: float{extra}) -> float:\n    """{doc}"""\n    return {step}'
        )
        d.function("""
            @wp.func
            def exponent(potential: float, cost: float, epsilon: float) -> float:
                return (potential - cost) / epsilon
        """)
        d.function('''
            @wp.func
            def shifted_exp(potential: float, cost: float, epsilon: float, top: float) -> float:
                """Shifted exponential term for log-sum-exp."""
                return wp.exp(exponent(potential, cost, epsilon) - top)
        ''')
    load = """
        cost_tile = wp.tile_load(costs[block], shape=(ROWS, COLS))
        """
    if cost != "given":
        load = """
        from_tile = wp.tile_reshape(wp.tile_load(sources[block], shape=ROWS), shape=(ROWS, 1))
        to_tile = wp.tile_load(sinks[block], shape=COLS)
        wide_from = wp.tile_broadcast(from_tile, shape=(ROWS, COLS))
        wide_to = wp.tile_broadcast(to_tile, shape=(ROWS, COLS))
        cost_tile = wp.tile_map(ground_cost, wide_from, wide_to)
        """
    mass = """
        a = wp.tile_load(supply[block], shape=ROWS)
        b = wp.tile_load(demand[block], shape=COLS)
        """
    if not relaxed:
        mass = """
        # Normalize both sides since total supply and demand must match
        given_supply = wp.tile_load(supply[block], shape=ROWS)
        given_demand = wp.tile_load(demand[block], shape=COLS)
        a = (1.0 / wp.tile_sum(given_supply)[0]) * given_supply
        b = (1.0 / wp.tile_sum(given_demand)[0]) * given_demand
        """
    if masses == "uniform":
        mass = """
        a = wp.tile_full(shape=ROWS, value=1.0 / float(ROWS), dtype=float)
        b = wp.tile_full(shape=COLS, value=1.0 / float(COLS), dtype=float)
        """
    tail = {True: f", {power}", False: ""}[relaxed]
    if space == "scalings":
        old = [", u, omega", ", v, omega"] if over else [tail, tail]
        body = f"""
        kernel = wp.tile_map(gibbs, cost_tile, epsilon)
        u = wp.tile_ones(shape=ROWS, dtype=float)
        v = wp.tile_ones(shape=COLS, dtype=float)
        for sweep in range(sweeps):
            to_rows = wp.tile_matmul(kernel, wp.tile_reshape(v, shape=(COLS, 1)))
            u = wp.tile_map(rescaled, a, wp.tile_reshape(to_rows, shape=(ROWS,)){old[0]})
            to_cols = wp.tile_matmul(wp.tile_transpose(kernel), wp.tile_reshape(u, shape=(ROWS, 1)))
            v = wp.tile_map(rescaled, b, wp.tile_reshape(to_cols, shape=(COLS,)){old[1]})
        """
        plan = """
        wide_u = wp.tile_broadcast(wp.tile_reshape(u, shape=(ROWS, 1)), shape=(ROWS, COLS))
        wide_v = wp.tile_broadcast(v, shape=(ROWS, COLS))
        plan = wp.tile_map(wp.mul, wp.tile_map(wp.mul, wide_u, kernel), wide_v)
        """
        dual = """
        f = epsilon * wp.tile_map(wp.log, u)
        g = epsilon * wp.tile_map(wp.log, v)
        """
    else:
        old = [", f, omega", ", g, omega"] if over else [tail, tail]
        body = f"""
        f = wp.tile_zeros(shape=ROWS, dtype=float)
        g = wp.tile_zeros(shape=COLS, dtype=float)
        for sweep in range(sweeps):
            # Rows: log-sum-exp over columns, shifted by the maximum
            wide_g = wp.tile_broadcast(g, shape=(ROWS, COLS))
            row_top = wp.tile_reduce(wp.max, wp.tile_map(exponent, wide_g, cost_tile, epsilon), axis=1)
            row_wide = wp.tile_broadcast(wp.tile_reshape(row_top, shape=(ROWS, 1)), shape=(ROWS, COLS))
            row_sum = wp.tile_sum(wp.tile_map(shifted_exp, wide_g, cost_tile, epsilon, row_wide), axis=1)
            f = wp.tile_map(new_potential, a, row_top + wp.tile_map(wp.log, row_sum), epsilon{old[0]})
            wide_f = wp.tile_broadcast(wp.tile_reshape(f, shape=(ROWS, 1)), shape=(ROWS, COLS))
            col_top = wp.tile_reduce(wp.max, wp.tile_map(exponent, wide_f, cost_tile, epsilon), axis=0)
            col_wide = wp.tile_broadcast(col_top, shape=(ROWS, COLS))
            col_sum = wp.tile_sum(wp.tile_map(shifted_exp, wide_f, cost_tile, epsilon, col_wide), axis=0)
            g = wp.tile_map(new_potential, b, col_top + wp.tile_map(wp.log, col_sum), epsilon{old[1]})
        """
        plan = """
        last_f = wp.tile_broadcast(wp.tile_reshape(f, shape=(ROWS, 1)), shape=(ROWS, COLS))
        last_g = wp.tile_broadcast(g, shape=(ROWS, COLS))
        plan = wp.tile_map(wp.exp, (1.0 / epsilon) * (last_f + last_g - cost_tile))
        """
        dual = ""
    end = {
        "plan": plan.rstrip() + "\n        wp.tile_store(plans[block], plan)",
        "cost": plan.rstrip()
        + "\n        total_cost[block] = wp.tile_sum(wp.tile_map(wp.mul, plan, cost_tile))[0]",
        "potentials": dual.rstrip()
        + "\n"
        + (
            "        wp.tile_store(row_potentials[block], f)\n        wp.tile_store(col_potentials[block], g)"
            if relaxed
            else "        # Potentials are only defined up to a constant, so center them\n"
            "        middle = wp.tile_sum(f)[0] / float(ROWS)\n"
            "        middle_rows = wp.tile_full(shape=ROWS, value=middle, dtype=float)\n"
            "        middle_cols = wp.tile_full(shape=COLS, value=middle, dtype=float)\n"
            "        wp.tile_store(row_potentials[block], f - middle_rows)\n"
            "        wp.tile_store(col_potentials[block], g + middle_cols)"
        ),
    }[result]
    d.launch(blocks, tiled=True)
    d.code(
        "block = wp.tid()\n$load\n$mass\n$body\n$end",
        load=dedented(load),
        mass=dedented(mass),
        body=dedented(body),
        end=dedented(end),
    )
    d.explain(
        "Minimizes <P, C> + `epsilon` sum P (log P - 1) + `penalty` (KL(P 1 | a) + KL(P^T 1 | b)) over plans P with\n"
        f"{'uniform ' if masses == 'uniform' else ''}supplies a and demands b, alternating between row and column scaling."
        if relaxed
        else f"Minimizes <P, C> + `epsilon` sum P (log P - 1) over plans P with {masses} row and column sums,\n"
        "alternating between row and column scaling"
        + (", over-relaxed by `omega`." if over else ".")
        + (" Supplies and demands are first normalized to unit mass." if masses == "given" else "")
    )

    def reference(v: Values) -> Mapping[str, Any]:
        if cost == "given":
            c = v.costs
        else:
            c = v.sources[:, :, None] - v.sinks[:, None]
            c = c**2 if cost == "squared distance" else abs(c)
        a = (
            v.supply / (1.0 if relaxed else v.supply.sum(1, keepdims=True))
            if masses == "given"
            else np.full((blocks, rows), 1 / rows)
        )
        b = (
            v.demand / (1.0 if relaxed else v.demand.sum(1, keepdims=True))
            if masses == "given"
            else np.full((blocks, cols), 1 / cols)
        )
        k, u, w = np.exp(-c / v.epsilon), np.ones((blocks, rows)), np.ones((blocks, cols))
        p = v.penalty / (v.penalty + v.epsilon) if relaxed else v.omega if over else 1.0
        for _ in range(sweeps):
            if over:
                u = u ** (1 - p) * (a / np.einsum("bij,bj->bi", k, w)) ** p
                w = w ** (1 - p) * (b / np.einsum("bij,bi->bj", k, u)) ** p
            else:
                u = (a / np.einsum("bij,bj->bi", k, w)) ** p
                w = (b / np.einsum("bij,bi->bj", k, u)) ** p
        plan_ = u[:, :, None] * k * w[:, None]
        f, g = v.epsilon * np.log(u), v.epsilon * np.log(w)
        middle = 0.0 if relaxed else f.mean(1, keepdims=True)
        return {"plan": {"plans": plan_}, "cost": {"total_cost": (plan_ * c).sum((1, 2))},
                "potentials": {"row_potentials": f - middle, "col_potentials": g + middle}}[result]  # fmt: skip

    d.check(reference, 3e-3)
