"""Images of distance fields: what a camera sees of them, shaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.raymarch import DOMAIN
from warpgen.synthesis.algorithms.raymarch.tracing import NAMES, NORMAL, first_hit, normal, unit
from warpgen.synthesis.library import scenes
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Hart 1996, Sphere tracing; Quilez, Rendering worlds with two triangles",
    names=NAMES | {"render_scene": "raymarch_image|draw_scene|render_sdf", "eye": "camera_pos|cam|viewpoint"},
    adjoint="no",
    weight=6,
)
def render_scene(d: Draft) -> None:
    """Renders a signed distance field using sphere tracing and a directional light."""
    shade = d.option("shade", "lambert", "phong", "normals", "depth fog", "steps")
    camera = d.option("camera", "pinhole", "orthographic")
    layout = d.option("layout", "image", "flat")
    trace = d.option("trace", "inline", "function")
    shadow = d.flag("shadow") if shade in ("lambert", "phong") else False
    found = scenes.draw(d, 3, floor=True)
    width, height = d.pick(12, 16, 20), d.pick(8, 10, 12)
    steps, far = d.pick(80, 96), 6.0
    grey = shade in ("depth fog", "steps") or (shade == "lambert" and d.flag("grey"))
    d.param("eye", "vec3", 1.3, 1.7, about="Camera position, looking at the origin")
    lit = shade in ("lambert", "phong")
    if lit:
        d.param("light", "vec3", -0.4, 0.9, about="Direction toward the light")
    count = width * height
    made = "image"
    if grey:
        made = {"depth fog": "fog", "steps": "step_fraction"}.get(shade, "brightness")
    if layout == "flat":
        d.param("width", "int", width, about="Image width [px]")
        d.param("height", "int", height, about="Image height [px]")
    d.output(
        made,
        "float" if grey else "vec3",
        (height, width) if layout == "image" else count,
        about={
            "fog": "Fog factor in [0, 1], 1 for a miss",
            "step_fraction": "Number of steps divided by MAX_STEPS",
        }.get(made, "Rendered image"),
    )
    d.module(f"MAX_STEPS = wp.constant({steps})\nFAR = wp.constant({far})")
    if shade == "depth fog":
        d.module("FOG_DENSITY = wp.constant(0.3)")
    if shade == "steps":
        trace = "inline"
    if trace == "function":
        d.function(
            """
            @wp.func
            def march(ro: wp.vec3, rd: wp.vec3, t_max: float) -> float:
                t = float(0.0)
                for _ in range(MAX_STEPS):
                    dist = scene(ro + t * rd)
                    if dist < 1.0e-3:
                        return t
                    t += dist
                    if t > t_max:
                        break
                return -1.0
            """
        )
    if shade not in ("depth fog", "steps"):
        d.function(NORMAL)
    ro = "eye" if camera == "pinhole" else "ro"
    inline = """
        t = float(0.0)
        $begin
        for _ in range(MAX_STEPS):
            dist = scene($ro + t * rd)
            if dist < 1.0e-3:
                $found
                break
            t += dist
            $count
            if t > FAR:
                break
        $miss
        """
    called = "t = march($ro, rd, FAR)\nif t < 0.0:\n    $none\n    return"
    none = {
        "lambert": "0.1" if grey else "wp.vec3(0.6, 0.7, 0.9)",
        "phong": "wp.vec3(0.6, 0.7, 0.9)",
        "normals": "wp.vec3(0.0, 0.0, 0.0)",
        "depth fog": "1.0",
        "steps": "",
    }[shade]
    at = f"{made}[i, j]" if layout == "image" else f"{made}[tid]"
    shadowed = """
        # offset the shadow ray origin to avoid self-intersection
        s = float(0.02)
        for _ in range(32):
            gap = scene(p + s * l)
            if gap < 1.0e-3:
                diffuse = 0.0
                break
            s += gap
            if s > 4.0:
                break
        """
    body = {
        "lambert": f"""
            p = $ro + t * rd
            n = normal(p)
            l = wp.normalize(light)
            diffuse = $cosine
            $shadow
            {at} = {"0.1 + 0.9 * diffuse" if grey else "wp.vec3(0.9, 0.7, 0.5) * (0.1 + 0.9 * diffuse)"}
            """,
        "phong": f"""
            p = $ro + t * rd
            n = normal(p)
            l = wp.normalize(light)
            diffuse = $cosine
            $shadow
            h = wp.normalize(l - rd)
            specular = wp.pow(wp.max(wp.dot(n, h), 0.0), 32.0) * wp.where(diffuse > 0.0, 1.0, 0.0)
            {at} = wp.vec3(0.9, 0.7, 0.5) * (0.1 + 0.7 * diffuse) + wp.vec3(0.3, 0.3, 0.3) * specular
            """,
        "normals": f"{at} = 0.5 * (normal($ro + t * rd) + wp.vec3(1.0, 1.0, 1.0))",
        "depth fog": f"{at} = 1.0 - wp.exp(-FOG_DENSITY * t)",
        "steps": "# iteration heat map, where silhouettes take the most steps\n"
        f"{at} = float(taken) / float(MAX_STEPS)",
    }[shade]
    shadows = " that casts hard shadows" if shade == "lambert" else " and hard shadows"
    shadows = shadows if shadow else ""
    d.says(
        {
            "lambert": f"Renders a distance field using sphere tracing and a directional light{shadows}.",
            "phong": f"Renders a signed distance field using diffuse and specular shading{shadows}.",
            "normals": "Renders signed-distance field normals as RGB colors.",
            "depth fog": "Renders exponential depth fog for a signed distance field.",
            "steps": "Renders the normalized sphere tracing step count per pixel.",
        }[shade]
    )
    ray = (
        "# focal length 1.5, image half height 1\nrd = wp.normalize(u * right + v * up + 1.5 * forward)"
        if camera == "pinhole"
        else "# orthographic projection: parallel rays\nro = eye + HALF_HEIGHT * (u * right + v * up)"
    )
    if camera != "pinhole":
        d.module("HALF_HEIGHT = wp.constant(1.3)  # image half height, in scene units")
    index = (
        "tid = wp.tid()\ni = tid // width\nj = tid % width"
        if layout == "flat"
        else f"i, j = wp.tid()\nheight = {made}.shape[0]\nwidth = {made}.shape[1]"
    )
    d.launch(*((height, width) if layout == "image" else (count,)))
    d.code(
        """
        $index
        # screen coordinates: v runs up from -1 to 1, u is scaled by the aspect ratio
        u = (2.0 * float(j) + 1.0 - float(width)) / float(height)
        v = 1.0 - (2.0 * float(i) + 1.0) / float(height)
        $forward = wp.normalize(-eye)
        right = wp.normalize(wp.cross($forward, wp.vec3(0.0, 1.0, 0.0)))
        up = wp.cross(right, $forward)
        $ray
        $trace
        $body
        """,
        index=index,
        ro=ro,
        forward="forward" if camera == "pinhole" else "rd",
        ray=ray,
        trace=called if trace == "function" else inline,
        begin="taken = int(0)" if shade == "steps" else "hit = int(0)",
        found="" if shade == "steps" else "hit = 1",
        count="taken += 1" if shade == "steps" else "",
        miss="" if shade == "steps" else "if hit == 0:\n    $none\n    return",
        none=f"{at} = {none}",
        body=body,
        cosine="wp.max(wp.dot(n, l), 0.0)",
        shadow=shadowed if shadow else "",
    )

    def agrees(v: Values, after: Values) -> None:
        i, j = np.arange(count) // width, np.arange(count) % width
        x, y = (2.0 * j + 1.0 - width) / height, 1.0 - (2.0 * i + 1.0) / height
        forward = unit(-np.asarray(v.eye))
        right = unit(np.cross(forward, [0.0, 1.0, 0.0]))
        across = np.outer(x, right) + np.outer(y, np.cross(right, forward))
        o = np.tile(v.eye, (count, 1))
        if camera == "pinhole":
            r = unit(across + 1.5 * forward)
        else:
            o, r = o + 1.3 * across, np.tile(forward, (count, 1))
        t = first_hit(found.distance, o, r, far)
        met = t < far
        p = o + t[:, None] * r
        actual = np.asarray(after[made]).reshape(count, -1)
        if shade == "steps":
            taken, s, going = np.zeros(count), np.zeros(count), np.ones(count, bool)
            for _ in range(steps):
                gap = found.distance(o + s[:, None] * r)
                going &= gap >= 1e-3
                s, taken = np.where(going, s + gap, s), taken + going
                going &= s <= far
            mostly_close(actual[:, 0], taken / steps, 2.0 / steps, 0.9)
            return
        n = normal(found.distance, p)
        if shade == "depth fog":
            shown = np.where(met, 1.0 - np.exp(-0.3 * t), 1.0)[:, None]
        elif shade == "normals":
            shown = np.where(met[:, None], 0.5 * n + 0.5, 0.0)
        else:
            way = unit(np.asarray(v.light))
            diffuse = np.maximum(n @ way, 0.0)
            if shadow:
                near = first_hit(found.distance, p + 0.02 * way, np.tile(way, (count, 1)), 4.0)
                diffuse = np.where(near < 4.0, 0.0, diffuse)
            if shade == "phong":
                specular = np.maximum((n * unit(way - r)).sum(1), 0.0) ** 32 * (diffuse > 0.0)
                shown = np.outer(0.1 + 0.7 * diffuse, [0.9, 0.7, 0.5]) + 0.3 * specular[:, None]
            else:
                shown = (0.1 + 0.9 * diffuse)[:, None] * (1.0 if grey else np.array([0.9, 0.7, 0.5]))
            shown = np.where(met[:, None], shown, 0.1 if grey else np.array([0.6, 0.7, 0.9]))
        mostly_close(actual, shown, 0.05, 0.8)

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Levoy 1988; Marmitt et al. 2004, Fast and accurate ray-voxel intersection; Newcombe et al. 2011",
    names=NAMES
    | {
        "march_grid": "raycast_grid|trace_grid|isosurface_raycast",
        "field": "grid_values|voxel_values|voxels",
    },
    adjoint="no",
    element="ray",
)
def march_grid(d: Draft) -> None:
    """Intersects rays with the isosurface of a grid field."""
    refine = d.option("refine", "none", "linear", "bisection")
    result = d.option("result", "distance", "point", "normal")
    step = d.option("step", "constant", "half voxel")
    leave = d.option("leave", "break", "while")
    n, m = d.pick(48, 64), d.pick(8, 10, 12)
    d.input("field", "float", (m, m, m), -0.8, 1.0, about="Grid node values, below the isovalue inside")
    d.input("origins", "vec3", n, 0.3 * m, 0.7 * m, about="Ray origins")
    d.input("directions", "vec3", n, kind="unit", about="Ray directions")
    d.param("iso", "float", -0.1, 0.1, about="Isovalue")
    dt = d.pick(0.2, 0.25) if step == "constant" else 0.5
    last = 0.5 * m
    d.param("dt", "float", dt, about="Ray step size [voxels]")
    if leave == "break":
        d.param("max_steps", "int", int(last / dt), about="Maximum number of steps")
    else:
        d.param("t_max", "float", last, about="Maximum ray length [voxels]")
    out = {"distance": "t_hit", "point": "hits", "normal": "normals"}[result]
    about = {"distance": "Hit distances, -1", "point": "Hit points, zero", "normal": "Unit hit normals, zero"}
    kind = "float" if result == "distance" else "vec3"
    d.output(out, kind, n, about=f"{about[result]} for a miss")
    d.explain(
        "Positions are in voxel units relative to node (0, 0, 0) and clamped to the grid when sampling."
    )
    on, at, point = "the isosurface of a grid field", "at each ray hit on", "the ray hit point on"
    if refine == "none":
        on, at, point = f"the first ray sample inside {on}", "at", "the position of"
    d.says(
        {
            "distance": f"Computes the {'ray ' * (refine != 'none')}distance to {on}, or -1 for a miss.",
            "point": f"Computes {point} {on}, or zero for a miss.",
            "normal": f"Computes the normal {at} {on}, or zero for a miss.",
        }[result]
    )
    d.function(
        """
        @wp.func
        def sample(field: wp.array3d(dtype=float), p: wp.vec3) -> float:
            # nodes are at integer coordinates; clamp to the grid bounds
            x = wp.clamp(p[0], 0.0, float(field.shape[0]) - 1.001)
            y = wp.clamp(p[1], 0.0, float(field.shape[1]) - 1.001)
            z = wp.clamp(p[2], 0.0, float(field.shape[2]) - 1.001)
            i = int(x)
            j = int(y)
            k = int(z)
            u = x - float(i)
            v = y - float(j)
            w = z - float(k)
            c00 = wp.lerp(field[i, j, k], field[i + 1, j, k], u)
            c10 = wp.lerp(field[i, j + 1, k], field[i + 1, j + 1, k], u)
            c01 = wp.lerp(field[i, j, k + 1], field[i + 1, j, k + 1], u)
            c11 = wp.lerp(field[i, j + 1, k + 1], field[i + 1, j + 1, k + 1], u)
            return wp.lerp(wp.lerp(c00, c10, v), wp.lerp(c01, c11, v), w)
        """
    )
    crossing = {
        "none": "",
        "linear": "t_cross = t - dt * value / (value - before)",
        "bisection": """
            near = t - dt
            t_cross = t
            for _ in range(10):
                middle = 0.5 * (near + t_cross)
                if sample(field, ro + middle * rd) < iso:
                    t_cross = middle
                else:
                    near = middle
            """,
    }[refine]
    t_cross = "t" if refine == "none" else "t_cross"
    store = {
        "distance": f"t_hit[tid] = {t_cross}",
        "point": f"hits[tid] = ro + {t_cross} * rd",
        "normal": f"""
            p = ro + {t_cross} * rd
            ex = wp.vec3(0.5, 0.0, 0.0)
            ey = wp.vec3(0.0, 0.5, 0.0)
            ez = wp.vec3(0.0, 0.0, 0.5)
            g = wp.vec3(
                sample(field, p + ex) - sample(field, p - ex),
                sample(field, p + ey) - sample(field, p - ey),
                sample(field, p + ez) - sample(field, p - ez),
            )
            normals[tid] = wp.normalize(g)
            """,
    }[result]
    head = "for _ in range(max_steps):" if leave == "break" else "while t < t_max:"
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        ro = origins[tid]
        rd = directions[tid]
        t = float(0.0)
        before = sample(field, ro) - iso
        $head
            t += dt
            value = sample(field, ro + t * rd) - iso
            # we only accept outside-to-inside crossings, so that rays starting inside exit first
            if before > 0.0 and value <= 0.0:
                $crossing
                $store
                return
            before = value
        $miss
        """,
        head=head,
        crossing=crossing,
        store=store,
        miss="t_hit[tid] = -1.0" if result == "distance" else f"{out}[tid] = wp.vec3(0.0)",
    )

    def sampled(v: Values, p: Any) -> Any:
        q = np.clip(p, 0.0, m - 1.001)
        base = np.floor(q).astype(int)
        f = q - base
        made = 0.0
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, f, 1.0 - f), axis=-1)
            made = made + weight * v.field[tuple(np.moveaxis(base + np.array(corner), -1, 0))]
        return made

    def agrees(v: Values, after: Values) -> None:
        count = int(last / dt) if leave == "break" else int(np.ceil(last / dt - 1e-9))
        ts = np.arange(count + 1) * dt
        o, r = v.origins, v.directions
        values = sampled(v, o[:, None] + ts[:, None] * r[:, None]) - v.iso
        enters = (values[:, :-1] > 0.0) & (values[:, 1:] <= 0.0)
        met, at = enters.any(axis=1), enters.argmax(axis=1)
        a, b = values[np.arange(n), at], values[np.arange(n), at + 1]
        t = ts[at + 1]
        if refine == "linear":
            t = ts[at] + dt * a / np.where(met, a - b, 1.0)
        elif refine == "bisection":
            low, high = ts[at], ts[at + 1]
            for _ in range(10):
                middle = 0.5 * (low + high)
                inside = sampled(v, o + middle[:, None] * r) < v.iso
                low, high = np.where(inside, low, middle), np.where(inside, middle, high)
            t = high
        p = o + t[:, None] * r
        assert met.any()
        if result == "distance":
            mostly_close(after.t_hit, np.where(met, t, -1.0), 5e-3, 0.93)
            return
        if result == "normal":
            g = np.stack([sampled(v, p + e) - sampled(v, p - e) for e in 0.5 * np.eye(3)], axis=-1)
            p = unit(g)
        mostly_close(after[out], np.where(met[:, None], p, 0.0), 2e-2, 0.93)
        mostly_close(after[out][met], p[met], 2e-2, 0.8)

    d.holds(agrees)
