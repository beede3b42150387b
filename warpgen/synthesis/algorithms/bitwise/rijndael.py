"""The advanced encryption standard."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="NIST FIPS 197 (AES); NIST SP 800-38A (modes); Daemen & Rijmen 2002, The Design of Rijndael, ch. 3 and 4",
    names={
        "block": "tid|i|block_idx",
        "state": "s|st|block_state",
        "round_keys": "expanded_key|key_schedule|rk",
        "plain": "plaintext|message",
        "cipher": "ciphertext|encrypted",
        "turn": "round_idx|rnd|r",
    },
    adjoint="no",
    weight=12,
)
def encrypt_blocks(d: Draft) -> None:
    """Encrypts or decrypts 16-byte blocks using AES."""
    direction = d.option("direction", "encrypt", "decrypt")
    mode = d.option("mode", "ecb", "ctr", "cbc", "whitened")
    box = d.option("box", "table", "computed")
    keys = d.option("keys", "shared", "each")
    rounds = d.option("rounds", 10, 12, 14)
    memory = d.option("memory", "array", "vector")
    mixing = d.option("mixing", "xtime", "product")
    order = d.option("order", "blocks", "transposed")
    if mode == "ctr":
        direction = "encrypt"  # the counter is encrypted both ways
    if mode == "ctr" or (mode, direction) == ("cbc", "decrypt"):
        keys = "shared"  # its blocks are those of one message
    d.calls(
        {
            "encrypt": "encrypt_blocks|aes_encrypt|aes_encrypt_blocks|rijndael_encrypt",
            "decrypt": "decrypt_blocks|aes_decrypt|aes_decrypt_blocks|rijndael_decrypt",
            "ctr": "aes_ctr|aes_ctr_blocks|encrypt_counter_mode|aes_counter_mode",
            "cbc": f"{direction}_cbc|aes_cbc_{direction}|{direction}_chained_blocks",
            "whitened": f"{direction}_tweaked_blocks|aes_xex_{direction}|aes_tweaked_{direction}",
        }[direction if mode == "ecb" else mode]
    )
    n = d.pick(12, 16, 24)
    shape = (n, 16) if order == "blocks" else (16, n)

    def at(name: str, k: str) -> str:
        return f"{name}[block, {k}]" if order == "blocks" else f"{name}[{k}, block]"

    given, made = ("cipher", "plain") if direction == "decrypt" else ("plain", "cipher")
    d.input(given, "int", shape, 0, 256, about="Input bytes, 16 per block")
    key = (n, 16 * (rounds + 1)) if keys == "each" else (16 * (rounds + 1),)
    d.input(
        "round_keys",
        "int",
        key,
        0,
        256,
        about="Expanded key bytes" + (" per block" if keys == "each" else ""),
    )
    if box == "table":
        d.module(_box_table(direction == "decrypt"))
    if mode == "ctr":
        d.input("nonce", "int", 12, 0, 256, about="Nonce bytes, unique per message")
        d.param("first_counter", "int", 0, 70000, about="Counter value for the first block")
    if mode == "cbc":
        d.input(
            "previous",
            "int",
            shape,
            0,
            256,
            about="Previous ciphertext block"
            + (" for each block" if direction == "decrypt" else " for each message"),
        )
    if mode == "whitened":
        d.input(
            "tweak",
            "int",
            shape,
            0,
            256,
            about="Whitening bytes, XORed before and after encryption as in XEX",
        )
    d.param("rounds", "int", rounds, about="Number of rounds: 10, 12 or 14 depending on key length")
    d.output(made, "int", shape, about=f"{'Decrypted' if direction == 'decrypt' else 'Encrypted'} bytes")
    zero = "wp.zeros(shape=16, dtype=int)"
    if memory == "vector":
        zero = d.pick("vec16i()", "wp.vector(length=16, dtype=int)")
    if zero == "vec16i()":
        d.module("vec16i = wp.types.vector(length=16, dtype=int)")
    inverse = direction == "decrypt"
    d.function('''
        @wp.func
        def xtime(b: int) -> int:
            """Multiply by x in GF(256), modulo x^8 + x^4 + x^3 + x + 1."""
            doubled = b << 1
            # Reduce if bit 8 is set
            return wp.where((b & 128) != 0, doubled ^ 0x11B, doubled)
    ''')
    if mixing == "product" or box == "computed" or inverse:
        d.function('''
            @wp.func
            def field_product(a: int, b: int) -> int:
                """Multiply in GF(256) using shift-and-add."""
                product = wp.where((b & 1) != 0, a, 0)
                power = a
                for bit in range(1, 8):
                    power = xtime(power)
                    product ^= wp.where(((b >> bit) & 1) != 0, power, 0)
                return product
        ''')
    if box == "computed":
        invert = '''
            @wp.func
            def field_inverse(a: int) -> int:
                """Return the multiplicative inverse a^254 (0 maps to 0)."""
                square = field_product(a, a)
                result = square
                # 254 = 2 + 4 + ... + 128
                for k in range(6):
                    square = field_product(square, square)
                    result = field_product(result, square)
                return result
        '''
        d.function(invert)
        d.function(
            '''
            @wp.func
            def rotate_byte(b: int, k: int) -> int:
                """Rotate an 8-bit value to the left."""
                return ((b << k) | (b >> (8 - k))) & 255


            @wp.func
            def substitute(b: int) -> int:
                """Compute the $what without a lookup table."""
                $body
            ''',
            what="inverse S-box" if inverse else "S-box",
            body="affine = rotate_byte(b, 1) ^ rotate_byte(b, 3) ^ rotate_byte(b, 6) ^ 0x05\nreturn field_inverse(affine)"
            if inverse
            else "c = field_inverse(b)\nreturn c ^ rotate_byte(c, 1) ^ rotate_byte(c, 2) ^ rotate_byte(c, 3) ^ rotate_byte(c, 4) ^ 0x63",
        )
    sub = "substitute({})" if box == "computed" else f"{'INV_' * inverse}S_BOX[{{}}]"
    rk = "round_keys[block, {}]" if keys == "each" else "round_keys[{}]"
    load = {
        "ecb": f"state[k] = {at(given, 'k')}",
        "cbc": f"# CBC chaining, so that equal plaintext blocks encrypt differently\nstate[k] = {at(given, 'k')} ^ {at('previous', 'k')}"
        if not inverse
        else f"state[k] = {at(given, 'k')}",
        "whitened": f"state[k] = {at(given, 'k')} ^ {at('tweak', 'k')}",
    }.get(mode, "")
    if mode == "ctr":
        load = """
            # Counter block: nonce followed by the big-endian counter
            counter = first_counter + block
            for k in range(12):
                state[k] = nonce[k]
            for k in range(4):
                state[12 + k] = (counter >> (24 - 8 * k)) & 255
            """
    else:
        load = f"for k in range(block_size):\n    {load.replace(chr(10), chr(10) + '    ')}"
    if mixing == "product" or inverse:
        a, b, c, e = (14, 11, 13, 9) if inverse else (2, 3, 1, 1)

        def term(f: int, i: int) -> str:
            return f"field_product(c{i}, {f})" if f != 1 else f"c{i}"

        mix_lines = [" ^ ".join(term((a, b, c, e)[(j - i) % 4], j) for j in range(4)) for i in range(4)]
        mix = "\n".join(
            f"state[4 * col{f' + {i}' if i else ''}] = {line}" for i, line in enumerate(mix_lines)
        )
    else:
        mix = """
            # 2a + 3b + c + d = a + (a + b + c + d) + 2(a + b)
            total = c0 ^ c1 ^ c2 ^ c3
            state[4 * col] = c0 ^ total ^ xtime(c0 ^ c1)
            state[4 * col + 1] = c1 ^ total ^ xtime(c1 ^ c2)
            state[4 * col + 2] = c2 ^ total ^ xtime(c2 ^ c3)
            state[4 * col + 3] = c3 ^ total ^ xtime(c3 ^ c0)
            """
    column = """
        for col in range(block_size // 4):
            c0 = state[4 * col]
            c1 = state[4 * col + 1]
            c2 = state[4 * col + 2]
            c3 = state[4 * col + 3]
            $mix
        """
    shift = "4 * ((col - row + 4) % 4) + row" if inverse else "4 * ((col + row) % 4) + row"
    if inverse:
        body = f"""
            for k in range(block_size):
                state[k] = state[k] ^ {rk.format("block_size * rounds + k")}
            for back in range(rounds):
                turn = rounds - 1 - back
                # Inverse ShiftRows and SubBytes
                for col in range(block_size // 4):
                    for row in range(4):
                        moved[4 * col + row] = {sub.format("state[" + shift + "]")}
                for k in range(block_size):
                    state[k] = moved[k] ^ {rk.format("block_size * turn + k")}
                # Inverse MixColumns, skipped in the last round
                if turn > 0:
                    $columns
            """
    else:
        body = f"""
            for k in range(block_size):
                state[k] = state[k] ^ {rk.format("k")}
            for turn in range(1, rounds + 1):
                # SubBytes and ShiftRows: row r moves left by r bytes
                for col in range(block_size // 4):
                    for row in range(4):
                        moved[4 * col + row] = {sub.format("state[" + shift + "]")}
                for k in range(block_size):
                    state[k] = moved[k]
                # MixColumns, skipped in the last round
                if turn < rounds:
                    $columns
                for k in range(block_size):
                    state[k] = state[k] ^ {rk.format("block_size * turn + k")}
            """
    store = {
        "ecb": f"{at(made, 'k')} = state[k]",
        "cbc": f"{at(made, 'k')} = state[k]"
        if not inverse
        else f"{at(made, 'k')} = state[k] ^ {at('previous', 'k')}",
        "ctr": f"# XOR with the keystream\n{at(made, 'k')} = {at(given, 'k')} ^ state[k]",
        "whitened": f"{at(made, 'k')} = state[k] ^ {at('tweak', 'k')}",
    }[mode]
    d.launch(n)
    d.code(
        """
        block = wp.tid()
        # Block size in bytes, kept in a variable to prevent loop unrolling
        block_size = int(16)
        # Column-major state: byte 4 c + r is at row r, column c
        state = $zero
        moved = $zero
        $load
        $body
        for k in range(block_size):
            $store
        """,
        zero=zero,
        load=load,
        body=body,
        columns=column,
        mix=mix,
        store=store,
    )
    if mode == "cbc" and not inverse:
        d.says("Encrypts the next 16-byte block of each message using AES in CBC mode.")
    else:
        d.says(f"{'Decrypts' if inverse else 'Encrypts'} 16-byte blocks using AES in {_MODES[mode]}.")
    d.explain("Uses 10, 12 or 14 rounds for 128, 192 or 256-bit keys. Keys must be expanded beforehand.")

    def reference(v: Values) -> dict[str, Any]:
        text = np.asarray(v[given]) if order == "blocks" else np.asarray(v[given]).T
        other = {"cbc": v.get("previous"), "whitened": v.get("tweak")}.get(mode)
        other = np.zeros_like(text) if other is None else (other if order == "blocks" else other.T)
        keys_ = np.broadcast_to(v.round_keys, (n, 16 * (rounds + 1))).reshape(n, rounds + 1, 16)
        table = _box(inverse)
        state = text ^ (other if mode == "whitened" or not inverse else 0)
        if mode == "ctr":
            numbers = v.first_counter + np.arange(n)
            state = np.hstack(
                [np.tile(v.nonce, (n, 1)), np.stack([(numbers >> s) & 255 for s in (24, 16, 8, 0)], axis=1)]
            )
        rows, cols = np.tile(np.arange(4), 4), np.repeat(np.arange(4), 4)
        moved = 4 * ((cols + (-rows if inverse else rows)) % 4) + rows
        factors = (14, 11, 13, 9) if inverse else (2, 3, 1, 1)

        def mixed(s: Any) -> Any:
            s = s.reshape(n, 4, 4)
            return np.stack([
                np.bitwise_xor.reduce([_product(s[:, :, j], factors[(j - i) % 4]) for j in range(4)]) for i in range(4)
            ], axis=2).reshape(n, 16)  # fmt: skip

        if inverse:
            state = state ^ keys_[:, rounds]
            for turn in range(rounds - 1, -1, -1):
                state = table[state[:, moved]] ^ keys_[:, turn]
                state = mixed(state) if turn else state
        else:
            state = state ^ keys_[:, 0]
            for turn in range(1, rounds + 1):
                state = table[state[:, moved]]
                state = (mixed(state) if turn < rounds else state) ^ keys_[:, turn]
        if mode == "ctr":
            state = state ^ text
        elif mode == "whitened" or (mode == "cbc" and inverse):
            state = state ^ other
        return {made: state if order == "blocks" else state.T}

    d.check(reference)


_MODES = {
    "ecb": "electronic codebook mode",
    "ctr": "counter mode",
    "cbc": "cipher block chaining mode",
    "whitened": "XEX mode",
}


def _product(a: Any, b: int) -> Any:
    """Products in the field of AES."""
    a, made = np.asarray(a), 0 * np.asarray(a)
    for bit in range(8):
        made = made ^ np.where((b >> bit) & 1, a, 0)
        a = np.where(a & 128, (a << 1) ^ 0x11B, a << 1)
    return made


def _box_table(inverse: bool) -> str:
    """The substitution box as a constant."""
    entries = [f"0x{value:02x}" for value in _box(inverse)]
    listed = "\n".join(f"        {', '.join(entries[i : i + 16])}," for i in range(0, 256, 16))
    name = "INV_S_BOX" if inverse else "S_BOX"
    return (
        "vec256i = wp.types.vector(length=256, dtype=int)\n"
        f"{name} = wp.constant(\n    vec256i(\n{listed}\n    )\n)"
    )


def _box(inverse: bool) -> Any:
    """The substitution box, from powers of the generator 3."""
    powers = [1]
    for _ in range(254):
        powers.append(int(_product(powers[-1], 3)))
    inverses = np.zeros(256, int)
    for k, p in enumerate(powers):
        inverses[p] = powers[(255 - k) % 255]
    box = inverses ^ 0x63
    for k in range(1, 5):
        box = box ^ (((inverses << k) | (inverses >> (8 - k))) & 255)
    return np.argsort(box) if inverse else box
