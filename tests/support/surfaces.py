"""One way to call a namespace of the sync and of the async client, with results as they are."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from soniox_lite import AsyncSonioxClient, SonioxClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from typing_extensions import Self

SURFACES = ["sync", "async"]


class Surface:
    """A client of one kind.

    Args:
        kind: One of SURFACES.
        options: Of the client.
    """

    def __init__(self, kind: str, **options: Any) -> None:
        self._loop = asyncio.new_event_loop() if kind == "async" else None
        self.client: Any = (SonioxClient if self._loop is None else AsyncSonioxClient)(**{"max_retries": 0, **options})

    def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """What ``client.<method>`` gives; all of it, as a list, where that is an iterator."""
        function = self.client
        for part in method.split("."):
            function = getattr(function, part)
        result = function(*args, **kwargs)
        if self._loop is None:
            return list(result) if inspect.isgenerator(result) else result
        if inspect.isasyncgen(result):
            return self._loop.run_until_complete(_collected(result))
        return self._loop.run_until_complete(result) if inspect.isawaitable(result) else result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is None:
            self.client.close()
        else:
            self._loop.run_until_complete(self.client.aclose())
            self._loop.close()


async def _collected(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]
