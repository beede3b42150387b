"""Speech in four bits a sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented

# IMA 1992: step sizes grow by about a tenth; codes of large magnitude move further up in the table.
_STEPS = [7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107,
          118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963,
          1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894,
          6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794,
          32767]  # fmt: skip


@DOMAIN.algorithm(
    source="IMA Digital Audio Focus Group 1992 (ADPCM); Jayant 1974 (adaptive quantizers); ITU-T G.711 (mu-law)",
    names={
        "packed": "nibbles|code_bytes|compressed",
        "samples": "pcm|audio|wave",
        "predicted": "predictor|pred|valpred",
        "index": "step_index|idx|table_pos",
        "code": "nibble|symbol",
        "step": "step_size|quant_step",
        "block": "blk|block_id",
    },
    adjoint="no",
    weight=10,
    element="block",
)
def code_speech(d: Draft) -> None:
    """Encodes or decodes speech blocks using 4-bit IMA ADPCM."""
    way = d.option("way", "decode", "encode", "round trip")
    pcm = d.option("samples", "int", "float", "int16")
    order = d.option("nibbles", "low first", "high first")
    state = d.option("state", "header", "kept")
    companded = d.flag("mu law", 0.35) and way == "decode"
    early = d.flag("lengths", 0.35)
    multiply = d.option("difference", "shifts", "product")
    d.calls({
        "decode": "adpcm_decode|decode_adpcm|decode_speech",
        "encode": "adpcm_encode|encode_adpcm|encode_speech",
        "round trip": "adpcm_snr|coding_snr|adpcm_round_trip",
    }[way])  # fmt: skip
    blocks, size = d.pick(8, 12, 16), d.pick(12, 16)
    d.module(
        f"vec89i = wp.types.vector({len(_STEPS)}, wp.int32)\nvec8i = wp.types.vector(8, wp.int32)\n"
        "# IMA ADPCM step size and index tables (IMA 1992)\n"
        "STEP_SIZES = wp.constant(\n    vec89i(\n"
        + "".join(f"        {', '.join(map(str, _STEPS[k : k + 15]))},\n" for k in range(0, len(_STEPS), 15))
        + "    )\n)\nINDEX_MOVES = wp.constant(vec8i(-1, -1, -1, -1, 2, 4, 6, 8))"
    )
    low, high = {"int": (-6000, 6001), "float": (-0.2, 0.2), "int16": (-6000, 6001)}[pcm]
    if way == "decode":
        d.input("packed", "uint8", (blocks, size // 2), 0, 256, about="Packed 4-bit codes, two per byte")
    else:
        d.input(
            "samples",
            pcm,
            (blocks, size),
            low,
            high,
            about="Samples" + (", -1 to 1" if pcm == "float" else ", 16 bits"),
        )
    if state == "header":
        d.input("first", "int", blocks, -3000, 3000, about="Initial predictor per block")
        d.input("first_index", "int", blocks, 0, 89, about="Initial step table index per block")
    else:
        d.inout(
            "predictor_state", "int", blocks, -3000, 3000, about="Predictor state, carried over between calls"
        )
        d.inout(
            "index_state",
            "int",
            blocks,
            0,
            89,
            about="Step table index state, carried over between calls",
        )
    if early:
        d.input("lengths", "int", blocks, 2, size + 1, about="Number of samples per block")
    if way == "encode":
        d.output(
            "packed", "uint8", (blocks, size // 2), about="Packed 4-bit codes, two per byte, must be zeroed"
        )
    elif way == "decode":
        d.output(
            "samples",
            "uint8" if companded else pcm,
            (blocks, size),
            about="Samples"
            + (" as mu-law bytes" if companded else "")
            + (", not written past the block length" if early else ""),
        )
    else:
        d.output("snr_db", "float", blocks, about="Signal-to-quantization-noise ratio [dB]")
    d.says({"decode": f"Decodes 4-bit IMA ADPCM speech blocks{' to mu-law' if companded else ''}.",
            "encode": "Encodes speech blocks using 4-bit IMA ADPCM.",
            "round trip": "Computes the signal-to-quantization-noise ratio of a 4-bit IMA ADPCM round trip."}[way])  # fmt: skip
    grow = {
        "shifts": """
            # Each bit adds a truncated fraction of the step, as in hardware decoders
            gap = step >> 3
            if (code & 1) != 0:
                gap += step >> 2
            if (code & 2) != 0:
                gap += step >> 1
            if (code & 4) != 0:
                gap += step
        """,
        "product": "# (2 m + 1) / 8 steps, where m is the code magnitude\ngap = (2 * (code & 7) + 1) * step // 8",
    }[multiply]
    quantize = """
        miss = target - predicted
        code = wp.where(miss < 0, 8, 0)
        # Quantize the magnitude in quarter steps
        code = code | wp.min(4 * wp.abs(miss) // step, 7)
    """
    place = {"low first": ("k % 2 == 0", "4 * (k % 2)"), "high first": ("k % 2 == 1", "4 * (1 - k % 2)")}[
        order
    ]
    take = f"code = (int(packed[block, k // 2]) >> ({place[1]})) & 15"
    put = (
        "# Bytes start at zero, so OR-ing preserves the other nibble\n"
        f"shift = {place[1]}\n"
        "held = int(packed[block, k // 2])\n"
        "packed[block, k // 2] = wp.uint8(held | (code << shift))"
    )
    given = {
        "int": "samples[block, k]",
        "int16": "int(samples[block, k])",
        "float": "int(wp.round(32767.0 * samples[block, k]))",
    }[pcm]
    back = {"int": "predicted", "int16": "wp.int16(predicted)", "float": "float(predicted) / 32767.0"}[pcm]
    if companded:
        d.function('''
            @wp.func
            def mu_law(sample: int) -> wp.uint8:
                """Encode a 16-bit sample as a mu-law byte (ITU-T G.711)."""
                sign = wp.where(sample < 0, 0x80, 0)
                magnitude = wp.min(wp.abs(sample), 32635) + 132
                segment = int(7)
                mask = int(0x4000)
                while segment > 0 and (magnitude & mask) == 0:
                    segment -= 1
                    mask = mask >> 1
                mantissa = (magnitude >> (segment + 3)) & 15
                return wp.uint8(~(sign | (segment << 4) | mantissa) & 255)
        ''')
        back = "mu_law(predicted)"
    use = {
        "decode": f"samples[block, k] = {back}",
        "encode": put,
        "round trip": "signal_energy += float(target) * float(target)\noff = float(target - predicted)\nnoise_energy += off * off",
    }[way]
    end, size_of = "lengths[block]", ""
    if not early and way == "decode":
        end, size_of = "2 * num_bytes", "num_bytes = packed.shape[1]"
    elif not early:
        end, size_of = "block_size", "block_size = samples.shape[1]"
    d.launch(blocks)
    d.code(
        """
        block = wp.tid()
        $size_of
        $state
        $begin
        for k in range($end):
            step = STEP_SIZES[index]
            $code
            $grow
            predicted += wp.where((code & 8) != 0, -gap, gap)
            # Clamp to the 16-bit range
            predicted = wp.clamp(predicted, -32768, 32767)
            index = wp.clamp(index + INDEX_MOVES[code & 7], 0, 88)
            $use
        $store
        """,
        state="predicted = first[block]\nindex = first_index[block]"
        if state == "header"
        else "predicted = predictor_state[block]\nindex = index_state[block]",
        begin="# Start at 1 to keep the ratio finite for silence\n"
        "signal_energy = float(1.0)\nnoise_energy = float(1.0)"
        if way == "round trip"
        else "",
        end=end,
        size_of=size_of,
        code=take if way == "decode" else f"target = {given}\n" + dedented(quantize),
        grow=dedented(grow),
        use=use,
        store="\n".join(
            line
            for line, there in (
                ("snr_db[block] = 10.0 * wp.log10(signal_energy / noise_energy)", way == "round trip"),
                ("predictor_state[block] = predicted\nindex_state[block] = index", state == "kept"),
            )
            if there
        ),
    )
    d.explain("""
        Each code stores the sign and a 3-bit magnitude of the prediction error, in quarter steps. Large
        errors increase the step size, small errors decrease it.
    """)

    def reference(v: Values) -> dict[str, Any]:
        p = (v.first if state == "header" else v.predictor_state).astype(int)
        at = (v.first_index if state == "header" else v.index_state).astype(int)
        n = v.lengths.astype(int) if early else np.full(blocks, size)
        codes = np.zeros((blocks, size), int)
        if way == "decode":
            halves = np.stack([v.packed & 15, v.packed >> 4], 2)
            codes = (halves if order == "low first" else halves[..., ::-1]).reshape(blocks, size).astype(int)
            x = np.zeros((blocks, size), int)
        else:
            x = (
                np.floor(32767 * v.samples.astype(np.float32) + 0.5).astype(int)
                if pcm == "float"
                else v.samples.astype(int)
            )
        made, signal, noise = np.zeros((blocks, size), int), np.ones(blocks), np.ones(blocks)
        for k in range(size):
            live = k < n
            s = np.array(_STEPS)[at]
            if way != "decode":
                miss = x[:, k] - p
                codes[:, k] = np.where(miss < 0, 8, 0) | np.minimum(4 * abs(miss) // s, 7)
            c = codes[:, k]
            m = c & 7
            gap = (
                (2 * m + 1) * s // 8
                if multiply == "product"
                else (s >> 3) + (m & 1) * (s >> 2) + (m >> 1 & 1) * (s >> 1) + (m >> 2) * s
            )
            q = np.clip(p + np.where(c >= 8, -gap, gap), -32768, 32767)
            at = np.where(live, np.clip(at + np.where(m < 4, -1, 2 * (m - 3)), 0, 88), at)
            p = np.where(live, q, p)
            made[:, k] = np.where(live, q, 0)
            codes[:, k] = np.where(live, c, 0)
            signal += np.where(live, x[:, k].astype(float) ** 2, 0)
            noise += np.where(live, (x[:, k] - p).astype(float) ** 2, 0)
        found: dict[str, Any] = {"predictor_state": p, "index_state": at} if state == "kept" else {}
        if way == "encode":
            two = codes.reshape(blocks, size // 2, 2)
            two = two if order == "low first" else two[..., ::-1]
            found["packed"] = two[..., 0] | two[..., 1] << 4
        elif way == "round trip":
            found["snr_db"] = 10 * np.log10(signal / noise)
        elif companded:
            found["samples"] = np.where(np.arange(size) < n[:, None], _mu_law(made), 0)
        else:
            found["samples"] = made / 32767 if pcm == "float" else made
        return found

    if way == "decode" or pcm != "float":
        d.check(reference)
        return

    def near(v: Values, after: Values) -> None:
        # A sample half way between two whole numbers may go to either, and its block with it.
        for name, want in reference(v).items():
            same = np.abs(after[name] - want) <= 1e-3 * (1 + np.abs(want))
            assert same.mean() > 0.9, f"only {same.mean():.2f} of {name} agree"

    d.holds(near)


def _mu_law(x: Any) -> Any:
    """Bytes of G.711, by the logarithm that its segments stand for."""
    m = np.minimum(abs(x), 32635) + 132
    segment = np.floor(np.log2(m)).astype(int) - 7
    return ~(np.where(x < 0, 128, 0) | segment << 4 | m >> segment + 3 & 15) & 255
