"""What iterative solvers do with vectors between two products with the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "solution|x_vec|iterate",
    "r": "residual|r_vec|res",
    "p": "direction|search_dir|p_vec",
    "Ap": "q|a_p|mat_p",
    "z": "precond_r|z_vec|preconditioned",
    "rz": "r_dot_z|rho",
    "pAp": "p_dot_ap|pap|curvature",
    "alpha": "step_len|a_k|step",
    "beta": "b_k|beta_k",
    "tid": "i",
    "env": "world|batch|system",
    "tol": "atol_sq|tolerance|eps",
}


_SCALARS = {
    "rz": "Dot product of residual and preconditioned residual",
    "rz_old": "Previous dot product of residual and preconditioned residual",
    "rz_new": "Current dot product of residual and preconditioned residual",
    "pAp": "Dot product of the search direction and its matrix product",
    "alpha": "Step length along the search direction",
    "omega": "Stabilization step length",
    "delta": "First super-diagonal entry of the triangular factor",
    "epsilon": "Second super-diagonal entry of the triangular factor",
    "gamma": "Diagonal entry of the triangular factor",
    "eta": "Step length along the new direction",
}


@DOMAIN.algorithm(
    source="Hestenes & Stiefel 1952; Saad 2003, algorithms 6.18, 9.1 and 12.1; van der Vorst 1992",
    names=_NAMES | {"krylov_update": "cg_update|update_iterate|solver_step"},
    adjoint="no",
    double=True,
    element="entry",
)
def krylov_update(d: Draft) -> None:
    """Updates the conjugate gradient solution and residual."""
    step = d.option("step", "solution", "direction", "chebyshev", "bicgstab", "minres", "all")
    d.calls({
        "solution": "cg_update|update_iterate|cg_solution_update",
        "direction": "update_direction|cg_direction|cg_direction_update",
        "chebyshev": "chebyshev_step|chebyshev_update",
        "bicgstab": "bicgstab_update|bicgstab_finish|bicgstab_step",
        "minres": "minres_update|minres_step",
        "all": "update_iterate|solver_step|step_along_direction",
    }[step])  # fmt: skip
    entry = d.option("entry", "float", "vec3")
    scalars = d.option("scalars", "arrays", "by value", "per system")
    guard = d.option("guard", "converged", "where", "none")
    jacobi = d.flag("jacobi", 0.4)
    dots = d.flag("dots", 0.3)
    n, systems = d.pick(64, 96, 128), d.pick(6, 8)
    if step in ("chebyshev", "all"):
        scalars, dots = "by value", False
    if step in ("bicgstab", "minres"):
        scalars = "arrays" if scalars == "per system" else scalars
    many = scalars == "per system"
    shape: Any = (systems, 16) if many else n
    at = "env, i" if many else "tid"
    at_s = "env" if many else "0"
    arrays = scalars != "by value"

    def scalar(name: str) -> str:
        return f"{name}[{at_s}]" if arrays else name

    def declare_scalar(name: str, low: float, high: float) -> None:
        about = _SCALARS[name]
        if arrays:
            d.input(name, "float", systems if many else 1, low, high, about=about)
        else:
            d.param(name, "float", low, high, about=about)

    square = "wp.dot($e, $e)" if entry == "vec3" else "$e * $e"
    lines: list[str] = []
    if step in ("solution", "all"):
        if step == "solution":
            declare_scalar("rz", 0.05, 0.5)
            declare_scalar("pAp", 0.5, 2.0)
        else:
            d.param("alpha", "float", 0.2, 1.0, about="Step length")
        d.input("p", entry, shape, -1.0, 1.0, about="Search direction")
        d.input("Ap", entry, shape, -1.0, 1.0, about="Matrix times search direction")
        d.inout("x", entry, shape, -1.0, 1.0, about="Solution")
        d.inout("r", entry, shape, -1.0, 1.0, about="Residual")
        rz, pap = scalar("rz"), scalar("pAp")
        if step == "all":
            alpha = ""
            more = ", and preconditions the residual" if jacobi else ""
            d.says(
                f"Updates the solution and residual using a fixed step length along the search direction{more}."
            )
        elif guard == "where":
            alpha = "# Avoid 0 / 0 for converged systems\n"
            alpha += f"alpha = wp.where({pap} > 1.0e-12, {rz} / {pap}, 0.0)"
        else:
            alpha = f"alpha = {rz} / {pap}"
        if guard == "converged" and step == "solution":
            d.param("tol", "float", 0.1, 0.2, about="Convergence threshold")
            lines.append(
                f"# Early exit when converged, to avoid division by zero\nif {rz} < tol:\n    return"
            )
        lines += [alpha] * bool(alpha) + [f"x[{at}] += alpha * p[{at}]", f"r[{at}] -= alpha * Ap[{at}]"]
        if jacobi:
            d.input("inv_diag", "float", shape, 0.2, 1.0, about="Inverse diagonal (Jacobi preconditioner)")
            d.output("z", entry, shape, about="Preconditioned residual")
            lines += [f"ri = r[{at}]", f"z[{at}] = inv_diag[{at}] * ri"]
        if dots:
            d.inout("rr", "float", systems if many else 1, value=0.0, about="Squared residual norm")
            if not jacobi:
                lines.append(f"ri = r[{at}]")
            lines.append(f"wp.atomic_add(rr, {at_s}, {square.replace('$e', 'ri')})")
    elif step == "direction":
        declare_scalar("rz_old", 0.5, 2.0)
        declare_scalar("rz_new", 0.1, 1.0)
        source = "z" if jacobi else "r"
        d.input(source, entry, shape, -1.0, 1.0, about="Preconditioned residual" if jacobi else "Residual")
        d.inout("p", entry, shape, -1.0, 1.0, about="Search direction")
        old, new = scalar("rz_old"), scalar("rz_new")
        if guard == "converged":
            d.param("tol", "float", 0.15, 0.25, about="Convergence threshold")
            lines.append(f"if {new} < tol:\n    return")
            lines.append(f"beta = {new} / {old}")
        elif guard == "where":
            lines.append("# Restart with steepest descent if the residual has grown")
            lines.append(f"beta = wp.where({new} < {old}, {new} / {old}, 0.0)")
        else:
            lines.append(f"beta = {new} / {old}")
        lines.append(f"p[{at}] = {source}[{at}] + beta * p[{at}]")
        if dots:
            d.inout("pp", "float", systems if many else 1, value=0.0, about="Squared search direction norm")
            lines.append(f"p_new = p[{at}]\nwp.atomic_add(pp, {at_s}, {square.replace('$e', 'p_new')})")
        if guard == "where":
            d.explain("The direction is reset to the residual if the residual has grown.")
        d.says("Updates the conjugate gradient search direction.")
    elif step == "chebyshev":
        d.param("c1", "float", 0.1, 0.9, about="Scale of the previous direction")
        d.param("c2", "float", 0.2, 1.0, about="Scale of the residual")
        d.input("r", entry, shape, -1.0, 1.0, about="Residual")
        if jacobi:
            d.input("inv_diag", "float", shape, 0.2, 1.0, about="Inverse diagonal (Jacobi preconditioner)")
        d.inout("p", entry, shape, -1.0, 1.0, about="Search direction")
        d.inout("x", entry, shape, -1.0, 1.0, about="Solution")
        term = f"inv_diag[{at}] * r[{at}]" if jacobi else f"r[{at}]"
        lines += [
            "# Chebyshev iteration: coefficients come from spectral bounds, so no dot products are needed",
            f"p_new = c1 * p[{at}] + c2 * {term}",
            f"p[{at}] = p_new",
            f"x[{at}] += p_new",
        ]
        d.says("Performs one Chebyshev semi-iteration (three-term recurrence).")
    elif step == "bicgstab":
        declare_scalar("alpha", 0.2, 1.0)
        declare_scalar("omega", 0.02, 1.0)
        d.input("p", entry, shape, -1.0, 1.0, about="Search direction")
        d.input("s", entry, shape, -1.0, 1.0, about="Residual after the half step")
        d.input(
            "t", entry, shape, -1.0, 1.0, about=f"Matrix times {'the preconditioned ' if jacobi else ''}`s`"
        )
        d.inout("x", entry, shape, -1.0, 1.0, about="Solution")
        d.output("r", entry, shape, about="Residual")
        a, w = scalar("alpha"), scalar("omega")
        if guard == "converged":
            d.param("min_omega", "float", 0.05, 0.1, about="Minimum stabilization step length")
            d.explain("If `omega` is smaller than `min_omega`, only the half step along `p` is applied.")
            lines.append(f"# Stagnation: apply only the half step\nif wp.abs({w}) < min_omega:\n"
                         f"    x[{at}] += {a} * {f'inv_diag[{at}] * ' if jacobi else ''}p[{at}]\n    r[{at}] = s[{at}]\n"
                         + (f"    wp.atomic_add(rr, 0, {square.replace('$e', f's[{at}]')})\n" if dots else "") + "    return")  # fmt: skip
        change = f"{a} * p[{at}] + {w} * s[{at}]"
        if jacobi:
            d.input("inv_diag", "float", shape, 0.2, 1.0, about="Inverse diagonal (Jacobi preconditioner)")
            change = f"inv_diag[{at}] * ({change})"
        lines += [f"x[{at}] += {change}",
                  f"ri = s[{at}] - {w} * t[{at}]", f"r[{at}] = ri"]  # fmt: skip
        if dots:
            d.inout("rr", "float", 1, value=0.0, about="Squared residual norm")
            lines.append(f"wp.atomic_add(rr, 0, {square.replace('$e', 'ri')})")
        d.says("Updates the solution and residual at the end of a BiCGSTAB iteration.")
    else:
        for name in ("delta", "epsilon", "gamma", "eta"):
            declare_scalar(name, 0.3, 1.0)
        d.input("v", entry, shape, -1.0, 1.0, about="Lanczos vector")
        d.input("p_old", entry, shape, -1.0, 1.0, about="Previous search direction")
        d.input("p_older", entry, shape, -1.0, 1.0, about="Search direction from two iterations ago")
        d.output("p", entry, shape, about="Search direction")
        d.inout("x", entry, shape, -1.0, 1.0, about="Solution")
        top = f"v[{at}] - {scalar('delta')} * p_old[{at}]"
        top += f" - {scalar('epsilon')} * p_older[{at}]"
        lines += [
            f"p_new = ({top}) / {scalar('gamma')}",
            f"p[{at}] = p_new",
            f"x[{at}] += {scalar('eta')} * p_new",
        ]
        if dots:
            d.inout("xx", "float", 1, value=0.0, about="Squared solution norm")
            lines.append(f"x_new = x[{at}]\nwp.atomic_add(xx, 0, {square.replace('$e', 'x_new')})")
        d.says("Updates the MINRES solution and search direction.")
    if guard == "converged" and step in ("solution", "direction"):
        d.explain(
            f"Once `{'rz' if step == 'solution' else 'rz_new'}` is below `tol`, the kernel exits without writing."
        )
    if step == "solution" and jacobi:
        d.says("Updates the conjugate gradient solution and residual and applies the preconditioner.")
    d.launch(*(shape if many else (n,)))
    d.code(("env, i" if many else "tid") + " = wp.tid()\n$body", body="\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        like = v.x if "x" in v else v.p

        def c(name: str) -> Any:
            q = v[name]
            return q.reshape(systems, *[1] * (like.ndim - 1)) if many else q

        def scaled(q: Any) -> Any:
            return (v.inv_diag if entry == "float" else v.inv_diag[..., None]) * q

        def norms(q: Any) -> Any:
            return (q**2).reshape(systems if many else 1, -1).sum(axis=1)

        if step in ("solution", "all"):
            alpha = v.alpha if step == "all" else c("rz") / c("pAp")
            live: Any = True
            if guard == "where" and step == "solution":
                alpha = np.where(c("pAp") > 1e-12, alpha, 0.0)
            elif guard == "converged" and step == "solution":
                live = c("rz") >= v.tol
            x, r = v.x + alpha * v.p * live, v.r - alpha * v.Ap * live
            made = {"x": x, "r": r}
            if jacobi:
                made["z"] = scaled(r) * live
            if dots:
                made["rr"] = norms(r * live)
            return made
        if step == "direction":
            beta: Any = c("rz_new") / c("rz_old")
            if guard == "where":
                beta = np.where(beta < 1, beta, 0.0)
            p = (v.z if jacobi else v.r) + beta * v.p
            live = c("rz_new") >= v.tol if guard == "converged" else np.bool_(True)
            return {"p": np.where(live, p, v.p)} | ({"pp": norms(p * live)} if dots else {})
        if step == "chebyshev":
            p = v.c1 * v.p + v.c2 * (scaled(v.r) if jacobi else v.r)
            return {"p": p, "x": v.x + p}
        if step == "bicgstab":
            stop = guard == "converged" and bool(np.all(np.abs(v.omega) < v.min_omega))
            w = 0.0 if stop else v.omega
            r = v.s - w * v.t
            change = v.alpha * v.p + w * v.s
            made = {"x": v.x + (scaled(change) if jacobi else change), "r": r}
            return made | ({"rr": norms(r)} if dots else {})
        p = (v.v - v.delta * v.p_old - v.epsilon * v.p_older) / v.gamma
        x = v.x + v.eta * p
        return {"p": p, "x": x} | ({"xx": norms(x)} if dots else {})

    d.check(reference)
