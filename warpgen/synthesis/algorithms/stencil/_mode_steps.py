"""How a step advances Fourier modes: functions of a mode, what drives it, and the rate of its linear terms."""

_REAL_FACTOR = '''
    @wp.func
    def advance(z: wp.vec2, n: wp.vec2, rate: float, dt: float) -> wp.vec2:
        """Euler step using an integrating factor for the linear terms."""
        return wp.exp(rate * dt) * (z + dt * n)
'''
# of equations whose linear terms do not turn the modes
REAL_STEPS = {
    "midpoint": _REAL_FACTOR,
    "integrating factor": _REAL_FACTOR,
    "exponential": '''
    @wp.func
    def advance(z: wp.vec2, n: wp.vec2, rate: float, dt: float) -> wp.vec2:
        """Exponential Euler step: z exp(h) + dt n (exp(h) - 1) / h."""
        h = dt * rate
        grown = wp.exp(h)
        # Taylor series near h = 0 to avoid cancellation
        if wp.abs(h) > 0.05:
            phi = (grown - 1.0) / h
        else:
            phi = 1.0 + 0.5 * h + h * h / 6.0
        return grown * z + dt * phi * n
''',
    "semi-implicit": '''
    @wp.func
    def advance(z: wp.vec2, n: wp.vec2, rate: float, dt: float) -> wp.vec2:
        """Crank-Nicolson for the linear terms, explicit Euler for the rest."""
        return ((1.0 + 0.5 * dt * rate) * z + dt * n) / (1.0 - 0.5 * dt * rate)
''',
}
# of equations whose linear terms do nothing but turn the modes: rates are angular ones
_TURN_FACTOR = '''
    @wp.func
    def advance(z: wp.vec2, n: wp.vec2, omega: float, dt: float) -> wp.vec2:
        """Euler step using an integrating factor for the linear terms."""
        turn = wp.vec2(wp.cos(omega * dt), wp.sin(omega * dt))
        return c_mul(turn, z + dt * n)
'''
TURN_STEPS = {
    "midpoint": _TURN_FACTOR,
    "integrating factor": _TURN_FACTOR,
    "exponential": '''
    @wp.func
    def advance(z: wp.vec2, n: wp.vec2, omega: float, dt: float) -> wp.vec2:
        """Exponential Euler step: z exp(i h) + dt n (exp(i h) - 1) / (i h)."""
        h = dt * omega
        turn = wp.vec2(wp.cos(h), wp.sin(h))
        # Taylor series near h = 0 to avoid cancellation
        phi = wp.vec2(1.0 - h * h / 6.0, 0.5 * h)
        if wp.abs(h) > 0.05:
            phi = wp.vec2(turn[1], 1.0 - turn[0]) / h
        return c_mul(turn, z) + dt * c_mul(phi, n)
''',
    "semi-implicit": '''
    @wp.func
    def advance(z: wp.vec2, n: wp.vec2, omega: float, dt: float) -> wp.vec2:
        """Crank-Nicolson for the linear terms, explicit Euler for the rest."""
        half = wp.vec2(1.0, 0.5 * dt * omega)
        return c_mul(c_mul(half, z) + dt * n, half) / wp.length_sq(half)
''',
}
TURN_FINISH = '''
    @wp.func
    def finish(z: wp.vec2, n: wp.vec2, omega: float, dt: float) -> wp.vec2:
        """Full step using the nonlinear terms evaluated at the midpoint."""
        turn = wp.vec2(wp.cos(omega * dt), wp.sin(omega * dt))
        late = wp.vec2(wp.cos(0.5 * omega * dt), wp.sin(0.5 * omega * dt))
        return c_mul(turn, z) + dt * c_mul(late, n)
'''
REAL_FINISH = '''
    @wp.func
    def finish(z: wp.vec2, n: wp.vec2, rate: float, dt: float) -> wp.vec2:
        """Full step using the nonlinear terms evaluated at the midpoint."""
        return wp.exp(rate * dt) * z + dt * wp.exp(0.5 * rate * dt) * n
'''
# of those that do both: rates are complex
_BOTH_FACTOR = '''
    @wp.func
    def advance(z: wp.vec2, n: wp.vec2, rate: wp.vec2, dt: float) -> wp.vec2:
        """Euler step using an integrating factor for the linear terms."""
        size = wp.exp(rate[0] * dt)
        turn = wp.vec2(size * wp.cos(rate[1] * dt), size * wp.sin(rate[1] * dt))
        return c_mul(turn, z + dt * n)
'''
TURN_AND_GROW = {
    "midpoint": _BOTH_FACTOR,
    "integrating factor": _BOTH_FACTOR,
    "exponential": '''
    @wp.func
    def advance(z: wp.vec2, n: wp.vec2, rate: wp.vec2, dt: float) -> wp.vec2:
        """Exponential Euler step: z exp(h) + dt n (exp(h) - 1) / h."""
        h = dt * rate
        size = wp.exp(h[0])
        turn = wp.vec2(size * wp.cos(h[1]), size * wp.sin(h[1]))
        # Taylor series near h = 0 to avoid cancellation
        phi = wp.vec2(1.0 + 0.5 * h[0] + (h[0] * h[0] - h[1] * h[1]) / 6.0, 0.5 * h[1] + h[0] * h[1] / 3.0)
        if wp.length_sq(h) > 0.0025:
            lifted = wp.vec2(turn[0] - 1.0, turn[1])
            phi = c_mul(lifted, wp.vec2(h[0], -h[1])) / wp.length_sq(h)
        return c_mul(turn, z) + dt * c_mul(phi, n)
''',
    "semi-implicit": '''
    @wp.func
    def advance(z: wp.vec2, n: wp.vec2, rate: wp.vec2, dt: float) -> wp.vec2:
        """Crank-Nicolson for the linear terms, explicit Euler for the rest."""
        before = wp.vec2(1.0 + 0.5 * dt * rate[0], 0.5 * dt * rate[1])
        after = wp.vec2(1.0 - 0.5 * dt * rate[0], 0.5 * dt * rate[1])
        return c_mul(c_mul(before, z) + dt * n, after) / wp.length_sq(after)
''',
}
TURN_AND_GROW_FINISH = '''
    @wp.func
    def finish(z: wp.vec2, n: wp.vec2, rate: wp.vec2, dt: float) -> wp.vec2:
        """Full step using the nonlinear terms evaluated at the midpoint."""
        full = wp.exp(rate[0] * dt)
        half = wp.exp(0.5 * rate[0] * dt)
        turn = wp.vec2(full * wp.cos(rate[1] * dt), full * wp.sin(rate[1] * dt))
        late = wp.vec2(half * wp.cos(0.5 * rate[1] * dt), half * wp.sin(0.5 * rate[1] * dt))
        return c_mul(turn, z) + dt * c_mul(late, n)
'''
