"""What a stranger's C++ and CUDA may hold: the directives of Warp's generator, the language of kernels."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from warpgen.verification.jail.cpp_definitions import hold_definitions
from warpgen.verification.jail.cpp_tokens import Refused, Token, bare, code, directives, tokens, written
from warpgen.verification.native.generated import kernel_name

# Directives of Warp's own texts, blanks apart; `size` stands for a number.
_DIRECTIVES = frozenset(
    "".join(line.split())
    for line in r"""
    define WP_NO_BFLOAT16
    define WP_TILE_BLOCK_DIM size
    define WP_NO_CRT
    include "builtin.h"
    include "deterministic.h"
    define builtin_tid1d() wp::linear_tid<wp_linear_tid>(task_index, dim)
    define builtin_tid1d() wp::tid(task_index, dim)
    define builtin_tid1d() wp::linear_tid<wp_linear_tid>(_idx, dim)
    define builtin_tid1d() wp::tid(_idx, dim)
    define builtin_tid2d(x, y) wp::tid(x, y, task_index, dim)
    define builtin_tid3d(x, y, z) wp::tid(x, y, z, task_index, dim)
    define builtin_tid4d(x, y, z, w) wp::tid(x, y, z, w, task_index, dim)
    define builtin_tid2d(x, y) wp::tid(x, y, _idx, dim)
    define builtin_tid3d(x, y, z) wp::tid(x, y, z, _idx, dim)
    define builtin_tid4d(x, y, z, w) wp::tid(x, y, z, w, _idx, dim)
    define builtin_block_dim() wp::block_dim()
    define float(x) cast_float(x)
    define adj_float(x, adj_x, adj_ret) adj_cast_float(x, adj_x, adj_ret)
    define int(x) cast_int(x)
    define adj_int(x, adj_x, adj_ret) adj_cast_int(x, adj_x, adj_ret)
    if defined(WP_ENABLE_TILES_IN_STACK_MEMORY)
    if defined(__CUDACC__) && !defined(_MSC_VER)
    define __debugbreak() __brkpt()
    if defined(__CUDA_ARCH__)
    if defined(__CUDA_ARCH__) && (__CUDA_ARCH__ >= 900)
    define WP_CLUSTER_DIMS(x, y, z) __cluster_dims__(x, y, z)
    define WP_CLUSTER_DIMS(x, y, z)
    if defined(__CUDACC_VER_MAJOR__) && (__CUDACC_VER_MAJOR__ > 12 || (MAJOR12 && __CUDACC_VER_MINOR__ >= 4))
    define WP_MAXNREG(n) __maxnreg__(n)
    define WP_MAXNREG(n)
    if defined(__CUDACC_VER_MAJOR__) && (__CUDACC_VER_MAJOR__ >= 13) && !defined(_DEBUG)
    define WP_ENABLE_SMEM_SPILLING() asm volatile(".pragma \"enable_smem_spilling\";");
    define WP_ENABLE_SMEM_SPILLING()
    else
    endif
    """.strip().splitlines()
)
_MAJOR = "__CUDACC_VER_MAJOR__==12"
_DIRECTIVES |= {line.replace("MAJOR12", _MAJOR) for line in _DIRECTIVES}
# What Warp has compiled on a condition, whole. A condition that only one compiler fulfils would hide from the
# judge what a GPU is to run.
_CONDITIONS = frozenset(
    "".join(block.split())
    for block in r"""
    if defined(WP_ENABLE_TILES_IN_STACK_MEMORY)
    wp::shared_tile_storage = &tile_mem;

    if defined(__CUDACC__) && !defined(_MSC_VER)
    #define __debugbreak() __brkpt()

    if defined(__CUDA_ARCH__) && (__CUDA_ARCH__ >= 900)
    #define WP_CLUSTER_DIMS(x, y, z) __cluster_dims__(x, y, z)
    #else
    #define WP_CLUSTER_DIMS(x, y, z)

    if defined(__CUDACC_VER_MAJOR__)
    && (__CUDACC_VER_MAJOR__ > 12 || (__CUDACC_VER_MAJOR__ == 12 && __CUDACC_VER_MINOR__ >= 4))
    #define WP_MAXNREG(n) __maxnreg__(n)
    #else
    #define WP_MAXNREG(n)

    if defined(__CUDACC_VER_MAJOR__) && (__CUDACC_VER_MAJOR__ >= 13) && !defined(_DEBUG)
    #define WP_ENABLE_SMEM_SPILLING() asm volatile(".pragma \"enable_smem_spilling\";");
    #else
    #define WP_ENABLE_SMEM_SPILLING()
    """.split("\n\n")
)
# Fulfilled, or not, by all compilers of a language.
_ANYWHERE = "ifdefined(__CUDA_ARCH__)"
# A clock tells a GPU from what stands in for it.
_CLOCKS = frozenset({"clock", "clock64"})
_SIZE = re.compile(r"(?<=WP_TILE_BLOCK_DIM)\d+$")
# How often a loop is written out, which changes nothing.
_HINT = re.compile(r"pragma(?:no)?unroll(?:\w*|\(\w+\))$")

# What people include for names that are here without: such a line is left out, and none of these is read.
# The numbers that they define are put in where their names stand, before anything else is held.
_OF_C = frozenset("math.h cmath stdint.h cstdint float.h cfloat limits.h climits".split())
_OF_CUDA = _OF_C | frozenset("cuda.h cuda_runtime.h device_launch_parameters.h stdio.h cstdio".split())

# Words that reach beyond a kernel: the machine, the linker, what a compiler adds by itself.
_WORDS = frozenset(
    "asm dynamic_cast typeid new delete throw try catch virtual thread_local export mutable".split()
)
# The watch takes a function that is put into its caller for a part of it: strangers' stay by themselves.
_FORCED = frozenset({"__forceinline__", "WP_FORCEINLINE"})
# Attributes that change nothing.
_ATTRIBUTES = frozenset("maybe_unused nodiscard fallthrough likely unlikely".split())
# Words of compilers that Warp's generator writes itself.
_WRITTEN = frozenset(
    """
    __global__ __device__ __shared__ __forceinline__ __restrict__ __launch_bounds__ __syncthreads __syncwarp
    __debugbreak __inline__ __restrict
    """.split()
)
# Functions and words of CUDA that people write beside them.
_CUDA = frozenset(
    """
    __constant__ __host__ __noinline__ __align__ __grid_constant__
    __syncthreads_count __syncthreads_and __syncthreads_or
    __activemask __shfl_sync __shfl_up_sync __shfl_down_sync __shfl_xor_sync __match_any_sync __match_all_sync
    __ballot_sync __any_sync __all_sync __reduce_add_sync __reduce_min_sync __reduce_max_sync
    __reduce_and_sync __reduce_or_sync __reduce_xor_sync __threadfence __threadfence_block __ldg __ldcg __ldca
    __ldcs __stcg __stcs __float_as_int __float_as_uint __int_as_float __uint_as_float __double_as_longlong
    __longlong_as_double __popc __popcll __clz __clzll __ffs __ffsll __brev __brevll __umulhi __mulhi
    __umul64hi __mul24 __umul24 __funnelshift_l __funnelshift_r __byte_perm __sinf __cosf __tanf __sincosf
    __expf __exp10f __logf __log2f __log10f __powf __fdividef __saturatef __frcp_rn __fsqrt_rn __frsqrt_rn
    __fadd_rn __fsub_rn __fmul_rn __fdiv_rn __fmaf_rn __dadd_rn __dmul_rn __ddiv_rn __fma_rn __float2int_rn
    __float2int_rz __float2int_rd __float2int_ru __float2uint_rn __float2uint_rz __float2uint_rd
    __float2uint_ru __double2int_rn __double2int_rz __double2int_rd __double2int_ru __int2float_rn
    __uint2float_rn __int2double_rn __double2float_rn __nanosleep __builtin_expect
    __double2uint_rn __double2uint_rz __double2uint_rd __double2uint_ru __float2ll_rn __float2ll_rz
    __float2ll_rd __float2ll_ru __double2ll_rn __double2ll_rz __double2ll_rd __double2ll_ru __uint2double_rn
    __ll2float_rn __ll2double_rn __ull2float_rn __ull2double_rn __dsub_rn __drcp_rn __dsqrt_rn __mul64hi
    __sad __usad __hadd __rhadd __uhadd __urhadd __ldlu __ldcv __stwb __stwt __threadfence_system
    """.split()
)
# How Warp writes `assert`, which is compiled here and nowhere else: nothing may happen in it.
_ASSERT = ("(", "(", "(", "void", ")", "", ",", "", ")", ")")
_OWN = re.compile(
    r"warpgen_|wg_|WG_|PNANOVDB|_Z|_Pragma|_[A-Z]|wp_(?:compile|load|unload|lookup)_?(?:cpp|obj|symbol)?$"
)


class NoKernel(Exception):
    """The text has no kernel, so there is nothing to compile."""


def cleaned(text: str, language: str, own: str = "") -> str:
    """The text as it may be compiled, written anew from its tokens; what `own` keeps for GPUs, it may.

    Raises Refused, which says what is not allowed, and NoKernel.
    """
    found = _without_habits(tokens(text), _OF_CUDA if language == "cuda" else _OF_C)
    for start, end in directives(found):
        line = bare(found[start + 1 : end])
        if _SIZE.sub("size", line) not in _DIRECTIVES and not _HINT.match(line):
            said = " ".join(token.text for token in found[start + 1 : end])
            raise Refused(f"the directive of line {found[start].line}: {said[:60]!r}")
    _hold_conditions(found, language, own)
    found = [t._replace(text="inline") if t.text in _FORCED else t for t in found]
    meant = list(code(found))
    _hold_words(meant, _WRITTEN | _CUDA if language == "cuda" else _WRITTEN)
    _hold_signs(meant)
    hold_definitions(meant)
    made = written(found)
    if not kernel_name(made) or f"_{_TARGET[language]}_kernel_forward" not in made:
        raise NoKernel(f"the text has no function <name>_{_TARGET[language]}_kernel_forward")
    return made


_TARGET = {"cpp": "cpu", "cuda": "cuda"}


def _without_habits(found: list[Token], known: Collection[str]) -> list[Token]:
    """Without includes of what is known, and with the number where a name stands that `#define` gives one."""
    made: list[Token] = []
    numbers: dict[str, list[Token]] = {}
    place = 0
    for start, end in directives(found):
        made += _with_numbers(found[place:start], numbers)
        place = end
        _, *meant = found[start:end]
        words = [token.text for token in meant]
        if words[:2] == ["include", "<"] and words[-1] == ">" and "".join(words[2:-1]) in known:
            continue
        value = [t for token in meant[2:] for t in numbers.get(token.text, [token])]
        if words[:1] == ["define"] and _is_constant(meant[1:2], value):
            if words[1] in numbers:
                raise Refused(f"{words[1][:40]} is defined again in line {found[start].line}")
            numbers[words[1]] = [token._replace(gap=" ") for token in value]
            continue
        made += _with_numbers(found[start:end], numbers)
    return made + _with_numbers(found[place:], numbers)


def _with_numbers(found: list[Token], numbers: Mapping[str, Sequence[Token]]) -> list[Token]:
    """With numbers for names, and a blank on both sides: else `-` and what begins with it were one sign."""
    if not numbers:
        return found
    made: list[Token] = []
    blank = False
    for token in found:
        spaced = token._replace(gap=token.gap or " ") if blank else token
        value = numbers.get(token.text, ()) if token.kind == "name" else ()
        blank = bool(value)
        if value:
            made += [value[0]._replace(gap=token.gap or " "), *value[1:]]
        else:
            made.append(spaced)
    return made


# What numbers are reckoned with.
_SIGNS = frozenset("( ) + - * / % << >> & | ~".split())
_LONGEST_SUM = 64


def _is_constant(name: Sequence[Token], value: Sequence[Token]) -> bool:
    """A name that is none of Warp's, and a number, or what is reckoned with some."""
    if not name or name[0].kind != "name" or name[0].text.startswith("WP_"):
        return False
    known = all(token.kind == "number" or token.text in _SIGNS for token in value)
    return known and len(value) <= _LONGEST_SUM and any(token.kind == "number" for token in value)


def _hold_conditions(found: Sequence[Token], language: str, own: str) -> None:
    """No text depends on a compiler but as Warp's own does, nor does another thing on a GPU than here."""
    opened: int | None = None
    for start, end in directives(found):
        line = bare(found[start:end])
        if opened is None and line in ("#else", "#endif"):
            raise Refused(f"{line} without a condition in line {found[start].line}")
        if opened is None and line.startswith("#if"):
            opened = start
        elif opened is not None and line == "#endif":
            block = bare(found[opened + 1 : start])
            anywhere = block.startswith(_ANYWHERE) and "#" not in block
            known = anywhere and (language == "cuda" or block in bare(tokens(own)))
            if block not in _CONDITIONS and not known:
                raise Refused(f"what stands on a condition, before line {found[start].line}")
            opened = None
    if opened is not None:
        raise Refused("a condition without end")


def _hold_words(found: Sequence[Token], allowed: Collection[str]) -> None:
    names = {token.text for token in found if token.kind == "name"}
    foreign = {name for name in names if name in _WORDS or _OWN.match(name)}
    foreign |= {name for name in names if name.startswith("_") and "__" in name and name not in allowed}
    looked_at = foreign | _CLOCKS | {"assert"}
    if names.isdisjoint(looked_at):
        return
    for place, token in enumerate(found):
        if token.text in foreign:
            raise Refused(f"the word {token.text[:40]} in line {token.line}")
        if token.text == "assert" and not _harmless_assert(found[place + 1 : place + 11]):
            raise Refused(f"an assert of more than a name, in line {token.line}")
        if token.text in _CLOCKS and [t.text for t in found[place + 1 : place + 2]] == ["("]:
            raise Refused(f"a clock in line {token.line}")


def _harmless_assert(found: Sequence[Token]) -> bool:
    return len(found) == len(_ASSERT) and all(
        token.text == sign if sign else token.kind in ("text", "name")
        for token, sign in zip(found, _ASSERT, strict=True)
    )


_PAIRS = {")": "(", "]": "[", "}": "{"}
_LOOKED_AT = frozenset({"#", "##", "*", "reinterpret_cast", "extern", *_PAIRS, *_PAIRS.values()})


def _hold_signs(found: Sequence[Token]) -> None:
    """No stray `#`, attributes that do something, numbers as addresses; all brackets closed.

    `extern` is for entries alone.
    """
    opened: list[str] = []
    for place, token in enumerate(found):
        sign = token.text
        if sign not in _LOOKED_AT:
            continue
        after = [t.text for t in found[place + 1 : place + 5]]
        if sign in ("#", "##"):
            raise Refused(f"a {sign} in line {token.line}")
        if sign in "([{":
            opened.append(sign)
        elif sign in _PAIRS and (not opened or opened.pop() != _PAIRS[sign]):
            raise Refused(f"a {sign} that closes nothing, in line {token.line}")
        if sign == "[" and after[:1] == ["["] and not _harmless_attribute(after):
            raise Refused(f"an attribute in line {token.line}")
        if _casts_number(found, place):
            raise Refused(f"a number as an address in line {token.line}")
        if sign == "extern" and after[:1] != ["__shared__"] and tuple(after[:2]) not in _EXTERN:
            raise Refused(f"extern in line {token.line}")
    if opened:
        raise Refused("brackets that nothing closes")


_EXTERN = frozenset(('"C"', word) for word in ("{", "void", "__global__", "__device__", "__host__"))


def _harmless_attribute(after: Sequence[str]) -> bool:
    return len(after) == 4 and after[1] in _ATTRIBUTES and after[2:] == ["]", "]"]


def _casts_number(found: Sequence[Token], place: int) -> bool:
    """Whether a number becomes a pointer by the `*` of a cast, or the word of one, at a place."""
    if found[place].text == "reinterpret_cast":
        return _is_number(found, _behind_angles(found, place + 1))
    return [token.text for token in found[place : place + 2]] == ["*", ")"] and _is_number(found, place + 2)


def _is_number(found: Sequence[Token], place: int) -> bool:
    """Whether what is cast to a pointer is a number as it stands there, but for 0.

    It is no wall: memory may be copied to a pointer, and indices lead anywhere. The jail is the wall.
    """
    while place < len(found) and found[place].text in ("(", "-", "+", "~"):
        place += 1
    return place < len(found) and found[place].kind == "number" and found[place].text != "0"


def _behind_angles(found: Sequence[Token], place: int) -> int:
    """The place behind `<...>`, as a cast has it."""
    depth = 0
    while place < len(found):
        depth += found[place].text.count("<") - found[place].text.count(">")
        place += 1
        if depth <= 0:
            break
    return place
