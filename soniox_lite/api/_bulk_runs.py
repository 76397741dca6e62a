"""``stt.transcribe_many``: sources are worked on side by side, by threads, by tasks, or by an executor's workers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
from collections import deque
from functools import partial

from .._data.cancel_token import LinkedToken
from .._http.workers import Workers
from ..errors import SonioxError
from . import _async_bulk_items, _bulk_items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from ..client import AsyncSonioxClient, SonioxClient
    from ..types.bulk import BulkResult
    from ._bulk_plan import BulkItem, BulkPlan

# The event loop closes an iterator in its second turn after the last reference has gone; one more to be sure.
_TURNS = 3


def iterate(client: SonioxClient, plan: BulkPlan) -> Generator[BulkResult]:
    """The results of a run as they come, worked on by threads of its own or by an executor."""
    process = os.getpid()
    running: set[concurrent.futures.Future[BulkResult]] = set()
    deleting: set[concurrent.futures.Future[None]] = set()
    ready: deque[BulkResult] = deque()
    threads = Workers(2 * plan.concurrency)
    token, cancelled = LinkedToken(client._settings.cancel), _Cancelled()  # pyright: ignore[reportPrivateUsage] - a part of the client
    token.watch(cancelled)
    working, deleter = client.with_options(cancel=token), client.with_options(cancel=None)

    def start(item: BulkItem) -> concurrent.futures.Future[BulkResult]:
        if plan.executor is None:
            return threads.submit(partial(_bulk_items.transcribe_item, working, item))
        return _submitted(plan.executor, client, item)

    def delete(result: BulkResult) -> None:
        deleting.add(threads.submit(partial(_bulk_items.remove_item, deleter, result)))

    try:
        if plan.resumed_name is not None:
            for left in plan.resume(_bulk_items.find_begun(client, plan.resumed_name)):
                delete(left)
        while True:
            # Before a result is handed out, so that the work goes on meanwhile.
            while len(running) < plan.concurrency and (item := plan.next_item()) is not None:
                running.add(start(item))
            if ready:
                yield (result := ready[0])
                if os.getpid() != process:
                    raise SonioxError("a bulk run belongs to the process that has begun it, not to a forked child")
                ready.popleft()
                if plan.acknowledge(result):
                    delete(result)
            elif running:
                done, _ = concurrent.futures.wait([*running, cancelled], return_when=concurrent.futures.FIRST_COMPLETED)
                token.check()
                running -= done
                ready.extend(future.result() for future in done)
                for result in ready:
                    plan.report(result)
            else:
                break
        concurrent.futures.wait(deleting)
    except BaseException:
        if os.getpid() != process:
            raise  # Its threads do not exist here, and its files and jobs are needed there.
        token.cancel()
        # Workers of an executor cannot be stopped, and are not waited for.
        stopped = concurrent.futures.wait(
            [future for future in running if not future.cancel()], None if plan.executor is None else 0
        )
        ended = [future.result() for future in stopped.done if future.exception() is None]
        for left in plan.left_over([*ready, *ended]):
            delete(left)
        concurrent.futures.wait(deleting)
        raise
    finally:
        threads.end()
        plan.close()


class _Cancelled(concurrent.futures.Future["BulkResult"]):
    """A future beside those of the work, which ends the wait for them when a token is cancelled."""

    def abort_of(self, owner: object, /) -> None:  # noqa: ARG002 - as pools have it
        """The token was cancelled, perhaps once more."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self.set_exception(LinkedToken.error())


class _AsyncRun:
    """A run of an async client, which closes it before itself: a loop that is left early has closed nothing yet."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self.is_ending = False
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._endings: set[Callable[[], Awaitable[None]]] = set()
        # A client that is closed already is named in each result.
        with contextlib.suppress(SonioxError):
            self._endings = client._transport.endings  # pyright: ignore[reportPrivateUsage] - a part of the client
        self._endings.add(self.end)

    async def end(self) -> None:
        """Waits until the event loop has closed the iterator, if nothing refers to it any more."""
        if self._loop is asyncio.get_running_loop():
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if self.is_ending:
                await self._ended

    def ended(self) -> None:
        """Called when all that has to be deleted is deleted."""
        self._endings.discard(self.end)
        self._ended.set_result(None)


async def async_iterate(client: AsyncSonioxClient, plan: BulkPlan) -> AsyncGenerator[BulkResult]:
    """As :func:`iterate`, worked on by tasks or by an executor."""
    run = _AsyncRun(client)
    running: set[asyncio.Future[BulkResult]] = set()
    deleting: set[asyncio.Future[None]] = set()
    ready: deque[BulkResult] = deque()

    def start(item: BulkItem) -> asyncio.Future[BulkResult]:
        if plan.executor is None:
            return asyncio.ensure_future(_async_bulk_items.transcribe_item(client, item))
        return asyncio.wrap_future(_submitted(plan.executor, client, item))

    def delete(result: BulkResult) -> None:
        deleting.add(asyncio.ensure_future(_async_bulk_items.remove_item(client, result)))

    try:
        if plan.resumed_name is not None:
            for left in plan.resume(await _async_bulk_items.find_begun(client, plan.resumed_name)):
                delete(left)
        while True:
            # Before a result is handed out, so that the work goes on meanwhile.
            while len(running) < plan.concurrency and (item := plan.next_item()) is not None:
                running.add(start(item))
            if ready:
                yield (result := ready[0])
                ready.popleft()
                if plan.acknowledge(result):
                    delete(result)
            elif running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                ready.extend(future.result() for future in done)
                for result in ready:
                    plan.report(result)
            else:
                break
        await asyncio.gather(*deleting)
    except BaseException:
        run.is_ending = True
        for future in running:
            future.cancel()
        # Those that are cancelled delete what they have created themselves.
        stopped = await asyncio.gather(*running, return_exceptions=True)
        ended = [outcome for outcome in stopped if not isinstance(outcome, BaseException)]
        for left in plan.left_over([*ready, *ended]):
            delete(left)
        await asyncio.gather(*deleting)
        raise
    finally:
        run.ended()
        plan.close()


def _submitted(
    executor: concurrent.futures.Executor, client: SonioxClient | AsyncSonioxClient, item: BulkItem
) -> concurrent.futures.Future[BulkResult]:
    call = client._in_worker(_bulk_items.transcribe_item)  # pyright: ignore[reportPrivateUsage] - a part of the client
    return executor.submit(call, item)
