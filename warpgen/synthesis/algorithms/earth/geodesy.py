"""Places and distances on the ellipsoid of the earth (WGS 84), and map projections."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.earth import DOMAIN
from warpgen.synthesis.algorithms.earth._ellipsoid import E2, ELLIPSOID, A, ecef, enu, geodesic, heading
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "lat": "latitude|phi|lats",
    "lon": "longitude|lam|lons",
    "height": "altitude|h|alt",
    "position": "ecef|xyz|positions",
}


@DOMAIN.algorithm(
    source="NIMA TR8350.2; Bowring 1985",
    names=_NAMES | {"n": "prime_vertical|nu|R_n"},
    double=True,
)
def geodetic_to_ecef(d: Draft) -> None:
    """Converts geodetic coordinates to earth-centered, earth-fixed (ECEF) positions."""
    result = d.option("result", "position", "range", "local", "look angles")
    units = d.option("units", "radians", "degrees")
    packed = d.flag("packed", 0.4)
    curved = d.flag("height", 0.7)
    d.calls(
        {
            "position": "geodetic_to_ecef|ecef_from_geodetic|lla_to_ecef|place_stations",
            "range": "slant_ranges|ranges_to_site|distance_to_site",
            "local": "geodetic_to_enu|lla_to_enu|local_coordinates",
            "look angles": "look_angles|azimuth_elevation|geodetic_to_look_angles",
        }[result]
    )
    site = result != "position"
    count = d.pick(64, 96, 128)
    given = "geodetic coordinates" if curved or packed else "latitudes and longitudes on the ellipsoid"
    d.says({
        "position": f"Converts {given} to earth-centered, earth-fixed (ECEF) positions.",
        "range": f"Computes slant ranges from a site to points in {given}.",
        "local": f"Computes local east-north-up (ENU) coordinates relative to a site for points in {given}.",
        "look angles": f"Computes look angles from a site to points in {given}.",
    }[result].replace("points in lat", "points at lat"))  # fmt: skip
    scale = 57.29577951308232 if units == "degrees" and not packed else 1.0
    unit = "deg" if scale != 1.0 else "rad"
    # Points that can be seen from a site are less than some 200 km away
    lats, lons = ((0.6, 0.64), (0.2, 0.24)) if site else ((-1.2, 1.2), (-3.0, 3.0))
    if packed:
        lats = lons = (0.52, 0.54) if site else (0.1, 0.9)
        d.input("geo", "vec3", count, *lats, about="Latitude [rad], longitude [rad], height [km]")
        load = "g = geo[tid]\nphi = $angle(g[0])\nlam = $angle(g[1])\nh = 1000.0 * g[2]"
    else:
        for name, (low, high) in (("latitude", lats), ("longitude", lons)):
            ends = round(low * scale, 2), round(high * scale, 2)
            d.input(name[:3], "float", count, *ends, about=f"{name.capitalize()} [{unit}]")
        if curved:
            d.input("height", "float", count, 0.0, 9000.0, about="Height above the ellipsoid [m]")
        load = "phi = $angle(lat[tid])\nlam = $angle(lon[tid])" + ("\nh = height[tid]" if curved else "")
    if site:
        for name, (low, high) in (("latitude", lats), ("longitude", lons)):
            inset = 0.25 * (high - low)
            ends = round((low + inset) * scale, 3), round((high - inset) * scale, 3)
            d.param(f"site_{name[:3]}", "float", *ends, about=f"Site {name} [{unit}]")
    d.module(ELLIPSOID)
    load = load.replace("$angle(", "wp.radians(" if scale != 1.0 else "(")
    load = (
        load
        if "wp.radians" in load
        else load.replace("((", "(")
        .replace("(lat[tid])", "lat[tid]")
        .replace("(lon[tid])", "lon[tid]")
        .replace("(g[0])", "g[0]")
        .replace("(g[1])", "g[1]")
    )
    place = """
    e2 = EARTH_F * (2.0 - EARTH_F)
    s = wp.sin(phi)
    c = wp.cos(phi)
    # Prime vertical radius of curvature N
    n = EARTH_A / wp.sqrt(1.0 - e2 * s * s)
    p = wp.vec3((n + h) * c * wp.cos(lam), (n + h) * c * wp.sin(lam), (n * (1.0 - e2) + h) * s)
    """
    if not curved and not packed:
        place = (
            place.replace("(n + h)", "n").replace(" + h)", ")").replace("(n * (1.0 - e2))", "n * (1.0 - e2)")
        )
    of_site = (
        """
    phi0 = wp.radians(site_lat)
    lam0 = wp.radians(site_lon)
    s0 = wp.sin(phi0)
    c0 = wp.cos(phi0)
    n0 = EARTH_A / wp.sqrt(1.0 - e2 * s0 * s0)
    cl = wp.cos(lam0)
    sl = wp.sin(lam0)
    # Subtract the site position (zero height)
    d = p - wp.vec3(n0 * c0 * cl, n0 * c0 * sl, n0 * (1.0 - e2) * s0)
    """
        if site
        else ""
    )
    if scale == 1.0:
        of_site = (
            re.sub(r".*wp.radians.*\n", "", of_site).replace("phi0", "site_lat").replace("lam0", "site_lon")
        )
    local = (
        """
    east = -sl * d[0] + cl * d[1]
    north = -s0 * cl * d[0] - s0 * sl * d[1] + c0 * d[2]
    up = c0 * cl * d[0] + c0 * sl * d[1] + s0 * d[2]
    """
        if result in ("local", "look angles")
        else ""
    )
    if result == "position":
        d.output("position", "vec3", count, about="Earth-centered positions [m]")
        store = "position[tid] = p"
    elif result == "range":
        d.output("slant_range", "float", count, about="Distance to the site [m]")
        store = "slant_range[tid] = wp.length(d)"
    elif result == "local":
        d.output("enu", "vec3", count, about="East, north and up components [m]")
        store = "enu[tid] = wp.vec3(east, north, up)"
    else:
        d.output("angles", "vec2", count, about="Azimuth and elevation [rad]")
        store = (
            "# Azimuth, clockwise from north\n"
            "angles[tid] = wp.vec2(wp.atan2(east, north), wp.asin(up / wp.length(d)))"
        )
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$load\n$place\n$of_site\n$local\n$store",
        load=load,
        place=place,
        of_site=of_site,
        local=local,
        store=store,
    )
    d.explain(
        ("All angles are in radians" if scale == 1.0 else "Latitudes and longitudes are in degrees")
        + (", look angles in radians" if scale != 1.0 and result == "look angles" else "")
        + ", heights are above the WGS 84 ellipsoid, distances in meters."
    )

    def reference(v: Values) -> dict[str, Any]:
        if packed:
            lat, lon, h = v.geo[:, 0], v.geo[:, 1], 1000.0 * v.geo[:, 2]
        else:
            lat, lon, h = v.lat / scale, v.lon / scale, v.height if curved else 0.0
        p = ecef(lat, lon, h)
        if result == "position":
            return {"position": p}
        s_lat, s_lon = np.asarray(v.site_lat) / scale, np.asarray(v.site_lon) / scale
        away = p - ecef(s_lat, s_lon, 0.0)
        local = away @ enu(s_lat, s_lon).T
        if result == "range":
            return {"slant_range": np.linalg.norm(away, axis=1)}
        if result == "local":
            return {"enu": local}
        east, north, up = local.T
        angles = np.arctan2(east, north), np.arcsin(up / np.linalg.norm(away, axis=1))
        return {"angles": np.stack(angles, axis=-1)}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Vincenty 1975; Sinnott 1984",
    names={
        "a": "start|origin|p0",
        "b": "goal|destination|p1",
        "distance": "length|meters|dist",
        "sigma": "arc|central_angle",
    },
    adjoint="no",
    weight=2,
)
def surface_distance(d: Draft) -> None:
    """Computes geodesic distances on the earth."""
    way = d.option("way", "haversine", "vectors", "vincenty", "vincenty fixed", "mean latitude")
    pairs = d.option("pairs", "arrays", "from one", "indexed")
    bearing = d.flag("bearing", 0.4)
    d.calls(
        {
            "haversine": "surface_distance|great_circle|haversine_distance|great_circle_distance",
            "vectors": "surface_distance|great_circle|central_angle_distance|great_circle_distance",
            "vincenty": "surface_distance|geodesic_distance|vincenty_inverse",
            "vincenty fixed": "surface_distance|geodesic_distance|vincenty_inverse",
            "mean latitude": "surface_distance|geodesic_distance|mean_latitude_distance",
        }[way]
    )
    if way.startswith("vincenty"):  # which is good to a millimeter
        d.precise()
    count, places = d.pick(64, 96, 128), d.pick(12, 20)
    aimed = "mean" if way == "mean latitude" else "initial"
    d.says(
        "Computes distances on the earth"
        + {
            "haversine": " using the haversine formula",
            "vectors": " using the angle between unit vectors",
            "vincenty": " using Vincenty's inverse formula",
            "vincenty fixed": " using a fixed number of Vincenty iterations",
            "mean latitude": " using the mean-latitude curvature radii",
        }[way]
        + (f", and {aimed} bearings." if bearing else ".")
    )
    close = way == "mean latitude"
    starts, goals = ((0.4, 0.43), (0.44, 0.47)) if close else ((0.2, 0.6), (0.7, 1.2))
    if pairs == "indexed":
        low, high = (0.4, 0.47) if close else (-1.2, 1.2)
        d.input("places", "vec2", places, low, high, about="Latitude and longitude per location")
        d.input("edges", "vec2i", count, 0, places, about="Location index pairs")
    else:
        d.input("a", "vec2", count, *starts, about="Start latitude and longitude")
        if pairs == "arrays":
            d.input("b", "vec2", count, *goals, about="Destination latitude and longitude")
        else:
            d.param("b", "vec2", *goals, about="Destination latitude and longitude")
    d.output("distance", "float", count, about="Distances [m]")
    if bearing:
        d.output("azimuth", "float", count, about="Azimuth, clockwise from north [rad]")
    if way in ("vincenty", "vincenty fixed", "mean latitude"):
        d.module(ELLIPSOID)
    else:
        d.module("EARTH_RADIUS = wp.constant(6371008.8)  # mean, in m")
    load = {
        "indexed": """
        e = edges[tid]
        $same
        lat1 = places[e[0]][0]
        lon1 = places[e[0]][1]
        lat2 = places[e[1]][0]
        lon2 = places[e[1]][1]
        """,
        "arrays": "lat1 = a[tid][0]\nlon1 = a[tid][1]\nlat2 = b[tid][0]\nlon2 = b[tid][1]",
        "from one": "lat1 = a[tid][0]\nlon1 = a[tid][1]\nlat2 = b[0]\nlon2 = b[1]",
    }[pairs]
    ball = {
        "haversine": """
        sp = wp.sin(0.5 * (lat2 - lat1))
        sl = wp.sin(0.5 * (lon2 - lon1))
        # Numerically stable for nearby points, unlike the law of cosines
        h = sp * sp + wp.cos(lat1) * wp.cos(lat2) * sl * sl
        sigma = 2.0 * wp.asin(wp.min(wp.sqrt(h), 1.0))
        distance[tid] = EARTH_RADIUS * sigma
        """,
        "vectors": """
        # Use atan2, which is accurate for both nearby and antipodal points
        u = wp.vec3(wp.cos(lat1) * wp.cos(lon1), wp.cos(lat1) * wp.sin(lon1), wp.sin(lat1))
        w = wp.vec3(wp.cos(lat2) * wp.cos(lon2), wp.cos(lat2) * wp.sin(lon2), wp.sin(lat2))
        sigma = wp.atan2(wp.length(wp.cross(u, w)), wp.dot(u, w))
        distance[tid] = EARTH_RADIUS * sigma
        """,
        "mean latitude": """
        e2 = EARTH_F * (2.0 - EARTH_F)
        mean = 0.5 * (lat1 + lat2)
        w = 1.0 - e2 * wp.sin(mean) * wp.sin(mean)
        # Meridian (M) and prime vertical (N) radii of curvature
        m = EARTH_A * (1.0 - e2) / (w * wp.sqrt(w))
        n = EARTH_A / wp.sqrt(w)
        north = m * (lat2 - lat1)
        east = n * wp.cos(mean) * (lon2 - lon1)
        distance[tid] = wp.sqrt(north * north + east * east)
        """,
    }
    steps = d.pick(5, 6, 8)
    step = """
    sl = wp.sin(lam)
    cl = wp.cos(lam)
    p = cu2 * sl
    q = cu1 * su2 - su1 * cu2 * cl
    ss = wp.sqrt(p * p + q * q)
    cs = su1 * su2 + cu1 * cu2 * cl
    sigma = wp.atan2(ss, cs)
    sa = cu1 * cu2 * sl / ss
    c2a = 1.0 - sa * sa
    # Avoid division by zero on equatorial lines, where cos^2(alpha) = 0
    cm = cs - 2.0 * su1 * su2 / wp.max(c2a, 1.0e-6)
    c = EARTH_F / 16.0 * c2a * (4.0 + EARTH_F * (4.0 - 3.0 * c2a))
    """
    head = """
    # Reduced latitudes, tan(U) = (1 - f) tan(phi)
    u1 = wp.atan((1.0 - EARTH_F) * wp.tan(lat1))
    u2 = wp.atan((1.0 - EARTH_F) * wp.tan(lat2))
    su1 = wp.sin(u1)
    cu1 = wp.cos(u1)
    su2 = wp.sin(u2)
    cu2 = wp.cos(u2)
    l = lon2 - lon1
    lam = float(l)
    sigma = float(0.0)
    ss = float(0.0)
    cs = float(0.0)
    c2a = float(0.0)
    cm = float(0.0)
    """
    tail = """
    b_axis = EARTH_A * (1.0 - EARTH_F)
    k2 = c2a * (EARTH_A * EARTH_A - b_axis * b_axis) / (b_axis * b_axis)
    big_a = 1.0 + k2 / 16384.0 * (4096.0 + k2 * (-768.0 + k2 * (320.0 - 175.0 * k2)))
    big_b = k2 / 1024.0 * (256.0 + k2 * (-128.0 + k2 * (74.0 - 47.0 * k2)))
    inner = cs * (2.0 * cm * cm - 1.0) - big_b / 6.0 * cm * (4.0 * ss * ss - 3.0) * (4.0 * cm * cm - 3.0)
    delta = big_b * ss * (cm + 0.25 * big_b * inner)
    distance[tid] = b_axis * big_a * (sigma - delta)
    """
    update = "l + (1.0 - c) * EARTH_F * sa * (sigma + c * ss * (cm + c * cs * (2.0 * cm * cm - 1.0)))"
    if way == "vincenty":
        loop = f"""
        previous = float(1.0e3)
        turn = int(0)
        # NOTE: may not converge for nearly antipodal points, so limit the number of iterations
        while wp.abs(lam - previous) > 1.0e-12 and turn < 20:
            $step
            previous = lam
            lam = {update}
            turn += 1
        """
    else:
        loop = f"""
        for turn in range({steps}):
            $step
            lam = {update}
        """
    body = ball.get(way, "$head\n$loop\n$tail")
    aim = {
        "mean latitude": "azimuth[tid] = wp.atan2(east, north)",
        "haversine": """
    # Forward azimuth, clockwise from north
    dl = lon2 - lon1
    y = wp.sin(dl) * wp.cos(lat2)
    x = wp.cos(lat1) * wp.sin(lat2) - wp.sin(lat1) * wp.cos(lat2) * wp.cos(dl)
    azimuth[tid] = wp.atan2(y, x)
    """,
        "vincenty": """
    # Forward azimuth, clockwise from north
    azimuth[tid] = wp.atan2(cu2 * wp.sin(lam), cu1 * su2 - su1 * cu2 * wp.cos(lam))
    """,
    }[{"vectors": "haversine", "vincenty fixed": "vincenty"}.get(way, way)]
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$load\n$body\n$aim",
        load=load,
        same="if e[0] == e[1]:\n    # "
        + (
            "Early exit for coincident points to avoid division by zero"
            if way.startswith("vincenty")
            else "Bearing is undefined for coincident points"
        )
        + "\n    distance[tid] = 0.0\n    "
        + ("azimuth[tid] = 0.0\n    " if bearing else "")
        + "return"
        if way.startswith("vincenty") or bearing
        else "",
        body=body,
        head=head,
        loop=loop,
        step=step,
        tail=tail,
        aim=aim if bearing else "",
    )
    near = " Only for short distances not crossing the date line." if way == "mean latitude" else ""
    d.explain(f"Latitudes and longitudes are in radians, distances in meters.{near}")

    def reference(v: Values) -> dict[str, Any]:
        if pairs == "indexed":
            p, q = v.places[v.edges[:, 0]], v.places[v.edges[:, 1]]
            same = v.edges[:, 0] == v.edges[:, 1]
        else:
            p, q = v.a, np.broadcast_to(v.b, v.a.shape)
            same = np.zeros(count, bool)
        (lat1, lon1), (lat2, lon2) = p.T, q.T
        if way in ("haversine", "vectors"):
            cosine = np.sin(lat1) * np.sin(lat2) + np.cos(lat1) * np.cos(lat2) * np.cos(lon2 - lon1)
            made = 6371008.8 * np.arccos(np.clip(cosine, -1, 1))
        elif way == "mean latitude":
            mean = (lat1 + lat2) / 2
            w = 1 - E2 * np.sin(mean) ** 2
            made = np.hypot(
                A * (1 - E2) / w**1.5 * (lat2 - lat1), A / np.sqrt(w) * np.cos(mean) * (lon2 - lon1)
            )
        else:
            made = geodesic(lat1, lon1, lat2, lon2)
        if way == "mean latitude":
            x, y = A * (1 - E2) / w**1.5 * (lat2 - lat1), A / np.sqrt(w) * np.cos(mean) * (lon2 - lon1)
        elif way.startswith("vincenty"):
            x, y = heading(lat1, lon1, lat2, lon2)
        else:
            y = np.sin(lon2 - lon1) * np.cos(lat2)
            x = np.cos(lat1) * np.sin(lat2) - np.sin(lat1) * np.cos(lat2) * np.cos(lon2 - lon1)
        found = {"distance": np.where(same, 0.0, made)}
        return found | ({"azimuth": np.where(same, 0.0, np.arctan2(y, x))} if bearing else {})

    d.check(reference, 1e-3)
