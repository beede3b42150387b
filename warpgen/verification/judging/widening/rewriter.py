"""Every float of a program's text, and every type that holds floats, at 64 bits."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

import msgspec
import warp as wp

from warpgen.errors import VerificationError
from warpgen.verification.judging.widening.conversions import PREFIX
from warpgen.verification.judging.widening.names import arguments, counters, held, plain_names, stored

# Builtins whose every overload is of 32-bit floats (in 1.19), those that serve objects made of them, and the
# one that looks at a number's bits.
_NARROW_ONLY = frozenset(
    """
    bvh_query_next mesh_query_aabb_next bvh_query_aabb bvh_query_aabb_tiled bvh_query_capsule
    bvh_query_ray bvh_query_ray_tiled bvh_query_sphere cast closest_point_edge_edge curlnoise
    hash_grid_query mesh_eval_face_normal mesh_eval_position mesh_eval_velocity mesh_get_point
    mesh_get_velocity mesh_query_aabb mesh_query_aabb_tiled mesh_query_furthest_point_no_sign
    mesh_query_point mesh_query_point_no_sign mesh_query_point_sign_normal
    mesh_query_point_sign_parity mesh_query_point_sign_winding_number mesh_query_ray
    mesh_query_ray_anyhit mesh_query_ray_count_intersections mesh_query_sphere noise pnoise poisson
    randf randn sample_triangle sample_unit_cube sample_unit_disk sample_unit_hemisphere
    sample_unit_hemisphere_surface sample_unit_ring sample_unit_sphere sample_unit_sphere_surface
    sample_unit_square sample_cdf texture_sample volume_lookup_f volume_lookup_v volume_sample
    volume_sample_f volume_sample_grad volume_sample_grad_f volume_sample_i volume_sample_v
    volume_store_f volume_store_v volume_lookup tile_bvh_query_aabb
    tile_bvh_query_ray tile_mesh_query_aabb
    """.split()
)
# Builtins that read values of any width at a place of 32 bits, their second argument.
_NARROW_PLACE = frozenset({"volume_sample_index", "volume_sample_grad_index"})
# Builtins that Warp writes in Python with 32-bit constants: their own source is widened along.
_LIBRARY = frozenset(
    """
    norm_l1 norm_l2 norm_huber norm_pseudo_huber smooth_normalize quat_from_euler quat_to_euler
    quat_to_rpy quat_twist quat_twist_angle quat_twist_angle_signed transform_twist transform_wrench
    velocity_at_point
    """.split()
)
_VALUES_FIRST = ("closest_", "cast")
_NO_FLOATS = (
    "bvh_query", "hash_grid_query", "mesh_query_", "volume_store", "tile_bvh_query", "tile_mesh_query",
)  # fmt: skip
# Where a builtin leaves a second result.
_RESULTS = {"volume_sample_grad": 3, "volume_sample_grad_f": 3}
_QUERIES = re.compile(r"^(mesh_query_point|mesh_query_ray|mesh_query_furthest)")
_MESHES = re.compile(r"^mesh_get$")
_QUERY_FLOATS = frozenset({"u", "v", "w", "t", "sign", "normal"})
_CONSTANTS = frozenset(
    """
    E e INF inf LOG2E log2e LOG10E log10e LN2 ln2 LN10 ln10 NAN nan PHI phi PI pi HALF_PI half_pi
    TAU tau
    """.split()
)
_FLOAT_TYPE = re.compile(
    r"^(?:(vec[234]|mat(?:22|33|44)|quat|transform|spatial_vector|spatial_matrix)[fh]?|float(?:16|32)?)$"
)
# Warp joins two vectors to a spatial one at 32 bits only.
_TWISTS = frozenset({"spatial_vector", "spatial_vectorf", "spatial_vectorh"})
_DTYPE_BUILTINS = frozenset({"quat_identity", "transform_identity"})


class _Scope(msgspec.Struct):
    """What names stand for in the function being rewritten.

    Those bound in it, those whose floats are of a mesh query, loop counters, and those that hold a mesh.
    """

    bound: set[str]
    queries: set[str]
    counters: set[str]
    meshes: set[str]


class Rewriter(ast.NodeTransformer):
    """Kernel bodies get wide constants, types and casts; module level only wide types."""

    def __init__(self, tree: ast.Module) -> None:
        self.used: set[str] = set()  # helpers to put in front
        self.library: set[str] = set()  # functions of Warp's to widen along
        self.coarse = False
        self._warp = {"wp", "warp"} & {
            a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names
        }
        if (
            any(isinstance(n, ast.ImportFrom) and n.module == "warp" for n in ast.walk(tree))
            or "wp" not in self._warp
        ):
            raise VerificationError("only programs that import warp as wp can be widened")
        self._outer = plain_names(tree)
        self._scope: _Scope | None = None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Device functions are rewritten, in others what stands inside."""
        node.decorator_list = [self._forward_only(d) for d in node.decorator_list]
        if not any(self._is_device(d) for d in node.decorator_list):
            outer, self._outer = self._outer, self._outer | arguments(node) | plain_names(node)
            self.generic_visit(node)
            self._outer = outer
            return node
        for argument in node.args.args:
            if argument.annotation is not None:
                argument.annotation = self._type(argument.annotation)
        if node.returns is not None:
            node.returns = self._type(node.returns)
        scope, self._scope = (
            self._scope,
            _Scope(arguments(node) | stored(node), held(node, _QUERIES), counters(node), held(node, _MESHES)),
        )
        node.body = [self.visit(statement) for statement in node.body]
        node.args.defaults = [self.visit(default) for default in node.args.defaults]
        self._scope = scope
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """The fields of a struct."""
        node.annotation = self._type(node.annotation)
        return node

    def visit_Constant(self, node: ast.Constant) -> Any:
        """A float is cast, or it would be narrow."""
        if self._scope is None or not isinstance(node.value, float):
            return node
        return _made("wp.float64", node)

    def visit_Name(self, node: ast.Name) -> Any:
        """What holds a float outside the function is read before it is compiled."""
        if self._scope is None or not isinstance(node.ctx, ast.Load):
            return node
        if node.id in self._outer and node.id not in self._scope.bound:
            return self._static(node)
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        """A value given a name, or stored."""
        return self._statement(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """A value added to what there is."""
        return self._statement(node)

    def visit_Expr(self, node: ast.Expr) -> Any:
        """A call for the sake of what it does."""
        return self._statement(node)

    def _statement(self, node: ast.stmt) -> Any:
        """A result that a call within leaves in a 32-bit argument is widened behind the statement."""
        if self._scope is None:
            return self.generic_visit(node)
        before: list[ast.stmt] = []
        after: list[ast.stmt] = []
        calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
        left = [(c, at) for c in calls if (at := _RESULTS.get(self._builtin(c.func), 99)) < len(c.args)]
        narrow = [ast.Name(f"{PREFIX}result{i or ''}", ast.Load()) for i in range(len(left))]
        for (call, at), name in zip(left, narrow, strict=True):
            result, call.args[at] = call.args[at], name
            before.append(ast.Assign([ast.Name(name.id, ast.Store())], _made(PREFIX + "narrow", result)))
            after.append(
                ast.Assign([ast.Name(ast.unparse(result), ast.Store())], _made(PREFIX + "wide", name))
            )
        self.generic_visit(node)
        for (call, at), name in zip(left, narrow, strict=True):
            call.args[at] = name
        if not left:
            return node
        return [ast.copy_location(made, node) for made in (*before, node, *after)]

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        """An element of what a mesh holds is widened."""
        self.generic_visit(node)
        held = node.value
        if (
            self._scope is None
            or not isinstance(held, ast.Attribute)
            or held.attr not in ("points", "velocities")
        ):
            return node
        mesh = held.value
        called = isinstance(mesh, ast.Call) and self._builtin(mesh.func) == "mesh_get"
        if called or (isinstance(mesh, ast.Name) and mesh.id in self._scope.meshes):
            self.used.add("wide")
            return _made(PREFIX + "wide", node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        """Names of Warp's, of modules, and fields of what a query gives."""
        if not isinstance(node.value, ast.Name):
            return self.generic_visit(node)
        base = node.value.id
        if base in self._warp:
            if node.attr in _CONSTANTS and self._scope is not None:
                return self._static(node)
            return _wide_type(node)
        if self._scope is None:
            return node
        if base in ("math", "np", "numpy"):
            return self._static(node)
        if base in self._scope.queries and node.attr in _QUERY_FLOATS:
            self.used.add("wide")
            return _made(PREFIX + "wide", node)
        return self.generic_visit(node) if base in self._scope.bound else node

    def visit_Call(self, node: ast.Call) -> Any:
        """Some builtins have a rule of their own."""
        rule = _CALLS.get(self._builtin(node.func) or _bare_builtin(node.func))
        return self._call(node) if rule is None or self._scope is None else rule(self, node)

    def _call(self, node: ast.Call) -> Any:
        """A call that takes floats of any width."""
        if self._builtin(node.func) in _DTYPE_BUILTINS and not node.keywords and not node.args:
            node.keywords = [ast.keyword("dtype", _name("wp.float64"))]
            return node
        if not isinstance(node.func, ast.Name):
            node.func = self.visit(node.func)
        node.args = [self._argument(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = (
                self._type(keyword.value) if keyword.arg == "dtype" else self._argument(keyword.value)
            )
        return node

    def _library_call(self, node: ast.Call) -> Any:
        name = self._builtin(node.func) or _bare_builtin(node.func)
        self.library.add(name)
        node.func = _name(PREFIX + name)
        return self._call(node)

    def _cast(self, node: ast.Call) -> ast.Call:
        node.func = _name("wp.float64")
        node.args = [self._bare(argument) for argument in node.args]
        return node

    def _twist(self, node: ast.Call) -> Any:
        if len(node.args) != 2:
            return self._call(node)
        self.used.add("twist")
        return ast.Call(_name(PREFIX + "twist"), [self.visit(argument) for argument in node.args], [])

    def _arange(self, node: ast.Call) -> ast.Call:
        """Its bounds must stay plain constants."""
        for keyword in node.keywords:
            keyword.value = self._type(keyword.value) if keyword.arg == "dtype" else keyword.value
        return node

    def _random_tile(self, node: ast.Call) -> ast.Call:
        self.coarse = True
        return ast.Call(_name("wp.tile_astype"), [node], [ast.keyword("dtype", _name("wp.float64"))])

    def _argument(self, node: ast.expr) -> ast.expr:
        """An argument of a call: `float` given as a type becomes a type, all else is an expression."""
        return self._type(node) if isinstance(node, ast.Name) and node.id == "float" else self.visit(node)

    def _bare(self, node: ast.expr) -> ast.expr:
        """What is cast already: a constant as it is, else the expression rewritten.

        A cast to float64 of an unrolled loop's counter would make Warp take the counter itself for a float.
        """
        bare = node.operand if isinstance(node, ast.UnaryOp) else node
        if isinstance(bare, ast.Constant):
            return node
        if isinstance(node, ast.Name) and self._scope is not None and node.id in self._scope.counters:
            return ast.BinOp(node, ast.Add(), ast.Constant(0))
        made: ast.expr = self.visit(node)
        return made

    def _type(self, node: ast.expr) -> ast.expr:
        """A type expression with all its floats widened."""
        if isinstance(node, ast.Name) and node.id == "float":
            return _name("wp.float64")
        if isinstance(node, ast.Attribute):
            return _wide_type(node)
        if isinstance(node, ast.Subscript):
            node.slice = self._type(node.slice)
            return node
        if isinstance(node, ast.Tuple):
            node.elts = [self._type(element) for element in node.elts]
            return node
        if isinstance(node, ast.Call):
            node.args = [self._type(argument) for argument in node.args]
            for keyword in node.keywords:
                keyword.value = self._type(keyword.value)
        return node

    def _narrowed(self, node: ast.Call) -> ast.expr:
        """A call to what knows 32-bit floats only, between conversions."""
        name = self._builtin(node.func)
        self.used |= {"narrow", "wide"}
        # The first argument is a random state, which is changed in place, or an object's number.
        first = 0 if name.startswith(_VALUES_FIRST) else 2 if name.endswith("_next") else 1
        node.args[first:] = [self._narrow_argument(argument) for argument in node.args[first:]]
        for keyword in node.keywords:
            if keyword.arg != "dtype":
                keyword.value = self._narrow_argument(keyword.value)
        return node if name.startswith(_NO_FLOATS) else _made(PREFIX + "wide", node)

    def _at_narrow_place(self, node: ast.Call) -> ast.Call:
        self.used.add("narrow")
        number, place, *rest = node.args
        node.args = [self.visit(number), self._narrow_argument(place), *map(self.visit, rest)]
        return node

    def _narrow_argument(self, node: ast.expr) -> ast.expr:
        bare = node.operand if isinstance(node, ast.UnaryOp) else node
        if isinstance(bare, ast.Constant) or (isinstance(bare, ast.Attribute) and self._builtin(bare.value)):
            return node
        if _is_type(node, self._builtin(node)):
            return node
        self.coarse = True
        return _made(PREFIX + "narrow", self.visit(node))

    def _static(self, node: ast.expr) -> ast.expr:
        self.used.add("value")
        return _made("wp.static", _made(PREFIX + "value", node))

    def _builtin(self, node: ast.expr) -> str:
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in self._warp
        ):
            return node.attr
        return ""

    def _is_device(self, decorator: ast.expr) -> bool:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        return self._builtin(target) in ("kernel", "func", "func_native", "func_grad", "func_replay")

    def _forward_only(self, decorator: ast.expr) -> ast.expr:
        """A kernel without an adjoint costs half as much to compile."""
        call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
        if self._builtin(call.func) != "kernel":
            return decorator
        call.keywords = [k for k in call.keywords if k.arg != "enable_backward"]
        call.keywords.append(ast.keyword("enable_backward", ast.Constant(False)))
        return call


def _wide_type(node: ast.Attribute) -> ast.Attribute:
    found = _FLOAT_TYPE.match(node.attr)
    if found:
        node.attr = f"{found[1]}d" if found[1] else "float64"
    return node


def _name(dotted: str) -> ast.expr:
    return ast.parse(dotted, mode="eval").body


def _is_type(node: ast.expr, builtin: str) -> bool:
    """A type given by place, as the `wp.vec4` of `wp.texture_sample(tex, uv, wp.vec4)`."""
    if isinstance(node, ast.Name) and node.id in ("float", "int"):
        return True
    return isinstance(getattr(wp, builtin, None), type)


def _made(function: str, argument: ast.expr) -> ast.expr:
    return ast.Call(_name(function), [argument], [])


def _bare_builtin(node: ast.expr) -> str:
    """What Python calls so, and functions of Warp's library among themselves."""
    return node.id if isinstance(node, ast.Name) and (node.id == "float" or node.id in _LIBRARY) else ""


_CALLS: dict[str, Callable[[Rewriter, ast.Call], Any]] = {
    **dict.fromkeys(_LIBRARY, Rewriter._library_call),
    **dict.fromkeys(_NARROW_ONLY, Rewriter._narrowed),
    **dict.fromkeys(_NARROW_PLACE, Rewriter._at_narrow_place),
    **dict.fromkeys(_TWISTS, Rewriter._twist),
    **dict.fromkeys(("float", "float16", "float32", "float64"), Rewriter._cast),
    "static": lambda rewriter, node: rewriter._static(node.args[0]),
    "tile_arange": Rewriter._arange,
    "tile_randf": Rewriter._random_tile,
}
