"""What the sync and the async client share: settings, options, pickling and one transport for all copies."""

from __future__ import annotations

from importlib import import_module

from .._data.clock import time
from .._data.rules import FieldErrors
from .._data.safe_repr import safe_repr
from .._settings import Settings
from ..errors import SonioxError
from .httpx_options import check_proxy, refuse_httpx_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    import ssl
    import urllib.request
    from collections.abc import Callable, Mapping
    from typing import Any, TypedDict, TypeVar

    from typing_extensions import Never, Self, Unpack

    from .._data.cancel_token import CancelToken
    from .._data.retry_policy import RetryPolicy
    from .._http.async_transport import AsyncTransport
    from .._http.messages import Request, Response
    from .._http.transport import Transport
    from .._settings import KeyFunction
    from .._websocket.hook_events import WebSocketDisconnect, WebSocketHandshake
    from ..errors import SonioxConnectionError, SonioxTimeoutError
    from ..types.config_dicts import RealtimeSTTConfigDict, RealtimeTTSConfigDict
    from ..types.realtime import RealtimeSTTConfig
    from ..types.realtime_tts import RealtimeTTSConfig

    class ClientOptions(TypedDict, total=False):
        """What ``with_options`` can change."""

        timeout_sec: float
        connect_timeout_sec: float
        max_retries: int
        retry: RetryPolicy
        default_headers: Mapping[str, str] | None
        cancel: CancelToken | None
        on_request: Callable[[Request], object] | None
        on_response: Callable[[Response], object] | None
        on_error: Callable[[SonioxConnectionError | SonioxTimeoutError], object] | None
        on_handshake: Callable[[WebSocketHandshake], object] | None
        on_disconnect: Callable[[WebSocketDisconnect], object] | None

    ResultT = TypeVar("ResultT")
    TransportT = TypeVar("TransportT", Transport, AsyncTransport)


class BaseClient:
    """A client without its namespaces. Subclasses say where their requests are sent, and whether hooks are awaited."""

    _exchange_module: str
    _awaits_hooks: bool

    def __init__(
        self,
        api_key: str | KeyFunction | None = None,
        api_base_url: str | None = None,
        websocket_base_url: str | None = None,
        tts_api_base_url: str | None = None,
        tts_websocket_base_url: str | None = None,
        timeout_sec: float | None = None,
        webhook_secret: str | None = None,
        webhook_signature_header: str | None = None,
        *,
        region: str | None = None,
        base_domain: str | None = None,
        connect_timeout_sec: float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        default_headers: Mapping[str, str] | None = None,
        proxy: str | None = None,
        verify: ssl.SSLContext | os.PathLike[str] | str | bool = True,
        trust_env: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        opener: urllib.request.OpenerDirector | None = None,
        on_request: Callable[[Request], object] | None = None,
        on_response: Callable[[Response], object] | None = None,
        on_error: Callable[[SonioxConnectionError | SonioxTimeoutError], object] | None = None,
        on_handshake: Callable[[WebSocketHandshake], object] | None = None,
        on_disconnect: Callable[[WebSocketDisconnect], object] | None = None,
        stt_defaults: RealtimeSTTConfig | RealtimeSTTConfigDict | Mapping[str, Any] | None = None,
        tts_defaults: RealtimeTTSConfig | RealtimeTTSConfigDict | Mapping[str, Any] | None = None,
        **others: Never,
    ) -> None:
        """Each setting is taken from its argument, else from its environment variable, else from its default.

        Args:
            api_key: The secret (``SONIOX_API_KEY``); surrounding white space is dropped. Or a function that returns it,
                called for each attempt of a request and each realtime connection; the async client awaits a coroutine
                function. Its exceptions are passed on unchanged.
            api_base_url: REST base URL (``SONIOX_API_BASE_URL``); ``/v1`` is added if it does not end with a version.
                None for the region's.
            websocket_base_url: URL of realtime speech-to-text (``SONIOX_WS_URL``), which may have a query; None for the
                region's.
            tts_api_base_url: REST base URL of text-to-speech (``SONIOX_TTS_API_URL``); None for the region's.
            tts_websocket_base_url: URL of realtime text-to-speech (``SONIOX_TTS_WS_URL``), which may have a query; None
                for the region's.
            timeout_sec: The longest silence within a request, in seconds: to send a block, to get the first byte of the
                reply, and then the next. A reply slower than 1 KiB/s beyond that is given up too. None for 30.
            webhook_secret: The secret that calls of webhooks must have (``SONIOX_API_WEBHOOK_SECRET``); None for none.
            webhook_signature_header: The header that carries it (``SONIOX_API_WEBHOOK_HEADER``); None for
                ``X-Soniox-Webhook-Secret``.
            region: ``us``, ``eu``, ``jp``, ... (``SONIOX_REGION``); None for ``us``. A key works in its region only.
            base_domain: Domain of all hosts, such as ``eu.soniox.com`` (``SONIOX_BASE_DOMAIN``); wins over ``region``.
            connect_timeout_sec: The longest time to reach the server, proxy and TLS included, in seconds, at most
                ``timeout_sec``; None for 10. Name resolution has the system's own limits.
            max_retries: Attempts beyond the first, where repeating is safe; None for those of ``retry``.
            retry: Which failed attempts are repeated, and after which delay; None for ``RetryPolicy()``.
            default_headers: Headers of every request and of the handshakes of realtime sessions. None for none.
            proxy: ``http://`` or ``https://`` URL of the proxy for everything, whatever the environment says; None for
                the environment's.
            verify: True for the system's certificates, a path for those in a file or folder, an ``ssl.SSLContext`` for
                its own. False accepts every certificate: an attacker who intercepts the connection can read the key.
            trust_env: Whether the environment and the system may name proxies and certificates.
            ssl_context: For TLS; None for what ``verify`` says.
            opener: A urllib opener to send everything through, with its own handlers for proxies and the like. It
                opens a connection for each request. None for one that keeps connections and takes proxies from the
                environment.
            on_request: Called with the :class:`Request` before each attempt; may add headers. The async client awaits
                hooks that are coroutine functions; the sync one refuses them.
            on_response: Called with the :class:`Response` after each attempt that got one; as ``on_request``.
            on_error: Called with the error after each attempt that got no response; its ``request`` is the
                :class:`Request`. As ``on_request``.
            on_handshake: Called with a :class:`WebSocketHandshake` before a realtime session connects; may add headers.
                As ``on_request``.
            on_disconnect: Called with a :class:`WebSocketDisconnect` when such a connection has ended, or could not be
                opened. What it raises is logged. The sync client calls it in the session's own thread.
            stt_defaults: Fields for the configs of ``realtime.stt.connect`` that leave them out; None for none.
            tts_defaults: The same for the configs of text-to-speech streams.
            others: Keywords of httpx, which the official SDK passes on: each is refused with what to use instead.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        refuse_httpx_options(others)
        if isinstance(proxy, str) and proxy:
            check_proxy(proxy)
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
            retry=retry,
            default_headers=default_headers,
            on_request=on_request,
            on_response=on_response,
            on_error=on_error,
            on_handshake=on_handshake,
            on_disconnect=on_disconnect,
            stt_defaults=stt_defaults,
            tts_defaults=tts_defaults,
            ssl_context=ssl_context,
            verify=verify,
            proxy=proxy,
            trust_env=trust_env,
            opener=opener,
            webhook_secret=webhook_secret,
            webhook_signature_header=webhook_signature_header,
            awaits_hooks=self._awaits_hooks,
        )
        # A copy made by with_options shares the transport and must not close it.
        self._owns_transport = True
        # Shared with copies. Holds the transport once REST is used, or None if the client was closed before that.
        self._shared: dict[str, Any] = {}

    def _for_rest(self) -> Self:
        """This client. Imports what a request needs now, so that the first request does not wait for it."""
        import_module(".._http.requests", __package__)
        import_module(self._exchange_module, __package__)
        import_module(".._data.times", __package__)
        return self

    def _share_transport(self, transport: TransportT) -> TransportT:
        """The one transport that this client shares with its copies: ``transport``, unless they already have one.

        Raises:
            SonioxError: The client is closed.
        """
        shared: TransportT | None = self._shared.setdefault("transport", transport)
        if shared is None:
            raise SonioxError("this client is closed")
        return shared

    def with_options(self, **options: Unpack[ClientOptions]) -> Self:
        """A copy with other options that shares this client's connections. Closing the copy leaves them open.

        Args:
            options: Any of ``timeout_sec``, ``connect_timeout_sec``, ``max_retries``, ``retry``, ``default_headers``
                and the hooks, as for the constructor; and for the sync client ``cancel``, a :class:`CancelToken` that
                ends the calls of the copy, or None. A ``retry`` without ``max_retries`` brings its own number.

        Raises:
            SonioxValidationError: There is no such option, or its value cannot be used.
        """
        copy = type(self).__new__(type(self))
        copy._shared = self._shared
        copy._settings = self._settings.changed(dict(options))
        copy._owns_transport = False
        return copy

    def _in_worker(self, function: Callable[..., ResultT]) -> Callable[..., ResultT]:
        """``function`` for the workers of an executor, which call it with a client of their own."""
        from .worker import in_worker  # noqa: PLC0415 - few programs use executors

        return in_worker(self, function)

    def __getstate__(self) -> dict[str, Any]:
        # A TLS context or opener that cannot be pickled raises its own error.
        return {"_settings": self._settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _owns_transport=True, _shared={})

    @property
    def api_key(self) -> str | KeyFunction:
        """The secret, or the function that returns it."""
        return self._settings.api_key

    @property
    def api_base_url(self) -> str:
        """REST base URL, with ``/v1`` and without a slash at its end."""
        return self._settings.api_base_url

    @property
    def websocket_base_url(self) -> str:
        """URL of realtime speech-to-text."""
        return self._settings.websocket_base_url

    @property
    def tts_api_base_url(self) -> str:
        """REST base URL of text-to-speech, without a slash at its end."""
        return self._settings.tts_api_base_url

    @property
    def tts_websocket_base_url(self) -> str:
        """URL of realtime text-to-speech."""
        return self._settings.tts_websocket_base_url

    @property
    def timeout_sec(self) -> float:
        """The longest silence within a request, in seconds."""
        return self._settings.timeout_sec

    @property
    def webhook_secret(self) -> str | None:
        """The secret of webhooks, as it was given; None for that of the environment."""
        return self._settings.webhook_secret

    @property
    def webhook_signature_header(self) -> str | None:
        """The header that carries the webhook secret, as it was given; None for that of the environment."""
        return self._settings.webhook_signature_header

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.api_base_url}>"


def deadline_after(deadline_sec: float | None) -> float | None:
    """The monotonic time at which a call must have ended; None for no limit.

    Raises:
        SonioxValidationError: ``deadline_sec`` is not a positive number of seconds, or more than a year.
    """
    if deadline_sec is None:
        return None
    with FieldErrors("the request") as check:
        check.seconds("deadline_sec", deadline_sec, maximum=31_536_000)
    return time.monotonic() + deadline_sec
