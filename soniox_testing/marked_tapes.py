"""The tape of a test that is marked with ``soniox_tape``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from .script.verbs import checked

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    try:
        path, options = soniox_tape(*marker.args, **marker.kwargs)
    except TypeError as error:
        pytest.fail(f"the marker {error}", pytrace=False)
    path = item.path.parent / "tapes" / (path or _path_of(item))
    if mode == "all" or (mode == "once" and not path.exists()):
        api_key = os.environ.get("SONIOX_API_KEY")
        if not api_key:
            pytest.fail("a recording needs the key of the service: set SONIOX_API_KEY", pytrace=False)
        fake.record_tape(path, to=to, api_key=api_key, mask_text=options["mask_text"], keep_audio=options["keep_audio"])
        return
    if not path.exists():
        pytest.fail(f"there is no tape {path}; --soniox-record=once records those that are missing", pytrace=False)
    fake.play_tape(path, pauses=options["pauses"], in_order=options["in_order"], ignore=options["ignore"])


@checked
def soniox_tape(
    name: str | None = None,
    *,
    mask_text: bool = False,
    keep_audio: bool = False,
    pauses: bool = False,
    in_order: bool = True,
    ignore: str | Sequence[str] = (),
) -> tuple[Path | None, dict[str, Any]]:
    """The tape that the arguments of the marker name, and the other arguments."""
    options: dict[str, Any] = {"mask_text": mask_text, "keep_audio": keep_audio}
    options |= {"pauses": pauses, "in_order": in_order, "ignore": ignore}
    return None if name is None else Path(name if name.endswith(".tape") else f"{name}.tape"), options


def _path_of(item: pytest.Item) -> Path:
    """The tape of a test that names none: another one for each test of the file."""
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    # A hyphen cannot be part of a function's name, so what follows it are the parameters.
    function, bracket, parameters = item.name.partition("[")
    test = f"{function}-{quote(parameters.removesuffix(']'), safe=' ')}" if bracket else function
    return Path(item.path.stem, f"{'.'.join([*classes, test])}.tape")
