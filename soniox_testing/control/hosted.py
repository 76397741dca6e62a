"""One fake of the standalone server: its place, its options, and the fake itself, which a reset replaces."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..server import FakeSoniox
from ..unfrozen import time
from .options import arguments_of
from .scripts import add_script, run_script

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..front.shared import Place
    from ..script.clock import VirtualClock
    from ..script.recordings import Recording
    from .options import Options


class TooManyFakesError(RuntimeError):
    """There is no room for another sub-fake."""


class HostedFake:
    """A fake at a place of the standalone server. May be used from any thread.

    Args:
        place: Its URL.
        options: Of the fake.
        scripts: Files that are run for it, and again after each reset.
        first: Those that are run instead before the first reset; None: the same.

    Raises:
        ValueError: An option or a script cannot be.
        OSError: A script cannot be read.
        RuntimeError: A script cannot be run.
    """

    def __init__(
        self, place: Place, options: Options, scripts: Sequence[Path], first: Sequence[Path] | None = None
    ) -> None:
        self.number: int = place.number
        self.used_sec: float = time.monotonic()
        """When the control API was last asked for it."""
        self.fake: FakeSoniox
        self.clock: VirtualClock | None
        """None: the time is real."""
        self.recordings: list[Recording]
        """Those of its scripts."""
        self._place = place
        self._options = options
        self._scripts = scripts
        self._changing = threading.Lock()
        self._is_gone = False
        self._make(options, scripts if first is None else first)

    def reset(self, options: Options) -> None:
        """Replaces the fake by a new one, which ends the connections of the old one.

        Args:
            options: Those that differ until the next reset.

        Raises:
            ValueError: An option cannot be. Nothing has changed.
            KeyError: The fake has been deleted.
            FakeSonioxError: The old fake had an internal error. The new one has started.
            AssertionError: The old fake was strict, and its check has failed. The new one has started.
        """
        with self._changing:
            if self._is_gone:
                raise KeyError(self.number)
            old = self.fake
            self._make({**self._options, **options}, self._scripts)
            # Before the old one stops: no request finds the place empty.
            self.fake.start()
            old.stop()

    def stop(self) -> None:
        """Stops the fake for good.

        Raises:
            FakeSonioxError: It had an internal error.
            AssertionError: It is strict, and its check has failed.
        """
        with self._changing:
            self._is_gone = True
            self.fake.stop()

    def add_script(self, script: object) -> list[str]:
        """Adds a script, all of it or nothing.

        Returns:
            The ids of its recordings.

        Raises:
            InputError: It does not fit.
            KeyError: The fake has been deleted.
        """
        # Not while the fake is being replaced: the old one would get it.
        with self._changing:
            if self._is_gone:
                raise KeyError(self.number)
            before = len(self.recordings)
            self.recordings += add_script(self.fake, script)
            return [str(number) for number in range(before, len(self.recordings))]

    def _make(self, options: Options, scripts: Sequence[Path]) -> None:
        """Makes the fake, not yet started."""
        arguments = arguments_of(options)
        clock = arguments.pop("clock", None)
        fake = FakeSoniox(listener=self._place, clock=clock or time.monotonic, **arguments)
        recordings = [recording for path in scripts for recording in run_script(fake, path)]
        self.fake, self.clock, self.recordings = fake, clock, recordings
