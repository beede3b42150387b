"""All pairs of a small cluster at once: a tile of points against itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_Law = tuple[str, str, Callable[..., Any], Callable[..., Any]]
# Energy of a pair and its slope over the distance, from r2 = d2 + soft^2 and its root r; q or m is a product.
_LAWS: dict[str, _Law] = {
    "Gravity": ("-strength * m / r", "strength * m / (r2 * r)",
                lambda r2, q, s, a: -s * q / np.sqrt(r2), lambda r2, q, s, a: s * q / r2**1.5),
    "Coulomb": ("strength * q / r", "-strength * q / (r2 * r)",
                lambda r2, q, s, a: s * q / np.sqrt(r2), lambda r2, q, s, a: -s * q / r2**1.5),
    "Yukawa": ("strength * q * wp.exp(-r / reach) / r",
               "-strength * q * wp.exp(-r / reach) * (1.0 / r + 1.0 / reach) / r2",
               lambda r2, q, s, a: s * q * np.exp(-np.sqrt(r2) / a) / np.sqrt(r2),
               lambda r2, q, s, a: -s * q * np.exp(-np.sqrt(r2) / a) * (r2**-0.5 + 1 / a) / r2),
    "Lennard-Jones": ("4.0 * strength * (s6 * s6 - s6)", "24.0 * strength * (s6 - 2.0 * s6 * s6) / r2",
                      lambda r2, q, s, a: 4 * s * ((a * a / r2) ** 6 - (a * a / r2) ** 3),
                      lambda r2, q, s, a: 24 * s * ((a * a / r2) ** 3 - 2 * (a * a / r2) ** 6) / r2),
    "Gaussian": ("strength * wp.exp(-0.5 * r2 / (reach * reach))",
                 "-strength * wp.exp(-0.5 * r2 / (reach * reach)) / (reach * reach)",
                 lambda r2, q, s, a: s * np.exp(-0.5 * r2 / (a * a)),
                 lambda r2, q, s, a: -s * np.exp(-0.5 * r2 / (a * a)) / (a * a)),
}  # fmt: skip


@DOMAIN.algorithm(
    source="Allen & Tildesley 2017, ch. 1, 2.4 (pressure) and 5; Nyland, Harris & Prins 2007; Frenkel & Smit 2002, sec. 3.2",
    names={
        "pair_matrix": "all_pairs_forces|cluster_forces|pairwise_tiles|molecule_energy",
        "positions": "x|points|coords",
        "charges": "charge|particle_charges",
        "masses": "mass|particle_mass",
        "offset": "delta|r_ij|separation",
        "strength": "coupling|prefactor",
        "reach": "range_length|length_scale",
        "soft": "softening|soft_length",
        "box": "period|box_length",
        "cluster": "block|group",
        "NUM_PARTICLES": "N|CLUSTER_SIZE",
    },
    adjoint="yes",
    weight=5,
)
def pair_matrix(d: Draft) -> None:
    """Computes pairwise forces within particle clusters using all-pairs tiles."""
    law = d.option("law", *_LAWS)
    result = d.option("result", "forces", "energies", "total", "virial", "stress")
    periodic = d.flag("periodic", 0.35)
    paired = d.option("charges", "own", "types", "equal")
    cut = d.flag("switched off", 0.35)
    velocity = d.flag("kick", 0.4) and result == "forces"
    d.calls({
        "forces": "kick_clusters|apply_pair_forces|kick_particles"
        if velocity
        else "all_pairs_forces|cluster_forces|pairwise_tiles",
        "energies": "particle_energies|share_pair_energies|energies_per_particle",
        "total": "cluster_energies|molecule_energy|total_pair_energy",
        "virial": "cluster_virials|compute_virials|virial_sums",
        "stress": "virial_tensors|cluster_virial_tensors|sum_virial_tensors",
    }[result])  # fmt: skip
    clusters, count, kinds = d.pick(2, 3, 4), d.pick(6, 8, 10), 3
    if law in ("Lennard-Jones", "Gaussian"):
        paired = "equal"
    d.module(f"NUM_PARTICLES = wp.constant({count})")
    d.input("positions", "vec3", (clusters, count), -1.0, 1.0, about="particle positions")
    own = "masses" if law == "Gravity" else "charges"
    if paired == "own":
        d.input(own, "float", (clusters, count), 0.5, 1.5, about=f"particle {own}")
    elif paired == "types":
        d.input("types", "int", (clusters, count), 0, kinds, about="particle type index")
        d.input(f"type_{own}", "float", kinds, 0.5, 1.5, about=f"per-type {own}")
    d.param("strength", "float", 0.5, 1.5, about="interaction strength")
    energy, slope, np_energy, np_slope = _LAWS[law]
    bound = law == "Lennard-Jones"
    length = "sigma" if bound else "reach"
    reached = "reach" in energy or bound
    if reached:
        d.param(
            length,
            "float",
            *((0.4, 0.6) if bound else (0.6, 1.2)),
            about="zero-crossing distance" if bound else "interaction range",
        )
    softened = law != "Gaussian"  # which is finite anyway
    if softened:
        d.param("soft", "float", *((0.5, 0.6) if bound else (0.1, 0.3)), about="softening length")
    if periodic:
        d.param("box", "float", 2.5, 3.5, about="periodic box length")
    if cut:
        d.param(
            "cutoff",
            "float",
            *((1.0, 1.25) if periodic else (1.2, 1.6)),
            about="cutoff distance",
        )
    if velocity:
        d.input("inverse_mass", "float", (clusters, count), 0.5, 1.5, about="inverse masses")
        d.param("dt", "float", 0.005, 0.02, about="time step")
        d.input("velocities", "vec3", (clusters, count), -0.5, 0.5, about="particle velocities")
    name, type_, shape, about = {
        "forces": ("forces", "vec3", (clusters, count), "per-particle forces"),
        "energies": ("energies", "float", (clusters, count), "per-particle energies (half of each pair)"),
        "total": ("total_energy", "float", (clusters,), "total potential energy per cluster"),
        "virial": ("virials", "float", (clusters,), "virial per cluster, sum of r . f over pairs"),
        "stress": (
            "virial_tensors",
            "mat33",
            (clusters,),
            "virial tensor per cluster, sum of outer(r, f) over pairs",
        ),
    }[result]
    if velocity:
        name, about = "next_velocities", "updated velocities"
    d.output(name, type_, shape, about=about)
    kind = "softened " * softened + {"Gravity": "gravitational", "Gaussian": "Gaussian-core"}.get(law, law)
    pairs = f"using all-pairs tiles{' and a cutoff' if cut else ''}"
    d.says(
        {
            "forces": f"Applies {kind} forces to particle velocities in each cluster {pairs}."
            if velocity
            else f"Computes {kind} forces within each particle cluster {pairs}.",
            "energies": f"Computes per-particle {kind} energies within each cluster{' up to a cutoff' if cut else ''}.",
            "total": f"Computes the total {kind} energy per particle cluster {pairs}.",
            "virial": f"Computes the {kind} virial per particle cluster {pairs}.",
            "stress": f"Computes the {kind} virial tensor per particle cluster {pairs}.",
        }[result]
    )
    if periodic:
        d.function('''
            @wp.func
            def displacement(a: wp.vec3, b: wp.vec3, box: float) -> wp.vec3:
                """Minimum-image displacement from a to b."""
                r = b - a
                return r - box * wp.vec3(wp.round(r[0] / box), wp.round(r[1] / box), wp.round(r[2] / box))
        ''')
    else:
        d.function("@wp.func\ndef displacement(a: wp.vec3, b: wp.vec3) -> wp.vec3:\n    return b - a")
    scalars = ["strength"] + ([length] if reached else []) + ["soft"] * softened + ["cutoff"] * cut
    charged = paired != "equal"
    q = "m" if law == "Gravity" else "q"
    heads = ["offset: wp.vec3", *([f"{q}: float"] if charged else []), "row: int", "col: int"]
    head = "\n".join(f"{h}," for h in [*heads, *(f"{s}: float" for s in scalars)])
    formula = energy if result in ("energies", "total") else slope
    if not charged:
        formula = formula.replace(f"strength * {q}", "strength")
    if not softened:
        formula = formula.replace("r2", "d2")
    bare = formula.removeprefix("-")

    same = "" if bare == formula else "-"

    # what is 0 at the cutoff comes first, so that numbers are multiplied before vectors and matrices
    by = "fade * " if cut else ""
    four = bare.startswith("4.0 * ")
    half = f"2.0 * {by}{bare.removeprefix('4.0 * ')}" if four else f"0.5 * {by}{bare}"
    value = {
        "forces": ("wp.vec3", f"({by}slope) * offset" if cut else "slope * offset", "wp.vec3(0.0, 0.0, 0.0)"),
        "energies": ("float", same + half, "0.0"),
        "total": ("float", same + half, "0.0"),
        "virial": ("float", f"-0.5 * {by}slope * d2", "0.0"),
        "stress": ("wp.mat33", f"(-0.5 * {by}slope) * wp.outer(offset, offset)", "wp.mat33()"),
    }[result]
    switch = ""
    tail = f"return {value[1]}"
    if result not in ("energies", "total"):
        tail = f"# (dU/dr) / r\nslope = {formula}\n{tail}"
    if cut:
        switch = """
            ratio = d2 / (cutoff * cutoff)
            if ratio >= 1.0:
                return $nothing
            # Smooth cutoff: value and slope are zero at the cutoff distance
            fade = (1.0 - ratio) * (1.0 - ratio)
        """
    squared = cut or result == "virial" or not softened
    called = {
        "forces": "pair_force",
        "energies": "pair_energy",
        "total": "pair_energy",
        "virial": "pair_virial",
        "stress": "pair_tensor",
    }[result]
    said = {
        "forces": "Pair force on the first particle.",
        "energies": "Half the pair energy, since each pair is visited twice.",
        "total": "Half the pair energy, since each pair is visited twice.",
        "virial": "Half the pair virial, since each pair is visited twice.",
        "stress": "Half the pair virial tensor, since each pair is visited twice.",
    }[result]
    d.function(
        f'''
        @wp.func
        def {called}(
            $head
        ) -> {value[0]}:
            """{said}"""
            if row == col:
                return $nothing
            $square
            $switch
            $r2
            $power
            $tail
        ''',
        head=head,
        tail=tail,
        switch=dedented(switch),
        nothing=value[2],
        square="d2 = wp.length_sq(offset)" if squared else "",
        r2=f"r2 = {'d2' if squared else 'wp.length_sq(offset)'} + soft * soft" if softened else "",
        power={"Lennard-Jones": "s6 = wp.pow(sigma * sigma / r2, 3.0)", "Gaussian": ""}.get(
            law, "r = wp.sqrt(r2)"
        ),
    )
    charges = {
        "own": f"{q} = wp.tile_load({own}[cluster], shape=NUM_PARTICLES)",
        "types": "kind = wp.tile_load(types[cluster], shape=NUM_PARTICLES)\n"
        f"{q} = wp.tile_load_indexed(type_{own}, indices=kind, shape=(NUM_PARTICLES,))",
        "equal": "",
    }[paired]
    wide = "wp.tile_broadcast({}, shape=(NUM_PARTICLES, NUM_PARTICLES))"
    tall = "wp.tile_broadcast(wp.tile_reshape({}, shape=(NUM_PARTICLES, 1)), shape=(NUM_PARTICLES, NUM_PARTICLES))"
    if charged:
        charges += f"\n{q}_pair = {tall.format(q)} * {wide.format(q)}"
    pair = f"pair = wp.tile_map({called}, offset{f', {q}_pair' if charged else ''}, row_id, col_id, {', '.join(scalars)})"
    net = "net = wp.tile_sum(pair, axis=1)"
    if velocity:
        d.function("""
            @wp.func
            def kicked(v: wp.vec3, f: wp.vec3, w: float, dt: float) -> wp.vec3:
                return v + (dt * w) * f
        """)
    end = {
        "forces": f"{net}\nwp.tile_store(forces[cluster], net)",
        "energies": "wp.tile_store(energies[cluster], wp.tile_sum(pair, axis=1))",
        "total": "wp.tile_store(total_energy, wp.tile_sum(pair), offset=cluster)",
        "virial": "wp.tile_store(virials, wp.tile_sum(pair), offset=cluster)",
        "stress": "wp.tile_store(virial_tensors, wp.tile_sum(pair), offset=cluster)",
    }[result]
    if velocity:
        end = (
            f"{net}\n"
            "v = wp.tile_load(velocities[cluster], shape=NUM_PARTICLES)\n"
            "w = wp.tile_load(inverse_mass[cluster], shape=NUM_PARTICLES)\n"
            "wp.tile_store(next_velocities[cluster], wp.tile_map(kicked, v, net, w, dt))"
        )
    d.launch(clusters, tiled=True)
    d.code(
        f"""
        cluster = wp.tid()
        x = wp.tile_load(positions[cluster], shape=NUM_PARTICLES)
        # Element (i, j) holds the displacement from particle i to particle j
        offset = wp.tile_map(displacement, {tall.format("x")}, {wide.format("x")}{", box" if periodic else ""})
        row_id = {tall.format("wp.tile_arange(NUM_PARTICLES, dtype=int)")}
        col_id = {wide.format("wp.tile_arange(NUM_PARTICLES, dtype=int)")}
        $charges
        {pair}
        $end
        """,
        charges=charges,
        end=end,
    )
    faded = "energies fade" if result in ("energies", "total") else "forces (not energies) fade"
    d.explain(
        f"{law}{' with a softened distance' * softened}; {f'{faded} to zero at the cutoff; ' if cut else ''}each pair is evaluated twice."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        r = v.positions[:, None] - v.positions[:, :, None]
        if periodic:
            r = r - v.box * np.round(r / v.box)
        q_ = {"own": lambda: v[own], "types": lambda: v[f"type_{own}"][v.types], "equal": lambda: np.ones((clusters, count))}[paired]()  # fmt: skip
        qq = q_[:, :, None] * q_[:, None]
        square = (r**2).sum(3)
        r2 = square + v.get("soft", 0.0) ** 2
        other = ~np.eye(count, dtype=bool)
        if cut:
            other = other * np.clip(1 - square / v.cutoff**2, 0.0, None) ** 2
        u = np_energy(r2, qq, v.strength, v.get(length)) * other
        s = np_slope(r2, qq, v.strength, v.get(length)) * other
        f = (s[..., None] * r).sum(2)
        if velocity:
            return {name: v.velocities + v.dt * v.inverse_mass[..., None] * f}
        return {
            name: {
                "forces": lambda: f,
                "energies": lambda: 0.5 * u.sum(2),
                "total": lambda: 0.5 * u.sum((1, 2)),
                "virial": lambda: -0.5 * (s * square).sum((1, 2)),
                "stress": lambda: -0.5 * np.einsum("cij,cija,cijb->cab", s, r, r),
            }[result]()
        }

    d.check(reference, 2e-3)
