"""Riemann solvers of magnetised gas, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np


class Side:
    """Gas at one side of faces: what follows from density, velocity, pressure and field."""

    def __init__(self, rho: Any, vel: Any, p: Any, b: Any, gamma: float) -> None:
        self.rho, self.vel, self.b = rho, vel, b
        self.total = p + 0.5 * (b**2).sum(1)
        self.e = p / (gamma - 1) + 0.5 * rho * (vel**2).sum(1) + 0.5 * (b**2).sum(1)
        a2, alfven2 = (gamma * p + (b**2).sum(1)) / rho, b[:, 0] ** 2 / rho
        self.fast = np.sqrt(0.5 * (a2 + np.sqrt(np.maximum(a2**2 - 4 * gamma * p / rho * alfven2, 0))))

    def state(self) -> Any:
        return _conserved(self.rho, self.vel, self.e, self.b)

    def flux(self) -> Any:
        u, bx = self.vel[:, :1], self.b[:, :1]
        made = self.state() * u
        made[:, 1:4] -= bx * self.b
        made[:, 1] += self.total
        made[:, 4] += self.total * u[:, 0] - bx[:, 0] * (self.vel * self.b).sum(1)
        made[:, 5:] -= bx * self.vel[:, 1:]
        return made


def _conserved(rho: Any, vel: Any, e: Any, b: Any) -> Any:
    return np.concatenate([rho[:, None], rho[:, None] * vel, e[:, None], b[:, 1:]], 1)


def solved(left: Side, right: Side, solver: str, speeds: str) -> tuple[Any, Any]:
    """The flux of each face, by rows, and the gas there; solvers as in the papers."""
    ul, ur, fl, fr = left.vel[:, 0], right.vel[:, 0], left.flux(), right.flux()
    cl, cr = (left.fast, right.fast) if speeds == "davis" else (np.maximum(left.fast, right.fast),) * 2
    if solver == "rusanov":
        top = np.maximum(abs(ul) + cl, abs(ur) + cr)[:, None]
        return 0.5 * (fl + fr - top * (right.state() - left.state())), None
    sl, sr = np.minimum(ul - cl, ur - cr), np.maximum(ul + cl, ur + cr)
    if solver == "hll":
        a, b = np.minimum(sl, 0)[:, None], np.maximum(sr, 0)[:, None]
        return (b * fl - a * fr + a * b * (right.state() - left.state())) / (b - a), None
    ml, mr = left.rho * (sl - ul), right.rho * (sr - ur)
    sm = (mr * ur - ml * ul - right.total + left.total) / (mr - ml)
    total = left.total + ml * (sm - ul)
    stars = []
    for side, s, m in ((left, sl, ml), (right, sr, mr)):
        bx, u = side.b[:, 0], side.vel[:, 0]
        rho, den = m / (s - sm), m * (s - sm) - bx**2
        vel, b = side.vel.copy(), side.b.copy()
        vel[:, 0] = sm
        vel[:, 1:] -= side.b[:, 1:] * (bx * (sm - u) / den)[:, None]
        b[:, 1:] *= ((m * (s - u) - bx**2) / den)[:, None]
        work = bx * ((side.vel * side.b).sum(1) - (vel * b).sum(1))
        e = ((s - u) * side.e - side.total * u + total * sm + work) / (s - sm)
        stars.append((rho, vel, e, b))
    (rl, vl, el, bl), (rr, vr, er, br) = stars
    a, b_ = np.sqrt(rl)[:, None], np.sqrt(rr)[:, None]
    way = np.sign(left.b[:, :1])
    vm = (a * vl + b_ * vr + (br - bl) * way) / (a + b_)
    bm = (a * br + b_ * bl + a * b_ * (vr - vl) * way) / (a + b_)
    vm[:, 0], bm[:, 0] = sm, left.b[:, 0]
    inner = (vm * bm).sum(1)
    e_l = el - (a * way)[:, 0] * ((vl * bl).sum(1) - inner)
    e_r = er + (b_ * way)[:, 0] * ((vr * br).sum(1) - inner)
    edge_l, edge_r = sm - abs(left.b[:, 0]) / a[:, 0], sm + abs(left.b[:, 0]) / b_[:, 0]
    u1l, u1r = _conserved(rl, vl, el, bl), _conserved(rr, vr, er, br)
    u2l, u2r = _conserved(rl, vm, e_l, bm), _conserved(rr, vm, e_r, bm)
    f1l = fl + sl[:, None] * (u1l - left.state())
    f1r = fr + sr[:, None] * (u1r - right.state())
    f2l = f1l + edge_l[:, None] * (u2l - u1l)
    f2r = f1r + edge_r[:, None] * (u2r - u1r)
    tests = [t[:, None] for t in (sl >= 0, edge_l >= 0, sm >= 0, edge_r > 0, sr > 0)]
    states = [
        np.concatenate([rho[:, None], vel, b[:, 1:]], 1)
        for rho, vel, b in (
            (left.rho, left.vel, left.b),
            (rl, vl, bl),
            (rl, vm, bm),
            (rr, vm, bm),
            (rr, vr, br),
            (right.rho, right.vel, right.b),
        )
    ]
    face = np.select(tests, states[:5], states[5])
    return np.select(tests, [fl, f1l, f2l, f2r, f1r], fr), face
