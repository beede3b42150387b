"""Days since 1970-01-01 and dates of the proleptic Gregorian calendar.

Source: Hinnant 2013, chrono-compatible low-level date algorithms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _days(y: Any, m: Any, d: Any) -> Any:
    months = ((np.asarray(y, np.int64) - 1970) * 12 + np.asarray(m) - 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64) + d - 1


DAYS_FROM_CIVIL = piece(
    '''
@wp.func
def days_from_civil(year: int, month: int, day: int) -> int:
    """Return the number of days since 1970-01-01 for a given Gregorian date.

    See H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    """
    # start the year in March so that the leap day comes last
    y = wp.where(month <= 2, year - 1, year)
    era = y // 400
    yoe = y - era * 400
    shifted = wp.where(month <= 2, month + 9, month - 3)
    doy = (153 * shifted + 2) // 5 + day - 1
    doe = yoe * 365 + yoe // 4 - yoe // 100 + doy
    return era * 146097 + doe - 719468
''',
    numpy=_days,
)

CIVIL_FROM_DAYS = piece('''
@wp.func
def civil_from_days(days: int):
    """Return (year, month, day) for a number of days since 1970-01-01."""
    z = days + 719468
    era = z // 146097
    doe = z - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    # months counted from March, 153 days per 5 months
    mp = (5 * doy + 2) // 153
    day = doy - (153 * mp + 2) // 5 + 1
    month = wp.where(mp < 10, mp + 3, mp - 9)
    year = yoe + era * 400
    # January and February fall in the next calendar year
    return wp.where(month <= 2, year + 1, year), month, day
''')
