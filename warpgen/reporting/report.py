"""The report for the chief scientist: what JIT, IR and Warp are, and what the datasets hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from warpgen import durable
from warpgen.record import TARGETS, Row, Target
from warpgen.reporting import finished, plots
from warpgen.reporting.example import choose, forward_excerpt, reverse_excerpt
from warpgen.reporting.headline import LANGUAGE, LEVELS, good
from warpgen.reporting.manifest import Manifest, causes
from warpgen.reporting.primer import PRIMER
from warpgen.terminal import percent, printable, size_text

Manifests = Mapping[Target, Manifest]

_SCHEMA = (
    ("`id`, `kernel_id`, `target`", "which kernel and which lowering; `kernel_id` joins the two datasets"),
    ("`category`, `name`", "domain of the kernel, its name in the source"),
    ("`python_source`", "a whole module: imports, helpers, structs, one `@wp.kernel`"),
    ("`code`, `forward`, `backward`", "Warp's text, and where the kernel and its adjoint stand in it"),
    ("`args`, `launch`", "types, roles and fills of the arguments, and the grid: enough to run it"),
    ("`features`", "counts on the syntax tree, builtins, element types"),
    ("`source_hash`, `structure_hash`, `split`", "identity, shape, and a split that keeps shapes apart"),
    ("`verified`", "per check: verdict and evidence"),
    ("`provenance`", "origin, seed, index, versions, licence"),
)


_LEAD = """**What.** {held}: each row is one kernel
in Python with the code that Warp itself generates for it, its adjoint, the launch that runs it and what was
checked.{only} Every figure below is read from the manifests.

**How good.** {good}

**How to use.** `python -m warpgen.stats --html page.html` shows the rows; `python -m warpgen.export` writes
them for `datasets`, PyTorch and others; in Python, `warpgen.open(".")` reads, runs and judges them (`docs/`).
"""

_IMAGES = "images"  # the folder of the plots, beside the report


def report_path(root: Path) -> Path:
    """Where the report lies under the root."""
    return root / "reports" / "chief_scientist_report.md"


def write_report(root: Path, least: int = 0) -> Path:
    """Write the report from the manifests and datasets under `root`; returns its path.

    The plots take some three seconds, and matplotlib: without it, or of fewer than `least` rows, the report
    says so.
    Raises RootError when there is no finished dataset, DamageError when one is damaged.
    """
    manifests = finished.described(root)
    paths = {target: finished.path_of(root, manifest) for target, manifest in manifests.items()}
    rows = choose(paths, min(manifest.figures.last_index for manifest in manifests.values()))
    path = report_path(root)
    durable.make_folder(path.parent)
    drawn = plots.available() and sum(manifest.figures.rows for manifest in manifests.values()) >= least
    pictures = plots.draw(manifests, path.parent / _IMAGES) if drawn else {}
    durable.write(path, text(manifests, rows, pictures).encode())
    return path


def text(manifests: Manifests, example: Mapping[Target, Row], pictures: Mapping[str, str]) -> str:
    """The whole report in Markdown; `pictures` are its plots, file name to what it shows."""
    parts = (
        "# Warp kernels in Python, C++ and CUDA C++: the datasets, and what they are made of\n",
        _summary(manifests),
        PRIMER,
        "## The datasets\n",
        *_datasets(manifests),
        *_pictures(pictures),
        "## How the rows were checked\n",
        *_checks(manifests),
        "## Limits\n",
        *_limits(manifests),
        *_example(example),
        "## Making them again\n",
        *_again(manifests),
    )
    return "\n".join(parts)


def _summary(manifests: Manifests) -> str:
    held = " and ".join(
        f"{m.figures.rows:,} kernels lowered to {LANGUAGE[t]} ({size_text(m.figures.bytes)})"
        for t, m in manifests.items()
    )
    only = (
        "" if len(manifests) == len(TARGETS) else f" Only the {next(iter(manifests))} dataset has been made."
    )
    return _LEAD.format(held=held, only=only, good=good(manifests))


def _datasets(manifests: Manifests) -> Iterator[str]:
    figures: tuple[tuple[str, Callable[[Manifest], str]], ...] = (
        ("file", lambda m: f"`{m.file}`"),
        ("rows", lambda m: f"{m.figures.rows:,}"),
        ("size", lambda m: f"{size_text(m.figures.bytes)} ({m.figures.bytes:,} bytes)"),
        ("generated code / Python", lambda m: f"{_total(m, 'code')} / {_total(m, 'python')}"),
        ("different structures", lambda m: f"{m.figures.structures:,}"),
        ("with adjoint", lambda m: f"{m.figures.with_backward:,} ({percent(m.figures.adjoint_share)})"),
        ("code of a row, median / 95 % / most", lambda m: _sizes(m, "code")),
        ("Python of a row, median / 95 % / most", lambda m: _sizes(m, "python")),
        ("statements, median / 95 % / most", lambda m: _numbers(m, "statements")),
        ("loop depth, median / 95 % / most", lambda m: _numbers(m, "loop_depth")),
        ("branches, median / 95 % / most", lambda m: _numbers(m, "branches")),
        ("Warp builtins called", lambda m: f"{len(m.figures.called):,}"),
        ("train / validation / test", _splits),
        ("repeats dropped, programs failed", _left_out),
        ("made with", lambda m: f"warpgen {m.recipe.warpgen}, Warp {m.recipe.warp}"),
        ("made in", lambda m: f"{m.circumstances.wall_seconds:,.0f} s, workers: {m.circumstances.workers}"),
        ("licence", lambda m: m.licence),
    )
    rows = ([name, *(show(m) for m in manifests.values())] for name, show in figures)
    yield _table(["", *manifests], rows)
    yield "**Categories** (rows, share of rows, size)\n"
    yield _categories(manifests)
    yield "**Schema**: one JSON object per line, explained field by field in `docs/record.md`\n"
    yield _table(["field", "what it is"], ([name, meaning] for name, meaning in _SCHEMA))


def _pictures(pictures: Mapping[str, str]) -> Iterator[str]:
    if not pictures:
        yield "Plots: `python -m warpgen.report` draws them where matplotlib is installed.\n"
    for name, about in pictures.items():
        yield f"![{about}]({_IMAGES}/{name})\n"


def _categories(manifests: Manifests) -> str:
    names = sorted({name for manifest in manifests.values() for name in manifest.figures.categories})
    return _table(
        ["category", *manifests],
        ([printable(name), *(_category(m, name) for m in manifests.values())] for name in names),
    )


def _category(manifest: Manifest, name: str) -> str:
    share = manifest.figures.categories.get(name)
    if share is None:
        return "-"
    percent = 100 * share.rows / manifest.figures.rows
    return f"{share.rows:,} · {percent:.1f} % · {size_text(share.bytes)}"


def _checks(manifests: Manifests) -> Iterator[str]:
    for level in dict.fromkeys(manifest.recipe.verify for manifest in manifests.values()):
        yield LEVELS[level]
    yield (
        "Repeats, the same program or the same structure under other names and constants, were dropped. "
        "`python -m warpgen.stats --check` computes every figure and checksum again from the files.\n"
    )
    checks = sorted(
        {(c, v) for m in manifests.values() for c in m.figures.verdicts for v in m.figures.verdicts[c]}
    )
    if checks:
        yield _table(
            ["check", "verdict", *manifests],
            (
                [
                    printable(c),
                    printable(v),
                    *(f"{m.figures.verdicts.get(c, {}).get(v, 0):,}" for m in manifests.values()),
                ]
                for c, v in checks
            ),
        )


def _limits(manifests: Manifests) -> Iterator[str]:
    yield "- The kernels are synthesised: varied and typed, but nobody needed them."
    yield "- The text is that of one Warp version at its default block sizes; others write other text."
    yield "- Warp echoes each Python line as a comment: strip it where it would give answers away."
    yield "- Warp's adjoint of a dynamic loop can be wrong by Warp's design, whatever the code looks like."
    if "cuda" in manifests:
        yield "- No GPU was used: CUDA code may be compiled, but it was never run."
    yield ""


def _example(rows: Mapping[Target, Row]) -> Iterator[str]:
    yield "## One row, from Python to machine-near code\n"
    if not rows:
        yield "No row is short enough to be shown here: none has an adjoint and four statements.\n"
        return
    first = next(iter(rows.values()))
    yield f"Kernel `{printable(first.kernel_id)}` of category {printable(first.category)}, in Python:\n"
    yield code_block("python", first.python_source.strip("\n"))
    for target, row in rows.items():
        yield f"Warp's forward function in {LANGUAGE[target]}:\n"
        yield code_block("cuda" if target == "cuda" else "cpp", forward_excerpt(row))
    yield f"And the end of its adjoint, which carries the derivative back, in {LANGUAGE[first.target]}:\n"
    yield code_block("cuda" if first.target == "cuda" else "cpp", reverse_excerpt(first))


def _again(manifests: Manifests) -> Iterator[str]:
    for command in dict.fromkeys(manifest.command for manifest in manifests.values()):
        yield code_block("bash", command)
    yield "gives these bytes again, with any number of workers:\n"
    yield _table(["file", "SHA-256"], ([f"`{m.file}`", f"`{m.figures.sha256}`"] for m in manifests.values()))


def _total(manifest: Manifest, part: str) -> str:
    return size_text(manifest.figures.sizes[part].total)


def _sizes(manifest: Manifest, part: str) -> str:
    spread = manifest.figures.sizes[part]
    return " / ".join(map(size_text, (spread.p50, spread.p95, spread.max)))


def _numbers(manifest: Manifest, feature: str) -> str:
    spread = manifest.figures.features[feature]
    return f"{spread.p50:,} / {spread.p95:,} / {spread.max:,}"


def _splits(manifest: Manifest) -> str:
    splits = manifest.figures.splits
    return " / ".join(f"{splits.get(name, 0):,}" for name in ("train", "validation", "test"))


def _left_out(manifest: Manifest) -> str:
    dropped = sum(sum(reasons.values()) for reasons in manifest.dropped.values())
    known = [f"{count:,} by {told.replace('+', ' or ')}" for told, count in causes(manifest.failures).items()]
    by_cause = f" (causes, as docs/warp_faults.md tells them: {', '.join(known)})" if known else ""
    return f"{dropped:,}, {len(manifest.failures):,}{by_cause}"


def _table(head: list[str], rows: Iterator[list[str]]) -> str:
    safe = ([cell_text(cell) for cell in row] for row in rows)
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *safe)]
    return "\n".join(lines) + "\n"


def cell_text(text: str) -> str:
    """Text that stays in its cell and starts no markup: names may come from somebody else's dataset."""
    return printable(text).replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")


def code_block(language: str, code: str) -> str:
    """A block that holds the code, whatever is in it."""
    longest = max(map(len, re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)  # or code could end its block
    return f"{fence}{language}\n{printable(code)}\n{fence}\n"
