"""Write docs/categories.md from the algorithms and from programs they make: one example for each domain."""

from __future__ import annotations

from pathlib import Path

from warpgen.synthesis.algorithms import all_algorithms, domains
from warpgen.synthesis.generator import Options, synthesize
from warpgen.synthesis.writing.algorithm import Domain

DOC = Path(__file__).resolve().parents[1] / "docs" / "categories.md"
TRIES = 24  # the example is the one nearest to this many lines among the first so many programs
LINES = 30

HEAD = """\
# Categories

{count} domains of {algorithms} algorithms, each in many forms. Written by `tools/describe_categories.py`; the
examples are real output for seed 0.

| category | share of programs | algorithms | about |
|---|---|---|---|
"""


def example(domain: Domain) -> str:
    """A program of usual length."""
    sources = [synthesize(0, i, Options({domain.name: 1.0})).source for i in range(TRIES)]
    return min(sources, key=lambda s: abs(s.count("\n") - LINES))


def main() -> None:
    """Write the page."""
    found = domains()
    total = sum(a.weight for a in all_algorithms())
    page = HEAD.format(count=len(found), algorithms=len(all_algorithms()))
    for d in found.values():
        share = 100 * sum(a.weight for a in d.algorithms) / total
        page += f"| [{d.name}](#{d.name}) | {share:.1f} % | {len(d.algorithms)} | {d.about} |\n"
    for d in found.values():
        page += f"\n## {d.name}\n\n| algorithm | computes | source |\n|---|---|---|\n"
        for a in d.algorithms:
            page += f"| `{a.name}` | {a.summary.replace('|', chr(92) + '|')} | {a.source} |\n"
        page += f"\n```python\n{example(d)}```\n"
    DOC.write_text(page)
    print(f"{DOC.name}: {len(found)} domains, {len(all_algorithms())} algorithms")


if __name__ == "__main__":
    main()
