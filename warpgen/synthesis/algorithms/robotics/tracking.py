"""Tracks of targets out of noisy measurements."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

_PAIRS = [(i, j) for i in range(4) for j in range(i, 4)]


@DOMAIN.algorithm(
    source="Bar-Shalom, Li & Kirubarajan 2001, ch. 5 and 6",
    names={
        "track_targets": "kalman_step|update_tracks|filter_tracks",
        "state": "states|tracks",
        "cov": "covariance",
        "z": "detections|measured|observations",
        "dt": "step|period|delta_t",
        "accel_noise": "process_noise",
        "meas_var": "r_var|sensor_var",
    },
    adjoint="either",
    element="track",
    weight=5,
)
def track_targets(d: Draft) -> None:
    """Runs one predict-update cycle of a constant-velocity Kalman filter per target."""
    noise = d.option("noise", "discrete", "continuous", "velocity")
    update = d.option("update", "inverse", "sequential", "steady speed")
    layout = d.option("layout", "mat44", "blocks")
    result = d.option("result", "track", "state", "likelihood")
    gate = d.flag("gate", 0.35)
    picked = d.flag("picked", 0.4)
    count = d.pick(48, 64, 96)
    gate = gate and result != "likelihood"
    whole = result == "track"
    if noise == "velocity" and (result == "likelihood" or (result == "state" and update == "steady speed")):
        noise = "continuous"  # of a step's noise on the velocities, positions would only see the next
    but = ", without velocity correction" if update == "steady speed" else ""
    d.says({
        "track": f"Runs one predict-update cycle of a constant-velocity Kalman filter per target{but}.",
        "state": f"Computes the updated state of a constant-velocity Kalman filter per target{but}.",
        "likelihood": "Computes measurement log-likelihoods under a constant-velocity Kalman filter.",
    }[result])  # fmt: skip
    if result == "likelihood":
        d.calls("track_likelihoods|innovation_likelihood|measurement_likelihood")
    d.input("state", "vec4", count, -2.0, 2.0, about="State estimates (x, y, vx, vy)")
    if layout == "mat44":
        d.input("cov", "mat44", count, 0.3, 1.5, kind="spd", about="State covariances")
        load = "p = cov[tid]\n" + "\n".join(f"p{i}{j} = p[{i}, {j}]" for i, j in _PAIRS)
    else:
        d.input("pos_cov", "mat22", count, 0.3, 1.5, kind="spd", about="Position covariance blocks")
        d.input("cross_cov", "mat22", count, -0.1, 0.1, about="Position-velocity covariance blocks")
        d.input("vel_cov", "mat22", count, 0.3, 1.5, kind="spd", about="Velocity covariance blocks")
        load = "pp = pos_cov[tid]\npv = cross_cov[tid]\nvv = vel_cov[tid]\n" + "\n".join(
            f"p{i}{j} = {('pp', 'pv', 'vv')[i // 2 + j // 2]}[{i % 2}, {j % 2}]" for i, j in _PAIRS
        )
    scan = d.pick(24, 40) if picked else count
    d.input("z", "vec2", scan, -3.0, 3.0, about="Measured positions")
    if picked:
        d.input(
            "assigned", "int", count, -scan // 6, scan, about="Measurement index per track, negative for none"
        )
    told = {"discrete": "Acceleration variance", "continuous": "Spectral density of the acceleration noise",
            "velocity": "Velocity variance growth rate"}[noise]  # fmt: skip
    d.param("dt", "float", 0.1, 0.5, about="Time since the last update")
    d.param("accel_noise", "float", 0.2, 1.0, about=told)
    d.param("meas_var", "float", 0.1, 0.6, about="Measurement variance")
    predict = """
    px = x[0] + dt * x[2]
    py = x[1] + dt * x[3]
    vx = x[2]
    vy = x[3]
    # Covariance prediction: F P F^T for F = [[1, dt], [0, 1]]
    p00 += dt * (2.0 * p02 + dt * p22)
    p01 += dt * (p03 + p12 + dt * p23)
    p11 += dt * (2.0 * p13 + dt * p33)
    p02 += dt * p22
    p03 += dt * p23
    p12 += dt * p23
    p13 += dt * p33
    """
    spread = {
        "discrete": """
        # Add Q for piecewise constant acceleration, G = (dt^2 / 2, dt)
        q_pp = 0.25 * accel_noise * dt * dt * dt * dt
        q_pv = 0.5 * accel_noise * dt * dt * dt
        q_vv = accel_noise * dt * dt
        """,
        "continuous": """
        # Add Q for continuous white-noise acceleration, q [[dt^3 / 3, dt^2 / 2], [dt^2 / 2, dt]]
        q_pp = accel_noise * dt * dt * dt / 3.0
        q_pv = 0.5 * accel_noise * dt * dt
        q_vv = accel_noise * dt
        """,
        "velocity": "# Add process noise Q to the velocities only\nq_vv = accel_noise * dt",
    }[noise]
    adds = "p22 += q_vv\np33 += q_vv"
    if noise != "velocity":
        adds = "p00 += q_pp\np11 += q_pp\np02 += q_pv\np13 += q_pv\n" + adds
    write_state = "new_state[tid] = wp.vec4(px, py, vx, vy)"
    write_cov = ""
    if whole:
        rows = [", ".join(f"p{min(i, j)}{max(i, j)}" for j in range(4)) for i in range(4)]
        write_cov = "new_cov[tid] = wp.mat44(\n    " + ",\n    ".join(rows) + ",\n)"
    residual = """
    # Innovation y = z - H x and its covariance S = H P H^T + R
    rx = z[tid][0] - px
    ry = z[tid][1] - py
    sxx = p00 + meas_var
    syy = p11 + meas_var
    det = sxx * syy - p01 * p01
    """.replace("z[tid]", "z[m]" if picked else "z[tid]")
    choose, early = "", ""
    if picked and result == "likelihood":
        early = "m = assigned[tid]\nif m < 0:\n    loglik[tid] = 0.0\n    return"
    elif picked:
        choose = (
            "m = assigned[tid]\n"
            "if m < 0:\n"
            "    # no measurement in this scan: keep the prediction\n"
            "    $write_state\n"
            "    $write_cov\n"
            "    return"
        )
    gating = ""
    if gate or result == "likelihood":
        gating = (
            f"# {'Gate by the squared' if gate else 'Squared'} Mahalanobis distance y^T S^-1 y\n"
            "d2 = (syy * rx * rx - 2.0 * p01 * rx * ry + sxx * ry * ry) / det\n"
        )
    far = ""
    if gate:
        gating += (
            "if d2 > GATE:\n"
            "    # outside the gate: ignore it so that clutter does not drag the track\n"
            "    $far\n"
            "    return"
        )
        far = "$write_state\n$write_cov"
        d.module(
            "GATE = wp.constant(9.21)  # 99% quantile of the chi-square distribution with 2 degrees of freedom"
        )
        d.forward_only()
    if result == "likelihood":
        correct = ""
        d.output(
            "loglik",
            "float",
            count,
            about="Innovation log-likelihood" + (", 0 without one" if picked else ""),
        )
        store = "loglik[tid] = -0.5 * (d2 + wp.log(det)) - wp.log(2.0 * wp.pi)"
    else:
        d.output("new_state", "vec4", count, about="Updated state estimates")
        if whole:
            d.output("new_cov", "mat44", count, about="Updated covariances")
        store = "$write_state\n$write_cov"
        if update == "sequential":
            # One coordinate after the other, each a division by a number.
            lines = ["# R is diagonal, so the axes can be updated sequentially"]
            for axis, a in enumerate(("g", "h")):
                row = [f"p{min(axis, k)}{max(axis, k)}" for k in range(4)]
                if axis == 0:
                    lines += ["inv_s = 1.0 / sxx", "e = rx"]
                else:
                    lines += ["inv_s = 1.0 / (p11 + meas_var)", f"e = z[{'m' if picked else 'tid'}][1] - py"]
                lines += [f"{a}{k} = inv_s * {row[k]}" for k in range(4)]
                lines += [f"{n} += {a}{k} * e" for k, n in enumerate(("px", "py", "vx", "vy"))]
                if whole or axis == 0:
                    # the row that the gains stem from goes last
                    order = sorted(_PAIRS, key=lambda ij: axis in ij)
                    for i, j in order:
                        if axis not in (i, j):
                            lines.append(f"p{i}{j} -= {a}{i} * {row[j]}")
                    lines += [f"{row[k]} -= {a}{axis} * {row[k]}" for k in range(4)]
            correct = "\n".join(lines)
        else:
            first = [f"p{min(0, k)}{max(0, k)}" for k in range(4)]
            second = [f"p{min(1, k)}{max(1, k)}" for k in range(4)]
            used = range(2) if update == "steady speed" else range(4)
            lines = [
                "# K = P H^T S^-1 weights the innovation, so noisy measurements move the state less",
                "ixx = syy / det",
                "ixy = -p01 / det",
                "iyy = sxx / det",
            ]
            for k in used:
                lines += [
                    f"k{k}x = {first[k]} * ixx + {second[k]} * ixy",
                    f"k{k}y = {first[k]} * ixy + {second[k]} * iyy",
                ]
            if update == "steady speed":
                lines.append(
                    "# Velocities contribute to S but are not corrected (Schmidt-Kalman consider states)"
                )
            lines += [f"{('px', 'py', 'vx', 'vy')[k]} += k{k}x * rx + k{k}y * ry" for k in used]
            if whole:
                if update == "steady speed":
                    lines += [f"a{k} = {first[k]}\nb{k} = {second[k]}" for k in range(4)]
                    lines += [f"p{i}{j} -= k{i}x * a{j} + k{i}y * b{j}" for i, j in _PAIRS if i < 2]
                else:
                    lines += ["# P = (I - K H) P; store the upper triangle only, since P is symmetric"]
                    lines += [f"a{k} = {first[k]}\nb{k} = {second[k]}" for k in range(4)]
                    lines += [f"p{i}{j} -= k{i}x * a{j} + k{i}y * b{j}" for i, j in _PAIRS]
            correct = "\n".join(lines)
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$early\nx = state[tid]\n$load\n$predict\n$spread\n$adds\n$choose\n"
        "$residual\n$gating\n$correct\n$store",
        load=load, predict=predict, spread=spread, adds=adds, choose=choose, residual=residual, gating=gating,
        correct=correct, store=store, early=early, far=far, write_state=write_state, write_cov=write_cov,
    )  # fmt: skip
    trim(d)
    far_off = " Innovations with a squared Mahalanobis distance above 9.21 are rejected." if gate else ""
    d.explain(f"States are (x, y, vx, vy); `accel_noise` is the {told[0].lower()}{told[1:]}.{far_off}")

    def reference(v: Values) -> dict[str, Any]:
        if layout == "mat44":
            p = v.cov
        else:
            p = np.block([[v.pos_cov, v.cross_cov], [v.cross_cov.transpose(0, 2, 1), v.vel_cov]])
        p = np.triu(p) + np.triu(p, 1).transpose(0, 2, 1)
        f = np.kron([[1, v.dt], [0, 1]], np.eye(2))
        t = v.dt
        blocks = {
            "discrete": [[t**4 / 4, t**3 / 2], [t**3 / 2, t**2]],
            "continuous": [[t**3 / 3, t**2 / 2], [t**2 / 2, t]],
            "velocity": [[0, 0], [0, t]],
        }[noise]
        p = f @ p @ f.T + v.get("accel_noise", 0.0) * np.kron(blocks, np.eye(2))
        x = v.state @ f.T
        seen = np.ones(count, bool)
        z = v.z
        if picked:
            seen, z = v.assigned >= 0, v.z[v.assigned]
        s = p[:, :2, :2] + v.meas_var * np.eye(2)
        r = z - x[:, :2]
        d2 = np.einsum("ni,nij,nj->n", r, np.linalg.inv(s), r)
        near = d2 <= 9.21 if gate else seen
        if result == "likelihood":
            like = -0.5 * (d2 + np.log(np.linalg.det(2 * np.pi * s)))
            return {"loglik": np.where(seen, like, 0.0)}
        k = p[:, :, :2] @ np.linalg.inv(s)
        if update == "steady speed":
            k[:, 2:] = 0.0
        k *= (seen & near)[:, None, None]
        # Joseph's form holds for any gain
        stay = np.eye(4) - k @ np.eye(4)[:2]
        joseph = stay @ p @ stay.transpose(0, 2, 1) + v.meas_var * k @ k.transpose(0, 2, 1)
        made = {"new_state": x + np.einsum("nij,nj->ni", k, r)}
        if whole:
            made["new_cov"] = joseph
        return made

    d.check(reference, 1e-3)
