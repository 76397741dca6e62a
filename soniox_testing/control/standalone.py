"""A listener with one fake at its root, sub-fakes below it, and a control API for each."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..front.shared import SharedListener
from ..unfrozen import time
from ..wire.json_text import json_text
from .api import ControlApi
from .hosted import HostedFake, TooManyFakesError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from typing_extensions import Self
    from werkzeug.wrappers import Request, Response

    from ..server import FakeSoniox
    from .options import Options

_BUSY_SEC = 60.0


class Standalone(SharedListener):
    """The server of ``python -m soniox_testing``. May be used from any thread.

    Args:
        options: Of the fake at the root, and of sub-fakes where they do not give others.
        host: Name or address to listen on.
        port: Port to listen on; 0 picks a free one.
        tls: Whether to speak TLS.
        scripts: Script files for the fake at the root, which each reset runs again.
        state_file: What the fake at the root stores is loaded from it, if there is such a file, and saved to it when
            the server stops; None: nothing is.
        max_fakes: How many sub-fakes there may be at once.
        open_control: Whether the control API answers to other machines, too.
        allow_hosts: Names by which other machines may reach the control API.

    Raises:
        ValueError: An option or a script cannot be.
        OSError: A script cannot be read.
        RuntimeError: trustme is not installed, and TLS was asked for.
    """

    def __init__(
        self,
        options: Options,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        scripts: Sequence[Path] = (),
        seeds: Sequence[Path] = (),
        state_file: Path | None = None,
        max_fakes: int = 100,
        open_control: bool = False,
        allow_hosts: Collection[str] = (),
    ) -> None:
        super().__init__(host=host, port=port, tls=tls, beside=self._control)
        if max_fakes < 0:
            raise ValueError(f"max_fakes must not be negative, as {max_fakes} is")
        if state_file is not None and not state_file.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {state_file.parent} for the state")
        # What an earlier run has saved holds its seeds already.
        first = None if state_file is None or not state_file.exists() else (state_file, *scripts)
        self.root: HostedFake = HostedFake(self.place(root=True), options, (*seeds, *scripts), first)
        """The fake at the URL of the server."""
        self._state_file = state_file
        self._options = options
        self._max_fakes = max_fakes
        self._changing = threading.Lock()
        self._saving = threading.Lock()
        self._fakes: dict[int, HostedFake] = {self.root.number: self.root}
        self._api = ControlApi(self, open_to_all=open_control, hosts=allow_hosts)

    @property
    def fake(self) -> FakeSoniox:
        """The fake at the root, which a reset replaces."""
        return self.root.fake

    @property
    def sub_fakes(self) -> tuple[HostedFake, ...]:
        """In the order in which they were made."""
        with self._changing:
            return tuple(hosted for hosted in self._fakes.values() if hosted is not self.root)

    def start(self) -> Self:
        """As the base class, and starts the fake."""
        super().start()
        self.fake.start()
        return self

    def stop(self) -> None:
        """Saves the state, stops all fakes, and then does as the base class.

        Raises:
            OSError: The state cannot be saved.
            FakeSonioxError: A fake had an internal error.
            AssertionError: A fake is strict, and its check has failed.
        """
        with self._changing:
            hosted, self._fakes = list(self._fakes.values()), {}
        errors: list[Exception] = []
        for end in (*(fake.stop for fake in hosted), super().stop, self.save):
            try:
                end()
            except (AssertionError, OSError, RuntimeError) as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def save(self) -> Path | None:
        """Saves what the fake at the root stores.

        Returns:
            The file; None: the server has none.

        Raises:
            OSError: The file cannot be written.
        """
        path = self._state_file
        if path is not None:
            with self._saving:
                # In one step: a program that is killed meanwhile leaves the old file.
                fresh = path.with_name(f"{path.name}.new")
                fresh.touch(0o600)  # It holds the keys of clients.
                fresh.write_text(json_text(self.fake.save_state()), encoding="utf-8")
                fresh.replace(path)
        return path

    def find(self, number: int) -> HostedFake | None:
        """The fake at a place; None: there is none."""
        with self._changing:
            return self._fakes.get(number)

    def make(self, options: Options) -> HostedFake:
        """Makes and starts a sub-fake. Where there is no room, the one that was idle for the longest time goes.

        Args:
            options: That differ from those of the server.

        Raises:
            ValueError: An option cannot be.
            TooManyFakesError: There is no room, and each has been used in the last minute, or has an open session.
        """
        hosted = HostedFake(self.place(), {**self._options, **options}, ())
        with self._changing:
            idle = self._most_idle() if len(self._fakes) > self._max_fakes else None
            if idle is not None:
                del self._fakes[idle.number]
            self._fakes[hosted.number] = hosted
            hosted.fake.start()
        if idle is not None:
            idle.stop()
        return hosted

    def _most_idle(self) -> HostedFake:
        idle_sec = {hosted: self.idle_sec(hosted) for hosted in self._fakes.values() if hosted is not self.root}
        most = max(idle_sec, key=lambda hosted: idle_sec[hosted], default=None)
        if most is None or idle_sec[most] < _BUSY_SEC:
            raise TooManyFakesError(
                f"There are {self._max_fakes} sub-fakes, all of them in use in the last {_BUSY_SEC:g} seconds: delete "
                "those that are not needed, or start the server with a larger --max-fakes."
            )
        return most

    def idle_sec(self, hosted: HostedFake) -> float:
        """For how many real seconds a fake had no request and no open session."""
        return max(0.0, min(time.monotonic() - hosted.used_sec, self.unused_sec(hosted.number)))

    def delete(self, number: int) -> None:
        """Stops a sub-fake.

        Raises:
            KeyError: There is none.
            FakeSonioxError: It had an internal error.
            AssertionError: It is strict, and its check has failed.
        """
        with self._changing:
            if number == self.root.number:
                raise KeyError(number)
            hosted = self._fakes.pop(number)
        hosted.stop()

    def _control(self, request: Request) -> Response | None:
        return self._api.respond(request)
