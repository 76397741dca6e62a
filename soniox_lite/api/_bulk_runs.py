"""``stt.transcribe_many``: sources are worked on side by side, by threads, by tasks, or by an executor's workers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
from collections import deque
from functools import partial

from .._data.cancel_token import LinkedToken
from .._http.workers import Workers
from ..errors import SonioxError
from . import _async_bulk_items, _bulk_items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
    from typing import TypeVar

    from ..client import AsyncSonioxClient, SonioxClient
    from ..types.bulk import BulkResult
    from ._bulk_plan import BulkItem, BulkPlan

    ClientT = TypeVar("ClientT", SonioxClient, AsyncSonioxClient)

# How long requests that are under way may take when a run is stopped. Their responses name what has to be deleted.
GRACE_SEC = 5.0


def iterate(client: SonioxClient, plan: BulkPlan) -> Generator[BulkResult]:
    """The results of a run as they come, worked on by threads of its own or by an executor."""
    process = os.getpid()
    run = _Run(client, plan)
    try:
        if plan.resumed_name is not None:
            for left in plan.resume(_bulk_items.find_begun(client, plan.resumed_name)):
                run.delete(left)
        while True:
            run.check()
            # Before a result is handed out, so that the work goes on meanwhile.
            while len(run.running) < plan.concurrency and (item := plan.next_item()) is not None:
                run.start(item)
            if run.ready:
                yield (result := run.ready[0])
                if os.getpid() != process:
                    raise SonioxError("a bulk run belongs to the process that has begun it, not to a forked child")
                if plan.acknowledge(result):
                    run.delete(result)
                run.ready.popleft()
            elif run.running:
                for result in run.wait():
                    plan.report(result)
            else:
                break
        run.finish()
    except BaseException:
        if os.getpid() == process:
            run.stop()
        # Elsewhere its threads do not exist, and its files and jobs are needed in the process that has begun it.
        raise
    finally:
        run.forget()
        plan.close()


class _Run:
    """The work of one run. The client stops it before it is closed.

    Attributes:
        running: What is worked on.
        ready: Results that were not taken yet.
    """

    def __init__(self, client: SonioxClient, plan: BulkPlan) -> None:
        self._client, self._plan, self._process = client, plan, os.getpid()
        self.running: set[concurrent.futures.Future[BulkResult]] = set()
        self.ready: deque[BulkResult] = deque()
        self._deleting: set[concurrent.futures.Future[None]] = set()
        self._threads = Workers(2 * plan.concurrency)
        cancel = client._settings.cancel  # pyright: ignore[reportPrivateUsage] - a part of the client
        self._token, self._cancelled = LinkedToken(cancel), _Cancelled()
        if cancel is not None:
            cancel.watch(self._cancelled)
        self._working, self._deleter = _with_token(client, self._token), client.with_options(cancel=None)
        # Reentrant, since the iterator may be garbage collected, and so closed, at any line.
        self._stopping, self._is_stopped = threading.RLock(), False
        self._endings: set[Callable[[], None]] = set()
        # A client that is closed already is named in each result.
        with contextlib.suppress(SonioxError):
            self._endings = client._transport.endings  # pyright: ignore[reportPrivateUsage] - as above
        self._endings.add(self._end)

    def check(self) -> None:
        """Raises if the client was closed."""
        if self._is_stopped:
            raise SonioxError("this client is closed")

    def start(self, item: BulkItem) -> None:
        """Begins to work on a source."""
        if self._plan.executor is None:
            future = self._threads.submit(partial(_bulk_items.transcribe_item, self._working, item))
        else:
            future = _submitted(self._plan.executor, self._client, item)
        self.running.add(future)

    def wait(self) -> list[BulkResult]:
        """Waits for results, which are ready from now on."""
        self._token.check()
        done, _ = concurrent.futures.wait(
            [*self.running, self._cancelled], return_when=concurrent.futures.FIRST_COMPLETED
        )
        self.check()
        if self._cancelled in done:
            self._cancelled.result()
        # First: if one raises, the others stay among those that are stopped.
        results = [future.result() for future in done]
        self.running -= done
        self.ready.extend(results)
        return results

    def delete(self, result: BulkResult) -> None:
        """Begins to delete the job and the file of a source; a run that was stopped has done so."""
        if not self._is_stopped:
            self._delete(result)

    def _delete(self, result: BulkResult) -> None:
        self._deleting.add(self._threads.submit(partial(_bulk_items.remove_item, self._deleter, result)))

    def finish(self) -> None:
        """Waits until everything is deleted."""
        concurrent.futures.wait(self._deleting)

    def stop(self) -> None:
        """Ends the work, and deletes what belongs to it. Later calls wait for the first one, and do nothing."""
        with self._stopping:
            if self._is_stopped:
                return
            self._is_stopped = True
            self._token.stop()
            begun = [future for future in list(self.running) if not future.cancel()]
            # Workers of an executor cannot be stopped, and are not waited for.
            own = self._plan.executor is None
            stopped = concurrent.futures.wait(begun, GRACE_SEC if own else 0)
            if own and stopped.not_done:
                self._token.cancel()
                stopped = concurrent.futures.wait(begun)
            ended = [future.result() for future in stopped.done if future.exception() is None]
            for left in self._plan.left_over([*self.ready, *ended]):
                self._delete(left)
            self.finish()

    def _end(self) -> None:
        """Stops the run, unless the client is closed in a forked child."""
        if os.getpid() == self._process:
            self.stop()

    def forget(self) -> None:
        """Ends the threads; the client need not stop this run any more."""
        self._endings.discard(self._end)
        self._threads.end()


class _Cancelled(concurrent.futures.Future["BulkResult"]):
    """A future beside those of the work, which ends the wait for them when a token is cancelled."""

    def abort_of(self, owner: object, /) -> None:  # noqa: ARG002 - as pools have it
        """The token was cancelled, perhaps once more."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self.set_exception(LinkedToken.error())


async def async_iterate(client: AsyncSonioxClient, plan: BulkPlan) -> AsyncGenerator[BulkResult]:
    """As :func:`iterate`, worked on by tasks or by an executor."""
    run = _AsyncRun(client, plan)
    try:
        if plan.resumed_name is not None:
            for left in plan.resume(await _async_bulk_items.find_begun(client, plan.resumed_name)):
                run.delete(left)
        while True:
            run.check()
            # Before a result is handed out, so that the work goes on meanwhile.
            while len(run.running) < plan.concurrency and (item := plan.next_item()) is not None:
                run.start(item)
            if run.ready:
                yield (result := run.ready[0])
                if plan.acknowledge(result):
                    run.delete(result)
                run.ready.popleft()
            elif run.running:
                for result in await run.wait():
                    plan.report(result)
            else:
                break
        await run.finish()
    except BaseException:
        await run.stop()
        raise
    finally:
        run.forget()
        plan.close()


class _AsyncRun:
    """As :class:`_Run`."""

    def __init__(self, client: AsyncSonioxClient, plan: BulkPlan) -> None:
        self._client, self._plan, self._loop = client, plan, asyncio.get_running_loop()
        self.running: set[asyncio.Future[BulkResult]] = set()
        self.ready: deque[BulkResult] = deque()
        self._deleting: set[asyncio.Future[None]] = set()
        self._token = LinkedToken(None)
        self._working = _with_token(client, self._token)
        self._stopping: asyncio.Future[None] | None = None
        self._endings: set[Callable[[], Awaitable[None]]] = set()
        # A client that is closed already is named in each result.
        with contextlib.suppress(SonioxError):
            self._endings = client._transport.endings  # pyright: ignore[reportPrivateUsage] - a part of the client
        self._endings.add(self._end)

    def check(self) -> None:
        """Raises if the client was closed."""
        if self._stopping is not None:
            raise SonioxError("this client is closed")

    def start(self, item: BulkItem) -> None:
        """Begins to work on a source."""
        if self._plan.executor is None:
            self.running.add(asyncio.ensure_future(_async_bulk_items.transcribe_item(self._working, item)))
        else:
            self.running.add(asyncio.wrap_future(_submitted(self._plan.executor, self._client, item)))

    async def wait(self) -> list[BulkResult]:
        """Waits for results, which are ready from now on."""
        done, _ = await asyncio.wait(self.running, return_when=asyncio.FIRST_COMPLETED)
        self.check()
        # First: if one raises, the others stay among those that are stopped.
        results = [future.result() for future in done]
        self.running -= done
        self.ready.extend(results)
        return results

    def delete(self, result: BulkResult) -> None:
        """Begins to delete the job and the file of a source; a run that was stopped has done so."""
        if self._stopping is None:
            self._delete(result)

    def _delete(self, result: BulkResult) -> None:
        self._deleting.add(asyncio.ensure_future(_async_bulk_items.remove_item(self._client, result)))

    async def finish(self) -> None:
        """Waits until everything is deleted."""
        await asyncio.gather(*self._deleting)

    async def stop(self) -> None:
        """Ends the work, and deletes what belongs to it. Later calls wait for the first one, and do nothing."""
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        running = list(self.running)
        self._token.stop()
        for future in running:
            future.cancel()
        # A task that is cancelled completes a request that creates something, and deletes that.
        if running and (await asyncio.wait(running, timeout=GRACE_SEC))[1]:
            self._token.cancel()
        stopped = await asyncio.gather(*running, return_exceptions=True)
        ended = [outcome for outcome in stopped if not isinstance(outcome, BaseException)]
        for left in self._plan.left_over([*self.ready, *ended]):
            self._delete(left)
        await self.finish()

    async def _end(self) -> None:
        """Stops the run, unless the client is closed in another event loop."""
        if self._loop is asyncio.get_running_loop():
            await self.stop()

    def forget(self) -> None:
        """The client need not stop this run any more."""
        self._endings.discard(self._end)


def _with_token(client: ClientT, token: LinkedToken) -> ClientT:
    """The client for the work of a run, also an async one, which does not take tokens from its users."""
    working = client.with_options()
    working._settings.cancel = token  # pyright: ignore[reportPrivateUsage] - a part of the client
    return working


def _submitted(
    executor: concurrent.futures.Executor, client: SonioxClient | AsyncSonioxClient, item: BulkItem
) -> concurrent.futures.Future[BulkResult]:
    call = client._in_worker(_bulk_items.transcribe_item)  # pyright: ignore[reportPrivateUsage] - a part of the client
    return executor.submit(call, item)
