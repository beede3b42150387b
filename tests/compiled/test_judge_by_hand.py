"""C++ and CUDA as people write it, from the first line to the last: right in whatever words, and watched in all."""

from __future__ import annotations

import re

import pytest

import warpgen
from tests.support.judging import argument, row_of
from warpgen.extraction.codegen import lower
from warpgen.verdict import Language
from warpgen.verification.recheck import program_of

SOURCE = """import warp as wp


@wp.kernel(enable_backward=False)
def tally(p: wp.array(dtype=wp.vec3), k: float, q: wp.array(dtype=wp.vec3), counts: wp.array(dtype=int), total: wp.array(dtype=float)):
    i = wp.tid()
    v = p[i]
    q[i] = v * k
    wp.atomic_add(counts, wp.clamp(int(v[0] * 8.0), 0, 7), 1)
    wp.atomic_add(total, 0, v[0])
"""


@pytest.fixture(scope="module")
def row() -> warpgen.Row:
    return row_of(
        SOURCE,
        argument("p", "array1d(vec3f)", "input", shape=(300,), low=0.0, high=1.0),
        argument("k", "float32", "param", "constant", value=1.5),
        argument("q", "array1d(vec3f)", "output", "constant", shape=(300,)),
        argument("counts", "array1d(int32)", "output", "constant", shape=(8,)),
        argument("total", "array1d(float32)", "output", "constant", shape=(1,)),
        dim=(300,),
    )


FIELDS = "wp::array_t<wp::vec3> p; wp::float32 k; wp::array_t<wp::vec3> q; wp::array_t<int> counts; wp::array_t<float> total;"
CUDA = """#define WP_TILE_BLOCK_DIM 256
#define WP_NO_CRT
#include "builtin.h"
ABOVE
extern "C" __global__ void NAME_cuda_kernel_forward(wp::launch_bounds_t<1> dim, PARAMETERS)
{
    const size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (i >= dim.size) return;
    const wp::vec3 v = p.data[i];
    const float s = v[0] * 8.0f;
    const int b = s >= 7.0f ? 7 : s > 0.0f ? (int)s : 0;
    BODY
}
"""
CPP = """#define WP_TILE_BLOCK_DIM 1
#define WP_NO_CRT
#include "builtin.h"
struct wp_args_NAME { FIELDS };
ABOVE
static void NAME_cpu_kernel_forward(wp::launch_bounds_t<1> dim, size_t i, wp_args_NAME* args)
{
    auto [p, k, q, counts, total] = *args;
    const wp::vec3 v = p.data[i];
    const float s = v[0] * 8.0f;
    const int b = s >= 7.0f ? 7 : s > 0.0f ? (int)s : 0;
    BODY
}
extern "C" {
WP_API void NAME_cpu_forward(wp::launch_bounds_t<1>* dim, wp_args_NAME* args)
{
    for (size_t i = 0; i < dim->size; ++i) NAME_cpu_kernel_forward(*dim, i, args);
}
}
"""


def text(row: warpgen.Row, language: Language, body: str, above: str = "") -> str:
    """A kernel from the first line to the last; `@` stands for the words before a function of a GPU."""
    own = row.code if language == "cpp" else lower(program_of(row), ("cuda",))["cuda"].text
    found = re.search(r"(\w+)_c\w+_kernel_forward\(", own)
    assert found
    made = (CPP if language == "cpp" else CUDA).replace("BODY", body).replace("ABOVE", above)
    made = made.replace("PARAMETERS", FIELDS[:-1].replace(";", ",")).replace("FIELDS", FIELDS)
    return made.replace("NAME", found[1]).replace("@", "__device__" if language == "cuda" else "")


STORED = "q.data[i] = v * k;\n"
SUMMED = "wp::atomic_add(total, 0, v[0]);\n"
COUNTED = "wp::atomic_add(&counts.data[b], 1);\n"
# What stands in the kernel, and above it.
RIGHT = {
    "no shared memory": (STORED + SUMMED + COUNTED, ""),
    "names, casts and classes of its own": (
        "mine::V* to = reinterpret_cast<mine::V*>(q.data); to[i] = *(const mine::V*)&v * k;\n"
        "union { float f; unsigned u; } bits; bits.f = id<float>(v[0]);\n"
        "*(unsigned*)&bits.f ^= 0u; wp::atomic_add((mine::real*)((char*)total.data), bits.f);\n"
        "volatile int at = b; int* where = counts.data; wp::atomic_add(where + at, One<int>::value);\n"
        'printf("%d", at);\n',
        "namespace mine {\nusing real = float;\nstruct V {\n    real x, y, z;\n"
        "    friend @ V operator*(const V& a, real s) { return V{a.x * s, a.y * s, a.z * s}; }\n};\n}\n"
        "template <typename T> struct One;\ntemplate <> struct One<int> { static constexpr int value = 1; };\n"
        "typedef unsigned int u32;\ntemplate <typename T> @ T id(T v) { return v; }\n"
        "template <> @ inline float id<float>(float v) { return v; }\n",
    ),
    "names of Warp's by themselves": (
        "vec3 o = v * k; q.data[i] = o; atomic_add(total, 0, v[0]);\n" + COUNTED,
        "using wp::vec3;\nusing wp::atomic_add;\n",
    ),
    "an exchange that is tried again": (
        STORED + SUMMED + "int *c = counts.data + b, old = *c, was;\n"
        "do { was = old; old = wp::atomic_cas(c, was, was + 1); } while (old != was);\n",
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", ["cpp", "cuda"])
@pytest.mark.parametrize("what", RIGHT)
def test_right_texts_by_hand_are_right(row: warpgen.Row, language: Language, what: str) -> None:
    """In all that the language has for names, classes and memory."""
    found = row.check(text(row, language, *RIGHT[what]), language, seed=3)
    assert found.right, found


def test_vectors_are_moved_at_once(row: warpgen.Row) -> None:
    """Four numbers at a time, and those that are left over one by one; what is left out, or too much, is seen."""
    body = (
        SUMMED + COUNTED + "const float4* from = reinterpret_cast<const float4*>(p.data);\nfloat4* to = (float4*)q.data;\n"
        "const size_t n = 3 * dim.size, at = 4 * i;\n"
        "if (at + 3 < n) { float4 f = __ldg(from + i); to[i] = make_float4(f.x * k, f.y * k, f.z * k, f.w * k); }\n"
        "else for (size_t j = at; j < n; ++j) ((float*)to)[j] = ((const float*)from)[j] * k;\n"
    )  # fmt: skip
    assert row.check(text(row, "cuda", body), "cuda", seed=3).right
    stages = [
        row.check(text(row, "cuda", body.replace(old, new)), "cuda", seed=3).stage
        for old, new in (("else for", "else if (n == 1) for"), ("at + 3 < n", "at < n"))
    ]
    assert stages == ["outputs", "crash"], stages


VECTORS = """
float4 f{v[0], v[1], v[2], 0.0f}; auto [x, y] = make_float2(f.x, f.y);
__shared__ float4 held[256]; held[threadIdx.x] = f; __syncthreads(); f = held[threadIdx.x];
const long long one = __float2ll_rz(1.9f) * (__hadd(1, 2) + (int)__usad(1u, 2u, 0u)) / 2;
const float s1 = k * (float)(__drcp_rn(__dsqrt_rn(1.0)) * __ll2double_rn(one)) * (FLT_MAX > k ? 1.0f : 0.0f);
__stwt(&q.data[i][0], x * s1); __stwb(&q.data[i][1], y * s1); q.data[i][2] = __ldcv(&f.z) * s1;
atomicAdd_system(total.data, v[0]); __threadfence_system(); atomicAdd_system(&counts.data[b], 1);
"""
ASKEW = (
    "const float2 f = *(const float2*)&p.data[i]; q.data[i] = wp::vec3(f.x, f.y, v[2]) * k;",
    "*(float2*)&q.data[i] = make_float2(v[0] * k, v[1] * k); q.data[i][2] = v[2] * k;",
    "union { long long both; float each[2]; } f; f.both = *(const long long*)&p.data[i]; q.data[i] = wp::vec3(f.each[0], f.each[1], v[2]) * k;",
)  # fmt: skip


def test_vectors_lie_as_a_gpu_reads_them(row: warpgen.Row) -> None:
    """At multiples of their size; other ways of writing CUDA are right."""
    found = row.check(text(row, "cuda", VECTORS, "#include <cfloat>\n"), "cuda", seed=3)
    assert found.right, found
    for body in ASKEW:
        found = row.check(text(row, "cuda", body + SUMMED + COUNTED), "cuda", seed=3)
        assert (found.stage, found.right) == ("crash", False) and "no multiple of its size" in found.why, (
            found
        )


PLAIN = STORED + SUMMED
RACES: dict[str, tuple[Language, str, str]] = {
    "a cast": ("cuda", "*(unsigned*)((char*)counts.data + 4 * b) += 1u;", ""),
    "four at once": ("cuda", "int4 t = ((int4*)counts.data)[b / 4]; (&t.x)[b % 4]++; ((int4*)counts.data)[b / 4] = t;", ""),
    "a function of a library, by its address": (
        "cuda", "void* (*f)(void*, const void*, size_t) = memcpy; int c; f(&c, counts.data + b, 4); c++; f(counts.data + b, &c, 4);", "",
    ),
    "the same in C++": (
        "cpp", "auto f = memcpy; int c; f(&c, counts.data + b, 4); c++; f(counts.data + b, &c, 4);", "",
    ),
    "a read, and an exchange elsewhere": (
        "cuda", "int c = counts.data[b]; atomicCAS(&counts.data[(b + 1) % 8], c, c); atomicAdd(&counts.data[b], c == -1 ? 1 : 1);", "",
    ),
    "an operator put into an atomic": (
        "cpp", "wp::atomic_add((mine*)counts.data + b, mine{1});",
        "struct mine { int c; WP_FORCEINLINE mine& operator+=(mine o) { c = c + o.c; return *this; } };\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", RACES)
def test_no_words_hide_a_race(row: warpgen.Row, what: str) -> None:
    """Whatever reads and writes: all of it is right where threads run one after the other."""
    language, body, above = RACES[what]
    found = row.check(text(row, language, PLAIN + body, above), language, seed=3)
    assert (found.stage, found.right) == ("race", False), found
