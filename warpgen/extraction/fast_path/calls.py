"""Calls of builtins: which overload, what it returns and how it is spelled follow from argument types."""

from __future__ import annotations

import dis
from functools import cache
from typing import Any, NamedTuple, TypeVar

from warpgen.extraction.fast_path.lasting import ARRAYS, Reference, Var, is_lasting
from warpgen.extraction.fast_path.patches import replaces, source_digest, stock
from warpgen.extraction.fast_path.sources import CALLBACKS
from warpgen.warp_internals import REGISTRY, codegen, context, types


class _Plan(NamedTuple):
    """How a builtin is called with arguments of given types: what add_call works out every time."""

    call: str  # `wp::sin`
    adjoint: str  # `wp::adj_sin`, empty where there is none
    outputs: tuple[Any, ...]
    takes_reference: tuple[bool, ...]  # per argument: passed as it is, not loaded first
    braces: bool  # the arguments are passed as an initializer list
    reverse_outputs: bool  # the adjoint takes the outputs, too
    skip_replay: bool
    reads_values: bool  # the result may depend on the values of constants


_WIDE = (types.float64, types.int64, types.uint64)

PLANS: dict[Any, _Plan | None] = {}  # by builtin, expected outputs, type arguments and argument types


def _find_plan(adj: Any, func: Any, args: Any, type_args: Any, min_outputs: int | None) -> _Plan | None:
    """The plan of a call, None where it cannot be told from types. Raises what add_call would."""
    key = [func, min_outputs, tuple(type_args.items()) if type_args else None]
    plans, struct = PLANS, None
    for arg in args:
        if arg.__class__ is not Var or arg.label is None:
            return None
        t = arg.type
        if t.__class__ is Reference:
            t = t.value_type
        element = t.dtype if t.__class__ in ARRAYS else t
        if element.__class__ is codegen.Struct:
            # Remembered at the struct, which goes with its program.
            struct = element
            plans = element.__dict__.setdefault("warpgen_plans", {})
        elif not is_lasting(element):
            return None
        key.append(t if element is t else (t.__class__, element, t.ndim))
    place = tuple(key)
    if place not in plans:
        plans[place] = _make_plan(adj, func, args, type_args, min_outputs, struct)
    return plans[place]


def _make_plan(
    adj: Any, func: Any, args: Any, type_args: Any, min_outputs: int | None, struct: Any
) -> _Plan | None:
    func, bound, _ = adj.resolve_call(func, args, {}, type_args, min_outputs)
    if func.lto_dispatch_func is not None or func._has_external_builtin_contract:
        return None
    output = func.value_func(
        {k: codegen.strip_reference(codegen.get_arg_type(v)) for k, v in bound.items()},
        {k: codegen.get_arg_value(v) for k, v in bound.items()},
    )
    outputs = () if output is None else tuple(output) if isinstance(output, (list, tuple)) else (output,)
    if not all(_may_be_kept(codegen.strip_reference(o), struct) for o in outputs):
        return None
    passed, template_args = tuple(bound.values()), ()
    if func.dispatch_func is not None:
        if not _looks_at_types(func.dispatch_func):
            return None
        passed, template_args = func.dispatch_func(func.input_types, output, bound)
    if [codegen.strip_reference(p) for p in passed] != list(args):
        return None  # a default or a cast constant came in
    if any(adj.type_contains_native_value(t) for t in (*(a.type for a in args), *outputs)):
        return None
    adjoint_args = template_args if func.adjoint_uses_template_args else ()
    adjoint = codegen.compute_type_str(func.native_func, adjoint_args)
    return _Plan(
        call=f"{func.namespace}{codegen.compute_type_str(func.native_func, template_args)}",
        adjoint=f"{func.namespace}adj_{adjoint}" if func.is_differentiable and args else "",
        outputs=outputs,
        takes_reference=tuple(isinstance(p, Reference) for p in passed),
        braces=bool(func.initializer_list_func(bound, output)),
        reverse_outputs=func.require_original_output_arg or len(outputs) > 1,
        skip_replay=func.skip_replay,
        reads_values=(
            (_reads_values(func.value_func) and not _looks_at_types(func.value_func))
            or (func.value_type in _WIDE and len(args) == 1)  # casts a constant in place
        ),
    )


def _may_be_kept(type_: Any, struct: Any) -> bool:
    return (struct is not None and type_ is struct) or is_lasting(type_)


def _looks_at_types(callback: Any) -> bool:
    digest = CALLBACKS.get(callback.__name__)
    return digest is not None and digest == source_digest(callback)


@cache
def _reads_values(value_func: Any) -> bool:
    """Whether a builtin's value function looks at its second parameter, the values of the arguments."""
    code = getattr(value_func, "__code__", None)
    if code is None or code.co_argcount < 2:
        return True
    name = code.co_varnames[1]
    read = {i.argval for i in dis.get_instructions(code) if i.opname.startswith("LOAD")}
    return any(name == r or (isinstance(r, tuple) and name in r) for r in read)


@replaces(codegen, "func_match_args")
def _func_match_args(func: Any, arg_types: Any, kwarg_types: Any, allow_erasure: bool = False) -> bool:
    parameters = func.input_types
    if kwarg_types or func.variadic or any(name.startswith("*") for name in parameters):
        return bool(_stock_func_match_args(func, arg_types, kwarg_types, allow_erasure))
    names = list(parameters)
    missing = names[len(arg_types) :]
    if len(arg_types) > len(names) or not all(name in func.defaults for name in missing):
        return False
    defaults = [func.defaults[name] for name in missing]
    bound = [*arg_types, *(None if d is None else codegen.get_arg_type(d) for d in defaults)]
    is_builtin = func.is_builtin()
    return all(
        _match(is_builtin, b, p, allow_erasure) for b, p in zip(bound, parameters.values(), strict=True)
    )


_matches: dict[Any, bool] = {}


def _match(is_builtin: bool, bound: Any, parameter: Any, allow_erasure: bool) -> bool:
    """Whether an argument's type suits a parameter: the loop of func_match_args."""
    if bound is None or parameter is Any:
        return True
    if not is_lasting(bound) or not (is_lasting(parameter) or parameter.__class__ is TypeVar):
        return _compare(is_builtin, bound, parameter, allow_erasure)
    key = (bound, parameter, allow_erasure)
    if key not in _matches:
        _matches[key] = _compare(is_builtin, bound, parameter, allow_erasure)
    return _matches[key]


def _compare(is_builtin: bool, bound: Any, parameter: Any, allow_erasure: bool) -> bool:
    if isinstance(bound, context.Function) and (
        types.is_warp_function_annotation(parameter)
        or (is_builtin and types.is_builtin_callable_annotation(parameter))
    ):
        return True
    bound, parameter = types.strip_reference(bound), types.strip_reference(parameter)
    if types.is_array(parameter):
        wanted, found = types.concrete_array_type(parameter), types.concrete_array_type(bound)
        if (issubclass(wanted, found) or issubclass(found, wanted)) and types.types_equal_generic(
            parameter.dtype, bound.dtype, match_generic=True
        ):
            return True
    if types.types_equal_generic(parameter, bound):
        return True
    return bool(allow_erasure and types.type_erased_parent(bound) is parameter)


@replaces(codegen.Adjoint, "add_call")
def _add_call(
    adj: Any,
    func: Any,
    args: Any,
    kwargs: Any,
    type_args: Any,
    min_outputs: int | None = None,
    return_value_used: bool = True,
    arg_nodes: Any = None,
    kwarg_nodes: Any = None,
    return_resolved: bool = False,
) -> Any:
    plan = None
    if (
        func.func is None
        and REGISTRY.get(func.key) is func  # a struct's constructor is none of Warp's and goes with it
        and not kwargs
        and not return_resolved
        and adj.det_meta is None
        and not adj.builder_options.get("verify_autograd_array_access", False)
    ):
        plan = _find_plan(adj, func, args, type_args, min_outputs)
    if plan is None or (plan.reads_values and any(a.constant is not None for a in args)):
        return _stock_add_call(
            adj,
            func,
            args,
            kwargs,
            type_args,
            min_outputs=min_outputs,
            return_value_used=return_value_used,
            arg_nodes=arg_nodes,
            kwarg_nodes=kwarg_nodes,
            return_resolved=return_resolved,
        )
    outputs = [adj.add_var(t) for t in plan.outputs]
    _emit_call(adj, plan, args, outputs)
    if not outputs:
        return None
    return outputs[0] if len(outputs) == 1 else outputs


def _emit_call(adj: Any, plan: _Plan, args: Any, outputs: list[Any]) -> None:
    # Names are spelled as by Var.emit and Var.emit_adj, whose calls would cost as much as all else here.
    loaded = [
        a if as_it_is or a.type.__class__ is not Reference else adj.add_builtin_call("load", [a])
        for a, as_it_is in zip(args, plan.takes_reference, strict=True)
    ]
    names = [f"var_{a.label}" if a.prefix else a.label for a in loaded]
    results = [f"var_{o.label}" for o in outputs]
    given = f"{{{', '.join(names)}}}" if plan.braces else ", ".join(names)
    if len(results) == 1:
        forward = f"{results[0]} = {plan.call}({given});"
    else:
        forward = f"{plan.call}({', '.join([*names, *results])});"
    adj.add_forward(forward, replay=f"// {forward}" if plan.skip_replay else forward)
    if plan.adjoint:
        adjoints = [f"adj_{a.label}" if a.prefix else a.label for a in args]
        if plan.braces:
            parts = [given, f"{{{', '.join([f'&{a}' for a in adjoints])}}}"]
        else:
            parts = [*names, *(results if plan.reverse_outputs else ()), *adjoints]
        parts += [f"adj_{o.label}" for o in outputs]
        adj.add_reverse(f"{plan.adjoint}({', '.join(parts)});")


_stock_func_match_args = stock(_func_match_args)
_stock_add_call = stock(_add_call)
