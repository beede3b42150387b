"""Write docs/views.md from the commands' own output: the columns of every view and three records of each.

The view `versions` needs an environment with an older Warp: `./scripts/versions 1MiB 1.18.0` leaves one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from warpgen import export, plant, run
from warpgen.exporting.views.ladder import LEVELS
from warpgen.exporting.views.registry import view
from warpgen.extraction.versions import OLDER_WARPS

OLDER = Path(__file__).resolve().parents[1] / f".venv-warp-{OLDER_WARPS[-1]}" / "bin" / "python"
DOC = Path(__file__).resolve().parents[1] / "docs" / "views.md"
RECORDS = 3
LINES, WIDTH, ITEMS = 12, 110, 4  # shown of a text, a line and a list

# How a column's code is marked, where the record does not say.
LANGUAGES = {
    "python": "python",
    "source": "python",
    "call": "python",
    "cpp": "cpp",
    "cuda": "cuda",
    "difference": "diff",
    "llvm": "llvm",
    "asm": "asm",
}

INTRO = """\
# Views

`python -m warpgen.export --view VIEW` makes other records of the rows than the rows themselves. All of a
view follows from the rows, so each record names its kernel, and the split is the kernel's: see
[exports](export.md). With `--comments strip` the code has no comments: Warp echoes every line of Python in
one, 29 % of the text, which gives the answer away to who shall translate back. Written by
`tools/describe_views.py`; the records are real and cut short.

Every view begins with `id` (of the record), `kernel_id` and `category`, and ends with `difficulty`,
`licence`, `cluster` and `split`. The table of each names the columns between. `tokens` counts all texts of
the record that a model reads or writes, `X_tokens` those of column `X`: see
[what fits](export.md#what-fits)."""

NOTES = {
    "pretrain": """\
The first line of `text` tells where it came from; the rest is the text of the row.""",
    "translate": """\
`source` and `target` are whole modules that compile. Comments of generated code echo the Python: translate
back with `--comments strip`. `--levels` adds PTX, SASS, LLVM IR and assembly, each to and from the nearest
text above it.""",
    "adjoint": """\
Of kernels that have both. `gradient` is the verdict of the row's check of gradients, `not run` where there
was none. Forward functions call helpers that the record does not hold: the view `ladder` has them.""",
    "instruct": """\
`args` and `launch` are as in [the row](record.md): they say how every argument is filled. `call` runs the
kernel, `outputs` is what it wrote on the CPU: of each output the first 64 values in C order as texts,
floats rounded to 3, 5 or 10 digits (16, 32, 64 bits). `--no-outputs` leaves them out: nothing is compiled
then. The task is put together from the row's arguments and features; it does not tell the program's lines.
Kernels without a CPU row are left out, and with `outputs` such as do not run.""",
    "chat": """\
`messages` is what conversational trainers take (TRL, Axolotl): a user asks for a kernel in words, an
assistant answers with the program. The words are the row's own sentence, its arguments with their shapes,
and its launch.""",
    "fim": """\
`prefix`, `middle` and `suffix` make the text again. The hole is some statements in a row of one block of the
program, or of the kernel's forward function in generated code; which ones, the record's id decides.""",
    "explain": """\
What is said is the row's: its sentence, launch and arguments, and the verdict of its gradients, where they
were checked.""",
    "repair": """\
The faults are those that `python -m warpgen.plant` has put into `python_source` and the judge has found wrong
([training.md](training.md#faults-to-learn-from)). `stage` is where it ended at first. In a conversation of
two turns the first answer has a fault left; `train` is true on the last answer alone.""",
    "preference": """\
`chosen` is the row's own kernel, `rejected` the same with a fault; `reason` names the fault and says what
the judge said.""",
    "gradient": """\
`kind` is `adjoint` or `func_grad`, to be written, or `mend adjoint` or `mend func_grad`, where a wrong one
with the judge's words is to be mended. Only kernels whose gradients are verified are in it. `part` says where
an answer goes to be judged (`warpgen.tasks.candidate`). Without planted faults there are adjoints to be
written alone.""",
    "versions": """\
`--beside ROOT` names datasets of the same recipe that another Warp made
([exports](export.md#two-versions-of-warp)). `difference` is a unified diff, which makes `newer` of `older`;
it is empty where both are the same. `source` is the Python of both.""",
    "ladder": """\
`--levels ptx,sass,llvm,asm` adds, for kernels whose two texts compiled when they were verified, the PTX and
SASS for sm_90 (NVRTC and nvdisasm), the LLVM IR that Warp's clang makes at -O2, and the assembly that LLVM
makes of it for x86-64-v3; no GPU is needed, but the extra `levels` ([exports](export.md)). Each is of the
kernel's own functions and what they call, and complete: ptxas assembles the PTX, LLVM parses the IR.
Registers and bytes of stack and spills are per thread, shared memory is per block. The 256 KiB of stack on
the CPU are Warp's memory for tiles. Kernels are compiled 32 at a time, so names of types in the IR may
carry a number that their neighbours gave them. A kernel whose machine code cannot be made, for want of
shared memory, say, has no record.""",
}


def main() -> None:
    """Make a small dataset, export it in every view and write the page."""
    if not OLDER.exists():
        sys.exit(f"describe_views: ./scripts/versions 1MiB {OLDER_WARPS[-1]} brings the Warp that it needs")
    with tempfile.TemporaryDirectory() as folder:
        made = "--rows 6 --complexity small --root"
        assert run.main([*made.split(), f"{folder}/root"]) == 0
        subprocess.run([OLDER, "-m", "warpgen.run", *made.split(), f"{folder}/older"], check=True)
        assert plant.main(["--root", f"{folder}/root"]) == 0
        parts = [INTRO]
        for name in NOTES:
            levels = f" --levels {','.join(LEVELS)}" if name == "ladder" else ""
            beside = f" --beside {folder}/older" if name == "versions" else ""
            told = f"--root {folder}/root --format parquet --view {name} --out {folder}/{name}"
            assert export.main((told + levels + beside).split()) == 0
            parts.append(section(name, pq.read_table(Path(folder, name))))
    DOC.write_text("\n\n".join(parts) + "\n")
    print(f"{DOC.name}: {len(NOTES)} views")


def section(name: str, table: pa.Table) -> str:
    """One view: what it is, its columns, some records."""
    schema = table.schema.names[3:-4]
    rows = "\n".join(f"| `{field}` | {kind(table.schema.field(field).type)} |" for field in schema)
    about = view(name, LEVELS if name == "ladder" else ()).about
    told = textwrap.fill(f"{about[0].upper()}{about[1:]}. {NOTES[name]}", 116, break_on_hyphens=False)
    parts = [f"## {name}", told]
    parts.append(f"| column | type |\n|---|---|\n{rows}")
    for record in table.slice(0, RECORDS).to_pylist():
        parts.append(f"### `{record['id']}`")
        parts += [shown(field, record) for field in schema]
    return "\n\n".join(parts)


def kind(type_: pa.DataType) -> str:
    """A column's type in words."""
    if pa.types.is_list(type_):
        return f"list of {kind(type_.value_type)}"
    if pa.types.is_struct(type_):
        return "{" + ", ".join(f"`{field.name}`" for field in type_) + "}"
    return {"string": "text", "int64": "integer", "double": "number", "bool": "yes or no"}[str(type_)]


def shown(field: str, record: dict[str, Any]) -> str:
    """What a record holds in a column: code as a block, anything else in its line."""
    value = record[field]
    if isinstance(value, list) and value and isinstance(value[0], dict) and "content" in value[0]:
        said = (f"{message['role']}:\n\n````text\n{cut(message['content'])}\n````" for message in value)
        return f"`{field}`\n\n" + "\n\n".join(said)
    if isinstance(value, str) and ("\n" in value or len(value) > 80):
        return f"`{field}`\n\n```{language(field, record)}\n{cut(value)}\n```"
    return f"`{field}`: `{short(value)}`"


def language(field: str, record: dict[str, Any]) -> str:
    """How the block of a column is marked."""
    own = record.get("language", "text") if field in ("text", "forward", "backward") else "text"
    return str(record.get(f"{field}_language") or LANGUAGES.get(field, own))


def cut(text: str) -> str:
    """The first lines, long ones cut; generated code from where the kernel begins."""
    lines = text.rstrip("\n").splitlines()
    forward = (i for i, line in enumerate(lines) if "_kernel_forward(" in line)
    begin = max(next(forward, 0) - 1, 0) if len(lines) > 60 else 0
    left = lines[begin : begin + LINES - bool(begin)]
    if begin:
        left = [lines[0], "...", *left]
    rest = len(lines) - begin - len(left)
    left = [line if len(line) <= WIDTH else line[: WIDTH - 4] + " ..." for line in left]
    return "\n".join(left + ([f"... and {rest} lines more"] if rest > 0 else []))


def short(value: Any) -> str:
    """A value in one line, of long lists the beginning, of structs what is set."""
    if isinstance(value, list):
        shown_items = [short(item) for item in value[:ITEMS]]
        return "[" + ", ".join(shown_items + (["..."] if len(value) > ITEMS else [])) + "]"
    if isinstance(value, dict):
        left = {name: inner for name, inner in value.items() if inner not in ([], None, "")}
        return "{" + ", ".join(f"{name}: {short(inner)}" for name, inner in left.items()) + "}"
    return str(value)


if __name__ == "__main__":
    main()
