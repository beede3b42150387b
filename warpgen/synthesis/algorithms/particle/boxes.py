"""Particles in boxes: cells, counting sort, periodic walls."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "x": "positions|pos|particle_x|coords",
    "v": "velocities|vel|particle_v",
    "cell": "cell_id|bucket|bin_id",
    "counts": "cell_counts|histogram|num_in_cell",
    "start": "cell_start|offsets|cell_offsets",
    "inv_width": "inv_cell|inv_dx|cell_scale",
    "box": "box_size|domain_size|period",
}


class _Cells:
    """Cells of a box, and how a particle finds its own."""

    def __init__(self, d: Draft) -> None:
        self.dimension = d.option("dimension", 2, 3)
        self.order = d.option("order", "rows", "columns", "morton")
        self.outside = d.option("outside", "clamp", "wrap")
        self.width = "SIDE" if self.order == "morton" else "side"
        self.side = 8 if self.dimension == 2 else 4
        self.total = self.side**self.dimension
        self.vector = f"vec{self.dimension}"
        self.name = "morton" if self.order == "morton" else "cell"

    @property
    def text(self) -> str:
        """Lines that make the number of the cell, `name`, of `xi`."""
        axes = ["cx", "cy", "cz"][: self.dimension]
        finite = {
            "clamp": f"wp.clamp({{}}, 0, {self.width} - 1)",
            "wrap": f"({{}} % {self.width} + {self.width}) % {self.width}",
        }[self.outside]
        lines = [f"{a} = {finite.format(f'int(wp.floor(xi[{n}] * inv_width))')}" for n, a in enumerate(axes)]
        if self.order == "morton":
            lines += [
                "# Morton code: interleave the bits of the cell indices",
                "morton = int(0)",
                "for b in range(BITS):",
                "    morton = morton | "
                + " | ".join(
                    f"((({a} >> b) & 1) << ({self.dimension} * b{' + ' + str(n) if n else ''}))"
                    for n, a in enumerate(axes)
                ),
            ]
        else:
            ordered = axes if self.order == "rows" else axes[::-1]
            index = ordered[0]
            for a in ordered[1:]:
                index = f"({index}) * side + {a}" if " " in index else f"{index} * side + {a}"
            lines.append(f"cell = {index}")
        return "\n".join(lines)

    def of(self, x: Any, inv_width: float) -> Any:
        """The cell of each particle."""
        c = np.floor(np.asarray(x) * inv_width).astype(int)
        c = np.clip(c, 0, self.side - 1) if self.outside == "clamp" else c % self.side
        if self.order == "morton":
            bits = range(3 if self.dimension == 2 else 2)
            found = np.zeros(len(c), int)
            for b in bits:
                for n in range(self.dimension):
                    found += ((c[:, n] >> b) & 1) << (self.dimension * b + n)
            return found
        columns = c if self.order == "rows" else c[:, ::-1]
        return np.ravel_multi_index(tuple(columns.T), (self.side,) * self.dimension)


@DOMAIN.algorithm(
    source="Hockney & Eastwood 1988, sec. 8.4 (chaining mesh); Green 2010; Morton 1966",
    names=NAMES | {"count_cells": "bin_particles|cell_histogram|compute_cells|assign_cells"},
    adjoint="either",
    weight=4,
)
def count_cells(d: Draft) -> None:
    """Computes cell indices of particles and counts particles per cell."""
    cells = _Cells(d)
    wanted = d.option("wanted", "counts", "both", "cell")
    d.calls({
        "counts": "count_cells|bin_particles|cell_histogram",
        "both": "count_cells|bin_particles|assign_and_count",
        "cell": "compute_cells|assign_cells|cell_indices",
    }[wanted])  # fmt: skip
    alive = d.option("alive", "none", "mask", "type")
    count = d.pick(96, 128, 256)
    if cells.order == "morton":
        bits = 3 if cells.dimension == 2 else 2
        d.module(
            f"BITS = wp.constant({bits})  # bits per cell coordinate\n"
            f"SIDE = wp.constant({cells.side})  # cells per side, 2^BITS"
        )
    d.input("x", cells.vector, count, -0.1, 1.1, about="Particle positions")
    if alive == "mask":
        d.mask("is_active", "int", count, about="Active mask, 0 for deleted particles")
    elif alive == "type":
        d.input("species", "int", count, 0, 3, about="Per-particle species index")
        d.param(
            "kind",
            "int",
            1,
            about="Species to bin" if wanted == "cell" else "Species to count",
        )
    d.param("inv_width", "float", float(cells.side), about="Inverse cell size")
    if cells.order != "morton":
        d.param("side", "int", cells.side, about="Number of cells per side")
    if wanted != "counts":
        others = {"none": "", "mask": ", or -1 if inactive", "type": ", or -1 for other species"}[alive]
        d.output("cell_of", "int", count, about=f"Per-particle cell index{others}")
    if wanted != "cell":
        d.output("counts", "int", cells.total, about="Particle count per cell")
    skip = {
        "none": "",
        "mask": "if is_active[tid] == 0:\n    $mark",
        "type": "if species[tid] != kind:\n    $mark",
    }
    mark = "return" if wanted == "counts" else "cell_of[tid] = -1\nreturn"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $skip
        xi = x[tid]
        $cell
        $keep
        $count
        """,
        skip=skip[alive],
        mark=mark,
        cell=cells.text,
        keep=f"cell_of[tid] = {cells.name}" if wanted != "counts" else "",
        count=f"wp.atomic_add(counts, {cells.name}, 1)" if wanted != "cell" else "",
    )
    whose = {"none": "particles", "mask": "active particles", "type": "particles with a given species"}[alive]
    says = {
        "counts": f"Counts {whose} per grid cell.",
        "both": f"Computes cell indices for {whose} and accumulates per-cell counts.",
        "cell": f"Computes grid cell indices for {whose}.",
    }
    d.says(says[wanted])
    others = "Skipped particles get index -1. " if wanted != "counts" and alive != "none" else ""
    beyond = "are clamped to the boundary cells" if cells.outside == "clamp" else "wrap around periodically"
    d.explain(f"{others}Particles outside the box {beyond}.")

    def reference(v: Values) -> dict[str, Any]:
        found = cells.of(v.x, v.inv_width)
        kept = np.ones(count, bool)
        if alive != "none":
            kept = v.is_active != 0 if alive == "mask" else v.species == v.kind
        made = {"cell_of": np.where(kept, found, -1)} if wanted != "counts" else {}
        if wanted != "cell":
            made["counts"] = np.bincount(found[kept], minlength=cells.total)
        return made

    d.check(reference)


@DOMAIN.algorithm(
    source="Knuth 1998, sec. 5.2.5 (distribution sorting); Green 2010",
    names=NAMES
    | {
        "sort_to_cells": "scatter_to_cells|sort_by_cell|sort_particles|cell_sort",
        "cursor": "fill|cell_fill",
        "capacity": "max_per_cell|cell_capacity|bucket_size",
        "slot": "dst|dest|place",
        "order": "sorted_ids|particle_index|ids",
    },
    adjoint="no",
)
def sort_to_cells(d: Draft) -> None:
    """Sorts particles into fixed-capacity grid cells."""
    what = d.option("what", "ids", "positions", "both")
    dimension = d.option("dimension", 2, 3)
    place = d.option("place", "cursor", "rank")
    masked = d.flag("masked", 0.4)
    if place == "rank" and what == "positions":  # nothing else would say which slots are free
        what = "both"
    count, total = d.pick(64, 128, 192), d.pick(8, 16)
    d.input("cell_of", "int", count, -1 if masked else 0, total, about="Per-particle cell index")
    if what != "ids":
        d.input("x", f"vec{dimension}", count, -1.0, 1.0, about="Particle positions")
    room = count // total + 2  # a little more than the mean, so that some cells are full
    slots = total * room
    if place != "rank":
        d.inout("cursor", "int", total, value=0.0, about="Current number of particles in each cell")
    d.param("capacity", "int", room, about="Maximum number of particles per cell")
    if what != "positions":
        d.inout("order", "int", slots, value=-1.0, about="Particle indices sorted by cell, -1 if unused")
    if what != "ids":
        d.output("sorted_x", f"vec{dimension}", slots, about="Positions sorted by cell")
    places = {
        "cursor": """
        # NOTE: order within a cell is not deterministic (atomics)
        rank = wp.atomic_add(cursor, cell, 1)
        if rank >= capacity:
            return
        slot = cell * capacity + rank
        """,
        "rank": """
        # Rank within the cell by linear scan: O(n) per thread, but deterministic
        rank = int(0)
        for j in range(tid):
            if cell_of[j] == cell:
                rank += 1
        if rank >= capacity:
            return
        slot = cell * capacity + rank
        """,
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        cell = cell_of[tid]
        $gone
        $slot
        $ids
        $positions
        """,
        gone="if cell < 0:\n    return" if masked else "",
        slot=places[place],
        ids="order[slot] = tid" if what != "positions" else "",
        positions="sorted_x[slot] = x[tid]" if what != "ids" else "",
    )
    d.explain("Particles are dropped when the cell is already full.")

    def holds(before: Values, after: Values) -> None:
        filed = np.bincount(before.cell_of[before.cell_of >= 0], minlength=total)
        for c in range(total):
            inside = np.flatnonzero(before.cell_of == c)
            held = min(filed[c], room)
            taken = slice(c * room, c * room + held)
            if what != "positions":
                found = after.order[taken]
                found = found if place == "rank" else np.sort(found)
                # Which of a full cell's particles are left out depends on who came first
                wanted = (
                    inside[:held] if place == "rank" or held == filed[c] else np.intersect1d(found, inside)
                )
                np.testing.assert_array_equal(found, wanted, err_msg=f"cell {c}")
                free = after.order[c * room : (c + 1) * room] == -1
                assert free.sum() == room - held, f"cell {c}"
            if what != "ids":
                moved = after.sorted_x[taken]
                if what == "both":
                    np.testing.assert_array_equal(moved, before.x[found], err_msg=f"cell {c}")
                else:
                    each = (moved[:, None] == before.x[inside]).all(-1)
                    assert (each.any(1)).all() and len(np.unique(moved, axis=0)) == held, f"cell {c}"
        if place != "rank":
            np.testing.assert_array_equal(after.cursor, filed)

    d.holds(holds)


@DOMAIN.algorithm(
    source="Allen & Tildesley 2017, sec. 1.6.2 and 6.2",
    names=NAMES
    | {
        "wrap_positions": "periodic_wrap|apply_pbc|wrap_particles|pbc",
        "image": "images|image_flags|image_count",
        "x_new": "x_out|pos_out|new_x",
        "box": "box_size|domain_size|box_length",
    },
    double=True,
    adjoint="either",
    weight=2,
)
def wrap_positions(d: Draft) -> None:
    """Applies box boundary conditions to particle positions."""
    box = d.option("box", "cube", "sides", "sheared")
    origin = d.option("origin", "corner", "center")
    images = d.flag("images", 0.5) and box != "sheared"
    walls = d.option("walls", "periodic", "slab", "mirror") if box != "sheared" else "periodic"
    if walls == "mirror":
        d.calls("reflect_particles|mirror_walls|reflect_positions")
    placed = d.option("place", "out", "in place")
    count = d.pick(64, 128, 256)
    low, high = -2.5, 2.5
    if walls == "mirror":  # one reflection has to be enough
        low, high = (-0.5, 2.0) if origin == "corner" else (-1.2, 1.2)
    if placed == "out":
        d.input("x", "vec3", count, low, high, about="Particle positions")
    else:
        d.inout("x", "vec3", count, low, high, about="Particle positions")
    what = "box" if walls == "mirror" else "periodic box"
    if box == "cube":
        d.param("box", "float", 1.5, 2.0, about=f"{what.capitalize()} edge length")
    else:
        d.param("box", "vec3", 1.5, 2.0, about=f"{what.capitalize()} edge lengths")
    if box == "sheared":
        d.param("tilt", "float", -0.5, 0.5, about="Lees-Edwards image offset in x")
    mirrored = walls == "mirror"
    if mirrored or placed == "in place":
        d.forward_only()
    if mirrored:
        images = False
        d.inout("v", "vec3", count, -1.0, 1.0, about="Particle velocities")
    if images:
        d.inout("image", "vec3i", count, -2, 3, about="Per-axis image counters")
    if placed == "out":
        d.output("x_new", "vec3", count, about="Reflected positions" if mirrored else "Wrapped positions")

    target = "x" if placed == "in place" else "x_new"

    def side(n: int) -> str:
        return "box" if box == "cube" else f"box[{n}]"

    cells = "wp.floor({0} / {1})" if origin == "corner" else "wp.round({0} / {1})"
    axes = range(2 if walls == "slab" else 3)
    lines = []
    if mirrored:
        lower = "0.0" if origin == "corner" else "-0.5 * {}"
        upper = "{}" if origin == "corner" else "0.5 * {}"
        edge = "box" if box == "cube" else "box[k]"
        low_mirror = "-xi[k]" if origin == "corner" else f"-{edge} - xi[k]"
        high_mirror = f"2.0 * {edge} - xi[k]" if origin == "corner" else f"{edge} - xi[k]"
        lines.append(f"""for k in range(3):
    if xi[k] < {lower.format(edge)}:
        xi[k] = {low_mirror}
        vi[k] = -vi[k]
    elif xi[k] > {upper.format(edge)}:
        xi[k] = {high_mirror}
        vi[k] = -vi[k]""")
    elif box == "sheared":
        lines.append(f"""# Lees-Edwards boundary: images across y are shifted along x
rows = {cells.format("xi[1]", "box[1]")}
sheared = xi[0] - rows * tilt
columns = {cells.format("sheared", "box[0]")}
layers = {cells.format("xi[2]", "box[2]")}
{target}[tid] = wp.vec3(sheared - columns * box[0], xi[1] - rows * box[1], xi[2] - layers * box[2])""")
    else:
        names = ["nx", "ny", "nz"]
        for n in axes:
            lines.append(f"{names[n]} = {cells.format(f'xi[{n}]', side(n))}")
        parts = [f"xi[{n}] - {names[n]} * {side(n)}" if n in axes else f"xi[{n}]" for n in range(3)]
        lines.append(f"{target}[tid] = wp.vec3({', '.join(parts)})")
        if images:
            counts = ", ".join(f"int({names[n]})" if n in axes else "0" for n in range(3))
            lines.append(f"# Update image counters; unwrapped position: `{target}` + `image` * `box`")
            lines.append(f"image[tid] += wp.vec3i({counts})")
    d.launch(count)
    d.code(
        "tid = wp.tid()\nxi = x[tid]\n$velocity\n$lines\n$store",
        velocity="vi = v[tid]" if mirrored else "",
        lines="\n".join(lines),
        store=f"{target}[tid] = xi\nv[tid] = vi" if mirrored else "",
    )
    placing = "with a corner at the origin" if origin == "corner" else "centered at the origin"
    if mirrored:
        d.says(f"Reflects particles off the walls of a box {placing}.")
        d.explain("Assumes particles are at most one edge length outside, so a single reflection is enough.")
    elif walls == "slab":
        d.says(
            f"Wraps particle positions into a slab {placing}, periodic in x and y"
            + (", and updates image counters." if images else ".")
        )
    elif box == "sheared":
        d.says(f"Wraps particles into a sheared periodic box (Lees-Edwards) {placing}.")
    else:
        d.says(
            f"Wraps particle positions into a periodic box {placing}"
            + (" and updates image counters." if images else ".")
        )

    def reference(v: Values) -> dict[str, Any]:
        side_ = np.broadcast_to(v.box, 3)
        low = 0.0 if origin == "corner" else -0.5 * side_
        x = v.x.copy()
        if mirrored:
            below, above = x < low, x > low + side_
            x = np.where(below, 2.0 * low - x, np.where(above, 2.0 * (low + side_) - x, x))
            return {target: x, "v": np.where(below | above, -v.v, v.v)}
        if box == "sheared":
            x[:, 0] -= np.floor((v.x - low) / side_)[:, 1] * v.tilt
        n = np.floor((x - low) / side_)
        if walls == "slab":
            n[:, 2] = 0.0
        made = {target: x - n * side_}
        return made | {"image": v.image + n.astype(int)} if images else made

    d.check(reference)
