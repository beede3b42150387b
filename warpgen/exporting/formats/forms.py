"""Records in the forms of trainers that ask for others than TRL and axolotl do."""

from __future__ import annotations

from warpgen.exporting.views.view import Record


def ranked(record: Record) -> Record:
    """As NeMo RL has it: of a right and a wrong answer each has a rank, the right one 0."""
    if "chosen" not in record:
        return record
    rest = {name: value for name, value in record.items() if name not in ("prompt", "chosen", "rejected")}
    answers = [{"rank": rank, "completion": record[name]} for rank, name in enumerate(("chosen", "rejected"))]
    return rest | {"context": record["prompt"], "completions": answers}


def all_to_learn(record: Record) -> bool:
    """Whether a trainer that learns every answer, as verl does, learns no wrong one by this record."""
    answers = [message for message in record.get("messages", ()) if message["role"] == "assistant"]
    return all(answer.get("train", True) for answer in answers)
