"""Levels, pitches and phases of signals as they go."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Giannoulis, Massberg & Reiss 2012, Digital dynamic range compressor design",
    names={
        "compressor": "dynamics|dynamics_processor|gain_computer",
        "x": "audio|signal|input_signal",
        "y": "compressed|out_signal|processed",
        "env": "envelope|level|detector",
        "over": "excess|above|overshoot",
        "attack": "attack_coeff|alpha_a|rise",
        "release": "release_coeff|alpha_r|fall",
        "threshold": "threshold_db|thresh|t_db",
    },
    double=True,
    adjoint="no",
)
def compressor(d: Draft) -> None:
    """Reduces the gain of each channel where its envelope passes a threshold."""
    detector = d.option("detector", "peak", "rms", "decibel")
    knee = d.option("knee", "hard", "soft")
    kind = d.option("kind", "compressor", "limiter", "gate", "expander")
    out = d.option("out", "signal", "gain", "envelope")
    layout = d.option("layout", "rows", "columns")
    side = d.flag("side chain", 0.25) and out == "signal"
    makeup = d.flag("makeup", 0.3) and out == "signal"
    n, length = d.pick(16, 24, 32), d.pick(16, 20, 24)
    shape = (n, length) if layout == "rows" else (length, n)
    at = "[c, i]" if layout == "rows" else "[i, c]"
    d.input("x", "float", shape, -1.0, 1.0)
    if side:
        d.input("key", "float", shape, -1.0, 1.0)
    d.param("attack", "float", 0.2, 0.6)
    d.param("release", "float", 0.7, 0.95)
    if out != "envelope":
        d.param("threshold", "float", -12.0, -6.0)
        if kind in ("compressor", "expander"):
            d.param("ratio", "float", 2.0, 6.0)
        if knee == "soft" and kind in ("compressor", "limiter"):
            d.param("width", "float", 3.0, 8.0)
    if makeup:
        d.param("makeup", "float", 1.0, 2.0)
    d.output({"signal": "y", "gain": "gains", "envelope": "envelope"}[out], "float", shape)
    heard = f"key{at}" if side else f"x{at}"
    rise = {
        "peak": f"s = wp.abs({heard})",
        "rms": f"s = {heard} * {heard}",
        "decibel": (
            "# the floor keeps the logarithm of silence finite\n"
            f"s = 8.685889638 * wp.log(wp.max(wp.abs({heard}), 1.0e-4))"
        ),
    }[detector]
    level = {
        "peak": "8.685889638 * wp.log(wp.max(env, 1.0e-4))",
        "rms": "4.342944819 * wp.log(wp.max(env, 1.0e-8))",
        "decibel": "env",
    }[detector]
    start = {"peak": "0.0", "rms": "0.0", "decibel": "-80.0"}[detector]
    slope = {"compressor": "(1.0 / ratio - 1.0)", "limiter": "-1.0"}.get(kind, "")
    if kind in ("compressor", "limiter"):
        cut = f"{slope} * over" if kind == "compressor" else "-over"
        bend = (
            f"{slope} * lap * lap / (2.0 * width)" if kind == "compressor" else "-lap * lap / (2.0 * width)"
        )
        if knee == "hard":
            curve = (
                f"db = wp.min({cut}, 0.0)" if kind != "compressor" else f"db = {slope} * wp.max(over, 0.0)"
            )
        else:
            curve = f"""
            db = 0.0
            if 2.0 * over > width:
                db = {cut}
            elif 2.0 * over > -width:
                # a parabola joins both lines with a common slope
                lap = over + 0.5 * width
                db = {bend}
            """
    elif kind == "gate":
        curve = "db = wp.where(over < 0.0, -60.0, 0.0)"
    else:
        curve = "db = wp.max((ratio - 1.0) * wp.min(over, 0.0), -60.0)"
    store = {
        "signal": f"y{at} = x{at} * wp.exp(0.1151292546 * db)" + (" * makeup" if makeup else ""),
        "gain": f"gains{at} = db",
        "envelope": f"envelope{at} = env",
    }[out]
    d.launch(n)
    d.code(
        """
        c = wp.tid()
        env = float($start)
        for i in range($length):
            $rise
            # one pole, quick to rise and slow to fall
            pole = wp.where(s > env, attack, release)
            env = pole * env + (1.0 - pole) * s
            $over
            $curve
            $store
        """,
        start=start,
        length="x.shape[1]" if layout == "rows" else "x.shape[0]",
        rise=rise,
        over="" if out == "envelope" else f"over = {level} - threshold",
        curve="" if out == "envelope" else curve,
        store=store,
    )
    verb = {
        "compressor": "Reduces the gain of each channel where its envelope passes a threshold.",
        "limiter": "Holds the envelope of each channel below a threshold.",
        "gate": "Mutes each channel while its envelope is below a threshold.",
        "expander": "Lowers the gain of each channel the more, the further its envelope falls below a level.",
    }[kind]
    d.says(
        verb if out != "envelope" else "Follows the envelope of each channel, quick to rise and slow to fall."
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v.x if layout == "rows" else v.x.T
        k = x if not side else v.key if layout == "rows" else v.key.T
        db_of = 20 / np.log(10)
        s = {"peak": np.abs(k), "rms": k**2, "decibel": db_of * np.log(np.maximum(np.abs(k), 1e-4))}[detector]
        env, e = np.zeros_like(x), np.full(n, float(start))
        for i in range(length):
            pole = np.where(s[:, i] > e, v.attack, v.release)
            e = pole * e + (1 - pole) * s[:, i]
            env[:, i] = e
        turn: Any = (lambda a: a) if layout == "rows" else np.transpose
        if out == "envelope":
            return {"envelope": turn(env)}
        level_ = (
            env
            if detector == "decibel"
            else db_of
            * np.log(np.maximum(env, 1e-4 if detector == "peak" else 1e-8))
            * (1 if detector == "peak" else 0.5)
        )
        over = level_ - v.threshold
        if kind == "gate":
            db = np.where(over < 0, -60.0, 0.0)
        elif kind == "expander":
            db = np.maximum((v.ratio - 1) * np.minimum(over, 0), -60)
        else:
            g = 1 / v.ratio - 1 if kind == "compressor" else -1.0
            w = v.width if knee == "soft" else 1e-9
            db = g * np.where(over > w / 2, over, np.where(over > -w / 2, (over + w / 2) ** 2 / (2 * w), 0.0))
        if out == "gain":
            return {"gains": turn(db)}
        return {"y": turn(x * 10 ** (db / 20) * (v.makeup if makeup else 1.0))}

    if kind == "gate" and out != "envelope":
        # what is on the threshold may fall to either side
        def near(before: Values, after: Values) -> None:
            name = {"signal": "y", "gain": "gains"}[out]
            expected = reference(before)[name]
            off = np.abs(after[name] - expected) > 1e-3 * np.abs(expected).max()
            assert off.mean() < 0.02, "the gate opens elsewhere"

        d.holds(near)
    else:
        d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="de Cheveigne & Kawahara 2002 (YIN); Ross et al. 1974 (AMDF); Rabiner 1977",
    names={
        "pitch_lag": "detect_period|estimate_pitch|period_search",
        "x": "frames|signal|audio",
        "lag": "tau|shift|period",
        "best": "best_value|minimum|lowest",
        "found": "best_lag|estimate|argbest",
        "diff": "delta|dx|step",
        "running": "cum|running_sum|acc_diff",
    },
    adjoint="no",
)
def pitch_lag(d: Draft) -> None:
    """Finds the period of each frame by comparing it with itself at growing lags."""
    method = d.option("method", "autocorrelation", "amdf", "yin", "normalised")
    out = d.option("out", "lag", "curve", "frequency")
    refine = d.flag("parabola", 0.4) and out == "frequency"
    early = d.flag("early", 0.5) and method == "yin" and out != "curve" and not refine
    layout = d.option("layout", "rows", "hops")
    n, frames, most = d.pick(24, 32), d.pick(24, 32), d.pick(8, 10, 12)
    hop = 8
    if layout == "rows":
        d.input("x", "float", (frames, n), -1.0, 1.0)
    else:
        d.input("x", "float", hop * (frames - 1) + n, -1.0, 1.0)
        d.param("hop", "int", hop)
        d.param("frame_length", "int", n)
    d.param("max_lag", "int", most)
    if early:
        d.param("threshold", "float", 0.5, 0.9)
    if out == "frequency":
        d.param("sample_rate", "float", 8000.0, 48000.0)
    size = "x.shape[1]" if layout == "rows" else "frame_length"
    a, b = (
        ("x[frame, t]", "x[frame, t + lag]")
        if layout == "rows"
        else ("x[frame * hop + t]", "x[frame * hop + t + lag]")
    )
    sums = {
        "autocorrelation": (
            "# overlap shrinks with the lag: the sum is made an average\n"
            "value = float(0.0)\n"
            f"for t in range({size} - lag):\n"
            f"    value -= {a} * {b}\n"
            f"value = value / float({size} - lag)"
        ),
        "amdf": f"value = float(0.0)\nfor t in range({size} - max_lag):\n    value += wp.abs({a} - {b})",
        "yin": (
            "diff = float(0.0)\n"
            f"for t in range({size} - max_lag):\n"
            f"    step = {a} - {b}\n"
            "    diff += step * step\n"
            "running += diff\n"
            "# relative to the mean over shorter lags, so that small lags do not win\n"
            "value = diff * float(lag) / running"
        ),
        "normalised": (
            "dot = float(0.0)\n"
            "energy = float(1.0e-6)\n"
            f"for t in range({size} - max_lag):\n"
            f"    dot += {a} * {b}\n"
            f"    energy += {a} * {a} + {b} * {b}\n"
            "# 1 - 2 r / (e0 + e1), zero for a perfect period\n"
            "value = 1.0 - 2.0 * dot / energy"
        ),
    }[method]
    running = "running = float(0.0)" if method == "yin" else ""
    if out == "curve":
        d.output("curve", "float", (frames, most + 1))
        d.launch(frames)
        text = (
            "frame = wp.tid()\n"
            "$running\n"
            "for lag in range(1, max_lag + 1):\n"
            "    $sums\n"
            "    curve[frame, lag] = value"
        )
        d.says("Compares each frame with itself at growing lags.")
        end = stop = ""
    else:
        d.output("lags" if out == "lag" else "frequencies", "int" if out == "lag" else "float", frames)
        d.launch(frames)
        stop = (
            (
                "# the first dip that is deep enough, not the deepest, which may be a multiple of "
                "the period\n"
                "if value < threshold:\n"
                "    found = lag\n"
                "    break"
            )
            if early
            else ""
        )
        track = "if value < best:\n    best = value\n    found = lag"
        if refine:
            track = (
                "if value < best:\n"
                "    best = value\n"
                "    found = lag\n"
                "    before = previous\n"
                "    after = 1.0e10\n"
                "    fresh = int(1)\n"
                "elif fresh == 1:\n"
                "    after = value\n"
                "    fresh = 0\n"
                "previous = value"
            )
        start = "found = int(1)\nbest = float(1.0e10)"
        if refine:
            start += (
                "\nprevious = float(1.0e10)\nbefore = float(1.0e10)\nafter = float(1.0e10)\nfresh = int(0)"
            )
            track = track.replace("int(1)", "1")
        end = {"lag": "lags[frame] = found", "frequency": "frequencies[frame] = sample_rate / float(found)"}[
            out
        ]
        if refine:
            end = (
                "period = float(found)\n"
                "# the vertex of the parabola through the dip and its neighbours\n"
                "if before < 1.0e9 and after < 1.0e9:\n"
                "    period += 0.5 * (before - after) / (before - 2.0 * best + after)\n"
                "frequencies[frame] = sample_rate / period"
            )
        text = (
            "frame = wp.tid()\n"
            "$running\n"
            f"{start}\n"
            "for lag in range(1, max_lag + 1):\n"
            "    $sums\n"
            "    $stop\n"
            f"    {track.replace(chr(10), chr(10) + '    ')}\n"
            "$end"
        )
    d.code(text, running=running, sums=sums, stop=stop, end=end)

    def curve_of(v: Values) -> Any:
        x = v.x if layout == "rows" else np.lib.stride_tricks.sliding_window_view(v.x, n)[::hop]
        lags = np.arange(1, most + 1)
        m = n - most
        pairs = [(x[:, :m], x[:, k : k + m]) for k in lags]
        if method == "autocorrelation":
            return -np.array([(x[:, : n - k] * x[:, k:]).mean(axis=1) for k in lags]).T
        if method == "amdf":
            return np.array([np.abs(p - q).sum(axis=1) for p, q in pairs]).T
        if method == "normalised":
            return np.array([1 - 2 * (p * q).sum(1) / ((p**2 + q**2).sum(1) + 1e-6) for p, q in pairs]).T
        diff = np.array([((p - q) ** 2).sum(axis=1) for p, q in pairs]).T
        return diff * lags / np.cumsum(diff, axis=1)

    def reference(v: Values) -> dict[str, Any]:
        c = curve_of(v)
        if out == "curve":
            return {"curve": np.concatenate([np.zeros((frames, 1)), c], axis=1)}
        at = c.argmin(axis=1)
        if early:
            below = c < v.threshold
            at = np.where(below.any(axis=1), below.argmax(axis=1), at)
        period = at + 1.0
        if refine:
            inner = (at > 0) & (at < most - 1)
            i, row = np.clip(at, 1, most - 2), np.arange(frames)
            p, q, r = c[row, i - 1], c[row, i], c[row, i + 1]
            period = np.where(inner, period + 0.5 * (p - r) / (p - 2 * q + r), period)
        return {"lags": at + 1} if out == "lag" else {"frequencies": v.sample_rate / period}

    d.check(reference, 3e-3)
