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
        "emission_logits": "emit_logits|obs_logits|symbol_scores",
        "stays": "stay_probs|self_probs|persistence",
        "transition_logits": "trans_logits|step_logits|step_scores",
        "start": "initial|start_weights|initial_weights",
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
    """Runs the forward filter for a batch of hidden Markov models."""
    observed = d.option("observed", "symbols", "values", "soft symbols")
    result = d.option("result", "log likelihood", "belief", "prediction", "both")
    rows = d.option("transition", "each", "logits", "sticky")
    first = d.option("start", "given", "uniform")
    missing = d.flag("missing", 0.35)
    if result in ("log likelihood", "both"):
        first = "uniform"  # weights that sum to something else would change it
    blocks, chains, states, kinds, steps = (
        d.pick(2, 3),
        d.pick(4, 6, 8),
        d.pick(3, 4),
        d.pick(4, 5),
        d.pick(3, 4, 5),
    )
    d.module(f"CHAINS = wp.constant({chains})\nSTATES = wp.constant({states})\nSTEPS = wp.constant({steps})")
    total = blocks * chains
    if observed != "values":
        d.module(f"KINDS = wp.constant({kinds})")
    emits = "emission logits per state, softmaxed over the symbols"
    if observed == "symbols":
        d.input("symbols", "int", (steps, total), 0, kinds, about="observed symbols, one row per step")
        d.input("emission_logits", "float", (kinds, states), -1.0, 1.0, about=emits)
    elif observed == "values":
        d.input("readings", "float", (steps, total), -1.5, 1.5, about="observed values, one row per step")
        d.input("levels", "float", states, -1.0, 1.0, about="mean reading per state")
        d.param("deviation", "float", 0.5, 1.0, about="reading standard deviation")
    else:
        d.input("evidence", "float", (steps, total, kinds), 0.1, 1.0, about="soft evidence for each symbol")
        d.input("emission_logits", "float", (kinds, states), -1.0, 1.0, about=emits)
    if missing:
        d.mask("present", "int", (steps, total), about="0 for missing observations")
    if rows == "sticky":
        d.param("stay", "float", 0.6, 0.9, about="self-transition probability")
    elif rows == "each":
        d.input("stays", "float", states, 0.4, 0.9, about="self-transition probability per state")
    else:
        d.input(
            "transition_logits",
            "float",
            (states, states),
            -1.0,
            1.0,
            about="transition logits from row to column, softmaxed per row",
        )
    if first == "given":
        d.input(
            "start",
            "float",
            states,
            0.2,
            1.0,
            about="unnormalized initial state weights",
        )
    if result in ("log likelihood", "both"):
        d.output("log_p", "float", total, about="log-likelihood per chain")
    if result in ("belief", "both"):
        d.output("beliefs", "float", (total, states), about="filtered probabilities of the last state")
    if result == "prediction":
        d.output("forecast", "float", (total, states), about="predicted next-state probabilities")
    d.says(
        {
            "log likelihood": "Computes observation log-likelihoods for a batch of hidden Markov models.",
            "belief": "Runs the forward filter for a batch of hidden Markov models.",
            "prediction": "Predicts the next hidden state for a batch of hidden Markov models.",
            "both": "Runs the forward filter for a batch of hidden Markov models and computes log-likelihoods.",
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
            def normal_pdf(reading: float, level: float, deviation: float) -> float:
                """Returns the emission density of a reading in a state."""
                z = (reading - level) / deviation
                return wp.exp(-0.5 * z * z) / (deviation * wp.sqrt(wp.TAU))
        ''')
    if missing:
        d.function('''
            @wp.func
            def skip_missing(seen: float, present: int) -> float:
                """Returns the evidence, or 1 if the observation is missing."""
                return wp.where(present == 0, 1.0, seen)
        ''')
    if rows != "logits":
        d.function("""
            @wp.func
            def step_probability(row: int, col: int, stay: float) -> float:
                if row == col:
                    return stay
                return (1.0 - stay) / float(STATES - 1)
        """)
    matrix = {
        "logits": "exps = wp.tile_map(wp.exp, wp.tile_load(transition_logits, shape=(STATES, STATES)))\n"
        "row_sums = wp.tile_sum(exps, axis=1)\n"
        f"moves = exps / {per_row('row_sums', 'STATES', 'STATES')}",
        "stay": f"row_id = {per_row('wp.tile_arange(STATES, dtype=int)', 'STATES', 'STATES')}\n"
        f"col_id = {per_col('wp.tile_arange(STATES, dtype=int)', 'STATES', 'STATES')}\n"
        "moves = wp.tile_map(step_probability, row_id, col_id, stay)",
    }["logits" if rows == "logits" else "stay"]
    if rows == "each":
        matrix = matrix.replace(", stay)", ", stay_wide)").replace(
            "moves =",
            f"stay = wp.tile_load(stays, shape=STATES)\nstay_wide = {per_row('stay', 'STATES', 'STATES')}\nmoves =",
        )
    load = {
        "symbols": "symbol = wp.tile_load(symbols[t], shape=CHAINS, offset=first)\n"
        "scores = wp.tile_load_indexed(emission_logits, indices=symbol, shape=(CHAINS, STATES))\n"
        f"seen = wp.tile_map(wp.exp, scores) / {per_col('emit_sums', 'CHAINS', 'STATES')}",
        "values": "reading = wp.tile_load(readings[t], shape=CHAINS, offset=first)\n"
        f"seen = wp.tile_map(normal_pdf, {per_row('reading', 'CHAINS', 'STATES')}, level_wide, deviation)",
        "soft symbols": "likely = wp.tile_load(evidence[t], shape=(CHAINS, KINDS), offset=(first, 0))\n"
        "seen = wp.tile_matmul(likely, emit)",
    }[observed]
    emit_exps = "emit_exps = wp.tile_map(wp.exp, wp.tile_load(emission_logits, shape=(KINDS, STATES)))"
    before = {
        "symbols": f"{emit_exps}\nemit_sums = wp.tile_sum(emit_exps, axis=0)",
        "values": "level = wp.tile_load(levels, shape=STATES)\n"
        f"level_wide = {per_col('level', 'CHAINS', 'STATES')}",
        "soft symbols": f"{emit_exps}\nemit_sums = wp.tile_sum(emit_exps, axis=0)\n"
        f"emit = emit_exps / {per_col('emit_sums', 'KINDS', 'STATES')}",
    }[observed]
    mask = ""
    if missing:
        mask = (
            "given = wp.tile_load(present[t], shape=CHAINS, offset=first)\n"
            f"masked = wp.tile_map(skip_missing, seen, {per_row('given', 'CHAINS', 'STATES')})"
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
            # Normalize at each step, because products of probabilities underflow
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
        "alpha_t = B(y_t) A^T alpha_t-1, normalized, with one matrix product for all chains in a block"
        + ("; log p is the sum of the log scales." if counts else ".")
        + "\nEach chain takes one transition before the first observation."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        stay_ = v.stays[:, None] if rows == "each" else v.get("stay", 0.0)
        a = {"logits": lambda: np.exp(v.transition_logits) / np.exp(v.transition_logits).sum(1, keepdims=True),
             "stay": lambda: np.where(np.eye(states) > 0, stay_, (1 - stay_) / (states - 1))}["logits" if rows == "logits" else "stay"]()  # fmt: skip
        if observed != "values":
            emits_ = np.exp(v.emission_logits) / np.exp(v.emission_logits).sum(0)
        if observed == "symbols":
            b = emits_[v.symbols]
        elif observed == "values":
            z = (v.readings[..., None] - v.levels) / v.deviation
            b = np.exp(-0.5 * z * z) / (v.deviation * np.sqrt(2 * np.pi))
        else:
            b = v.evidence @ emits_
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
