"""Settings of a tracker, and how the covariance of a track grows."""

from __future__ import annotations

from warpgen.synthesis.writing.pieces import piece

_MOTION = """
@wp.struct
class TrackerConfig:
    dt: float  # time between scans [s]
    accel_noise: float  # acceleration noise spectral density [m^2/s^3]
    meas_noise: wp.vec2  # measurement noise variances
    gate: float  # squared Mahalanobis gate"""

CONFIG = piece(f"""{_MOTION}
    confirm_hits: int  # updates required to confirm a track
    max_misses: int  # consecutive misses allowed for confirmed tracks
""")

SCORED = piece(f"""{_MOTION}
    hit_gain: float  # log-likelihood ratio gain for a detection at the gate center
    miss_cost: float  # -log(1 - P_D)
    confirm_score: float  # score required to confirm a track
    delete_score: float  # score below which a missed track is deleted
""")

PREDICT = piece("""
@wp.func
def predict_covariance(p: wp.mat44, dt: float, accel_noise: float) -> wp.mat44:
    \"\"\"Propagate the covariance of (x, y, vx, vy) using the constant velocity model.\"\"\"
    # F = [[I, dt * I], [0, I]]
    f = wp.identity(n=4, dtype=float)
    f[0, 2] = dt
    f[1, 3] = dt
    # Continuous white-noise acceleration model
    q_pos = accel_noise * dt * dt * dt / 3.0
    q_cross = accel_noise * dt * dt / 2.0
    q_vel = accel_noise * dt
    q = wp.mat44(
        q_pos, 0.0, q_cross, 0.0,
        0.0, q_pos, 0.0, q_cross,
        q_cross, 0.0, q_vel, 0.0,
        0.0, q_cross, 0.0, q_vel,
    )
    return f * p * wp.transpose(f) + q
""")
