"""The bodies of functions: both targets share their lines, and ask for some of them more than once."""

from __future__ import annotations

from typing import Any

from warpgen.extraction.fast_path.lasting import type_to_ctype
from warpgen.extraction.fast_path.patches import replaces, stock
from warpgen.warp_internals import codegen, context, types

_RULE = "//---------"


def has_line_directives(adj: Any) -> bool:
    """Whether the text carries `#line` directives; the stand-ins leave that to Warp."""
    options = adj.builder_options
    return bool(options.get("lineinfo", False) or options.get("mode", "release") == "debug")


@replaces(codegen.Adjoint, "add_forward")
def _add_forward(adj: Any, statement: str, replay: str | None = None, skip_replay: bool = False) -> None:
    if has_line_directives(adj):
        _stock_add_forward(adj, statement, replay, skip_replay)
        return
    block = adj.blocks[-1]
    block.body_forward.append(adj.indentation + statement)
    if not skip_replay:
        block.body_replay.append(adj.indentation + (replay or statement))


@replaces(codegen.Adjoint, "add_reverse")
def _add_reverse(adj: Any, statement: str) -> None:
    if has_line_directives(adj):
        _stock_add_reverse(adj, statement)
        return
    adj.blocks[-1].body_reverse.append(adj.indentation + statement)


@replaces(codegen, "codegen_func_forward")
def _codegen_func_forward(
    adj: Any, func_type: str = "kernel", device: str = "cpu", grid_stride: bool = False
) -> str:
    if has_line_directives(adj) or _has_tiles(adj):
        return str(_stock_codegen_func_forward(adj, func_type, device, grid_stride))
    texts, key = _remembered(adj), ("forward", _variant(func_type, device, grid_stride))
    if key not in texts:
        body = adj.blocks[0].body_forward
        if grid_stride and func_type == "kernel" and device == "cuda":
            body = [
                s.replace("return;", "continue;") if s.lstrip().startswith("return;") else s for s in body
            ]
        lines = _argument_lines(adj, func_type, device)
        lines += [_RULE, "// primal vars", *_primal_lines(adj, texts), _RULE, "// forward", *body]
        texts[key] = _indented(lines, func_type, device)
    return str(texts[key])


@replaces(codegen, "codegen_func_reverse")
def _codegen_func_reverse(
    adj: Any, func_type: str = "kernel", device: str = "cpu", grid_stride: bool = False
) -> str:
    if has_line_directives(adj) or _has_tiles(adj) or adj.slot_augassign_error is not None:
        return str(_stock_codegen_func_reverse(adj, func_type, device, grid_stride))
    texts, key = _remembered(adj), ("reverse", _variant(func_type, device, grid_stride))
    if key not in texts:
        lines = _argument_lines(adj, func_type, device)
        if lines:
            lines += [f"{type_to_ctype(v.type)} {v.emit_adj()} = _wp_adj_args->{v.label};" for v in adj.args]
        lines += [_RULE, "// primal vars", *_primal_lines(adj, texts), _RULE, "// dual vars"]
        lines += _dual_lines(adj, texts)
        lines += [_RULE, "// forward", *adj.blocks[0].body_replay]
        lines += [_RULE, "// reverse", *reversed(adj.blocks[0].body_reverse)]
        lines.append("continue;" if grid_stride and device == "cuda" and func_type == "kernel" else "return;")
        texts[key] = _indented(lines, func_type, device)
    return str(texts[key])


def _variant(func_type: str, device: str, grid_stride: bool) -> tuple[str, bool]:
    """What a body depends on besides its function: helper functions read the same on both targets."""
    return (device, grid_stride) if func_type == "kernel" else ("", False)


def _remembered(adj: Any) -> dict[Any, Any]:
    """What was written of this function since its last build, which makes new blocks."""
    kept: tuple[Any, dict[Any, Any]] | None = adj.__dict__.get("warpgen_texts")
    if kept is None or kept[0] is not adj.blocks:
        kept = adj.warpgen_texts = (adj.blocks, {})
    return kept[1]


def _primal_lines(adj: Any, texts: dict[Any, Any]) -> Any:
    if "primal" not in texts:
        texts["primal"] = [
            f"{type_to_ctype(v.type)} {v.emit()};"
            if v.constant is None
            else f"const {type_to_ctype(v.type)} {v.emit()} = {codegen.constant_str(v.constant)};"
            for v in adj.variables
        ]
    return texts["primal"]


def _dual_lines(adj: Any, texts: dict[Any, Any]) -> Any:
    if "dual" not in texts:
        texts["dual"] = [f"{type_to_ctype(v.type, True)} {v.emit_adj()} = {{}};" for v in adj.variables]
    return texts["dual"]


def _argument_lines(adj: Any, func_type: str, device: str) -> list[str]:
    if device != "cpu" or func_type != "kernel":
        return []
    lines = [_RULE, "// argument vars"]
    return lines + [f"{type_to_ctype(v.type)} {v.emit()} = _wp_args->{v.label};" for v in adj.args]


def _indented(lines: list[str], func_type: str, device: str) -> str:
    pad = "        " if device == "cuda" and func_type == "kernel" else "    "
    return pad + f"\n{pad}".join(lines) + "\n"


@replaces(codegen.Adjoint, "get_own_required_shared")
def _get_own_required_shared(adj: Any) -> int:
    return int(_stock_get_own_required_shared(adj)) if _has_tiles(adj) else 0


@replaces(context.ModuleBuilder, "_get_tile_helper_struct_hashes")
def _get_tile_helper_struct_hashes(builder: Any) -> Any:
    if any(_has_tiles(owner.adj) for owner in (*builder.kernels, *builder.functions)):
        return _stock_get_tile_helper_struct_hashes(builder)
    return set()


def _has_tiles(adj: Any) -> bool:
    """Whether anything that the function has, or is given and so may return, is a tile."""
    texts, count = _remembered(adj), len(adj.variables)
    if texts.get("tiles", (None, False))[0] != count:
        found = any(isinstance(v.type, (types.tile, types.tile_stack)) for v in (*adj.args, *adj.variables))
        texts["tiles"] = (count, found)
    return bool(texts["tiles"][1])


_stock_add_forward = stock(_add_forward)
_stock_add_reverse = stock(_add_reverse)
_stock_codegen_func_forward = stock(_codegen_func_forward)
_stock_codegen_func_reverse = stock(_codegen_func_reverse)
_stock_get_own_required_shared = stock(_get_own_required_shared)
_stock_get_tile_helper_struct_hashes = stock(_get_tile_helper_struct_hashes)
