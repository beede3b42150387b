"""Descriptors of keypoints."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

KEYPOINT = piece('''
@wp.struct
class Keypoint:
    """Position (x, y) in octave pixels, scale in pixels per cell, orientation in radians."""

    position: wp.vec2
    scale: float
    angle: float
    octave: int
''')

UPRIGHT_KEYPOINT = piece(
    KEYPOINT.text.replace(", orientation in radians", "").replace("    angle: float\n", "")
)

_SCATTER = '''
@wp.func
def scatter_sample(
    descriptors: wp.array2d(dtype=float),
    keypoint_index: int,
    cell_x: float,
    cell_y: float,
    bin_pos: float,
    magnitude: float,
):
    """Accumulate a gradient sample into neighboring cells and orientation bins using trilinear weights."""
    x0 = int(wp.floor(cell_x))
    y0 = int(wp.floor(cell_y))
    b0 = int(wp.floor(bin_pos))
    fx = cell_x - float(x0)
    fy = cell_y - float(y0)
    fb = bin_pos - float(b0)
    for corner in range(8):
        dx = corner % 2
        dy = (corner // 2) % 2
        db = corner // 4
        cx = x0 + dx
        cy = y0 + dy
        # Skip cells outside the descriptor grid
        if cx >= 0 and cy >= 0 and cx < NUM_CELLS and cy < NUM_CELLS:
            # Wrap around: orientation bins are periodic
            orientation = (b0 + db) % NUM_BINS
            weight_x = wp.where(dx == 1, fx, 1.0 - fx)
            weight_y = wp.where(dy == 1, fy, 1.0 - fy)
            weight_b = wp.where(db == 1, fb, 1.0 - fb)
            slot = (cy * NUM_CELLS + cx) * NUM_BINS + orientation
            descriptors[keypoint_index, slot] += weight_x * weight_y * weight_b * magnitude
'''

_NEAREST = '''
@wp.func
def scatter_sample(
    descriptors: wp.array2d(dtype=float),
    keypoint_index: int,
    cell_x: float,
    cell_y: float,
    bin_pos: float,
    magnitude: float,
):
    """Accumulate a gradient sample into its cell, interpolating linearly between orientation bins."""
    cx = int(wp.floor(cell_x + 0.5))
    cy = int(wp.floor(cell_y + 0.5))
    b0 = int(wp.floor(bin_pos))
    fb = bin_pos - float(b0)
    base = (cy * NUM_CELLS + cx) * NUM_BINS
    descriptors[keypoint_index, base + b0 % NUM_BINS] += (1.0 - fb) * magnitude
    descriptors[keypoint_index, base + (b0 + 1) % NUM_BINS] += fb * magnitude
'''

_NORMALIZE = '''
@wp.func
def normalize_descriptor(descriptors: wp.array2d(dtype=float), keypoint_index: int):
    """$doc"""
    norm_sq = float(0.0)
    for slot in range(descriptors.shape[1]):
        norm_sq += descriptors[keypoint_index, slot] * descriptors[keypoint_index, slot]
    inv_norm = 1.0 / wp.max(wp.sqrt(norm_sq), 1.0e-6)
    $rest
'''

_SCALINGS = {
    "none": ("", ""),
    "l2": (
        "Normalize a descriptor to unit length.",
        """
        for slot in range(descriptors.shape[1]):
            descriptors[keypoint_index, slot] = inv_norm * descriptors[keypoint_index, slot]
        """,
    ),
    "l2 clipped": (
        "Normalize to unit length, clip large components, then renormalize.",
        """
        clipped_sq = float(0.0)
        for slot in range(descriptors.shape[1]):
            # Clip to reduce the influence of large gradients, e.g. from illumination changes
            component = wp.min(inv_norm * descriptors[keypoint_index, slot], CLIP)
            descriptors[keypoint_index, slot] = component
            clipped_sq += component * component
        inv_clipped = 1.0 / wp.max(wp.sqrt(clipped_sq), 1.0e-6)
        for slot in range(descriptors.shape[1]):
            descriptors[keypoint_index, slot] = inv_clipped * descriptors[keypoint_index, slot]
        """,
    ),
    "root": ("", ""),
}


@DOMAIN.algorithm(
    source="Lowe 2004, Distinctive image features from scale-invariant keypoints, sec. 6; Arandjelovic & Zisserman 2012",
    names={
        "describe_keypoints": "sift_descriptors|compute_descriptors|extract_sift|keypoint_histograms",
        "keypoint_index": "kp|keypoint_id|feature_index",
        "pyramid": "gaussian_pyramid|octaves|blurred_images",
        "descriptors": "descriptor_out|histograms|features",
        "magnitude": "gradient_magnitude|strength|mag",
        "slot": "entry|k",
    },
    weight=8,
)
def describe_keypoints(d: Draft) -> None:
    """Computes a gradient-orientation histogram descriptor for each keypoint."""
    spread = d.option("spread", "trilinear", "nearest")
    scaling = d.option("scaling", *_SCALINGS)
    window = d.option("window", "gaussian", "flat")
    gradient = d.option("gradient", "pixel", "bilinear")
    capped = d.flag("counter", 0.5)
    orientation = d.option("orientation", "rotated", "upright")
    n, rows, cols, octaves = d.pick(6, 8), d.pick(18, 20), d.pick(18, 22), d.pick(2, 3)
    cells, bins, samples = d.pick(2, 3), d.pick(4, 8), d.pick(6, 8)
    slots = cells * cells * bins
    d.input(
        "pyramid",
        "float",
        (octaves, rows, cols),
        0.0,
        1.0,
        about="Blurred images, padded to the same size, shape (octaves, height, width)",
    )
    fields = {"position": fill(1.0, 17.0), "scale": fill(1.5, 2.5)}
    if orientation == "rotated":
        fields["angle"] = fill(-3.0, 3.0)
    fields["octave"] = fill(-1, octaves)
    d.struct(
        "keypoints",
        KEYPOINT if orientation == "rotated" else UPRIGHT_KEYPOINT,
        fields,
        n,
        about="Keypoints, octave is -1 if rejected",
    )
    if capped:
        d.input(
            "keypoint_count",
            "int",
            1,
            n // 2,
            n + 3,
            about="Number of detected keypoints, may exceed the array size",
        )
    d.param("num_samples", "int", samples, about="Samples per window side")
    d.output(
        "descriptors",
        "float",
        (n, slots),
        about=f"Descriptor array to accumulate into, must be zeroed, shape (num_keypoints, {slots})",
    )
    d.module(f"NUM_CELLS = wp.constant({cells})")
    d.module(f"NUM_BINS = wp.constant({bins})")
    clip = round(0.2 * (128 / slots) ** 0.5, 2)  # as much above an even component as Lowe's 0.2 is of 128
    if scaling == "l2 clipped":
        d.module(f"CLIP = wp.constant({clip})")
    d.function(_SCATTER if spread == "trilinear" else _NEAREST)
    doc, rest = _SCALINGS[scaling]
    if scaling == "root":
        d.function('''
            @wp.func
            def normalize_descriptor(descriptors: wp.array2d(dtype=float), keypoint_index: int):
                """RootSIFT: L1-normalize the descriptor and take element-wise square roots."""
                component_sum = float(0.0)
                for slot in range(descriptors.shape[1]):
                    component_sum += descriptors[keypoint_index, slot]
                inv_sum = 1.0 / wp.max(component_sum, 1.0e-6)
                # Euclidean distance now corresponds to the Hellinger kernel
                for slot in range(descriptors.shape[1]):
                    descriptors[keypoint_index, slot] = wp.sqrt(inv_sum * descriptors[keypoint_index, slot])
        ''')
    elif scaling != "none":
        d.function(_NORMALIZE, doc=doc, rest=rest)
    if scaling != "none":
        d.forward_only()
    if gradient == "bilinear":
        d.function('''
            @wp.func
            def sample_octave(pyramid: wp.array3d(dtype=float), octave: int, x: float, y: float) -> float:
                """Sample an octave bilinearly with clamp-to-edge addressing."""
                x = wp.clamp(x, 0.0, float(pyramid.shape[2]) - 1.001)
                y = wp.clamp(y, 0.0, float(pyramid.shape[1]) - 1.001)
                col = int(wp.floor(x))
                row = int(wp.floor(y))
                a = x - float(col)
                b = y - float(row)
                upper = (1.0 - a) * pyramid[octave, row, col] + a * pyramid[octave, row, col + 1]
                lower = (1.0 - a) * pyramid[octave, row + 1, col] + a * pyramid[octave, row + 1, col + 1]
                return (1.0 - b) * upper + b * lower
        ''')
    d.launch(n)
    d.code(
        """
        keypoint_index = wp.tid()
        $capped
        keypoint = keypoints[keypoint_index]
        # Skip keypoints rejected by the detector
        if keypoint.octave < 0:
            return

        $axes
        mid_cell = 0.5 * float(NUM_CELLS - 1)
        cell_step = float(NUM_CELLS) / float(num_samples)
        mid_sample = 0.5 * float(num_samples - 1)
        for sample_row in range(num_samples):
            for sample_col in range(num_samples):
                # Offset from the keypoint in cell units
                u = cell_step * (float(sample_col) - mid_sample)
                v = cell_step * (float(sample_row) - mid_sample)
                $place
                $gradient
                $magnitude
                $window
                $angle
                bin_pos = $turn * float(NUM_BINS) / (2.0 * wp.pi)
                scatter_sample(
                    descriptors, keypoint_index, u + mid_cell, v + mid_cell, bin_pos, magnitude
                )
        $normalize
        """,
        capped="""
            # Detections beyond the array size were dropped
            if keypoint_index >= wp.min(keypoint_count[0], keypoints.shape[0]):
                return
            """
        if capped
        else "",
        axes="""
            # Rotate the window to the dominant orientation
            cos_angle = wp.cos(keypoint.angle)
            sin_angle = wp.sin(keypoint.angle)
            """
        if orientation == "rotated"
        else "",
        place="""
            px = keypoint.position[0] + keypoint.scale * (cos_angle * u - sin_angle * v)
            py = keypoint.position[1] + keypoint.scale * (sin_angle * u + cos_angle * v)
            """
        if orientation == "rotated"
        else """
            px = keypoint.position[0] + keypoint.scale * u
            py = keypoint.position[1] + keypoint.scale * v
            """,
        gradient={
            "pixel": """
                col = int(wp.floor(px + 0.5))
                row = int(wp.floor(py + 0.5))
                # Central differences need a one-pixel margin
                if col < 1 or row < 1 or col >= pyramid.shape[2] - 1 or row >= pyramid.shape[1] - 1:
                    continue
                gx = 0.5 * (pyramid[keypoint.octave, row, col + 1] - pyramid[keypoint.octave, row, col - 1])
                gy = 0.5 * (pyramid[keypoint.octave, row + 1, col] - pyramid[keypoint.octave, row - 1, col])
                """,
            "bilinear": """
                gx = 0.5 * (
                    sample_octave(pyramid, keypoint.octave, px + 1.0, py)
                    - sample_octave(pyramid, keypoint.octave, px - 1.0, py)
                )
                gy = 0.5 * (
                    sample_octave(pyramid, keypoint.octave, px, py + 1.0)
                    - sample_octave(pyramid, keypoint.octave, px, py - 1.0)
                )
                """,
        }[gradient],
        magnitude="# Small epsilon keeps the square root differentiable at zero\nmagnitude = wp.sqrt(gx * gx + gy * gy + 1.0e-8)"
        if scaling == "none"
        else "magnitude = wp.sqrt(gx * gx + gy * gy)",
        window="""
            # Gaussian window, sigma is half the descriptor width
            magnitude *= wp.exp(-2.0 * (u * u + v * v) / float(NUM_CELLS * NUM_CELLS))
            """
        if window == "gaussian"
        else "",
        angle={
            "rotated": """
                relative = wp.atan2(gy, gx) - keypoint.angle
                # Wrap to [0, 2 pi)
                relative -= 2.0 * wp.pi * wp.floor(relative / (2.0 * wp.pi))
                """,
            "upright": """
                direction = wp.atan2(gy, gx)
                if direction < 0.0:
                    direction += 2.0 * wp.pi
                """,
        }[orientation],
        turn="relative" if orientation == "rotated" else "direction",
        normalize="normalize_descriptor(descriptors, keypoint_index)" if scaling != "none" else "",
    )
    turning = ", and turns with it" if orientation == "rotated" else ", and stays upright"
    turning += "; samples farther from it count less" if window == "gaussian" else ""
    scaled = {
        "none": "",
        "l2": "Descriptors are L2-normalized.",
        "l2 clipped": "Descriptors are normalized, clipped and renormalized.",
        "root": "Descriptors are L1-normalized, then square-rooted (RootSIFT).",
    }[scaling]
    d.explain(f"""
        The `num_samples` x `num_samples` window is divided into {cells} x {cells} cells with {bins} orientation
        bins each. The window scales with the keypoint{turning}. {scaled}
    """)

    def agrees(v: Values, after: Values) -> None:
        live = np.asarray(v["keypoints.octave"]) >= 0
        if capped:
            live &= np.arange(n) < v.keypoint_count[0]
        made = np.zeros((n, slots))
        for i in np.nonzero(live)[0].tolist():
            made[i] = _described(
                v, i, (cells, bins, samples), (spread, window, gradient, orientation, scaling)
            )
        mostly_close(after.descriptors, made, 1e-2, 0.93)

    d.holds(agrees)


def _described(v: Values, i: int, sizes: tuple[int, int, int], how: tuple[str, ...]) -> Any:
    """One keypoint's histograms."""
    cells, bins, samples = sizes
    spread, window, gradient, orientation, scaling = how
    image = v.pyramid[v["keypoints.octave"][i]]
    angle = v["keypoints.angle"][i] if orientation == "rotated" else 0.0
    y, x = (
        a.reshape(-1)
        for a in np.meshgrid(*[cells / samples * (np.arange(samples) - (samples - 1) / 2)] * 2, indexing="ij")
    )
    px = v["keypoints.position"][i][0] + v["keypoints.scale"][i] * (np.cos(angle) * x - np.sin(angle) * y)
    py = v["keypoints.position"][i][1] + v["keypoints.scale"][i] * (np.sin(angle) * x + np.cos(angle) * y)
    rows, cols = image.shape

    def at(a: Any, b: Any) -> Any:
        a, b = np.clip(a, 0.0, cols - 1.001), np.clip(b, 0.0, rows - 1.001)
        c, r = np.floor(a).astype(int), np.floor(b).astype(int)
        s, t = a - c, b - r
        upper = (1 - s) * image[r, c] + s * image[r, c + 1]
        return (1 - t) * upper + t * ((1 - s) * image[r + 1, c] + s * image[r + 1, c + 1])

    inside = np.ones(len(px), bool)
    if gradient == "pixel":
        c, r = np.floor(px + 0.5).astype(int), np.floor(py + 0.5).astype(int)
        inside = (c >= 1) & (r >= 1) & (c < cols - 1) & (r < rows - 1)
        c, r = np.clip(c, 1, cols - 2), np.clip(r, 1, rows - 2)
        gx, gy = 0.5 * (image[r, c + 1] - image[r, c - 1]), 0.5 * (image[r + 1, c] - image[r - 1, c])
    else:
        gx, gy = 0.5 * (at(px + 1, py) - at(px - 1, py)), 0.5 * (at(px, py + 1) - at(px, py - 1))
    size = np.where(inside, np.sqrt(gx**2 + gy**2 + 1e-8), 0.0)
    if window == "gaussian":
        size = size * np.exp(-2.0 / cells**2 * (x**2 + y**2))
    position = np.mod(np.arctan2(gy, gx) - angle, 2 * np.pi) * bins / (2 * np.pi)
    made = np.zeros((cells, cells, bins))
    grid = np.arange(cells) - (cells - 1) / 2
    for k in range(len(px)):
        far = np.abs(position[k] - np.arange(bins))
        turn = np.maximum(1.0 - np.minimum(far, bins - far), 0.0)
        sides = [np.maximum(1.0 - np.abs(grid - w), 0.0) for w in (y[k], x[k])]
        if spread == "nearest":
            sides = [np.floor(w + (cells - 1) / 2 + 0.5) == np.arange(cells) for w in (y[k], x[k])]
        made += size[k] * np.einsum("a,b,c->abc", sides[0].astype(float), sides[1].astype(float), turn)
    flat: Any = made.reshape(-1)
    if scaling == "root":
        return np.sqrt(flat / max(flat.sum(), 1e-6))
    if scaling != "none":
        flat = flat / max(np.linalg.norm(flat), 1e-6)
    if scaling == "l2 clipped":
        flat = np.minimum(flat, round(0.2 * (128 / flat.size) ** 0.5, 2))
        flat = flat / max(np.linalg.norm(flat), 1e-6)
    return flat
