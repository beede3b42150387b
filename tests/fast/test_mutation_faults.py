"""Faults are planted where they can show."""

from __future__ import annotations

import pytest

from tools.mutation_cuda import hooked
from tools.mutation_cuda_faults import FAULTS as CUDA_FAULTS
from warpgen.planting.generated_faults import FAULTS

ADJOINT = """    wp::int32 adj_1 = {};
    wp::int32 adj_2 = {};
    wp::float32 adj_3 = {};
    wp::float32 adj_4 = {};
    wp::float32 adj_5 = {};
    wp::float32 adj_6 = {};
    //---------
    // reverse
    wp::adj_array_store(var_y, var_0, var_5, adj_y, adj_0, adj_5);
    wp::adj_add(var_3, var_4, adj_3, adj_4, adj_5);
    wp::adj_add(var_6, var_6, adj_6, adj_6, adj_4);
    wp::adj_address(var_x, var_0, adj_x, adj_0, adj_3);
    wp::adj_add(var_1, var_1, adj_1, adj_1, adj_2);
"""
CHANGES = {fault.kind: fault.change for fault in FAULTS}


@pytest.mark.parametrize("which", range(4))
def test_adjoints_of_integers_and_dead_ends_are_left_alone(which: int) -> None:
    """Of three sums, the only one whose gradient comes from a store and goes on to a load gets the fault."""
    changed = CHANGES["adjoint of add has the wrong sign"](ADJOINT, which)
    assert changed == ADJOINT.replace("adj_add(var_3", "adj_sub(var_3")


def test_a_doubled_store_doubles_what_goes_on() -> None:
    """Warp clears a gradient once it is taken, so that taking it twice would do nothing."""
    changed = CHANGES["adjoint of a store doubled"](ADJOINT, 0)
    assert changed is not None
    assert "adj_5);\n    adj_5 = wp::add(adj_5, adj_5);\n" in changed


def test_zero_is_no_constant_to_get_wrong() -> None:
    """Nothing changes where zero is multiplied."""
    text = "    const wp::float32 var_1 = 0.0;\n    const wp::float32 var_2 = 2.0;\n"
    expected = text.replace("2.0", "2.0 * 1.25")
    assert [CHANGES["wrong float constant"](text, which) for which in range(2)] == [expected] * 2


CUDA = """extern "C" __global__ void f(wp::launch_bounds_t<1> dim)
{
    for (size_t _idx = static_cast<size_t>(blockDim.x) * static_cast<size_t>(blockIdx.x) + static_cast<size_t>(threadIdx.x);
         _idx < dim.size;
         _idx += static_cast<size_t>(blockDim.x) * static_cast<size_t>(gridDim.x))
    {
        wp::tile_register_t<wp::int32,wp::tile_layout_register_t<wp::tile_shape_t<1>>> var_7 = {};
        var_7 = wp::tile_sum(var_6);
        var_9 = wp::atomic_add(var_counts, var_8, var_5);
    }
}
"""  # noqa: E501


@pytest.mark.parametrize("kind", CUDA_FAULTS)
def test_every_kind_finds_its_place_in_a_cuda_text(kind: str) -> None:
    """Calls are faulty, declarations stay; what an atomic function gave back is still given."""
    changed = CUDA_FAULTS[kind](CUDA, 0)
    assert changed is not None and changed != CUDA
    assert (
        "        wp::tile_register_t<" in changed
        and "if (threadIdx.x < 64) {\n        wp::tile_reg" not in changed
    )
    if kind == "atomic function made plain":
        assert "wp::array_store(var_counts, var_8, wp::add(old, var_5)); var_9 = old; }" in changed


def test_the_machine_still_has_what_is_changed_of_it() -> None:
    """Each change finds its one place in the machine as it is now."""
    assert "void wg_lose(int n)" in hooked() and "int losing;" in hooked()
