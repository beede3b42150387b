"""Write docs/categories.md from the registry and from programs it makes: one example each."""

from __future__ import annotations

from pathlib import Path

from warpgen.synthesis.blocks.motif import Category
from warpgen.synthesis.categories import categories
from warpgen.synthesis.generator import Options, synthesize
from warpgen.synthesis.language.registry import public_names

DOC = Path(__file__).resolve().parents[1] / "docs" / "categories.md"
TRIES = 24  # the example is the one nearest to this many lines among the first so many programs
LINES = 30

HEAD = """\
# Categories

{count} categories, {motifs} motifs, over the {builtins} builtins that the installed Warp documents. Written
by `tools/describe_categories.py`; the examples are real output for seed 0.

| category | share of programs | motifs | about |
|---|---|---|---|
"""


def example(category: Category) -> str:
    """A program of usual length."""
    sources = [synthesize(0, i, Options({category.name: 1.0})).source for i in range(TRIES)]
    return min(sources, key=lambda s: abs(s.count("\n") - LINES))


def main() -> None:
    """Write the page."""
    found = categories()
    total = sum(c.weight for c in found.values())
    motifs = sum(len(c.motifs) for c in found.values())
    page = HEAD.format(count=len(found), motifs=motifs, builtins=len(public_names()))
    for c in found.values():
        share = 100 * c.weight / total
        page += f"| [{c.name}](#{c.name}) | {share:.1f} % | {len(c.motifs)} | {c.about} |\n"
    for c in found.values():
        names = ", ".join(f"`{m.name}`" for m in c.motifs)
        page += f"\n## {c.name}\n\n{c.about[0].upper()}{c.about[1:]}. Motifs: {names}.\n\n"
        page += f"```python\n{example(c)}```\n"
    DOC.write_text(page)
    print(f"{DOC.name}: {len(found)} categories, {motifs} motifs")


if __name__ == "__main__":
    main()
