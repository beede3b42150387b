"""Fractals in the plane: how long orbits of complex numbers take to escape."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.raymarch import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "iterations": "counts|escape_time|n_iter|iters",
    "image": "pixels|out_image",
    "corner": "origin|lower_left",
    "scale": "pixel_size|spacing",
    "c": "c0|constant|seed",
    "re": "zx|zr|x",
    "im": "zy|zi|y",
    "steps": "iter_count|n_iter|n_steps",
    "z": "w|orbit|q",
}

_FORMS = {
    "mandelbrot": "z^2 + c",
    "julia": "z^2 + c for a fixed c",
    "burning ship": "(|Re z| + i |Im z|)^2 + c",
    "tricorn": "conj(z)^2 + c",
    "cubic": "z^3 + c",
}


@DOMAIN.algorithm(
    source="Mandelbrot 1980; Douady & Hubbard 1982; Vepstas 1997 for the smooth count",
    names=_NAMES | {"escape_time_fractal": "fractal|escape_time|escape_time_kernel|compute_fractal"},
    adjoint="either",
    weight=15,
)
def escape_time_fractal(d: Draft) -> None:
    """Computes escape-time iterations of a complex map per pixel."""
    form = d.option("form", *_FORMS)
    result = d.option("result", "count", "smooth", "normalised")
    loop = d.option("loop", "while", "for")
    number = d.option("number", "parts", "vector")
    layout = d.option("layout", "2d", "flat")
    skip = form == "mandelbrot" and d.flag("bulbs", 0.5)
    width, height = d.pick(16, 20, 24), d.pick(12, 16)
    most = d.pick(32, 48, 64)
    radius = 4.0 if result != "smooth" else d.pick(64.0, 256.0)
    orbit = "from z = the pixel" if form == "julia" else "from zero, with c the pixel,"
    d.says(
        f"Iterates z -> {_FORMS[form]} {orbit} and "
        + {
            "count": "counts steps until |z| exceeds 2.",
            "smooth": "computes a smooth escape-time count.",
            "normalised": "computes the normalized number of steps until |z| exceeds 2.",
        }[result]
    )
    d.calls({
        "mandelbrot": "mandelbrot|mandelbrot_set|escape_time_fractal|compute_mandelbrot",
        "julia": "julia|julia_set|escape_time_fractal|compute_julia",
        "burning ship": "burning_ship|burning_ship_fractal|escape_time_fractal",
        "tricorn": "tricorn|mandelbar|escape_time_fractal",
        "cubic": "cubic_mandelbrot|multibrot3|escape_time_fractal",
    }[form])  # fmt: skip
    d.param("corner", "vec2", -1.6, -1.2, about="Complex coordinate at pixel (0, 0)")
    d.param("scale", "float", 0.1, 0.14, about="Pixel size in the complex plane")
    if form == "julia":
        d.param("c", "vec2", -0.6, -0.3, about="Map constant")
    if layout == "flat":
        d.param("width", "int", width, about="Image width [px]")
    whole = result == "count"
    target = "iterations" if whole else "image"
    d.output(
        target,
        "int" if whole else "float",
        (height, width) if layout == "2d" else height * width,
        about={
            "count": "Escape step count, MAX_ITERATIONS if the orbit does not escape",
            "smooth": "Smooth iteration count, MAX_ITERATIONS if the orbit does not escape",
            "normalised": "Step count divided by MAX_ITERATIONS, 1 if the orbit does not escape",
        }[result],
    )
    cx, cy = ("c[0]", "c[1]") if form == "julia" else ("px", "py")
    square = {
        "mandelbrot": ("re * re - im * im + $x", "2.0 * re * im + $y"),
        "julia": ("re * re - im * im + $x", "2.0 * re * im + $y"),
        "burning ship": ("re * re - im * im + $x", "2.0 * wp.abs(re * im) + $y"),
        "tricorn": ("re * re - im * im + $x", "-2.0 * re * im + $y"),
        "cubic": ("re * re * re - 3.0 * re * im * im + $x", "3.0 * re * re * im - im * im * im + $y"),
    }[form]
    x, y = (part.replace("$x", cx).replace("$y", cy) for part in square)
    start = ("px", "py") if form == "julia" else ("0.0", "0.0")
    if number == "vector":
        x, y = (part.replace("re", "z[0]").replace("im", "z[1]") for part in (x, y))
        begin = f"z = wp.vec2({start[0]}, {start[1]})"
        step = f"z = wp.vec2({x}, {y})"
        norm = "wp.dot(z, z)"
    else:
        begin = f"re = float({start[0]})\nim = float({start[1]})"
        step = f"temp = {x}\nim = {y}\nre = temp"
        norm = "re * re + im * im"
    loops = {
        "while": """
            steps = int(0)
            while steps < MAX_ITERATIONS and $norm <= ESCAPE_RADIUS_SQ:
                $step
                steps += 1
            """,
        "for": """
            steps = int(MAX_ITERATIONS)
            for k in range(MAX_ITERATIONS):
                if $norm > ESCAPE_RADIUS_SQ:
                    steps = k
                    break
                $step
            """,
    }
    degree = "3.0" if form == "cubic" else "2.0"
    store = {
        "count": "$target = steps",
        "normalised": "$target = float(steps) / float(MAX_ITERATIONS)",
        "smooth": """
            if steps < MAX_ITERATIONS:
                # smooth iteration count: subtract the fraction past the escape radius to remove banding
                $target = float(steps) + 1.0 - wp.log(0.5 * wp.log($norm)) / wp.log($degree)
            else:
                $target = float(MAX_ITERATIONS)
            """,
    }[result]
    d.module(f"MAX_ITERATIONS = wp.constant({most})\nESCAPE_RADIUS_SQ = wp.constant({radius})")
    indices = "i, j = wp.tid()" if layout == "2d" else "tid = wp.tid()\ni = tid // width\nj = tid % width"
    d.launch(*((height, width) if layout == "2d" else (height * width,)))
    d.code(
        """
        $indices
        px = corner[0] + scale * float(j)
        py = corner[1] + scale * float(i)
        $skip
        $begin
        $loop
        $store
        """,
        indices=indices,
        skip="""
        # skip the main cardioid and period-2 bulb, since these points never escape
        q = (px - 0.25) * (px - 0.25) + py * py
        inside = q * (q + px - 0.25) < 0.25 * py * py or (px + 1.0) * (px + 1.0) + py * py < 0.0625
        if inside:
            $target = $full
            return
        """
        if skip
        else "",
        full="MAX_ITERATIONS" if whole else "1.0" if result == "normalised" else "float(MAX_ITERATIONS)",
        begin=begin,
        loop=loops[loop],
        step=step,
        norm=norm,
        degree=degree,
        store=store,
        target=f"{target}[i, j]" if layout == "2d" else f"{target}[tid]",
    )

    def reference(v: Values) -> Any:
        at = (
            v.corner[0]
            + v.scale * np.arange(width)
            + 1j * (v.corner[1] + v.scale * np.arange(height))[:, None]
        )
        c = complex(*v.c) if form == "julia" else at
        z = at.copy() if form == "julia" else np.zeros_like(at)
        n, last = np.full(z.shape, most), z.copy()
        for k in range(most + 1):
            gone = (np.abs(z) ** 2 > radius) & (n == most)
            n[gone & (k < most)] = k
            last = np.where(n == most, z, last)
            last[gone] = z[gone]
            if form == "burning ship":
                z = (np.abs(z.real) + 1j * np.abs(z.imag)) ** 2 + c
            elif form == "tricorn":
                z = np.conj(z) ** 2 + c
            else:
                z = z ** (3 if form == "cubic" else 2) + c
        if result == "smooth":
            n = np.where(n < most, n + 1 - np.log(np.log(np.abs(last))) / np.log(float(degree)), most)
        elif result == "normalised":
            n = n / most
        return n if layout == "2d" else n.reshape(-1)

    # chaotic orbits near the boundary part by rounding
    d.holds(lambda before, after: mostly_close(after[target], reference(before), 1e-2, 0.93))
