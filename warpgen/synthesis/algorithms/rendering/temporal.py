"""Frames held against their past: temporal antialiasing."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.algorithms.rendering._history import HISTORY, looked_up
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

_YCOCG = '''
@wp.func
def to_ycocg(c: wp.vec3) -> wp.vec3:
    """Convert RGB to YCoCg, where neighborhood color boxes are tighter."""
    return wp.vec3(
        0.25 * c[0] + 0.5 * c[1] + 0.25 * c[2], 0.5 * c[0] - 0.5 * c[2], -0.25 * c[0] + 0.5 * c[1] - 0.25 * c[2]
    )


@wp.func
def from_ycocg(c: wp.vec3) -> wp.vec3:
    """Convert YCoCg back to RGB."""
    low = c[0] - c[2]
    return wp.vec3(low + c[1], c[0] + c[2], low - c[1])
'''

_BOUNDS = {
    False: '''
@wp.func
def neighborhood_box(image: wp.array2d(dtype=wp.vec3), row: int, col: int):
    """Min and max color over the 3x3 neighborhood."""
    center = $center
    lower = center
    upper = center
    for m in range(-1, 2):
        r = wp.clamp(row + m, 0, image.shape[0] - 1)
        for n in range(-1, 2):
            c = wp.clamp(col + n, 0, image.shape[1] - 1)
            near = $sample
            lower = wp.min(lower, near)
            upper = wp.max(upper, near)
    return lower, upper
''',
    True: '''
@wp.func
def neighborhood_box(image: wp.array2d(dtype=wp.vec3), row: int, col: int, gamma: float):
    """Variance-clipping box: 3x3 neighborhood mean -/+ gamma standard deviations."""
    first = wp.vec3(0.0, 0.0, 0.0)
    second = wp.vec3(0.0, 0.0, 0.0)
    for m in range(-1, 2):
        r = wp.clamp(row + m, 0, image.shape[0] - 1)
        for n in range(-1, 2):
            c = wp.clamp(col + n, 0, image.shape[1] - 1)
            near = $sample
            first += near
            second += wp.cw_mul(near, near)
    mean = first / 9.0
    # Avoid negative variance from rounding errors
    var = wp.max(second / 9.0 - wp.cw_mul(mean, mean), wp.vec3(1.0e-6, 1.0e-6, 1.0e-6))
    sigma = wp.vec3(wp.sqrt(var[0]), wp.sqrt(var[1]), wp.sqrt(var[2]))
    return mean - gamma * sigma, mean + gamma * sigma
''',
}


@DOMAIN.algorithm(
    source="Karis 2014, High-quality temporal supersampling; Pedersen 2016, Temporal reprojection anti-aliasing in INSIDE; Salvi 2016 (variance clipping); Yang, Liu & Salvi 2020",
    names={
        "resolve_temporally": "taa_resolve|temporal_antialiasing|resolve_taa|blend_history",
        "current": "frame|new_frame|frame_color",
        "history": "previous_frame|accumulated|history_color",
        "motion": "motion_vectors|velocity|flow",
        "resolved": "output_frame|stable|filtered",
        "frame_weight": "blend_factor|current_weight",
        "lower": "box_min|cmin|aabb_min",
        "upper": "box_max|cmax|aabb_max",
        "past": "prev|old|h",
    },
    weight=5,
)
def resolve_temporally(d: Draft) -> None:
    """Blends the current frame with reprojected history (temporal antialiasing)."""
    filtering = d.option("filter", *HISTORY)
    rectify = d.option("rectify", "clamp", "clip", "none")
    variance = d.flag("variance") if rectify != "none" else False
    ycocg = d.flag("ycocg")
    dilated = d.flag("dilated", 0.4)
    rejected = d.option("reject", "none", "depth", "object")
    blend = d.option("blend", "constant", "speed", "contrast", "count")
    weighed = d.flag("weighed", 0.4)
    jitter = d.flag("jitter", 0.4)
    rows, cols, oldest = d.pick(8, 10), d.pick(9, 12), d.pick(8.0, 10.0)
    size = (rows, cols)
    d.input("current", "vec3", size, 0.0, 1.0, about="Current frame color")
    d.input("history", "vec3", size, 0.0, 1.0, about="Accumulated history color")
    d.input("motion", "vec2", size, -2.6, 2.6, about="Per-pixel motion vectors since the previous frame [px]")
    if dilated or rejected == "depth":
        d.input("depth", "float", size, 1.0, 4.0, about="Current frame linear depth")
    if rejected == "depth":
        d.input("previous_depth", "float", size, 1.0, 4.0, about="Previous frame linear depth")
        d.param("depth_tolerance", "float", 0.2, 0.4, about="Relative depth threshold for disocclusion")
    if rejected == "object":
        d.input("object_id", "int", size, 0, 2, about="Current frame object IDs")
        d.input("previous_id", "int", size, 0, 2, about="Previous frame object IDs")
    if jitter:
        d.param("jitter", "vec2", -0.5, 0.5, about="Camera jitter delta included in the motion vectors [px]")
    if variance:
        d.param("gamma", "float", 0.9, 1.4, about="Color box half-size in standard deviations")
    trusted = {"speed": " for static pixels", "contrast": " when the history luma matches"}.get(blend, "")
    if blend == "count":
        d.input(
            "previous_age", "float", size, 1.0, oldest, about="Number of accumulated frames before this one"
        )
    else:
        d.param("frame_weight", "float", 0.05, 0.2, about="Current frame weight" + trusted)
    d.output("resolved", "vec3", size, about="Blended color")
    if blend == "count":
        d.output("age", "float", size, about="Number of accumulated frames per pixel")
    convert = "to_ycocg({})" if ycocg else "{}"
    if ycocg:
        d.function(_YCOCG)
    if filtering != "nearest":
        d.function(HISTORY[filtering])
    if rectify != "none":
        d.function(
            _BOUNDS[variance], center=convert.format("image[row, col]"), sample=convert.format("image[r, c]")
        )
    if rectify == "clip":
        d.function('''
        @wp.func
        def clip_to_box(point: wp.vec3, lower: wp.vec3, upper: wp.vec3) -> wp.vec3:
            """Clip a color to the box by moving it toward the box center."""
            middle = 0.5 * (lower + upper)
            half = 0.5 * (upper - lower) + wp.vec3(1.0e-4, 1.0e-4, 1.0e-4)
            offset = point - middle
            ratio = wp.cw_div(offset, half)
            farthest = wp.max(wp.abs(ratio))
            if farthest > 1.0:
                return middle + offset / farthest
            return point
        ''')
    keep_age = "\nage[row, col] = 1.0" if blend == "count" else ""
    move = "motion[row, col]"
    dilate = ""
    if dilated:
        move = "motion[near_row, near_col]"
        dilate = """
            # Use the motion vector of the closest surface in the neighborhood, so that moving edges are antialiased
            near_row = int(row)
            near_col = int(col)
            nearest_depth = float(depth[row, col])
            for m in range(-1, 2):
                for n in range(-1, 2):
                    r = wp.clamp(row + m, 0, current.shape[0] - 1)
                    c = wp.clamp(col + n, 0, current.shape[1] - 1)
                    if depth[r, c] < nearest_depth:
                        nearest_depth = depth[r, c]
                        near_row = r
                        near_col = c
            """
    where = """
        prev_row = int(wp.floor(y + 0.5))
        prev_col = int(wp.floor(x + 0.5))
        """
    reject = {
        "none": where if blend == "count" or filtering == "nearest" else "",
        "depth": where
        + """
        # Disocclusion: a different surface was visible, so reject the history
        change = wp.abs(previous_depth[prev_row, prev_col] - depth[row, col])
        if change > depth_tolerance * depth[row, col]:
            resolved[row, col] = current[row, col]$keep
            return

        """,
        "object": where
        + """
        # Reject history from other objects to avoid ghosting
        if previous_id[prev_row, prev_col] != object_id[row, col]:
            resolved[row, col] = current[row, col]$keep
            return

        """,
    }[rejected].replace("$keep", keep_age.replace("\n", "\n            "))
    luma = "fresh[0]" if ycocg else "wp.dot(fresh, wp.vec3(0.2126, 0.7152, 0.0722))"
    old_luma = luma.replace("fresh", "past")
    mix = {
        "constant": "",
        "speed": """
            # Reduce the history weight for fast motion, since $doubt
            speed = wp.length(step)
            alpha = wp.min(frame_weight * (1.0 + speed), 1.0)
            """,
        "contrast": f"""
            # Trust the history less when its luma differs (Pedersen)
            luma = {luma}
            past_luma = {old_luma}
            likeness = 1.0 - wp.abs(luma - past_luma) / wp.max(wp.max(luma, past_luma), MIN_LUMA)
            alpha = wp.lerp(UNLIKE_FACTOR * frame_weight, frame_weight, likeness * likeness)
            """,
        "count": """
            # Cumulative average at first, so that the first frame is not overweighted
            frames = wp.min(previous_age[prev_row, prev_col] + 1.0, MAX_AGE)
            alpha = 1.0 / frames
            age[row, col] = frames
            """,
    }[blend]
    share = "frame_weight" if blend == "constant" else "alpha"
    if blend == "count":
        d.module(f"MAX_AGE = wp.constant({oldest})")
    elif blend == "contrast":
        d.module(
            "UNLIKE_FACTOR = wp.constant(4.0)  # current frame weight multiplier at full luma mismatch\n"
            "MIN_LUMA = wp.constant(0.2)  # lower bound for relative differences, since dark regions are noisy"
        )
    d.launch(*size)
    d.code(
        """
        row, col = wp.tid()
        $dilate
        # Reproject to the previous frame
        step = $move$unjittered
        x = float(col) - step[0]
        y = float(row) - step[1]
        # No history outside the previous frame
        if x < -0.5 or y < -0.5 or x >= float(current.shape[1]) - 0.5 or y >= float(current.shape[0]) - 0.5:
            resolved[row, col] = current[row, col]$keep
            return

        $reject
        fresh = $color
        past = $past
        $rectify
        $mix
        $weigh
        resolved[row, col] = $back
        """,
        dilate=dilate,
        move=move,
        doubt="the nearest pixel may be off by half a pixel"
        if filtering == "nearest"
        else "resampling blurs it",
        unjittered=" - jitter" if jitter else "",
        keep=keep_age.replace("\n", "\n    "),
        reject=reject,
        color=convert.format("current[row, col]"),
        past=convert.format(
            "history[prev_row, prev_col]" if filtering == "nearest" else "sample_history(history, x, y)"
        ),
        rectify={
            "none": "",
            "clamp": """
                # Clip stale history to the neighborhood color range
                lower, upper = neighborhood_box(current, row, col$gamma)
                past = wp.min(wp.max(past, lower), upper)
                """,
            "clip": """
                # Clip toward the box center, which preserves hue better than per-channel clamping
                lower, upper = neighborhood_box(current, row, col$gamma)
                past = clip_to_box(past, lower, upper)
                """,
        }[rectify].replace("$gamma", ", gamma" if variance else ""),
        mix=mix,
        weigh=f"""
            # Weight by inverse luma to suppress fireflies (Karis)
            new_weight = {share} / (1.0 + {luma})
            old_weight = (1.0 - {share}) / (1.0 + {old_luma})
            blended = (new_weight * fresh + old_weight * past) / (new_weight + old_weight)
            """
        if weighed
        else f"blended = {share} * fresh + (1.0 - {share}) * past",
        back="from_ycocg(blended)" if ycocg else "blended",
    )
    box = "mean +/- `gamma` standard deviations" if variance else "the color range"
    held = {"clamp": "clamped", "clip": "clipped"}.get(rectify, "")
    told = f"History is {held} to {box} of the 3x3 neighborhood." if held else ""
    d.explain(f"""
        With sub-pixel camera jitter, the history average converges toward a supersampled
        image wherever the history is valid. {told}
    """)

    def agrees(v: Values, after: Values) -> None:
        to = np.array([[0.25, 0.5, 0.25], [0.5, 0.0, -0.5], [-0.25, 0.5, -0.25]]) if ycocg else np.eye(3)
        bright = np.array([1.0, 0.0, 0.0]) if ycocg else np.array([0.2126, 0.7152, 0.0722])
        made = [[resolved_at(v, i, j, to, bright) for j in range(cols)] for i in range(rows)]
        mostly_close(after.resolved, made, 5e-3)

    def resolved_at(v: Values, i: int, j: int, to: Any, bright: Any) -> Any:
        around = [
            (min(max(i + m, 0), rows - 1), min(max(j + n, 0), cols - 1))
            for m in (-1, 0, 1)
            for n in (-1, 0, 1)
        ]
        step = v.motion[min([(i, j), *around], key=lambda at: v.depth[at]) if dilated else (i, j)]
        step = step - (v.jitter if jitter else 0.0)
        x, y = np.array([j, i]) - step
        if not (-0.5 <= x < cols - 0.5 and -0.5 <= y < rows - 0.5):
            return v.current[i, j]
        at = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
        if (
            rejected == "depth"
            and abs(v.previous_depth[at] - v.depth[i, j]) > v.depth_tolerance * v.depth[i, j]
        ):
            return v.current[i, j]
        if rejected == "object" and v.previous_id[at] != v.object_id[i, j]:
            return v.current[i, j]
        color, past = to @ v.current[i, j], to @ looked_up(v.history, x, y, filtering)
        box = np.array([v.current[p] for p in around]) @ to.T
        low, high = box.min(0), box.max(0)
        if variance:
            spread = np.sqrt(np.maximum(box.var(0), 1e-6))
            low, high = box.mean(0) - v.gamma * spread, box.mean(0) + v.gamma * spread
        if rectify == "clamp":
            past = np.clip(past, low, high)
        elif rectify == "clip":
            far = np.abs((past - (low + high) / 2) / ((high - low) / 2 + 1e-4)).max()
            past = (low + high) / 2 + (past - (low + high) / 2) / max(far, 1.0)
        new, old = color @ bright, past @ bright
        alpha = {
            "constant": lambda: v.frame_weight,
            "speed": lambda: min(v.frame_weight * (1 + np.hypot(*step)), 1.0),
            "contrast": lambda: v.frame_weight * (4 - 3 * (1 - abs(new - old) / max(new, old, 0.2)) ** 2),
            "count": lambda: 1 / min(v.previous_age[at] + 1, oldest),
        }[blend]()
        a, b = alpha, 1 - alpha
        if weighed:
            a, b = a / (1 + new), b / (1 + old)
        return np.linalg.inv(to) @ ((a * color + b * past) / (a + b))

    d.holds(agrees)
