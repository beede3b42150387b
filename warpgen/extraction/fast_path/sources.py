"""The functions of Warp 1.19 that the fast path was written for, by the xxh3-64 of their source."""

from __future__ import annotations

# What stand-ins replace, by module or class.
FUNCTIONS = {
    "Adjoint.add_call": "caa7ee95728c1c39",
    "Adjoint.add_forward": "ed1be821a62348c8",
    "Adjoint.add_reverse": "d98b12a59c05ff22",
    "Adjoint.eval": "ffd367f8c59a1025",
    "Adjoint.extract_function_source": "9c8e9adfe3b5a492",
    "Adjoint.get_own_required_shared": "4d4c98f79d4c6e13",
    "Adjoint.get_references": "b0cd8dbc80b1ad7b",
    "Adjoint.resolve_external_reference": "339582d96bcd889f",
    "Adjoint.resolve_static_expression": "8b01b15d5b9c8211",
    "Module._find_references": "da82de99d398b654",
    "ModuleBuilder._collect_native_types": "06ac258e00758ad8",
    "ModuleBuilder._get_tile_helper_struct_hashes": "3e1a6a994144c847",
    "ModuleBuilder._kernel_has_value_return": "1069b3ace803776d",
    "Var.type_to_ctype": "192660ace36f5e09",
    "codegen.codegen_func_forward": "d92528c750b8cc43",
    "codegen.codegen_func_reverse": "9ec0673e97d2f230",
    "codegen.func_match_args": "e70c852f685da3fb",
    "codegen.get_arg_type": "7b88182e8729af6d",
    "codegen.iter_ast_nodes_of_types": "884d4cc8d27f334f",
    "codegen.strip_reference": "21db73a0531abd5f",
    "types.strip_reference": "21db73a0531abd5f",
}

# Callbacks of builtins that look at nothing but types, and constants of another type.
CALLBACKS = {
    "load_dispatch_func": "a2d7f30074b7a07a",
    "store_dispatch_func": "b51edaf2284d55d5",
    "vector_extract_dispatch_func": "1c9dd7789bcf42ce",
    "matrix_extract_dispatch_func": "496d8a231831c4cd",
    "vector_assign_dispatch_func": "2dab8fdff73003f9",
    "matrix_assign_dispatch_func": "94f474bbab7044c8",
    "atomic_op_dispatch_func": "e2f2f5d867b614aa",
    "vector_dispatch_func": "1626c3141c854a36",
    "vector_value_func": "6144daae16f50929",
    "matrix_dispatch_func": "d1b5c6b862db0019",
    "matrix_value_func": "cc7e72d9db7df03e",
}
