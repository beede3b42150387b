"""Tiles reduced: checksums, nearest codes, inner products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.library.tile_forms import Flat, extent
from warpgen.synthesis.writing.draft import Draft, Values

BLOCK = {"block": "tile_id|b|i", "TILE": "TILE_SIZE|BLOCK|CHUNK"}


@DOMAIN.algorithm(
    source="Fletcher 1982; Warp manual, Tiles: tile_reduce",
    names=BLOCK
    | {
        "words": "data|codes|payload",
        "sums": "totals|word_sums",
        "parities": "checks|digests|parity",
        "found": "masks|bits|out",
        "largest": "result|largest_words",
        "smallest": "result|smallest_words",
        "reduced": "combined|folded",
    },
    adjoint="either",
    weight=13,
)
def checksum(d: Draft) -> None:
    """Reduces each block of words to a single word."""
    kind = d.option("kind", "parity", "any bit", "all bits", "sum", "largest", "smallest", "none of the bits")
    type_ = d.option("type", "uint32", "int")
    where = d.option("where", "per block", "extracted", "whole")
    # A plain sum does not see words that change places
    weighed = kind == "sum" and d.flag("weighed")
    op = {
        "parity": "bit_xor",
        "any bit": "bit_or",
        "all bits": "bit_and",
        "sum": "add",
        "largest": "max",
        "smallest": "min",
        "none of the bits": "bit_or",
    }[kind]
    d.says(
        {
            "parity": "Computes the parity (XOR) of each block of words."
            if where != "whole"
            else "Computes the parity (XOR) of all words.",
            "any bit": "Computes the bitwise OR of each block of words.",
            "all bits": "Computes the bitwise AND of each block of words.",
            "sum": "Computes a position-weighted sum of the words in each block, which detects swapped words."
            if weighed
            else "Sums the words in each block.",
            "largest": "Computes the maximum word in each block.",
            "smallest": "Computes the minimum word in each block.",
            "none of the bits": "Finds which of the low twelve bits are not set in any word of each block.",
        }[kind]
        .replace("each block of words", "all words" if where == "whole" else "each block of words")
        .replace("each block", "all blocks" if where == "whole" else "each block")
    )
    d.calls({
        "parity": "parity_words|xor_words|checksum",
        "any bit": "or_words|any_bits|bits_set_anywhere",
        "all bits": "and_words|common_bits|bits_set_everywhere",
        "sum": "weighted_checksum|place_weighted_sum|weighted_word_sum" if weighed else "sum_words|add_words|reduce_words",
        "largest": "largest_word|max_words|reduce_max",
        "smallest": "smallest_word|min_words|reduce_min",
        "none of the bits": "unset_bits|unused_bits|nor_words",
    }[kind])  # fmt: skip
    n, blocks = d.pick(16, 32, 64), d.pick(3, 4, 6)
    low, high = {
        "sum": (0, 0x3FF),
        "all bits": (0xFF0, 0xFFF),
        "any bit": (0, 0x111),
        "none of the bits": (0, 0x111),
    }.get(kind, (0, 0x7FFF))
    if where == "whole" and kind not in ("parity", "sum"):
        high = {"all bits": 0xFF8}.get(kind, high)
    word = "int" if type_ == "int" else "wp.uint32"
    sums = {"parity": "parities", "sum": "sums", "largest": "largest", "smallest": "smallest"}.get(
        kind, "found"
    )
    size = extent(d, "TILE", n)
    form = Flat(d, size)
    d.input("words", type_, n * blocks, low, high, about="input words")
    whole = {
        "bit_xor": "atomic_xor",
        "bit_or": "atomic_or",
        "bit_and": "atomic_and",
        "add": "atomic_add",
        "max": "atomic_max",
        "min": "atomic_min",
    }[op]
    if where == "whole":
        start = {"atomic_and": 0xFFFF, "atomic_min": 0x7FFF}.get(whole, 0)
        d.inout(sums, type_, 1, value=float(start))
    else:
        d.output(sums, type_, blocks)
    fold = f"reduced = wp.tile_reduce(wp.{op}, t)"
    if d.flag("own function", 0.3) and op in ("bit_xor", "bit_or", "bit_and", "add"):
        sign = {"bit_xor": "^", "bit_or": "|", "bit_and": "&", "add": "+"}[op]
        d.function(f"""
            @wp.func
            def fold(a: {word}, b: {word}):
                return a {sign} b
        """)
        fold = "reduced = wp.tile_reduce(fold, t)"
    elif op in ("add", "max", "min") and d.flag("short", 0.5):
        fold = f"reduced = wp.tile_{'sum' if op == 'add' else op}(t)"
    inverted = kind == "none of the bits"
    value = "wp.tile_extract(reduced, 0)" if d.flag("named call", 0.5) else "reduced[0]"
    value = f"wp.invert({value})" if inverted else value
    mask = "0xfff" if type_ == "int" else "wp.uint32(0xfff)"
    if inverted and where != "whole":
        d.module(f"BITS_IN_USE = wp.constant({mask})")
        value = f"{value} & BITS_IN_USE"
    if where == "whole" and inverted:
        value = "reduced[0]"
        store = f"wp.atomic_or({sums}, 0, of_block)"
        d.says("Computes the bitwise OR of all words.")
        d.calls("or_words|any_bits|bits_set_anywhere")
    elif where == "whole":
        store = f"wp.{whole}({sums}, 0, of_block)"
    elif where == "extracted" or inverted:
        store = f"{sums}[block] = {value}"
    else:
        store = f"wp.tile_store({sums}, reduced, offset=block)"
    end = f"{int(size) + 1}" if str(size).isdigit() else f"wp.static({size} + 1)"
    places = f"0, {size}" if where == "whole" else f"1, {end}"
    places = f"wp.tile_arange({places}, dtype={word})"
    if where == "whole":
        first = f"block * {size} + 1"
        places = f"wp.tile_map(wp.add, {places}, {first if type_ == 'int' else f'wp.uint32({first})'})"
    weigh = f"t = wp.tile_map(wp.mul, t, {places})" if weighed else ""
    d.launch(blocks, tiled=True)
    d.code(
        """
        $thread = wp.tid()
        $head
        t = $load
        $weigh
        $fold
        $store
        """,
        thread="block, lane" if where == "whole" else "block",
        head=form.head,
        load=form.load("words"),
        weigh=weigh,
        fold=fold,
        store=f"of_block = {value}\nif lane == 0:\n    {store}" if where == "whole" else store,
    )

    def reference(v: Values) -> Mapping[str, Any]:
        w = v.words.astype(np.int64).reshape(blocks, n)
        if where == "whole":
            w = w.reshape(1, -1)
        w = w * np.arange(1, w.shape[1] + 1) if weighed else w
        ufunc = {
            "bit_xor": np.bitwise_xor,
            "bit_or": np.bitwise_or,
            "bit_and": np.bitwise_and,
            "add": np.add,
            "max": np.maximum,
            "min": np.minimum,
        }[op]
        found = ufunc.reduce(w, axis=1)
        return {sums: ~found & 0xFFF if inverted and where != "whole" else found}

    d.check(reference)


@DOMAIN.algorithm(
    source="Lloyd 1982; Gray 1984",
    names=BLOCK
    | {
        "nearest_code": "vector_quantize|assign_codeword|quantize_to_codebook",
        "x": "samples|queries|inputs",
        "codebook": "centroids|codes|prototypes",
        "choice": "codes_out|labels|assignment",
        "distance": "errors|dist|costs",
        "square": "squared_error|dist_sq|distortion",
        "score": "scores|best_score|similarity",
        "rounded": "quantized|decoded|replaced",
        "CODES": "NUM_CODES|K|CENTROIDS",
    },
    adjoint="no",
    weight=5,
)
def nearest_code(d: Draft) -> None:
    """Finds the nearest codebook entry for each sample."""
    measure = d.option("measure", "squared", "absolute", "product")
    dimension = d.option("dimension", 1, 2, 3)
    kept = d.option("kept", "index", "index and value", "entry")
    spelled = d.option("spelled", "subscript", "extract", "stored")
    if dimension == 1 and measure == "product":
        measure = "squared"
    best_of = "has the largest inner product with" if measure == "product" else "is nearest to"
    d.says({
        "index": f"Finds the codebook entry that {best_of} each sample.",
        "index and value": f"Finds the codebook entry that {best_of} each sample, and "
        + ("the product." if measure == "product" else f"its {'squared ' * (measure == 'squared')}distance."),
        "entry": f"Replaces each sample with the codebook entry that {best_of} it.",
    }[kept])  # fmt: skip
    if measure != "product":
        d.calls({
            "index": "assign_codes|nearest_code|encode_samples",
            "index and value": "assign_codes|nearest_code|encode_with_error",
            "entry": "quantize_to_codebook|vector_quantize|replace_by_code",
        }[kept] if dimension > 1 or kept != "entry" else "quantize_to_codebook|round_to_code|replace_by_code")  # fmt: skip
    codes, count = d.pick(16, 32), d.pick(12, 20, 24)
    type_ = "float" if dimension == 1 else f"vec{dimension}"
    ann = "float" if dimension == 1 else f"wp.{type_}"
    size = extent(d, "CODES", codes)
    d.input("x", type_, count, -1.0, 1.0)
    d.input("codebook", type_, codes, -1.0, 1.0, about="codebook entries")
    if kept == "entry":
        d.output("rounded", type_, count, about="selected codebook entry per sample")
    else:
        d.output("choice", "int", count, about="index of the selected entry")
    if kept == "index and value":
        value = {"squared": "square", "absolute": "distance", "product": "score"}[measure]
        d.output(value, "float", count)
    else:
        value = ""
    function, several = {
        "squared": ("squared_gap", "squared_gaps"),
        "absolute": ("gap", "gaps"),
        "product": ("match", "matches"),
    }[measure]
    gap = {
        "squared": "(a - b) * (a - b)" if dimension == 1 else "wp.length_sq(a - b)",
        "absolute": "wp.abs(a - b)" if dimension == 1 else "wp.length(a - b)",
        "product": "wp.dot(a, b)",
    }[measure]
    builtin = measure == "product"
    if measure == "product":
        d.calls("best_match|match_codebook|largest_product_code")
    if not builtin:
        d.function(f"""
            @wp.func
            def {function}(a: {ann}, b: {ann}):
                return {gap}
        """)
    best = "argmax" if measure == "product" else "argmin"
    index = {"subscript": "best[0]", "extract": "wp.tile_extract(best, 0)", "stored": "best[0]"}[spelled]
    lines = []
    if kept != "entry":
        stored = spelled == "stored"
        lines.append("wp.tile_store(choice, best, offset=block)" if stored else f"choice[block] = {index}")
    else:
        lines.append(f"rounded[block] = codebook[{index}]")
    if kept == "index and value":
        lines.append(f"{value}[block] = {several}[{index}]")
    d.launch(count, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        entries = wp.tile_load(codebook, shape={size})
        sample = x[block]
        {several} = wp.tile_map({"wp.dot" if builtin else function}, entries, sample)
        best = wp.tile_{best}({several})
        $lines
        """,
        lines="\n".join(lines),
    )
    d.explain("Each block loads the codebook as a tile and searches it in a single pass.")

    def reference(v: Values) -> Mapping[str, Any]:
        x, c = v.x.reshape(count, -1), v.codebook.reshape(codes, -1)
        d2 = ((x[:, None] - c[None]) ** 2).sum(axis=2)
        g = {"squared": d2, "absolute": np.sqrt(d2), "product": x @ c.T}[measure]
        at = g.argmax(axis=1) if measure == "product" else g.argmin(axis=1)
        found: dict[str, Any] = {"choice": at, value: g[np.arange(count), at]}
        return (
            {"rounded": v.codebook[at]}
            if kept == "entry"
            else {k: found[k] for k in (["choice", value] if kept == "index and value" else ["choice"])}
        )

    d.check(reference)


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, sec. 1.1; Hestenes & Stiefel 1952",
    names=BLOCK
    | {
        "x": "left|first|u",
        "y": "right|second|w",
        "vectors": "x|inputs|v",
        "directions": "dirs|along|toward",
        "products": "dots|inner|result",
        "cosines": "similarity|cos_angle|out",
        "projected": "out|projections|parallel",
        "rejected": "out|remainder|perpendicular",
        "moved": "x_out|out|shortest",
    },
    double=True,
    weight=5,
)
def inner_products(d: Draft) -> None:
    """Computes dot products of vector pairs, one block per pair."""
    kind = d.option("kind", "dot", "cosine", "projection", "rejection", "line search")
    spelled = d.option("spelled", "subscript", "extract")
    way = d.option("way", "dot", "sum", "reduce")
    if way == "reduce":
        d.forward_only()  # Warp has no adjoint of it
    if kind != "dot":
        d.forward_only()  # on a GPU, adjoints of reductions of one type share memory without a barrier
    d.says(
        {
            "dot": "Computes dot products of vector pairs, one block per pair.",
            "cosine": "Computes the cosine similarity of vector pairs, one block per pair.",
            "projection": "Projects vectors onto directions, one block per pair.",
            "rejection": "Removes the component along a direction from each vector, one block per pair.",
            "line search": "Moves each vector along its direction using the step size that minimizes its length.",
        }[kind]
    )
    d.calls({
        "dot": "inner_products|dot_blocks|dot_products",
        "cosine": "cosine_similarity|cosines|angle_cosines",
        "projection": "project_vectors|tile_projection|project_onto",
        "rejection": "project_out|reject_component|remove_component",
        "line search": "line_search|exact_line_search|shortest_along",
    }[kind])  # fmt: skip
    n, blocks = d.pick(16, 32, 64), d.pick(2, 3, 4)
    size = extent(d, "TILE", n)
    form = Flat(d, size)
    x, y = ("x", "y") if kind in ("dot", "cosine") else ("vectors", "directions")
    d.input(x, "float", n * blocks, -1.0, 1.0)
    d.input(y, "float", n * blocks, -1.0, 1.0)
    out = {
        "dot": "products",
        "cosine": "cosines",
        "projection": "projected",
        "rejection": "rejected",
        "line search": "moved",
    }[kind]
    d.output(out, "float", blocks if kind in ("dot", "cosine") else n * blocks)

    def dot(a: str, b: str) -> str:
        if way == "dot":
            return f"wp.tile_dot({a}, {b})"
        return f"wp.tile_sum({a} * {b})" if way == "sum" else f"wp.tile_reduce(wp.add, {a} * {b})"

    def number(tile: str) -> str:
        return f"{tile}[0]" if spelled == "subscript" else f"wp.tile_extract({tile}, 0)"

    body = {
        "dot": f"ab = {dot('a', 'b')}\nwp.tile_store(products, ab, offset=block)",
        "cosine": f"""
ab = {dot("a", "b")}
aa = {dot("a", "a")}
bb = {dot("b", "b")}
cosines[block] = {number("ab")} / wp.sqrt({number("aa")} * {number("bb")})""",
        "projection": f"""
ab = {dot("a", "b")}
bb = {dot("b", "b")}
{form.store(out, f"b * ({number('ab')} / {number('bb')})")}""",
        "rejection": f"""
ab = {dot("a", "b")}
bb = {dot("b", "b")}
{form.store(out, f"a - b * ({number('ab')} / {number('bb')})")}""",
        "line search": f"""
# |a + s b| is minimal at s = -(a . b) / (b . b)
ab = {dot("a", "b")}
bb = {dot("b", "b")}
step = -{number("ab")} / {number("bb")}
wp.tile_axpy(step, b, a)
{form.store(out, "a")}""",
    }[kind].strip("\n")
    d.launch(blocks, tiled=True)
    d.code(
        "block = wp.tid()\n$head\na = $a\nb = $b\n$body",
        head=form.head,
        a=form.load(x),
        b=form.load(y),
        body=body,
    )

    def reference(v: Values) -> Mapping[str, Any]:
        a, b = v[x].reshape(blocks, n), v[y].reshape(blocks, n)
        ab, aa, bb = ((p * q).sum(axis=1) for p, q in ((a, b), (a, a), (b, b)))
        along = (ab / bb)[:, None] * b
        return {
            "dot": {out: ab},
            "cosine": {out: ab / np.sqrt(aa * bb)},
            "projection": {out: along.ravel()},
            "rejection": {out: (a - along).ravel()},
            "line search": {out: (a - along).ravel()},
        }[kind]

    d.check(reference)
