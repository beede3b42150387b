"""When moving primitives first touch."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.library import closest
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

CCD_PARAMS = piece('''
@wp.struct
class CCDParams:
    """Time-of-impact search parameters (thickness in meters)."""

    thickness: float
    slackness: float
    max_iterations: int
''')

_SEGMENTS = '''
@wp.func
def segment_segment_offset(p0: wp.vec3, p1: wp.vec3, q0: wp.vec3, q1: wp.vec3) -> wp.vec3:
    """Return the shortest vector from segment p0-p1 to segment q0-q1."""
    u = p1 - p0
    w = q1 - q0
    r = p0 - q0
    a = wp.dot(u, u)
    e = wp.dot(w, w)
    f = wp.dot(w, r)
    c = wp.dot(u, r)
    b = wp.dot(u, w)
    denom = a * e - b * b
    if denom > 1.0e-8 * a * e:
        s = wp.clamp((b * f - c * e) / denom, 0.0, 1.0)
    else:
        # Parallel segments: any point works, use the start of the first
        s = 0.0
    t = (b * s + f) / wp.max(e, 1.0e-12)
    # Clamp t to the second segment, then recompute s
    if t < 0.0:
        t = 0.0
        s = wp.clamp(-c / wp.max(a, 1.0e-12), 0.0, 1.0)
    elif t > 1.0:
        t = 1.0
        s = wp.clamp((b - c) / wp.max(a, 1.0e-12), 0.0, 1.0)
    return (q0 + t * w) - (p0 + s * u)
'''

_KINDS = {
    "vertex-face": (("vertex", "a", "b", "c"), "{0} - closest_point_triangle({0}, {1}, {2}, {3})"),
    "edge-edge": (("p0", "p1", "q0", "q1"), "segment_segment_offset({0}, {1}, {2}, {3})"),
    "vertex-edge": (("vertex", "a", "b"), "{0} - closest_point_segment({0}, {1}, {2})"),
}


@DOMAIN.algorithm(
    source="Li, Kaufman & Jiang 2021, Codimensional incremental potential contact, alg. 1 (additive CCD)",
    names={
        "time_of_impact": "additive_ccd|compute_toi|continuous_collision|ccd_step",
        "pair": "candidate|pair_index|contact_pair",
        "toi": "t_impact|impact_time|t_contact",
        "positions": "particle_q|vertex_positions|x0",
        "displacements": "particle_dq|dx|motion",
        "motion_bound": "l_p|rel_motion_bound|max_approach",
        "min_step": "step_size|alpha_min|global_toi",
    },
    adjoint="no",
    weight=4,
)
def time_of_impact(d: Draft) -> None:
    """Computes the time of impact for pairs of moving primitives."""
    kind = d.option("kind", *_KINDS)
    batched = d.flag("worlds")
    result = d.option("result", "each", "least", "filtered")
    d.says({
        "each": f"Computes the safe step fraction for each {kind} pair using additive CCD.",
        "least": f"Computes the maximum safe step fraction over all {kind} pairs using additive CCD.",
        "filtered": f"Computes the safe step fraction for each {kind} pair and collects colliding pairs.",
    }[result])  # fmt: skip
    gathered = "indices" if result == "least" else d.option("candidates", "indices", "buffer")
    settings = d.option("settings", "struct", "numbers")
    centered = d.flag("centered", 0.6)
    n, points, worlds = (
        d.pick(12, 16) if result == "least" else d.pick(32, 48),
        d.pick(20, 24, 32),
        d.pick(2, 3),
    )
    names, offset = _KINDS[kind]
    corners = len(names)
    vec = {3: "vec3i", 4: "vec4i"}[corners]
    lead: tuple[int, ...] = (worlds,) if batched else ()
    w = "world, " if batched else ""
    d.input(
        "positions", "vec3", (*lead, points), -1.0, 1.0, about="Vertex positions at the start of the step [m]"
    )
    d.input("displacements", "vec3", (*lead, points), -1.0, 1.0, about="Displacements over the step [m]")
    d.input(
        "candidates", vec, (*lead, n), 0 if gathered == "buffer" else -1, points,
        about=f"Vertex indices of each {kind} pair" + (", -1 for unused slots" if gathered == "indices" else ""),
    )  # fmt: skip
    if gathered == "buffer":
        if batched:
            d.input("candidate_count", "int", worlds, n // 2, n + 4, about="Number of candidates per world")
        else:
            d.input(
                "candidate_count",
                "int",
                1,
                n // 2,
                n + 4,
                about="Number of candidates, may exceed the buffer size",
            )
    # some pairs are closer from the start, but none where that would decide for all
    thin = (0.001, 0.003) if result == "least" else (0.05, 0.15)
    if settings == "struct":
        d.struct(
            "params",
            CCD_PARAMS,
            {
                "thickness": fill(*thin),
                "slackness": fill(0.1, 0.2),
                "max_iterations": fill(value=128),
            },
            about="Search settings",
        )
        thickness, slackness, most = "params.thickness", "params.slackness", "params.max_iterations"
    else:
        d.param("thickness", "float", *thin, about="Minimum separation [m]")
        d.param("slackness", "float", 0.1, 0.2, about="Fraction of the gap to keep open")
        thickness, slackness, most = "thickness", "slackness", "MAX_ITERATIONS"
        d.module("MAX_ITERATIONS = wp.constant(128)")
    if result == "least":
        d.inout("min_step", "float", worlds if batched else 1, value=1.0, about="Largest safe step fraction")
    else:
        d.output("toi", "float", (*lead, n), about="Safe step fraction in [0, 1], only set for used slots")
    if result == "filtered":
        d.output("impact_count", "int", worlds if batched else 1, about="Number of colliding pairs")
        d.output("impacts", "int", (*lead, n), about="Indices of colliding pairs, unordered")
    if kind == "edge-edge":
        d.function(_SEGMENTS)
    else:
        d.use(closest.TRIANGLE if kind == "vertex-face" else closest.SEGMENT)
    bounded = f"""
        # The counter may exceed the capacity if candidates were dropped
        num_candidates = wp.min(candidate_count[{"world" if batched else "0"}], candidates.shape[{len(lead)}])
        if pair >= num_candidates:
            return
        """
    load = "\n".join(f"{name} = positions[{w}indices[{k}]]" for k, name in enumerate(names))
    move = "\n".join(f"d_{name} = displacements[{w}indices[{k}]]" for k, name in enumerate(names))
    lengths = [f"wp.length(d_{name})" for name in names]
    same = [f"indices[{i}] == indices[{j}]" for i in range(corners) for j in range(i + 1, corners)]
    bound = {
        "vertex-face": f"{lengths[0]} + wp.max({lengths[1]}, wp.max({', '.join(lengths[2:])}))",
        "vertex-edge": f"{lengths[0]} + wp.max({', '.join(lengths[1:])})",
        "edge-edge": f"wp.max({', '.join(lengths[:2])}) + wp.max({', '.join(lengths[2:])})",
    }[kind]
    mean = " + ".join(f"d_{name}" for name in names)
    slot = "world" if batched else "0"
    listed = f"impact_index = wp.atomic_add(impact_count, {slot}, 1)\nimpacts[{w}impact_index] = pair"
    d.launch(*lead, n)
    d.code(
        """
        $index
        $bounded
        indices = candidates[$wpair]
        $unused
        # Skip primitives that share a vertex, since they always touch
        $if_shared
            $never
            return

        $load
        $move
        $center
        # Upper bound on the closing rate per unit t
        motion_bound = $bound
        if motion_bound < 1.0e-9:
            $never
            return

        gap = wp.length($offset) - $thickness
        # Already closer than the thickness
        if gap <= 0.0:
            $start
            return

        target_gap = $slackness * gap
        t = float(0.0)
        step_fraction = (1.0 - $slackness) * gap / motion_bound
        iteration = int(0)
        while iteration < $most:
            $advance
            gap = wp.length($offset) - $thickness
            # Keep the last t that left the target gap open
            if t > 0.0 and gap < target_gap:
                break

            t += step_fraction
            if t > 1.0:
                $free
                return
            step_fraction = 0.9 * gap / motion_bound
            iteration += 1

        $store
        """,
        index=f"{'world, pair' if batched else 'pair'} = wp.tid()",
        bounded=bounded if gathered == "buffer" else "",
        wpair=f"{w}pair",
        unused="# Skip unused slots (index -1)\nif $missing:\n    return" if gathered == "indices" else "",
        missing=" or ".join(f"indices[{k}] < 0" for k in range(corners)),
        if_shared=f"if {same[0]} or {same[1]} or {same[2]}:"
        if corners == 3
        else f"if (\n    {' or '.join(same[:3])}\n    or {' or '.join(same[3:])}\n):",
        never="" if result == "least" else f"toi[{w}pair] = 1.0",
        free="" if result == "least" else f"toi[{w}pair] = 1.0",
        load=load,
        move=move,
        center="# Only relative motion closes the gap, so we subtract the mean motion\n"
        + f"d_mean = ({mean}) / {corners}.0\n"
        + "\n".join(f"d_{name} -= d_mean" for name in names)
        if centered
        else "",
        bound=bound,
        offset=offset.format(*names),
        thickness=thickness,
        slackness=slackness,
        most=most,
        start={
            "each": f"toi[{w}pair] = 0.0",
            "least": f"wp.atomic_min(min_step, {slot}, 0.0)",
            "filtered": f"toi[{w}pair] = 0.0\n{listed}",
        }[result],
        advance="\n".join(f"{name} += step_fraction * d_{name}" for name in names),
        store={
            "each": f"toi[{w}pair] = t",
            "least": f"wp.atomic_min(min_step, {slot}, t)",
            "filtered": f"""
                toi[{w}pair] = t
                $listed
                """,
        }[result],
        listed=listed,
    )
    d.explain("""
        The distance shrinks no faster than the bound on the relative motion, so a step of gap / bound is
        always safe. The loop terminates when the gap falls below a fraction of the initial gap. A result of 1
        means that the full step is collision-free.
    """)

    def agrees(v: Values, after: Values) -> None:
        prefix = "params." if settings == "struct" else ""
        thick, slack = v[f"{prefix}thickness"], v[f"{prefix}slackness"]
        shape = (worlds,) if batched else (1,)
        x, dx = (np.asarray(v[s]).reshape(*shape, points, 3) for s in ("positions", "displacements"))
        index = np.asarray(v.candidates).reshape(*shape, n, corners)
        for world in range(shape[0]):
            expected, live, touches = np.ones(n), np.zeros(n, bool), np.zeros(n, bool)
            for pair, ids in enumerate(index[world]):
                if gathered == "buffer" and pair >= v.candidate_count[world]:
                    continue
                if np.any(ids < 0):
                    continue
                live[pair] = True
                expected[pair], touches[pair] = _free(
                    x[world][ids], dx[world][ids], kind, centered, thick, slack
                )
            if result == "least":
                least = np.asarray(after.min_step)[world]
                np.testing.assert_allclose(least, np.min(expected, where=live, initial=1.0), 2e-2, 1e-5)
                continue
            found = np.asarray(after.toi).reshape(*shape, n)[world]
            np.testing.assert_allclose(found, np.where(live, expected, 0.0), atol=2e-2)
            if result == "filtered":
                total = np.asarray(after.impact_count)[world]
                listed = np.asarray(after.impacts).reshape(*shape, n)[world][:total]
                assert len(set(listed)) == total
                assert abs(total - touches.sum()) <= 1
                assert np.all(live[listed])

    d.holds(agrees)


def _free(x: Any, dx: Any, kind: str, centered: bool, thick: float, slack: float) -> tuple[float, bool]:
    """The step that one pair can take, in double precision, and whether the search ended at a contact."""
    sides = {"vertex-face": (1, 3), "vertex-edge": (1, 2), "edge-edge": (2, 2)}[kind]
    one, two = np.arange(sides[0]), sides[0] + np.arange(sides[1])
    if len(np.unique(x, axis=0)) < len(x):
        return 1.0, False
    if centered:
        dx = dx - dx.mean(axis=0)
    speed = np.linalg.norm(dx[one], axis=1).max() + np.linalg.norm(dx[two], axis=1).max()

    def gap(t: float) -> float:
        p = x + t * dx
        if kind == "vertex-face":
            near = closest.on_triangle(p[0], p[1], p[2], p[3])
            return float(np.linalg.norm(p[0] - near)) - thick
        if kind == "vertex-edge":
            return float(np.linalg.norm(p[0] - closest.on_segment(p[0], p[1], p[2]))) - thick
        s = np.linspace(0.0, 1.0, 1001)[:, None]
        along = p[0] + s * (p[1] - p[0])
        # exact in one parameter; the other is refined around the best of a thousand
        d = np.linalg.norm(along - closest.on_segment(along, p[2], p[3]), axis=1)
        at = int(d.argmin())
        s = np.linspace(max(at - 1, 0), min(at + 1, 1000), 401)[:, None] / 1000.0
        along = p[0] + s * (p[1] - p[0])
        return float(np.linalg.norm(along - closest.on_segment(along, p[2], p[3]), axis=1).min()) - thick

    first = gap(0.0)
    if first <= 0.0:
        return 0.0, True
    t, step, reached = 0.0, (1.0 - slack) * first / speed, 0.0
    for _ in range(128):
        reached += step
        now = gap(reached)
        if t > 0.0 and now < slack * first:
            break
        t += step
        if t > 1.0:
            return 1.0, False
        step = 0.9 * now / speed
    return t, True
