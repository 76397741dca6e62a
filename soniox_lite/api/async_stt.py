"""Transcription jobs: speech-to-text for recordings."""

from __future__ import annotations

from .._data.async_callbacks import check_callback, settled
from .._data.decoding import decode_response
from .._data.deprecation import warn_of_fields
from .._data.records import field_names
from .._data.rules import FieldErrors
from .._http.async_transport import pause
from .._settings import settings_of
from ..errors import (
    SonioxConflictError,
    SonioxError,
    SonioxNotFoundError,
    SonioxTimeoutError,
    SonioxTranscriptionError,
    SonioxValidationError,
    one_line,
)
from ..types.context import TranslationConfig
from ..types.transcriptions import (
    CreateTranscriptionConfig,
    CreateTranscriptionPayload,
    GetTranscriptionsCountResponse,
    GetTranscriptionsPayload,
    GetTranscriptionsResponse,
    Transcription,
    TranscriptionTranscript,
)
from ._arguments import check_polling, path_segment
from ._async_paging import delete_listed, iterate_pages
from ._async_polling import poll

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Executor
    from typing import Any, BinaryIO, Literal

    from .._http.body import ProgressCallback
    from ..client import AsyncSonioxClient
    from ..types.bulk import BulkResult
    from ..types.config_dicts import CreateTranscriptionConfigDict
    from ..types.webhooks import WebhookAuthConfig

    FileInput = BinaryIO | bytes | os.PathLike[str] | str
    ConfigInput = CreateTranscriptionConfig | CreateTranscriptionConfigDict | Mapping[str, Any]
    CleanupTarget = Literal["file", "transcription"]
    StatusCallback = Callable[[str, Transcription], object]

__all__ = ["AsyncSttAPI"]

DEFAULT_MODEL = "stt-async-v5"
_UNFINISHED = frozenset({"queued", "processing"})


class AsyncSttAPI:
    """The ``stt`` namespace of a client, also known as ``transcriptions``. Can be shared as the client can.

    Every method may raise :class:`SonioxValidationError` (invalid arguments; nothing was sent), a
    :class:`SonioxAPIError` (the service answered with an error), :class:`SonioxConnectionError` or
    :class:`SonioxTimeoutError` (no response).

    A field of ``config`` that is not None wins over the argument of the same name.
    """

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    async def list(self, limit: int = 100, cursor: str | None = None) -> GetTranscriptionsResponse:
        """One page of jobs.

        Args:
            limit: Jobs on the page, 1 to 1000.
            cursor: ``next_page_cursor`` of the page before; None for the first.
        """
        params = GetTranscriptionsPayload(limit=limit, cursor=cursor).to_dict()
        response = await self._client.request("GET", "/transcriptions", params=params)
        return decode_response(GetTranscriptionsResponse, response)

    async def list_all(self, limit: int = 100) -> AsyncIterator[Transcription]:
        """Iterates over all jobs. Pages are fetched as they are needed.

        Args:
            limit: Jobs on a page, 1 to 1000.
        """

        async def fetch(cursor: str | None) -> tuple[list[Transcription], str | None]:
            page = await self.list(limit=limit, cursor=cursor)
            return page.transcriptions, page.next_page_cursor

        async for transcription in iterate_pages(fetch):
            yield transcription

    async def count(self) -> GetTranscriptionsCountResponse:
        """How many jobs the project holds."""
        response = await self._client.request("GET", "/transcriptions/count")
        return decode_response(GetTranscriptionsCountResponse, response)

    async def create(
        self,
        *,
        model: str = DEFAULT_MODEL,
        file_id: str | None = None,
        audio_url: str | None = None,
        client_reference_id: str | None = None,
        config: ConfigInput | None = None,
    ) -> Transcription:
        """Creates a job; its status is usually ``queued``.

        Args:
            model: Async model.
            file_id: An uploaded file; or
            audio_url: http(s) URL that the service fetches. Exactly one of the two is needed.
            client_reference_id: Your own identifier, at most 256 characters.
            config: Options of the job, also as a dict.
        """
        return await self._create(_payload(model, client_reference_id, config, file_id=file_id, audio_url=audio_url))

    async def get(self, transcription_id: str) -> Transcription:
        """The current state of a job.

        Args:
            transcription_id: Id of a job.

        Raises:
            SonioxNotFoundError: There is no such job in this project.
        """
        response = await self._client.request("GET", _path(transcription_id))
        return decode_response(Transcription, response)

    async def get_or_none(self, transcription_id: str) -> Transcription | None:
        """As :meth:`get`; None if there is no such job.

        Args:
            transcription_id: Id of a job.
        """
        try:
            return await self.get(transcription_id)
        except SonioxNotFoundError:
            return None

    async def delete(self, transcription_id: str) -> None:
        """Deletes a job and its transcript; its file stays.

        Args:
            transcription_id: Id of a job.

        Raises:
            SonioxNotFoundError: There is no such job in this project.
            SonioxConflictError: It is being processed.
        """
        response = await self._client.request("DELETE", _path(transcription_id))
        response.raise_for_status()

    async def delete_if_exists(self, transcription_id: str) -> None:
        """As :meth:`delete`, but does nothing if the job does not exist.

        Args:
            transcription_id: Id of a job.
        """
        try:
            await self.delete(transcription_id)
        except SonioxNotFoundError:
            return

    async def delete_all(self, limit: int = 100) -> None:
        """Deletes all jobs of the project; files stay.

        Args:
            limit: Jobs on a page of the listing, 1 to 1000.

        Raises:
            SonioxConflictError: Some were being processed for several seconds; the message names them.
        """
        await delete_listed(
            "transcriptions",
            lambda: self.list_all(limit=limit),
            lambda transcription: transcription.id,
            lambda transcription: self.delete_if_exists(transcription.id),
            cancel=settings_of(self._client).cancel,
        )

    async def destroy(self, transcription_id: str) -> None:
        """Deletes a job and the uploaded file that it was made from.

        Args:
            transcription_id: Id of a job.

        Raises:
            SonioxNotFoundError: There is no such job in this project.
            SonioxConflictError: It is being processed.
        """
        transcription = await self.get(transcription_id)
        await self._destroy(transcription)

    async def destroy_all(self, limit: int = 100) -> None:
        """Deletes all jobs of the project and the uploaded files that they were made from.

        Args:
            limit: Jobs on a page of the listing, 1 to 1000.

        Raises:
            SonioxConflictError: Some were being processed for several seconds; the message names them.
        """
        await delete_listed(
            "transcriptions",
            lambda: self.list_all(limit=limit),
            lambda transcription: transcription.id,
            self._destroy,
            cancel=settings_of(self._client).cancel,
        )

    async def get_transcript(self, transcription_id: str) -> TranscriptionTranscript:
        """The transcript of a completed job.

        Args:
            transcription_id: Id of a job.

        Raises:
            SonioxNotFoundError: There is no such job in this project.
            SonioxConflictError: It is not completed, or it failed.
        """
        response = await self._client.request("GET", f"{_path(transcription_id)}/transcript")
        return decode_response(TranscriptionTranscript, response)

    async def wait(
        self,
        transcription_id: str,
        *,
        interval_sec: float = 5.0,
        timeout_sec: float | None = None,
        on_status_change: StatusCallback | None = None,
    ) -> Transcription:
        """Waits until a job has ended, and returns it. Its ``status`` is then ``completed`` or ``error``.

        The job is polled with growing pauses: 0.25 s at first, at most ``interval_sec``, or less if the service says so
        (``Retry-After``).

        Args:
            transcription_id: The job.
            interval_sec: The longest pause between two polls, in seconds.
            timeout_sec: How long to wait, in seconds; None for no limit. The last poll may exceed it by 1 s.
            on_status_change: Called with the status and the job when a poll sees a status for the first time, that of
                the beginning included. What it raises ends the waiting. It is called in the event loop, and awaited if
                it is async. None for no callback.

        Raises:
            SonioxTimeoutError: The job did not end in time. The service continues to process it.
        """
        check_polling("", interval_sec, timeout_sec)
        if on_status_change is not None:
            check_callback("on_status_change", on_status_change)
        last_status: str | None = None

        async def fetch(deadline_sec: float | None) -> tuple[Transcription, float | None]:
            nonlocal last_status
            response = await self._client.request("GET", _path(transcription_id), deadline_sec=deadline_sec)
            transcription = decode_response(Transcription, response)
            if on_status_change is not None and transcription.status != last_status:
                last_status = transcription.status
                await settled("on_status_change", on_status_change(transcription.status, transcription))
            return transcription, response.retry_after_sec

        return await poll(
            fetch,
            lambda transcription: transcription.status not in _UNFINISHED,
            lambda transcription: _timeout_error(transcription_id, transcription, timeout_sec),
            interval_sec=interval_sec,
            timeout_sec=timeout_sec,
            cancel=settings_of(self._client).cancel,
        )

    async def transcribe_from_url(
        self,
        *,
        model: str = DEFAULT_MODEL,
        audio_url: str,
        client_reference_id: str | None = None,
        config: ConfigInput | None = None,
    ) -> Transcription:
        """Creates a job for audio that the service fetches.

        Args:
            model: Async model.
            audio_url: http(s) URL that the service fetches.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            config: Options of the job, also as a dict; None for none.
        """
        return await self._create(_payload(model, client_reference_id, config, audio_url=audio_url))

    async def transcribe_from_file_id(
        self,
        *,
        model: str = DEFAULT_MODEL,
        file_id: str,
        client_reference_id: str | None = None,
        config: ConfigInput | None = None,
    ) -> Transcription:
        """Creates a job for an uploaded file.

        Args:
            model: Async model.
            file_id: An uploaded file.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            config: Options of the job, also as a dict; None for none.
        """
        return await self._create(_payload(model, client_reference_id, config, file_id=file_id))

    async def transcribe_from_file(
        self,
        *,
        model: str = DEFAULT_MODEL,
        file: FileInput,
        filename: str | None = None,
        client_reference_id: str | None = None,
        config: ConfigInput | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Transcription:
        """Uploads a file and creates a job for it. If that fails, the file is deleted.

        Args:
            model: Async model.
            file: A path, bytes, or a binary stream.
            filename: The file's name at the service; None for its own.
            client_reference_id: Your own identifier on both file and job, at most 256 characters; None for none.
            config: Options of the job, also as a dict; None for none.
            on_progress: Called while ``file`` is uploaded, with the bytes sent so far and in all (None if unknown); see
                :meth:`AsyncSonioxClient.request`. None for no callback.
        """
        payload = _payload(model, client_reference_id, config, file_id="(to come)")
        return await self._upload_and_create(file, filename, payload, on_progress)

    async def transcribe(
        self,
        *,
        model: str = DEFAULT_MODEL,
        audio_url: str | None = None,
        file_id: str | None = None,
        file: FileInput | None = None,
        filename: str | None = None,
        client_reference_id: str | None = None,
        config: ConfigInput | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Transcription:
        """A new job for exactly one of ``audio_url``, ``file_id`` and ``file``.

        Args:
            model: Async model.
            audio_url: http(s) URL that the service fetches.
            file_id: An uploaded file.
            file: A path, bytes or a binary stream, which is uploaded first, and deleted if the job cannot be created.
            filename: The name of ``file`` at the service; None for its own.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            config: Options of the job, also as a dict; None for none.
            on_progress: Called while ``file`` is uploaded, with the bytes sent so far and in all (None if unknown); see
                :meth:`AsyncSonioxClient.request`. None for no callback.
        """
        if file is None:
            return await self.create(
                model=model,
                file_id=file_id,
                audio_url=audio_url,
                client_reference_id=client_reference_id,
                config=config,
            )
        if file_id is not None or audio_url is not None:
            raise SonioxValidationError("file, file_id and audio_url exclude each other")
        return await self.transcribe_from_file(
            model=model,
            file=file,
            filename=filename,
            client_reference_id=client_reference_id,
            config=config,
            on_progress=on_progress,
        )

    async def transcribe_file_with_webhook(
        self,
        *,
        model: str = DEFAULT_MODEL,
        file: FileInput,
        webhook_url: str,
        filename: str | None = None,
        client_reference_id: str | None = None,
        webhook_auth: WebhookAuthConfig | None = None,
        config: ConfigInput | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Transcription:
        """Uploads a file and makes a new job for it that announces its end with a webhook.

        Args:
            model: Async model.
            file: A path, bytes, or a binary stream.
            webhook_url: http(s) URL that the service calls, at most 256 characters.
            filename: The file's name at the service; None for its own.
            client_reference_id: Your own identifier on both file and job, at most 256 characters.
            webhook_auth: Header that proves the call; None for the client's webhook secret, if it has one.
            config: Further options of the job, also as a dict; its webhook is ignored. None for none.
            on_progress: Called while ``file`` is uploaded, with the bytes sent so far and in all (None if unknown); see
                :meth:`AsyncSonioxClient.request`. None for no callback.
        """
        webhook = self._client.webhooks.webhook_payload(webhook_url, auth=webhook_auth)
        payload = _payload(model, client_reference_id, config, file_id="(to come)", webhook=webhook)
        return await self._upload_and_create(file, filename, payload, on_progress)

    async def transcribe_and_wait(
        self,
        *,
        model: str = DEFAULT_MODEL,
        audio_url: str | None = None,
        file_id: str | None = None,
        file: FileInput | None = None,
        filename: str | None = None,
        client_reference_id: str | None = None,
        delete_after: bool = False,
        wait_interval_sec: float = 5.0,
        wait_timeout_sec: float | None = None,
        config: ConfigInput | None = None,
        cleanup: Sequence[CleanupTarget] = (),
        on_progress: ProgressCallback | None = None,
        on_status_change: StatusCallback | None = None,
    ) -> Transcription:
        """A new job, once it has ended, well or badly: look at its ``status``.

        Args:
            model: Async model.
            audio_url: http(s) URL that the service fetches; or
            file_id: An uploaded file; or
            file: A path, bytes or a binary stream. Exactly one of the three is needed.
            filename: The name of ``file`` at the service; None for its own.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            delete_after: Whether to delete the job and its file at the end; the same as a ``cleanup`` with both.
            wait_interval_sec: The longest pause between two polls, in seconds.
            wait_timeout_sec: How long to wait, in seconds; None for no limit.
            config: Options of the job, also as a dict; None for none.
            cleanup: What to delete at the end, also after an error or a timeout: ``"file"``, ``"transcription"`` or
                both. If deleting fails, that is logged, and the result is still returned.
            on_progress: Called while ``file`` is uploaded, with the bytes sent so far and in all (None if unknown); see
                :meth:`AsyncSonioxClient.request`. None for no callback.
            on_status_change: Called with the status and the job when a poll sees a status for the first time; see
                :meth:`wait`. None for no callback.

        Raises:
            SonioxTimeoutError: The job did not end in time. The service continues to process it.
        """
        check_polling("wait_", wait_interval_sec, wait_timeout_sec)
        targets = _cleanup_targets(delete_after, cleanup)
        if on_status_change is not None:
            check_callback("on_status_change", on_status_change)
        transcription = await self.transcribe(
            model=model,
            audio_url=audio_url,
            file_id=file_id,
            file=file,
            filename=filename,
            client_reference_id=client_reference_id,
            config=config,
            on_progress=on_progress,
        )
        try:
            return await self.wait(
                transcription.id,
                interval_sec=wait_interval_sec,
                timeout_sec=wait_timeout_sec,
                on_status_change=on_status_change,
            )
        finally:
            await self._clean_up(
                transcription.id if "transcription" in targets else None,
                transcription.file_id if "file" in targets else None,
            )

    async def transcribe_and_wait_with_tokens(
        self,
        *,
        model: str = DEFAULT_MODEL,
        audio_url: str | None = None,
        file_id: str | None = None,
        file: FileInput | None = None,
        filename: str | None = None,
        client_reference_id: str | None = None,
        delete_after: bool = False,
        wait_interval_sec: float = 5.0,
        wait_timeout_sec: float | None = None,
        config: ConfigInput | None = None,
        cleanup: Sequence[CleanupTarget] = (),
        on_progress: ProgressCallback | None = None,
        on_status_change: StatusCallback | None = None,
    ) -> TranscriptionTranscript:
        """Creates a job, waits until it has ended, and returns its transcript.

        Args:
            model: Async model.
            audio_url: http(s) URL that the service fetches; or
            file_id: An uploaded file; or
            file: A path, bytes or a binary stream, which is uploaded first. Exactly one of the three is needed.
            filename: The name of ``file`` at the service; None for its own.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            delete_after: Whether to delete the job and its file at the end; the same as a ``cleanup`` with both.
            wait_interval_sec: The longest pause between two polls, in seconds.
            wait_timeout_sec: How long to wait, in seconds; None for no limit.
            config: Options of the job, also as a dict; None for none.
            cleanup: What to delete at the end, also after an error or a timeout: ``"file"``, ``"transcription"`` or
                both.
            on_progress: Called while ``file`` is uploaded, with the bytes sent so far and in all (None if unknown).
                None for no callback.
            on_status_change: Called with the status and the job when a poll sees a status for the first time; see
                :meth:`wait`. None for no callback.

        Raises:
            SonioxTranscriptionError: The job failed; the error has its ``error_type`` and message.
            SonioxTimeoutError: The job did not end in time. The service continues to process it.
        """
        check_polling("wait_", wait_interval_sec, wait_timeout_sec)
        targets = _cleanup_targets(delete_after, cleanup)
        if on_status_change is not None:
            check_callback("on_status_change", on_status_change)
        transcription = await self.transcribe(
            model=model,
            audio_url=audio_url,
            file_id=file_id,
            file=file,
            filename=filename,
            client_reference_id=client_reference_id,
            config=config,
            on_progress=on_progress,
        )
        try:
            return await self._wait_for_transcript(
                transcription.id, wait_interval_sec, wait_timeout_sec, on_status_change
            )
        finally:
            await self._clean_up(
                transcription.id if "transcription" in targets else None,
                transcription.file_id if "file" in targets else None,
            )

    def transcribe_many(
        self,
        sources: Iterable[str | os.PathLike[str]],
        *,
        model: str = DEFAULT_MODEL,
        config: ConfigInput | None = None,
        client_reference_id: str | None = None,
        concurrency: int = 8,
        journal: str | os.PathLike[str] | None = None,
        delete_after: bool = True,
        wait_interval_sec: float = 5.0,
        wait_timeout_sec: float | None = None,
        on_progress: Callable[[str, str], object] | None = None,
        executor: Executor | None = None,
    ) -> AsyncGenerator[BulkResult]:
        """The results of many files and URLs as they come, in no order, each with its transcript or its error.

        What goes wrong with one source does not stop the others. While a limit of the account refuses another file or
        job, its source waits, for at most 15 minutes.

        With a journal, a run that was killed goes on where it was when it is started again with the same journal:
        no source is transcribed twice, none is forgotten. A result counts as taken when the next one is asked for; one
        that was handed out before the process was killed may come again, from the same job. Sources that failed are
        tried again.

        Args:
            sources: Paths, and URLs that begin with ``http://`` or ``https://``. Each is done once, also if it is given
                several times. They are asked for one by one.
            model: Async model.
            config: Options of all jobs, also as a dict.
            client_reference_id: Your own identifier for all jobs and files; not with a journal, which sets its own.
            concurrency: How many sources are worked on at a time, 1 to 1000.
            journal: A file that notes what is done, a line for each source; None for none.
            delete_after: Whether each job and file is deleted from the service once its result was taken. What belongs
                to a failed source is always deleted.
            wait_interval_sec: The longest pause between two looks at a job.
            wait_timeout_sec: How long one job may take; None for no limit.
            on_progress: Called with a source and its status: ``started``, ``completed``, ``failed``, or ``skipped`` if
                the journal says that it is done. Not async.
            executor: A ``concurrent.futures.Executor`` whose workers do the work, such as processes or a Dask cluster;
                None for this client itself. Workers make a client of their own with the same settings, but without
                hooks. The settings must be such that can be pickled, and paths must be valid where the workers run.

        Returns:
            An iterator of :class:`~soniox_lite.types.bulk.BulkResult`. If it is closed early, or the client is closed,
            the work ends. Uploads are broken off, and other requests under way have five seconds to end; without a
            journal, files and jobs are then deleted. Workers of an executor finish what they have begun, and leave it
            at the service.

        Raises:
            SonioxValidationError: An argument is not valid, or another run uses the journal.
            SonioxError: The journal cannot be read or written, or the client was closed during the run.
            Exception: What the executor raises, such as a ``BrokenProcessPool`` when a worker was killed; and what
                ``sources`` and ``on_progress`` raise.
        """
        from ._bulk_plan import BulkPlan  # noqa: PLC0415 - most programs do without
        from ._bulk_runs import async_iterate  # noqa: PLC0415 - as above

        check_polling("wait_", wait_interval_sec, wait_timeout_sec)
        reference = _payload(model, client_reference_id, config, file_id="(to come)").client_reference_id
        plan = BulkPlan(
            sources,
            {"model": model, "config": config, "client_reference_id": reference},
            (wait_interval_sec, wait_timeout_sec),
            concurrency=concurrency,
            journal=journal,
            delete_after=delete_after,
            on_progress=on_progress,
            executor=executor,
        )
        return async_iterate(self._client, plan)

    async def translate(
        self,
        *,
        to: str | None = None,
        source: str | None = None,
        between: tuple[str, str] | None = None,
        audio_url: str | None = None,
        file_id: str | None = None,
        file: FileInput | None = None,
        filename: str | None = None,
        model: str = DEFAULT_MODEL,
        client_reference_id: str | None = None,
        config: ConfigInput | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Transcription:
        """Creates a job that also translates. :func:`~soniox_lite.transcript.translation_segments` pairs its tokens.

        Languages are identified in any case, so that each token has its language.

        Args:
            to: Two-letter code of the language that all speech is translated into; or
            source: With ``to``: the only language that is spoken; None to detect it.
            between: Two languages, each of which is translated into the other. Exactly one of ``to`` and ``between`` is
                needed.
            audio_url: http(s) URL that the service fetches; or
            file_id: An uploaded file; or
            file: A path, bytes or a binary stream, which is uploaded first. Exactly one of the three is needed.
            filename: The name of ``file`` at the service; None for its own.
            model: Async model.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            config: Further options of the job, also as a dict, without a translation. ``source`` replaces its language
                hints. None for none.
            on_progress: Called while ``file`` is uploaded, with the bytes sent so far and in all (None if unknown).
                None for no callback.

        Raises:
            SonioxValidationError: Both or none of ``to`` and ``between`` are given, ``source`` without ``to``, or a
                translation in ``config``. Nothing was sent.
        """
        return await self.transcribe(
            model=model,
            audio_url=audio_url,
            file_id=file_id,
            file=file,
            filename=filename,
            client_reference_id=client_reference_id,
            config=_translating(config, to, source, between),
            on_progress=on_progress,
        )

    async def translate_from_url(
        self,
        *,
        audio_url: str,
        to: str | None = None,
        source: str | None = None,
        between: tuple[str, str] | None = None,
        model: str = DEFAULT_MODEL,
        client_reference_id: str | None = None,
        config: ConfigInput | None = None,
    ) -> Transcription:
        """As :meth:`translate`, for audio that the service fetches.

        Args:
            audio_url: http(s) URL that the service fetches.
            to: Two-letter code of the language that all speech is translated into; or
            source: With ``to``: the only language that is spoken; None to detect it.
            between: Two languages, each of which is translated into the other. Exactly one of ``to`` and ``between`` is
                needed.
            model: Async model.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            config: Further options of the job, also as a dict, without a translation. ``source`` replaces its language
                hints. None for none.

        Raises:
            SonioxValidationError: Both or none of ``to`` and ``between`` are given, ``source`` without ``to``, or a
                translation in ``config``. Nothing was sent.
        """
        return await self.transcribe_from_url(
            model=model,
            audio_url=audio_url,
            client_reference_id=client_reference_id,
            config=_translating(config, to, source, between),
        )

    async def translate_from_file_id(
        self,
        *,
        file_id: str,
        to: str | None = None,
        source: str | None = None,
        between: tuple[str, str] | None = None,
        model: str = DEFAULT_MODEL,
        client_reference_id: str | None = None,
        config: ConfigInput | None = None,
    ) -> Transcription:
        """As :meth:`translate`, for an uploaded file.

        Args:
            file_id: An uploaded file.
            to: Two-letter code of the language that all speech is translated into; or
            source: With ``to``: the only language that is spoken; None to detect it.
            between: Two languages, each of which is translated into the other. Exactly one of ``to`` and ``between`` is
                needed.
            model: Async model.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            config: Further options of the job, also as a dict, without a translation. ``source`` replaces its language
                hints. None for none.

        Raises:
            SonioxValidationError: Both or none of ``to`` and ``between`` are given, ``source`` without ``to``, or a
                translation in ``config``. Nothing was sent.
        """
        return await self.transcribe_from_file_id(
            model=model,
            file_id=file_id,
            client_reference_id=client_reference_id,
            config=_translating(config, to, source, between),
        )

    async def translate_from_file(
        self,
        *,
        file: FileInput,
        to: str | None = None,
        source: str | None = None,
        between: tuple[str, str] | None = None,
        filename: str | None = None,
        model: str = DEFAULT_MODEL,
        client_reference_id: str | None = None,
        config: ConfigInput | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Transcription:
        """As :meth:`translate`, for a file that is uploaded first.

        Args:
            file: A path, bytes or a binary stream, which is uploaded first, and deleted if the job cannot be created.
            to: Two-letter code of the language that all speech is translated into; or
            source: With ``to``: the only language that is spoken; None to detect it.
            between: Two languages, each of which is translated into the other. Exactly one of ``to`` and ``between`` is
                needed.
            filename: The name of ``file`` at the service; None for its own.
            model: Async model.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            config: Further options of the job, also as a dict, without a translation. ``source`` replaces its language
                hints. None for none.
            on_progress: Called while ``file`` is uploaded, with the bytes sent so far and in all (None if unknown).
                None for no callback.

        Raises:
            SonioxValidationError: Both or none of ``to`` and ``between`` are given, ``source`` without ``to``, or a
                translation in ``config``. Nothing was sent.
        """
        return await self.transcribe_from_file(
            model=model,
            file=file,
            filename=filename,
            client_reference_id=client_reference_id,
            config=_translating(config, to, source, between),
            on_progress=on_progress,
        )

    async def translate_and_wait(
        self,
        *,
        to: str | None = None,
        source: str | None = None,
        between: tuple[str, str] | None = None,
        audio_url: str | None = None,
        file_id: str | None = None,
        file: FileInput | None = None,
        filename: str | None = None,
        model: str = DEFAULT_MODEL,
        client_reference_id: str | None = None,
        delete_after: bool = False,
        wait_interval_sec: float = 5.0,
        wait_timeout_sec: float | None = None,
        config: ConfigInput | None = None,
        cleanup: Sequence[CleanupTarget] = (),
        on_progress: ProgressCallback | None = None,
        on_status_change: StatusCallback | None = None,
    ) -> Transcription:
        """As :meth:`translate`; waits until the job has ended, and returns it. Its ``status`` may be ``error``.

        Args:
            to: Two-letter code of the language that all speech is translated into; or
            source: With ``to``: the only language that is spoken; None to detect it.
            between: Two languages, each of which is translated into the other. Exactly one of ``to`` and ``between`` is
                needed.
            audio_url: http(s) URL that the service fetches; or
            file_id: An uploaded file; or
            file: A path, bytes or a binary stream, which is uploaded first. Exactly one of the three is needed.
            filename: The name of ``file`` at the service; None for its own.
            model: Async model.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            delete_after: Whether to delete the job and its file at the end; the same as a ``cleanup`` with both.
            wait_interval_sec: The longest pause between two polls, in seconds.
            wait_timeout_sec: How long to wait, in seconds; None for no limit.
            config: Further options of the job, also as a dict, without a translation. ``source`` replaces its language
                hints. None for none.
            cleanup: What to delete at the end, also after an error or a timeout: ``"file"``, ``"transcription"`` or
                both.
            on_progress: Called while ``file`` is uploaded, with the bytes sent so far and in all (None if unknown).
                None for no callback.
            on_status_change: Called with the status and the job when a poll sees a status for the first time; see
                :meth:`wait`. None for no callback.

        Raises:
            SonioxValidationError: Both or none of ``to`` and ``between`` are given, ``source`` without ``to``, or a
                translation in ``config``. Nothing was sent.
            SonioxTimeoutError: The job did not end in time. The service continues to process it.
        """
        return await self.transcribe_and_wait(
            model=model,
            audio_url=audio_url,
            file_id=file_id,
            file=file,
            filename=filename,
            client_reference_id=client_reference_id,
            delete_after=delete_after,
            wait_interval_sec=wait_interval_sec,
            wait_timeout_sec=wait_timeout_sec,
            config=_translating(config, to, source, between),
            cleanup=cleanup,
            on_progress=on_progress,
            on_status_change=on_status_change,
        )

    async def translate_and_wait_with_tokens(
        self,
        *,
        to: str | None = None,
        source: str | None = None,
        between: tuple[str, str] | None = None,
        audio_url: str | None = None,
        file_id: str | None = None,
        file: FileInput | None = None,
        filename: str | None = None,
        model: str = DEFAULT_MODEL,
        client_reference_id: str | None = None,
        delete_after: bool = False,
        wait_interval_sec: float = 5.0,
        wait_timeout_sec: float | None = None,
        config: ConfigInput | None = None,
        cleanup: Sequence[CleanupTarget] = (),
        on_progress: ProgressCallback | None = None,
        on_status_change: StatusCallback | None = None,
    ) -> TranscriptionTranscript:
        """As :meth:`translate`; waits until the job has ended, and returns its transcript.

        Args:
            to: Two-letter code of the language that all speech is translated into; or
            source: With ``to``: the only language that is spoken; None to detect it.
            between: Two languages, each of which is translated into the other. Exactly one of ``to`` and ``between`` is
                needed.
            audio_url: http(s) URL that the service fetches; or
            file_id: An uploaded file; or
            file: A path, bytes or a binary stream, which is uploaded first. Exactly one of the three is needed.
            filename: The name of ``file`` at the service; None for its own.
            model: Async model.
            client_reference_id: Your own identifier, at most 256 characters; None for none.
            delete_after: Whether to delete the job and its file at the end; the same as a ``cleanup`` with both.
            wait_interval_sec: The longest pause between two polls, in seconds.
            wait_timeout_sec: How long to wait, in seconds; None for no limit.
            config: Further options of the job, also as a dict, without a translation. ``source`` replaces its language
                hints. None for none.
            cleanup: What to delete at the end, also after an error or a timeout: ``"file"``, ``"transcription"`` or
                both.
            on_progress: Called while ``file`` is uploaded, with the bytes sent so far and in all (None if unknown).
                None for no callback.
            on_status_change: Called with the status and the job when a poll sees a status for the first time; see
                :meth:`wait`. None for no callback.

        Raises:
            SonioxValidationError: Both or none of ``to`` and ``between`` are given, ``source`` without ``to``, or a
                translation in ``config``. Nothing was sent.
            SonioxTranscriptionError: The job failed; the error has its ``error_type`` and message.
            SonioxTimeoutError: The job did not end in time. The service continues to process it.
        """
        return await self.transcribe_and_wait_with_tokens(
            model=model,
            audio_url=audio_url,
            file_id=file_id,
            file=file,
            filename=filename,
            client_reference_id=client_reference_id,
            delete_after=delete_after,
            wait_interval_sec=wait_interval_sec,
            wait_timeout_sec=wait_timeout_sec,
            config=_translating(config, to, source, between),
            cleanup=cleanup,
            on_progress=on_progress,
            on_status_change=on_status_change,
        )

    async def _create(self, payload: CreateTranscriptionPayload) -> Transcription:
        response = await self._client.request("POST", "/transcriptions", json=payload.to_dict())
        return decode_response(Transcription, response)

    async def _wait_for_transcript(
        self,
        transcription_id: str,
        interval_sec: float,
        timeout_sec: float | None,
        on_status_change: StatusCallback | None = None,
    ) -> TranscriptionTranscript:
        ended = await self.wait(
            transcription_id, interval_sec=interval_sec, timeout_sec=timeout_sec, on_status_change=on_status_change
        )
        if ended.status != "completed":
            reason = ended.error_message or "no reason given"
            raise SonioxTranscriptionError(
                f"transcription {ended.id} ended in status {ended.status!r}: {reason}", transcription=ended
            )
        return await self.get_transcript(ended.id)

    async def _upload_and_create(
        self,
        file: FileInput,
        filename: str | None,
        payload: CreateTranscriptionPayload,
        on_progress: ProgressCallback | None,
    ) -> Transcription:
        """Uploads and creates; ``payload`` was made, and so checked, before anything is sent."""
        uploaded = await self._client.files.upload(
            file, filename=filename, client_reference_id=payload.client_reference_id, on_progress=on_progress
        )
        payload.file_id = uploaded.id
        try:
            return await self._create(payload)
        except BaseException:
            await self._clean_up(None, uploaded.id)
            raise

    async def _destroy(self, transcription: Transcription) -> None:
        await self.delete_if_exists(transcription.id)
        if transcription.file_id is not None:
            await self._client.files.delete_if_exists(transcription.file_id)

    async def _clean_up(
        self, transcription_id: str | None, file_id: str | None, busy_pauses_sec: Sequence[float] = ()
    ) -> None:
        """Deletes what a call created. Failures are logged: the call has its own result or error.

        Args:
            transcription_id: The job; None for none.
            file_id: The file; None for none.
            busy_pauses_sec: Pauses between attempts to delete a job that is being processed.
        """
        client = self._client
        # What a cancelled call has created is deleted all the same.
        client = client if settings_of(client).cancel is None else client.with_options(cancel=None)
        try:
            if transcription_id is not None:
                await _delete_job(client, transcription_id, busy_pauses_sec)
        except SonioxError as error:
            _log_left_over("transcription", transcription_id, error)
        try:
            if file_id is not None:
                await client.files.delete_if_exists(file_id)
        except SonioxError as error:
            _log_left_over("file", file_id, error)


async def _delete_job(client: AsyncSonioxClient, transcription_id: str, busy_pauses_sec: Sequence[float]) -> None:
    for delay in busy_pauses_sec:
        try:
            await client.stt.delete_if_exists(transcription_id)
        except SonioxConflictError:
            await pause(delay)
        else:
            return
    await client.stt.delete_if_exists(transcription_id)


def _cleanup_targets(delete_after: bool, cleanup: Sequence[CleanupTarget]) -> set[str]:
    """What to delete at the end."""
    targets = {"file", "transcription"} if delete_after else set[str]()
    with FieldErrors("the clean-up") as check:
        for field, target in check.items(
            "cleanup", list(cleanup) if isinstance(cleanup, (set, frozenset)) else cleanup
        ):
            if check.choice(field, target, ("file", "transcription")) is not None:
                targets.add(target)
    return targets


def _path(transcription_id: str) -> str:
    return f"/transcriptions/{path_segment('transcription_id', transcription_id)}"


def _options(config: ConfigInput | None) -> dict[str, Any]:
    """The fields of ``config`` that are not None."""
    if config is None:
        return {}
    config = CreateTranscriptionConfig.of(config)
    return {name: value for name in field_names(config) if (value := getattr(config, name)) is not None}


def _translating(
    config: ConfigInput | None, to: str | None, source: str | None, between: tuple[str, str] | None
) -> CreateTranscriptionConfig:
    """The options of ``config`` and a translation; ``config`` itself is left as it is."""
    options = _options(config)
    with FieldErrors("the translation") as check:
        check.language("to", to)
        check.language("source", source)
        pair = check.array("between", between) or []
        for path, code in check.items("between", pair):
            check.language(path, code)
        if (to is None) == (between is None):
            check.add("to", "or between must be given, and not both", to)
        elif to is None and (len(pair) != 2 or str(pair[0]).lower() == str(pair[1]).lower()):
            check.add("between", "must be two different languages", between)
        if source is not None and to is None:
            check.add("source", "is for to, not for between", source)
        if "translation" in options:
            check.add("config.translation", "must not be given: it is made from to or between", options["translation"])
    if to is None:
        translation = TranslationConfig(type="two_way", language_a=pair[0], language_b=pair[1])
    else:
        translation = TranslationConfig(type="one_way", target_language=to)
    options.update(translation=translation, enable_language_identification=True)
    if source is not None:
        options.update(language_hints=[source], language_hints_strict=True)
    return CreateTranscriptionConfig(**options)


def _payload(
    model: str,
    client_reference_id: str | None,
    config: ConfigInput | None,
    *,
    file_id: str | None = None,
    audio_url: str | None = None,
    webhook: dict[str, str] | None = None,
) -> CreateTranscriptionPayload:
    """The whole request; what ``config`` sets wins over arguments, and a webhook over both."""
    options = _options(config)
    if webhook is not None:
        for name in ("webhook_auth_header_name", "webhook_auth_header_value"):
            options.pop(name, None)
        options.update(webhook)
    fields: dict[str, Any] = {"model": model, "client_reference_id": client_reference_id, **options}
    payload = CreateTranscriptionPayload(**fields, file_id=file_id, audio_url=audio_url)
    warn_of_fields(CreateTranscriptionConfig, options, ("model", "client_reference_id"))
    return payload


def _timeout_error(
    transcription_id: str, transcription: Transcription | None, timeout_sec: float | None
) -> SonioxTimeoutError:
    status = "unknown" if transcription is None else transcription.status
    return SonioxTimeoutError(
        f"transcription {transcription_id} is still {status} after {timeout_sec:g} s; it goes on at the service",
        request_sent=True,
        transcription_id=transcription_id,
    )


def _log_left_over(kind: str, left_id: str | None, error: SonioxError) -> None:
    from .._data.callbacks import logger  # noqa: PLC0415 - loaded only when deleting fails

    logger().warning("%s %s is left at the service: %s", kind, one_line(left_id), error)
