"""Boxes around objects: losses of detectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.algorithms.neural._boxes import corners, overlap
from warpgen.synthesis.writing.draft import Draft, Values

_TITLES = {
    "iou": "IoU", "giou": "generalized IoU", "diou": "distance IoU", "ciou": "complete IoU", "eiou": "efficient IoU",
}  # fmt: skip


@DOMAIN.algorithm(
    source="Rezatofighi et al. 2019 (GIoU); Zheng et al. 2020 (DIoU, CIoU); Lin et al. 2017 (focal loss); Ren et al. 2015",
    names={
        "box_losses": "detection_loss|box_regression_loss|iou_losses|bbox_loss",
        "predicted": "pred_boxes|boxes|pred",
        "target": "gt_boxes|target_boxes|truth",
        "iou": "overlap|jaccard|iou_value",
        "intersection": "inter|inter_area|overlap_area",
        "union": "union_area|area_union|area_of_union",
        "loss": "losses|loss_out|det_loss",
        "anchor": "prior|reference_box|default_box",
    },
    double=True,
    element="prediction",
    weight=4,
)
def box_losses(d: Draft) -> None:
    """Computes an object detection loss for predicted boxes."""
    kind = d.option("loss", "giou", "iou", "diou", "ciou", "eiou")
    form = d.option("form", "sides", "centers", "deltas")
    focal = d.option("class", "none", "focal", "cross entropy", "quality")
    smooth = d.option("corner loss", "none", "smooth l1", "balanced")
    weights = d.option("weights", "none", "each", "small boxes")
    logarithm = d.flag("logarithm", 0.3) and kind == "iou"
    if focal != "none":
        d.calls("detection_loss|detector_loss|box_and_class_loss")
    positives = d.flag("positives", 0.4)
    result = d.option("result", "each", "sum")
    labeled = focal in ("focal", "cross entropy") and not positives
    n = d.pick(48, 64, 96)
    if form == "deltas":
        d.input("deltas", "vec4", n, -0.6, 0.6, about="Box regression outputs (dx, dy, log dw, log dh)")
        d.input("anchors", "vec4", n, 1.0, 4.0, about="Anchor boxes as center and size")
    elif form == "centers":
        d.input("predicted", "vec4", n, 1.0, 4.0, about="Predicted boxes as center and size")
    else:
        d.input("points", "vec2", n, 1.0, 4.0, about="Anchor points")
        d.input("sides", "vec4", n, 0.3, 2.5, about="Distances to the left, top, right and bottom sides")
    of = " boxes for the matched objects" if positives else ""
    d.input("target", "vec4", n, 1.0, 4.0, about=f"Ground-truth{of or ' boxes'} as center and size")
    if focal != "none":
        d.input("logits", "float", n, -3.0, 3.0, about="Classification logit per box")
    if labeled:
        d.input("labels", "int", n, 0, 2, about="1 for objects, 0 for background")
    if focal == "focal":
        d.module("FOCAL_ALPHA = wp.constant(0.25)  # positive-class weight, 1 - alpha for background")
        d.param("gamma", "float", 1.5, 2.5, about="Focal loss exponent")
    if focal != "none":
        d.param("class_weight", "float", 0.3, 1.0, about="Classification loss weight")
    if smooth == "balanced":
        d.module("LN2 = wp.constant(0.6931472)")
    if smooth != "none":
        d.param("beta", "float", 0.1, 0.5, about="Transition error between quadratic and linear loss")
    if weights == "small boxes":
        d.param("image_area", "float", 64.0, about="Image area [px^2]")
    if weights == "each":
        d.input("box_weight", "float", n, 0.2, 1.0, about="Box loss weight")
    if positives:
        d.input("matched", "int", n, -1, 4, about="Matched object index, -1 for background")
    d.output(
        "loss",
        "float",
        n if result == "each" else 1,
        about="Per-box loss" if result == "each" else "Sum of losses",
    )
    decode = {
        "sides": """
            # Side distances are positive, so corners keep their order (Tian et al. 2019)
            point = points[tid]
            side = sides[tid]
            box = wp.vec4(point[0] - side[0], point[1] - side[1], point[0] + side[2], point[1] + side[3])
            """,
        "centers": "box = corners_of(predicted[tid])",
        "deltas": """
            # Decode relative to the anchor, with sizes in log space to keep them positive
            anchor = anchors[tid]
            delta = deltas[tid]
            dw = wp.min(delta[2], MAX_LOG_RATIO)
            dh = wp.min(delta[3], MAX_LOG_RATIO)
            center_x = anchor[0] + anchor[2] * delta[0]
            center_y = anchor[1] + anchor[3] * delta[1]
            size = wp.vec2(anchor[2] * wp.exp(dw), anchor[3] * wp.exp(dh))
            box = corners_of(wp.vec4(center_x, center_y, size[0], size[1]))
            """,
    }[form]
    if form == "deltas":
        d.module(
            "MAX_LOG_RATIO = wp.constant(4.135)  # log(1000 / 16), keeps exp from overflowing early in training"
        )
    d.function('''
        @wp.func
        def corners_of(box: wp.vec4) -> wp.vec4:
            """Converts a box from center and size to corners (x1, y1, x2, y2)."""
            half_w = 0.5 * box[2]
            half_h = 0.5 * box[3]
            return wp.vec4(box[0] - half_w, box[1] - half_h, box[0] + half_w, box[1] + half_h)
    ''')
    hull = """
        # Smallest enclosing box$reason
        hull_w = wp.max(box[2], truth[2]) - wp.min(box[0], truth[0])
        hull_h = wp.max(box[3], truth[3]) - wp.min(box[1], truth[1])
        """
    # The others only measure by it
    hull = hull.replace("$reason", ", which gives disjoint boxes a gradient" if kind == "giou" else "")
    center = """
        # Normalize by the enclosing-box diagonal for scale invariance
        gap_x = 0.5 * (box[0] + box[2] - truth[0] - truth[2])
        gap_y = 0.5 * (box[1] + box[3] - truth[1] - truth[3])
        diagonal2 = hull_w * hull_w + hull_h * hull_h
        center_term = (gap_x * gap_x + gap_y * gap_y) / diagonal2
        """
    penalty = {
        "iou": "box_term = -wp.log(wp.max(iou, 1.0e-3))" if logarithm else "box_term = 1.0 - iou",
        "giou": hull
        + """
            hull_area = hull_w * hull_h
            box_term = 1.0 - iou + (hull_area - union) / hull_area
            """,
        "diou": hull + center + "        box_term = 1.0 - iou + center_term",
        "ciou": hull
        + center
        + """
        # Compare angles rather than ratios, so thin boxes do not dominate
        aspect_gap = wp.atan(truth_w / truth_h) - wp.atan(width / height)
        aspect = 4.0 / (wp.pi * wp.pi) * aspect_gap * aspect_gap
        trade_off = aspect / (1.0 - iou + aspect + 1.0e-6)
        box_term = 1.0 - iou + center_term + trade_off * aspect
        """,
        "eiou": hull
        + center
        + """
        # Penalize width and height separately, since the aspect ratio is ambiguous
        width_gap = (width - truth_w) / hull_w
        height_gap = (height - truth_h) / hull_h
        box_term = 1.0 - iou + center_term + width_gap * width_gap + height_gap * height_gap
        """,
    }[kind]
    # Each piece begins with its own indentation: bring them to one.
    penalty = "\n".join(line.strip() for line in penalty.strip().split("\n"))
    corner = {
        "none": "",
        "smooth l1": """
            # Smooth L1 on the corners, so that distant boxes still get a gradient
            corner_term = float(0.0)
            for k in range(4):
                error = wp.abs(box[k] - truth[k])
                corner_term += wp.where(error < beta, 0.5 * error * error / beta, error - 0.5 * beta)
            box_term += 0.25 * corner_term
            """,
        "balanced": """
            # Balanced L1 (Pang et al. 2019, alpha = 1, gamma = log 2): larger gradients for inliers
            corner_term = float(0.0)
            for k in range(4):
                error = wp.abs(box[k] - truth[k]) / beta
                corner_term += wp.where(error < 1.0, (error + 1.0) * wp.log(error + 1.0) - error, LN2 * (error + 1.0) - 1.0)
            box_term += 0.25 * beta * corner_term
            """,
    }[smooth]
    classify = {
        "none": "",
        "focal": """
            # Focal loss: down-weight the many easy examples
            p = 1.0 / (1.0 + wp.exp(-logits[tid]))
            p_true = wp.where(positive, p, 1.0 - p)
            alpha = wp.where(positive, FOCAL_ALPHA, 1.0 - FOCAL_ALPHA)
            class_term = -alpha * wp.pow(1.0 - p_true, gamma) * wp.log(wp.max(p_true, 1.0e-6))
            """,
        "cross entropy": """
            # log(1 + e^x) - y x, without overflow
            x = logits[tid]
            softplus = wp.max(x, 0.0) + wp.log(1.0 + wp.exp(-wp.abs(x)))
            class_term = softplus - $label * x
            """,
        "quality": """
            # Quality focal loss: the class score predicts the IoU (Li et al. 2020)
            p = 1.0 / (1.0 + wp.exp(-logits[tid]))
            $score
            miss = $aim - p
            entropy = -$aim * wp.log(p) - (1.0 - $aim) * wp.log(1.0 - p)
            class_term = miss * miss * entropy
            """,
    }[focal].replace("$aim", "score" if positives else "iou")
    scale = {
        "none": "",
        "each": "weight = box_weight[tid]",
        "small boxes": """
            # Up-weight small objects so large objects do not dominate
            weight = 2.0 - truth_w * truth_h / image_area
            """,
    }[weights]
    total = "weight * box_term" if weights != "none" else "box_term"
    if focal != "none":
        total += " + class_weight * class_term"
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $skip
        $decode
        truth = corners_of(target[tid])
        width = box[2] - box[0]
        height = box[3] - box[1]
        truth_w = truth[2] - truth[0]
        truth_h = truth[3] - truth[1]
        # Clamp to zero, since disjoint boxes could give a positive product
        overlap_w = wp.max(wp.min(box[2], truth[2]) - wp.max(box[0], truth[0]), 0.0)
        overlap_h = wp.max(wp.min(box[3], truth[3]) - wp.max(box[1], truth[1]), 0.0)
        intersection = overlap_w * overlap_h
        union = width * height + truth_w * truth_h - intersection
        iou = intersection / union
        $penalty
        $corner
        $background
        $classify
        $scale
        $store
        """,
        skip="# Background has no box target\nif matched[tid] < 0:\n"
        + ("    loss[tid] = 0.0\n" if result == "each" else "")
        + "    return\n"
        if positives and focal == "none"
        else "",
        background="# Background has no box target, only the class loss\n"
        f"positive = {'labels[tid] == 1' if labeled else 'matched[tid] >= 0'}\n"
        "box_term = wp.where(positive, box_term, 0.0)"
        if labeled or (positives and focal != "none")
        else "",
        label="wp.where(positive, 1.0, 0.0)" if positives else "float(labels[tid])",
        score="score = wp.where(positive, iou, 0.0)" if positives else "",
        decode=decode,
        penalty=penalty,
        corner=corner,
        classify=classify,
        scale=scale,
        store=f"loss[tid] = {total}" if result == "each" else f"wp.atomic_add(loss, 0, {total})",
    )
    total = "total " if result == "sum" else ""
    named = {
        "none": "",
        "focal": " and focal",
        "cross entropy": " and cross entropy",
        "quality": " and quality focal",
    }
    title = ("logarithmic " if logarithm else "") + _TITLES[kind]
    more = {"none": "", "smooth l1": ", smooth L1", "balanced": ", balanced L1"}[smooth]
    if more and not named[focal]:
        more = more.replace(",", " and")
    d.says(f"Computes the {total}{title}{more}{named[focal]} loss of predicted boxes.")

    def reference(v: Values) -> dict[str, Any]:
        if form == "deltas":
            a, t = v.anchors, v.deltas
            box = corners(
                np.concatenate(
                    [a[:, :2] + a[:, 2:] * t[:, :2], a[:, 2:] * np.exp(np.minimum(t[:, 2:], 4.135))], axis=1
                )
            )
        else:
            low, high = v.get("sides", np.zeros((n, 4)))[:, :2], v.get("sides", np.zeros((n, 4)))[:, 2:]
            box = corners(v.predicted) if form == "centers" else np.hstack([v.points - low, v.points + high])
        truth = corners(v.target)
        inside, both, hw, hh = overlap(box, truth)
        iou = inside / both
        gap = (box[:, :2] + box[:, 2:] - truth[:, :2] - truth[:, 2:]) / 2
        away = (gap**2).sum(1) / (hw**2 + hh**2)
        (w, h), (tw, th) = (box[:, 2:] - box[:, :2]).T, (truth[:, 2:] - truth[:, :2]).T
        ratio = 4 / np.pi**2 * (np.arctan(tw / th) - np.arctan(w / h)) ** 2
        term = 1 - iou
        if kind == "giou":
            term = term + (hw * hh - both) / (hw * hh)
        elif kind != "iou":
            term = term + away
        if kind == "ciou":
            term = term + ratio**2 / (1 - iou + ratio + 1e-6)
        elif kind == "eiou":
            term = term + ((w - tw) / hw) ** 2 + ((h - th) / hh) ** 2
        elif logarithm:
            term = -np.log(np.maximum(iou, 1e-3))
        error = np.abs(box - truth)
        if smooth == "smooth l1":
            b = v.beta
            term = term + np.where(error < b, error**2 / (2 * b), error - b / 2).mean(1)
        elif smooth == "balanced":
            e = error / v.beta
            inner, outer = (e + 1) * np.log(e + 1) - e, np.log(2) * e - (1 - np.log(2))
            term = term + v.beta * np.where(e < 1, inner, outer).mean(1)
        small = 2 - tw * th / 64
        term = term * {"none": 1.0, "each": v.get("box_weight", 1.0), "small boxes": small}[weights]
        positive = v.matched >= 0 if positives else v.labels == 1 if labeled else np.ones(n, bool)
        term = np.where(positive, term, 0.0)
        if focal != "none":
            p = 1 / (1 + np.exp(-v.logits))
            y = positive
            q = np.where(positive, iou, 0.0)
            pt = np.where(y, p, 1 - p)
            term = (
                term
                + v.class_weight
                * {
                    "focal": -np.where(y, 0.25, 0.75)
                    * (1 - pt) ** v.get("gamma", 1.0)
                    * np.log(np.maximum(pt, 1e-6)),
                    "cross entropy": -np.log(pt),
                    "quality": (q - p) ** 2 * (-q * np.log(p) - (1 - q) * np.log(1 - p)),
                }[focal]
            )
        return {"loss": term if result == "each" else np.array([term.sum()])}

    d.check(reference, 2e-3)
