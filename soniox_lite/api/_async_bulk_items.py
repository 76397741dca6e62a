"""One source of a bulk run: upload, job, transcript; and what a run that was killed has left at the service."""

from __future__ import annotations

import contextlib

from .._http.async_transport import completed, pause
from .._settings import settings_of
from ..errors import SonioxCancelledError, SonioxError, SonioxRateLimitError, one_line
from ..types.bulk import BulkResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from ..client import AsyncSonioxClient
    from ._bulk_plan import BulkItem

_PAGE_SIZE = 1000
_FIRST_PAUSE_SEC = 1.0
_MAX_PAUSE_SEC = 15.0
# How long a source waits for room below the limits of the account. Room comes when jobs of this run end, or never.
_MAX_LIMIT_SEC = 900.0
# A request that was sent just before the run was killed may take the service a moment.
_SETTLING_SEC = 1.0
# Pauses between attempts to delete a job, which the service refuses while it processes it.
_BUSY_PAUSES_SEC = (0.25, 0.5, 1.0, 2.0)


async def transcribe_item(client: AsyncSonioxClient, item: BulkItem) -> BulkResult:
    """The result of one source. An error of the service, of the network or of a file stands in the result.

    If this is abandoned, it deletes what it has created, unless a later run finds it.
    """
    result = BulkResult(item.source, transcription_id=item.transcription_id, file_id=item.file_id)
    try:
        await _transcribe(client, item, result)
    except SonioxError as error:
        result.error = error
    except BaseException:
        if not item.is_resumable:
            await remove_item(client, result)
        raise
    return result


async def _transcribe(client: AsyncSonioxClient, item: BulkItem, result: BulkResult) -> None:
    """Fills the result step by step, so that it says what has been created when a step fails or is abandoned."""
    stt = client.stt

    async def upload() -> None:
        file = await client.files.upload(item.source, client_reference_id=item.options["client_reference_id"])
        result.file_id = file.id

    async def create() -> None:
        place = {"audio_url": item.source} if item.is_url else {"file_id": result.file_id}
        result.transcription_id = (await stt.create(**place, **item.options)).id

    if result.transcription_id is None:
        if not item.is_url and result.file_id is None:
            await _below_limits(client, upload)
        await _below_limits(client, create)
    assert result.transcription_id is not None  # noqa: S101 - create() has set it
    result.transcript = await stt._wait_for_transcript(  # pyright: ignore[reportPrivateUsage] - of this namespace
        result.transcription_id, *item.wait
    )


async def _below_limits(client: AsyncSonioxClient, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Makes a call, and repeats it while a limit of the account refuses it. A call that was begun is completed."""
    waited, delay = 0.0, _FIRST_PAUSE_SEC
    while True:
        try:
            return await completed(call)
        except SonioxRateLimitError as error:
            delay = max(delay, error.retry_after_sec or 0.0)
            if waited + delay > _MAX_LIMIT_SEC:
                raise
        await pause(delay, settings_of(client).cancel)
        waited += delay
        delay = min(delay * 1.5, _MAX_PAUSE_SEC)


async def remove_item(client: AsyncSonioxClient, result: BulkResult) -> None:
    """Deletes the job and the file of a source from the service. What cannot be deleted is logged.

    A job that is being processed is tried again for four seconds. A completed job whose transcript was not read, or not
    stored, is kept: it was paid for.
    """
    is_stopped = result.error is None or isinstance(result.error, SonioxCancelledError)
    if not is_stopped and result.transcription_id is not None:
        with contextlib.suppress(SonioxError):
            job = await client.stt.get_or_none(result.transcription_id)
            if job is not None and job.status == "completed":
                from .._data.callbacks import logger  # noqa: PLC0415 - only this rare case pays

                logger().warning("transcription %s has completed and is left at the service", one_line(job.id))
                return
    await client.stt._clean_up(result.transcription_id, result.file_id, _BUSY_PAUSES_SEC)  # pyright: ignore[reportPrivateUsage]


async def find_begun(client: AsyncSonioxClient, run: str) -> dict[str, BulkResult]:
    """What a run has left at the service: IDs of jobs and files by ``client_reference_id``."""
    begun: dict[str, BulkResult] = {}
    await pause(_SETTLING_SEC, settings_of(client).cancel)
    async for job in client.stt.list_all(limit=_PAGE_SIZE):
        if (job.client_reference_id or "").startswith(f"{run}:"):
            begun[job.client_reference_id or ""] = BulkResult("", transcription_id=job.id, file_id=job.file_id)
    async for file in client.files.list_all(limit=_PAGE_SIZE):
        reference = file.client_reference_id or ""
        if reference.startswith(f"{run}:"):
            known = begun.setdefault(reference, BulkResult(""))
            known.file_id = known.file_id or file.id
    return begun
