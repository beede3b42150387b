"""Gradient noise summed over octaves, warped, made into terrain, flow and clouds."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.sampling import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "height": "heights|elevation|terrain|h_map",
    "seed": "noise_seed|world_seed",
    "frequency": "base_frequency|freq|scale",
    "amplitude": "amp|weight",
    "state": "rng|rng_state",
}


@DOMAIN.algorithm(
    source="Musgrave, in Ebert et al. 2003, ch. 16; Perlin 2002",
    names=_NAMES | {"fractal_noise": "fbm_heightmap|generate_terrain|noise_octaves", "octave": "o|level|k"},
    adjoint="either",
    weight=5,
)
def fractal_noise(d: Draft) -> None:
    """Evaluates fractal Brownian motion (octaves of gradient noise) on a grid."""
    kind = d.option("kind", "fbm", "turbulence", "ridged")
    dimension = d.option("dimension", 2, 3)
    periodic = d.flag("periodic", 0.3)
    octaves = d.option("octaves", "fixed", "given", "until fine")
    normalised = d.flag("normalised")
    loop = {
        "fixed": f"for octave in range({d.pick(3, 4)}):",
        "given": "for octave in range(octaves):",
        "until fine": "while frequency_k < cutoff:",
    }[octaves]
    how = ("normalized " if normalised else "") + ("tileable " if periodic else "")
    where = "on a grid" if dimension == 2 else "on a grid at a given time"
    d.says(
        {
            "fbm": f"Evaluates {how}fractal Brownian motion (octaves of gradient noise) {where}.",
            "turbulence": f"Evaluates {how}turbulence noise (sum of absolute octaves) {where}.",
            "ridged": f"Evaluates {how}ridged noise (sum of 1 - |octave|) {where}.",
        }[kind]
    )
    if kind != "fbm":
        d.calls({
            "turbulence": "turbulence_noise|sum_absolute_octaves|turbulence_heights",
            "ridged": "ridged_noise|generate_ridges|mountain_heights",
        }[kind])  # fmt: skip
    rows, columns = d.pick((12, 16), (10, 12), (16, 16))
    d.param("seed", "int", 0, 1000, about="Random seed")
    if periodic:
        frequency = "float(2.0)"
    else:
        d.param("frequency", "float", 0.5, 2.0, about="Base frequency")
        frequency = "frequency"
    if dimension == 3:
        d.param("time", "float", 0.0, 4.0, about="Animation time")
    if octaves == "given":
        # cells of a fifth octave would be smaller than the spacing of the grid
        d.param("octaves", "int", d.pick(3, 4) if periodic else d.pick(3, 4, 5), about="Number of octaves")
    elif octaves == "until fine":
        d.param("cutoff", "float", 12.0, 20.0, about="Maximum octave frequency")
    d.output("height", "float", (rows, columns), about="Noise values")
    # off the corners of the noise's own cells, where it is zero
    x, y = "(float(j) + 0.5) / float(height.shape[1])", "(float(i) + 0.5) / float(height.shape[0])"
    point = f"wp.vec2({x}, {y})" if dimension == 2 else f"wp.vec3({x}, {y}, time)"
    sampled = "wp.noise(state, frequency_k * p)"
    if periodic:
        period = "int(frequency_k)"
        periods = ", ".join([period] * dimension)
        sampled = f"wp.pnoise(state, frequency_k * p, {periods})"
    term = {"fbm": sampled, "turbulence": f"wp.abs({sampled})", "ridged": f"(1.0 - wp.abs({sampled}))"}[kind]
    d.launch(rows, columns)
    d.code(
        f"""
        i, j = wp.tid()
        state = wp.rand_init(seed)
        p = {point}
        total = float(0.0)
        amplitude = float(1.0)
        $whole
        frequency_k = {frequency}
        $norm
        {loop}
            total += amplitude * {term}
            $normed
            amplitude *= 0.5
            frequency_k *= 2.0
        height[i, j] = {"total / amplitude_sum" if normalised else "total"}
        """,
        whole="# Two cells across the grid, doubled for each octave" if periodic else "",
        norm="amplitude_sum = float(0.0)" if normalised else "",
        normed="amplitude_sum += amplitude" if normalised else "",
    )
    if periodic:
        d.explain("Tileable: the period of each octave is a whole number of cells.")
    else:
        d.explain("The amplitude is halved and the frequency doubled for each octave.")

    def shaped(before: Values, after: Values) -> None:
        h = after.height
        assert np.isfinite(h).all()
        assert h.std() > 1e-3
        bound = 1.0 if normalised else 2.0
        assert np.abs(h).max() <= bound + 1e-5
        if kind == "turbulence":
            assert (h >= 0.0).all()
        # neighbours are alike: noise is continuous
        assert np.abs(np.diff(h, axis=1)).mean() < 1.6 * h.std()

    d.holds(shaped)


@DOMAIN.algorithm(
    source="Bridson, Hourihan & Nordenstam 2007, sec. 2",
    names=_NAMES
    | {
        "x": "positions|points|p",
        "v": "velocities|velocity|u",
    },
    adjoint="either",
    weight=7,
)
def curl_flow(d: Draft) -> None:
    """Computes divergence-free curl noise velocities at points."""
    dimension = d.option("dimension", 2, 3)
    way = d.option("way", "builtin", "differences")
    step = d.flag("step")
    octaves = d.flag("octaves")
    d.calls(
        "advect_by_curl_noise|advect_noise|swirl_points"
        if step
        else "curl_noise|turbulent_velocity|curl_noise_velocity"
    )
    type_ = f"vec{dimension}"
    two = " of two octaves" if octaves else ""
    count = d.pick(64, 96, 128)
    d.param("seed", "int", 0, 1000, about="Random seed")
    d.param("frequency", "float", 0.5, 2.0, about="Base frequency" if octaves else "Noise frequency")
    d.input("x", type_, count, -2.0, 2.0, about="Positions")
    if step:
        d.param("dt", "float", 0.01, 0.1, about="Time step [s]")
        d.output("moved", type_, count, about="Advected positions")
        d.says(f"Advects points through divergence-free curl noise{two} using one Euler step.")
    else:
        d.output("v", type_, count, about="Velocities")
        d.says(f"Computes divergence-free curl noise velocities{two} at points.")
    wide = "" if dimension == 2 else "3"
    curl = "wp.curlnoise(state, frequency * x[tid])"
    lines = ""
    if way == "differences":
        name = f"potential_curl{wide}"
        curl = f"{name}(state, frequency * x[tid])"
        if dimension == 2:
            d.function(f"""
                @wp.func
                def {name}(state: wp.uint32, p: wp.vec2):
                    # central differences of the stream function psi: v = (d psi/dy, -d psi/dx)
                    h = 0.01
                    dx = wp.noise(state, p + wp.vec2(h, 0.0)) - wp.noise(state, p - wp.vec2(h, 0.0))
                    dy = wp.noise(state, p + wp.vec2(0.0, h)) - wp.noise(state, p - wp.vec2(0.0, h))
                    return wp.vec2(dy, -dx) / (2.0 * h)
            """)
        else:
            d.function("""
                @wp.func
                def potential(state: wp.uint32, p: wp.vec3):
                    # distant offsets decorrelate the three components of the vector potential
                    a = wp.noise(state, p)
                    b = wp.noise(state, p + wp.vec3(31.3, -12.7, 74.1))
                    c = wp.noise(state, p + wp.vec3(-57.9, 43.2, 19.6))
                    return wp.vec3(a, b, c)
            """)
            d.function(f"""
                @wp.func
                def {name}(state: wp.uint32, p: wp.vec3):
                    h = 0.01
                    ex = wp.vec3(h, 0.0, 0.0)
                    ey = wp.vec3(0.0, h, 0.0)
                    ez = wp.vec3(0.0, 0.0, h)
                    dx = potential(state, p + ex) - potential(state, p - ex)
                    dy = potential(state, p + ey) - potential(state, p - ey)
                    dz = potential(state, p + ez) - potential(state, p - ez)
                    return wp.vec3(dy[2] - dz[1], dz[0] - dx[2], dx[1] - dy[0]) / (2.0 * h)
            """)
    if octaves:
        second = curl.replace("frequency * x[tid]", "2.0 * frequency * x[tid]")
        lines = f"# fBm: half the amplitude at twice the frequency\nvelocity = {curl} + 0.5 * {second}"
        curl = "velocity"
    target = f"moved[tid] = x[tid] + dt * {curl}" if step else f"v[tid] = {curl}"
    d.launch(count)
    d.code("tid = wp.tid()\nstate = wp.rand_init(seed)\n$lines\n$target", lines=lines, target=target)
    d.explain("The curl of a potential is divergence-free, so tracers do not cluster.")

    def swirling(before: Values, after: Values) -> None:
        v = (after.moved - before.x) / before.dt if step else after.v
        assert np.isfinite(v).all()
        assert (v.std(axis=0) > 0.05).all()
        assert np.abs(v.mean(axis=0)).max() < 1.5
        assert np.linalg.norm(v, axis=1).max() < 20.0
        assert len(np.unique(np.round(v, 4), axis=0)) > 0.9 * count

    d.holds(swirling)
