"""Number theory, calendars and puzzles in integers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Knuth 1997, TAOCP 2, 4.5.2 and 4.6.3; Stein 1967 (binary gcd); Montgomery 1985; Rabin 1980",
    names={
        "exponent": "power",
        "modulus": "mod",
        "acc": "product|running",
        "residue": "reduced|factor",
        "a": "u",
        "b": "v",
    },
    adjoint="no",
    weight=2,
)
def modular_arithmetic(d: Draft) -> None:
    """Performs modular integer arithmetic."""
    kind = d.option("kind", "power", "gcd", "inverse", "prime", "crt", "order", "jacobi")
    wide = d.option("word", "uint32", "uint64", "int")
    form = d.option("form", "while", "function")
    method = d.option("method", "first", "second")
    d.calls(
        {
            "power": "modular_power|pow_mod_kernel|mod_exp",
            "gcd": "gcd_pairs|common_divisors|" + ("euclid_gcd" if method == "first" else "binary_gcd"),
            "inverse": "modular_inverse|invert_residues|mod_inverses",
            "prime": "test_primes|prime_test|primality_test",
            "crt": "chinese_remainder|crt_solve|combine_residues",
            "order": "multiplicative_order|element_orders|find_orders",
            "jacobi": "jacobi_symbols|compute_jacobi|jacobi_kernel",
        }[kind]
    )
    n = d.pick(48, 64, 96, 128)
    if kind in ("gcd", "jacobi", "inverse"):
        wide = "int" if kind != "gcd" else wide
    top = 30000 if wide == "int" or kind in ("crt",) else 65000
    w = {"int": "int", "uint32": "wp.uint32", "uint64": "wp.uint64"}[wide]

    def lit(x: int) -> str:
        return str(x) if wide == "int" else f"{w}({x})"

    cast = "{}" if wide == "int" else f"{w}({{}})"

    power_text = f"""
    @wp.func
    def power_mod(base: {w}, exponent: {w}, modulus: {w}) -> {w}:
        acc = {w}(1)
        residue = base % modulus
        e = exponent
        while e > {lit(0)}:
            if (e & {lit(1)}) == {lit(1)}:
                acc = (acc * residue) % modulus
            residue = (residue * residue) % modulus
            e = e >> {lit(1)}
        return acc
    """
    place = "(15 - k)" if wide == "int" else f"{w}(15 - k)"
    if kind == "power":
        d.input("base", wide, n, 2, top, about="bases")
        sixteen = ", 16 bits each" if form != "function" and method == "second" else ""
        d.input("exponent", wide, n, 0, top, about=f"exponents{sixteen}")
        d.input("modulus", wide, n, 3, top, about="moduli, small enough that their square does not overflow")
        d.output("powers", wide, n)
        if form == "function":
            d.function(power_text)
            body = "powers[tid] = power_mod(base[tid], exponent[tid], modulus[tid])"
        elif method == "first":
            body = f"""
            m = modulus[tid]
            residue = base[tid] % m
            e = exponent[tid]
            acc = {w}(1)
            # The product of two residues does not overflow
            while e > {lit(0)}:
                if (e & {lit(1)}) == {lit(1)}:
                    acc = (acc * residue) % m
                residue = (residue * residue) % m
                e = e >> {lit(1)}
            powers[tid] = acc
            """
        else:
            body = f"""
            m = modulus[tid]
            residue = base[tid] % m
            acc = {w}(1)
            # Left-to-right binary exponentiation, 16-bit exponents
            for k in range(16):
                acc = (acc * acc) % m
                if ((exponent[tid] >> {place}) & {lit(1)}) == {lit(1)}:
                    acc = (acc * residue) % m
            powers[tid] = acc
            """
        d.says("Computes modular powers using repeated squaring.")
    elif kind == "gcd":
        d.input("x", wide, n, 1, top)
        d.input("y", wide, n, 1, top)
        d.output("gcds", wide, n)
        if method == "first":
            body = f"""
            a = x[tid]
            b = y[tid]
            while b != {lit(0)}:
                r = a % b
                a = b
                b = r
            gcds[tid] = a
            """
        else:
            d.function(f"""
                @wp.func
                def trailing_zeros(x: {w}) -> {w}:
                    return {w}(wp.bit_count(~x & (x - {lit(1)})))
            """)
            body = f"""
            a = x[tid]
            b = y[tid]
            # Binary GCD (Stein): use shifts and subtractions instead of divisions
            twos = trailing_zeros(a | b)
            a = a >> trailing_zeros(a)
            while b != {lit(0)}:
                b = b >> trailing_zeros(b)
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
            + " for pairs of integers."
        )
        if wide != "int":
            body = body.replace(" // ", " / ")
    elif kind == "inverse":
        d.input("x", "int", n, 1, top)
        fermat = method == "second"  # as Fermat needs; Euclid also serves composite ones
        d.param("modulus", "int", d.pick(31, 61, 127) if fermat else d.pick(1001, 7917, 30003))
        d.output("inverses", "int", n)
        if method == "first":
            body = """
            # Extended Euclid, invariant: r = s * x (mod m)
            r0 = modulus
            r1 = x[tid] % modulus
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
            # Fermat: for prime p the inverse is x^(p - 2)
            inverses[tid] = power_mod(value, modulus - 2, modulus)
            """
        d.says(
            f"Computes {'inverses modulo a prime' if fermat else 'modular inverses'}, or -1 if no inverse exists."
        )
    elif kind == "prime":
        d.input("candidates", wide, n, 2, top)
        d.output("is_prime", "int", n)
        if method == "first":
            d.function(power_text)
            body = f"""
            c = candidates[tid]
            if c % {lit(2)} == {lit(0)}:
                is_prime[tid] = 1 if c == {lit(2)} else 0
                return
            odd = c - {lit(1)}
            twos = int(0)
            while odd % {lit(2)} == {lit(0)}:
                odd = odd >> {lit(1)}
                twos += 1
            # Miller-Rabin with bases 2 and 3 is exact below 1,373,653
            for witness_base in range(2, 4):
                if {cast.format("witness_base")} % c == {lit(0)}:
                    continue
                p = power_mod({cast.format("witness_base")}, odd, c)
                composite = int(1)
                if p == {lit(1)} or p == c - {lit(1)}:
                    composite = 0
                for _ in range(twos - 1):
                    p = (p * p) % c
                    if p == c - {lit(1)}:
                        composite = 0
                if composite == 1:
                    is_prime[tid] = 0
                    return
            is_prime[tid] = 1
            """
            d.says("Tests integers for primality using Miller-Rabin.")
        else:
            body = f"""
            c = candidates[tid]
            if c % {lit(2)} == {lit(0)} or c % {lit(3)} == {lit(0)}:
                is_prime[tid] = 1 if c <= {lit(3)} else 0
                return
            # Primes > 3 have the form 6k +- 1; divisors below 256 are enough for 16-bit integers
            for k in range(5, 256, 6):
                f = {w}(k)
                if f * f > c:
                    break
                if c % f == {lit(0)} or c % (f + {lit(2)}) == {lit(0)}:
                    is_prime[tid] = 0
                    return
            is_prime[tid] = 1
            """
            d.says("Tests integers for primality using trial division.")
    elif kind == "crt":
        moduli = d.pick((7, 11, 13), (16, 27, 25), (5, 9, 32))
        total = math.prod(moduli)
        for i in range(3):
            d.input(f"r{i}", wide, n, 0, moduli[i])
        d.output("x", wide, n)
        if method == "first":
            listed = ", ".join(map(str, moduli))
            for i, m in enumerate(moduli):
                d.module(f"C{i} = wp.constant({lit(total // m * pow(total // m, -1, m))})")
            d.module(f"TOTAL = wp.constant({lit(total)})  # product of the moduli {listed}")
            body = (
                f"# Each coefficient is 1 modulo its own modulus and 0 modulo the others: {listed}\n"
                "x[tid] = (r0[tid] * C0 + r1[tid] * C1 + r2[tid] * C2) % TOTAL"
            )
        else:
            m0, m1, m2 = moduli
            for i, m in enumerate(moduli):
                d.module(f"M{i} = wp.constant({lit(m)})")
            d.module(f"INVERSE_1 = wp.constant({lit(pow(m0, -1, m1))})  # of M0 modulo M1")
            d.module(f"INVERSE_2 = wp.constant({lit(pow(m0 * m1, -1, m2))})  # of M0 * M1 modulo M2")
            body = """
            # Garner's mixed-radix algorithm; add one modulus to keep differences positive
            d0 = r0[tid]
            d1 = ((r1[tid] + M1 - d0) * INVERSE_1) % M1
            partial = d0 + d1 * M0
            d2 = ((r2[tid] + M2 - partial % M2) * INVERSE_2) % M2
            x[tid] = partial + d2 * M0 * M1
            """
        d.says("Reconstructs integers from residues using the Chinese remainder theorem with three moduli.")
    elif kind == "order":
        d.input("base", wide, n, 2, 200)
        d.param("modulus", wide, d.pick(97, 101, 127, 193))
        d.output("orders", "int", n)
        body = f"""
        residue = base[tid] % modulus
        if residue == {lit(0)}:
            orders[tid] = 0
            return
        acc = residue
        order = int(1)
        while acc != {lit(1)}:
            acc = (acc * residue) % modulus
            order += 1
        orders[tid] = order
        """
        if method == "second":
            body = f"""
            residue = base[tid] % modulus
            if residue == {lit(0)}:
                orders[tid] = 0
                return
            acc = residue
            # The order divides p - 1
            for order in range(1, {"modulus" if wide == "int" else "int(modulus)"}):
                if acc == {lit(1)}:
                    orders[tid] = order
                    return
                acc = (acc * residue) % modulus
            """
        d.says("Computes the multiplicative order of integers modulo a prime, or 0 if undefined.")
    else:
        d.input("x", "int", n, 0, top)
        d.input("half", "int", n, 1, 5000, about="(m - 1) / 2 for each odd modulus m")
        d.output("symbols", "int", n)
        sign = (
            "if m % 8 == 3 or m % 8 == 5:\n                        sign = -sign"
            if method == "first"
            else "sign = sign * (1 - 2 * (((m * m - 1) // 8) % 2))"
        )
        body = f"""
        m = 2 * half[tid] + 1
        a = x[tid] % m
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
        # Zero if both share a common factor
        symbols[tid] = sign if m == 1 else 0
        """
        d.says("Computes Jacobi symbols using quadratic reciprocity.")
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
            return {"inverses": over(lambda x: pow(x, -1, m) if math.gcd(x, m) == 1 else -1, "x")}
        if kind == "prime":
            return {"is_prime": over(prime, "candidates").astype(int)}
        if kind == "crt":
            x = np.arange(math.prod(moduli))
            place = {(int(a % moduli[0]), int(a % moduli[1]), int(a % moduli[2])): int(a) for a in x}
            return {"x": over(lambda a, b, c: place[a, b, c], "r0", "r1", "r2")}
        if kind == "order":
            m = int(v.modulus)
            return {"orders": over(lambda b: next((k for k in range(1, m) if pow(b, k, m) == 1), 0), "base")}
        return {"symbols": over(lambda a, o: jacobi(a, 2 * o + 1), "x", "half")}

    d.check(reference)
