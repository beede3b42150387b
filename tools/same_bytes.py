"""One recipe by every engine, on a cluster that loses a node, in a store that fails, in shards: one hash."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

SHARES = 4
_LIMIT = 1800  # seconds for one way


def main() -> int:
    """Make all, print a table, and return 1 if any differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1MiB", help="least size of each file (1MiB)")
    parser.add_argument("--failing", default="5", help="percent of the S3 server's requests that fail (5)")
    args = parser.parse_args()
    recipe = ["--size", args.size, "--verify", "none"]
    with tempfile.TemporaryDirectory() as name:
        found = {}
        for way, make in ways(recipe, Path(name), args.failing).items():
            began = time.monotonic()
            root = make()
            found[way] = digest(root)
            print(f"{found[way]}  {time.monotonic() - began:6.1f} s  {way}", flush=True)
    print(f"{len(found)} ways, {len(set(found.values()))} SHA-256")
    return len(set(found.values())) != 1


def ways(recipe: list[str], folder: Path, failing: str) -> dict[str, Callable[[], Path]]:
    """What to call for each, and the root that it gives."""

    def plain(name: str, *args: str) -> Callable[[], Path]:
        def make() -> Path:
            run("-m", "warpgen.run", *recipe, *args, "--root", str(folder / name))
            return folder / name

        return make

    def cluster(case: str) -> Callable[[], Path]:
        def make() -> Path:
            run("-m", "tests.support.ray_cluster", case, str(folder / case), *recipe)
            return folder / case

        return make

    def shards() -> Path:
        parts = [str(folder / f"share-{number}") for number in range(1, SHARES + 1)]
        for number, part in enumerate(parts, 1):
            run("-m", "warpgen.run", *recipe, "--partition", f"{number}/{SHARES}", "--root", part)
        roots = []
        for turn in range(3):
            random.Random(turn).shuffle(parts)
            roots.append(folder / f"merged-{turn}")
            run("-m", "warpgen.merge", *parts, "--root", str(roots[-1]))
        assert len({digest(root) for root in roots}) == 1, "the order of the roots has an influence"
        return roots[0]

    def store() -> Path:
        with s3(failing, folder) as environment:
            run("-m", "warpgen.run", *recipe, "--root", "s3://bucket/prefix", **environment)
            fetch = (
                "import sys, fsspec; "
                "fsspec.filesystem('s3').get('bucket/prefix/', sys.argv[1], recursive=True)"
            )
            for left in reversed(range(10)):
                with contextlib.suppress(subprocess.CalledProcessError) if left else contextlib.nullcontext():
                    run("-c", fetch, str(folder / "store"), **environment)
                    break
        return folder / "store"

    return {
        "serial": plain("serial", "--engine", "serial"),
        **{f"local, {k} workers": plain(f"local-{k}", "--workers", str(k)) for k in (1, 2, 4)},
        "Ray, one node": plain("ray", "--engine", "ray", "--workers", "2"),
        "Ray, two nodes": cluster("run"),
        "Ray, two nodes, one killed at work": cluster("lost"),
        f"S3 root, {failing} % of requests failing": store,
        f"{SHARES} shards, merged in three orders": shards,
    }


@contextlib.contextmanager
def s3(failing: str, folder: Path) -> Iterator[dict[str, str]]:
    """A server with an empty bucket; gives the environment to reach it. Tells how many requests failed."""
    log = folder / "server.log"
    with log.open("w") as errors:
        command = [sys.executable, "-m", "tests.support.s3_server", failing, "1"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, start_new_session=True)
    try:
        assert server.stdout is not None
        environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{int(server.stdout.readline())}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        make = (
            "from warpgen.store import _patiently; _patiently(lambda fs, path: fs.mkdir(path), 's3://bucket')"
        )
        run("-c", make, **environment)
        yield environment
        lines = log.read_text().splitlines()
        failed, served = (sum(word in line for line in lines) for word in ("failed ", "HTTP/1.1"))
        print(f"  ({failed} of {served} requests were made to fail)")
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.communicate()


def run(*args: str, **environment: str) -> None:
    """Call Python; shows its output only when it fails."""
    command, environment = [sys.executable, *args], os.environ | environment
    subprocess.run(command, check=True, timeout=_LIMIT, capture_output=True, env=environment)


def digest(root: Path) -> str:
    """SHA-256 of both datasets, one after the other."""
    whole = hashlib.sha256()
    for target in ("cpu", "cuda"):
        whole.update((root / "data" / f"production_{target}" / f"{target}_code_dataset.jsonl").read_bytes())
    return whole.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
