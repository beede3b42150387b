"""Settings of a tracker, and how the covariance of a track grows."""

from __future__ import annotations

from warpgen.synthesis.writing.pieces import piece

_MOTION = """
@wp.struct
class TrackerConfig:
    dt: float  # time between scans [s]
    accel_noise: float  # spectral density of the acceleration [m^2/s^3]
    meas_noise: wp.vec2  # variances of the two measured quantities
    gate: float  # bound of the squared Mahalanobis distance"""

CONFIG = piece(f"""{_MOTION}
    confirm_hits: int  # updates that confirm a tentative track
    max_misses: int  # misses in a row that a confirmed track survives
""")

SCORED = piece(f"""{_MOTION}
    hit_gain: float  # log-likelihood ratio of a detection at the center of the gate
    miss_cost: float  # -log(1 - P_D)
    confirm_score: float  # above it a tentative track is confirmed
    delete_score: float  # below it a track is deleted after a miss
""")

PREDICT = piece("""
@wp.func
def predict_covariance(p: wp.mat44, dt: float, accel_noise: float) -> wp.mat44:
    \"\"\"Propagate the covariance of (x, y, vx, vy) using the constant velocity model.\"\"\"
    # F = [[I, dt * I], [0, I]]
    f = wp.identity(n=4, dtype=float)
    f[0, 2] = dt
    f[1, 3] = dt
    # White noise acceleration, integrated over the step
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
