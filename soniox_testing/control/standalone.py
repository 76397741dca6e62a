"""A listener with one fake at its root and the control API beside it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..front.shared import SharedListener
from .api import ROOT, ControlApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self
    from werkzeug.wrappers import Request, Response

    from ..script.clock import VirtualClock
    from ..server import FakeSoniox


class Standalone(SharedListener):
    """The server of ``python -m soniox_testing``.

    Args:
        make_fake: Makes a fake on this listener, with its scripts, not yet started; called again for each reset.
        host: Name or address to listen on.
        port: Port to listen on; 0 picks a free one.
        tls: Whether to speak TLS.
        clock: The virtual clock of the fakes; None: their time is real.
        open_control: Whether the control API answers to other machines, too.

    Raises:
        RuntimeError: trustme is not installed, and TLS was asked for.
    """

    def __init__(
        self,
        make_fake: Callable[[SharedListener], FakeSoniox],
        *,
        host: str,
        port: int,
        tls: bool,
        clock: VirtualClock | None,
        open_control: bool,
    ) -> None:
        super().__init__(host=host, port=port, tls=tls, beside=self._control)
        self._make_fake = make_fake
        self._changing = threading.Lock()
        self.fake: FakeSoniox = make_fake(self)
        self._api = ControlApi(self, clock, open_to_all=open_control)

    def start(self) -> Self:
        """As the base class, and starts the fake."""
        super().start()
        self.fake.start()
        return self

    def stop(self) -> None:
        """Stops the fake, then as the base class.

        Raises:
            FakeSonioxError: The fake had an internal error.
        """
        try:
            with self._changing:
                self.fake.stop()
        finally:
            super().stop()

    def reset(self) -> None:
        """Replaces the fake by a new one, which ends the connections of the old one.

        Raises:
            FakeSonioxError: The old fake had an internal error. The new one has started.
        """
        with self._changing:
            fresh = self._make_fake(self)
            old, self.fake = self.fake, fresh
            try:
                old.stop()
            finally:
                fresh.start()

    def _control(self, request: Request) -> Response | None:
        is_control = request.path == ROOT.rstrip("/") or request.path.startswith(ROOT)
        return self._api.respond(request) if is_control else None
