"""The Python of docs/python.md and of the notebook beside it runs as it stands."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.support.commands import finished
from tests.support.pages import ROOT

PAGE, NOTEBOOK = ROOT / "docs" / "python.md", ROOT / "docs" / "python.ipynb"


def page_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.S | re.M)


def notebook_cells() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.slow
@pytest.mark.parametrize("cells", [page_blocks, notebook_cells], ids=["page", "notebook"])
def test_every_block_runs(cells: object, tmp_path: Path) -> None:
    """From the first to the last, in one process, from the checkout."""
    assert callable(cells)
    program = tmp_path / "blocks.py"
    program.write_text("\n".join(cells()))
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = finished([sys.executable, program], 300, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    assert "True True same" in done.stdout


def test_the_notebook_shows_no_errors_and_no_paths() -> None:
    """Its outputs are there, and none is a traceback or names a folder of the machine that made it."""
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    outputs = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert outputs and all(output["output_type"] == "stream" for output in outputs)
    assert not re.search(r"/(home|root|tmp|work)/", NOTEBOOK.read_text())
