"""Whole trajectories with error control: steps are tried, accepted or rejected until the end time."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.integrator import DOMAIN
from warpgen.synthesis.algorithms.integrator._constants import CONSTANTS
from warpgen.synthesis.library import dynamics
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

SETTINGS = piece(
    '''
@wp.struct
class SolverSettings:
    """Adaptive integrator settings."""

    end_time: float
    abs_tol: float
    rel_tol: float
    max_steps: int
'''
)

_STAGES = {
    "bogacki-shampine": """
    # Bogacki-Shampine 3(2)
    k1 = $rate(y)
    k2 = $rate(y + 0.5 * h * k1)
    k3 = $rate(y + 0.75 * h * k2)
    y_next = y + h * (2.0 / 9.0 * k1 + 1.0 / 3.0 * k2 + 4.0 / 9.0 * k3)
    k4 = $rate(y_next)
    error = h * (-5.0 / 72.0 * k1 + 1.0 / 12.0 * k2 + 1.0 / 9.0 * k3 - 0.125 * k4)
    """,
    "dormand-prince": """
    # Dormand-Prince 5(4)
    k1 = $rate(y)
    k2 = $rate(y + h * 0.2 * k1)
    k3 = $rate(y + h * (0.075 * k1 + 0.225 * k2))
    k4 = $rate(y + h * (44.0 / 45.0 * k1 - 56.0 / 15.0 * k2 + 32.0 / 9.0 * k3))
    slope5 = 19372.0 / 6561.0 * k1 - 25360.0 / 2187.0 * k2 + 64448.0 / 6561.0 * k3 - 212.0 / 729.0 * k4
    k5 = $rate(y + h * slope5)
    slope6 = 9017.0 / 3168.0 * k1 - 355.0 / 33.0 * k2 + 46732.0 / 5247.0 * k3
    slope6 += 49.0 / 176.0 * k4 - 5103.0 / 18656.0 * k5
    k6 = $rate(y + h * slope6)
    slope = 35.0 / 384.0 * k1 + 500.0 / 1113.0 * k3 + 125.0 / 192.0 * k4
    slope += -2187.0 / 6784.0 * k5 + 11.0 / 84.0 * k6
    y_next = y + h * slope
    k7 = $rate(y_next)
    error = 71.0 / 57600.0 * k1 - 71.0 / 16695.0 * k3 + 71.0 / 1920.0 * k4
    error += -17253.0 / 339200.0 * k5 + 22.0 / 525.0 * k6 - 0.025 * k7
    error = h * error
    """,
    "heun-euler": """
    # Heun-Euler 2(1)
    k1 = $rate(y)
    k2 = $rate(y + h * k1)
    y_next = y + 0.5 * h * (k1 + k2)
    error = 0.5 * h * (k2 - k1)
    """,
}
_ORDER = {"bogacki-shampine": 3, "dormand-prince": 5, "heun-euler": 2}


@DOMAIN.algorithm(
    source="Dormand & Prince 1980; Bogacki & Shampine 1989; Hairer, Norsett & Wanner 1993, II.4; Soderlind 2003 (PI)",
    names={
        "integrate_adaptive": "solve_ivp|adaptive_trajectories|integrate_to_end|ode_solve",
        "state": "initial_state|y0|x0",
        "final_state": "y_end|result|state_out",
        "status": "flag|return_code|exit_code",
        "y": "current|x",
        "y_next": "proposal|y_new",
        "h": "step|dt",
        "error_norm": "err|scaled_error",
        "step_factor": "growth_factor|factor",
        "settings": "options|config",
        "trajectory": "tid|env",
    },
    adjoint="no",
    weight=4,
    element="trajectory",
)
def integrate_adaptive(d: Draft) -> None:
    """Integrates trajectories to an end time using an embedded Runge-Kutta pair with adaptive step size."""
    scheme = d.option("scheme", *_STAGES)
    system = d.option("system", *dynamics.SYSTEMS)
    controller = d.option("controller", "elementary", "pi")
    norm = d.option("norm", "max", "rms")
    masked = d.option("masked", "none", "flag", "done")
    given = d.option("settings", "struct", "values")
    direction = d.flag("stiffness_guard", 0.3)
    count = d.pick(32, 48, 64)
    kind = f"vec{system.dimension}"
    end = 15.0 * system.step[1]
    d.input("state", kind, count, system.low, system.high, about="Initial states")
    if masked == "flag":
        d.mask("active", "bool", count, about="Mask of trajectories to integrate")
    elif masked == "done":
        d.input(
            "status_in",
            "int",
            count,
            0,
            1.2,
            about="Status from the previous call: 0 running, 1 done, 2 failed",
        )
    for name, low, high in system.constants:
        d.param(name, "float", low, high, about=CONSTANTS[system.rate.name][name])
    fields = {
        "end_time": fill(0.8 * end, end),
        "abs_tol": fill(1e-3, 2e-3),
        "rel_tol": fill(4e-4, 8e-4),
        "max_steps": fill(40, 60),
    }
    dot = "settings." if given == "struct" else ""
    if given == "struct":
        d.struct("settings", SETTINGS, fields, about="End time, tolerances and step limits")
    else:
        d.param("end_time", "float", 0.8 * end, end, about="Final time")
        d.param("abs_tol", "float", 1e-3, 2e-3, about="Absolute error tolerance per step")
        d.param("rel_tol", "float", 4e-4, 8e-4, about="Relative error tolerance per step")
        d.param("max_steps", "int", 40, 60, about="Maximum number of steps, including rejected ones")
    d.param("initial_step", "float", 4.0 * system.step[1], about="Initial step size")
    stopped = "integration stopped early" if direction else "there were too many steps"
    code_name = "STATUS_STOPPED" if direction else "STATUS_TOO_MANY_STEPS"
    idle = "0 if not integrated, " if masked == "flag" else ""
    d.output("final_state", kind, count, about="States at the end time, or where integration stopped")
    d.output("status", "int", count, about=f"{idle}1 if the end was reached, 2 if {stopped}")
    if masked == "flag":
        d.module("STATUS_IDLE = wp.constant(0)")
    d.module(f"STATUS_DONE = wp.constant(1)\n{code_name} = wp.constant(2)")
    d.use(system.rate)
    size = system.dimension
    measures = {
        "max": """
        # Maximum error relative to the tolerance
        error_norm = float(0.0)
        for component in range($size):
            scale = $abs_tol + $rel_tol * wp.max(wp.abs(y[component]), wp.abs(y_next[component]))
            error_norm = wp.max(error_norm, wp.abs(error[component]) / scale)
        """,
        "rms": """
        # RMS of the errors relative to their tolerances
        error_sum = float(0.0)
        for component in range($size):
            scale = $abs_tol + $rel_tol * wp.max(wp.abs(y[component]), wp.abs(y_next[component]))
            ratio = error[component] / scale
            error_sum += ratio * ratio
        error_norm = wp.sqrt(error_sum / $count)
        """,
    }
    order = _ORDER[scheme]
    grow = {
        "elementary": f"""
        step_factor = 0.9 * wp.pow(wp.max(error_norm, 1.0e-6), -1.0 / {order}.0)
        """,
        "pi": f"""
        # PI controller: include the error of the last accepted step to damp step size changes
        step_factor = 0.9 * wp.pow(wp.max(error_norm, 1.0e-6), -0.7 / {order}.0) * wp.pow(last_error, 0.4 / {order}.0)
        """,
    }
    rate = system.rate.name
    stages = _STAGES[scheme]
    for _ in range(stages.count("$rate(")):
        at = stages.index("$rate(")
        depth, close = 0, at + len("$rate")
        while True:
            depth += {"(": 1, ")": -1}.get(stages[close], 0)
            if depth == 0:
                break
            close += 1
        inner = stages[at + len("$rate(") : close]
        stages = f"{stages[:at]}{rate}({inner}, {system.arguments}){stages[close + 1 :]}"
    skip = {
        "none": "",
        "flag": "# Keep the state of inactive trajectories\nif not active[trajectory]:\n"
        "    final_state[trajectory] = state[trajectory]\n    status[trajectory] = STATUS_IDLE\n    return",
        "done": "# Skip finished trajectories\nif status_in[trajectory] != 0:\n"
        "    final_state[trajectory] = state[trajectory]\n"
        "    status[trajectory] = status_in[trajectory]\n    return",
    }
    d.launch(count)
    d.code(
        """
        trajectory = wp.tid()
        $skip
        y = state[trajectory]
        time = float(0.0)
        h = initial_step
        $memory
        steps = int(0)
        while time < $end_time and steps < $max_steps:
            steps += 1
            # Shorten the last step to end exactly at the final time
            h = wp.min(h, $end_time - time)
            $stages
            $norm
            $grow
            # Limit the step size change to a factor of five
            step_factor = wp.clamp(step_factor, 0.2, 5.0)
            if error_norm <= 1.0:
                # Accept
                time += h
                y = y_next
                $remember
            # The factor is below one after a rejected step, which is then retried
            h *= step_factor
            $guard
        final_state[trajectory] = y
        # The final time may be missed by rounding
        if time < $end_time - 1.0e-5:
            status[trajectory] = $code_name
        else:
            status[trajectory] = STATUS_DONE
        """,
        skip=skip[masked],
        memory="last_error = float(1.0)" if controller == "pi" else "",
        stages=stages,
        norm=measures[norm],
        size=str(size),
        count=f"{float(size)}",
        abs_tol=f"{dot}abs_tol",
        rel_tol=f"{dot}rel_tol",
        grow=grow[controller],
        remember="last_error = wp.max(error_norm, 1.0e-3)" if controller == "pi" else "",
        guard="# Stiff or singular: the step is too small to make progress\n"
        f"if h < 1.0e-5 * {dot}end_time:\n    break"
        if direction
        else "",
        code_name=code_name,
        end_time=f"{dot}end_time",
        max_steps=f"{dot}max_steps",
    )
    d.explain(f"""
        Integrates {system.about}. A step is accepted if the estimated error is within abs_tol + rel_tol |y|;
        the next step size is computed from the error{" and that of the last accepted step" if controller == "pi" else ""} using the order of the pair.
    """)

    def reference(v: Values) -> dict[str, Any]:
        made, code = np.array(v.state, float), np.zeros(count, int)
        p = {name: v[f"{dot}{name}"] for name in fields}
        # The solution by steps far below the tolerance
        y, h = np.array(v.state, float), p["end_time"] / 400
        for _ in range(400):
            k1 = system.of(y, v)
            k2 = system.of(y + 0.5 * h * k1, v)
            k3 = system.of(y + 0.5 * h * k2, v)
            k4 = system.of(y + h * k3, v)
            y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        for i in range(count):
            if masked == "flag" and not v.active[i]:
                made[i] = v.state[i]
            elif masked == "done" and v.status_in[i] != 0:
                code[i] = v.status_in[i]
            else:
                made[i], code[i] = y[i], 1
        return {"final_state": made, "status": code}

    d.check(reference, 2e-2)
