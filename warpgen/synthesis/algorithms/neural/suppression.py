"""Boxes of detectors: which of them stay."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.algorithms.neural._boxes import corners, overlap
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Neubeck & Van Gool 2006; Bodla et al. 2017 (soft NMS); Zheng et al. 2020 (DIoU-NMS)",
    names={
        "suppress_boxes": "nms_kernel|non_max_suppression|greedy_nms|filter_detections",
        "boxes": "bboxes|detections|rois",
        "scores": "confidence|conf|probs",
        "image": "tid|batch|frame_id",
        "kept": "selected|keep|survivors",
        "threshold": "iou_threshold|max_overlap|nms_thresh",
        "best": "top|leader|current",
    },
    adjoint="no",
    element="image",
)
def suppress_boxes(d: Draft) -> None:
    """Performs greedy non-maximum suppression per image."""
    decay = d.option("decay", "hard", "linear", "gaussian")
    measure = d.option("overlap", "iou", "smaller", "diou")
    classes = d.flag("classes", 0.5)
    order = d.option("order", "search", "sorted")
    form = d.option("form", "corners", "centers")
    result = d.option("result", "flags", "list", "scores")
    capped = d.flag("limit", 0.5)
    least = d.flag("least area", 0.4)
    images, n = d.pick(10, 12, 16), d.pick(10, 12, 14)
    settled = "taken" if result == "list" else "kept"  # flags and ranks tell what is settled
    if decay != "hard":
        order = "search"  # scores change on the way
    d.input(
        "boxes",
        "vec4",
        (images, n),
        1.0,
        4.0,
        about="Boxes as center and size" if form == "centers" else "Boxes as lower corner and size",
    )
    if decay != "hard":
        d.calls("soft_nms|soft_suppression|decay_detections")
        d.says(
            "Selects boxes per image, decaying the scores of overlapping boxes (soft non-maximum suppression)."
        )
    d.inout(
        "scores",
        "float",
        (images, n),
        0.05,
        1.0,
        "ascending" if order == "sorted" else "uniform",
        about=(
            "Confidence scores, sorted in ascending order per image" if order == "sorted" else "Confidence"
        )
        + (", 0 once suppressed" if decay == "hard" else ", lowered by overlaps"),
    )
    if classes:
        d.input("labels", "int", (images, n), 0, 3, about="Class index per box")
    if decay != "gaussian":
        d.param("threshold", "float", 0.2, 0.5, about="Overlap threshold")
    d.param("score_threshold", "float", 0.08, 0.2, about="Minimum score")
    if decay == "gaussian":
        d.param("sigma", "float", 0.3, 0.6, about="Gaussian decay width")
    if capped:
        d.param("max_detections", "int", 3, 6, about="Maximum number of boxes per image")
    if least:
        d.param("min_area", "float", 1.5, 3.0, about="Minimum box area")
    d.output(
        "kept",
        "int",
        (images, n),
        about={
            "flags": "1 for kept boxes",
            "list": "Kept box indices in order of selection, padded with -1",
            "scores": "Rank of each box, 0 if dropped",
        }[result],
    )
    if result == "list":
        d.output("num_kept", "int", images, about="Number of kept boxes")
    d.function(
        '''
        @wp.func
        def box_overlap(a: wp.vec4, b: wp.vec4) -> float:
            """$what of two boxes, 0 if disjoint."""
            $bounds
            width = wp.min(a_hi[0], b_hi[0]) - wp.max(a_lo[0], b_lo[0])
            height = wp.min(a_hi[1], b_hi[1]) - wp.max(a_lo[1], b_lo[1])
            if width <= 0.0 or height <= 0.0:
                return $none
            shared = width * height
            area_a = a[2] * a[3]
            area_b = b[2] * b[3]
            $value
        ''',
        what={
            "iou": "Intersection over union",
            "smaller": "Intersection over the smaller area",
            "diou": "Intersection over union less the normalized squared distance of centers",
        }[measure],
        bounds=(
            """
            half_a = wp.vec2(0.5 * a[2], 0.5 * a[3])
            half_b = wp.vec2(0.5 * b[2], 0.5 * b[3])
            a_lo = wp.vec2(a[0], a[1]) - half_a
            a_hi = wp.vec2(a[0], a[1]) + half_a
            b_lo = wp.vec2(b[0], b[1]) - half_b
            b_hi = wp.vec2(b[0], b[1]) + half_b
            """
            if form == "centers"
            else """
            a_lo = wp.vec2(a[0], a[1])
            a_hi = wp.vec2(a[0] + a[2], a[1] + a[3])
            b_lo = wp.vec2(b[0], b[1])
            b_hi = wp.vec2(b[0] + b[2], b[1] + b[3])
            """
        ),
        none="0.0",
        value={
            "iou": "return shared / (area_a + area_b - shared)",
            "smaller": "# A box fully inside another counts as covered\nreturn shared / wp.min(area_a, area_b)",
            "diou": """
                hull_w = wp.max(a_hi[0], b_hi[0]) - wp.min(a_lo[0], b_lo[0])
                hull_h = wp.max(a_hi[1], b_hi[1]) - wp.min(a_lo[1], b_lo[1])
                gap = 0.5 * (a_lo + a_hi - b_lo - b_hi)
                distance = wp.length_sq(gap) / (hull_w * hull_w + hull_h * hull_h)
                return shared / (area_a + area_b - shared) - distance
                """,
        }[measure],
    )
    if order == "search":
        d.function('''
            @wp.func
            def best_remaining(scores: wp.array2d(dtype=float), settled: wp.array2d(dtype=int), image: int, least: float) -> int:
                """Returns the highest-scoring remaining box, or -1 if none is above the minimum score."""
                best = int(-1)
                highest = float(least)
                for k in range(scores.shape[1]):
                    if settled[image, k] == 0 and scores[image, k] > highest:
                        highest = scores[image, k]
                        best = k
                return best
        ''')
        if result == "list":
            d.inout("taken", "int", (images, n), value=0, about="Scratch flags, 0 for undecided boxes")
    reduce = {
        "hard": "scores[image, other] = 0.0",
        "linear": """
            # Soft NMS: linear score decay with overlap
            scores[image, other] = scores[image, other] * (1.0 - overlap)
            """,
        "gaussian": """
            # Soft NMS: Gaussian decay without a hard threshold
            scores[image, other] = scores[image, other] * wp.exp(-overlap * overlap / sigma)
            """,
    }[decay]
    mark = {
        "flags": "kept[image, best] = 1",
        "list": "kept[image, count] = best",
        "scores": "kept[image, best] = count + 1",
    }[result]
    fresh = f"if {settled}[image, other] != 0:" if order == "search" else "if scores[image, other] <= 0.0:"
    d.launch(images)
    d.code(
        """
        image = wp.tid()
        num_boxes = scores.shape[1]
        $pad
        $area
        count = int(0)
        for turn in range(num_boxes):
            $next
            $mark
            count += 1
            $stop
            leader = boxes[image, best]
            for other in range($rest):
                # Already $settled
                $fresh
                    continue
                $classes
                overlap = box_overlap(leader, boxes[image, other])
                if overlap > $limit:
                    $reduce
        $number
        """,
        pad=f"for k in range(num_boxes):\n    kept[image, k] = {-1 if result == 'list' else 0}",
        area="""
            for k in range(num_boxes):
                if boxes[image, k][2] * boxes[image, k][3] < min_area:
                    scores[image, k] = 0.0
            """
        if least
        else "",
        next="""
            best = best_remaining(scores, $settled, image, score_threshold)
            if best < 0:
                break
            $take
            """.replace("$settled", settled).replace(
            "$take", f"{settled}[image, best] = 1" * (result == "list")
        )
        if order == "search"
        else """
            # Iterate backwards, since scores are sorted in ascending order
            best = num_boxes - 1 - turn
            # Skip low-scoring or suppressed boxes
            if scores[image, best] <= score_threshold:
                continue
            """,
        mark=mark,
        stop="if count >= max_detections:\n    break" if capped else "",
        fresh=fresh,
        rest="num_boxes" if order == "search" else "best",
        settled="decided" if order == "search" else "suppressed",
        classes="# Class-aware NMS: boxes of other classes may overlap\nif labels[image, other] != labels[image, best]:\n    continue"
        if classes
        else "",
        limit="0.0" if decay == "gaussian" else "threshold",
        reduce=reduce,
        number="num_kept[image] = count" if result == "list" else "",
    )
    trim(d)

    def agrees(v: Values, after: Values) -> None:
        made = np.array([chosen(v, b) for b in range(images)])
        same = np.mean(np.all(np.asarray(after.kept) == made, axis=1))
        assert same >= 0.9, f"{same:.2f} of the images agree"

    def chosen(v: Values, b: int) -> Any:
        box = (
            corners(v.boxes[b])
            if form == "centers"
            else np.concatenate([v.boxes[b][:, :2], v.boxes[b][:, :2] + v.boxes[b][:, 2:]], axis=1)
        )
        area = np.prod(v.boxes[b][:, 2:], axis=1)
        s = np.where(area < v.min_area, 0.0, v.scores[b]) if least else v.scores[b].copy()
        kept = np.full(n, -1 if result == "list" else 0)
        free, count = np.ones(n, bool), 0
        for turn in range(n):
            if order == "search":
                best = int(np.argmax(np.where(free, s, -1.0)))
                if not free[best] or s[best] <= v.score_threshold:
                    break
                free[best] = False
            else:
                best = n - 1 - turn
                if s[best] <= v.score_threshold:
                    continue
            kept[count if result == "list" else best] = {"flags": 1, "list": best, "scores": count + 1}[
                result
            ]
            count += 1
            if capped and count >= v.max_detections:
                break
            inside, both, hw, hh = overlap(box[best], box)
            value = inside / (both if measure != "smaller" else np.minimum(area[best], area))
            if measure == "diou":
                gap = (box[best, :2] + box[best, 2:] - box[:, :2] - box[:, 2:]) / 2
                value = np.where(inside > 0, value - (gap**2).sum(1) / (hw**2 + hh**2), 0.0)
            hit = (value > v.get("threshold", 0.0)) & (np.arange(n) != best)
            hit &= free if order == "search" else s > 0
            if classes:
                hit &= v.labels[b] == v.labels[b, best]
            s = np.where(
                hit,
                {
                    "hard": 0 * s,
                    "linear": s * (1 - value),
                    "gaussian": s * np.exp(-(value**2) / v.get("sigma", 1.0)),
                }[decay],
                s,
            )
        return kept

    d.holds(agrees)
