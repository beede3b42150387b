"""Kinetics and equilibria, a reactor or a sample for each thread."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Robertson 1966; Hairer & Wanner 1996, sec. IV.10",
    names={
        "react_stiffly": "robertson_step|implicit_kinetics|advance_species",
        "conc": "y|conc_in|concentrations",
        "dt": "step|h|time_step",
    },
    adjoint="either",
    element="reactor",
    weight=6,
)
def react_stiffly(d: Draft) -> None:
    """Advances a stiff three-species reaction system by one implicit step."""
    method = d.option("method", "backward euler", "midpoint", "rosenbrock", "trapezoid")
    solve = d.option("solve", "cramer", "elimination", "mat33")
    layout = d.option("layout", "vec3", "matrix", "planes")
    jacobian = d.option("jacobian", "fresh", "frozen")
    source = d.flag("source", 0.4)
    arrhenius = d.flag("arrhenius", 0.45)
    count, turns = d.pick(48, 64, 96), d.pick(3, 4)
    fed_ = " in a fed reactor" if source else ""
    d.says({
        "backward euler": f"Advances Robertson-type reactions{fed_} by one implicit Euler step.",
        "midpoint": f"Advances Robertson-type reactions{fed_} by one step using the implicit midpoint rule.",
        "rosenbrock": f"Advances Robertson-type reactions{fed_} by one step using the ROS2 Rosenbrock method.",
        "trapezoid": f"Advances Robertson-type reactions{fed_} by one step using the implicit trapezoidal rule.",
    }[method])  # fmt: skip
    if layout == "vec3":
        d.input("conc", "vec3", count, 0.1, 1.0, about="species concentrations (A, B, C)")
        load = "c = conc[tid]\na0 = c[0]\nb0 = c[1]\nc0 = c[2]"
    elif layout == "matrix":
        d.input("conc", "float", (count, 3), 0.1, 1.0, about="species concentrations (A, B, C)")
        load = "a0 = conc[tid, 0]\nb0 = conc[tid, 1]\nc0 = conc[tid, 2]"
    else:
        d.input("conc", "float", (3, count), 0.1, 1.0, about="species concentrations (A, B, C)")
        load = "a0 = conc[0, tid]\nb0 = conc[1, tid]\nc0 = conc[2, tid]"
    if arrhenius:
        d.input("temp", "float", count, 290.0, 330.0, about="reactor temperature [K]")
        speeds = """
        # Arrhenius scaling relative to 300 K, with activation temperatures in K
        inv_gap = 1.0 / 300.0 - 1.0 / temp[tid]
        k1 = 0.04 * wp.exp(2400.0 * inv_gap)
        k2 = 30.0 * wp.exp(900.0 * inv_gap)
        k3 = 10.0 * wp.exp(1500.0 * inv_gap)
        """
    else:
        d.param("k1", "float", 0.02, 0.1, about="first rate constant [1/s]")
        d.param("k2", "float", 20.0, 60.0, about="second rate constant, per unit concentration [1/s]")
        d.param("k3", "float", 5.0, 20.0, about="third rate constant, per unit concentration [1/s]")
        speeds = ""
    if source:
        d.param(
            "flow",
            "float",
            0.05,
            0.5,
            about="inflow and outflow rate (feed of A at concentration 1) [1/s]",
        )
    d.param("dt", "float", 0.005, 0.03, about="time step [s]")
    fed = " + flow * (1.0 - {0})" if source else ""
    out = " - flow * {0}" if source else ""

    def slopes(s: str, x: str) -> str:
        a, b, c = (f"{n}{x}" for n in "abc")
        return "\n".join(
            [
                f"slow{s} = k1 * {a}",
                f"pair{s} = k2 * {b} * {b}",
                f"back{s} = k3 * {b} * {c}",
                f"fa{s} = back{s} - slow{s}{fed.format(a)}",
                f"fb{s} = slow{s} - back{s} - pair{s}{out.format(b)}",
                f"fc{s} = pair{s}{out.format(c)}",
            ]
        )

    loss = " + flow" if source else ""

    def matrix(x: str, g: str) -> str:
        b, c = f"b{x}", f"c{x}"
        return f"""
# Matrix I - `{g}` * J, row by row
jaa = 1.0 + {g} * {f"(k1{loss})" if source else "k1"}
jab = -{g} * k3 * {c}
jac = -{g} * k3 * {b}
jba = -{g} * k1
jbb = 1.0 + {g} * (k3 * {c} + 2.0 * k2 * {b}{loss})
jbc = {g} * k3 * {b}
jcb = -{g} * 2.0 * k2 * {b}
{f"jcc = 1.0 + {g} * flow" if source else ""}""".strip()

    def solved(r: str, x: str, fresh: bool) -> str:
        """Solves for x the linear system with right-hand sides {r}a, {r}b, {r}c."""
        corner = "jcc" if source else "1.0"
        ra, rb, rc = (f"{r}{n}" for n in "abc")
        xa, xb, xc = (f"{x}{n}" for n in "abc")
        if solve == "cramer":
            times = " * jcc" if source else ""
            det = f"""
# Cofactor expansion along the first column (last entry is zero)
maa = jbb{times} - jbc * jcb
mab = jab{times} - jac * jcb
mac = jab * jbc - jac * jbb
det = jaa * maa - jba * mab
""".strip()
            made = f"""
{xa} = ({ra} * maa - {rb} * mab + {rc} * mac) / det
{xb} = ({f"jcc * (jaa * {rb} - jba * {ra})" if source else f"jaa * {rb} - jba * {ra}"} - {rc} * (jaa * jbc - jac * jba)) / det
{xc} = ({rc} * (jaa * jbb - jab * jba) - jcb * (jaa * {rb} - jba * {ra})) / det""".strip()
        elif solve == "elimination":
            det = f"""
# No pivoting needed, the diagonal is close to 1 or larger
lba = jba / jaa
dbb = jbb - lba * jab
dbc = jbc - lba * jac
lcb = jcb / dbb
dcc = {corner} - lcb * dbc
""".strip()
            made = f"""
sb = {rb} - lba * {ra}
sc = {rc} - lcb * sb
{xc} = sc / dcc
{xb} = (sb - dbc * {xc}) / dbb
{xa} = ({ra} - jab * {xb} - jac * {xc}) / jaa""".strip()
        else:
            det = f"inv = wp.inverse(wp.mat33(jaa, jab, jac, jba, jbb, jbc, 0.0, jcb, {corner}))"
            made = f"""
v = inv * wp.vec3({ra}, {rb}, {rc})
{xa} = v[0]
{xb} = v[1]
{xc} = v[2]""".strip()
        return f"{det}\n{made}" if fresh else made

    if method == "rosenbrock":
        # ROS2 of Verwer: gamma = 1 - 1/sqrt(2)
        body = "\n".join(
            [
                "# ROS2: both stages use the same matrix, L-stable for gamma = 1 - 1 / sqrt(2)",
                "g = 0.29289322 * dt",
                slopes("", "0"),
                matrix("0", "g"),
                solved("f", "p", True),
                "a1 = a0 + dt * pa\nb1 = b0 + dt * pb\nc1 = c0 + dt * pc",
                slopes("1", "1"),
                "ra = fa1 - 2.0 * pa\nrb = fb1 - 2.0 * pb\nrc = fc1 - 2.0 * pc",
                solved("r", "q", False),
                "a2 = a0 + dt * (1.5 * pa + 0.5 * qa)\nb2 = b0 + dt * (1.5 * pb + 0.5 * qb)",
                "c2 = c0 + dt * (1.5 * pc + 0.5 * qc)",
            ]
        )
        last = ("a2", "b2", "c2")
    else:
        lines = []
        if method == "trapezoid":
            lines += [slopes("0", "0")]
        g = "dt" if method == "backward euler" else "g"
        lines += ["g = 0.5 * dt"] if g == "g" else []
        lines += ["# Initial guess: previous state", "a1 = a0\nb1 = b0\nc1 = c0"]
        made = solved("r", "d", False)
        factors = solved("r", "d", True).removesuffix(f"\n{made}")
        change = "a1 += da\nb1 += db\nc1 += dc"
        if solve == "mat33":
            made, change = made.split("\n")[0], "a1 += v[0]\nb1 += v[1]\nc1 += v[2]"
        if jacobian == "frozen":
            lines.append("# Simplified Newton: reuse the Jacobian from the previous state")
            lines += [matrix("0", g), factors]
        inner = [slopes("1", "1")]
        if jacobian == "fresh":
            inner.append(matrix("1", g))
        for n in "abc":
            old = f"{n}0 + g * f{n}0" if method == "trapezoid" else f"{n}0"
            inner.append(f"r{n} = {old} + {g} * f{n}1 - {n}1")
        inner += [f"{factors}\n{made}" if jacobian == "fresh" else made, change]
        lines.append(f"for turn in range({turns}):\n" + textwrap.indent("\n".join(inner), "    "))
        if method == "midpoint":
            lines.append(
                "# Extrapolate from the midpoint: y_1 = 2 * y_mid - y_0\n"
                "a2 = 2.0 * a1 - a0\n"
                "b2 = 2.0 * b1 - b0\n"
                "c2 = 2.0 * c1 - c0"
            )
            last = ("a2", "b2", "c2")
        else:
            last = ("a1", "b1", "c1")
        body = "\n".join(lines)
    a, b, c = last
    if layout == "vec3":
        d.output("next_conc", "vec3", count, about="concentrations after the step")
        store = f"next_conc[tid] = wp.vec3({a}, {b}, {c})"
    elif layout == "matrix":
        d.output("next_conc", "float", (count, 3), about="concentrations after the step")
        store = f"next_conc[tid, 0] = {a}\nnext_conc[tid, 1] = {b}\nnext_conc[tid, 2] = {c}"
    else:
        d.output("next_conc", "float", (3, count), about="concentrations after the step")
        store = f"next_conc[0, tid] = {a}\nnext_conc[1, tid] = {b}\nnext_conc[2, tid] = {c}"
    d.launch(count)
    d.code("tid = wp.tid()\n$load\n$speeds\n$body\n$store", load=load, speeds=speeds, body=body, store=store)
    trim(d)
    d.explain(
        "Reactions: A -> B (k1), B + B -> B + C (k2), B + C -> A + C (k3); times in s."
        + (" The rate constants are less stiff than Robertson's." if arrhenius else "")
        + (" The reactor is fed with species A at concentration 1." if source else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        y = v.conc.T if layout == "planes" else np.asarray(v.conc)
        if arrhenius:
            w = 1 / 300 - 1 / v.temp
            k1, k2, k3 = (k * np.exp(e * w) for k, e in ((0.04, 2400), (30.0, 900), (10.0, 1500)))
        else:
            k1, k2, k3 = v.k1, v.k2, v.k3
        flow = v.get("flow", 0.0)
        made = np.array([[-1, 1, 0], [0, -1, 1], [1, -1, 0]], float)  # what each reaction makes

        def f(u: Any) -> Any:
            speeds_ = np.stack([k1 * u[:, 0], k2 * u[:, 1] ** 2, k3 * u[:, 1] * u[:, 2]], axis=-1)
            return speeds_ @ made + flow * (np.array([1.0, 0.0, 0.0]) - u)

        def slope(u: Any) -> Any:
            zero = 0 * u[:, 0]
            rows = [
                [k1 + zero, zero, zero],
                [zero, 2 * k2 * u[:, 1], zero],
                [zero, k3 * u[:, 2], k3 * u[:, 1]],
            ]
            return np.einsum("rm,rsn->nms", made, np.array(rows)) - flow * np.eye(3)

        h = v.dt
        if method == "rosenbrock":
            m = np.eye(3) - (1 - 2**-0.5) * h * slope(y)
            p = np.linalg.solve(m, f(y)[:, :, None])[:, :, 0]
            q = np.linalg.solve(m, (f(y + h * p) - 2 * p)[:, :, None])[:, :, 0]
            after = y + h * (1.5 * p + 0.5 * q)
        else:
            g = h if method == "backward euler" else h / 2
            base = y + g * f(y) if method == "trapezoid" else y
            after = y.copy()
            for turn in range(turns):
                if turn == 0 or jacobian == "fresh":
                    m = np.eye(3) - g * slope(after)
                after = after + np.linalg.solve(m, (base + g * f(after) - after)[:, :, None])[:, :, 0]
            if method == "midpoint":
                after = 2 * after - y
        return {"next_conc": after.T if layout == "planes" else after}

    d.check(reference, 2e-3)
