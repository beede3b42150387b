"""A release is made of one commit whose version, tag, changelog and citation agree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.release import problems


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout that is ready."""
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 (2026-01-31)\n\n## 1.2.2 (2026-01-01)\n")
    (tmp_path / "pyproject.toml").write_text("[project.urls]\n")
    (tmp_path / "CITATION.cff").write_text("type: software\nversion: 1.2.3\n")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "all"], ["tag", "v1.2.3"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def test_a_checkout_that_agrees_is_ready(folder: Path) -> None:
    """Nothing is in the way."""
    assert problems(folder, "1.2.3") == []


def test_another_version_is_told_place_by_place(folder: Path) -> None:
    """Tag, changelog and citation."""
    assert [told.split(":")[0] for told in problems(folder, "1.3.0")] == [
        "this is not what v1.3.0 names",
        "the first entry of CHANGELOG.md is not `## 1.3.0 (YYYY-MM-DD)`",
        "CITATION.cff is of another version",
    ]


def test_what_is_not_committed_or_not_released_is_told(folder: Path) -> None:
    """A change, here of the date."""
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 (unreleased)\n")
    assert [told.split(":")[0] for told in problems(folder, "1.2.3")] == [
        "there are changes",
        "the first entry of CHANGELOG.md is not `## 1.2.3 (YYYY-MM-DD)`",
    ]
