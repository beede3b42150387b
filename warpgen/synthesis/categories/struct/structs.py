"""`wp.struct`: passed, nested, in arrays, made in kernels and functions, changed by member, with arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from warpgen.synthesis.blocks.structs import Held, Member, Record
from warpgen.synthesis.categories.struct import CATEGORY
from warpgen.synthesis.formulas.grower import palette, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import BOOL, F64, I32, U32, Type
from warpgen.synthesis.language.values import Value, call


def of_field(k: Kit, count: int, extra: Sequence[Member] = ()) -> list[Member]:
    """Members named after quantities of the program's field."""
    f = palette(k).field
    found: dict[str, Member] = {m.key: m for m in extra}
    for q in k.rng.shuffled((*f.scalars, *f.params)):
        if len(found) < count + len(extra) and q.names.split("|")[0] not in found:
            found[q.names.split("|")[0]] = Member(q.names, k.real, q.lo, q.hi)
    return list(found.values())


def combined(k: Kit, parts: Sequence[Value]) -> Value:
    """A formula that reads all the parts."""
    value = parts[0]
    for v in parts[1:]:
        op = k.rng.integer(0, 3)
        if op == 0 and value.magnitude * v.magnitude < 500:
            value = value * v
        elif op == 1:
            value = value - v
        elif op == 2 and v.lo > 0.04:
            value = value / v
        else:
            value = value + v
    return value


def method(
    k: Kit, names: str, record: Record, write: Callable[[Kit, Held], Value], result: Type | None = None
) -> str:
    """A function that takes a struct; gives the function's name."""
    inner = Kit(k.draft, parent=k)
    short = inner.name(record.type.name[0].lower() + "|obj|self_|item|data_in|state_in")
    value = inner.saturate(write(inner, record.held(short, inner)))
    inner.leave("return", value)
    name = k.draft.module_name(names)
    returns = f" -> {k.draft.use_type(result)}" if result is not None and k.rng.chance(0.3) else ""
    k.draft.declare(name, f"@wp.func\ndef {name}({short}: {record.type.name}){returns}:", inner.body)
    return name


@CATEGORY.motif(weight=1.3, inline=True)
def parameter_struct(k: Kit) -> None:
    """Formula steered by a struct of parameters."""
    record = Record(k, "Params|Settings|Config|Coefficients|Options", of_field(k, k.rng.integer(2, 5)))
    p = record.argument(k, "params|cfg|opts|p|settings")
    keys = list(record.members)
    x = k.input("x|value|sample|state", k.real, -1.5, 1.5)
    value = combined(k, [x, *[p[key] for key in keys]])
    if k.rng.chance(0.3):
        with k.if_(p[keys[0]] > p[keys[-1]]):
            value = k.define("boosted|adjusted|v", k.saturate(value))
        result = k.var("out_val|y|res", x, lo=-1e3, hi=1e3)
        k.add(result, combined(k, [p[key] for key in keys]))
        k.give(result_name(k), result)
        return
    k.give(result_name(k), value)


@CATEGORY.motif(weight=1.3, inline=True)
def array_of_structs(k: Kit) -> None:
    """Read the fields of this thread's element."""
    vectors = [Member("position|pos|p", k.vec3, -2.0, 2.0), Member("velocity|vel|v", k.vec3, -1.0, 1.0)]
    record = Record(k, "Particle|Body|Agent|Node|Entity", of_field(k, k.rng.integer(1, 3), vectors))
    rank = len(k.place)
    items = record.array(k, "particles|bodies|nodes|agents|entities", rank)
    element = items[k.place]
    item = record.held(k.define("p|item|body|e", element) if k.rng.chance(0.7) else element, k)
    dt = k.param("dt|time_step|h", k.real, 0.01, 0.1)
    scalars = [item[m.key] for m in record.members.values() if m.type is k.real]
    moved = k.let("moved|next_pos|x_new", item["position"] + item["velocity"] * dt)
    k.give(
        "energy|measure|score", combined(k, [0.5 * k.wp.dot(item["velocity"], item["velocity"]), *scalars])
    )
    k.give("position|x_new", moved)


@CATEGORY.motif(inline=True)
def update_structs(k: Kit) -> None:
    """Advance structs and write them back."""
    record = Record(k, "State|Particle|Cell|Agent", [
        Member("position|x|pos", k.vec3, -2.0, 2.0), Member("velocity|v|vel", k.vec3, -1.0, 1.0),
        *of_field(k, k.rng.integer(1, 2)),
    ])  # fmt: skip
    rank = len(k.place)
    source = record.array(k, "states|state_in|particles|current", rank)
    target = record.array(k, "next_states|state_out|updated|particles_out", rank, "output")
    s = record.held(k.define("s|state|p|item", source[k.place]), k)
    dt, drag = k.param("dt|h", k.real, 0.01, 0.1), k.param("drag|damping|loss", k.real, 0.5, 0.95)
    extra = [key for key in record.members if key not in ("position", "velocity")]
    style = k.rng.choice(("copy", "new", "members"))
    new_v = k.let("v_new|vel|v1", s["velocity"] * drag)
    if style == "copy":
        s.set("velocity", new_v)
        s.add("position", s["velocity"] * dt)
        for key in extra:
            s.add(key, k.number(0.1, 0.9), "*")
        k.store(target, k.place, s.value)
    elif style == "new":
        values = {"position": s["position"] + new_v * dt, "velocity": new_v}
        values |= {key: s[key] * k.number(0.1, 2.0) for key in extra}
        made = record.local(k, "out_state|n|result|fresh", values)
        k.store(target, k.place, made.value)
    else:
        k.store(target, k.place, s.value)
        place = record.held(target[k.place], k)
        k.assign(place["velocity"].node, new_v)
        k.assign(place["position"].node, new_v * dt, "+")
    k.give("speed|v_norm", k.wp.length(new_v))


@CATEGORY.motif(inline=True)
def nested_structs(k: Kit) -> None:
    """Structs inside structs."""
    inner = Record(k, "Material|Properties|Medium|Inner", of_field(k, k.rng.integer(2, 3)))
    outer = Record(k, "Object|Model|Shape|Element", [
        Member("material|mat|props|inner", inner), Member("center|origin|c", k.vec3, -1.0, 1.0),
        Member("radius|size|r", k.real, 0.2, 1.5),
    ])  # fmt: skip
    use_array = k.rng.chance(0.6)
    if use_array:
        objects = outer.array(k, "objects|models|shapes|elements", len(k.place))
        o = outer.held(k.define("obj|o|shape", objects[k.place]), k)
    else:
        o = outer.argument(k, "model|obj|shape")
    m = o.inner("material")
    point = k.input("point|p|query", k.vec3, -2.0, 2.0)
    d = k.let("d|dist|distance", k.wp.length(point - o["center"]) - o["radius"])
    parts = [m[key] for key in inner.members]
    if k.rng.chance(0.4):
        result = k.var("response|out_val|v", 0.0, k.real, lo=-1e3, hi=1e3)
        with k.if_(d < 0):
            k.set(result, combined(k, [d, *parts]))
        with k.else_():
            k.set(result, combined(k, parts))
        k.give("response|value", result)
    else:
        k.give("response|value", combined(k, [d, *parts]))


@CATEGORY.motif(inline=True)
def struct_returned(k: Kit) -> None:
    """A function makes a struct and another one reads it."""
    record = Record(k, "Result|Hit|Contact|Sample|Bounds", [
        Member("value|distance|depth", k.real, -8.0, 8.0), Member("direction|normal|grad", k.vec3, -4.0, 4.0),
        Member("index|id|count", I32, 0, 3),
    ])  # fmt: skip
    x, y = k.input("x|point|p", k.vec3, -2.0, 2.0), k.input("c|center|q", k.vec3, -2.0, 2.0)
    inner = Kit(k.draft, parent=k)
    a, b = (Value(inner.name(n), k.vec3, -2.0, 2.0, k.author) for n in ("x|p|a", "c|q|b"))
    d = inner.define("d|delta|offset", a - b)
    length = inner.let("l|dist|len_sq", inner.wp.length(d))
    values = {"value": length - k.number(0.2, 1.0), "direction": d / (length + 0.1)}
    if k.rng.chance(0.5):
        made = record.local(inner, "r|res|out_res", values)
        with inner.if_(d[0] > 0):
            made.set("index", inner.lit(1))
        if k.rng.chance(0.4):
            with inner.if_(d[1] > 0):
                made.add("index", inner.lit(2))
    else:
        code = inner.define("code|octant|k", inner.wp.where(d[0] > 0, inner.lit(1), inner.lit(0)))
        made = record.local(inner, "r|res|out_res", {**values, "index": code})
    inner.leave("return", made.value)
    name = k.draft.module_name("evaluate|make_result|closest|compute_hit|measure")
    returns = f" -> {record.type.name}" if k.rng.chance(0.5) else ""
    t = k.draft.use_type(k.vec3)
    k.draft.declare(name, f"@wp.func\ndef {name}({a.text}: {t}, {b.text}: {t}){returns}:", inner.body)
    res = record.held(k.define("res|hit|r|sample", call(name, [x, y], record.type, 0, 0, k.author)), k)
    k.give(
        "value|depth", res["value"] * (k.to_real(res["index"]) + 1.0) if k.rng.chance(0.5) else res["value"]
    )
    k.give("direction|normal", res["direction"])
    k.give("index|code", res["index"])


@CATEGORY.motif(inline=True)
def struct_methods(k: Kit) -> None:
    """Functions that work on a struct."""
    record = Record(k, "Ellipse|Spring|Lens|Model|Profile", of_field(k, k.rng.integer(2, 4)))
    keys = list(record.members)

    def measure(inner: Kit, s: Held) -> Value:
        parts = [s[key] for key in keys]
        if k.rng.chance(0.3):
            with inner.if_(parts[0] < round(0.5 * (parts[0].lo + parts[0].hi), 2)):
                inner.leave("return", inner.saturate(parts[0] * 0.5))
        return combined(k, parts)

    name = method(k, "measure|evaluate|energy_of|strength|area_of", record, measure, k.real)
    if k.rng.chance(0.6):
        items = record.array(k, "items|models|springs|profiles", len(k.place))
        argument = items[k.place]
    else:
        values = {m.key: k.input(m.names, k.real, m.lo, m.hi) for m in record.members.values()}
        argument = record.local(k, "s|m|model|local", values).value
    k.give(
        "measured|value|strength",
        k.define("v|m|value", call(name, [argument], k.real, -1e3, 1e3, k.author)),
    )


@CATEGORY.motif(inline=True)
def struct_with_arrays(k: Kit) -> None:
    """A struct that carries the arrays of a model."""
    record = Record(k, "Model|Mesh|Graph|Data|Table", [
        Member("values|x|samples", k.real, -2.0, 2.0, ndim=1),
        Member("weights|w|masses", k.real, 0.1, 2.0, ndim=1), Member("scale|gain|s", k.real, 0.5, 2.0),
    ])  # fmt: skip
    model = record.argument(k, "model|data|mesh|m")
    values, weights = model.array("values"), model.array("weights")
    i = k.flat
    kind = k.rng.choice(("own", "window", "guarded"))
    if kind == "own":
        k.give("weighted|product|moment", values[i] * weights[i] * model["scale"])
        return
    total = k.var("total|acc|s", 0.0, k.real, lo=-60.0, hi=60.0)
    n = k.rng.choice((2, 3, 4, 5))
    with k.for_("j|s|offset", n) as j:
        if kind == "guarded":
            with k.if_(weights[i * n + j] > 0.5):
                k.add(total, values[i * n + j])
        else:
            k.add(total, values[i * n + j] * weights[j])
    k.give("total|weighted|sum", total * model["scale"])


@CATEGORY.motif(inline=True)
def mixed_field_types(k: Kit) -> None:
    """A struct with fields of many types."""
    special = k.rng.choice((
        Member("weight|precise|w", F64, 0.1, 1.0), Member("flags|bits|mask", U32, 0, 15),
        Member("basis|rot|A", k.mat22, -1.0, 1.0),
    ))  # fmt: skip
    record = Record(k, "Record|Header|Entry|Descriptor|Packet", [
        Member("count|n|length", I32, 1, 9), Member("scale|gain|factor", k.real, 0.2, 2.0),
        Member("offset|origin|shift", k.vec2 if k.rng.chance(0.5) else k.vec3, -1.0, 1.0),
        Member("enabled|active|valid", BOOL, 0, 1), special,
    ])  # fmt: skip
    by_value = k.rng.chance(0.4)
    if by_value:
        r = record.argument(k, "header|desc|info")
    else:
        entries = record.array(k, "records|entries|packets|headers", len(k.place))
        r = record.held(k.define("r|rec|entry", entries[k.place]), k)
    x = k.input("x|value|signal", k.real, -1.0, 1.0)
    part = r[special.key]
    if special.type is F64:
        factor = k.to_real(part)
    else:
        factor = part[0, 0] if special.type is k.mat22 else k.to_real(k.cast(part & 3, I32))
    out = k.var("out_val|result|y", x, lo=-1e3, hi=1e3)
    k.add(out, k.wp.length(r["offset"]) * factor)
    with k.if_(r["enabled"]):
        k.change(out, "*", r["scale"])
        if k.rng.chance(0.5):
            k.add(out, k.to_real(r["count"]))
    with k.else_():
        k.change(out, "-", k.to_real(r["count"]))
    k.give("decoded|value|result", out)


@CATEGORY.motif(inline=True)
def struct_accumulator(k: Kit) -> None:
    """Collect statistics in a local struct."""
    record = Record(k, "Stats|Accumulator|Summary|Moments", [
        Member("total|sum_x|s1", k.real, -40.0, 40.0), Member("squares|sum_xx|s2", k.real, 0.0, 90.0),
        Member("lowest|min_x|lo", k.real, -9.0, 9.0), Member("highest|max_x|hi", k.real, -9.0, 9.0),
    ])  # fmt: skip
    n = k.rng.choice((4, 6, 8))
    xs = k.array("samples|values|data|window", k.real, lo=-2.0, hi=2.0)
    s = record.local(k, "stats|acc|st|summary")
    start = k.number(5.0, 9.0)
    s.set("lowest", k.lit(start))
    s.set("highest", k.lit(-start))
    with k.for_("j|i|c", n) as j:
        v = k.define("v|x|value", xs[k.flat * n + j])
        s.add("total", v)
        s.add("squares", v * v)
        s.set("lowest", k.wp.min(s["lowest"], v))
        s.set("highest", k.wp.max(s["highest"], v))
    mean = k.define("mean|avg|mu", s["total"] / float(n))
    k.give("variance|spread|var", s["squares"] / float(n) - mean * mean)
    k.give("span|range_width|extent", s["highest"] - s["lowest"])


@CATEGORY.motif(inline=True)
def struct_ray_sphere(k: Kit) -> None:
    """Intersect a ray struct with a sphere struct."""
    ray = Record(k, "Ray|Line|Segment", [
        Member("origin|o|start", k.vec3, -2.0, 2.0), Member("direction|dir|d", k.vec3, 0.2, 1.0),
    ])  # fmt: skip
    ball = Record(k, "Sphere|Ball|Particle", [
        Member("center|c|pos", k.vec3, -1.0, 1.0), Member("radius|r|size", k.real, 0.5, 1.5),
    ])  # fmt: skip
    rank = len(k.place)
    r = ray.held(k.define("ray|seg|line", ray.array(k, "rays|lines|segments", rank)[k.place]), k)
    if k.rng.chance(0.5):
        s = ball.argument(k, "sphere|ball|target")
    else:
        s = ball.held(k.define("s|sphere|ball", ball.array(k, "spheres|balls|targets", rank)[k.place]), k)
    oc = k.let("oc|m|rel", r["origin"] - s["center"])
    b = k.let("b|proj|half_b", k.wp.dot(oc, k.wp.normalize(r["direction"])))
    c = k.let("c|dist2|q", k.wp.dot(oc, oc) - s["radius"] * s["radius"])
    disc = k.let("disc|h|delta", b * b - c)
    t = k.var("t|t_hit|depth", -1.0, k.real, lo=-9.0, hi=9.0)
    with k.if_(disc > 0):
        k.set(t, -b - k.wp.sqrt(disc.within(0.01, 40.0) + 0.01))
    k.give("t_hit|depth|distance", t)
    if k.rng.chance(0.5):
        k.give("hit|is_hit|mask", k.select("hit|mask", disc > 0, k.lit(1), 0))


@CATEGORY.motif(inline=True)
def struct_of_indices(k: Kit) -> None:
    """Follow the links stored in structs."""
    record = Record(k, "Edge|Link|Spring|Bond|Constraint", [
        Member("first|a|i0", I32, 0, 31), Member("second|b|i1", I32, 0, 31),
        Member("rest|length|l0", k.real, 0.2, 1.0), Member("stiffness|k|ke", k.real, 0.5, 5.0),
    ])  # fmt: skip
    links = record.array(k, "edges|links|springs|bonds", len(k.place))
    e = record.held(k.define("e|link|s", links[k.place]), k)
    dim = k.rng.choice((k.vec2, k.vec3))
    x = k.array("positions|x|points|nodes", dim, lo=-1.0, hi=1.0)
    d = k.let("d|delta|xij", x[e["second"]] - x[e["first"]])
    dist = k.let("dist|l|length", k.wp.length(d))
    f = k.let("f|force|pull", d * (e["stiffness"] * (dist - e["rest"]) / (dist + 0.1)))
    if k.rng.chance(0.5):
        forces = k.output("forces|f|node_forces", dim)
        forces.spec.need[0] = max(forces.spec.need[0], 32)
        k.discard(k.atomic("add", forces, e["first"], f))
        k.discard(k.atomic("sub", forces, e["second"], f))
        k.give("strain|stretch", dist - e["rest"])
    else:
        k.give("force|pull", f)
        k.give("energy|e_spring", 0.5 * e["stiffness"] * (dist - e["rest"]) * (dist - e["rest"]))


@CATEGORY.motif(inline=True)
def swap_struct_fields(k: Kit) -> None:
    """Pick between two structs."""
    record = Record(
        k, "Candidate|Choice|Option|Solution", [Member("cost|score|loss", k.real, 0.0, 4.0), *of_field(k, 2)]
    )
    rank = len(k.place)
    first, second = (
        record.array(k, "candidates|current|left", rank),
        record.array(k, "proposals|trial|right", rank),
    )
    target = record.array(k, "best|accepted|chosen", rank, "output")
    a, b = (
        record.held(k.define("a|cur|old", first[k.place]), k),
        record.held(k.define("b|new|prop", second[k.place]), k),
    )
    with k.if_(
        b["cost"] < a["cost"]
        if k.rng.chance(0.7)
        else b["cost"] <= a["cost"] + k.param("slack|temperature|tol", k.real, 0.1, 0.5)
    ):
        k.store(target, k.place, b.value)
    with k.else_():
        k.store(target, k.place, a.value)
    k.give("improvement|gain|delta", a["cost"] - b["cost"])
