"""Hidden Markov models of many sequences at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.library.tile_forms import per_col, per_row
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Rabiner 1989, sec. III and V (scaling); Durbin et al. 1998, ch. 3; Baum et al. 1970",
    names={
        "symbols": "observations|tokens|emitted",
        "emission": "emit|obs_probs|likelihoods",
        "transition": "trans|a_mat|step_probs",
        "transition_logits": "trans_logits|step_logits|step_scores",
        "start": "initial|alpha_0|first_belief",
        "belief": "alpha|filtered|state_probs",
        "seen": "emitted_p|like|obs_like",
        "ahead": "predicted|prior_belief|expected",
        "scale": "evidence|norm|c_t",
        "CHAINS": "N|SEQS|BATCH",
        "STATES": "S|NUM_STATES|HIDDEN",
        "STEPS": "T|NUM_STEPS|LENGTH",
    },
    adjoint="yes",
    weight=7,
)
def filtered_chains(d: Draft) -> None:
    """Filters the hidden states of many Markov chains forward through their observations."""
    observed = d.option("observed", "symbols", "values", "soft symbols")
    result = d.option("result", "log likelihood", "belief", "prediction", "both")
    rows = d.option("transition", "given", "logits", "sticky")
    first = d.option("start", "given", "uniform")
    missing = d.flag("missing", 0.35)
    blocks, chains, states, kinds, steps = (
        d.pick(2, 3),
        d.pick(4, 6, 8),
        d.pick(3, 4),
        d.pick(4, 5),
        d.pick(3, 4, 5),
    )
    d.module(f"CHAINS = wp.constant({chains})\nSTATES = wp.constant({states})\nSTEPS = wp.constant({steps})")
    total = blocks * chains
    # Drawn so that they sum to about one
    emitted, moved = (0.2 / kinds, 1.8 / kinds), (0.5 / states, 1.5 / states)
    emits = "probability of each symbol in each state"
    if observed == "symbols":
        d.input("symbols", "int", (steps, total), 0, kinds, about="observed symbols, one row for each step")
        d.input("emission", "float", (kinds, states), *emitted, about=emits)
    elif observed == "values":
        d.input(
            "readings", "float", (steps, total), -1.5, 1.5, about="observed values, one row for each step"
        )
        d.input("levels", "float", states, -1.0, 1.0, about="mean reading in each state")
        d.param("deviation", "float", 0.5, 1.0, about="standard deviation of the readings")
    else:
        d.module(f"KINDS = wp.constant({kinds})")
        d.input("evidence", "float", (steps, total, kinds), 0.1, 1.0, about="how likely each symbol was read")
        d.input("emission", "float", (kinds, states), *emitted, about=emits)
    if missing:
        d.input("present", "int", (steps, total), 0, 2, about="0 where nothing was observed")
    if rows == "sticky":
        d.param("stay", "float", 0.6, 0.9, about="probability to stay in a state")
    elif rows == "given":
        d.input(
            "transition",
            "float",
            (states, states),
            *moved,
            about="probabilities of steps from row to column",
        )
    else:
        d.input(
            "transition_logits",
            "float",
            (states, states),
            -1.0,
            1.0,
            about="steps from row to column, before the softmax of each row",
        )
    if first == "given":
        d.input(
            "start",
            "float",
            states,
            *moved,
            about="probabilities of the state before the first observation",
        )
    if result in ("log likelihood", "both"):
        d.output("log_p", "float", total, about="log likelihood of each chain's observations")
    if result in ("belief", "both"):
        d.output("beliefs", "float", (total, states), about="probabilities of the last state")
    if result == "prediction":
        d.output("forecast", "float", (total, states), about="probabilities of the state that comes next")
    d.says(
        {
            "log likelihood": "Computes log likelihoods of observations of many hidden Markov chains.",
            "belief": "Filters the hidden states of many Markov chains forward through their observations.",
            "prediction": "Predicts the next hidden states of many Markov chains from their observations.",
            "both": "Filters hidden Markov chains forward, with the log likelihoods of their observations.",
        }[result]
    )
    d.calls({
        "log likelihood": "hidden_chain_likelihood|hmm_likelihood|forward_likelihood",
        "belief": "filter_states|hmm_filter|hidden_state_beliefs",
        "prediction": "predict_states|hmm_predict|next_state_forecast",
        "both": "hmm_forward|forward_algorithm_tiled|forward_filter",
    }[result])  # fmt: skip
    if observed == "values":
        d.function('''
            @wp.func
            def bell(reading: float, level: float, deviation: float) -> float:
                """Density of a reading in a state."""
                z = (reading - level) / deviation
                return wp.exp(-0.5 * z * z) / (deviation * wp.sqrt(wp.TAU))
        ''')
    if missing:
        d.function('''
            @wp.func
            def known(seen: float, present: int) -> float:
                """What was not observed is equally likely in all states."""
                return wp.where(present == 0, 1.0, seen)
        ''')
    if rows == "sticky":
        d.function("""
            @wp.func
            def step_probability(row: int, col: int, stay: float) -> float:
                if row == col:
                    return stay
                return (1.0 - stay) / float(STATES - 1)
        """)
    matrix = {
        "given": "moves = wp.tile_load(transition, shape=(STATES, STATES))",
        "logits": "exps = wp.tile_map(wp.exp, wp.tile_load(transition_logits, shape=(STATES, STATES)))\n"
        "row_sums = wp.tile_sum(exps, axis=1)\n"
        f"moves = exps / {per_row('row_sums', 'STATES', 'STATES')}",
        "sticky": f"row_id = {per_row('wp.tile_arange(STATES, dtype=int)', 'STATES', 'STATES')}\n"
        f"col_id = {per_col('wp.tile_arange(STATES, dtype=int)', 'STATES', 'STATES')}\n"
        "moves = wp.tile_map(step_probability, row_id, col_id, stay)",
    }[rows]
    load = {
        "symbols": "symbol = wp.tile_load(symbols[t], shape=CHAINS, offset=first)\n"
        "seen = wp.tile_load_indexed(emission, indices=symbol, shape=(CHAINS, STATES))",
        "values": "reading = wp.tile_load(readings[t], shape=CHAINS, offset=first)\n"
        f"seen = wp.tile_map(bell, {per_row('reading', 'CHAINS', 'STATES')}, level_wide, deviation)",
        "soft symbols": "likely = wp.tile_load(evidence[t], shape=(CHAINS, KINDS), offset=(first, 0))\n"
        "seen = wp.tile_matmul(likely, emit)",
    }[observed]
    before = {
        "symbols": "",
        "values": "level = wp.tile_load(levels, shape=STATES)\n"
        f"level_wide = {per_col('level', 'CHAINS', 'STATES')}",
        "soft symbols": "emit = wp.tile_load(emission, shape=(KINDS, STATES))",
    }[observed]
    mask = ""
    if missing:
        mask = (
            "given = wp.tile_load(present[t], shape=CHAINS, offset=first)\n"
            f"masked = wp.tile_map(known, seen, {per_row('given', 'CHAINS', 'STATES')})"
        )
    counts = result in ("log likelihood", "both")
    begin = "begin = wp.tile_load(start, shape=STATES)" if first == "given" else ""
    ahead = per_col("begin", "CHAINS", "STATES")
    if first == "uniform":
        ahead = "wp.tile_full(shape=(CHAINS, STATES), value=1.0 / float(STATES), dtype=float)"
    end = []
    if counts:
        end.append("wp.tile_store(log_p, total, offset=first)")
    if result in ("belief", "both"):
        end.append("wp.tile_store(beliefs, belief, offset=(first, 0))")
    if result == "prediction":
        end.append("wp.tile_store(forecast, wp.tile_matmul(belief, moves), offset=(first, 0))")
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        first = block * CHAINS
        $matrix
        $before
        $begin
        belief = {ahead}
        $total
        for t in range(STEPS):
            $load
            $mask
            ahead = wp.tile_matmul(belief, moves)
            joint = ahead * {"masked" if missing else "seen"}
            # Normalized at each step, because products of many probabilities underflow
            scale = wp.tile_sum(joint, axis=1)
            belief = joint / {per_row("scale", "CHAINS", "STATES")}
            $add
        $end
        """,
        matrix=matrix,
        before=before,
        begin=begin,
        total="total = wp.tile_zeros(shape=CHAINS, dtype=float)" if counts else "",
        load=load,
        mask=mask,
        add="total = total + wp.tile_map(wp.log, scale)" if counts else "",
        end="\n".join(end),
    )
    d.explain(
        "alpha_t = B(y_t) A^T alpha_t-1, scaled to one, for all chains of a block in one product"
        + ("; log p is the sum of log scales." if counts else ".")
        + "\nThe chains take a step before their first observation."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        a = {"given": lambda: v.transition,
             "logits": lambda: np.exp(v.transition_logits) / np.exp(v.transition_logits).sum(1, keepdims=True),
             "sticky": lambda: np.where(np.eye(states) > 0, v.stay, (1 - v.stay) / (states - 1))}[rows]()  # fmt: skip
        if observed == "symbols":
            b = v.emission[v.symbols]
        elif observed == "values":
            z = (v.readings[..., None] - v.levels) / v.deviation
            b = np.exp(-0.5 * z * z) / (v.deviation * np.sqrt(2 * np.pi))
        else:
            b = v.evidence @ v.emission
        if missing:
            b = np.where(v.present[..., None] == 0, 1.0, b)
        alpha = np.broadcast_to(v.start if first == "given" else 1.0 / states, (total, states))
        for t in range(steps):
            alpha = (alpha @ a) * b[t]
        z = alpha.sum(1)
        belief = alpha / z[:, None]
        found = {"log_p": np.log(z), "beliefs": belief, "forecast": belief @ a}
        kept = {"log likelihood": ["log_p"], "belief": ["beliefs"], "prediction": ["forecast"]}
        return {n: found[n] for n in kept.get(result, ["log_p", "beliefs"])}

    d.check(reference, 1e-3)
