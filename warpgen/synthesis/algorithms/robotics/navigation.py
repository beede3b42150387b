"""Strapdown inertial navigation on the earth: attitude, velocity and position from body rates and forces."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

_RADII = {
    "ellipsoid": """
        # WGS 84 radii of curvature: meridian and prime vertical
        sin_lat = wp.sin(lat)
        denom = 1.0 - ECC_SQ * sin_lat * sin_lat
        radius_e = SEMI_MAJOR / wp.sqrt(denom)
        radius_n = radius_e * (1.0 - ECC_SQ) / denom
    """,
    "sphere": """
        sin_lat = wp.sin(lat)
        radius_e = EARTH_RADIUS
        radius_n = EARTH_RADIUS
    """,
}
_GRAVITY = {
    "somigliana": """
        # Somigliana's formula on the ellipsoid with free-air height correction
        g0 = EQUATOR_GRAVITY * (1.0 + SOMIGLIANA * sin_lat * sin_lat) / wp.sqrt(1.0 - ECC_SQ * sin_lat * sin_lat)
        gravity = g0 - FREE_AIR * height
    """,
    "constant": "",
}


@DOMAIN.algorithm(
    source="Savage 1998 (strapdown integration algorithms); Groves 2013, ch. 5; WGS 84",
    names={
        "navigate": "strapdown_update|ins_mechanization|inertial_navigation|propagate_navigation",
        "nav_rot": "nav_att",
        "transport": "transport_rate",
        "gravity": "g_local",
    },
    element="vehicle",
    weight=8,
)
def navigate(d: Draft) -> None:
    """Advances attitude, velocity and position of inertial navigation systems in local level axes."""
    form = d.option("form", "quaternion", "matrix")
    earth = d.option("earth", *_RADII)
    gravity = d.option("gravity", *_GRAVITY)
    if earth == "sphere":
        gravity = "constant"
    samples = d.option("samples", "increments", "rates")
    coning = d.flag("coning", 0.45)
    bias = d.option("bias", "none", "one", "full")
    rate = d.option("earth rate", "all", "earth only", "none")
    update = d.option("position", "geodetic", "local")
    average = d.flag("average", 0.6)
    spins = rate != "none"
    curved = rate == "all" or update == "geodetic"
    count = d.pick(16, 24, 32)
    if form == "quaternion":
        d.input("nav_rot", "quat", count, kind="unit", about="Body-to-NED attitudes")
    else:
        d.input("nav_rot", "mat33", count, kind="rotation", about="Body-to-NED attitudes")
    d.input("nav_vel", "vec3", count, -50.0, 50.0, about="NED velocities [m/s]")
    if update == "geodetic":
        d.input("latitude", "float64", count, -1.2, 1.2, about="Latitudes [rad]")
        d.input("longitude", "float64", count, -3.14, 3.14, about="Longitudes [rad]")
        d.input("altitude", "float", count, 0.0, 2000.0, about=f"Heights above the {earth} [m]")
    else:
        d.input("nav_pos", "vec3", count, -500.0, 500.0, about="NED positions relative to the origin [m]")
        d.param("origin_lat", "float", -1.2, 1.2, about="Origin latitude [rad]")
    if samples == "increments":
        d.input("delta_angle", "vec3", count, -0.2, 0.2, about="Gyroscope angle increments [rad]")
        d.input(
            "delta_velocity",
            "vec3",
            count,
            -2.0,
            2.0,
            about="Accelerometer velocity increments [m/s]",
        )
    else:
        d.input("gyro", "vec3", count, -2.0, 2.0, about="Body rates [rad/s]")
        d.input("specific_force", "vec3", count, -20.0, 20.0, about="Specific forces [m/s^2]")
    if coning:
        free = ", bias-free" if bias != "none" else ""
        d.input("angle_prev", "vec3", count, -0.2, 0.2, about=f"Previous angle increments{free} [rad]")
        d.input(
            "velocity_prev",
            "vec3",
            count,
            -2.0,
            2.0,
            about=f"Previous velocity increments{free} [m/s]",
        )
    if bias == "one":
        d.param("gyro_bias", "vec3", -0.02, 0.02, about="Gyroscope biases [rad/s]")
        d.param("accel_bias", "vec3", -0.1, 0.1, about="Accelerometer biases [m/s^2]")
    elif bias == "full":
        d.input("gyro_bias", "vec3", count, -0.02, 0.02, about="Gyroscope biases [rad/s]")
        d.input("accel_bias", "vec3", count, -0.1, 0.1, about="Accelerometer biases [m/s^2]")
    d.param("dt", "float", 0.05, 0.1, about="Time step [s]")
    d.output(
        "rot_out",
        "quat" if form == "quaternion" else "mat33",
        count,
        about="Updated attitudes",
    )
    d.output("vel_out", "vec3", count, about="Updated velocities [m/s]")
    if update == "geodetic":
        d.output("lat_out", "float64", count, about="Updated latitudes [rad]")
        d.output("lon_out", "float64", count, about="Updated longitudes [rad]")
        d.output("alt_out", "float", count, about="Updated heights [m]")
    else:
        d.output("pos_out", "vec3", count, about="Updated positions [m]")
    lines = []
    if earth == "ellipsoid" or gravity == "somigliana":
        lines += ["ECC_SQ = wp.constant(6.69437999014e-3)"]
    lines += [
        "SEMI_MAJOR = wp.constant(6378137.0)  # [m]"
        if earth == "ellipsoid"
        else "EARTH_RADIUS = wp.constant(6371000.0)  # [m]"
    ]
    if not curved:
        lines = [x for x in lines if "ECC" in x and gravity == "somigliana"]
    if spins:
        lines += ["EARTH_RATE = wp.constant(7.292115e-5)  # [rad/s]"]
    if gravity == "somigliana":
        lines += ["EQUATOR_GRAVITY = wp.constant(9.7803253359)  # [m/s^2]"]
        lines += ["SOMIGLIANA = wp.constant(0.001931853)  # gravity increase toward the poles"]
        lines += ["FREE_AIR = wp.constant(3.0877e-6)  # gravity decrease with height [1/s^2]"]
    else:
        lines += ["GRAVITY = wp.constant(9.80665)  # [m/s^2]"]
    if lines:
        d.module("\n".join(lines))
    d.function('''
        @wp.func
        def rotation_vector_quat(v: wp.vec3) -> wp.quat:
            """Rotation vector to quaternion, using small-angle series for sine and cosine."""
            sq = 0.25 * wp.dot(v, v)
            s = 0.5 * (1.0 - sq / 6.0 * (1.0 - sq / 20.0))
            c = 1.0 - 0.5 * sq * (1.0 - sq / 12.0)
            return wp.normalize(wp.quat(s * v, c))
    ''')
    at = {"one": "", "full": "[tid]", "none": ""}[bias]
    read = {
        "increments": "theta = delta_angle[tid]\ndv = delta_velocity[tid]",
        "rates": "theta = dt * gyro[tid]\ndv = dt * specific_force[tid]",
    }
    correct = f"# Subtract the estimated biases first, otherwise they accumulate in position\ntheta -= dt * gyro_bias{at}\ndv -= dt * accel_bias{at}"
    cone = """
    # Two-sample coning correction, since rotations do not commute
    phi = theta + wp.cross(angle_prev[tid], theta) / 12.0
    # Velocity rotation and sculling
    dv_b = dv + 0.5 * wp.cross(theta, dv)
    dv_b += (wp.cross(angle_prev[tid], dv) + wp.cross(velocity_prev[tid], theta)) / 12.0
    """
    plain = """
    # Half the cross product, because the body rotates while accelerating
    dv_b = dv + 0.5 * wp.cross(theta, dv)
    """
    place = {
        "geodetic": "lat = float(latitude[tid])\nheight = altitude[tid]",
        "local": "height = -nav_pos[tid][2]",
    }
    transport = """
    # Transport rate: rotation of the local-level frame over the curved earth
    transport = wp.vec3(
        vel[1] / (radius_e + height),
        -vel[0] / (radius_n + height),
        -vel[1] * wp.tan(lat) / (radius_e + height),
    )
    """
    earth_axes = """
    # Earth rotation in NED axes
    earth_rate = EARTH_RATE * wp.vec3(wp.cos(lat), 0.0, -sin_lat)
    """
    spinning = {
        "all": transport
        + earth_axes
        + """
    frame_rate = earth_rate + transport
    coriolis = wp.cross(2.0 * earth_rate + transport, vel)
    """,
        "earth only": earth_axes + "\n    coriolis = 2.0 * wp.cross(earth_rate, vel)\n",
        "none": "",
    }[rate]
    turn = {
        "quaternion": "rot_out[tid] = wp.normalize($fq * rot * rotation_vector_quat(phi))",
        "matrix": "rot_out[tid] = $fm * rot * wp.quat_to_matrix(rotation_vector_quat(phi))",
    }[form]
    if not coning:
        turn = turn.replace("quat(phi)", "quat(theta)")
    if rate == "earth only":
        turn = turn.replace("$fq", "rotation_vector_quat(-dt * earth_rate)").replace(
            "$fm", "wp.quat_to_matrix(rotation_vector_quat(-dt * earth_rate))"
        )
    elif spins:
        turn = turn.replace("$fq", "rotation_vector_quat(-dt * frame_rate)").replace(
            "$fm", "wp.quat_to_matrix(rotation_vector_quat(-dt * frame_rate))"
        )
    else:
        turn = turn.replace("$fq * ", "").replace("$fm * ", "")
    into = "wp.quat_rotate(rot, dv_b)" if form == "quaternion" else "rot * dv_b"
    mean = "0.5 * (vel + vel_new)" if average else "vel_new"
    by = "vel_mean" if average else "vel_new"
    move = {
        "geodetic": f"""
            {f"vel_mean = {mean}" if average else "$nothing"}
            # Accumulate in double precision, since float32 only resolves about half a meter
            lat_out[tid] = latitude[tid] + wp.float64(dt * {by}[0] / (radius_n + height))
            lon = longitude[tid] + wp.float64(dt * {by}[1] / ((radius_e + height) * wp.cos(lat)))
            # Wrap the longitude to [-pi, pi]
            if lon > wp.float64(wp.pi):
                lon -= wp.float64(wp.TAU)
            elif lon < -wp.float64(wp.pi):
                lon += wp.float64(wp.TAU)
            lon_out[tid] = lon
            alt_out[tid] = height - dt * {by}[2]
        """,
        "local": f"pos_out[tid] = nav_pos[tid] + dt * {mean if not average else '(' + mean + ')'}".replace(
            "(0.5 * (vel + vel_new))", "0.5 * (vel + vel_new)"
        ),
    }
    radii = _RADII[earth] if curved else "sin_lat = wp.sin(lat)" if spins or gravity == "somigliana" else ""
    pull = f"wp.vec3(0.0, 0.0, {'GRAVITY' if gravity == 'constant' else 'gravity'})"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        rot = nav_rot[tid]
        vel = nav_vel[tid]
        $place
        # --- Sensor increments ---
        $read
        $correct
        $increments
        $radii
        $gravity
        $spinning
        # Rotate the specific force into the local-level frame and add gravity$less
        vel_new = vel + $into + dt * $acc
        vel_out[tid] = vel_new
        $turn
        $move
        """,
        place=place[update],
        read=read[samples],
        correct=correct if bias != "none" else "",
        increments=cone if coning else plain,
        radii=radii,
        gravity=_GRAVITY[gravity],
        spinning=spinning,
        less={"all": ", minus Coriolis terms", "earth only": ", minus the Coriolis term", "none": ""}[rate],
        into=into,
        acc=f"({pull} - coriolis)" if spins else pull,
        turn={
            "all": "# Compose the body rotation with the local-level frame rotation\n",
            "earth only": "# Compose the body rotation with the earth rotation\n",
            "none": "",
        }[rate]
        + turn,
        move=move[update],
        nothing="",
    )
    if not (spins or update == "geodetic" or gravity == "somigliana"):
        d.text = d.text.replace("height = -nav_pos[tid][2]\n", "")
    elif not curved:
        d.text = d.text if gravity == "somigliana" else d.text.replace("height = -nav_pos[tid][2]\n", "")
    if update == "geodetic" and not spins and gravity == "constant" and earth == "sphere":
        d.text = d.text.replace("sin_lat = wp.sin(lat)\n", "")
    if earth == "sphere":
        d.text = d.text.replace("radius_e = EARTH_RADIUS\nradius_n = EARTH_RADIUS\n", "")
        d.text = d.text.replace("radius_e", "EARTH_RADIUS").replace("radius_n", "EARTH_RADIUS")
    if update == "local":
        d.text = re.sub(r"\blat\b", "origin_lat", d.text)
    trim(d)
    left_out = {
        "all": "",
        "earth only": ", ignoring transport rate",
        "none": ", ignoring earth rotation and transport rate",
    }[rate]
    d.says(
        f"Propagates attitude, velocity and position of inertial navigation systems in local-level axes{left_out}."
    )
    freed = ["corrected for biases"] * (bias != "none") + ["compensated for coning and sculling"] * coning
    turned = (
        f"Sensor increments{', ' * bool(freed)}{' and '.join(freed)}{',' * bool(freed)} are rotated into them"
    )
    d.explain(
        f"Local-level axes point north, east and down. {turned}, gravity and Coriolis terms\n"
        "are added, and the attitude follows the body rotation relative to the local-level frame."
        if rate == "all"
        else f"Local-level axes point north, east and down. {turned}, gravity and the Coriolis\n"
        "term due to earth rotation are added; the transport rate is neglected, since it is small at low speed."
        if spins
        else f"Local-level axes point north, east and down. {turned} and gravity is added;\n"
        "earth rotation and transport rate are neglected."
    )

    def reference(v: Values) -> dict[str, Any]:
        one = np.ones(count)
        lat = v.latitude if update == "geodetic" else v.origin_lat * one
        height = v.altitude if update == "geodetic" else -v.nav_pos[:, 2]
        theta = v.delta_angle if samples == "increments" else v.dt * v.gyro
        dv = v.delta_velocity if samples == "increments" else v.dt * v.specific_force
        if bias != "none":
            theta, dv = theta - v.dt * v.gyro_bias, dv - v.dt * v.accel_bias
        phi, push = theta, dv + 0.5 * np.cross(theta, dv)
        if coning:
            phi = theta + np.cross(v.angle_prev, theta) / 12.0
            push = push + (np.cross(v.angle_prev, dv) + np.cross(v.velocity_prev, theta)) / 12.0
        e2 = 6.69437999014e-3
        s2 = np.sin(lat) ** 2
        rn = re = 6371000.0 * one
        if earth == "ellipsoid":
            re = 6378137.0 / np.sqrt(1.0 - e2 * s2)
            rn = 6378137.0 * (1.0 - e2) / (1.0 - e2 * s2) ** 1.5
        g = 9.80665 * one
        if gravity == "somigliana":
            g = 9.7803253359 * (1.0 + 0.001931853 * s2) / np.sqrt(1.0 - e2 * s2) - 3.0877e-6 * height
        vel = v.nav_vel
        zero = np.zeros((count, 3))
        over = np.stack(
            [vel[:, 1] / (re + height), -vel[:, 0] / (rn + height), -vel[:, 1] * np.tan(lat) / (re + height)],
            axis=1,
        )
        spin = 7.292115e-5 * np.stack([np.cos(lat), 0.0 * lat, -np.sin(lat)], axis=1)
        if rate == "none":
            spin = zero
        if rate != "all":
            over = zero
        turn_ = v.nav_rot if form == "matrix" else quaternions.matrix(v.nav_rot)
        new = vel + np.einsum("kij,kj->ki", turn_, push) - v.dt * np.cross(2.0 * spin + over, vel)
        new[:, 2] += v.dt * g
        by = 0.5 * (vel + new) if average else new
        made: dict[str, Any] = {"vel_out": new}
        before, after = quaternions.exponential(-v.dt * (spin + over)), quaternions.exponential(phi)
        if form == "matrix":
            made["rot_out"] = quaternions.matrix(before) @ turn_ @ quaternions.matrix(after)
        else:
            made["rot_out"] = quaternions.product(before, quaternions.product(v.nav_rot, after))
        if update == "local":
            return made | {"pos_out": v.nav_pos + v.dt * by}
        lon = v.longitude + v.dt * by[:, 1] / ((re + height) * np.cos(lat))
        made |= {"lat_out": lat + v.dt * by[:, 0] / (rn + height), "alt_out": height - v.dt * by[:, 2]}
        return made | {"lon_out": (lon + np.pi) % (2.0 * np.pi) - np.pi}

    d.check(reference, 1e-3)
