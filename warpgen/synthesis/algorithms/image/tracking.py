"""Points followed from frame to frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_PARAMS = '''
@wp.struct
class TrackerParams:
    """Tracker parameters; intensities in [0, 1], lengths in pixels."""

'''

_SAMPLE = '''
@wp.func
def sample_frame(frames: wp.array3d(dtype=float), frame: int, x: float, y: float) -> float:
    """Sample a frame bilinearly with clamp-to-edge addressing."""
    x = wp.clamp(x, 0.0, float(frames.shape[2]) - 1.001)
    y = wp.clamp(y, 0.0, float(frames.shape[1]) - 1.001)
    col = int(wp.floor(x))
    row = int(wp.floor(y))
    a = x - float(col)
    b = y - float(row)
    upper = (1.0 - a) * frames[frame, row, col] + a * frames[frame, row, col + 1]
    lower = (1.0 - a) * frames[frame, row + 1, col] + a * frames[frame, row + 1, col + 1]
    return (1.0 - b) * upper + b * lower


@wp.func
def frame_gradient(frames: wp.array3d(dtype=float), frame: int, x: float, y: float) -> wp.vec2:
    """$gradient_doc"""
    $gradient
'''

_GRADIENTS = {
    "central": (
        "Image gradient using central differences of the interpolated frame.",
        """
        return 0.5 * wp.vec2(
            sample_frame(frames, frame, x + 1.0, y) - sample_frame(frames, frame, x - 1.0, y),
            sample_frame(frames, frame, x, y + 1.0) - sample_frame(frames, frame, x, y - 1.0),
        )
        """,
    ),
    "scharr": (
        "Image gradient using Scharr derivatives, which are nearly rotation-invariant.",
        """
        right_up = sample_frame(frames, frame, x + 1.0, y - 1.0)
        right = sample_frame(frames, frame, x + 1.0, y)
        right_down = sample_frame(frames, frame, x + 1.0, y + 1.0)
        left_up = sample_frame(frames, frame, x - 1.0, y - 1.0)
        left_mid = sample_frame(frames, frame, x - 1.0, y)
        left_down = sample_frame(frames, frame, x - 1.0, y + 1.0)
        up = sample_frame(frames, frame, x, y - 1.0)
        down = sample_frame(frames, frame, x, y + 1.0)
        # Scharr weights (3, 10, 3) / 32
        gx = 3.0 * (right_up - left_up) + 10.0 * (right - left_mid) + 3.0 * (right_down - left_down)
        gy = 3.0 * (left_down - left_up) + 10.0 * (down - up) + 3.0 * (right_down - right_up)
        return wp.vec2(gx, gy) / 32.0
        """,
    ),
}

_SUMS = '''
@wp.func
def window_tensor(frames: wp.array3d(dtype=float), frame: int, center: wp.vec2) -> wp.vec3:
    """$sum of gradient products (xx, xy, yy) over the window."""
    tensor = wp.vec3(0.0)
    for dy in range(-HALF_WINDOW, HALF_WINDOW + 1):
        for dx in range(-HALF_WINDOW, HALF_WINDOW + 1):
            g = frame_gradient(frames, frame, center[0] + float(dx), center[1] + float(dy))
            $weight
            tensor += $w * wp.vec3(g[0] * g[0], g[0] * g[1], g[1] * g[1])
    return tensor


@wp.func
def window_mismatch(
    frames: wp.array3d(dtype=float), frame: int, center: wp.vec2, guess: wp.vec2
) -> wp.vec2:
    """$sum of gradient * (template - match), the Lucas-Kanade right-hand side."""
    mismatch = wp.vec2(0.0)
    for dy in range(-HALF_WINDOW, HALF_WINDOW + 1):
        for dx in range(-HALF_WINDOW, HALF_WINDOW + 1):
            px = center[0] + float(dx)
            py = center[1] + float(dy)
            template = sample_frame(frames, frame, px, py)
            moved = sample_frame(frames, frame + 1, guess[0] + float(dx), guess[1] + float(dy))
            $weight
            mismatch += $w * (template - moved) * frame_gradient(frames, frame, px, py)
    return mismatch
'''

_ERROR = '''
@wp.func
def window_error(frames: wp.array3d(dtype=float), frame: int, center: wp.vec2, guess: wp.vec2) -> float:
    """Mean absolute intensity difference between the window and its match."""
    difference = float(0.0)
    for dy in range(-HALF_WINDOW, HALF_WINDOW + 1):
        for dx in range(-HALF_WINDOW, HALF_WINDOW + 1):
            template = sample_frame(frames, frame, center[0] + float(dx), center[1] + float(dy))
            moved = sample_frame(frames, frame + 1, guess[0] + float(dx), guess[1] + float(dy))
            difference += wp.abs(template - moved)
    return difference / float((2 * HALF_WINDOW + 1) * (2 * HALF_WINDOW + 1))
'''


@DOMAIN.algorithm(
    source="Lucas & Kanade 1981; Shi & Tomasi 1994, Good features to track; Bouguet 2001",
    names={
        "track_features": "lucas_kanade|klt_track|track_points|optical_flow_lk",
        "frame": "pair|frame_index|t_index",
        "feature": "feature_id|point_index|keypoint",
        "frames": "images|image_stack|video",
        "features": "keypoints|points|feature_positions",
        "guess": "estimate|tracked_point|q",
        "status": "track_status|states",
    },
    weight=3,
)
def track_features(d: Draft) -> None:
    """Tracks feature points between consecutive frames using iterative Lucas-Kanade."""
    gradient = d.option("gradient", *_GRADIENTS)
    stop = d.option("iterations", "fixed", "converged")
    weighted = d.option("weights", "uniform", "gaussian")
    prediction = d.option("prediction", "none", "flow", "coarse")
    result = d.option("result", "position", "flow")
    if result == "flow":
        d.says("Computes feature point motion between frames using iterative Lucas-Kanade.")
    errors = d.flag("errors")
    test = d.option("test", "eigenvalue", "determinant")
    pairs, n = d.pick(2, 3), d.pick(10, 12, 16)
    rows, cols = d.pick(14, 16), d.pick(16, 18)
    half, most = d.pick(1, 2), d.pick(2, 3)
    size = (pairs, n)
    d.input(
        "frames",
        "float",
        (pairs + 1, rows, cols),
        0.0,
        1.0,
        about="Gray values, shape (num_frames, height, width)",
    )
    d.input("features", "vec2", size, 0.0, min(rows, cols) - 1.0, about="Feature positions (x, y) [px]")
    if prediction == "flow":
        d.input("predicted_flow", "vec2", size, -1.0, 1.0, about="Predicted motion [px]")
    elif prediction == "coarse":
        d.input("coarse_flow", "vec2", size, -0.5, 0.5, about="Flow from the next coarser pyramid level [px]")
    d.mask("active", "bool", size, about="Feature mask, False if lost in an earlier frame")
    fields = {"min_eigenvalue": fill(0.005, 0.02), "max_step": fill(0.2, 0.4), "damping": fill(0.3, 0.5)}
    if errors:
        fields["max_error"] = fill(0.2, 0.3)
    params = piece(_PARAMS + "".join(f"    {name}: float\n" for name in fields))
    d.struct("params", params, fields, about="Settings")
    out = "tracked" if result == "position" else "flow"
    d.output(
        out,
        "vec2",
        size,
        about=("Tracked position in the next frame [px]" if result == "position" else "Feature motion [px]")
        + ", only written if tracked",
    )
    d.output("status", "int", size, about="1 if tracked, 0 if skipped, negative if lost")
    if errors:
        d.output(
            "errors",
            "float",
            size,
            about="Mean absolute window difference, only written if the match is inside the frame",
        )
    d.module(f"HALF_WINDOW = wp.constant({half})")
    d.module("TRACK_OK = wp.constant(1)")
    d.module("TRACK_SKIPPED = wp.constant(0)")
    d.module("TRACK_FLAT = wp.constant(-1)")
    d.module("TRACK_OUTSIDE = wp.constant(-2)")
    if errors:
        d.module("TRACK_MISMATCH = wp.constant(-3)")
    if stop == "converged":
        d.module("MAX_ITERATIONS = wp.constant(8)")
        d.forward_only()
    doc, lines = _GRADIENTS[gradient]
    d.function(_SAMPLE, gradient_doc=doc, gradient=lines)
    d.function(
        _SUMS,
        sum="Weighted sum" if weighted == "gaussian" else "Sum",
        weight="# Gaussian weight with a variance of 2 px^2\nw = wp.exp(-0.25 * float(dx * dx + dy * dy))"
        if weighted == "gaussian"
        else "",
        w="w" if weighted == "gaussian" else "1.0",
    )
    if weighted == "uniform":
        d.functions[-1] = d.functions[-1].replace("1.0 * ", "")
    if errors:
        d.function(_ERROR)
    d.launch(*size)
    d.code(
        """
        frame, feature = wp.tid()
        center = features[frame, feature]
        # Skip features lost earlier
        if not active[frame, feature]:
            status[frame, feature] = TRACK_SKIPPED
            return

        # G = sum $w(Ix^2, Ix Iy, Iy^2)
        tensor = window_tensor(frames, frame, center)
        $test
            status[frame, feature] = TRACK_FLAT
            return

        # Levenberg damping stabilizes weakly textured windows
        gxx = tensor[0] + params.damping
        gyy = tensor[2] + params.damping
        inv_det = 1.0 / (gxx * gyy - tensor[1] * tensor[1])
        guess = $guess
        for _ in range($most):
            b = window_mismatch(frames, frame, center, guess)
            # Solve the damped 2x2 system for d
            update = inv_det * wp.vec2(gyy * b[0] - tensor[1] * b[1], gxx * b[1] - tensor[1] * b[0])
            update_length = wp.length(update)
            if update_length > params.max_step:
                update = update * (params.max_step / update_length)
            guess += update
            $stop

        if guess[0] < 0.0 or guess[1] < 0.0:
            status[frame, feature] = TRACK_OUTSIDE
            return
        if guess[0] > float(frames.shape[2] - 1) or guess[1] > float(frames.shape[1] - 1):
            status[frame, feature] = TRACK_OUTSIDE
            return

        $error
        status[frame, feature] = TRACK_OK
        $store
        """,
        test={
            "eigenvalue": """
                # Reject edges and flat regions, where the smaller eigenvalue of G is low
                half_trace = 0.5 * (tensor[0] + tensor[2])
                half_gap = 0.5 * (tensor[0] - tensor[2])
                smaller = half_trace - wp.sqrt(half_gap * half_gap + tensor[1] * tensor[1])
                if smaller < params.min_eigenvalue:
                """,
            "determinant": """
                # det(G) / trace(G) approximates the smaller eigenvalue to within a factor of two
                trace = tensor[0] + tensor[2]
                det = tensor[0] * tensor[2] - tensor[1] * tensor[1]
                if det < params.min_eigenvalue * trace:
                """,
        }[test],
        guess={
            "none": "center",
            "flow": "center + predicted_flow[frame, feature]",
            "coarse": "center + 2.0 * coarse_flow[frame, feature]",
        }[prediction],
        w="w " if weighted == "gaussian" else "",
        most=str(most) if stop == "fixed" else "MAX_ITERATIONS",
        stop="# Converged to 0.05 px\nif update_length < 0.05:\n    break" if stop == "converged" else "",
        error="""
            # Reject matches with a large residual
            mean_error = window_error(frames, frame, center, guess)
            errors[frame, feature] = mean_error
            if mean_error > params.max_error:
                status[frame, feature] = TRACK_MISMATCH
                return
            """
        if errors
        else "",
        store="tracked[frame, feature] = guess"
        if result == "position"
        else "flow[frame, feature] = guess - center",
    )
    d.explain("""
        Each iteration solves (G + damping I) d = b for the displacement d, at most `max_step` long, with the
        gradients evaluated once in the first frame. Positions are (x, y) with pixel centers at integers.
    """)

    def agrees(v: Values, after: Values) -> None:
        made, state, error = np.zeros((*size, 2)), np.zeros(size, int), np.zeros(size)
        for k, i in np.ndindex(size):
            if v.active[k, i]:
                start = np.zeros(2)
                if prediction == "flow":
                    start = v.predicted_flow[k, i]
                elif prediction == "coarse":
                    start = 2.0 * v.coarse_flow[k, i]
                most_ = most if stop == "fixed" else 8
                made[k, i], state[k, i], error[k, i] = _tracked(
                    v, k, v.features[k, i], start, half, most_, (gradient, stop, weighted, test), errors
                )
        if result == "flow":
            made = np.where((state == 1)[..., None], made - v.features, 0.0)
        same = np.asarray(after.status) == state
        assert same.mean() > 0.9
        mostly_close(np.where(same[..., None], after[out], made), made, 2e-2, 0.9)
        if errors:
            mostly_close(np.where(same, after.errors, error), error, 2e-2, 0.9)

    d.holds(agrees)


def _tracked(
    v: Values, k: int, center: Any, start: Any, half: int, most: int, how: tuple[str, ...], errors: bool
) -> tuple[Any, int, float]:
    """Where a feature goes, its status and the error of the match."""
    gradient, stop, weighted, test = how

    def at(frame: int, x: Any, y: Any) -> Any:
        image = v.frames[frame]
        x, y = np.clip(x, 0.0, image.shape[1] - 1.001), np.clip(y, 0.0, image.shape[0] - 1.001)
        j, i = np.floor(x).astype(int), np.floor(y).astype(int)
        a, b = x - j, y - i
        upper = (1 - a) * image[i, j] + a * image[i, j + 1]
        return (1 - b) * upper + b * ((1 - a) * image[i + 1, j] + a * image[i + 1, j + 1])

    dy, dx = np.meshgrid(*[np.arange(-half, half + 1)] * 2, indexing="ij")
    x, y = center[0] + dx, center[1] + dy
    sides = {"central": {0: 0.5}, "scharr": {-1: 3 / 32, 0: 10 / 32, 1: 3 / 32}}[gradient]
    gx = sum(w * (at(k, x + 1, y + s) - at(k, x - 1, y + s)) for s, w in sides.items())
    gy = sum(w * (at(k, x + s, y + 1) - at(k, x + s, y - 1)) for s, w in sides.items())
    w = np.exp(-0.25 * (dx**2 + dy**2)) if weighted == "gaussian" else np.ones(dx.shape)
    g = np.array([[(w * gx * gx).sum(), (w * gx * gy).sum()], [(w * gx * gy).sum(), (w * gy * gy).sum()]])
    least = v["params.min_eigenvalue"]
    flat = (
        np.linalg.eigvalsh(g)[0] < least if test == "eigenvalue" else np.linalg.det(g) < least * np.trace(g)
    )
    if flat:
        return np.zeros(2), -1, 0.0
    guess = center + start
    for _ in range(most):
        change = w * (at(k, x, y) - at(k + 1, guess[0] + dx, guess[1] + dy))
        step = np.linalg.solve(
            g + v["params.damping"] * np.eye(2), [(change * gx).sum(), (change * gy).sum()]
        )
        length = np.linalg.norm(step)
        guess = guess + step * min(1.0, v["params.max_step"] / max(length, 1e-12))
        if stop == "converged" and length < 0.05:
            break
    last = np.array(v.frames[0].shape[::-1]) - 1
    if np.any(guess < 0.0) or np.any(guess > last):
        return np.zeros(2), -2, 0.0
    error = float(np.abs(at(k, x, y) - at(k + 1, guess[0] + dx, guess[1] + dy)).mean())
    if errors and error > v["params.max_error"]:
        return np.zeros(2), -3, error
    return guess, 1, error
