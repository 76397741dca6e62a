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

from ..errors import SonioxError, SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# A file without a whole line is a journal only if it begins like one.
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
        try:
            self._lock(path)
            self.is_resumed, self.run = self._read(path)
            if not self.is_resumed:
                self._append({"run": self.run})
        except BaseException:
            self._file.close()
            raise

    def _read(self, path: str | os.PathLike[str]) -> tuple[bool, str]:
        """Reads the lines. Returns whether there are any, and the run's name."""
        self._file.seek(0)
        lines = self._file.read()
        # A line that was cut off when the process was killed is written again.
        whole = lines[: lines.rfind(b"\n") + 1]
        try:
            first, *entries = [json.loads(line) for line in whole.splitlines()] or [None]
            if first is None and lines[: len(_BEGINNING)] != _BEGINNING[: len(lines)]:
                raise ValueError  # Some other file, which would be overwritten.
            run: str = f"bulk-{secrets.token_hex(8)}" if first is None else first["run"]
            self.done.update(entry["done"] for entry in entries)
        except (ValueError, LookupError, TypeError) as error:
            raise SonioxValidationError(f"{os.fspath(path)} is not the journal of a bulk run") from error
        self._file.truncate(len(whole))
        return first is not None, run

    def _lock(self, path: str | os.PathLike[str]) -> None:
        try:
            import fcntl  # noqa: PLC0415 - not on Windows
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SonioxValidationError(f"another run uses the journal {os.fspath(path)}") from error

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
