"""Reacting air by Rosenbrock methods, written out as a generator of chemical codes writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

# Reactions: reactants, products, rate [cm^3, molecules, s] scaled to concentrations in units of 1e12 / cm^3; "sun"
# marks photolysis; the number after it is the activation temperature of Arrhenius' law [K].
_MECHANISMS: dict[
    str, tuple[tuple[str, ...], tuple[tuple[tuple[str, ...], tuple[str, ...], float, str, float], ...]]
] = {
    "ozone": (
        ("o1d", "o", "o3", "no", "no2"),
        (
            (("o",), ("o3",), 0.8, "", -350.0),
            (("o", "o3"), (), 0.9, "", 2060.0),
            (("o3",), ("o",), 0.6, "sun", 0.0),
            (("o3",), ("o1d",), 0.12, "sun", 0.0),
            (("o1d",), ("o",), 6.0, "", 0.0),
            (("o3", "o1d"), (), 1.2, "", 0.0),
            (("no", "o3"), ("no2",), 1.8, "", 1500.0),
            (("no2", "o"), ("no",), 1.5, "", -200.0),
            (("no2",), ("no", "o"), 0.5, "sun", 0.0),
        ),
    ),
    "smog": (
        ("no", "no2", "o3", "rh", "ro2"),
        (
            (("no2",), ("no", "o3"), 0.6, "sun", 0.0),
            (("no", "o3"), ("no2",), 2.0, "", 1500.0),
            (("rh",), ("ro2",), 0.3, "sun", 0.0),
            (("ro2", "no"), ("no2",), 2.5, "", -360.0),
            (("ro2", "ro2"), (), 0.8, "", -500.0),
            (("ro2", "no2"), (), 0.4, "", 0.0),
        ),
    ),
    "stiff": (
        ("y1", "y2", "y3"),
        (
            (("y1",), ("y2",), 0.04, "", 0.0),
            (("y2", "y3"), ("y1", "y3"), 8.0, "", 500.0),
            (("y2", "y2"), ("y2", "y3"), 30.0, "", 0.0),
        ),
    ),
}
# gamma, a, c, weights, error weights (or none): k_i solve (1 / (h gamma) - J) k_i = f(y + sum a k) + sum c k / h.
_G3 = 0.43586652150845899941601945119356
_METHODS: dict[str, tuple[float, list[list[float]], list[list[float]], list[float], list[float]]] = {
    "ros2": (1.7071067811865475, [[], [0.5857864376269050]], [[], [-1.1715728752538099]],
             [0.8786796564403575, 0.2928932188134524], [0.2928932188134524, 0.2928932188134524]),
    "ros3": (_G3, [[], [1.0], [1.0, 0.0]], [[], [-1.0156171083877702], [4.0759956452537699, 9.2076794298330791]],
             [1.0, 6.1697947043828245, -0.4277225654321857], [0.5, -2.9079558716805469, 0.2235406989781157]),
    "rodas3": (0.5, [[], [0.0], [2.0, 0.0], [2.0, 0.0, 1.0]], [[], [4.0], [1.0, -1.0], [1.0, -1.0, -8.0 / 3.0]],
               [2.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]),
    "rodas4": (
        0.25,
        [[], [1.544], [0.9466785280815826, 0.2557011698983284],
         [3.314825187068521, 2.896124015972201, 0.9986419139977817],
         [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950],
         [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0]],
        [[], [-5.6688], [-2.430093356833875, -0.2063599157091915],
         [-0.1073529058151375, -9.594562251023355, -20.47028614809616],
         [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160],
         [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054]],
        [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0, 1.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ),
}  # fmt: skip


@DOMAIN.algorithm(
    source="Sandu et al. 1997 (ROS3, RODAS3); Damian et al. 2002 (KPP); Verwer et al. 1999 (ROS2); Hairer & Wanner 1996, IV.7 (RODAS)",
    names={
        "concentrations": "conc|c_in",
        "updated": "conc_out|c_new|after_step",
        "temperature": "temp|t_air|kelvin",
        "sunlight": "photo_scale|actinic|sun_factor",
        "cell": "tid|box|i",
        "h": "dt|step_size|tau",
    },
    double=True,
    element="cell",
    weight=4,
)
def rosenbrock_step(d: Draft) -> None:
    """Advances trace gas concentrations by one Rosenbrock step."""
    mechanism = d.option("mechanism", "ozone", "smog", "stiff", weights=(0.45, 0.35, 0.2))
    method = d.option("method", *_METHODS)
    law = d.option("rates", "fixed", "arrhenius")
    sun = d.option("sun", "param", "per cell", "zenith")
    result = d.option("result", "concentrations", "error", "next step", weights=(0.5, 0.25, 0.25))
    layout = d.option("layout", "cell first", "species first")
    floor = d.flag("floor", 0.4) and result == "concentrations"
    d.calls(
        {
            "concentrations": "rosenbrock_step|kpp_rosenbrock|integrate_chemistry|stiff_chemistry_step|ros_step",
            "error": "rosenbrock_error|estimate_error|ros_error|step_error",
            "next step": "suggest_step|next_time_step|rosenbrock_step_size|adapt_step",
        }[result]
    )
    if result != "concentrations":
        d.forward_only()  # the control of steps is not differentiated
    scheme = f"the {'RODAS' if method == 'rodas4' else method.upper()} Rosenbrock method"
    species, reactions = _MECHANISMS[mechanism]
    many, cells = len(species), d.pick(32, 48, 64)
    shape = (cells, many) if layout == "cell first" else (many, cells)
    lit = any(kind == "sun" for _, _, _, kind, _ in reactions)
    warm = law == "arrhenius" and any(t for *_, t in reactions)
    about = f"Scaled concentrations of {', '.join(species)}"
    d.input("concentrations", "float", shape, 0.1, 1.0, about=about)
    if warm:
        d.input("temperature", "float", cells, 210.0, 310.0, about="Air temperatures [K]")
    if lit and sun == "param":
        d.param("sunlight", "float", 0.3, 1.0, about="Photolysis factor relative to overhead sun")
    elif lit and sun == "per cell":
        d.input("sunlight", "float", cells, 0.0, 1.0, about="Photolysis factor relative to overhead sun")
    elif lit:
        d.input("zenith", "float", cells, 10.0, 110.0, about="Solar zenith angles [deg]")
    step = {"ozone": 0.03, "smog": 0.05, "stiff": 0.01}[mechanism]
    d.param("h", "float", step, 10.0 * step, about="Time step [s]")
    if result != "concentrations":
        d.param("rtol", "float", 1e-3, 1e-2, about="Relative tolerance")
        d.param("atol", "float", 1e-4, about="Absolute tolerance")
    if result == "error":
        d.output("error_norm", "float", cells, about="Scaled error norm of the embedded method")
        d.says(f"Estimates the local error of a trace gas chemistry step using {scheme}.")
    elif result == "next step":
        d.output("next_h", "float", cells, about="Next time step, changed at most fivefold [s]")
        d.says(f"Computes adaptive time steps for trace gas chemistry using {scheme}.")
    else:
        d.output("updated", "float", shape, about="Scaled concentrations after the step")
        d.says(f"Advances trace gas concentrations by one step of {scheme}.")

    def at(name: str, k: int) -> str:
        return f"{name}[cell, {k}]" if layout == "cell first" else f"{name}[{k}, cell]"

    light_name = "sunlight" if sun == "param" else "sun"
    text = ["cell = wp.tid()"]
    text += [f"{s} = {at('concentrations', k)}" for k, s in enumerate(species)]
    if lit:
        text += {
            "param": [],
            "per cell": ["sun = sunlight[cell]"],
            "zenith": [
                "# No photolysis when the sun is below the horizon",
                "sun = wp.max(wp.cos(wp.radians(zenith[cell])), 0.0)",
            ],
        }[sun]
    text.append("# --- Rate coefficients ---")
    if warm:
        text += [
            "# Arrhenius scaling relative to the 298 K coefficients",
            "inv_gap = 1.0 / temperature[cell] - 1.0 / 298.0",
        ]
    for r, (_, _, rate, kind, hot) in enumerate(reactions):
        coefficient = f"{rate}"
        if kind == "sun":
            coefficient += f" * {light_name}"
        elif hot and warm:
            coefficient += f" * wp.exp({-hot:.1f} * inv_gap)"
        text.append(f"k{r} = {coefficient}")
    gamma, a, c, m, e = _METHODS[method]
    text += ["# --- Jacobian ---", *_jacobian(species, reactions)]
    text += ["# --- Factor W = 1 / (gamma h) - J = L U ---", "# Small steps need no pivoting"]
    text.append(f"shift = 1.0 / ({_number(gamma)} * h)")
    text += _factored(species, reactions)
    for stage in range(len(m)):
        text.append(f"# --- Stage {stage + 1} ---")
        if stage == 0:
            text += _rates(reactions, {s: s for s in species})
        elif _trimmed(a[stage]) != _trimmed(a[stage - 1]):  # else the rates of the stage before hold
            for s in species:
                terms = [(w, f"{s}_s{j + 1}") for j, w in enumerate(a[stage]) if w]
                text.append(f"{s}_at = {_combined(s, terms)}")
            text += _rates(reactions, {s: f"{s}_at" for s in species})
        for s in species:
            terms = [(w, f"{s}_s{j + 1}") for j, w in enumerate(c[stage]) if w]
            rest = f" + {_bracketed(terms)} / h" if terms else ""
            rest = rest.replace(" + -", " - ") if len(terms) == 1 else rest
            text.append(f"{s}_b = {_change(s, reactions)}{rest}")
        text += _substituted(species, reactions, stage + 1)
    if result == "concentrations":
        text.append("# --- New concentrations ---")
        if floor:
            text.append("# Clamp negative values caused by truncation error")
        for k, s in enumerate(species):
            terms = [(w, f"{s}_s{j + 1}") for j, w in enumerate(m) if w]
            new = _combined(s, terms)
            text.append(f"{at('updated', k)} = {f'wp.max({new}, 0.0)' if floor else new}")
    else:
        text += ["# --- Embedded error estimate, scaled by the tolerances ---", "sum_sq = float(0.0)"]
        for s in species:
            terms = [(w, f"{s}_s{j + 1}") for j, w in enumerate(e) if w]
            error = f"{s}_err = {_bracketed(terms)} / (atol + rtol * wp.abs({s}))"
            text += [error, f"sum_sq += {s}_err * {s}_err"]
        text.append(f"norm = wp.sqrt(sum_sq / {many}.0)")
        order = {"ros2": 2.0, "rodas4": 4.0}.get(method, 3.0)
        if result == "error":
            text.append("error_norm[cell] = norm")
        else:
            text += ["# Limit the step size change to a factor of five",
                     f"factor = 0.9 * wp.pow(wp.max(norm, 1.0e-6), {_power(order)})",
                     "next_h[cell] = h * wp.clamp(factor, 0.2, 5.0)"]  # fmt: skip
    d.launch(cells)
    if mechanism == "stiff":
        d.says(d.sentence.replace("trace gas ", ""))
    d.code("\n".join(text))
    d.explain(f"""
        (1 / (gamma h) - J) k_i = f(y + sum_j a_ij k_j) + sum_j c_ij k_j / h. The rates, Jacobian and LU factors
        are unrolled for this mechanism to exploit sparsity.{" Negative concentrations are clamped to zero." if floor else ""}
    """)

    def reference(v: Values) -> dict[str, Any]:
        y0 = v.concentrations if layout == "cell first" else v.concentrations.T
        light = np.ones(cells)
        if lit:
            light = (
                np.maximum(np.cos(np.radians(v.zenith)), 0)
                if sun == "zenith"
                else v.sunlight * np.ones(cells)
            )
        index = {s: k for k, s in enumerate(species)}
        made, norms = np.zeros((cells, many)), np.zeros(cells)
        for i in range(cells):
            ks = [
                r
                * (
                    light[i]
                    if kind == "sun"
                    else np.exp(-hot * (1 / v.temperature[i] - 1 / 298))
                    if hot and warm
                    else 1.0
                )
                for _, _, r, kind, hot in reactions
            ]

            def slope(y: Any, ks: Any = ks) -> Any:
                out = np.zeros(many, y.dtype)
                for k, (left, right, *_) in zip(ks, reactions, strict=True):
                    w = k * np.prod([y[index[s]] for s in left])
                    for s in left:
                        out[index[s]] -= w
                    for s in right:
                        out[index[s]] += w
                return out

            y = y0[i].astype(float)
            jac = np.stack([slope(y + 1e-20j * np.eye(many)[k]).imag / 1e-20 for k in range(many)], 1)
            w = np.eye(many) / (gamma * v.h) - jac
            stages: list[Any] = []
            for s in range(len(m)):
                at_ = y + sum((x * k for x, k in zip(a[s], stages, strict=False)), 0 * y)
                rhs = slope(at_) + sum((x * k for x, k in zip(c[s], stages, strict=False)), 0 * y) / v.h
                stages.append(np.linalg.solve(w, rhs))
            made[i] = y + sum(x * k for x, k in zip(m, stages, strict=True))
            off = sum(x * k for x, k in zip(e, stages, strict=True))
            if result != "concentrations":
                norms[i] = np.sqrt(((off / (v.atol + v.rtol * abs(y))) ** 2).mean())
        if result == "error":
            return {"error_norm": norms}
        if result == "next step":
            order_ = {"ros2": 2, "rodas4": 4}.get(method, 3)
            return {"next_h": v.h * np.clip(0.9 * np.maximum(norms, 1e-6) ** (-1 / order_), 0.2, 5)}
        made = np.maximum(made, 0) if floor else made
        return {"updated": made if layout == "cell first" else made.T}

    d.check(reference, 2e-3 if result == "concentrations" else 3e-2)


Reactions = Sequence[tuple[tuple[str, ...], tuple[str, ...], float, str, float]]


def _power(order: float) -> str:
    """Minus the inverse of the order of an error."""
    return "-1.0 / 3.0" if order == 3.0 else f"{-1.0 / order}"


def _number(x: float) -> str:
    thirds = round(3.0 * x)
    if thirds % 3 and abs(3.0 * x - thirds) < 1e-12:
        return f"{thirds}.0 / 3.0"
    return str(float(f"{x:.12g}"))


def _combined(first: str, terms: list[tuple[float, str]]) -> str:
    text = first
    for w, name in terms:
        sign = " - " if w < 0 else " + "
        term = name if abs(w) == 1.0 else f"{_number(abs(w))} * {name}"
        text = f"{text}{sign}{term}" if text else ("-" if w < 0 else "") + term
    return text


def _bracketed(terms: list[tuple[float, str]]) -> str:
    text = _combined("", terms)
    return f"({text})" if " + " in text or " - " in text else text


def _trimmed(weights: list[float]) -> list[float]:
    """The weights of earlier stages up to the last that counts."""
    return weights[: max((k + 1 for k, w in enumerate(weights) if w), default=0)]


def _net(s: str, left: tuple[str, ...], right: tuple[str, ...]) -> int:
    return right.count(s) - left.count(s)


def _rates(reactions: Reactions, names: dict[str, str]) -> list[str]:
    return [f"w{r} = k{r} * {' * '.join(names[s] for s in left)}" for r, (left, *_) in enumerate(reactions)]


def _change(s: str, reactions: Reactions) -> str:
    terms = [
        (float(n), f"w{r}") for r, (left, right, *_) in enumerate(reactions) if (n := _net(s, left, right))
    ]
    return _combined("", terms)


def _entries(species: Sequence[str], reactions: Reactions) -> dict[tuple[int, int], str]:
    """Formulas of the nonzero entries of the Jacobian."""
    found: dict[tuple[int, int], str] = {}
    for i, s in enumerate(species):
        for j, t in enumerate(species):
            terms = []
            for r, (left, right, *_) in enumerate(reactions):
                n = _net(s, left, right)
                if not n or t not in left:
                    continue
                rest = list(left)
                rest.remove(t)
                factor = f" * {rest[0]}" if rest else ""
                terms.append((float(n * left.count(t)), f"k{r}{factor}"))
            if terms:
                found[i, j] = _combined("", terms)
    return found


def _jacobian(species: Sequence[str], reactions: Reactions) -> list[str]:
    return [f"j{i}{j} = {text}" for (i, j), text in _entries(species, reactions).items()]


def _pattern(species: Sequence[str], reactions: Reactions) -> list[tuple[int, int, list[int]]]:
    """Entries of the factors in the order of elimination, with the columns that change each."""
    n = len(species)
    filled = set(_entries(species, reactions)) | {(i, i) for i in range(n)}
    for k in range(n):
        filled |= {
            (i, j) for i in range(k + 1, n) for j in range(k + 1, n) if (i, k) in filled and (k, j) in filled
        }
    return [
        (i, j, [k for k in range(min(i, j)) if {(i, k), (k, j)} <= filled])
        for i in range(n)
        for j in range(n)
        if (i, j) in filled
    ]


def _factored(species: Sequence[str], reactions: Reactions) -> list[str]:
    entries, lines = _entries(species, reactions), []
    for i, j, inner in _pattern(species, reactions):
        own = (
            f"shift - j{i}{j}"
            if i == j and (i, j) in entries
            else "shift"
            if i == j
            else f"-j{i}{j}"
            if (i, j) in entries
            else ""
        )
        less = "".join(f" - l{i}{k} * u{k}{j}" for k in inner)
        text = (
            (own + less).removeprefix(" - ") if own else "-" + less.removeprefix(" - ").replace("-l", "l", 1)
        )
        if i > j:
            lines.append(f"l{i}{j} = ({text}) / u{j}{j}" if " " in text else f"l{i}{j} = {text} / u{j}{j}")
        else:
            lines.append(f"u{i}{j} = {text}")
    return lines


def _substituted(species: Sequence[str], reactions: Reactions, stage: int) -> list[str]:
    """Forward and backward substitution of one stage's right-hand side."""
    filled = {(i, j) for i, j, _ in _pattern(species, reactions)}
    n, lines = len(species), []
    for i, s in enumerate(species):
        less = "".join(f" - l{i}{k} * {species[k]}_b" for k in range(i) if (i, k) in filled)
        if less:
            lines.append(f"{s}_b = {s}_b{less}")
    for i in reversed(range(n)):
        s = species[i]
        less = "".join(f" - u{i}{k} * {species[k]}_s{stage}" for k in range(i + 1, n) if (i, k) in filled)
        lines.append(f"{s}_s{stage} = ({s}_b{less}) / u{i}{i}" if less else f"{s}_s{stage} = {s}_b / u{i}{i}")
    return lines
