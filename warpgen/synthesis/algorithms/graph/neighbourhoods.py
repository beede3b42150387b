"""Sums and counts over neighbourhoods: features, and neighbours in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.graph import DOMAIN
from warpgen.synthesis.library import adjacency
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = adjacency.NAMES | {
    "features": "node_features|x|h|embeddings",
    "pooled": "aggregated|messages|out_features|h_next",
    "c": "channel|feat|feature",
    "s": "total|message_sum|pooled_val",
    "largest": "peak|pooled_val|highest",
    "common": "num_common|common_count",
    "width": "list_length|row_width",
    "p": "i|left",
    "q": "j|right",
}


@DOMAIN.algorithm(
    source="Hamilton, Ying & Leskovec 2017 (GraphSAGE); Kipf & Welling 2017 (symmetric normalisation)",
    names=_NAMES
    | {
        "deg": "count|n_edges",
    },
    double=True,
    adjoint="no",
    element="output",
)
def neighbor_aggregate(d: Draft) -> None:
    """Aggregates neighbor features (message passing)."""
    layout = d.option("layout", *adjacency.LAYOUTS)
    pool = d.option("pool", "sum", "mean", "max", "gcn", "attention", "laplacian")
    own = d.option("self", "no", "added", "blend")
    entry = d.option("features", "matrix", "vec4", "vec3")
    d.calls(
        {
            "gcn": "graph_conv_gather|gcn_aggregate|neighbor_aggregate",
            "mean": "neighbor_aggregate|mean_aggregate|average_neighbors|message_passing",
            "laplacian": "negative_laplacian|apply_negative_laplacian|neighbor_differences",
        }.get(pool, "neighbor_aggregate|aggregate_messages|message_passing|gather_neighbors")
    )
    n, m, width = d.pick(32, 40, 48), d.pick(120, 160), d.pick(4, 6, 8)
    if pool in ("max", "laplacian"):
        own = "no"
    g = adjacency.declare(d, layout, n, m, 0.1, 1.0 if pool == "attention" else 0.0)
    matrix = entry == "matrix"
    kind = "float" if matrix else entry
    shape: Any = (n, width) if matrix else n
    d.input("features", kind, shape, -1.0, 1.0, about="Node features")
    result = "difference_sums" if pool == "laplacian" else "pooled"
    if pool == "gcn":
        about = f"Inverse square root of the node degree{' plus one' if own == 'added' else ''}"
        d.input("inv_sqrt_degree", "float", n, 0.35, 1.0, about=about)
    if own == "blend":
        d.param("mix", "float", 0.2, 0.8, about="Blend weight of the neighbor features")
    about = "Sum of feature differences to all neighbors"
    d.output(result, kind, shape, about=about if pool == "laplacian" else "Aggregated features")
    tail = ", c" if matrix else ""
    zero = "float(0.0)" if matrix else f"wp.{entry}()"
    x = f"features[v{tail}]"
    here = f"features[u{tail}]"
    start = f"s = {zero}"
    if pool == "max":
        start = f"largest = {'float' if matrix else 'wp.' + entry}({here})"
    add = {
        "sum": f"s += {x}",
        "mean": f"s += {x}\ndeg += 1.0",
        "max": f"largest = wp.max(largest, {x})",
        "gcn": f"s += inv_sqrt_degree[v] * {x}",
        "attention": f"alpha = {g.weight}\ns += alpha * {x}\nnorm += alpha",
        "laplacian": f"s += {x} - {here}",
    }[pool]
    extra = {"mean": "deg = float(0.0)", "attention": "norm = float(0.0)"}.get(pool, "")
    value = {
        "mean": "s / wp.max(deg, 1.0)",
        "attention": "s / (norm + 1.0e-6)",
        "gcn": "inv_sqrt_degree[u] * s",
        "max": "largest",
    }.get(pool, "s")
    if own == "added":
        value = (
            f"{value} + {here}"
            if pool != "gcn"
            else f"inv_sqrt_degree[u] * (s + inv_sqrt_degree[u] * {here})"
        )
    elif own == "blend":
        value = (
            f"(1.0 - mix) * {here} + mix * ({value})"
            if " " in value
            else f"(1.0 - mix) * {here} + mix * {value}"
        )
    d.launch(*(shape if matrix else (n,)))
    d.code(
        f"""
        u{tail} = wp.tid()
        {start}
        $extra
        $walk
        {result}[u{tail}] = {value}
        """,
        extra=extra,
        walk=g.walk(add),
    )
    sentence = {
        "sum": "Sums neighbor features per node",
        "mean": "Averages neighbor features per node",
        "max": "Computes the channel-wise maximum over each node and its neighbors",
        "gcn": "Aggregates neighbor features with symmetric GCN normalization",
        "attention": "Computes the edge-weighted average of neighbor features",
        "laplacian": "Applies the negative graph Laplacian to node features",
    }[pool]
    ending = {"no": "", "added": ", plus the node's own", "blend": ", blended with the node's own"}[own]
    if pool == "gcn" and own == "added":
        ending = " and self-loops"
    d.says(f"{sentence}{ending}.")

    def reference(v: Values) -> dict[str, Any]:
        a, b, w = g.ends(v)
        x = v.features
        flat = x.reshape(n, -1)
        adj = np.zeros((n, n))
        np.add.at(adj, (a, b), w)
        if pool == "max":
            made = flat.copy()
            np.maximum.at(made, a, flat[b])
        elif pool == "laplacian":
            made = adj @ flat - adj.sum(axis=1, keepdims=True) * flat
        elif pool == "gcn":
            k = v.inv_sqrt_degree[:, None]
            made = k * (adj @ (k * flat))
            if own == "added":
                made = made + k * k * flat
        else:
            size = {"mean": np.maximum(adj.sum(axis=1), 1), "attention": adj.sum(axis=1) + 1e-6}.get(
                pool, np.ones(n)
            )
            made = adj @ flat / size[:, None]
        if own == "added" and pool != "gcn":
            made = made + flat
        elif own == "blend":
            made = (1 - v.mix) * flat + v.mix * made
        return {result: made.reshape(x.shape)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Schank & Wagner 2005; Polak 2016, Counting Triangles in Large Graphs on GPU",
    names=_NAMES,
    adjoint="no",
    element="edge",
)
def common_neighbors(d: Draft) -> None:
    """Counts common neighbors for each edge by merging sorted adjacency lists."""
    way = d.option("way", "merge", "search", "bitmask", "brute force")
    measure = d.option("measure", "count", "jaccard", "cosine", "adamic", "total")
    padded = d.flag("skip equal", 0.4)
    n, width, m = d.pick(72, 96), d.pick(6, 8), d.pick(64, 96)
    if way == "bitmask":
        measure = "jaccard" if measure in ("adamic", "cosine") else measure
        n = 32  # a bit for each node
        d.input("mask", "uint32", n, 0, 4294967295, about="Neighbor bitmask per node, 32 nodes per word")
    else:
        # each row of neighbours rises; equal ones may follow each other
        d.input(
            "adj",
            "int",
            (n, width),
            0,
            n,
            kind="ascending",
            about="Sorted neighbors per node (regular graph)",
        )
    d.calls(
        {
            "count": "common_neighbors|edge_support|count_common",
            "jaccard": "jaccard_edges|jaccard_similarity|neighbor_similarity",
            "cosine": "cosine_similarity|neighbor_cosine|neighbor_similarity",
            "adamic": "adamic_adar|adamic_adar_index|neighbor_similarity",
            "total": "total_support|sum_common_neighbors|count_edge_triangles",
        }[measure]
    )
    d.input("sources", "int", m, 0, n, about="Source node per edge")
    d.input("dests", "int", m, 0, n, about="Target node per edge")
    if measure == "adamic":
        d.input(
            "inv_log_degree",
            "float",
            n,
            0.35,
            1.4,
            about="Inverse log of the in-degree per node",
        )
    real = measure in ("jaccard", "cosine", "adamic")
    name = {"count": "common", "total": "edge_triangles"}.get(measure, "similarity")
    if measure == "total":
        d.inout(name, "int", 1, value=0.0, about="Total number of common neighbors over all edges")
    else:
        about = "Similarity score per edge" if real else "Number of common neighbors per edge"
        d.output(name, "float" if real else "int", m, about=about)
    hit = "shared += inv_log_degree[$v]" if measure == "adamic" else "shared += 1"
    start = "shared = float(0.0)" if measure == "adamic" else "shared = int(0)"
    zero = "" if measure == "total" else f"    {name}[edge] = {'0.0' if real else '0'}\n"
    loop = f"# skip self-loops\nif u == v:\n{zero}    return" if padded else ""
    if way == "merge":
        body = f"""
        {start}
        width = adj.shape[1]
        p = int(0)
        q = int(0)
        while p < width and q < width:
            a = adj[u, p]
            b = adj[v, q]
            if a == b:
                {hit.replace("$v", "a")}
                p += 1
                q += 1
            elif a < b:
                # both lists are sorted, so we advance the smaller one
                p += 1
            else:
                q += 1
        """
    elif way == "search":
        d.function("""
            @wp.func
            def contains(adj: wp.array2d(dtype=int), row: int, key: int) -> bool:
                width = adj.shape[1]
                lo = int(0)
                hi = int(width)
                while lo < hi:
                    mid = (lo + hi) // 2
                    if adj[row, mid] < key:
                        lo = mid + 1
                    else:
                        hi = mid
                if lo == width:
                    return False
                return adj[row, lo] == key
        """)
        body = f"""
        {start}
        width = adj.shape[1]
        for p in range(width):
            a = adj[u, p]
            if contains(adj, v, a):
                {hit.replace("$v", "a")}
        """
        d.says("Counts common neighbors for each edge using binary search.")
    elif way == "bitmask":
        d.function("""
            @wp.func
            def bit_count(bits: wp.uint32) -> int:
                # SWAR popcount: sum bit pairs, nibbles and bytes in parallel
                b = bits - ((bits >> wp.uint32(1)) & wp.uint32(0x55555555))
                b = (b & wp.uint32(0x33333333)) + ((b >> wp.uint32(2)) & wp.uint32(0x33333333))
                b = (b + (b >> wp.uint32(4))) & wp.uint32(0x0F0F0F0F)
                return int((b * wp.uint32(0x01010101)) >> wp.uint32(24))
        """)
        body = "shared = bit_count(mask[u] & mask[v])"
        d.says("Counts common neighbors for each edge using bitmasks.")
    else:
        body = f"""
        {start}
        width = adj.shape[1]
        # brute force is faster than searching for short lists
        for p in range(width):
            for q in range(width):
                if adj[u, p] == adj[v, q]:
                    {hit.replace("$v", "adj[u, p]")}
        """
        d.says("Counts common neighbors for each edge by brute force over neighbor pairs.")
    union = "wp.max(bit_count(mask[u] | mask[v]), 1)" if way == "bitmask" else "2 * width - shared"
    end = {
        "count": "common[edge] = shared",
        "total": "wp.atomic_add(edge_triangles, 0, shared)",
        "jaccard": f"similarity[edge] = float(shared) / float({union})",
        "cosine": "similarity[edge] = float(shared) / float(width)",
        "adamic": "similarity[edge] = shared",
    }[measure]
    what = {
        "total": "Counts triangles over all edges as common neighbors of both endpoints",
        "jaccard": "Computes the Jaccard index between the neighbors of both endpoints of each edge"
        + ("" if way == "bitmask" else " of a regular graph"),
        "cosine": "Computes the cosine similarity between endpoint neighborhoods for each edge of a regular graph",
        "adamic": "Computes the Adamic-Adar index for each edge",
    }
    if measure in what:
        how = {
            "merge": " by merging sorted lists",
            "search": " using binary search",
            "bitmask": " using bitmasks",
        }.get(way, " by brute force" if measure == "total" else "")
        d.says(f"{what[measure]}{how}.")
    if measure == "total":
        d.explain("Each triangle is counted once per listed edge.")
    d.launch(m)
    d.code(
        "edge = wp.tid()\nu = sources[edge]\nv = dests[edge]\n$loop\n$body\n$end",
        loop=loop,
        body=body,
        end=end,
    )

    def reference(v: Values) -> dict[str, Any]:
        shared = np.zeros(m)
        both = np.zeros(m)
        for k, (a, b) in enumerate(zip(v.sources, v.dests, strict=True)):
            if way == "bitmask":
                x, y = int(v["mask"][a]), int(v["mask"][b])
                shared[k], both[k] = (x & y).bit_count(), (x | y).bit_count()
                continue
            x, y = v.adj[a], v.adj[b]
            w = v.inv_log_degree if measure == "adamic" else np.ones(n)
            many = np.bincount(x, minlength=n), np.bincount(y, minlength=n)
            times = {
                "merge": np.minimum(*many),
                "search": many[0] * (many[1] > 0),
                "brute force": many[0] * many[1],
            }[way]
            shared[k] = (times * w).sum()
            both[k] = 2 * width - shared[k]
        if measure == "jaccard":
            made = shared / np.maximum(both, 1)
        else:
            made = shared / width if measure == "cosine" else shared
        made = np.where(v.sources == v.dests, 0, made) if padded else made
        made = made if real else made.astype(int)
        return {name: made.sum(keepdims=True) if measure == "total" else made}

    d.check(reference)
