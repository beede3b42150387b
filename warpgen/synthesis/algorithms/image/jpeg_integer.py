"""Blocks of pictures through JPEG in integer arithmetic, as the reference software computes them."""

from __future__ import annotations

import re

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.algorithms.image.jpeg import CHROMINANCE, HALVES, LUMINANCE
from warpgen.synthesis.writing.draft import Draft, Values, dedented

# One line of eight through the transform; {down} is how far sums are shifted.
_FORWARD = (
    HALVES.replace("{even}", ": a butterfly and one rotation by pi / 8")
    + """\
    {x}{a0} = {dc}(t10 + t11{dc_end}
    {x}{a4} = {dc}(t10 - t11{dc_end}
    z1 = (t12 + t13) * FIX_0_541
    {x}{a2} = descale(z1 + t13 * FIX_0_765, {down})
    {x}{a6} = descale(z1 - t12 * FIX_1_847, {down})
    # Odd part: 9 products instead of 16 (Loeffler, Ligtenberg and Moschytz)
    z1 = d34 + d07
    z2 = d25 + d16
    z3 = d34 + d16
    z4 = d25 + d07
    z5 = (z3 + z4) * FIX_1_175
    p4 = d34 * FIX_0_298
    p5 = d25 * FIX_2_053
    p6 = d16 * FIX_3_072
    p7 = d07 * FIX_1_501
    z1 = z1 * FIX_0_899
    z2 = z2 * FIX_2_562
    z3 = z5 - z3 * FIX_1_961
    z4 = z5 - z4 * FIX_0_390
    {x}{a7} = descale(p4 - z1 + z3, {down})
    {x}{a5} = descale(p5 - z2 + z4, {down})
    {x}{a3} = descale(p6 - z2 + z3, {down})
    {x}{a1} = descale(p7 - z1 + z4, {down})
"""
)
_INVERSE = """
    # Even part
    z1 = ({x}{a2} + {x}{a6}) * FIX_0_541
    e2 = z1 - {x}{a6} * FIX_1_847
    e3 = z1 + {x}{a2} * FIX_0_765
    e0 = ({x}{a0} + {x}{a4}) << 13
    e1 = ({x}{a0} - {x}{a4}) << 13
    r0 = e0 + e3
    r3 = e0 - e3
    r1 = e1 + e2
    r2 = e1 - e2
    # Odd part
    z1 = {x}{a7} + {x}{a1}
    z2 = {x}{a5} + {x}{a3}
    z3 = {x}{a7} + {x}{a3}
    z4 = {x}{a5} + {x}{a1}
    z5 = (z3 + z4) * FIX_1_175
    q0 = {x}{a7} * FIX_0_298
    q1 = {x}{a5} * FIX_2_053
    q2 = {x}{a3} * FIX_3_072
    q3 = {x}{a1} * FIX_1_501
    z1 = z1 * FIX_0_899
    z2 = z2 * FIX_2_562
    z3 = z5 - z3 * FIX_1_961
    z4 = z5 - z4 * FIX_0_390
    q0 = q0 - z1 + z3
    q1 = q1 - z2 + z4
    q2 = q2 - z2 + z3
    q3 = q3 - z1 + z4
    {x}{a0} = descale(r0 + q3, {down})
    {x}{a7} = descale(r0 - q3, {down})
    {x}{a1} = descale(r1 + q2, {down})
    {x}{a6} = descale(r1 - q2, {down})
    {x}{a2} = descale(r2 + q1, {down})
    {x}{a5} = descale(r2 - q1, {down})
    {x}{a3} = descale(r3 + q0, {down})
    {x}{a4} = descale(r3 - q0, {down})
"""

# Sums of cosines of multiples of pi / 16, with 13 bits of fraction.
_FIXED = {"FIX_0_298": 2446, "FIX_0_390": 3196, "FIX_0_541": 4433, "FIX_0_765": 6270, "FIX_0_899": 7373, "FIX_1_175": 9633, "FIX_1_501": 12299, "FIX_1_847": 15137, "FIX_1_961": 16069, "FIX_2_053": 16819, "FIX_2_562": 20995, "FIX_3_072": 25172}  # fmt: skip


@DOMAIN.algorithm(
    source="Loeffler, Ligtenberg & Moschytz 1989; Independent JPEG Group 1998 (jfdctint, jidctint); ISO 10918-1; ITU-T T.871",
    names={
        "pixels": "image|samples",
        "block": "coef|work|workspace",
        "row": "by|block_row",
        "col": "bx|block_col",
        "restored": "decoded|reconstructed|out_image",
        "steps": "quant_table|qtab|divisors",
        "size": "dct_size|side",
    },
    adjoint="no",
    weight=3,
)
def jpeg_integer_blocks(d: Draft) -> None:
    """Runs each 8x8 block through JPEG using integer arithmetic, as in the reference software."""
    result = d.option("result", "restored", "levels", "error", weights=(0.5, 0.2, 0.3))
    form = d.option("form", "inline", "helpers", weights=(0.65, 0.35))
    source = d.option("source", "luma", "rgb", "chroma")
    table = d.option("table", "scaled", "array")
    shortcut = d.flag("flat lines", 0.5) and result != "levels"
    rounding = d.option("rounding", "nearest", "truncate")
    range_ = d.option("limit", "clamp", "min max")
    storage = d.option("pixels", "uint8", "int")
    d.calls(
        {
            "restored": "jpeg_integer_blocks|jpeg_islow|code_blocks_fixed|jpeg_fixed_point",
            "levels": "integer_dct_blocks|jpeg_integer_levels|quantize_blocks_fixed",
            "error": "jpeg_integer_error|block_errors|fixed_point_error",
        }[result]
    )
    rows, cols = d.pick((2, 3), (3, 3), (3, 2))
    shape = (8 * rows, 8 * cols)
    if source == "luma":
        d.input("pixels", storage, shape, 0, 256, about="Samples, 0 to 255")
    else:
        d.input("pixels", storage, (*shape, 3), 0, 256, about="8-bit RGB image")
    base = [int(x) for x in (CHROMINANCE if source == "chroma" else LUMINANCE).split()]
    if table == "array":
        # coarse steps leave lines flat
        d.input(
            "steps",
            "int",
            64,
            *((40, 250) if shortcut else (6, 60)),
            about="Quantization table in row-major order",
        )
    else:
        listed = "".join(f"        {', '.join(map(str, base[k : k + 8]))},\n" for k in range(0, 64, 8))
        d.module(
            "vec64i = wp.types.vector(64, wp.int32)\n"
            f"# Quantization table (ISO 10918-1, Annex K)\nSTEPS = wp.constant(\n    vec64i(\n{listed}    )\n)"
        )
        d.param("quality", "int", *((5, 40) if shortcut else (10, 100)), about="Quality, 1 to 100")
    what = {"luma": "Samples", "rgb": "Luma", "chroma": "Blue chroma"}[source]
    of = "" if source == "luma" else f" of {what.lower()}"
    cut = ", truncating coefficients towards zero" * (rounding == "truncate")
    if result == "restored":
        d.output("restored", storage, shape, about=f"Reconstructed {what.lower()}")
        how = f"using integer arithmetic{cut or ', as in the reference software'}"
        d.says(f"Runs each 8x8 block{of} through a JPEG round trip {how}.")
    elif result == "levels":
        d.output("levels", "int", shape, about="Quantized DCT coefficients, stored at their block's position")
        d.says(
            f"Computes quantized JPEG DCT coefficients{of} for each 8x8 block using integer arithmetic{cut}."
        )
    else:
        d.output("total_error", "int", (rows, cols), about="Per-block sum of squared errors")
        d.says(
            f"Computes the squared error{of} after a JPEG round trip for each 8x8 block using integer arithmetic{cut}."
        )
    lines = "\n".join(f"{name} = wp.constant({value})" for name, value in _FIXED.items())
    d.module(f"# DCT constants with 13 fractional bits\n{lines}")
    d.function('''
        @wp.func
        def descale(x: int, bits: int) -> int:
            """Rounding right shift."""
            return (x + (1 << (bits - 1))) >> bits
    ''')
    forward, back = (
        _pass(text, form == "inline", name)
        for text, name in ((_FORWARD, "forward_line"), (_INVERSE, "inverse_line"))
    )
    if form == "helpers":
        for name, text in (("forward_line", _FORWARD), ("inverse_line", _INVERSE))[
            : 1 if result == "levels" else 2
        ]:
            places = {f"a{k}": f"[at + {k} * stride]" if k else "[at]" for k in range(8)}
            places["a1"] = "[at + stride]"
            body = text.format(x="block", down="down", dc="descale(", dc_end=") << 13, down)", **places)
            if name == "inverse_line":
                doc = "In-place 8-point inverse DCT with a rounding shift."
            else:
                doc = "In-place 8-point forward DCT with a rounding shift."
            d.function(
                f'@wp.func\ndef {name}(block: wp.array(dtype=int), at: int, stride: int, down: int):\n    """{doc}"""{body}'
            )
    load = {
        "luma": "sample = pixels[8 * row + y, 8 * col + x]",
        "rgb": """
            red = pixels[8 * row + y, 8 * col + x, 0]
            green = pixels[8 * row + y, 8 * col + x, 1]
            blue = pixels[8 * row + y, 8 * col + x, 2]
            # Luma with 16-bit fixed-point weights (ITU-T T.871)
            sample = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
        """,
        "chroma": """
            red = pixels[8 * row + y, 8 * col + x, 0]
            green = pixels[8 * row + y, 8 * col + x, 1]
            blue = pixels[8 * row + y, 8 * col + x, 2]
            # Blue chroma centered at zero (ITU-T T.871 adds 128)
            sample = (-11059 * red - 21709 * green + 32768 * blue + 32767) >> 16
        """,
    }[source]
    if storage == "uint8":
        load = re.sub(r"pixels\[.*?\]", r"int(\g<0>)", load)
    step = "q = steps[8 * v + u]"
    scale = ""
    if table == "scaled":
        scale = "# Map quality to a percentage scale as in the reference software (50 keeps the table unchanged)\nscale = wp.where(quality < 50, 5000 / quality, 200 - 2 * quality)"
        scale = scale.replace("5000 / quality", "5000 // quality")
        step = "q = wp.clamp((STEPS[8 * v + u] * scale + 50) // 100, 1, 255)"
    # The forward transform leaves coefficients eight times too large.
    level = {
        "nearest": "level = wp.sign(x) * ((wp.abs(x) + 4 * q) // (8 * q))",
        "truncate": "level = wp.sign(x) * (wp.abs(x) // (8 * q))",
    }[rounding]
    use = "levels[8 * row + v, 8 * col + u] = level" if result == "levels" else "block[8 * v + u] = level * q"
    clamp = {"clamp": "wp.clamp({}, 0, 255)", "min max": "wp.max(wp.min({}, 255), 0)"}[range_].format(
        "block[8 * y + x] + 128"
    )
    whole = "(sample + 128)" if source == "chroma" else "sample"
    end = {
        "restored": "restored[8 * row + y, 8 * col + x] = "
        + (f"wp.uint8({clamp})" if storage == "uint8" else clamp),
        "error": f"$load\ndifference = {clamp} - {whole}\nloss += difference * difference",
    }.get(result, "")
    inverse_rows, inverse_columns = back
    if shortcut:
        inverse_columns = _shortened(back[1], "columns", "8 * k + line", "line", "{} << 2")
        inverse_rows = _shortened(back[0], "rows", "8 * line + k", "8 * line", "descale({}, 5)")
    d.launch(rows, cols)
    d.code(
        """
        row, col = wp.tid()
        $scale
        # Use a variable instead of a constant so that loops are not unrolled
        size = int(8)
        block = wp.zeros(shape=64, dtype=int)
        for y in range(size):
            for x in range(size):
                $load
                block[8 * y + x] = $centered
        # --- Forward DCT: the row pass keeps two extra bits, the column pass removes them ---
        $forward_rows
        $forward_columns
        # --- Quantization ---
        for v in range(size):
            for u in range(size):
                $step
                value = block[8 * v + u]
                $level
                $use
        $inverse_columns
        $inverse_rows
        $begin
        $end
        $store
        """,
        scale=scale,
        load=dedented(load),
        centered="sample" if source == "chroma" else "sample - 128",
        forward_rows=forward[0],
        forward_columns=forward[1],
        step=step,
        level=level.replace("(x)", "(value)"),
        use=use,
        inverse_columns="" if result == "levels" else "# --- Inverse transform ---\n" + inverse_columns,
        inverse_rows="" if result == "levels" else inverse_rows,
        begin="loss = int(0)" if result == "error" else "",
        end="" if result == "levels" else "for y in range(size):\n    for x in range(size):\n        $body",
        body=end,
        store="total_error[row, col] = loss" if result == "error" else "",
    )
    d.explain("""
        DCT constants use 13 fractional bits. The first pass keeps two fractional bits, the second one removes them;
        coefficients are scaled by eight, which the quantization accounts for.
    """)

    def agrees(v: Values, after: Values) -> None:
        p = v.pixels.astype(float)
        if source == "rgb":
            p = np.floor(p @ np.array([0.299, 0.587, 0.114]) + 0.5)
        elif source == "chroma":
            p = np.floor(p @ np.array([-0.168736, -0.331264, 0.5]) + 128.5)
        f = p.reshape(rows, 8, cols, 8).swapaxes(1, 2)
        q = np.array(base) if table == "scaled" else v.steps
        if table == "scaled":
            s = 5000 // int(v.quality) if v.quality < 50 else 200 - 2 * int(v.quality)
            q = np.clip((q * s + 50) // 100, 1, 255)
        q = q.reshape(8, 8)
        x, u = np.arange(8)[None, :], np.arange(8)[:, None]
        c = np.where(u == 0, np.sqrt(0.125), 0.5) * np.cos((2 * x + 1) * u * np.pi / 16)
        z = (c @ (f - 128) @ c.T) / q
        n = np.sign(z) * np.floor(abs(z) + (0.5 if rounding == "nearest" else 0.0))
        image = np.clip(np.round(c.T @ (n * q) @ c + 128), 0, 255)
        # Whole numbers may differ by one where a real number is near the middle of two.
        if result == "levels":
            got, want = after.levels.reshape(rows, 8, cols, 8).swapaxes(1, 2), n
            assert np.abs(got - want).max() <= 1 and (got == want).mean() > 0.93, (
                f"{(got == want).mean():.3f} alike"
            )
        elif result == "restored":
            got = after.restored.astype(float).reshape(rows, 8, cols, 8).swapaxes(1, 2)
            # a level that is off by one moves pixels by an eighth of its step
            assert np.median(np.abs(got - image)) <= 1 and np.abs(got - image).mean() < 3 + q.mean() / 100, (
                f"{np.abs(got - image).mean()} off"
            )
        else:
            want = ((image - f) ** 2).sum((2, 3))
            assert np.allclose(after.total_error, want, rtol=0.25, atol=80), (
                f"{after.total_error}, not {want}"
            )

    d.holds(agrees)


def _shortened(loop: str, lines: str, other: str, first: str, mean: str) -> str:
    """The loop over lines of an inverse transform that leaves out those whose other coefficients are zero."""
    mean = mean.format(f"block[{first}]")
    return (
        f"# {lines.capitalize()}, with a shortcut if all AC coefficients are zero\nfor line in range(size):\n"
        f"    rest = int(0)\n    for k in range(1, size):\n        rest = rest | block[{other}]\n"
        f"    if rest == 0:\n        flat = {mean}\n        for k in range(size):\n"
        f"            block[{other}] = flat\n        continue\n" + loop.split("\n", 2)[2]
    )


def _pass(text: str, inline: bool, name: str) -> tuple[str, str]:
    """Rows and columns of a transform, over `block`."""
    made = []
    for way, down in (
        ("rows", 11 if name == "forward_line" else 18),
        ("columns", 15 if name == "forward_line" else 11),
    ):
        if inline:
            places = {
                f"a{k}": (f"[8 * line + {k}]" if way == "rows" else f"[line + {8 * k}]") for k in range(8)
            }
            places["a0"] = "[8 * line]" if way == "rows" else "[line]"
            dc, end = ("", ") << 2") if way == "rows" else ("descale", ", 2)")
            body = text.format(x="block", down=down, dc=dc, dc_end=end, **places).strip("\n")
        else:
            first, stride = ("8 * line", 1) if way == "rows" else ("line", 8)
            body = f"    {name}(block, {first}, {stride}, {down})"
        made.append(f"# {way.capitalize()}\nfor line in range(size):\n{body}")
    return made[0], made[1]
