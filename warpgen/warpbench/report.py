"""The page of an evaluation, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from warpgen.warpbench.scoring import Result
from warpgen.warpbench.statistics import Line, Rate

_SHOWN = 20


def page(title: str, lines: Sequence[Line], results: Sequence[Result], about: str) -> str:
    """Scores by kind of task, where answers ended, and the judge's words on some that were wrong."""
    ks = sorted({k for line in lines for k in line.passes})
    text = [f"# {title}", "", about, "", table(lines), ""]
    if len(ks) == 1 and any(line.completions > line.tasks for line in lines):
        text += ["No other pass@k: some task has fewer completions.", ""]
    text += ["## Where answers ended", "", "| task | " + "stages |", "|---|---|"]
    for line in lines:
        text.append(
            f"| {line.kind} | {', '.join(f'{stage} {count}' for stage, count in line.stages.items())} |"
        )
    wrong = [result for result in results if not result.right]
    if wrong:
        text += ["", "## Some that were wrong", "", "| task | stage | the judge |", "|---|---|---|"]
        for result in wrong[:: max(1, len(wrong) // _SHOWN)][:_SHOWN]:
            said = result.why.replace("|", "\\|").replace("\n", " ")
            text.append(f"| {result.task_id} | {result.stage} | {said} |")
    return "\n".join(text) + "\n"


def table(lines: Sequence[Line]) -> str:
    """Scores by kind of task."""
    ks = sorted({k for line in lines for k in line.passes})
    head = ["task", "tasks", "answers", *(f"pass@{k}" for k in ks)]
    rows = [
        [line.kind, str(line.tasks), str(line.completions)]
        + [_told(line.passes[k]) if k in line.passes else "" for k in ks]
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _told(rate: Rate) -> str:
    return f"{rate.value:.3f} ({rate.low:.3f} to {rate.high:.3f})"
