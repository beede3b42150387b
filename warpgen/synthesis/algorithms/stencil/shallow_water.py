"""Shallow water over an uneven bed, with shores that move."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_FLUXES = {
    "hll": '''
@wp.func
def riemann_flux(
    h_l: float, u_l: float, v_l: float, h_r: float, u_r: float, v_r: float
) -> wp.vec3:
    """Compute the HLL flux (mass, normal momentum, transverse momentum) between two states.

    Args:
        h_l: Water depth on the left [m].
        u_l: Normal velocity on the left [m/s].
        v_l: Transverse velocity on the left [m/s].
        h_r: Water depth on the right [m].
        u_r: Normal velocity on the right [m/s].
        v_r: Transverse velocity on the right [m/s].
    """
    # No flux if both cells are dry
    if h_l <= DRY_DEPTH and h_r <= DRY_DEPTH:
        return wp.vec3(0.0, 0.0, 0.0)
    # Clamp the depth to avoid an infinite gradient of sqrt() at zero
    c_l = wp.sqrt(GRAVITY * wp.max(h_l, DRY_DEPTH))
    c_r = wp.sqrt(GRAVITY * wp.max(h_r, DRY_DEPTH))
    s_l = wp.min(u_l - c_l, u_r - c_r)
    s_r = wp.max(u_l + c_l, u_r + c_r)
    f_l = wp.vec3(h_l * u_l, h_l * u_l * u_l + 0.5 * GRAVITY * h_l * h_l, h_l * u_l * v_l)
    f_r = wp.vec3(h_r * u_r, h_r * u_r * u_r + 0.5 * GRAVITY * h_r * h_r, h_r * u_r * v_r)
    # Supercritical flow is fully upwinded
    if s_l >= 0.0:
        return f_l
    if s_r <= 0.0:
        return f_r
    jump = wp.vec3(h_r - h_l, h_r * u_r - h_l * u_l, h_r * v_r - h_l * v_l)
    return (s_r * f_l - s_l * f_r + s_l * s_r * jump) / (s_r - s_l)
''',
    "rusanov": '''
@wp.func
def riemann_flux(
    h_l: float, u_l: float, v_l: float, h_r: float, u_r: float, v_r: float
) -> wp.vec3:
    """Compute the Rusanov flux (mass, normal momentum, transverse momentum) between two states."""
    # No flux if both cells are dry
    if h_l <= DRY_DEPTH and h_r <= DRY_DEPTH:
        return wp.vec3(0.0, 0.0, 0.0)
    # Clamp the depth to avoid an infinite gradient of sqrt() at zero
    c_l = wp.sqrt(GRAVITY * wp.max(h_l, DRY_DEPTH))
    c_r = wp.sqrt(GRAVITY * wp.max(h_r, DRY_DEPTH))
    max_speed = wp.max(wp.abs(u_l) + c_l, wp.abs(u_r) + c_r)
    f_l = wp.vec3(h_l * u_l, h_l * u_l * u_l + 0.5 * GRAVITY * h_l * h_l, h_l * u_l * v_l)
    f_r = wp.vec3(h_r * u_r, h_r * u_r * u_r + 0.5 * GRAVITY * h_r * h_r, h_r * u_r * v_r)
    jump = wp.vec3(h_r - h_l, h_r * u_r - h_l * u_l, h_r * v_r - h_l * v_l)
    return 0.5 * (f_l + f_r) - 0.5 * max_speed * jump
''',
}

_FACE = '''
@wp.func
def face_flux(center: wp.vec4, neighbor: wp.vec4, side: float) -> wp.vec3:
    """Compute the flux through a cell face as seen from the center cell.

    The states are (depth, normal velocity, transverse velocity, bed height). Depths are reconstructed at the
    face using the higher bed elevation (Audusse et al. 2004), which preserves a lake at rest and allows dry cells.

    Args:
        center: State of the cell that is updated.
        neighbor: State of the cell on the other side.
        side: 1 for the face at the upper end of the cell, -1 for the one at the lower end.
    """
    z_face = wp.max(center[3], neighbor[3])
    h_c = wp.max(center[0] + center[3] - z_face, 0.0)
    h_n = wp.max(neighbor[0] + neighbor[3] - z_face, 0.0)
    # Hydrostatic pressure correction to balance the bed slope
    balance = 0.5 * GRAVITY * (center[0] * center[0] - h_c * h_c)
    if side > 0.0:
        flux = riemann_flux(h_c, center[1], center[2], h_n, neighbor[1], neighbor[2])
        return wp.vec3(flux[0], flux[1] + balance, flux[2])
    flux_low = riemann_flux(h_n, neighbor[1], neighbor[2], h_c, center[1], center[2])
    return wp.vec3(flux_low[0], flux_low[1] + balance, flux_low[2])
'''

_VELOCITY = '''
@wp.func
def safe_velocity(h: float, q: float) -> float:
    """Compute velocity from discharge, desingularized for small depths (Kurganov & Petrova 2007)."""
    h_sq = h * h
    return 2.0 * h * q / (h_sq + wp.max(h_sq, DRY_DEPTH * DRY_DEPTH))
'''


_SIDES = {  # where the neighbor of a side is, of a basin that ends there and of a periodic one
    "east": ("wp.min(i + 1, nx - 1), j", "(i + 1) % nx, j", "i == nx - 1"),
    "west": ("wp.max(i - 1, 0), j", "(i + nx - 1) % nx, j", "i == 0"),
    "north": ("i, wp.min(j + 1, ny - 1)", "i, (j + 1) % ny", "j == ny - 1"),
    "south": ("i, wp.max(j - 1, 0)", "i, (j + ny - 1) % ny", "j == 0"),
}


def _neighbors(boundary: str, mask: bool) -> str:
    """The states beside a cell, mirrored where there is a wall or land."""
    places = {
        side: periodic if boundary == "periodic" else ends for side, (ends, periodic, _) in _SIDES.items()
    }
    lines = ["# Zero-gradient boundary: clamp neighbor indices to the grid"] if boundary == "outflow" else []
    lines += [f"{side} = load_state({place}, $arrays, bed)" for side, place in places.items()]
    if boundary == "walls" or mask:
        walls = ["the basin walls"] * (boundary == "walls") + ["land"] * mask
        lines.append(f"# Mirror the normal velocity at {' and at '.join(walls)}")
    for side, place in places.items():
        tests = [_SIDES[side][2]] * (boundary == "walls") + [f"is_land[{place}]"] * mask
        mirrored = "-center[1], center[2]" if side in ("east", "west") else "center[1], -center[2]"
        if tests:
            lines.append(f"if {' or '.join(tests)}:\n    {side} = wp.vec4(center[0], {mirrored}, center[3])")
    return "\n".join(lines)


@DOMAIN.algorithm(
    source="Audusse et al. 2004 (hydrostatic reconstruction); Toro 2001, ch. 10; Kurganov & Petrova 2007",
    names={
        "shallow_water_step": "swe_step|flood_step|update_water|advance_shallow_water",
        "depth": "water_depth",
        "bed": "terrain|bathymetry",
        "depth_new": "depth_out|new_depth",
        "manning": "roughness|manning_n|n_manning",
        "dx": "cell_size|spacing",
    },
    double=True,
)
def shallow_water_step(d: Draft) -> None:
    """Advances shallow water over an uneven bed by one finite-volume step, with wetting and drying."""
    riemann = d.option("flux", *_FLUXES)
    boundary = d.option("boundary", "walls", "periodic", "outflow")
    friction = d.option("friction", "none", "manning", "linear")
    layout = d.option("layout", "separate", "packed")
    supply = d.flag("inflow", 0.35)
    coriolis = d.flag("coriolis", 0.25)
    mask = d.flag("mask", 0.35)
    nx, ny = d.pick(8, 10, 12), d.pick(8, 9, 10)
    if layout == "packed":
        d.input("state", "vec3", (nx, ny), 0.0, 0.8, about="Water depth [m] and x/y discharge [m^2/s]")
    else:
        d.input("depth", "float", (nx, ny), 0.0, 0.8, about="Water depth [m]")
        d.input("discharge", "vec2", (nx, ny), -0.4, 0.4, about="Depth-integrated velocity [m^2/s]")
    d.input("bed", "float", (nx, ny), 0.0, 0.6, about="Bed elevation [m]")
    if mask:
        d.mask("is_land", "bool", (nx, ny), rare=True, about="Land mask, land cells act as walls")
    if supply:
        d.input("inflow", "float", (nx, ny), 0.0, 1.0e-5, about="Inflow rate per unit area [m/s]")
    if friction == "manning":
        d.input("manning", "float", (nx, ny), 0.02, 0.1, about="Manning roughness [s/m^(1/3)]")
    elif friction == "linear":
        d.param("drag", "float", 1.0e-4, 1.0e-3, about="Linear drag coefficient [1/s]")
    if coriolis:
        d.param("coriolis", "float", 5.0e-5, 1.4e-4, about="Coriolis parameter [1/s]")
    d.param("dx", "float", 800.0, 1200.0, about="Cell size [m]")
    d.param("dt", "float", 10.0, 30.0, about="Time step [s]")
    if layout == "packed":
        d.output("state_new", "vec3", (nx, ny), about="Updated state")
    else:
        d.output("depth_new", "float", (nx, ny), about="Updated water depth [m]")
        d.output("discharge_new", "vec2", (nx, ny), about="Updated discharge [m^2/s]")
    d.module("""
        GRAVITY = wp.constant(9.81)
        DRY_DEPTH = wp.constant(0.05)  # minimum depth of a wet cell [m]
    """)
    d.function(_VELOCITY)
    d.function(_FLUXES[riemann])
    d.function(_FACE)
    arrays = "state" if layout == "packed" else "depth, discharge"
    heads = (
        "state: wp.array2d(dtype=wp.vec3)"
        if layout == "packed"
        else "depth: wp.array2d(dtype=float), discharge: wp.array2d(dtype=wp.vec2)"
    )
    read = (
        "cell = state[i, j]\nh = cell[0]\nqx = cell[1]\nqy = cell[2]"
        if layout == "packed"
        else "h = depth[i, j]\nqx = discharge[i, j][0]\nqy = discharge[i, j][1]"
    )
    d.function(
        '''
        @wp.func
        def load_state(
            i: int,
            j: int,
            $heads,
            bed: wp.array2d(dtype=float),
        ) -> wp.vec4:
            """Return (depth, x-velocity, y-velocity, bed height) for a cell."""
            $read
            return wp.vec4(h, safe_velocity(h, qx), safe_velocity(h, qy), bed[i, j])
        ''',
        heads=heads,
        read=read,
    )
    neighbors = _neighbors(boundary, mask)
    drag = {
        "none": "",
        "manning": """
        # Semi-implicit Manning friction, since it is stiff for thin water layers
        if h_next > DRY_DEPTH:
            speed = wp.sqrt(center[1] * center[1] + center[2] * center[2] + 1.0e-6)
            roughness_sq = manning[i, j] * manning[i, j]
            slow = 1.0 / (1.0 + dt * GRAVITY * roughness_sq * speed / wp.pow(h_next, 4.0 / 3.0))
            qx_next *= slow
            qy_next *= slow
        """,
        "linear": """
        # Implicit linear drag
        qx_next /= 1.0 + dt * drag
        qy_next /= 1.0 + dt * drag
        """,
    }
    keep = (
        "state_new[i, j] = wp.vec3(0.0, 0.0, 0.0)"
        if layout == "packed"
        else "depth_new[i, j] = 0.0\n    discharge_new[i, j] = wp.vec2(0.0, 0.0)"
    )
    store = {
        "packed": """
        # Zero out the discharge of dry cells
        if h_next <= DRY_DEPTH:
            state_new[i, j] = wp.vec3(wp.max(h_next, 0.0), 0.0, 0.0)
            return
        state_new[i, j] = wp.vec3(h_next, qx_next, qy_next)
        """,
        "separate": """
        depth_new[i, j] = wp.max(h_next, 0.0)
        # Zero out the discharge of dry cells
        if h_next <= DRY_DEPTH:
            discharge_new[i, j] = wp.vec2(0.0, 0.0)
            return
        discharge_new[i, j] = wp.vec2(qx_next, qy_next)
        """,
    }
    d.launch(nx, ny)
    d.code(
        """
        i, j = wp.tid()
        $mask
        nx = bed.shape[0]
        ny = bed.shape[1]
        center = load_state(i, j, $arrays, bed)
        $neighbors
        # Fluxes along x
        flux_e = face_flux(center, east, 1.0)
        flux_w = face_flux(center, west, -1.0)
        # Fluxes along y: swap the velocity components so that the first one is normal to the face
        center_y = wp.vec4(center[0], center[2], center[1], center[3])
        flux_n = face_flux(center_y, wp.vec4(north[0], north[2], north[1], north[3]), 1.0)
        flux_s = face_flux(center_y, wp.vec4(south[0], south[2], south[1], south[3]), -1.0)
        # U_new = U - dt / dx * (sum of outgoing fluxes)
        ratio = dt / dx
        h_next = center[0] - ratio * (flux_e[0] - flux_w[0] + flux_n[0] - flux_s[0])
        qx_next = center[0] * center[1] - ratio * (flux_e[1] - flux_w[1] + flux_n[2] - flux_s[2])
        qy_next = center[0] * center[2] - ratio * (flux_e[2] - flux_w[2] + flux_n[1] - flux_s[1])
        $supply
        $coriolis
        $drag
        $store
        """,
        mask=f"# Skip land cells\nif is_land[i, j]:\n    {keep}\n    return" if mask else "",
        arrays=arrays,
        neighbors=neighbors,
        supply="# Inflow adds mass but no momentum\nh_next += dt * inflow[i, j]" if supply else "",
        coriolis="# Coriolis force, evaluated with the old velocities\n"
        "qx_next += dt * coriolis * center[0] * center[2]\n"
        "qy_next -= dt * coriolis * center[0] * center[1]"
        if coriolis
        else "",
        drag=drag[friction],
        store=store[layout],
    )
    forces = (" - friction" if friction != "none" else "") + (" - f k x h u" if coriolis else "")
    d.explain(f"""
        Solves h_t + div(h u) = {"inflow" if supply else "0"} and
        (h u)_t + div(h u u + g h^2 / 2) = -g h grad(z){forces} on square cells. The scheme is well balanced, so a lake at rest stays at rest over an uneven bed.
    """)

    def speed_of(h: Any, q: Any) -> Any:
        return 2.0 * h * q / (h**2 + np.maximum(h**2, 0.0025))

    def flux(left: Any, right: Any) -> Any:
        """Numerical fluxes between arrays of states (h, u, v)."""

        def exact(s: Any) -> Any:
            return np.stack([s[0] * s[1], s[0] * s[1] ** 2 + 0.5 * 9.81 * s[0] ** 2, s[0] * s[1] * s[2]])

        def conserved(s: Any) -> Any:
            return np.stack([s[0], s[0] * s[1], s[0] * s[2]])

        c_l, c_r = (np.sqrt(9.81 * np.maximum(s[0], 0.05)) for s in (left, right))
        jump = conserved(right) - conserved(left)
        if riemann == "rusanov":
            fast = np.maximum(np.abs(left[1]) + c_l, np.abs(right[1]) + c_r)
            made = 0.5 * (exact(left) + exact(right)) - 0.5 * fast * jump
        else:
            low = np.minimum(np.minimum(left[1] - c_l, right[1] - c_r), 0.0)
            high = np.maximum(np.maximum(left[1] + c_l, right[1] + c_r), 0.0)
            made = (high * exact(left) - low * exact(right) + low * high * jump) / (high - low)
        return np.where((left[0] <= 0.05) & (right[0] <= 0.05), 0.0, made)

    def along(s: Any, padded: Any, land: Any) -> Any:
        """Net outflow of each cell along the first axis, of states (h, u, v, z) with one ghost on both ends."""
        left, right = padded[:, :-1], padded[:, 1:]
        mirror = np.array([1.0, -1.0, 1.0, 1.0])[:, None, None]
        left, right = np.where(land[:-1], mirror * right, left), np.where(land[1:], mirror * left, right)
        z = np.maximum(left[3], right[3])
        h_l, h_r = (np.maximum(side[0] + side[3] - z, 0.0) for side in (left, right))
        f = flux(np.stack([h_l, left[1], left[2]]), np.stack([h_r, right[1], right[2]]))
        upper, lower = f[:, 1:].copy(), f[:, :-1].copy()
        upper[1] += 0.5 * 9.81 * (s[0] ** 2 - h_l[1:] ** 2)
        lower[1] += 0.5 * 9.81 * (s[0] ** 2 - h_r[:-1] ** 2)
        return upper - lower

    def padded(s: Any) -> Any:
        ends = {"periodic": (s[:, -1:], s[:, :1])}.get(boundary, (s[:, :1].copy(), s[:, -1:].copy()))
        if boundary == "walls":
            for end in ends:
                end[1] *= -1.0
        return np.concatenate([ends[0], s, ends[1]], axis=1)

    def reference(v: Values) -> dict[str, Any]:
        h = v.state[..., 0] if layout == "packed" else v.depth
        q = v.state[..., 1:] if layout == "packed" else v.discharge
        s = np.stack([h, speed_of(h, q[..., 0]), speed_of(h, q[..., 1]), v.bed])
        turned = np.swapaxes(s[[0, 2, 1, 3]], 1, 2)
        land = v.is_land if mask else np.zeros((nx, ny), bool)
        around: Any = "wrap" if boundary == "periodic" else "edge"
        dry_x, dry_y = (np.pad(m, ((1, 1), (0, 0)), around) for m in (land, land.T))
        out_x = along(s, padded(s), dry_x)
        out_y = np.swapaxes(along(turned, padded(turned), dry_y), 1, 2)[[0, 2, 1]]
        made = np.stack([s[0], s[0] * s[1], s[0] * s[2]]) - v.dt / v.dx * (out_x + out_y)
        if supply:
            made[0] += v.dt * v.inflow
        if coriolis:
            made[1] += v.dt * v.coriolis * s[0] * s[2]
            made[2] -= v.dt * v.coriolis * s[0] * s[1]
        if friction == "linear":
            made[1:] /= 1.0 + v.dt * v.drag
        if friction == "manning":
            speed = np.sqrt(s[1] ** 2 + s[2] ** 2 + 1e-6)
            made[1:] /= 1.0 + v.dt * 9.81 * v.manning**2 * speed / np.maximum(made[0], 0.05) ** (4.0 / 3.0)
        made[1:] = np.where(made[0] <= 0.05, 0.0, made[1:])
        made[0] = np.maximum(made[0], 0.0)
        if mask:
            made = np.where(v.is_land, 0.0, made)
        made = np.moveaxis(made, 0, -1)
        if layout == "packed":
            return {"state_new": made}
        return {"depth_new": made[..., 0], "discharge_new": made[..., 1:]}

    d.check(reference, 5e-4)
