"""The open ends of a D2Q9 lattice Boltzmann channel: populations that come from outside, as text."""

INLET = {
    "none": "",
    "velocity": """
        # West: velocity inlet after Zou and He, unknown populations f1, f5 and f8
        if i == 0:
            u_in = $speed
            rho_in = (f0 + f2 + f4 + 2.0 * (f3 + f6 + f7)) / (1.0 - u_in)
            f1 = f3 + 2.0 / 3.0 * rho_in * u_in
            f5 = f7 - 0.5 * (f2 - f4) + rho_in * u_in / 6.0
            f8 = f6 + 0.5 * (f2 - f4) + rho_in * u_in / 6.0
    """,
    "pressure": """
        # West: pressure inlet after Zou and He, unknown populations f1, f5 and f8
        if i == 0:
            u_in = 1.0 - (f0 + f2 + f4 + 2.0 * (f3 + f6 + f7)) / rho_inlet
            f1 = f3 + 2.0 / 3.0 * rho_inlet * u_in
            f5 = f7 - 0.5 * (f2 - f4) + rho_inlet * u_in / 6.0
            f8 = f6 + 0.5 * (f2 - f4) + rho_inlet * u_in / 6.0
    """,
}
OUTLET = {
    "none": "",
    "pressure": """
        # East: pressure outlet after Zou and He, unknown populations f3, f6 and f7
        if i == nx - 1:
            u_out = -1.0 + (f0 + f2 + f4 + 2.0 * (f1 + f5 + f8)) / rho_outlet
            f3 = f1 - 2.0 / 3.0 * rho_outlet * u_out
            f7 = f5 + 0.5 * (f2 - f4) - rho_outlet * u_out / 6.0
            f6 = f8 - 0.5 * (f2 - f4) - rho_outlet * u_out / 6.0
    """,
    "gradient": """
        # East: zero-gradient outlet, copy the unknown populations from the neighboring column
        if i == nx - 1:
            f3 = $f3
            f6 = $f6
            f7 = $f7
    """,
}
# With a body force, the populations sum to the momentum less half of the force (Guo)
FORCED_INLET = {
    "velocity": """
        # West: velocity inlet after Zou and He, unknown populations f1, f5 and f8
        if i == 0:
            u_in = $speed
            rho_in = (f0 + f2 + f4 + 2.0 * (f3 + f6 + f7) - 0.5 * $gx) / (1.0 - u_in)
            # Momentum without the half-force correction, which is added below
            flux_in = rho_in * u_in - 0.5 * $gx
            f1 = f3 + 2.0 / 3.0 * flux_in
            f5 = f7 - 0.5 * (f2 - f4 + 0.5 * $gy) + flux_in / 6.0
            f8 = f6 + 0.5 * (f2 - f4 + 0.5 * $gy) + flux_in / 6.0
    """,
    "pressure": """
        # West: pressure inlet after Zou and He, unknown populations f1, f5 and f8
        if i == 0:
            flux_in = rho_inlet - (f0 + f2 + f4 + 2.0 * (f3 + f6 + f7))
            f1 = f3 + 2.0 / 3.0 * flux_in
            # No tangential flow at the inlet after the half-force correction
            f5 = f7 - 0.5 * (f2 - f4 + 0.5 * $gy) + flux_in / 6.0
            f8 = f6 + 0.5 * (f2 - f4 + 0.5 * $gy) + flux_in / 6.0
    """,
}
FORCED_OUTLET = {
    "pressure": """
        # East: pressure outlet after Zou and He, unknown populations f3, f6 and f7
        if i == nx - 1:
            flux_out = f0 + f2 + f4 + 2.0 * (f1 + f5 + f8) - rho_outlet
            f3 = f1 - 2.0 / 3.0 * flux_out
            # No tangential flow at the outlet after the half-force correction
            f7 = f5 + 0.5 * (f2 - f4 + 0.5 * $gy) - flux_out / 6.0
            f6 = f8 - 0.5 * (f2 - f4 + 0.5 * $gy) - flux_out / 6.0
    """,
}
