"""Calls in workers of executors: threads, processes or machines, each with a client of its own."""

from __future__ import annotations

import pickle
from functools import lru_cache, partial

from .._settings import HOOKS
from .client import SonioxClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from .base import BaseClient

    ResultT = TypeVar("ResultT")

# Functions of this process; a worker could not reach what they use.
_NO_HOOKS: dict[str, None] = dict.fromkeys((*HOOKS, "cancel"))


def in_worker(client: BaseClient, function: Callable[..., ResultT]) -> Callable[..., ResultT]:
    """A function to submit to an executor. It calls ``function`` there with a client like this one, but without hooks.

    The key is part of it: executors send it to their workers.
    """
    state = {**client.__getstate__(), "_settings": client._settings.changed(_NO_HOOKS)}  # pyright: ignore[reportPrivateUsage]
    return partial(_call, pickle.dumps(state), function)


def _call(state: bytes, function: Callable[..., ResultT], *arguments: Any) -> ResultT:
    return function(_client_of(state), *arguments)


@lru_cache(maxsize=8)
def _client_of(state: bytes) -> SonioxClient:
    """One client for all calls in this process, so that its connections are reused."""
    client = SonioxClient.__new__(SonioxClient)
    client.__setstate__(pickle.loads(state))  # noqa: S301 - from this library's own process
    return client
