"""The next token of language models, drawn from their logits."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Holtzman et al. 2020 (nucleus sampling); Fan, Lewis & Dauphin 2018 (top-k); Keskar et al. 2019 (penalty)",
    names={
        "sample_tokens": "sample_logits|next_token|decode_step|draw_next_tokens",
        "logits": "scores_in|next_logits|lm_logits",
        "scores": "adjusted|work|adjusted_logits",
        "seq": "tid|row|batch_idx",
        "token": "next_ids|sampled|chosen",
        "best": "top|max_score|peak",
        "norm": "denominator|partition|z_sum",
        "v": "vocab_id|candidate|k",
        "history": "generated|past_tokens|context",
    },
    adjoint="no",
    weight=6,
)
def sample_tokens(d: Draft) -> None:
    """Samples the next token for each sequence from penalized and truncated logits."""
    penalty = d.option("penalty", "none", "repetition", "frequency")
    temperature = d.option("temperature", "shared", "each", "none")
    top_k = d.flag("top k")
    nucleus = d.option("truncation", "top p", "min p", "none", "typical")
    draw = d.option("draw", "inverse", "gumbel", "greedy", "exponential")
    if draw == "greedy":  # what is cut away is never the best
        d.calls("greedy_decode|pick_next_tokens|next_token|decode_step")
        top_k, nucleus = False, "none"
        temperature = "none"  # nor does a temperature change what is the best
    biased = d.flag("bias", 0.35)
    banned = d.option("banned", "none", "mask", "end")
    finished = d.flag("finished", 0.4)
    score = d.flag("log probability", 0.4)
    if (penalty, temperature, banned) == ("none", "none", "none"):  # else the scores would be a mere copy
        biased = True
    batch, vocab, past = d.pick(12, 16, 24), d.pick(20, 24, 32), d.pick(4, 5, 6)
    d.input("logits", "float", (batch, vocab), -3.0, 3.0, about="Logits at the last position")
    if biased:
        d.input("logit_bias", "float", vocab, -1.0, 1.0, about="Per-token logit bias")
    if penalty != "none":
        d.input("history", "int", (batch, past), -1, vocab, about="Previous tokens, padded with -1")
        d.param("history_len", "int", past, about="Number of history tokens")
    if penalty == "repetition":
        d.param(
            "repetition_penalty",
            "float",
            1.1,
            1.5,
            about="Repetition penalty, above 1 to discourage repeats",
        )
    elif penalty == "frequency":
        d.param("frequency_penalty", "float", 0.1, 0.6, about="Penalty per occurrence")
        d.param("presence_penalty", "float", 0.1, 0.6, about="One-time penalty for tokens already seen")
    if banned == "mask":
        d.mask("allowed", "bool", (batch, vocab), about="Grammar mask, True for allowed tokens")
    elif banned == "end":
        d.input("length", "int", batch, 0, 9, about="Number of tokens generated so far")
        d.param("min_length", "int", 4, 6, about="Minimum length before EOS is allowed")
    if finished:
        d.mask("done", "bool", batch, rare=True, about="True for finished sequences")
    if temperature == "shared":
        d.param("temperature", "float", 0.6, 1.3, about="Softmax temperature")
    elif temperature == "each":
        d.input("temperature", "float", batch, 0.5, 1.4, about="Per-sequence temperature")
    if top_k:
        d.param("top_k", "int", 5, 12, about="Number of candidates kept")
    if nucleus == "top p":
        d.param("top_p", "float", 0.6, 0.95, about="Nucleus probability mass")
    elif nucleus == "min p":
        d.param("min_p", "float", 0.05, 0.3, about="Minimum probability relative to the top token")
    elif nucleus == "typical":
        d.param("typical_width", "float", 0.8, 2.0, about="Maximum deviation from the entropy [nat]")
    if draw in ("gumbel", "exponential"):
        d.input("noise", "float", (batch, vocab), 0.001, 0.999, about="Uniform random samples in (0, 1)")
    elif draw == "inverse":
        d.input("noise", "float", batch, 0.001, 0.999, about="Uniform random sample per sequence")
    cuts = top_k or nucleus != "none"
    d.output(
        "scores",
        "float",
        (batch, vocab),
        about=("Adjusted logits, also read by the truncation step" if cuts else "Adjusted logits")
        + (", not written for finished sequences" if finished else ""),
    )
    d.output("token", "int", batch, about="Argmax token" if draw == "greedy" else "Sampled token")
    before = " before truncation" if cuts else ""
    if score:
        d.output("log_prob", "float", batch, about=f"Log-probability of the chosen token{before}")
    d.module(
        "PAD = wp.constant(0)\nNEG_INF = wp.constant(-1.0e30)"
        if finished
        else "NEG_INF = wp.constant(-1.0e30)"
    )
    if banned == "end":
        d.module(f"EOS = wp.constant({d.pick(1, 2)})")
    end = int(d.prelude[-1].split("(")[1].rstrip(")")) if banned == "end" else -1
    needs_norm = score or nucleus in ("top p", "typical") or (draw == "inverse" and not cuts)
    if needs_norm:
        d.function('''
            @wp.func
            def exp_sum(scores: wp.array2d(dtype=float), seq: int, vocab_size: int, best: float) -> float:
                """Returns the softmax denominator over the vocabulary, shifted by the top score."""
                total = float(0.0)
                for v in range(vocab_size):
                    total += wp.exp(scores[seq, v] - best)
                return total
        ''')
    if top_k:
        d.function('''
            @wp.func
            def rank_of(scores: wp.array2d(dtype=float), seq: int, vocab_size: int, v: int) -> int:
                """Returns the number of higher-scoring tokens; ties go to the smaller index."""
                rank = int(0)
                own = scores[seq, v]
                for u in range(vocab_size):
                    if scores[seq, u] > own or (scores[seq, u] == own and u < v):
                        rank += 1
                return rank
        ''')
    if nucleus == "top p":
        d.function('''
            @wp.func
            def mass_above(scores: wp.array2d(dtype=float), seq: int, vocab_size: int, v: int, best: float) -> float:
                """Returns the unnormalized probability mass of tokens ranked above a given one."""
                mass = float(0.0)
                for u in range(vocab_size):
                    if scores[seq, u] > scores[seq, v]:
                        mass += wp.exp(scores[seq, u] - best)
                return mass
        ''')
    if nucleus == "typical":
        d.function('''
            @wp.func
            def entropy_of(scores: wp.array2d(dtype=float), seq: int, vocab_size: int, log_norm: float) -> float:
                """Returns the softmax entropy [nat]."""
                entropy = float(0.0)
                for v in range(vocab_size):
                    log_p = scores[seq, v] - log_norm
                    entropy -= wp.exp(log_p) * log_p
                return entropy
        ''')
    blocked = {
        "none": "",
        "mask": "if not allowed[seq, v]:\n    score = NEG_INF",
        "end": "if v == EOS and length[seq] < min_length:\n    score = NEG_INF",
    }[banned]
    if penalty == "none":
        seen = ""
    else:
        seen = """
            # Penalize repeated tokens to avoid loops
            $how
            """.replace(
            "$how",
            """seen = bool(False)
            for j in range(history_len):
                if history[seq, j] == v:
                    seen = True
            if seen:
                # Multiply negative logits, since dividing would favor the token
                score = wp.where(score > 0.0, score / repetition_penalty, score * repetition_penalty)"""
            if penalty == "repetition"
            else """count = int(0)
            for j in range(history_len):
                if history[seq, j] == v:
                    count += 1
            score -= frequency_penalty * float(count)
            if count > 0:
                score -= presence_penalty""",
        )
    cut = {
        "top p": """
            # Keep the token that crosses top_p so the set is never empty
            if mass_above(scores, seq, vocab_size, v, best) >= top_p * norm:
                continue
            """,
        "min p": """
            # Relative to the top token, so the cutoff adapts to model confidence
            if scores[seq, v] - best < wp.log(min_p):
                continue
            """,
        "typical": """
            # Locally typical: keep tokens with surprisal near the entropy, plus the best token
            surprise = log_norm - scores[seq, v]
            if wp.abs(surprise - entropy) > typical_width and v != best_token:
                continue
            """,
        "none": "",
    }[nucleus]
    cut_again = "\n".join(line for line in dedented(cut).split("\n") if not line.startswith("#"))
    truncated = ("if rank_of(scores, seq, vocab_size, v) >= top_k:\n    continue\n" if top_k else "") + (
        "$cut" if cut else ""
    )
    pick = {
        "inverse": """
            # Inverse CDF over the kept tokens
            kept = float(0.0)
            last = int(0)
            for v in range(vocab_size):
                $truncated
                kept += wp.exp(scores[seq, v] - best)
                last = v
            target = noise[seq] * kept
            chosen = last
            for v in range(vocab_size):
                $truncated_again
                target -= wp.exp(scores[seq, v] - best)
                if target <= 0.0:
                    chosen = v
                    break
            """,
        "gumbel": """
            # Gumbel-max trick: argmax of the perturbed logits is a softmax sample
            chosen = int(0)
            largest = NEG_INF
            for v in range(vocab_size):
                $truncated
                key = scores[seq, v] - wp.log(-wp.log(noise[seq, v]))
                if key > largest:
                    largest = key
                    chosen = v
            """,
        "exponential": """
            # Exponential race: p / e is largest with probability p
            chosen = int(0)
            largest = NEG_INF
            for v in range(vocab_size):
                $truncated
                key = wp.exp(scores[seq, v] - best) / -wp.log(noise[seq, v])
                if key > largest:
                    largest = key
                    chosen = v
            """,
        "greedy": "",
    }[draw]
    if not cuts and draw == "inverse":
        pick = """
            # Inverse CDF sampling
            target = noise[seq] * norm
            chosen = best_token
            for v in range(vocab_size):
                target -= wp.exp(scores[seq, v] - best)
                if target <= 0.0:
                    chosen = v
                    break
            """
    # The best token is asked for by name, or stands in where rounding lets the walk run past the end
    named = draw == "greedy" or nucleus == "typical" or (draw == "inverse" and not cuts)
    needs_best = needs_norm or nucleus == "min p" or draw in ("inverse", "exponential")
    first = ["best_token = int(0)"] * named + ["best = NEG_INF"] * (named or needs_best)
    remember = "if score > best:\n    best = score\n    best_token = v"
    d.launch(batch)
    d.code(
        """
        seq = wp.tid()
        vocab_size = logits.shape[1]
        $finished
        $first
        for v in range(vocab_size):
            score = logits[seq, v]$bias
            $seen
            $temperature
            $blocked
            $keep
            $better
        $norm
        $pick
        token[seq] = chosen
        $log_prob
        """,
        finished="# Pad finished sequences\nif done[seq]:\n    token[seq] = PAD\n"
        + ("    log_prob[seq] = 0.0\n" if score else "")
        + "    return\n"
        if finished
        else "",
        bias=" + logit_bias[v]" if biased else "",
        seen=seen,
        temperature={
            "shared": "score /= temperature",
            "each": "score /= temperature[seq]",
            "none": "",
        }[temperature],
        first="\n".join(first),
        better=(remember if named else "best = wp.max(best, score)") if first else "",
        blocked=blocked,
        keep="" if draw == "greedy" and not score else "scores[seq, v] = score",
        norm=""
        if not needs_norm
        else "norm = exp_sum(scores, seq, vocab_size, best)"
        + (
            "\nlog_norm = best + wp.log(norm)\nentropy = entropy_of(scores, seq, vocab_size, log_norm)"
            if nucleus == "typical" and draw != "greedy"
            else ""
        ),
        pick=pick,
        truncated=truncated,
        truncated_again=truncated.replace("$cut", cut_again),
        cut=cut,
        log_prob=""
        if not score
        else "log_prob[seq] = -wp.log(norm)"  # of the best token, whose exp(score - best) is one
        if draw == "greedy"
        else "# Normalize over the full vocabulary, not just the kept tokens\n" * bool(cuts)
        + "log_prob[seq] = scores[seq, chosen] - best - wp.log(norm)",
    )
    if draw == "greedy":
        d.text = re.sub(r"\bchosen\b", "best_token", d.text)
    kinds = ["penalized"] if penalty != "none" else []
    kinds += ["truncated"] if truncated else []
    of = " and ".join(kinds) or "adjusted"
    told = f", storing its log-probability{before}" if score else ""
    if draw == "greedy":
        d.says(f"Selects the next token for each sequence greedily from {of} logits{told}.")
    else:
        d.says(f"Samples the next token for each sequence from {of} logits{told}.")
    if truncated:
        d.explain("""
            Logits are adjusted first, unlikely tokens are dropped, and one of the rest is sampled.
            The top token is always kept.
        """)

    def reference(v: Values) -> dict[str, Any]:
        made, kept = np.zeros(batch, int), np.zeros((batch, vocab))
        logs = np.zeros(batch)
        for b in range(batch):
            if finished and v.done[b]:
                continue
            s = _adjusted(v, b, penalty, temperature, biased)
            if banned != "none":
                stop = (np.arange(vocab) == end) & (v.length[b] < v.min_length) if banned == "end" else None
                s = np.where(~v.allowed[b] if stop is None else stop, -1e30, s)
            kept[b], made[b] = s, _drawn(v, b, s, top_k, nucleus, draw)
            logs[b] = s[made[b]] - s.max() - np.log(np.exp(s - s.max()).sum())
        found = {"token": made} if draw == "greedy" and not score else {"token": made, "scores": kept}
        return found | ({"log_prob": logs} if score else {})

    def agrees(v: Values, after: Values) -> None:
        made = reference(v)
        same = np.mean(after.token == made["token"])
        assert same >= 0.95, f"{same:.2f} of the tokens agree"
        if "scores" in made:
            np.testing.assert_allclose(after.scores, made["scores"], rtol=1e-3, atol=1e-3)
        if score:
            near = np.abs(after.log_prob - made["log_prob"]) < 1e-3
            assert near.mean() >= 0.95

    d.holds(agrees)


def _adjusted(v: Values, b: int, penalty: str, temperature: str, biased: bool) -> Any:
    s = v.logits[b] + (v.logit_bias if biased else 0.0)
    if penalty != "none":
        seen = np.bincount(v.history[b][v.history[b] >= 0], minlength=len(s))
        if penalty == "frequency":
            s = s - v.frequency_penalty * seen - v.presence_penalty * (seen > 0)
        else:
            factor = np.where(s > 0, 1 / v.repetition_penalty, v.repetition_penalty)
            s = np.where(seen > 0, s * factor, s)
    if temperature == "none":
        return s
    return s / (v.temperature if temperature == "shared" else v.temperature[b])


def _drawn(v: Values, b: int, s: Any, top_k: bool, nucleus: str, draw: str) -> int:
    """The token that is drawn of one sequence's scores."""
    p = np.exp(s - s.max())
    p = p / p.sum()
    order = np.argsort(-s, kind="stable")
    keep = np.ones(len(s), bool)
    if top_k:
        keep[order[int(v.top_k) :]] = False
    if nucleus == "top p":
        keep &= np.array([p[s > x].sum() < v.top_p for x in s])
    elif nucleus == "min p":
        keep &= p >= v.min_p * p.max()
    elif nucleus == "typical":
        logs = s - s.max() - np.log(np.exp(s - s.max()).sum())
        entropy = -(p * logs).sum()
        keep &= (np.abs(-logs - entropy) <= v.typical_width) | (s == s.max())
    if draw == "greedy":
        return int(order[0])
    q = np.where(keep, p, 0.0)
    if draw == "inverse":
        at = np.cumsum(q) >= v.noise[b] * q.sum()
        return int(np.argmax(at & keep))
    keys = p / -np.log(v.noise[b])
    return int(np.argmax(np.where(keep, keys, -1.0)))
