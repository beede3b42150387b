"""Version and licence of what is harvested: of its metadata, of its own pyproject.toml, or of its LICENSE."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

UNKNOWN = "unknown"
_MARK = re.compile(rb"^#\s*SPDX-License-Identifier:([^\r\n]+)", re.MULTILINE)
_NAMES = ("LICENSE", "LICENCE", "COPYING", "UNLICENSE")
# How a licence's text begins or what only it says, the narrower before the wider.
_TEXTS = (
    ("Apache-2.0", r"apache license,?\s+version 2\.0"),
    ("AGPL-3.0", r"gnu affero general public license\s+version 3"),
    ("LGPL-3.0", r"gnu lesser general public license\s+version 3"),
    ("LGPL-2.1", r"gnu lesser general public license\s+version 2\.1"),
    ("GPL-3.0", r"gnu general public license\s+version 3"),
    ("GPL-2.0", r"gnu general public license\s+version 2"),
    ("MPL-2.0", r"mozilla public license,?\s+(?:version|v\.) 2\.0"),
    ("BSL-1.0", r"boost software license - version 1\.0"),
    ("BSD-3-Clause", r"redistribution and use in source and binary forms.*neither the name of"),
    ("BSD-2-Clause", r"redistribution and use in source and binary forms"),
    ("MIT-0", r"mit no attribution"),
    (
        "MIT",
        r"permission is hereby granted, free of charge.*above copyright notice and this permission notice",
    ),
    (
        "ISC",
        r"permission to use, copy, modify, and(?:/or)? distribute this software.*the above copyright notice",
    ),
    ("0BSD", r"permission to use, copy, modify, and(?:/or)? distribute this software"),
    ("Unlicense", r"this is free and unencumbered software released into the public domain"),
    ("CC0-1.0", r"cc0 1\.0 universal"),
    ("CC-BY-4.0", r"creative commons attribution 4\.0"),
)
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "BSD License": "BSD",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def about(top: str, folder: Path, own: Path | None = None) -> tuple[str, str]:
    """Version and licence of package `top` in `folder`: of its distribution, else of the checkout's files.

    `own` is the folder that was asked for, where one was; files above it count up to the top of its checkout.
    """
    version, licence = _installed(top, folder)
    if own is None or licence != UNKNOWN:
        return version, licence
    for place in _upwards(own):
        told = _project(place)
        version = version or told[0]
        licence = told[1] if told[1] != UNKNOWN else _file(place)
        if licence != UNKNOWN:
            break
    return version, licence


def of_file(text: bytes, file: Path, roots: Sequence[Path]) -> str:
    """A file's own licence, '' for none: its head's, or that of a folder below the roots."""
    marked = _MARK.search(text[:4096])
    if marked:
        return marked[1].decode(errors="replace").strip()
    for place in file.parents:
        if place in roots or not any(root in place.parents for root in roots):
            return ""
        licence = _project(place)[1]
        if licence != UNKNOWN or _files(place):
            return licence if licence != UNKNOWN else _file(place)
    return ""


def _installed(top: str, folder: Path) -> tuple[str, str]:
    for distribution in metadata.distributions(path=[str(folder)]):
        names = (distribution.read_text("top_level.txt") or "").split()
        files = {file.parts[0] for file in distribution.files or [] if len(file.parts) > 1}
        if top in names or top in files:
            return distribution.version, _licence(distribution)
    return "", UNKNOWN


def _licence(distribution: metadata.Distribution) -> str:
    """The SPDX expression, else the classifier's or the free text's first line."""
    about = distribution.metadata
    for expression in about.get_all("License-Expression") or []:
        return str(expression)
    for classifier in about.get_all("Classifier") or []:
        if classifier.startswith("License ::"):
            return str(classifier.rpartition(" :: ")[2])
    for text in about.get_all("License") or []:
        return _short(str(text))
    return UNKNOWN


def _upwards(folder: Path) -> list[Path]:
    """The folder and those above it, to the first that holds a project or a checkout."""
    found = []
    for place in (folder, *folder.parents):
        found.append(place)
        if any((place / name).exists() for name in (".git", "pyproject.toml", "setup.py", "setup.cfg")):
            return found
    return [folder]  # above is nobody's project: a licence there is of something else


def _project(folder: Path) -> tuple[str, str]:
    """Version and licence as pyproject.toml says."""
    try:
        told = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "", UNKNOWN
    project = told.get("project") or _table(_table(told, "tool"), "poetry")
    if not isinstance(project, Mapping):
        return "", UNKNOWN
    version, licence = project.get("version"), project.get("license")
    return version if isinstance(version, str) else "", _told(folder, project, licence)


def _told(folder: Path, project: Mapping[str, Any], licence: Any) -> str:
    if isinstance(licence, str) and licence.strip():
        return _short(licence)
    if isinstance(licence, Mapping):
        if isinstance(licence.get("text"), str):
            return _short(licence["text"])
        if isinstance(licence.get("file"), str) and ".." not in licence["file"]:
            return _read(folder / licence["file"])
    for classifier in project.get("classifiers") or []:
        if isinstance(classifier, str) and classifier.startswith("License ::"):
            name = classifier.rpartition(" :: ")[2]
            return _CLASSIFIERS.get(name, name)
    return UNKNOWN


def _table(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, Mapping) else {}


def _file(folder: Path) -> str:
    """What the folder's LICENSE is."""
    found = [licence for path in _files(folder) if (licence := _read(path)) != UNKNOWN]
    return found[0] if found else UNKNOWN


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.stem.upper() in _NAMES and path.is_file())
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")[: 1 << 16]
    except OSError:
        return UNKNOWN
    return _named(text) or UNKNOWN


def _short(text: str) -> str:
    """A licence's name, as it stands or as its text tells."""
    if len(text) > 60 or "\n" in text.strip():
        return _named(text) or text.strip().splitlines()[0][:100]
    return text.strip() or UNKNOWN


def _named(text: str) -> str:
    plain = " ".join(text.split()).lower()
    marked = re.search(r"spdx-license-identifier:\s*([\w.+-]+)", text, re.IGNORECASE)
    if marked:
        return marked[1]
    return next((name for name, said in _TEXTS if re.search(said, plain, re.DOTALL)), "")
