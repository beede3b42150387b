"""Compare the text of the fast path with that of stock Warp over many kernels; exit 1 if any differs.

Two processes generate the same kernels, one with the fast path and one without, and print a digest, or
the error, for each kernel and target. Both run in the same order, as Warp numbers functions by history.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import importlib
import json
import pkgutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import xxhash

from warpgen.extraction import fast_path, warp_api
from warpgen.extraction.codegen import lower
from warpgen.extraction.loading import explain
from warpgen.record import TARGETS
from warpgen.synthesis.generator import Options, synthesize
from warpgen.warp_internals import context

# These open windows, need packages or data from the network, or start other processes when imported.
_NOT_IMPORTED = ("unittest_", "walkthrough", "__main__", "disabled", "usd", "assets", "benchmarks")


def main() -> int:
    """Print what differs; 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--programs", type=int, default=500, help="synthesised programs to compare (500)")
    parser.add_argument("--seed", type=int, default=0, help="seed of those programs (0)")
    parser.add_argument(
        "--warp", action="store_true", help="also every kernel of warp.examples and warp.tests"
    )
    parser.add_argument("--only", default="", help="of those, only modules with this text in their name")
    parser.add_argument("--generate", choices=("stock", "fast"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.generate:
        _generate(args)
        return 0
    with concurrent.futures.ThreadPoolExecutor() as both:
        return _report(*both.map(_child, ("stock", "fast")))


def _child(mode: str) -> dict[str, str]:
    command = [sys.executable, "-m", "tools.compare_codegen", *sys.argv[1:], "--generate", mode]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


def _report(stock: dict[str, str], fast: dict[str, str]) -> int:
    different = [name for name in stock.keys() | fast.keys() if stock.get(name) != fast.get(name)]
    for name in sorted(different)[:20]:
        print(f"{name}\n  stock {stock.get(name)}\n  fast  {fast.get(name)}")
    refused = sum(":" in text for text in stock.values())
    print(f"{len(stock)} texts compared ({refused} refused by Warp), {len(different)} differ")
    return 1 if different or not stock else 0


def _generate(args: argparse.Namespace) -> None:
    warnings.simplefilter("ignore")
    warp_api.start()
    if args.generate == "fast":
        fast_path.install()
    for index in range(args.programs):
        program = synthesize(args.seed, index, Options())
        try:
            texts: dict[str, str] = {t: code.text for t, code in lower(program, TARGETS).items()}
        except Exception as error:
            texts = {"error": explain(error)}
        for target, text in texts.items():
            _print(f"program {index} {target}", text)
    if args.warp:
        for name, kernel in _warp_kernels(args.only):
            _print_kernel(name, kernel)


def _print(name: str, text: str) -> None:
    digest = text if ":" in text[:60] and "\n" not in text else xxhash.xxh3_128_hexdigest(text.encode())
    print(json.dumps([name, digest]), flush=True)


def _warp_kernels(only: str) -> Iterator[tuple[str, Any]]:
    """Every kernel that importing Warp's own examples and tests makes, generic ones left out."""
    for root in ("warp.examples", "warp.tests"):
        package = importlib.import_module(root)
        for module in sorted(pkgutil.walk_packages(package.__path__, root + "."), key=lambda m: m.name):
            if only in module.name and not any(part in module.name for part in _NOT_IMPORTED):
                try:
                    importlib.import_module(module.name)
                except (Exception, SystemExit) as error:
                    print(f"{module.name} left out: {explain(error)}", file=sys.stderr)
    for module in list(context.user_modules.values()):
        for key, kernel in list(module.kernels.items()):
            if not kernel.is_generic:
                yield f"{module.name} {key}", kernel


def _print_kernel(name: str, kernel: Any) -> None:
    module = kernel.module
    warp_api.reset_config()
    try:
        options = module.resolve_options(context.warp.config) | {"output_arch": None}
        builder = context.ModuleBuilder(module, options, context.ModuleHasher([kernel], options))
        texts: dict[str, str] = {target: builder.codegen(target) for target in TARGETS}
    except Exception as error:
        texts = {"error": explain(error)}
    for target, text in texts.items():
        _print(f"{name} {target}", text)


if __name__ == "__main__":
    sys.exit(main())
