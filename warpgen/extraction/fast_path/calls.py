"""Calls of builtins: which overload, what it returns and how it is spelled follow from argument types."""

from __future__ import annotations

import dis
from typing import Any, NamedTuple

from warpgen.extraction.fast_path.lasting import ARRAYS, Reference, Var, is_lasting
from warpgen.extraction.fast_path.patches import replaces, source_digest, stock
from warpgen.extraction.warp_api import codegen, types


class _Plan(NamedTuple):
    """How a builtin is called with arguments of given types: what add_call works out every time."""

    call: str  # `wp::sin`
    adjoint: str  # `wp::adj_sin`, empty where there is none
    outputs: tuple[Any, ...]
    takes_reference: tuple[bool, ...]  # per argument: passed as it is, not loaded first
    reverse_outputs: bool  # the adjoint takes the outputs, too
    skip_replay: bool
    reads_values: bool  # the result may depend on the values of constants


# Dispatch functions that look at nothing but types, by source.
_DISPATCH_BY_TYPE = {
    "load_dispatch_func": "a2d7f30074b7a07a",
    "store_dispatch_func": "b51edaf2284d55d5",
    "vector_extract_dispatch_func": "1c9dd7789bcf42ce",
    "matrix_extract_dispatch_func": "496d8a231831c4cd",
    "vector_assign_dispatch_func": "2dab8fdff73003f9",
    "matrix_assign_dispatch_func": "94f474bbab7044c8",
    "atomic_op_dispatch_func": "e2f2f5d867b614aa",
}

_plans: dict[Any, _Plan | None] = {}  # by builtin, expected outputs and argument types


def _call_key(func: Any, args: Any, min_outputs: int | None) -> Any:
    """What the plan of a call depends on; None where an argument is not a plain variable of lasting type."""
    key = [func, min_outputs]
    for arg in args:
        if arg.__class__ is not Var or arg.label is None:
            return None
        t = arg.type
        if t.__class__ is Reference:
            t = t.value_type
        if t.__class__ in ARRAYS and is_lasting(t.dtype):
            key.append((t.__class__, t.dtype, t.ndim))
        elif is_lasting(t):
            key.append(t)
        else:
            return None
    return tuple(key)


def _make_plan(adj: Any, func: Any, args: Any, min_outputs: int | None) -> _Plan | None:
    """The plan of a call, None where it cannot be told from the types alone. Raises as add_call does."""
    arg_types = tuple(codegen.get_arg_type(a) for a in args)
    func = adj.resolve_func(func, arg_types, {}, min_outputs)
    if (
        func.variadic
        or func.lto_dispatch_func is not None
        or func._has_external_builtin_contract
        or func.initializer_list_func.__qualname__ != "add_builtin.<locals>.initializer_list_func"
        or any(func.defaults.get(p) is not None for p in list(func.signature.parameters)[len(args) :])
        # Its constants are cast in place.
        or (func.value_type in (types.float64, types.int64, types.uint64) and len(args) == 1)
    ):
        return None
    bound = func.signature.bind(*args).arguments
    output = func.value_func(
        {k: codegen.strip_reference(codegen.get_arg_type(v)) for k, v in bound.items()},
        {k: codegen.get_arg_value(v) for k, v in bound.items()},
    )
    outputs = () if output is None else tuple(output) if isinstance(output, (list, tuple)) else (output,)
    if not all(is_lasting(codegen.strip_reference(o)) for o in outputs):
        return None
    passed, template_args = tuple(args), ()
    if func.dispatch_func is not None:
        if _DISPATCH_BY_TYPE.get(func.dispatch_func.__name__) != source_digest(func.dispatch_func):
            return None
        passed, template_args = func.dispatch_func(func.input_types, output, bound)
    if [codegen.strip_reference(p) for p in passed] != list(args):
        return None
    if any(adj.type_contains_native_value(t) for t in (*arg_types, *outputs)):
        return None
    adjoint = codegen.compute_type_str(
        func.native_func, template_args if func.adjoint_uses_template_args else ()
    )
    return _Plan(
        call=f"{func.namespace}{codegen.compute_type_str(func.native_func, template_args)}",
        adjoint=f"{func.namespace}adj_{adjoint}" if func.is_differentiable and args else "",
        outputs=outputs,
        takes_reference=tuple(isinstance(p, Reference) for p in passed),
        reverse_outputs=func.require_original_output_arg or len(outputs) > 1,
        skip_replay=func.skip_replay,
        reads_values=_reads_values(func.value_func),
    )


def _reads_values(value_func: Any) -> bool:
    """Whether a builtin's value function looks at its second parameter, the values of the arguments."""
    code = getattr(value_func, "__code__", None)
    if code is None or code.co_argcount < 2:
        return True
    name = code.co_varnames[1]
    return any(
        i.argval == name or (isinstance(i.argval, tuple) and name in i.argval)
        for i in dis.get_instructions(code)
    )


@replaces(codegen.Adjoint, "add_call", "caa7ee95728c1c39")
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
        and not kwargs
        and not type_args
        and not return_resolved
        and adj.det_meta is None
        and not adj.builder_options.get("verify_autograd_array_access", False)
    ):
        key = _call_key(func, args, min_outputs)
        if key is not None:
            if key in _plans:
                plan = _plans[key]
            else:
                plan = _plans[key] = _make_plan(adj, func, args, min_outputs)
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
    names = [
        a.emit()
        if as_it_is or a.type.__class__ is not Reference
        else adj.add_builtin_call("load", [a]).emit()
        for a, as_it_is in zip(args, plan.takes_reference, strict=True)
    ]
    if len(outputs) == 1:
        forward = f"{outputs[0].emit()} = {plan.call}({', '.join(names)});"
    else:
        forward = f"{plan.call}({', '.join([*names, *(o.emit() for o in outputs)])});"
    adj.add_forward(forward, replay=f"// {forward}" if plan.skip_replay else forward)
    if plan.adjoint:
        if plan.reverse_outputs:
            names += [o.emit() for o in outputs]
        names += [a.emit_adj() for a in args]
        names += [o.emit_adj() for o in outputs]
        adj.add_reverse(f"{plan.adjoint}({', '.join(names)});")
    if not outputs:
        return None
    return outputs[0] if len(outputs) == 1 else outputs


_stock_add_call = stock(_add_call)
