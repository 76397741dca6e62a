"""Queues between what reads a connection and its receiver."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from soniox_lite._websocket.async_queues import AsyncMessageQueue
from soniox_lite._websocket.queues import MessageQueue
from tests.support.tables import each_row

FIRST, SECOND = (b"1", {}), (b"2", {})


@each_row("make", [MessageQueue, lambda: AsyncMessageQueue(asyncio.get_running_loop)])
def test_what_comes_after_the_end_is_not_received(make: Any) -> None:
    queue = make()
    queue.put(FIRST)
    queue.close()
    queue.put(SECOND)
    assert (queue.take(), queue.take()) == (FIRST, None)


def test_a_receiver_may_find_nothing_where_the_reader_drops_the_oldest() -> None:
    class Emptied(deque[Any]):
        """The reader takes the only message between the receiver's look and its hand."""

        def popleft(self) -> Any:
            super().popleft()
            return super().popleft()

    queue = MessageQueue()
    queue.messages = Emptied([FIRST])
    assert queue.take() is None
    queue.messages = deque()
    queue.put(SECOND)
    assert queue.receive(0) == SECOND
