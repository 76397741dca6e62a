"""The README and the sample programs of the official SDK's source distribution print the same with both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import MATERIAL, Both

SDK = Path(MATERIAL) / "sdk"
# Without them, one test each that is skipped.
SAMPLES = sorted(SDK.glob("examples/*/*.py")) if MATERIAL else [SDK]
README = re.findall(r"```python\n(.*?)```", (SDK / "README.md").read_text("utf-8"), re.DOTALL) if MATERIAL else [""]
# Some snippets of the README go on with the client of the one before.
GIVEN = "from soniox import SonioxClient\n\nclient = SonioxClient()\n"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_sample_program_prints_the_same_with_both(sample: Path, material: Path, both: Both) -> None:
    # Also a voice that the service has taken away from their model since.
    official, ours = both(sample, voices=["Adrian", "Daniel", "Maya"])

    assert official
    assert not official or not official[-1].startswith("ended by")
    assert ours == official


@pytest.mark.parametrize("number", range(len(README)))
def test_a_snippet_of_the_readme_prints_the_same_with_both(
    number: int, material: Path, both: Both, tmp_path: Path
) -> None:
    snippet = README[number]
    program = tmp_path / "snippet.py"
    program.write_text(snippet if "SonioxClient()" in snippet else GIVEN + snippet, encoding="utf-8")

    official, ours = both(program)

    assert not official or not official[-1].startswith("ended by")
    assert ours == official
