"""The environment from afar."""

from __future__ import annotations

from typing import Any

from openenv.core import EnvClient
from openenv.core.client_types import StepResult
from openenv.core.env_server.types import State

try:
    from .models import KernelAction, KernelObservation
except ImportError:  # where this folder is the root, as openenv runs it
    from models import KernelAction, KernelObservation  # type: ignore[import-not-found, no-redef]


class KernelClient(EnvClient[KernelAction, KernelObservation, State]):
    """One session: `reset()` gives a task, `step(KernelAction(text=...))` judges a kernel."""

    def _step_payload(self, action: KernelAction) -> dict[str, Any]:
        return {"text": action.text}

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[KernelObservation]:
        seen = payload.get("observation", {})
        reward, done = payload.get("reward"), payload.get("done", False)
        observation = KernelObservation(**{**seen, "reward": reward, "done": done})
        return StepResult(observation=observation, reward=reward, done=done)

    def _parse_state(self, payload: dict[str, Any]) -> State:
        return State(episode_id=payload.get("episode_id"), step_count=payload.get("step_count", 0))
