"""The generated text is what Warp itself writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import warp

from tests.support.commands import python
from tests.support.corpus import PROGRAMS
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.program import Program
from warpgen.record import TARGETS
from warpgen.synthesis.generator import Options, synthesize


@pytest.fixture(scope="module", autouse=True)
def warp_started() -> None:
    warp_api.start()


def test_text_is_byte_for_byte_what_warp_writes(tmp_path: Path) -> None:
    """Both targets of the corpus and of synthesised programs equal Warp's own files but for folders."""
    programs: dict[str, Program] = {p.name: p for p in PROGRAMS}
    programs |= {f"synthesised{i}": synthesize(0, i, Options()) for i in range(12)}
    for name, program in programs.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "kernel.py").write_text(program.source)
        (folder / "name").write_text(program.name)
    done = python("-m", "tests.support.warp_reference", tmp_path, seconds=240)
    assert done.returncode == 0, done.stderr
    library = str(Path(warp.__file__).parent.parent)
    for name, program in programs.items():
        codes = lower(program, TARGETS)
        for target in TARGETS:
            expected = (tmp_path / name / f"{target}.txt").read_text()
            expected = expected.replace(f"// {tmp_path / name}/", "// ").replace(f"// {library}/", "// ")
            assert expected == codes[target].text, f"{name} for {target}"
