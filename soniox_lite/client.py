"""The clients: a set-up, a transport, and the namespaces over them."""

from __future__ import annotations

from importlib import import_module

from ._data.clock import time
from ._data.codec import shown_when_made
from ._data.rules import Problems
from ._lazy import cached_property, loading
from ._settings import Settings
from .errors import SonioxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    import urllib.request
    from collections.abc import Callable, Mapping
    from typing import Any, TypedDict, TypeVar

    from typing_extensions import Self, Unpack

    from ._http.async_streams import AsyncResponseStream
    from ._http.async_transport import AsyncTransport
    from ._http.body import ProgressCallback
    from ._http.messages import Request, Response
    from ._http.streams import ResponseStream
    from ._http.transport import Transport
    from .api.async_auth import AsyncAuthAPI
    from .api.async_concurrency_limits import AsyncConcurrencyLimitsAPI
    from .api.async_files import AsyncFilesAPI
    from .api.async_models import AsyncModelsAPI
    from .api.async_stt import AsyncSttAPI
    from .api.async_tts import AsyncTtsAPI
    from .api.async_tts_models import AsyncTtsModelsAPI
    from .api.async_usage import AsyncUsageAPI
    from .api.async_usage_logs import AsyncUsageLogsAPI
    from .api.async_voices import AsyncVoicesAPI
    from .api.async_webhooks import AsyncSonioxWebhooksAPI
    from .api.auth import AuthAPI
    from .api.concurrency_limits import ConcurrencyLimitsAPI
    from .api.files import FilesAPI
    from .api.models import ModelsAPI
    from .api.stt import SttAPI
    from .api.tts import TtsAPI
    from .api.tts_models import TtsModelsAPI
    from .api.usage import UsageAPI
    from .api.usage_logs import UsageLogsAPI
    from .api.voices import VoicesAPI
    from .api.webhooks import SonioxWebhooksAPI
    from .realtime import AsyncRealtimeAPI, RealtimeAPI

    class ClientOptions(TypedDict, total=False):
        """What ``with_options`` can change."""

        timeout_sec: float
        connect_timeout_sec: float
        max_retries: int
        on_request: Callable[[Request], object] | None
        on_response: Callable[[Response], object] | None

    TransportT = TypeVar("TransportT", Transport, AsyncTransport)


__all__ = ["AsyncSonioxClient", "SonioxClient"]

# A cloned voice that failed stays so, although its errors have a status (503) after which requests are repeated.
_FINAL_ERROR_TYPES = frozenset({"voice_failed"})


class _BaseClient:
    """What both clients share: set-up, copies, pickling."""

    _exchange_module: str
    _awaits_hooks: bool

    def __init__(
        self,
        api_key: str | None = None,
        *,
        api_base_url: str | None = None,
        websocket_base_url: str | None = None,
        tts_api_base_url: str | None = None,
        tts_websocket_base_url: str | None = None,
        region: str | None = None,
        base_domain: str | None = None,
        timeout_sec: float | None = None,
        connect_timeout_sec: float | None = None,
        max_retries: int | None = None,
        ssl_context: ssl.SSLContext | None = None,
        opener: urllib.request.OpenerDirector | None = None,
        on_request: Callable[[Request], object] | None = None,
        on_response: Callable[[Response], object] | None = None,
        webhook_secret: str | None = None,
        webhook_signature_header: str | None = None,
    ) -> None:
        """Each setting is taken from its argument, else from its environment variable, else from its default.

        Args:
            api_key: The secret (``SONIOX_API_KEY``); surrounding white space is dropped.
            api_base_url: REST base URL including ``/v1`` (``SONIOX_API_BASE_URL``); None for the region's.
            websocket_base_url: URL of realtime speech-to-text (``SONIOX_WS_URL``); None for the region's.
            tts_api_base_url: REST base URL of text-to-speech (``SONIOX_TTS_API_URL``); None for the region's.
            tts_websocket_base_url: URL of realtime text-to-speech (``SONIOX_TTS_WS_URL``); None for the region's.
            region: ``us``, ``eu``, ``jp``, ... (``SONIOX_REGION``); None for ``us``. A key works in its region only.
            base_domain: Domain of all hosts, such as ``eu.soniox.com`` (``SONIOX_BASE_DOMAIN``); wins over ``region``.
            timeout_sec: The longest silence within a request: to send a block, to get the first byte of the reply, and
                then the next. A reply slower than 1 KiB/s beyond that is given up too. None for 30.
            connect_timeout_sec: The longest time to reach the server, proxy and TLS included, at most ``timeout_sec``;
                None for 10. Name resolution has the system's own limits.
            max_retries: Attempts beyond the first, where repeating is safe; None for 2.
            ssl_context: For TLS; None for the system's certificates, or those of ``SSL_CERT_FILE``.
            opener: A urllib opener to send everything through, with its own handlers for proxies and the like. It
                opens a connection for each request. None for one that keeps connections and takes proxies from the
                environment.
            on_request: Called with the :class:`Request` before each attempt; may add headers. The async client awaits
                hooks that are coroutine functions; the sync one refuses them.
            on_response: Called with the :class:`Response` after each attempt that got one; as ``on_request``.
            webhook_secret: What verifies webhooks (``SONIOX_API_WEBHOOK_SECRET``); None for nothing.
            webhook_signature_header: The header that carries it (``SONIOX_API_WEBHOOK_HEADER``); None for
                ``X-Soniox-Webhook-Secret``.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        self._settings = Settings(
            api_key=api_key,
            region=region,
            base_domain=base_domain,
            api_base_url=api_base_url,
            websocket_base_url=websocket_base_url,
            tts_api_base_url=tts_api_base_url,
            tts_websocket_base_url=tts_websocket_base_url,
            timeout_sec=timeout_sec,
            connect_timeout_sec=connect_timeout_sec,
            max_retries=max_retries,
            on_request=on_request,
            on_response=on_response,
            webhook_secret=webhook_secret,
            webhook_signature_header=webhook_signature_header,
            awaits_hooks=self._awaits_hooks,
        )
        with Problems("the client's set-up") as check:
            if ssl_context is not None and not hasattr(ssl_context, "wrap_socket"):
                check.add("ssl_context", "must be an ssl.SSLContext", ssl_context)
            if opener is not None and not callable(getattr(opener, "open", None)):
                check.add("opener", "must be a urllib opener", opener)
        # Kept for pickling; a context or opener that cannot be pickled says so itself.
        self._network = {"ssl_context": ssl_context, "opener": opener}
        # A copy made by with_options shares the transport and must not close it.
        self._owns_transport = True
        # The transport, once REST is used; None if it was closed before. What copies share.
        self._shared: dict[str, Any] = {}

    def _for_rest(self) -> Self:
        """This client, with all loaded that a request needs, so that the first one does not stall."""
        import_module("._http.requests", __package__)
        import_module(self._exchange_module, __package__)
        import_module("._data.times", __package__)
        return self

    def _share_transport(self, transport: TransportT) -> TransportT:
        """The one transport of this client and its copies: this one, unless they have one.

        Raises:
            SonioxError: It was closed before.
        """
        shared: TransportT | None = self._shared.setdefault("transport", transport)
        if shared is None:
            raise SonioxError("this client is closed")
        return shared

    def with_options(self, **options: Unpack[ClientOptions]) -> Self:
        """A copy with other options that shares this client's connections. Closing the copy leaves them open.

        Args:
            options: Any of ``timeout_sec``, ``connect_timeout_sec``, ``max_retries``, ``on_request`` and
                ``on_response``, as for the constructor.

        Raises:
            SonioxValidationError: There is no such option, or its value cannot be used.
        """
        copy = type(self).__new__(type(self))
        for name in ("_network", "_shared"):
            setattr(copy, name, getattr(self, name))
        copy._settings = self._settings.changed(dict(options))
        copy._owns_transport = False
        return copy

    def __getstate__(self) -> dict[str, Any]:
        return {"_settings": self._settings, "_network": self._network}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _owns_transport=True, _shared={})

    @shown_when_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.api_base_url}>"


class SonioxClient(_BaseClient):
    """The Soniox API over threads.

    One client serves any number of threads at once; its connections are kept and shared. After a fork the child opens
    its own. It can be pickled: its set-up travels (with the key), its connections do not. Close it, or use it in a
    ``with`` block, when it is no longer needed.
    """

    _exchange_module = "._http.attempts"
    _awaits_hooks = False

    @cached_property
    def _transport(self) -> Transport:
        """Made when a request needs it: realtime does without, and saves 10 ms."""
        from ._http.transport import Transport  # noqa: PLC0415 - loaded with the first namespace

        return self._share_transport(Transport(**self._network))  # type: ignore[arg-type]

    @cached_property
    def files(self) -> FilesAPI:
        """Uploaded files."""
        from .api.files import FilesAPI  # noqa: PLC0415 - as above

        return FilesAPI(self._for_rest())

    @cached_property
    def stt(self) -> SttAPI:
        """Transcription jobs."""
        from .api.stt import SttAPI  # noqa: PLC0415 - as above

        return SttAPI(self._for_rest())

    @property
    def transcriptions(self) -> SttAPI:
        """Transcription jobs, under their first name; the same object as ``stt``."""
        return self.stt

    @cached_property
    def tts(self) -> TtsAPI:
        """Speech from text."""
        from .api.tts import TtsAPI  # noqa: PLC0415 - as above

        return TtsAPI(self._for_rest())

    @cached_property
    def models(self) -> ModelsAPI:
        """Speech-to-text models."""
        from .api.models import ModelsAPI  # noqa: PLC0415 - as above

        return ModelsAPI(self._for_rest())

    @cached_property
    def tts_models(self) -> TtsModelsAPI:
        """Text-to-speech models."""
        from .api.tts_models import TtsModelsAPI  # noqa: PLC0415 - as above

        return TtsModelsAPI(self._for_rest())

    @cached_property
    def voices(self) -> VoicesAPI:
        """Voices of your own, and those that the service shares."""
        from .api.voices import VoicesAPI  # noqa: PLC0415 - as above

        return VoicesAPI(self._for_rest())

    @cached_property
    def usage(self) -> UsageAPI:
        """What was used, by model and day."""
        from .api.usage import UsageAPI  # noqa: PLC0415 - as above

        return UsageAPI(self._for_rest())

    @cached_property
    def usage_logs(self) -> UsageLogsAPI:
        """What was used, request by request."""
        from .api.usage_logs import UsageLogsAPI  # noqa: PLC0415 - as above

        return UsageLogsAPI(self._for_rest())

    @cached_property
    def concurrency_limits(self) -> ConcurrencyLimitsAPI:
        """How many streams are, may be and were open at once."""
        from .api.concurrency_limits import ConcurrencyLimitsAPI  # noqa: PLC0415 - as above

        return ConcurrencyLimitsAPI(self._for_rest())

    @cached_property
    def auth(self) -> AuthAPI:
        """Temporary API keys."""
        from .api.auth import AuthAPI  # noqa: PLC0415 - as above

        return AuthAPI(self._for_rest())

    @cached_property
    def webhooks(self) -> SonioxWebhooksAPI:
        """Webhooks: asking for them and verifying them."""
        from .api.webhooks import SonioxWebhooksAPI  # noqa: PLC0415 - as above

        settings = self._settings
        return SonioxWebhooksAPI(
            webhook_secret=settings.webhook_secret, webhook_header=settings.webhook_signature_header
        )

    @cached_property
    def realtime(self) -> RealtimeAPI:
        """Realtime sessions."""
        from .realtime import RealtimeAPI  # noqa: PLC0415 - as above

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
        """The reply of any endpoint, whatever its status; see :meth:`Response.raise_for_status`.

        Args:
            method: HTTP method.
            path: Below ``api_base_url``, such as ``/files``; its special characters quoted.
            params: The query: None is left out, lists repeat their name.
            json: Body as JSON; excludes ``data`` and ``files``.
            data: Fields of a form, or with ``files`` of a multipart form.
            files: Files of a multipart form by field name: a path, bytes or binary stream, or a tuple of file name,
                one of these, and optionally a content type.
            on_progress: Called after each block of a file with the bytes sent so far and in all (None if unknown).
            deadline_sec: How long the call may take, retries and pauses included; None for no limit of its own.

        Raises:
            SonioxValidationError: Something given cannot be sent.
            SonioxConnectionError: There was no reply.
            SonioxTimeoutError: It took too long.
        """
        with loading:
            from ._http.attempts import send_with_retries  # noqa: PLC0415 - as above
            from ._http.requests import request_from  # noqa: PLC0415 - as above

        deadline = _deadline(deadline_sec)
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

    def _speak(self, payload: dict[str, Any], *, deadline_sec: float | None) -> ResponseStream:
        """What the text-to-speech host makes of a payload, its body still to come."""
        with loading:
            from ._http.attempts import open_stream_with_retries  # noqa: PLC0415 - as above
            from ._http.requests import request_from  # noqa: PLC0415 - as above

        deadline = _deadline(deadline_sec)
        base_url = self._settings.tts_api_base_url
        with request_from(self._settings, "POST", "/tts", json=payload, base_url=base_url, accept="*/*") as request:
            return open_stream_with_retries(
                self._transport, request, self._settings, deadline=deadline, final_error_types=_FINAL_ERROR_TYPES
            )

    def close(self) -> None:
        """Closes the connections; requests under way in other threads fail. Later calls do nothing."""
        transport = self._shared.setdefault("transport", None) if self._owns_transport else None
        if transport is not None:
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        self.close()


class AsyncSonioxClient(_BaseClient):
    """The Soniox API over tasks.

    The transport blocks and runs on up to 64 threads of the client's own, so that one client serves several event
    loops, one after the other or at once. Cancelling an await abandons a request that is under way (its thread ends it
    unheard), ends audio that is coming in, and takes effect at once between requests. Otherwise as
    :class:`SonioxClient`; close it with ``aclose`` or use it in an ``async with`` block.
    """

    _exchange_module = "._http.async_attempts"
    _awaits_hooks = True

    @cached_property
    def _transport(self) -> AsyncTransport:
        """As that of :class:`SonioxClient`."""
        from ._http.async_transport import AsyncTransport  # noqa: PLC0415 - as above

        return self._share_transport(AsyncTransport(**self._network))  # type: ignore[arg-type]

    @cached_property
    def files(self) -> AsyncFilesAPI:
        """Uploaded files."""
        from .api.async_files import AsyncFilesAPI  # noqa: PLC0415 - as above

        return AsyncFilesAPI(self._for_rest())

    @cached_property
    def stt(self) -> AsyncSttAPI:
        """Transcription jobs."""
        from .api.async_stt import AsyncSttAPI  # noqa: PLC0415 - as above

        return AsyncSttAPI(self._for_rest())

    @property
    def transcriptions(self) -> AsyncSttAPI:
        """Transcription jobs, under their first name; the same object as ``stt``."""
        return self.stt

    @cached_property
    def tts(self) -> AsyncTtsAPI:
        """Speech from text."""
        from .api.async_tts import AsyncTtsAPI  # noqa: PLC0415 - as above

        return AsyncTtsAPI(self._for_rest())

    @cached_property
    def models(self) -> AsyncModelsAPI:
        """Speech-to-text models."""
        from .api.async_models import AsyncModelsAPI  # noqa: PLC0415 - as above

        return AsyncModelsAPI(self._for_rest())

    @cached_property
    def tts_models(self) -> AsyncTtsModelsAPI:
        """Text-to-speech models."""
        from .api.async_tts_models import AsyncTtsModelsAPI  # noqa: PLC0415 - as above

        return AsyncTtsModelsAPI(self._for_rest())

    @cached_property
    def voices(self) -> AsyncVoicesAPI:
        """Voices of your own, and those that the service shares."""
        from .api.async_voices import AsyncVoicesAPI  # noqa: PLC0415 - as above

        return AsyncVoicesAPI(self._for_rest())

    @cached_property
    def usage(self) -> AsyncUsageAPI:
        """What was used, by model and day."""
        from .api.async_usage import AsyncUsageAPI  # noqa: PLC0415 - as above

        return AsyncUsageAPI(self._for_rest())

    @cached_property
    def usage_logs(self) -> AsyncUsageLogsAPI:
        """What was used, request by request."""
        from .api.async_usage_logs import AsyncUsageLogsAPI  # noqa: PLC0415 - as above

        return AsyncUsageLogsAPI(self._for_rest())

    @cached_property
    def concurrency_limits(self) -> AsyncConcurrencyLimitsAPI:
        """How many streams are, may be and were open at once."""
        from .api.async_concurrency_limits import AsyncConcurrencyLimitsAPI  # noqa: PLC0415 - as above

        return AsyncConcurrencyLimitsAPI(self._for_rest())

    @cached_property
    def auth(self) -> AsyncAuthAPI:
        """Temporary API keys."""
        from .api.async_auth import AsyncAuthAPI  # noqa: PLC0415 - as above

        return AsyncAuthAPI(self._for_rest())

    @cached_property
    def webhooks(self) -> AsyncSonioxWebhooksAPI:
        """Webhooks: asking for them and verifying them. Its methods are plain, since nothing in them waits."""
        from .api.async_webhooks import AsyncSonioxWebhooksAPI  # noqa: PLC0415 - as above

        settings = self._settings
        return AsyncSonioxWebhooksAPI(
            webhook_secret=settings.webhook_secret, webhook_header=settings.webhook_signature_header
        )

    @cached_property
    def realtime(self) -> AsyncRealtimeAPI:
        """Realtime sessions."""
        from .realtime import AsyncRealtimeAPI  # noqa: PLC0415 - as above

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
        """The reply of any endpoint, whatever its status. Args and errors are those of :meth:`SonioxClient.request`.

        ``on_progress`` is called in the event loop, and awaited if it is a coroutine function.
        """
        with loading:
            from ._http.async_attempts import send_with_retries  # noqa: PLC0415 - as above
            from ._http.requests import request_from  # noqa: PLC0415 - as above

        deadline = _deadline(deadline_sec)
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

    async def _speak(self, payload: dict[str, Any], *, deadline_sec: float | None) -> AsyncResponseStream:
        """What the text-to-speech host makes of a payload, its body still to come."""
        with loading:
            from ._http.async_attempts import open_stream_with_retries  # noqa: PLC0415 - as above
            from ._http.requests import request_from  # noqa: PLC0415 - as above

        deadline = _deadline(deadline_sec)
        base_url = self._settings.tts_api_base_url
        with request_from(self._settings, "POST", "/tts", json=payload, base_url=base_url, accept="*/*") as request:
            return await open_stream_with_retries(
                self._transport, request, self._settings, deadline=deadline, final_error_types=_FINAL_ERROR_TYPES
            )

    async def aclose(self) -> None:
        """Closes the connections and ends the threads; requests under way fail. Later calls do nothing."""
        transport = self._shared.setdefault("transport", None) if self._owns_transport else None
        if transport is not None:
            await transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, exc_type: object, exc: object, traceback: object) -> None:
        await self.aclose()


def _deadline(deadline_sec: float | None) -> float | None:
    if deadline_sec is None:
        return None
    with Problems("the request") as check:
        check.seconds("deadline_sec", deadline_sec, maximum=31_536_000)
    return time.monotonic() + deadline_sec
