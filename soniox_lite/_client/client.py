# Generated from async_client.py by scripts/generate_sync: edit that file, not this one.
"""The async client: its namespaces, and the request that all of them are made of."""

from __future__ import annotations

from .._lazy import cached_property, loading
from .base import BaseClient, deadline_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from typing_extensions import Self

    from .._http.body import ProgressCallback
    from .._http.messages import Response
    from .._http.streams import ResponseStream
    from .._http.transport import Transport
    from ..api.auth import AuthAPI
    from ..api.concurrency_limits import ConcurrencyLimitsAPI
    from ..api.files import FilesAPI
    from ..api.models import ModelsAPI
    from ..api.stt import SttAPI
    from ..api.tts import TtsAPI
    from ..api.tts_models import TtsModelsAPI
    from ..api.usage import UsageAPI
    from ..api.usage_logs import UsageLogsAPI
    from ..api.voices import VoicesAPI
    from ..api.webhooks import SonioxWebhooksAPI
    from ..realtime import RealtimeAPI

__all__ = ["SonioxClient"]

# A cloned voice that failed stays so, although its errors have a status (503) after which requests are repeated.
_FINAL_ERROR_TYPES = frozenset({"voice_failed"})


class SonioxClient(BaseClient):
    """A client of the Soniox speech API: it transcribes recordings and live audio, and speaks texts. For threads.

    ::

        with SonioxClient() as client:
            transcript = client.stt.transcribe_and_wait_with_tokens(file="call.wav", delete_after=True)
            print(transcript.text)

    One client serves any number of threads at once; its connections are kept and shared. After a fork the child opens
    its own. A client can be pickled: its settings travel, with the key; its connections do not. Close it with
    ``close`` or use it in a ``with`` block.
    """

    _exchange_module = ".._http.attempts"
    _awaits_hooks = False

    @cached_property
    def _transport(self) -> Transport:
        """Made with the first request. Realtime does not use it and saves the 10 ms that loading it takes."""
        from .._http.transport import Transport  # noqa: PLC0415 - loaded with the first namespace

        return self._share_transport(Transport(self._settings))

    @cached_property
    def files(self) -> FilesAPI:
        """Uploaded files."""
        from ..api.files import FilesAPI  # noqa: PLC0415 - as above

        return FilesAPI(self._for_rest())

    @cached_property
    def stt(self) -> SttAPI:
        """Transcription jobs."""
        from ..api.stt import SttAPI  # noqa: PLC0415 - as above

        return SttAPI(self._for_rest())

    @property
    def transcriptions(self) -> SttAPI:
        """The former name of ``stt``; the same object."""
        return self.stt

    @cached_property
    def tts(self) -> TtsAPI:
        """Speech from text."""
        from ..api.tts import TtsAPI  # noqa: PLC0415 - as above

        return TtsAPI(self._for_rest())

    @cached_property
    def models(self) -> ModelsAPI:
        """Speech-to-text models."""
        from ..api.models import ModelsAPI  # noqa: PLC0415 - as above

        return ModelsAPI(self._for_rest())

    @cached_property
    def tts_models(self) -> TtsModelsAPI:
        """Text-to-speech models."""
        from ..api.tts_models import TtsModelsAPI  # noqa: PLC0415 - as above

        return TtsModelsAPI(self._for_rest())

    @cached_property
    def voices(self) -> VoicesAPI:
        """Cloned voices of the project, and the voices that the service shares."""
        from ..api.voices import VoicesAPI  # noqa: PLC0415 - as above

        return VoicesAPI(self._for_rest())

    @cached_property
    def usage(self) -> UsageAPI:
        """Usage and costs by model and day."""
        from ..api.usage import UsageAPI  # noqa: PLC0415 - as above

        return UsageAPI(self._for_rest())

    @cached_property
    def usage_logs(self) -> UsageLogsAPI:
        """Usage and costs of single requests."""
        from ..api.usage_logs import UsageLogsAPI  # noqa: PLC0415 - as above

        return UsageLogsAPI(self._for_rest())

    @cached_property
    def concurrency_limits(self) -> ConcurrencyLimitsAPI:
        """Concurrent streams: how many are open, the limits, the history."""
        from ..api.concurrency_limits import ConcurrencyLimitsAPI  # noqa: PLC0415 - as above

        return ConcurrencyLimitsAPI(self._for_rest())

    @cached_property
    def auth(self) -> AuthAPI:
        """Temporary API keys."""
        from ..api.auth import AuthAPI  # noqa: PLC0415 - as above

        return AuthAPI(self._for_rest())

    @cached_property
    def webhooks(self) -> SonioxWebhooksAPI:
        """Webhooks: requesting, verifying and receiving them."""
        from ..api.webhooks import SonioxWebhooksAPI  # noqa: PLC0415 - as above

        settings = self._settings
        return SonioxWebhooksAPI(
            webhook_secret=settings.webhook_secret,
            webhook_header=settings.webhook_signature_header,
            client=self,
        )

    @cached_property
    def realtime(self) -> RealtimeAPI:
        """Realtime sessions."""
        from ..realtime import RealtimeAPI  # noqa: PLC0415 - as above

        return RealtimeAPI(self)

    def request(
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
                It must not be async.
            deadline_sec: How long the call may take, in seconds, retries and pauses included; None for no limit.

        Raises:
            SonioxValidationError: An argument is not valid.
            SonioxConnectionError: The server could not be reached, or the response did not arrive whole.
            SonioxTimeoutError: ``timeout_sec``, ``connect_timeout_sec`` or ``deadline_sec`` was exceeded.
        """
        with loading:
            from .._http.attempts import send_with_retries  # noqa: PLC0415 - as above
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
            return send_with_retries(self._transport, request, self._settings, deadline=deadline)

    def _open_tts_stream(self, payload: dict[str, Any], *, deadline_sec: float | None) -> ResponseStream:
        """Sends a request to the text-to-speech host; the body of the response is read by the caller."""
        with loading:
            from .._http.attempts import open_stream_with_retries  # noqa: PLC0415 - as above
            from .._http.requests import request_from  # noqa: PLC0415 - as above

        deadline = deadline_after(deadline_sec)
        base_url = self._settings.tts_api_base_url
        with request_from(self._settings, "POST", "/tts", json=payload, base_url=base_url, accept="*/*") as request:
            return open_stream_with_retries(
                self._transport, request, self._settings, deadline=deadline, final_error_types=_FINAL_ERROR_TYPES
            )

    def close(self) -> None:
        """Closes the connections; requests under way fail. Later calls do nothing.

        Runs of ``transcribe_many`` end before, and delete what they have created.
        """
        transport = self._shared.setdefault("transport", None) if self._owns_transport else None
        if transport is not None:
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        self.close()
