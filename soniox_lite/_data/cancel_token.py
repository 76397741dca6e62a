"""Abandoning the calls of a sync client from another thread."""

from __future__ import annotations

import threading
import weakref

from ..errors import SonioxCancelledError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Interruptible(Protocol):
        """Holds the connections that may have to be shut down."""

        def abort_of(self, owner: object, /) -> None:
            """Shuts down the connections that are in use for this token."""
            ...


class CancelToken:
    """Ends the calls of ``client.with_options(cancel=token)``: those that are running, and all later ones.

    A cancelled call raises :class:`SonioxCancelledError` at once: its connection is shut down, and a pause ends. The
    resolution of a host's name, and callbacks of your own, are finished before. A request that was sent may have been
    carried out. ``transcribe_many`` deletes what it has created before it raises. Any thread may cancel.
    """

    def __init__(self) -> None:
        self._is_set = threading.Event()
        self._pools: weakref.WeakSet[Interruptible] = weakref.WeakSet()

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel()`` was called."""
        return self._is_set.is_set()

    def cancel(self) -> None:
        """Ends the calls. Later calls of this do nothing."""
        # Set first: a call that takes a connection after the loop below checks the event afterwards.
        self._is_set.set()
        for pool in list(self._pools):
            pool.abort_of(self)

    def check(self) -> None:
        """Returns if ``cancel()`` was not called.

        Raises:
            SonioxCancelledError: ``cancel()`` was called.
        """
        if self.cancelled:
            raise self.error()

    @staticmethod
    def error() -> SonioxCancelledError:
        """The error of a cancelled call."""
        return SonioxCancelledError("the call was cancelled")

    def pause(self, delay_sec: float) -> None:
        """Waits.

        Args:
            delay_sec: In seconds.

        Raises:
            SonioxCancelledError: ``cancel()`` was called before or meanwhile.
        """
        self._is_set.wait(delay_sec)
        self.check()

    def watch(self, pool: Interruptible) -> None:
        """Lets ``cancel()`` shut down connections of this pool that are in use for this token."""
        self._pools.add(pool)


class LinkedToken(CancelToken):
    """A token for some calls of another one: it is stopped with the other, but may also be ended alone."""

    def __init__(self, parent: CancelToken | None) -> None:
        super().__init__()
        if parent is not None:
            parent.watch(self)
            if parent.cancelled:
                self.stop()

    def stop(self) -> None:
        """As ``cancel()``, but a request that was sent is completed; an upload is not."""
        self._is_set.set()

    def abort_of(self, owner: object, /) -> None:  # noqa: ARG002 - any other token's pools have it
        """The other token was cancelled."""
        self.stop()
