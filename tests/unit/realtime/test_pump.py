"""What a session that is resumed does in the background."""

from __future__ import annotations

import asyncio

from soniox_lite.realtime._async_pump import AsyncPump

from .driver import PATIENCE_SEC


class Work:
    """Has something new to do at the end of its first step."""

    def __init__(self) -> None:
        self.steps = 0
        self.pump = AsyncPump(self.step)
        self.is_done = asyncio.Event()

    async def step(self) -> float | None:
        self.steps += 1
        if self.steps == 1:
            self.pump.start()
        else:
            self.is_done.set()
        return None


def test_what_is_asked_for_during_a_step_is_done_by_another() -> None:
    async def main() -> None:
        work = Work()
        work.pump.start()
        await asyncio.wait_for(work.is_done.wait(), PATIENCE_SEC)

    asyncio.run(main())
