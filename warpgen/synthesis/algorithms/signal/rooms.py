"""Echoes of rooms."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Allen & Berkley 1979 (image sources); Kuttruff 2016, sec. 4.1 and 5.1; Peterson 1986; ISO 9613-1",
    names={
        "image_sources": "room_impulse_response|image_source_method|rir_kernel|render_echoes",
        "sources": "emitters|speakers|source_pos",
        "microphones": "mics|receivers|listener_pos",
        "room": "room_size|dimensions|room_dims",
        "reflection": "beta|wall_coeff|reflection_coeff",
        "order": "max_order|image_order",
        "response": "rir|impulse_response|h_out",
        "mirrored": "image_pos|virtual_source|image_source",
        "arrival": "delay|delay_samples",
        "pair": "tid|i|path",
    },
    adjoint="no",
    weight=6,
    element="pair",
)
def image_sources(d: Draft) -> None:
    """Computes room acoustics for a rectangular room using the image source method."""
    result = d.option("result", "response", "energy", "clarity", "first echo", weights=(0.45, 0.2, 0.2, 0.15))
    walls = d.option("walls", "one", "per axis", "per wall")
    delay = d.option("delay", "nearest", "linear", "sinc")
    air = d.flag("air", 0.4)
    pattern = d.option("microphone", "omni", "cardioid", "figure of eight")
    # a few reflections are all early, and the first echo needs no limit
    limited = d.flag("order limit", 0.45) and result not in ("clarity", "first echo")
    ears = {"omni": "", "cardioid": "cardioid ", "figure of eight": "figure-of-eight "}[
        pattern
    ] + "microphones"
    method = "image source method" + ", limited reflection order" * limited + ", air absorption" * air
    if result != "response":
        d.calls({
            "energy": "room_sound_level|sum_image_energy|sound_energy",
            "clarity": "room_clarity|clarity_index|speech_clarity",
            "first echo": "first_echo|first_reflection_gap|initial_time_delay",
        }[result])  # fmt: skip
    n, taps = d.pick(6, 8, 10), d.pick(48, 64)
    order = 1
    d.input("sources", "vec3", n, 0.5, 3.5, about="Source positions [m]")
    d.input("microphones", "vec3", n, 0.5, 3.5, about="Microphone positions [m]")
    if pattern != "omni":
        d.input("facing", "vec3", n, kind="unit", about="Unit microphone directions")
    d.param("room", "vec3", 4.0, 6.0, about="Room dimensions [m], with one corner at the origin")
    if walls == "one":
        d.param("reflection", "float", 0.6, 0.9, about="Wall pressure reflection coefficient")
    elif walls == "per axis":
        d.param(
            "reflection",
            "vec3",
            0.6,
            0.9,
            about="Pressure reflection coefficients per axis",
        )
    else:
        d.input(
            "reflection",
            "float",
            6,
            0.6,
            0.9,
            about="Pressure reflection coefficients: x low, x high, y low ...",
        )
    d.param("order", "int", order, about="Number of room copies on each side per axis")
    if limited:
        d.param("most_bounces", "int", 3, about="Maximum reflection order")
    if air:
        d.param("absorption", "float", 0.002, 0.01, about="Air absorption coefficient for pressure [1/m]")
    if result == "response":
        d.param("rate", "float", 2000.0, about="Sample rate [Hz]")
        d.output("response", "float", (n, taps), about="Impulse responses, must be zeroed before launch")
        d.says(f"Renders room impulse responses between sources and {ears} ({method}).")
    elif result == "energy":
        d.output("level", "float", n, about="Sound level [dB]")
        d.says(
            f"Computes sound levels at {ears} in a rectangular room by summing image source energies ({method})."
        )
    elif result == "clarity":
        d.param("early", "float", 0.03, 0.05, about="Early time limit after the direct sound [s]")
        d.output("clarity", "float", n, about="Early-to-late energy ratio [dB]")
        d.says(
            f"Computes the clarity (early-to-late energy ratio) at {ears} in a rectangular room ({method})."
        )
    else:
        d.output("echo_gap", "float", n, about="Initial time delay gap [s]")
        d.says("Computes the delay between direct sound and first echo in a rectangular room.")
    d.module("SPEED_OF_SOUND = wp.constant(343.0)  # speed of sound at 20 degrees Celsius [m/s]")
    low = {
        "one": ("wp.pow(reflection, float(bounces))", ""),
        "per axis": (
            "wp.pow(reflection[0], float(hits_x)) * wp.pow(reflection[1], float(hits_y)) * wp.pow(reflection[2], float(hits_z))", ""),
        "per wall": ("", ""),
    }[walls][0]  # fmt: skip
    if walls == "per wall":
        d.function('''
            @wp.func
            def wall_gain(low: float, high: float, cell: int, flip: int) -> float:
                """Pressure factor from reflections at two opposite walls."""
                return wp.pow(low, float(wp.abs(cell - flip))) * wp.pow(high, float(wp.abs(cell)))
        ''')
        low = " * ".join(
            f"wall_gain(reflection[{2 * a}], reflection[{2 * a + 1}], n{c}, flip_{c})"
            for a, c in enumerate("xyz")
        )
    hear = {
        "omni": "",
        "cardioid": "gain *= 0.5 * (1.0 + wp.dot(facing[pair], mirrored - ear) / distance)",
        "figure of eight": "gain *= wp.dot(facing[pair], mirrored - ear) / distance",
    }[pattern]
    put = {
        "nearest": "tap = int(wp.rint(arrival))\nif tap < taps:\n    response[pair, tap] += gain",
        "linear": "tap = int(wp.floor(arrival))\nshare = wp.frac(arrival)\n"
        "if tap < taps:\n    response[pair, tap] += (1.0 - share) * gain\n"
        "if tap + 1 < taps:\n    response[pair, tap + 1] += share * gain",
        "sinc": """
            # Hann-windowed sinc for band-limited fractional delays (Peterson)
            nearest = int(wp.rint(arrival))
            for tap in range(wp.max(nearest - 4, 0), wp.min(nearest + 5, taps)):
                off = float(tap) - arrival
                window = 0.5 * (1.0 + wp.cos(wp.pi * off / 5.0))
                ripple = wp.where(wp.abs(off) < 1.0e-4, 1.0, wp.sin(wp.pi * off) / (wp.pi * off))
                response[pair, tap] += gain * window * ripple
        """,
    }[delay]
    gather = {
        "response": "arrival = distance / SPEED_OF_SOUND * rate\n" + dedented(put),
        "energy": "energy += gain * gain",
        "clarity": """
            lag = (distance - direct) / SPEED_OF_SOUND
            if lag <= early:
                early_energy += gain * gain
            else:
                late_energy += gain * gain
        """,
        "first echo": """
            if bounces > 0:
                shortest = wp.min(shortest, distance)
        """,
    }[result]
    start = {
        "response": "taps = response.shape[1]",
        "energy": "energy = float(0.0)",
        "clarity": "# Small epsilons keep the ratio finite\nearly_energy = float(1.0e-9)\nlate_energy = float(1.0e-9)\n"
        "direct = wp.length(origin - ear)",
        "first echo": "shortest = float(1.0e6)",
    }[result]
    store = {
        "response": "",
        "energy": "# Clamp to avoid log(0)\nlevel[pair] = 10.0 * wp.log10(wp.max(energy, 1.0e-12))",
        "clarity": "clarity[pair] = 10.0 * wp.log10(early_energy / late_energy)",
        "first echo": "echo_gap[pair] = (shortest - wp.length(origin - ear)) / SPEED_OF_SOUND",
    }[result]
    need_hits = walls == "per axis"
    need_bounces = walls == "one" or limited or result == "first echo"
    counting = []
    if need_hits or need_bounces:
        counting += [f"hits_{c} = wp.abs(n{c} - flip_{c}) + wp.abs(n{c})" for c in "xyz"]
    if need_bounces:
        counting.append("bounces = hits_x + hits_y + hits_z")
    gain = result != "first echo"
    d.launch(n)
    d.code(
        """
        pair = wp.tid()
        origin = sources[pair]
        ear = microphones[pair]
        $start
        for nx in range(-order, order + 1):
            for ny in range(-order, order + 1):
                for nz in range(-order, order + 1):
                    # Eight images per room copy, one per combination of axis flips
                    for flips in range(8):
                        flip_x = flips & 1
                        flip_y = (flips >> 1) & 1
                        flip_z = flips >> 2
                        $counting
                        $limit
                        signs = wp.vec3(1.0 - 2.0 * float(flip_x), 1.0 - 2.0 * float(flip_y), 1.0 - 2.0 * float(flip_z))
                        copies = wp.vec3(2.0 * float(nx), 2.0 * float(ny), 2.0 * float(nz))
                        mirrored = wp.cw_mul(signs, origin) + wp.cw_mul(copies, room)
                        $near
                        distance = $length
                        $gain
                        $hear
                        $air
                        $gather
        $store
        """,
        start=start,
        counting="\n".join(counting),
        length="wp.max(wp.length(mirrored - ear), 0.05)" if gain else "wp.length(mirrored - ear)",
        near="# Clamp the distance to avoid division by zero" if gain else "",
        limit="if bounces > most_bounces:\n    continue" if limited else "",
        gain=f"# Spherical spreading and wall losses\ngain = {low} / (4.0 * wp.pi * distance)"
        if gain
        else "",
        hear=hear if gain else "",
        air="gain *= wp.exp(-absorption * distance)" if air and gain else "",
        gather=dedented(gather),
        store=store,
    )
    d.explain("""
        Image sources are at (1 - 2 q) x + 2 n L with q in {0, 1}; the number of wall reflections is
        |n - q| + |n| per axis (Allen & Berkley, eq. 10).
    """)

    def reference(v: Values) -> dict[str, Any]:
        grid = np.arange(-order, order + 1)
        nn = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), -1).reshape(-1, 1, 3)
        q = np.array([[f & 1, f >> 1 & 1, f >> 2] for f in range(8)])[None]
        hits_low, hits_high = abs(nn - q), abs(nn) + 0 * q
        beta = np.ones((3, 2))
        if "reflection" in v:
            beta = (
                np.reshape(v.reflection, {"one": (1, 1), "per axis": (3, 1), "per wall": (3, 2)}[walls])
                * beta
            )
        loss = (beta[:, 0] ** hits_low * beta[:, 1] ** hits_high).prod(2).ravel()
        bounces = (hits_low + hits_high).sum(2).ravel()
        keep = bounces <= (v.most_bounces if limited else 99)
        out: dict[str, Any] = {k: np.zeros(n) for k in ("level", "clarity", "echo_gap")}
        out["response"] = np.zeros((n, taps))
        for i in range(n):
            x = ((1 - 2 * q) * v.sources[i] + 2 * nn * v.room).reshape(-1, 3) - v.microphones[i]
            r = np.maximum(np.linalg.norm(x, axis=1), 0.05)
            g = loss / (4 * np.pi * r) * keep * (np.exp(-v.absorption * r) if "absorption" in v else 1.0)
            if "facing" in v:
                c = x @ v.facing[i] / r
                g = g * (0.5 * (1 + c) if pattern == "cardioid" else c)
            direct = np.linalg.norm(v.sources[i] - v.microphones[i])
            out["level"][i] = 10 * np.log10(max((g**2).sum(), 1e-12))
            out["echo_gap"][i] = (r[keep & (bounces > 0)].min() - direct) / 343
            if result == "clarity":
                soon = (r - direct) / 343 <= v.early
                out["clarity"][i] = 10 * np.log10(((g**2)[soon].sum() + 1e-9) / ((g**2)[~soon].sum() + 1e-9))
            if result == "response":
                at = r / 343 * v.rate
                for a, b in zip(at, g, strict=True):
                    for t, w in _taps(a, delay):
                        if 0 <= t < taps:
                            out["response"][i, t] += b * w
        name = {"energy": "level", "first echo": "echo_gap"}.get(result, result)
        return {name: out[name]}

    if result == "response" and delay == "nearest":

        def near(v: Values, after: Values) -> None:
            # Rounding moves single echoes to the next tap.
            a, b = np.cumsum(after.response, 1), np.cumsum(reference(v)["response"], 1)
            assert (np.abs(a - b) < 2e-3 * np.abs(b).max() + 1e-5).mean() > 0.9, "echoes at other times"

        d.holds(near)
    else:
        d.check(reference, 5e-3)


def _taps(at: float, delay: str) -> list[tuple[int, float]]:
    """Samples that an echo at a time between samples falls to, with weights."""
    if delay == "nearest":
        return [(int(np.rint(at)), 1.0)]
    if delay == "linear":
        return [(int(at), 1 - at % 1), (int(at) + 1, at % 1)]
    first = int(np.rint(at)) - 4
    off = np.arange(first, first + 9) - at
    return list(
        zip(range(first, first + 9), (0.5 + 0.5 * np.cos(np.pi * off / 5)) * np.sinc(off), strict=True)
    )
