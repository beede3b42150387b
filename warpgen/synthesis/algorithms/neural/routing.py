"""Tokens sent to experts."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_SCORES = {
    "softmax": "return wp.exp(logits[token, expert] - peak)",
    "sigmoid": "# Independent gates instead of a softmax\nreturn 1.0 / (1.0 + wp.exp(-logits[token, expert]))",
}


@DOMAIN.algorithm(
    source="Shazeer et al. 2017; Fedus, Zoph & Shazeer 2022 (capacity); DeepSeek-AI 2024 (groups, bias)",
    names={
        "route_tokens": "moe_routing|dispatch_tokens|assign_experts",
        "logits": "router_logits|gate_logits|scores_in",
        "expert_ids": "chosen_expert|topk_ids|assignments",
        "slots": "token_slots|dispatch_index|buffer_slot",
        "gates": "combine_weights|topk_weights|gate_out",
        "expert_count": "expert_load|tokens_per_expert|fill_count",
        "expert": "e|expert_idx",
        "token": "t|tok|token_id",
        "slot": "position_in_expert|pos_in_expert",
    },
    adjoint="no",
    element="token",
    weight=5,
)
def route_tokens(d: Draft) -> None:
    """Routes each token to its top experts, subject to capacity."""
    scores = d.option("scores", *_SCORES)
    top = d.option("experts per token", 1, 2)
    capacity = d.option("capacity", "shared", "per expert")
    full = d.option("when full", "drop", "next best")
    bias = d.flag("bias", 0.4)
    if bias:
        scores = "sigmoid"  # to shares of a softmax, of which only some are large, no bias would be alike
    groups = d.option("groups", "none", "best group")
    if top == 1 and full == "drop" and not bias:
        groups = "none"  # the best expert is in the best group anyway
    mask = d.option("mask", "none", "flags", "lengths")
    norm = d.flag("normalised", 0.5) if top == 2 else False
    tokens, experts = d.pick(24, 32, 48), d.pick(4, 8)
    room = max(2, tokens * top // experts - d.pick(0, 2))
    batch = 4
    d.input(
        "logits", "float", (tokens, experts), -2.0, 2.0, about="router logits, indexed by token and expert"
    )
    if bias:
        d.input(
            "balance_bias",
            "float",
            experts,
            -0.3,
            0.3,
            about="bias used for selection only, not for the gates",
        )
    if mask == "flags":
        d.mask("is_padding", "bool", tokens, rare=True, about="True for padding tokens")
    elif mask == "lengths":
        d.input("lengths", "int", batch, 2, tokens // batch + 1, about="number of real tokens per sequence")
    if capacity == "shared":
        d.param("capacity", "int", room, about="expert capacity in tokens")
    else:
        d.input("capacity", "int", experts, 1, room + 2, about="expert capacity in tokens")
    d.inout("expert_count", "int", experts, value=0, about="per-expert token counters")
    one = top == 1
    shape: Any = tokens if one else (tokens, top)
    chosen = "chosen expert" if one else "chosen experts"
    d.output("expert_ids", "int", shape, about=f"{chosen}, -1 for dropped tokens")
    d.output("slots", "int", shape, about="slot index in the expert buffer, -1 for dropped tokens")
    d.output("gates", "float", shape, about=f"combine weights for the {chosen}")
    peak = scores == "softmax"
    d.function(
        f"""
        @wp.func
        def gate_score(logits: wp.array2d(dtype=float), token: int, expert: int{", peak: float" if peak else ""}) -> float:
            $score
        """,
        score=_SCORES[scores],
    )
    tail = ", peak" if peak else ""
    if peak:
        d.function("""
            @wp.func
            def max_logit(logits: wp.array2d(dtype=float), token: int) -> float:
                peak = logits[token, 0]
                for expert in range(1, NUM_EXPERTS):
                    peak = wp.max(peak, logits[token, expert])
                return peak
        """)
    half = experts // 2
    many = not one or full == "next best"  # more than one expert may be asked
    if groups == "best group":
        d.module(f"GROUP_SIZE = wp.constant({half})")
        d.function(
            """
            @wp.func
            def best_group(logits: wp.array2d(dtype=float), token: int) -> int:
                \"\"\"Return the group (half of the experts, e.g. one node) with the largest logit.\"\"\"
                top_logit = logits[token, 0]
                group = int(0)
                for expert in range(1, NUM_EXPERTS):
                    if logits[token, expert] > top_logit:
                        top_logit = logits[token, expert]
                        group = expert // GROUP_SIZE
                return group
            """
        )
    d.function(
        f"""
        @wp.func
        def pick_expert(
            logits: wp.array2d(dtype=float),
            $given
            token: int,
            $peak
        ) -> int:
            \"\"\"$what\"\"\"
            best_expert = int(-1)
            best_score = float(-1.0e6)
            for expert in range(NUM_EXPERTS):
                $free
                $group
                score = gate_score(logits, token, expert{tail}){" + balance_bias[expert]" if bias else ""}
                if score > best_score:
                    best_score = score
                    best_expert = expert
            return best_expert
        """,
        given="\n".join(
            line
            for line, there in (
                ("balance_bias: wp.array(dtype=float),", bias),
                ("group: int,", groups == "best group"),
                ("taken: wp.uint32,", many),
            )
            if there
        ),
        what="Return the highest-scoring expert not in the `taken` bit mask, or -1 if none is left."
        if many
        else "Return the highest-scoring expert.",
        free="if (taken >> wp.uint32(expert)) & wp.uint32(1) != wp.uint32(0):\n    continue" if many else "",
        peak="peak: float," if peak else "",
        group="# Restrict routing to one node to limit communication\nif expert // GROUP_SIZE != group:\n    continue"
        if groups == "best group"
        else "",
    )
    given = "logits, " + ("balance_bias, " if bias else "") + ("group, " if groups == "best group" else "")
    pick = f"pick_expert({given}{'taken, ' if many else ''}token{tail})"
    skip = {
        "none": "",
        "flags": "# Skip padding tokens so they do not use capacity\nif is_padding[token]:\n    return",
        "lengths": "seq = token // SEQ_LEN\nif token - seq * SEQ_LEN >= lengths[seq]:\n    return",
    }[mask]
    d.module(("" if one else f"TOP_K = wp.constant({top})\n") + f"NUM_EXPERTS = wp.constant({experts})")
    if mask == "lengths":
        d.module(f"SEQ_LEN = wp.constant({tokens // batch})")
    limit = "capacity" if capacity == "shared" else "capacity[expert]"
    weight = f"gate_score(logits, token, expert{tail})" + (" / denom" if peak and not norm else "")
    at = "token" if one else "token, choice" if full == "drop" else "token, num_found"
    keep = f"expert_ids[{at}] = expert\nslots[{at}] = slot\ngates[{at}] = {weight}"
    take = "taken = taken | (wp.uint32(1) << wp.uint32(expert))"
    none_left = (
        "if expert < 0:\n    break" if groups == "best group" else ""
    )  # else there is one for each turn
    if full == "drop":
        step = f"""
        expert = {pick}
        $take
        slot = wp.atomic_add(expert_count, expert, 1)
        # Overflowing tokens skip the expert and only use the residual path
        if slot >= {limit}:
            {"return" if one else "continue"}
        $keep
        """
        loop = step if one else f"for choice in range(TOP_K):{indent(dedent(step), '    ').rstrip()}"
    else:
        loop = f"""
        $start
        for _ in range(NUM_EXPERTS):
            $enough
            expert = {pick}
            $none_left
            $take
            slot = wp.atomic_add(expert_count, expert, 1)
            if slot >= {limit}:
                # Expert buffer is full: release the slot
                wp.atomic_sub(expert_count, expert, 1)
                continue
            $keep
            {"break" if one else "num_found += 1"}
        """
    total = denominator = ""
    if norm:
        d.function("""
            @wp.func
            def normalize_gates(gates: wp.array2d(dtype=float), token: int):
                \"\"\"Normalize the gates of one token to sum to 1 over the accepting experts.\"\"\"
                gate_sum = float(0.0)
                for choice in range(TOP_K):
                    gate_sum += gates[token, choice]
                if gate_sum <= 0.0:
                    return
                for choice in range(TOP_K):
                    gates[token, choice] = gates[token, choice] / gate_sum
        """)
        total = "normalize_gates(gates, token)"
    elif peak:
        d.function("""
            @wp.func
            def softmax_denominator(logits: wp.array2d(dtype=float), token: int, peak: float) -> float:
                # Softmax over all experts, not just the selected
                denom = float(0.0)
                for expert in range(NUM_EXPERTS):
                    denom += gate_score(logits, token, expert, peak)
                return denom
        """)
        denominator = "denom = softmax_denominator(logits, token, peak)"
    d.launch(tokens)
    d.code(
        """
        token = wp.tid()
        $reset
        $skip
        $peak
        $denominator
        $group
        $taken
        $loop
        $total
        """,
        skip=skip,
        peak="peak = max_logit(logits, token)" if peak else "",
        group="group = best_group(logits, token)" if groups == "best group" else "",
        reset="expert_ids[token] = -1\nslots[token] = -1\ngates[token] = 0.0"
        if one
        else "for choice in range(TOP_K):\n    expert_ids[token, choice] = -1\n    slots[token, choice] = -1\n"
        "    gates[token, choice] = 0.0",
        denominator=denominator,
        taken="taken = wp.uint32(0)" if many else "",
        loop=loop,
        start="" if one else "num_found = int(0)",
        enough="" if one else "if num_found >= TOP_K:\n    break",
        none_left=none_left,
        take=take if many else "",
        keep=keep,
        total=total,
    )
    within = " of one group" if groups == "best group" else ""
    if not one:
        d.says(f"Routes each token to its top experts{within}, subject to capacity.")
    elif full == "drop":
        d.says(f"Routes each token to its top expert{within}, subject to capacity.")
    else:
        d.says(f"Routes each token to the best expert{within} with free capacity.")
    d.explain(
        "Slots are allocated with atomic counters, so overflow depends on thread order.\n"
        + ("If an expert is full, the token tries the next best expert." if full == "next best" else
           "Tokens over capacity are dropped, and `expert_count` still includes them.")
    )  # fmt: skip

    def agree(before: Values, after: Values) -> None:
        there = np.ones(tokens, bool)
        if mask == "flags":
            there = ~before.is_padding
        elif mask == "lengths":
            there = np.arange(tokens // batch) < before.lengths[:, None]
            there = there.ravel()
        x = before.logits
        gate = np.exp(x - x.max(axis=1, keepdims=True)) if peak else 1 / (1 + np.exp(-x))
        score = gate + (before.balance_bias if bias else 0.0)
        if groups == "best group":
            own = x.argmax(axis=1)[:, None] // half
            score = np.where(np.arange(experts) // half == own, score, -np.inf)
        order = np.argsort(-score, axis=1, kind="stable")
        count = np.zeros(experts, int)
        space = np.broadcast_to(before.capacity, experts)
        ids, slots, gates = (
            -np.ones((tokens, top), int),
            -np.ones((tokens, top), int),
            np.zeros((tokens, top)),
        )
        # The CPU runs the threads one after the other, in order.
        for t in np.flatnonzero(there):
            found = 0
            for k, e in enumerate(order[t]):
                if np.isinf(score[t, e]) or (k >= top if full == "drop" else found >= top):
                    break
                at, fits = (k, count[e] < space[e]) if full == "drop" else (found, count[e] < space[e])
                if fits:
                    ids[t, at], slots[t, at], gates[t, at] = e, count[e], gate[t, e]
                    found += 1
                count[e] += fits or full == "drop"
        if norm:
            gates = gates / np.where(gates.sum(1) > 0, gates.sum(1), 1.0)[:, None]
        elif peak:
            gates = gates / gate.sum(axis=1, keepdims=True)
        np.testing.assert_array_equal(after.expert_ids.reshape(ids.shape), ids)
        np.testing.assert_array_equal(after.slots.reshape(ids.shape), slots)
        np.testing.assert_array_equal(after.expert_count, count)
        np.testing.assert_allclose(after.gates.reshape(ids.shape), gates, atol=1e-5)

    d.holds(agree)
