"""The Python of docs/python.md and of the notebook beside it runs as it stands."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY, finished

PAGE, NOTEBOOK = REPOSITORY / "docs" / "python.md", REPOSITORY / "docs" / "python.ipynb"


def page_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.S | re.M)


def notebook_cells() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("cells", [page_blocks, notebook_cells], ids=["page", "notebook"])
def test_every_block_runs(cells: object, tmp_path: Path) -> None:
    """From the first to the last, in one process, from the checkout."""
    assert callable(cells)
    program = tmp_path / "blocks.py"
    program.write_text("\n".join(cells()))
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}
    done = finished([sys.executable, program], 300, cwd=REPOSITORY, env=environment)
    assert done.returncode == 0, done.stderr
    assert "True right 1.0" in done.stdout
