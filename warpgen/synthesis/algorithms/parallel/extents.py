"""Extremes of groups by atomic operations, and what their old values tell."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Warp manual, Built-Ins: atomic_min, atomic_max; Harris 2007; Herlihy & Shavit 2012, ch. 5",
    names={
        "group_extents": "group_bounds|segment_extremes|reduce_by_key",
        "groups": "labels|keys|segments",
        "group": "g|key|label",
        "x": "values|samples|entries",
        "lower": "mins|low|least",
        "upper": "maxs|high|greatest",
        "last": "previous|old|before",
        "changed": "improved|is_higher|raised",
    },
    adjoint="no",
)
def group_extents(d: Draft) -> None:
    """Computes the extrema of groups of values in arbitrary order."""
    wanted = d.option(
        "wanted",
        "range",
        "box",
        "least",
        "greatest",
        "first index",
        "last index",
        "records",
        "magnitude",
        "margin box",
    )
    d.calls({
        "range": "group_extents|group_ranges|segment_extremes",
        "box": "group_bounds|group_boxes|cluster_bounds",
        "least": "group_minima|segment_min|least_of_groups",
        "greatest": "group_maxima|segment_max|greatest_of_groups",
        "first index": "first_of_groups|first_indices",
        "last index": "last_of_groups|last_indices",
        "records": "raise_maxima|update_maxima|mark_raised_groups",
        "magnitude": "group_largest_norm|group_max_length|largest_lengths",
        "margin box": "bounds_of_spheres|group_sphere_bounds|group_boxes",
    }[wanted])  # fmt: skip
    skip = d.option("skip", "none", "negative", "mask")
    stride = d.flag("strided", 0.35)
    d.says({
        "range": "Computes per-group minima and maxima using atomics.",
        "box": "Computes the bounding box for each group of points.",
        "least": "Computes per-group minima using atomic min.",
        "greatest": "Computes per-group maxima using atomic max.",
        "first index": "Finds the first element index in each group.",
        "last index": "Finds the last element index in each group.",
        "records": "Updates per-group maxima and flags groups whose maximum has changed.",
        "magnitude": "Computes the maximum vector length per group.",
        "margin box": "Computes bounding boxes for groups of spheres.",
    }[wanted])  # fmt: skip
    n, k = d.pick(128, 160, 192), d.pick(6, 8, 10)
    points = wanted in ("box", "magnitude", "margin box")
    index = wanted in ("first index", "last index")
    if not index:
        d.input("x", "vec3" if points else "float", n, -1.0, 1.0)
    d.input("groups", "int", n, -2 if skip == "negative" else 0, k, about="group index per element")
    if skip == "mask":
        d.mask("active", "bool", n, about="False for elements to skip")
    if wanted == "margin box":
        d.input("radii", "float", n, 0.05, 0.2)
    boxed = wanted in ("box", "margin box")
    low, high = wanted in ("range", "least", "first index") or boxed, wanted not in ("least", "first index")
    type_ = "vec3" if boxed else "int" if index else "float"
    lower, upper = ("first_element", "last_element") if index else ("lower", "upper")
    if low:
        d.inout(
            lower,
            type_,
            k,
            value=float(n) if index else 1.0e6,
            about="first element index per group, initialized to the number of elements"
            if index
            else "lower bounds per group, initialized to a large value"
            if boxed
            else "minimum per group, initialized to a large value",
        )
    if wanted == "records":
        d.inout("upper", "float", k, 0.5, 0.95, about="running maximum per group")
        d.output("changed", "int", k, about="1 for groups whose maximum has changed")
    elif high:
        d.inout(
            upper,
            type_,
            k,
            value=-1.0 if index else 0.0 if wanted == "magnitude" else -1.0e6,
            about="last element index per group, initialized to -1"
            if index
            else "maximum length per group, initialized to 0"
            if wanted == "magnitude"
            else "upper bounds per group, initialized to a large negative value"
            if boxed
            else "maximum per group, initialized to a large negative value",
        )
    lines = {
        "range": "wp.atomic_min(lower, group, x[e])\nwp.atomic_max(upper, group, x[e])",
        "box": "p = x[e]\nwp.atomic_min(lower, group, p)\nwp.atomic_max(upper, group, p)",
        "least": "wp.atomic_min(lower, group, x[e])",
        "greatest": "wp.atomic_max(upper, group, x[e])",
        "first index": "wp.atomic_min(first_element, group, e)",
        "last index": "wp.atomic_max(last_element, group, e)",
        "records": "# Compare with the old value to see if the maximum was raised\n"
        "last = wp.atomic_max(upper, group, x[e])\nif x[e] > last:\n    changed[group] = 1",
        "magnitude": "wp.atomic_max(upper, group, wp.length(x[e]))",
        "margin box": "p = x[e]\nmargin = wp.vec3(radii[e], radii[e], radii[e])\n"
        "wp.atomic_min(lower, group, p - margin)\nwp.atomic_max(upper, group, p + margin)",
    }[wanted]
    leave = "continue" if stride else "return"
    guard = {
        "none": "",
        "negative": f"# Skip elements without a group\nif group < 0:\n    {leave}",
        "mask": f"if not active[e]:\n    {leave}",
    }[skip]
    each = (
        f"group = groups[e]\n{guard}\n{lines}" if skip != "mask" else f"{guard}\ngroup = groups[e]\n{lines}"
    )
    if stride:
        d.module("PER_THREAD = wp.constant(4)")
        d.launch(n // 4)
        d.code(
            "tid = wp.tid()\n# Each thread processes a contiguous range of elements\n"
            "for e in range(tid * PER_THREAD, (tid + 1) * PER_THREAD):\n    $each",
            each=each,
        )
    else:
        d.launch(n)
        d.code("e = wp.tid()\n$each", each=each)

    def agree(v: Values, after: Values) -> None:
        keep = {"none": np.ones(n, bool), "negative": v.groups >= 0}.get(skip, v.get("active"))
        g = v.groups
        x: Any = np.arange(n) if index else np.linalg.norm(v.x, axis=1) if wanted == "magnitude" else v.x
        r = v.radii[:, None] if wanted == "margin box" else 0.0
        for name, f, put in ((lower, np.minimum, x - r), (upper, np.maximum, x + r)):
            if name in after:
                want = v[name].astype(float).copy()
                f.at(want, g[keep], put[keep])
                np.testing.assert_allclose(after[name], want, atol=1e-4)
        if wanted == "records":
            np.testing.assert_array_equal(after.changed, after.upper > v.upper)

    d.holds(agree)
