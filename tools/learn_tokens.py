"""Learn the merges of warpgen's own byte-level BPE from finished datasets: `tools.learn_tokens ROOT`.

Writes warpgen/exporting/fitting/merges.txt. It needs the package `tokenizers`; the same datasets give the
same file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from warpgen.exporting.fitting.byte_bpe import MERGES, PATTERN
from warpgen.exporting.kernels import Datasets

# Tokens beside the 256 bytes.
SIZE = 8192


def texts(root: Path) -> Iterator[str]:
    """Programs and their code, and programs four times more: they are a fifth of the code's length."""
    for kernel in Datasets(root).kernels():
        yield from (row.code for row in kernel.rows)
        yield from (kernel.rows[0].python_source for _ in range(5))


def main() -> None:
    """Learn, and write the file."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE + len(alphabet), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts(Path(sys.argv[1])), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    spelled = {character: byte for byte, character in _characters().items()}
    lines = (" ".join(bytes(spelled[c] for c in part).hex() for part in pair) for pair in merges)
    MERGES.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    print(f"{MERGES}: {len(merges)} merges")


def _characters() -> dict[int, str]:
    """The character that stands for each byte, in the tables of `tokenizers` as in those of GPT-2."""
    shown = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


if __name__ == "__main__":
    main()
