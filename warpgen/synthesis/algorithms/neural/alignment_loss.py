"""Losses of sequences whose alignment with the frames is not known."""

from __future__ import annotations

import itertools
import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_LOG_SUM = '''
@wp.func
def log_add(a: float, b: float) -> float:
    """Returns log(exp(a) + exp(b)) without overflow."""
    if a < b:
        return b + wp.log(1.0 + wp.exp(a - b))
    return a + wp.log(1.0 + wp.exp(b - a))
'''


@DOMAIN.algorithm(
    source="Graves et al. 2006 (CTC), sec. 4.1 and 4.2; Rabiner 1989; Pereyra et al. 2017 (confidence penalty)",
    names={
        "alignment_loss": "ctc_loss|ctc_forward_kernel|connectionist_loss|ctc_alpha",
        "logits": "scores|activations|acts",
        "targets": "labels|transcripts|label_ids",
        "blank": "blank_id|null_label|blank_label",
        "frame": "t|time|step",
        "place": "s|state|pos",
    },
    adjoint="no",
    element="sample",
    weight=3,
)
def alignment_loss(d: Draft) -> None:
    """Computes the connectionist temporal classification (CTC) loss for each sequence."""
    given = d.option("given", "logits", "log probabilities")
    blank = d.option("blank", "first", "last", "param")
    result = d.option("result", "loss", "gradient", "occupancy", weights=(0.45, 0.35, 0.2))
    d.calls({
        "loss": "ctc_loss|ctc_forward_kernel|connectionist_loss|ctc_alpha",
        "gradient": "ctc_gradient|ctc_backward|ctc_loss_grad",
        "occupancy": "ctc_alignment|ctc_posteriors|soft_alignment",
    }[result])  # fmt: skip
    frames_of = d.option("frames", "all", "lengths")
    labels_of = d.option("labels", "all", "lengths")
    layout = d.option("layout", "batch first", "time first")
    mean = d.flag("mean", 0.3) and result == "loss"
    finite = d.flag("zero infinity", 0.6) and frames_of == "lengths"  # else all labels have room
    batch, frames, labels, classes = d.pick(12, 16), d.pick(5, 6), 2, 4
    shape = (batch, frames, classes) if layout == "batch first" else (frames, batch, classes)
    places = 2 * labels + 1
    name = "logits" if given == "logits" else "log_probs"
    low, high = (-2.0, 2.0) if given == "logits" else (-1.7, -1.1)
    d.input(name, "float", shape, low, high, about=f"Per-frame class {given}")
    first, shift = (1, classes) if blank == "first" else (0, classes - 1)
    d.input("targets", "int", (batch, labels), first, shift, about="Label indices, excluding the blank")
    if frames_of == "lengths":
        least = 2 if finite else 4
        d.input("frame_count", "int", batch, least, frames + 1, about="Number of valid frames per sample")
    if labels_of == "lengths":
        d.input("label_count", "int", batch, 1, labels + 1, about="Number of labels per sample, at least one")
    if blank == "param":
        d.param("blank", "int", classes - 1, about="Index of the blank class")
    if result == "loss":
        d.output(
            "loss",
            "float",
            batch,
            about="Negative log-likelihood per sample"
            + (", divided by the number of labels" if mean else ""),
        )
        rest = ", normalized by its length" * mean + ", or 0 if it has too few frames" * finite
        d.says(f"Computes the connectionist temporal classification (CTC) loss for each sequence{rest}.")
    elif result == "gradient":
        d.output(
            "grad",
            "float",
            shape,
            about="Gradient with respect to the logits"
            + ("" if given == "logits" else " of the log probabilities"),
        )
        d.says("Computes the gradient of the connectionist temporal classification (CTC) loss.")
    else:
        d.output(
            "occupancy",
            "float",
            (batch, frames, places),
            about="Posterior probability of each position in each frame",
        )
        d.says("Aligns frames with label sequences softly by forward and backward passes (CTC).")
    d.function(_LOG_SUM)
    nothing = "blank" if blank == "param" else "BLANK"

    def at(array: str, frame: str, of: str) -> str:
        return (
            f"{array}[sample, {frame}, {of}]"
            if layout == "batch first"
            else f"{array}[{frame}, sample, {of}]"
        )

    axes = "sample: int, frame: int, label: int"
    if given == "logits":
        d.function(f'''
            @wp.func
            def log_softmax_at(logits: wp.array3d(dtype=float), {axes}) -> float:
                """Returns the log-softmax of one class in one frame."""
                top = float({at("logits", "frame", "0")})
                for c in range(1, NUM_CLASSES):
                    top = wp.max(top, {at("logits", "frame", "c")})
                total = float(0.0)
                for c in range(NUM_CLASSES):
                    total += wp.exp({at("logits", "frame", "c")} - top)
                return {at("logits", "frame", "label")} - top - wp.log(total)
        ''')
    prob = "log_softmax_at(logits, sample, {}, {})" if given == "logits" else at("log_probs", "{}", "{}")
    given_blank, passed = (", blank: int", f", {nothing}") if blank == "param" else ("", "")
    d.function(f'''
        @wp.func
        def symbol_at(targets: wp.array2d(dtype=int), sample: int, place: int{given_blank}) -> int:
            """Returns the label at a position in the blank-extended sequence."""
            if place % 2 == 0:
                return {nothing}
            return targets[sample, place // 2]
    ''')
    symbol = f"symbol_at(targets, sample, {{}}{passed})"
    t_end = "num_frames" if frames_of == "lengths" else "MAX_FRAMES"
    t_last = f"{t_end} - 1"
    s_end = "num_places" if labels_of == "lengths" else "MAX_PLACES"
    s_last, s_before = (
        ("num_places - 1", "num_places - 2")
        if labels_of == "lengths"
        else ("MAX_PLACES - 1", "MAX_PLACES - 2")
    )
    both = result != "loss"
    back = f"""
        # Backward pass over the remaining frames
        for place in range({s_end}):
            log_beta[{t_last}, place] = wp.where(place >= {s_before}, 0.0, NEVER)
        for r in range(1, {t_end}):
            frame = {t_last} - r
            for place in range({s_end}):
                label = {symbol.format("place")}
                rest = float(log_beta[frame + 1, place]) + {prob.format("frame + 1", "label")}
                if place + 1 < {s_end}:
                    following = {symbol.format("place + 1")}
                    rest = log_add(rest, log_beta[frame + 1, place + 1] + {prob.format("frame + 1", "following")})
                if place + 2 < {s_end}:
                    skipped_to = {symbol.format("place + 2")}
                    if skipped_to != {nothing} and skipped_to != label:
                        rest = log_add(rest, log_beta[frame + 1, place + 2] + {prob.format("frame + 1", "skipped_to")})
                log_beta[frame, place] = rest
        """
    sign = "loss" if not mean else "loss per label"
    length = "float(label_count[sample])" if labels_of == "lengths" else "float(MAX_PLACES // 2)"
    store = {
        "loss": "loss[sample] = -log_likelihood" + (f" / {length}" if mean else ""),
        "gradient": f"""
            # Softmax minus the class posterior over all alignments (Graves et al., eq. 16)
            for frame in range({t_end}):
                for c in range(NUM_CLASSES):
                    {at("grad", "frame", "c")} = wp.exp({prob.format("frame", "c")})
                for place in range({s_end}):
                    label = {symbol.format("place")}
                    share = wp.exp(log_alpha[frame, place] + log_beta[frame, place] - log_likelihood)
                    {at("grad", "frame", "label")} -= share
            """,
        "occupancy": f"""
            for frame in range({t_end}):
                for place in range({s_end}):
                    occupancy[sample, frame, place] = wp.exp(log_alpha[frame, place] + log_beta[frame, place] - log_likelihood)
            """,
    }[result]
    hopeless = {
        "loss": "zero the loss so they do not dominate the batch",
        "gradient": "no gradient",
        "occupancy": "no valid alignment",
    }[result]
    drop = "loss[sample] = 0.0\n    return" if result == "loss" else "return"
    unused = frames_of == "lengths" or (result == "occupancy" and labels_of == "lengths")
    clear = ""
    if unused and result != "loss":
        end, entry = ("NUM_CLASSES", at("grad", "frame", "c"))
        if result == "occupancy":
            end, entry = "MAX_PLACES", "occupancy[sample, frame, c]"
        clear = "# Clear the output for padded frames\n" if frames_of == "lengths" else ""
        clear += f"for frame in range(MAX_FRAMES):\n    for c in range({end}):\n        {entry} = 0.0"
        clear = (
            clear.replace("c in", "place in").replace(", c]", ", place]") if result == "occupancy" else clear
        )
    d.module(f"MAX_FRAMES = wp.constant({frames})\nMAX_PLACES = wp.constant({places})")
    if given == "logits" or result == "gradient":
        d.module(f"NUM_CLASSES = wp.constant({classes})")
    if blank != "param":
        d.module(f"BLANK = wp.constant({0 if blank == 'first' else classes - 1})")
    d.module("NEVER = wp.constant(-1.0e30)  # log(0), kept finite to avoid NaN differences")
    d.launch(batch)
    d.code(
        f"""
        sample = wp.tid()
        $counts
        log_alpha = wp.zeros(shape=(MAX_FRAMES, MAX_PLACES), dtype=float)
        $room
        $clear
        # Forward: paths start with a blank or the first label
        for place in range({s_end}):
            label = {symbol.format("place")}
            log_alpha[0, place] = wp.where(place < 2, {prob.format("0", "label")}, NEVER)
        for frame in range(1, {t_end}):
            for place in range({s_end}):
                label = {symbol.format("place")}
                reach = float(log_alpha[frame - 1, place])
                if place > 0:
                    reach = log_add(reach, log_alpha[frame - 1, place - 1])
                if place > 1 and label != {nothing}:
                    # The blank can be skipped only between different labels
                    if label != {symbol.format("place - 2")}:
                        reach = log_add(reach, log_alpha[frame - 1, place - 2])
                log_alpha[frame, place] = reach + {prob.format("frame", "label")}
        # Paths end in the last label or the trailing blank
        log_likelihood = log_add(log_alpha[{t_last}, {s_last}], log_alpha[{t_last}, {s_before}])
        $hopeless
        $back
        $store
        """,
        counts="\n".join(
            line
            for line, there in (
                ("num_frames = frame_count[sample]", frames_of == "lengths"),
                ("num_places = 2 * label_count[sample] + 1", labels_of == "lengths"),
            )
            if there
        ),
        room="log_beta = wp.zeros(shape=(MAX_FRAMES, MAX_PLACES), dtype=float)" if both else "",
        clear=clear,
        hopeless=f"if log_likelihood < -1.0e20:\n    # Too few frames for the labels: {hopeless}\n    {drop}"
        if finite
        else "",
        back=textwrap.dedent(back).strip("\n") if both else "",
        store=store,
    )
    sums = "Sums over" if result == "occupancy" else f"The {sign} is -log of the summed probability of"
    d.explain(f"""
        {sums} all paths that reduce to the labels after merging repeats and removing blanks.
        All probabilities are in log space.
    """)

    def reference(v: Values) -> dict[str, Any]:
        made = {"loss": np.zeros(batch), "grad": np.zeros((batch, frames, classes)),
                "occupancy": np.zeros((batch, frames, places))}  # fmt: skip
        x = v[name] if layout == "batch first" else v[name].swapaxes(0, 1)
        x = x - np.log(np.exp(x).sum(2, keepdims=True)) if given == "logits" else x
        none = 0 if blank == "first" else classes - 1
        for b in range(batch):
            t = int(v.frame_count[b]) if frames_of == "lengths" else frames
            n = int(v.label_count[b]) if labels_of == "lengths" else labels
            wanted = [int(k) for k in v.targets[b, :n]]
            total, share = 0.0, np.zeros((t, classes))
            for path in itertools.product(range(classes), repeat=t):  # all alignments, one by one
                heard = [k for k, _ in itertools.groupby(path)]
                if [k for k in heard if k != none] != wanted:
                    continue
                p = np.exp(sum(x[b, i, k] for i, k in enumerate(path)))
                total += p
                share[np.arange(t), path] += p
                made["occupancy"][b, np.arange(t), _places(path, none)] += p
            if total == 0.0:
                made["loss"][b] = 0.0 if finite else np.inf
                continue
            made["loss"][b] = -np.log(total) / (n if mean else 1)
            made["grad"][b, :t] = np.exp(x[b, :t]) - share / total
            made["occupancy"][b] /= total
        if layout == "time first":
            made["grad"] = made["grad"].swapaxes(0, 1)
        key = {"gradient": "grad"}.get(result, result)
        return {key: made[key]}

    d.check(reference, 2e-3)


def _places(path: tuple[int, ...], blank: int) -> list[int]:
    """Where along blank, label, blank, label ... each frame of a path is."""
    found, place = [], 0
    for i, label in enumerate(path):
        if i == 0:
            place = int(label != blank)
        elif label != path[i - 1]:
            place += 1 if blank in (label, path[i - 1]) else 2
        found.append(place)
    return found
