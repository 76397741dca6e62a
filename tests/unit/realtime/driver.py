"""One way to drive sync and async sessions, so that a test says once what both must do.

Async sessions live in a loop on a thread of its own, so that a test can wait for them, and do several things at once,
just as with sync ones.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import inspect
import os
import threading
from typing import TYPE_CHECKING, Any, cast

from soniox_lite._websocket.nonblocking import WebSocket
from soniox_lite._websocket.tasks import AsyncConnection
from soniox_lite._websocket.threads import Connection
from soniox_lite.realtime import (
    AsyncRealtimeSTTSession,
    AsyncRealtimeTTSConnection,
    AsyncRealtimeTTSMultiplexedConnection,
    RealtimeSTTSession,
    RealtimeTTSConnection,
    RealtimeTTSMultiplexedConnection,
)
from tests.support.insides import NewOnes, living, until_inside

from . import speech

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

KEY = "sk-0123456789-SECRET-abcdefghij"
CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
# No step takes as long; a test that waits longer hangs.
PATIENCE_SEC = 60.0


class Driver:
    """Drives sync sessions.

    Args:
        direction: ``stt`` for sessions that listen, ``tts`` for connections that speak.
    """

    kind = "sync"
    stt: Any = RealtimeSTTSession
    tts: Any = RealtimeTTSConnection
    multiplexed: Any = RealtimeTTSMultiplexedConnection

    def __init__(self, direction: str = "stt") -> None:
        self._make = getattr(self, direction)
        self._config = CONFIG if direction == "stt" else speech.CONFIG
        self._threads_before = {*threading.enumerate()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def session(self, url: str, **options: Any) -> Any:
        """A session, or a connection for one stream, that is not entered."""
        options.setdefault("api_key", KEY)
        return self._make(url, options.pop("config", self._config), **options)

    def open(self, url: str, **options: Any) -> Any:
        """A session that is entered."""
        session = self.session(url, **options)
        return self.call(session.enter)

    def multi(self, url: str, **options: Any) -> Any:
        """A connection for several streams that is entered."""
        connection = self.multiplexed(url, options.pop("api_key", KEY), **options)
        return self.call(connection.enter)

    def streams(self, connection: Any, *stream_ids: str) -> list[Any]:
        """Streams that have been opened."""
        return [self.call(connection.open_stream, config=speech.config(stream_id)) for stream_id in stream_ids]

    def start(self, function: Callable[..., Any], *args: Any, **options: Any) -> concurrent.futures.Future[Any]:
        """Calls a function beside the test (on a thread, or as a task); its result comes later."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def run() -> None:
            try:
                future.set_result(function(*args, **options))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, name="driver", daemon=True).start()
        return future

    def receiving(self, function: Callable[..., Any], *args: Any) -> concurrent.futures.Future[Any]:
        """As ``start``, for a function that receives: returns when it waits for a message."""
        future = self.start(function, *args)
        until_inside("receive", "_websocket")
        return future

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What a function returns; in the end also a coroutine's result."""
        return self.start(function, *args, **options).result(PATIENCE_SEC)

    def rest(self, session: Any, **options: Any) -> list[Any]:
        """All events to the end."""
        return self.call(lambda: list(session.receive_events(**options)))

    def audio_of(self, stream: Any) -> list[bytes]:
        """The audio of a stream to the end."""
        return self.call(lambda: list(stream.receive_audio_chunks()))

    def log(self, session: Any) -> list[Any]:
        """All that happened to the session itself, to its end."""
        return self.call(lambda: list(session.session_events()))

    def chunks(self, *chunks: Any) -> Any:
        """An iterator of the kind that the surface takes."""
        return iter(chunks)

    def send_until_it_fails(self, session: Any, chunk: bytes = bytes(3200)) -> Any:
        """Sends audio without end."""

        def send() -> None:
            while True:
                session.send_byte_chunk(chunk)

        return self.start(send)

    def left_over(self, within_sec: float = PATIENCE_SEC) -> list[str]:
        """Threads and tasks of the package, begun since this was made, that still run after so long."""
        begun = {*threading.enumerate()} - self._threads_before
        threads = [thread for thread in begun if thread.name.startswith("soniox-lite")]
        for thread in threads:
            # It may be on its way out.
            thread.join(within_sec)
        return [thread.name for thread in threads if thread.is_alive()]


class AsyncDriver(Driver):
    """Drives async sessions."""

    kind = "async"
    stt = AsyncRealtimeSTTSession
    tts = AsyncRealtimeTTSConnection
    multiplexed = AsyncRealtimeTTSMultiplexedConnection

    def __enter__(self) -> Self:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="driver's loop")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE_SEC)
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def start(self, function: Callable[..., Any], *args: Any, **options: Any) -> concurrent.futures.Future[Any]:
        async def run() -> Any:
            result = function(*args, **options)
            return await result if inspect.isawaitable(result) else result

        return asyncio.run_coroutine_threadsafe(run(), self.loop)

    def receiving(self, function: Callable[..., Any], *args: Any) -> concurrent.futures.Future[Any]:
        future = self.start(function, *args)
        self.call(asyncio.sleep, 0)  # The task above has run until it waits.
        return future

    def rest(self, session: Any, **options: Any) -> list[Any]:
        async def collect() -> list[Any]:
            return [event async for event in session.receive_events(**options)]

        return self.call(collect)

    def audio_of(self, stream: Any) -> list[bytes]:
        async def collect() -> list[bytes]:
            return [chunk async for chunk in stream.receive_audio_chunks()]

        return self.call(collect)

    def log(self, session: Any) -> list[Any]:
        async def collect() -> list[Any]:
            return [payload async for payload in session.session_events()]

        return self.call(collect)

    def chunks(self, *chunks: Any) -> Any:
        async def give() -> Any:
            for chunk in chunks:
                yield chunk

        return give()

    def send_until_it_fails(self, session: Any, chunk: bytes = bytes(3200)) -> Any:
        async def send() -> None:
            while True:
                await session.send_byte_chunk(chunk)
                await asyncio.sleep(0)  # Sending what the kernel takes at once never yields to the loop.

        return self.start(send)

    def left_over(self, within_sec: float = PATIENCE_SEC) -> list[str]:
        async def others() -> list[str]:
            await asyncio.sleep(0)  # A turn of the loop for tasks that are done, but not gone.
            return [str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]

        return super().left_over(within_sec) + self.call(others)


def the_websocket() -> WebSocket:
    """The only WebSocket of this process that is open."""
    (found,) = (websocket for websocket in living(WebSocket) if websocket.closure is None)
    return cast("WebSocket", found)


def new_connections() -> NewOnes:
    """The connections of sessions that are opened from now on."""
    return NewOnes(Connection, AsyncConnection)


DRIVERS = {"sync": Driver, "async": AsyncDriver}


def open_descriptors() -> int:
    """How many files and sockets this process has open."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))
