"""Periodic fields stepped in time through their spectra, a block of threads for each line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil._mode_steps import (
    REAL_FINISH,
    REAL_STEPS,
    TURN_AND_GROW,
    TURN_AND_GROW_FINISH,
    TURN_FINISH,
    TURN_STEPS,
)
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_N = 256  # the transform that Warp falls back to wants a point for each thread of a block, at least
# The linear part as growth of the mode k, and the nonlinear term as the factor of i k before a square.
_EQUATIONS = {
    "burgers": ("-viscosity * k * k", "0.0", True),
    "korteweg-de vries": ("0.0", "dispersion * k * k * k", True),
    "kuramoto-sivashinsky": ("k * k * (1.0 - k * k)", "0.0", True),
    "benjamin-bona-mahony": ("0.0", "-speed * k / (1.0 + k * k)", True),
    "advection-diffusion": ("-viscosity * k * k", "-speed * k", False),
}
_SAID = {
    "burgers": "Burgers' equation",
    "korteweg-de vries": "the Korteweg-de Vries equation",
    "kuramoto-sivashinsky": "the Kuramoto-Sivashinsky equation",
    "benjamin-bona-mahony": "the Benjamin-Bona-Mahony equation",
    "advection-diffusion": "the advection-diffusion equation",
}


# What of a flux is kept, so that products of waves do not come back as others.
_DEALIASED = {
    "two thirds": ", truncated to two thirds of the band",
    "smooth": ", with the shortest waves filtered out",
    "none": "",
}


@DOMAIN.algorithm(
    source="Canuto et al. 2006, ch. 3; Orszag 1971 (two-thirds rule); Trefethen 2000, ch. 10; Cox & Matthews 2002; Kassam & Trefethen 2005",
    names={
        "spectral_step": "pseudospectral_step|fourier_step|step_in_modes",
        "field": "values|state",
        "modes": "u_hat|spectrum|coeffs",
        "flux": "nonlinear|flux_hat",
        "rate": "growth|linear_part|symbol",
        "advanced": "stepped|new_modes",
        "line": "row",
        "base": "k_min|k_base",
        "POINTS": "N|CELLS",
    },
    adjoint="either",
    weight=14,
)
def spectral_step(d: Draft) -> None:
    """Advances periodic fields in time, with the linear terms exact in the Fourier modes."""
    equation = d.option("equation", *_EQUATIONS)
    scheme = d.option("scheme", "integrating factor", "midpoint", "exponential", "semi-implicit")
    given = d.option("given", "values", "modes")
    dealias = d.option("dealiasing", "two thirds", "smooth", "none")
    result = d.option("result", "field", "modes", "energy", "slope")
    forced = d.flag("forced", 0.3)
    drag = d.flag("drag", 0.3)
    lines = d.pick(1, 2, 3)
    real, imaginary, nonlinear = _EQUATIONS[equation]
    forced = forced and (nonlinear or scheme in ("integrating factor", "midpoint"))
    if not nonlinear and (not forced or scheme == "midpoint"):
        scheme = "integrating factor"
    d.module(f"POINTS = wp.constant({_N})")
    if given == "values":
        d.input("field", "float", (lines, _N), -1.0, 1.0, about="field values on periodic lines")
    else:
        d.input(
            "modes_in",
            "vec2",
            (lines, _N),
            -8.0,
            8.0,
            about="Fourier modes (real, imaginary); the field is the real part",
        )
    if "viscosity" in real:
        d.param("viscosity", "float", 0.002, 0.01, about="viscosity")
    if "dispersion" in imaginary:
        d.param("dispersion", "float", 0.001, 0.01, about="third-derivative coefficient")
    if "speed" in imaginary:
        d.param("speed", "float", 0.5, 2.0, about="long-wave speed" if nonlinear else "flow speed")
    d.param("base", "float", 0.2, 0.5, about="fundamental wavenumber, 2 pi / length")
    d.param("dt", "float", 0.005, 0.02, about="time step")
    if forced:
        d.input("forcing", "float", (lines, _N), -0.5, 0.5, about="forcing term")
    if drag:
        d.param("drag", "float", 0.1, 0.5, about="linear drag rate")
    # what was given is carried on, whatever else is told of it
    field = result == "field" or (result != "modes" and given == "values")
    if field:
        d.output("next_field", "float", (lines, _N), about="updated field values")
    else:
        d.output("next_modes", "vec2", (lines, _N), about="updated Fourier modes (real, imaginary)")
    if result == "energy":
        d.output(
            "energies", "float", (lines, _N), about="energy of each updated mode, half the squared amplitude"
        )
    elif result == "slope":
        d.output("slopes", "float", (lines, _N), about="spatial derivative of the updated field")
    extras = " and ".join(["forcing"] * forced + ["drag"] * drag)
    d.says(
        f"Advances {_SAID[equation]}{' with ' if extras else ''}{extras} on periodic 1D domains by one spectral step"
        + {"energy": " and computes mode energies.", "slope": " and computes the spatial derivative."}.get(
            result, "."
        )
    )
    if result in ("energy", "slope"):
        d.calls({
            "energy": "step_mode_energies|step_and_energies|energies_after_step",
            "slope": "step_and_slopes|slopes_after_step",
        }[result])  # fmt: skip
    if given == "values" or forced:
        d.function("@wp.func\ndef as_complex(u: float) -> wp.vec2:\n    return wp.vec2(u, 0.0)")
    d.function('''
        @wp.func
        def wavenumber(bin: int, base: float) -> float:
            """Signed wavenumber of an FFT bin (upper half is negative)."""
            signed = wp.where(bin < POINTS // 2, bin, bin - POINTS)
            return base * float(signed)
    ''')
    arguments = [a for a in ("viscosity", "dispersion", "speed") if a in real + imaginary]
    if drag:
        arguments.append("drag")
    real = ("-drag" if real == "0.0" else f"{real} - drag") if drag else real
    turns = imaginary != "0.0"
    pure = turns and real == "0.0"
    says = "Complex linear growth rate (growth, rotation) of mode k"
    says = says if turns else "Linear growth rate of mode k"
    says = "Angular frequency of mode k due to the linear terms" if pure else says
    symbol = f"wp.vec2({real}, {imaginary})" if turns else real
    d.function(f'''
        @wp.func
        def {"turning" if pure else "growth"}(k: float{"".join(f", {a}: float" for a in arguments)}) -> {"wp.vec2" if turns and not pure else "float"}:
            """{says}."""
            return {imaginary if pure else symbol}
    ''')
    if turns:
        d.function("""
            @wp.func
            def c_mul(a: wp.vec2, b: wp.vec2) -> wp.vec2:
                return wp.vec2(a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0])
        """)
    banded = nonlinear and dealias == "two thirds"
    if banded:
        d.function('''
            @wp.func
            def low_pass(z: wp.vec2, k: float, base: float) -> wp.vec2:
                """Return the mode, or zero above two thirds of the Nyquist wavenumber."""
                if wp.abs(k) > float(POINTS // 3) * base:
                    return wp.vec2(0.0, 0.0)
                return z
        ''')
    if nonlinear:
        if given == "values" and not banded:
            d.function(
                "@wp.func\ndef half_square(u: float) -> wp.vec2:\n    return wp.vec2(0.5 * u * u, 0.0)"
            )
        if given == "modes" or scheme == "midpoint" or banded:
            d.function("""
                @wp.func
                def flux_of(z: wp.vec2) -> wp.vec2:
                    # The inverse FFT is unnormalized
                    u = z[0] / float(POINTS)
                    return wp.vec2(0.5 * u * u, 0.0)
            """)
        shape = "k / (1.0 + k * k)" if equation == "benjamin-bona-mahony" else "k"
        keep = {
            "two thirds": f"kept = low_pass(z, k, base)\nreturn -{shape} * wp.vec2(-kept[1], kept[0])",
            "smooth": f"x = wp.abs(k) / (float(POINTS // 2) * base)\n# Hou-Li filter (2007): close to one up to half the Nyquist wavenumber, exp(-36) at Nyquist\nkept = wp.exp(-36.0 * wp.pow(x, 36.0))\nreturn -kept * {shape} * wp.vec2(-z[1], z[0])",
            "none": f"return -{shape} * wp.vec2(-z[1], z[0])",
        }[dealias]
        d.function(
            f'''
            @wp.func
            def convective_term(z: wp.vec2, k: float{", base: float" if dealias != "none" else ""}) -> wp.vec2:
                """Fourier mode of -d/dx of the flux{", times the inverse of 1 - d2/dx2" if "1.0 +" in shape else ""}{_DEALIASED[dealias]}."""
                $keep
            ''',
            keep=keep,
        )
    sources = [s for s, there in (("convection", nonlinear), ("forcing_hat", forced)) if there]
    n = " + ".join(sources)
    inverted = forced and equation == "benjamin-bona-mahony"
    if inverted:
        d.function('''
            @wp.func
            def smoothed(z: wp.vec2, k: float) -> wp.vec2:
                """Fourier mode of the forcing, times the inverse of 1 - d2/dx2."""
                return z / (1.0 + k * k)
        ''')
    step = (TURN_STEPS if pure else TURN_AND_GROW if turns else REAL_STEPS)[scheme]
    if not n:
        step = (
            step.replace(", n: wp.vec2", "")
            .replace("z + dt * n", "z")
            .replace(
                "Euler step using an integrating factor for the linear terms.",
                "Exact step of the linear terms, applied per mode.",
            )
        )
    d.function(step)
    nonlinear_part = f"""
        $flux
        wp.tile_fft(flux)
        convection = wp.tile_map(convective_term, flux, k{", base" if dealias != "none" else ""})
    """
    force = "forcing_hat = wp.tile_map(as_complex, wp.tile_load(forcing, shape=(1, POINTS), offset=(line, 0)))\nwp.tile_fft(forcing_hat)"
    if inverted:
        force = force + "\nforcing_hat = wp.tile_map(smoothed, forcing_hat, k)"
    if banded:
        force += "\nforcing_hat = wp.tile_map(low_pass, forcing_hat, k, base)"
    if field and result == "energy":
        d.function("""
            @wp.func
            def normalized(z: wp.vec2) -> wp.vec2:
                # The inverse FFT is unnormalized
                return z / float(POINTS)
        """)
        d.function("@wp.func\ndef real_part(z: wp.vec2) -> float:\n    return z[0]")
    elif field or result == "slope":
        d.function(
            "@wp.func\ndef grid_value(z: wp.vec2) -> float:\n    # The inverse FFT is unnormalized\n    return z[0] / float(POINTS)"
        )
    if result == "slope":
        d.function(
            """
            @wp.func
            def derivative(z: wp.vec2, k: float, base: float) -> wp.vec2:
                # Derivative of the Nyquist mode vanishes at the grid points
                if k < -(float(POINTS // 2) - 0.5) * base:
                    return wp.vec2(0.0, 0.0)
                return k * wp.vec2(-z[1], z[0])
            """
        )
    if result == "energy":
        d.function(
            "@wp.func\ndef energy_of(z: wp.vec2) -> float:\n    return 0.5 * wp.length_sq(z) / (float(POINTS) * float(POINTS))"
        )
    rate = "omega" if pure else "rate"
    stage = f"advanced = wp.tile_map(advance, modes, {f'{n}, ' if n else ''}{rate}, dt)"
    if scheme == "midpoint":
        d.function(TURN_FINISH if pure else TURN_AND_GROW_FINISH if turns else REAL_FINISH)
        stage = f"""
            # Second order: evaluate the nonlinear term at the midpoint
            middle = wp.tile_map(advance, modes, {n}, {rate}, 0.5 * dt)
            {"middle = wp.tile_map(low_pass, middle, k, base)" if banded else ""}
            wp.tile_ifft(middle)
            flux_mid = wp.tile_map(flux_of, middle)
            wp.tile_fft(flux_mid)
            convection_mid = wp.tile_map(convective_term, flux_mid, k{", base" if dealias != "none" else ""})
            advanced = wp.tile_map(finish, modes, {n.replace("convection", "convection_mid")}, {rate}, dt)
        """
    back, value = "advanced", "grid_value"
    own = ""
    if field and result == "energy":
        # The adjoint of the energies reads the modes again, so the transform must not write over them.
        back, value = "next_values", "real_part"
        own = "# The FFT is in place and the adjoint of the energies still needs the modes, so use a copy\n"
        own += "next_values = wp.tile_map(normalized, advanced)\n"
    end = {
        "energy": "wp.tile_store(energies, wp.tile_map(energy_of, advanced), offset=(line, 0))\n" + own,
        "slope": "slope = wp.tile_map(derivative, advanced, k, base)\nwp.tile_ifft(slope)\n"
        "wp.tile_store(slopes, wp.tile_map(grid_value, slope), offset=(line, 0))\n",
    }.get(result, "") + (
        f"wp.tile_ifft({back})\nwp.tile_store(next_field, wp.tile_map({value}, {back}), offset=(line, 0))"
        if field
        else "wp.tile_store(next_modes, advanced, offset=(line, 0))"
    )
    d.launch(lines, tiled=True)
    d.code(
        f"""
        line = wp.tid()
        $load
        bins = wp.tile_reshape(wp.tile_arange(POINTS, dtype=int), shape=(1, POINTS))
        k = wp.tile_map(wavenumber, bins, base)
        $push
        $drive
        {rate} = wp.tile_map({"turning" if pure else "growth"}, k{"".join(f", {a}" for a in arguments)})
        $stage
        $end
        """,
        load="u = wp.tile_load(field, shape=(1, POINTS), offset=(line, 0))\n"
        "modes = wp.tile_map(as_complex, u)\nwp.tile_fft(modes)"
        if given == "values"
        else 'modes = wp.tile_load(modes_in, shape=(1, POINTS), offset=(line, 0), storage="register")',
        flux="# Two-thirds rule: drop the modes whose products would alias\n"
        "grid = wp.tile_map(low_pass, modes, k, base)\nwp.tile_ifft(grid)\nflux = wp.tile_map(flux_of, grid)"
        if banded
        else "flux = wp.tile_map(half_square, u)"
        if given == "values"
        else '# The FFT works in place, so load a separate tile\ngrid = wp.tile_load(modes_in, shape=(1, POINTS), offset=(line, 0), storage="register")\n'
        "wp.tile_ifft(grid)\nflux = wp.tile_map(flux_of, grid)",
        stage=dedented(stage),
        push=dedented(nonlinear_part) if nonlinear else "",
        drive=force if forced else "",
        end=end,
    )
    d.explain(
        "Pseudo-spectral: derivatives are evaluated in Fourier space (multiply by i k), products on the grid."
        if nonlinear
        else "Derivatives multiply each mode by i k, so the modes evolve independently."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        j = np.fft.fftfreq(_N, 1 / _N)
        k = v.base * j
        z = np.fft.fft(v.field) if given == "values" else v.modes_in[..., 0] + 1j * v.modes_in[..., 1]
        visc, disp, speed = v.get("viscosity"), v.get("dispersion"), v.get("speed")
        rate = {"burgers": lambda: -visc * k**2, "korteweg-de vries": lambda: 1j * disp * k**3,
                "kuramoto-sivashinsky": lambda: k**2 - k**4, "benjamin-bona-mahony": lambda: -1j * speed * k / (1 + k**2),
                "advection-diffusion": lambda: -visc * k**2 - 1j * speed * k}[equation]()  # fmt: skip
        rate = rate - (v.drag if drag else 0.0)
        inverse = 1 / (1 + k**2) if equation == "benjamin-bona-mahony" else 1.0
        push_: Any = inverse * np.fft.fft(v.forcing) if forced else 0.0

        def source(modes: Any) -> Any:
            if not nonlinear:
                return push_
            gain: Any = {"two thirds": np.where(abs(j) > _N // 3, 0.0, 1.0), "none": 1.0,
                    "smooth": np.exp(-36.0 * (abs(j) / (_N // 2)) ** 36)}[dealias]  # fmt: skip
            kept: Any = gain if banded else 1.0
            flux = np.fft.fft(0.5 * np.fft.ifft(kept * modes).real ** 2)
            return kept * push_ - 1j * k * gain * flux * inverse

        h = v.dt * rate
        if scheme == "integrating factor":
            z = np.exp(h) * (z + v.dt * source(z))
        elif scheme == "midpoint":
            middle = np.exp(h / 2) * (z + v.dt / 2 * source(z))
            z = np.exp(h) * z + v.dt * np.exp(h / 2) * source(middle)
        elif scheme == "exponential":
            phi = np.where(abs(h) > 1e-7, np.expm1(h) / np.where(h == 0, 1.0, h), 1 + h / 2)
            z = np.exp(h) * z + v.dt * phi * source(z)
        else:
            z = ((1 + h / 2) * z + v.dt * source(z)) / (1 - h / 2)
        found = {"next_modes": np.stack([z.real, z.imag], axis=-1)}
        if field:
            found = {"next_field": np.fft.ifft(z).real}
        if result == "energy":
            found["energies"] = 0.5 * abs(z) ** 2 / _N**2
        if result == "slope":
            found["slopes"] = np.fft.ifft(1j * np.where(np.arange(_N) == _N // 2, 0.0, k) * z).real
        return found

    d.check(reference, 3e-3)
