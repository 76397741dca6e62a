"""``python -m soniox_testing compare``: what the service says on a tape, beside what the fake says."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from ..script.clock import VirtualClock
from ..script.failures import FakeSonioxError
from ..script.progress import DEFAULT_PROGRESS
from ..server import FakeSoniox
from ..tapes.driver import Driver
from ..tapes.shapes import differences
from ..tapes.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Compares.

    Returns:
        The exit code: 0 without differences, 1 with some, 2 if it cannot be compared.
    """
    parser = argparse.ArgumentParser(
        prog="python -m soniox_testing compare",
        description="Send what the client of a tape sent to a fake, and list in what its answers have another shape "
        "than those on the tape: fields and their types, order of messages, status and close codes, classes of time. "
        "The exit code is 1 if there are differences.",
    )
    parser.add_argument("tape", metavar="FILE", help="the tape, recorded with the service")
    options = parser.parse_args(arguments)
    clock = VirtualClock()
    try:
        tape = Tape.load(options.tape)
        recorded_at = tape.recorded_at
        started_at = None if recorded_at is None else datetime.fromisoformat(recorded_at.replace("Z", "+00:00"))
        # By polls too: those of a tape of a fake may be closer than the time that a job takes.
        with FakeSoniox(clock=clock, started_at=started_at, audio="any", progress=DEFAULT_PROGRESS) as fake:
            found = differences(tape.exchanges, Driver(tape, fake.url, fake.api_key, clock).run())
    except (OSError, ValueError, FakeSonioxError) as error:
        print(error, file=sys.stderr)
        return 2
    for line in found:
        print(line)
    print(f"{tape.name}: {len(found)} difference{'s' * (len(found) != 1)} in {len(tape.exchanges)} requests")
    return 1 if found else 0
