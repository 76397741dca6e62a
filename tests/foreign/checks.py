"""What the programs of this folder share: each runs a client of others against a fake, and prints what worked.

They are started by ``scripts/foreign``, each with the interpreter that has its client, and with the URL of the fake.
"""

from __future__ import annotations

import inspect
import io
import sys
import wave
from typing import Any

URL = sys.argv[1]
WEBSOCKET_URL = URL.replace("http", "ws", 1)


def _recording() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(64_000))
    return buffer.getvalue()


WAV = _recording()


class Checks:
    """The checks of one program."""

    def __init__(self) -> None:
        self.failed = 0

    async def run(self, *checks: Any) -> None:
        """Runs functions and coroutine functions in turn."""
        for check in checks:
            name = check.__name__.replace("_", " ")
            try:
                done = check()
                if inspect.isawaitable(done):
                    await done
            except Exception as error:  # whatever a client raises is a result
                self.failed += 1
                print(f"  FAILED {name}: {type(error).__name__}: {str(error)[:300]}")  # noqa: T201 - the result
            else:
                print(f"  ok {name}")  # noqa: T201 - the result

    def exit(self) -> None:
        """Ends the program."""
        sys.exit(1 if self.failed else 0)
