"""Filters that adapt their coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Widrow & Hoff 1960 (LMS); Nagumo & Noda 1967 (NLMS); Haykin 2014, chapter 10 (RLS)",
    names={
        "adaptive_filter": "adapt_taps|echo_canceller|adaptive_fir",
        "x": "reference_signal|far_end|inputs",
        "desired": "target|near_end|microphone",
        "w": "weights|taps|coeffs",
        "e": "error|err|residual",
        "mu": "step_size|rate|adaptation",
        "power": "energy|norm_sq|px",
    },
    adjoint="no",
)
def adaptive_filter(d: Draft) -> None:
    """Adapts the taps of one filter per channel so that its output follows another signal."""
    kind = d.option("kind", "lms", "nlms", "sign", "leaky", "rls")
    out = d.option("out", "errors", "estimates", "weights only", "power")
    taps_of = d.option("taps", "array", "vector")
    layout = d.option("layout", "rows", "columns")
    freeze = d.flag("freeze", 0.25)
    n, length = d.pick(12, 16, 24), d.pick(16, 20, 24)
    taps = 3 if taps_of == "vector" or kind == "rls" else d.pick(4, 5, 6)
    vector = taps_of == "vector" or kind == "rls"
    shape = (n, length) if layout == "rows" else (length, n)
    d.input("x", "float", shape, -1.0, 1.0)
    d.input("desired", "float", shape, -1.0, 1.0)
    if vector:
        d.inout("w", "vec3", n, -0.5, 0.5)
    else:
        d.inout("w", "float", (n, taps), -0.5, 0.5)
    if kind == "rls":
        d.param("forgetting", "float", 0.95, 0.999)
        d.param("p0", "float", 1.0, 5.0)
    else:
        d.param("mu", "float", 0.02, 0.2)
    if kind == "nlms":
        d.param("eps", "float", 0.01, 0.1)
    if kind == "leaky":
        d.param("leak", "float", 0.001, 0.02)
    if freeze:
        d.param("threshold", "float", 0.01, 0.3)
    if out in ("errors", "estimates"):
        d.output(out, "float", shape)
    elif out == "power":
        d.output("error_power", "float", n)
    at = "[tid, {}]" if layout == "rows" else "[{}, tid]"
    count = "x.shape[1]" if layout == "rows" else "x.shape[0]"
    first = taps - 1
    stop = "if wp.abs(e) < threshold:\n    continue" if freeze else ""
    if vector:
        gather = (
            f"u = wp.vec3(x{at.format('i')}, x{at.format('i - 1')}, x{at.format('i - 2')})\n"
            "estimate = wp.dot(wi, u)"
        )
        update = {
            "lms": "wi = wi + mu * e * u",
            "nlms": "# independent of the level of the input\nwi = wi + mu * e / (eps + wp.dot(u, u)) * u",
            "sign": "wi = wi + mu * wp.sign(e) * u",
            "leaky": (
                "# the leak keeps taps from drifting where the input has no power\n"
                "wi = (1.0 - mu * leak) * wi + mu * e * u"
            ),
            "rls": (
                "pu = p * u\n"
                "gain = pu / (forgetting + wp.dot(u, pu))\n"
                "wi = wi + e * gain\n"
                "p = (p - wp.outer(gain, pu)) / forgetting"
            ),
        }[kind]
        load = "wi = w[tid]" + ("\np = p0 * wp.identity(n=3, dtype=float)" if kind == "rls" else "")
        save = "w[tid] = wi"
    else:
        gather = (
            "estimate = float(0.0)\n"
            "for k in range(w.shape[1]):\n"
            f"    estimate += w[tid, k] * x{at.format('i - k')}"
        )
        back = f"x{at.format('i - k')}"
        if kind == "nlms":
            update = (
                "power = float(eps)\n"
                "for k in range(w.shape[1]):\n"
                f"    power += {back} * {back}\n"
                "# independent of the level of the input\n"
                "for k in range(w.shape[1]):\n"
                f"    w[tid, k] = w[tid, k] + mu * e / power * {back}"
            )
        else:
            rule = {
                "lms": f"w[tid, k] + mu * e * {back}",
                "sign": f"w[tid, k] + mu * wp.sign(e) * {back}",
                "leaky": f"(1.0 - mu * leak) * w[tid, k] + mu * e * {back}",
            }[kind]
            update = f"for k in range(w.shape[1]):\n    w[tid, k] = {rule}"
        load = save = ""
    store = {
        "errors": f"errors{at.format('i')} = e",
        "estimates": f"estimates{at.format('i')} = estimate",
        "weights only": "",
        "power": "mse += e * e",
    }[out]
    d.launch(n)
    d.code(
        (
            "tid = wp.tid()\n"
            "$load\n"
            "$start\n"
            "for i in range($first, $count):\n"
            "    $gather\n"
            "    e = desired$here - estimate\n"
            "    $store\n"
            "    $stop\n"
            "    $update\n"
            "$save\n"
            "$end"
        ),
        load=load,
        start="mse = float(0.0)" if out == "power" else "",
        first=str(first),
        count=count,
        gather=gather,
        here=at.format("i"),
        store=store,
        stop=stop,
        update=update,
        save=save,
        end=f"error_power[tid] = mse / float({count} - {first})" if out == "power" else "",
    )
    titles = {
        "lms": "least mean squares",
        "nlms": "normalised least mean squares",
        "sign": "the sign-error rule",
        "leaky": "leaky least mean squares",
        "rls": "recursive least squares",
    }
    d.says(f"Adapts the taps of one filter per channel by {titles[kind]}.")

    def reference(v: Values) -> dict[str, Any]:
        x, want = (v.x, v.desired) if layout == "rows" else (v.x.T, v.desired.T)
        w = v.w.copy()
        p = np.repeat(np.eye(taps)[None], n, 0) * v.get("p0", 1.0)
        errors, estimates = np.zeros((n, length)), np.zeros((n, length))
        for i in range(first, length):
            u = x[:, i - first : i + 1][:, ::-1]
            y = (w * u).sum(axis=1)
            e = want[:, i] - y
            errors[:, i], estimates[:, i] = e, y
            go = (np.abs(e) >= v.threshold if freeze else np.ones(n, bool))[:, None]
            if kind == "rls":
                pu = np.einsum("nab,nb->na", p, u)
                g = pu / (v.forgetting + (u * pu).sum(1))[:, None]
                new = w + g * e[:, None]
                p = np.where(go[..., None], (p - g[:, :, None] * pu[:, None]) / v.forgetting, p)
            else:
                drive = np.sign(e) if kind == "sign" else e
                if kind == "nlms":
                    drive = e / (v.eps + (u**2).sum(axis=1))
                keep = 1 - v.mu * v.leak if kind == "leaky" else 1.0
                new = keep * w + v.mu * drive[:, None] * u
            w = np.where(go, new, w)
        found: dict[str, Any] = {"w": w}
        if out in ("errors", "estimates"):
            y = errors if out == "errors" else estimates
            found[out] = y if layout == "rows" else y.T
        elif out == "power":
            found["error_power"] = (errors**2).sum(axis=1) / (length - first)
        return found

    d.check(reference, 2e-3)
