"""Blocks of pictures as JPEG keeps them."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

# Annex K, tables K.1 and K.2.
LUMINANCE = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62
 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
CHROMINANCE = """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99
 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99"""
_AAN = (1.0, 1.387039845, 1.306562965, 1.175875602, 1.0, 0.785694958, 0.541196100, 0.275899379)
_ZIGZAG = sorted(range(64), key=lambda k: (k // 8 + k % 8, k // 8 if (k // 8 + k % 8) % 2 else k % 8))

# Sums and differences of a line of eight; {x} is the block, {a0} to {a7} are places.
HALVES = """
    s07 = {x}{a0} + {x}{a7}
    d07 = {x}{a0} - {x}{a7}
    s16 = {x}{a1} + {x}{a6}
    d16 = {x}{a1} - {x}{a6}
    s25 = {x}{a2} + {x}{a5}
    d25 = {x}{a2} - {x}{a5}
    s34 = {x}{a3} + {x}{a4}
    d34 = {x}{a3} - {x}{a4}
    # Even part{even}
    t10 = s07 + s34
    t13 = s07 - s34
    t11 = s16 + s25
    t12 = s16 - s25
"""
_FORWARD = (
    HALVES.replace("{even}", "")
    + """\
    z1 = (t12 + t13) * 0.707106781
    {x}{a0} = t10 + t11
    {x}{a4} = t10 - t11
    {x}{a2} = t13 + z1
    {x}{a6} = t13 - z1
    # Odd part
    q10 = d34 + d25
    q11 = d25 + d16
    q12 = d16 + d07
    z5 = (q10 - q12) * 0.382683433
    z2 = 0.541196100 * q10 + z5
    z4 = 1.306562965 * q12 + z5
    z3 = q11 * 0.707106781
    z11 = d07 + z3
    z13 = d07 - z3
    {x}{a5} = z13 + z2
    {x}{a3} = z13 - z2
    {x}{a1} = z11 + z4
    {x}{a7} = z11 - z4
"""
)
_INVERSE = """
    # Even part
    e0 = {x}{a0} + {x}{a4}
    e1 = {x}{a0} - {x}{a4}
    e3 = {x}{a2} + {x}{a6}
    e2 = ({x}{a2} - {x}{a6}) * 1.414213562 - e3
    r0 = e0 + e3
    r3 = e0 - e3
    r1 = e1 + e2
    r2 = e1 - e2
    # Odd part
    y13 = {x}{a5} + {x}{a3}
    y10 = {x}{a5} - {x}{a3}
    y11 = {x}{a1} + {x}{a7}
    y12 = {x}{a1} - {x}{a7}
    r7 = y11 + y13
    y5 = (y10 + y12) * 1.847759065
    r6 = y5 - y10 * 2.613125930 - r7
    r5 = (y11 - y13) * 1.414213562 - r6
    r4 = y5 - y12 * 1.082392200 - r5
    {x}{a0} = r0 + r7
    {x}{a7} = r0 - r7
    {x}{a1} = r1 + r6
    {x}{a6} = r1 - r6
    {x}{a2} = r2 + r5
    {x}{a5} = r2 - r5
    {x}{a3} = r3 + r4
    {x}{a4} = r3 - r4
"""


def _line(text: str, first: str, stride: int) -> str:
    places = {f"a{k}": f"[{first} + {k * stride}]" if k else f"[{first}]" for k in range(8)}
    return text.format(x="block", **places).strip("\n")


def _basis() -> Any:
    x, u = np.arange(8)[None, :], np.arange(8)[:, None]
    return np.where(u == 0, np.sqrt(0.125), 0.5) * np.cos((2 * x + 1) * u * np.pi / 16)


@DOMAIN.algorithm(
    source="Wallace 1992; ISO 10918-1, annexes A and K; Arai, Agui & Nakajima 1988 (fast transform)",
    names={
        "picture": "image|pixels|samples|plane",
        "block": "coef|work|workspace",
        "row": "by|block_row",
        "col": "bx|block_col",
        "restored": "decoded|reconstructed|out_image",
        "scans": "zigzag_out|levels_out|coded",
        "q": "step|quant|divisor",
    },
    adjoint="no",
    weight=7,
)
def jpeg_blocks(d: Draft) -> None:
    """Runs each 8x8 block through JPEG transform and quantization."""
    transform = d.option(
        "transform", "direct", "by lines", "fast", "fast helpers", weights=(0.2, 0.2, 0.4, 0.2)
    )
    result = d.option("result", "restored", "levels", "error", "bits", weights=(0.45, 0.2, 0.2, 0.15))
    table = d.option("table", "luminance", "chrominance", "array")
    quality = d.option("quality", "fixed", "param", "per block")
    pixels = d.option("pixels", "float", "uint8")
    dead = d.flag("dead zone", 0.3)
    flat = d.flag("flat blocks", 0.35)
    d.calls(
        {
            "restored": "jpeg_blocks|jpeg_roundtrip|code_blocks|simulate_jpeg",
            "levels": "jpeg_levels|dct_quantize_blocks|encode_blocks|quantize_blocks",
            "error": "jpeg_error|block_errors|quantization_error",
            "bits": "jpeg_bits|amplitude_bits|count_bits",
        }[result]
    )
    rows, cols = d.pick((4, 4), (3, 5), (4, 6))
    shape = (8 * rows, 8 * cols)
    d.input(
        "picture",
        pixels,
        shape,
        *((150, 190) if flat else (0, 255 if pixels == "float" else 256)),
        about="Samples, 0 to 255",
    )
    steps = [int(x) for x in (CHROMINANCE if table == "chrominance" else LUMINANCE).split()]
    if table == "array":
        d.input("steps", "float", 64, 8.0, 60.0, about="Quantization table in row-major order")
    else:
        lines = [", ".join(f"{s}.0" for s in steps[k : k + 8]) for k in range(0, 64, 8)]
        listed = "".join(f"        {line},\n" for line in lines)
        d.module(
            "vec64 = wp.types.vector(64, wp.float32)\n"
            f"# {table.capitalize()} quantization table (ISO 10918-1, Annex K)\n"
            f"STEPS = wp.constant(\n    vec64(\n{listed}    )\n)"
        )
    if quality == "param":
        d.param("scale", "float", 0.3, 1.2, about="Quantization table scale, smaller for higher quality")
    elif quality == "per block":
        d.input("scale", "float", (rows, cols), 0.3, 1.2, about="Per-block quantization scale")
    if flat:
        d.param(
            "least_range",
            "float",
            37.0,
            39.5 if pixels == "float" else 38.5,
            about="Contrast threshold below which only the DC coefficient is kept",
        )
    if result == "restored":
        d.output("restored", pixels, shape, about="Reconstructed samples")
        d.says("Runs each 8x8 block through a JPEG transform and quantization round trip.")
    elif result == "levels":
        d.output("scans", "int", (rows, cols, 64), about="Quantized DCT coefficients in zigzag order")
        d.says("Computes quantized JPEG DCT coefficients in zigzag order for each 8x8 block.")
    elif result == "error":
        d.output("square_error", "float", (rows, cols), about="Per-block mean squared error")
        d.says("Computes the mean squared JPEG error for each 8x8 block.")
    else:
        d.output("cost", "int", (rows, cols), about="Number of amplitude bits per block")
        d.says("Counts the JPEG amplitude bits for each 8x8 block.")
    fast = transform.startswith("fast")
    back = result in ("restored", "error")
    if fast:
        d.module(
            "vec8 = wp.types.vector(8, wp.float32)\n"
            "# Scale factors that the fast DCT defers to quantization (Arai, Agui & Nakajima)\n"
            f"AAN = wp.constant(vec8({', '.join(map(str, _AAN))}))"
        )
    if transform == "fast helpers":
        for name, text, doc in (
            ("forward_line", _FORWARD, "In-place scaled 8-point DCT."),
            ("inverse_line", _INVERSE, "In-place inverse of the scaled 8-point DCT."),
        )[: 1 + back]:
            places = {f"a{k}": f"[start + {k} * stride]" if k else "[start]" for k in range(8)}
            body = text.format(x="block", **places).replace("[start + 1 * stride]", "[start + stride]")
            d.function(
                f'@wp.func\ndef {name}(block: wp.array(dtype=float), start: int, stride: int):\n    """{doc}"""'
                f"{body}"
            )
    step = "steps[8 * v + u]" if table == "array" else "STEPS[8 * v + u]"
    step += {"fixed": "", "param": " * scale", "per block": " * scale[row, col]"}[quality]
    scaled = "AAN[u] * AAN[v]"
    forward, backward = _passes(transform)
    gain = f"8.0 * {scaled}" if fast else "1.0"
    level = "wp.round(ratio)"
    if dead:
        d.module(
            "# Rounding offset; values below 0.5 widen the dead zone around zero\nDEAD_ZONE_ROUNDING = wp.constant(0.4)"
        )
        level = "wp.sign(ratio) * wp.floor(wp.abs(ratio) + DEAD_ZONE_ROUNDING)"
    direct = transform == "direct"
    spectrum, values = ("coefficients", "values") if direct else ("block", "block")
    use = {
        "levels": "$order\nscans[row, col, rank] = int(level)",
        "bits": """
            # An amplitude takes as many bits as its magnitude
            magnitude = int(wp.abs(level))
            while magnitude > 0:
                bits += 1
                magnitude = magnitude >> 1
            """,
    }.get(result, f"{spectrum}[8 * v + u] = level * q{' * 0.125 * ' + scaled if fast else ''}")
    order = """
        # Zigzag index: count preceding diagonals, then step up or down this one
        diagonal = u + v
        along = wp.where(diagonal % 2 == 0, u, v)
        before = diagonal * (diagonal + 1) // 2
        if diagonal > 7:
            along = along - (diagonal - 7)
            before = 64 - (15 - diagonal) * (16 - diagonal) // 2
        rank = before + along
        """
    pixel = "picture[8 * row + y, 8 * col + x]"
    pixel = pixel if pixels == "float" else f"float({pixel})"
    value = f"wp.clamp({values}[8 * y + x] + 128.0, 0.0, 255.0)"
    cast = f"wp.uint8({value} + 0.5)" if pixels == "uint8" else value
    end = {
        "restored": f"""
            for y in range(size):
                for x in range(size):
                    restored[8 * row + y, 8 * col + x] = {cast}
            """,
        "error": f"""
            loss = float(0.0)
            for y in range(size):
                for x in range(size):
                    difference = {value} - {pixel}
                    loss += difference * difference
            square_error[row, col] = loss / 64.0
            """,
        "bits": "cost[row, col] = bits",
    }.get(result, "")
    d.launch(rows, cols)
    d.code(
        """
        row, col = wp.tid()
        # Use a variable instead of a constant so that loops are not unrolled
        size = int(8)
        $block = wp.zeros(shape=64, dtype=float)
        $extremes
        for y in range(size):
            for x in range(size):
                sample = $pixel
                $seek
                # Level shift: center samples around zero
                $block[8 * y + x] = sample - 128.0
        $forward
        $bits
        # --- Quantization ---
        for v in range(size):
            for u in range(size):
                q = $step
                ratio = $coefficient / $q
                $round
                $drop
                $use
        $backward
        $end
        """,
        block="centered" if direct else "block",
        pixel=pixel,
        extremes="darkest = float(255.0)\nbrightest = float(0.0)" if flat else "",
        seek="darkest = wp.min(darkest, sample)\nbrightest = wp.max(brightest, sample)" if flat else "",
        forward=forward,
        bits="bits = int(0)" if result == "bits" else "",
        step=step,
        coefficient=f"{spectrum}[8 * v + u]",
        q=f"(q * {gain})" if fast else "q",
        round=f"level = {level}",
        drop="if u + v > 0 and brightest - darkest < least_range:\n    level = 0.0" if flat else "",
        use=use.replace("$order", order.strip("\n").replace("        ", "").strip())
        if result == "levels"
        else use,
        backward="# --- Inverse transform ---\n" + textwrap.dedent(backward).strip("\n") if back else "",
        end=end,
    )
    rounding = ", fractions below 0.6 towards zero (a dead zone)" if dead else ""
    means = "The DC coefficient is counted directly, without differential coding." if result == "bits" else ""
    d.explain(f"""
        F(u, v) = C(u) C(v) / 4 * sum f(x, y) cos((2x + 1) u pi / 16) cos((2y + 1) v pi / 16), which is orthonormal.
        Coefficients are divided by the quantization step and rounded{rounding}, the lossy part of JPEG. {means}
    """)

    def agrees(v: Values, after: Values) -> None:
        c = _basis()
        f = v.picture.astype(float)
        f = f.reshape(rows, 8, cols, 8).swapaxes(1, 2)
        q = (v.steps if table == "array" else np.array(steps, float)).reshape(8, 8)
        q = q * {"fixed": 1.0, "param": v.get("scale")}.get(
            quality, np.asarray(v.get("scale", 1.0))[..., None, None]
        )
        x = (c @ (f - 128) @ c.T) / q
        n = np.sign(x) * np.floor(abs(x) + 0.4) if dead else np.sign(x) * np.floor(abs(x) + 0.5)
        if flat:
            low = np.ptp(f.reshape(rows, cols, 64), axis=2) < v.least_range
            n = np.where(low[..., None, None] & (np.arange(64).reshape(8, 8) > 0), 0, n)
        image = np.clip(c.T @ (n * q) @ c + 128, 0, 255)
        if result == "restored":
            whole = image.swapaxes(1, 2).reshape(shape)
            whole = np.floor(whole + 0.5) if pixels == "uint8" else whole
            mostly_close(after.restored, whole, 1e-2, 0.9)
        elif result == "levels":
            mostly_close(after.scans, n.reshape(rows, cols, 64)[..., _ZIGZAG], 1e-6)
        elif result == "error":
            mostly_close(after.square_error, ((image - f) ** 2).mean((2, 3)), 1e-2, 0.9)
        else:
            size = np.where(n == 0, 0, np.floor(np.log2(np.maximum(abs(n), 1))) + 1)
            mostly_close(after.cost, size.sum((2, 3)), 0.02, 0.9)

    d.holds(agrees)


def _passes(transform: str) -> tuple[str, str]:
    """The transform of `block` and its inverse."""
    if transform == "direct":
        loops = """
            # {0}
            coefficients = wp.zeros(shape=64, dtype=float)
            for {a} in range(size):
                for {b} in range(size):
                    total = float(0.0)
                    for {c} in range(size):
                        wave_y = wp.cos(float((2 * y + 1) * v) * wp.pi / 16.0)
                        for {d} in range(size):
                            wave_x = wp.cos(float((2 * x + 1) * u) * wp.pi / 16.0)
                            {term}
                    {store}
            """
        scale = "wp.where({0} == 0, wp.sqrt(0.125), 0.5)"
        both = f"{scale.format('u')} * {scale.format('v')}"
        ahead = loops.format(
            "Sum over all pixels, for each frequency", a="v", b="u", c="y", d="x",
            term="total += centered[8 * y + x] * wave_x * wave_y", store=f"coefficients[8 * v + u] = {both} * total",
        )  # fmt: skip
        back = loops.replace("coefficients", "values").format(
            "Sum over all frequencies, for each pixel", a="y", b="x", c="v", d="u",
            term=f"total += {both} * coefficients[8 * v + u] * wave_x * wave_y", store="values[8 * y + x] = total",
        )  # fmt: skip
        return ahead, back
    if transform == "by lines":
        text = """
            for axis in range(2):
                # Separable transform: rows, then columns
                step = wp.where(axis == 0, 1, 8)
                line_step = 9 - step
                for line in range(size):
                    {name} = wp.zeros(shape=8, dtype=float)
                    for {a} in range(size):
                        weight = wp.where(u == 0, wp.sqrt(0.125), 0.5)
                        for {b} in range(size):
                            wave = wp.cos(float((2 * x + 1) * u) * wp.pi / 16.0)
                            {term}
                    for k in range(size):
                        block[line * line_step + k * step] = {name}[k]
            """
        ahead = text.format(
            name="spectrum",
            a="u",
            b="x",
            term="spectrum[u] += weight * wave * block[line * line_step + x * step]",
        )
        back = text.format(
            name="values",
            a="u",
            b="x",
            term="values[x] += weight * wave * block[line * line_step + u * step]",
        )
        return ahead, back
    if transform == "fast helpers":
        both = "for line in range(size):\n    {0}_line(block, 8 * line, 1)\nfor line in range(size):\n    {0}_line(block, line, 8)"
        return both.format("forward"), both.format("inverse")
    made = []
    for text in (_FORWARD, _INVERSE):
        along = "# Rows\nfor line in range(size):\n" + _line(text, "8 * line", 1)
        down = "# Columns\nfor line in range(size):\n" + _line(text, "line", 8)
        made.append(f"{along}\n{down}")
    return made[0], made[1]
