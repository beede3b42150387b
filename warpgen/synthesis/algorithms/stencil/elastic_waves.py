"""Elastic waves on a staggered grid: velocities and stresses that leap over each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_AXES = "xyz"


def _difference(name: str, axis: int, forward: bool, order: int, dims: int) -> str:
    """A staggered difference of a field along an axis, times the grid spacing."""

    def at(shift: int) -> str:
        parts = [
            f"{i}{shift:+d}".replace("+", " + ").replace("-", " - ") if k == axis and shift else i
            for k, i in enumerate("ijk"[:dims])
        ]
        return f"{name}[{', '.join(parts)}]"

    low, high = (0, 1) if forward else (-1, 0)
    near = f"{at(high)} - {at(low)}"
    if order == 2:
        return near
    return f"C1 * ({near}) + C2 * ({at(high + 1)} - {at(low - 1)})"


@DOMAIN.algorithm(
    source="Virieux 1986; Levander 1988 (fourth order); Graves 1996; Cerjan et al. 1985 (sponge)",
    names={
        "density": "rho",
        "sponge_width": "n_damp|absorb_cells|margin",
        "sponge_rate": "damp_coeff|absorb",
        "source_rate": "source_strength|src_amplitude",
        "taper": "damp|fade",
        "inv_h": "inv_dx|rdx",
    },
    weight=2,
)
def elastic_step(d: Draft) -> None:
    """Updates the velocities or the stresses of elastic waves on a staggered grid."""
    which = d.option("update", "velocity", "stress")
    dims = d.option("dimension", 2, 3)
    order = d.option("order", 2, 4)
    material = d.option("material", "uniform", "fields")
    sponge = d.option("sponge", "none", "exponential", "all sides")
    source = d.option("source", "none", "point", "gaussian")
    viscous = d.flag("attenuation", 0.35)
    place = d.option("storage", "in place", "out")
    free = d.flag("free surface", 0.4) if which == "stress" else False
    if which == "stress" and sponge != "none":
        sponge = "exponential" if free else "all sides"  # a surface that is free reflects
    d.calls({
        "velocity": "update_velocity|elastic_velocity_update|velocity_update",
        "stress": "update_stress|elastic_stress_update|stress_update",
    }[which])  # fmt: skip
    n = d.pick(12, 14) if dims == 2 else d.pick(9, 10)
    halo = order // 2
    shape = (n,) * dims
    axes = _AXES[:dims] if dims == 3 else "xz"
    index = "ijk"[:dims]
    velocities = [f"v{a}" for a in axes]
    stresses = [f"s{a}{b}" for k, a in enumerate(axes) for b in axes[k:]]
    fields, others = (velocities, stresses) if which == "velocity" else (stresses, velocities)
    about_ = {f"v{a}": f"Velocity along {a}" for a in axes}
    for s in stresses:
        about_[s] = f"Normal stress along {s[1]}" if s[1] == s[2] else f"Shear stress in {s[1]} and {s[2]}"
    for name in others:
        d.input(name, "float", shape, -1.0, 1.0, about=about_[name])
    for name in fields:
        held = d.inout if place == "in place" else d.input
        held(name, "float", shape, -1.0, 1.0, about=about_[name])
    wanted = ["density"] if which == "velocity" else ["lame_lambda", "lame_mu"]
    for name in wanted:
        about = {"density": "Density", "lame_lambda": "First Lame parameter", "lame_mu": "Shear modulus"}[
            name
        ]
        if material == "fields":
            d.input(name, "float", shape, 0.8, 2.0, about=about)
        else:
            d.param(name, "float", 0.8, 2.0, about=about)
    if viscous:
        d.param("attenuation", "float", 0.1, 0.5, about="Amplitude decay rate")
    if sponge != "none":
        d.param("sponge_width", "int", d.pick(4, 5), about="Sponge width in cells")
        d.param("sponge_rate", "float", 0.05, 0.3, about="Sponge strength")
    if source != "none":
        d.param("source_rate", "float", 0.5, 2.0, about="Source amplitude at the current time")
        if source == "gaussian":
            d.param("source_width", "float", 1.0, 2.0, about="Source width [cells]")
    d.param("dt", "float", 0.05, 0.1, about="Time step")
    d.param("spacing", "float", 0.8, 1.2, about="Grid spacing")
    if place == "out":
        for name in fields:
            d.output(
                f"{name}_new", "float", shape, about=f"Updated {about_[name][0].lower()}{about_[name][1:]}"
            )
    else:
        d.forward_only()
    if order == 4:
        d.module(
            "# Fourth-order staggered differences\nC1 = wp.constant(9.0 / 8.0)\nC2 = wp.constant(-1.0 / 24.0)"
        )
    own = ", ".join(index)
    home = f"[{own}]"
    suffix = "_new" if place == "out" else ""

    def next_cell(axis: int, *more: int) -> str:
        parts = [f"{i} + 1" if k == axis or k in more else i for k, i in enumerate(index)]
        return f"[{', '.join(parts)}]"

    lines: list[str] = []
    up = len(axes) - 1
    if which == "velocity":
        for a, name in enumerate(axes):
            if material == "fields":
                lines.append(
                    f"# Buoyancy at v{name} from the average density of the two adjacent cells"
                    if a == 0
                    else ""
                )
                lines.append(f"buoyancy_{name} = 2.0 / (density{home} + density{next_cell(a)})")
                factor = f"buoyancy_{name}"
            else:
                factor = "buoyancy"
            parts = []
            for b, other in enumerate(axes):
                stress = f"s{min(name, other)}{max(name, other)}"
                # Normal stresses lie at cell centers, v_a half a cell ahead along a; shear stresses ahead along both
                parts.append(f"d{stress}_{other}")
                lines.append(f"{parts[-1]} = " + _difference(stress, b, a == b, order, dims))
            lines.append(f"div_{name} = inv_h * (" + " + ".join(parts) + ")")
            lines.append(f"new_{name} = v{name}{home} + dt * {factor} * div_{name}")
        if material == "uniform":
            lines.insert(0, "buoyancy = 1.0 / density")
        results = {f"v{a}": f"new_{a}" for a in axes}
    else:
        for a, name in enumerate(axes):
            lines.append(
                f"dv{name}_d{name} = inv_h * (" + _difference(f"v{name}", a, False, order, dims) + ")"
            )
        lines.append("divergence = " + " + ".join(f"dv{a}_d{a}" for a in axes))
        lam, mu = "lame_lambda", "lame_mu"
        if material == "fields":
            lam, mu = "lam", "mu"
            lines.append(f"lam = lame_lambda{home}\nmu = lame_mu{home}")
        lines.append("# Hooke's law for the normal stresses")
        for name in axes:
            lines.append(
                f"new_{name}{name} = s{name}{name}{home} + dt * ({lam} * divergence + 2.0 * {mu} * dv{name}_d{name})"
            )
        pairs = [(c, e) for k, c in enumerate(axes) for e in axes[k + 1 :]]
        for c, e in pairs:
            p, q = axes.index(c), axes.index(e)
            if material == "fields":
                lines.append(
                    "# Harmonic mean of the shear modulus at the edge, so that it vanishes next to a fluid"
                    if (c, e) == pairs[0]
                    else ""
                )
                cells = [home, next_cell(p), next_cell(q), next_cell(p, q)]
                lines.append(
                    f"mu_{c}{e} = 4.0 / (" + " + ".join(f"1.0 / lame_mu{cell}" for cell in cells) + ")"
                )
            modulus = f"mu_{c}{e}" if material == "fields" else mu
            lines.append(f"dv{c}_{e} = {_difference('v' + c, q, True, order, dims)}")
            lines.append(f"dv{e}_{c} = {_difference('v' + e, p, True, order, dims)}")
            lines.append(f"rate_{c}{e} = inv_h * (dv{c}_{e} + dv{e}_{c})")
            lines.append(f"new_{c}{e} = s{c}{e}{home} + dt * {modulus} * rate_{c}{e}")
        results = {f"s{a}{b}": f"new_{a}{b}" for k, a in enumerate(axes) for b in axes[k:]}
    lines = [x for x in lines if x]
    if source != "none":
        targets = [f"new_{axes[up]}"] if which == "velocity" else [f"new_{a}{a}" for a in axes]
        kind = (
            "vertical force" if which == "velocity" else "explosion, applied equally to all normal stresses"
        )
        if source == "point":
            lines.append(f"# Point source: {kind}")
            lines.append("if " + " and ".join(f"{i} == n // 2" for i in index) + ":")
            lines += [f"    {t} += dt * source_rate" for t in targets]
        else:
            lines.append(f"# Gaussian source: {kind}")
            lines += [f"d{i} = float({i} - n // 2)" for i in index]
            lines.append("r_sq = " + " + ".join(f"d{i} * d{i}" for i in index))
            lines.append("pulse = dt * source_rate * wp.exp(-0.5 * r_sq / (source_width * source_width))")
            lines += [f"{t} += pulse" for t in targets]
    if viscous:
        lines.append("# Frequency-independent attenuation\ndecay = wp.exp(-attenuation * dt)")
        lines += [f"{t} *= decay" for t in results.values()]
    if sponge != "none":
        sides = [f"{i}" for i in index] + [f"n - 1 - {i}" for i in index]
        if sponge == "exponential":
            sides.remove(index[up])  # the surface at the lower end of the last axis is not absorbed
        nearest = sides[0]
        for s in sides[1:]:
            nearest = f"wp.min({nearest}, {s})"
        lines.append(
            "# Sponge layer: damp amplitudes near the boundary to avoid reflections"
            if sponge == "all sides"
            else "# Sponge layer on all sides except the free surface"
        )
        lines.append(f"edge_cells = {nearest}")
        lines.append(
            "if edge_cells < sponge_width:\n    depth = sponge_rate * float(sponge_width - edge_cells)\n    taper = wp.exp(-depth * depth)"
        )
        lines += [f"    {t} *= taper" for t in results.values()]
    if free:
        zeroed = [s for s in stresses if axes[up] in s]
        if zeroed:
            lines.append("# Free surface: zero traction (shear components are located half a cell below)")
            lines.append(f"if {index[up]} == {halo}:")
            lines += [f"    {results[s]} = 0.0" for s in zeroed]
    lines += [f"{name}{suffix}{home} = {value}" for name, value in results.items()]
    d.launch(*shape)
    d.code(
        """
        $thread
        n = $any.shape[0]
        # Leave the ghost cells unchanged
        if $outside:
            $keep
            return
        inv_h = 1.0 / spacing
        $lines
        """,
        thread=f"{own} = wp.tid()",
        any=fields[0],
        keep="\n".join(f"{name}_new{home} = {name}{home}" for name in fields) if place == "out" else "",
        outside=" or ".join(f"{i} < {halo} or {i} >= n - {halo}" for i in index),
        lines="\n".join(lines),
    )
    parts = ["a source"] * (source != "none") + ["attenuation"] * viscous
    parts += ["a sponge"] * (sponge != "none") + ["a free surface"] * free
    told = ", with " + " and ".join([", ".join(parts[:-1])] * (len(parts) > 1) + parts[-1:]) if parts else ""
    new, old = ("velocities", "stresses") if which == "velocity" else ("stresses", "velocities")
    d.says(f"Updates elastic wave {new} from the {old} on a staggered grid{told}.")
    d.explain("""
        rho dv/dt = div s and ds/dt = lambda div(v) 1 + mu (grad v + grad v^T). Normal stresses lie at cell centers,
        velocities are staggered by half a cell along their axis, shear stresses along both of theirs.
    """)

    def diff(f: Any, axis: int, forward: bool) -> Any:
        ahead = 0 if forward else 1

        def at(s: int) -> Any:
            return np.roll(f, -s, axis)

        near = at(1 - ahead) - at(-ahead)
        return near if order == 2 else 9.0 / 8.0 * near - (at(2 - ahead) - at(-1 - ahead)) / 24.0

    def reference(v: Values) -> dict[str, Any]:
        new: dict[str, Any] = {}
        one = np.ones(shape)
        if which == "velocity":
            for a, name in enumerate(axes):
                rho = v.density * one
                if material == "fields":
                    rho = 0.5 * (rho + np.roll(rho, -1, a))
                total = sum(diff(v[f"s{min(name, o)}{max(name, o)}"], b, a == b) for b, o in enumerate(axes))
                new["v" + name] = v["v" + name] + v.dt / v.spacing / rho * total
        else:
            strain = [diff(v["v" + c], k, False) / v.spacing for k, c in enumerate(axes)]
            for k, c in enumerate(axes):
                new[f"s{c}{c}"] = v[f"s{c}{c}"] + v.dt * (
                    v.lame_lambda * sum(strain) + 2.0 * v.lame_mu * strain[k]
                )
                for m in range(k + 1, dims):
                    e = axes[m]
                    inverse = 1.0 / (v.lame_mu * one)
                    mean = sum(np.roll(inverse, s, (k, m)) for s in ((0, 0), (-1, 0), (0, -1), (-1, -1)))
                    rate = (diff(v["v" + c], m, True) + diff(v["v" + e], k, True)) / v.spacing
                    new[f"s{c}{e}"] = v[f"s{c}{e}"] + v.dt * 4.0 / mean * rate
        grid = np.stack(np.meshgrid(*[np.arange(n)] * dims, indexing="ij"))
        if source != "none":
            r = ((grid - n // 2) ** 2).sum(0)
            pulse = (
                v.dt
                * v.source_rate
                * (np.exp(-0.5 * r / v.source_width**2) if source == "gaussian" else r == 0)
            )
            for name in ["v" + axes[-1]] if which == "velocity" else [f"s{a}{a}" for a in axes]:
                new[name] = new[name] + pulse
        edge = np.concatenate([grid, n - 1 - grid])
        if sponge == "exponential":
            edge = np.delete(edge, dims - 1, axis=0)
        for name in new:
            if viscous:
                new[name] = new[name] * np.exp(-v.attenuation * v.dt)
            if sponge != "none":
                depth = np.maximum(v.sponge_width - edge.min(0), 0)
                new[name] = new[name] * np.exp(-((v.sponge_rate * depth) ** 2))
            if free and axes[-1] in name:
                new[name] = np.where(grid[-1] == halo, 0.0, new[name])
        inner = (slice(halo, n - halo),) * dims
        made = {}
        for name, value in new.items():
            kept = v[name].copy()
            kept[inner] = value[inner]
            made[name + suffix] = kept
        return made

    d.check(reference, 1e-3)
