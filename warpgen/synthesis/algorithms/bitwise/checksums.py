"""Checksums and codes that find or mend errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.algorithms.bitwise.strings import NAMES, WORD_NAMES, strings
from warpgen.synthesis.writing.draft import Draft, Values

_CRCS = {  # reflected polynomial, initial value, final xor
    "CRC-32": (0xEDB88320, 0xFFFFFFFF, 0xFFFFFFFF),
    "CRC-32C": (0x82F63B78, 0xFFFFFFFF, 0xFFFFFFFF),
    "CRC-16/ARC": (0xA001, 0, 0),
    "CRC-16/MODBUS": (0xA001, 0xFFFF, 0),
    "CRC-16/X-25": (0x8408, 0xFFFF, 0xFFFF),
}


def _crc(row: list[int], poly: int, start: int, final: int) -> int:
    crc = start
    for byte in row:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (poly if crc & 1 else 0)
    return crc ^ final


@DOMAIN.algorithm(
    source="Peterson & Brown 1961; Sarwate 1988; Warren 2012, Hacker's Delight, 14-2",
    names=NAMES
    | {
        "crc": "checksum|reg|remainder",
        "crcs": "checksums|crc_out|frame_checks",
        "table": "crc_table|lut|lookup",
        "data": "bytes|text|message|chars",
        "offsets": "starts|message_starts",
        "length": "message_length|stride|num_bytes",
        "cyclic_redundancy": "message_crcs|compute_crc|crc_checksum",
    },
    adjoint="either",
    weight=3,
)
def cyclic_redundancy(d: Draft) -> None:
    """Computes a cyclic redundancy check of each message."""
    kind = d.option("kind", *_CRCS)
    how = d.option("how", "branch", "mask", "nibble table", "byte table")
    verify = d.flag("verify", 0.3)
    bytes_ = d.option("bytes", "uint8", "int")
    poly, start, final = _CRCS[kind]
    wide = 1 << (32 if kind.startswith("CRC-32") else 16)
    count = d.pick(32, 48, 64)
    s = strings(d, "data", bytes_, count, d.pick(6, 9, 12), 256)
    d.says(f"Computes the {kind} of each message.")
    if how.endswith("table"):
        # The lookup table is precomputed on the host
        d.input("table", "uint32", 256 if how == "byte table" else 16, 0, wide)
    byte = f"wp.uint32({s.at})"
    if how == "branch":
        d.module(f"POLYNOMIAL = wp.constant(wp.uint32({poly:#x}))  # {kind}, reflected")
        step = f"""
        crc = crc ^ {byte}
        for bit in range(8):
            if (crc & wp.uint32(1)) != wp.uint32(0):
                crc = (crc >> wp.uint32(1)) ^ POLYNOMIAL
            else:
                crc = crc >> wp.uint32(1)
        """
    elif how == "mask":
        step = f"""
        crc = crc ^ {byte}
        for bit in range(8):
            # Branchless: mask is all ones if the lowest bit is set
            mask = wp.uint32(0) - (crc & wp.uint32(1))
            crc = (crc >> wp.uint32(1)) ^ (wp.uint32({poly:#x}) & mask)
        """
    elif how == "nibble table":
        step = f"""
        crc = crc ^ {byte}
        # Process one nibble at a time, the table has only 16 entries
        crc = (crc >> wp.uint32(4)) ^ table[int(crc & wp.uint32(15))]
        crc = (crc >> wp.uint32(4)) ^ table[int(crc & wp.uint32(15))]
        """
    else:
        step = f"crc = (crc >> wp.uint32(8)) ^ table[int((crc ^ {byte}) & wp.uint32(255))]"
    value = f"crc ^ wp.uint32({final:#x})" if final else "crc"
    if verify:
        d.calls("verify_crcs|check_messages|crc_errors")
        d.input("received", "uint32", count, 0, wide, about="check that came with each message")
        d.output("errors", "uint32", count)
        store = f"# Equal checks cancel, so the result is nonzero for corrupted messages\nerrors[tid] = {value} ^ received[tid]"
        d.says(f"Compares the {kind} of each message with the one that came with it.")
    else:
        d.output("crcs", "uint32", count)
        store = f"crcs[tid] = {value}"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $head
        crc = wp.uint32($start)
        $loop
            $step
        $store
        """,
        head=s.head,
        start=f"{start:#x}" if start else "0",
        loop=s.loop,
        step=step,
        store=store,
    )
    d.explain(f"""
        {kind}: reflected polynomial {poly:#x}, initial value {start:#x}, final xor {final:#x}.
        Bits of a byte are taken from the lowest, as on serial lines.
    """)

    def tabled(row: list[int], table: Any) -> int:
        crc = start
        for byte in row:
            if how == "byte table":
                crc = (crc >> 8) ^ int(table[(crc ^ byte) & 255])
            else:
                crc ^= byte
                for _ in range(2):
                    crc = (crc >> 4) ^ int(table[crc & 15])
        return crc ^ final

    def reference(v: Values) -> dict[str, Any]:
        if how.endswith("table"):
            made = [tabled(row.tolist(), v.table) for row in s.rows(v)]
        else:
            made = [_crc(row.tolist(), poly, start, final) for row in s.rows(v)]
        crcs = np.array(made, np.uint32)
        return {"errors": crcs ^ v.received} if verify else {"crcs": crcs}

    d.check(reference)


@DOMAIN.algorithm(
    source="Deutsch & Gailly, RFC 1950; Fletcher 1982; Braden et al., RFC 1071",
    names=WORD_NAMES
    | {
        "data": "messages|payload",
        "length": "stride|message_length",
        "offsets": "starts|message_offsets",
        "low": "sum1|s1|c0",
        "high": "sum2|s2|c1",
        "checksums": "sums|checks",
    },
    adjoint="either",
    weight=10,
)
def running_sums(d: Draft) -> None:
    """Computes a checksum of each message from its running sums."""
    kind = d.option("kind", "adler32", "fletcher16", "fletcher32", "internet")
    late = d.flag("late")
    check = d.option("check", "sum", "pair", "verify")
    d.calls(
        {
            "verify": "verify_checksums|check_messages|verify_messages",
            "pair": "running_sums|checksum_halves|accumulate_sums",
            "sum": "message_checksums|compute_checksums|block_checksums",
        }["sum" if check == "pair" and kind == "internet" else check]
    )
    narrow = kind in ("adler32", "fletcher16")
    count = d.pick(32, 48, 64, 96)
    type = d.option("type", "int", "uint32")
    s = strings(d, "data", type, count, d.pick(8, 12, 16), 256 if narrow else 65536)
    at = s.at if type == "uint32" else f"wp.uint32({s.at})"
    modulus = {"adler32": 65521, "fletcher16": 255, "fletcher32": 65535, "internet": 65535}[kind]
    half = 8 if kind == "fletcher16" else 16
    title = {"adler32": "Adler-32", "fletcher16": "Fletcher-16", "fletcher32": "Fletcher-32"}.get(
        kind, "Internet"
    )
    words = "" if narrow else " of 16-bit words"
    short = "short " if late and kind != "internet" else ""
    d.says(
        f"Compares the {title} checksum of each {short}message{words} with what it should be."
        if check == "verify"
        else f"Computes both running sums of the {title} checksum of each {short}message{words}."
        if check == "pair" and kind != "internet"
        else f"Computes the {title} checksum of each {short}message{words}."
    )
    if kind == "internet":
        loop = f"word_sum += {at}"
        after = """
        # End-around carry (ones' complement)
        while (word_sum >> wp.uint32(16)) != wp.uint32(0):
            word_sum = (word_sum & wp.uint32(0xFFFF)) + (word_sum >> wp.uint32(16))
        """
        value = "~word_sum & wp.uint32(0xFFFF)"
    else:
        d.module(f"MODULUS = wp.constant(wp.uint32({modulus}))")
        if late:
            loop = f"low += {at}\nhigh += low"
            after = (
                "# Defer the modulo: short messages cannot overflow 32 bits\n"
                "low = low % MODULUS\n"
                "high = high % MODULUS"
            )
        else:
            loop = f"low = (low + {at}) % MODULUS\nhigh = (high + low) % MODULUS"
            after = ""
        value = f"(high << wp.uint32({half})) | low"
    pair = check == "pair" and kind != "internet"
    if pair:
        d.output("lower", "uint32", count)
        d.output("upper", "uint32", count)
        store = "lower[tid] = low\nupper[tid] = high"
    elif check == "verify":
        d.input("expected", "uint32", count, 0, 1 << (2 * half if kind != "internet" else 16))
        d.output("syndrome", "uint32", count)
        store = f"syndrome[tid] = expected[tid] ^ ({value})"
    else:
        d.output("checksums", "uint32", count)
        store = f"checksums[tid] = {value}"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $head
        $first
        $loop
            $step
        $after
        $store
        """,
        head=s.head,
        first="word_sum = wp.uint32(0)"
        if kind == "internet"
        else f"low = wp.uint32({1 if kind == 'adler32' else 0})\nhigh = wp.uint32(0)",
        loop=s.loop,
        step=loop,
        after=after,
        store=store,
    )

    def reference(v: Values) -> dict[str, Any]:
        lower, upper = [], []
        for row in s.rows(v):
            row = row.astype(np.int64)
            first = 1 if kind == "adler32" else 0
            sums = first + np.cumsum(row)
            lower.append((sums[-1] if len(row) else first) % modulus)
            upper.append(sums.sum() % modulus)
        a, b = np.array(lower, np.uint32), np.array(upper, np.uint32)
        if kind == "internet":
            plain = np.array([row.astype(np.int64).sum() for row in s.rows(v)])
            # ones' complement has two zeros: only a message of zeros sums to the positive one
            a = np.where((plain > 0) & (a == 0), 65535, a).astype(np.uint32)
            value = ~a & np.uint32(0xFFFF)
        else:
            value = (b << np.uint32(half)) | a
        if pair:
            return {"lower": a, "upper": b}
        return {"syndrome": v.expected ^ value} if check == "verify" else {"checksums": value}

    d.check(reference)


@DOMAIN.algorithm(
    source="Luhn 1960, US patent 2,950,048; Verhoeff 1969",
    names={
        "digits": "cards|account_digits",
        "numbers": "accounts|ids",
        "digit_sum": "luhn_sum|total_sum",
        "digit": "value|x",
        "rest": "number|left",
    },
    adjoint="either",
    weight=11,
)
def luhn(d: Draft) -> None:
    """Checks numbers by Luhn's formula, which doubles every second digit from the right."""
    way = d.option("way", "valid", "digit")
    layout = d.option("layout", "rows", "columns", "decimal")
    doubling = d.option("doubling", "subtract", "table", "split")
    order = d.option("order", "backwards", "parity")
    d.calls(
        {
            "valid": "luhn|luhn_check|validate_numbers|luhn_valid",
            "digit": "luhn_digits|check_digits|luhn_check_digits|find_check_digits",
        }[way]
    )
    count, size = d.pick(64, 96, 128), d.pick(8, 11, 15, 16)
    if layout == "decimal":
        size = d.pick(7, 8, 9)
        d.input("numbers", "int", count, 0, 10**size)
    else:
        d.input("digits", "int", (count, size) if layout == "rows" else (size, count), 0, 10)
    if layout != "decimal":
        d.param("num_digits", "int", size, about="number of digits of each number")
    n = "num_digits"
    place = {"rows": "digits[tid, k]", "columns": "digits[k, tid]", "decimal": "rest % 10"}[layout]
    odd = 1 if way == "valid" else 0
    double = {
        "subtract": "digit = 2 * digit\nif digit > 9:\n    digit -= 9",
        "split": "digit = (2 * digit) // 10 + (2 * digit) % 10",
        "table": "digit = DOUBLED[digit]",
    }[doubling]
    if doubling == "table":
        d.module(
            "vec10i = wp.types.vector(10, wp.int32)\n"
            "DOUBLED = wp.constant(vec10i(0, 2, 4, 6, 8, 1, 3, 5, 7, 9))"
        )
    if layout == "decimal":
        loop, test = "while rest > 0:", "doubled" if order == "backwards" else f"k % 2 == {odd}"
    elif order == "backwards":
        loop, test = "for step in range($n):\n    k = $n - 1 - step", f"step % 2 == {odd}"
    else:
        loop, test = "for k in range($n):", f"($n - 1 - k) % 2 == {odd}"
    loop, test = loop.replace("$n", n), test.replace("$n", n)
    d.output("valid" if way == "valid" else "check", "int", count)
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $load
        digit_sum = int(0)
        $loop
            digit = $place
            if $test:
                $double
            digit_sum += digit
            $next
        $store
        """,
        load=""
        if layout != "decimal"
        else "rest = numbers[tid]\n"
        + (f"doubled = bool({odd == 0})" if order == "backwards" else "k = int(0)"),
        loop=loop,
        place=place,
        test=test,
        double=double,
        next=""
        if layout != "decimal"
        else "rest = rest // 10\n" + ("doubled = not doubled" if order == "backwards" else "k += 1"),
        store="valid[tid] = 1 if digit_sum % 10 == 0 else 0"
        if way == "valid"
        else "# The digit that makes the sum a multiple of ten\ncheck[tid] = (10 - digit_sum % 10) % 10",
    )
    d.says(
        "Tells by Luhn's formula which numbers are well-formed."
        if way == "valid"
        else "Computes the check digit that Luhn's formula appends to each number."
    )

    def reference(v: Values) -> dict[str, Any]:
        if layout == "decimal":
            rows = v.numbers.astype(np.int64)[:, None] // 10 ** np.arange(size) % 10
        else:
            rows = (v.digits if layout == "rows" else v.digits.T)[:, ::-1]
        rows = rows.copy()
        rows[:, odd::2] = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])[rows[:, odd::2]]
        rest = rows.sum(axis=1) % 10
        return {"valid": rest == 0} if way == "valid" else {"check": -rest % 10}

    d.check(reference)
