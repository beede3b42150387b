"""Implicit steps of stiff reactions: Newton's method, Rosenbrock schemes."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.integrator import DOMAIN
from warpgen.synthesis.algorithms.integrator._constants import CONSTANTS
from warpgen.synthesis.library import dynamics
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Hairer & Wanner 1996, sec. IV.7 (Rosenbrock) and IV.8; Gear 1971 (BDF); Robertson 1966",
    names={
        "y": "state",
        "dt": "h|step|tau",
        "s": "yn|x|s_k",
        "lhs": "system|system_matrix",
        "res": "g|residual|defect",
        "y_new": "y_next|state_out",
    },
    double=True,
    weight=9,
)
def implicit_step(d: Draft) -> None:
    """Integrates stiff reactions with an implicit scheme."""
    scheme = d.option("scheme", "backward euler", "bdf2", "trapezoidal", "rosenbrock", "linearised")
    chemistry = d.option("reaction", "robertson", "van der pol", "brusselator")
    solve = d.option("solve", "inverse", "explicit")
    tested = d.flag("tested", 0.4) and scheme not in ("rosenbrock", "linearised")
    d.calls(
        {
            "backward euler": "implicit_step|stiff_step|backward_euler|newton_step",
            "bdf2": "implicit_step|stiff_step|bdf2_step|newton_step",
            "trapezoidal": "implicit_step|stiff_step|implicit_trapezoid|newton_step",
            "rosenbrock": "implicit_step|stiff_step|rosenbrock_step",
            "linearised": "implicit_step|stiff_step|linearly_implicit",
        }[scheme]
    )
    if tested:
        d.forward_only()  # a loop that is left early has no right adjoint
    own = d.flag("own step", 0.3)
    count = d.pick(64, 96, 128)
    dim = 3 if chemistry == "robertson" else 2
    if dim == 3 or scheme == "rosenbrock":
        solve = "inverse"
    vector, matrix = f"vec{dim}", f"mat{dim}{dim}"
    low, high = (0.1, 1.0) if dim == 3 else (0.5, 1.5)
    if scheme == "bdf2":  # steps apart
        low, high = (0.3, 0.4) if dim == 3 else (0.95, 1.05)
    d.input("y", vector, count, low, high, about="States")
    if scheme == "bdf2":
        d.input("y_old", vector, count, low, high, about="Previous states")
    constants = {
        "robertson": [("k1", 0.02, 0.06), ("k2", 1.0, 5.0), ("k3", 5.0, 20.0)],
        "van der pol": [("mu", 2.0, 6.0)],
        "brusselator": [("feed", 0.8, 1.2), ("drain", 1.5, 3.0)],
    }[chemistry]
    for name, a, b in constants:
        d.param(name, "float", a, b, about=CONSTANTS[chemistry.replace(" ", "_")][name])
    if own:
        d.input("dt", "float", count, 0.01, 0.05, about="Time steps")
    else:
        d.param("dt", "float", 0.01, 0.05, about="Time step")
    if tested:
        d.param("tol", "float", 1e-6, about="Newton residual tolerance")
    d.output("y_new", vector, count, about="Updated states")
    p = ", ".join(n for n, _, _ in constants)
    typed = ", ".join(f"{n}: float" for n, _, _ in constants)
    p_jac = p.removeprefix("feed, ")  # what is fed in is constant
    typed_jac = typed.removeprefix("feed: float, ")
    rates = {
        "robertson": """
        slow = k1 * s[0]
        back = k2 * s[1] * s[2]
        fast = k3 * s[1] * s[1]
        return wp.vec3(back - slow, slow - back - fast, fast)
        """,
        "van der pol": "return wp.vec2(s[1], mu * (1.0 - s[0] * s[0]) * s[1] - s[0])",
        "brusselator": """
        third = s[0] * s[0] * s[1]
        return wp.vec2(feed + third - (drain + 1.0) * s[0], drain * s[0] - third)
        """,
    }
    jacobians = {
        "robertson": """
        b1 = k2 * s[1]
        b2 = k2 * s[2]
        c = 2.0 * k3 * s[1]
        return wp.mat33(-k1, b2, b1, k1, -b2 - c, -b1, 0.0, c, 0.0)
        """,
        "van der pol": """
        return wp.mat22(0.0, 1.0, -2.0 * mu * s[0] * s[1] - 1.0, mu * (1.0 - s[0] * s[0]))
        """,
        "brusselator": """
        cross = 2.0 * s[0] * s[1]
        square = s[0] * s[0]
        return wp.mat22(cross - drain - 1.0, square, drain - cross, -square)
        """,
    }
    d.function(
        f"@wp.func\ndef rate(s: wp.{vector}, {typed}) -> wp.{vector}:\n    $body", body=rates[chemistry]
    )
    d.function(
        f"@wp.func\ndef rate_jacobian(s: wp.{vector}, {typed_jac}) -> wp.{matrix}:\n    $body",
        body=jacobians[chemistry],
    )
    if solve == "explicit":
        d.function("""
        @wp.func
        def solve2(m: wp.mat22, b: wp.vec2) -> wp.vec2:
            # Cramer's rule
            det = m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]
            return wp.vec2(m[1, 1] * b[0] - m[0, 1] * b[1], m[0, 0] * b[1] - m[1, 0] * b[0]) / det
        """)
    solved = "solve2({0}, {1})" if solve == "explicit" else "wp.inverse({0}) * {1}"
    unit = f"wp.identity(n={dim}, dtype=float)"
    newton = {
        "backward euler": ("res = s - s0 - $h * rate(s, $p)", "$h"),
        "trapezoidal": ("res = s - s0 - 0.5 * $h * (f0 + rate(s, $p))", "0.5 * $h"),
        "bdf2": (
            "res = s - (4.0 * s0 - y_old[tid]) / 3.0 - (2.0 / 3.0) * $h * rate(s, $p)",
            "(2.0 / 3.0) * $h",
        ),
    }
    if scheme in newton:
        d.module("NEWTON_STEPS = wp.constant(6)")
        residual, share = newton[scheme]
        body = """
        $f0
        s = s0
        # Newton iterations, starting from the previous state
        for it in range(NEWTON_STEPS):
            $residual
            $tested
            lhs = $unit - $share * rate_jacobian(s, $p_jac)
            s -= $solved
        y_new[tid] = s
        """
    elif scheme == "linearised":
        residual, share = "", "$h"
        body = """
        # Rosenbrock-Euler: one Newton iteration of backward Euler from the old state
        lhs = $unit - $h * rate_jacobian(s0, $p_jac)
        rhs = $h * rate(s0, $p)
        y_new[tid] = s0 + $solved
        """
    else:
        residual, share = "", "$h"
        body = """
        # L-stable for this gamma
        gamma = 1.0 + 1.0 / wp.sqrt(2.0)
        lhs = $unit - gamma * $h * rate_jacobian(s0, $p_jac)
        inv = wp.inverse(lhs)
        k1_ = inv * rate(s0, $p)
        k2_ = inv * (rate(s0 + $h * k1_, $p) - 2.0 * k1_)
        y_new[tid] = s0 + $h * (1.5 * k1_ + 0.5 * k2_)
        """.replace("k1_", "stage1").replace("k2_", "stage2")
    d.launch(count)
    d.code(
        "tid = wp.tid()\ns0 = y[tid]\n$step\n$body",
        step="h = dt[tid]" if own else "",
        h="h" if own else "dt",
        body=body,
        f0=f"f0 = rate(s0, {p})" if scheme == "trapezoidal" else "",
        residual=residual.replace("$h", "h" if own else "dt"),
        tested="if wp.length(res) < tol:\n    break" if tested else "",
        unit=unit,
        share=share.replace("$h", "h" if own else "dt"),
        solved=solved.format("lhs", "rhs" if scheme == "linearised" else "res"),
        p=p,
        p_jac=p_jac,
    )
    name = {
        "backward euler": "backward Euler",
        "bdf2": "BDF2",
        "trapezoidal": "the trapezoidal rule",
        "rosenbrock": "a second-order Rosenbrock scheme",
        "linearised": "linearized backward Euler",
    }[scheme]
    what = {
        "robertson": "a Robertson-type reaction",
        "van der pol": "the van der Pol oscillator",
        "brusselator": "the Brusselator",
    }[chemistry]
    d.says(f"Integrates {what} by one step of {name}.")

    def f(v: Values, s: Any) -> Any:
        if chemistry == "van der pol":
            return dynamics.VAN_DER_POL.of(s, v)
        if chemistry == "brusselator":
            return dynamics.BRUSSELATOR.of(s, v)
        a, b, c = np.moveaxis(s, -1, 0)
        back, fast = v.k2 * b * c, v.k3 * b * b
        return np.stack([back - v.k1 * a, v.k1 * a - back - fast, fast], -1)

    def slopes(v: Values, s: Any) -> Any:
        step, eye = 1e-6, np.eye(dim)
        return np.stack([(f(v, s + step * e) - f(v, s - step * e)) / (2.0 * step) for e in eye], -1)

    def reference(v: Values) -> dict[str, Any]:
        h = np.broadcast_to(v.dt, count)[:, None]
        s, eye = v.y, np.eye(dim)
        if scheme in ("linearised", "rosenbrock"):
            gamma = 1.0 if scheme == "linearised" else 1.0 + np.sqrt(0.5)
            jac = eye - gamma * h[..., None] * slopes(v, s)

            def by(b: Any) -> Any:
                return np.linalg.solve(jac, b[..., None])[..., 0]

            first = by(f(v, s))
            if scheme == "linearised":
                return {"y_new": s + h * first}
            second = by(f(v, s + h * first) - 2.0 * first)
            return {"y_new": s + h * (1.5 * first + 0.5 * second)}
        share = {"backward euler": 1.0, "trapezoidal": 0.5, "bdf2": 2.0 / 3.0}[scheme]
        known = (4.0 * s - v.y_old) / 3.0 if scheme == "bdf2" else s
        if scheme == "trapezoidal":
            known = s + 0.5 * h * f(v, s)
        for _ in range(12):
            jac = eye - share * h[..., None] * slopes(v, s)
            s = s - np.linalg.solve(jac, (s - known - share * h * f(v, s))[..., None])[..., 0]
        return {"y_new": s}

    d.check(reference, 1e-3)
