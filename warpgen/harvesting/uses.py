"""What a generic kernel does with its arguments, as far as that tells matrices and vectors."""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator
from typing import Any

import warp as wp

from warpgen.extraction import warp_api
from warpgen.harvesting.surroundings import captured
from warpgen.verification.native import warp_native

# Builtins whose first argument is a matrix, and those whose every argument is a vector.
_OF_MATRICES = {"determinant", "inverse", "transpose", "trace", "get_diag", "ddot"}
_OF_VECTORS = {"length", "length_sq", "normalize", "dot", "cross", "outer"}
# Builtins whose value is of the type of their first argument.
_SAME = {"inverse", "transpose", "normalize", "cross"}
# Indices and length of the matrices that so many numbers make.
_SQUARES = {9: (2, 3), 16: (2, 4)}
_DEEPEST = 4  # calls of functions that are followed
_WHOLE = 1 << 8  # indices that make an element of an argument of which nobody knows whether it is an array
_PLAIN = {float: wp.float32, int: wp.int32, bool: wp.bool}

# An argument, and how many indices make an element of what is meant by it.
Part = tuple[str, int]


class Uses:
    """Of each argument's elements: how many indices are used on them, the largest, and what is alike."""

    def __init__(self, kernel: Any) -> None:
        self._ranks = {a.label: _rank(a.type) for a in kernel.adj.args}
        self._indices: dict[str, int] = {}
        self._largest: dict[str, int] = {}
        self._numbers: dict[str, int] = {}  # that an element is made of
        self._same: dict[str, str] = {}
        self._wanted: dict[str, list[Any]] = {}  # by functions that are given it
        self._read(kernel, {name: (name, rank) for name, rank in self._ranks.items()}, 0)

    def kinds(self, scalar: Any) -> dict[str, Any]:
        """The type of an element of each argument that something is told of, with such scalars."""
        made: dict[str, Any] = {}
        for name in self._ranks:
            alike = [other for other in self._ranks if self._root(other) == self._root(name)]
            indices = max((self._indices.get(other, 0) for other in alike), default=0)
            length = max((self._largest.get(other, 2) + 1 for other in alike), default=3)
            numbers = max((self._numbers.get(other, 0) for other in alike), default=0)
            if numbers and not indices:
                indices, length = _SQUARES.get(numbers, (1, numbers))
            wanted = next((self._wanted[other] for other in alike if other in self._wanted), [])
            if wanted:
                fitting = [kind for kind in wanted if getattr(kind, "_wp_scalar_type_", kind) is scalar]
                made[name] = (fitting or wanted)[0]
            elif indices in (1, 2):
                made[name] = _kind(indices, length, scalar)
        return made

    def untold(self) -> list[list[str]]:
        """The arguments of which nothing is told, those that are alike together."""
        told, groups = self.kinds(wp.float32), dict[str, list[str]]()
        for name in self._ranks:
            if name not in told:
                groups.setdefault(self._root(name), []).append(name)
        return list(groups.values())

    def _root(self, name: str) -> str:
        while name in self._same:
            name = self._same[name]
        return name

    def _alike(self, one: Part | None, two: Part | None) -> None:
        if one and two and one[1] == two[1] == 0 and self._root(one[0]) != self._root(two[0]):
            self._same[self._root(one[0])] = self._root(two[0])

    def _is(self, part: Part | None, indices: int) -> None:
        if part and part[1] == 0:
            self._indices[part[0]] = max(indices, self._indices.get(part[0], 0))

    def _read(self, owner: Any, known: dict[str, Part], depth: int) -> None:
        """A function whose names in `known` mean parts of arguments."""
        around = _around(owner.func)
        for node in _in_order(ast.parse(owner.adj.source)):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target, value = node.targets[0], self._part(node.value, known)
                if isinstance(target, ast.Name) and value:
                    known[target.id] = value
                else:
                    self._store(self._part(target, known), value, node.value, around)
            elif isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
                self._alike(self._part(node.target, known), self._part(node.value, known))
            elif isinstance(node, ast.Call):
                self._call(node, known, around, depth)
            elif isinstance(node, ast.expr):
                self._part(node, known)

    def _call(self, node: ast.Call, known: dict[str, Part], around: dict[str, Any], depth: int) -> None:
        parts = [self._part(argument, known) for argument in node.args]
        if isinstance(node.func, ast.Attribute):
            if node.func.attr in _OF_MATRICES and parts:
                self._is(parts[0], 2)
            elif node.func.attr in _OF_VECTORS:
                for part in parts:
                    self._is(part, 1)
            elif node.func.attr.startswith("atomic_") and len(parts) > 2:
                array = parts[0]
                self._alike(array and (array[0], array[1] - len(parts) + 2), parts[-1])
        elif isinstance(node.func, ast.Call):
            self._value(node, known)
        called = _meant(node.func, around)
        if isinstance(called, wp.Function):
            for place, part in enumerate(parts):
                self._want(part, _wanted(called, place))
            if called.func is not None and depth < _DEEPEST:
                names = [argument.label for argument in called.adj.args]
                inside = {name: part for name, part in zip(names, parts, strict=False) if part}
                if inside:
                    self._read(called, inside, depth + 1)

    def _store(self, target: Part | None, value: Part | None, node: ast.expr, around: dict[str, Any]) -> None:
        """What is stored is of an element's type, be it a part of an argument or what a builtin gives."""
        self._alike(target, value)
        called = _meant(node.func, around) if isinstance(node, ast.Call) and not value else None
        if isinstance(called, wp.Function) and called.func is None:
            self._want(target, _of_one_form([one.value_type for one in called.overloads]))

    def _want(self, part: Part | None, kinds: list[Any]) -> None:
        if part and part[1] in (0, _WHOLE) and kinds:
            self._wanted.setdefault(part[0], kinds)

    def _part(self, node: ast.expr, known: dict[str, Part]) -> Part | None:
        """Which part of which argument an expression is; notes indices on elements, and sums."""
        if isinstance(node, ast.Name):
            return known.get(node.id)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            left, right = self._part(node.left, known), self._part(node.right, known)
            self._alike(left, right)
            return left or right
        if isinstance(node, ast.UnaryOp):
            return self._part(node.operand, known)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, known)
        if isinstance(node, ast.Call):
            return self._value(node, known)
        return None

    def _value(self, node: ast.Call, known: dict[str, Part]) -> Part | None:
        """What a call is of the type of: `type(x)(...)`, `wp.inverse(x)`."""
        made = node.func
        if isinstance(made, ast.Call) and isinstance(made.func, ast.Name) and made.func.id == "type":
            part = self._part(made.args[0], known)
            self._made_of(part, len(node.args))
            return part
        if isinstance(made, ast.Attribute) and made.attr in _SAME and node.args:
            return self._part(node.args[0], known)
        return None

    def _made_of(self, part: Part | None, numbers: int) -> None:
        """So many numbers make a vector or, where no index tells, a square matrix. Four may make either."""
        if part and part[1] == 0 and numbers > 1 and numbers != 4:
            self._numbers[part[0]] = numbers

    def _subscript(self, node: ast.Subscript, known: dict[str, Part]) -> Part | None:
        of = self._part(node.value, known)
        if of is None:
            return None
        places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if of[1] >= len(places):
            return of[0], of[1] - len(places)
        self._is((of[0], 0), len(places) - of[1])
        numbers = [p.value for p in places if isinstance(p, ast.Constant) and isinstance(p.value, int)]
        if numbers:
            self._largest[of[0]] = max(*numbers, self._largest.get(of[0], 2))
        return None


def _kind(indices: int, length: int, scalar: Any) -> Any:
    """A vector or a square matrix, by Warp's own name where it has one."""
    letter = "f" if scalar is wp.float32 else "d"
    named = getattr(wp, f"{'vec' if indices == 1 else 'mat'}{str(length) * indices}{letter}", None)
    if indices == 1:
        return named or wp.types.vector(length=length, dtype=scalar)
    return named or wp.types.matrix(shape=(length, length), dtype=scalar)


def _rank(template: Any) -> int:
    """Indices that make an element of an argument; more than there are where nobody knows."""
    if template is Any:
        return _WHOLE
    return template.ndim if isinstance(getattr(template, "ndim", None), int) else 0


def _around(func: Any) -> dict[str, Any]:
    """What a function's names mean outside it."""
    return {**func.__globals__, **captured(func)}


def _meant(node: ast.expr, around: dict[str, Any]) -> Any:
    """What a name, or a dotted one, means outside a function."""
    if isinstance(node, ast.Name):
        return around.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _meant(node.value, around)
        return getattr(owner, node.attr, None) if isinstance(owner, (types.ModuleType, type)) else None
    return None


def _wanted(called: wp.Function, place: int) -> list[Any]:
    """Types that a function takes in one place, of a builtin where they differ in their scalars alone."""
    own = called.func is not None
    every = [*called.user_templates.values(), *called.user_overloads.values()] if own else called.overloads
    written = [one for one in every or [called] if one.generic_parent is None]  # none that `Any` became
    inputs = [list(one.input_types.values()) for one in written]
    kinds = [_PLAIN.get(given[place], given[place]) for given in inputs if place < len(given)]
    if own:
        return [kind for kind in kinds if warp_api.concrete_types(kind, ()) == [kind]]
    return _of_one_form(kinds)


def _of_one_form(kinds: list[Any]) -> list[Any]:
    """The types, if all are vectors or matrices of one shape, or the first is a quaternion or a transform."""
    made = [kind for kind in kinds if kind is not None]
    shapes = {getattr(kind, "_shape_", None) for kind in made}
    special = bool(made) and bool(warp_native.special_vector(made[0]))
    return made if special or (len(shapes) == 1 and None not in shapes) else []


def _in_order(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes as they stand in the text: what a name means is told before it is used."""
    for child in ast.iter_child_nodes(tree):
        yield child
        yield from _in_order(child)
