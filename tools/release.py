"""Build a release and check it, if the checkout is ready for one, and say what is left to a person."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import warpgen

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Leave the files in dist/; 1 where something is in the way."""
    version = warpgen.__version__
    found = problems(ROOT, version)
    for problem in found:
        print(problem, file=sys.stderr)
    if found or not _built():
        return 1
    print(f"\nTo publish it:\n    git push origin v{version}\n    ./scripts/python -m twine upload dist/*")
    return 0


def problems(folder: Path, version: str) -> list[str]:
    """What is in the way of a release, each with what to do about it."""
    found = []
    if _git(folder, "status", "--porcelain"):
        found.append("there are changes: commit or remove them")
    if f"v{version}" not in _git(folder, "tag", "--points-at", "HEAD").split():
        found.append(f"this is not what v{version} names: git tag -a v{version} -m 'warpgen {version}'")
    entry = re.search(r"^## (.*)$", (folder / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    if not entry or not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", entry[1]):
        found.append(f"the first entry of CHANGELOG.md is not `## {version} (YYYY-MM-DD)`: give it its date")
    if "[project.urls]" not in (folder / "pyproject.toml").read_text(encoding="utf-8"):
        found.append("pyproject.toml has no [project.urls]: say there where the code and its issues are")
    if f"\nversion: {version}\n" not in (folder / "CITATION.cff").read_text(encoding="utf-8"):
        found.append(f"CITATION.cff is of another version: write {version} there")
    return found


def _built() -> bool:
    """Whether source archive and wheel could be made, and hold what an index asks for."""
    made = ROOT / "dist"
    for path in made.glob("*"):
        path.unlink()
    # The same commit gives the same bytes.
    environment = os.environ | {"SOURCE_DATE_EPOCH": _git(ROOT, "log", "-1", "--format=%ct").strip()}
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(made), str(ROOT)]
    if subprocess.run(build, env=environment).returncode:
        return False
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, made.glob("*"))]
    return not subprocess.run(check).returncode


def _git(folder: Path, *args: str) -> str:
    command = ["git", "-C", str(folder), *args]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
