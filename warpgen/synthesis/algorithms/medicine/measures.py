"""Measures that clinics compute from a few readings of a patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.medicine import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form

_READINGS = {
    "kg": "body mass",
    "cm": "height",
    "age": "age",
    "creatinine": "serum creatinine",
    "cholesterol": "total cholesterol",
    "hdl": "HDL cholesterol",
    "triglycerides": "triglycerides",
    "qt": "QT interval",
    "pulse": "heart rate",
    "systolic": "systolic pressure",
    "diastolic": "diastolic pressure",
    "po2": "arterial oxygen pressure",
    "pco2": "arterial carbon dioxide pressure",
    "sodium": "serum sodium",
    "chloride": "serum chloride",
    "bicarbonate": "serum bicarbonate",
}


@DOMAIN.algorithm(
    source="Du Bois & Du Bois 1916; Mosteller 1987; Mifflin et al. 1990; Cockcroft & Gault 1976; Friedewald 1972; Bazett 1920",
    names={
        "clinical_measures": "patient_indices|bedside_formulas|clinical_index",
        "kg": "mass|body_mass",
        "cm": "height|height_cm",
        "age": "age_years",
        "out": "result|values|out_values",
        "female": "is_female|woman|is_woman",
    },
    weight=3,
)
def clinical_measures(d: Draft) -> None:
    """Computes per-patient clinical indices."""
    kind = d.option(
        "kind", "mass index", "du bois", "mosteller", "resting energy", "clearance", "lipids", "corrected qt", "arterial pressure",
        "oxygen gradient", "anion gap",
    )  # fmt: skip
    graded = d.option("result", "value", "grade", "z score", weights=(0.5, 0.2, 0.3))
    word = {
        "mass index": "body_mass_index",
        "du bois": "body_surface_area",
        "mosteller": "body_surface_area",
        "resting energy": "resting_energy",
        "clearance": "creatinine_clearance",
        "lipids": "ldl_cholesterol",
        "corrected qt": "corrected_qt",
        "arterial pressure": "mean_arterial_pressure",
        "oxygen gradient": "oxygen_gradient",
        "anion gap": "anion_gap",
    }[kind]
    d.calls({
        "value": f"{word}|compute_{word}|{word}_kernel",
        "grade": f"grade_{word}|{word}_grades",
        "z score": f"{word}_z_scores|standardize_{word}",
    }[graded])  # fmt: skip
    d.says({
        "mass index": "Computes body mass indices.",
        "du bois": "Computes body surface areas using the Du Bois formula.",
        "mosteller": "Computes body surface areas using the Mosteller formula.",
        "resting energy": "Computes resting energy expenditure using the Mifflin-St Jeor equation.",
        "clearance": "Estimates creatinine clearance using the Cockcroft-Gault equation.",
        "lipids": "Estimates LDL cholesterol using the Friedewald equation"
        + (", -1 if not applicable." if graded == "value" else " (valid up to 400 mg/dl triglycerides)."),
        "corrected qt": "Corrects QT intervals for heart rate using Bazett's formula.",
        "arterial pressure": "Computes mean arterial pressures.",
        "oxygen gradient": "Computes alveolar-arterial oxygen gradients.",
        "anion gap": "Computes anion gaps, corrected for albumin.",
    }[kind])  # fmt: skip
    if graded != "value":
        d.says(
            d.sentence.rstrip(".")
            + (
                "," * ("," in d.sentence) + " and grades the result."
                if graded == "grade"
                else ", as z-scores."
            )
        )
    form = Form(d)
    readings: dict[str, tuple[tuple[str, str, float, float, str], ...]] = {
        "mass index": (("kg", "masses", 55, 95, "kg"), ("cm", "heights", 155, 190, "cm")),
        "du bois": (("kg", "masses", 55, 95, "kg"), ("cm", "heights", 155, 190, "cm")),
        "mosteller": (("kg", "masses", 55, 95, "kg"), ("cm", "heights", 155, 190, "cm")),
        "resting energy": (("kg", "masses", 55, 95, "kg"), ("cm", "heights", 155, 190, "cm"), ("age", "ages", 20, 80, "years")),
        "clearance": (("kg", "masses", 55, 95, "kg"), ("age", "ages", 20, 80, "years"), ("creatinine", "creatinines", 0.6, 1.6, "mg/dl")),
        "lipids": (("cholesterol", "cholesterols", 160, 280, "mg/dl"), ("hdl", "hdls", 30, 70, "mg/dl"), ("triglycerides", "triglycerides_in", 60, 500 if graded == "value" else 400, "mg/dl")),
        "corrected qt": (("qt", "intervals", 340, 430, "ms"), ("pulse", "pulses", 55, 95, "1/min")),
        "arterial pressure": (("systolic", "systolics", 95, 180, "mmHg"), ("diastolic", "diastolics", 55, 94, "mmHg")),
        "oxygen gradient": (("po2", "arterial_oxygen", 60, 90, "mmHg"), ("pco2", "arterial_co2", 32, 44, "mmHg")),
        "anion gap": (("sodium", "sodiums", 136, 146, "mmol/l"), ("chloride", "chlorides", 97, 106, "mmol/l"), ("bicarbonate", "bicarbonates", 18, 28, "mmol/l")),
    }  # fmt: skip
    for local, array, low, high, unit in readings[kind]:
        form.element(local, array, low, high, about=f"{_READINGS[local]} [{unit}]")
    sexed = kind in ("resting energy", "clearance")
    if sexed:
        form.element("female", "women", 0, 1, "bool", about="True for female patients")
    if kind == "oxygen gradient":
        # grades suppose room air
        form.number("fio2", 0.21, 0.4 if graded == "value" else 0.22, about="inspired oxygen fraction")
    if kind == "anion gap":
        form.element("albumin", "albumins", 2.0, 4.5, about="serum albumin [g/dl]")
    limits = {
        "mass index": (18.5, 25.0), "du bois": (1.6, 2.0), "mosteller": (1.6, 2.0), "resting energy": (1300.0, 1800.0),
        "clearance": (90.0, 140.0), "lipids": (100.0, 160.0), "corrected qt": (350.0, 440.0), "arterial pressure": (70.0, 105.0),
        "oxygen gradient": (5.0, 20.0), "anion gap": (8.0, 16.0),
    }[kind]  # fmt: skip
    unit_ = {
        "mass index": "kg/m^2", "du bois": "m^2", "mosteller": "m^2", "resting energy": "kcal/day", "clearance": "ml/min",
        "lipids": "mg/dl", "corrected qt": "ms", "arterial pressure": "mmHg", "oxygen gradient": "mmHg", "anion gap": "mmol/l",
    }[kind]  # fmt: skip
    about = {
        "value": f"{word.replace('_', ' ').replace('qt', 'QT').replace('ldl', 'LDL')} [{unit_}]",
        "grade": "grade, -1 below the reference range, 0 within, 1 above",
        "z score": "z-scores",
    }
    form.output("out", "int" if graded == "grade" else "float", about=about[graded])
    if graded == "grade":
        d.forward_only()
    lines, value = {
        "mass index": ("m = 0.01 * cm", "kg / (m * m)"),
        "du bois": ("", "0.007184 * wp.pow(kg, 0.425) * wp.pow(cm, 0.725)"),
        "mosteller": ("", "wp.sqrt(kg * cm / 3600.0)"),
        "resting energy": ("base = 10.0 * kg + 6.25 * cm - 5.0 * age", "base + wp.where(female, -161.0, 5.0)"),
        "clearance": ("c = (140.0 - age) * kg / (72.0 * creatinine)", "wp.where(female, 0.85 * c, c)"),
        "lipids": ("ldl = cholesterol - hdl - 0.2 * triglycerides\n# Friedewald is not valid above 400 mg/dl triglycerides\nldl = wp.where(triglycerides > 400.0, -1.0, ldl)", "ldl" if graded == "value" else "cholesterol - hdl - 0.2 * triglycerides"),
        "corrected qt": ("# RR interval in seconds; Bazett divides QT by its square root\nrr = 60.0 / pulse", "qt / wp.sqrt(rr)"),
        "arterial pressure": ("# Diastole takes about two thirds of the cardiac cycle", "diastolic + (systolic - diastolic) / 3.0"),
        "oxygen gradient": ("# Alveolar gas equation at sea level, respiratory quotient 0.8\nalveolar = fio2 * (760.0 - 47.0) - pco2 / 0.8", "alveolar - po2"),
        "anion gap": ("gap = sodium - chloride - bicarbonate", "gap + 2.5 * (4.0 - albumin)"),
    }[kind]  # fmt: skip
    if kind == "lipids" and graded != "value":
        lines = ""  # what marks a missing estimate has no grade
    low_, high_ = limits
    if graded == "value" and lines.splitlines()[-1:] and lines.splitlines()[-1].startswith("#"):
        lines, value = f"{lines}\npressure = {value}", "pressure"
    if graded == "grade":
        d.module(f"USUAL_LOW = wp.constant({low_})\nUSUAL_HIGH = wp.constant({high_})")
        lines += f"\nmeasure = {value}\nabove = wp.where(measure > USUAL_HIGH, 1, 0)"
        value = "wp.where(measure < USUAL_LOW, -1, above)"
    elif graded == "z score":
        # The usual range is two standard deviations to either side of its middle
        d.module(
            f"USUAL_MEAN = wp.constant({(low_ + high_) / 2!r})\n"
            f"USUAL_DEVIATION = wp.constant({round((high_ - low_) / 4, 4)!r})"
        )
        lines += f"\nmeasure = {value}"
        value = "(measure - USUAL_MEAN) / USUAL_DEVIATION"
    kept = {"value": "of", "grade": "grade", "z score": "z_score"}[graded]
    form.write(f"{word}_{kept}", lines.strip(), value)

    def measured(v: Values) -> Any:
        found: dict[str, Callable[[], Any]] = {
            "mass index": lambda: v.masses / (v.heights / 100) ** 2,
            "du bois": lambda: 0.007184 * v.masses**0.425 * v.heights**0.725,
            "mosteller": lambda: np.sqrt(v.masses * v.heights / 3600),
            "resting energy": lambda: (
                10 * v.masses + 6.25 * v.heights - 5 * v.ages + np.where(v.women, -161, 5)
            ),
            "clearance": lambda: (
                (140 - v.ages) * v.masses / (72 * v.creatinines) * np.where(v.women, 0.85, 1)
            ),
            "lipids": lambda: np.where(
                v.triglycerides_in > 400, -1, v.cholesterols - v.hdls - v.triglycerides_in / 5
            ),
            "corrected qt": lambda: v.intervals / np.sqrt(60 / v.pulses),
            "arterial pressure": lambda: (v.systolics + 2 * v.diastolics) / 3,
            "oxygen gradient": lambda: v["fio2"] * 713 - v.arterial_co2 / 0.8 - v.arterial_oxygen,
            "anion gap": lambda: v.sodiums - v.chlorides - v.bicarbonates + 2.5 * (4 - v.albumins),
        }
        return found[kind]()

    if graded == "grade":

        def agree(v: Values, after: Values) -> None:
            x = measured(v)
            sure = (np.abs(x - low_) > 1e-2) & (np.abs(x - high_) > 1e-2)
            want = (x > high_).astype(int) - (x < low_)
            np.testing.assert_array_equal(after.out[sure], want[sure])

        d.holds(agree)
        return

    def reference(v: Values) -> Mapping[str, Any]:
        x = measured(v)
        if graded == "z score":
            x = (x - (low_ + high_) / 2) / round((high_ - low_) / 4, 4)
        return {"out": x}

    d.check(reference, 1e-3)
