"""The tape of a test that is marked with ``soniox_tape``."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .server import FakeSoniox


def insert_tape(fake: FakeSoniox, item: pytest.Item, marker: pytest.Mark) -> None:
    """Has a fake play the tape of a test, or record it.

    Args:
        fake: Of the test.
        item: The test.
        marker: Its marker.
    """
    config = item.config
    mode, to = config.getoption("soniox_record"), str(config.getoption("soniox_record_to"))
    path, options = _path_and_options(item, *marker.args, **marker.kwargs)
    if mode == "all" or (mode == "once" and not path.exists()):
        api_key = os.environ.get("SONIOX_API_KEY")
        if not api_key:
            pytest.fail("a recording needs the key of the service: set SONIOX_API_KEY", pytrace=False)
        fake.record_tape(path, to=to, api_key=api_key, mask_text=options["mask_text"], keep_audio=options["keep_audio"])
        return
    if not path.exists():
        pytest.fail(f"there is no tape {path}; --soniox-record=once records those that are missing", pytrace=False)
    fake.play_tape(path, pauses=options["pauses"], in_order=options["in_order"], ignore=options["ignore"])


def _path_and_options(
    item: pytest.Item,
    name: str | None = None,
    *,
    mask_text: bool = False,
    keep_audio: bool = False,
    pauses: bool = False,
    in_order: bool = True,
    ignore: tuple[str, ...] = (),
) -> tuple[Path, dict[str, Any]]:
    """Where the tape is, and the other arguments of the marker."""
    if name is None:
        plain = re.sub(r"[^\w.-]+", "-", item.name).strip("-")
        name = f"{item.path.stem}/{plain}"
    name = name if name.endswith(".tape") else f"{name}.tape"
    options: dict[str, Any] = {"mask_text": mask_text, "keep_audio": keep_audio}
    options |= {"pauses": pauses, "in_order": in_order, "ignore": ignore}
    return item.path.parent / "tapes" / name, options
