"""Weights and activations in few bits."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source=(
        "Jacob et al. 2018, eq. 1; Dettmers et al. 2022 (blockwise); Dettmers et al. 2023 (NF4); Hu "
        "et al. 2022"
    ),
    names={
        "quantise_weights": "quantize_blocks|quantize_rows|dequantize_rows|low_bit_weights",
        "x": "weights|values|numbers",
        "codes": "q|quantized|levels",
        "scales": "quant_scales|step_sizes",
        "peak": "amax|largest|absmax_i",
        "zero": "zero_point|offset|zp",
        "block": "group|tile|chunk",
    },
    adjoint="no",
    element="output",
)
def quantise_weights(d: Draft) -> None:
    """Quantises blocks of values to low-bit codes with per-block scales."""
    way = d.option("way", "quantise", "dequantise", "round trip", "product")
    d.calls({
        "quantise": "quantize_blocks|block_quantize|quantize_weights",
        "dequantise": "dequantize_blocks|dequantize_weights|restore_weights",
        "round trip": "fake_quantize|quantize_dequantize|round_to_bits",
        "product": "quantized_matvec|low_bit_matvec|dequantize_matvec",
    }[way])  # fmt: skip
    mode = d.option("mode", "symmetric", "affine")
    bits = d.option("bits", 8, 4)
    layout = d.option("layout", "rows", "flat")
    packed = d.flag("packed", 0.5) and bits == 4 and way in ("dequantise", "product")
    n, size = d.pick(16, 24, 32), d.pick(8, 16)
    affine = mode == "affine"
    top = (1 << bits) - 1 if affine else (1 << (bits - 1)) - 1
    shape: Any = (n, size) if layout == "rows" else n * size
    at = "[block, k]" if layout == "rows" else "[block * size + k]"
    flat = layout == "flat"
    if way in ("quantise", "round trip"):
        d.module(f"MAX_CODE = wp.constant({float(top)})")
        d.input("x", "float", shape, -2.0, 2.0)
        if flat:
            d.param("size", "int", size)
        if way == "quantise":
            d.output("codes", "int", shape)
            d.output("scales", "float", n)
            if affine:
                d.output("zeros", "int", n)
        else:
            d.output("y", "float", shape)
        count = "x.shape[1]" if not flat else "size"
        if affine:
            range_ = f"""
            # Include zero in the range so padding is exactly representable
            low = float(0.0)
            high = float(0.0)
            for k in range({count}):
                low = wp.min(low, x{at})
                high = wp.max(high, x{at})
            scale = wp.max(high - low, 1.0e-6) / MAX_CODE
            zero = wp.round(-low / scale)
            """
            code = f"wp.clamp(wp.round(x{at} / scale) + zero, 0.0, MAX_CODE)"
            back = "({0} - zero) * scale"
        else:
            range_ = f"""
            peak = float(1.0e-6)
            for k in range({count}):
                peak = wp.max(peak, wp.abs(x{at}))
            scale = peak / MAX_CODE
            """
            code = f"wp.round(x{at} / scale)"
            back = "{0} * scale"
        if way == "quantise":
            tail = "scales[block] = scale" + ("\nzeros[block] = int(zero)" if affine else "")
            inner = f"codes{at} = int({code})"
        else:
            tail, inner = "", f"c = {code}\ny{at} = {back.format('c')}"
        d.launch(n)
        d.code(
            "block = wp.tid()\n$range\nfor k in range($count):\n    $inner\n$tail",
            range=range_,
            count=count,
            inner=inner,
            tail=tail,
        )
    else:
        low, high = (0, top + 1) if affine or packed else (-top, top + 1)
        if packed:
            d.input("codes", "uint32", (n, size // 8) if not flat else n * size // 8, 0, 1 << 32)
        else:
            d.input("codes", "int", shape, low, high)
        d.input("scales", "float", n, 0.01, 0.1)
        if affine:
            d.input("zeros", "int", n, 0, top + 1)
        if way == "product":
            d.input("v", "float", size, -1.0, 1.0)
        if flat:
            d.param("size", "int", size)
        word = "codes[block, k // 8]" if not flat else "codes[(block * size + k) // 8]"
        if packed:
            code = "" if affine else "# Codes are stored unsigned with an offset of 8\n"
            code += (
                f"c = float(int(({word} >> wp.uint32(4 * (k % 8))) & "
                f"wp.uint32(15)){'' if affine else ' - 8'})"
            )
        else:
            code = f"c = float(codes{at})"
        value = "(c - float(zeros[block])) * scales[block]" if affine else "c * scales[block]"
        if way == "dequantise":
            d.output("y", "float", shape)
            d.launch(n, size)
            d.code("block, k = wp.tid()\n$code\ny$at = $value", code=code, at=at, value=value)
        else:
            d.output("y", "float", n)
            count = "size" if flat else "v.shape[0]"
            body = "acc += (c - float(zeros[block])) * v[k]" if affine else "acc += c * v[k]"
            d.launch(n)
            d.code(
                (
                    "block = wp.tid()\n"
                    "acc = float(0.0)\n"
                    "for k in range($count):\n"
                    "    $code\n"
                    "    $body\n"
                    "# Apply the per-row scale once, outside the loop\n"
                    "y[block] = acc * scales[block]"
                ),
                count=count,
                code=code,
                body=body,
            )
    if way == "product":
        d.text = re.sub(r"\bblock\b", "row", d.text)
    d.says(
        {
            "quantise": f"Quantises blocks of values to {bits} bits with a per-block scale{' and zero point' * affine}.",
            "dequantise": f"Dequantises blocks of {bits}-bit codes using a per-block scale{' and zero point' * affine}.",
            "round trip": f"Quantises blocks of values to {bits} bits and back (fake quantization).",
            "product": f"Multiplies {'an' if bits == 8 else 'a'} {bits}-bit quantised matrix by a vector.",
        }[way]
    )

    def split(x: Any) -> Any:
        low, high = np.minimum(x.min(1), 0), np.maximum(x.max(1), 0)
        scale = (high - low) / top if affine else np.maximum(np.abs(x).max(1), 1e-6) / top
        zero = np.round(-low / scale) if affine else np.zeros(n)
        codes = np.clip(np.round(x / scale[:, None]) + zero[:, None], 0 if affine else -top, top)
        return codes, scale, zero

    def near(before: Values, after: Values) -> None:
        x = before.x.reshape(n, size)
        codes, scale, zero = split(x)
        if way == "quantise":
            np.testing.assert_allclose(after.scales, scale, rtol=1e-4)
            got = after.codes.reshape(n, size)
            step = got - (after.zeros if affine else zero)[:, None]
            assert np.abs(got - codes).max() <= 2.0, "codes are not the nearest ones"
            if affine:
                assert np.abs(after.zeros - zero).max() <= 1.0
        else:
            step = after.y.reshape(n, size) / scale[:, None]
            np.testing.assert_allclose(step, np.round(step), atol=1e-2)
        # halves round to either side, and the ends of an affine range may lose half a step
        assert np.abs(step * scale[:, None] - x).max() <= 1.01 * scale.max(), (
            "a number moved by more than a step"
        )
        assert np.mean(np.abs(step * scale[:, None] - x) <= 0.51 * scale[:, None]) > 0.8

    if way in ("quantise", "round trip"):
        d.holds(near)
        return

    def reference(v: Values) -> dict[str, Any]:
        if packed:
            c = (v.codes.reshape(-1)[:, None] >> (np.uint32(4) * np.arange(8, dtype=np.uint32))) & np.uint32(
                15
            )
            c = c.reshape(n, size).astype(float) - (0 if affine else 8)
        else:
            c = v.codes.reshape(n, size).astype(float)
        w = (c - (v.zeros[:, None] if affine else 0.0)) * v.scales[:, None]
        if way == "product":
            return {"y": w @ v.v}
        return {"y": w.reshape(shape)}

    d.check(reference)
