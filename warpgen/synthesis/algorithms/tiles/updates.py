"""Parameters updated tile by tile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.library.tile_forms import Flat, extent
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Polyak 1964; Nesterov 1983; Sutskever et al. 2013",
    names={
        "weights": "params|x|theta",
        "gradients": "grads|g|d_weights",
        "velocity": "momentum_buffer|velocities|buffer",
        "rate": "lr|learning_rate|step_size",
        "momentum": "mu|beta|momentum_coef",
        "block": "tile_id|b|i",
        "TILE": "TILE_SIZE|BLOCK|CHUNK",
        "decay": "weight_decay|wd",
    },
    adjoint="no",
    weight=8,
)
def momentum_step(d: Draft) -> None:
    """Applies a gradient descent step with momentum, one tile per block."""
    kind = d.option("kind", "heavy ball", "nesterov", "plain")
    decayed = d.flag("decay", 0.4)
    spelled = d.option("spelled", "axpy", "expression")
    limit = d.option("limit", "none", "clipped")
    n, blocks = d.pick(32, 64, 128), d.pick(2, 3, 4)
    size = extent(d, "TILE", n)
    form = Flat(d, size)
    gradient = "clipped gradient" if limit == "clipped" else "gradient"
    kind_of = {"heavy ball": "heavy-ball momentum", "nesterov": "Nesterov's momentum", "plain": ""}[kind]
    extras = " and ".join(filter(None, [kind_of, "weight decay" if decayed else ""]))
    d.says(
        f"Moves weights along their negative {gradient}{f' with {extras}' if extras else ''}, one tile per block."
    )
    d.calls({
        "heavy ball": "sgd_momentum|heavy_ball|momentum_step",
        "nesterov": "nesterov_step|nesterov_momentum|sgd_nesterov",
        "plain": "sgd_step|gradient_step|gradient_descent",
    }[kind])  # fmt: skip
    d.input("gradients", "float", n * blocks, -2.0, 2.0, about="weight gradients")
    d.param("rate", "float", 0.05, 0.2, about="learning rate")
    if kind != "plain":
        d.param("momentum", "float", 0.5, 0.95, about="momentum coefficient")
    if decayed:
        d.param("decay", "float", 0.01, 0.1, about="weight decay")
    clip = ""
    if limit == "clipped":
        d.param("max_gradient", "float", 0.5, 1.5, about="gradient clipping bound per entry")
        clip = "g = wp.tile_map(wp.min, wp.tile_map(wp.max, g, -max_gradient), max_gradient)"
    d.inout("weights", "float", n * blocks, -1.0, 1.0, about="parameters to update")
    if kind != "plain":
        d.inout("velocity", "float", n * blocks, -0.5, 0.5, about="momentum buffer")
    ahead = "# Nesterov momentum look-ahead"
    if spelled == "axpy":
        moved = "v = momentum * v\nwp.tile_axpy(-rate, g, v)"
        steps = {
            "plain": "wp.tile_axpy(-rate, g, w)",
            "heavy ball": f"{moved}\nw = w + v",
            "nesterov": f"{moved}\n{ahead}\nwp.tile_axpy(momentum, v, w)\nwp.tile_axpy(-rate, g, w)",
        }[kind]
    else:
        moved = "v = momentum * v - rate * g"
        steps = {
            "plain": "w = w - rate * g",
            "heavy ball": f"{moved}\nw = w + v",
            "nesterov": f"{moved}\n{ahead}\nw = w + momentum * v - rate * g",
        }[kind]
    d.launch(blocks, tiled=True)
    d.code(
        """
        block = wp.tid()
        $head
        w = $load_w
        g = $load_g
        $load_v
        $clip
        $decays
        $steps
        $store_v
        $store_w
        """,
        head=form.head,
        load_w=form.load("weights"),
        load_g=form.load("gradients"),
        load_v="v = " + form.load("velocity") if kind != "plain" else "",
        decays="wp.tile_axpy(decay, w, g)" if decayed else "",
        clip=clip,
        steps=steps,
        store_v=form.store("velocity", "v") if kind != "plain" else "",
        store_w=form.store("weights", "w"),
    )
    if spelled == "axpy" or decayed:
        d.explain("Uses `wp.tile_axpy` to add a scaled tile in place without a temporary.")

    def reference(v: Values) -> Mapping[str, Any]:
        g = np.clip(v.gradients, -v.max_gradient, v.max_gradient) if limit == "clipped" else v.gradients
        g = g + (v.decay * v.weights if decayed else 0.0)
        if kind == "plain":
            return {"weights": v.weights - v.rate * g}
        after = v.momentum * v.velocity - v.rate * g
        move = after if kind == "heavy ball" else v.momentum * after - v.rate * g
        return {"weights": v.weights + move, "velocity": after}

    d.check(reference)
