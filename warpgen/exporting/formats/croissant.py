"""Croissant metadata of an export: what the files are and what their columns mean, for machines.

The format is https://docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html; tests hold what is
written here to the `mlcroissant` package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from warpgen.exporting.formats.rai import CONFORMS, rai
from warpgen.exporting.views.view import View
from warpgen.record import Target
from warpgen.reporting.manifest import Manifest

if TYPE_CHECKING:
    from warpgen.exporting.formats.files import File
    from warpgen.exporting.formats.summary import Summary

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "equivalentProperty": "cr:equivalentProperty",
    "samplingRate": "cr:samplingRate",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_PARQUET = "application/x-parquet"
_TYPES = {"string": "sc:Text", "int64": "sc:Integer", "double": "sc:Float", "bool": "sc:Boolean"}
# As CITATION.cff has it.
TITLE = "warpgen: reproducible, verified datasets of NVIDIA Warp kernels with their C++ and CUDA C++ "
TITLE += "lowerings"


def croissant(summary: Summary, chosen: View, manifests: Mapping[Target, Manifest]) -> bytes:
    """The text of croissant.json."""
    made = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", CONFORMS],
        "name": f"warpgen-{summary.view}",
        "description": "NVIDIA Warp kernels with the C++ and CUDA C++ that Warp generates: " + chosen.about,
        "license": f"https://spdx.org/licenses/{summary.licence}.html",
        "version": summary.warpgen,
        "citeAs": f"The warpgen contributors: {TITLE}, version {summary.warpgen}",
        "keywords": ["GPU kernels", "code generation", "NVIDIA Warp", "CUDA", "automatic differentiation"],
        **rai(manifests),
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": "data",
                "name": "data",
                "encodingFormat": _PARQUET,
                "includes": "data/*.parquet",
            },
            *(_file(file) for file in summary.files),
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": summary.view,
                "name": summary.view,
                "field": [_field(f"{summary.view}/{f.name}", f.type, f.name) for f in chosen.schema],
            }
        ],
    }
    return json.dumps(made, indent=1).encode() + b"\n"


def _file(file: File) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": _PARQUET,
        "sha256": file.sha256,
    }


def _field(identity: str, kind: pa.DataType, column: str, path: str = "") -> dict[str, Any]:
    """A column, or the part of one that stands at `path`."""
    made: dict[str, Any] = {"@type": "cr:Field", "@id": identity, "name": identity}
    repeated = pa.types.is_list(kind)
    if repeated:
        made["repeated"] = True
        kind = kind.value_type
    made["source"] = _source(column, path)
    if pa.types.is_struct(kind):
        made["subField"] = [
            _field(f"{identity}/{inner.name}", inner.type, column, f"{path}.{inner.name}".lstrip("."))
            for inner in kind
            # Croissant has no lists within lists of objects: a reader finds them in the columns' own types.
            if not (repeated and pa.types.is_nested(inner.type))
        ]
    else:
        made["dataType"] = _TYPES[str(kind)]
    return made


def _source(column: str, path: str) -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": "data"}, "extract": {"column": column}}
    return source | ({"transform": {"jsonPath": path}} if path else {})
