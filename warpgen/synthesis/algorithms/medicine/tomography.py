"""Rays through bodies."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.medicine import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_SCANNER = piece("""
@wp.struct
class Scanner:
    source_dist: float  # source-to-isocenter distance [cm]
    detector_dist: float  # isocenter-to-detector distance [cm]
    pitch: float  # detector cell spacing [cm]
    pixel: float  # pixel size [cm]
""")
_PARALLEL = piece("""
@wp.struct
class Scanner:
    pitch: float  # detector cell spacing [cm]
    pixel: float  # pixel size [cm]
""")


@DOMAIN.algorithm(
    source="Siddon 1985; Joseph 1982; Kak & Slaney 1988, ch. 3",
    names={
        "project_rays": "forward_projection|ct_project|ct_forward",
        "image": "attenuation|mu|mu_map",
        "angles": "view_angles|gantry_angles|theta",
        "sinogram": "projections|line_integrals|rays_out",
        "counts": "photon_counts|transmitted|readings",
        "scanner": "geometry|geom|setup",
    },
    element="",
    weight=2,
)
def project_rays(d: Draft) -> None:
    """Computes CT line integrals through an image (forward projection)."""
    method = d.option("method", "siddon", "joseph", "sampled")
    beam = d.option("beam", "parallel", "fan flat", "fan arc")
    output = d.option("output", "integrals", "counts")
    rays = "parallel-beam" if beam == "parallel" else "fan-beam"
    d.says(f"Computes {rays} CT line integrals through an image (forward projection).")
    if output == "counts":
        d.calls("simulate_counts|ct_counts|photon_counts")
        d.says(f"Computes expected {rays} CT photon counts for an attenuation image.")
    bad = d.option("bad", "none", "mask", "unfinished")
    way = d.option("angles", "array", "computed")
    size, views, bins = d.pick(12, 16), d.pick(6, 8), d.pick(12, 16)
    d.input(
        "image",
        "float",
        (size, size),
        0.0,
        0.4,
        about="attenuation image [1/cm], indexed [y, x]",
    )
    if way == "array":
        whole = 3.1 if beam == "parallel" else 6.2
        d.input("angles", "float", views, 0.0, whole, "ascending", about="gantry angle per view [rad]")
    if bad == "mask":
        d.mask("cell_ok", "int", bins, about="detector cell mask, 0 for broken cells")
    elif bad == "unfinished":
        d.param("views_done", "int", views - 2, about="number of views acquired so far")
    wide = size / bins  # with it the outermost rays miss the image
    bounds = {
        "source_dist": fill(30.0, 40.0),
        "detector_dist": fill(20.0, 30.0),
        "pitch": fill(2.1 * wide, 2.5 * wide),
        "pixel": fill(0.9, 1.1),
    }
    if beam == "parallel":
        bounds = {"pitch": fill(1.2 * wide, 1.4 * wide), "pixel": bounds["pixel"]}
    d.struct("scanner", _PARALLEL if beam == "parallel" else _SCANNER, bounds, about="scanner geometry [cm]")
    if output == "counts":
        d.param("photons", "float", 1.0, 2.0, about="unattenuated number of photons [1e4]")
    out = "sinogram" if output == "integrals" else "counts"
    what = "line integral" if output == "integrals" else "photon count [1e4]"
    left = {"mask": ", -1 for broken cells", "unfinished": ", zero for views not yet acquired"}.get(bad, "")
    d.says(d.sentence.rstrip(".") + left + ".")
    d.output(out, "float", (views, bins), about=f"{what} per view and detector cell{left}")
    turn = "wp.pi" if beam == "parallel" else "wp.TAU"  # opposite parallel rays are the same
    # The walk from crossing to crossing has no adjoint of its own, and the derivative of
    # interpolated values by the angle jumps where a sample passes a pixel center
    if method == "siddon" or way == "array":
        d.forward_only()
    place = {
        "parallel": (
            "# Parallel beam: all rays in a view share one direction\n"
            "lateral = (float(cell) - 0.5 * float(num_cells - 1)) * scanner.pitch\n"
            "source = wp.vec2(lateral * ca - reach * sa, lateral * sa + reach * ca)\n"
            "target = wp.vec2(lateral * ca + reach * sa, lateral * sa - reach * ca)"
        ),
        "fan flat": (
            "source = wp.vec2(-scanner.source_dist * sa, scanner.source_dist * ca)\n"
            "lateral = (float(cell) - 0.5 * float(num_cells - 1)) * scanner.pitch\n"
            "target = wp.vec2(\n"
            "    lateral * ca + scanner.detector_dist * sa, lateral * sa - scanner.detector_dist * ca\n"
            ")"
        ),
        "fan arc": (
            "source = wp.vec2(-scanner.source_dist * sa, scanner.source_dist * ca)\n"
            "# Equiangular detector cells as seen from the source\n"
            "span = scanner.source_dist + scanner.detector_dist\n"
            "fan = (float(cell) - 0.5 * float(num_cells - 1)) * scanner.pitch / span\n"
            "target = source + span * wp.vec2(wp.sin(angle + fan), -wp.cos(angle + fan))"
        ),
    }[beam]
    if beam == "parallel":
        place = (
            "# Start and end the ray well outside the image\nreach = 1.5 * float(image.shape[0]) * scanner.pixel\n"
            + place
        )
    if method != "siddon":
        d.function(
            """
            @wp.func
            def image_at(image: wp.array2d(dtype=float), x: float, y: float) -> float:
                \"\"\"Bilinear image lookup at pixel coordinates, zero outside.\"\"\"
                ix = int(wp.floor(x))
                iy = int(wp.floor(y))
                tx = x - float(ix)
                ty = y - float(iy)
                found = float(0.0)
                for dy in range(2):
                    for dx in range(2):
                        col = ix + dx
                        row = iy + dy
                        if col < 0 or row < 0 or col >= image.shape[1] or row >= image.shape[0]:
                            continue
                        wx = wp.where(dx == 0, 1.0 - tx, tx)
                        wy = wp.where(dy == 0, 1.0 - ty, ty)
                        found += wx * wy * image[row, col]
                return found
            """
        )
    bodies = {
        "siddon": """
            @wp.func
            def line_integral(image: wp.array2d(dtype=float), source: wp.vec2, target: wp.vec2, pixel: float) -> float:
                \"\"\"Accumulate attenuation times chord length over all pixels crossed by the ray (Siddon).\"\"\"
                half = 0.5 * float(image.shape[0]) * pixel
                ray = target - source
                length = wp.length(ray)
                # Clip the ray to the image bounds (slab test)
                t_in = float(0.0)
                t_out = float(1.0)
                for axis in range(2):
                    if wp.abs(ray[axis]) < 1.0e-6:
                        if wp.abs(source[axis]) >= half:
                            return 0.0
                    else:
                        t_a = (-half - source[axis]) / ray[axis]
                        t_b = (half - source[axis]) / ray[axis]
                        t_in = wp.max(t_in, wp.min(t_a, t_b))
                        t_out = wp.min(t_out, wp.max(t_a, t_b))
                # Early exit: ray misses the image
                if t_in >= t_out:
                    return 0.0
                total = float(0.0)
                t = float(t_in)
                # A ray crosses at most rows + columns pixels
                for _ in range(image.shape[0] + image.shape[1] + 2):
                    if t >= t_out - 1.0e-5:
                        break
                    # Probe slightly ahead to find the next pixel
                    probe = (source + (t + 1.0e-5) * ray + wp.vec2(half, half)) / pixel
                    ix = wp.clamp(int(wp.floor(probe[0])), 0, image.shape[1] - 1)
                    iy = wp.clamp(int(wp.floor(probe[1])), 0, image.shape[0] - 1)
                    t_next = float(t_out)
                    if wp.abs(ray[0]) > 1.0e-6:
                        edge_x = float(ix) + wp.where(ray[0] > 0.0, 1.0, 0.0)
                        t_next = wp.min(t_next, (edge_x * pixel - half - source[0]) / ray[0])
                    if wp.abs(ray[1]) > 1.0e-6:
                        edge_y = float(iy) + wp.where(ray[1] > 0.0, 1.0, 0.0)
                        t_next = wp.min(t_next, (edge_y * pixel - half - source[1]) / ray[1])
                    # Advance at least as far as the probe
                    t_next = wp.max(t_next, t + 1.0e-5)
                    total += image[iy, ix] * (t_next - t) * length
                    t = t_next
                return total
        """,
        "joseph": """
            @wp.func
            def line_integral(image: wp.array2d(dtype=float), source: wp.vec2, target: wp.vec2, pixel: float) -> float:
                \"\"\"Integrate along a ray with one sample per row or column (Joseph).\"\"\"
                ray = target - source
                # March along the dominant ray axis
                along = wp.where(wp.abs(ray[0]) >= wp.abs(ray[1]), 0, 1)
                step_len = pixel * wp.length(ray) / wp.abs(ray[along])
                middle = 0.5 * float(image.shape[0] - 1)
                total = float(0.0)
                for k in range(image.shape[0]):
                    plane = (float(k) - middle) * pixel
                    t = (plane - source[along]) / ray[along]
                    cross = (source[1 - along] + t * ray[1 - along]) / pixel + middle
                    if along == 0:
                        total += image_at(image, float(k), cross)
                    else:
                        total += image_at(image, cross, float(k))
                return total * step_len
        """,
        "sampled": """
            @wp.func
            def line_integral(image: wp.array2d(dtype=float), source: wp.vec2, target: wp.vec2, pixel: float) -> float:
                \"\"\"Integrate along a ray using evenly spaced samples around its point closest to the isocenter.\"\"\"
                toward = wp.normalize(target - source)
                closest = source - wp.dot(source, toward) * toward
                # Cover the full image diagonal
                reach = 0.75 * float(image.shape[0]) * pixel
                samples = 2 * image.shape[0]
                spacing = 2.0 * reach / float(samples)
                middle = 0.5 * float(image.shape[0] - 1)
                total = float(0.0)
                for k in range(samples):
                    along = (float(k) + 0.5) * spacing - reach
                    p = (closest + along * toward) / pixel + wp.vec2(middle, middle)
                    total += image_at(image, p[0], p[1])
                return total * spacing
        """,
    }
    d.function(bodies[method])
    skip = {
        "none": "",
        "mask": "# Mark broken cells with -1, to be filled in later\nif cell_ok[cell] == 0:\n"
        "    $out[view, cell] = -1.0\n    return",
        "unfinished": "if view >= views_done:\n    return",
    }[bad]
    angle = (
        "angle = angles[view]"
        if way == "array"
        else f"angle = {turn} * (float(view) + 0.5) / float(num_views)"
    )
    store = (
        "sinogram[view, cell] = integral"
        if output == "integrals"
        else "# Beer-Lambert attenuation\ncounts[view, cell] = photons * wp.exp(-integral)"
    )
    d.launch(views, bins)
    d.code(
        """
        view, cell = wp.tid()
        $skip
        num_cells = $out.shape[1]
        $views
        $angle
        ca = wp.cos(angle)
        sa = wp.sin(angle)
        $place
        integral = line_integral(image, source, target, scanner.pixel)
        $store
        """,
        skip=skip,
        views="" if way == "array" else f"num_views = {out}.shape[0]",
        out=out,
        angle=angle,
        place=place,
        store=store,
    )
    d.explain(
        f"The image is centered at the isocenter; {beam.split()[0]}-beam geometry.\n"
        + ("I = I_0 exp(-int mu dl)." if output == "counts" else "p = int mu dl.")
    )

    def reference(v: Values) -> dict[str, Any]:
        px = v["scanner.pixel"]
        so, do, pitch = (
            v.get("scanner.source_dist", 0.0),
            v.get("scanner.detector_dist", 0.0),
            v["scanner.pitch"],
        )
        whole = np.pi if beam == "parallel" else 2 * np.pi
        theta = v.angles if way == "array" else whole * (np.arange(views) + 0.5) / views
        k = np.arange(bins) - (bins - 1) / 2
        found = np.zeros((views, bins))
        for i, a in enumerate(theta):
            across, down = np.array([np.cos(a), np.sin(a)]), np.array([np.sin(a), -np.cos(a)])
            for j in range(bins):
                if beam == "parallel":
                    middle, reach = k[j] * pitch * across, 1.5 * size * px
                    p, q = middle - reach * down, middle + reach * down
                elif beam == "fan flat":
                    p, q = -so * down, k[j] * pitch * across + do * down
                else:
                    fan = a + k[j] * pitch / (so + do)
                    p = -so * down
                    q = p + (so + do) * np.array([np.sin(fan), -np.cos(fan)])
                found[i, j] = _line(v.image, p, q, px, method)
        if output == "counts":
            found = v.photons * np.exp(-found)
        if bad == "mask":
            found[:, v.cell_ok == 0] = -1.0
        elif bad == "unfinished":
            found[v.views_done :] = 0.0
        return {out: found}

    d.check(reference, 5e-3)


def _line(image: Any, p: Any, q: Any, pixel: float, method: str) -> float:
    """The integral of a square image along the segment from p to q."""
    n = len(image)
    ray = q - p
    if method == "siddon":
        edges = (np.arange(n + 1) - n / 2) * pixel
        with np.errstate(divide="ignore"):
            t = np.concatenate([[0.0, 1.0], *((edges - p[c]) / ray[c] for c in range(2))])
        t = np.unique(t[(t >= 0) & (t <= 1)])
        at = (p + (t[1:, None] + t[:-1, None]) / 2 * ray) / pixel + n / 2
        x, y = np.floor(at).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < n) & (y < n)
        return float((np.diff(t)[inside] * image[y[inside], x[inside]]).sum() * np.linalg.norm(ray))
    if method == "joseph":
        along = int(abs(ray[1]) > abs(ray[0]))
        t = ((np.arange(n) - (n - 1) / 2) * pixel - p[along]) / ray[along]
        spacing = pixel * np.linalg.norm(ray) / abs(ray[along])
    else:
        unit = ray / np.linalg.norm(ray)
        reach = 0.75 * n * pixel
        spacing = reach / n
        t = ((np.arange(2 * n) + 0.5) * spacing - reach - p @ unit) / np.linalg.norm(ray)
    at = (p + t[:, None] * ray) / pixel + (n - 1) / 2
    padded = np.pad(image, 2)
    total = 0.0
    for x, y in at + 2:
        if 0 <= x < n + 3 and 0 <= y < n + 3:
            i, j = int(x), int(y)
            fx, fy = x - i, y - j
            total += (1 - fy) * ((1 - fx) * padded[j, i] + fx * padded[j, i + 1])
            total += fy * ((1 - fx) * padded[j + 1, i] + fx * padded[j + 1, i + 1])
    return float(total * spacing)
