"""CUDA is judged by what it computes: its threads in several orders, each answer in the jail."""

from __future__ import annotations

import re

import pytest

import warpgen
from tests.support.judging import argument, row_of
from warpgen.extraction.codegen import lower
from warpgen.verification.recheck import program_of

# A parameter, a bound, a value that bends, a sum of all threads of two blocks.
SOURCE = """import warp as wp


@wp.kernel
def bent(x: wp.array(dtype=float), k: float, n: int, y: wp.array(dtype=float), total: wp.array(dtype=float)):
    i = wp.tid()
    if i >= n:
        return
    s = wp.sin(x[i]) * x[i] * k
    y[i] = s
    wp.atomic_add(total, 0, s)
"""

# The same by hand: a block's sum in shared memory, by shuffles and a barrier.
BY_HAND = """
__device__ float warp_sum(float v)
{
    for (int offset = 16; offset > 0; offset /= 2)
        v += __shfl_down_sync(0xffffffff, v, offset);
    return v;
}

extern "C" __global__ void NAME_cuda_kernel_forward(
    wp::launch_bounds_t<1> dim, wp::array_t<wp::float32> x, wp::float32 k, wp::int32 n,
    wp::array_t<wp::float32> y, wp::array_t<wp::float32> total)
{
    __shared__ float partial[8];
    size_t i = static_cast<size_t>(blockDim.x) * blockIdx.x + threadIdx.x;
    float v = 0.0f;
    if (i < dim.size && i < static_cast<size_t>(n)) {
        v = __sinf(x.data[i]) * x.data[i] * k;
        y.data[i] = v;
    }
    v = warp_sum(v);
    if (threadIdx.x % 32 == 0)
        partial[threadIdx.x / 32] = v;
    __syncthreads();
    if (threadIdx.x < 32) {
        v = warp_sum(threadIdx.x < 8 ? partial[threadIdx.x] : 0.0f);
        if (threadIdx.x == 0)
            atomicAdd(total.data, v);
    }
}

"""


@pytest.fixture(scope="module")
def row() -> warpgen.Row:
    return row_of(
        SOURCE,
        argument("x", "array1d(float32)", "input", shape=(300,), low=0.1, high=2.0),
        argument("k", "float32", "param", "constant", value=1.5),
        argument("n", "int32", "param", "constant", value=300),
        argument("y", "array1d(float32)", "output", "constant", shape=(300,)),
        argument("total", "array1d(float32)", "output", "constant", shape=(1,)),
        dim=(300,),
    )


@pytest.fixture(scope="module")
def text(row: warpgen.Row) -> str:
    """What Warp makes of it."""
    return lower(program_of(row), ("cuda",))["cuda"].text


def by_hand(text: str) -> str:
    """The forward function by hand, and Warp's adjoint."""
    found = re.search(r"\b(\w+)_cuda_kernel_forward\(", text)
    assert found
    start = text.index('extern "C" __global__')
    return (
        text[:start]
        + BY_HAND.replace("NAME", found[1])
        + text[text.index('extern "C" __global__', start + 9) :]
    )


def told(row: warpgen.Row, text: str, **more: object) -> str:
    """Where it ended, and a word of why."""
    found = row.check(text, "cuda", seed=3, **more)  # type: ignore[arg-type]
    assert found.right == (found.stage == "right")
    return f"{found.stage}: {found.why}"


def test_right_texts_are_right(row: warpgen.Row, text: str) -> None:
    """Warp's own, one by hand, and an answer around it; none of them on a GPU, as the verdict says."""
    found = row.check(text, "cuda", seed=3)
    assert found.right and found.gradients == 1.0 and "not on a GPU" in found.how
    assert told(row, by_hand(text)) == "right: "
    assert told(row, f"So:\n```cuda\n{by_hand(text)}```\n", extract=True) == "right: "


SPELT = {
    "constant memory": ("v = warp_sum(v);", "v = warp_sum(v) * ONE[0];", "__constant__ float ONE[1] = {1.0f};\n"),
    "a loop unrolled": ("    for (int offset", "    #pragma unroll\n    for (int offset", ""),
    "a parameter without a name": ("    wp::int32 adj_n,\n", "    wp::int32,\n", ""),
    "other words": ("static_cast<size_t>(blockDim.x)", "blockDim.x", "static __device__ __inline__ float none(const float* __restrict) { return 0.0f; }\n"),
}  # fmt: skip


@pytest.mark.parametrize("what", SPELT)
def test_right_texts_are_spelt_in_many_ways(row: warpgen.Row, text: str, what: str) -> None:
    """As people write CUDA by hand."""
    old, new, above = SPELT[what]
    changed = by_hand(text).replace("__device__ float warp_sum", f"{above}__device__ float warp_sum", 1)
    assert old in changed
    assert told(row, changed.replace(old, new)) == "right: "


def test_constant_memory_is_only_read(row: warpgen.Row, text: str) -> None:
    """A GPU lets no kernel write to it."""
    changed = by_hand(text).replace("    float v = 0.0f;\n", "    float v = 0.0f;\n    ONE[0] = 1.0f;\n", 1)
    changed = changed.replace("__device__", "__constant__ float ONE[1] = {1.0f};\n__device__", 1)
    assert told(row, changed).startswith("compile: cannot assign")


# What is put wrong in Warp's text or in that by hand, and where it ends.
WRONG = {
    "an output scaled": ("warp", r"(wp::array_store\(var_y, var_\w+, )(var_\d+)\)", r"\1wp::mul(\2, 1.01f))", "outputs"),
    "a plain sum": (
        "warp",
        r"(?:var_\d+ = )?wp::atomic_add\(var_total, (var_\d+), (var_\d+)\);",
        r"*wp::address(var_total, \1) = *wp::address(var_total, \1) + \2;",
        "race",
    ),
    "a sum by a function called like CUDA's": (
        "warp",
        r'(extern "C" __global__ void \w+_forward\()',
        r"static __device__ float atomicAdd(float* p, float v, int) { return *p += v; }\n\1",
        "allow",
    ),
    "a parameter ignored": ("warp", r"(        // forward\n)", r"\1        var_k = 1.5f;\n", "outputs"),
    "a bound ignored": ("warp", r"(        // forward\n)", r"\1        var_n = 300;\n", "outputs"),
    "the last thread idle": ("warp", r"(        // forward\n)", r"\1        if (_idx + 1 == dim.size) continue;\n", "outputs"),
    "one block alone": ("hand", r"blockDim\.x\) \* blockIdx\.x", "blockDim.x) * 0", "outputs"),
    "a barrier dropped": ("hand", r"    __syncthreads\(\);\n", "", "outputs"),
    "a value of the first thread, without a barrier": (
        "hand",
        r"    float v = 0\.0f;\n",
        "    __shared__ float first;\n    if (threadIdx.x == 0) first = k;\n    k = first;\n    float v = 0.0f;\n",
        "outputs",
    ),
    "a barrier for some": ("hand", r"__syncthreads\(\)", "if (threadIdx.x < 32) __syncthreads(); else __syncthreads()", "crash"),
    "a plain sum by hand": ("hand", r"atomicAdd\(total\.data, v\)", "total.data[0] += v", "race"),
    "a mask of half a warp": ("hand", "0xffffffff", "0x0000ffff", "crash"),
    "shared memory too small": ("hand", r"partial\[8\]", "partial[4]", "crash"),
    "shared memory that no GPU has": ("hand", r"partial\[8\]", "partial[20000]", "compile"),
    "a function that is nowhere": (
        "hand",
        r"    float v = 0\.0f;\n",
        "    __device__ float missing(float);\n    float v = missing(k) * 0.0f;\n",
        "compile",
    ),
    "a plain sum in shared memory": (
        "hand",
        r"    v = warp_sum\(v\);\n[\s\S]*?atomicAdd\(total\.data, v\);\n    \}\n",
        "    if (threadIdx.x == 0) partial[0] = 0.0f;\n    __syncthreads();\n    partial[0] += v;\n    __syncthreads();\n"
        "    if (threadIdx.x == 0) atomicAdd(total.data, partial[0]);\n",
        "outputs",
    ),
    "a count of launches": ("warp", r"(        // forward\n)", r"\1        static int seen = 0; if (seen++ > 1000000) continue;\n", "compile"),
    "other text for other compilers": (
        "warp",
        r"(        // forward\n)",
        r"\1#if defined(__CUDACC_VER_MAJOR__) && (__CUDACC_VER_MAJOR__ >= 13) && !defined(_DEBUG)\n        continue;\n#endif\n",
        "allow",
    ),
    "a clock that stands": ("warp", r"(        // forward\n)", r"\1        if (clock64() != 0) continue;\n", "allow"),
    "a gradient stored": ("warp", r"wp::adj_address\(var_x, var_0, adj_x, adj_0, adj_2\);", "var_x.grad[var_0] = adj_2;", "gradients"),
    "a clock by another name": ("warp", r"(        // forward\n)", r"\1        auto now = clock64; if (now() != 0) continue;\n", "compile"),
    "launches counted in memory of the device": (
        "hand", r'(extern "C" __global__ void \w+_forward\()', r"__device__ int launches = 0;\n\1", "crash",
    ),
    "an assert that does something": (
        "hand", r"y\.data\[i\] = v;", "float w = 0.0f; assert((w = v, true)); y.data[i] = w;", "allow",
    ),
    "an adjoint halved": ("warp", r"wp::adj_sin\((\w+), (\w+), (\w+)\);", "", "gradients"),
    "no adjoint": ("warp", r'extern "C" __global__ void \w+_backward\([\s\S]*\Z', "", "gradients"),
    "no kernel": ("warp", r"_cuda_kernel_", "_kernel_of_mine_", "compile"),
    "a kernel of fewer arguments": ("hand", r"wp::float32 k, ", "", "compile"),
    "assembly": ("hand", r"    __shared__", '    asm volatile("exit;");\n    __shared__', "allow"),
    "a word of the machine": ("hand", r"    __shared__", "    wg_armed = 0;\n    __shared__", "allow"),
    "an array left": ("hand", r"y\.data\[i\]", "y.data[i + 70000]", "crash"),
    "an input written over": ("hand", r"y\.data\[i\] = v;", "y.data[i] = v; x.data[i] = v;", "outputs"),
    "no end": ("hand", r"    __shared__", "    while (blockDim.x > 1) { partial_loop(); }\n    __shared__", "timeout"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_wrong_texts_are_told(row: warpgen.Row, text: str, what: str) -> None:
    """Each by the stage that is meant to see it."""
    base, pattern, put, stage = WRONG[what]
    changed, count = re.subn(
        pattern, put, by_hand(text) if base == "hand" else text, count=0 if "no kernel" in what else 1
    )
    assert count
    if "launches" in what:
        changed = changed.replace(
            "float v = 0.0f;\n", "float v = 0.0f;\n    if (i == 0) atomicAdd(&launches, 1);\n", 1
        )
    changed = changed.replace(
        "__device__ float warp_sum", "__device__ void partial_loop() {}\n__device__ float warp_sum", 1
    )
    assert told(row, changed, timeout=4.0 if stage == "timeout" else 60.0).startswith(stage)


@pytest.mark.parametrize(("kind", "function"), [("int32", "Max"), ("uint32", "Min")])
def test_shared_memory_begins_with_anything(kind: str, function: str) -> None:
    """What is greater than any value, what is less, and nothing: whoever forgets to set it is seen."""
    name = function.lower()
    source = f"""import warp as wp


@wp.kernel(enable_backward=False)
def best(x: wp.array(dtype=wp.{kind}), y: wp.array(dtype=wp.{kind})):
    i = wp.tid()
    wp.atomic_{name}(y, 0, x[i])
"""
    made = row_of(
        source,
        argument("x", f"array1d({kind})", "input", shape=(600,), low=5, high=100),
        argument("y", f"array1d({kind})", "output", "constant", shape=(1,)),
        dim=(600,),
    )
    own = lower(program_of(made), ("cuda",))["cuda"].text
    found = re.search(r"(\w+)_cuda_kernel_forward\(", own)
    assert found
    body = f"""extern "C" __global__ void {found[1]}_cuda_kernel_forward(
    wp::launch_bounds_t<1> dim, wp::array_t<wp::{kind}> x, wp::array_t<wp::{kind}> y)
{{
    __shared__ wp::{kind} best;
    size_t i = static_cast<size_t>(blockDim.x) * blockIdx.x + threadIdx.x;
    if (threadIdx.x == 0) best = x.data[0];
    __syncthreads();
    if (i < dim.size) atomic{function}(&best, x.data[i]);
    __syncthreads();
    if (threadIdx.x == 0) atomic{function}(y.data, best);
}}
"""
    right = own[: own.index('extern "C" __global__')] + body
    for seed in (0, 1):
        assert made.check(right, "cuda", seed=seed).right
        unset = right.replace("    if (threadIdx.x == 0) best = x.data[0];\n", "")
        assert made.check(unset, "cuda", seed=seed).stage == "outputs"


def test_gradients_are_held_one_by_one(row: warpgen.Row, text: str) -> None:
    """A wrong place is wrong, whatever its share."""
    changed = re.sub(
        r"(?m)^(\s+)wp::adj_sin\((var_\w+), (adj_\w+), (adj_\w+)\);",
        r"\1if (_idx != 7) wp::adj_sin(\2, \3, \4);",
        text,
    )
    assert changed != text
    found = row.check(changed, "cuda", seed=3)
    assert found.stage == "gradients" and found.gradients is not None and 0.98 < found.gradients < 1.0


def test_textures_are_not_executed(row: warpgen.Row) -> None:
    """The verdict says so, and never that such a kernel is right."""
    source = """import warp as wp


@wp.kernel
def seen(t: wp.Texture2D, y: wp.array(dtype=float)):
    i = wp.tid()
    y[i] = wp.texture_sample(t, wp.vec2f(0.5, 0.5), dtype=float)
"""
    textured = row_of(
        source,
        argument("t", "Texture2D", "input", "texture", shape=(4, 4)),
        argument("y", "array1d(float32)", "output", "constant", shape=(8,)),
        dim=(8,),
    )
    own = lower(program_of(textured), ("cuda",))["cuda"].text
    found = textured.check(own, "cuda")
    assert (found.right, found.stage, found.how) == (False, "judge", "compiled") and "texture" in found.why


def test_a_launch_over_the_faces_of_a_mesh_is_not_taken_for_granted() -> None:
    """No thread may do more than it is launched for, where nothing but the launch can become shorter."""
    source = """import warp as wp


@wp.kernel
def list_faces(mesh: wp.uint64, y: wp.array(dtype=wp.int32), n: wp.array(dtype=wp.int32)):
    face = wp.tid()
    if wp.mesh_eval_face_normal(mesh, face)[2] > 0.0:
        y[wp.atomic_add(n, 0, 1)] = face
"""
    faces = 2 * 8 * (6 - 1)
    made = row_of(
        source,
        argument("mesh", "uint64", "handle", "mesh", shape=(6, 8)),
        argument("y", "array1d(int32)", "output", "constant", shape=(faces,)),
        argument("n", "array1d(int32)", "output", "constant", shape=(1,)),
        dim=(faces,),
    )
    own = lower(program_of(made), ("cuda",))["cuda"].text
    for seed in range(4):
        assert made.check(own, "cuda", seed=seed).right
        assert not made.check(own.replace("_idx < dim.size", f"_idx < {faces}"), "cuda", seed=seed).right
