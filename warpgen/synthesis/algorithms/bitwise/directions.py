"""Vectors and numbers packed into words of bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form


@DOMAIN.algorithm(
    source="Meyer et al. 2010; Cigolle et al. 2014 (octahedral normals)",
    names={
        "pack_directions": "encode_normals|compress_normals|pack_vectors",
        "n": "normal|v|direction",
        "vectors": "normals|directions|unit_vectors",
        "packed": "codes|words",
        "restored": "unpacked|decoded",
        "angles": "errors|angular_errors",
        "word": "code|bits|packed_word",
    },
    adjoint="no",
    weight=10,
)
def pack_directions(d: Draft) -> None:
    """Packs unit vectors into 32-bit words."""
    code = d.option("code", "octahedral", "cube", "spherical", "three tens", "rgb565", "signed bytes")
    back = d.option("result", "word", "vector", "error")
    if back != "word":
        d.calls(
            {
                "vector": "pack_round_trip|quantize_directions|quantize_normals",
                "error": "packing_errors|quantization_angles|packing_angles",
            }[back]
        )
    bits = d.pick(10, 12, 15) if code in ("octahedral", "spherical") else 0
    noun = {
        "octahedral": "octahedral encoding", "cube": "a cube face index and face coordinates", "spherical": "two spherical angles",
        "three tens": "10 bits per component", "rgb565": "the 5-6-5 bit format", "signed bytes": "three bytes with a bias of 127",
    }[code]  # fmt: skip
    d.says({
        "word": f"Packs unit vectors into words using {noun}.",
        "vector": f"Quantizes unit vectors by packing and unpacking them using {noun}.",
        "error": f"Computes the angular error of packing unit vectors using {noun}.",
    }[back])  # fmt: skip
    form = Form(d)
    form.element("n", "vectors", 0.0, 1.0, "vec3", "unit", about="unit vectors")
    out = {"word": "packed", "vector": "restored", "error": "angles"}[back]
    form.output(out, {"word": "int", "vector": "vec3"}.get(back, "float"))
    top = (1 << bits) - 1
    quantised = "int(wp.round({} * {}.0))"
    if code == "octahedral":
        put = (
            "flat = n / (wp.abs(n[0]) + wp.abs(n[1]) + wp.abs(n[2]))\nox = flat[0]\noy = flat[1]\n"
            "# Fold the lower hemisphere over the diagonals\nif flat[2] < 0.0:\n"
            "    ox = (1.0 - wp.abs(flat[1])) * wp.where(flat[0] >= 0.0, 1.0, -1.0)\n"
            "    oy = (1.0 - wp.abs(flat[0])) * wp.where(flat[1] >= 0.0, 1.0, -1.0)\n"
            f"qx = {quantised.format('(0.5 * ox + 0.5)', top)}\nqy = {quantised.format('(0.5 * oy + 0.5)', top)}\nword = qx << {bits} | qy"
        )
        take = (
            f"rx = 2.0 * float(word >> {bits}) / {top}.0 - 1.0\nry = 2.0 * float(word & {top}) / {top}.0 - 1.0\n"
            "rz = 1.0 - wp.abs(rx) - wp.abs(ry)\nfold = wp.max(-rz, 0.0)\n"
            "made = wp.normalize(wp.vec3(rx - wp.where(rx >= 0.0, fold, -fold), ry - wp.where(ry >= 0.0, fold, -fold), rz))"
        )
    elif code == "cube":
        put = (
            "major = int(0)\nfor k in range(1, 3):\n    if wp.abs(n[k]) > wp.abs(n[major]):\n        major = k\n"
            "a = n[(major + 1) % 3] / wp.abs(n[major])\nb = n[(major + 2) % 3] / wp.abs(n[major])\n"
            "side = major * 2 + wp.where(n[major] < 0.0, 1, 0)\n"
            f"qa = {quantised.format('(0.5 * a + 0.5)', 4095)}\nqb = {quantised.format('(0.5 * b + 0.5)', 4095)}\nword = side << 24 | qa << 12 | qb"
        )
        take = (
            "face = word >> 24\naxis = face // 2\ntoward = wp.where(face % 2 == 1, -1.0, 1.0)\n"
            "u = 2.0 * float(word >> 12 & 4095) / 4095.0 - 1.0\nv = 2.0 * float(word & 4095) / 4095.0 - 1.0\n"
            "made = wp.vec3()\nmade[axis] = toward\nmade[(axis + 1) % 3] = u\nmade[(axis + 2) % 3] = v\nmade = wp.normalize(made)"
        )
    elif code == "spherical":
        put = (
            "# Map both angles to [0, 1]\nazimuth = wp.atan2(n[1], n[0]) / wp.tau + 0.5\npolar = wp.acos(wp.clamp(n[2], -1.0, 1.0)) / wp.pi\n"
            f"word = {quantised.format('azimuth', top)} << {bits} | {quantised.format('polar', top)}"
        )
        take = (
            f"phi = wp.tau * (float(word >> {bits}) / {top}.0 - 0.5)\ntheta = wp.pi * float(word & {top}) / {top}.0\n"
            "made = wp.vec3(wp.sin(theta) * wp.cos(phi), wp.sin(theta) * wp.sin(phi), wp.cos(theta))"
        )
    else:
        widths = {"three tens": (10, 10, 10), "rgb565": (5, 6, 5), "signed bytes": (8, 8, 8)}[code]
        starts = (widths[1] + widths[2], widths[2], 0)
        tops = [(1 << w) - 1 if code != "signed bytes" else 254 for w in widths]
        parts = [f"q{c} = " + quantised.format(f"(0.5 * n[{k}] + 0.5)", tops[k]) for k, c in enumerate("xyz")]
        put = "\n".join(["# Quantize each component from [-1, 1] and pack", *parts])
        put += f"\nword = qx << {starts[0]} | qy << {starts[1]} | qz"
        fields = [
            f"r{c} = 2.0 * float(word{f' >> {starts[k]}' if starts[k] else ''} & {(1 << widths[k]) - 1}) / {tops[k]}.0 - 1.0"
            for k, c in enumerate("xyz")
        ]
        take = "\n".join([*fields, "made = wp.normalize(wp.vec3(rx, ry, rz))"])
    put_lines, _, word = put.rpartition("\nword = ")
    take_lines, _, made = take.rpartition("\nmade = ")
    lines, value = {
        "word": (put_lines, word),
        "vector": (f"{put}\n{take_lines}", made),
        "error": (f"{put}\n{take}", "wp.atan2(wp.length(wp.cross(n, made)), wp.dot(n, made))"),
    }[back]
    form.write(
        {"word": "pack_vector", "vector": "pack_and_unpack", "error": "packing_error"}[back], lines, value
    )

    def agree(v: Values, after: Values) -> None:
        n = v.vectors.reshape(-1, 3)
        most = {"octahedral": 4.0 / top if top else 0, "spherical": 7.0 / top if top else 0, "cube": 2e-3, "three tens": 4e-3,
                "rgb565": 0.12, "signed bytes": 0.02}[code]  # fmt: skip
        got = after[out].reshape(len(n), -1)
        if back == "error":
            assert (got <= most).all()
            assert got.max() > most / 200
            return
        if back == "vector":
            np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1.0, atol=1e-4)
            assert (np.linalg.norm(got - n, axis=1) <= most).all()
            return
        word = got[:, 0].astype(np.int64)
        made: Any
        if code == "spherical":
            phi, theta = 2 * np.pi * ((word >> bits) / top - 0.5), np.pi * (word & top) / top
            made = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)
        elif code == "octahedral":
            x, y = 2 * (word >> bits) / top - 1, 2 * (word & top) / top - 1
            z = 1 - np.abs(x) - np.abs(y)
            fold = np.maximum(-z, 0)
            made = np.stack([x - np.where(x >= 0, fold, -fold), y - np.where(y >= 0, fold, -fold), z], axis=1)
        elif code == "cube":
            side, made = word >> 24, np.zeros((len(n), 3))
            rows = np.arange(len(n))
            made[rows, side // 2] = np.where(side % 2 == 1, -1.0, 1.0)
            made[rows, (side // 2 + 1) % 3] = 2 * (word >> 12 & 4095) / 4095 - 1
            made[rows, (side // 2 + 2) % 3] = 2 * (word & 4095) / 4095 - 1
        else:
            made = np.stack(
                [2 * (word >> starts[k] & (1 << widths[k]) - 1) / tops[k] - 1 for k in range(3)], axis=1
            )
        made = made / np.linalg.norm(made, axis=1, keepdims=True)
        assert (np.linalg.norm(made - n, axis=1) <= most).all()

    d.holds(agree)
