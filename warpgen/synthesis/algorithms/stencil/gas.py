"""Compressible gas in two dimensions: reconstruction, Riemann solver and source terms in one step."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_LIMITERS = {
    "minmod": (
        '''
@wp.func
def limited_slope(left: float, center: float, right: float) -> float:
    """Return the minmod-limited slope from three cell averages."""
    a = center - left
    b = right - center
    if a * b <= 0.0:
        return 0.0
    return wp.where(wp.abs(a) < wp.abs(b), a, b)
''',
        lambda a, b: np.where(a * b <= 0.0, 0.0, np.where(np.abs(a) < np.abs(b), a, b)),
    ),
    "van leer": (
        '''
@wp.func
def limited_slope(left: float, center: float, right: float) -> float:
    """Return the van Leer limited slope (harmonic mean) from three cell averages."""
    a = center - left
    b = right - center
    product = a * b
    if product <= 0.0:
        return 0.0
    return 2.0 * product / (a + b)
''',
        lambda a, b: np.where(a * b <= 0.0, 0.0, 2.0 * a * b / np.where(a + b == 0.0, 1.0, a + b)),
    ),
    "monotonized": (
        '''
@wp.func
def limited_slope(left: float, center: float, right: float) -> float:
    """Return the monotonized central (MC) slope from three cell averages."""
    a = center - left
    b = right - center
    if a * b <= 0.0:
        return 0.0
    steepest = 2.0 * wp.min(wp.abs(a), wp.abs(b))
    return wp.sign(a) * wp.min(steepest, 0.5 * wp.abs(a + b))
''',
        lambda a, b: np.where(
            a * b <= 0.0,
            0.0,
            np.sign(a) * np.minimum(2.0 * np.minimum(np.abs(a), np.abs(b)), 0.5 * np.abs(a + b)),
        ),
    ),
}

_PRIMITIVE = '''
@wp.func
def to_primitive(q: wp.vec4) -> wp.vec4:
    """Convert conserved (rho, rho u, rho v, E) to primitive variables (rho, u, v, p)."""
    u = q[1] / q[0]
    v = q[2] / q[0]
    p = (GAMMA - 1.0) * (q[3] - 0.5 * q[0] * (u * u + v * v))
    # Clamp the pressure since strong rarefactions can make it negative
    return wp.vec4(q[0], u, v, wp.max(p, P_MIN))
'''

_RECONSTRUCT = '''
@wp.func
def reconstruct(left: wp.vec4, center: wp.vec4, right: wp.vec4, side: float) -> wp.vec4:
    """Reconstruct primitive variables at the upper (`side` = +1) or lower (-1) cell face."""
    h = 0.5 * side
    return wp.vec4(
        wp.max(center[0] + h * limited_slope(left[0], center[0], right[0]), RHO_MIN),
        center[1] + h * limited_slope(left[1], center[1], right[1]),
        center[2] + h * limited_slope(left[2], center[2], right[2]),
        wp.max(center[3] + h * limited_slope(left[3], center[3], right[3]), P_MIN),
    )
'''

_FLUX = '''
@wp.func
def euler_flux(w: wp.vec4) -> wp.vec4:
    """Compute the Euler flux along the first axis from primitive variables."""
    q = to_conserved(w)
    return wp.vec4(q[1], q[1] * w[1] + w[3], q[1] * w[2], (q[3] + w[3]) * w[1])
'''

_CONSERVED = '''
@wp.func
def to_conserved(w: wp.vec4) -> wp.vec4:
    """Convert primitive to conserved variables."""
    energy = w[3] / (GAMMA - 1.0) + 0.5 * w[0] * (w[1] * w[1] + w[2] * w[2])
    return wp.vec4(w[0], w[0] * w[1], w[0] * w[2], energy)
'''

# Estimates of the slowest and the fastest wave, and what is done where both go one way.
_WAVES = """    c_l = wp.sqrt(GAMMA * w_l[3] / w_l[0])
    c_r = wp.sqrt(GAMMA * w_r[3] / w_r[0])
    s_l = wp.min(w_l[1] - c_l, w_r[1] - c_r)
    s_r = wp.max(w_l[1] + c_l, w_r[1] + c_r)
    if s_l >= 0.0:
        return euler_flux(w_l)
    if s_r <= 0.0:
        return euler_flux(w_r)
"""

_SOLVERS = {
    "rusanov": '''
@wp.func
def riemann_flux(w_l: wp.vec4, w_r: wp.vec4) -> wp.vec4:
    """Compute the Rusanov (local Lax-Friedrichs) flux."""
    c_l = wp.sqrt(GAMMA * w_l[3] / w_l[0])
    c_r = wp.sqrt(GAMMA * w_r[3] / w_r[0])
    speed = wp.max(wp.abs(w_l[1]) + c_l, wp.abs(w_r[1]) + c_r)
    jump = to_conserved(w_r) - to_conserved(w_l)
    return 0.5 * (euler_flux(w_l) + euler_flux(w_r)) - 0.5 * speed * jump
''',
    "hll": f'''
@wp.func
def riemann_flux(w_l: wp.vec4, w_r: wp.vec4) -> wp.vec4:
    """Compute the HLL flux using Davis wave speed estimates."""
{_WAVES}    jump = to_conserved(w_r) - to_conserved(w_l)
    return (s_r * euler_flux(w_l) - s_l * euler_flux(w_r) + s_l * s_r * jump) / (s_r - s_l)
''',
    "hllc": f'''
@wp.func
def riemann_flux(w_l: wp.vec4, w_r: wp.vec4) -> wp.vec4:
    """Compute the HLLC flux, HLL with a restored contact wave (Toro 2009, section 10.4)."""
{_WAVES}    # Contact wave speed
    m_l = w_l[0] * (s_l - w_l[1])
    m_r = w_r[0] * (s_r - w_r[1])
    s_star = (w_r[3] - w_l[3] + w_l[1] * m_l - w_r[1] * m_r) / (m_l - m_r)
    if s_star >= 0.0:
        return euler_flux(w_l) + s_l * (star_state(w_l, s_l, s_star) - to_conserved(w_l))
    return euler_flux(w_r) + s_r * (star_state(w_r, s_r, s_star) - to_conserved(w_r))
''',
}

_STAR = '''
@wp.func
def star_state(w: wp.vec4, s: float, s_star: float) -> wp.vec4:
    """Compute the conserved star state between an outer wave and the contact wave."""
    q = to_conserved(w)
    factor = w[0] * (s - w[1]) / (s - s_star)
    energy = q[3] / w[0] + (s_star - w[1]) * (s_star + w[3] / (w[0] * (s - w[1])))
    return wp.vec4(factor, factor * s_star, factor * w[2], factor * energy)
'''

_SWAP = '''
@wp.func
def swap_axes(w: wp.vec4) -> wp.vec4:
    """Swap the two velocity (or momentum) components."""
    return wp.vec4(w[0], w[2], w[1], w[3])
'''


@DOMAIN.algorithm(
    source="Toro 2009, ch. 10, 13, 14 (HLLC, MUSCL); van Leer 1979; Davis 1988 (wave speeds)",
    names={
        "euler_step": "compressible_step|gas_step|euler_2d_step|muscl_step",
        "q": "state|conserved",
        "w": "prim",
        "dx": "cell_size|h|spacing",
    },
    double=True,
    weight=2,
)
def euler_step(d: Draft) -> None:
    """Advances a compressible gas on a 2D grid by one step using a MUSCL finite-volume scheme."""
    solver = d.option("riemann", *_SOLVERS)
    limiter = d.option("limiter", *_LIMITERS)
    boundary = d.option("boundary", "periodic", "outflow")
    gravity = d.flag("gravity", 0.35)
    axis = d.option("symmetry", "plane", "cylinder", weights=(0.7, 0.3))
    solid = d.option("solid", "none", "frozen")
    nx, ny = d.pick(8, 10), d.pick(8, 10)
    round_ = axis == "cylinder"
    if round_:
        boundary = "outflow"  # no radius comes again
    gas = "gas in cylindrical coordinates" if round_ else "gas on a 2D grid"
    d.says(
        f"Advances a compressible {gas}{' under gravity' if gravity else ''} by one step using a MUSCL finite-volume scheme."
    )
    d.input("density", "float", (nx, ny), 0.6, 1.4, about="Density")
    d.input("momentum", "vec2", (nx, ny), -1.1, 1.1, about="Momentum per volume")
    d.input("energy", "float", (nx, ny), 2.1, 5.0, about="Total energy density")
    if solid == "frozen":
        d.mask(
            "is_frozen",
            "bool",
            (nx, ny),
            rare=True,
            about="Mask of cells with a prescribed state, which are not updated",
        )
    d.param("dx", "float", 0.8, 1.2, about="Cell size")
    d.param("dt", "float", 0.02, 0.06, about="Time step")
    if gravity:
        about = "Gravity along the axis" if round_ else "Gravity"
        d.param("gravity", "float" if round_ else "vec2", -1.0, 1.0, about=about)
    if axis == "cylinder":
        d.param("inner_radius", "float", 1.0, 2.0, about="Radius of the inner grid boundary")
    d.output("density_new", "float", (nx, ny), about="Updated density")
    d.output("momentum_new", "vec2", (nx, ny), about="Updated momentum density")
    d.output("energy_new", "float", (nx, ny), about="Updated total energy density")
    d.module("""
        GAMMA = wp.constant(1.4)  # heat capacity ratio of air
        # Density and pressure floors
        RHO_MIN = wp.constant(1.0e-3)
        P_MIN = wp.constant(1.0e-4)
    """)
    texts = [_PRIMITIVE, _LIMITERS[limiter][0], _RECONSTRUCT, _CONSERVED, _FLUX]
    texts += [_STAR] if solver == "hllc" else []
    for text in (*texts, _SOLVERS[solver], _SWAP):
        d.function(text)
    d.function('''
        @wp.func
        def load_primitive(
            i: int,
            j: int,
            density: wp.array2d(dtype=float),
            momentum: wp.array2d(dtype=wp.vec2),
            energy: wp.array2d(dtype=float),
        ) -> wp.vec4:
            """Load a cell and convert to primitive variables."""
            m = momentum[i, j]
            return to_primitive(wp.vec4(density[i, j], m[0], m[1], energy[i, j]))
    ''')

    def index(name: str, n: str, shift: int) -> str:
        if boundary == "periodic":
            return f"({name} + {n} - {-shift}) % {n}" if shift < 0 else f"({name} + {shift}) % {n}"
        return f"wp.max({name} - {-shift}, 0)" if shift < 0 else f"wp.min({name} + {shift}, {n} - 1)"

    arrays = "density, momentum, energy"
    lines = []
    for name, var, n, shift in (
        ("east", "i", "nx", 1), ("east2", "i", "nx", 2), ("west", "i", "nx", -1), ("west2", "i", "nx", -2),
        ("north", "j", "ny", 1), ("north2", "j", "ny", 2), ("south", "j", "ny", -1), ("south2", "j", "ny", -2),
    ):  # fmt: skip
        at = f"{index(var, n, shift)}, j" if var == "i" else f"i, {index(var, n, shift)}"
        load = f"load_primitive({at}, {arrays})"
        lines.append(f"{name} = {load}" if var == "i" else f"{name} = swap_axes({load})")
    keep = "density_new[i, j] = density[i, j]\n    momentum_new[i, j] = momentum[i, j]\n    energy_new[i, j] = energy[i, j]"
    d.launch(nx, ny)
    d.code(
        """
        i, j = wp.tid()
        $skip
        nx = density.shape[0]
        ny = density.shape[1]
        w = load_primitive(i, j, $arrays)
        # Load primitive variables of the neighbors; swap the velocity components along y
        # so that the first one is always normal to the face
        $load
        w_y = swap_axes(w)
        # Fluxes along x: reconstruct left and right states, then solve the Riemann problem
        flux_e = riemann_flux(reconstruct(west, w, east, 1.0), reconstruct(w, east, east2, -1.0))
        flux_w = riemann_flux(reconstruct(west2, west, w, 1.0), reconstruct(west, w, east, -1.0))
        # Fluxes along y
        flux_n = riemann_flux(reconstruct(south, w_y, north, 1.0), reconstruct(w_y, north, north2, -1.0))
        flux_s = riemann_flux(reconstruct(south2, south, w_y, 1.0), reconstruct(south, w_y, north, -1.0))
        # Conservative update
        ratio = dt / dx
        change = flux_e - flux_w + swap_axes(flux_n - flux_s)
        rho_next = density[i, j] - ratio * change[0]
        m_next = momentum[i, j] - ratio * wp.vec2(change[1], change[2])
        e_next = energy[i, j] - ratio * change[3]
        $geometry
        $gravity
        # Enforce positive density and internal energy
        rho_next = wp.max(rho_next, RHO_MIN)
        kinetic = 0.5 * wp.dot(m_next, m_next) / rho_next
        density_new[i, j] = rho_next
        momentum_new[i, j] = m_next
        energy_new[i, j] = wp.max(e_next, kinetic + P_MIN / (GAMMA - 1.0))
        """,
        skip=f"# Keep the prescribed state of frozen cells\nif is_frozen[i, j]:\n    {keep}\n    return"
        if solid == "frozen"
        else "",
        arrays=arrays,
        load="\n".join(lines),
        geometry="""
        # Geometric source term in cylindrical coordinates, -1/r times the radial flux without pressure
        radius = inner_radius + (float(j) + 0.5) * dx
        radial = dt * w[2] / radius
        rho_next -= radial * w[0]
        m_next -= radial * w[0] * wp.vec2(w[1], w[2])
        e_next -= radial * (energy[i, j] + w[3])
        """
        if axis == "cylinder"
        else "",
        gravity="# Gravity source term, evaluated from the old state\n"
        + (
            "m_next += wp.vec2(dt * w[0] * gravity, 0.0)\ne_next += dt * w[0] * w[1] * gravity"
            if round_
            else "m_next += dt * w[0] * gravity\n"
            "e_next += dt * w[0] * (w[1] * gravity[0] + w[2] * gravity[1])"
        )
        if gravity
        else "",
    )
    second = " The second axis is the radius." if round_ else ""
    d.explain(f"""
        Ideal-gas Euler equations, first order in time and second order in space. Primitive variables
        are reconstructed at the faces using limited slopes, followed by an approximate Riemann solver.{second}
    """)

    def primitive(q: Any) -> Any:
        u, v_ = q[1] / q[0], q[2] / q[0]
        return np.stack([q[0], u, v_, np.maximum(0.4 * (q[3] - 0.5 * q[0] * (u**2 + v_**2)), 1e-4)])

    def conserved(w: Any) -> Any:
        return np.stack([w[0], w[0] * w[1], w[0] * w[2], w[3] / 0.4 + 0.5 * w[0] * (w[1] ** 2 + w[2] ** 2)])

    def exact(w: Any) -> Any:
        q = conserved(w)
        return np.stack([q[1], q[1] * w[1] + w[3], q[1] * w[2], (q[3] + w[3]) * w[1]])

    def numerical(left: Any, right: Any) -> Any:
        c_l, c_r = (np.sqrt(1.4 * w[3] / w[0]) for w in (left, right))
        if solver == "rusanov":
            fast = np.maximum(np.abs(left[1]) + c_l, np.abs(right[1]) + c_r)
            return 0.5 * (exact(left) + exact(right)) - 0.5 * fast * (conserved(right) - conserved(left))
        low, high = np.minimum(left[1] - c_l, right[1] - c_r), np.maximum(left[1] + c_l, right[1] + c_r)
        if solver == "hll":
            a, b = np.minimum(low, 0.0), np.maximum(high, 0.0)
            return (b * exact(left) - a * exact(right) + a * b * (conserved(right) - conserved(left))) / (
                b - a
            )
        m_l, m_r = left[0] * (low - left[1]), right[0] * (high - right[1])
        star = (right[3] - left[3] + left[1] * m_l - right[1] * m_r) / (m_l - m_r)

        def middle(w: Any, s: Any) -> Any:
            k = w[0] * (s - w[1]) / (s - star)
            e = conserved(w)[3] / w[0] + (star - w[1]) * (star + w[3] / (w[0] * (s - w[1])))
            return exact(w) + s * (k * np.stack([np.ones_like(star), star, w[2], e]) - conserved(w))

        made = np.where(star >= 0.0, middle(left, low), middle(right, high))
        return np.where(low >= 0.0, exact(left), np.where(high <= 0.0, exact(right), made))

    def along(w: Any) -> Any:
        """The net flux out of each cell along the first axis."""
        padded = (
            np.concatenate([w[:, -2:], w, w[:, :2]], 1)
            if boundary == "periodic"
            else np.concatenate([w[:, :1]] * 2 + [w] + [w[:, -1:]] * 2, 1)
        )
        slope = _LIMITERS[limiter][1](padded[:, 1:-1] - padded[:, :-2], padded[:, 2:] - padded[:, 1:-1])
        inner = padded[:, 1:-1]
        least = np.array([1e-3, -np.inf, -np.inf, 1e-4])[:, None, None]
        upper, lower = np.maximum(inner + 0.5 * slope, least), np.maximum(inner - 0.5 * slope, least)
        f = numerical(upper[:, :-1], lower[:, 1:])
        return f[:, 1:] - f[:, :-1]

    def reference(v: Values) -> dict[str, Any]:
        q = np.stack([v.density, v.momentum[..., 0], v.momentum[..., 1], v.energy])
        w = primitive(q)
        turned = np.swapaxes(w[[0, 2, 1, 3]], 1, 2)
        out = along(w) + np.swapaxes(along(turned), 1, 2)[[0, 2, 1, 3]]
        new = q - v.dt / v.dx * out
        if axis == "cylinder":
            radius = v.inner_radius + (np.arange(ny) + 0.5) * v.dx
            new -= v.dt * w[2] / radius * np.stack([w[0], w[0] * w[1], w[0] * w[2], q[3] + w[3]])
        if gravity:
            along_x, along_y = (v.gravity, 0.0) if round_ else v.gravity
            new[1] += v.dt * w[0] * along_x
            new[2] += v.dt * w[0] * along_y
            new[3] += v.dt * w[0] * (w[1] * along_x + w[2] * along_y)
        new[0] = np.maximum(new[0], 1e-3)
        new[3] = np.maximum(new[3], 0.5 * (new[1] ** 2 + new[2] ** 2) / new[0] + 1e-4 / 0.4)
        if solid == "frozen":
            new = np.where(v.is_frozen, q, new)
        return {
            "density_new": new[0],
            "momentum_new": np.moveaxis(new[1:3], 0, -1),
            "energy_new": new[3],
        }

    d.check(reference, 5e-4)
