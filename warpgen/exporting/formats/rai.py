"""What Croissant's vocabulary for responsible AI asks of a dataset, for its metadata and data statement.

The vocabulary is https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warpgen.record import Target
from warpgen.reporting.headline import LEVELS
from warpgen.reporting.manifest import Manifest

CONFORMS = "http://mlcommons.org/croissant/RAI/1.0"

_TEXTS: dict[str, str | tuple[str, ...]] = {
    "dataCollection": (
        "warpgen wrote every program from a seed: algorithms from the literature in many forms, with "
        "names, sizes and layout drawn. Warp's own code generator wrote the C++ and CUDA C++. Nothing "
        "was collected from people or from the web."
    ),
    "dataCollectionType": "Software Collection",
    "dataCollectionRawData": (
        "There is none: the command in the manifest makes the same bytes again, on any machine and "
        "with any number of workers."
    ),
    "dataPreprocessingProtocol": (
        "Programs that equal an earlier one, or equal it but for names and constants, are left out "
        "and counted.",
        "Paths of the machine are taken out of the comments of generated code.",
        "Splits are drawn by cluster of near-duplicates.",
    ),
    "dataAnnotationProtocol": (
        "Verdicts in column `verified` come from compilers and from runs of the row's own text; "
        "nobody labelled a row.",
    ),
    "machineAnnotationTools": ("Warp", "clang as it comes with Warp", "NVRTC", "NumPy"),
    "dataUseCases": (
        "Training and evaluation of models that write, translate, differentiate or explain GPU kernels.",
        "Tests of compilers, of code generators and of automatic differentiation.",
    ),
    "dataLimitations": (
        "The programs are synthesised: each computes what its sentence says, and nobody needed it.",
        "The code is that of one version of Warp; others write other text.",
        "No GPU was used: what was checked of CUDA code, compilers and an emulation on the CPU checked. "
        "Nothing is said of its speed.",
        "Warp's adjoint of a loop whose length is not known beforehand can be wrong by design.",
    ),
    "dataBiases": (
        "Domains are simulation, geometry, graphics, learning and numerics, in shares that the "
        "authors chose.",
        "Names, comments and summaries are English, and follow a few habits of style.",
    ),
    "personalSensitiveInformation": ("None: no text was written by or about a person.",),
    "dataSocialImpact": (
        "Models that write correct GPU kernels save work and energy; the data teaches nothing about people."
    ),
    "dataReleaseMaintenancePlan": (
        "A release is never changed: another version of warpgen or Warp makes another one. What is "
        "wrong with a row is put right in the generator, and told in the changelog."
    ),
}


def rai(manifests: Mapping[Target, Manifest]) -> dict[str, Any]:
    """Properties by name, the prefix `rai:` included; `dataAnnotationAnalysis` tells what was checked."""
    told = {f"rai:{name}": list(text) if isinstance(text, tuple) else text for name, text in _TEXTS.items()}
    levels = dict.fromkeys(LEVELS[manifest.recipe.verify] for manifest in manifests.values())
    return told | {"rai:dataAnnotationAnalysis": list(levels)}
