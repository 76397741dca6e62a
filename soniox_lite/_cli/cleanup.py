"""What a run has made on the server, and how it disappears again, whatever happens."""

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
    from ..types.transcriptions import CreateTranscriptionConfig, Transcription

    Kind = Literal["transcription", "file"]

# A job that is being processed cannot be deleted: half a minute in all.
_BUSY_PAUSES_SEC = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
# What was asked for just before an interruption may take the server a moment to make.
_SEARCH_PAUSES_SEC = (0.0, 0.5, 1.5)
_TIMEOUT_SEC = 10.0
_LEAST_SEC = 0.5


class ServerTraces:
    """The file and the job that a run makes; the end of the ``with`` block removes them from the server.

    Between the server's making a thing and our learning its id, an interruption would leave it there unknown. So each
    thing carries a reference that nobody else has, by which it is looked for when its making had no clear end.

    An interruption (Ctrl-C) of the block removes everything, unless :meth:`keep_all` was called. Another one while that
    goes on ends it, and what is left is told. One thread only.

    Args:
        client: Makes and removes; must outlive the block.
        keep: Whether to leave everything, and tell the ids, when the block ends by itself, also with an error.
        reference: The user's own reference for the job; None for one that is made up.
        timeout_sec: What the user asked for as the server's longest silence; None for nothing.
    """

    def __init__(self, client: SonioxClient, *, keep: bool, reference: str | None, timeout_sec: float | None) -> None:
        self._client = client
        # Somebody waits for the prompt: a server that does not answer is not waited for as long as usual, and not again
        # where the user has said what is long.
        silence_sec = _TIMEOUT_SEC if timeout_sec is None else min(_TIMEOUT_SEC, max(_LEAST_SEC, timeout_sec / 2))
        self._cleaner = client.with_options(timeout_sec=silence_sec, max_retries=1 if timeout_sec is None else 0)
        self._keep = keep
        self._reference = f"soniox-lite-{os.urandom(12).hex()}"
        self._job_reference = reference or self._reference
        self._ids: dict[Kind, str] = {}
        # What the server may have made without our knowing its id.
        self._doubtful: set[Kind] = set()
        self._may_be_complete = False
        self._problem: SonioxError | None = None
        self._has_told = False
        self._must_keep = False

    def upload(self, stream: BinaryIO, *, filename: str, on_progress: ProgressCallback) -> str:
        """The id of a new file. Args and errors are those of ``client.files.upload``."""

        def watch(sent: int, total: int | None) -> None:
            # The server makes nothing of half a file, and then there is nothing to look for.
            self._may_be_complete = total is None or sent >= total
            on_progress(sent, total)

        self._may_be_complete = False
        with self._making("file"):
            file = self._client.files.upload(
                stream, filename=filename, client_reference_id=self._reference, on_progress=watch
            )
            self._ids["file"] = file.id
        return file.id

    def create(
        self, *, model: str, file_id: str | None, audio_url: str | None, config: CreateTranscriptionConfig
    ) -> Transcription:
        """A new job. Args and errors are those of ``client.stt.create``."""
        self._may_be_complete = True
        with self._making("transcription"):
            transcription = self._client.stt.create(
                model=model,
                file_id=file_id,
                audio_url=audio_url,
                client_reference_id=self._job_reference,
                config=config,
            )
            self._ids["transcription"] = transcription.id
        return transcription

    def keep_all(self) -> None:
        """Leaves everything on the server, however the block ends: the transcript is nowhere else."""
        self._must_keep = True

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
        """Removes everything; an interruption counts as one of the block, unless the user was told what goes on."""
        try:
            self._clean()
        except KeyboardInterrupt:
            if not self._has_told:
                self._clean_after_interruption()
            raise

    def _clean_after_interruption(self) -> None:
        self._tell()
        self._clean()

    @contextlib.contextmanager
    def _making(self, kind: Kind) -> Generator[None]:
        """Notes that a thing may exist as soon as its making begins, until an answer says whether it does."""
        self._doubtful.add(kind)
        try:
            yield
        except SonioxError as error:
            if not _may_be_done(error):
                self._doubtful.discard(kind)
            raise
        self._doubtful.discard(kind)

    def _clean(self) -> None:
        """Removes what is known and what can be found; what remains is in ``_ids`` and ``_doubtful``."""
        self._problem = None
        try:
            self._search()
        except SonioxError as error:
            self._problem = error
        for pause in (*_BUSY_PAUSES_SEC, 0.0):
            # The job first: without its file a queued one would fail. But a busy one does not keep the file alive.
            is_busy = [self._delete(kind) for kind in ("transcription", "file")]
            if not any(is_busy):
                return
            self._tell()
            time.sleep(pause)

    def _search(self) -> None:
        """Learns the ids of things whose making had no clear end."""
        for pause in _SEARCH_PAUSES_SEC if self._may_be_complete else (0.0,):
            if not self._doubtful:
                return
            time.sleep(pause)
            for kind in tuple(self._doubtful):
                # To the end: the order of listings is not documented.
                listing = self._cleaner.files if kind == "file" else self._cleaner.stt
                for thing in listing.list_all(limit=1000):
                    if self._is_ours(thing):
                        self._ids[kind] = thing.id
                        self._doubtful.discard(kind)
                        break
        # What others may have made under the user's own reference is not ours to remove.
        if self._job_reference == self._reference or "file" in self._ids:
            self._doubtful.clear()

    def _is_ours(self, thing: File | Transcription) -> bool:
        """Whether this run has made it: by the reference that nobody else has, or from the file that is this run's."""
        file_id = getattr(thing, "file_id", None)
        return thing.client_reference_id == self._reference or (
            file_id is not None and file_id == self._ids.get("file")
        )

    def _delete(self, kind: Kind) -> bool:
        """Whether a thing is too busy to be deleted."""
        thing_id = self._ids.get(kind)
        # A server that was silent once is not asked again.
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

    def _tell(self) -> None:
        if not self._has_told:
            self._has_told = True
            say("cleaning up ... (Ctrl-C to stop that)")

    def _things(self) -> str:
        """What is there, or may be; empty for nothing."""
        known = [f"{kind} {thing_id}" for kind, thing_id in self._ids.items()]
        doubtful = [
            f"perhaps a {kind} with client_reference_id {self._reference if kind == 'file' else self._job_reference}"
            for kind in sorted(self._doubtful)
            if kind not in self._ids
        ]
        return ", ".join(known + doubtful)


def _may_be_done(error: SonioxError) -> bool:
    """Whether the server may have done what it was asked for, although it ended with this."""
    if isinstance(error, (SonioxConnectionError, SonioxTimeoutError)):
        return error.request_sent
    if isinstance(error, SonioxServerError):
        return True
    # A success that cannot be read is one nevertheless.
    return isinstance(error, SonioxAPIError) and (error.status_code is None or error.status_code < 300)
