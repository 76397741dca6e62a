"""Removes the file and the job of a run from the server, also after an interruption."""

from __future__ import annotations

import contextlib
import os
import time

from ..errors import (
    SonioxAPIError,
    SonioxConflictError,
    SonioxConnectionError,
    SonioxError,
    SonioxServerError,
    SonioxTimeoutError,
)
from .terminal import PROGRAM, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import BinaryIO, Literal

    from typing_extensions import Self

    from .._http.body import ProgressCallback
    from ..client import SonioxClient
    from ..types.files import File
    from ..types.transcriptions import Transcription
    from .recognition import JobFields

    Kind = Literal["transcription", "file"]

# Pauses between attempts to delete a job, which fail while it is processed: 30.5 s in total.
_BUSY_PAUSES_SEC = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
# Pauses before searching: a request sent just before an interruption may take the server a moment.
_SEARCH_PAUSES_SEC = (0.0, 0.5, 1.5)
_TIMEOUT_SEC = 10.0
_MIN_TIMEOUT_SEC = 0.5


class ServerTraces:
    """The file and the job of a run. The end of the ``with`` block deletes them from the server.

    An interruption after the server created an item and before its ID arrived would leave it unknown. So each item has
    a unique ``client_reference_id``, and is searched for when it is not known whether it was created.

    An interruption (Ctrl-C) of the block deletes everything, unless :meth:`keep_all` was called. A second interruption
    stops the cleanup, and a message lists the remaining items. Not thread-safe.

    Args:
        client: Creates and deletes the items; must stay open until the block ends.
        keep: Whether to keep everything, and print the IDs, if the block is not interrupted.
        reference: The user's own reference for the job; None for a generated one.
        timeout_sec: Value of ``--timeout``; None if not given.
    """

    def __init__(self, client: SonioxClient, *, keep: bool, reference: str | None, timeout_sec: float | None) -> None:
        self._client = client
        # The user waits for the prompt, so the cleanup has shorter time-outs, and no retries if --timeout was given.
        silence_sec = _TIMEOUT_SEC if timeout_sec is None else min(_TIMEOUT_SEC, max(_MIN_TIMEOUT_SEC, timeout_sec / 2))
        self._cleaner = client.with_options(timeout_sec=silence_sec, max_retries=1 if timeout_sec is None else 0)
        self._keep = keep
        self._reference = f"soniox-lite-{os.urandom(12).hex()}"
        self._job_reference = reference or self._reference
        self._ids: dict[Kind, str] = {}
        # Items that may exist, with unknown IDs.
        self._doubtful: set[Kind] = set()
        self._may_be_complete = False
        self._problem: SonioxError | None = None
        self._is_announced = False
        self._must_keep = False

    def upload(self, stream: BinaryIO, *, filename: str, on_progress: ProgressCallback) -> str:
        """Uploads a file and returns its ID. Arguments and errors as ``client.files.upload``."""

        def watch(sent: int, total: int | None) -> None:
            # The server creates no file from an incomplete upload, so there is nothing to search for.
            self._may_be_complete = total is None or sent >= total
            on_progress(sent, total)

        self._may_be_complete = False
        with self._making("file"):
            file = self._client.files.upload(
                stream, filename=filename, client_reference_id=self._reference, on_progress=watch
            )
            self._ids["file"] = file.id
        return file.id

    def create(self, *, file_id: str | None, audio_url: str | None, job: JobFields) -> Transcription:
        """Creates a job, of a file or of a URL. Errors as ``client.stt.create``."""
        self._may_be_complete = True
        with self._making("transcription"):
            transcription = self._client.stt.create(
                file_id=file_id,
                audio_url=audio_url,
                model=job["model"],
                client_reference_id=self._job_reference,
                config=job["config"],
            )
            self._ids["transcription"] = transcription.id
        return transcription

    def keep_all(self) -> None:
        """Keeps everything on the server, however the block ends, because it has the only copy of the transcript."""
        self._must_keep = True

    def leave_all(self) -> None:
        """Leaves everything on the server, however the block ends, because the user has the ID."""
        self._ids.clear()
        self._doubtful.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        interrupted = isinstance(exc, KeyboardInterrupt)
        if not self._things():
            return
        if self._must_keep or (self._keep and not interrupted):
            hint = f"; try: {PROGRAM} transcriptions get {self._ids['transcription']}" if self._must_keep else ""
            say(f"kept on the server: {self._things()}{hint}")
            return
        try:
            if interrupted:
                self._clean_after_interruption()
            else:
                self._clean_after_end()
        finally:
            if self._things():
                reason = f" ({self._problem})" if self._problem is not None else ""
                say(f"warning: left on the server: {self._things()}{reason}")

    def _clean_after_end(self) -> None:
        """Deletes everything. An interruption before the cleanup message counts as one of the block."""
        try:
            self._clean()
        except KeyboardInterrupt:
            if not self._is_announced:
                self._clean_after_interruption()
            raise

    def _clean_after_interruption(self) -> None:
        self._announce()
        self._clean()

    @contextlib.contextmanager
    def _making(self, kind: Kind) -> Generator[None]:
        """Records that an item may exist, until a response says whether it does."""
        self._doubtful.add(kind)
        try:
            yield
        except SonioxError as error:
            if not _may_be_done(error):
                self._doubtful.discard(kind)
            raise
        self._doubtful.discard(kind)

    def _clean(self) -> None:
        """Deletes all items that are known or found; the rest stays in ``_ids`` and ``_doubtful``."""
        self._problem = None
        try:
            self._search()
        except SonioxError as error:
            self._problem = error
        for pause in (*_BUSY_PAUSES_SEC, 0.0):
            # The job first: a queued job would fail without its file. The file is deleted even if the job is busy.
            is_busy = [self._delete(kind) for kind in ("transcription", "file")]
            if not any(is_busy):
                return
            self._announce()
            time.sleep(pause)

    def _search(self) -> None:
        """Finds the IDs of items that may have been created."""
        for pause in _SEARCH_PAUSES_SEC if self._may_be_complete else (0.0,):
            if not self._doubtful:
                return
            time.sleep(pause)
            for kind in tuple(self._doubtful):
                if (found := self._found(kind)) is not None:
                    self._ids[kind] = found
                    self._doubtful.discard(kind)
        # Other jobs may have the same reference of the user; they must not be deleted.
        if self._job_reference == self._reference or "file" in self._ids:
            self._doubtful.clear()

    def _found(self, kind: Kind) -> str | None:
        """The ID of this run's item. All pages are read, because the order of listings is not documented."""
        listing = self._cleaner.files if kind == "file" else self._cleaner.stt
        return next((thing.id for thing in listing.list_all(limit=1000) if self._is_ours(thing)), None)

    def _is_ours(self, thing: File | Transcription) -> bool:
        """Whether this run created the item: it has the unique reference, or was made from this run's file."""
        file_id = getattr(thing, "file_id", None)
        return thing.client_reference_id == self._reference or (
            file_id is not None and file_id == self._ids.get("file")
        )

    def _delete(self, kind: Kind) -> bool:
        """Deletes an item. True if it is busy and must be retried."""
        thing_id = self._ids.get(kind)
        # No further requests after a time-out.
        if thing_id is None or isinstance(self._problem, SonioxTimeoutError):
            return False
        try:
            (self._cleaner.files if kind == "file" else self._cleaner.stt).delete_if_exists(thing_id)
        except SonioxConflictError as error:
            self._problem = error
            return True
        except SonioxError as error:
            self._problem = error
        else:
            del self._ids[kind]
        return False

    def _announce(self) -> None:
        if not self._is_announced:
            self._is_announced = True
            say("cleaning up ... (Ctrl-C to stop the cleanup)")

    def _things(self) -> str:
        """A list of the remaining items, certain and possible; empty if there are none."""
        known = [f"{kind} {thing_id}" for kind, thing_id in self._ids.items()]
        doubtful = [
            f"possibly a {kind} with client_reference_id {self._reference if kind == 'file' else self._job_reference}"
            for kind in sorted(self._doubtful)
            if kind not in self._ids
        ]
        return ", ".join(known + doubtful)


def _may_be_done(error: SonioxError) -> bool:
    """Whether the server may have processed the request despite this error."""
    if isinstance(error, (SonioxConnectionError, SonioxTimeoutError)):
        return error.request_sent
    if isinstance(error, SonioxServerError):
        return True
    # A success status with an unreadable body.
    return isinstance(error, SonioxAPIError) and (error.status_code is None or error.status_code < 300)
