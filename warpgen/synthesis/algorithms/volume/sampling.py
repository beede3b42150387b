"""Samples of volumes: values and gradients."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.volume import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "volume": "volume_id|vol|grid",
    "x": "positions|points|world_pos",
    "p": "pos|point|q",
    "uvw": "index_pos|local|coord",
}


def sample(voxels: Any, at: Any, closest: bool = False) -> Any:
    """Values at places in index space (rows of three) as NanoVDB samples them; 0 outside."""
    values = voxels.values.astype(float)
    values = values.reshape((*values.shape[:3], -1))
    if closest:
        return _node(values, np.round(at).astype(int))
    base = np.floor(at).astype(int)
    f = at - base
    found: Any = 0.0
    for o in itertools.product((0, 1), repeat=3):
        w = np.where(np.array(o), f, 1 - f).prod(-1)
        found = found + w[..., None] * _node(values, base + np.array(o))
    return found


def _node(values: Any, at: Any) -> Any:
    shape = np.array(values.shape[:3])
    inside = ((at >= 0) & (at < shape)).all(-1)
    at = np.clip(at, 0, shape - 1)
    return values[at[..., 0], at[..., 1], at[..., 2]] * inside[..., None]


def _volume(
    d: Draft, name: str = "volume", of: str = "float32", low: float = -1.0, high: float = 1.0
) -> float:
    """Declares a volume and gives the greatest world coordinate well inside it."""
    n, size = d.pick(6, 7, 8), d.pick(0.25, 0.5, 1.0)
    d.handle(name, "volume", (n, n, n), of=of, value=size, low=low, high=high, about="Volume id")
    return (n - 2.2) * size


@DOMAIN.algorithm(
    source="Museth 2013 (VDB); Museth 2021 (NanoVDB)",
    names=NAMES
    | {
        "sample_volume": "volume_sample_points|probe_volume|gather_volume|evaluate_field",
        "sampled": "values|field_values|samples",
    },
    element="point",
    weight=12,
)
def sample_volume(d: Draft) -> None:
    """Samples a volume at world-space positions."""
    of = d.option("of", "float32", "vec3f")
    space = d.option("space", "world", "index", "moved")
    mode = d.option("mode", "LINEAR", "CLOSEST")
    generic = d.flag("generic")
    after = (
        d.option("after", "none", "scale", "threshold")
        if of == "float32"
        else d.option("after vec", "none", "scale", "length")
    )
    m = d.pick(48, 64, 96)
    top = _volume(d, of=of)
    low = 1.2 if space == "index" else 0.3
    if space == "moved":
        d.param("offset", "vec3", -0.05, 0.05, about="Volume frame origin")
        d.param("scale", "float", 1.0, 1.5, about="Volume frame unit size")
    given = "coords" if space == "index" else "x"
    d.input(
        given, "vec3", m, low, top if space != "index" else 4.8,
        about="Index-space positions" if space == "index" else "Positions",
    )  # fmt: skip
    if after == "scale":
        d.param("gain", "float", 0.5, 2.0, about="Sample scale")
    elif after == "threshold":
        d.param("iso", "float", -0.3, 0.3, about="Isovalue")
    kind = "vec3" if of == "vec3f" and after != "length" else "int" if after == "threshold" else "float"
    out, about = {
        "threshold": ("inside", "Inside mask, 1 below the isovalue, 0 elsewhere"),
        "length": ("magnitudes", "Magnitudes of the sampled vectors"),
    }.get(after, ("sampled", "Sampled values"))
    d.output(out, kind, m, about=about)
    where = "index-space" if space == "index" else "world-space"
    through = ", in a shifted and scaled frame" if space == "moved" else ""
    d.says({
        "threshold": f"Marks {where} positions where a volume is below an isovalue{through}.",
        "length": f"Computes the magnitude of a vector volume at {where} positions{through}.",
        "scale": f"Samples a volume at {where} positions{through}{',' if through else ''} and scales the result.",
        "none": f"Samples a volume at {where} positions{through}.",
    }[after])  # fmt: skip
    if after == "threshold":
        d.calls("mark_inside|inside_volume|threshold_volume")
    elif after == "length":
        d.calls("sample_magnitudes|field_magnitudes|vector_lengths")
    lines = ["tid = wp.tid()", f"p = {given}[tid]"]
    if space == "moved":
        lines += [
            "# Transform to the volume frame, which is shifted and scaled",
            "p = (p - offset) / scale",
        ]
    lines.append("uvw = p" if space == "index" else "uvw = wp.volume_world_to_index(volume, p)")
    if mode == "CLOSEST" and space != "index":
        lines.append(
            "# Use the nearest voxel, since masks must not be interpolated" if after == "threshold" else ""
        )
    short = "f" if of == "float32" else "v"
    call = (
        f"wp.volume_sample(volume, uvw, wp.Volume.{mode}, dtype={'float' if short == 'f' else 'wp.vec3'})"
        if generic
        else f"wp.volume_sample_{short}(volume, uvw, wp.Volume.{mode})"
    )
    value = {
        "none": call,
        "scale": f"gain * {call}",
        "length": f"wp.length({call})",
        "threshold": f"1 if {call} < iso else 0",
    }[after]
    lines.append(f"{out}[tid] = {value}")
    if space == "index":
        lines = [line for line in lines if line != "uvw = p"]
        lines[1] = "uvw = coords[tid]"
    d.launch(m)
    d.code("\n".join(line for line in lines if line))

    def holds(before: Values, after_: Values) -> None:
        v = before
        p = v[given]
        if space == "moved":
            p = (p - v.offset) / v.scale
        at = p if space == "index" else p / v.volume.size
        value_ = sample(v.volume, at, mode == "CLOSEST")
        sure = (abs(at % 1.0 - 0.5) > 1e-3).all(1) if mode == "CLOSEST" else np.ones(m, bool)
        if after == "length":
            value_ = np.linalg.norm(value_, axis=-1)
        elif after == "scale":
            value_ = value_ * v.gain
        elif after == "threshold":
            sure &= abs(value_[:, 0] - v.iso) > 1e-3
            value_ = (value_ < v.iso).astype(int)
        got = after_[out].reshape(value_.shape)
        np.testing.assert_allclose(got[sure], value_[sure], atol=2e-4)
        assert sure.any()

    d.holds(holds)


_GIVEN = {
    "gradient": "Gradients",
    "normal": "Unit normals",
    "projected": "Projected points",
    "shaded": "Brightness in [0, 1]",
}


@DOMAIN.algorithm(
    source="Museth 2013 (VDB); Levoy 1988 (shading of volumes)",
    names=NAMES
    | {
        "volume_gradient": "sample_gradients|field_gradient|compute_gradient|grid_gradient",
        "grad": "gradient|g|slope",
        "normal": "n|surface_normal|nrm",
        "delta": "eps|h|step",
    },
    adjoint="either",
    element="point",
    weight=5,
)
def volume_gradient(d: Draft) -> None:
    """Computes volume gradients at world-space positions."""
    method = d.option("method", "builtin", "central", "tetrahedron")
    give = d.option("give", "gradient", "normal", "projected", "shaded")
    m = d.pick(48, 64, 96)
    d.says(
        {
            "gradient": "Computes volume gradients at world-space positions.",
            "normal": "Computes level set unit normals at world-space positions.",
            "projected": "Projects points onto the zero level set of a volume using one Newton step.",
            "shaded": "Shades points in a volume using the gradient as the inward normal.",
        }[give]
    )
    if give != "gradient":
        d.calls(
            {
                "normal": "volume_normals|sdf_normals|level_set_normals",
                "projected": "project_to_surface|project_points|snap_to_surface",
                "shaded": "shade_volume|shade_points|gradient_shading",
            }[give]
        )
    top = _volume(d)
    d.input("x", "vec3", m, 0.3, top - 0.3, about="World-space positions")
    if method != "builtin":
        d.param("delta", "float", 0.1, 0.2, about="Finite difference step")
    if give == "shaded":
        d.param("light", "vec3", 0.0, kind="unit", high=1.0, about="Direction to the light")
        d.param("ambient", "float", 0.1, 0.3, about="Ambient light intensity")
    name = {"gradient": "grad_out", "normal": "normals", "projected": "projected", "shaded": "shade"}[give]
    d.output(name, "float" if give == "shaded" else "vec3", m, about=_GIVEN[give])
    lines = ["tid = wp.tid()", "p = x[tid]"]
    unit = give in ("normal", "shaded")  # the length of the gradient does not matter
    if method == "builtin" and unit:
        lines += [
            "uvw = wp.volume_world_to_index(volume, p)",
            "grad = wp.vec3()",
            "_phi = wp.volume_sample_grad_f(volume, uvw, wp.Volume.LINEAR, grad)",
        ]
    elif method == "builtin":
        lines += [
            "uvw = wp.volume_world_to_index(volume, p)",
            "slope = wp.vec3()",
            "value = wp.volume_sample_grad_f(volume, uvw, wp.Volume.LINEAR, slope)",
            "# Convert from index-space to world-space gradient",
            "voxel = wp.volume_index_to_world_dir(volume, wp.vec3(1.0, 0.0, 0.0))",
            "grad = slope / wp.length(voxel)",
        ]
        if give != "projected":
            lines[4] = lines[4].replace("value = ", "_phi = ")
    else:
        d.function("""
            @wp.func
            def field_at(volume: wp.uint64, p: wp.vec3) -> float:
                uvw = wp.volume_world_to_index(volume, p)
                return wp.volume_sample_f(volume, uvw, wp.Volume.LINEAR)
        """)
        if give == "projected":
            lines.append("value = field_at(volume, p)")
        if method == "central":
            for axis, c in enumerate("xyz"):
                lines.append(
                    f"d{c} = wp.vec3({', '.join('delta' if a == axis else '0.0' for a in range(3))})"
                )
            diff = [f"field_at(volume, p + d{c}) - field_at(volume, p - d{c})" for c in "xyz"]
            scale = "" if unit else "0.5 / delta * "
            lines.append(f"grad = {scale}wp.vec3(\n    " + ",\n    ".join(diff) + ",\n)")
        else:
            lines += [
                "# Tetrahedron technique: 4 samples instead of 6",
                "a = wp.vec3(1.0, -1.0, -1.0)",
                "b = wp.vec3(-1.0, -1.0, 1.0)",
                "c = wp.vec3(-1.0, 1.0, -1.0)",
                "e = wp.vec3(1.0, 1.0, 1.0)",
                "grad = a * field_at(volume, p + delta * a) + b * field_at(volume, p + delta * b)",
                "grad += c * field_at(volume, p + delta * c) + e * field_at(volume, p + delta * e)",
            ]
            if not unit:
                lines.append("grad = grad / (4.0 * delta)")
    if give == "gradient":
        lines.append("grad_out[tid] = grad")
    elif give == "normal":
        lines.append("normals[tid] = wp.normalize(grad)")
    elif give == "projected":
        lines += ["# Clamp to avoid division by zero in flat regions"]
        lines += ["projected[tid] = p - grad * (value / wp.max(wp.dot(grad, grad), 1.0e-2))"]
    else:
        lines += [
            "# Values increase inwards, so the outward normal is the negative gradient",
            "n = wp.normalize(grad)",
            "lambert = wp.max(-wp.dot(n, light), 0.0)",
            "shade[tid] = ambient + (1.0 - ambient) * lambert",
        ]
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        size = v.volume.size

        def f(p: Any) -> Any:
            return sample(v.volume, p / size)[..., 0]

        if method == "builtin":
            # the slope of a trilinear cell along an axis: the difference of its faces there
            at = v.x / size
            base = np.floor(at)
            parts = []
            for axis in range(3):
                low, high = at.copy(), at.copy()
                low[:, axis], high[:, axis] = base[:, axis], base[:, axis] + 1
                parts.append((sample(v.volume, high)[:, 0] - sample(v.volume, low)[:, 0]) / size)
            grad = np.stack(parts, -1)
        elif method == "central":
            steps = np.eye(3) * v.delta
            grad = np.stack([(f(v.x + e) - f(v.x - e)) / (2 * v.delta) for e in steps], -1)
        else:
            k = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]])
            grad = sum(e * f(v.x + v.delta * e)[:, None] for e in k) / (4 * v.delta)
        if give == "gradient":
            return {name: grad}
        if give == "projected":
            return {name: v.x - grad * (f(v.x) / np.maximum((grad**2).sum(-1), 1e-2))[:, None]}
        n = grad / np.linalg.norm(grad, axis=-1, keepdims=True)
        if give == "normal":
            return {name: n}
        return {name: v.ambient + (1 - v.ambient) * np.maximum(-n @ v.light, 0)}

    d.check(reference, 5e-3)
