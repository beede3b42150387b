"""The server: `uvicorn server.app:app`, with WARPGEN_DATASET naming a dataset."""

from __future__ import annotations

from openenv.core.env_server.http_server import create_app

try:
    from ..models import KernelAction, KernelObservation
    from .environment import KernelEnvironment
except ImportError:  # where this folder is the root, as openenv runs it
    from models import KernelAction, KernelObservation  # type: ignore[import-not-found, no-redef]
    from server.environment import KernelEnvironment  # type: ignore[import-not-found, no-redef]

app = create_app(
    KernelEnvironment,
    KernelAction,
    KernelObservation,
    env_name="warpgen_kernels",
    max_concurrent_envs=64,
)


def main() -> None:
    """Serve at port 8000."""
    import uvicorn

    uvicorn.run(app, host="0.0.0.0", port=8000)


if __name__ == "__main__":
    main()
