"""The async client: its namespaces, and the request that all of them are made of."""

from __future__ import annotations

from .._lazy import cached_property, loading
from .base import BaseClient, deadline_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from typing_extensions import Self

    from .._http.async_streams import AsyncResponseStream
    from .._http.async_transport import AsyncTransport
    from .._http.body import ProgressCallback
    from .._http.messages import Response
    from ..api.async_auth import AsyncAuthAPI
    from ..api.async_concurrency_limits import AsyncConcurrencyLimitsAPI
    from ..api.async_files import AsyncFilesAPI
    from ..api.async_models import AsyncModelsAPI
    from ..api.async_stt import AsyncSttAPI
    from ..api.async_tts import AsyncTtsAPI
    from ..api.async_tts_models import AsyncTtsModelsAPI
    from ..api.async_usage import AsyncUsageAPI
    from ..api.async_usage_logs import AsyncUsageLogsAPI
    from ..api.async_voices import AsyncVoicesAPI
    from ..api.async_webhooks import AsyncSonioxWebhooksAPI
    from ..realtime import AsyncRealtimeAPI

__all__ = ["AsyncSonioxClient"]

# A cloned voice that failed stays so, although its errors have a status (503) after which requests are repeated.
_FINAL_ERROR_TYPES = frozenset({"voice_failed"})


class AsyncSonioxClient(BaseClient):
    """A client of the Soniox speech API: it transcribes recordings and live audio, and speaks texts. For asyncio.

    ::

        async with AsyncSonioxClient() as client:
            transcript = await client.stt.transcribe_and_wait_with_tokens(file="call.wav", delete_after=True)
            print(transcript.text)

    One client serves any number of tasks at once; its connections are kept and shared. After a fork the child opens
    its own. A client can be pickled: its settings travel, with the key; its connections do not. Close it with
    ``aclose`` or use it in an ``async with`` block.

    Requests run on up to 64 threads of the client, so that one client serves several event loops, one after the other
    or at once. Cancelling does not stop a request that was sent: its thread completes it and discards the response.
    Cancelling closes audio that is being received, and takes effect at once between the attempts of a request.
    """

    _exchange_module = ".._http.async_attempts"
    _awaits_hooks = True

    @cached_property
    def _transport(self) -> AsyncTransport:
        """Made with the first request. Realtime does not use it and saves the 10 ms that loading it takes."""
        from .._http.async_transport import AsyncTransport  # noqa: PLC0415 - loaded with the first namespace

        return self._share_transport(AsyncTransport(self._settings))

    @cached_property
    def files(self) -> AsyncFilesAPI:
        """Uploaded files."""
        from ..api.async_files import AsyncFilesAPI  # noqa: PLC0415 - as above

        return AsyncFilesAPI(self._for_rest())

    @cached_property
    def stt(self) -> AsyncSttAPI:
        """Transcription jobs."""
        from ..api.async_stt import AsyncSttAPI  # noqa: PLC0415 - as above

        return AsyncSttAPI(self._for_rest())

    @property
    def transcriptions(self) -> AsyncSttAPI:
        """The former name of ``stt``; the same object."""
        return self.stt

    @cached_property
    def tts(self) -> AsyncTtsAPI:
        """Speech from text."""
        from ..api.async_tts import AsyncTtsAPI  # noqa: PLC0415 - as above

        return AsyncTtsAPI(self._for_rest())

    @cached_property
    def models(self) -> AsyncModelsAPI:
        """Speech-to-text models."""
        from ..api.async_models import AsyncModelsAPI  # noqa: PLC0415 - as above

        return AsyncModelsAPI(self._for_rest())

    @cached_property
    def tts_models(self) -> AsyncTtsModelsAPI:
        """Text-to-speech models."""
        from ..api.async_tts_models import AsyncTtsModelsAPI  # noqa: PLC0415 - as above

        return AsyncTtsModelsAPI(self._for_rest())

    @cached_property
    def voices(self) -> AsyncVoicesAPI:
        """Cloned voices of the project, and the voices that the service shares."""
        from ..api.async_voices import AsyncVoicesAPI  # noqa: PLC0415 - as above

        return AsyncVoicesAPI(self._for_rest())

    @cached_property
    def usage(self) -> AsyncUsageAPI:
        """Usage and costs by model and day."""
        from ..api.async_usage import AsyncUsageAPI  # noqa: PLC0415 - as above

        return AsyncUsageAPI(self._for_rest())

    @cached_property
    def usage_logs(self) -> AsyncUsageLogsAPI:
        """Usage and costs of single requests."""
        from ..api.async_usage_logs import AsyncUsageLogsAPI  # noqa: PLC0415 - as above

        return AsyncUsageLogsAPI(self._for_rest())

    @cached_property
    def concurrency_limits(self) -> AsyncConcurrencyLimitsAPI:
        """Concurrent streams: how many are open, the limits, the history."""
        from ..api.async_concurrency_limits import AsyncConcurrencyLimitsAPI  # noqa: PLC0415 - as above

        return AsyncConcurrencyLimitsAPI(self._for_rest())

    @cached_property
    def auth(self) -> AsyncAuthAPI:
        """Temporary API keys."""
        from ..api.async_auth import AsyncAuthAPI  # noqa: PLC0415 - as above

        return AsyncAuthAPI(self._for_rest())

    @cached_property
    def webhooks(self) -> AsyncSonioxWebhooksAPI:
        """Webhooks: requesting, verifying and receiving them."""
        from ..api.async_webhooks import AsyncSonioxWebhooksAPI  # noqa: PLC0415 - as above

        settings = self._settings
        return AsyncSonioxWebhooksAPI(
            webhook_secret=settings.webhook_secret,
            webhook_header=settings.webhook_signature_header,
            client=self,
        )

    @cached_property
    def realtime(self) -> AsyncRealtimeAPI:
        """Realtime sessions."""
        from ..realtime import AsyncRealtimeAPI  # noqa: PLC0415 - as above

        return AsyncRealtimeAPI(self)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any | None = None,
        data: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        on_progress: ProgressCallback | None = None,
        deadline_sec: float | None = None,
    ) -> Response:
        """Sends a request to any endpoint and returns its response, whatever the status.

        See :meth:`Response.raise_for_status`.

        Args:
            method: HTTP method.
            path: Path below ``api_base_url``, such as ``/files``, percent-encoded.
            params: The query. Parameters that are None are left out; a list repeats its name.
            json: Body as JSON; excludes ``data`` and ``files``.
            data: Fields of a form, or with ``files`` of a multipart form.
            files: Files of a multipart form by field name: a path, bytes or a binary stream, or a tuple of file name,
                one of these, and optionally a content type. Streams are not closed.
            on_progress: Called after each block of a file with the bytes sent so far and in all (None if unknown).
                It is called in the event loop, and awaited if it is async.
            deadline_sec: How long the call may take, in seconds, retries and pauses included; None for no limit.

        Raises:
            SonioxValidationError: An argument is not valid.
            SonioxConnectionError: The server could not be reached, or the response did not arrive whole.
            SonioxTimeoutError: ``timeout_sec``, ``connect_timeout_sec`` or ``deadline_sec`` was exceeded.
        """
        with loading:
            from .._http.async_attempts import send_with_retries  # noqa: PLC0415 - as above
            from .._http.requests import request_from  # noqa: PLC0415 - as above

        deadline = deadline_after(deadline_sec)
        on_progress = self._transport.callback(on_progress)
        with request_from(
            self._settings,
            method,
            path,
            params=params,
            json=json,
            data=data,
            files=files,
            on_progress=on_progress,
        ) as request:
            return await send_with_retries(self._transport, request, self._settings, deadline=deadline)

    async def _open_tts_stream(self, payload: dict[str, Any], *, deadline_sec: float | None) -> AsyncResponseStream:
        """Sends a request to the text-to-speech host; the body of the response is read by the caller."""
        with loading:
            from .._http.async_attempts import open_stream_with_retries  # noqa: PLC0415 - as above
            from .._http.requests import request_from  # noqa: PLC0415 - as above

        deadline = deadline_after(deadline_sec)
        base_url = self._settings.tts_api_base_url
        with request_from(self._settings, "POST", "/tts", json=payload, base_url=base_url, accept="*/*") as request:
            return await open_stream_with_retries(
                self._transport, request, self._settings, deadline=deadline, final_error_types=_FINAL_ERROR_TYPES
            )

    async def aclose(self) -> None:
        """Closes the connections and ends the threads; requests under way fail. Later calls do nothing.

        Runs of ``transcribe_many`` end before, and delete what they have created.
        """
        transport = self._shared.setdefault("transport", None) if self._owns_transport else None
        if transport is not None:
            await transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, exc_type: object, exc: object, traceback: object) -> None:
        await self.aclose()
