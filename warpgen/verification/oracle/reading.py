"""Turn a program's source into plain Python functions over the oracle's values."""

from __future__ import annotations

import ast
import builtins
import enum
import inspect
import math
import typing
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import warp as wp

from warpgen.verification.oracle import library, memory, operators, randomness, types, vectors
from warpgen.verification.oracle.stores import assign, augment
from warpgen.verification.oracle.translation import Translator
from warpgen.verification.oracle.values import Unsupported

_PYTHON_BUILTINS = frozenset(
    """
    norm_huber norm_pseudo_huber smooth_normalize quat_from_euler quat_to_euler quat_to_rpy quat_twist
    quat_twist_angle quat_twist_angle_signed transform_twist transform_wrench velocity_at_point
    """.split()
)
_SAFE = """
    int float bool range tuple list dict str len min max sum abs round pow enumerate zip type isinstance
    __build_class__ property
""".split()
_MODULES = {"math": math, "enum": enum, "typing": typing}
# Loop turns and calls that one launch may take: about a tenth of a second.
BUDGET = 20_000


def read(source: str, name: str) -> tuple[Any, Machine]:
    """The kernel as a Python function, and the machine whose `thread` it runs on. Raises Unsupported."""
    machine = Machine()
    tree = ast.fix_missing_locations(Translator().visit(ast.parse(source)))
    namespace: dict[str, Any] = machine.namespace()
    try:
        exec(compile(tree, "oracle", "exec", dont_inherit=True), namespace)
    except Unsupported:
        raise
    except Exception as error:
        raise Unsupported(f"reading: {type(error).__name__}: {error}") from error
    if not callable(namespace.get(name)):
        raise Unsupported("no such kernel")
    return namespace[name], machine


class Machine:
    """The `wp` module that programs see, and the thread that runs."""

    def __init__(self) -> None:
        self.thread: Any = 0
        self.steps = 0
        self.structs: list[types.StructType] = []
        self._wp: Any = None
        self._functions: dict[str, dict[int, Callable[..., Any]]] = {}

    def tick(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > BUDGET:
            raise Unsupported("too many steps")

    def namespace(self) -> dict[str, Any]:
        """What a program's module starts with."""
        self._wp = _Names(library.table() | types.table() | self._own())
        known = library.table()
        plain: dict[str, Any] = {name: known[name] for name in ("min", "max", "abs", "round", "pow")}
        plain |= {"int": types.to_int, "float": types.to_float, "bool": bool, "len": memory.length}
        plain |= {"operators": operators, "draw": randomness.draw, "tick": self.tick}
        plain |= {"assign": assign, "augment": augment}
        made: dict[str, Any] = {f"oracle_{key}": value for key, value in plain.items()}
        made |= {"wp": self._wp, "warp": self._wp, "Any": typing.Any}
        made["__builtins__"] = {key: getattr(builtins, key) for key in _SAFE} | {"__import__": self._import}
        self._wp.space = dict(made)
        return made | {"__name__": "oracle"}

    def _own(self) -> dict[str, Any]:
        """What `wp` has besides its library."""
        return {
            "tid": lambda: self.thread,
            "struct": self._struct,
            "func": self._function,
            "kernel": lambda f=None, **_: f if f is not None else (lambda g: g),
            "func_grad": lambda _: _ignored,
            "func_replay": lambda _: _ignored,
            "func_native": lambda *_, **__: _refused,
            "set_module_options": _ignored,
            "rand_init": randomness.rand_init,
            "noise": randomness.noise,
            "pnoise": randomness.noise,
            "types": SimpleNamespace(vector=vectors.vector_type, matrix=vectors.matrix_type),
            "vector": vectors.vector,
            "matrix": vectors.matrix,
            "Volume": SimpleNamespace(CLOSEST=0, LINEAR=1),
            **{f"Texture{n}D": types.Handle() for n in (1, 2, 3)},
        }

    def _import(self, name: str, *_: Any) -> Any:
        if name == "warp":
            return self._wp
        if name not in _MODULES:
            raise Unsupported(f"import {name}")
        return _MODULES[name]

    def _struct(self, kind: Any) -> Any:
        made = types.StructType(kind.__name__, dict(kind.__annotations__))
        self.structs.append(made)
        return made

    def _function(self, function: Any = None, **_: Any) -> Any:
        if function is None:
            return self._function
        # Definitions at other lines are overloads; one at the same line is of an earlier call of a factory.
        known = self._functions.setdefault(function.__qualname__, {})
        known.pop(function.__code__.co_firstlineno, None)
        candidates = [function, *known.values()]
        known[function.__code__.co_firstlineno] = function
        return Overloads(candidates, self.tick)


class _Names:
    """The `wp` module: what is modelled, and what Warp itself writes in Python, read like any program."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = table
        self.space: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in self.table and name in _PYTHON_BUILTINS:
            source = ast.parse(inspect.getsource(getattr(wp, name).func))
            exec(compile(ast.fix_missing_locations(Translator().visit(source)), "warp", "exec"), self.space)
            self.table[name] = self.space[name]
        try:
            return self.table[name]
        except KeyError:
            raise Unsupported(f"wp.{name}") from None


class Overloads:
    """A device function and its overloads, the latest definition first."""

    def __init__(self, candidates: list[Callable[..., Any]], tick: Callable[[], None]) -> None:
        self.candidates = candidates
        self._tick = tick

    def __call__(self, *items: Any, **named: Any) -> Any:
        self._tick()
        if len(self.candidates) == 1:
            return self.candidates[0](*items, **named)
        for exact in (True, False):
            for candidate in self.candidates:
                if _accepts(candidate, items, exact):
                    return candidate(*items, **named)
        raise Unsupported("no overload fits")


def _accepts(candidate: Callable[..., Any], items: tuple[Any, ...], exact: bool) -> bool:
    kinds = [kind for name, kind in candidate.__annotations__.items() if name != "return"]
    if len(kinds) != len(items) or (exact and typing.Any in kinds):
        return False
    return all(kind is typing.Any or types.fits(kind, item) for kind, item in zip(kinds, items, strict=True))


def _ignored(*_: Any) -> Any:
    return None


def _refused(_: Any) -> Any:
    def called(*_: Any) -> Any:
        raise Unsupported("C++ inside the program")

    return called
