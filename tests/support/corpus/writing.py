"""How programs of the corpus are written: a source, its arguments and what fills them."""

from __future__ import annotations

from typing import Any

from warpgen.launch import Argument, Fill, FillKind, Launch, Role
from warpgen.program import Program

N = 64


def argument(name: str, type_: str, role: Role, kind: FillKind, *values: Any, **more: Any) -> Argument:
    """An argument that has no parts."""
    return Argument(name, type_, role, (Fill(name, kind, *values, **more),))


def ramp(name: str, type_: str = "array1d(float32)", shape: tuple[int, ...] = (N,)) -> Argument:
    return argument(name, type_, "input", "uniform", shape, -1.0, 1.0)


def whole(name: str, high: int = N, shape: tuple[int, ...] = (N,), type_: str = "array1d(int32)") -> Argument:
    return argument(name, type_, "input", "uniform", shape, 0.0, float(high))


def out(name: str, type_: str = "array1d(float32)", shape: tuple[int, ...] = (N,)) -> Argument:
    return argument(name, type_, "output", "constant", shape)


def param(name: str, type_: str = "float32", value: float = 0.5) -> Argument:
    return argument(name, type_, "param", "constant", value=value)


def program(
    name: str, source: str, *args: Argument, dim: tuple[int, ...] = (N,), tiled: bool = False
) -> Program:
    return Program(
        seed=0,
        index=len(PROGRAMS),
        category="corpus",
        name=name,
        source="import warp as wp\n" + source,
        args=args,
        launch=Launch(dim, seed=len(PROGRAMS), tiled=tiled),
    )


PROGRAMS: list[Program] = []


def add(name: str, source: str, *args: Argument, dim: tuple[int, ...] = (N,), tiled: bool = False) -> None:
    PROGRAMS.append(program(name, source, *args, dim=dim, tiled=tiled))
