"""Programs as users write them for the official SDK print the same with both."""

from __future__ import annotations

from pathlib import Path

import pytest

from soniox_testing import after_polls

from .conftest import Both

PROGRAMS = sorted(Path(__file__).parent.joinpath("programs").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_prints_the_same_with_both(program: Path, both: Both) -> None:
    # A job is not done before a program has looked at it, however long that takes; but webhooks come without a look.
    progress = None if program.stem == "webhooks" else after_polls(queued=1, processing=0)
    official, ours = both(program, progress=progress)

    assert not official or not official[-1].startswith("ended by")
    assert ours == official
