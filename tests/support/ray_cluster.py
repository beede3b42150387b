"""A Ray cluster of two nodes on this machine and a run on it: `python ray_cluster.py CASE REPOSITORY [ARGS]`.

A process of its own, because Ray's threads would stay in the tests' and its workers import this folder.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil

from tests.support.imaginary import produce, quick, recipe_of
from warpgen import run
from warpgen.production.run_options import RunOptions


def die(unit: object) -> None:
    """Trouble: the process that works on the unit is killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_the_worker(unit: object) -> None:
    """Trouble: Ray's own worker process is killed, and ours with it."""
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()


def at_work(node: Any) -> list[psutil.Process]:
    """The processes that work on units on a node: children of Ray's workers there."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    found = []
    for worker in raylet.children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended since
            if worker.cmdline()[:1] == ["ray::_work"]:
                found += worker.children()
    return found


def kill_node(cluster: Any, node: Any) -> None:
    """End a node, without a word to anyone, while it works on a unit.

    The work is halted first: what ends between two units, or tells its outcome while its node is being taken
    down, loses nothing, and nothing would be tried again. Who had told it is gone a moment later.
    """

    def watch() -> None:
        halted: list[psutil.Process] = []
        while not halted or at_work(node) != halted:
            for process in halted:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()
            halted = at_work(node)
            for process in halted:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
            time.sleep(0.5 if halted else 0.001)
        cluster.remove_node(node, allow_graceful=False)
        print("node killed", flush=True)

    threading.Thread(target=watch, daemon=True).start()


def main(case: str, root: Path, args: list[str]) -> int:
    """`run`: on both nodes; `lost`: one is killed at work; `poison`: imaginary programs, two bad."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # What Ray leaves; it does not start in folders of any name.
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as name:
        os.environ["RAY_TMPDIR"] = name
        return _on_cluster(case, root, args)


def _on_cluster(case: str, root: Path, args: list[str]) -> int:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        node = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        if case == "lost":
            kill_node(cluster, node)
        if case == "poison":
            options: RunOptions = msgspec.structs.replace(
                quick("ray", 2), ray_address=cluster.address, silent_seconds=60.0
            )
            return produce(root, recipe_of(rows=200), options, {20: die, 77: kill_the_worker})
        return run.main([*args, "--engine", "ray", "--ray-address", cluster.address, "--root", str(root)])
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
