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


def _table(kind: str, bits: int) -> str:
    """A constant: what the shift by a byte or a nibble makes of each value of it."""
    poly = _CRCS[kind][0]
    digits = 8 if kind.startswith("CRC-32") else 4
    entries = [f"0x{_shifted(value, poly, bits):0{digits}x}" for value in range(1 << bits)]
    rows = [f"        {', '.join(entries[i : i + 8])}," for i in range(0, len(entries), 8)]
    name = f"vec{1 << bits}u"
    listed = "\n".join(rows)
    return (
        f"{name} = wp.types.vector({1 << bits}, wp.uint32)\n"
        f"# {kind} lookup table, one entry per {'byte' if bits == 8 else 'nibble'} value (no init, no final XOR)\n"
        f"TABLE = wp.constant(\n    {name}(\n{listed}\n    )\n)"
    )


def _shifted(crc: int, poly: int, bits: int) -> int:
    for _ in range(bits):
        crc = (crc >> 1) ^ (poly if crc & 1 else 0)
    return crc


def _crc(row: list[int], poly: int, start: int, final: int) -> int:
    crc = start
    for byte in row:
        crc = _shifted(crc ^ byte, poly, 8)
    return crc ^ final


@DOMAIN.algorithm(
    source="Peterson & Brown 1961; Sarwate 1988; Warren 2012, Hacker's Delight, 14-2",
    names=NAMES
    | {
        "crc": "checksum|reg|remainder",
        "crcs": "checksums|crc_out|crc_values",
        "data": "payload|text|message|chars",
        "offsets": "starts|message_starts",
        "length": "message_length|stride|num_bytes",
        "cyclic_redundancy": "message_crcs|compute_crc|crc_checksum",
    },
    adjoint="either",
    weight=3,
)
def cyclic_redundancy(d: Draft) -> None:
    """Computes a cyclic redundancy check (CRC) per message."""
    kind = d.option("kind", *_CRCS)
    how = d.option("how", "branch", "mask", "nibble table", "byte table", weights=(3.0, 3.0, 3.0, 1.0))
    resumed = d.flag("resumed", 0.3)
    bytes_ = d.option("bytes", "uint8", "int")
    poly, start, final = _CRCS[kind]
    wide = 1 << (32 if kind.startswith("CRC-32") else 16)
    count = d.pick(32, 48, 64)
    s = strings(d, "data", bytes_, count, d.pick(6, 9, 12), 256)
    d.says(f"Computes the {kind} checksum for each message.")
    if how.endswith("table"):
        d.module(_table(kind, 8 if how == "byte table" else 4))
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
            # Branchless: mask is all ones when the low bit is set
            mask = wp.uint32(0) - (crc & wp.uint32(1))
            crc = (crc >> wp.uint32(1)) ^ (wp.uint32({poly:#x}) & mask)
        """
    elif how == "nibble table":
        step = f"""
        crc = crc ^ {byte}
        # Process one nibble at a time using the 16-entry table
        crc = (crc >> wp.uint32(4)) ^ TABLE[int(crc & wp.uint32(15))]
        crc = (crc >> wp.uint32(4)) ^ TABLE[int(crc & wp.uint32(15))]
        """
    else:
        step = f"crc = (crc >> wp.uint32(8)) ^ TABLE[int((crc ^ {byte}) & wp.uint32(255))]"
    value = f"crc ^ wp.uint32({final:#x})" if final else "crc"
    first = f"wp.uint32({start:#x})" if start else "wp.uint32(0)"
    if resumed:
        d.calls("update_crcs|continue_crcs|crc_update")
        d.input("previous", "uint32", count, 0, wide, about="running CRC per message")
        first = f"previous[tid] ^ wp.uint32({final:#x})" if final else "previous[tid]"
        d.says(f"Updates a running per-message {kind} with additional bytes.")
    d.output("crcs", "uint32", count)
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $head
        $resume
        $loop
            $step
        crcs[tid] = $value
        """,
        head=s.head,
        resume=("# Undo the final XOR of the previous CRC\n" if resumed and final else "") + f"crc = {first}",
        loop=s.loop,
        step=step,
        value=value,
    )
    d.explain(f"""
        {kind}: reflected polynomial {poly:#x}, initial value {start:#x}, final XOR {final:#x}.
        Bytes are processed least significant bit first.
    """)

    def reference(v: Values) -> dict[str, Any]:
        rows = s.rows(v)
        states = [int(x) ^ final for x in v.previous] if resumed else [start] * len(rows)
        made = [_crc(row.tolist(), poly, x, final) for row, x in zip(rows, states, strict=True)]
        return {"crcs": np.array(made, np.uint32)}

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
    """Computes a per-message checksum from running sums."""
    kind = d.option("kind", "adler32", "fletcher16", "fletcher32", "internet")
    late = d.flag("late")
    check = d.option("check", "sum", "pair", "resumed")
    d.calls(
        {
            "resumed": "update_checksums|continue_checksums|checksum_update",
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
    wide = 1 << (16 if kind in ("fletcher16", "internet") else 32)
    title = {"adler32": "Adler-32", "fletcher16": "Fletcher-16", "fletcher32": "Fletcher-32"}.get(
        kind, "Internet"
    )
    words = "" if narrow else " of 16-bit words"
    further = "additional bytes" if narrow else "additional 16-bit words"
    short = "short " if late and kind != "internet" else ""
    d.says(
        f"Updates a running per-message {title} checksum with {further}."
        if check == "resumed"
        else f"Computes both running {title} sums for each {short}message{words}."
        if check == "pair" and kind != "internet"
        else f"Computes the {title} checksum for each {short}message{words}."
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
                "# Defer the modulo since short messages cannot overflow 32 bits\n"
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
    else:
        if check == "resumed":
            d.input("previous", "uint32", count, 0, wide, about="running checksum per message")
        d.output("checksums", "uint32", count)
        store = f"checksums[tid] = {value}"
    if check == "resumed":
        first = f"low = previous[tid] & wp.uint32({(1 << half) - 1:#x})\nhigh = previous[tid] >> wp.uint32({half})"
        if kind == "internet":
            first = "word_sum = ~previous[tid] & wp.uint32(0xFFFF)"
    elif kind == "internet":
        first = "word_sum = wp.uint32(0)"
    else:
        first = f"low = wp.uint32({1 if kind == 'adler32' else 0})\nhigh = wp.uint32(0)"
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
        first=first,
        loop=s.loop,
        step=loop,
        after=after,
        store=store,
    )

    def reference(v: Values) -> dict[str, Any]:
        lower, upper = [], []
        for i, row in enumerate(s.rows(v)):
            row = row.astype(np.int64)
            low, high = (1 if kind == "adler32" else 0), 0
            if check == "resumed" and kind != "internet":
                high, low = divmod(int(v.previous[i]), 1 << half)
            sums = low + np.cumsum(row)
            lower.append((sums[-1] if len(row) else low) % modulus)
            upper.append((high + sums.sum()) % modulus)
        a, b = np.array(lower, np.uint32), np.array(upper, np.uint32)
        if kind == "internet":
            plain = np.array([row.astype(np.int64).sum() for row in s.rows(v)])
            if check == "resumed":
                plain = plain + (0xFFFF - v.previous.astype(np.int64))
                a = plain % 65535
            # ones' complement has two zeros: only a message of zeros sums to the positive one
            a = np.where((plain > 0) & (a == 0), 65535, a).astype(np.uint32)
            value = ~a & np.uint32(0xFFFF)
        else:
            value = (b << np.uint32(half)) | a
        if pair:
            return {"lower": a, "upper": b}
        return {"checksums": value}

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
    """Validates numbers using the Luhn algorithm, which doubles every second digit from the right."""
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
        d.param("num_digits", "int", size, about="number of digits per row")
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
        else "# Check digit makes the total a multiple of 10\ncheck[tid] = (10 - digit_sum % 10) % 10",
    )
    d.says(
        "Checks whether each number is valid using the Luhn algorithm."
        if way == "valid"
        else "Computes the Luhn check digit for each number."
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
