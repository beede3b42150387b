"""Fluxes of magnetised gas between cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil._plasma import Side, solved
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

_FIELDS = ("rho", "mx", "my", "mz", "energy", "by", "bz")

_PRIMITIVE = """
    rho_{s} = $at0
    u_{s} = $at1
    v_{s} = $at2
    w_{s} = $at3
    p_{s} = $at4
    by_{s} = $at5
    bz_{s} = $at6
"""
_CONSERVED = """
    rho_{s} = $at0
    u_{s} = $at1 / rho_{s}
    v_{s} = $at2 / rho_{s}
    w_{s} = $at3 / rho_{s}
    internal_{s} = $at4
    by_{s} = $at5
    bz_{s} = $at6
"""
_DERIVED = """
    b2_{s} = bx * bx + by_{s} * by_{s} + bz_{s} * bz_{s}
    kinetic_{s} = 0.5 * rho_{s} * (u_{s} * u_{s} + v_{s} * v_{s} + w_{s} * w_{s})
    $energy
    # Total pressure (gas plus magnetic)
    pt_{s} = p_{s} + 0.5 * b2_{s}
    # Sound speed squared plus Alfven speed squared
    a2_{s} = (gamma * p_{s} + b2_{s}) / rho_{s}
    # Clamp to zero in case of round-off
    disc_{s} = wp.max(a2_{s} * a2_{s} - 4.0 * gamma * p_{s} * bx * bx / (rho_{s} * rho_{s}), 0.0)
    # Fast magnetosonic speed in the normal direction
    fast_{s} = wp.sqrt(0.5 * (a2_{s} + wp.sqrt(disc_{s})))
"""
_FLUX = """
    vb_{s} = u_{s} * bx + v_{s} * by_{s} + w_{s} * bz_{s}
    f_rho_{s} = rho_{s} * u_{s}
    f_mx_{s} = f_rho_{s} * u_{s} + pt_{s} - bx * bx
    f_my_{s} = f_rho_{s} * v_{s} - bx * by_{s}
    f_mz_{s} = f_rho_{s} * w_{s} - bx * bz_{s}
    f_energy_{s} = (e_{s} + pt_{s}) * u_{s} - bx * vb_{s}
    f_by_{s} = by_{s} * u_{s} - bx * v_{s}
    f_bz_{s} = bz_{s} * u_{s} - bx * w_{s}
"""
_STAR = """
    su_{s} = s_{s} - u_{s}
    sm_{s} = s_{s} - s_m
    rho1_{s} = rho_{s} * su_{s} / sm_{s}
    denom_{s} = rho_{s} * su_{s} * sm_{s} - bx * bx
    # Degenerate case: fast and Alfven waves coincide without a transverse field, so avoid division by zero
    if wp.abs(denom_{s}) < 1.0e-6 * pt_m:
        denom_{s} = 1.0e-6 * pt_m
    v_factor_{s} = bx * (s_m - u_{s}) / denom_{s}
    b_factor_{s} = (rho_{s} * su_{s} * su_{s} - bx * bx) / denom_{s}
    v1_{s} = v_{s} - by_{s} * v_factor_{s}
    w1_{s} = w_{s} - bz_{s} * v_factor_{s}
    by1_{s} = by_{s} * b_factor_{s}
    bz1_{s} = bz_{s} * b_factor_{s}
    vb1_{s} = s_m * bx + v1_{s} * by1_{s} + w1_{s} * bz1_{s}
    e1_{s} = (su_{s} * e_{s} - pt_{s} * u_{s} + pt_m * s_m + bx * (vb_{s} - vb1_{s})) / sm_{s}
    root_{s} = wp.sqrt(rho1_{s})
    alfven_{s} = s_m {sign} wp.abs(bx) / root_{s}
"""
_MIDDLE = """
    # --- Between the rotational discontinuities ---
    sign_bx = wp.sign(bx)
    inv_root = 1.0 / (root_l + root_r)
    v2 = inv_root * (root_l * v1_l + root_r * v1_r + (by1_r - by1_l) * sign_bx)
    w2 = inv_root * (root_l * w1_l + root_r * w1_r + (bz1_r - bz1_l) * sign_bx)
    by2 = inv_root * (root_l * by1_r + root_r * by1_l + root_l * root_r * (v1_r - v1_l) * sign_bx)
    bz2 = inv_root * (root_l * bz1_r + root_r * bz1_l + root_l * root_r * (w1_r - w1_l) * sign_bx)
    vb2 = s_m * bx + v2 * by2 + w2 * bz2
    e2_l = e1_l - root_l * (vb1_l - vb2) * sign_bx
    e2_r = e1_r + root_r * (vb1_r - vb2) * sign_bx
"""
_MOMENTA = {"mx": "u", "my": "v", "mz": "w"}


def _state(name: str, side: str, stage: str = "") -> str:
    """The conserved quantity of one side: as it came, behind the fast wave (1) or past Alfven's (2)."""
    rho = f"rho1_{side}" if stage else f"rho_{side}"
    if name in _MOMENTA:
        if name == "mx" and stage:
            return f"{rho} * s_m"
        return f"{rho} * {_MOMENTA[name]}{stage}" + ("" if stage == "2" else f"_{side}")
    name = "e" if name == "energy" else name
    if name == "rho":
        return rho
    return f"{name}{stage}" + ("" if stage == "2" and name != "e" else f"_{side}")


def _lines(text: str, side: str, **blocks: str) -> str:
    """The lines of one side; what comments say on the left is not said again on the right."""
    lines = (line[4:] for line in text.format(s=side, **blocks).split("\n") if line)
    return "".join(line + "\n" for line in lines if side == "l" or not line.startswith("#"))


def _regions(out: list[str], kept: list[str]) -> str:
    """The flux of each region of the fan, from the left to the right; the gas at the face in `kept`."""

    def block(side: str, kind: str) -> str:
        lines = []
        for name, place in zip(_FIELDS, out, strict=True):
            u, u1, u2 = (_state(name, side, k) for k in ("", "1", "2"))
            flux = f"f_{name}_{side}"
            if kind == "star" or (kind == "double" and u1 == u2):
                flux += f" + s_{side} * ({u1} - {u})"
            elif kind == "double":
                flux += f" + alfven_{side} * ({u2}) - (alfven_{side} - s_{side}) * ({u1}) - s_{side} * ({u})"
                flux = flux.replace(f"({u})", f"{u}").replace(f"({u1})", f"{u1}").replace(f"({u2})", f"{u2}")
            lines.append(f"    {place} = {flux}")
        stage = {"whole": "", "star": "1", "double": "2"}[kind]
        tail = "" if stage == "2" else f"_{side}"
        state = [f"rho1_{side}" if stage else f"rho_{side}", "s_m" if stage else f"u_{side}"]
        state += [f"{x}{stage}{tail}" for x in ("v", "w", "by", "bz")]
        lines += [f"    {place} = {value}" for value, place in zip(state, kept, strict=False)]
        return "\n".join(lines)

    tests = (
        ("if s_l >= 0.0:", "l", "whole"),
        ("elif alfven_l >= 0.0:", "l", "star"),
        ("elif s_m >= 0.0:", "l", "double"),
        ("elif alfven_r > 0.0:", "r", "double"),
        ("elif s_r > 0.0:", "r", "star"),
        ("else:", "r", "whole"),
    )
    return "\n".join(f"{test}\n{block(side, kind)}" for test, side, kind in tests)


@DOMAIN.algorithm(
    source="Miyoshi & Kusano 2005 (HLLD), eq. 38 to 67; Davis 1988; Dedner et al. 2002 (cleaning); Rusanov 1961",
    names={
        "left": "state_l|q_left|minus",
        "right": "state_r|q_right|plus",
        "flux": "face_flux|f_out|fluxes",
        "face": "iface|tid",
        "gamma": "adiabatic_index|gam",
        "face_field": "bn|normal_field|b_face",
    },
    double=True,
    weight=3,
)
def magnetic_fluxes(d: Draft) -> None:
    """Computes the fluxes of mass, momentum, energy and magnetic field between cells of magnetized gas."""
    solver = d.option("solver", "hlld", "hll", "rusanov", weights=(0.64, 0.2, 0.16))
    given = d.option("given", "primitive", "conserved")
    speeds = d.option("speeds", "davis", "common")
    axis = d.option("axis", "first", "of face")
    order = d.option("layout", "face first", "quantity first")
    cleaning = d.flag("cleaning", 0.35)
    result = d.option("result", "flux", "electric field", weights=(0.75, 0.25))
    if result == "electric field" and solver == "hlld":
        solver = "hll"
    keep = d.flag("face state", 0.4) and solver == "hlld"
    if result == "flux":
        d.calls(f"{solver}_flux|mhd_riemann_solver|mhd_interface_flux|solve_mhd_faces")
    else:
        d.calls("face_electric_field|mhd_electric_field|induction_emf")
    faces = d.pick(32, 48, 64)
    count = 9 if cleaning else 7
    shape = (faces, count) if order == "face first" else (count, faces)
    what = "Density, pressure" if given == "primitive" else "Density, internal energy"
    motion = "velocity" if given == "primitive" else "momentum"
    fields = "transverse and normal field and cleaning potential" if cleaning else "transverse field"
    for side in ("left", "right"):
        # Pressures are drawn like the other rows: all stay physical between 0.6 and 1.4.
        low = 0.6 if given == "primitive" else 0.4
        inputs = (faces, count - 3) if order == "face first" else (count - 3, faces)
        d.input(side, "float", inputs, low, 1.4, about=f"{what}, {fields} on the {side} side of each face")
        moves = (faces, 3) if order == "face first" else (3, faces)
        about = f"{motion.capitalize()} on the {side} side of each face"
        d.input(f"{side}_{motion}", "float", moves, -3.0, 3.0, about=about)
    if cleaning:
        d.param("c_h", "float", 2.0, 3.0, about="Divergence cleaning wave speed")
    else:
        d.input("face_field", "float", faces, -1.2, 1.2, about="Divergence-free normal field at the faces")
    if axis == "of face":
        d.input("face_axis", "int", faces, 0, 3, about="Face normal axis: 0, 1 or 2")
    d.param("gamma", "float", 1.4, 1.6667, about="Ratio of specific heats")
    if result == "flux":
        d.output(
            "flux",
            "float",
            shape,
            about="Mass, momentum, total energy and transverse field fluxes"
            + (", normal field and potential" if cleaning else ""),
        )
        if keep:
            along = (faces, 6) if order == "face first" else (6, faces)
            d.output(
                "face_state",
                "float",
                along,
                about="Density, velocity (normal first) and transverse field at the face, for constrained transport",
            )
    else:
        d.output(
            "emf",
            "vec2",
            faces,
            about="Electric field along the face (Ez, Ey), where Ez = -F(By) and Ey = F(Bz)",
        )

    def at(name: str, row: str) -> str:
        return f"{name}[face, {row}]" if order == "face first" else f"{name}[{row}, face]"

    turned = axis == "of face"
    rows = {k: str(k) for k in range(9)}
    if turned:
        rows |= {1: "1 + axis_n", 2: "1 + axis_1", 3: "1 + axis_2"}
    sides = ""
    for s, name in (("l", "left"), ("r", "right")):
        text = _PRIMITIVE if given == "primitive" else _CONSERVED
        for k in range(7):
            move = at(f"{name}_{motion}", rows[k][4:] or str(k - 1)) if 0 < k < 4 else ""
            text = text.replace(f"$at{k}", move or at(name, str(k - 3 if k else 0)))
        energy = f"e_{s} = p_{s} / (gamma - 1.0) + kinetic_{s} + 0.5 * b2_{s}"
        if given == "conserved":
            energy = (
                f"p_{s} = (gamma - 1.0) * internal_{s}\n"
                f"# Convert internal energy to total energy\ne_{s} = internal_{s} + kinetic_{s} + 0.5 * b2_{s}"
            )
        derived = _DERIVED.replace("$energy", energy.replace("\n", "\n    "))
        sides += f"# --- {name.capitalize()} state ---\n"
        sides += _lines(text + derived, s)
    field = "bx = face_field[face]"
    if cleaning:
        field = f"""
        # --- Normal field and potential at the face: exact solution of the linear system (Dedner et al.) ---
        bx_l = {at("left", "4")}
        bx_r = {at("right", "4")}
        psi_l = {at("left", "5")}
        psi_r = {at("right", "5")}
        bx = 0.5 * (bx_l + bx_r) - 0.5 * (psi_r - psi_l) / c_h
        psi = 0.5 * (psi_l + psi_r) - 0.5 * c_h * (bx_r - bx_l)
        """
    bounds = {
        "davis": "s_l = wp.min(u_l - fast_l, u_r - fast_r)\ns_r = wp.max(u_l + fast_l, u_r + fast_r)",
        "common": "fast = wp.max(fast_l, fast_r)\ns_l = wp.min(u_l, u_r) - fast\ns_r = wp.max(u_l, u_r) + fast",
    }[speeds]
    if solver == "rusanov":
        bounds = {
            "davis": "s_max = wp.max(wp.abs(u_l) + fast_l, wp.abs(u_r) + fast_r)",
            "common": "s_max = wp.max(wp.abs(u_l), wp.abs(u_r)) + wp.max(fast_l, fast_r)",
        }[speeds]
    fluxes = "".join(_lines(_FLUX, s) for s in "lr")
    places = [at("flux", rows[k]) for k in range(7)]
    kept_places = [at("face_state", str(k)) for k in range(6)] if keep else []
    kept = list(range(7))
    if result == "electric field":
        places, kept = ["flux_rho", "flux_mx", "flux_my", "flux_mz", "flux_e", "flux_by", "flux_bz"], [5, 6]
    if solver == "hlld":
        stars = "".join(_lines(_STAR, s, sign=sign) for s, sign in (("l", "-"), ("r", "+")))
        choose = f"""
# --- Contact wave speed and total pressure in the star region ---
m_l = rho_l * (s_l - u_l)
m_r = rho_r * (s_r - u_r)
dm = m_r - m_l
s_m = (m_r * u_r - m_l * u_l - pt_r + pt_l) / dm
pt_m = (m_r * pt_l - m_l * pt_r + m_l * m_r * (u_r - u_l)) / dm
# --- Behind the fast waves ---
{stars}{"".join(line[4:] + chr(10) for line in _MIDDLE.split(chr(10)) if line)}# --- Select the flux for the region containing the face ---
{_regions(places, kept_places)}
"""
    elif solver == "hll":
        lines = ["# HLL: a single averaged state between the fastest waves", "s_l = wp.min(s_l, 0.0)", "s_r = wp.max(s_r, 0.0)",
                 "width = s_r - s_l"]  # fmt: skip
        for k in kept:
            name = _FIELDS[k]
            jump = f"({_state(name, 'r')} - {_state(name, 'l')})"
            lines.append(f"{places[k]} = (s_r * f_{name}_l - s_l * f_{name}_r + s_l * s_r * {jump}) / width")
        choose = "\n".join(lines)
    else:
        lines = ["# Central flux plus dissipation using the fastest wave speed"]
        for k in kept:
            name = _FIELDS[k]
            jump = f"({_state(name, 'r')} - {_state(name, 'l')})"
            lines.append(f"{places[k]} = 0.5 * (f_{name}_l + f_{name}_r) - 0.5 * s_max * {jump}")
        choose = "\n".join(lines)
    label = {"hlld": "HLLD", "hll": "HLL", "rusanov": "Rusanov"}[solver]
    if result == "electric field":
        d.says(f"Computes the electric field at cell interfaces from {label} fluxes of ideal MHD.")
    else:
        d.says(
            f"Computes {label} fluxes at cell interfaces for ideal magnetohydrodynamics"
            f"{' with divergence cleaning' if cleaning else ''}."
        )
    store = ""
    if cleaning and result == "flux":
        store = f"{at('flux', '7')} = psi\n{at('flux', '8')} = c_h * c_h * bx"
    elif result == "electric field":
        store = "emf[face] = wp.vec2(-flux_by, flux_bz)"
    d.launch(faces)
    d.code(
        """
        face = wp.tid()
        $turn
        $field
        $sides
        $bounds
        # --- Physical fluxes ---
        $fluxes
        $choose
        $store
        """,
        turn="# Cyclic permutation of the axes, starting at the face normal\naxis_n = face_axis[face]\naxis_1 = (axis_n + 1) % 3\naxis_2 = (axis_n + 2) % 3"
        if turned
        else "",
        field=field,
        sides=sides,
        bounds=bounds,
        fluxes=fluxes,
        choose=choose,
        store=store,
    )
    trim(d)
    fan = {
        "hlld": "Normal velocity and total pressure are constant across the Riemann fan; tangential velocity and field"
        " rotate at the Alfven waves.",
        "hll": "The Riemann fan is approximated by a single averaged state.",
        "rusanov": "The numerical diffusion is set by the fastest wave speed.",
    }[solver]
    cleaned = (
        " The normal field and the cleaning potential psi, stored in the last two components, decouple into"
        " a linear system (Dedner et al. 2002)."
        if cleaning
        else ""
    )
    turning = (
        " Velocities and momenta use the grid axes; the transverse field uses the two axes following the normal."
        if turned
        else ""
    )
    if turned and keep:
        turning += " The face state holds the normal velocity first."
    d.explain(f"Units are such that the magnetic pressure is B^2 / 2. {fan}{turning}{cleaned}")

    def reference(v: Values) -> dict[str, Any]:
        ql, qr = (
            v[k].astype(float) if order == "face first" else v[k].T.astype(float) for k in ("left", "right")
        )
        where = (
            np.stack([(v.face_axis + k) % 3 for k in range(3)], 1)
            if turned
            else np.tile([0, 1, 2], (faces, 1))
        )
        psi = 0.0
        if cleaning:
            bx = 0.5 * (ql[:, 4] + qr[:, 4]) - 0.5 * (qr[:, 5] - ql[:, 5]) / v.c_h
            psi = 0.5 * (ql[:, 5] + qr[:, 5]) - 0.5 * v.c_h * (qr[:, 4] - ql[:, 4])
        else:
            bx = v.face_field
        states = []
        for q, side in ((ql, "left"), (qr, "right")):
            vel = v[f"{side}_{motion}"].astype(float)
            vel = np.take_along_axis(vel if order == "face first" else vel.T, where, 1)
            if given == "conserved":
                vel = vel / q[:, :1]
            pressure = q[:, 1] if given == "primitive" else (v.gamma - 1) * q[:, 1]
            states.append(Side(q[:, 0], vel, pressure, np.stack([bx, q[:, 2], q[:, 3]], 1), v.gamma))
        f, along = solved(states[0], states[1], solver, speeds)
        if result == "electric field":
            return {"emf": np.stack([-f[:, 5], f[:, 6]], 1)}
        made = np.zeros((faces, count))
        made[:, :7] = f
        np.put_along_axis(made[:, 1:4], where, f[:, 1:4], 1)
        if cleaning:
            made[:, 7], made[:, 8] = psi, v.c_h**2 * bx
        found = {"flux": made, "face_state": along} if keep else {"flux": made}
        return found if order == "face first" else {name: x.T for name, x in found.items()}

    d.check(reference, 2e-3)
