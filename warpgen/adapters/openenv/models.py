"""What goes to the environment and what comes back."""

from __future__ import annotations

from openenv.core.env_server.types import Action, Observation
from pydantic import Field


class KernelAction(Action):
    """A kernel to be judged."""

    text: str = Field(..., description="The kernel's module, or an answer whose last fenced block it is")


class KernelObservation(Observation):
    """The task, and what was wrong with the last kernel."""

    row_id: str = Field(default="", description="The row that the task is from")
    prompt: str = Field(default="", description="What to write")
    stage: str = Field(default="", description="Where the last kernel ended: compile, outputs, ..., right")
    feedback: str = Field(default="", description="What was wrong with it, in one line")
    tries_left: int = Field(default=0, description="Kernels that may still be submitted")
