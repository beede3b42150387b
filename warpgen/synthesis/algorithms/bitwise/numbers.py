"""Number theory, calendars and puzzles in integers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.library import dates
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Knuth 1997, TAOCP 2, 4.5.2 and 4.6.3; Stein 1967 (binary gcd); Montgomery 1985; Rabin 1980",
    names={
        "modular_arithmetic": "mod_pow|modular_inverse|gcd_kernel|miller_rabin",
        "base": "b|g|numbers",
        "exponent": "e|power|exponents",
        "modulus": "m|n|moduli",
        "acc": "y|product|running",
        "a": "u|x|lhs",
        "b": "v|y|rhs",
    },
    adjoint="no",
)
def modular_arithmetic(d: Draft) -> None:
    """Computes with remainders of integers."""
    kind = d.option("kind", "power", "gcd", "inverse", "prime", "crt", "order", "jacobi")
    wide = d.option("word", "uint32", "uint64", "int")
    form = d.option("form", "while", "function")
    method = d.option("method", "first", "second")
    n = d.pick(48, 64, 96, 128)
    if kind in ("gcd", "jacobi", "inverse"):
        wide = "int" if kind != "gcd" else wide
    top = 30000 if wide == "int" or kind in ("crt",) else 65000
    w = {"int": "int", "uint32": "wp.uint32", "uint64": "wp.uint64"}[wide]

    def lit(x: int) -> str:
        return str(x) if wide == "int" else f"{w}({x})"

    var = lambda x: f"{w}({x})"
    power_text = f"""
    @wp.func
    def power_mod(base: {w}, exponent: {w}, modulus: {w}) -> {w}:
        acc = {w}(1)
        b = {w}(base % modulus)
        e = {w}(exponent)
        while e > {lit(0)}:
            if (e & {lit(1)}) == {lit(1)}:
                acc = (acc * b) % modulus
            b = (b * b) % modulus
            e = e >> {lit(1)}
        return acc
    """
    if kind == "power":
        d.input("base", wide, n, 2, top)
        d.input("exponent", wide, n, 0, top)
        d.input("modulus", wide, n, 3, top)
        d.output("powers", wide, n)
        if form == "function":
            d.function(power_text)
            body = "powers[tid] = power_mod(base[tid], exponent[tid], modulus[tid])"
        elif method == "first":
            body = f"""
            m = modulus[tid]
            b = {var("base[tid] % m")}
            e = {var("exponent[tid]")}
            acc = {w}(1)
            # products of two remainders fit the word
            while e > {lit(0)}:
                if (e & {lit(1)}) == {lit(1)}:
                    acc = (acc * b) % m
                b = (b * b) % m
                e = e >> {lit(1)}
            powers[tid] = acc
            """
        else:
            body = f"""
            m = modulus[tid]
            b = base[tid] % m
            acc = {w}(1)
            # from the top bit down, so that only the base is multiplied in
            for k in range(16):
                acc = (acc * acc) % m
                if ((exponent[tid] >> {"(15 - k)" if wide == "int" else f"{w}(15 - k)"}) & {lit(1)}) == {lit(1)}:
                    acc = (acc * b) % m
            powers[tid] = acc
            """
        d.says("Raises numbers to powers modulo others by repeated squaring.")
    elif kind == "gcd":
        d.input("x", wide, n, 1, top)
        d.input("y", wide, n, 1, top)
        d.output("gcds", wide, n)
        if method == "first":
            body = f"""
            a = {var("x[tid]")}
            b = {var("y[tid]")}
            while b != {lit(0)}:
                r = a % b
                a = b
                b = r
            gcds[tid] = a
            """
        else:
            body = f"""
            a = {var("x[tid]")}
            b = {var("y[tid]")}
            # Stein: halvings and differences instead of divisions
            twos = {w}(0)
            while ((a | b) & {lit(1)}) == {lit(0)}:
                a = a >> {lit(1)}
                b = b >> {lit(1)}
                twos += {lit(1)}
            while (a & {lit(1)}) == {lit(0)}:
                a = a >> {lit(1)}
            while b != {lit(0)}:
                while (b & {lit(1)}) == {lit(0)}:
                    b = b >> {lit(1)}
                if a > b:
                    swap = a
                    a = b
                    b = swap
                b = b - a
            gcds[tid] = a << twos
            """
        if form == "function":
            body = (
                body.replace(
                    "gcds[tid] = a << twos",
                    "divisor = a << twos\ngcds[tid] = divisor".replace("\n", "\n            "),
                )
                if method == "second"
                else body
            )
            d.output("lcms", wide, n)
            body = body.rstrip() + (
                "\n            lcms[tid] = x[tid] // a * y[tid]"
                if method == "first"
                else "\n            lcms[tid] = x[tid] // divisor * y[tid]"
            )
        d.says(
            "Computes greatest common divisors"
            + (" and least common multiples" if form == "function" else "")
            + " of pairs of numbers."
        )
        if wide != "int":
            body = body.replace(" // ", " / ")
    elif kind == "inverse":
        d.input("x", "int", n, 1, top)
        d.param("modulus", "int", d.pick(997, 7919, 29989))
        d.output("inverses", "int", n)
        if method == "first":
            body = """
            # extended Euclid: r = s x modulo the modulus all along
            r0 = int(modulus)
            r1 = int(x[tid] % modulus)
            s0 = int(0)
            s1 = int(1)
            while r1 != 0:
                q = r0 // r1
                r2 = r0 - q * r1
                r0 = r1
                r1 = r2
                s2 = s0 - q * s1
                s0 = s1
                s1 = s2
            if r0 != 1:
                inverses[tid] = -1
                return
            inverses[tid] = (s0 + modulus) % modulus
            """
        else:
            d.function(power_text)
            body = """
            value = x[tid] % modulus
            if value == 0:
                inverses[tid] = -1
                return
            # Fermat: for a prime modulus x^(p - 2) is the inverse
            inverses[tid] = power_mod(value, modulus - 2, modulus)
            """
        d.says("Inverts numbers modulo a prime; -1 marks those that have no inverse.")
    elif kind == "prime":
        d.input("candidates", wide, n, 3, top)
        d.output("is_prime", "int", n)
        if method == "first":
            d.function(power_text)
            body = f"""
            c = candidates[tid]
            if c % {lit(2)} == {lit(0)}:
                return
            odd = {var(f"c - {lit(1)}")}
            twos = int(0)
            while odd % {lit(2)} == {lit(0)}:
                odd = odd >> {lit(1)}
                twos += 1
            # bases 2 and 3 leave no pseudoprime below 1,373,653
            for base in range(2, 4):
                if {w}(base) % c == {lit(0)}:
                    continue
                p = power_mod({w}(base), odd, c)
                witness = int(1)
                if p == {lit(1)} or p == c - {lit(1)}:
                    witness = 0
                for _ in range(twos - 1):
                    p = (p * p) % c
                    if p == c - {lit(1)}:
                        witness = 0
                if witness == 1:
                    return
            is_prime[tid] = 1
            """
            d.says("Tells primes by the test of Miller and Rabin.")
        else:
            body = f"""
            c = candidates[tid]
            if c % {lit(2)} == {lit(0)} or c % {lit(3)} == {lit(0)}:
                is_prime[tid] = {"1 if c == 3 else 0" if wide == "int" else f"1 if c == {lit(3)} else 0"}
                return
            # all other primes stand beside a multiple of six
            f = {w}(5)
            while f * f <= c:
                if c % f == {lit(0)} or c % (f + {lit(2)}) == {lit(0)}:
                    return
                f += {lit(6)}
            is_prime[tid] = 1
            """
            d.says("Tells primes by trial division.")
    elif kind == "crt":
        moduli = d.pick((7, 11, 13), (16, 27, 25), (5, 9, 32))
        total = math.prod(moduli)
        for i in range(3):
            d.input(f"r{i}", wide, n, 0, moduli[i])
        d.output("x", wide, n)
        if method == "first":
            coefficients = [total // m * pow(total // m, -1, m) for m in moduli]
            terms = " + ".join(f"r{i}[tid] * {lit(c)}" for i, c in enumerate(coefficients))
            body = f"# each coefficient is one modulo its own modulus and zero modulo the others: {', '.join(map(str, moduli))}\nx[tid] = ({terms}) % {lit(total)}"
        else:
            m0, m1, m2 = moduli
            body = f"""
            # Garner: mixed digits, one modulus after the other
            d0 = r0[tid]
            d1 = ((r1[tid] + {lit(m1 * ((m0 // m1) + 1))} - d0) * {lit(pow(m0, -1, m1))}) % {lit(m1)}
            partial = d0 + d1 * {lit(m0)}
            d2 = ((r2[tid] + {lit(m2 * ((m0 * m1 // m2) + 1))} - partial) * {lit(pow(m0 * m1, -1, m2))}) % {lit(m2)}
            x[tid] = partial + d2 * {lit(m0 * m1)}
            """
        d.says("Finds numbers from their remainders by three coprime moduli.")
    elif kind == "order":
        d.input("base", wide, n, 2, 200)
        d.param("modulus", wide, d.pick(97, 101, 127, 193))
        d.output("orders", "int", n)
        body = f"""
        b = base[tid] % modulus
        if b == {lit(0)}:
            return
        acc = {var("b")}
        order = int(1)
        while acc != {lit(1)}:
            acc = (acc * b) % modulus
            order += 1
        orders[tid] = order
        """
        if method == "second":
            body = f"""
            b = base[tid] % modulus
            if b == {lit(0)}:
                return
            acc = {var("b")}
            # the order divides p - 1, so that at most p - 1 products are needed
            for order in range(1, int(modulus)):
                if acc == {lit(1)}:
                    orders[tid] = order
                    return
                acc = (acc * b) % modulus
            """
        d.says("Finds the multiplicative order of numbers modulo a prime; 0 where there is none.")
    else:
        d.input("x", "int", n, 0, top)
        d.input("odd", "int", n, 1, 5000)
        d.output("symbols", "int", n)
        sign = (
            "if m % 8 == 3 or m % 8 == 5:\n                        sign = -sign"
            if method == "first"
            else "sign = sign * (1 - 2 * (((m * m - 1) // 8) % 2))"
        )
        body = f"""
        m = int(2 * odd[tid] + 1)
        a = int(x[tid] % m)
        sign = int(1)
        while a != 0:
            while a % 2 == 0:
                a = a // 2
                {sign.replace("                        ", "                    ")}
            # quadratic reciprocity
            swap = a
            a = m
            m = swap
            if a % 4 == 3 and m % 4 == 3:
                sign = -sign
            a = a % m
        if m == 1:
            symbols[tid] = sign
        """
        d.says("Computes Jacobi symbols of pairs of numbers by reciprocity.")
    d.launch(n)
    d.code("tid = wp.tid()\n$body", body=body)

    def prime(x: int) -> bool:
        return x > 1 and all(x % q for q in range(2, math.isqrt(x) + 1))

    def jacobi(a: int, m: int) -> int:
        made, q = 1, 3
        while m > 1:
            if m % q == 0:
                r = pow(a, (q - 1) // 2, q)
                made *= -1 if r == q - 1 else r
                m //= q
            else:
                q += 2
        return made

    def reference(v: Values) -> dict[str, Any]:
        def over(f: Any, *names: str) -> Any:
            return np.array([f(*(int(v[name][i]) for name in names)) for i in range(n)])

        if kind == "power":
            return {"powers": over(pow, "base", "exponent", "modulus")}
        if kind == "gcd":
            found = {"gcds": over(math.gcd, "x", "y")}
            return found | ({"lcms": over(math.lcm, "x", "y")} if form == "function" else {})
        if kind == "inverse":
            m = int(v.modulus)
            return {"inverses": over(lambda x: pow(x, -1, m) if x % m else -1, "x")}
        if kind == "prime":
            return {"is_prime": over(prime, "candidates").astype(int)}
        if kind == "crt":
            x = np.arange(math.prod(moduli))
            place = {(int(a % moduli[0]), int(a % moduli[1]), int(a % moduli[2])): int(a) for a in x}
            return {"x": over(lambda a, b, c: place[a, b, c], "r0", "r1", "r2")}
        if kind == "order":
            m = int(v.modulus)
            return {"orders": over(lambda b: next((k for k in range(1, m) if pow(b, k, m) == 1), 0), "base")}
        return {"symbols": over(lambda a, o: jacobi(a, 2 * o + 1), "x", "odd")}

    d.check(reference)


@DOMAIN.algorithm(
    source="Hinnant 2013; ISO 8601; ISDA 2006 definitions, section 4.16 (day counts)",
    names={
        "calendar_dates": "civil_dates|decode_dates|date_kernel|day_numbers",
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
    """Converts between days since 1970 and dates of the Gregorian calendar."""
    kind = d.option(
        "kind", "from civil", "to civil", "weekday", "yyyymmdd", "fraction", "add months", "easter"
    )
    layout = d.option("layout", "arrays", "vector")
    count = d.option("count", "30/360", "act/365", "act/360", "act/act")
    roll = d.option("roll", "following", "plain")
    n = d.pick(64, 96, 128)
    high = 40000
    if kind in ("from civil",):
        if layout == "vector":
            d.input("ymd", "vec3i", n, 1, 29)
            d.param("century", "int", 2000)
            load = "date = ymd[tid]\nyear = century + date[0]\nmonth = (date[1] - 1) % 12 + 1\nday = date[2]"
        else:
            d.input("year", "int", n, 1901, 2100)
            d.input("month", "int", n, 1, 13)
            d.input("day", "int", n, 1, 29)
            load = "y = year[tid]\nm = month[tid]\ndom = day[tid]"
        d.output("days", "int", n)
        f = d.use(dates.DAYS_FROM_CIVIL)
        body = f"{load}\ndays[tid] = {f}({'year, month, day' if layout == 'vector' else 'y, m, dom'})"
    elif kind in ("to civil", "yyyymmdd", "weekday"):
        d.input("days", "int", n, 1, high)
        f = d.use(dates.CIVIL_FROM_DAYS)
        if kind == "weekday":
            d.output("weekday", "int", n)
            d.output("month_of", "int", n)
            body = f"# 1970-01-01 was a Thursday; Monday is zero\nweekday[tid] = (days[tid] + 3) % 7\ny, m, dom = {f}(days[tid])\nmonth_of[tid] = m"
            if roll == "following":
                body = f"t = int(days[tid])\n# weekends roll to the Monday after\nif (t + 3) % 7 == 5:\n    t += 2\nelif (t + 3) % 7 == 6:\n    t += 1\nweekday[tid] = (t + 3) % 7\ny, m, dom = {f}(t)\nmonth_of[tid] = m"
            d.says(
                "Finds weekday and month of days since 1970"
                + (", weekends rolled forward." if roll == "following" else ".")
            )
        elif kind == "yyyymmdd":
            d.output("stamps", "int", n)
            body = f"y, m, dom = {f}(days[tid])\n# sorts as the dates do\nstamps[tid] = y * 10000 + m * 100 + dom"
            d.says("Writes days since 1970 as numbers of the form yyyymmdd.")
        elif layout == "vector":
            d.output("dates", "vec3i", n)
            body = f"y, m, dom = {f}(days[tid])\ndates[tid] = wp.vec3i(y, m, dom)"
        else:
            for name in ("year", "month", "day"):
                d.output(name, "int", n)
            body = f"y, m, dom = {f}(days[tid])\nyear[tid] = y\nmonth[tid] = m\nday[tid] = dom"
    elif kind == "fraction":
        d.input("start", "int", n, 10000, 15000)
        d.input("end", "int", n, 15000, 25000)
        d.output("fraction", "float", n)
        f = d.use(dates.CIVIL_FROM_DAYS) if count in ("30/360", "act/act") else ""
        if count == "30/360":
            body = f"""
            y1, m1, d1 = {f}(start[tid])
            y2, m2, d2 = {f}(end[tid])
            # months are taken to have thirty days
            a = wp.min(d1, 30)
            b = d2
            if a == 30:
                b = wp.min(d2, 30)
            fraction[tid] = float(360 * (y2 - y1) + 30 * (m2 - m1) + b - a) / 360.0
            """
        elif count == "act/act":
            g = d.use(dates.DAYS_FROM_CIVIL)
            body = f"""
            y1, m1, d1 = {f}(start[tid])
            y2, m2, d2 = {f}(end[tid])
            # the parts of the first and the last year, each over its own length
            head = {g}(y1 + 1, 1, 1) - start[tid]
            tail = end[tid] - {g}(y2, 1, 1)
            length1 = {g}(y1 + 1, 1, 1) - {g}(y1, 1, 1)
            length2 = {g}(y2 + 1, 1, 1) - {g}(y2, 1, 1)
            fraction[tid] = float(head) / float(length1) + float(y2 - y1 - 1) + float(tail) / float(length2)
            """
        else:
            body = f"fraction[tid] = float(end[tid] - start[tid]) / {count[4:]}.0"
        d.says(f"Computes year fractions between days by the {count} convention.")
    elif kind == "add months":
        d.input("days", "int", n, 1, high)
        d.input("offset", "int", n, 1, 30)
        d.output("moved", "int", n)
        f, g = d.use(dates.CIVIL_FROM_DAYS), d.use(dates.DAYS_FROM_CIVIL)
        body = f"""
        y, m, dom = {f}(days[tid])
        k = m - 1 + offset[tid]
        y2 = y + k // 12
        m2 = k % 12 + 1
        # the day before the first of the next month is the last that the month has
        last = {g}(y2 + m2 // 12, m2 % 12 + 1, 1) - {g}(y2, m2, 1)
        moved[tid] = {g}(y2, m2, wp.min(dom, last))
        """
        d.says("Moves days by whole months, to the last day where a month is too short.")
    else:
        d.input("year", "int", n, 1900, 2200)
        d.output("easter", "int", n)
        f = d.use(dates.DAYS_FROM_CIVIL)
        body = f"""
        y = year[tid]
        # Meeus, Jones and Butcher: the moon's cycle of 19 years, centuries and their leap years
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
        d.says("Computes the dates of Easter as days since 1970.")
    d.launch(n)
    d.code("tid = wp.tid()\n$body", body=body)
    if kind == "from civil":
        d.says("Converts dates of the Gregorian calendar to days since 1970.")
    elif kind == "to civil":
        d.says("Converts days since 1970 to dates of the Gregorian calendar.")

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
                return {"days": days_of(2000 + y, (m - 1) % 12 + 1, q)}
            return {"days": days_of(v.year, v.month, v.day)}
        if kind == "weekday":
            t = v.days
            if roll == "following":
                t = np.busday_offset(t.astype("datetime64[D]"), 0, roll="forward").astype(np.int64)
            return {"weekday": (t + 3) % 7, "month_of": split(t)[1]}
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


@DOMAIN.algorithm(
    source="Somers 2002 (queens by bits); Norvig 2006 (sudoku candidates); Collatz 1937; Gardner 1970 (life)",
    names={
        "bit_puzzles": "n_queens|sudoku_candidates|collatz_steps|life_words",
        "columns": "cols|taken|files",
        "placed": "row|depth|level",
        "solutions": "counts|num_solutions|found",
        "free": "open|avail|candidates",
        "bit": "square|place|lowest",
    },
    adjoint="no",
)
def bit_puzzles(d: Draft) -> None:
    """Solves puzzles whose states are sets of bits."""
    kind = d.option("kind", "queens", "sudoku", "collatz", "life", "subsets")
    form = d.option("form", "plain", "compact")
    word = d.option("word", "int", "uint32")
    extra = d.flag("extra")
    n = d.pick(32, 48, 64)
    w = "int" if word == "int" else "wp.uint32"

    def lit(x: Any) -> str:
        return str(x) if word == "int" else f"wp.uint32({x})"

    if kind == "queens":
        size = d.pick(5, 6, 7)
        n = size * size
        d.module(f"SIZE = wp.constant({size})\nvecs = wp.types.vector({size + 1}, wp.int32)")
        d.output("solutions", "int", n)
        d.input("blocked", "int", n, 0, 1 << size) if extra else None
        full = (1 << size) - 1
        seed = (
            "first = tid // SIZE\nsecond = tid % SIZE"
            if form == "plain"
            else "first = tid % SIZE\nsecond = tid // SIZE"
        )
        last = f"free[2] = {full} & ~(columns[2] | left[2] | right[2])" + (
            " & ~blocked[tid]" if extra else ""
        )
        nxt = f"free[placed] = {full} & ~(columns[placed] | left[placed] | right[placed])"
        body = f"""
        # each thread fixes the queens of the first two rows and counts all ways to go on
        {seed}
        if wp.abs(first - second) < 2:
            return
        columns = vecs()
        left = vecs()
        right = vecs()
        free = vecs()
        a = 1 << first
        b = 1 << second
        columns[2] = a | b
        left[2] = ((a << 1) | b) << 1
        right[2] = ((a >> 1) | b) >> 1
        {last}
        placed = int(2)
        count = int(0)
        while placed >= 2:
            if placed == SIZE:
                count += 1
                placed -= 1
                continue
            if free[placed] == 0:
                placed -= 1
                continue
            # the lowest free square is tried next, and is then no longer free
            bit = free[placed] & -free[placed]
            free[placed] = free[placed] ^ bit
            columns[placed + 1] = columns[placed] | bit
            left[placed + 1] = (left[placed] | bit) << 1
            right[placed + 1] = (right[placed] | bit) >> 1
            placed += 1
            if placed < SIZE:
                {nxt}
        solutions[tid] = count
        """.replace("\n        ", "\n").strip()
        dims: tuple[int, ...] = (n,)
        d.says("Counts the ways to place queens that do not attack each other, by their first two rows.")
    elif kind == "sudoku":
        n = d.pick(4, 6)
        d.input("grid", "int", (n, 9, 9), 0, 10)
        if extra:
            d.output("counts", "int", (n, 9, 9))
        else:
            d.output("masks", word, (n, 9, 9))
        add = (lambda c: f"used = used | ({lit(1)} << {w}(grid[p, {c}]))") if form == "plain" else None
        if add:
            body = f"""
            if grid[p, r, c] != 0:
                return
            used = {w}(1)
            top = r // 3 * 3
            left = c // 3 * 3
            for k in range(9):
                {add("r, k")}
                {add("k, c")}
                {add("top + k // 3, left + k % 3")}
            """
        else:
            body = f"""
            if grid[p, r, c] != 0:
                return
            used = {w}(1)
            # the row, the column and the box have 27 places, some of them twice
            for k in range(27):
                i = r
                j = k % 9
                if k >= 18:
                    i = r // 3 * 3 + (k - 18) // 3
                    j = c // 3 * 3 + k % 3
                elif k >= 9:
                    i = k - 9
                    j = c
                used = used | ({lit(1)} << {w}(grid[p, i, j]))
            """
        free = f"~used & {lit(1022)}"
        body += (
            f"\n            # how many digits are left decides where to guess\n            counts[p, r, c] = wp.bit_count({free})"
            if extra
            else f"\n            # bits 1 .. 9\n            masks[p, r, c] = {free}"
        )
        dims = (n, 9, 9)
        d.says("Finds the digits that a sudoku's rules leave for each empty cell.")
    elif kind == "collatz":
        d.input("start", "int", n, 1, 400)
        d.output("steps", "int", n)
        if extra:
            d.output("peak", "int", n)
        track = "top = wp.max(top, x)" if extra else ""
        if form == "plain":
            step = "if x % 2 == 0:\n    x = x // 2\nelse:\n    x = 3 * x + 1\ncount += 1"
        else:
            step = "# odd numbers take both steps at once: 3 x + 1 is even\nif (x & 1) == 1:\n    x = 3 * x + 1\n    $track\n    count += 1\nx = x >> 1\ncount += 1"
        body = (
            "x = int(start[tid])\n"
            + ("top = int(x)\n" if extra else "")
            + "count = int(0)\nwhile x != 1:\n    $step\n    $track\nsteps[tid] = count"
            + ("\npeak[tid] = top" if extra else "")
        )
        body = body.replace("$step", step.replace("\n", "\n    "))
        body = (
            body.replace("    $track\n", "").replace("        $track\n", "")
            if not track
            else body.replace("$track", track)
        )
        dims = (n,)
        d.says("Counts the steps that numbers take to one under Collatz's rule.")
    elif kind == "life":
        rows, cols = d.pick(16, 24), d.pick(4, 6)
        d.input("board", "uint32", (rows, cols), 0, 1 << 32)
        d.output("after", "uint32", (rows, cols))
        wrap = extra
        up = "(r + rows - 1) % rows" if wrap else "r - 1"
        down = "(r + 1) % rows" if wrap else "r + 1"
        d.function(
            """
            @wp.func
            def word_at(board: wp.array2d(dtype=wp.uint32), r: int, c: int) -> wp.uint32:
                $guard
                return board[$row, $col]
            """,
            guard=""
            if wrap
            else "# nothing lives beyond the edges\nif r < 0 or r >= board.shape[0] or c < 0 or c >= board.shape[1]:\n    return wp.uint32(0)",
            row="r",
            col="(c + board.shape[1]) % board.shape[1]" if wrap else "c",
        )
        d.function("""
            @wp.func
            def west(board: wp.array2d(dtype=wp.uint32), r: int, c: int) -> wp.uint32:
                # the neighbor at the lower bit; its word's top bit is carried over
                return (word_at(board, r, c) << wp.uint32(1)) | (word_at(board, r, c - 1) >> wp.uint32(31))
        """)
        d.function("""
            @wp.func
            def east(board: wp.array2d(dtype=wp.uint32), r: int, c: int) -> wp.uint32:
                return (word_at(board, r, c) >> wp.uint32(1)) | (word_at(board, r, c + 1) << wp.uint32(31))
        """)
        order = (
            [f"west(board, {q}, c)" for q in (up, "r", down)]
            + [f"east(board, {q}, c)" for q in (up, "r", down)]
            + [f"word_at(board, {q}, c)" for q in (up, down)]
        )
        lines = []
        for neighbour in order:
            lines.append(
                f"x = {neighbour}\nfours = fours | (twos & ones & x)\ntwos = twos ^ (ones & x)\nones = ones ^ x"
            )
        if form == "plain":
            adders = "\n".join(lines)
            body = (
                "ones = wp.uint32(0)\ntwos = wp.uint32(0)\nfours = wp.uint32(0)\n# counters of all 32 cells at once, one plane for each binary digit\n"
                + adders
            )
        else:
            d.function("""
                @wp.func
                def count_in(ones: wp.uint32, twos: wp.uint32, fours: wp.uint32, x: wp.uint32):
                    # a carry that leaves the twos marks four and more, which need no telling apart
                    return ones ^ x, twos ^ (ones & x), fours | (twos & ones & x)
            """)
            body = "ones = wp.uint32(0)\ntwos = wp.uint32(0)\nfours = wp.uint32(0)\n" + "\n".join(
                f"ones, twos, fours = count_in(ones, twos, fours, {q})" for q in order
            )
        body += "\n# three neighbors give birth, two keep alive\nafter[r, c] = ~fours & twos & (ones | board[r, c])"
        if wrap:
            body = "rows = board.shape[0]\n" + body
        dims = (rows, cols)
        d.says("Advances Conway's game of life by one generation, 32 cells to a word.")
    else:
        size = d.pick(6, 8)
        d.input("weights", "int", size, 1, 20)
        n = 1 << size
        d.param("capacity", "int", d.pick(20, 30, 40))
        if extra:
            d.input("values_of", "int", size, 1, 20)
        d.output("best", "int", 1)
        loop = (
            f"for k in range({'weights.shape[0]'}):\n    if ((tid >> k) & 1) == 1:\n        load += weights[k]"
            if form == "plain"
            else "rest = int(tid)\nk = int(0)\nwhile rest != 0:\n    if (rest & 1) == 1:\n        load += weights[k]\n    rest = rest >> 1\n    k += 1"
        )
        init = "load = int(0)"
        value = "load"
        if extra:
            loop = loop.replace("load += weights[k]", "load += weights[k]\n$pad" + "worth += values_of[k]")
            loop = loop.replace("$pad", "        ")
            init += "\nworth = int(0)"
            value = "worth"
        body = f"# thread t tries the subset whose members are the bits of t\n{init}\n{loop}\nif load <= capacity:\n    wp.atomic_max(best, 0, {value})"
        dims = (n,)
        d.says("Finds the best filling of a knapsack by trying all subsets.")
    ids = {"sudoku": "p, r, c = wp.tid()", "life": "r, c = wp.tid()"}.get(kind, "tid = wp.tid()")
    d.launch(*dims)
    d.code("$ids\n$body", ids=ids, body=body)

    def queens(v: Values) -> Any:
        found = np.zeros((size, size), int)

        def go(rows: list[int]) -> None:
            if len(rows) == size:
                at = (rows[0], rows[1]) if form == "plain" else (rows[1], rows[0])
                found[at] += 1
                return
            for c in range(size):
                if all(c != q and abs(c - q) != len(rows) - r for r, q in enumerate(rows)):
                    if extra and len(rows) == 2:
                        at = rows[0] * size + rows[1] if form == "plain" else rows[1] * size + rows[0]
                        if v.blocked[at] >> c & 1:
                            continue
                    go([*rows, c])

        go([])
        return found.ravel()

    def reference(v: Values) -> dict[str, Any]:
        if kind == "queens":
            return {"solutions": queens(v)}
        if kind == "sudoku":
            hot = v.grid[..., None] == np.arange(1, 10)
            box = hot.reshape(n, 3, 3, 3, 3, 9).any(axis=(2, 4))
            seen = hot.any(axis=2)[:, :, None] | hot.any(axis=1)[:, None] | box.repeat(3, 1).repeat(3, 2)
            left = ~seen & (v.grid == 0)[..., None]
            return {"counts": left.sum(-1)} if extra else {"masks": (left * 2 ** np.arange(1, 10)).sum(-1)}
        if kind == "collatz":
            steps, peak = [], []
            for x in v.start.tolist():
                path = [x]
                while path[-1] != 1:
                    path.append(path[-1] // 2 if path[-1] % 2 == 0 else 3 * path[-1] + 1)
                steps.append(len(path) - 1)
                peak.append(max(path))
            return {"steps": np.array(steps)} | ({"peak": np.array(peak)} if extra else {})
        if kind == "life":
            cells = np.unpackbits(v.board.astype("<u4").view("u1"), axis=1, bitorder="little").astype(int)
            padded = np.pad(cells, 1, "wrap" if extra else "constant")  # type: ignore[call-overload]
            windows_ = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).sum(axis=(2, 3)) - cells
            alive = (windows_ == 3) | ((windows_ == 2) & (cells == 1))
            return {"after": np.packbits(alive, axis=1, bitorder="little").view("<u4").astype(np.uint32)}
        subsets = (np.arange(1 << size)[:, None] >> np.arange(size)) & 1
        load = subsets @ v.weights
        worth = subsets @ (v.values_of if extra else v.weights)
        return {"best": np.array([worth[load <= v.capacity].max()])}

    d.check(reference)
