"""Light in turbid media, one photon packet for each thread."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.monte_carlo import DOMAIN
from warpgen.synthesis.algorithms.monte_carlo._phases import PHASES
from warpgen.synthesis.algorithms.monte_carlo._slab import simulated
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_LAYERS = """
@wp.struct
class Layers:
    bottom: wp.array(dtype=float)  # depth of the lower boundary [cm], ascending
    mu_a: wp.array(dtype=float)  # absorption coefficient [1/cm]
    mu_s: wp.array(dtype=float)  # scattering coefficient [1/cm]
    g: wp.array(dtype=float)  # anisotropy (mean scattering cosine), nonzero
    n: wp.array(dtype=float)  # refractive index
"""
_G = "    g: wp.array(dtype=float)  # anisotropy (mean scattering cosine), nonzero\n"
_N = "    n: wp.array(dtype=float)  # refractive index\n"


@DOMAIN.algorithm(
    source="Wang, Jacques & Zheng 1995 (MCML); Prahl et al. 1989",
    names={
        "photon_transport": "mcml_kernel|propagate_photons|trace_packets",
        "layers": "tissue|medium|slab",
        "absorbed": "absorption|absorbed_weight|deposit",
        "tally": "tallies|fates|fate_tally",
        "packet": "photon|photon_id|p",
        "weight": "w|packet_weight|energy_left",
        "rng": "state|rng_state|gen",
        "layer": "layer_idx|cur_layer",
    },
    adjoint="no",
    weight=15,
)
def photon_transport(d: Draft) -> None:
    """Propagates photon packets through layered tissue with absorption, scattering and reflection."""
    phase = d.option("phase", *PHASES)
    source = d.option("source", "pencil", "gaussian", "diffuse")
    surface = d.option("surface", "fresnel", "matched", "split")
    score = d.option("score", "depth", "layers", "radius")
    roulette = d.option("roulette", "survival", "cutoff")
    spin = d.option("spin", "local frame", "direction cosines")
    detector = d.option("detector", "none", "rings", "time")
    if score != "radius" and detector != "rings" and source == "gaussian":
        source = "pencil"  # nothing tells where packets are across the beam
    if surface == "matched":
        d.says("Propagates photon packets through layered tissue with absorption and scattering.")
    packets, count, bins, most = d.pick(96, 128), d.pick(2, 3), d.pick(8, 12), 150
    bounds = {
        "bottom": fill(0.02, 0.3, "ascending", shape=count),
        "mu_a": fill(0.5, 3.0, shape=count),
        "mu_s": fill(20.0, 60.0, shape=count),
        "g": fill(0.6, 0.9, shape=count),
        "n": fill(1.33, 1.5, shape=count),
    }
    layout = _LAYERS
    if phase == "rayleigh":
        del bounds["g"]
        layout = layout.replace(_G, "")
    elif phase == "modified":
        layout = layout.replace(
            "# mean cosine of the scattering angle", "# anisotropy of the Henyey-Greenstein part"
        )
    alike = surface != "fresnel"  # all layers: nothing bends or reflects light between them
    if surface == "matched" and detector != "time":
        del bounds["n"]
        layout = layout.replace(_N, "")
    elif alike:
        bounds["n"] = fill(1.33, 1.5)
        around = " and the surrounding medium" if surface == "matched" else ""
        layout = layout.replace(_N, f"    n: float  # refractive index of all layers{around}\n")
    d.struct("layers", piece(layout), bounds, about="optical properties of the layers, topmost first")
    d.param("seed", "int", 1, 100000, about="random seed")
    if source == "gaussian":
        d.param("beam_radius", "float", 0.01, 0.05, about="1/e^2 beam radius [cm]")
    if score != "layers":
        d.param("bin_size", "float", 0.3 / bins, about="bin width [cm]")
    if detector != "none":
        d.param(
            "min_exit_cos",
            "float",
            0.3,
            0.8,
            about="minimum exit-angle cosine accepted by the detector",
        )
    if detector == "rings":
        d.param("ring_width", "float", 0.02, 0.05, about="ring width on the surface [cm]")
    elif detector == "time":
        d.param("time_bin", "float", 5.0, 10.0, about="time bin width [ps]")
    held = {
        "depth": "absorbed weight per depth bin, with an open last bin",
        "layers": "absorbed weight per layer",
        "radius": "absorbed weight per radial bin, with an open last bin",
    }[score]
    d.output("absorbed", "float", count if score == "layers" else bins, about=held)
    d.output("tally", "float", 3, about="total reflected, transmitted and dropped weight, in that order")
    if detector != "none":
        d.output(
            "detected",
            "float",
            bins,
            about="detected weight per "
            + ("ring" if detector == "rings" else "time bin, with an open last bin"),
        )
    d.module(f"MAX_STEPS = wp.constant({most})\nMIN_WEIGHT = wp.constant(0.02)")
    if roulette == "survival":
        d.module("SURVIVAL = wp.constant(0.1)  # chance of a faint packet in the roulette")
    if detector == "time":
        d.module("LIGHT_SPEED = wp.constant(0.0299792)  # in vacuum [cm/ps]")
    bent = surface != "matched"
    top = "layers.n" if alike else "layers.n[0]"
    start = {
        "pencil": "pos = wp.vec3(0.0, 0.0, 0.0)\ndir = wp.vec3(0.0, 0.0, 1.0)",
        "gaussian": (
            "# Sample the Gaussian beam radius by inversion\n"
            "beam_r = beam_radius * wp.sqrt(-0.5 * wp.log(1.0 - wp.randf(rng)))\n"
            "beam_phi = 2.0 * wp.pi * wp.randf(rng)\n"
            "pos = wp.vec3(beam_r * wp.cos(beam_phi), beam_r * wp.sin(beam_phi), 0.0)\n"
            "dir = wp.vec3(0.0, 0.0, 1.0)"
        ),
        "diffuse": (
            "# Lambertian illumination: cosine-weighted directions into the tissue\n"
            "pos = wp.vec3(0.0, 0.0, 0.0)\n"
            "sin_sq = wp.randf(rng)\n"
            "phi_in = 2.0 * wp.pi * wp.randf(rng)\n"
            + (
                "# Refract at the surface using Snell's law\n"
                f"sin_in = wp.sqrt(sin_sq) / {top}\n"
                "cos_out = wp.sqrt(1.0 - sin_sq)\n"
                "cos_in = wp.sqrt(1.0 - sin_in * sin_in)\n"
                "dir = wp.vec3(sin_in * wp.cos(phi_in), sin_in * wp.sin(phi_in), cos_in)"
                if bent
                else "sin_in = wp.sqrt(sin_sq)\n"
                "dir = wp.vec3(sin_in * wp.cos(phi_in), sin_in * wp.sin(phi_in), wp.sqrt(1.0 - sin_sq))"
            )
        ),
    }[source]
    specular = (
        ""
        if not bent
        else """
        # Subtract the specular reflection at the surface
        $mirror
        wp.atomic_add(tally, 0, r_spec)
        weight -= r_spec
        """
    )
    cross = {
        "matched": """
            # Index-matched boundary: cross without reflection or refraction
            layer = next_layer
        """,
        "fresnel": """
            n_here = layers.n[layer]
            n_there = float(1.0)
            if next_layer >= 0 and next_layer < num_layers:
                n_there = layers.n[next_layer]
            cos_i = wp.abs(dir[2])
            bend = n_here / n_there
            sin_t = bend * wp.sqrt(wp.max(1.0 - cos_i * cos_i, 0.0))
            reflectance = float(1.0)
            cos_t = float(0.0)
            # Total internal reflection past the critical angle
            if sin_t < 1.0:
                cos_t = wp.sqrt(1.0 - sin_t * sin_t)
                r_s = (n_here * cos_i - n_there * cos_t) / (n_here * cos_i + n_there * cos_t)
                r_p = (n_here * cos_t - n_there * cos_i) / (n_here * cos_t + n_there * cos_i)
                reflectance = 0.5 * (r_s * r_s + r_p * r_p)
            if wp.randf(rng) < reflectance:
                dir = wp.vec3(dir[0], dir[1], -dir[2])
                continue
            # Snell's law: scale the tangential components by the index ratio
            dir = wp.vec3(bend * dir[0], bend * dir[1], wp.sign(dir[2]) * cos_t)
            layer = next_layer
        """,
        "split": """
            # Only the outer surfaces reflect, since all layers have the same index
            if next_layer >= 0 and next_layer < num_layers:
                layer = next_layer
                continue
            cos_i = wp.abs(dir[2])
            sin_t = layers.n * wp.sqrt(wp.max(1.0 - cos_i * cos_i, 0.0))
            # Split the packet: the Fresnel fraction stays inside and the rest escapes
            if sin_t < 1.0:
                cos_t = wp.sqrt(1.0 - sin_t * sin_t)
                r_s = (layers.n * cos_i - cos_t) / (layers.n * cos_i + cos_t)
                r_p = (layers.n * cos_t - cos_i) / (layers.n * cos_t + cos_i)
                reflectance = 0.5 * (r_s * r_s + r_p * r_p)
                outside = wp.where(next_layer < 0, 0, 1)
                $out
                $watch
                weight *= reflectance
            dir = wp.vec3(dir[0], dir[1], -dir[2])
        """,
    }[surface]
    leave = (
        ""
        if surface == "split"
        else """
            if layer < 0:
                # Diffuse reflectance
                wp.atomic_add(tally, 0, weight)
                $sees
                return
            if layer >= num_layers:
                wp.atomic_add(tally, 1, weight)
                return
        """
    )
    bin_ = {
        "depth": "bin = wp.min(int(pos[2] / bin_size), absorbed.shape[0] - 1)\nwp.atomic_add(absorbed, bin, lost)",
        "layers": "wp.atomic_add(absorbed, layer, lost)",
        "radius": (
            "from_axis = wp.sqrt(pos[0] * pos[0] + pos[1] * pos[1])\n"
            "bin = wp.min(int(from_axis / bin_size), absorbed.shape[0] - 1)\nwp.atomic_add(absorbed, bin, lost)"
        ),
    }[score]
    frames = {
        "local frame": """
            # Orthonormal basis around the old direction (Duff et al. 2017)
            side = wp.where(dir[2] >= 0.0, 1.0, -1.0)
            inv = -1.0 / (side + dir[2])
            shear = dir[0] * dir[1] * inv
            axis_u = wp.vec3(1.0 + side * dir[0] * dir[0] * inv, side * shear, -side * dir[0])
            axis_v = wp.vec3(shear, side + dir[1] * dir[1] * inv, -dir[1])
            dir = wp.normalize(
                sin_theta * wp.cos(phi) * axis_u + sin_theta * wp.sin(phi) * axis_v + cos_theta * dir
            )
        """,
        "direction cosines": """
            cos_phi = wp.cos(phi)
            sin_phi = wp.sin(phi)
            if wp.abs(dir[2]) > 0.9999:
                # Special case near the z axis to avoid division by zero
                dir = wp.vec3(sin_theta * cos_phi, sin_theta * sin_phi, wp.sign(dir[2]) * cos_theta)
            else:
                span = wp.sqrt(1.0 - dir[2] * dir[2])
                ux = sin_theta * (dir[0] * dir[2] * cos_phi - dir[1] * sin_phi) / span + dir[0] * cos_theta
                uy = sin_theta * (dir[1] * dir[2] * cos_phi + dir[0] * sin_phi) / span + dir[1] * cos_theta
                uz = dir[2] * cos_theta - sin_theta * cos_phi * span
                dir = wp.normalize(wp.vec3(ux, uy, uz))
        """,
    }[spin]
    # Light that leaves through the surface at the top
    sees = {
        "none": "",
        "rings": """
            # Only accept light within the fiber acceptance cone
            if $cosine >= min_exit_cos:
                exit_r = wp.sqrt(pos[0] * pos[0] + pos[1] * pos[1])
                ring = int(exit_r / ring_width)
                if ring < detected.shape[0]:
                    wp.atomic_add(detected, ring, $leaving)
        """,
        "time": """
            if $cosine >= min_exit_cos:
                # Time of flight: optical path length / c
                flight = path / LIGHT_SPEED
                time_slot = wp.min(int(flight / time_bin), detected.shape[0] - 1)
                wp.atomic_add(detected, time_slot, $leaving)
        """,
    }[detector]
    timed = detector == "time"
    inside = "layers.n" if alike else "layers.n[layer]"
    kill = {
        "survival": """
            # Russian roulette: terminate low-weight packets without bias
            if weight < MIN_WEIGHT:
                if wp.randf(rng) > SURVIVAL:
                    return
                weight /= SURVIVAL
        """,
        "cutoff": """
            # Terminate low-weight packets and record the dropped weight
            if weight < MIN_WEIGHT:
                wp.atomic_add(tally, 2, weight)
                return
        """,
    }[roulette]
    d.launch(packets)
    d.code(
        """
        packet = wp.tid()
        rng = wp.rand_init(seed, packet)
        num_layers = layers.bottom.shape[0]
        $start
        weight = float(1.0)
        layer = int(0)
        $path
        # Optical depth to the next interaction, consumed layer by layer
        optical = float(0.0)
        $specular
        for _ in range(MAX_STEPS):
            if optical <= 0.0:
                optical = -wp.log(1.0 - wp.randf(rng))
            mu_t = layers.mu_a[layer] + layers.mu_s[layer]
            hop = optical / mu_t
            top = float(0.0)
            if layer > 0:
                top = layers.bottom[layer - 1]
            to_edge = float(1.0e6)
            next_layer = int(layer)
            if dir[2] > 1.0e-6:
                to_edge = (layers.bottom[layer] - pos[2]) / dir[2]
                next_layer = layer + 1
            elif dir[2] < -1.0e-6:
                to_edge = (top - pos[2]) / dir[2]
                next_layer = layer - 1
            # Round-off can leave a packet just past the boundary
            to_edge = wp.max(to_edge, 0.0)
            if hop > to_edge:
                # Carry the remaining optical depth into the next layer
                pos += to_edge * dir
                $far
                optical -= to_edge * mu_t
                $cross
                $leave
                continue
            pos += hop * dir
            $near
            optical = 0.0
            lost = weight * layers.mu_a[layer] / mu_t
            weight -= lost
            $bin
            $phase
            sin_theta = wp.sqrt(wp.max(1.0 - cos_theta * cos_theta, 0.0))
            phi = 2.0 * wp.pi * wp.randf(rng)
            $frames
            $kill
        # Packets still propagating after the last step
        wp.atomic_add(tally, 2, weight)
        """,
        start=start,
        specular=specular,
        mirror="""
            spec_s = (cos_out - $top * cos_in) / (cos_out + $top * cos_in)
            spec_p = (cos_in - $top * cos_out) / (cos_in + $top * cos_out)
            r_spec = 0.5 * (spec_s * spec_s + spec_p * spec_p)
            """
        if source == "diffuse"
        else """
            r_spec = ($top - 1.0) / ($top + 1.0)
            r_spec = r_spec * r_spec
            """,
        cross=cross,
        leave=leave,
        bin=bin_,
        phase=PHASES[phase],
        frames=frames,
        kill=kill,
        leaving="leaving" if surface == "split" else "weight",
        sees=sees,
        cosine="cos_t" if surface == "split" else "-dir[2]",
        top=top,
        out="leaving = weight * (1.0 - reflectance)\nwp.atomic_add(tally, outside, leaving)"
        if detector != "none"
        else "wp.atomic_add(tally, outside, weight * (1.0 - reflectance))",
        watch="if outside == 0:\n    $sees" if detector != "none" else "",
        path="path = float(0.0)" if timed else "",
        far=f"path += {inside} * to_edge" if timed else "",
        near=f"path += {inside} * hop" if timed else "",
    )
    d.explain(
        "Weights are dimensionless, lengths in cm. The z axis points into the tissue; the surface is at z = 0.\n"
        "The total weight equals the number of packets"
        + (", apart from roulette noise." if roulette == "survival" else ".")
    )

    def conserved(before: Values, after: Values) -> None:
        if detector != "none":
            assert (after.detected >= 0).all()
            assert after.detected.sum() <= after.tally[0] * 1.001
            assert after.detected.sum() > 0.1 * (after.tally[0] - packets * 0.05)
        total = after.absorbed.sum() + after.tally.sum()
        slack = 2e-3 if roulette == "cutoff" else 0.06
        assert abs(total / packets - 1.0) < slack, "weight is lost or made"
        assert (after.absorbed >= 0).all()
        assert (after.tally >= 0).all()
        assert after.tally[0] > 0
        assert after.absorbed.sum() > 0.02 * packets
        if surface != "matched":
            n = np.ravel(before["layers.n"])[0]
            assert after.tally[0] >= packets * ((n - 1) / (n + 1)) ** 2 * 0.999
        made, back = simulated(before, phase, source, surface)
        noise = 2.5 / packets**0.5
        assert abs(after.absorbed.sum() / packets - made) < noise, "too much or too little is absorbed"
        assert abs(after.tally[0] / packets - back) < noise, "too much or too little comes back"

    d.holds(conserved)
