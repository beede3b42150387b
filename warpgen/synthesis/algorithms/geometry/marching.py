"""Surfaces cut out of cells, tetrahedron by tetrahedron."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry._tetrahedra import TETS, cut_out, inner_volume
from warpgen.synthesis.writing.draft import Draft, Values, dedented
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Doi & Koide 1991; Payne & Toga 1990 (marching tetrahedra); Freudenthal 1942 (the split of the cube)",
    names={
        "field": "node_values|samples|phi",
        "inside": "case_bits|below",
        "triangles": "tri_out|soup",
        "spacing": "cell_size|h|voxel_size",
    },
    adjoint="no",
    weight=2,
)
def march_tetrahedra(d: Draft) -> None:
    """Extracts or measures the isosurface of a grid with marching tetrahedra."""
    result = d.option("result", "triangles", "area", "volume", "count", weights=(0.35, 0.25, 0.25, 0.15))
    place = d.option("vertices", "linear", "middle", "clamped")
    if result != "triangles":
        place = "linear"  # what is measured must lie where the field says
    layout = d.option("layout", "grid", "flat")
    early = d.flag("early exit", 0.6)
    spacing_of = d.option("spacing", "scalar", "vector", "unit")
    bounded = d.flag("capacity", 0.5) and result == "triangles"
    masked = d.flag("mask", 0.3)
    total = d.option("sum", "per cell", "atomic") if result in ("area", "volume") else "per cell"
    d.calls(
        {
            "triangles": "march_tetrahedra|marching_tets|polygonize_tets|isosurface_tets",
            "area": "isosurface_area|level_set_area|surface_area_tets",
            "volume": "isosurface_volume|level_set_volume|enclosed_volume",
            "count": "count_triangles|count_isosurface_triangles|count_surface_triangles",
        }[result]
    )
    size = d.pick((4, 5, 4), (5, 4, 4), (5, 5, 5))
    cells = tuple(s - 1 for s in size)
    many = int(np.prod(size))
    d.input(
        "field",
        "float",
        size if layout == "grid" else many,
        -1.0,
        1.0,
        about="Field values at grid nodes",
    )
    if masked:
        stay = (
            "others keep their values"
            if total == "per cell" and result != "triangles"
            else "others are skipped"
        )
        d.mask("cell_used", "bool", cells, about=f"Narrow-band cell mask, {stay}")
    levels = (-0.7, -0.3) if result == "volume" else (-0.1, 0.1)  # some cells are wholly outside
    d.param("level", "float", *levels, about="Isovalue, values below are inside")
    geometry = result != "count"
    kept = geometry and place != "middle"
    if layout == "flat":
        d.param("ny", "int", size[1], about="Number of nodes along y")
        d.param("nz", "int", size[2], about="Number of nodes along z")
    if spacing_of == "scalar" and geometry:
        d.param("spacing", "float", 0.1, 0.3, about="Cell size [m]")
    elif spacing_of == "vector" and geometry:
        d.param("spacing", "vec3", 0.1, 0.3, about="Cell size per axis [m]")
    most = 12 * int(np.prod(cells))
    room = most // 8 if bounded else most
    if result == "triangles":
        d.inout(
            "num_triangles",
            "int",
            1,
            value=0,
            about="Number of triangles" + (", may exceed the output capacity" if bounded else ""),
        )
        d.output("triangles", "vec3", (room, 3), about="Triangle corners")
        if bounded:
            d.param("capacity", "int", room, about="Maximum number of output triangles")
    else:
        kind, shape = ("int", cells) if result == "count" else ("float", cells)
        name = {"area": "area", "volume": "enclosed", "count": "num_cut"}[result]
        about = {
            "area": "Isosurface area",
            "volume": "Enclosed volume",
            "count": "Number of triangles per cell",
        }[result]
        if total == "atomic":
            d.output(name, kind, 1, about=about)
        else:
            d.output(name, kind, shape, about=f"{about} in each cell" if result != "count" else about)
    listed = "".join(f"        {', '.join(map(str, t))},\n" for t in TETS)
    d.module(
        "vec24i = wp.types.vector(24, wp.int32)\n"
        "# Corners of the six tetrahedra around the cell diagonal, all positively oriented\n"
        f"TETS = wp.constant(\n    vec24i(\n{listed}    )\n)"
    )
    share = {
        "linear": "t = (level - va) / (vb - va)",
        "middle": "t = 0.5",
        "clamped": "# Keep vertices away from the corners to avoid slivers\n"
        "t = wp.clamp((level - va) / (vb - va), 0.05, 0.95)",
    }[place]
    arguments = "a: wp.vec3, b: wp.vec3, va: float, vb: float, level: float"
    if place == "middle":
        d.function('''
            @wp.func
            def edge_vertex(a: wp.vec3, b: wp.vec3) -> wp.vec3:
                """Return the edge midpoint."""
                return 0.5 * (a + b)
        ''')
    elif geometry:
        d.function(
            f'''
            @wp.func
            def edge_vertex({arguments}) -> wp.vec3:
                """Return the edge-isosurface intersection."""
                $share
                return wp.lerp(a, b, t)
            ''',
            share=share,
        )

    def cut(i: str, j: str) -> str:
        if place == "middle":
            return f"edge_vertex(corners[{i}], corners[{j}])"
        return f"edge_vertex(corners[{i}], corners[{j}], values[{i}], values[{j}], level)"

    sum_names = {"area": "surface", "volume": "solid", "count": "cut"}
    acc = sum_names.get(result, "")
    one = {
        "triangles": f"""
            slot = wp.atomic_add(num_triangles, 0, 1)
            {"if slot < capacity:" if bounded else ""}
            $pad triangles[slot, 0] = p0
            $pad triangles[slot, 1] = wp.where(flip, p2, p1)
            $pad triangles[slot, 2] = wp.where(flip, p1, p2)
        """,
        "area": "surface += 0.5 * wp.length(wp.cross(p1 - p0, p2 - p0))",
        "volume": """
            # The cut-off part at the lone corner is a small tetrahedron
            tip = corners[lone]
            small = wp.abs(wp.dot(p0 - tip, wp.cross(p1 - tip, p2 - tip))) / 6.0
            solid += wp.where(count == 1, small, whole - small)
        """,
        "count": "cut += 1",
    }[result]
    two = {
        "triangles": f"""
            slot = wp.atomic_add(num_triangles, 0, 2)
            {"if slot + 1 < capacity:" if bounded else ""}
            $pad triangles[slot, 0] = q0
            $pad triangles[slot, 1] = wp.where(flip, q2, q1)
            $pad triangles[slot, 2] = wp.where(flip, q1, q2)
            $pad triangles[slot + 1, 0] = q0
            $pad triangles[slot + 1, 1] = wp.where(flip, q3, q2)
            $pad triangles[slot + 1, 2] = wp.where(flip, q2, q3)
        """,
        "area": "surface += 0.5 * wp.length(wp.cross(q1 - q0, q2 - q0)) + 0.5 * wp.length(wp.cross(q2 - q0, q3 - q0))",
        "volume": """
            # The part at corners a and b is a wedge, split into three tetrahedra
            at_a = corners[a]
            at_b = corners[b]
            wedge = wp.abs(wp.dot(q0 - at_a, wp.cross(q1 - at_a, at_b - at_a)))
            wedge += wp.abs(wp.dot(q0 - at_b, wp.cross(q1 - at_b, q2 - at_b)))
            wedge += wp.abs(wp.dot(q0 - at_b, wp.cross(q2 - at_b, q3 - at_b)))
            solid += wedge / 6.0
        """,
        "count": "cut += 2",
    }[result]

    def padded(text: str) -> str:
        lines = [line for line in dedented(text).split("\n") if line.strip()]
        return "\n".join(line.replace("$pad ", "    " if bounded else "") for line in lines)

    orient = ""
    if result == "triangles":
        orient = """
            # Flip the winding if the normal does not point outward (toward larger values)
            flip = wp.dot(wp.cross(p1 - p0, p2 - p0), corners[lone] - p0) * wp.where(count == 1, 1.0, -1.0) > 0.0
        """
    orient_two = ""
    if result == "triangles":
        orient_two = "flip = wp.dot(wp.cross(q1 - q0, q2 - q0), corners[a] + corners[b] - 2.0 * q0) > 0.0"
    scale = {
        "scalar": "spacing * wp.vec3({})",
        "vector": "wp.cw_mul(spacing, wp.vec3({}))",
        "unit": "wp.vec3({})",
    }[spacing_of]
    corner = scale.format("float(i + bx), float(j + by), float(k + bz)")
    read = (
        "field[i + bx, j + by, k + bz]"
        if layout == "grid"
        else "field[((i + bx) * ny + j + by) * nz + k + bz]"
    )
    vertices = (f"p0 = {cut('lone', 'r0')}", f"p1 = {cut('lone', 'r1')}", f"p2 = {cut('lone', 'r2')}")
    quads = (
        f"q0 = {cut('a', 'c')}",
        f"q1 = {cut('a', 'd')}",
        f"q2 = {cut('b', 'd')}",
        f"q3 = {cut('b', 'c')}",
    )
    full = "solid += whole" if result == "volume" else ""
    store = {
        "area": "area[i, j, k] = surface", "volume": "enclosed[i, j, k] = solid", "count": "num_cut[i, j, k] = cut",
        "triangles": "",
    }[result]  # fmt: skip
    if total == "atomic":
        name = "area" if result == "area" else "enclosed"
        store = f"wp.atomic_add({name}, 0, {acc})"
        if not early:  # else cells without any have been left already
            store = f"if {acc} > 0.0:\n    {store}"
    begin = {"area": "surface = float(0.0)", "volume": "solid = float(0.0)", "count": "cut = int(0)"}.get(
        result, ""
    )
    d.launch(*cells)
    d.code(
        f"""
        i, j, k = wp.tid()
        $mask
        $range
        $early
        $begin
        for tet in range(6):
            $arrays
            count = int(0)
            for c in range(4):
                corner = TETS[4 * tet + c]
                bx = corner & 1
                by = (corner >> 1) & 1
                bz = corner >> 2
                $fill
                if {"values[c]" if kept else read} < level:
                    $mark
                    count += 1
            $whole
            if count == 1 or count == 3:
                # Only one corner is on its side: emit a single triangle
                $ways
                $triangle
                $orient
                $one
            elif count == 2:
                $pairs
                $quad
                $orient_two
                $two
            $full
        $store
        """,
        mask="if not cell_used[i, j, k]:\n    return" if masked else "",
        range=_range(read) if early else "",
        begin=begin,
        early=_early(result, total == "atomic") if early else "",
        whole="whole = wp.dot(corners[1] - corners[0], wp.cross(corners[2] - corners[0], corners[3] - corners[0])) / 6.0"
        if result == "volume"
        else "",
        arrays="corners = wp.zeros(shape=4, dtype=wp.vec3)\n"
        + ("values = wp.zeros(shape=4, dtype=float)\n" if kept else "")
        + "inside = int(0)"
        if geometry
        else "",
        fill=f"corners[c] = {corner}" + (f"\nvalues[c] = {read}" if kept else "") if geometry else "",
        mark="inside = inside | (1 << c)" if geometry else "",
        ways="bits = wp.where(count == 1, inside, 15 - inside)\n"
        "lone = wp.where(bits == 1, 0, wp.where(bits == 2, 1, wp.where(bits == 4, 2, 3)))\n"
        "r0 = (lone + 1) % 4\nr1 = (lone + 2) % 4\nr2 = (lone + 3) % 4"
        if geometry
        else "",
        triangle="\n".join(vertices) if geometry else "",
        orient=dedented(orient),
        one=padded(one),
        pairs="# Corners a and b are inside, c0 and d0 outside: emit a quad\n"
        "a = int(-1)\nb = int(-1)\nc0 = int(-1)\nd0 = int(-1)\nfor c in range(4):\n"
        "    if (inside >> c) & 1 == 1:\n        if a < 0:\n            a = c\n        else:\n            b = c\n"
        "    elif c0 < 0:\n        c0 = c\n    else:\n        d0 = c"
        if geometry
        else "",
        quad="\n".join(quads).replace("[c]", "[c0]").replace("[d]", "[d0]") if geometry else "",
        orient_two=orient_two,
        two=padded(two),
        full="if count == 4:\n    solid += whole" if full else "",
        store=store,
    )
    trim(d)
    where = "all cells" if total == "atomic" else "each cell"
    where += (" of the narrow band" if masked else "") + " of a grid"
    where += " with unit spacing" if spacing_of == "unit" and geometry else ""
    if result == "triangles":
        at = {
            "linear": "",
            "middle": ", with vertices at edge midpoints",
            "clamped": ", with vertices kept away from the corners",
        }
        d.says(f"Extracts the isosurface from {where} using marching tetrahedra{at[place]}.")
    else:
        d.says({
            "area": f"Computes the isosurface area in {where} using marching tetrahedra.",
            "volume": f"Computes the volume enclosed by the isosurface in {where} using marching tetrahedra.",
            "count": f"Counts isosurface triangles in {where} using marching tetrahedra.",
        }[result])  # fmt: skip
    d.explain(
        "Each cell is split into six tetrahedra around its diagonal, so the surface is continuous across "
        "cells."
        + ("\nThe field is linearly interpolated along edges." if geometry and place != "middle" else "")
    )

    def agrees(v: Values, after: Values) -> None:
        f = v.field.reshape(size).astype(float)
        h = v.get("spacing", 1.0) * np.ones(3)
        used = [c for c in np.ndindex(*cells) if not masked or v.cell_used[c]]
        by_cell = {c: cut_out(f, c, v.level, h, place) for c in used}
        surface = [t for found in by_cell.values() for t in found]
        if result == "triangles":
            want = len(surface)
            assert after.num_triangles[0] == want
            kept = after.triangles[: min(want, room)].astype(float)
            if want > room:  # which ones fit depends on the order of threads
                return
            middle, truth = kept.mean(1), np.array([t.mean(0) for t, _ in surface])
            order, goal = np.lexsort(np.round(middle, 4).T), np.lexsort(np.round(truth, 4).T)
            assert np.abs(np.sort(middle, 0) - np.sort(truth, 0)).max() < 1e-4
            normal = np.cross(kept[:, 1] - kept[:, 0], kept[:, 2] - kept[:, 0])
            flux = np.einsum("ij,ij->i", normal[order], np.array([g for _, g in surface])[goal])
            assert (flux > -1e-6).mean() > 0.95, "triangles are turned the wrong way"
            return
        if result == "count":
            made = np.reshape([len(by_cell.get(c, [])) for c in np.ndindex(*cells)], cells)
            np.testing.assert_array_equal(after.num_cut, made)
            return
        if result == "area":

            def measure(c: Any) -> float:
                return sum(
                    0.5 * float(np.linalg.norm(np.cross(t[1] - t[0], t[2] - t[0])))
                    for t, _ in by_cell.get(c, [])
                )
        else:

            def measure(c: Any) -> float:
                return inner_volume(f, c, v.level, h, place) if c in by_cell else 0.0

        made = np.array([measure(c) for c in np.ndindex(*cells)]).reshape(cells)
        got = after.area if result == "area" else after.enclosed
        np.testing.assert_allclose(
            got,
            made.sum(keepdims=True).ravel() if total == "atomic" else made,
            rtol=2e-3,
            atol=1e-3 * made.max(),
        )

    d.holds(agrees)


def _range(read: str) -> str:
    text = f"""
        low = float(1.0e6)
        high = float(-1.0e6)
        for c in range(8):
            bx = c & 1
            by = (c >> 1) & 1
            bz = c >> 2
            node = {read}
            low = wp.min(low, node)
            high = wp.max(high, node)
    """
    return dedented(text)


def _early(result: str, atomic: bool) -> str:
    test = "low >= level" + ("" if result == "volume" else " or high < level")
    why = (
        "Skip cells that are completely outside"
        if result == "volume"
        else "Skip cells that the surface does not cross"
    )
    nothing = {
        "area": "area[i, j, k] = 0.0",
        "volume": "enclosed[i, j, k] = 0.0",
        "count": "num_cut[i, j, k] = 0",
    }
    zero = "" if atomic else nothing.get(result, "")
    return f"# {why}\nif {test}:\n    {zero}\n    return" if zero else f"# {why}\nif {test}:\n    return"
