"""Fractals in space, by estimates of the distance to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.raymarch import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "c": "c0|constant",
    "points": "positions|x|samples",
    "distance": "de|dist|estimate",
    "dr": "dz|derivative|running_derivative",
    "dr2": "dz2|md2|derivative_sq",
    "z": "w|orbit|q",
}

_POWERS = {
    "polar": """
        theta = wp.acos(z[2] / r) * POWER
        phi = wp.atan2(z[1], z[0]) * POWER
        zr = wp.pow(r, POWER)
        z = zr * wp.vec3(wp.sin(theta) * wp.cos(phi), wp.sin(theta) * wp.sin(phi), wp.cos(theta)) + p
        """,
    "latitude": """
        # use the latitude instead of the polar angle, which gives a different shape
        theta = wp.asin(z[2] / r) * POWER
        phi = wp.atan2(z[1], z[0]) * POWER
        zr = wp.pow(r, POWER)
        z = zr * wp.vec3(wp.cos(theta) * wp.cos(phi), wp.cos(theta) * wp.sin(phi), wp.sin(theta)) + p
        """,
}


@DOMAIN.algorithm(
    source="White & Nylander 2009; Hart, Sandin & Kauffman 1989 for the distance estimate",
    names=_NAMES | {"mandelbulb_distance": "mandelbulb|mandelbulb_de|bulb_sdf"},
    adjoint="no",
    weight=2,
)
def mandelbulb_distance(d: Draft) -> None:
    """Estimates the distance to a Mandelbulb using the running derivative of its orbit."""
    angles = d.option("angles", *_POWERS)
    trap = d.option("trap", "none", "origin", "axis plane")
    helper = d.option("helper", "inline", "function") if trap == "none" else "inline"
    power = d.pick(4, 6, 8)
    count = d.pick(64, 96, 128)
    most = d.pick(6, 8, 10)
    d.module(f"POWER = wp.constant({power}.0)")
    d.input("points", "vec3", count, -1.2, 1.2, about="Sample positions")
    d.output("distance", "float", count, about="Distance estimates")
    if trap != "none":
        d.output(
            "trap",
            "float",
            count,
            about=f"Minimum orbit distance to the {'origin' if trap == 'origin' else 'plane z = 0'}",
        )
        place = "the origin" if trap == "origin" else "the plane z = 0"
        d.says(
            f"Estimates the distance to a Mandelbulb and the minimum orbit distance to {place} (orbit trap)."
        )
    body = """
        z = p
        dr = float(1.0)
        r = float(0.0)
        $trap_begin
        for _ in range($most):
            r = wp.length(z)
            $trap_step
            if r > 2.0:
                break
            # derivative of the power map
            dr = wp.pow(r, POWER - 1.0) * POWER * dr + 1.0
            $angles
        """
    blocks = {
        "most": str(most),
        "angles": _POWERS[angles],
        "body": body,
        "trap_begin": "" if trap == "none" else "nearest = float(1.0e10)",
        "trap_step": {
            "none": "",
            "origin": "nearest = wp.min(nearest, r)",
            "axis plane": "nearest = wp.min(nearest, wp.abs(z[2]))",
        }[trap],
    }
    d.launch(count)
    if helper == "function":
        d.function(
            """
            @wp.func
            def mandelbulb(p: wp.vec3) -> float:
                $body
                return 0.5 * wp.log(r) * r / dr
            """,
            **blocks,
        )
        d.code("tid = wp.tid()\ndistance[tid] = mandelbulb(points[tid])")
    else:
        d.code(
            "tid = wp.tid()\np = points[tid]\n$body\ndistance[tid] = 0.5 * wp.log(r) * r / dr\n$trap_end",
            trap_end="" if trap == "none" else "trap[tid] = nearest",
            **blocks,
        )
    d.explain(f"""
        z -> z^{power} + p in spherical coordinates; the distance is approximately r log(r) / (2 |dz|), which
        tends to underestimate it. It is negative if the orbit ends inside the unit ball.
    """)

    def orbit(v: Values) -> tuple[Any, Any]:
        p = v.points
        z, dr = p.copy(), np.ones(count)
        r, near = np.zeros(count), np.full(count, 1e10)
        going = np.ones(count, bool)
        for _ in range(most):
            now = np.linalg.norm(z, axis=-1)
            r = np.where(going, now, r)
            near = np.where(going, np.minimum(near, now if trap == "origin" else np.abs(z[:, 2])), near)
            going &= now <= 2.0
            dr = np.where(going, now ** (power - 1) * power * dr + 1.0, dr)
            flat = (z[:, 0] + 1j * z[:, 1]) / np.hypot(z[:, 0], z[:, 1])
            pole = (z[:, 2] + 1j * np.hypot(z[:, 0], z[:, 1])) / now  # cos, sin of the angle from the pole
            if angles == "latitude":
                pole = pole.imag + 1j * pole.real
            turned, around = pole**power, flat**power
            out, up = (turned.imag, turned.real) if angles == "polar" else (turned.real, turned.imag)
            new = now[:, None] ** power * np.stack([out * around.real, out * around.imag, up], axis=-1) + p
            z = np.where(going[:, None], new, z)
        return 0.5 * np.log(r) * r / dr, near

    def agrees(before: Values, after: Values) -> None:
        distance, near = orbit(before)
        mostly_close(after.distance, distance, 2e-3, 0.9)
        if trap != "none":
            mostly_close(after.trap, near, 1e-2, 0.9)

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Norton 1982; Hart, Sandin & Kauffman 1989, Ray tracing deterministic 3-D fractals",
    names=_NAMES
    | {"quaternion_julia": "julia_distance|quat_julia|quaternion_julia_de", "k_part": "k0|slice_k|fourth"},
    adjoint="no",
    weight=3,
)
def quaternion_julia(d: Draft) -> None:
    """Estimates the distance to a quaternion Julia set."""
    derivative = d.option("derivative", "length", "squared")
    loop = d.option("loop", "for", "while")
    slice_ = d.option("slice", "zero", "given")
    kind = d.option("constant", "vec4", "quat")
    count = d.pick(64, 96, 128)
    most = d.pick(8, 10, 12)
    d.input(
        "points", "vec3", count, -1.2, 1.2, about="Sample positions (real, i and j quaternion components)"
    )
    # a vec4 has the real part first, as in the literature, a quat last, as Warp has it
    first = kind == "vec4"
    d.param(
        "c", kind, -0.4, 0.3, about=f"Quaternion constant, with the real part {'first' if first else 'last'}"
    )
    if slice_ == "given":
        d.param("k_part", "float", -0.3, 0.3, about="k component shared by all points (selects the slice)")
    d.output(
        "distance",
        "float",
        count,
        about="Distance estimates, negative if the orbit ends inside the unit ball",
    )
    part = "k_part" if slice_ == "given" else "0.0"
    square = """
        # q^2 = (w^2 - |v|^2, 2 w v)
        z = wp.vec4(
            z[0] * z[0] - z[1] * z[1] - z[2] * z[2] - z[3] * z[3] + c[0],
            2.0 * z[0] * z[1] + c[1],
            2.0 * z[0] * z[2] + c[2],
            2.0 * z[0] * z[3] + c[3],
        )
        """
    # |z z'| = |z| |z'|: the length of the derivative is all that the estimate needs
    begin, slope, value = {
        "length": ("dr = float(1.0)", "dr = 2.0 * wp.sqrt(rr) * dr", "0.5 * r * wp.log(r) / dr"),
        "squared": ("dr2 = float(1.0)", "dr2 = 4.0 * rr * dr2", "0.25 * wp.sqrt(rr / dr2) * wp.log(rr)"),
    }[derivative]
    loops = {
        "for": """
            rr = wp.dot(z, z)
            for _ in range($most):
                if rr > 64.0:
                    break
                $slope
                $square
                rr = wp.dot(z, z)
            """,
        "while": """
            rr = wp.dot(z, z)
            step = int(0)
            while rr <= 64.0 and step < $most:
                $slope
                $square
                rr = wp.dot(z, z)
                step += 1
            """,
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        p = points[tid]
        z = $start
        $begin
        $loop
        $root
        distance[tid] = $value
        """,
        start=f"wp.vec4(p[0], p[1], p[2], {part})" if first else f"wp.quat(p[1], p[2], {part}, p[0])",
        begin=begin,
        loop=loops[loop],
        most=str(most),
        slope=slope,
        square=square if first else "z = z * z + c",
        root="r = wp.sqrt(rr)" if derivative == "length" else "",
        value=value,
    )
    d.explain("""
        z -> z^2 + c over quaternions; the distance is approximately |z| log|z| / (2 |z'|), where
        each step multiplies |z'| by 2 |z|. An orbit that ends inside the unit ball counts
        as inside.
    """)

    def agrees(before: Values, after: Values) -> None:
        c = np.asarray(before.c)
        c = c if first else np.roll(c, 1)
        more = before.k_part if slice_ == "given" else 0.0
        z = np.concatenate([before.points, np.full((count, 1), more)], axis=1)
        slope = np.ones(count)  # |z^2| = |z|^2, so that lengths multiply
        for _ in range(most):
            going = (z**2).sum(1) <= 64.0
            slope = np.where(going, 2.0 * np.linalg.norm(z, axis=1) * slope, slope)
            s, v = z[:, 0], z[:, 1:]
            new = np.column_stack([s * s - (v * v).sum(1), 2.0 * s[:, None] * v]) + c
            z = np.where(going[:, None], new, z)
        r = np.linalg.norm(z, axis=1)
        mostly_close(after.distance, 0.5 * r * np.log(r) / slope, 2e-3, 0.93)

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Quilez, Menger fractal; Hart & DeFanti 1991 for iterated function systems",
    names=_NAMES | {"folded_fractal_distance": "ifs_distance|menger_sponge|sierpinski_sdf|fold_fractal"},
    adjoint="either",
    weight=2,
)
def folded_fractal_distance(d: Draft) -> None:
    """Computes the distance to a folded fractal (iterated function system)."""
    form = d.option("form", "menger", "sierpinski", "cubes")
    d.calls({
        "menger": "menger_sponge|menger_distance|menger_sdf",
        "sierpinski": "sierpinski_sdf|sierpinski_distance|fold_fractal",
        "cubes": "cube_fractal|cube_fractal_distance|corner_cubes_sdf",
    }[form])  # fmt: skip
    levels = d.pick(3, 4, 5)
    local = d.option("name", "inline", "function")
    result = d.option("result", "distance", "shell")
    count = d.pick(64, 96, 128)
    d.input("points", "vec3", count, -1.3, 1.3, about="Sample positions")
    if result == "shell":
        d.param("thickness", "float", 0.01, 0.05, about="Shell half thickness")
    d.output("distance", "float", count, about="Distance estimates")
    body = {
        "menger": """
            d = wp.max(wp.abs(p[0]), wp.max(wp.abs(p[1]), wp.abs(p[2]))) - 1.0
            s = 1.0
            for _ in range($levels):
                # cell-local position at this level, in [-1, 1]
                ax = p[0] * s - 2.0 * wp.floor(0.5 * p[0] * s) - 1.0
                ay = p[1] * s - 2.0 * wp.floor(0.5 * p[1] * s) - 1.0
                az = p[2] * s - 2.0 * wp.floor(0.5 * p[2] * s) - 1.0
                s *= 3.0
                rx = wp.abs(1.0 - 3.0 * wp.abs(ax))
                ry = wp.abs(1.0 - 3.0 * wp.abs(ay))
                rz = wp.abs(1.0 - 3.0 * wp.abs(az))
                # subtract the cross-shaped tunnels
                cross = wp.min(wp.max(rx, ry), wp.min(wp.max(ry, rz), wp.max(rz, rx))) - 1.0
                d = wp.max(d, cross / s)
            """,
        "sierpinski": """
            z = p
            scale = 1.0
            for _ in range($levels):
                # fold space so that (1, 1, 1) is the nearest tetrahedron vertex
                if z[0] + z[1] < 0.0:
                    z = wp.vec3(-z[1], -z[0], z[2])
                if z[0] + z[2] < 0.0:
                    z = wp.vec3(-z[2], z[1], -z[0])
                if z[1] + z[2] < 0.0:
                    z = wp.vec3(z[0], -z[2], -z[1])
                z = 2.0 * z - wp.vec3(1.0, 1.0, 1.0)
                scale *= 2.0
            # replace the smallest tetrahedra with balls
            d = (wp.length(z) - 1.0) / scale
            """,
        "cubes": """
            z = p
            d = 1.0e10
            size = 0.5
            for _ in range($levels):
                z = wp.vec3(wp.abs(z[0]), wp.abs(z[1]), wp.abs(z[2]))
                d = wp.min(d, wp.max(z[0], wp.max(z[1], z[2])) - size)
                # child cubes are centered at the corners, with half the size
                z = z - wp.vec3(size, size, size)
                size *= 0.5
            """,
    }[form]
    shell = "a shell around " if result == "shell" else ""
    blocks = {"levels": str(levels), "body": body}
    last = "wp.abs($d) - thickness" if result == "shell" else "$d"
    d.says(
        {
            "menger": f"Estimates the distance to {shell}a Menger sponge.",
            "sierpinski": f"Estimates the distance to {shell}a Sierpinski tetrahedron.",
            "cubes": f"Computes a lower bound on the distance to {shell}a cube fractal with half-size "
            "cubes at each corner.",
        }[form]
    )
    d.launch(count)
    if local == "function":
        blocks["body"] = body.replace(
            "d = (wp.length(z) - 1.0) / scale", "return (wp.length(z) - 1.0) / scale"
        )
        end = "" if form == "sierpinski" else "\n    return d"
        d.function(f"@wp.func\ndef fractal(p: wp.vec3) -> float:\n    $body{end}", **blocks)
        d.code("tid = wp.tid()\ndistance[tid] = $value", value=last.replace("$d", "fractal(points[tid])"))
    else:
        d.code(
            "tid = wp.tid()\np = points[tid]\n$body\ndistance[tid] = $value",
            value=last.replace("$d", "d"),
            **blocks,
        )

    def reference(v: Values) -> dict[str, Any]:
        p = v.points
        if form == "menger":
            s = np.abs(p).max(axis=1) - 1.0
            for level in range(levels):
                a = np.sort(np.abs(1.0 - 3.0 * np.abs(np.mod(p * 3.0**level, 2.0) - 1.0)), axis=1)
                s = np.maximum(s, (a[:, 1] - 1.0) / 3.0 ** (level + 1))  # the middle is the least of maxima
        elif form == "sierpinski":
            z = p.copy()
            for _ in range(levels):
                for i, j in ((0, 1), (0, 2), (1, 2)):
                    low = z[:, i] + z[:, j] < 0.0
                    z[low, i], z[low, j] = -z[low, j], -z[low, i]
                z = 2.0 * z - 1.0
            s = (np.linalg.norm(z, axis=1) - 1.0) / 2.0**levels
        else:
            z, s = p, np.full(count, 1e10)
            for level in range(levels):
                z = np.abs(z)
                s = np.minimum(s, z.max(axis=1) - 0.5 ** (level + 1))
                z = z - 0.5 ** (level + 1)
        return {"distance": np.abs(s) - v.thickness if result == "shell" else s}

    d.check(reference)
