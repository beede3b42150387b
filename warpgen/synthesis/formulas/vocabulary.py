"""What people's formulas are about: quantities by field, with the names and ranges they have there."""

from __future__ import annotations

from typing import NamedTuple


class Quantity(NamedTuple):
    """Alternative names, first the most common, and the range of each component."""

    names: str
    lo: float
    hi: float


class Field(NamedTuple):
    """One field: what varies from element to element, what is shared by all, and what comes out."""

    scalars: tuple[Quantity, ...]
    params: tuple[Quantity, ...]
    vectors: tuple[Quantity, ...]
    integers: tuple[Quantity, ...]
    results: tuple[str, ...]


def _quantities(*rows: tuple[str, float, float]) -> tuple[Quantity, ...]:
    return tuple(Quantity(*row) for row in rows)


_COUNTS = _quantities(
    ("count|n|num|cnt", 1, 20),
    ("index|idx|id|slot", 0, 63),
    ("level|lod|depth|order", 0, 6),
    ("key|code|hash_key|tag", 0, 1000),
    ("offset|shift|start", 0, 32),
    ("stride|step|width", 1, 16),
)

FIELDS: dict[str, Field] = {
    "mechanics": Field(
        _quantities(
            ("mass|m|body_mass", 0.1, 5.0), ("speed|v|velocity", -4.0, 4.0), ("height|h|z", 0.0, 8.0),
            ("strain|eps|e", -0.4, 0.4), ("angle|theta|phi", -3.0, 3.0), ("load|force|f", -5.0, 5.0),
        ),
        _quantities(
            ("stiffness|k|ke", 0.5, 10.0), ("damping|c|kd", 0.05, 1.0), ("gravity|g", 1.0, 10.0),
            ("dt|time_step|h", 0.01, 0.1), ("friction|mu", 0.1, 0.9), ("rest_length|l0", 0.5, 2.0),
        ),
        _quantities(("velocity|v|vel", -3.0, 3.0), ("force|f|f_ext", -4.0, 4.0), ("offset|r|arm", -2.0, 2.0)),
        _quantities(("contact_count|num_contacts", 0, 8), ("body|body_id|body_index", 0, 31), *_COUNTS[:2]),
        ("energy|e_kin", "work|w", "power|p", "stress|sigma", "momentum|p", "response|f_out", "torque|tau"),
    ),
    "fluid": Field(
        _quantities(
            ("density|rho", 0.5, 2.0), ("pressure|p", 0.1, 4.0), ("depth|h|water_depth", 0.1, 5.0),
            ("speed|u|velocity", -2.0, 2.0), ("vorticity|omega|curl", -3.0, 3.0),
            ("temperature|temp", 0.5, 3.0),
        ),
        _quantities(
            ("viscosity|nu|mu", 0.01, 0.5), ("rho0|rest_density", 0.8, 1.5), ("gamma|exponent", 1.2, 2.0),
            ("dx|cell_size|spacing", 0.1, 1.0), ("buoyancy|beta", 0.1, 1.0),
        ),
        _quantities(("velocity|u|vel", -2.0, 2.0), ("gradient|grad_p|grad", -3.0, 3.0),
            ("flux|q", -1.0, 1.0)),
        _quantities(("cell|cell_id|cell_index", 0, 63), ("layer|level", 0, 7), *_COUNTS[:2]),
        ("flux|flow", "residual|res", "divergence|div", "rate|dudt", "head|total_head", "source|src"),
    ),
    "thermal": Field(
        _quantities(
            ("temperature|temp|T", 0.2, 4.0), ("heat|q|heat_flux", -2.0, 2.0), ("emissivity|eps", 0.1, 1.0),
            ("thickness|d|width", 0.1, 2.0), ("fraction|phi|saturation", 0.0, 1.0),
        ),
        _quantities(
            ("conductivity|kappa|k", 0.1, 3.0), ("capacity|cp|heat_capacity", 0.5, 4.0),
            ("ambient|t_env|t_ref", 0.2, 2.0), ("alpha|diffusivity", 0.05, 1.0), ("dt|time_step", 0.01, 0.2),
        ),
        _quantities(("gradient|grad_t|grad", -2.0, 2.0), ("flux|q|heat_flux", -2.0, 2.0),
            ("normal|n", -1.0, 1.0)),
        _quantities(("material|mat_id|material_id", 0, 7), ("node|node_id", 0, 63), *_COUNTS[:2]),
        ("heat|q_total", "loss|q_loss", "rate|dtdt", "temperature|t_new", "balance|net"),
    ),
    "graphics": Field(
        _quantities(
            ("roughness|alpha|rough", 0.1, 1.0), ("cos_theta|ndotl|n_dot_l", 0.05, 1.0),
            ("depth|z|distance", 0.5, 10.0), ("intensity|luminance|lum", 0.0, 2.0), ("u|s|tex_u", 0.0, 1.0),
            ("v|t|tex_v", 0.0, 1.0),
        ),
        _quantities(
            ("exposure|ev|gain", 0.5, 2.0), ("gamma|inv_gamma", 0.4, 2.4), ("ior|eta", 1.1, 1.8),
            ("fog_density|absorption|sigma", 0.05, 1.0), ("ambient|ka", 0.05, 0.5),
            ("f0|reflectance", 0.02, 0.9),
        ),
        _quantities(("color|rgb|col", 0.05, 1.0), ("normal|n|nrm", -1.0, 1.0),
            ("light|l|light_dir", -1.0, 1.0)),
        _quantities(("sample|sample_id|spp", 0, 15), ("pixel|pixel_index", 0, 255), *_COUNTS[1:3]),
        ("radiance|lo", "shade|shading", "attenuation|falloff", "weight|w", "fresnel|f", "value|v_out"),
    ),
    "signal": Field(
        _quantities(
            ("sample|x|signal", -1.0, 1.0), ("phase|phi", -3.0, 3.0), ("envelope|env|amplitude", 0.05, 1.0),
            ("frequency|freq|f", 0.1, 4.0), ("previous|x1|last", -1.0, 1.0), ("level|rms", 0.05, 1.0),
        ),
        _quantities(
            ("gain|g|volume", 0.2, 2.0), ("cutoff|fc", 0.1, 0.9), ("q|resonance", 0.5, 4.0),
            ("mix|wet|blend", 0.1, 0.9), ("threshold|thresh", 0.1, 0.6), ("omega|w0", 0.2, 3.0),
        ),
        _quantities(("sample|x|frame", -1.0, 1.0), ("taps|h|coeffs", -0.5, 0.5),
            ("spectrum|s|bins", -1.0, 1.0)),
        _quantities(("channel|ch", 0, 3), ("frame|frame_id|time_index", 0, 127), *_COUNTS[:2]),
        ("filtered|y", "output|out_sample", "energy|power", "envelope|env_new", "carrier|osc",
            "magnitude|mag"),
    ),
    "finance": Field(
        _quantities(
            ("price|spot|s", 0.5, 3.0), ("strike|k", 0.5, 3.0), ("maturity|t|tau", 0.1, 2.0),
            ("cash_flow|flow|payment", -1.0, 2.0), ("return_rate|r|ret", -0.2, 0.3), ("weight|w", 0.0, 1.0),
        ),
        _quantities(
            ("rate|interest|risk_free", 0.01, 0.1), ("volatility|vol|sigma", 0.1, 0.6),
            ("fee|cost", 0.001, 0.05),
            ("drift|mu", 0.01, 0.2), ("target|benchmark", 0.5, 2.0),
        ),
        _quantities(("weights|w|allocation", 0.0, 1.0), ("returns|r|ret", -0.2, 0.3), ("prices|p", 0.5, 2.0)),
        _quantities(("period|year|month", 0, 24), ("lot|units|shares", 1, 50), *_COUNTS[:2]),
        ("value|npv", "payoff|profit", "discounted|pv", "exposure|risk", "premium|price_out", "pnl|gain"),
    ),
    "statistics": Field(
        _quantities(
            ("x|value|sample", -2.0, 2.0), ("y|target|observed", -2.0, 2.0), ("weight|w", 0.1, 1.0),
            ("variance|var|sigma2", 0.1, 2.0), ("prior|p|prob", 0.05, 0.95),
            ("prediction|pred|y_hat", -2.0, 2.0),
        ),
        _quantities(
            ("mean|mu", -1.0, 1.0), ("sigma|std|scale", 0.3, 2.0), ("alpha|shape", 0.5, 3.0),
            ("nu|dof", 1.0, 8.0),
            ("lam|rate|decay_rate", 0.1, 2.0), ("delta|huber_delta", 0.1, 1.0),
        ),
        _quantities(("x|features|sample", -2.0, 2.0), ("mean|mu|center", -1.0, 1.0),
            ("w|weights|theta", -1.0, 1.0)),
        _quantities(("label|cls|category", 0, 9), ("bin|bucket|bin_id", 0, 31), ("count|freq|n", 1, 40)),
        ("z|z_score|score", "likelihood|logp", "loss|cost", "posterior|p_out", "residual|err", "density|pdf"),
    ),
    "geometry": Field(
        _quantities(
            ("x|px", -3.0, 3.0), ("y|py", -3.0, 3.0), ("radius|r|rad", 0.2, 2.0),
            ("theta|angle|phi", -3.0, 3.0),
            ("t|s|param", 0.0, 1.0), ("distance|dist|d", 0.0, 4.0),
        ),
        _quantities(
            ("a|semi_major|width", 0.5, 3.0), ("b|semi_minor|height", 0.5, 3.0), ("scale|size", 0.2, 3.0),
            ("offset|bias", -1.0, 1.0), ("k|smoothness|blend", 0.1, 1.0),
        ),
        _quantities(("p|point|pos", -2.0, 2.0), ("q|other|target", -2.0, 2.0), ("n|normal|axis", -1.0, 1.0)),
        _quantities(("face|tri|face_id", 0, 63), ("edge|edge_id", 0, 63), ("vertex|vert|vid", 0, 63)),
        ("area|a_out", "distance|sdf", "curvature|kappa", "arc_length|arc|extent", "blend|w", "x_new|xp"),
    ),
    "chemistry": Field(
        _quantities(
            ("concentration|c|conc", 0.05, 2.0), ("substrate|s|s_conc", 0.05, 3.0), ("ph|acidity", 0.5, 3.0),
            ("distance|r|separation", 0.8, 3.0), ("charge|q", -1.0, 1.0),
            ("occupancy|theta|coverage", 0.0, 1.0),
        ),
        _quantities(
            ("k_on|kf|forward_rate", 0.1, 2.0), ("k_off|kr|reverse_rate", 0.05, 1.0),
            ("km|half_sat", 0.1, 2.0),
            ("vmax|v_max", 0.5, 3.0), ("hill|order", 1.0, 3.0), ("epsilon|well_depth", 0.1, 1.0),
        ),
        _quantities(("rij|dr|r_vec", -2.0, 2.0), ("species|c|conc", 0.0, 1.0), ("dipole|mu", -1.0, 1.0)),
        _quantities(("atom_type|species_id|kind", 0, 7), ("bond|bond_order", 1, 3), *_COUNTS[:2]),
        ("rate|reaction_rate", "flux|net_rate", "potential|u", "conversion|product", "affinity|binding"),
    ),
    "biology": Field(
        _quantities(
            ("prey|x|population", 0.1, 2.0), ("predator|y|hunters", 0.1, 2.0), ("infected|i_frac", 0.0, 0.5),
            ("susceptible|s_frac", 0.1, 1.0), ("biomass|b", 0.1, 3.0), ("voltage|v|potential", -1.0, 1.0),
        ),
        _quantities(
            ("growth|r|birth_rate", 0.1, 1.5), ("capacity|k|carrying_capacity", 1.0, 4.0),
            ("beta|infection_rate", 0.1, 0.9), ("gamma|recovery_rate", 0.05, 0.5),
            ("mortality|death_rate", 0.02, 0.4),
            ("dt|step_size", 0.01, 0.2),
        ),
        _quantities(("state|y|pop", 0.0, 1.0), ("rates|k|coeffs", 0.05, 0.5), ("traits|g|genes", -1.0, 1.0)),
        _quantities(("age|stage|cohort", 0, 9), ("generation|gen", 0, 50), *_COUNTS[:2]),
        ("growth_rate|dxdt", "population|x_next", "uptake|intake", "fitness|score", "current|i_ion",
            "births|new_cases"),
    ),
    "astronomy": Field(
        _quantities(
            ("mass|m|m_star", 0.2, 4.0), ("radius|r|orbit_radius", 0.5, 5.0),
            ("anomaly|nu|true_anomaly", -3.0, 3.0),
            ("eccentricity|ecc|e", 0.0, 0.8), ("luminosity|lum|l", 0.1, 4.0), ("redshift|z", 0.0, 2.0),
        ),
        _quantities(
            ("mu|grav_param|gm", 0.5, 4.0), ("softening|eps|eps2", 0.05, 0.5), ("semi_major|a", 0.5, 3.0),
            ("h0|hubble", 0.5, 1.0), ("inclination|inc", 0.1, 1.4),
        ),
        _quantities(("r|position|r_vec", -4.0, 4.0), ("v|velocity|vel", -1.0, 1.0),
            ("h|ang_mom|axis", -1.0, 1.0)),
        _quantities(("body|star|body_id", 0, 31), ("epoch|day|orbit", 0, 100), *_COUNTS[:2]),
        ("period|t_orbit", "flux|irradiance", "potential|phi", "acceleration|acc", "magnitude|mag",
            "energy|e_orb"),
    ),
    "neural": Field(
        _quantities(
            ("activation|x|z", -2.0, 2.0), ("logit|score|s", -3.0, 3.0), ("grad|g|dy", -1.0, 1.0),
            ("weight|w", -1.0, 1.0), ("target|label|y", 0.0, 1.0), ("moment|m|momentum", -0.5, 0.5),
        ),
        _quantities(
            ("learning_rate|lr|step_size", 0.01, 0.3), ("beta|decay|beta1", 0.5, 0.99), ("bias|b", -0.5, 0.5),
            ("temperature|temp|tau", 0.5, 2.0), ("scale|gamma", 0.5, 1.5), ("slope|alpha|leak", 0.01, 0.3),
        ),
        _quantities(("hidden|h|features", -1.0, 1.0), ("weights|w|kernel", -1.0, 1.0),
            ("grad|g|delta", -1.0, 1.0)),
        _quantities(("token|token_id", 0, 99), ("head|channel|feature", 0, 7),
            ("step|iteration|epoch", 1, 50)),
        ("activation|y", "loss|l", "update|delta_w", "attention|att", "gate|g_out", "grad_in|dx"),
    ),
    "robotics": Field(
        _quantities(
            ("q|joint_pos|angle", -2.5, 2.5), ("qd|joint_vel|rate", -2.0, 2.0),
            ("target|q_des|setpoint", -2.0, 2.0),
            ("error|err|e", -1.0, 1.0), ("current|i_motor", -1.5, 1.5), ("lidar|distance|scan", 0.2, 6.0),
        ),
        _quantities(
            ("kp|p_gain", 0.5, 10.0), ("kd|d_gain", 0.05, 1.0), ("limit|max_effort|tau_max", 1.0, 5.0),
            ("link_length|l1|length_1", 0.3, 1.5), ("ratio|gear_ratio", 0.5, 4.0),
            ("armature|inertia", 0.1, 1.0),
        ),
        _quantities(("tip|p|ee_pos", -1.0, 1.0), ("axis|joint_axis", -1.0, 1.0),
            ("twist|w|omega", -1.0, 1.0)),
        _quantities(("joint|joint_id|dof", 0, 11), ("leg|limb|link", 0, 5), ("tick|steps|encoder", 0, 500)),
        ("torque|tau", "command|ctrl|u", "effort|action", "reach|x_tip", "cost|reward", "velocity|qd_new"),
    ),
    "electromagnetics": Field(
        _quantities(
            ("voltage|v", -2.0, 2.0), ("current|i_in|amps", -1.0, 1.0), ("charge|q", -1.0, 1.0),
            ("distance|r|gap", 0.3, 3.0), ("field|b|e_field", -1.5, 1.5), ("phase|phi", -3.0, 3.0),
        ),
        _quantities(
            ("resistance|r_ohm|res", 0.2, 5.0), ("capacitance|cap|c", 0.1, 2.0),
            ("permittivity|eps_r", 1.0, 4.0),
            ("omega|angular_freq", 0.2, 4.0), ("sigma|conductivity", 0.1, 2.0), ("inductance|ind", 0.1, 2.0),
        ),
        _quantities(("e_field|e|field", -1.0, 1.0), ("b_field|b|flux_density", -1.0, 1.0),
            ("v|velocity", -1.0, 1.0)),
        _quantities(("coil|turns|windings", 1, 40), ("port|node_id", 0, 15), *_COUNTS[:2]),
        ("power|p_loss", "force|lorentz", "potential|phi_out", "impedance|z", "current|i_out", "energy|u"),
    ),
    "plain": Field(
        _quantities(
            ("x|a|val", -2.0, 2.0), ("y|b|other", -2.0, 2.0), ("z|c|third", -2.0, 2.0),
            ("t|s|time", 0.0, 2.0),
            ("u|p|v0", 0.1, 2.0), ("w|weight", 0.1, 1.0),
        ),
        _quantities(
            ("alpha|a0|scale", 0.2, 2.0), ("beta|b0|shift", -1.0, 1.0), ("gamma|c0|bias", -1.0, 1.0),
            ("factor|coef|s0", 0.5, 3.0), ("eps|tol", 0.01, 0.1),
        ),
        _quantities(("a|x|v", -2.0, 2.0), ("b|y|w", -2.0, 2.0), ("c|z|u", -1.0, 1.0)),
        _COUNTS,
        ("result|res|out_val", "y|val", "r|acc", "value|v_out", "f|fx", "s|total"),
    ),
}  # fmt: skip

# What matrices of formulas are called; the pairs of the smaller sizes only.
MATRICES = (
    "A|M|mat_a|m",
    "B|N|mat_b|other",
    "R|rotation|rot|basis",
    "K|stiffness|coeffs",
    "J|jacobian|jac",
    "S|cov|sigma",
)
