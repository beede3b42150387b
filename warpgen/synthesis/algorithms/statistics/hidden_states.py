"""Hidden Markov models."""

from __future__ import annotations

import itertools
import re
import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_LOG_SUM = '''
@wp.func
def log_sum(a: float, b: float) -> float:
    """Returns log(exp(a) + exp(b)) without underflow."""
    high = wp.max(a, b)
    # Factor out the larger term so the exponentials cannot both underflow
    return high + wp.log(1.0 + wp.exp(wp.min(a, b) - high))
'''


@DOMAIN.algorithm(
    source="Rabiner 1989, sec. III and V (scaling); Baum et al. 1970; Bishop 2006, sec. 13.2",
    names={
        "state_posteriors": "forward_backward|hmm_smoothing|smooth_states|hmm_posteriors",
        "series": "seq|sequence|tid",
        "leave": "exit_prob|leaving|switch_prob",
        "event_prob": "hit_prob|event_rate|p_event",
        "prior": "initial|start_weights|initial_weights",
        "posterior": "gamma|responsibility|smoothed",
        "steps": "length|num_obs|frames",
        "mean": "mu|state_means|mean_readings",
    },
    adjoint="no",
    element="chain",
    weight=7,
)
def state_posteriors(d: Draft) -> None:
    """Computes posterior state probabilities for hidden Markov models (forward-backward algorithm)."""
    space = d.option("space", "scaled", "logarithmic")
    seen = d.option("observations", "events", "gaussian", "poisson")
    result = d.option(
        "result", "posterior", "likelihood", "transitions", "entropy", weights=(0.35, 0.2, 0.3, 0.15)
    )
    first = d.option("prior", "given", "uniform")
    if result == "likelihood":
        first = "uniform"  # weights that sum to something else would change it
    ragged = d.flag("lengths", 0.4)
    missing = d.flag("missing", 0.35)
    layout = d.option("layout", "series first", "time first")
    if result != "posterior":
        d.calls({
            "likelihood": "hmm_likelihood|forward_algorithm|series_likelihood",
            "transitions": "expected_transitions|baum_welch_transitions|baum_welch_expectation",
            "entropy": "state_entropy|posterior_entropy|hmm_uncertainty",
        }[result])  # fmt: skip
    count, states, most = d.pick(16, 24), d.pick(2, 3), d.pick(5, 6)
    last_only = result == "likelihood"  # needs no states but those of the latest step
    d.module(f"STATES = wp.constant({states})" + ("" if last_only else f"\nMAX_STEPS = wp.constant({most})"))
    shape = (count, most) if layout == "series first" else (most, count)
    kind = "float" if seen == "gaussian" else "int"
    low = {"events": -1 if missing else 0, "gaussian": 0.0, "poisson": -1 if missing else 0}[seen]
    high = {"events": 2, "gaussian": 6.0, "poisson": 6}[seen]
    about = {
        "events": "1 if the event was observed, else 0",
        "gaussian": "observed readings",
        "poisson": "observed counts",
    }[seen]
    flagged = missing and seen == "gaussian"  # readings may be negative themselves
    gone = ", negative where none was made" if missing and not flagged else ""
    d.input("observed", kind, shape, low, high, about=about + gone)
    if flagged:
        d.mask("present", "bool", shape, about="False for missing readings")
    if ragged:
        d.input("lengths", "int", count, 2, most + 1, about="Number of observations per series")
    others = "" if states == 2 else ", all others being equally likely"
    d.input("leave", "float", states, 0.1, 0.5, about=f"Per-step exit probability for each state{others}")
    if first == "given":
        about = "Unnormalized initial state weights"
        d.input("prior", "float", states, 0.2, 1.0, about=about)
    if seen == "events":
        d.input("event_prob", "float", states, 0.1, 0.9, about="Event probability per state")
    elif seen == "gaussian":
        d.input("mean", "float", states, 1.0, 4.0, about="Mean reading per state")
        d.input("deviation", "float", states, 0.6, 1.2, about="Standard deviation per state")
    else:
        d.input("intensity", "float", states, 0.5, 4.0, about="Mean count per state")
    if result == "posterior":
        d.output(
            "posterior",
            "float",
            (count, most, states),
            about="Posterior state probabilities per time step"
            + (", zero past the series end" if ragged else ""),
        )
    elif result == "transitions":
        d.output(
            "expected",
            "float",
            (count, states, states),
            about="Expected transition counts, accumulated in place",
        )
        d.says("Accumulates expected transition counts for hidden Markov models (Baum-Welch).")
    elif result == "likelihood":
        d.output("log_likelihood", "float", count, about="Log-likelihood per series")
        d.says("Computes series log-likelihoods under a hidden Markov model (forward algorithm).")
    else:
        d.output("uncertainty", "float", count, about="Mean posterior entropy [nat]")
        d.says("Computes the mean posterior state entropy for hidden Markov models.")
    log = space == "logarithmic"
    body = {
        "events": "return wp.where(value == 1, event_prob[state], 1.0 - event_prob[state])",
        "gaussian": "z = (value - mean[state]) / deviation[state]\n"
        "return wp.exp(-0.5 * z * z) / (deviation[state] * wp.sqrt(2.0 * wp.pi))",
        "poisson": "weight = wp.exp(-intensity[state])\nfor k in range(value):\n"
        "    weight *= intensity[state] / float(k + 1)\nreturn weight",
    }[seen]
    tables = {
        "events": "event_prob: wp.array(dtype=float)",
        "gaussian": "mean: wp.array(dtype=float), deviation: wp.array(dtype=float)",
        "poisson": "intensity: wp.array(dtype=float)",
    }[seen]
    names = ", ".join(part.split(":")[0] for part in tables.split(", "))
    test = "not there" if flagged else "value < 0"
    measure = "Probability density" if seen == "gaussian" else "Probability"
    if log:
        body = {
            "events": "return wp.log(wp.where(value == 1, event_prob[state], 1.0 - event_prob[state]))",
            "gaussian": "z = (value - mean[state]) / deviation[state]\n"
            "return -0.5 * z * z - wp.log(deviation[state] * wp.sqrt(2.0 * wp.pi))",
            "poisson": "weight = -intensity[state]\nfor k in range(value):\n"
            "    weight += wp.log(intensity[state] / float(k + 1))\nreturn weight",
        }[seen]
        measure = f"Logarithm of the {measure.lower()}"
    none = ("0.0", "zero") if log else ("1.0", "one")
    called = "observation_score" if log else "observation_weight"
    d.function(
        f'''
        @wp.func
        def {called}({tables}, state: int, value: {kind}{", there: bool" if flagged else ""}) -> float:
            """{measure} of an observation given the state{f", {none[1]} if there is none" if missing else ""}."""
            $skip
            $body
        ''',
        skip=f"if {test}:\n    # A missing observation does not change the state probabilities\n    return {none[0]}"
        if missing
        else "",
        body=re.sub(r"weight = (\S+)\n", r"weight = float(\1)\n", body),
    )
    d.function(
        """
        @wp.func
        def transition(leave: wp.array(dtype=float), i: int, j: int) -> float:
            \"\"\"Return the transition probability from state i to state j.\"\"\"
            if i == j:
                return 1.0 - leave[i]
            return $other
    """,
        other="leave[i]" if states == 2 else "leave[i] / float(STATES - 1)",
    )
    if log:
        d.function(_LOG_SUM)
    at = "observed[series, {1}]" if layout == "series first" else "observed[{1}, series]"
    if flagged:
        at += ", " + at.replace("observed", "present")
    weight = f"{called}({names}, {{0}}, {at})"
    end = "steps" if ragged else f"observed.shape[{int(layout == 'series first')}]"
    last = f"{end} - 1"
    start = "prior[j]" if first == "given" else "1.0 / float(STATES)"
    if log:
        begin = f"alpha[0, j] = wp.log({start}) + {weight.format('j', '0')}"
        move = f"""
            for t in range(1, {end}):
                for j in range(STATES):
                    reach = alpha[t - 1, 0] + wp.log(transition(leave, 0, j))
                    for i in range(1, STATES):
                        reach = log_sum(reach, alpha[t - 1, i] + wp.log(transition(leave, i, j)))
                    alpha[t, j] = reach + {weight.format("j", "t")}
            evidence = alpha[{last}, 0]
            for j in range(1, STATES):
                evidence = log_sum(evidence, alpha[{last}, j])
            """
        if last_only:
            begin = begin.replace("[0, j] =", "[j] =")
            move = f"""
            for t in range(1, {end}):
                for j in range(STATES):
                    reach = alpha[0] + wp.log(transition(leave, 0, j))
                    for i in range(1, STATES):
                        reach = log_sum(reach, alpha[i] + wp.log(transition(leave, i, j)))
                    ahead[j] = reach + {weight.format("j", "t")}
                for j in range(STATES):
                    alpha[j] = ahead[j]
            evidence = alpha[0]
            for j in range(1, STATES):
                evidence = log_sum(evidence, alpha[j])
            """
        back = f"""
            # Log probability of later observations given the state; log 1 at the end
            for r in range(1, {end}):
                t = {last} - r
                for i in range(STATES):
                    # log(0), empty sum
                    later = float(-1.0e30)
                    for j in range(STATES):
                        step = wp.log(transition(leave, i, j)) + {weight.format("j", "t + 1")}
                        later = log_sum(later, step + beta[t + 1, j])
                    beta[t, i] = later
            """
        share = "wp.exp(alpha[t, {0}] + beta[t, {0}] - evidence)"
        pair = f"wp.exp(alpha[t, i] + wp.log(transition(leave, i, j)) + {weight.format('j', 't + 1')} + beta[t + 1, j] - evidence)"
    else:
        own, before = ("[j]", "[i]") if last_only else ("[t, j]", "[t - 1, i]")
        begin = f"ahead[j] = {start}"
        move = f"""
            $begin
            for t in range({end}):
                # Predicted state probabilities after the transition
                if t > 0:
                    for j in range(STATES):
                        reach = float(0.0)
                        for i in range(STATES):
                            reach += alpha{before} * transition(leave, i, j)
                        ahead[j] = reach
                norm = float(0.0)
                for j in range(STATES):
                    alpha{own} = ahead[j] * {weight.format("j", "t")}
                    norm += alpha{own}
                # Normalize each step; the likelihood is the product of the scales
                for j in range(STATES):
                    alpha{own} = alpha{own} / norm
                $keep
            """
        back = f"""
            for j in range(STATES):
                beta[{last}, j] = 1.0
            # Use the same scales as `alpha`, so that `alpha` times `beta` is the posterior
            for r in range(1, {end}):
                t = {last} - r
                for i in range(STATES):
                    later = float(0.0)
                    for j in range(STATES):
                        later += transition(leave, i, j) * {weight.format("j", "t + 1")} * beta[t + 1, j]
                    beta[t, i] = later / scale[t + 1]
            """
        share = "alpha[t, {0}] * beta[t, {0}]"
        pair = f"alpha[t, i] * transition(leave, i, j) * {weight.format('j', 't + 1')} * beta[t + 1, j] / scale[t + 1]"
    store = {
        "posterior": f"""
            for t in range({end}):
                for j in range(STATES):
                    posterior[series, t, j] = {share.format("j")}
            """,
        "likelihood": "log_likelihood[series] = evidence",
        "transitions": f"""
            for t in range({last}):
                for i in range(STATES):
                    for j in range(STATES):
                        expected[series, i, j] += {pair}
            """,
        "entropy": f"""
            entropy = float(0.0)
            for t in range({end}):
                for j in range(STATES):
                    p = {share.format("j")}
                    # p log p tends to zero with p
                    if p > 1.0e-12:
                        entropy -= p * wp.log(p)
            uncertainty[series] = entropy / float({end})
            """,
    }[result]
    d.launch(count)
    d.code(
        f"""
        series = wp.tid()
        $length
        alpha = wp.zeros(shape=$room_of, dtype=float)
        $ahead
        $room
        # --- Forward pass ---
        for j in range(STATES):
            {begin}
        $move
        $back
        $store
        """,
        length="steps = lengths[series]" if ragged else "",
        room_of="STATES" if last_only else "(MAX_STEPS, STATES)",
        ahead="" if log and not last_only else "ahead = wp.zeros(shape=STATES, dtype=float)",
        room=""
        if result == "likelihood"
        else "beta = wp.zeros(shape=(MAX_STEPS, STATES), dtype=float)"
        + ("" if log else "\nscale = wp.zeros(shape=MAX_STEPS, dtype=float)"),
        move=move,
        begin="evidence = float(0.0)" if result == "likelihood" else "",
        keep="evidence += wp.log(norm)" if result == "likelihood" else "scale[t] = norm",
        back=""
        if result == "likelihood"
        else "# --- Backward pass ---\n" + textwrap.dedent(back).strip("\n"),
        store=store,
    )
    greek = d.pick(("alpha", "beta"), ("forward", "backward"), ("fwd", "bwd"))
    for old, new in zip(("alpha", "beta"), greek, strict=True):
        d.text = re.sub(rf"\b{old}\b", new, d.text)
    if not log:
        scaling = "Each alpha is normalized, since products of probabilities underflow (Rabiner, sec. V.A)."
    else:
        scaling = "The recursion runs in log space, since products of probabilities underflow."
    back_rule = "" if result == "likelihood" else " and beta_t(i) = sum_j a_ij b_j(o_t+1) beta_t+1(j)"
    d.explain(f"""
        alpha_t(j) = sum_i alpha_t-1(i) a_ij b_j(o_t){back_rule}.
        {scaling}
    """)

    def reference(v: Values) -> dict[str, Any]:
        made: dict[str, Any] = {
            "posterior": np.zeros((count, most, states)), "log_likelihood": np.zeros(count),
            "expected": np.zeros((count, states, states)), "uncertainty": np.zeros(count),
        }  # fmt: skip
        o = np.where(v.present, v.observed, -1.0) if flagged else v.observed
        o = o if layout == "series first" else o.T
        for s in range(count):
            n = int(v.lengths[s]) if ragged else most
            b = np.array([_weights(v, seen, x, missing, states) for x in o[s, :n]])
            a = np.where(np.eye(states) > 0, 1 - v.leave, v.leave / (states - 1)).T
            p = v.prior if first == "given" else np.full(states, 1 / states)
            total = 0.0
            for path in itertools.product(range(states), repeat=n):  # all paths, one by one
                w = p[path[0]] * np.prod([a[i, j] for i, j in itertools.pairwise(path)])
                w *= np.prod([b[t, i] for t, i in enumerate(path)])
                total += w
                for t, i in enumerate(path):
                    made["posterior"][s, t, i] += w
                for i, j in itertools.pairwise(path):
                    made["expected"][s, i, j] += w
            made["posterior"][s] /= total
            made["expected"][s] /= total
            made["log_likelihood"][s] = np.log(total)
            q = made["posterior"][s, :n]
            made["uncertainty"][s] = -(q * np.log(np.maximum(q, 1e-300))).sum() / n
        name = {"likelihood": "log_likelihood", "transitions": "expected", "entropy": "uncertainty"}.get(
            result, result
        )
        return {name: made[name]}

    d.check(reference, 1e-3)


def _weights(v: Values, seen: str, x: Any, missing: bool, states: int) -> Any:
    if missing and x < 0:
        return np.ones(states)
    if seen == "events":
        return v.event_prob if x == 1 else 1 - v.event_prob
    if seen == "gaussian":
        return np.exp(-0.5 * ((x - v.mean) / v.deviation) ** 2) / (v.deviation * np.sqrt(2 * np.pi))
    return np.exp(-v.intensity) * v.intensity ** int(x) / float(np.prod(np.arange(1, int(x) + 1)))
