"""Tokens sent to experts."""

from __future__ import annotations

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
    weight=7,
)
def route_tokens(d: Draft) -> None:
    """Sends each token to its best experts while these have room."""
    scores = d.option("scores", *_SCORES)
    top = d.option("experts per token", 1, 2)
    capacity = d.option("capacity", "shared", "per expert")
    full = d.option("when full", "drop", "next best")
    bias = d.flag("bias", 0.4)
    groups = d.option("groups", "none", "best group")
    mask = d.option("mask", "none", "flags", "lengths")
    norm = d.flag("normalised", 0.5) if top == 2 else False
    tokens, experts = d.pick(24, 32, 48), d.pick(4, 8)
    room = max(2, tokens * top // experts - d.pick(0, 2))
    batch = 4
    d.input("logits", "float", (tokens, experts), -2.0, 2.0, about="router output per token and expert")
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
        d.input("is_padding", "bool", tokens, about="True for padding tokens")
    elif mask == "lengths":
        d.input("lengths", "int", batch, 2, tokens // batch + 1, about="number of real tokens per sequence")
    if capacity == "shared":
        d.param("capacity", "int", room, about="number of tokens each expert can take")
    else:
        d.input("capacity", "int", experts, 1, room + 2, about="number of tokens each expert can take")
    d.inout("expert_count", "int", experts, value=0, about="tokens assigned to each expert so far")
    d.output("expert_ids", "int", (tokens, top), about="chosen experts, -1 for dropped tokens")
    d.output("slots", "int", (tokens, top), about="row in the buffer of the expert, -1 for dropped tokens")
    d.output("gates", "float", (tokens, top), about="weights for combining the experts' outputs")
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
            taken: wp.uint32,
            token: int,
            $peak
        ) -> int:
            \"\"\"Return the best expert that is not in the bit set of taken ones, -1 if none is left.\"\"\"
            best_expert = int(-1)
            best_score = float(-1.0e6)
            for expert in range(NUM_EXPERTS):
                if (taken >> wp.uint32(expert)) & wp.uint32(1) != wp.uint32(0):
                    continue
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
            )
            if there
        ),
        peak="peak: float," if peak else "",
        group="# Stay within one node to limit communication\nif expert // GROUP_SIZE != group:\n    continue"
        if groups == "best group"
        else "",
    )
    given = "logits, " + ("balance_bias, " if bias else "") + ("group, " if groups == "best group" else "")
    skip = {
        "none": "",
        "flags": "# Padding takes no room in any expert\nif is_padding[token]:\n    return",
        "lengths": "seq = token // SEQ_LEN\nif token - seq * SEQ_LEN >= lengths[seq]:\n    return",
    }[mask]
    d.module(f"TOP_K = wp.constant({top})\nNUM_EXPERTS = wp.constant({experts})")
    if mask == "lengths":
        d.module(f"SEQ_LEN = wp.constant({tokens // batch})")
    limit = "capacity" if capacity == "shared" else "capacity[expert]"
    weight = f"gate_score(logits, token, expert{tail})"
    take = (
        f"slot = wp.atomic_add(expert_count, expert, 1)\n"
        f"if slot >= {limit}:\n"
        "    # The buffer of this expert is full: give the slot back\n"
        "    wp.atomic_sub(expert_count, expert, 1)\n"
    )
    if full == "drop":
        loop = f"""
        for choice in range(TOP_K):
            expert = pick_expert({given}taken, token{tail})
            if expert < 0:
                break
            taken = taken | (wp.uint32(1) << wp.uint32(expert))
            slot = wp.atomic_add(expert_count, expert, 1)
            # Overflowing tokens skip the expert and use the residual path only
            if slot >= {limit}:
                continue
            expert_ids[token, choice] = expert
            slots[token, choice] = slot
            gates[token, choice] = {weight}
        """
    else:
        loop = f"""
        num_found = int(0)
        for _ in range(NUM_EXPERTS):
            if num_found >= TOP_K:
                break
            expert = pick_expert({given}taken, token{tail})
            if expert < 0:
                break
            taken = taken | (wp.uint32(1) << wp.uint32(expert))
            $take
                continue
            expert_ids[token, num_found] = expert
            slots[token, num_found] = slot
            gates[token, num_found] = {weight}
            num_found += 1
        """
    total = ""
    if norm:
        d.function("""
            @wp.func
            def normalize_gates(gates: wp.array2d(dtype=float), token: int):
                \"\"\"Scale the gates of one token to a sum of 1, over the experts that accepted it.\"\"\"
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
                # Over all experts, not only over the chosen ones
                denom = float(0.0)
                for expert in range(NUM_EXPERTS):
                    denom += gate_score(logits, token, expert, peak)
                return denom
        """)
        total = """
        denom = softmax_denominator(logits, token, peak)
        for choice in range(TOP_K):
            gates[token, choice] = gates[token, choice] / denom
        """
    d.launch(tokens)
    d.code(
        """
        token = wp.tid()
        for choice in range(TOP_K):
            expert_ids[token, choice] = -1
            slots[token, choice] = -1
        $skip
        $peak
        $group
        taken = wp.uint32(0)
        $loop
        $total
        """,
        skip=skip,
        peak="peak = max_logit(logits, token)" if peak else "",
        group="group = best_group(logits, token)" if groups == "best group" else "",
        loop=loop,
        take=take.rstrip(),
        total=total,
    )
    if top == 1:
        d.says("Sends each token to its best expert while that has room.")
    d.explain(
        "Slots are handed out by atomic counters, so which tokens overflow depends on the order of the threads.\n"
        + ("Tokens that find their expert full try the next best one." if full == "next best" else
           "Tokens beyond the capacity of an expert are dropped; `expert_count` keeps the demand.")
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
        np.testing.assert_array_equal(after.expert_ids, ids)
        np.testing.assert_array_equal(after.slots, slots)
        np.testing.assert_array_equal(after.expert_count, count)
        np.testing.assert_allclose(after.gates, gates, atol=1e-5)

    d.holds(agree)
