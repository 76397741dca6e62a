"""One way to drive the sync and the async client, so that a test says once what both must do."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from typing import TYPE_CHECKING, Any

from soniox_lite import AsyncSonioxClient, SonioxClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from soniox_lite import Response

# Long enough to be taken for a real one, and easy to find wherever it should not be.
KEY = "sk-0123456789-SECRET-abcdefghij"


class SyncCaller:
    """Calls a SonioxClient."""

    surface = "sync"

    def __init__(self, base_url: str, **options: Any) -> None:
        options.setdefault("timeout_sec", 60)
        options.setdefault("api_key", KEY)
        self.client: Any = self._make(api_base_url=f"{base_url}/v1", **options)

    def _make(self, **options: Any) -> Any:
        return SonioxClient(**options)

    def run(self, function: Callable[[Any], Any]) -> Any:
        """What the function makes of the client."""
        return function(self.client)

    def request(self, method: str = "GET", path: str = "/models", **options: Any) -> Response:
        """A reply."""
        response: Response = self.run(lambda client: client.request(method, path, **options))
        return response

    def upload(self, content: Any, filename: str | None = None, **options: Any) -> Response:
        """The reply to an upload."""
        return self.request("POST", "/files", files={"file": (filename, content)}, **options)

    def close(self) -> None:
        """Closes the client."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncCaller(SyncCaller):
    """Calls an AsyncSonioxClient in a loop of its own."""

    surface = "async"

    def _make(self, **options: Any) -> Any:
        self.loop = asyncio.new_event_loop()
        try:
            return AsyncSonioxClient(**options)
        except BaseException:
            self.loop.close()
            raise

    def run(self, function: Callable[[Any], Any]) -> Any:
        async def call() -> Any:
            result = function(self.client)
            return await result if inspect.isawaitable(result) else result

        return self.loop.run_until_complete(call())

    def close(self) -> None:
        if self.loop.is_closed():
            return
        with contextlib.closing(self.loop):
            self.run(lambda client: client.aclose())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())


CALLERS = {"sync": SyncCaller, "async": AsyncCaller}
