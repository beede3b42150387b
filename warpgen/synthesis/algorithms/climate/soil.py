"""Columns of soil: heat that is conducted implicitly, freezing water, and drainage."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.climate import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_THERMAL = '''
@wp.struct
class SoilProperties:
    """Properties of a soil type."""

    porosity: float
    dry_conductivity: float  # [W/m/K]
    wet_conductivity: float  # [W/m/K]
    dry_heat_capacity: float  # [MJ/m^3/K]
'''
SOIL = piece(_THERMAL)
DRAINING_SOIL = piece(
    _THERMAL
    + """\
    saturated_flow: float  # saturated hydraulic conductivity [mm/h]
    pore_exponent: float  # exponent of the Campbell conductivity curve
"""
)
_SOIL = {
    "porosity": fill(0.4, 0.44),
    "dry_conductivity": fill(0.2, 0.3),
    "wet_conductivity": fill(1.2, 1.8),
    "dry_heat_capacity": fill(1.0, 1.3),
}
_FLOW = {"saturated_flow": fill(10.0, 100.0), "pore_exponent": fill(4.0, 8.0)}

_CONDUCTIVITY = {
    "linear": '''
@wp.func
def thermal_conductivity(saturation: float, soil: SoilProperties) -> float:
    """Interpolate thermal conductivity between dry and wet soil [W/m/K]."""
    return soil.dry_conductivity + saturation * (soil.wet_conductivity - soil.dry_conductivity)
''',
    "johansen": '''
@wp.func
def thermal_conductivity(saturation: float, soil: SoilProperties) -> float:
    """Return the thermal conductivity using Johansen's (1975) Kersten number [W/m/K]."""
    # Clamp to avoid log(0) for dry soil
    kersten = 1.0 + wp.log10(wp.max(saturation, 0.1))
    return soil.dry_conductivity + kersten * (soil.wet_conductivity - soil.dry_conductivity)
''',
}


@DOMAIN.algorithm(
    source="Bonan 2019, ch. 5 and 8; Campbell 1974 (hydraulic conductivity); Johansen 1975 (thermal conductivity)",
    names={
        "step_soil_columns": "soil_step|update_soil|soil_heat_and_water|advance_soil",
        "column": "cell|site|col",
        "temp": "soil_temp|t_soil|temperature",
        "water": "soil_moisture|theta|moisture",
        "thickness": "dz|layer_thickness",
        "layers": "num_layers|n_layers|levels",
        "runoff": "surface_runoff|overland_flow",
        "drainage": "percolation|deep_drainage",
        "infiltration": "influx|inflow",
    },
    adjoint="no",
    weight=3,
    element="column",
)
def step_soil_columns(d: Draft) -> None:
    """Advances temperature and moisture of soil columns: implicit heat conduction, then a cascade of water."""
    conductivity = d.option("conductivity", *_CONDUCTIVITY)
    surface = d.option("surface", "temperature", "flux", "mixed")
    bottom = d.option("bottom", "insulated", "geothermal", "fixed")
    freezing = d.flag("freezing", 0.5)
    water = d.option("water", "gravity", "buckets", "none")
    types = d.option("soil", "one", "types")
    mask = d.option("columns", "all", "land")
    if water == "none":
        d.calls("soil_heat_step|soil_temperature_step|conduct_soil_heat")
    columns, layers = d.pick(24, 32, 48), d.pick(5, 6, 8)
    shape = (columns, layers)
    if mask == "land":
        d.input("land_type", "int", columns, -1, 3, about="Land type, -1 for ocean")
    d.inout("temp", "float", shape, -8.0 if freezing else -3.0, 12.0, about="Layer temperatures [deg C]")
    if water != "none":
        most = 0.35 if freezing else 0.4  # leaves room for the ice
        liquid = ", liquid only" if freezing else ""
        d.inout("water", "float", shape, 0.01, most, about=f"Volumetric water content{liquid}")
    else:
        with_ice = ", including ice" if freezing else ""
        d.input("water", "float", shape, 0.03, 0.4, about=f"Volumetric water content{with_ice}")
    if freezing:
        most = 0.03 if water == "none" else 0.05
        d.inout("ice", "float", shape, 0.0, most, about="Volumetric ice content (liquid water equivalent)")
    d.input("thickness", "float", layers, 0.05, 0.25, about="Layer thickness, top to bottom [m]")
    kind, fields = (DRAINING_SOIL, _SOIL | _FLOW) if water == "gravity" else (SOIL, _SOIL)
    if types == "types":
        d.input("soil_type", "int", columns, 0, 3, about="Soil type index per column")
        d.struct("soils", kind, fields, 3, about="Soil types")
        soil = "soils[soil_type[column]]"
    else:
        d.struct("soil", kind, fields, about="Soil properties")
        soil = "soil"
    if surface == "temperature":
        d.input("surface_temp", "float", columns, -5.0, 15.0, about="Surface temperature [deg C]")
    if surface == "mixed":
        d.input("air_temp", "float", columns, -5.0, 15.0, about="Air temperature above the surface [deg C]")
    if surface in ("flux", "mixed"):
        d.input("surface_flux", "float", columns, -100.0, 200.0, about="Heat flux into the soil [W/m^2]")
    if surface == "mixed":
        d.param("exchange", "float", 5.0, 15.0, about="Surface heat exchange coefficient [W/m^2/K]")
    if bottom == "geothermal":
        d.param("geothermal_flux", "float", 0.05, 0.1, about="Geothermal heat flux at the bottom [W/m^2]")
    elif bottom == "fixed":
        d.param("deep_temp", "float", 4.0, 8.0, about="Temperature below the column [deg C]")
    d.param("dt", "float", 1800.0, 3600.0, about="Time step [s]")
    if water != "none":
        d.input("rain", "float", columns, 0.0, 25.0, about="Water supply at the surface [mm/h]")
        if water == "gravity":
            d.output("runoff", "float", columns, about="Surface runoff [mm]")
        d.output("drainage", "float", columns, about="Drainage at the column bottom [mm]")
    d.output("modified_link", "float", shape, about="Scratch array for the tridiagonal solver")
    d.output("modified_rhs", "float", shape, about="Scratch array for the tridiagonal solver")
    constants = ["WATER_HEAT_CAPACITY = wp.constant(4.18)  # [MJ/m^3/K]"]
    if freezing:
        constants += [
            "ICE_HEAT_CAPACITY = wp.constant(2.1)  # [MJ/m^3/K], per volume of liquid water equivalent"
        ]
        constants += ["FUSION_HEAT = wp.constant(334.0)  # volumetric latent heat of fusion [MJ/m^3]"]
    d.module("\n".join(constants))
    d.function(_CONDUCTIVITY[conductivity])
    if water == "gravity":
        d.function('''
            @wp.func
            def hydraulic_conductivity(saturation: float, soil: SoilProperties) -> float:
                """Return the unsaturated hydraulic conductivity [mm/h] (Campbell 1974)."""
                return soil.saturated_flow * wp.pow(saturation, soil.pore_exponent)
        ''')
    d.function('''
        @wp.func
        def series_conductance(k_a: float, dz_a: float, k_b: float, dz_b: float) -> float:
            """Return the series conductance between two layer centers [W/m^2/K]."""
            return 1.0 / (0.5 * dz_a / k_a + 0.5 * dz_b / k_b)
    ''')
    top = {
        "temperature": """
        # Dirichlet boundary: conduction through half the first layer
        top_conductance = 2.0 * k_layer / dz
        diagonal += top_conductance
        rhs += top_conductance * surface_temp[column]
        """,
        "flux": "rhs += surface_flux[column]",
        "mixed": """
        # Mixed boundary: air exchange in series with half the first layer
        top_conductance = 1.0 / (1.0 / exchange + 0.5 * dz / k_layer)
        diagonal += top_conductance
        rhs += top_conductance * air_temp[column] + surface_flux[column]
        """,
    }
    low = {
        "insulated": "",
        "geothermal": "if layer == layers - 1:\n    rhs += geothermal_flux",
        "fixed": """
        if layer == layers - 1:
            bottom_conductance = 2.0 * k_layer / dz
            diagonal += bottom_conductance
            rhs += bottom_conductance * deep_temp
        """,
    }
    freeze = """
    for layer in range(layers):
        heat_capacity = $soil.dry_heat_capacity + $stores
        t = temp[column, layer]
        if t < 0.0 and water[column, layer] > 0.02:
            # Freeze as much as the heat deficit allows, except for a residual liquid film
            frozen = wp.min(-t * heat_capacity / FUSION_HEAT, water[column, layer] - 0.02)
            $less
            ice[column, layer] = ice[column, layer] + frozen
            heat = t * heat_capacity + frozen * FUSION_HEAT
            temp[column, layer] = heat / (heat_capacity + frozen * (ICE_HEAT_CAPACITY - WATER_HEAT_CAPACITY))
        elif t > 0.0:
            melted = wp.min(t * heat_capacity / FUSION_HEAT, ice[column, layer])
            $more
            ice[column, layer] = ice[column, layer] - melted
            heat = t * heat_capacity - melted * FUSION_HEAT
            temp[column, layer] = heat / (heat_capacity + melted * (WATER_HEAT_CAPACITY - ICE_HEAT_CAPACITY))
    """
    flows = {
        "gravity": """
        hours = dt / 3600.0
        supply = rain[column] * hours
        # Infiltration limited by the free pore space of the first layer, the excess runs off
        infiltration = wp.min(supply, 1000.0 * thickness[0] * ($soil.porosity - $full_top))
        runoff[column] = supply - infiltration
        for layer in range(layers):
            depth = 1000.0 * thickness[layer]
            amount = water[column, layer] * depth + infiltration
            drained = hours * hydraulic_conductivity(amount / ($soil.porosity * depth), $soil)
            # Keep a residual water content of 5 %
            drained = wp.min(drained, wp.max(amount - 0.05 * depth, 0.0))
            if layer < layers - 1:
                room = $soil.porosity - $full_below
                drained = wp.min(drained, 1000.0 * thickness[layer + 1] * room)
            water[column, layer] = (amount - drained) / depth
            infiltration = drained
        drainage[column] = infiltration
        """,
        "buckets": """
        # Fill layers top-down, each up to field capacity (0.7 of the porosity)
        infiltration = rain[column] * dt / 3600.0
        for layer in range(layers):
            depth = 1000.0 * thickness[layer]
            capacity = 0.7 * $soil.porosity * depth
            room = wp.max(capacity - $held * depth, 0.0)
            taken = wp.min(infiltration, room)
            water[column, layer] = water[column, layer] + taken / depth
            infiltration -= taken
        drainage[column] = infiltration
        """,
        "none": "",
    }
    iced = freezing and water != "none"

    def held(layer: str, sign: str) -> str:
        """The water of a layer, with its ice."""
        text = f"water[column, {layer}]"
        both = f"{text} {sign} ice[column, {layer}]"
        return text if not iced else f"({both})" if sign == "+" else both

    liquid = "water[column, layer]" if iced or not freezing else "(water[column, layer] - ice[column, layer])"
    stores = f"WATER_HEAT_CAPACITY * {liquid}"
    if freezing:
        stores += " + ICE_HEAT_CAPACITY * ice[column, layer]"
    d.launch(columns)
    d.code(
        """
        column = wp.tid()
        $skip
        layers = temp.shape[1]
        # Backward Euler: C dz / dt (T_new - T) = G_above (T_above - T_new) + G_below (T_below - T_new)
        from_above = float(0.0)
        for layer in range(layers):
            dz = thickness[layer]
            saturation = $held / $soil.porosity
            k_layer = thermal_conductivity(saturation, $soil)
            heat_capacity = $soil.dry_heat_capacity + $stores
            storage = 1.0e6 * heat_capacity * dz / dt
            diagonal = storage + from_above
            rhs = storage * temp[column, layer]
            to_below = float(0.0)
            if layer < layers - 1:
                dz_below = thickness[layer + 1]
                k_below = thermal_conductivity($held_below / $soil.porosity, $soil)
                to_below = series_conductance(k_layer, dz, k_below, dz_below)
                diagonal += to_below
            if layer == 0:
                $top
            $bottom
            # Forward elimination (Thomas algorithm), off-diagonals are negative conductances
            if layer > 0:
                diagonal -= from_above * modified_link[column, layer - 1]
                rhs += from_above * modified_rhs[column, layer - 1]
            modified_link[column, layer] = to_below / diagonal
            modified_rhs[column, layer] = rhs / diagonal
            from_above = to_below
        # Back substitution
        below = float(0.0)
        for back in range(layers):
            layer = layers - 1 - back
            below = modified_rhs[column, layer] + modified_link[column, layer] * below
            temp[column, layer] = below
        $freeze
        $flow
        """,
        skip="# Skip ocean columns\nif land_type[column] < 0:\n    return" if mask == "land" else "",
        held=held("layer", "+"),
        stores=stores,
        held_below=held("layer + 1", "+"),
        full_top=held("0", "-"),
        full_below=held("layer + 1", "-"),
        soil=soil,
        top=top[surface],
        bottom=low[bottom],
        freeze=freeze if freezing else "",
        less="water[column, layer] = water[column, layer] - frozen" if water != "none" else "",
        more="water[column, layer] = water[column, layer] + melted" if water != "none" else "",
        flow=flows[water],
    )
    if water == "none":
        d.text = d.text.replace(
            "water[column, layer] > 0.02:", "water[column, layer] - ice[column, layer] > 0.02:"
        )
        d.text = d.text.replace(
            "water[column, layer] - 0.02)", "water[column, layer] - ice[column, layer] - 0.02)"
        )
    then = ", freezing and melting" if freezing else ""
    what = {(True, True): "temperature and ice", (True, False): "temperature"}.get(
        (water == "none", freezing), f"temperature{', moisture and ice' if freezing else ' and moisture'}"
    )
    cascade = "" if water == "none" else ", then a top-down water cascade"
    d.says(f"Advances soil column {what}: implicit heat conduction{then}{cascade}.")
    d.explain(
        "Heat conduction is solved implicitly for the whole column. Temperatures are in deg C, heat capacities\n"
        "in MJ/m^3/K"
        + ("." if water == "none" else "; afterwards, water moves from top to bottom without carrying heat.")
        + ("\nIce uses the thermal conductivity of water." if freezing else "")
        + ("\nOcean columns are not modified." if mask == "land" else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        temp, wet_ = v.temp.copy(), v.water.copy()
        ice: Any = v.ice.copy() if freezing else None
        run, low = np.zeros(columns), np.zeros(columns)
        for c in range(columns):
            if mask == "land" and v.land_type[c] < 0:
                continue
            k = v.soil_type[c] if types == "types" else None
            s = {n: (v[f"soils.{n}"][k] if types == "types" else v[f"soil.{n}"]) for n in fields}
            all_ = wet_[c] + (ice[c] if iced else 0.0)
            frost = ice[c] if freezing else 0.0
            capacity = s["dry_heat_capacity"] + 4.18 * (all_ - frost) + 2.1 * frost
            temp[c] = _heat(v, c, s, temp[c], all_, capacity)
            if freezing:
                free = wet_[c] if water != "none" else wet_[c] - ice[c]
                cold = (temp[c] < 0.0) & (free > 0.02)
                warm = temp[c] > 0.0
                change = np.where(cold, np.minimum(-temp[c] * capacity / 334.0, free - 0.02), 0.0)
                change -= np.where(warm, np.minimum(temp[c] * capacity / 334.0, ice[c]), 0.0)
                ice[c] += change
                temp[c] = (temp[c] * capacity + change * 334.0) / (capacity - change * 2.08)
                if water != "none":
                    wet_[c] -= change
            if water != "none":
                run[c], low[c] = _drain(v, c, s, wet_[c], ice[c] if iced else np.zeros(layers))
        made = {"temp": temp}
        if water != "none":
            made |= {"water": wet_, "drainage": low} | ({"runoff": run} if water == "gravity" else {})
        if freezing:
            made["ice"] = ice
        return made

    def _heat(v: Values, c: int, s: Any, t: Any, w: Any, capacity: Any) -> Any:
        full = w / s["porosity"]
        if conductivity == "johansen":
            full = np.maximum(1.0 + 0.4343 * np.log(np.maximum(full, 0.1)), 0.0)
        k = s["dry_conductivity"] + full * (s["wet_conductivity"] - s["dry_conductivity"])
        dz = v.thickness
        store = 1e6 * capacity * dz / v.dt
        g = 1.0 / (0.5 * dz[:-1] / k[:-1] + 0.5 * dz[1:] / k[1:])
        matrix, rhs = np.diag(store), store * t
        for i, between in enumerate(g):
            matrix[i : i + 2, i : i + 2] += between * np.array([[1.0, -1.0], [-1.0, 1.0]])
        if surface == "flux":
            rhs[0] += v.surface_flux[c]
        else:
            link = 2.0 * k[0] / dz[0]
            if surface == "mixed":
                link = 1.0 / (1.0 / v.exchange + 1.0 / link)
                rhs[0] += v.surface_flux[c]
            matrix[0, 0] += link
            rhs[0] += link * (v.air_temp if surface == "mixed" else v.surface_temp)[c]
        if bottom == "geothermal":
            rhs[-1] += v.geothermal_flux
        elif bottom == "fixed":
            matrix[-1, -1] += 2.0 * k[-1] / dz[-1]
            rhs[-1] += 2.0 * k[-1] / dz[-1] * v.deep_temp
        return np.linalg.solve(matrix, rhs)

    def _drain(v: Values, c: int, s: Any, w: Any, ice: Any) -> Any:
        coming, lost = v.rain[c] * v.dt / 3600.0, 0.0
        if water == "gravity":
            rain = coming
            coming = min(rain, 1000.0 * v.thickness[0] * (s["porosity"] - w[0] - ice[0]))
            lost = rain - coming
        for i, depth in enumerate(1000.0 * v.thickness):
            if water == "buckets":
                taken = min(coming, max(0.7 * s["porosity"] * depth - (w[i] + ice[i]) * depth, 0.0))
                w[i] += taken / depth
                coming -= taken
                continue
            amount, most = w[i] * depth + coming, s["porosity"] * depth
            flow = v.dt / 3600.0 * s["saturated_flow"] * (amount / most) ** s["pore_exponent"]
            coming = min(flow, max(amount - 0.05 * depth, 0.0))
            if i < layers - 1:
                room = s["porosity"] - w[i + 1] - ice[i + 1]
                coming = min(coming, 1000.0 * v.thickness[i + 1] * room)
            w[i] = (amount - coming) / depth
        return lost, coming

    d.check(reference, 1e-3)
