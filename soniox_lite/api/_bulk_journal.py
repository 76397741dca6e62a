"""The journal of a bulk run: what is done, so that a run that was killed goes on where it was.

A line is one JSON object: first the run's name, then each source whose result was taken. What was begun is known to the
service: each file and job has a ``client_reference_id`` of the run's name and the source's hash. So nothing is lost
between a request and a line about it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import weakref

from ..errors import SonioxError, SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# How the first line begins, which may have been cut off.
_BEGINNING = b'{"run": "bulk-'


class Journal:
    """An append-only file. Used by one run at a time; on systems with ``flock``, a second one is refused.

    Attributes:
        run: The run's name.
        done: The sources that are done.
        is_resumed: Whether the file was there before.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Opens or creates the file.

        Raises:
            SonioxValidationError: It is no journal, or another run uses it.
            SonioxError: It cannot be read or written.
        """
        self.done: set[str] = set()
        try:
            # Without a buffer, closing cannot fail to write what add() could not write.
            self._file = open(path, "a+b", buffering=0)  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise SonioxError(f"the journal cannot be opened: {error}") from error
        # Without a warning: a generator that was never begun cannot be closed.
        weakref.finalize(self, self._file.close)
        try:
            self._lock(path)
            noted = self._read(path)
            self.is_resumed = bool(noted)
            self.run = noted[0] if noted else f"bulk-{secrets.token_hex(8)}"
            self.done.update(noted[1:])
            if not self.is_resumed:
                self._append({"run": self.run})
        except BaseException:
            self._file.close()
            raise
        _opened.add(self)

    def _read(self, path: str | os.PathLike[str]) -> list[str]:
        """The run's name and the sources that are done; empty if nothing is noted."""
        try:
            if not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                raise SonioxValidationError(f"{os.fspath(path)} cannot be a journal: it is not a regular file")
            self._file.seek(0)
            lines = self._file.read()
            if not lines.startswith(_BEGINNING[: len(lines)]):
                raise SonioxValidationError(f"{os.fspath(path)} is not the journal of a bulk run")
            # A line that was cut off when the process was killed is written again.
            whole = lines[: lines.rfind(b"\n") + 1]
            noted = [_noted(line, number, path) for number, line in enumerate(whole.splitlines(), 1)]
            self._file.truncate(len(whole))
        except OSError as error:
            raise SonioxError(f"the journal cannot be read: {error}") from error
        return noted

    def _lock(self, path: str | os.PathLike[str]) -> None:
        try:
            import fcntl  # noqa: PLC0415 - not on Windows
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SonioxValidationError(f"another run uses the journal {os.fspath(path)}") from error
        except OSError as error:
            raise SonioxError(f"the journal cannot be locked where it is: {error}") from error

    def add(self, source: str) -> None:
        """Notes that a source is done, before this returns also on the disk.

        Raises:
            SonioxError: It cannot be written.
        """
        self._append({"done": source})
        self.done.add(source)

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        try:
            is_written = self._file.write(line) == len(line)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise SonioxError(f"the journal cannot be written: {error}") from error
        if not is_written:
            raise SonioxError("the journal cannot be written: the disk is full")

    def reference_of(self, source: str) -> str:
        """The ``client_reference_id`` of what belongs to a source."""
        return f"{self.run}:{hashlib.sha256(source.encode(errors='surrogatepass')).hexdigest()[:32]}"

    def close(self) -> None:
        """Closes the file, which also releases its lock."""
        self._file.close()


def _noted(line: bytes, number: int, path: str | os.PathLike[str]) -> str:
    """What a line notes: the first one the run's name, each other a source."""
    try:
        name = json.loads(line)["run" if number == 1 else "done"]
    except (ValueError, LookupError, TypeError) as error:
        raise SonioxValidationError(f"line {number} of the journal {os.fspath(path)} is damaged") from error
    if not isinstance(name, str):
        raise SonioxValidationError(f"line {number} of the journal {os.fspath(path)} is damaged")
    return name


_opened: weakref.WeakSet[Journal] = weakref.WeakSet()


def _close_all() -> None:
    """Closes a forked child's copies, which would keep the locks after the end of this process."""
    for journal in list(_opened):
        journal.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)
