"""Spins under pulses and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.medicine import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_TISSUE = piece("""
@wp.struct
class Tissue:
    t1: wp.array(dtype=float)  # longitudinal relaxation time per voxel [ms]
    t2: wp.array(dtype=float)  # transverse relaxation time per voxel [ms]
    proton_density: wp.array(dtype=float)  # equilibrium magnetization per voxel
    off_resonance: wp.array(dtype=float)  # [rad/ms]
""")


@DOMAIN.algorithm(
    source="Bloch 1946; Bernstein, King & Zhou 2004, ch. 3; Hargreaves 2001 (matrix form)",
    names={
        "bloch_simulate": "simulate_sequence|bloch_kernel|spin_simulation",
        "flips": "flip_angles|rf_angles|alpha",
        "phases": "rf_phases|phase_cycle|rf_phase",
        "delays": "durations|event_times|tau",
        "gradient_areas": "grad_moments|k_steps",
        "signal": "echoes|samples|adc",
        "tissue": "phantom|voxel_props|sample",
        "spin": "m_vec|moment|magnetization",
        "voxel": "v|isochromat|vox",
    },
    weight=2,
    element="voxel",
)
def bloch_simulate(d: Draft) -> None:
    """Simulates voxel magnetization during an MRI pulse sequence (Bloch equations)."""
    start = d.option("start", "equilibrium", "given")
    rotation = d.option("rotation", "rodrigues", "matrix", "quaternion")
    gradient = d.option("gradients", "none", "linear", "vector")
    inverted = d.flag("inversion", 0.4)
    spoiled = d.option("spoiling", "none", "ideal", "mask")
    result = d.option("result", "echoes", "final")
    voxels, events = d.pick(32, 48), d.pick(3, 4)
    bounds = {
        "t1": fill(300.0, 900.0, shape=voxels),
        "t2": fill(40.0, 120.0, shape=voxels),
        "proton_density": fill(0.5, 1.0, shape=voxels),
        "off_resonance": fill(-0.05, 0.05, shape=voxels),
    }
    d.struct("tissue", _TISSUE, bounds, about="relaxation times, proton density and off-resonance per voxel")
    if start == "given":
        d.input("magnetization", "vec3", voxels, -0.25, 0.25, about="initial magnetization per voxel")
    if gradient == "linear":
        d.input("positions", "float", voxels, -1.0, 1.0, about="voxel positions along the readout axis [cm]")
        d.input("gradient_areas", "float", events, -2.0, 2.0, about="gradient area per event [rad/cm]")
    elif gradient == "vector":
        d.input("positions", "vec3", voxels, -1.0, 1.0, about="voxel centers [cm]")
        d.input("gradient_areas", "vec3", events, -2.0, 2.0, about="gradient area per event [rad/cm]")
    d.input("flips", "float", events, 0.2, 1.5, about="flip angle per event [rad]")
    d.input("phases", "float", events, -3.0, 3.0, about="transmit phase per event [rad]")
    d.input("delays", "float", events, 5.0, 30.0, about="duration per event [ms]")
    if spoiled == "mask":
        d.mask(
            "spoil",
            "bool",
            events,
            rare=True,
            about="spoiler mask, True for events starting with a spoiler gradient",
        )
    if inverted:
        d.param("inversion_time", "float", 50.0, 200.0, about="delay after the inversion pulse [ms]")
    if result == "echoes":
        d.output("signal", "vec2", events, about="transverse signal per event, summed over voxels")
    else:
        d.output("final", "vec3", voxels, about="final magnetization per voxel")
    d.module(f"NUM_EVENTS = wp.constant({events})")
    d.function(
        """
        @wp.func
        def apply_pulse(spin: wp.vec3, flip: float, phase: float) -> wp.vec3:
            \"\"\"Apply a hard RF pulse, a rotation about an axis in the xy plane.\"\"\"
            $turn
        """,
        turn={
            "rodrigues": (
                "axis = wp.vec3(wp.cos(phase), wp.sin(phase), 0.0)\n"
                "# v cos(a) + (k x v) sin(a) + k (k . v) (1 - cos(a))\n"
                "turned = spin * wp.cos(flip) + wp.cross(axis, spin) * wp.sin(flip)\n"
                "return turned + axis * (wp.dot(axis, spin) * (1.0 - wp.cos(flip)))"
            ),
            "matrix": (
                "cp = wp.cos(phase)\nsp = wp.sin(phase)\nca = wp.cos(flip)\nsa = wp.sin(flip)\n"
                "rotation = wp.mat33(\n"
                "    cp * cp + sp * sp * ca, cp * sp * (1.0 - ca), sp * sa,\n"
                "    cp * sp * (1.0 - ca), sp * sp + cp * cp * ca, -cp * sa,\n"
                "    -sp * sa, cp * sa, ca,\n"
                ")\n"
                "return rotation * spin"
            ),
            "quaternion": (
                "axis = wp.vec3(wp.cos(phase), wp.sin(phase), 0.0)\n"
                "return wp.quat_rotate(wp.quat_from_axis_angle(axis, flip), spin)"
            ),
        }[rotation],
    )
    d.function("""
        @wp.func
        def precess(spin: wp.vec3, turn: float) -> wp.vec3:
            \"\"\"Rotate the transverse magnetization about z (angle in radians).\"\"\"
            c = wp.cos(turn)
            s = wp.sin(turn)
            return wp.vec3(c * spin[0] - s * spin[1], s * spin[0] + c * spin[1], spin[2])
    """)
    d.function("""
        @wp.func
        def relax(spin: wp.vec3, duration: float, t1: float, t2: float, m0: float) -> wp.vec3:
            \"\"\"Apply T1 and T2 relaxation (duration in milliseconds).\"\"\"
            e1 = wp.exp(-duration / t1)
            e2 = wp.exp(-duration / t2)
            # Longitudinal recovery towards equilibrium m0
            return wp.vec3(spin[0] * e2, spin[1] * e2, m0 + (spin[2] - m0) * e1)
    """)
    turned = gradient != "none"  # by a gradient
    turn = "tissue.off_resonance[voxel] * duration" + (" + extra_turn" if turned else "")
    d.function(
        """
        @wp.func
        def free_evolution(spin: wp.vec3, voxel: int, duration: float, $parameter, tissue: Tissue) -> wp.vec3:
            \"\"\"Free precession and relaxation.\"\"\"
            turn = $turn
            evolved = precess(spin, turn)
            t1 = tissue.t1[voxel]
            t2 = tissue.t2[voxel]
            return relax(evolved, duration, t1, t2, tissue.proton_density[voxel])
    """.replace("$parameter, ", "extra_turn: float, " if turned else "").replace("$turn", turn)
    )
    begin = (
        "spin = magnetization[voxel]"
        if start == "given"
        else "spin = wp.vec3(0.0, 0.0, tissue.proton_density[voxel])"
    )
    if inverted:
        begin = (
            f"{begin}\n# Inversion recovery preparation: 180-degree pulse about x\n"
            "spin = wp.vec3(spin[0], -spin[1], -spin[2])\n"
            if start == "given"
            else "# Inversion recovery preparation: start from inverted equilibrium\n"
            "spin = wp.vec3(0.0, 0.0, -tissue.proton_density[voxel])\n"
        )
        begin += f"spin = free_evolution(spin, voxel, inversion_time, {'0.0, ' if turned else ''}tissue)"
    spoiler = {
        "none": "",
        "ideal": "# Ideal spoiling: zero the transverse magnetization\nspin = wp.vec3(0.0, 0.0, spin[2])",
        "mask": "# Spoiler gradient: zero the transverse magnetization\nif spoil[event]:\n    spin = wp.vec3(0.0, 0.0, spin[2])",
    }[spoiled]
    moment = {
        "none": "",
        "linear": "positions[voxel] * gradient_areas[event], ",
        "vector": "wp.dot(positions[voxel], gradient_areas[event]), ",
    }[gradient]
    d.launch(voxels)
    d.code(
        f"""
        voxel = wp.tid()
        $begin
        for event in range(NUM_EVENTS):
            $spoiler
            spin = apply_pulse(spin, flips[event], phases[event])
            spin = free_evolution(spin, voxel, delays[event], {moment}tissue)
            $sample
        $store
        """,
        begin=begin,
        spoiler=spoiler,
        sample="# Accumulate the receive coil signal over all voxels\nwp.atomic_add(signal, event, wp.vec2(spin[0], spin[1]))"
        if result == "echoes"
        else "",
        store="" if result == "echoes" else "final[voxel] = spin",
    )
    kinds = ["pulses", *["gradients"] * (gradient != "none"), *["spoilers"] * (spoiled != "none")]
    events_ = f"{', '.join(kinds)} and delays" + (" after an inversion" if inverted else "")
    what = "the signal of all voxels" if result == "echoes" else "voxel magnetization"
    d.says(f"Simulates {what} for a sequence of {events_}.")
    d.explain(
        "Hard-pulse approximation: each event is an instantaneous rotation followed by free precession\n"
        "and relaxation; rotations are right-handed."
    )

    def reference(v: Values) -> dict[str, Any]:
        m0, off = v["tissue.proton_density"], v["tissue.off_resonance"]
        z = np.array(v.magnetization[:, 2] if start == "given" else m0)
        xy = v.magnetization[:, 0] + 1j * v.magnetization[:, 1] if start == "given" else 0j * m0

        def free(xy: Any, z: Any, t: float, extra: Any) -> tuple[Any, Any]:
            xy = xy * np.exp(1j * (off * t + extra) - t / v["tissue.t2"])
            return xy, m0 + (z - m0) * np.exp(-t / v["tissue.t1"])

        if inverted:
            xy, z = free(xy.conj(), -z, v.inversion_time, 0.0)
        echoes = []
        for event in range(events):
            if spoiled == "ideal" or (spoiled == "mask" and v.spoil[event]):
                xy = 0 * xy
            # seen from the axis of the pulse, it turns the imaginary part and z
            seen = xy * np.exp(-1j * v.phases[event])
            c, s = np.cos(v.flips[event]), np.sin(v.flips[event])
            seen, z = seen.real + 1j * (c * seen.imag - s * z), s * seen.imag + c * z
            extra: Any = 0.0
            if gradient == "linear":
                extra = v.positions * v.gradient_areas[event]
            elif gradient == "vector":
                extra = v.positions @ v.gradient_areas[event]
            xy, z = free(seen * np.exp(1j * v.phases[event]), z, v.delays[event], extra)
            echoes.append([xy.real.sum(), xy.imag.sum()])
        if result == "echoes":
            return {"signal": np.array(echoes)}
        return {"final": np.stack([xy.real, xy.imag, z], axis=1)}

    d.check(reference, 1e-3)
