"""Days and dates."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.library import dates
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Hinnant 2013; ISO 8601; ISDA 2006 definitions, section 4.16 (day counts)",
    names={
        "days": "day_numbers|serial|epoch_days",
        "year": "years|yyyy|yr",
        "month": "months|mm|mon",
        "day": "mday|dd|dom",
        "start": "begin|first_date|from_day",
        "end": "finish|second_date|to_day",
    },
    adjoint="no",
)
def calendar_dates(d: Draft) -> None:
    """Converts between days since 1970 and Gregorian calendar dates."""
    kind = d.option(
        "kind", "from civil", "to civil", "weekday", "yyyymmdd", "fraction", "add months", "easter"
    )
    layout = d.option("layout", "arrays", "vector")
    count = d.option("count", "30/360", "act/365", "act/360", "act/act")
    roll = d.option("roll", "following", "plain")
    d.calls(
        {
            "from civil": "civil_to_days|dates_to_days|day_numbers_of_dates",
            "to civil": "days_to_civil|days_to_dates|civil_dates",
            "weekday": "find_weekdays|day_of_week|compute_weekdays"
            if roll == "plain"
            else "following_business_days|roll_forward|adjust_days",
            "yyyymmdd": "format_dates|date_stamps|days_to_yyyymmdd",
            "fraction": "year_fractions|day_count_fractions|accrual_fractions",
            "add months": "add_months|shift_by_months|shift_dates",
            "easter": "easter_dates|compute_easter|easter_sundays",
        }[kind]
    )
    n = d.pick(64, 96, 128)
    high = 40000
    if kind in ("from civil",):
        if layout == "vector":
            d.input("ymd", "vec3i", n, 1, 13, about="(year within the century, month, day)")
            d.param("century", "int", 2000, about="first year of the century")
            load = "date = ymd[tid]"
        else:
            d.input("year", "int", n, 1901, 2100, about="years")
            d.input("month", "int", n, 1, 13, about="months, 1 to 12")
            d.input("day", "int", n, 1, 29, about="days of the month")
            load = "y = year[tid]\nm = month[tid]\ndom = day[tid]"
        d.output("days", "int", n, about="days since the epoch")
        f = d.use(dates.DAYS_FROM_CIVIL)
        given = "century + date[0], date[1], date[2]" if layout == "vector" else "y, m, dom"
        body = f"{load}\ndays[tid] = {f}({given})"
    elif kind in ("to civil", "yyyymmdd", "weekday"):
        d.input("days", "int", n, 1, high, about="days since the epoch")
        f = d.use(dates.CIVIL_FROM_DAYS) if kind != "weekday" else ""
        if kind == "weekday" and roll == "plain":
            d.output("weekday", "int", n, about="weekday index, 0 = Monday")
            body = "# 1970-01-01 was a Thursday (Monday = 0)\nweekday[tid] = (days[tid] + 3) % 7"
            d.says("Computes the weekday for each date (0 = Monday).")
        elif kind == "weekday":
            d.output("rolled", "int", n, about="adjusted dates in days since the epoch")
            body = """
            t = days[tid]
            # 1970-01-01 was a Thursday (Monday = 0)
            weekday = (t + 3) % 7
            if weekday == 5:
                t += 2
            elif weekday == 6:
                t += 1
            rolled[tid] = t
            """
            d.says("Rolls weekend dates forward to the next Monday.")
        elif kind == "yyyymmdd":
            d.output("stamps", "int", n, about="dates as YYYYMMDD")
            body = (
                f"y, m, dom = {f}(days[tid])\n"
                "# YYYYMMDD stamps sort chronologically\n"
                "stamps[tid] = y * 10000 + m * 100 + dom"
            )
            d.says("Converts days since 1970-01-01 to integers in YYYYMMDD format.")
        elif layout == "vector":
            d.output("dates", "vec3i", n)
            body = f"y, m, dom = {f}(days[tid])\ndates[tid] = wp.vec3i(y, m, dom)"
        else:
            for name in ("year", "month", "day"):
                d.output(name, "int", n)
            body = f"y, m, dom = {f}(days[tid])\nyear[tid] = y\nmonth[tid] = m\nday[tid] = dom"
    elif kind == "fraction":
        d.input("start", "int", n, 10000, 15000, about="first day")
        d.input("end", "int", n, 15000, 25000, about="last day")
        d.output("fraction", "float", n, about="year fraction")
        f = d.use(dates.CIVIL_FROM_DAYS) if count in ("30/360", "act/act") else ""
        if count == "30/360":
            body = f"""
            y1, m1, d1 = {f}(start[tid])
            y2, m2, d2 = {f}(end[tid])
            # 30-day months: treat the 31st as the 30th
            a = wp.min(d1, 30)
            b = wp.where(a == 30, wp.min(d2, 30), d2)
            fraction[tid] = float(360 * (y2 - y1) + 30 * (m2 - m1) + b - a) / 360.0
            """
        elif count == "act/act":
            g = d.use(dates.DAYS_FROM_CIVIL)
            body = f"""
            y1, _, _ = {f}(start[tid])
            y2, _, _ = {f}(end[tid])
            # Act/act: split at year boundaries because leap years have 366 days
            year_end = {g}(y1 + 1, 1, 1)
            year_start = {g}(y2, 1, 1)
            head = float(year_end - start[tid]) / float(year_end - {g}(y1, 1, 1))
            tail = float(end[tid] - year_start) / float({g}(y2 + 1, 1, 1) - year_start)
            fraction[tid] = head + float(y2 - y1 - 1) + tail
            """
        else:
            body = f"fraction[tid] = float(end[tid] - start[tid]) / {count[4:]}.0"
        d.says(f"Computes year fractions between two dates using the {count} convention.")
    elif kind == "add months":
        d.input("days", "int", n, 1, high, about="days since the epoch")
        d.input("offset", "int", n, 1, 30, about="number of months to add")
        d.output("moved", "int", n, about="shifted dates in days since the epoch")
        f, g = d.use(dates.CIVIL_FROM_DAYS), d.use(dates.DAYS_FROM_CIVIL)
        body = f"""
        y, m, dom = {f}(days[tid])
        k = m - 1 + offset[tid]
        y2 = y + k // 12
        m2 = k % 12 + 1
        # Month length: first day of next month minus one day
        last = {g}(y2 + m2 // 12, m2 % 12 + 1, 1) - {g}(y2, m2, 1)
        moved[tid] = {g}(y2, m2, wp.min(dom, last))
        """
        d.says("Adds whole months to dates, clamping the day to the month length.")
    else:
        d.input("year", "int", n, 1900, 2200, about="years")
        d.output("easter", "int", n)
        f = d.use(dates.DAYS_FROM_CIVIL)
        body = f"""
        y = year[tid]
        # Meeus/Jones/Butcher: 19-year lunar cycle with corrections for centuries and leap years
        a = y % 19
        b = y // 100
        c = y % 100
        g = (8 * b + 13) // 25
        h = (19 * a + b - b // 4 - g + 15) % 30
        r = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
        m = (a + 11 * h + 22 * r) // 451
        k = h + r - 7 * m + 114
        easter[tid] = {f}(y, k // 31, k % 31 + 1)
        """
        d.says("Computes Easter Sunday for each year, as days since 1970-01-01.")
    d.launch(n)
    d.code("tid = wp.tid()\n$body", body=body)
    if kind == "from civil":
        d.says("Converts Gregorian calendar dates to days since 1970-01-01.")
    elif kind == "to civil":
        d.says("Converts days since 1970-01-01 to Gregorian calendar dates.")

    def split(t: Any) -> tuple[Any, Any, Any]:
        t = np.asarray(t).astype("datetime64[D]")
        y, m = t.astype("datetime64[Y]"), t.astype("datetime64[M]")
        return (
            y.astype(int) + 1970,
            (m - y.astype("datetime64[M]")).astype(int) + 1,
            (t - m.astype("datetime64[D]")).astype(int) + 1,
        )

    def reference(v: Values) -> dict[str, Any]:
        days_of = dates.DAYS_FROM_CIVIL
        if kind == "from civil":
            if layout == "vector":
                y, m, q = v.ymd.T
                return {"days": days_of(2000 + y, m, q)}
            return {"days": days_of(v.year, v.month, v.day)}
        if kind == "weekday":
            if roll == "following":
                rolled = np.busday_offset(v.days.astype("datetime64[D]"), 0, roll="forward")
                return {"rolled": rolled.astype(np.int64)}
            return {"weekday": (v.days + 3) % 7}
        if kind in ("to civil", "yyyymmdd"):
            y, m, q = split(v.days)
            if kind == "yyyymmdd":
                return {"stamps": 10000 * y + 100 * m + q}
            return (
                {"dates": np.stack([y, m, q], 1)} if layout == "vector" else {"year": y, "month": m, "day": q}
            )
        if kind == "fraction":
            if count == "30/360":
                (y1, m1, d1), (y2, m2, d2) = split(v.start), split(v.end)
                d1 = np.where(d1 == 31, 30, d1)
                d2 = np.where((d2 == 31) & (d1 == 30), 30, d2)
                return {"fraction": (y2 - y1) + (m2 - m1) / 12 + (d2 - d1) / 360}
            if count == "act/act":

                def decimal(t: Any) -> Any:
                    y_ = split(t)[0]
                    first = days_of(y_, 1, 1)
                    return y_ + (t - first) / (days_of(y_ + 1, 1, 1) - first)

                return {"fraction": decimal(v.end) - decimal(v.start)}
            return {"fraction": (v.end - v.start) / float(count[4:])}
        if kind == "add months":
            y, m, q = split(v.days)
            k = 12 * y + m - 1 + v.offset
            last = days_of((k + 1) // 12, (k + 1) % 12 + 1, 1) - days_of(k // 12, k % 12 + 1, 1)
            return {"moved": days_of(k // 12, k % 12 + 1, np.minimum(q, last))}
        # Gauss's rule with the corrections of the Gregorian calendar
        y = v.year
        a, k = y % 19, y // 100
        m = (15 + k - (13 + 8 * k) // 25 - k // 4) % 30
        q = (19 * a + m) % 30
        s = q - ((q == 29) | ((q == 28) & (a > 10)))
        march = 21 + s  # the paschal full moon
        full = days_of(y, 3, 1) + march - 1
        return {"easter": full + 7 - (full + 4) % 7}

    d.check(reference, 1e-5)
