"""Calls in workers of executors: threads, processes or machines, each with a client of its own."""

from __future__ import annotations

import os
import pickle
from functools import lru_cache, partial

from .._settings import HOOKS
from ..errors import SonioxError, SonioxValidationError
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

    Raises:
        SonioxValidationError: The settings cannot be pickled.
    """
    state = {**client.__getstate__(), "_settings": client._settings.changed(_NO_HOOKS)}  # pyright: ignore[reportPrivateUsage]
    try:
        pickled = pickle.dumps(state)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise SonioxValidationError(f"an executor needs settings of the client that can be pickled: {error}") from error
    return partial(_call, pickled, function)


def _call(state: bytes, function: Callable[..., ResultT], *arguments: Any) -> ResultT:
    return function(_client_of(state), *arguments)


@lru_cache(maxsize=8)
def _client_of(state: bytes) -> SonioxClient:
    """One client for all calls in this process, so that its connections are reused."""
    client = SonioxClient.__new__(SonioxClient)
    client.__setstate__(pickle.loads(state))  # noqa: S301 - from this library's own process
    return client.with_options(on_request=_Orphan(os.getppid())) if _has_parent() else client


def _has_parent() -> bool:
    """Whether this process is one of a pool of another."""
    from multiprocessing import parent_process  # noqa: PLC0415 - loaded in such a process

    return parent_process() is not None


class _Orphan:
    """A hook that sends nothing after the process of the pool was killed: its next run does that work.

    Workers of a pool outlive that process; those that were forked wait for ever.
    """

    def __init__(self, parent_pid: int) -> None:
        self._parent_pid = parent_pid

    def __call__(self, request: object) -> None:  # noqa: ARG002 - hooks get it
        if os.getppid() != self._parent_pid:  # pragma: no cover - tests kill such a process, with what it has measured
            raise SonioxError("the process that this worker belongs to has ended")
