"""Kernels written by hand run without a GPU: right ones in every order of threads; wrong ones are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from warpgen.errors import CompilerError
from warpgen.extraction import warp_api
from warpgen.verification.device import headers
from warpgen.verification.device.compiling import DeviceCompiler
from warpgen.verification.device.machine import ORDERS, Shape
from warpgen.verification.device.text import Refused, run_cuda_text
from warpgen.verification.native.isolation import Died

# Sums by shuffles within warps, by shared memory between them, by an atomic function between blocks.
TOTAL = """
#include <cuda_runtime.h>

__device__ float warp_sum(float v)
{
    for (int offset = 16; offset > 0; offset /= 2)
        v += __shfl_down_sync(0xffffffff, v, offset);
    return v;
}

extern "C" __global__ void total(const float* x, float* sum, int n)
{
    __shared__ float partial[8];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    float v = warp_sum(i < n ? x[i] : 0.0f);
    if (lane == 0)
        partial[warp] = v;
    __syncthreads();
    if (warp == 0) {
        v = warp_sum(lane < blockDim.x / 32 ? partial[lane] : 0.0f);
        if (lane == 0)
            atomicAdd(sum, v);
    }
}
"""

# A product of square matrices by tiles of 16 x 16.
PRODUCT = """
#define TILE 16
__global__ void __launch_bounds__(TILE * TILE) product(
    const float* __restrict__ a, const float* __restrict__ b, float* c, unsigned int n)
{
    __shared__ float left[TILE][TILE], right[TILE][TILE];
    int row = blockIdx.y * TILE + threadIdx.y, col = blockIdx.x * TILE + threadIdx.x;
    float sum = 0.0f;
    for (int t = 0; t < n; t += TILE) {
        left[threadIdx.y][threadIdx.x] = a[row * n + t + threadIdx.x];
        right[threadIdx.y][threadIdx.x] = b[(t + threadIdx.y) * n + col];
        __syncthreads();
        for (int k = 0; k < TILE; ++k)
            sum += left[threadIdx.y][k] * right[k][threadIdx.x];
        __syncthreads();
    }
    c[row * n + col] = sum;
}
"""

# A running sum in dynamic shared memory, and how many elements are odd, by votes.
RUNNING = """
__global__ void running(const int* x, int* sums, int* odd)
{
    extern __shared__ int held[];
    int t = threadIdx.x, at = blockIdx.x * blockDim.x + t;
    held[t] = x[at];
    __syncthreads();
    for (int step = 1; step < blockDim.x; step *= 2) {
        int before = t >= step ? held[t - step] : 0;
        __syncthreads();
        held[t] += before;
        __syncthreads();
    }
    sums[at] = held[t];
    unsigned votes = __ballot_sync(0xffffffff, x[at] % 2);
    if (t % 32 == 0)
        atomicAdd(&odd[blockIdx.x], __popc(votes));
}
"""

Case = tuple[str, Shape, list[Any], list[NDArray[Any]]]


def cases() -> dict[str, Case]:
    """Text, launch, arguments, and what the arrays must hold afterwards."""
    chance = np.random.default_rng(0)
    x = chance.integers(-8, 8, 700).astype(np.float32)
    a, b = (chance.integers(-4, 4, (48, 48)).astype(np.float32) for _ in range(2))
    words = chance.integers(0, 100, 384).astype(np.int32)
    sums = np.concatenate([np.cumsum(part) for part in words.reshape(3, 128)]).astype(np.int32)
    odd = (words.reshape(3, 128) % 2).sum(1).astype(np.int32)
    total = [x, np.zeros(1, np.float32), np.int32(700)]
    product = [a, b, np.zeros((48, 48), np.float32), np.uint32(48)]
    running = [words, np.zeros(384, np.int32), np.zeros(3, np.int32)]
    return {
        "total": (TOTAL, Shape((3, 1, 1), (256, 1, 1)), total, [x, x.sum(keepdims=True)]),
        "product": (PRODUCT, Shape((3, 3, 1), (16, 16, 1)), product, [a, b, a @ b]),
        "running": (RUNNING, Shape((3, 1, 1), (128, 1, 1), 512), running, [words, sums, odd]),
    }


CASES = cases()

# What is put wrong, and in which kernel.
SYNC = "        __syncthreads();\n"
WRONG = {
    "a mask of half a warp": ("total", "0xffffffff, v, offset", "0x0000ffff, v, offset"),
    "shuffles within eight lanes": ("total", "v, offset)", "v, offset, 8)"),
    "an atomic function made plain": ("total", "atomicAdd(sum, v);", "*sum = v;"),
    "a barrier lost between warps": ("total", "    __syncthreads();\n    if (warp", "    if (warp"),
    "shared memory too small": ("total", "partial[8]", "partial[4]"),
    "threads that end before a shuffle": ("total", "float v = warp", "if (i >= n) return; float v = warp"),
    "a bound left out": ("total", "i < n ? x[i] : 0.0f", "x[i]"),
    "the block's index twice": ("product", "int row = blockIdx.y", "int row = blockIdx.x"),
    "the barrier before the product lost": ("product", SYNC + "        for", "        for"),
    "the barrier behind the product lost": ("product", SYNC + "    }", "    }"),
    "a local that nothing sets": ("product", "float sum = 0.0f;", "float sum;"),
    "rows and columns swapped": ("product", "left[threadIdx.y][k]", "left[k][threadIdx.y]"),
    "the barrier before the addition lost": ("running", SYNC + "        held", "        held"),
    "a barrier in a branch": (
        "running",
        SYNC + "        held",
        "        if (t >= step) __syncthreads();\n        held",
    ),
    "shared memory off by one": ("running", "held[t] = x[at];", "held[t + 1] = x[at];"),
    "a vote with a mask of one lane": ("running", "(0xffffffff, x[at] % 2)", "(1, x[at] % 2)"),
}


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceCompiler]:
    folder = tmp_path_factory.mktemp("device")
    warp_api.start(folder / "kernels")
    yield DeviceCompiler(folder / "checks")


def agrees(name: str, text: str, compiler: DeviceCompiler) -> list[str]:
    """What each order of threads shows: nothing where it gives what it must."""
    _, shape, arguments, expected = CASES[name]
    found = []
    for made in run_cuda_text(text, name, shape, arguments, compiler):
        if isinstance(made, Died):
            found.append(f"{made.reason}: {made.error}")
        else:
            found.append("" if all(map(np.array_equal, made, expected)) else "other values")
    return found


@pytest.mark.parametrize("name", CASES)
def test_kernels_by_hand_are_right_in_every_order(name: str, compiler: DeviceCompiler) -> None:
    """Shared memory, barriers, shuffles, votes and atomic functions do what they do on a GPU."""
    assert agrees(name, CASES[name][0], compiler) == [""] * len(ORDERS)


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_kernels_are_told(fault: str, compiler: DeviceCompiler) -> None:
    """At least one order of threads shows the fault."""
    name, old, new = WRONG[fault]
    text = CASES[name][0]
    assert old in text
    assert any(agrees(name, text.replace(old, new, 1), compiler)), fault


def test_what_cannot_be_launched_is_refused(compiler: DeviceCompiler) -> None:
    """A text that does not compile, a kernel that is not there, arguments of another number."""
    text, shape, arguments, _ = CASES["total"]
    unknown = text.replace("partial[warp] = v", "partial[warp] = w")
    for changed, kernel, given, why in (
        (unknown, "total", arguments, "undeclared identifier 'w'"),
        (text, "sum", arguments, "no `__global__ void sum"),
        (text, "total", arguments[:2], "takes 3 arguments, not 2"),
    ):
        with pytest.raises(Refused, match=why):
            run_cuda_text(changed, kernel, shape, given, compiler)


def test_whom_threads_wait_for_in_vain_is_told(compiler: DeviceCompiler) -> None:
    """A barrier for half a block says so, and a lock that an atomic function keeps is no such thing."""
    _, shape, arguments, _ = CASES["total"]
    half = TOTAL.replace(
        "    __syncthreads();", "    if (warp < 4) { __syncthreads(); } else { __syncthreads(); }"
    )
    made = run_cuda_text(half, "total", shape, arguments, compiler)
    assert {died.error for died in made if isinstance(died, Died)} == {
        "the threads of a block wait at different barriers"
    }
    locked = """
__global__ void locked(int* lock, int* sum)
{
    while (atomicCAS(lock, 0, 1 + threadIdx.x) != 0) { }
    *sum += 1;
    atomicExch(lock, 0);
}
"""
    zeros = [np.zeros(1, np.int32), np.zeros(1, np.int32)]
    for turn in run_cuda_text(locked, "locked", Shape((2, 1, 1), (64, 1, 1)), zeros, compiler):
        assert not isinstance(turn, Died) and turn[1][0] == 128


def test_headers_of_another_warp_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is changed in them must be there as often as it was: else nothing runs, and it is said why."""
    monkeypatch.setattr(headers, "CHANGES", (headers.Change("tile.h", "not in it", ""),))
    with pytest.raises(CompilerError, match=r"in its tile.h, 'not in it' is found 0 times, not 1"):
        headers.patched(tmp_path / "headers")
    assert not (tmp_path / "headers").exists()
